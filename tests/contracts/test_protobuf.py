"""Protobuf records, framed and bare, against .proto texts and descriptor sets; what the wire
shows, and hostile bytes.
"""

import base64
import json
import struct
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.carried import Carried
from monitor.contracts.formats.proto_text import proto_file
from monitor.contracts.formats.proto_words import looks_like_proto
from monitor.contracts.formats.protobuf import with_imports
from monitor.contracts.formats.protobuf_schema import class_of, from_text
from monitor.contracts.framing import Writer
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.read import document_of, examine, kind_of, read_contract
from monitor.errors import ContractError
from tests.contracts.test_avro import judged
from tests.contracts.test_messages import held, said

ORDER = """
// the shop's
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/api/annotations.proto";

message Order {
  int64 id = 1;
  repeated Line lines = 2;
  map<string, Line> by_name = 3;
  oneof paid { string card = 4; int32 cents = 5; }
  optional string note = 6 [deprecated = true];
  google.protobuf.Timestamp at = 7;
  Kind kind = 8;
  reserved 9, 11 to 15;
  reserved "old";
  message Line { string sku = 1; int32 qty = 2; }
  enum Kind { UNKNOWN = 0; WEB = 1; }
}
"""
TOPIC = '// x-seamwatch: {"topic": "orders"}\n' + ORDER
OLD = 'syntax = "proto2"; message Old { required string a = 1; optional K k = 2; optional group G = 3 { optional int32 n = 1; } enum K { A = 1; B = 2; } }'


def made(text: str = ORDER, name: str = "shop.Order", **fields: Any) -> bytes:
    wanted = from_text(text, "x").named(name)
    assert wanted is not None
    return class_of(wanted)(**fields).SerializeToString()


GOOD = made(
    id=7, lines=[{"sku": "a", "qty": 1}], by_name={"x": {"sku": "b"}}, card="c", note="n", kind=1
)


def test_bare_bytes_are_read_by_the_only_message_of_the_contract() -> None:
    contract = held(TOPIC, "protobuf")
    assert said(judged(GOOD, contract)) == ("valid", "", [])
    assert said(judged(GOOD + made(id=8), contract)) == ("valid", "", [])
    for bad in (
        GOOD[:-1],
        b"\x0a\xff\xff\xff\xff\x7f",
        b"\xff" * 12,
        b'{"id": 1}',
        b"\x32\x02\xff\xfe",
    ):
        assert said(judged(bad, contract)) == (
            "violated",
            "",
            [("request", "not_protobuf", "")],
        ), bad
    assert said(judged(b"", contract)) == ("not_checked", "no_body", [])


def test_a_field_that_comes_as_another_type_is_told_by_its_place() -> None:
    contract = held(TOPIC, "protobuf")
    for before, after, value, pointer in (
        ("int64 id = 1", "string id = 1", {"id": "7"}, "/id"),
        ("string sku = 1", "int32 sku = 1", {"lines": [{"sku": 5}]}, "/lines/*/sku"),
        ("string sku = 1", "int32 sku = 1", {"by_name": {"k": {"sku": 5}}}, "/by_name/*/sku"),
        ("optional string note = 6", "optional double note = 6", {"note": 1.5}, "/note"),
    ):
        checked = judged(made(ORDER.replace(before, after), **value), contract)
        assert said(checked) == ("violated", "", [("request", "wire_type", pointer)])
    newer = ORDER.replace("Kind kind = 8;", "Kind kind = 8; string more = 100;")
    assert said(judged(made(newer, id=1, more="x"), contract)) == ("valid", "", [])
    assert said(judged(made(newer, more="x"), contract)) == (
        "not_checked",
        "undeclared_fields_only",
        [],
    )


def test_what_proto2_requires_and_its_closed_enums_are_held() -> None:
    contract = held('// x-seamwatch: {"topic": "orders"}\n' + OLD, "protobuf")
    assert said(judged(made(OLD, "Old", a="x", k=2, g={"n": 1}), contract)) == ("valid", "", [])
    assert said(judged(b"\x10\x02", contract)) == ("violated", "", [("request", "required", "/a")])
    assert said(judged(b"\x0a\x01x\x10\x07", contract)) == (
        "violated",
        "",
        [("request", "enum", "/k")],
    )


