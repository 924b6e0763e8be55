"""What a newer revision means for those who keep to the older one."""

from typing import Any

import pytest

from monitor.contracts.amendment import Weighed, bearing_of, weighed
from tests.contracts.examples import interaction, pact
from tests.contracts.promises import PAYMENTS
from tests.contracts.test_changes import one_schema, read

NAMED = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
NOTED = {**NAMED, "properties": {"id": {"type": "string"}, "note": {"type": "string"}}}


def between(old: Any, new: Any, kind: str = "openapi") -> list[Weighed]:
    return weighed(read(old, kind), read(new, kind))


def bearings(old: Any, new: Any, side: str) -> list[tuple[str, str, str]]:
    rows = between(one_schema(old, side), one_schema(new, side))
    return [(row.bearing, row.change.rule, row.why) for row in rows]


def test_the_same_revision_breaks_nobody() -> None:
    assert between(PAYMENTS, PAYMENTS) == []
    assert bearing_of([]) == "compatible"


@pytest.mark.parametrize(
    ("url", "bearing", "told"),
    [
        ("https://pay.example/api/", "compatible", []),
        ("https://pay2.example/api", "undecided", ["went", "came"]),
        ("https://pay.example/v2", "breaking", ["went", "came"]),
    ],
)
def test_a_server_that_is_not_told_any_more_is_a_change(
    url: str, bearing: str, told: list[str]
) -> None:
    rows = between(PAYMENTS, PAYMENTS.replace("https://pay.example/api", url))
    assert [row.change.what for row in rows if row.change.rule == "server"] == told
    assert bearing_of(rows) == bearing


def test_servers_of_single_operations_and_paths_are_compared() -> None:
    own = PAYMENTS.replace(
        "  /payments/newest:\n", "  /payments/newest:\n    servers: [{url: /api}]\n"
    )
    assert own != PAYMENTS
    moved = between(own, own.replace("[{url: /api}]", "[{url: /v2}]"))
    assert [
        (row.change.operation, row.change.place, row.change.what, row.bearing) for row in moved
    ] == [
        ("GET /payments/newest", "/api", "went", "breaking"),
        ("GET /payments/newest", "/v2", "came", "compatible"),
    ]
    # an operation without any has the document's
    (went, came) = between(PAYMENTS, own)
    assert (went.change.place, went.bearing) == ("https://pay.example/api", "undecided")
    assert (came.change.place, came.bearing) == ("/api", "compatible")
    assert between(own, own) == []


def test_what_is_cut_off_is_never_compatible() -> None:
    def fields(least: int, last: int) -> Any:
        held = {f"f{at}": {"type": "string", "minLength": least} for at in range(250)}
        held["last"] = {"type": "string", "minLength": last}
        return one_schema({"type": "object", "properties": held}, "request")

    # of more than 200 clauses of one schema the last is not told by itself
    assert bearing_of(between(fields(2, 2), fields(1, 3))) != "compatible"
    row = between(fields(2, 2), fields(1, 1))[-1]
    assert bearing_of([row]) == "compatible"
    assert bearing_of([row] * 1_000) == "undecided"


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        (["string", "null"], ["number", "null"], "clause"),
        ("string", "array", "clause"),
        (["integer", "null"], ["number", "string"], "whole_schema"),
    ],
)
def test_a_field_of_another_type_breaks_though_null_is_of_both(
    was: Any, now: Any, why: str
) -> None:
    """Schemas that cannot be compared as wholes leave only what is of both types open."""
    before, after = (
        one_schema({"type": "object", "properties": {"it": {"type": kind}}}) for kind in (was, now)
    )
    (row,) = between(before, after)
    assert (row.bearing, row.why) == ("breaking", why)


def test_an_optional_header_that_came_breaks_nobody() -> None:
    def limits(required: str) -> str:
        header = f"{{X-Limit: {{required: {required}, schema: {{type: integer}}}}}}"
        return f"""
openapi: 3.1.0
info: {{title: Limits, version: "1"}}
paths: {{/a: {{get: {{responses: {{"200": {{description: x, headers: {header}}}}}}}}}}}
"""

    none = limits("false").replace("headers:", "x-headers:")
    (row,) = between(none, limits("false"))
    assert (row.change.rule, row.bearing) == ("parameter", "compatible")
    assert bearing_of(between(none, limits("true"))) == "compatible"
    (row,) = between(limits("true"), none)
    assert row.bearing == "breaking"
    (row,) = between(limits("false"), none)  # as a field that was never promised
    assert (row.bearing, row.why) == ("undecided", "never_promised")


