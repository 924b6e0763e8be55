"""Which changes of a JSON Schema keep new code from reading old data, by the rules that registries
document.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/serdes-json.html#json-schema-compatibility-rules:
an object is open (anything may stand beside its properties), closed, or open for what a schema
says. The words are the registry's own.
"""

from fractions import Fraction
from typing import Any

from monitor.contracts.compatibility.changes import Change
from monitor.contracts.compatibility.schema_parts import (
    Document,
    all_items,
    combined,
    covering_of,
    dependencies_of,
    distinct,
    further_items,
    is_number,
    is_open,
    kind_of,
    listed_items,
    matched,
    more_items,
    plain,
    properties_of,
    required_of,
)
from monitor.contracts.refs import follow
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_MOST_COMPARED = 50_000
# Of each keyword: the word for its bound, and which way it may move.
_BOUNDS = {
    "string": (("maxLength", "MAX_LENGTH", 1), ("minLength", "MIN_LENGTH", -1)),
    "number": (
        *(("maximum", "MAXIMUM", 1), ("minimum", "MINIMUM", -1)),
        *(
            ("exclusiveMaximum", "EXCLUSIVE_MAXIMUM", 1),
            ("exclusiveMinimum", "EXCLUSIVE_MINIMUM", -1),
        ),
    ),
    "object": (("maxProperties", "MAX_PROPERTIES", 1), ("minProperties", "MIN_PROPERTIES", -1)),
    "array": (
        ("maxItems", "MAX_ITEMS", 1),
        ("minItems", "MIN_ITEMS", -1),
        ("maxContains", "MAX_CONTAINS", 1),
        ("minContains", "MIN_CONTAINS", -1),
    ),
}


