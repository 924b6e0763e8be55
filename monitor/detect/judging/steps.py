"""Findings of the second leg: what stepped since the deploy, less what neighbours and earlier days
explain, and whose fault it is.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import cast

from monitor.detect.arrays import Bools
from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.edge_tests import SIDES, EdgeTests, finite_exp
from monitor.detect.evidence.fanout import ANYBODY, NAMELESS
from monitor.detect.evidence.history import size_step
from monitor.detect.evidence.latency import three
from monitor.detect.evidence.rates import LEANS, dispersion
from monitor.detect.evidence.shared import as_before_until, well_until
from monitor.detect.evidence.sizes import FEWEST_CALLS, SLOWER
from monitor.detect.evidence.steps import is_of_both, steps_of
from monitor.detect.evidence.timed import AnyStep, new_rows, old_rows
from monitor.detect.evidence.together import steps_together
from monitor.detect.judging.findings import finding_id
from monitor.detect.judging.suspects import PROPAGATES, Rival, ranked
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Controls, controls_of, former_days, same_calls, series
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
from monitor.model.reasons import Reason, reason

BEFORE_IT, AFTER_IT = 600.0, 300.0
"""A callee released so many seconds before, or after, may be what steps at this
deploy's moment.
"""
SOON = 120.0
ENOUGH_DUE, HARDLY_ANY = 20.0, 0.1
"""So many bad calls were due, were it the release's harm (from other callers, or before another
release), and so few came.
"""
NEARLY = 0.8
"""Of two that slowed by so nearly as much (in logs), of which only totals are told, nobody knows
who waits for whom.
"""


_Bad = tuple[AnyStep, StepTest]


def steps(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    known: Sequence[Finding],
    rivals: Callable[[], Mapping[str, Sequence[Rival]]],
    settings: JudgeSettings,
    neighbours: Sequence[EdgeTable],
    former: Sequence[EdgeCell],
) -> list[Finding]:
    """Findings of the second leg on edges and signals that `known` does not name yet: weaker
    evidence, all of them.

    `rivals` is asked only when something stepped.
    """
    named = {(item.edge, item.signal) for item in known}
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
    bad = _held_against(bad, edges, deploy, others, whole, settings, neighbours, former)
    below: dict[Signal, set[str]] = {}
    for signal, where in (
        *(
            (step.measure.signal, step.edge.table.edge)
            for step, _ in bad
            if step.edge.role == "caller"
        ),
        *((item.signal, item.edge) for item in known if item.edge.caller == deploy.service),
    ):
        below.setdefault(signal, set()).add(where.callee)
    strongest: dict[tuple[Edge, Signal], _Bad] = {}
    for step, test in bad:
        key = (step.edge.table.edge, step.measure.signal)
        if key not in strongest or test.log_e > strongest[key][1].log_e:
            strongest[key] = step, test
    return [
        _found(deploy, step, test, below, others.get(signal, ()), neighbours, edges)
        for (_, signal), (step, test) in strongest.items()
    ]


def _held_against(
    bad: Sequence[_Bad],
    edges: Sequence[EdgeTests],
    deploy: Deploy,
    rivals: Mapping[str, Sequence[Rival]],
    whole: float,
    settings: JudgeSettings,
    neighbours: Sequence[EdgeTable],
    former: Sequence[EdgeCell],
) -> list[_Bad]:
    """Those that neighbours and earlier days do not explain; where the versions themselves differ,
    nothing in time explains that.

    What the service calls is held against others' calls to the same; what calls it, against its
    callers' calls to others. Where all who call a callee suffer, so do those who call the service:
    that is the callee's.
    """
    since = edges[0].contrast.since
    released = {rival.deploy.service for group in rivals.values() for rival in group}
    controls = controls_of(deploy.service, [edge.table for edge in edges], neighbours, released)
    days = former_days(former, since, settings.before_seconds, settings.step_seconds)
    unexplained: list[_Bad] = []
    everybodys: set[Signal] = set()
    for step, unaided in sorted(bad, key=lambda item: item[0].edge.role == "callee"):
        test, table, signal = unaided, step.edge.table, step.measure.signal
        if not step.supported:
            hours = [
                (cut, earlier)
                for cut, tables in days
                for earlier in tables
                if earlier.edge == table.edge
            ]
            test = step.against(settings, _fit(controls, step.edge), hours)
            if step.edge.role == "callee" and signal in everybodys and signal in PROPAGATES:
                continue
        if step.believed(test, whole, settings):
            unexplained.append((step, test))
        elif step.edge.role == "caller" and test.growth > 1.0:
            everybodys.add(signal)
    return unexplained


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
        seen = told = 0.0
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
                told += weight
                seen += weight if max(sizes) >= SLOWER else 0.0
        return seen >= 0.5 * told

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
    explained = _elsewhere(rivals, signal) or _slower_beside(step, rivals, neighbours)
    explained = explained or _of_one_caller(step, test, rivals, edges) or _began_with(step, rivals)
    propagated = role == "callee" and signal in PROPAGATES and signal in below
    suspects = (
        below.get(signal, set())
        if propagated
        else {step.edge.table.edge.callee}
        if role == "caller"
        else set()
    )
    callee = next(
        (rival for rival in rivals if rival.is_callee and rival.deploy.service in suspects), None
    )
    if (
        callee is not None
        and not step.supported
        and signal != "violations"
        and _steps_too(callee, step, below.get(signal, set()))
    ):
        explained = explained or reason(
            "callee_released", service=callee.deploy.service, version=callee.deploy.version
        )
    finding = step_finding(deploy, step, test, rivals)
    return replace(
        finding, role="propagated" if propagated or explained else "root", explained=explained
    )


def _began_with(step: AnyStep, rivals: Sequence[Rival]) -> Reason | None:
    """A callee released later, until when all was as before, in calls enough to tell: what its
    callers wait for, or fail by, since then is its own.
    """
    if step.supported or step.measure.signal not in PROPAGATES:
        return None
    for rival in rivals:
        moment = began(rival.deploy)
        if (
            rival.is_callee
            and moment > step.edge.contrast.since + SOON
            and as_before_until(moment, step.before, step.after, step.edge.grain, ENOUGH_DUE)
        ):
            return reason(
                "callee_released", service=rival.deploy.service, version=rival.deploy.version
            )
    return None


def _steps_too(callee: Rival, step: AnyStep, stepped: set[str]) -> bool:
    """Whether a callee released at that moment has evidence of its own: it is the one that fails,
    or it slowed by its own clock.

    Not when different callees slowed together: then their caller is the cause. Not for what only
    the caller tells.
    """
    if not at_its_moment(callee.deploy, step.edge):
        return False
    apart = began(callee.deploy) - step.edge.contrast.since
    if step.measure.signal != "latency" and not well_until(
        step.edge, step.edge.contrast.since + apart
    ):
        return False
    if step.measure.signal == "latency" and apart > SOON + step.edge.grain:
        return False
    if callee.log_e >= LEANS:
        return True
    if step.measure.signal == "latency":
        if len(stepped) > 1:
            return False
        if step.edge.role == "caller" and step.measure.kind == "client":
            table = step.edge.table
            own, seen = (
                size_step(table, old_rows(step.edge), new_rows(step.edge), side, "mean")
                for side in ("server", "client")
            )
            return own is None or seen is None or own >= seen / 2.0
        return True
    return step.measure.kind in ("server_error", "provider_error")


def began(deploy: Deploy) -> float:
    """When a release's traffic began, or was told to; seconds since the epoch."""
    return (deploy.first_traffic or deploy.started).timestamp()


