"""A document as the engine can take it: patterns in its words; clauses that it cannot judge set apart, not forgotten."""

from dataclasses import dataclass
from typing import Any

from monitor.contracts.limits import ContractLimits
from monitor.contracts.patterns import compiles, ecma
from monitor.contracts.refs import DATA, NAMES
from monitor.model.pointers import escaped


@dataclass(frozen=True, slots=True)
class Judged:
    """`kindly` takes clauses that cannot be judged as kept, `harshly` as broken by every text; None when there are none.

    A payload on which both agree is judged. `unjudged` are the pointers of those clauses.
    """

    kindly: Any
    harshly: Any
    unjudged: tuple[str, ...]


def judged(document: Any, limits: ContractLimits) -> Judged:
    """The document with its patterns by ECMA-262. Pointers stay as they were; keys of `patternProperties` change."""
    kindly = _Rewriter(limits, harsh=False)
    kept = kindly.node(document, "", names=False)
    if not kindly.unjudged:
        return Judged(kept, None, ())
    return Judged(kept, _Rewriter(limits, harsh=True).node(document, "", names=False), tuple(kindly.unjudged))


class _Rewriter:
    def __init__(self, limits: ContractLimits, *, harsh: bool) -> None:
        self._limits = limits
        self._harsh = harsh
        self.unjudged: list[str] = []

    def node(self, node: Any, pointer: str, *, names: bool) -> Any:
        if isinstance(node, list):
            return [self.node(child, f"{pointer}/{index}", names=False) for index, child in enumerate(node)]
        if not isinstance(node, dict):
            return node
        copy = {
            name: child
            if not names and name in DATA
            else self.node(child, f"{pointer}/{escaped(name)}", names=not names and name in NAMES)
            for name, child in node.items()
        }
        if not names:
            if isinstance(node.get("pattern"), str):
                self._pattern(copy, pointer)
            if isinstance(node.get("patternProperties"), dict):
                self._pattern_properties(copy, pointer)
        return copy

    def _usable(self, pattern: str) -> str | None:
        said = ecma(pattern)
        return said if compiles(said, self._limits.regex_backtracks, self._limits.regex_bytes) else None

    def _pattern(self, schema: dict[str, Any], pointer: str) -> None:
        usable = self._usable(schema["pattern"])
        if usable is not None:
            schema["pattern"] = usable
            return
        self.unjudged.append(f"{pointer}/pattern")
        del schema["pattern"]
        if self._harsh:
            self._and(schema, {"not": {"type": "string"}})

    def _pattern_properties(self, schema: dict[str, Any], pointer: str) -> None:
        """What a key must match cannot be told: neither the clause for it nor the clauses for the keys that are left."""
        held: dict[str, Any] = {}
        whole = True
        for pattern, child in schema["patternProperties"].items():
            usable = self._usable(pattern)
            if usable is None:
                whole = False
                self.unjudged.append(f"{pointer}/patternProperties/{escaped(pattern)}")
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
