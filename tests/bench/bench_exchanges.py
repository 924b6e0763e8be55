"""How many exchanges of 2 KB a core checks: python tests/bench/bench_exchanges.py [--exchanges N]
[--profile] [--kinds] [--contract KIND] [--mock KIND] [--post].

NDJSON records in memory through the whole pipeline (decode, match, check, rows, insert into chDB);
CPU seconds of the whole process, chDB's threads included. Deterministic input: 11-item orders
against an OpenAPI contract with references, patterns, formats and enums; 1 % break it; with
`--contract` against that kind of contract. `--kinds` checks the same exchanges, decoded anew each,
against a pact, a Spring Cloud Contract, WireMock and Mountebank stubs too, without the pipeline,
and tells each beside OpenAPI. With `--post` the order is what is asked with, too: each exchange
carries it twice.
"""

import argparse
import cProfile
import pstats
import random
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson

from monitor.clock import system_clock
from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from monitor.decode.api_logs import read_api_logs
from monitor.model.contracts import ContractFormat, PublishedRole, Revision
from monitor.model.records import Partition, Records
from monitor.store import open_store
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.pipelines.written import Given

PLACE = Partition("be" * 8, "api_logs", 0)
START_MS = 1_790_000_000_000
ITEM = {
    "type": "object", "required": ["sku", "name", "quantity", "price"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]{2,4}-[0-9]{3,6}$"}, "name": {"type": "string", "maxLength": 80}, "quantity": {"type": "integer", "minimum": 1},
        "price": {"$ref": "#/components/schemas/Money"}, "tags": {"type": "array", "items": {"type": "string"}}, "gift": {"type": "boolean"},
    },
}  # fmt: skip
CONTRACT = {
    "openapi": "3.0.3",
    "paths": {"/orders/{id}": {"post": {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}, "404": {"description": "none"}},
    }, "get": {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}, "404": {"description": "none"}},
    }}},
    "components": {"schemas": {
        "Money": {"type": "object", "required": ["amount", "currency"], "properties": {"amount": {"type": "number"}, "currency": {"enum": ["EUR", "USD", "GBP"]}}},
        "Item": ITEM,
        "Order": {
            "type": "object", "required": ["id", "state", "customer", "items", "created", "total"],
            "properties": {
                "id": {"type": "string", "format": "uuid"}, "state": {"enum": ["open", "paid", "sent"]}, "created": {"type": "string", "format": "date-time"},
                "customer": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "mail": {"type": "string", "format": "email"}}},
                "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Item"}}, "total": {"$ref": "#/components/schemas/Money"},
            },
        },
    }},
}  # fmt: skip


def order(chance: random.Random, *, broken: bool) -> bytes:
    """An order of about 2 KB."""
    items = [
        {
            "sku": f"AB-{chance.randrange(1000, 99999)}", "name": f"Product number {chance.randrange(10**6)} of the summer catalogue", "quantity": chance.randrange(1, 9),
            "price": {"amount": round(chance.random() * 100, 2), "currency": "EUR"}, "tags": ["new", "sale"], "gift": chance.random() < 0.5,
        }
        for _ in range(11)
    ]  # fmt: skip
    held: dict[str, Any] = {
        "id": f"{chance.getrandbits(32):08x}-1111-4222-8333-{chance.getrandbits(48):012x}", "state": "paid", "created": "2026-09-21T14:13:20.123Z",
        "customer": {"id": chance.randrange(10**6), "mail": "somebody@shop.example"}, "items": items,
        "total": {"amount": "12.50" if broken else round(chance.random() * 1000, 2), "currency": "EUR"},
    }  # fmt: skip
    return orjson.dumps(held)


def records(count: int, batch: int, *, post: bool = False) -> list[Records]:
    """All records in batches, the clock moving on by 0.2 ms a record."""
    asked = {"accept": "application/json", "authorization": "Bearer x"}
    if post:
        asked["content-type"] = "application/json"
    chance, made = random.Random(7), []
    for first in range(0, count, batch):
        values = []
        for at in range(first, min(first + batch, count)):
            body = order(chance, broken=at % 100 == 99)
            values.append(
                orjson.dumps({
                    "time": START_MS + at // 5, "method": "POST" if post else "GET", "path": f"/orders/{chance.randrange(10**6)}", "query": "", "status": 200,
                    "duration_ms": round(chance.random() * 50, 3), "request_headers": asked, **({"request_body": body.decode()} if post else {}),
                    "response_headers": {"content-type": "application/json", "content-length": str(len(body))}, "response_body": body.decode(),
                    "caller": f"web-{at % 5}", "caller_version": "1.2.3", "callee": "orders", "callee_version": f"2.{at % 2}.0", "environment": "production",
                    "trace_id": f"{chance.getrandbits(128):032x}", "span_id": f"{chance.getrandbits(64):016x}",
                })
            )  # fmt: skip
        size = len(values)
        made.append(
            Records(
                values,
                [PLACE] * size,
                list(range(first, first + size)),
                [START_MS + count] * size,
                [{}] * size,
                [0] * size,
            )
        )
    return made


