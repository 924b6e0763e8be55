"""What stands around bodies: parameters in every style, headers, statuses, encodings, media types,
servers.
"""

import base64
import gzip
import json
import zlib
from typing import Any

import brotli
import pytest
import zstandard

from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from monitor.model.exchanges import Checked
from tests.contracts.promises import exchange, revision

OK: dict[str, Any] = {"200": {"description": "good"}}
COLOURS = {"type": "array", "items": {"enum": ["dark red", "blue", "a|b"]}}
INTEGERS: dict[str, Any] = {"type": "array", "items": {"type": "integer"}}
POINT: dict[str, Any] = {
    "type": "object",
    "required": ["x"],
    "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
    "additionalProperties": False,
}


def contract(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> Registry:
    document = {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": paths, **more}
    made = Registry([revision(json.dumps(document))])
    assert made.broken == {}
    return made


def asked(parameter: dict[str, Any], path: str = "/things", **request: Any) -> Checked:
    """What is said of a request to an operation with one parameter."""
    template = "/things/{id}" if parameter["in"] == "path" else "/things"
    known = contract(
        {template: {"get": {"parameters": [parameter], "responses": OK}}},
        request.pop("version", "3.2.0"),
    )
    return check(exchange(path=path, response_body=None, **request), known)


def query(schema: dict[str, Any] | bool, text: str, **parameter: Any) -> str:
    definition = {"name": "q", "in": "query", "schema": schema} | parameter
    return asked(definition, query=text, query_known=True).outcome


QUERIES: list[tuple[Any, dict[str, Any], str, str]] = [
    (INTEGERS, {}, "q=3&q=4", "q=3&q=four"),
    (INTEGERS, {}, "q=3", "q=three"),
    (INTEGERS, {}, "q[]=3&q[]=4", "q[]=3&q[]=four"),
    (INTEGERS, {"explode": False}, "q=3,4", "q=3,four"),
    (INTEGERS | {"minItems": 2}, {"explode": False}, "q=3%2C4", "q=3"),
    (INTEGERS, {}, "q[0]=3&q[1]=4", "q[0]=3&q[1]=four"),
    (INTEGERS, {"style": "deepObject"}, "q[0]=3&q[1]=4", "q[0]=3&q[1]=four"),
    (INTEGERS, {"style": "deepObject"}, "q[]=3", "q[]=four"),
    (
        {"type": "object", "properties": {"in": INTEGERS}},
        {"style": "deepObject"},
        "q[in][0]=3&q[in][1]=4",
        "q[in][0]=3&q[in][x]=4",
    ),
    (
        {"type": "string", "format": "date-time"},
        {},
        "q=2026-11-30T05:00:00+02:00",
        "q=2026-11-30T05:00:00+02",
    ),
    (INTEGERS, {"style": "spaceDelimited", "explode": False}, "q=3%204", "q=3%20four"),
    (INTEGERS, {"style": "spaceDelimited", "explode": False}, "q=3+4", "q=3+four"),
    (COLOURS, {"style": "spaceDelimited", "explode": False}, "q=dark%20red+blue", "q=dark%20blue"),
    (COLOURS, {"style": "spaceDelimited", "explode": False}, "q=dark+red%20blue", "q=red+blue"),
    (COLOURS, {"style": "pipeDelimited", "explode": False}, "q=a%7Cb|blue", "q=a|b|blue"),
    (INTEGERS, {"style": "pipeDelimited", "explode": False}, "q=3|4", "q=3|four"),
    (INTEGERS, {"style": "pipeDelimited"}, "q=3&q=4", "q=3&q=four"),
    (POINT, {}, "x=3&y=4", "x=3&y=four"),
    (POINT, {"required": True}, "x=3&page=2", "page=2"),
    (POINT, {"explode": False}, "q=x,3,y,4", "q=x,3,y,four"),
    (POINT, {"explode": False}, "q=x,3", "q=x,3,y"),
    (POINT, {"style": "deepObject"}, "q[x]=3&q%5By%5D=4", "q[x]=3&q[z]=4"),
    (POINT, {"style": "deepObject", "required": True}, "q[x]=3", "other[x]=3"),
    (
        {"type": "object", "properties": {"in": INTEGERS}},
        {"style": "deepObject"},
        "q[in][]=3&q[in][]=4",
        "q[in][]=3&q[in][]=four",
    ),
    (
        {"type": "object", "properties": {"at": POINT}},
        {"style": "deepObject"},
        "q[at][x]=3",
        "q[at][x]=three",
    ),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {}, "a=3", "a=three"),
    ({"enum": ["up", "down"]}, {}, "q=up", "q=left"),
    ({"enum": [1, 2]}, {}, "q=1", "q=3"),
    ({"const": 7}, {}, "q=7", "q=8"),
    ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, {}, "q=true", "q=perhaps"),
    ({"oneOf": [{"type": "integer"}, INTEGERS]}, {}, "q=3&q=4", "q=three"),
    ({"allOf": [{"type": "integer"}, {"minimum": 5}]}, {}, "q=5", "q=4"),
    ({"type": ["integer", "null"]}, {}, "q=", "q=x"),
    ({"type": "string", "maxLength": 2}, {}, "q=%C3%BC+", "q=%C3%BC++"),
    ({"type": "string", "pattern": "^[0-9]+$"}, {}, "q=007", "q=7a"),
    ({"type": "integer"}, {}, "q=5&q=6", "q=5&q=six"),
    (
        {"type": "integer", "maximum": 9007199254740993},
        {},
        "q=9007199254740993",
        "q=9007199254740994",
    ),
    (
        {"type": "integer", "enum": [1234567890123456789]},
        {},
        "q=1234567890123456789",
        "q=1234567890123456788",
    ),
    ({"type": "integer"}, {}, "q=7", "q=%D9%A7"),
    ({"type": "number"}, {}, "q=7.5", "q=%D9%A7.5"),
    ({"type": "integer", "minimum": 10**25}, {}, "q=" + "9" * 26, "q=" + "9" * 25),
    ({"type": "number", "exclusiveMinimum": 0}, {}, "q=1e-3", "q=0"),
    ({"type": "number"}, {}, "q=-1.50", "q=Infinity"),
    ({"type": "integer"}, {"allowEmptyValue": True}, "q", "q=no"),
    ({"type": "integer"}, {"allowEmptyValue": True}, "q=", "q=no"),
    ({"type": "string", "default": "a"}, {"required": True}, "q=", ""),
    (False, {}, "other=1", "q=1"),
    ({"pattern": "^[0-9]+$"}, {}, "q=12", "q=ab"),
    ({"minLength": 2}, {}, "q=12", "q=1"),
    ({"minimum": 5}, {}, "q=7", "q=3"),
    ({"minItems": 2}, {}, "q=7&q=8", "q=3"),
    ({"uniqueItems": True, "type": "array"}, {}, "q=7&q=8", "q=8&q=8"),
    ({"required": ["a"]}, {"style": "deepObject"}, "q[a]=1", "q[b]=1"),
    ({"not": {"const": "x"}}, {}, "q=y", "q=x"),
]


