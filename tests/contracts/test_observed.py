"""What is worth telling and breaks nothing: deprecated operations, past sunsets, unnamed parameters, no TLS, and by whom."""

from typing import Any

import pytest

from monitor.contracts.check import check
from monitor.store.reader import Reader
from tests.contracts.promises import AT_NS, JSON, PAYMENTS, exchange, registry, revision
from tests.fixtures.api import Asked
from tests.pipelines.test_api_logs import batch, entry, run

OLD = PAYMENTS.replace("  /payments/{id}:\n    get:\n", "  /payments/{id}:\n    get:\n      deprecated: true\n")
PAST, FUTURE = "Sat, 01 Nov 2025 00:00:00 GMT", "Sat, 01 Nov 2036 00:00:00 GMT"


def seen(document: str = PAYMENTS, **changes: Any) -> list[str]:
    checked = check(exchange(**changes), registry(revision(document)))
    assert checked.outcome in ("valid", "not_checked")
    return [one.code for one in checked.observations]


@pytest.mark.parametrize(
    ("document", "changes", "told"),
    [
        (PAYMENTS, {}, []),
        (OLD, {}, ["deprecated_operation"]),
        (OLD, {"status": 404, "response_body": b'{"code":1}'}, []),  # not served
        (PAYMENTS, {"response_headers": JSON | {"sunset": PAST}}, ["sunset_passed"]),
        (PAYMENTS, {"response_headers": JSON | {"sunset": FUTURE}}, []),
        (PAYMENTS, {"response_headers": JSON | {"sunset": "soon"}}, []),
        (PAYMENTS, {"request_headers": {"x-forwarded-proto": "http"}}, ["plaintext"]),
        (PAYMENTS, {"request_headers": {"x-forwarded-proto": "https"}}, []),
        (PAYMENTS, {"query": "debug=1"}, ["undocumented_parameter"]),
    ],
)
def test_what_is_observed(document: str, changes: dict[str, Any], told: list[str]) -> None:
    assert seen(document, **changes) == told


def test_named_parameters_keys_and_free_objects_are_no_news() -> None:
    path = {"path": "/api/payments", "answer": [], "query": "limit=5&state=open", "request_headers": {"x-tenant": "a"}}
    assert seen(**path) == []
    assert seen(**{**path, "query": "limit=5&x=1"}) == ["undocumented_parameter"]
    free = PAYMENTS.replace(
        "{name: state, in: query, schema: {type: string, enum: [open, done]}}",
        "{name: filter, in: query, schema: {type: object}}",
    )
    assert seen(free, **{**path, "query": "limit=5&x=1"}) == []


def test_who_still_calls_it_is_stored_once_and_told(api: Asked) -> None:
    known = registry(revision(OLD))
    one, other = entry(), entry(caller="shop", caller_version="3")
    for _ in range(2):  # delivered twice
        run(api.parts.store, batch(one, other, entry()), known=known)
    api.clock.advance(AT_NS / 1e9 - api.clock().timestamp())
    rows = api.get("/v1/observations").json()
    assert {(row["observation"], row["operation"], row["caller"], row["caller_version"], row["exchanges"]) for row in rows} == {
        ("deprecated_operation", "GET /api/payments/{id}", "web", "", 2),
        ("deprecated_operation", "GET /api/payments/{id}", "shop", "3", 1),
    }
    held = Reader(api.parts.store).interactions("payments", api.clock().replace(year=2026), api.clock().replace(year=2027))
    assert held == []  # an observation is no example
