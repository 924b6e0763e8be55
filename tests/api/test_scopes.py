"""Every route against every kind of caller: a route that is not in this table fails the test."""

import pytest

from tests.fixtures.api import LOCAL_TOKEN, Asked

SCOPES = ("read", "ingest", "gate", "contracts:write", "admin")
OPEN = {"GET /healthz", "GET /readyz"}
NEEDS = {
    **dict.fromkeys(
        (
            "GET /metrics",
            "GET /v1/edges",
            "GET /v1/violations",
            "GET /v1/violations/checked",
            "GET /v1/violations/events",
            "GET /v1/observations",
            "GET /v1/services",
            "GET /v1/contracts",
            "GET /v1/contracts/{name}",
            "GET /v1/contracts/{name}/coverage",
            "GET /v1/contracts/{name}/contradictions",
            "GET /v1/matrix",
            "GET /v1/uncovered",
            "GET /v1/cases/{case_id}",
            "GET /v1/mocks",
            "GET /v1/mocks/{name}",
            "GET /v1/mocks/{name}/refreshed",
            "GET /v1/timing",
            "GET /v1/meaning",
            "GET /v1/recordings",
            "GET /v1/ramps",
            "GET /v1/awaited",
            "GET /v1/can-i-deploy",
            "GET /v1/ramps/{service}",
            "GET /v1/deploys",
            "GET /v1/deploys/{deploy_id}",
            "GET /v1/findings",
            "GET /v1/findings/{finding_id}",
            "GET /v1/verdicts",
            "GET /v1/verdicts/{verdict_id}",
            "GET /v1/verdicts/{verdict_id}/explanation",
            "GET /v1/alerts",
            "GET /v1/deliveries",
            "GET /v1/letters",
            "GET /v1/health",
            "GET /v1/rejects",
            "GET /v1/ledger",
            "GET /v1/coverage",
            "GET /v1/size",
            "GET /v1/silences",
            "GET /v1/aliases",
            "GET /v1/gates",
            "GET /v1/overrides",
        ),
        "read",
    ),
    **dict.fromkeys(("POST /v1/deploys", "POST /v1/aliases/suggest"), "ingest"),
    "POST /v1/gates": "gate",
    "POST /v1/contracts": "contracts:write",
    "POST /v1/amendments": "contracts:write",
    "POST /v1/contracts/prune": "contracts:write",
    "POST /v1/contracts/{name}/withdraw": "contracts:write",
    **dict.fromkeys(
        (
            "POST /v1/findings/{finding_id}/accept",
            "POST /v1/violations/events/{event_id}/accept",
            "POST /v1/receivers/{name}/test",
            "GET /v1/tokens",
            "POST /v1/tokens",
            "DELETE /v1/tokens/{token_id}",
            "POST /v1/silences",
            "POST /v1/overrides",
            "DELETE /v1/overrides/{override_id}",
            "DELETE /v1/silences/{silence_id}",
            "POST /v1/aliases/confirm",
            "POST /v1/aliases/reject",
            "GET /v1/audit",
        ),
        "admin",
    ),
}
PAGES = (
    "/",
    "/edges",
    "/deploys",
    "/findings",
    "/violations",
    "/contracts",
    "/uncovered",
    "/alerts",
    "/health",
    "/docs",
)


def routes(api: Asked) -> set[str]:
    """METHOD /path of every route of our own description but the stream of events."""
    described = api.app.openapi()["paths"]
    return {
        f"{method.upper()} {path}"
        for path, methods in described.items()
        for method in methods
        if path != "/events"
    }


def ask(api: Asked, route: str, token: str = "", **more: object) -> int:
    """The status of one request without a useful body."""
    method, path = route.split(" ", 1)
    for name in (
        "name",
        "deploy_id",
        "finding_id",
        "verdict_id",
        "token_id",
        "silence_id",
        "override_id",
        "event_id",
    ):
        path = path.replace("{%s}" % name, "nobody")  # noqa: UP031 - braces
    body = {} if method != "POST" else {"json": {}}
    return api.request(method, path, token, **body, **more).status_code  # type: ignore[arg-type]


