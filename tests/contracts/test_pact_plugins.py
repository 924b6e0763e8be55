"""Pacts whose bodies the plugins for Protobuf and CSV wrote: calls, bodies and records against
their examples.
"""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import (
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from monitor.contracts.check import check_payloads
from monitor.contracts.form import Promise
from monitor.contracts.formats.proto_text import proto_file
from monitor.contracts.formats.protobuf_schema import class_of, from_text
from monitor.contracts.payloads import Payload
from monitor.contracts.read import examine, read_contract
from monitor.contracts.registry import InForce
from monitor.model.exchanges import Checked, Exchange
from tests.contracts import test_messages as topics
from tests.contracts.test_grpc import framed

PROTO = """
syntax = "proto3";
package area;
import "google/protobuf/struct.proto";
service Shapes { rpc Area (Asked) returns (Answer); rpc Each (Asked) returns (stream Answer); }
message Asked { oneof shape { Square square = 1; Box box = 2; } string note = 3; }
message Square { float edge = 1; }
message Box { float width = 1; float height = 2; repeated string tags = 3; }
message Answer {
  double total = 1; string unit = 2; Kind kind = 3; repeated double parts = 4;
  map<string, int64> counts = 5; google.protobuf.Struct more = 6; Box box = 7; int64 big = 8;
}
enum Kind { NONE = 0; PLANE = 1; }
"""
SCHEMA = from_text(PROTO, "x")
KEY = "0f"


def descriptors(*drop: str) -> str:
    """The set of the schema, in base64."""
    held = FileDescriptorSet(file=[proto_file(PROTO, "area.proto", "x")])
    for word in drop:
        del getattr(held.file[0], word)[:]
    held.file[0].dependency[:] = ["google/protobuf/struct.proto"]
    return base64.b64encode(held.SerializeToString()).decode()


def made(name: str, **fields: Any) -> bytes:
    wanted = SCHEMA.named(f"area.{name}")
    assert wanted is not None
    return class_of(wanted)(**fields).SerializeToString()


def shown(name: str, data: bytes, **rules: Any) -> dict[str, Any]:
    """A side as the plugin writes it; rules by path, with `_` for `$.` and `__` for dots."""
    held = {
        ("$." + path.replace("__", ".")): {"combine": "AND", "matchers": [rule]}
        for path, rule in rules.items()
    }
    return {
        "contents": {
            "content": base64.b64encode(data).decode(),
            "contentType": f"application/protobuf;message=.area.{name}",
            "contentTypeHint": "BINARY",
            "encoded": "base64",
        },
        "matchingRules": {"body": held},
        "metadata": {"contentType": f"application/protobuf;message=.area.{name}"},
    }


NUMBER, TYPE = {"match": "number"}, {"match": "type"}
ASKED = made("Asked", box={"width": 3, "height": 4})
ANSWER = made("Answer", total=12, unit="m2", kind=1)
ASKS = shown("Asked", ASKED, box__width=NUMBER, box__height=NUMBER)
ANSWERS = shown("Answer", ANSWER, total=NUMBER)


def pact(*interactions: dict[str, Any], packed: str = "") -> dict[str, Any]:
    configuration = {KEY: {"protoDescriptors": packed or descriptors(), "protoFile": PROTO}}
    return {
        "consumer": {"name": "web"},
        "provider": {"name": "areas"},
        "interactions": list(interactions),
        "metadata": {
            "pactSpecification": {"version": "4.0"},
            "plugins": [{"name": "protobuf", "version": "0.5", "configuration": configuration}],
        },
    }


def interaction(
    asks: dict[str, Any] = ASKS,
    *answers: dict[str, Any],
    service: str = ".area.Shapes/Area",
    **more: Any,
) -> dict[str, Any]:
    return {
        "type": "Synchronous/Messages",
        "description": "an area",
        "transport": "grpc",
        "pluginConfiguration": {"protobuf": {"descriptorKey": KEY, "service": service}},
        "request": asks,
        "response": list(answers or (ANSWERS,)),
    } | more


def promised(document: dict[str, Any]) -> Promise:
    return read_contract("pact", json.dumps(document), where="x")


def judged(exchange: Exchange, document: dict[str, Any]) -> Checked:
    held = InForce("areas", 1, promised(document), 0, 2**63 - 1, "areas")
    request = Payload(exchange.request_body, exchange.request_headers)
    response = Payload(exchange.response_body, exchange.response_headers)
    return check_payloads(exchange, request, response, [held], str)


GRPC = {"content-type": "application/grpc"}
CALL = Exchange(
    *("s", 0, 0, 0, 1, None, "POST", "/area.Shapes/Area", "", "", 200, "web", "1", "areas", "2"),
    *("", "production", b"", b""),
    protocol="grpc",
    request_headers=GRPC,
    response_headers=GRPC | {"grpc-status": "0"},
    request_body=framed(ASKED),
    response_body=framed(ANSWER),
)  # fmt: skip


def said(checked: Checked) -> tuple[str, str, list[tuple[str, str]]]:
    return (
        checked.outcome,
        checked.reason,
        [(violation.rule, violation.pointer) for violation in checked.violations],
    )


@pytest.mark.parametrize("service", [".area.Shapes/Area", "Shapes/Area", "area.Shapes/Area"])
def test_a_call_of_grpc_is_held_against_the_example_of_its_method(service: str) -> None:
    document = pact(interaction(service=service))
    assert said(judged(CALL, document)) == ("valid", "", [])
    assert said(judged(replace(CALL, path="/area.Shapes/Other"), document))[1] == "no_interaction"


def answered(**fields: Any) -> Exchange:
    return replace(CALL, response_body=framed(made("Answer", **fields)))


OTHER_TYPE = made("Answer", total=1, unit="m2", kind=1).replace(b"\x18\x01", b"\x1a\x01x")
LIKE = {"total": 5, "unit": "m2", "kind": 1}


@pytest.mark.parametrize(
    ("live", "broken"),
    [
        (answered(**LIKE), []),
        (answered(**LIKE, box={"width": 1}, counts={"a": 1}), []),  # responses may tell more
        (answered(**LIKE, parts=[1, 2]), []),  # no rule speaks of the list
        (answered(total=5, unit="ft", kind=1), [("equality", "/unit")]),
        (answered(total=5, kind=1), [("equality", "/unit")]),  # absent is the default
        (answered(total=5, unit="m2"), [("equality", "/kind")]),
        (answered(unit="m2", kind=1), []),  # 0 is a number too
        (replace(CALL, response_body=framed(b"")), [("equality", "/unit"), ("equality", "/kind")]),
        (replace(CALL, response_body=framed(OTHER_TYPE)), [("wire_type", "/kind")]),
        (replace(CALL, response_body=framed(b"\x0f")), [("not_protobuf", "")]),
    ],
)  # fmt: skip
def test_fields_are_compared_by_value_or_by_their_rules(
    live: Exchange, broken: list[tuple[str, str]]
) -> None:
    checked = judged(live, pact(interaction()))
    assert said(checked) == ("violated" if broken else "valid", "", broken)


def test_what_a_request_tells_besides_makes_it_another_one() -> None:
    document = pact(interaction())
    more = replace(CALL, request_body=framed(made("Asked", box={"width": 1}, note="x")))
    assert said(judged(more, document))[1] == "no_interaction"
    # a default is not there, written or not; the list of another shape is nobody's affair
    same = replace(CALL, request_body=framed(made("Asked", box={"width": 1, "tags": ["a"]})))
    assert judged(same, document).outcome == "valid"


def test_lists_maps_and_documents_are_held_against_their_rules() -> None:
    answer = made(
        "Answer", parts=[1, 2], counts={"a": 1}, more={"at": "2024-01-01"}, box={"tags": ["x1"]}
    )
    rules = {
        "parts": {"match": "type", "min": 1},
        "counts": {"match": "values"},
        "counts__*": {"match": "integer"},
        "more__at": {"match": "date", "format": "yyyy-MM-dd"},
        "box__tags__*": {"match": "regex", "regex": "x[0-9]"},
    }
    document = pact(interaction(ASKS, shown("Answer", answer, **rules)))

    def told(**fields: Any) -> list[tuple[str, str]]:
        kept = {
            "parts": [7],
            "counts": {"b": 2},
            "more": {"at": "2025-02-02"},
            "box": {"tags": ["x2"]},
        }
        return said(judged(answered(**(kept | fields)), document))[2]

    assert told() == []
    assert told(parts=[]) == [("type", "/parts")]
    assert told(more={"at": "soon"}) == [("date", "/more/at")]
    assert told(more={}) == [("missing_key", "/more/at")]
    assert told(box={"tags": ["x1", "y"]}) == [("regex", "/box/tags/*")]
    assert told(counts={"b": 2, "c": 3}) == []


def test_a_list_that_the_test_named_is_compared_item_by_item() -> None:
    answer = shown("Answer", made("Answer", total=1, parts=[1, 2]))
    plain = interaction(ASKS, answer)
    named = interaction(ASKS, answer)
    named["pluginConfiguration"] = {
        "protobuf": plain["pluginConfiguration"]["protobuf"]
        | {"expectations": {"response": {"total": "1", "parts": "x"}}}
    }
    live = answered(total=1, parts=[1])
    assert judged(live, pact(plain)).outcome == "valid"
    (left,) = examine("pact", json.dumps(pact(plain)), where="x").remarks
    assert (left.pointer, "$.parts" in left.said) == ("/interactions/0/response/0/contents", True)
    assert said(judged(live, pact(named)))[2] == [("missing_item", "/parts/*")]


def test_a_default_that_the_example_writes_is_asked_for() -> None:
    written = shown("Answer", made("Answer", total=1) + b"\x12\x00")  # unit = ""
    document = pact(interaction(ASKS, written))
    assert judged(answered(total=1), document).outcome == "valid"
    assert said(judged(answered(total=1, unit="m"), document))[2] == [("equality", "/unit")]


def test_a_call_that_should_fail_fails_with_its_code() -> None:
    answer = ANSWERS | {"metadata": {"grpc-status": "NOT_FOUND", "grpc-message": "x"}}
    document = pact(interaction(ASKS, answer))
    gone = replace(CALL, response_body=None, response_headers=GRPC | {"grpc-status": "5"})
    assert judged(gone, document).outcome == "valid"
    assert said(judged(CALL, document)) == ("violated", "", [("status", "/status")])
    assert said(judged(gone, pact(interaction()))) == ("violated", "", [("status", "/status")])


def test_one_of_several_answers_is_enough() -> None:
    other = shown("Answer", made("Answer", total=1, unit="ft", kind=1), total=NUMBER)
    document = pact(interaction(ASKS, ANSWERS, other))
    assert judged(answered(total=9, unit="ft", kind=1), document).outcome == "valid"
    assert said(judged(answered(total=9, unit="km", kind=1), document))[2] == [
        ("equality", "/unit")
    ]


def test_metadata_of_a_call_are_headers() -> None:
    asks = ASKS | {"metadata": {"contentType": "x", "tenant": "a"}}
    asks["matchingRules"] = asks["matchingRules"] | {"metadata": {"tenant": {"matchers": [TYPE]}}}
    answer = ANSWERS | {"metadata": {"region": "eu"}}
    document = pact(interaction(asks, answer))
    live = replace(
        CALL,
        request_headers=GRPC | {"tenant": "b"},
        response_headers={**CALL.response_headers, "region": "us"},
    )
    assert said(judged(live, document))[2] == [("header", "/headers/region")]
    assert said(judged(CALL, document))[1] == "no_interaction"


@pytest.mark.parametrize(
    "changes",
    [
        {"request_body": base64.b64encode(framed(ASKED)).decode()},
        {
            "request_headers": {"content-type": "application/proto"},
            "response_headers": {"content-type": "application/proto"},
            "request_body": ASKED,
            "response_body": ANSWER,
        },
        {
            "request_headers": {"content-type": "application/json"},
            "response_headers": {"content-type": "application/json"},
            "request_body": b'{"box": {"width": 1, "height": 2}}',
            "response_body": b'{"total": 3, "unit": "m2", "kind": "PLANE", "later": 1}',
        },
        {"status": 0, "status_told": False},
    ],
)
def test_a_call_is_read_in_each_of_its_envelopes(changes: dict[str, Any]) -> None:
    document = pact(interaction())
    live = replace(CALL, **changes)
    assert said(judged(live, document)) == ("valid", "", [])
    broken = {b"m2": b"ft"}
    body = live.response_body
    assert isinstance(body, bytes)
    for good, bad in broken.items():
        checked = judged(replace(live, response_body=body.replace(good, bad)), document)
        assert said(checked)[2] == [("equality", "/unit")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"response_body": None}, "no_body"),
        ({"response_body": framed(ANSWER)[:-3]}, "truncated"),
        ({"redacted": True}, "redacted_bytes"),
        ({"response_headers": {"content-type": "text/html", "grpc-status": "0"}}, "media_type"),
        ({"status": 499}, "no_response"),
    ],
)
def test_what_cannot_be_seen_of_a_call_is_not_checked(
    changes: dict[str, Any], reason: str
) -> None:
    checked = judged(replace(CALL, **changes), pact(interaction()))
    assert (checked.outcome, checked.reason) == ("not_checked", reason)


