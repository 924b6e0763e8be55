"""New against old version within strata: the same window, the same region, the same version on the
other side.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from monitor.detect.arrays import Floats, Ints, placed, runs, summed
from monitor.detect.measure.columns import COUNTS, EdgeTable

Role = Literal["callee", "caller"]
Side = Literal["client", "server", "own"]
COLUMN = {name: place for place, name in enumerate(COUNTS)}


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One edge's traffic of two versions. `role` is the deployed service's place on the edge.

    `strata` has one row per (window, region, counterpart version) in which both versions had
    calls, in time order; `new` and `old` hold its counts (columns COUNTS). `before` holds the old
    version's counts per window before the deploy (`before_windows`). `since_rows` are the new
    version's rows since the deploy, overlap or not; `after_new` and `after_old` sum each side over
    them. `sides`, `exemplars` and `sums` keep what was summed or looked up of it, as long as it
    lives.
    """

    table: EdgeTable
    role: Role
    new_version: str
    old_version: str
    counterpart: str | None
    since: float
    windows: Ints
    new: Ints
    old: Ints
    new_rows: Ints
    old_rows: Ints
    stratum_of_new: Ints
    stratum_of_old: Ints
    before: Ints
    before_windows: Ints
    before_rows: Ints
    since_rows: Ints
    after_new: Ints
    after_old: Ints
    confounded: bool
    sides: dict[Side, tuple[Floats, Floats, Floats]] = field(default_factory=dict, init=False)
    exemplars: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict, init=False)
    sums: dict[str, tuple[Ints, Ints, Ints]] = field(default_factory=dict, init=False)

    @property
    def overlap(self) -> bool:
        """Whether both versions ever answered in one stratum."""
        return bool(self.windows.size)

    def column(self, name: str) -> tuple[Ints, Ints]:
        """(new, old) counts of one column per stratum."""
        place = COLUMN[name]
        return self.new[:, place], self.old[:, place]

    def by_window(self) -> tuple[Ints, Ints, Ints]:
        """The windows in which both versions met, and their counts there (new, old). Not to be
        changed.
        """
        if "met" not in self.sums:
            windows, places = runs(self.windows)
            new, old = (summed(side, places, windows.size) for side in (self.new, self.old))
            self.sums["met"] = windows, new, old
        return self.sums["met"]


def role_on(table: EdgeTable, service: str) -> Role | None:
    """The service's place on this edge; None when it takes no part.

    A service and the database it calls may bear one name: then the side that has versions is the
    service.
    """
    called, calls = table.edge.callee == service, table.edge.caller == service
    if called and calls:
        return "callee" if any(table.callee_versions) else "caller"
    return "callee" if called else "caller" if calls else None


def own_codes(table: EdgeTable, role: Role) -> tuple[tuple[str, ...], Ints]:
    """The deployed service's versions on this edge, and each row's."""
    return (
        (table.callee_versions, table.callee)
        if role == "callee"
        else (table.caller_versions, table.caller)
    )


def other_codes(table: EdgeTable, role: Role) -> tuple[tuple[str, ...], Ints]:
    """The counterpart's versions on this edge, and each row's."""
    return (
        (table.caller_versions, table.caller)
        if role == "callee"
        else (table.callee_versions, table.callee)
    )


def contrast(
    table: EdgeTable,
    role: Role,
    new_version: str,
    old_version: str,
    since: float,
    counterpart: str | None = None,
) -> Contrast:
    """Rows of `new_version` and `old_version` since the deploy, by stratum; `counterpart` narrows
    to one version pair.

    Both the same (a config or flag change): what was before the change is old and what came after
    is new; every version's calls where the edge does not know this one.
    """
    names, codes = own_codes(table, role)
    others, other = other_codes(table, role)
    own = np.full(len(names) + 1, -1)
    if new_version == old_version and new_version not in names:
        own[:] = 0
    if new_version in names:
        own[names.index(new_version)] = 1
    if old_version in names:
        own[names.index(old_version)] = 0
    side = own[codes]
    if new_version == old_version:
        side = np.where((side == 0) & (table.windows >= since), 1, side)
    keep = side >= 0
    if counterpart is not None:
        keep &= other == (others.index(counterpart) if counterpart in others else -2)
    after = keep & (table.windows >= since)
    busy = table.counts[:, 0] > 0
    after &= busy
    new_rows = np.nonzero(after & (side == 1))[0]
    old_rows = np.nonzero(after & (side == 0))[0]
    before_rows = np.nonzero(keep & busy & (side == 0) & (table.windows < since))[0]
    key = (table.windows * len(table.regions) + table.region) * len(others) + other
    shared = _in_both(key[new_rows], key[old_rows])
    same_window = bool(shared.size) or (
        bool(new_rows.size and old_rows.size)
        and np.intersect1d(table.windows[new_rows], table.windows[old_rows]).size > 0
    )
    stratum_of_new, inside_new = placed(key[new_rows], shared)
    stratum_of_old, inside_old = placed(key[old_rows], shared)
    windows = shared // (len(table.regions) * len(others))
    before_windows, before = _by_window(table, before_rows)
    columns = len(COUNTS)
    return Contrast(
        table=table,
        role=role,
        new_version=new_version,
        old_version=old_version,
        counterpart=counterpart,
        since=since,
        windows=windows,
        new=summed(table.counts[new_rows[inside_new]], stratum_of_new, shared.size),
        old=summed(table.counts[old_rows[inside_old]], stratum_of_old, shared.size),
        new_rows=new_rows[inside_new],
        old_rows=old_rows[inside_old],
        stratum_of_new=stratum_of_new,
        stratum_of_old=stratum_of_old,
        before=before,
        before_windows=before_windows,
        before_rows=before_rows,
        since_rows=new_rows,
        after_new=table.counts[new_rows].sum(axis=0)
        if new_rows.size
        else np.zeros(columns, dtype=np.int64),
        after_old=table.counts[old_rows].sum(axis=0)
        if old_rows.size
        else np.zeros(columns, dtype=np.int64),
        confounded=same_window and shared.size == 0,
    )


def histograms(contrast: Contrast, side: Side) -> tuple[Floats, Floats, Floats] | None:
    """(new, old, before) histograms: strata x buckets twice, then windows x buckets; None when a
    side is missing. Kept in `contrast.sides`, as tests, bounds and what is settled ask for them in
    turn: they are not to be changed.
    """
    if side in contrast.sides:
        return contrast.sides[side]
    data = contrast.table.latency(side)
    if data is None or not contrast.overlap:
        return None
    new = summed(data[contrast.new_rows], contrast.stratum_of_new, contrast.windows.size)
    old = summed(data[contrast.old_rows], contrast.stratum_of_old, contrast.windows.size)
    places = np.searchsorted(contrast.before_windows, contrast.table.windows[contrast.before_rows])
    before = summed(data[contrast.before_rows], places, contrast.before_windows.size)
    contrast.sides[side] = new, old, before
    return new, old, before


def _in_both(keys: Ints, others: Ints) -> Ints:
    """Numbers that are in both, each once, in order: np.intersect1d, without sorting what is in
    order.
    """
    if not ((keys[1:] > keys[:-1]).all() and (others[1:] > others[:-1]).all()):
        return np.intersect1d(keys, others)
    _, inside = placed(keys, others)
    return keys[inside]


def _by_window(table: EdgeTable, rows: Ints) -> tuple[Ints, Ints]:
    windows, places = runs(table.windows[rows])
    return windows, summed(table.counts[rows], places, windows.size)
