"""Whose version a row bears, and which versions met where a row bears only one: by the other
side's rows, or by time.

A row's version is the teller's. What one side tells without the judged service's version is filled
in where that version is the only one of its time; where two are live it would be a mixture, and is
left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.outside.releases import Releases
from monitor.outside.told import Ints, Rows, Told, numbered

SHARED = 0.5
"""A bin that a deploy cuts is of the new version when so much of it comes after; else it is of
neither, and left out.
"""
LATE = 3
BEFORE, AFTER = "before", "after"
"""Names of versions that nobody named."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """Both ends' versions of each row, as codes into `names`; `kept` rows are judged. `timed`: the
    service's versions go by time alone.
    """

    kept: Bools
    caller: Ints
    callee: Ints
    names: tuple[str, ...]
    old: str
    new: str
    timed: bool


def resolved(rows: Rows, windows: Ints, calls: Ints, subject: Told, deploys: Releases) -> Resolved:
    """`rows` all touch the service; `deploys` are all of the case."""
    names = list(rows.version.names)
    for name in ("", subject.version_from or BEFORE, subject.version_to or AFTER):
        if name not in names:
            names.append(name)
    none = names.index("")
    callers_own = ~_owned_by_callee(rows, deploys)
    caller = np.where(callers_own, rows.version.codes, none)
    callee = np.where(callers_own, none, rows.version.codes)
    answers = rows.callee.is_any(subject.service)
    own, other = np.where(answers, callee, caller), np.where(answers, caller, callee)
    line = _Line.of(windows, own, (own != none) & (calls > 0))
    old, new = _names(subject, line, names)
    if not line.windows.size:
        full, timed = _by_time(rows, subject, names.index(old), names.index(new), none), True
    else:
        # of its own calls none may be missing
        alone = np.where(answers, line.alone(windows, none), line.at(windows, none))
        full, timed = np.where(own == none, alone, own), False
    partners = _partners(rows, subject.service)
    filled, single = other.copy(), np.ones(len(rows), dtype=bool)
    for code in np.unique(partners).tolist():
        mine = partners == code
        about = _Line.of(windows[mine], other[mine], (other[mine] != none) & (calls[mine] > 0))
        single[mine] = about.single
        filled[mine] = np.where(other[mine] == none, about.at(windows[mine], none), other[mine])
    mixed = ~single | (not timed and not line.single)
    # whose answers these are is not known yet: no pass without them
    untold = answers & (full == none) & line.is_mixed
    kept = ~_told_twice(rows, own != none, mixed) & ((full != none) | untold)
    whole = np.where(mixed, other, filled)
    return Resolved(
        kept,
        np.where(answers, whole, full),
        np.where(answers, full, whole),
        tuple(names),
        old,
        new,
        timed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The versions of one service over time; `single`: never two in one window."""

    windows: Ints
    codes: Ints
    single: bool

    @classmethod
    def of(cls, windows: Ints, codes: Ints, used: Bools) -> "_Line":
        width = int(codes.max(initial=0)) + 1
        pairs = np.unique(windows[used] * width + codes[used])
        once = pairs // width
        return cls(once, pairs % width, single=bool((once[1:] != once[:-1]).all()))

    def at(self, windows: Ints, none: int) -> Ints:
        """The version that was live last; `none` where two are live at a time."""
        if not self.single or not self.windows.size:
            return np.full(windows.size, none)
        return self.codes[np.maximum(np.searchsorted(self.windows, windows, side="right") - 1, 0)]

    def alone(self, windows: Ints, none: int) -> Ints:
        """The version that was the only one live; `none` while two are, from when one is first
        seen until the other is last.
        """
        if self.single or not self.windows.size:
            return self.at(windows, none)
        spans = {code: self.windows[self.codes == code] for code in np.unique(self.codes).tolist()}
        out = np.full(windows.size, -1)
        for code, seen in spans.items():
            inside = (windows >= seen.min()) & (windows <= seen.max())
            out = np.where(inside, np.where(out == -1, code, none), out)
        last = self.codes[np.maximum(np.searchsorted(self.windows, windows, side="right") - 1, 0)]
        return np.where(out == -1, last, out)

    @property
    def is_mixed(self) -> bool:
        """Whether two versions were live at the end, give or take the windows in which a small
        share may have no call.
        """
        late = (
            self.windows >= np.unique(self.windows)[-LATE:][0]
            if self.windows.size
            else np.zeros(0, dtype=bool)
        )
        return bool(np.unique(self.codes[late]).size > 1)


