"""A Kafka topic as a source, through kafka-python and a consumer group."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from monitor.errors import SourceUnavailable
from monitor.model.records import Offsets, Partition, Records
from monitor.streams.batching import batches
from monitor.streams.bounded import bound_batches
from monitor.streams.idleness import Idleness
from monitor.streams.kafka_client import (
    check_codecs,
    deleted,
    in_our_words,
    made_anew,
    open_consumer,
    partitions_of_nobody,
    stuck,
    topic_facts,
)
from monitor.streams.subscribed import NO_HEADERS, Subscribed
from monitor.telemetry import LAG

log = structlog.get_logger(__name__)

REST_SECONDS = 1.5
"""Asked again at once, a broker answers with the few records that came since, each answer at the
cost of a batch.
"""
LAST_LOOK_SECONDS = 0.2
"""So long before a batch is handed on, the broker is asked once more."""
FENCED = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
"""The group went on without us: what we hold is read again by another member, so duplicates follow
and nothing is lost.
"""


@dataclass(slots=True, eq=False)
class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes what was revoked and assigned. Called on kafka-python's I/O thread, only while we are
    inside poll().
    """

    revoked: set[TopicPartition] = field(default_factory=set)
    fresh: set[TopicPartition] = field(default_factory=set)

    def on_partitions_revoked(self, revoked: Any) -> None:
        self.revoked |= set(revoked)
        self.fresh -= set(revoked)

    def on_partitions_lost(self, lost: Any) -> None:
        self.on_partitions_revoked(lost)

    def on_partitions_assigned(self, assigned: Any) -> None:
        self.fresh |= set(assigned)


