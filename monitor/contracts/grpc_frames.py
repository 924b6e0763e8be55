"""The messages in a body of gRPC, gRPC-Web or Connect, each behind five bytes or bare, as logs
carry them.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md and
https://connectrpc.com/docs/protocol/
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from monitor.contracts.encodings import ENCODED, unpacked_body
from monitor.contracts.payloads import TOO_LARGE, TRUNCATED

MOST_MESSAGES = 200
_HEAD = 5
_COMPRESSED, _CONNECT_END, _TRAILERS = 0x01, 0x02, 0x80
_CODES = (
    *(
        "canceled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
    ),
    *(
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
    ),
    *("data_loss", "unauthenticated"),
)
"""Connect's words for gRPC's status codes, from 1 on."""
GRPC, GRPC_WEB_TEXT, CONNECT = (
    "application/grpc",
    "application/grpc-web-text",
    "application/connect+",
)


@dataclass(frozen=True, slots=True)
class Framed:
    """The messages of a body in their order, and what its trailers say, "" where there are none.
    `problem`: why it could not be read. `bare`: no frame tells how long the message was sent.
    """

    messages: Sequence[bytes] = ()
    status: str = ""
    problem: str = ""
    bare: bool = False


def is_grpc(media: str) -> bool:
    """Whether a content type is gRPC's or gRPC-Web's, or that of Connect's streams."""
    return media.startswith((GRPC, CONNECT))


def code_of(answer: object) -> str:
    """The status code that an error of Connect tells; "" for what is none."""
    code = answer.get("code") if isinstance(answer, dict) else None
    return str(_CODES.index(code) + 1) if code in _CODES else ""


def frames_of(body: bytes | str, media: str, coding: str, most_bytes: int) -> Framed:
    """What a body holds. Text stands for base64. No message of Protobuf begins with 0 or 1, as
    each of gRPC's frames does.

    A body that ends inside a message was cut by the log: the transport would not have taken it.
    All messages together unpack to at most `most_bytes`, and are at most MOST_MESSAGES: what is
    more is not looked at, and `problem` says so.
    """
    data = _bytes(body, media)
    if data is None:
        return Framed(problem=ENCODED)
    messages: list[bytes] = []
    if not data or (data[0] > _COMPRESSED and not (data[0] == _TRAILERS and "web" in media)):
        return Framed([data], bare=True)
    connect = media.startswith(CONNECT)
    status, at, room = "", 0, most_bytes or -1
    while at < len(data):
        head, end = data[at], at + _HEAD
        if len(messages) >= MOST_MESSAGES:
            return Framed(messages, problem=TOO_LARGE)
        length = int.from_bytes(data[at + 1 : end], "big")
        if head & ~(_COMPRESSED | (_CONNECT_END if connect else _TRAILERS)):
            return Framed(problem=ENCODED)  # no frame: some other bytes
        if end + length > len(data):
            return Framed(messages, problem=TRUNCATED)
        part = data[end : end + length]
        at = end + length
        if head & _TRAILERS:
            status = _status(part)
            continue
        if head & _COMPRESSED:
            unpacked, problem = (
                unpacked_body(part, coding or "gzip", room) if room >= 0 else (b"", "")
            )
            if unpacked is None:
                return Framed(messages, problem=problem or ENCODED)
            part = unpacked
            room -= len(part)
        if head & _CONNECT_END:
            status = _status_of_end(part)
        else:
            messages.append(part)
    return Framed(messages, status)


def status_in_body(body: bytes | str | None, media: str) -> str:
    """The status that the trailers of gRPC-Web tell in a body; "" where there are none."""
    return frames_of(body, media, "identity", 0).status if body and "web" in media else ""


def _bytes(body: bytes | str, media: str) -> bytes | None:
    text = body if isinstance(body, str) else ""
    if isinstance(body, bytes):
        if not media.startswith(GRPC_WEB_TEXT):
            return body
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError:
            return body  # the log undid it
    whole = "".join(text.split())
    try:  # of gRPC-Web each flush is padded on its own
        return b"".join(base64.b64decode(part, validate=True) for part in _padded(whole))
    except (binascii.Error, ValueError):
        return None


def _padded(text: str) -> Sequence[str]:
    """Texts of base64 that were written one after the other, each up to its padding."""
    if "=" not in text.rstrip("="):
        bare = text.rstrip("=")
        return [bare + "=" * (-len(bare) % 4)]
    parts: list[str] = []
    start = 0
    for at in range(0, len(text), 4):
        if text[at : at + 4].endswith("="):
            parts.append(text[start : at + 4])
            start = at + 4
    return [*parts, *([text[start:]] if start < len(text) else [])]


def _status_of_end(part: bytes) -> str:
    try:
        held = orjson.loads(part)
    except orjson.JSONDecodeError:
        return ""
    return code_of(held.get("error")) if isinstance(held, dict) else ""


def _status(trailers: bytes) -> str:
    for line in trailers.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "grpc-status":
            return value.strip()
    return ""
