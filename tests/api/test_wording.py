"""Numbers and names on the page."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.api import wording

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_what_cannot_be_seen_becomes_visible() -> None:
    assert wording.name("a\u202eb\nc\u200bd\x00") == "a\\u202eb\\u000ac\\u200bd\\u0000"
    assert wording.name("Grüße 店") == "Grüße 店"


def test_long_names_are_cut() -> None:
    assert len(wording.name("x" * 10_000)) == wording.LONGEST + 1


def test_an_absent_side_is_a_dash_and_not_zero() -> None:
    assert wording.duration(None) == "–"
    assert wording.percent(None) == "–"
    assert wording.percent(0, 0) == "–"
    assert wording.version("") == "no version"


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
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(("share", "said"), [(0, "0 %"), (0.00001, "<0.01 %"), (0.0268, "2.68 %"), (0.4, "40.0 %"), (1, "100 %")])
def test_shares_have_digits_that_say_something(share: float, said: str) -> None:
    assert wording.percent(share) == said


@pytest.mark.parametrize(
    ("calls", "seconds", "said"), [(1500, 10, "150/s"), (22, 10, "2.2/s"), (1, 60, "1/min"), (0, 10, "0/s"), (5, 0, "–")]
)
def test_rates_are_per_minute_where_there_are_few(calls: float, seconds: float, said: str) -> None:
    assert wording.rate(calls, seconds) == said


def test_times_are_told_by_their_distance() -> None:
    assert wording.ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert wording.ago(NOW + timedelta(hours=3), NOW) == "in 3 h"
    assert wording.ago(datetime(1970, 1, 1, tzinfo=UTC), NOW) == "never"
    assert wording.ago(None, NOW) == "never"
