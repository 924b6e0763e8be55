"""One exchange while it happens, and what is written of it: a record in the monitor's
plain form.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from . import masks
from .settings import Bounds, Service, Settings
from .shapes import TooLarge, as_json, is_json, shape_text, unpacked, without_secrets
from .spans import server_span

Pairs = Sequence[tuple[str, str]]
Side = Literal["client", "server"]
_BODILESS = (204, 304)  # https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
_STREAMS = ("text/event-stream", "application/grpc", "multipart/x-mixed-replace")


class Room:
    """The bytes that all bodies of a capture may hold at once. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._left = most
        self.forked()

    def forked(self) -> None:
        """This process is a new one: who held the lock stayed behind."""
        # a collector may let bodies go while one is added
        self._lock = threading.RLock()

    def take(self, size: int) -> bool:
        """Whether there was room for so many more."""
        with self._lock:
            fits = size <= self._left
            self._left -= size if fits else 0
        return fits

    def give_back(self, size: int) -> None:
        """So many are held no longer."""
        with self._lock:
            self._left += size


class Held:
    """What was held of a body that passed by. Of one over `most` bytes, or without room, nothing
    is held on: it is only counted.
    """

    __slots__ = ("_most", "_parts", "_room", "passed", "size")

    def __init__(self, most: int, room: Room | None = None) -> None:
        self._most, self._room = most, room
        self._parts: list[bytes] = []
        self.size = 0
        self.passed = 0

    def __del__(self) -> None:
        """Its room is free again, however the exchange ended."""
        self._let_go()

    def _let_go(self) -> None:
        self._parts.clear()
        if self._room is not None and self.size:
            self._room.give_back(self.size)
        self.size = 0

    def add(self, part: Any) -> None:
        """A part came by. Raises nothing, whatever it is: of what is neither bytes nor text no
        more is known than that it was there.
        """
        try:
            if type(part) is not bytes:
                part = (
                    part.encode("utf-8", "surrogatepass")
                    if isinstance(part, str)
                    else memoryview(part).tobytes()
                )
        except Exception:  # noqa: BLE001 - a capture never takes its application down
            self.broke_off()
            return
        if not part:
            return
        whole = not self.cut
        self.passed += len(part)
        if (
            whole
            and self.passed <= self._most
            and (self._room is None or self._room.take(len(part)))
        ):
            self._parts.append(part)
            self.size += len(part)
        elif whole:
            self._let_go()

    def broke_off(self) -> None:
        """More was to come, and did not: what is held is not all."""
        self.passed = max(self.passed, self.size + 1)
        self._let_go()

    @property
    def cut(self) -> bool:
        """Whether more came by than is held."""
        return self.passed > self.size

    def whole(self) -> bytes:
        """What is held."""
        return b"".join(self._parts)


class Seen:
    """An exchange as it is seen; filled by a hook in the application's thread, written down by
    ours.
    """

    __slots__ = (
        *(
            "asked",
            "asked_headers",
            "answered",
            "answered_headers",
            "began",
            "ended_ns",
            "host",
            "method",
            "path",
            "query",
        ),
        *("route", "side", "span", "status", "took"),
    )

    def __init__(
        self,
        side: Side,
        method: str,
        path: str,
        query: str,
        bounds: Bounds,
        headers: Pairs,
        host: str = "",
        room: Room | None = None,
    ) -> None:
        self.side: Side = side
        self.method, self.path, self.query, self.host, self.route = method, path, query, host, ""
        self.asked, self.answered = Held(bounds.body_bytes, room), Held(bounds.body_bytes, room)
        self.asked_headers: Pairs = headers
        self.span: tuple[str, str] | None = None
        self.answered_headers: Pairs = ()
        self.status = 0
        self.began = time.perf_counter()
        self.took = 0.0
        self.ended_ns = 0

    def look_for_span(self) -> None:
        """Where nobody told a trace, take note of the server's span that is open now. Raises
        nothing: what the application's OpenTelemetry raises costs the span's name alone.
        """
        with suppress(Exception):
            if self.span is None and not any(
                name.lower() == "traceparent" for name, _ in self.asked_headers
            ):
                self.span = server_span()

    def end(self, took: float | None = None) -> None:
        """It is over now, if it was not before; or it was when it had taken `took` seconds."""
        if not self.ended_ns:
            until_now = time.perf_counter() - self.began
            self.took = until_now if took is None else min(took, until_now)
            self.ended_ns = time.time_ns() - int((until_now - self.took) * 1e9)

    @property
    def size(self) -> int:
        """What it holds in memory, nearly."""
        heads = sum(
            len(name) + len(text)
            for pairs in (self.asked_headers, self.answered_headers)
            for name, text in pairs
        )
        return (
            1_000 + self.asked.size + self.answered.size + heads + len(self.query) + len(self.path)
        )

    def written(self, settings: Settings) -> bytes:
        """The record of it, a line of JSON. Without `settings.values` no value of it
        is in there.
        """
        return written(self, settings)


