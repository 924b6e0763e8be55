"""Access logs of gateways as JSON: Envoy and Istio, Kong, Apache APISIX.

https://istio.io/latest/docs/tasks/observability/logs/access-log/ (default JSON format),
https://developer.konghq.com/plugins/kafka-log/ (`kong.log.serialize()`),
https://apisix.apache.org/docs/apisix/plugins/kafka-logger/
"""

from collections.abc import Mapping
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.proxies import made_by_apisix, made_by_kong, made_by_proxy
from monitor.decode.api_logs.units import MILLIS, length_ns, moment_ns
from monitor.model.exchanges import REDACTED, Exchange
from monitor.model.services import split_service

Entry = dict[str, Any]
_CLIENT_LEFT = 499
_APISIX_CUT = 524_288  # max_req_body_bytes and max_resp_body_bytes, by default


_ENVOY_PATHS = (
    "path",
    "x-envoy-original-path",
    "x-envoy-origin-path",
    "x_envoy_original_path",
    ":path",
    "uri_path",
    "url",
)
_ENVOY_NAMES = {
    "status": "response_code",
    "status_details": "response_code_details",
    "request_time": "duration",
    "request_method": "method",
    "request_path": "path",
    "sni_host": "requested_server_name",
    "upstream_response_flags": "response_flags",
}
"""What operators call fields of Envoy, and the names that Istio gives them."""
_ENVOY_BODIES = (("request_body", "req_body"), ("response_body", "resp_body"))


