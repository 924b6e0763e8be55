"""A newer Pact, stub, AsyncAPI or schema of a topic is judged by what was live, as an OpenAPI
document is: who would break, by consumer, version and place, and of what too little was seen.
"""

import json
import struct
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties
from monitor.model.records import Partition
from pipelines.api_logs import ApiLogSettings, api_logs
from pipelines.messages import MessageSettings, messages
from tests.contracts.examples import ORDER, interaction, matchers, pact
from tests.contracts.test_asyncapi import three
from tests.contracts.test_avro import framed
from tests.contracts.test_messages import message
from tests.contracts.test_messages import pact as pact_of_messages
from tests.contracts.test_protobuf import GOOD as PROTO_GOOD
from tests.contracts.test_protobuf import TOPIC
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.held_contracts import revisions
from tests.fixtures.shop_day import NOON
from tests.fixtures.spans import T0
from tests.pipelines.test_examples_shown import Given, records
from tests.pipelines.test_topic_records import batch

TYPED = {"body": {"$": matchers({"match": "type"})}}


def published(api: Asked, document: Any, **more: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    answer = api.post("/v1/contracts", {"document": text, "name": "held", **more}, LOCAL_TOKEN)
    assert answer.status_code == 201, answer.text


def amended(api: Asked, document: Any, **more: Any) -> dict[str, Any]:
    text = document if isinstance(document, str) else json.dumps(document)
    answer = api.post("/v1/amendments", {"document": text, "name": "held", **more}, LOCAL_TOKEN)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def live(api: Asked, *exchanges: dict[str, Any]) -> None:
    given = Given(records(*exchanges, at=NOON - timedelta(hours=1)))
    settings = ApiLogSettings(format="ndjson")
    list(api_logs(given, api.parts.store, Registry, settings, api.clock))


def sent(
    api: Asked,
    topic: str,
    *events: Any,
    headers: Mapping[str, bytes] | None = None,
    first: int = 0,
) -> None:
    place = Partition("cd" * 8, topic, 0)
    known = MessageSettings(Parties({topic: "till"}, {topic: "mail"}))
    at = NOON.timestamp() - T0 - 3600
    given = Given(batch(*events, headers=headers, place=place, first=first, at=at))
    registry = Registry(revisions(api.parts.engine))
    list(messages(given, api.parts.store, lambda: registry, known, api.clock))


def expecting(**body: Any) -> dict[str, Any]:
    return pact(interaction(answers={"body": ORDER | body, "matchingRules": TYPED}))


def test_what_a_newer_pact_expects_is_held_against_live_answers(api: Asked) -> None:
    published(api, expecting())
    totalled = {"caller_version": "1.1", "response_body": json.dumps(ORDER | {"total": 5})}
    live(api, *([{}] * 400), *([totalled] * 40), {"caller": "billing"}, {"path": "/orders"})

    same = amended(api, expecting())
    assert (same["result"], same["seen"], same["changes"]) == ("compatible", 440, [])

    told = amended(api, expecting(total=1))  # which answers to 1.0 do not hold
    assert (told["result"], told["exit_code"], told["reason"]) == ("breaking", 1, "live_calls")
    (change,) = told["changes"]
    assert (change["why"], change["affected"], change["looked_at"]) == ("answers_break", 400, 440)
    (met,) = told["met"]
    assert [met[word] for word in ("consumer", "consumer_version", "provider_version")] == [
        "web", "1.0", "2.0",
    ]  # fmt: skip
    assert (met["pointer"], met["rule"], met["affected"]) == ("/total", "missing_key", 400)
    assert met["operation"] == "GET /orders/{id}"

    fewer = {name: value for name, value in ORDER.items() if name != "state"}
    told = amended(api, pact(interaction(answers={"body": fewer, "matchingRules": TYPED})))
    (change,) = told["changes"]
    assert (told["result"], change["why"]) == ("compatible", "answers_keep")
    assert change["upper"] < 0.01

    assert amended(api, expecting(id="seven"))["met"][0]["rule"] == "type"


def test_two_callers_of_one_name_in_two_namespaces_are_two_consumers(api: Asked) -> None:
    """By skeletons, by marks, and in the sums over an operation, which count each call once."""
    published(api, expecting(), provider="orders")
    states = {"team-a": "open", "team-b": "done", "": "open"}
    for space, state in states.items():
        body = json.dumps(ORDER | {"state": state})
        live(api, *([{"caller_namespace": space, "response_body": body}] * 30))

    def by_namespace(told: dict[str, Any]) -> list[tuple[str, str, int, int]]:
        words = ("consumer_namespace", "consumer", "affected", "looked_at")
        return [tuple(met[word] for word in words) for met in told["met"]]

    told = amended(api, expecting(total=1))
    assert by_namespace(told) == [(space, "web", 30, 30) for space in ("", "team-a", "team-b")]
    assert (told["seen"], told["changes"][0]["affected"]) == (90, 90)

    equal = {"$": matchers({"match": "type"}), "$.state": matchers({"match": "equality"})}
    told = amended(
        api, pact(interaction(answers={"body": ORDER, "matchingRules": {"body": equal}}))
    )
    assert by_namespace(told) == [("team-b", "web", 30, 30)]


def test_a_value_that_a_pact_asks_for_is_told_by_marks_and_a_pattern_where_they_can(
    api: Asked,
) -> None:
    published(api, expecting())
    done = {"caller_version": "1.1", "response_body": json.dumps(ORDER | {"state": "done"})}
    live(api, *([{}] * 380), *([done] * 20))
    equal = {"$": matchers({"match": "type"}), "$.state": matchers({"match": "equality"})}
    told = amended(
        api, pact(interaction(answers={"body": ORDER, "matchingRules": {"body": equal}}))
    )
    (change,) = told["changes"]
    assert (change["why"], change["affected"], change["untold"]) == ("answers_break", 20, 0)
    assert told["met"][0]["consumer_version"] == "1.1"
    assert told["met"][0]["pointer"] == "/state"

    matched = {"$": matchers({"match": "type"})}
    for regex, result, untold in (("open|done", "compatible", 0), ("(o|d).*", "undecided", 400)):
        matched |= {"$.state": matchers({"match": "regex", "regex": regex})}
        answers = {"body": ORDER, "matchingRules": {"body": matched}}
        told = amended(api, pact(interaction(answers=answers)))
        (change,) = told["changes"]
        assert (told["result"], change["affected"], change["untold"]) == (result, 0, untold)
    assert [(it["why"], it["pointer"]) for it in change["unsettled"]] == [("value", "/state")]


def test_headers_that_a_newer_pact_asks_for_are_told_or_named(api: Asked) -> None:
    """It was told compatible, whatever headers and patterns it asked for."""
    published(api, expecting())
    some: dict[str, Any] = {
        "response_headers": {"content-type": "application/json", "x-trace": "t"},
        "headers_whole": False,
    }
    live(api, *([some] * 400))

    def asking(**headers: str) -> dict[str, Any]:
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        typed = {
            "header": {name: matchers({"match": "type"}) for name in names if name == "X-Trace"}
        }
        more = {"headers": {"Content-Type": "application/json"} | names}
        return pact(interaction(answers={"body": ORDER, "matchingRules": TYPED | typed} | more))

    told = amended(api, asking(X_Trace="t"))
    assert (told["result"], told["changes"][0]["why"]) == ("compatible", "answers_keep")
    told = amended(api, asking(X_New="t"))
    (change,) = told["changes"]
    assert (told["result"], change["affected"], change["untold"]) == ("undecided", 0, 400)
    (why,) = change["unsettled"]
    assert (why["why"], why["pointer"]) == ("header_unseen", "/headers/x-new")

    live(api, *([some | {"headers_whole": True, "path": "/orders/8"}] * 20))
    told = amended(api, asking(X_New="t"))
    (met,) = told["met"]
    assert (told["result"], met["rule"], met["affected"]) == ("breaking", "missing_header", 20)


def test_a_header_that_was_never_promised_and_goes_is_asked_live(api: Asked) -> None:
    def document(header: str) -> str:
        told = {"description": "x", "headers": {header: {"schema": {"type": "string"}}}}
        return json.dumps({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/orders/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {}}],
                "get": {"responses": {"200": told}},
            }},
        })  # fmt: skip

    def judged(header: str) -> tuple[str, str, int, int]:
        published(api, document(header), provider="orders", name=header)
        told = amended(api, document("X-Other"), provider="orders", name=header)
        (row,) = (it for it in told["changes"] if it["change"]["what"] == "went")
        return told["result"], row["why"], row["affected"], row["untold"]

    headers = {"content-type": "application/json", "x-trace": "t"}
    live(api, *([{"response_headers": headers, "headers_whole": True}] * 400))
    assert judged("X-Trace") == ("breaking", "received_today", 400, 0)
    assert judged("X-Gone") == ("compatible", "nobody_receives", 0, 0)
    assert judged("Date") == ("undecided", "never_promised", 0, 400)  # its presence is not kept


