"""OTLP trace records to columns of spans: the plain reference decoder (protobuf by upb, JSON by orjson)."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from monitor.decode.otlp_view import Request
from monitor.decode.span_columns import BODY_ATTRIBUTES, MAX_RECORD_BYTES, NAMING, Columns
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.decode.wordy import ROUTES, WORDY, cut_down
from monitor.model.records import Records, Rejects
from monitor.model.spans import SpanBatch, Words

_OURS = frozenset(name.encode() for name in NAMING | BODY_ATTRIBUTES)
_WORDY = frozenset(name.encode() for name in WORDY | BODY_ATTRIBUTES)
_REMOTE_PARENT = 0x300  # SpanFlags: HAS_IS_REMOTE and IS_REMOTE
_KINDS = {name: n for n, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))}
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


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
            _json_spans(columns, value)
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
                    (span.flags & _REMOTE_PARENT) == _REMOTE_PARENT,
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


def _proto_value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [_proto_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _proto_value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, which)


def _json_spans(columns: Columns, value: bytes) -> None:
    request = orjson.loads(value)
    blocks = request.get("resourceSpans") or request.get("resource_spans")
    if not blocks:
        columns.refuse_record("no_spans")
        return
    for block in blocks:
        attributes = _json_attributes((block.get("resource") or {}).get("attributes"))
        resource = columns.resource(attributes)
        for scope in block.get("scopeSpans") or block.get("scope_spans") or ():
            for span in scope.get("spans") or ():
                try:
                    _json_span(columns, span, attributes, resource)
                except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
                    columns.unread("bad_span")


def _json_span(columns: Columns, span: Mapping[str, Any], owner: Mapping[str, Any], resource: int) -> None:
    """Raises only before the span is counted."""
    kind = _enum(span.get("kind") or 0, _KINDS, "SPAN_KIND_")
    if kind < 2 or resource < 0 or kind > 5:
        columns.passed(kind, resource)
        return
    given = _json_attributes(span.get("attributes"))
    links = [
        (_hex(link.get("traceId", "")), _hex(link.get("spanId", ""))) for link in (span.get("links") or () if kind == 5 else ())
    ]
    words: list[Any] = [str(span.get("name") or "")]
    routed = not ROUTES.isdisjoint(given)
    for key in sorted((key for key in given if key in NAMING and given[key] is not None), key=WORDY.__contains__):
        word = given[key] if isinstance(given[key], (str, int, float)) else str(given[key])
        words += (key, cut_down(key, str(word), routed=routed) if key in WORDY else word)
    row = columns.add(
        kind,
        _hex(span.get("traceId", "")),
        _hex(span.get("spanId", "")),
        _hex(span.get("parentSpanId") or ""),
        _nanos(span.get("startTimeUnixNano") or 0),
        _nanos(span.get("endTimeUnixNano") or 0),
        _enum((span.get("status") or {}).get("code") or 0, _STATUSES, ""),
        (int(span.get("flags") or 0) & _REMOTE_PARENT) == _REMOTE_PARENT,
        resource,
        tuple(words),
        str(span.get("traceState") or ""),
    )
    if row < 0:
        return
    if links:
        columns.links(row, links)
    if BODY_ATTRIBUTES & given.keys():
        columns.body(row, owner, given)


def _json_attributes(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {str(pair["key"]): _json_value(pair.get("value")) for pair in pairs or ()}


def _json_value(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return None
    name, content = next(iter(value.items()))
    if name == "intValue":
        return int(content)
    if name == "arrayValue":
        return [_json_value(item) for item in content.get("values") or ()]
    if name == "kvlistValue":
        return _json_attributes(content.get("values"))
    return content


def _enum(value: Any, names: Mapping[str, int], prefix: str) -> int:
    if isinstance(value, str) and not value.removeprefix("-").isdecimal():
        return names.get(value.removeprefix(prefix), 99)
    return int(value)


def _hex(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        return b"?"


def _nanos(value: Any) -> int:
    number = int(value)
    return number if 0 <= number < 1 << 64 else (1 << 64) - 1
