"""Times in requests: ISO 8601, or how long ago (90s, 15m, 2h, 7d)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from monitor.api.faults import ApiError
from monitor.model.moments import in_utc

_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
# a + in a query string that was not escaped
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# What ClickHouse's DateTime can hold.
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 1, 1, tzinfo=UTC)

Since = Annotated[
    str | None,
    Query(
        max_length=64, description="From this time on: ISO 8601, or how long ago: 90s, 15m, 2h, 7d"
    ),
]
Until = Annotated[
    str | None, Query(max_length=64, description="Before this time: ISO 8601, or how long ago")
]
Hours = Annotated[int, Query(ge=1, le=720, description="Look back so many hours")]
ProviderName = Annotated[str, Query(min_length=1, max_length=400, description="The provider")]
Name = Annotated[str | None, Query(max_length=20_000)]
MOST = 5000
Limit = Annotated[
    int, Query(ge=1, le=MOST, description="At most so many; X-Total-Count says how many there are")
]
Offset = Annotated[
    int,
    Query(ge=0, le=100_000_000, description="Leave out so many first; the Link header leads on"),
]


def moment(text: str | None, now: datetime) -> datetime | None:
    """The time that `text` names, in UTC; None for None or empty. Raises ApiError 422."""
    if not text:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return max(FIRST, now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    try:
        at = in_utc(datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text.strip())))
    except (ValueError, OverflowError):
        raise ApiError(
            422,
            "the time cannot be read",
            text[:64],
            "send ISO 8601 (2026-11-21T09:00:00Z) or 15m, 2h, 7d",
        ) from None
    if not FIRST <= at < LAST:
        raise ApiError(
            422, "the time is out of range", text[:64], "send a time between 1970 and 2106"
        )
    return at


def is_age(text: str) -> bool:
    """Whether `text` tells how long ago, and no moment."""
    return _AGO.fullmatch(text.strip()) is not None


def needed_end(text: str, now: datetime, what: str, where: str) -> datetime:
    """When `what` ends. Raises ApiError 422, which names the field `where`, for none too."""
    end = moment(text, now)
    if end is None:
        raise ApiError(422, f"{what} needs an end", where, "send a time in the future")
    return end


def span(
    since: str | None, until: str | None, now: datetime, default: timedelta
) -> tuple[datetime, datetime]:
    """A half-open range; without `since` it is `default` long, without `until` it ends a minute
    after now.
    """
    end = moment(until, now) or now + timedelta(minutes=1)
    start = moment(since, now) or max(FIRST, end - default)
    return start, end
