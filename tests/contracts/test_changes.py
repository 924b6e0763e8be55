"""What a newer revision says otherwise: which operations and clauses came, went and changed, and
whom that may break.
"""

import json
from typing import Any

import pytest

from monitor.contracts.change import Change, Read
from monitor.contracts.changes import changes
from monitor.contracts.read import read_contract
from monitor.contracts.text import parse
from tests.contracts.examples import interaction, pact
from tests.contracts.promises import PAYMENTS
from tests.fixtures.effort import Effort


def read(document: str | dict[str, Any], kind: str = "openapi") -> Read:
    text = document if isinstance(document, str) else json.dumps(document)
    return Read(parse(text, where="x"), read_contract(kind, text, where="x"))


def told(old: Any, new: Any, kind: str = "openapi") -> list[Change]:
    return changes(read(old, kind), read(new, kind))


def shown(differences: list[Change]) -> set[tuple[str, str, str, str]]:
    return {(change.side, change.place, change.rule, change.breaks) for change in differences}


def one_schema(schema: Any, side: str = "response", **components: Any) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": schema}}}
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "x", **(content if side == "response" else {})}}
    }
    if side == "request":
        operation["requestBody"] = content
    return {
        "openapi": "3.1.0",
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": components},
    }


def test_the_same_says_nothing_and_prose_is_no_clause() -> None:
    assert told(PAYMENTS, PAYMENTS) == []
    assert told(PAYMENTS, PAYMENTS.replace("description: made", "description: created")) == []
    assert (
        told(
            PAYMENTS,
            PAYMENTS.replace("/payments/{id}:", "/payments/{number}:").replace(
                "name: id, in: path", "name: number, in: path"
            ),
        )
        == []
    )


def test_operations_answers_and_parameters_come_and_go() -> None:
    newer = PAYMENTS.replace("  /payments/newest:", "  /payments/latest:").replace(
        '        "204": {description: none}\n', ""
    )
    newer = newer.replace(
        "{name: limit, in: query, required: true", "{name: limit, in: query, required: false"
    )
    newer = newer.replace(
        "{name: x-tenant, in: header, required: true",
        "{name: x-account, in: header, required: true",
    )
    differences = {
        (change.operation, change.status, change.place, change.rule, change.what, change.breaks)
        for change in told(PAYMENTS, newer)
    }
    assert ("GET /payments/latest", "", "", "operation", "came", "provider") in differences
    assert ("GET /payments/newest", "", "", "operation", "went", "consumers") in differences
    assert ("GET /payments/{id}", "204", "", "status", "went", "consumers") in differences
    assert ("GET /payments", "", "query limit", "required", "changed", "provider") in differences
    assert (
        "POST /payments",
        "",
        "header x-account",
        "parameter",
        "came",
        "consumers",
    ) in differences
    assert ("POST /payments", "", "header x-tenant", "parameter", "went", "nobody") in differences
    assert len(differences) == 8


OBJECT = {
    "type": "object",
    "required": ["a"],
    "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}},
}


@pytest.mark.parametrize(
    ("changed", "place", "rule", "in_answer", "in_request"),
    [
        ({"required": ["a", "b"]}, "/b", "required", "provider", "consumers"),
        ({"required": []}, "/a", "required", "consumers", "provider"),
        (
            {"properties": {**OBJECT["properties"], "a": {"type": ["string", "null"]}}},
            "/a",
            "type",
            "consumers",
            "provider",
        ),
        (
            {"properties": {**OBJECT["properties"], "a": {"type": "integer"}}},
            "/a",
            "type",
            "consumers",
            "consumers",
        ),
        (
            {"properties": {**OBJECT["properties"], "b": {"enum": ["x"]}}},
            "/b",
            "enum",
            "provider",
            "consumers",
        ),
        (
            {"properties": {**OBJECT["properties"], "b": {"enum": ["x", "y", "z"]}}},
            "/b",
            "enum",
            "consumers",
            "provider",
        ),
        ({"properties": {**OBJECT["properties"], "c": {}}}, "/c", "property", "nobody", "nobody"),
        ({"properties": {"a": {"type": "string"}}}, "/b", "property", "consumers", "nobody"),
        (
            {"properties": {**OBJECT["properties"], "a": {"type": "string", "maxLength": 5}}},
            "/a",
            "maxLength",
            "provider",
            "consumers",
        ),
        ({"additionalProperties": False}, "/*", "additionalProperties", "provider", "consumers"),
        (
            {"properties": {**OBJECT["properties"], "a": {"type": "string", "format": "uuid"}}},
            "/a",
            "format",
            "provider",
            "consumers",
        ),
        ({"allOf": [{"required": ["z"]}]}, "", "allOf", "provider", "consumers"),
        ({"not": {"required": ["z"]}}, "", "not", "provider", "consumers"),
    ],
)
def test_a_changed_clause_breaks_one_side_in_answers_and_the_other_in_requests(
    changed: dict[str, Any], place: str, rule: str, in_answer: str, in_request: str
) -> None:
    for side, breaks in (("response", in_answer), ("request", in_request)):
        differences = told(one_schema(OBJECT, side), one_schema(OBJECT | changed, side))
        assert (side, place, rule, breaks) in shown(differences), (side, differences)
        assert len(differences) == 1


def test_what_is_referred_to_is_compared_and_circles_end() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/components/schemas/N"}, "v": {"type": "integer"}},
    }
    other = {
        "type": "object",
        "properties": {
            "next": {"$ref": "#/components/schemas/N", "maxProperties": 5},
            "v": {"type": "string"},
        },
    }
    ref = {"$ref": "#/components/schemas/N"}
    assert ("response", "/v", "type", "consumers") in shown(
        told(one_schema(ref, N=node), one_schema(ref, N=other))
    )
    assert told(one_schema(ref, N=node), one_schema(node, N=node)) == []  # the same, written out


def test_a_number_takes_every_integer() -> None:
    differences = told(one_schema({"type": "integer"}), one_schema({"type": "number"}))
    assert [(change.direction, change.breaks) for change in differences] == [
        ("looser", "consumers")
    ]


def test_examples_of_a_pact_come_go_and_change() -> None:
    old = pact(interaction("one"), interaction("two"))
    new = pact(interaction("two", answers={"status": 201}), interaction("three"))
    assert {
        (change.operation, change.what, change.breaks) for change in told(old, new, "pact")
    } == {
        ("one", "went", "nobody"),
        ("two", "changed", "provider"),
        ("three", "came", "provider"),
    }


@pytest.mark.parametrize("depth", [90, 2_000])
def test_long_chains_and_dense_webs_are_compared_in_bounded_time(depth: int) -> None:
    def web(last: str) -> dict[str, Any]:
        names = [f"S{at}" for at in range(depth)]
        held = {
            name: {
                "properties": {
                    "a": {"$ref": f"#/components/schemas/S{at + 1}"},
                    "b": {"$ref": f"#/components/schemas/S{at + 1}"},
                }
            }
            for at, name in enumerate(names)
        }
        return one_schema(
            {"$ref": "#/components/schemas/S0"}, **held, **{f"S{depth}": {"type": last}}
        )

    effort = Effort()
    assert told(web("string"), web("integer"))
    assert effort.seconds() < 10
