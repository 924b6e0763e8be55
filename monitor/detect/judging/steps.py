"""Findings of the second leg: what stepped since the deploy, less what neighbours and earlier days explain, and whose fault it is."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.edge_tests import EdgeTests, finite_exp
from monitor.detect.evidence.history import growth_of, season, steps_of_days
from monitor.detect.evidence.latency import three
from monitor.detect.evidence.steps import Step, new_rows, old_rows, steps_of
from monitor.detect.judging.findings import Found, finding_id, summary
from monitor.detect.judging.suspects import PROPAGATES, Rival, ranked
from monitor.detect.measure.columns import tables
from monitor.detect.measure.series import Around, former_days, neighbours_of
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, Signal

FEWEST_CALLS = 50


_Bad = tuple[Step, StepTest]


def steps(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    known: Sequence[Found],
    rivals: Callable[[], Mapping[str, Sequence[Rival]]],
    settings: JudgeSettings,
    around: Around,
) -> list[Found]:
    """Findings of the second leg on edges and signals that `known` does not name yet: weaker evidence, all of them.

    `rivals` is asked only when something stepped.
    """
    named = {(item.finding.edge, item.finding.signal) for item in known}
    whole = math.log(len(edges) / settings.alpha)
    bad: list[_Bad] = []
    for edge in edges:
        for step in steps_of(edge, settings):
            if (edge.table.edge, step.measure.signal) not in named:
                test = step.test(settings)
                bad += [(step, test)] if step.believed(test, whole, settings) else []
    if not bad:
        return []
    others = rivals()
    bad = _held_against(bad, edges, deploy, others, whole, settings, around)
    below: set[Signal] = {step.measure.signal for step, _ in bad if step.edge.role == "caller"}
    below |= {item.finding.signal for item in known if item.finding.edge.caller == deploy.service}
    strongest: dict[tuple[Edge, Signal], _Bad] = {}
    for step, test in bad:
        key = (step.edge.table.edge, step.measure.signal)
        if key not in strongest or test.log_e > strongest[key][1].log_e:
            strongest[key] = step, test
    return [_found(deploy, step, test, below, others.get(signal, ())) for (_, signal), (step, test) in strongest.items()]


def _held_against(
    bad: Sequence[_Bad],
    edges: Sequence[EdgeTests],
    deploy: Deploy,
    rivals: Mapping[str, Sequence[Rival]],
    whole: float,
    settings: JudgeSettings,
    around: Around,
) -> list[_Bad]:
    """Those that neighbours and earlier days do not explain; where the versions themselves differ, nothing in time explains that."""
    since = edges[0].contrast.since
    neighbours = tables(around.neighbours, since - settings.before_seconds, since + settings.step_seconds)
    released = {rival.deploy.service for found in rivals.values() for rival in found}
    controls = neighbours_of(deploy.service, [edge.table for edge in edges], neighbours, released)
    days = former_days(around.former, since, settings.before_seconds, settings.step_seconds)
    kept: list[_Bad] = []
    for step, unaided in bad:
        test, measure = unaided, step.measure
        if not step.supported:
            hours = [(cut, table) for cut, found in days for table in found if table.edge == step.edge.table.edge]
            expected = season(hours, step.before, step.after, measure)
            former = steps_of_days(hours, measure, seasonal=expected is not None)
            test = step.test(settings, expected, former, growth_of(controls, measure, since))
        if step.believed(test, whole, settings):
            callee = step.edge.table.edge.callee
            others = sum(int(one.counts[one.windows >= since, 0].sum()) for one in controls if one.edge.callee == callee)
            alone = step.edge.role == "caller" and bool(around.neighbours) and others < FEWEST_CALLS
            kept.append((replace(step, alone=alone), test))
    return kept


def _found(deploy: Deploy, one: Step, test: StepTest, below: set[Signal], rivals: Sequence[Rival]) -> Found:
    signal, role = one.measure.signal, one.edge.role
    innocent = _elsewhere(rivals, signal)
    propagated = role == "callee" and signal in PROPAGATES and signal in below
    callee = next((rival for rival in rivals if rival.is_callee and rival.deploy.service == one.edge.table.edge.callee), None)
    if role == "caller" and callee is not None and not one.supported and signal != "violations":
        innocent = (
            innocent or f"{callee.deploy.service} {callee.deploy.version}, which it calls, was released at about the same time"
        )
    if one.alone and not one.supported and signal != "violations":
        called = one.edge.table.edge.callee
        innocent = innocent or f"hardly anybody else calls {called}, so time alone cannot tell whose fault it is"
    needed = next((rival for rival in rivals if rival.is_callee), None)
    if propagated and needed is not None and not one.supported:
        innocent = (
            innocent or f"{needed.deploy.service} {needed.deploy.version}, which it calls, was released at about the same time"
        )
    finding = _step_finding(deploy, one, test, rivals)
    return Found(replace(finding, role="propagated") if propagated else finding, innocent)


def _step_finding(deploy: Deploy, one: Step, test: StepTest, rivals: Sequence[Rival]) -> Finding:
    edge, signal, windows = one.edge, one.measure.signal, one.after.windows
    first, last = (datetime.fromtimestamp(int(windows[place]), UTC) for place in (0, -1))
    details = {
        "kind": one.measure.kind,
        "leg": "before and after, with the versions leaning the same way" if one.supported else "before and after",
        "placebos": f"{test.beaten} of {test.placebos} beaten",
        "baseline": "seasonal" if test.seasonal else "flat",
        "neighbours": f"grew {test.growth:.2f}-fold" if test.growth > 1.0 else "unchanged",
    }
    if signal == "latency":
        details |= _quantiles(edge, one.measure.kind)
    evidence = Evidence(
        windows=int(windows.size),
        new_calls=test.after_calls,
        new_bad=int(one.after.bad.sum()),
        old_calls=test.before_calls,
        old_bad=test.before_bad,
        effect=test.ratio,
        effect_low=None,
        effect_high=None,
        e_value=finite_exp(test.log_e),
        first_window=first,
        last_window=last,
        details=details,
    )
    where, against = edge.table.edge, edge.contrast.old_version
    caller, callee = ("", deploy.version) if edge.role == "callee" else (deploy.version, "")
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
        summary=summary(where, signal, "", caller, callee, against, evidence)
        + (" (with what was before)" if one.supported else " (before and after only)"),
        first_seen=first,
        last_seen=last,
    )


def _quantiles(edge: EdgeTests, side: str) -> dict[str, str]:
    """p50, p90 and p99 in seconds after and before."""
    data = edge.table.client if side == "client" else edge.table.server
    if data is None:
        return {}
    found: dict[str, str] = {}
    for who, rows in (("new", new_rows(edge)), ("old", old_rows(edge))):
        values = three(data[rows].sum(axis=0), edge.table.lowest)
        found |= {
            f"{who}_{name}_seconds": f"{value:.4g}" for name, value in zip(("p50", "p90", "p99"), values, strict=True) if value
        }
    return found


def _elsewhere(rivals: Sequence[Rival], signal: str) -> str:
    """Someone else has version evidence, this deploy only a shift."""
    bar = math.log(100.0)
    better = [rival for rival in rivals if rival.log_e >= bar]
    if not better or signal == "violations":
        return ""
    best = max(better, key=lambda rival: rival.log_e)
    return f"{best.deploy.service} {best.deploy.version} has evidence between its versions, this deploy only a shift in time"
