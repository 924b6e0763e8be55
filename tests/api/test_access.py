"""Who may do what: open reading from loopback, tokens elsewhere and for every write, and no way in
for other sites.
"""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from starlette.requests import Request

from monitor.api.access import ANYBODY, LOCAL_READER, caller_of
from monitor.api.guard import Rate, is_loopback
from monitor.api.otlp import OtlpExporter
from monitor.control.store import reading
from monitor.control.tables import sessions
from monitor.control.tokens import revoke_token
from monitor.errors import ConfigError
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


PROXY_HEADERS = (
    "x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server x-forwarded forwarded forwarded-for via x-real-ip"
    " cf-connecting-ip cf-connecting-ipv6 cf-ray true-client-ip x-client-ip client-ip x-cluster-client-ip x-original-forwarded-for"
    " x-original-host x-envoy-external-address fastly-client-ip fly-client-ip x-azure-clientip x-appengine-user-ip x-remote-ip x-remote-addr"
    " x-originating-ip do-connecting-ip proxy-client-ip wl-proxy-client-ip x-amzn-trace-id X-ProxyUser-Ip x-arr-log-id x-source-ip"
    " x-amz-cf-id cloudfront-viewer-address x-cloud-trace-context x-goog-authenticated-user-email x-vercel-id x-nf-client-connection-ip x-scheme"
    " front-end-https remote-user x-remote-user x-auth-request-user x-webauth-user x-pomerium-claim-email x-ssl-client-cert ssl-client-verify"
    " x-client-cert x-host x-http-host-override x-rewrite-url x-kong-request-id x-nginx-proxy x-lb"
).split()


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_who_comes_through_a_proxy_is_not_local(api: Asked, header: str) -> None:
    assert api.get("/v1/deploys", headers={header: "192.0.2.7"}).status_code == 401
    assert api.get("/v1/tokens", LOCAL_TOKEN, headers={header: "192.0.2.7"}).status_code == 401


def test_who_speaks_as_a_proxy_by_default_does_is_not_local(api: Asked) -> None:
    scope = {"type": "http", "method": "GET", "headers": [], "client": ("127.0.0.1", 5)}
    scope |= {"app": api.app}
    callers = [
        caller_of(Request({**scope, "http_version": version})) for version in ("1.0", "1.1")
    ]
    assert callers == [ANYBODY, LOCAL_READER]


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
    made = api.post(
        "/v1/tokens",
        {"name": "ci", "scopes": ["read"], "expires": "2026-11-21T13:00:00Z"},
        LOCAL_TOKEN,
    ).json()
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


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "[::2]:8420",
        "",
        "[::1].evil.example",
        "[::1].evil.example:8420",
        "[::1]evil:80",
        "[[::1]]",
        "::1]",
        "[::1",
        "localhost@evil.example",
        "localhost:80:80",
        "localhost/evil",
        "evil.example\\localhost",
    ],
)
def test_a_name_that_is_not_ours_is_refused(api: Asked, host: str) -> None:
    assert api.get("/v1/deploys", host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8420", "127.0.0.1", "[::1]:8420", "seamwatch.test"])
def test_our_own_names_are_answered(api: Asked, host: str) -> None:
    assert (
        api.over(allowed_hosts=("seamwatch.test",)).get("/v1/deploys", host=host).status_code
        == 200
    )


def sign_in(api: Asked, secret: str, back_to: str = "/", **headers: str) -> httpx.Response:
    request_headers = {
        "sec-fetch-site": "same-origin",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return api.request(
        "POST", "/sign-in", data={"token": secret, "next": back_to}, headers=request_headers
    )


def cookie_of(signed: httpx.Response) -> str:
    return signed.headers["set-cookie"].partition(";")[0]


def test_a_session_signs_in_for_the_page_but_changes_nothing_from_another_site(api: Asked) -> None:
    signed = sign_in(api, api.token("admin"))
    assert signed.status_code == 303
    assert "HttpOnly" in signed.headers["set-cookie"]
    assert "SameSite=lax" in signed.headers["set-cookie"]
    plain = {"cookie": cookie_of(signed)}
    ours = {**plain, "sec-fetch-site": "same-origin"}
    # what others on this host keep in cookies of theirs does not matter
    ours["cookie"] = f'a={{"b": [1, 2]}}; c[d]=1, 2; e; @={{x}}; {ours["cookie"]}; "f'
    theirs = {**plain, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    sister = {**plain, "sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9000"}
    old_browser = {**plain, "origin": "http://127.0.0.1:8420"}
    old_browser_elsewhere = {**plain, "origin": "http://127.0.0.1.evil.example:8420"}
    assert api.post("/v1/deploys", DEPLOY, headers=old_browser).status_code == 201
    assert api.post("/v1/deploys", DEPLOY, headers=ours).status_code == 201
    for other in (old_browser_elsewhere, theirs, sister, plain):
        assert api.post("/v1/deploys", DEPLOY, headers=other).status_code == 403
        assert api.request("DELETE", "/v1/tokens/x", headers=other).status_code == 403
        assert api.request("POST", "/sign-out", headers=other).status_code == 403


def test_the_link_of_an_alert_clicked_elsewhere_shows_the_page_to_who_is_signed_in(
    api: Asked,
) -> None:
    far = api.over(host="0.0.0.0")
    far.client = "192.0.2.7"
    from_slack = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "accept": "text/html",
    }
    asked = far.get("/deploys?service=pay&since=7d", host="seamwatch.example", headers=from_slack)
    assert asked.status_code == 401
    assert 'action="/sign-in"' in asked.text
    assert 'name="next" value="/deploys?service=pay&amp;since=7d"' in asked.text
    signed = sign_in(far, far.token("read"), "/deploys?service=pay&since=7d")
    assert (signed.status_code, signed.headers["location"]) == (
        303,
        "/deploys?service=pay&since=7d",
    )
    shown = far.get(
        "/deploys?service=pay&since=7d",
        host="seamwatch.example",
        headers={**from_slack, "cookie": cookie_of(signed)},
    )
    assert shown.status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", "evil", "",
        "/sign-out", "/sign-in?next=//evil.example", "/\n/evil.example", " //evil.example",
    ],
)  # fmt: skip
def test_signing_in_leads_to_no_other_site(api: Asked, wanted: str) -> None:
    assert sign_in(api, api.token("read"), wanted).headers["location"] == "/"
    form = api.get("/sign-in", params={"next": wanted})
    assert 'name="next" value="/"' in form.text


