"""Connections that are silent, half sent or never read end in time, keep nobody out, and leave
file descriptors to others.
"""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from monitor.api import connections
from monitor.api.connections import LEAST_CONNECTIONS, MOST_CONNECTIONS, connection_limit
from monitor.api.server import ApiServer

LIMIT = 20
HEAD = b"GET /page HTTP/1.1\r\nHost: a\r\n"
HALF_BODY = b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"


def app() -> FastAPI:
    """A page, a probe, an answer that lasts, and one that is larger than what the system keeps for
    who does not read.
    """
    app = FastAPI()
    app.state.parts = SimpleNamespace(stop=threading.Event())
    stop: threading.Event = app.state.parts.stop

    @app.get("/healthz")
    @app.get("/page")
    async def page() -> str:
        return "here"

    @app.post("/page")
    async def take(request: Request) -> int:
        try:
            return len(await request.body())
        except ClientDisconnect:
            return 0

    @app.get("/lasting")
    def lasting() -> StreamingResponse:
        def words() -> Iterator[bytes]:
            yield b"hello"
            stop.wait()

        return StreamingResponse(words())

    @app.get("/large")
    async def large() -> StreamingResponse:
        async def much() -> object:
            for _ in range(400):
                yield bytes(1_000_000)

        return StreamingResponse(much())  # type: ignore[arg-type]

    @app.get("/whole")
    async def whole() -> Response:
        return Response(bytes(30_000_000))

    return app


@contextmanager
def serving(limit: int = LIMIT) -> Iterator[tuple[str, int]]:
    """Where it listens."""
    server = ApiServer(app(), "127.0.0.1", 0, limit)
    server.start()
    try:
        yield "127.0.0.1", server.port
    finally:
        server.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become tenths."""
    for name in (
        "REQUEST_SECONDS",
        "BODY_REST_SECONDS",
        "UNREAD_SECONDS",
        "LOOK_SECONDS",
        "CLOSE_SECONDS",
    ):
        monkeypatch.setattr(connections, name, 0.3)


def opened(where: tuple[str, int], data: bytes = b"") -> socket.socket:
    """A connection that has said so much."""
    line = socket.create_connection(where, 60)
    line.sendall(data)
    return line


def is_closed(line: socket.socket, seconds: float = 60) -> bool:
    """Whether the server ends it within this time; what it said before does not count."""
    line.settimeout(seconds)
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "said", [b"", b"GET /pa", HEAD, HALF_BODY, HEAD + b"\r\n", HEAD + b"\r\nGET /pa"]
)
def test_a_connection_that_sends_no_whole_request_is_closed(said: bytes) -> None:
    with serving() as where, opened(where, said) as line:
        assert is_closed(line)


@pytest.mark.usefixtures("hasty")
def test_a_head_that_comes_byte_by_byte_gets_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    with serving() as where, opened(where, HEAD) as line:
        line.settimeout(0.05)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                line.sendall(b"x")
                if not line.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() < deadline


@pytest.mark.usefixtures("hasty")
def test_who_does_not_read_the_answer_is_closed() -> None:
    with (
        serving(limit=1) as where,
        opened(where, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n") as line,
    ):
        line.recv(1)
        until(lambda: _status(where, "/page") == 200)  # its place, the only one, is free again


@pytest.mark.usefixtures("hasty")
def test_an_answer_that_lasts_is_not_ended_and_a_slow_body_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "BODY_REST_SECONDS", 60.0)
    with serving() as where, opened(where, b"GET /lasting HTTP/1.1\r\nHost: a\r\n\r\n") as lasting:
        with opened(where, HALF_BODY) as line:
            for _ in range(7):
                threading.Event().wait(0.1)
                line.sendall(b"x" * 10)
            line.sendall(b"x" * 27)
            assert b"200 OK" in line.recv(4096)
        assert not is_closed(lasting, 0.5)


def test_silent_connections_over_the_limit_make_room_for_who_asks() -> None:
    with serving() as where, ExitStack() as kept:
        lines = [
            kept.enter_context(opened(where, data))
            for data in (b"", HEAD, HALF_BODY)
            for _ in range(5 * LIMIT)
        ]
        begun = [
            kept.enter_context(opened(where, b"GET /lasting HTTP/1.1\r\nHost: a\r\n\r\n"))
            for _ in range(3)
        ]
        assert all(b"200" in line.recv(4096) for line in begun)
        lines += [kept.enter_context(opened(where)) for _ in range(5 * LIMIT)]
        assert _status(where, "/page") == 200
        assert _status(where, "/healthz") == 200
        assert is_closed(lines[0])
        for line in begun:  # those that are being answered stay
            assert not is_closed(line, 0.2)


def test_while_all_are_answered_probes_come_through_and_others_are_told() -> None:
    with serving() as where, ExitStack() as kept:
        begun = [
            kept.enter_context(opened(where, b"GET /lasting HTTP/1.1\r\nHost: a\r\n\r\n"))
            for _ in range(LIMIT)
        ]
        assert all(b"200" in line.recv(4096) for line in begun)
        assert _status(where, "/healthz") == 200
        assert _status(where, "/page") == 503


def test_who_takes_the_place_of_one_that_is_here_for_probes_only_is_so_too() -> None:
    with serving() as where, ExitStack() as kept:
        for _ in range(LIMIT):
            line = kept.enter_context(opened(where, b"GET /lasting HTTP/1.1\r\nHost: a\r\n\r\n"))
            assert line.recv(1)
        silent = kept.enter_context(opened(where))
        assert _status(where, "/page") == 503
        assert is_closed(silent)
        assert _status(where, "/healthz") == 200


def test_answers_whose_last_bytes_nobody_takes_count_as_connections_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "CLOSE_SECONDS", 3600.0)
    unread = b"GET /whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with serving() as where, ExitStack() as kept:
        before = sockets()
        lines = [kept.enter_context(opened(where, unread)) for _ in range(3 * LIMIT)]
        for line in lines:  # the answer has begun, unless the line was closed to make room
            with suppress(ConnectionResetError):
                line.recv(1)
        until(lambda: sockets() <= before + len(lines) + LIMIT)
        assert _status(where, "/page") == 200
        assert _status(where, "/healthz") == 200


@pytest.mark.parametrize(
    ("soft", "limit"),
    [(256, 96), (1024, 480), (100_000, MOST_CONNECTIONS), (16, LEAST_CONNECTIONS)],
)
def test_half_of_the_file_descriptors_are_kept_back(
    monkeypatch: pytest.MonkeyPatch, soft: int, limit: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, soft))
    assert connection_limit() == limit


def sockets() -> int:
    """Open sockets of this process, which is server and client; the store's files come and go."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, at most four minutes: a busy machine gets there late."""
    deadline = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def _status(where: tuple[str, int], path: str) -> int:
    return httpx.get(f"http://{where[0]}:{where[1]}{path}", timeout=60).status_code
