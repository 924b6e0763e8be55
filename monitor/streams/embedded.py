"""A Kafka endpoint inside this process, for a demo without Java: librdkafka's mock cluster.

Kept in memory only, 5 MB a partition, no topic ids, no admin requests; kafka-python must be told
`api_version=(2, 3)`. https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
"""

import threading
import uuid
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from confluent_kafka import Producer

from monitor.errors import SourceUnavailable

API_VERSION = (2, 3)
PARTITIONS = 4


class EmbeddedKafka:
    """Starts at once and lives until `stop`. Other processes may connect to `bootstrap`
    (127.0.0.1, a free port).

    `salt` differs for each start: its offsets begin again at 0, so sources must take it as another
    log.
    """

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self._host: Producer | None = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        self._lock = threading.Lock()
        self.salt = uuid.uuid4().hex
        # its slowest rejoin waits that long
        self.options: Mapping[str, Any] = MappingProxyType(
            {"api_version": API_VERSION, "session_timeout_ms": 6000}
        )
        brokers = self._host.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self.ensure_topics(topics)

    def ensure_topics(self, names: Iterable[str]) -> None:
        """Make these topics (4 partitions each) unless they are there; asking for one makes it."""
        for name in names:
            self._running().list_topics(name, timeout=10)

    def stop(self) -> None:
        """End the cluster and forget all it held. May be called twice."""
        with self._lock:
            self._host = None  # librdkafka ends the mock cluster with its last handle

    def _running(self) -> Producer:
        if (host := self._host) is None:
            raise SourceUnavailable("embedded Kafka was stopped; start another one")
        return host
