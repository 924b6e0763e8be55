"""Applications that produce and consume on a real Apache Kafka with the hooks on: what they see is
the same, what is captured is judged.
"""

import asyncio
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiokafka
import anyio
import confluent_kafka
import confluent_kafka.aio
import kafka as kafka_python
import pytest
from confluent_kafka.serialization import StringDeserializer, StringSerializer
from google.protobuf.json_format import Parse
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from opentelemetry.instrumentation.kafka import KafkaInstrumentor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monitor.capture import (
    Bounds,
    KafkaSink,
    OtlpSink,
    Service,
    watch_aiokafka,
    watch_confluent,
    watch_kafka,
)
from monitor.capture.shipping import PartlyLost
from monitor.contracts.registry import Registry
from monitor.store import Store
from tests.capture.served import SERVICE, Collected, capture
from tests.capture.test_messages import read
from tests.contracts.test_messages import ORDER, held, message, pact
from tests.fixtures.broker import KafkaBroker, free_ports
from tests.fixtures.running import PATIENCE_SECONDS, Running, until
from tests.pipelines.test_api_logs import rows

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
TRACED = [("traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"), ("who", b"Jane")]
BROKEN = ORDER | {"id": "Jane's own"}
READER = Service("mail", "3.0", "mail-1", "", "production")


class Json(kafka_python.serializer.JsonSerializer):
    """kafka-python's own."""


def produce_plain(broker: KafkaBroker, topic: str, kit: Any) -> None:
    client = watch_kafka(kafka_python.KafkaProducer(bootstrap_servers=broker.bootstrap), kit)
    client.send(topic, json.dumps(ORDER).encode(), headers=TRACED).get(60)
    client.send(topic, key=b"7", value=json.dumps(BROKEN).encode()).get(60)
    client.close()


def produce_serialised(broker: KafkaBroker, topic: str, kit: Any) -> None:
    client = watch_kafka(
        kafka_python.KafkaProducer(bootstrap_servers=broker.bootstrap, value_serializer=Json()),
        kit,
    )
    assert isinstance(client.config["value_serializer"], Json)
    for value in (ORDER, BROKEN):
        client.send(topic, value, None, TRACED).get(60)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="Circular"):
        client.send(topic, endless)  # the application's own mistake stays its own
    client.close()


def produce_confluent(broker: KafkaBroker, topic: str, kit: Any) -> None:
    client = watch_confluent(
        confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap}), kit
    )
    assert isinstance(client, confluent_kafka.Producer)
    assert client
    delivered: list[Any] = []
    client.produce(
        topic,
        json.dumps(ORDER),
        on_delivery=lambda error, _: delivered.append(error),
        headers=dict(TRACED),
    )
    client.produce_batch(topic, [{"value": json.dumps(BROKEN).encode()}])
    assert (client.flush(60), len(client), delivered) == (0, 0, [None])


def produce_serialising(broker: KafkaBroker, topic: str, kit: Any) -> None:
    settings = {"bootstrap.servers": broker.bootstrap, "value.serializer": StringSerializer()}
    client = watch_confluent(confluent_kafka.SerializingProducer(settings), kit)
    client.produce(topic, None, json.dumps(ORDER), headers=TRACED)
    client.produce(topic, value=json.dumps(BROKEN))
    assert client.flush(60) == 0


