"""What makes a payload dear to hold against a document, beyond its size: long lists of values, wide
schemas, patterns that look around. The validator has no bound of its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from monitor.contracts.looks import every_object

_WIDE = frozenset({"required", "dependentRequired", "allOf", "anyOf", "oneOf"})
_TOLD_BY = _WIDE | {"enum", "const", "patternProperties", "multipleOf"}
_COPIED = 32_000_000
"""So many bytes of JSON may the errors of one payload hold; they take some eight times that."""
_HELD, _COMPARED = 128_000_000, 8_000_000_000
"""The same of values that are listed, times bytes of a payload, of which eight make a value."""
_AROUND = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k<")
_LOOKED_AROUND = 30_000
"""Signs of a text: so many take such a pattern some two seconds, ten times as many minutes."""
_FINE, _MOST_FINE = 1e-40, 150_000
"""A step finer than this takes up to 11 us a number, and bytes of a payload may be half as many."""
_LARGEST, _LEAST = 1_000_000, 16_000
"""Bytes of a payload: what is larger is not looked at, what is smaller costs as much an error."""
_PROVEN = 2_000
_MATCHED = 1_000_000_000
"""Patterns of names times bytes of a payload: each name is held against each, some 20 ns a byte."""


@dataclass(frozen=True, slots=True)
class Dear:
    """`width`: so many errors, nearly, may one place of a payload make; `listed`: values of the
    longest `enum` or the largest `const`; `named`: patterns of one `patternProperties`;
    `looks_around`: some pattern looks around, or back, from every place of a text; `fine`: some
    `multipleOf` asks for a step that takes long to divide by.
    """

    width: int
    listed: int
    named: int
    looks_around: bool
    fine: bool = False

    @classmethod
    def of(cls, document: Any, patterns: Iterable[str]) -> "Dear":
        """Of a document and the patterns in it."""
        most, listed, named, fine = dict.fromkeys(_WIDE, 0), 0, 0, False
        for node in every_object(document):
            if _TOLD_BY.isdisjoint(node):
                continue
            for word in _WIDE & node.keys():
                if isinstance(node[word], list | dict):
                    most[word] = max(most[word], len(node[word]))
            for word in ("enum", "const"):
                if isinstance(node.get(word), list | dict):
                    listed = max(listed, _values_in(node[word]))
            if isinstance(node.get("patternProperties"), dict):
                named = max(named, len(node["patternProperties"]))
            step = node.get("multipleOf")
            fine = fine or (isinstance(step, float) and 0 < step < _FINE)
        around = any(_AROUND.search(text) and not text.startswith("^") for text in patterns)
        return cls(sum(most.values()), listed, named, around, fine)

    @property
    def to_prove(self) -> bool:
        """Whether proofs are too dear to make: their cost grows with the square of the width."""
        return max(self.width, self.listed) > _PROVEN

    def to_tell(self, instance: Any) -> bool:
        """Whether telling the clauses that a payload breaks may take too much memory: each error
        holds a copy of what it is about and of what was expected, and all are made before the
        first is told.
        """
        if self.width * _LARGEST <= _COPIED and self.listed * _LARGEST <= _HELD:
            return False
        size = _size_of(instance)
        return self.width * max(size, _LEAST) > _COPIED or self.listed * size > _HELD

    def to_hold(self, instance: Any) -> bool:
        """Whether holding a payload against the document may take too long: each value of it is
        compared with each that is listed, each name with each pattern of names, each number with
        a fine step, and a pattern that looks around is tried from each sign of a text to its end.
        """
        if not self.looks_around and not self._is_long(_LARGEST):
            return False
        size = _size_of(instance)
        return self._is_long(size) or (
            self.looks_around and size > _LOOKED_AROUND and _longest_in(instance) > _LOOKED_AROUND
        )

    def _is_long(self, size: int) -> bool:
        return (
            self.listed * size > _COMPARED
            or self.named * size > _MATCHED
            or (self.fine and size > _MOST_FINE)
        )


def _size_of(instance: Any) -> int:
    """In bytes of JSON."""
    try:
        return len(orjson.dumps(instance))
    except TypeError:  # nested deeper, or longer integers, than orjson writes
        return _LARGEST


def _longest_in(instance: Any) -> int:
    """Signs of the longest text among its values."""
    texts = (node for node in _every_value(instance) if isinstance(node, str))
    return max(map(len, texts), default=0)


def _values_in(held: Any) -> int:
    """How many values a value holds, itself among them."""
    return sum(1 for _ in _every_value(held))


def _every_value(held: Any) -> Iterator[Any]:
    """A value and all that it holds, keys aside."""
    stack = [held]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, dict):
            stack += node.values()
        elif isinstance(node, list):
            stack += node
