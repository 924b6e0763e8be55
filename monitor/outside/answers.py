"""A decision as a row for people and programs: verdict, confidence, suspects, edges, and the
reason in a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.detect.judging.ruling import DOUBTS, WEAKER
from monitor.model.judging import Finding
from monitor.model.reasons import Reason
from monitor.outside.confidence import confidence_of
from monitor.outside.moments import HONEST
from monitor.outside.watching import Decision, Nothing
from monitor.wording.reasons import sentence

ASSUMED: Mapping[str, str] = {
    "counts": "calls per bin are assumed, as only rates are told",
    "errors": "nothing tells how calls ended",
    "guessed": "latency is one number a bin, its distribution assumed",
    "quantiles": "latency is drawn from quantiles",
    "latency": "nothing tells of latency",
    "time": "versions go by time, as rows name none",
}
"""What rests on assumptions, in words; also the list of what is said of it."""
NOTHING: Mapping[Nothing, str] = {
    "case": "no row is of case {case!r}",
    "service": "no row of the time before evaluate_until tells of {service}",
    "bin": "no bin of {service} was over while it was watched",
}
"""What is missing where there was nothing to judge by, in words."""
COLUMNS = (
    "deploy_id",
    "verdict",
    "confidence",
    "suspects",
    "culprit_edges",
    "decided_at",
    "reason",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of what `seamwatch judge` prints. `confidence`: the chance that the verdict is
    right (inconclusive: that no harm was missed).
    """

    deploy_id: str
    verdict: str
    confidence: float
    suspects: tuple[str, ...]
    culprit_edges: tuple[Mapping[str, str], ...]
    decided_at: str | None
    reason: str


def answer_of(decision: Decision) -> Answer:
    """The row of one decision."""
    findings = decision.findings if decision.outcome == "fail" or not decision.withheld else ()
    own = [finding for finding in findings if not finding.explained] or list(findings)
    roots = [finding for finding in own if finding.role == "root"] or own
    edges = list(
        dict.fromkeys(
            (finding.edge.caller, finding.edge.callee, finding.edge.operation) for finding in roots
        )
    )
    return Answer(
        deploy_id=decision.told.deploy_id,
        verdict=decision.outcome,
        confidence=confidence_of(decision),
        suspects=_suspects(findings, decision.told.deploy_id, guilty=decision.outcome == "fail"),
        culprit_edges=tuple(
            dict(zip(("caller", "callee", "operation"), edge, strict=True)) for edge in edges
        ),
        decided_at=decision.decided_at.isoformat() if decision.decided_at else None,
        reason=_reason(decision, roots),
    )


def _suspects(findings: Sequence[Finding], own: str, *, guilty: bool) -> tuple[str, ...]:
    """Deploys by their odds; the judged one first where it is found guilty."""
    odds: dict[str, float] = {}
    for finding in findings:
        for suspect in finding.suspects:
            if suspect.deploy_id:
                odds[suspect.deploy_id] = max(suspect.odds, odds.get(suspect.deploy_id, 0.0))
    ranked = sorted(odds, key=lambda name: (-odds[name], name))
    if guilty:
        return (own, *(name for name in ranked if name != own))
    return tuple(ranked)


def _reason(decision: Decision, roots: Sequence[Finding]) -> str:
    verdict = decision.verdict
    if verdict is None:
        subject = decision.told
        message = NOTHING[decision.nothing or "bin"].format(
            service=subject.service, case=subject.case
        )
    elif decision.outcome == "fail":
        worst = roots[0]
        where = f"{worst.edge.caller} → {worst.edge.callee} {worst.edge.operation}".rstrip()
        leg = (
            "new against old version in the same bins"
            if worst.strength == "concurrent"
            else "since the deploy, against before"
        )
        more = f", and {len(roots) - 1} more" if len(roots) > 1 else ""
        message = f"{worst.signal} on {where}: {leg}{more}"
    elif decision.withheld:
        message = "nothing worse was seen, but assumptions are no evidence for a pass"
    else:
        message = sentence(_foremost(verdict.reasons)) if verdict.reasons else verdict.outcome
    rests = [
        text
        for code, text in ASSUMED.items()
        if code in decision.assumed and (code not in HONEST or decision.outcome != "pass")
    ]
    return "; ".join([message, *rests])


def _foremost(reasons: Sequence[Reason]) -> Reason:
    """What is worse, though not surely by this deploy, before what stands in the way of a pass;
    the first one where nothing is, or where it may be a weaker pass.
    """
    if any(why.code in WEAKER for why in reasons):
        return reasons[0]
    return next(
        (why for why in reasons if why.explained_by or why.code in DOUBTS["suspected"]), reasons[0]
    )
