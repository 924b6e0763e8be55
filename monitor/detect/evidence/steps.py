"""What stepped on an edge since a deploy, by how much, and how far that is beyond what time does: measures, not findings.

Three cases. *Apart*: the versions never met, or only while instances were replaced; time alone speaks, so the step must outdo every placebo
clearly, last, double the rate, exceed what neighbours did, and what the same hour of earlier days does. *Supported*: they met, and the
comparison between them leans the same way (e >= 10, where 20 and more would be wanted of it alone); then the whole history of the
old version is a control too, which finds small rises that a ramp of a minute has too few calls to show. Otherwise nothing is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.before_after import MARGIN, MIN_RATIO, StepTest, dose_over_step, dose_response, step_test
from monitor.detect.evidence.edge_tests import RATES, SIDES, WARM, WEIGHTS, EdgeTests
from monitor.detect.evidence.history import growth_of, season, size_step, sizes_grown, steps_of_days
from monitor.detect.evidence.latency import bound_seconds, bucket_of
from monitor.detect.evidence.rates import LEANS, dispersion
from monitor.detect.evidence.sizes import CLOSE, FEWEST_CALLS, SLOWER, Statistic, size_test
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import Side, contrast
from monitor.detect.measure.series import Controls, Measure, Series, bound_before, series
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings
from monitor.model.reasons import reason

DOSE_Z = 4.0
DOSE_OVER_STEP = math.log(1000.0)
"""So much likelier must a dose be than a step at one moment."""
HARDLY = 3
"""Versions that met in so many windows at most, and the old one is gone, are judged as if they never met."""
FEWEST_PLACEBOS = 3
ALL = "*"
"""No version's name: what is compared with itself under it is all calls, before and since."""
BOUNDS = ((0.5, 30.0, 0), (0.9, 80.0, 0), (0.99, 400.0, 0), (0.99, 100.0, 16))
"""Quantiles whose exceedance is counted, calls wanted before, and buckets further: four times the p99 is hardly ever reached by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One edge's measure over time: the old version before, the new one since; `supported` by how the versions differ where they met."""

    edge: EdgeTests
    measure: Measure
    before: Series
    after: Series
    supported: bool

    def test(
        self,
        settings: JudgeSettings,
        expected: tuple[Floats, Floats] | None = None,
        former: Sequence[float] = (),
        growth: tuple[float, float] = (1.0, 0.0),
    ) -> StepTest:
        """Held against what was before alone, or also against seasons, earlier days and what neighbours did."""
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

    def against(self, settings: JudgeSettings, controls: Controls, hours: Sequence[tuple[float, EdgeTable]]) -> StepTest:
        """Held against neighbours and this edge at the same hours of earlier days."""
        expected = season(hours, self.before, self.after, self.measure)
        former = steps_of_days(hours, self.measure, seasonal=expected is not None)
        return self.test(settings, expected, former, growth_of(controls, self.measure, self.edge.contrast.since))

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
        enough = beaten if self.supported else test.stands_out(_seconds(self.after)) and test.lasting
        return (
            test.log_e >= whole - math.log(WEIGHTS[self.measure.kind])
            and enough
            and (test.ratio is None or test.ratio >= self.floor(settings))
        )


