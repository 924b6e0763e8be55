"""Publishing over the API: scope and owner are kept, a dry run tells what would change and what
recorded traffic says of it.
"""

import gc
import json
from datetime import timedelta
from typing import Any

import orjson
import pytest

from monitor.contracts.read import document_of
from monitor.contracts.registry import Registry
from monitor.contracts.schemas import Schemas
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.examples import ORDER, interaction, pact
from tests.contracts.promises import PAYMENTS
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.held_contracts import revisions
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_examples_shown import Given
from tests.pipelines.test_examples_shown import records as orders_records

GOOD = {"id": 7, "amount": 12.5, "currency": "EUR", "state": "open"}


def publish(api: Asked, document: str = PAYMENTS, **more: Any) -> dict[str, Any]:
    answer = api.post(
        "/v1/contracts",
        {"document": document, "provider": "payment", "name": "payments", **more},
        LOCAL_TOKEN,
    )
    assert answer.status_code == 201, answer.text
    publication: dict[str, Any] = answer.json()
    return publication


def recorded(api: Asked, *exchanges: dict[str, Any]) -> None:
    """Exchanges of `payment`, checked by what is published."""
    known = Registry(revisions(api.parts.engine))
    given = [
        {
            "callee": "payment",
            "path": "/payments/7",
            "response_body": json.dumps(GOOD),
            "request_headers": {"x-tenant": "a"},
        }
        | exchange
        for exchange in exchanges
    ]
    batch = orders_records(*given, at=NOON - timedelta(hours=1))
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: known, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass


def test_what_was_read_of_a_large_document_is_let_go(api: Asked) -> None:
    """A server that was sent some large documents grew with each: their circles stayed."""

    def held() -> int:
        return sum(type(it) is Schemas for it in gc.get_objects())

    large = json.dumps(document_of(PAYMENTS, where="x") | {"x-much": ["x" * 1_000] * 400})
    gc.collect()  # of tests before
    before = held()
    gc.disable()
    try:
        publish(api, large)
        assert held() == before
    finally:
        gc.enable()


def test_scope_role_and_owner_stay_until_told_otherwise(api: Asked) -> None:
    first = publish(api, environment="staging", consumer="web", owner="team-pay", contact="#pay")
    assert (first["outcome"], first["kept"], first["changes"]) == ("published", [], [])
    changed = PAYMENTS.replace("maximum: 100", "maximum: 200")
    second = publish(api, changed)
    assert [
        second[word] for word in ("number", "environment", "consumer", "owner", "contact")
    ] == [
        2,
        "staging",
        "web",
        "team-pay",
        "#pay",
    ]
    assert second["kept"] == ["consumer", "environment", "owner", "contact"]
    third = publish(api, changed, environment="", owner="team-money")
    assert [third[word] for word in ("number", "environment", "consumer", "owner")] == [
        3,
        "",
        "web",
        "team-money",
    ]
    assert third["kept"] == ["consumer", "contact"]
    assert publish(api, changed)["outcome"] == "unchanged"
    line = api.get("/v1/contracts").json()[0]
    assert (line["number"], line["owner"], line["contact"]) == (3, "team-money", "#pay")
    page = api.get("/contracts/payments").text
    assert "team-money" in page
    assert "#pay" in page


def test_a_mock_stays_a_mock(api: Asked) -> None:
    publish(api, role="mock")
    again = publish(api, PAYMENTS.replace("maximum: 100", "maximum: 200"))
    assert (again["number"], again["role"], again["kept"]) == (2, "mock", ["role"])
    assert publish(api, PAYMENTS, dry_run=True)["recorded"] is None  # it is held against nobody


def test_the_document_tells_whom_to_ask(api: Asked) -> None:
    document = PAYMENTS.replace(
        'version: "1"}',
        'version: "1", contact: {name: Pay, email: pay@example.org, url: "https://pay.example"}}',
    )
    assert publish(api, document)["contact"] == "Pay, pay@example.org, https://pay.example"
    assert publish(api, document, contact="#pay")["contact"] == "#pay"


def test_changes_since_the_revision_before_are_told(api: Asked) -> None:
    publish(api)
    publication = publish(api, PAYMENTS.replace("  /payments/newest:", "  /payments/latest:"))
    assert {
        (change["operation"], change["what"], change["breaks"])
        for change in publication["changes"]
    } == {
        ("GET /payments/latest", "came", "provider"),
        ("GET /payments/newest", "went", "consumers"),
    }
    assert publication["recorded"] is None