def schema_changes(old: Any, new: Any) -> list[Change]:
    """Every incompatible change from `old` to `new`, for a reader with `new`, each once; none:
    `new` reads what `old` allowed.

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
        """What `new` refuses of what `old` allows; a circle that is met again keeps what its first
        round finds.
        """
        if old is None or new is None:
            return [] if new is None else [Change("SCHEMA_ADDED", pointer, "a schema", "none")]
        self._compared += 1
        if self._compared > _MOST_COMPARED:
            raise ContractError(
                f"more than {_MOST_COMPARED} parts of two schemas are compared; break up their alternatives"
            )
        old, new = (
            follow(self._old, old, "", "the old schema")[0],
            follow(self._new, new, "", "the new schema")[0],
        )
        key = (id(old), id(new))
        if key in self._known and isinstance(old, dict) and isinstance(new, dict):
            return [
                Change(change.rule, pointer, change.expected, change.actual)
                for change in self._known[key]
            ]
        self._known[key] = []
        changes = self._known[key] = self._types(old, new, pointer)
        return changes

    def _types(self, old: Any, new: Any, pointer: str) -> list[Change]:
        before, after = combined(old), combined(new)
        if before is None and after is not None:
            self._made.append(after)
            if (len(after[1]) == 1 or after[0] != "allOf") and any(
                not self.compare(old, part, pointer) for part in after[1]
            ):
                return []
        elif before is not None and after is None:
            self._made.append(before)
            if (len(before[1]) == 1 or before[0] == "allOf") and any(
                not self.compare(part, new, pointer) for part in before[1]
            ):
                return []
        if before is not None and after is not None:
            self._made += [before, after]
            return self._alternatives(before, after, pointer)
        theirs, ours = kind_of(old), kind_of(new)
        if theirs != ours:
            return (
                []
                if theirs == "false" or ours == "empty"
                else [Change("TYPE_CHANGED", pointer, ours, theirs)]
            )
        return self._alike(theirs, old, new, pointer)

    def _alike(self, kind: str, old: Any, new: Any, pointer: str) -> list[Change]:
        changes = _bounds(kind, old, new, pointer)
        if kind == "string":
            changes += _pattern(old, new, pointer)
        elif kind == "number":
            changes += _number(old, new, pointer)
        elif kind == "enum":
            changes += _enum(old, new, pointer)
        elif kind == "not":
            if self.compare(new["not"], old["not"], pointer):
                changes.append(
                    Change("NOT_TYPE_EXTENDED", pointer, "a wider `not`", "a narrower one")
                )
        elif kind == "object":
            changes += self._object(old, new, pointer)
        elif kind == "array":
            changes += self._array(old, new, pointer)
        return changes

    def _alternatives(
        self, old: tuple[str, list[Any]], new: tuple[str, list[Any]], pointer: str
    ) -> list[Change]:
        lone = (len(old[1]) == 1, len(new[1]) == 1)
        widened = (
            new[0] == "anyOf"
            or all(lone)
            or (lone[0] and new[0] == "oneOf")
            or (lone[1] and old[0] == "allOf")
        )
        if old[0] != new[0] and not widened:
            return [Change("COMBINED_TYPE_CHANGED", pointer, new[0], old[0])]
        before, after = distinct(old[1]), distinct(new[1])
        changes = []
        if len(before) < len(after) and new[0] == "allOf":
            changes.append(
                Change("PRODUCT_TYPE_EXTENDED", pointer, f"{len(after)} clauses", f"{len(before)}")
            )
        if len(before) > len(after) and old[0] != "allOf":
            changes.append(
                Change(
                    "SUM_TYPE_NARROWED", pointer, f"{len(after)} alternatives", f"{len(before)}"
                )
            )
        fits = [
            [at for at, part in enumerate(after) if not self.compare(alternative, part, pointer)]
            for alternative in before
        ]
        if matched(fits) < min(len(before), len(after)):
            changes.append(
                Change("COMBINED_TYPE_SUBSCHEMAS_CHANGED", pointer, "alternatives", "others")
            )
        return changes

    def _object(self, old: Document, new: Document, pointer: str) -> list[Change]:
        theirs, ours = properties_of(old), properties_of(new)
        changes: list[Change] = []
        for name in [*theirs, *(key for key in ours if key not in theirs)]:
            place = f"{pointer}/{escaped(name)}"
            if name not in ours:
                changes += self._removed(theirs[name], new, name, place)
            elif name not in theirs:
                changes += self._added(old, new, name, place)
            else:
                changes += self.compare(theirs[name], ours[name], place)
                if name in required_of(new) - required_of(old) and "default" not in plain(
                    ours[name]
                ):
                    changes.append(
                        Change("REQUIRED_ATTRIBUTE_ADDED", place, "required", "optional")
                    )
        changes += self._rest(old, new, pointer)
        return changes + self._dependencies(old, new, pointer)

    def _removed(self, gone: Any, new: Document, name: str, place: str) -> list[Change]:
        if is_open(new):
            return []
        covering = covering_of(new, name)
        if covering is not None:
            inner = self.compare(gone, covering, place)
            rule = "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
            return [*inner, Change(rule, place, "another schema", "a property")] if inner else []
        return (
            []
            if gone is False
            else [
                Change("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", place, "absent", "a property")
            ]
        )

    def _added(self, old: Document, new: Document, name: str, place: str) -> list[Change]:
        added, needed = properties_of(new)[name], name in required_of(new)
        whole = needed and "default" not in plain(added)
        if is_open(old):
            if kind_of(added) == "empty":
                return []
            if whole:
                rule = "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
            else:
                rule = (
                    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"
                    if needed
                    else "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
                )
            return [Change(rule, place, kind_of(added), "anything")]
        covering = covering_of(old, name)
        changes = self.compare(covering, added, place) if covering is not None else []
        if changes:
            changes = [
                *changes,
                Change(
                    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                    place,
                    kind_of(added),
                    "another schema",
                ),
            ]
        return (
            [
                *changes,
                Change(
                    "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", place, "required", "absent"
                ),
            ]
            if whole
            else changes
        )

    def _rest(self, old: Document, new: Document, pointer: str) -> list[Change]:
        """What may stand beside the properties that are named."""
        theirs, ours = old.get("additionalProperties", True), new.get("additionalProperties", True)
        changes: list[Change] = []
        if (theirs is not False) != (ours is not False):
            changes += (
                [Change("ADDITIONAL_PROPERTIES_REMOVED", f"{pointer}/*", "none", "others")]
                if ours is False
                else []
            )
        elif isinstance(theirs, bool) and isinstance(ours, dict):
            changes += [
                Change("ADDITIONAL_PROPERTIES_NARROWED", f"{pointer}/*", kind_of(ours), "anything")
            ]
        elif isinstance(theirs, dict) and isinstance(ours, dict):
            changes += self.compare(theirs, ours, f"{pointer}/*")
        for word, name, place in (
            ("unevaluatedProperties", "UNEVALUATED_PROPERTIES", f"{pointer}/*"),
            ("unevaluatedItems", "UNEVALUATED_ITEMS", f"{pointer}/*"),
        ):
            changes += self._unevaluated(old.get(word), new.get(word), name, place)
        return changes

    def _unevaluated(self, old: Any, new: Any, name: str, place: str) -> list[Change]:
        if new is None or new is True or new == {} or old is False:
            return []
        if new is False:
            return [Change(f"{name}_REMOVED", place, "none", "others")]
        return (
            [Change(f"{name}_NARROWED", place, kind_of(new), "anything")]
            if old in (None, True, {})
            else self.compare(old, new, place)
        )

    def _dependencies(self, old: Document, new: Document, pointer: str) -> list[Change]:
        theirs, ours = dependencies_of(old), dependencies_of(new)
        changes: list[Change] = []
        for name, needs in ours.items():
            place, before = f"{pointer}/{escaped(name)}", theirs.get(name)
            if isinstance(needs, list):
                if not isinstance(before, list):
                    changes.append(Change("DEPENDENCY_ARRAY_ADDED", place, "a dependency", "none"))
                elif not set(needs) <= set(before):
                    rule = (
                        "DEPENDENCY_ARRAY_EXTENDED"
                        if set(before) <= set(needs)
                        else "DEPENDENCY_ARRAY_CHANGED"
                    )
                    changes.append(Change(rule, place, f"{len(needs)} names", f"{len(before)}"))
            elif before is None or isinstance(before, list):
                changes.append(Change("DEPENDENCY_SCHEMA_ADDED", place, "a schema", "none"))
            else:
                changes += self.compare(before, needs, place)
        return changes

    def _array(self, old: Document, new: Document, pointer: str) -> list[Change]:
        place = f"{pointer}/*"
        changes = self.compare(all_items(old), all_items(new), place)
        theirs, ours = listed_items(old), listed_items(new)
        for at in range(max(len(theirs), len(ours))):
            if at < len(theirs) and at < len(ours):
                changes += self.compare(theirs[at], ours[at], f"{pointer}/{at}")
            elif at < len(theirs):
                changes += self._item_removed(theirs[at], new, f"{pointer}/{at}")
            else:
                changes += self._item_added(old, ours[at], f"{pointer}/{at}")
        before, after = more_items(old), more_items(new)
        if (before is not False) != (after is not False):
            changes += (
                [Change("ADDITIONAL_ITEMS_REMOVED", place, "none", "others")]
                if after is False
                else []
            )
        elif isinstance(before, bool) and isinstance(after, dict):
            changes.append(Change("ADDITIONAL_ITEMS_NARROWED", place, kind_of(after), "anything"))
        elif isinstance(before, dict) and isinstance(after, dict):
            changes += self.compare(before, after, place)
        changes += self._unevaluated(
            old.get("unevaluatedItems"), new.get("unevaluatedItems"), "UNEVALUATED_ITEMS", place
        )
        if new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
            changes.append(Change("UNIQUE_ITEMS_ADDED", pointer, "each once", "any"))
        return changes

    def _item_removed(self, gone: Any, new: Document, place: str) -> list[Change]:
        more = further_items(new)
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
        more = further_items(old)
        if isinstance(more, dict):
            inner = self.compare(more, added, place)
            rule = "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
            return [*inner, Change(rule, place, kind_of(added), "another schema")] if inner else []
        if more is False or kind_of(added) == "empty":
            return []
        return [Change("ITEM_ADDED_TO_OPEN_CONTENT_MODEL", place, kind_of(added), "anything")]


def _bounds(kind: str, old: Any, new: Any, pointer: str) -> list[Change]:
    changes = []
    for word, name, up in _BOUNDS.get(kind, ()):
        before, after = old.get(word), new.get(word)
        if not is_number(after) or before == after:
            continue
        if not is_number(before):
            changes.append(Change(f"{name}_ADDED", pointer, f"{word} {after}", "none"))
        elif (after - before) * up < 0:
            changes.append(
                Change(
                    f"{name}_{'DECREASED' if up > 0 else 'INCREASED'}",
                    pointer,
                    f"{word} {after}",
                    f"{before}",
                )
            )
    return changes


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
    changes = []
    if new.get("type") == "integer" and old.get("type") != "integer":
        changes.append(Change("TYPE_NARROWED", pointer, "integer", str(old.get("type", "number"))))
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if is_number(after) and before != after:
        if not is_number(before):
            changes.append(Change("MULTIPLE_OF_ADDED", pointer, "multipleOf", "none"))
        elif after == 0 or Fraction(str(before)) % Fraction(str(after)):
            wider = before != 0 and not Fraction(str(after)) % Fraction(str(before))
            changes.append(
                Change(
                    "MULTIPLE_OF_EXPANDED" if wider else "MULTIPLE_OF_CHANGED",
                    pointer,
                    "another step",
                    "a step",
                )
            )
    return changes


def _enum(old: Document, new: Document, pointer: str) -> list[Change]:
    before, after = (
        [schema["const"]] if "const" in schema else schema["enum"] for schema in (old, new)
    )
    if all(value in after for value in before):
        return []
    narrowed = all(value in before for value in after)
    return [
        Change(
            "ENUM_ARRAY_NARROWED" if narrowed else "ENUM_ARRAY_CHANGED",
            pointer,
            f"{len(after)} values",
            f"{len(before)}",
        )
    ]
