"""A measure of one edge over time, held against what time does alone, what neighbours did, and
earlier days.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.detect.arrays import Bools, Floats
from monitor.detect.evidence.before_after import MARGIN, MIN_RATIO, StepTest, step_test
from monitor.detect.evidence.equivalence import is_slight
from monitor.detect.evidence.few_calls import few_calls_test
from monitor.detect.evidence.history import (
    controls_told,
    growth_of,
    most_grown,
    season,
    size_step,
    sizes_grown,
    steps_of_days,
)
from monitor.detect.evidence.rates import dispersion, without_incident
from monitor.detect.evidence.sizes import SLOWER, Statistic, size_test, surely_below
from monitor.detect.evidence.tested import RATES, WARM, WEIGHTS, EdgeTests
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Controls, Measure, Series
from monitor.detect.settings import JudgeSettings

FEWEST_PLACEBOS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One edge's measure over time: the old version before, the new one since; `supported` by how
    the versions differ where they met.

    `agrees`: they differed so, in too few calls to support it; then time need not show alone that
    the rate doubled, only that it did.
    """

    edge: EdgeTests
    measure: Measure
    before: Series
    after: Series
    supported: bool
    agrees: bool = False

    def test(
        self,
        settings: JudgeSettings,
        expected: tuple[Floats, Floats] | None = None,
        former: Sequence[float] = (),
        growth: tuple[float, float] = (1.0, 0.0),
    ) -> StepTest:
        """Held against what was before alone, or also against seasons, earlier days and what
        neighbours did.
        """
        times, added = growth
        beyond = np.maximum(
            self.after.bad - np.floor(added * self.after.calls).astype(np.int64), 0
        )
        return step_test(
            (self.before.bad, self.before.calls),
            (beyond, self.after.calls),
            dispersion(*without_incident(self.before.bad, self.before.calls)),
            settings.placebo_windows,
            expected=expected,
            former=former,
            growth=times,
            floor_ratio=settings.floor_ratio if self.agrees else self.floor(settings),
            margin=1.0 if self.supported else MARGIN,
        )

    def against(
        self, settings: JudgeSettings, controls: Controls, hours: Sequence[tuple[float, EdgeTable]]
    ) -> StepTest:
        """Held against neighbours and this edge at the same hours of earlier days."""
        expected = season(hours, self.before, self.after, self.measure)
        former = steps_of_days(hours, self.measure, seasonal=expected is not None)
        # what befell neighbours while the step was not there yet is no measure of it
        since = max(self.edge.contrast.since, float(self.after.windows[0]))
        test = self.test(settings, expected, former, growth_of(controls, self.measure, since))
        return replace(test, controls=controls_told(controls, since))

    def floor(self, settings: JudgeSettings) -> float:
        """Supported, the floor of all; else twice the rate, or of what is usual (half the calls
        are above the median) halfway to always.
        """
        if self.supported:
            return settings.floor_ratio
        rate = float(self.before.bad.sum()) / max(int(self.before.calls.sum()), 1)
        return float(min(MIN_RATIO, 0.5 * (1.0 + 1.0 / max(rate, 1e-9))))

    def believed(self, test: StepTest, whole: float, settings: JudgeSettings) -> bool:
        """`whole`: log of the edges over alpha, of which this kind has its share."""
        if self.measure.bad and self.measure.signal != "violations" and self._is_slight(settings):
            return False
        beaten = test.placebos >= FEWEST_PLACEBOS and test.beaten == test.placebos
        if self.measure.signal in WARM:
            beaten = beaten and test.lasting
        enough = (
            beaten if self.supported else test.stands_out(_seconds(self.after)) and test.lasting
        )
        return (
            test.log_e >= whole - math.log(WEIGHTS[self.measure.kind])
            and enough
            and (test.ratio is None or test.ratio >= self.floor(settings))
        )

    def _is_slight(self, settings: JudgeSettings) -> bool:
        """Whether a pass takes the rise for harmless."""
        after, before = (
            (float(part.bad.sum()), float(part.calls.sum())) for part in (self.after, self.before)
        )
        usual = without_incident(self.before.bad, self.before.calls)
        return is_slight(after, before, settings, dispersion(*usual))


@dataclass(frozen=True, slots=True, eq=False)
class SizeStep:
    """One side's latency by size over time, histograms per window; `before` and `after` count the
    calls above the old p90.

    `lowest` is the first bucket of the histograms, None for the edge's own.
    """

    edge: EdgeTests
    measure: Measure
    before: Series
    after: Series
    supported: bool
    statistic: Statistic
    old: Floats
    new: Floats
    lowest: int | None = None

    def test(
        self,
        settings: JudgeSettings,
        former: Sequence[float] = (),
        grown: tuple[float, float] = (0.0, 0.0),
    ) -> StepTest:
        """Held against what was before alone, or also against earlier days and what neighbours
        did: the median one, or where nearly nobody calls the worst.
        """
        lowest = self.edge.table.lowest if self.lowest is None else self.lowest
        test = size_test(
            self.old,
            self.new,
            lowest,
            self.statistic,
            grown=grown[0],
            placebos=settings.placebo_windows,
        )
        if self.statistic == "p50":
            few = few_calls_test(
                self.old, self.new, lowest, grown=grown[1], placebos=settings.placebo_windows
            )
            if few is not None and (test is None or few.log_e > test.log_e):
                test = few
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
            growth=math.exp(grown[0]),
            lasting=False,
        )
        if test is None or test.step <= 0 or test.added_seconds < settings.latency_floor_seconds:
            return blank
        near = surely_below(test.step)
        return replace(
            blank,
            log_e=test.log_e,
            ratio=math.exp(test.step),
            placebos=test.placebos + len(former),
            beaten=test.beaten + sum(step < near for step in former),
            lasting=test.lasting,
        )

    def against(
        self, settings: JudgeSettings, controls: Controls, hours: Sequence[tuple[float, EdgeTable]]
    ) -> StepTest:
        """Held against neighbours and this edge at the same hours of earlier days."""
        days = (
            size_step(
                table, table.windows < cut, table.windows >= cut, self.measure.kind, self.statistic
            )
            for cut, table in hours
        )
        since = self.edge.contrast.since
        grown = (
            sizes_grown(controls, self.measure.kind, self.statistic, since),
            most_grown(controls, self.statistic, since) if self.statistic == "p50" else 0.0,
        )
        test = self.test(settings, [day for day in days if day is not None], grown)
        return replace(test, controls=controls_told(controls, since))

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


def old_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.before_rows] = True
    return rows & (edge.table.windows <= edge.contrast.since - edge.grain)


def new_rows(edge: EdgeTests) -> Bools:
    rows = np.zeros(edge.table.windows.size, dtype=bool)
    rows[edge.contrast.since_rows] = True
    return rows


def _seconds(after: Series) -> float:
    return float(after.windows[-1] - after.windows[0]) if after.windows.size else 0.0


def is_biased(edge: EdgeTests) -> bool:
    return any(problem.code == "biased" for problem in edge.problems)


def rates_of_calls() -> list[Measure]:
    return [Measure(signal, kind, bad, calls) for signal, kind, bad, calls in RATES]