@dataclass(frozen=True, slots=True, eq=False)
class SizeStep:
    """One side's latency by size over time, histograms per window; `before` and `after` count the calls above the old p90."""

    edge: EdgeTests
    measure: Measure
    before: Series
    after: Series
    supported: bool
    statistic: Statistic
    old: Floats
    new: Floats

    def test(self, settings: JudgeSettings, former: Sequence[float] = (), grown: float = 0.0) -> StepTest:
        """Held against what was before alone, or also against earlier days and what neighbours did."""
        lowest = self.edge.table.lowest
        found = size_test(self.old, self.new, lowest, self.statistic, grown=grown, placebos=settings.placebo_windows)
        blank = StepTest(
            before_calls=int(self.before.calls.sum()),
            before_bad=int(self.before.bad.sum()),
            after_calls=int(self.after.calls.sum()),
            after_bad=int(self.after.bad.sum()),
            log_e=0.0,
            ratio=1.0,
            placebos=0,
            beaten=0,
            seasonal=bool(former),
            growth=math.exp(grown),
            lasting=False,
        )
        if found is None or found.step <= 0 or found.added_seconds < settings.latency_floor_seconds:
            return blank
        near = found.step - max(SLOWER / 2.0, CLOSE * found.step)
        return replace(
            blank,
            log_e=found.log_e,
            ratio=math.exp(found.step),
            placebos=found.placebos + len(former),
            beaten=found.beaten + sum(one < near for one in former),
            lasting=found.lasting,
        )

    def against(self, settings: JudgeSettings, controls: Controls, hours: Sequence[tuple[float, EdgeTable]]) -> StepTest:
        """Held against neighbours and this edge at the same hours of earlier days."""
        days = (
            size_step(table, table.windows < cut, table.windows >= cut, self.measure.kind, self.statistic) for cut, table in hours
        )
        grown = sizes_grown(controls, self.measure.kind, self.statistic, self.edge.contrast.since)
        return self.test(settings, [day for day in days if day is not None], grown)

    def believed(self, test: StepTest, whole: float, _: JudgeSettings) -> bool:
        """`whole`: log of the edges over alpha, of which this kind has its share."""
        beaten = test.placebos >= FEWEST_PLACEBOS and test.beaten == test.placebos
        enough = beaten if self.supported else test.stands_out(_seconds(self.after))
        return (
            test.log_e >= whole - math.log(WEIGHTS[self.measure.kind])
            and enough
            and test.lasting
            and (test.ratio or 0.0) >= math.exp(SLOWER)
        )


AnyStep = Step | SizeStep


def steps_of(edge: EdgeTests, settings: JudgeSettings) -> list[AnyStep]:
    """Every measure of the edge that can be compared over time."""
    found: list[AnyStep | None] = [_step(edge, measure, higher, settings) for measure, higher in _measures(edge, settings)]
    if not _biased(edge):
        found += [_shared_step(edge, rate) for rate in _rates()]
        found += [_size_step(edge, side, statistic, settings) for side in SIDES for statistic in FEWEST_CALLS]
    return [step for step in found if step is not None]


def rate_steps(edge: EdgeTests, settings: JudgeSettings) -> list[Step]:
    """The edge's rates of bad calls over time."""
    if _biased(edge):
        return []
    return [step for step in (_step(edge, rate, rate, settings) for rate in _rates()) if step is not None]


def _rates() -> list[Measure]:
    return [Measure(signal, kind, bad, calls) for signal, kind, bad, calls in RATES]


def by_time(table: EdgeTable, since: float, grain: int) -> EdgeTests:
    """An edge of which only time is known: all its calls before and since, whatever their versions."""
    whole = contrast(table, "callee", ALL, ALL, since)
    biased = (reason("biased"),) if table.biased.any() else ()
    return EdgeTests(table, "callee", whole, (), (), 0.0, 0.0, {}, {}, {}, biased, grain)


def _seconds(after: Series) -> float:
    return float(after.windows[-1] - after.windows[0]) if after.windows.size else 0.0


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
    if _biased(edge):
        return []
    found = [(rate, rate) for rate in _rates()]
    for side in SIDES:
        for quantile, enough, further in BOUNDS:
            place = bound_before(edge.table, old_rows(edge), side, quantile, enough)
            if place is None:
                continue
            place += further
            lifted = int(bucket_of(bound_seconds(place) + settings.latency_floor_seconds))
            higher = place if further else max(place + settings.latency_floor_buckets, lifted)
            found.append((Measure("latency", side, "", "", place), Measure("latency", side, "", "", higher)))
    return found


def _biased(edge: EdgeTests) -> bool:
    return any(problem.code == "biased" for problem in edge.problems)


def old_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.before_rows] = True
    return rows & (edge.table.windows <= edge.contrast.since - edge.grain)


def new_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.since_rows] = True
    return rows


