"""Jaeger's spans to columns: protobuf (a Span or a Batch), the same in JSON, and the JSON of
Jaeger's own API.

https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto; tags for what
Jaeger has no field for: https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

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
    "KeyValue": (
        ("key", 1, Field.TYPE_STRING, False),
        ("v_type", 2, Field.TYPE_INT32, False),
        ("v_str", 3, Field.TYPE_STRING, False),
        ("v_bool", 4, Field.TYPE_BOOL, False),
        ("v_int64", 5, Field.TYPE_INT64, False),
        ("v_float64", 6, Field.TYPE_DOUBLE, False),
        ("v_binary", 7, Field.TYPE_BYTES, False),
    ),
    # Timestamp and Duration
    "Moment": (("seconds", 1, Field.TYPE_INT64, False), ("nanos", 2, Field.TYPE_INT32, False)),
    "Log": (("fields", 2, "KeyValue", True),),
    "SpanRef": (
        ("trace_id", 1, Field.TYPE_BYTES, False),
        ("span_id", 2, Field.TYPE_BYTES, False),
        ("ref_type", 3, Field.TYPE_INT32, False),
    ),
    "Process": (("service_name", 1, Field.TYPE_STRING, False), ("tags", 2, "KeyValue", True)),
    "Span": (
        ("trace_id", 1, Field.TYPE_BYTES, False),
        ("span_id", 2, Field.TYPE_BYTES, False),
        ("operation_name", 3, Field.TYPE_STRING, False),
        ("references", 4, "SpanRef", True),
        ("start_time", 6, "Moment", False),
        ("duration", 7, "Moment", False),
        ("tags", 8, "KeyValue", True),
        ("logs", 9, "Log", True),
        ("process", 10, "Process", False),
    ),
    "Batch": (("spans", 1, "Span", True), ("process", 2, "Process", False)),
}
Span: Any = message_class("jaeger_span", _MESSAGES, "Span")
Batch: Any = message_class("jaeger_batch", _MESSAGES, "Batch")

_KINDS = {
    "internal": 1,
    "server": KIND_SERVER,
    "client": KIND_CLIENT,
    "producer": KIND_PRODUCER,
    "consumer": KIND_CONSUMER,
}
_STATUSES = {"OK": 1, "ERROR": STATUS_ERROR}
_OWN_TAGS = frozenset(
    ("span.kind", "error", "otel.status_code", "otel.status_description", "w3c.tracestate")
)
_CHILD_OF, _FOLLOWS_FROM = "CHILD_OF", "FOLLOWS_FROM"
_FRACTION = re.compile(r"(.*:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)")
_BILLION = 1_000_000_000


class _Reference(NamedTuple):
    kind: str
    trace: bytes
    span: bytes


def jaeger_proto(columns: Columns, value: bytes) -> None:
    """A Span, which is what the Collector writes into a record, or a Batch, into `columns`. Raises
    DecodeError.
    """
    try:
        alone = Span.FromString(value)
    except DecodeError:
        alone = None
    if alone is not None and len(alone.trace_id) == 16 and len(alone.span_id) == 8:
        _add(columns, alone, alone.process)
        return
    batch = Batch.FromString(value)
    for span in batch.spans:
        _add(columns, span, span.process if span.HasField("process") else batch.process)
    if not batch.spans:
        columns.refuse_record("no_spans")


def jaeger_json(columns: Columns, held: Any) -> None:
    """A span, a list of them, a trace or a whole answer of Jaeger's API into `columns`."""
    for span, process in _entries(held, {}):
        try:
            owner = _owner(str(process.get("serviceName") or ""), _json_tags(process.get("tags")))
            plain = _json_span(span)
        except UNFORESEEN:
            columns.unread("bad_span")
            continue
        add_plain(columns, plain, owner, columns.resource(owner))


def _add(columns: Columns, span: Any, process: Any) -> None:
    owner = _owner(process.service_name, _proto_tags(process.tags))
    references = [
        _Reference(_FOLLOWS_FROM if ref.ref_type else _CHILD_OF, ref.trace_id, ref.span_id)
        for ref in span.references
    ]
    start = span.start_time.seconds * _BILLION + span.start_time.nanos
    length = span.duration.seconds * _BILLION + span.duration.nanos
    logs = [_proto_tags(log.fields) for log in span.logs]
    plain = _plain(
        span.trace_id,
        span.span_id,
        references,
        start,
        length,
        span.operation_name,
        _proto_tags(span.tags),
        logs,
    )
    add_plain(columns, plain, owner, columns.resource(owner))


def _entries(held: Any, processes: Entry) -> Iterator[tuple[Entry, Entry]]:
    """Spans with their processes, however they are wrapped."""
    if isinstance(held, list):
        for item in held:
            yield from _entries(item, processes)
    elif isinstance(held, dict) and isinstance(held.get("data"), list):
        yield from _entries(held["data"], processes)
    elif isinstance(held, dict) and isinstance(held.get("spans"), list):
        own_processes = held.get("processes") or {}
        for span in held["spans"]:
            yield (
                span,
                span.get("process")
                or own_processes.get(str(span.get("processID")))
                or held.get("process")
                or {},
            )
    elif isinstance(held, dict):
        yield held, held.get("process") or {}
    else:
        yield {}, {}


