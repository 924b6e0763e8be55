"""Records of any topic to exchanges, each one message; and those that a tool wrote to a file, one
a line.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import orjson

from monitor.model.exchanges import MESSAGING, Exchange
from monitor.model.records import Records, Reject, reject, stepped_over

KAFKA = "kafka"
"""The callee of a message of which nobody says who reads it: what spans name where they name no
consumer.
"""
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_B3 = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-.*)?")
_AHEAD_MS = 3_600_000
_BEFORE_MS = 946_684_800_000  # the year 2000
_MOST_HEADERS = 200
# as hex: a registry's clients write numbers there
_KEPT_BYTES = frozenset(
    {"__value_schema_id", "__key_schema_id", "apicurio.value.globalid", "apicurio.value.contentid"}
)
_VALUES = ("payload", "value")


@dataclass(frozen=True, slots=True)
class Parties:
    """Who writes to and reads from topics of which no trace tells it, by name or pattern of the
    topic; and the environment.
    """

    producers: Mapping[str, str] = field(default_factory=dict)
    consumers: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """What a batch of records holds."""

    exchanges: list[Exchange]
    rejects: list[Reject]


_UTF8, _LATIN = ("utf-8", "surrogatepass"), ("latin-1", "strict")


class _Refused(Exception):
    """A line of a file that is no record."""


def read_messages(records: Records, parties: Parties, *, recorded: bool = False) -> Messages:
    """One exchange a record, from its producer to its topic; the caller is "" where no setting
    names it.

    `recorded`: each record is a line of a file, as `kcat -J` writes it, or {"topic", "value" or
    "value_base64", "headers", "ts"}. Never raises for what a record holds.
    """
    exchanges: list[Exchange] = []
    rejects: list[Reject] = list(stepped_over(records))
    skipped = {rejection.place for rejection in rejects}
    for index, (place, value) in enumerate(zip(records.places(), records.values, strict=True)):
        if place in skipped:
            continue
        try:
            topic, body, headers, at_ms = (
                _recorded(records, index) if recorded else _live(records, index, value)
            )
        except _Refused as refused:
            rejects.append(reject(records, index, str(refused)))
            continue
        if at_ms < _BEFORE_MS or at_ms > records.timestamps_ms[index] + _AHEAD_MS:
            rejects.append(reject(records, index, "absurd_time"))
            continue
        exchanges.append(_exchange(place, topic, body, headers, at_ms, parties))
    return Messages(exchanges, rejects)


def said_for(table: Mapping[str, str], topic: str) -> str:
    """What a table of names and patterns says of a topic: the name beats a pattern, of patterns
    the longest counts.
    """
    if topic in table:
        return table[topic]
    fitting = [pattern for pattern in table if is_pattern(pattern) and fits(pattern, topic)]
    return table[max(fitting, key=len)] if fitting else ""


def is_pattern(name: str) -> bool:
    """Whether a name stands for several topics: with `*` or `?`, or a regular expression that
    begins with `^`.
    """
    return name.startswith("^") or "*" in name or "?" in name


def fits(pattern: str, topic: str) -> bool:
    """Whether a topic falls under a pattern."""
    return (
        re.fullmatch(pattern.removeprefix("^"), topic) is not None
        if pattern.startswith("^")
        else fnmatchcase(topic, pattern)
    )


def _exchange(
    place: tuple[str, int, int],
    topic: str,
    body: bytes,
    headers: Mapping[str, str],
    at_ms: int,
    parties: Parties,
) -> Exchange:
    trace, span = _context(headers)
    has_trace = any(trace) and any(span)
    source_id, partition, offset = place
    return Exchange(
        source_id=source_id,
        partition=partition,
        offset=offset,
        index=0,
        end_ns=at_ms * 1_000_000,
        duration_ns=None,
        method="",
        path=topic,
        route="",
        query="",
        status=0,
        caller=said_for(parties.producers, topic),
        caller_version="",
        callee=said_for(parties.consumers, topic) or KAFKA,
        callee_version="",
        callee_namespace="",
        environment=parties.environment,
        trace_id=trace if has_trace else b"",
        span_id=span if has_trace else b"",
        side="client",
        protocol=MESSAGING,
        request_headers=headers,
        request_body=body,
    )


def _context(headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Trace and span by W3C's header, else by Zipkin's, one or several:
    https://github.com/openzipkin/b3-propagation.
    """
    parent = _PARENT.fullmatch(headers.get("traceparent", "").strip().lower())
    if parent is None:
        b3 = (
            headers.get("b3")
            or f"{headers.get('x-b3-traceid', '')}-{headers.get('x-b3-spanid', '')}"
        )
        parent = _B3.fullmatch(b3.strip().lower())
    return (
        (bytes.fromhex(parent[1].rjust(32, "0")), bytes.fromhex(parent[2]))
        if parent
        else (b"", b"")
    )


