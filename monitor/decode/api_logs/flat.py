"""Flat JSON access logs, whose fields the operator named after a server's own variables: nginx,
Apache, HAProxy, or nobody's.

nginx: https://nginx.org/en/docs/varindex.html; ingress-nginx:
https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/; Apache:
https://httpd.apache.org/docs/2.4/mod/mod_log_config.html; HAProxy:
https://docs.haproxy.org/3.0/configuration.html#8.2.6
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat_times import end_of, first_of, length_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.proxies import made_by_haproxy, made_by_proxy
from monitor.decode.api_logs.units import MICROS, MILLIS, SECONDS, last_of, request_line
from monitor.model.exchanges import Exchange
from monitor.model.log_sources import METHODS, REQUESTS, STATUSES, TARGETS

Entry = dict[str, Any]
_QUERIES = (
    "args",
    "query_string",
    "query",
    "request_query",
    "querystring",
    "queryString",
    "url_query",
    "uri_query",
    "http_request_query_string",
    "HQ",
    "%q",
)
_HOSTS = (
    "host",
    "http_host",
    "vhost",
    "virtual_host",
    "virtualHost",
    "server_name",
    "serverName",
    "domain",
    "%V",
    "%v",
    "authority",
)
_SERVED = tuple(name for name in _HOSTS if name != "host")
_PARSED = frozenset({"identity", "ident", "clientip", "httpversion"})
"""What parsers of text access logs (Logstash, Fluentd, Vector) make of a line: their `host` is the
client, or the machine that shipped it.
"""
_CALLEES = (
    *(
        "callee",
        "service_name",
        "service",
        "upstream_name",
        "backend_name",
        "be_name",
        "b",
        "backend",
    ),
    *("proxy_host", "upstream", "upstream_service"),
)
_SERVICES = ("service_name", "service", "service.name", "kubernetes_service_name")
_NAMESPACES = ("namespace", "kubernetes_namespace")
_CALLERS = ("caller", "client_name", "consumer", "client_service", "source_service")
_REQUEST_BODIES = ("request_body", "req_body", "requestBody")
_RESPONSE_BODIES = ("response_body", "resp_body", "responseBody", "upstream_response_body")
_REQUEST_HEADERS, _RESPONSE_HEADERS = (
    ("request_headers", "req_headers", "requestHeaders"),
    ("response_headers", "resp_headers", "responseHeaders"),
)
_NOT_HEADERS = frozenset(
    {
        "http_method",
        "http_request",
        "http_request_path",
        "http_request_query_string",
        "http_status",
        "http_status_code",
        "http_path",
        "http_uri",
        "http_version",
    }
)
_ADDRESSES = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?(?:,|$)|\[[0-9a-fA-F:]+\]|unix:")
_HOSTED = re.compile(
    r"(?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24}(?::\d{1,5})?/|(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?/"
)
"""A host before the path, as nginx writes `$host$request_uri`."""
_DEFAULT_BACKEND = "upstream-default-backend"
_UPSTREAM = re.compile(
    r"(?P<namespace>[a-z0-9.]+|default|kube-system)-(?P<service>[a-z0-9.]+)-(?P<port>\d{1,5}|[a-z][a-z0-9]*)"
)


def reader(
    unit_ns: float | None, *, starts: tuple[str, ...] = ()
) -> Callable[[Entry, Place, int], Exchange]:
    """A reader that takes a bare `duration` in units of `unit_ns`; `starts`: names of times that
    mean the request's beginning here.
    """

    def read(entry: Entry, place: Place, index: int) -> Exchange:
        return _exchange(entry, place, index, unit_ns, starts)

    return read


nginx_exchange = reader(SECONDS)
apache_exchange = reader(MICROS)
haproxy_json_exchange = reader(MILLIS, starts=("time", "timestamp", "t", "date_time"))
access_exchange = reader(None)


def _exchange(
    entry: Entry, place: Place, index: int, unit_ns: float | None, starts: tuple[str, ...]
) -> Exchange:
    method, target, query = _asked(entry)
    duration = length_of(entry, unit_ns)
    status = last_of(first_of(entry, STATUSES))
    service, namespace = callee_of(entry)
    request_headers = _headers(entry, _REQUEST_HEADERS, "http_")
    response_headers = _headers(entry, _RESPONSE_HEADERS, "sent_http_") or _headers(
        entry, (), "upstream_http_"
    )
    asked, asked_cut = body_and_cut(first_of(entry, _REQUEST_BODIES))
    answered, answered_cut = body_and_cut(first_of(entry, _RESPONSE_BODIES))
    whole = any(_is_headers(entry.get(name)) for name in _REQUEST_HEADERS)
    trace, span = fields.traceparent(
        {"traceparent": _text(first_of(entry, ("traceparent", "http_traceparent")))}
    )
    unanswered = status in (-1, "-1")
    host = first_of(entry, _SERVED if _is_parsed(entry) else _HOSTS)
    if host is None and "uri_path" in entry:  # Splunk's form of Apache's log
        host = entry.get("server")
    return make(
        place,
        index,
        end_ns=end_of(entry, place, duration, starts),
        duration_ns=duration,
        method=method,
        target=target,
        status=0 if unanswered else status,
        query=query,
        query_known=query is not None or any(name in entry for name in _QUERIES),
        route=entry.get("route"),
        caller=fields.caller_of(first_of(entry, _CALLERS)),
        caller_version=entry.get("caller_version"),
        callee=service or host_of(host),
        callee_version=entry.get("callee_version"),
        callee_namespace=namespace,
        environment=first_of(entry, ("environment", "env")),
        trace=trace
        or fields.id_of(
            first_of(entry, ("trace_id", "traceId", "otel_trace_id", "opentelemetry_trace_id")), 16
        ),
        span=span
        or fields.id_of(
            first_of(entry, ("span_id", "spanId", "otel_span_id", "opentelemetry_span_id")), 8
        ),
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut or entry.get("request_truncated") is True,
        response_truncated=answered_cut or entry.get("response_truncated") is True,
        headers_whole=whole,
        unanswered=unanswered,
        proxy_answer=made_by_proxy(entry) or made_by_haproxy(entry, status),
    )


def _asked(entry: Entry) -> tuple[object, object, object]:
    """Method, target and query, from a request's line where there is one, else from fields of
    their own.
    """
    method, target = first_of(entry, METHODS), first_of(entry, TARGETS)
    line = next(
        (
            text
            for name in REQUESTS
            if isinstance(text := entry.get(name), str) and " " in text.strip()
        ),
        None,
    )
    whole = first_of(entry, ("request_uri", "requestUri", "request_url", "requestUrl", "HU"))
    if isinstance(whole, str) and _HOSTED.match(whole):
        whole = f"http://{whole}"
    if line is not None:
        line_method, line_target = request_line(line)
        target = whole or line_target  # as it came: without a query in it there was none
        return (
            method or line_method,
            target,
            None if "?" in str(target) else first_of(entry, _QUERIES) or "",
        )
    plain = entry.get("request")
    if target is None and isinstance(plain, str) and plain.startswith("/"):
        target = plain
    query = first_of(entry, _QUERIES)
    if whole is not None:
        return method, whole, None if isinstance(whole, str) and "?" in whole else query
    has_query = any(name in entry for name in _QUERIES)
    return method, target, query if query is not None else "" if has_query else None


def callee_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The service that was called and its namespace, as ingress-nginx, HAProxy or
    nginx name them.
    """
    name, namespace = (
        _text(first_of(entry, _SERVICES)),
        _text(first_of(entry, _NAMESPACES)),
    )
    if name:
        return name, namespace
    upstream = _text(first_of(entry, ("proxy_upstream_name", "upstream_name")))
    if upstream:
        return split_upstream(upstream, namespace)
    callee = _text(first_of(entry, _CALLEES))
    # an address of one instance is no service's name, where it only stands for the upstream
    unnamed = callee == "<NOSRV>" or ("callee" not in entry and _ADDRESSES.match(callee))
    return ("" if unnamed else callee), namespace


