"""What a schema seems to say and does not is told with its line, and nothing else is."""

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.read import examine
from monitor.errors import ContractError
from tests.contracts.promises import exchange, registry, revision

BESIDE: dict[str, Any] = {
    "$ref": "#/components/schemas/A", "required": ["x"], "description": "d", "nullable": True, "x-own": 1,
}  # fmt: skip


def document(version: str, schema: dict[str, Any], **operation: Any) -> str:
    content = {"application/json": {"schema": schema}}
    get = {"responses": {"200": {"description": "d", "content": content}}, **operation}
    return json.dumps(
        {
            "openapi": version,
            "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"get": get}},
            "components": {"schemas": {"A": {"type": "object"}}},
        },
        indent=1,
    )


@pytest.mark.parametrize(
    ("version", "schema", "wanted"),
    [
        ("3.0.3", {"properties": {"a": BESIDE}}, [("/properties/a/required", "beside `$ref`")]),
        ("3.1.0", {"properties": {"a": BESIDE}}, [("/properties/a/nullable", "read as in 3.0")]),
        ("3.0.3", {"items": {"format": "datetime"}}, [("/items/format", "mean 'date-time'?")]),
        (
            "3.1.0",
            {"anyOf": [{"nullable": True}, {"nullable": True}]},
            [("/anyOf/0/nullable", "(1 more places say so)")],
        ),
        ("3.1.0", {"allOf": [{"format": "Email"}]}, [("/allOf/0/format", "mean 'email'?")]),
        ("3.0.3", {"format": "my-own", "nullable": True, "enum": ["datetime"]}, []),
        ("3.1.0", {"properties": {"nullable": {"format": "date"}}, "nullable": False}, []),
    ],
)
def test_what_is_read_otherwise_than_written_is_told_with_its_line(
    version: str, schema: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    text = document(version, schema)
    remarks = examine("openapi", text, where="x").remarks
    at = "/paths/~1a/get/responses/200/content/application~1json/schema"
    assert [remark.pointer for remark in remarks] == [at + pointer for pointer, _ in wanted]
    for remark, (pointer, said) in zip(remarks, wanted, strict=True):
        assert said in remark.said
        assert pointer.rsplit("/", 1)[-1] in text.splitlines()[remark.line - 1]


def test_a_json_schema_tells_them_too() -> None:
    schema = {"x-seamwatch": {"topic": "o"}, "format": "e-mail", "nullable": True}
    remarks = examine("jsonschema", json.dumps(schema), where="x").remarks
    assert [(remark.pointer, remark.kind) for remark in remarks] == [
        ("/nullable", "text"),
        ("/format", "unjudged"),
    ]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (str(2**70), []),
        (str(2**70 + 2), ["multipleOf"]),
        ("1" * 400, ["multipleOf"]),
        ('{"a', ["not_json"]),
        ("", ["not_json"]),
    ],
)
def test_a_parameter_that_is_json_keeps_its_integers(text: str, rules: list[str]) -> None:
    content = {"application/json": {"schema": {"multipleOf": 4}}}
    parameter = {"name": "q", "in": "query", "content": content}
    told = document("3.1.0", {}, parameters=[parameter])
    known = registry(revision(document=told))
    asked = replace(exchange(path="/a", response_body=None), query=f"q={text}")
    assert [violation.rule for violation in check(asked, known).violations] == rules


def test_an_imposter_alone_is_one_and_its_faults_are_told_as_one() -> None:
    examined = examine("", '{"protocol": "http", "port": 4545}', where="x")
    assert [remark.said for remark in examined.remarks] == [
        "the contract shows no example: nothing will be judged"
    ]
    with pytest.raises(ContractError, match=r"/stubs is no list \(line 2\)"):
        examine("", '{"protocol": "http",\n"stubs": {}}', where="x")
