"""Which changes of a JSON Schema keep new code from reading old data, by the rules that registries document.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/serdes-json.html#json-schema-compatibility-rules:
an object is open (anything may stand beside its properties), closed, or open for what a schema says. The words are the registry's own.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from monitor.contracts.compatibility.changes import Change
from monitor.contracts.refs import follow
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_MOST_COMPARED = 50_000
_CRITERIA = ("allOf", "anyOf", "oneOf")
_KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        {"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"}
        | {"dependencies", "dependentRequired", "dependentSchemas", "propertyNames", "unevaluatedProperties"}
    ),
    "array": frozenset(
        {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems"}
    ),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
_ANNOTATIONS = frozenset(
    {"$id", "id", "$schema", "title", "description", "default", "examples", "$comment", "definitions", "$defs", "deprecated"}
)
# Of each keyword: the word for its bound, and which way it may move.
_BOUNDS = {
    "string": (("maxLength", "MAX_LENGTH", 1), ("minLength", "MIN_LENGTH", -1)),
    "number": (
        *(("maximum", "MAXIMUM", 1), ("minimum", "MINIMUM", -1)),
        *(("exclusiveMaximum", "EXCLUSIVE_MAXIMUM", 1), ("exclusiveMinimum", "EXCLUSIVE_MINIMUM", -1)),
    ),
    "object": (("maxProperties", "MAX_PROPERTIES", 1), ("minProperties", "MIN_PROPERTIES", -1)),
    "array": (
        ("maxItems", "MAX_ITEMS", 1),
        ("minItems", "MIN_ITEMS", -1),
        ("maxContains", "MAX_CONTAINS", 1),
        ("minContains", "MIN_CONTAINS", -1),
    ),
}
Document = dict[str, Any]


def schema_changes(old: Any, new: Any) -> list[Change]:
    """Every incompatible change from `old` to `new`, for a reader with `new`, each once; none: `new` reads what `old` allowed.

    Raises ContractError for a reference that leaves its document or names nothing.
    """
    return list(dict.fromkeys(_Comparison(old, new).compare(old, new, "")))


class _Comparison:
    def __init__(self, old: Any, new: Any) -> None:
        self._old: Document = old if isinstance(old, dict) else {}
        self._new: Document = new if isinstance(new, dict) else {}
        self._known: dict[tuple[int, int], list[Change]] = {}
        self._made: list[Any] = []  # kept alive: what is known is known by identity
        self._compared = 0

    def compare(self, old: Any, new: Any, pointer: str) -> list[Change]:
        """What `new` refuses of what `old` allows; a circle that is met again keeps what its first round finds."""
        if old is None or new is None:
            return [] if new is None else [Change("SCHEMA_ADDED", pointer, "a schema", "none")]
        self._compared += 1
        if self._compared > _MOST_COMPARED:
            raise ContractError(f"more than {_MOST_COMPARED} parts of two schemas are compared; break up their alternatives")
        old, new = follow(self._old, old, "", "the old schema")[0], follow(self._new, new, "", "the new schema")[0]
        key = (id(old), id(new))
        if key in self._known and isinstance(old, dict) and isinstance(new, dict):
            return [Change(one.rule, pointer, one.expected, one.actual) for one in self._known[key]]
        self._known[key] = []
        found = self._known[key] = self._types(old, new, pointer)
        return found

    def _types(self, old: Any, new: Any, pointer: str) -> list[Change]:
        one, other = _combined(old), _combined(new)
        if one is None and other is not None:
            self._made.append(other)
            if (len(other[1]) == 1 or other[0] != "allOf") and any(not self.compare(old, part, pointer) for part in other[1]):
                return []
        elif one is not None and other is None:
            self._made.append(one)
            if (len(one[1]) == 1 or one[0] == "allOf") and any(not self.compare(part, new, pointer) for part in one[1]):
                return []
        if one is not None and other is not None:
            self._made += [one, other]
            return self._alternatives(one, other, pointer)
        theirs, ours = _kind(old), _kind(new)
        if theirs != ours:
            return [] if theirs == "false" or ours == "empty" else [Change("TYPE_CHANGED", pointer, ours, theirs)]
        return self._alike(theirs, old, new, pointer)

    def _alike(self, kind: str, old: Any, new: Any, pointer: str) -> list[Change]:
        found = _bounds(kind, old, new, pointer)
        if kind == "string":
            found += _pattern(old, new, pointer)
        elif kind == "number":
            found += _number(old, new, pointer)
        elif kind == "enum":
            found += _enum(old, new, pointer)
        elif kind == "not":
            if self.compare(new["not"], old["not"], pointer):
                found.append(Change("NOT_TYPE_EXTENDED", pointer, "a wider `not`", "a narrower one"))
        elif kind == "object":
            found += self._object(old, new, pointer)
        elif kind == "array":
            found += self._array(old, new, pointer)
        return found

    def _alternatives(self, old: tuple[str, list[Any]], new: tuple[str, list[Any]], pointer: str) -> list[Change]:
        lone = (len(old[1]) == 1, len(new[1]) == 1)
        widened = new[0] == "anyOf" or all(lone) or (lone[0] and new[0] == "oneOf") or (lone[1] and old[0] == "allOf")
        if old[0] != new[0] and not widened:
            return [Change("COMBINED_TYPE_CHANGED", pointer, new[0], old[0])]
        before, after = _distinct(old[1]), _distinct(new[1])
        found = []
        if len(before) < len(after) and new[0] == "allOf":
            found.append(Change("PRODUCT_TYPE_EXTENDED", pointer, f"{len(after)} clauses", f"{len(before)}"))
        if len(before) > len(after) and old[0] != "allOf":
            found.append(Change("SUM_TYPE_NARROWED", pointer, f"{len(after)} alternatives", f"{len(before)}"))
        fits = [[at for at, part in enumerate(after) if not self.compare(one, part, pointer)] for one in before]
        if _matched(fits) < min(len(before), len(after)):
            found.append(Change("COMBINED_TYPE_SUBSCHEMAS_CHANGED", pointer, "alternatives", "others"))
        return found

    def _object(self, old: Document, new: Document, pointer: str) -> list[Change]:
        theirs, ours = _properties(old), _properties(new)
        found: list[Change] = []
        for name in [*theirs, *(one for one in ours if one not in theirs)]:
            place = f"{pointer}/{escaped(name)}"
            if name not in ours:
                found += self._removed(theirs[name], new, name, place)
            elif name not in theirs:
                found += self._added(old, new, name, place)
            else:
                found += self.compare(theirs[name], ours[name], place)
                if name in _required(new) - _required(old) and "default" not in _plain(ours[name]):
                    found.append(Change("REQUIRED_ATTRIBUTE_ADDED", place, "required", "optional"))
        found += self._rest(old, new, pointer)
        return found + self._dependencies(old, new, pointer)

    def _removed(self, gone: Any, new: Document, name: str, place: str) -> list[Change]:
        if _open(new):
            return []
        covering = _covering(new, name)
        if covering is not None:
            inner = self.compare(gone, covering, place)
            rule = "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
            return [*inner, Change(rule, place, "another schema", "a property")] if inner else []
        return [] if gone is False else [Change("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", place, "absent", "a property")]

    def _added(self, old: Document, new: Document, name: str, place: str) -> list[Change]:
        added, needed = _properties(new)[name], name in _required(new)
        whole = needed and "default" not in _plain(added)
        if _open(old):
            if _kind(added) == "empty":
                return []
            if whole:
                rule = "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
            else:
                rule = (
                    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"
                    if needed
                    else "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
                )
            return [Change(rule, place, _kind(added), "anything")]
        covering = _covering(old, name)
        found = self.compare(covering, added, place) if covering is not None else []
        if found:
            found = [
                *found,
                Change("PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", place, _kind(added), "another schema"),
            ]
        return (
            [*found, Change("REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", place, "required", "absent")] if whole else found
        )

    def _rest(self, old: Document, new: Document, pointer: str) -> list[Change]:
        """What may stand beside the properties that are named."""
        theirs, ours = old.get("additionalProperties", True), new.get("additionalProperties", True)
        found: list[Change] = []
        if (theirs is not False) != (ours is not False):
            found += [Change("ADDITIONAL_PROPERTIES_REMOVED", f"{pointer}/*", "none", "others")] if ours is False else []
        elif isinstance(theirs, bool) and isinstance(ours, dict):
            found += [Change("ADDITIONAL_PROPERTIES_NARROWED", f"{pointer}/*", _kind(ours), "anything")]
        elif isinstance(theirs, dict) and isinstance(ours, dict):
            found += self.compare(theirs, ours, f"{pointer}/*")
        for word, name, place in (
            ("unevaluatedProperties", "UNEVALUATED_PROPERTIES", f"{pointer}/*"),
            ("unevaluatedItems", "UNEVALUATED_ITEMS", f"{pointer}/*"),
        ):
            found += self._unevaluated(old.get(word), new.get(word), name, place)
        return found

    def _unevaluated(self, old: Any, new: Any, name: str, place: str) -> list[Change]:
        if new is None or new is True or new == {} or old is False:
            return []
        if new is False:
            return [Change(f"{name}_REMOVED", place, "none", "others")]
        return (
            [Change(f"{name}_NARROWED", place, _kind(new), "anything")]
            if old in (None, True, {})
            else self.compare(old, new, place)
        )

    def _dependencies(self, old: Document, new: Document, pointer: str) -> list[Change]:
        theirs, ours = _dependencies(old), _dependencies(new)
        found: list[Change] = []
        for name, needs in ours.items():
            place, before = f"{pointer}/{escaped(name)}", theirs.get(name)
            if isinstance(needs, list):
                if not isinstance(before, list):
                    found.append(Change("DEPENDENCY_ARRAY_ADDED", place, "a dependency", "none"))
                elif not set(needs) <= set(before):
                    rule = "DEPENDENCY_ARRAY_EXTENDED" if set(before) <= set(needs) else "DEPENDENCY_ARRAY_CHANGED"
                    found.append(Change(rule, place, f"{len(needs)} names", f"{len(before)}"))
            elif before is None or isinstance(before, list):
                found.append(Change("DEPENDENCY_SCHEMA_ADDED", place, "a schema", "none"))
            else:
                found += self.compare(before, needs, place)
        return found

    def _array(self, old: Document, new: Document, pointer: str) -> list[Change]:
        place = f"{pointer}/*"
        found = self.compare(_all_items(old), _all_items(new), place)
        theirs, ours = _listed_items(old), _listed_items(new)
        for at in range(max(len(theirs), len(ours))):
            if at < len(theirs) and at < len(ours):
                found += self.compare(theirs[at], ours[at], f"{pointer}/{at}")
            elif at < len(theirs):
                found += self._item_removed(theirs[at], new, f"{pointer}/{at}")
            else:
                found += self._item_added(old, ours[at], f"{pointer}/{at}")
        before, after = _more_items(old), _more_items(new)
        if (before is not False) != (after is not False):
            found += [Change("ADDITIONAL_ITEMS_REMOVED", place, "none", "others")] if after is False else []
        elif isinstance(before, bool) and isinstance(after, dict):
            found.append(Change("ADDITIONAL_ITEMS_NARROWED", place, _kind(after), "anything"))
        elif isinstance(before, dict) and isinstance(after, dict):
            found += self.compare(before, after, place)
        found += self._unevaluated(old.get("unevaluatedItems"), new.get("unevaluatedItems"), "UNEVALUATED_ITEMS", place)
        if new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
            found.append(Change("UNIQUE_ITEMS_ADDED", pointer, "each once", "any"))
        return found

    def _item_removed(self, gone: Any, new: Document, place: str) -> list[Change]:
        more = _further_items(new)
        if isinstance(more, dict):
            inner = self.compare(gone, more, place)
            rule = "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
            return [*inner, Change(rule, place, "another schema", "an item")] if inner else []
        return (
            []
            if more is not False or gone is False
            else [Change("ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", place, "absent", "an item")]
        )

    def _item_added(self, old: Document, added: Any, place: str) -> list[Change]:
        more = _further_items(old)
        if isinstance(more, dict):
            inner = self.compare(more, added, place)
            rule = "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
            return [*inner, Change(rule, place, _kind(added), "another schema")] if inner else []
        if more is False or _kind(added) == "empty":
            return []
        return [Change("ITEM_ADDED_TO_OPEN_CONTENT_MODEL", place, _kind(added), "anything")]


def _combined(schema: Any) -> tuple[str, list[Any]] | None:
    """The alternatives of a schema: of several words, and of one beside others, all hold."""
    if not isinstance(schema, dict):
        return None
    said: list[tuple[str, Any]] = [
        (word, schema[word]) for word in _CRITERIA if isinstance(schema.get(word), list) and schema[word]
    ]
    apart = [(word, schema[word]) for word in ("enum", "const", "not") if word in schema]
    rest = {name: value for name, value in schema.items() if name not in _CRITERIA and name not in ("enum", "const", "not")}
    kinds = rest.pop("type", None) if isinstance(rest.get("type"), list) else None
    if kinds:
        said.append(("anyOf", [{**rest, "type": kind} for kind in kinds]))
        rest = {}
    if len(said) == 1 and not apart and _kind(rest) == "empty":
        return str(said[0][0]), list(said[0][1])
    parts = [{word: held} for word, held in (*said, *apart)] + ([] if _kind(rest) == "empty" else [rest])
    return ("allOf", parts) if said or (apart and len(parts) > 1) else None


def _kind(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "false" if schema is False else "empty"
    if "enum" in schema or "const" in schema:
        return "enum"
    if "not" in schema:
        return "not"
    kind = schema.get("type")
    if isinstance(kind, str):
        return "number" if kind == "integer" else kind
    if any(word in schema for word in _CRITERIA):
        return "combined"
    return next((name for name, words in _KEYWORDS.items() if not words.isdisjoint(schema)), "empty")


def _bounds(kind: str, old: Any, new: Any, pointer: str) -> list[Change]:
    found = []
    for word, name, up in _BOUNDS.get(kind, ()):
        before, after = old.get(word), new.get(word)
        if not _is_number(after) or before == after:
            continue
        if not _is_number(before):
            found.append(Change(f"{name}_ADDED", pointer, f"{word} {after}", "none"))
        elif (after - before) * up < 0:
            found.append(Change(f"{name}_{'DECREASED' if up > 0 else 'INCREASED'}", pointer, f"{word} {after}", f"{before}"))
    return found


def _pattern(old: Document, new: Document, pointer: str) -> list[Change]:
    before, after = old.get("pattern"), new.get("pattern")
    if after is None or before == after:
        return []
    return [
        Change(
            "PATTERN_ADDED" if before is None else "PATTERN_CHANGED",
            pointer,
            "a pattern",
            "none" if before is None else "another",
        )
    ]


def _number(old: Document, new: Document, pointer: str) -> list[Change]:
    found = []
    if new.get("type") == "integer" and old.get("type") != "integer":
        found.append(Change("TYPE_NARROWED", pointer, "integer", str(old.get("type", "number"))))
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if _is_number(after) and before != after:
        if not _is_number(before):
            found.append(Change("MULTIPLE_OF_ADDED", pointer, "multipleOf", "none"))
        elif after == 0 or Fraction(str(before)) % Fraction(str(after)):
            wider = before != 0 and not Fraction(str(after)) % Fraction(str(before))
            found.append(Change("MULTIPLE_OF_EXPANDED" if wider else "MULTIPLE_OF_CHANGED", pointer, "another step", "a step"))
    return found


def _enum(old: Document, new: Document, pointer: str) -> list[Change]:
    before, after = ([one["const"]] if "const" in one else one["enum"] for one in (old, new))
    if all(one in after for one in before):
        return []
    narrowed = all(one in before for one in after)
    return [
        Change("ENUM_ARRAY_NARROWED" if narrowed else "ENUM_ARRAY_CHANGED", pointer, f"{len(after)} values", f"{len(before)}")
    ]


def _properties(schema: Document) -> Document:
    held = schema.get("properties")
    return held if isinstance(held, dict) else {}


def _plain(schema: Any) -> Document:
    return schema if isinstance(schema, dict) else {}


def _required(schema: Document) -> set[str]:
    held = schema.get("required")
    return set(map(str, held)) if isinstance(held, list) else set()


def _open(schema: Document) -> bool:
    """Whether anything may stand beside the properties."""
    rest = schema.get("unevaluatedProperties", schema.get("additionalProperties", True))
    return not schema.get("patternProperties") and rest in (True, {})


def _covering(schema: Document, name: str) -> Any:
    """The schema that a property falls under which is not named; None for none."""
    patterns = schema.get("patternProperties")
    for pattern, held in (patterns if isinstance(patterns, dict) else {}).items():
        try:
            if re.search(pattern[:200], name[:200]):
                return held
        except re.error:
            continue
    rest = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
    return rest if isinstance(rest, dict) else None


def _dependencies(schema: Document) -> Document:
    found: Document = {}
    for word in ("dependencies", "dependentRequired", "dependentSchemas"):
        held = schema.get(word)
        found |= held if isinstance(held, dict) else {}
    return found


def _all_items(schema: Document) -> Any:
    items = schema.get("items")
    return items if isinstance(items, dict | bool) and "prefixItems" not in schema else None


def _listed_items(schema: Document) -> Sequence[Any]:
    held = schema.get("prefixItems", schema.get("items"))
    return held if isinstance(held, list) else []


def _more_items(schema: Document) -> Any:
    """What may follow the items that are listed."""
    word = "items" if "prefixItems" in schema else "additionalItems"
    held = schema.get(word, True)
    return held if isinstance(held, dict | bool) and held != {} else True


def _further_items(schema: Document) -> Any:
    """The same, with what no other clause has looked at."""
    held = schema.get("unevaluatedItems")
    return held if _more_items(schema) is True and (held is False or (isinstance(held, dict) and held)) else _more_items(schema)


def _distinct(parts: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in parts:
        if one not in found:
            found.append(one)
    return found


def _matched(fits: list[list[int]]) -> int:
    """How many on the left find one of their own on the right (Kuhn's augmenting paths)."""
    taken: dict[int, int] = {}

    def place(left: int, tried: set[int]) -> bool:
        for right in fits[left]:
            if right not in tried:
                tried.add(right)
                if right not in taken or place(taken[right], tried):
                    taken[right] = left
                    return True
        return False

    return sum(place(left, set()) for left in range(len(fits)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
