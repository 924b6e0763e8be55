"""Hooks for confluent-kafka, whose clients nobody can change: one that stands for the client, as
OpenTelemetry has it.

https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/
"""

from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any

from .capture import Capture
from .heard import UNKNOWN, Last, Overhearing
from .kafka_python import argument, tell_sent, with_headers

# a serialising client takes the key before the value, a plain one two names of one callback
_SERIALISING = ((2, "value"), (6, "headers"), (5, "timestamp"))
_PLAIN = ((1, "value"), (7, "headers"), (6, "timestamp"))


def watch_confluent(client: Any, capture: Capture) -> Any:
    """What stands for a confluent-kafka `Producer` or `Consumer` from now on, and captures what it
    sends or takes.

    `SerializingProducer` and `DeserializingConsumer`, too: values are told as they travel. And
    those of `confluent_kafka.aio`. It
    calls itself an instance of the client's class and passes all else on. A record that could not
    be queued is not told. Raises TypeError for what is neither.
    """
    if issubclass(type(client), _Watched) and client.tells(capture):
        return client
    if hasattr(client, "produce"):
        hook = _AioProducer if iscoroutinefunction(client.produce) else _Producer
        return hook(client, capture)
    if hasattr(client, "poll") and hasattr(client, "subscribe"):
        return (_AioConsumer if iscoroutinefunction(client.poll) else _Consumer)(client, capture)
    raise TypeError(
        f"watch_confluent takes a Producer or Consumer of confluent-kafka, not {type(client).__name__}"
    )


class _Watched:
    def __init__(self, inner: Any, capture: Capture) -> None:
        self._inner, self._capture, self._last = inner, capture, Last()

    @property  # type: ignore[misc]  # typeshed lets it be set
    def __class__(self) -> type:  # applications ask what it is
        return type(self._inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __enter__(self) -> Any:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._inner.__exit__(*error)

    def __bool__(self) -> bool:
        return True

    def tells(self, capture: Capture) -> bool:
        """Whether this one is told what passes here."""
        return self._capture is capture


class _Producer(_Watched):
    def __init__(self, inner: Any, capture: Capture) -> None:
        super().__init__(inner, capture)
        serialising = hasattr(inner, "_value_serializer")
        self._value, self._headers, self._time = _SERIALISING if serialising else _PLAIN
        self._hears = serialising and inner._value_serializer is not None  # noqa: SLF001 - there is no other way to it
        if self._hears:
            inner._value_serializer = Overhearing(inner._value_serializer, self._last.sent)  # noqa: SLF001 - as above

    def __len__(self) -> int:
        return len(self._inner)

    def produce(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        given, headers = with_headers(given, named, *self._headers)
        self._last.forget()
        done = self._inner.produce(*given, **named)
        value = self._last.value if self._hears else argument(given, named, *self._value)
        topic, time_ms = argument(given, named, 0, "topic"), argument(given, named, *self._time)
        tell_sent(topic, value, headers, time_ms, self._last, self._capture)
        return done

    def produce_batch(self, topic: Any, messages: Any, *given: Any, **named: Any) -> Any:
        """As the client's; messages that it refused bear an error, and are not told."""
        done = self._inner.produce_batch(topic, messages, *given, **named)
        with suppress(Exception):
            for message in messages:
                if not message.get("_error"):
                    self._capture.message(
                        "producer",
                        topic,
                        message.get("value"),
                        message.get("headers"),
                        message.get("timestamp"),
                    )
        return done


class _Consumer(_Watched):
    def __init__(self, inner: Any, capture: Capture) -> None:
        super().__init__(inner, capture)
        self._hears = getattr(inner, "_value_deserializer", None) is not None
        if self._hears:
            inner._value_deserializer = Overhearing(inner._value_deserializer, self._last.taken)  # noqa: SLF001 - as above

    def poll(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        self._last.forget()
        taken = self._inner.poll(*given, **named)
        if taken is not None:
            self._tell(taken)
        return taken

    def consume(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        self._last.forget()
        taken = self._inner.consume(*given, **named)
        with suppress(TypeError):
            for message in taken:
                self._tell(message)
        return taken

    def _tell(self, taken: Any) -> None:
        try:
            if taken.error() is None:
                value = self._last.value if self._hears else taken.value()
                kind, time_ms = taken.timestamp()
                payload = value if value is not UNKNOWN else object()
                self._capture.message(
                    "consumer", taken.topic(), payload, taken.headers(), time_ms if kind else None
                )
        except Exception:  # noqa: BLE001 - as above
            self._capture.lose("unreadable")
        self._last.forget()


class _AioProducer(_Watched):
    """It takes no headers, so that none are added, and has no serialisers."""

    async def produce(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        done = await self._inner.produce(*given, **named)
        topic, value = argument(given, named, 0, "topic"), argument(given, named, 1, "value")
        tell_sent(topic, value, (), named.get("timestamp"), self._last, self._capture)
        return done


class _AioConsumer(_Consumer):
    async def poll(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        taken = await self._inner.poll(*given, **named)
        if taken is not None:
            self._tell(taken)
        return taken

    async def consume(self, *given: Any, **named: Any) -> Any:
        """As the client's."""
        taken = await self._inner.consume(*given, **named)
        with suppress(TypeError):
            for message in taken:
                self._tell(message)
        return taken
