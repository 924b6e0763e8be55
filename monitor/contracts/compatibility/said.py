"""What a schema says of a value, in one form for JSON Schema, Avro and Protobuf: as much as tells
whether two can both be kept.
"""

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
    """`kinds` are the JSON types that are allowed, `words` the only texts, None for any; numbers
    lie from `low` to `high`.

    Fields by their name, items of a list: each asked for when it is needed. `closed`: no other
    field may be there. `clause` is where it stands in its contract.
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
    """By a JSON Schema; what it says in ways that are not compared (patterns, conditions, several
    alternatives) is left out.

    So is what is below 12 levels of references and combinations, and what comes after 50,000 of
    its schemas were looked at.
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
            target, place = follow(document, {"$ref": node["$ref"]}, clause, "")
        except ContractError:
            return Said(clause=clause)
        behind = _of_schema(document, target, place, depth + 1, looked)
    statement = _own(document, node, clause, looked)
    if behind is not None:
        statement = _both(statement, behind)
        statement = replace(statement, clause=behind.clause)
    for at, part in enumerate(_listed(node, "allOf")):
        statement = _both(
            statement, _of_schema(document, part, f"{clause}/allOf/{at}", depth + 1, looked)
        )
    for word in ("anyOf", "oneOf"):
        branches = [
            _of_schema(document, branch, f"{clause}/{word}/{at}", depth + 1, looked)
            for at, branch in enumerate(_listed(node, word))
        ]
        if branches:
            statement = _both(statement, _either(branches, clause))
    if node.get("nullable") is True:
        statement = replace(statement, kinds=statement.kinds | {"null"})
    return statement


def _own(document: Any, node: dict[str, Any], clause: str, looked: Iterator[int]) -> Said:
    kinds, words = KINDS, None
    types = node.get("type")
    if isinstance(types, str | list):
        kinds = KINDS & frozenset(
            kind
            for kind in ([types] if isinstance(types, str) else types)
            if isinstance(kind, str)
        )
        kinds |= {"integer"} if "number" in kinds else set()
    listed = (
        node["enum"]
        if isinstance(node.get("enum"), list)
        else [node["const"]]
        if "const" in node
        else None
    )
    if listed is not None:
        kinds &= frozenset(map(json_type, listed)) | (
            {"number"} if any(json_type(value) == "integer" for value in listed) else set()
        )
        words = frozenset(value for value in listed if isinstance(value, str))
    properties = node.get("properties")
    held = properties if isinstance(properties, dict) else {}
    required = node.get("required")
    one_way = {
        name
        for name, part in held.items()
        if isinstance(part, dict) and (part.get("readOnly") or part.get("writeOnly"))
    }
    items = node.get("items")

    def inner(part: Any, place: str) -> Callable[[], Said]:
        return lambda: _of_schema(document, part, place, 0, looked)

    return Said(
        kinds,
        clause,
        words,
        _number(node, "minimum", float("-inf")),
        _number(node, "maximum", float("inf")),
        {
            str(name): inner(part, f"{clause}/properties/{escaped(str(name))}")
            for name, part in held.items()
        },
        frozenset(name for name in required if isinstance(name, str) and name not in one_way)
        if isinstance(required, list)
        else frozenset(),
        node.get("additionalProperties") is False and not node.get("patternProperties"),
        inner(items, f"{clause}/items")
        if isinstance(items, dict | bool) and "prefixItems" not in node
        else None,
    )


def _number(node: dict[str, Any], word: str, otherwise: float) -> float:
    held = node.get(word)
    return (
        float(held)
        if isinstance(held, int | float) and not isinstance(held, bool) and abs(held) < 1e300
        else otherwise
    )


def _listed(node: dict[str, Any], word: str) -> list[Any]:
    held = node.get(word)
    return held[:_MOST_BRANCHES] if isinstance(held, list) else []


def _both(first: Said, second: Said) -> Said:
    """What two schemas of one place say together. A field that both name is what the first says,
    where that says anything.
    """
    words = (
        first.words
        if second.words is None
        else second.words
        if first.words is None
        else first.words & second.words
    )
    fields = dict(second.fields) | dict(first.fields)
    return Said(
        first.kinds & second.kinds,
        first.clause,
        words,
        max(first.low, second.low),
        min(first.high, second.high),
        fields,
        first.required | second.required,
        (first.closed and second.fields.keys() <= first.fields.keys())
        or (second.closed and first.fields.keys() <= second.fields.keys()),
        first.items or second.items,
    )


