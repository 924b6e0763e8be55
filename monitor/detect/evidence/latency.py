"""Slower? The new version's calls above bounds that the old version's earlier calls set.

Thresholds are the old version's p50, p90, p99 bucket bounds over *earlier* windows; the new
version must exceed them by a floor (two buckets and 5 ms by default), so that the null "not slower
than the floor" makes its exceedances at most as frequent as the old version's. Calls that fresh
instances may have had are set aside, and the newer windows must show the harm as well. Per stratum
the block e-variable for two Bernoulli streams (Turner, Ly, Grunwald, arXiv 2106.02693), its null
rate from earlier windows only, mixed over a grid of odds ratios, averaged over the thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.rates import dispersion
from monitor.model.quantiles import BUCKETS_A_DOUBLING, quantile

QUANTILES = (0.5, 0.9, 0.99)
ENOUGH = (30.0, 80.0, 400.0)
SHOWN_FROM = 5
ODDS = np.array([1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0])
REMEMBERED = 180
"""Windows of the old version's past that set a threshold."""

Quantiles = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class LatencyTest:
    """Counts at the p90 threshold, log of the e-value averaged over thresholds, quantiles in
    seconds of both versions.
    """

    windows: int
    bad_windows: int
    new_calls: int
    new_bad: int
    old_calls: int
    old_bad: int
    log_e: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    new_quantiles: Quantiles
    old_quantiles: Quantiles


def bound_seconds(bucket: Ints | int) -> Floats:
    """The upper bound of a bucket of scale 3."""
    return np.asarray(2.0 ** ((np.asarray(bucket) + 1) / BUCKETS_A_DOUBLING), dtype=np.float64)


def bucket_of(seconds: Floats | float) -> Ints:
    """The bucket of scale 3 that holds so many seconds."""
    return np.asarray(np.ceil(BUCKETS_A_DOUBLING * np.log2(seconds) - 1e-9) - 1, dtype=np.int64)


def lifted(place: Ints | int, lowest: int, floor_buckets: int, floor_seconds: float) -> Ints:
    """The columns above which a call of the new version is slow where the old one's bound is
    `place`: by the floor, in buckets and seconds.
    """
    return np.maximum(
        place + floor_buckets, bucket_of(bound_seconds(place + lowest) + floor_seconds) - lowest
    )


def above_bounds(
    past: Floats, strata: Ints, new: Floats, old: Floats, floors: tuple[int, int, float]
) -> Iterator[tuple[Ints, Bools, Floats, Floats, Floats]]:
    """For each of QUANTILES, by stratum: the column that held it, whether the past was long enough
    to tell, the share of earlier calls above it, calls of the new version above it and the floor,
    and calls of the old one above it.

    `past`: histograms before some moments, `strata` each stratum's among them; `new`, `old`:
    strata x buckets; `floors`: lowest bucket, floor in buckets, floor in seconds.
    """
    new_above, old_above = above(new), above(old)
    total, sums = past.sum(axis=1), np.cumsum(past, axis=1)
    last, rows, moments = past.shape[1] - 1, np.arange(strata.size), np.arange(past.shape[0])
    for share, enough in zip(QUANTILES, ENOUGH, strict=True):
        place = np.minimum((sums < (share * total - 1e-9)[:, None]).sum(axis=1), last)
        higher = np.minimum(lifted(place, *floors), last)
        at, shifted = place[strata], higher[strata]
        rate = ((total - sums[moments, place] + 0.5) / (total + 1.0))[strata]
        yield (
            at,
            total[strata] >= enough,
            rate,
            new_above[rows, shifted],
            old_above[rows, at],
        )


