"""Calls that a service makes on one edge for each call that it answers, window by window: whether the
new version makes fewer or more of them, beyond what its mix of callers explains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.before_after import StepTest, fixed_e, step_test
from monitor.detect.evidence.fanout import ENOUGH_ANSWERS, ENOUGH_BEFORE, FLOOR, NOBODY
from monitor.detect.evidence.rates import SHRINK
from monitor.detect.evidence.steps import HARDLY
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import new_rows, old_rows
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import own_codes
from monitor.detect.measure.series import counts_at
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import Edge

AT_MOST = 5.0
"""So many of these calls one answer makes at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """What a service answered, per window: side by side where its versions met for long, else the
    old one before and the new one since.

    `shares` are each incoming edge's part of the answers, old and new.
    """

    side_by_side: bool
    old_windows: Ints
    new_windows: Ints
    old: Ints
    new: Ints
    shares: Mapping[Edge, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Calls that a service makes on one edge, in the windows in which it answers; `e_fewer` and
    `e_more` are logs of e-values.
    """

    edge: EdgeTests
    old: Ints
    new: Ints
    old_rate: float
    new_rate: float
    e_fewer: float
    e_more: float


def answering_of(edges: Sequence[EdgeTests], settings: JudgeSettings) -> Answering | None:
    """None where one of the versions answered too little, or nobody told how much."""
    mine = [edge for edge in edges if edge.role == "callee"]
    if not mine or not all(edge.table.is_counted for edge in mine):
        return None
    whole = mine[0].contrast
    met = np.unique(np.concatenate([edge.contrast.windows for edge in mine]))
    if met.size > HARDLY and whole.new_version != whole.old_version:
        old_windows = new_windows = met
    else:
        old_windows = np.unique(
            np.concatenate([edge.table.windows[old_rows(edge)] for edge in mine])
        )
        new_windows = np.unique(
            np.concatenate([edge.table.windows[new_rows(edge)] for edge in mine])
        )
        new_windows = new_windows[new_windows < whole.since + settings.step_seconds]
    old, new = (
        [_per_window(edge, windows, new=which) for edge in mine]
        for windows, which in ((old_windows, False), (new_windows, True))
    )
    totals = [float(sum(int(calls.sum()) for calls in side)) for side in (old, new)]
    if min(totals) < ENOUGH_ANSWERS:
        return None
    shares: dict[Edge, tuple[float, float]] = {}
    for edge, was, now in zip(mine, old, new, strict=True):
        shares[edge.table.edge] = (
            (float(was.sum()) + 0.5) / (totals[0] + 1.0),
            (float(now.sum()) + 0.5) / (totals[1] + 1.0),
        )
    sums = [np.sum(np.stack(side), axis=0).astype(np.int64) for side in (old, new)]
    return Answering(
        old_windows is new_windows, old_windows, new_windows, sums[0], sums[1], shares
    )


def made_on(edge: EdgeTests, answering: Answering) -> Made | None:
    """None where nothing tells which version called, or how often."""
    if (
        edge.role != "caller"
        or not edge.table.is_counted
        or not any(own_codes(edge.table, "caller")[0])
    ):
        return None
    old = _per_window(edge, answering.old_windows, new=False)
    new = _per_window(edge, answering.new_windows, new=True)
    phi = clumped(old, answering.old)
    k, s = float(new.sum()), float(old.sum())
    a, b = float(answering.new.sum()), float(answering.old.sum())
    share = a / (a + b)
    fewer, more = (
        fixed_e(s / phi, k / phi, 1.0 - share, FLOOR),
        fixed_e(k / phi, s / phi, share, FLOOR),
    )
    return Made(edge, old, new, s / b, k / a, fewer, more)


def beyond_the_mix(made: Made, answering: Answering, *, fewer: bool) -> bool:
    """Whether the change is more than other operations being asked can explain.

    A version that gets fewer of the requests that need these calls makes fewer of them. An
    operation of which too few are asked to have made them all, AT_MOST for each, explains nothing.
    """
    ratio = made.old_rate if fewer else made.new_rate
    ratios = [
        (now / was) if fewer else (was / now)
        for was, now in answering.shares.values()
        if (was if fewer else now) * AT_MOST >= ratio
    ]
    mixed = min([1.0, *ratios])
    changed = made.new_rate / made.old_rate if fewer else made.old_rate / max(made.new_rate, 1e-9)
    return changed * FLOOR <= mixed


def fewer_over_time(
    made: Made, answering: Answering, settings: JudgeSettings, everybodys: float = 1.0
) -> StepTest:
    """Answers for each call over time, held against earlier moments; `everybodys` is how many
    times that grew for others who call the same.
    """
    return step_test(
        (answering.old, made.old),
        (answering.new, made.new),
        clumped(made.old, answering.old),
        settings.placebo_windows,
        growth=everybodys,
    )


def more_over_time(made: Made, answering: Answering, settings: JudgeSettings) -> StepTest:
    """Calls for each answer over time, held against earlier moments."""
    return step_test(
        (made.old, answering.old),
        (made.new, answering.new),
        clumped(made.old, answering.old),
        settings.placebo_windows,
    )


def stays(made: Made, answering: Answering, *, fewer: bool) -> bool:
    """Whether both halves of the time show the change."""
    if answering.new.size < 2:
        return False
    middle = answering.new.size // 2
    rates = [
        float(made.new[part].sum()) / max(float(answering.new[part].sum()), 1.0)
        for part in (slice(0, middle), slice(middle, None))
    ]
    return all(
        rate * FLOOR <= made.old_rate if fewer else rate >= FLOOR * made.old_rate for rate in rates
    )


def clumped(calls: Ints, answers: Ints) -> float:
    """Variance over mean of the calls that so many answers make, at least 1: some answers make
    many calls, some none.
    """
    used = answers > 0
    k, a = calls[used].astype(float), answers[used].astype(float)
    if k.size < 4 or not k.sum():
        return 1.0
    pooled = float(k.sum() / a.sum())
    step = np.diff(k / a)
    squares = float(np.sum(step**2 / (pooled * (1.0 / a[1:] + 1.0 / a[:-1]))))
    return max(1.0, (squares + SHRINK) / float(step.size + SHRINK))


def everybodys_fall(
    service: str, callee: str, around: Sequence[EdgeTable], since: float
) -> tuple[float, int]:
    """How many times fewer calls the median of the others who call the same callee makes for each
    answer since, and how many tell.
    """
    sums: dict[str, list[float]] = {}
    for table in around:
        late = table.windows >= since
        counts = [float(table.counts[rows, 0].sum()) for rows in (late, ~late)]
        for name, place in (
            (table.edge.callee, 0),
            (table.edge.caller if table.edge.callee == callee else "", 2),
        ):
            if name not in ("", service, callee):
                held = sums.setdefault(name, [0.0] * 4)
                held[place] += counts[0]
                held[place + 1] += counts[1]
    ratios = [
        (after / (made_after + 0.5)) / (before / made_before)
        for after, before, made_after, made_before in sums.values()
        if min(after, before) >= ENOUGH_ANSWERS and made_before >= ENOUGH_BEFORE
    ]
    return (max(1.0, float(np.median(ratios))), len(ratios)) if ratios else (1.0, 0)


def under_another_name(
    callee: str, around: Sequence[EdgeTable], since: float, missing: float
) -> bool:
    """Whether the callee answers so many more calls of nobody known since: then the calls are
    made, and only their maker is not told.
    """
    after = before = seconds_after = seconds_before = 0.0
    for table in around:
        if table.edge.callee == callee and table.edge.caller in NOBODY and table.windows.size:
            late = table.windows >= since
            after += float(table.counts[late, 0].sum())
            before += float(table.counts[~late, 0].sum())
            seconds_after = max(seconds_after, float(table.windows[-1]) - since)
            seconds_before = max(seconds_before, since - float(table.windows[0]))
    usual = before / seconds_before * seconds_after if seconds_before > 0 else 0.0
    return bool(after - usual >= missing / 2.0)


def _per_window(edge: EdgeTests, windows: Ints, *, new: bool) -> Ints:
    """One version's calls in each of the windows."""
    table, whole = edge.table, edge.contrast
    names, codes = own_codes(table, edge.role)
    version = whole.new_version if new else whole.old_version
    rows = codes == (names.index(version) if version in names else -1)
    if whole.new_version == whole.old_version:
        rows = new_rows(edge) if new else old_rows(edge)
    return counts_at(table, windows, 0, rows)
