"""KafkaSource on a real Apache Kafka: codecs, rebalances, faults, hostile batches."""

import collections
import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.abstract import ConsumerProtocolAssignment
from kafka.coordinator.assignors.range import RangePartitionAssignor

from monitor.clock import system_clock
from monitor.errors import ConfigError, SourceUnavailable
from monitor.model.records import Offsets, Partition, Records, stepped_over
from monitor.streams.confluent import ConfluentSource
from monitor.streams.kafka import KafkaSource
from monitor.streams.kafka_client import open_consumer, partitions_of_nobody
from monitor.streams.runner import RunnerSettings, run
from monitor.streams.source import Source
from monitor.streams.subscribed import Patience
from monitor.telemetry import HealthBoard
from tests.fixtures.broker import KafkaBroker
from tests.fixtures.kafka import SecureKafka

pytestmark = pytest.mark.kafka
CLIENTS = pytest.mark.parametrize("client", [KafkaSource, ConfluentSource])
HASTY = Patience(connect_seconds=3, quiet_seconds=0.5, stall_seconds=4, commit_seconds=3)


def read_on(source: KafkaSource | ConfluentSource) -> list[Records]:
    batches = []
    for records in source.poll():
        batches.append(records)
        source.commit(records.next_offsets)
    source.close()
    return batches


def commit_first(
    source: KafkaSource | ConfluentSource, batches: Iterator[Records], count: int
) -> None:
    """Commit so many records; on a busy machine they come in several batches."""
    while count > 0:
        records = next(batches)
        source.commit(records.next_offsets)
        count -= len(records)


def read_on_through_a_restart(make_source: Callable[[], Source]) -> list[Records]:
    """As a collector does: a broker that is still coming up costs another try."""
    batches: list[Records] = []

    def keep(source: Source) -> Iterator[Offsets]:
        for records in source.poll():
            batches.append(records)
            yield records.next_offsets

    settings = RunnerSettings(restarts=30, longest_wait_seconds=1)
    run(
        keep,
        make_source,
        name="kept",
        stop=threading.Event(),
        board=HealthBoard(),
        clock=system_clock,
        settings=settings,
    )
    return batches


def begun(make_source: Callable[[], Source]) -> tuple[Source, Iterator[Records], Records]:
    """A source, its batches and the first that holds anything; one that cannot join a group is
    built anew, as the runner does.
    """
    for _ in range(5):
        source = make_source()
        batches = source.poll()
        try:
            return source, batches, next(batch for batch in batches if len(batch))
        except SourceUnavailable:
            source.close()
    raise AssertionError("five sources read nothing")


def values(batches: Sequence[Records]) -> list[bytes]:
    return sorted(value for batch in batches for value in batch.values)


def numbered(count: int, first: int = 0) -> list[bytes]:
    return sorted(b"%08d" % number for number in range(first, first + count))


@CLIENTS
@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource], codec: str | None
) -> None:
    topic = kafka.make_topic()
    kafka.produce(topic, numbered(500), compression_type=codec)
    assert values(
        read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    ) == numbered(500)


