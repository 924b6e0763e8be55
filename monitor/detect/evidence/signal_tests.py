"""The tests of each signal on contrasts of edges: rates of bad calls, and latency by side."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.latency import LatencyTest
from monitor.detect.evidence.latency_tests import Measured, latency_tests
from monitor.detect.evidence.rate_tests import Rates, RateTest, rate_tests
from monitor.detect.evidence.rates import (
    LEANS,
    exact_tail,
    lasting,
    surely_scattered,
)
from monitor.detect.evidence.scatter import dispersions, without_incidents
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
from monitor.model.judging import (
    Evidence,
    LatencyEvidence,
    Quantiles,
    RateEvidence,
    RateKind,
    Signal,
)

EXEMPLARS = 5
SHOWN = ("calls", *dict.fromkeys(bad for _, _, bad, _ in RATES))
"""Columns of which traces of the new version are shown."""


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
            _learn([(self, (bad, calls))])
        return self.scatter[bad, calls]

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
    _learn([(old, kind) for old in olds for kind in old.kinds()])


def _learn(asked: Sequence[tuple[OldCounts, tuple[str, str]]]) -> None:
    """Variance over mean of each kind of bad calls, without an incident before the deploy that was
    over.
    """
    places = [(COLUMN[bad], COLUMN[calls]) for _, (bad, calls) in asked]
    pasts = without_incidents(
        [
            (old.before[:, bad], old.before[:, calls])
            for (old, _), (bad, calls) in zip(asked, places, strict=True)
        ]
    )
    usual = [
        (
            np.concatenate([past[0], old.beside[:, bad]]),
            np.concatenate([past[1], old.beside[:, calls]]),
        )
        for past, (old, _), (bad, calls) in zip(pasts, asked, places, strict=True)
    ]
    for (old, kind), phi in zip(asked, dispersions(usual), strict=True):
        old.scatter[kind] = phi


def finite_exp(log_e: float) -> float:
    """exp, kept below infinity so that it can be stored as JSON."""
    return math.exp(min(log_e, 700.0))


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """A contrast to be tested. `least` and `least_of` are how much failures scatter at least, of
    all kinds and of each; `slower` are the tests of latency. `biased`: what traces tell is left
    out.
    """

    contrast: Contrast
    old: OldCounts
    least: float
    least_of: Mapping[str, float]
    slower: Sequence[SignalTest | None]
    biased: bool

    def rates(self, fresh: Shares) -> Iterator["_Rate"]:
        """Its rates that tell something, those of a cold start without the calls of `fresh`
        instances.
        """
        contrast = self.contrast
        for signal, kind, bad, calls in RATES:
            if self.biased and signal in FROM_TRACES:
                continue
            (k, s), (a, b) = contrast.column(bad), contrast.column(calls)
            if kind == "violated" and not (a.any() or b.any()):
                continue  # no contract here: no part of alpha is spent on it
            if kind == "provider_error" and not (k.any() or s.any()):
                # neither version has any: the e-value is one, whichever of them is the new one
                continue
            usual = self.least if kind in ("server_error", "provider_error", "timeout") else 1.0
            phi = max(self.old.surely(bad, calls), usual, self.least_of.get(kind, 1.0))
            every = Rates(contrast.windows, (k, a), (s, b), phi)
            warm = every
            if signal in WARM and fresh:
                aside = fresh_calls(fresh, contrast.windows, a).astype(np.int64)
                warm = replace(every, new=(np.maximum(k - aside, 0), a - aside))
            yield _Rate(self, signal, kind, bad, warm, every)


@dataclass(frozen=True, slots=True, eq=False)
class _Rate:
    """A rate to test by the calls of warm instances; `every` is that of fresh ones, too."""

    of: Tested
    signal: Signal
    kind: RateKind
    bad: str
    warm: Rates
    every: Rates


def signal_tests(
    several: Sequence[Tested], settings: JudgeSettings, fresh: Shares
) -> list[list[SignalTest]]:
    """Every signal's test on each of these contrasts."""
    floor = settings.floor_ratio
    asked = [rate for tested in several for rate in tested.rates(fresh)]
    tests = rate_tests([rate.warm for rate in asked], floor)
    again = [
        place
        for place, (rate, test) in enumerate(zip(asked, tests, strict=True))
        # warm instances lean the same way: then fresh ones count as well
        if rate.signal in WARM
        and test.log_e >= LEANS
        and lasting(rate.warm.windows, rate.warm.new, rate.warm.old, floor)
    ]
    for place, test in zip(
        again, rate_tests([asked[place].every for place in again], floor), strict=True
    ):
        tests[place] = test
    by_contrast: dict[int, list[SignalTest]] = {id(tested): [] for tested in several}
    for rate, test in zip(asked, tests, strict=True):
        contrast = rate.of.contrast
        evidence = _evidence(
            test, contrast, rate.bad, rate=RateEvidence(rate.kind, test.dispersion)
        )
        last_look = settings.deadline and contrast.counterpart is None and not test.over
        p = exact_tail(rate.warm.new, rate.warm.old, floor, rate.warm.phi) if last_look else 1.0
        by_contrast[id(rate.of)].append(
            SignalTest(
                rate.signal,
                rate.kind,
                contrast.counterpart,
                test.log_e,
                test.bad_windows,
                evidence,
                p,
            )
        )
    return [
        by_contrast[id(tested)]
        if tested.biased
        else [*by_contrast[id(tested)], *(test for test in tested.slower if test)]
        for tested in several
    ]


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
    first, last = _moments(contrast)
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
        first_window=first,
        last_window=last,
        exemplars=_exemplars(contrast, shown, new=True),
        old_exemplars=_exemplars(contrast, "calls", new=False),
        rate=rate,
        latency=latency,
    )


def _exemplars(contrast: Contrast, bad: str, *, new: bool) -> tuple[str, ...]:
    """Up to five traces of one version's rows, from windows with something bad, newest first; kept
    in `contrast.exemplars`, as each test of an edge shows them.
    """
    if (bad, new) not in contrast.exemplars:
        rows = contrast.new_rows if new else contrast.old_rows
        counted = contrast.table.counts[rows] > 0
        names = {bad, *SHOWN} if new else {bad}
        for name in names:
            shown = rows[counted[:, COLUMN[name]]]
            contrast.exemplars[name, new] = _newest(contrast, shown) if shown.size else ()
    return contrast.exemplars[bad, new]


def _newest(contrast: Contrast, rows: Ints) -> tuple[str, ...]:
    traces: list[str] = []
    for row in rows[::-1].tolist():
        traces += [trace for trace in contrast.table.exemplars[row] if trace not in traces]
        if len(traces) >= EXEMPLARS:
            break
    return tuple(traces[:EXEMPLARS])


def _moments(contrast: Contrast) -> tuple[datetime | None, datetime | None]:
    """The first and the last window in which the versions met."""
    if not contrast.overlap:
        return None, None
    first, last = int(contrast.windows[0]), int(contrast.windows[-1])
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)
