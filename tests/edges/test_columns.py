"""Columns that are made by hand equal those that are made by sorting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.columns import distinct, fixed, gather
from monitor.native import BUILT


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(-3, 2000), st.integers(0, 2**50))))
def test_distinct_numbers_are_those_of_numpy(numbers: list[int]) -> None:
    codes = np.array(numbers, np.int64)
    told, at = distinct(codes)
    wanted, places = np.unique(codes, return_inverse=True)
    assert (told.tolist(), at.tolist()) == (wanted.tolist(), places.tolist())


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=300), st.data())
def test_what_stands_at_places_is_the_same_however_it_is_taken(
    table: list[int], data: st.DataObject
) -> None:
    places = data.draw(st.lists(st.integers(0, len(table) - 1), max_size=50))
    for kind in (np.int16, np.int32, np.int64, np.uint32):
        target = np.zeros(len(places), np.int32)
        gather(np.array(table, np.int32), np.array(places, kind), target)
        assert target.tolist() == [table[place] for place in places]


@pytest.mark.skipif(BUILT is None, reason="the native readers are not built here")
def test_a_place_that_is_not_there_and_a_number_that_does_not_fit_are_refused() -> None:
    assert BUILT is not None
    few, target = np.array([1, 2, 300], np.int32), np.zeros(1, np.int32)
    for place in (3, -1):
        with pytest.raises(ValueError, match="not there"):
            BUILT.gather(few, np.array([place], np.int8), target)
    with pytest.raises(ValueError, match="too wide"):
        BUILT.gather(few, np.array([0], np.int8), np.zeros(1, np.int8))
    with pytest.raises(ValueError, match="lengths"):
        BUILT.gather(few, np.array([0, 1], np.int8), target)


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=9), st.integers(1, 3))
def test_fixed_bytes_are_the_rows_bytes(traces: list[bytes], step: int) -> None:
    whole = np.frombuffer(b"".join(traces), "V16")
    assert fixed(whole[::step], 16).to_pylist() == traces[::step]
    numbers = np.frombuffer(b"".join(traces), np.uint64).reshape(-1, 2)
    assert fixed(numbers[::step], 16).to_pylist() == traces[::step]
    halves = [trace[:8] for trace in traces]
    assert fixed(np.ascontiguousarray(numbers[:, 0]), 8).to_pylist() == halves
    assert fixed(numbers[:, 0], 8).to_pylist() == halves
