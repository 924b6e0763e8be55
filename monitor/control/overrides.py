"""Overrides: a person's word that one deploy may go on, with a reason and an end that everybody
can see.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Engine, and_, insert, or_, select, update

from monitor.control.store import reading, writing
from monitor.control.tables import overrides
from monitor.errors import UsageError
from monitor.model.deploys import Deploy
from monitor.model.policy import Override


def add_override(
    engine: Engine,
    *,
    person: str,
    reason: str,
    noted_by: str,
    now: datetime,
    expires: datetime,
    longest: timedelta,
    deploy_id: str = "",
    service: str = "",
    version: str = "",
    environment: str = "",
) -> Override:
    """Note an override of one deploy, or of one version of a service.

    UsageError without person or reason, for anything wider than that, and for an end that is over
    or beyond `longest`.
    """
    if not person.strip() or not reason.strip():
        raise UsageError("an override needs a person who answers for it and a reason; give both")
    if bool(deploy_id) == bool(service or version) or bool(service) != bool(version):
        raise UsageError(
            "an override is of one deploy, by its id, or of one version of a service; name the one or the other"
        )
    if environment and deploy_id:
        raise UsageError("a deploy is in one environment; leave the environment out")
    if not longest:
        raise UsageError("the policy allows no overrides (overrides.longest_hours is 0)")
    if expires <= now:
        raise UsageError(
            f"the override would end at {expires.isoformat()}, before it begins; give a later time"
        )
    if expires > now + longest:
        raise UsageError(
            f"the override would last {(expires - now).total_seconds() / 3600:.1f} hours; the policy allows "
            f"{longest.total_seconds() / 3600:g} (overrides.longest_hours)"
        )
    made = Override(
        secrets.token_hex(6),
        deploy_id,
        service,
        version,
        environment,
        person.strip(),
        reason.strip(),
        noted_by,
        now,
        expires,
    )
    with writing(engine) as connection:
        connection.execute(
            insert(overrides).values({name: getattr(made, name) for name in Override.__slots__})
        )
    return made


def revoke_override(engine: Engine, override_id: str, actor: str, now: datetime) -> bool:
    """End an override now; False when there is none of this id in force."""
    with writing(engine) as connection:
        done = connection.execute(
            update(overrides)
            .where(
                overrides.c.id == override_id,
                overrides.c.expires > now,
                overrides.c.revoked.is_(None),
            )
            .values(revoked=now, revoked_by=actor)
            .returning(overrides.c.id)
        )
        return done.scalar_one_or_none() is not None


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """What an override's row must say to be in force at `now`."""
    return and_(overrides.c.expires > now, overrides.c.revoked.is_(None))


def list_overrides(engine: Engine, now: datetime | None = None) -> list[Override]:
    """Overrides in force at `now` (None: all there ever were), the newest first."""
    query = select(overrides).order_by(overrides.c.created.desc(), overrides.c.id)
    if now is not None:
        query = query.where(in_force(now))
    with reading(engine) as connection:
        return [Override(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it


def overrides_of(
    engine: Engine, service: str, version: str, environment: str, deploy: Deploy | None
) -> list[Override]:
    """Those of this deploy or this version, whether in force or not, the newest first."""
    names = {service} | ({deploy.called, deploy.service} if deploy else set())
    of_version = and_(
        overrides.c.service.in_(names),
        overrides.c.version == version,
        overrides.c.environment.in_({"", environment}),
    )
    mine = or_(of_version, overrides.c.deploy_id == deploy.id) if deploy else of_version
    query = select(overrides).where(mine).order_by(overrides.c.created.desc(), overrides.c.id)
    with reading(engine) as connection:
        return [Override(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - as above
