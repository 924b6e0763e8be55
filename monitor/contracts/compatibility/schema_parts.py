"""The parts of a JSON Schema as its compatibility rules speak of them: kinds, alternatives,
content models.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]
_CRITERIA = ("allOf", "anyOf", "oneOf")
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        {
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "minProperties",
            "maxProperties",
        }
        | {
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
            "propertyNames",
            "unevaluatedProperties",
        }
    ),
    "array": frozenset(
        {
            "items",
            "prefixItems",
            "additionalItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "unevaluatedItems",
        }
    ),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    ),
}


def combined(schema: Any) -> tuple[str, list[Any]] | None:
    """The alternatives of a schema: of several words, and of one beside others, all hold."""
    if not isinstance(schema, dict):
        return None
    criteria: list[tuple[str, Any]] = [
        (word, schema[word])
        for word in _CRITERIA
        if isinstance(schema.get(word), list) and schema[word]
    ]
    apart = [(word, schema[word]) for word in ("enum", "const", "not") if word in schema]
    rest = {
        name: value
        for name, value in schema.items()
        if name not in _CRITERIA and name not in ("enum", "const", "not")
    }
    kinds = rest.pop("type", None) if isinstance(rest.get("type"), list) else None
    if kinds:
        criteria.append(("anyOf", [{**rest, "type": kind} for kind in kinds]))
        rest = {}
    if len(criteria) == 1 and not apart and kind_of(rest) == "empty":
        return str(criteria[0][0]), list(criteria[0][1])
    parts = [{word: value} for word, value in (*criteria, *apart)] + (
        [] if kind_of(rest) == "empty" else [rest]
    )
    return ("allOf", parts) if criteria or (apart and len(parts) > 1) else None


def kind_of(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "false" if schema is False else "empty"
    if "enum" in schema or "const" in schema:
        return "enum"
    if "not" in schema:
        return "not"
    kind = schema.get("type")
    if isinstance(kind, str):
        return "number" if kind == "integer" else kind
    if any(word in schema for word in _CRITERIA):
        return "combined"
    return next(
        (name for name, words in _KEYWORDS.items() if not words.isdisjoint(schema)), "empty"
    )


def properties_of(schema: Document) -> Document:
    held = schema.get("properties")
    return held if isinstance(held, dict) else {}


def plain(schema: Any) -> Document:
    return schema if isinstance(schema, dict) else {}


def required_of(schema: Document) -> set[str]:
    held = schema.get("required")
    return set(map(str, held)) if isinstance(held, list) else set()


def is_open(schema: Document) -> bool:
    """Whether anything may stand beside the properties."""
    rest = schema.get("unevaluatedProperties", schema.get("additionalProperties", True))
    return not schema.get("patternProperties") and rest in (True, {})


def covering_of(schema: Document, name: str) -> Any:
    """The schema that a property falls under which is not named; None for none."""
    patterns = schema.get("patternProperties")
    for pattern, held in (patterns if isinstance(patterns, dict) else {}).items():
        try:
            if re.search(pattern[:200], name[:200]):
                return held
        except re.error:
            continue
    rest = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
    return rest if isinstance(rest, dict) else None


def dependencies_of(schema: Document) -> Document:
    dependencies: Document = {}
    for word in ("dependencies", "dependentRequired", "dependentSchemas"):
        value = schema.get(word)
        dependencies |= value if isinstance(value, dict) else {}
    return dependencies


def all_items(schema: Document) -> Any:
    items = schema.get("items")
    return items if isinstance(items, dict | bool) and "prefixItems" not in schema else None


def listed_items(schema: Document) -> Sequence[Any]:
    held = schema.get("prefixItems", schema.get("items"))
    return held if isinstance(held, list) else []


def more_items(schema: Document) -> Any:
    """What may follow the items that are listed."""
    word = "items" if "prefixItems" in schema else "additionalItems"
    held = schema.get(word, True)
    return held if isinstance(held, dict | bool) and held != {} else True


def further_items(schema: Document) -> Any:
    """The same, with what no other clause has looked at."""
    held = schema.get("unevaluatedItems")
    return (
        held
        if more_items(schema) is True and (held is False or (isinstance(held, dict) and held))
        else more_items(schema)
    )


def distinct(parts: list[Any]) -> list[Any]:
    unique: list[Any] = []
    for part in parts:
        if part not in unique:
            unique.append(part)
    return unique


def matched(fits: list[list[int]]) -> int:
    """How many on the left find one of their own on the right (Kuhn's augmenting paths)."""
    taken: dict[int, int] = {}

    def place(left: int, tried: set[int]) -> bool:
        for right in fits[left]:
            if right not in tried:
                tried.add(right)
                if right not in taken or place(taken[right], tried):
                    taken[right] = left
                    return True
        return False

    return sum(place(left, set()) for left in range(len(fits)))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
