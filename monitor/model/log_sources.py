"""Which source wrote an entry of an API log, told by its keys alone; the marks are the vendors'
own documented names.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

LogSource = Literal[
    "auto", "ndjson", "nginx", "ingress_nginx", "apache", "combined", "haproxy", "traefik", "caddy", "envoy", "istio", "envoy_tap",
    "kong", "apisix", "aws_api_gateway", "aws_alb", "cloudfront", "cloudflare", "gcp_load_balancer", "azure_api_management", "iis", "ecs", "har", "goreplay",
    "akto", "keploy", "access_json", "otlp", "otlp_proto", "otlp_json", "mapping",
]  # fmt: skip
"""What a person may say of API logs: who wrote them. `auto`: each entry tells."""
Entry = Mapping[str, Any]

# Names that nginx's own variables have; our plain form has none of them.
NGINX_MARKS = frozenset(
    "remote_addr remote_user time_local time_iso8601 msec request_time body_bytes_sent bytes_sent request_length http_user_agent "
    "http_referer http_referrer http_x_forwarded_for server_protocol request_proto request_uri upstream_addr "
    "upstream_response_time upstream_connect_time upstreamtime upstreamhost proxy_upstream_name proxy_host vhost request_query".split()
)
APACHE_MARKS = frozenset(
    "remoteIP remote_ip remoteHost remote_host remotehost remoteLogname remote_logname logname remoteUser userAgent "
    "httpd server_name serverName virtualHost %h %r %t %D %>s %U %m %b".split()
)
HAPROXY_MARKS = frozenset(
    "fe_name fe_name_transport frontend_name frontend_name_transport be_name backend_name time_active termination_state "
    "termination_state_cookie time_request accept_date request_date ft TR Ta Tt tsc haproxy".split()
)
PLAIN_MARKS = frozenset({"callee", "callee_version", "caller_version", "duration_ms"})
_LOGGERS = frozenset(
    "latency latency_ms duration elapsed elapsed_ms took_ms response_time".split()
)
"""How applications' loggers name what a call took; our plain form says `duration_ms`."""
METHODS = (
    *(
        "method",
        "request_method",
        "http_method",
        "requestMethod",
        "httpMethod",
        "verb",
        "HM",
        "%m",
        "http.method",
        "requestmethod",
        "req_method",
    ),
)
TARGETS = (
    *(
        "path",
        "url",
        "uri",
        "request_uri",
        "request_path",
        "request_url",
        "requestUri",
        "http_path",
        "HU",
        "HPO",
        "HP",
        "%U",
    ),
    *(
        "http_uri",
        "uri_path",
        "http_request_path",
        "requestPath",
        "requestUrl",
        "url_path",
        "target",
        "req_url",
        "req_uri",
        "req_path",
        "http.target",
        "http.url",
    ),
)
REQUESTS = ("request", "request_line", "requestLine", "http_request", "r", "%r", "requestline")
STATUSES = (
    *(
        "status",
        "status_code",
        "statusCode",
        "response_status",
        "response_code",
        "http_status",
        "ST",
        "%>s",
        "responseCode",
    ),
    *("http_status_code", "http.status_code", "response", "code"),
)


def _holds(value: object, *names: str) -> bool:
    return isinstance(value, dict) and any(name in value for name in names)


def _any(entry: Entry, *names: str) -> bool:
    return any(name in entry for name in names)


def _tells_of_a_request(entry: Entry) -> bool:
    if _any(entry, *METHODS) and _any(entry, *TARGETS):
        return True
    lines = [entry[name] for name in REQUESTS if isinstance(entry.get(name), str)]
    return any(" " in line or (line[:1] == "/" and _any(entry, *METHODS)) for line in lines)


def _is_kong(entry: Entry) -> bool:
    return isinstance(entry.get("request"), dict) and _any(
        entry, "started_at", "latencies", "tries"
    )


def _is_apisix(entry: Entry) -> bool:
    return _holds(entry.get("request"), "method", "uri", "url") and isinstance(
        entry.get("response"), dict
    )


def _is_caddy(entry: Entry) -> bool:
    return (
        _holds(entry.get("request"), "uri", "host")
        and not _any(entry, "response")
        and (
            _any(entry, "resp_headers", "logger")
            or (_any(entry, "ts") and _any(entry, "duration"))
        )
    )


