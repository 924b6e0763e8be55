"""Two revisions of a schema of messages: the registries' rules decide, and each way is named."""

import json
from typing import Any

import pytest

from monitor.contracts.amendment import bearing_of, weighed
from monitor.contracts.change import Read
from monitor.contracts.read import document_of, read_contract

ID = {"name": "id", "type": "string"}
COUNT = {"name": "count", "type": "int"}
NOTE = {"name": "note", "type": "string"}
NOTE_OR_NONE = {**NOTE, "default": ""}
PROTO = 'syntax = "proto3"; message Order {{ string id = 1; {field} }}'
ORDERS = "orders"


def read(kind: str, text: str) -> Read:
    return Read(document_of(text, where="it"), read_contract(kind, text, where="it"))


def avro(*fields: dict[str, Any], topic: str = "") -> Read:
    bound = {"x-seamwatch": {"topic": topic}} if topic else {}
    return read("avro", json.dumps({"type": "record", "name": "Order", "fields": fields, **bound}))


def told(old: Read, new: Read) -> tuple[str, set[str]]:
    rows = weighed(old, new)
    ways = {"forward_kept", "forward_broken", "backward_kept", "backward_broken"}
    return bearing_of(rows), {row.why for row in rows} & ways


@pytest.mark.parametrize(
    ("fields", "fields_now", "of_messages", "of_topic"),
    [
        # an int is read as a long, and a long by no int; who wrote longs must show that it ceased
        ([COUNT], [{**COUNT, "type": "long"}], "breaking", "compatible"),
        ([{**COUNT, "type": "long"}], [COUNT], "undecided", "breaking"),
        # a field that goes is missed by readers that have no default for it
        ([ID, NOTE], [ID], "breaking", "compatible"),
        ([ID, NOTE_OR_NONE], [ID], "compatible", "compatible"),
        # one that comes is missed by its readers in what was written before
        ([ID], [ID, NOTE], "compatible", "breaking"),
        ([ID], [ID, NOTE_OR_NONE], "compatible", "compatible"),
    ],
)
def test_avro_is_judged_by_who_reads_what(
    fields: list[Any], fields_now: list[Any], of_messages: str, of_topic: str
) -> None:
    for topic, expected in (("", of_messages), (ORDERS, of_topic)):
        result, _ = told(avro(*fields, topic=topic), avro(*fields_now, topic=topic))
        assert result == expected, (topic, weighed(avro(*fields), avro(*fields_now)))


def test_what_breaks_the_other_way_is_named_and_decides_nothing() -> None:
    was, now = avro(ID, NOTE, topic=ORDERS), avro(ID, topic=ORDERS)
    assert told(was, now) == ("compatible", {"backward_kept", "forward_broken"})
    (row,) = [row for row in weighed(was, now) if row.why == "forward_broken"]
    assert (row.change.side, row.change.breaks != "nobody") == ("request", True)


def test_protobuf_is_judged_by_numbers_and_wire_types() -> None:
    def proto(field: str) -> Read:
        return read("protobuf", PROTO.format(field=field))

    count = proto("int32 count = 2;")
    assert told(count, proto(""))[0] == "compatible"
    assert told(count, proto("int64 count = 2;"))[0] == "compatible"
    assert told(count, proto("string count = 2;"))[0] == "breaking"


def test_a_json_schema_that_reads_on_leaves_nothing_open() -> None:
    def schema(**fields: Any) -> Read:
        document = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "x-seamwatch": {"topic": ORDERS}, "type": "object", "properties": fields,
        }  # fmt: skip
        return read("jsonschema", json.dumps(document))

    text, number = {"type": "string"}, {"type": "integer"}
    assert told(schema(id=text, note=text), schema(id=text)) == ("compatible", {"backward_kept"})
    assert told(schema(id=text), schema(id=text, note=text))[0] == "compatible"
    assert told(schema(id=text), schema(id=number))[0] == "breaking"
