"""Numbers and names on the page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.api import formatting
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, LatencyEvidence, Quantiles
from monitor.wording.findings import summary, what

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_what_cannot_be_seen_becomes_visible() -> None:
    assert formatting.name("a\u202eb\nc\u200bd\x00") == "a\\u202eb\\u000ac\\u200bd\\u0000"
    assert formatting.name("Grüße 店") == "Grüße 店"


def test_long_names_are_cut() -> None:
    assert len(formatting.name("x" * 10_000)) == formatting.LONGEST + 1


def test_an_absent_side_is_a_dash_and_not_zero() -> None:
    assert formatting.duration(None) == "–"
    assert formatting.percent(None) == "–"
    assert formatting.percent(0, 0) == "–"
    assert formatting.version("") == "no version"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.00005, "50 µs"),
        (0.0123, "12.3 ms"),
        (1.5, "1.5 s"),
        (600, "10 min"),
        (90_000, "25 h"),
        (864_000, "10 d"),
        (float("nan"), "–"),
    ],
)
def test_durations_take_the_unit_that_fits(seconds: float, said: str) -> None:
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (0.00001, "<0.01 %"),
        (0.0268, "2.68 %"),
        (0.4, "40.0 %"),
        (0.9997, ">99.9 %"),
        (1, "100 %"),
    ],
)
def test_shares_have_digits_that_say_something(share: float, said: str) -> None:
    assert formatting.percent(share) == said


@pytest.mark.parametrize(
    ("calls", "seconds", "said"),
    [(1500, 10, "150/s"), (22, 10, "2.2/s"), (1, 60, "1/min"), (0, 10, "0/s"), (5, 0, "–")],
)
def test_rates_are_per_minute_where_there_are_few(calls: float, seconds: float, said: str) -> None:
    assert formatting.rate(calls, seconds) == said


def test_times_are_told_by_their_distance() -> None:
    assert formatting.ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert formatting.ago(NOW + timedelta(hours=3), NOW) == "in 3 h"
    assert formatting.ago(datetime(1970, 1, 1, tzinfo=UTC), NOW) == "never"
    assert formatting.ago(None, NOW) == "never"


def test_distances_have_whole_units() -> None:
    assert formatting.ago(NOW - timedelta(seconds=86.4), NOW) == "86 s ago"
    assert formatting.ago(NOW - timedelta(minutes=3, seconds=56), NOW) == "4 min ago"
    assert formatting.ago(NOW - timedelta(hours=47), NOW) == "47 h ago"
    assert formatting.ago(NOW - timedelta(days=9), NOW) == "9 d ago"


def test_a_reports_times_are_told_as_times_and_its_numbers_as_numbers() -> None:
    assert formatting.told("watermark", NOW.timestamp() - 5.25, NOW) == "5 s ago"
    assert formatting.told("records", 60556, NOW) == "60,556"
    assert formatting.told("receiver demo", "well", NOW) == "well"
    assert formatting.told("watermark", None, NOW) == "–"


def test_a_finding_says_what_is_worse_and_by_which_figures() -> None:
    edge = Edge("production", "web", "payment: old", "http", "GET /x: y")
    seen = Evidence(5, 487, 480, 652, 340, 2.0, 1.5, 2.5, 100.0, None, None)
    slower = replace(
        seen,
        latency=LatencyEvidence("server", Quantiles(0.21, 0.3, 0.4), Quantiles(0.02, 0.03, 0.04)),
    )
    slow = Finding(
        "f", "d", edge, "latency", "", "1", "2", "1", "root", "concurrent", slower, (), NOW, NOW
    )
    assert (what(slow), formatting.evidence(slow)) == (
        "slower, server p50 20 → 210 ms",
        "487 calls; 1: 652",
    )
    assert (
        summary(slow)
        == "web 1 → payment: old 2 GET /x: y: slower, server p50 20 → 210 ms against 1 (487 and 652 calls)"
    )
    broken = replace(slow, signal="violations", evidence=seen)
    assert (what(broken), formatting.evidence(broken)) == (
        "breaks its contract",
        "480 of 487 calls; 1: 340 of 652",
    )