@pytest.mark.parametrize(
    ("schema", "parameter", "good", "bad"),
    QUERIES,
    ids=[f"{bad}-{at}" for at, (_, _, _, bad) in enumerate(QUERIES)],
)
def test_a_query_parameter_is_judged_in_its_style(
    schema: Any, parameter: dict[str, Any], good: str, bad: str
) -> None:
    assert (query(schema, good, **parameter), query(schema, bad, **parameter)) == (
        "valid",
        "violated",
    )


@pytest.mark.parametrize(
    ("place", "style"),
    [("query", "simple"), ("query", "tabs"), ("path", "form"), ("header", "form")],
)
def test_a_style_that_its_place_does_not_know_is_not_checked(place: str, style: str) -> None:
    definition = {
        "name": "id",
        "in": place,
        "required": True,
        "style": style,
        "schema": {"type": "integer"},
    }
    checked = asked(
        definition,
        "/things/five" if place == "path" else "/things",
        query="id=five",
        request_headers={"id": "five"},
    )
    assert (checked.outcome, checked.reason) == ("not_checked", "parameter_style")


JSON_POINT = {"content": {"application/json": {"schema": POINT}}}


def test_a_parameter_may_be_a_document() -> None:
    definition = {"name": "q", "in": "query", **JSON_POINT}
    for text, outcome in (
        ("q=%7B%22x%22:3%7D", "valid"),
        ('q={"x":"3"}', "violated"),
        ("x=3", "valid"),
        ("q=x", "violated"),
    ):
        assert asked(definition, query=text, query_known=True).outcome == outcome
    checked = asked(
        {"name": "q", "in": "query", "content": {"application/xml": {"schema": POINT}}},
        query="q=<x/>",
    )
    assert (checked.outcome, checked.reason) == ("not_checked", "parameter_media_type")
    assert checked.unchecked[0].clause == "/paths/~1things/get/parameters/0"


