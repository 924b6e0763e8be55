"""What a schema says of a value, in one form for JSON Schema, Avro and Protobuf: as much as tells whether two can both be kept."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from monitor.contracts.broken import json_type
from monitor.contracts.formats.avro_schema import AvroSchema
from monitor.contracts.refs import follow
from monitor.errors import ContractError
from monitor.model.pointers import escaped

KINDS = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
_NUMBERS = frozenset({"integer", "number"})
_DEEPEST = 12
_MOST_BRANCHES = 50
_MOST_LOOKED = 50_000


@dataclass(frozen=True, slots=True)
class Said:
    """`kinds` are the JSON types that are allowed, `words` the only texts, None for any; numbers lie from `low` to `high`.

    Fields by their name, items of a list: each asked for when it is needed. `closed`: no other field may be there. `clause` is where
    it stands in its contract.
    """

    kinds: frozenset[str] = KINDS
    clause: str = ""
    words: frozenset[str] | None = None
    low: float = float("-inf")
    high: float = float("inf")
    fields: Mapping[str, Callable[[], "Said"]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    closed: bool = False
    items: Callable[[], "Said"] | None = None


def _of(kinds: str, clause: str, **more: Any) -> Said:
    return Said(frozenset(kinds.split()), clause, **more)


def of_json_schema(document: Any, node: Any, clause: str) -> Said:
    """By a JSON Schema; what it says in ways that are not compared (patterns, conditions, several alternatives) is left out.

    So is what is below 12 levels of references and combinations, and what comes after 50,000 of its schemas were looked at.
    """
    return _of_schema(document, node, clause, 0, itertools.count())


def _of_schema(document: Any, node: Any, clause: str, depth: int, looked: Iterator[int]) -> Said:
    if node is False:
        return Said(frozenset(), clause)
    if not isinstance(node, dict) or depth > _DEEPEST or next(looked) > _MOST_LOOKED:
        return Said(clause=clause)
    behind: Said | None = None
    if isinstance(node.get("$ref"), str) and isinstance(document, dict):
        try:
            held, place = follow(document, {"$ref": node["$ref"]}, clause, "")
        except ContractError:
            return Said(clause=clause)
        behind = _of_schema(document, held, place, depth + 1, looked)
    found = _own(document, node, clause, looked)
    if behind is not None:
        found = _both(found, behind)
        found = replace(found, clause=behind.clause)
    for at, one in enumerate(_listed(node, "allOf")):
        found = _both(found, _of_schema(document, one, f"{clause}/allOf/{at}", depth + 1, looked))
    for word in ("anyOf", "oneOf"):
        branches = [
            _of_schema(document, one, f"{clause}/{word}/{at}", depth + 1, looked) for at, one in enumerate(_listed(node, word))
        ]
        if branches:
            found = _both(found, _either(branches, clause))
    if node.get("nullable") is True:
        found = replace(found, kinds=found.kinds | {"null"})
    return found


def _own(document: Any, node: dict[str, Any], clause: str, looked: Iterator[int]) -> Said:
    kinds, words = KINDS, None
    said = node.get("type")
    if isinstance(said, str | list):
        kinds = KINDS & frozenset(one for one in ([said] if isinstance(said, str) else said) if isinstance(one, str))
        kinds |= {"integer"} if "number" in kinds else set()
    listed = node["enum"] if isinstance(node.get("enum"), list) else [node["const"]] if "const" in node else None
    if listed is not None:
        kinds &= frozenset(map(json_type, listed)) | ({"number"} if any(json_type(one) == "integer" for one in listed) else set())
        words = frozenset(one for one in listed if isinstance(one, str))
    properties = node.get("properties")
    held = properties if isinstance(properties, dict) else {}
    required = node.get("required")
    one_way = {name for name, part in held.items() if isinstance(part, dict) and (part.get("readOnly") or part.get("writeOnly"))}
    items = node.get("items")

    def inner(part: Any, place: str) -> Callable[[], Said]:
        return lambda: _of_schema(document, part, place, 0, looked)

    return Said(
        kinds,
        clause,
        words,
        _number(node, "minimum", float("-inf")),
        _number(node, "maximum", float("inf")),
        {str(name): inner(part, f"{clause}/properties/{escaped(str(name))}") for name, part in held.items()},
        frozenset(one for one in required if isinstance(one, str) and one not in one_way)
        if isinstance(required, list)
        else frozenset(),
        node.get("additionalProperties") is False and not node.get("patternProperties"),
        inner(items, f"{clause}/items") if isinstance(items, dict | bool) and "prefixItems" not in node else None,
    )


def _number(node: dict[str, Any], word: str, otherwise: float) -> float:
    held = node.get(word)
    return float(held) if isinstance(held, int | float) and not isinstance(held, bool) and abs(held) < 1e300 else otherwise


def _listed(node: dict[str, Any], word: str) -> list[Any]:
    held = node.get(word)
    return held[:_MOST_BRANCHES] if isinstance(held, list) else []


def _both(one: Said, other: Said) -> Said:
    """What two schemas of one place say together. A field that both name is what the first says, where that says anything."""
    words = one.words if other.words is None else other.words if one.words is None else one.words & other.words
    fields = dict(other.fields) | dict(one.fields)
    return Said(
        one.kinds & other.kinds,
        one.clause,
        words,
        max(one.low, other.low),
        min(one.high, other.high),
        fields,
        one.required | other.required,
        (one.closed and other.fields.keys() <= one.fields.keys()) or (other.closed and one.fields.keys() <= other.fields.keys()),
        one.items or other.items,
    )


def _either(branches: list[Said], clause: str) -> Said:
    """What one of several schemas says: with nothing but null beside it, what the other says; else the types and texts of all."""
    told = [one for one in branches if one.kinds - {"null"}]
    kinds = frozenset[str]().union(*(one.kinds for one in branches))
    if len(told) == 1:
        return replace(told[0], kinds=kinds)
    texts = [one.words for one in told if "string" in one.kinds]
    words = frozenset[str]().union(*(one for one in texts if one is not None)) if texts and None not in texts else None
    return Said(kinds, clause, words)


_AVRO = {
    "null": "null", "boolean": "boolean", "int": "integer", "long": "integer", "float": "integer number", "double": "integer number", "string": "string",
}  # fmt: skip
"""Bytes and fixed have many forms in JSON: nothing is said of them."""


def of_avro(schema: AvroSchema, node: Any, clause: str, depth: int = 0) -> Said:
    """By an Avro schema, as its values are written in JSON; records hold all of their fields and no others."""
    held = schema.follow(node)
    if depth > _DEEPEST:
        return Said(clause=clause)
    if isinstance(held, list):
        return _either([of_avro(schema, one, clause, depth + 1) for one in held[:_MOST_BRANCHES]], clause)
    if isinstance(held, str):
        return _of(_AVRO[held], clause) if held in _AVRO else Said(clause=clause)
    kind = held.get("type") if isinstance(held, dict) else None

    def inner(part: Any) -> Callable[[], Said]:
        return lambda: of_avro(schema, part, clause, depth + 1)

    if kind in ("record", "error"):
        fields = {str(one["name"]): inner(one["type"]) for one in held.get("fields", ())}
        return _of("object", clause, fields=fields, required=frozenset(fields), closed=True)
    if kind == "enum":
        return _of("string", clause, words=frozenset(map(str, held.get("symbols", ()))))
    if kind == "array":
        return _of("array", clause, items=inner(held.get("items")))
    return _of("object", clause) if kind == "map" else Said(clause=clause)


_PROTO_TEXTS = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
_PROTO_REALS = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})
_PROTO_LONG = frozenset(
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}
)  # fmt: skip
_OWN_FORM = "google.protobuf."


def of_proto(message: Descriptor, clause: str, depth: int = 0) -> Said:
    """By a message of Protobuf, as its values are written in JSON; any field may be left out, under its own or its JSON name."""
    if message.full_name.startswith(_OWN_FORM) or depth > _DEEPEST:
        return Said(clause=clause)

    def inner(one: FieldDescriptor) -> Callable[[], Said]:
        return lambda: _of_field(one, clause, depth)

    fields = {name: inner(one) for one in message.fields for name in (one.name, one.json_name)}
    return _of("object", clause, fields=fields, closed=True)


def _of_field(one: FieldDescriptor, clause: str, depth: int) -> Said:
    if one.message_type is not None and one.message_type.GetOptions().map_entry:
        return _of("object null", clause)
    if one.is_repeated:
        return _of("array null", clause, items=lambda: _single(one, clause, depth))
    single = _single(one, clause, depth)
    return replace(single, kinds=single.kinds | {"null"})


def _single(one: FieldDescriptor, clause: str, depth: int) -> Said:
    if one.message_type is not None:
        return of_proto(one.message_type, clause, depth + 1)
    if one.enum_type is not None:  # by name or number
        return _of("string integer", clause, words=frozenset(value.name for value in one.enum_type.values))
    if one.type in _PROTO_TEXTS:
        return _of("string", clause)
    if one.type == FieldDescriptor.TYPE_BOOL:
        return _of("boolean", clause)
    if one.type in _PROTO_REALS:
        return _of("integer number string", clause)  # NaN and the infinities are texts
    return _of("integer number string" if one.type in _PROTO_LONG else "integer number", clause)
