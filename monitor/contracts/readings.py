"""What a parameter's text may mean as JSON, by its schema: every reading of it, the most specific
first.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Structure = str | list["Structure"] | dict[str, "Structure"]
"""A parameter's text taken apart by its style: texts, lists and objects of texts."""

SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})
KINDS = SCALARS | {"array", "object"}
_INTEGER = re.compile(r"-?[0-9]{1,1000}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?")
_MOST_COMBINATIONS = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """The JSON types that a schema leaves open, for the value itself, its items and its fields;
    `rest` is of other fields.
    """

    kinds: frozenset[str] = KINDS
    items: "Reading | None" = None
    fields: Mapping[str, "Reading"] = field(default_factory=dict)
    rest: "Reading | None" = None

    @property
    def parts(self) -> frozenset[str]:
        """The types that a single text may be taken apart for: not where nothing at all is said of
        its type.
        """
        return frozenset() if self.kinds == KINDS else self.kinds & {"array", "object"}

    def of(self, name: str) -> "Reading":
        """How a field is read."""
        return self.fields.get(name) or self.rest or ANYTHING


ANYTHING = Reading()


def readings(structure: Structure, reading: Reading) -> Iterator[Any]:
    """The JSON values that a text, or a structure of texts, may stand for. At least one; at most
    some hundred.

    Of texts whose items leave more than 64 choices only the most and the least specific one are
    given.
    """
    if isinstance(structure, str):
        yield from _scalars(structure, reading.kinds)
    elif isinstance(structure, list):
        yield from _lists(structure, reading.items or ANYTHING)
    else:
        names = list(structure)
        for values in _combined(
            [list(readings(structure[name], reading.of(name))) for name in names]
        ):
            yield dict(zip(names, values, strict=True))


def _lists(structures: list[Structure], inner: Reading) -> Iterator[list[Any]]:
    """What comes twice is read alike both times."""
    alike: dict[str, int] = {}
    places = [
        alike.setdefault(item if isinstance(item, str) else f"\x00{at}", len(alike))
        for at, item in enumerate(structures)
    ]
    firsts = {place: structures[at] for at, place in reversed(list(enumerate(places)))}
    for values in _combined(
        [list(readings(firsts[place], inner)) for place in range(len(firsts))]
    ):
        yield [values[place] for place in places]


def _combined(choices: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    if math.prod(map(len, choices)) <= _MOST_COMBINATIONS:
        yield from itertools.product(*choices)
        return
    yield tuple(choice[0] for choice in choices)
    yield tuple(choice[-1] for choice in choices)


def _scalars(text: str, kinds: frozenset[str]) -> Iterator[Any]:
    """An integer stays one of any length: as a float it would be rounded."""
    has_reading = False
    if not kinds.isdisjoint(("integer", "number")):
        if _INTEGER.fullmatch(text):
            has_reading = True
            yield int(text)
        elif "number" in kinds and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            has_reading = True
            yield float(text)
    if "boolean" in kinds and text in ("true", "false"):
        has_reading = True
        yield text == "true"
    if "null" in kinds and text in ("", "null"):
        has_reading = True
        yield None
    if "string" in kinds or not has_reading:
        yield text
