"""Pacts and stubs over the API and on the page: named by themselves, and what live exchanges
showed of their examples.
"""

import json
from datetime import timedelta

from monitor.contracts.read import read_contract
from monitor.joining.coverage import operations_covered
from monitor.model.edges import Sighting
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.examples import interaction, pact
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_examples_shown import KNOWN, WEB, Given, records
from tests.pipelines.written import publish, write_sightings


def test_a_pact_names_its_parties_and_stubs_do_not_replace_an_openapi_document(api: Asked) -> None:
    answer = api.post("/v1/contracts", {"document": json.dumps(pact(interaction()))}, LOCAL_TOKEN)
    assert answer.status_code == 201, answer.text
    assert [
        answer.json()[word] for word in ("name", "format", "provider", "consumer", "role")
    ] == [
        "web-orders",
        "pact",
        "orders",
        "web",
        "contract",
    ]
    assert (answer.json()["judged"]["interactions"], answer.json()["judged"]["operations"]) == (
        1,
        0,
    )
    openapi = {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {}}
    assert (
        api.post(
            "/v1/contracts", {"document": json.dumps(openapi), "provider": "orders"}, LOCAL_TOKEN
        ).json()["name"]
        == "orders"
    )
    stub = {"uuid": "x", "request": {"urlPath": "/a"}, "response": {"status": 200}}
    mock = api.post(
        "/v1/contracts",
        {"document": json.dumps(stub), "provider": "orders", "role": "mock"},
        LOCAL_TOKEN,
    ).json()
    assert (mock["name"], mock["format"], mock["role"], mock["number"]) == (
        "orders-wiremock",
        "wiremock",
        "mock",
        1,
    )
    told = {line["name"]: line["role"] for line in api.get("/v1/contracts").json()}
    assert told == {"orders": "contract", "orders-wiremock": "mock", "web-orders": "contract"}
    assert (
        api.post("/v1/contracts", {"document": json.dumps(stub)}, LOCAL_TOKEN).status_code == 422
    )
    assert api.get("/v1/contracts/orders/coverage").status_code == 422
    assert api.get("/v1/contracts/nothing/coverage").status_code == 404


def test_another_consumer_may_be_named_than_the_pact_names(api: Asked) -> None:
    body = {
        "document": json.dumps(pact(interaction())),
        "consumer": "storefront",
        "provider": "orders-api",
    }
    contract = api.post("/v1/contracts", body, LOCAL_TOKEN).json()
    assert (contract["name"], contract["consumer"], contract["provider"]) == (
        "storefront-orders-api",
        "storefront",
        "orders-api",
    )


def test_what_was_seen_of_examples_is_told_by_route_and_page(api: Asked) -> None:
    assert api.post("/v1/contracts", {"document": json.dumps(WEB)}, LOCAL_TOKEN).status_code == 201
    batch = records({}, {"caller_version": "1.1", "response_body": "{}"}, at=NOON)
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: KNOWN, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass
    interactions = api.get("/v1/contracts/web-orders/coverage").json()["interactions"]
    assert [
        (row["interaction"], row["proof"], row["kept"], row["broken"]) for row in interactions
    ] == [
        ("an order", "broken", 1, 1),
        ("no order", "unproven", 0, 0),
        ("a new order", "unproven", 0, 0),
    ]
    assert [
        (pair["caller_version"], pair["kept"], pair["broken"]) for pair in interactions[0]["pairs"]
    ] == [("1.1", 0, 1), ("1.0", 1, 0)]
    assert (
        api.get("/v1/contracts/web-orders/coverage?environment=staging").json()["interactions"][0][
            "proof"
        ]
        == "unproven"
    )
    page = api.get("/contracts/web-orders").text
    assert "no order" in page
    assert "unproven" in page


