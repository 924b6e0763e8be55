"""The panels' questions asked of the store, with times that know their zone; and the range of time a page looks at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.api.moments import FIRST, moment
from monitor.api.parts import Parts
from monitor.api.wording import utc

Row = Mapping[str, Any]
RANGES = ("15m", "1h", "6h", "24h", "7d")
_BUCKETS = (10, 30, 60, 300, 900, 3600, 21600, 86400)
POINTS = 180


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open range of time, how a link names it, and the step in which charts show it."""

    since: datetime
    until: datetime
    text: str
    until_text: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.until - self.since).total_seconds()

    @property
    def bucket_seconds(self) -> int:
        """The smallest step that gives at most 180 points."""
        return next((step for step in _BUCKETS if self.seconds / step <= POINTS), _BUCKETS[-1])


def range_of(since: str | None, until: str | None, now: datetime, default: str = "1h") -> Range:
    """The range a page asks for. `since` as an age counts back from `until`. Raises ApiError 422."""
    end = moment(until, now) or now + timedelta(seconds=1)
    text = since or default
    start = moment(text, end) or end - timedelta(hours=1)
    return Range(max(FIRST, min(start, end - timedelta(seconds=10))), end, text, until or "")


def ask(parts: Parts, panel: str, **parameters: object) -> Sequence[Row]:
    """Rows of one panel; every time aware, in UTC. Raises StoreError, StoreUnavailable."""
    rows = parts.store.query(f"panels/{panel}", parameters)
    return [
        {
            key: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
            for key, value in row.items()
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class WindowsState:
    """How far the store is: publish sequence, newest window, newest sealed window (None while there is none)."""

    sequence: int
    windows: int
    provisional: int
    last_closed: datetime | None
    last_sealed: datetime | None
    first_window: datetime | None
    late_rows: int


def windows_state(parts: Parts) -> WindowsState:
    """One row, also over an empty store."""
    row = ask(parts, "windows_state")[0]
    return WindowsState(
        int(row["sequence"]),
        int(row["windows"]),
        int(row["provisional"]),
        utc(row["last_closed"]),
        utc(row["last_sealed"]),
        utc(row["first_window"]),
        int(row["late_rows"]),
    )
