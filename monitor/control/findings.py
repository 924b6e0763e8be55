"""Findings as judging left them, and which of them somebody has accepted, until when and why."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from monitor.control.deploys import deploys_of
from monitor.control.documents import to_document
from monitor.control.past import finding_of
from monitor.control.store import count_of, insert_into, reading, writing
from monitor.control.tables import acceptances, findings
from monitor.errors import UsageError
from monitor.model.edges import apart
from monitor.model.judging import Finding
from monitor.model.printable import is_visible


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A known finding: it stays quiet, in later deploys too, until it expires. Matches by
    `fingerprint`.
    """

    id: int
    finding_id: str
    fingerprint: str
    owner: str
    reason: str
    accepted: datetime
    expires: datetime


def save_findings(engine: Engine, batch: Iterable[Finding], now: datetime) -> list[Finding]:
    """Keep these findings, new or known by id, and return them as kept.

    The earliest `first_seen` and the latest `last_seen` stay. One that is not resolved and matches
    an acceptance in force is "accepted". Findings not named here keep their state: resolve one by
    saving it as "resolved".
    """
    rows = sorted(batch, key=lambda finding: finding.id)
    with writing(engine) as connection:
        quiet = _fingerprints_in_force(connection, now)
        earlier = _locked(connection, [finding.id for finding in rows])
        kept = [_merged(finding, earlier.get(finding.id), quiet) for finding in rows]
        for finding in kept:
            _save(connection, finding, now)
    return kept


def list_findings(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    service: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Finding]:
    """Findings last seen at or after `since`: open ones first, then accepted, then resolved;
    newest first. All unless limited.

    Of a `service` (`name` or `namespace/name`) are those on the edges that it takes part in, and
    those of its deploys.
    """
    state_order = case({"open": 0, "accepted": 1}, value=findings.c.state, else_=2)
    query = _wanted(deploy_id, state, since, service).order_by(
        state_order, findings.c.last_seen.desc(), findings.c.id
    )
    with reading(engine) as connection:
        return [_finding(row) for row in connection.execute(query.limit(limit).offset(offset))]


def count_findings(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    service: str | None = None,
) -> int:
    """How many findings there are of these."""
    return count_of(engine, _wanted(deploy_id, state, since, service))


def _wanted(
    deploy_id: str | None, state: str | None, since: datetime | None, service: str | None
) -> Select[tuple[object, ...]]:
    query = select(findings)
    if deploy_id is not None:
        query = query.where(findings.c.deploy_id == deploy_id)
    if state is not None:
        query = query.where(findings.c.state == state)
    if since is not None:
        query = query.where(findings.c.last_seen >= since)
    if service is not None:
        of_its_deploys = findings.c.deploy_id.in_(deploys_of(service))
        query = query.where(
            or_(_takes_part("caller", service), _takes_part("callee", service), of_its_deploys)
        )
    return query


def _takes_part(role: str, service: str) -> ColumnElement[bool]:
    namespace, name = apart(service)
    named = findings.c[role] == name
    return (
        named if namespace is None else and_(named, findings.c[f"{role}_namespace"] == namespace)
    )


def finding(engine: Engine, finding_id: str) -> Finding | None:
    """One finding, None when there is none of this id."""
    with reading(engine) as connection:
        row = connection.execute(select(findings).where(findings.c.id == finding_id)).one_or_none()
        return _finding(row) if row else None


def by_id(engine: Engine, ids: Iterable[str]) -> dict[str, Finding]:
    """Those of these findings that are kept, by id. One query."""
    with reading(engine) as connection:
        return {
            row.id: _finding(row)
            for row in connection.execute(select(findings).where(findings.c.id.in_(set(ids))))
        }


def count_open(engine: Engine) -> int:
    """How many findings are open now."""
    with reading(engine) as connection:
        return connection.execute(
            select(func.count()).select_from(findings).where(findings.c.state == "open")
        ).scalar_one()


