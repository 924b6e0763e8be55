"""One capture for a process: which exchanges are taken, and the way from a hook to the shipper."""

import atexit
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .environment import headers_of, settings_of
from .messages import End, Message
from .seen import Pairs, Room, Seen, Side
from .settings import Settings
from .shipping import Shipper, Sink, after_fork
from .sinks import KafkaSink, OtlpSink

# where a traceparent has the digits that are random:
# https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
_RANDOM = slice(21, 35)
_NUMBERS = 1 << 56  # so many numbers they can be


class Capture:
    """What hooks hand their exchanges to. Thread-safe; nothing of it raises or blocks once it is
    made.
    """

    def __init__(self, settings: Settings, sink: Sink) -> None:
        self.settings = settings
        self._shipper, self._room = Shipper(settings, sink), Room(settings.bounds.held_bytes)
        after_fork(self._room.forked)
        self._share = settings.share
        self._least = (1 - settings.share) * _NUMBERS
        self._chance = random.Random()  # noqa: S311 - which exchanges are taken is no secret
        atexit.register(self.close)

    def wanted(
        self, side: Side, method: str, path: str, query: str, headers: Pairs, host: str = ""
    ) -> Seen | None:
        """An exchange to be filled while it happens; None when it is not to be captured."""
        traceparent = (
            next((text for name, text in headers if name.lower() == "traceparent"), "")
            if 0 < self.settings.share < 1
            else ""
        )
        return (
            self.begun(side, method, path, query, headers, host)
            if self.takes(traceparent)
            else None
        )

    def begun(
        self, side: Side, method: str, path: str, query: str, headers: Pairs, host: str = ""
    ) -> Seen | None:
        """The same of one that is taken, unless its path is skipped."""
        settings = self.settings
        if settings.skip and path.startswith(settings.skip):
            return None
        seen = Seen(side, method, path, query, settings.bounds, headers, host, self._room)
        if side == "server":
            seen.look_for_span()
        return seen

    def over(self, seen: Seen) -> None:
        """The exchange is over: ship it."""
        try:
            seen.end()
            self._shipper.offer(seen)
        except Exception:  # noqa: BLE001 - a capture never takes its application down
            self.lose("unreadable")

    def message(self, end: End, topic: str, value: Any, headers: Any, time_ms: Any = None) -> None:
        """A record of a topic was sent or taken: capture it, if it is to be. Raises nothing.

        `value` as it travels; `headers` as the clients have them: pairs or a mapping, or None.
        `time_ms`: the record's own time.
        """
        try:
            pairs = list((headers.items() if isinstance(headers, Mapping) else headers) or ())
            settings = self.settings
            if (settings.skip and topic.startswith(settings.skip)) or not self._takes_record(
                pairs
            ):
                return
            time_ns = time_ms * 1_000_000 if isinstance(time_ms, int) and time_ms > 0 else 0
            self._shipper.offer(Message(end, topic, value, pairs, time_ns, settings.bounds))
        except Exception:  # noqa: BLE001 - a capture never takes its application down
            self.lose("unreadable")

    def _takes_record(self, pairs: Sequence[tuple[str, Any]]) -> bool:
        traceparent = next(
            (value for name, value in reversed(pairs) if name == "traceparent"), b""
        )
        return self.takes(
            traceparent.decode("latin-1") if isinstance(traceparent, bytes) else str(traceparent)
        )

    def lose(self, reason: str) -> None:
        """Count what a hook could not take."""
        with suppress(Exception):  # no thread can be started at a process's end
            self._shipper.lose(reason)

    def offer(self, record: bytes) -> None:
        """Ship a record that is written already."""
        self._shipper.offer(record)

    def takes(self, traceparent: str = "") -> bool:
        """Whether an exchange of this trace is taken: the same everywhere and at every share
        above; by chance where no trace is told.

        Asked first, before anything is read: most are not taken.
        """
        if traceparent[35:36] == "-":
            with suppress(ValueError):
                return int(traceparent[_RANDOM], 16) >= self._least
        return self._chance.random() < self._share

    @property
    def dropped(self) -> Counter[str]:
        """How many records were dropped, by reason."""
        return Counter(self._shipper.dropped)

    @property
    def shipped(self) -> int:
        """How many records the sink took."""
        return self._shipper.shipped

    def flush(self) -> None:
        """Ship what waits, within two seconds, and go on. An ASGI application's end does so, for
        its server may end without any more.
        """
        self._shipper.flush()

    def close(self) -> None:
        """Ship what waits, within two seconds, and take nothing more. Called at the process's end,
        too.
        """
        atexit.unregister(self.close)
        self._shipper.close()


def from_environment() -> Capture:
    """The capture that the variables tell (environment.py). Raises ValueError when they name no
    place to ship to, or a wrong value.
    """
    settings = settings_of()
    brokers, endpoint = (
        os.environ.get("SEAMWATCH_CAPTURE_KAFKA_BROKERS", ""),
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    )
    logs = os.environ.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "") or (
        endpoint.rstrip("/") + "/v1/logs" if endpoint else ""
    )
    if brokers:
        return Capture(
            settings,
            KafkaSink(brokers, os.environ.get("SEAMWATCH_CAPTURE_KAFKA_TOPIC", "") or "api_logs"),
        )
    if logs:
        headers = headers_of(os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
        return Capture(settings, OtlpSink(logs, settings.service, headers=headers))
    raise ValueError(
        "a capture needs a place to ship to: set SEAMWATCH_CAPTURE_KAFKA_BROKERS or OTEL_EXPORTER_OTLP_ENDPOINT"
    )
