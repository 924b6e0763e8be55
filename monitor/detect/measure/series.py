"""One measure of badness over time, of the judged edge, of its neighbours, and of the same hours of earlier days."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Ints
from monitor.detect.measure.columns import COUNTS, EdgeTable, tables
from monitor.model.edges import EdgeCell
from monitor.model.judging import Signal

DAY = 86400.0
DAYS = 7


@dataclass(frozen=True, slots=True)
class Around:
    """What a step is held against: cells of neighbouring services in the same hours, and the service's own of the same hours of earlier days."""

    neighbours: Sequence[EdgeCell] = ()
    former: Sequence[EdgeCell] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What counts as bad: a column of counts, or calls of one side above a bucket bound (absolute, scale 3)."""

    signal: Signal
    kind: str
    bad: str
    calls: str
    above: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Bad calls and calls per window, in time order."""

    windows: Ints
    bad: Ints
    calls: Ints


def series(table: EdgeTable, rows: Bools, measure: Measure) -> Series:
    """The measure over the chosen rows of a table."""
    windows, places = np.unique(table.windows[rows], return_inverse=True)
    if measure.above is None:
        bad, calls = (table.counts[rows, COUNTS.index(name)] for name in (measure.bad, measure.calls))
    else:
        side = table.client if measure.kind == "client" else table.server
        data = side[rows] if side is not None else np.zeros((int(rows.sum()), 1))
        above = max(0, measure.above - table.lowest + 1)
        bad, calls = data[:, above:].sum(axis=1), data.sum(axis=1)
    out = [np.bincount(places, weights=column, minlength=windows.size).astype(np.int64) for column in (bad, calls)]
    return Series(windows, *out)


def former_days(
    cells: Sequence[EdgeCell], since: float, before_seconds: float, after_seconds: float
) -> list[tuple[float, list[EdgeTable]]]:
    """(the moment of that day, tables of the hours around it) of the last seven days."""
    cuts = [since - day * DAY for day in range(1, DAYS + 1)]
    return [(cut, tables(cells, cut - before_seconds, cut + after_seconds)) for cut in cuts]


def neighbours_of(service: str, own: Sequence[EdgeTable], around: Sequence[EdgeTable], released: set[str]) -> list[EdgeTable]:
    """Edges fit as controls: the same callers' calls to others, and calls by others to what the service needs.

    Not those above the service, which its own harm reaches, nor calls to what was released in the same minutes (unless the
    service needs it: then it is the better suspect).
    """
    calls = {(table.edge.caller, table.edge.callee) for table in (*own, *around)}
    above, below = _reach(service, {(callee, caller) for caller, callee in calls}), _reach(service, calls)
    callers = {caller for caller, callee in calls if callee == service}
    found: list[EdgeTable] = []
    for table in around:
        caller, callee = table.edge.caller, table.edge.callee
        if service in (caller, callee) or callee in above:
            continue
        if callee in below or (caller in callers and callee not in released):
            found.append(table)
    return found


def bound_before(table: EdgeTable, rows: Bools, side: str, quantile: float, least: float) -> int | None:
    """The absolute bucket holding the quantile of these rows' calls; None below `least` calls."""
    data = table.client if side == "client" else table.server
    if data is None:
        return None
    total = data[rows].sum(axis=0)
    if total.sum() < least:
        return None
    return int(np.searchsorted(np.cumsum(total), quantile * total.sum() - 1e-9)) + table.lowest


def _reach(service: str, calls: set[tuple[str, str]]) -> set[str]:
    found: set[str] = set()
    edge = {service}
    while edge:
        edge = {callee for caller, callee in calls if caller in edge} - found - {service}
        found |= edge
    return found
