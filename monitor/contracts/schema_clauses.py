"""What one schema says clause by clause, and how its clauses differ from those of another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["tighter", "looser", "other"]
"""Tighter: less is allowed than before. Looser: more is. Other: neither, or it cannot be told."""

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")

KINDS = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})

PROSE = frozenset(
    {
        "description",
        "title",
        "example",
        "examples",
        "default",
        "$comment",
        "externalDocs",
        "summary",
        "deprecated",
    }
)


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One clause at one place of a payload (`*` for items and other fields). `was` and `now` are
    the contracts' own words. `shared`: the place of it in a definition that is referred to, from
    where one change comes to every place that refers to it; "" where there is none.
    """

    pointer: str
    rule: str
    direction: Direction
    was: str = ""
    now: str = ""
    shared: str = ""


def reference_of(node: Any) -> str:
    reference = node.get("$ref") if isinstance(node, dict) else None
    return reference if isinstance(reference, str) else ""


def type_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str
) -> Iterator[SchemaChange]:
    was, now = kinds_of(old), kinds_of(new)
    if was == now:
        return
    lost, won = was - now, now - was
    if now >= {"number"}:
        lost -= {"integer"}
    if was >= {"number"}:
        won -= {"integer"}
    if lost or won or was != now:
        direction: Direction = "other" if lost and won else "looser" if won else "tighter"
        yield SchemaChange(at, "type", direction, _listed(was), _listed(now))


def may_be_arrays(*schemas: Mapping[str, Any]) -> bool:
    """Where a value could not be an array, what its items are is no change."""
    return all("array" in kinds_of(schema) for schema in schemas)


def kinds_of(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type")
    kinds = (
        {types}
        if isinstance(types, str)
        else {name for name in types if isinstance(name, str)}
        if isinstance(types, list)
        else set()
    )
    kinds = kinds & KINDS or set(KINDS) - {"integer"}
    return kinds | {"null"} if schema.get("nullable") is True else kinds


def _listed(kinds: set[str]) -> str:
    return "any" if kinds >= KINDS - {"integer"} else " or ".join(sorted(kinds))


def value_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str
) -> Iterator[SchemaChange]:
    was, now = old.get("enum"), new.get("enum")
    if not isinstance(was, list) or not isinstance(now, list):
        if was != now:
            yield SchemaChange(
                at,
                "enum",
                "tighter" if was is None else "looser" if now is None else "other",
                _count(was),
                _count(now),
            )
        return
    texts, texts_now = (
        {f"{type(value).__name__}{value!r}" for value in values} for values in (was, now)
    )
    if texts != texts_now:
        direction: Direction = (
            "looser" if texts < texts_now else "tighter" if texts_now < texts else "other"
        )
        yield SchemaChange(at, "enum", direction, _count(was), _count(now))


def _count(values: Any) -> str:
    return f"{len(values)} values" if isinstance(values, list) else ""


def bound_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str
) -> Iterator[SchemaChange]:
    for words, up in ((_LOWER, True), (_UPPER, False)):
        for word in words:
            was, now = old.get(word), new.get(word)
            if was == now and type(was) is type(now):
                continue
            direction: Direction = (
                "tighter" if was is None else "looser" if now is None else "other"
            )
            if (
                isinstance(was, int | float)
                and isinstance(now, int | float)
                and not isinstance(was, bool)
                and not isinstance(now, bool)
            ):
                direction = "tighter" if (now > was) == up else "looser"
            yield SchemaChange(at, word, direction, word_of(was), word_of(now))


def named(schema: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    held = schema.get(word)
    return held if isinstance(held, dict) else {}


def required_of(schema: Mapping[str, Any]) -> set[str]:
    held = schema.get("required")
    return {name for name in held if isinstance(name, str)} if isinstance(held, list) else set()


def without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: without_prose(value) for name, value in node.items() if name not in PROSE}
    return [without_prose(part) for part in node] if isinstance(node, list) else node


def references_of(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def word_of(value: Any) -> str:
    return (
        ""
        if value is None
        else str(value)[:60]
        if isinstance(value, str | int | float | bool)
        else "…"
    )
