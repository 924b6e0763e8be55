"""gRPC calls, bare, framed and as gRPC-Web, against the methods of a published .proto."""

import base64
import gzip
import json
import struct
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from monitor.contracts.formats.proto_text import proto_file
from monitor.contracts.formats.protobuf_schema import class_of, from_text
from monitor.contracts.read import examine, read_contract
from monitor.contracts.registry import InForce
from monitor.model.exchanges import Checked, Exchange
from tests.contracts.test_graphql import judged, said
from tests.fixtures.effort import Effort

SHOP = """
syntax = "proto3";
package shop.v1;
import "google/protobuf/empty.proto";
service Orders {
  rpc Get (Asked) returns (Order);
  rpc Old (Asked) returns (Order) { option deprecated = true; }
  rpc Watch (Asked) returns (stream Order);
  rpc Ping (google.protobuf.Empty) returns (google.protobuf.Empty);
}
message Asked { string id = 1; }
message Order { int64 id = 1; repeated Line lines = 2; Kind kind = 3; string note = 4 [deprecated = true]; }
message Line { string sku = 1; int32 qty = 2; }
enum Kind { NONE = 0; WEB = 1; }
"""
NEWER = SHOP.replace("WEB = 1;", "WEB = 1; APP = 2;").replace(
    "string sku = 1;", "string sku = 1; string more = 9;"
)
OTHER = SHOP.replace("int64 id = 1", "string id = 1")
PROTO2 = 'syntax = "proto2"; package old; service S { rpc Do (A) returns (A); } message A { required string a = 1; optional K k = 2; } enum K { X = 1; Y = 2; }'


def held(text: str = SHOP) -> InForce:
    return InForce(
        "shop-protobuf", 1, read_contract("protobuf", text, where="x"), 0, 2**63 - 1, "shop"
    )


def made(text: str = SHOP, name: str = "shop.v1.Order", **fields: Any) -> bytes:
    wanted = from_text(text, "x").named(name)
    assert wanted is not None
    return class_of(wanted)(**fields).SerializeToString()