def test_the_cookie_is_a_session_and_not_the_token(api: Asked) -> None:
    secret = api.token("read")
    cookie = cookie_of(sign_in(api, secret))
    assert secret not in cookie
    far = api.over(host="0.0.0.0")
    assert (
        far.get("/v1/deploys", headers={"cookie": f"seamwatch_session={secret}"}).status_code
        == 401
    )
    assert far.get("/v1/deploys", cookie.partition("=")[2]).status_code == 401
    assert far.get("/v1/deploys", headers={"cookie": cookie}).status_code == 200
    with reading(api.parts.engine) as connection:
        kept = repr(connection.execute(select(sessions)).all())
    assert cookie.partition("=")[2] not in kept


def test_a_session_ends_with_its_token_by_signing_out_and_after_twelve_hours(api: Asked) -> None:
    far = api.over(host="0.0.0.0")
    made = api.post("/v1/tokens", {"name": "me", "scopes": ["read"]}, LOCAL_TOKEN).json()
    first, second, third = ({"cookie": cookie_of(sign_in(far, made["secret"]))} for _ in range(3))
    out = far.request("POST", "/sign-out", headers={**first, "sec-fetch-site": "same-origin"})
    assert 'seamwatch_session=""' in out.headers["set-cookie"]
    assert far.get("/v1/deploys", headers=first).status_code == 401
    assert far.get("/v1/deploys", headers=second).status_code == 200
    far.clock.advance(timedelta(hours=12, seconds=1).total_seconds())
    assert far.get("/v1/deploys", headers=second).status_code == 401
    fresh = {"cookie": cookie_of(sign_in(far, made["secret"]))}
    assert far.get("/v1/deploys", headers=fresh).status_code == 200
    assert revoke_token(api.parts.engine, made["token"]["id"], api.clock())
    assert far.get("/v1/deploys", headers=fresh).status_code == 401
    assert far.get("/v1/deploys", headers=third).status_code == 401


def test_a_session_of_the_secret_of_this_start_ends_with_it_and_stays_on_this_machine(
    api: Asked,
) -> None:
    cookie = {"cookie": cookie_of(sign_in(api, LOCAL_TOKEN))}
    assert api.get("/v1/tokens", headers=cookie).status_code == 200
    assert (
        api.get("/v1/tokens", headers={**cookie, "x-forwarded-for": "192.0.2.7"}).status_code
        == 401
    )
    assert (
        api.over(local_token="of the next start").get("/v1/tokens", headers=cookie).status_code
        == 401
    )


