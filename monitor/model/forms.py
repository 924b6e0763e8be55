"""What bytes are, told by the bytes: the forms that we read somewhere, and the foreign ones that
people send by mistake.
"""

import re
from typing import Any

import orjson

from monitor.model.log_lines import GOREPLAY_HEAD, KEPLOY_HEAD, LINES, W3C_HEAD, line_form
from monitor.model.log_sources import log_source
from monitor.model.wire import signal_of

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
SPAN_ENCODINGS = (
    "otlp_proto",
    "otlp_json",
    "jaeger_proto",
    "jaeger_json",
    "zipkin_proto",
    "zipkin_json",
)
LOG_LOOKS: dict[str, str] = {
    "ndjson": "API logs in our plain form",
    "nginx": "nginx's access log in JSON",
    "apache": "Apache's access log in JSON",
    "access_json": "an access log in JSON of no server that we know",
    "combined": "an access log in nginx's and Apache's combined format",
    "common": "an access log in the common log format",
    "combined_more": "an access log in the combined format with more fields behind it",
    "common_more": "an access log in the common format with more fields behind it",
    "haproxy_clf": "HAProxy's log in the common format",
    "vhost_combined": "Apache's access log with the virtual host",
    "ingress_nginx": "ingress-nginx's access log",
    "haproxy": "HAProxy's log in JSON",
    "haproxy_http": "HAProxy's HTTP log",
    "traefik": "Traefik's access log in JSON",
    "traefik_clf": "Traefik's access log",
    "caddy": "Caddy's access log",
    "envoy": "Envoy's access log in JSON",
    "envoy_text": "Envoy's access log",
    "istio_text": "Istio's access log",
    "envoy_tap": "what Envoy's tap recorded",
    "kong": "Kong's log",
    "apisix": "APISIX's log",
    "apisix_access": "APISIX's access log",
    "raw_http": "requests as they travel",
    "aws_api_gateway": "AWS API Gateway's access log in JSON",
    "aws_api_clf": "AWS API Gateway's access log",
    "aws_api_csv": "AWS API Gateway's access log in CSV",
    "aws_api_xml": "AWS API Gateway's access log in XML",
    "aws_alb": "an AWS Application Load Balancer's access log",
    "aws_elb": "an AWS Classic Load Balancer's access log",
    "cloudfront": "CloudFront's standard log",
    "cloudflare": "Cloudflare's log of HTTP requests",
    "iis": "a log in W3C's extended format, as IIS writes it",
    "gcp_load_balancer": "request logs of Google Cloud",
    "azure_api_management": "Azure API Management's gateway log",
    "ecs": "logs by the Elastic Common Schema",
    "har": "HAR, a browser's recording",
    "goreplay": "GoReplay's recording",
    "akto": "Akto's mirrored traffic",
    "keploy": "Keploy's test cases",
}
"""By form, an entry of an API log in words."""
LOG_FORMS = frozenset(LOG_LOOKS)
API_LOG_FORMS = (*LOG_LOOKS, "otlp_logs")
DEPLOY_FORMS = ("cdevents", "deploy")
TEXT_FORMS = ("aws_connections", "html", "xml", "csv", "access_log", "plain_text", "json", *LINES)
_LOOKS: dict[str, str] = LOG_LOOKS | {
    "otlp_proto": "OTLP traces in protobuf",
    "otlp_json": "OTLP traces in JSON",
    "jaeger_proto": "Jaeger spans in protobuf",
    "jaeger_json": "Jaeger spans in JSON",
    "zipkin_proto": "Zipkin spans in protobuf",
    "zipkin_json": "Zipkin spans in JSON",
    "thrift": "Thrift, as old Zipkin and Jaeger clients send it",
    "otlp_metrics": "OTLP metrics",
    "otlp_logs": "OTLP logs",
    "otlp_profiles": "OTLP profiles",
    "cdevents": "CDEvents",
    "deploy": "deploy events",
    "json_log": "an application's log in JSON",
    "json": "JSON of a form that we do not know",
    "html": "HTML",
    "xml": "XML",
    "csv": "CSV",
    "access_log": "a text access log",
    "plain_text": "plain text",
    "aws_connections": "connections of an AWS load balancer, not requests; its access log holds these",
    "utf16_text": "text in UTF-16",
    "confluent_framing": "a schema registry's framing (Avro, Protobuf or JSON Schema after 5 bytes)",
    "avro": "an Avro file",
    "parquet": "a Parquet file",
    "orc": "an ORC file",
    "arrow": "an Arrow file",
    "sqlite": "an SQLite database",
    "java_object": "a serialized Java object",
    "gzip": "gzip",
    "zip": "a ZIP archive",
    "zstd": "Zstandard compression",
    "lz4": "LZ4 compression",
    "snappy": "Snappy compression",
    "bzip2": "bzip2 compression",
    "xz": "xz compression",
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (GZIP, "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "parquet"),
    (b"Obj\x01", "avro"),
    (b"ARROW1", "arrow"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"\xac\xed\x00\x05", "java_object"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\x82SNAPPY\x00", "snappy"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x82\x21", "thrift"),
    (b"\x82\x81", "thrift"),
    (b"\x80\x01\x00", "thrift"),
)
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (GOREPLAY_HEAD, "goreplay"),
    (re.compile(rb"ORC[\x00-\x1f]"), "orc"),
    (re.compile(rb"BZh[1-9]1AY&SY"), "bzip2"),
    (re.compile(rb"\xff\xfe(?:[^\x00]\x00){1,8}", re.DOTALL), "utf16_text"),
    (re.compile(rb"\xfe\xff(?:\x00[^\x00]){1,8}", re.DOTALL), "utf16_text"),
)
_AWS_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?"
_LOG_LINE = re.compile(rb"\[[^\]\n]{1,60}\] ?[^\s,\]]")  # [2026-11-28 02:00:00] started
_JSON = re.compile(rb"\s*[{\[]\s*(?:[\"{}\[\]0-9tfn-]|$)")
_BEGIN = 100
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_CONNECTIONS = re.compile(
    rf"\s*(?:tls 2\.0 {_AWS_TIME} net/|{_AWS_TIME}Z \S+ \d{{1,5}} \d{{1,5}} (?:TLSv|-))"
)
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-connection-logs.html
"""
_ACCESS_LOG = re.compile(r'\S+ \S+ \S+ \[[^\]]{10,40}\] "')
_LOOKED_AT = 65_536
_LEAST_COMMAS = 3


def looks(form: str) -> str:
    """A form in words, "" for one that is none."""
    return _LOOKS.get(form, "")


def without_bom(value: bytes) -> bytes:
    """The bytes without UTF-8's byte order mark, which JSON must not begin with (RFC 8259, 8.1)
    and often does.
    """
    return value[3:] if value.startswith(BOM) else value


def begins_json(value: bytes) -> bool:
    """Whether bytes begin as an object or array does. A protobuf's length may look like a brace;
    what follows it does not.
    """
    text = without_bom(value[:_BEGIN])
    return _JSON.match(text) is not None and _NO_TEXT.search(text) is None


def form_of(value: bytes) -> str:
    """The form of a record or a file's beginning, a code that `looks` puts in words; "" when it is
    none that we know. Never raises.
    """
    for magic, form in _MAGIC:
        if value.startswith(magic):
            return form
    for beginning, form in _BEGINNINGS:
        if beginning.match(value):
            return form
    text = without_bom(value).lstrip()
    if begins_json(value):
        for whole in (text, text.split(b"\n", 1)[0]):
            try:
                return json_form(orjson.loads(whole))
            except orjson.JSONDecodeError:
                continue
        if text[:1] == b"{" or not _LOG_LINE.match(text):
            return ""  # JSON that is broken or cut off
    kind = signal_of(value) or _scalar(text)
    if kind:
        return kind
    # a zero and the schema's number, big-endian
    if len(value) > 5 and value[0] == 0 and any(value[1:5]) and value[1] < 0x10:
        return "confluent_framing"
    # a list of structs and its length
    if value[:1] == b"\x0c" and len(value) > 8 and value[1:3] == b"\x00\x00":
        return "thrift"
    return text_form(text)


def json_form(held: Any) -> str:
    """The form of parsed JSON; "json" when it is none that we know."""
    if isinstance(held, list):
        first = next((item for item in held if item), None)
        return json_form(first) if isinstance(first, dict | list) else "json"
    if not isinstance(held, dict):
        return "plain_text"
    if not held:
        return "json"
    for names, form in _KEYS:
        if all(any(name in held for name in either) for either in names):
            return form
    if _is_tempo(held):
        return "otlp_json"
    if isinstance(held.get("data"), list) and json_form(held["data"]) == "jaeger_json":
        return "jaeger_json"
    source = log_source(held)
    if source:
        return source
    for names, form in _LATER_KEYS:
        if all(any(name in held for name in either) for either in names):
            return form
    if isinstance(held.get("context"), dict) and isinstance(held.get("subject"), dict):
        return "cdevents"
    return "json"


def _is_tempo(held: dict[str, Any]) -> bool:
    """Whether this is a trace as Tempo's queries answer with it: OTLP under a name of its own.

    https://grafana.com/docs/tempo/latest/api_docs/#query
    """
    trace = held.get("trace")
    if isinstance(trace, dict):
        return any(name in trace for name in ("resourceSpans", "resource_spans")) or _is_tempo(
            trace
        )
    batches = held.get("batches")
    first = batches[0] if isinstance(batches, list) and batches else None
    return isinstance(first, dict) and any(name in first for name in _SCOPES)


_SCOPES = ("scopeSpans", "instrumentationLibrarySpans", "scope_spans")
_KEYS: tuple[tuple[tuple[tuple[str, ...], ...], str], ...] = (
    ((("resourceSpans", "resource_spans"),), "otlp_json"),
    ((("resourceMetrics", "resource_metrics"),), "otlp_metrics"),
    ((("resourceLogs", "resource_logs"),), "otlp_logs"),
    ((("resourceProfiles", "resource_profiles"),), "otlp_profiles"),
    (
        (
            ("traceId", "traceID"),
            ("spanId", "spanID"),
            ("operationName", "startTime", "startTimeMillis"),
        ),
        "jaeger_json",
    ),
    ((("traceID",), ("spans",)), "jaeger_json"),
    (
        (
            ("traceId",),
            ("id",),
            (
                "timestamp",
                "duration",
                "localEndpoint",
                "kind",
                "annotations",
                "binaryAnnotations",
                "parentId",
                "name",
            ),
        ),
        "zipkin_json",
    ),
)
_LATER_KEYS: tuple[tuple[tuple[tuple[str, ...], ...], str], ...] = (
    ((("specversion",), ("type",)), "cdevents"),
    ((("service",), ("version",)), "deploy"),
    (
        (
            ("message", "msg", "@timestamp", "log", "short_message"),
            ("level", "severity", "time", "timestamp", "@timestamp", "ts"),
        ),
        "json_log",
    ),
)


def _scalar(text: bytes) -> str:
    """Whether this is a value of JSON that is neither object nor array: "json" or ""."""
    if not 0 < len(text) <= _LOOKED_AT or text[:1] not in b'"-0123456789tfn':
        return ""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    return "json"


def text_form(text: bytes | str) -> str:
    """An access log's line by its source, HTML, XML, CSV or plain text; "" for what is no text."""
    if isinstance(text, str):
        head = text[:_LOOKED_AT]
    else:
        try:
            head = (
                text[:_LOOKED_AT].decode("utf-8")
                if len(text) <= _LOOKED_AT
                else text[:_LOOKED_AT].decode("utf-8", "ignore")
            )
        except UnicodeDecodeError:
            return ""
    if not head.strip() or any(
        ord(sign) < 0x20 and sign not in "\t\r\n\x0b\x0c\x1b" for sign in head
    ):
        return ""
    begin = head[:200].lower()
    if begin.startswith("<request id="):
        return "aws_api_xml"
    if begin.startswith(("<!doctype html", "<html")):
        return "html"
    if re.match(r"<[?!a-z][^>]*", begin):
        return "xml"
    if W3C_HEAD.match(head):
        return "cloudfront" if "x-edge-location" in head else "iis"
    if KEPLOY_HEAD.match(head):
        return "keploy"
    form = line_form(head.strip().split("\n", 1)[0].rstrip("\r"))[0] or line_form(head)[0]
    if form or _ACCESS_LOG.match(head):
        return form or "access_log"
    return _plain_form(head)


def _plain_form(head: str) -> str:
    """Of lines that are no access log's: a list of connections, CSV or plain text."""
    if _CONNECTIONS.match(head):
        return "aws_connections"
    lines = [line for line in head.splitlines()[:3] if line.strip()]
    for mark in (",", ";", "\t"):
        counts = {line.count(mark) for line in lines[:2]}
        spaced = mark != "\t" and mark + " " in lines[0]
        if (
            len(counts) == 1
            and not spaced
            and min(counts) >= (1 if len(lines) > 1 else _LEAST_COMMAS)
        ):
            return "csv"
    return "plain_text"
