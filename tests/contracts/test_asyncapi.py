"""AsyncAPI 2.6 and 3.x: channels, operations, messages, traits, headers; what is judged, and what
is named as left.
"""

import json
from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.contracts.read import examine, read_contract
from monitor.errors import ContractError
from tests.contracts.examples import live, registry
from tests.contracts.test_messages import held, judged, said

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "note": {"type": "string"}},
}


def two(**changes: Any) -> str:
    message = {
        "name": "order", "payload": {"$ref": "#/components/schemas/order"}, "correlationId": {"location": "$message.header#/id"},
        "headers": {"type": "object", "required": ["X-Kind"], "properties": {"X-Kind": {"enum": ["made"]}, "n": {"type": "integer"}}},
        "traits": [{"$ref": "#/components/messageTraits/common"}], **changes,
    }  # fmt: skip
    return json.dumps({
        "asyncapi": "2.6.0", "info": {"title": "t", "version": "1"},
        "channels": {
            "orders": {"subscribe": {"message": message}},
            "shop/{region}/asked": {"publish": {"message": {"oneOf": [
                {"messageId": "a", "payload": {"type": "object", "required": ["a"]}},
                {"messageId": "b", "payload": {"type": "object", "required": ["b"], "properties": {"b": {"type": "string"}}}},
            ]}}, "parameters": {"region": {"schema": {"type": "string"}}}},
            "bound": {"bindings": {"kafka": {"topic": "real-topic"}}, "subscribe": {"message": {"payload": ORDER}}},
        },
        "components": {
            "schemas": {"order": ORDER},
            "messageTraits": {"common": {"headers": {"type": "object", "properties": {"tenant": {"type": "string", "minLength": 2}}}}},
        },
    })  # fmt: skip


def three(action: str = "send", **message: Any) -> str:
    return json.dumps({
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {
            "orders": {"address": "orders", "messages": {
                "order": {"payload": ORDER, "contentType": "application/json", **message},
                "gone": {"payload": {"schemaFormat": "application/schema+json;version=draft-07", "schema": {"type": "object", "required": ["gone"]}}},
            }},
            "nobodys": {"address": "notes", "messages": {"note": {"payload": {"type": "string"}}}},
            "reply": {"address": None, "messages": {"r": {"payload": {"type": "object"}}}},
        },
        "operations": {
            "sendOrder": {"action": action, "channel": {"$ref": "#/channels/orders"}, "messages": [{"$ref": "#/channels/orders/messages/order"}]},
        },
    })  # fmt: skip


KIND = {"x-kind": "made"}


def test_a_channels_messages_are_held_against_the_records_of_its_topic() -> None:
    contract = held(two(), "asyncapi")
    assert said(judged({"id": 1}, contract, headers=KIND)) == ("valid", "", [])
    assert said(judged({"id": "1"}, contract, headers=KIND)) == (
        "violated",
        "",
        [("request", "type", "/id")],
    )
    assert said(judged(b"no json", contract, headers=KIND)) == (
        "violated",
        "",
        [("request", "not_json", "")],
    )
    assert said(judged({"id": "1"}, contract, topic="real-topic")) == (
        "violated",
        "",
        [("request", "type", "/id")],
    )
    assert said(judged({"id": "1"}, contract, topic="bound")) == ("not_checked", "no_contract", [])
    other = {"content-type": "text/csv", **KIND}
    assert said(judged(b"a,b", contract, headers=other)) == (
        "violated",
        "",
        [("request", "undocumented_media_type", "")],
    )


def test_headers_are_read_as_their_schema_says_from_message_and_traits() -> None:
    contract = held(two(), "asyncapi")
    assert said(judged({"id": 1}, contract)) == (
        "violated",
        "",
        [("request", "missing_header", "/header/x-kind")],
    )
    assert said(judged({"id": 1}, contract, headers={"x-kind": "else"}))[2] == [
        ("request", "enum", "/header/x-kind")
    ]
    assert said(judged({"id": 1}, contract, headers={**KIND, "n": "7"})) == ("valid", "", [])
    assert said(judged({"id": 1}, contract, headers={**KIND, "n": "x"}))[2] == [
        ("request", "type", "/header/n")
    ]
    assert said(judged({"id": 1}, contract, headers={**KIND, "tenant": "x"}))[2] == [
        ("request", "minLength", "/header/tenant")
    ]
    assert said(judged({"id": 1}, contract, headers={**KIND, "n": "\x00\x07"})) == (
        "not_checked",
        "parameter_unseen",
        [],
    )


