"""Windows that reading has left behind are closed while it goes on: what fell into them is still at
hand then, and need not be read from the store.
"""

from collections.abc import Set as AbstractSet

from monitor.joining.closing import Closer
from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store

LAG_SECONDS, LONGEST_LAG_SECONDS = 15.0, 240.0
"""So long after a window's end by event time little comes: exporters flush every 5 s. Where more
does, twice as long is waited, and so on.
"""
MOST_ROWS = 1_400_000
"""Rows are at hand for so long, some 170 MB: at 20,000 spans/s the five windows about the one that
is closed are a million.
"""
ENOUGH = 0.25
"""From this share of them on windows are closed: the later, the less comes after it."""
AROUND = 2
"""Windows on either side in which copies of its halves may stand."""
MOST_TOUCHED_AGAIN = 0.1
MOST_WAITING = 10_000


class Behind:
    """Looks, after each batch of a topic or a file that is read to its end, which windows may be
    closed. It only saves work: what comes later is closed again at the end, and where more than a
    few windows get something after all, they are closed later, or none is any more.
    """

    def __init__(self, store: Store, closer: Closer, most_rows: int = MOST_ROWS) -> None:
        self._log, self._recent, self._closer = store.window_log, store.recent, closer
        self._mark = 0 if self._log is None else self._log.mark()
        self._waiting: set[int] = set()
        self._closed: set[int] = set()
        self._held: set[int] = set()
        self._lag, self._again = LAG_SECONDS, 0
        self._closed_so: set[int] = set()  # with this lag
        self._usual_rows = 0
        if self._recent is not None:
            self._usual_rows, self._recent.most_rows = self._recent.most_rows, most_rows

    @property
    def can_tell(self) -> bool:
        """Whether the store keeps beside it what it was given lately."""
        return self._log is not None and self._recent is not None

    @property
    def published(self) -> int:
        """How many windows it closed."""
        return len(self._closed)

    def left(self) -> AbstractSet[int]:
        """A batch was written: the windows that may be closed now, where they fill a batch."""
        if self._log is None or self._recent is None or len(self._waiting) > MOST_WAITING:
            return frozenset()
        before, self._mark = self._mark, self._log.mark()
        touched = self._log.touched_since(before)
        reached = self._recent.reached()
        if touched is None or reached is None:
            return frozenset()
        self._again += len(touched & self._closed_so)
        self._waiting |= touched - self._closed
        if self._again > MOST_TOUCHED_AGAIN * len(self._closed_so):
            self._lag, self._again = 2 * self._lag, 0
            self._closed_so = set()
        if self._lag > LONGEST_LAG_SECONDS:
            self._recent.most_rows = self._usual_rows
            return frozenset()
        if self._recent.count < ENOUGH * self._recent.most_rows:
            return frozenset()
        left = {
            window
            for window in self._waiting
            if window + WINDOW_SECONDS + self._lag <= reached
            and not touched & _around(window, 1)
            and self._recent.holds(_around(window, AROUND))
        }
        rows = sum(map(self._recent.arrived, left))
        return frozenset() if self._closer.fills_no_batch(rows) else left

    def close(self, left: AbstractSet[int]) -> None:
        """Close those of them that fill batches, and forget their rows where nobody needs them."""
        assert self._recent is not None
        closed = self._closer.close_left(left)
        self._closed |= closed
        self._closed_so |= closed
        self._waiting -= closed
        self._held |= closed
        free = {window for window in self._held if not self._waiting & _around(window, AROUND)}
        self._recent.let_go(free)
        self._held -= free


def _around(window: int, steps: int) -> AbstractSet[int]:
    return {window + step * WINDOW_SECONDS for step in range(-steps, steps + 1)}
