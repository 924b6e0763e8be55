"""Two schemas, an older and a newer one: which clauses became tighter, looser, or other than can
be told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from monitor.contracts.formats.oneway import OneWay
from monitor.contracts.looks import DATA
from monitor.contracts.refs import resolve
from monitor.contracts.schema_clauses import (
    PROSE,
    Direction,
    SchemaChange,
    bound_changes,
    kinds_of,
    may_be_arrays,
    named,
    reference_of,
    references_of,
    required_of,
    type_changes,
    value_changes,
    without_prose,
    word_of,
)
from monitor.errors import ContractError
from monitor.model.pointers import escaped

MOST_STEPS, MOST_OF_ONE, DEEPEST = 200_000, 200, 80
_MOST_HOPS = 50
_ANYTHING: dict[str, Any] = {}
_NOTHING: dict[str, Any] = {"not": {}}
_WHOLE = ("format", "pattern", "multipleOf", "uniqueItems", "const", "propertyNames", "not", "if", "then", "else", "contains",
          "dependentRequired", "dependentSchemas", "dependencies", "patternProperties", "unevaluatedProperties", "unevaluatedItems",
          "prefixItems", "additionalItems", "discriminator", "contentMediaType", "contentEncoding")  # fmt: skip
_OF_FIELDS = frozenset({"type", "nullable", "properties", "required"})


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
        names = required_of(schema)
        if not names or not self._mark:
            return names
        ways = self._ways(self._mark)[new]
        fields = named(schema, "properties")
        return {name for name in names - ways.of(schema) if not ways.marked(fields.get(name))}

    def compared(self, old: Any, new: Any, at: str) -> Iterator[SchemaChange]:
        """What changed from one node to the other, below a place."""
        shared = reference_of(new) or reference_of(old)
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
        yield from type_changes(old, new, "")
        yield from value_changes(old, new, "")
        yield from bound_changes(old, new, "")
        yield from _objects(old, new, "", self)
        if ("items" in old or "items" in new) and may_be_arrays(old, new):
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
                    *(word_of(value) for value in shown),
                )
        for word in ("readOnly", "writeOnly"):
            marked, marked_now = old.get(word) is True, new.get(word) is True
            if marked != marked_now:
                shown = (word_of(marked), word_of(marked_now))
                yield SchemaChange("", word, "tighter" if marked_now else "looser", *shown)
        for word in ("allOf", "anyOf", "oneOf"):
            yield from _parts(word, old, new, "", self)
        was, now = old.get("default"), new.get("default")
        if was != now or type(was) is not type(now):
            yield SchemaChange("", "default", "looser", word_of(was), word_of(now))

    def _alike_below(self, old: Any, new: Any) -> bool:
        """Whether two nodes and all that they refer to are the same text."""
        waiting, seen = [(old, new)], set[str]()
        while waiting:
            old, new = waiting.pop()
            if without_prose(old) != without_prose(new):
                return False
            for target in references_of(old):
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

    def fields_alone(
        self,
        went: Sequence[Any],
        came: Sequence[Any],
        old: dict[str, Any],
        new: dict[str, Any],
    ) -> list[tuple[Any, Any]]:
        """Parts of `allOf` that have no counterpart, each with what stands for it on the other
        side, where all that they say is of fields that the other schema names nowhere: these came
        or went, and nothing moved. Empty where that cannot be told.
        """
        pairs = []
        for parts, document, others, other in (
            (went, self._old, self._new, new),
            (came, self._new, self._old, old),
        ):
            for part in parts:
                stands = self._stand_in(self.followed(document, part), others, other)
                if stands is None:
                    return []
                pairs.append((part, stands) if parts is went else (stands, part))
        return pairs

    def _stand_in(
        self, held: Any, document: Mapping[str, Any], other: dict[str, Any]
    ) -> dict[str, Any] | None:
        """A schema that says of a part's fields nothing, as the other one does."""
        told = [other, *(self.followed(document, part) for part in other.get("allOf", ()))]
        if not isinstance(held, dict) or not all(isinstance(schema, dict) for schema in told):
            return None
        words = {word for word in held if word not in PROSE and not word.startswith("x-")}
        fields = named(held, "properties").keys()
        if not fields or not words <= _OF_FIELDS or not required_of(held) <= fields:
            return None
        if any("allOf" in schema for schema in told[1:]):
            return None
        if any(fields & named(schema, "properties").keys() for schema in told):
            return None
        if not any(kinds_of(schema) <= kinds_of(held) for schema in told):
            return None
        # the same object each time: what was compared is known by it
        kept = {word: held[word] for word in ("type", "nullable") if word in held}
        return self._merged.setdefault(-id(held), kept)

    def plain(self, schema: Mapping[str, Any], word: str, *, new: bool) -> Any:
        """The value of a keyword without its prose: what two documents are compared by as text."""
        return self.text(schema.get(word), new=new)

    def text(self, node: Any, *, new: bool) -> Any:
        """A node without its prose, one step of a reference followed."""
        node = self.followed(self._new if new else self._old, node)
        return without_prose(node)

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
                if name != "$ref" and name not in PROSE and name not in DATA
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


def _objects(
    old: Mapping[str, Any], new: Mapping[str, Any], at: str, both: Comparison
) -> Iterator[SchemaChange]:
    was, now = named(old, "properties"), named(new, "properties")
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
                word_of(rest),
                word_of(rest_now),
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
    word: str, old: dict[str, Any], new: dict[str, Any], at: str, both: Comparison
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
    many = min(len(alone), len(alone_now))
    pairs = (
        both.fields_alone(alone[many:], alone_now[many:], old, new)
        if word == "allOf" and was and now
        else []
    )
    for old_part, new_part in pairs:
        yield from both.compared(old_part, new_part, at)
    if len(alone) != len(alone_now) and not pairs:
        more = len(alone_now) > len(alone)
        direction: Direction = "tighter" if more == (word == "allOf") else "looser"
        # choices where there was no choice, or the other way
        if (not was or not now) and word != "allOf":
            direction = "tighter" if not was else "looser"
        yield SchemaChange(at, word, direction, f"{len(was)} parts", f"{len(now)} parts")