def consume_plain(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    options = {"auto_offset_reset": "earliest", "group_id": "plain", "consumer_timeout_ms": 60_000}
    client = watch_kafka(
        kafka_python.KafkaConsumer(topic, bootstrap_servers=broker.bootstrap, **options), kit
    )
    values = [next(client).value, next(client).value]
    client.close()
    return values


def consume_deserialised(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    options = {"auto_offset_reset": "earliest", "group_id": "json", "value_deserializer": Json()}
    client = watch_kafka(
        kafka_python.KafkaConsumer(topic, bootstrap_servers=broker.bootstrap, **options), kit
    )
    values: list[bytes] = []
    while len(values) < 2:
        values += [
            json.dumps(record.value).encode()
            for records in client.poll(1_000).values()
            for record in records
        ]
    client.close()
    return values


def consume_confluent(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    settings = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": "confluent",
        "auto.offset.reset": "earliest",
    }
    client = watch_confluent(confluent_kafka.Consumer(settings), kit)
    client.subscribe([topic])
    values: list[bytes] = []
    while not values:
        values += [record.value() for record in client.consume(1, 1)]
    while len(values) < 2:
        values += [record.value() for record in (client.poll(1),) if record is not None]
    client.close()
    return values


def consume_deserialising(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    settings = {
        "bootstrap.servers": broker.bootstrap, "group.id": "text", "auto.offset.reset": "earliest",
        "value.deserializer": StringDeserializer(),
    }  # fmt: skip
    client = watch_confluent(confluent_kafka.DeserializingConsumer(settings), kit)
    client.subscribe([topic])
    values: list[bytes] = []
    while len(values) < 2:
        values += [record.value().encode() for record in (client.poll(1),) if record is not None]
    client.close()
    return values


def produce_async(broker: KafkaBroker, topic: str, kit: Any) -> None:
    async def go() -> None:
        written = aiokafka.AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap,
            value_serializer=lambda value: json.dumps(value).encode(),
        )
        async with watch_aiokafka(written, kit) as client:
            await client.send_and_wait(topic, ORDER, headers=TRACED)
            await asyncio.gather(client.send(topic, BROKEN))

    asyncio.run(go())


def consume_async(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    async def go() -> list[bytes]:
        options = {
            "auto_offset_reset": "earliest",
            "group_id": "async",
            "value_deserializer": json.loads,
        }
        client = watch_aiokafka(
            aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap, **options), kit
        )
        values: list[Any] = []
        async with client:
            async for record in client:
                values.append(record.value)
                break
            while len(values) < 2:
                values += [
                    record.value
                    for records in (await client.getmany(timeout_ms=1_000)).values()
                    for record in records
                ]
        return [json.dumps(value).encode() for value in values]

    return asyncio.run(go())


def produce_confluent_async(broker: KafkaBroker, topic: str, kit: Any) -> None:
    """By keyword and by position; such a client takes no headers."""

    async def go() -> None:
        written = confluent_kafka.aio.AIOProducer({"bootstrap.servers": broker.bootstrap})
        client = watch_confluent(watch_confluent(written, kit), kit)
        futures = [
            await client.produce(topic, json.dumps(ORDER).encode(), b"7"),
            await client.produce(topic, value=json.dumps(BROKEN).encode()),
        ]
        await client.flush()
        await asyncio.gather(*futures)
        await client.close()

    asyncio.run(go())


def consume_confluent_async(broker: KafkaBroker, topic: str, kit: Any) -> list[bytes]:
    async def go() -> list[bytes]:
        settings = {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "confluent-async",
            "auto.offset.reset": "earliest",
        }
        client = watch_confluent(confluent_kafka.aio.AIOConsumer(settings), kit)
        await client.subscribe([topic])
        values: list[bytes] = []
        while not values:
            values += [record.value() for record in await client.consume(1, 1)]
        while len(values) < 2:
            record = await client.poll(1)
            values += [record.value()] if record is not None else []
        await client.close()
        return values

    return asyncio.run(go())


def positional(broker: KafkaBroker, topic: str, kit: Any) -> None:
    """Every argument by its place, where the plain client has two for one callback."""
    client = watch_confluent(
        confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap}), kit
    )
    now_ms = int(time.time() * 1e3)
    for value in (ORDER, BROKEN):
        client.produce(topic, json.dumps(value), b"k", -1, None, None, now_ms, list(TRACED))
    assert client.flush(60) == 0


PRODUCERS: Sequence[Callable[..., None]] = (
    produce_plain,
    produce_serialised,
    produce_confluent,
    produce_serialising,
    produce_async,
    positional,
    produce_confluent_async,
)
CONSUMERS: Sequence[Callable[..., list[bytes]]] = (
    consume_plain,
    consume_deserialised,
    consume_confluent,
    consume_deserialising,
    consume_async,
    consume_plain,
    consume_confluent_async,
)


