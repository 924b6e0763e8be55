"""A message of Protobuf as its bytes come: what its declared fields break, and what of it is not
declared.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from monitor.contracts.broken import Broken
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import TOO_LARGE
from monitor.model.pointers import escaped

NOT_PROTOBUF = "not_protobuf"
_WIRE = ("varint", "64 bits", "length-delimited", "group", "group", "32 bits")
_MOST_PARTS = 20_000
_LONGEST = 10  # bytes of a number
_ENDED, _ENDLESS = -1, -2
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_SECOND_NS, _LONGEST_S = 1_000_000_000, 315_576_000_000
_LAST_KIND, _GROUPS, _FIXED = 5, (3, 4), {1: 8, 5: 4}


def held_against(message: Any, data: bytes, clause: str, mismatches: Mismatches) -> None:
    """Fill an empty message from bytes, and add what of its declared fields they break."""
    try:
        message.MergeFromString(data)
    except (DecodeError, ValueError, RecursionError):
        mismatches.add(
            Broken(
                NOT_PROTOBUF, "", clause, f"a {message.DESCRIPTOR.full_name}"[:80], "other bytes"
            )
        )
        return
    for path in message.FindInitializationErrors()[:20]:
        pointer = "".join(
            f"/{escaped(part)}" for part in re.sub(r"\[[^\]]*\]", ".*", path).split(".")
        )
        mismatches.add(Broken("required", pointer, clause, "present", "absent"))
    for parts, (part, pointer) in enumerate(parts_of(message)):
        if parts >= _MOST_PARTS:
            mismatches.leave(TOO_LARGE, clause)
            return
        _unknown(part, pointer, clause, mismatches)
        _in_range(part, pointer, clause, mismatches)


def declared_fields(message: Message) -> Iterator[tuple[str, str]]:
    """`deprecated_field`, `undeclared_field` and `undeclared_enum_value`, each with the place in
    the schema: `shop.Order.note`.
    """
    for parts, (part, _) in enumerate(parts_of(message)):
        if parts >= _MOST_PARTS:
            return
        if len(UnknownFieldSet(part)):
            yield "undeclared_field", part.DESCRIPTOR.full_name
        for field, value in part.ListFields():
            if field.GetOptions().deprecated:
                yield "deprecated_field", field.full_name
            if field.enum_type is not None:
                numbers = field.enum_type.values_by_number
                if any(
                    number not in numbers for number in (value if field.is_repeated else (value,))
                ):
                    yield "undeclared_enum_value", field.full_name


class Wire(Enum):
    """How the bytes of a message end."""

    WHOLE = 0
    CUT = 1  # inside a field
    OTHER = 2  # they are none


def wire_of(data: bytes) -> Wire:
    """Whether bytes are whole fields, one after the other. A length beyond the end looks like a
    cut, whatever made it.
    """
    at, size = 0, len(data)
    while at < size:
        tag, at = _varint(data, at)
        kind = tag & 7
        if at < 0 or tag >> 3 == 0 or kind > _LAST_KIND:
            return Wire.CUT if at == _ENDED else Wire.OTHER
        if kind in _GROUPS:
            return Wire.WHOLE  # the runtime's affair
        length, at = (_FIXED[kind], at) if kind in _FIXED else _varint(data, at)
        if at < 0:
            return Wire.CUT if at == _ENDED else Wire.OTHER
        at += 0 if kind == 0 else length
    return Wire.WHOLE if at == size else Wire.CUT


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; _ENDED where the bytes end first, _ENDLESS where it has too
    many.
    """
    number = shift = 0
    for place in range(at, min(at + _LONGEST, len(data))):
        number |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return number, place + 1
        shift += 7
    return 0, _ENDED if len(data) - at < _LONGEST else _ENDLESS


def _unknown(part: Message, pointer: str, clause: str, mismatches: Mismatches) -> None:
    """Fields that the runtime could not take: one of a declared number came with another type of
    wire, or another word of an enum.
    """
    by_number: Mapping[int, Any] = part.DESCRIPTOR.fields_by_number
    unknown: Any = UnknownFieldSet(part)
    for unknown_field in unknown:
        number = unknown_field.field_number
        field = by_number.get(number) or _extension(part, number)
        wire = (
            _WIRE[unknown_field.wire_type]
            if 0 <= unknown_field.wire_type < len(_WIRE)
            else "another"
        )
        if field is None:
            continue
        place = f"{pointer}/{escaped(field.name)}"
        if field.enum_type is not None and unknown_field.wire_type == 0:
            mismatches.add(
                Broken(
                    "enum",
                    place,
                    clause,
                    f"a value of {field.enum_type.name}"[:80],
                    "another value",
                )
            )
        else:
            mismatches.add(Broken("wire_type", place, clause, _kind_of(field), wire))


def _in_range(part: Any, pointer: str, clause: str, mismatches: Mismatches) -> None:
    """https://protobuf.dev/reference/protobuf/google.protobuf/: a timestamp lies in the years 1 to
    9999; a duration within 10,000 years, both its parts of one sign.
    """
    name = part.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        kept = _FIRST_SECOND <= part.seconds <= _LAST_SECOND and 0 <= part.nanos < _SECOND_NS
    elif name == "google.protobuf.Duration":
        kept = abs(part.seconds) <= _LONGEST_S and abs(part.nanos) < _SECOND_NS
        kept = kept and part.seconds * part.nanos >= 0
    else:
        return
    if not kept:
        said = f"a {name.rpartition('.')[2]} in its range"
        mismatches.add(Broken("range", pointer, clause, said, "another value"))


def _extension(part: Any, number: int) -> Any:
    """The field of another file that extends a message; None where none has the number."""
    if not part.DESCRIPTOR.is_extendable:
        return None
    try:
        return part.DESCRIPTOR.file.pool.FindExtensionByNumber(part.DESCRIPTOR, number)
    except KeyError:
        return None


def _kind_of(field: Any) -> str:
    named = field.message_type or field.enum_type
    if named is not None:
        return str(named.name)[:80]
    names = {
        value: name for name, value in vars(FieldDescriptor).items() if name.startswith("TYPE_")
    }
    return names.get(field.type, "TYPE_").removeprefix("TYPE_").lower()


def parts_of(message: Message) -> Iterator[tuple[Message, str]]:
    """The message and every one inside it, with its place."""
    waiting: list[Iterator[tuple[Message, str]]] = [iter([(message, "")])]
    while waiting:  # not all at once: a million of empty ones fit into a body
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        part, pointer = entry
        yield part, pointer
        for field, value in part.ListFields():
            if field.message_type is None:
                continue
            place = f"{pointer}/{escaped(field.name)}"
            if field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].message_type is not None:
                    waiting.append(_each(map(value.__getitem__, value), f"{place}/*"))
            elif field.is_repeated:
                waiting.append(_each(value, f"{place}/*"))
            else:
                waiting.append(iter([(value, place)]))


def _each(parts: Iterable[Message], place: str) -> Iterator[tuple[Message, str]]:
    return ((part, place) for part in parts)
