"""Avro schemas, parsed and safe to read data by.
https://avro.apache.org/docs/1.12.0/specification/
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from monitor.contracts.framing import Writer
from monitor.contracts.payloads import TOO_DEEP, TOO_LARGE
from monitor.errors import ContractError

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "error", "enum", "fixed"})
_UNREADABLE = (
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
_DEEPEST = 64
_MOST_PARTS = (
    # of a schema whose data is read without being measured: records may hold each other twice
    # over, and take no room
    10_000
)
# of one record: items may take no room at all, so that a few bytes claim billions
_MOST_ITEMS = 200_000
_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}
NOT_AVRO = "not_avro"


@dataclass(frozen=True, slots=True, eq=False)
class AvroSchema:
    """One schema. `root` is as fastavro takes it, names whole, logical types left out; `names` are
    its named types.

    `risky`: its data may nest without end, or hold items that take no room, so that it is measured
    before it is read.
    """

    root: Any
    names: Mapping[str, dict[str, Any]]
    risky: bool

    @property
    def name(self) -> str:
        """The full name of the root; "" where it has none."""
        return (
            str(self.root["name"])
            if isinstance(self.root, dict) and self.root.get("type") in NAMED
            else ""
        )

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
    names: dict[str, Any] = {}
    try:
        for reference in (references or {}).values():
            fastavro.parse_schema(_plain(reference), named_schemas=names)
        root = fastavro.parse_schema(_plain(schema), named_schemas=names)
    except (SchemaParseException, UnknownType, *_UNREADABLE, AttributeError) as error:
        message = (
            f"no type {error.name!r}; define it before, as in a list of schemas in one file"
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


def unread(schema: AvroSchema, data: bytes) -> str:
    """Why these bytes are no data of this schema, all of them: NOT_AVRO, or that they are too
    large or too deep; "" when they are.
    """
    if schema.risky:
        try:
            measured = _Measure(schema, data)
            measured.walk(schema.root, 0)
        except _TooMuch as much:
            return str(much)
        except _UNREADABLE:
            return NOT_AVRO
        if measured.at != len(data):
            return NOT_AVRO
    stream = io.BytesIO(data)
    try:
        fastavro.schemaless_reader(stream, schema.root, None)
    except _UNREADABLE:
        return NOT_AVRO
    return "" if stream.tell() == len(data) else NOT_AVRO


def _plain(schema: Any) -> Any:
    """Without logical types: they annotate bytes and do not change them; and without
    our own word.
    """
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if isinstance(schema, dict):
        return {
            name: value if name in ("default", "symbols", "aliases", "doc") else _plain(value)
            for name, value in schema.items()
            if name not in ("logicalType", "x-seamwatch")
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


class _TooMuch(Exception):
    """Data that asks for more than one record may: its text is the reason."""


class _Measure:
    """Steps through data without building it."""

    def __init__(self, schema: AvroSchema, data: bytes) -> None:
        self._schema, self._data = schema, data
        self.at = self._items = self._steps = 0

    def walk(self, node: Any, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooMuch(TOO_DEEP)
        self._steps += 1
        if self._steps > _MOST_ITEMS + len(self._data):
            raise _TooMuch(TOO_LARGE)
        node = self._schema.follow(node)
        if isinstance(node, list):
            self.walk(node[self._index(len(node))], depth + 1)
            return
        kind = node["type"] if isinstance(node, dict) else node
        if isinstance(kind, dict | list):
            self.walk(kind, depth)
        elif kind in ("record", "error"):
            for field in node["fields"]:
                self.walk(field["type"], depth + 1)
        elif kind in ("array", "map"):
            self._blocks(node, depth)
        elif kind == "enum":
            self._index(len(node["symbols"]))
        elif kind in ("string", "bytes"):
            self._skip(self._long())
        elif kind in ("int", "long"):
            self._long()
        else:
            self._skip(node["size"] if kind == "fixed" else _SIZES[kind])

    def _blocks(self, node: dict[str, Any], depth: int) -> None:
        while count := self._long():
            if count < 0:
                count = -count
                self._long()
            self._items += count
            if self._items > _MOST_ITEMS:
                raise _TooMuch(TOO_LARGE)
            for _ in range(count):
                if node["type"] == "map":
                    self._skip(self._long())
                self.walk(node["items"] if node["type"] == "array" else node["values"], depth + 1)

    def _index(self, size: int) -> int:
        index = self._long()
        if not 0 <= index < size:
            raise IndexError(index)
        return index

    def _skip(self, size: int) -> None:
        if size < 0 or self.at + size > len(self._data):
            raise EOFError
        self.at += size

    def _long(self) -> int:
        number = shift = 0
        while True:
            byte = self._data[self.at]
            self.at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:  # the varint's last byte
                return (number >> 1) ^ -(number & 1)
            if shift > 63:
                raise ValueError("a number of more than 64 bits")
