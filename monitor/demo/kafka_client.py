"""One small producer for spans, API logs, deploy events and orders: bounded, never blocking, its
losses counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from monitor.errors import SourceUnavailable

Options = Mapping[str, str]
"""Connection settings in librdkafka's words: security.protocol, sasl.username,
ssl.ca.location ...
"""

PARTITIONS = 4

_BOUNDS: dict[str, str | int | float | bool] = {
    "linger.ms": 100,
    "queue.buffering.max.messages": 20_000,
    "queue.buffering.max.kbytes": 32_768,
    "message.timeout.ms": 30_000,
    "compression.type": "lz4",
    "acks": "1",
    "delivery.report.only.error": True,
    "log_level": 2,
}


class Sink(Protocol):
    """Where a record goes. Never blocks, never raises; what cannot be taken is counted by the
    sink.
    """

    def send(
        self,
        topic: str,
        value: bytes,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> None:
        """Take one record."""


@dataclass(slots=True)
class Losses:
    """Records that were not delivered: refused because the queue was full, or failed
    on the way.
    """

    refused: int = 0
    failed: int = 0


class KafkaSink:
    """A confluent-kafka producer behind `Sink`. Safe between threads. Close it to flush."""

    def __init__(self, bootstrap: str, options: Options) -> None:
        self.losses = Losses()
        self._producer = Producer({"bootstrap.servers": bootstrap, **_BOUNDS, **options})

    def send(
        self,
        topic: str,
        value: bytes,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> None:
        """Queue one record; a full queue drops it and counts."""
        try:
            self._producer.produce(
                topic,
                value,
                key,
                headers=dict(headers) if headers else None,
                on_delivery=self._delivered,
            )
        except BufferError:
            self.losses.refused += 1
        self._producer.poll(0)

    def close(self, seconds: float = 3.0) -> None:
        """Send what is queued, for so long at most."""
        self._producer.flush(seconds)

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self.losses.failed += 1


def ensure_topics(
    bootstrap: str, topics: tuple[str, ...], options: Options, seconds: float = 15.0
) -> None:
    """Make sure the topics exist: brokers that create on demand do so when asked for one, others
    are told to.

    Raises SourceUnavailable when the broker does not answer or refuses a topic.
    """
    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap,
        "log_level": 2,
        **options,
    }
    asking = Producer(settings)
    missing = []
    for topic in topics:
        try:
            if asking.list_topics(topic, timeout=seconds).topics[topic].error is not None:
                missing.append(topic)
        except KafkaException as error:
            reason = f"Kafka at {bootstrap} does not answer: {error.args[0].str()}; start it or correct address and credentials"
            raise SourceUnavailable(reason) from error
    if missing:
        # held while it works: librdkafka gives up with its last handle
        admin = AdminClient(settings)
        created = admin.create_topics([NewTopic(topic, PARTITIONS) for topic in missing])
        for topic, done in created.items():
            try:
                done.result(seconds)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    reason = f"topic {topic} at {bootstrap} cannot be created: {error.args[0].str()}; create it"
                    raise SourceUnavailable(reason) from error
