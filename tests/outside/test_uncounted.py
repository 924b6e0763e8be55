"""Where nobody tells how many calls there were, a bin is one thing seen: no number of calls is
evidence, and calls that are no longer made are not seen.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.outside.rows import Row, beside, deploy, minutes, replaced, row
from tests.outside.test_judge import RATES, told

UNCOUNTED = "nothing tells how many calls pay makes to others"


@pytest.mark.parametrize(("bins", "verdict"), [(3, "inconclusive"), (30, "fail")])
def test_a_few_slow_bins_of_a_canary_are_a_few_slow_calls_perhaps(
    bins: int, verdict: str, tmp_path: Path, capsys: Any
) -> None:

    def rows(minute: int) -> list[Row]:
        usual = 30.0 if minute % 4 == 0 else 6.0
        quick = {**RATES, "success_rate": 1.0, "p50_ms": usual, "p95_ms": None}
        both = beside({"p50_ms": 60.0}, **quick)(minute)
        return both if minute < 30 and minute % (30 // bins) == 0 else both[:1]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == verdict


@pytest.mark.parametrize(("slow", "verdict"), [({6, 8}, "inconclusive"), (range(30), "fail")])
def test_the_slowest_of_two_minutes_is_no_tail_of_calls_that_nobody_counts(
    slow: Collection[int], verdict: str, tmp_path: Path, capsys: Any
) -> None:
    def rows(minute: int) -> list[Row]:
        rate = (0.9613, 1.0)[minute % 2]
        usual = {**RATES, "success_rate": rate, "p50_ms": 30.0 + minute % 4}
        mine = row(
            minute,
            **{**usual, "p95_ms": 500.0 if minute in slow else 45.0 + 3 * (minute % 5)},
            version="1.0" if minute < 0 else "2.0",
        )
        return [mine, row(minute, callee="stock", operation="GET /stock", version="7", **RATES)]

    (answer,) = told(capsys, tmp_path, minutes(rows), deploy())
    assert answer["verdict"] == verdict


@pytest.mark.parametrize("counts", [{}, RATES], ids=["told", "assumed"])
def test_calls_that_nobody_counts_hold_a_weaker_pass_back(
    counts: Row, tmp_path: Path, capsys: Any
) -> None:
    """The same shop twice: pay answers as ever, and calls the bank as ever."""

    def rows(minute: int) -> list[Row]:
        to_bank = row(
            minute, caller="pay", callee="bank", operation="charge", version="3", **counts
        )
        return [*replaced({}, **counts)(minute), to_bank]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == "inconclusive"
    assert answer["reason"].startswith("weaker pass") == (not counts)


def test_assumed_counts_that_change_are_no_calls_that_are_missing(
    tmp_path: Path, capsys: Any
) -> None:
    """The bank's rates become those of few calls when pay is deployed: 8 of 9, 7 of 8."""

    def rows(minute: int) -> list[Row]:
        rate = (0.9973, 0.9961, 0.9984)[minute % 3] if minute < 0 else (8 / 9, 1.0)[minute % 2]
        bank = {"caller": "pay", "callee": "bank", "operation": "charge"}
        to_bank = row(minute, **{**bank, **RATES, "success_rate": rate, "p95_ms": None})
        mine = row(minute, **RATES, version="1.0" if minute < 0 else "2.0")
        return [mine, {**to_bank, "version": "3"}]

    (answer,) = told(capsys, tmp_path, minutes(rows), deploy())
    assert "fanout" not in answer["reason"]
    assert "another share of its calls" not in answer["reason"]


def test_what_is_lacking_is_told(tmp_path: Path, capsys: Any) -> None:
    def rows(minute: int) -> list[Row]:
        to_bank = row(
            minute, caller="pay", callee="bank", operation="charge", version="3", **RATES
        )
        mine = row(minute, **RATES, version="1.0")
        return (
            [mine, row(minute, **RATES, version="2.0"), to_bank]
            if minute >= 0
            else [mine, to_bank]
        )

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == "inconclusive"
    assert UNCOUNTED in answer["reason"]
