"""Two schemas without what both say alike: whether one allows all that the other allows hangs on the
rest alone, and so does what it costs to tell.

A field goes where both demand it, or neither does, and both say the same of it, with all that this
refers to. Only schemas that say no more of an object or an array than its fields, its items and
how many there may be are taken apart: in alternatives, conditions and patterns all parts bear on
each other. A field that nothing can fill would make all else of no account; such ones are not
looked for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.contracts.looks import DATA, every_object
from monitor.contracts.refs import resolve
from monitor.errors import ContractError

PROSE = frozenset("title description example examples externalDocs xml deprecated".split())
_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})
_ARRAY = frozenset({"type", "items", "minItems", "maxItems"})
_BY_NAME = frozenset(
    "properties patternProperties dependentSchemas dependentRequired dependencies $defs definitions".split()
)
_DEEPEST = 16
Node = dict[str, Any]
Stated = tuple[Node, Node]
"""A document, and a schema in it."""


def bare(node: Any) -> Any:
    """A schema without its prose and examples, which no value breaks."""
    if isinstance(node, list):
        return [bare(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        word: _bare_below(word, part)
        for word, part in node.items()
        if word not in PROSE and not word.startswith("x-")
    }


def _bare_below(word: str, part: Any) -> Any:
    if word in DATA:
        return part
    if word in _BY_NAME and isinstance(part, dict):
        return {name: bare(below) for name, below in part.items()}
    return bare(part)


def differing(older: Stated, newer: Stated) -> tuple[Any, Any]:
    """Of two schemas, each in a document with all that it refers to: both without what they say
    alike. References in them are as they were.
    """
    return _Pair(older[0], newer[0]).apart(older[1], newer[1], ())


@dataclass(slots=True)
class _Pair:
    older: Node
    newer: Node
    _alike: dict[str, bool] = field(default_factory=dict)

    def apart(self, was: Any, now: Any, above: tuple[tuple[int, int], ...]) -> tuple[Any, Any]:
        plain_was, plain_now = _followed(self.older, was), _followed(self.newer, now)
        pair = (id(plain_was), id(plain_now))
        if pair in above or len(above) >= _DEEPEST:
            return was, now
        if not isinstance(plain_was, dict) or not isinstance(plain_now, dict):
            return was, now
        if plain_was.get("type") != plain_now.get("type"):
            return was, now
        words = plain_was.keys() | plain_now.keys()
        if words <= _OBJECT and _in_both("properties", plain_was, plain_now):
            return self._fields(plain_was, plain_now, (*above, pair))
        if words <= _ARRAY and _in_both("items", plain_was, plain_now):
            items = self.apart(plain_was["items"], plain_now["items"], (*above, pair))
            return plain_was | {"items": items[0]}, plain_now | {"items": items[1]}
        return was, now

    def _fields(
        self, was: Node, now: Node, above: tuple[tuple[int, int], ...]
    ) -> tuple[Node, Node]:
        fields = [dict(part["properties"]) for part in (was, now)]
        required = [list(part.get("required") or ()) for part in (was, now)]
        for name in fields[0].keys() & fields[1].keys():
            demanded = [name in names for names in required]
            if demanded[0] == demanded[1] and self._same(fields[0][name], fields[1][name]):
                for part, names in zip(fields, required, strict=True):
                    del part[name]
                    names[:] = [other for other in names if other != name]
            else:
                fields[0][name], fields[1][name] = self.apart(
                    fields[0][name], fields[1][name], above
                )
        return _object(was, fields[0], required[0]), _object(now, fields[1], required[1])

    def _same(self, was: Any, now: Any) -> bool:
        """Whether two schemas are written alike, with all that they refer to."""
        return bool(was == now) and all(map(self._same_target, _targets(was)))

    def _same_target(self, target: str) -> bool:
        if target not in self._alike:
            waiting, met = [target], {target}
            same = True
            while waiting and same:
                place = waiting.pop()
                was, now = _resolved(self.older, place), _resolved(self.newer, place)
                same = was is not None and was == now and self._alike.get(place, True)
                more = set(_targets(was)) - met if same else set()
                met |= more
                waiting += more
            self._alike.update(dict.fromkeys(met if same else {target}, same))
        return self._alike[target]


def _object(node: Node, fields: Node, required: list[Any]) -> Node:
    rest = {word: part for word, part in node.items() if word != "required"}
    return rest | {"properties": fields} | ({"required": required} if required else {})


def _in_both(word: str, *nodes: Mapping[str, Any]) -> bool:
    return all(word in node for node in nodes)


def _followed(document: Node, node: Any) -> Any:
    for _ in range(_DEEPEST):
        if not isinstance(node, dict) or node.keys() != {"$ref"}:
            return node
        node = _resolved(document, node["$ref"])
    return None


def _resolved(document: Node, target: Any) -> Any:
    try:
        return resolve(document, target, "")
    except ContractError:
        return None


def _targets(node: Any) -> Iterator[str]:
    for inner in every_object(node):
        if isinstance(inner.get("$ref"), str):
            yield inner["$ref"]
