"""What the values that two live versions of a service sent meant, compared: from marks of payloads, by
whom they were sent to, and by hour where both were live at once. A payload is its sender's: an
answer the callee's, a request or a message the caller's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.contracts.marks import COUNTING, MARKED, SEPARATOR, SQUARES, worth
from monitor.detect.evidence.meaning import meaning_changes
from monitor.detect.evidence.meaning_questions import FEWEST, middle
from monitor.model.edges import beside
from monitor.model.meaning import MeaningChange, Place, Sketch
from monitor.store.reader import MeantQuery, Provider, Reader

TOGETHER = 0.5
"""Versions are compared hour by hour where so much of the new one's was while both were live."""
BESIDE = 400
"""So many of the old one's payloads then, or half of all that it has, are enough to compare."""
_NO_HOUR = datetime.fromtimestamp(0, UTC)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of payload of both versions: how many were marked of each, and whether that is
    enough to tell anything. `at_once`: hour by hour.
    """

    operation: str
    status: int
    side: str
    old_payloads: int
    new_payloads: int
    at_once: bool
    enough: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """Two versions and what changed; versions are "" where there are no two to compare."""

    old: str
    new: str
    changes: Sequence[MeaningChange]
    kinds: Sequence[Compared]


def compared(
    reader: Reader, asked: MeantQuery, old: str, new: str, since: datetime, until: datetime
) -> Meaning:
    """What means something else in `new` than in `old`. "" for `new` is the version that was seen
    first last, for `old` that of the others with most payloads.
    """
    rows = reader.meant(asked, since, until, by_hour=True)
    new = new or _newest(rows)
    old = old or _usual(rows, new)
    if not old or not new or old == new:
        return Meaning("", new, [], [])
    before, after = ([row for row in rows if row["version"] == it] for it in (old, new))
    return Meaning(old, new, *_changed(before, after))


def changed_since(
    reader: Reader, provider: Provider, since: datetime, then: datetime, until: datetime
) -> Sequence[MeaningChange]:
    """What the answers of a provider that tells no version mean otherwise since an hour, by
    caller.
    """
    rows = [
        {**row, "partner": row["caller"], "partner_namespace": row["caller_namespace"]}
        for row in reader.shape_marks_by_hour(provider, since, until)
        if row["side"] == "response"
    ]
    before = [row for row in rows if row["hour"] < then]
    return _changed(before, [row for row in rows if row["hour"] >= then])[0]


def _changed(
    before: Iterable[Row], after: Iterable[Row]
) -> tuple[Sequence[MeaningChange], Sequence[Compared]]:
    olds, news = _by_kind(before), _by_kind(after)
    kinds: list[Compared] = []
    old: dict[Place, list[Sketch]] = {}
    new: dict[Place, list[Sketch]] = {}
    both = olds.keys() & news.keys()
    for place in sorted(both, key=lambda it: (it.operation, it.status, it.side)):
        beside = at_once(olds[place], news[place])
        old[place] = sketches_of(olds[place], at_once=beside)
        new[place] = sketches_of(news[place], at_once=beside)
        sizes = [sum(part.taken for part in marked) for marked in (olds[place], news[place])]
        kinds.append(
            Compared(
                operation=place.operation,
                status=place.status,
                side=place.side,
                old_payloads=sizes[0],
                new_payloads=sizes[1],
                at_once=beside,
                enough=min(sizes) >= FEWEST,
            )
        )
    return meaning_changes(old, new), kinds


@dataclass(frozen=True, slots=True)
class Marked:
    """Marks of one partner in one hour; `taken` payloads were marked, each stands for `each`."""

    partner: str
    namespace: str
    hour: datetime
    taken: int
    each: float
    marks: Mapping[str, int]

    @property
    def whom(self) -> str:
        """The partner beside others of its name."""
        return beside(self.namespace, self.partner)


def _by_kind(rows: Iterable[Row]) -> dict[Place, list[Marked]]:
    kinds: dict[Place, list[Marked]] = {}
    for row in rows:
        marked = marked_of(row)
        if marked is not None:
            place = Place(row["operation"], int(row["status"]), row["side"], "")
            kinds.setdefault(place, []).append(marked)
    return kinds


def marked_of(row: Row) -> Marked | None:
    """A row of marks; None where it counts no payload."""
    marks = dict(row["marks"])
    weight = int(marks.get(SEPARATOR, 0))
    taken = worth(
        weight,
        int(marks.get(f"{SEPARATOR}{MARKED}", 0)),
        int(marks.get(f"{SEPARATOR}{SQUARES}", 0)),
    )
    if not taken or not weight:
        return None
    partner, namespace = row.get("partner", ""), row.get("partner_namespace", "")
    return Marked(partner, namespace, row["hour"], taken, weight / taken, marks)


def at_once(old: Sequence[Marked], new: Sequence[Marked]) -> bool:
    """Whether both versions were mostly live at the same hours, of the same callers: enough of the
    old one then, and most of the new one.
    """
    live, came = ({(part.whom, part.hour) for part in side} for side in (old, new))
    met = sum(part.taken for part in new if (part.whom, part.hour) in live)
    beside = sum(part.taken for part in old if (part.whom, part.hour) in came)
    enough = min(BESIDE, TOGETHER * sum(part.taken for part in old))
    return met >= TOGETHER * sum(part.taken for part in new) and beside >= enough


class MarksByPlace:
    """Marks of many rows by place. Rows have mostly the same marks: each is taken apart once, and
    of a row only those of the places that are asked for are counted.
    """

    def __init__(self) -> None:
        self._seen = set[str]()
        self._by_place: dict[str, list[tuple[str, str]]] = {}

    def of(self, row: Row) -> Mapping[str, Mapping[str, int]]:
        """How many of the payloads that were marked showed each mark, by place."""
        marked = marked_of({"hour": _NO_HOUR, **row})
        if marked is None:
            return {}
        for key in marked.marks.keys() - self._seen:
            place, _, mark = key.partition(SEPARATOR)
            if place or mark not in COUNTING:
                self._by_place.setdefault(place, []).append((key, mark))
        self._seen |= marked.marks.keys()
        return _Counts(marked, self._by_place)


class _Counts(Mapping[str, Mapping[str, int]]):
    """Those of one row."""

    def __init__(self, marked: Marked, by_place: Mapping[str, list[tuple[str, str]]]) -> None:
        self._marked, self._by_place = marked, by_place
        self._counted: dict[str, dict[str, int]] = {}

    def __getitem__(self, place: str) -> Mapping[str, int]:
        counts = self._counted.get(place)
        if counts is None:
            marks, each = self._marked.marks, self._marked.each
            counts = self._counted[place] = {
                mark: round(int(marks[key]) / each)
                for key, mark in self._by_place.get(place, ())
                if key in marks
            }
        if not counts:
            raise KeyError(place)
        return counts

    def __iter__(self) -> Iterator[str]:
        return (place for place in self._by_place if place in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def counts_of(row: Row) -> Mapping[str, Mapping[str, int]]:
    """The same of a single row."""
    return MarksByPlace().of(row)


def sketches_of(marked: Sequence[Marked], *, at_once: bool) -> list[Sketch]:
    """Sketches by caller, and by hour where versions were live at once."""
    by_stratum: dict[str, list[Marked]] = {}
    for part in marked:
        stratum = f"{part.whom}{SEPARATOR}{part.hour:%Y-%m-%dT%H}" if at_once else part.whom
        by_stratum.setdefault(stratum, []).append(part)
    return [
        Sketch(stratum, _summed(parts), {} if at_once else _course(parts))
        for stratum, parts in by_stratum.items()
    ]


def _summed(marked: Sequence[Marked]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for part in marked:
        for key, count in part.marks.items():
            place, _, mark = key.partition(SEPARATOR)
            if place or mark not in COUNTING:
                number = round(int(count) / part.each)
                counts.setdefault(place, Counter())[mark] += number
    return counts


def _course(marked: Sequence[Marked]) -> dict[str, list[float]]:
    """By pointer, where all are whole numbers above zero: their middle, hour after hour, of hours
    together as long as there are too few.
    """
    held: dict[str, Counter[int]] = {}
    course: dict[str, list[float]] = {}
    others: set[str] = set()
    for part in sorted(marked, key=lambda it: it.hour):
        for key, count in part.marks.items():
            place, _, mark = key.partition(SEPARATOR)
            if mark[:2] == "ip":
                held.setdefault(place, Counter())[int(mark[2:])] += round(int(count) / part.each)
            elif mark[:1] in ("i", "f") and mark != "iz":
                others.add(place)
        for place in [place for place, powers in held.items() if powers.total() >= FEWEST]:
            among = middle(held.pop(place))
            course.setdefault(place, []).extend([] if among is None else [among])
    return {place: change for place, change in course.items() if place not in others}


def _newest(rows: Sequence[Row]) -> str:
    first: dict[str, datetime] = {}
    for row in rows:
        if row["version"]:
            first[row["version"]] = min(row["hour"], first.get(row["version"], row["hour"]))
    return max(first, key=lambda version: (first[version], version), default="")


def _usual(rows: Sequence[Row], new: str) -> str:
    payloads = Counter[str]()
    for row in rows:
        if row["version"] and row["version"] != new:
            payloads[row["version"]] += int(dict(row["marks"]).get(f"{SEPARATOR}{MARKED}", 0))
    return max(payloads, key=lambda version: (payloads[version], version), default="")
