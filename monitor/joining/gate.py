"""Is this deploy good? One answer for a pipeline: exit code, reasons, and what would settle it."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from monitor.control.deploys import list_deploys
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.joining.answering import GateAnswer, Word, answer
from monitor.joining.judging import JUDGED, judge_deploy, keep_judged
from monitor.joining.namesakes import of_one_of
from monitor.joining.ramp_plans import plan_states
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery, apart, is_called, qualified
from monitor.model.judging import Finding
from monitor.model.policy import Policy
from monitor.model.ramp_plans import PlanState
from monitor.model.reasons import Reason, reason
from monitor.store.ramps import Place
from monitor.store.reader import Reader

__all__ = ["GateAnswer", "GateRequest", "asked", "evaluate_gate"]
LOOK_BACK = timedelta(days=7)
SEEN_BACK = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class GateRequest:
    """Which deploy: the newest of this service and version, in any environment unless one is
    named; without any, the newest config or flag change.

    `last_look`: nobody asks again after this, so one exact test is made beside the ones that allow
    for asking often. `policies`: all of them apply, the strictest answer counts.
    """

    service: str
    version: str
    environment: str | None = None
    judging: JudgeSettings = field(default_factory=JudgeSettings)
    last_look: bool = True
    policies: tuple[Policy, ...] = (Policy(),)
    aliases: Aliases = field(default_factory=Aliases)
    """Contracts name services as they like: a finding's clause is found under them."""


def asked(
    aliases: Aliases,
    service: str,
    version: str,
    environment: str | None,
    judging: JudgeSettings | None = None,
) -> GateRequest:
    """The request in telemetry's names, for a pipeline that says its own."""
    name = aliases.service(service)
    place = aliases.environment(environment) if environment else None
    return GateRequest(
        name, aliases.version(name, version), place, judging or JudgeSettings(), aliases=aliases
    )


def evaluate_gate(
    reader: Reader, engine: Engine, request: GateRequest, now: datetime
) -> GateAnswer:
    """Judge the deploy afresh by the newest sealed windows, apply the policies, and store verdict
    and answer. Waiting is the caller's.

    No deploy of that service and version, or names telemetry does not know, are inconclusive, with
    the nearest known names. Accepted findings fail nothing and are told. An override in force
    makes the exit code 0 and nothing else. Raises StoreError and StoreUnavailable only.
    """
    word = _word(reader, engine, request, now)
    plans = _plans(reader, engine, request, word)
    return answer(reader, engine, word, request.policies, now, plans)


def _plans(reader: Reader, engine: Engine, request: GateRequest, word: Word) -> list[PlanState]:
    """The ramp plans for this version that are in force there, by the newest sealed window."""
    sealed, deploy = reader.last_sealed(), word.deploy
    environment = deploy.environment if deploy else word.environment
    if sealed is None or not environment:
        return []
    namespace, service = apart(deploy.called if deploy else word.service)
    states = plan_states(
        reader.store,
        engine,
        request.aliases,
        Place(environment, namespace, service),
        sealed + timedelta(seconds=WINDOW_SECONDS),
    )
    return [state for state in states if state.version in ("", word.version)]


def _word(reader: Reader, engine: Engine, request: GateRequest, now: datetime) -> Word:
    """What judging says, before any policy."""
    deploys = _deploys_of(engine, request)
    changes = [deploy for deploy in deploys if deploy.version == request.version]
    of_version = [deploy for deploy in changes if deploy.kind in VERSION_CHANGES]
    of_version = of_version or [deploy for deploy in changes if deploy.kind in JUDGED]
    if not of_version:
        return (
            _not_judged(changes[0], request) if changes else _unknown(reader, engine, request, now)
        )
    environments = sorted({deploy.environment for deploy in of_version})
    if len(environments) > 1:
        why = reason(
            "several_environments",
            service=request.service,
            version=request.version,
            environments=", ".join(environments),
        )
        return _not_matched(why, reason("name_environment"), request)
    services = sorted({deploy.called for deploy in of_version if deploy.namespace is not None})
    if len(services) > 1:
        verdict = of_one_of(
            replace(of_version[0], service=request.service, namespace=None),
            services,
            now,
            reader.last_sealed(),
        )
        return Word(
            request.service,
            request.version,
            verdict.outcome,
            verdict.reasons,
            verdict.settles,
            of_version[0],
        )
    judged = judge_deploy(
        reader,
        engine,
        of_version[0],
        replace(request.judging, deadline=request.last_look),
        now,
        aliases=request.aliases,
    )
    verdict = judged.verdict
    keep_judged(engine, judged, repeats=False)
    reasons, settles = tuple(_with_clauses(verdict.reasons, judged.findings)), verdict.settles
    if verdict.outcome == "inconclusive" and (
        elsewhere := _traffic_only_elsewhere(reader, of_version[0])
    ):
        service, environment = of_version[0].called, of_version[0].environment
        reasons = (
            *reasons,
            _elsewhere("environment_without_traffic", service, environment, elsewhere),
        )
        settles = (*settles, reason("telemetry_environment"))
    return Word(
        request.service, request.version, verdict.outcome, reasons, settles, of_version[0], judged
    )


