"""Hooks for kafka-python: what a producer sends and what a consumer polls.
https://kafka-python.readthedocs.io/
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .capture import Capture
from .heard import UNKNOWN, Batch, Last, Overhearing, Unheard, is_watched, marked

_VALUE, _HEADERS, _TIME = (1, "value"), (3, "headers"), (5, "timestamp_ms")


def watch_kafka(client: Any, capture: Capture) -> Any:
    """Capture what a kafka-python `KafkaProducer` sends or a `KafkaConsumer` takes from now on;
    returns the client.

    Values are told as they travel, behind a serialiser. A record that could not be sent is not
    told. Raises TypeError for what is neither.
    """
    if is_watched(getattr(client, "send", getattr(client, "poll", None)), capture):
        return client
    if hasattr(client, "send") and hasattr(client, "config"):
        _watch_producer(client, capture)
    elif hasattr(client, "poll") and hasattr(client, "subscription"):
        _watch_consumer(client, capture)
    else:
        raise TypeError(
            f"watch_kafka takes a KafkaProducer or KafkaConsumer of kafka-python, not {type(client).__name__}"
        )
    return client


def _watch_producer(producer: Any, capture: Capture) -> None:
    send, last = producer.send, Last()
    serialiser = producer.config.get("value_serializer")
    if serialiser is not None:
        producer.config["value_serializer"] = Overhearing(serialiser, last.sent)

    def sending(*given: Any, **named: Any) -> Any:
        given, headers = with_headers(given, named, *_HEADERS)
        last.forget()
        sent = send(*given, **named)
        value = argument(given, named, *_VALUE) if serialiser is None else last.value
        tell_sent(
            argument(given, named, 0, "topic"),
            value,
            headers,
            argument(given, named, *_TIME),
            last,
            capture,
        )
        return sent

    producer.send = marked(sending, capture)


def _watch_consumer(consumer: Any, capture: Capture) -> None:
    """The iterator of a consumer polls, too."""
    poll, bounds = consumer.poll, capture.settings.bounds
    batch = Batch(bounds.queue_bytes, bounds.body_bytes)
    config = getattr(getattr(consumer, "_fetcher", None), "config", {})
    deserialiser = config.get("value_deserializer")
    if deserialiser is not None:
        config["value_deserializer"] = Overhearing(deserialiser, batch.taken)

    def polling(*given: Any, **named: Any) -> Any:
        batch.forget()
        by_partition = poll(*given, **named)
        for records in by_partition.values():
            tell_taken(records, batch if deserialiser is not None else None, capture)
        batch.forget()
        return by_partition

    consumer.poll = marked(polling, capture)


def tell_sent(
    topic: Any, value: Any, headers: Any, time_ms: Any, last: Last, capture: Capture
) -> None:
    """Tell of one record that a producer took; what was heard of it is forgotten."""
    try:
        last.forget()
        capture.message("producer", topic, value, headers, time_ms)
    except Exception:  # noqa: BLE001 - a capture never takes its application down
        capture.lose("unreadable")


def tell_taken(records: Iterable[Any], heard: Batch | None, capture: Capture) -> None:
    """Tell of records as kafka-python and aiokafka have them; `heard`: how values travelled that
    were deserialised.
    """
    try:
        for record in records:
            value = record.value if heard is None else heard.of(record.value)
            if value is UNKNOWN:
                size = record.serialized_value_size
                value = Unheard(size) if size >= 0 else None
            capture.message("consumer", record.topic, value, record.headers, record.timestamp)
    except Exception:  # noqa: BLE001 - a capture never takes its application down
        capture.lose("unreadable")


def with_headers(
    given: Sequence[Any], named: dict[str, Any], at: int, name: str
) -> tuple[tuple[Any, ...], Any]:
    """The same arguments, and their headers: a list where there were none, for instrumentations
    add trace context to what they are given.
    """
    headers = argument(given, named, at, name)
    if headers is not None:
        return tuple(given), headers
    fresh: list[Any] = []
    if len(given) > at:
        return (*given[:at], fresh, *given[at + 1 :]), fresh
    named[name] = fresh
    return tuple(given), fresh


def argument(given: Sequence[Any], named: Mapping[str, Any], at: int, name: str) -> Any:
    """One argument, by position or by name; None where it is not given."""
    return given[at] if len(given) > at else named.get(name)
