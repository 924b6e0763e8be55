"""Two schemas, an older and a newer one: which clauses became tighter, looser, or other than can
be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from monitor.contracts.formats.oneway import OneWay
from monitor.contracts.looks import DATA
from monitor.contracts.refs import resolve
from monitor.errors import ContractError
from monitor.model.pointers import escaped

Direction = Literal["tighter", "looser", "other"]
"""Tighter: less is allowed than before. Looser: more is. Other: neither, or it cannot be told."""

MOST_STEPS, MOST_OF_ONE, DEEPEST = 200_000, 200, 80
_MOST_HOPS = 50
_ANYTHING: dict[str, Any] = {}
_NOTHING: dict[str, Any] = {"not": {}}
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_WHOLE = ("format", "pattern", "multipleOf", "uniqueItems", "const", "propertyNames", "not", "if", "then", "else", "contains",
          "dependentRequired", "dependentSchemas", "dependencies", "patternProperties", "unevaluatedProperties", "unevaluatedItems",
          "prefixItems", "additionalItems", "discriminator", "contentMediaType", "contentEncoding")  # fmt: skip
_KINDS = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One clause at one place of a payload (`*` for items and other fields). `was` and `now` are
    the contracts' own words. `shared`: the place of it in a definition that is referred to, from
    where one change comes to every place that refers to it; "" where there is none.
    """

    pointer: str
    rule: str
    direction: Direction
    was: str = ""
    now: str = ""
    shared: str = ""


class Comparison:
    """Schemas of two documents held against each other; what was compared once is not compared
    again. Work is bounded.
    """

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old, self._new = old, new
        self._same = old == new
        self._open: set[tuple[int, int, str]] = set()
        self._known: dict[tuple[int, int, str], list[SchemaChange]] = {}
        self._one_way: dict[str, tuple[OneWay, OneWay]] = {}
        self._mark = ""
        self._merged: dict[int, dict[str, Any]] = {}
        self._left = MOST_STEPS
        self._depth = 0

    def changes(self, old_pointer: str, new_pointer: str, mark: str = "") -> list[SchemaChange]:
        """What changed from one schema to the other, in their order, each once. References are
        followed, circles once. `mark`: readOnly or writeOnly, what need not come on this side.

        Conditions and alternatives are compared as texts unless they pair up; where they differ
        they are `other`.
        """
        if self._same and old_pointer == new_pointer:
            return []
        try:
            old, new = (
                resolve(dict(self._old), f"#{old_pointer}", ""),
                resolve(dict(self._new), f"#{new_pointer}", ""),
            )
        except ContractError:
            return [SchemaChange("", "schema", "other")]
        self._mark = mark if any(it.any for it in self._ways(mark)) else ""
        return list(dict.fromkeys(self.compared(old, new, "")))

    def _ways(self, mark: str) -> tuple[OneWay, ...]:
        if not mark:
            return ()
        if mark not in self._one_way:
            documents = (dict(self._old), dict(self._new))
            self._one_way[mark] = (
                OneWay(documents[0], mark, {mark}),
                OneWay(documents[1], mark, {mark}),
            )
        return self._one_way[mark]

    def required(self, schema: Mapping[str, Any], *, new: bool) -> set[str]:
        """The fields that must come on this side."""
        names = _required(schema)
        if not names or not self._mark:
            return names
        ways = self._ways(self._mark)[new]
        fields = _named(schema, "properties")
        return {name for name in names - ways.of(schema) if not ways.marked(fields.get(name))}

    def compared(self, old: Any, new: Any, at: str) -> Iterator[SchemaChange]:
        """What changed from one node to the other, below a place."""
        shared = _reference(new) or _reference(old)
        old, new = self.followed(self._old, old), self.followed(self._new, new)
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield SchemaChange(at, "schema", "other")
            return
        key = (id(old), id(new), self._mark)
        if key in self._open:
            return
        if key not in self._known:
            self._open.add(key)
            self._depth += 1
            held = self._known[key] = list(islice(self._inside(old, new), MOST_OF_ONE))
            if len(held) == MOST_OF_ONE:  # what else there is nobody looked at
                held.append(SchemaChange("", "schema", "other"))
            self._depth -= 1
            self._open.discard(key)
        for change in self._known[key]:
            within = change.shared or (f"{shared}{change.pointer}" if shared else "")
            yield replace(change, pointer=at + change.pointer, shared=within)

    def _inside(self, old: dict[str, Any], new: dict[str, Any]) -> Iterator[SchemaChange]:
        self._left -= 1
        if self._left < 0 or self._depth > DEEPEST:
            if self._left < 0 or not self._alike_below(old, new):
                yield SchemaChange("", "schema", "other")
            return
        yield from _types(old, new, "")
        yield from _values(old, new, "")
        yield from _bounds(old, new, "")
        yield from _objects(old, new, "", self)
        if ("items" in old or "items" in new) and _may_be_arrays(old, new):
            yield from _inner("items", old, new, "/*", self)
        for word in _WHOLE:
            if self.plain(old, word, new=False) != self.plain(new, word, new=True):
                direction: Direction = (
                    "tighter" if word not in old else "looser" if word not in new else "other"
                )
                shown = (old.get(word), new.get(word))
                yield SchemaChange(
                    "",
                    word,
                    "other" if word == "discriminator" else direction,
                    *(_word(value) for value in shown),
                )
        for word in ("readOnly", "writeOnly"):
            marked, marked_now = old.get(word) is True, new.get(word) is True
            if marked != marked_now:
                shown = (_word(marked), _word(marked_now))
                yield SchemaChange("", word, "tighter" if marked_now else "looser", *shown)
        for word in ("allOf", "anyOf", "oneOf"):
            yield from _parts(word, old, new, "", self)
        was, now = old.get("default"), new.get("default")
        if was != now or type(was) is not type(now):
            yield SchemaChange("", "default", "looser", _word(was), _word(now))

    def _alike_below(self, old: Any, new: Any) -> bool:
        """Whether two nodes and all that they refer to are the same text."""
        waiting, seen = [(old, new)], set[str]()
        while waiting:
            old, new = waiting.pop()
            if _without_prose(old) != _without_prose(new):
                return False
            for target in _references(old):
                if target in seen:
                    continue
                seen.add(target)
                self._left -= 1
                try:
                    waiting.append(
                        (
                            resolve(dict(self._old), target, ""),
                            resolve(dict(self._new), target, ""),
                        )
                    )
                except ContractError:
                    return False
                if self._left < 0:
                    return False
        return True

    def plain(self, schema: Mapping[str, Any], word: str, *, new: bool) -> Any:
        """The value of a keyword without its prose: what two documents are compared by as text."""
        return self.text(schema.get(word), new=new)

    def text(self, node: Any, *, new: bool) -> Any:
        """A node without its prose, one step of a reference followed."""
        node = self.followed(self._new if new else self._old, node)
        return _without_prose(node)

    def followed(self, document: Mapping[str, Any], node: Any) -> Any:
        """What a reference names, with what stands beside it; one node gives one object."""
        if node is True or node is False:
            return _ANYTHING if node else _NOTHING
        start = node
        for _ in range(_MOST_HOPS):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node
            earlier = self._merged.get(id(node))
            if earlier is not None:
                return earlier
            beside = {
                name: value
                for name, value in node.items()
                if name != "$ref" and name not in _PROSE and name not in DATA
            }
            try:
                target = resolve(dict(document), node["$ref"], "")
            except ContractError:
                return node
            if beside and isinstance(target, dict):
                self._merged[id(node)] = merged = {**target, **beside}
                return merged
            node = target
        return start


