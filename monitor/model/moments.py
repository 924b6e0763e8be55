"""Moments with and without a zone."""

from datetime import UTC, datetime


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC; a time without a zone is of UTC already, as the stores give them."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
