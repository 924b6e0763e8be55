"""One measure of badness over time, of the judged edge, of its neighbours, and of the same hours of earlier days."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.before_after import fixed_e, log_ratio, seasonal_rates
from monitor.detect.columns import COUNTS, EdgeTable, tables
from monitor.detect.distributions import Bools, Floats, Ints
from monitor.model.edges import EdgeCell
from monitor.model.judging import Signal

DAY = 86400.0
DAYS = 7
SEASON_NEEDS_DAYS = 2
GROWN = float(np.log(20.0))


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


def steps_of_days(days: Sequence[tuple[float, EdgeTable]], measure: Measure, *, seasonal: bool) -> list[float]:
    """The log ratio of after to before at the same hour of each earlier day (cut, table): what the hour alone does.

    `seasonal`: the baseline holds that already, so only by how much each day differs from the mean of the others.
    """
    found: list[float] = []
    for cut, table in days:
        before, after = (series(table, rows, measure) for rows in (table.windows < cut, table.windows >= cut))
        if before.calls.sum() and after.calls.sum():
            found.append(log_ratio((after.bad, after.calls.astype(float)), (before.bad, before.calls.astype(float))))
    if seasonal and len(found) > 1:
        return [one - (sum(found) - one) / (len(found) - 1) for one in found]
    return found


def season(
    days: Sequence[tuple[float, EdgeTable]], before: Series, after: Series, measure: Measure
) -> tuple[Floats, Floats] | None:
    """Rates to be expected before and after by the clock, from two earlier days at least.

    The season may explain a rise, it never makes one: what is expected after is at least the mean of what was before.
    """
    past = [series(table, np.ones(table.windows.size, dtype=bool), measure) for _, table in days]
    past = [one for one in past if one.windows.size * 2 >= before.windows.size + after.windows.size]
    if len(past) < SEASON_NEEDS_DAYS or not sum(int(one.bad.sum()) for one in past):
        return None
    whole = [*past, before]
    columns = [np.concatenate([getattr(one, name) for one in whole]) for name in ("windows", "bad", "calls")]
    told, later = seasonal_rates(columns[0], columns[1], columns[2], after.windows)
    earlier = np.maximum(told[-before.windows.size :], 1e-9)
    usual = float((earlier * before.calls).sum() / max(int(before.calls.sum()), 1))
    return earlier, np.maximum(later, usual)


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


def growth_of(neighbours: Sequence[EdgeTable], measure: Measure, since: float) -> tuple[float, float]:
    """How many times worse, and by how much of all calls, the worst callees among the neighbours became beyond chance; (1.0, 0.0) for not at all."""
    sums: dict[str, list[float]] = {}
    for table in neighbours:
        place = _own_bound(table, measure, since)
        if place is None:
            continue
        for offset, rows in ((0, table.windows >= since), (2, table.windows < since)):
            one = series(table, rows, place)
            total = sums.setdefault(table.edge.callee, [0.0] * 4)
            total[offset] += float(one.bad.sum())
            total[offset + 1] += float(one.calls.sum())
    times, added = 1.0, 0.0
    for k, a, s, b in sums.values():
        if a and b and fixed_e(k, s, a / (a + b), 1.0) >= GROWN:
            times = max(times, (k + 0.5) / a * b / (s + 0.5))
            added = max(added, k / a - s / b)
    return times, added


def bound_before(table: EdgeTable, rows: Bools, side: str, quantile: float, least: float) -> int | None:
    """The absolute bucket holding the quantile of these rows' calls; None below `least` calls."""
    data = table.client if side == "client" else table.server
    if data is None:
        return None
    total = data[rows].sum(axis=0)
    if total.sum() < least:
        return None
    return int(np.searchsorted(np.cumsum(total), quantile * total.sum() - 1e-9)) + table.lowest


def _own_bound(table: EdgeTable, measure: Measure, since: float) -> Measure | None:
    """The measure for another edge: of latency, by that edge's own p90 before."""
    if measure.above is None:
        return measure
    bound = bound_before(table, table.windows < since, measure.kind, 0.9, 80.0)
    return None if bound is None else Measure(measure.signal, measure.kind, "", "", bound)


def _reach(service: str, calls: set[tuple[str, str]]) -> set[str]:
    found: set[str] = set()
    edge = {service}
    while edge:
        edge = {callee for caller, callee in calls if caller in edge} - found - {service}
        found |= edge
    return found
