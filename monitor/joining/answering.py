"""From a verdict to the gate's answer: policies applied, overrides of people, the gate's own
flips, and the text for a terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from monitor import telemetry
from monitor.control.deploys import list_deploys
from monitor.control.gate_answers import count_flips_of, keep_answer
from monitor.control.overrides import overrides_of
from monitor.detect.judging.ruling import WEAKER, Asked, Ruling, Shown, Traffic, ruled, stricter
from monitor.joining.judging import JUDGED, Judged
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery
from monitor.model.judging import Outcome
from monitor.model.policy import Override, Policy, RuleResult
from monitor.model.ramp_plans import PlanState
from monitor.model.reasons import Reason, reason
from monitor.store.reader import Reader
from monitor.wording.findings import summary
from monitor.wording.reasons import sentence

ExitCode = Literal[0, 1, 2]
EXIT_CODES: dict[Outcome, ExitCode] = {"pass": 0, "fail": 1, "inconclusive": 2}


@dataclass(frozen=True, slots=True)
class Word:
    """What judging says of the deploy that is asked about. `deploy` is None where none matches,
    `judged` where nothing was judged.
    """

    service: str
    version: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    settles: tuple[Reason, ...]
    deploy: Deploy | None
    judged: Judged | None = None
    environment: str = ""
    knows_service: bool = True


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """`verdict` is what was judged, `outcome` what the policies make of it. `exit_code` 0 pass, 1
    fail, 2 inconclusive; 0 too under an `override`, which changes nothing else. `findings` are
    ids; `text` says it all for a terminal. `knows_service` is False where the name matches
    nothing: an alias may be missing. `flips` counts how often the gate changed its mind on this
    unchanged code.
    """

    outcome: Outcome
    exit_code: ExitCode
    reasons: tuple[Reason, ...]
    settles: tuple[Reason, ...]
    findings: tuple[str, ...]
    verdict_id: str
    text: str
    knows_service: bool = True
    verdict: Outcome = "inconclusive"
    rules: tuple[RuleResult, ...] = ()
    criticality: Reason | None = None
    override: Override | None = None
    flips: int = 0


def answer(
    reader: Reader,
    engine: Engine,
    word: Word,
    policies: Sequence[Policy],
    now: datetime,
    plans: Sequence[PlanState] = (),
) -> GateAnswer:
    """All policies apply, the strictest answer counts, and what a ramp plan breaks or still wants
    is part of it. The answer is kept where it says something new. Raises StoreError only.
    """
    ruling = with_plans(ruled_by(reader, engine, word, policies, now), plans)
    flips = 0
    if word.deploy and word.judged:
        verdict = word.judged.verdict
        kept = keep_answer(
            engine,
            word.deploy,
            verdict,
            ruling.outcome,
            "+".join(policy.mark for policy in policies),
            now,
        )
        if kept and kept.flip:
            telemetry.GATE_FLIPS.labels(kept.outcome).inc()
        flips = count_flips_of(engine, word.deploy, verdict.against_version)
    reasons, settles = (*ruling.reasons, *word.reasons), (*ruling.settles, *word.settles)
    # what the policy takes for a pass; the rest is told by `seamwatch explain`
    if ruling.outcome == "pass" and word.outcome != "pass":
        weaker = [why for why in word.reasons if why.code in WEAKER]
        reasons, settles = (*(weaker or word.reasons), *ruling.reasons), ()
    elif any(why.code in WEAKER for why in word.reasons) and not ruling.reasons:
        settles = (reason("accept_weaker_pass"), *settles)
    if ruling.outcome != "pass" and word.judged and word.judged.verdict.without_meaning:
        settles = (reason("accept_meaning"), *settles)
    if flips and word.deploy and word.judged:
        against = word.judged.verdict.against_version
        why_none = reason(
            "gate_flipped",
            flips=flips,
            service=word.service,
            version=word.version,
            against_version=against,
        )
        reasons = (*reasons, why_none)
    override, over = _override(engine, word, policies, now)
    if ruling.outcome != "pass":
        reasons = (*_of_override(override, over, ruling.outcome, now), *reasons)
    else:
        override = None
    made = GateAnswer(
        outcome=ruling.outcome,
        exit_code=0 if override else EXIT_CODES[ruling.outcome],
        reasons=reasons,
        settles=settles,
        findings=tuple(finding.id for finding in word.judged.findings) if word.judged else (),
        verdict_id=word.judged.verdict.id if word.judged else "",
        text="",
        knows_service=word.knows_service,
        verdict=word.outcome,
        rules=ruling.rules,
        criticality=ruling.criticality,
        override=override,
        flips=flips,
    )
    return replace(made, text=_text(word, made))


def with_plans(ruling: Ruling, plans: Sequence[PlanState]) -> Ruling:
    """A plan that live traffic breaks fails; a step that may not be taken yet passes nothing."""
    broken = tuple(why for plan in plans for why in plan.broken)
    waits = tuple(why for plan in plans for why in plan.waits)
    if not broken and not waits:
        return ruling
    outcome: Outcome = (
        "fail" if broken else "inconclusive" if ruling.outcome == "pass" else ruling.outcome
    )
    return replace(
        ruling,
        outcome=outcome,
        reasons=(*broken, *waits, *ruling.reasons),
        settles=ruling.settles,
    )


def ruled_by(
    reader: Reader, engine: Engine, word: Word, policies: Sequence[Policy], now: datetime
) -> Ruling:
    """What all these policies together make of it."""
    rulings = [
        ruled(policy, _asked(reader, engine, word, policy, now))
        for policy in policies or (Policy(),)
    ]
    ruling = rulings[0]
    for other in rulings[1:]:
        ruling = stricter(ruling, other)
    return ruling


def _asked(reader: Reader, engine: Engine, word: Word, policy: Policy, now: datetime) -> Asked:
    deploy = word.deploy
    asked = Asked(
        service=deploy.called if deploy else word.service,
        environment=deploy.environment if deploy else word.environment,
        version=word.version,
        against_version=word.judged.verdict.against_version if word.judged else "",
        outcome=word.outcome,
        reasons=word.reasons,
        shown=_shown(word.judged) if word.judged else None,
        without_meaning=word.judged.verdict.without_meaning if word.judged else None,
    )
    if (
        deploy is None
        or not policy.asks_criticality
        or policy.criticality.told(asked.service, asked.environment)
    ):
        return asked
    newest = reader.last_sealed()
    until = newest + timedelta(seconds=WINDOW_SECONDS) if newest else now
    since = until - timedelta(days=policy.criticality.days)
    changes = list_deploys(
        engine, environment=deploy.environment, service=asked.service, since=since, until=until
    )
    traffic = _traffic(reader, deploy.environment, asked.service, since, until)
    return replace(
        asked, changes=sum(change.kind in JUDGED for change in changes), traffic=traffic
    )


def _traffic(
    reader: Reader, environment: str, service: str, since: datetime, until: datetime
) -> Traffic | None:
    """How the service is called; None where no call of it is known."""
    every = EdgeQuery(since=since, until=until, environment=environment, by=("callee",))
    mine = reader.edges(replace(every, callee=service, by=("caller",)))
    calls = sum(row.calls for row in mine)
    if not calls:
        return None
    in_all = sum(row.calls for row in reader.edges(every))
    return Traffic(len({row.caller for row in mine}), min(1.0, calls / in_all))


def _shown(judged: Judged) -> Shown | None:
    """What the new version showed since the deploy, from what the verdict was reached from."""
    if judged.inputs is None:
        return None
    deploy, service = judged.deploy, judged.inputs.deploy.service
    since = min(deploy.started, deploy.first_traffic or deploy.started) - timedelta(
        seconds=WINDOW_SECONDS
    )
    answered = asked = 0.0
    served = {
        sighting.window
        for sighting in judged.inputs.sightings
        if sighting.version == deploy.version and sighting.spans and sighting.window > since
    }
    places: dict[tuple[object, ...], set[str]] = {}
    for cell in judged.inputs.cells:
        role = "callee" if cell.edge.callee == service else "caller"
        version = cell.callee_version if role == "callee" else cell.caller_version
        if cell.window <= since or not cell.calls:
            continue
        places.setdefault((cell.window, cell.edge), set()).add(version)
        if version == deploy.version or not deploy.version:
            served.add(cell.window)
            answered += cell.calls * (role == "callee")
            asked += cell.calls * (role == "caller")
    met = {
        window
        for (window, _), versions in places.items()
        if deploy.version in versions and len(versions - {""}) > 1
    }
    quiet = sum(edge.share_of_calls for edge in judged.verdict.edges if edge.outcome == "pass")
    return Shown(
        max(answered, asked), len(served) * WINDOW_SECONDS / 60.0, len(met), min(1.0, quiet)
    )


def _override(
    engine: Engine, word: Word, policies: Sequence[Policy], now: datetime
) -> tuple[Override | None, Override | None]:
    """The override in force, and the newest that is over. None lasts longer than the policies
    allow, also if they became stricter since.
    """
    longest = timedelta(
        hours=min((policy.overrides.longest_hours for policy in policies), default=24.0)
    )
    place = word.deploy.environment if word.deploy else word.environment
    mine = [
        replace(override, expires=min(override.expires, override.created + longest))
        for override in overrides_of(engine, word.service, word.version, place, word.deploy)
    ]
    return next((override for override in mine if override.in_force(now)), None), next(
        (override for override in mine if not override.in_force(now)), None
    )


def _of_override(
    override: Override | None, over: Override | None, outcome: Outcome, now: datetime
) -> list[Reason]:
    if override:
        return [
            reason(
                "overridden",
                person=override.person,
                until=override.expires,
                why=override.reason,
                outcome=outcome,
            )
        ]
    if over:
        revoked = over.revoked is not None and over.revoked <= now
        ended = over.revoked if revoked else over.expires
        return [
            reason(
                "override_over",
                person=over.person,
                how="was revoked" if revoked else "expired",
                until=ended,
            )
        ]
    return []


def _text(word: Word, made: GateAnswer) -> str:
    deploy, findings = word.deploy, word.judged.findings if word.judged else ()
    against = (
        f" in {deploy.environment}, deployed {deploy.started:%Y-%m-%d %H:%M:%S} UTC"
        if deploy
        else ""
    )
    beside = "" if made.outcome == word.outcome else f" (the verdict is {word.outcome})"
    lines = [f"{made.outcome.upper()}: {word.service} {word.version}{against}{beside}"]
    by_id = {finding.id: finding for finding in findings}
    for why in made.reasons:
        lines.append(f"  {sentence(why)}")
        finding = by_id.pop(str(why.parameters.get("finding")), None)
        if finding:
            lines.append(f"    finding {finding.id} ({finding.state}, {finding.role})")
    if word.outcome == "fail":
        lines += [
            f"  finding {finding.id} ({finding.state}, {finding.role}): {summary(finding)}"
            for finding in by_id.values()
        ]
    lines += [f"  would settle it: {sentence(need)}" for need in made.settles]
    if made.criticality:
        lines.append(f"  {sentence(made.criticality)}")
    lines += [
        f"  {result.outcome.replace('_', ' ')}: {sentence(result.reason)}" for result in made.rules
    ]
    if made.verdict_id:
        lines.append(f"  in full: seamwatch explain {made.verdict_id}")
    return "\n".join(lines)