def _step(edge: EdgeTests, measure: Measure, higher: Measure, settings: JudgeSettings) -> Step | None:
    contrast = edge.contrast
    if not contrast.since_rows.size or contrast.confounded:
        return None
    soon = new_rows(edge) & (edge.table.windows < contrast.since + settings.step_seconds)
    before, after = series(edge.table, old_rows(edge), measure), series(edge.table, soon, higher)
    met = np.unique(contrast.windows)
    if measure.signal in WARM:
        after = _warm(after, edge.fresh)
        met = np.intersect1d(met, after.windows)
    apart = _apart(met, after)
    if not before.calls.sum() or int((after.bad > 0).sum()) < settings.min_bad_windows or not (apart or _leans(edge, measure)):
        return None
    return Step(edge, measure, before, after, not apart)


def _shared_step(edge: EdgeTests, measure: Measure) -> Step | None:
    """Calls of both versions over time, where the old one's grew worse with the new one's share: damage to what they share.

    The versions look alike then, and only what was before tells; but no outage follows a ramp's levels.
    """
    whole = edge.contrast
    if not whole.overlap or whole.confounded:
        return None
    windows, places = np.unique(whole.windows, return_inverse=True)
    column = [COUNTS.index(name) for name in (measure.bad, measure.calls)]
    old, new = (_per_window(counts[:, column], places, windows.size) for counts in (whole.old, whole.new))
    before = series(edge.table, old_rows(edge), measure)
    if not old[:, 0].sum() or not before.calls.sum():
        return None
    share = new[:, 1] / np.maximum(new[:, 1] + old[:, 1], 1)
    told = dose_over_step(
        np.concatenate([before.bad, old[:, 0]]),
        np.concatenate([before.calls, old[:, 1]]),
        np.concatenate([np.zeros(before.calls.size), share]),
    )
    if told / dispersion(before.bad, before.calls) < DOSE_OVER_STEP:
        return None
    since = series(edge.table, edge.table.windows >= whole.since, measure)
    return Step(edge, measure, before, since, supported=False)


def _size_step(edge: EdgeTests, side: Side, statistic: Statistic, settings: JudgeSettings) -> SizeStep | None:
    """The side's latency by size; the slowest calls of fresh instances set aside."""
    table, contrast = edge.table, edge.contrast
    data = table.client if side == "client" else table.server
    if data is None or not contrast.since_rows.size or contrast.confounded:
        return None
    soon = new_rows(edge) & (table.windows < contrast.since + settings.step_seconds)
    bound = bound_before(table, old_rows(edge), side, 0.9, float(FEWEST_CALLS["p50"]))
    if bound is None:
        return None
    measure = Measure("latency", side, "", "", bound, statistic)
    before, after = series(table, old_rows(edge), measure), series(table, soon, measure)
    aside = fresh_calls(edge.fresh, after.windows, after.calls)
    warm = after.calls > aside
    after = _warm(after, edge.fresh)
    met = np.intersect1d(np.unique(contrast.windows), after.windows)
    apart = _apart(met, after)
    if after.windows.size < settings.min_bad_windows or not (apart or _leans(edge, measure)):
        return None
    new = _per_window_of(table, soon, data)[warm]
    return SizeStep(
        edge,
        measure,
        before,
        after,
        not apart,
        statistic,
        _per_window_of(table, old_rows(edge), data),
        _without(new, aside[warm]),
    )


def _per_window_of(table: EdgeTable, rows: Bools, data: Floats) -> Floats:
    windows, places = np.unique(table.windows[rows], return_inverse=True)
    out = np.zeros((windows.size, data.shape[1]))
    np.add.at(out, places, data[rows])
    return out


def _without(histograms: Floats, aside: Floats) -> Floats:
    """Without so many of the slowest calls in each window."""
    left = np.maximum(histograms.sum(axis=1) - aside, 0.0)
    return np.diff(np.minimum(np.cumsum(histograms, axis=1), left[:, None]), axis=1, prepend=0.0)


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


def _per_window(counts: Ints, places: Ints, size: int) -> Ints:
    out = np.zeros((size, counts.shape[1]), dtype=np.int64)
    np.add.at(out, places, counts)
    return out
