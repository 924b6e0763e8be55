"""The messages in a body of gRPC or gRPC-Web, each behind five bytes or bare, as logs carry them.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.contracts.encodings import ENCODED, unpacked_body
from monitor.contracts.payloads import TRUNCATED

MOST_MESSAGES = 200
_HEAD = 5
_COMPRESSED, _TRAILERS = 0x01, 0x80
GRPC, GRPC_WEB_TEXT = "application/grpc", "application/grpc-web-text"


@dataclass(frozen=True, slots=True)
class Framed:
    """The messages of a body in their order, and what its trailers say, "" where there are none. `problem`: why it could not be read."""

    messages: Sequence[bytes] = ()
    status: str = ""
    problem: str = ""


def is_grpc(media: str) -> bool:
    """Whether a content type is gRPC's or gRPC-Web's."""
    return media.startswith(GRPC)


def frames_of(body: bytes | str, media: str, coding: str, most_bytes: int) -> Framed:
    """What a body holds. Text stands for base64. No message of Protobuf begins with 0 or 1, as each of gRPC's frames does.

    A body that ends inside a message was cut by the log: the transport would not have taken it.
    """
    data = _bytes(body, media)
    if data is None:
        return Framed(problem=ENCODED)
    found: list[bytes] = []
    if not data or (data[0] > _COMPRESSED and not (data[0] == _TRAILERS and "web" in media)):
        return Framed([data])
    status, at = "", 0
    while at < len(data):
        head, end = data[at], at + _HEAD
        if len(found) >= MOST_MESSAGES:
            break
        length = int.from_bytes(data[at + 1 : end], "big")
        if head & ~(_COMPRESSED | _TRAILERS):
            return Framed(problem=ENCODED)  # no frame: some other bytes
        if end + length > len(data):
            return Framed(found, problem=TRUNCATED)
        part = data[end : end + length]
        at = end + length
        if head & _TRAILERS:
            status = _status(part)
            continue
        if head & _COMPRESSED:
            unpacked, problem = unpacked_body(part, coding or "gzip", most_bytes) if most_bytes else (b"", "")
            if unpacked is None:
                return Framed(found, problem=problem or ENCODED)
            part = unpacked
        found.append(part)
    return Framed(found, status)


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


def _status(trailers: bytes) -> str:
    for line in trailers.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "grpc-status":
            return value.strip()
    return ""