def _live(records: Records, index: int, value: bytes) -> tuple[str, bytes, dict[str, str], int]:
    return (
        records.partitions[index].topic,
        value,
        _headers(records.headers[index].items()),
        records.timestamps_ms[index],
    )


def _headers(pairs: Any) -> dict[str, str]:
    """By name in lower case, as text; bytes that are no UTF-8 one character a byte, so that none
    is lost.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        if len(headers) >= _MOST_HEADERS:
            break
        word = str(name).lower()
        headers[word] = (
            value.hex() if word in _KEPT_BYTES and isinstance(value, bytes) else _text(value)
        )
    media = headers.pop("contenttype", "") if "content-type" not in headers else ""
    if media:
        headers["content-type"] = media
    if headers.get("content-type", "").startswith('"'):
        # as Spring writes its headers: each as JSON
        headers["content-type"] = headers["content-type"].strip('"')
    return headers


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        return "" if value is None else str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _recorded(records: Records, index: int) -> tuple[str, bytes, dict[str, str], int]:
    entry, texts = _entry(records.values[index])
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("topic"), str)
        or not entry["topic"]
    ):
        raise _Refused("no_topic")
    body = b""
    for word in _VALUES:
        held, packed = entry.get(word), entry.get(f"{word}_base64")
        if isinstance(packed, str):
            try:
                body = base64.b64decode(packed, validate=True)
            except (binascii.Error, ValueError):
                raise _Refused("bad_base64") from None
        elif held is not None:
            body = _bytes(held, texts) if isinstance(held, str) else orjson.dumps(held)
    pairs = _pairs(entry.get("headers"))
    if texts is _LATIN:
        pairs = (
            (name, _bytes(text, texts) if isinstance(text, str) else text) for name, text in pairs
        )
    return (
        entry["topic"],
        body,
        _headers(pairs),
        _when(entry, records.timestamps_ms[index]),
    )


def _bytes(text: str, encoding: tuple[str, str]) -> bytes:
    try:
        return text.encode(*encoding)
    except UnicodeEncodeError:
        raise _Refused("not_json") from None


def _entry(line: bytes) -> tuple[Any, tuple[str, str]]:
    """The JSON of a line, and by what its texts become the bytes that they were.

    kcat writes bytes that are no UTF-8 as they are: each is then a sign of Latin-1.
    """
    try:
        return orjson.loads(line), _UTF8
    except orjson.JSONDecodeError:
        try:
            line.decode()
        except UnicodeDecodeError:
            with suppress(ValueError, RecursionError):
                return json.loads(line.decode("latin-1")), _LATIN
    raise _Refused("not_json")


def _pairs(headers: Any) -> Iterator[tuple[str, Any]]:
    """Headers as an object, a list of pairs or objects, or kcat's flat list of names
    and values.
    """
    if isinstance(headers, dict):
        yield from headers.items()
    elif isinstance(headers, list) and all(isinstance(item, str | None) for item in headers):
        yield from zip(map(str, headers[::2]), headers[1::2], strict=False)
    elif isinstance(headers, list):
        for item in headers:
            if isinstance(item, list) and len(item) == 2:
                yield str(item[0]), item[1]
            elif isinstance(item, dict) and "key" in item:
                yield str(item["key"]), item.get("value")


def _when(entry: Mapping[str, Any], read_ms: int) -> int:
    """The record's time; that of reading where the line tells none."""
    for word in ("ts", "timestamp", "time"):
        stamp = entry.get(word)
        if isinstance(stamp, int) and not isinstance(stamp, bool):
            return stamp
        if isinstance(stamp, str) and stamp:
            try:
                return int(datetime.fromisoformat(stamp).timestamp() * 1000)
            except (ValueError, OverflowError):
                raise _Refused("bad_time") from None
    return read_ms