def framed(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + struct.pack(">I", len(data)) + data


ASKED, ORDER = (
    made(name="shop.v1.Asked", id="7"),
    made(id=7, lines=[{"sku": "a", "qty": 1}], kind=1),
)
GRPC = {"content-type": "application/grpc"}


def call(
    request: Any, response: Any, path: str = "/shop.v1.Orders/Get", status: int = 200, **other: Any
) -> Exchange:
    asked, answered = other.get("asked", GRPC), other.get("answered", GRPC | {"grpc-status": "0"})
    return Exchange(
        "s", 0, 0, 0, 1, None, "POST", path, "", "", status, "web", "1", "shop", "2", "", "production", b"", b"", protocol="grpc",
        request_headers=asked, response_headers=answered, request_body=request, response_body=response,
        request_truncated=other.get("cut", False), redacted=other.get("redacted", False),
    )  # fmt: skip


ENVELOPES = {
    "bare": (ASKED, ORDER, GRPC),
    "framed": (framed(ASKED), framed(ORDER), GRPC),
    "base64": (base64.b64encode(framed(ASKED)).decode(), base64.b64encode(ORDER).decode(), GRPC),
    "web": (
        framed(ASKED),
        framed(ORDER) + framed(b"grpc-status: 0\r\n", 0x80),
        {"content-type": "application/grpc-web+proto"},
    ),
    "web-text": (
        base64.b64encode(framed(ASKED)),
        base64.b64encode(framed(ORDER)) + base64.b64encode(framed(b"grpc-status:0\r\n", 0x80)),
        {"content-type": "application/grpc-web-text"},
    ),
}


@pytest.mark.parametrize("kind", ENVELOPES)
def test_however_a_log_carries_the_messages_they_are_judged(kind: str) -> None:
    request, response, media = ENVELOPES[kind]
    checked = judged(call(request, response, asked=media, answered=media), held())
    assert said(checked) == ("valid", "", [])
    assert (
        checked.operation,
        [(evidence.interaction, evidence.shown) for evidence in checked.evidence],
    ) == (
        "shop.v1.Orders/Get",
        [("shop.v1.Orders/Get", "kept")],
    )
    other = judged(call(request, response, asked=media, answered=media), held(OTHER))
    assert said(other) == ("violated", "", [("response", "wire_type", "/id")])
    assert [evidence.shown for evidence in other.evidence] == ["broken"]


def test_gzip_in_a_frame_is_undone_and_an_unknown_coding_is_told() -> None:
    packed = framed(gzip.compress(ORDER), 1)
    assert (
        said(
            judged(call(framed(ASKED), packed, answered=GRPC | {"grpc-encoding": "gzip"}), held())
        )[0]
        == "valid"
    )
    odd = judged(call(framed(ASKED), packed, answered=GRPC | {"grpc-encoding": "odd"}), held())
    assert said(odd) == ("not_checked", "encoded", [])


def test_what_each_side_breaks_is_its_own() -> None:
    wrong = made(OTHER, id="x")
    assert said(judged(call(ASKED, wrong), held()))[2] == [("response", "wire_type", "/id")]
    assert said(
        judged(call(made(name="shop.v1.Line", qty=5) + b"\x0d\x00\x00\x00\x00", ORDER), held())
    )[2] == [("request", "wire_type", "/id")]
    # a frame that is whole holds all that its sender wrote
    assert said(judged(call(ASKED, framed(ORDER[:-1])), held()))[2] == [
        ("response", "not_protobuf", "")
    ]
    assert said(judged(call(ASKED, b'{"id": 7}'), held()))[2] == [("response", "not_protobuf", "")]
    do = {"path": "/old.S/Do"}
    assert said(judged(call(b"\x0a\x01x", b"\x10\x01", **do), held(PROTO2)))[2] == [
        ("response", "required", "/a")
    ]
    assert said(judged(call(b"\x0a\x01x\x10\x07", b"\x0a\x01x", **do), held(PROTO2)))[2] == [
        ("request", "enum", "/k")
    ]


def test_the_status_of_grpc_tells_whether_an_answer_was_promised() -> None:
    failed = judged(call(ASKED, None, answered=GRPC | {"grpc-status": "5"}), held())
    assert said(failed) == ("valid", "", [])
    assert said(judged(call(ASKED, None), held())) == ("not_checked", "no_body", [])
    assert said(
        judged(call(ASKED, "<html>", status=503, answered={"content-type": "text/html"}), held())
    ) == (
        "not_checked",
        "media_type",
        [],
    )
    assert said(judged(call(ASKED, None, status=0), held())) == ("not_checked", "no_response", [])


def test_methods_that_are_not_there_and_services_of_others() -> None:
    assert said(judged(call(ASKED, ORDER, "/shop.v1.Orders/Gone"), held()))[2] == [
        ("request", "undocumented_operation", "")
    ]
    gone = judged(
        call(ASKED, None, "/shop.v1.Orders/Gone", answered=GRPC | {"grpc-status": "12"}), held()
    )
    assert said(gone) == ("not_checked", "not_offered", [])
    assert judged(call(b"", b"", "/grpc.health.v1.Health/Check"), held()).reason == "no_contract"
    assert said(judged(call(ASKED, ORDER, "/gateway/shop.v1.Orders/Get"), held()))[0] == "valid"


def test_what_a_newer_sender_adds_and_what_is_deprecated_is_observed() -> None:
    more = made(NEWER, id=1, kind=2, note="x", lines=[{"sku": "a", "more": "b"}])
    checked = judged(call(ASKED, more, "/shop.v1.Orders/Old"), held())
    assert checked.outcome == "valid"
    assert {
        (observation.code, observation.side, observation.subject)
        for observation in checked.observations
    } == {
        ("deprecated_operation", "request", ""),
        ("undeclared_enum_value", "response", "shop.v1.Order.kind"),
        ("deprecated_field", "response", "shop.v1.Order.note"),
        ("undeclared_field", "response", "shop.v1.Line"),
    }


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (call(ASKED, ORDER[:-1]), "truncated"),
        (call(ASKED, framed(ORDER)[:-1]), "truncated"),
        (call(ASKED, ORDER, cut=True), "truncated"),
        (call(ASKED, ORDER, redacted=True), "redacted_bytes"),
        (call(ASKED, "not base64!"), "encoded"),
        (call("<id>7</id>", ORDER, asked={"content-type": "text/xml"}), "media_type"),
        (
            call('{"id": "7"}', ORDER, asked={"content-type": "application/json"}, redacted=True),
            "redacted_bytes",
        ),
        (call(ASKED, framed(ORDER) * 201, "/shop.v1.Orders/Watch"), "too_large"),
    ],
)
def test_what_cannot_be_judged_says_why(exchange: Exchange, reason: str) -> None:
    assert said(judged(exchange, held())) == ("not_checked", reason, [])


