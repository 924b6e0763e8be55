"""What WireMock has beside stubs of requests."""

import json
from base64 import b64encode
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.formats.wiremock_known import is_wiremock
from monitor.contracts.read import examine, read_contract
from monitor.errors import ContractError
from tests.contracts.examples import live, registry


@pytest.mark.parametrize("several", [False, True])
def test_stubs_of_messages_are_refused_with_the_reason(several: bool) -> None:
    stub = {"trigger": {"type": "message"}, "actions": [{"type": "send"}]}
    document = {"messageMappings": [stub]} if several else stub
    assert is_wiremock(document)
    with pytest.raises(ContractError, match="answers messages of a WebSocket"):
        read_contract("wiremock", json.dumps(document), where="stubs")


def answered(stub: dict[str, Any], **call: Any) -> tuple[str, str]:
    """What a stub says of a call: `POST /a` of form fields, answered `200 Hello` unless told."""
    request = {"method": "POST", "urlPath": "/a"} | stub.get("request", {})
    held = registry({"request": request, "response": stub.get("response", {})}, form="wiremock")
    fields: dict[str, Any] = {
        "method": "POST", "path": "/a", "response_body": b"Hello",
        "request_headers": {"content-type": "application/x-www-form-urlencoded"},
        "response_headers": {"content-type": "text/plain"},
    }  # fmt: skip
    checked = check(live(**(fields | call)), held)
    return checked.outcome, checked.reason


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("tool=Wire+Mock&more=1", ("violated", "")),
        ("tool=Wire%20Mock", ("violated", "")),
        ("tool=other", ("not_checked", "no_interaction")),
        ("", ("not_checked", "ambiguous_request")),  # a log may leave a body out
    ],
)
def test_fields_of_a_form_tell_whether_a_request_is_meant(
    body: str, told: tuple[str, str]
) -> None:
    fields = {"formParameters": {"tool": {"equalTo": "Wire Mock"}, "not": {"absent": True}}}
    stub = {"request": fields, "response": {"status": 201}}
    assert answered(stub, request_body=body) == told
    other = {"request_headers": {"content-type": "application/json"}}
    assert answered(stub, request_body=body, **other) == ("not_checked", "no_interaction")


@pytest.mark.parametrize("word", ["basicAuth", "basicAuthCredentials"])
def test_credentials_are_asked_for_by_either_name(word: str) -> None:
    stub = {"request": {word: {"username": "a", "password": "b"}}, "response": {"status": 201}}
    assert answered(stub) == ("not_checked", "no_interaction")
    headers = {"authorization": "Basic YTpi"}
    assert answered(stub, request_headers=headers) == ("violated", "")


def test_a_body_in_base64_is_judged_as_the_text_that_it_is() -> None:
    hello = {"response": {"base64Body": b64encode(b"Hello").decode()}}
    assert answered(hello) == ("valid", "")
    assert answered(hello, response_body=b"Bye") == ("violated", "")
    png = {"response": {"base64Body": b64encode(b"\x89PNG\xff").decode()}}
    assert answered(png, response_body=b"Bye") == ("valid", "")
    told = examine("wiremock", json.dumps({"request": {"url": "/a"}, **png}), where="here")
    assert any("bytes is not judged" in remark.said for remark in told.remarks)


FORM = {"content-type": "multipart/form-data; boundary=b"}


def several(*parts: tuple[str, str, str], end: str = "--b--\r\n") -> str:
    """A body of parts: name, content type, content."""
    lines = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {media}\r\n\r\n{text}\r\n'
        for name, media, text in parts
    ]
    return "".join(lines) + end


@pytest.mark.parametrize(
    ("pattern", "body", "told"),
    [
        ({"name": "info"}, several(("info", "a/b", "x")), "violated"),
        ({"name": "info"}, several(("other", "a/b", "x")), "not_checked"),
        (
            {"headers": {"Content-Type": {"contains": "json"}}},
            several(("a", "text/x", ""), ("b", "x/json", "")),
            "violated",
        ),
        (
            {"matchingType": "ALL", "bodyPatterns": [{"contains": "x"}]},
            several(("a", "a/b", "x"), ("b", "a/b", "y")),
            "not_checked",
        ),
        (
            {"matchingType": "ALL", "bodyPatterns": [{"equalToJson": {"i": 1}}]},
            several(("a", "a/b", '{ "i": 1 }')),
            "violated",
        ),
        ({"name": "info"}, several(("info", "a/b", "x"), end=""), "ambiguous_request"),
    ],
)
def test_parts_of_a_body_tell_whether_a_request_is_meant(
    pattern: dict[str, Any], body: str, told: str
) -> None:
    stub = {"request": {"multipartPatterns": [pattern]}, "response": {"status": 201}}
    assert told in answered(stub, request_body=body, request_headers=FORM)
    assert answered(stub, request_body=body) == ("not_checked", "no_interaction"), (
        "no form of parts"
    )


def test_a_pattern_of_parts_that_cannot_be_read_is_refused() -> None:
    for patterns in ({}, ["x"], [{"matchingType": "SOME"}], [{"headers": 1}]):
        stub = {"request": {"multipartPatterns": patterns or 1}, "response": {}}
        with pytest.raises(ContractError, match="multipartPatterns"):
            read_contract("wiremock", json.dumps(stub), where="stubs")
