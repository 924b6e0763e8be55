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
from monitor.detect.evidence.scatter import dispersions
from monitor.model.quantiles import BUCKETS_A_DOUBLING, quantiles

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


Slow = tuple[int, int, int, int]
"""Of new and old version: calls above the old p90 (the new one's by the floor), and all."""
Counted = tuple[float, float]
Far = tuple[Counted, Counted, Counted, float]
"""(calls far slower than the old p99, calls) of new, old and before, and the dispersion of what was
before.
"""


def exceedance_counts(
    new: Floats, old: Floats, lowest: int, floor_buckets: int, floor_seconds: float
) -> Slow:
    """Over all rows of an edge: for equivalence."""
    totals = new.sum(axis=0)[None], old.sum(axis=0)[None]
    return exceedances(*totals, lowest, floor_buckets, floor_seconds)[0]


def exceedances(
    new: Floats, old: Floats, lowest: int, floor_buckets: int, floor_seconds: float
) -> list[Slow]:
    """The same of many edges, which have a row each: edges x buckets."""
    last = old.shape[1] - 1
    place = _places_of(old, 0.9)
    shifted = np.minimum(lifted(place, lowest, floor_buckets, floor_seconds), last)
    columns = (_above_at(new, shifted), new.sum(axis=1), _above_at(old, place), old.sum(axis=1))
    slow, calls, old_slow, old_calls = (column.astype(np.int64).tolist() for column in columns)
    return list(zip(slow, calls, old_slow, old_calls, strict=True))


def far_counts(new: Floats, old: Floats, before: Floats, lowest: int, floor_seconds: float) -> Far:
    """Over all rows of an edge.

    Far is twice as slow, and by the floor at least: what the share above p90 is too coarse for.
    """
    totals = new.sum(axis=0)[None], old.sum(axis=0)[None]
    return fars(*totals, [(before, lowest)], lowest, floor_seconds)[0]


def fars(
    new: Floats,
    old: Floats,
    befores: Sequence[tuple[Floats, int]],
    lowest: int,
    floor_seconds: float,
) -> list[Far]:
    """The same of many edges, which have a row each: edges x buckets; `befores`: windows x
    buckets, and the first of these.
    """
    earlier = np.zeros_like(old)
    for row, (before, low) in enumerate(befores):
        earlier[row, low - lowest : low - lowest + before.shape[1]] = before.sum(axis=0)
    place = _places_of(old + earlier, 0.99)
    floors = lowest, BUCKETS_A_DOUBLING, floor_seconds
    far = np.minimum(lifted(place, *floors), old.shape[1] - 1)
    series: list[tuple[Ints, Ints]] = []
    for (before, low), bucket in zip(befores, (far + lowest).tolist(), strict=True):
        calls = before.sum(axis=1)
        busy = calls > 0
        bad = before[busy, bucket - low + 1 :].sum(axis=1)
        series.append((bad.astype(np.int64), calls[busy].astype(np.int64)))
    counted = (
        zip(_above_at(part, far).tolist(), part.sum(axis=1).tolist(), strict=True)
        for part in (new, old, earlier)
    )
    return list(zip(*counted, dispersions(series), strict=True))


def _places_of(histograms: Floats, share: float) -> Ints:
    """Of each row the column that holds this quantile."""
    wanted = share * histograms.sum(axis=1) - 1e-9
    places = (np.cumsum(histograms, axis=1) < wanted[:, None]).sum(axis=1)
    return np.asarray(np.minimum(places, histograms.shape[1] - 1), dtype=np.int64)


def _above_at(histograms: Floats, places: Ints) -> Floats:
    """Of each row the calls in buckets above a column."""
    return above(histograms)[np.arange(places.size), places]


def three(histogram: Floats, lowest: int) -> Quantiles:
    """p50, p90, p99 in seconds, as pages show them; None below 5 calls."""
    if float(histogram.sum()) < SHOWN_FROM:
        return None, None, None
    places = np.flatnonzero(histogram)
    counts = histogram[places].astype(np.int64).tolist()
    p50, p90, p99 = quantiles(
        dict(zip((places + lowest).tolist(), counts, strict=True)), QUANTILES
    )
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
