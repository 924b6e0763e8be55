"""Which JSON types a schema leaves open for a text: what a parameter's text is read as."""

from collections.abc import Callable
from functools import cache, partial, reduce
from typing import Any

from monitor.contracts.broken import json_type
from monitor.contracts.forms import Form
from monitor.contracts.readings import ANYTHING, KINDS, SCALARS, Reading
from monitor.contracts.refs import follow
from monitor.errors import ContractError

_DEEPEST = 6
_MOST_BRANCHES = 50
_MOST_STEPS = 300_000
_NOTHING: frozenset[str] = frozenset()
# Without a type, the types that a schema's own clauses speak of are meant: JSON Schema lets all
# others pass.
_MEANT = (
    (frozenset({"pattern", "minLength", "maxLength", "format"}), frozenset({"string"})),
    (
        frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
        frozenset({"integer", "number"}),
    ),
    (
        frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
        frozenset({"array"}),
    ),
    (
        frozenset(
            {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}
        ),
        frozenset({"object"}),
    ),
)

# Without these the reading of a scalar's schema hangs on its type alone.
_SHAPING = frozenset(
    {
        *("$ref", "allOf", "anyOf", "oneOf", "enum", "const", "nullable"),
        *("properties", "additionalProperties", "items"),
    }
)
_SCALARS = {kind: Reading(frozenset({kind})) for kind in SCALARS}


class Readings:
    """How the schemas of one document are read, each once at each depth; after a bound of steps,
    which no sane document reaches, as anything.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._known: dict[tuple[int, int], Reading] = {}
        self._left = _MOST_STEPS

    def of(self, schema: Any) -> Reading:
        """The types that `type`, `enum`, `const` and the schemas applied in place leave open.
        Below some levels: anything.
        """
        return self._at(schema, 0)

    def form(self, described: dict[str, Any]) -> Form:
        """How a form is read: by its schema, when it is first asked for, and by what `encoding`
        says of its fields.
        """
        encodings = described.get("encoding")
        encoding = (
            {name: entry for name, entry in encodings.items() if isinstance(entry, dict)}
            if isinstance(encodings, dict)
            else {}
        )
        media = {
            name: tuple(word.strip().lower() for word in entry["contentType"].split(","))
            for name, entry in encoding.items()
            if isinstance(entry.get("contentType"), str)
        }
        other = frozenset(
            name
            for name, entry in encoding.items()
            if entry.get("style", "form") != "form" or entry.get("explode") is False
        )
        return Form(cache(partial(self.of, described.get("schema"))), media, other)

    def scalar(self, schema: Any) -> Reading | None:
        """The same of a schema whose own type, or that of the one which it refers to, is a
        scalar's; else None.
        """
        told = schema
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            try:
                told, _ = follow(self._document, {"$ref": schema["$ref"]}, "", "text")
            except ContractError:
                return None
        kind = told.get("type") if isinstance(told, dict) else None
        kinds = kind if isinstance(kind, list) else [kind]
        if not all(isinstance(name, str) and name in SCALARS for name in kinds):
            return None
        reading = self.of(schema)
        return reading if reading.kinds <= SCALARS else None

    def _spent(self) -> bool:
        self._left -= 1
        return self._left < 0

    def _at(self, schema: Any, level: int) -> Reading:
        if level > _DEEPEST or not isinstance(schema, dict):
            return ANYTHING
        key = (id(schema), level)
        if key not in self._known:
            self._known[key] = ANYTHING if self._spent() else self._read(schema, level)
        return self._known[key]

    def _read(self, schema: dict[str, Any], level: int) -> Reading:
        kind = schema.get("type")
        if isinstance(kind, str) and kind in SCALARS and _SHAPING.isdisjoint(schema):
            return _SCALARS[kind]
        reading = self._own(schema, level)
        if isinstance(schema.get("$ref"), str):
            try:
                behind, _ = follow(self._document, {"$ref": schema["$ref"]}, "", "parameter")
            except ContractError:
                behind = None
            reading = self._both(reading, self._at(behind, level + 1))
        for branch in _branches(schema, "allOf"):
            reading = self._both(reading, self._at(branch, level + 1))
        for word in ("anyOf", "oneOf"):
            branches = [self._at(branch, level + 1) for branch in _branches(schema, word)]
            if branches:
                reading = self._both(reading, reduce(self._either, branches))
        if schema.get("nullable") is True and reading.kinds != KINDS:
            return Reading(reading.kinds | {"null"}, reading.items, reading.fields, reading.rest)
        return reading

    def _own(self, schema: dict[str, Any], level: int) -> Reading:
        properties, rest, items = (
            schema.get("properties"),
            schema.get("additionalProperties"),
            schema.get("items"),
        )
        if isinstance(items, list) or "prefixItems" in schema:
            items = None  # by place: every reading is tried
        return Reading(
            _kinds(schema),
            self._at(items, level + 1) if isinstance(items, dict) else None,
            {name: self._at(part, level + 1) for name, part in properties.items()}
            if isinstance(properties, dict)
            else {},
            self._at(rest, level + 1) if isinstance(rest, dict) else None,
        )

    def _both(self, first: Reading, second: Reading) -> Reading:
        kinds = first.kinds & second.kinds
        if (
            "integer" in first.kinds | second.kinds
            and "number" in first.kinds | second.kinds
            and not kinds
        ):
            kinds = frozenset({"integer"})
        return self._merged(kinds or first.kinds | second.kinds, first, second, self._both)

    def _either(self, first: Reading, second: Reading) -> Reading:
        return self._merged(first.kinds | second.kinds, first, second, self._either)

    def _merged(
        self,
        kinds: frozenset[str],
        first: Reading,
        second: Reading,
        merge: Callable[[Reading, Reading], Reading],
    ) -> Reading:
        if first is second or self._spent():
            return first if first is second else ANYTHING
        fields = dict(first.fields)
        for name, reading in second.fields.items():
            fields[name] = merge(fields[name], reading) if name in fields else reading
        items = (
            merge(first.items, second.items)
            if first.items and second.items
            else first.items or second.items
        )
        rest = (
            merge(first.rest, second.rest)
            if first.rest and second.rest
            else first.rest or second.rest
        )
        return Reading(kinds, items, fields, rest)


def _kinds(schema: dict[str, Any]) -> frozenset[str]:
    kinds = KINDS
    types = schema.get("type")
    if isinstance(types, str | list):
        kinds = KINDS & frozenset(
            kind
            for kind in ([types] if isinstance(types, str) else types)
            if isinstance(kind, str)
        )
    listed = (
        schema["enum"]
        if isinstance(schema.get("enum"), list)
        else [schema["const"]]
        if "const" in schema
        else None
    )
    if listed is not None:
        named = frozenset(map(json_type, listed))
        kinds &= (
            named
            | ({"integer"} if "number" in named else _NOTHING)
            | ({"number"} if "integer" in named else _NOTHING)
        )
    if "type" not in schema and listed is None:
        meant = [kind for words, kind in _MEANT if not words.isdisjoint(schema)]
        kinds = frozenset().union(*meant) if meant else kinds
    return kinds or KINDS


def _branches(schema: dict[str, Any], word: str) -> list[Any]:
    held = schema.get(word)
    return held[:_MOST_BRANCHES] if isinstance(held, list) else []
