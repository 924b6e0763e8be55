"""Who changed what: an append-only log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, Select, insert, select

from monitor.control.store import count_of, reading, writing
from monitor.control.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: the actor (a token's name, "cli" or "local"), a verb such as "accept finding",
    and what it was done to.
    """

    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, str] = field(default_factory=dict)


def note(engine: Engine, entry: AuditEntry) -> None:
    """Append an entry. Never put a secret into `details`."""
    with writing(engine) as connection:
        connection.execute(
            insert(audit).values(
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                target=entry.target,
                details=dict(entry.details),
            )
        )


def list_audit(
    engine: Engine, *, since: datetime | None = None, limit: int | None = None, offset: int = 0
) -> list[AuditEntry]:
    """Entries at or after `since`, newest first; all of them unless limited."""
    query = _wanted(since).order_by(audit.c.id.desc()).limit(limit).offset(offset)
    with reading(engine) as connection:
        return [
            AuditEntry(row.at, row.actor, row.action, row.target, row.details)
            for row in connection.execute(query)
        ]


def count_audit(engine: Engine, *, since: datetime | None = None) -> int:
    """How many entries there are at or after `since`."""
    return count_of(engine, _wanted(since))


def _wanted(since: datetime | None) -> Select[tuple[object, ...]]:
    query = select(audit)
    return query if since is None else query.where(audit.c.at >= since)
