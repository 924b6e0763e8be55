"""Edges from API logs: alone where no span shows the call, joined where one does, never twice."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.clock import ManualClock
from monitor.contracts.registry import Registry
from monitor.detect.measure.columns import COUNTS, tables
from monitor.edges.closing import ClosingSettings
from monitor.store.ramps import RampReader
from monitor.streams.listed import ListLog, ListSource
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S, span_id, trace_id

SINCE = datetime.fromtimestamp(T0, UTC) - timedelta(hours=1)
UNTIL = SINCE + timedelta(hours=3)


def entry(at: float, **more: Any) -> bytes:
    line = {
        "time": T0 + at,
        "method": "GET",
        "path": "/x",
        "status": 200,
        "duration_ms": 250,
        "caller": "web",
        "caller_version": "1.0",
        "callee": "cart",
        "callee_version": "2.0",
    }
    return json.dumps(line | more).encode()


def deliver(rig: Rig, *values: bytes) -> None:
    log = ListLog("api_logs", 1, "aaaabbbbccccdddd")
    for value in values:
        log.append(value, timestamp_ms=int(rig.clock().timestamp() * 1000))
    registry = Registry([])
    source = ListSource(log)
    for offsets in api_logs(source, rig.store, lambda: registry, ApiLogSettings(), rig.clock):
        source.commit(offsets)


def test_exchanges_without_a_trace_make_edges_of_their_own(rig: Rig) -> None:
    deliver(rig, entry(1), entry(2), entry(3, status=503))
    rig.close()
    (edge,) = rig.edges()
    assert (
        edge.caller,
        edge.callee,
        edge.operation,
        edge.caller_version,
        edge.callee_version,
    ) == (
        "web",
        "cart",
        "GET /x",
        "1.0",
        "2.0",
    )
    assert (
        edge.calls,
        edge.outcomes["ok"],
        edge.outcomes["server_error"],
        edge.coverage["log_only"],
    ) == (3, 2, 1, 3)
    assert edge.server_seconds_sum == 0.75
    assert edge.client_seconds_sum is None


def test_versions_that_only_logs_tell_of_are_alive(rig: Rig) -> None:
    """Ramps and services need no spans. Instances, and silence of these, do."""
    newer = [entry(at, callee_version="2.1", status=500) for at in (11, 12)]
    deliver(rig, entry(1), entry(2), *newer, entry(13, callee_version=""))
    rig.close()
    ramps = RampReader(rig.store)
    alive = {
        (row["service"], row["version"]): (row["spans"], row["server_calls"], row["instances"])
        for row in ramps.presence("", (), T0 - 60, T0 + 60, 60)
    }
    assert alive == {
        ("cart", "2.0"): (0, 2, 0),
        ("cart", "2.1"): (0, 2, 0),
        ("web", "1.0"): (0, 0, 0),
    }
    assert rig.reader.sightings(SINCE, UNTIL) == []


def test_calls_that_a_span_shows_are_no_sighting_of_logs_too(rig: Rig) -> None:
    rig.deliver(*call(1))
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(2).hex()))
    rig.close()
    rows = RampReader(rig.store).presence("", ("cart",), T0 - 60, T0 + 60, 60)
    assert [(row["server_calls"], row["instances"]) for row in rows] == [(1, 1)]


def test_an_entry_without_a_status_is_judged_as_neither_good_nor_bad(rig: Rig) -> None:
    untold = json.loads(entry(1))
    del untold["status"]
    told = {"status": 0, "operation": "an answer that never came"}
    deliver(
        rig,
        json.dumps(untold).encode(),
        json.dumps(untold | {"status": "-"}).encode(),
        json.dumps(untold | told).encode(),
        json.dumps(untold | {"response_headers": {"grpc-status": "13"}}).encode(),
        entry(2),
    )
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.failed, edge.coverage["untold"]) == (5, 2, 2)
    assert {name: count for name, count in edge.outcomes.items() if count} == {
        "ok": 1,
        "server_error": 2,
    }
    (table,) = tables(
        [replace(cell, sealed=True) for cell in rig.reader.cells("", "", SINCE, UNTIL)], 0, 4e9
    )
    assert int(table.counts[:, COUNTS.index("calls")].sum()) == 3  # what is judged


def test_an_exchange_whose_spans_are_there_adds_its_check_and_no_call(rig: Rig) -> None:
    rig.deliver(*call(1))
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(2).hex()))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["both"], edge.coverage["log_only"]) == (1, 1, 0)
    assert edge.conformance["not_checked:no_contract"] == 1


def test_an_exchange_that_names_the_callers_span_joins_the_same_call(rig: Rig) -> None:
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(1).hex()))
    rig.close()
    assert rig.edges()[0].coverage["log_only"] == 1
    rig.deliver(*call(1))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["both"], sum(edge.conformance.values())) == (1, 1, 1)


def test_an_exchange_that_names_the_servers_own_span_is_no_second_call(rig: Rig) -> None:
    """Of a call that came without trace context only the callee's span tells."""
    rig.deliver(S("cart", "server", 1, 2, None, 1.0, 2.0, version="2.0"))
    ids = {"trace_id": trace_id(1).hex(), "span_id": span_id(2).hex()}
    deliver(rig, entry(1.9, caller="", caller_version="", **ids))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.callee, edge.calls, edge.coverage["log_only"]) == ("cart", 1, 0)
    assert edge.conformance["not_checked:no_contract"] == 1


