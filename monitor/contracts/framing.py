"""What a schema registry's client puts before a record's value, or into its headers: which schema
it was written by.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
(Confluent), https://github.com/awslabs/aws-glue-schema-registry (18 bytes: version 3, compression,
a UUID), https://www.apicur.io/registry/docs/ (an id of 8 bytes, before the value or in a header)
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from monitor.contracts.encodings import unpacked_body

VALUE_SCHEMA = "__value_schema_id"
"""The header that names the schema of a value; its bytes stand as hex in an exchange's headers."""
ID, GUID = 0, 1  # the magic byte: four bytes of an id follow, or sixteen of a GUID
APICURIO = ("apicurio.value.globalid", "apicurio.value.contentid")
"""Apicurio's headers for the same, eight bytes, as hex too."""
CONFLUENT, GLUE, APICURIO_ID = "confluent", "glue", "apicurio"
_GLUE, _PLAIN, _ZLIB = 3, 0, 5
_MOST_UNPACKED = 1_000_000
SchemaKey = int | str
"""A schema's id in its registry, or its GUID in lower case."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Which schema wrote a value, and what follows. `told`: a header says so; else the first byte
    may be the value's own.
    """

    key: SchemaKey
    body: bytes
    told: bool
    by: str = CONFLUENT


@dataclass(frozen=True, slots=True)
class Writer:
    """A schema that values were written by: its kind, its text, and the texts of those that it
    refers to, by their names.
    """

    kind: Literal["avro", "protobuf", "jsonschema"]
    text: str
    references: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.kind, self.text, tuple(self.references.items())))


Writers = Callable[[SchemaKey], Writer | str]
"""The schema of a key, or the reason why it is not known."""

# nobody published it, no file holds it, and no registry knows it
UNKNOWN_SCHEMA = "unknown_schema"
REGISTRY_FAILED = "schema_registry_failed"  # it does not answer, or not with a schema


def nobody(_key: SchemaKey) -> Writer | str:
    """Where no schemas are known."""
    return UNKNOWN_SCHEMA


def framed(value: bytes, headers: Mapping[str, str]) -> Frame | None:
    """The frame of a value; None when there is none. A header beats what the value begins with.

    The message indexes of Protobuf stay at the beginning of the body, from the header they are put
    there.
    """
    header = headers.get(VALUE_SCHEMA)
    if header:
        try:
            key = _key(bytes.fromhex(header))
        except ValueError:
            key = None
        if key is not None:
            return Frame(key[0], key[1] + value, told=True)
    for name in APICURIO:
        if len(headers.get(name, "")) == 16:
            with suppress(ValueError):
                return Frame(int(headers[name], 16), value, told=True, by=APICURIO_ID)
    return _of_glue(value) or _of_apicurio(value) or _of_confluent(value)


def _of_confluent(value: bytes) -> Frame | None:
    key = _key(value)
    return None if key is None else Frame(*key, told=False)


def _of_apicurio(value: bytes) -> Frame | None:
    """Eight bytes of an id, the first four of them zero: no registry gives Confluent's id 0."""
    if len(value) < 9 or value[:5] != bytes(5) or not any(value[5:9]):
        return None
    return Frame(int.from_bytes(value[1:9], "big"), value[9:], told=False, by=APICURIO_ID)


def _of_glue(value: bytes) -> Frame | None:
    """Its UUIDs are random ones (version 4), which tells them from other bytes."""
    if (
        len(value) < 18
        or value[0] != _GLUE
        or value[1] not in (_PLAIN, _ZLIB)
        or value[8] >> 4 != 4
        or value[10] >> 6 != 2
    ):
        return None
    body = value[18:]
    if value[1] == _ZLIB:
        unpacked, problem = unpacked_body(body, "deflate", _MOST_UNPACKED)
        if unpacked is None or problem:
            return None
        body = unpacked
    return Frame(str(uuid.UUID(bytes=value[2:18])), body, told=False, by=GLUE)


def _key(data: bytes) -> tuple[SchemaKey, bytes] | None:
    if len(data) >= 5 and data[0] == ID:
        return int.from_bytes(data[1:5], "big"), data[5:]
    if len(data) >= 17 and data[0] == GUID:
        return str(uuid.UUID(bytes=data[1:17])), data[17:]
    return None
