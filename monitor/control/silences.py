"""Silences: alerts that match stay quiet until an end that everybody can see."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from monitor.control.store import reading, writing
from monitor.control.tables import silences
from monitor.errors import UsageError
from monitor.model.printable import is_visible


@dataclass(frozen=True, slots=True)
class Silence:
    """Quiet over [starts, ends) for alerts whose labels hold all of `matchers` (label to exact
    value).
    """

    id: str
    matchers: Mapping[str, str]
    author: str
    reason: str
    starts: datetime
    ends: datetime
    created: datetime


def create_silence(
    engine: Engine,
    matchers: Mapping[str, str],
    author: str,
    reason: str,
    ends: datetime,
    now: datetime,
    *,
    starts: datetime | None = None,
) -> Silence:
    """Begin a silence, now or at `starts`. UsageError without matchers, author or reason, or with
    an end before its start.
    """
    begins = starts or now
    if not matchers:
        raise UsageError(
            "a silence without matchers would quiet everything; name at least one label and its value"
        )
    if not (is_visible(author) and is_visible(reason)):
        raise UsageError("a silence needs an author and a reason; give both")
    if ends <= max(begins, now):
        raise UsageError(
            f"the silence would end at {ends.isoformat()}, before it begins; give a later time"
        )
    silence = Silence(
        secrets.token_hex(6), dict(matchers), author.strip(), reason.strip(), begins, ends, now
    )
    with writing(engine) as connection:
        connection.execute(
            insert(silences).values({name: getattr(silence, name) for name in Silence.__slots__})
        )
    return silence


def end_silence(engine: Engine, silence_id: str, now: datetime) -> bool:
    """End a silence now; False when there is none of this id or it is over."""
    with writing(engine) as connection:
        done = connection.execute(
            update(silences)
            .where(silences.c.id == silence_id, silences.c.ends > now)
            .values(ends=now)
            .returning(silences.c.id)
        )
        return done.scalar_one_or_none() is not None


def list_silences(engine: Engine, now: datetime | None = None) -> list[Silence]:
    """Silences that are not over at `now` (None: all there ever were), those that end
    first first.
    """
    query = select(silences).order_by(silences.c.ends, silences.c.id)
    if now is not None:
        query = query.where(silences.c.ends > now)
    with reading(engine) as connection:
        return [Silence(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it
