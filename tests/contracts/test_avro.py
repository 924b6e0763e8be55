"""Avro records, framed and bare, against the schema that a contract promises; hostile bytes end in
words, not in faults.
"""

import io
import json
import struct
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts import framing
from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads
from monitor.contracts.formats.avro import avro_judge
from monitor.contracts.formats.avro_data import unread
from monitor.contracts.formats.avro_schema import avro_of
from monitor.contracts.framing import UNKNOWN_SCHEMA, SchemaKey, Writer
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from monitor.contracts.read import completed, examine, kind_of, read_draft
from monitor.contracts.registry import Registry
from monitor.contracts.text import parse
from monitor.errors import ContractError
from monitor.model.contracts import ContractDraft, Revision
from monitor.model.exchanges import MESSAGING, Checked, Exchange
from tests.contracts.promises import AT_NS
from tests.contracts.test_messages import held, said

ORDER: dict[str, Any] = {
    "type": "record", "name": "Order", "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "DONE"]}},
    ],
}  # fmt: skip
GOOD = {"id": 7, "note": None, "lines": [{"sku": "a"}], "at": 2**62, "state": "OPEN"}
GUID = uuid.UUID("9d4e0c22-0b5e-4b43-9a3b-0c4cf2f6d0aa")


def written(value: Any, schema: Any = ORDER) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(
        out,
        fastavro.parse_schema(json.loads(json.dumps(schema).replace("timestamp-millis", "x"))),
        value,
    )
    return out.getvalue()


def framed(value: Any, schema: Any = ORDER, key: int | uuid.UUID = 7) -> bytes:
    begin = b"\x00" + struct.pack(">I", key) if isinstance(key, int) else b"\x01" + key.bytes
    return begin + written(value, schema)


def topic(schema: Any = ORDER, **bind: Any) -> str:
    return json.dumps(schema | {"x-seamwatch": {"topic": "orders"} | bind})


def changed(**fields: Any) -> dict[str, Any]:
    """The order with fields of other types; None takes one away."""
    kept = [
        {**field, "type": fields.get(field["name"], field["type"])}
        for field in ORDER["fields"]
        if fields.get(field["name"], "") is not None
    ]
    added = [
        {"name": name, "type": kind}
        for name, kind in fields.items()
        if kind is not None and name not in {field["name"] for field in kept}
    ]
    return ORDER | {"fields": kept + added}


def judged(
    value: bytes,
    *revisions: Revision,
    known: dict[SchemaKey, Any] | None = None,
    headers: dict[str, str] | None = None,
    producer: str = "till",
) -> Checked:
    registry = Registry(revisions)
    assert not registry.broken
    told = {
        key: schema if isinstance(schema, Writer) else Writer("avro", json.dumps(schema))
        for key, schema in (known or {}).items()
    }
    writers: Callable[[SchemaKey], Writer | str] = lambda key: (  # noqa: E731
        registry.writers.get(key) or told.get(key, UNKNOWN_SCHEMA)
    )
    exchange = Exchange(
        "ab" * 8, 0, 0, 0, AT_NS, None, "", "orders", "", "", 0, producer, "", "kafka", "", "", "production", b"", b"", protocol=MESSAGING,
    )  # fmt: skip
    record = Carried("orders", value, headers or {}, writers=writers)
    contracts = registry.find_messages("orders", producer, "production", "", AT_NS)
    return check_payloads(exchange, record, Payload(None, {}), contracts, lambda: "orders")


TOPIC = held(topic(), "avro")


def test_bare_data_is_read_by_the_contracts_own_schema_all_of_it() -> None:
    assert said(judged(written(GOOD), TOPIC)) == ("valid", "", [])
    for bad in (
        written(GOOD)[:-1],
        written(GOOD) + b"\x00",
        b"{}",
        b"\xff" * 40,
        written(GOOD)[:-1] + b"\x09",
    ):
        assert said(judged(bad, TOPIC)) == ("violated", "", [("request", "not_avro", "")])
    assert said(judged(b"", TOPIC)) == ("not_checked", "no_body", [])


