"""Deploys: every source's events kept by (source, external id) and merged into one account of each
change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, or_, select

from monitor.control.documents import from_document, to_document
from monitor.control.merging import REACH, Heard, stories, with_ends
from monitor.control.sequence import take_turn
from monitor.control.store import count_of, insert_into, reading, writing
from monitor.control.tables import (
    deploy_events,
    deploys,
    findings,
    gate_answers,
    overrides,
    verdict_inputs,
    verdicts,
)
from monitor.model.deploys import VERSION_CHANGES, Deploy, DeployEvent
from monitor.model.edges import apart


def record(engine: Engine, event: DeployEvent, now: datetime) -> Deploy:
    """Keep the event and return the deploy it is part of, made new when it is part of none.

    The same event again changes nothing; the same key with other content replaces what was there.
    The order in which the events of one deploy come does not matter. One transaction; recorders
    wait for each other.
    """
    event = event.told_apart
    with writing(engine) as connection:
        take_turn(connection, "deploys")
        recorded_id = connection.execute(
            select(deploy_events.c.deploy_id).where(
                deploy_events.c.source == event.source,
                deploy_events.c.external_id == event.external_id,
            )
        ).scalar_one_or_none()
        rows = _around(connection, event, recorded_id)
        heard = [
            entry
            for entry in _heard(connection, [row.id for row in rows])
            if not _same_key(entry.event, event)
        ]
        earlier = _earlier(connection, event, rows)
        story_list = stories(
            [*heard, Heard(event, recorded_id or "")],
            earlier,
            {row.id: row.noted_traffic for row in rows if row.noted_traffic},
        )
        stored = {row.id: row for row in rows}
        by_id = {story.deploy.id: story for story in story_list}
        own = next(story.deploy.id for story in story_list if event in story.events)
        for deployment in with_ends(story_list, earlier):
            was = stored.get(deployment.id)
            kept = (
                was.ended_by
                if was is not None and was.ended_by and was.ended_by not in stored
                else ""
            )
            story = by_id.get(deployment.id)
            if story is None:
                connection.execute(
                    deploys.update()
                    .where(deploys.c.id == deployment.id)
                    .values(ended_by=deployment.ended_by, finished=deployment.finished)
                )
            else:
                _save(
                    connection,
                    replace(deployment, ended_by=deployment.ended_by or kept),
                    story.last_event,
                    now,
                )
        _keep_event(connection, event, own, now)
        for story in story_list:
            for entry in story.heard:
                if entry.deploy_id and entry.deploy_id != story.deploy.id:
                    _move_event(connection, entry.event, story.deploy.id)
        for lost in stored.keys() - by_id.keys():
            into = next(
                story.deploy.id
                for story in story_list
                if any(entry.deploy_id == lost for entry in story.heard)
            )
            _move_all(connection, lost, into)
        return _row(connection, own)


def list_deploys(
    engine: Engine,
    *,
    environment: str | None = None,
    service: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Deploy]:
    """Deploys started in [since, until), newest first; all of them unless limited.

    `service` as `name` has those of every namespace. As `namespace/name` it has also those of
    which no namespace was told.
    """
    query = _wanted(environment, service, since, until).order_by(
        deploys.c.started.desc(), deploys.c.id
    )
    with reading(engine) as connection:
        return [_deploy(row) for row in connection.execute(query.limit(limit).offset(offset))]


def count_deploys(
    engine: Engine,
    *,
    environment: str | None = None,
    service: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """How many deploys started in [since, until)."""
    return count_of(engine, _wanted(environment, service, since, until))


def deploys_of(service: str) -> Select[tuple[str]]:
    """The ids of the deploys that may be of this service, for a question about what
    hangs on them.
    """
    return select(deploys.c.id).where(*service_is(*apart(service)))


def service_is(namespace: str | None, service: str) -> list[ColumnElement[bool]]:
    """Of this service: where namespaces are told on both sides, of the same."""
    where = [deploys.c.service == service]
    return (
        where
        if namespace is None
        else [*where, or_(deploys.c.namespace.is_(None), deploys.c.namespace == namespace)]
    )


def _wanted(
    environment: str | None,
    service: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Select[tuple[object, ...]]:
    query = select(deploys)
    if environment is not None:
        query = query.where(deploys.c.environment == environment)
    if service is not None:
        query = query.where(*service_is(*apart(service)))
    if since is not None:
        query = query.where(deploys.c.started >= since)
    if until is not None:
        query = query.where(deploys.c.started < until)
    return query


def deploy(engine: Engine, deploy_id: str) -> Deploy | None:
    """One deploy, None when there is none of this id."""
    with reading(engine) as connection:
        row = connection.execute(select(deploys).where(deploys.c.id == deploy_id)).one_or_none()
        return _deploy(row) if row else None


def by_id(engine: Engine, ids: Iterable[str]) -> dict[str, Deploy]:
    """Those of these deploys that are kept, by id. One query."""
    with reading(engine) as connection:
        rows = connection.execute(select(deploys).where(deploys.c.id.in_(set(ids))))
        return {row.id: _deploy(row) for row in rows}


def events(engine: Engine, deploy_id: str) -> list[DeployEvent]:
    """What each source said of this deploy, in the order of their times."""
    with reading(engine) as connection:
        return _events(connection, deploy_id)


def note_traffic(engine: Engine, deploy_id: str, first_traffic: datetime) -> None:
    """Telemetry showed the version in this window; the earliest is kept. Nothing happens for an
    unknown id.
    """
    with writing(engine) as connection:
        connection.execute(
            deploys.update()
            .where(
                deploys.c.id == deploy_id,
                (deploys.c.first_traffic.is_(None)) | (deploys.c.first_traffic > first_traffic),
            )
            .values(
                first_traffic=first_traffic, noted_traffic=first_traffic, updated=first_traffic
            )
        )


def _around(
    connection: Connection, event: DeployEvent, recorded_id: str | None
) -> list["Row[Any]"]:
    """The service's deploys, of whatever namespace, that the event may change."""
    near = and_(deploys.c.last_event >= event.at - REACH, deploys.c.started <= event.at + REACH)
    query = (
        select(deploys)
        .where(deploys.c.environment == event.environment, deploys.c.service == event.service)
        .where(or_(near, deploys.c.id == recorded_id))
    )
    return list(connection.execute(query))


