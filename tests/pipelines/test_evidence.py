"""A few calls of every edge, version and hour keep the skeleton of their trace, so that a verdict
outlives the tracing store.
"""

from datetime import UTC, datetime

from monitor.model.edges import Edge, Kept
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S, trace_id


def evidence(rig: Rig, operation: str, callee_version: str = "") -> list[Kept]:
    edge = Edge("default", "web", "cart", "", operation)
    return rig.reader.evidence(
        edge,
        "",
        callee_version,
        datetime.fromtimestamp(T0 - 3600, UTC),
        datetime.fromtimestamp(T0 + 7200, UTC),
    )


def test_a_failed_call_leaves_its_trace_as_evidence_once(rig: Rig) -> None:
    bad = {
        "http.request.method": "GET",
        "http.route": "/x",
        "http.response.status_code": 500,
        "url.full": "http://cart/x?card=4111",
    }
    client, _ = call(1)
    rig.deliver(
        client,
        S("cart", "server", 1, 2, 1, 1.1, 1.9, version="2.0", error=True, attributes=bad),
        *call(2),
    )
    rig.close()
    rig.deliver(*call(3))
    rig.close()
    failing = next(row.operation or "" for row in rig.edges("operation") if row.failed)
    failed = [kept for kept in evidence(rig, failing) if kept.bad]
    assert [kept.trace for kept in failed] == [trace_id(1).hex()]
    assert [(step.service, step.side, step.outcome) for step in failed[0].steps] == [
        ("web", "client", "ok"),
        ("cart", "server", "server_error"),
    ]
    assert "4111" not in str(failed[0])
    assert failed[0].error_type == "500"


def test_bad_calls_come_first_and_only_those_of_the_pair(rig: Rig) -> None:
    rig.deliver(*call(1), *call(2, error=True))
    rig.close()
    edge = rig.edges("caller", "callee", "protocol", "operation", "versions", "environment")[0]
    operation = edge.operation or ""
    assert [kept.bad for kept in evidence(rig, operation)] == [True, False, False]
    assert evidence(rig, operation, callee_version="9") == []


def test_a_reservoir_of_an_hour_stays_small(rig: Rig) -> None:
    rig.deliver(
        *(half for n in range(1, 60) for half in call(n, start=n * 10.0, end=n * 10.0 + 1))
    )
    rig.close()
    (edge,) = rig.edges("operation")
    assert 0 < len(evidence(rig, edge.operation or "")) <= 6
