"""What an embedded store was given lately, kept beside it: the newest windows are counted without
being read.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

KEPT: dict[str, tuple[str, ...]] = {
    "halves": (
        "window", "trace", "call_span", "side", "own_span", "kind", "primary", "own_trace", "parent", "step", "environment", "cluster",
        "region", "namespace", "service", "version", "instance", "protocol", "operation", "peer", "peer_namespace", "address", "outcome",
        "error_type", "failed", "start_ns", "end_ns", "weight", "sampling", "content_hash",
    ),
    "inner_spans": ("window", "span", "parent", "operation"),
}  # fmt: skip
"""The tables that are kept, and of each the columns that closing reads of every row."""
COUNTED = "arrivals"
MOST_ROWS = 500_000
"""Some 60 MB: more than a minute and a half at 5,000 spans/s."""
MOST_WINDOWS = 10_000

Ranges = Sequence[tuple[int, int]]


class Recent:
    """Rows by window, as they were inserted, copies included. A window is told of only where all
    its rows are at hand: nobody else writes, and none of it was stored before.

    `stored_before()`: the windows, from first to last, of which the store holds rows already; it
    is asked by `prepare`, before the first row is stored. Safe between threads.
    """

    def __init__(self, stored_before: Callable[[], Ranges], most_rows: int = MOST_ROWS) -> None:
        self._stored_before, self.most_rows = stored_before, most_rows
        self._reached: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()
        self._before: Ranges | None = None
        self._floor = -1
        self._unsure: set[int] = set()
        self._rows: dict[int, dict[str, list[_Piece]]] = {}
        self._arrived: dict[int, int] = {}
        self._count = 0

    def prepare(self) -> None:
        """Ask what was stored before, once; to be called before anything is written."""
        with self._lock:
            if self._before is None:
                self._before = self._stored_before()

    def written(self, table: str, rows: pa.Table, *, surely: bool) -> None:
        """These rows were stored, `surely` or perhaps. What leaves columns to the store's defaults is
        known to the store alone.
        """
        if table == COUNTED and surely:
            self._count_arrived(rows)
        if table not in KEPT or not rows.num_rows:
            return
        window = rows.column("window").to_numpy()
        if not surely or not set(KEPT[table]) <= set(rows.column_names):
            with self._lock:
                self._unsure |= set(np.unique(window).tolist())
                self._drop(self._unsure & self._rows.keys())
            return
        kept = _narrow(rows.select(KEPT[table]))
        if table == "halves":
            stored = pa.array(np.full(len(window), int(time.time()), np.uint32))
            kept = kept.append_column("ingested", stored)
        ends = np.flatnonzero(np.append(window[1:] != window[:-1], True)) + 1
        with self._lock:
            begin = 0
            for end in ends.tolist():
                self._keep(int(window[begin]), table, _Piece(kept, begin, end))
                begin = end
            while self._count > self.most_rows:
                self._floor = min(self._rows)
                self._drop([self._floor])

    def rows(self, table: str, windows: Iterable[int]) -> list[pa.Table] | None:
        """All rows of these windows, in as few pieces as can be; None where only the store knows
        them all.
        """
        with self._lock:
            pieces = []
            for window in windows:
                if not self._is_whole(window):
                    return None
                pieces += self._rows.get(window, {}).get(table, [])
        return _joined(pieces)

    def holds(self, windows: Iterable[int]) -> bool:
        """Whether all rows of these windows are at hand."""
        with self._lock:
            return all(self._is_whole(window) for window in windows)

    def arrived(self, window: int) -> int:
        """How many rows of a window were told of as arrived."""
        with self._lock:
            return self._arrived.get(window, 0)

    @property
    def count(self) -> int:
        """How many rows are at hand."""
        with self._lock:
            return self._count

    def let_go(self, windows: Iterable[int]) -> None:
        """The rows of these windows are needed no more; the store is asked where they are."""
        with self._lock:
            gone = self._rows.keys() & set(windows)
            self._unsure |= gone
            self._drop(gone)

    def marked(self, marks: pa.Table) -> None:
        """How far event time has come in the partitions of a topic that are read now: rows of
        `watermarks`.
        """
        columns = (marks.column(name).to_pylist() for name in ("source_id", "topic", "partition"))
        reached = marks.column("watermark").cast(pa.int64()).to_pylist()
        told = dict(zip(zip(*columns, strict=True), reached, strict=True))
        topics = {topic for _, topic, _ in told}
        with self._lock:
            others = {key: at for key, at in self._reached.items() if key[1] not in topics}
            self._reached = others | told

    def reached(self) -> float | None:
        """The event time (s since the epoch) that all these partitions have reached."""
        with self._lock:
            return min(self._reached.values()) / 1e3 if self._reached else None

    def forget(self) -> None:
        """Something else wrote: what is in the store is asked again before the next row is."""
        with self._lock:
            self._before, self._floor = None, -1
            self._unsure.clear()
            self._arrived.clear()
            self._reached.clear()
            self._drop(list(self._rows))

    def _is_whole(self, window: int) -> bool:
        return (
            window > self._floor
            and window not in self._unsure
            and self._before is not None
            and not any(first <= window <= last for first, last in self._before)
        )

    def _count_arrived(self, rows: pa.Table) -> None:
        with self._lock:
            windows, counts = (rows.column(name).to_pylist() for name in ("window", "rows"))
            for window, count in zip(windows, counts, strict=True):
                self._arrived[window] = self._arrived.get(window, 0) + count
            if len(self._arrived) > MOST_WINDOWS:
                for window in sorted(self._arrived)[: MOST_WINDOWS // 2]:
                    del self._arrived[window]

    def _keep(self, window: int, table: str, piece: "_Piece") -> None:
        if self._is_whole(window):
            self._rows.setdefault(window, defaultdict(list))[table].append(piece)
            self._count += piece.end - piece.begin

    def _drop(self, windows: Iterable[int]) -> None:
        for window in list(windows):
            tables = self._rows.pop(window, {})
            self._count -= sum(
                piece.end - piece.begin for pieces in tables.values() for piece in pieces
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """The rows of a window among those of an insert."""

    rows: pa.Table
    begin: int
    end: int


def _joined(pieces: Iterable[_Piece]) -> list[pa.Table]:
    """The rows of these pieces. Those that lie side by side are one table again: a window of few
    rows is not to cost as much as one of many.
    """
    inserts: dict[int, list[_Piece]] = defaultdict(list)
    for piece in pieces:
        inserts[id(piece.rows)].append(piece)
    joined = []
    for of_insert in inserts.values():
        of_insert.sort(key=lambda piece: piece.begin)
        rows, begin, end = of_insert[0].rows, of_insert[0].begin, of_insert[0].begin
        for piece in of_insert:
            if piece.begin != end:
                joined.append(rows.slice(begin, end - begin))
                begin = piece.begin
            end = piece.end
        joined.append(rows.slice(begin, end - begin))
    return joined


def _narrow(rows: pa.Table) -> pa.Table:
    """The same rows, the numbers of words in as few bytes as hold them."""
    columns = {}
    for name in rows.column_names:
        chunks = rows.column(name).chunks
        column = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
        if pa.types.is_dictionary(column.type):
            size = len(column.dictionary)
            width = pa.int8() if size <= 1 << 7 else pa.int16() if size <= 1 << 15 else pa.int32()
            if column.type.index_type.bit_width > width.bit_width:
                numbers = column.indices.cast(width)
                column = pa.DictionaryArray.from_arrays(numbers, column.dictionary)
        columns[name] = column
    return pa.table(columns)
