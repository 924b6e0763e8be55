"""An entry of each source in its vendor's documented default, with values of our own, and the
exchange that it tells.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

NOW_MS = 1_795_860_300_000  # 2026-11-28T10:05:00Z
AT = 1_795_860_000_000_000_000  # 2026-11-28T10:00:00Z
MS = 1_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
AGENT = {"user-agent": "curl/8.5.0"}


@dataclass(frozen=True)
class Sample:
    """`told` are the exchange's fields that differ from DEFAULTS."""

    name: str
    source: str
    raw: str
    told: Mapping[str, Any] = field(default_factory=dict)


DEFAULTS: dict[str, Any] = {
    "plaintext": False,
    "end_ns": AT, "duration_ns": 42 * MS, "method": "GET", "path": "/pay/7", "route": "", "query": "x=1", "status": 200, "caller": "unknown",
    "caller_version": "", "callee": "payment", "callee_version": "", "callee_namespace": "", "caller_namespace": "", "environment": "", "trace_id": b"", "span_id": b"",
    "side": "server", "protocol": "http", "request_headers": {}, "response_headers": {}, "request_body": None, "response_body": None,
    "request_truncated": False, "response_truncated": False, "query_known": True, "redacted": False, "headers_whole": False, "status_told": True,
    "proxy_answer": False,
}  # fmt: skip


def _json(**entry: Any) -> str:
    return orjson.dumps(entry).decode()


