"""What is written out as text, and parts that add fields: attacked with the rules of another tool,
each of its documents both ways.
"""

import json
from typing import Any

import pytest

from monitor.contracts.amendment import bearing_of
from tests.contracts.test_amendment import bearings, between

ITEM = {"type": "object", "properties": {"id": {"type": "string"}}}
NOTE = {"type": "object", "properties": {"note": {"type": "integer"}}}


def asked(schema: dict[str, Any], place: str = "query", **more: Any) -> str:
    parameter = {"name": "a", "in": place, "schema": schema, **more}
    call: dict[str, Any] = {"responses": {"200": {"description": "x"}}}
    if place == "response":
        held = {"description": "x", "headers": {"x-a": {"schema": schema}}}
        call = {"responses": {"200": held}}
    else:
        call["parameters"] = [parameter]
    info = {"title": "a", "version": "1"}
    return json.dumps({"openapi": "3.1.0", "info": info, "paths": {"/a": {"get": call}}})


def of(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


@pytest.mark.parametrize(
    ("was", "now", "place", "bearing"),
    [
        (of("integer"), of("string"), "query", "compatible"),
        (of("boolean"), of("string"), "header", "compatible"),
        (of("string"), of("integer"), "query", "breaking"),
        (of("integer"), of("string", pattern="^a"), "query", "breaking"),
        ({"type": ["string", "null"]}, of("string"), "query", "breaking"),
        (of("integer"), of("string"), "response", "breaking"),
        (of("string"), of("integer"), "response", "compatible"),
        (of("array", items=of("number")), of("array", items=of("string")), "query", "compatible"),
    ],
)
def test_a_number_in_a_query_is_a_text_too(
    was: dict[str, Any], now: dict[str, Any], place: str, bearing: str
) -> None:
    """It was told as breaking: the schemas were held against each other as of JSON."""
    assert bearing_of(between(asked(was, place), asked(now, place))) == bearing


def test_a_field_of_an_object_in_a_query_is_written_out_too() -> None:
    deep = {"style": "deepObject", "explode": True}
    was, now = (of("object", properties={"b": of(kind)}) for kind in ("integer", "string"))
    assert bearing_of(between(asked(was, **deep), asked(now, **deep))) == "compatible"
    assert bearing_of(between(asked(now, **deep), asked(was, **deep))) == "breaking"


@pytest.mark.parametrize("side", ["request", "response"])
def test_a_part_that_adds_fields_is_told_by_its_fields(side: str) -> None:
    """An optional field more was told as breaking who sends none, as one more demand."""
    was, now = {"allOf": [ITEM, of("object")]}, {"allOf": [ITEM, of("object"), NOTE]}
    assert bearings(was, now, side) == [("compatible", "property", "clause")]
    must = {"allOf": [ITEM, of("object"), {**NOTE, "required": ["note"]}]}
    word = "breaking" if side == "request" else "compatible"
    assert (word, "required", "clause") in bearings(was, must, side)
    lost = bearings(now, was, side)
    told = "sent_in_vain" if side == "request" else "never_promised"
    assert lost == [("undecided", "property", told)]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "object", "properties": {"id": {"minLength": 3}}},
        {**NOTE, "additionalProperties": False},
        {**NOTE, "minProperties": 2},
        {"required": ["id"]},
        {"properties": {"note": {"type": "integer"}}, "required": ["id"]},
    ],
)
def test_a_part_that_says_more_than_new_fields_is_one_more_demand(part: dict[str, Any]) -> None:
    was, now = {"allOf": [ITEM, of("object")]}, {"allOf": [ITEM, of("object"), part]}
    assert [row[:2] for row in bearings(was, now, "request")] == [("breaking", "allOf")]
