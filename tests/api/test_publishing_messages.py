"""A dry run tells of messages which would break, who reads them, and what their values tell."""

import json
from typing import Any

from tests.api.test_amended_examples import sent
from tests.api.test_publishing import publish
from tests.contracts.test_avro import framed
from tests.contracts.test_messages import message
from tests.contracts.test_messages import pact as pact_of_messages
from tests.fixtures.api import Asked

TOPIC = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "x-seamwatch": {"topic": "orders"},
    "required": ["id"],
    "properties": {"id": {"type": "number"}},
}


def dry(api: Asked, document: Any, name: str) -> dict[str, Any]:
    told = publish(api, json.dumps(document), provider="till", name=name, dry_run=True)
    held: dict[str, Any] = told["recorded"]
    return held


def counts(told: dict[str, Any]) -> tuple[int, int, int, int]:
    return told["exchanges"], told["breaks"], told["keeps"], told["untold"]


def test_a_dry_run_tells_which_messages_would_break_and_who_reads_them(api: Asked) -> None:
    events = [*({"id": count} for count in range(90)), *({"id": "x"} for _ in range(10))]
    sent(api, "orders", *events)
    told = dry(api, TOPIC, "topic")
    assert counts(told) == (100, 10, 90, 0)
    assert [(it["consumer"], it["exchanges"], it["breaks"]) for it in told["consumers"]] == [
        ("mail", 100, 10)
    ]
    assert (told["said"][0]["why"], told["said"][0]["operation"]) == ("type", "orders")
    assert counts(dry(api, TOPIC | {"required": ["by"]}, "topic")) == (100, 100, 0, 0)
    for clause, expected in (
        ({"type": "integer"}, (100, 10, 90, 0)),
        ({"type": "number", "minimum": 0}, (100, 10, 90, 0)),
        # 6 and 7 share a mark with 4; the ten of another type may be among those that break
        ({"type": "number", "maximum": 5}, (100, 82, 4, 14)),
        ({"type": "number", "multipleOf": 3}, (100, 10, 0, 90)),
    ):
        of_values = TOPIC | {"properties": {"id": clause}}
        assert counts(dry(api, of_values, "topic")) == expected, clause
    elsewhere = TOPIC | {"x-seamwatch": {"topic": "other"}}
    assert counts(dry(api, elsewhere, "topic")) == (0, 0, 0, 0)
    held = pact_of_messages(message(contents={"id": 1}))
    assert counts(dry(api, json.loads(held), "mail-till")) == (100, 10, 90, 0), "any whole number"
    equal = {"body": {"$.id": {"matchers": [{"match": "equality"}]}}}
    held = pact_of_messages(message(contents={"id": 1}, matchingRules=equal))
    assert counts(dry(api, json.loads(held), "mail-till")) == (100, 99, 0, 1), "it shows 1"


def test_a_dry_run_of_changed_messages_asks_skeletons_and_of_unchanged_ones_verdicts(
    api: Asked,
) -> None:
    publish(api, json.dumps(TOPIC), provider="till", name="topic")
    sent(api, "orders", *({"id": count} for count in range(90)), {"id": "x"})
    told = dry(api, TOPIC, "topic")
    assert counts(told) == (91, 1, 90, 0)
    assert told["said"][0]["looked_at"] == 0, "their own verdicts tell it"
    told = dry(api, TOPIC | {"required": ["id", "by"]}, "topic")
    assert counts(told) == (91, 91, 0, 0)
    assert told["said"][0]["looked_at"] > 0


def test_messages_with_items_that_were_not_looked_at_are_untold(api: Asked) -> None:
    numbers = TOPIC | {"properties": {"list": {"items": {"type": "number"}}}, "required": ["list"]}
    sent(api, "orders", {"list": [1.5] * 1_000}, {"list": [1.5] * 1_001}, {"list": ["a"] * 1_001})
    told = dry(api, numbers, "topic")
    assert counts(told) == (3, 1, 1, 1)
    assert {(it["told"], it["why"]) for it in told["said"]} >= {("untold", "payload_unseen")}


