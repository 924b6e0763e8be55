"""A Kafka endpoint inside this process, for a demo without Java: librdkafka's mock cluster.

Kept in memory only, 5 MB a partition, no topic ids, no admin requests; kafka-python must be told `api_version=(2, 3)`.
https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
"""

import threading
import uuid
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from monitor.errors import SourceUnavailable

API_VERSION = (2, 3)
PARTITIONS = 4
KEPT_BYTES = 5 * 1024 * 1024
"""What the mock keeps of a partition; older records go without a word."""


class EmbeddedKafka:
    """Starts at once and lives until `stop`. Other processes may connect to `bootstrap` (127.0.0.1, a free port).

    `salt` differs for each start: its offsets begin again at 0, so sources must take it as another log.
    """

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self._host: Producer | None = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        self._lock = threading.Lock()
        self.salt = uuid.uuid4().hex
        self.options: Mapping[str, Any] = MappingProxyType(
            {"api_version": API_VERSION, "session_timeout_ms": 6000}
        )  # its slowest rejoin waits that long
        brokers = self._host.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self.ensure_topics(topics)

    def ensure_topics(self, names: Iterable[str]) -> None:
        """Make these topics (4 partitions each) unless they are there; asking for one makes it."""
        for name in names:
            self._running().list_topics(name, timeout=10)

    def overruns(self, group: str, topics: Iterable[str]) -> dict[str, int]:
        """Per topic, how many records the mock has already dropped that the group has not committed: lost to it.

        Call it now and then while a demo runs; anything above 0 means that a collector was too slow for the 5 MB.
        """
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False})
        lost: dict[str, int] = {}
        try:
            for topic in topics:
                partitions = [
                    TopicPartition(topic, number)
                    for number in self._running().list_topics(topic, timeout=10).topics[topic].partitions
                ]
                for committed in consumer.committed(partitions, timeout=10):
                    low, _ = consumer.get_watermark_offsets(TopicPartition(topic, committed.partition), timeout=10)
                    lost[topic] = lost.get(topic, 0) + max(0, low - max(0, committed.offset))
        except KafkaException as error:
            raise SourceUnavailable(
                f"embedded Kafka at {self.bootstrap} does not answer: {error}; start the demo again"
            ) from error
        finally:
            consumer.close()
        return {topic: count for topic, count in lost.items() if count}

    def stop(self) -> None:
        """End the cluster and forget all it held. May be called twice."""
        with self._lock:
            self._host = None  # librdkafka ends the mock cluster with its last handle

    def _running(self) -> Producer:
        if (host := self._host) is None:
            raise SourceUnavailable("embedded Kafka was stopped; start another one")
        return host