def test_that_a_document_tells_some_operations_only_is_a_change() -> None:
    some = PAYMENTS.replace("openapi: 3", "x-seamwatch-operations: partial\nopenapi: 3", 1)
    assert some != PAYMENTS
    for old, new, way in ((PAYMENTS, some, "looser"), (some, PAYMENTS, "tighter")):
        (row,) = between(old, new)
        assert (row.change.rule, row.change.direction) == ("operations", way)
        assert row.bearing == "compatible"


def test_a_server_that_came_breaks_nobody() -> None:
    more = PAYMENTS.replace("servers: [", "servers: [{url: /v2}, ")
    assert bearing_of(between(PAYMENTS, more)) == "compatible"
    assert bearing_of(between(more, PAYMENTS)) == "undecided"


HOOKS = """
openapi: 3.1.0
info: {title: Hooks, version: "1"}
paths: {}
webhooks:
  paid:
    post:
      description: told when somebody paid
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Paid"}}}}
      responses: {"200": {description: heard}}
components: {schemas: {Paid: {type: object, properties: {id: {type: string}, description: {type: string}}}}}
"""


@pytest.mark.parametrize(
    ("old", "new", "bearing"),
    [
        ("somebody paid", "anybody paid", "compatible"),
        ("  paid:", "  settled:", "breaking"),
        ("id: {type: string}", "id: {type: integer}", "undecided"),
        ("description: {type: string}", "description: {type: integer}", "undecided"),
        ("webhooks:", "webhooks:\n  more: {post: {responses: {}}}", "compatible"),
    ],
)
def test_a_webhook_that_changed_is_never_told_as_nothing(old: str, new: str, bearing: str) -> None:
    assert bearing_of(between(HOOKS, HOOKS.replace(old, new))) == bearing


def test_what_is_written_as_parts_now_is_the_same() -> None:
    parts = {"allOf": [{"$ref": "#/components/schemas/Named"}, {"type": "object", "properties": {"note": {"type": "string"}}}]}  # fmt: skip
    for side in ("request", "response"):
        rows = between(one_schema(NOTED, side), one_schema(parts, side, Named=NAMED))
        assert rows
        assert {row.bearing for row in rows} == {"compatible"}, side


@pytest.mark.parametrize(
    ("old", "new", "request_bearing", "response_bearing"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}, "compatible", "breaking"),
        ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 5}, "breaking", "compatible"),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, "breaking", "breaking"),
        ({"type": "string", "pattern": "^a*$"}, {"type": "string", "pattern": "^[ab]*$"}, "undecided", "undecided"),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, "breaking", "breaking"),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}, "compatible", "compatible"),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, {"enum": [1, 2, 3]}, "compatible", "breaking"),
    ],
)  # fmt: skip
def test_a_change_breaks_the_side_that_keeps_to_less(
    old: Any, new: Any, request_bearing: str, response_bearing: str
) -> None:
    for side, expected in (("request", request_bearing), ("response", response_bearing)):
        rows = between(one_schema(old, side), one_schema(new, side))
        assert bearing_of(rows) == expected, (side, rows)


def test_what_is_refused_now_and_what_was_never_given_before_are_shown_once() -> None:
    tighter = between(
        one_schema({"type": "integer", "maximum": 9}, "request"),
        one_schema({"type": "integer", "maximum": 5, "multipleOf": 1}, "request"),
    )
    assert next(row.counterexample for row in tighter if row.bearing == "breaking") == (
        '{"maximum": 9, "minimum": 6, "type": "integer"}'
    )
    assert sum(bool(row.counterexample) for row in tighter) == 1
    (looser,) = between(one_schema({"enum": ["a"]}), one_schema({"enum": ["a", "b"]}))
    assert looser.counterexample == '{"const": "b"}'


def test_a_word_that_comes_to_an_answer_breaks_only_who_takes_no_word_it_does_not_know() -> None:
    """Where no more than that broke, maintainers of public APIs seldom call a release breaking."""
    few, more, others = ({"enum": words.split()} for words in ("a b", "a b c", "b c"))
    assert bearings(few, more, "response") == [("undecided", "enum", "another_word")]
    assert bearings(few, others, "response") == [("breaking", "enum", "whole_schema")]
    assert bearings(few, {"type": "string"}, "response")[0][0] == "breaking"
    assert bearings(few, more, "request")[0][0] == "compatible"
    assert bearings(more, few, "request")[0][0] == "breaking"


