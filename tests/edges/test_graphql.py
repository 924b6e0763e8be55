"""GraphQL over one endpoint: each request is called by the operation that it names, as its spans call it."""

from typing import Any

import orjson
import pytest

from monitor.edges.graphql import graphql_asked
from monitor.store import Store
from tests.pipelines.test_api_logs import batch, entry, rows, run


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"query": "query cart { items }"}, "query cart"),
        ({"query": "mutation pay($id: ID!) { pay(id: $id) }", "variables": {"id": "query secret {"}}, "mutation pay"),
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


def test_operations_of_one_endpoint_are_told_apart_and_an_answer_with_errors_failed(store: Store) -> None:
    post = {"method": "POST", "path": "/graphql", "callee": "shop", "request_headers": {"content-type": "application/json"}}
    asked = [
        entry(**post, request_body={"query": f"query {name} {{ a }}"}, response_body={"data": {}}) for name in ("cart", "user")
    ]
    failed = entry(**post, request_body={"query": "query cart { a }"}, response_body={"data": None, "errors": [{"message": "x"}]})
    run(store, batch(*asked, failed))
    assert [(row["operation"], row["outcome"]) for row in rows(store, "exchanges")] == [
        ("POST /graphql query cart", "ok"),
        ("POST /graphql query user", "ok"),
        ("POST /graphql query cart", "server_error"),
    ]
    assert orjson.loads(failed)["status"] == 200
