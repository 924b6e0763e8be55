"""Messages of Protobuf as plain values by the names of their fields, so that an example and its
rules can be held against them.

As the plugin of Pact compares them: https://github.com/pactflow/pact-protobuf-plugin. A field that
is not there has its default value, enums are told by name, and a list that no rule speaks of is
not compared.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from monitor.contracts.formats.protobuf_schema import class_of
from monitor.contracts.matching.paths import Place, root
from monitor.contracts.matching.rules import Rule, Rules
from monitor.errors import ContractError

_STRUCT, _BYTES_VALUE = "google.protobuf.Struct", "google.protobuf.BytesValue"
_DEEPEST = 100
_DELIMITED = 2


class Shown:
    """The message of an example: its value, the rules that hold for it, and the lists that nobody
    asks for.

    `rules` are the document's, and one of the type for each list whose items alone have rules.
    """

    def __init__(
        self,
        descriptor: Descriptor,
        data: bytes,
        rules: Mapping[str, Rules],
        expected_lists: Collection[str] = (),
    ) -> None:
        """Raises ContractError where the bytes are no such message."""
        self.rules = dict(rules)
        self.passed_over: list[str] = []
        self._lists = expected_lists
        message: Any = class_of(descriptor)()
        try:
            message.MergeFromString(data)
        except (DecodeError, ValueError, RecursionError):
            raise ContractError(f"its bytes are no {descriptor.full_name[:80]}") from None
        self.value: dict[str, Any] = self._message(message, data, root(rules), "$", 0)

    def _message(
        self, message: Any, data: bytes, place: Place[Rules], path: str, depth: int
    ) -> dict[str, Any]:
        if depth > _DEEPEST:
            raise ContractError(f"its message nests deeper than {_DEEPEST} levels")
        parts = _parts_by_number(data)
        shown: dict[str, Any] = {}
        for field in message.DESCRIPTOR.fields:
            if field.number not in parts:
                continue
            at, below = place.step(field.name), f"{path}.{field.name}"
            value = getattr(message, field.name)
            if _is_map(field):
                shown[field.name] = _map(field, value, {})
            elif field.is_repeated:
                if self._asked(field, at, below):
                    shown[field.name] = self._items(field, parts, value, at, below, depth)
                else:
                    self.passed_over.append(below)
            elif _nests(field):
                inner = b"".join(_data_of(field, [value], parts))
                shown[field.name] = self._message(value, inner, at, below, depth + 1)
            else:
                shown[field.name] = _value(field, value, None)
        return shown

    def _items(
        self,
        field: FieldDescriptor,
        parts: Mapping[int, list[bytes]],
        value: Any,
        place: Place[Rules],
        path: str,
        depth: int,
    ) -> list[Any]:
        if not _nests(field):
            return [_value(field, item, None) for item in value]
        return [
            self._message(item, data, place.step(index), f"{path}[{index}]", depth + 1)
            for index, (item, data) in enumerate(
                zip(value, _data_of(field, value, parts), strict=True)
            )
        ]

    def _asked(self, field: FieldDescriptor, place: Place[Rules], path: str) -> bool:
        if place.best is not None or path in self._lists:
            return True
        each = place.step(None)
        if not each.rules:
            return False
        clause = next(iter(self.rules.values())).clause.rpartition("/")[0]
        self.rules[path] = Rules((Rule("type"),), f"{clause}/{field.name}")
        return True


def plain_value(message: Any, like: Mapping[str, Any]) -> dict[str, Any]:
    """A live message as an example shows one: with the defaults of what the example has, without
    the lists that it does not have.
    """
    plain: dict[str, Any] = {}
    for field, value in message.ListFields():
        name = field.name
        if _is_map(field):
            plain[name] = _map(field, value, like.get(name) or {})
        elif field.is_repeated:
            if name in like:
                plain[name] = _items(field, value, like[name])
        else:
            entry = _value(field, value, like.get(name))
            # an empty message, and a default that was written, are as good as none
            if name in like or entry not in ({}, _default(field)):
                plain[name] = entry
    for name, shown in like.items():
        if name not in plain:
            plain[name] = _absent(message.DESCRIPTOR.fields_by_name[name], shown)
    return plain


def tells_nothing(message: Any) -> bool:
    """Whether a message tells nothing at all: no field is there, and none has a default value."""
    return not message.ListFields() and not any(
        field.message_type is None and not field.is_repeated for field in message.DESCRIPTOR.fields
    )


def _absent(field: FieldDescriptor, like: Any) -> Any:
    if _is_map(field):
        return {}
    if field.is_repeated:
        return []
    if field.message_type is not None:
        return _value(field, class_of(field.message_type)(), like)
    return _default(field)


def _default(field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        return {}
    return _scalar(field, field.default_value)


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and bool(kind.GetOptions().map_entry)


def _nests(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.full_name not in (_STRUCT, _BYTES_VALUE)


def _map(field: FieldDescriptor, value: Any, like: Mapping[str, Any]) -> dict[str, Any]:
    assert field.message_type is not None
    held = field.message_type.fields_by_name["value"]
    first = next(iter(like.values()), None)
    return {
        _key(key): _value(held, value[key], like.get(_key(key), first))
        for key in sorted(value, key=str)
    }


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _items(field: FieldDescriptor, value: Any, like: list[Any]) -> list[Any]:
    shown: Callable[[int], Any] = (
        (lambda index: like[index] if index < len(like) else like[0]) if like else lambda _: None
    )
    return [_value(field, item, shown(index)) for index, item in enumerate(value)]


def _value(field: FieldDescriptor, value: Any, like: Any) -> Any:
    if field.message_type is None:
        return _scalar(field, value)
    name = field.message_type.full_name
    if name == _STRUCT:
        return json_format.MessageToDict(value)
    if name == _BYTES_VALUE:
        return value.value.decode("latin-1")
    if like is None:  # of an example: what it has itself
        return {part.name: _whole(part, held) for part, held in value.ListFields()}
    return plain_value(value, like if isinstance(like, Mapping) else {})


def _whole(field: FieldDescriptor, value: Any) -> Any:
    if _is_map(field):
        return _map(field, value, {})
    if field.is_repeated:
        return [_value(field, item, None) for item in value]
    return _value(field, value, None)


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        enum_value = field.enum_type.values_by_number.get(value)
        return str(value) if enum_value is None else enum_value.name
    # one letter a byte, so that patterns and equality see them
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _data_of(
    field: FieldDescriptor, messages: Iterable[Any], parts: Mapping[int, list[bytes]]
) -> list[bytes]:
    """The bytes of a field's messages as they came. Those of a group stand between two marks, and
    are written anew.
    """
    if field.type == FieldDescriptor.TYPE_GROUP:
        return [message.SerializePartialToString() for message in messages]
    return parts[field.number]


def _parts_by_number(data: bytes) -> dict[int, list[bytes]]:
    """The numbers of the fields that the bytes hold, also those with a default value, and the
    bytes of each that has a length.
    """
    bare: Any = Empty()
    bare.MergeFromString(data)
    parts: dict[int, list[bytes]] = {}
    unknown: Any = UnknownFieldSet(bare)
    for field in unknown:
        held = parts.setdefault(field.field_number, [])
        if field.wire_type == _DELIMITED:
            held.append(field.data)
    return parts