class KafkaSource(Subscribed):
    """One member of a consumer group on one topic; see `Source` for what it promises.

    `start` is where a partition without a committed offset begins. `options` are kafka-python's
    own (SASL, TLS, api_version, client_id …) and win over ours. `source_salt` tells one start of a
    broker without topic ids from the next. `until_caught_up` ends once the whole group has read up
    to the end offsets seen at the start.

    Offsets skipped by retention, compaction, transactions or a batch that could not be decoded are
    counted in `Records.gaps`. A broker that is down, paused or without the topic raises
    `SourceUnavailable` within about `connect_seconds` or `stall_seconds`; so does a topic that was
    deleted and made anew, which is another source.
    """

    def _begin(self) -> None:
        self._consumer: KafkaConsumer | None = None
        self._rebalances = _Rebalances()
        self._idle: Idleness[TopicPartition] = Idleness(
            self._patience.stuck_seconds, self._patience.quiet_seconds
        )
        self._max_records = 100
        self._listed = False

    def poll(self) -> Iterator[Records]:
        """Connects at the first step. See `Source.poll`; a batch is held back until it is full or
        old enough.
        """
        consumer = self._connect()
        targets = self._ends(consumer) if self._until_caught_up else {}

        def gather(wait_seconds: float) -> None:
            self._gather(consumer, wait_seconds)
            self._watch(consumer)
            self._check_stuck(consumer)

        def caught_up() -> bool:
            return self._until_caught_up and self._caught_up(consumer, targets)

        for records in batches(
            self._gathering,
            self._bounds,
            gather,
            lambda: self._drained(consumer),
            caught_up,
            self._monotonic,
        ):
            yield records
            if self._consumer is None:
                return

    def commit(self, offsets: Offsets) -> None:
        """Commit those still assigned to us. Being fenced is logged only: another member reads
        them again.
        """
        consumer = self._consumer
        if consumer is None:
            return
        ours = consumer.assignment()
        chosen = {
            tp: OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
            if partition.source_id == self._facts.source_id and (tp := self._tp(partition)) in ours
        }
        if not chosen:
            return
        try:
            with in_our_words(
                f"Kafka at {self._brokers} took no commit of {self._topic} in {self._patience.commit_seconds:.0f} s"
            ):
                consumer.commit(chosen, timeout_ms=int(self._patience.commit_seconds * 1000))
        except SourceUnavailable as error:
            if not isinstance(error.__cause__, FENCED):
                raise
            log.warning(
                "commit came too late; these records are read again",
                topic=self._topic,
                group=self._group,
            )

    def close(self) -> None:
        """See `Source.close`: leaves the group at once, waits at most 5 s for the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._forget_lag(consumer.assignment())
            consumer.close(autocommit=False, timeout_ms=5000)

    def _connect(self) -> KafkaConsumer:
        check_codecs()
        bound_batches()
        seconds = self._patience.connect_seconds
        self._facts = topic_facts(self._brokers, self._topic, self._options, self._salt, seconds)
        with in_our_words(f"Kafka at {self._brokers} lets no consumer in"):
            consumer = open_consumer(self._brokers, self._group, self._options, seconds)
            consumer.subscribe([self._topic], listener=self._rebalances)
        self._consumer = consumer
        self._answered_at = self._asked_at = self._joined_at = self._monotonic()
        return consumer

    def _gather(self, consumer: KafkaConsumer, wait_seconds: float) -> None:
        """Poll once. What came is dropped when the broker's last word is that the topic is another
        one or gone.
        """
        begun = self._monotonic()
        with in_our_words(f"reading {self._topic} at {self._brokers}"):
            by_partition = consumer.poll(
                timeout_ms=max(1, int(min(wait_seconds, 1.0) * 1000)),
                max_records=self._max_records,
            )
        self._idle.polled(self._monotonic() - begun, found=bool(by_partition))
        self._check_topic(consumer)
        self._take_in(consumer, by_partition)
        if by_partition and not self._until_caught_up and all(self._drained(consumer).values()):
            time.sleep(min(max(wait_seconds - LAST_LOOK_SECONDS, 0.0), REST_SECONDS))

    def _take_in(
        self, consumer: KafkaConsumer, by_partition: Mapping[TopicPartition, Any]
    ) -> None:
        """Into the batch, after what a rebalance inside the poll took away from it."""
        gone: set[TopicPartition] = set()
        if self._rebalances.revoked:
            gone, self._rebalances.revoked = self._rebalances.revoked, set()
            self._gathering.drop(map(self._partition, gone))
            self._forget_lag(gone)
        skipped = self._settle(consumer, by_partition, gone) if self._rebalances.fresh else set()
        before, count = self._gathering.payload_bytes, len(self._gathering)
        for tp, rows in by_partition.items():
            if tp in skipped:
                continue
            partition = self._partition(tp)
            if not self._gathering.follows(partition, rows[0].offset):
                raise made_anew(
                    self._brokers,
                    self._topic,
                    f"partition {tp.partition} begins again at offset {rows[0].offset}",
                )
            self._gathering.add_all(
                partition,
                (
                    (row.value or b"", row.offset, row.timestamp, _headers(row.headers))
                    for row in rows
                ),
            )
        if by_partition:
            self._answered_at = self._monotonic()
            average = (self._gathering.payload_bytes - before) / max(
                1, len(self._gathering) - count
            )
            self._max_records = max(
                1, min(500, int(self._bounds.payload_bytes / 4 / max(1.0, average)))
            )

    def _settle(
        self,
        consumer: KafkaConsumer,
        by_partition: Mapping[TopicPartition, Any],
        gone: set[TopicPartition],
    ) -> set[TopicPartition]:
        """Learn where freshly assigned partitions should begin. Returns those moved there: drop
        what came of them.

        kafka-python keeps the position of a partition that a rebalance takes and gives back at
        once, while what was gathered of it has been dropped: without going back to the committed
        offset those records would be skipped.
        """
        fresh, self._rebalances.fresh = self._rebalances.fresh & consumer.assignment(), set()
        moved = set()
        timeout_ms = int(self._patience.connect_seconds * 1000)
        with in_our_words(f"asking {self._brokers} for the offsets of group {self._group}"):
            for tp in fresh:
                committed = consumer.committed(tp, timeout_ms=timeout_ms)
                if committed is not None:
                    self._gathering.expect(self._partition(tp), committed)
                    if tp not in by_partition or by_partition[tp][0].offset > committed:
                        consumer.seek(tp, committed)
                        moved.add(tp)
                elif self._start == "latest":
                    end = consumer.end_offsets([tp], timeout_ms=timeout_ms)[tp]
                    consumer.seek(tp, end)
                    self._gathering.expect(self._partition(tp), end)
                    consumer.commit({tp: OffsetAndMetadata(end, "", -1)}, timeout_ms=timeout_ms)
                    moved.add(tp)
                elif tp in gone:
                    consumer.seek_to_beginning(tp)
                    moved.add(tp)
        return moved

    def _watch(self, consumer: KafkaConsumer) -> None:
        """Silence is not health: without records, ask for end offsets; without an answer for long,
        say so.
        """
        now = self._monotonic()
        if now - max(self._answered_at, self._asked_at) < self._patience.quiet_seconds:
            return
        self._asked_at = now
        try:
            ends = consumer.end_offsets(self._all_partitions(), timeout_ms=3000)
        except KafkaError as error:
            silent = self._monotonic() - self._answered_at
            if silent >= self._patience.stall_seconds:
                self._check_topic(consumer)  # for a topic that is gone no answer comes, too
                text = f"Kafka at {self._brokers} has not answered for {silent:.0f} s ({error}); is the broker paused or down?"
                raise SourceUnavailable(text) from error
            return
        self._answered_at = self._monotonic()
        for tp in consumer.assignment():
            LAG.labels(self._topic, str(tp.partition)).set(
                max(0, ends.get(tp, 0) - (self._position(consumer, tp) or 0))
            )

    def _check_stuck(self, consumer: KafkaConsumer) -> None:
        """Raise when this consumer has long had nothing though records wait for it, or partitions
        that nobody reads.
        """
        seconds, ours = self._idle.seconds, consumer.assignment()

        def unread() -> int:
            limit = self._patience.connect_seconds
            free = partitions_of_nobody(
                self._brokers,
                self._topic,
                self._group,
                self._facts.partitions,
                self._options,
                limit,
            )
            return 0 if consumer.assignment() else len(free)

        def ends() -> Mapping[TopicPartition, int] | None:
            try:
                return cast(
                    "Mapping[TopicPartition, int]",
                    consumer.end_offsets(list(ours), timeout_ms=3000),
                )
            except KafkaError:
                return None

        why = self._idle.trouble(
            assigned=bool(ours),
            unread=unread,
            ends=ends,
            reached=lambda tp: self._reached(consumer, tp),
        )
        if why:
            raise stuck(self._brokers, self._topic, seconds, why)

    def _reached(self, consumer: KafkaConsumer, tp: TopicPartition) -> int:
        """The next offset to read, as far as we know without a fetch."""
        return self._position(consumer, tp) or self._gathering.expected(self._partition(tp)) or 0

    def _check_topic(self, consumer: KafkaConsumer) -> None:
        """Raise when the topic was deleted or made anew, by metadata no older than 10 s and as new
        as the last assignment.
        """
        cluster = consumer._cluster  # noqa: SLF001  # kafka-python shows topic ids nowhere else
        known = cluster.partitions_for_topic(self._topic)
        if known:
            self._listed = True
            self._facts.check_same(self._brokers, self._topic, cluster.topic_id(self._topic))
        elif self._listed:
            raise deleted(self._brokers, self._topic)
        else:
            # A request that was on its way when we subscribed names no topic, and its answer ends
            # the wish for a newer one: without asking again the topic stays unknown, and without
            # partitions, for `metadata_max_age_ms` (5 minutes).
            cluster.request_update()

    def _ends(self, consumer: KafkaConsumer) -> dict[TopicPartition, int]:
        """End offsets now, of the partitions that hold anything."""
        with in_our_words(f"asking {self._brokers} for the ends of {self._topic}"):
            timeout_ms = int(self._patience.connect_seconds * 1000)
            begins = consumer.beginning_offsets(self._all_partitions(), timeout_ms=timeout_ms)
            ends = consumer.end_offsets(self._all_partitions(), timeout_ms=timeout_ms)
        return {tp: end for tp, end in ends.items() if end > begins[tp]}

    def _caught_up(self, consumer: KafkaConsumer, targets: dict[TopicPartition, int]) -> bool:
        """Whether every partition was read (ours) or committed (other members') up to its target;
        strikes off those that were.
        """
        ours = consumer.assignment()
        if (
            not ours
            and targets
            and self._monotonic() - self._joined_at < self._patience.join_seconds
        ):
            return False  # asking while we join would upset the join
        for tp, end in list(targets.items()):
            if tp in ours:
                done = (self._position(consumer, tp) or 0) >= end
            else:
                try:
                    done = (consumer.committed(tp, timeout_ms=2000) or 0) >= end
                except KafkaError:
                    # the group's coordinator is away; a broker that stays silent is noticed
                    # elsewhere
                    done = False
            if not done:
                return False
        return True

    def _drained(self, consumer: KafkaConsumer) -> dict[Partition, bool]:
        """For each partition of ours, whether its end as the last answer showed it was reached;
        never on old news.
        """
        fresh_news = self._monotonic() - self._answered_at < self._patience.quiet_seconds * 2
        drained = {}
        for tp in consumer.assignment():
            end, position = consumer.highwater(tp), self._position(consumer, tp)
            drained[self._partition(tp)] = (
                fresh_news and end is not None and position is not None and position >= end
            )
            if end is not None and position is not None:
                LAG.labels(self._topic, str(tp.partition)).set(max(0, end - position))
        return drained

    def _position(self, consumer: KafkaConsumer, tp: TopicPartition) -> int | None:
        """The next offset that poll would return; None before the first fetch, without asking
        anybody.
        """
        if consumer.highwater(tp) is None:
            return None
        with in_our_words(f"asking {self._brokers} for our place in {self._topic}"):
            position = consumer.position(tp, timeout_ms=1000)
        return int(position) if position is not None else None

    def _all_partitions(self) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in range(self._facts.partitions)]

    def _partition(self, tp: TopicPartition) -> Partition:
        return Partition(self._facts.source_id, tp.topic, tp.partition)

    def _tp(self, partition: Partition) -> TopicPartition:
        return TopicPartition(partition.topic, partition.partition)

    def _forget_lag(self, partitions: Any) -> None:
        for tp in partitions:
            LAG.remove(self._topic, str(tp.partition))


def _headers(pairs: Iterable[tuple[str, bytes | None]]) -> Mapping[str, bytes]:
    return {name: value or b"" for name, value in pairs} if pairs else NO_HEADERS
