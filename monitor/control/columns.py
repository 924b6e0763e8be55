"""Column types that mean the same over SQLite and PostgreSQL: UTC times, text without NUL,
documents as JSON text.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

from monitor.model.moments import in_utc


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept and returned in UTC. ValueError for a naive one: it would mean another
    time elsewhere.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware to UTC; SQLite keeps it without its zone, so that text order is time order."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, in UTC."""
        del dialect
        if value is None:
            return None
        return in_utc(value)


class Name(TypeDecorator[str]):
    """Text from outside. NUL and lone surrogates, which PostgreSQL refuses, become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text with what no database may hold replaced."""
        del dialect
        return None if value is None else storable(value)


class Document(TypeDecorator[Any]):
    """A JSON value as ASCII text: infinities, NUL and surrogates survive, which PostgreSQL's own
    JSON refuses.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Compact, keys sorted, so that equal values are equal texts."""
        del dialect
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """What was written."""
        del dialect
        return None if value is None else json.loads(value)


def storable(text: str) -> str:
    """The text without NUL and lone surrogates (U+FFFD in their place)."""
    return "".join(
        "\ufffd" if mark == "\x00" or "\ud800" <= mark <= "\udfff" else mark for mark in text
    )