@pytest.mark.parametrize("key", [7, GUID])
def test_framed_data_is_read_by_the_schema_that_wrote_it_and_resolved(
    key: int | uuid.UUID,
) -> None:
    known: dict[SchemaKey, Any] = {key if isinstance(key, int) else str(key): ORDER}
    assert said(judged(framed(GOOD, key=key), TOPIC, known=known)) == ("valid", "", [])
    newer = changed(extra="string")
    known = dict.fromkeys(known, newer)
    assert said(judged(framed(GOOD | {"extra": "x"}, newer, key), TOPIC, known=known)) == (
        "valid",
        "",
        [],
    )


def test_what_the_contract_cannot_read_of_another_writers_data_is_told_by_its_place() -> None:
    for schema, value, rule, pointer in (
        (changed(id="string"), GOOD | {"id": "7"}, "TYPE_MISMATCH", "/id"),
        (changed(at=None), GOOD, "READER_FIELD_MISSING_DEFAULT_VALUE", "/at"),
        (
            changed(lines={"type": "array", "items": "string"}),
            GOOD | {"lines": ["a"]},
            "TYPE_MISMATCH",
            "/lines/*",
        ),
        (
            changed(state={"type": "enum", "name": "State", "symbols": ["OPEN", "LOST"]}),
            GOOD | {"state": "LOST"},
            "MISSING_ENUM_SYMBOLS",
            "/state",
        ),
        (
            changed(note=["null", "string", "long"]),
            GOOD | {"note": 5},
            "MISSING_UNION_BRANCH",
            "/note",
        ),
    ):
        checked = judged(framed(value, schema), TOPIC, known={7: schema})
        assert said(checked) == ("violated", "", [("request", rule, pointer)])


def test_a_change_that_this_very_record_does_not_meet_breaks_nothing() -> None:
    schema = changed(
        state={"type": "enum", "name": "State", "symbols": ["OPEN", "LOST"]}, note=["null", "long"]
    )
    assert said(judged(framed(GOOD, schema), TOPIC, known={7: schema})) == ("valid", "", [])


def test_ids_are_resolved_from_published_documents_and_header_ids_are_read() -> None:
    contract = held(topic(ids=[7], guids=[str(GUID).upper()]), "avro")
    assert said(judged(framed(GOOD), contract)) == ("valid", "", [])
    assert said(judged(framed(GOOD, key=GUID), contract)) == ("valid", "", [])
    header = {"__value_schema_id": (b"\x01" + GUID.bytes).hex()}
    assert said(judged(written(GOOD), contract, headers=header)) == ("valid", "", [])
    assert said(judged(b"\xff", contract, headers=header))[0] == "violated"


def test_a_schema_that_nobody_knows_leaves_the_record_open() -> None:
    assert said(judged(framed(GOOD), TOPIC)) == ("not_checked", "unknown_schema", [])
    header = {"__value_schema_id": (b"\x00" + struct.pack(">I", 8)).hex()}
    assert said(judged(written(GOOD), TOPIC, headers=header)) == (
        "not_checked",
        "unknown_schema",
        [],
    )
    for wrong in (
        Writer("avro", "{"),
        Writer("avro", '{"type": "nothing"}'),
        Writer("protobuf", "syntax"),
    ):
        assert said(judged(framed(GOOD), TOPIC, known={7: wrong})) == (
            "not_checked",
            "unreadable_schema",
            [],
        )


def test_data_that_begins_as_a_frame_would_is_data_where_its_id_is_unknown() -> None:
    schema = {
        "type": "record",
        "name": "N",
        "fields": [
            {"name": "a", "type": ["null", "int"]},
            *({"name": f"f{n}", "type": "int"} for n in range(6)),
        ],
    }
    value = {"a": None, **{f"f{n}": 0 for n in range(6)}}
    assert written(value, schema)[0] == 0
    assert said(judged(written(value, schema), held(topic(schema), "avro"))) == ("valid", "", [])


