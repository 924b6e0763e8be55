"""OTLP trace records to columns of spans: the plain reference decoder (protobuf by upb, JSON by orjson)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from monitor.decode.otlp_view import Request
from monitor.decode.span_columns import BODY_ATTRIBUTES, MAX_RECORD_BYTES, NAMING, Columns
from monitor.decode.span_json import json_spans
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.decode.wordy import ROUTES, WORDY, cut_down
from monitor.model.records import Records, Rejects
from monitor.model.spans import STATUS_ERROR, SpanBatch, Words

_OURS = frozenset(name.encode() for name in NAMING | BODY_ATTRIBUTES)
_WORDY = frozenset(name.encode() for name in WORDY | BODY_ATTRIBUTES)


def decode_spans(records: Records, encoding: str = "otlp_proto") -> tuple[SpanBatch, Rejects]:
    """Every edge-making span of a batch by column, and what could not be read.

    `encoding` is otlp_proto or otlp_json; a record's own header (content-type or encoding) wins. A record that
    cannot be read is one reject; a span that cannot be used is counted with its reason, its neighbours are kept.
    Never raises on any bytes. Cost: some 5-8 us of CPU a span. Format: opentelemetry-proto trace/v1.
    """
    columns, unpacker = Columns(records), Unpacker(MAX_RECORD_BYTES)
    for index, (value, headers) in enumerate(zip(records.values, records.headers, strict=True)):
        columns.begin(index)
        if not value:
            columns.refuse_empty()
        elif len(value) > MAX_RECORD_BYTES:
            columns.refuse_record("too_large", f"{len(value)} bytes, at most {MAX_RECORD_BYTES}")
        else:
            _decode_record(columns, unpacker, value, headers, encoding)
    return columns.batch(), columns.rejects


def _decode_record(columns: Columns, unpacker: Unpacker, value: bytes, headers: Mapping[str, bytes], encoding: str) -> None:
    said = b" ".join(headers.get(name, b"") for name in ("content-type", "encoding", "content-encoding")).lower()
    if b"gzip" in said or value[:2] == GZIP:
        value, reason = unpacker.unpack(value)
        if reason:
            columns.refuse_record(reason)
            return
    as_json = b"json" in said or (encoding == "otlp_json" and b"proto" not in said)
    try:
        if as_json:
            json_spans(columns, value)
        else:
            _proto_spans(columns, value)
    except DecodeError:
        columns.refuse_record("not_otlp_proto")
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        columns.refuse_record("not_json")
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        columns.refuse_record("not_otlp", type(error).__name__)


def _proto_spans(columns: Columns, value: bytes) -> None:
    request: Any = Request.FromString(value)
    if not request.resource_spans:
        columns.refuse_record("no_spans")
        return
    add = columns.add
    for block in request.resource_spans:
        resource = columns.resource_of(block.resource)
        if resource is None:
            resource = columns.resource(_resource(block.resource), block.resource)
        for scope in block.scope_spans:
            for span in scope.spans:
                kind = span.kind
                if kind < 2 or resource < 0 or kind > 5:
                    columns.passed(kind, resource)
                    continue
                try:
                    words, bodies = _words(span, columns.known_attributes)
                    status = span.status
                    code = Status.FromString(status).code if status else 0
                    if code == STATUS_ERROR and span.events and "error.type" not in words[1::2]:
                        words += _exception(span.events)
                except DecodeError:
                    columns.unread("bad_attribute")
                    continue
                row = add(
                    kind,
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    code,
                    resource,
                    words,
                    span.trace_state.decode("utf-8", "replace"),
                )
                if row >= 0:
                    if kind == 5 and span.links:
                        links = [Span.Link.FromString(link) for link in span.links]
                        columns.links(row, ((link.trace_id, link.span_id) for link in links))
                    if bodies:
                        owner = _resource(block.resource) or {}
                        pairs = [KeyValue.FromString(raw) for raw in span.attributes]
                        columns.body(row, owner, {pair.key: _proto_value(pair.value) for pair in pairs})


def _resource(raw: bytes) -> dict[str, Any] | None:
    try:
        return {pair.key: _proto_value(pair.value) for pair in Resource.FromString(raw).attributes}
    except DecodeError:
        return None


def _words(span: Any, known: dict[bytes, tuple[Any, ...]]) -> tuple[Words, bool]:
    """A span's name and the attributes that name its edge, and whether it carries a payload. The hot loop."""
    words: list[Any] = [span.name.decode("utf-8", "replace")]
    wordy: list[bytes] = []
    for raw in span.attributes:
        said = known.get(raw)
        if said is None:
            said = _attribute(raw, known, wordy)
        words += said
    bodies = False
    if wordy:
        routed = not ROUTES.isdisjoint(words[1::2])
        for raw in wordy:
            pair = KeyValue.FromString(raw)
            if pair.key in BODY_ATTRIBUTES:
                bodies = True
            else:
                words += (pair.key, cut_down(pair.key, str(_proto_value(pair.value)), routed=routed))
    return tuple(words), bodies


def _attribute(raw: bytes, known: dict[bytes, tuple[Any, ...]], wordy: list[bytes]) -> tuple[Any, ...]:
    """The words an attribute adds; raises DecodeError. What differs from span to span is put aside, not remembered."""
    if len(raw) > 2 and raw[0] == 0x0A and raw[1] < 0x80:
        key = raw[2 : 2 + raw[1]]
        if key not in _OURS:
            if len(raw) < 48:
                known[raw] = ()
            return ()
        if key in _WORDY:
            wordy.append(raw)
            return ()
    pair = KeyValue.FromString(raw)
    if pair.key in WORDY or pair.key in BODY_ATTRIBUTES:
        wordy.append(raw)
        return ()
    if pair.key not in NAMING:
        return ()
    word = _proto_value(pair.value)
    said = known[raw] = () if word is None else (pair.key, word if isinstance(word, (str, int, float)) else str(word))
    return said


def _exception(events: Sequence[bytes]) -> tuple[Any, ...]:
    """What failed, in words of today, where conventions before 1.23 only record the exception; raises DecodeError."""
    for raw in reversed(events):
        event = Span.Event.FromString(raw)
        if event.name == "exception":
            kinds = [pair.value.string_value for pair in event.attributes if pair.key == "exception.type"]
            return ("error.type", kinds[0]) if kinds and kinds[0] else ()
    return ()


def _proto_value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [_proto_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _proto_value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, which)