@pytest.mark.parametrize(
    ("media", "good", "bad"),
    [
        ("application/x-www-form-urlencoded", "x=3&y=4", "x=three"),
        ("application/json", "%7B%22x%22%3A3%7D", "%7B%7D"),
    ],
)
def test_a_whole_query_may_be_a_document(media: str, good: str, bad: str) -> None:
    definition = {"name": "all", "in": "querystring", "content": {media: {"schema": POINT}}}
    assert asked(definition, query=good).outcome == "valid"
    assert asked(definition, query=bad).outcome == "violated"


PATHS: list[tuple[Any, dict[str, Any], str, str]] = [
    ({"type": "integer"}, {}, "5", "five"),
    ({"type": "integer", "format": "int64"}, {}, "9223372036854775807", "x"),
    ({"type": "integer"}, {"style": "label"}, ".5", "5"),
    ({"type": "integer"}, {"style": "matrix"}, ";id=5", ";id=five"),
    ({"type": "integer"}, {"style": "matrix"}, ";id=5", ";key=5"),
    (INTEGERS, {}, "3,4", "3,four"),
    (INTEGERS, {}, "3%2c4", "3%2cfour"),
    (INTEGERS, {"style": "label"}, ".3,4", ".3,four"),
    (INTEGERS, {"style": "label", "explode": True}, ".3.4", ".3.four"),
    (INTEGERS, {"style": "matrix"}, ";id=3,4", ";id=3,four"),
    (INTEGERS, {"style": "matrix", "explode": True}, ";id=3;id=4", ";id=3;id=four"),
    (POINT, {}, "x,3,y,4", "x,3,y,four"),
    (POINT, {"explode": True}, "x=3,y=4", "x=3,y=four"),
    (POINT, {"style": "label"}, ".x,3", ".x,three"),
    (POINT, {"style": "label", "explode": True}, ".x=3.y=4", ".x=3.z=4"),
    (POINT, {"style": "matrix"}, ";id=x,3", ";id=x,three"),
    (POINT, {"style": "matrix", "explode": True}, ";x=3;y=4", ";y=4"),
    ({"type": "string", "enum": ["a/b", "ü"]}, {}, "a%2Fb", "a%2Bb"),
    ({"type": "string", "enum": ["a+b"]}, {}, "a+b", "a%20b"),
]


@pytest.mark.parametrize(
    ("schema", "parameter", "good", "bad"),
    PATHS,
    ids=[f"{bad}-{at}" for at, (_, _, _, bad) in enumerate(PATHS)],
)
def test_a_path_parameter_is_judged_in_its_style(
    schema: Any, parameter: dict[str, Any], good: str, bad: str
) -> None:
    definition = {"name": "id", "in": "path", "required": True, "schema": schema} | parameter
    assert asked(definition, f"/things/{good}").outcome == "valid"
    checked = asked(definition, f"/things/{bad}")
    assert checked.outcome == "violated"
    assert checked.violations[0].pointer.startswith("/path/id")


@pytest.mark.parametrize(
    "segment",
    ["{id}", "{thing-id}", "{id:[0-9]{1,9}}", "%7Bid%7D", ":id", "<int:id>", "[id]", "*"],
)
def test_a_path_that_is_logged_as_its_template_hides_its_parameters(segment: str) -> None:
    definition = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    checked = asked(definition, f"/things/{segment}")
    assert (checked.outcome, checked.reason) == ("not_checked", "parameter_unseen")
    known = contract(
        {
            path: {"get": {"responses": OK}}
            for path in ("/things/{id}", "/things/{a}-{b}", "/things/new")
        }
    )
    assert (
        check(exchange(path=f"/things/{segment}", response_body=None), known).operation
        == "GET /things/{id}"
    )


@pytest.mark.parametrize("place", ["header", "cookie", "query"])
def test_a_required_parameter_in_a_place_that_is_not_logged_is_not_checked(place: str) -> None:
    checked = asked({"name": "n", "in": place, "required": True, "schema": {"type": "integer"}})
    assert (checked.outcome, checked.reason) == ("not_checked", "parameter_unseen")
    assert [(left.side, left.clause) for left in checked.unchecked] == [
        ("request", "/paths/~1things/get/parameters/0")
    ]
    assert asked({"name": "n", "in": place, "schema": {"type": "integer"}}).outcome == "valid"


def test_a_header_that_a_partial_log_leaves_out_is_not_missing() -> None:
    definition = {"name": "X-N", "in": "header", "required": True, "schema": {"type": "integer"}}
    assert (
        asked(definition, request_headers={"host": "a"}, headers_whole=False).reason
        == "parameter_unseen"
    )
    assert (
        asked(definition, request_headers={"host": "a"}).violations[0].rule == "missing_parameter"
    )
    assert asked(definition, request_headers={"x-n": "[redacted]"}).outcome == "valid"


