"""Avro's schema resolution: what a reader cannot read of what a writer may have written.

https://avro.apache.org/docs/1.12.0/specification/#schema-resolution; the words are those of its
SchemaCompatibility.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from monitor.contracts.compatibility.changes import Change
from monitor.contracts.formats.avro_logical import meant_as
from monitor.contracts.formats.avro_schema import AvroSchema
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_PROMOTED = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
LOGICAL_TYPE_MISMATCH = "LOGICAL_TYPE_MISMATCH"
"""Ours: both are read alike, and are meant as different things."""
_MOST_COMPARED = 100_000


def avro_changes(
    writer: AvroSchema, reader: AvroSchema, *, meanings: bool = False
) -> list[Change]:
    """Every place where the reader cannot read the writer's data, each once; none: it reads all of
    it.

    `meanings`: also where it reads numbers that are meant otherwise: a decimal of another scale,
    milliseconds for microseconds. Registries do not look at that.
    """
    comparison = _Comparison(writer, reader, meanings=meanings)
    comparison.compare(writer.root, reader.root, "")
    return list(dict.fromkeys(comparison.changes))


class _Comparison:
    def __init__(self, writer: AvroSchema, reader: AvroSchema, *, meanings: bool) -> None:
        self._writer, self._reader, self._meanings = writer, reader, meanings
        self.changes: list[Change] = []
        self._known: dict[tuple[str, str], list[Change]] = {}
        self._under_way: set[tuple[str, str]] = set()
        self._compared = 0

    def compare(self, writer: Any, reader: Any, pointer: str) -> None:
        self._compared += 1
        if self._compared > _MOST_COMPARED:
            raise ContractError(
                f"more than {_MOST_COMPARED} parts of two schemas are compared; break up their unions"
            )
        meant = meant_as(writer), meant_as(reader)
        writer, reader = self._writer.follow(writer), self._reader.follow(reader)
        if self._meanings:
            self._meant(meant[0] or meant_as(writer), meant[1] or meant_as(reader), pointer)
        if isinstance(writer, dict) and isinstance(writer["type"], dict | list):
            self.compare(writer["type"], reader, pointer)
        elif isinstance(reader, dict) and isinstance(reader["type"], dict | list):
            self.compare(writer, reader["type"], pointer)
        elif isinstance(writer, list):
            for branch in writer:
                self._branch(branch, reader, pointer)
        elif isinstance(reader, list):
            self._any(writer, reader, pointer)
        else:
            self._plain(writer, reader, pointer)

    def _meant(self, writer: str, reader: str, pointer: str) -> None:
        if writer and reader and writer != reader:
            self.changes.append(Change(LOGICAL_TYPE_MISMATCH, pointer, reader, writer))

    def _branch(self, branch: Any, reader: Any, pointer: str) -> None:
        """One branch that the writer may have taken."""
        if not isinstance(reader, list):
            self.compare(branch, reader, pointer)
        else:
            self._any(branch, reader, pointer)

    def _any(self, writer: Any, reader: list[Any], pointer: str) -> None:
        """A reader's union reads what any of its branches reads; what keeps the one of the same
        name and kind from it is told.
        """
        followed = self._writer.follow(writer)
        tried: list[tuple[Any, list[Change]]] = []
        for branch in reader:
            changes = self._apart(partial(self.compare, writer, branch, pointer))
            if not changes:
                return
            tried.append((branch, changes))
        alike = [
            changes
            for branch, changes in tried
            if _kind(self._reader.follow(branch)) == _kind(followed)
            and not _misnamed(changes, pointer)
        ]
        if len(alike) == 1:
            self.changes += alike[0]
        else:
            union = "|".join(_kind(self._reader.follow(branch)) for branch in reader)[:80]
            self.changes.append(
                Change("MISSING_UNION_BRANCH", pointer, union or "no branch", _kind(followed))
            )

    def _plain(self, writer: Any, reader: Any, pointer: str) -> None:
        theirs, ours = _kind(writer), _kind(reader)
        if theirs != ours:
            if ours not in _PROMOTED.get(theirs, ()):
                self.changes.append(Change("TYPE_MISMATCH", pointer, ours, theirs))
            return
        if theirs == "array":
            self.compare(writer["items"], reader["items"], f"{pointer}/*")
        elif theirs == "map":
            self.compare(writer["values"], reader["values"], f"{pointer}/*")
        elif theirs in ("record", "enum", "fixed"):
            self._named(writer, reader, theirs, pointer)

    def _named(
        self, writer: dict[str, Any], reader: dict[str, Any], kind: str, pointer: str
    ) -> None:
        if not same_name(writer, reader):
            self.changes.append(
                Change(
                    "NAME_MISMATCH", pointer, str(reader["name"])[:80], str(writer["name"])[:80]
                )
            )
            return
        if kind == "fixed":
            if writer["size"] != reader["size"]:
                self.changes.append(
                    Change(
                        "FIXED_SIZE_MISMATCH", pointer, str(reader["size"]), str(writer["size"])
                    )
                )
        elif kind == "enum":
            missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            if missing and "default" not in reader:
                self.changes.append(
                    Change(
                        "MISSING_ENUM_SYMBOLS",
                        pointer,
                        f"{len(reader['symbols'])} symbols",
                        f"{len(missing)} others",
                    )
                )
        else:
            self._records(writer, reader, pointer)

    def _records(self, writer: dict[str, Any], reader: dict[str, Any], pointer: str) -> None:
        """Two records are compared once, wherever they stand, and one inside itself is taken to be
        read: what keeps it from that is told of the whole. At later places one change stands for
        all.
        """
        key = (writer["name"], reader["name"])
        if key in self._under_way:
            return
        first = key not in self._known
        if first:
            self._under_way.add(key)
            self._known[key] = self._apart(partial(self._fields, writer, reader, ""))
            self._under_way.discard(key)
        told = self._known[key] if first else self._known[key][:1]
        self.changes += [replace(change, pointer=f"{pointer}{change.pointer}") for change in told]

    def _apart(self, compare: Callable[[], None]) -> list[Change]:
        """What a comparison finds, and not among the changes yet."""
        kept, self.changes = self.changes, []
        compare()
        found, self.changes = self.changes, kept
        return found

    def _fields(self, writer: dict[str, Any], reader: dict[str, Any], pointer: str) -> None:
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            names = [field["name"], *field.get("aliases", ())]
            writer_field = next((written[name] for name in names if name in written), None)
            place = f"{pointer}/{escaped(field['name'])}"
            if writer_field is not None:
                self.compare(writer_field["type"], field["type"], place)
            elif "default" not in field:
                self.changes.append(
                    Change(
                        "READER_FIELD_MISSING_DEFAULT_VALUE",
                        place,
                        "a field without a default",
                        "absent",
                    )
                )


def same_name(writer: dict[str, Any], reader: dict[str, Any]) -> bool:
    """Whether two named types match: by their names without namespaces, or by an alias of the
    reader's.
    """
    full, short = str(writer["name"]), str(writer["name"]).rpartition(".")[2]
    space = str(reader["name"]).rpartition(".")[0]
    aliases = {
        alias if "." in alias or not space else f"{space}.{alias}"
        for alias in reader.get("aliases", ())
    }
    return short == str(reader["name"]).rpartition(".")[2] or full in aliases


def _misnamed(changes: list[Change], pointer: str) -> bool:
    return any(change.rule == "NAME_MISMATCH" and change.pointer == pointer for change in changes)


def _kind(schema: Any) -> str:
    kind = (
        schema["type"]
        if isinstance(schema, dict)
        else "union"
        if isinstance(schema, list)
        else schema
    )
    return "record" if kind == "error" else str(kind)