def split_upstream(upstream: str, namespace: str = "") -> tuple[str, str]:
    """Service and namespace of ingress-nginx's `namespace-service-port`; where dashes leave it
    open, all but the port.
    """
    if upstream == _DEFAULT_BACKEND:  # no rule of an ingress fitted
        return upstream, ""
    if namespace and upstream.startswith(namespace + "-"):
        return upstream[len(namespace) + 1 :].rpartition("-")[0] or upstream, namespace
    match = _UPSTREAM.fullmatch(upstream)
    if match is not None:
        return match["service"], match["namespace"]
    service, _, port = upstream.rpartition("-")
    if service.startswith("default-"):
        return service[8:], "default"
    return (service if port and service else upstream), ""


def host_of(value: object) -> str:
    """A host without its port; nginx's name for any host, `_`, is none."""
    text = _text(value)
    if text == "_":
        return ""
    name, colon, port = text.rpartition(":")
    return name if colon and port.isdecimal() else text


def _is_headers(held: object) -> bool:
    """Whether this is all of a request's headers, not what was captured of them in one text."""
    return isinstance(held, dict | list) or (
        isinstance(held, str) and bool(fields.headers_of(held))
    )


def _is_parsed(entry: Entry) -> bool:
    return not _PARSED.isdisjoint(entry) or (
        isinstance(entry.get("agent"), str) and "size" in entry
    )


def _headers(entry: Entry, names: tuple[str, ...], prefix: str) -> dict[str, str]:
    nested = first_of(entry, names)
    if isinstance(nested, dict | list | str):
        return fields.headers_of(nested)
    headers = {
        ("referer" if name == "http_referrer" else name[len(prefix) :].replace("_", "-")): value
        for name, value in entry.items()
        if name.startswith(prefix) and name not in _NOT_HEADERS and fields.is_told(value)
    }
    if prefix == "http_":
        for header in ("content_type", "content_length"):
            if fields.is_told(entry.get(header)):
                headers[header.replace("_", "-")] = entry[header]
    return fields.headers_of(headers) if headers else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != "-" else ""
