"""Rows found by keys, held against the plain way, whatever the keys: also those that hash to one
place.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.columns import mix, mix_by_reference
from monitor.edges.counting.joins import (
    distinct,
    firsts,
    in_order,
    lookup,
    lookup_by_reference,
    matches,
    members,
)

CLOSE = st.integers(0, 9)
WIDE = st.integers(0, 2**64 - 1)
KEYS = st.one_of(
    st.lists(CLOSE, max_size=60),
    st.lists(WIDE, max_size=60),
    st.lists(st.one_of(CLOSE, WIDE), max_size=300),
)
NUMBERS = st.lists(st.one_of(CLOSE, st.integers(0, 2**62)), max_size=60)
RNG = np.random.default_rng(7)
MANY = [int(number) for number in RNG.integers(0, 5000, 4000)]


def plainly(left_keys: list[int], right_keys: list[int]) -> list[tuple[int, int]]:
    """All pairs of places with the same key."""
    places: dict[int, list[int]] = {}
    for at, key in enumerate(right_keys):
        places.setdefault(key, []).append(at)
    return [(left, right) for left, key in enumerate(left_keys) for right in places.get(key, ())]


def held(left_keys: list[int], right_keys: list[int]) -> None:
    a, b = np.array(left_keys, np.uint64), np.array(right_keys, np.uint64)
    pairs = plainly(left_keys, right_keys)
    left, right = matches(a, b)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == pairs
    first = dict(reversed(pairs))
    for way in (lookup, lookup_by_reference):
        assert way(b, a).tolist() == [first.get(at, -1) for at in range(len(left_keys))]
    assert members(a, b).tolist() == [at in first for at in range(len(left_keys))]
    assert firsts(a).tolist() == [left_keys.index(key) for key in left_keys]
    assert distinct(a).tolist() == sorted(set(left_keys))


@given(KEYS, KEYS)
def test_pairs_are_those_with_one_key_in_the_order_of_their_rows(
    one: list[int], other: list[int]
) -> None:
    held(one, other)


def test_many_keys_of_which_most_stand_close_together_are_all_found() -> None:
    held(MANY[:2000], MANY[2000:])
    # their last bits are all alike
    spread = [int(number) << 51 for number in RNG.integers(0, 2**13, 3000)]
    held(spread, spread[::-1])


@given(NUMBERS)
def test_rows_of_one_number_keep_their_order(numbers: list[int]) -> None:
    held_against = np.argsort(np.array(numbers, np.int64), kind="stable")
    assert in_order(np.array(numbers, np.int64)).tolist() == held_against.tolist()


@given(st.lists(st.tuples(WIDE, WIDE, WIDE), max_size=40))
def test_keys_of_columns_are_the_same_by_either_way(rows: list[tuple[int, int, int]]) -> None:
    columns = np.array(rows, np.uint64).reshape(-1, 3)
    traces, spans = columns[:, :2], columns[:, 2]
    made = mix(traces, spans).tolist()
    assert made == mix_by_reference(traces, spans).tolist()
    assert made == mix(columns[:, 0], columns[:, 1], spans).tolist()
