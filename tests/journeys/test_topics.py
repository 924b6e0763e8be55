"""Applications' own topics on a real Apache Kafka, to verdicts by CLI, API and page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.clock import system_clock
from tests.contracts.test_avro import GOOD, framed
from tests.contracts.test_avro import ORDER as ORDER_SCHEMA
from tests.contracts.test_messages import ORDER, message, pact
from tests.contracts.test_protobuf import ORDER as ORDER_PROTO
from tests.contracts.test_protobuf import made
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.running import Running, until
from tests.fixtures.spans import S, request, span_id, trace_id
from tests.pipelines.test_schema_registry import registry

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


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


@pytest.mark.long
def test_records_of_several_topics_come_to_verdicts_by_cli_api_and_page(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    spans = kafka.make_topic(partitions=1)
    orders = kafka.make_topic(f"{spans}-orders-eu", partitions=2)
    other = kafka.make_topic(f"{spans}-else", partitions=1)
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.5",
        "SEAMWATCH_TOPICS_SPANS": spans,
        "SEAMWATCH_TOPICS_API_LOGS": "",
        "SEAMWATCH_TOPICS_DEPLOYS": "",
        "SEAMWATCH_TOPICS_MESSAGES": f"{spans}-orders-*,{other}",
        "SEAMWATCH_TOPICS_MESSAGES_PRODUCERS": json.dumps({other: "shop"}),
    }
    contract = tmp_path / "till.json"
    contract.write_text(pact(message(metadata={"topic": orders})))
    now = system_clock().timestamp()
    sent = S(
        "till",
        "producer",
        1,
        1,
        0,
        now - 0.1,
        now,
        version="2.0",
        attributes={"messaging.system": "kafka", "messaging.destination.name": orders},
        base=0,
    )
    traced = [("traceparent", f"00-{trace_id(1).hex()}-{span_id(1).hex()}-01".encode())]
    seamwatch("--data-dir", str(tmp_path / "data"), "contracts", "publish", str(contract))
    running = Running(tmp_path, settings)
    try:
        kafka.produce(spans, [request([sent])])
        until(lambda: running.records() >= 1, running)
        with kafka.producer() as client:
            client.send(orders, json.dumps(ORDER).encode(), headers=traced)
            client.send(orders, json.dumps(ORDER | {"id": "x"}).encode(), headers=traced)
            client.send(orders, None, key=b"7", headers=traced)
            client.send(other, b"anything")

        until(lambda: len(running.get("/v1/violations").json()) == 1, running)
        (broken,) = running.get("/v1/violations").json()
        told = [
            broken[name] for name in ("caller", "callee", "operation", "side", "rule", "pointer")
        ]
        assert told == ["till", "kafka", orders, "request", "integer", "/id"]
        assert broken["by_version_pair"] == [
            {"caller_version": "2.0", "callee_version": "", "exchanges": 1}
        ]
        assert orders in running.get("/violations").text
        output = seamwatch("--data-dir", str(tmp_path / "data"), "violations", "--format", "json")
        assert orders in output
    finally:
        running.end()
    told = seamwatch(
        "run",
        "messages",
        "--until-caught-up",
        SEAMWATCH_DATA_DIR=str(tmp_path / "data"),
        **settings,
    )
    assert "messages: 0 records" in told
    edges = json.loads(
        seamwatch("--data-dir", str(tmp_path / "data"), "edges", "--format", "json")
    )
    assert orders in json.dumps(edges)


@pytest.mark.long
def test_records_in_avro_and_protobuf_are_judged_by_the_schemas_that_a_registry_tells(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    prefix = kafka.make_topic(partitions=1)
    avro, proto = (
        kafka.make_topic(f"{prefix}-avro", partitions=1),
        kafka.make_topic(f"{prefix}-proto", partitions=1),
    )
    (tmp_path / "order.avsc").write_text(
        json.dumps(ORDER_SCHEMA | {"x-seamwatch": {"topic": avro}})
    )
    (tmp_path / "order.proto").write_text(
        f'// x-seamwatch: {{"topic": "{proto}", "ids": [21]}}\n{ORDER_PROTO}'
    )
    kafka.produce(avro, [framed(GOOD), framed(GOOD)[:-1], framed(GOOD, key=404)])
    wrong = made(ORDER_PROTO.replace("int64 id = 1", "string id = 1"), id="x")
    kafka.produce(
        proto, [b"\x00\x00\x00\x00\x15\x00" + made(id=7), b"\x00\x00\x00\x00\x15\x00" + wrong]
    )
    with registry() as (url, _):
        settings = {
            "SEAMWATCH_DATA_DIR": str(tmp_path / "data"),
            "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
            "SEAMWATCH_TOPICS_MESSAGES": f"^{prefix}-.*",
            "SEAMWATCH_TOPICS_MESSAGES_PRODUCERS": json.dumps({f"{prefix}-*": "till"}),
            "SEAMWATCH_CONTRACTS_SCHEMA_REGISTRY_URL": url,
        }
        for name in ("order.avsc", "order.proto"):
            seamwatch(
                "contracts", "publish", str(tmp_path / name), "--provider", "till", **settings
            )
        assert "messages: 5 records" in seamwatch(
            "run", "messages", "--until-caught-up", **settings
        )
    broken = json.loads(seamwatch("violations", "--since", "1d", "--format", "json", **settings))
    assert sorted((row["operation"], row["rule"], row["pointer"]) for row in broken) == [
        (avro, "not_avro", ""),
        (proto, "wire_type", "/id"),
    ]
    edges = json.loads(seamwatch("edges", "--format", "json", **settings))
    told = {row["operation"]: row["conformance"] for row in edges}
    assert (
        told[avro]["valid"],
        told[avro]["violated"],
        told[avro]["not_checked:unknown_schema"],
    ) == (1, 1, 1)
    assert (told[proto]["valid"], told[proto]["violated"]) == (1, 1)
