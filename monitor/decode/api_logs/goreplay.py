"""GoReplay's payloads, a request and its answer apart, joined by their id; as files hold them, and
as its output to Kafka tells them.

https://github.com/buger/goreplay/wiki/Saving-and-Replaying-from-file, .../wiki/Middleware;
output_kafka.go
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.flat import host_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.units import moment_ns
from monitor.decode.api_logs.waiting import Waiting, Waits
from monitor.model.exchanges import Body, Exchange
from monitor.model.log_lines import GOREPLAY_HEAD, GOREPLAY_MARK
from monitor.model.records import Place as Record

Entry = dict[str, Any]
_REQUEST, _ANSWER = "1", "2"
_LONGEST_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload. `latency_ns` is an answer's, from its own time on; `status` is text, None where
    it is not told.
    """

    kind: str
    id: str
    at_ns: int
    latency_ns: int = 0
    method: str = ""
    target: str = ""
    status: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = None
    cut: bool = False


def payloads(value: bytes, record_ms: int) -> Iterator[Payload | fields.Refused]:
    """The payloads of a file or of a part of it, in their order; each that cannot be used is a
    refusal.
    """
    for part in value.split(GOREPLAY_MARK):
        if part.strip():
            try:
                yield _payload(part, record_ms)
            except fields.Refused as refusal:
                yield refusal


def told_payload(entry: Entry, place: Place) -> Payload:
    """A payload as its output to Kafka tells it: of an answer the address is the status. Raises
    Refused.
    """
    raw = entry.get("Req_Headers")
    lines = isinstance(raw, str) and ":" in raw and raw[:1] != "{"
    headers = fields.headers_of(_pairs(str(raw)) if lines else raw)
    body, cut = body_and_cut(entry.get("Req_Body") or None)
    kind, target = str(entry.get("Req_Type")), entry.get("Req_URL")
    if kind not in ("1", "2", "3"):
        raise fields.Refused("goreplay_head")
    status = (
        target if kind != _REQUEST and isinstance(target, str) and target.isdecimal() else None
    )
    at = moment_ns(entry.get("Req_Ts"), place.record_ms)
    method = entry.get("Req_Method")
    return Payload(
        kind,
        str(entry.get("Req_ID")),
        at,
        method=method if isinstance(method, str) else "",
        target=target if isinstance(target, str) else "",
        status=status,
        headers=headers,
        body=body,
        cut=cut,
    )


def _payload(value: bytes, record_ms: int) -> Payload:
    match = GOREPLAY_HEAD.match(value)
    if match is None:
        raise fields.Refused("goreplay_head")
    head, body = _split(value[match.end() :])
    first, _, rest = head.partition("\n")
    words = first.split(None, 2)
    if len(words) < 2:
        raise fields.Refused("no_request")
    pairs = _pairs(rest)
    headers = fields.headers_of(pairs)
    kind = match[1].decode()
    asked = kind == _REQUEST
    status = words[1] if not asked else None
    latency = int(match[4] or 0)
    content, cut = _content(
        body, {name.lower(): text for name, text in pairs}, bodiless=status in bodies.BODILESS
    )
    return Payload(
        kind,
        match[2].decode(),
        fields.time_ns(int(match[3]), record_ms),
        latency if 0 < latency < _LONGEST_NS else 0,
        words[0] if asked else "",
        words[1] if asked else "",
        status,
        headers,
        content or None,
        cut,
    )


def _split(message: bytes) -> tuple[str, bytes]:
    """The first lines of an HTTP message, and what comes after the empty one."""
    for mark in (b"\r\n\r\n", b"\n\n"):
        head, divider, body = message.partition(mark)
        if divider:
            return head.decode("latin-1").replace("\r\n", "\n"), body
    return message.decode("latin-1").replace("\r\n", "\n").rstrip("\n"), b""


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = (line.partition(":") for line in text.replace("\r\n", "\n").split("\n"))
    return [(name.strip(), value.strip()) for name, colon, value in lines if colon]


def _content(body: bytes, headers: dict[str, str], *, bodiless: bool) -> tuple[bytes, bool]:
    """A body without its framing, and whether it is cut off."""
    if bodiless:
        return b"", False
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return dechunked(body)
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 12:
        return body[: int(length)], len(body) < int(length)
    return body, False


def dechunked(body: bytes) -> tuple[bytes, bool]:
    """A body that was sent in chunks (RFC 9112, 7.1), and whether its end is missing; as it is
    where it holds no chunks.
    """
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        size = body[at : max(end, at)].partition(b";")[0].strip()
        if end < 0 or not 0 < len(size) <= 8 or size.translate(None, b"0123456789abcdefABCDEF"):
            return (b"".join(parts), True) if parts else (body, bool(body))
        length = int(size, 16)
        if not length:
            return b"".join(parts), False
        parts.append(body[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
        if at > len(body):
            return b"".join(parts), len(parts[-1]) < length


def exchange_of(request: Payload, answer: Payload | None, place: Place, index: int) -> Exchange:
    """A request with its answer; without one nothing is known of how it ended. Raises Refused."""
    ended = answer.at_ns + answer.latency_ns if answer is not None else request.at_ns
    return make(
        place,
        index,
        end_ns=max(ended, request.at_ns),
        duration_ns=ended - request.at_ns
        if answer is not None and ended > request.at_ns
        else None,
        method=request.method,
        target=request.target,
        status=None if answer is None else answer.status,
        query_known=True,
        callee=host_of(request.headers.get("host", "")),
        request_headers=request.headers,
        response_headers={} if answer is None else answer.headers,
        request_body=request.body,
        response_body=None if answer is None else answer.body,
        request_truncated=request.cut,
        response_truncated=answer is not None and answer.cut,
    )


_Placed = tuple[Payload, Place, int]


class Pairs:
    """Requests that wait for their answers, in a batch of records, and answers for their requests:
    of a topic with several partitions they may come in any order.
    """

    def __init__(self) -> None:
        self._waiting: Waiting[_Placed] = Waiting()
        self._answers: Waiting[_Placed] = Waiting()

    def add(self, payload: Payload, place: Place, index: int) -> Exchange | None:
        """The exchange that both make, at the request's place; None for the first of them, which
        waits. Raises Refused for a replayed answer alone.

        A replayed answer ends a request only where the first one did not; a request of the same id
        leaves the one before alone.
        """
        if payload.kind == _REQUEST:
            early = self._answers.end(payload.id)
            if early is not None:
                return exchange_of(payload, early[0], place, index)
            self._waiting.begin(payload.id, (payload, place, index))
            return None
        waiting = self._waiting.end(payload.id)
        if waiting is not None:
            request, there, at = waiting
            return exchange_of(request, payload, there, at)
        if payload.kind != _ANSWER:
            raise fields.Refused("answer_apart")
        self._answers.begin(payload.id, (payload, place, index))
        return None

    def left(
        self, waits: Waits, *, stay: bool = False
    ) -> Iterator[tuple[Place, Exchange | fields.Refused]]:
        """Requests and answers that may not wait for their others, each with its place."""
        for _, place, _ in self._answers.drain(_records, waits, stay=stay):
            yield place, fields.Refused("answer_apart")
        for request, place, index in self._waiting.drain(_records, waits, stay=stay):
            try:
                yield place, exchange_of(request, None, place, index)
            except fields.Refused as refusal:
                yield place, refusal


def _records(placed: _Placed) -> tuple[Record]:
    return (placed[1].record,)
