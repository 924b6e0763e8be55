"""Quantiles of histograms are within a bucket's width of those of the values themselves."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.edges import ZERO_BUCKET
from monitor.model.quantiles import quantile, upper_bound


def bucket(seconds: float) -> int:
    """As the store's SQL puts a time into a bucket."""
    return ZERO_BUCKET if seconds == 0 else math.ceil(math.log2(seconds) * 8) - 1


@given(st.lists(st.floats(1e-6, 3600), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_within_9_percent_of_the_value_it_stands_for(
    times: list[float], share: float
) -> None:
    estimate = quantile(Counter(map(bucket, times)), share)
    exact = sorted(times)[max(0, math.ceil(round(share * len(times), 9)) - 1)]
    assert estimate == pytest.approx(exact, rel=0.0906)


def test_within_a_bucket_it_is_interpolated() -> None:
    assert quantile({7: 4}, 0.5) == pytest.approx(2 ** (7.5 / 8))
    assert quantile({7: 4}, 1.0) == upper_bound(7) == 2.0


def test_calls_that_took_no_time_are_at_zero() -> None:
    assert upper_bound(ZERO_BUCKET) == 0
    assert quantile({ZERO_BUCKET: 3, 7: 1}, 0.5) == 0
    assert quantile({ZERO_BUCKET: 1, 7: 3}, 0.99) == pytest.approx(2.0, rel=0.02)


def test_an_empty_histogram_has_none_and_an_empty_bucket_is_none() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({7: 0}, 0.5) is None
    assert quantile({-8: 0, 7: 2}, 0.0001) == pytest.approx(2 ** (7 / 8), rel=0.001)


def test_a_share_beyond_all_is_the_largest_bound() -> None:
    assert quantile({7: 1}, 1.1) == 2.0
