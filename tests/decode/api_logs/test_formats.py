"""Each gateway's and OpenTelemetry's way to say the same exchange, alone, in arrays, and told by
its keys.
"""

import gzip
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.decode.api_logs import decode_api_logs
from monitor.decode.api_logs.span_bodies import span_exchanges
from monitor.decode.spans import decode_spans
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.records import REJECT_HEADER, Partition, Records

PLACE = Partition("ab" * 8, "api_logs", 0)
NOW_MS = 1_795_252_300_000
START_MS = 1_795_252_229_000
END_NS = (START_MS + 42) * 1_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

ENVOY = {
    "start_time": "2026-11-21T09:10:29.000Z", "method": "POST", "path": "/pay/7?x=1", "protocol": "HTTP/1.1", "response_code": "200",
    "response_flags": "-", "duration": "42", "bytes_sent": 5, "authority": "payment.shop.svc.cluster.local:80", "x_forwarded_for": None,
    "upstream_cluster": "outbound|80|v2|payment.shop.svc.cluster.local", "route_name": "default", "request_id": "abc",
}  # fmt: skip
KONG = {
    "started_at": START_MS, "latencies": {"kong": 2, "proxy": 40, "request": 42, "receive": 0}, "service": {"name": "payment", "host": "h"},
    "request": {
        "method": "POST", "uri": "/pay/7?x=1", "url": "http://gw:8000/pay/7", "querystring": {"x": "1"}, "size": "9",
        "headers": {"content-type": "application/json", "apikey": "k3y", "traceparent": f"00-{TRACE}-{SPAN}-01"}, "body": '{"a":1}',
    },
    "response": {"status": 200, "headers": {"content-type": "application/json", "set-cookie": ["a", "b"]}, "size": 12, "body": {"ok": True}},
    "consumer": {"username": "web"}, "client_ip": "10.0.0.1", "workspace": "w", "route": {"paths": ["/pay"]},
}  # fmt: skip
APISIX = {
    "start_time": START_MS, "latency": 42.0, "service_id": "payment", "route_id": "r1", "client_ip": "10.0.0.1", "upstream": "10.0.0.2:80",
    "request": {
        "method": "POST", "uri": "/pay/7?x=1", "url": "http://gw:9080/pay/7?x=1", "querystring": {"x": "1"}, "size": 9, "body": '{"a":1}',
        "headers": {"content-type": "application/json", "authorization": "k3y", "traceparent": f"00-{TRACE}-{SPAN}-01"},
    },
    "response": {"status": 200, "headers": {"content-type": "application/json"}, "size": 12, "body": '{"ok":true}'},
    "consumer": {"username": "web"},
}  # fmt: skip


