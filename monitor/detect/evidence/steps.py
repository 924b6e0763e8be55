"""What stepped on an edge since a deploy, by how much, and how far that is beyond what time does:
measures, not findings.

Three cases. *Apart*: the versions never met, or only while instances were replaced, or (of rates)
the old one is gone for longer than they met, and the new one was as much worse then; time alone
speaks, so the step must outdo every placebo clearly, last, double the rate, exceed what neighbours
did, and what the same hour of earlier days does. *Supported*: they met, and the comparison between
them leans the same way (e >= 10, where 20 and more would be wanted of it alone); then the whole
history of the old version is a control too, which finds small rises that a ramp of a minute has
too few calls to show. Otherwise nothing is said.
"""

from dataclasses import replace

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, once, runs, summed
from monitor.detect.evidence.before_after import LASTING, MIN_RATIO, fixed_e
from monitor.detect.evidence.exposure import begins_within
from monitor.detect.evidence.few_calls import FEW_STEP
from monitor.detect.evidence.history import size_steps
from monitor.detect.evidence.latency import lifted
from monitor.detect.evidence.rates import LEANS
from monitor.detect.evidence.shared import shared_step
from monitor.detect.evidence.sizes import FEWEST_CALLS, SLOWER, log_quantile
from monitor.detect.evidence.tested import RATES, SIDES, WARM, EdgeTests, SignalTest, sides_of
from monitor.detect.evidence.timed import (
    AnyStep,
    SizeStep,
    Step,
    is_biased,
    new_rows,
    old_rows,
    rates_of_calls,
)
from monitor.detect.evidence.zones import zones_in_turn
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import Side, contrast
from monitor.detect.measure.series import Measure, Series, bound_before, series
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Signal
from monitor.model.reasons import reason

COLD: tuple[Signal, ...] = ("errors", "provider_errors")
NO_COLD_START = 0.05
"""So many more of all calls fail by no cold start."""
HARDLY = 3
"""Versions that met in so many windows at most, and the old one is gone, are judged as if they
never met.
"""
WARM_CALLS, AS_SLOW = 5.0, 0.9
"""So many calls after a cold start must have so much of its slowness (in logs) left, for it
to be none.
"""
ALL = "*"
"""No version's name: what is compared with itself under it is all calls, before and since."""
BOUNDS = ((0.5, 30.0, 0), (0.9, 80.0, 0), (0.99, 400.0, 0), (0.99, 100.0, 16))
"""Quantiles whose exceedance is counted, calls wanted before, and buckets further: four times the
p99 is hardly ever reached by chance.
"""


def steps_of(edge: EdgeTests, settings: JudgeSettings) -> list[AnyStep]:
    """Every measure of the edge that can be compared over time."""
    steps: list[AnyStep | None] = [
        _step(edge, measure, higher, settings) for measure, higher in _measures(edge, settings)
    ]
    if not is_biased(edge):
        steps += [shared_step(edge, rate) for rate in rates_of_calls()]
        steps += [
            step
            for side in sides_of(edge.table, edge.role)
            for step in _size_steps(edge, side, settings)
        ]
    return [step for step in steps if step is not None]


def rate_steps(edge: EdgeTests, settings: JudgeSettings) -> list[Step]:
    """The edge's rates of bad calls over time."""
    if is_biased(edge):
        return []
    return [
        step
        for step in (_step(edge, rate, rate, settings) for rate in rates_of_calls())
        if step is not None
    ]


def latency_steps(edge: EdgeTests, settings: JudgeSettings) -> list[SizeStep]:
    """The edge's latency over time by size, of sides that any statistic shows slower; asked of
    many edges, most of which are as they were.
    """
    if is_biased(edge):
        return []
    past, now = old_rows(edge), new_rows(edge)
    slower = [
        side
        for side in SIDES
        if any(
            (step or 0.0) >= SLOWER for step in size_steps(edge.table, past, now, side).values()
        )
    ]
    return [step for side in slower for step in _size_steps(edge, side, settings)]