JSON, WEB_JSON = {"content-type": "application/json"}, {"content-type": "application/grpc+json"}
GOOD_JSON = b'{"id": "7", "lines": [{"sku": "a", "qty": 1}], "kind": "WEB"}'


def test_connect_and_json_over_grpc_are_judged_by_the_same_method() -> None:
    """https://connectrpc.com/docs/protocol/"""
    proto = {"content-type": "application/proto"}
    for request, response, asked, answered in (
        (b'{"id": "7"}', GOOD_JSON, JSON, JSON),
        (framed(b'{"id": "7"}'), framed(GOOD_JSON), WEB_JSON, WEB_JSON | {"grpc-status": "0"}),
        (ASKED, ORDER, proto, proto),
        (b"{}", b"{}", JSON, JSON),
    ):
        assert said(judged(call(request, response, asked=asked, answered=answered), held())) == (
            "valid",
            "",
            [],
        )
    for wrong, broken in (
        (b'{"id": "secret"}', ("response", "proto_json", "/id")),
        (b'{"lines": [{"sku": "a", "qty": {}}]}', ("response", "proto_json", "/lines/*/qty")),
        (b'{"id": 1, "id": 2}', ("response", "duplicate_key", "")),
        (b"[]", ("response", "type", "")),
        (b'{"id": NaN', ("response", "not_json", "")),
        (b'{"lines":[' * 200, ("response", "not_json", "")),
    ):
        checked = judged(call(b"{}", wrong, asked=JSON, answered=JSON), held())
        assert said(checked)[2] == [broken]
        assert "secret" not in repr(checked)
    newer = judged(call(b"{}", b'{"more": 1}', asked=JSON, answered=JSON), held())
    assert (
        newer.outcome,
        [(observation.code, observation.subject) for observation in newer.observations],
    ) == (
        "valid",
        [("undeclared_field", "shop.v1.Order")],
    )
    kind = judged(call(b"{}", b'{"kind": "APP"}', asked=JSON, answered=JSON), held())
    assert [(observation.code, observation.subject) for observation in kind.observations] == [
        ("undeclared_enum_value", "shop.v1.Order.kind")
    ]
    failed = b'{"code": "not_found", "message": "no such order"}'
    assert said(judged(call(b"{}", failed, status=404, asked=JSON, answered=JSON), held())) == (
        "valid",
        "",
        [],
    )
    assert (
        said(judged(call(b"{}", b'{"error": 1}', status=500, asked=JSON, answered=JSON), held()))[
            1
        ]
        == "media_type"
    )
    stream = {"content-type": "application/connect+json"}
    ended = framed(GOOD_JSON) + framed(b'{"id": []}') + framed(b'{"metadata": {}}', 2)
    watched = judged(
        call(framed(b"{}"), ended, "/shop.v1.Orders/Watch", asked=stream, answered=stream), held()
    )
    assert said(watched)[2] == [("response", "proto_json", "/id")]


