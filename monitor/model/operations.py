"""Operations with few names: paths to templates, text to a bounded length."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from monitor.model.printable import printable

MAX_OPERATION = 200
MAX_SEGMENTS = 12
_ID = re.compile(
    r"""
    \d+                                            # 42
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}   # a UUID
    | (?=[0-9a-f]*\d)[0-9a-f]{7,}                  # a hash
    | [A-Za-z]{1,24}[-_.:~](?=[a-f]*\d)[0-9a-f]{7,}       # pay_0000063d
    | (?=.*\d)[A-Za-z0-9_\-.~%+=:]{16,}            # a token
    | [A-Za-z]{1,6}[-_]?\d{3,}                     # ord-123, sku_4711
    | .*@.*                                        # an address
    | .{49,}                                       # too long to be a word of an API
    """,
    re.VERBOSE,
)


def template_path(path: str) -> str:
    """A path whose varying parts are `{id}`: numbers, UUIDs, hashes, tokens, addresses, over-long
    segments.

    The query and fragment are cut; more than 12 segments become `…`. `/v1` and `/v2` stay as they
    are.
    """
    if "?" in path or "#" in path:
        path = path.split("?", 1)[0].split("#", 1)[0]
    segments = path.split("/")
    kept = [
        "{id}" if segment.isdecimal() or (segment and _looks_made(segment)) else segment
        for segment in segments[: MAX_SEGMENTS + 1]
    ]
    if len(segments) > MAX_SEGMENTS + 1:
        kept.append("…")
    return capped("/".join(kept)) or "/"


@lru_cache(maxsize=16_384)
def _looks_made(segment: str) -> bool:
    return _ID.fullmatch(segment) is not None


def capped(text: str) -> str:
    """Text of at most 200 characters, control characters as spaces."""
    return printable(text[:MAX_OPERATION])


def graphql_operation(kind: object, name: object) -> str:
    """`query cart`: what one endpoint of GraphQL is asked for, by the type and the name of the
    operation; empty when it has no name.

    https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
    """
    if name is None or name == "":
        return ""
    return capped(f"{'' if kind is None else kind} {name}".strip())


ASKED = ("graphql.operation.type", "graphql.operation.name")
"""Attributes of spans that tell it. Instrumentations put them on INTERNAL ones, below the
server's.
"""


def asked_of(given: Mapping[str, Any]) -> str:
    """What a span's attributes tell of GraphQL; "" for nothing."""
    return graphql_operation(*map(given.get, ASKED))


def http_operation(method: str, route: str) -> str:
    """`METHOD /route`; the route alone when the method is unknown."""
    return capped(f"{method} {route}".strip()) if route else capped(method or "unknown")
