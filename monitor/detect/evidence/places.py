"""Where time goes: in the service's own work, in the calls it makes, or between caller and callee,
where neither side spends it.

Means add up, quantiles do not: what the caller waits longer is what the callee takes longer and
what lies between; what the callee takes longer is its own time and that of its calls. Each mean
leaves out the slowest two hundredth of the calls.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import new_rows, old_rows
from monitor.model.judging import Place

ENOUGH = 50.0
WITHOUT = 0.995
MOST, LITTLE = 0.5, 0.25
"""So large a part of what was added is where most of it is; so small a part is hardly any."""
BEYOND = 1.1


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds that the mean call takes longer, by who measured it; None where too few
    calls tell.
    """

    client: float | None
    server: float | None
    own: float | None

    def place(self, floor: float) -> Place | None:
        """Where most of it is; None where that is not clear, or nothing worth a word was added."""
        if (
            self.client is not None
            and self.server is not None
            and self.client >= floor
            and self.server <= LITTLE * self.client
        ):
            return "between"
        if self.server is None or self.own is None or self.server < floor:
            return None
        return (
            "own"
            if self.own >= MOST * self.server
            else "callees"
            if self.own <= LITTLE * self.server
            else None
        )


def added_on(edge: EdgeTests) -> Added:
    """New against old version: side by side where they met, else since against before."""
    new, old = compared_rows(edge)
    return Added(
        *(
            _added(edge.table.latency(side), new, old, edge.table.lowest)
            for side in ("client", "server", "own")
        )
    )


def compared_rows(edge: EdgeTests) -> tuple[Ints, Ints]:
    """The rows of the new and of the old version that are held against each other."""
    whole = edge.contrast
    if whole.overlap:
        return whole.new_rows, whole.old_rows
    return np.nonzero(new_rows(edge))[0], np.nonzero(old_rows(edge))[0]


def gives_up_after(edge: EdgeTests, timeouts: int) -> float | None:
    """Seconds after which callers give up, where the callee works on for most of these calls: then
    the caller's timeout is the shorter one.
    """
    client, server = edge.table.client, edge.table.server
    if client is None or server is None or not timeouts:
        return None
    new, _ = compared_rows(edge)
    waited, took = client[new].sum(axis=0), server[new].sum(axis=0)
    if not waited.any() or not took.any():
        return None
    last = int(np.flatnonzero(waited)[-1])
    longest = float(2.0 ** ((last + 1 + edge.table.lowest) / 8.0))
    beyond = int(np.ceil(np.log2(longest * BEYOND) * 8.0)) - edge.table.lowest
    return longest if float(took[max(beyond, 0) :].sum()) >= MOST * timeouts else None


def _added(data: Floats | None, new: Ints, old: Ints, lowest: int) -> float | None:
    if data is None:
        return None
    now, was = data[new].sum(axis=0), data[old].sum(axis=0)
    if min(float(now.sum()), float(was.sum())) < ENOUGH:
        return None
    return _mean(now, lowest) - _mean(was, lowest)


def _mean(histogram: Floats, lowest: int) -> float:
    """Seconds, without the slowest two hundredth; the middle of a bucket stands for it."""
    kept = np.diff(np.minimum(np.cumsum(histogram), WITHOUT * float(histogram.sum())), prepend=0.0)
    middles = 2.0 ** ((np.arange(histogram.size) + lowest + 0.5) / 8.0)
    return float((kept * middles).sum() / kept.sum())
