"""Forms that operators give the logs of gateways, beside the vendors' defaults: with values of our
own, what each must tell.
"""

from typing import Any

import orjson
import pytest

from monitor.decode.api_logs import decode_api_logs
from monitor.decode.api_logs.fields import is_plaintext
from tests.decode.api_logs.test_ndjson import records
from tests.decode.api_logs.test_sources import one, read, told

_AT = 1_795_860_000  # 2026-11-28T10:00:00Z
_DATE = "28/Nov/2026:10:00:00.000"
_LINE = "GET /pay/7?x=1 HTTP/1.1"
_HAPROXY: dict[str, Any] = {
    "timestamp": _AT, "http_status": 200, "http_request": _LINE, "backend_name": "payment", "upstream_response_time": "28",
    "session_duration": "42", "termination_state": "--",
}  # fmt: skip
_NGINX: dict[str, Any] = {
    "time_iso8601": "2026-11-28T10:00:00+00:00", "remote_addr": "10.0.0.9", "request_method": "GET", "request_uri": "/pay/7?x=1", "status": 200, "request_time": 0.042,
    "host": "payment",
}  # fmt: skip
_COMMON = f'10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "{_LINE}" 200 612'
_AGENT = {"user-agent": "curl/8.5.0"}


def _json(**entry: Any) -> str:
    return orjson.dumps(entry).decode()


