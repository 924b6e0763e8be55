"""The registry of contracts: immutable revisions, numbered from 1, published once however often
they are sent.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, Row, and_, func, insert, select, update

from monitor.control.contract_tables import contract_revisions, contracts
from monitor.control.store import insert_into, reading, writing
from monitor.control.tables import audit
from monitor.errors import ContractError
from monitor.model.contracts import (
    FORMATS,
    KEPT,
    ROLES,
    ContractDraft,
    ContractFormat,
    Revision,
    Role,
)

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever a revision is published; cheap to ask."""

    revisions: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a draft: a new revision, or the newest one when it says the same already
    (`unchanged`).

    `before` is the revision that was the newest, None for a first one; `kept` names what was taken
    over from it and is not empty, because the draft said nothing of it.
    """

    revision: Revision
    unchanged: bool
    before: Revision | None
    kept: tuple[str, ...] = ()


Alike = Callable[[str, str, str], bool]
"""Whether two texts of a format say the same."""


def _by_text_alone(_kind: str, _before: str, _now: str) -> bool:
    return False


def publish(
    engine: Engine,
    draft: ContractDraft,
    now: datetime,
    *,
    read: Callable[[ContractDraft], object],
    published_by: str = "",
    alike: Alike = _by_text_alone,
) -> Publication:
    """The draft as the newest revision of its contract; the newest itself when it says the same
    already.

    A first revision without `effective_from` holds for all time, so that recordings can be
    checked; a later one from `now` on. Two publishers at once get two numbers. `read` raises
    ContractError for a document that cannot be used (monitor.contracts.read.read_draft), `alike`
    tells whether two texts of one format say the same (monitor.contracts.alike.say_the_same).
    ContractError too for a missing name or provider, an unknown format, an end before the
    beginning, or a name that another provider holds.
    """
    _refuse(draft)
    read(draft)
    rewritten = _rewritten(revision(engine, draft.name), draft, alike)
    with writing(engine) as connection:
        newest = _lock(connection, draft, now)
        last = _newest(connection, draft.name) if newest else None
        if newest == rewritten and last is not None:
            draft = replace(draft, document=last.document)
        planned = _planned(draft, last, now, published_by, _role_held(connection, last))
        if planned.unchanged:
            return planned
        held = planned.revision
        connection.execute(
            update(contracts)
            .where(contracts.c.name == draft.name)
            .values(newest=held.number, updated=now)
        )
        connection.execute(insert(contract_revisions).values(**_values(held)))
        details = {
            "revision": str(held.number),
            "provider": draft.provider,
            "sha256": held.content_hash,
        }
        connection.execute(
            insert(audit).values(
                at=now,
                actor=published_by,
                action="publish contract",
                target=draft.name,
                details=details,
            )
        )
    return planned


def plan(
    engine: Engine,
    draft: ContractDraft,
    now: datetime,
    *,
    read: Callable[[ContractDraft], object],
    published_by: str = "",
    alike: Alike = _by_text_alone,
) -> Publication:
    """What `publish` would do now, with its refusals; nothing is written."""
    _refuse(draft)
    read(draft)
    with reading(engine) as connection:
        owner = connection.execute(
            select(contracts.c.provider).where(contracts.c.name == draft.name)
        ).scalar()
        _refuse_provider(draft, owner)
        last = _newest(connection, draft.name)
        if last is not None and _rewritten(last, draft, alike):
            draft = replace(draft, document=last.document)
        return _planned(draft, last, now, published_by, _role_held(connection, last))


def withdraw(
    engine: Engine, name: str, now: datetime, *, by: str, why: str = ""
) -> Revision | None:
    """Say that a contract promises nothing from `now` on: a revision of its own, with the document
    of the one before; the newest itself where it says so already. None where there is no such
    contract. Published again, it holds again.
    """
    with writing(engine) as connection:
        held = connection.execute(
            select(contracts.c.name).where(contracts.c.name == name).with_for_update()
        ).one_or_none()
        last = _newest(connection, name) if held is not None else None
        if last is None or last.role == "withdrawn":
            return last
        ended = replace(
            last,
            number=last.number + 1,
            role="withdrawn",
            effective_from=now,
            effective_to=None,
            published_at=now,
            published_by=by,
        )
        connection.execute(
            update(contracts)
            .where(contracts.c.name == name)
            .values(newest=ended.number, updated=now)
        )
        connection.execute(insert(contract_revisions).values(**_values(ended)))
        details = {"revision": str(ended.number), "provider": ended.provider, "why": why}
        connection.execute(
            insert(audit).values(
                at=now, actor=by, action="withdraw contract", target=name, details=details
            )
        )
    return ended


def left_over(engine: Engine, published_by: str, keep: Collection[str]) -> list[Revision]:
    """The newest revisions that one publisher told of and does not any more: those that are not to
    be kept, by name, without documents.
    """
    return [
        row
        for row in listed(engine, newest=True)
        if row.published_by == published_by and row.role != "withdrawn" and row.name not in keep
    ]


def _role_held(connection: Connection, last: Revision | None) -> str:
    """The role that a contract has, or had until it was withdrawn; "" for none."""
    if last is None or last.role != "withdrawn":
        return "" if last is None else last.role
    held = contract_revisions.c
    query = (
        select(held.role)
        .where(held.name == last.name, held.role != "withdrawn")
        .order_by(held.number.desc())
        .limit(1)
    )
    return str(connection.execute(query).scalar() or "")


def _planned(
    draft: ContractDraft, last: Revision | None, now: datetime, published_by: str, role: str
) -> Publication:
    digest = hashlib.sha256(draft.document.encode("utf-8", "replace")).hexdigest()
    untold = [word for word in KEPT if getattr(draft, word) is None]
    before: dict[str, Any] = {
        word: getattr(last, word) if last is not None else "" for word in untold
    }
    if "role" in before:
        before["role"] = role or "contract"
    kept = tuple(
        word for word in untold if last is not None and before[word] not in ("", "contract")
    )
    draft = replace(draft, **before)
    if last is not None and _same(last, draft, digest):
        return Publication(last, True, last, kept)
    since = draft.effective_from or (now if last is not None else ALWAYS)
    if draft.effective_to is not None and draft.effective_to <= since:
        raise ContractError(
            f"contract {draft.name}: it would end at {draft.effective_to.isoformat()}, before it begins; give a later end"
        )
    number = 1 if last is None else last.number + 1
    revision = Revision(
        name=draft.name,
        number=number,
        format=cast("ContractFormat", draft.format),
        provider=draft.provider,
        provider_version=draft.provider_version,
        consumer=draft.consumer or "",
        environment=draft.environment or "",
        effective_from=since,
        effective_to=draft.effective_to,
        document=draft.document,
        content_hash=digest,
        published_at=now,
        published_by=published_by,
        role=cast("Role", draft.role),
        owner=draft.owner or "",
        contact=draft.contact or "",
    )
    return Publication(revision, False, last, kept)


def _rewritten(last: Revision | None, draft: ContractDraft, alike: Alike) -> int:
    """The newest revision's number where the draft writes the same document otherwise: as YAML or
    JSON, alone or gathered from a folder; else 0. Asked before anything is locked.
    """
    if last is None or last.format != draft.format or last.document == draft.document:
        return 0
    return last.number if alike(draft.format, last.document, draft.document) else 0


def _newest(connection: Connection, name: str) -> Revision | None:
    query = select(contract_revisions).where(contract_revisions.c.name == name)
    row = connection.execute(
        query.order_by(contract_revisions.c.number.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _revision(row)


def listed(engine: Engine, *, name: str = "", newest: bool = False) -> list[Revision]:
    """Revisions without their documents, which stay unread (`document` is ""), by name and number:
    of one contract where it is named, the newest of each with `newest`.
    """
    query = select(*(column for column in contract_revisions.c if column.name != "document"))
    if newest:
        query = query.join(contracts, _IS_NEWEST)
    if name:
        query = query.where(contract_revisions.c.name == name)
    with reading(engine) as connection:
        rows = connection.execute(
            query.order_by(contract_revisions.c.name, contract_revisions.c.number)
        )
        return [_revision(row) for row in rows]


def whole(engine: Engine, held: Iterable[Revision]) -> Iterator[Revision]:
    """Listed revisions with their documents, in their order; one is read when it is asked for, and
    none is kept.
    """
    for row in held:
        full = revision(engine, row.name, row.number)
        if full is not None:
            yield full


_IS_NEWEST = and_(
    contracts.c.name == contract_revisions.c.name,
    contracts.c.newest == contract_revisions.c.number,
)


def revision(engine: Engine, name: str, number: int | None = None) -> Revision | None:
    """One revision, the newest when no number is given; None when there is none."""
    query = select(contract_revisions).where(contract_revisions.c.name == name)
    if number is not None:
        query = query.where(contract_revisions.c.number == number)
    with reading(engine) as connection:
        row = connection.execute(
            query.order_by(contract_revisions.c.number.desc()).limit(1)
        ).one_or_none()
    return None if row is None else _revision(row)


def stamp(engine: Engine) -> Stamp:
    """What tells whether anything was published since the last look."""
    with reading(engine) as connection:
        count, newest = connection.execute(
            select(func.count(), func.max(contract_revisions.c.published)).select_from(
                contract_revisions
            )
        ).one()
    return Stamp(int(count), newest)


def _refuse(draft: ContractDraft) -> None:
    for word, text in (("name", draft.name), ("provider", draft.provider)):
        if not text.strip() or len(text) > _LONGEST_NAME:
            raise ContractError(
                f"contract {draft.name[:80]!r}: the {word} is empty or longer than {_LONGEST_NAME} characters; give it one"
            )
    if draft.format not in FORMATS:
        raise ContractError(
            f"contract {draft.name}: the format {draft.format[:40]!r} is unknown; use {' or '.join(FORMATS)}"
        )
    if draft.role is not None and draft.role not in ROLES:
        raise ContractError(
            f"contract {draft.name}: the role {draft.role[:40]!r} is unknown; use {' or '.join(ROLES)}"
        )
    for word, value in (("owner", draft.owner), ("contact", draft.contact)):
        if value is not None and len(value) > _LONGEST_NAME:
            raise ContractError(
                f"contract {draft.name}: the {word} is longer than {_LONGEST_NAME} characters; shorten it"
            )
    for word, moment in (
        ("effective_from", draft.effective_from),
        ("effective_to", draft.effective_to),
    ):
        if moment is not None and moment.tzinfo is None:
            raise ContractError(
                f"contract {draft.name}: {word} has no time zone; write it as 2026-01-31T12:00:00Z"
            )


def _lock(connection: Connection, draft: ContractDraft, now: datetime) -> int:
    """The newest revision's number, 0 for none, the contract's row locked until the transaction
    ends.
    """
    row = {
        "name": draft.name,
        "provider": draft.provider,
        "newest": 0,
        "created": now,
        "updated": now,
    }
    connection.execute(
        insert_into(connection, contracts)
        .values(**row)
        .on_conflict_do_nothing(index_elements=["name"])
    )
    held = connection.execute(
        select(contracts.c.newest, contracts.c.provider)
        .where(contracts.c.name == draft.name)
        .with_for_update()
    ).one()
    _refuse_provider(draft, held.provider)
    return int(held.newest)


def _refuse_provider(draft: ContractDraft, held: str | None) -> None:
    if held is not None and held != draft.provider:
        raise ContractError(
            f"contract {draft.name}: the name belongs to provider {held}; publish it under another name"
        )


def _same(last: Revision, draft: ContractDraft, digest: str) -> bool:
    words = ("format", "provider_version", *KEPT)
    new, old = (tuple(getattr(source, word) for word in words) for source in (draft, last))
    times = draft.effective_from in (None, last.effective_from) and draft.effective_to in (
        None,
        last.effective_to,
    )
    return new == old and digest == last.content_hash and times


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
        "owner": held.owner,
        "contact": held.contact,
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
            held.get("document", ""),
            held["content_hash"],
            held["published"],
            held["published_by"],
            held["role"],
            held["owner"],
            held["contact"],
        ),
    )
