"""Protobuf messages as contracts of a topic's records, framed by a registry's client or bare."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.form import Message as Kind
from monitor.contracts.form import MessageJudge, Promise, by_example
from monitor.contracts.formats.binding import BINDING, bound
from monitor.contracts.formats.proto_text import looks_like_proto
from monitor.contracts.formats.protobuf_schema import ProtoSchema, class_of, from_set, from_text, proto_writer
from monitor.contracts.formats.raw_data import UNREADABLE_SCHEMA, data_of
from monitor.contracts.framing import Writer
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import TOO_LARGE
from monitor.errors import ContractError
from monitor.model.pointers import escaped

SEVERAL, UNDECLARED = "ambiguous_message", "undeclared_fields_only"
NOT_PROTOBUF = "not_protobuf"
_BINDING = re.compile(r"^\s*//\s*x-seamwatch:\s*(\{.*\})\s*$", re.MULTILINE)
_WIRE = ("varint", "64 bits", "length-delimited", "group", "group", "32 bits")
_MOST_PARTS = 20_000
_MOST_INDEXES = 32


def document_of_proto(text: str, where: str) -> dict[str, Any] | None:
    """A .proto's text as a document; its binding stands in a line `// x-seamwatch: {"topic": "orders"}`. None for another text."""
    if not looks_like_proto(text):
        return None
    said = _BINDING.search(text)
    try:
        bind = json.loads(said[1]) if said is not None else {}
    except (ValueError, RecursionError):
        raise ContractError(f"{where}: the line x-seamwatch holds no JSON") from None
    return {"proto": text, BINDING: bind}


_IMPORT = re.compile(r'(?:^|;)\s*import\s+(?:public\s+|weak\s+)?"([^"\n]{1,400})"\s*;', re.MULTILINE)
_MOST_IMPORTS = 500


def with_imports(document: Mapping[str, Any], find: Callable[[str], str | None]) -> dict[str, Any]:
    """The document with the texts of all that its .proto imports, as far as `find` knows them by their names."""
    found: dict[str, str] = {}
    open_names = _IMPORT.findall(str(document.get("proto", "")))
    while open_names and len(found) < _MOST_IMPORTS:
        name = open_names.pop()
        text = None if name in found or name.startswith("google/protobuf/") else find(name)
        if text is not None:
            found[name] = text
            open_names += _IMPORT.findall(text)
    return {**document, "imports": found} if found else dict(document)


def is_protobuf(document: Mapping[str, Any]) -> bool:
    """Whether a document holds a .proto's text, or a descriptor set in base64."""
    return isinstance(document.get("proto"), str) or isinstance(document.get("descriptor_set"), str)


def packed_set(data: bytes) -> str:
    """The bytes of a descriptor set as a document."""
    return json.dumps({"descriptor_set": base64.b64encode(data).decode()})


def read_protobuf(document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS) -> Promise:  # noqa: ARG001 - as others'
    """The promise of a .proto or a descriptor set: of the records of a topic where it names one. Raises ContractError, saying where."""
    bind = bound(document, where)
    if isinstance(document.get("proto"), str):
        imports = document.get("imports")
        references = {str(name): str(text) for name, text in imports.items()} if isinstance(imports, dict) else {}
        schema = from_text(document["proto"], where, references)
        writers = dict.fromkeys(bind.keys, Writer("protobuf", document["proto"], references))
    elif isinstance(document.get("descriptor_set"), str):
        schema, writers = from_set(document["descriptor_set"], where, bind.message), {}
    else:
        raise ContractError(f"{where}: the document holds neither `proto` nor `descriptor_set`")
    kinds = proto_messages(schema, bind.message, bind.topic, "", where, own=not bind.topic)
    return by_example((), kinds, writers=writers)


def proto_messages(schema: ProtoSchema, name: str, topic: str, clause: str, where: str, *, own: bool) -> list[Kind]:
    """The message that is meant, or each of the file where none is named: then only a frame tells which one a record is."""
    chosen = [schema.named(name)] if name else schema.messages
    if not chosen or chosen[0] is None:
        raise ContractError(f"{where}: the .proto holds no message{f' {name[:80]!r}' if name else ''}", clause)
    lone = len(chosen) == 1
    return [_kind(one, topic, clause, lone=lone, own=own) for one in chosen if one is not None]


def _kind(wanted: Descriptor, topic: str, clause: str, *, lone: bool, own: bool) -> Kind:
    def fits(record: Carried) -> bool | None:
        found = _told(record)
        return None if found is None or isinstance(found, str) else found[0].full_name == wanted.full_name

    return Kind(wanted.full_name, clause, (proto_judge(wanted, clause, lone=lone),), topic=topic, own=own, fits=fits)


