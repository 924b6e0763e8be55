"""The skeleton of a payload: which fields it has, of which types, and marks of what stood there.

It holds no value, and no key that is data. A skeleton is written as JSON, the same text for the
same skeleton in every process and release; marks are words of a few letters that can be counted
and added up.

A node is an object whose members tell the types that stand at a place: `n` null, `b` boolean, `d`
number, `s` text, `x` a masked scalar, `z` no body at all; `o` an object's fields, of which `q`
lists those that some of the merged objects lack; `m` what stands under keys that are data; `a`
what an array holds, `e` where some array is empty, `c` where items of some, or some object, were not
looked at. Items of one array are merged into one node.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from monitor.contracts.loose import is_mask
from monitor.contracts.marks import (
    FIRST,
    LATER,
    NULL,
    few_text_marks,
    length_word,
    number_mark,
    number_marks,
    text_marks,
    word_mark,
)
from monitor.contracts.shape import DEEPEST, MOST_KEYS
from monitor.model.pointers import escaped, unescaped

Node = dict[str, Any]
MOST_NODES, MOST_ITEMS = 10_000, 1_000
"""So much of one payload is looked at, and of one array in it: nulls are often sorted to the end."""
SCALARS = "nbdsx"
TYPES = {"n": "null", "b": "boolean", "d": "number", "s": "string", "o": "object", "a": "array"}
"""JSON's types by the letters of a node."""
NO_BODY: Node = {"z": 1}
_UNSEEN: Node = {"c": 1, "m": {}, "o": {}}
"""An object that was not looked at. Older releases wrote it without `c`."""
WHOLE_HEADERS = ":whole"
"""Beside the names of an answer's headers: the log tells all of them. What an older
release recorded has no such word: without it nothing is told of a header that is not there.
"""
# headers that are the way's and not the service's, or never the same; of which type a body is
# stands beside its skeleton
NOT_KEPT = frozenset(
    "connection content-encoding content-length content-type date keep-alive server transfer-encoding via x-powered-by age vary set-cookie".split()
)
"""Headers of answers whose presence no skeleton tells."""
_TYPES: dict[type, str] = {type(None): "n", bool: "b", int: "d", float: "d"}
_NAME = re.compile(r"[A-Za-z_$@:.\-#][A-Za-z0-9_$@:.\-#/\[\]+ ]{0,63}")
_DATA = re.compile(
    r".*\d{6}.*|[0-9a-f]{12,}|[0-9a-f]{8}-[0-9a-f-]{20,}|[^@]+@.+\..+|\S+ \S.*", re.IGNORECASE
)