@pytest.mark.parametrize(("text", "outcome"), [("3, 4", "valid"), ("3,four", "violated")])
def test_a_header_may_be_an_array(text: str, outcome: str) -> None:
    assert (
        asked(
            {"name": "X-N", "in": "header", "schema": INTEGERS}, request_headers={"x-n": text}
        ).outcome
        == outcome
    )


@pytest.mark.parametrize(
    ("cookies", "outcome"),
    [
        ("n=5; theme=dark", "valid"),
        ("n=[redacted integer]", "valid"),
        ("n=five", "violated"),
        ("n=[redacted text]", "violated"),
        ("theme=dark", "violated"),
        ("n=***", "valid"),
        ("[redacted]", "not_checked"),
    ],
)
def test_a_cookie_is_judged_by_what_is_left_of_it(cookies: str, outcome: str) -> None:
    definition = {"name": "n", "in": "cookie", "required": True, "schema": {"type": "integer"}}
    assert asked(definition, request_headers={"cookie": cookies}).outcome == outcome


def answered(
    response: dict[str, Any],
    *,
    status: int = 200,
    version: str = "3.1.0",
    listed: str = "200",
    **changes: Any,
) -> Checked:
    known = contract(
        {"/things": {"get": {"responses": {listed: {"description": "d", **response}}}}}, version
    )
    return check(
        exchange(**{"path": "/things", "status": status, "response_body": None} | changes), known
    )


HEADERS: dict[str, Any] = {
    "headers": {
        "X-Left": {"required": True, "schema": {"type": "integer"}},
        "X-Tags": {"schema": {"type": "array", "items": {"enum": ["a", "b"]}}},
        "Content-Type": {"required": True, "schema": {"const": "never"}},
    }
}


@pytest.mark.parametrize(
    ("headers", "outcome", "rule"),
    [
        ({"x-left": "5"}, "valid", ""),
        ({"x-left": "5", "x-tags": "a, b"}, "valid", ""),
        ({"x-left": "5", "x-tags": "a, c"}, "violated", "enum"),
        ({"x-left": "few"}, "violated", "type"),
        ({"date": "today"}, "violated", "missing_header"),
        ({}, "not_checked", "parameter_unseen"),
    ],
)
def test_response_headers_are_judged(headers: dict[str, str], outcome: str, rule: str) -> None:
    checked = answered(HEADERS, response_headers=headers)
    assert (
        checked.outcome,
        [broken.rule for broken in checked.violations] or [checked.reason],
    ) == (outcome, [rule])
    assert (
        answered(HEADERS, response_headers={"date": "d"}, headers_whole=False).outcome
        == "not_checked"
    )
    assert (
        answered(HEADERS, response_headers={"date": "d"}, method="HEAD").outcome == "not_checked"
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(202, "violated"), (204, "violated"), (301, "not_checked"), (401, "not_checked"), (404, "not_checked"), (429, "not_checked"), (503, "not_checked"), (304, "valid")],
)  # fmt: skip
def test_an_unlisted_status_is_a_violation_on_success_only(status: int, outcome: str) -> None:
    checked = answered({}, status=status)
    assert checked.outcome == outcome
    if outcome == "not_checked":
        assert checked.reason == "undocumented_status"


def test_a_contract_may_say_that_its_statuses_are_all() -> None:
    operation = {"responses": OK}
    everywhere = contract({"/things": {"get": operation}}, **{"x-seamwatch-statuses": "complete"})
    here = contract(
        {"/things": {"get": operation | {"x-seamwatch-statuses": "complete"}, "put": operation}}
    )
    seen = exchange(path="/things", status=503, response_body=None)
    for known in (everywhere, here):
        assert [broken.rule for broken in check(seen, known).violations] == ["undocumented_status"]
    assert (
        check(exchange(path="/things", status=503, method="PUT", response_body=None), here).outcome
        == "not_checked"
    )


def test_what_a_proxy_answered_is_nobodys_violation() -> None:
    changes: dict[str, Any] = {
        "response_headers": {"content-type": "text/html"},
        "response_body": "<h1>no healthy upstream</h1>",
    }
    for status in (200, 503):
        checked = answered(HEADERS, status=status, proxy_answer=True, **changes)
        assert (checked.outcome, checked.reason, list(checked.violations)) == (
            "not_checked",
            "proxy_answer",
            [],
        )
    known = contract({"/things": {"get": {"responses": OK}}})
    assert check(exchange(path="/unknown", proxy_answer=True), known).reason == "proxy_answer"