def test_a_frame_names_the_message_by_its_indexes() -> None:
    two = TOPIC + "message Gone { string why = 1; message Inner { int32 n = 1; } }"
    several = held(two, "protobuf")
    known: dict[Any, Any] = {
        7: Writer(
            "protobuf", ORDER + "message Gone { string why = 1; message Inner { int32 n = 1; } }"
        )
    }
    begin = b"\x00" + struct.pack(">I", 7)
    assert said(judged(begin + b"\x00" + GOOD, several, known=known)) == ("valid", "", [])
    assert said(judged(begin + b"\x02\x02" + b"\x0a\x01x", several, known=known)) == (
        "valid",
        "",
        [],
    )
    assert said(judged(begin + b"\x02\x02" + b"\x08\x01", several, known=known))[2] == [
        ("request", "wire_type", "/why")
    ]
    assert said(judged(begin + b"\x04\x02\x00" + b"\x08\x01", several, known=known)) == (
        "not_checked",
        "no_message",
        [],
    )
    assert said(judged(GOOD, several)) == ("not_checked", "ambiguous_message", [])
    assert said(judged(begin + b"\x00" + GOOD, several)) == ("not_checked", "unknown_schema", [])
    assert said(judged(begin + b"\x7e", several, known=known)) == (
        "not_checked",
        "unreadable_schema",
        [],
    )
    named = '// x-seamwatch: {"topic": "orders", "message": "Gone"}\n' + two.partition("\n")[2]
    assert said(judged(b"\x0a\x01x", held(named, "protobuf"))) == ("valid", "", [])


def test_ids_that_the_document_names_are_its_own_and_a_header_may_tell_them() -> None:
    contract = held(TOPIC.replace('"orders"}', '"orders", "ids": [7]}'), "protobuf")
    assert said(judged(b"\x00" + struct.pack(">I", 7) + b"\x00" + GOOD, contract)) == (
        "valid",
        "",
        [],
    )
    header = {"__value_schema_id": (b"\x00" + struct.pack(">I", 7) + b"\x00").hex()}
    assert said(judged(GOOD, contract, headers=header)) == ("valid", "", [])


def test_a_descriptor_set_is_read_with_its_imports_and_names_what_is_missing() -> None:
    text = ORDER.replace('import "google/api/annotations.proto";\n', "")
    packed = base64.b64encode(
        FileDescriptorSet(file=[proto_file(text, "shop.proto", "x")]).SerializeToString()
    ).decode()
    document = {
        "descriptor_set": packed,
        "x-seamwatch": {"topic": "orders", "message": "shop.Order"},
    }
    assert kind_of(document) == "protobuf"
    assert said(judged(GOOD, held(json.dumps(document), "protobuf"))) == ("valid", "", [])
    other = text.replace("google/protobuf/timestamp.proto", "not/here.proto")
    packed = base64.b64encode(
        FileDescriptorSet(file=[proto_file(other, "shop.proto", "x")]).SerializeToString()
    ).decode()
    with pytest.raises(ContractError, match=r"not/here.proto.* is missing"):
        examine("protobuf", json.dumps({"descriptor_set": packed}), where="x")


def test_asyncapi_payloads_in_protobuf_are_judged_too() -> None:
    payload = {"schemaFormat": "application/vnd.google.protobuf;version=3", "schema": ORDER}
    three = json.dumps(
        {
            "asyncapi": "3.0.0",
            "channels": {"orders": {"address": "orders", "messages": {"o": {"payload": payload}}}},
        }
    )
    assert said(judged(GOOD, held(three, "asyncapi"))) == ("valid", "", [])
    assert said(judged(b"\xff", held(three, "asyncapi"))) == (
        "violated",
        "",
        [("request", "not_protobuf", "")],
    )


def test_texts_are_told_by_their_content_and_refused_with_a_reason() -> None:
    assert kind_of(document_of(ORDER, where="x")) == "protobuf"
    assert not any(
        looks_like_proto(text)
        for text in ("a: 1\n", "{}", "openapi: 3.1.0\n", "message: hello\n", "package: x")
    )
    for wrong, complaint in (
        ('syntax = "proto3"; message A { Nothing n = 1; }', "cannot be used"),
        ('syntax = "proto3"; message A { int32 n = ', "cannot be"),
        ('syntax = "proto9"; message A {}', "the syntax 'proto9' is not known"),
        ('syntax = "proto3";', "holds no message"),
        ('// x-seamwatch: {"topic"}\nsyntax = "proto3";', "line x-seamwatch holds no JSON"),
        ('syntax = "proto3"; message A { int32 a = 1; int32 b = 1; }', "cannot be used"),
        ('syntax = "proto3"; ' + "message A {" * 300, "nested deeper"),
        (
            'syntax = "proto3"; message A {'
            + "".join(f"int32 f{n} = {n};" for n in range(1, 6000))
            + "}",
            "publish a descriptor set",
        ),
        ('syntax = "proto3"; option x = ' + '"a" ' * 50_000 + ";", "publish a descriptor set"),
        ('syntax = "proto3";\nmessage A { /* never closed', "line 2"),
        ('syntax = "proto3"; message A { int32 a = 1 }', "line 1"),
        ('syntax = "proto3"; message A {} }', "line 1"),
    ):
        with pytest.raises(ContractError, match=complaint):
            examine("protobuf", wrong, where="contract x")


DEEP = '// x-seamwatch: {"topic": "orders"}\nsyntax = "proto3"; message D { D d = 1; repeated D all = 2; }'


def nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        size, out = len(data), bytearray()
        while size > 0x7F:
            out.append(size & 0x7F | 0x80)
            size >>= 7
        data = b"\x0a" + bytes([*out, size]) + data
    return data


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (nested(50), ("valid", "")),
        (nested(5_000), ("violated", "")),
        (b"\x12\x00" * 400_000, ("not_checked", "too_large")),
        (b"\x7b" * 900_000, ("violated", "")),
        (b"a" * 50_000_000, ("not_checked", "too_large")),
    ],
)
def test_hostile_bytes_are_refused_in_words(data: bytes, outcome: tuple[str, str]) -> None:
    assert said(judged(data, held(DEEP, "protobuf")))[:2] == outcome


JUDGES = [
    read_contract("protobuf", text, where="x").messages[0].sides[0] for text in (TOPIC, DEEP, OLD)
]


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    for judge in JUDGES:
        judge(Carried("orders", data, {}), Mismatches())


def bare(text: str, *values: bytes) -> list[Any]:
    contract = held('// x-seamwatch: {"topic": "orders", "message": "M"}\n' + text, "protobuf")
    return [said(judged(value, contract))[2] for value in values]


def test_features_of_editions_are_kept() -> None:
    text = """edition = "2023"; option features = { field_presence: IMPLICIT };
    message M { int32 a = 1 [features.field_presence = LEGACY_REQUIRED]; reserved gone, past;
      N n = 2 [features.message_encoding = DELIMITED]; E e = 3 [features.field_presence = EXPLICIT]; }
    message N { int32 z = 1; } enum E { option features.enum_type = CLOSED; reserved Y; X = 1; }"""
    a = b"\x08\x05"
    assert bare(text, a + b"\x13\x08\x01\x14", b"\x18\x01", a + b"\x12\x00", a + b"\x18\x09") == [
        [],
        [("request", "required", "/a")],
        [("request", "wire_type", "/n")],
        [("request", "enum", "/e")],
    ]


def test_fields_that_extend_a_message_are_its_own() -> None:
    text = """syntax = "proto2"; message M { required int32 a = 1; extensions 100 to 200; }
    extend M { optional string ext = 120; optional N more = 121; }
    extend google.protobuf.FieldOptions { optional string note = 50000; }
    message N { required int32 z = 1; extend M { optional group Part = 122 { optional int32 q = 1; } } }"""
    a = b"\x08\x05"
    kept = [a + b"\xc2\x07\x01x", a + b"\xd3\x07\x08\x01\xd4\x07", a + b"\xe8\x07\x01"]
    assert bare(text, *kept) == [[], [], []]
    assert bare(text, a + b"\xc0\x07\x07", a + b"\xca\x07\x00") == [
        [("request", "wire_type", "/ext")],
        [("request", "required", "/more/z")],
    ]


def test_all_that_comes_with_the_runtime_may_be_imported() -> None:
    text = """syntax = "proto3"; import "google/protobuf/type.proto"; import "google/protobuf/timestamp.proto";
    message M { google.protobuf.Type type = 1; google.protobuf.Timestamp at = 2;
      map<string, google.protobuf.Duration> spans = 3; }
    import "google/protobuf/duration.proto";"""
    for at, told in (
        ({"seconds": 253_402_300_799, "nanos": 999_999_999}, []),
        ({"seconds": 253_402_300_800}, [("request", "range", "/at")]),
        ({"nanos": 1_000_000_000}, [("request", "range", "/at")]),
    ):
        assert bare(text, made(text, "M", at=at, type={"name": "x"})) == [told]
    for span, told in (
        ({"seconds": -1, "nanos": -1}, []),
        ({"seconds": -1, "nanos": 1}, [("request", "range", "/spans/*")]),
    ):
        assert bare(text, made(text, "M", spans={"key of a person": span})) == [told]


def test_an_import_below_googles_own_folder_is_looked_for_unless_the_runtime_has_it() -> None:
    names = ["google/protobuf/mine.proto", "google/protobuf/any.proto", "other.proto"]
    text = "".join(
        f'import {word} "{name}";\n' for word, name in zip(("", "", "option"), names, strict=True)
    )
    whole = with_imports({"proto": text}, dict.fromkeys(names, "").get)
    assert sorted(whole["imports"]) == [names[0], names[2]]


def test_a_registry_may_tell_a_descriptor_in_base64_as_clients_register_it() -> None:
    def packed(text: str, name: str) -> str:
        return base64.b64encode(proto_file(text, name, "x").SerializeToString()).decode()

    money = 'syntax = "proto3"; package shop; message Money { int64 units = 1; }'
    bill = (
        'syntax = "proto3"; package shop; import "money.proto"; message Bill { Money total = 1; }'
    )
    told = from_text(
        packed(bill, "bill.proto"), "x", {"money.proto": packed(money, "money.proto")}
    )
    held_here = from_text(bill, "x", {"money.proto": money})
    wanted, other = told.at([0]), held_here.at([0])
    assert wanted is not None
    assert other is not None
    assert class_of(wanted)(total={"units": 7}).SerializeToString() == b"\n\x02\x08\x07"
    assert wanted.fields[0].message_type.full_name == other.fields[0].message_type.full_name
    with pytest.raises(ContractError, match="descriptor cannot be read"):
        from_text("QUJD", "x")
