"""What is worth telling and breaks nothing: deprecated operations, past sunsets, unnamed
parameters, no TLS, and by whom.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from monitor.contracts.check import check
from monitor.store.reader import Reader
from tests.contracts.promises import AT_NS, JSON, PAYMENTS, exchange, registry, revision
from tests.detect.traffic import Behaviour, cell, edge
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_api_logs import batch, entry, run
from tests.pipelines.written import write_cells

OLD = PAYMENTS.replace(
    "  /payments/{id}:\n    get:\n", "  /payments/{id}:\n    get:\n      deprecated: true\n"
)
ENDED = OLD.replace("deprecated: true\n", "deprecated: true\n      x-sunset: 2025-11-01\n")
GONE = ["deprecated_operation"]
PAST, FUTURE = "Sat, 01 Nov 2025 00:00:00 GMT", "Sat, 01 Nov 2036 00:00:00 GMT"


def seen(document: str = PAYMENTS, **changes: Any) -> list[str]:
    checked = check(exchange(**changes), registry(revision(document)))
    assert checked.outcome in ("valid", "not_checked")
    return [observation.code for observation in checked.observations]


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
        # between sidecars it travelled in TLS
        (
            PAYMENTS,
            {"request_headers": {"x-forwarded-proto": "http", "x-forwarded-client-cert": "By=a"}},
            [],
        ),
        (PAYMENTS, {"plaintext": True}, ["plaintext"]),
        (PAYMENTS, {"plaintext": True, "request_headers": {"x-forwarded-proto": "https"}}, []),
        (PAYMENTS, {"query": "debug=1"}, ["undocumented_parameter"]),
        (ENDED, {}, ["deprecated_operation", "sunset_passed"]),
        (ENDED.replace("2025-11-01", "2025-11-01T00:00:00+02:00"), {}, [*GONE, "sunset_passed"]),
        (ENDED.replace("2025-11-01", "2036-11-01"), {}, GONE),
        (ENDED.replace("2025-11-01", "soon"), {}, GONE),
        (ENDED, {"response_headers": JSON | {"sunset": FUTURE}}, GONE),  # its own word is later
        (ENDED.replace("deprecated: true", "deprecated: false"), {}, []),
    ],
)
def test_what_is_observed(document: str, changes: dict[str, Any], told: list[str]) -> None:
    assert seen(document, **changes) == told


def test_named_parameters_keys_and_free_objects_are_no_news() -> None:
    path = {
        "path": "/api/payments",
        "answer": [],
        "query": "limit=5&state=open",
        "request_headers": {"x-tenant": "a"},
    }
    assert seen(**path) == []
    assert seen(**{**path, "query": "limit=5&x=1"}) == ["undocumented_parameter"]
    free = PAYMENTS.replace(
        "{name: state, in: query, schema: {type: string, enum: [open, done]}}",
        "{name: filter, in: query, schema: {type: object}}",
    )
    assert seen(free, **{**path, "query": "limit=5&x=1"}) == []
    deep = free.replace(
        "in: query, schema: {type: object}", "in: query, style: deepObject, schema: {type: object}"
    )
    assert deep != free
    assert seen(deep, **{**path, "query": "limit=5&filter[a]=1"}) == []
    assert seen(deep, **{**path, "query": "limit=5&filter[a]=1&x=1"}) == ["undocumented_parameter"]
    many = free.replace("schema: {type: object}", "schema: {type: array}")
    assert seen(many, **{**path, "query": "limit=5&filter[]=1"}) == []
    assert seen(many, **{**path, "query": "limit=5&filter[0]=1"}) == []


def test_who_still_calls_it_is_stored_once_and_told(api: Asked) -> None:
    known = registry(revision(OLD))
    first, second = entry(), entry(caller="shop", caller_version="3")
    for _ in range(2):  # delivered twice
        run(api.parts.store, batch(first, second, entry()), known=known)
    api.clock.advance(AT_NS / 1e9 - api.clock().timestamp())
    rows = api.get("/v1/observations").json()
    assert {
        (
            row["observation"],
            row["operation"],
            row["caller"],
            row["caller_version"],
            row["exchanges"],
        )
        for row in rows
    } == {
        ("deprecated_operation", "GET /api/payments/{id}", "web", "", 2),
        ("deprecated_operation", "GET /api/payments/{id}", "shop", "3", 1),
    }
    held = Reader(api.parts.store).interactions(
        "payments", api.clock().replace(year=2026), api.clock().replace(year=2027)
    )
    assert held == []  # an observation is no example


def test_an_operation_that_was_removed_is_told_with_who_still_calls_it_and_each_observation_with_its_contract(
    api: Asked,
) -> None:
    without = PAYMENTS.replace("  /payments/{id}:\n    get:\n", "  /payments/{id}:\n    head:\n")
    own = {"name": "own", "document": OLD, "number": 1}
    known = registry(
        revision(PAYMENTS), revision(without, number=2), revision(**own, consumer="shop")
    )
    shop = {"caller": "shop", "request_headers": {"x-forwarded-proto": "http"}}
    run(api.parts.store, batch(entry(), entry(status=404), entry(**shop)), known=known)
    api.clock.advance(AT_NS / 1e9 - api.clock().timestamp())
    told = {
        (row["observation"], row["contract"], row["operation"], row["caller"], row["exchanges"])
        for row in api.get("/v1/observations").json()
    }
    assert told == {
        ("removed_operation", "payments", "GET /payments/{id}", "web", 2),
        ("deprecated_operation", "own", "GET /api/payments/{id}", "shop", 1),
        ("plaintext", "own", "GET /api/payments/{id}", "shop", 1),
    }
    page = api.get("/violations").text
    assert "Observed" in page
    assert "removed operation" in page


def test_operations_that_nobody_calls_are_told_beside_those_that_are(api: Asked) -> None:
    answer = api.post(
        "/v1/contracts",
        {"document": PAYMENTS, "provider": "payment", "name": "payments"},
        LOCAL_TOKEN,
    )
    assert answer.status_code == 201, answer.text
    asked = edge("web", "payment", "GET /api/payments/{id}")
    held = cell(
        0, asked, "1", "2.0", 10, Behaviour(violated=0.5, checked=True), np.random.default_rng(1)
    )
    write_cells(api.parts.store, [replace(held, window=NOON - timedelta(minutes=20))])
    shown = api.get("/v1/contracts/payments/coverage").json()["interactions"]
    told = {
        row["interaction"]: (row["proof"], row["kept"] + row["broken"] + row["open"])
        for row in shown
    }
    assert told["GET /payments/{id}"] == ("broken", 10)
    assert set(told.values()) == {("broken", 10), ("unproven", 0)}
    assert (
        shown[[row["interaction"] for row in shown].index("GET /payments/{id}")]["pairs"][0][
            "callee_version"
        ]
        == "2.0"
    )
    assert "unproven" in api.get("/contracts/payments").text