def test_a_dry_run_publishes_nothing_and_tells_what_would_break(api: Asked) -> None:
    publish(api)
    recorded(
        api,
        {},
        {"caller": "billing"},
        {
            "caller": "billing",
            "path": "/payments/newest",
            "response_body": "new",
            "response_headers": {"content-type": "text/plain"},
        },
        {"status": 204, "response_body": None},
        {"response_body": json.dumps(GOOD | {"amount": "12"})},
        {"callee": "other"},
    )
    newer = PAYMENTS.replace("  /payments/newest:", "  /payments/latest:")
    publication = publish(api, newer, dry_run=True)
    assert (publication["outcome"], publication["number"]) == ("would_publish", 2)
    assert api.get("/v1/contracts").json()[0]["number"] == 1
    comparison = publication["recorded"]
    assert [comparison[word] for word in ("hours", "exchanges", "breaks", "keeps", "untold")] == [
        24,
        5,
        1,
        3,
        1,
    ], comparison
    assert {
        (row["consumer"], row["operation"], row["why"])
        for row in comparison["said"]
        if row["told"] == "breaks"
    } == {
        ("web", "GET /payments/{id}", "type"),
    }
    assert [
        (consumer["consumer"], consumer["exchanges"], consumer["breaks"])
        for consumer in comparison["consumers"]
    ] == [
        ("web", 3, 1),
        ("billing", 2, 0),
    ]
    assert publish(api, newer)["number"] == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("maximum: 100", "maximum: 100", (0, 1, 0)),
        # what was the answer falls under `default` now, which asks for other fields
        ('        "200": {description: one', '        "202": {description: one', (1, 0, 0)),
        ("amount: {type: number, minimum: 0}", "amount: {type: string}", (1, 0, 0)),
        (
            '"200": {description: one,',
            '"200": {description: one, headers: {X-A: {required: true, schema: {}}},',
            (1, 0, 0),  # the log tells all headers
        ),
        (
            "parameters: [{name: id,",
            "parameters: [{name: X-A, in: header, required: true, schema: {}}, {name: id,",
            (0, 0, 1),
        ),
        (
            "parameters: [{name: id,",
            "parameters: [{name: a, in: query, required: true, schema: {}}, {name: id,",
            (1, 0, 0),
        ),
        ("state, secret]", "state, secret, note]", (1, 0, 0)),
        ("state: {type: string, enum: [open, done]}", "state: {type: string}", (0, 1, 0)),
        ("amount: {type: number, minimum: 0}", "amount: {type: number, minimum: 5}", (0, 1, 0)),
        ("amount: {type: number, minimum: 0}", "amount: {type: number, minimum: 500}", (1, 0, 0)),
        ("amount: {type: number, minimum: 0}", "amount: {type: integer, minimum: 0}", (1, 0, 0)),
        ("enum: [open, done]", "enum: [open]", (0, 1, 0)),
        ("enum: [open, done]", "enum: [done]", (1, 0, 0)),
        ('pattern: "^[A-Z]{3}$"', 'pattern: "^E"', (0, 0, 1)),
        ("amount: {type: number, minimum: 0}", "amount: {type: number}", (0, 1, 0)),
        ("maxItems: 3", "maxItems: 4", (0, 1, 0)),
        ("  /payments/{id}:", "  /other/{id}:", (1, 0, 0)),
    ],
)
def test_what_an_exchange_tells_hangs_on_what_changed(
    api: Asked, old: str, new: str, told: tuple[int, int, int]
) -> None:
    publish(api)
    recorded(api, {"headers_whole": True})
    assert old in PAYMENTS
    newer = PAYMENTS.replace(old, new)
    if "/other" in new:  # else /payments/newest would be near enough to be another method's
        newer = newer.replace("  /payments/newest:", "  /other/newest:")
    comparison = publish(api, newer, dry_run=True)["recorded"]
    assert (comparison["breaks"], comparison["keeps"], comparison["untold"]) == told, comparison


def test_a_first_revision_is_told_by_the_skeletons_of_what_was_live(api: Asked) -> None:
    told_of = "/payments/{id}"
    recorded(
        api, *([{}] * 6), *([{"response_body": json.dumps(GOOD | {"extra": 1})}] * 2), {"path": "/elsewhere"},
        {"caller": "cut", "response_body": '{"id": 1', "response_truncated": True},
    )  # fmt: skip

    def told(document: str) -> set[tuple[str, str, str, int]]:
        comparison = publish(api, document, dry_run=True)["recorded"]
        said = comparison["said"]
        assert sum(row["exchanges"] for row in said) == comparison["exchanges"] == 10
        return {
            (row["operation"].split()[-1], row["told"], row["why"], row["exchanges"])
            for row in said
        }

    cut = (told_of, "untold", "payload_unseen", 1)
    elsewhere = ("/elsewhere", "breaks", "undocumented_operation", 1)
    broken = (told_of, "breaks", "additionalProperties", 2)
    # marks of the values tell the enumeration, and a pattern that asks for signs of one class
    assert told(PAYMENTS) == {elsewhere, broken, (told_of, "keeps", "", 6), cut}
    begins = PAYMENTS.replace('pattern: "^[A-Z]{3}$"', 'pattern: "^E"')
    assert told(begins) == {elsewhere, broken, (told_of, "untold", "values", 6), cut}
    plain = """{openapi: 3.1.0, info: {title: t, version: "1"}, paths: {"/payments/{id}": {get: {responses: {"200": {
      description: one, content: {application/json: {schema: {type: object, required: [id], additionalProperties: false,
      properties: {id: {type: number}, amount: {}, currency: {}, state: {}}}}}}}}}}}"""
    assert told(plain) == {elsewhere, broken, (told_of, "keeps", "", 6), cut}


