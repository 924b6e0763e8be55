"""A pact that expects what the OpenAPI document of its provider forbids is told at publishing,
whichever of the two comes last.
"""

import json
from base64 import b64encode
from dataclasses import asdict
from typing import Any

import pytest
import yaml

from monitor.cli.publications import tell_contradictions
from monitor.contracts.contradictions import contradictions, message_contradictions
from monitor.contracts.read import read_contract
from monitor.contracts.shown import shown_in
from tests.contracts.promises import GOOD, PAYMENTS
from tests.fixtures.api import LOCAL_TOKEN, Asked

WHOLE = read_contract("openapi", PAYMENTS, where="payments")
NEW = {"amount": 12, "currency": "EUR", "state": "open", "secret": "s"}


def one(
    asks: dict[str, Any] | None = None, answers: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    request = {"method": "GET", "path": "/api/payments/7"} | (asks or {})
    return {
        "description": "a payment",
        "request": request,
        "response": {"status": 200, "body": GOOD} | (answers or {}),
    } | more


def pact(*interactions: dict[str, Any]) -> dict[str, Any]:
    return {
        "consumer": {"name": "web"},
        "provider": {"name": "payment"},
        "interactions": list(interactions),
    }


@pytest.mark.parametrize(
    ("interaction", "told"),
    [
        (one(), []),
        (one(answers={"body": {"id": 7}}), []),  # a consumer names what it needs, not all there is
        (one(answers={"body": {"lines": []}}), []),
        (one(answers={"body": {"amount": "12"}}), [("response", "type", "/amount")]),
        (one(answers={"body": {"nonsense": 1}}), [("response", "additionalProperties", "/*")]),
        (one(answers={"body": {"state": "gone"}}), [("response", "enum", "/state")]),
        (one({"path": "/api/nowhere"}), [("request", "undocumented_operation", "")]),
        (one({"method": "DELETE"}), [("request", "undocumented_method", "")]),
        (one({"path": "/api/payments", "query": "limit=ten"}, {"body": []}), [("request", "type", "/query/limit")]),
        (one({"path": "/api/payments", "query": {"state": ["open"]}}, {"body": []}), [("request", "missing_parameter", "/query/limit")]),
        (one({"method": "POST", "path": "/api/payments", "body": NEW}, {"status": 201}), []),
        (one({"method": "POST", "path": "/api/payments", "body": {"amount": 1}}, {"status": 201}), [("request", "required", "")]),
        (one({"method": "POST", "path": "/api/payments", "body": NEW}, {"status": 202}), [("response", "undocumented_status", "")]),
        (one(answers={"headers": {"Content-Type": ["text/html"]}, "body": "<p>"}), [("response", "undocumented_media_type", "")]),
        (one(answers={"body": {"content": {"amount": "1"}, "contentType": "application/json", "encoded": False}}, type="Synchronous/HTTP"),
         [("response", "type", "/amount")]),
        (one(answers={"body": {"content": b64encode(b'{"amount": "1"}').decode(), "contentType": "application/json", "encoded": "base64"}}),
         [("response", "type", "/amount")]),
        (one(answers={"body": {"content": "no", "contentType": "application/json", "encoded": "base64"}}), []),
        ({"description": "news", "type": "Asynchronous/Messages", "contents": {"content": {}}}, []),
        ({"request": "hostile", "response": 5}, []),
    ],
)  # fmt: skip
def test_an_example_is_judged_by_what_it_says_and_not_by_what_it_leaves_out(
    interaction: dict[str, Any], told: list[tuple[str, str, str]]
) -> None:
    conflicts = contradictions("web-payment", pact(interaction), "payments", WHOLE)
    kinds = {
        (
            each.side,
            each.rule,
            each.pointer if each.rule not in ("required", "additionalProperties") else "",
        )
        for each in conflicts
    }
    assert kinds == {
        (side, rule, "" if rule in ("required", "additionalProperties") else place)
        for side, rule, place in told
    }
    assert all(
        each.example_clause.startswith("/interactions/0/") and each.clause.startswith("/")
        for each in conflicts
    )


def test_a_clause_that_many_examples_break_alike_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = one(answers={"body": {"amount": "12", "state": "gone"}})
    conflicts = contradictions("web-payment", pact(one(), *[bad] * 150), "payments", WHOLE)
    assert [(each.rule, each.example_clause, each.examples) for each in conflicts] == [
        ("type", "/interactions/1/response", 150),
        ("enum", "/interactions/1/response", 150),
    ]
    tell_contradictions([asdict(conflicts[0])])
    assert "(a payment, and 149 more)" in capsys.readouterr().out


@pytest.mark.parametrize("pact_first", [True, False])
def test_publishing_tells_both_clauses(
    api: Asked, pact_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = pact(one(), one(answers={"body": {"amount": "12.50"}}))
    bodies: list[dict[str, str]] = [
        {"document": json.dumps(bad)},
        {"document": PAYMENTS, "provider": "payment", "name": "payments"},
    ]
    first, last = (
        api.post("/v1/contracts", body, LOCAL_TOKEN)
        for body in (bodies if pact_first else bodies[::-1])
    )
    assert (first.status_code, last.status_code, first.json()["contradictions"]) == (201, 201, [])
    (conflict,) = last.json()["contradictions"]
    for name in (first.json()["name"], last.json()["name"]):
        assert api.get(f"/v1/contracts/{name}/contradictions").json()["contradictions"] == [
            conflict
        ]
        assert "Contradictions" in api.get(f"/contracts/{name}").text
    assert (conflict["pact"], conflict["example_clause"], conflict["contract"]) == (
        "web-payment",
        "/interactions/1/response",
        "payments",
    )
    assert (conflict["rule"], conflict["pointer"], conflict["expected"], conflict["actual"]) == (
        "type",
        "/amount",
        "number",
        "string",
    )
    node: Any = yaml.safe_load(PAYMENTS)
    for word in conflict["clause"].split("/")[1:]:
        node = node[word.replace("~1", "/")]
    assert "12.50" not in json.dumps(conflict)
    tell_contradictions([conflict])
    assert "the provider cannot keep both contracts" in capsys.readouterr().out


ORDERS = """
type Query { order(id: ID!): Order }
type Order { id: ID! total: Float! state: State }
enum State { OPEN DONE }
"""


@pytest.mark.parametrize(
    ("fields", "order", "told"),
    [
        ("id total", {"id": "1", "total": 2}, []),
        ("id total", {"id": "1"}, []),  # a consumer names what it needs
        ("id sum", {"id": "1", "sum": 2}, [("request", "unknown_field")]),
        ("id total", {"id": "1", "total": "2"}, [("response", "type")]),
        ("state", {"state": "GONE"}, [("response", "enum")]),
        ("id", {"id": None}, [("response", "non_null")]),
    ],
)
def test_a_pact_of_queries_is_held_against_the_schema_of_its_provider(
    api: Asked, fields: str, order: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    query = {"query": f'query {{ order(id: "1") {{ {fields} }} }}'}
    asks = {"method": "POST", "path": "/graphql", "body": query}
    shown = one(asks, {"body": {"data": {"order": order}}})
    for body in (
        {"document": ORDERS, "provider": "payment", "name": "orders"},
        {"document": json.dumps(pact(shown, one())), "name": "web-payment"},
    ):
        answer = api.post("/v1/contracts", body, LOCAL_TOKEN)
        assert answer.status_code == 201, answer.text
    conflicts = answer.json()["contradictions"]
    assert [(each["side"], each["rule"]) for each in conflicts] == told
    assert all(each["contract"] == "orders" for each in conflicts)


def test_mocks_other_providers_and_other_environments_contradict_nothing(api: Asked) -> None:
    bad = json.dumps(pact(one(answers={"body": {"amount": "12.50"}})))
    whole = {
        "document": PAYMENTS,
        "provider": "payment",
        "name": "payments",
        "environment": "staging",
    }
    assert api.post("/v1/contracts", whole, LOCAL_TOKEN).status_code == 201
    for more in (
        {"environment": "production"},
        {"provider": "other"},
        {"role": "mock", "name": "m"},
    ):
        assert (
            api.post("/v1/contracts", {"document": bad, **more}, LOCAL_TOKEN).json()[
                "contradictions"
            ]
            == []
        )


SPRING = {
    "name": "a payment", "request": {"method": "GET", "url": "/api/payments/7", "headers": {"X-Tenant": "a"}},
    "response": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": {"amount": "12.50"}},
}  # fmt: skip
WIREMOCK = {
    "request": {"method": "GET", "urlPath": "/api/payments/7"},
    "response": {
        "status": 200,
        "headers": {"Content-Type": "application/json"},
        "jsonBody": {"amount": "12.50"},
    },
}
MOUNTEBANK = {
    "protocol": "http", "port": 1,
    "stubs": [
        {
            "predicates": [{"equals": {"method": "GET", "path": "/api/payments/7"}}],
            "responses": [{"is": {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"amount": "12.50"}'}}],
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("document", "kind", "place"),
    [
        (SPRING, "spring-cloud-contract", ""),
        (WIREMOCK, "wiremock", ""),
        (MOUNTEBANK, "mountebank", "/stubs/0/responses/0"),
    ],
)
def test_stubs_and_spring_contracts_contradict_as_pacts_do_and_a_pattern_lacks_nothing(
    api: Asked, document: dict[str, Any], kind: str, place: str
) -> None:
    whole = {"document": PAYMENTS, "provider": "payment", "name": "payments"}
    assert api.post("/v1/contracts", whole, LOCAL_TOKEN).status_code == 201
    answer = api.post(
        "/v1/contracts", {"document": json.dumps(document), "provider": "payment"}, LOCAL_TOKEN
    ).json()
    assert answer["format"] == kind
    told = [
        (conflict["example_clause"], conflict["side"], conflict["rule"], conflict["pointer"])
        for conflict in answer["contradictions"]
    ]
    assert told == [(f"{place}/response", "response", "type", "/amount")]
    assert "12.50" not in json.dumps(answer["contradictions"])


def test_what_stands_for_no_one_call_is_no_example() -> None:
    asked, answer = WIREMOCK["request"], WIREMOCK["response"]
    patterns = [
        {"request": {"method": "GET", "urlPattern": "/api/.*"}, "response": answer},
        {"request": asked, "response": {"proxyBaseUrl": "http://x"}},
        {"request": asked, "response": answer | {"transformers": ["response-template"]}},
        {"request": asked, "response": {"status": 200, "body": "{{request.path}}"}},
    ]
    examples = list(shown_in("wiremock", {"mappings": patterns}))
    assert [(example.clause, example.response["body"]) for example in examples] == [
        ("/mappings/3", None)
    ]
    matched = {
        "request": {"method": "GET", "url": "/a", "matchers": {"url": {"regex": "/."}}},
        "response": {"status": 200},
    }
    assert list(shown_in("spring-cloud-contract", matched)) == []


ORDER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
TOPIC = {
    **ORDER,
    "x-seamwatch": {"topic": "orders"},
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}


def channels(schema: dict[str, Any], *examples: Any) -> dict[str, Any]:
    message = {
        "payload": schema,
        "contentType": "application/json",
        "examples": [{"payload": example} for example in examples],
    }
    return {
        "asyncapi": "2.6.0",
        "info": {"title": "t", "version": "1"},
        "channels": {"orders": {"subscribe": {"message": message}}},
    }


def test_messages_that_one_contract_shows_and_another_of_its_topic_forbids(api: Asked) -> None:
    def published(name: str, document: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
        body = {"document": json.dumps(document), "provider": "shop", "name": name}
        answer = api.post("/v1/contracts", body, LOCAL_TOKEN)
        assert answer.status_code == 201, answer.text
        return [
            (
                conflict["pact"],
                conflict["example_clause"],
                conflict["contract"],
                conflict["rule"],
                conflict["pointer"],
            )
            for conflict in answer.json()["contradictions"]
        ]

    assert published("registry", TOPIC) == []
    text = {"type": "object", "properties": {"id": {"type": "string"}}}
    place = "/channels/orders/subscribe/message/examples/1/payload"
    conflicts = published("channels", channels(text, {}, {"id": "7"}))
    schema = "/channels/orders/subscribe/message/payload/properties/id"
    assert conflicts == [
        ("channels", where, "registry", "type", "/id") for where in (place, schema)
    ]
    spring = {
        "label": "order",
        "input": {},
        "outputMessage": {"sentTo": "orders", "body": {"id": "seven"}},
    }
    assert published("spring", spring) == [
        ("spring", "/outputMessage/body", "registry", "type", "/id")
    ]
    assert published("channels", channels(ORDER, {"id": 7})) == [
        ("spring", "/outputMessage/body", "channels", "type", "/id")
    ]


AVRO = {
    "type": "record", "name": "Order", "namespace": "shop",
    "fields": [
        {"name": "id", "type": "int"}, {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "qty", "type": "int"}]}}, "default": []},
        {"name": "raw", "type": "bytes", "default": ""},
    ],
}  # fmt: skip
PROTO = """// x-seamwatch: {"topic": "orders", "message": "Order"}
syntax = "proto3"; message Order { int64 id = 1; string note = 2; repeated Line lines = 3; bytes raw = 4; } message Line { int32 qty = 1; }
"""


@pytest.mark.parametrize(
    ("example", "avro", "proto"),
    [
        ({"id": 7, "note": "x", "lines": [{"qty": 1}], "raw": "eA=="}, None, None),
        ({"note": "what it leaves out is no contradiction"}, None, None),
        (
            {"id": "secret"},
            ("avro_type", "a value of shop.Order.id", "string"),
            ("proto_json", "/id"),
        ),
        (
            {"id": 1, "lines": [{"qty": "secret"}]},
            ("avro_type", "a value of shop.Line.qty", "string"),
            ("proto_json", "/lines/*/qty"),
        ),
        ({"id": 1, "note": {"string": "a tag of Avro's own"}}, None, ("proto_json", "/note")),
    ],
)
def test_messages_of_asyncapi_are_held_against_avro_and_protobuf_of_their_topic(
    example: Any, avro: Any, proto: Any
) -> None:
    document = channels({"type": "object"}, example)
    shows = read_contract("asyncapi", json.dumps(document), where="x")
    for text, kind, wanted in (
        (json.dumps(AVRO | {"x-seamwatch": {"topic": "orders"}}), "avro", avro),
        (PROTO, "protobuf", proto),
    ):
        held = read_contract(kind, text, where="x")
        conflicts = message_contradictions("channels", "asyncapi", document, shows, kind, held)
        told = [
            (conflict.rule, conflict.expected, conflict.actual)
            if kind == "avro"
            else (conflict.rule, conflict.pointer)
            for conflict in conflicts
        ]
        assert told == ([wanted] if wanted else []), kind
        assert "secret" not in repr(conflicts)
        elsewhere = {**document, "channels": {"others": document["channels"]["orders"]}}
        other = read_contract("asyncapi", json.dumps(elsewhere), where="x")
        assert message_contradictions("channels", "asyncapi", elsewhere, other, kind, held) == []
