"""The queue between orders and fulfilment: a Kafka topic with W3C trace context in its headers and
spans with links.

Spans follow the messaging conventions:
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from confluent_kafka import Consumer, Message
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from monitor.demo.kafka_client import Options, Sink
from monitor.demo.topology import ORDERS_TOPIC

_ATTRIBUTES: Mapping[str, str] = {
    "messaging.system": "kafka",
    "messaging.destination.name": ORDERS_TOPIC,
}


class OrderQueue:
    """The producing end."""

    def __init__(self, sink: Sink, provider: TracerProvider | None) -> None:
        self._sink = sink
        self._tracer = trace.get_tracer(__name__, tracer_provider=provider)

    def publish(self, order: Mapping[str, object]) -> None:
        """Queue one order under a PRODUCER span."""
        attributes = {
            **_ATTRIBUTES,
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
        }
        with self._tracer.start_as_current_span(
            f"send {ORDERS_TOPIC}", kind=SpanKind.PRODUCER, attributes=attributes
        ):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            self._sink.send(ORDERS_TOPIC, orjson.dumps(order), headers)


class OrderConsumer:
    """The consuming end: a thread that polls, and hands each order to a coroutine on the service's
    loop.
    """

    def __init__(
        self,
        bootstrap: str,
        options: Options,
        provider: TracerProvider | None,
        handle: Callable[[Any], Awaitable[bool]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._tracer = trace.get_tracer(__name__, tracer_provider=provider)
        self._handle = handle
        self._loop = loop
        self._stop = threading.Event()
        self._begun: set[concurrent.futures.Future[None]] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "shop-fulfilment",
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "log_level": 2,
                **options,
            }
        )
        self._consumer.subscribe([ORDERS_TOPIC])
        self._thread = threading.Thread(target=self._run, name="order-consumer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop polling, finish what was begun, leave the group. Call it from another thread than
        the loop's.
        """
        self._stop.set()
        self._thread.join(3.0)
        concurrent.futures.wait(self._begun, timeout=2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(50, timeout=0.5):
                if message.error() is None:
                    begun = asyncio.run_coroutine_threadsafe(self._process(message), self._loop)
                    self._begun.add(begun)
                    begun.add_done_callback(self._begun.discard)
        self._consumer.close()

    async def _process(self, message: Message) -> None:
        """One CONSUMER span in a trace of its own, linked to the producer's."""
        headers: Any = message.headers() or ()
        carrier = {name: value.decode() for name, value in headers}
        producer = trace.get_current_span(propagate.extract(carrier, Context())).get_span_context()
        attributes = {
            **_ATTRIBUTES,
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.consumer.group.name": "shop-fulfilment",
            "messaging.destination.partition.id": str(message.partition()),
        }
        links = [Link(producer)] if producer.is_valid else []
        name = f"process {ORDERS_TOPIC}"
        with self._tracer.start_as_current_span(
            name, Context(), SpanKind.CONSUMER, attributes, links
        ) as span:
            if not await self._handle(orjson.loads(message.value() or b"{}")):
                span.set_status(Status(StatusCode.ERROR, "shipping refused"))