def test_alternatives_are_kept_by_one_and_parameters_of_an_address_by_any_name() -> None:
    contract = held(two(), "asyncapi")
    for topic in ("shop/eu/asked", "shop/us/asked"):
        assert said(judged({"a": 1}, contract, topic=topic, producer="web")) == ("valid", "", [])
        assert said(judged({"b": "x"}, contract, topic=topic, producer="web")) == ("valid", "", [])
        broken = judged({"b": 1}, contract, topic=topic, producer="web")
        assert (broken.outcome, broken.operation) == ("violated", "shop/{region}/asked")
    assert (
        said(judged({"b": 1}, contract, topic="shop//asked", producer="web"))[1] == "no_contract"
    )


def test_what_the_application_sends_binds_itself_and_what_it_receives_binds_whoever_writes() -> (
    None
):
    sent, received = held(three("send"), "asyncapi"), held(three("receive"), "asyncapi")
    assert said(judged({"id": "x"}, sent, producer="web")) == ("not_checked", "no_contract", [])
    assert said(judged({"id": "x"}, sent, producer="till"))[0] == "violated"
    assert said(judged({"id": "x"}, received, producer="web"))[0] == "violated"
    assert said(judged(1, sent, topic="notes", producer="web"))[2] == [("request", "type", "")]


def test_only_the_messages_that_an_operation_names_are_its() -> None:
    assert said(judged({"gone": 1}, held(three(), "asyncapi"))) == (
        "violated",
        "",
        [("request", "required", "/id")],
    )


def test_what_an_operation_replies_with_is_a_message_of_the_replys_channel() -> None:
    document = json.loads(three("receive"))
    gone = {"$ref": "#/channels/orders/messages/gone"}
    document["operations"]["sendOrder"]["reply"] = {
        "channel": {"$ref": "#/channels/orders"},
        "messages": [gone],
    }
    promise = read_contract("asyncapi", json.dumps(document), where="x")
    assert [(message.topic, message.own) for message in promise.messages][:2] == [
        ("orders", False),
        ("orders", True),
    ]
    names = [message.name for message in promise.messages if message.topic == "orders"]
    assert len(set(names)) == len(names) == 2


def test_a_message_of_its_own_content_type_beats_its_trait_since_3_0_and_before_not() -> None:
    trait = {"traits": [{"contentType": "application/x-other"}], "contentType": "application/json"}
    assert said(judged({"id": "x"}, held(three(**trait), "asyncapi")))[0] == "violated"
    old = two(**trait, headers={"type": "object"})
    assert said(judged({"id": "x"}, held(old, "asyncapi"))) == ("not_checked", "no_contract", [])


def test_what_is_not_judged_is_named() -> None:
    told = examine("", two(), where="x")
    assert [remark.said for remark in told.remarks if "correlation" in remark.pointer] == [
        "which message answers which is not judged"
    ]
    assert len(told.promise.messages) == 4
    raml = three(payload={"schemaFormat": "application/raml+yaml;version=1.0", "schema": "x"})
    assert any(
        "application/raml+yaml" in remark.said
        for remark in examine("asyncapi", raml, where="x").remarks
    )
    assert any(
        "no address" in remark.said for remark in examine("asyncapi", three(), where="x").remarks
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"asyncapi": "1.2.0"}, "AsyncAPI 2.x and 3.x are read"),
        ({"channels": []}, "/channels is no object"),
        (
            {"channels": {"a": {"subscribe": {"message": {"$ref": "#/nowhere"}}}}},
            "names nothing in the document",
        ),
        (
            {"channels": {"a": {"subscribe": {"message": {"$ref": "./m.yaml"}}}}},
            "nothing is fetched",
        ),
        ({"channels": {"a": {"subscribe": {"message": {"payload": 7}}}}}, "is no schema"),
        (
            {"channels": {"a": {"subscribe": {"message": {"payload": {"type": 7}}}}}},
            "cannot be used",
        ),
        (
            {
                "channels": {
                    "a": {"subscribe": {"message": {"$ref": "#/channels/a/subscribe/message"}}}
                }
            },
            "schemas apply to one value|in a circle",
        ),
    ],
)
def test_documents_that_cannot_be_used_are_refused_with_what_and_where(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ContractError, match=complaint):
        examine("asyncapi", json.dumps(json.loads(two()) | change), where="contract x")


