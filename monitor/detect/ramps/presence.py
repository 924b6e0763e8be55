"""Which versions are live at a time, since when without a break, and which of them came later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from monitor.model.ramps import Age

_PATIENCE = 10
"""Who calls by chance is silent for ten times the usual silence once in a thousand times."""
_FEW, _UNTOLD = 3, 3
"""Of whom not more than that was seen, three times the service's own silence is taken for usual."""
_LONGEST = 6 * 3600


@dataclass(frozen=True, slots=True)
class Slot:
    """A version in one step of time: first and last window of it there (s since the epoch)."""

    at: int
    version: str
    first: int
    last: int
    spans: int
    server_calls: int
    instances: int


@dataclass(frozen=True, slots=True)
class Appearance:
    """A version was seen from `first` to `last` with no break that is longer than its `patience`
    (s). `came` is when it was seen first of all.
    """

    version: str
    first: int
    last: int
    patience: int
    came: int


def appearances(slots: Iterable[Slot], least: int) -> list[Appearance]:
    """Every version's times of being there, in order. What is `last` counts for as long as a break
    may be: `least` seconds, and longer for who is seldom seen.
    """
    by_version: dict[str, list[Slot]] = {}
    ordered = sorted(slots, key=lambda slot: slot.first)
    for slot in ordered:
        by_version.setdefault(slot.version, []).append(slot)
    usual = _silence(ordered)
    made: list[Appearance] = []
    for version, held in by_version.items():
        own = _silence(held) if len(held) > _FEW else _UNTOLD * usual
        patience = max(least, min(int(_PATIENCE * own), _LONGEST))
        came, first, last = held[0].first, held[0].first, held[0].last
        for slot in held[1:]:
            if slot.first - last > patience:
                made.append(Appearance(version, first, last, patience, came))
                first = slot.first
            last = max(last, slot.last)
        made.append(Appearance(version, first, last, patience, came))
    return sorted(made, key=lambda it: (it.first, it.version))


def _silence(slots: Sequence[Slot]) -> float:
    """Half of the silences between these were shorter (s)."""
    silences = [max(0, now.first - before.last) for before, now in pairwise(slots)]
    return median(silences) if silences else 0.0


def live_at(seen: Iterable[Appearance], at: int) -> list[Appearance]:
    """Those that are there at that time, the longest there first."""
    return [it for it in seen if it.first < at and at - it.last <= it.patience]


def began(live: Sequence[Appearance]) -> int | None:
    """When a second of the live versions came; None while there is one."""
    return sorted(it.first for it in live)[1] if len(live) > 1 else None


def overlaps(seen: Sequence[Appearance]) -> list[tuple[int, int]]:
    """The times in which two versions at least were there together, in order, first to last
    window.
    """
    ends = sorted(
        [(it.first, 0) for it in seen] + [(it.last, 1) for it in seen]
    )  # who comes when another leaves met it
    made: list[tuple[int, int]] = []
    there = start = 0
    for at, leaves in ends:
        there += -1 if leaves else 1
        if not leaves and there == 2:
            start = at
        elif leaves and there == 1:
            made.append((start, at))
    return made


def ages(live: Sequence[Appearance], began: Mapping[str, int], data_begins: int) -> dict[str, Age]:
    """Of each live version of a service under ramp, whether it was there before another came.

    The one that came first is old, also where it went and is back; the others are new. Versions
    that were there when the data began are told apart by when their deploys `began`, else not at
    all.
    """
    if len(live) < 2:
        return {it.version: "old" for it in live}
    first = sorted(live, key=lambda it: it.came)
    at_start = [it for it in first if it.came <= data_begins]
    if len(at_start) < 2:
        return {it.version: "old" if it is first[0] else "new" for it in first}
    # a version that no deploy tells of was there before those of which one does
    order = sorted(at_start, key=lambda it: began.get(it.version, 0))
    starts = [began.get(it.version, 0) for it in order]
    differs = starts[0] != starts[1]
    return {
        it.version: ("old" if it is order[0] else "new")
        if differs or it not in at_start
        else "unknown"
        for it in first
    } | ({} if differs else {it.version: "unknown" for it in at_start})
