"""Shapes: which paths a payload has, of which types and how large, never a value; and a 64-bit name for each shape.

A shape is JSON: {"/amount": ["i+2"], "/items": ["a1"], "/items/*": ["o"], "/items/*/sku": ["s2"], ...}: pointers with
array indices and keys that are data as `*`, each with its sketches (sketches.py: kind, then bucket). A pointer below an
array that not every item has ends in `?`. More than 400 pointers or 4,000 values: the rest is left out, marked by "…".
"""

import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from monitor.contracts.sketches import length_step, sketch_number, sketch_text
from monitor.model.exchanges import Exchange
from monitor.model.pointers import escaped

MOST_POINTERS = 400
MOST_VALUES = 4_000
MOST_KEYS = 64
DEEPEST = 24
_FEWEST_ALIKE = 3
_MOST_DIGITS = 3
_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$@.:\-]{0,47}")
_HEXLIKE = re.compile(r"(?=.*\d)[0-9a-fA-F]{6,}")
_RATE_STEPS = 1 << 32
_SIZED = frozenset({"i+", "i-", "f+", "f-", "s", "a"})


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape's 64-bit name (never 0) and its JSON text. Equal payload structures have equal names, in every process."""

    shape_id: int
    text: str


class _Walk:
    """One walk over a payload. `seen` and `objects` count below arrays only, where presence may differ between items."""

    __slots__ = ("full", "left", "objects", "paths", "seen")

    def __init__(self) -> None:
        self.paths: dict[str, dict[str, int]] = {}
        self.seen: dict[str, int] = {}
        self.objects: dict[str, int] = {}
        self.left = MOST_VALUES
        self.full = False

    def visit(self, value: Any, pointer: str, depth: int, *, repeated: bool) -> None:
        kinds = self.paths.get(pointer)
        if kinds is None:
            if len(self.paths) >= MOST_POINTERS:
                self.full = True
                return
            kinds = self.paths[pointer] = {}
        sort = type(value)
        if sort is str:
            kind, bucket = sketch_text(value)
        elif sort is int or sort is float:
            kind, bucket = sketch_number(value)
        elif sort is dict:
            kind, bucket = "o", 0
        elif sort is list:
            kind, bucket = "a", length_step(len(value))
        else:
            kind, bucket = ("n", 0) if value is None else ("b", 0)
        if kinds.get(kind, -100) < bucket:
            kinds[kind] = bucket
        if sort is dict or sort is list:
            if depth >= DEEPEST or self.left < len(value):
                self.full = True
                return
            self.left -= len(value)
            if sort is list:
                below = pointer + "/*"
                for child in value:
                    self.visit(child, below, depth + 1, repeated=True)
            else:
                self._object(value, pointer, depth, repeated)

    def _object(self, value: dict[str, Any], pointer: str, depth: int, repeated: bool) -> None:
        folded = is_map(value)
        paths = self.paths
        if repeated:
            self.objects[pointer] = self.objects.get(pointer, 0) + 1
            seen = self.seen
        for key, child in value.items():
            below = pointer + "/*" if folded else _below(pointer, key)
            if repeated:
                seen[below] = seen.get(below, 0) + 1
            kinds = paths.get(below)
            if kinds is not None and type(child) is str:  # most values by far: no call for them
                kind, bucket = sketch_text(child)
                if kinds.get(kind, -100) < bucket:
                    kinds[kind] = bucket
            else:
                self.visit(child, below, depth + 1, repeated=repeated)

    def result(self) -> dict[str, list[str]]:
        found = {}
        for pointer, kinds in self.paths.items():
            label = pointer
            if "*" in pointer and not pointer.endswith("*"):
                parents = self.objects.get(pointer.rpartition("/")[0], 0)
                if self.seen.get(pointer, 0) < parents:
                    label = pointer + "?"
            found[label] = [kind + str(bucket) if kind in _SIZED else kind for kind, bucket in sorted(kinds.items())]
        if self.full:
            found["…"] = []
        return found


def shape_of(value: Any) -> Shape:
    """The shape of a decoded payload. Its cost is bounded by 4,000 values."""
    walk = _Walk()
    walk.visit(value, "", 0, repeated=False)
    text = orjson.dumps(walk.result(), option=orjson.OPT_SORT_KEYS)
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") or 1
    return Shape(number, text.decode())


def is_map(value: dict[str, Any]) -> bool:
    """Whether an object's keys are data: very many of them, or all its values objects of one make."""
    if len(value) > MOST_KEYS:
        return True
    if len(value) < _FEWEST_ALIKE:
        return False
    held = iter(value.values())
    first = next(held)
    return (
        isinstance(first, dict)
        and bool(first)
        and all(isinstance(child, dict) and child.keys() == first.keys() for child in held)
    )


def is_name(key: str) -> bool:
    """Whether a key reads like a field's name; numbers, ids, dates, addresses and texts are data."""
    if _NAME.fullmatch(key) is None or "@" in key[1:]:
        return False
    return sum(mark.isdigit() for mark in key) <= _MOST_DIGITS and _HEXLIKE.fullmatch(key) is None


@lru_cache(maxsize=65_536)
def _below(pointer: str, key: str) -> str:
    """The pointer of an object's value, `*` for a key that is data."""
    return f"{pointer}/{escaped(key)}" if is_name(key) else pointer + "/*"


def is_sampled(exchange: Exchange, share: float) -> bool:
    """Whether this exchange's shapes are taken: by hash of its trace, else of its place, so replays choose the same."""
    if share >= 1:
        return True
    mark = exchange.trace_id or f"{exchange.source_id}/{exchange.partition}/{exchange.offset}/{exchange.index}".encode()
    return zlib.crc32(mark) < share * _RATE_STEPS
