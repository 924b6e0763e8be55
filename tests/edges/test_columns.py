"""Columns that are made by hand equal those that are made by sorting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.columns import distinct


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(-3, 2000), st.integers(0, 2**50))))
def test_distinct_numbers_are_those_of_numpy(numbers: list[int]) -> None:
    codes = np.array(numbers, np.int64)
    told, at = distinct(codes)
    wanted, places = np.unique(codes, return_inverse=True)
    assert (told.tolist(), at.tolist()) == (wanted.tolist(), places.tolist())
