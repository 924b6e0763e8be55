"""One suite for every source: memory, files, Kafka by both clients, the embedded broker, one that
is watched, and several as one.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kafka import KafkaProducer

from monitor.model.records import Partition, Records
from monitor.streams.confluent import ConfluentSource
from monitor.streams.embedded import EmbeddedKafka
from monitor.streams.files import FileSource
from monitor.streams.kafka import KafkaSource
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.several import SeveralSources
from monitor.streams.source import Source
from monitor.streams.watched import WatchedSource

PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class Bench:
    """A log that a test fills, and how to open sources on it; `remembers` tells whether it keeps
    commits.
    """

    append: Callable[[Sequence[tuple[int, bytes]]], None]
    open: Callable[..., Source]
    remembers: bool = True
    endless: bool = True


def in_memory() -> Bench:
    log = ListLog(partitions=PARTITIONS)

    def append(rows: Sequence[tuple[int, bytes]]) -> None:
        for partition, value in rows:
            log.append(value, partition)

    def opened(*, until_caught_up: bool = True, group: str = "g") -> Source:
        return ListSource(
            log, group, batch_records=7, poll_seconds=0.05, until_caught_up=until_caught_up
        )

    return Bench(append, opened)


def in_files(folder: Path) -> Bench:
    paths = [folder / f"{number}.ndjson" for number in range(PARTITIONS)]
    for number, path in enumerate(paths):
        path.write_bytes(b"" if number else b"\n")

    def append(rows: Sequence[tuple[int, bytes]]) -> None:
        for partition, value in rows:
            with paths[partition].open("ab") as file:
                file.write(value + b"\n")

    return Bench(
        append, lambda **_: FileSource(paths, max_batch_records=7), remembers=False, endless=False
    )


def on_embedded_kafka(embedded: EmbeddedKafka, name: str) -> Bench:
    embedded.ensure_topics([name])

    def append(rows: Sequence[tuple[int, bytes]]) -> None:
        producer = KafkaProducer(
            bootstrap_servers=embedded.bootstrap, api_version=embedded.options["api_version"]
        )
        for partition, value in rows:
            producer.send(name, value=value, partition=partition)
        producer.flush()
        producer.close()

    def opened(*, until_caught_up: bool = True, group: str = "") -> Source:
        return KafkaSource(
            embedded.bootstrap,
            name,
            group or name,
            options=embedded.options,
            source_salt=embedded.salt,
            until_caught_up=until_caught_up,
            max_batch_seconds=0.1,
            poll_seconds=0.2,
        )

    return Bench(append, opened)


def on_kafka(
    request: pytest.FixtureRequest, client: type[KafkaSource] | type[ConfluentSource]
) -> Bench:
    broker = request.getfixturevalue("kafka")
    topic = broker.make_topic(partitions=PARTITIONS)

    def append(rows: Sequence[tuple[int, bytes]]) -> None:
        with broker.producer() as producer:
            for partition, value in rows:
                producer.send(topic, value=value, partition=partition)

    def opened(*, until_caught_up: bool = True, group: str = "") -> Source:
        return client(
            broker.bootstrap,
            topic,
            group or topic,
            until_caught_up=until_caught_up,
            max_batch_seconds=0.1,
            poll_seconds=0.2,
        )

    return Bench(append, opened)


def several(
    make: Callable[[str], Source], *, until_caught_up: bool = True, group: str = ""
) -> Source:
    return SeveralSources(
        lambda: ["records"], make, what="topics", until_caught_up=until_caught_up
    )


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedKafka]:
    cluster = EmbeddedKafka()
    yield cluster
    cluster.stop()


_names = itertools.count()
KINDS = [
    "memory",
    "files",
    "embedded",
    "watched",
    "several",
    pytest.param("kafka", marks=pytest.mark.kafka),
    pytest.param("confluent", marks=pytest.mark.kafka),
]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    match request.param:
        case "memory":
            return in_memory()
        case "files":
            return in_files(tmp_path)
        case "embedded":
            return on_embedded_kafka(
                request.getfixturevalue("embedded"), f"conformance{next(_names)}"
            )
        case "watched":
            inside = on_embedded_kafka(
                request.getfixturevalue("embedded"), f"conformance{next(_names)}"
            )
            return replace(inside, open=lambda **how: WatchedSource(inside.open(**how), "a topic"))
        case "several":
            alone = in_memory()
            return replace(alone, open=lambda **how: several(lambda _: alone.open(**how), **how))
        case "kafka":
            return on_kafka(request, KafkaSource)
        case _:
            return on_kafka(request, ConfluentSource)


def rows(count: int, first: int = 0) -> list[tuple[int, bytes]]:
    return [
        (number % PARTITIONS, json.dumps({"n": number, "pad": "x" * 100}).encode())
        for number in range(first, first + count)
    ]


def read_all(source: Source, *, commit: bool) -> list[tuple[Partition, int, bytes]]:
    entries: list[tuple[Partition, int, bytes]] = []
    for records in source.poll():
        entries.extend(zip(records.partitions, records.offsets, records.values, strict=True))
        if commit:
            source.commit(records.next_offsets)
    source.close()
    return entries


def test_every_record_comes_once_and_in_order_within_its_partition(bench: Bench) -> None:
    written = rows(40)
    bench.append(written)
    entries = read_all(bench.open(), commit=False)
    assert sorted(value for _, _, value in entries) == sorted(value for _, value in written)
    for partition in {where for where, _, _ in entries}:
        offsets = [offset for where, offset, _ in entries if where == partition]
        assert offsets == list(range(len(offsets)))


def test_an_empty_log_ends_without_records(bench: Bench) -> None:
    assert read_all(bench.open(), commit=True) == []


def test_columns_are_parallel_and_name_the_next_offsets(bench: Bench) -> None:
    bench.append(rows(20))
    source = bench.open()
    ends: dict[Partition, int] = {}
    for records in source.poll():
        columns = (
            records.values,
            records.partitions,
            records.offsets,
            records.timestamps_ms,
            records.headers,
            records.gaps,
        )
        assert {len(column) for column in columns} == {len(records)}
        assert not any(records.gaps)
        assert all(
            offset > ends.get(partition, 0) for partition, offset in records.next_offsets.items()
        )
        ends.update(records.next_offsets)
    source.close()
    assert sorted(ends.values()) == [10, 10]


def test_the_last_batch_says_that_every_partition_is_drained(bench: Bench) -> None:
    bench.append(rows(20))
    source = bench.open()
    batches = list(source.poll())
    source.close()
    assert {partition for batch in batches for partition in batch.partitions} <= set(
        batches[-1].drained
    )
    assert all(batches[-1].drained.values())


def test_the_same_log_has_the_same_name_when_opened_again(bench: Bench) -> None:
    bench.append(rows(4))
    first = {where for where, _, _ in read_all(bench.open(), commit=False)}
    assert first == {where for where, _, _ in read_all(bench.open(group="another"), commit=False)}
    assert all(where.source_id for where in first)


def test_what_was_committed_is_not_read_again_and_what_was_not_is(bench: Bench) -> None:
    if not bench.remembers:
        pytest.skip("a file is replayed from its beginning; its rows have natural keys")
    bench.append(rows(20))
    read_all(bench.open(), commit=True)
    bench.append(rows(6, first=20))
    uncommitted = read_all(bench.open(), commit=False)
    again = read_all(bench.open(), commit=True)
    assert (
        sorted(value for _, _, value in uncommitted)
        == sorted(value for _, value in rows(6, first=20))
        == sorted(v for _, _, v in again)
    )
    assert read_all(bench.open(), commit=True) == []


def test_an_idle_source_keeps_yielding_heartbeats_until_something_comes(bench: Bench) -> None:
    if not bench.endless:
        pytest.skip("files end")
    bench.append(rows(2))
    source = bench.open(until_caught_up=False)
    batches = source.poll()
    first = next(batch for batch in batches if len(batch))
    idle = next(
        batch
        for batch in batches
        if not len(batch) and all(batch.drained.values()) and batch.drained
    )
    bench.append(rows(2, first=2))
    later: Records = next(batch for batch in batches if len(batch))
    source.close()
    assert len(first) + len(later) >= 3
    assert idle.next_offsets == {}


def test_closing_twice_is_harmless(bench: Bench) -> None:
    source = bench.open()
    source.close()
    source.close()
