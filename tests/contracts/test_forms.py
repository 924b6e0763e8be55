"""Forms, urlencoded and multipart, against the schema that OpenAPI gives them."""

import json
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.forms import MOST_PARTS
from monitor.contracts.read import examine
from monitor.model.exchanges import Checked
from tests.contracts.promises import exchange
from tests.contracts.test_around_bodies import contract
from tests.contracts.test_matching_rules import interaction, judged, live, matchers, pact

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
SCHEMA: dict[str, Any] = {
    "type": "object", "required": ["id", "file"], "additionalProperties": False,
    "properties": {
        "id": {"type": "integer"}, "file": {"type": "string", "format": "binary"}, "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}},
        "meta": {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}, "on": {"type": ["boolean", "null"]},
    },
}  # fmt: skip


def part(name: str, content: str | bytes, media: str = "", file: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"' + (
        f'; filename="{file}"' if file else ""
    )
    head += f"\r\nContent-Type: {media}" if media else ""
    return f"{head}\r\n\r\n".encode() + (
        content if isinstance(content, bytes) else content.encode()
    )


def multipart(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--aB'3\r\n" + chunk + b"\r\n" for chunk in parts) + b"--aB'3" + end


def posted(
    body: bytes | str, media: str, encoding: dict[str, Any] | None = None, **request: Any
) -> Checked:
    content = {kind: {"schema": SCHEMA, "encoding": encoding or {}} for kind in (FORM, PARTS)}
    paths = {
        "/things": {
            "post": {
                "requestBody": {"required": True, "content": content},
                "responses": {"200": {"description": "good"}},
            }
        }
    }
    content_type = media + ('; boundary="aB\'3"' if media == PARTS else "")
    asked = {
        "method": "POST",
        "path": "/things",
        "request_body": body,
        "request_headers": {"content-type": content_type},
    } | request
    return check(exchange(response_body=None, **asked), contract(paths))


def told(checked: Checked) -> tuple[str, str, list[tuple[str, str]]]:
    return (
        checked.outcome,
        checked.reason,
        sorted((violation.rule, violation.pointer) for violation in checked.violations),
    )


PNG = b"\x89PNG\r\n\x00\xff"


@pytest.mark.parametrize(
    ("body", "media", "broken"),
    [
        (multipart(part("id", "7"), part("file", PNG, "image/png", "a.png")), PARTS, []),
        (multipart(part("id", "7"), part("file", "x"), part("tags", "a"), part("tags", "b"), part("meta", '{"n": 1}'), part("on", "true")), PARTS, []),
        (multipart(part("id", "7"), part("file", "x"), part("meta", '{"n": "1"}', "application/json")), PARTS, [("type", "/meta/n")]),
        (multipart(part("id", "seven"), part("file", "x")), PARTS, [("type", "/id")]),
        (multipart(part("id", "7")), PARTS, [("required", "/file")]),
        (multipart(part("id", "7"), part("id", "8"), part("file", "x")), PARTS, [("type", "/id")]),
        (multipart(part("id", "7"), part("file", "x"), part("tags", "a"), part("tags", "long")), PARTS, [("maxLength", "/tags/*")]),
        (multipart(part("id", "7"), part("file", "x"), part("more", "y")), PARTS, [("additionalProperties", "/*")]),
        ("id=7&file=a+b&tags=x&tags=y&on=", FORM, []),
        ("id=7&file=%C3%A9&tags=x", FORM, []),
        ("id=x&file=", FORM, [("type", "/id")]),
        ("file=1", FORM, [("required", "/id")]),
    ],
)  # fmt: skip
def test_a_form_is_good_when_one_reading_of_its_fields_keeps_the_schema(
    body: bytes | str, media: str, broken: list[tuple[str, str]]
) -> None:
    assert told(posted(body, media)) == ("violated" if broken else "valid", "", broken)


def test_content_types_of_parts_are_those_that_are_told_and_other_ways_of_writing_are_left_open() -> (
    None
):
    body = multipart(part("id", "7"), part("file", PNG, "image/png", "a.png"))
    assert (
        told(posted(body, PARTS, {"file": {"contentType": "image/*, application/pdf"}}))[0]
        == "valid"
    )
    wrong = told(posted(body, PARTS, {"file": {"contentType": "application/pdf"}}))
    assert wrong == ("violated", "", [("undocumented_media_type", "/file")])
    for encoding in ({"tags": {"style": "pipeDelimited"}}, {"tags": {"explode": False}}):
        assert told(posted("id=7&file=x&tags=a|b", FORM, encoding))[:2] == (
            "not_checked",
            "undecidable",
        )
        assert told(posted("id=7&file=x", FORM, encoding))[0] == "valid"


def test_what_is_cut_off_or_no_form_is_not_checked_and_no_content_is_told() -> None:
    whole = multipart(part("id", "7"), part("file", "hunter2"))
    for body in (
        whole[:-6],
        whole[:30],
        b"--\r\n",
        b"no form",
        multipart(*[part("id", "7")] * (MOST_PARTS + 1)),
        b"--aB'3\r\n" * 9,
    ):
        assert told(posted(body, PARTS))[:2] == ("not_checked", "media_type"), body[:40]
    assert told(posted("&".join(["id=7"] * (MOST_PARTS + 2)), FORM))[:2] == (
        "not_checked",
        "media_type",
    )
    assert told(posted(whole, PARTS, request_truncated=True))[:2] == ("not_checked", "truncated")
    assert "hunter2" not in str(posted(multipart(part("id", "hunter2"), part("file", "x")), PARTS))
    deep = multipart(part("id", "7"), part("file", "x"), part("meta", "[" * 300 + "]" * 300))
    assert told(posted(deep, PARTS))[0] == "not_checked"


def test_forms_are_no_clause_that_is_never_judged() -> None:
    content = {FORM: {"schema": SCHEMA}, PARTS: {"schema": SCHEMA}, "text/csv": {"schema": SCHEMA}}
    operation = {
        "requestBody": {"content": content},
        "responses": {"200": {"description": "good"}},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/things": {"post": operation}},
    }
    texts = [
        remark.said
        for remark in examine("openapi", json.dumps(document), where="things").remarks
        if remark.kind == "unjudged"
    ]
    assert texts == ["bodies of text/csv are not judged (request)"]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, []),
        ({"id": part("id", "8")}, [("equality", "/id")]),
        (
            {"file": part("file", b"%PDF-1.7", "application/pdf", "b.pdf")},
            [("contentType", "/file")],
        ),
        ({"meta": part("meta", '{"n": 2.5, "more": 1}', "application/json")}, []),
        ({"meta": part("meta", '{"n": "2"}', "application/json")}, [("type", "/meta/n")]),
        ({"id": part("other", "7")}, [("missing_parameter", "/id")]),
    ],
)
def test_a_pacts_multipart_body_is_judged_part_by_part(
    changes: dict[str, bytes], broken: list[tuple[str, str]]
) -> None:
    parts = {
        "id": part("id", "7"),
        "file": part("file", "PNG", "image/png", "a.png"),
        "meta": part("meta", '{"n": 1}', "application/json"),
    }
    asked_for = {
        "$.file": matchers({"match": "contentType", "value": "image/png"}),
        "$.meta.n": matchers({"match": "type"}),
    }
    media = "multipart/form-data; boundary=aB'3"
    answers = {"headers": {"Content-Type": media}, "body": multipart(*parts.values()).decode(), "matchingRules": {
        "body": asked_for, "header": {"Content-Type": matchers({"match": "regex", "regex": "multipart/form-data;.*"})},
    }}  # fmt: skip
    document = pact(interaction(answers=answers), version="3.0.0")
    real = parts | {"file": part("file", PNG, "image/png", "z.png")} | changes
    checked = judged(
        live(
            response_body=multipart(*real.values()),
            response_headers={"content-type": media.upper().lower()},
        ),
        document,
    )
    assert (checked.outcome, [(each.rule, each.pointer) for each in checked.violations]) == (
        "violated" if broken else "valid",
        broken,
    )
    cut = judged(
        live(
            response_body=multipart(*real.values())[:-9], response_headers={"content-type": media}
        ),
        document,
    )
    assert (cut.outcome, cut.reason) == ("not_checked", "media_type")
