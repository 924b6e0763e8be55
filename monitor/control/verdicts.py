"""Verdicts, append-only, each with the inputs' hash and all it was reached from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, or_, select

from monitor.control.deploys import deploys_of
from monitor.control.documents import to_document
from monitor.control.past import verdict_of
from monitor.control.store import count_of, insert_into, reading, writing
from monitor.control.tables import verdicts
from monitor.model.judging import Verdict


def save_verdict(engine: Engine, verdict: Verdict) -> None:
    """Keep a verdict for ever. One of the same id is already kept: nothing happens."""
    with writing(engine) as connection:
        statement = insert_into(connection, verdicts).values(
            id=verdict.id,
            deploy_id=verdict.deploy_id,
            environment=verdict.environment,
            service=verdict.service,
            version=verdict.version,
            outcome=verdict.outcome,
            judged=verdict.judged_at,
            document=to_document(verdict),
        )
        connection.execute(statement.on_conflict_do_nothing(index_elements=["id"]))


@dataclass(frozen=True, slots=True)
class Said:
    """What a verdict says, and when it was given, without what it was reached from."""

    outcome: str
    findings: frozenset[str]
    judged_at: datetime


def last_said(engine: Engine, deploy_id: str) -> Said | None:
    """What the newest verdict on a deploy says, None when it was never judged. A tenth of the cost
    of the whole verdict.
    """
    query = _wanted({"deploy_id": deploy_id}, None).order_by(
        verdicts.c.judged.desc(), verdicts.c.number.desc()
    )
    with reading(engine) as connection:
        columns = query.with_only_columns(
            verdicts.c.outcome, verdicts.c.judged, verdicts.c.document
        )
        row = connection.execute(columns.limit(1)).first()
    return row and Said(row.outcome, frozenset(row.document["findings"]), row.judged)


def latest_verdict(engine: Engine, deploy_id: str) -> Verdict | None:
    """The newest verdict on a deploy, None when it was never judged."""
    newest = list_verdicts(engine, deploy_id=deploy_id, limit=1)
    return newest[0] if newest else None


def list_verdicts(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    environment: str | None = None,
    service: str | None = None,
    version: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Verdict]:
    """Verdicts judged at or after `since`, newest first; all of them unless limited."""
    wanted = {
        "deploy_id": deploy_id,
        "environment": environment,
        "service": service,
        "version": version,
    }
    query = _wanted(wanted, since).order_by(verdicts.c.judged.desc(), verdicts.c.number.desc())
    with reading(engine) as connection:
        documents = connection.execute(query.limit(limit).offset(offset)).scalars()
        return [verdict_of(document) for document in documents]


def count_verdicts(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    environment: str | None = None,
    service: str | None = None,
    version: str | None = None,
    since: datetime | None = None,
) -> int:
    """How many verdicts there are of these."""
    wanted = {
        "deploy_id": deploy_id,
        "environment": environment,
        "service": service,
        "version": version,
    }
    return count_of(engine, _wanted(wanted, since))


def _wanted(wanted: Mapping[str, str | None], since: datetime | None) -> Select[tuple[Any]]:
    query = select(verdicts.c.document)
    for column, value in wanted.items():
        if value is not None and column == "service":
            query = query.where(
                or_(verdicts.c.service == value, verdicts.c.deploy_id.in_(deploys_of(value)))
            )
        elif value is not None:
            query = query.where(verdicts.c[column] == value)
    if since is not None:
        query = query.where(verdicts.c.judged >= since)
    return query


def verdict(engine: Engine, verdict_id: str) -> Verdict | None:
    """One verdict, None when there is none of this id."""
    with reading(engine) as connection:
        document = connection.execute(
            select(verdicts.c.document).where(verdicts.c.id == verdict_id)
        ).scalar_one_or_none()
        return verdict_of(document) if document is not None else None