def by_time(table: EdgeTable, since: float, grain: int, fresh: Shares | None = None) -> EdgeTests:
    """An edge of which only time is known: all its calls before and since, whatever their
    versions. `fresh`: the shares of its calls that a fresh instance may have held up.
    """
    whole = contrast(table, "callee", ALL, ALL, since)
    biased = (reason("biased"),) if table.biased.any() else ()
    return EdgeTests(
        table, "callee", whole, (), (), 0.0, 0.0, {}, {}, {}, fresh or {}, biased, grain, {}
    )


def _measures(edge: EdgeTests, settings: JudgeSettings) -> list[tuple[Measure, Measure]]:
    """Each measure as it counts for the old version, and for the new one, which is allowed the
    floor of latency.
    """
    if is_biased(edge):
        return []
    measures = [(rate, rate) for rate in rates_of_calls()]
    for side in sides_of(edge.table, edge.role):
        if not _comparable(edge, "latency", side):
            continue
        for quantile, enough, further in BOUNDS:
            place = bound_before(edge.table, old_rows(edge), side, quantile, enough)
            if place is None:
                continue
            place += further
            floor = settings.latency_floor_buckets, settings.latency_floor_seconds
            higher = place if further else int(lifted(place, 0, *floor))
            measures.append(
                (Measure("latency", side, "", "", place), Measure("latency", side, "", "", higher))
            )
    return measures


def _step(
    edge: EdgeTests, measure: Measure, higher: Measure, settings: JudgeSettings
) -> Step | None:
    contrast = edge.contrast
    if not _comparable(edge, measure.signal, measure.kind):
        return None
    if measure.bad and not edge.table.counts[contrast.since_rows, COUNTS.index(measure.bad)].any():
        return None
    soon = new_rows(edge) & (edge.table.windows < contrast.since + settings.step_seconds)
    before, after = series(edge.table, old_rows(edge), measure), series(edge.table, soon, higher)
    met = once(contrast.windows)
    if measure.signal in WARM:
        after = _warm(after, edge.fresh)
        met = np.intersect1d(met, after.windows)
    apart = _apart(met, after)
    agrees = not apart and bool(measure.bad) and is_gone(edge) and _agrees(edge, measure.kind)
    # what came after the old version left by no version says nothing of what few calls did before
    agrees = agrees and not begins_within(after)
    if agrees:
        before, apart = _with_beside(edge, before, measure), True
    if (
        not before.calls.sum()
        or int((after.bad > 0).sum()) < settings.min_bad_windows
        or not (apart or _leans(edge, measure.signal, measure.kind))
    ):
        return None
    if measure.signal in COLD and not _outlasts_warmup(edge, before, after, settings):
        return None
    return Step(edge, measure, before, after, not apart, agrees)


def _outlasts_warmup(
    edge: EdgeTests, before: Series, after: Series, settings: JudgeSettings
) -> bool:
    """Whether errors are there beyond the first minute of a version; gross ones need not wait."""
    usual = (float(before.bad.sum()) + 0.5) / float(before.calls.sum())
    if float(after.bad.sum()) / max(float(after.calls.sum()), 1.0) >= usual + NO_COLD_START:
        return True
    late = after.windows >= after.windows[0] + settings.warmup_seconds + edge.grain / 2
    k, a = float(after.bad[late].sum()), float(after.calls[late].sum())
    past = float(before.bad.sum()), float(before.calls.sum())
    return _goes_on((k, a), past, usual, settings)


def _goes_on(
    late: tuple[float, float], past: tuple[float, float], usual: float, settings: JudgeSettings
) -> bool:
    """Whether (bad, calls) after a cold start are worse than what was, by more than chance does:
    two bad calls after it are none of its harm.

    Not by chance where bins are so long that a cold start is a small part of the first one.
    """
    (k, a), (s, b) = late, past
    if not a or k / a < LASTING * usual:
        return False
    return not settings.warmup_seconds or (
        fixed_e(k, s, a / (a + b), settings.floor_ratio) >= LEANS
    )


