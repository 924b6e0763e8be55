"""What the gate answered, each change of mind once, and which of these are flips: another word on
code that stayed the same.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, func, insert, or_, select

from monitor.control.deploys import service_is
from monitor.control.overrides import in_force
from monitor.control.store import count_of, reading, writing
from monitor.control.tables import deploys, gate_answers, overrides
from monitor.model.deploys import Deploy
from monitor.model.judging import Outcome, Verdict

DECIDED = ("pass", "fail")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the gate said of a deploy from `at` on, by one policy. `verdict` is what was judged,
    `outcome` what the policy made of it.

    `flip`: a pass after a fail or a fail after a pass, of the same service in the same two
    versions and by the same policy, without another change of the service between.
    """

    at: datetime
    environment: str
    service: str
    version: str
    against_version: str
    deploy_id: str
    verdict_id: str
    verdict: Outcome
    outcome: Outcome
    policy: str
    flip: bool


@dataclass(frozen=True, slots=True)
class GateCounts:
    """How many answers there were since some time, how many of them flips, and how many overrides
    are in force.
    """

    answers: int
    flips: int
    overrides: int


def keep_answer(
    engine: Engine, deploy: Deploy, verdict: Verdict, outcome: Outcome, policy: str, now: datetime
) -> KeptAnswer | None:
    """Keep an answer that differs from the one before on this deploy; None where it says the same
    again.
    """
    with writing(engine) as connection:
        mine = (
            select(gate_answers)
            .where(gate_answers.c.policy == policy)
            .order_by(gate_answers.c.id.desc())
            .limit(1)
        )
        last = connection.execute(mine.where(gate_answers.c.deploy_id == deploy.id)).one_or_none()
        if last and (last.verdict, last.outcome, last.against_version) == (
            verdict.outcome, outcome, verdict.against_version,
        ):  # fmt: skip
            return None
        decided = connection.execute(
            mine.where(
                gate_answers.c.environment == deploy.environment,
                gate_answers.c.service == deploy.called,
                gate_answers.c.version == deploy.version,
                gate_answers.c.against_version == verdict.against_version,
                gate_answers.c.outcome.in_(DECIDED),
            )
        ).one_or_none()
        flip = (
            decided is not None
            and outcome in DECIDED
            and decided.outcome != outcome
            and not _changed_between(connection, deploy, decided.deploy_id)
        )
        kept = KeptAnswer(
            now, deploy.environment, deploy.called, deploy.version, verdict.against_version, deploy.id, verdict.id,
            verdict.outcome, outcome, policy, flip,
        )  # fmt: skip
        connection.execute(
            insert(gate_answers).values(
                {name: getattr(kept, name) for name in KeptAnswer.__slots__}
            )
        )
    return kept


def list_answers(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    since: datetime | None = None,
    flips: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[KeptAnswer]:
    """Answers since then, the newest first; only flips if so asked."""
    query = (
        _wanted(deploy_id, since, flips=flips)
        .order_by(gate_answers.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with reading(engine) as connection:
        rows = [row._mapping for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name for it
        return [KeptAnswer(**{name: row[name] for name in KeptAnswer.__slots__}) for row in rows]


def count_answers(
    engine: Engine,
    *,
    deploy_id: str | None = None,
    since: datetime | None = None,
    flips: bool = False,
) -> int:
    """How many there are."""
    return count_of(engine, _wanted(deploy_id, since, flips=flips))


def gate_counts(engine: Engine, *, since: datetime, now: datetime) -> GateCounts:
    """All three by one statement: probes ask for them."""
    with reading(engine) as connection:
        row = connection.execute(_COUNTS, {"counted_since": since, "counted_at": now}).one()
    return GateCounts(*map(int, row))


def _counts() -> Select[Any]:
    at = gate_answers.c.at
    lately = (
        select(func.count())
        .select_from(gate_answers)
        .where(at >= bindparam("counted_since", type_=at.type))
    )
    forced = (
        select(func.count())
        .select_from(overrides)
        .where(in_force(bindparam("counted_at", type_=overrides.c.expires.type)))
    )
    counts = (lately, lately.where(gate_answers.c.flip), forced)
    return select(*(count.scalar_subquery() for count in counts))


# put together once: probes ask every few seconds, and building it cost more than asking it
_COUNTS = _counts()


def count_flips_of(engine: Engine, deploy: Deploy, against_version: str) -> int:
    """How often the gate changed its mind on this version of the service against that one, by
    whatever policy.
    """
    query = _wanted(None, None, flips=True).where(
        gate_answers.c.environment == deploy.environment,
        gate_answers.c.service == deploy.called,
        gate_answers.c.version == deploy.version,
        gate_answers.c.against_version == against_version,
    )
    return count_of(engine, query)


def _wanted(
    deploy_id: str | None, since: datetime | None, *, flips: bool
) -> Select[tuple[object, ...]]:
    query = select(gate_answers)
    if deploy_id is not None:
        query = query.where(gate_answers.c.deploy_id == deploy_id)
    if since is not None:
        query = query.where(gate_answers.c.at >= since)
    return query.where(gate_answers.c.flip) if flips else query


def _changed_between(connection: Connection, deploy: Deploy, earlier_id: str) -> bool:
    """Whether another change of the service began between two deploys of one version."""
    if earlier_id == deploy.id:
        return False
    if deploy.kind in ("config", "flag"):
        return True
    earlier = connection.execute(
        select(deploys.c.started).where(deploys.c.id == earlier_id)
    ).scalar_one_or_none()
    if earlier is None:
        return True
    first, last = sorted((earlier, deploy.started))
    others = (
        select(deploys.c.id)
        .where(
            deploys.c.environment == deploy.environment,
            *service_is(deploy.namespace, deploy.service),
        )
        .where(deploys.c.started > first, deploys.c.started < last)
        .where(or_(deploys.c.kind.in_(("config", "flag")), deploys.c.version != deploy.version))
        .limit(1)
    )
    return connection.execute(others).first() is not None