def test_a_status_and_an_example_that_nobody_showed(api: Asked) -> None:
    published(api, expecting())
    live(api, *([{}] * 400))
    told = amended(api, pact(interaction(answers={"status": 203, "body": ORDER})))
    assert (told["met"][0]["rule"], told["met"][0]["affected"]) == ("status", 400)
    gone = interaction(
        "a new order", asks={"method": "PUT", "path": "/orders", "matchingRules": {}}
    )
    told = amended(api, pact(interaction(answers={"body": ORDER, "matchingRules": TYPED}), gone))
    assert told["result"] == "undecided"
    little = {row["operation"] for row in told["operations"] if not row["enough"]}
    assert little == {"a new order"}


def test_a_stub_that_is_published_as_a_contract_is_held_against_live_answers(api: Asked) -> None:
    def stub(**body: Any) -> dict[str, Any]:
        return {"mappings": [{
            "name": "an order", "request": {"method": "GET", "urlPathPattern": "/orders/[0-9]+"},
            "response": {"status": 200, "jsonBody": body, "headers": {"Content-Type": "application/json"}},
        }]}  # fmt: skip

    published(api, stub(**ORDER), provider="orders")
    live(api, *([{}] * 400))
    assert amended(api, stub(**ORDER), provider="orders")["changes"] == []
    told = amended(api, stub(**ORDER | {"id": "7"}), provider="orders")
    assert (told["result"], told["met"][0]["pointer"]) == ("breaking", "/id")
    told = amended(api, stub(**ORDER | {"id": 8}), provider="orders")
    assert told["result"] == "compatible"  # another value of an example