def test_two_logs_of_one_call_count_once_the_servers(rig: Rig) -> None:
    ids = {"trace_id": trace_id(7).hex(), "span_id": span_id(7).hex()}
    deliver(rig, entry(1, **ids, status=200), entry(1.1, **ids, status=200))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["log_only"]) == (1, 1)


def test_a_log_replayed_is_counted_once(rig: Rig) -> None:
    deliver(rig, entry(1))
    deliver(rig, entry(1))
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}
    rows = rig.reader.ledger()
    assert [(row["topic"], row["records"], row["exchanges"]) for row in rows] == [
        ("api_logs", 1, 1)
    ]


def test_a_year_old_log_is_kept(rig: Rig) -> None:
    deliver(rig, entry(-365 * 86400))
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}
    assert rig.reader.last_sealed() == datetime.fromtimestamp(T0 - 365 * 86400, UTC)


def live(rig: Rig, calls: int, logged: int, servers: int = 0) -> int:
    """So many whole calls in a window that ended just now, so many logs with a trace, the first of
    them of these calls, and so many servers' halves. Shown once; seconds from T0 to the window's
    begin.
    """
    rig.settings = ClosingSettings()
    rig.closer = rig.new_closer()
    now = int(time.time())
    begin = now // 10 * 10 - 10 - int(T0)
    rig.clock = ManualClock(datetime.fromtimestamp(now, UTC))
    for n in range(1, calls + 1):
        rig.deliver(*call(n, start=begin + 1.0, end=begin + 2.0))
    for n in range(calls + 1, servers + 1):
        rig.deliver(call(n, start=begin + 1.0, end=begin + 2.0)[1])
    deliver(rig, *(logged_call(begin, n) for n in range(1, logged + 1)))
    pass_time(rig, begin + 30.0)
    rig.close(finish=False)
    return begin


def logged_call(begin: int, n: int) -> bytes:
    trace = {"trace_id": trace_id(n).hex(), "span_id": span_id(2).hex()}
    return entry(begin + 1.9, caller="", **trace)


def pass_time(rig: Rig, until: float) -> None:
    """The clock, and event time in all partitions, go on until then."""
    rig.clock = ManualClock(datetime.fromtimestamp(T0 + until, UTC))
    for partition in (0, 1):
        rig.deliver(
            S("other", "server", 900 + int(until), 1, 0, until, until), partition=partition
        )
    deliver(rig, entry(until, caller="", callee="other"))


def to_cart(rig: Rig) -> dict[str | None, tuple[int, int]]:
    """Calls of each caller, and those that only logs show."""
    rows = [row for row in rig.edges("caller", "callee") if row.callee == "cart"]
    return {row.caller: (row.calls, row.coverage["log_only"]) for row in rows}


def test_logs_of_calls_whose_spans_are_under_way_wait_for_these(rig: Rig) -> None:
    begin = live(rig, calls=3, logged=4)
    assert to_cart(rig) == {"web": (3, 0)}
    rig.deliver(*call(4, start=begin + 1.0, end=begin + 2.0))
    pass_time(rig, begin + 75.0)
    rig.close(finish=False)
    assert to_cart(rig) == {"web": (4, 0)}


def test_logs_whose_spans_never_come_are_calls_of_their_own_once_their_window_is_sealed(
    rig: Rig,
) -> None:
    begin = live(rig, calls=3, logged=4)
    assert to_cart(rig) == {"web": (3, 0)}
    assert rig.new_closer().step().published == 0
    pass_time(rig, begin + 75.0)
    rig.close(finish=False)
    assert to_cart(rig) == {"web": (3, 0), "unknown": (1, 1)}


def test_servers_whose_clients_spans_are_under_way_wait_for_these(rig: Rig) -> None:
    begin = live(rig, calls=3, logged=0, servers=4)
    assert to_cart(rig) == {"web": (3, 0)}
    pass_time(rig, begin + 75.0)
    rig.close(finish=False)
    assert to_cart(rig) == {"web": (3, 0), "unknown": (1, 0)}


def test_where_most_servers_have_no_client_none_is_waited_for(rig: Rig) -> None:
    live(rig, calls=1, logged=0, servers=4)
    assert to_cart(rig) == {"web": (1, 0), "unknown": (3, 0)}


def test_where_most_logs_have_no_span_none_is_waited_for(rig: Rig) -> None:
    """As under head sampling."""
    live(rig, calls=1, logged=4)
    assert to_cart(rig) == {"web": (1, 0), "unknown": (3, 3)}
