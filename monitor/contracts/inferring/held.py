"""What payloads of one kind held together: how many of them what, place by place."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from monitor.contracts.marks import MARKED, SEPARATOR
from monitor.contracts.skeleton import Node

CONFIDENCE = 0.95
_KINDS = "nbdsxoaz"
MANY_NAMES = 12
"""An object with so many names, each of them seldom, is a map: its keys are data."""
SELDOM = 0.5
ENOUGH = 20
"""So many payloads tell a type, whatever share of others may be otherwise: of what is seldom seen,
much is still to be seen.
"""


def at_most(payloads: int) -> float:
    """Of what none of so many payloads showed, the share that others may show at most: Clopper and
    Pearson's upper end at 95 %. 1 where there were none.
    """
    return 1.0 - ((1.0 - CONFIDENCE) / 2) ** (1.0 / payloads) if payloads else 1.0


ENOUGH_CALLS = 72
"""So many calls tell which statuses and media types there are: surely no more than 5 % have others.
Where 20 to 75 calls of public recordings (Datadog, Linode, Okta) were answered alike, .3 to 3 % of
the next ones were not; where there were more, 0 of 4,108.
"""


def enough_calls(sure: float) -> int:
    """How many calls tell of their answers: ENOUGH_CALLS, fewer with a larger `sure`."""
    return _enough(sure, ENOUGH_CALLS)


def enough(sure: float) -> int:
    """How many payloads tell a type: as many as surely no more than this share are unlike, and
    ENOUGH in any case.
    """
    return _enough(sure, ENOUGH)


@cache
def _enough(sure: float, most: int) -> int:
    return next((count for count in range(most) if at_most(count) <= sure), most)


@dataclass(slots=True)
class Held:
    """What stood at a place. `payloads` held something here, `kinds` tells of which types, by the
    skeleton's letters. Of `fields`, `lacking` counts payloads where an object here was without
    one. `cut`: what stood deeper was not looked at in some.
    """

    payloads: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    fields: dict[str, "Held"] = field(default_factory=dict)
    lacking: Counter[str] = field(default_factory=Counter)
    keyed: "Held | None" = None
    items: "Held | None" = None
    cut: bool = False

    def add(self, node: Node, count: int) -> None:
        """Count so many payloads with this skeleton."""
        self.payloads += count
        self.kinds.update(dict.fromkeys((word for word in _KINDS if word in node), count))
        for name, below in node.get("o", {}).items():
            self.fields.setdefault(name, Held()).add(below, count)
        self.lacking.update(dict.fromkeys(node.get("q", ()), count))
        # older skeletons say so by keys, or an array, of nothing
        nothing = node.get("m") == {} or (node.get("a") == {} and "e" not in node)
        self.cut = self.cut or "c" in node or nothing
        if node.get("m"):
            self.keyed = self.keyed or Held()
            self.keyed.add(node["m"], count)
        if node.get("a"):
            self.items = self.items or Held()
            self.items.add(node["a"], count)

    def join(self, other: "Held") -> None:
        """Count what stood at another place as if it had stood here."""
        self.payloads += other.payloads
        self.kinds.update(other.kinds)
        mine, theirs = self.kinds["o"] - other.kinds["o"], other.kinds["o"]
        for name in self.fields.keys() ^ other.fields.keys():
            self.lacking[name] += theirs if name in self.fields else mine
        for name, below in other.fields.items():
            self.fields.setdefault(name, Held()).join(below)
        self.lacking.update(other.lacking)
        if other.keyed is not None:
            self.keyed = self.keyed or Held()
            self.keyed.join(other.keyed)
        if other.items is not None:
            self.items = self.items or Held()
            self.items.join(other.items)
        self.cut = self.cut or other.cut

    def always(self, name: str) -> bool:
        """Whether every object that stood here had this field."""
        return self.fields[name].payloads >= self.kinds["o"] and not self.lacking[name]

    @property
    def is_map(self) -> bool:
        """Whether the keys of the objects here are data: some surely are and none is always there;
        or they are many, each seldom, and alike in what stands below.
        """
        if any(self.always(name) for name in self.fields):
            return False
        if self.keyed is not None:
            return True
        seldom = SELDOM * self.kinds["o"]
        return (
            len(self.fields) >= MANY_NAMES
            and all(
                below.payloads - self.lacking[name] < seldom for name, below in self.fields.items()
            )
            and len({_like(below) for below in self.fields.values()}) == 1
        )

    def under_keys(self) -> "Held":
        """What stood under the keys of a map, whichever they were."""
        below = Held()
        for part in (*self.fields.values(), *([] if self.keyed is None else [self.keyed])):
            below.join(part)
        return below


def _like(held: Held) -> frozenset[str]:
    return frozenset(+held.kinds) | frozenset(held.fields)


class Marks:
    """Marks of payloads by place, and how many payloads they were taken of."""

    def __init__(self, counted: Mapping[str, int]) -> None:
        self.taken = 0
        self._by_place: dict[str, Counter[str]] = {}
        for key, count in counted.items():
            place, _, mark = key.partition(SEPARATOR)
            self._by_place.setdefault(place, Counter())[mark] += count
        root = self._by_place.get("", Counter())
        self._weight = root[""]
        self.taken = root[MARKED]

    def at(self, places: Iterable[str], first: str) -> dict[str, int]:
        """Marks that begin with a letter at any of these places: each with about how many payloads
        showed it, of those that were marked. "": the mark of the place itself.
        """
        marks = Counter[str]()
        for place in places:
            for mark, count in self._by_place.get(place, {}).items():
                if mark[:1] == first:
                    marks[mark] += count
        share = self.taken / self._weight if self._weight else 0.0
        return {mark: int(count * share + 0.5) for mark, count in marks.items()}
