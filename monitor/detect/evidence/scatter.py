"""How much bad calls scatter from window to window, and without an incident of before, of many
series in one go.
"""

from collections.abc import Sequence

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.rates import (
    INCIDENT_SPREADS,
    INCIDENT_TIMES,
    MOST_OF_PAST,
    REST,
    SHRINK,
    without_incident,
)


def dispersions(series: Sequence[tuple[Ints, Ints]]) -> list[float]:
    """The dispersion of each of these (bad, calls): equal to `dispersion`, reckoned in one go."""
    out = [1.0] * len(series)
    places = [place for place, (bad, _) in enumerate(series) if bad.size >= 4 and bad.any()]
    if not places:
        return out
    bad, calls = (
        np.concatenate(columns)
        for columns in zip(*(series[place] for place in places), strict=True)
    )
    sizes = np.array([series[place][0].size for place in places])
    ends = np.cumsum(sizes)
    all_bad, total = (np.add.reduceat(column, ends - sizes) for column in (bad, calls))
    pooled = all_bad / np.maximum(total, 1)
    spread = np.repeat(pooled * np.maximum(1.0 - pooled, 1e-6), sizes)
    step = np.diff(bad / np.maximum(calls, 1))
    inverse = 1.0 / np.maximum(calls, 1)
    parts = step**2 / (spread[1:] * (inverse[1:] + inverse[:-1]))
    for place, end, size, counted in zip(
        places, ends.tolist(), sizes.tolist(), total.tolist(), strict=True
    ):
        if counted:
            ratio = float(np.sum(parts[end - size : end - 1]))
            out[place] = max(1.0, (ratio + SHRINK) / (size - 1 + SHRINK))
    return out


def without_incidents(series: Sequence[tuple[Ints, Ints]]) -> list[tuple[Ints, Ints]]:
    """Each of these (bad, calls) as `without_incident` gives it; most have no peak at all, which is
    found out in one go.
    """
    out = list(series)
    # no peak has fewer than two, and of few windows nothing tells what is usual
    places = [place for place, (bad, _) in enumerate(out) if bad.size > REST and bad.max() > 1]
    for place in _with_peaks(out, places):
        out[place] = without_incident(*out[place])
    return out


def _with_peaks(series: Sequence[tuple[Ints, Ints]], places: Sequence[int]) -> list[int]:
    """Those of the places at which some window stands out from most of its past."""
    if not places:
        return []
    sizes = np.array([series[place][0].size for place in places])
    there = np.arange(int(sizes.max())) < sizes[:, None]
    bad, calls = np.zeros(there.shape, dtype=np.int64), np.zeros(there.shape, dtype=np.int64)
    for table, column in ((bad, 0), (calls, 1)):
        table[there] = np.concatenate([series[place][column] for place in places])
    rate = np.where(there, bad / np.maximum(calls, 1), np.inf)
    order = np.argsort(rate, axis=1, kind="stable")
    lowest = np.maximum(REST, (sizes * (1.0 - MOST_OF_PAST)).astype(np.int64))
    is_low = np.arange(there.shape[1]) < lowest[:, None]
    low_bad, low_calls = (
        np.where(is_low, np.take_along_axis(table, order, axis=1), 0).sum(axis=1)
        for table in (bad, calls)
    )
    known = low_calls > 0
    usual = calls * (low_bad + 0.5)[:, None] / np.maximum(low_calls, 1)[:, None]
    high = (bad > INCIDENT_TIMES * usual) & (bad > usual + INCIDENT_SPREADS * np.sqrt(usual) + 1.0)
    return [places[row] for row in np.flatnonzero(known & (high & there).any(axis=1)).tolist()]
