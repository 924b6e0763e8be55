"""OTLP/JSON trace requests to columns of spans, read as leniently as the JSON mappings in use differ."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from monitor.decode.span_columns import BODY_ATTRIBUTES, NAMING, Columns
from monitor.decode.wordy import ROUTES, WORDY, cut_down
from monitor.model.spans import STATUS_ERROR

_KINDS = {name: n for n, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))}
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_OLD_WORDS = (b'"resource_spans"', b'"instrumentationLibrarySpans"', b'"instrumentation_library_spans"')


def json_spans(columns: Columns, value: bytes) -> None:
    """The spans of one request into `columns`; raises what orjson raises, and TypeError and the like for foreign shapes.

    OTLP writes ids in hex and enums as numbers; protobuf's own JSON mapping writes base64 and names, and may keep the field
    names of the .proto file; both are read, 64-bit numbers as text or not, and the library spans of before OTLP 0.15.
    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding, https://protobuf.dev/programming-guides/json/
    """
    request = orjson.loads(value)
    if any(word in value for word in _OLD_WORDS):
        request = _in_camel_case(request)
    blocks = request.get("resourceSpans")
    if not blocks:
        columns.refuse_record("no_spans")
        return
    for block in blocks:
        attributes = _attributes((block.get("resource") or {}).get("attributes"))
        resource = columns.resource(attributes)
        for scope in block.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                try:
                    _span(columns, span, attributes, resource)
                except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
                    columns.unread("bad_span")


def _span(columns: Columns, span: Mapping[str, Any], owner: Mapping[str, Any], resource: int) -> None:
    """Raises only before the span is counted."""
    kind = _enum(span.get("kind") or 0, _KINDS, "SPAN_KIND_")
    if kind < 2 or resource < 0 or kind > 5:
        columns.passed(kind, resource)
        return
    given = _attributes(span.get("attributes"))
    linked = span.get("links") or () if kind == 5 else ()
    links = [(_id(link.get("traceId", ""), 16), _id(link.get("spanId", ""), 8)) for link in linked]
    words: list[Any] = [str(span.get("name") or "")]
    routed = not ROUTES.isdisjoint(given)
    for key in sorted((key for key in given if key in NAMING and given[key] is not None), key=WORDY.__contains__):
        word = given[key] if isinstance(given[key], (str, int, float)) else str(given[key])
        words += (key, cut_down(key, str(word), routed=routed) if key in WORDY else word)
    status = _enum((span.get("status") or {}).get("code") or 0, _STATUSES, "")
    if status == STATUS_ERROR and given.get("error.type") is None:
        words += _exception(span.get("events") or ())
    row = columns.add(
        kind,
        _id(span.get("traceId", ""), 16),
        _id(span.get("spanId", ""), 8),
        _id(span.get("parentSpanId") or "", 8),
        _nanos(span.get("startTimeUnixNano") or 0),
        _nanos(span.get("endTimeUnixNano") or 0),
        status,
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


def _exception(events: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    for event in reversed(events):
        if event.get("name") == "exception":
            kind = _attributes(event.get("attributes")).get("exception.type")
            return ("error.type", str(kind)) if kind else ()
    return ()


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
        return bytes.fromhex(text) if len(text) in (0, 2 * size) else base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return b"?"


def _nanos(value: Any) -> int:
    number = int(value)
    return number if 0 <= number < 1 << 64 else (1 << 64) - 1


def _in_camel_case(part: Any) -> Any:
    """The same with every field in lowerCamelCase and library spans under their present name."""
    if isinstance(part, list):
        return [_in_camel_case(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {_camel(name): _in_camel_case(one) for name, one in part.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    said = first + "".join(word.capitalize() for word in rest)
    return "scopeSpans" if said == "instrumentationLibrarySpans" else said
