"""What the newer version of a pair sends, held against what the older ones sent to the same partner:
what means something else, and what bounds the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.detect.evidence.meaning import compared_meanings
from monitor.model.meaning import Place, Sketch
from monitor.model.ramps import Age, PairMeaning

Pair = tuple[str, str, str, str]
"""Caller, its version, callee, its version."""
MOST_COMPARED, MOST_KINDS, MOST_CHANGES = 360, 30, 5
"""So many kinds of payloads are compared, at 3 ms of CPU each: of the pairs with most payloads
first, and of each its largest ones.
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """Payloads of one kind that a service in one version sent to a partner in one version, of which
    `taken` were marked. `answers`: it was called by the partner.
    """

    place: Place
    answers: bool
    service: str
    version: str
    partner: str
    partner_version: str
    taken: int
    sketches: Sequence[Sketch]

    @property
    def pair(self) -> Pair:
        """The pair whose calls these payloads are of."""
        own, other = (self.service, self.version), (self.partner, self.partner_version)
        return (*other, *own) if self.answers else (*own, *other)


def pair_meanings(sent: Iterable[Sent], ages: Mapping[str, Age]) -> dict[Pair, PairMeaning]:
    """By pair of which the service's own version is new, `ages` by version; nothing of pairs without
    any payload. Whom an older version sent to may have another version: the mix is no change.
    """
    olds: dict[tuple[bool, str, Place], list[Sent]] = {}
    news: dict[Pair, list[Sent]] = {}
    for part in sent:
        age = ages.get(part.version)
        if age == "old":
            olds.setdefault((part.answers, part.partner, part.place), []).append(part)
        elif age == "new":
            news.setdefault(part.pair, []).append(part)
    busiest = sorted(news, key=lambda pair: (-sum(it.taken for it in news[pair]), pair))
    meanings: dict[Pair, PairMeaning] = {}
    left = MOST_COMPARED
    for pair in busiest:
        parts = news[pair]
        payloads = sum(part.taken for part in parts)
        left -= min(len(parts), MOST_KINDS)
        if left < 0:
            meanings[pair] = PairMeaning(payloads, 0, None, (), passed_over=True)
            continue
        meanings[pair] = _compared(parts, olds, payloads)
    return meanings


def _compared(
    parts: Sequence[Sent], olds: Mapping[tuple[bool, str, Place], Sequence[Sent]], payloads: int
) -> PairMeaning:
    before: dict[Place, Sequence[Sketch]] = {}
    after: dict[Place, Sequence[Sketch]] = {}
    against = 0
    for part in sorted(parts, key=lambda it: -it.taken)[:MOST_KINDS]:
        old = olds.get((part.answers, part.partner, part.place), ())
        if not old:
            continue
        against += sum(it.taken for it in old)
        before[part.place] = _by_stratum(sketch for it in old for sketch in it.sketches)
        after[part.place] = list(part.sketches)
    compared = compared_meanings(before, after)
    changes = compared.changes[:MOST_CHANGES]
    return PairMeaning(payloads, against, None if changes else compared.upper, changes)


def _by_stratum(sketches: Iterable[Sketch]) -> list[Sketch]:
    """Sketches of one stratum added up; of several, the course of the first."""
    added: dict[str, dict[str, dict[str, int]]] = {}
    courses: dict[str, Mapping[str, Sequence[float]]] = {}
    for sketch in sketches:
        courses.setdefault(sketch.stratum, sketch.course)
        counts = added.setdefault(sketch.stratum, {})
        for pointer, marks in sketch.counts.items():
            held = counts.setdefault(pointer, {})
            for mark, count in marks.items():
                held[mark] = held.get(mark, 0) + count
    return [Sketch(stratum, counts, courses[stratum]) for stratum, counts in added.items()]