def test_every_route_is_in_the_table(shared_api: Asked) -> None:
    assert routes(shared_api) == OPEN | set(NEEDS)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_what_its_scope_names_and_nothing_else(
    shared_api: Asked, scope: str
) -> None:
    token = shared_api.token(scope)
    wrong = {}
    for route, needed in NEEDS.items():
        allowed = ask(shared_api, route, token) not in {401, 403}
        if allowed != (scope in {needed, "admin"}):
            wrong[route] = needed
    assert wrong == {}


@pytest.mark.parametrize(
    "token", ["swt_" + "x" * 43, "swt_", "x" * 10_000, "\u00e9", "local-secret-of-this-star"]
)
def test_a_token_that_is_none_opens_nothing_not_even_what_is_open(
    shared_api: Asked, token: str
) -> None:
    text = token.encode("latin-1").decode("latin-1")
    for route in NEEDS:
        assert (
            ask(shared_api, route, headers={"authorization": f"Bearer {text}".encode("latin-1")})
            == 401
        ), route  # type: ignore[dict-item]


def test_a_revoked_token_opens_nothing(shared_api: Asked) -> None:
    made = shared_api.post("/v1/tokens", {"name": "x", "scopes": ["admin"]}, LOCAL_TOKEN).json()
    assert (
        shared_api.request("DELETE", f"/v1/tokens/{made['token']['id']}", LOCAL_TOKEN).status_code
        == 200
    )
    assert {ask(shared_api, route, made["secret"]) for route in NEEDS} == {401}


def test_without_a_token_this_machine_reads_and_strangers_see_probes_only(
    shared_api: Asked,
) -> None:
    for route, needed in NEEDS.items():
        assert (ask(shared_api, route) != 401) == (needed == "read"), route
    bound = shared_api.over(host="0.0.0.0")
    closed = shared_api.over(open_reading=False)
    for api in (bound, closed):
        assert {ask(api, route) for route in NEEDS} == {401}
        assert {ask(api, f"GET {path}") for path in PAGES} <= {401}
        assert {ask(api, route) for route in OPEN} <= {200, 503}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_sites_are_told_nothing_of_cross_origin_use(shared_api: Asked, method: str) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = shared_api.request(method, "/v1/edges", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert not [
        name
        for name in shared_api.get("/v1/edges", headers=asked).headers
        if name.startswith("access-control")
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 400_000, 400),
        (b'{"a":' * 150_000, 400),
        (b"\xff\xfe", 422),
        (b'{"service": "a", "version": "1", "traffic_share": NaN}', 422),
        (b'{"service": "a", "version": "1", "traffic_share": Infinity}', 422),
        (b'{"service": "a", "version": "1", "traffic_share": 1e999}', 422),
        (b'{"service": "a", "version": "1", "at": "0000-00-00"}', 422),
        (b'{"service": "a", "version": "1", "at": "9999-12-31T23:59:59+14:00"}', 422),
        (b'{"service": "\\ud800", "version": "1"}', 422),
        (b"null", 422),
        (b"", 422),
    ],
)
def test_bodies_that_nobody_should_send_are_answered_and_nothing_breaks(
    shared_api: Asked, body: bytes, status: int
) -> None:
    token = shared_api.token("ingest")
    answer = shared_api.request(
        "POST", "/v1/deploys", token, content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text[:300]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=5001",
        "limit=-1",
        "limit=1e3",
        "limit=NaN",
        "since=yesterday",
        "since=99999999d",
        "until=1969-12-31",
        "since=2107-01-01",
    ],
)
def test_limits_and_times_out_of_range_are_refused(shared_api: Asked, query: str) -> None:
    assert shared_api.get(f"/v1/violations?{query}").status_code == 422
