"""Zipkin's spans to columns: JSON of version 2 and 1, and protobuf.

https://zipkin.io/zipkin-api/ (v1 and v2),
https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto,
https://github.com/openzipkin/b3-propagation (shared span ids); tags that the Collector writes for
what Zipkin has no field for: https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from monitor.decode.messages import Field, Messages, message_class
from monitor.decode.plain_span import PlainSpan, add_plain
from monitor.decode.span_columns import Columns
from monitor.decode.unforeseen import UNFORESEEN
from monitor.model.spans import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_PRODUCER,
    KIND_SERVER,
    STATUS_ERROR,
)

Entry = Mapping[str, Any]

_MESSAGES: Messages = {
    "Endpoint": (
        ("service_name", 1, Field.TYPE_STRING, False),
        ("ipv4", 2, Field.TYPE_BYTES, False),
        ("ipv6", 3, Field.TYPE_BYTES, False),
        ("port", 4, Field.TYPE_INT32, False),
    ),
    "Annotation": (
        ("timestamp", 1, Field.TYPE_FIXED64, False),
        ("value", 2, Field.TYPE_STRING, False),
    ),
    "Tag": (("key", 1, Field.TYPE_STRING, False), ("value", 2, Field.TYPE_STRING, False)),
    "Span": (
        ("trace_id", 1, Field.TYPE_BYTES, False),
        ("parent_id", 2, Field.TYPE_BYTES, False),
        ("id", 3, Field.TYPE_BYTES, False),
        ("kind", 4, Field.TYPE_INT32, False),
        ("name", 5, Field.TYPE_STRING, False),
        ("timestamp", 6, Field.TYPE_FIXED64, False),
        ("duration", 7, Field.TYPE_UINT64, False),
        ("local_endpoint", 8, "Endpoint", False),
        ("remote_endpoint", 9, "Endpoint", False),
        ("annotations", 10, "Annotation", True),
        ("tags", 11, "Tag", True),
        ("shared", 13, Field.TYPE_BOOL, False),
    ),
    "ListOfSpans": (("spans", 1, "Span", True),),
}
ListOfSpans: Any = message_class("zipkin", _MESSAGES, "ListOfSpans")

_KINDS = {
    "CLIENT": KIND_CLIENT,
    "SERVER": KIND_SERVER,
    "PRODUCER": KIND_PRODUCER,
    "CONSUMER": KIND_CONSUMER,
}
_NUMBERS = ("", "CLIENT", "SERVER", "PRODUCER", "CONSUMER")
_BEGINS = {"CLIENT": "cs", "SERVER": "sr", "PRODUCER": "ms", "CONSUMER": "mr"}
_ENDS = {"CLIENT": "cr", "SERVER": "ss", "PRODUCER": "ws", "CONSUMER": "wr"}
_STATUSES = {"OK": 1, "ERROR": STATUS_ERROR}
_INTERNAL = 1
_MOST_LINKS = 128
_ADDRESSES = ("ca", "sa", "ma")
# Tags of Brave and Finagle to OpenTelemetry's names, where Zipkin's own libraries use another
# word.
_WORDS = {"http.path": "http.target", "sql.query": "db.statement"}
_OWN_TAGS = frozenset(
    ("error", "otel.status_code", "otel.status_description", "w3c.tracestate", "span.kind")
)


def zipkin_json(columns: Columns, held: Any) -> None:
    """The spans of a parsed list (or a list of traces, or one span) into `columns`."""
    entries = list(_entries(held))
    if not entries:
        columns.refuse_record("no_spans")
    for entry in entries:
        try:
            for plain, owner in _of_entry(entry):
                add_plain(columns, plain, owner, columns.resource(owner))
        except UNFORESEEN:
            columns.unread("bad_span")


def zipkin_proto(columns: Columns, value: bytes) -> None:
    """The spans of a ListOfSpans into `columns`. Raises DecodeError."""
    zipkin_json(columns, [_entry(span) for span in ListOfSpans.FromString(value).spans])


def _entries(held: Any) -> Iterator[Any]:
    if isinstance(held, list):
        for item in held:
            yield from _entries(item)
    else:
        yield held


def _entry(span: Any) -> Entry:
    """A protobuf span as version 2 of the JSON writes it."""
    return {
        "traceId": span.trace_id.hex(),
        "parentId": span.parent_id.hex(),
        "id": span.id.hex(),
        "kind": _NUMBERS[span.kind] if 0 <= span.kind < len(_NUMBERS) else "UNKNOWN",
        "name": span.name,
        "timestamp": span.timestamp,
        "duration": span.duration,
        "localEndpoint": _endpoint(span.local_endpoint),
        "remoteEndpoint": _endpoint(span.remote_endpoint),
        "annotations": [
            {"timestamp": note.timestamp, "value": note.value} for note in span.annotations
        ],
        "tags": {tag.key: tag.value for tag in span.tags},
        "shared": span.shared,
    }


def _endpoint(endpoint: Any) -> Entry:
    ip = endpoint.ipv4 or endpoint.ipv6
    address = str(ipaddress.ip_address(ip)) if len(ip) in (4, 16) else ""
    return {"serviceName": endpoint.service_name, "ipv4": address, "port": endpoint.port}


def _of_entry(entry: Entry) -> list[tuple[PlainSpan, dict[str, Any]]]:
    """The sides that an entry tells of, each with its resource: one in version 2, client and
    server together where version 1 merged them.
    """
    times = {
        str(note.get("value")): int(note.get("timestamp") or 0)
        for note in entry.get("annotations") or ()
    }
    kind = str(entry.get("kind") or "").upper()
    kinds = (
        [kind]
        if kind
        else [name for name in _KINDS if _BEGINS[name] in times or _ENDS[name] in times]
    )
    if not kinds:
        kinds = [_addressed(entry)]
    made = []
    for name in kinds:
        local, remote = _endpoints(entry, name)
        service = str(local.get("serviceName") or "")
        own = _tags(entry, service if len(kinds) > 1 else "")
        span = _plain(entry, name, _tags(entry, "") | own, times, merged=len(kinds) > 1)
        if remote:
            span = replace(span, attributes={**_peer(remote), **span.attributes})
        made.append((span, own | ({"service.name": service} if service else {})))
    return made


def _plain(
    entry: Entry, kind: str, tags: Mapping[str, Any], times: Mapping[str, int], *, merged: bool
) -> PlainSpan:
    own, parent = _padded(entry.get("id"), 8), _padded(entry.get("parentId"), 8)
    start, length = int(entry.get("timestamp") or 0), int(entry.get("duration") or 0)
    begun, ended = times.get(_BEGINS.get(kind, ""), 0), times.get(_ENDS.get(kind, ""), 0)
    joined = entry.get("shared") is True or (
        kind == "SERVER" and bool(begun) and (merged or not start)
    )
    if begun and (merged or not start):
        start, length = begun, max(0, ended - begun) if ended else 0
    elif ended and not start:
        start = ended - length
    if kind == "SERVER" and joined:
        # the caller's span has this id too: it is what this side answers, whatever lies above both
        parent = own
    elif parent == own:
        parent = b""
    status = _STATUSES.get(str(tags.get("otel.status_code") or "").upper(), 0)
    error = tags.get("error")
    if error is not None and str(error).lower() != "false":
        status = STATUS_ERROR
    number = _KINDS.get(kind, _INTERNAL if not kind else 99)
    return PlainSpan(
        number,
        _padded(entry.get("traceId"), 16),
        own,
        parent,
        start * 1000,
        (start + length) * 1000,
        status,
        str(entry.get("name") or ""),
        {_WORDS.get(key, key): value for key, value in tags.items() if key not in _OWN_TAGS},
        str(tags.get("w3c.tracestate") or ""),
        _links(tags) if number in (KIND_CLIENT, KIND_CONSUMER) else (),
        message=str(
            tags.get("otel.status_description")
            or (error if error is not None and str(error).lower() != "true" else "")
        ),
    )


def _tags(entry: Entry, service: str) -> dict[str, Any]:
    """Tags, or version 1's binary annotations that are no addresses: of a `service`, those that no
    other one wrote.
    """
    tags = dict(entry.get("tags") or {})
    for note in entry.get("binaryAnnotations") or ():
        writer = str((note.get("endpoint") or {}).get("serviceName") or "")
        if str(note.get("key")) not in _ADDRESSES and (not service or writer in ("", service)):
            tags[str(note.get("key"))] = note.get("value")
    return tags


def _endpoints(entry: Entry, kind: str) -> tuple[Entry, Entry]:
    """The endpoint that speaks and the one at the other side. In version 1 each annotation names
    its own, and the addresses sa, ca and ma the other.
    """
    local, remote = entry.get("localEndpoint") or {}, entry.get("remoteEndpoint") or {}
    core = (_BEGINS.get(kind), _ENDS.get(kind))
    notes = [*(entry.get("annotations") or ()), *(entry.get("binaryAnnotations") or ())]
    owners = [
        note
        for note in notes
        if note.get("endpoint") and (note.get("value") in core or note.get("key") in core)
    ]
    others = [note for note in notes if note.get("endpoint") and note.get("key") not in _ADDRESSES]
    for owner in owners or others:
        local = local or owner["endpoint"]
    address = {"CLIENT": "sa", "SERVER": "ca"}.get(kind, "ma")
    for note in notes:
        if note.get("endpoint") and note.get("key") == address:
            remote = remote or note["endpoint"]
    return local, remote


def _addressed(entry: Entry) -> str:
    """The kind of a span of version 1 that names only whom it called (sa) or who called (ca)."""
    keys = {note.get("key") for note in entry.get("binaryAnnotations") or ()}
    return "CLIENT" if "sa" in keys else "SERVER" if "ca" in keys else ""


def _peer(remote: Entry) -> dict[str, Any]:
    address = remote.get("ipv4") or remote.get("ipv6")
    attributes = {
        "peer.service": remote.get("serviceName"),
        "net.peer.ip": address,
        "net.peer.port": remote.get("port"),
    }
    return {name: value for name, value in attributes.items() if value}


def _links(tags: Mapping[str, Any]) -> Sequence[tuple[bytes, bytes]]:
    """Links, which the Collector writes as tags: trace|span|state|attributes|dropped."""
    links = []
    for number in range(_MOST_LINKS):
        text = tags.get(f"otlp.link.{number}")
        if text is None:
            break
        trace, _, rest = str(text).partition("|")
        links.append((_padded(trace, 16), _padded(rest.partition("|")[0], 8)))
    return links


def _padded(text: Any, size: int) -> bytes:
    """An id of hex digits, filled up with zeros on the left as B3 says of 64-bit trace ids; bytes
    that are no id for what is none.
    """
    digits = str(text or "")
    try:
        return (
            bytes.fromhex(digits.zfill(2 * size))
            if digits and len(digits) <= 2 * size
            else b""
            if not digits
            else b"?"
        )
    except ValueError:
        return b"?"