def test_a_json_schema_of_a_topic_is_held_against_whoever_writes_there_framed_or_not() -> None:
    schema = json.dumps(ORDER | {"x-seamwatch": {"topic": "orders"}, "title": "Order"})
    contract = held(schema, "jsonschema")
    assert read_contract("jsonschema", schema, where="x").messages[0].name == "Order"
    for frame in (b"", b"\x00\x00\x00\x00\x07", b"\x01" + bytes(range(16))):
        assert said(judged(frame + b'{"id": 1}', contract, producer="web")) == ("valid", "", [])
        assert said(judged(frame + b'{"id": "x"}', contract)) == (
            "violated",
            "",
            [("request", "type", "/id")],
        )
        assert said(judged(frame + b"no", contract)) == (
            "violated",
            "",
            [("request", "not_json", "")],
        )


def test_an_event_is_judged_whole_where_the_message_is_the_event() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"id": 1}}
    headers = {"content-type": "application/cloudevents+json"}
    whole = {"type": "object", "required": ["type", "data"], "properties": {"data": ORDER}}
    contract = held(three(payload=whole, contentType="application/cloudevents+json"), "asyncapi")
    assert said(judged(event, contract, headers=headers)) == ("valid", "", [])
    assert said(judged(event | {"data": {}}, contract, headers=headers))[2] == [
        ("request", "required", "/data/id")
    ]
    data = held(three(), "asyncapi")
    assert said(judged(event, data, headers=headers)) == ("valid", "", [])
    assert said(judged(event | {"data": {}}, data, headers=headers))[2] == [
        ("request", "required", "/id")
    ]


def test_parts_that_many_messages_share_are_read_once() -> None:
    """Else 5,000 messages with a trait of 2,000 headers, or with one .proto, would take minutes
    and gigabytes.
    """
    wide = {"type": "object", "properties": {f"h{n}": {"type": "string"} for n in range(2_000)}}
    proto = (
        'syntax = "proto3"; message M {'
        + "".join(f"int32 f{n} = {n};" for n in range(1, 2_000))
        + "}"
    )
    document = {
        "asyncapi": "2.6.0",
        "channels": {
            f"c{n}": {
                "subscribe": {
                    "message": {"traits": [{"$ref": "#/components/messageTraits/t"}], **BINARY}
                }
            }
            for n in range(5_000)
        },
        "components": {"messageTraits": {"t": {"headers": wide}}, "schemas": {"p": proto}},
    }
    promise = read_contract("asyncapi", json.dumps(document), where="x")
    assert len(promise.messages) == 5_000
    assert len(promise.of_messages) == 2_000


BINARY = {
    "schemaFormat": "application/vnd.google.protobuf;version=3",
    "payload": {"$ref": "#/components/schemas/p"},
}


def test_examples_of_messages_and_of_their_schemas_are_held_against_these() -> None:
    shown = [{"payload": {"id": 7}}, {"payload": {"id": "7"}}, {"headers": {"X-Kind": "made"}}]
    documents = {
        two(examples=shown): "/channels/orders/subscribe/message/examples/1/payload",
        three(examples=shown): "/channels/orders/messages/order/examples/1/payload",
        json.dumps({"x-seamwatch": {"topic": "orders"}, **ORDER, "examples": [{"id": "7"}]}): (
            "/examples/0"
        ),
    }
    for text, pointer in documents.items():
        report = examine("", text, where="here")
        (misfit,) = [remark for remark in report.remarks if remark.kind == "example"]
        assert misfit.pointer == pointer
        assert "/id is string, the schema says integer" in misfit.said