@pytest.mark.parametrize("status", [301, 401, 404, 405, 410, 429, 500, 503, 0])
def test_an_unnamed_operation_that_was_not_served_is_not_offered(status: int) -> None:
    known = contract({"/things": {"get": {"responses": OK}}})
    for changes in ({"path": "/.env"}, {"path": "/things", "method": "PUT"}):
        checked = check(exchange(status=status, **changes), known)
        assert (checked.outcome, checked.reason) == ("not_checked", "not_offered")


BODY = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["n"],
                "properties": {"n": {"type": "integer"}},
            }
        }
    }
}
GOOD, BAD = b'{"n": 1, "text": "' + b"x" * 200 + b'"}', b'{"n": "one"}'
PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "br": brotli.compress,
    "br, gzip": lambda body: gzip.compress(brotli.compress(body)),
    "identity": bytes,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("written", ["bytes", "base64", "latin-1"])
def test_an_encoded_body_is_unpacked(coding: str, written: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    for body, outcome in ((GOOD, "valid"), (BAD, "violated")):
        packed: Any = PACKED[coding](body)
        if written == "base64":
            packed = base64.b64encode(packed).decode()
        elif written == "latin-1":
            packed = packed.decode("latin-1")
        assert answered(BODY, response_body=packed, response_headers=headers).outcome == outcome


def test_a_body_in_base64_is_read_without_being_told() -> None:
    headers = {"content-type": "application/json"}
    for body, outcome in ((GOOD, "valid"), (BAD, "violated")):
        for packed in (base64.b64encode(body), base64.b64encode(gzip.compress(body, mtime=0))):
            assert (
                answered(BODY, response_body=packed.decode(), response_headers=headers).outcome
                == outcome
            )


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("br", "\x1b\x0e\x00\xf8", "encoded"),
        ("gzip", "\x1f\ufffd\x08\x00abc", "encoded"),
        ("gzip", gzip.compress(GOOD, mtime=0)[:-3], "encoded"),
        ("gzip", gzip.compress(GOOD, mtime=0)[:-5] + b"wrong", "encoded"),
        ("zstd", zstandard.ZstdCompressor().compress(GOOD)[:-9], "encoded"),
        ("gzip", gzip.compress(b" " * 40_000_000, mtime=0), "too_large"),
        ("zstd", zstandard.ZstdCompressor().compress(b" " * 40_000_000), "too_large"),
        ("br", brotli.compress(GOOD)[:-3], "encoded"),
        ("br", GOOD[:30], "encoded"),
        ("br", brotli.compress(b" " * 40_000_000, quality=5), "too_large"),
        ("gzip", "<html>", "encoded"),
    ],
)
def test_what_cannot_be_unpacked_is_not_checked(
    coding: str, body: str | bytes, reason: str
) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    checked = answered(BODY, response_body=body, response_headers=headers)
    assert (checked.outcome, checked.reason) == ("not_checked", reason)


def test_a_body_that_a_log_unpacked_before_is_read_as_it_is() -> None:
    headers = {"content-type": "application/json", "content-encoding": "br"}
    assert answered(BODY, response_body=GOOD, response_headers=headers).outcome == "valid"
    assert answered(BODY, response_body=BAD, response_headers=headers).outcome == "violated"


CARD: dict[str, Any] = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["number", "amount"],
                "additionalProperties": False,
                "properties": {"number": {"type": "string", "pattern": "^[0-9]{16}$"}, "amount": {"type": "integer"}, "limit": {"type": "integer"}},
            }
        }
    }
}  # fmt: skip


@pytest.mark.parametrize("redacted", [True, False])
@pytest.mark.parametrize("mask", ["***", "[REDACTED]", "<masked>", "****1234", "[Filtered]"])
def test_a_masked_value_hides_itself_and_never_its_neighbours(mask: str, redacted: bool) -> None:
    def said(body: dict[str, Any]) -> list[tuple[str, str]]:
        checked = answered(CARD, response_body=json.dumps(body), redacted=redacted)
        return [(broken.rule, broken.pointer) for broken in checked.violations] or [
            (checked.outcome, checked.reason)
        ]

    assert said({"number": mask, "amount": 5, "limit": mask}) == [("valid", "shape_only")]
    assert said({"number": mask}) == [("required", "/amount")]
    assert said({"number": mask, "amount": "5"}) == [("type", "/amount")]
    assert said({"number": mask, "amount": 5, "more": mask}) == [("additionalProperties", "/*")]


def test_the_neighbours_of_a_mask_count_in_choices_too() -> None:
    choice = {
        "oneOf": [
            CARD["content"]["application/json"]["schema"],
            {"type": "object", "required": ["iban"]},
        ]
    }
    response = {"content": {"application/json": {"schema": choice}}}
    for body, outcome in (
        ({"number": "***", "amount": 5}, "valid"),
        ({"number": "***"}, "violated"),
    ):
        assert answered(response, response_body=json.dumps(body), redacted=True).outcome == outcome


