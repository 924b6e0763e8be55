"""What to ask of kafka-python: options, what a topic is called for ever, and its errors in our
words.
"""

import contextlib
import hashlib
import importlib
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import (
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    UnrecognizedBrokerVersion,
)

from monitor.clock import monotonic_seconds
from monitor.errors import ConfigError, SourceUnavailable, TopicMissing
from monitor.model.records import REJECT_HEADER
from monitor.streams.bounded import bound_batches
from monitor.streams.joins import finish_joins
from monitor.streams.last_words import hear_last_words

CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "enable_auto_commit": False,
    # when the committed offset is gone, read what is left; what is not is counted as lost
    "auto_offset_reset": "earliest",
    "allow_auto_create_topics": False,
    "session_timeout_ms": 12_000,
    "heartbeat_interval_ms": 3_000,
    "max_poll_interval_ms": 300_000,
    "request_timeout_ms": 15_000,
    "metadata_max_age_ms": 10_000,
    "reconnect_backoff_max_ms": 2_000,
    "fetch_max_bytes": 16 * 1024 * 1024,
    # how long a broker waits for the first record before it answers that there is none: each such
    # answer costs some ms of CPU, and three topics without traffic cost more than all else at rest
    "fetch_max_wait_ms": 2_000,
    "metrics_enabled": False,
}
Client = TypeVar("Client")
CODECS = ("crc32c", "lz4.frame", "snappy", "zstandard")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as its cluster knows it. `source_id` is 16 hex digits, another one when the topic is
    made anew.
    """

    source_id: str
    topic_id: str
    partitions: int

    def check_same(self, brokers: str, topic: str, topic_id: object) -> None:
        """Raise `SourceUnavailable` when the topic has another id now; brokers older than 2.8 tell
        none.
        """
        current = str(topic_id or "").replace("-", "")
        if self.topic_id and current.strip("0") and current != self.topic_id:
            raise made_anew(brokers, topic, "its id changed")


def made_anew(brokers: str, topic: str, how: str) -> SourceUnavailable:
    """What is read now is another log than before."""
    return SourceUnavailable(
        f"Kafka topic {topic} at {brokers} was made anew ({how}); reading it as another source"
    )


def deleted(brokers: str, topic: str) -> TopicMissing:
    """The topic was there and is no more."""
    return TopicMissing(
        f"Kafka topic {topic} at {brokers} was deleted; create it again or correct the topic setting"
    )


def source_id(cluster_id: str, topic: str, topic_id: str, salt: str) -> str:
    """Names the log for ever: a hash of cluster and topic id; `salt` stands in where a broker
    knows no topic ids.
    """
    text = "\0".join((cluster_id, topic_id) if topic_id else (cluster_id, topic, salt))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def check_codecs() -> None:
    """Raise `ConfigError` unless every codec and the native checksum can be imported.

    Without a codec a compressed topic cannot be read; without crc32c reading costs 20 times the
    CPU.
    """
    missing = []
    for module in CODECS:
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(module)
    if missing:
        raise ConfigError(
            f"Kafka codecs {', '.join(missing)} cannot be imported; install kafka-python[crc32c,lz4,snappy,zstd] again"
        )


def client_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as kafka-python wants them; `api_version` may be text ("2.3") or a sequence."""
    wanted = dict(options)
    version = wanted.get("api_version")
    if isinstance(version, str):
        wanted["api_version"] = (
            tuple(int(part) for part in version.split(".")) if version.strip() else None
        )
    elif version is not None:
        wanted["api_version"] = tuple(version)
    return wanted


@contextmanager
def in_our_words(doing: str) -> Iterator[None]:
    """Kafka's errors as `ConfigError` (an option is wrong) or `SourceUnavailable`; `doing` says
    what and where.
    """
    try:
        yield
    except (KafkaConfigurationError, UnrecognizedBrokerVersion, AssertionError) as error:
        raise ConfigError(f"{doing}: {error}; correct the kafka options") from error
    except (KafkaError, KafkaException, OSError) as error:
        text = str(error) or type(error).__name__
        raise SourceUnavailable(
            f"{doing}: {text}; is the broker up, and are address, TLS and SASL settings right?"
        ) from error


