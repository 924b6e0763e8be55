"""Schemas of one operation or topic that nothing can keep both of, whatever language they are
written in.
"""

import json
from itertools import product
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.publications import tell_contradictions
from monitor.contracts.compatibility.disjoint import conflicts
from monitor.contracts.compatibility.said import of_json_schema
from monitor.contracts.contradictions import schema_contradictions
from monitor.contracts.read import read_contract
from tests.contracts.test_contradictions import AVRO, PROTO, channels
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.effort import Effort

ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


def told(first: Any, second: Any) -> list[tuple[str, str]]:
    pairs = [
        (each.rule, each.pointer)
        for each in conflicts(of_json_schema(first, first, ""), of_json_schema(second, second, ""))
    ]
    back = [
        (each.rule, each.pointer)
        for each in conflicts(of_json_schema(second, second, ""), of_json_schema(first, first, ""))
    ]
    assert {place for _, place in pairs} == {place for _, place in back}
    return pairs


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        ({"type": "object", "properties": {"id": {"type": "string"}}}, [("type", "/id")]),
        ({"type": "array"}, [("type", "")]),
        ({"type": "object", "properties": {"id": {"type": "number"}}}, []),
        ({"type": "object", "properties": {"id": {"type": ["string", "null"]}}}, [("type", "/id")]),
        ({"type": "object", "properties": {"id": {"maximum": 3}, "name": {"type": "string"}}}, []),
        ({"type": "object", "properties": {"name": {}}, "additionalProperties": False}, [("additionalProperties", "/id")]),
        ({"type": "object", "properties": {"name": {}}, "patternProperties": {"i": {}}, "additionalProperties": False}, []),
        ({"allOf": [{"type": "object"}, {"properties": {"id": {"$ref": "#/$defs/text"}}}], "$defs": {"text": {"type": "string"}}}, [("type", "/id")]),
        ({"anyOf": [{"type": "object", "properties": {"id": {"type": "string"}}}, {"type": "null"}]}, [("type", "/id")]),
        ({"anyOf": [{"type": "object", "properties": {"id": {"type": "string"}}}, ID]}, []),
        ({"$ref": "#"}, []),
        ({"$ref": "#/nowhere"}, []),
        (True, []),
        (False, []),  # which nothing keeps anyway
    ],
)  # fmt: skip
def test_a_place_is_told_where_whatever_stands_there_breaks_one_of_two_schemas(
    other: Any, wanted: list[tuple[str, str]]
) -> None:
    assert told(ID, other) == wanted


def test_texts_numbers_and_items_are_compared_too() -> None:
    def of(part: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "properties": {"x": part}}

    texts = {"type": "string", "enum": ["a", "b"]}
    assert told(of(texts), of({"const": "c"})) == [("enum", "/x")]
    assert told(of(texts), of({"enum": ["b", 3]})) == []
    assert told(of({"type": "integer", "minimum": 5}), of({"type": "number", "maximum": 4})) == [
        ("minimum", "/x")
    ]
    lists = [{"type": "array", "items": {"type": kind}} for kind in ("string", "integer")]
    assert told(of(lists[0]), of(lists[1])) == [("type", "/x/*")]
    circle = {
        "$ref": "#/$defs/n",
        "$defs": {
            "n": {
                "type": "object",
                "properties": {"n": {"$ref": "#/$defs/n"}, "v": {"type": "string"}},
            }
        },
    }
    other = json.loads(json.dumps(circle).replace('"string"', '"boolean"'))
    assert ("type", "/n/v") in told(circle, other)


@pytest.mark.long
def test_schemas_that_unfold_without_end_cost_little() -> None:
    wide = {f"n{at}": {"anyOf": [{"$ref": f"#/$defs/n{at + 1}"}] * 50} for at in range(20)} | {
        "n20": {"type": "string"}
    }
    fields = {f"f{at}": {"$ref": "#/$defs/n0"} for at in range(200)}
    hostile = {"type": "object", "properties": fields, "$defs": wide}
    effort = Effort()
    told(hostile, {"type": "object", "properties": {name: {"type": "integer"} for name in fields}})
    assert effort.seconds() < 5


