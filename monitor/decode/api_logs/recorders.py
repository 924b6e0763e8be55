"""What recorders of whole exchanges write: Envoy's tap filter, Akto's mirroring, Keploy.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/tap_filter,
envoy/data/tap/v3/http.proto; https://docs.akto.io; https://keploy.io/docs
"""

import base64
import binascii
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.units import MILLIS, length_ns, moment_ns
from monitor.model.exchanges import Body, Exchange

Entry = dict[str, Any]


def tap_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """A buffered trace. A tap tells no time but headers': when they came, the answer's `date`,
    else the record's own. Raises Refused.
    """
    trace = _dict(entry.get("http_buffered_trace") or entry.get("httpBufferedTrace"))
    if not trace:
        raise fields.Refused("streamed_tap")
    request, response = _dict(trace.get("request")), _dict(trace.get("response"))
    asked, answered = _pseudo(request), _pseudo(response)
    (sent, sent_cut), (body, body_cut) = _tapped(request), _tapped(response)
    request_headers, response_headers = (
        fields.headers_of(
            [[name, value] for name, value in held.items() if not name.startswith(":")]
        )
        for held in (asked, answered)
    )
    came = _time(request, place)
    left = _time(response, place)
    date = response_headers.get("date")
    if left is None and came is None and date:
        left = moment_ns(date, place.record_ms)
    grpc = answered.get("grpc-status") or _pseudo({"headers": response.get("trailers")}).get(
        "grpc-status"
    )
    if grpc is not None:
        response_headers = response_headers | {"grpc-status": grpc}
    return make(
        place,
        index,
        end_ns=left or came or place.told_ns or place.record_ms * 1_000_000,
        duration_ns=left - came
        if left is not None and came is not None and left >= came
        else None,
        method=asked.get(":method"),
        target=asked.get(":path"),
        status=answered.get(":status") or (None if response else 0),
        query_known=True,
        caller=asked.get("x-envoy-downstream-service-cluster"),
        callee=host_of(asked.get(":authority") or asked.get("host")),
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=sent,
        response_body=body,
        request_truncated=sent_cut,
        response_truncated=body_cut,
        unanswered=not response,
    )


def _pseudo(message: Entry) -> dict[str, str]:
    """Headers by name in lower case; `raw_value` (base64) where there is no `value`."""
    headers: dict[str, str] = {}
    for pair in message.get("headers") or []:
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
            continue
        value = pair.get("value")
        if not value and (raw := pair.get("raw_value") or pair.get("rawValue")):
            value = decoded(raw).decode("utf-8", "replace")
        name = pair["key"].lower()
        text = value if isinstance(value, str) else ""
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _tapped(message: Entry) -> tuple[Body, bool]:
    body = _dict(message.get("body"))
    truncated = body.get("truncated") is True
    for name in ("as_string", "asString"):
        if isinstance(body.get(name), str):
            return body[name] or None, truncated
    for name in ("as_bytes", "asBytes"):
        if isinstance(body.get(name), str):
            return decoded(body[name]) or None, truncated
    return None, truncated


def decoded(text: object) -> bytes:
    """The bytes of a text in base64. Raises Refused."""
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise fields.Refused("bad_body") from None


def _time(message: Entry, place: Place) -> int | None:
    at = message.get("headers_received_time") or message.get("headersReceivedTime")
    return moment_ns(at, place.record_ms) if at else None


def akto_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """Everything is text: headers and payloads as JSON in strings, the time in s or ms. Raises
    Refused.
    """
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(entry.get("requestPayload") or None),
        body_and_cut(entry.get("responsePayload") or None),
    )
    request_headers = fields.headers_of(entry.get("requestHeaders"))
    at = entry.get("time")
    return make(
        place,
        index,
        end_ns=moment_ns(at, place.record_ms)
        if fields.is_told(at) and str(at) != "0"
        else place.told_ns or place.record_ms * 1_000_000,
        duration_ns=None,
        method=entry.get("method"),
        target=entry.get("path"),
        status=entry.get("statusCode"),
        query_known=True,
        callee=host_of(request_headers.get("host", "")) or entry.get("destIp"),
        request_headers=request_headers,
        response_headers=fields.headers_of(entry.get("responseHeaders")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
    )


def keploy_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """A recorded test case; `body_skipped` stands for a body over its bound. Raises Refused."""
    spec = entry["spec"]
    request, response = _dict(spec.get("req")), _dict(spec.get("resp"))
    start, end = request.get("timestamp"), response.get("timestamp")
    created = spec.get("created")
    if not (start or end or created):
        raise fields.Refused("no_time")
    began = moment_ns(start, place.record_ms) if start else None
    ended = moment_ns(end or start or created, place.record_ms)
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(request.get("body") or None),
        body_and_cut(response.get("body") or None),
    )
    target = request.get("url")
    parameters = request.get("url_params")
    return make(
        place,
        index,
        end_ns=ended,
        duration_ns=ended - began
        if began is not None and end and ended >= began
        else length_ns(spec.get("latency"), MILLIS),
        method=request.get("method"),
        target=target,
        status=response.get("status_code"),
        query=parameters
        if isinstance(parameters, dict) and parameters and "?" not in str(target)
        else None,
        query_known=True,
        callee=host_of(fields.split_url(target)[0]) if isinstance(target, str) else None,
        request_headers=fields.headers_of(request.get("header")),
        response_headers=fields.headers_of(response.get("header")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut or bool(request.get("body_ref")),
        response_truncated=answered_cut or response.get("body_skipped") is True,
    )


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}