def _is_azure(entry: Entry) -> bool:
    if "operationName" in entry and "properties" in entry:
        return _any(
            entry,
            "durationMs",
            "callerIpAddress",
            "isRequestSuccess",
            "DeploymentVersion",
            "DeploymentName",
        )
    if "responseCode_d" in entry and "url_s" in entry:  # of the table AzureDiagnostics
        return True
    return ("ResponseCode" in entry and _any(entry, "Method", "BackendMethod")) or (
        isinstance(entry.get("records"), list)
        and any(_holds(record, "operationName", "properties") for record in entry["records"][:1])
    )


def _is_ecs(entry: Entry) -> bool:
    if _any(entry, "http.request.method", "http.response.status_code") and not _any(
        entry, "resourceLogs"
    ):
        return True
    http = entry.get("http")
    return isinstance(http, dict) and (
        _holds(http.get("request"), "method", "body")
        or _holds(http.get("response"), "status_code")
        or "request.method" in http
    )


def _is_aws_api(entry: Entry) -> bool:
    return _any(entry, "requestId", "extendedRequestId", "request_id", "reqId") and _any(
        entry, "httpMethod", "routeKey", "resourcePath", "route_key", "resource_path"
    )


def _is_plain(entry: Entry) -> bool:
    if "method" not in entry or not ("path" in entry or "url" in entry):
        return False
    return not PLAIN_MARKS.isdisjoint(entry) or (
        NGINX_MARKS.isdisjoint(entry)
        and APACHE_MARKS.isdisjoint(entry)
        and ("status" not in entry or _LOGGERS.isdisjoint(entry))
        and ("status" in entry or "code" not in entry)  # as Fluentd's parsers name it
    )


_JSON: tuple[tuple[str, Callable[[Entry], bool]], ...] = (
    ("ndjson", lambda entry: entry.get("protocol") == "messaging" and "topic" in entry),
    (
        "har",
        lambda entry: (
            ("startedDateTime" in entry and "request" in entry)
            or _holds(entry.get("log"), "entries")
        ),
    ),
    (
        "envoy_tap",
        lambda entry: any(
            name.startswith(("http_buffered", "http_streamed", "httpBuffered", "httpStreamed"))
            for name in entry
        ),
    ),
    ("azure_api_management", _is_azure),
    (
        "gcp_load_balancer",
        lambda entry: _holds(entry.get("httpRequest"), "requestMethod", "requestUrl", "status"),
    ),
    (
        "traefik",
        lambda entry: (
            "RequestMethod" in entry
            and _any(entry, "DownstreamStatus", "StartUTC", "StartLocal", "entryPointName")
        ),
    ),
    (
        "envoy",
        lambda entry: (
            (
                "response_code" in entry
                and _any(entry, "start_time", "response_flags", "upstream_cluster")
            )
            or (
                # with names of the operator's own, as Apigee's installer gives some
                "status" in entry
                and "upstream_cluster" in entry
                and _any(entry, "upstream_service_time", "upstream_response_flags")
            )
        ),
    ),
    (
        "cloudflare",
        lambda entry: (
            "ClientRequestMethod" in entry and _any(entry, "ClientRequestURI", "ClientRequestPath")
        ),
    ),
    ("cloudfront", lambda entry: "x-edge-location" in entry and "cs-method" in entry),
    ("iis", lambda entry: "cs-method" in entry and _any(entry, "cs-uri-stem", "cs-uri")),
    ("caddy", _is_caddy),
    ("kong", _is_kong),
    ("apisix", _is_apisix),
    (
        "keploy",
        lambda entry: isinstance(entry.get("spec"), dict) and _holds(entry["spec"], "req", "resp"),
    ),
    (
        "akto",
        lambda entry: (
            "akto_account_id" in entry
            or ("requestHeaders" in entry and "responsePayload" in entry)
        ),
    ),
    ("goreplay", lambda entry: "Req_Type" in entry and "Req_ID" in entry),
    ("aws_api_gateway", _is_aws_api),
    ("ecs", _is_ecs),
    ("haproxy", lambda entry: not HAPROXY_MARKS.isdisjoint(entry) and _tells_of_a_request(entry)),
    ("ndjson", lambda entry: "time" in entry and _is_plain(entry)),
    ("nginx", lambda entry: not NGINX_MARKS.isdisjoint(entry) and _tells_of_a_request(entry)),
    ("apache", lambda entry: not APACHE_MARKS.isdisjoint(entry) and _tells_of_a_request(entry)),
    ("access_json", lambda entry: _tells_of_a_request(entry) and _any(entry, *STATUSES)),
    ("ndjson", _is_plain),
)


def log_source(entry: Entry) -> str:
    """The source whose marks an entry bears, a code; "" for none that we know. The first of
    several that fit.
    """
    for name, knows in _JSON:
        if knows(entry):
            return name
    return ""
