"""Findings of the second leg: what stepped since the deploy, less what neighbours and earlier days
explain, and whose fault it is.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import cast

from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.history import size_step
from monitor.detect.evidence.latency import three
from monitor.detect.evidence.rates import dispersion
from monitor.detect.evidence.signal_tests import finite_exp
from monitor.detect.evidence.sizes import FEWEST_CALLS, SLOWER
from monitor.detect.evidence.steps import is_of_both, steps_of
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import AnyStep, new_rows, old_rows
from monitor.detect.evidence.together import steps_together
from monitor.detect.judging.elsewhere import better_explained
from monitor.detect.judging.findings import finding_id
from monitor.detect.judging.suspects import PROPAGATES, Rival, ranked
from monitor.detect.judging.unlinked import is_worst_of_all
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Controls, controls_of, former_days, same_calls
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import (
    Evidence,
    Finding,
    LatencyEvidence,
    Quantiles,
    RateEvidence,
    RateKind,
    Side,
    Signal,
    StepEvidence,
)
from monitor.model.reasons import reason

_Bad = tuple[AnyStep, StepTest]


def steps(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    rivals: Callable[[], Mapping[str, Sequence[Rival]]],
    settings: JudgeSettings,
    neighbours: Sequence[EdgeTable],
    former: Sequence[EdgeCell],
) -> list[Finding]:
    """Findings of the second leg on edges and signals that `known` does not name yet: weaker
    evidence, all of them.

    `rivals` is asked only when something stepped.
    """
    named = {(item.edge, item.signal) for item in earlier}
    whole = math.log(len(edges) / settings.alpha)
    bad: list[_Bad] = []
    for edge in edges:
        for step in steps_of(edge, settings):
            if (edge.table.edge, step.measure.signal) not in named:
                test = step.test(settings)
                bad += [(step, test)] if step.believed(test, whole, settings) else []
    if not any(signal == "latency" for _, signal in named):
        seen = {step.edge.role for step, _ in bad if step.measure.signal == "latency"}
        # one more pays for itself: the edges' own bars stay as they were
        more = math.log((len(edges) + 1) / settings.alpha)
        for step in steps_together(edges, settings):  # what one edge alone shows needs no others
            if step.edge.role not in seen and step.believed(
                test := step.test(settings), more, settings
            ):
                bad.append((step, test))
    if not bad:
        return []
    others = rivals()
    seen_by_half = _seen_by_half(edges)
    bad = [(step, test) for step, test in bad if seen_by_half(step) and not is_of_both(step)]
    bad, shared = _held_against(bad, edges, deploy, others, whole, settings, neighbours, former)
    below: dict[Signal, set[str]] = {}
    for signal, where in (
        *(
            (step.measure.signal, step.edge.table.edge)
            for step, _ in bad
            if step.edge.role == "caller"
        ),
        *((item.signal, item.edge) for item in earlier if item.edge.caller == deploy.service),
    ):
        below.setdefault(signal, set()).add(where.callee)
    strongest: dict[tuple[Edge, Signal], _Bad] = {}
    for step, test in bad:
        key = (step.edge.table.edge, step.measure.signal)
        if key not in strongest or test.log_e > strongest[key][1].log_e:
            strongest[key] = step, test
    findings = [
        _found(deploy, step, test, below, others.get(signal, ()), neighbours, edges)
        for (_, signal), (step, test) in strongest.items()
    ]
    return [
        *findings,
        *_of_everybody(
            deploy, shared, {(finding.edge, finding.signal) for finding in findings}, others
        ),
    ]


def _of_everybody(
    deploy: Deploy,
    shared: Sequence[_Bad],
    named: Collection[tuple[Edge, Signal]],
    others: Mapping[str, Sequence[Rival]],
) -> list[Finding]:
    """What became worse by no more than its neighbours did: told, and blamed on nobody."""
    findings: dict[tuple[Edge, Signal], Finding] = {}
    for step, test in sorted(shared, key=lambda item: -item[1].log_e):
        key = step.edge.table.edge, step.measure.signal
        if key not in findings and key not in named:
            finding = step_finding(deploy, step, test, others.get(step.measure.signal, ()))
            why = reason("neighbours_too", ratio=test.growth)
            findings[key] = replace(finding, role="propagated", explained=why)
    return list(findings.values())


def _held_against(
    bad: Sequence[_Bad],
    edges: Sequence[EdgeTests],
    deploy: Deploy,
    rivals: Mapping[str, Sequence[Rival]],
    whole: float,
    settings: JudgeSettings,
    neighbours: Sequence[EdgeTable],
    former: Sequence[EdgeCell],
) -> tuple[list[_Bad], list[_Bad]]:
    """Those that neighbours and earlier days do not explain; and those of the service's own answers
    that neighbours alone explain. Where the versions themselves differ, nothing in time explains
    that.

    What the service calls is held against others' calls to the same; what calls it, against its
    callers' calls to others. Where all who call a callee suffer, so do those who call the service:
    that is the callee's.
    """
    since = edges[0].contrast.since
    released = {rival.deploy.service for group in rivals.values() for rival in group}
    controls = controls_of(deploy.service, [edge.table for edge in edges], neighbours, released)
    days = former_days(former, since, settings.before_seconds, settings.step_seconds)
    unexplained: list[_Bad] = []
    shared: list[_Bad] = []
    everybodys: set[Signal] = set()
    for step, unaided in sorted(bad, key=lambda item: item[0].edge.role == "callee"):
        test, table, signal = unaided, step.edge.table, step.measure.signal
        hours: list[tuple[float, EdgeTable]] = []
        if not step.supported:
            hours = [
                (cut, earlier)
                for cut, tables in days
                for earlier in tables
                if earlier.edge == table.edge
            ]
            test = step.against(settings, _fit(controls, step.edge), hours)
            if not step.believed(test, whole, settings) and is_worst_of_all(
                step, deploy.service, neighbours
            ):
                test = step.against(settings, Controls(), hours)
            if step.edge.role == "callee" and signal in everybodys and signal in PROPAGATES:
                continue
        if step.believed(test, whole, settings):
            unexplained.append((step, test))
        elif step.edge.role == "caller" and test.growth > 1.0:
            everybodys.add(signal)
        elif test.growth > 1.0:
            alone = step.against(settings, Controls(), hours)
            if step.believed(alone, whole, settings):
                shared.append((step, replace(alone, growth=test.growth)))
    return unexplained, shared


def _fit(controls: Controls, edge: EdgeTests) -> Controls:
    """The controls of one edge: never another name for its own calls."""
    beside, below = (
        tuple(control for control in group if not same_calls(edge.table, control))
        for group in (controls.beside, controls.below)
    )
    if edge.role == "caller":
        return Controls(
            (),
            tuple(control for control in below if control.edge.callee == edge.table.edge.callee),
        )
    return Controls(beside, below)


def _seen_by_half(edges: Sequence[EdgeTests]) -> Callable[[AnyStep], bool]:
    """Whether callers with half of the weight (roots of their calls) see the operation slower: one
    caller alone is no release's doing.
    """

    @cache
    def shared(operation: str, side: str) -> bool:
        seen = weighed = 0.0
        for other in edges:
            if other.role != "callee" or other.table.edge.operation != operation:
                continue
            steps = [
                size_step(other.table, old_rows(other), new_rows(other), side, statistic)
                for statistic in FEWEST_CALLS
            ]
            sizes = [step for step in steps if step is not None]
            if sizes:
                weight = math.sqrt(float(other.contrast.after_new[0]))
                weighed += weight
                seen += weight if max(sizes) >= SLOWER else 0.0
        return seen >= 0.5 * weighed

    def is_shared(step: AnyStep) -> bool:
        if step.measure.signal != "latency" or step.edge.role != "callee" or step.supported:
            return True
        return shared(step.edge.table.edge.operation, step.measure.kind)

    return is_shared


def _found(
    deploy: Deploy,
    step: AnyStep,
    test: StepTest,
    below: Mapping[Signal, set[str]],
    rivals: Sequence[Rival],
    neighbours: Sequence[EdgeTable],
    edges: Sequence[EdgeTests],
) -> Finding:
    signal, role = step.measure.signal, step.edge.role
    propagated = role == "callee" and signal in PROPAGATES and signal in below
    suspects = (
        below.get(signal, set())
        if propagated
        else {step.edge.table.edge.callee}
        if role == "caller"
        else set()
    )
    explained = better_explained(
        deploy, step, test, below.get(signal, set()), suspects, rivals, neighbours, edges
    )
    finding = step_finding(deploy, step, test, rivals)
    return replace(
        finding, role="propagated" if propagated or explained else "root", explained=explained
    )


def step_finding(
    deploy: Deploy, step: AnyStep, test: StepTest, rivals: Sequence[Rival]
) -> Finding:
    """The finding of one step, a root, explained by nothing yet."""
    edge, signal, windows = step.edge, step.measure.signal, step.after.windows
    first, last = (datetime.fromtimestamp(int(windows[place]), UTC) for place in (0, -1))
    evidence = Evidence(
        windows=int(windows.size),
        new_calls=test.after_calls,
        new_bad=int(step.after.bad.sum()),
        old_calls=test.before_calls,
        old_bad=test.before_bad,
        effect=test.ratio,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(test.log_e),
        first_window=first,
        last_window=last,
        rate=None
        if signal == "latency"
        else RateEvidence(
            cast("RateKind", step.measure.kind), dispersion(step.before.bad, step.before.calls)
        ),
        latency=_quantiles(edge, cast("Side", step.measure.kind)) if signal == "latency" else None,
        step=StepEvidence(
            step.supported, test.placebos, test.beaten, test.seasonal, test.growth, test.controls
        ),
    )
    where, against = edge.table.edge, edge.contrast.old_version
    caller = deploy.version if where.caller == deploy.service and edge.role == "caller" else ""
    callee = deploy.version if where.callee == deploy.service and edge.role == "callee" else ""
    return Finding(
        id=finding_id(deploy, where, deploy.version, signal, ""),
        deploy_id=deploy.id,
        edge=where,
        signal=signal,
        clause="",
        caller_version=caller,
        callee_version=callee,
        against_version=against,
        role="root",
        strength="weaker",
        evidence=evidence,
        suspects=ranked(deploy, min(test.log_e, 3.0), rivals),
        first_seen=first,
        last_seen=last,
    )


def _quantiles(edge: EdgeTests, side: Side) -> LatencyEvidence:
    """What one side measured after and before."""
    data = edge.table.latency(side)
    if data is None:
        return LatencyEvidence(side, Quantiles(), Quantiles())
    new, old = (
        Quantiles(*three(data[rows].sum(axis=0), edge.table.lowest))
        for rows in (new_rows(edge), old_rows(edge))
    )
    return LatencyEvidence(side, new, old)