def test_an_array_of_which_a_part_was_not_looked_at_is_no_kept_one(api: Asked) -> None:
    bodies = [json.dumps({"list": [1.5] * count}) for count in (1_000, 1_001)]
    recorded(api, *({"response_body": body} for body in bodies))
    plain = """{openapi: 3.1.0, info: {title: t, version: "1"}, paths: {"/payments/{id}": {get: {responses: {"200": {
      description: one, content: {application/json: {schema: {type: object,
      properties: {list: {items: {type: number}}}}}}}}}}}}"""
    said = publish(api, plain, dry_run=True)["recorded"]["said"]
    assert {(row["told"], row["why"], row["exchanges"]) for row in said} == {
        ("keeps", "", 1),
        ("untold", "payload_unseen", 1),
    }


def test_examples_show_again_what_they_showed(api: Asked) -> None:
    old = pact(
        interaction("an order"),
        interaction("no order", asks={"path": "/orders/none", "matchingRules": {}}),
    )
    api.post("/v1/contracts", {"document": json.dumps(old)}, LOCAL_TOKEN)
    batch = orders_records(
        {}, {"response_body": "{}"}, {"path": "/orders/none"}, at=NOON - timedelta(hours=1)
    )
    known = Registry(revisions(api.parts.engine))
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: known, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass
    new = pact(
        interaction("an order"),
        interaction(
            "no order", asks={"path": "/orders/none", "matchingRules": {}}, answers={"status": 404}
        ),
    )
    publication = api.post(
        "/v1/contracts", {"document": orjson.dumps(new).decode(), "dry_run": True}, LOCAL_TOKEN
    ).json()
    comparison = publication["recorded"]
    assert (
        comparison["exchanges"],
        comparison["breaks"],
        comparison["keeps"],
        comparison["untold"],
    ) == (3, 1, 1, 1), comparison
    body = {"document": orjson.dumps(new).decode(), "dry_run": True, "name": "another"}
    first = api.post("/v1/contracts", body, LOCAL_TOKEN).json()["recorded"]
    assert {
        (row["operation"], row["told"], row["why"], row["exchanges"]) for row in first["said"]
    } == {
        ("GET /orders/{id}", "keeps", "", 1),
        ("GET /orders/{id}", "breaks", "missing_key", 1),
        # the example of this path asks for 404, and that of the others may be meant
        ("GET /orders/none", "untold", "other_status", 1),
    }


def test_first_stubs_are_told_by_the_skeletons_of_what_was_live(api: Asked) -> None:
    bodies = [ORDER, ORDER, {"id": 7}]
    batch = orders_records(
        *({"response_body": json.dumps(body)} for body in bodies),
        {"path": "/elsewhere"},
        at=NOON - timedelta(hours=1),
    )
    known = Registry([])
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: known, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass
    stubs = {
        "mappings": [
            {
                "request": {"method": "GET", "urlPathPattern": "/orders/[0-9]+"},
                "response": {"status": 200, "jsonBody": ORDER},
            }
        ]
    }
    told = api.post(
        "/v1/contracts",
        {"document": json.dumps(stubs), "provider": "orders", "dry_run": True},
        LOCAL_TOKEN,
    ).json()["recorded"]
    assert (told["exchanges"], told["breaks"], told["keeps"], told["untold"]) == (3, 1, 2, 0), told
    assert {(row["why"], row["looked_at"]) for row in told["said"]} == {
        ("missing_key", 3),
        ("", 3),
    }


def test_the_same_content_in_another_layout_is_no_new_revision(api: Asked) -> None:
    assert publish(api)["outcome"] == "published"
    whole = document_of(PAYMENTS, where="x")
    again = publish(api, json.dumps(whole), dry_run=True)
    assert (again["outcome"], again["number"], again["changes"]) == ("unchanged", 1, [])
    again = publish(api, json.dumps(dict(reversed(whole.items()))))
    assert (again["outcome"], again["number"], again["document"]) == ("unchanged", 1, PAYMENTS)
    assert publish(api, json.dumps(whole), owner="team-pay")["number"] == 2
    changed = PAYMENTS.replace("maximum: 100", "maximum: 100.0")
    assert publish(api, changed)["outcome"] == "published", "1 and 1.0 are told apart"


@pytest.mark.parametrize(
    ("word", "example"),
    [
        ("mappings", {"request": {"urlPath": "/a"}, "response": {"status": 200}}),
        (
            "contracts",
            {
                "request": {"method": "GET", "url": "/a"},
                "response": {"status": 200, "async": True},
            },
        ),
        ("imposters", {"protocol": "http", "port": 4545, "stubs": []}),
    ],
)
def test_an_example_alone_says_the_same_as_in_a_list_of_itself(
    api: Asked, word: str, example: dict[str, Any]
) -> None:
    outcomes = [
        publish(api, json.dumps(document), name="stubs")["outcome"]
        for document in (
            example,
            {word: [example]},
            {word: [example, example | {"name": "b"}]},
            example,
        )
    ]
    assert outcomes == ["published", "unchanged", "published", "published"]
