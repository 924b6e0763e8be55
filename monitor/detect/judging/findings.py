"""Findings of one deploy: which signal of which edge, which version pair, which
clause, in words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import scipy

from monitor.detect.evidence.equivalence import MANY_CALLS, is_slight
from monitor.detect.evidence.steps import outlasts_start
from monitor.detect.evidence.tested import EdgeTests, SignalTest
from monitor.detect.judging.suspects import Rival, is_propagated, ranked, stronger_callee
from monitor.detect.measure.columns import digest
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, Signal, Suspect
from monitor.model.reasons import Reason, reason

LIKE, BY_CHANCE = 0.5, 0.01
"""A pair is at odds where the others show so small a part of its harm, as they would hardly ever by
chance.
"""
Clause = tuple[str, int, str]
"""Clause text, violations counted, an exemplar trace."""
ClauseKey = tuple[Edge, str, str]
"""Edge, callee version, caller version."""
Clauses = Mapping[ClauseKey, Sequence[Clause]]
SIGNALS: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts", "violations", "latency")
MOST_CLAUSES = 5


def finding_id(deploy: Deploy, edge: Edge, version: str, signal: Signal, clause: str) -> str:
    """Stable over re-judging: the counterpart's versions, which evidence refines over time, are
    not part of it.
    """
    return digest([*edge.key, version, signal, clause, deploy.id])[:20]


def worse_signals(edge: EdgeTests, settings: JudgeSettings, bar_p: float = -1.0) -> list[Signal]:
    """Signals with evidence of their own, in enough windows; asked only of edges that e-BH
    rejected.
    """
    return [signal for signal in SIGNALS if _strong(edge, signal, settings, bar_p)]


def findings_of(
    deploy: Deploy,
    rejected: Sequence[EdgeTests],
    rivals: Mapping[str, Sequence[Rival]],
    clauses: Clauses,
    settings: JudgeSettings,
    now: datetime,
    bar_p: float = -1.0,
) -> list[Finding]:
    """Findings of the edges that were rejected (by e-BH, or a rate by the exact test at `bar_p`),
    roots first.
    """
    below = [
        (edge, signal)
        for edge in rejected
        if edge.role == "caller"
        for signal in worse_signals(edge, settings, bar_p)
    ]
    bar = -math.log(settings.alpha)
    findings: list[Finding] = []
    for edge in rejected:
        for signal in worse_signals(edge, settings, bar_p):
            best, affected = _pairs(edge, _strong(edge, signal, settings, bar_p))
            rival = stronger_callee(signal, best.log_e, rivals.get(signal, ()))
            propagated = rival is not None or is_propagated(edge, signal, below, bar)
            suspects = ranked(deploy, best.log_e, rivals.get(signal, ()))
            explained = (
                reason(
                    "callee_stronger", service=rival.deploy.service, version=rival.deploy.version
                )
                if rival
                else None
            )
            for clause, evidence in _clauses(edge, signal, best.evidence, affected, clauses):
                findings.append(
                    _finding(
                        deploy,
                        edge,
                        signal,
                        clause,
                        affected,
                        evidence,
                        suspects,
                        now,
                        propagated=propagated,
                        explained=explained,
                    )
                )
    return sorted(
        findings,
        key=lambda finding: (finding.role != "root", finding.edge, finding.signal, finding.clause),
    )


def _strong(
    edge: EdgeTests, signal: Signal, settings: JudgeSettings, bar_p: float
) -> list[SignalTest]:
    bar = -math.log(settings.alpha)
    return [
        test
        for test in edge.tests
        if test.signal == signal
        and (test.log_e >= bar or test.deadline_p <= bar_p)
        and test.bad_windows >= settings.min_bad_windows
        and outlasts_start(edge, test, settings)
        and not _is_slight(edge, test, settings)
    ]


def _is_slight(edge: EdgeTests, test: SignalTest, settings: JudgeSettings) -> bool:
    """Whether a pass takes the rise for harmless. A broken clause is told however rare it is."""
    evidence = test.evidence
    if evidence.rate is None or test.signal == "violations":
        return False
    new, old = (evidence.new_bad, evidence.new_calls), (evidence.old_bad, evidence.old_calls)
    if test.counterpart is not None or test.kind not in edge.equivalences:
        return is_slight(new, old, settings, evidence.rate.dispersion)
    # over strata, as a ramp's share changes with the time of day
    bound = edge.equivalences[test.kind]
    many = new[0] - new[1] * old[0] / max(old[1], 1) >= MANY_CALLS
    return bound.difference_high < settings.floor_difference and not many


def _pairs(edge: EdgeTests, strong: Sequence[SignalTest]) -> tuple[SignalTest, tuple[str, ...]]:
    """The test to show, and the counterpart versions it concerns (empty: all, none stands out)."""
    best = max(strong, key=lambda test: test.log_e)
    if len(edge.counterparts) <= 1:
        return best, edge.counterparts
    every = [
        test for test in edge.tests if test.counterpart is not None and test.kind == best.kind
    ]
    pairs = [test for test in strong if test in every]
    if len(pairs) < len(edge.counterparts) and every:
        # all together may be enough before any pair is: the worst of them may still explain it
        pairs = pairs or [max(every, key=lambda test: test.log_e)]
        shown = max(pairs, key=lambda test: test.log_e)
        affected = tuple(sorted({test.counterpart or "" for test in pairs}))
        if _others_are_well(edge, shown, affected):
            return shown, affected
        pairs = []
    whole = [test for test in strong if test.counterpart is None and test.kind == best.kind]
    return (whole[0] if whole else best), edge.counterparts if pairs else ()


def _others_are_well(edge: EdgeTests, shown: SignalTest, affected: tuple[str, ...]) -> bool:
    """Whether the pairs that do not stand out would, were they as bad: too few of their calls are
    no sign that a pair is at odds.
    """
    evidence = shown.evidence
    added = evidence.new_bad / max(evidence.new_calls, 1) - evidence.old_bad / max(
        evidence.old_calls, 1
    )
    seen = usual = calls = 0.0
    for test in edge.tests:
        if test.kind == shown.kind and test.counterpart not in (None, *affected):
            seen += test.evidence.new_bad
            calls += test.evidence.new_calls
            usual += test.evidence.new_calls * (
                test.evidence.old_bad / max(test.evidence.old_calls, 1)
            )
    due = usual + max(added, 0.0) * calls
    return seen < usual + LIKE * (due - usual) and (
        float(scipy.special.gammaincc(seen + 1.0, due)) < BY_CHANCE
    )


def _clauses(
    edge: EdgeTests,
    signal: Signal,
    evidence: Evidence,
    affected: tuple[str, ...],
    clauses: Clauses,
) -> list[tuple[str, Evidence]]:
    """Per clause that the new version breaks more often than the old one; one entry without a
    clause where none is known.
    """
    if signal != "violations":
        return [("", evidence)]
    new, old, traces = _tally(edge, affected, clauses)
    kept: list[tuple[int, str]] = []
    for clause, count in new.items():
        new_rate, old_rate = (
            count / max(evidence.new_calls, 1),
            old.get(clause, 0) / max(evidence.old_calls, 1),
        )
        if new_rate > 1.25 * old_rate:
            kept.append((-count, clause))
    out: list[tuple[str, Evidence]] = []
    for count, clause in sorted(kept)[:MOST_CLAUSES]:
        rate = (
            replace(evidence.rate, clause_new=-count, clause_old=old.get(clause, 0))
            if evidence.rate
            else None
        )
        exemplars = tuple(dict.fromkeys([*traces[clause], *evidence.exemplars]))[:5]
        out.append((clause, replace(evidence, rate=rate, exemplars=exemplars)))
    return out or [("", evidence)]


def _tally(
    edge: EdgeTests, affected: tuple[str, ...], clauses: Clauses
) -> tuple[dict[str, int], dict[str, int], dict[str, list[str]]]:
    new: dict[str, int] = {}
    old: dict[str, int] = {}
    traces: dict[str, list[str]] = {}
    for (where, callee_version, caller_version), rows in clauses.items():
        own, other = (
            (callee_version, caller_version)
            if edge.role == "callee"
            else (caller_version, callee_version)
        )
        if where != edge.table.edge or (affected and other not in affected):
            continue
        for clause, count, trace in rows:
            if own == edge.contrast.new_version:
                new[clause] = new.get(clause, 0) + count
                traces.setdefault(clause, [])
                if trace:
                    traces[clause].append(trace)
            elif own == edge.contrast.old_version:
                old[clause] = old.get(clause, 0) + count
    return new, old, traces


def _finding(
    deploy: Deploy,
    tests: EdgeTests,
    signal: Signal,
    clause: str,
    affected: tuple[str, ...],
    evidence: Evidence,
    suspects: tuple[Suspect, ...],
    now: datetime,
    *,
    propagated: bool,
    explained: Reason | None,
) -> Finding:
    edge, other = tests.table.edge, ", ".join(affected)
    caller, callee = (other, deploy.version) if tests.role == "callee" else (deploy.version, other)
    return Finding(
        id=finding_id(deploy, edge, deploy.version, signal, clause),
        deploy_id=deploy.id,
        edge=edge,
        signal=signal,
        clause=clause,
        caller_version=caller,
        callee_version=callee,
        against_version=tests.contrast.old_version,
        role="propagated" if propagated or explained else "root",
        strength="concurrent",
        evidence=evidence,
        suspects=suspects,
        first_seen=evidence.first_window or now,
        last_seen=evidence.last_window or now,
        explained=explained,
    )
