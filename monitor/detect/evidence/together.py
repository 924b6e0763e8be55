"""The calls of a service on all its edges as one: a shift that each edge has too few calls to
show, all of them show together.

Each call counts as a multiple of what its edge was used to, so that another mix of edges is no
shift. On the side that is called these are all callers; on the side that calls, all callees: where
those slow down together, their caller is the cause.
"""

from collections.abc import Sequence

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints, summed
from monitor.detect.evidence.latency import lifted
from monitor.detect.evidence.sizes import Statistic
from monitor.detect.evidence.steps import set_aside, warm_calls
from monitor.detect.evidence.tested import SIDES, EdgeTests
from monitor.detect.evidence.timed import AnyStep, SizeStep, Step, is_biased, new_rows, old_rows
from monitor.detect.measure.contrasts import Side
from monitor.detect.measure.series import Measure, Series
from monitor.detect.settings import JudgeSettings

STATISTICS: tuple[Statistic, ...] = ("p50", "mean")
FEWEST_BEFORE = 5.0
"""Calls before by which what an edge is used to is known well enough to count its calls."""
ENOUGH_FOR_P90 = 80.0
MOST_OF_ONE = 0.8
"""Of an edge that has more of the calls than this, its own test tells as much."""

Calls = tuple[Ints, Floats]
"""Windows, in time order, and their histograms."""


def steps_together(edges: Sequence[EdgeTests], settings: JudgeSettings) -> list[AnyStep]:
    """Latency of both roles and sides over time, over all edges of a role; none where versions
    met, or one edge has nearly all calls.
    """
    if any(edge.contrast.overlap or edge.contrast.confounded for edge in edges):
        return []
    groups = [
        _together(
            [edge for edge in edges if edge.role == role and not is_biased(edge)], side, settings
        )
        for role in ("callee", "caller")
        for side in SIDES
        if role == "callee" or side == "client"
    ]
    return [step for steps in groups for step in steps]


def _together(edges: Sequence[EdgeTests], side: Side, settings: JudgeSettings) -> list[AnyStep]:
    parts = [(edge, edge.table.latency(side), _soon(edge, settings)) for edge in edges]
    used = [
        (edge, data, since, float(data[old_rows(edge)].sum()))
        for edge, data, since in parts
        if data is not None and data[old_rows(edge)].sum() >= FEWEST_BEFORE and data[since].any()
    ]
    sums = [float(data[since].sum()) for _, data, since, _ in used]
    if len(used) < 2 or max(sums) > MOST_OF_ONE * sum(sums):
        return []
    shown = used[int(np.argmax(sums))][0]
    usual = [
        _median(data[old_rows(edge)].sum(axis=0)) + edge.table.lowest for edge, data, _, _ in used
    ]
    level = usual[[edge for edge, *_ in used].index(shown)]
    places = [
        edge.table.lowest - middle + level for (edge, *_), middle in zip(used, usual, strict=True)
    ]
    lowest = min(places)
    width = (
        max(place + data.shape[1] for place, (_, data, *_) in zip(places, used, strict=True))
        - lowest
    )
    old = _sum(
        [
            (edge, data, old_rows(edge), place - lowest)
            for (edge, data, *_), place in zip(used, places, strict=True)
        ],
        width,
    )
    new = _sum(
        [
            (edge, data, since, place - lowest)
            for (edge, data, since, _), place in zip(used, places, strict=True)
        ],
        width,
    )
    new = warm_calls(new, set_aside(new, old[1], lowest, shown.fresh))
    if new[0].size < settings.min_bad_windows:
        return []
    before, after = _above(level, lowest, old, new)
    steps: list[AnyStep] = [
        SizeStep(
            shown,
            Measure("latency", side, "", "", level, statistic),
            before,
            after,
            False,
            statistic,
            old[1],
            new[1],
            lowest,
        )
        for statistic in STATISTICS
    ]
    # of few calls in a short past there are no blocks, but how many of them are slow tells
    if old[1].sum() >= ENOUGH_FOR_P90:
        high = int(
            lifted(
                _place(old[1].sum(axis=0), 0.9),
                lowest,
                settings.latency_floor_buckets,
                settings.latency_floor_seconds,
            )
        )
        slow = _above(high + lowest, lowest, old, new)
        steps.append(
            Step(shown, Measure("latency", side, "", "", high + lowest), *slow, supported=False)
        )
    return steps


def _above(level: int, lowest: int, old: Calls, new: Calls) -> tuple[Series, Series]:
    """Calls above a level (absolute bucket), before and after."""
    above = level - lowest + 1
    before, after = (
        Series(
            windows,
            data[:, above:].sum(axis=1).astype(np.int64),
            data.sum(axis=1).astype(np.int64),
        )
        for windows, data in (old, new)
    )
    return before, after


def _soon(edge: EdgeTests, settings: JudgeSettings) -> Bools:
    return new_rows(edge) & (edge.table.windows < edge.contrast.since + settings.step_seconds)


def _sum(parts: Sequence[tuple[EdgeTests, Floats, Bools, int]], width: int) -> Calls:
    """Histograms of all parts by window, each moved up by so many buckets."""
    windows = np.unique(np.concatenate([edge.table.windows[rows] for edge, _, rows, _ in parts]))
    whole = np.zeros((windows.size, width))
    for edge, data, rows, place in parts:
        at = np.searchsorted(windows, edge.table.windows[rows])
        whole[:, place : place + data.shape[1]] += summed(data[rows], at, windows.size)
    busy = whole.sum(axis=1) > 0
    return windows[busy], whole[busy]


def _median(histogram: Floats) -> int:
    return _place(histogram, 0.5)


def _place(histogram: Floats, share: float) -> int:
    line = np.cumsum(histogram)
    return int(np.searchsorted(line, share * line[-1] - 1e-9))
