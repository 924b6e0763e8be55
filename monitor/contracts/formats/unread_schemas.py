"""What schemas of messages say that no payload is held against: attributes and logical types of
Avro, options of Protobuf.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from monitor.contracts.formats.avro_logical import meant_as
from monitor.contracts.formats.folded import Unjudged
from monitor.contracts.formats.proto_words import without_comments
from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

# https://avro.apache.org/docs/1.12.0/specification/
_OF_AVRO = frozenset(
    (
        "type name namespace doc aliases fields order default symbols size items values "
        "precision scale logicalType contracts"
    ).split()
)
_INNER = ("type", "fields", "items", "values")
_OPTION = re.compile(r"(?:\boption\s+|[\[,]\s*)\(\s*\.?([\w.]+)\s*\)")
# The fields under which two libraries of rules keep theirs in a descriptor's options.
_RULES = {1071: "validate.rules", 1159: "buf.validate"}
_DEEPEST = 100


def unread_avro(document: dict[str, Any]) -> list[Remark]:
    """Attributes that Avro does not know, and logical types that are not its own or stand at another
    type. Names with a dot are those of programs.
    """
    unjudged = Unjudged()
    stack: list[tuple[Any, str, int]] = [(document.get("contracts", document), "", 0)]
    while stack:
        node, pointer, depth = stack.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(node, list):
            children = [(part, f"{pointer}/{at}", depth + 1) for at, part in enumerate(node)]
            stack += reversed(children)
        elif isinstance(node, dict):
            for word in node:
                place = f"{pointer}/{escaped(word)}"
                if word == "logicalType":
                    if not meant_as(node, "logicalType"):
                        sentence = f"the logical type {str(node[word])[:40]!r} is none of Avro's for this type, and is not judged"
                        unjudged.add("logicalType", str(node[word]), sentence, place)
                elif word not in _OF_AVRO and "." not in word and not word.startswith("x-"):
                    sentence = "Avro does not know this attribute, and it is not judged"
                    unjudged.add("attribute", word, sentence, place)
            stack += [
                (node[word], f"{pointer}/{word}", depth + 1)
                for word in reversed(_INNER)
                if isinstance(node.get(word), dict | list)
            ]
    return unjudged.remarks()


def unread_proto(document: dict[str, Any]) -> list[Remark]:
    """Options of others' in a .proto or a descriptor set: rules for values among them."""
    unjudged = Unjudged()
    for name in _options(document):
        unjudged.add("option", name, f"the option ({name[:80]}) is not judged", "")
    return unjudged.remarks()


def _options(document: dict[str, Any]) -> Iterator[str]:
    text, packed = document.get("proto"), document.get("descriptor_set")
    if isinstance(text, str):
        for match in _OPTION.finditer(without_comments(text)):
            yield match[1]
    elif isinstance(packed, str):
        try:
            files = FileDescriptorSet.FromString(base64.b64decode(packed)).file
        except (binascii.Error, ValueError, DecodeError):
            return
        for file in files:
            for message in file.message_type:
                yield from _packed_options(message)


def _packed_options(message: DescriptorProto) -> Iterator[str]:
    options: list[Message] = [message.options]
    options += [part.options for part in message.field]
    options += [part.options for part in message.oneof_decl]
    for held in options:
        unknown = UnknownFieldSet(held)
        for at in range(len(unknown)):
            number = unknown[at].field_number
            yield _RULES.get(number, f"number {number}")
    for inner in message.nested_type:
        yield from _packed_options(inner)