def _owned_by_callee(rows: Rows, deploys: Releases, but: Told | None = None) -> Bools:
    if not len(rows):
        return np.zeros(0, dtype=bool)
    columns = (rows.caller, rows.callee, rows.side, rows.version)
    combinations, places = numbered(*columns)
    callers, callees, sides, versions = (
        [column.names[code] for code in column.codes[combinations].tolist()] for column in columns
    )
    versions_of = {
        service: set(deploys.versions(service, but)) for service in {*callers, *callees}
    }
    for callee, side, version in zip(callees, sides, versions, strict=True):
        if side == "server" and version:
            versions_of[callee].add(version)
    owned = np.array(
        [
            _callee_owns(*ends, versions_of)
            for ends in zip(callers, callees, sides, versions, strict=True)
        ],
        dtype=np.bool_,
    )
    return np.asarray(owned[places], dtype=np.bool_)


def versions_beside(rows: Rows, deploys: Releases, but: Told) -> tuple[tuple[str, ...], Ints]:
    """Names of versions, "" first, and each row's callee version among these: of what these
    deploys, `but` for one, released, where the row tells of what answered; else "".
    """
    released = np.array(
        [deploys.names_version(name, but) for name in rows.callee.names], dtype=np.bool_
    )
    owned = released[rows.callee.codes]
    if not owned.any():
        return ("",), np.zeros(len(rows), dtype=np.int64)
    names = ("", *(name for name in rows.version.names if name))
    code_of = {name: code for code, name in enumerate(names)}
    places = np.array([code_of[name] for name in rows.version.names])
    owned &= _owned_by_callee(rows, deploys, but)
    return names, np.where(owned, places[rows.version.codes], 0)


def _callee_owns(
    caller: str, callee: str, side: str, version: str, versions: Mapping[str, set[str]]
) -> bool:
    if side == "server":
        return True
    by_caller, by_callee = version in versions.get(caller, ()), version in versions.get(callee, ())
    return by_callee if by_caller != by_callee else side != "client"


def _names(subject: Told, line: _Line, names: Sequence[str]) -> tuple[str, str]:
    """Old and new version: as told, else the one that is new since the deploy."""
    old, new = subject.version_from or BEFORE, subject.version_to or AFTER
    if subject.version_to or not line.windows.size:
        return old, new
    before = set(line.codes[line.windows < subject.at].tolist())
    fresh = [
        code
        for code in line.codes[line.windows >= subject.at - SHARED * 60.0].tolist()
        if code not in before
    ]
    return subject.version_from, names[fresh[0]] if fresh else ""


def _by_time(rows: Rows, subject: Told, old: int, new: int, none: int) -> Ints:
    """Old before the deploy, or before the new version was ready if that is told; new since.

    Neither for a bin that is more before than after, and yet not before.
    """
    begins = max(subject.at, subject.canary_ready or subject.at)
    late, early = rows.ts >= begins - SHARED * rows.step_s, rows.ends <= begins
    return np.where(late, new, np.where(early, old, none))


def _partners(rows: Rows, service: str) -> Ints:
    """A code for the service at the other end."""
    answers = rows.callee.is_any(service)
    return np.where(answers, rows.caller.codes, rows.callee.codes + len(rows.caller.names))


def _told_twice(rows: Rows, carries: Bools, mixed: Bools) -> Bools:
    """Rows left out because the edge's other side tells the same calls and they cannot be put
    together: versions are mixed.

    The side that carries the judged service's version stays; the callee's when both do, or
    neither.
    """
    out = np.zeros(len(rows), dtype=bool)
    if not mixed.any():
        return out
    client = rows.side.is_any("client")
    _, edges = numbered(rows.caller, rows.callee, rows.operation)
    for code in np.unique(edges[mixed]).tolist():
        mine = edges == code
        theirs, ours = mine & client, mine & ~client
        if theirs.any() and ours.any():
            out |= ours if carries[theirs].any() and not carries[ours].any() else theirs
    return out
