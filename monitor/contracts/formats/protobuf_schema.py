"""Protobuf schemas from .proto texts and descriptor sets, as the runtime's own descriptors."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    message_factory,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from monitor.contracts.formats.proto_words import MOST_TOKENS, tokens_of
from monitor.contracts.framing import Writer
from monitor.errors import ContractError

_MOST_FILES = 2_000
_OWN = (
    *(any_pb2, source_context_pb2, type_pb2, api_pb2, descriptor_pb2, duration_pb2, empty_pb2),
    *(field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2),
)
STANDARD: Mapping[str, Any] = {module.DESCRIPTOR.name: module for module in _OWN}
"""What comes with the runtime, by the names that are imported."""
_REFUSED = (TypeError, KeyError, ValueError, RecursionError)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
"""No .proto is one word."""


@dataclass(frozen=True, slots=True, eq=False)
class ProtoSchema:
    """One file, with what it imports. `file` is its descriptor, `files` those of all that came
    with it.
    """

    file: FileDescriptor
    files: Sequence[FileDescriptor] = ()

    @property
    def services(self) -> list[ServiceDescriptor]:
        """The services of all files."""
        return [service for file in self.files for service in file.services_by_name.values()]

    @property
    def messages(self) -> list[Descriptor]:
        """The messages of the file itself, in their order."""
        return list(self.file.message_types_by_name.values())

    def at(self, indexes: Sequence[int]) -> Descriptor | None:
        """The message that a frame's indexes name: which of the file, then which inside it."""
        messages: Sequence[Descriptor] = self.messages
        descriptor: Descriptor | None = None
        for index in indexes:
            if not 0 <= index < len(messages):
                return None
            descriptor = messages[index]
            messages = descriptor.nested_types
        return descriptor

    def named(self, name: str) -> Descriptor | None:
        """A message by its name, whole or without the package; in this file, or imported."""
        for full_name in (name, f"{self.file.package}.{name}"):
            try:
                return self.file.pool.FindMessageTypeByName(full_name.lstrip("."))
            except (KeyError, TypeError):  # or half of a pair of surrogates
                continue
        return None


def from_text(text: str, where: str, references: Mapping[str, str] | None = None) -> ProtoSchema:
    """The schema of a .proto file, or of a file's descriptor in base64, as clients register it and
    some registries tell it. Imports come from `references` and the runtime; one that is
    nowhere may have been for options alone, and is left out. ContractError for what cannot be
    used.
    """
    count = sum(map(tokens_of, [text, *(references or {}).values()]))
    if count > MOST_TOKENS:
        raise ContractError(
            f"{where}: a .proto that comes with its imports to more than {MOST_TOKENS} words and signs is not read; publish a descriptor set"
        )
    files = [_file(held, name, where) for name, held in (references or {}).items()]
    return _pooled([*files, _file(text, "contract.proto", where)], where, lenient=True)


def _file(text: str, name: str, where: str) -> FileDescriptorProto:
    if _BASE64.fullmatch(text.strip()):
        try:
            file = FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, DecodeError) as error:
            raise ContractError(f"{where}: the descriptor cannot be read: {error}") from None
        file.name = name
        return file
    from monitor.contracts.formats.proto_text import (  # noqa: PLC0415  # its parser loads slowly
        proto_file,
    )

    return proto_file(text, name, where)


def from_set(packed: str, where: str, message: str) -> ProtoSchema:
    """The schema of a descriptor set in base64: of the file that holds `message`, else of the last
    one.
    """
    try:
        files = list(FileDescriptorSet.FromString(base64.b64decode(packed, validate=True)).file)
    except (binascii.Error, ValueError, DecodeError) as error:
        raise ContractError(
            f"{where}: the descriptor set cannot be read: {error}", "/descriptor_set"
        ) from None
    if not files:
        raise ContractError(f"{where}: the descriptor set holds no file", "/descriptor_set")
    full_name = message.lstrip(".")
    files.sort(
        key=lambda file: (
            full_name != ""
            and any(
                full_name in (descriptor.name, f"{file.package}.{descriptor.name}")
                for descriptor in file.message_type
            )
        )
    )
    return _pooled(files, where, lenient=False)


@lru_cache(maxsize=1024)
def proto_writer(writer: Writer) -> ProtoSchema:
    """The schema that a registry tells. ContractError when it cannot be used."""
    return from_text(writer.text, "the schema of the registry", writer.references)


@lru_cache(maxsize=4096)
def class_of(descriptor: Descriptor) -> type[Message]:
    """The class of a message."""
    return message_factory.GetMessageClass(descriptor)


def _pooled(files: Sequence[FileDescriptorProto], where: str, *, lenient: bool) -> ProtoSchema:
    if len(files) > _MOST_FILES:
        raise ContractError(
            f"{where}: more than {_MOST_FILES} files; publish those alone that the message needs"
        )
    by_name: dict[str, FileDescriptorProto] = {}
    for name, module in STANDARD.items():
        by_name[name] = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(by_name[name])
    by_name |= {file.name: file for file in files if file.name not in STANDARD}
    dependencies = {name: tuple(file.dependency) for name, file in by_name.items()}
    pool, added = DescriptorPool(), set[str]()
    last = files[-1].name
    try:
        for name in [*by_name]:
            _add(name, by_name, pool, added, lenient=lenient)
        return ProtoSchema(
            pool.FindFileByName(last),
            [pool.FindFileByName(name) for name in by_name if name not in STANDARD],
        )
    except _REFUSED as error:
        missing = sorted(
            {
                dependency
                for name in by_name
                if name not in STANDARD
                for dependency in dependencies[name]
                if dependency not in by_name
            }
        )
        why = f"; {', '.join(missing[:5])} are not here: publish them with it, or a descriptor set (protoc --include_imports)"
        raise ContractError(
            f"{where}: the .proto cannot be used: {str(error)[:300]}{why if missing else ''}"
        ) from None


def _add(
    name: str,
    by_name: Mapping[str, FileDescriptorProto],
    pool: Any,
    added: set[str],
    *,
    lenient: bool,
    above: tuple[str, ...] = (),
) -> None:
    """A file after those that it imports."""
    if name in added:
        return
    if name in above or len(above) > 200:
        raise ValueError(f"the import of {name[:80]!r} leads in a circle")
    file = by_name[name]
    if lenient:
        present = [dependency for dependency in file.dependency if dependency in by_name]
        del file.dependency[:]
        file.dependency.extend(present)
        del file.public_dependency[:]
    for dependency in file.dependency:
        if dependency not in by_name:
            raise ValueError(
                f"the file {dependency[:80]!r} is missing; make the set with its imports (protoc --include_imports)"
            )
        _add(dependency, by_name, pool, added, lenient=lenient, above=(*above, name))
    pool.AddSerializedFile(file.SerializeToString())
    added.add(name)