JSON = {"content-type": "application/json"}
TEXT: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("changes", "outcome", "why"),
    [
        ({"method": "HEAD", "response_headers": JSON}, "valid", ""),
        ({"status": 304}, "valid", ""),
        ({"status": 304, "method": "HEAD"}, "valid", ""),
        ({"response_headers": JSON}, "not_checked", "no_body"),
        ({"response_headers": {}}, "not_checked", "no_body"),
        ({"response_headers": JSON | {"content-length": "0"}}, "violated", "missing_body"),
        ({"response_headers": JSON, "response_body": '"abc"'}, "valid", ""),
        ({"response_headers": JSON, "response_body": "abc"}, "violated", "not_json"),
        ({"response_headers": JSON, "response_body": '{"a": '}, "not_checked", "truncated"),
        (
            {"response_headers": {"content-type": "text/html"}, "response_body": "<p>"},
            "violated",
            "undocumented_media_type",
        ),
        ({"response_headers": JSON, "response_body": "<p>"}, "violated", "not_json"),
        ({"response_headers": JSON, "response_body": "1" + "0" * 400}, "violated", "type"),
        (
            {"response_headers": JSON, "response_body": "[1" + "0" * 400 + ", NaN]"},
            "violated",
            "not_json",
        ),
        (
            {"response_headers": JSON, "response_body": "1" + "0" * 5000},
            "not_checked",
            "undecidable",
        ),
        ({"response_headers": JSON, "response_body": "1e400"}, "not_checked", "undecidable"),
        (
            {"response_headers": JSON, "response_body": b'"cut \\ud83d"'},
            "not_checked",
            "undecidable",
        ),
        ({"response_headers": {}, "response_body": "<p>"}, "not_checked", "media_type"),
    ],
)
def test_a_body_that_is_not_there_or_not_json_is_told_apart(
    changes: dict[str, Any], outcome: str, why: str
) -> None:
    checked = answered(TEXT, **({"response_headers": {}} | changes))
    assert (
        checked.outcome,
        [broken.rule for broken in checked.violations] or [checked.reason],
    ) == (outcome, [why])


def test_a_status_without_a_body_needs_none() -> None:
    for status in (204, 205):
        assert (
            answered(
                TEXT, status=status, listed=str(status), response_headers={"content-length": "0"}
            ).outcome
            == "valid"
        )


MEDIA: dict[str, Any] = {
    "content": {
        "*/*": {"schema": {"const": "any"}},
        "application/*": {"schema": {"const": "application"}},
        "application/*+json": {"schema": {"const": "suffix"}},
        "application/json": {"schema": {"const": "plain"}},
        "application/json; v=2": {"schema": {"const": "two"}},
        "application/vnd.x+json": {"schema": {"const": "vendor"}},
    }
}


@pytest.mark.parametrize(
    ("media", "meant"),
    [
        ("application/json", "plain"),
        ("application/json; charset=utf-8", "plain"),
        ("Application/JSON;V=2", "two"),
        ("application/json; charset=utf-8; v=2", "two"),
        ("application/json; v=3", "plain"),
        ("application/vnd.x+json", "vendor"),
        ("application/problem+json", "suffix"),
        ("application/x-json", "application"),
        ("text/json", "any"),
    ],
)
def test_the_most_specific_media_type_is_meant(media: str, meant: str) -> None:
    headers = {"content-type": media}
    assert (
        answered(MEDIA, response_body=json.dumps(meant), response_headers=headers).outcome
        == "valid"
    )
    assert answered(MEDIA, response_body='"other"', response_headers=headers).outcome == "violated"


@pytest.mark.parametrize(
    "media", ["application/jsonl", "text/event-stream", "multipart/form-data; boundary=b"]
)
@pytest.mark.parametrize("word", ["schema", "itemSchema"])
def test_what_is_no_json_is_not_checked_with_its_clause(media: str, word: str) -> None:
    kind = media.partition(";")[0]
    content = {"content": {kind: {word: {"type": "object", "required": ["a"]}}}}
    checked = answered(
        content, response_body="--b\r\n", response_headers={"content-type": media}, version="3.2.0"
    )
    assert (checked.outcome, checked.reason) == ("not_checked", "media_type")
    assert checked.unchecked[0].clause.endswith(f"/{word}")


