"""A clause that is broken only because another one is, is not told; one of its own is."""

from typing import Any

import pytest

from monitor.contracts.schemas import Schemas

CHOICE = [
    {"required": ["k"], "properties": {"k": {"const": 1}, "x": {"type": "integer"}}},
    {"required": ["k"], "properties": {"k": {"const": 2}, "y": {"type": "integer"}}},
]
PART: dict[str, Any] = {
    "allOf": [{"properties": {"a": {"type": "integer"}}}],
    "properties": {"r": {}},
    "required": ["r"],
}
CLOSED: dict[str, Any] = {"unevaluatedProperties": False}
ITEMS = {"allOf": [{"prefixItems": [{"type": "integer"}]}], "unevaluatedItems": False}


@pytest.mark.parametrize(
    ("schema", "payload", "told"),
    [
        (CLOSED | PART, {"r": 1, "a": "x"}, {("type", "/a")}),
        (
            CLOSED | PART,
            {"r": 1, "a": "x", "z": 1},
            {("type", "/a"), ("unevaluatedProperties", "/*")},
        ),
        (CLOSED | {"$ref": "#/$defs/p", "$defs": {"p": PART}}, {"a": 1}, {("required", "/r")}),
        (CLOSED | {"oneOf": CHOICE}, {"k": 1, "x": "s"}, {("type", "/x")}),
        (CLOSED | {"oneOf": CHOICE}, {"k": 3}, {("oneOf", "")}),
        (CLOSED | {"oneOf": CHOICE}, {"k": 1, "y": 1}, {("unevaluatedProperties", "/*")}),
        (ITEMS, ["x"], {("type", "/*")}),
        (ITEMS, ["x", 1], {("type", "/*"), ("unevaluatedItems", "")}),
        (ITEMS, [1, 2], {("unevaluatedItems", "")}),
        ({"properties": {"in": ITEMS}}, {"in": ["x"]}, {("type", "/in/*")}),
    ],
)
def test_what_a_failed_part_declares_is_no_field_too_many(
    schema: dict[str, Any], payload: Any, told: set[tuple[str, str]]
) -> None:
    broken = Schemas(schema, "2020-12", where="x").lazily("").broken(payload, 20)
    assert {(each.rule, each.pointer) for each in broken} == told
