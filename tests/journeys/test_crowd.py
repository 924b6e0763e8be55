"""Attackers who hold connections to the page touch neither what is read from Kafka nor
the probes.
"""

import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.running import Running, until, up

FILES = 1024
SOCKETS = 1100
ROUNDS = 5
HALF_HEAD = b"GET /v1/edges HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
HALF_BODY = b"POST /v1/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
UNREAD = b"GET /static/bokeh.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
KINDS = (b"", HALF_HEAD, HALF_BODY, UNREAD, UNREAD, UNREAD)


class Crowd:
    """Connections that say so little and read nothing; those that were closed are opened again at
    each round.
    """

    def __init__(self, running: Running) -> None:
        host, port = running.address.removeprefix("http://").split(":")
        self._where = (host, int(port))
        self._lines: list[socket.socket | None] = [None] * SOCKETS

    def press(self) -> int:
        """Open what is not open; how many that were."""
        opened = 0
        for number, line in enumerate(self._lines):
            if line is not None and not _ended(line):
                continue
            if line is not None:
                line.close()
            fresh = socket.create_connection(self._where, 60)
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            fresh.sendall(KINDS[number % len(KINDS)])
            self._lines[number], opened = fresh, opened + 1
        return opened

    def leave(self) -> None:
        """Close all."""
        for line in self._lines:
            if line is not None:
                line.close()


def _ended(line: socket.socket) -> bool:
    """Whether the other side closed it; what it said before is not read."""
    line.setblocking(False)
    try:
        return line.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process holds the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * SOCKETS:
        pytest.skip(f"a crowd needs {2 * SOCKETS} file descriptors, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SOCKETS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("many_files")
def test_a_crowd_of_silent_connections_touches_neither_ingest_nor_probes(tmp_path: Path) -> None:
    with up(tmp_path, f"ulimit -n {FILES}") as (running, feed):
        crowd = Crowd(running)
        opened, most = 0, 0
        try:
            for _ in range(ROUNDS):
                opened += crowd.press()
                feed.write(20)
                assert running.get("/healthz").status_code == 200
                assert running.get("/readyz").json()["ready"] in {True, False}
                until(lambda: running.records() >= feed.written, running)
                most = max(most, running.files())
                assert running.get("/v1/edges").status_code == 200
            assert opened >= SOCKETS
            assert most < FILES * 3 // 4
            assert not re.search(
                "Too many open files|Errno 24|EMFILE|traceback", running.said(), re.IGNORECASE
            )
        finally:
            crowd.leave()
        assert running.end() == 0
