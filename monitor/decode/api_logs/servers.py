"""Access logs of Traefik and Caddy in JSON.

https://doc.traefik.io/traefik/observability/access-logs/#available-fields,
https://caddyserver.com/docs/caddyfile/directives/log
"""

from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of, split_upstream
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.proxies import made_by_traefik
from monitor.decode.api_logs.units import NANOS, SECONDS, length_ns, moment_ns
from monitor.model.exchanges import Exchange

Entry = dict[str, Any]


def traefik_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """`StartUTC` and `Duration` (ns) give the end; headers that were kept are `request_X`,
    `origin_X` and `downstream_X`. Raises Refused.
    """
    get = entry.get
    length = length_ns(get("Duration"), NANOS)
    start = get("StartUTC") or get("StartLocal")
    if start:
        end = moment_ns(start, place.record_ms) + (length or 0)
    else:
        end = moment_ns(get("time"), place.record_ms) if get("time") else place.told_ns
    if not end:
        raise fields.Refused("no_time")
    service = service_of_traefik(
        _text(get("ServiceName")), _text(get("RouterName")), get("ServiceURL")
    )
    path = _text(get("RequestPath"))
    request_headers, response_headers = (
        _kept(entry, "request_"),
        _kept(entry, "origin_") | _kept(entry, "downstream_"),
    )
    trace, span = (
        fields.id_of(get("TraceId") or get("TraceID"), 16),
        fields.id_of(get("SpanId") or get("SpanID"), 8),
    )
    name, namespace = service
    return make(
        place,
        index,
        end_ns=end,
        duration_ns=length,
        method=get("RequestMethod"),
        target=path,
        status=get("DownstreamStatus")
        if get("DownstreamStatus") is not None
        else get("OriginStatus"),
        query_known=True,
        callee=name or host_of(get("RequestHost")) or host_of(get("RequestAddr")),
        callee_namespace=namespace,
        trace=trace,
        span=span,
        request_headers=fields.headers_of(request_headers),
        response_headers=fields.headers_of(response_headers),
        headers_whole=False,
        proxy_answer=made_by_traefik(entry),
    )


_NO_FRONTEND = "backend not found"
"""What Traefik 1 writes where no rule fitted."""


def service_of_traefik(service: str, router: str, url: object) -> tuple[str, str]:
    """Service and namespace of `name@provider` (Kubernetes: `namespace-service-port@kubernetes…`),
    of a router's, or of a server's URL.
    """
    name, _, provider = (service if service != "-" else "").partition("@")
    if name:
        return split_upstream(name) if provider.startswith("kubernetes") else (name, "")
    if router == _NO_FRONTEND:
        return "", ""
    routed, _, provider = (router if router != "-" else "").partition("@")
    if routed and not provider.startswith("kubernetes"):
        return routed, ""
    host = (
        url.get("Host")
        if isinstance(url, dict)
        else fields.split_url(url)[0]
        if isinstance(url, str) and url != "-"
        else ""
    )
    return host_of(host) or routed, ""


def caddy_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """`ts` is when the request was handled, `duration` in seconds; bodies where `log_append` put
    them. Raises Refused.
    """
    request = entry["request"]
    at = entry.get("ts") or entry.get("time") or entry.get("timestamp")
    if not fields.is_told(at) and not place.told_ns:
        raise fields.Refused("no_time")
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(entry.get(name) or request.get("body" if name == "request_body" else ""))
        for name in ("request_body", "response_body")
    )
    trace = entry.get("traceID") or entry.get("trace_id")
    return make(
        place,
        index,
        end_ns=moment_ns(at, place.record_ms) if fields.is_told(at) else place.told_ns,
        duration_ns=length_ns(entry.get("duration"), SECONDS),
        method=request.get("method"),
        target=request.get("uri"),
        status=entry.get("status"),
        query_known=True,
        caller=entry.get("user_id") or None,
        callee=host_of(request.get("host")),
        trace=fields.id_of(trace, 16),
        span=fields.id_of(entry.get("spanID") or entry.get("span_id"), 8),
        request_headers=fields.headers_of(request.get("headers")),
        response_headers=fields.headers_of(entry.get("resp_headers")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
    )


def _kept(entry: Entry, prefix: str) -> dict[str, Any]:
    return {name[len(prefix) :]: value for name, value in entry.items() if name.startswith(prefix)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != "-" else ""
