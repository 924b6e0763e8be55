"""Broken clauses as the detector last saw them, and which of them somebody has accepted, until
when and why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine, case, delete, select

from monitor.control.documents import from_document, to_document
from monitor.control.store import count_of, insert_into, reading, writing
from monitor.control.tables import contract_breaks
from monitor.errors import UsageError
from monitor.model.breaks import ContractBreak
from monitor.model.printable import is_visible


def save_breaks(connection: Connection, breaks: Iterable[ContractBreak], now: datetime) -> None:
    """Write each by its id."""
    for event in breaks:
        values = {
            "state": event.state,
            "last_seen": event.last_seen,
            "updated": now,
            "document": to_document(event),
        }
        statement = insert_into(connection, contract_breaks).values(id=event.id, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def forget_breaks(connection: Connection, before: datetime) -> None:
    """Those that are gone and were last seen before that time."""
    old = contract_breaks.c.last_seen < before, contract_breaks.c.state == "gone"
    connection.execute(delete(contract_breaks).where(*old))


def load_breaks(connection: Connection) -> dict[str, ContractBreak]:
    """All by id, locked until the transaction ends."""
    rows = connection.execute(select(contract_breaks.c.document).with_for_update())
    return {
        event.id: event
        for event in (from_document(document, ContractBreak) for (document,) in rows)
    }


def list_breaks(
    engine: Engine, *, limit: int | None = None, offset: int = 0
) -> Sequence[ContractBreak]:
    """Those that are broken now first, the last seen first."""
    gone = case((contract_breaks.c.state == "gone", 1), else_=0)
    rows = select(contract_breaks.c.document).order_by(
        gone, contract_breaks.c.last_seen.desc(), contract_breaks.c.id
    )
    with reading(engine) as connection:
        return [
            from_document(document, ContractBreak)
            for (document,) in connection.execute(rows.limit(limit).offset(offset))
        ]


def count_breaks(engine: Engine) -> int:
    """How many there are."""
    return count_of(engine, select(contract_breaks.c.id))


def has_break(engine: Engine, break_id: str) -> bool:
    """Whether a broken clause of this id is kept."""
    with reading(engine) as connection:
        row = connection.execute(
            select(contract_breaks.c.id).where(contract_breaks.c.id == break_id)
        )
        return row.first() is not None


def accept_break(
    engine: Engine, break_id: str, owner: str, reason: str, expires: datetime, now: datetime
) -> ContractBreak | None:
    """Say that a broken clause is known until `expires`; None when there is none of this id.
    UsageError without owner or reason.
    """
    if not (is_visible(owner) and is_visible(reason)):
        raise UsageError("accepting a broken clause needs an owner and a reason; give both")
    if expires <= now:
        raise UsageError(
            f"it would be accepted until {expires.isoformat()}, which is over; give a later time"
        )
    with writing(engine) as connection:
        event = load_breaks(connection).get(break_id)
        if event is None:
            return None
        accepted = replace(
            event,
            accepted_by=owner.strip(),
            accepted_because=reason.strip(),
            accepted_until=expires,
        )
        save_breaks(connection, [accepted], now)
        return accepted
