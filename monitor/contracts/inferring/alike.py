"""Which answers are of one kind, by their fields: the same at the top, and nearly the same below."""

from collections import Counter
from collections.abc import Iterator, Sequence

from monitor.contracts.inferring.held import MANY_NAMES, SELDOM, Held

Fields = frozenset[tuple[str, str]]
"""Places of fields, as `/a/b`, each with the kinds of its values."""
OPTIONAL = "?"
Parted = tuple[frozenset[str], frozenset[str]]
"""The places at the top, and those below."""
LIKE = 0.7
"""So many of the fields below those at the top must be the same where answers are alike."""
_MOST_COMPARED = 40
_DEEP = 3


def places_of(held: Held, above: str = "", deep: int = _DEEP) -> Iterator[tuple[str, str]]:
    """The fields of objects, three deep, each with the kinds of its values, and "?" where some
    lacked it.
    """
    if not deep:
        return
    for name, below in held.fields.items():
        yield (
            f"{above}/{name}",
            "".join(sorted(+below.kinds)) + ("" if held.always(name) else OPTIONAL),
        )
        yield from places_of(below, f"{above}/{name}", deep - 1)
        if below.items is not None:
            yield from places_of(below.items, f"{above}/{name}/*", deep - 1)


def most_like(answers: Sequence[Parted]) -> Parted:
    """The kind of answer that most of these are like."""
    kinds = [kind for kind, _ in Counter(answers).most_common(_MOST_COMPARED)]
    return max(kinds, key=lambda kind: sum(is_like(answer, kind) for answer in answers))


def is_like(answer: Parted, kind: Parted) -> bool:
    """Whether two answers have the same fields at the top and nearly the same below: what is
    wrapped alike (`{"data": …}`) may be of many kinds.
    """
    (top, below), (top_of_kind, below_of_kind) = answer, kind
    return top == top_of_kind and len(below & below_of_kind) >= LIKE * len(below | below_of_kind)


def parted(answers: Sequence[Fields]) -> list[Parted]:
    """The places of each, but for those that some lacked, and that are below maps: many names, each
    seldom, and all of one kind.
    """
    children: dict[str, Counter[tuple[str, str]]] = {}
    having = Counter[str]()
    for fields in answers:
        parents = set[str]()
        for field in fields:
            parent = field[0].rpartition("/")[0]
            children.setdefault(parent, Counter())[field] += 1
            parents.add(parent)
        having.update(parents)
    maps = tuple(
        f"{parent}/"
        for parent, held in children.items()
        if parent
        and len(held) >= MANY_NAMES
        and max(held.values()) < SELDOM * having[parent]
        and len({kinds.removesuffix(OPTIONAL) for _, kinds in held}) == 1
    )
    optional = {place for fields in answers for place, kinds in fields if kinds.endswith(OPTIONAL)}
    within = (*maps, *(f"{place}/" for place in optional))
    places = [frozenset(place for place, _ in fields) for fields in answers]
    tops = [frozenset(place for place in held if place.count("/") == 1) for held in places]
    return [
        (top, frozenset(place for place in held - top - optional if not place.startswith(within)))
        for top, held in zip(tops, places, strict=True)
    ]