@pytest.mark.parametrize(
    ("public_url", "headers", "secure"),
    [
        ("", {}, False),
        ("http://seamwatch.example", {}, False),
        ("https://seamwatch.example", {}, True),
        ("", {"x_forwarded_proto": "https"}, True),
        ("", {"x_forwarded_proto": "https, http"}, True),
        ("", {"x_forwarded_proto": "http"}, False),
        ("", {"forwarded": 'for=192.0.2.7;proto="https"'}, True),
        ("", {"forwarded": "for=192.0.2.7;proto=http"}, False),
    ],
)
def test_over_https_the_cookie_keeps_to_it_and_browsers_are_told(
    api: Asked, public_url: str, headers: dict[str, str], secure: bool
) -> None:
    asked = api.over(public_url=public_url)
    signed = sign_in(asked, api.token("read"), **headers)
    assert ("Secure" in signed.headers["set-cookie"]) is secure
    assert ("strict-transport-security" in signed.headers) is secure


def test_the_public_address_is_our_own_name(api: Asked) -> None:
    asked = api.over(public_url="https://seamwatch.example/")
    assert asked.get("/v1/deploys", host="seamwatch.example").status_code == 200
    assert asked.get("/v1/deploys", host="other.example").status_code == 421


def routes_with_a_scope_and_a_body(api: Asked) -> list[tuple[str, str]]:
    described = api.app.openapi()["paths"]
    return [
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, methods in described.items()
        for method, route in methods.items()
        if "requestBody" in route
    ]


def test_who_asks_is_known_before_a_body_is_parsed(api: Asked) -> None:
    routes = routes_with_a_scope_and_a_body(api)
    assert len(routes) >= 8
    json = {"content-type": "application/json"}
    for method, path in routes:
        for token, code in (("", 401), ("swt_wrong", 401)):
            for content in (b"{", b"[" * 100_000, b"\xff"):
                assert (
                    api.request(method, path, token, content=content, headers=json).status_code
                    == code
                ), path
    form = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    assert api.request("POST", "/findings/x/accept", content=b"%", headers=form).status_code == 401


def test_the_description_is_for_who_may_read_the_docs(api: Asked) -> None:
    far = api.over(host="0.0.0.0")
    for path in ("/docs", "/openapi.json"):
        assert api.get(path).status_code == 200
        assert far.get(path).status_code == 401
        assert far.get(path, api.token("read")).status_code == 200
        assert far.get(path, api.token("ingest")).status_code == 403


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_kubelet_names_the_address_of_the_pod(api: Asked, path: str) -> None:
    for asked in (api, api.over(host="0.0.0.0", allowed_hosts=("seamwatch.example",))):
        assert asked.get(path, host="10.42.0.17:8420").status_code != 421
        assert asked.get("/v1/deploys", host="10.42.0.17:8420").status_code == 421


def test_signing_in_with_a_wrong_token_says_so(api: Asked) -> None:
    answer = api.request(
        "POST", "/sign-in", data={"token": "swt_no"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Asked) -> None:
    token = api.token("ingest", "contracts:write")
    big = {**DEPLOY, "actor": "x" * 1_000_001}
    assert api.post("/v1/deploys", big, token).status_code == 413
    body = {
        "name": "n",
        "format": "jsonschema",
        "provider": "p",
        "document": SCHEMA + " " * 1_500_000,
    }
    assert api.post("/v1/contracts", body, token).status_code == 201


def test_a_contract_as_large_as_vendors_write_them_may_be_sent_by_who_may_publish_and_nobody_else(
    api: Asked,
) -> None:
    body = {
        "name": "large",
        "format": "jsonschema",
        "provider": "p",
        "document": SCHEMA + " " * 12_000_000,
    }
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
        "POST",
        "/v1/deploys",
        api.token("ingest"),
        content=chunks(),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413


def test_too_many_requests_are_told_to_wait(api: Asked) -> None:
    slow = api.over(requests_per_second=0.01, burst=3)
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
        ("[::1].evil", False),
        ("::1]", False),
        ("", False),
        ("::", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, local: bool) -> None:
    assert is_loopback(host) is local


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/deploys",
        "/healthz",
        "/nope",
        "/static/seamwatch.css",
        "/edges/view?caller=a&callee=b",
    ],
)
def test_every_answer_carries_the_safe_headers(api: Asked, path: str) -> None:
    headers = api.get(path).headers
    policy = headers["content-security-policy"]
    for rule in (
        "default-src 'self'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert rule in policy
    assert "script-src" not in policy
    assert ("'unsafe-inline'" in policy) == path.startswith("/edges/view")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "do"),
    [
        ("/v1/edges?sinc=1h", "did you mean since?"),
        ("/v1/edges?enviroment=prod", "did you mean environment?"),
        ("/v1/violations?zzz=pay", "use one of"),
        ("/v1/findings?deploy=x", "did you mean deploy_id?"),
        ("/v1/tokens?all=1", "use one of limit, offset"),
        ("/v1/health?all=1", "leave it out"),
        ("/v1/edges?since=1h&since=2h", "give it once"),
        ("/?sinc=1h", "did you mean since?"),
        ("/edges/view?caller=a&callee=b&enviroment=c", "did you mean environment?"),
    ],
)
def test_a_query_parameter_that_is_not_there_is_refused_with_the_nearest(
    api: Asked, path: str, do: str
) -> None:
    answer = api.get(path, LOCAL_TOKEN)
    assert answer.status_code == 422
    assert do in answer.json()["error"]["do"]


