"""A JSON body's shape as JSON again: the same names, types and lengths of lists, and none of its values.

The monitor holds such a body (`redacted`) against the contract's clauses about presence and types, and no others.
"""

import json
import zlib
from typing import Any

from .masks import is_data, is_secret
from .settings import Bounds

NOT_JSON = "(not JSON)"
"""Stands for a body that its sender calls JSON and that is none."""
_TEXT, _SECRET = "text", "[redacted]"
_DEEPEST = 100


class TooLarge(Exception):
    """A body with more values, or nested deeper, than is looked at."""


class _NotJson(ValueError):
    """NaN and its like, which JSON does not know."""


def is_json(media: str) -> bool:
    """Whether a media type says that a body is JSON."""
    kind = media.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json", "application/x-json") or kind.endswith("+json")


def unpacked(body: bytes, encoding: str, most: int) -> bytes | None:
    """The body without gzip or deflate, at most `most` bytes. None for another encoding; raises TooLarge over the bound."""
    word = encoding.strip().lower()
    if word in ("", "identity"):
        return body
    if word not in ("gzip", "x-gzip", "deflate"):
        return None
    for bits in (47, -15):  # gzip or zlib by its header, else raw deflate
        machine = zlib.decompressobj(bits)
        try:
            found = machine.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(found) > most or machine.unconsumed_tail:
            raise TooLarge
        return found
    return None


def shape_text(body: bytes, bounds: Bounds) -> str:
    """The shape of a JSON body as JSON text; `NOT_JSON` for what is none. Raises TooLarge."""
    return _rewritten(_Shapes(bounds), body, parse_int=_integer, parse_float=_number)


def without_secrets(body: bytes, bounds: Bounds, words: tuple[str, ...]) -> str:
    """A JSON body with what stands under secret names masked; `NOT_JSON` for what is none. Raises TooLarge."""
    return _rewritten(_Secrets(bounds, words), body)


def _refused(_: str) -> Any:
    raise _NotJson


def _integer(_: str) -> int:
    return 0


def _number(text: str) -> float:
    """A number that is whole stays whole, for an integer may be written as 1.0."""
    return 0.0 if text.rstrip("0").endswith(".") else 0.5


def _rewritten(walk: "_Shapes | _Secrets", body: bytes, **parsing: Any) -> str:
    """A body as a walk leaves it."""
    try:
        value = json.loads(body, parse_constant=_refused, **parsing)
    except RecursionError:
        raise TooLarge from None
    except ValueError:
        return NOT_JSON
    return json.dumps(walk.of(value, _DEEPEST), separators=(",", ":"), ensure_ascii=True)


class _Walk:
    def __init__(self, bounds: Bounds) -> None:
        self._left = bounds.nodes
        self._keys = bounds.keys

    def _count(self, deep: int, more: int) -> None:
        self._left -= more
        if self._left < 0 or not deep:
            raise TooLarge


class _Shapes(_Walk):
    def of(self, value: Any, deep: int) -> Any:
        kind = type(value)
        if kind is str:
            return _TEXT
        if kind is list:
            self._count(deep, len(value))
            return [self.of(one, deep - 1) for one in value]
        if kind is not dict:
            return value  # null, true, false, and the numbers that stand for all
        self._count(deep, len(value))
        is_map = len(value) > self._keys
        found: dict[str, Any] = {}
        for number, (key, held) in enumerate(value.items()):
            found[f"[redacted {number}]" if is_map or is_data(key) else key] = self.of(held, deep - 1)
        return found


class _Secrets(_Walk):
    def __init__(self, bounds: Bounds, words: tuple[str, ...]) -> None:
        super().__init__(bounds)
        self._words = words

    def of(self, value: Any, deep: int) -> Any:
        if isinstance(value, list):
            self._count(deep, len(value))
            return [self.of(one, deep - 1) for one in value]
        if not isinstance(value, dict):
            return value
        self._count(deep, len(value))
        return {key: _SECRET if is_secret(key, self._words) else self.of(held, deep - 1) for key, held in value.items()}
