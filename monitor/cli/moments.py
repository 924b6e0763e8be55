"""Times to come, as people type them."""

import re
from datetime import datetime, timedelta

from monitor.errors import UsageError


def ahead(text: str, now: datetime) -> str:
    """ISO 8601 of a time that was given as such or as a span from now; UsageError otherwise."""
    span = re.fullmatch(r"(\d{1,5})([smhd])", text.strip())
    if span:
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[span[2]]
        return (now + timedelta(**{unit: int(span[1])})).isoformat()
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(
            f"--expires {text} is no time; write ISO 8601 or a span such as 12h or 30d"
        ) from None