@CLIENTS
def test_headers_and_times_come_along(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    with kafka.producer() as producer:
        producer.send(
            topic,
            value=b"x",
            headers=[("content-type", b"application/json")],
            timestamp_ms=1_700_000_000_000,
        )
    batches = read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    records = next(batch for batch in batches if len(batch))
    assert records.headers[0] == {"content-type": b"application/json"}
    assert records.timestamps_ms[0] == 1_700_000_000_000


@CLIENTS
def test_partitions_of_a_backlog_are_read_side_by_side(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    """None is far ahead: every window waits for the last one."""
    topic = kafka.make_topic(partitions=4)
    with kafka.producer(linger_ms=5, batch_size=16_000) as producer:
        for number in range(8000):
            producer.send(topic, os.urandom(1000), partition=number % 4)
    answers = {
        KafkaSource: "max_partition_fetch_bytes",
        ConfluentSource: "fetch.message.max.bytes",
    }
    source = client(
        kafka.bootstrap,
        topic,
        topic,
        options={answers[client]: 50_000},
        until_caught_up=True,
        max_batch_bytes=130_000,
    )
    read = collections.Counter[int]()
    apart = []
    for records in source.poll():
        read.update(place.partition for place in records.partitions)
        source.commit(records.next_offsets)
        apart.append(max(read.values(), default=0) - min(read[number] for number in range(4)))
    source.close()
    assert read == dict.fromkeys(range(4), 2000)
    assert max(apart) < 400


@CLIENTS
def test_both_clients_name_a_topic_alike_and_a_topic_made_anew_differently(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, [b"old"])
    reference = read_on(KafkaSource(kafka.bootstrap, topic, "reference", until_caught_up=True))
    before = read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    kafka.delete_topic(topic)
    kafka.make_topic(topic, partitions=1)
    kafka.produce(topic, [b"new"])
    after = read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    assert before[-1].partitions[0] == reference[-1].partitions[0]
    assert after[-1].values == (b"new",)
    assert after[-1].partitions[0].source_id != before[-1].partitions[0].source_id


@pytest.mark.filterwarnings("ignore:unclosed <(socket|ssl):ResourceWarning")
@CLIENTS
def test_tls_and_scram_let_us_in_and_a_wrong_password_is_said(
    kafka_secure: SecureKafka, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka_secure.broker.make_topic()
    kafka_secure.broker.produce(topic, numbered(50))
    source = client(
        kafka_secure.bootstrap, topic, topic, options=kafka_secure.options, until_caught_up=True
    )
    assert values(read_on(source)) == numbered(50)
    wrong = {**kafka_secure.options, "sasl_plain_password": "wrong"}
    refused = client(kafka_secure.bootstrap, topic, topic, options=wrong, patience=HASTY)
    told = "invalid credentials with SASL mechanism SCRAM-SHA-512"
    with pytest.raises(SourceUnavailable, match=rf"{kafka_secure.bootstrap} .*{told}"):
        next(refused.poll())
    # kafka-python leaves the socket of a refused login to the collector: let it go while that is
    # borne
    gc.collect()


@CLIENTS
def test_the_first_start_may_begin_at_the_end_and_the_second_goes_on_from_there(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(10))
    source = client(kafka.bootstrap, topic, topic, start="latest", poll_seconds=0.2)
    settled = next(
        batch for batch in source.poll() if all(batch.drained.values()) and batch.drained
    )
    assert len(settled) == 0
    source.close()
    kafka.produce(topic, numbered(5, first=10))
    assert values(
        read_on(client(kafka.bootstrap, topic, topic, start="latest", until_caught_up=True))
    ) == numbered(5, first=10)


def test_records_deleted_before_they_were_read_are_counted_as_a_gap(kafka: KafkaBroker) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(10))
    read_on(KafkaSource(kafka.bootstrap, topic, topic, until_caught_up=True))
    kafka.produce(topic, numbered(10, first=10))
    with kafka.admin() as admin:
        admin.delete_records({TopicPartition(topic, 0): 17})
    batches = read_on(KafkaSource(kafka.bootstrap, topic, topic, until_caught_up=True))
    assert values(batches) == numbered(3, first=17)
    assert [gap for batch in batches for gap in batch.gaps] == [7, 0, 0]


def test_a_missing_topic_and_a_dead_broker_say_what_and_where(kafka: KafkaBroker) -> None:
    with pytest.raises(
        SourceUnavailable, match=r"topic nowhere at .* does not exist; create the topic"
    ):
        next(KafkaSource(kafka.bootstrap, "nowhere", "g", patience=HASTY).poll())
    with pytest.raises(
        SourceUnavailable, match=r"127\.0\.0\.1:1 .*ECONNREFUSED.*is the broker up"
    ):
        next(KafkaSource("127.0.0.1:1", "t", "g", patience=HASTY).poll())


def test_a_broker_that_stays_away_costs_no_threads() -> None:
    before = threading.active_count()
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            next(
                KafkaSource("127.0.0.1:1", "t", "g", patience=Patience(connect_seconds=0.5)).poll()
            )
    assert threading.active_count() == before


def test_an_unknown_option_is_a_wrong_setting(kafka: KafkaBroker) -> None:
    topic = kafka.make_topic()
    with pytest.raises(ConfigError, match="sesion_timeout"):
        next(KafkaSource(kafka.bootstrap, topic, topic, options={"sesion_timeout": 1}).poll())
    with pytest.raises(ConfigError, match="sesion_timeout"):
        next(ConfluentSource(kafka.bootstrap, topic, topic, options={"sesion_timeout": 1}).poll())


class Reader(threading.Thread):
    """A collector of its own: reads and commits until told to leave."""

    def __init__(self, source: KafkaSource) -> None:
        super().__init__(daemon=True)
        self.source, self.leave, self.kept = (
            source,
            threading.Event(),
            list[tuple[Partition, int, bytes]](),
        )
        self.assigned = 0

    def run(self) -> None:
        for records in self.source.poll():
            self.kept.extend(zip(records.partitions, records.offsets, records.values, strict=True))
            self.assigned = len(records.drained)
            self.source.commit(records.next_offsets)
            if self.leave.is_set():
                break
        self.source.close()


def wait_until(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def test_two_members_share_a_topic_and_lose_nothing_while_one_joins_and_leaves(
    kafka: KafkaBroker,
) -> None:
    topic = kafka.make_topic(partitions=4)
    first, second = (
        Reader(KafkaSource(kafka.bootstrap, topic, topic, max_batch_seconds=0.2, poll_seconds=0.2))
        for _ in range(2)
    )
    kafka.produce(topic, numbered(1000))
    first.start()
    wait_until(lambda: first.assigned == 4)
    second.start()
    kafka.produce(topic, numbered(1000, first=1000))
    wait_until(lambda: first.assigned == 2 and second.assigned == 2)
    kafka.produce(topic, numbered(1000, first=2000))
    second.leave.set()
    second.join(20)
    wait_until(lambda: first.assigned == 4)
    kafka.produce(topic, numbered(1000, first=3000))
    wait_until(lambda: len({value for _, _, value in first.kept + second.kept}) == 4000)
    first.leave.set()
    first.join(20)
    assert second.kept
    assert {value for _, _, value in first.kept + second.kept} == set(numbered(4000))


def test_a_late_commit_for_partitions_of_another_member_is_left_out(kafka: KafkaBroker) -> None:
    topic = kafka.make_topic(partitions=2)
    kafka.produce(topic, numbered(20))
    source = KafkaSource(kafka.bootstrap, topic, topic, poll_seconds=0.2, max_batch_seconds=0.2)
    batches = source.poll()
    held = next(batch for batch in batches if len(batch))
    other = Reader(
        KafkaSource(kafka.bootstrap, topic, topic, poll_seconds=0.2, max_batch_seconds=0.2)
    )
    other.start()
    next(batch for batch in batches if len(batch.drained) == 1)
    wait_until(lambda: bool(other.kept))
    lost = next(
        partition
        for partition in held.next_offsets
        if partition.partition == other.kept[0][0].partition
    )
    source.commit({lost: 0})
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=topic)
    assert consumer.committed(TopicPartition(topic, lost.partition)) != 0
    consumer.close()
    other.leave.set()
    other.join(20)
    source.close()


@CLIENTS
def test_a_paused_broker_is_noticed_and_read_on_when_it_answers_again(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic()
    kafka.produce(topic, numbered(10))
    source = client(
        kafka.bootstrap, topic, topic, patience=HASTY, poll_seconds=0.2, max_batch_seconds=0.2
    )
    batches = source.poll()
    commit_first(source, batches, 10)
    kafka.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(
            SourceUnavailable, match=r"has not answered|no commit|does not answer|reading"
        ):
            collections.deque(batches, maxlen=0)
    finally:
        kafka.resume()
    assert time.monotonic() < begun + 30
    source.close()
    kafka.produce(topic, numbered(5, first=10))
    assert values(
        read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    ) == numbered(5, first=10)


@pytest.mark.long
def test_a_killed_broker_is_noticed_and_its_group_goes_on_after_the_restart(
    kafka: KafkaBroker,
) -> None:
    topic = kafka.make_topic()
    kafka.produce(topic, numbered(10), acks="all")
    source = KafkaSource(
        kafka.bootstrap, topic, topic, patience=HASTY, poll_seconds=0.2, max_batch_seconds=0.2
    )
    batches = source.poll()
    commit_first(source, batches, 10)
    kafka.kill()
    with pytest.raises(SourceUnavailable, match="is the broker"):
        collections.deque(batches, maxlen=0)
    source.close()
    kafka.start()
    kafka.produce(topic, numbered(5, first=10))
    batches = read_on_through_a_restart(
        lambda: KafkaSource(kafka.bootstrap, topic, topic, until_caught_up=True)
    )
    assert values(batches) == numbered(5, first=10)


def damage(log: Path, marker: bytes) -> None:
    """Flip a byte of the record that holds the marker."""
    data = bytearray(log.read_bytes())
    data[data.index(marker)] ^= 0xFF
    log.write_bytes(data)


@pytest.mark.long
@pytest.mark.parametrize("client", [KafkaSource, ConfluentSource])
def test_a_batch_damaged_on_disk_is_one_reject_and_its_neighbours_are_read(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    for part in (numbered(3), [b"damaged!"] * 4, numbered(3, first=3)):
        kafka.produce(topic, part, linger_ms=500)  # each a batch of its own
    kafka.stop()
    damage(kafka.folder / "data" / f"{topic}-0" / "00000000000000000000.log", b"damaged!")
    kafka.start()
    batches = read_on_through_a_restart(
        lambda: client(kafka.bootstrap, topic, topic, until_caught_up=True)
    )
    rejects = [reject for batch in batches for reject in stepped_over(batch)]
    assert [value for value in values(batches) if value] == numbered(6)
    assert [(reject.reason, reject.offset) for reject in rejects] == [("corrupt_batch", 6)]
    assert sum(gap for batch in batches for gap in batch.gaps) == 3


BOMB = """
import sys
from pathlib import Path
from monitor.model.records import stepped_over
from monitor.streams.kafka import KafkaSource
source = KafkaSource(sys.argv[1], sys.argv[2], "bombs", until_caught_up=True)
good = refused = 0
for records in source.poll():
    rejects = stepped_over(records)
    refused += len(rejects)
    good += len(records) - len(rejects)
    source.commit(records.next_offsets)
source.close()
peak_kb = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(good, refused, int(peak_kb) // 1024)
"""


def test_bombs_and_huge_records_do_not_kill_the_reader(kafka: KafkaBroker) -> None:
    topic = kafka.make_topic(partitions=1, max_message_bytes="80000000")
    with kafka.producer(compression_type="zstd", max_request_size=700_000_000) as producer:
        for value in (b"before", b"\0" * 512_000_000, b"between"):
            producer.send(topic, value=value)
            producer.flush()
    with kafka.producer(max_request_size=90_000_000) as producer:
        producer.send(topic, value=os.urandom(1000) * 50_000)  # 50 MB as they are
        producer.flush()
        producer.send(topic, value=b"after")
    words = [sys.executable, "-c", BOMB, kafka.bootstrap, topic]
    shown = subprocess.run(
        words, check=True, capture_output=True, text=True, timeout=120
    ).stdout.split()
    good, refused, peak_mb = map(int, shown)
    assert (good, refused) == (4, 1)
    assert peak_mb < 500


def test_what_is_gathered_when_a_rebalance_takes_and_returns_a_partition_is_read_again(
    kafka: KafkaBroker,
) -> None:
    topic, group = kafka.make_topic(partitions=2), "taken-and-returned"
    source = KafkaSource(
        kafka.bootstrap, topic, group, max_batch_seconds=20.0, options={"session_timeout_ms": 6000}
    )
    seen: dict[int, set[int]] = {0: set(), 1: set()}
    lost = 0
    wanted = 100
    batches = source.poll()
    next(batches)
    for partition in (0, 1):
        kafka.produce(topic, [b"x"] * wanted, partition=partition)
    other = threading.Thread(target=_join_and_leave, args=(kafka.bootstrap, topic, group))
    other.start()
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and sum(map(len, seen.values())) < 2 * wanted:
        records = next(batches)
        lost += sum(records.gaps)
        for place, offset in zip(records.partitions, records.offsets, strict=True):
            seen[place.partition].add(offset)
        source.commit(records.next_offsets)
    other.join()
    source.close()
    assert seen == {0: set(range(wanted)), 1: set(range(wanted))}
    assert lost == 0


def _join_and_leave(bootstrap: str, topic: str, group: str) -> None:
    """A second member that reads nothing into the world: it joins, takes its share, commits
    nothing, leaves.
    """
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=1,
        session_timeout_ms=6000,  # where its leaving is not heard
    )
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        consumer.poll(timeout_ms=200)
    consumer.close(autocommit=False)


@CLIENTS
def test_a_topic_made_anew_under_a_reader_is_read_from_its_beginning_as_another_source(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(10))
    source, batches, before = begun(
        lambda: client(
            kafka.bootstrap, topic, topic, patience=HASTY, poll_seconds=0.2, max_batch_seconds=0.2
        )
    )
    source.commit(before.next_offsets)
    kafka.delete_topic(topic)
    kafka.make_topic(topic, partitions=1)
    kafka.produce(topic, numbered(20, first=10))
    with pytest.raises(SourceUnavailable, match=r"was made anew|was deleted"):
        assert not [batch for batch in batches if len(batch)]
    source.close()
    after = read_on_through_a_restart(
        lambda: client(kafka.bootstrap, topic, topic, until_caught_up=True)
    )
    assert values(after) == numbered(20, first=10)
    assert {place.source_id for batch in after for place in batch.partitions} != {
        before.partitions[0].source_id
    }


def test_a_join_whose_answer_comes_between_two_polls_is_brought_to_its_end(
    kafka: KafkaBroker,
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(10))
    with contextlib.closing(
        open_consumer(kafka.bootstrap, topic, {"metadata_max_age_ms": 500}, 20)
    ) as consumer:
        consumer.subscribe([topic])
        deadline = time.monotonic() + 60
        while not consumer.poll(timeout_ms=500):
            assert time.monotonic() < deadline
        coordinator = consumer._coordinator
        join_and_sync = coordinator._do_join_and_sync_async

        async def answered_late() -> Any:
            answer = await join_and_sync()
            await consumer._net.sleep(1.5)
            return answer

        coordinator._do_join_and_sync_async = answered_late
        with kafka.admin() as admin:
            admin.create_partitions({topic: 2})
        while len(consumer.assignment()) != 2:
            assert time.monotonic() < deadline, "the join was given up"
            consumer.poll(timeout_ms=500)
        before = time.process_time()
        consumer.poll(timeout_ms=1000)
        assert time.process_time() - before < 0.7, "polling for nothing costs a core"


@CLIENTS
def test_a_deleted_topic_is_said(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(10))
    source = client(
        kafka.bootstrap, topic, topic, patience=HASTY, poll_seconds=0.2, max_batch_seconds=0.2
    )
    batches = source.poll()
    next(batch for batch in batches if len(batch))
    kafka.delete_topic(topic)
    with pytest.raises(SourceUnavailable, match="was deleted; create it again"):
        collections.deque(batches, maxlen=0)
    source.close()


@CLIENTS
def test_a_topic_that_an_operator_deletes_stays_deleted_though_the_broker_makes_topics_by_itself(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    often = (
        {"metadata_max_age_ms": 200}
        if client is KafkaSource
        else {"topic.metadata.refresh.interval.ms": 200}
    )
    topic = kafka.make_topic(partitions=2)
    kafka.produce(topic, numbered(10))

    def made(**more: bool) -> KafkaSource | ConfluentSource:
        return client(
            kafka.bootstrap,
            topic,
            topic,
            options=often,
            patience=HASTY,
            poll_seconds=0.2,
            max_batch_seconds=0.2,
            **more,
        )

    first, second = made(), made()  # one has read it, one is about to join when it goes
    batches, others = first.poll(), second.poll()
    next(batch for batch in batches if len(batch))
    next(others)
    kafka.delete_topic(topic)
    for source, rest in ((first, batches), (second, others)):
        with pytest.raises(SourceUnavailable, match=r"was deleted|does not exist|Unknown topic"):
            collections.deque(rest, maxlen=0)
        for _ in range(20):  # as long as it is asked after
            with contextlib.suppress(SourceUnavailable, StopIteration):
                next(rest)
        source.close()
    for more in ({}, {"until_caught_up": True}):
        again = made(**more)
        with pytest.raises(SourceUnavailable, match="does not exist"):
            next(again.poll())
        again.close()
    with kafka.admin() as admin:
        assert topic not in admin.list_topics()


@CLIENTS
def test_a_committed_place_beyond_the_end_is_given_up(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(5))
    other = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=topic, enable_auto_commit=False
    )
    other.commit({TopicPartition(topic, 0): OffsetAndMetadata(50, "", -1)})
    other.close()
    assert values(
        read_on(client(kafka.bootstrap, topic, topic, until_caught_up=True))
    ) == numbered(5)


IMPATIENT = replace(HASTY, stuck_seconds=1.5, stall_seconds=600)


@CLIENTS
def test_a_member_more_than_partitions_has_nothing_to_do_and_stays(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(5))
    made = [
        client(
            kafka.bootstrap,
            topic,
            topic,
            patience=IMPATIENT,
            poll_seconds=0.2,
            max_batch_seconds=0.2,
        )
        for _ in range(2)
    ]
    polls = [source.poll() for source in made]
    deadline = time.monotonic() + 8  # both look several times whether they are stuck
    while time.monotonic() < deadline:
        for poll in polls:
            next(poll)
    assert partitions_of_nobody(kafka.bootstrap, topic, topic, 1, {}, 5.0) == set()
    for source in made:
        source.close()


@CLIENTS
def test_a_member_that_gets_no_partition_though_nobody_has_it_is_built_anew(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    leader = KafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=topic,
        partition_assignment_strategy=[_Nobody],
        enable_auto_commit=False,
    )
    ended = threading.Event()

    def lead() -> None:
        while not ended.is_set():
            leader.poll(timeout_ms=100)

    leading = threading.Thread(target=lead)
    leading.start()
    try:
        deadline = time.monotonic() + 60
        with kafka.admin() as admin:
            while admin.describe_groups([topic])[topic]["group_state"] != "Stable":
                assert time.monotonic() < deadline
                time.sleep(0.1)
        source = client(
            kafka.bootstrap,
            topic,
            topic,
            patience=IMPATIENT,
            poll_seconds=0.2,
            max_batch_seconds=0.2,
        )
        with pytest.raises(
            SourceUnavailable, match=r"no partition was assigned, and 1 have no reader.*built anew"
        ):
            collections.deque(source.poll(), maxlen=0)
        source.close()
    finally:
        ended.set()
        leading.join()
        leader.close()
    assert partitions_of_nobody("127.0.0.1:9", topic, topic, 1, {}, 1.0) == {0}


class _Nobody(RangePartitionAssignor):  # type: ignore[misc]  # kafka-python has no types
    """An assignor that gives nothing to anybody."""

    @classmethod
    def assign(cls, _cluster: object, members: Any) -> dict[str, ConsumerProtocolAssignment]:
        return {
            member.member_id: ConsumerProtocolAssignment(cls.version, [], b"")
            for member in members
        }


@CLIENTS
def test_a_consumer_that_reads_nothing_of_what_waits_is_built_anew(
    kafka: KafkaBroker, client: type[KafkaSource] | type[ConfluentSource]
) -> None:
    topic = kafka.make_topic(partitions=1)
    kafka.produce(topic, numbered(5))
    source = client(
        kafka.bootstrap, topic, topic, patience=IMPATIENT, poll_seconds=0.2, max_batch_seconds=0.2
    )
    poll = source.poll()
    next(batch for batch in poll if len(batch))
    theirs = source._consumer  # a client that hangs is made by pausing it behind the source's back
    if isinstance(source, KafkaSource):
        theirs.pause(*theirs.assignment())  # type: ignore[union-attr]
    else:
        theirs.pause(theirs.assignment())  # type: ignore[union-attr]
    kafka.produce(topic, numbered(7, first=5))
    with pytest.raises(
        SourceUnavailable, match=r"nothing was read though [1-7] records wait.*built anew"
    ):
        collections.deque(poll, maxlen=0)
    source.close()
    after = read_on_through_a_restart(
        lambda: client(kafka.bootstrap, topic, topic, until_caught_up=True)
    )
    assert set(values(after)) >= set(numbered(7, first=5))
