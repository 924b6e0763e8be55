"""What values meant under an unchanged schema, and how it changed between two versions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

MeaningCode = Literal[
    "missing",
    "type",
    "null",
    "zero",
    "negative",
    "larger",
    "smaller",
    "decimals",
    "whole",
    "longer",
    "shorter",
    "format",
    "signs",
    "zone",
    "precision",
    "earlier",
    "later",
    "category_went",
    "categories",
    "truth",
    "empty_list",
    "longer_list",
    "shorter_list",
]
"""What is otherwise at a place. Of `missing`, `null`, `zero`, `negative`, `whole`, `truth` and
`empty_list` the share of values that are so; of `larger` and the like, of those that are beyond what
was usual; of `type`, `format`, `signs`, `zone`, `precision` and categories, of those that are of one kind.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in payloads: a pointer, in which `*` is the first item of an array or any key that is
    data, of one side of an operation.
    """

    operation: str
    status: int
    side: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """What was counted of one version's payloads of one kind, in one stratum (a caller, perhaps an
    hour): by pointer, how many payloads showed each mark of marks.py. No value. `course` tells of
    whole numbers above zero the middle power of two, hour after hour; nothing where hours are
    strata.
    """

    stratum: str
    counts: Mapping[str, Mapping[str, int]]
    course: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeaningChange:
    """One place whose values mean something else. Shares are of the values there, over the strata
    that both versions have. `factor` is by how much values are larger, 1 where that is not asked;
    `kind` names what is of a kind (a format, a zone), "" for a category, which has no name.
    """

    place: Place
    code: MeaningCode
    kind: str
    old_share: float
    new_share: float
    factor: float
    old_values: int
    new_values: int
    log_e: float


@dataclass(frozen=True, slots=True)
class MeantKind:
    """Payloads of one kind (`place`, whose pointer is "") that a service sent, of two of its
    versions. `role`: whether it answers with them or asks; `partners`: who got them of the new
    version, by name; `at_once`: strata are hours too, in which both were sent. `first` and
    `last` are the hours of the new version's. `old_payloads` and `new_payloads` were marked.
    """

    place: Place
    protocol: str
    role: Literal["callee", "caller"]
    partners: Sequence[str]
    at_once: bool
    old_payloads: int
    new_payloads: int
    first: datetime
    last: datetime
    old: Sequence[Sketch]
    new: Sequence[Sketch]


@dataclass(frozen=True, slots=True, eq=False)
class Meant:
    """What two versions of a service sent. One value is equal to itself only: what was made of it
    may be remembered.
    """

    old: str
    new: str
    kinds: Sequence[MeantKind]

    @property
    def roles(self) -> list[Literal["callee", "caller"]]:
        """As whom it sent any."""
        return sorted({kind.role for kind in self.kinds})

    def told(self) -> Iterator[str]:
        """All of it as texts, the same for the same counts in any order."""
        yield f"{self.old} {self.new}"
        yield from sorted(map(_told, self.kinds))


def _told(kind: MeantKind) -> str:
    sketches = (
        sorted(
            f"{sketch.stratum!r} {sorted((pointer, sorted(marks.items())) for pointer, marks in sketch.counts.items())!r}"
            f" {sorted((pointer, list(powers)) for pointer, powers in sketch.course.items())!r}"
            for sketch in side
        )
        for side in (kind.old, kind.new)
    )
    head = (kind.protocol, kind.role, *kind.partners, kind.at_once, kind.first.isoformat())
    return f"{kind.place!r} {head!r} {kind.last.isoformat()} {list(sketches)!r}"
