"""What batches touched and closings published, as statement `window_states` tells it, kept beside an
embedded store: the closer asks every few seconds, and nobody else writes.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

ARRIVALS, PUBLISHED = "arrivals", "windows"
MOST_WINDOWS = 10_000
_TOLD: Mapping[str, frozenset[str]] = {
    ARRIVALS: frozenset({"window", "rows"}),
    PUBLISHED: frozenset(
        {"window", "level", "arrivals", "rows", "late", "sealed", "generation", "closed_at"}
    ),
}
SURELY_KEPT_SECONDS = 20 * 86400
"""Arrivals are kept for 30 days at least: of a younger window without any, nothing was published."""


@dataclass(frozen=True, slots=True)
class _State:
    arrivals: int = 0
    rows: int = 0
    oldest_ingested_s: int = 0
    newest_arrival_s: int = 0
    seen: int = 0
    rows_seen: int = 0
    late: int = 0
    sealed: int = 0
    generation: int = 0
    closed_s: int = 0


class WindowLog:
    """States of windows, of which `look_up(windows)` asks the store once each; beyond the newest
    that it holds (`newest_stored()`) nothing need be asked. Safe between threads. What is perhaps
    written, and what is written while the store is asked, is asked again.
    """

    def __init__(
        self,
        look_up: Callable[[list[int]], list[dict[str, Any]]],
        newest_stored: Callable[[], int],
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._look_up, self._newest_stored, self._seconds = look_up, newest_stored, seconds
        self._lock = threading.Lock()
        self._states: dict[int, _State] = {}
        self._touched: dict[int, int] = {}
        self._changes = self._floor = 0
        self._under_way = 0
        self._newest: int | None = None

    def mark(self) -> int:
        """A place in time, for `touched_since`."""
        with self._lock:
            return self._changes

    def touched_since(self, mark: int) -> set[int] | None:
        """The windows in which anything arrived since; None where that was forgotten."""
        with self._lock:
            if mark < self._floor:
                return None
            return {window for window, change in self._touched.items() if change > mark}

    def arrived_after(self, mark: int, windows: Iterable[int]) -> set[int] | None:
        """Those of these windows in which anything arrived since; None where that was forgotten."""
        with self._lock:
            if mark < self._floor:
                return None
            return {window for window in windows if self._touched.get(window, 0) > mark}

    def states(self, windows: AbstractSet[int]) -> list[dict[str, Any]]:
        """Rows as the statement gives them: the windows in which anything ever arrived, in order.

        A row is never newer than the store: what is told of as arrived is there.
        """
        self._know_newest()
        with self._lock:
            known = {window: self._states[window] for window in windows & self._states.keys()}
            known |= {
                window: _State() for window in windows - known.keys() if self._is_beyond(window)
            }
            changes, quiet = self._changes, not self._under_way
        unknown = windows - known.keys()
        rows = self._look_up(sorted(unknown)) if unknown else []
        learned = {int(row["window"]): _state(row) for row in rows}
        with self._lock:
            if quiet and unknown and changes == self._changes and not self._under_way:
                self._learn({window: learned.get(window, _State()) for window in unknown})
        now = int(self._seconds())
        told = {**known, **learned}
        return [
            _row(window, told[window], now) for window in sorted(told) if told[window].arrivals
        ]

    def begin(self) -> None:
        """Something is being written from now on, until `written`."""
        with self._lock:
            self._under_way += 1

    def written(self, table: str, rows: pa.Table, *, surely: bool, since: float) -> None:
        """These rows were stored between `since` and now, `surely` or perhaps."""
        now = self._seconds()
        # what leaves columns to the store's defaults is known to the store alone
        surely = surely and _TOLD[table] <= set(rows.column_names)
        numbers = rows.select(sorted(_TOLD[table] & set(rows.column_names)))
        with self._lock:
            self._under_way -= 1
            self._changes += 1
            for row in numbers.to_pylist():
                window = row["window"]
                if table == ARRIVALS:
                    if surely and self._is_beyond(window):
                        self._states.setdefault(window, _State())
                    self._touched[window] = self._changes
                if not surely:
                    self._states.pop(window, None)
                elif table == ARRIVALS:
                    self._arrive(window, row["rows"], int(since), int(now))
                elif row["level"] == 0:
                    self._publish(window, row)
            self._bound_touched()

    def forget(self) -> None:
        """Something else wrote."""
        with self._lock:
            self._states.clear()
            self._touched.clear()
            self._newest = None
            self._changes += 1
            self._floor = self._changes

    def _know_newest(self) -> None:
        with self._lock:
            changes, unsure = self._changes, self._newest is None and not self._under_way
        if not unsure:
            return
        newest = self._newest_stored()
        with self._lock:
            if changes == self._changes and not self._under_way:
                self._newest = newest

    def _is_beyond(self, window: int) -> bool:
        """Whether nothing ever arrived in it."""
        return self._newest is not None and window > self._newest and window not in self._touched

    def _learn(self, states: Mapping[int, _State]) -> None:
        if len(self._states) + len(states) > MOST_WINDOWS:
            self._states.clear()
        young = self._seconds() - SURELY_KEPT_SECONDS
        self._states |= {
            window: state for window, state in states.items() if state.arrivals or window > young
        }

    def _arrive(self, window: int, rows: int, since: int, now: int) -> None:
        state = self._states.get(window)
        if state is not None:
            self._states[window] = replace(
                state,
                arrivals=state.arrivals + 1,
                rows=state.rows + rows,
                oldest_ingested_s=min(state.oldest_ingested_s, since) if state.arrivals else since,
                newest_arrival_s=max(state.newest_arrival_s, now),
            )

    def _publish(self, window: int, row: Mapping[str, Any]) -> None:
        state = self._states.get(window)
        if state is not None:
            self._states[window] = replace(
                state,
                seen=row["arrivals"],
                rows_seen=row["rows"],
                late=row["late"],
                sealed=row["sealed"],
                generation=row["generation"],
                closed_s=int(row["closed_at"].timestamp()),
            )

    def _bound_touched(self) -> None:
        if len(self._touched) > MOST_WINDOWS:
            by_change: Iterable[tuple[int, int]] = sorted(
                self._touched.items(), key=lambda touched: touched[1]
            )
            if self._newest is not None:
                self._newest = max(self._newest, *self._touched)
            kept = list(by_change)[MOST_WINDOWS // 2 :]
            self._touched, self._floor = dict(kept), kept[0][1]


def _state(row: Mapping[str, Any]) -> _State:
    return _State(**{name: int(row[name]) for name in _State.__slots__})


def _row(window: int, state: _State, now: int) -> dict[str, Any]:
    return {
        "window": window,
        **{name: getattr(state, name) for name in _State.__slots__},
        "now_s": now,
    }