def _with_clauses(reasons: Sequence[Reason], findings: Sequence[Finding]) -> Iterator[Reason]:
    """The reasons; those of findings of a short timeout with the contract's clause on it, which
    the verdict does not know.
    """
    with_clause = {
        finding.id: finding.reason
        for finding in findings
        if finding.evidence.time is not None and finding.evidence.time.timeout is not None
    }
    for why in reasons:
        yield with_clause.get(str(why.parameters.get("finding")), why)


def _deploys_of(engine: Engine, request: GateRequest) -> list[Deploy]:
    """Deploys of this service, newest first. Those told without a namespace are of the one that is
    asked for.
    """
    namespace, _ = apart(request.service)
    deploys = list_deploys(engine, environment=request.environment, service=request.service)
    return [
        replace(deploy, namespace=namespace) if deploy.namespace is None else deploy
        for deploy in deploys
    ]


def _not_judged(change: Deploy, request: GateRequest) -> Word:
    why = reason(
        "kind_not_judged",
        service=change.service,
        version=change.version,
        kind=change.kind,
        started=change.started,
    )
    return _not_matched(why, reason("judged_kind"), request)


def _unknown(reader: Reader, engine: Engine, request: GateRequest, now: datetime) -> Word:
    """Nobody told of such a deploy: say which names are known, so that a typo or a missing alias
    shows.
    """
    recent = list_deploys(engine, environment=request.environment, since=now - LOOK_BACK)
    newest = reader.last_sealed()
    seen = (
        reader.sightings(
            newest - SEEN_BACK,
            newest + timedelta(seconds=WINDOW_SECONDS),
            request.environment,
            None,
        )
        if newest
        else []
    )
    services = {name for deploy in recent for name in (deploy.service, deploy.called)} | {
        sighting.service for sighting in seen
    }
    services |= {
        qualified(sighting.namespace, sighting.service) for sighting in seen if sighting.namespace
    }
    if request.service not in services and request.environment is not None:
        elsewhere = _environments_of(reader, engine, request, newest, now)
        if elsewhere:
            why = _elsewhere(
                "environment_without_service", request.service, request.environment, elsewhere
            )
            return _not_matched(why, reason("name_environment_of"), request)
    if request.service not in services:
        why = reason(
            "service_unmatched",
            service=request.service,
            nearest=_nearest(request.service, services),
        )
        return replace(_not_matched(why, reason("alias_service"), request), knows_service=False)
    deployed = {
        deploy.version
        for deploy in recent
        if deploy.is_of(request.service) and deploy.kind in VERSION_CHANGES
    }
    live = {
        sighting.version
        for sighting in seen
        if is_called(sighting.namespace, sighting.service, request.service) and sighting.version
    }
    if request.version in live:
        why = reason("deploy_untold", service=request.service, version=request.version)
        return _not_matched(why, reason("tell_deploys"), request)
    nearest = _nearest(request.version, deployed | live)
    why = reason(
        "version_unmatched", version=request.version, service=request.service, nearest=nearest
    )
    return _not_matched(why, reason("alias_version"), request)


def _environments_of(
    reader: Reader, engine: Engine, request: GateRequest, newest: datetime | None, now: datetime
) -> list[str]:
    """Where this service is known, by telemetry or deploys."""
    deploys = list_deploys(engine, service=request.service, since=now - LOOK_BACK)
    seen = (
        reader.sightings(
            newest - SEEN_BACK, newest + timedelta(seconds=WINDOW_SECONDS), None, request.service
        )
        if newest
        else []
    )
    return sorted({place.environment for place in deploys} | {place.environment for place in seen})


def _elsewhere(
    code: Literal["environment_without_service", "environment_without_traffic"],
    service: str,
    environment: str,
    others: list[str],
) -> Reason:
    near = difflib.get_close_matches(environment, others, n=1, cutoff=0.5)
    return reason(
        code,
        service=service,
        environment=environment,
        environments=", ".join(others),
        nearest=", ".join(near),
    )


def _traffic_only_elsewhere(reader: Reader, deploy: Deploy) -> list[str]:
    """The environments in which this service has traffic, by spans or API logs, where the deploy's
    own is none of them; else none.
    """
    newest = reader.last_sealed()
    if newest is None:
        return []
    since, until = newest - SEEN_BACK, newest + timedelta(seconds=WINDOW_SECONDS)
    seen = {
        sighting.environment for sighting in reader.sightings(since, until, None, deploy.called)
    }
    everywhere = EdgeQuery(since=since, until=until, by=("environment",))
    for query in (
        replace(everywhere, caller=deploy.called),
        replace(everywhere, callee=deploy.called),
    ):
        seen |= {row.environment or "" for row in reader.edges(query)}
    return [] if deploy.environment in seen else sorted(seen - {""})


def _nearest(name: str, names: set[str]) -> str:
    return ", ".join(
        difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.55) or sorted(names)[:5]
    )


def _not_matched(why: Reason, settles: Reason, request: GateRequest) -> Word:
    """Nothing was judged, because what was asked for is not one known deploy."""
    return Word(
        request.service,
        request.version,
        "inconclusive",
        (why,),
        (settles,),
        None,
        environment=request.environment or "",
    )
