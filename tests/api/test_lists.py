"""Lists are never cut silently: how many there are, the worst first, a way to the rest; and no
silence about other times.
"""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from monitor.control.audit import AuditEntry, note
from monitor.control.deploys import record
from monitor.control.findings import list_findings, save_findings
from monitor.control.tokens import create_token
from monitor.model.deploys import DeployEvent
from monitor.telemetry import Report
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON, edge_row, publish, write, write_judgement, write_shop_day

WINDOW = NOON - timedelta(seconds=20)


def busy_shop(api: Asked, pairs: int, at: datetime = WINDOW) -> None:
    """So many busy pairs of services that are well, one small one that fails, and one smaller that
    breaks its contract.
    """
    rows = [
        edge_row(at, 1, (f"c{n:04}", f"s{n:04}", "http", "GET /"), ("1", "1"), 1000, failed=0)
        for n in range(pairs)
    ]
    rows.append(edge_row(at, 1, ("web", "failing", "http", "GET /"), ("1", "1"), 10, failed=5))
    rows.append(
        edge_row(
            at,
            1,
            ("web", "breaking", "http", "GET /"),
            ("1", "1"),
            4,
            failed=0,
            violated=2,
            valid=2,
        )
    )
    write(api.parts.store, "edge_windows", rows)
    publish(api.parts.store, 1, [at], NOON)


def everything(api: Asked, path: str, token: str = LOCAL_TOKEN) -> tuple[list[object], int]:
    """All rows of a list by its Link headers, and how many pages they came in."""
    rows: list[object] = []
    pages, there = 0, path
    while there:
        answer = api.get(there, token)
        assert answer.status_code == 200, answer.text
        rows += answer.json()
        pages += 1
        there = next_page(answer)
    assert int(answer.headers["x-total-count"]) == len(rows)
    return rows, pages


def next_page(answer: httpx.Response) -> str:
    match = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
    return match[1] if match else ""


def test_edges_come_whole_and_the_worst_first(api: Asked) -> None:
    busy_shop(api, 30)
    answer = api.get("/v1/edges")
    assert [row["callee"] for row in answer.json()][:2] == ["breaking", "failing"]
    assert (len(answer.json()), answer.headers["x-total-count"]) == (32, "32")
    first = api.get("/v1/edges?limit=2")
    assert [row["callee"] for row in first.json()] == ["breaking", "failing"]
    assert first.headers["x-total-count"] == "32"
    rows, pages = everything(api, "/v1/edges?limit=7")
    assert (rows, pages) == (answer.json(), 5)


def test_what_is_asked_of_the_panels_is_counted_and_the_worst_comes_first(api: Asked) -> None:
    busy_shop(api, 30)
    write(
        api.parts.store,
        "sightings",
        [
            {
                "window": WINDOW, "generation": 1, "environment": "production", "namespace": "", "service": f"s{n:04}", "version": "1",
                "instance": "i", "spans": 9, "server_calls": 9, "failed": 9 if n == 20 else 0,
            }
            for n in range(30)
        ],
    )  # fmt: skip
    assert len(everything(api, "/v1/coverage?limit=10")[0]) == 32
    services, pages = everything(api, "/v1/services?limit=8")
    assert (len(services), pages) == (30, 4)
    assert api.get("/v1/services?limit=1").json()[0]["service"] == "s0020"
    beyond = api.get("/v1/services?limit=10&offset=1000")
    assert (beyond.json(), beyond.headers["x-total-count"]) == ([], "30")
    size = api.get("/v1/size?limit=3").json()
    assert (len(size["largest_edges"]), size["edges"]) == (3, 32)


def test_lists_of_the_control_store_are_counted_too(api: Asked) -> None:
    engine, now = api.parts.engine, api.clock()
    for n in range(7):
        event = DeployEvent(
            source="ci", external_id=f"e{n}", kind="deploy", environment="production", service=f"svc{n}", version="1", previous_version="", state="succeeded",
            at=now - timedelta(minutes=n),
        )  # fmt: skip
        record(engine, event, now)
        create_token(engine, f"t{n}", ["read"], now)
        note(engine, AuditEntry(now, "me", "look", str(n)))
        api.post(
            "/v1/silences",
            {"matchers": {"service": str(n)}, "reason": "r", "ends": "2027-01-01"},
            LOCAL_TOKEN,
        )
        api.post(
            "/v1/aliases/suggest",
            {"kind": "service", "name": f"n{n}", "canonical": "c"},
            LOCAL_TOKEN,
        )
    for path in ("/v1/deploys", "/v1/tokens", "/v1/silences", "/v1/aliases", "/v1/audit"):
        rows, pages = everything(api, f"{path}?limit=3")
        assert len(rows) >= 7, path
        assert pages >= 3, path
    for path in (
        "/v1/findings",
        "/v1/verdicts",
        "/v1/alerts",
        "/v1/deliveries",
        "/v1/letters",
        "/v1/contracts",
        "/v1/rejects",
        "/v1/ledger",
    ):
        assert api.get(path).headers["x-total-count"] == "0", path


def test_every_list_says_how_many_there_are(api: Asked) -> None:
    described = api.app.openapi()["paths"]
    for path, methods in described.items():
        schema = (
            methods.get("get", {})
            .get("responses", {})
            .get("200", {})
            .get("content", {})
            .get("application/json", {})
            .get("schema", {})
        )
        if schema.get("type") == "array":
            answer = api.get(path, LOCAL_TOKEN)
            assert answer.headers.get("x-total-count") == str(len(answer.json())), path
            names = {parameter["name"] for parameter in methods["get"]["parameters"]}
            assert {"limit", "offset"} <= names, path


