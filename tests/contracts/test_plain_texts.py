"""Bodies of text against the schema of a scalar: the text is the value."""

import json
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.read import examine
from monitor.model.exchanges import Body, Checked
from tests.contracts.promises import exchange
from tests.contracts.test_around_bodies import contract

TEXT = "text/plain"


def answered(
    body: Body, schema: Any, media: str = TEXT, described: str = TEXT, **changes: Any
) -> Checked:
    operation = {
        "responses": {"200": {"description": "good", "content": {described: {"schema": schema}}}}
    }
    headers = {"content-type": media} | changes.pop("headers", {})
    return check(
        exchange(
            path="/things", response_headers=headers, response_body=body, status=200, **changes
        ),
        contract(
            {"/things": {"get": operation}},
            components={"schemas": {"Short": {"type": "string", "maxLength": 3}}},
        ),
    )


STATE = {"type": "string", "enum": ["UP", "DOWN"]}
COUNT = {"type": ["integer", "null"], "maximum": 9}


@pytest.mark.parametrize(
    ("schema", "body", "verdict"),
    [
        (STATE, "UP", "valid"),
        (STATE, b"UP\r\n", "valid"),
        (STATE, "UP ", "enum"),
        (STATE, "sideways", "enum"),
        (COUNT, "7", "valid"),
        (COUNT, "null", "valid"),
        (COUNT, "12", "maximum"),
        (COUNT, "many", "type"),
        ({"type": "boolean"}, "true", "valid"),
        ({"type": "boolean"}, "yes", "type"),
        ({"$ref": "#/components/schemas/Short"}, "ähm", "valid"),
        ({"$ref": "#/components/schemas/Short"}, "much", "maxLength"),
    ],
)
def test_a_text_is_the_value_of_a_scalars_schema(schema: Any, body: Body, verdict: str) -> None:
    checked = answered(body, schema)
    assert checked.outcome == ("valid" if verdict == "valid" else "violated")
    assert [violation.rule for violation in checked.violations] == [verdict] * (verdict != "valid")
    assert "sideways" not in str(checked)


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("sideways...", {}, "truncated"),
        ("side", {"headers": {"content-length": "8"}}, "truncated"),
        ("[redacted]", {}, "no_body"),
        ("***", {}, "no_body"),
        (b"\xff\xfe\xfa", {}, "undecidable"),
        (b"s\xeete", {"media": "text/plain; charset=latin-1000"}, "undecidable"),
        ("sideways", {"redacted": True}, "media_type"),
        ("sideways", {"response_truncated": True}, "truncated"),
        ("<a/>", {"media": "text/xml", "described": "text/*"}, "media_type"),
        ("data: 1", {"media": "text/event-stream", "described": "text/*"}, "media_type"),
    ],
)
def test_what_may_be_no_whole_text_is_held_against_nobody(
    body: Body, changes: dict[str, Any], reason: str
) -> None:
    checked = answered(body, STATE, **changes)
    assert (checked.outcome, [left.code for left in checked.unchecked]) == (
        "not_checked",
        [reason],
    )


def test_a_text_of_another_charset_is_read_by_it_and_a_range_holds_texts_too() -> None:
    schema = {"type": "string", "enum": ["süß"]}
    latin = "süß".encode("latin-1")
    assert answered(latin, schema, "text/plain; charset=ISO-8859-1").outcome == "valid"
    assert answered("süß", schema, "text/csv", "text/*").outcome == "valid"
    assert answered("sauer", schema, "text/html", "text/*").outcome == "violated"


def test_a_text_that_stands_for_an_object_is_named_as_not_judged_and_one_of_a_scalar_is_not() -> (
    None
):
    content = {
        TEXT: {"schema": STATE},
        "text/csv": {"schema": {"type": "object"}},
        "text/html": {"schema": {}},
    }
    operation = {"responses": {"200": {"description": "good", "content": content}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/things": {"get": operation}},
    }
    remarks = examine("openapi", json.dumps(document), where="things").remarks
    assert [remark.said for remark in remarks if remark.kind == "unjudged"] == [
        "bodies of text/csv are not judged (answer 200)",
        "bodies of text/html are not judged (answer 200)",
    ]
    checked = answered("a,b", {"type": "object"}, "text/csv", "text/csv")
    assert [left.code for left in checked.unchecked] == ["media_type"]
