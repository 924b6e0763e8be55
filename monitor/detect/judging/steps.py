"""The second leg: after against before, for versions that hardly met, and beside them where the time they had was short.

Three cases. *Apart*: the versions never met, or only while instances were replaced; time alone speaks, so the step must outdo every placebo
clearly, last, double the rate, exceed what neighbours did, and what the same hour of earlier days does. *Supported*: they met, and the
comparison between them leans the same way (e >= 10, where 20 and more would be wanted of it alone); then the whole history of the
old version is a control too, which finds small rises that a ramp of a minute has too few calls to show. Otherwise nothing is said.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.before_after import MARGIN, MIN_RATIO, StepTest, dose_response, step_test
from monitor.detect.evidence.edge_tests import RATES, WARM, WEIGHTS, EdgeTests, finite_exp
from monitor.detect.evidence.history import growth_of, season, steps_of_days
from monitor.detect.evidence.latency import bound_seconds, bucket_of, three
from monitor.detect.evidence.rates import LEANS, dispersion
from monitor.detect.judging.findings import Found, finding_id, summary
from monitor.detect.judging.suspects import PROPAGATES, Rival, ranked
from monitor.detect.measure.columns import COUNTS, tables
from monitor.detect.measure.series import (
    Around,
    Measure,
    Series,
    bound_before,
    former_days,
    neighbours_of,
    series,
)
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, Finding, Signal

DOSE_Z = 4.0
HARDLY = 3
"""Versions that met in so many windows at most, and the old one is gone, are judged as if they never met."""
FEWEST_PLACEBOS = 3
FEWEST_CALLS = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """One edge's measure over time: the old version before, the new one since; `supported` by how the versions differ where they met."""

    edge: EdgeTests
    measure: Measure
    before: Series
    after: Series
    supported: bool
    alone: bool = False
    """Whether nobody else calls what the service calls here, so that nothing tells a fault of the two apart."""

    def test(
        self,
        settings: JudgeSettings,
        expected: tuple[Floats, Floats] | None = None,
        former: Sequence[float] = (),
        growth: tuple[float, float] = (1.0, 0.0),
    ) -> StepTest:
        times, added = growth
        beyond = np.maximum(self.after.bad - np.floor(added * self.after.calls).astype(np.int64), 0)
        return step_test(
            (self.before.bad, self.before.calls),
            (beyond, self.after.calls),
            dispersion(self.before.bad, self.before.calls),
            settings.placebo_windows,
            expected=expected,
            former=former,
            growth=times,
            floor_ratio=self.floor(settings),
            margin=1.0 if self.supported else MARGIN,
        )

    def floor(self, settings: JudgeSettings) -> float:
        """Supported, the floor of all; else twice the rate, or of what is usual (half the calls are above the median) halfway to always."""
        if self.supported:
            return settings.floor_ratio
        rate = float(self.before.bad.sum()) / max(int(self.before.calls.sum()), 1)
        return float(min(MIN_RATIO, 0.5 * (1.0 + 1.0 / max(rate, 1e-9))))

    def believed(self, test: StepTest, whole: float, settings: JudgeSettings) -> bool:
        """`whole`: log of the edges over alpha, of which this kind has its share."""
        beaten = test.placebos >= FEWEST_PLACEBOS and test.beaten == test.placebos
        if self.measure.signal in WARM:
            beaten = beaten and test.lasting
        enough = beaten if self.supported else test.stands_out and test.lasting
        return (
            test.log_e >= whole - math.log(WEIGHTS[self.measure.kind])
            and enough
            and (test.ratio is None or test.ratio >= self.floor(settings))
        )


_Bad = tuple[_Step, StepTest]


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
        for measure, higher in _measures(edge, settings):
            if (edge.table.edge, measure.signal) not in named:
                step = _step(edge, measure, higher, settings)
                test = step.test(settings) if step else None
                bad += [(step, test)] if step and test and step.believed(test, whole, settings) else []
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


