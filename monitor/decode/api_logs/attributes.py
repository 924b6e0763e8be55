"""HTTP exchanges from OpenTelemetry attributes, names old and new; the same for log records and
for spans that carry bodies (`span_bodies`).

https://opentelemetry.io/docs/specs/semconv/http/http-spans/;
`http.{request,response}.body.content` as of semantic-conventions PR 3521,
`http.{request,response}.body` as the Hypertrace and Traceable agents write.
"""

from collections.abc import Mapping
from typing import Any, Literal

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.proxies import made_by_proxy
from monitor.model.exchanges import Body, Exchange

Attributes = Mapping[str, Any]
Side = Literal["client", "server"]

METHODS = ("http.request.method", "http.method")
_TARGETS = ("url.path", "http.target", "url.full", "http.url")
_STATUSES = ("http.response.status_code", "http.status_code")
_GRPC_STATUSES = ("rpc.grpc.status_code", "rpc.response.status_code", "grpc.status_code")
_REQUEST_BODIES, _RESPONSE_BODIES = (
    ("http.request.body.content", "http.request.body"),
    ("http.response.body.content", "http.response.body"),
)
_PEERS = (
    "service.peer.name",
    "peer.service",
    "server.address",
    "net.peer.name",
    "http.host",
    "http.authority",
)
_CALLERS = ("service.peer.name", "peer.service")
_DURATIONS = ("http.server.request.duration", "http.client.request.duration")
_ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")


def is_exchange(attributes: Attributes) -> bool:
    """Whether these attributes tell of an HTTP exchange at all."""
    return any(name in attributes for name in METHODS)


def exchange_of_attributes(
    attributes: Attributes,
    resource: Attributes,
    place: Place,
    index: int,
    *,
    side: Side,
    end_ns: int,
    duration_ns: int | None,
    trace: bytes,
    span: bytes,
) -> Exchange:
    """One exchange; raises Refused. The resource is the callee on the server's side and the caller
    on the client's.
    """
    own = _first(resource, ("service.name",))
    own = None if isinstance(own, str) and own.startswith("unknown_service") else own
    version, namespace = resource.get("service.version"), resource.get("service.namespace")
    server = side == "server"
    request_headers, response_headers = (
        _headers(attributes, "http.request.header."),
        _headers(attributes, "http.response.header."),
    )
    grpc_status = _first(attributes, _GRPC_STATUSES)
    if grpc_status is not None:
        response_headers.setdefault("grpc-status", str(grpc_status))
    asked, asked_cut = _body(attributes, _REQUEST_BODIES, "http.request.body.size")
    answered, answered_cut = _body(attributes, _RESPONSE_BODIES, "http.response.body.size")
    if duration_ns is None:
        duration_ns = fields.duration_ns(_first(attributes, _DURATIONS), 1e9)
    return make(
        place,
        index,
        end_ns=end_ns,
        duration_ns=duration_ns,
        method=_first(attributes, METHODS),
        target=_first(attributes, _TARGETS),
        status=_first(attributes, _STATUSES),
        query=attributes.get("url.query"),
        query_known=any(
            name in attributes for name in ("url.query", "http.target", "url.full", "http.url")
        ),
        route=attributes.get("http.route"),
        caller=_first(attributes, _CALLERS) if server else own,
        caller_version=None if server else version,
        callee=own if server else _first(attributes, _PEERS),
        callee_version=version if server else None,
        callee_namespace=namespace if server else None,
        caller_namespace=attributes.get("service.peer.namespace") if server else namespace,
        environment=_first(resource, _ENVIRONMENTS),
        trace=trace,
        span=span,
        side=side,
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
        unanswered=_first(attributes, ("error.type",)) is not None,
        headers_whole=False,  # instrumentations record those that they are told to
        proxy_answer=made_by_proxy(attributes),
    )


def _first(attributes: Attributes, names: tuple[str, ...]) -> Any:
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def _headers(attributes: Attributes, prefix: str) -> dict[str, str]:
    headers = {
        name[len(prefix) :].replace("_", "-"): value
        for name, value in attributes.items()
        if name.startswith(prefix)
    }
    return fields.headers_of(headers) if headers else {}


def _body(attributes: Attributes, names: tuple[str, ...], size_name: str) -> tuple[Body, bool]:
    """A body and whether it was cut: shorter than the size that is told."""
    value = _first(attributes, names)
    body = value if isinstance(value, bytes) else bodies.body_of(value)
    size = attributes.get(size_name)
    if body is None or isinstance(size, bool) or not isinstance(size, int):
        return body, False
    return body, size > (
        len(body) if isinstance(body, bytes) else len(body.encode("utf-8", "replace"))
    )
