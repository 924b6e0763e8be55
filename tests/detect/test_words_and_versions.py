"""Clauses by edge, findings that are over, versions that appear and return."""

from dataclasses import replace
from datetime import timedelta

from monitor.detect.judging.absence import version_pattern
from monitor.detect.judging.clauses import clauses_of
from monitor.detect.judging.gone import brought_up_to_date
from monitor.detect.judging.verdict import judge
from monitor.detect.measure.versions import VersionMemory, VersionSettings
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Sighting
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    deploy,
    edge,
    now_after,
    sighting,
    steady,
)

ROW = {
    "contract": "payments",
    "revision": 3,
    "operation": "GET /orders/{orderId}",
    "side": "response",
    "rule": "type",
    "pointer": "/amount",
    "environment": "production",
    "caller": "web",
    "caller_version": "1.0.0",
    "callee": "payment",
    "callee_version": "2.0.0",
    "count": 7,
    "trace": "ab",
}


def test_a_clause_finds_its_edge_whatever_the_placeholders_are_called() -> None:
    named = edge(operation="GET /orders/:id")
    rows = cells([Traffic(named), Traffic(edge())], 2)
    assert clauses_of([ROW], rows) == {
        (named, "2.0.0", "1.0.0"): [
            ("payments 3 · GET /orders/{orderId} · response · type · /amount", 7, "ab")
        ]
    }
    assert clauses_of([{**ROW, "caller": "nobody"}], rows) == {}


def test_a_clause_of_an_operation_that_no_edge_bears_goes_to_where_something_was_violated() -> (
    None
):
    rows = cells(
        [Traffic(edge(), new=Behaviour(violated=1.0)), Traffic(edge(operation="GET /other"))], 2
    )
    (key,) = clauses_of([ROW], rows)
    assert key[0] == edge()


def test_a_finding_is_over_when_nothing_bad_came_for_ten_minutes() -> None:
    share = steady(0.5)
    bad = cells([Traffic(edge(), new=Behaviour(server_error=0.5))], 12, share=share)
    good = [
        row
        for row in cells([Traffic(edge())], 90, share=share)
        if row.window >= START + timedelta(seconds=120)
    ]
    (finding,) = judge(deploy(), bad, (), (), JudgeSettings(), now_after(12))[1]
    soon = [row for row in [*bad, *good] if row.window < START + timedelta(seconds=400)]
    there = brought_up_to_date(finding, "payment", "2.0.0", soon, START + timedelta(seconds=400))
    assert (there.state, there.last_seen) == ("open", START + timedelta(seconds=110))
    assert (
        brought_up_to_date(
            finding, "payment", "2.0.0", [*bad, *good], START + timedelta(seconds=900)
        ).state
        == "resolved"
    )


def test_a_finding_is_over_when_its_version_has_no_calls_while_the_service_has() -> None:
    rows = cells(
        [Traffic(edge(), new=Behaviour(server_error=0.5))],
        40,
        share=lambda window: 0.5 if window < 12 else 0.0,
    )
    (finding,) = judge(deploy(), rows, (), (), JudgeSettings(), now_after(40))[1]
    assert (
        brought_up_to_date(finding, "payment", "2.0.0", rows, START + timedelta(seconds=400)).state
        == "resolved"
    )
    dead = [row for row in rows if row.window < START + timedelta(seconds=120)]
    assert (
        brought_up_to_date(finding, "payment", "2.0.0", dead, START + timedelta(seconds=400)).state
        == "open"
    )


def events(*seen: Sighting) -> list[tuple[str, str, str]]:
    return [
        (event.kind, event.version, event.previous_version)
        for event in VersionMemory(VersionSettings()).learn(seen)
    ]


def test_versions_a_service_begins_with_are_no_deploys() -> None:
    seen = [
        sighting(window, version, version, 20)
        for window in range(30)
        for version in ("1.2.3", "1.3.0")
    ]
    assert events(*seen) == []


def test_a_version_needs_some_spans_before_it_counts() -> None:
    old = [sighting(window, "1.9.0", "old", 20) for window in range(60)]
    assert events(*old, sighting(30, "2.0.0", "new", 3)) == []
    assert events(*old, *[sighting(window, "2.0.0", "new", 3) for window in range(30, 36)]) == [
        ("deploy", "2.0.0", "1.9.0")
    ]


def test_a_service_that_was_only_away_has_not_rolled_back() -> None:
    assert (
        events(
            *[sighting(window, "1.9.0", "old", 20) for window in (*range(10), *range(200, 210))]
        )
        == []
    )


def test_an_unknown_version_is_no_version() -> None:
    assert (
        events(
            *[sighting(window, "1.9.0", "old", 20) for window in range(40)],
            *[replace(sighting(w, "", "x", 20)) for w in range(20, 40)],
        )
        == []
    )


def test_versions_written_alike() -> None:
    assert version_pattern("1.9.0") == version_pattern("2.10.33")
    assert version_pattern("v1.9.0") != version_pattern("1.9.0")
    assert version_pattern("deadbeef") == version_pattern("0123456abc") != version_pattern("1.9.0")
    assert (
        version_pattern("main-3f2c1a9")
        == version_pattern("main-deadbee")
        != version_pattern("main-12")
    )
    assert version_pattern("sha256:ab") == "digest"
