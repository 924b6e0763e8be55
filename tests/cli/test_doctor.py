"""The doctor tells what is missing, and what a topic's spans do not tell."""

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.store import Store
from monitor.streams.embedded import EmbeddedKafka
from tests.bench.generate import generated

TOPICS = ("otlp_spans", "api_logs", "deploys")


@pytest.fixture(autouse=True)
def a_place_of_its_own(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEAMWATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(import_module("monitor.cli.main"), "set_up_logs", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAMWATCH_CLICKHOUSE_DSN", store.dsn)


@pytest.fixture
def broker() -> Iterator[EmbeddedKafka]:
    kafka = EmbeddedKafka(TOPICS)
    yield kafka
    kafka.stop()


def signs(capsys: pytest.CaptureFixture[str], *words: str, exits: int) -> dict[str, dict[str, Any]]:
    with pytest.raises(SystemExit) as end:
        main([*words, "--format", "json"])
    said = capsys.readouterr()
    assert (end.value.code or 0) == exits, said.out + said.err
    return {row["what"]: row for row in json.loads(said.out)}


def test_a_sound_machine_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    told = signs(capsys, "doctor", exits=0)
    assert {told[name]["state"] for name in ("crc32c", "zstandard", "telemetry store", "control store", "span decoder")} == {
        "good"
    }
    assert "kafka.brokers is empty" in told["settings"]["said"]


def test_a_wrong_setting_is_bad(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean kafka.brokers" in signs(capsys, "--set", "kafka.brokerz=x", "doctor", exits=70)["settings"]["said"]


def test_a_dead_broker_is_bad_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    told = signs(
        capsys, "--set", "kafka.brokers=127.0.0.1:9", "--set", "topics.api_logs=", "--set", "topics.deploys=", "doctor", exits=70
    )
    assert "127.0.0.1:9" in told["topic otlp_spans"]["said"]


def test_a_sample_tells_what_spans_tell(capsys: pytest.CaptureFixture[str], broker: EmbeddedKafka) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for _, request in generated(2000)[0]:
        producer.produce("otlp_spans", request)
    producer.produce("otlp_spans", b"not a span")
    producer.flush(10)
    told = signs(
        capsys, "--set", f"kafka.brokers={broker.bootstrap}", "--set", "kafka.api_version=2.3", "doctor", "--kafka", exits=0
    )
    assert told["sample of otlp_spans"]["said"].endswith("1 cannot be read")
    assert told["spans that tell a version"]["said"].startswith("100.0%")
    assert told["spans with a body"]["said"].startswith("0.0%")
    assert told["sample of api_logs"]["state"] == "mind"
