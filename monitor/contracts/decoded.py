"""What a framed record of Avro, Protobuf or JSON holds, as values of JSON: so that its form can be
looked at as that of any other.
"""

import io
from decimal import Decimal
from typing import Any

import fastavro
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from monitor.contracts.carried import Carried
from monitor.contracts.formats.avro_data import unread
from monitor.contracts.formats.avro_schema import avro_writer
from monitor.contracts.formats.protobuf import told_message
from monitor.contracts.formats.protobuf_schema import class_of
from monitor.contracts.framing import Writer
from monitor.contracts.payloads import is_json_type
from monitor.errors import ContractError

MOST_BYTES = 256_000
_UNREADABLE = (
    ContractError, DecodeError, json_format.Error, ValueError, TypeError, KeyError, IndexError,
    EOFError, OverflowError, RecursionError,
)  # fmt: skip


def decoded(record: Carried) -> Any | None:
    """The value by the schema that wrote it; None without a frame, for a schema that is not known,
    for bytes that are none of its, and for more than 256 KB.

    Bytes are texts of Latin 1, as Avro writes them in JSON; fields of Protobuf have their own
    names, and those that were not set are left out.
    """
    frame = record.frame
    if frame is None or len(frame.body) > MOST_BYTES or is_json_type(record.media):
        return None
    writer = record.writers(frame.key)
    try:
        if isinstance(writer, str) or writer.kind == "jsonschema":
            plain = record.plain
            return None if plain is record or plain.problem else plain.value
        return _of_avro(writer, frame.body) if writer.kind == "avro" else _of_proto(record)
    except _UNREADABLE:
        return None


def _of_avro(writer: Writer, data: bytes) -> Any | None:
    schema = avro_writer(writer)
    if unread(schema, data):
        return None
    return _as_json(fastavro.schemaless_reader(io.BytesIO(data), schema.root, None))


def _of_proto(record: Carried) -> Any | None:
    message_bytes = told_message(record)
    if message_bytes is None or isinstance(message_bytes, str):
        return None
    message: Any = class_of(message_bytes[0])()
    message.ParseFromString(message_bytes[1])
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _as_json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return float(value) if isinstance(value, Decimal) else value
