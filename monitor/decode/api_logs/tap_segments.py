"""Segments of Envoy's tap (`HttpStreamedTraceSegment`) joined to whole traces by their id.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/data/tap/v3/http.proto#data-tap-v3-httpstreamedtracesegment
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.recorders import decoded, tap_exchange
from monitor.decode.api_logs.waiting import Waiting, Waits
from monitor.model.exchanges import Exchange
from monitor.model.records import Place as Record

Entry = dict[str, Any]
_GRPC = "application/grpc"
_MOST_ENDED = 1_000
_PARTS = (
    "request_headers",
    "request_body_chunk",
    "request_trailers",
    "response_headers",
    "response_body_chunk",
    "response_trailers",
)


@dataclass(slots=True)
class _Message:
    headers: Entry | None = None
    trailers: list[Any] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    cut: bool = False
    ended: bool = False

    def said(self, name: str) -> str:
        pairs = self.headers.get("headers") if self.headers is not None else None
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict) and str(pair.get("key")).lower() == name:
                return str(pair.get("value") or "")
        return ""

    def has_all(self, *, bodiless: bool = False) -> bool:
        """Whether all of its body came by its length, or its trailers did."""
        length = self.said("content-length")
        return (
            self.ended
            or bodiless
            or (length.isdecimal() and len(length) < 12 and self.size >= int(length))
        )

    def is_ended(self, *, bodiless: bool = False) -> bool:
        """Whether no more of it can come that is looked at: how a call of gRPC ended stands in the
        trailers behind its body.
        """
        waits = self.said("content-type").startswith(_GRPC) and not self.said("grpc-status")
        return self.ended or (not waits and self.has_all(bodiless=bodiless))

    def is_whole(self, *, bodiless: bool = False) -> bool:
        """Whether all of its body came: it ended, or its JSON did."""
        if self.has_all(bodiless=bodiless):
            return True
        if not self.chunks or self.said("content-length"):
            return False
        try:
            held = orjson.loads(b"".join(self.chunks))
        except orjson.JSONDecodeError:
            return False
        return isinstance(held, dict | list)

    def buffered(self, *, cut: bool) -> Entry:
        body = base64.b64encode(b"".join(self.chunks)).decode()
        return (self.headers or {}) | {
            "body": {"as_bytes": body, "truncated": cut or self.cut},
            "trailers": self.trailers,
        }


@dataclass(slots=True)
class _Trace:
    place: Place
    index: int
    records: list[Record] = field(default_factory=list)
    request: _Message = field(default_factory=_Message)
    response: _Message = field(default_factory=_Message)

    @property
    def bodiless(self) -> bool:
        return (
            self.response.said(":status") in bodies.BODILESS
            or self.request.said(":method") == "HEAD"
        )

    @property
    def is_ended(self) -> bool:
        return self.response.headers is not None and self.response.is_ended(bodiless=self.bodiless)

    def exchange(self) -> Exchange:
        """Raises Refused."""
        cut = (
            bool(self.request.chunks) and not self.request.is_whole(),
            bool(self.response.chunks) and not self.response.is_whole(bodiless=self.bodiless),
        )
        trace = {
            "request": self.request.buffered(cut=cut[0]),
            "response": self.response.buffered(cut=cut[1]),
        }
        return tap_exchange({"http_buffered_trace": trace}, self.place, self.index)


class Segments:
    """Traces whose segments come one by one, in a batch of records."""

    def __init__(self) -> None:
        self._open: Waiting[_Trace] = Waiting()
        self._ended: dict[str, None] = {}
        """The last ones that their length ended: HTTP/2 has trailers behind it."""

    def add(self, entry: Entry, place: Place, index: int) -> Exchange | None:
        """The exchange that a segment ends, at its first segment's place; None while more may
        come. Raises Refused for a segment whose trace did not begin here.
        """
        segment = entry.get("http_streamed_trace_segment") or entry.get("httpStreamedTraceSegment")
        content = segment if isinstance(segment, dict) else {}
        trace_id = str(content.get("trace_id") or content.get("traceId") or "")
        part = next((name for name in _PARTS if name in content or _camel(name) in content), "")
        held = content.get(part, content.get(_camel(part)))
        if not trace_id or not isinstance(held, dict):
            raise fields.Refused("streamed_tap")
        if part == "request_headers":
            self._open.begin(trace_id, _Trace(place, index))
        trace = self._open.get(trace_id)
        if trace is None:
            if part == "response_trailers" and trace_id in self._ended:
                return None  # they say nothing of an exchange that is no call of gRPC
            raise fields.Refused("streamed_tap")
        trace.records.append(place.record)
        side, _, kind = part.partition("_")
        _put(trace.request if side == "request" else trace.response, kind, held)
        if side == "response" and trace.is_ended:
            self._open.end(trace_id)
            self._ended[trace_id] = None
            if len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]
            return trace.exchange()
        return None

    def left(
        self, waits: Waits, *, stay: bool = False
    ) -> Iterator[tuple[Place, Exchange | fields.Refused]]:
        """What was open still and may not wait, each with its place: an answer without a known end
        counts as cut off, none at all as a piece.
        """
        for trace in self._open.drain(lambda trace: trace.records, waits, stay=stay):
            try:
                if trace.response.headers is None:
                    raise fields.Refused("streamed_tap")
                yield trace.place, trace.exchange()
            except fields.Refused as refusal:
                yield trace.place, refusal


def _put(message: _Message, kind: str, held: Entry) -> None:
    if kind == "headers":
        message.headers = held
    elif kind == "trailers":
        trailers = held.get("headers")
        message.trailers = trailers if isinstance(trailers, list) else []
        message.ended = True
    else:
        message.cut = message.cut or held.get("truncated") is True
        text, coded = (
            held.get(name, held.get(_camel(name))) for name in ("as_string", "as_bytes")
        )
        chunk = (
            text.encode("utf-8", "surrogatepass")
            if isinstance(text, str)
            else decoded(coded or "")
        )
        message.chunks.append(chunk)
        message.size += len(chunk)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