def test_servers_stay_with_their_path_and_operation() -> None:
    known = contract(
        {
            "/a": {"get": {"responses": OK}},
            "/b": {
                "servers": [{"url": "/two"}],
                "get": {"responses": OK},
                "put": {"responses": OK, "servers": [{"url": "https://x.io/three/"}]},
            },
        },
        servers=[{"url": "https://x.io/one"}],
    )
    fits = {
        ("GET", "/one/a"),
        ("GET", "/two/b"),
        ("PUT", "/three/b"),
        ("GET", "/a"),
        ("GET", "/b"),
        ("PUT", "/b"),
    }
    for method in ("GET", "PUT"):
        for path in ("/one/a", "/two/a", "/three/a", "/one/b", "/two/b", "/three/b", "/a", "/b"):
            checked = check(exchange(method=method, path=path, response_body=None), known)
            assert (checked.outcome == "valid") == ((method, path) in fits), (method, path)


@pytest.mark.parametrize(
    ("server", "good", "bad"),
    [
        (
            {
                "url": "https://{h}.x.io:{p}/b",
                "variables": {"h": {"default": "eu"}, "p": {"default": "443"}},
            },
            "/b/r",
            "/c/r",
        ),
        (
            {"url": "/{v}/api", "variables": {"v": {"default": "v1", "enum": ["v1", "v2"]}}},
            "/v2/api/r",
            "/v3/api/r",
        ),
        (
            {"url": "https://x.io/{tenant}", "variables": {"tenant": {"default": "acme"}}},
            "/other/r",
            "/a/b/r",
        ),
        (
            {"url": "https://x.io/{base}", "variables": {"base": {"default": "api/v2"}}},
            "/api/v2/r",
            "/api/v2/x/r",
        ),
        (
            {"url": "{address}/x", "variables": {"address": {"default": "https://x.io/v7"}}},
            "/v7/x/r",
            "/x/v7/r",
        ),
        ({"url": "https://x.io/v{n}"}, "/v12/r", "/w12/r"),
        ({"url": "./api"}, "/api/r", "/apis/r"),
    ],
)
def test_a_servers_path_is_a_base(server: dict[str, Any], good: str, bad: str) -> None:
    known = contract({"/r": {"get": {"responses": OK}}}, servers=[server])
    checked = check(exchange(path=good, response_body=None), known)
    assert checked.outcome == "valid"
    assert "other" not in checked.operation
    assert (
        check(exchange(path=bad, response_body=None), known, "GET /r").violations[0].rule
        == "undocumented_operation"
    )


def test_templates_are_told_apart() -> None:
    def path(word: str) -> dict[str, Any]:
        return {
            "post": {
                "responses": {
                    "200": {
                        "description": "d",
                        "content": {"application/json": {"schema": {"const": word}}},
                    }
                }
            }
        }

    templates = (
        "/p/{id}",
        "/p/new",
        "/p/{id}:stop",
        "/p/{id}.pdf",
        "/p/{a}-{b}",
        "/p/{id}/",
        "/{kind}/list",
    )
    known = contract({template: path(template) for template in templates})
    seen = {
        "/p/4": 0,
        "/p/new": 1,
        "/p/4:stop": 2,
        "/p/4.pdf": 3,
        "/p/4-5": 4,
        "/p/4/": 5,
        "/q/list": 6,
    }
    for request_path, at in seen.items():
        checked = check(
            exchange(method="POST", path=request_path, response_body=json.dumps(templates[at])),
            known,
        )
        assert (checked.outcome, checked.operation) == ("valid", f"POST {templates[at]}")


def test_methods_of_openapi_3_2_are_operations() -> None:
    known = contract(
        {"/r": {"query": {"responses": OK}, "additionalOperations": {"COPY": {"responses": OK}}}},
        "3.2.0",
    )
    for method, outcome in (("QUERY", "valid"), ("COPY", "valid"), ("MOVE", "violated")):
        assert (
            check(exchange(method=method, path="/r", response_body=None), known).outcome == outcome
        )