def _either(branches: list[Said], clause: str) -> Said:
    """What one of several schemas says: with nothing but null beside it, what the other says; else
    the types and texts of all.
    """
    non_null = [branch for branch in branches if branch.kinds - {"null"}]
    kinds = frozenset[str]().union(*(branch.kinds for branch in branches))
    if len(non_null) == 1:
        return replace(non_null[0], kinds=kinds)
    texts = [branch.words for branch in non_null if "string" in branch.kinds]
    words = (
        frozenset[str]().union(*(group for group in texts if group is not None))
        if texts and None not in texts
        else None
    )
    return Said(kinds, clause, words)


_AVRO = {
    "null": "null", "boolean": "boolean", "int": "integer", "long": "integer", "float": "integer number", "double": "integer number", "string": "string",
}  # fmt: skip
"""Bytes and fixed have many forms in JSON: nothing is said of them."""


def of_avro(schema: AvroSchema, node: Any, clause: str, depth: int = 0) -> Said:
    """By an Avro schema, as its values are written in JSON; records hold all of their fields and
    no others.
    """
    target = schema.follow(node)
    if depth > _DEEPEST:
        return Said(clause=clause)
    if isinstance(target, list):
        return _either(
            [of_avro(schema, branch, clause, depth + 1) for branch in target[:_MOST_BRANCHES]],
            clause,
        )
    if isinstance(target, str):
        return _of(_AVRO[target], clause) if target in _AVRO else Said(clause=clause)
    kind = target.get("type") if isinstance(target, dict) else None

    def inner(part: Any) -> Callable[[], Said]:
        return lambda: of_avro(schema, part, clause, depth + 1)

    if kind in ("record", "error"):
        fields = {
            str(member["name"]): inner(member["type"]) for member in target.get("fields", ())
        }
        return _of("object", clause, fields=fields, required=frozenset(fields), closed=True)
    if kind == "enum":
        return _of("string", clause, words=frozenset(map(str, target.get("symbols", ()))))
    if kind == "array":
        return _of("array", clause, items=inner(target.get("items")))
    return _of("object", clause) if kind == "map" else Said(clause=clause)


_PROTO_TEXTS = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
_PROTO_REALS = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})
_PROTO_LONG = frozenset(
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}
)  # fmt: skip
_OWN_FORM = "google.protobuf."


def of_proto(message: Descriptor, clause: str, depth: int = 0) -> Said:
    """By a message of Protobuf, as its values are written in JSON; any field may be left out,
    under its own or its JSON name.
    """
    if message.full_name.startswith(_OWN_FORM) or depth > _DEEPEST:
        return Said(clause=clause)

    def inner(descriptor: FieldDescriptor) -> Callable[[], Said]:
        return lambda: _of_field(descriptor, clause, depth)

    fields = {
        name: inner(descriptor)
        for descriptor in message.fields
        for name in (descriptor.name, descriptor.json_name)
    }
    return _of("object", clause, fields=fields, closed=True)


def _of_field(descriptor: FieldDescriptor, clause: str, depth: int) -> Said:
    if descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
        return _of("object null", clause)
    if descriptor.is_repeated:
        return _of("array null", clause, items=lambda: _single(descriptor, clause, depth))
    single = _single(descriptor, clause, depth)
    return replace(single, kinds=single.kinds | {"null"})


def _single(descriptor: FieldDescriptor, clause: str, depth: int) -> Said:
    if descriptor.message_type is not None:
        return of_proto(descriptor.message_type, clause, depth + 1)
    if descriptor.enum_type is not None:  # by name or number
        return _of(
            "string integer",
            clause,
            words=frozenset(value.name for value in descriptor.enum_type.values),
        )
    if descriptor.type in _PROTO_TEXTS:
        return _of("string", clause)
    if descriptor.type == FieldDescriptor.TYPE_BOOL:
        return _of("boolean", clause)
    if descriptor.type in _PROTO_REALS:
        return _of("integer number string", clause)  # NaN and the infinities are texts
    return _of(
        "integer number string" if descriptor.type in _PROTO_LONG else "integer number", clause
    )
