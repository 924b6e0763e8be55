"""Bad calls of the new version against the old one's in the same strata: e-process, bounds, one
exact test.

Given a stratum's total of bad calls k and the new version's share f of its calls, the new
version's part is Binomial(k, tf / (tf + 1 - f)) where t is the ratio of the rates (exact for rare
events; for frequent ones the true law is narrower, so that the e-value stays one). Product over
strata of likelihood ratios against the floor t0, averaged over a grid of t: a non-negative
supermartingale whenever the true ratio is at most t0, whatever the time does to both versions
alike, and valid under peeking (Ville). Howard et al., arXiv 1810.08240; Lindon and Malek, arXiv
2011.03567.
"""

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import scipy

from monitor.detect.arrays import Bools, Floats, Ints, once
from monitor.detect.evidence.distributions import (
    binomial_pmf,
    log_mean_exp,
    normal_quantile,
    normal_tail,
)

GRID = np.exp(np.linspace(np.log(1.05), np.log(400.0), 48))
PRIOR = GRID**-0.5 / np.sum(GRID**-0.5)
"""More weight on small ratios: a hundredfold rise shows itself at once, a threefold one needs the
help.
"""
TREBLES, SPREAD = 2.4, 0.5
_BELL = np.exp(-0.5 * (np.log(GRID / TREBLES) / SPREAD) ** 2)
EXPECTED = 0.5 * PRIOR + 0.5 * _BELL / np.sum(_BELL)
"""Half of the weight lies around a rate that trebles (2.4 times the floor, log-sd .5), where
evidence is scarce; what grows tenfold shows itself a bad call later.
"""
RATIOS = np.exp(np.linspace(np.log(1e-2), np.log(1e3), 180))
"""Ratios of rates among which bounds are sought."""
EXACT_UP_TO = 4000
SHOWN = 4.0
"""So many bad calls must be expected before their absence says something."""
LEANS = float(np.log(10.0))
"""From here on one comparison agrees with another, though it would not do alone."""
BURSTY = 1.1
SHRINK = 8.0
"""Windows of plain chance that a measured dispersion is averaged with: of twelve windows alone it
is off by half either way.
"""
INCIDENT_TIMES, INCIDENT_SPREADS = 3.0, 4.0
"""A window is of an incident when so many times as much is bad as usual, and so many standard
deviations more.
"""
ONE_INCIDENT = 0.8
"""So much of all that is bad beyond the usual must lie in one stretch: what comes again and again
is how the calls are.
"""
RECURS, HALF = 3, 0.5
"""So many peaks in a past, of which none is more than so large a part of all that is bad beyond the
usual, come again and again.
"""
MOST_OF_PAST = 0.25
UNLIKELY = 0.1
REST = 8
"""Windows that must be left beside an incident to tell what is usual."""


def dispersion(bad: Ints, calls: Ints) -> float:
    """Variance over mean of bad calls per window, at least 1, from the old version's windows,
    before the deploy and since.

    From differences of neighbouring windows (von Neumann), so that a slow drift does not count; a
    burst does. Shrunk to 1 while there are few windows.
    """
    if bad.size < 4 or not bad.any():
        return 1.0
    return _dispersion(bad.astype(np.int64).tobytes(), calls.astype(np.int64).tobytes())


@lru_cache(maxsize=256)
def _dispersion(bad_windows: bytes, call_windows: bytes) -> float:
    """Remembered: the same windows are asked for by tests, bounds, pools and steps of one edge."""
    bad, calls = (np.frombuffer(part, dtype=np.int64) for part in (bad_windows, call_windows))
    total = int(calls.sum())
    if total == 0 or bad.sum() == 0:
        return 1.0
    rate = bad / np.maximum(calls, 1)
    step = np.diff(rate)
    pooled = float(bad.sum()) / total
    expected = (
        pooled
        * max(1.0 - pooled, 1e-6)
        * (1.0 / np.maximum(calls[1:], 1) + 1.0 / np.maximum(calls[:-1], 1))
    )
    ratio = float(np.sum(step**2 / expected))
    return max(1.0, (ratio + SHRINK) / (step.size + SHRINK))


def surely_scattered(dispersion: float, windows: int) -> float:
    """A measured dispersion less half of its standard error, at least 1: plain chance is over 1 in
    half of all measurements, and would cost power for nothing.

    Of differences of neighbours the relative variance is 3 / n.
    """
    return max(1.0, dispersion * (1.0 - 0.5 * math.sqrt(3.0 / (windows + SHRINK))))


def without_incident(bad: Ints, calls: Ints) -> tuple[Ints, Ints]:
    """(bad, calls) per window of a past, without the one incident that came and went in it: it
    says nothing of how bad calls scatter.

    All of it where nothing stands out, where it stands out more than once, or where it goes on to
    the end.
    """
    if not bad.any():
        return bad, calls
    kept = ~in_incident(bad, calls)
    return bad[kept], calls[kept]