def test_open_findings_come_before_newer_ones_that_are_over(api: Asked) -> None:
    write_judgement(api.parts.engine)
    findings = list_findings(api.parts.engine)
    assert findings[0].state == "open"
    assert len(findings) > 1
    save_findings(api.parts.engine, [], api.clock())
    assert [finding["state"] for finding in api.get("/v1/findings?limit=1").json()] == ["open"]


@pytest.mark.parametrize("path", ["/", "/edges"])
def test_pages_say_when_they_do_not_show_all(
    api: Asked, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_shop(api, 30)
    monkeypatch.setattr("monitor.api.pages.map_page.MOST_ROWS", 5)
    monkeypatch.setattr("monitor.api.pages.edge_pages.MOST_ROWS", 5)
    text = api.get(path).text
    assert "Shown are 5 of 32 pairs of services" in text
    assert "breaking" in text
    assert "failing" in text


def test_a_map_with_many_lines_lists_them_all(api: Asked) -> None:
    busy_shop(api, 150)
    text = api.get("/").text
    assert "The map shows the worst and busiest 120 of 152 lines" in text
    assert "s0149" in text


@pytest.mark.parametrize(
    "path", ["/", "/edges", "/violations", "/health", "/edges/view?caller=checkout&callee=payment"]
)
def test_a_page_over_old_data_shows_the_end_of_it_and_says_so(api: Asked, path: str) -> None:
    write_shop_day(api.parts.store, until=NOON - timedelta(days=200), minutes=4)
    text = api.get(path).text
    assert "Nothing is newer than" in text
    assert "2026-05-05 12:00:00 UTC" in text
    if path not in ("/violations", "/health"):
        assert "payment" in text


@pytest.mark.parametrize("path", ["/v1/violations", "/v1/services", "/v1/coverage"])
@pytest.mark.parametrize("days", [-200, 30])
def test_without_a_time_the_answer_is_of_the_time_that_the_data_has(
    api: Asked, path: str, days: int
) -> None:
    until = NOON + timedelta(days=days)
    write_shop_day(api.parts.store, until=until, minutes=4)
    answer = api.get(path)
    assert answer.json()
    assert answer.headers["x-data-moved"] == "true"
    assert datetime.fromisoformat(answer.headers["x-data-until"]) == until
    lately = api.get(f"{path}?since=24h")
    assert lately.json() == []
    assert abs(datetime.fromisoformat(lately.headers["x-newest-data"]) - until) <= timedelta(
        seconds=10
    )
    assert "x-data-moved" not in lately.headers


def test_one_clock_that_runs_ahead_moves_nobodys_view(api: Asked) -> None:
    write_shop_day(api.parts.store, minutes=4)
    ahead = NOON + timedelta(minutes=30)
    write(
        api.parts.store,
        "edge_windows",
        [edge_row(ahead, 7, ("early", "bird", "http", "GET /"), ("1", "1"), 5)],
    )
    publish(api.parts.store, 7, [ahead], NOON)
    text = api.get("/").text
    assert "payment" in text
    assert "bird" in text
    assert "Nothing is newer" not in text


def test_edges_are_of_all_time_and_say_where_the_newest_are(api: Asked) -> None:
    write_shop_day(api.parts.store, until=NOON - timedelta(days=200), minutes=4)
    assert api.get("/v1/edges").json()
    nothing = api.get("/v1/edges?since=24h")
    assert nothing.json() == []
    assert datetime.fromisoformat(nothing.headers["x-newest-data"]) == datetime(
        2026, 5, 5, 11, 59, 50, tzinfo=UTC
    )


def test_readiness_tells_how_old_the_data_is_and_what_is_worth_a_note(api: Asked) -> None:
    assert api.get("/readyz").json()["data"]["newest_window"] is None
    write_shop_day(api.parts.store, until=NOON - timedelta(hours=3), minutes=2)
    missing = "Kafka topic api_logs at x: it does not exist; nothing is read until then"
    api.parts.board.report(Report("api-logs", ready=True, reason=missing, at=NOON))
    answer = api.get("/readyz")
    assert answer.status_code == 200
    readiness = answer.json()
    assert readiness["notes"] == [f"api-logs: {missing}"]
    assert readiness["data"]["newest_window_age_seconds"] == 3 * 3600
    assert readiness["data"]["sealed_window_age_seconds"] >= 3 * 3600
    assert set(readiness["data"]["topics"]) == {"otlp_spans"}
    health = api.get("/v1/health").json()
    assert (health["notes"], health["data"]) == (readiness["notes"], readiness["data"])
    assert missing in api.get("/health").text
    api.parts.board.report(
        Report(
            "traces", ready=False, reason="Kafka topic otlp_spans at x: it does not exist", at=NOON
        )
    )
    assert api.get("/readyz").status_code == 503


def test_a_page_tells_the_age_of_its_data_to_who_may_read(api: Asked) -> None:
    write_shop_day(api.parts.store, until=NOON - timedelta(hours=3), minutes=2)
    page = api.get("/").text
    assert 'data-newest="2026-11-21T09:00:00Z"' in page
    assert "data of 3 h ago" in page
    assert 'data-newest=""' in api.over(host="0.0.0.0").get("/sign-in").text
