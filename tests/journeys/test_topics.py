"""Applications' own topics on a real Apache Kafka, to verdicts by CLI, API and page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.clock import system_clock
from tests.contracts.test_messages import ORDER, message, pact
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.running import Running, until
from tests.fixtures.spans import S, request, span_id, trace_id

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def seamwatch(*words: str, **environment: str) -> str:
    command = str(Path(sys.executable).with_name("seamwatch"))
    done = subprocess.run(
        [command, *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_records_of_several_topics_come_to_verdicts_by_cli_api_and_page(kafka: KafkaBroker, tmp_path: Path) -> None:
    spans = kafka.make_topic(partitions=1)
    orders = kafka.make_topic(f"{spans}-orders-eu", partitions=2)
    other = kafka.make_topic(f"{spans}-else", partitions=1)
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
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
        told = [broken[name] for name in ("caller", "callee", "operation", "side", "rule", "pointer")]
        assert told == ["till", "kafka", orders, "request", "integer", "/id"]
        assert broken["by_version_pair"] == [{"caller_version": "2.0", "callee_version": "", "exchanges": 1}]
        assert orders in running.get("/violations").text
        said = seamwatch("--data-dir", str(tmp_path / "data"), "violations", "--format", "json")
        assert orders in said
    finally:
        running.end()
    told = seamwatch("run", "messages", "--until-caught-up", SEAMWATCH_DATA_DIR=str(tmp_path / "data"), **settings)
    assert "messages: 0 records" in told
    edges = json.loads(seamwatch("--data-dir", str(tmp_path / "data"), "edges", "--format", "json"))
    assert orders in json.dumps(edges)