def test_a_schema_without_a_topic_binds_the_records_of_its_name_that_its_provider_sends() -> None:
    contract = held(json.dumps(ORDER), "avro")
    assert said(judged(framed(GOOD), contract, known={7: ORDER})) == ("valid", "", [])
    assert (
        said(judged(framed(GOOD, changed(at=None)), contract, known={7: changed(at=None)}))[0]
        == "violated"
    )
    other = ORDER | {"name": "Else"}
    assert said(judged(framed(GOOD, other), contract, known={7: other})) == (
        "not_checked",
        "no_message",
        [],
    )
    assert said(judged(b"\xff", contract)) == ("not_checked", "ambiguous_message", [])


def test_asyncapi_payloads_in_avro_are_judged_too() -> None:
    payload = {"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": ORDER}
    three = json.dumps({
        "asyncapi": "3.0.0", "channels": {"orders": {"address": "orders", "messages": {"o": {"payload": payload}}}}, "operations": {},
    })  # fmt: skip
    assert said(judged(written(GOOD), held(three, "asyncapi"))) == ("valid", "", [])
    assert said(judged(b"x", held(three, "asyncapi"))) == (
        "violated",
        "",
        [("request", "not_avro", "")],
    )
    two = json.dumps({
        "asyncapi": "2.6.0", "channels": {"orders": {"publish": {"message": {"schemaFormat": payload["schemaFormat"], "payload": ORDER}}}},
    })  # fmt: skip
    assert said(judged(framed(GOOD), held(two, "asyncapi"), known={7: ORDER})) == ("valid", "", [])

    as_json = json.dumps(json.loads(two) | {"defaultContentType": "application/json"})
    remarks = examine("asyncapi", as_json, where="contract x").remarks
    assert [remark.said for remark in remarks if remark.pointer.endswith("payload")] == [
        f"a payload in {payload['schemaFormat']}, sent as application/json, is not judged"
    ]


LIST = {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}
NULLS = {
    "type": "record",
    "name": "N",
    "fields": [{"name": "n", "type": {"type": "array", "items": "null"}}],
}


# Records that hold the next one twice: 2^40 of the last one, which takes no room.
DOUBLED = {"type": "record", "name": "R0", "fields": []}
for _level in range(1, 41):
    DOUBLED = {
        "type": "record",
        "name": f"R{_level}",
        "fields": [{"name": "a", "type": DOUBLED}, {"name": "b", "type": f"R{_level - 1}"}],
    }


def varint(number: int) -> bytes:
    number, out = (number << 1) ^ (number >> 63), bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize(
    ("schema", "data", "outcome"),
    [
        (LIST, b"\x02" * 900_000 + b"\x00", ("not_checked", "too_deep")),
        (NULLS, varint(2**40) + b"\x00", ("not_checked", "too_large")),
        (NULLS, varint(5) + b"\x00", ("valid", "")),
        (NULLS, b"\x02" * 999_999, ("not_checked", "too_large")),
        (DOUBLED, b"x", ("not_checked", "too_large")),
        (ORDER, b"\x0e\x02" + varint(2**60) + b"x", ("violated", "")),
        (ORDER, b"\x0e\x00" + varint(2**62) + b"\x02a", ("violated", "")),
        (ORDER, b"\xff" * 11, ("violated", "")),
        (ORDER, b"a" * 50_000_000, ("not_checked", "too_large")),
    ],
)
def test_hostile_data_is_refused_in_words(
    schema: dict[str, Any], data: bytes, outcome: tuple[str, str]
) -> None:
    assert said(judged(data, held(topic(schema), "avro")))[:2] == outcome


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert said(judged(data, TOPIC))[0] in ("valid", "violated", "not_checked")
    for schema in (LIST, NULLS):
        unread(avro_of(schema, "x"), data)