WANTED: list[tuple[str, str, dict[str, Any]]] = [
    ("haproxy-session", _json(**_HAPROXY), {"duration_ns": 42_000_000}),
    ("haproxy-captures", _json(**_HAPROXY, request_headers="{curl|shop}"), {"headers_whole": False}),
    (
        "haproxy-lengths-in-lower-case",
        _json(timestamp=_DATE, backend_name="payment", tq=1, tw=0, tc=2, tr=28, tt=42, status_code=200, http_request=_LINE),
        {"duration_ns": 42_000_000, "end_ns": _AT * 10**9 + 42_000_000},
    ),
    (
        "haproxy-totals-with-units",
        _json(time_local=_DATE, backend_name="payment", status=200, request_method="GET", request_uri="/pay/7?x=1", duration_total_ms=42, duration_wait_ms=2),
        {"duration_ns": 42_000_000},
    ),
    ("rsyslog-cee", f"Nov 28 10:00:00 lb haproxy[14389]: @cee:{_json(**_HAPROXY)}", {"callee": "payment"}),
    ("rsyslog-iso", f"2026-11-28T10:00:00.609696+00:00 lb haproxy[1]: {_json(**_HAPROXY)}", {"callee": "payment"}),
    (
        "haproxy-of-openshifts-router-named-twice",
        "2026-11-28T10:00:00.200+00:00 router-1 router-1 haproxy[41]:"
        + _json(time_date=_DATE, host="shop.example.com", request_method="GET", request_uri="/pay/7", status=200, request_time=159, termination_state="--"),
        {"callee": "shop.example.com", "duration_ns": 159_000_000, "end_ns": _AT * 10**9 + 159_000_000},
    ),
    (
        "haproxy-path-and-query-apart",
        _json(time=_DATE, http_method="POST", http_request_path="/pay/7", http_request_query_string="?x=1", status_code="200", ta="61", termination_state="--", server_name="node-1"),
        {"path": "/pay/7", "query": "x=1", "duration_ns": 61_000_000, "end_ns": _AT * 10**9 + 61_000_000},
    ),
    (
        "google-line-before-the-agent-took-it",
        _json(time="2026-11-28T10:00:00Z", severity="WARNING", httpRequest={"requestMethod": "GET", "requestUrl": "https://shop.example.com/pay/7", "status": 404}),
        {"callee": "shop.example.com", "end_ns": _AT * 10**9, "status": 404},
    ),
    (
        "request-in-fields-of-its-own",
        _json(client_ip="10.0.0.9", request_date_time=_DATE, backend="payment", status_code=200, req_method="GET", req_url="https://shop.example.com/pay/7"),
        {"path": "/pay/7", "callee": "payment", "end_ns": _AT * 10**9},
    ),
    (
        "ingress-nginx-kubernetes-names",
        _json(
            time="2026-11-28T10:00:00+00:00", request_method="GET", request_uri="/pay/7?x=1", status=200, kubernetes_namespace="shop-eu",
            kubernetes_service_name="pay-api", proxy_upstream_name="shop-eu-pay-api-80", request_time="0.042", http_host="shop.example.com",
        ),
        {"callee": "pay-api", "callee_namespace": "shop-eu"},
    ),
    ("nginx-any-host", _json(time_iso8601="2026-11-28T10:00:00+00:00", request=_LINE, status=400, host="_", request_time=0.1), {"callee": "unknown"}),
    (
        "aws-stage-told-by-the-route",
        _json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", httpMethod="GET", path="/prod/pay/7", resourcePath="/pay/{id}", status="200"),
        {"path": "/pay/7", "route": "/pay/{id}", "environment": ""},
    ),
    (
        "aws-default-stage-is-no-environment",
        _json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", httpMethod="GET", routeKey="GET /pay", status="200", stage="$default", apiId="pay"),
        {"path": "/pay", "environment": "", "callee": "pay"},
    ),
    (
        "gcp-host-with-its-port",
        _json(httpRequest={"requestMethod": "GET", "requestUrl": "http://shop.example.com:8080/pay/7", "status": 200}, timestamp="2026-11-28T10:00:00Z"),
        {"callee": "shop.example.com"},
    ),
    (
        "ambassador", 'ACCESS [2026-11-28T10:00:00.000Z] "GET /pay/7?x=1 HTTP/1.1" 200 - 0 141 42 40 "10.0.0.9" "curl/8.5.0" "a1" "payment:80" "10.1.0.7:80"',
        {"callee": "payment", "request_headers": _AGENT, "duration_ns": 42_000_000},
    ),
    (
        "traefik-unquoted-referer", '10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "GET /pay/7 HTTP/2.0" 200 14 - "curl/8.5.0" 13 "payment" "http://10.1.0.7" 42ms',
        {"callee": "payment", "request_headers": _AGENT, "proxy_answer": False},
    ),
    (
        "traefik-1-without-a-rule", '10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 404 19 "-" "curl/8.5.0" 10 "backend not found" "/" 0ms',
        {"callee": "unknown", "proxy_answer": True},
    ),
    (
        "envoy-agent",
        _json(start_time="2026-11-28T10:00:00Z", method="GET", path="/pay/7", response_code=200, response_flags="-", authority="payment", user_agent="curl/8.5.0", duration_ms=42),
        {"request_headers": _AGENT, "headers_whole": False, "duration_ns": 42_000_000},
    ),
    (
        "envoy-with-names-of-apigees-installer",
        _json(
            start_time="2026-11-28T10:00:00.000Z", host="api.shop.io", request=_LINE, request_time="42", status="200", status_details="via_upstream",
            upstream_response_flags="-", upstream_service_time="40", upstream_cluster="outbound|80||payment.shop.svc.cluster.local",
            request_method="GET", request_path="/pay/7?x=1", sni_host="-",
        ),
        {"duration_ns": 42_000_000, "callee": "payment", "callee_namespace": "shop", "path": "/pay/7", "query": "x=1", "proxy_answer": False},
    ),
    (
        "vector-parsed-line",
        _json(host="10.0.0.9", identity="-", user="ann", timestamp="2026-11-28T10:00:00Z", method="GET", path="/pay/7", protocol="HTTP/1.1", status=200, size=6),
        {"callee": "unknown"},
    ),
    (
        "logstash-parsed-line",
        _json(
            **{"@timestamp": "2026-11-28T10:00:00Z"}, host="shipper", clientip="10.0.0.9", ident="-", verb="GET", request="/pay/7?x=1", response="200",
            timestamp=f"{_DATE[:20]} +0000", agent="curl/8.5.0",
        ),
        {"callee": "unknown", "query": "x=1", "status": 200},
    ),
    (
        "attributes-of-before-1.20",
        _json(ts="2026-11-28T10:00:00Z", msg="request", duration_ms=42, **{"http.method": "GET", "http.target": "/pay/7?x=1", "http.status_code": 200, "service.name": "payment"}),
        {"callee": "payment", "path": "/pay/7", "query": "x=1", "duration_ns": 42_000_000},
    ),
    (
        "exported-from-elasticsearch",
        _json(_index="logs", _id="1", _source={"@timestamp": "2026-11-28T10:00:00Z", "http": {"request": {"method": "GET"}, "response": {"status_code": 200}}, "url": {"path": "/pay/7"}, "service": {"name": "payment"}}),
        {"callee": "payment", "path": "/pay/7"},
    ),
    (
        "elastic-apm",
        _json(
            **{"@timestamp": "2026-11-28T10:00:00.000Z"}, transaction={"id": "945254c567a5417e", "duration": {"us": 42_000}}, processor={"event": "transaction"},
            http={"request": {"method": "GET"}, "response": {"status_code": 200}}, url={"path": "/pay/7", "query": "x=1"}, service={"name": "payment"},
        ),
        {"duration_ns": 42_000_000, "end_ns": _AT * 10**9 + 42_000_000, "callee": "payment"},
    ),
    ("nginx-both-times", _json(**_NGINX, msec="1795860000.123"), {"end_ns": _AT * 10**9 + 123_000_000}),
    ("nginx-a-duration-called-msec", _json(**_NGINX, msec=42.5), {"end_ns": _AT * 10**9}),
    (
        "nginx-fields-in-a-group", _json(**{"@timestamp": "2026-11-28T10:00:00+00:00", "@source": "10.1.0.7", "@nginx_fields": _NGINX}),
        {"callee": "payment", "duration_ns": 42_000_000, "path": "/pay/7", "query": "x=1"},
    ),
    (
        "nginx-groups-by-whom-they-are-of",
        _json(
            time_local=f"{_DATE[:20]} +0000", core={"remote_addr": "10.0.0.9", "request": _LINE, "status": "200", "http_user_agent": "curl/8.5.0"},
            upstream={"status": "502, 200", "response_time": "0.5"}, request={"headers": {"accept": "*/*"}, "body": '{"a":1}'},
        ),
        {"status": 200, "duration_ns": 500_000_000, "request_body": '{"a":1}', "request_headers": {"accept": "*/*"}},
    ),
    (
        "nginx-names-of-elks-tutorials",
        _json(
            **{"@timestamp": "2026-11-28T10:00:00+00:00"}, host="10.1.0.7", clientip="10.0.0.9", size=12, responsetime=0.042, upstreamtime="0.041", upstreamhost="10.1.0.8:80",
            http_host="payment", request="POST /pay/7 HTTP/1.1", request_body='{"a":1}', response_body='{"ok":true}', status="200",
        ),
        {"duration_ns": 42_000_000, "callee": "payment", "request_body": '{"a":1}', "response_body": '{"ok":true}'},
    ),
    ("nginx-upstream-that-is-an-address", _json(**_NGINX, upstream="10.1.0.8:80, 10.1.0.9:80"), {"callee": "payment"}),
    (
        "haproxys-own-groups-by-rsyslog", "2026-11-28T10:00:00.609696+00:00 lb haproxy[1]: " + _json(haproxy={
            "queue": {"backend": 0, "srv": 0}, "time": {"tq": 1, "tr": 28, "tt": 42}, "termination_state": "----", "name": {"backend": "payment", "server": "s1"},
            "request": {"method": "GET", "uri": "/pay/7?x=1", "header": {"host": "shop"}}, "response": {"status_code": 200, "header": {"xrequestid": ""}}, "bytes": {"read": 2},
        }),
        {"callee": "payment", "duration_ns": 42_000_000, "end_ns": _AT * 10**9 + 609_696_000, "request_headers": {"host": "shop"}, "status": 200},
    ),
    (
        "haproxy-by-syslog-without-a-tag", f'<134>1 2026-11-28T10:00:00+00:00 lb haproxy 1438 - - 10.0.0.9:1 [{_DATE}] fe~ payment/s1 0/0/1/20/42 200 200 - - ---- 1/1/0/0/0 0/0 "{_LINE}"',
        {"callee": "payment", "duration_ns": 42_000_000},
    ),
    ("kubectls-and-dockers-timestamps", f"2026-11-28T10:00:00.123456789Z {_json(**_NGINX)}", {"callee": "payment", "end_ns": _AT * 10**9}),
    ("composes-prefix", f'nginx-1  | {_COMMON} "-" "curl/8.5.0"', {"path": "/pay/7", "request_headers": _AGENT}),
    ("time-of-the-stamp-where-the-line-has-none", "2026-11-28T10:00:00.123Z " + _json(RequestMethod="GET", RequestPath="/pay/7", DownstreamStatus=200), {"end_ns": _AT * 10**9 + 123_000_000}),
    (
        "splunks-form-of-apache",
        _json(time=str(_AT), bytes_in=12, bytes_out=12, server="payment", http_method="GET", uri_path="/pay/7?x=1", status="200", response_time_microseconds="42000", http_user_agent="curl/8.5.0", user="-"),
        {"callee": "payment", "path": "/pay/7", "query": "x=1", "duration_ns": 42_000_000, "request_headers": _AGENT},
    ),
    *(
        (f"a-unit-in-the-name-{name}", _json(timestamp=_AT, method="GET", path="/pay/7", status=200, **{name: value}), {"duration_ns": 42_000_000})
        for name, value in {
            "duration_microseconds": 42_000, "elapsed_micros": 42_000, "latency_millis": 42, "duration_nanoseconds": 42_000_000, "latency_secs": 0.042, "time_taken_ms": 42, "latency_usec": 42_000,
        }.items()
    ),
    (
        "loggers-of-go-call-a-place-the-caller",
        _json(level="info", time="2026-11-28T10:00:00Z", caller="server/mw/log.go:77", method="GET", path="/pay/7", status=200, latency_ms=42),
        {"caller": "unknown", "duration_ns": 42_000_000},
    ),
    (
        "pino-of-nodejs",
        _json(
            level=30, time=_AT * 1000, pid=1, hostname="h", req={"id": 1, "method": "GET", "url": "/pay/7?x=1", "headers": {"host": "payment"}, "remoteAddress": "::1"},
            res={"statusCode": 200, "headers": {"content-type": "application/json"}}, responseTime=42, msg="request completed",
        ),
        {"duration_ns": 42_000_000, "callee": "payment", "status": 200, "response_headers": {"content-type": "application/json"}, "query": "x=1"},
    ),
    (
        "apisix-with-a-format-of-ones-own",
        _json(**{"@timestamp": "2026-11-28T10:00:00+00:00"}, host="payment", client_ip="10.0.0.9", route_id="1", request={"method": "POST", "uri": "/pay/7", "body": "{}"}, response={"status": 201}),
        {"callee": "payment", "end_ns": _AT * 10**9, "request_body": "{}", "status": 201, "query_known": False},
    ),
    *(
        (
            f"kong-{name}",
            _json(started_at=_AT * 1000, latencies={"request": 42}, service={"name": "payment"}, request={"method": "GET", "uri": "/pay/7?x=1", "headers": {"host": "gw"} | held}, response={"status": 200}, **who),
            {"headers_whole": whole, "duration_ns": 42_000_000},
        )
        for name, held, who, whole in (
            ("that-knows-nobody", {}, {}, True), ("that-hid-the-credentials", {}, {"consumer": {"username": "web"}}, False),
            ("that-left-them", {"authorization": "REDACTED"}, {"authenticated_entity": {"id": "a"}}, True),
        )
    ),
    (
        "azure-of-a-gateway-that-asked-no-backend",
        _json(time="2026-11-28T10:00:00.1234567Z", operationName="Microsoft.ApiManagement/GatewayLogs", durationMs=1, properties={"method": "GET", "url": "https://gw/pay/7", "responseCode": 403, "apiId": "payment;rev=2"}),
        {"callee": "payment", "proxy_answer": True},
    ),
    (
        "azure-from-its-cache",
        _json(time="2026-11-28T10:00:00Z", operationName="Microsoft.ApiManagement/GatewayLogs", durationMs=1, properties={"method": "GET", "url": "https://gw/pay/7", "responseCode": 200, "apiId": "payment", "cache": "hit"}),
        {"proxy_answer": False},
    ),
    (
        "azure-diagnostics",
        _json(
            TimeGenerated="2026-11-28T10:00:00Z", Category="GatewayLogs", OperationName="Microsoft.ApiManagement/GatewayLogs", DurationMs=42, method_s="GET",
            url_s="https://gw/pay/7?x=1", responseCode_d=200, backendResponseCode_d=200, apiId_s="payment", apimSubscriptionId_s="web",
        ),
        {"callee": "payment", "caller": "web", "duration_ns": 42_000_000, "end_ns": _AT * 10**9 + 42_000_000, "status": 200, "query": "x=1"},
    ),
    (
        "aws-integration-as-an-object",
        _json(requestId="a", requestTimeEpoch=str(_AT * 1000), httpMethod="POST", resourcePath="/pay", status="504", responseLatency="29001", integration={"status": "-"}),
        {"proxy_answer": True, "duration_ns": 29_001_000_000},
    ),
    (
        "aws-as-sst-logs-it",
        _json(requestTime="28/Nov/2026:10:00:00 +0000", requestId="a", httpMethod="GET", path="/pay/7", resourcePath="-", status=200, responseLatency=42, functionResponseStatus="200"),
        {"path": "/pay/7", "route": "", "proxy_answer": False, "duration_ns": 42_000_000},
    ),
    *(
        (f"aws-http-api-{name}", line, {"path": "/pay/{id}", "route": "/pay/{id}", "method": "GET", "query": "", "status": 200, "end_ns": _AT * 10**9})
        for name, line in (
            ("in-clf", '10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "GET GET /pay/{id} HTTP/1.1" 200 612 QTODJhE8IAMEVug='),
            ("in-clf-both-ids", '10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "GET ANY /pay/{id} HTTP/1.1" 200 612 QTODJhE8IAMEVug= QTODJhE8IAMEVug='),
            ("in-csv", "10.0.0.9,28/Nov/2026:10:00:00 +0000,GET,GET /pay/{id},HTTP/1.1,200,612,QTODJhE8IAMEVug=,QTODJhE8IAMEVug="),
            (
                "in-xml",
                '<request id="QTODJhE8IAMEVug="> <ip>10.0.0.9</ip> <requestTime>28/Nov/2026:10:00:00 +0000</requestTime> <httpMethod>GET</httpMethod> <routeKey>GET /pay/{id}</routeKey> <status>200</status> <protocol>HTTP/1.1</protocol> <responseLength>612</responseLength> </request>',
            ),
        )
    ),
    (
        "aws-names-in-snake-case",
        _json(request_id="a", request_time="28/Nov/2026:10:00:00 +0000", http_method="GET", resource_path="/pay/{id}", status="200", response_latency="42"),
        {"route": "/pay/{id}", "duration_ns": 42_000_000},
    ),
    (
        "api-gateway-with-a-status-code",
        _json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", method="GET", resourcePath="/pay/{id}", statusCode="404", latency="42"),
        {"status": 404, "duration_ns": 42_000_000},
    ),
    (
        "gcp-of-a-region-that-found-no-backend",
        _json(
            timestamp="2026-11-28T10:00:00Z", httpRequest={"requestMethod": "GET", "requestUrl": "http://payment/pay/7", "status": 503},
            jsonPayload={"proxyStatus": 'error="destination_unavailable"; details="failed_to_pick_backend"'},
        ),
        {"status": 503, "proxy_answer": True},
    ),
    (
        "ingress-nginx-with-the-host-before-the-path",
        _json(
            **{"@timestamp": "2026-11-28T10:00:00Z"}, proxy_upstream_name="shop-payment-80",
            http_request={"requestMethod": "GET", "requestUrl": "shop.example.com/pay/7?x=1", "status": 200, "latency": "0.042 s"},
        ),
        {"path": "/pay/7", "query": "x=1", "callee": "payment", "duration_ns": 42_000_000},
    ),
    (
        "caddy-without-its-loggers-name",
        _json(ts=_AT, request={"method": "GET", "uri": "/pay/7?x=1", "headers": {"Host": ["payment"]}}, status=200, duration=0.042),
        {"path": "/pay/7", "query": "x=1", "callee": "payment", "duration_ns": 42_000_000},
    ),
    (
        "filebeats-module-of-ingress-nginx",
        _json(
            **{"@timestamp": "2026-11-28T10:00:00Z"}, nginx={"ingress_controller": {"upstream": {"name": "shop-payment-80"}, "http": {"request": {"time": 0.042}}}},
            http={"request": {"method": "GET"}, "response": {"status_code": 200}}, url={"original": "/pay/7?x=1"},
        ),
        {"callee": "payment", "callee_namespace": "shop", "duration_ns": 42_000_000, "end_ns": _AT * 10**9},
    ),
    ("nginx-main-of-its-own-nginx.conf", f'{_COMMON} "-" "curl/8.5.0" "203.0.113.9"', {"path": "/pay/7", "query": "x=1", "request_headers": _AGENT, "duration_ns": None}),
    ("nginx-compression-of-its-papers", f'{_COMMON} "-" "curl/8.5.0" "2.12"', {"status": 200}),
    ("nginx-with-times-under-their-names", f'{_COMMON} "-" "curl/8.5.0" "-" rt=0.120 uct="0.000" urt="0.119"', {"duration_ns": 120_000_000}),
    ("kong-and-its-request", f'{_COMMON} "-" "curl/8.5.0" kong_request_id: "4c2ef1e4bd23c4d9b9f1f6c77ab9bb1d"', {"path": "/pay/7"}),
    ("apache-with-bytes-in-and-out", f'{_COMMON} "-" "curl/8.5.0" 512 9843', {"duration_ns": None}),
    ("apache-common-with-microseconds", f"{_COMMON} 2531099", {"route": "", "path": "/pay/7", "duration_ns": None}),
    ("apache-common-behind-its-host", f"payment.shop.io {_COMMON}", {"callee": "payment.shop.io"}),
    (
        "haproxy-in-the-common-format", f'{_COMMON} "" "" 33317 655 "http-in" "payment" "<NOSRV>" 10 0 30 -1 42 SC-- 1 1 1 1 0 0 0 "" "" "" ""',
        {"callee": "payment", "duration_ns": 42_000_000, "end_ns": _AT * 10**9 + 42_000_000, "proxy_answer": True},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "wanted"), [pair[1:] for pair in WANTED], ids=[pair[0] for pair in WANTED])  # fmt: skip
