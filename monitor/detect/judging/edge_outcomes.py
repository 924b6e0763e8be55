"""What is said of each edge: whether it passes, fails or stays open, and why."""

from collections.abc import Mapping, Sequence

from monitor.detect.evidence.fanout import is_new_with_version
from monitor.detect.evidence.tested import ALL_FAILURES, RATES, SIDES, EdgeTests
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Bounds, EdgeJudgement, Evidence, Finding, Outcome, Signal
from monitor.model.reasons import Reason, reason

SIGNAL_OF: Mapping[str, Signal] = {kind: signal for signal, kind, _, _ in RATES} | dict.fromkeys(
    SIDES, "latency"
)
COUNTED_IN_ALL: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts")
"""Signals of which all failures together consist: where one is accepted as known, their sum says
nothing.
"""


def edge_outcome(
    edge: EdgeTests,
    mine: Sequence[Finding],
    guilty: set[str],
    answers: tuple[float, float] | None,
    settings: JudgeSettings,
) -> tuple[Outcome, list[Reason], float | None]:
    """Outcome, reasons and the calls of the new version that would settle an open edge (None:
    calls are not what is missing).

    A signal with an accepted finding is set aside: the rest of the edge is judged without it.
    """
    if any(finding.id in guilty for finding in mine):
        return "fail", [finding.reason for finding in mine if finding.id in guilty], None
    contrast = edge.contrast
    if not contrast.overlap:
        return "inconclusive", [*edge.problems, _apart(edge, answers)], None
    reasons = list(edge.problems)
    needed = 0.0
    accepted = {finding.signal for finding in mine if finding.state == "accepted"}
    left = [
        kind
        for kind in (*edge.equivalences, *edge.latency_difference)
        if not _set_aside(kind, accepted)
    ]
    if accepted and not left:
        reasons.append(reason("accepted_whole"))
    for kind, bound in edge.equivalences.items():
        if kind in left and not bound.equivalent(settings.floor_ratio, settings.floor_difference):
            reasons.append(
                reason(
                    "harm_possible",
                    kind=kind,
                    difference_high=bound.difference_high,
                    calls=bound.calls,
                )
            )
            needed = max(needed, bound.calls_needed or 0.0)
    for side, high in edge.latency_difference.items():
        if side in left and high >= settings.latency_floor_points:
            reasons.append(reason("slowness_possible", side=side, high=high))
    for side, high in edge.tail_difference.items():
        if side in left and high >= settings.latency_tail_points:
            reasons.append(reason("tail_possible", side=side, high=high))
    if contrast.by_window()[0].size < settings.min_windows:
        reasons.append(reason("few_windows", wanted=settings.min_windows))
    reasons += [finding.reason for finding in mine if finding.state != "accepted"]
    return ("inconclusive", reasons, needed or None) if reasons else ("pass", [], None)


def _apart(edge: EdgeTests, answers: tuple[float, float] | None) -> Reason:
    """Why the versions never met on an edge."""
    new, old = edge.contrast.new_version, edge.contrast.old_version
    if not edge.contrast.after_new[0]:
        return reason("edge_without_version", version=new)
    if is_new_with_version(edge, answers):
        return reason("operation_new", version=new, against_version=old)
    return reason("edge_without_meeting")


def _set_aside(kind: str, accepted: set[Signal]) -> bool:
    """Whether a kind is not judged, because what is known and accepted is of its signal."""
    return (
        bool(accepted.intersection(COUNTED_IN_ALL))
        if kind == ALL_FAILURES
        else SIGNAL_OF[kind] in accepted
    )


def edge_judgement(
    edge: EdgeTests, outcome: Outcome, reasons: Sequence[Reason], share: float
) -> EdgeJudgement:
    """The edge as a verdict shows it; `share` is its part of the service's calls."""
    other = edge.counterparts[0] if len(edge.counterparts) == 1 else ""
    caller, callee = (
        (other, edge.contrast.new_version)
        if edge.role == "callee"
        else (edge.contrast.new_version, other)
    )
    evidence: dict[str, Evidence] = {test.kind: test.evidence for test in edge.whole}
    slower = {
        side: Bounds(None, high, float(edge.contrast.after_new[0]), None)
        for side, high in edge.latency_difference.items()
    }
    return EdgeJudgement(
        edge.table.edge,
        caller,
        callee,
        outcome,
        tuple(reasons),
        round(share, 6),
        evidence,
        {**edge.equivalences, **slower},
    )