def examples() -> dict[str, tuple[ContractFormat, Any]]:
    """One contract of each kind over the same orders, each with 20 examples that do not fit before
    the one that does.
    """
    body = orjson.loads(order(random.Random(1), broken=False))
    headers = {"Content-Type": "application/json"}
    typed = {
        "$": {"matchers": [{"match": "type"}]},
        "$.items": {"matchers": [{"match": "type", "min": 1}]},
        "$.items[*].sku": {"matchers": [{"match": "regex", "regex": "[A-Z]{2,4}-[0-9]{3,6}"}]},
    }
    answer = {"status": 200, "headers": headers, "body": body, "matchingRules": {"body": typed}}
    asks = [rf"/other{number}/\d+" for number in range(20)] + [r"/orders/\d+"]
    pact = {
        "consumer": {"name": ""}, "provider": {"name": "orders"}, "metadata": {"pactSpecification": {"version": "3.0.0"}},
        "interactions": [{"description": path, "request": {"method": "GET", "path": "/orders/1", "matchingRules": {"path": {"matchers": [{"match": "regex", "regex": path}]}}}, "response": answer} for path in asks],
    }  # fmt: skip
    spring = {"contracts": [{"name": path, "request": {"method": "GET", "urlPath": "/", "matchers": {"url": {"regex": path}}}, "response": {"status": 200, "headers": headers, "body": body, "matchers": {"body": [{"path": "$.items", "type": "by_type", "minOccurrence": 1}]}}} for path in asks]}  # fmt: skip
    wiremock = {"mappings": [{"uuid": path, "request": {"method": "GET", "urlPathPattern": path}, "response": {"status": 200, "headers": headers, "jsonBody": body}} for path in asks]}  # fmt: skip
    mountebank = {"protocol": "http", "stubs": [{"predicates": [{"equals": {"method": "GET"}}, {"matches": {"path": f"^{path}$"}}], "responses": [{"is": {"headers": headers, "body": body}}]} for path in asks]}  # fmt: skip
    return {
        "openapi": ("openapi", CONTRACT), "pact": ("pact", pact), "spring": ("spring-cloud-contract", spring),
        "wiremock": ("wiremock", wiremock), "mountebank": ("mountebank", mountebank),
    }  # fmt: skip


def by_kind(batches: list[Records]) -> None:
    """Print a line for each kind of contract: the same exchanges, each body decoded anew."""
    exchanges = [
        exchange for batch in batches for exchange in read_api_logs(batch, "ndjson", {}).exchanges
    ]
    always = datetime(1970, 1, 1, tzinfo=UTC)
    speeds: dict[str, float] = {}
    for name, (form, document) in examples().items():
        known = Registry(
            [
                Revision(
                    name,
                    1,
                    form,
                    "orders",
                    "",
                    "",
                    "",
                    always,
                    None,
                    orjson.dumps(document).decode(),
                    name,
                    always,
                )
            ]
        )
        assert not known.broken, known.broken
        outcomes = Counter(check(exchange, known).outcome for exchange in exchanges[:2_000])
        cpu = time.process_time()
        for exchange in exchanges:
            check(exchange, known)
        speeds[name] = len(exchanges) / (time.process_time() - cpu)
        ratio = speeds[name] / speeds["openapi"]
        print(
            f"{name}: {speeds[name]:,.0f} exchanges per CPU second, {ratio:.2f} of OpenAPI's; {dict(outcomes)}"
        )


def main() -> None:
    """Run and print one line of figures, with `--kinds` one for each kind of contract."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--exchanges", type=int, default=57_600)
    options.add_argument(
        "--batch",
        type=int,
        default=14_400,
        help="as many of these records fill a batch of a collector, 30 MB",
    )
    options.add_argument("--profile", action="store_true")
    options.add_argument("--kinds", action="store_true")
    options.add_argument(
        "--contract",
        default="openapi",
        choices=["openapi", "pact", "spring", "wiremock", "mountebank"],
    )
    options.add_argument(
        "--mock",
        default="",
        choices=["", "pact", "spring", "wiremock", "mountebank"],
        help="such a mock of the same provider is scored, too",
    )
    options.add_argument("--post", action="store_true")
    chosen = options.parse_args()
    made = records(chosen.exchanges, chosen.batch, post=chosen.post)
    if chosen.kinds:
        by_kind(made)
        return
    body_bytes = len(orjson.loads(made[0].values[0])["response_body"])
    always = datetime(1970, 1, 1, tzinfo=UTC)
    kinds: list[tuple[str, PublishedRole]] = [(chosen.contract, "contract")]
    kinds += [(chosen.mock, "mock")] if chosen.mock else []
    known = Registry(
        [
            Revision(
                f"orders-{role}",
                1,
                examples()[kind][0],
                "orders",
                "",
                "",
                "",
                always,
                None,
                orjson.dumps(examples()[kind][1]).decode(),
                "x",
                always,
                role=role,
            )
            for kind, role in kinds
        ]
    )
    assert not known.broken
    assert known.mocks is None or not known.mocks.broken
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/telemetry")
        settings = ApiLogSettings()
        for _ in api_logs(
            Given(*records(200, 200, post=chosen.post)),
            store,
            lambda: known,
            settings,
            system_clock,
        ):
            pass
        profile = cProfile.Profile() if chosen.profile else None
        wall, cpu = time.perf_counter(), time.process_time()
        if profile:
            profile.enable()
        for _ in api_logs(Given(*made), store, lambda: known, settings, system_clock):
            pass
        if profile:
            profile.disable()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        store.close()
    print(
        f"{chosen.exchanges} exchanges of {body_bytes} B under {chosen.contract}{chosen.mock and f' beside a {chosen.mock} mock'}: {cpu:.2f} CPU s, {wall:.2f} s; "
        f"{chosen.exchanges / cpu:,.0f} exchanges per CPU second, {1e6 * cpu / chosen.exchanges:.1f} CPU s per million"
    )
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