@given(
    st.recursive(st.just(None), lambda inner: st.fixed_dictionaries({"next": inner}), max_leaves=5)
)
def test_measuring_agrees_with_reading(value: Any) -> None:
    assert unread(avro_of(LIST, "x"), written({"next": value}, LIST)) == ""


def test_a_chain_of_thousands_of_named_types_is_read() -> None:
    chain = [{"type": "record", "name": "R0", "fields": []}]
    chain += [
        {"type": "record", "name": f"R{n}", "fields": [{"name": "a", "type": f"R{n - 1}"}]}
        for n in range(1, 3_000)
    ]
    schema = avro_of(chain, "x")
    assert schema.risky
    assert unread(schema, varint(3)) == ""
    assert unread(schema, varint(2_999)) == "too_deep"


def test_documents_are_told_by_their_content_and_refused_with_a_reason() -> None:
    assert kind_of(ORDER) == "avro"
    assert kind_of({"type": "object"}) == "jsonschema"
    for wrong, complaint in (
        (ORDER | {"fields": [{"name": "a", "type": "nothing"}]}, "no type 'shop.nothing'"),
        (
            ORDER | {"fields": [{"name": "a", "type": "elsewhere.Item"}]},
            "give the file that defines it",
        ),
        ({"protocol": "P", "types": [ORDER]}, "'type' is missing"),
        (ORDER | {"fields": 7}, "cannot be used"),
        (ORDER | {"x-seamwatch": {"ids": ["x"]}}, "neither an id of a schema nor a GUID"),
        (ORDER | {"x-seamwatch": {"topic": 1}}, "topic is no text"),
    ):
        with pytest.raises(ContractError, match=complaint):
            examine("avro", json.dumps(wrong), where="contract x")


@pytest.mark.parametrize("listed", [["a"], [{"type": "record"}, 1], [[1]], [None]])
def test_a_list_of_what_is_no_schema_is_refused_in_words(listed: list[Any]) -> None:
    draft = ContractDraft("x", "", "shop", json.dumps({"contracts": listed}))
    with pytest.raises(ContractError, match="none of the documents that are read"):
        read_draft(completed(draft))


def test_frames_of_glue_and_apicurio_name_the_schema_that_wrote_a_record() -> None:
    raw = written(GOOD)
    other = written(
        {"id": "x"},
        {
            "type": "record",
            "name": "Order",
            "namespace": "shop",
            "fields": [{"name": "id", "type": "string"}],
        },
    )
    writers = {str(GUID): Writer("avro", json.dumps(ORDER)), 7: Writer("avro", json.dumps(ORDER))}

    def told(value: bytes, headers: dict[str, str] | None = None) -> tuple[str, str]:
        record = Carried(
            "orders", value, headers or {}, writers=lambda key: writers.get(key, UNKNOWN_SCHEMA)
        )
        mismatches = Mismatches()
        avro_judge(avro_of(ORDER, "x"), "")(record, mismatches)
        return ("broken" if mismatches else "kept"), mismatches.open

    glue, packed = b"\x03\x00" + GUID.bytes, b"\x03\x05" + GUID.bytes
    for value, headers in (
        (glue + raw, {}),
        (packed + zlib.compress(raw), {}),
        (bytes(5) + b"\x00\x00\x00\x07" + raw, {}),
        (raw, {"apicurio.value.globalid": "0000000000000007"}),
    ):
        assert told(value, headers) == ("kept", "")
    assert told(glue + other) == ("broken", "")
    unknown = uuid.UUID("00000000-0000-4000-8000-000000000001")
    assert told(b"\x03\x00" + unknown.bytes + raw) == ("kept", UNKNOWN_SCHEMA)
    assert framing.framed(packed + b"no zlib", {}) is None
    assert framing.framed(b"\x03\x00" + bytes(20), {}) is None  # no random UUID