def outlasts_start(edge: EdgeTests, test: SignalTest, settings: JudgeSettings) -> bool:
    """The same of versions side by side: whether errors are there beyond the new one's first
    minute; gross ones, other signals, and a gate's last look need not wait for it.
    """
    evidence, contrast = test.evidence, edge.contrast
    usual = (evidence.old_bad + 0.5) / max(evidence.old_calls, 1)
    gross = evidence.new_bad / max(evidence.new_calls, 1) >= usual + NO_COLD_START
    if test.signal not in COLD or gross or settings.deadline or not settings.warmup_seconds:
        return True
    first = int(contrast.table.windows[contrast.since_rows].min())
    late = contrast.windows >= first + settings.warmup_seconds + edge.grain / 2
    bad = next(name for _, kind, name, _ in RATES if kind == test.kind)
    k, a = (float(contrast.column(name)[0][late].sum()) for name in (bad, "calls"))
    return _goes_on((k, a), (float(evidence.old_bad), float(evidence.old_calls)), usual, settings)


def is_of_both(step: AnyStep) -> bool:
    """Whether the old version's calls beside the new one became slower by half as much, too: then
    they are not slow by their version.
    """
    edge, whole = step.edge, step.edge.contrast
    if step.measure.signal != "latency" or step.supported or not whole.overlap:
        return False
    beside = np.zeros(edge.table.windows.size, dtype=bool)
    beside[whole.old_rows] = True
    by_rows = [
        size_steps(edge.table, old_rows(edge), rows, step.measure.kind).values()
        for rows in (beside, new_rows(edge))
    ]
    return any(
        old is not None and new is not None and 0.0 < new <= 2.0 * old
        for old, new in zip(*by_rows, strict=True)
    )


def _size_steps(edge: EdgeTests, side: Side, settings: JudgeSettings) -> list[SizeStep]:
    """The side's latency by size, by each statistic; the slowest calls of fresh instances set
    aside.
    """
    table, contrast = edge.table, edge.contrast
    data = table.latency(side)
    if data is None or not _comparable(edge, "latency", side):
        return []
    soon, past = (
        new_rows(edge) & (table.windows < contrast.since + settings.step_seconds),
        old_rows(edge),
    )
    bound = bound_before(table, past, side, 0.9, float(FEWEST_CALLS["p50"]))
    if bound is None:
        return []
    measure = Measure("latency", side, "", "", bound)
    old = _per_window_of(table, past, data)
    calls = runs(table.windows[soon])[0], _per_window_of(table, soon, data)
    fresh = set_aside(calls, old, table.lowest, edge.fresh)
    before, after = series(table, past, measure), _warm(series(table, soon, measure), fresh)
    met = np.intersect1d(once(contrast.windows), after.windows)
    apart = _apart(met, after)
    if after.windows.size < settings.min_bad_windows or not (
        apart or _leans(edge, "latency", side)
    ):
        return []
    _, new = warm_calls(calls, fresh)
    return [
        SizeStep(
            edge,
            replace(measure, statistic=statistic),
            before,
            after,
            not apart,
            statistic,
            old,
            new,
        )
        for statistic in FEWEST_CALLS
        # of calls that nobody counts a window is one thing seen, and the worst of few is no tail;
        # nor are quantiles of bins, of which those of few calls have another p99 than those of many
        if statistic != "p99" or (table.is_counted and not table.told)
    ]


def _per_window_of(table: EdgeTable, rows: Bools, data: Floats) -> Floats:
    windows, places = runs(table.windows[rows])
    return summed(data[rows], places, windows.size)


def warm_calls(histograms: tuple[Ints, Floats], fresh: Shares) -> tuple[Ints, Floats]:
    """Windows and their histograms without the calls that fresh instances may have had, the
    slowest first; no empty ones.
    """
    windows, held = histograms
    calls = held.sum(axis=1)
    left = np.maximum(calls - fresh_calls(fresh, windows, calls), 0.0)
    kept = np.diff(np.minimum(np.cumsum(held, axis=1), left[:, None]), axis=1, prepend=0.0)
    return windows[left > 0], kept[left > 0]


