"""Which of several stores a row belongs to, by its trace: rows of one trace stand together."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
_BY_TRACE = {
    "halves": "own_trace",
    "inner_spans": "trace",
    "long_spans": "trace",
    "exchanges": "trace",
    "violations": "trace",
}
_PLACE = ("partition", "offset", "index")
CONSUMER = 5  # as OTLP numbers the kinds of spans


def place_of_rows(table: str, rows: pa.Table, count: int) -> NDArray[np.int64]:
    """Of each row the place of its store among `count`. A span goes where the spans of its own
    trace are; an exchange without a trace by the place of its record.
    """
    keys = _mixed(*trace_numbers(rows.column(_BY_TRACE[table])).T)
    if "has_trace" in rows.column_names:
        placed = [rows.column(name).to_numpy().astype(np.uint64) for name in _PLACE]
        keys = np.where(rows.column("has_trace").to_numpy() == 1, keys, _mixed(*placed))
    return (keys % np.uint64(count)).astype(np.int64)


def linked_elsewhere(halves: pa.Table, count: int) -> list[str]:
    """Messages (trace and span as hex) to which consumers link whose own traces belong to
    another store.
    """
    consumes = halves.column("kind").to_numpy() == CONSUMER
    rows = halves.filter(pa.array(consumes))
    if not rows.num_rows:
        return []
    apart = [
        _mixed(*trace_numbers(rows.column(name)).T) % np.uint64(count)
        for name in ("trace", "own_trace")
    ]
    return messages_of(rows.filter(pa.array(apart[0] != apart[1])))


def messages_of(rows: pa.Table) -> list[str]:
    """The messages of these rows, each once, as trace and span in hex."""
    pairs = zip(
        rows.column("trace").to_pylist(), rows.column("call_span").to_pylist(), strict=True
    )
    return sorted({(trace + span).hex() for trace, span in pairs})


def shares(rows: NDArray[np.uint64], count: int) -> list[NDArray[np.uint64]]:
    """Numbers parted evenly into `count`, so that all parts together make the whole."""
    whole = np.uint64(count)
    return [rows // whole + (np.uint64(number) < rows % whole) for number in range(count)]


def trace_numbers(column: pa.ChunkedArray) -> Numbers:
    """Two numbers a row of a column of traces."""
    pieces = [
        np.frombuffer(chunk.buffers()[1], np.uint64)[
            2 * chunk.offset : 2 * (chunk.offset + len(chunk))
        ]
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([np.zeros(0, np.uint64), *pieces]).reshape(-1, 2)


def _mixed(*columns: Numbers) -> Numbers:
    """A number in which every bit of these takes part: ids of traces are not always random."""
    state = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        state = (state ^ column) * np.uint64(0xD6E8FEB86659FD93)
        state ^= state >> np.uint64(32)
        state *= np.uint64(0xD6E8FEB86659FD93)
        state ^= state >> np.uint64(32)
    return state
