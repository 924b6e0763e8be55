"""Our own plain form: one JSON object an exchange.

{time, method, path or url, route, query, status, duration_ms, request_headers, request_body, response_headers,
response_body, caller, caller_version, callee, callee_version, callee_namespace, environment, trace_id, span_id, side,
request_truncated, response_truncated, redacted, request_body_encoding, response_body_encoding, headers_whole,
proxy_answer, response_flags, response_code_details, upstream_status, upstream_header_time}: `time` is when the exchange
ended, bodies are JSON or text, all but time, method and path or url may be left out. A body encoding of "base64" says
that the text stands for bytes. `headers_whole` false: only some headers are logged. The last five tell whether a proxy
made the answer itself (proxies.py).
"""

from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.proxies import made_by_proxy
from monitor.model.exchanges import Exchange


def ndjson_exchange(entry: dict[str, Any], place: Place, index: int) -> Exchange:
    """One entry. Raises Refused."""
    get = entry.get
    request_headers = get("request_headers")
    response_headers = get("response_headers")
    url = get("url")
    return make(
        place,
        index,
        end_ns=fields.time_ns(get("time"), place.record_ms),
        duration_ns=fields.duration_ns(get("duration_ms"), 1e6),
        method=get("method"),
        target=get("path") or url,
        status=get("status"),
        query=get("query"),
        route=get("route"),
        caller=get("caller"),
        caller_version=get("caller_version"),
        callee=get("callee"),
        callee_version=get("callee_version"),
        callee_namespace=get("callee_namespace"),
        environment=get("environment"),
        trace=fields.id_of(get("trace_id"), 16),
        span=fields.id_of(get("span_id"), 8),
        side="client" if get("side") == "client" else "server",
        request_headers=fields.headers_of(request_headers) if request_headers else {},
        response_headers=fields.headers_of(response_headers) if response_headers else {},
        request_body=fields.unwrapped(fields.body_of(get("request_body")), get("request_body_encoding")),
        response_body=fields.unwrapped(fields.body_of(get("response_body")), get("response_body_encoding")),
        request_truncated=get("request_truncated") is True,
        response_truncated=get("response_truncated") is True,
        query_known=bool(url),
        redacted=get("redacted") is True,
        headers_whole=get("headers_whole") is not False,
        proxy_answer=made_by_proxy(entry),
    )
