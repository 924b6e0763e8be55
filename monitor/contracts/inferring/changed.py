"""What a provider answers otherwise than it did, without any contract: fields that were surely in
every answer and are missing, types that never stood at a place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monitor.contracts.inferring.gathered import Gathered
from monitor.contracts.inferring.held import Held, at_most
from monitor.contracts.inferring.schemas import SURE
from monitor.contracts.skeleton import TYPES
from monitor.model.pointers import escaped

FEWEST = 50
"""So many answers must have come since."""
OFTEN = 0.05
"""In so large a share of them it must be otherwise: a third party that rolls out in part, and never
wholly within a day, would else be usual before it is told.
"""
BEYOND, MORE = 3.0, 5
"""So many times as many as the most that may have been so before, and so many more: of a share that
was never seen so many come by chance once in 100,000 times.
"""


@dataclass(frozen=True, slots=True)
class ShapeChange:
    """One place of an operation's answers: `missing` in a share of those since, or of another
    `type`. `before` answers never showed that.
    """

    operation: str
    status: int
    pointer: str
    what: Literal["missing", "type"]
    kind: str
    before: int
    since: int
    share: float


def shape_changes(before: Gathered, since: Gathered) -> list[ShapeChange]:
    """What answers since then are otherwise than all those before, where these were so many that
    it surely was below 1 %.
    """
    changes = []
    for route in before.routes.keys() & since.routes.keys():
        old, new = before.routes[route].responses, since.routes[route].responses
        for status in old.keys() & new.keys():
            for media in old[status].keys() & new[status].keys():
                was, now = old[status][media].held, new[status][media].held
                changes += [
                    ShapeChange(
                        *(" ".join(route), status, pointer, what, kind),
                        *(was.payloads, now.payloads, share),
                    )
                    for pointer, what, kind, share in _places(was, now, "")
                ]
    return sorted(changes, key=lambda change: (-change.share, change.operation, change.pointer))


def _is_often(count: float, of: int, before: int) -> bool:
    """Whether so many of those since are more than what `before`, which never showed it, leaves
    open.
    """
    return of >= FEWEST and count >= max(OFTEN * of, BEYOND * of * at_most(before) + MORE)


_Told = tuple[str, Literal["missing", "type"], str, float]


def _places(old: Held, new: Held, at: str) -> Iterator[_Told]:
    if at_most(old.payloads) <= SURE and not old.cut:
        for word in sorted((+new.kinds).keys() - (+old.kinds).keys()):
            often = _is_often(new.kinds[word], new.payloads, old.payloads)
            if often and word in TYPES and "x" not in old.kinds:
                yield at, "type", TYPES[word], new.kinds[word] / new.payloads
    objects = new.kinds["o"]
    if not old.is_map:
        for name, field in old.fields.items():
            place, now = f"{at}/{escaped(name)}", new.fields.get(name)
            there = 0 if now is None else now.payloads - new.lacking[name]
            surely = old.always(name) and at_most(old.kinds["o"]) <= SURE
            often = _is_often(objects - there, objects, old.kinds["o"])
            if surely and often and not new.cut:
                yield place, "missing", "", 1 - there / objects
            elif now is not None:
                yield from _places(field, now, place)
    if old.items is not None and new.items is not None:
        yield from _places(old.items, new.items, f"{at}/*")
