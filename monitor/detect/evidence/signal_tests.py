"""The tests of each signal on one contrast of an edge: rates of bad calls, and latency by side."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from monitor.detect.arrays import Ints, runs, summed
from monitor.detect.evidence.latency import LatencyTest, latency_test
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
from monitor.detect.evidence.tested import FROM_TRACES, RATES, WARM, SignalTest, sides_of
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import Contrast, Side, histograms
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
        windows, places = runs(contrast.windows)
        return cls(contrast.before, summed(contrast.old, places, windows.size), {})

    def phi(self, bad: str, calls: str) -> float:
        """Variance over mean, without an incident before the deploy that was over."""
        if (bad, calls) not in self.scatter:
            column = [COUNTS.index(name) for name in (bad, calls)]
            past = without_incident(self.before[:, column[0]], self.before[:, column[1]])
            k, n = (
                np.concatenate([earlier, self.beside[:, place]])
                for earlier, place in zip(past, column, strict=True)
            )
            self.scatter[bad, calls] = dispersion(k, n)
        return self.scatter[bad, calls]

    def surely(self, bad: str, calls: str) -> float:
        """The same, as far as it is surely more than chance."""
        windows = self.before.shape[0] + self.beside.shape[0]
        return surely_scattered(self.phi(bad, calls), windows)


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
    *,
    biased: bool,
) -> list[SignalTest]:
    """Every signal's test on one contrast; `least` and `least_of` are how much failures scatter at
    least, of all kinds and of each. `biased`: what traces tell is left out.
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
    if not biased:
        sides = sides_of(contrast.table, contrast.role)
        tests += [
            test
            for test in (
                latency_of_side(contrast, side, settings, fresh, least_of) for side in sides
            )
            if test
        ]
    return tests


def latency_of_side(
    contrast: Contrast,
    side: Side,
    settings: JudgeSettings,
    fresh: Shares,
    least: Mapping[str, float] | None = None,
) -> SignalTest | None:
    """Latency as one side measured it; None where a version has no measurement there."""
    data = histograms(contrast, side)
    if data is None:
        return None
    new, old, before = data
    if not new.any() or not old.any():
        return None
    least_of_side = (least or {}).get(side, 1.0)
    if not contrast.table.is_counted:
        # one number a bin is one thing seen, however many calls are assumed behind it
        a_bin = new.sum(axis=1)
        least_of_side = max(least_of_side, float(a_bin[a_bin > 0].mean()))
    test = latency_test(
        contrast.windows,
        new,
        old,
        before,
        lowest=contrast.table.lowest,
        floor_buckets=settings.latency_floor_buckets,
        floor_seconds=settings.latency_floor_seconds,
        fresh=fresh_calls(fresh, contrast.windows, new.sum(axis=1)),
        least=least_of_side,
    )
    latency = LatencyEvidence(side, Quantiles(*test.new_quantiles), Quantiles(*test.old_quantiles))
    evidence = _evidence(test, contrast, "calls", latency=latency)
    return SignalTest(
        "latency", side, contrast.counterpart, test.log_e, test.bad_windows, evidence
    )


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


@lru_cache(maxsize=16)
def _exemplars(contrast: Contrast, bad: str, *, new: bool) -> tuple[str, ...]:
    """Up to five traces of one version's rows, from windows with something bad, newest first;
    remembered, as each test of an edge shows them.
    """
    rows = contrast.new_rows if new else contrast.old_rows
    rows = rows[contrast.table.counts[rows, COUNTS.index(bad)] > 0]
    traces: list[str] = []
    for row in map(int, rows[::-1]):
        traces += [trace for trace in contrast.table.exemplars[row] if trace not in traces]
        if len(traces) >= 5:
            break
    return tuple(traces[:5])


def _moment(contrast: Contrast, *, first: bool) -> datetime | None:
    if not contrast.overlap:
        return None
    return datetime.fromtimestamp(int(contrast.windows[0 if first else -1]), UTC)
