"""A lean HTTP/1.1 transport for httpx: host names by the shop's routes, weighted between versions,
connections kept alive.

Stands where a service mesh would: it resolves the host name of a URL to one of the live instances.
About a third of the CPU time of httpx's own transport, which is what lets the whole shop run on a
part of one core.
"""

import asyncio
import random

import httpx

from monitor.demo.settings import Routes

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ShopTransport(httpx.AsyncBaseTransport):
    """Sends a request to an instance behind its host name. Replace `routes` at any time.

    Raises httpx.ConnectError when nothing listens, httpx.ReadTimeout after `timeout_seconds`.
    Answers must carry a Content-Length, as all of the shop's do.
    """

    def __init__(
        self, routes: Routes, chance: random.Random, timeout_seconds: float = 5.0
    ) -> None:
        self.routes = routes
        self._chance = chance
        self._timeout_seconds = timeout_seconds
        self._idle: dict[int, list[Connection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read the whole answer."""
        port = self._pick(request)
        message = _request_bytes(request)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    connection, kept = await self._connect(port)
                    try:
                        response = await _exchange(connection, message)
                    except (ConnectionError, asyncio.IncompleteReadError) as error:
                        connection[1].close()
                        if not kept:
                            raise httpx.ReadError(str(error), request=request) from error
                        # a kept connection may have been closed meanwhile: one more on a fresh one
                        continue
                    except BaseException:
                        connection[1].close()
                        raise
                    self._idle.setdefault(port, []).append(connection)
                    return response
        except TimeoutError as error:
            reason = f"no answer from {request.url.host} in {self._timeout_seconds} s"
            raise httpx.ReadTimeout(reason, request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error

    async def aclose(self) -> None:
        """Close what is idle."""
        for connections in self._idle.values():
            for _, writer in connections:
                writer.close()
        self._idle.clear()

    def _pick(self, request: httpx.Request) -> int:
        targets = self.routes.get(request.url.host, ())
        if not targets:
            raise httpx.ConnectError(f"no instance of {request.url.host}", request=request)
        if len(targets) == 1:
            return targets[0][0]
        return self._chance.choices(
            [port for port, _ in targets], [weight for _, weight in targets]
        )[0]

    async def _connect(self, port: int) -> tuple[Connection, bool]:
        idle = self._idle.get(port)
        while idle:
            connection = idle.pop()
            if not connection[0].at_eof() and not connection[1].is_closing():
                return connection, True
            connection[1].close()
        return await asyncio.open_connection("127.0.0.1", port), False


def _request_bytes(request: httpx.Request) -> bytes:
    head = [request.method.encode(), b" ", request.url.raw_path, b" HTTP/1.1\r\n"]
    for name, value in request.headers.raw:
        head += [name, b": ", value, b"\r\n"]
    head += [b"\r\n", request.content]
    return b"".join(head)


async def _exchange(connection: Connection, message: bytes) -> httpx.Response:
    reader, writer = connection
    writer.write(message)
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head[:-4].split(b"\r\n")
    headers: list[tuple[bytes, bytes]] = []
    length = 0
    for line in lines:
        name, _, value = line.partition(b": ")
        headers.append((name, value))
        if name.lower() == b"content-length":
            length = int(value)
    body = await reader.readexactly(length) if length else b""
    return httpx.Response(int(status_line.split(b" ", 2)[1]), headers=headers, content=body)
