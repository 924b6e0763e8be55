"""Access logs of cloud gateways: AWS API Gateway, Google Cloud's load balancers, Azure API
Management, Cloudflare.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html,
https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry,
https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring,
https://learn.microsoft.com/en-us/azure/api-management/gateway-log-schema-reference,
https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.marks import body_and_cut
from monitor.decode.api_logs.proxies import made_by_aws, made_by_cloudflare, made_by_gcp
from monitor.decode.api_logs.units import MILLIS, SECONDS, length_ns, moment_ns
from monitor.model.exchanges import Exchange

Entry = dict[str, Any]


def aws_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """An entry whose fields are named after `$context` variables; all values may be text, "-" is
    absent. Raises Refused.

    `resourcePath` and `routeKey` ("GET /pets/{id}") are the route; `path` holds the stage before
    it, which is taken off.
    """
    get = _reader(entry)
    method, route = (
        get("httpMethod", "http_method", "method"),
        get("resourcePath", "resource_path"),
    )
    key = get("routeKey", "route_key")
    if isinstance(key, str) and " " in key:
        verb, _, template = key.partition(" ")
        method, route = method or (verb if verb != "ANY" else None), route or template
    if method is None and get("connectionId", "connection_id", "eventType", "event_type"):
        raise fields.Refused("aws_websocket")
    if isinstance(key, str) and key.startswith("$") and key != "$default" and method is None:
        raise fields.Refused("aws_websocket")
    path = get("path", "customPath", "rawPath")
    stage = get("stage", "stageName")
    stage = "" if stage == "$default" else stage
    if isinstance(path, str):
        path = _without_stage(path, stage, route)
    if route in ("$default", "/{proxy+}", "{proxy+}") and path:
        route = None
    length = length_ns(get("responseLatency", "response_latency", "latency"), MILLIS)
    start = get("requestTimeEpoch", "request_time_epoch")
    at = get("requestTime", "request_time", "time", "timestamp")
    if start is None and at is None and not place.told_ns:
        raise fields.Refused("no_time")
    told_at = start if start is not None else at
    moment = place.told_ns if told_at is None else moment_ns(told_at, place.record_ms)
    status = get("status", "statusCode", "status_code")
    trace = get("xrayTraceId", "traceId")
    trace_text = isinstance(trace, str) and trace.removeprefix("Root=")[2:].replace("-", "")[:32]
    held = _dict(entry.get("integration"))
    integrated = [
        entry.get(name, held.get("status"))
        for name in _INTEGRATED
        if name in entry or (name == "integration.status" and "status" in held)
    ]
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(get("requestBody", "request_body")),
        body_and_cut(get("responseBody", "response_body")),
    )
    return make(
        place,
        index,
        end_ns=moment + (length or 0),
        duration_ns=length,
        method=method,
        target=path or (route if route != "$default" else None),
        status=status,
        query=get("queryString", "query"),
        route=route,
        caller=get("caller", "apiKeyId", "principalId", "user"),
        callee=get("apiName", "apiId", "api_id") or host_of(get("domainName")),
        environment=stage,
        trace=fields.id_of(trace_text, 16) if trace_text else b"",
        request_headers=fields.headers_of({"user-agent": agent})
        if (agent := get("userAgent"))
        else {},
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
        headers_whole=False,
        proxy_answer=bool(integrated) and made_by_aws(integrated[0], status),
    )


_INTEGRATED = (
    "integrationStatus",
    "integration.status",
    "integration_status",
    "functionResponseStatus",
)
"""What operators call `$context.integrationStatus` and `$context.integration.status`."""


def _without_stage(path: str, stage: object, route: object) -> str:
    """The path without the stage that REST APIs are called under, told by name or by what the
    route leaves over.
    """
    _, first, *rest = path.split("/") if path[:1] == "/" else ("", "")
    if isinstance(stage, str) and stage:
        return "/" + "/".join(rest) if first == stage and rest else path
    template = route.split("/")[1:] if isinstance(route, str) else []
    fits = len(rest) == len(template) > 0 and all(
        part == there or (part[:1] == "{" and there)
        for part, there in zip(template, rest, strict=True)
    )
    return "/" + "/".join(rest) if fits and "+}" not in str(route) else path


def gcp_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """A LogEntry with `httpRequest`: of a load balancer, Cloud Run and others. `timestamp` and
    `latency` give the end. Raises Refused.
    """
    request, payload = entry["httpRequest"], _dict(entry.get("jsonPayload"))
    labels = _dict(_dict(entry.get("resource")).get("labels"))
    length = length_ns(request.get("latency"), SECONDS)
    # an application's own line has `time` until the agent takes it
    at = entry.get("timestamp") or entry.get("receiveTimestamp") or entry.get("time")
    if not at and not place.told_ns:
        raise fields.Refused("no_time")
    trace = _text(entry.get("trace")).rpartition("/")[2]
    url = request.get("requestUrl")
    names = (
        "backend_service_name",
        "service_name",
        "module_id",
        "function_name",
        "container_name",
        "service",
        "backend_target_name",
    )
    service = next((labels[name] for name in names if _text(labels.get(name))), None)
    sent = {"user-agent": request.get("userAgent"), "referer": request.get("referer")}
    return make(
        place,
        index,
        end_ns=moment_ns(at, place.record_ms) + (length or 0) if at else place.told_ns,
        duration_ns=length,
        method=request.get("requestMethod"),
        target=url,
        status=request.get("status"),
        query_known=True,
        callee=service or host_of(fields.split_url(url)[0] if isinstance(url, str) else ""),
        callee_version=labels.get("revision_name") or labels.get("version_id"),
        callee_namespace=labels.get("namespace_name"),
        trace=fields.id_of(trace, 16),
        span=fields.id_of(entry.get("spanId"), 8),
        request_headers=fields.headers_of(
            {name: text for name, text in sent.items() if _text(text)}
        ),
        headers_whole=False,
        unanswered=request.get("status") in (0, "0"),
        proxy_answer=made_by_gcp(payload),
        plaintext=fields.is_plaintext(url),
    )


def azure_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """A record of GatewayLogs, as Event Hubs carry it (`properties`) or as the table
    ApiManagementGatewayLogs has it. Raises Refused.

    Its time is when the gateway began with the request.
    """
    category = entry.get("category") or entry.get("Category")
    if category not in (None, "GatewayLogs"):
        raise fields.Refused("azure_other_category")
    properties = entry.get("properties")
    if isinstance(properties, str):
        try:
            properties = orjson.loads(properties)
        except orjson.JSONDecodeError:
            raise fields.Refused("bad_properties") from None
    if "url_s" in entry:
        entry = {_COLUMN.sub("", name): value for name, value in entry.items()}
    get = _reader(entry | _dict(properties))
    length = length_ns(get("durationMs", "TotalTime"), MILLIS)
    at = get("time", "TimeGenerated", "timestamp")
    if at is None and not place.told_ns:
        raise fields.Refused("no_time")
    (asked, asked_cut), (answered, answered_cut) = (
        body_and_cut(get("requestBody")),
        body_and_cut(get("responseBody")),
    )
    url = get("url")
    status = get("responseCode")
    revision = get("apiRevision")
    # the API's id; one that is not the current revision bears that behind it
    api = _text(get("apiId")).partition(";rev=")[0]
    return make(
        place,
        index,
        end_ns=moment_ns(at, place.record_ms) + (length or 0) if at is not None else place.told_ns,
        duration_ns=length,
        method=get("method"),
        target=url,
        status=status,
        query_known=True,
        caller=get("apimSubscriptionId", "subscriptionId") or get("productId"),
        callee=api or host_of(fields.split_url(url)[0] if isinstance(url, str) else ""),
        callee_version=revision,
        trace=fields.id_of(_text(get("correlationId")).replace("-", ""), 16)
        if get("traceparent")
        else b"",
        request_headers=fields.headers_of(get("requestHeaders")),
        response_headers=fields.headers_of(get("responseHeaders")),
        request_body=asked,
        response_body=answered,
        request_truncated=asked_cut,
        response_truncated=answered_cut,
        headers_whole=False,
        unanswered=status in (0, "0"),
        proxy_answer=_made_by_azure(get, whole=isinstance(properties, dict))
        and status not in (None, 0, "0"),
        plaintext=fields.is_plaintext(url),
    )


_COLUMN = re.compile(r"_[bdgst]$")
"""The type of a column of AzureDiagnostics."""


def _made_by_azure(get: Any, *, whole: bool) -> bool:
    """A gateway that asked no backend writes no code of one: it refused, or a policy answered.
    Records of a table may have fewer columns: there only an error says it.
    """
    if get("backendResponseCode") not in (None, 0, "0"):
        return False
    refused = bool(get("lastError", "LastErrorReason", "errors"))
    return refused or (whole and str(get("cache") or "").lower() != "hit")


def cloudflare_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """An entry of Logpush's HTTP requests; times are RFC 3339, seconds or nanoseconds, as the job
    was set up. Raises Refused.

    `RequestHeaders` and `ResponseHeaders` hold the custom fields that a zone logs.
    """
    get = entry.get
    end, start = (
        moment_ns(at, place.record_ms) if fields.is_told(at := get(name)) else None
        for name in _CLOUDFLARE_TIMES
    )
    if end is None and start is None and not place.told_ns:
        raise fields.Refused("no_time")
    length = end - start if end is not None and start is not None and end > start else None
    if length is None:
        length = length_ns(get("OriginResponseDurationMs") or None, MILLIS)
    sent = {
        "user-agent": get("ClientRequestUserAgent"),
        "referer": get("ClientRequestReferer"),
        "host": get("ClientRequestHost"),
    }
    uri = get("ClientRequestURI")
    media = _text(get("EdgeResponseContentType"))
    status = get("EdgeResponseStatus")
    return make(
        place,
        index,
        end_ns=end or (start + (length or 0) if start is not None else place.told_ns),
        duration_ns=length,
        method=get("ClientRequestMethod"),
        target=uri or get("ClientRequestPath"),
        status=status,
        query_known=bool(uri),
        callee=host_of(get("ClientRequestHost")),
        request_headers=fields.headers_of(
            {name: text for name, text in sent.items() if _text(text)}
        )
        | fields.headers_of(get("RequestHeaders")),
        response_headers=fields.headers_of({"content-type": media} if media else {})
        | fields.headers_of(get("ResponseHeaders")),
        headers_whole=False,
        unanswered=status in (0, "0"),
        proxy_answer=made_by_cloudflare(entry),
    )


_CLOUDFLARE_TIMES = ("EdgeEndTimestamp", "EdgeStartTimestamp")


def azure_records(entry: Entry) -> list[object] | None:
    """The records that an Event Hubs message holds; None for an entry that is one itself."""
    records = entry.get("records")
    return records if isinstance(records, list) else None


def _reader(entry: Mapping[str, Any]) -> Any:
    """Reads by the first of some names that is told, the first letter in either case."""

    def get(*names: str) -> Any:
        for name in names:
            for spelled in (name, name[:1].upper() + name[1:]):
                value = entry.get(spelled)
                if value is not None and value not in ("-", ""):
                    return value
        return None

    return get


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != "-" else ""
