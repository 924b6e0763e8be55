"""Counts that a capture in an application ships beside its exchanges: how many it had to drop."""

from typing import Any

MARK = "seamwatch_capture"
_MOST = 10**9


def dropped_of(entry: dict[str, Any]) -> int:
    """How many exchanges such a record says were dropped; -1 when it is no such record."""
    notice = entry.get(MARK)
    if not isinstance(notice, dict) or "method" in entry:
        return -1
    counts = notice.get("dropped")
    numbers = counts.values() if isinstance(counts, dict) else ()
    return min(_MOST, sum(count for count in numbers if type(count) is int and count > 0))
