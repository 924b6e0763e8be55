"""The registry of contracts: immutable revisions, numbered from 1, published once however often they are sent."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, insert, select, update

from monitor.control.contract_tables import contract_revisions, contracts
from monitor.control.store import insert_into, reading, writing
from monitor.control.tables import audit
from monitor.errors import ContractError
from monitor.model.contracts import FORMATS, ROLES, ContractDraft, ContractFormat, Revision, Role

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever a revision is published; cheap to ask."""

    revisions: int
    newest: datetime | None


def publish(
    engine: Engine, draft: ContractDraft, now: datetime, *, read: Callable[[ContractDraft], object], published_by: str = ""
) -> Revision:
    """The draft as the newest revision of its contract; the newest itself when it says the same already.

    A first revision without `effective_from` holds for all time, so that recordings can be checked; a later one from
    `now` on. Two publishers at once get two numbers. `read` raises ContractError for a document that cannot be used
    (monitor.contracts.read.read_draft). ContractError too for a missing name or provider, an unknown format, an end
    before the beginning, or a name that another provider holds.
    """
    _refuse(draft)
    read(draft)
    digest = hashlib.sha256(draft.document.encode("utf-8", "replace")).hexdigest()
    with writing(engine) as connection:
        newest = _lock(connection, draft, now)
        if newest:
            last = _revision(connection.execute(select(contract_revisions).where(_is(draft.name, newest))).one())
            if _same(last, draft, digest):
                return last
        since = draft.effective_from or (now if newest else ALWAYS)
        if draft.effective_to is not None and draft.effective_to <= since:
            raise ContractError(
                f"contract {draft.name}: it would end at {draft.effective_to.isoformat()}, before it begins; give a later end"
            )
        revision = Revision(
            draft.name,
            newest + 1,
            cast("ContractFormat", draft.format),
            draft.provider,
            draft.provider_version,
            draft.consumer,
            draft.environment,
            since,
            draft.effective_to,
            draft.document,
            digest,
            now,
            published_by,
            cast("Role", draft.role),
        )
        connection.execute(update(contracts).where(contracts.c.name == draft.name).values(newest=newest + 1, updated=now))
        connection.execute(insert(contract_revisions).values(**_values(revision)))
        details = {"revision": str(revision.number), "provider": draft.provider, "sha256": digest}
        connection.execute(
            insert(audit).values(at=now, actor=published_by, action="publish contract", target=draft.name, details=details)
        )
    return revision


def revisions(engine: Engine) -> list[Revision]:
    """All revisions of all contracts, by name and number."""
    with reading(engine) as connection:
        rows = connection.execute(select(contract_revisions).order_by(contract_revisions.c.name, contract_revisions.c.number))
        return [_revision(row) for row in rows]


def revision(engine: Engine, name: str, number: int | None = None) -> Revision | None:
    """One revision, the newest when no number is given; None when there is none."""
    query = select(contract_revisions).where(contract_revisions.c.name == name)
    if number is not None:
        query = query.where(contract_revisions.c.number == number)
    with reading(engine) as connection:
        row = connection.execute(query.order_by(contract_revisions.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _revision(row)


def stamp(engine: Engine) -> Stamp:
    """What tells whether anything was published since the last look."""
    with reading(engine) as connection:
        count, newest = connection.execute(
            select(func.count(), func.max(contract_revisions.c.published)).select_from(contract_revisions)
        ).one()
    return Stamp(int(count), newest)


def _refuse(draft: ContractDraft) -> None:
    for word, text in (("name", draft.name), ("provider", draft.provider)):
        if not text.strip() or len(text) > _LONGEST_NAME:
            raise ContractError(
                f"contract {draft.name[:80]!r}: the {word} is empty or longer than {_LONGEST_NAME} characters; give it one"
            )
    if draft.format not in FORMATS:
        raise ContractError(f"contract {draft.name}: the format {draft.format[:40]!r} is unknown; use {' or '.join(FORMATS)}")
    if draft.role not in ROLES:
        raise ContractError(f"contract {draft.name}: the role {draft.role[:40]!r} is unknown; use {' or '.join(ROLES)}")
    for word, moment in (("effective_from", draft.effective_from), ("effective_to", draft.effective_to)):
        if moment is not None and moment.tzinfo is None:
            raise ContractError(f"contract {draft.name}: {word} has no time zone; write it as 2026-01-31T12:00:00Z")


def _lock(connection: Connection, draft: ContractDraft, now: datetime) -> int:
    """The newest revision's number, 0 for none, the contract's row locked until the transaction ends."""
    row = {"name": draft.name, "provider": draft.provider, "newest": 0, "created": now, "updated": now}
    connection.execute(insert_into(connection, contracts).values(**row).on_conflict_do_nothing(index_elements=["name"]))
    held = connection.execute(
        select(contracts.c.newest, contracts.c.provider).where(contracts.c.name == draft.name).with_for_update()
    ).one()
    if held.provider != draft.provider:
        raise ContractError(f"contract {draft.name}: the name belongs to provider {held.provider}; publish it under another name")
    return int(held.newest)


def _same(last: Revision, draft: ContractDraft, digest: str) -> bool:
    said = (draft.format, draft.role, draft.provider_version, draft.consumer, draft.environment, digest)
    held = (last.format, last.role, last.provider_version, last.consumer, last.environment, last.content_hash)
    times = draft.effective_from in (None, last.effective_from) and draft.effective_to in (None, last.effective_to)
    return said == held and times


def _is(name: str, number: int) -> ColumnElement[bool]:
    return (contract_revisions.c.name == name) & (contract_revisions.c.number == number)


def _values(held: Revision) -> dict[str, object]:
    return {
        "name": held.name,
        "number": held.number,
        "format": held.format,
        "provider": held.provider,
        "provider_version": held.provider_version,
        "consumer": held.consumer,
        "environment": held.environment,
        "effective_from": held.effective_from,
        "effective_to": held.effective_to,
        "document": held.document,
        "document_bytes": len(held.document),
        "content_hash": held.content_hash,
        "published": held.published_at,
        "published_by": held.published_by,
        "role": held.role,
    }


def _revision(row: "Row[tuple[object, ...]]") -> Revision:
    held = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Revision(
        *(
            held["name"],
            held["number"],
            held["format"],
            held["provider"],
            held["provider_version"],
            held["consumer"],
            held["environment"],
        ),
        *(
            held["effective_from"],
            held["effective_to"],
            held["document"],
            held["content_hash"],
            held["published"],
            held["published_by"],
            held["role"],
        ),
    )
