"""A document as the engine can take it: patterns in its words; clauses that it cannot judge set
apart, not forgotten.
"""

import operator
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from monitor.contracts.limits import ContractLimits
from monitor.contracts.looks import DATA, NAMES, Look, holding
from monitor.contracts.patterns import compiles, ecma
from monitor.model.pointers import escaped


@dataclass(frozen=True, slots=True)
class Judged:
    """`kindly` takes clauses that cannot be judged as kept, `harshly` as broken by every text;
    None when there are none.

    A payload on which both agree is judged. `unjudged` are the pointers of those clauses.
    """

    kindly: Any
    harshly: Any
    unjudged: tuple[str, ...]


_PATTERNS = frozenset({"pattern", "patternProperties"})


def judged(document: Any, limits: ContractLimits, look: Look) -> Judged:
    """The document with its patterns by ECMA-262. Pointers stay as they were; keys of
    `patternProperties` change.

    `look`: the document's, or that of one which it was made of. What holds no such pattern is the
    document's own, not a copy. In most documents all patterns are in the engine's words already.
    """
    if all(_usable(text, limits) == text for text in look.patterns):
        return Judged(document, None, ())
    changed = holding(document, _PATTERNS)
    kindly = _Rewriter(limits, changed, harsh=False)
    kept = kindly.node(document, None, names=False)
    if not kindly.unjudged:
        return Judged(kept, None, ())
    return Judged(
        kept,
        _Rewriter(limits, changed, harsh=True).node(document, None, names=False),
        tuple(kindly.unjudged),
    )


def usable_patterns(patterns: Iterable[str], limits: ContractLimits) -> frozenset[str]:
    """Of a document's patterns, in the engine's words, those that it takes."""
    expressions = (_usable(pattern, limits) for pattern in patterns)
    return frozenset(text for text in expressions if text is not None)


def _usable(pattern: str, limits: ContractLimits) -> str | None:
    expression = ecma(pattern)
    return (
        expression if compiles(expression, limits.regex_backtracks, limits.regex_bytes) else None
    )


Place = tuple["Place | None", str]
"""A key or an index, and the place of what holds it: a pointer costs more than the look at a node,
and few are told.
"""


def _pointer(place: Place | None) -> str:
    parts: list[str] = []
    while place is not None:
        place, name = place
        parts.append(f"/{escaped(name)}")
    return "".join(reversed(parts))


class _Rewriter:
    def __init__(self, limits: ContractLimits, changed: Container[int], *, harsh: bool) -> None:
        """`changed`: the ids of what holds a pattern, and of what holds that."""
        self._limits = limits
        self._changed = changed
        self._harsh = harsh
        self.unjudged: list[str] = []

    def node(self, node: Any, place: Place | None, *, names: bool) -> Any:
        """The node itself where nothing in it changes."""
        if id(node) not in self._changed:
            return node
        if isinstance(node, list):
            items = [
                self.node(child, (place, str(index)), names=False)
                if isinstance(child, dict | list)
                else child
                for index, child in enumerate(node)
            ]
            return node if all(map(operator.is_, items, node)) else items
        if not isinstance(node, dict):
            return node
        copy = node
        for name, child in node.items():
            if not isinstance(child, dict | list) or (not names and name in DATA):
                continue
            fresh = self.node(child, (place, name), names=not names and name in NAMES)
            if fresh is not child:
                if copy is node:
                    copy = dict(node)
                copy[name] = fresh
        if not names and not _PATTERNS.isdisjoint(node):
            copy = dict(node) if copy is node else copy
            if isinstance(node.get("pattern"), str):
                self._pattern(copy, place)
            if isinstance(node.get("patternProperties"), dict):
                self._pattern_properties(copy, place)
        return copy

    def _pattern(self, schema: dict[str, Any], place: Place | None) -> None:
        usable = _usable(schema["pattern"], self._limits)
        if usable is not None:
            schema["pattern"] = usable
            return
        self.unjudged.append(f"{_pointer(place)}/pattern")
        del schema["pattern"]
        if self._harsh:
            self._and(schema, {"not": {"type": "string"}})

    def _pattern_properties(self, schema: dict[str, Any], place: Place | None) -> None:
        """What a key must match cannot be told: neither the clause for it nor the clauses for the
        keys that are left.
        """
        held: dict[str, Any] = {}
        whole = True
        for pattern, child in schema["patternProperties"].items():
            usable = _usable(pattern, self._limits)
            if usable is None:
                whole = False
                self.unjudged.append(f"{_pointer(place)}/patternProperties/{escaped(pattern)}")
            else:
                held[usable] = child
        schema["patternProperties"] = held
        if not whole:
            for word in ("additionalProperties", "unevaluatedProperties"):
                schema.pop(word, None)
            if self._harsh:
                self._and(schema, {"not": {"type": "object", "minProperties": 1}})

    def _and(self, schema: dict[str, Any], clause: dict[str, Any]) -> None:
        parts = schema.get("allOf")
        schema["allOf"] = [*(parts if isinstance(parts, list) else []), clause]