class Skeleton:
    """What was seen of one payload. `node` is its form, `marks` its marks by pointer and word:
    each once, however often it stood there. Of an array the first item has all marks, at `/*`; of
    the others, at `/+`, those that tell of all items alike.
    """

    __slots__ = ("_at", "_left", "_masked", "_words", "marks", "node")

    def __init__(
        self,
        value: Any,
        *,
        marked: bool = True,
        masked: bool = False,
        at: float | None = None,
        words: frozenset[str] = frozenset(),
    ) -> None:
        """`marked`: take marks. `masked`: values were masked before they came, so that a bare word
        may be a mask. `at`: when it was sent, in s since the epoch, so that times are marked by
        how far they are from it. `words`: pointers, with `*` for items and keys that are data,
        where short words are marks as they are.
        """
        self._words = words
        self._masked = masked
        self._at = at
        self._left = MOST_NODES
        self.marks: set[tuple[str, str]] | None = {("", "")} if marked else None
        self.node = self._node(value, "", DEEPEST, first=True)

    @property
    def text(self) -> str:
        """The node as JSON."""
        return text_of(self.node)

    def _node(self, value: Any, at: str, deep: int, *, first: bool) -> Node:
        self._left -= 1
        kind = type(value)
        if kind is str:
            if is_mask(value, words=self._masked):
                return {"x": 1}
            if self.marks is not None:
                words = text_marks(value, self._at) if first else few_text_marks(value)
                self.marks.update([(at, mark) for mark in words])
                if self._words and at.replace(f"/{LATER}", f"/{FIRST}") in self._words:
                    self.marks.add((at, word_mark(value)))
            return {"s": 1}
        if kind is dict:
            return self._object(value, at, deep, first=first)
        if kind is list:
            return self._array(value, at, deep, first=first)
        if self.marks is not None:
            if kind is int or kind is float:
                words = number_marks(value) if first else (number_mark(value),)
                self.marks.update([(at, mark) for mark in words])
            elif first:
                self.marks.add((at, NULL if value is None else f"b{value:d}"))
        return {_TYPES.get(kind, "d"): 1}

    def _object(self, value: dict[str, Any], at: str, deep: int, *, first: bool) -> Node:
        if not deep or self._left < 0:
            return dict(_UNSEEN)
        many = len(value) > MOST_KEYS
        named: dict[str, Node] = {}
        data: Node | None = None
        for key in sorted(value):
            if many or not is_name(key):
                data = merged(
                    data or {},
                    self._item(value[key], at, deep, first=first and data is None),
                )
            else:
                place = f"{at}/{escaped(key)}"
                if self.marks is not None and first:
                    self.marks.add((place, ""))
                named[key] = self._node(value[key], place, deep - 1, first=first)
        return {"o": named} if data is None else {"o": named, "m": data}

    def _array(self, value: list[Any], at: str, deep: int, *, first: bool) -> Node:
        if self.marks is not None and first:
            self.marks.add((at, f"a{length_word(len(value))}"))
        if not value:
            return {"a": {}, "e": 1}
        if not deep or self._left < 0:
            return {"a": {}, "c": 1}
        below: Node = {}
        for place, item in enumerate(value[:MOST_ITEMS]):
            below = merged(below, self._item(item, at, deep, first=first and not place))
        return {"a": below, "c": 1} if len(value) > MOST_ITEMS else {"a": below}

    def _item(self, value: Any, at: str, deep: int, *, first: bool) -> Node:
        place = f"{at}/{FIRST if first else LATER}"
        if self.marks is not None and first:
            self.marks.add((place, ""))
        return self._node(value, place, deep - 1, first=first)


def lacks(node: Node, header: str) -> bool | None:
    """Whether answers of which a skeleton of headers is held surely came without one (in lower
    case); None where that cannot be told.
    """
    there = {name.lower() for name in node.get("o", {})}
    if header in there:
        return False
    is_told = WHOLE_HEADERS in there and header not in NOT_KEPT and is_name(header)
    return True if is_told else None


@lru_cache(maxsize=8192)
def is_name(key: str) -> bool:
    """Whether an object's key is a name, and not somebody's data."""
    return bool(_NAME.fullmatch(key)) and not _DATA.fullmatch(key)


def merged(first: Node, other: Node) -> Node:
    """What stands at a place where either stood."""
    if not first or first == other:
        return other
    if not other:
        return first
    both = {**first, **other}
    if "o" in first and "o" in other:
        mine, theirs = first["o"], other["o"]
        fields = {
            name: merged(mine.get(name, {}), theirs.get(name, {}))
            for name in sorted(mine.keys() | theirs.keys())
        }
        # what nobody looked at lacks no field
        unlike = set() if _is_unseen(first) or _is_unseen(other) else mine.keys() ^ theirs.keys()
        seldom = {*first.get("q", ()), *other.get("q", ()), *unlike}
        both["o"] = fields
        if seldom:
            both["q"] = sorted(seldom)
    for word in "ma":
        if word in first and word in other:
            both[word] = merged(first[word], other[word])
    return both


def _is_unseen(node: Node) -> bool:
    return not node["o"] and node.get("m") == {}


def text_of(node: Node) -> str:
    """A node as JSON, always the same text."""
    return orjson.dumps(node, option=orjson.OPT_SORT_KEYS).decode()


def places(node: Node, at: str = "") -> Iterator[tuple[str, Node, bool]]:
    """Every place of a skeleton with what stands there, and whether it surely stands in each
    payload: not below what may be absent, empty or of another type.
    """
    yield from _places(node, at, sure=True)