def proto_judge(wanted: Descriptor, clause: str, *, lone: bool) -> MessageJudge:
    """What a message asks of a record's bytes: that they are one, and that no field of it comes as something else."""

    def judge(record: Carried, said: Mismatches) -> None:
        data = data_of(record, clause, said)
        if data is None:
            return
        found = _told(record)
        if found is None:
            if lone:
                _held(wanted, data, clause, said)
            else:
                said.leave(SEVERAL, clause)
        elif isinstance(found, str):
            said.leave(found, clause)
        else:
            _held(wanted, found[1], clause, said)

    return judge


def _told(record: Carried) -> tuple[Descriptor, bytes] | str | None:
    """Which message a frame names, and its bytes; or why that is not known. None where there is no frame: no message of Protobuf begins
    as one does, with field number 0.
    """
    frame = record.frame
    if frame is None:
        return None
    read, writer = _indexes(frame.body), record.writers(frame.key)
    if isinstance(writer, str):
        return writer
    try:
        found = proto_writer(writer).at(read[0]) if read is not None and writer.kind == "protobuf" else None
    except ContractError:
        return UNREADABLE_SCHEMA
    return (found, read[1]) if found is not None and read is not None else UNREADABLE_SCHEMA


def _indexes(data: bytes) -> tuple[Sequence[int], bytes] | None:
    """https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format: a count and as
    many indexes, zigzag; a lone zero stands for the first message.
    """
    count, at = _varint(data, 0)
    if at == 0 or not 0 <= count <= _MOST_INDEXES:
        return None
    if count == 0:
        return (0,), data[at:]
    found = []
    for _ in range(count):
        index, end = _varint(data, at)
        if end == at:
            return None
        found.append(index)
        at = end
    return found, data[at:]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag number and where it ends; ends at `at` when there is none."""
    number = shift = 0
    for place in range(at, min(at + 5, len(data))):
        number |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:  # the varint's last byte
            return (number >> 1) ^ -(number & 1), place + 1
        shift += 7
    return 0, at


def _held(wanted: Descriptor, data: bytes, clause: str, said: Mismatches) -> None:
    message: Any = class_of(wanted)()
    try:
        message.MergeFromString(data)
    except (DecodeError, ValueError, RecursionError):
        said.add(Broken(NOT_PROTOBUF, "", clause, f"a {wanted.full_name}"[:80], "other bytes"))
        return
    for path in message.FindInitializationErrors()[:20]:
        pointer = "".join(f"/{escaped(part)}" for part in re.sub(r"\[[^\]]*\]", ".*", path).split("."))
        said.add(Broken("required", pointer, clause, "present", "absent"))
    declared = 0
    for parts, (part, pointer) in enumerate(_parts(message)):
        if parts >= _MOST_PARTS:
            said.leave(TOO_LARGE, clause)
            return
        declared += len(part.ListFields())
        _unknown(part, pointer, clause, said)
    if data and not declared and not said and len(UnknownFieldSet(message)):
        said.leave(UNDECLARED, clause)  # of a newer schema, or something else altogether


def _unknown(part: Message, pointer: str, clause: str, said: Mismatches) -> None:
    """Fields that the runtime could not take: one of a declared number came with another type of wire, or another word of an enum."""
    by_number: Mapping[int, Any] = part.DESCRIPTOR.fields_by_number
    unknown: Any = UnknownFieldSet(part)
    for one in unknown:
        field = by_number.get(one.field_number)
        wire = _WIRE[one.wire_type] if 0 <= one.wire_type < len(_WIRE) else "another"
        if field is None:
            continue
        place = f"{pointer}/{escaped(field.name)}"
        if field.enum_type is not None and one.wire_type == 0:
            said.add(Broken("enum", place, clause, f"a value of {field.enum_type.name}"[:80], "another value"))
        else:
            said.add(Broken("wire_type", place, clause, _kind_of(field), wire))


def _kind_of(field: Any) -> str:
    named = field.message_type or field.enum_type
    if named is not None:
        return str(named.name)[:80]
    names = {value: name for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")}
    return names.get(field.type, "TYPE_").removeprefix("TYPE_").lower()


def _parts(message: Message) -> Iterator[tuple[Message, str]]:
    """The message and every one inside it, with its place."""
    stack: list[tuple[Message, str]] = [(message, "")]
    while stack:
        part, pointer = stack.pop()
        yield part, pointer
        for field, value in part.ListFields():
            if field.message_type is None:
                continue
            place = f"{pointer}/{escaped(field.name)}"
            if field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].message_type is not None:
                    stack.extend((value[key], f"{place}/*") for key in value)
            elif field.is_repeated:
                stack.extend((one, f"{place}/*") for one in value)
            else:
                stack.append((value, place))