def test_a_dry_run_tells_of_messages_in_avro(api: Asked) -> None:
    old = {
        "type": "record",
        "name": "Booked",
        "fields": [{"name": "id", "type": "long"}],
        "x-seamwatch": {"topic": "booked", "ids": [7]},
    }
    publish(api, json.dumps(old), provider="till", name="booked")
    sent(api, "booked", *(framed({"id": count}, old) for count in range(50)))
    more = {**old, "fields": [*old["fields"], {"name": "by", "type": "string"}]}
    told = dry(api, more, "booked")
    assert (counts(told), told["said"][0]["why"]) == ((50, 0, 0, 50), "binary_message")
    other = {**old, "fields": [{"name": "id", "type": "string"}]}
    assert counts(dry(api, other, "booked")) == (50, 50, 0, 0)


def test_a_message_that_keeps_any_of_its_topic_is_kept(api: Asked) -> None:
    sent(api, "orders", *({"id": count % 4, "kind": "a"} for count in range(40)))
    sent(api, "orders", *({"id": 1000, "kind": "b"} for _ in range(60)), first=40)

    def schema(**kind: Any) -> dict[str, Any]:
        return {"type": "object", "required": ["id"], "properties": {"id": kind}}

    few, many = schema(type="integer", maximum=15), schema(type="integer", minimum=512)
    document = {
        "asyncapi": "2.6.0",
        "info": {"title": "till", "version": "1"},
        "channels": {
            "orders": {
                "subscribe": {
                    "message": {
                        "oneOf": [
                            {"name": "few", "payload": few},
                            {"name": "many", "payload": many},
                        ]
                    }
                }
            }
        },
    }
    told = dry(api, document, "events")
    # no record breaks both, and which of both each of them keeps is not told by marks
    assert (told["exchanges"], told["breaks"]) == (100, 0)
    document["channels"]["orders"]["subscribe"]["message"]["oneOf"] = [{"payload": many}]  # type: ignore[index]
    assert counts(dry(api, document, "events")) == (100, 40, 60, 0)


def test_marks_of_a_cloud_event_are_of_its_data(api: Asked) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/till", "type": "order"}
    events = [{**event, "data": {"id": count}} for count in range(40)]
    sent(api, "orders", *events, headers={"content-type": b"application/cloudevents+json"})
    whole = TOPIC | {"properties": {"id": {"type": "integer", "maximum": 63}}}
    assert counts(dry(api, whole, "topic")) == (40, 0, 40, 0)
    few = TOPIC | {"properties": {"id": {"type": "integer", "maximum": 15}}}
    assert counts(dry(api, few, "topic")) == (40, 24, 16, 0)


BOOKED = {
    "type": "record",
    "name": "Booked",
    "fields": [{"name": "id", "type": "long"}, {"name": "by", "type": "string", "default": ""}],
    "x-seamwatch": {"topic": "booked", "ids": [7]},
}


def with_fields(*fields: dict[str, Any]) -> dict[str, Any]:
    return {**BOOKED, "fields": list(fields)}


def test_a_newer_avro_schema_that_reads_on_keeps_what_the_one_before_kept(api: Asked) -> None:
    number, text = BOOKED["fields"]
    publish(api, json.dumps(BOOKED), provider="till", name="booked")
    sent(api, "booked", *(framed({"id": count, "by": "a"}, BOOKED) for count in range(50)))
    longer = with_fields({"name": "id", "type": "double"}, text)
    named = {"name": "note", "type": "string", "default": ""}
    for kept in (longer, with_fields(number, text, named), with_fields(number)):
        assert counts(dry(api, kept, "booked")) == (50, 0, 50, 0), kept
    # another writer may leave out what this one has no default for
    without = with_fields(number, {"name": "by", "type": "string"})
    told = dry(api, without, "booked")
    assert (counts(told), told["said"][0]["why"]) == ((50, 0, 0, 50), "binary_message")
    shorter = dry(api, with_fields({"name": "id", "type": "int"}, text), "booked")
    assert counts(shorter) == (50, 0, 0, 50)


def test_numbers_that_are_not_whole_break_an_avro_schema_of_whole_ones(api: Asked) -> None:
    prices = with_fields({"name": "price", "type": "double"})
    publish(api, json.dumps(prices), provider="till", name="booked")
    sent(api, "booked", *(framed({"price": count / 2}, prices) for count in range(50)))
    told = dry(api, with_fields({"name": "price", "type": "long"}), "booked")
    assert counts(told) == (50, 25, 0, 25), "a whole number may have been written as a long"