def test_a_form_in_use_tells_what_it_holds(raw: str, wanted: dict[str, Any]) -> None:
    fields = told(one(raw))
    assert {name: fields[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (_json(start_time="2026-11-28T10:00:00Z", method="-", path="-", response_code=400, response_flags="DPE"), "no_request"),
        (_json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", eventType="CONNECT", routeKey="$connect", status="500"), "aws_websocket"),
        (_json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", eventType="MESSAGE", routeKey="send", connectionId="b=", status="200"), "aws_websocket"),
        (f'10.0.0.9:1 [{_DATE}] fe payment/s1 0/0/1/20/42 200 200 - - ---- 1/1/0/0/0 0/0 "GET /pay/7?x=1', "partial_line"),
        ('[GIN] 2026/11/28 - 10:00:00 | 200 | 42.1ms | 10.0.0.9 | GET "/pay/7"', "plain_text"),
        (_json(msg="started", level="info", time="2026-11-28T10:00:00Z", request={"id": "a"}), "json_log"),
        ("tls 2.0 2026-11-28T10:00:00 net/lb/c6e77e28c25b2234 g3d4b5e8bb8464cd 10.0.0.9:2817 10.0.0.1:80 5 2 98 246 - arn - ECDHE tlsv12 - - - - - -", "aws_connections"),
        ('2026-11-28T10:00:00.514108Z 10.0.0.9 36280 443 TLSv1.2 ECDHE 4.036 "CN=x,O=y" NotBefore=a;NotAfter=b FEF2 Success', "aws_connections"),
        ('<request id="a"> <ip>10.0.0.9</ip> <requestTime>28/Nov/2026:10:00:00 +0000</requestTime> <httpMethod>GET</httpMethod> <status>200</status> </request>', "no_path"),
        ('<request id="a"> <ip>10.0.0.9</ip> <requestTime>28/Nov/2026:10:00:00 +0000</requestTime> <routeKey>GET /pay</routeKey> <status>200</status> </request>', "no_method"),
    ],
)  # fmt: skip
def test_what_is_no_exchange_says_what_it_is(raw: str, reason: str) -> None:
    exchanges, rejects = read(raw)
    assert not exchanges
    assert [reject.reason for reject in rejects] == [reason]


@pytest.mark.parametrize(
    "line",
    [
        '10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "GET $default HTTP/1.1" 200 612 QTODJhE8IAMEVug=',
        "10.0.0.9,28/Nov/2026:10:00:00 +0000,GET,$default,HTTP/1.1,200,612,QTODJhE8IAMEVug=",
    ],
)
def test_a_default_route_tells_no_path_and_is_refused(line: str) -> None:
    exchanges, rejects = read(line)
    assert not exchanges
    assert [reject.reason for reject in rejects] == ["no_path"]


def test_a_wildcard_routes_path_keeps_its_stage_where_nobody_tells_it() -> None:
    raw = _json(requestId="a", requestTime="28/Nov/2026:10:00:00 +0000", httpMethod="GET", path="/a/b", resourcePath="/{any+}", status="200")  # fmt: skip
    assert one(raw).path == "/a/b"


@pytest.mark.parametrize(
    "shape",
    [
        "[{at}, {entry}]",
        "[[{at}, {{}}], {entry}]",
        "[[{at}, {entry}]]",
        "[[{at}, {{}}], {entry}]\n[{at}, {entry}]",
        '[{at}, {{"log": {text}, "stream": "stdout"}}]',
    ],
)
def test_an_event_as_fluent_bit_holds_it_is_its_record_with_its_time(shape: str) -> None:
    entry = orjson.dumps({"request_method": "GET", "request_uri": "/pay/7", "status": "200"})
    text = orjson.dumps(f"{entry.decode()}\n").decode()
    raw = shape.format(at="1709287200.5", entry=entry.decode(), text=text)
    exchanges, rejects = decode_api_logs(records(raw.encode()), "auto", {})
    assert rejects == []
    assert {(it.end_ns, it.path) for it in exchanges} == {(1_709_287_200_500_000_000, "/pay/7")}


@pytest.mark.parametrize("raw", ["[true, {}]", '["x", {}]', "[1, 2]", "[1, {}, {}]"])
def test_what_only_looks_like_such_an_event_is_refused(raw: str) -> None:
    exchanges, rejects = decode_api_logs(records(raw.encode()), "auto", {})
    assert exchanges == []
    assert rejects


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("http://shop.example/a?b=1", True),
        ("HTTP://shop.example:80/a", True),
        ("https://shop.example/a", False),
        ("http://localhost:8080/a", False),
        ("http://127.0.0.1/a", False),
        ("http://[::1]:8080/a", False),
        ("http://web.localhost/a", False),
        ("http://localhost.example/a", True),
        ("/a", False),
        ("httpx://a", False),
        (None, False),
    ],
)
def test_an_address_without_tls_is_told_unless_it_is_this_machine(
    address: object, plain: bool
) -> None:
    assert is_plaintext(address) is plain


def test_a_balancers_log_tells_who_came_without_tls() -> None:
    line = (
        "{kind} 2026-11-28T10:00:00.186641Z app/shop/50dc6c495c0c9188 10.0.0.9:2817 10.0.0.1:80 "
        '0.000 0.001 0.000 200 200 34 366 "GET {url}/pay/7 HTTP/1.1" "curl" - - '
        'arn:aws:elasticloadbalancing:eu:1:targetgroup/payment/73e2 "Root=1-58337262-36d228ad5d99923122bbe354" '
        '"-" "-" 0 2026-11-28T10:00:00.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
    )
    plain = one(line.format(kind="http", url="http://shop.example:80"))
    assert (plain.callee, plain.plaintext) == ("payment", True)
    assert not one(line.format(kind="h2", url="https://shop.example:443")).plaintext
