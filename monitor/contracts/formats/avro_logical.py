"""Avro's logical types: what a part is meant as, and values that cannot be meant so.
https://avro.apache.org/docs/1.12.0/specification/#logical-types
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from monitor.contracts.formats.avro_names import NAMED
from monitor.contracts.formats.avro_schema import LOGICAL, AvroSchema
from monitor.model.pointers import escaped

_DAY_MS = 86_400_000
_BASES: Mapping[str, frozenset[str]] = {
    "decimal": frozenset({"bytes", "fixed"}),
    "uuid": frozenset({"string", "fixed"}),
    "date": frozenset({"int"}),
    "time-millis": frozenset({"int"}),
    "time-micros": frozenset({"long"}),
    "duration": frozenset({"fixed"}),
    **{
        f"{local}timestamp-{unit}": frozenset({"long"})
        for local in ("", "local-")
        for unit in ("millis", "micros", "nanos")
    },
}
_MOST_DIGITS = 1_000  # more are not counted
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KINDS: Mapping[type, frozenset[str]] = {
    type(None): frozenset({"null"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"int", "long"}),
    float: frozenset({"float", "double"}),
    str: frozenset({"string", "enum"}),
    bytes: frozenset({"bytes", "fixed"}),
    list: frozenset({"array"}),
    dict: frozenset({"record", "error", "map"}),
}
Fault = tuple[str, str]
"""The pointer of a value, and what it should have been."""
Look = Callable[[Any, str], Iterator[Fault]]


def meant_as(part: Any, word: str = LOGICAL) -> str:
    """What a part of a schema is meant as, a decimal with its scale; "" for no more than its type,
    as where the type cannot bear what is written. `word`: where the logical type stands.
    """
    if not isinstance(part, dict):
        return ""
    name = part.get(word)
    if not isinstance(name, str) or part.get("type") not in _BASES.get(name, ()):
        return ""
    if name != "decimal":
        return name
    precision, scale = part.get("precision"), part.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision:
        return ""
    return f"decimal of scale {scale}"


def look_for(schema: AvroSchema) -> Look | None:
    """The look for values that their logical types do not allow; None where no value can be such a
    one.
    """
    looks = _Looks(schema)
    look = looks.of(schema.root)
    return look if looks.any else None


class _Looks:
    def __init__(self, schema: AvroSchema) -> None:
        self._schema = schema
        self._named: dict[str, Look | None] = {}
        self.any = False
        """Whether any of them tells something."""

    def of(self, part: Any) -> Look | None:
        own = _own(part) if isinstance(part, dict) else None
        if own is not None:
            self.any = True
            return own
        node = self._schema.follow(part)
        if isinstance(node, list):
            return self._union(node)
        if not isinstance(node, dict):
            return None
        if node.get("type") in NAMED:
            return self._of_named(node)
        if node.get("type") == "array":
            return _each(self.of(node["items"]), enumerate)
        if node.get("type") == "map":
            return _each(self.of(node["values"]), dict.items)
        return None

    def _of_named(self, node: dict[str, Any]) -> Look | None:
        name = str(node["name"])
        if name not in self._named:
            self._named[name] = lambda value, pointer: self._within(name, value, pointer)
            looks = {
                field["name"]: look
                for field in node.get("fields", ())
                if (look := self.of(field["type"])) is not None
            }
            own = _own(node)
            self.any = self.any or own is not None
            self._named[name] = own or (_fields(looks) if looks else None)
        return self._named[name]

    def _within(self, name: str, value: Any, pointer: str) -> Iterator[Fault]:
        """Of a type inside itself, whose look is being made."""
        look = self._named[name]
        if look is not None:
            yield from look(value, pointer)

    def _union(self, branches: list[Any]) -> Look | None:
        """What a value was written as is not told: one branch alone may take its kind."""
        by_kind: dict[str, list[Look | None]] = {}
        for branch in branches:
            node = self._schema.follow(branch)
            kind = str(node.get("type")) if isinstance(node, dict) else str(node)
            by_kind.setdefault(kind, []).append(self.of(branch))
        if not any(look for looks in by_kind.values() for look in looks):
            return None

        def look(value: Any, pointer: str) -> Iterator[Fault]:
            kinds = _KINDS.get(type(value), frozenset())
            fitting = [held for kind in kinds for held in by_kind.get(kind, ())]
            if len(fitting) == 1 and fitting[0] is not None:
                yield from fitting[0](value, pointer)

        return look


def _own(part: dict[str, Any]) -> Look | None:
    meant = meant_as(part)
    if meant.startswith("decimal"):
        precision = min(part["precision"], _MOST_DIGITS)
        return _told(partial(_has_digits, 10**precision), f"a decimal of precision {precision}")
    if meant == "uuid" and part["type"] == "string":
        return _told(lambda value: _UUID.fullmatch(value) is not None, "a UUID")
    if meant in ("time-millis", "time-micros"):
        day = _DAY_MS if meant == "time-millis" else _DAY_MS * 1_000
        return _told(lambda value: 0 <= value < day, f"a time of day ({meant})")
    return None


def _has_digits(limit: int, value: bytes) -> bool:
    return abs(int.from_bytes(value, "big", signed=True)) < limit


def _told(keeps: Callable[[Any], bool], said: str) -> Look:
    def look(value: Any, pointer: str) -> Iterator[Fault]:
        if not keeps(value):
            yield pointer, said

    return look


def _fields(looks: Mapping[str, Look]) -> Look:
    def look(value: Any, pointer: str) -> Iterator[Fault]:
        for name, held in looks.items():
            yield from held(value[name], f"{pointer}/{escaped(name)}")

    return look


def _each(inner: Look | None, parts: Callable[[Any], Iterable[tuple[Any, Any]]]) -> Look | None:
    if inner is None:
        return None

    def look(value: Any, pointer: str) -> Iterator[Fault]:
        for _, part in parts(value):
            yield from inner(part, f"{pointer}/*")

    return look