def _reference(node: Any) -> str:
    reference = node.get("$ref") if isinstance(node, dict) else None
    return reference if isinstance(reference, str) else ""


def _types(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[SchemaChange]:
    was, now = _kinds(old), _kinds(new)
    if was == now:
        return
    lost, won = was - now, now - was
    if now >= {"number"}:
        lost -= {"integer"}
    if was >= {"number"}:
        won -= {"integer"}
    if lost or won or was != now:
        direction: Direction = "other" if lost and won else "looser" if won else "tighter"
        yield SchemaChange(at, "type", direction, _listed(was), _listed(now))


def _may_be_arrays(*schemas: Mapping[str, Any]) -> bool:
    """Where a value could not be an array, what its items are is no change."""
    return all("array" in _kinds(schema) for schema in schemas)


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type")
    kinds = (
        {types}
        if isinstance(types, str)
        else {name for name in types if isinstance(name, str)}
        if isinstance(types, list)
        else set()
    )
    kinds = kinds & _KINDS or set(_KINDS) - {"integer"}
    return kinds | {"null"} if schema.get("nullable") is True else kinds


def _listed(kinds: set[str]) -> str:
    return "any" if kinds >= _KINDS - {"integer"} else " or ".join(sorted(kinds))


def _values(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[SchemaChange]:
    was, now = old.get("enum"), new.get("enum")
    if not isinstance(was, list) or not isinstance(now, list):
        if was != now:
            yield SchemaChange(
                at,
                "enum",
                "tighter" if was is None else "looser" if now is None else "other",
                _count(was),
                _count(now),
            )
        return
    texts, texts_now = (
        {f"{type(value).__name__}{value!r}" for value in values} for values in (was, now)
    )
    if texts != texts_now:
        direction: Direction = (
            "looser" if texts < texts_now else "tighter" if texts_now < texts else "other"
        )
        yield SchemaChange(at, "enum", direction, _count(was), _count(now))


def _count(values: Any) -> str:
    return f"{len(values)} values" if isinstance(values, list) else ""


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[SchemaChange]:
    for words, up in ((_LOWER, True), (_UPPER, False)):
        for word in words:
            was, now = old.get(word), new.get(word)
            if was == now and type(was) is type(now):
                continue
            direction: Direction = (
                "tighter" if was is None else "looser" if now is None else "other"
            )
            if (
                isinstance(was, int | float)
                and isinstance(now, int | float)
                and not isinstance(was, bool)
                and not isinstance(now, bool)
            ):
                direction = "tighter" if (now > was) == up else "looser"
            yield SchemaChange(at, word, direction, _word(was), _word(now))


def _objects(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str, both: Comparison
) -> Iterator[SchemaChange]:
    was, now = _named(old, "properties"), _named(new, "properties")
    must, must_now = both.required(old, new=False), both.required(new, new=True)
    for name in sorted(must_now - must):
        yield SchemaChange(f"{at}/{escaped(name)}", "required", "tighter", "optional", "required")
    for name in sorted(must - must_now):
        yield SchemaChange(
            f"{at}/{escaped(name)}",
            "required",
            "looser",
            "required",
            "optional" if name in now else "gone",
        )
    for name, schema in was.items():
        place = f"{at}/{escaped(name)}"
        if name in now:
            yield from both.compared(schema, now[name], place)
        else:
            yield SchemaChange(
                place,
                "property",
                "tighter" if new.get("additionalProperties") is False else "looser",
                "named",
                "gone",
            )
    for name in now:
        if name not in was:
            closed = old.get("additionalProperties") is False
            yield SchemaChange(
                f"{at}/{escaped(name)}",
                "property",
                "looser" if closed else "tighter",
                "unknown",
                "named",
            )
    rest, rest_now = (schema.get("additionalProperties", True) for schema in (old, new))
    if isinstance(rest, bool) and isinstance(rest_now, bool):
        if rest != rest_now:
            yield SchemaChange(
                f"{at}/*",
                "additionalProperties",
                "looser" if rest_now else "tighter",
                _word(rest),
                _word(rest_now),
            )
    elif rest is False or rest_now is False:
        yield SchemaChange(
            f"{at}/*", "additionalProperties", "looser" if rest is False else "tighter"
        )
    else:
        yield from both.compared(rest, rest_now, f"{at}/*")


def _inner(
    word: str, old: Mapping[str, Any], new: Mapping[str, Any], at: str, both: Comparison
) -> Iterator[SchemaChange]:
    if isinstance(old.get(word), list) or isinstance(new.get(word), list):
        if both.plain(old, word, new=False) != both.plain(new, word, new=True):
            yield SchemaChange(at, word, "other")
        return
    yield from both.compared(old.get(word, True), new.get(word, True), at)


def _parts(
    word: str, old: Mapping[str, Any], new: Mapping[str, Any], at: str, both: Comparison
) -> Iterator[SchemaChange]:
    """Parts pair up where they are the same text, else in their order; a part alone is one more
    demand, or one more choice.
    """
    was, now = (
        [*schema.get(word, [])] if isinstance(schema.get(word), list) else []
        for schema in (old, new)
    )
    if not was and not now:
        return
    left = [both.text(part, new=False) for part in was]
    right = [both.text(part, new=True) for part in now]
    alone = [
        part
        for part, text in zip(was, left, strict=True)
        if text not in right or "$ref" in str(text)
    ]
    alone_now = [
        part
        for part, text in zip(now, right, strict=True)
        if text not in left or "$ref" in str(text)
    ]
    for old_part, new_part in zip(alone, alone_now, strict=False):
        yield from both.compared(old_part, new_part, at)
    if len(alone) != len(alone_now):
        more = len(alone_now) > len(alone)
        direction: Direction = "tighter" if more == (word == "allOf") else "looser"
        # choices where there was no choice, or the other way
        if (not was or not now) and word != "allOf":
            direction = "tighter" if not was else "looser"
        yield SchemaChange(at, word, direction, f"{len(was)} parts", f"{len(now)} parts")


def _named(schema: Mapping[str, Any], word: str) -> Mapping[str, Any]:
    held = schema.get(word)
    return held if isinstance(held, dict) else {}


def _required(schema: Mapping[str, Any]) -> set[str]:
    held = schema.get("required")
    return {name for name in held if isinstance(name, str)} if isinstance(held, list) else set()


_PROSE = frozenset(
    {
        "description",
        "title",
        "example",
        "examples",
        "default",
        "$comment",
        "externalDocs",
        "summary",
        "deprecated",
    }
)


def _without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_prose(value) for name, value in node.items() if name not in _PROSE}
    return [_without_prose(part) for part in node] if isinstance(node, list) else node


def _references(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _word(value: Any) -> str:
    return (
        ""
        if value is None
        else str(value)[:60]
        if isinstance(value, str | int | float | bool)
        else "…"
    )