def attribute(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {
            "key": name,
            "value": {"arrayValue": {"values": [{"stringValue": entry} for entry in value]}},
        }
    return {
        "key": name,
        "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
    }


NEW_NAMES = {
    "http.request.method": "POST", "url.path": "/pay/7", "url.query": "x=1", "http.route": "/pay/{id}", "http.response.status_code": 200,
    "http.request.body.content": '{"a":1}', "http.response.body.content": '{"ok":true}', "service.peer.name": "web",
    "http.request.header.content-type": ["application/json"], "http.request.header.authorization": ["k3y"],
}  # fmt: skip
OLD_NAMES = {
    "http.method": "POST", "http.target": "/pay/7?x=1", "http.status_code": 200, "http.request.body": '{"a":1}', "http.response.body": '{"ok":true}',
    "http.request.header.content_type": ["application/json"], "peer.service": "web",
}  # fmt: skip
RESOURCE = {
    "attributes": [
        attribute("service.name", "payment"),
        attribute("service.version", "2.0"),
        attribute("deployment.environment.name", "prod"),
    ]
}


def log_batch(names: dict[str, Any], **more: Any) -> dict[str, Any]:
    record = {
        "timeUnixNano": str(END_NS),
        "attributes": [attribute(*pair) for pair in names.items()],
        "traceId": TRACE,
        "spanId": SPAN,
    } | more
    plain = {"timeUnixNano": str(END_NS), "body": {"stringValue": "an ordinary line"}}
    return {
        "resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [plain, record]}]}]
    }


def span_batch(names: dict[str, Any], kind: int = 2) -> dict[str, Any]:
    span = {
        "traceId": TRACE, "spanId": SPAN, "name": "POST", "kind": kind, "startTimeUnixNano": str(START_MS * 1_000_000), "endTimeUnixNano": str(END_NS),
        "attributes": [attribute(*pair) for pair in names.items()],
    }  # fmt: skip
    return {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": [span]}]}]}


def in_binary(batch: dict[str, Any], message: Any) -> bytes:
    """OTLP's JSON has ids in hex, protobuf's JSON in base64."""
    import base64

    text = orjson.dumps(batch).decode()
    for held in (TRACE, SPAN):
        text = text.replace(held, base64.b64encode(bytes.fromhex(held)).decode())
    written: bytes = ParseDict(orjson.loads(text), message()).SerializeToString()
    return written


def records(*values: bytes, headers: dict[str, bytes] | None = None) -> Records:
    count = len(values)
    return Records(
        list(values),
        [PLACE] * count,
        list(range(count)),
        [NOW_MS] * count,
        [headers or {}] * count,
        [0] * count,
    )


def one(value: Any, form: str, mapping: dict[str, str] | None = None) -> Exchange:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    exchanges, rejects = decode_api_logs(records(raw), form, mapping or {})
    assert not rejects
    assert len(exchanges) == 1
    return exchanges[0]


SAME = [
    ("envoy", ENVOY),
    ("kong", KONG),
    ("apisix", APISIX),
    ("otlp", log_batch(NEW_NAMES)),
    ("otlp_json", log_batch(OLD_NAMES)),
    ("otlp", span_batch(NEW_NAMES)),
    ("otlp_proto", in_binary(log_batch(NEW_NAMES), ExportLogsServiceRequest)),
]


@pytest.mark.parametrize("told", [True, False], ids=["told", "auto"])
@pytest.mark.parametrize(
    ("form", "value"), SAME, ids=[f"{form}-{at}" for at, (form, _) in enumerate(SAME)]
)
def test_every_format_tells_the_same_exchange(form: str, value: Any, told: bool) -> None:
    read = one(value, form if told else "auto")
    assert (read.method, read.path, read.query, read.query_known, read.status, read.callee) == (
        "POST",
        "/pay/7",
        "x=1",
        True,
        200,
        "payment",
    )
    assert read.end_ns == END_NS
    assert "k3y" not in repr(read)
    if form == "envoy":
        assert (read.callee_version, read.callee_namespace, read.side, read.duration_ns) == (
            "v2",
            "shop",
            "client",
            42_000_000,
        )
        return
    assert read.caller == "web"
    assert orjson.loads(read.request_body or b"") == {"a": 1}
    assert orjson.loads(read.response_body or b"") == {"ok": True}
    assert (read.trace_id.hex(), read.span_id.hex()) == (TRACE, SPAN)
    assert read.request_headers["content-type"] == "application/json"
    if form.startswith("otlp"):
        assert (read.callee_version, read.environment) == ("2.0", "prod")


@pytest.mark.parametrize(("form", "value"), [("kong", KONG), ("apisix", APISIX), ("envoy", ENVOY)])
def test_a_message_may_be_an_array(form: str, value: Any) -> None:
    exchanges, rejects = decode_api_logs(records(orjson.dumps([value, {}, value])), form, {})
    assert [exchange.index for exchange in exchanges] == [0, 2]
    assert [(reject.count, reject.whole) for reject in rejects] == [(1, False)]


def test_envoys_absent_values_are_absent() -> None:
    read = one(
        {
            **ENVOY,
            "response_code": 0,
            "duration": "-",
            "upstream_cluster": "-",
            "authority": "pay.example:8443",
        },
        "envoy",
    )
    assert (read.status, read.duration_ns, read.callee, read.side) == (
        499,
        None,
        "pay.example",
        "server",
    )


def test_apisix_bodies_at_their_limit_are_truncated() -> None:
    response = {**APISIX["response"], "body": "x" * 524_288}  # type: ignore[dict-item]
    assert one({**APISIX, "response": response}, "apisix").response_truncated


def test_a_body_shorter_than_its_size_is_truncated() -> None:
    read = one(
        log_batch({**NEW_NAMES, "http.response.body.size": 9_000, "http.request.body.size": 7}),
        "otlp",
    )
    assert (read.request_truncated, read.response_truncated) == (False, True)


def test_a_client_knows_itself_as_the_caller() -> None:
    read = one(span_batch({**NEW_NAMES, "service.peer.name": "bank"}, kind=3), "otlp")
    assert (read.caller, read.caller_version, read.callee, read.callee_version, read.side) == (
        "payment",
        "2.0",
        "bank",
        "",
        "client",
    )


def test_a_log_line_that_is_an_entry_of_ours_is_read() -> None:
    line = orjson.dumps(
        {"time": END_NS, "method": "GET", "path": "/x", "status": 204, "caller": "web"}
    ).decode()
    read = one(log_batch({}, body={"stringValue": line}), "otlp")
    assert (read.callee, read.callee_version, read.path, read.caller) == (
        "payment",
        "2.0",
        "/x",
        "web",
    )


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
def test_spans_with_bodies_give_exchanges_by_the_same_decode(encoding: str) -> None:
    batch = span_batch(NEW_NAMES)
    value = (
        in_binary(batch, ExportTraceServiceRequest)
        if encoding == "otlp_proto"
        else orjson.dumps(batch)
    )
    held = records(value)
    spans, rejects = decode_spans(held, encoding)
    assert not rejects
    (read,) = span_exchanges(spans, held)
    assert (read.callee, read.path, read.status, read.duration_ns, read.span_id.hex()) == (
        "payment",
        "/pay/7",
        200,
        42_000_000,
        SPAN,
    )


MAPPING = {
    "time": "/ts",
    "method": "/req/0/verb",
    "url": "/req/0/a~1b",
    "status": "/code",
    "duration_s": "/took",
    "callee": "=payment",
    "response_body": "/out",
}


def test_a_mapping_reads_any_json() -> None:
    read = one(
        {
            "ts": START_MS,
            "req": [{"verb": "post", "a/b": "https://h/pay?x=1"}],
            "code": "201",
            "took": "0.5",
            "out": [1],
        },
        "mapping",
        MAPPING,
    )
    assert (read.method, read.path, read.query, read.status, read.duration_ns, read.callee) == (
        "POST",
        "/pay",
        "x=1",
        201,
        500_000_000,
        "payment",
    )
    assert read.response_body == b"[1]"


@pytest.mark.parametrize(
    "wrong",
    [{}, {"time": "/t", "method": "/m"}, {**MAPPING, "colour": "/c"}, {**MAPPING, "time": "ts"}],
)
def test_a_mapping_that_cannot_work_is_an_error_of_the_settings(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="api_logs mapping"):
        decode_api_logs(records(), "mapping", wrong)


def test_gzip_is_unpacked_within_bounds() -> None:
    exchanges, rejects = decode_api_logs(
        records(
            gzip.compress(orjson.dumps(KONG)),
            gzip.compress(bytes(70_000_000)),
            b"\x1f\x8bnonsense",
        ),
        "kong",
        {},
    )
    assert len(exchanges) == 1
    assert [reject.reason for reject in rejects] == ["too_large", "bad_compression"]


def test_what_a_source_stepped_over_keeps_its_reason() -> None:
    _, rejects = decode_api_logs(
        records(b"", headers={REJECT_HEADER: b"bad_crc: at 7"}), "ndjson", {}
    )
    assert [(reject.reason, reject.detail) for reject in rejects] == [("bad_crc", "at 7")]
