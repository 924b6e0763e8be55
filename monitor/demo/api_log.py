"""API logs: every exchange an instance answers (or has with a third party), as one plain JSON
record on Kafka.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from opentelemetry import trace
from opentelemetry.trace import SpanContext

from monitor.demo.kafka_client import Sink
from monitor.demo.settings import InstanceSettings

if TYPE_CHECKING:
    import httpx
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LEFT_OUT = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "traceparent",
        "tracestate",
        "connection",
        "date",
        "server",
    }
)


class ApiLog:
    """Writes exchange records for one instance. Never blocks: the sink queues, drops
    and counts.
    """

    def __init__(self, settings: InstanceSettings, sink: Sink) -> None:
        self._settings = settings
        self._sink = sink

    def served(self, answered: "Answered", started_ns: int) -> None:
        """An exchange this instance answered."""
        headers = answered.request_headers
        self._write(
            started_ns,
            {
                "method": answered.method,
                "path": answered.path,
                "query": answered.query,
                "status": answered.status,
                "request_headers": headers,
                "request_body": _text(answered.request_body),
                "response_headers": answered.response_headers,
                "response_body": _text(answered.response_body),
                "caller": headers.get("x-caller", "user"),
                "caller_version": headers.get("x-caller-version", ""),
                "callee": self._settings.service,
                "callee_version": self._settings.version,
            },
            trace.get_current_span().get_span_context(),
        )

    def called(self, response: "httpx.Response", callee: str, started_ns: int) -> None:
        """An exchange this instance had with someone outside who keeps no log for us."""
        request = response.request
        self._write(
            started_ns,
            {
                "method": request.method,
                "path": request.url.path,
                "query": request.url.query.decode(),
                "status": response.status_code,
                "request_headers": _kept(request.headers.raw),
                "request_body": _text(request.content),
                "response_headers": _kept(response.headers.raw),
                "response_body": _text(response.content),
                "caller": self._settings.service,
                "caller_version": self._settings.version,
                "callee": callee,
                "callee_version": "",
                "side": "client",
            },
            response.extensions.get("span_context"),
        )

    def _write(
        self, started_ns: int, record: dict[str, object], context: SpanContext | None
    ) -> None:
        record["time"] = datetime.fromtimestamp(started_ns / 1e9, UTC)
        record["duration_ms"] = round((time.time_ns() - started_ns) / 1e6, 3)
        record["environment"] = self._settings.environment
        if context is not None and context.is_valid:
            record["trace_id"] = format(context.trace_id, "032x")
            record["span_id"] = format(context.span_id, "016x")
        self._sink.send(self._settings.logs_topic, orjson.dumps(record))


class Answered:
    """One exchange while it is being answered: what the middleware has seen of it so far."""

    __slots__ = (
        "method",
        "path",
        "query",
        "request_body",
        "request_headers",
        "response_body",
        "response_headers",
        "status",
    )

    def __init__(self, scope: "Scope") -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.request_headers = _kept(scope["headers"])
        self.request_body = b""
        self.status = 0
        self.response_headers: Mapping[str, str] = {}
        self.response_body = b""


class ApiLogMiddleware:
    """Plain ASGI middleware that hands each finished exchange to the log."""

    def __init__(self, app: "ASGIApp", log: ApiLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_ns = time.time_ns()
        answered = Answered(scope)

        async def heard() -> "Message":
            message = await receive()
            answered.request_body += message.get("body", b"")
            return message

        async def said(message: "Message") -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.response_headers = _kept(message["headers"])
            else:
                answered.response_body += message.get("body", b"")
            await send(message)

        await self._app(scope, heard, said)
        self._log.served(answered, started_ns)


def _kept(headers: "list[tuple[bytes, bytes]]") -> dict[str, str]:
    decoded = (
        (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers
    )
    return {name: value for name, value in decoded if name not in _LEFT_OUT}


def _text(body: bytes) -> str | None:
    return body.decode("utf-8", "replace") if body else None
