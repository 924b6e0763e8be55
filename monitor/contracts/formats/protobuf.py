"""Protobuf messages as contracts of a topic's records, framed by a registry's client or bare."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from monitor.contracts.carried import Carried
from monitor.contracts.compatibility.said import of_proto
from monitor.contracts.form import Left, MessageJudge, Promise, by_example
from monitor.contracts.form import Message as Kind
from monitor.contracts.formats.binding import BINDING, bound, bound_in_comment
from monitor.contracts.formats.grpc import GrpcCalls
from monitor.contracts.formats.proto_json import held_as_json
from monitor.contracts.formats.proto_words import looks_like_proto
from monitor.contracts.formats.protobuf_fields import held_against, parts_of
from monitor.contracts.formats.protobuf_schema import (
    STANDARD,
    ProtoSchema,
    class_of,
    from_set,
    from_text,
    proto_writer,
)
from monitor.contracts.formats.raw_data import UNREADABLE_SCHEMA, data_of
from monitor.contracts.framing import CONFLUENT, Writer
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.mismatches import Mismatches
from monitor.errors import ContractError

SEVERAL, UNDECLARED = "ambiguous_message", "undeclared_fields_only"
# which message of the schema is meant is told in another registry's own way
OTHER_INDEX = "message_index"
_MOST_INDEXES = 32


def document_of_proto(text: str, where: str) -> dict[str, Any] | None:
    """A .proto's text as a document; its binding stands in a line `// x-seamwatch: {"topic":
    "orders"}`. None for another text.
    """
    if not looks_like_proto(text):
        return None
    return {"proto": text, BINDING: bound_in_comment(text, "//", where)}


_IMPORT = re.compile(
    r'(?:^|;)\s*import\s+(?:public\s+|weak\s+|option\s+)?"([^"\n]{1,400})"\s*;', re.MULTILINE
)
_MOST_IMPORTS = 500


def with_imports(document: Mapping[str, Any], find: Callable[[str], str | None]) -> dict[str, Any]:
    """The document with the texts of all that its .proto imports, as far as `find` knows them by
    their names.
    """
    imports: dict[str, str] = {}
    open_names = _IMPORT.findall(str(document.get("proto", "")))
    while open_names and len(imports) < _MOST_IMPORTS:
        name = open_names.pop()
        text = None if name in imports or name in STANDARD else find(name)
        if text is not None:
            imports[name] = text
            open_names += _IMPORT.findall(text)
    return {**document, "imports": imports} if imports else dict(document)


def is_protobuf(document: Mapping[str, Any]) -> bool:
    """Whether a document holds a .proto's text, or a descriptor set in base64."""
    text = document.get("proto")
    return (isinstance(text, str) and looks_like_proto(text)) or isinstance(
        document.get("descriptor_set"), str
    )


def packed_set(data: bytes) -> str:
    """The bytes of a descriptor set as a document."""
    return json.dumps({"descriptor_set": base64.b64encode(data).decode()})


def offers_calls(data: bytes) -> bool:
    """Whether bytes are a descriptor set that holds a service: in a folder they may be anything."""
    try:
        return any(file.service for file in FileDescriptorSet.FromString(data).file)
    except DecodeError:
        return False


def read_protobuf(
    document: dict[str, Any],
    *,
    where: str,
    limits: ContractLimits = CONTRACT_LIMITS,  # noqa: ARG001 - as others'
) -> Promise:
    """The promise of a .proto or a descriptor set: of the records of a topic where it names one.
    Raises ContractError, saying where.
    """
    bind = bound(document, where)
    if isinstance(document.get("proto"), str):
        imports = document.get("imports")
        references = (
            {str(name): str(text) for name, text in imports.items()}
            if isinstance(imports, dict)
            else {}
        )
        schema = from_text(document["proto"], where, references)
        writers = dict.fromkeys(bind.keys, Writer("protobuf", document["proto"], references))
    elif isinstance(document.get("descriptor_set"), str):
        schema, writers = from_set(document["descriptor_set"], where, bind.message), {}
    else:
        raise ContractError(f"{where}: the document holds neither `proto` nor `descriptor_set`")
    if schema.services and not bind.topic and not bind.message:
        kinds: list[Kind] = []  # its messages are those of its methods
    else:
        kinds = proto_messages(schema, bind.message, bind.topic, "", where, own=not bind.topic)
    promise = by_example((), kinds, writers=writers)
    if not schema.services:
        return promise
    calls = GrpcCalls(schema)
    left = [
        Left(
            f"/{method.full_name}",
            "of a stream each message is judged, and not how many there are",
        )
        for service in schema.services
        for method in service.methods
        if method.client_streaming or method.server_streaming
    ]
    return replace(promise, judge=calls, units=calls.units, left=left)


def proto_messages(
    schema: ProtoSchema, name: str, topic: str, clause: str, where: str, *, own: bool
) -> list[Kind]:
    """The message that is meant, or each of the file where none is named: then only a frame tells
    which one a record is.
    """
    chosen = [schema.named(name)] if name else schema.messages
    if not chosen or chosen[0] is None:
        raise ContractError(
            f"{where}: the .proto holds no message{f' {name[:80]!r}' if name else ''}", clause
        )
    lone = len(chosen) == 1
    return [
        _kind(message, topic, clause, lone=lone, own=own)
        for message in chosen
        if message is not None
    ]


def _kind(descriptor: Descriptor, topic: str, clause: str, *, lone: bool, own: bool) -> Kind:
    def fits(record: Carried) -> bool | None:
        frame = told_message(record)
        return (
            None
            if frame is None or isinstance(frame, str)
            else frame[0].full_name == descriptor.full_name
        )

    def example(value: Any, mismatches: Mismatches) -> None:
        held_as_json(descriptor, json.dumps(value).encode(), clause, mismatches)

    judges = (proto_judge(descriptor, clause, lone=lone),)
    return Kind(
        descriptor.full_name,
        clause,
        judges,
        topic=topic,
        own=own,
        fits=fits,
        example=example if lone else None,
        says=lambda: of_proto(descriptor, clause),
    )


def proto_judge(descriptor: Descriptor, clause: str, *, lone: bool) -> MessageJudge:
    """What a message asks of a record's bytes: that they are one, and that no field of it comes as
    something else.
    """

    def judge(record: Carried, mismatches: Mismatches) -> None:
        data = data_of(record, clause, mismatches)
        if data is None:
            return
        frame = told_message(record)
        if frame is None:
            if lone:
                _held(descriptor, data, clause, mismatches)
            else:
                mismatches.leave(SEVERAL, clause)
        elif isinstance(frame, str):
            mismatches.leave(frame, clause)
        else:
            _held(descriptor, frame[1], clause, mismatches)

    return judge


def told_message(record: Carried) -> tuple[Descriptor, bytes] | str | None:
    """Which message a frame names, and its bytes; or why that is not known. None where there is no
    frame: no message of Protobuf begins as one does, with field number 0.
    """
    frame = record.frame
    if frame is None:
        return None
    read, writer = _indexes(frame.body), record.writers(frame.key)
    if isinstance(writer, str):
        return writer
    if frame.by != CONFLUENT:
        return OTHER_INDEX
    try:
        descriptor = (
            proto_writer(writer).at(read[0])
            if read is not None and writer.kind == "protobuf"
            else None
        )
    except ContractError:
        return UNREADABLE_SCHEMA
    return (
        (descriptor, read[1]) if descriptor is not None and read is not None else UNREADABLE_SCHEMA
    )


def _indexes(data: bytes) -> tuple[Sequence[int], bytes] | None:
    """https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format:
    a count and as many indexes, zigzag; a lone zero stands for the first message.
    """
    count, at = _varint(data, 0)
    if at == 0 or not 0 <= count <= _MOST_INDEXES:
        return None
    if count == 0:
        return (0,), data[at:]
    indexes = []
    for _ in range(count):
        index, end = _varint(data, at)
        if end == at:
            return None
        indexes.append(index)
        at = end
    return indexes, data[at:]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag number and where it ends; ends at `at` when there is none."""
    number = shift = 0
    for place in range(at, min(at + 5, len(data))):
        number |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:  # the varint's last byte
            return (number >> 1) ^ -(number & 1), place + 1
        shift += 7
    return 0, at


def _held(descriptor: Descriptor, data: bytes, clause: str, mismatches: Mismatches) -> None:
    message: Any = class_of(descriptor)()
    held_against(message, data, clause, mismatches)
    if (
        data
        and not mismatches
        and not mismatches.open
        and not any(part.ListFields() for part, _ in parts_of(message))
        and len(UnknownFieldSet(message))
    ):
        mismatches.leave(UNDECLARED, clause)  # of a newer schema, or something else altogether
