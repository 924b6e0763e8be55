"""What a step in time is held against: the season of earlier days, and what neighbours did at the same moment."""

from collections.abc import Sequence

import numpy as np

from monitor.detect.arrays import Floats
from monitor.detect.evidence.before_after import fixed_e, log_ratio, seasonal_rates
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Measure, Series, bound_before, series

SEASON_NEEDS_DAYS = 2
GROWN = float(np.log(20.0))


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


def _own_bound(table: EdgeTable, measure: Measure, since: float) -> Measure | None:
    """The measure for another edge: of latency, by that edge's own p90 before."""
    if measure.above is None:
        return measure
    bound = bound_before(table, table.windows < since, measure.kind, 0.9, 80.0)
    return None if bound is None else Measure(measure.signal, measure.kind, "", "", bound)