def test_a_field_that_was_never_promised_is_for_live_traffic_to_say() -> None:
    assert bearings(NOTED, NAMED, "response") == [("undecided", "property", "never_promised")]
    assert bearings(NOTED, NAMED, "request") == [("undecided", "property", "sent_in_vain")]
    promised = {**NOTED, "required": ["id", "note"]}
    assert {row[0] for row in bearings(promised, NAMED, "response")} == {"breaking"}


def test_a_field_that_comes_to_an_answer_breaks_only_who_refuses_what_is_unknown() -> None:
    """Vendors whose schemas are closed add fields to answers all the time, and call it harmless."""
    closed = {"additionalProperties": False}
    assert bearings({**NAMED, **closed}, {**NOTED, **closed}, "response") == [
        ("undecided", "property", "closed_before")
    ]
    assert bearings(NAMED, NOTED, "response")[0][0] == "compatible"
    assert bearings({**NAMED, **closed}, {**NOTED, **closed}, "request")[0][0] == "compatible"


def test_defaults_deprecation_and_credentials() -> None:
    assert bearings({"type": "integer", "default": 1}, {"type": "integer", "default": 2}, "request") == [
        ("undecided", "default", "default_changed")
    ]  # fmt: skip
    operation: dict[str, Any] = {"responses": {"200": {"description": "x"}}}

    def secured(*alternatives: dict[str, list[str]], **more: Any) -> dict[str, Any]:
        schemes = {
            "key": {"type": "apiKey", "in": "header", "name": "x-key"},
            "sid": {"type": "apiKey", "in": "cookie", "name": "sid"},
        }
        return {
            "openapi": "3.1.0",
            "paths": {"/a": {"get": {**operation, **more, "security": [*alternatives]}}},
            "components": {"securitySchemes": schemes},
        }

    key, both = {"key": []}, {"key": [], "sid": []}
    for old, new, expected in (
        (secured(), secured(key), "breaking"),
        (secured(key), secured(), "compatible"),
        (secured(key), secured(key, {"sid": []}), "compatible"),
        (secured(key), secured(both), "breaking"),
        (secured(both), secured(key), "compatible"),
        (secured(key), secured({}, key), "compatible"),
        (secured(), secured(deprecated=True), "compatible"),
    ):
        rows = between(old, new)
        assert len(rows) == 1
        assert bearing_of(rows) == expected, (old, new)


def test_a_pact_that_asks_for_more_is_for_the_provider_to_show() -> None:
    rows = between(pact(interaction("a")), pact(interaction("a"), interaction("b")), "pact")
    assert [(row.bearing, row.why) for row in rows] == [("undecided", "provider_must_show")]


def of_media(side: str, *media: str) -> dict[str, Any]:
    content = {"content": {name: {"schema": NAMED} for name in media}}
    answers = {"200": {"description": "x"}}
    operation = (
        {"requestBody": content, "responses": answers}
        if side == "request"
        else {"responses": {"200": answers["200"] | content}}
    )
    return {"openapi": "3.1.0", "paths": {"/a": {"post": operation}}}


@pytest.mark.parametrize(
    ("old", "new", "in_request", "in_answer"),
    [
        (["application/json"], ["application/json", "text/csv"], "compatible", "compatible"),
        (["application/json", "text/csv"], ["application/json"], "breaking", "breaking"),
        (["application/json"], ["application/hal+json"], "breaking", "breaking"),
        (["application/json"], ["*/*"], "breaking", "compatible"),
        (["*/*"], ["application/json"], "breaking", "compatible"),
        (["application/json"], ["application/json; charset=utf-8"], "compatible", "compatible"),
    ],
)
def test_consumers_ask_for_the_type_that_they_read(
    old: list[str], new: list[str], in_request: str, in_answer: str
) -> None:
    """One more was told as breaking, and one that went as compatible."""
    for side, bearing in (("request", in_request), ("response", in_answer)):
        rows = between(of_media(side, *old), of_media(side, *new))
        assert bearing_of(rows) == bearing, (side, rows)