def test_messages_are_held_against_a_newer_schema_place_by_place(api: Asked) -> None:
    def document(**properties: Any) -> str:
        payload = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}} | properties}  # fmt: skip
        return three(payload=payload)

    old = document(note={"type": "string"}, kind={"enum": ["a", "b"]})
    published(api, old, provider="till")
    events = [{"id": count, "kind": "ab"[count % 2]} for count in range(380)]
    sent(api, "orders", *events, *({"id": 1, "note": "x", "kind": "a"} for _ in range(20)))

    assert amended(api, old, provider="till")["result"] == "compatible"
    told = amended(api, document(kind={"enum": ["a", "b"]}), provider="till")
    assert (told["result"], told["reason"], told["seen"]) == ("breaking", "live_calls", 400)
    (lost,) = told["lost"]
    assert (lost["operation"], lost["pointer"], lost["affected"]) == ("orders", "/note", 20)
    assert (lost["side"], lost["consumer"]) == ("response", "mail")
    (change,) = told["changes"]
    assert (change["change"]["place"], change["why"]) == ("/note", "received_today")

    received = json.loads(old)
    received["operations"]["sendOrder"]["action"] = "receive"
    published(api, received, provider="mail", name="read")
    narrower = json.loads(document(note={"type": "string"}, kind={"enum": ["a"]}))
    narrower["operations"]["sendOrder"]["action"] = "receive"
    told = amended(api, narrower, provider="mail", name="read")
    (change,) = told["changes"]
    assert (change["bearing"], change["affected"], change["looked_at"]) == ("breaking", 190, 400)
    assert told["met"][0]["consumer"] == "till"


def test_a_newer_schema_of_a_topic_and_a_newer_message_by_example(api: Asked) -> None:
    def schema(**more: Any) -> dict[str, Any]:
        return {"x-seamwatch": {"topic": "booked"}, "type": "object", "properties": {"id": {"type": "integer"}}} | more  # fmt: skip

    published(api, schema(), provider="till", name="topic")
    sent(api, "booked", *({"id": count} for count in range(400)))
    told = amended(api, schema(required=["id", "by"]), provider="till", name="topic")
    assert (told["result"], told["met"][0]["pointer"]) == ("breaking", "/by")
    assert told["met"][0]["affected"] == 400
    assert amended(api, schema(required=["id"]), provider="till", name="topic")["exit_code"] == 1

    published(api, pact_of_messages(message()), name="mail")
    assert amended(api, pact_of_messages(message()), name="mail")["reason"] == "no_traffic"
    sent(api, "orders", *({"id": count, "total": 1.5} for count in range(400)))
    asks = message(contents={"id": 1, "total": 1.5, "by": "x"})
    told = amended(api, pact_of_messages(asks), name="mail")
    assert (told["result"], told["met"][0]["pointer"]) == ("breaking", "/by")
    asks = message(contents={"id": 1})
    told = amended(api, pact_of_messages(asks), name="mail")
    assert (told["result"], told["changes"][0]["why"]) == ("compatible", "answers_keep")


