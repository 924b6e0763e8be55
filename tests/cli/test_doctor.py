"""The doctor tells what is missing, and what a topic's spans do not tell."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.cli.assembly import House
from monitor.cli.doctor import gate_signs
from monitor.cli.doctor_kafka import _readable
from monitor.cli.up import serving
from monitor.config import load
from monitor.control.store import open_control
from monitor.decode.spans import decode_spans
from monitor.joining.unread import Kind
from monitor.store import Store
from monitor.streams.embedded import EmbeddedKafka
from monitor.telemetry import Report
from tests.bench.generate import generated
from tests.fixtures.shop_day import write_shop_day
from tests.fixtures.signals import metrics
from tests.fixtures.spans import records as span_records

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


def signs(
    capsys: pytest.CaptureFixture[str], *words: str, exits: int
) -> dict[str, dict[str, Any]]:
    with pytest.raises(SystemExit) as end:
        main([*words, "--format", "json"])
    output = capsys.readouterr()
    assert (end.value.code or 0) == exits, output.out + output.err
    return {row["what"]: row for row in json.loads(output.out)}


def test_a_sound_machine_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    told = signs(capsys, "doctor", exits=0)
    assert {
        told[name]["state"] for name in ("crc32c", "zstandard", "telemetry store", "control store")
    } == {"good"}
    assert "kafka.brokers is empty" in told["settings"]["said"]


def test_a_wrong_setting_is_bad(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "did you mean kafka.brokers"
        in signs(capsys, "--set", "kafka.brokerz=x", "doctor", exits=70)["settings"]["said"]
    )


def test_a_dead_broker_is_bad_and_named_and_waited_for_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = signs(
        capsys,
        "--set",
        "kafka.brokers=127.0.0.1:9",
        "doctor",
        "--kafka",
        exits=70,
    )
    assert told["kafka"]["state"] == "bad"
    assert "127.0.0.1:9" in told["kafka"]["said"]
    assert not {name for name in told if name.startswith(("topic", "sample"))}


def test_a_sample_tells_what_spans_tell(
    capsys: pytest.CaptureFixture[str], broker: EmbeddedKafka
) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for _, request in generated(2000)[0]:
        producer.produce("otlp_spans", request)
    producer.produce("otlp_spans", b"not a span")
    producer.flush(10)
    told = signs(
        capsys,
        "--set",
        f"kafka.brokers={broker.bootstrap}",
        "--set",
        "kafka.api_version=2.3",
        "doctor",
        "--kafka",
        exits=0,
    )
    assert told["sample of otlp_spans"]["said"].endswith("1 cannot be read")
    assert told["spans that tell a version"]["said"].startswith("100.0%")
    assert told["spans with a body"]["said"].startswith("0.0%")
    assert told["sample of api_logs"]["state"] == "mind"


def test_beside_a_running_process_the_doctor_tells_of_that_one_and_not_of_its_own_settings(
    capsys: pytest.CaptureFixture[str],
    store: Store,
    chdb_path: Path,
    sqlite_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEAMWATCH_DATA_DIR", str(chdb_path.parent))
    monkeypatch.setenv("SEAMWATCH_CONTROL_DSN", sqlite_dsn)
    engine = open_control(sqlite_dsn)
    write_shop_day(store)
    house = House(load(flags={"api.port": 0}), store, engine)
    house.board.report(Report("traces", False, "the broker is gone", house.clock()))
    with serving(house, page=False):
        told = signs(capsys, "doctor", exits=70)
    assert store.lock is not None
    store.lock.announce("", "")
    engine.dispose()
    assert "kafka.brokers" not in told["settings"]["said"]
    assert (told["running process"]["state"], told["running process"]["said"]) == (
        "bad",
        "traces: the broker is gone",
    )
    assert told["it reads"]["said"] == "otlp_spans (2 partitions)"
    assert told["its part traces"]["said"].startswith("the broker is gone; last word")


def test_a_question_where_nothing_was_ever_read_says_that_its_empty_answer_means_nothing(
    tmp_path: Path,
) -> None:
    elsewhere = {
        name: text for name, text in os.environ.items() if not name.startswith("SEAMWATCH_")
    }
    elsewhere["SEAMWATCH_DATA_DIR"] = str(tmp_path / "elsewhere")

    # this process has another embedded store open
    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from monitor.cli import main; main()", *words]
        return subprocess.run(
            program,
            env=elsewhere,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    first = ran("findings", "--format", "json")
    assert (first.returncode, first.stdout.strip()) == (0, "[]")
    assert f"nothing was ever read into {tmp_path / 'elsewhere'}" in first.stderr
    assert ran("findings").stderr == ""


@pytest.mark.parametrize("kind", ["spans", "api-logs", "deploys"])
def test_a_sample_of_something_else_says_what_it_is(kind: Kind) -> None:
    sample = span_records([metrics()] * 3)
    sign = _readable(kind, "topic", sample, decode_spans(sample)[1])
    assert (
        sign.state,
        "3 cannot be read. They look like OTLP metrics; no setting reads these" in sign.said,
    ) == ("bad", True)


def test_the_gates_flips_and_overrides_are_minded() -> None:
    assert gate_signs(0, 0, 0) == []
    assert [sign.state for sign in gate_signs(9, 0, 0)] == ["good"]
    assert [(sign.what, sign.state) for sign in gate_signs(9, 1, 2)] == [
        ("gate", "mind"),
        ("overrides", "mind"),
    ]