def accept(
    engine: Engine, finding_id: str, owner: str, reason: str, expires: datetime, now: datetime
) -> Acceptance:
    """Say that a finding is known. UsageError for an unknown id, an empty owner or reason, or an
    expiry that has passed.
    """
    if not (is_visible(owner) and is_visible(reason)):
        raise UsageError(f"accepting finding {finding_id} needs an owner and a reason; give both")
    if expires <= now:
        raise UsageError(
            f"accepting finding {finding_id} until {expires.isoformat()} would end before it begins; give a later time"
        )
    with writing(engine) as connection:
        mark = connection.execute(
            select(findings.c.fingerprint).where(findings.c.id == finding_id)
        ).scalar_one_or_none()
        if mark is None:
            raise UsageError(
                f"there is no finding {finding_id}; list them with: seamwatch findings"
            )
        values = {
            "finding_id": finding_id,
            "fingerprint": mark,
            "owner": owner.strip(),
            "reason": reason.strip(),
            "accepted": now,
            "expires": expires,
        }
        number = connection.execute(
            insert(acceptances).values(**values).returning(acceptances.c.id)
        ).scalar_one()
        connection.execute(
            update(findings)
            .where(findings.c.fingerprint == mark, findings.c.state == "open")
            .values(state="accepted", updated=now)
        )
    return Acceptance(number, finding_id, mark, owner.strip(), reason.strip(), now, expires)


def accepted(engine: Engine, now: datetime) -> list[Acceptance]:
    """The acceptances in force, those that end first first."""
    query = (
        select(acceptances)
        .where(acceptances.c.accepted <= now, acceptances.c.expires > now)
        .order_by(acceptances.c.expires, acceptances.c.id)
    )
    with reading(engine) as connection:
        return [Acceptance(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it


def reopen_expired(connection: Connection, now: datetime) -> int:
    """Open again the accepted findings that no acceptance in force covers; how many."""
    quiet = select(acceptances.c.fingerprint).where(
        acceptances.c.accepted <= now, acceptances.c.expires > now
    )
    reopened = connection.execute(
        update(findings)
        .where(findings.c.state == "accepted", findings.c.fingerprint.not_in(quiet))
        .values(state="open", updated=now)
        .returning(findings.c.id)
    )
    return len(reopened.all())


def _merged(finding: Finding, earlier: Finding | None, quiet: set[str]) -> Finding:
    state = finding.state
    if state != "resolved":
        state = "accepted" if finding.fingerprint in quiet else "open"
    if earlier is None:
        return replace(finding, state=state)
    first, last = (
        min(finding.first_seen, earlier.first_seen),
        max(finding.last_seen, earlier.last_seen),
    )
    return replace(finding, state=state, first_seen=first, last_seen=last)


def _save(connection: Connection, finding: Finding, now: datetime) -> None:
    values = {
        "id": finding.id,
        "deploy_id": finding.deploy_id,
        "fingerprint": finding.fingerprint,
        "environment": finding.edge.environment,
        "state": finding.state,
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "updated": now,
        "document": to_document(finding),
        "caller_namespace": finding.edge.caller_namespace,
        "caller": finding.edge.caller,
        "callee_namespace": finding.edge.callee_namespace,
        "callee": finding.edge.callee,
    }
    statement = insert_into(connection, findings).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={name: values[name] for name in values if name != "id"}
        )
    )


def _locked(connection: Connection, ids: list[str]) -> dict[str, Finding]:
    query = select(findings).where(findings.c.id.in_(ids)).with_for_update()
    return {row.id: _finding(row) for row in connection.execute(query)}


def _fingerprints_in_force(connection: Connection, now: datetime) -> set[str]:
    return set(
        connection.execute(
            select(acceptances.c.fingerprint).where(
                acceptances.c.accepted <= now, acceptances.c.expires > now
            )
        ).scalars()
    )


def _finding(row: "Row[tuple[object, ...]]") -> Finding:
    """The document with what its row knows better."""
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return replace(
        finding_of(fields["document"]), state=fields["state"], deploy_id=fields["deploy_id"]
    )
