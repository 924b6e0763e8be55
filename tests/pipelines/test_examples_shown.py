"""Pacts of several consumers, from Kafka records to stored verdicts, and what became of each
example.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from monitor.clock import system_clock
from monitor.contracts.read import read_contract
from monitor.contracts.registry import Registry
from monitor.joining.coverage import coverage
from monitor.model.contracts import Revision
from monitor.model.records import Partition, Records
from monitor.store import Store
from monitor.store.reader import Reader
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.contracts.examples import ALWAYS, ORDER, interaction, pact
from tests.pipelines.written import Given

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
WEB = pact(
    interaction("an order"),
    interaction(
        "no order",
        asks={"path": "/orders/none", "matchingRules": {}},
        answers={"status": 404, "headers": {}, "body": {"error": "x"}},
    ),
    interaction("a new order", asks={"method": "POST", "path": "/orders", "matchingRules": {}}),
)
BILLING = pact(interaction("an order", answers={"body": {"total": 1}}), consumer="billing")


def records(*exchanges: dict[str, Any], at: datetime = AT, first: int = 0) -> Records:
    """Plain records of orders' exchanges, one a second, from an offset on."""
    values = []
    for index, exchange in enumerate(exchanges):
        told = {
            "time": (at + timedelta(seconds=index)).isoformat(), "method": "GET", "path": "/orders/7", "query": "", "status": 200, "duration_ms": 3,
            "request_headers": {"accept": "application/json"}, "response_headers": {"content-type": "application/json"}, "caller": "web", "caller_version": "1.0",
            "callee": "orders", "callee_version": "2.0", "environment": "production", "response_body": json.dumps(ORDER),
        }  # fmt: skip
        values.append(orjson.dumps(told | exchange))
    size = len(values)
    place = Partition("be" * 8, "api_logs", 0)
    return Records(
        values,
        [place] * size,
        list(range(first, first + size)),
        [int(at.timestamp() * 1000)] * size,
        [{}] * size,
        [0] * size,
    )


def revision(name: str, consumer: str, document: dict[str, Any]) -> Revision:
    return Revision(
        name,
        1,
        "pact",
        "orders",
        "",
        consumer,
        "",
        ALWAYS,
        None,
        json.dumps(document),
        name,
        ALWAYS,
    )


KNOWN = Registry(
    [revision("web-orders", "web", WEB), revision("billing-orders", "billing", BILLING)]
)


def test_what_live_exchanges_showed_of_each_example_is_stored_once(store: Store) -> None:
    assert not KNOWN.broken
    batch = records(
        {},
        {"caller_version": "1.1"},
        {"response_body": json.dumps(ORDER | {"id": "7"})},
        {"path": "/orders/none", "status": 404, "response_body": '{"error": "y"}'},
        {"path": "/elsewhere"},
        {"caller": "billing"},
        {"caller": "nobody"},
    )
    for _ in api_logs(
        Given(batch, batch), store, lambda: KNOWN, ApiLogSettings(format="ndjson"), system_clock
    ):
        pass  # the same records twice: redelivered
    rows = Reader(store).interactions("web-orders", AT - timedelta(days=1), AT + timedelta(days=1))
    web = coverage(read_contract("pact", json.dumps(WEB), where="x"), rows)
    assert [(row.interaction, row.proof, row.kept, row.broken) for row in web] == [
        ("an order", "broken", 2, 1),
        ("no order", "kept", 1, 0),
        ("a new order", "unproven", 0, 0),
    ]
    assert [
        (pair.caller_version, pair.callee_version, pair.kept, pair.broken) for pair in web[0].pairs
    ] == [
        ("1.0", "2.0", 1, 1),
        ("1.1", "2.0", 1, 0),
    ]
    assert web[0].last_seen == AT + timedelta(seconds=2)
    (billing,) = coverage(
        read_contract("pact", json.dumps(BILLING), where="x"),
        Reader(store).interactions(
            "billing-orders", AT - timedelta(days=1), AT + timedelta(days=1)
        ),
    )
    assert (billing.proof, billing.broken) == ("broken", 1)
    broken = Reader(store).violations(AT - timedelta(days=1), AT + timedelta(days=1))
    assert {
        (violation["contract"], violation["rule"], violation["pointer"], violation["count"])
        for violation in broken
    } == {
        ("web-orders", "type", "/id", 1),
        ("billing-orders", "missing_key", "/total", 1),
    }


def test_examples_are_asked_for_by_environment_and_time(store: Store) -> None:
    batch = records({"environment": "staging"}, {})
    for _ in api_logs(
        Given(batch), store, lambda: KNOWN, ApiLogSettings(format="ndjson"), system_clock
    ):
        pass
    reader = Reader(store)
    assert [
        row["environment"]
        for row in reader.interactions(
            "web-orders", AT - timedelta(days=1), AT + timedelta(days=1), "staging"
        )
    ] == ["staging"]
    assert reader.interactions("web-orders", AT + timedelta(hours=2), AT + timedelta(days=1)) == []