def test_a_union_at_the_root_is_a_topics_with_or_without_a_word_of_ours() -> None:
    other = {"type": "record", "name": "Gone", "fields": [{"name": "id", "type": "long"}]}
    union = ["null", ORDER, other]
    bare = held(json.dumps({"type": union, "x-seamwatch": {"topic": "orders"}}), "avro")
    for value in (written(None, union), written(GOOD, union), written({"id": 1}, union)):
        assert said(judged(value, bare)) == ("valid", "", [])
    assert judged(b"\x06\x02", bare).outcome == "violated", "there is no fourth branch"
    assert kind_of(parse(json.dumps(union), where="x")) == "avro"
    assert kind_of({"type": ["null", "string"]}) == "jsonschema"
    assert kind_of({"type": "array", "items": "long"}) == "avro"


def test_schemas_that_refer_to_each_other_come_in_any_order() -> None:
    def record(name: str, kind: str) -> dict[str, Any]:
        fields = [{"name": "f", "type": kind}]
        return {"type": "record", "name": name, "namespace": "n", "fields": fields}

    references = {"a": record("A", "n.B"), "b": record("B", "C"), "c": record("C", "int")}
    assert avro_of("n.A", "x", references=references).name == "n.A"
    with pytest.raises(ContractError, match="in a circle"):
        avro_of("n.A", "x", references={"a": record("A", "B"), "b": record("B", "A")})
    with pytest.raises(ContractError, match=r"no type 'n\.C'"):
        avro_of("n.A", "x", references={"a": references["a"], "b": references["b"]})


def amount(**changes: Any) -> dict[str, Any]:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2} | changes
    return changed(amount=["null", kind])


def test_a_decimal_of_another_scale_and_another_unit_of_time_are_told() -> None:
    contract = held(topic(amount()), "avro")
    value = GOOD | {"amount": b"\x04\xd2"}

    def told(schema: dict[str, Any]) -> Any:
        return said(judged(framed(value, schema), contract, known={7: schema}))

    assert told(amount()) == ("valid", "", [])
    assert told(amount(precision=9)) == ("valid", "", []), "a number that both have room for"
    mismatch = ("request", "LOGICAL_TYPE_MISMATCH", "/amount")
    assert told(amount(scale=3)) == ("violated", "", [mismatch])
    micros = json.loads(json.dumps(amount()).replace("timestamp-millis", "timestamp-micros"))
    assert told(micros) == ("violated", "", [("request", "LOGICAL_TYPE_MISMATCH", "/at")])


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, b"\x27\x0f", b"\x27\x10"),
        ({"type": "string", "logicalType": "uuid"}, str(GUID), "x"),
        ({"type": "int", "logicalType": "time-millis"}, 86_399_999, 86_400_000),
        ({"type": "long", "logicalType": "time-micros"}, 0, -1),
    ],
)
def test_a_value_that_its_logical_type_does_not_allow_is_told(
    kind: dict[str, Any], good: Any, bad: Any
) -> None:
    plain = kind["type"]
    for wrapped, bare, place in (
        (kind, plain, "/f"),
        (["null", kind], ["null", plain], "/f"),
        ({"type": "array", "items": kind}, {"type": "array", "items": plain}, "/f/*"),
    ):
        contract = held(topic(changed(f=wrapped)), "avro")
        for value, rules in ((good, []), (bad, [("request", "avro_logical_type", place)])):
            data = written(GOOD | {"f": [value] if place == "/f/*" else value}, changed(f=bare))
            assert said(judged(data, contract))[2] == rules


def test_values_inside_a_type_that_holds_itself_are_looked_at() -> None:
    def node(kind: Any) -> dict[str, Any]:
        fields = [{"name": "next", "type": ["null", "Node"]}, {"name": "id", "type": kind}]
        return {"type": "record", "name": "Node", "fields": fields}

    contract = held(topic(node({"type": "string", "logicalType": "uuid"})), "avro")
    value = {"next": {"next": None, "id": "x"}, "id": str(GUID)}
    (broken,) = said(judged(written(value, node("string")), contract))[2]
    assert broken == ("request", "avro_logical_type", "/next/id")
