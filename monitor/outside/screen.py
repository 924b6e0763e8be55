"""Whether anything stirs that is worth a judgement: a coarse look that misses no more than a judge
could find yet, and costs a hundredth.
"""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from monitor.outside.counts import Counts
from monitor.outside.shapes import Shapes
from monitor.outside.told import LATENCIES, Floats, Ints, Rows, numbered
from monitor.outside.versions import Bools

MORE, RATIO = 2.0, 1.25
"""Bad calls beyond what is usual, in standard deviations and in times, that stir."""
QUANTILES = ((0.5, 2, 1), (0.9, 2, 10), (0.99, 3, 50))
"""A quantile, by how many buckets it must rise to stir, from how many calls on it is looked at."""

LAST = 60


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """Rows prepared for it: a code for each edge's side, calls, errors, and latencies as a matrix
    of buckets.
    """

    series: Ints
    calls: Ints
    errors: Ints
    latency: Floats
    high: Bools
    """Rows of which only numbers are told and no histogram, one of them higher than nine in ten of
    the last before the deploy.
    """

    @classmethod
    def of(cls, rows: Rows, counts: Counts, shapes: Shapes | None, at: float) -> "Screen":
        """`at`: the moment of the deploy, the rows being in time order. Without `shapes` latency
        is not looked at.
        """
        _, codes = numbered(rows.caller, rows.callee, rows.operation, rows.side)
        high = (
            _high(rows, shapes.bare, codes, at)
            if shapes is not None
            else np.zeros(len(rows), dtype=bool)
        )
        return cls(codes, counts.calls, counts.errors, _dense(shapes, len(rows)), high)

    def stirs(self, new: Bools, old: Bools) -> bool:
        """Whether the `new` rows of any edge look worse than its `old` ones (masks over the first
        rows).
        """
        size = new.size
        series, calls, errors = self.series[:size], self.calls[:size], self.errors[:size]
        codes = int(self.series.max()) + 1 if self.series.size else 0
        n, k, m, s = (
            np.bincount(series[mask], weights=column[mask], minlength=codes)
            for mask, column in ((new, calls), (new, errors), (old, calls), (old, errors))
        )
        usual = n * (s + 0.5) / (m + 1.0)
        if bool(
            (
                (k > 1)
                & (k > usual + MORE * np.sqrt(usual))
                & (k > RATIO * n * s / np.maximum(m, 1.0))
            ).any()
        ):
            return True
        if bool((np.bincount(series[new & self.high[:size]], minlength=1) > 1).any()):
            return True
        if not self.latency.size:
            return False
        return any(
            self._slower(new & (series == code), old & (series == code))
            for code in np.flatnonzero((n > 0) & (m > 0)).tolist()
        )

    def _slower(self, new: Bools, old: Bools) -> bool:
        size = new.size
        now, before = (np.cumsum(self.latency[:size][mask].sum(axis=0)) for mask in (new, old))
        if not now[-1] or not before[-1]:
            return False
        return any(
            _place(now, quantile) >= _place(before, quantile) + buckets
            for quantile, buckets, enough in QUANTILES
            if now[-1] >= enough
        )


def _high(rows: Rows, bare: Bools, codes: Ints, at: float) -> Bools:
    out = np.zeros(len(rows), dtype=bool)
    for code in np.unique(codes[bare]).tolist():
        mine = np.flatnonzero(codes == code)
        for name in LATENCIES:
            values = getattr(rows, name)[mine]
            usual = values[rows.ends[mine] <= at][-LAST:]
            if usual.size and not np.isnan(usual).all():
                out[mine] |= values > np.nanquantile(usual, 0.9)
    return out & bare


def _place(line: Floats, quantile: float) -> int:
    return int(np.searchsorted(line, quantile * line[-1] - 1e-9))


def _dense(shapes: Shapes | None, size: int) -> Floats:
    if shapes is None or not any(shapes.histograms):
        return np.zeros((0, 0))
    held = shapes.histograms
    buckets = np.fromiter(chain.from_iterable(held), dtype=np.int64)
    counts = np.fromiter(
        chain.from_iterable(histogram.values() for histogram in held), dtype=np.float64
    )
    rows = np.repeat(np.arange(len(held)), [len(histogram) for histogram in held])
    lowest = int(buckets.min())
    out = np.zeros((size, int(buckets.max()) - lowest + 1))
    out[rows, buckets - lowest] = counts
    return out