class _Causes(logging.Handler):
    """Why connections failed: kafka-python tells it to its log alone, and raises that it could not
    bootstrap.
    """

    FAILED = re.compile(r"Bootstrap connection to \S+ failed: (.*) \(backoff")
    LOGGER = logging.getLogger("kafka.net.manager")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: deque[tuple[float, str]] = deque(maxlen=50)

    def listen(self) -> float:
        """Hear of failures from now on, in place of the log; the moment it is."""
        if self not in self.LOGGER.handlers:
            self.LOGGER.addHandler(self)
            self.LOGGER.setLevel(logging.WARNING)
            self.LOGGER.propagate = False
        return monotonic_seconds()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the cause."""
        if match := self.FAILED.match(record.getMessage()):
            self._said.append((monotonic_seconds(), match[1]))

    def since(self, moment: float) -> str:
        """The causes since that moment; that a refused login's connection was dropped, too, only
        when nothing else is known.
        """
        causes = list(dict.fromkeys(cause for at, cause in list(self._said) if at >= moment))
        return "; ".join(
            [cause for cause in causes if "socket disconnected" not in cause] or causes
        )


_causes = _Causes()


def _built(kind: Callable[..., Client], **settings: Any) -> Client:
    """The client, or its error; without this a client that cannot connect leaves its I/O thread
    and sockets behind.
    """
    inner: list[Any] = []
    hear_last_words()
    finish_joins()
    begun = _causes.listen()

    def make_inner(**configs: Any) -> Any:
        made = KafkaConsumer.DEFAULT_CONFIG["kafka_client"](**configs)
        # kafka-python does not hand `allow_auto_create_topics` on: asking for a deleted topic's
        # metadata made it anew
        made.cluster.config["allow_auto_create_topics"] = False
        inner.append(made)
        return made

    with contextlib.ExitStack() as undo:
        undo.callback(lambda: [each.close() for each in inner])
        try:
            built = kind(kafka_client=make_inner, **settings)
        except KafkaTimeoutError as error:
            raise KafkaTimeoutError(_causes.since(begun) or str(error)) from error
        undo.pop_all()
        return built


def open_admin(
    brokers: str, options: Mapping[str, Any], timeout_seconds: float
) -> KafkaAdminClient:
    """An admin client; close it. Options that only consumers know are left out."""
    known = {
        name: value
        for name, value in client_options(options).items()
        if name in KafkaAdminClient.DEFAULT_CONFIG
    }
    timeout_ms = int(timeout_seconds * 1000)
    settings = {"request_timeout_ms": timeout_ms, "bootstrap_timeout_ms": timeout_ms, **known}
    return _built(KafkaAdminClient, bootstrap_servers=brokers.split(","), **settings)


def open_consumer(
    brokers: str, group: str | None, options: Mapping[str, Any], timeout_seconds: float
) -> KafkaConsumer:
    """A consumer that has not subscribed yet; close it."""
    settings = {
        **CONSUMER_DEFAULTS,
        "bootstrap_timeout_ms": int(timeout_seconds * 1000),
        **client_options(options),
    }
    settings["enable_auto_commit"] = False
    consumer = _built(
        KafkaConsumer, bootstrap_servers=brokers.split(","), group_id=group, **settings
    )
    _read_evenly(consumer._fetcher)  # noqa: SLF001  # the one place that decides when to ask
    return consumer


def _read_evenly(fetcher: Any) -> None:
    """Ask for more once all that came was handed on, and of all partitions then.

    kafka-python asks while a part of the last answer is left, and leaves its partition out, which
    is mostly the same one: of a long backlog two of four partitions came to be 200 s ahead of the
    others, and every window waits for the last one.
    """
    handed_on = fetcher.fetched_records

    def fetched_records(max_records: int | None = None, *, update_offsets: bool = True) -> Any:
        records, more = handed_on(max_records, update_offsets=update_offsets)
        return records, more or bool(fetcher._next_partition_records)  # noqa: SLF001  # what is left

    fetcher.fetched_records = fetched_records


def topic_facts(
    brokers: str, topic: str, options: Mapping[str, Any], salt: str, timeout_seconds: float
) -> TopicFacts:
    """What the cluster says of the topic. Raises `SourceUnavailable` when it does not answer or
    has no such topic.
    """
    with in_our_words(f"Kafka at {brokers} does not answer"):
        admin = open_admin(brokers, options, timeout_seconds)
        try:
            cluster_id = str(admin.describe_cluster().get("cluster_id") or "")
            topics = admin.describe_topics([topic])
        finally:
            admin.close()
    partitions = len(topics[0]["partitions"]) if topics else 0
    if not partitions:
        code = topics[0]["error_code"] if topics else 3
        hidden = code == 29  # TOPIC_AUTHORIZATION_FAILED
        why = "we may not see it (its ACLs refuse us)" if hidden else "it does not exist"
        kind = SourceUnavailable if hidden else TopicMissing
        raise kind(
            f"Kafka topic {topic} at {brokers}: {why}; create the topic or correct the topic setting"
        )
    topic_id = str(topics[0].get("topic_id") or "").replace("-", "")
    if not topic_id.strip("0"):
        topic_id = ""
    return TopicFacts(source_id(cluster_id, topic, topic_id, salt), topic_id, partitions)


def topics_of(brokers: str, options: Mapping[str, Any], timeout_seconds: float) -> list[str]:
    """The names of all topics that we may see, without Kafka's own. Raises `SourceUnavailable`
    when the cluster does not answer.
    """
    with in_our_words(f"Kafka at {brokers} does not answer"):
        admin = open_admin(brokers, options, timeout_seconds)
        try:
            return sorted(name for name in admin.list_topics() if not name.startswith("__"))
        finally:
            admin.close()


def partitions_of_nobody(
    brokers: str,
    topic: str,
    group: str,
    partitions: int,
    options: Mapping[str, Any],
    timeout_seconds: float,
) -> set[int]:
    """The topic's partitions that no member of the group has. All of them while the group
    rebalances or cannot be asked.
    """
    everything = set(range(partitions))
    answers: list[Mapping[str, Any]] = []
    try:
        admin = open_admin(brokers, options, timeout_seconds)
    except (KafkaError, OSError):
        return everything

    def ask() -> None:
        with contextlib.suppress(KafkaError, OSError):
            answers.append(admin.describe_groups([group])[group])

    # the client has no time limit for this question
    asking = threading.Thread(target=ask, name="kafka-group", daemon=True)
    asking.start()
    asking.join(timeout_seconds)
    admin.close()
    owned = [
        number
        for member in (answers[0].get("members", ()) if answers else ())
        if isinstance(member.get("member_assignment"), Mapping)
        for each in member["member_assignment"].get("assigned_partitions", ())
        if each["topic"] == topic
        for number in each["partitions"]
    ]
    return everything - set(owned)


def stuck(brokers: str, topic: str, seconds: float, how: str) -> SourceUnavailable:
    """The consumer stands still although there is something to do: a new one may not."""
    return SourceUnavailable(
        f"Kafka topic {topic} at {brokers}: {how} for {seconds:.0f} s; the consumer is built anew"
    )


def last_of_batch(
    brokers: str,
    topic: str,
    number: int,
    offset: int,
    options: Mapping[str, Any],
    timeout_seconds: float,
) -> tuple[int, str]:
    """The last offset of the bad batch that `offset` lies in, and why it is bad; the offset itself
    when nothing shows it.
    """
    bound_batches()
    tp = TopicPartition(topic, number)
    with in_our_words(f"looking at the bad batch at {topic} {number} {offset} at {brokers}"):
        consumer = open_consumer(brokers, None, options, timeout_seconds)
        try:
            consumer.assign([tp])
            consumer.seek(tp, offset)
            rows = consumer.poll(timeout_ms=int(timeout_seconds * 1000), max_records=1).get(tp, [])
        finally:
            consumer.close(autocommit=False)
    headers = dict(rows[0].headers) if rows else {}
    if REJECT_HEADER in headers and rows[0].offset >= offset:
        return rows[0].offset, headers[REJECT_HEADER].decode()
    return offset, "undecodable_batch: refused by librdkafka"