def _places(node: Node, at: str, *, sure: bool) -> Iterator[tuple[str, Node, bool]]:
    yield at, node, sure
    alone = len(node.keys() - {"q", "e", "c", "m"}) == 1
    seldom = node.get("q", ())
    for name, field in node.get("o", {}).items():
        yield from _places(
            field, f"{at}/{escaped(name)}", sure=sure and alone and name not in seldom
        )
    for word in "ma":
        if node.get(word):
            yield from _places(node[word], f"{at}/*", sure=False)


MASKED = "[redacted]"
_STANDS_FOR: dict[str, Any] = {"n": None, "b": True, "d": 0, "s": "text", "x": MASKED}


def instances(node: Node) -> list[Any]:
    """Payloads that together show all that a skeleton tells: each of the types of a place, with
    and without the fields that some lack. Its values stand for types alone.

    Fields are varied together and not by turns, so that there are as many as the widest choice.
    """
    if node.keys() == {"z"}:
        return []
    shown: list[Any] = [_STANDS_FOR[word] for word in SCALARS if word in node]
    if "o" in node:
        shown += _objects(node)
    if "a" in node:
        below = instances(node["a"]) if node["a"] else []
        if below:
            shown.append(below)
        if "e" in node or not below:
            shown.append([])
    return shown


def is_cut(node: Node) -> bool:
    """Whether parts of its payloads were not looked at, which may hold anything."""
    text = orjson.dumps(node)  # a look at the text is ten times faster, and mostly enough
    return (b'"c":' in text or b'"m":{}' in text) and _is_cut(node)


def _is_cut(node: Node) -> bool:
    below = [*node.get("o", {}).values(), node.get("m"), node.get("a")]
    return _is_cut_here(node) or any(part and _is_cut(part) for part in below)


_ANYTHING: Node = {"a": {}, "b": 1, "d": 1, "e": 1, "n": 1, "o": {}, "s": 1}


def as_if_seen(node: Node) -> Node:
    """The same with all that might stand in the parts that were not looked at."""
    seen = dict(node)
    if "o" in node:
        seen["o"] = {name: as_if_seen(field) for name, field in node["o"].items()}
    for word in "ma":
        if word in node:
            held = as_if_seen(node[word])
            is_open = node[word] == {} if word == "m" else "c" in node
            seen[word] = merged(held, _ANYTHING) if is_open else held
    return seen


def is_cut_above(node: Node, pointer: str) -> bool:
    """Whether what stands at a place, `*` any key or item, may stand in parts of these payloads
    that were not looked at.
    """
    steps = pointer.split("/")[1:]
    level = [node]
    for step in steps:
        if any(map(_is_cut_here, level)):
            return True
        level = [part for held in level for part in below(held, step)]
    return False


def below(node: Node, step: str) -> list[Node]:
    """What stands under a step of a pointer, `*` any key or item."""
    fields = node.get("o", {})
    if step == "*":
        return [
            *(node[word] for word in "ma" if node.get(word)),
            *(fields.values() if "a" not in node else ()),
        ]
    return [fields[unescaped(step)]] if unescaped(step) in fields else []


def _is_cut_here(node: Node) -> bool:
    return "c" in node or node.get("m") == {}


@lru_cache(maxsize=2048)
def _bodies(text: bytes) -> tuple[bytes, ...]:
    return tuple(orjson.dumps(shown) for shown in instances(orjson.loads(text)))


def bodies(node: Node) -> tuple[bytes, ...]:
    """The payloads of `instances` as JSON. Thousands of kinds of exchange share a skeleton."""
    return _bodies(orjson.dumps(node))


def _objects(node: Node) -> list[dict[str, Any]]:
    seldom = frozenset(node.get("q", ()))
    fields = {name: instances(field) for name, field in node["o"].items()}
    fields = {name: choices for name, choices in fields.items() if choices}
    below = instances(node["m"]) if node.get("m") else []
    widest = max([1, *(len(choices) for choices in fields.values())])
    shown = []
    for turn in range(widest):
        held = {name: choices[min(turn, len(choices) - 1)] for name, choices in fields.items()}
        held |= {f"[redacted {place}]": choice for place, choice in enumerate(below)}
        shown.append(held)
    if seldom:
        shown.append({name: value for name, value in shown[0].items() if name not in seldom})
    return shown
