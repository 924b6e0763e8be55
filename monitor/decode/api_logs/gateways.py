"""Access logs of gateways as JSON: Envoy and Istio, Kong, Apache APISIX.

https://istio.io/latest/docs/tasks/observability/logs/access-log/ (default JSON format),
https://developer.konghq.com/plugins/kafka-log/ (`kong.log.serialize()`),
https://apisix.apache.org/docs/apisix/plugins/kafka-logger/
"""

from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.proxies import made_by_apisix, made_by_kong, made_by_proxy
from monitor.model.exchanges import Exchange
from monitor.model.services import split_service

Entry = dict[str, Any]
_CLIENT_LEFT = 499
_APISIX_CUT = 524_288  # max_req_body_bytes and max_resp_body_bytes, by default


def envoy_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One line of Istio's default JSON; numbers may be text, "-" is absent, code 0 says that the client left. No bodies. Raises Refused.

    `start_time` and `duration` give the end. Outbound entries are the client's side; the cluster names the callee
    (outbound|80|subset|host, the subset its version), else the name asked for in TLS, else the authority does.
    """
    get = entry.get
    duration = fields.duration_ns(get("duration"), 1e6)
    start = fields.time_ns(get("start_time"), place.record_ms)
    direction, host, subset = _cluster(get("upstream_cluster"))
    asked = _text(get("requested_server_name"))
    host = host or (asked.rpartition("_._.")[2] if asked.startswith("outbound_.") else "")
    callee, namespace = _service(host or _text(get("authority")) or asked, in_mesh=bool(direction))
    status = fields.status_of(get("response_code"))
    trace, span = fields.traceparent({"traceparent": _text(get("traceparent"))})
    return make(
        place,
        index,
        end_ns=start + (duration or 0),
        duration_ns=duration,
        method=get("method"),
        target=_text(get("path")),
        status=status or (_CLIENT_LEFT if fields.is_told(get("response_code")) else None),
        query_known=True,
        caller=get("source_workload") or get("downstream_peer_workload"),
        callee=get("destination_service_name") or callee,
        callee_version=subset,
        callee_namespace=namespace,
        environment=get("environment"),
        trace=trace or fields.id_of(get("trace_id"), 16),
        span=span or fields.id_of(get("span_id"), 8),
        side="client" if direction == "outbound" else "server",
        proxy_answer=made_by_proxy(entry),
    )


def kong_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One of Kong's log entries; bodies where `custom_fields_by_lua` put them under request.body and response.body. Raises Refused."""
    request, response, latencies = _dict(entry.get("request")), _dict(entry.get("response")), _dict(entry.get("latencies"))
    duration = fields.duration_ns(latencies.get("request"), 1e6)
    start = fields.time_ns(entry.get("started_at"), place.record_ms)
    service, consumer = _dict(entry.get("service")), _dict(entry.get("consumer"))
    querystring = request.get("querystring")
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
        request_headers=fields.headers_of(request.get("headers")),
        response_headers=fields.headers_of(response.get("headers")),
        request_body=fields.body_of(request.get("body")),
        response_body=fields.body_of(response.get("body")),
        proxy_answer=made_by_kong(entry, response.get("status")),
    )


def apisix_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One of APISIX's log entries; a body as long as its default limit counts as truncated. Raises Refused."""
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    duration = fields.duration_ns(entry.get("latency"), 1e6)
    start = fields.time_ns(entry.get("start_time"), place.record_ms)
    asked, answered = fields.body_of(request.get("body")), fields.body_of(response.get("body"))
    names = ("service_name", "service_id", "route_name", "route_id")
    querystring = request.get("querystring")
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
        caller=_dict(entry.get("consumer")).get("username"),
        callee=next((entry[name] for name in names if entry.get(name)), None),
        environment=entry.get("environment"),
        request_headers=fields.headers_of(request.get("headers")),
        response_headers=fields.headers_of(response.get("headers")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked is not None and len(asked) >= _APISIX_CUT,
        response_truncated=answered is not None and len(answered) >= _APISIX_CUT,
        proxy_answer=made_by_apisix(entry),
    )


def _cluster(value: Any) -> tuple[str, str, str]:
    """Direction, host and subset of an Istio cluster's name."""
    parts = _text(value).split("|")
    return (parts[0], parts[3], parts[2]) if len(parts) == 4 else ("", "", "")  # direction|port|subset|host


def _service(host: str, *, in_mesh: bool) -> tuple[str, str]:
    """Service and namespace from a host, its port left out."""
    return split_service(host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host, in_mesh=in_mesh)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != "-" else ""


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}
