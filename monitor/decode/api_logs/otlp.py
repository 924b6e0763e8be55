"""OTLP log records (and spans, in JSON) to exchanges. https://opentelemetry.io/docs/specs/otlp/"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.attributes import exchange_of_attributes, is_exchange
from monitor.decode.api_logs.captured import is_captured_message
from monitor.decode.api_logs.counts import dropped_of
from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.model.exchanges import Exchange

Entry = dict[str, Any]
_CLIENT_KINDS = (3, "SPAN_KIND_CLIENT", "client")
_DEEPEST = 60


@dataclass(frozen=True, slots=True)
class Passed:
    """Stands for a log record (or span) that tells of no exchange: nothing is wrong with it, and
    nothing came of it.

    `dropped`: how many exchanges it says were dropped where they were captured. `part`: it is a
    part of an exchange that comes with another entry, or of the head of a log.
    """

    dropped: int = 0
    part: bool = False


PART = Passed(part=True)


def proto_batch(value: bytes) -> Entry:
    """An ExportLogsServiceRequest as OTLP's own JSON. Raises Refused for other bytes."""
    try:
        request = ExportLogsServiceRequest.FromString(value)
        if not request.resource_logs:
            raise fields.Refused("no_logs")
        return MessageToDict(request)
    except (DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise fields.Refused("not_otlp_proto") from None


def is_batch(entry: Entry) -> bool:
    """Whether a JSON object is an OTLP export of logs or spans."""
    return any(
        name in entry
        for name in ("resourceLogs", "resource_logs", "resourceSpans", "resource_spans")
    )


def otlp_exchanges(
    batch: Entry, place: Place, *, ids_in_base64: bool, first: int = 0
) -> Iterator[Exchange | fields.Refused | Passed]:
    """Of each entry of a batch its exchange, its refusal when it tells of one that cannot be used,
    or that it tells of none.

    `first` is the index of the batch's first entry in its record.
    """
    index = first - 1
    for block in _list(batch, "resourceLogs", "resource_logs") + _list(
        batch, "resourceSpans", "resource_spans"
    ):
        resource = _attributes(_dict(_dict(block).get("resource")))
        scopes = _list(block, "scopeLogs", "scope_logs") + _list(
            block, "scopeSpans", "scope_spans"
        )
        for scope in scopes:
            for entry in _list(scope, "logRecords", "log_records") + _list(
                scope, "spans", "spans"
            ):
                index += 1
                try:
                    exchange = _exchange(_dict(entry), resource, place, index, ids_in_base64)
                except fields.Refused as refusal:
                    yield refusal
                else:
                    yield exchange


def _exchange(
    entry: Entry, resource: Entry, place: Place, index: int, ids_in_base64: bool
) -> Exchange | Passed:
    attributes = _attributes(entry)
    body = _value(entry.get("body"), 0)
    if isinstance(body, dict):
        attributes = body | attributes
    trace, span = (
        _id(entry.get(name) or entry.get(old), size, ids_in_base64)
        for name, old, size in (("traceId", "trace_id", 16), ("spanId", "span_id", 8))
    )
    if not is_exchange(attributes):
        return _entry_in_body(body, resource, place, index)
    is_span = "startTimeUnixNano" in entry or "start_time_unix_nano" in entry
    end = (
        entry.get("endTimeUnixNano") or entry.get("end_time_unix_nano")
        if is_span
        else entry.get("timeUnixNano") or entry.get("time_unix_nano")
    )
    end = end or entry.get("observedTimeUnixNano") or entry.get("observed_time_unix_nano")
    end_ns = fields.time_ns(_whole(end), place.record_ms)
    duration = (
        end_ns - _whole(entry.get("startTimeUnixNano") or entry.get("start_time_unix_nano"))
        if is_span
        else None
    )
    kind = entry.get("kind") or attributes.get("span.kind")
    return exchange_of_attributes(
        attributes,
        resource,
        place,
        index,
        side="client" if kind in _CLIENT_KINDS else "server",
        end_ns=end_ns,
        duration_ns=max(0, duration) if duration is not None else None,
        trace=trace,
        span=span,
    )


def _entry_in_body(body: Any, resource: Entry, place: Place, index: int) -> Exchange | Passed:
    """A log record whose text is an entry of our own plain form; its resource fills in the callee,
    or the caller of a client's.
    """
    if isinstance(body, str) and body[:1] == "{":
        try:
            body = orjson.loads(body)
        except orjson.JSONDecodeError:
            return Passed()
    if isinstance(body, dict) and (dropped := dropped_of(body)) >= 0:
        return Passed(dropped)
    if not isinstance(body, dict) or not (
        ("method" in body and ("path" in body or "url" in body)) or is_captured_message(body)
    ):
        return Passed()
    environment = resource.get("deployment.environment.name") or resource.get(
        "deployment.environment"
    )
    own = "caller" if body.get("side") in ("client", "producer") else "callee"
    members = {
        own: resource.get("service.name"),
        f"{own}_version": resource.get("service.version"),
        "environment": environment,
    }
    return ndjson_exchange(
        {name: value for name, value in members.items() if value is not None} | body, place, index
    )


def _whole(value: Any) -> int:
    """64-bit integers are text in OTLP's JSON."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 25:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise fields.Refused("bad_time")


def _id(value: Any, size: int, in_base64: bool) -> bytes:
    """OTLP's JSON writes ids in hex; protobuf's own JSON, which we make of a binary batch, in
    base64.
    """
    if not isinstance(value, str):
        return b""
    if not in_base64:
        return fields.id_of(value, size)
    try:
        return fields.id_of(base64.b64decode(value, validate=True).hex(), size)
    except (binascii.Error, ValueError):
        return b""


def _attributes(owner: Entry) -> Entry:
    attributes: Entry = {}
    for pair in _list(owner, "attributes", "attributes"):
        attribute = _dict(pair)
        if isinstance(attribute.get("key"), str):
            attributes[attribute["key"]] = _value(attribute.get("value"), 0)
    return attributes


def _value(any_value: Any, depth: int) -> Any:
    """OTLP's AnyValue as a plain value."""
    if not isinstance(any_value, dict) or depth > _DEEPEST:
        return None
    for kind, value in any_value.items():
        word = kind.replace("_", "").lower()
        if word in ("stringvalue", "boolvalue", "doublevalue"):
            return value
        if word == "intvalue":
            return (
                int(value)
                if isinstance(value, str)
                and value.removeprefix("-").isdecimal()
                and len(value) < 25
                else value
            )
        if word == "arrayvalue":
            return [_value(entry, depth + 1) for entry in _list(_dict(value), "values", "values")]
        if word == "kvlistvalue":
            return {
                pair["key"]: _value(pair.get("value"), depth + 1)
                for pair in _list(_dict(value), "values", "values")
                if isinstance(pair, dict) and isinstance(pair.get("key"), str)
            }
        if word == "bytesvalue" and isinstance(value, str):
            try:
                return base64.b64decode(value)
            except (binascii.Error, ValueError):
                return None
    return None


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}


def _list(owner: Any, name: str, old: str) -> list[Any]:
    held = _dict(owner).get(name)
    if held is None:
        held = _dict(owner).get(old)
    return held if isinstance(held, list) else []