def _earlier(
    connection: Connection, event: DeployEvent, rows: Sequence["Row[Any]"]
) -> list[Deploy]:
    """What was there before all of these."""
    first = min((row.started for row in rows), default=event.at)
    query = (
        select(deploys)
        .where(deploys.c.environment == event.environment, deploys.c.service == event.service)
        .where(deploys.c.started < min(first, event.at), deploys.c.kind.in_(VERSION_CHANGES))
        .where(deploys.c.id.not_in([row.id for row in rows]))
        .order_by(deploys.c.started.desc(), deploys.c.id)
        .limit(50)
    )
    return [_deploy(row) for row in connection.execute(query)]


def _heard(connection: Connection, ids: Sequence[str]) -> list[Heard]:
    query = select(deploy_events.c.document, deploy_events.c.deploy_id).where(
        deploy_events.c.deploy_id.in_(ids)
    )
    return [
        Heard(from_document(row.document, DeployEvent), row.deploy_id)
        for row in connection.execute(query)
    ]


def _same_key(event: DeployEvent, other: DeployEvent) -> bool:
    return (event.source, event.external_id) == (other.source, other.external_id)


def _keep_event(connection: Connection, event: DeployEvent, deploy_id: str, now: datetime) -> None:
    statement = insert_into(connection, deploy_events).values(
        source=event.source,
        external_id=event.external_id,
        deploy_id=deploy_id,
        at=event.at,
        received=now,
        document=to_document(event),
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source", "external_id"],
            set_={
                "at": statement.excluded.at,
                "document": statement.excluded.document,
                "deploy_id": statement.excluded.deploy_id,
            },
        )
    )


def _move_event(connection: Connection, event: DeployEvent, deploy_id: str) -> None:
    connection.execute(
        deploy_events.update()
        .where(
            deploy_events.c.source == event.source,
            deploy_events.c.external_id == event.external_id,
        )
        .values(deploy_id=deploy_id)
    )


def _move_all(connection: Connection, lost: str, into: str) -> None:
    """What hangs on a deploy that turned out to be part of another goes with it. Its verdicts stay
    as they were reached.
    """
    for table in (findings, verdicts, verdict_inputs, gate_answers, overrides):
        connection.execute(table.update().where(table.c.deploy_id == lost).values(deploy_id=into))
    for column in (deploys.c.ends, deploys.c.ended_by):
        connection.execute(deploys.update().where(column == lost).values({column.name: into}))
    connection.execute(deploys.delete().where(deploys.c.id == lost))


def _save(connection: Connection, deployment: Deploy, last_event: datetime, now: datetime) -> None:
    values = {
        name: getattr(deployment, name)
        for name in Deploy.__slots__
        if name not in {"commit", "sources"}
    }
    values |= {
        "commit_sha": deployment.commit,
        "sources": list(deployment.sources),
        "last_event": last_event,
        "updated": now,
    }
    statement = insert_into(connection, deploys).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={name: values[name] for name in values if name != "id"}
        )
    )


def _row(connection: Connection, deploy_id: str) -> Deploy:
    return _deploy(connection.execute(select(deploys).where(deploys.c.id == deploy_id)).one())


def _events(connection: Connection, deploy_id: str) -> list[DeployEvent]:
    query = (
        select(deploy_events.c.document)
        .where(deploy_events.c.deploy_id == deploy_id)
        .order_by(deploy_events.c.at, deploy_events.c.source)
    )
    return [
        from_document(document, DeployEvent) for document in connection.execute(query).scalars()
    ]


def _deploy(row: "Row[tuple[object, ...]]") -> Deploy:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    values = {name: fields[name] for name in Deploy.__slots__ if name not in {"commit", "sources"}}
    return Deploy(**values, commit=fields["commit_sha"], sources=tuple(fields["sources"]))
