"""Messaging spans at hand, with those of which only the store knows, are all that were written."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.message_log import COLUMNS, KEPT_SECONDS, MessageLog, Traces, numbers_of


def traces(*numbers: int) -> Traces:
    return np.array([(number, 7 * number) for number in numbers], np.uint64).reshape(-1, 2)


def rows(*numbers: int) -> pa.Table:
    packed = [trace.tobytes() for trace in traces(*numbers)]
    others = {name: pa.array([0] * len(numbers)) for name in COLUMNS if name != "trace"}
    return pa.table({"trace": pa.array(packed, pa.binary(16)), **others}).select(COLUMNS)


def told(log: MessageLog, *numbers: int) -> tuple[dict[int, int], set[int]] | None:
    """Of these traces how many rows are at hand, and of which the store may hold more."""
    answer = log.about(traces(*numbers))
    if answer is None:
        return None
    pieces, unsure = answer
    at_hand = [number for _, of_piece in pieces for number in of_piece.tolist()]
    assert at_hand == [
        number for piece, _ in pieces for number in numbers_of(_traces(piece)).tolist()
    ]
    counts = {number: at_hand.count(int(numbers_of(traces(number))[0])) for number in numbers}
    return {number: count for number, count in counts.items() if count}, {
        int(trace[0]) for trace in unsure
    }


def _traces(piece: pa.Table) -> Traces:
    packed = b"".join(piece.column("trace").to_pylist())
    return np.frombuffer(packed, np.uint64).reshape(-1, 2)


some = st.integers(1, 30)
writes = st.lists(st.tuples(st.lists(some, max_size=6), st.booleans()), max_size=12)


@given(st.sets(some, max_size=5), writes, st.integers(0, 20))
def test_a_trace_is_whole_at_hand_or_the_store_is_asked(
    before: set[int], written: list[tuple[list[int], bool]], most_rows: int
) -> None:
    log = MessageLog(lambda: traces(*before), most_rows)
    log.prepare()
    counts = dict.fromkeys(range(1, 31), 0)
    for numbers, surely in written:
        log.written(rows(*numbers), surely=surely)
        for number in numbers:
            counts[number] += 1
    answer = told(log, *range(1, 31))
    assert answer is not None
    at_hand, unsure = answer
    assert before <= unsure
    assert all(
        number in unsure or at_hand.get(number, 0) == count for number, count in counts.items()
    )
    assert sum(at_hand.values()) <= max(most_rows, 0)


def test_the_store_is_not_asked_of_what_it_never_held() -> None:
    log = MessageLog(lambda: traces(*range(1000, 9000)))
    log.prepare()
    log.written(rows(1, 2, 2), surely=True)
    assert told(log, 1, 2, 3) == ({1: 1, 2: 2}, set())


def test_where_too_much_was_stored_before_the_store_is_asked_until_that_is_gone() -> None:
    now = 0.0
    log = MessageLog(lambda: None, seconds=lambda: now)
    assert told(log, 1) is None
    log.prepare()
    log.written(rows(1), surely=True)
    assert told(log, 1) is None
    now = KEPT_SECONDS + 1
    assert told(log, 1) == ({1: 1}, set())
    log.forget()
    assert told(log, 1) is None


def test_what_went_a_day_ago_is_still_told_and_after_two_no_longer() -> None:
    now = 0.0
    log = MessageLog(traces, most_rows=1, seconds=lambda: now)
    log.prepare()
    for number, hours in ((1, 0), (2, 0), (3, 26), (4, 26), (5, 52), (6, 52)):
        now = hours * 3600.0
        log.written(rows(number), surely=True)
        if hours == 26:
            assert (told(log, 1) or ({}, set()))[1] == {1}
    assert told(log, 1, 2, 3, 4, 5) == ({}, {2, 3, 4, 5})
