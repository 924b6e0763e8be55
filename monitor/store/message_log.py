"""Messaging spans that an embedded store was given lately, kept beside it by trace; of those before
them it is known of nearly every trace that there are none. So closing seldom asks for them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MESSAGES = "message_ends"
COLUMNS = (
    "trace", "call_span", "side", "own_span", "window", "start_ns", "end_ns", "namespace", "service", "version", "failed", "weight",
    "sampling", "step", "content_hash",
)  # fmt: skip
MOST_ROWS = 100_000
"""Some 12 MB: of 5,000 spans/s with one message in twenty more than five minutes."""
KEPT_SECONDS = 25 * 3600.0
"""Rows stand in the store for 24 hours."""
MOST_STORED = 500_000
"""So many traces that were stored before are learned at the start; beyond, the store is asked."""
_BITS, _PLACES = 27, 4

Traces = NDArray[np.uint64]
"""Two numbers a row."""
Numbers = NDArray[np.uint64]


class MessageLog:
    """Rows of `message_ends` as they were inserted, copies included. Safe between threads.

    `stored_before()`: the traces of which the store holds rows already, None where they are too
    many; it is asked by `prepare`, before the first row is stored.
    """

    def __init__(
        self,
        stored_before: Callable[[], Traces | None],
        most_rows: int = MOST_ROWS,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stored_before, self._most_rows, self._seconds = stored_before, most_rows, seconds
        self._lock = threading.Lock()
        self._older: _Older | None = None
        self._blind_until = 0.0
        self._pieces: deque[_Piece] = deque()
        self._count = 0

    def prepare(self) -> None:
        """Ask what was stored before, once; to be called before anything is written."""
        with self._lock:
            if self._older is not None:
                return
            traces, self._older = self._stored_before(), _Older(self._seconds)
            if traces is None:
                self._blind_until = self._seconds() + KEPT_SECONDS
            else:
                self._older.add(numbers_of(traces))

    def written(self, rows: pa.Table, *, surely: bool) -> None:
        """These rows were stored, `surely` or perhaps. What leaves columns to the store's defaults
        is known to the store alone.
        """
        piece = _Piece(rows, numbers_of(traces_of(rows)))
        with self._lock:
            if self._older is None:
                return
            if not surely or not set(COLUMNS) <= set(rows.column_names):
                self._older.add(piece.numbers)
                return
            self._pieces.append(_Piece(rows.select(COLUMNS), piece.numbers))
            self._count += rows.num_rows
            while self._count > self._most_rows:
                gone = self._pieces.popleft()
                self._count -= len(gone.numbers)
                self._older.add(gone.numbers)

    def about(self, traces: Traces) -> tuple[list[tuple[pa.Table, Numbers]], Traces] | None:
        """All pieces at hand, each with the numbers of its traces; and those of these traces of
        which the store may hold more. None where that is not known of any.
        """
        numbers = numbers_of(traces)
        with self._lock:
            if self._older is None or self._seconds() < self._blind_until:
                return None
            unsure = self._older.may_hold(numbers)
            return [(piece.rows, piece.numbers) for piece in self._pieces], traces[unsure]

    def forget(self) -> None:
        """Something else wrote: what is in the store is asked again before the next row is."""
        with self._lock:
            self._older, self._blind_until = None, 0.0
            self._pieces.clear()
            self._count = 0


def traces_of(rows: pa.Table) -> Traces:
    """The column `trace` as numbers."""
    chunks = [
        np.frombuffer(chunk.buffers()[1], np.uint64)[
            2 * chunk.offset : 2 * (chunk.offset + len(chunk))
        ]
        for chunk in rows.column("trace").chunks
        if len(chunk)
    ]
    return np.concatenate([np.zeros(0, np.uint64), *chunks]).reshape(-1, 2)


def numbers_of(traces: Traces) -> Numbers:
    """One number for each trace: two traces seldom have the same."""
    mixed: Numbers = traces[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ traces[:, 1]
    return mixed * np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    rows: pa.Table
    numbers: Numbers


class _Older:
    """Numbers that were added in the last 25 hours or so, as a filter of bits: what was added is
    always told, what was not, seldom (1 in 400 after 8 million). The bits are two times 16 MB, of
    which only those in use take memory.
    https://en.wikipedia.org/wiki/Bloom_filter
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds, self._begun = seconds, seconds()
        self._bits = [np.zeros(0, np.uint8), np.zeros(0, np.uint8)]

    def add(self, numbers: Numbers) -> None:
        """These are told from now on."""
        if not len(numbers):
            return
        now = self._seconds()
        if now - self._begun > KEPT_SECONDS:
            self._bits, self._begun = [np.zeros(0, np.uint8), self._bits[0]], now
        if not len(self._bits[0]):
            self._bits[0] = np.zeros(1 << _BITS - 3, np.uint8)
        for places in _places(numbers):
            np.bitwise_or.at(self._bits[0], places >> np.uint64(3), _bit(places))

    def may_hold(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Of each number whether it was perhaps added."""
        may = np.zeros(len(numbers), bool)
        for bits in self._bits:
            if len(bits):
                held = np.ones(len(numbers), bool)
                for places in _places(numbers):
                    held &= (bits[places >> np.uint64(3)] & _bit(places)) != 0
                may |= held
        return may


def _places(numbers: Numbers) -> list[Numbers]:
    step = numbers * np.uint64(0xBF58476D1CE4E5B9) | np.uint64(1)
    return [(numbers + np.uint64(turn) * step) >> np.uint64(64 - _BITS) for turn in range(_PLACES)]


def _bit(places: Numbers) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
