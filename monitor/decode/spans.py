"""Trace records to columns of spans: the reference decoder (protobuf by upb, JSON by orjson), and
the native one before it where it is built.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from monitor.decode.fast_spans import FastSpans
from monitor.decode.jaeger import jaeger_json, jaeger_proto
from monitor.decode.otlp_view import Request
from monitor.decode.span_columns import (
    BODY_ATTRIBUTES,
    LINKED,
    MAX_RECORD_BYTES,
    NAMING,
    Columns,
)
from monitor.decode.span_json import otlp_spans, resource_attributes
from monitor.decode.unforeseen import UNFORESEEN
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.decode.wordy import ROUTES, WORDY, cut_down
from monitor.decode.zipkin import zipkin_json, zipkin_proto
from monitor.model.forms import SPAN_ENCODINGS, begins_json, form_of, json_form, without_bom
from monitor.model.operations import asked_of
from monitor.model.records import Records, Rejects
from monitor.model.spans import (
    FAILURE,
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    STATUS_ERROR,
    SpanBatch,
    Words,
)
from monitor.model.templates import template_of
from monitor.native import BUILT

_REQUEST_TAG = 0x0A  # field 1, resource_spans, length-delimited
_PROTO = ("otlp_proto", "jaeger_proto", "zipkin_proto")
_ASKS = b"\x0a\x16graphql.operation."  # keys of 22 bytes, as writers write them: field 1
_OURS = frozenset(name.encode() for name in NAMING | BODY_ATTRIBUTES)
_WORDY = frozenset(name.encode() for name in WORDY | BODY_ATTRIBUTES)


def decode_spans(records: Records, encoding: str = "auto") -> tuple[SpanBatch, Rejects]:
    """Every edge-making span of a batch by column, and what could not be read.

    `encoding` is one of SPAN_ENCODINGS, or "auto": each record is what its bytes say. Between
    otlp_proto and otlp_json a record's own header (content-type or encoding) wins. A record that
    cannot be read is one reject, whose reason names what it is (`forms.looks`) where that is
    known; a span that cannot be used is counted with its reason, its neighbours are kept. Never
    raises on any bytes. Format: opentelemetry-proto trace/v1. Cost: some 5-8 us of CPU a span of
    500 bytes, a twentieth of it where the native reader is built (`monitor/native`).
    """
    return _decoded(records, encoding, native=BUILT is not None)


def decode_by_reference(records: Records, encoding: str = "auto") -> tuple[SpanBatch, Rejects]:
    """As `decode_spans`, by nothing but Python: what the native reader is held to."""
    return _decoded(records, encoding, native=False)


def fast_spans(columns: Columns) -> FastSpans:
    """The native reader for one batch; there must be one (`native.BUILT`)."""
    return FastSpans(columns, partial(_any_resource, columns), _body)


def _decoded(records: Records, encoding: str, *, native: bool) -> tuple[SpanBatch, Rejects]:
    columns, unpacker = Columns(records), Unpacker(MAX_RECORD_BYTES)
    fast = fast_spans(columns) if native else None
    for index, (value, headers) in enumerate(zip(records.values, records.headers, strict=True)):
        columns.begin(index)
        if not value:
            columns.refuse_empty()
        elif len(value) > MAX_RECORD_BYTES:
            columns.refuse_record("too_large", f"{len(value)} bytes, at most {MAX_RECORD_BYTES}")
        else:
            _decode_record(columns, fast, unpacker, value, headers, encoding)
    return (fast or columns).batch(), columns.rejects


def _decode_record(
    columns: Columns,
    fast: FastSpans | None,
    unpacker: Unpacker,
    value: bytes,
    headers: Mapping[str, bytes],
    encoding: str,
) -> None:
    media = (
        b" ".join(
            headers.get(name, b"") for name in ("content-type", "encoding", "content-encoding")
        ).lower()
        if headers
        else b""
    )
    if b"gzip" in media or value[:2] == GZIP:
        value, reason = unpacker.unpack(value)
        if reason:
            columns.refuse_record(reason)
            return
    if encoding == "otlp_proto" and b"json" in media:
        encoding = "otlp_json"
    elif encoding == "otlp_json" and b"proto" in media:
        encoding = "otlp_proto"
    try:
        if encoding == "otlp_proto" or (encoding == "auto" and value[0] == _REQUEST_TAG):
            if fast is None or not fast.protobuf(value):
                _otlp_proto(columns, value, encoding)
        else:
            _others(columns, value, encoding, fast)
    except DecodeError:
        columns.refuse_record(f"not_{_named(encoding)}")
    except UNFORESEEN as error:
        columns.refuse_record("not_otlp", type(error).__name__)


def _otlp_proto(columns: Columns, value: bytes, encoding: str) -> None:
    """A record that should be an ExportTraceServiceRequest; one look at its first span tells other
    messages, which may parse too.
    """
    try:
        request: Any = Request.FromString(value)
    except DecodeError:
        request = None
    if request is None or not _tells_spans(request):
        form = form_of(value)
        if form.endswith("_json") or (form == "" and begins_json(value)):  # after an empty line
            _others(columns, value.lstrip(), encoding)
            return
        if form not in ("", "otlp_proto"):
            _by_form(columns, value, form, encoding)
            return
        if request is None or not request.resource_spans:
            columns.refuse_record("not_otlp_proto" if request is None else "no_spans")
            return
    _proto_spans(columns, request)


def _tells_spans(request: Any) -> bool:
    """Whether the first leaf has a time where only a span has one: metrics and logs keep other
    things under these numbers.
    """
    for block in request.resource_spans:
        for scope in block.scope_spans:
            for span in scope.spans:
                return bool(span.end_time_unix_nano or span.start_time_unix_nano)
    return False


def _others(columns: Columns, value: bytes, encoding: str, fast: FastSpans | None = None) -> None:
    text = without_bom(value)
    if not begins_json(text):
        form = form_of(value)
        if form == "" and encoding in _PROTO:
            form = encoding  # perhaps newer than what we can tell by the bytes
        _by_form(columns, value, form, encoding)
        return
    if fast is not None and encoding in ("auto", "otlp_json") and fast.json(text):
        return
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        columns.refuse_record(form_of(value) or "not_json")
        return
    form = json_form(held)
    if form == "json":  # an object of no form that we know may still be a request of nothing
        form = "otlp_json" if encoding in ("auto", "otlp_json") else form
    if form != encoding and (encoding != "auto" or form not in SPAN_ENCODINGS):
        columns.refuse_record(form)
    elif form == "otlp_json":
        otlp_spans(columns, held, text)
    elif form == "jaeger_json":
        jaeger_json(columns, held)
    else:
        zipkin_json(columns, held)


def _by_form(columns: Columns, value: bytes, form: str, encoding: str) -> None:
    """A record of a form told by its bytes, read when it may be that one, else refused by its
    name.
    """
    if form not in _PROTO or encoding not in ("auto", form):
        columns.refuse_record(form or f"not_{_named(encoding)}")
    elif form == "zipkin_proto":
        zipkin_proto(columns, value)
    elif form == "jaeger_proto":
        jaeger_proto(columns, value)
    else:
        _proto_spans(columns, Request.FromString(value))


def _named(encoding: str) -> str:
    return {
        "auto": "otlp_proto",
        "otlp_json": "json",
        "jaeger_json": "json",
        "zipkin_json": "json",
    }.get(encoding, encoding)


def _proto_spans(columns: Columns, request: Any) -> None:
    add = columns.add
    for block in request.resource_spans:
        resource = _resource_index(columns, block.resource)
        for scope in block.scope_spans:
            for span in scope.spans:
                kind = span.kind
                if kind < 2 or resource < 0 or kind > 5:
                    columns.passed(kind, resource)
                    if kind == KIND_INTERNAL:
                        began, ended = span.start_time_unix_nano, span.end_time_unix_nano
                        columns.inner(
                            span.trace_id,
                            span.span_id,
                            span.parent_span_id,
                            began,
                            ended,
                            resource,
                            _asked(span.attributes),
                        )
                    continue
                try:
                    words, bodies = _words(span, columns.known_attributes)
                    status = span.status
                    outcome = Status.FromString(status) if status else None
                    code = outcome.code if outcome else 0
                    if code == STATUS_ERROR:
                        words += _failure(
                            outcome.message if outcome else "",
                            span.events,
                            named="error.type" in words[1::2],
                        )
                    if kind in (KIND_CLIENT, KIND_PRODUCER) and span.links:
                        words += (LINKED, 1)
                    links = (
                        [Span.Link.FromString(link) for link in span.links]
                        if kind in (KIND_CLIENT, KIND_CONSUMER)
                        else ()
                    )
                    body = _body(block.resource, span.attributes) if bodies else None
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
                    if links:
                        columns.links(row, ((link.trace_id, link.span_id) for link in links))
                    if body is not None:
                        columns.body(row, body)


def _resource_index(columns: Columns, raw: bytes) -> int:
    index = columns.resource_of(raw)
    return columns.resource(_resource(raw), raw) if index is None else index


def _any_resource(columns: Columns, raw: bytes, json: bool) -> int:
    return (
        columns.resource(resource_attributes(orjson.loads(raw)))
        if json
        else _resource_index(columns, raw)
    )


def _body(resource: bytes, attributes: Sequence[bytes]) -> dict[str, Any]:
    """All attributes of a span that carries a payload, and its resource's; raises DecodeError."""
    pairs = [KeyValue.FromString(raw) for raw in attributes]
    return {pair.key: _proto_value(pair.value) for pair in pairs} | {
        "resource": _resource(resource) or {}
    }


