"""What can be asked of two versions' values at a place: shares of marks, stratum by stratum, and by how
much each must have changed to be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from monitor.detect.arrays import Floats
from monitor.model.meaning import MeaningCode, Place, Sketch

FEWEST = 50
"""So many values of either version a place must have had."""
CLEAR, LARGE = 0.2, 0.3
"""The least change of a share that is told: of what is special (null, zero, empty, negative), and
of a mix.
"""
NOW, NEARLY_ALL = 7, 0.95
"""A time within so many powers of two of s, two minutes, is of now."""
BEYOND = 2
"""Powers of two beyond the usual middle that a value is large, or small, from."""
SHIFTED, GROWN = 1.6, 3.0
"""So many powers of two the middle must have moved by: three times; eight times where all are whole
and above zero, as ids and counts are, which grow. By hours these must have leapt so far.
"""
MIXED = 0.25
"""So much of a mix of words must be otherwise (total variation)."""
NAMED = 0.08
WENT, REPLACED, RENAMED = 0.1, 0.03, 0.012
"""A category of so large a share that is seen no more went; of a smaller one where another one that
was never seen came; of one that is smaller still, where that came with about its share.
"""
ALIKE = 1.6
SWAPPED, SAME_SHARES, FEWEST_SWAPPED = 0.1, 0.2, 4
"""A smaller part of a mix is enough where the shares are the same and stand at other words: what
the shares themselves differ by is so small a part of it. Of few words any mix looks so.
"""
NAMED_SWAPPED = 0.04
CLOSED, SINGLE = 16, 1
"""At most so many categories, each seen oftener than once, are a list of words."""
Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Share:
    """One question: of so many values, how many are so, in each stratum, new and old."""

    code: MeaningCode
    kind: str
    least: float
    new: tuple[Floats, Floats]
    old: tuple[Floats, Floats]
    factor: float = 1.0
    moved: bool = True


def questions(
    kind: Place, old: Sequence[Sketch], new: Sequence[Sketch]
) -> Iterator[tuple[Place, Share]]:
    """Every question of a kind of payloads, by its place in them."""
    strata = sorted({sketch.stratum for sketch in old} & {sketch.stratum for sketch in new})
    by_old, by_new = ({sketch.stratum: sketch for sketch in side} for side in (old, new))
    pointers = sorted(
        {pointer for stratum in strata for pointer in by_old[stratum].counts}
        | {pointer for stratum in strata for pointer in by_new[stratum].counts}
    )
    fields = [
        {stratum: _objects(side[stratum]) for stratum in strata} for side in (by_old, by_new)
    ]
    for pointer in pointers:
        if pointer.endswith("/+") or "/+/" in pointer:
            continue  # not the first of its array
        place = Place(kind.operation, kind.status, kind.side, pointer)
        # in a query all is text, and what looks like a number is marked as one
        pair = _Pair(strata, by_old, by_new, pointer, fields if kind.side != "query" else None)
        for share in pair.shares():
            yield place, share


def _objects(sketch: Sketch) -> dict[str, int]:
    """At how many places of each pointer an object surely stood: as often as one of its fields."""
    objects: dict[str, int] = {}
    for pointer, counts in sketch.counts.items():
        above, _, step = pointer.rpartition("/")
        if pointer and step not in "*+":
            objects[above] = max(objects.get(above, 0), counts.get("", 0))
    return objects


class _Pair:
    """The counts of one pointer in both versions, stratum by stratum."""

    def __init__(
        self,
        strata: Sequence[str],
        old: Mapping[str, Sketch],
        new: Mapping[str, Sketch],
        pointer: str,
        fields: Sequence[Mapping[str, Counts]] | None,
    ) -> None:
        nothing: Counts = {}
        self._old = [old[stratum].counts.get(pointer, nothing) for stratum in strata]
        self._new = [new[stratum].counts.get(pointer, nothing) for stratum in strata]
        self._courses = [
            [list(side[stratum].course.get(pointer, ())) for side in (old, new)]
            for stratum in strata
        ]
        self._typed = fields is not None
        self._objects = [
            np.array([side[stratum].get(pointer, 0) for stratum in strata], np.float64)
            for side in fields or ()
        ]
        above, _, step = pointer.rpartition("/")
        self._above = (
            (
                [side[stratum].counts.get(above, nothing) for stratum in strata]
                for side in (old, new)
            )
            if pointer and step != "*"
            else None
        )

    def shares(self) -> Iterator[Share]:
        """Every question that can be asked."""
        yield from self._presence()
        if self._typed:
            yield from self._types()
        yield from self._numbers()
        yield from self._texts()
        yield from self._lists()
        yield from self._of("truth", "", CLEAR + 0.1, ("b1",), ("b0", "b1"))

    def _presence(self) -> Iterator[Share]:
        yield from self._of("null", "", CLEAR, ("0",), ("",))
        if self._above is None:
            return
        old_above, new_above = self._above
        old_there, new_there = (_sums(side, [""]) for side in (old_above, new_above))
        old_here, new_here = (_sums(side, [""]) for side in (self._old, self._new))
        if not old_here.any():
            return  # a field that came meant nothing before
        yield Share(
            "missing",
            "",
            CLEAR,
            (np.maximum(new_there - new_here, 0), new_there),
            (np.maximum(old_there - old_here, 0), old_there),
        )

    def _types(self) -> Iterator[Share]:
        """How many are of each type, where several are seen: without a contract nothing else tells
        that a number became an object. Masked values and nulls have no type here.
        """
        kinds = {"number": "if", "text": "t", "truth": "b", "list": "a"}
        marks = {kind: self._marks(first) for kind, first in kinds.items()}
        counted = {
            kind: (_sums(self._old, held), _sums(self._new, held))
            for kind, held in marks.items()
            if held
        }
        if np.any(self._objects):
            counted["object"] = (self._objects[0], self._objects[1])
        if len(counted) > 1:
            old, new = (np.sum([sides[at] for sides in counted.values()], axis=0) for at in (0, 1))
            for kind, sides in counted.items():
                yield Share("type", kind, LARGE, (sides[1], new), (sides[0], old))

    def _numbers(self) -> Iterator[Share]:
        numbers = self._marks("if")
        if not numbers:
            return
        zeros = [mark for mark in numbers if mark[1] == "z"]
        yield from self._of("zero", "", CLEAR, zeros, numbers)
        yield from self._of(
            "negative", "", CLEAR, [mark for mark in numbers if mark[1] == "n"], numbers
        )
        yield from self._of(
            "whole", "", LARGE, [mark for mark in numbers if mark[0] == "i"], numbers
        )
        decimals = self._marks("d")
        for least in (2, 3, 4):
            more = [mark for mark in decimals if int(mark[1:]) >= least]
            yield from self._of("decimals", "", LARGE, more, decimals)
        powers = {mark: int(mark[2:]) for mark in numbers if mark[1] != "z"}
        grows = all(mark[:2] in ("ip", "iz") for mark in numbers)
        shifted = GROWN if grows else SHIFTED
        for share in self._moved(powers, ("smaller", "larger"), shifted):
            counts_on = grows and share.code == "larger" and self._counts_on()
            yield replace(share, moved=share.moved and not counts_on)

    def _counts_on(self) -> bool:
        """Whether whole numbers went on growing as a counter does: from the old version's last
        hour to the new one's newest none was far above the hour before. False where hours tell
        too little.
        """
        courses = [[*old[-1:], *new] for old, new in self._courses if old and new]
        return bool(courses) and all(
            after - before < GROWN for course in courses for before, after in pairwise(course)
        )

    def _texts(self) -> Iterator[Share]:
        texts = self._marks("t")
        if not texts:
            return
        yield from self._moved(
            {mark: _power(int(mark[1:])) for mark in texts}, ("shorter", "longer"), SHIFTED
        )
        words: tuple[tuple[MeaningCode, str], ...] = (
            ("format", "F"),
            ("signs", "k"),
            ("zone", "z"),
            ("precision", "p"),
        )
        for code, first in words:
            marks = self._marks(first)
            for mark in marks:
                yield from self._of(code, mark[1:], LARGE, (mark,), marks)
        distances = {
            mark: int(mark[2:]) * (-1 if mark[1] == "n" else 1)
            for mark in self._marks("w")
            if len(mark) > 1
        }
        if self._of_now(distances):
            yield from self._moved(distances, ("earlier", "later"), SHIFTED)
        yield from self._categories()

    def _of_now(self, distances: Mapping[str, int]) -> bool:
        """Whether the old version's times are those of the answer. Others grow old by themselves."""
        soon = [mark for mark, power in distances.items() if abs(power) <= NOW]
        total = _sums(self._old, list(distances)).sum()
        return bool(_sums(self._old, soon).sum() >= NEARLY_ALL * total)

    def _categories(self) -> Iterator[Share]:
        """Of a list of words: one that is seen no more, and how often each is seen."""
        marks = self._marks("c")
        before, after = (
            {mark: float(sum(counts.get(mark, 0) for counts in side)) for mark in marks}
            for side in (self._old, self._new)
        )
        usual = {mark: count for mark, count in before.items() if count}
        total = sum(usual.values())
        closed = len(usual) <= CLOSED and "c" not in usual and min(usual.values(), default=0) > 1
        if not closed or len(usual) < 2 or total < FEWEST:
            return
        mixed, swapped = self._variation(marks)
        # a word that came or went is told by itself
        swapped = swapped and len(usual) >= FEWEST_SWAPPED and all(after[mark] for mark in usual)
        seen = max(sum(after.values()), 1.0)
        fresh = [after[mark] / seen for mark in after.keys() - usual]
        came = any(share > REPLACED for share in fresh)
        for mark, count in usual.items():
            share_before = count / total
            renamed = any(share_before / ALIKE <= share <= ALIKE * share_before for share in fresh)
            least = RENAMED if renamed else REPLACED if came else WENT
            if share_before >= least and not after[mark]:
                yield from self._of("category_went", "", least / 2, (mark,), marks)
            else:
                floor = NAMED_SWAPPED if swapped else NAMED
                for share in self._of("categories", "", floor, (mark,), marks):
                    yield replace(share, moved=mixed or swapped)

    def _variation(self, marks: Sequence[str]) -> tuple[bool, bool]:
        """Whether a mix is otherwise, over the strata; and whether it is the same shares at other
        words.
        """
        old, new = (
            np.array([[counts.get(mark, 0) for mark in marks] for counts in side], np.float64)
            for side in (self._old, self._new)
        )
        a, b = new.sum(axis=1), old.sum(axis=1)
        used = (a > 0) & (b > 0)
        if not used.any():
            return False, False
        a, b = a[used], b[used]
        weights = a * b / (a + b)
        before, after = (
            weights @ (side[used] / of[:, None]) / weights.sum()
            for side, of in ((old, b), (new, a))
        )
        by = float(np.abs(after - before).sum() / 2)
        shares = float(np.abs(np.sort(after) - np.sort(before)).sum() / 2)
        return by >= MIXED, by >= SWAPPED and shares <= SAME_SHARES * by

    def _lists(self) -> Iterator[Share]:
        lists = self._marks("a")
        if not lists:
            return
        yield from self._of("empty_list", "", CLEAR, ("a0",), lists)
        lengths = {mark: _power(int(mark[1:])) for mark in lists if mark != "a0"}
        yield from self._moved(lengths, ("shorter_list", "longer_list"), SHIFTED)

    def _moved(
        self,
        powers: Mapping[str, int],
        codes: tuple[MeaningCode, MeaningCode],
        least: float,
    ) -> Iterator[Share]:
        """How many are far below, and far above, the old version's middle."""
        if not powers:
            return
        before, after = (_middle(side, powers) for side in (self._old, self._new))
        if before is None or after is None:
            return
        middle = round(before)
        below = [mark for mark, power in powers.items() if power <= middle - BEYOND]
        above = [mark for mark, power in powers.items() if power >= middle + BEYOND]
        by = after - before
        for code, marks, moved in (
            (codes[0], below, by <= -least),
            (codes[1], above, by >= least),
        ):
            for share in self._of(code, "", LARGE, marks, list(powers)):
                yield replace(share, factor=2.0**by, moved=moved)

    def _marks(self, first: str) -> list[str]:
        """Marks that begin with one of these letters, in either version."""
        return sorted(
            {mark for counts in (*self._old, *self._new) for mark in counts if mark[:1] in first}
            - {""}
        )

    def _of(
        self,
        code: MeaningCode,
        kind: str,
        least: float,
        marks: Sequence[str],
        of: Sequence[str],
    ) -> Iterator[Share]:
        new, old = ((_sums(side, marks), _sums(side, of)) for side in (self._new, self._old))
        if new[1].any() and old[1].any() and (new[0].any() or old[0].any()):
            yield Share(code, kind, least, new, old)


def _sums(side: Sequence[Counts], marks: Sequence[str]) -> Floats:
    return np.array(
        [sum(counts.get(mark, 0) for mark in marks) for counts in side], dtype=np.float64
    )


def _middle(side: Sequence[Counts], powers: Mapping[str, int]) -> float | None:
    by_power: dict[int, int] = {}
    for counts in side:
        for mark, power in powers.items():
            by_power[power] = by_power.get(power, 0) + counts.get(mark, 0)
    return middle(by_power)


def middle(by_power: Mapping[int, int]) -> float | None:
    """The median of powers that were counted, with its place inside its bucket; None of none."""
    total = sum(by_power.values())
    seen = 0
    for power in sorted(by_power):
        count = by_power[power]
        if count and seen + count >= total / 2:
            return power - 0.5 + (total / 2 - seen) / count
        seen += count
    return None


def _power(length: int) -> int:
    return length.bit_length()