def http(**changes: Any) -> dict[str, Any]:
    def side(name: str, data: bytes, rules: dict[str, Any]) -> dict[str, Any]:
        media = f"application/protobuf; message=.area.{name}"
        return {
            "headers": {"content-type": [media]},
            "body": shown(name, data)["contents"] | {"contentType": media},
            "matchingRules": {"body": rules},
        }

    rules = shown("x", b"", total=NUMBER, box__width=NUMBER, box__height=NUMBER)
    body_rules = rules["matchingRules"]["body"]
    return {
        "type": "Synchronous/HTTP",
        "description": "an area by HTTP",
        "pluginConfiguration": {
            "protobuf": {
                "request": {"descriptorKey": KEY, "message": ".area.Asked"},
                "response": {"descriptorKey": KEY, "message": ".area.Answer"},
            }
        },
        "request": {"method": "POST", "path": "/area"} | side("Asked", ASKED, body_rules),
        "response": {"status": 200} | side("Answer", ANSWER, body_rules),
    } | changes


def test_bodies_of_http_are_messages_by_the_configuration_of_their_side() -> None:
    document = pact(http())
    media = {"content-type": "application/protobuf; message=.area.{}"}
    live = replace(
        CALL,
        path="/area",
        protocol="http",
        request_body=ASKED,
        response_body=made("Answer", total=1, unit="m2", kind=1),
        request_headers={"content-type": media["content-type"].format("Asked")},
        response_headers={"content-type": media["content-type"].format("Answer")},
    )
    assert said(judged(live, document)) == ("valid", "", [])
    other = replace(live, response_body=made("Answer", total=1, unit="ft", kind=1))
    assert said(judged(other, document))[2] == [("equality", "/unit")]
    page = replace(live, response_headers={"content-type": "text/html"}, response_body=b"<p>")
    assert {rule for rule, _ in said(judged(page, document))[2]} == {"header", "content_type"}