def test_a_range_of_media_types_is_compared_with_what_it_holds() -> None:
    wide, narrow = of_media("response", "*/*"), of_media("response", "application/json")
    lost = {**NAMED, "required": []}
    narrow["paths"]["/a"]["post"]["responses"]["200"]["content"]["application/json"]["schema"] = (
        lost
    )
    assert bearing_of(between(wide, narrow)) == "breaking"


def test_a_body_that_is_asked_for_no_more_is_sent_in_vain() -> None:
    """It was told as compatible."""
    (row,) = between(of_media("request", "application/json"), of_media("response"))
    assert (row.bearing, row.change.rule, row.why) == ("undecided", "body", "sent_in_vain")


@pytest.mark.parametrize(
    ("old", "new", "bearing"),
    [
        (["read"], ["read", "write"], "breaking"),
        (["read", "write"], ["read"], "compatible"),
        (["read"], ["read"], "compatible"),
        ([], ["read"], "breaking"),
    ],
)
def test_a_scope_more_is_a_credential_more(old: list[str], new: list[str], bearing: str) -> None:
    def secured(scopes: list[str]) -> dict[str, Any]:
        operation = {"responses": {"200": {"description": "x"}}, "security": [{"shop": scopes}]}
        schemes = {"shop": {"type": "oauth2", "flows": {}}}
        return {
            "openapi": "3.1.0", "paths": {"/a": {"get": operation}}, "components": {"securitySchemes": schemes}
        }  # fmt: skip

    rows = between(secured(old), secured(new))
    assert bearing_of(rows) == bearing
    assert [row.change.now for row in rows] == (
        [] if old == new else [f"header authorization ({' '.join(sorted(new))})"]
    )


def marked(*required: str, **marks: Any) -> dict[str, Any]:
    fields = {"id": {"type": "string"}, "note": {"type": "string", **marks}}
    return {"type": "object", "required": ["id", *required], "properties": fields}


@pytest.mark.parametrize(
    ("old", "new", "in_request", "in_answer"),
    [
        (NAMED, marked("note", readOnly=True), "compatible", "compatible"),
        (NAMED, marked("note", writeOnly=True), "breaking", "compatible"),
        (marked("note"), marked("note", readOnly=True), "compatible", "compatible"),
        (marked("note", readOnly=True), marked("note"), "breaking", "compatible"),
        (marked("note"), marked("note", writeOnly=True), "compatible", "breaking"),
        (marked(), marked(writeOnly=True), "compatible", "undecided"),
        (marked("note", writeOnly=True), marked("note"), "compatible", "compatible"),
        (marked("note", readOnly=False), marked("note"), "compatible", "compatible"),
    ],
)
def test_what_travels_one_way_is_asked_for_on_that_way_alone(
    old: dict[str, Any], new: dict[str, Any], in_request: str, in_answer: str
) -> None:
    for side, bearing in (("request", in_request), ("response", in_answer)):
        rows = between(one_schema(old, side), one_schema(new, side))
        assert bearing_of(rows) == bearing, (side, rows)


def test_a_parameter_that_becomes_a_list_is_left_open_and_one_of_another_type_is_not() -> None:
    def asking(schema: dict[str, Any]) -> dict[str, Any]:
        parameter = {"name": "q", "in": "query", "schema": schema}
        operation = {"parameters": [parameter], "responses": {"200": {"description": "x"}}}
        return {"openapi": "3.1.0", "paths": {"/a": {"get": operation}}}

    text, listed = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    (row,) = between(asking(text), asking(listed))  # an only value is written as before
    assert (row.bearing, row.change.rule) == ("undecided", "type")
    assert bearing_of(between(asking(text), asking({"type": "integer"}))) == "breaking"
    for side in ("request", "response"):
        assert bearing_of(between(one_schema(text, side), one_schema(listed, side))) == "breaking"


@pytest.mark.parametrize("side", ["request", "response"])
def test_values_that_are_encoded_otherwise_break_who_reads_them(side: str) -> None:
    plain, coded, again = (
        {"type": "string"} | more
        for more in ({}, {"contentEncoding": "base64"}, {"contentEncoding": "quoted-printable"})
    )
    assert bearing_of(between(one_schema(coded, side), one_schema(again, side))) == "breaking"
    assert bearing_of(between(one_schema(plain, "request"), one_schema(coded, "request"))) != (
        "breaking"
    )
