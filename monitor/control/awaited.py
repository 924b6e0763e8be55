"""Revisions that a person approved from a deploy on: kept until somebody tells of that deploy."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from monitor.control.contract_tables import awaited_revisions
from monitor.control.documents import from_document, to_document
from monitor.control.store import reading, writing
from monitor.control.tables import audit
from monitor.model.contracts import ContractDraft


@dataclass(frozen=True, slots=True)
class Awaited:
    """A draft that becomes the next revision of its contract when its provider's `version` is
    deployed in its environment ("" any).
    """

    name: str
    environment: str
    provider: str
    version: str
    asked: datetime
    asked_by: str
    draft: ContractDraft


def await_deploy(
    engine: Engine, draft: ContractDraft, version: str, now: datetime, *, by: str
) -> Awaited:
    """Keep the draft until that version is deployed, in place of what was kept of the same contract
    and environment.
    """
    environment = draft.environment or ""
    table = awaited_revisions
    with writing(engine) as connection:
        connection.execute(
            delete(table).where(table.c.name == draft.name, table.c.environment == environment)
        )
        connection.execute(
            insert(table).values(
                name=draft.name,
                environment=environment,
                version=version,
                asked=now,
                asked_by=by,
                draft=json.dumps(to_document(draft)),
            )
        )
        connection.execute(
            insert(audit).values(
                at=now,
                actor=by,
                action="approve contract from a deploy on",
                target=draft.name,
                details={"provider": draft.provider, "version": version},
            )
        )
    return Awaited(draft.name, environment, draft.provider, version, now, by, draft)


def awaited(engine: Engine) -> list[Awaited]:
    """All that waits, by name and environment."""
    table = awaited_revisions
    with reading(engine) as connection:
        rows = connection.execute(select(table).order_by(table.c.name, table.c.environment)).all()
    drafts = [from_document(json.loads(row.draft), ContractDraft) for row in rows]
    return [
        Awaited(
            row.name, row.environment, draft.provider, row.version, row.asked, row.asked_by, draft
        )
        for row, draft in zip(rows, drafts, strict=True)
    ]


def forget_awaited(engine: Engine, name: str, environment: str | None = None) -> int:
    """Nothing of this contract waits any more, in this environment or in any; how many did."""
    table = awaited_revisions
    mine = table.c.name == name
    if environment is not None:
        mine &= table.c.environment == environment
    with writing(engine) as connection:
        return connection.execute(delete(table).where(mine)).rowcount
