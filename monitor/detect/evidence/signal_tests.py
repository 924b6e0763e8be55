"""The tests of each signal on one contrast of an edge: rates of bad calls, and latency by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.latency import LatencyTest
from monitor.detect.evidence.latency_tests import Measured, latency_tests
from monitor.detect.evidence.rates import (
    LEANS,
    RateTest,
    dispersion,
    exact_tail,
    lasting,
    rate_test,
    surely_scattered,
    without_incident,
)
from monitor.detect.evidence.scatter import dispersions
from monitor.detect.evidence.tested import (
    ALL_FAILURES,
    FROM_TRACES,
    RATES,
    WARM,
    SignalTest,
    sides_of,
)
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import COLUMN, Contrast, Side, histograms
from monitor.detect.measure.warmup import Shares, fresh_calls
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Evidence, LatencyEvidence, Quantiles, RateEvidence


@dataclass(frozen=True, slots=True)
class OldCounts:
    """The old version's counts per window, before the deploy and beside the new one; and how its
    bad calls scatter, each kind reckoned once.
    """

    before: Ints
    beside: Ints
    scatter: dict[tuple[str, str], float]

    @classmethod
    def of(cls, contrast: Contrast) -> "OldCounts":
        _, _, beside = contrast.by_window()
        return cls(contrast.before, beside, {})

    def phi(self, bad: str, calls: str) -> float:
        """Variance over mean, without an incident before the deploy that was over."""
        if (bad, calls) not in self.scatter:
            place = COLUMN[bad]
            if not (self.before[:, place].any() or self.beside[:, place].any()):
                return 1.0
            self.scatter[bad, calls] = dispersion(*self.usual(bad, calls))
        return self.scatter[bad, calls]

    def usual(self, bad: str, calls: str) -> tuple[Ints, Ints]:
        """Bad calls and calls by window, without an incident before the deploy that was over."""
        column = [COUNTS.index(name) for name in (bad, calls)]
        past = without_incident(self.before[:, column[0]], self.before[:, column[1]])
        k, n = (
            np.concatenate([earlier, self.beside[:, place]])
            for earlier, place in zip(past, column, strict=True)
        )
        return k, n

    def kinds(self) -> list[tuple[str, str]]:
        """Kinds of bad calls that the old version had, each with what it is part of. Of the others
        it is known that they do not scatter.
        """
        bad = np.logical_or(self.before.any(axis=0), self.beside.any(axis=0))
        kinds = [(bad_calls, calls) for _, _, bad_calls, calls in RATES]
        kinds.append((ALL_FAILURES, "calls"))
        self.scatter.update((kind, 1.0) for kind in kinds if not bad[COUNTS.index(kind[0])])
        return [kind for kind in kinds if kind not in self.scatter]

    def surely(self, bad: str, calls: str) -> float:
        """The same, as far as it is surely more than chance."""
        windows = self.before.shape[0] + self.beside.shape[0]
        return surely_scattered(self.phi(bad, calls), windows)


def learn_scatter(olds: Sequence[OldCounts]) -> None:
    """How bad calls of each of these scatter, reckoned in one go."""
    asked = [(old, kind) for old in olds for kind in old.kinds()]
    for (old, kind), phi in zip(
        asked, dispersions([old.usual(*kind) for old, kind in asked]), strict=True
    ):
        old.scatter[kind] = phi


def finite_exp(log_e: float) -> float:
    """exp, kept below infinity so that it can be stored as JSON."""
    return math.exp(min(log_e, 700.0))


def signal_tests(
    contrast: Contrast,
    old: OldCounts,
    settings: JudgeSettings,
    least: float,
    least_of: Mapping[str, float],
    fresh: Shares,
    slower: Sequence[SignalTest | None],
    *,
    biased: bool,
) -> list[SignalTest]:
    """Every signal's test on one contrast; `least` and `least_of` are how much failures scatter at
    least, of all kinds and of each; `slower` are the tests of latency. `biased`: what traces tell is left out.
    """
    tests: list[SignalTest] = []
    for signal, kind, bad, calls in RATES:
        if biased and signal in FROM_TRACES:
            continue
        (k, s), (a, b) = contrast.column(bad), contrast.column(calls)
        if kind == "violated" and not (a + b).any():
            continue  # no contract here: no part of alpha is spent on it
        if kind == "provider_error" and not (k + s).any():
            # neither version has any: the test's e-value is one, whichever of them is the new one
            continue
        every = (k, a)
        if signal in WARM:
            aside = fresh_calls(fresh, contrast.windows, a).astype(np.int64)
            k, a = np.maximum(k - aside, 0), a - aside
        usual = least if kind in ("server_error", "provider_error", "timeout") else 1.0
        phi = max(old.surely(bad, calls), usual, least_of.get(kind, 1.0))
        rates = rate_test(
            contrast.windows, (k, a), (s, b), floor_ratio=settings.floor_ratio, phi=phi
        )
        if (
            signal in WARM
            and rates.log_e >= LEANS
            and lasting(contrast.windows, (k, a), (s, b), settings.floor_ratio)
        ):
            # warm instances lean the same way: then fresh ones count as well
            rates = rate_test(
                contrast.windows, every, (s, b), floor_ratio=settings.floor_ratio, phi=phi
            )
        evidence = _evidence(rates, contrast, bad, rate=RateEvidence(kind, rates.dispersion))
        last_look = settings.deadline and contrast.counterpart is None and not rates.over
        p = exact_tail((k, a), (s, b), settings.floor_ratio, phi) if last_look else 1.0
        tests.append(
            SignalTest(
                signal, kind, contrast.counterpart, rates.log_e, rates.bad_windows, evidence, p
            )
        )
    return tests if biased else [*tests, *(test for test in slower if test)]


def latency_of_sides(
    asked: Sequence[tuple[Contrast, Side, float]], settings: JudgeSettings, fresh: Shares
) -> list[SignalTest | None]:
    """Latency as one side of a contrast measured it, of many at once; None where a version has no
    measurement there. Each with how much slow calls scatter at least.
    """
    tests: list[SignalTest | None] = [None] * len(asked)
    measured: list[tuple[int, Measured]] = []
    for place, (contrast, side, least) in enumerate(asked):
        data = histograms(contrast, side)
        if data is None or not data[0].any() or not data[1].any():
            continue
        new, old, before = data
        calls = new.sum(axis=1)
        if not contrast.table.is_counted:
            # one number a bin is one thing seen, however many calls are assumed behind it
            least = max(least, float(calls[calls > 0].mean()))  # noqa: PLW2901
        aside = fresh_calls(fresh, contrast.windows, calls)
        lowest = contrast.table.lowest
        measured.append(
            (place, Measured(contrast.windows, new, old, before, lowest, aside, least))
        )
    floors = settings.latency_floor_buckets, settings.latency_floor_seconds
    latencies = latency_tests([of for _, of in measured], *floors)
    for (place, _), test in zip(measured, latencies, strict=True):
        contrast, side, _ = asked[place]
        latency = LatencyEvidence(
            side, Quantiles(*test.new_quantiles), Quantiles(*test.old_quantiles)
        )
        evidence = _evidence(test, contrast, "calls", latency=latency)
        tests[place] = SignalTest(
            "latency", side, contrast.counterpart, test.log_e, test.bad_windows, evidence
        )
    return tests


def slower_sides(
    contrasts: Sequence[Contrast],
    settings: JudgeSettings,
    fresh: Shares,
    least_of: Sequence[Mapping[str, float]],
) -> list[list[SignalTest | None]]:
    """The tests of latency of each of these contrasts, which `least_of` scatter so much at
    least.
    """
    asked = [
        (whole, side, least.get(side, 1.0))
        for whole, least in zip(contrasts, least_of, strict=True)
        for side in sides_of(whole.table, whole.role)
    ]
    tests = iter(latency_of_sides(asked, settings, fresh))
    return [[next(tests) for _ in sides_of(whole.table, whole.role)] for whole in contrasts]


def _evidence(
    test: RateTest | LatencyTest,
    contrast: Contrast,
    shown: str,
    *,
    rate: RateEvidence | None = None,
    latency: LatencyEvidence | None = None,
) -> Evidence:
    """The numbers of a test as they are stored, with traces of the new version from windows that
    count something in the column `shown`.
    """
    return Evidence(
        windows=test.windows,
        new_calls=test.new_calls,
        new_bad=test.new_bad,
        old_calls=test.old_calls,
        old_bad=test.old_bad,
        effect=test.ratio,
        effect_low=test.ratio_low,
        effect_high=test.ratio_high,
        e_value=finite_exp(test.log_e),
        first_window=_moment(contrast, first=True),
        last_window=_moment(contrast, first=False),
        exemplars=_exemplars(contrast, shown, new=True),
        old_exemplars=_exemplars(contrast, "calls", new=False),
        rate=rate,
        latency=latency,
    )


def _exemplars(contrast: Contrast, bad: str, *, new: bool) -> tuple[str, ...]:
    """Up to five traces of one version's rows, from windows with something bad, newest first; kept
    in `contrast.exemplars`, as each test of an edge shows them.
    """
    if (bad, new) in contrast.exemplars:
        return contrast.exemplars[bad, new]
    rows = contrast.new_rows if new else contrast.old_rows
    rows = rows[contrast.table.counts[rows, COUNTS.index(bad)] > 0]
    traces: list[str] = []
    for row in map(int, rows[::-1]):
        traces += [trace for trace in contrast.table.exemplars[row] if trace not in traces]
        if len(traces) >= 5:
            break
    return contrast.exemplars.setdefault((bad, new), tuple(traces[:5]))


def _moment(contrast: Contrast, *, first: bool) -> datetime | None:
    if not contrast.overlap:
        return None
    return datetime.fromtimestamp(int(contrast.windows[0 if first else -1]), UTC)