def exceedance_counts(
    new: Floats, old: Floats, lowest: int, floor_buckets: int, floor_seconds: float
) -> tuple[int, int, int, int]:
    """(new above the floor-shifted old p90, new calls, old above its p90, old calls) over all
    strata: for equivalence.
    """
    a, b = new.sum(axis=0), old.sum(axis=0)
    total, place = b.sum(), _place_of(b, 0.9)
    shifted = min(int(lifted(place, lowest, floor_buckets, floor_seconds)), b.size - 1)
    return int(a[shifted + 1 :].sum()), int(a.sum()), int(b[place + 1 :].sum()), int(total)


Counted = tuple[float, float]


def far_counts(
    new: Floats, old: Floats, before: Floats, lowest: int, floor_seconds: float
) -> tuple[Counted, Counted, Counted, float]:
    """(calls far slower than the old p99, calls) of new, old and before over all strata, and the
    dispersion of what was before.

    Far is twice as slow, and by the floor at least: what the share above p90 is too coarse for.
    """
    a, b = new.sum(axis=0), old.sum(axis=0)
    earlier = before.sum(axis=0)
    place = _place_of(b + earlier, 0.99)
    far = min(int(lifted(place, lowest, BUCKETS_A_DOUBLING, floor_seconds)), b.size - 1)
    new_far, old_far, before_far = (_counted(part, far) for part in (a, b, earlier))
    calls = before.sum(axis=1)
    busy = calls > 0
    bad = before[busy, far + 1 :].sum(axis=1)
    scatter = dispersion(bad.astype(np.int64), calls[busy].astype(np.int64))
    return new_far, old_far, before_far, scatter


def _place_of(histogram: Floats, share: float) -> int:
    """The column that holds this quantile."""
    return int(
        min(
            np.searchsorted(np.cumsum(histogram), share * histogram.sum() - 1e-9),
            histogram.size - 1,
        )
    )


def _counted(histogram: Floats, place: int) -> Counted:
    return float(histogram[place + 1 :].sum()), float(histogram.sum())


def three(histogram: Floats, lowest: int) -> Quantiles:
    """p50, p90, p99 in seconds, as pages show them; None below 5 calls."""
    if float(histogram.sum()) < SHOWN_FROM:
        return None, None, None
    buckets = {lowest + int(place): int(histogram[place]) for place in np.nonzero(histogram)[0]}
    p50, p90, p99 = (quantile(buckets, share) for share in QUANTILES)
    return p50, p90, p99


def above(histograms: Floats) -> Floats:
    """Calls in buckets above each column."""
    return np.asarray(
        histograms.sum(axis=1, keepdims=True) - np.cumsum(histograms, axis=1), dtype=np.float64
    )


def log_ratios(k: Floats, a: Floats, s: Floats, b: Floats, rate: Floats) -> Floats:
    """ODDS x strata: logs of likelihood ratios of `k` of `a` and `s` of `b` calls above a bound,
    of which that `rate` was above it earlier.
    """
    pb = np.clip(rate, 1e-6, 1.0 - 1e-6)
    odds = ODDS[:, None] * pb / (1.0 - pb)
    pa = np.clip(odds / (1.0 + odds), 1e-9, 1.0 - 1e-9)
    p0 = (a * pa + b * pb) / (a + b)
    return np.asarray(
        k * np.log(pa / p0)
        + (a - k) * np.log((1.0 - pa) / (1.0 - p0))
        + s * np.log(pb / p0)
        + (b - s) * np.log((1.0 - pb) / (1.0 - p0)),
        dtype=np.float64,
    )


def beneath(parts: Sequence[Floats], lows: Sequence[int], width: int) -> Floats:
    """Histograms of several edges one beneath the other, bucket by bucket. `lows`: where each
    edge's first bucket is.
    """
    if all(part.shape[1] == width for part in parts):
        return np.concatenate(parts)
    out = np.zeros((sum(part.shape[0] for part in parts), width))
    row = 0
    for part, low in zip(parts, lows, strict=True):
        out[row : row + part.shape[0], low : low + part.shape[1]] = part
        row += part.shape[0]
    return out
