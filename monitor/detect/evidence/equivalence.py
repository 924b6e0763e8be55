"""Good enough to say pass: bounds that shut out a relevant harm; and what the data at hand could
have shown.
"""

import math
from functools import lru_cache

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.distributions import beta_quantile
from monitor.detect.evidence.rates import GRID, ratio_bounds
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Bounds

MORE_CALLS = 1e7
MANY_CALLS = 1000.0
"""So many more failing calls are a finding, however small a part of all they are."""


def bounds(
    new: tuple[Ints, Ints],
    old: tuple[Ints, Ints],
    alone: tuple[int, int],
    alpha: float,
    phi: float,
    floor_difference: float,
    beside: float | None = None,
) -> Bounds:
    """`new` and `old` are (bad, calls) per stratum, `alone` the new version's sums over all
    windows since the deploy.

    Rates are standardised over strata (Mantel-Haenszel weights), so a ramp does not confound; the
    difference's bound combines Clopper and Pearson's limits at effective sizes. `phi`: variance
    over mean from window to window; `beside`: that of the split between the versions, where it is
    known to be less.
    """
    (k, a), (s, b) = (
        (new[0].astype(float), new[1].astype(float)),
        (old[0].astype(float), old[1].astype(float)),
    )
    used = (a > 0) & (b > 0)
    rate, size = alone[0] / max(alone[1], 1), alone[1] / phi
    own_high = (
        beta_quantile(1.0 - alpha / 2, rate * size + 1.0, size - rate * size) if alone[1] else 1.0
    )
    if not used.any():
        return Bounds(
            None,
            own_high,
            float(alone[1]),
            _needed(rate, 0.0, 1.0, phi, alpha / 2, floor_difference),
        )
    phi = phi if beside is None else min(phi, beside)
    k, a, s, b = k[used], a[used], s[used], b[used]
    weight = a * b / (a + b)
    new_rate, new_size = standardised(k / a, a, weight)
    old_rate, old_size = standardised(s / b, b, weight)
    high = difference_bound(new_rate, new_size / phi, old_rate, old_size / phi, alpha / 2)
    some = k + s > 0
    ratio_high = (
        ratio_bounds(k[some], s[some], a[some] / (a[some] + b[some]), phi, 1.0 - alpha)[2]
        if some.any()
        else None
    )
    in_strata = _needed(
        new_rate,
        old_rate,
        old_size / new_size,
        phi * float(a.sum()) / new_size,
        alpha / 2,
        floor_difference,
    )
    by_itself = _needed(
        rate, 0.0, 1.0, alone[1] / size if size else phi, alpha / 2, floor_difference
    )
    return Bounds(
        ratio_high,
        min(high, own_high),
        float(alone[1]),
        min((n for n in (in_strata, by_itself) if n is not None), default=None),
    )


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
    new_high = beta_quantile(
        1.0 - alpha, new_rate * new_size + 1.0, new_size - new_rate * new_size
    )
    old_low = beta_quantile(alpha, old_rate * old_size, old_size - old_rate * old_size + 1.0)
    return new_rate - old_rate + math.hypot(new_high - new_rate, old_rate - old_low)


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


def _needed(
    new_rate: float,
    old_rate: float,
    balance: float,
    calls_per_size: float,
    alpha: float,
    floor_difference: float,
) -> float | None:
    size = _size_needed(new_rate, old_rate, balance, alpha, floor_difference)
    return None if size is None else size * calls_per_size


@lru_cache(maxsize=64)
def _size_needed(
    new_rate: float, old_rate: float, balance: float, alpha: float, floor_difference: float
) -> float | None:
    """Calls of a plain sample; remembered, as most kinds have no bad call on any edge."""
    low, high = 10.0, MORE_CALLS
    if difference_bound(new_rate, high, old_rate, high * balance, alpha) >= floor_difference:
        return None
    while high / low > 1.05:
        middle = math.sqrt(low * high)
        if (
            difference_bound(new_rate, middle, old_rate, middle * balance, alpha)
            < floor_difference
        ):
            high = middle
        else:
            low = middle
    return high