SCHEMES = {
    "securitySchemes": {
        "key": {"type": "apiKey", "in": "query", "name": "key"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "mutual": {"type": "mutualTLS"},
    }
}


@pytest.mark.parametrize(
    ("security", "changes", "seen"),
    [
        ([{"bearer": []}], {"request_headers": {"host": "a"}}, True),
        ([{"bearer": []}], {"request_headers": {"authorization": "[redacted]"}}, False),
        ([{"bearer": []}], {}, False),
        (
            [{"bearer": []}, {"key": []}],
            {"request_headers": {"host": "a"}, "query": "key=1"},
            False,
        ),
        (
            [{"bearer": [], "key": []}],
            {"request_headers": {"authorization": "x"}, "query_known": True},
            True,
        ),
        ([{"bearer": []}, {}], {"request_headers": {"host": "a"}}, False),
        # a browser's export leaves secrets out, and a client's library may add them later
        ([{"bearer": []}], {"request_headers": {"host": "a"}, "side": "client"}, False),
        (
            [{"bearer": []}],
            {"request_headers": {"cookie": "a=[redacted text]"}, "side": "client"},
            True,
        ),
        ([{"mutual": []}], {"request_headers": {"host": "a"}}, False),
        ([{"undescribed": []}], {"request_headers": {"host": "a"}}, False),
        ([{"key": []}], {"request_headers": {"host": "a"}}, False),  # no query is told
    ],
)
def test_missing_credentials_are_an_observation_and_no_violation(
    security: Any, changes: dict[str, Any], seen: bool
) -> None:
    known = contract({"/r": {"get": {"responses": OK, "security": security}}}, components=SCHEMES)
    checked = check(exchange(path="/r", response_body=None, **changes), known)
    assert checked.outcome == "valid"
    assert [observation.code for observation in checked.observations] == (
        ["missing_credentials"] if seen else []
    )


@pytest.mark.parametrize("status", [0, 302, 401, 499, 500])
def test_who_was_not_served_is_told_of_no_missing_credentials(status: int) -> None:
    operation = {"responses": OK | {"5XX": {}, "302": {}}, "security": [{"bearer": []}]}
    known = contract({"/r": {"get": operation}}, components=SCHEMES)
    asked = exchange(path="/r", status=status, response_body=None, request_headers={"host": "a"})
    assert not check(asked, known).observations


LONG = 2**64 + 1


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"enum": [{"id": LONG}]}, {"id": LONG}, {"id": LONG + 1}),
        ({"enum": [{"id": LONG}, {"id": LONG + 2}]}, {"id": LONG + 2}, {"id": LONG + 1}),
        ({"enum": [[{"a": -LONG}]]}, [{"a": -LONG}], [{"a": -LONG - 1}]),
        (
            {"items": {"enum": [{"a": {"b": 10**30}}]}},
            [{"a": {"b": 10**30}}],
            [{"a": {"b": 10**30 + 1}}],
        ),
        ({"const": {"id": LONG}}, {"id": LONG}, {"id": LONG - 1}),
    ],
)
def test_integers_of_any_length_are_told_apart_inside_listed_values(
    schema: dict[str, Any], good: object, bad: object
) -> None:
    body = {"content": {"application/json": {"schema": schema}}}
    assert answered(body, response_body=json.dumps(good).encode()).outcome == "valid"
    assert answered(body, response_body=json.dumps(bad).encode()).outcome == "violated"


def test_a_document_of_json_in_a_path_is_judged_and_a_template_is_not() -> None:
    content = {"application/json": {"schema": {"type": "object", "required": ["a"]}}}
    parameter = {"name": "id", "in": "path", "required": True, "content": content}
    for path, outcome in (
        ("/things/%7B%22a%22%3A1%7D", "valid"),
        ("/things/%7B%22b%22%3A1%7D", "violated"),
        ("/things/{id}", "not_checked"),
        ("/things/%7Bid%7D", "not_checked"),
    ):
        assert asked(parameter, path).outcome == outcome, path


@pytest.mark.parametrize(
    ("status", "media", "body", "rules"),
    [
        (502, "text/html", "<h1>502 Bad Gateway</h1>", []),
        (504, "application/json", '{"message": "upstream timed out"}', []),
        (503, "text/plain", "no healthy upstream", []),
        (503, "application/json", "upstream connect error", []),
        (429, "text/html", "<h1>Too many</h1>", []),
        (503, "application/json", "{}", ["required"]),
        (429, "application/json", "{}", ["required"]),
        (500, "text/html", "<h1>500</h1>", ["undocumented_media_type"]),
        (502, "application/json", '{"code": 7}', None),
    ],
)
def test_an_answer_that_a_gateway_may_have_made_is_nobodys_violation(
    status: int, media: str, body: str, rules: list[str] | None
) -> None:
    """No mark of a proxy is in the log; gateways answer so, and providers that keep to what they
    promise for such a status do not.
    """
    fault = {"type": "object", "required": ["code"]}
    described = {"description": "bad", "content": {"application/json": {"schema": fault}}}
    operation = {"responses": OK | {"default": described}}
    seen = exchange(
        path="/things",
        status=status,
        response_headers={"content-type": media},
        response_body=body,
    )
    checked = check(seen, contract({"/things": {"get": operation}}))
    assert [broken.rule for broken in checked.violations] == (rules or [])
    assert (checked.outcome, checked.reason) == (
        ("valid", "")
        if rules is None
        else ("violated", "")
        if rules
        else ("not_checked", "provider_failed")
    )
