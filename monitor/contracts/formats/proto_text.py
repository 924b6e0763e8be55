"""The text of a .proto file to a descriptor. https://protobuf.dev/reference/protobuf/proto3-spec/

`proto-schema-parser` reads the text (it follows Buf's grammar, in Python alone): the compiler is a
program of its own, and one that holds to a version of the runtime. Options other than `deprecated`,
`json_name` and the features of editions say nothing of the wire or of JSON, and are passed over.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from antlr4.error.ErrorListener import ErrorListener
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)
from proto_schema_parser import ast
from proto_schema_parser.parser import Parser

from monitor.contracts.formats.proto_words import MOST_TOKENS, TOKEN, without_comments
from monitor.contracts.limits import check_words
from monitor.errors import ContractError

_DEEPEST = 60
_SCALARS = {
    kind: getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
    for kind in "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes".split()
}
_LABELS = {
    ast.FieldCardinality.REPEATED: FieldDescriptorProto.LABEL_REPEATED,
    ast.FieldCardinality.REQUIRED: FieldDescriptorProto.LABEL_REQUIRED,
    ast.FieldCardinality.OPTIONAL: FieldDescriptorProto.LABEL_OPTIONAL,
}
_EDITIONS = {"2023": 1000, "2024": 1001}
_HIGHEST = 536_870_912  # one more than the highest number of a field
_RANGE = re.compile(r"(-?\d+)(?:\s*to\s*(-?\d+|max))?")
_NAME, _QUOTED = re.compile(r"\w+"), r'"\g<0>"'
_RESERVED = re.compile(r"\breserved\s+([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s*;")
_OPTION_IMPORT = re.compile(r"\bimport\s+option\b")
_SEEN_BY = re.compile(r"\b(?:export|local)\s+(?=(?:message|enum)\b)")
_FAULTS = (ValueError, TypeError, AttributeError, IndexError, KeyError, RecursionError)


def proto_file(text: str, name: str, where: str) -> FileDescriptorProto:
    """The descriptor of one file. ContractError, saying where, for a text that is none."""
    plain = _readable(without_comments(text.removeprefix("\ufeff")))
    _bounded(plain, where)
    try:
        return _File(Parser(setup_lexer=_strict, setup_parser=_strict).parse(plain), name).made()
    except _FAULTS as error:
        message = str(error) or type(error).__name__
        raise ContractError(f"{where}: the .proto cannot be read: {message[:200]}") from None


def _readable(text: str) -> str:
    """A text in words that the parser knows: editions have names without quotes in `reserved`, and
    imports and definitions that say who may see them.
    """
    text = _OPTION_IMPORT.sub("import weak", _SEEN_BY.sub("", text))
    return _RESERVED.sub(lambda match: f"reserved {_NAME.sub(_QUOTED, match[1])};", text)


class _Strict(ErrorListener):  # type: ignore[misc]  # antlr4 has no types
    """The first fault ends the reading: the parser would repair the text and go on, and say so on
    our standard error.
    """

    def syntaxError(self, *details: Any) -> None:  # noqa: N802 - antlr4's name
        """Raise it; said are recogniser, symbol, line, column, message, and the error."""
        raise ValueError(f"line {details[2]}: {str(details[4])[:160]}")


def _strict(part: Any) -> None:
    part.removeErrorListeners()
    part.addErrorListener(_Strict())


def _bounded(text: str, where: str) -> None:
    instead = "a .proto of more than {most} words and signs is not read; publish a descriptor set"
    check_words(
        (token[0] for token in TOKEN.finditer(text)), MOST_TOKENS, _DEEPEST, where, instead
    )


class _File:
    def __init__(self, parsed: ast.File, name: str) -> None:
        self._parsed, self._name = parsed, name
        self._syntax = parsed.syntax or ("" if parsed.edition else "proto2")

    def made(self) -> FileDescriptorProto:
        file = FileDescriptorProto(name=self._name)
        if self._parsed.edition:
            if self._parsed.edition not in _EDITIONS:
                raise ValueError(f"the edition {self._parsed.edition[:20]!r} is not known")
            file.syntax, file.edition = "editions", _EDITIONS[self._parsed.edition]  # type: ignore[assignment]
        elif self._syntax in ("proto2", "proto3"):
            file.syntax = self._syntax
        else:
            raise ValueError(f"the syntax {self._syntax[:20]!r} is not known")
        for element in self._parsed.file_elements:
            if isinstance(element, ast.Package):
                file.package = element.name
            elif isinstance(element, ast.Import):
                file.dependency.append(element.name)
            elif isinstance(element, ast.Message):
                self._message(element.name, element.elements, file.message_type.add())
            elif isinstance(element, ast.Enum):
                self._enum(element, file.enum_type.add())
            elif isinstance(element, ast.Extension):
                self._extension(element, file, file.message_type)
            elif isinstance(element, ast.Service):
                _service(element, file.service.add())
        self._features(self._parsed.file_elements, file)
        return file

    def _features(self, elements: Sequence[Any], descriptor: Any) -> None:
        """What an edition's file, or a part of it, sets of the language.
        https://protobuf.dev/editions/features/
        """
        if not self._parsed.edition:
            return
        for name, value in _features_of(elements):
            field = FeatureSet.DESCRIPTOR.fields_by_name.get(name)
            numbers = field.enum_type.values_by_name if field and field.enum_type else {}
            if value in numbers:
                setattr(descriptor.options.features, name, numbers[value].number)

    def _extension(self, extension: ast.Extension, holder: Any, groups: Any) -> None:
        """Fields of another message, beside those of `holder`. Options of one's own are such, too,
        and are not read.
        """
        if extension.typeName.endswith("Options"):
            return
        inner = DescriptorProto()
        for element in extension.elements:
            if isinstance(element, ast.Field | ast.Group):
                self._field(element, inner)
        for field in inner.field:
            field.extendee = extension.typeName
        holder.extension.extend(inner.field)
        groups.extend(inner.nested_type)

    def _message(self, name: str, elements: Sequence[Any], descriptor: DescriptorProto) -> None:
        descriptor.name = name
        # fields of proto3 that are told as `optional`: each is a oneof of its own
        lone: list[FieldDescriptorProto] = []
        for element in elements:
            if isinstance(element, ast.OneOf):
                self._oneof(element, descriptor)
            elif isinstance(element, ast.Field | ast.Group):
                field = self._field(element, descriptor)
                if (
                    self._syntax == "proto3"
                    and element.cardinality is ast.FieldCardinality.OPTIONAL
                ):
                    lone.append(field)
            elif isinstance(element, ast.MapField):
                self._map(element, descriptor)
            elif isinstance(element, ast.Message):
                self._message(element.name, element.elements, descriptor.nested_type.add())
            elif isinstance(element, ast.Enum):
                self._enum(element, descriptor.enum_type.add())
            elif isinstance(element, ast.Extension):
                self._extension(element, descriptor, descriptor.nested_type)
            elif isinstance(element, ast.Reserved | ast.ExtensionRange):
                _set_apart(element, descriptor)
        self._features(elements, descriptor)
        for field in lone:
            descriptor.oneof_decl.add(name=f"_{field.name}")
            field.oneof_index, field.proto3_optional = len(descriptor.oneof_decl) - 1, True

    def _enum(self, enum: ast.Enum, descriptor: EnumDescriptorProto) -> None:
        descriptor.name = enum.name
        self._features(enum.elements, descriptor)
        numbers: set[int] = set()
        for value in enum.elements:
            if isinstance(value, ast.EnumValue):
                if value.number in numbers:
                    descriptor.options.allow_alias = True
                numbers.add(value.number)
                descriptor.value.add(name=value.name, number=value.number)

    def _oneof(self, oneof: ast.OneOf, descriptor: DescriptorProto) -> None:
        descriptor.oneof_decl.add(name=oneof.name)
        at = len(descriptor.oneof_decl) - 1
        self._features(oneof.elements, descriptor.oneof_decl[at])
        for inner in oneof.elements:
            if isinstance(inner, ast.Field | ast.Group):
                self._field(inner, descriptor).oneof_index = at

    def _field(self, field: Any, descriptor: DescriptorProto) -> FieldDescriptorProto:
        label = _LABELS.get(field.cardinality, FieldDescriptorProto.LABEL_OPTIONAL)
        if isinstance(field, ast.Group):
            self._message(field.name, field.elements, descriptor.nested_type.add())
            kind = FieldDescriptorProto.TYPE_GROUP
            return descriptor.field.add(
                name=field.name.lower(),
                number=field.number,
                label=label,
                type=kind,
                type_name=field.name,
            )
        field_descriptor = descriptor.field.add(name=field.name, number=field.number, label=label)
        _typed(field_descriptor, field.type)
        if _is_deprecated(field.options):
            field_descriptor.options.deprecated = True
        for option in field.options or ():
            if option.name == "json_name":
                field_descriptor.json_name = str(option.value)
        self._features(field.options or (), field_descriptor)
        return field_descriptor

    def _map(self, field: ast.MapField, descriptor: DescriptorProto) -> None:
        entry = descriptor.nested_type.add(
            name="".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
        )
        entry.options.map_entry = True
        for number, name, kind in ((1, "key", field.key_type), (2, "value", field.value_type)):
            _typed(
                entry.field.add(
                    name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL
                ),
                kind,
            )
        repeated, message = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
        descriptor.field.add(
            name=field.name,
            number=field.number,
            label=repeated,
            type=message,
            type_name=entry.name,
        )


def _service(service: ast.Service, descriptor: ServiceDescriptorProto) -> None:
    descriptor.name = service.name
    is_deprecated = _is_deprecated(service.elements)
    for method in service.elements:
        if isinstance(method, ast.Method):
            method_descriptor = descriptor.method.add(
                name=method.name,
                input_type=method.input_type.type,
                output_type=method.output_type.type,
            )
            method_descriptor.client_streaming, method_descriptor.server_streaming = (
                method.input_type.stream,
                method.output_type.stream,
            )
            if is_deprecated or _is_deprecated(method.elements):
                method_descriptor.options.deprecated = True


def _is_deprecated(options: Sequence[Any]) -> bool:
    return any(
        isinstance(option, ast.Option) and option.name == "deprecated" and option.value is True
        for option in options or ()
    )


def _set_apart(element: ast.Reserved | ast.ExtensionRange, descriptor: DescriptorProto) -> None:
    """Numbers and names that no field of the message may have."""
    if isinstance(element, ast.Reserved):
        descriptor.reserved_name.extend(text.strip("\"'") for text in element.names)
    for start, end in _ranges(element.ranges):
        (
            descriptor.reserved_range
            if isinstance(element, ast.Reserved)
            else descriptor.extension_range
        ).add(start=start, end=end)


def _typed(made: FieldDescriptorProto, kind: str) -> None:
    """A scalar by its kind; a message or an enum by its name, which the pool resolves as the
    language does.
    """
    if kind in _SCALARS:
        made.type = _SCALARS[kind]
    else:
        made.type_name = kind


def _features_of(elements: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Each feature that options set, alone or several in braces."""
    for option in elements:
        if not isinstance(option, ast.Option):
            continue
        if option.name == "features" and isinstance(option.value, ast.MessageLiteral):
            for part in option.value.elements:
                if isinstance(part, ast.MessageLiteralField):
                    yield part.name, _word(part.value)
        elif option.name.startswith("features."):
            yield option.name.removeprefix("features."), _word(option.value)


def _word(value: Any) -> str:
    return value.name if isinstance(value, ast.Identifier) else ""


def _ranges(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Each range with its end left out, as descriptors have it."""
    for text in texts:
        match = _RANGE.fullmatch(str(text).strip())
        if match is not None:
            start = int(match[1])
            yield start, _HIGHEST if match[2] == "max" else int(match[2] or start) + 1
