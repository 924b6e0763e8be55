"""A call of a client that never returns is told and left behind, and the next source reads on."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.cli.assembly import House
from monitor.clock import system_clock
from monitor.config import load
from monitor.control.store import open_control
from monitor.errors import SourceUnavailable
from monitor.model.records import Offsets
from monitor.store import Store
from monitor.streams.kafka import KafkaSource
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.runner import RunnerSettings, run
from monitor.streams.source import Source
from monitor.streams.subscribed import Patience
from monitor.streams.watched import HANGS_SECONDS, WatchedSource
from monitor.telemetry import HealthBoard
from tests.fixtures.broker import KafkaBroker

SHORT = 0.3


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def threads_of_sources() -> int:
    return sum(thread.name.startswith("source ") for thread in threading.enumerate())


def test_a_call_that_does_not_return_is_told_and_its_thread_ends_when_it_does() -> None:
    log = ListLog()
    log.append(b"x")
    source = WatchedSource(ListSource(log), "topic list", SHORT)
    with log._changed:  # whoever reads the log waits
        with pytest.raises(
            SourceUnavailable,
            match="reading topic list has not returned for 0 s; the client is left behind",
        ):
            next(source.poll())
        source.close()
        assert threads_of_sources() == 1
    until(lambda: threads_of_sources() == 0)


def test_a_commit_that_does_not_return_is_told_too() -> None:
    log = ListLog()
    log.append(b"x")
    source = WatchedSource(ListSource(log), "topic list", SHORT)
    records = next(source.poll())
    with log._changed, pytest.raises(SourceUnavailable, match="committing topic list"):
        source.commit(records.next_offsets)
    until(lambda: threads_of_sources() == 0)


def test_the_pipeline_is_unready_with_the_reason_and_reads_on_with_a_new_source() -> None:
    log, board, stop = ListLog(), HealthBoard(), threading.Event()
    log.append(b"first")
    read: list[bytes] = []

    def keep(source: Source) -> Iterator[Offsets]:
        for records in source.poll():
            read.extend(records.values)
            yield records.next_offsets

    def make() -> Source:
        return WatchedSource(
            ListSource(log, until_caught_up=False, poll_seconds=0.05), "topic list", SHORT
        )

    settings = RunnerSettings(first_wait_seconds=0.05, longest_wait_seconds=0.05)
    arguments = {
        "name": "kept",
        "stop": stop,
        "board": board,
        "clock": system_clock,
        "settings": settings,
    }
    collector = threading.Thread(target=run, args=(keep, make), kwargs=arguments)
    collector.start()
    until(lambda: read == [b"first"])
    with log._changed:
        until(
            lambda: any(
                "has not returned" in report.reason and not report.ready
                for report in board.reports()
            )
        )
    log.append(b"second")
    until(lambda: b"second" in read)
    stop.set()
    collector.join(60)
    until(lambda: threads_of_sources() == 0)
    assert not collector.is_alive()


def test_what_a_step_raises_is_raised_and_time_limits_of_its_own_stay_its_own() -> None:
    def fails() -> None:
        raise TimeoutError("of the step")

    source = WatchedSource(ListSource(ListLog()), "topic list", 60)
    with pytest.raises(TimeoutError, match="of the step"):
        source._within("reading", fails)
    source.close()
    source.close()
    until(lambda: threads_of_sources() == 0)


@pytest.mark.kafka
def test_a_client_without_a_time_limit_over_a_stopped_broker_is_left_behind(
    kafka: KafkaBroker,
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, [b"x"])
    endless = KafkaSource(kafka.bootstrap, topic, topic, patience=Patience(connect_seconds=3600))
    kafka.pause()
    try:
        with pytest.raises(
            SourceUnavailable, match=f"reading topic {topic} has not returned for 2 s"
        ):
            next(WatchedSource(endless, f"topic {topic}", 2).poll())
    finally:
        kafka.resume()
    fresh = WatchedSource(
        KafkaSource(kafka.bootstrap, topic, topic, until_caught_up=True), f"topic {topic}", 120
    )
    assert [value for records in fresh.poll() for value in records.values] == [b"x"]
    fresh.close()
    until(lambda: threads_of_sources() == 0)


def test_every_kafka_source_of_the_product_is_watched(store: Store, tmp_path: Path) -> None:
    settings = load(
        None,
        {"kafka.brokers": "127.0.0.1:1", "topics.spans": "spans", "data_dir": str(tmp_path)},
        {},
    )
    engine = open_control(f"sqlite:///{tmp_path}/control.db")
    source = House(settings, store, engine).source("traces")()
    engine.dispose()
    assert isinstance(source, WatchedSource)
    assert source._hangs_seconds >= HANGS_SECONDS
