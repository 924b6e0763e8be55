"""Of several releases of the same minutes the one whose share of the calls the callers' bad answers
follow.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.evidence.exposure import CERTAIN, beyond_a_step, curves, likelier
from monitor.detect.evidence.tested import SIDES
from monitor.detect.judging.elsewhere import began
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import Measure, Series, bound_before, series
from monitor.model.deploys import Deploy

QUANTILE, FEWEST = 0.9, 40.0
"""Slow is what is slower than this part of the calls before, where so many tell of it."""
LEVELS_APART = 0.25


@dataclass(frozen=True, slots=True)
class Followed:
    """Rivals that explain the callers' harm surely worse than the release (`worse`), and those that
    do surely better (`better`).
    """

    worse: frozenset[str] = frozenset()
    better: frozenset[str] = frozenset()


def followed(
    deploy: Deploy,
    callers: Collection[str],
    rivals: Mapping[str, Deploy],
    near: Surroundings,
    *,
    slow: bool,
) -> Followed:
    """What these callers answer since, failed or `slow`, held against the shares of the release and
    of each rival that these calls may reach.
    """
    answers = {name: _slow(near, name) if slow else near.answered(name) for name in callers}
    answers = {
        name: series
        for name, series in answers.items()
        if series.bad.any() and _is_counted(near, name)
    }
    worse, better = set(), set()
    for name, rival in rivals.items():
        reaches = near.above({name})
        pairs = [
            (
                series,
                _curves(near, deploy, caller, series.windows, near.since),
                _curves(near, rival, caller, series.windows, began(rival)),
            )
            for caller, series in answers.items()
            if caller in reaches
        ]
        # two shares that nobody tells are never told apart
        weights = [
            likelier(series, mine, other, near.since)
            for series, mine, other in pairs
            if mine and other and min(len(mine), len(other)) == 1
        ]
        if not weights or len(weights) < len(pairs):
            continue
        if sum(weights) >= CERTAIN:
            worse.add(name)
        elif (
            len(weights) == len(callers)
            and all(len(mine) == 1 for _, mine, _ in pairs)
            and max(weights) < 0.0
            and -sum(weights) >= CERTAIN
        ):
            better.add(name)
    return Followed(frozenset(worse), frozenset(better))


def _is_counted(near: Surroundings, service: str) -> bool:
    """Whether somebody told how many calls the service answers."""
    return all(table.is_counted for table in near.around if table.edge.callee == service)


def by_its_share(deploy: Deploy, caller: str, near: Surroundings) -> bool:
    """Whether what a caller fails by grows with the new version's share, level by level, as no
    outage at any moment does: then it is by what both share, however few of its calls met it.
    """
    series = near.answered(caller)
    share = _share_told(deploy, caller, near, series.windows)
    return share is not None and beyond_a_step(series, share) >= CERTAIN


def stays(deploy: Deploy, caller: str, near: Surroundings) -> bool:
    """Whether the new version's share in what a caller gets is told, and stays where it is: no harm
    by it can grow.
    """
    share = _share_told(deploy, caller, near, near.answered(caller).windows)
    there = np.zeros(0) if share is None else share[share > 0.0]
    return bool(there.size and there.max() - there.min() < LEVELS_APART)


def _share_told(deploy: Deploy, caller: str, near: Surroundings, windows: Ints) -> Floats | None:
    """The new version's share in what a caller gets, by window; None where several are possible."""
    shares = _curves(near, deploy, caller, windows, near.since)
    return shares[0] if len(shares) == 1 else None


def _curves(
    near: Surroundings, release: Deploy, caller: str, windows: Ints, moment: float
) -> list[Floats]:
    """The release's share in what one caller gets of it; of all its calls where it is the caller
    itself, or somebody further below.
    """
    tables = [table for table in (*near.around, *near.own) if table.edge.callee == release.service]
    asked = [table for table in tables if table.edge.caller == caller]
    return curves(asked or tables, release.version, moment, windows)


def _slow(near: Surroundings, service: str) -> Series:
    """What a service answers, and how much of it is slower than most was before, by window."""
    parts = [
        part
        for table in near.around
        if table.edge.callee == service
        for part in (_slow_on(table, near),)
        if part is not None
    ]
    none = np.zeros(0, dtype=np.int64)
    if not parts:
        return Series(none, none, none)
    windows, places = np.unique(
        np.concatenate([part.windows for part in parts]), return_inverse=True
    )
    bad, calls = (
        np.bincount(
            places, weights=np.concatenate([getattr(part, name) for part in parts])
        ).astype(np.int64)
        for name in ("bad", "calls")
    )
    return Series(windows, bad, calls)


def _slow_on(table: EdgeTable, near: Surroundings) -> Series | None:
    past = table.windows <= near.since - near.grain
    for side in SIDES:
        bound = bound_before(table, past, side, QUANTILE, FEWEST)
        if bound is not None:
            every = np.ones(table.windows.size, dtype=bool)
            return series(table, every, Measure("latency", side, "", "", bound))
    return None