def test_every_route_but_the_probes_refuses_what_it_does_not_have(api: Asked) -> None:
    described = api.app.openapi()["paths"]
    pages = (
        "/",
        "/edges",
        "/deploys",
        "/findings",
        "/violations",
        "/contracts",
        "/alerts",
        "/health",
        "/docs",
        "/sign-in",
        "/openapi.json",
    )
    asked = [("get", page) for page in pages]
    asked += [
        (method, path)
        for path, methods in described.items()
        for method in methods
        if path not in {"/healthz", "/readyz", "/metrics"}
    ]
    for method, path in asked:
        answer = api.request(
            method.upper(), re.sub(r"\{\w+\}", "x", path) + "?colour=red", LOCAL_TOKEN, json={}
        )
        assert answer.status_code == 422, path
        assert answer.json()["error"]["where"] == "query.colour", path


@pytest.mark.parametrize(
    ("path", "body", "do"),
    [
        ("/v1/gates", {"service": "pay", "version": "1", "enviroment": "production"}, "did you mean environment?"),
        ("/v1/deploys", {**DEPLOY, "previous": "1.0"}, "did you mean previous_version?"),
        ("/v1/silences", {"matchers": {"a": "b"}, "reason": "r", "end": "2027-01-01", "ends": "2027-01-01"}, "did you mean ends?"),
        ("/v1/tokens", {"name": "n", "scopes": ["read"], "expire": "2027-01-01"}, "did you mean expires?"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_there_is_refused_with_the_nearest(
    api: Asked, path: str, body: object, do: str
) -> None:
    answer = api.post(path, body, LOCAL_TOKEN)
    assert answer.status_code == 422
    assert answer.json()["error"]["do"] == do


BROKEN_ADDRESSES = (
    "http://[",
    "http://[::1",
    "https://a]b:8420",
    "http://h:port",
    "http://h:99999",
    "http://\u2100.example",
)


@pytest.mark.parametrize(
    "origin", [*BROKEN_ADDRESSES, "null", "", "http://", "//127.0.0.1:8420", "http:127.0.0.1:8420"]
)
def test_an_origin_that_cannot_be_read_is_another_site(api: Asked, origin: str) -> None:
    headers: dict[str, Any] = {
        "cookie": cookie_of(sign_in(api, api.token("admin"))),
        "origin": origin.encode(),
    }
    assert api.post("/v1/deploys", DEPLOY, headers=headers).status_code == 403
    assert api.request("POST", "/sign-out", headers=headers).status_code == 403
    plain = {"origin": headers["origin"], "accept": "text/html"}
    assert api.request(
        "POST", "/sign-in", data={"token": api.token("read")}, headers=plain
    ).status_code in {400, 403}


@pytest.mark.parametrize("host", ["[", "[::1", "a]b", "h:port", "h:99999", "[v1.x]"])
@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/v1/deploys", "/", "/no/such/page", "/docs"]
)
def test_a_host_that_cannot_be_read_breaks_nothing(
    shared_api: Asked, host: str, path: str
) -> None:
    for headers in ({}, {"accept": "text/html"}):
        for asked in (shared_api, shared_api.over(host="0.0.0.0")):
            assert asked.get(path, host=host, headers=headers).status_code in {
                200,
                303,
                307,
                401,
                404,
                421,
                503,
            }


@pytest.mark.parametrize(
    "address", [*BROKEN_ADDRESSES, "seamwatch.example", "ftp://seamwatch.example", "https://"]
)
def test_a_public_address_or_one_for_traces_that_cannot_be_read_is_said_at_the_start(
    shared_api: Asked, address: str
) -> None:
    with pytest.raises(ConfigError, match=r"api\.public_url .*give it as https://host"):
        shared_api.over(public_url=address)
    with pytest.raises(ConfigError, match=r"tracing\.endpoint .*give it as http://host"):
        OtlpExporter(address)


def test_a_page_of_a_server_at_the_usual_port_is_ours_in_any_letters(api: Asked) -> None:
    asked = api.over(public_url="http://seamwatch.example")
    cookie = cookie_of(sign_in(asked, api.token("admin")))
    for origin in (
        "http://seamwatch.example",
        "http://SeamWatch.example:80",
        "https://seamwatch.example",
    ):
        headers = {"cookie": cookie, "origin": origin}
        assert asked.post(
            "/v1/deploys", DEPLOY, headers=headers, host="Seamwatch.example"
        ).status_code in {200, 201}
