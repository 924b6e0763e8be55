"""Rows of a trace stand together, and together all parts are the whole."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.gathering import MERGES, Merge, merged
from monitor.store.spread import linked_elsewhere, place_of_rows, shares

TRACES = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=50)


@given(TRACES, st.integers(1, 5))
def test_a_trace_has_one_place_whatever_stands_beside_it(traces: list[bytes], count: int) -> None:
    spans = pa.table({"trace": pa.array(traces, pa.binary(16))})
    halves = pa.table({"own_trace": pa.array(traces[::-1], pa.binary(16))})
    places = place_of_rows("inner_spans", spans, count)
    assert ((places >= 0) & (places < count)).all()
    assert places.tolist() == place_of_rows("halves", halves, count).tolist()[::-1]
    apart = [
        place_of_rows("inner_spans", spans.slice(at, 1), count)[0] for at in range(len(traces))
    ]
    assert places.tolist() == apart


def test_traces_that_count_up_are_spread_evenly() -> None:
    traces = [(0xABC << 100 | number).to_bytes(16, "big") for number in range(30_000)]
    rows = pa.table({"trace": pa.array(traces, pa.binary(16))})
    for count in (2, 3, 7):
        held = np.bincount(place_of_rows("inner_spans", rows, count), minlength=count)
        assert (abs(held - 30_000 / count) < 0.05 * 30_000 / count).all()


@given(st.lists(st.integers(0, 2**40), max_size=20), st.integers(1, 5))
def test_shares_make_the_whole(rows: list[int], count: int) -> None:
    parts = shares(np.array(rows, np.uint64), count)
    assert sum(part.astype(object) for part in parts).tolist() == rows if rows else True
    assert len(parts) == count


def test_an_exchange_without_a_trace_goes_by_the_place_of_its_record() -> None:
    rows = pa.table(
        {
            "trace": pa.array([bytes(16)] * 1000, pa.binary(16)),
            "has_trace": pa.array([0] * 1000, pa.uint8()),
            "partition": pa.array([1] * 1000, pa.uint32()),
            "offset": pa.array(range(1000), pa.uint64()),
            "index": pa.array([0] * 1000, pa.uint32()),
        }
    )
    places = place_of_rows("exchanges", rows, 2)
    assert 400 < places.sum() < 600
    assert place_of_rows("violations", rows, 2).tolist() == places.tolist()


def test_only_consumers_whose_own_trace_is_elsewhere_are_linked_elsewhere() -> None:
    traces = [number.to_bytes(16, "big") for number in range(40)]
    rows = pa.table(
        {
            "kind": pa.array([5] * 40 + [3] * 40, pa.uint8()),
            "trace": pa.array([traces[0]] * 80, pa.binary(16)),
            "own_trace": pa.array(traces * 2, pa.binary(16)),
            "call_span": pa.array(
                [number.to_bytes(8, "big") for number in range(80)], pa.binary(8)
            ),
        }
    )
    places = place_of_rows("halves", rows, 2)[:40]
    assert len(linked_elsewhere(rows, 2)) == (places != places[0]).sum() > 0
    assert linked_elsewhere(rows, 1) == []


def test_answers_are_put_together_and_keep_their_order() -> None:
    how = Merge(sums=("n",), least=("a",), most=("z",), maps=("m",), order=("-n", "key"))
    first = [
        {"key": "x", "n": 1, "a": 5, "z": 5, "m": {1: 1}},
        {"key": "b", "n": 3, "a": 1, "z": 1, "m": {}},
    ]
    second = [{"key": "x", "n": 2, "a": 2, "z": 9, "m": {0: 4, 1: 1}}]
    assert merged([first, second], how) == [
        {"key": "b", "n": 3, "a": 1, "z": 1, "m": {}},
        {"key": "x", "n": 3, "a": 2, "z": 9, "m": {0: 4, 1: 2}},
    ]
    assert merged([[], []], MERGES["alike"]) == []
