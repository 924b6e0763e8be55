"""Latencies of rows as histograms of ours: as told, or made from quantiles or a mean as a chain of
lognormal pieces.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from monitor.errors import UsageError
from monitor.model.edges import Histogram
from monitor.outside.told import QUANTILES, Floats, Ints, Rows, numbers_only

TO_SECONDS = 159
"""Bucket i of microseconds, (2^(i/8), 2^((i+1)/8)], lies in its larger part in bucket i - 159 of
seconds: 8 log2(10^6) = 159.45.
"""
LOWEST, HIGHEST = -136, 80
"""Buckets of made histograms: 8 µs to 17 minutes."""
SPREAD = 0.5
"""Log-sd that is assumed where one number must stand for a whole distribution."""
NARROW = 1e-3
MOST_CALLS, FURTHEST = 10**12, 10_000
"""More calls, and bins further off, are no histogram."""
FALLS = float(np.log(1.1))
"""A higher quantile that is so much lower (in logs) than the one before is of other calls."""
USUAL = re.compile(r"[0-9]{1,4}:[1-9][0-9]{0,11}(?: [0-9]{1,4}:[1-9][0-9]{0,11})*")
"""A histogram as most are written: what is written otherwise is read with more care."""


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """One histogram a row; `made` marks those from quantiles, `guessed` those from a single
    number, `known` rows with any latency, `bare` those that tell of it by numbers and no
    histogram.
    """

    histograms: list[Histogram]
    made: NDArray[np.bool_]
    guessed: NDArray[np.bool_]
    bare: NDArray[np.bool_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows that tell of latency at all."""
        return np.array([bool(histogram) for histogram in self.histograms], dtype=bool)


def shapes_of(rows: Rows, counts: Ints, source: str) -> Shapes:
    """`counts`: calls a row, as many as a made histogram holds. UsageError names the file `source`
    and the row that cannot be read.
    """
    empty: Histogram = {}
    histograms: list[Histogram] = [empty] * len(rows)
    has_histogram = np.array([bool(text) for text in rows.histogram.tolist()], dtype=bool)
    for row in np.flatnonzero(has_histogram).tolist():
        histograms[row] = _read(rows.histogram[row], source, int(rows.place[row]))
    values = np.stack([getattr(rows, name) for name, _ in QUANTILES], axis=1) / 1000.0
    values = np.where(values > 0, values, np.nan)
    filled = ~np.isnan(values)
    mean = rows.mean_ms / 1000.0
    some = filled.any(axis=1) | (mean > 0)
    open_rows = ~has_histogram & some & (counts > 0)
    made, guessed = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    patterns = filled @ (1 << np.arange(filled.shape[1]))
    for pattern in np.unique(patterns[open_rows]).tolist():
        chosen = np.flatnonzero(open_rows & (patterns == pattern))
        places = [place for place in range(filled.shape[1]) if pattern >> place & 1]
        z = np.array([ndtri(QUANTILES[place][1]) for place in places])
        x = np.log(values[chosen][:, places])
        if len(places) < 2:
            guessed[chosen] = True
            x, z = (
                (x, z)
                if places
                else (np.log(mean[chosen])[:, None] - SPREAD**2 / 2.0, np.zeros(1))
            )
            x, z = np.concatenate([x, x + SPREAD], axis=1), np.array([z[0], z[0] + 1.0])
        made[chosen] = True
        guessed[chosen] |= (np.diff(x, axis=1) < -FALLS).any(axis=1)
        for row, histogram in zip(chosen.tolist(), _made(x, z, counts[chosen]), strict=True):
            histograms[row] = histogram
    return Shapes(histograms, made, guessed, numbers_only(rows))


def _read(text: object, source: str, place: int) -> dict[int, int]:
    if USUAL.fullmatch(str(text)):
        words = list(map(int, str(text).replace(":", " ").split()))
        usual = dict(zip([name - TO_SECONDS for name in words[::2]], words[1::2], strict=True))
        if 2 * len(usual) == len(words):
            return usual
    histogram: dict[int, int] = {}
    try:
        for pair in str(text).split():
            bucket, _, count = pair.partition(":")
            number, key = int(count), int(bucket) - TO_SECONDS
            if not 0 <= number <= MOST_CALLS or abs(key) > FURTHEST:
                raise ValueError
            if number:
                histogram[key] = histogram.get(key, 0) + number
    except ValueError:
        raise UsageError(
            f"{source} row {place} (from 0): histogram {str(text)[:40]!r} cannot be read; "
            'write "bin:count bin:count" in whole numbers, as in "112:4 113:9"'
        ) from None
    return histogram


def _made(x: Floats, z: Floats, counts: Ints) -> list[dict[int, int]]:
    """Counts per bucket of a law whose logs lie at `x` (rows by knots) where a normal law has `z`;
    straight between and beyond.
    """
    x = np.maximum.accumulate(x, axis=1)
    x = x + NARROW * np.arange(x.shape[1])
    bounds = np.arange(LOWEST, HIGHEST + 1) * np.log(2.0) / 8.0
    segment = np.clip((bounds[None, :, None] >= x[:, None, 1:-1]).sum(axis=2), 0, x.shape[1] - 2)
    row = np.arange(x.shape[0])[:, None]
    slope = (z[segment + 1] - z[segment]) / (x[row, segment + 1] - x[row, segment])
    share = ndtr(z[segment] + slope * (bounds[None, :] - x[row, segment]))
    share[:, 0], share[:, -1] = 0.0, 1.0
    line = np.rint(share * counts[:, None]).astype(np.int64)
    held = np.diff(line, axis=1)
    out: list[dict[int, int]] = []
    for per_bucket in held:
        filled = np.flatnonzero(per_bucket)
        out.append(dict(zip((filled + LOWEST).tolist(), per_bucket[filled].tolist(), strict=True)))
    return out
