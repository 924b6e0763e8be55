"""Which JSON types a schema leaves open for a text: what a parameter's text is read as."""

from typing import Any

from monitor.contracts.broken import json_type
from monitor.contracts.forms import Form
from monitor.contracts.readings import ANYTHING, KINDS, Reading
from monitor.contracts.refs import follow
from monitor.errors import ContractError

_DEEPEST = 6
_MOST_BRANCHES = 50
_NOTHING: frozenset[str] = frozenset()
# Without a type, the types that a schema's own clauses speak of are meant: JSON Schema lets all others pass.
_MEANT = (
    (frozenset({"pattern", "minLength", "maxLength", "format"}), frozenset({"string"})),
    (frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}), frozenset({"integer", "number"})),
    (frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}), frozenset({"array"})),
    (frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}), frozenset({"object"})),
)


def reading_of(document: dict[str, Any], schema: Any, level: int = 0) -> Reading:
    """The types that `type`, `enum`, `const` and the schemas applied in place leave open. Below some levels: anything."""
    if level > _DEEPEST or not isinstance(schema, dict):
        return ANYTHING
    reading = _own(document, schema, level)
    if isinstance(schema.get("$ref"), str):
        try:
            behind, _ = follow(document, {"$ref": schema["$ref"]}, "", "parameter")
        except ContractError:
            behind = None
        reading = _both(reading, reading_of(document, behind, level + 1))
    for branch in _branches(schema, "allOf"):
        reading = _both(reading, reading_of(document, branch, level + 1))
    for word in ("anyOf", "oneOf"):
        branches = [reading_of(document, branch, level + 1) for branch in _branches(schema, word)]
        if branches:
            either = branches[0]
            for branch in branches[1:]:
                either = _either(either, branch)
            reading = _both(reading, either)
    if schema.get("nullable") is True and reading.kinds != KINDS:
        return Reading(reading.kinds | {"null"}, reading.items, reading.fields, reading.rest)
    return reading


def form_of(document: dict[str, Any], described: dict[str, Any]) -> Form:
    """How a form is read: by its schema, and by what `encoding` says of its fields."""
    said = described.get("encoding")
    encoding = {name: one for name, one in said.items() if isinstance(one, dict)} if isinstance(said, dict) else {}
    media = {
        name: tuple(word.strip().lower() for word in one["contentType"].split(","))
        for name, one in encoding.items()
        if isinstance(one.get("contentType"), str)
    }
    other = frozenset(name for name, one in encoding.items() if one.get("style", "form") != "form" or one.get("explode") is False)
    return Form(reading_of(document, described.get("schema")), media, other)


def _branches(schema: dict[str, Any], word: str) -> list[Any]:
    held = schema.get(word)
    return held[:_MOST_BRANCHES] if isinstance(held, list) else []


def _own(document: dict[str, Any], schema: dict[str, Any], level: int) -> Reading:
    kinds = KINDS
    said = schema.get("type")
    if isinstance(said, str | list):
        kinds = KINDS & frozenset(one for one in ([said] if isinstance(said, str) else said) if isinstance(one, str))
    listed = schema["enum"] if isinstance(schema.get("enum"), list) else [schema["const"]] if "const" in schema else None
    if listed is not None:
        named = frozenset(map(json_type, listed))
        kinds &= named | ({"integer"} if "number" in named else _NOTHING) | ({"number"} if "integer" in named else _NOTHING)
    properties, rest = schema.get("properties"), schema.get("additionalProperties")
    if "type" not in schema and listed is None:
        meant = [kind for words, kind in _MEANT if not words.isdisjoint(schema)]
        kinds = frozenset().union(*meant) if meant else kinds
    items = schema.get("items")
    if isinstance(items, list) or "prefixItems" in schema:
        items = None  # by place: every reading is tried
    return Reading(
        kinds or KINDS,
        reading_of(document, items, level + 1) if isinstance(items, dict) else None,
        {name: reading_of(document, one, level + 1) for name, one in properties.items()} if isinstance(properties, dict) else {},
        reading_of(document, rest, level + 1) if isinstance(rest, dict) else None,
    )


def _both(one: Reading, other: Reading) -> Reading:
    fields = dict(one.fields)
    for name, reading in other.fields.items():
        fields[name] = _both(fields[name], reading) if name in fields else reading
    items = _both(one.items, other.items) if one.items and other.items else one.items or other.items
    rest = _both(one.rest, other.rest) if one.rest and other.rest else one.rest or other.rest
    kinds = one.kinds & other.kinds
    if "integer" in one.kinds | other.kinds and "number" in one.kinds | other.kinds and not kinds:
        kinds = frozenset({"integer"})
    return Reading(kinds or one.kinds | other.kinds, items, fields, rest)


def _either(one: Reading, other: Reading) -> Reading:
    fields = dict(one.fields)
    for name, reading in other.fields.items():
        fields[name] = _either(fields[name], reading) if name in fields else reading
    items = _either(one.items, other.items) if one.items and other.items else one.items or other.items
    rest = _either(one.rest, other.rest) if one.rest and other.rest else one.rest or other.rest
    return Reading(one.kinds | other.kinds, items, fields, rest)