def test_binary_messages_are_held_against_a_newer_schema(api: Asked) -> None:
    """What a record of Avro holds is looked at by the schema that wrote it, Protobuf's too."""
    fields = [{"name": "id", "type": "long"}, {"name": "note", "type": "string"}]
    old = {
        "type": "record",
        "name": "Booked",
        "fields": fields,
        "x-seamwatch": {"topic": "booked", "ids": [7]},
    }
    published(api, old, provider="till", format="avro")
    sent(api, "booked", *(framed({"id": count, "note": "x"}, old) for count in range(400)))
    told = amended(api, old, provider="till", format="avro")
    assert (told["result"], told["seen"]) == ("compatible", 400)
    told = amended(api, {**old, "fields": fields[:1]}, provider="till", format="avro")
    assert (told["result"], told["met"][0]["pointer"], told["met"][0]["affected"]) == (
        "breaking", "/note", 400,
    )  # fmt: skip
    more = {**old, "fields": [*fields, {"name": "by", "type": "string"}]}
    told = amended(api, more, provider="till", format="avro")
    assert (told["result"], told["met"][0]["pointer"]) == ("breaking", "/by")
    longer = {**old, "fields": [{"name": "id", "type": ["null", "long"]}, fields[1]]}
    assert amended(api, longer, provider="till", format="avro")["result"] == "compatible"

    proto = TOPIC.replace('{"topic": "orders"}', '{"topic": "orders", "ids": [8]}')
    published(api, proto, provider="till", format="protobuf", name="proto")
    value = b"\x00" + struct.pack(">I", 8) + b"\x00" + PROTO_GOOD
    sent(api, "orders", *([value] * 400))
    without = proto.replace("optional string note = 6 [deprecated = true];", "")
    told = amended(api, without, provider="till", format="protobuf", name="proto")
    assert (told["result"], told["met"][0]["pointer"], told["met"][0]["affected"]) == (
        "breaking", "/note", 400,
    )  # fmt: skip
    unused = proto.replace("int32 cents = 5;", "")
    told = amended(api, unused, provider="till", format="protobuf", name="proto")
    assert (told["result"], {row["why"] for row in told["changes"]}) == (
        "compatible",
        {"nobody_receives"},
    )


def test_a_message_that_goes_breaks_who_receives_it_and_one_that_comes_nobody(api: Asked) -> None:
    def document(*names: str) -> str:
        payload = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
        return json.dumps({
            "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
            "channels": {name: {"address": name, "messages": {name: {"payload": payload}}} for name in names},
            "operations": {name: {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in names},
        })  # fmt: skip

    published(api, document("orders", "returns"), provider="till")
    sent(api, "orders", *({"id": count} for count in range(400)))
    sent(api, "returns", *({"id": count} for count in range(60)))
    told = amended(api, document("orders", "notes"), provider="till")
    assert (told["result"], told["reason"]) == ("breaking", "live_calls")
    words = {
        (row["change"]["operation"], row["bearing"], row["affected"]) for row in told["changes"]
    }
    assert words == {("returns in returns", "breaking", 60), ("notes in notes", "compatible", 0)}
    (met,) = told["met"]
    assert (met["operation"], met["rule"], met["affected"]) == ("returns", "message", 60)


def test_what_stands_in_parts_of_payloads_that_nobody_looked_at_is_untold(api: Asked) -> None:
    """Of an array 1,000 items are looked at: what the others hold was told as kept."""

    def document(of_answer: dict[str, Any], of_request: dict[str, Any]) -> str:
        def rows(**fields: Any) -> dict[str, Any]:
            listed = {"type": "array", "items": {"type": "object", "properties": fields}}
            schema = {"type": "object", "properties": {"list": listed, "note": {}}}
            return {"content": {"application/json": {"schema": schema}}}

        told = {"description": "x", **rows(n={"type": "string"}, **of_answer)}
        return json.dumps({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/batches": {"post": {
                "requestBody": rows(n={"type": "string", **of_request}), "responses": {"200": told},
            }}},
        })  # fmt: skip

    published(api, document({"x": {}}, {"format": "uuid"}), provider="orders")

    def judged() -> list[tuple[str, str, int]]:
        told = amended(api, document({}, {"format": "date-time"}), provider="orders")
        return sorted(
            (it["change"]["rule"], it["bearing"], it["untold"]) for it in told["changes"]
        )

    def batch_of(length: int) -> dict[str, Any]:
        body = json.dumps({"list": [{"n": "2026-11-30T10:00:00Z"}] * length})
        return {"method": "POST", "path": "/batches", "request_body": body, "response_body": body}

    live(api, *([batch_of(3)] * 400))
    assert judged() == [("format", "compatible", 0), ("property", "compatible", 0)]
    live(api, *([batch_of(1_001) | {"caller_version": "9"}] * 3))
    assert judged() == [("format", "undecided", 3), ("property", "undecided", 3)]
    told = amended(api, document({}, {"format": "uuid"}), provider="orders")
    assert {(why["why"], why["pointer"]) for it in told["changes"] for why in it["unsettled"]} == {
        ("payload_unseen", "/list/*/x")
    }