def message(**changes: Any) -> dict[str, Any]:
    return (
        {
            "type": "Asynchronous/Messages",
            "description": "an area was found",
            "pluginConfiguration": {"protobuf": {"descriptorKey": KEY, "message": ".area.Answer"}},
            "metadata": {
                "contentType": "application/protobuf;message=.area.Answer",
                "topic": "areas",
            },
        }
        | shown("Answer", ANSWER, total=NUMBER)
        | {"metadata": {"topic": "areas"}}
        | changes
    )


def test_records_of_a_topic_are_messages_too() -> None:
    contract = topics.held(json.dumps(pact(message())))
    for body, broken in (
        (made("Answer", total=2, unit="m2", kind=1), []),
        (made("Answer", total=2, unit="ft", kind=1), [("request", "equality", "/unit")]),
        (b"\x0f", [("request", "not_protobuf", "")]),
    ):
        checked = topics.judged(body, contract, topic="areas")
        assert topics.said(checked) == ("violated" if broken else "valid", "", broken)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (pact(interaction()) | {"metadata": {"pactSpecification": {"version": "4.0"}}}, "does not bring"),
        (pact(message(), packed="!!"), "cannot be read"),
        (pact(message(), packed=base64.b64encode(b"\x0a\x03\xff\xff\xff").decode()), "cannot be read"),
        (pact(message(), packed=descriptors("message_type", "service")), "no message"),
        (pact(message() | shown("Answer", b"\xff\xff")), "are no area.Answer"),
        (pact(message(contents={"content": {"a": 1}, "encoded": False})), "neither text"),
        (pact(interaction(service="Shapes/Each")), "of a stream"),
        (pact(interaction(service="Shapes/None")), "no such method"),
    ],
)  # fmt: skip
def test_what_the_plugin_left_out_is_named_and_not_judged(
    document: dict[str, Any], words: str
) -> None:
    examined = examine("pact", json.dumps(document), where="x")
    assert any(words in remark.said for remark in examined.remarks), examined.remarks
    assert all(remark.kind == "unjudged" for remark in examined.remarks)


