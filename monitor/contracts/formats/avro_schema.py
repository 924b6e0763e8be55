"""Avro schemas, parsed and safe to read data by.
https://avro.apache.org/docs/1.12.0/specification/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from monitor.contracts.formats.avro_names import NAMED, PRIMITIVES, in_order
from monitor.contracts.framing import Writer
from monitor.errors import ContractError

LOGICAL = "x-logical"
"""Under this a schema of ours keeps the logical type of a part."""
_TEXTS = ("default", "symbols", "aliases", "doc")
_OURS = ("x-seamwatch", "x-seamwatch-files", LOGICAL)
UNREADABLE = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    StopIteration,
    RecursionError,
    MemoryError,
)
"""What fastavro raises of a schema or of data that it cannot use."""
_MOST_PARTS = (
    # of a schema whose data is read without being measured: records may hold each other twice
    # over, and take no room
    10_000
)


@dataclass(frozen=True, slots=True, eq=False)
class AvroSchema:
    """One schema. `root` is as fastavro takes it, names whole, logical types under LOGICAL;
    `names` are its named types.

    `risky`: its data may nest without end, or hold items that take no room, so that it is measured
    before it is read.
    """

    root: Any
    names: Mapping[str, dict[str, Any]]
    risky: bool

    @property
    def name(self) -> str:
        """The full name of the root; "" where it has none."""
        root = self.follow(self.root)
        return str(root["name"]) if isinstance(root, dict) and root.get("type") in NAMED else ""

    def follow(self, schema: Any) -> Any:
        """A named type by its name; else the schema itself, a type written as an object as its
        plain name.
        """
        if isinstance(schema, str):
            return self.names.get(schema, schema)
        if (
            isinstance(schema, dict)
            and isinstance(schema.get("type"), str)
            and schema["type"] in PRIMITIVES
        ):
            return schema["type"]
        return schema


def avro_of(
    schema: Any, where: str, clause: str = "", references: Mapping[str, Any] | None = None
) -> AvroSchema:
    """The schema, with the named types of `references`. ContractError, saying where, for one that
    cannot be used.
    """
    try:
        root, names = _parsed(schema, references or {})
    except (SchemaParseException, ContractError, *UNREADABLE, AttributeError) as error:
        message = (
            f"no type {error.name!r}; give the file that defines it along, or its folder"
            if isinstance(error, UnknownType)
            else f"{error} is missing"
            if isinstance(error, KeyError)
            else str(error) or type(error).__name__
        )
        raise ContractError(
            f"{where}: the Avro schema at {clause or '/'} cannot be used: {message[:200]}", clause
        ) from None
    held_names = {
        name: {**definition, "name": name}
        for name, definition in names.items()
        if isinstance(definition, dict)
    }
    return AvroSchema(root, held_names, _risky(root, held_names))


def _parsed(schema: Any, references: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The schema as fastavro has it, and all named types. What refers to each other comes in any
    order.
    """
    names: dict[str, Any] = {}
    for reference in in_order([_plain(reference) for reference in references.values()]):
        fastavro.parse_schema(reference, named_schemas=names)
    return fastavro.parse_schema(_plain(schema), named_schemas=names), names


@lru_cache(maxsize=1024)
def avro_writer(writer: Writer) -> AvroSchema:
    """The schema that a registry tells. ContractError when it cannot be used."""
    try:
        references = {name: json.loads(text) for name, text in writer.references.items()}
        return avro_of(
            json.loads(writer.text), "the schema of the registry", references=references
        )
    except (ValueError, RecursionError) as error:
        raise ContractError(f"the schema of the registry is no JSON: {error}") from None


def _plain(schema: Any) -> Any:
    """With logical types under another name, for they annotate bytes and do not change them; and
    without our own words.
    """
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if isinstance(schema, dict):
        inner = schema.get("type")
        # around a type there may be no more than a word of ours, or of a program's
        if isinstance(inner, dict | list) and "name" not in schema:
            return _plain(inner)
        return {
            LOGICAL if name == "logicalType" else name: value if name in _TEXTS else _plain(value)
            for name, value in schema.items()
            if name not in _OURS
        }
    return schema


def _risky(root: Any, names: Mapping[str, dict[str, Any]]) -> bool:
    holder = AvroSchema(root, names, risky=False)
    try:
        return (
            _recursive(holder)
            or _unfolded(holder, root, {}) > _MOST_PARTS
            or _holds_nothing_often(holder)
        )
    except RecursionError:
        return True


def _holds_nothing_often(holder: AvroSchema) -> bool:
    """Whether an array or a map has items that take no room."""
    roomless: dict[str, bool] = {}
    return any(
        _takes_no_room(holder, part.get("items", part.get("values")), roomless)
        for part in _parts(holder)
        if part.get("type") in ("array", "map")
    )


def _unfolded(schema: AvroSchema, node: Any, counts: dict[str, int]) -> int:
    """How many parts a schema has, each named type counted wherever it is used. Only for one that
    holds none of itself.
    """
    node = schema.follow(node)
    name = str(node["name"]) if isinstance(node, dict) and node.get("type") in NAMED else ""
    if name not in counts or not name:
        count = 1 + sum(_unfolded(schema, part, counts) for part in _inner(node))
        if not name:
            return count
        counts[name] = count
    return counts[name]


def _parts(schema: AvroSchema) -> list[dict[str, Any]]:
    """Every part that is written as an object, each once."""
    parts: list[dict[str, Any]] = []
    stack: list[Any] = [schema.root, *schema.names.values()]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            parts.append(node)
            stack.extend(node.get(word) for word in ("type", "items", "values"))
            stack.extend(
                field.get("type") for field in node.get("fields", ()) if isinstance(field, dict)
            )
    return parts


def _inner(node: Any) -> list[Any]:
    if isinstance(node, list):
        return node
    if not isinstance(node, dict):
        return []
    fields = [field["type"] for field in node.get("fields", ())]
    return [
        *fields,
        *(node[word] for word in ("items", "values") if word in node),
        *([node["type"]] if isinstance(node.get("type"), dict | list) else []),
    ]


def _recursive(schema: AvroSchema) -> bool:
    """Whether a named type holds itself, however far down."""
    edges = {name: _named_in(schema, held) for name, held in schema.names.items()}
    state: dict[str, int] = {}
    for start, below in edges.items():
        stack = [(start, iter(below))]
        if state.get(start):
            continue
        state[start] = 1
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[name] = 2
                stack.pop()
            elif state.get(following) == 1:
                return True
            elif not state.get(following):
                state[following] = 1
                stack.append((following, iter(edges.get(following, ()))))
    return False


def _named_in(schema: AvroSchema, part: dict[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    stack = list(_inner(part))
    while stack:
        node = stack.pop()
        if isinstance(node, str) and node in schema.names:
            names[node] = None
        elif isinstance(node, dict) and node.get("type") in NAMED:
            names[str(node["name"])] = None
        else:
            stack.extend(_inner(node))
    return list(names)


def _takes_no_room(schema: AvroSchema, node: Any, roomless: dict[str, bool]) -> bool:
    """Only for a schema that holds none of itself."""
    node = schema.follow(node)
    if node == "null":
        return True
    if not isinstance(node, dict):
        return False
    if node.get("type") == "fixed":
        return node.get("size") == 0
    if node.get("type") not in ("record", "error"):
        return False
    name = str(node["name"])
    if name not in roomless:
        roomless[name] = all(
            _takes_no_room(schema, field["type"], roomless) for field in node.get("fields", ())
        )
    return roomless[name]