KINDS = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
SCHEMAS: Any = st.recursive(
    st.one_of(
        st.builds(lambda kind: {"type": kind}, st.one_of(KINDS, st.lists(KINDS, min_size=1, max_size=3, unique=True))),
        st.builds(lambda held: {"enum": held}, st.lists(st.sampled_from(["a", "b", "c", 1, 2, None]), min_size=1, max_size=3, unique=True)),
        st.builds(lambda low, high: {"minimum": low, "maximum": high}, st.integers(0, 3), st.integers(0, 3)),
        st.just({}),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda held, required, closed: {"type": "object", "properties": held, "required": required, **({"additionalProperties": False} if closed else {})},
            st.dictionaries(st.sampled_from("xyz"), inner, max_size=3), st.lists(st.sampled_from("xyz"), unique=True, max_size=2), st.booleans(),
        ),
        st.builds(lambda held: {"type": "array", "items": held}, inner),
        st.builds(lambda word, held: {word: held}, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)  # fmt: skip
ATOMS: list[Any] = ["a", "b", 1, 2.5, None, ["a"], [1], {"x": "a"}, {"x": 1}]
VALUES = [
    *ATOMS,
    *(
        {name: value for name, value in zip("xyz", held, strict=True) if value != "absent"}
        for held in product(["absent", *ATOMS], repeat=3)
    ),
]


def at(value: Any, parts: list[str]) -> list[Any]:
    if not parts:
        return [value]
    if parts[0] == "*" and isinstance(value, list):
        return [inner for item in value for inner in at(item, parts[1:])]
    return at(value[parts[0]], parts[1:]) if isinstance(value, dict) and parts[0] in value else []


@given(SCHEMAS, SCHEMAS)
def test_no_value_that_keeps_both_schemas_has_anything_where_they_are_said_to_contradict(
    one: Any, other: Any
) -> None:
    contradictions = conflicts(of_json_schema(one, one, ""), of_json_schema(other, other, ""))
    keeps, keeps_too = jsonschema_rs.validator_for(one), jsonschema_rs.validator_for(other)
    for value in VALUES if contradictions else ():
        if keeps.is_valid(value) and keeps_too.is_valid(value):
            for each in contradictions:
                parts = each.pointer.split("/")[1:]
                if each.rule == "additionalProperties":
                    assert not [got for got in at(value, parts[:-1]) if isinstance(got, dict)]
                else:
                    assert not [got for got in at(value, parts) if got is not None]


def published(
    api: Asked, name: str, document: Any, provider: str = "shop"
) -> list[dict[str, Any]]:
    text = document if isinstance(document, str) else json.dumps(document)
    answer = api.post(
        "/v1/contracts", {"document": text, "provider": provider, "name": name}, LOCAL_TOKEN
    )
    assert answer.status_code == 201, answer.text
    contradictions: list[dict[str, Any]] = answer.json()["contradictions"]
    return contradictions


def test_schemas_of_one_operation_in_openapi_and_json_schema_are_held_against_each_other(
    api: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Pay"}}}
    document = {
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
        "paths": {"/pay/{id}": {"post": {"requestBody": {"content": content}, "responses": {"201": {"description": "x", "content": content}}}}},
        "components": {"schemas": {"Pay": {"type": "object", "required": ["id", "way"], "properties": {"id": {"type": "string"}, "way": {"enum": ["card"]}}}}},
    }  # fmt: skip
    bound = {"$schema": "https://json-schema.org/draft/2020-12/schema", **ID}
    assert published(api, "whole", document) == []
    for side, status in (("request", {}), ("response", {"status": "2XX"})):
        schema = bound | {
            "x-seamwatch": {"operation": "POST /pay/{number}", "side": side, **status}
        }
        (conflict,) = published(api, side, schema)
        assert (conflict["pact"], conflict["example"], conflict["contract"], conflict["side"]) == (
            side,
            "",
            "whole",
            side,
        )
        assert (conflict["example_clause"], conflict["clause"]) == (
            "/properties/id",
            "/components/schemas/Pay/properties/id",
        )
        assert (
            conflict["rule"],
            conflict["pointer"],
            conflict["actual"],
            conflict["expected"],
        ) == ("type", "/id", "integer", "string")
        assert "its schema" in api.get(f"/contracts/{side}").text
        tell_contradictions([conflict])
        assert "/properties/id (integer) breaks type at /id of whole" in capsys.readouterr().out
    elsewhere = bound | {"x-seamwatch": {"operation": "POST /pay", "side": "request"}}
    assert published(api, "elsewhere", elsewhere) == []
    assert (
        published(
            api,
            "request",
            bound | {"x-seamwatch": {"operation": "GET /pay/{id}", "side": "request"}},
        )
        == []
    )


@pytest.mark.parametrize(
    ("payload", "avro", "proto"),
    [
        ({"type": "object", "properties": {"id": {"type": "integer"}, "note": {"type": ["string", "null"]}, "raw": {"type": "string"}}}, [], []),
        ({"type": "object", "properties": {"id": {"type": "boolean"}}}, ["/id"], ["/id"]),
        ({"type": "object", "properties": {"lines": {"type": "array", "items": {"properties": {"qty": {"type": "string"}}, "type": "object"}}}},
         ["/lines/*/qty"], ["/lines/*/qty"]),
        ({"type": "object", "required": ["more"]}, ["/more"], ["/more"]),
        ({"type": "object", "properties": {"id": {}}, "additionalProperties": False}, ["/lines", "/note", "/raw"], []),
    ],
)  # fmt: skip
def test_schemas_of_one_topic_in_asyncapi_avro_and_protobuf_are_held_against_each_other(
    payload: dict[str, Any], avro: list[str], proto: list[str]
) -> None:
    contract = read_contract("asyncapi", json.dumps(channels(payload)), where="x")
    bound = json.dumps(AVRO | {"x-seamwatch": {"topic": "orders"}})
    for text, kind, wanted in ((bound, "avro", avro), (PROTO, "protobuf", proto)):
        contradictions = schema_contradictions(
            "channels", contract, kind, read_contract(kind, text, where="x")
        )
        assert [each.pointer for each in contradictions] == wanted
    binary = schema_contradictions(
        "a",
        read_contract("avro", bound, where="x"),
        "p",
        read_contract("protobuf", PROTO, where="x"),
    )
    assert binary == []
