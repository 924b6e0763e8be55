"""One small producer for spans, API logs, deploy events and orders: bounded, never blocking, its losses counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaException, Producer

from monitor.errors import SourceUnavailable

Options = Mapping[str, Any]

_NAMES = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "ssl_crlfile": "ssl.crl.location",
}
"""kafka-python's connection settings in librdkafka's words; the rest of its settings are about reading."""

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
    """Where a record goes. Never blocks, never raises; what cannot be taken is counted by the sink."""

    def send(self, topic: str, value: bytes, headers: Mapping[str, str] | None = None, key: str | None = None) -> None:
        """Take one record."""


def client_options(options: Options) -> dict[str, str]:
    """kafka-python's connection settings (security_protocol, sasl_..., ssl_...) as librdkafka's; dotted names pass as they are."""
    translated = {_NAMES.get(name, name): str(value) for name, value in options.items() if name in _NAMES or "." in name}
    if options.get("ssl_check_hostname") is False:
        translated["ssl.endpoint.identification.algorithm"] = "none"
    return translated


@dataclass(slots=True)
class Losses:
    """Records that were not delivered: refused because the queue was full, or failed on the way."""

    refused: int = 0
    failed: int = 0


class KafkaSink:
    """A confluent-kafka producer behind `Sink`. Safe between threads. Close it to flush."""

    def __init__(self, bootstrap: str, options: Options) -> None:
        self.losses = Losses()
        self._producer = Producer({"bootstrap.servers": bootstrap, **_BOUNDS, **client_options(options)})

    def send(self, topic: str, value: bytes, headers: Mapping[str, str] | None = None, key: str | None = None) -> None:
        """Queue one record; a full queue drops it and counts."""
        try:
            self._producer.produce(topic, value, key, headers=dict(headers) if headers else None, on_delivery=self._delivered)
        except BufferError:
            self.losses.refused += 1
        self._producer.poll(0)

    def close(self, seconds: float = 3.0) -> None:
        """Send what is queued, for so long at most."""
        self._producer.flush(seconds)

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self.losses.failed += 1


def ensure_topics(bootstrap: str, topics: tuple[str, ...], options: Options, seconds: float = 15.0) -> None:
    """Make sure the topics exist, by asking for them (brokers create on demand where they are allowed to).

    Raises SourceUnavailable when the broker does not answer or a topic does not come up.
    """
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 2, **client_options(options)})
    for topic in topics:
        try:
            metadata = producer.list_topics(topic, timeout=seconds).topics[topic]
        except KafkaException as error:
            reason = f"Kafka at {bootstrap} does not answer: {error.args[0].str()}; start it or change the address"
            raise SourceUnavailable(reason) from error
        tries = 0
        while metadata.error is not None and tries < 20:
            tries += 1
            metadata = producer.list_topics(topic, timeout=seconds).topics[topic]
            producer.poll(0.25)
        if metadata.error is not None:
            reason = f"topic {topic} at {bootstrap} does not exist and is not created on demand ({metadata.error}); create it"
            raise SourceUnavailable(reason)
