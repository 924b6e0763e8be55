"""Records as registries' clients and CloudEvents frame them, from a real broker to stored
verdicts.
"""

import json
import struct
from datetime import UTC, datetime

import pytest

from monitor.clock import ManualClock
from monitor.contracts.registry import Registry
from monitor.store import Store
from monitor.streams.kafka import KafkaSource
from pipelines.messages import MessageSettings, messages
from tests.contracts.test_avro import GOOD, GUID, framed, topic, written
from tests.contracts.test_messages import held
from tests.contracts.test_protobuf import GOOD as PROTO_GOOD
from tests.contracts.test_protobuf import TOPIC as PROTO
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.spans import T0
from tests.pipelines.test_api_logs import rows

pytestmark = pytest.mark.kafka
EVENT = {"specversion": "1.0", "id": "1", "source": "/till", "type": "order"}
BINARY = [(f"ce_{name}", value.encode()) for name, value in EVENT.items()]
AVRO_ID = b"\x00" + struct.pack(">I", 7)
PROTO_ID = b"\x00" + struct.pack(">I", 8)


def test_framed_records_of_a_real_broker_come_to_verdicts(
    kafka: KafkaBroker, store: Store
) -> None:
    avro, proto, events = (kafka.make_topic(partitions=1) for _ in range(3))
    bound = f'{{"topic": "{proto}", "ids": [8]}}'
    schema = {"x-seamwatch": {"topic": events}, "type": "object", "required": ["sku"]}
    known = Registry(
        [
            held(topic(topic=avro, ids=[7], guids=[str(GUID)]), "avro", name="avro"),
            held(PROTO.replace('{"topic": "orders"}', bound), "protobuf", name="proto"),
            held(json.dumps(schema), "jsonschema", name="events"),
        ]
    )
    typed = [("content-type", b"application/json")]
    structured = [("content-type", b"application/cloudevents+json")]
    good, bad = {"sku": "a"}, {"name": "a"}
    sent = [
        (avro, framed(GOOD), [], ("valid", "")),
        (avro, framed(GOOD, key=GUID), [], ("valid", "")),
        (avro, written(GOOD), [("__value_schema_id", b"\x01" + GUID.bytes)], ("valid", "")),
        (avro, written(GOOD), [("__value_schema_id", AVRO_ID)], ("valid", "")),
        (avro, framed(GOOD, key=9), [], ("not_checked", "unknown_schema")),
        (avro, b"\xff", [("__value_schema_id", AVRO_ID)], ("violated", "")),
        (proto, PROTO_ID + b"\x00" + PROTO_GOOD, [], ("valid", "")),
        (proto, PROTO_ID + b"\x02\x00" + PROTO_GOOD, [], ("valid", "")),
        (proto, PROTO_GOOD, [("__value_schema_id", PROTO_ID + b"\x00")], ("valid", "")),
        (events, json.dumps(good).encode(), BINARY + typed, ("valid", "")),
        (events, json.dumps(bad).encode(), BINARY + typed, ("violated", "")),
        (events, json.dumps(EVENT | {"data": good}).encode(), structured, ("valid", "")),
        (events, json.dumps(EVENT | {"data": bad}).encode(), structured, ("violated", "")),
    ]
    with kafka.producer() as producer:
        for name, value, headers, _ in sent:
            producer.send(name, value=value, headers=headers, timestamp_ms=int(T0 * 1000))
    clock = ManualClock(datetime.fromtimestamp(T0 + 60, UTC))
    for name in (avro, proto, events):
        source = KafkaSource(kafka.bootstrap, name, f"g-{name}", until_caught_up=True)
        for offsets in messages(source, store, lambda: known, MessageSettings(), clock):
            source.commit(offsets)
        source.close()
    stored: dict[str, list[tuple[str, str]]] = {}
    for row in rows(store, "exchanges"):
        stored.setdefault(row["operation"], []).append((row["checked"], row["reason"]))
    for name in (avro, proto, events):
        expected = [verdict for place, _, _, verdict in sent if place == name]
        assert next(held for operation, held in stored.items() if name in operation) == expected
