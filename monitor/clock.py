"""The time, as something that is handed in: real, or stepped by a test."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that only moves when told to. Safe between threads."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by so many seconds."""
        with self._lock:
            self._now = datetime.fromtimestamp(self._now.timestamp() + seconds, UTC)


def growing_pause(first_seconds: float, times: int, longest_seconds: float) -> float:
    """Seconds to wait before the next try: `first_seconds`, doubled as many times, up to the
    longest; for any number of tries.
    """
    return min(first_seconds * 2.0 ** min(times, 60), longest_seconds)


def monotonic_seconds() -> float:
    """Seconds of a clock that never jumps; for waiting and budgets only."""
    return time.monotonic()
