"""Connections to the API: how long each may be silent, and how many there may be.

uvicorn bounds only how long a kept connection rests between two requests. Here a connection that
sends no whole request, half a body, or reads no answer is closed; and over a limit the one that
has rested longest makes room for the newest, so that silent ones keep nobody out, probes least of
all, and leave file descriptors to the stores and to Kafka.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from monitor.clock import monotonic_seconds

# until the head of a request has come, counted from the connection's begin or the last answer
REQUEST_SECONDS = 10.0
BODY_REST_SECONDS = 10.0  # between two pieces of a body
BODY_SECONDS = 300.0  # a whole body: 20 MB at 70 KB a second
UNREAD_SECONDS = 60.0  # an answer that the other side does not read
CLOSE_SECONDS = 5.0  # a closed connection whose last bytes nobody takes
LOOK_SECONDS = 1.0
MOST_CONNECTIONS = 1000
LEAST_CONNECTIONS = 32
SPARE_CONNECTIONS = 64  # beyond the limit while all the others are answered: for probes
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
ACCEPTED_AT_ONCE = 32
"""asyncio accepts so many before any of them is looked at: what the limit may be overstepped by
for a moment.
"""


def connection_limit() -> int:
    """Half of the file descriptors that this process may have, at most 1,000: the rest is for
    stores, Kafka and receivers.
    """
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    half = MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else soft // 2 - ACCEPTED_AT_ONCE
    return max(LEAST_CONNECTIONS, min(MOST_CONNECTIONS, half))


class Door:
    """All connections of one server, looked at every second. Lives on the server's event loop."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit or connection_limit()
        self._inside: dict[Connection, None] = {}  # in the order they came
        self._ended: set[Connection] = set()  # by us; they are gone in a moment
        # the best to end last; looked for anew once it is empty
        self._spared_next: list[Connection] = []
        self._next_look: asyncio.TimerHandle | None = None

    def enter(self, newest: "Connection") -> bool:
        """Let it in, if need be in place of another; False when there is room for probes only. It
        may be closed at once.
        """
        self._inside[newest] = None
        if self._next_look is None:
            self._next_look = newest.loop.call_later(LOOK_SECONDS, self._look)
        count = len(self._inside) - len(self._ended)
        if count <= self._limit:
            return True
        if (other := self._spared(newest)) is not None:
            self._end(other)
            count -= 1  # still too many where the other was here for probes only, as this one is
        if count <= self._limit:
            return True
        if count > self._limit + SPARE_CONNECTIONS:
            self._end(newest)
        return False

    def leave(self, connection: "Connection") -> None:
        """It is closed."""
        self._inside.pop(connection, None)
        self._ended.discard(connection)

    def _spared(self, newest: "Connection") -> "Connection | None":
        """Who makes room: the best as of the last look at all of them, if it still rests; so a
        flood costs no look each.
        """
        for looks in (1, 0):
            while self._spared_next:
                connection = self._spared_next.pop()
                if (
                    connection.rests
                    and connection in self._inside
                    and connection not in self._ended
                ):
                    return connection
            if looks:
                others = [
                    connection
                    for connection in self._inside
                    if connection is not newest
                    and connection.rests
                    and connection not in self._ended
                ]
                self._spared_next = sorted(
                    others, key=lambda connection: (connection.rests, -connection.since)
                )
        return None

    def _end(self, connection: "Connection") -> None:
        self._ended.add(connection)
        connection.end()

    def _look(self) -> None:
        now = monotonic_seconds()
        for connection in list(self._inside):
            if connection not in self._ended and connection.overdue(now):
                self._end(connection)
        self._next_look = (
            next(iter(self._inside)).loop.call_later(LOOK_SECONDS, self._look)
            if self._inside
            else None
        )


class Connection(H11Protocol):
    """One connection, with uvicorn's handling of HTTP. `since`: when it began to rest, or the last
    piece of a body came.
    """

    def __init__(self, door: Door, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._door = door
        self.since = self._asked_at = monotonic_seconds()
        self._full_since: float | None = None
        self._left_at: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Come in, or be one of the few that only probes may use, or be closed."""
        super().connection_made(transport)
        if not self._door.enter(self):
            everything = self.app

            async def probes_only(scope: Any, receive: Any, send: Any) -> None:
                await (everything if scope["path"] in PROBES else _full)(scope, receive, send)

            self.app = probes_only

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: its head's do not end the rest, a whole head or more of
        a body does.
        """
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._asked_at = monotonic_seconds()
        if self._answering:
            self.since = monotonic_seconds()

    def on_response_complete(self) -> None:
        """The answer is given: the rest begins."""
        self.since = monotonic_seconds()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The other side reads more slowly than we write."""
        self._full_since = monotonic_seconds()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self._full_since = None
        super().resume_writing()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn says that it always is one
        return cycle is not None and not cycle.response_complete

    @property
    def leaving(self) -> bool:
        """Closed already, but for what is still to be sent."""
        return bool(self.transport.is_closing())

    @property
    def rests(self) -> int:
        """How well it can be spared: 3 between requests or before a whole head, 2 with half a
        body, 1 when only the last bytes of its answer wait to be read, 0 while it is answered.
        """
        if self.leaving:
            return 1
        if not self._answering:
            return 3
        return 2 if self.cycle.more_body else 0

    def overdue(self, now: float) -> bool:
        """Whether the other side has taken too long for what is its turn."""
        if self.leaving:
            self._left_at = self._left_at or now
            return now - self._left_at >= CLOSE_SECONDS
        if self._full_since is not None and now - self._full_since >= UNREAD_SECONDS:
            return True
        if not self._answering:
            return now - self.since >= REQUEST_SECONDS
        awaited = self.cycle.more_body and not self.flow.read_paused
        return awaited and (
            now - self.since >= BODY_REST_SECONDS or now - self._asked_at >= BODY_SECONDS
        )

    def end(self) -> None:
        """Close at once: whoever was silent for so long is not waited for."""
        self.transport.abort()


async def _full(_scope: Any, _receive: Any, send: Any) -> None:
    body = b'{"error": {"what": "too many connections", "where": "this server", "do": "try again in a while"}}'
    headers = [
        (b"content-type", b"application/json"),
        (b"connection", b"close"),
        (b"retry-after", b"5"),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": 503,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