def without_peaks(bad: Ints, calls: Ints) -> tuple[Ints, Ints]:
    """(bad, calls) of those windows of a past that do not stand out, however often it happened,
    and also where it goes on to the end.
    """
    high, _ = _peaks(bad, calls)
    return bad[~high], calls[~high]


def without_rare_peaks(bad: Ints, calls: Ints) -> tuple[Ints, Ints]:
    """The same, but all of a past whose peaks come again and again: that is how its calls are, and
    what comes after it is to be held against such a past, with its own peaks.
    """
    high, usual = _peaks(bad, calls)
    beyond = [float((bad - usual)[stretch].sum()) for stretch in _stretches(high)]
    if len(beyond) >= RECURS and max(beyond) <= HALF * sum(beyond):
        return bad, calls
    return bad[~high], calls[~high]


def _stretches(high: Bools) -> list[Ints]:
    """The places of windows that stand out, by stretch; a window in between may look well."""
    places = np.flatnonzero(high)
    cuts = (np.flatnonzero(np.diff(places) > 2) + 1).tolist()
    return [places[first:end] for first, end in pairwise([0, *cuts, places.size])]


def _peaks(bad: Ints, calls: Ints) -> tuple[Bools, Floats]:
    """Windows that stand out from most of their past, and how many bad calls are usual in each;
    none where that cannot be told.
    """
    order = np.argsort(bad / np.maximum(calls, 1), kind="stable")
    low = order[: max(REST, int(bad.size * (1.0 - MOST_OF_PAST)))]
    if bad.size <= REST or not calls[low].sum():
        return np.zeros(bad.size, dtype=bool), np.zeros(bad.size)
    usual: Floats = (calls * (float(bad[low].sum()) + 0.5) / float(calls[low].sum())).astype(
        np.float64
    )
    high: Bools = (bad > INCIDENT_TIMES * usual) & (
        bad > usual + INCIDENT_SPREADS * np.sqrt(usual) + 1.0
    )
    return high, usual


def in_incident(bad: Ints, calls: Ints) -> Bools:
    nothing = np.zeros(bad.size, dtype=bool)
    if not (bad > 1).any():  # no peak has fewer
        return nothing
    high, usual = _peaks(bad, calls)
    places = np.flatnonzero(high)
    if not places.size or high[-1]:
        return nothing
    stretches = _stretches(high)
    beyond = [float((bad - usual)[stretch].sum()) for stretch in stretches]
    worst = stretches[int(np.argmax(beyond))]
    length = int(worst[-1] - worst[0]) + 1
    if (
        max(beyond) < ONE_INCIDENT * sum(beyond)
        or length > MOST_OF_PAST * bad.size
        or bad.size - length < REST
    ):
        return nothing
    nothing[worst[0] : worst[-1] + 1] = True
    return nothing


def log_e_of_rates(
    k: Floats, s: Floats, share: Floats, floor_ratio: float, prior: Floats = PRIOR
) -> float:
    """Log of the e-value for `k` of the new version's and `s` of the old one's, by stratum, where
    the new one has that share of the calls; `prior`: weights of GRID.
    """
    for_new, for_old = log_ratios(share, floor_ratio)
    return log_mean_exp(np.asarray(for_new @ k + for_old @ s, dtype=np.float64), prior)


def log_ratios(share: Floats, floor_ratio: float) -> tuple[Floats, Floats]:
    """GRID x strata: the log of the likelihood ratio of one bad call of the new version, which has
    that share of the calls, and of one of the old version.
    """
    theta = floor_ratio * GRID[:, None]
    p1 = theta * share / (theta * share + 1.0 - share)
    p0 = floor_ratio * share / (floor_ratio * share + 1.0 - share)
    return np.log(p1 / p0), np.log((1.0 - p1) / (1.0 - p0))


def between(bad: Ints, calls: Ints, fewest: int = 3) -> float:
    """Variance over mean of bad calls between instances of one version, at least 1: what one
    instance more may differ by without cause.

    Shrunk to 1 while there are few instances, and 1 below the `fewest`.
    """
    total, served = float(bad.sum()), calls > 0
    if int(served.sum()) < fewest or total == 0:
        return 1.0
    rate = total / float(calls.sum())
    expected = calls[served] * rate * max(1.0 - rate, 1e-6)
    chi = float(np.sum((bad[served] - calls[served] * rate) ** 2 / expected))
    return max(1.0, (chi + 2.0) / (int(served.sum()) + 1.0))