def envoy_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One line of Envoy's or Istio's JSON; numbers may be text, "-" is absent, code 0 says that
    the client left. Raises Refused.

    `start_time` and `duration` give the end. Outbound entries are the client's side; the cluster
    names the callee (outbound|80|subset|host, the subset its version), else the name asked for in
    TLS, else the authority does. Bodies where Lua or a filter put them under request_body and
    response_body.
    """
    if "response_code" not in entry:
        entry = {_ENVOY_NAMES.get(name, name): value for name, value in entry.items()} | entry
    get = entry.get
    duration = length_ns(get("duration") if "duration" in entry else get("duration_ms"), MILLIS)
    started = get("start_time") or get("@timestamp") or get("timestamp")
    if not fields.is_told(started) and not place.told_ns:
        raise fields.Refused("no_time")
    direction, host, subset = _cluster(get("upstream_cluster"))
    asked = _text(get("requested_server_name"))
    host = host or (asked.rpartition("_._.")[2] if asked.startswith("outbound_.") else "")
    authority = _text(get("authority")) or _text(get(":authority")) or _text(get("host"))
    callee, namespace = _service(
        host or authority or asked or _text(get("upstream_cluster")), in_mesh=bool(direction)
    )
    if not fields.is_told(get("method") or get(":method")) and get("path") == "-":
        raise fields.Refused("no_request")
    agent = get("user_agent") or get("user-agent")
    status = fields.status_of(get("response_code"))
    trace, span = fields.traceparent({"traceparent": _text(get("traceparent"))})
    (sent, sent_cut), (answered, answered_cut) = (
        body_and_cut(next((entry[name] for name in names if name in entry), None))
        for names in _ENVOY_BODIES
    )
    return make(
        place,
        index,
        end_ns=moment_ns(started, place.record_ms) + (duration or 0)
        if fields.is_told(started)
        else place.told_ns,
        duration_ns=duration,
        method=get("method") or get(":method"),
        target=next((path for name in _ENVOY_PATHS if (path := _text(get(name)))), ""),
        status=status or (_CLIENT_LEFT if fields.is_told(get("response_code")) else None),
        query_known=True,
        route=get("route_template"),
        caller=get("source_workload") or get("downstream_peer_workload"),
        callee=get("destination_service_name") or callee,
        callee_version=subset,
        callee_namespace=namespace,
        environment=get("environment"),
        trace=trace or fields.id_of(get("trace_id"), 16),
        span=span or fields.id_of(get("span_id"), 8),
        side="client" if direction == "outbound" else "server",
        request_headers=(fields.headers_of({"user-agent": agent}) if _text(agent) else {})
        | (fields.headers_of(get("request_headers")) if get("request_headers") else {}),
        response_headers=fields.headers_of(get("response_headers"))
        if get("response_headers")
        else {},
        request_body=sent,
        response_body=answered,
        request_truncated=sent_cut,
        response_truncated=answered_cut,
        headers_whole=False,
        proxy_answer=made_by_proxy(entry),
    )


def kong_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One of Kong's log entries; bodies where `custom_fields_by_lua` put them under request.body
    and response.body. Raises Refused.
    """
    request, response, latencies = (
        _dict(entry.get("request")),
        _dict(entry.get("response")),
        _dict(entry.get("latencies")),
    )
    duration = fields.duration_ns(latencies.get("request"), 1e6)
    start = moment_ns(entry.get("started_at"), place.record_ms)
    service, consumer = _dict(entry.get("service")), _dict(entry.get("consumer"))
    headers = fields.headers_of(request.get("headers"))
    querystring = request.get("querystring")
    traced = entry.get("trace_id")
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(request.get("body")),
        body_and_cut(response.get("body")),
    )
    return make(
        place,
        index,
        end_ns=start + (duration or 0),
        duration_ns=duration,
        method=request.get("method"),
        target=request.get("uri") or request.get("url"),
        status=response.get("status"),
        query=querystring if isinstance(querystring, dict) and querystring else None,
        query_known=True,
        caller=consumer.get("username") or consumer.get("custom_id"),
        callee=service.get("name") or service.get("host"),
        environment=entry.get("environment"),
        trace=fields.id_of(traced.get("w3c"), 16) if isinstance(traced, dict) else b"",
        request_headers=headers,
        response_headers=fields.headers_of(response.get("headers")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
        headers_whole=_is_whole(
            headers, known=bool(consumer or entry.get("authenticated_entity"))
        ),
        proxy_answer=made_by_kong(entry, response.get("status")),
    )


def _is_whole(headers: Mapping[str, str], *, known: bool) -> bool:
    """Whether these are all headers of a request. A gateway that knows who called may have taken
    the credentials away before it logs (`hide_credentials`).
    """
    return not known or "cookie" in headers or REDACTED in headers.values()


def apisix_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One of APISIX's log entries; a body as long as its default limit counts as truncated. Raises
    Refused.
    """
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    duration = fields.duration_ns(entry.get("latency"), 1e6)
    started = entry.get("start_time")
    # a format of the operator's own has nginx's time of the log's line
    ended = next((entry[name] for name in _ENDS if fields.is_told(entry.get(name))), None)
    if fields.is_told(started):
        end_ns = moment_ns(started, place.record_ms) + (duration or 0)
    elif ended is not None:
        end_ns = moment_ns(ended, place.record_ms)
    elif place.told_ns:
        end_ns = place.told_ns
    else:
        raise fields.Refused("no_time")
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(request.get("body")),
        body_and_cut(response.get("body")),
    )
    services, routes = ("service_name", "service_id"), ("route_name", "route_id")
    querystring, consumer = request.get("querystring"), _dict(entry.get("consumer"))
    headers = fields.headers_of(request.get("headers"))
    return make(
        place,
        index,
        end_ns=end_ns,
        duration_ns=duration,
        method=request.get("method"),
        target=request.get("uri") or request.get("url"),
        status=response.get("status"),
        query=querystring if isinstance(querystring, dict) and querystring else None,
        query_known=fields.is_told(started) or "querystring" in request,
        caller=consumer.get("username"),
        callee=next((entry[name] for name in services if entry.get(name)), None)
        or host_of(entry.get("host"))
        or next((entry[name] for name in routes if entry.get(name)), None),
        environment=entry.get("environment"),
        request_headers=headers,
        response_headers=fields.headers_of(response.get("headers")),
        headers_whole=_is_whole(headers, known=bool(consumer)),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut or (asked is not None and len(asked) >= _APISIX_CUT),
        response_truncated=answered_cut or (answered is not None and len(answered) >= _APISIX_CUT),
        proxy_answer=made_by_apisix(entry),
    )


_ENDS = ("@timestamp", "timestamp", "time", "time_iso8601", "time_local")


def _cluster(value: Any) -> tuple[str, str, str]:
    """Direction, host and subset of an Istio cluster's name."""
    parts = _text(value).split("|")
    # direction|port|subset|host
    return (parts[0], parts[3], parts[2]) if len(parts) == 4 else ("", "", "")


def _service(host: str, *, in_mesh: bool) -> tuple[str, str]:
    """Service and namespace from a host, its port left out."""
    return split_service(
        host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host, in_mesh=in_mesh
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != "-" else ""


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}
