"""The app on a socket, served by uvicorn in a thread of this process."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI

from monitor.api.connections import ACCEPTED_AT_ONCE, Connection, Door
from monitor.clock import monotonic_seconds
from monitor.errors import ConfigError

START_SECONDS = 30.0
TICK_SECONDS = 1.0  # the date in our answers is no older
WAITING_TO_BE_ACCEPTED = 1024  # connections that the system keeps for us meanwhile


class _Server(uvicorn.Server):
    """uvicorn's, which looks ten times a second whether it shall end; here it is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def main_loop(self) -> None:
        """As theirs: keeps the date header, until told to end."""
        ended = asyncio.Event()
        self._running = asyncio.get_running_loop(), ended
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), TICK_SECONDS)

    def end(self) -> None:
        """From any thread."""
        self.should_exit = True
        if self._running is not None:
            loop, ended = self._running
            with contextlib.suppress(RuntimeError):  # it is closed: it has ended
                loop.call_soon_threadsafe(ended.set)


class ApiServer:
    """Serves `app`; the socket is bound when this returns from the constructor. Port 0 takes a
    free one.

    Raises ConfigError when the address is taken. No proxy header is believed: who asks is who is
    connected. At most `connections` at a time, by default what the file descriptors allow; see
    `monitor.api.connections`.
    """

    def __init__(self, app: FastAPI, host: str, port: int, connections: int | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"the API cannot listen on {host}:{port}: {error.strerror}; stop what listens there or set SEAMWATCH_API_PORT"
            ) from error
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._app = app
        self._server = _Server(
            uvicorn.Config(
                app,
                http=partial(Connection, Door(connections)),  # type: ignore[arg-type]  # called like a class, and nothing else
                backlog=ACCEPTED_AT_ONCE,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=5,
                lifespan="off",
                ws="none",
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="api", daemon=True
        )

    @property
    def address(self) -> str:
        """The URL to reach it at from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(  # noqa: S104 - compared, not bound
            self.host, f"[{self.host}]" if ":" in self.host else self.host
        )
        return f"http://{host}:{self.port}"

    def start(self, pause: Callable[[float], object] | None = None) -> None:
        """Begin to serve; returns once requests are answered. Raises ConfigError after 30 s."""
        self._thread.start()
        wait = pause or threading.Event().wait
        deadline = monotonic_seconds() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or monotonic_seconds() > deadline:
                raise ConfigError(f"the API did not start on {self.host}:{self.port}; see the log")
            wait(0.02)
        self._socket.listen(WAITING_TO_BE_ACCEPTED)

    def stop(self) -> None:
        """End event streams, finish requests (at most 5 s), close the socket. Calling it again
        does nothing.
        """
        self._app.state.parts.stop.set()
        self._server.end()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._socket.close()