def between_versions(new: tuple[Ints, Ints], old: tuple[Ints, Ints]) -> float | None:
    """How much the split of bad calls between two versions scatters from window to window, beyond
    chance: at most so much, at 90 %; None of few windows.

    What hits both at a time does not count, however often it comes: they are compared within the
    window. (bad, calls) per stratum.
    """
    (k, a), (s, b) = new, old
    used = (a > 0) & (b > 0) & (k + s > 0)
    if int(used.sum()) < REST:
        return None
    k, a, s, b = (column[used].astype(float) for column in (k, a, s, b))
    ratio = (float((k * b / (a + b)).sum()) + 0.5) / (float((s * a / (a + b)).sum()) + 0.5)
    p = ratio * a / (ratio * a + b)
    chi = float(((k - p * (k + s)) ** 2 / np.maximum(p * (1.0 - p) * (k + s), 1e-9)).sum())
    return max(1.0, chi / float(2.0 * scipy.special.gammaincinv(k.size / 2.0, UNLIKELY)))


def gone_away(
    windows: Ints,
    new: tuple[Ints | Floats, Ints | Floats],
    old: tuple[Ints | Floats, Ints | Floats],
    ratio: float,
) -> bool:
    """Whether in the later half of the windows the new version is no worse than `ratio` times the
    old one, or a third of what it was, where it would have shown.

    What a fresh instance does in its first minute is no harm of its version. (bad, calls) per
    stratum, in time order.
    """
    (k, a), (s, b) = new, old
    distinct = once(windows)
    if distinct.size < 2 or not a.sum():
        return False
    late = windows >= distinct[-max(1, distinct.size // 2)]
    expected = float(a[late].sum()) * float(k.sum()) / float(a.sum())
    if expected < SHOWN:
        return False
    usual = (s[late].sum() + 0.5) / (b[late].sum() + 1.0)
    return bool(k[late].sum() / a[late].sum() <= max(ratio * usual, k.sum() / a.sum() / 3.0))


def lasting(
    windows: Ints,
    new: tuple[Ints | Floats, Ints | Floats],
    old: tuple[Ints | Floats, Ints | Floats],
    ratio: float,
) -> bool:
    """Whether the later half of two windows or more shows the harm as well, and does not show that
    it went away.
    """
    (k, a), (s, b) = new, old
    met = (a > 0) & (b > 0)
    distinct = once(windows[met])
    if distinct.size < 2:
        return False
    late = met & (windows >= distinct[-(distinct.size // 2)])
    return bool(k[late].sum() >= SHOWN) and not gone_away(
        windows[met], (k[met], a[met]), (s[met], b[met]), ratio
    )


def ratio_bounds(
    k: Floats, s: Floats, share: Floats, phi: float, confidence: float
) -> tuple[float | None, float | None, float | None]:
    """Mantel-Haenszel ratio of rates with bounds by inverting the conditional score test, its
    variance times phi.

    The upper bound is None (unbounded) when nothing was bad on the old side; the ratio too.
    """
    total = k + s
    up, down = float(np.sum(k * (1.0 - share))), float(np.sum(s * share))
    ratio = up / down if down > 0 else None
    times = RATIOS[:, None] * share
    p = times / (times + 1.0 - share)
    mean, variance = p @ total, (p * (1.0 - p)) @ total * phi
    sd = np.sqrt(np.maximum(variance, 1e-12))
    z = normal_quantile(confidence)
    seen = float(k.sum())
    low = RATIOS[(seen - 0.5 - mean) / sd >= z]
    high = RATIOS[(seen + 0.5 - mean) / sd <= -z]
    return (
        ratio,
        (float(low[-1]) if low.size else 0.0),
        (float(high[0]) if high.size and ratio is not None else None),
    )


def exact_tail(
    new: tuple[Ints, Ints], old: tuple[Ints, Ints], floor_ratio: float, phi: float = 1.0
) -> float:
    """P(at least so many of the bad calls fall to the new version) at ratio `floor_ratio`: one
    look, at a deadline.

    Exact by convolution over strata; normal with continuity correction where bad calls come in
    bursts (variance times phi) or are more than 4000. 1.0 without data.
    """
    (new_bad, new_calls), (old_bad, old_calls) = new, old
    used = (new_calls > 0) & (old_calls > 0) & (new_bad + old_bad > 0)
    if not used.any():
        return 1.0
    total = (new_bad + old_bad)[used]
    share = new_calls[used] / (new_calls[used] + old_calls[used])
    p = floor_ratio * share / (floor_ratio * share + 1.0 - share)
    seen = int(new_bad[used].sum())
    if phi > BURSTY or int(total.sum()) > EXACT_UP_TO:
        mean, variance = float(p @ total), float((p * (1.0 - p)) @ total) * phi
        return normal_tail((seen - 0.5 - mean) / max(variance, 1e-12) ** 0.5)
    law = np.ones(1)
    for count, probability in zip(total.tolist(), p.tolist(), strict=True):
        law = np.convolve(law, binomial_pmf(int(count), float(probability)))
    return float(min(1.0, law[seen:].sum()))
