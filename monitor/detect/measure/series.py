"""One measure of badness over time, of the judged edge, of its neighbours, and of the same hours
of earlier days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, placed, runs
from monitor.detect.measure.columns import COUNTS, EdgeTable, tables
from monitor.model.edges import Edge, EdgeCell
from monitor.model.judging import Signal

DAY = 86400.0
DAYS = 7
FEWEST_SHARED = 10
SAME = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A number told of an edge's windows, in time order, as far back as it is known. `windows` in
    seconds since the epoch.
    """

    edge: Edge
    name: str
    windows: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Around:
    """What a step is held against: cells of neighbouring services in the same hours, the service's
    own of the same hours of earlier days, and all that its numbers without counts did before.
    """

    neighbours: Sequence[EdgeCell] = ()
    former: Sequence[EdgeCell] = ()
    past: Sequence[Past] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What counts as bad: a column of counts, or calls of one side above a bucket bound (absolute,
    scale 3), or their size.
    """

    signal: Signal
    kind: str
    bad: str
    calls: str
    above: int | None = None
    statistic: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Bad calls and calls per window, in time order."""

    windows: Ints
    bad: Ints
    calls: Ints

    def part(self, rows: Bools) -> "Series":
        """Some of the windows."""
        return Series(self.windows[rows], self.bad[rows], self.calls[rows])


def series(table: EdgeTable, rows: Bools, measure: Measure) -> Series:
    """The measure over the chosen rows of a table."""
    windows, places = runs(table.windows[rows])
    if measure.above is None:
        bad, calls = (
            table.counts[rows, COUNTS.index(name)] for name in (measure.bad, measure.calls)
        )
    else:
        side = table.latency(measure.kind)
        data = side[rows] if side is not None else np.zeros((int(rows.sum()), 1))
        above = max(0, measure.above - table.lowest + 1)
        bad, calls = data[:, above:].sum(axis=1), data.sum(axis=1)
    out = [
        np.bincount(places, weights=column, minlength=windows.size).astype(np.int64)
        for column in (bad, calls)
    ]
    return Series(windows, *out)


def former_days(
    cells: Sequence[EdgeCell], since: float, before_seconds: float, after_seconds: float
) -> list[tuple[float, list[EdgeTable]]]:
    """(the moment of that day, tables of the hours around it) of the last seven days."""
    cuts = [since - day * DAY for day in range(1, DAYS + 1)]
    return [(cut, tables(cells, cut - before_seconds, cut + after_seconds)) for cut in cuts]


@dataclass(frozen=True, slots=True)
class Controls:
    """Edges that tell what happened to everybody: `beside`, the same callers' calls to others;
    `below`, others' calls to what the service needs.
    """

    beside: tuple[EdgeTable, ...] = ()
    below: tuple[EdgeTable, ...] = ()


def controls_of(
    service: str, own: Sequence[EdgeTable], around: Sequence[EdgeTable], released: set[str]
) -> Controls:
    """Edges fit as controls of one service.

    Not those above the service, which its own harm reaches, nor calls to what was released in the
    same minutes (unless the service needs it: then it is the better suspect).
    """
    calls = {(table.edge.caller, table.edge.callee) for table in (*own, *around)}
    above, below = (
        _reach(service, {(callee, caller) for caller, callee in calls}),
        _reach(service, calls),
    )
    callers = {caller for caller, callee in calls if callee == service}
    fit = [
        t
        for t in around
        if service not in (t.edge.caller, t.edge.callee) and t.edge.callee not in above
    ]
    return Controls(
        tuple(
            t
            for t in fit
            if t.edge.callee not in below
            and t.edge.caller in callers
            and t.edge.callee not in released
        ),
        tuple(t for t in fit if t.edge.callee in below),
    )


def same_calls(edge: EdgeTable, other: EdgeTable) -> bool:
    """Whether two edges are two names of the same calls (a load balancer's): their calls and their
    bad ones come in the same windows.

    Counts of different calls differ as chance has it: the squared difference is then about the
    sum.
    """
    windows = np.intersect1d(edge.windows, other.windows)
    if windows.size < FEWEST_SHARED:
        return False
    alike: list[bool] = []
    for name in ("calls", "failed"):
        a, b = (counts_at(table, windows, COUNTS.index(name)) for table in (edge, other))
        if name == "calls" and not (np.ptp(a) or np.ptp(b)):
            # the same number in each window is assumed: then nothing scatters as calls do
            return False
        if not (a + b).sum():
            continue
        alike.append(float(((a - b) ** 2).sum()) < SAME * float((a + b).sum()))
    slow = [_slow_at(table, windows) for table in (edge, other)]
    if slow[0] is not None and slow[1] is not None:
        alike.append(
            float(((slow[0] - slow[1]) ** 2).sum()) < SAME * float((slow[0] + slow[1]).sum())
        )
    return len(alike) > 1 and all(alike)


def counts_at(
    table: EdgeTable, windows: Ints, column: int, rows: Ints | Bools | None = None
) -> Ints:
    """One column of counts, summed in each of these windows (in order, each once); of these rows
    alone, where they are named.
    """
    own, counts = table.windows, table.counts[:, column]
    if rows is not None:
        own, counts = own[rows], counts[rows]
    places, inside = placed(own, windows)
    sums = np.bincount(places, weights=counts[inside], minlength=windows.size)
    return np.asarray(sums, dtype=np.int64)


def _slow_at(table: EdgeTable, windows: Ints) -> Floats | None:
    """Calls above the edge's own p90 in each window; None without latencies."""
    side = table.client if table.client is not None else table.server
    if side is None or not side.any():
        return None
    line = np.cumsum(side.sum(axis=0))
    place = int(np.searchsorted(line, 0.9 * line[-1]))
    places, inside = placed(table.windows, windows)
    slow = side[inside, place + 1 :].sum(axis=1)
    sums = np.bincount(places, weights=slow, minlength=windows.size)
    return np.asarray(sums, dtype=np.float64)


def bound_before(
    table: EdgeTable, rows: Bools, side: str, quantile: float, least: float
) -> int | None:
    """The absolute bucket holding the quantile of these rows' calls; None below `least` calls."""
    data = table.latency(side)
    if data is None:
        return None
    total = data[rows].sum(axis=0)
    if total.sum() < least:
        return None
    return int(np.searchsorted(np.cumsum(total), quantile * total.sum() - 1e-9)) + table.lowest


def _reach(service: str, calls: set[tuple[str, str]]) -> set[str]:
    reached: set[str] = set()
    edge = {service}
    while edge:
        edge = {callee for caller, callee in calls if caller in edge} - reached - {service}
        reached |= edge
    return reached
