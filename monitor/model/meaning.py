"""What values meant under an unchanged schema, and how it changed between two versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MeaningCode = Literal[
    "missing",
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
was usual; of `format`, `signs`, `zone`, `precision` and categories, of those that are of one kind.
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
    hour): by pointer, how many payloads showed each mark of marks.py. No value.
    """

    stratum: str
    counts: Mapping[str, Mapping[str, int]]


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
