"""Hooks for aiokafka: what a producer sends and what a consumer gets.
https://aiokafka.readthedocs.io/
"""

from typing import Any

from .capture import Capture
from .heard import Batch, Last, Overhearing, is_watched, marked
from .kafka_python import argument, tell_sent, tell_taken, with_headers

_VALUE, _TIME, _HEADERS = (1, "value"), (4, "timestamp_ms"), (5, "headers")


def watch_aiokafka(client: Any, capture: Capture) -> Any:
    """Capture what an `AIOKafkaProducer` sends or an `AIOKafkaConsumer` gets from now on; returns
    the client.

    As `watch_kafka`; started or not. Of batches that an application builds itself nothing is told.
    Raises TypeError for what is neither.
    """
    if is_watched(getattr(client, "send", getattr(client, "getone", None)), capture):
        return client
    if hasattr(client, "send_and_wait"):
        _watch_producer(client, capture)
    elif hasattr(client, "getone"):
        _watch_consumer(client, capture)
    else:
        raise TypeError(
            f"watch_aiokafka takes a producer or consumer of aiokafka, not {type(client).__name__}"
        )
    return client


def _watch_producer(producer: Any, capture: Capture) -> None:
    send, last = producer.send, Last()
    serialiser = getattr(producer, "_value_serializer", None)
    if serialiser is not None:
        producer._value_serializer = Overhearing(serialiser, last.sent)  # noqa: SLF001 - there is no other way to it

    async def sending(*given: Any, **named: Any) -> Any:
        given, headers = with_headers(given, named, *_HEADERS)
        last.forget()
        sent = await send(*given, **named)
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
    """The iterator of a consumer gets one after the other. Values are deserialised within these
    calls.
    """
    getone, getmany, bounds = consumer.getone, consumer.getmany, capture.settings.bounds
    batch = Batch(bounds.queue_bytes, bounds.body_bytes)
    deserialiser = getattr(consumer, "_value_deserializer", None)
    hears = batch if deserialiser is not None else None
    if deserialiser is not None:
        for reader in (consumer, getattr(consumer, "_fetcher", None)):  # started already, or not
            if reader is not None:
                reader._value_deserializer = Overhearing(deserialiser, batch.taken)  # noqa: SLF001 - as above

    async def getting_one(*given: Any, **named: Any) -> Any:
        batch.forget()
        record = await getone(*given, **named)
        tell_taken((record,), hears, capture)
        return record

    async def getting_many(*given: Any, **named: Any) -> Any:
        batch.forget()
        by_partition = await getmany(*given, **named)
        for records in by_partition.values():
            tell_taken(records, hears, capture)
        batch.forget()
        return by_partition

    consumer.getone, consumer.getmany = marked(getting_one, capture), getting_many
