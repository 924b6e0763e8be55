"""When an operation ends, as documents of OpenAPI tell it beside `deprecated`: `x-sunset`.

https://github.com/oasdiff/oasdiff/blob/main/docs/DEPRECATION.md
"""

from datetime import UTC, date, datetime


def sunset_of(value: object) -> int:
    """Ns since the epoch of a date (its first moment in UTC) or a time as RFC 3339 has them; 0 for
    what is neither.
    """
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str):
        return 0
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return 0
    told = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(int(told.timestamp()) * 10**9, 0)