_CLF = "28/Nov/2026:10:00:00 +0000"
_COMBINED = f'10.0.0.9 - - [{_CLF}] "GET /pay/7?x=1 HTTP/1.1" 200 612 "-" "curl/8.5.0"'
_ISTIO = {
    "start_time": "2026-11-28T09:59:59.958Z", "route_name": "default", "method": "GET", "path": "/pay/7?x=1", "protocol": "HTTP/1.1", "response_code": 200,
    "response_flags": "-", "response_code_details": "via_upstream", "connection_termination_details": None, "upstream_transport_failure_reason": None,
    "bytes_received": 0, "bytes_sent": 612, "duration": 42, "upstream_service_time": "41", "x_forwarded_for": None, "user_agent": "curl/8.5.0",
    "request_id": "a1", "authority": "payment:8000", "upstream_host": "10.1.0.7:8000",
    "upstream_cluster": "outbound|8000|v2|payment.shop.svc.cluster.local", "upstream_local_address": "10.1.0.4:4040",
    "downstream_local_address": "10.2.0.9:8000", "downstream_remote_address": "10.1.0.4:5050", "requested_server_name": None,
}  # fmt: skip
_AZURE = {
    "DeploymentVersion": "0.40", "Level": 4, "isRequestSuccess": True, "time": "2026-11-28T09:59:59.9580000Z",
    "operationName": "Microsoft.ApiManagement/GatewayLogs", "category": "GatewayLogs", "durationMs": 42, "callerIpAddress": "10.0.0.9",
    "correlationId": "6d2a1f4e-0001", "location": "West Europe", "resourceId": "/SUBSCRIPTIONS/A/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/GW",
    "properties": {
        "method": "POST", "url": "https://gw.azure-api.net/pay/7?x=1", "responseCode": 201, "backendResponseCode": 201, "backendMethod": "POST",
        "backendUrl": "https://pay.internal/7?x=1", "responseSize": 612, "requestSize": 9, "cache": "none", "backendTime": 40,
        "apiId": "payment", "operationId": "post-pay", "productId": "gold", "apimSubscriptionId": "web", "apiRevision": "2", "clientProtocol": "HTTP/1.1",
        "requestHeaders": {"Content-Type": "application/json"}, "responseHeaders": {"Content-Type": "application/json"},
        "requestBody": '{"a":1}', "responseBody": '{"ok":true}',
    },
}  # fmt: skip
_JSON_BOTH = {
    "request_headers": {"content-type": "application/json"},
    "response_headers": {"content-type": "application/json"},
}
_GCP = {
    "httpRequest": {
        "latency": "0.042000s", "remoteIp": "10.0.0.9", "requestMethod": "GET", "requestSize": "84", "requestUrl": "https://shop.example.com/pay/7?x=1",
        "responseSize": "612", "serverIp": "10.1.0.7", "status": 200, "userAgent": "curl/8.5.0",
    },
    "insertId": "1x", "jsonPayload": {"@type": "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry", "statusDetails": "response_sent_by_backend"},
    "logName": "projects/p/logs/requests", "receiveTimestamp": "2026-11-28T10:00:01.755764847Z", "severity": "INFO", "spanId": SPAN,
    "resource": {"type": "http_load_balancer", "labels": {"backend_service_name": "payment", "project_id": "p", "url_map_name": "lb", "zone": "global"}},
    "timestamp": "2026-11-28T09:59:59.958000Z", "trace": f"projects/p/traces/{TRACE}",
}  # fmt: skip
_KONG = {
    "started_at": AT // MS - 42, "latencies": {"kong": 1, "proxy": 41, "request": 42, "receive": 0}, "service": {"name": "payment", "host": "h"},
    "request": {
        "id": "1", "method": "POST", "uri": "/pay/7?x=1", "url": "http://gw:8000/pay/7?x=1", "querystring": {"x": "1"}, "size": 9,
        "headers": {"content-type": "application/json"}, "tls": {},
    },
    "response": {"status": 201, "headers": {"content-type": "application/json"}, "size": 12}, "upstream_status": "201", "upstream_uri": "/7",
    "tries": [{"ip": "10.1.0.7", "port": 80, "balancer_latency": 0}], "route": {"name": "r"}, "consumer": {"username": "web"}, "client_ip": "10.0.0.9",
    "workspace": "w", "workspace_name": "default", "source": "upstream",
}  # fmt: skip
_APISIX = {
    "service_id": "payment", "route_id": "1", "start_time": AT // MS - 42, "latency": 42.0, "upstream_latency": 40, "apisix_latency": 2.0,
    "client_ip": "10.0.0.9", "upstream": "10.1.0.7:80", "server": {"hostname": "gw", "version": "3.9.0"},
    "request": {
        "method": "POST", "uri": "/pay/7?x=1", "url": "http://gw:9080/pay/7?x=1", "querystring": {"x": "1"}, "size": 99, "body": '{"a":1}',
        "headers": {"content-type": "application/json"},
    },
    "response": {"status": 201, "headers": {"content-type": "application/json"}, "size": 99, "body": '{"ok":true}'},
}  # fmt: skip
_TAP = {
    "http_buffered_trace": {
        "request": {
            "headers": [
                {"key": ":authority", "value": "payment"}, {"key": ":path", "value": "/pay/7?x=1"}, {"key": ":method", "value": "POST"},
                {"key": "content-type", "value": "application/json", "raw_value": ""},
            ],
            "body": {"truncated": False, "as_bytes": base64.b64encode(b'{"a":1}').decode()}, "trailers": [], "headers_received_time": "2026-11-28T09:59:59.958Z",
        },
        "response": {
            "headers": [{"key": ":status", "value": "201"}, {"key": "content-type", "value": "application/json"}],
            "body": {"truncated": True, "as_string": '{"ok":tr'}, "trailers": [], "headers_received_time": "2026-11-28T10:00:00Z",
        },
    }
}  # fmt: skip
_ECS = {
    "@timestamp": "2026-11-28T10:00:00.000Z", "ecs": {"version": "8.11.0"}, "event": {"duration": 42_000_000, "dataset": "web.access", "outcome": "success"},
    "http": {
        "version": "1.1", "request": {"method": "POST", "mime_type": "application/json", "body": {"content": '{"a":1}', "bytes": 7}},
        "response": {"status_code": 201, "mime_type": "application/json", "body": {"content": '{"ok":true}', "bytes": 4000}},
    },
    "url": {"path": "/pay/7", "query": "x=1", "domain": "shop.example.com"}, "service": {"name": "payment", "version": "2.0", "environment": "prod"},
    "trace": {"id": TRACE}, "span": {"id": SPAN}, "user_agent": {"original": "curl/8.5.0"},
}  # fmt: skip
_POST = {"method": "POST", "status": 201}
_BODIES = {"request_body": '{"a":1}', "response_body": '{"ok":true}'}
_TRACED = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN)}