def test_of_several_messages_the_one_is_broken_that_a_constant_does_not_rule_out() -> None:
    hello = {"type": "object", "properties": {"type": {"const": "hello"}}}
    event = {
        "type": "object",
        "properties": {"type": {"const": "event"}, "a": {"type": "integer"}},
        "additionalProperties": False,
    }
    messages = {"hello": {"payload": hello}, "event": {"payload": event}}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "t", "version": "1"},
        "channels": {"orders": {"address": "orders", "messages": messages}},
    }
    contract = held(json.dumps(document), "asyncapi")
    told = judged({"type": "event", "a": "x", "b": 1}, contract)
    assert {violation.pointer for violation in told.violations} == {"/a", "/*"}


def test_an_address_that_is_the_topic_beats_one_with_parameters_which_hold_no_slash() -> None:
    text, number = {"payload": {"type": "string"}}, {"payload": {"type": "integer"}}
    document = {
        "asyncapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "channels": {
            "any": {"address": "{queue}", "messages": {"m": text}},
            "own": {"address": "calls", "messages": {"m": number}},
        },
    }  # fmt: skip
    contract = held(json.dumps(document), "asyncapi")
    assert said(judged("x", contract, topic="calls"))[0] == "violated"
    assert said(judged("x", contract, topic="answers"))[0] == "valid"
    assert said(judged(1, contract, topic="answers"))[0] == "violated"
    assert said(judged(1, contract, topic="answers/eu"))[1] == "no_contract"


def test_a_header_that_is_an_object_may_be_written_as_json() -> None:
    described = {
        "type": "object",
        "properties": {
            "mqmd": {"type": "object", "required": ["id"], "properties": {"id": ORDER}}
        },
    }
    contract = held(three(headers=described), "asyncapi")
    good, bad = json.dumps({"id": {"id": 7}}), json.dumps({"id": {"id": "x"}})
    assert said(judged({"id": 1}, contract, headers={"mqmd": good})) == ("valid", "", [])
    assert said(judged({"id": 1}, contract, headers={"mqmd": bad}))[2] == [
        ("request", "type", "/header/mqmd/id/id")
    ]
    assert said(judged({"id": 1}, contract, headers={"mqmd": "{no"}))[0] == "violated"


def test_what_an_operation_names_may_stand_behind_the_reference_of_its_channel() -> None:
    document = json.loads(three())
    document["components"] = {"channels": {"orders": document["channels"].pop("orders")}}
    document["channels"]["orders"] = {"$ref": "#/components/channels/orders"}
    contract = held(json.dumps(document), "asyncapi")
    assert said(judged({"id": "x"}, contract)) == ("violated", "", [("request", "type", "/id")])


@pytest.mark.parametrize("form", ["asyncapi", "openapi"])
def test_children_that_extend_the_parent_which_lists_them_are_judged(form: str) -> None:
    kind = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    schemas = {
        "Pet": kind
        | {
            "discriminator": {"propertyName": "kind"},
            "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog")],
        },
        **{
            name: {
                "allOf": [
                    {"$ref": "#/components/schemas/Pet"},
                    {"required": [of], "properties": {of: {"type": "integer"}}},
                ]
            }
            for name, of in (("Cat", "lives"), ("Dog", "tricks"))
        },
    }
    pet = {"$ref": "#/components/schemas/Pet"}
    if form == "asyncapi":
        document = json.loads(three(payload=pet)) | {"components": {"schemas": schemas}}
        contract = held(json.dumps(document), "asyncapi")
        outcomes = [said(judged(body, contract))[0] for body in PETS[:-1]]
    else:
        content = {"application/json": {"schema": pet}}
        paths = {"/a": {"get": {"responses": {"200": {"description": "x", "content": content}}}}}
        document = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths}
        contracts = registry(
            json.dumps(document | {"components": {"schemas": schemas}}), form="openapi"
        )
        calls = [live(path="/a", response_body=json.dumps(body)) for body in PETS]
        *outcomes, other = [check(call, contracts).outcome for call in calls]
        assert other == "violated"
    assert outcomes == ["valid", "valid", "violated", "violated"]


PETS = (
    {"kind": "Cat", "lives": 9},
    {"kind": "Dog", "tricks": 2},
    {"kind": "Cat", "lives": "nine"},
    {"lives": 9},
    {"kind": "Cat", "tricks": 2},
)
