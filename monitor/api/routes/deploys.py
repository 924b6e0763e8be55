"""/v1/deploys: what changed, when, and how far the new version has come."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from monitor.api.access import Ingesting, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import Name, Since, Until, moment
from monitor.api.paging import Paged
from monitor.api.parts import Parts
from monitor.api.questions import Range, ask, namespaces_seen, range_of
from monitor.api.strict import ExactBody, StrictRoute
from monitor.api.told import ToldFinding, ToldVerdict, told_finding, told_verdict
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.control import verdicts as kept_verdicts
from monitor.control.gate_answers import KeptAnswer, list_answers
from monitor.control.overrides import overrides_of
from monitor.decode.deploys import Unreadable, event_of
from monitor.joining.names import joined
from monitor.model.deploys import Deploy, DeployEvent, DeployKind, DeployState
from monitor.model.policy import Override

router = APIRouter(prefix="/v1", tags=["deploys"], responses=ERRORS, route_class=StrictRoute)
BEFORE, AFTER = timedelta(minutes=15), timedelta(hours=2)
SHARES_OF = timedelta(minutes=15)
"""Of so long ago a share of calls is still told as one of now."""


class DeployBody(ExactBody):
    """A change event in our own words. Send the same again and nothing changes; without `at`, for
    a minute.
    """

    service: str = Field(min_length=1, max_length=1000)
    version: str = Field(min_length=1, max_length=1000)
    environment: str = Field(default="", max_length=1000)
    namespace: str = Field(
        default="",
        max_length=1000,
        description="of the service, where several share its name; or send service as `namespace/name`",
    )
    kind: DeployKind = "deploy"
    state: DeployState = "succeeded"
    at: str | None = Field(default=None, max_length=64, description="ISO 8601; now when absent")
    previous_version: str = Field(default="", max_length=1000)
    traffic_share: float | None = Field(default=None, ge=0, le=1)
    actor: str = Field(default="", max_length=1000)
    url: str = Field(default="", max_length=4000)
    commit: str = Field(default="", max_length=200)
    external_id: str = Field(
        default="",
        max_length=1000,
        description="your own id of this event; else one is made of its content",
    )


class CdEvent(BaseModel):
    """A CDEvents body (https://cdevents.dev): service.deployed, service.upgraded,
    service.rolledback and the like.
    """

    context: Mapping[str, Any]
    subject: Mapping[str, Any]


class Share(BaseModel):
    """Which share of a service's server calls a version answered in a step of time."""

    time: datetime
    version: str
    server_calls: int
    failed: int
    instances: int
    share: float


class RampStep(BaseModel):
    """What was told and what telemetry shows of the new version's share, side by side; None where
    nothing was told, or nothing answered.
    """

    time: datetime
    planned: float | None
    observed: float | None
    server_calls: int
    instances: int


@dataclass(frozen=True, slots=True)
class ListedDeploy(Deploy):
    """A deploy, `observed_share` of its version in the last quarter of an hour (None: no traffic),
    and in which namespaces telemetry shows services of its name. Of several, one told without a
    namespace may mean each.
    """

    namespaces: Sequence[str] = ()
    observed_share: float | None = None


class DeployDetail(BaseModel):
    """A deploy with all that is known of it."""

    deploy: Deploy
    verdict: ToldVerdict | None
    findings: Sequence[ToldFinding]
    shares: Sequence[Share]
    ramp: Sequence[RampStep]
    events: Sequence[DeployEvent]
    answers: Sequence[KeptAnswer]
    overrides: Sequence[Override]


@router.get("/deploys", summary="Deploys, newest first")
def list_deploys(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    service: Name = None,
    environment: Name = None,
    since: Since = None,
    until: Until = None,
) -> list[ListedDeploy]:
    """All time by default. A service is asked for by its name, or as `namespace/name`: those told
    without a namespace are among them.
    """
    now = parts.clock()
    start, end = moment(since, now), moment(until, now)
    deploys = kept_deploys.list_deploys(
        parts.engine,
        environment=environment,
        service=service,
        since=start,
        until=end,
        limit=paged.limit,
        offset=paged.offset,
    )
    paged.told(
        len(deploys),
        kept_deploys.count_deploys(
            parts.engine, environment=environment, service=service, since=start, until=end
        ),
    )
    spaces = namespaces_seen(parts)
    seen = shares_now(parts)
    return [
        ListedDeploy(
            **asdict(deploy),
            namespaces=spaces.get((deploy.environment, deploy.service), []),
            observed_share=seen.get(
                (deploy.environment, deploy.namespace, deploy.service, deploy.version)
            ),
        )
        for deploy in deploys
    ]


@router.post("/deploys", summary="Tell of a deploy", status_code=201)
def record(
    caller: Ingesting, parts: Opened, body: Annotated[DeployBody | CdEvent, Body()]
) -> Deploy:
    """Our own words or a CDEvent; merged with what other sources say of the same change."""
    now = parts.clock()
    return kept_deploys.record(
        parts.engine,
        joined(parts.config.aliases, parts.engine).deploy(_event(body, caller.name, now)),
        now,
    )


@router.get("/deploys/{deploy_id}", summary="One deploy with verdict, findings and ramp")
def one_deploy(_caller: Reading, parts: Opened, deploy_id: str) -> DeployDetail:
    """404 when there is none of this id."""
    return detail(parts, deploy_id)


def detail(parts: Parts, deploy_id: str) -> DeployDetail:
    """All that is known of a deploy; ApiError 404."""
    deploy = kept_deploys.deploy(parts.engine, deploy_id)
    if deploy is None:
        raise not_found("deploy", deploy_id, "GET /v1/deploys lists them")
    verdict = kept_verdicts.latest_verdict(parts.engine, deploy_id)
    seen, events = shares(parts, deploy), kept_deploys.events(parts.engine, deploy_id)
    return DeployDetail(
        deploy=deploy,
        verdict=told_verdict(verdict) if verdict else None,
        findings=[
            told_finding(finding)
            for finding in kept_findings.list_findings(parts.engine, deploy_id=deploy_id)
        ],
        shares=seen,
        ramp=ramp_of(deploy, seen, events),
        events=events,
        answers=list_answers(parts.engine, deploy_id=deploy_id),
        overrides=overrides_of(
            parts.engine, deploy.called, deploy.version, deploy.environment, deploy
        ),
    )


def ramp_of(
    deploy: Deploy, seen: Sequence[Share], events: Sequence[DeployEvent]
) -> list[RampStep]:
    """Planned beside observed: a row for each step of time in which the service answered, and for
    each share that was told elsewhere.
    """
    plan = [(event.at, event.traffic_share) for event in events if event.traffic_share is not None]
    own_shares = {share.time: share for share in seen if share.version == deploy.version}
    times = sorted({share.time for share in seen})
    ends = (
        [
            *times[1:],
            times[-1] + (times[-1] - times[-2] if len(times) > 1 else timedelta(minutes=1)),
        ]
        if times
        else []
    )

    def planned(until: datetime) -> float | None:
        return next((share for at, share in reversed(plan) if at < until), None)

    steps = [
        RampStep(
            time=time,
            planned=planned(end),
            observed=own_shares[time].share if time in own_shares else 0.0,
            server_calls=own_shares[time].server_calls if time in own_shares else 0,
            instances=own_shares[time].instances if time in own_shares else 0,
        )
        for time, end in zip(times, ends, strict=True)
    ]
    apart = [(at, share) for at, share in plan if not times or not times[0] <= at < ends[-1]]
    steps += [
        RampStep(time=at, planned=share, observed=None, server_calls=0, instances=0)
        for at, share in apart
    ]
    return sorted(steps, key=lambda step: step.time)


def shares_now(parts: Parts) -> dict[tuple[str | None, ...], float]:
    """The newest share of each (environment, namespace, service, version) in the last quarter of
    an hour; also under no namespace.
    """
    lately = range_of(f"{SHARES_OF // timedelta(minutes=1)}m", None, parts.clock())
    newest_shares: dict[tuple[str | None, ...], float] = {}
    for row in ask(
        parts,
        "version_share",
        since=lately.since,
        until=lately.until,
        environment="",
        service="",
        bucket_seconds=60,
    ):
        for space in (None, row["namespace"]):  # a deploy that tells no namespace may be of each
            newest_shares[row["environment"], space, row["service"], row["version"]] = row["share"]
    return newest_shares


def ramp_range(parts: Parts, deploy: Deploy) -> Range:
    """From 15 minutes before the deploy to two hours after it, or now."""
    end = min(parts.clock() + timedelta(seconds=1), (deploy.finished or deploy.started) + AFTER)
    start = deploy.started - BEFORE
    return Range(start, max(end, start + timedelta(minutes=1)), start.isoformat(), end.isoformat())


def shares(parts: Parts, deploy: Deploy) -> list[Share]:
    """The ramp as telemetry shows it."""
    around = ramp_range(parts, deploy)
    rows = ask(
        parts,
        "version_share",
        since=around.since,
        until=around.until,
        environment=deploy.environment,
        service=deploy.called,
        bucket_seconds=max(30, around.bucket_seconds),
    )
    return [Share.model_validate(row) for row in rows]


def _event(body: DeployBody | CdEvent, actor: str, now: datetime) -> DeployEvent:
    values = {name: value for name, value in body.model_dump().items() if value not in (None, "")}
    if isinstance(body, DeployBody):
        values = {"actor": actor, **values} | (
            {"at": at.isoformat()} if (at := moment(body.at, now)) else {}
        )
    try:
        event = event_of(values, now)
    except Unreadable as error:
        raise ApiError(
            422,
            error.detail,
            "body",
            "send service, version, environment, state, or a CDEvent of a service",
        ) from None
    if event is None:
        raise ApiError(
            422,
            "this CDEvent tells of no deploy",
            "body.context.type",
            "send dev.cdevents.service.* or environment.modified",
        )
    return event
