"""Effectively once: collectors and closer killed again and again, and the windows equal the truth
exactly.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.store import open_store
from monitor.store.reader import Reader
from tests.bench.generate import Truth, generated
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.gateway import Gateway

POISON_EVERY = 100
SEED = 20261121


class Crew:
    """Processes of Seamwatch over one store and one topic."""

    def __init__(self, folder: Path, topic: str, settings: dict[str, str]) -> None:
        self.topic = topic
        self._environment = {**os.environ, **settings, "SEAMWATCH_DATA_DIR": str(folder)}
        self._log = (folder / "crew.log").open("ab")
        self.alive: dict[subprocess.Popen[bytes], tuple[str, ...]] = {}

    def spread(self, dsns: list[str]) -> None:
        """Whoever is hired from now on works over these shards."""
        self._environment["SEAMWATCH_CLICKHOUSE_SHARDS"] = " ".join(dsns)

    def hire(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `seamwatch run WORDS`."""
        command = [str(Path(sys.executable).with_name("seamwatch")), "run", *words]
        process = subprocess.Popen(
            command, env=self._environment, stdout=self._log, stderr=self._log
        )
        self.alive[process] = words
        return process

    def end(self, process: subprocess.Popen[bytes], number: int) -> tuple[str, ...]:
        """Send a signal and wait; returns what it ran."""
        process.send_signal(number)
        process.wait(timeout=60)
        return self.alive.pop(process)

    def said(self) -> str:
        """The end of what they all said."""
        return Path(self._log.name).read_text(errors="replace")[-3000:]

    def go_home(self) -> None:
        """Kill all that still run."""
        for process in list(self.alive):
            self.end(process, signal.SIGKILL)
        self._log.close()


@pytest.fixture
def crew(tmp_path: Path, gateway: Gateway, kafka: KafkaBroker) -> Iterator[Crew]:
    """Two collectors' worth of settings: real Kafka, ClickHouse over HTTP, a control store all
    share.
    """
    topic = kafka.make_topic(partitions=4)
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_TOPICS_SPANS": topic,
        "SEAMWATCH_CLICKHOUSE_DSN": gateway.dsn(topic),
        "SEAMWATCH_KAFKA_OPTIONS": json.dumps(
            {"session_timeout_ms": 6000, "heartbeat_interval_ms": 1500}
        ),
        "SEAMWATCH_KAFKA_MAX_BATCH_BYTES": "1000000",
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.2",
        "SEAMWATCH_WINDOWS_RECLOSE_SECONDS": "0",
    }
    people = Crew(tmp_path, topic, settings)
    yield people
    people.go_home()


@pytest.fixture
def spread_crew(crew: Crew, shard_gateways: list[Gateway]) -> Crew:
    """The same crew, over two shards."""
    crew.spread([server.dsn(crew.topic) for server in shard_gateways[:2]])
    return crew


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.long)])
def test_windows_equal_the_truth_after_many_kills(
    crew: Crew, kafka: KafkaBroker, gateway: Gateway, rounds: int
) -> None:
    _killed_again_and_again(crew, kafka, gateway, rounds, [])


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("rounds", [2, pytest.param(8, marks=pytest.mark.long)])
def test_windows_of_shards_equal_the_truth_after_many_kills_of_whoever(
    spread_crew: Crew,
    kafka: KafkaBroker,
    gateway: Gateway,
    shard_gateways: list[Gateway],
    rounds: int,
) -> None:
    _killed_again_and_again(spread_crew, kafka, gateway, rounds, shard_gateways[:2])


def _killed_again_and_again(
    crew: Crew, kafka: KafkaBroker, gateway: Gateway, rounds: int, servers: list[Gateway]
) -> None:
    """Collectors and closers in turn, and with each a server of a shard where there are some."""
    chance = random.Random(SEED)
    batches, truth = generated(10_000 * rounds, seed=3, spans_per_second=4000.0)
    values = [value for _, value in batches]
    poisoned = [
        v
        for n, value in enumerate(values)
        for v in ([b"\xff\x00poison", value] if n % POISON_EVERY == 0 else [value])
    ]
    poison = len(poisoned) - len(values)
    for _ in range(2):
        crew.hire("traces")
    crew.hire("windows")
    share = -(-len(poisoned) // rounds)
    kills = Counter[str]()
    for number in range(rounds):
        kafka.produce(crew.topic, poisoned[number * share : (number + 1) * share])
        time.sleep(chance.uniform(0.5, 4.0))
        kind = ("traces", "windows")[number % 2]
        victim = chance.choice([it for it, words in crew.alive.items() if words[0] == kind])
        how = signal.SIGTERM if number % 5 == 4 else signal.SIGKILL
        words = crew.end(victim, how)
        kills[words[0]] += 1
        crew.hire(*words)
        if servers:
            server = chance.choice(servers)
            server.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            server.start()
    for process in list(crew.alive):
        crew.end(process, signal.SIGTERM)
    last = crew.hire("traces", "--until-caught-up")
    assert last.wait(timeout=300) == 0, crew.said()
    crew.alive.pop(last)
    assert kills["traces"]
    assert kills["windows"]
    store = open_store(gateway.dsn(crew.topic))
    try:
        _tiles(Reader(store), len(poisoned), poison, truth)
        _equals(Reader(store), truth)
    finally:
        store.close()


def _equals(reader: Reader, truth: Truth) -> None:
    counts = {}
    for cell in reader.cells("", "", *_all_time(), sealed_only=False):
        edge = cell.edge
        key = (
            int(cell.window.timestamp()),
            edge.caller,
            edge.callee,
            edge.operation,
            cell.caller_version,
            cell.callee_version,
        )
        outcomes = {name: count for name, count in cell.outcomes.items() if count}
        counts[key] = (
            cell.calls,
            cell.failed,
            outcomes,
            _ns(cell.client_seconds_sum),
            _ns(cell.server_seconds_sum),
        )
    true = {}
    for row in truth.as_json()["windows"]:
        key = (
            row["window"],
            row["caller"],
            row["callee"],
            row["operation"],
            row["caller_version"],
            row["callee_version"],
        )
        outcomes = {name: count for name, count in row["outcomes"].items() if count}
        true[key] = (
            row["calls"],
            row["failed"],
            outcomes,
            row["client_ns_sum"],
            row["server_ns_sum"],
        )
    differing = {
        key: (counts.get(key), true.get(key))
        for key in counts.keys() | true.keys()
        if counts.get(key) != true.get(key)
    }
    assert not differing, "\n".join(
        f"{key}: said {pair[0]}, true {pair[1]}" for key, pair in list(differing.items())[:8]
    )


def _tiles(reader: Reader, records: int, poison: int, truth: Truth) -> None:
    rows = reader.ledger()
    assert [row["partition"] for row in rows] == [0, 1, 2, 3]
    for row in rows:
        assert (row["first_offset"], row["records"], row["lost"]) == (0, row["last_offset"] + 1, 0)
    assert sum(row["records"] for row in rows) == records
    assert sum(row["spans"] for row in rows) == truth.spans
    assert sum(row["halves"] + row["filtered"] + row["rejected"] for row in rows) == truth.spans
    refused = reader.rejects(*_all_time())
    assert [(row["reason"], row["count"]) for row in refused] == [("not_otlp_proto", poison)]


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)


def _all_time() -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(4e9, UTC)