@pytest.mark.parametrize(
    "kind",
    range(7),
    ids=[
        *("kafka-python", "kafka-python-json", "confluent", "confluent-serialising", "aiokafka"),
        *("by-position", "confluent-aio"),
    ],
)
def test_both_ends_of_a_topic_tell_the_same_shapes_and_pass_on_the_same_records(
    kind: int, kafka: KafkaBroker
) -> None:
    topic = kafka.make_topic(partitions=1)
    collected = Collected()
    till, mail = capture(collected), capture(collected, service=READER)
    PRODUCERS[kind](kafka, topic, till)
    assert CONSUMERS[kind](kafka, topic, mail) == [
        json.dumps(ORDER).encode(),
        json.dumps(BROKEN).encode(),
    ]
    till.close()
    mail.close()
    assert (till.dropped, mail.dropped) == ({}, {})
    assert not any(b"Jane" in record or b"12.5" in record for record in collected.records)
    exchanges = sorted(
        collected.said, key=lambda exchange: (exchange["side"], exchange["request_body"])
    )
    assert [
        (
            exchange["side"],
            exchange["topic"],
            exchange.get("caller"),
            exchange.get("callee"),
            exchange["request_body"],
        )
        for exchange in exchanges
    ] == [
        ("consumer", topic, None, "mail", '{"id":"text","total":0.5}'),
        ("consumer", topic, None, "mail", '{"id":0,"total":0.5}'),
        ("producer", topic, "payment", None, '{"id":"text","total":0.5}'),
        ("producer", topic, "payment", None, '{"id":0,"total":0.5}'),
    ]
    kept = [exchange["request_headers"] for exchange in (exchanges[1], exchanges[3])]
    told = {"traceparent": TRACED[0][1].decode(), "who": "[redacted text]"}
    assert kept == ([{}] if PRODUCERS[kind] is produce_confluent_async else [told]) * 2