def set_aside(calls: tuple[Ints, Floats], old: Floats, lowest: int, fresh: Shares) -> Shares:
    """The `fresh` shares that are no evidence: none of them where the calls of warm instances are
    far slower than the `old` ones, and hardly faster than those of fresh ones. That is no cold
    start, which gets better, so all calls tell of it.

    `calls`: windows since, and their histograms; `lowest`: the first bucket of all histograms.
    """
    if not fresh:
        return fresh
    windows, held = calls
    _, warm = warm_calls(calls, fresh)
    cold = held[np.isin(windows, [at for at, share in fresh.items() if share >= 1.0])]
    if warm.sum() < WARM_CALLS or not cold.sum() or not old.sum():
        return fresh
    usual, first, later = (
        log_quantile(part.sum(axis=0), lowest, 0.5) for part in (old, cold, warm)
    )
    return {} if later - usual >= max(FEW_STEP, AS_SLOW * (first - usual)) else fresh


def _warm(after: Series, fresh: Shares) -> Series:
    """Without the calls that fresh instances may have had, bad ones first."""
    aside = fresh_calls(fresh, after.windows, after.calls).astype(np.int64)
    left = after.calls > aside
    return Series(
        after.windows[left], np.maximum(after.bad - aside, 0)[left], (after.calls - aside)[left]
    )


def _apart(met: Ints, after: Series) -> bool:
    """The versions never met (in windows `met`), or only while instances were replaced, and the
    old one is gone.
    """
    if not met.size:
        return True
    return (
        met.size <= HARDLY
        and after.windows.size > 2 * HARDLY
        and int((after.windows > met[-1]).sum()) > HARDLY
    )


def is_gone(edge: EdgeTests) -> bool:
    """Whether the old version is gone, after fewer windows beside the new one than that has been
    alone for: a ramp that is over.
    """
    if "gone" not in edge.over_time:
        edge.over_time["gone"] = _is_gone(edge)
    return edge.over_time["gone"]


def _is_gone(edge: EdgeTests) -> bool:
    met = once(edge.contrast.windows)
    if not met.size:
        return False
    alone = once(edge.table.windows[new_rows(edge)])
    return int((alone > met[-1]).sum()) > max(HARDLY, met.size)


def _agrees(edge: EdgeTests, kind: str) -> bool:
    """Whether the versions differed as much side by side, though in too few calls to say so; where
    the old one had no bad call, as if it had one.
    """
    met = [test.evidence for test in edge.whole if test.kind == kind]
    return any(
        each.effect >= MIN_RATIO
        if each.effect is not None
        else each.new_bad * each.old_calls >= MIN_RATIO * each.new_calls > 0
        for each in met
        if each.old_bad or each.new_bad
    )


def _with_beside(edge: EdgeTests, before: Series, measure: Measure) -> Series:
    """With the old version's calls beside the new one: what went on at the same time
    is in them.
    """
    contrast = edge.contrast
    windows, _, beside = contrast.by_window()
    bad, calls = (beside[:, COUNTS.index(name)] for name in (measure.bad, measure.calls))
    return Series(
        *(
            np.concatenate(pair)
            for pair in ((before.windows, windows), (before.bad, bad), (before.calls, calls))
        )
    )


def _comparable(edge: EdgeTests, signal: Signal, kind: str) -> bool:
    """A cheap look before anything is summed: calls since, and versions that never met for long,
    or lean apart where they did.
    """
    if "comparable" not in edge.over_time:
        edge.over_time.update(_over_time(edge))
    return edge.over_time["comparable"] and (
        edge.over_time["hardly met"]
        or _leans(edge, signal, kind)
        or (signal != "latency" and is_gone(edge))
    )


def _over_time(edge: EdgeTests) -> dict[str, bool]:
    """Whether an edge can be compared over time at all, and whether its versions hardly met: each
    measure of the edge asks.
    """
    contrast = edge.contrast
    if not contrast.since_rows.size or contrast.confounded or zones_in_turn(edge):
        return {"comparable": False, "hardly met": False}
    beside = [window for window in once(contrast.windows).tolist() if not edge.fresh.get(window)]
    return {"comparable": True, "hardly met": len(beside) <= HARDLY}


def _leans(edge: EdgeTests, signal: Signal, kind: str) -> bool:
    """Whether the versions, where they met, differ in this measure too."""
    return any(
        test.signal == signal and test.kind == kind and test.log_e >= LEANS for test in edge.whole
    )
