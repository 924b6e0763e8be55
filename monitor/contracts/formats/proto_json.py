"""A message of Protobuf written as JSON, as Connect and gRPC with JSON send it: what of its
declared fields it breaks.

https://protobuf.dev/programming-guides/json/; receivers are told to step over what they do not
know, so that it is observed only.
"""

import json
import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor

from monitor.contracts.broken import Broken
from monitor.contracts.formats.protobuf_schema import class_of
from monitor.contracts.matching.mismatches import Mismatches

PROTO_JSON = "proto_json"
UNDECLARED_FIELD, UNDECLARED_VALUE = "undeclared_field", "undeclared_enum_value"
_WITHIN = re.compile(r"Failed to parse (\w+) field: ")
_OWN_FORM = "google.protobuf."  # messages that have a form of their own in JSON: a time is a text
_DEEPEST = 100
_FAULTS = (
    json_format.ParseError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
)


def held_as_json(
    descriptor: Descriptor, data: bytes, clause: str, mismatches: Mismatches
) -> list[tuple[str, str]]:
    """Add what a JSON text breaks of a message; returns what it holds besides, each a code of an
    observation and its place in the schema.
    """
    try:
        text = data.decode()
        value = json.loads(text)
    except (ValueError, RecursionError):
        mismatches.add(Broken("not_json", "", clause, "JSON", "other text"))
        return []
    if not isinstance(value, dict) and not descriptor.full_name.startswith(_OWN_FORM):
        mismatches.value("type", "", clause, "object", value)
        return []
    fault = _fault(descriptor, text, leniently=False)
    if fault is None:
        return []
    lenient = _fault(descriptor, text, leniently=True)
    pointer, holder = _place(descriptor, fault)
    if lenient is None:
        code = UNDECLARED_VALUE if "nvalid enum value" in fault else UNDECLARED_FIELD
        return [(code, holder)]
    if "duplicate key" in lenient:
        mismatches.add(Broken("duplicate_key", "", clause, "once", "twice"))
    else:
        pointer, holder = _place(descriptor, lenient)
        mismatches.add(Broken(PROTO_JSON, pointer, clause, f"a {holder}"[:80], "another value"))
    return []


def _fault(wanted: Descriptor, text: str, *, leniently: bool) -> str | None:
    """What the runtime says against a text; it quotes values, and is never handed on."""
    message: Any = class_of(wanted)()
    try:
        json_format.Parse(
            text,
            message,
            ignore_unknown_fields=leniently,
            descriptor_pool=wanted.file.pool,
            max_recursion_depth=_DEEPEST,
        )
    except _FAULTS as error:
        return str(error)
    return None


def _place(descriptor: Descriptor, fault: str) -> tuple[str, str]:
    """The pointer of a fault and the name of what should stand there: its words begin with the
    declared fields on the way.
    """
    pointer, holder, at = "", descriptor.full_name, 0
    within: Descriptor | None = descriptor
    while within is not None and (match := _WITHIN.match(fault, at)) is not None:
        field = within.fields_by_name.get(match[1]) or within.fields_by_camelcase_name.get(
            match[1]
        )
        if field is None:
            break
        at, holder = match.end(), field.full_name
        within = field.message_type
        pointer += f"/{field.name}{'/*' if field.is_repeated else ''}"
        if within is not None and within.GetOptions().map_entry:
            within = within.fields_by_name["value"].message_type
    return pointer, holder
