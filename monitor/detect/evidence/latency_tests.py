"""The latency of many edges' sides tested in one go: hardly more calls of numpy than for one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, once, runs, summed
from monitor.detect.evidence.distributions import log_mean_exp, log_mean_exps
from monitor.detect.evidence.latency import (
    REMEMBERED,
    LatencyTest,
    Quantiles,
    above,
    above_bounds,
    beneath,
    log_ratios,
    three,
)
from monitor.detect.evidence.rates import LEANS, lasting, ratio_bounds
from monitor.detect.evidence.scatter import dispersions


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one side of an edge measured: `new`, `old`: strata x buckets (`lowest` first), in time
    order; `before`: the old version's windows before the deploy.

    `fresh`: the new version's calls per stratum set aside; `least`: the least dispersion, as
    instances differ.
    """

    windows: Ints
    new: Floats
    old: Floats
    before: Floats
    lowest: int
    fresh: Floats
    least: float = 1.0


def latency_tests(
    sides: Sequence[Measured], floor_buckets: int, floor_seconds: float
) -> list[LatencyTest]:
    """The test of each side."""
    if not sides:
        return []
    strata = _Strata.of(sides)
    bounds = _bounds(strata, floor_buckets, floor_seconds)
    log_es = iter(_log_es([bound for of_side in bounds for bound in of_side if bound]))
    logs = [
        _logs(side, strata.totals(place), of_side, log_es)
        for place, (side, of_side) in enumerate(zip(sides, bounds, strict=True))
    ]
    return [
        _test(side, *told)
        for side, *told in zip(
            sides,
            strata.distinct.tolist(),
            strata.quantiles(),
            bounds,
            logs,
            log_mean_exps(np.array(logs)).tolist(),
            strict=True,
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The strata of all sides, one side after the other; `cuts`: where each side's begin.

    `past`: what the old version measured before each moment, `moment` each stratum's among them.
    `a`: calls of warm instances. `distinct`: how many windows each side has. `usual`: calls of the old version's windows before the deploy
    that had any, above each column and all; `usual_cuts`: where each side's begin.
    """

    sides: Sequence[Measured]
    cuts: Ints
    lowest: int
    new: Floats
    old: Floats
    calls: Floats
    b: Floats
    aside: Floats
    a: Floats
    past: Floats
    moment: Ints
    usual: tuple[Floats, Ints]
    usual_cuts: Ints
    distinct: Ints
    before: Floats
    before_cuts: Ints

    @classmethod
    def of(cls, sides: Sequence[Measured]) -> "_Strata":
        lowest = min(side.lowest for side in sides)
        width = max(side.lowest + side.new.shape[1] for side in sides) - lowest
        lows = [side.lowest - lowest for side in sides]
        new, old, before = (
            beneath([getattr(side, name) for side in sides], lows, width)
            for name in ("new", "old", "before")
        )
        cuts = _cuts([side.windows.size for side in sides])
        windows = np.concatenate([side.windows for side in sides])
        past, moment, distinct = _pasts(sides, windows, cuts, old, before)
        calls = new.sum(axis=1)
        aside = np.concatenate([side.fresh for side in sides])
        calls_before = before.sum(axis=1)
        busy = calls_before > 0
        of_side = _cuts([side.before.shape[0] for side in sides])
        return cls(
            sides,
            cuts,
            lowest,
            new,
            old,
            calls,
            old.sum(axis=1),
            aside,
            calls - aside,
            past,
            moment,
            (above(before[busy]), calls_before[busy].astype(np.int64)),
            np.concatenate([[0], np.cumsum(busy)])[of_side],
            distinct,
            before,
            of_side,
        )

    def quantiles(self) -> list[tuple[Quantiles, Quantiles]]:
        """Of each side, those of the new version, and of the old one since and before."""
        new, old, before = (
            summed(rows, np.repeat(np.arange(len(self.sides)), np.diff(cuts)), len(self.sides))
            for rows, cuts in (
                (self.new, self.cuts),
                (self.old, self.cuts),
                (self.before, self.before_cuts),
            )
        )
        return [
            (three(ours, self.lowest), three(theirs, self.lowest))
            for ours, theirs in zip(new, old + before, strict=True)
        ]

    def part(self, place: int) -> slice:
        """Where the strata of one side are."""
        return slice(int(self.cuts[place]), int(self.cuts[place + 1]))

    def totals(self, place: int) -> tuple[Floats, Floats]:
        """Of one side, the calls of the new and of the old version, by stratum."""
        return self.calls[self.part(place)], self.b[self.part(place)]

    def usual_at(self, place: int, column: int) -> tuple[Ints, Ints]:
        """Of one side, by window before the deploy: calls above a column, and all."""
        rows = slice(int(self.usual_cuts[place]), int(self.usual_cuts[place + 1]))
        return self.usual[0][rows, column].astype(np.int64), self.usual[1][rows]


def _cuts(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _pasts(
    sides: Sequence[Measured], windows: Ints, cuts: Ints, old: Floats, before: Floats
) -> tuple[Floats, Ints, Ints]:
    """The old version's histogram over windows strictly before each window of a side (the last
    REMEMBERED of them); each stratum's place among these; and how many windows each side has.
    """
    span = int(windows.max(initial=0)) + 1
    side = np.repeat(np.arange(len(sides)), np.diff(cuts))
    moments, moment = runs(side * span + windows)
    per_window = summed(old, moment, moments.size)
    # of each side its windows before the deploy, and then those since
    distinct = np.bincount(moments // span, minlength=len(sides))
    since = _cuts(distinct.tolist())
    ends_before = _cuts([measured.before.shape[0] for measured in sides])
    order = [
        rows
        for place in range(len(sides))
        for rows in (
            before[ends_before[place] : ends_before[place + 1]],
            per_window[since[place] : since[place + 1]],
        )
    ]
    line = np.concatenate([np.zeros((1, old.shape[1])), np.cumsum(np.concatenate(order), axis=0)])
    of_moment = moments // span
    begins = (ends_before + since)[of_moment]
    ends = ends_before[of_moment + 1] + np.arange(moments.size)
    return line[ends] - line[np.maximum(ends - REMEMBERED, begins)], moment, distinct


@dataclass(slots=True, eq=False)
class _Bound:
    """One threshold of one side: the strata `used`, those whose past is long `enough`, the share
    of earlier calls above it, calls above it of the new and the old version, by stratum.

    `warm`: of the strata used, calls of warm instances above it and all, and the old version's;
    `phi`: how much such calls scatter.
    """

    used: Bools
    enough: Bools
    rate: Floats
    above: Floats
    old_above: Floats
    warm: tuple[Floats, Floats, Floats, Floats]
    phi: float = 1.0


def _bounds(
    strata: _Strata, floor_buckets: int, floor_seconds: float
) -> list[list[_Bound | None]]:
    """Of each side its thresholds; None where no stratum has a past that is long enough."""
    floors = strata.lowest, floor_buckets, floor_seconds
    both = (strata.a > 0) & (strata.b > 0)
    every: list[list[_Bound | None]] = [[] for _ in strata.sides]
    usual: list[tuple[Ints, Ints]] = []
    for at, enough, rate, new_above, s in above_bounds(
        strata.past, strata.moment, strata.new, strata.old, floors
    ):
        used = both & enough
        k = np.maximum(new_above - strata.aside, 0.0)[used]
        a, of_old, b, column = strata.a[used], s[used], strata.b[used], at[used]
        ends = np.concatenate([[0], np.cumsum(used)])[strata.cuts].tolist()
        for place, (first, end) in enumerate(pairwise(ends)):
            if first == end:
                every[place].append(None)
                continue
            part, chosen = strata.part(place), slice(first, end)
            usual.append(strata.usual_at(place, _middle(column[chosen])))
            warm = k[chosen], a[chosen], of_old[chosen], b[chosen]
            every[place].append(
                _Bound(used[part], enough[part], rate[part], new_above[part], s[part], warm)
            )
    # in the order in which they were asked for: threshold by threshold
    phis = iter(dispersions(usual))
    for of_sides in zip(*every, strict=True):
        for side, bound in zip(strata.sides, of_sides, strict=True):
            if bound:
                bound.phi = max(next(phis), side.least)
    return every


def _logs(
    side: Measured,
    totals: tuple[Floats, Floats],
    bounds: Sequence[_Bound | None],
    logs_of: Iterator[float],
) -> list[float]:
    """Of each threshold of one side the log of the e-value. `totals`: calls of the new and of the
    old version, by stratum; `logs_of` gives those of warm instances.
    """
    windows, (calls, b) = side.windows, totals
    logs: list[float] = []
    for bound in bounds:
        if bound is None:
            logs.append(0.0)
            continue
        log_e, (k, a, s, of_old), phi = next(logs_of), bound.warm, bound.phi
        # whether it lasts matters only where there is something
        if log_e > 0.0 and not lasting(windows[bound.used], (k, a), (s, of_old), 1.0):
            log_e = 0.0
        elif log_e >= LEANS:  # the warm ones are slower, too: then fresh ones count as well
            every = (calls > 0) & (b > 0) & bound.enough
            fresh_too = _log_e(
                bound.above[every] / phi,
                calls[every] / phi,
                bound.old_above[every] / phi,
                b[every] / phi,
                bound.rate[every],
            )
            log_e = max(log_e, fresh_too)
        logs.append(log_e)
    return logs


def _test(
    side: Measured,
    distinct: int,
    quantiles: tuple[Quantiles, Quantiles],
    bounds: Sequence[_Bound | None],
    logs: Sequence[float],
    mixed: float,
) -> LatencyTest:
    """The test of one side, shown by the threshold that tells most. `distinct`: its windows;
    `mixed`: the log of the mean of what its thresholds tell.
    """
    shown: _Bound | None = None
    for place, bound in enumerate(bounds):
        if bound and (shown is None or logs[place] >= max(logs[:place])):
            shown = bound
    if shown is None:
        return LatencyTest(distinct, 0, 0, 0, 0, 0, 0.0, None, None, None, *quantiles)
    k, a, s, b = shown.warm
    some = k + s > 0
    interval = (
        ratio_bounds(k[some], s[some], a[some] / (a[some] + b[some]), 1.0, 0.99)
        if some.any()
        else (None, None, None)
    )
    bad_windows = int(once(side.windows[shown.used][k > 0]).size)
    sums4 = (int(a.sum()), int(k.sum()), int(b.sum()), int(s.sum()))
    return LatencyTest(distinct, bad_windows, *sums4, mixed, *interval, *quantiles)


def _middle(places: Ints) -> int:
    """The whole part of the median."""
    ordered = np.sort(places)
    return int(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) // 2


def _log_e(k: Floats, a: Floats, s: Floats, b: Floats, rate: Floats) -> float:
    logs = log_ratios(k, a, s, b, rate)
    return log_mean_exp(np.asarray(logs.sum(axis=1), dtype=np.float64))


def _log_es(bounds: Sequence[_Bound]) -> list[float]:
    """The same of warm instances at each of these thresholds, in one go."""
    if not bounds:
        return []
    columns = (
        (*(of / bound.phi for of in bound.warm), bound.rate[bound.used]) for bound in bounds
    )
    logs = log_ratios(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    ends = np.cumsum([bound.warm[0].size for bound in bounds]).tolist()
    sums = np.empty((len(bounds), logs.shape[0]))
    for row, (begin, end) in enumerate(pairwise([0, *ends])):
        np.add.reduce(logs[:, begin:end], axis=1, out=sums[row])
    return [float(log_e) for log_e in log_mean_exps(sums)]
