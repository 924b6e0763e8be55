"""Which changes of a .proto keep new code from reading old records, by the rules that registries
document.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/serdes-protobuf.html#protobuf-schema-compatibility-rules
and https://protobuf.dev/programming-guides/proto3/#updating. The words are the registry's own;
places read `/Message/number`.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from monitor.contracts.compatibility.changes import Change
from monitor.contracts.formats.protobuf_schema import ProtoSchema
from monitor.errors import ContractError

_MOST_COMPARED = 20_000
_GROUPS: Mapping[str, tuple[int, ...]] = {
    "a varint": (
        *(
            FieldDescriptor.TYPE_INT32,
            FieldDescriptor.TYPE_INT64,
            FieldDescriptor.TYPE_UINT32,
            FieldDescriptor.TYPE_UINT64,
        ),
        *(FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_ENUM),
    ),
    "a zigzag number": (FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64),
    "text or bytes": (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES),
    "32 fixed bits": (FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32),
    "64 fixed bits": (FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64),
    "a float": (FieldDescriptor.TYPE_FLOAT,),
    "a double": (FieldDescriptor.TYPE_DOUBLE,),
}
_GROUP_OF = {kind: name for name, kinds in _GROUPS.items() for kind in kinds}


def proto_changes(old: ProtoSchema, new: ProtoSchema) -> list[Change]:
    """Every incompatible change from `old` to `new`, for a reader with `new`, each once; none:
    `new` reads what `old` wrote.
    """
    comparison = _Comparison(old, new)
    if old.file.package != new.file.package:
        comparison.changes.append(
            Change(
                "PACKAGE_CHANGED",
                "",
                new.file.package or "no package",
                old.file.package or "no package",
            )
        )
    comparison.types(old.file.message_types_by_name, new.file.message_types_by_name, "")
    return list(dict.fromkeys(comparison.changes))


class _Comparison:
    def __init__(self, old: ProtoSchema, new: ProtoSchema) -> None:
        self._old, self._new = old, new
        self.changes: list[Change] = []
        self._seen: set[tuple[str, str]] = set()

    def types(self, old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> None:
        for name, message in old.items():
            if message.GetOptions().map_entry:
                continue
            if name in new:
                self.messages(message, new[name], f"{pointer}/{name}")
            else:
                self._say("MESSAGE_REMOVED", f"{pointer}/{name}", "absent", "a message")

    def messages(self, old: Any, new: Any, pointer: str) -> None:
        if (old.full_name, new.full_name) in self._seen:
            return
        self._seen.add((old.full_name, new.full_name))
        if len(self._seen) > _MOST_COMPARED:
            raise ContractError(f"more than {_MOST_COMPARED} messages of two schemas are compared")
        theirs = {field.number: field for field in old.fields}
        ours = {field.number: field for field in new.fields}
        self._exclusive(theirs, new, pointer)
        lost_oneofs = {
            name
            for name, oneof in _oneofs(old).items()
            if name not in _oneofs(new) and not any(field.number in ours for field in oneof.fields)
        }
        for number in sorted(theirs.keys() | ours.keys()):
            place, before, after = f"{pointer}/{number}", theirs.get(number), ours.get(number)
            if after is None:
                self._removed(before, lost_oneofs, place)
            elif before is None:
                if _required(after):
                    self._say("REQUIRED_FIELD_ADDED", place, "a required field", "absent")
            else:
                self._fields(before, after, place)
        self.types(old.nested_types_by_name, new.nested_types_by_name, pointer)

    def _removed(self, before: Any, gone: set[str], place: str) -> None:
        oneof = _oneof(before)
        if oneof is not None:
            if oneof.name not in gone:
                self._say("ONEOF_FIELD_REMOVED", place, "absent", f"a field of {oneof.name}")
        elif _required(before):
            self._say("REQUIRED_FIELD_REMOVED", place, "absent", "a required field")

    def _exclusive(self, theirs: Mapping[int, Any], new: Any, pointer: str) -> None:
        """Fields that could be set together before, and cannot now."""
        for name, oneof in _oneofs(new).items():
            moved = [theirs[field.number] for field in oneof.fields if field.number in theirs]
            groups = {
                f"field {field.name}"
                if (oneof_before := _oneof(field)) is None
                else f"oneof {oneof_before.name}"
                for field in moved
            }
            if len(groups) > 1:
                several = sum(_oneof(field) is None for field in moved) > 1
                rule = (
                    "MULTIPLE_FIELDS_MOVED_TO_ONEOF"
                    if several
                    else "FIELD_MOVED_TO_EXISTING_ONEOF"
                )
                self._say(rule, f"{pointer}/{name}", "one of them", "each of them")

    def _fields(self, old: Any, new: Any, pointer: str) -> None:
        theirs, ours = _kind(old), _kind(new)
        if theirs != ours:
            self._say("FIELD_KIND_CHANGED", pointer, ours, theirs)
        elif theirs == "a map":
            for word in ("key", "value"):
                self._fields(
                    old.message_type.fields_by_name[word],
                    new.message_type.fields_by_name[word],
                    pointer,
                )
        elif theirs == "a message":
            self._named(old.message_type, new.message_type, pointer)
        elif _GROUP_OF[old.type] != _GROUP_OF[new.type]:
            self._say(
                "FIELD_SCALAR_KIND_CHANGED", pointer, _GROUP_OF[new.type], _GROUP_OF[old.type]
            )
        elif _GROUP_OF[old.type] != "text or bytes" and old.is_repeated != new.is_repeated:
            self._say(
                "FIELD_NUMERIC_LABEL_CHANGED",
                pointer,
                *(("many", "one") if new.is_repeated else ("one", "many")),
            )

    def _named(self, old: Any, new: Any, pointer: str) -> None:
        theirs, ours = _local(old), _local(new)
        if theirs != ours:
            self._say("FIELD_NAMED_TYPE_CHANGED", pointer, ours, theirs)
        elif old.file.name != self._old.file.name or new.file.name != self._new.file.name:
            before = len(self.changes)
            self.messages(old, new, f"/{ours.replace('.', '/')}")
            if len(self.changes) > before:
                self._say("FIELD_NAMED_TYPE_CHANGED", pointer, ours, theirs)

    def _say(self, rule: str, pointer: str, expected: str, actual: str) -> None:
        self.changes.append(Change(rule, pointer, expected[:80], actual[:80]))


def _oneofs(message: Any) -> dict[str, Any]:
    """Those that the author wrote: a field that is told as `optional` has one that
    nobody wrote.
    """
    return {oneof.name: oneof for oneof in message.oneofs if not _lone(oneof)}


def _oneof(field: Any) -> Any:
    held = field.containing_oneof
    return None if held is None or _lone(held) else held


def _lone(oneof: Any) -> bool:
    return len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}"


def _kind(field: Any) -> str:
    if field.message_type is None:
        return "a scalar"
    return "a map" if field.message_type.GetOptions().map_entry else "a message"


def _required(field: Any) -> bool:
    return bool(field.is_required)


def _local(message: Any) -> str:
    """The name without the package."""
    package = message.file.package
    return (
        str(message.full_name).removeprefix(f"{package}.") if package else str(message.full_name)
    )