def shared_harm(edge: EdgeTests) -> bool:
    """Whether the old version's errors grew with the new one's share: a reason not to pass, never one to fail."""
    contrast = edge.contrast
    if not contrast.overlap:
        return False
    windows, places = np.unique(contrast.windows, return_inverse=True)
    for _, _, bad, calls in RATES:
        column = [COUNTS.index(name) for name in (bad, calls)]
        old = _per_window(contrast.old[:, column], places, windows.size)
        new = _per_window(contrast.new[:, column], places, windows.size)
        share = new[:, 1] / np.maximum(new[:, 1] + old[:, 1], 1)
        before = contrast.before[:, column]
        phi = dispersion(before[:, 0], before[:, 1])
        if dose_response(old[:, 0], old[:, 1], share, before[:, 0], before[:, 1]) / math.sqrt(phi) >= DOSE_Z:
            return True
    return False


def _measures(edge: EdgeTests, settings: JudgeSettings) -> list[tuple[Measure, Measure]]:
    """Each measure as it counts for the old version, and for the new one, which is allowed the floor of latency."""
    if any(problem.startswith("biased") for problem in edge.problems):
        return []
    found = [(rate, rate) for rate in (Measure(signal, kind, bad, calls) for signal, kind, bad, calls in RATES)]
    for side in ("client", "server"):
        for quantile, enough in ((0.5, 30.0), (0.9, 80.0)):
            place = bound_before(edge.table, _old_rows(edge), side, quantile, enough)
            if place is None:
                continue
            lifted = int(bucket_of(bound_seconds(place) + settings.latency_floor_seconds))
            higher = max(place + settings.latency_floor_buckets, lifted)
            found.append((Measure("latency", side, "", "", place), Measure("latency", side, "", "", higher)))
    return found


def _old_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.before_rows] = True
    return rows


def _new_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.since_rows] = True
    return rows


def _step(edge: EdgeTests, measure: Measure, higher: Measure, settings: JudgeSettings) -> _Step | None:
    contrast = edge.contrast
    if not contrast.since_rows.size or contrast.confounded:
        return None
    soon = _new_rows(edge) & (edge.table.windows < contrast.since + settings.step_seconds)
    before, after = series(edge.table, _old_rows(edge), measure), series(edge.table, soon, higher)
    met = np.unique(contrast.windows)
    if measure.signal in WARM:
        after = _warm(after, edge.fresh)
        met = np.intersect1d(met, after.windows)
    apart = _apart(met, after)
    if not before.calls.sum() or int((after.bad > 0).sum()) < settings.min_windows or not (apart or _leans(edge, measure)):
        return None
    return _Step(edge, measure, before, after, not apart)


def _warm(after: Series, fresh: Shares) -> Series:
    """Without the calls that fresh instances may have had, bad ones first."""
    aside = fresh_calls(fresh, after.windows, after.calls).astype(np.int64)
    left = after.calls > aside
    return Series(after.windows[left], np.maximum(after.bad - aside, 0)[left], (after.calls - aside)[left])


def _apart(met: Ints, after: Series) -> bool:
    """The versions never met (in windows `met`), or only while instances were replaced, and the old one is gone."""
    if not met.size:
        return True
    return met.size <= HARDLY and after.windows.size > 2 * HARDLY and int((after.windows > met[-1]).sum()) > HARDLY


def _leans(edge: EdgeTests, measure: Measure) -> bool:
    """Whether the versions, where they met, differ in this measure too."""
    return any(
        test.signal == measure.signal and test.kind == measure.kind and test.counterpart is None and test.log_e >= LEANS
        for test in edge.tests
    )


def _found(deploy: Deploy, one: _Step, test: StepTest, below: set[Signal], rivals: Sequence[Rival]) -> Found:
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


def _step_finding(deploy: Deploy, one: _Step, test: StepTest, rivals: Sequence[Rival]) -> Finding:
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
    for who, rows in (("new", _new_rows(edge)), ("old", _old_rows(edge))):
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


def _per_window(counts: Ints, places: Ints, size: int) -> Ints:
    out = np.zeros((size, counts.shape[1]), dtype=np.int64)
    np.add.at(out, places, counts)
    return out
