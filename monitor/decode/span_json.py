"""OTLP/JSON trace requests to columns of spans, read as leniently as the JSON mappings in use
differ.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.decode.plain_span import PlainSpan, add_plain, bounded
from monitor.decode.span_columns import Columns
from monitor.decode.unforeseen import UNFORESEEN
from monitor.model.operations import ASKED, asked_of
from monitor.model.spans import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    STATUS_ERROR,
)

_KINDS = {
    name: n
    for n, name in enumerate(
        ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
    )
}
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_OLD_WORDS = (
    b'"resource_spans"',
    b'"instrumentationLibrarySpans"',
    b'"instrumentation_library_spans"',
)


def otlp_spans(columns: Columns, request: Any, value: bytes) -> None:
    """The spans of a parsed request, or of a list of them, into `columns`; raises TypeError and
    the like for foreign shapes. `value` is its text.

    OTLP writes ids in hex and enums as numbers; protobuf's own JSON mapping writes base64 and
    names, and may keep the field names of the .proto file; both are read, 64-bit numbers as text
    or not, and the library spans of before OTLP 0.15. So are the traces that Tempo answers with:
    `batches`, and `trace` around either word.
    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding,
    https://protobuf.dev/programming-guides/json/,
    https://grafana.com/docs/tempo/latest/api_docs/#query
    """
    if any(word in value for word in _OLD_WORDS):
        request = _in_camel_case(request)
    requests = request if isinstance(request, list) else [request]
    blocks = [block for part in requests for block in _blocks(part)]
    if not blocks:
        columns.refuse_record("no_spans")
        return
    for block in blocks:
        attributes = resource_attributes(block.get("resource") or {})
        resource = columns.resource(attributes)
        for scope in block.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                try:
                    plain = _plain(span, columns, resource)
                except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
                    columns.unread("bad_span")
                    continue
                if plain is not None:
                    add_plain(columns, plain, attributes, resource)


def _blocks(request: Mapping[str, Any]) -> Sequence[Any]:
    for held in (request, request.get("trace")):
        if isinstance(held, dict):
            blocks = held.get("resourceSpans") or held.get("batches")
            if blocks:
                return list(blocks)
    return ()


def resource_attributes(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a resource in plain values; raises TypeError and the like for foreign
    shapes.
    """
    return _attributes(resource.get("attributes"))


def _plain(span: Mapping[str, Any], columns: Columns, resource: int) -> PlainSpan | None:
    """One span; None for one that makes no edge, which is counted here and not read further."""
    kind = _enum(span.get("kind") or 0, _KINDS, "SPAN_KIND_")
    if kind < 2 or resource < 0 or kind > 5:
        columns.passed(kind, resource)
        if kind == KIND_INTERNAL:
            trace, own, parent, start, end = _place(span)
            asked = _asked(span.get("attributes"))
            columns.inner(trace, own, parent, bounded(start), bounded(end), resource, asked)
        return None
    given = _attributes(span.get("attributes"))
    linked = span.get("links") or () if kind in (KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER) else ()
    status = _enum((span.get("status") or {}).get("code") or 0, _STATUSES, "")
    thrown = _exception(span.get("events") or ()) if status == STATUS_ERROR else {}
    return PlainSpan(
        kind,
        *_place(span),
        status,
        str(span.get("name") or ""),
        given,
        str(span.get("traceState") or ""),
        [(_id(link.get("traceId", ""), 16), _id(link.get("spanId", ""), 8)) for link in linked],
        str(thrown.get("exception.type") or ""),
        str((span.get("status") or {}).get("message") or thrown.get("exception.message") or ""),
    )


def _asked(pairs: Iterable[Mapping[str, Any]] | None) -> str:
    """What an INTERNAL span tells of GraphQL; of attributes that cannot be read, nothing."""
    try:
        given = {
            pair["key"]: _value(pair.get("value")) for pair in pairs or () if pair["key"] in ASKED
        }
    except UNFORESEEN:
        return ""
    return asked_of(given)


def _place(span: Mapping[str, Any]) -> tuple[bytes, bytes, bytes, int, int]:
    """Trace, own and parent's id, start and end."""
    return (
        _id(span.get("traceId", ""), 16),
        _id(span.get("spanId", ""), 8),
        _id(span.get("parentSpanId") or "", 8),
        int(span.get("startTimeUnixNano") or 0),
        int(span.get("endTimeUnixNano") or 0),
    )


def _exception(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for event in reversed(events):
        if event.get("name") == "exception":
            return _attributes(event.get("attributes"))
    return {}


def _attributes(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    return {str(pair["key"]): _value(pair.get("value")) for pair in pairs or ()}


def _value(value: Any) -> Any:
    if not isinstance(value, dict) or not value:
        return None
    name, content = next(iter(value.items()))
    if name == "intValue":
        return int(content)
    if name == "arrayValue":
        return [_value(item) for item in content.get("values") or ()]
    if name == "kvlistValue":
        return _attributes(content.get("values"))
    return content


def _enum(value: Any, names: Mapping[str, int], prefix: str) -> int:
    if isinstance(value, str) and not value.removeprefix("-").isdecimal():
        return names.get(value.removeprefix(prefix), 99)
    return int(value)


def _id(text: Any, size: int) -> bytes:
    """An id of hex digits, else of base64, which its length tells; else bytes that are no id."""
    try:
        return (
            bytes.fromhex(text)
            if len(text) in (0, 2 * size)
            else base64.b64decode(text, validate=True)
        )
    except (TypeError, ValueError, binascii.Error):
        return b"?"


def _in_camel_case(part: Any) -> Any:
    """The same with every field in lowerCamelCase and library spans under their present name."""
    if isinstance(part, list):
        return [_in_camel_case(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {_camel(name): _in_camel_case(value) for name, value in part.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    joined = first + "".join(word.capitalize() for word in rest)
    return "scopeSpans" if joined == "instrumentationLibrarySpans" else joined
