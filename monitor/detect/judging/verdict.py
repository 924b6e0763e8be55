"""Is this deploy good? Pass, fail, or inconclusive with what is missing and what would
settle it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.detect.evidence.equivalence import minimum_detectable_ratio
from monitor.detect.evidence.fanout import answers_of
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.case import Case, case_of
from monitor.detect.judging.edge_outcomes import edge_judgement, edge_outcome
from monitor.detect.judging.findings import Clauses
from monitor.detect.judging.meaning import meaning_findings
from monitor.detect.judging.settling import need_of, settling
from monitor.detect.judging.versions import since_of
from monitor.detect.judging.whole import (
    harm_improbable,
    more_calls,
    shown_by_whole,
    weaker_pass,
    whole_of,
)
from monitor.detect.measure.columns import Measured, digest
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.deploys import Deploy
from monitor.model.edges import EdgeCell, Sighting
from monitor.model.judging import EdgeJudgement, Finding, Outcome, Verdict
from monitor.model.meaning import Meant
from monitor.model.reasons import Reason, reason


def judge(
    deploy: Deploy,
    cells: Sequence[EdgeCell],
    sightings: Sequence[Sighting],
    other_deploys: Sequence[Deploy],
    settings: JudgeSettings,
    now: datetime,
    *,
    clauses: Clauses | None = None,
    accepted: Callable[[Finding], bool] | None = None,
    around: Around | None = None,
    share: float | None = None,
    calls: Sequence[Alike] = (),
    failures_before: Sequence[str] | None = None,
    meant: Meant | None = None,
    measured: Measured | None = None,
) -> tuple[Verdict, list[Finding]]:
    """Judge `deploy` by the sealed cells of edges that touch its service, on either side, and the
    version sightings.

    Same inputs (in any order) and same `now`: same answer; `inputs_hash` names them. `clauses`
    says which contract clauses were broken, per edge and version pair; `accepted` marks findings
    that are known and do not fail a deploy; `around` is what a step in time is held against;
    `share` is the largest share of traffic announced for the version; `calls` tell what bad calls
    have in common, `failures_before` the error types of the day before; `meant` is what the service
    sent, of the deployed version and of that which it is held against; `measured` keeps tables for
    who asks more than once. Never passes on missing
    data. Cost: about 10 ms an edge of 180 windows and 4 version pairs.
    """
    since, measured = since_of(deploy, settings), measured or Measured()
    found_tables = [
        table
        for table in measured.tables(
            cells, since - settings.before_seconds, since + settings.after_seconds
        )
        if deploy.service in (table.edge.caller, table.edge.callee)
        and table.edge.environment == deploy.environment
    ]
    sightings = sorted(
        (
            s
            for s in sightings
            if s.service == deploy.service and s.environment == deploy.environment
        ),
        key=lambda s: (s.window, s.namespace, s.version, s.instance),
    )
    others = sorted(other_deploys, key=lambda other: other.id)
    case = case_of(
        deploy,
        found_tables,
        sightings,
        others,
        clauses or {},
        settings,
        around or Around(),
        share,
        now,
        calls,
        failures_before,
        measured,
    )
    compared = (
        meant if meant and (meant.old, meant.new) == (case.against, deploy.version) else None
    )
    findings = [
        replace(finding, state="accepted") if accepted and accepted(finding) else finding
        for finding in (
            *case.found,
            *meaning_findings(deploy, compared, case.edges, others, settings),
        )
    ]
    hashed = digest(
        [
            *(table.digest for table in found_tables),
            *(repr(sighting) for sighting in sightings),
            *(repr(other) for other in others),
            *(
                table.digest
                for beside in ((around.neighbours, around.former) if around else ())
                for table in measured.tables(beside, -math.inf, math.inf)
            ),
            *(
                digest(
                    [
                        *numbers.edge.key,
                        numbers.name,
                        numbers.windows.tobytes().hex(),
                        numbers.values.tobytes().hex(),
                    ]
                )
                for numbers in (around.past if around else ())
            ),
            repr(deploy),
            repr(share),
            repr(settings),
            repr(sorted((repr(key), sorted(rows)) for key, rows in (clauses or {}).items())),
            repr(sorted(finding.id for finding in findings if finding.state == "accepted")),
            now.isoformat(),
            *sorted(map(_told, calls)),
            *(failures_before or ()),
            *(compared.told() if compared else ()),
        ]
    )
    return _verdict(case, findings, hashed, settings, now), findings


def _told(alike: Alike) -> str:
    """As text; calls of which no build is told as ever."""
    return f"{alike!r} {sorted(alike.build.items())!r}" if alike.build else repr(alike)


def _verdict(
    case: Case, every: Sequence[Finding], hashed: str, settings: JudgeSettings, now: datetime
) -> Verdict:
    findings = [finding for finding in every if finding.signal != "meaning"]
    meaning = [finding for finding in every if finding.signal == "meaning"]
    total = sum(_calls_since(edge, case.since) for edge in case.edges)
    guilty = {
        finding.id
        for finding in findings
        if finding.state != "accepted" and finding.explained is None
    }
    answers = answers_of(case.edges)
    judgements: list[EdgeJudgement] = []
    needed: list[float | None] = []
    passed = 0.0
    for edge in case.edges:
        share = _calls_since(edge, case.since) / total if total else 0.0
        mine = [finding for finding in findings if finding.edge == edge.table.edge]
        outcome, reasons, calls = edge_outcome(edge, mine, guilty, answers, settings)
        if outcome == "pass":
            passed += share
        needed.append(calls)
        judgements.append(edge_judgement(edge, outcome, reasons, share))
    open_edges = zip(case.edges, judgements, needed, strict=True)
    needs = [need for edge, judged, calls in open_edges if (need := need_of(edge, judged, calls))]
    etas = [
        need.eta_seconds
        for need in needs
        if need.calls is not None and need.eta_seconds is not None
    ]
    settles = settling(case, None, needs) if needs else []
    whole = whole_of(case, settings)
    judgements = [
        replace(judged, outcome="pass", reasons=())
        if shown_by_whole(edge, judged, whole)
        else judged
        for edge, judged in zip(case.edges, judgements, strict=True)
    ]
    alone, passed = (
        passed,
        sum(judged.share_of_calls for judged in judgements if judged.outcome == "pass"),
    )
    accepted = [finding.reason for finding in every if finding.state == "accepted"]
    reasons = [finding.reason for finding in findings if finding.id in guilty]
    explained = [
        _explained(finding.reason, finding.explained) for finding in findings if finding.explained
    ]
    outcome = "inconclusive"
    if guilty:
        outcome = "fail"
    elif not case.blockers and not explained and total and passed >= settings.share_of_calls:
        outcome = "pass"
        reasons = [
            _no_harm(case, passed)
            if alone >= settings.share_of_calls
            else harm_improbable(case, whole, passed)
        ]
    else:
        reasons = [*case.blockers, *explained]
        if total and passed < settings.share_of_calls:
            reasons.append(reason("thin", share=passed, wanted=settings.share_of_calls))
            reasons += _edge_problems(judgements)
            more = more_calls(case, whole)
            settles, etas = settling(case, more, needs), (_etas(more) or etas) if more else etas
        reasons = reasons or [reason("nothing_sealed")]
        weaker = weaker_pass(
            case,
            findings,
            settings,
            whole,
            beside=bool(total) and passed >= settings.share_of_calls,
        )
        if weaker:
            reasons.insert(0, weaker)
    outcome, reasons, without = _by_meaning(meaning, outcome, reasons)
    judgements = [_with_meaning(judged, meaning) for judged in judgements]
    reasons += accepted
    return Verdict(
        id=digest([case.deploy.id, hashed])[:20],
        deploy_id=case.deploy.id,
        environment=case.deploy.environment,
        service=case.deploy.service,
        version=case.deploy.version,
        against_version=case.against,
        outcome=outcome,
        reasons=tuple(reasons),
        settles=tuple(settles[:5]) if outcome == "inconclusive" else (),
        judged_at=now,
        data_until=case.data_until,
        edges=tuple(judgements),
        findings=tuple(finding.id for finding in every),
        inputs_hash=hashed,
        minimum_detectable_effect=_mde(case, settings),
        eta_seconds=max(etas) if etas and outcome == "inconclusive" else None,
        without_meaning=without,
    )


def _by_meaning(
    findings: Sequence[Finding], outcome: Outcome, reasons: list[Reason]
) -> tuple[Outcome, list[Reason], Outcome | None]:
    """Outcome and reasons with what values mean, and what the outcome would be without it where
    only that makes it fail.
    """
    shifted = [finding.reason for finding in findings if _counts(finding)]
    if shifted and outcome == "fail":
        return outcome, [*reasons, *shifted], None
    if shifted:
        # that all else is well is no reason to fail; what is not known is told beside
        beside = reasons if outcome == "inconclusive" else []
        return "fail", [*shifted, *beside], outcome
    explained = [
        _explained(finding.reason, finding.explained)
        for finding in findings
        if finding.explained and finding.state != "accepted"
    ]
    if explained and outcome == "pass":
        return "inconclusive", explained, None
    return outcome, [*reasons, *explained], None


def _counts(finding: Finding) -> bool:
    return finding.state != "accepted" and finding.explained is None


def _with_meaning(judged: EdgeJudgement, findings: Sequence[Finding]) -> EdgeJudgement:
    """The edge fails where values that go over it mean something else."""
    mine = tuple(
        finding.reason for finding in findings if finding.edge == judged.edge and _counts(finding)
    )
    if not mine:
        return judged
    beside = judged.reasons if judged.outcome == "fail" else ()
    return replace(judged, outcome="fail", reasons=(*beside, *mine))


def _no_harm(case: Case, share: float) -> Reason:
    return reason(
        "no_relevant_harm", share=share, version=case.deploy.version, against_version=case.against
    )


def _etas(more: Reason) -> list[float]:
    eta = more.parameters["eta_seconds"]
    return [float(eta)] if eta is not None else []


def _explained(worse: Reason, by: Reason) -> Reason:
    """What is worse, with what explains it better than this deploy."""
    beside = {f"by_{name}": value for name, value in by.parameters.items()}
    return replace(worse, parameters={**worse.parameters, **beside}, explained_by=by.code)


def _edge_problems(judgements: Sequence[EdgeJudgement]) -> list[Reason]:
    """The heaviest open edges, each with its first reason."""
    open_edges = sorted(
        (j for j in judgements if j.outcome != "pass" and j.reasons),
        key=lambda j: (-j.share_of_calls, j.edge),
    )
    return [replace(judgement.reasons[0], edge=judgement.edge) for judgement in open_edges[:5]]


def _calls_since(edge: EdgeTests, since: float) -> int:
    return int(edge.table.counts[edge.table.windows >= since, 0].sum())


def _mde(case: Case, settings: JudgeSettings) -> float | None:
    """On the busiest edge, for server errors at the old version's rate."""
    met = [edge for edge in case.edges if edge.contrast.overlap]
    if not met:
        return None
    busiest = max(met, key=lambda edge: (int(edge.contrast.new[:, 0].sum()), edge.table.edge))
    bad, calls = busiest.contrast.column("server_error"), busiest.contrast.column("calls")
    old_calls = float(calls[1].sum())
    ratio = minimum_detectable_ratio(
        float(calls[0].sum()),
        old_calls,
        float(bad[1].sum()) / max(old_calls, 1.0),
        settings.floor_ratio,
        settings.alpha,
        len(met),
    )
    return None if ratio is None or math.isinf(ratio) else ratio