def media_of(headers: Pairs) -> str:
    """The media type that headers tell, "" where they tell none."""
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def held_back(media: str) -> bool:
    """Whether bodies of this media type are passed untouched: nothing of them would be
    looked at.
    """
    return bool(media) and (media.lower().startswith(_STREAMS) or not is_json(media))


def written(seen: Seen, settings: Settings) -> bytes:
    """The record of an exchange."""
    service, values = settings.service, settings.values
    asked, asked_whole = masks.headers(seen.asked_headers, values=values, words=settings.redact)
    answered, answered_whole = masks.headers(
        seen.answered_headers, values=values, words=settings.redact
    )
    path = seen.path if values else masks.masked_path(seen.path, seen.route)
    query = (
        masks.query_without_secrets(seen.query, settings.redact)
        if values
        else masks.masked_query(seen.query)
    )
    record: dict[str, Any] = {
        "time": seen.ended_ns,
        "side": seen.side,
        "method": seen.method,
        "path": path or "/",
        "query": query,
        "status": seen.status,
        "duration_ms": round(seen.took * 1e3, 3),
        "request_headers": asked,
        "response_headers": answered,
        **_who(service, seen),
        "capture": {"share": settings.share, "shapes": not values},
    }
    if seen.route:
        record["route"] = seen.route
    if seen.span is not None:
        record["trace_id"], record["span_id"] = seen.span
    record["headers_whole"] = asked_whole and answered_whole
    if not values:
        record["redacted"] = True
    record |= _side("request", seen.asked, asked, settings)
    if seen.method != "HEAD" and seen.status not in _BODILESS:
        # applications may hand over one, which their servers leave out
        record |= _side("response", seen.answered, answered, settings)
    return as_json(record).encode()


def _who(service: Service, seen: Seen) -> dict[str, Any]:
    if seen.side == "client":
        fields = {"caller": service.name, "caller_version": service.version, "callee": seen.host}
    else:
        fields = {
            "callee": service.name,
            "callee_version": service.version,
            "callee_namespace": service.namespace,
        }
    fields |= {"environment": service.environment, "instance": service.instance}
    return {name: value for name, value in fields.items() if value}


def _side(side: str, held: Held, headers: dict[str, str], settings: Settings) -> dict[str, Any]:
    """A body's fields. What cannot be said of it is left out: the monitor then tells that no body
    was logged, or that it was cut.
    """
    if held.cut:
        return {f"{side}_truncated": True}
    body = held.whole()
    if not body or not is_json(headers.get("content-type", "")):
        return {}
    return body_fields(side, body, headers, settings)


def body_fields(
    side: str, body: bytes, headers: dict[str, str], settings: Settings
) -> dict[str, Any]:
    """The fields of a body that is JSON; headers that speak of how it travelled are taken off."""
    try:
        plain = unpacked(body, headers.get("content-encoding", ""), settings.bounds.body_bytes * 4)
        if plain is None:
            return {}
        shown = (
            without_secrets(plain, settings.bounds, settings.redact)
            if settings.values
            else shape_text(plain, settings.bounds)
        )
    except TooLarge:
        return {f"{side}_truncated": True}
    headers.pop("content-encoding", None)
    headers.pop("content-length", None)
    return {f"{side}_body": shown}
