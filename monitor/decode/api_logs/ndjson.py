"""Our own plain form: one JSON object an exchange.

{time, method, path or url, route, query, status, duration_ms, request_headers, request_body,
response_headers, response_body, caller, caller_version, caller_namespace, callee, callee_version,
callee_namespace, environment, trace_id, span_id, side, request_truncated, response_truncated, redacted,
request_body_encoding, response_body_encoding, headers_whole, proxy_answer, response_flags,
response_code_details, upstream_status, upstream_header_time}: `time` is when the exchange ended,
bodies are JSON or text, all but time, method and path or url may be left out. A body encoding of
"base64" says that the text stands for bytes. `headers_whole` says whether all headers are logged;
without it they are where a request's tell its Host or, of an answer alone, its Date. The last five tell whether a proxy made the answer itself (proxies.py).

With `protocol` "messaging" it is a record of a topic, as the capture kit sees it where it is sent
or taken (captured.py).
"""

from typing import Any

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.captured import captured_message, is_captured_message
from monitor.decode.api_logs.making import UNKNOWN, Place, query_text
from monitor.decode.api_logs.proxies import made_by_proxy
from monitor.model.exchanges import Exchange


def ndjson_exchange(entry: dict[str, Any], place: Place, index: int) -> Exchange:
    """One entry, by the shortest way: most records of most topics are such. Raises Refused."""
    get = entry.get
    if is_captured_message(entry):
        return captured_message(entry, place, index)
    url = get("url")
    target = get("path") or url
    if not isinstance(target, str) or not target:
        raise fields.Refused("no_path")
    host, path, query, query_known = fields.split_url(target)
    if path[:1] != "/":
        path = "/" + path
    raw_query = get("query")
    if raw_query is not None:
        query, query_known = query_text(raw_query) if raw_query else query, True
    asked, answered = get("request_headers"), get("response_headers")
    request_headers = fields.headers_of(asked) if asked else {}
    response_headers = fields.headers_of(answered) if answered else {}
    trace, span = fields.id_of(get("trace_id"), 16), fields.id_of(get("span_id"), 8)
    if not trace and request_headers:
        trace, span = fields.traceparent(request_headers)
    status, name = get("status"), fields.name_of
    return Exchange(
        source_id=place.source_id,
        partition=place.partition,
        offset=place.offset,
        index=index,
        end_ns=fields.time_ns(get("time"), place.record_ms),
        duration_ns=fields.duration_ns(get("duration_ms"), 1e6),
        method=fields.method_of(get("method")),
        path=path,
        route=name(get("route")),
        query=query,
        status=fields.status_of(status),
        caller=fields.caller_of(get("caller")) or UNKNOWN,
        caller_version=name(get("caller_version")),
        callee=name(get("callee")) or name(host or request_headers.get("host", "")) or UNKNOWN,
        callee_version=name(get("callee_version")),
        callee_namespace=name(get("callee_namespace")),
        environment=name(get("environment")),
        trace_id=trace,
        span_id=span,
        side="client" if get("side") == "client" else "server",
        protocol=fields.protocol_of(request_headers),
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=bodies.plain_body(get("request_body"), get("request_body_encoding")),
        response_body=bodies.plain_body(get("response_body"), get("response_body_encoding")),
        request_truncated=get("request_truncated") is True,
        response_truncated=get("response_truncated") is True,
        query_known=query_known or bool(url),
        redacted=get("redacted") is True,
        headers_whole=fields.whole_of(get("headers_whole"), request_headers, response_headers),
        status_told=fields.is_told(status),
        proxy_answer=made_by_proxy(entry),
        caller_namespace=name(get("caller_namespace")),
    )
