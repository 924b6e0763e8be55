"""Bodies of gRPC and Connect by their media type: messages as bytes or JSON, framed or bare, and
what an answer says of its success.

https://connectrpc.com/docs/protocol/: a unary call of Connect is one message as it is; an error is
JSON, with a status of HTTP.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Literal

from monitor.contracts.encodings import ENCODED
from monitor.contracts.grpc_frames import CONNECT, Framed, code_of, frames_of, is_grpc
from monitor.contracts.matching.call import Call
from monitor.contracts.payloads import NO_BODY, Payload, is_json_type

HTTP_OK = 200
Kind = Literal["bytes", "json", "other"]
_BYTES = frozenset(
    {
        "",
        "application/proto",
        "application/protobuf",
        "application/x-protobuf",
        "application/octet-stream",
    }
)


def media_kind(media: str) -> Kind:
    """How messages are written in bodies of a media type (lower case); "other": no message of
    Protobuf travels so.
    """
    kind = media.partition(";")[0].rstrip()
    if is_grpc(media):
        return (
            "json"
            if kind.endswith("+json")
            else "bytes"
            if kind.rpartition("+")[2] in (kind, "proto")
            else "other"
        )
    return "bytes" if kind in _BYTES else "json" if kind == "application/json" else "other"


def is_bare(media: str) -> bool:
    """Whether a body of a media type is one message as it is, so that an empty one is a message
    without fields: a type that says nothing may be a frame's.
    """
    return bool(media) and not is_grpc(media) and media_kind(media) == "bytes"


def in_media(
    body: bytes | str, media: str, kind: Kind, headers: Mapping[str, str], most_bytes: int
) -> Framed:
    """The messages of a body. JSON that stands alone is one message, whatever it begins with."""
    coding = headers.get(
        "connect-content-encoding" if media.startswith(CONNECT) else "grpc-encoding", ""
    )
    if kind == "json" and (not is_grpc(media) or body[:1] in ("{", b"{")):
        return Framed([body if isinstance(body, bytes) else body.encode("utf-8", "replace")])
    return frames_of(body, media, coding, most_bytes)


def asked_in_query(call: Call) -> tuple[Kind, bytes | str, str]:
    """The message of a call by GET, how it is written, and why it cannot be seen:
    https://connectrpc.com/docs/protocol/#unary-get-request.
    """
    query = call.query or {}
    text, words = query.get("message", [""])[0], query.get("encoding", [""])[0]
    if "message" not in query or query.get("compression", ["identity"])[0] != "identity":
        return "bytes", "", ENCODED if "message" in query else NO_BODY
    kind: Kind = "json" if words == "json" else "bytes" if words == "proto" else "other"
    if query.get("base64", ["0"])[0] != "1":
        return kind, text.encode("utf-8", "surrogateescape"), ""
    try:
        return (
            kind,
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True),
            "",
        )
    except (binascii.Error, ValueError):
        return kind, "", ENCODED


def status_told(response: Payload, status: int, most_bytes: int) -> str:
    """The status that the bytes of an answer with this status of HTTP tell: trailers of gRPC-Web,
    the end of a stream of Connect, or its error. "" where none does.
    """
    media = response.media
    if is_json_type(media) and not is_grpc(media):
        return "" if status == HTTP_OK or response.problem else code_of(response.value)
    body, problem = response.raw()
    return "" if problem else frames_of(body, media, "identity", most_bytes).status