SAMPLES = [
    Sample("combined", "combined", _COMBINED, {"duration_ns": None, "callee": "unknown", "request_headers": AGENT}),
    Sample("combined-of-nginx", "nginx", _COMBINED, {"duration_ns": None, "callee": "unknown", "request_headers": AGENT}),
    Sample("common", "apache", f'10.0.0.9 - web [{_CLF}] "GET /pay/7?x=1 HTTP/1.0" 200 2326', {"duration_ns": None, "callee": "unknown"}),
    Sample("vhost", "apache", f"payment:80 {_COMBINED}", {"duration_ns": None, "request_headers": AGENT}),
    Sample(
        "ingress-nginx", "ingress_nginx",
        f"{_COMBINED} 413 0.042 [shop-payment-8080] [] 10.1.0.6:8080, 10.1.0.7:8080 0, 612 0.010, 0.031 502, 200 5a1b2c3d4e5f60718293a4b5c6d7e8f9",
        {"callee_namespace": "shop", "request_headers": AGENT},
    ),
    Sample(  # its id is what the caller sent as X-Request-ID, whatever that is
        "ingress-nginx-id", "ingress_nginx",
        f"{_COMBINED} 413 0.042 [shop-payment-8080] [] 10.1.0.7:8080 612 0.031 200 order:42/a",
        {"callee_namespace": "shop", "request_headers": AGENT},
    ),
    Sample(
        "ingress-nginx-json", "ingress_nginx",
        _json(
            time="2026-11-28T10:00:00+00:00", remote_addr="10.0.0.9", x_forwarded_for="10.0.0.9", request_id="5a", remote_user="", bytes_sent=612,
            request_time=0.042, status=200, vhost="payment", request_proto="HTTP/1.1", path="/pay/7", request_query="x=1", request_length=413, duration=0.042,
            method="GET", http_referrer="", http_user_agent="curl/8.5.0",
        ),
        {"request_headers": AGENT},
    ),
    Sample(
        "nginx-json", "nginx",
        _json(
            time_iso8601="2026-11-28T10:00:00+00:00", remote_addr="10.0.0.9", remote_user="-", request="POST /pay/7?x=1 HTTP/1.1", request_method="POST",
            request_uri="/pay/7?x=1", uri="/index", args="x=1", status="201", body_bytes_sent="612", request_length="413", request_time="0.042",
            upstream_addr="10.1.0.6:80, 10.1.0.7:80", upstream_status="502, 201", upstream_response_time="0.010, 0.031", http_user_agent="curl/8.5.0",
            http_x_forwarded_for="-", http_traceparent=f"00-{TRACE}-{SPAN}-01", host="shop.example.com", proxy_host="payment", server_protocol="HTTP/1.1",
            content_type="application/json", sent_http_content_type="application/json", request_body='{"a":1}', resp_body='{"ok":true}',
        ),
        {
            **_POST, **_BODIES, **_TRACED, "response_headers": {"content-type": "application/json"},
            "request_headers": {**AGENT, "content-type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-01"},
        },
    ),
    Sample(
        "apache-json", "apache",
        _json(
            time=f"[{_CLF}]", remoteIP="10.0.0.9", host="payment", request="/pay/7", query="?x=1", method="GET", status="200", userAgent="curl/8.5.0",
            referer="-", duration=42_000,
        ),
        {},
    ),
    Sample(
        "apache-json-line", "apache",
        _json(time=f"[{_CLF}]", remote_host="10.0.0.9", remote_logname="-", user="-", request="GET /pay/7?x=1 HTTP/1.1", status="200", duration_us="42000", server_name="payment"),
        {},
    ),
    Sample(
        "traefik", "traefik",
        _json(
            ClientAddr="10.0.0.9:5050", ClientHost="10.0.0.9", ClientPort="5050", ClientUsername="-", DownstreamContentSize=612, DownstreamStatus=200,
            Duration=42_000_000, OriginContentSize=612, OriginDuration=41_000_000, OriginStatus=200, Overhead=1_000_000, RequestAddr="shop.example.com",
            RequestContentSize=0, RequestCount=7, RequestHost="shop.example.com", RequestMethod="GET", RequestPath="/pay/7?x=1", RequestPort="-",
            RequestProtocol="HTTP/1.1", RequestScheme="http", RetryAttempts=0, RouterName="shop@docker", ServiceAddr="10.1.0.7:80", ServiceName="payment@docker",
            ServiceURL="http://10.1.0.7:80", StartLocal="2026-11-28T09:59:59.958Z", StartUTC="2026-11-28T09:59:59.958000000Z", entryPointName="web", level="info",
            msg="", time="2026-11-28T10:00:00Z", **{"request_User-Agent": "curl/8.5.0", "downstream_Content-Type": "application/json"},
        ),
        {"request_headers": AGENT, "response_headers": {"content-type": "application/json"}},
    ),
    Sample(
        "traefik-clf", "traefik", f'{_COMBINED} 7 "payment@docker" "http://10.1.0.7:80" 42ms',
        {"end_ns": AT + 42 * MS, "request_headers": AGENT},
    ),
    Sample(
        "haproxy", "haproxy",
        'Nov 28 10:00:00 lb haproxy[1438]: 10.0.0.9:33317 [28/Nov/2026:09:59:59.958] http-in~ payment/srv1 10/0/2/28/42 200 2750 - - ---- 1/1/1/1/0 0/0 '
        '{shop.example.com} {} "GET /pay/7?x=1 HTTP/1.1"',
        {},
    ),
    Sample(
        "haproxy-json", "haproxy",
        _json(
            client_ip="10.0.0.9", client_port="33317", request_date="28/Nov/2026:09:59:59.958", fe_name_transport="http-in~", be_name="payment", server_name="srv1",
            time_request="10", time_wait="0", time_connect="2", time_response="28", time_active="42", status_code="200", bytes_read="2750",
            captured_request_cookie="-", captured_response_cookie="-", termination_state_cookie="----", http_request="GET /pay/7?x=1 HTTP/1.1",
        ),
        {},
    ),
    Sample(
        "aws-alb", "aws_alb",
        "https 2026-11-28T10:00:00.000000Z app/lb/50dc6c495c0c9188 10.0.0.9:2817 10.1.0.7:80 0.001 0.040 0.001 200 200 0 57 "
        '"GET https://shop.example.com:443/pay/7?x=1 HTTP/1.1" "curl/8.5.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
        'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/payment/73e2d6bc24d8a067 "Root=1-0af76519-16cd43dd8448eb211c80319c" '
        '"shop.example.com" "session-reused" 1 2026-11-28T09:59:59.958000Z "forward" "-" "-" "10.1.0.7:80" "200" "-" "-" TID_1234',
        {"request_headers": AGENT, "trace_id": bytes.fromhex(TRACE)},
    ),
    Sample(
        "aws-elb", "aws_alb",
        '2026-11-28T10:00:00.000000Z lb 10.0.0.9:2817 10.1.0.7:80 0.001 0.040 0.001 200 200 0 29 "GET http://payment:80/pay/7?x=1 HTTP/1.1" "curl/8.5.0" - -',
        {"request_headers": AGENT, "plaintext": True},
    ),
    Sample(
        "aws-api-json", "aws_api_gateway",
        _json(
            requestId="a1", extendedRequestId="b=", ip="10.0.0.9", caller="-", user="-", requestTime="28/Nov/2026:09:59:59 +0000", requestTimeEpoch=str(AT // MS - 42),
            httpMethod="GET", resourcePath="/pay/{id}", path="/prod/pay/7", stage="prod", status="200", protocol="HTTP/1.1", responseLength="612",
            responseLatency="42", integrationLatency="40", integrationStatus="200", apiId="payment", domainName="x.execute-api.aws",
        ),
        {"route": "/pay/{id}", "query": "", "query_known": False, "environment": "prod"},
    ),
    Sample(
        "aws-api-clf", "aws_api_gateway", f'10.0.0.9 - web [{_CLF}]"GET /pay/{{id}} HTTP/1.1" 200 612 6f1d-a1',
        {"duration_ns": None, "path": "/pay/{id}", "route": "/pay/{id}", "query": "", "query_known": False, "caller": "web", "callee": "unknown"},
    ),
    Sample(
        "aws-api-csv", "aws_api_gateway", f"10.0.0.9,-,web,{_CLF},GET,/pay/{{id}},HTTP/1.1,200,612,6f1d-a1,b=",
        {"duration_ns": None, "path": "/pay/{id}", "route": "/pay/{id}", "query": "", "query_known": False, "caller": "web", "callee": "unknown"},
    ),
    Sample(
        "aws-api-xml", "aws_api_gateway",
        f'<request id="a1"> <ip>10.0.0.9</ip> <caller>-</caller> <user>web</user> <requestTime>{_CLF}</requestTime> <httpMethod>GET</httpMethod> '
        "<resourcePath>/pay/{id}</resourcePath> <status>200</status> <protocol>HTTP/1.1</protocol> <responseLength>612</responseLength> </request>",
        {"duration_ns": None, "path": "/pay/{id}", "route": "/pay/{id}", "query": "", "query_known": False, "caller": "web", "callee": "unknown"},
    ),
    Sample(
        "iis", "iis",
        "2026-11-28 10:00:00 10.1.0.7 GET /pay/7 x=1 443 - 10.0.0.9 curl/8.5.0+(x) - 200 0 0 42",
        {"callee": "unknown", "request_headers": {"user-agent": "curl/8.5.0 (x)"}},
    ),
    Sample(
        "iis-head", "iis",
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-28 00:00:03\n"
        "#Fields: date time s-sitename s-computername cs-method cs-uri-stem cs-uri-query cs-host sc-status sc-win32-status time-taken cs(Cookie)\n"
        "2026-11-28 10:00:00 W3SVC1 WEB01 GET /pay/7 x=1 payment:443 200 0 42 sid=1;+lang=en",
        {"request_headers": {"host": "payment:443", "cookie": "sid=[redacted integer]; lang=[redacted text]"}},
    ),
    Sample(
        "w3c-seconds", "iis",
        "#Version: 1.0\n#Fields: time cs-method cs-uri date time-taken sc-status cs(Host)\n10:00:00 GET /pay/7?x=1 2026-11-28 0.042 200 payment",
        {"request_headers": {"host": "payment"}},
    ),
    Sample(
        "cloudfront", "cloudfront",
        "2026-11-28\t10:00:00\tFRA56-P4\t612\t10.0.0.9\tGET\td111111abcdef8.cloudfront.net\t/pay/7\t200\t-\tcurl/8.5.0%2520(x)\tx=1\t-\tMiss\t"
        "SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\tpayment\thttps\t23\t0.042\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tMiss\tHTTP/2.0\t"
        "-\t-\t11040\t0.040\tMiss\tapplication/json\t78\t-\t-",
        {
            "request_headers": {"host": "d111111abcdef8.cloudfront.net", "user-agent": "curl/8.5.0 (x)"},
            "response_headers": {"content-type": "application/json"},
        },
    ),
    Sample(
        "cloudfront-json", "cloudfront",
        orjson.dumps({
            "date": "2026-11-28", "time": "10:00:00", "x-edge-location": "FRA56-P4", "c-ip": "10.0.0.9", "cs-method": "GET", "cs(Host)": "payment",
            "cs-uri-stem": "/pay/7", "sc-status": "200", "cs-uri-query": "x=1", "x-edge-result-type": "Miss", "time-taken": "0.042",
        }).decode(),
        {"request_headers": {"host": "payment"}},
    ),
    Sample(
        "cloudflare", "cloudflare",
        _json(
            ClientIP="10.0.0.9", ClientRequestHost="payment", ClientRequestMethod="GET", ClientRequestURI="/pay/7?x=1", EdgeEndTimestamp="2026-11-28T10:00:00Z",
            EdgeResponseBytes=612, EdgeResponseStatus=200, EdgeStartTimestamp=AT - 42 * MS, RayID="41ddf1740f67442d", OriginResponseStatus=200,
            CacheCacheStatus="dynamic", ClientRequestUserAgent="curl/8.5.0", EdgeResponseContentType="application/json", RequestHeaders={"X-Tenant": "a"},
        ),
        {
            "request_headers": {**AGENT, "host": "payment", "x-tenant": "a"}, "response_headers": {"content-type": "application/json"},
        },
    ),
    Sample("gcp", "gcp_load_balancer", _json(**_GCP), {"request_headers": AGENT, **_TRACED}),
    Sample(
        "azure", "azure_api_management", _json(records=[_AZURE]), {**_POST, **_BODIES, **_JSON_BOTH, "caller": "web", "callee_version": "2"},
    ),
    Sample(
        "azure-table", "azure_api_management",
        _json(
            TimeGenerated="2026-11-28T09:59:59.958Z", ApiId="payment", ApimSubscriptionId="web", ApiRevision="2", Method="GET", Url="https://gw.azure-api.net/pay/7?x=1",
            ResponseCode=200, BackendResponseCode=200, TotalTime=42, CorrelationId="6d", IsRequestSuccess=True, OperationName="Microsoft.ApiManagement/GatewayLogs",
        ),
        {"caller": "web", "callee_version": "2"},
    ),
    Sample("kong", "kong", _json(**_KONG), {**_POST, **_JSON_BOTH, "caller": "web"}),
    Sample("apisix", "apisix", _json(**_APISIX), {**_POST, **_JSON_BOTH, **_BODIES, "headers_whole": True}),
    Sample(
        "apisix-origin", "apisix", 'POST /pay/7?x=1 HTTP/1.1\r\nhost: payment\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}',
        {
            "end_ns": NOW_MS * MS, "duration_ns": None, "method": "POST", "status": 0, "status_told": False, "request_body": '{"a":1}', "headers_whole": True,
            "request_headers": {"host": "payment", "content-type": "application/json", "content-length": "7"},
        },
    ),
    Sample(
        "apisix-access", "apisix",
        f'10.0.0.9 - - [{_CLF}] payment:9080 "GET /pay/7?x=1 HTTP/1.1" 200 612 0.042 "-" "curl/8.5.0" 10.1.0.7:80 200 0.040 "http://payment:9080"',
        {"request_headers": AGENT},
    ),
    Sample(
        "istio-json", "istio", _json(**_ISTIO), {"callee_version": "v2", "callee_namespace": "shop", "side": "client", "request_headers": AGENT},
    ),
    Sample(
        "istio-text", "istio",
        '[2026-11-28T09:59:59.958Z] "GET /pay/7?x=1 HTTP/1.1" 200 - via_upstream - "-" 0 612 42 41 "-" "curl/8.5.0" "a1" "payment:8000" "10.1.0.7:8000" '
        "outbound|8000||payment.shop.svc.cluster.local 10.1.0.4:4040 10.2.0.9:8000 10.1.0.4:5050 - default",
        {"callee_namespace": "shop", "side": "client", "request_headers": AGENT},
    ),
    Sample(
        "envoy-text", "envoy",
        '[2026-11-28T09:59:59.958Z] "GET /pay/7?x=1 HTTP/1.1" 200 - 0 612 42 41 "-" "curl/8.5.0" "a1" "payment" "tcp://10.1.0.7:80"',
        {"request_headers": AGENT},
    ),
    Sample(
        "envoy-tap", "envoy_tap", _json(**_TAP),
        {**_POST, **_JSON_BOTH, "request_body": b'{"a":1}', "response_body": '{"ok":tr', "response_truncated": True, "headers_whole": True},
    ),
    Sample(
        "ecs", "ecs", _json(**_ECS),
        {
            **_POST, **_BODIES, **_TRACED, "callee_version": "2.0", "environment": "prod", "response_truncated": True,
            "request_headers": {"content-type": "application/json", **AGENT}, "response_headers": {"content-type": "application/json"},
        },
    ),
    Sample(
        "ecs-dotted", "ecs",
        orjson.dumps({
            "@timestamp": "2026-11-28T10:00:00Z", "http.request.method": "GET", "http.response.status_code": 200, "url.original": "/pay/7?x=1",
            "event.duration": 42_000_000, "service.name": "payment", "trace.id": TRACE, "transaction.id": SPAN,
        }).decode(),
        _TRACED,
    ),
    Sample(
        "caddy", "caddy",
        _json(
            level="info", ts=1_795_860_000.0, logger="http.log.access", msg="handled request", bytes_read=0, user_id="", duration=0.042, size=12, status=200,
            request={"remote_ip": "10.0.0.9", "remote_port": "1", "proto": "HTTP/2.0", "method": "GET", "host": "payment", "uri": "/pay/7?x=1", "headers": {"User-Agent": ["curl/8.5.0"]}},
            resp_headers={"Content-Type": ["application/json"]},
        ),
        {"request_headers": AGENT, "response_headers": {"content-type": "application/json"}, "headers_whole": True},
    ),
    Sample(
        "goreplay", "goreplay",
        _json(Req_URL="/pay/7?x=1", Req_Type="1", Req_ID="a1", Req_Ts=str(AT), Req_Method="POST", Req_Body='{"a":1}', Req_Headers={"Host": "payment", "Content-Type": "application/json"}),
        {
            "duration_ns": None, "method": "POST", "status": 0, "status_told": False, "request_body": '{"a":1}', "headers_whole": True,
            "request_headers": {"host": "payment", "content-type": "application/json"},
        },
    ),
    Sample(
        "goreplay-file", "goreplay",
        f"1 932079936fa4306fc308d67588178d17d823647c {AT - 42 * MS} 0\nPOST /pay/7?x=1 HTTP/1.1\r\nHost: payment\r\nContent-Type: application/json\r\n"
        'Content-Length: 7\r\n\r\n{"a":1}\n🐵🙈🙉\n'
        f"2 932079936fa4306fc308d67588178d17d823647c {AT - MS} {MS}\nHTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
        'Transfer-Encoding: chunked\r\n\r\n3\r\n{"o\r\n8;x=y\r\nk":true}\r\n0\r\n\r\n\n🐵🙈🙉\n',
        {
            **_POST, "request_body": b'{"a":1}', "response_body": b'{"ok":true}', "headers_whole": True,
            "request_headers": {"host": "payment", "content-type": "application/json", "content-length": "7"},
            "response_headers": {"content-type": "application/json", "transfer-encoding": "chunked"},
        },
    ),
    Sample(
        "envoy-tap-segments", "envoy_tap",
        "\n".join(
            orjson.dumps({"http_streamed_trace_segment": {"trace_id": "17", **part}}, option=orjson.OPT_INDENT_2).decode()
            for part in (
                {"request_headers": _TAP["http_buffered_trace"]["request"] | {"body": None}},
                {"request_body_chunk": {"as_bytes": base64.b64encode(b'{"a"').decode()}}, {"request_body_chunk": {"as_string": ":1}"}},
                {"response_headers": {"headers": [*_TAP["http_buffered_trace"]["response"]["headers"], {"key": "date", "value": "Sat, 28 Nov 2026 10:00:00 GMT"}]}},
                {"response_body_chunk": {"as_string": '{"ok":'}}, {"response_body_chunk": {"as_string": "true}"}},
            )
        ),
        {
            **_POST, **_JSON_BOTH, "end_ns": AT - 42 * MS, "duration_ns": None, "request_body": b'{"a":1}', "response_body": b'{"ok":true}', "headers_whole": True,
            "response_headers": {"content-type": "application/json", "date": "Sat, 28 Nov 2026 10:00:00 GMT"},
        },
    ),
    Sample(
        "keploy-yaml", "keploy",
        """# Generated by Keploy (2.3.0)
version: api.keploy.io/v1beta1
kind: Http
name: test-1
spec:
    metadata: {}
    req:
        method: POST
        proto_major: 1
        url: http://payment:8080/pay/7?x=1
        header:
            Content-Type: application/json
        body: '{"a":1}'
        timestamp: 2026-11-28T09:59:59.958Z
    resp:
        status_code: 201
        header:
            Content-Type: application/json
        body: |-
            {"ok":true}
        status_message: Created
        timestamp: 2026-11-28T10:00:00Z
    objects: []
    created: 1795860000
""",
        {**_POST, **_JSON_BOTH, **_BODIES, "headers_whole": True},
    ),
    Sample(
        "akto", "akto",
        _json(
            path="/pay/7?x=1", method="POST", requestHeaders='{"host":"payment","content-type":"application/json"}', responseHeaders='{"content-type":"application/json"}',
            requestPayload='{"a":1}', responsePayload='{"ok":true}', ip="10.0.0.9", time=str(AT // 10**9), statusCode="201", type="HTTP/1.1", status="Created",
            akto_account_id="1000000", akto_vxlan_id="0", is_pending="false", source="MIRRORING",
        ),
        {**_POST, **_JSON_BOTH, **_BODIES, "duration_ns": None, "headers_whole": True, "request_headers": {"host": "payment", "content-type": "application/json"}},
    ),
    Sample(
        "keploy", "keploy",
        _json(
            version="api.keploy.io/v1beta1", kind="Http", name="test-1",
            spec={
                "metadata": {},
                "req": {
                    "method": "POST", "proto_major": 1, "url": "http://payment:8080/pay/7?x=1", "header": {"Content-Type": "application/json"}, "body": '{"a":1}',
                    "timestamp": "2026-11-28T09:59:59.958Z",
                },
                "resp": {"status_code": 201, "header": {"Content-Type": "application/json"}, "body": '{"ok":true}', "status_message": "Created", "timestamp": "2026-11-28T10:00:00Z"},
            },
        ),
        {**_POST, **_JSON_BOTH, **_BODIES, "headers_whole": True},
    ),
    Sample(
        "access-json", "access_json",
        _json(timestamp="2026-11-28T10:00:00Z", method="GET", url="http://payment/pay/7?x=1", status=200, latency="42ms", trace_id=TRACE, span_id=SPAN),
        _TRACED,
    ),
]  # fmt: skip


def by_name(name: str) -> Sample:
    return next(sample for sample in SAMPLES if sample.name == name)
