"""What the new version did of late, by itself: the later half of its calls."""

from collections.abc import Sequence

import numpy as np

from monitor.detect.evidence.pooling import Pooled, pooled_rate
from monitor.detect.evidence.tested import ALL_FAILURES, EdgeTests
from monitor.detect.measure.columns import COUNTS
from monitor.detect.measure.contrasts import Role


def failures_of_late(edges: Sequence[EdgeTests], role: Role, *, apart: bool) -> Pooled | None:
    """All failures in the later half of the new version's calls, over all edges of a role: what
    leaks, or fails once it is warm, is thin over the whole time and not over this. None without
    calls.
    """
    mine = [edge for edge in edges if edge.role == role and edge.contrast.after_new[0]]
    if not mine:
        return None
    place = COUNTS.index(ALL_FAILURES), COUNTS.index("calls")
    rows = [(edge.table.windows[edge.contrast.since_rows], edge) for edge in mine]
    windows = np.unique(np.concatenate([windows for windows, _ in rows]))
    calls = np.zeros(windows.size)
    for own, edge in rows:
        counts = edge.table.counts[edge.contrast.since_rows, place[1]]
        np.add.at(calls, np.searchsorted(windows, own), counts)
    line = np.cumsum(calls)
    first = int(windows[int(np.searchsorted(line, line[-1] / 2.0))])
    return pooled_rate(mine, ALL_FAILURES, ALL_FAILURES, "calls", apart, since=first)