def _json_span(span: Entry) -> PlainSpan:
    references = [
        _Reference(
            _FOLLOWS_FROM if ref.get("refType") in (_FOLLOWS_FROM, 1) else _CHILD_OF,
            _id(ref.get("traceId") or ref.get("traceID"), 16),
            _id(ref.get("spanId") or ref.get("spanID"), 8),
        )
        for ref in span.get("references") or ()
    ]
    trace = _id(span.get("traceId") or span.get("traceID"), 16)
    above = _id(span.get("parentSpanID") or span.get("parentSpanId"), 8)
    if above and not references:
        references = [_Reference(_CHILD_OF, trace, above)]
    logs = [_json_tags(log.get("fields")) for log in span.get("logs") or ()]
    return _plain(
        trace,
        _id(span.get("spanId") or span.get("spanID"), 8),
        references,
        _moment(span.get("startTime") or 0),
        _length(span.get("duration") or 0),
        str(span.get("operationName") or ""),
        _json_tags(span.get("tags")),
        logs,
    )


def _plain(
    trace: bytes,
    own: bytes,
    references: Sequence[_Reference],
    start_ns: int,
    length_ns: int,
    name: str,
    tags: Mapping[str, Any],
    logs: Sequence[Mapping[str, Any]],
) -> PlainSpan:
    """The parent is the first CHILD_OF of the span's own trace, for want of one the first
    FOLLOWS_FROM; what else is referred to are links.
    """
    kind = _KINDS.get(str(tags.get("span.kind") or "").lower(), 1)
    mine = [ref for ref in references if ref.trace == trace]
    above = next((ref for ref in mine if ref.kind == _CHILD_OF), None)
    if above is None and kind != KIND_CONSUMER:
        above = next(iter(mine), None)
    links = []
    if kind in (KIND_CLIENT, KIND_CONSUMER):
        links = [(ref.trace, ref.span) for ref in references if ref is not above]
    status = _STATUSES.get(str(tags.get("otel.status_code") or "").upper(), 0)
    if str(tags.get("error") or "").lower() in ("true", "1"):
        status = STATUS_ERROR
    return PlainSpan(
        kind,
        trace,
        own,
        b"" if above is None or above.span == own else above.span,
        start_ns,
        start_ns + max(0, length_ns),
        status,
        name,
        {key: value for key, value in tags.items() if key not in _OWN_TAGS},
        str(tags.get("w3c.tracestate") or ""),
        links,
        _failure(logs, "exception.type", "error.kind") if status == STATUS_ERROR else "",
        str(tags.get("otel.status_description") or _failure(logs, "exception.message", "message")),
    )


def _failure(logs: Sequence[Mapping[str, Any]], *names: str) -> str:
    """What was thrown, as OpenTelemetry's exception event or OpenTracing's error log tells it."""
    for log in reversed(logs):
        if "message" in names and "error.kind" not in log and "exception.message" not in log:
            continue  # a log of anything else
        text = next((log[name] for name in names if log.get(name)), "")
        if text:
            return str(text)
    return ""


def _owner(service: str, tags: Mapping[str, Any]) -> dict[str, Any]:
    """A process as a resource."""
    owner = dict(tags)
    if service:
        owner["service.name"] = service
    if "hostname" in owner:
        owner.setdefault("host.name", owner["hostname"])
    return owner


def _proto_tags(tags: Any) -> dict[str, Any]:
    return {tag.key: _VALUES[tag.v_type](tag) for tag in tags if tag.v_type in _VALUES}


_VALUES: Mapping[int, Callable[[Any], Any]] = {  # but for bytes, which name nothing
    0: lambda tag: tag.v_str,
    1: lambda tag: tag.v_bool,
    2: lambda tag: tag.v_int64,
    3: lambda tag: tag.v_float64,
}


def _json_tags(tags: Any) -> dict[str, Any]:
    """Tags as Jaeger's API writes them (key, type, value), as protobuf's JSON does (key, vType,
    vStr ...), or as an object.
    """
    if isinstance(tags, dict):
        return dict(tags)
    return {str(tag["key"]): _json_value(tag) for tag in tags or ()}


def _json_value(tag: Entry) -> Any:
    kind = str(tag.get("vType", tag.get("v_type", tag.get("type", "")))).upper()
    value = tag.get("value")
    for name in ("vStr", "vBool", "vInt64", "vFloat64", "v_str", "v_bool", "v_int64", "v_float64"):
        if value is None:
            value = tag.get(name)
    if kind in ("INT64", "2") and value is not None:
        return int(value)
    if kind in ("BOOL", "1"):
        return value in (True, "true")
    return value


def _id(text: Any, size: int) -> bytes:
    """An id in base64, as protobuf's JSON writes bytes, or in hex, which may lack its leading
    zeros.
    """
    digits = str(text or "")
    try:
        if digits.endswith("="):
            return base64.b64decode(digits, validate=True)
        return (
            bytes.fromhex(digits.zfill(2 * size))
            if digits and len(digits) <= 2 * size
            else b"?"
            if digits
            else b""
        )
    except (ValueError, binascii.Error):
        return b"?"


def _moment(value: Any) -> int:
    """Microseconds since the epoch, or a text of RFC 3339, in ns."""
    if not isinstance(value, str):
        return int(value * 1000)
    if value.isdecimal():
        return int(value) * 1000
    match = _FRACTION.fullmatch(value)
    if match is None:
        raise ValueError("no time")
    whole = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
    return round((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * _BILLION + int(
        (match[2] or "0").ljust(9, "0")
    )


def _length(value: Any) -> int:
    """Microseconds, or a number of seconds as protobuf's JSON writes durations
    ("0.25s"), in ns.
    """
    if not isinstance(value, str):
        return int(value * 1000)
    if value.endswith("s"):
        whole, _, fraction = value[:-1].partition(".")
        return int(whole or 0) * _BILLION + int(fraction[:9].ljust(9, "0") or 0)
    return int(value) * 1000