def at_its_moment(other: Deploy, edge: EdgeTests) -> bool:
    """Whether another release began near enough to the edge's deploy to be what steps at its
    moment.
    """
    return -BEFORE_IT <= began(other) - edge.contrast.since <= AFTER_IT + edge.grain


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


def _of_one_caller(
    step: AnyStep, test: StepTest, rivals: Sequence[Rival], edges: Sequence[EdgeTests]
) -> Reason | None:
    """The caller that sees it was released itself at that moment, and no other caller sees any of
    it, though it has calls enough: it may be by what that caller asks.
    """
    here = step.edge
    if here.role != "callee" or step.supported or step.measure.signal not in PROPAGATES[:3]:
        return None
    caller = here.table.edge.caller
    rival = next(
        (
            rival
            for rival in rivals
            if rival.deploy.service == caller and at_its_moment(rival.deploy, here)
        ),
        None,
    )
    added = test.after_bad / max(test.after_calls, 1) - test.before_bad / max(test.before_calls, 1)
    seen = due = 0.0
    for edge in edges:
        if edge.role == "callee" and edge.table.edge.caller not in {caller, *NAMELESS}:
            after, before = (
                series(edge.table, rows(edge), step.measure) for rows in (new_rows, old_rows)
            )
            calls = float(after.calls.sum())
            usual = calls * float(before.bad.sum()) / max(float(before.calls.sum()), 1.0)
            seen += float(after.bad.sum()) - usual
            due += added * calls
    if rival is None or due < ENOUGH_DUE or seen > HARDLY_ANY * due:
        return None
    return reason("caller_released", service=caller, version=rival.deploy.version)


def _slower_beside(
    step: AnyStep, rivals: Sequence[Rival], neighbours: Sequence[EdgeTable]
) -> Reason | None:
    edge = step.edge
    if step.measure.signal != "latency":
        return None

    def slowed_as_much(theirs: Sequence[EdgeTable], moment: float) -> bool:
        slowed = _slowed(edge.table, old_rows(edge), new_rows(edge))
        return any(
            _slowed(table, table.windows < moment, table.windows >= moment) > NEARLY * slowed
            for table in theirs
        )

    return waits_for(edge, rivals, neighbours, slowed_as_much)


def waits_for(
    edge: EdgeTests,
    rivals: Sequence[Rival],
    neighbours: Sequence[EdgeTable],
    rose_as_much: Callable[[Sequence[EdgeTable], float], bool],
) -> Reason | None:
    """Of a service of which only totals are told nobody knows whom it calls: another that was
    released at that moment, and rose by more since, or by nearly as much (told of its edges and
    that moment), may be what it waits for, or what waits for it.
    """
    if edge.table.edge.caller != ANYBODY:
        return None
    for rival in rivals:
        name = rival.deploy.service
        theirs = [table for table in neighbours if table.edge.callee == name]
        if at_its_moment(rival.deploy, edge) and rose_as_much(theirs, began(rival.deploy)):
            return reason("callee_released", service=name, version=rival.deploy.version)
    return None


def _slowed(table: EdgeTable, before: Bools, after: Bools) -> float:
    """The largest step of any side and statistic; 0 where there is none."""
    sizes = (
        size_step(table, before, after, side, statistic)
        for side in SIDES
        for statistic in FEWEST_CALLS
    )
    return max((size for size in sizes if size is not None), default=0.0)


def _elsewhere(rivals: Sequence[Rival], signal: str) -> Reason | None:
    """Someone else has version evidence, this deploy only a shift."""
    bar = math.log(100.0)
    better = [rival for rival in rivals if rival.log_e >= bar]
    if not better or signal == "violations":
        return None
    best = max(better, key=lambda rival: rival.log_e)
    return reason("other_has_evidence", service=best.deploy.service, version=best.deploy.version)
