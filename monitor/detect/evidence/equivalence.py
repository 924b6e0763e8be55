"""Good enough to say pass: bounds that shut out a relevant harm; and what the data at hand could
have shown.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.distributions import beta_quantiles
from monitor.detect.evidence.rates import GRID, ratio_bounds
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Bounds

MORE_CALLS = 1e7
MANY_CALLS = 1000.0
"""So many more failing calls are a finding, however small a part of all they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Bad calls and calls of two versions: `new` and `old` by stratum, `alone` the new version's
    sums over all windows since the deploy.

    `phi`: variance over mean from window to window; `beside`: that of the split between the
    versions, where it is known to be less.
    """

    new: tuple[Ints, Ints]
    old: tuple[Ints, Ints]
    alone: tuple[int, int]
    phi: float
    beside: float | None = None


def bounds(
    new: tuple[Ints, Ints],
    old: tuple[Ints, Ints],
    alone: tuple[int, int],
    alpha: float,
    phi: float,
    floor_difference: float,
    beside: float | None = None,
) -> Bounds:
    """Of one comparison, as `bounds_of` has it."""
    return bounds_of([Compared(new, old, alone, phi, beside)], alpha, floor_difference)[0]


def bounds_of(several: Sequence[Compared], alpha: float, floor_difference: float) -> list[Bounds]:
    """The bounds of each of these comparisons; hardly more calls of numpy than for one.

    Rates are standardised over strata (Mantel-Haenszel weights), so a ramp does not confound; the
    difference's bound combines Clopper and Pearson's limits at effective sizes.
    """
    if not several:
        return []
    met = _met(several)
    rates = [of.alone[0] / max(of.alone[1], 1) for of in several]
    sizes = [of.alone[1] / of.phi for of in several]
    own_highs = beta_quantiles(
        1.0 - alpha / 2,
        [rate * size + 1.0 for rate, size in zip(rates, sizes, strict=True)],
        [size - rate * size for rate, size in zip(rates, sizes, strict=True)],
    )
    highs = iter(
        difference_bounds(
            [
                (
                    strata.new[0],
                    strata.new[1] / strata.phi,
                    strata.old[0],
                    strata.old[1] / strata.phi,
                )
                for strata in met
                if strata
            ],
            alpha / 2,
        )
    )
    wanted = _sizes_needed(
        [
            size
            for strata, rate in zip(met, rates, strict=True)
            for size in (
                (rate, 0.0, 1.0),
                *(
                    [(strata.new[0], strata.old[0], strata.old[1] / strata.new[1])]
                    if strata
                    else []
                ),
            )
        ],
        alpha / 2,
        floor_difference,
    )
    out: list[Bounds] = []
    for of, strata, size, own_high in zip(several, met, sizes, own_highs, strict=True):
        calls, high = of.alone[1], own_high if of.alone[1] else 1.0
        by_itself = next(wanted)
        if strata is None:
            needed = None if by_itself is None else by_itself * of.phi
            out.append(Bounds(None, high, float(calls), needed))
            continue
        in_strata = next(wanted)
        needs = [
            each * calls_per_size
            for each, calls_per_size in (
                (in_strata, strata.phi * strata.calls / strata.new[1]),
                (by_itself, calls / size if size else strata.phi),
            )
            if each is not None
        ]
        out.append(
            Bounds(
                strata.ratio_high(alpha),
                min(next(highs), high),
                float(calls),
                min(needs, default=None),
            )
        )
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """The strata in which both versions had calls: their standardised rates, each with its
    effective size, and calls of the new version.
    """

    k: Floats
    a: Floats
    s: Floats
    b: Floats
    new: tuple[float, float]
    old: tuple[float, float]
    calls: float
    phi: float

    def ratio_high(self, alpha: float) -> float | None:
        """Upper bound of the ratio of rates; None without a bad call."""
        some = self.k + self.s > 0
        if not some.any():
            return None
        k, a, s, b = self.k[some], self.a[some], self.s[some], self.b[some]
        return ratio_bounds(k, s, a / (a + b), self.phi, 1.0 - alpha)[2]


def _met(several: Sequence[Compared]) -> list[_Met | None]:
    """None where the versions never met."""
    k, a, s, b = (
        np.concatenate(column).astype(float)
        for column in zip(*((*of.new, *of.old) for of in several), strict=True)
    )
    used = (a > 0) & (b > 0)
    ends = np.concatenate([[0], np.cumsum(used)])[
        np.cumsum([0, *(of.new[0].size for of in several)])
    ].tolist()
    k, a, s, b = k[used], a[used], s[used], b[used]
    weight = a * b / (a + b)
    columns = (weight, weight * (k / a), weight**2 / a, weight * (s / b), weight**2 / b, a)
    out: list[_Met | None] = []
    for of, (first, end) in zip(several, pairwise(ends), strict=True):
        if first == end:
            out.append(None)
            continue
        part = slice(first, end)
        # one by one, as the last digit of a sum depends on what it is summed with
        total, new, new_spread, old, old_spread, calls = (
            float(np.add.reduce(column[part])) for column in columns
        )
        square = total**2
        out.append(
            _Met(
                k[part],
                a[part],
                s[part],
                b[part],
                (new / total, square / new_spread),
                (old / total, square / old_spread),
                calls,
                of.phi if of.beside is None else min(of.phi, of.beside),
            )
        )
    return out


def is_slight(
    new: tuple[float, float], old: tuple[float, float], settings: JudgeSettings, phi: float = 1.0
) -> bool:
    """Whether (bad, calls) of the new version are surely no more above the old one's than a pass
    takes for harmless, and no large number either: then they are no finding.

    Bound as that of a pass: one-sided, at half of its error.
    """
    (k, a), (s, b) = new, old
    if not a or not b or k - a * s / b >= MANY_CALLS:
        return False
    high = difference_bound(k / a, a / phi, s / b, b / phi, settings.equivalence_alpha / 2)
    return high < settings.floor_difference


def difference_bound(
    new_rate: float, new_size: float, old_rate: float, old_size: float, alpha: float
) -> float:
    """Upper bound of new minus old: the exact bound where the old side has nothing bad, else the
    score-like root of squares (MOVER, Newcombe 1998).
    """
    return difference_bounds([(new_rate, new_size, old_rate, old_size)], alpha)[0]


def difference_bounds(
    sides: Sequence[tuple[float, float, float, float]], alpha: float
) -> list[float]:
    """The same of many: rate and size of the new, rate and size of the old one."""
    new_highs = beta_quantiles(
        1.0 - alpha,
        [rate * size + 1.0 for rate, size, _, _ in sides],
        [size - rate * size for rate, size, _, _ in sides],
    )
    old_lows = beta_quantiles(
        alpha,
        [rate * size for _, _, rate, size in sides],
        [size - rate * size + 1.0 for _, _, rate, size in sides],
    )
    return [
        new_rate - old_rate + math.hypot(high - new_rate, old_rate - low)
        for (new_rate, _, old_rate, _), high, low in zip(sides, new_highs, old_lows, strict=True)
    ]


def minimum_detectable_ratio(
    calls_new: float, calls_old: float, rate: float, floor_ratio: float, alpha: float, family: int
) -> float | None:
    """The smallest ratio of rates whose expected evidence reaches e-BH's bar for one edge of
    `family`; None if none below certain failure does.
    """
    if calls_new <= 0 or calls_old <= 0:
        return None
    rate = min(max(rate, 0.5 / (calls_old + 1.0)), 1.0)
    share = calls_new / (calls_new + calls_old)
    bar = math.log(max(family, 1) / alpha) + math.log(GRID.size)
    ratios = floor_ratio * GRID
    p1 = ratios * share / (ratios * share + 1.0 - share)
    p0 = floor_ratio * share / (floor_ratio * share + 1.0 - share)
    gain = calls_new * np.minimum(rate * ratios, 1.0) * np.log(
        p1 / p0
    ) + calls_old * rate * np.log((1.0 - p1) / (1.0 - p0))
    enough = (gain >= bar) & (rate * ratios <= 1.0 + rate)
    return float(ratios[enough][0]) if enough.any() else None


def standardised(rates: Floats, calls: Floats, weight: Floats) -> tuple[float, float]:
    """Weighted rate and the number of calls a plain sample of equal variance would have."""
    total = float(weight.sum())
    return float((weight * rates).sum()) / total, total**2 / float((weight**2 / calls).sum())


def _sizes_needed(
    asked: Sequence[tuple[float, float, float]], alpha: float, floor_difference: float
) -> Iterator[float | None]:
    """Calls of a plain sample that would shut out harm, of each (new rate, old rate, old size over
    new size); None where no number below MORE_CALLS does.
    """
    # most kinds have no bad call on any edge: then many ask the same
    distinct = list(dict.fromkeys(asked))

    def are_enough(which: Sequence[int], sizes: Sequence[float]) -> list[bool]:
        sides = [
            (new_rate, size, old_rate, size * balance)
            for (new_rate, old_rate, balance), size in zip(
                (distinct[place] for place in which), sizes, strict=True
            )
        ]
        return [high < floor_difference for high in difference_bounds(sides, alpha)]

    every = range(len(distinct))
    most = are_enough(every, [MORE_CALLS] * len(distinct))
    open_still = [place for place in every if most[place]]
    low, high = dict.fromkeys(open_still, 10.0), dict.fromkeys(open_still, MORE_CALLS)
    while open_still := [place for place in open_still if high[place] / low[place] > 1.05]:
        middles = [math.sqrt(low[place] * high[place]) for place in open_still]
        enough = are_enough(open_still, middles)
        for place, middle, is_enough in zip(open_still, middles, enough, strict=True):
            (high if is_enough else low)[place] = middle
    places = {each: place for place, each in enumerate(distinct)}
    return (high.get(places[each]) for each in asked)
