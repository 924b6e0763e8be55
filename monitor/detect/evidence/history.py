"""What a step in time is held against: the season of earlier days, and what neighbours did at the
same moment.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.detect.arrays import Bools, Floats, summed
from monitor.detect.evidence.before_after import fixed_e, log_ratio, seasonal_rates
from monitor.detect.evidence.sizes import FEWEST_CALLS, Statistic, sizes
from monitor.detect.evidence.tested import SIDES
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Controls, Measure, Series, bound_before, series

SEASON_NEEDS_DAYS = 1
ENOUGH_CALLS = 30.0
SPANS_BEFORE = 5
LATE_SECONDS, LATE_WINDOWS = 180.0, 2
"""How far back "of late" reaches: so many seconds, and so many windows at least."""
GROWN = float(np.log(20.0))
NEARLY = 0.8
"""Of two that became worse by so nearly as much nobody knows who suffers by whom."""


def steps_of_days(
    days: Sequence[tuple[float, EdgeTable]], measure: Measure, *, seasonal: bool
) -> list[float]:
    """The log ratio of after to before at the same hour of each earlier day (cut, table): what the
    hour alone does.

    `seasonal`: the baseline holds that already, so only by how much each day differs from the mean
    of the others (one day differs from nothing).
    """
    steps: list[float] = []
    for cut, table in days:
        before, after = (
            series(table, rows, measure) for rows in (table.windows < cut, table.windows >= cut)
        )
        if before.calls.sum() and after.calls.sum():
            steps.append(
                log_ratio(
                    (after.bad, after.calls.astype(float)),
                    (before.bad, before.calls.astype(float)),
                )
            )
    if seasonal and len(steps) > 1:
        return [step - (sum(steps) - step) / (len(steps) - 1) for step in steps]
    return [0.0] * len(steps) if seasonal else steps


def season(
    days: Sequence[tuple[float, EdgeTable]], before: Series, after: Series, measure: Measure
) -> tuple[Floats, Floats] | None:
    """Rates to be expected before and after by the clock, from one earlier day at least.

    The season may explain a rise, it never makes one: what is expected after is at least the mean
    of what was before.
    """
    past = [series(table, np.ones(table.windows.size, dtype=bool), measure) for _, table in days]
    past = [
        day for day in past if day.windows.size * 2 >= before.windows.size + after.windows.size
    ]
    if len(past) < SEASON_NEEDS_DAYS or not sum(int(day.bad.sum()) for day in past):
        return None
    whole = [*past, before]
    columns = [
        np.concatenate([getattr(part, name) for part in whole])
        for name in ("windows", "bad", "calls")
    ]
    expected, later = seasonal_rates(columns[0], columns[1], columns[2], after.windows)
    earlier = np.maximum(expected[-before.windows.size :], 1e-9)
    usual = float((earlier * before.calls).sum() / max(int(before.calls.sum()), 1))
    return earlier, np.maximum(later, usual)


def growth_of(controls: Controls, measure: Measure, since: float) -> tuple[float, float]:
    """How many times worse, and by how much of all calls, the median callee among the controls
    became; (1.0, 0.0) for not at all.

    Of those beside the service and of those below it apart: the worse median counts. One bad
    neighbour explains nothing, most of them do.
    """
    growths = [
        _median_growth(group, measure, since) for group in (controls.beside, controls.below)
    ]
    return max(times for times, _ in growths), max(added for _, added in growths)


def controls_told(controls: Controls, since: float) -> int:
    """Callees among the controls with calls enough on both sides of the moment to tell what
    happened to everybody.
    """
    sums: dict[str, list[float]] = {}
    for table in (*controls.beside, *controls.below):
        late = table.windows >= since
        total = sums.setdefault(table.edge.callee, [0.0, 0.0])
        total[0] += float(table.counts[late, 0].sum())
        total[1] += float(table.counts[~late, 0].sum())
    return sum(min(counts) >= ENOUGH_CALLS for counts in sums.values())


def _median_growth(
    neighbours: Sequence[EdgeTable], measure: Measure, since: float
) -> tuple[float, float]:
    rises = growths(neighbours, measure, since) or [(0.0, 0.0)]
    return (
        float(np.exp(np.median([log for log, _ in rises]))),
        float(max(np.median([added for _, added in rises]), 0.0)),
    )


def growths(
    neighbours: Sequence[EdgeTable], measure: Measure, since: float
) -> list[tuple[float, float]]:
    """How much worse each callee became: in logs, and of all calls; 0 where it did not surely,
    in calls enough to tell. What surely did tells, however few its calls.
    """
    sums: dict[str, list[float]] = {}
    for table in neighbours:
        place = _own_bound(table, measure, since)
        if place is None:
            continue
        for offset, rows in ((0, table.windows >= since), (2, table.windows < since)):
            part = series(table, rows, place)
            total = sums.setdefault(table.edge.callee, [0.0] * 4)
            total[offset] += float(part.bad.sum())
            total[offset + 1] += float(part.calls.sum())
    rises: list[tuple[float, float]] = []
    for k, a, s, b in sums.values():
        if a and b and fixed_e(k, s, a / (a + b), 1.0) >= GROWN:
            rises.append((max(0.0, float(np.log((k + 0.5) / a * b / (s + 0.5)))), k / a - s / b))
        elif min(a, b) >= ENOUGH_CALLS:
            rises.append((0.0, 0.0))
    return rises


def sizes_grown(controls: Controls, side: str, statistic: Statistic, since: float) -> float:
    """Log ratio by which the median callee among the controls became slower, never less than 0;
    the worse of those beside and below.
    """
    groups = [
        _callee_steps(group, side, statistic, since) for group in (controls.beside, controls.below)
    ]
    return max(0.0, *(float(np.median(steps or [0.0])) for steps in groups))


def most_grown(controls: Controls, statistic: Statistic, since: float) -> float:
    """The same of the callee that became slowest, by whichever side tells of it."""
    return max(
        [
            0.0,
            *(
                step
                for group in (controls.beside, controls.below)
                for side in SIDES
                for step in _callee_steps(group, side, statistic, since)
            ),
        ]
    )


def _callee_steps(
    neighbours: Sequence[EdgeTable], side: str, statistic: Statistic, since: float
) -> list[float]:
    steps: dict[str, list[float]] = {}
    for table in neighbours:
        step = size_step(table, table.windows < since, table.windows >= since, side, statistic)
        if step is not None:
            steps.setdefault(table.edge.callee, []).append(step)
    return [float(np.median(callee_steps)) for callee_steps in steps.values()]


def size_step(
    table: EdgeTable, before: Bools, after: Bools, side: str, statistic: Statistic
) -> float | None:
    """Log ratio of the statistic over all calls after to before; None where there are too few."""
    return size_steps(table, before, after, side, (statistic,))[statistic]


def size_steps(
    table: EdgeTable,
    before: Bools,
    after: Bools,
    side: str,
    statistics: Iterable[Statistic] = FEWEST_CALLS,
) -> dict[Statistic, float | None]:
    """That of each of these statistics."""
    steps: dict[Statistic, float | None] = dict.fromkeys(statistics)
    data = table.latency(side)
    if data is None:
        return steps
    both = np.stack([data[before].sum(axis=0), data[after].sum(axis=0)])
    fewest = float(both.sum(axis=1).min())
    for statistic in steps:
        if fewest >= FEWEST_CALLS[statistic]:
            was, now = sizes(both, table.lowest, statistic).tolist()
            steps[statistic] = float(now - was)
    return steps


def slower_of_late(table: EdgeTable, since: float, grain: int) -> tuple[float, float] | None:
    """By how much (in logs) the median of late exceeds that of the slowest span as long before
    `since`, and of the middle one.

    None where too little is known. The side with more calls tells, over all versions.
    """
    data = max(
        (side for side in (table.client, table.server) if side is not None),
        key=lambda side: float(side.sum()),
        default=None,
    )
    if data is None or not table.windows.size:
        return None
    windows, places = np.unique(table.windows, return_inverse=True)
    per_window = summed(data, places, windows.size)
    late = windows > max(late_from(float(windows[-1]), grain), since - grain / 2)
    past = per_window[windows <= since - grain]
    size = int(late.sum())
    if (
        not size
        or past.shape[0] < SPANS_BEFORE * size
        or per_window[late].sum() < FEWEST_CALLS["mean"]
    ):
        return None
    line = np.concatenate([np.zeros((1, per_window.shape[1])), np.cumsum(past, axis=0)])
    spans = line[size:] - line[:-size]
    spans = spans[spans.sum(axis=1) >= FEWEST_CALLS["mean"]]
    if not spans.shape[0]:
        return None
    medians = sizes(
        np.concatenate([per_window[late].sum(axis=0)[None, :], spans]), table.lowest, "p50"
    )
    return float(medians[0] - medians[1:].max()), float(medians[0] - np.median(medians[1:]))


def late_from(newest: float, grain: int) -> float:
    """What is of late begins after this moment, where the newest window is the last of it."""
    return newest - max(LATE_SECONDS, float(LATE_WINDOWS * grain))


def _own_bound(table: EdgeTable, measure: Measure, since: float) -> Measure | None:
    """The measure for another edge: of latency, by that edge's own p90 before."""
    if measure.above is None:
        return measure
    bound = bound_before(table, table.windows < since, measure.kind, 0.9, 80.0)
    return None if bound is None else Measure(measure.signal, measure.kind, "", "", bound)
