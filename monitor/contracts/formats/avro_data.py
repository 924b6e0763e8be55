"""Bytes as data of an Avro schema: all of them, and no more than one record may ask for."""

import io
from typing import Any

import fastavro

from monitor.contracts.formats.avro_schema import UNREADABLE, AvroSchema
from monitor.contracts.payloads import TOO_DEEP, TOO_LARGE

NOT_AVRO = "not_avro"
_DEEPEST = 64
# of one record: items may take no room at all, so that a few bytes claim billions
_MOST_ITEMS = 200_000
_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}


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
        except UNREADABLE:
            return NOT_AVRO
        if measured.at != len(data):
            return NOT_AVRO
    stream = io.BytesIO(data)
    try:
        fastavro.schemaless_reader(stream, schema.root, None)
    except UNREADABLE:
        return NOT_AVRO
    return "" if stream.tell() == len(data) else NOT_AVRO


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
