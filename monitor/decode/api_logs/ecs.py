"""Elastic Common Schema, dotted, nested or mixed, as Filebeat, Elastic APM and applications write
it; OpenTelemetry's flat names too.

https://www.elastic.co/guide/en/ecs/current/ecs-http.html,
https://www.elastic.co/guide/en/ecs/current/ecs-event.html
"""

from collections.abc import Iterator
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of, split_upstream
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.units import MICROS, NANOS, SECONDS, length_ns, moment_ns
from monitor.model.exchanges import Body, Exchange

Entry = dict[str, Any]
_DEEPEST = 6
_INGRESS = "nginx.ingress_controller"


def ecs_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """`event.end`, else `event.start` with `event.duration` (ns), else `@timestamp` gives the end;
    in what Elastic APM writes that with `transaction.duration.us`. Raises Refused.
    """
    flat = dict(_flat(entry, "", 0))

    def get(*names: str) -> Any:
        return next(
            (
                flat[name]
                for name in names
                if flat.get(name) is not None and flat[name] not in ("", "-")
            ),
            None,
        )

    length, start = length_ns(get("event.duration"), NANOS), get("event.start")
    if length is None:
        length = length_ns(get("transaction.duration.us", "span.duration.us"), MICROS)
        # the time of Elastic APM's is the beginning
        start = start or (get("@timestamp") if length is not None else None)
    if length is None:  # as Filebeat's module takes apart a line of ingress-nginx
        length = length_ns(get(f"{_INGRESS}.http.request.time"), SECONDS)
    end = get("event.end") or (None if start else get("@timestamp", "timestamp"))
    if end is not None:
        end_ns = moment_ns(end, place.record_ms)
    elif start is not None:
        end_ns = moment_ns(start, place.record_ms) + (length or 0)
    elif place.told_ns:
        end_ns = place.told_ns
    else:
        raise fields.Refused("no_time")
    (asked, asked_cut), (answered, answered_cut) = (
        _body(flat, side) for side in ("request", "response")
    )
    request_headers, response_headers = _headers(flat, "request"), _headers(flat, "response")
    agent = get("user_agent.original")
    if agent and "user-agent" not in request_headers:
        request_headers |= fields.headers_of({"user-agent": agent})
    client = str(get("event.action", "span.kind", "span.type", "processor.event") or "") in (
        "http-client",
        "client",
        "external",
    )
    routed, namespace = split_upstream(str(get(f"{_INGRESS}.upstream.name") or ""))
    own, peer = (
        get("service.name") or routed or get("haproxy.backend_name"),
        get("service.target.name", "destination.service.name", "service.peer.name"),
    )
    return make(
        place,
        index,
        end_ns=end_ns,
        duration_ns=length,
        method=get("http.request.method"),
        target=get("url.path") or get("url.original", "url.full"),
        status=get("http.response.status_code"),
        query=get("url.query"),
        query_known=any(name in flat for name in ("url.query", "url.original", "url.full")),
        route=get("http.route", "labels.http_route"),
        caller=own
        if client
        else get("client.service.name", "source.service.name", "service.origin.name"),
        caller_version=get("service.version") if client else get("service.origin.version"),
        callee=(peer or host_of(get("destination.domain", "server.domain", "url.domain")))
        if client
        else own or host_of(get("url.domain", "destination.domain", "server.domain")),
        callee_version=None if client else get("service.version"),
        callee_namespace=namespace,
        environment=get("service.environment", "deployment.environment"),
        trace=fields.id_of(get("trace.id", "trace_id"), 16),
        span=fields.id_of(get("span.id", "transaction.id", "span_id"), 8),
        side="client" if client else "server",
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
        headers_whole=False,
    )


def _flat(held: Entry, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Dotted names to values; bodies and headers stay whole."""
    for name, value in held.items():
        path = f"{prefix}.{name}" if prefix else name
        if (
            isinstance(value, dict)
            and depth < _DEEPEST
            and not path.endswith((".headers", ".body.content"))
        ):
            yield from _flat(value, path, depth + 1)
        else:
            yield path, value


def _body(flat: Entry, side: str) -> tuple[Body, bool]:
    name = f"http.{side}.body"
    body, cut = body_and_cut(
        flat.get(f"{name}.content", flat.get(f"{name}.original", flat.get(name)))
    )
    size = flat.get(f"{name}.bytes")
    if body is None or not isinstance(size, int) or isinstance(size, bool):
        return body, cut
    return body, cut or size > len(
        body if isinstance(body, bytes) else body.encode("utf-8", "replace")
    )


def _headers(flat: Entry, side: str) -> dict[str, str]:
    nested = flat.get(f"http.{side}.headers")
    headers = fields.headers_of(nested) if nested else {}
    for prefix in (f"http.{side}.headers.", f"http.{side}.header."):
        values = {
            name[len(prefix) :]: value for name, value in flat.items() if name.startswith(prefix)
        }
        headers |= fields.headers_of(values) if values else {}
    kind = flat.get(f"http.{side}.mime_type")
    if isinstance(kind, str) and "content-type" not in headers:
        headers["content-type"] = kind
    return headers
