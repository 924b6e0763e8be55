"""One Kafka record as a hook sees it, and what is written of it: a message in the monitor's plain
form.
"""

import time
from collections.abc import Iterable
from typing import Any, Literal

from . import masks
from .heard import Unheard
from .seen import body_fields
from .settings import Bounds, Settings
from .shapes import as_json, is_json

End = Literal["producer", "consumer"]
_MOST_HEADERS, _LONGEST = 100, 2_048
# what a schema registry's clients put before a value, four bytes of an id behind it
_REGISTRY = b"\x00"
_SCHEMA = "__value_schema_id"
_IN_HEX = frozenset({_SCHEMA, "__key_schema_id"})
_OPENS = frozenset(b'{["-0123456789tfn \t\r\n')


class Message:
    """A record on its way, filled in the application's thread and written down by ours. It holds
    at most the bounds' bytes.
    """

    __slots__ = ("_body", "_end", "_headers", "_is_cut", "_time_ns", "_topic", "_whole", "size")

    def __init__(
        self,
        end: End,
        topic: str,
        value: Any,
        headers: Iterable[Any],
        time_ns: int,
        bounds: Bounds,
    ) -> None:
        """`value` as it travels: bytes or text; None for a tombstone; anything else is a value of
        which nothing is known.
        """
        self._end: End = end
        self._topic = str(topic)[:249]
        self._time_ns = time_ns or time.time_ns()
        self._headers, self._whole = _held(headers)
        self._is_cut = (
            isinstance(value, bytes | bytearray | memoryview | str | Unheard)
            and len(value) > bounds.body_bytes
        )
        self._body = None if self._is_cut else _bytes(value)
        if self._body is not None and len(self._body) > bounds.body_bytes:
            self._body, self._is_cut = None, True
        self.size = (
            1_000
            + len(self._body or b"")
            + sum(len(name) + len(text) for name, text in self._headers)
        )
        """What it holds in memory, nearly."""

    def written(self, settings: Settings) -> bytes:
        """The record, a line of JSON. Without `settings.values` no value of it is in there."""
        service, values = settings.service, settings.values
        headers, whole = masks.headers(self._headers, values=values, words=settings.redact)
        headers |= {name: text for name, text in self._headers if masks.is_known_word(name)}
        body = self._body
        if body is not None and body[:1] == _REGISTRY and len(body) > 5 and _SCHEMA not in headers:
            # where clients that put it into headers have it
            headers[_SCHEMA], body = body[:5].hex(), body[5:]
        record: dict[str, Any] = {
            "time": self._time_ns,
            "protocol": "messaging",
            "topic": self._topic,
            "side": self._end,
            "request_headers": headers,
            "capture": {"share": settings.share, "shapes": not values},
        }
        who = (
            ("caller", "caller_version")
            if self._end == "producer"
            else ("callee", "callee_version")
        )
        fields = dict(zip(who, (service.name, service.version), strict=True))
        fields |= {"environment": service.environment, "instance": service.instance}
        record |= {name: text for name, text in fields.items() if text}
        if not (whole and self._whole):
            record["headers_whole"] = False
        if not values:
            record["redacted"] = True
        if self._is_cut:
            record["request_truncated"] = True
        elif body == b"":
            record["request_body"] = ""
        elif body is not None and _is_text_or_json(body, headers):
            record |= body_fields("request", body, headers, settings)
        return as_json(record).encode()


def _is_text_or_json(body: bytes, headers: dict[str, str]) -> bool:
    """Whether it is to be looked at as JSON. Avro and Protobuf have no shape without their schema:
    nothing is told of them.
    """
    media = (headers.get("content-type") or headers.get("contenttype") or "").strip('"')
    if media:
        return is_json(media)
    if body[0] in _OPENS:
        return True
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable()


def _held(pairs: Iterable[Any]) -> tuple[list[tuple[str, str]], bool]:
    """Headers by lower-case name, as text, within bounds; and whether these are all."""
    headers: list[tuple[str, str]] = []
    for pair in pairs:
        if len(headers) >= _MOST_HEADERS:
            return headers, False
        name, value = pair
        word = str(name)[:200].lower()
        if isinstance(value, str):
            text = value[:_LONGEST]
        else:
            start = bytes(memoryview(value)[:_LONGEST]) if value is not None else b""
            text = start.hex() if word in _IN_HEX else start.decode("utf-8", "replace")
        headers.append((word, text))
    return headers, True


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None
