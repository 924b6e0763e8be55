"""A JSON body's shape as JSON again: the same names, types and lengths of lists, and none of its
values.

The monitor holds such a body (`redacted`) against the contract's clauses about presence and types,
and no others.
"""

import json
import zlib
from functools import lru_cache
from typing import Any

from .masks import LONGEST_NAME, is_data, is_secret
from .settings import Bounds

NOT_JSON = "(not JSON)"
"""Stands for a body that its sender calls JSON and that is none."""
_HIDDEN = "[redacted]"
_SCALARS = {str: '"text"', int: "0", type(None): "null"}
_DEEPEST = 100
as_json = json.JSONEncoder(separators=(",", ":")).encode


class TooLarge(Exception):
    """A body with more values, or nested deeper, than is looked at."""


class _NotJson(ValueError):
    """NaN and its like, which JSON does not know."""


def is_json(media: str) -> bool:
    """Whether a media type says that a body is JSON."""
    kind = media.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json", "application/x-json") or kind.endswith(
        "+json"
    )


def unpacked(body: bytes, encoding: str, most: int) -> bytes | None:
    """The body without gzip or deflate, at most `most` bytes. None for another encoding and for
    what is not whole in this one; raises TooLarge over the bound.
    """
    word = encoding.strip().lower()
    if word in ("", "identity"):
        return body
    if word not in ("gzip", "x-gzip", "deflate"):
        return None
    for bits in (47, -15):  # gzip or zlib by its header, else raw deflate
        machine = zlib.decompressobj(bits)
        try:
            content = machine.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(content) > most or machine.unconsumed_tail:
            raise TooLarge
        # raw deflate has no mark: much that is none begins like it. Nor are several gzips in one
        # body unpacked.
        return content if machine.eof and not machine.unused_data else None
    return None


def shape_text(body: bytes, bounds: Bounds) -> str:
    """The shape of a JSON body as JSON text; `NOT_JSON` for what is none. Raises TooLarge."""
    try:
        value = _SHAPED.decode(_text(body))
    except RecursionError:
        raise TooLarge from None
    except ValueError:
        return NOT_JSON
    return _Shapes(bounds).of(value, _DEEPEST)


def without_secrets(body: bytes, bounds: Bounds, words: tuple[str, ...]) -> str:
    """A JSON body with what stands under secret names masked; `NOT_JSON` for what is none. Raises
    TooLarge.
    """
    try:
        value = json.loads(body, parse_constant=_refused)
    except RecursionError:
        raise TooLarge from None
    except ValueError:
        return NOT_JSON
    return as_json(_Secrets(bounds, words).of(value, _DEEPEST))


def _text(body: bytes) -> str:
    """As json.loads reads bytes."""
    return body.decode(json.detect_encoding(body), "surrogatepass")


def _refused(_: str) -> Any:
    raise _NotJson


def _number(text: str) -> float:
    """A number that is whole stays whole, for an integer may be written as 1.0."""
    return 0.0 if text.rstrip("0").endswith(".") else 0.5


# how long an integer is, is not looked at
_SHAPED = json.JSONDecoder(parse_constant=_refused, parse_int=len, parse_float=_number)


class _Walk:
    def __init__(self, bounds: Bounds) -> None:
        self._left = bounds.nodes
        self._keys = bounds.keys

    def _count(self, deep: int, more: int) -> None:
        self._left -= more
        if self._left < 0 or not deep:
            raise TooLarge


@lru_cache(maxsize=8192)
def _named(key: str) -> str:
    """A member's name as JSON and its colon; "" for a name that is data."""
    return "" if is_data(key) else f"{as_json(key)}:"


class _Shapes(_Walk):
    def of(self, value: Any, deep: int) -> str:
        """A value's shape as JSON. It is written at once, and scalars are answered where they
        stand: half of the cost of two walks.
        """
        kind = type(value)
        if kind is dict:
            return self._object(value, deep)
        if kind is list:
            self._count(deep, len(value))
            deep -= 1
            return f"[{','.join([_SCALARS.get(type(item)) or self.of(item, deep) for item in value])}]"
        if kind is bool:
            return "true" if value else "false"
        return _SCALARS.get(kind) or str(value)  # 0.0 or 0.5

    def _object(self, value: dict[str, Any], deep: int) -> str:
        self._count(deep, len(value))
        deep -= 1
        is_map = len(value) > self._keys
        parts: list[str] = []
        for key, held in value.items():
            name = "" if is_map or len(key) > LONGEST_NAME else _named(key)
            parts.append(
                (name or f'"[redacted {len(parts)}]":')
                + (_SCALARS.get(type(held)) or self.of(held, deep))
            )
        return f"{{{','.join(parts)}}}"


class _Secrets(_Walk):
    def __init__(self, bounds: Bounds, words: tuple[str, ...]) -> None:
        super().__init__(bounds)
        self._words = words

    def of(self, value: Any, deep: int) -> Any:
        if isinstance(value, list):
            self._count(deep, len(value))
            return [self.of(item, deep - 1) for item in value]
        if not isinstance(value, dict):
            return value
        self._count(deep, len(value))
        return {
            key: _HIDDEN if is_secret(key, self._words) else self.of(item, deep - 1)
            for key, item in value.items()
        }
