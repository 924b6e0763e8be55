"""How far ramps are looked back on, and times as seconds."""

from datetime import UTC, datetime, timedelta

LIVE = timedelta(minutes=15)
"""A version is live for so long after it was seen last."""
LOOK_BACK = timedelta(days=7)
FINE_SECONDS = 300


def whole_seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def seconds_of(moment: datetime) -> int:
    return max(0, int(moment.timestamp()))


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