def _resource(raw: bytes) -> dict[str, Any] | None:
    try:
        return {pair.key: _proto_value(pair.value) for pair in Resource.FromString(raw).attributes}
    except DecodeError:
        return None


def _words(span: Any, attributes: dict[bytes, tuple[Any, ...]]) -> tuple[Words, bool]:
    """A span's name and the attributes that name its edge, and whether it carries a payload. The
    hot loop.
    """
    words: list[Any] = [span.name.decode("utf-8", "replace")]
    wordy: list[bytes] = []
    for raw in span.attributes:
        attribute = attributes.get(raw)
        if attribute is None:
            attribute = _attribute(raw, attributes, wordy)
        words += attribute
    bodies = False
    if wordy:
        routed = not ROUTES.isdisjoint(words[1::2])
        for raw in wordy:
            pair = KeyValue.FromString(raw)
            if pair.key in BODY_ATTRIBUTES:
                bodies = True
            else:
                words += (
                    pair.key,
                    cut_down(pair.key, str(_proto_value(pair.value)), routed=routed),
                )
    return tuple(words), bodies


def _asked(attributes: Sequence[bytes]) -> str:
    """What an INTERNAL span tells of GraphQL; of an attribute that cannot be read, nothing."""
    given: dict[str, Any] = {}
    for raw in attributes:
        if raw.startswith(_ASKS):
            try:
                pair = KeyValue.FromString(raw)
            except DecodeError:
                continue
            given[pair.key] = _proto_value(pair.value)
    return asked_of(given)


