"""Who may do what: open reading from loopback, tokens elsewhere and for every write, and no way in for other sites."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from monitor.api.guard import Rate, is_loopback
from monitor.control.tokens import revoke_token
from tests.fixtures.api import LOCAL_TOKEN, Asked

SCHEMA = '{"x-seamwatch": {"operation": "POST /pay", "side": "response"}, "type": "object"}'
DEPLOY = {"service": "payment", "version": "2.0.0", "environment": "production"}


@pytest.fixture
def api(shared_api: Asked) -> Asked:
    return shared_api


def test_reading_is_open_from_this_machine(api: Asked) -> None:
    assert api.get("/v1/deploys").status_code == 200


def test_reading_from_elsewhere_needs_a_token(api: Asked) -> None:
    far = api.over(host="0.0.0.0")
    far.client = "192.0.2.7"
    refused = far.get("/v1/deploys", host="seamwatch.example")
    assert refused.status_code == 401
    assert set(refused.json()["error"]) == {"what", "where", "do"}
    assert far.get("/v1/deploys", far.token("read"), host="seamwatch.example").status_code == 200


def test_a_server_bound_to_the_network_is_not_open_to_loopback_either(api: Asked) -> None:
    assert api.over(host="0.0.0.0").get("/v1/deploys").status_code == 401


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_who_comes_through_a_proxy_is_not_local(api: Asked, header: str) -> None:
    assert api.get("/v1/deploys", headers={header: "192.0.2.7"}).status_code == 401
    assert api.get("/v1/tokens", LOCAL_TOKEN, headers={header: "192.0.2.7"}).status_code == 401


def test_every_write_needs_a_token(api: Asked) -> None:
    for path in (
        "/v1/deploys",
        "/v1/contracts",
        "/v1/gates",
        "/v1/silences",
        "/v1/tokens",
        "/v1/findings/x/accept",
        "/v1/receivers/x/test",
    ):
        assert api.post(path, {}).status_code == 401, path
    for path in ("/v1/tokens/x", "/v1/silences/x"):
        assert api.request("DELETE", path).status_code == 401, path


def test_a_scope_opens_its_own_routes_only(api: Asked) -> None:
    ingest, read, admin = api.token("ingest"), api.token("read"), api.token("admin")
    assert api.post("/v1/deploys", DEPLOY, ingest).status_code == 201
    assert api.post("/v1/deploys", DEPLOY, read).status_code == 403
    assert api.get("/v1/tokens", ingest).status_code == 403
    assert api.get("/v1/tokens", admin).status_code == 200
    assert api.post("/v1/deploys", DEPLOY, admin).status_code == 201


def test_commands_on_this_machine_use_the_secret_of_this_start(api: Asked) -> None:
    assert api.get("/v1/tokens", LOCAL_TOKEN).status_code == 200
    api.client = "192.0.2.7"
    assert api.get("/v1/tokens", LOCAL_TOKEN).status_code == 401


def test_a_wrong_token_is_refused_even_where_none_is_needed(api: Asked) -> None:
    assert api.get("/v1/deploys", "swt_wrong").status_code == 401


def test_a_revoked_token_and_one_that_is_over_are_refused(api: Asked) -> None:
    made = api.post("/v1/tokens", {"name": "ci", "scopes": ["read"], "expires": "2026-11-21T13:00:00Z"}, LOCAL_TOKEN).json()
    assert api.get("/v1/deploys", made["secret"]).status_code == 200
    api.clock.advance(timedelta(hours=2).total_seconds())
    assert api.get("/v1/deploys", made["secret"]).status_code == 401
    other = api.post("/v1/tokens", {"name": "ci", "scopes": ["read"]}, LOCAL_TOKEN).json()
    assert revoke_token(api.parts.engine, other["token"]["id"], api.clock())
    assert api.get("/v1/deploys", other["secret"]).status_code == 401


def test_no_answer_shows_a_hash_or_another_ones_secret(api: Asked) -> None:
    secret = api.token("read")
    listed = api.get("/v1/tokens", LOCAL_TOKEN).text
    assert secret not in listed
    assert "hash" not in listed
    assert LOCAL_TOKEN not in repr(api.parts.config)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "[::2]:8420", ""])
def test_a_name_that_is_not_ours_is_refused(api: Asked, host: str) -> None:
    assert api.get("/v1/deploys", host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420", "seamwatch.test"])
def test_our_own_names_are_answered(api: Asked, host: str) -> None:
    assert api.over(allowed_hosts=("seamwatch.test",)).get("/v1/deploys", host=host).status_code == 200


def test_a_cookie_signs_in_for_the_page_but_not_from_another_site(api: Asked) -> None:
    admin = api.token("admin")
    signed = api.request("POST", "/sign-in", data={"token": admin}, headers={"sec-fetch-site": "same-origin"})
    assert signed.status_code == 303
    cookie = signed.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    ours = {"cookie": f"seamwatch_token={admin}", "sec-fetch-site": "same-origin"}
    theirs = {"cookie": f"seamwatch_token={admin}", "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    plain = {"cookie": f"seamwatch_token={admin}"}
    old_browser = {**plain, "origin": "http://127.0.0.1:8420"}
    old_browser_elsewhere = {**plain, "origin": "http://127.0.0.1.evil.example:8420"}
    assert api.post("/v1/deploys", DEPLOY, headers=old_browser).status_code == 201
    assert api.post("/v1/deploys", DEPLOY, headers=old_browser_elsewhere).status_code == 403
    assert api.post("/v1/deploys", DEPLOY, headers=ours).status_code == 201
    assert api.post("/v1/deploys", DEPLOY, headers=theirs).status_code == 403
    assert api.post("/v1/deploys", DEPLOY, headers=plain).status_code == 403


def test_signing_in_with_a_wrong_token_says_so(api: Asked) -> None:
    answer = api.request("POST", "/sign-in", data={"token": "swt_no"}, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Asked) -> None:
    token = api.token("ingest", "contracts:write")
    big = {**DEPLOY, "actor": "x" * 1_000_001}
    assert api.post("/v1/deploys", big, token).status_code == 413
    body = {"name": "n", "format": "jsonschema", "provider": "p", "document": SCHEMA + " " * 1_500_000}
    assert api.post("/v1/contracts", body, token).status_code == 201


def test_a_contract_as_large_as_vendors_write_them_may_be_sent_by_who_may_publish_and_nobody_else(api: Asked) -> None:
    body = {"name": "large", "format": "jsonschema", "provider": "p", "document": SCHEMA + " " * 12_000_000}
    assert api.post("/v1/contracts", body, api.token("contracts:write")).status_code == 201
    assert api.post("/v1/contracts", body, api.token("ingest")).status_code == 413
    assert api.post("/v1/contracts", body).status_code == 413
    assert api.post("/v1/contracts", body, "swt_wrong").status_code == 413
    beyond = {**body, "document": SCHEMA + " " * 20_000_000}
    assert api.post("/v1/contracts", beyond, api.token("contracts:write")).status_code == 413


def test_a_body_without_a_length_is_limited_too(api: Asked) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 50_000

    answer = api.request(
        "POST", "/v1/deploys", api.token("ingest"), content=chunks(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


def test_too_many_requests_are_told_to_wait(api: Asked) -> None:
    slow = api.over(requests_per_second=1, burst=3)
    codes = [slow.get("/v1/deploys").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert int(slow.get("/v1/deploys").headers["retry-after"]) >= 1
    assert slow.get("/healthz").status_code == 200


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    rate = Rate(2.0, 2, lambda: now[0])
    assert [rate.wait("a") for _ in range(3)] == [0.0, 0.0, 0.5]
    now[0] = 0.5
    assert rate.wait("a") == 0.0
    assert rate.wait("b") == 0.0


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.evil", False),
        ("", False),
        ("::", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    "path", ["/", "/v1/deploys", "/healthz", "/nope", "/static/seamwatch.css", "/edges/view?caller=a&callee=b"]
)
def test_every_answer_carries_the_safe_headers(api: Asked, path: str) -> None:
    headers = api.get(path).headers
    policy = headers["content-security-policy"]
    for rule in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "script-src" not in policy
    assert ("'unsafe-inline'" in policy) == path.startswith("/edges/view")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
