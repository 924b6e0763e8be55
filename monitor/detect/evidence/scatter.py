"""How much bad calls scatter from window to window, of many series in one go."""

from collections.abc import Sequence

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.rates import SHRINK


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