def test_a_call_of_connect_by_get_has_its_message_in_the_query() -> None:
    asked = call(None, GOOD_JSON, asked={}, answered=JSON)
    for query, outcome, broken in (
        ("message=%7B%22id%22%3A%227%22%7D&encoding=json", "valid", []),
        (
            f"message={base64.urlsafe_b64encode(ASKED).decode().rstrip('=')}&encoding=proto&base64=1&connect=v1",
            "valid",
            [],
        ),
        (
            "message=%7B%22id%22%3A7%7D&encoding=json",
            "violated",
            [("request", "proto_json", "/id")],
        ),
        ("message=x&encoding=json&compression=gzip", "not_checked", []),
    ):
        checked = judged(replace(asked, method="GET", query=query, query_known=True), held())
        assert (checked.outcome, said(checked)[2]) == (outcome, broken), query


def test_a_unary_call_has_one_message_a_side_and_hostile_bytes_are_bounded_together() -> None:
    twice = judged(call(framed(ASKED), framed(ORDER) * 2), held())
    assert said(twice)[2] == [("response", "one_message", "")]
    packed = framed(gzip.compress(made(OTHER, id="a" * 900_000)), 1) * 100
    answered = GRPC | {"grpc-status": "0", "grpc-encoding": "gzip"}
    bombs = judged(
        call(framed(ASKED), packed, "/shop.v1.Orders/Watch", answered=answered), held(OTHER)
    )
    assert said(bombs) == ("not_checked", "too_large", [])
    effort = Effort()
    assert judged(call(framed(ASKED), framed(b"\x12\x00" * 400_000)), held()).reason == "too_large"
    assert effort.seconds() < 2


def test_streams_are_judged_message_by_message_and_empty_messages_are_messages() -> None:
    many = framed(ORDER) + framed(made(OTHER, id="x")) + framed(b"")
    assert said(judged(call(ASKED, many, "/shop.v1.Orders/Watch"), held()))[2] == [
        ("response", "wire_type", "/id")
    ]
    assert (
        said(judged(call(framed(b""), framed(b""), "/shop.v1.Orders/Ping"), held()))[0] == "valid"
    )
    shown = examine("", SHOP, where="x")
    assert [remark.pointer for remark in shown.remarks] == ["/shop.v1.Orders.Watch"]
    assert (shown.told()["units"], shown.told()["messages"]) == (4, 0)


def test_a_descriptor_set_names_its_services_and_hostile_bytes_take_no_time() -> None:
    packed = base64.b64encode(
        FileDescriptorSet(file=[proto_file(PROTO2, "old.proto", "x")]).SerializeToString()
    ).decode()
    contract = InForce(
        "old",
        1,
        read_contract("protobuf", json.dumps({"descriptor_set": packed}), where="x"),
        0,
        2**63 - 1,
    )
    assert said(judged(call(b"\x0a\x01x", b"\x10\x01", "/old.S/Do"), contract))[2] == [
        ("response", "required", "/a")
    ]
    hostile = (
        b"\x00\xff\xff\xff\xff",
        b"\x00" * 999_999,
        b"\xff" * 100_000,
        b"\x0b" * 50_000,
        b"\x80",
        b"\x01\x00\x00\x00\x01\x1f",
    )
    for data in hostile:
        checked: Checked = judged(call(ASKED, data), held())
        assert checked.outcome in ("not_checked", "violated", "valid")


@pytest.mark.parametrize(
    ("media", "body", "length", "outcome"),
    [
        ("application/grpc", framed(b""), "", ("valid", "")),
        ("application/grpc", base64.b64encode(framed(b"")).decode(), "", ("valid", "")),
        ("application/proto", b"", "0", ("valid", "")),
        ("application/proto", b"", "", ("not_checked", "no_body")),  # nobody says that it is whole
        ("application/grpc", b"", "0", ("not_checked", "no_body")),  # a message has its frame
        ("", b"", "0", ("not_checked", "no_body")),
        ("application/json", b"", "0", ("not_checked", "no_body")),
    ],
)
def test_a_message_without_a_field_is_a_message(
    media: str, body: Any, length: str, outcome: tuple[str, str]
) -> None:
    headers = {"content-type": media} | ({"content-length": length} if length else {})
    exchange = call(
        body, body, "/shop.v1.Orders/Ping", asked=headers, answered=headers | {"grpc-status": "0"}
    )
    checked = judged(exchange, held())
    assert (checked.outcome, checked.reason) == outcome