def csv_pact(*, headed: bool) -> dict[str, Any]:
    text = ("Name,Number,At\n" if headed else "") + "Ann,100,2000-01-01\n"
    columns = ("Name", "Number", "At") if headed else ("1", "2", "3")
    rules = ({"match": "type"}, {"match": "number"}, {"match": "date", "format": "yyyy-MM-dd"})
    entry = {
        "type": "Synchronous/HTTP",
        "description": "a report",
        "pluginConfiguration": {"csv": {"csvHeaders": headed}},
        "request": {"method": "GET", "path": "/report.csv"},
        "response": {
            "status": 200,
            "headers": {"content-type": ["text/csv;charset=UTF-8"]},
            "body": {"content": text, "contentType": "text/csv;charset=UTF-8", "encoded": False},
            "matchingRules": {
                "body": {
                    f"column:{name}": {"matchers": [rule]}
                    for name, rule in zip(columns, rules, strict=True)
                }
            },
        },
    }
    document = pact(entry)
    document["metadata"]["plugins"] = [{"name": "csv", "version": "0.0.6", "configuration": {}}]
    return document


@pytest.mark.parametrize(
    ("headed", "body", "broken"),
    [
        (True, "Name,Number,At\nBob,7,2024-05-05\n", []),
        (True, "At,More,Number,Name\n2024-05-05,x,7,Bob\n", []),
        (True, "Name,At\nBob,2024-05-05\n", [("missing_key", "/*/Number")]),
        (True, "Name,Number,At\nBob,7,2024-05-05\nEve,x,2024-05-05\n", [("number", "/*/Number")]),
        (True, "Name,Number,At\n", [("missing_item", "/*")]),
        (True, "\ufeffName,Number,At\nBob,7,2024-05-05\n", []),  # as spreadsheets write it
        (False, '"Bob, Jr",7,2024-05-05\n', []),
        (False, "Bob,7\n", [("missing_key", "/*/3")]),
        (False, "Bob,7,soon,more\n", [("date", "/*/3")]),
    ],
)
def test_every_row_of_csv_is_held_against_the_row_of_the_example(
    headed: bool, body: str, broken: list[tuple[str, str]]
) -> None:
    live = replace(
        CALL,
        method="GET",
        path="/report.csv",
        protocol="http",
        request_body=None,
        request_headers={},
        response_headers={"content-type": "text/csv;charset=UTF-8"},
        response_body=body,
    )
    checked = judged(live, csv_pact(headed=headed))
    assert said(checked) == ("violated" if broken else "valid", "", broken)


