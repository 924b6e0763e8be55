"""What a test run sends to: OTLP over HTTP and lines of API logs on one port, into logs in memory;
and where it asks for its verdict.
"""

import asyncio
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from monitor.clock import Clock, monotonic_seconds, system_clock
from monitor.errors import ConfigError, MonitorError
from monitor.streams.listed import ListLog

MOST_BYTES = 64_000_000
"""Of one request, unpacked."""
START_SECONDS = 30.0
_JSON = "application/json"
_PROTO = "application/x-protobuf"


class Intake:
    """Listens from the start; every record stands in its log when its request is answered.

    `spans` takes requests to /v1/traces, `api_logs` those to /v1/logs, and lines or a list of
    records to /v1/api-logs. Metrics are taken and counted, and nothing is done with them.
    """

    def __init__(self, host: str, port: int, clock: Clock = system_clock) -> None:
        """ConfigError where the address is taken."""
        self._clock = clock
        self.spans = ListLog("otlp_spans", source_id="5e55101000000001")
        self.api_logs = ListLog("api_logs", source_id="5e55101000000002")
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.last_at = 0.0
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, port), family=family)
        except OSError as error:
            raise ConfigError(
                f"nothing can listen on {host}:{port}: {error.strerror}; give another --listen"
            ) from error
        self._host, self.port = host, int(self._listener.getsockname()[1])
        self.app = self._routes()
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app, access_log=False, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=5
            )
        )  # fmt: skip
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name="intake", daemon=True
        )

    @property
    def address(self) -> str:
        """The URL at which this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(  # noqa: S104 - compared, not bound
            self._host, f"[{self._host}]" if ":" in self._host else self._host
        )
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Answer requests. ConfigError after 30 s."""
        self._thread.start()
        until = monotonic_seconds() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or monotonic_seconds() > until:
                raise ConfigError(f"the intake did not start on {self._host}:{self.port}")
            threading.Event().wait(0.02)

    def stop(self) -> None:
        """Finish requests, at most 5 s, and close the socket."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._listener.close()

    def asks(self, path: str, method: str, answer: Callable[[Mapping[str, Any]], Any]) -> None:
        """Answer JSON at a path; `answer` is given the query and the body's members, in a thread."""

        async def handle(request: Request) -> Response:
            body = await request.body()
            try:
                posted = orjson.loads(body) if body else {}
                given = {**request.query_params, **(posted if isinstance(posted, dict) else {})}
                held = await asyncio.to_thread(answer, given)
            except (MonitorError, ValueError, KeyError) as error:
                return _json({"error": f"{error}"}, 422)
            return _json(held)

        self.app.add_api_route(path, handle, methods=[method], response_model=None)

    def _routes(self) -> FastAPI:
        app = FastAPI(title="Seamwatch session", openapi_url=None)

        async def traces(request: Request) -> Response:
            return await self._taken(request, "traces", self.spans)

        async def logs(request: Request) -> Response:
            return await self._taken(request, "logs", self.api_logs)

        async def metrics(request: Request) -> Response:
            return await self._taken(request, "metrics", None)

        async def lines(request: Request) -> Response:
            body = await self._body(request)
            if isinstance(body, Response):
                return body
            records = _records(body)
            self.taken["api-logs"] += len(records)
            for record in records:
                self._append(self.api_logs, record)
            return _json({"records": len(records)}, 202)

        for path, handler in (
            ("/v1/traces", traces),
            ("/v1/logs", logs),
            ("/v1/metrics", metrics),
            ("/v1/api-logs", lines),
        ):
            app.add_api_route(path, handler, methods=["POST"], response_model=None)
        return app

    async def _taken(self, request: Request, what: str, log: ListLog | None) -> Response:
        """As OTLP/HTTP has it: an empty answer in the request's own encoding.

        https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
        """
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        self.taken[what] += 1
        if log is not None and body:
            self._append(log, body)
        of_json = request.headers.get("content-type", "").startswith(_JSON)
        return Response(b"{}" if of_json else b"", media_type=_JSON if of_json else _PROTO)

    def _append(self, log: ListLog, record: bytes) -> None:
        log.append(record, timestamp_ms=int(self._clock().timestamp() * 1000))
        self.last_at = monotonic_seconds()

    async def _body(self, request: Request) -> bytes | Response:
        body = await request.body()
        if len(body) > MOST_BYTES:
            return self._refused("too_large", 413)
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding == "gzip":
            try:
                body = _unpacked(body)
            except zlib.error:
                return self._refused("broken_gzip", 400)
            if len(body) > MOST_BYTES:
                return self._refused("too_large", 413)
        elif encoding != "identity":
            return self._refused("content_encoding", 415)
        return body

    def _refused(self, reason: str, status: int) -> Response:
        self.refused[reason] += 1
        return _json({"error": reason}, status)


def _unpacked(body: bytes) -> bytes:
    """All members of a gzip body, a byte more than is taken at most. zlib.error also where it is cut
    off.
    """
    whole = bytearray()
    while True:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        whole += member.decompress(body, MOST_BYTES + 1 - len(whole))
        if len(whole) > MOST_BYTES:
            return bytes(whole)
        if not member.eof:
            raise zlib.error("it is cut off")
        body = member.unused_data.lstrip(b"\0")  # padding
        if not body:
            return bytes(whole)


def _records(body: bytes) -> list[bytes]:
    """A list of records, or a record a line."""
    if body.lstrip()[:1] == b"[":
        try:
            listed = orjson.loads(body)
        except orjson.JSONDecodeError:
            return [body]
        return [orjson.dumps(record) for record in listed]
    return [line for line in body.splitlines() if line.strip()]


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type=_JSON)
