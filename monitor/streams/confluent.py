"""A Kafka topic as a source through confluent-kafka (librdkafka): less CPU, the same promises as
`kafka.KafkaSource`.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from monitor.errors import ConfigError, SourceUnavailable
from monitor.model.records import REJECT_HEADER, Offsets, Partition, Records
from monitor.streams.batching import batches
from monitor.streams.idleness import Idleness
from monitor.streams.kafka_client import (
    deleted,
    in_our_words,
    last_of_batch,
    made_anew,
    partitions_of_nobody,
    stuck,
    topic_facts,
)
from monitor.streams.subscribed import NO_HEADERS, Subscribed
from monitor.telemetry import LAG

log = structlog.get_logger(__name__)

NAMES: Mapping[str, str] = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "client_id": "client.id",
    "session_timeout_ms": "session.timeout.ms",
    "max_poll_interval_ms": "max.poll.interval.ms",
}
"""kafka-python's options in librdkafka's words, so that one setting serves both clients; names
with dots pass as they are.
"""

DEFAULTS: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "allow.auto.create.topics": False,
    "check.crcs": True,
    "session.timeout.ms": 12_000,
    "max.poll.interval.ms": 300_000,
    "queued.max.messages.kbytes": 32_768,
    # once so much waits, librdkafka asks no partition for that long: by itself for 1 s, which is
    # longer than a batch takes, and a backlog was read at half of the pace
    "fetch.queue.backoff.ms": 50,
    "receive.message.max.bytes": 100_000_000,
    "log_level": 3,
}
FENCED = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001  # librdkafka's own codes begin so
)


def rdkafka_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """kafka-python's options for librdkafka; `api_version` is left out, since librdkafka asks the
    broker.
    """
    unknown = [
        name for name in options if "." not in name and name not in NAMES and name != "api_version"
    ]
    if unknown:
        raise ConfigError(
            f"kafka options {', '.join(unknown)} mean nothing to confluent-kafka; write them as librdkafka does, with dots"
        )
    return {
        NAMES.get(name, name): value for name, value in options.items() if name != "api_version"
    }


FEW, MOST = 100, 1000
"""How many messages are taken at once: before their size is known, and at most. A thousand large
ones were four batches in one.
"""


class ConfluentSource(Subscribed):
    """As `KafkaSource`, argument by argument. `options` may be kafka-python's or (with dots)
    librdkafka's own.

    Decompression happens in librdkafka, which bounds zstd by receive.message.max.bytes and gzip,
    lz4 and snappy not at all. A batch that it cannot decode is measured by a short-lived
    kafka-python consumer and stepped over like any other.
    """

    def _begin(self) -> None:
        self._consumer: Consumer | None = None
        self._admin: AdminClient | None = None
        self._ours: set[int] = set()
        self._reached: dict[int, int] = {}
        self._most = FEW
        self._idle: Idleness[int] = Idleness(
            self._patience.stuck_seconds, self._patience.quiet_seconds
        )

    def poll(self) -> Iterator[Records]:
        """Connects at the first step. See `Source.poll`; a batch is held back until it is full or
        old enough.
        """
        consumer = self._connect()
        targets = self._ends(consumer) if self._until_caught_up else {}

        def gather(wait_seconds: float) -> None:
            begun = self._monotonic()
            with self._in_our_words(f"reading {self._topic}"):
                messages = consumer.consume(self._most, timeout=min(wait_seconds, 0.2))
                self._idle.polled(self._monotonic() - begun, found=bool(messages))
                before, count = self._gathering.payload_bytes, len(self._gathering)
                self._take_in(consumer, messages)
            if (more := len(self._gathering) - count) > 0:
                average = max(1.0, (self._gathering.payload_bytes - before) / more)
                self._most = max(1, min(MOST, int(self._bounds.payload_bytes / 4 / average)))
            self._watch()
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
        chosen = [
            TopicPartition(self._topic, partition.partition, offset)
            for partition, offset in offsets.items()
            if partition.source_id == self._facts.source_id and partition.partition in self._ours
        ]
        if self._consumer is None or not chosen:
            return
        try:
            with self._in_our_words(f"took no commit of {self._topic}"):
                self._consumer.commit(offsets=chosen, asynchronous=False)
        except SourceUnavailable as error:
            cause = error.__cause__
            if not isinstance(cause, KafkaException) or cause.args[0].code() not in FENCED:
                raise
            log.warning(
                "commit came too late; these records are read again",
                topic=self._topic,
                group=self._group,
            )

    def close(self) -> None:
        """See `Source.close`."""
        consumer, self._consumer, self._admin = self._consumer, None, None
        if consumer is not None:
            self._forget(set(self._ours))
            consumer.close()

    def _connect(self) -> Consumer:
        settings = {
            **DEFAULTS,
            **rdkafka_options(self._options),
            "bootstrap.servers": self._brokers,
            "group.id": self._group,
        }
        undotted = {name: value for name, value in self._options.items() if "." not in name}
        self._facts = topic_facts(
            self._brokers, self._topic, undotted, self._salt, self._patience.connect_seconds
        )
        try:
            consumer = Consumer(settings, logger=logging.getLogger("confluent_kafka"))
        except (KafkaException, ValueError, TypeError) as error:
            raise ConfigError(
                f"confluent-kafka refuses the kafka options: {error}; correct them"
            ) from error
        self._admin = AdminClient(settings, logger=logging.getLogger("confluent_kafka"))
        consumer.subscribe(
            [self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        self._consumer = consumer
        self._answered_at = self._asked_at = self._joined_at = self._monotonic()
        return consumer

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin at what was committed; without that at the start wanted. One that comes while we
        leave is not taken up.
        """
        if self._consumer is None:
            return
        for tp in consumer.committed(partitions, timeout=self._patience.connect_seconds):
            self._ours.add(tp.partition)
            if tp.offset >= 0:
                self._gathering.expect(self._partition(tp.partition), tp.offset)
            elif self._start == "latest":
                _, tp.offset = consumer.get_watermark_offsets(
                    tp, timeout=self._patience.connect_seconds
                )
                self._gathering.expect(self._partition(tp.partition), tp.offset)
                consumer.commit(offsets=[tp], asynchronous=True)
            next(each for each in partitions if each.partition == tp.partition).offset = tp.offset
        consumer.assign(partitions)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget({tp.partition for tp in partitions})

    def _forget(self, numbers: set[int]) -> None:
        self._gathering.drop(map(self._partition, numbers))
        for number in numbers & self._ours:
            LAG.remove(self._topic, str(number))
            self._reached.pop(number, None)
        self._ours -= numbers

    def _take_in(self, consumer: Consumer, messages: list[Message]) -> None:
        for message in messages:
            number, offset = int(message.partition() or 0), int(message.offset() or 0)
            if (error := message.error()) is not None:
                self._take_in_error(consumer, error, number, offset)
                continue
            self._answered_at = self._monotonic()
            partition = self._partition(number)
            if number not in self._ours:
                continue
            if not self._gathering.follows(partition, offset):
                raise made_anew(
                    self._brokers,
                    self._topic,
                    f"partition {number} begins again at offset {offset}",
                )
            pairs: Any = message.headers() or ()
            headers = {name: value or b"" for name, value in pairs} or NO_HEADERS
            self._gathering.add(
                message.value() or b"", partition, offset, message.timestamp()[1], headers
            )

    def _take_in_error(
        self, consumer: Consumer, error: KafkaError, number: int, offset: int
    ) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # librdkafka's own codes begin so
            self._reached[number] = offset
            self._answered_at = self._monotonic()
        elif (
            error.code() in (KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION)  # noqa: SLF001  # as above
            and number in self._ours
        ):
            if offset < (self._gathering.expected(self._partition(number)) or 0):
                return  # said twice; we are past it already
            undotted = {name: value for name, value in self._options.items() if "." not in name}
            last, reason = last_of_batch(
                self._brokers,
                self._topic,
                number,
                offset,
                undotted,
                self._patience.connect_seconds,
            )
            self._gathering.add(
                b"", self._partition(number), last, 0, {REJECT_HEADER: reason.encode()}
            )
            consumer.seek(TopicPartition(self._topic, number, last + 1))
        elif error.fatal() or error.code() in (
            KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
        ):
            raise SourceUnavailable(
                f"Kafka topic {self._topic} at {self._brokers}: {error.str()}; check the topic and its ACLs"
            )

    def _watch(self) -> None:
        """Every few seconds ask which topic it is now: librdkafka reads nothing for ever of one
        that was made anew, and says nothing.

        Silence is not health: without an answer for long, say so.
        """
        now = self._monotonic()
        if now - self._asked_at < self._patience.quiet_seconds or self._admin is None:
            return
        self._asked_at = now
        asked = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=3)[
            self._topic
        ]
        try:
            topic_id = asked.result().topic_id
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise deleted(self._brokers, self._topic) from error
            silent = self._monotonic() - self._answered_at
            if silent >= self._patience.stall_seconds:
                text = f"Kafka at {self._brokers} has not answered for {silent:.0f} s ({error.args[0].str()})"
                raise SourceUnavailable(f"{text}; is the broker paused or down?") from error
            return
        self._answered_at = self._monotonic()
        halves = (topic_id.get_most_significant_bits(), topic_id.get_least_significant_bits())
        self._facts.check_same(
            self._brokers, self._topic, "".join(f"{half % 2**64:016x}" for half in halves)
        )

    def _check_stuck(self, consumer: Consumer) -> None:
        """As `KafkaSource._check_stuck`."""
        seconds = self._idle.seconds

        def unread() -> int:
            undotted = {name: value for name, value in self._options.items() if "." not in name}
            limit = self._patience.connect_seconds
            return len(
                partitions_of_nobody(
                    self._brokers,
                    self._topic,
                    self._group,
                    self._facts.partitions,
                    undotted,
                    limit,
                )
            )

        def ends() -> Mapping[int, int] | None:
            offsets = {}
            for number in self._ours:
                try:
                    _, offsets[number] = consumer.get_watermark_offsets(
                        TopicPartition(self._topic, number), timeout=3
                    )
                except KafkaException:
                    return None
            return offsets

        why = self._idle.trouble(
            assigned=bool(self._ours), unread=unread, ends=ends, reached=self._position
        )
        if why:
            raise stuck(self._brokers, self._topic, seconds, why)

    def _ends(self, consumer: Consumer) -> dict[int, int]:
        """End offsets now, of the partitions that hold anything."""
        ends = {}
        with self._in_our_words(f"asking for the ends of {self._topic}"):
            for number in range(self._facts.partitions):
                low, high = consumer.get_watermark_offsets(
                    TopicPartition(self._topic, number), timeout=self._patience.connect_seconds
                )
                if high > low:
                    ends[number] = high
        return ends

    def _caught_up(self, consumer: Consumer, targets: Mapping[int, int]) -> bool:
        """Whether every partition was read (ours) or committed (other members') up to
        its target.
        """
        if (
            not self._ours
            and targets
            and self._monotonic() - self._joined_at < self._patience.join_seconds
        ):
            return False
        others = [
            TopicPartition(self._topic, number) for number in targets if number not in self._ours
        ]
        if not all(
            self._has_read(number, end) for number, end in targets.items() if number in self._ours
        ):
            return False
        try:
            committed = consumer.committed(others, timeout=2) if others else []
        except KafkaException:
            # the group's coordinator is away; a broker that stays silent is noticed elsewhere
            return False
        return all(tp.offset >= targets[tp.partition] for tp in committed)

    def _has_read(self, number: int, end: int) -> bool:
        """Up to this end; a place that was committed beyond it is believed only once the broker
        answered there.
        """
        answered = number in self._reached or self._gathering.has_begun(self._partition(number))
        return self._position(number) >= end if answered else self._position(number) == end

    def _position(self, number: int) -> int:
        """The next offset to read; past transaction markers once the partition's end was met."""
        return max(
            self._gathering.expected(self._partition(number)) or 0, self._reached.get(number, 0)
        )

    def _drained(self, consumer: Consumer) -> dict[Partition, bool]:
        """For each partition of ours, whether its end as the last answer showed it was reached;
        never on old news.
        """
        fresh_news = self._monotonic() - self._answered_at < self._patience.quiet_seconds * 2
        drained = {}
        for number in self._ours:
            _, end = consumer.get_watermark_offsets(
                TopicPartition(self._topic, number), cached=True
            )
            position = self._position(number)
            drained[self._partition(number)] = fresh_news and 0 <= end <= position
            if end >= 0:
                LAG.labels(self._topic, str(number)).set(max(0, end - position))
        return drained

    def _partition(self, number: int) -> Partition:
        return Partition(self._facts.source_id, self._topic, number)

    def _in_our_words(self, doing: str) -> Any:
        return in_our_words(f"Kafka at {self._brokers}: {doing}")
