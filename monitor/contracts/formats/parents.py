"""Parents that list their children, and children that extend the parent: a circle as written, which
generators of documents make of inheritance.
"""

from collections.abc import Mapping
from typing import Any

_SCHEMAS = "#/components/schemas/"
_CHOICES = ("oneOf", "anyOf")
_MOST_STEPS = 300_000


def without_choices_of_parents(document: dict[str, Any]) -> dict[str, Any]:
    """The document in which a child that its parent's `oneOf` or `anyOf` leads to extends what the
    parent itself says, without that choice: the choice was made when the child was reached. The
    same document where there is no such child.

    Only `components/schemas` are looked at.
    """
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    if not isinstance(components, dict) or not isinstance(schemas, dict):
        return document
    parents = {
        f"{_SCHEMAS}{name}": schema
        for name, schema in schemas.items()
        if isinstance(schema, dict) and any(isinstance(schema.get(w), list) for w in _CHOICES)
    }
    extended = {
        name: own
        for name, child in schemas.items()
        if parents and isinstance(child, dict) and (own := _extended(child) & parents.keys())
    }
    reached = _Reached(schemas)
    of_parents = {ref: reached.by(parents[ref]) for own in extended.values() for ref in own}
    changed = {
        name: _extending(schemas[name], parents, held)
        for name, own in extended.items()
        if (held := {ref for ref in own if f"{_SCHEMAS}{name}" in of_parents[ref]})
    }
    if not changed or reached.room < 0:
        return document
    return document | {"components": components | {"schemas": schemas | changed}}


def _extended(child: Mapping[str, Any]) -> set[str]:
    """What a schema refers to in its `allOf`."""
    parts = child.get("allOf")
    return {
        part["$ref"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("$ref"), str)
    }


def _extending(
    child: Mapping[str, Any], parents: Mapping[str, Mapping[str, Any]], own: set[str]
) -> dict[str, Any]:
    return dict(child) | {
        "allOf": [
            _alone(parents[part["$ref"]])
            if isinstance(part, dict) and part.get("$ref") in own
            else part
            for part in child["allOf"]
        ]
    }


def _alone(parent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        word: held for word, held in parent.items() if word not in (*_CHOICES, "discriminator")
    }


class _Reached:
    """The schemas that choices of parents lead to, by reference; no more once `room` is used up:
    whoever has so many is told of the circle.
    """

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self.room = _MOST_STEPS

    def by(self, parent: Mapping[str, Any]) -> set[str]:
        met: set[str] = set()
        waiting = [branch for word in _CHOICES for branch in _listed(parent, word)]
        while waiting and self.room >= 0:
            self.room -= 1
            node = waiting.pop()
            if not isinstance(node, dict):
                continue
            ref = node.get("$ref")
            if isinstance(ref, str) and ref not in met:
                met.add(ref)
                waiting.append(self._schemas.get(ref.removeprefix(_SCHEMAS)))
            waiting += [part for word in ("allOf", *_CHOICES) for part in _listed(node, word)]
        return met


def _listed(node: Mapping[str, Any], word: str) -> list[Any]:
    held = node.get(word)
    return held if isinstance(held, list) else []