def test_rules_that_speak_of_nothing_shown_are_named() -> None:
    document = csv_pact(headed=True)
    rules = document["interactions"][0]["response"]["matchingRules"]
    rules["body"]["column:Street"] = rules["trailers"] = {"matchers": [TYPE]}
    place = "/interactions/0/response/matchingRules"
    remarks = examine("pact", json.dumps(document), where="x").remarks
    assert {remark.pointer for remark in remarks} == {
        f"{place}/body/column:Street",
        f"{place}/trailers/$",
    }


def grouped() -> str:
    """Descriptors of an answer in proto2 whose messages are groups, in base64."""
    file = FileDescriptorProto(name="old.proto", package="area", syntax="proto2")
    answer, asked = file.message_type.add(name="Answer"), file.message_type.add(name="Asked")
    number = {"number": 1, "type": FieldDescriptorProto.TYPE_INT32}
    optional = FieldDescriptorProto.LABEL_OPTIONAL
    answer.nested_type.add(name="It").field.add(name="a", label=optional, **number)
    asked.field.add(name="n", label=optional, **number)
    for place, (name, label) in enumerate(
        (("each", FieldDescriptorProto.LABEL_REPEATED), ("it", optional)), 1
    ):
        kind = FieldDescriptorProto.TYPE_GROUP
        answer.field.add(
            name=name, number=place, type=kind, type_name=".area.Answer.It", label=label
        )
    types = {"input_type": ".area.Asked", "output_type": ".area.Answer"}
    file.service.add(name="Shapes").method.add(name="Area", **types)
    return base64.b64encode(FileDescriptorSet(file=[file]).SerializeToString()).decode()


def test_groups_of_older_messages_are_held_against_their_examples() -> None:
    """https://protobuf.dev/programming-guides/encoding/#groups"""
    each, single, other = b"\x0b\x08\x01\x0c", b"\x13\x08\x01\x14", b"\x13\x08\x02\x14"
    asks = shown("Asked", b"\x08\x01")
    call = replace(CALL, request_body=framed(b"\x08\x01"))
    answers = shown("Answer", each + single, each=TYPE | {"min": 1}, each__a={"match": "integer"})
    document = pact(interaction(asks, answers), packed=grouped())
    assert said(judged(replace(call, response_body=framed(each * 2 + single)), document)) == (
        "valid",
        "",
        [],
    )
    for body, broken in ((each + other, ("equality", "/it/a")), (single, ("type", "/each"))):
        checked = judged(replace(call, response_body=framed(body)), document)
        assert said(checked)[2] == [broken]
