"""How much may be unreadable before reading stops."""

import pytest

from monitor.errors import RejectLimit
from monitor.streams.limit import RejectBudget, RejectLimits

LIMITS = RejectLimits(max_share=0.5, window_records=100, max_run=60)


def test_one_bad_record_in_a_hundred_is_borne() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    for _ in range(100):
        budget.spend(100, [7])


def test_a_run_over_several_batches_stops_reading() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    budget.spend(40, range(10, 40))
    with pytest.raises(
        RejectLimit, match=r"otlp_spans: 61 records in a row .*last reason: truncated"
    ):
        budget.spend(40, range(31), "truncated")


def test_a_good_record_ends_a_run() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    budget.spend(50, range(50))
    budget.spend(41, range(1, 21))


def test_a_share_over_the_limit_stops_reading_once_the_window_is_full() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    budget.spend(90, [index for index in range(90) if index % 3])
    with pytest.raises(RejectLimit, match="66 of the last 100 records"):
        budget.spend(10, [0, 2, 4, 6, 7, 9])


def test_old_batches_leave_the_window() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    budget.spend(50, range(0, 50, 2))
    for _ in range(10):
        budget.spend(100, [])
    budget.spend(100, range(0, 100, 2))


def test_an_empty_batch_keeps_the_run() -> None:
    budget = RejectBudget(LIMITS, "otlp_spans")
    budget.spend(60, range(60))
    budget.spend(0, [])
    with pytest.raises(RejectLimit):
        budget.spend(1, [0])


def test_a_share_of_one_bears_everything() -> None:
    budget = RejectBudget(
        RejectLimits(max_share=1.0, window_records=100, max_run=60), "otlp_spans"
    )
    for _ in range(10):
        budget.spend(100, range(100))