def test_what_broke_a_pact_alone_is_not_told_as_breaking_an_openapi_document(api: Asked) -> None:
    assert api.post("/v1/contracts", {"document": json.dumps(WEB)}, LOCAL_TOKEN).status_code == 201
    paths = {"/orders/{id}": {"get": {"responses": {"200": {"description": "an order"}}}}}
    info = {"title": "x", "version": "1"}
    openapi = json.dumps({"openapi": "3.0.3", "info": info, "paths": paths})
    body = {"document": openapi, "provider": "orders"}
    assert api.post("/v1/contracts", body, LOCAL_TOKEN).status_code == 201
    batch = records({}, {"caller_version": "1.1", "response_body": "{}"}, at=NOON)
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: KNOWN, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass
    callees, day = ["orders"], timedelta(days=1)
    broke = api.parts.reader.operations_broken("orders", callees, NOON - day, NOON + day)
    own = api.parts.reader.operations_broken("web-orders", callees, NOON - day, NOON + day)
    assert list(broke.values()) == [False]
    assert list(own.values()) == [True]
    call = {
        "environment": "production", "caller": "web", "caller_version": "1.1", "callee": "orders", "callee_version": "2",
        "operation": next(iter(broke)), "calls": 3, "kept": 1, "broken": 2, "first_seen": NOON, "last_seen": NOON,
    }  # fmt: skip
    promise = read_contract("openapi", openapi, where="here")
    told = [
        [
            (row.proof, row.kept, row.broken, row.open)
            for row in operations_covered(promise, [call], of)
        ]
        for of in (broke, own, {})
    ]
    assert told == [[("kept", 1, 0, 2)], [("broken", 1, 2, 0)], [("broken", 1, 2, 0)]]


def test_the_matrix_tells_each_consumer_what_versions_of_its_provider_show(api: Asked) -> None:
    mock = WEB | {"consumer": {"name": "stub"}}
    for document, more in (
        (WEB, {}),
        (WEB | {"consumer": {"name": "billing"}}, {}),
        (mock, {"role": "mock"}),
    ):
        assert (
            api.post(
                "/v1/contracts", {"document": json.dumps(document)} | more, LOCAL_TOKEN
            ).status_code
            == 201
        )
    batch = records({}, {"response_body": "{}", "callee_version": "2.1"}, at=NOON)
    for _ in api_logs(
        Given(batch), api.parts.store, lambda: KNOWN, ApiLogSettings(format="ndjson"), api.clock
    ):
        pass
    matrix = api.get("/v1/matrix?service=orders").json()
    told = [
        (cell["consumer"], cell["version"], cell["live"], cell["word"]) for cell in matrix["cells"]
    ]
    assert told == [("web", "2.0", False, "incomplete"), ("web", "2.1", False, "breaks")]
    assert matrix["cells"][1]["broken"] == ["an order"]
    window = NOON - timedelta(minutes=1)
    write_sightings(
        api.parts.store, [Sighting(window, "production", "", "orders", "2.0", "a", 9, 5, 0)]
    )
    publish(api.parts.store, {window})
    matrix = api.get("/v1/matrix?service=orders").json()
    told = [
        (cell["consumer"], cell["version"], cell["live"], cell["word"]) for cell in matrix["cells"]
    ]
    assert told == [("billing", "2.0", True, "unshown"), ("web", "2.0", True, "incomplete")]
    assert api.get("/v1/matrix?service=orders&environment=staging").json()["cells"] == []
    assert api.get("/v1/matrix?service=nobody").json()["cells"] == []
    page = api.get("/matrix?service=orders").text
    assert "incomplete" in page
    assert api.get("/matrix").status_code == 200


def test_a_graphql_schema_is_published_by_its_text_and_its_page_tells_its_fields(
    api: Asked,
) -> None:
    body = {
        "document": "type Query { cart(id: ID!): String old: Int @deprecated }",
        "provider": "shop",
    }
    contract = api.post("/v1/contracts", body, LOCAL_TOKEN).json()
    assert (
        contract["name"],
        contract["format"],
        contract["judged"]["units"],
        contract["outcome"],
    ) == ("shop-graphql", "graphql", 2, "published")
    more = api.post(
        "/v1/contracts", body | {"document": "type Query { cart(id: ID!): String }"}, LOCAL_TOKEN
    ).json()
    assert [
        (change["operation"], change["what"], change["breaks"]) for change in more["changes"]
    ] == [("Query.old", "went", "consumers")]
    assert [
        row["interaction"]
        for row in api.get("/v1/contracts/shop-graphql/coverage").json()["interactions"]
    ] == ["Query.cart"]
    assert "Query.cart" in api.get("/contracts/shop-graphql").text
    refused = api.post(
        "/v1/contracts", body | {"document": "type Query { cart: Gone }"}, LOCAL_TOKEN
    )
    assert (refused.status_code, "Gone" in refused.text) == (422, True)
