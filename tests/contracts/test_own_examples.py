"""A document's own examples are held against its own schemas, and a misfit is told with the
reading that would keep it.
"""

import json
from typing import Any

import pytest

from monitor.contracts.read import Examined, examine
from tests.fixtures.effort import Effort

ITEM = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "state": {"enum": ["open", "done"]}},
}


def examined(
    example: Any, schema: dict[str, Any] | None = None, version: str = "3.0.3", **media: Any
) -> Examined:
    """One operation whose answer shows one example."""
    content = {"application/json": {"schema": schema or ITEM} | (media or {"example": example})}
    answers = {"200": {"description": "x", "content": content}}
    paths = {"/a": {"get": {"responses": answers}}}
    return examine(
        "openapi",
        json.dumps({"openapi": version, "info": {"title": "x", "version": "1"}, "paths": paths}),
        where="x",
    )


def misfits(report: Examined) -> list[str]:
    return [remark.said for remark in report.remarks if remark.kind == "example"]


def test_an_example_that_fits_is_counted_and_nothing_is_said() -> None:
    report = examined({"id": 1, "state": "open"})
    assert (report.examples, misfits(report)) == (1, [])
    assert report.told()["examples"] == 1


@pytest.mark.parametrize(
    ("example", "schema", "said"),
    [
        (
            {"id": None},
            None,
            "/id is null, the schema says integer; it would if /id might be null (`nullable`)",
        ),
        (
            {"id": "7"},
            None,
            "/id is string, the schema says integer; it would if the type of /id were string",
        ),
        ({}, None, "/id is missing; it would if /id were optional"),
        ({"id": 1, "state": "gone"}, None, "it would if `enum` of /state knew this value"),
        (
            {"b": 1},
            {"properties": {"a": {}}, "additionalProperties": False},
            "`additionalProperties` allowed other fields at the root",
        ),
        (
            "x",
            {"type": "string", "format": "date-time"},
            "it would if the value had no format date-time",
        ),
        ("xyz", {"type": "string", "maxLength": 2}, "it would if the value had no `maxLength`"),
        ([{"id": "7"}], {"type": "array", "items": ITEM}, "the type of /*/id were string"),
    ],
)
def test_a_misfit_names_the_better_reading(
    example: Any, schema: dict[str, Any] | None, said: str
) -> None:
    (told,) = misfits(examined(example, schema))
    assert said in told


def test_where_no_single_change_would_do_none_is_named() -> None:
    (told,) = misfits(examined({"a": 1}, {"not": {"required": ["a"]}}))
    assert "it would" not in told


def test_an_example_given_as_text_of_the_body_is_read() -> None:
    assert misfits(examined('{"id": 7}')) == []
    assert len(misfits(examined('{"id": "7"}'))) == 1


def test_a_wrong_example_does_not_keep_a_contract_out_and_leads_to_its_line() -> None:
    text = json.dumps(
        {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {"/a": {"get": {"responses": {"200": {"description": "x", "content": {
            "application/json": {"schema": ITEM, "examples": {"one": {"value": {"id": "x"}}, "two": {"$ref": "#/components/examples/two"}}}
        }}}}}}, "components": {"examples": {"two": {"value": []}}}},
        indent=1,
    )  # fmt: skip
    remarks = [
        remark
        for remark in examine("openapi", text, where="x").remarks
        if remark.kind == "example"
    ]
    assert [remark.pointer.rpartition("/examples/")[2] for remark in remarks] == [
        "one/value",
        "two/value",
    ]
    assert all(remark.line > 1 and not remark.grave for remark in remarks)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0", "3.2.0"])
def test_examples_of_parameters_and_of_schemas_count_too(version: str) -> None:
    text = json.dumps(
        {"openapi": version, "info": {"title": "x", "version": "1"}, "paths": {"/a": {"get": {
            "parameters": [
                {"name": "n", "in": "query", "schema": {"type": "integer"}, "example": "7"},
                {"name": "m", "in": "query", "schema": {"type": "integer"}, "example": "seven"},
                {"name": "l", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}, "example": "1,2"},
            ],
            "responses": {"200": {"description": "x", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}},
        }}}, "components": {"schemas": {
            "A": {"type": "object", "properties": {"b": {"type": "integer", "example": "x"}, "example": {"type": "string"}}},
            "Unused": {"type": "string", "pattern": "(", "example": "x"},
        }}}
    )  # fmt: skip
    pointers = [
        remark.pointer
        for remark in examine("openapi", text, where="x").remarks
        if remark.kind == "example"
    ]
    assert "/paths/~1a/get/parameters/1/example" in pointers
    assert "/components/schemas/A/properties/b/example" in pointers
    assert len(pointers) == 2