def seamwatch(*words: str, **environment: str) -> str:
    command = str(Path(sys.executable).with_name("seamwatch"))
    done = subprocess.run(
        [command, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def receiver(broker: KafkaBroker, topic: str) -> Iterator[str]:
    """An OTLP/HTTP receiver by OpenTelemetry's own messages, which hands on to Kafka as the
    Collector's exporter does.
    """

    class Receiving(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            request = Parse(gzip.decompress(body), ExportLogsServiceRequest())
            broker.produce(topic, [request.SerializeToString()])
            answer = b"{}"
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Receiving) as server,
        anyio.from_thread.start_blocking_portal() as portal,
    ):
        done = portal.start_task_soon(anyio.to_thread.run_sync, server.serve_forever)
        yield f"http://127.0.0.1:{server.server_port}/v1/logs"
        server.shutdown()
        done.result()


TOLD = [("kafka", "integer", "/id"), ("mail", "integer", "/id")]


def shipped(sink: Any, broker: KafkaBroker, orders: str) -> None:
    """Two records, one of them broken, as either end sees them; all of it is taken."""
    kit, reading = capture(sink), capture(sink, service=READER)
    produce_plain(broker, orders, kit)
    consume_plain(broker, orders, reading)
    kit.close()
    reading.close()
    assert (kit.shipped, kit.dropped, reading.shipped, reading.dropped) == (2, {}, 2, {})


@pytest.mark.long
def test_what_either_end_ships_to_a_broker_comes_to_verdicts_by_cli_and_api(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    logs = kafka.make_topic(partitions=1)
    orders = kafka.make_topic(f"{logs}-orders", partitions=1)
    shipped(KafkaSink(kafka.bootstrap, logs), kafka, orders)
    (tmp_path / "till.json").write_text(pact(message(metadata={"topic": orders})))
    settings = {
        "SEAMWATCH_DATA_DIR": str(tmp_path / "data"),
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.5",
        "SEAMWATCH_TOPICS_API_LOGS": logs,
        "SEAMWATCH_TOPICS_SPANS": "",
        "SEAMWATCH_TOPICS_DEPLOYS": "",
    }
    seamwatch(
        "contracts", "publish", str(tmp_path / "till.json"), "--provider", SERVICE.name, **settings
    )
    running = Running(tmp_path, settings)
    try:
        until(lambda: len(running.get("/v1/violations").json()) == 2, running)
        violations = running.get("/v1/violations").json()
        assert (
            sorted(
                (violation["callee"], violation["rule"], violation["pointer"])
                for violation in violations
            )
            == TOLD
        )
        printed = json.loads(seamwatch("violations", "--format", "json", **settings))
        assert (
            sorted(
                (violation["callee"], violation["rule"], violation["pointer"])
                for violation in printed
            )
            == TOLD
        )
    finally:
        running.end()


@pytest.mark.parametrize("way", ["kafka-python", "otlp"])
def test_what_is_shipped_by_the_other_ways_is_read_back_and_judged(
    way: str, kafka: KafkaBroker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs, orders = kafka.make_topic(partitions=1), kafka.make_topic(partitions=1)
    if way == "kafka-python":
        # an application that does not have it
        monkeypatch.setitem(sys.modules, "confluent_kafka.cimpl", None)
    with receiver(kafka, logs) as address:
        shipped(
            OtlpSink(address, SERVICE) if way == "otlp" else KafkaSink(kafka.bootstrap, logs),
            kafka,
            orders,
        )
    options = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 60_000}
    back = kafka_python.KafkaConsumer(logs, bootstrap_servers=kafka.bootstrap, **options)
    (shipped_records,) = back.end_offsets([kafka_python.TopicPartition(logs, 0)]).values()
    assert 1 <= shipped_records <= 4, "two or more exchanges may share a record of OTLP"
    records = [next(back).value for _ in range(shipped_records)]
    back.close()
    exchanges = read(
        store,
        records,
        Registry([held(pact(message(metadata={"topic": orders})), provider=SERVICE.name)]),
    )
    assert sorted((row["callee"], row["checked"]) for row in exchanges) == [
        (callee, checked) for callee in ("kafka", "mail") for checked in ("valid", "violated")
    ]
    assert (
        sorted((row["callee"], row["rule"], row["pointer"]) for row in rows(store, "violations"))
        == TOLD
    )


def test_a_broker_that_is_away_costs_records_only_and_hooks_go_on(kafka: KafkaBroker) -> None:
    """The application's own client works; the capture's broker is nowhere, its queue full, and
    then its sink raises what it likes.
    """
    topic = kafka.make_topic(partitions=1)
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    bounds = Bounds(queue_records=1, batch_records=1, cpu_share=1, closing_seconds=60)
    kits = [
        capture(
            KafkaSink(nowhere, "api_logs", seconds=0.5, options={"log_level": 0}), bounds=bounds
        ),
        capture(OtlpSink(f"http://{nowhere}/v1/logs", SERVICE, seconds=0.5), bounds=bounds),
        capture(lambda _: {}[1], bounds=bounds),
    ]
    client = kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for kit in kits:
        watch_kafka(client, kit)  # one over the other: each hook is as good as none to the next
    for _ in range(50):
        client.send(topic, json.dumps(ORDER).encode())
    client.flush(60)
    client.close()
    for kit in kits:
        kit.close()
        assert kit.shipped == 0
        assert sum(kit.dropped.values()) == 50
        assert kit.dropped["sink_failed"] >= 1
    assert len(consume_plain(kafka, topic, kits[0])) == 2


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for it, for minutes if need be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.long
def test_a_broker_that_goes_away_and_comes_back_gets_what_is_told_from_then_on(
    kafka: KafkaBroker,
) -> None:
    """The application's topic and the capture's are on the same broker, as in most places."""
    topic, logs = kafka.make_topic(partitions=1), kafka.make_topic(partitions=1)
    sink = KafkaSink(kafka.bootstrap, logs, seconds=1, options={"log_level": 0})
    kit = capture(sink, bounds=Bounds(batch_seconds=0.2, cpu_share=1, closing_seconds=30))
    taken: list[bool] = []
    producer = watch_confluent(
        confluent_kafka.Producer(
            {"bootstrap.servers": kafka.bootstrap, "log_level": 0, "message.timeout.ms": 60_000}
        ),
        kit,
    )

    def send(count: int) -> None:
        for _ in range(count):
            producer.produce(
                topic, json.dumps(ORDER).encode(), on_delivery=lambda e, _: taken.append(not e)
            )
            producer.poll(0)

    send(20)
    eventually(lambda: kit.shipped == 20)
    kafka.stop()
    try:
        send(30)  # which the application's client keeps
        eventually(lambda: kit.dropped["sink_failed"] > 0)
    finally:
        kafka.start()
    assert producer.flush(100) == 0
    assert taken == [True] * 50, "the application's own records came, each once"

    def told_anew() -> bool:
        send(1)
        return kit.shipped > 20

    eventually(told_anew)
    producer.flush(60)
    sent = len(taken)
    kit.close()
    assert kit.shipped + sum(kit.dropped.values()) == sent, "what was lost is told"
    assert kit.shipped > 20


FORKS = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
if sys.argv[4] == "kafka-python":
    sys.modules["confluent_kafka.cimpl"] = None
from monitor.capture import KafkaSink
sink = KafkaSink(sys.argv[2], sys.argv[3], seconds=60)
sink([b"parent"])
child = os.fork()
sink([b"child"] if not child else [b"parent again"])
if not child:
    sink.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
sink.close()
sink([b"reopened"])
sink.close()
"""


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_forked_worker_ships_by_a_client_of_its_own_and_one_record_that_is_too_large_costs_itself_only(
    client: str, kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.make_topic(partitions=1)
    words = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        FORKS,
        str(Path(__file__).parents[2]),
        kafka.bootstrap,
        topic,
        client,
    ]
    subprocess.run(words, check=True, timeout=250)
    if client == "kafka-python":
        monkeypatch.setitem(sys.modules, "confluent_kafka.cimpl", None)
    sink = KafkaSink(kafka.bootstrap, topic, seconds=60)
    with pytest.raises(PartlyLost, match="1 records"):
        sink([b"before", b"x" * 3_000_000, b"behind"])
    sink.close()
    back = kafka_python.KafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=60_000,
    )
    values = sorted(next(back).value for _ in range(6))
    back.close()
    assert values == [b"before", b"behind", b"child", b"parent", b"parent again", b"reopened"]


def test_trace_context_that_instrumentations_add_is_told_at_both_ends_and_what_is_shipped_makes_no_spans(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenTelemetry's own instrumentations of both clients, beneath the hooks and beneath the
    sinks.
    """
    topic, logs = kafka.make_topic(partitions=1), kafka.make_topic(partitions=1)
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    plain, confluent = KafkaInstrumentor(), ConfluentKafkaInstrumentor()
    for instrumentor in (plain, confluent):
        instrumentor.instrument(tracer_provider=provider)
    collected, kits = Collected(), []
    try:
        kit = capture(collected)
        client = watch_kafka(kafka_python.KafkaProducer(bootstrap_servers=kafka.bootstrap), kit)
        client.send(topic, b"{}").get(60)
        client.close()
        # As the instrumentor has it in place of confluent_kafka.Producer, and as it puts itself
        # before one that is there already.
        settings = {"bootstrap.servers": kafka.bootstrap}
        before = confluent.instrument_producer(
            confluent_kafka.cimpl.Producer(settings), tracer_provider=provider
        )
        for inner in (confluent_kafka.Producer(settings), before):
            producer = watch_confluent(inner, kit)
            producer.produce(topic, b"{}")
            assert producer.flush(60) == 0
        reading = {**settings, "group.id": "traced", "auto.offset.reset": "earliest"}
        taker = watch_confluent(confluent_kafka.cimpl.Consumer(reading), kit)
        taker.subscribe([topic])
        taken = 0
        while taken < 3:
            taken += taker.poll(1) is not None
        taker.close()
        kit.close()
        for way in ("confluent", "kafka-python"):
            if way == "kafka-python":
                monkeypatch.setitem(sys.modules, "confluent_kafka.cimpl", None)
            kits.append(capture(KafkaSink(kafka.bootstrap, logs)))
            kits[-1].message("producer", topic, b"{}", [])
            kits[-1].close()
    finally:
        monkeypatch.undo()
        for instrumentor in (plain, confluent):
            instrumentor.uninstrument()
    assert [kit.shipped for kit in kits] == [1, 1]
    sent = [span for span in spans.get_finished_spans() if span.name.endswith(" send")]
    assert [span.name for span in sent] == [f"{topic} send"] * 3
    parents = [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-" for span in sent]
    for end in ("producer", "consumer"):
        told = [
            exchange["request_headers"]["traceparent"]
            for exchange in collected.said
            if exchange["side"] == end
        ]
        assert [header[:-2] for header in told] == parents