def _attribute(
    raw: bytes, attributes: dict[bytes, tuple[Any, ...]], wordy: list[bytes]
) -> tuple[Any, ...]:
    """The words an attribute adds; raises DecodeError. What differs from span to span is put
    aside, not remembered.
    """
    if len(raw) > 2 and raw[0] == 0x0A and raw[1] < 0x80:
        key = raw[2 : 2 + raw[1]]
        if key not in _OURS:
            if len(raw) < 48:
                attributes[raw] = ()
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
    words = attributes[raw] = (
        ()
        if word is None
        else (pair.key, word if isinstance(word, (str, int, float)) else str(word))
    )
    return words


def _failure(message: str, events: Sequence[bytes], *, named: bool) -> tuple[Any, ...]:
    """What failed, in words of today, where conventions before 1.23 only record the exception;
    raises DecodeError.

    And what it said of it, as a template: by the status, else by the exception. `named`: the span
    tells its error's type itself.
    """
    kind = ""
    for raw in reversed(events) if not (named and message) else ():
        event = Span.Event.FromString(raw)
        if event.name == "exception":
            given = {pair.key: pair.value.string_value for pair in event.attributes}
            kind, message = (
                given.get("exception.type", ""),
                message or given.get("exception.message", ""),
            )
            break
    template = template_of(message) if message else ""
    return (("error.type", kind) if kind and not named else ()) + (
        (FAILURE, template) if template else ()
    )


def _proto_value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [_proto_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _proto_value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, which)
