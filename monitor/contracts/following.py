"""Clauses that a payload breaks only because it breaks another one.

A schema applied in place that fails tells nothing of what it looked at, so that to
`unevaluatedProperties` beside it every field is one that nobody declared.
https://json-schema.org/draft/2020-12/json-schema-core#section-11
"""

from collections.abc import Iterator
from typing import Any

from monitor.contracts.refs import resolve
from monitor.errors import ContractError

UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_LISTS = ("allOf", "anyOf", "oneOf")
_ONES = ("if", "then", "else", "not")
_REFERENCES = ("$ref", "$dynamicRef")
_ANY_FIELD = ("patternProperties", "additionalProperties", "propertyNames")
_ANY_ITEM = ("items", "contains")
_MOST = 1_000


def is_declared(document: Any, clause: str, instance: Any, unexpected: list[str]) -> bool:
    """Whether some schema that is applied in place, beside the clause, declares all that the
    clause found undeclared.

    `clause` is the pointer of an `unevaluated…` in the document, `instance` what it was held
    against, `unexpected` the names of fields that it found.
    """
    above, _, word = clause.rpartition("/")
    schemas = list(_in_place(document, above))
    if word == "unevaluatedItems":
        counts = [len(held["prefixItems"]) for held in schemas if _listed(held)]
        return _has(schemas, _ANY_ITEM) or (
            isinstance(instance, list) and len(instance) <= max(counts, default=0)
        )
    names = {name for held in schemas for name in _names(held)}
    return _has(schemas, _ANY_FIELD) or names.issuperset(unexpected)


def _has(schemas: list[dict[str, Any]], words: tuple[str, ...]) -> bool:
    return any(word in held for held in schemas for word in words)


def _listed(schema: dict[str, Any]) -> bool:
    return isinstance(schema.get("prefixItems"), list)


def _names(schema: dict[str, Any]) -> Iterator[str]:
    held = schema.get("properties")
    yield from held if isinstance(held, dict) else ()


def _in_place(document: Any, pointer: str) -> Iterator[dict[str, Any]]:
    """The schema at a pointer and all that are applied to the same value, each once."""
    waiting = [_at(document, f"#{pointer}")]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        node = waiting.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        for word in _LISTS:
            waiting += node[word] if isinstance(node.get(word), list) else ()
        waiting += [node[word] for word in _ONES if word in node]
        dependent = node.get("dependentSchemas")
        waiting += dependent.values() if isinstance(dependent, dict) else ()
        waiting += [
            _at(document, node[word]) for word in _REFERENCES if isinstance(node.get(word), str)
        ]


def _at(document: Any, reference: str) -> Any:
    try:
        return resolve(document, reference, "") if isinstance(document, dict) else None
    except ContractError:
        return None
