"""Deploys: every source's events kept by (source, external id) and merged into one account of each change."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, or_, select

from monitor.control.documents import from_document, to_document
from monitor.control.merging import belongs, fold, mergeable_span
from monitor.control.sequence import take_turn
from monitor.control.store import count_of, insert_into, reading, writing
from monitor.control.tables import deploy_events, deploys
from monitor.model.deploys import Deploy, DeployEvent
from monitor.model.edges import apart, qualified


def record(engine: Engine, event: DeployEvent, now: datetime) -> Deploy:
    """Keep the event and return the deploy it is part of, made new when it is part of none.

    The same event again changes nothing; the same key with other content replaces what was there. The order in which
    the events of one deploy come does not matter. One transaction; recorders wait for each other.
    """
    event = event.told_apart
    with writing(engine) as connection:
        take_turn(connection, "deploys")
        known = connection.execute(
            select(deploy_events.c.deploy_id).where(
                deploy_events.c.source == event.source, deploy_events.c.external_id == event.external_id
            )
        ).scalar_one_or_none()
        deploy_id = known or _part_of(connection, event) or _begin(connection, event, now)
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
                set_={"at": statement.excluded.at, "document": statement.excluded.document},
            )
        )
        before = _row(connection, deploy_id)
        after = fold(before, _events(connection, deploy_id))
        _save(connection, after, _last_event(connection, deploy_id), now)
        return after


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

    `service` as `name` has those of every namespace. As `namespace/name` it has also those of which no namespace was told.
    """
    query = _wanted(environment, service, since, until).order_by(deploys.c.started.desc(), deploys.c.id)
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
    """The ids of the deploys that may be of this service, for a question about what hangs on them."""
    return select(deploys.c.id).where(*service_is(*apart(service)))


def service_is(namespace: str | None, service: str) -> list[ColumnElement[bool]]:
    """Of this service: where namespaces are told on both sides, of the same."""
    where = [deploys.c.service == service]
    return where if namespace is None else [*where, or_(deploys.c.namespace.is_(None), deploys.c.namespace == namespace)]


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
    """Telemetry showed the version in this window; the earliest is kept. Nothing happens for an unknown id."""
    with writing(engine) as connection:
        connection.execute(
            deploys.update()
            .where(deploys.c.id == deploy_id, (deploys.c.first_traffic.is_(None)) | (deploys.c.first_traffic > first_traffic))
            .values(first_traffic=first_traffic, updated=first_traffic)
        )


def _part_of(connection: Connection, event: DeployEvent) -> str | None:
    """The deploy this event tells more of: the nearest in time among those of its service and version."""
    earliest, latest = mergeable_span(event)
    query = (
        select(deploys)
        .where(deploys.c.environment == event.environment, *service_is(event.namespace, event.service))
        .where(deploys.c.last_event >= earliest, deploys.c.started <= latest)
        .order_by(deploys.c.started)
    )
    rows = list(connection.execute(query))
    others = [_deploy(row) for row in rows]
    candidates = [
        (abs((row.last_event - event.at).total_seconds()), one.id)
        for row, one in zip(rows, others, strict=True)
        if one.version == event.version and belongs(event, one, row.last_event, _events(connection, one.id), others)
    ]
    return min(candidates)[1] if candidates else None


def _begin(connection: Connection, event: DeployEvent, now: datetime) -> str:
    """A new deploy of this one event. A version that ran before, with another in between, has been rolled back to."""
    earlier = [
        _deploy(row)
        for row in connection.execute(
            select(deploys)
            .where(
                deploys.c.environment == event.environment,
                *service_is(event.namespace, event.service),
                deploys.c.started <= event.at,
            )
            .where(deploys.c.kind.in_(("deploy", "rollback")))
            .order_by(deploys.c.started.desc())
            .limit(50)
        )
    ]
    kind = event.kind
    if (
        kind == "deploy"
        and earlier
        and earlier[0].version != event.version
        and any(one.version == event.version for one in earlier)
    ):
        kind = "rollback"
    previous = event.previous_version or next((one.version for one in earlier if one.version != event.version), "")
    name = event.service if event.namespace is None else qualified(event.namespace, event.service)
    parts = [event.environment, name, event.version, kind, event.at.isoformat(), event.source, event.external_id]
    text = "\x1f".join(parts)
    fresh = Deploy(
        id=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16],
        kind=kind,
        environment=event.environment,
        service=event.service,
        version=event.version,
        previous_version=previous,
        state=event.state,
        started=event.at,
        finished=None,
        first_traffic=None,
        sources=(event.source,),
        namespace=event.namespace,
    )
    _save(connection, fresh, event.at, now)
    return fresh.id


def _save(connection: Connection, one: Deploy, last_event: datetime, now: datetime) -> None:
    values = {name: getattr(one, name) for name in Deploy.__slots__ if name not in {"commit", "sources"}}
    values |= {"commit_sha": one.commit, "sources": list(one.sources), "last_event": last_event, "updated": now}
    statement = insert_into(connection, deploys).values(**values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={name: values[name] for name in values if name != "id"})
    )


def _row(connection: Connection, deploy_id: str) -> Deploy:
    return _deploy(connection.execute(select(deploys).where(deploys.c.id == deploy_id)).one())


def _last_event(connection: Connection, deploy_id: str) -> datetime:
    last: datetime = connection.execute(
        select(func.max(deploy_events.c.at)).where(deploy_events.c.deploy_id == deploy_id)
    ).scalar_one()
    return last


def _events(connection: Connection, deploy_id: str) -> list[DeployEvent]:
    query = (
        select(deploy_events.c.document)
        .where(deploy_events.c.deploy_id == deploy_id)
        .order_by(deploy_events.c.at, deploy_events.c.source)
    )
    return [from_document(document, DeployEvent) for document in connection.execute(query).scalars()]


def _deploy(row: "Row[tuple[object, ...]]") -> Deploy:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    values = {name: fields[name] for name in Deploy.__slots__ if name not in {"commit", "sources"}}
    return Deploy(**values, commit=fields["commit_sha"], sources=tuple(fields["sources"]))