def test_a_json_schema_shows_examples_too() -> None:
    document = {
        "x-seamwatch": {"operation": "GET /a", "side": "response"},
        "type": "integer",
        "examples": [1, "x"],
    }
    report = examine("jsonschema", json.dumps(document), where="x")
    assert (
        report.examples,
        [remark.pointer for remark in report.remarks if remark.kind == "example"],
    ) == (2, ["/examples/1"])


def test_many_misfits_are_told_as_a_few_and_a_number() -> None:
    examples = {f"e{at}": {"value": {}} for at in range(80)}
    report = examined({}, None, examples=examples)
    remarks = [remark for remark in report.remarks if remark.kind == "example"]
    assert len(remarks) == 51
    assert any("more examples do not fit" in remark.said for remark in remarks)


def test_examples_made_to_take_long_are_judged_in_no_time() -> None:
    evil = {"type": "array", "items": {"type": "string", "pattern": "^(?=(a+)+$)(a+)+b$"}}
    examples = {f"e{at}": {"value": ["a" * 40] * 50} for at in range(2_000)}
    effort = Effort()
    examined(["b"], evil, "3.1.0", examples=examples)
    assert effort.seconds() < 5


def of_pact(**parts: Any) -> str:
    return json.dumps({"consumer": {"name": "web"}, "provider": {"name": "till"}, **parts})


def rules(**matching: Any) -> dict[str, Any]:
    return {
        place: {"matchers": [{"match": "regex", "regex": it} if it else {"match": "integer"}]}
        for place, it in matching.items()
    }


def test_a_pacts_example_that_breaks_its_own_matching_rules_is_told() -> None:
    asks = {"method": "GET", "path": "/a/x", "matchingRules": {"path": rules(at=r"/a/\d+")["at"]}}
    body = {"content-type": "application/json"}
    rule = {"body": {"$.id": rules(at="")["at"]}}
    answers = {"status": 200, "headers": body, "body": {"id": "x"}, "matchingRules": rule}
    right = {"status": 200, "headers": body, "body": {"id": 7}, "matchingRules": rule}
    made = {**answers, "generators": {"body": {"$.id": {"type": "RandomInt"}}}}
    calls = [
        {"description": "odd", "request": asks, "response": answers},
        {"description": "right", "request": asks | {"path": "/a/7"}, "response": right},
        {"description": "made", "request": asks | {"path": "/a/7"}, "response": made},
    ]
    sent = {"description": "m", "contents": {"id": "x"}, "matchingRules": rule}
    for document, told in (
        (
            of_pact(interactions=calls, metadata={"pactSpecification": {"version": "3.0.0"}}),
            [
                ("/interactions/0/request", "/path breaks `regex`"),
                ("/interactions/0/response", "/id breaks `integer`"),
            ],
        ),
        (
            of_pact(
                messages=[sent, {**sent, "description": "n", "generators": {}}],
                metadata={"pactSpecification": {"version": "3.0.0"}},
            ),
            [("/messages/0/contents", "/id breaks `integer`")],
        ),
    ):
        examined = examine("pact", document, where="pact")
        remarks = [it for it in examined.remarks if it.kind == "example"]
        assert [it.pointer for it in remarks] == [pointer for pointer, _ in told]
        for remark, (_, words) in zip(remarks, told, strict=True):
            assert words in remark.said
            assert not remark.grave


@pytest.mark.parametrize(
    ("media", "schema", "example", "fits"),
    [
        ("text/plain", {"type": "integer"}, "7", True),
        ("text/plain", {"type": "integer"}, "seven", False),
        ("text/csv; charset=utf-8", {"type": "string", "pattern": "^a,"}, "a,b", True),
        ("text/plain", {"type": "string", "maxLength": 2}, "abc", False),
    ],
)
def test_examples_of_bodies_that_are_text_are_held_too(
    media: str, schema: dict[str, Any], example: str, fits: bool
) -> None:
    content = {media: {"schema": schema, "example": example}}
    answers = {"200": {"description": "x", "content": content}}
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}}
    paths = {"/a": {"get": {"responses": answers}}}
    report = examine("openapi", json.dumps(document | {"paths": paths}), where="x")
    assert (report.examples, bool(misfits(report))) == (1, not fits)
