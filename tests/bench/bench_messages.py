"""How many Kafka records of 2 KB a core checks, by kind of contract: python -m
tests.bench.bench_messages [--records N] [--batch N].

The same orders of 11 items as JSON, Avro and Protobuf, in memory through the whole pipeline of
messages (decode, match, check, rows, insert into chDB); CPU seconds of the whole process, chDB's
threads included. 1 % break their contract. Avro and Protobuf stand behind a registry's frame, as
its clients write them.
"""

import argparse
import io
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fastavro
import orjson

from monitor.clock import system_clock
from monitor.contracts.formats.protobuf_schema import class_of, from_text
from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.records import Partition, Records
from monitor.store import Store, open_store
from pipelines.messages import MessageSettings, messages
from tests.bench.bench_exchanges import CONTRACT, START_MS, order
from tests.pipelines.written import Given

PLACE = Partition("be" * 8, "orders", 0)
FRAME = b"\x00\x00\x00\x00\x07"
BIND = {"topic": "orders", "ids": [7]}
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
MONEY = {"type": "record", "name": "Money", "fields": [{"name": "amount", "type": "double"}, {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD", "GBP"]}}]}  # fmt: skip
AVRO: dict[str, Any] = {
    "type": "record", "name": "Order", "fields": [
        {"name": "id", "type": "string"}, {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["open", "paid", "sent"]}}, {"name": "created", "type": "string"},
        {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [{"name": "id", "type": "long"}, {"name": "mail", "type": ["null", "string"]}]}},
        {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
            {"name": "sku", "type": "string"}, {"name": "name", "type": "string"}, {"name": "quantity", "type": "int"}, {"name": "price", "type": MONEY},
            {"name": "tags", "type": {"type": "array", "items": "string"}}, {"name": "gift", "type": "boolean"},
        ]}}},
        {"name": "total", "type": "Money"},
    ],
}  # fmt: skip
PROTO = """syntax = "proto3";
message Order { string id = 1; string state = 2; string created = 3; Customer customer = 4; repeated Item items = 5; Money total = 6;
  message Customer { int64 id = 1; string mail = 2; }
  message Item { string sku = 1; string name = 2; int32 quantity = 3; Money price = 4; repeated string tags = 5; bool gift = 6; }
  message Money { double amount = 1; string currency = 2; } }
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of contract: its format and text, and how an order is written, kept or broken."""

    form: ContractFormat
    document: str
    written: Callable[[dict[str, Any], bool], bytes]


def as_json(held: dict[str, Any], broken: bool) -> bytes:
    return orjson.dumps(
        {**held, "total": {"amount": "12.50", "currency": "EUR"}} if broken else held
    )


def kinds() -> dict[str, Kind]:
    """Each kind that topics of messages have."""
    flat = json.loads(
        json.dumps(SCHEMAS["Order"]).replace("#/components/schemas/", "#/definitions/")
    )
    defined = json.loads(json.dumps(SCHEMAS).replace("#/components/schemas/", "#/definitions/"))
    asyncapi = {
        "asyncapi": "2.6.0", "info": {"title": "t", "version": "1"}, "components": {"schemas": SCHEMAS},
        "channels": {"orders": {"subscribe": {"message": {"name": "order", "contentType": "application/json", "payload": {"$ref": "#/components/schemas/Order"}}}}},
    }  # fmt: skip
    typed, other = (
        fastavro.parse_schema(AVRO),
        fastavro.parse_schema(
            {"type": "record", "name": "Other", "fields": [{"name": "id", "type": "int"}]}
        ),
    )
    message_type = from_text(PROTO, "x").named("Order")
    assert message_type is not None
    proto = class_of(message_type)

    def as_avro(held: dict[str, Any], broken: bool) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, other if broken else typed, {"id": -1} if broken else held)
        return FRAME + out.getvalue()

    def as_protobuf(held: dict[str, Any], broken: bool) -> bytes:
        return (
            FRAME + b"\x00" + (b"\x08\x01" if broken else b"") + proto(**held).SerializeToString()
        )

    return {
        "json schema": Kind("jsonschema", json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "x-seamwatch": {"topic": "orders"}, **flat, "definitions": defined}), as_json),
        "asyncapi": Kind("asyncapi", json.dumps(asyncapi), as_json),
        "avro": Kind("avro", json.dumps(AVRO | {"x-seamwatch": BIND}), as_avro),
        "protobuf": Kind("protobuf", f"// x-seamwatch: {json.dumps(BIND)}\n{PROTO}", as_protobuf),
    }  # fmt: skip


def records(kind: Kind, count: int, batch: int) -> list[Records]:
    """All records in batches, as a producer writes them."""
    chance, made = random.Random(7), []
    headers = {"content-type": b"application/json"} if kind.written is as_json else {}
    for first in range(0, count, batch):
        orders = [
            orjson.loads(order(chance, broken=False))
            for _ in range(first, min(first + batch, count))
        ]
        values = [kind.written(held, at % 100 == 99) for at, held in enumerate(orders)]
        size = len(values)
        made.append(
            Records(
                values,
                [PLACE] * size,
                list(range(first, first + size)),
                [START_MS + first // 5] * size,
                [headers] * size,
                [0] * size,
            )
        )
    return made  # fmt: skip


def measured(kind: Kind, batches: Sequence[Records], store: Store) -> tuple[float, dict[str, int]]:
    """CPU seconds of checking all but the first batch, and how many records were kept, broken and
    not checked in it.
    """
    always = datetime(1970, 1, 1, tzinfo=UTC)
    known = Registry(
        [
            Revision(
                "orders",
                1,
                kind.form,
                "till",
                "",
                "",
                "",
                always,
                None,
                kind.document,
                kind.form,
                always,
            )
        ]
    )
    assert not known.broken, known.broken
    settings = MessageSettings(Parties({"orders": "till"}, {}, "production"))

    def run(*held: Records) -> None:
        for _ in messages(Given(*held), store, lambda: known, settings, system_clock):
            pass

    run(batches[0])
    cpu = time.process_time()
    run(*batches[1:])
    cpu = time.process_time() - cpu
    outcomes = {str(row["checked"]): int(row["rows"]) for row in counted(store)}
    return cpu, outcomes


def counted(store: Store) -> list[dict[str, Any]]:
    """Verdicts in the store."""
    with store._readers.borrow() as client:
        return list(
            client.query(
                "SELECT checked, count() AS rows FROM exchanges FINAL GROUP BY checked ORDER BY checked"
            ).named_results()
        )


def main() -> None:
    """Run and print a line for each kind."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--batch", type=int, default=10_000)
    chosen = options.parse_args()
    for name, kind in kinds().items():
        batches = records(kind, chosen.records + chosen.batch, chosen.batch)
        size = sum(map(len, batches[0].values)) / len(batches[0])
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"chdb://{folder}/telemetry")
            cpu, outcomes = measured(kind, batches, store)
            store.close()
        print(
            f"{name}: {chosen.records / cpu:,.0f} records of {size:,.0f} B per CPU second; {outcomes}",
            flush=True,
        )


if __name__ == "__main__":
    main()
