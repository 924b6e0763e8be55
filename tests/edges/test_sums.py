"""What calls sum up to, and how long spans were busy: natively as by nothing but Python."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.counting.frame import Frame, Words
from monitor.edges.counting.own_time import busy_by_reference, busy_ns
from monitor.edges.counting.rows import GROUP, Calls, natively, summed
from monitor.model.edges import OUTCOMES
from monitor.native import BUILT

pytestmark = pytest.mark.skipif(BUILT is None, reason="the native readers are not built here")
SPOKEN = ("", *OUTCOMES, "valid", "violated", "not_checked", "http", "unknown", "a", "b")
WORDS = st.integers(0, len(SPOKEN) - 1)
FEW = st.integers(0, 2)
TIMES = st.one_of(
    st.integers(0, 3), st.integers(0, 10**7), st.integers(10**9, 2**62), st.just(500_000_000)
)
FLAGS = (
    "counts", "has_client", "has_server", "has_queue", "paired", "from_log", "told", "is_failed",
)  # fmt: skip
CALL = st.fixed_dictionaries(
    dict.fromkeys(GROUP[:3], FEW)
    | dict.fromkeys(("outcome", "error_type", "verdict", "why"), WORDS)
    | {name: st.booleans() for name in FLAGS}
    | {f"{name}_time": TIMES for name in ("client", "server", "self", "queue")}
    | {"folds": FEW, "weight": st.sampled_from([1.0, 2.0, 64.0]), "sampling": FEW}
    | {"trace": st.tuples(FEW, st.sampled_from([0, 1, 2**63, 2**64 - 1]))}
)


def calls_of(rows: list[dict[str, Any]]) -> Calls:
    kinds: dict[str, Any] = dict.fromkeys(FLAGS, bool) | {
        "window": np.uint32, "weight": np.float64, "sampling": np.uint8, "trace": np.uint64, "folds": np.int64
    }  # fmt: skip
    kinds |= {f"{name}_time": np.int64 for name in ("client", "server", "self", "queue")}
    names = {*GROUP, *(rows[0] if rows else {})}
    columns = {
        name: np.array([row.get(name, 0) for row in rows], kinds.get(name, np.int32))
        for name in names
    }
    columns["trace"] = columns["trace"].reshape(-1, 2)
    return Calls(columns)


def told() -> Words:
    words = Words()
    words.numbers(SPOKEN)
    return words


@given(st.lists(st.lists(CALL, min_size=1, max_size=30), min_size=1, max_size=3))
def test_calls_sum_up_to_the_same_natively_and_by_python(
    parts: list[list[dict[str, Any]]],
) -> None:
    calls = [calls_of(rows) for rows in parts]
    by_python, native = told(), told()
    made = natively(calls, native).table(native, 7)
    assert made.schema == summed(calls, by_python).table(by_python, 7).schema
    assert made.to_pylist() == summed(calls, by_python).table(by_python, 7).to_pylist()


def test_calls_of_all_lengths_of_time_fall_into_the_same_buckets() -> None:
    rng = np.random.default_rng(3)
    some = [
        int(ns) for ns in np.concatenate([10 ** rng.uniform(0, 12, 20_000), 2.0 ** np.arange(50)])
    ]
    row = dict.fromkeys(("client_time", "server_time", "self_time", "queue_time"), 0)
    flags: dict[str, Any] = dict.fromkeys(FLAGS, True)
    calls = calls_of(
        [
            row | flags | {"client_time": ns, "trace": (1, 1), "outcome": 1, "error_type": 0, "verdict": 0, "why": 0, "folds": 0, "weight": 1.0, "sampling": 0}
            for ns in some
        ]
    )  # fmt: skip
    words = told()
    assert natively([calls], words).table(words, 1) == summed([calls], words).table(words, 1)


SPAN = st.tuples(FEW, FEW, FEW, st.integers(0, 40), st.integers(0, 40))


@given(st.lists(SPAN, max_size=40), st.data())
def test_spans_are_busy_for_as_long_natively_as_by_python(
    spans: list[tuple[int, int, int, int, int]], data: st.DataObject
) -> None:
    halves = Frame({}, len(spans))
    trace = np.array([[span[0], 7] for span in spans], np.uint64).reshape(-1, 2)
    halves.add("own_trace", trace)
    for at, name in enumerate(("service", "instance")):
        halves.add(name, np.array([span[1 + at] for span in spans], np.int32))
    halves.add("start_ns", np.array([min(span[3:]) for span in spans], np.uint64))
    halves.add("end_ns", np.array([max(span[3:]) for span in spans], np.uint64))
    rows = st.lists(st.integers(0, len(spans) - 1), max_size=60) if spans else st.just([])
    answering, outgoing = (np.array(data.draw(rows), np.int64) for _ in range(2))
    plain = busy_by_reference(halves, answering, outgoing)
    assert busy_ns(halves, answering, outgoing).tolist() == plain.tolist()
