"""What both Kafka clients are told of the topic that they read, and how long they wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitor.clock import monotonic_seconds
from monitor.streams.batching import BOUNDS, Bounds, Gathering
from monitor.streams.kafka_client import TopicFacts

START = Literal["earliest", "latest"]

NO_HEADERS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source waits before it complains, in seconds."""

    connect_seconds: float = 10.0
    quiet_seconds: float = 5.0  # without records, ask the broker for end offsets this often
    stall_seconds: float = 20.0  # after so long without any answer the source is unavailable
    commit_seconds: float = 15.0
    # of polling without records, after which a consumer that should have some is built anew
    stuck_seconds: float = 60.0
    # a member without partitions for so long looks whether the others caught up
    join_seconds: float = 60.0


class Subscribed:
    """One member of a consumer group on one topic, before it connects.

    `start` is where a partition without a committed offset begins. `options` are the client's own
    (SASL, TLS, client_id …) and win over ours. `source_salt` tells one start of a broker without
    topic ids from the next. `until_caught_up` ends once the whole group has read up to the end
    offsets seen at the start.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        group: str,
        *,
        options: Mapping[str, Any] | None = None,
        start: START = "earliest",
        until_caught_up: bool = False,
        max_batch_bytes: int = BOUNDS.payload_bytes,
        max_batch_records: int = BOUNDS.records,
        max_batch_seconds: float = BOUNDS.seconds,
        poll_seconds: float = BOUNDS.poll_seconds,
        patience: Patience | None = None,
        source_salt: str = "",
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._brokers, self._topic, self._group = brokers, topic, group
        self._options, self._start, self._until_caught_up = (
            dict(options or {}),
            start,
            until_caught_up,
        )
        self._bounds = Bounds(max_batch_bytes, max_batch_records, max_batch_seconds, poll_seconds)
        self._patience, self._salt, self._monotonic = (
            patience or Patience(),
            source_salt,
            monotonic,
        )
        self._facts = TopicFacts("", "", 0)
        self._gathering = Gathering()
        self._answered_at = self._asked_at = self._joined_at = 0.0
        self._begin()

    def _begin(self) -> None:
        """What one client keeps beside this. An `__init__` of its own would have to name all
        arguments again.
        """
        raise NotImplementedError
