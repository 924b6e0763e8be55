"""GraphQL over one endpoint: each request is called by the operation that it names, as its spans
call it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from monitor.contracts.registry import Registry
from monitor.edges.graphql import graphql_asked
from monitor.store import Store
from monitor.store.reader import Reader
from tests.contracts.promises import AT_NS, revision
from tests.pipelines.test_api_logs import batch, entry, rows, run


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"query": "query cart { items }"}, "query cart"),
        (
            {
                "query": "mutation pay($id: ID!) { pay(id: $id) }",
                "variables": {"id": "query secret {"},
            },
            "mutation pay",
        ),
        ({"query": "query a { x } query b @live { y }", "operationName": "b"}, "query b"),
        ({"query": "query a { x } query b { y }"}, ""),
        ({"operationName": "cart", "extensions": {"persistedQuery": {}}}, "cart"),
        ({"query": '# query no {\n query yes { a(x: "query not { ") }'}, "query yes"),
        ({"query": "{ items }"}, ""),
        ({"query": "query cart { items }", "operationName": "not a name!"}, ""),
        ({"query": 7, "operationName": 7}, ""),
        ([{"query": "query a { x }"}], ""),
        ({"query": 'query a { x(t: """' + "a" * 50_000}, "query a"),
    ],
)
def test_a_request_is_called_by_what_it_asks_for(body: Any, name: str) -> None:
    assert graphql_asked(body) == name


def test_operations_of_one_endpoint_are_told_apart_and_an_answer_with_errors_failed(
    store: Store,
) -> None:
    post = {
        "method": "POST",
        "path": "/graphql",
        "callee": "shop",
        "request_headers": {"content-type": "application/json"},
    }
    asked = [
        entry(**post, request_body={"query": f"query {name} {{ a }}"}, response_body={"data": {}})
        for name in ("cart", "user")
    ]
    failed = entry(
        **post,
        request_body={"query": "query cart { a }"},
        response_body={"data": None, "errors": [{"message": "x"}]},
    )
    run(store, batch(*asked, failed))
    assert [(row["operation"], row["outcome"]) for row in rows(store, "exchanges")] == [
        ("POST /graphql query cart", "ok"),
        ("POST /graphql query user", "ok"),
        ("POST /graphql query cart", "server_error"),
    ]
    assert orjson.loads(failed)["status"] == 200


def test_a_published_schema_is_held_against_records_up_to_stored_verdicts(store: Store) -> None:
    sdl = "type Query { cart: Cart old: String @deprecated } type Cart { id: ID! total: Int! }"
    known = Registry([revision(sdl, name="shop-graphql", format="graphql", provider="shop")])
    json = {"content-type": "application/json"}
    post = {
        "method": "POST",
        "path": "/graphql",
        "callee": "shop",
        "request_headers": json,
        "response_headers": json,
    }
    asked = {"query": "query cart { cart { id total } old }"}
    answers = [{"data": {"cart": {"id": "1", "total": total}, "old": None}} for total in (7, None)]
    wrong = entry(
        **post,
        status=400,
        request_body={"query": "query cart { cart { gone } }"},
        response_body={"errors": [{"message": "x"}]},
    )
    persisted = entry(
        **post,
        request_body={"extensions": {"persistedQuery": {"sha256Hash": "a"}}},
        response_body=answers[0],
    )
    run(
        store,
        batch(
            *(entry(**post, request_body=asked, response_body=answer) for answer in answers),
            wrong,
            persisted,
        ),
        known=known,
    )
    told = [
        (row["operation"], row["checked"], row["reason"], row["contract"])
        for row in rows(store, "exchanges")
    ]
    assert told == [
        ("POST /graphql query cart", "valid", "", "shop-graphql"),
        ("POST /graphql query cart", "violated", "", "shop-graphql"),
        ("POST /graphql query cart", "violated", "", "shop-graphql"),
        ("POST /graphql", "not_checked", "persisted_query", "shop-graphql"),
    ]
    assert [
        (row["side"], row["rule"], row["pointer"], row["clause"])
        for row in rows(store, "violations")
    ] == [
        ("response", "non_null", "/data/cart/total", "/Cart/total"),
        ("request", "unknown_field", "/query/Cart/*", "/Cart"),
    ]
    at = datetime.fromtimestamp(AT_NS / 1e9, UTC)
    span = (at - timedelta(hours=2), at + timedelta(hours=1))
    shown = Reader(store).interactions("shop-graphql", *span)
    assert sorted((row["interaction"], row["kept"], row["broken"]) for row in shown) == [
        ("Query.cart", 1, 1),
        ("Query.old", 2, 0),
    ]
    seen = [
        (row["observation"], row["contract"], row["operation"])
        for row in Reader(store).observations(*span)
    ]
    assert seen == [("deprecated_field", "shop-graphql", "POST /graphql query cart Query.old")]
