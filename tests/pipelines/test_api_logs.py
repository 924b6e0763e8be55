"""Records of API logs to rows: checked, counted once however often delivered, and nothing of a
payload among them.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from monitor import telemetry
from monitor.clock import ManualClock
from monitor.contracts.registry import Registry
from monitor.edges.aliases import Aliases
from monitor.errors import RejectLimit
from monitor.model.records import Partition, Progress, Records
from monitor.store import Store
from monitor.streams.limit import RejectLimits
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.promises import AT_NS, GOOD, registry, revision
from tests.pipelines.written import Given

PLACE = Partition("ab" * 8, "api_logs", 0)
ENTRY: dict[str, Any] = {
    "time": AT_NS, "method": "GET", "path": "/api/payments/7", "status": 200, "caller": "web", "callee": "payment", "callee_version": "2.0",
    "environment": "prod", "duration_ms": 2, "response_headers": {"content-type": "application/json"}, "response_body": GOOD,
}  # fmt: skip
TABLES = ("exchanges", "violations", "arrivals", "ledger", "watermarks", "rejects")


def batch(*values: bytes, first: int = 0) -> Records:
    count = len(values)
    return Records(
        list(values),
        [PLACE] * count,
        list(range(first, first + count)),
        [AT_NS // 10**6] * count,
        [{}] * count,
        [0] * count,
    )


def entry(**changes: Any) -> bytes:
    return orjson.dumps(ENTRY | changes)


def run(
    store: Store,
    *batches: Records,
    known: Registry | None = None,
    settings: ApiLogSettings | None = None,
) -> list[Progress]:
    clock = ManualClock(datetime.fromtimestamp(AT_NS / 1e9, UTC))
    made = known or registry()
    return list(
        api_logs(Given(*batches), store, lambda: made, settings or ApiLogSettings(), clock)
    )


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    final = "" if table == "arrivals" else " FINAL"
    with store._readers.borrow() as client:
        return list(
            client.query(
                f"SELECT * EXCEPT ingested FROM {table}{final} ORDER BY ALL"
            ).named_results()
        )


def test_good_bad_and_unreadable_records_are_told_apart(store: Store) -> None:
    many = (
        b"["
        + entry(response_body={**GOOD, "amount": "1"})
        + b","
        + entry(path="/nowhere/42")
        + b"]"
    )
    offsets = run(
        store,
        batch(entry(), many, b"\xff", entry(time=1), entry(callee="other", path="/x/123")),
        batch(),
    )
    assert offsets == [{PLACE: 5}, {}]
    assert [
        (row["offset"], row["index"], row["operation"], row["checked"], row["reason"])
        for row in rows(store, "exchanges")
    ] == [
        (0, 0, "GET /api/payments/{id}", "valid", ""),
        (1, 0, "GET /api/payments/{id}", "violated", ""),
        (1, 1, "GET /nowhere/{id}", "violated", ""),
        (4, 0, "GET /x/{id}", "not_checked", "no_contract"),
    ]
    assert [
        (row["rule"], row["pointer"], row["callee_version"]) for row in rows(store, "violations")
    ] == [
        ("type", "/amount", "2.0"),
        ("undocumented_operation", "", "2.0"),
    ]
    assert [(row["exchanges"], row["rejected"]) for row in rows(store, "ledger")] == [
        (1, 0),
        (2, 0),
        (0, 1),
        (0, 1),
        (1, 0),
    ]
    assert [(row["offset"], row["reason"]) for row in rows(store, "rejects")] == [
        (2, "not_json"),
        (3, "absurd_time"),
    ]
    assert [row["rows"] for row in rows(store, "arrivals")] == [4]
    assert rows(store, "watermarks")[0]["watermark"] == datetime.fromtimestamp(
        AT_NS / 1e9, UTC
    ).replace(tzinfo=None)
    assert {row["environment"] for row in rows(store, "exchanges")} == {"production"}


def test_requests_that_a_trace_is_known_of_have_a_shape_and_no_others(store: Store) -> None:
    traced = {"trace_id": "ab" * 16, "span_id": "cd" * 8}
    asked: list[Any] = [{"amount": 5}, {"amount": 7}, {"amount": "5"}]
    run(
        store,
        batch(
            *(entry(request_body=body, **traced) for body in asked),
            entry(**traced),
            entry(request_body=asked[0]),
        ),
    )
    first, same, other, none, untraced = (row["request_shape"] for row in rows(store, "exchanges"))
    assert first == same
    assert len({first, other, 0}) == 3
    assert (none, untraced) == (0, 0)


def test_a_redelivery_changes_nothing(store: Store) -> None:
    first = batch(entry(), entry(response_body={}), b"x")
    run(store, first)
    once = {table: rows(store, table) for table in TABLES if table != "arrivals"}
    run(store, first)
    assert {table: rows(store, table) for table in TABLES if table != "arrivals"} == once


def test_no_value_of_a_payload_is_in_any_row(store: Store) -> None:
    canary = "zebra7f3a91"
    payload = {
        **GOOD,
        "note": canary,
        "state": canary,
        canary: canary,
        "labels": {canary: canary, "k": 1},
        "created": f"{canary}@x.example",
        "lines": [{canary: canary}],
    }
    line = entry(
        method="POST", path="/api/payments", status=201, query=f"q={canary}", request_body=payload, response_body=payload,
        request_headers={"authorization": canary, "x-other": canary, "content-type": "application/json"},
    )  # fmt: skip
    run(
        store,
        batch(
            line,
            canary.encode(),
            entry(time=canary),
            entry(response_body=canary),
            entry(callee="other", response_body=payload),
        ),
    )
    assert rows(store, "violations")
    for table in TABLES:
        assert canary not in repr(rows(store, table))


def test_aliases_join_names_before_checking(store: Store) -> None:
    settings = ApiLogSettings(aliases=Aliases(services={"pay-svc": "payment"}))
    run(store, batch(entry(callee="pay-svc")), settings=settings)
    assert [(row["callee"], row["checked"]) for row in rows(store, "exchanges")] == [
        ("payment", "valid")
    ]


def test_a_topic_of_something_else_stops_the_reading_with_its_offsets_standing(
    store: Store,
) -> None:
    with pytest.raises(RejectLimit, match="api_logs"):
        run(
            store,
            batch(*[b"\x00\x01"] * 50),
            settings=ApiLogSettings(limits=RejectLimits(max_run=20)),
        )


@pytest.mark.parametrize(
    ("status", "outcome", "error_type"),
    [(200, "ok", ""), (404, "client_error", "404"), (401, "client_error", "auth"), (415, "client_error", "media_type"), (405, "client_error", "protocol"),
     (503, "server_error", "503"), (504, "timeout", "504"), (499, "cancelled", "499")],
)  # fmt: skip
def test_a_status_gives_outcome_and_error_type(
    store: Store, status: int, outcome: str, error_type: str
) -> None:
    run(store, batch(entry(status=status)))
    assert [(row["outcome"], row["error_type"]) for row in rows(store, "exchanges")] == [
        (outcome, error_type)
    ]


def test_what_is_only_observed_is_counted_and_stored_as_valid(store: Store) -> None:
    document = orjson.dumps({
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "security": [{"bearer": []}],
        "paths": {"/r": {"get": {"responses": {"200": {"description": "d"}}}}},
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }).decode()  # fmt: skip
    counter = telemetry.OBSERVATIONS.labels("missing_credentials")
    before = counter._value.get()
    run(
        store,
        batch(entry(path="/r", request_headers={"host": "a"})),
        known=registry(revision(document)),
    )
    assert counter._value.get() == before + 1
    assert [row["checked"] for row in rows(store, "exchanges")] == ["valid"]


def test_what_a_proxy_answered_breaks_nothing(store: Store) -> None:
    run(
        store,
        batch(
            entry(
                status=503,
                response_flags="UH",
                response_headers={"content-type": "text/plain"},
                response_body="no healthy upstream",
            )
        ),
    )
    assert [(row["checked"], row["reason"]) for row in rows(store, "exchanges")] == [
        ("not_checked", "proxy_answer")
    ]
    assert rows(store, "violations") == []


def test_a_batch_of_a_quiet_topic_may_span_weeks(store: Store) -> None:
    """Tables with a partition an hour take at most a hundred of them at once by default."""
    hour = 3_600 * 10**9
    run(store, batch(*(entry(time=AT_NS - ago * hour) for ago in range(0, 600, 4))))
    assert len(rows(store, "exchanges")) == 150
