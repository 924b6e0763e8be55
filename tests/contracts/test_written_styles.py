"""Parameters written by each style of OpenAPI's table, by a writer of its own: what was meant is
found again, and what breaks the schema is told.

https://spec.openapis.org/oas/v3.1.1.html#style-examples, RFC 6570
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from monitor.contracts.check import check
from tests.contracts.promises import exchange
from tests.contracts.test_around_bodies import OK, contract

NAME = "color"
KINDS: dict[str, tuple[dict[str, Any], Sequence[Any], Sequence[Any]]] = {
    "integer": ({"type": "integer", "maximum": 100}, [5, 100], ["x", 101, 1.5]),
    "text": (
        {"type": "string", "minLength": 2, "pattern": "^[a-z ,;&=.+%/|]*$"},
        ["ab", "a b", "a,b", "a;b", "a&b", "a=b", "a.b", "a+b", "a%b", "a/b", "a|b"],
        ["a", "AB"],
    ),
    "boolean": ({"type": "boolean"}, ["true", "false"], ["yes", "1"]),
    "array": (
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
        [[1, 2], [1, 2, 3]],
        [[1], ["a", "b"], [1, 2, 3, 4]],
    ),
    "set": (
        {"type": "array", "items": {"enum": ["a", "b-b", "c"]}, "uniqueItems": True},
        [["a"], ["a", "b-b"], ["c", "a"]],
        [["a", "a"], ["z"]],
    ),
    "object": (
        {
            "type": "object", "properties": {"R": {"type": "integer"}, "G": {"type": "string"}},
            "required": ["R"], "additionalProperties": False,
        },
        [{"R": 1, "G": "x"}, {"R": 1}],
        [{"R": "x", "G": "x"}, {"G": "x"}],
    ),
}  # fmt: skip


def escaped(value: Any) -> str:
    return quote(str(value), safe="-._~")


def listed(value: Any, separator: str, *, equal: bool = False, plain: bool = False) -> str:
    """A value's pieces; `equal` writes names and values with a sign between."""
    text = str if plain else escaped
    if isinstance(value, dict):
        between = "=" if equal else separator
        return separator.join(f"{text(name)}{between}{text(held)}" for name, held in value.items())
    return separator.join(map(text, value)) if isinstance(value, list) else text(value)


def named(value: Any, separator: str) -> str:
    """Each piece with a name: its own, or the parameter's."""
    if isinstance(value, dict):
        return listed(value, separator, equal=True)
    pieces = value if isinstance(value, list) else [value]
    return separator.join(f"{NAME}={escaped(piece)}" for piece in pieces)


def written(style: str, explode: bool, value: Any) -> str:
    """As the table has it."""
    simple = not isinstance(value, dict | list)
    if style == "simple":
        return listed(value, ",", equal=explode)
    if style == "label":
        return "." + listed(value, "." if explode else ",", equal=explode)
    if style == "matrix":
        return ";" + (named(value, ";") if explode or simple else f"{NAME}={listed(value, ',')}")
    if style == "form":
        return named(value, "&") if explode or simple else f"{NAME}={listed(value, ',')}"
    if style == "deepObject":
        return "&".join(f"{NAME}%5B{name}%5D={escaped(held)}" for name, held in value.items())
    return f"{NAME}={listed(value, {'spaceDelimited': '%20', 'pipeDelimited': '%7C'}[style])}"


def forms() -> Iterator[tuple[str, str, bool, str]]:
    """Every place, style and kind that the table has a cell for."""
    for kind in KINDS:
        is_object, is_scalar = kind == "object", kind in ("integer", "text", "boolean")
        for explode in (True, False):
            for place, style in (
                ("path", "simple"),
                ("path", "label"),
                ("path", "matrix"),
                ("query", "form"),
                ("header", "simple"),
            ):
                yield place, style, explode, kind
        if not is_scalar:
            yield "query", "spaceDelimited", False, kind
            yield "query", "pipeDelimited", False, kind
        if is_object:
            yield "query", "deepObject", True, kind


@pytest.mark.parametrize(("place", "style", "explode", "kind"), list(forms()))
def test_what_was_written_is_found_again(place: str, style: str, explode: bool, kind: str) -> None:
    schema, good, bad = KINDS[kind]
    parameter = {
        "name": NAME, "in": place, "required": True, "style": style, "explode": explode, "schema": schema,
    }  # fmt: skip
    template = f"/things/{{{NAME}}}" if place == "path" else "/things"
    known = contract({template: {"get": {"parameters": [parameter], "responses": OK}}})
    for values, outcome in ((good, "valid"), (bad, "violated")):
        for value in values:
            text = written(style, explode, value)
            asked: dict[str, Any] = {"path": "/things", "response_body": None}
            if place == "path":
                asked["path"] = f"/things/{text}"
            elif place == "query":
                asked |= {"query": text, "query_known": True}
            else:  # nothing in a header is percent-encoded
                plain = listed(value, ",", equal=explode, plain=True)
                asked["request_headers"] = {NAME: plain}
            assert check(exchange(**asked), known).outcome == outcome, (value, text)
