"""What stepped on an edge since a deploy, by how much, and how far that is beyond what time does: measures, not findings.

Three cases. *Apart*: the versions never met, or only while instances were replaced; time alone speaks, so the step must outdo every placebo
clearly, last, double the rate, exceed what neighbours did, and what the same hour of earlier days does. *Supported*: they met, and the
comparison between them leans the same way (e >= 10, where 20 and more would be wanted of it alone); then the whole history of the
old version is a control too, which finds small rises that a ramp of a minute has too few calls to show. Otherwise nothing is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.before_after import MARGIN, MIN_RATIO, StepTest, dose_response, step_test
from monitor.detect.evidence.edge_tests import RATES, WARM, WEIGHTS, EdgeTests
from monitor.detect.evidence.latency import bound_seconds, bucket_of
from monitor.detect.evidence.rates import LEANS, dispersion
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.series import Measure, Series, bound_before, series
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings

DOSE_Z = 4.0
HARDLY = 3
"""Versions that met in so many windows at most, and the old one is gone, are judged as if they never met."""
FEWEST_PLACEBOS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Step:
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


def steps_of(edge: EdgeTests, settings: JudgeSettings) -> list[Step]:
    """Every measure of the edge that can be compared over time."""
    found = (_step(edge, measure, higher, settings) for measure, higher in _measures(edge, settings))
    return [step for step in found if step is not None]


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
            place = bound_before(edge.table, old_rows(edge), side, quantile, enough)
            if place is None:
                continue
            lifted = int(bucket_of(bound_seconds(place) + settings.latency_floor_seconds))
            higher = max(place + settings.latency_floor_buckets, lifted)
            found.append((Measure("latency", side, "", "", place), Measure("latency", side, "", "", higher)))
    return found


def old_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.before_rows] = True
    return rows


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
    if not before.calls.sum() or int((after.bad > 0).sum()) < settings.min_windows or not (apart or _leans(edge, measure)):
        return None
    return Step(edge, measure, before, after, not apart)


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
