"""Every source as its vendor documents it: each field of what it tells, alone, in a mixed stream,
wrapped, and asked for wrongly.
"""

import gzip
import json
import random
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from monitor.config import choices, known
from monitor.decode.api_logs import FORMATS, ApiLogReading, Heads, decode_api_logs
from monitor.decode.api_logs.lines import READERS as LINE_READERS
from monitor.decode.api_logs.recognising import READERS, SOURCES, accepted
from monitor.model.exchanges import Exchange
from monitor.model.forms import LOG_FORMS, looks
from monitor.model.log_lines import LINES
from monitor.model.records import Partition, Records, Rejects
from tests.decode.api_logs.samples import AT, DEFAULTS, MS, NOW_MS, SAMPLES, Sample, by_name
from tests.fixtures.effort import Effort

PLACE = Partition("ab" * 8, "api_logs", 0)
IN_PIECES = [by_name(name) for name in ("envoy-tap-segments", "goreplay-file")]
"""A part of one ends what another began."""
_KEY = ("source_id", "partition", "offset", "index")


def records(*values: bytes) -> Records:
    count = len(values)
    return Records(
        list(values),
        [PLACE] * count,
        list(range(count)),
        [NOW_MS] * count,
        [{}] * count,
        [0] * count,
    )


def told(read: Exchange) -> dict[str, Any]:
    return {name: value for name, value in asdict(read).items() if name not in _KEY}


def read(raw: str | bytes, source: str = "auto") -> tuple[list[Exchange], Rejects]:
    return decode_api_logs(records(raw if isinstance(raw, bytes) else raw.encode()), source)


def one(raw: str | bytes, source: str = "auto") -> Exchange:
    exchanges, rejects = read(raw, source)
    assert not rejects
    assert len(exchanges) == 1
    return exchanges[0]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_vendors_default_tells_each_field(sample: Sample) -> None:
    assert told(one(sample.raw, sample.source)) == DEFAULTS | sample.told


# Of a bare `duration` nobody but the one who asks for Apache can say that it counts microseconds.
@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.name != "apache-json"],
    ids=lambda sample: sample.name,
)
def test_auto_tells_the_same(sample: Sample) -> None:
    assert told(one(sample.raw)) == DEFAULTS | sample.told


def test_a_stream_of_all_sources_is_read_record_by_record_and_line_by_line() -> None:
    wanted = {sample.name: told(one(sample.raw)) for sample in SAMPLES}
    mixed = [sample for sample in SAMPLES for _ in range(3)]
    random.Random(4).shuffle(mixed)
    exchanges, rejects = decode_api_logs(
        records(*(sample.raw.encode() for sample in mixed)), "auto"
    )
    assert not rejects
    # what waits for its other half comes last
    exchanges.sort(key=lambda exchange: exchange.offset)
    assert [told(exchange) for exchange in exchanges] == [wanted[sample.name] for sample in mixed]
    lines = [
        sample
        for sample in mixed
        if "\n" not in sample.raw and not sample.name.startswith("azure")
    ]
    exchanges, rejects = read("\n".join(sample.raw for sample in lines))
    assert not rejects
    exchanges.sort(key=lambda exchange: exchange.index)
    assert [told(exchange) for exchange in exchanges] == [wanted[sample.name] for sample in lines]
    assert len({exchange.index for exchange in exchanges}) == len(lines)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_wrong_source_is_refused_by_the_name_of_the_right_one(sample: Sample) -> None:
    for source in SOURCES:
        exchanges, rejects = read(sample.raw, source)
        if exchanges:
            assert not rejects
            assert exchanges[0].path == (DEFAULTS | sample.told)["path"]
            assert sample.source in (
                source,
                *(other for other in SOURCES if set(accepted(other)) & set(accepted(source))),
            )
        else:
            (reject,) = rejects
            assert reject.reason in LOG_FORMS
            assert reject.reason in accepted(sample.source)
            assert looks(reject.reason)


def test_what_may_be_asked_for_is_what_is_read() -> None:
    assert set(FORMATS) == {"auto", *SOURCES, "otlp", "otlp_proto", "otlp_json", "mapping"}
    assert list(choices(known()["topics.api_logs_format"])) == list(FORMATS)
    assert {*READERS, *LINE_READERS} == LOG_FORMS
    assert set(LINES) == set(LINE_READERS)
    assert {form for source in SOURCES for form in accepted(source)} == LOG_FORMS


_INNER = by_name("nginx-json")
_KUBERNETES = {
    "pod_name": "payment-1", "namespace_name": "shop", "container_name": "app", "labels": {"app.kubernetes.io/name": "payment", "app.kubernetes.io/version": "2.0"},
}  # fmt: skip
WRAPPED = {
    "docker": lambda text: orjson.dumps({"log": text + "\n", "stream": "stdout", "time": "2026-11-28T10:00:01.5Z"}),
    "fluent-bit": lambda text: orjson.dumps({"date": 1795860001.5, "stream": "stdout", "_p": "F", "log": text, "kubernetes": _KUBERNETES}),
    "fluent-bit-merged": lambda text: orjson.dumps({"date": 1795860001.5, "log": text, "log_processed": orjson.loads(text)}),
    "filebeat": lambda text: orjson.dumps(
        {"@timestamp": "2026-11-28T10:00:01.5Z", "@metadata": {"beat": "filebeat"}, "log": {"offset": 7, "file": {"path": "/var/log/a"}},
         "message": text, "input": {"type": "container"}, "agent": {"name": "n"}, "ecs": {"version": "8.0.0"}, "host": {"name": "n"}}
    ),
    "filebeat-json": lambda text: orjson.dumps({"@timestamp": "2026-11-28T10:00:01.5Z", "json": orjson.loads(text), "agent": {"name": "n"}}),
    "vector": lambda text: orjson.dumps({"message": text, "timestamp": "2026-11-28T10:00:01.5Z", "source_type": "file", "host": "n"}),
    "event-original": lambda text: orjson.dumps({"@timestamp": "2026-11-28T10:00:01.5Z", "event": {"original": text}}),
    "twice": lambda text: orjson.dumps({"message": orjson.dumps({"log": text, "stream": "stdout", "time": "2026-11-28T10:00:01.5Z"}).decode()}),
    "text-in-json": orjson.dumps,
    "cri": lambda text: f"2026-11-28T10:00:01.500000000Z stdout F {text}".encode(),
    "syslog-3164": lambda text: f"<190>Nov 28 10:00:01 lb nginx: {text}".encode(),
    "syslog-5424": lambda text: f"<190>1 2026-11-28T10:00:01Z lb nginx 7 - - {text}".encode(),
    "cloudwatch": lambda text: gzip.compress(orjson.dumps(
        {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s", "subscriptionFilters": ["f"],
         "logEvents": [{"id": "1", "timestamp": 1795860001500, "message": text}]}
    )),
    "gelf": lambda text: orjson.dumps(
        {"version": "1.1", "host": "n", "short_message": text, "timestamp": 1795860001.5, "level": 6, "_container_name": "payment", "_tag": "a"}
    ),
    "gelf-full": lambda text: orjson.dumps({"version": "1.1", "host": "n", "short_message": "GET", "full_message": text, "timestamp": 1795860001.5}),
    "loki": lambda text: orjson.dumps({"streams": [{"stream": {"app": "payment"}, "values": [["1795860001500000000", text]]}]}),
    "cloud-logging": lambda text: orjson.dumps({"insertId": "1", "jsonPayload": orjson.loads(text), "timestamp": "2026-11-28T10:00:01.5Z"}),
    "gelf-fields": lambda text: orjson.dumps(
        {"version": "1.1", "host": "n", "short_message": "-", "timestamp": 1795860001.5, "level": 6}
        | {f"_{name}": value for name, value in orjson.loads(text).items()}
    ),
    "splunk": lambda text: orjson.dumps({"time": 1795860001.5, "host": "n", "sourcetype": "_json", "event": orjson.loads(text)}),
}  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_an_entry_inside_a_shippers_wrapper_tells_the_same(wrapper: str) -> None:
    assert told(one(WRAPPED[wrapper](_INNER.raw))) == DEFAULTS | _INNER.told


@pytest.mark.parametrize(
    "wrapper",
    [
        name
        for name in WRAPPED
        if name
        not in ("fluent-bit-merged", "filebeat-json", "cloud-logging", "splunk", "gelf-fields")
    ],
)
def test_a_line_of_text_inside_a_shippers_wrapper_is_read_too(wrapper: str) -> None:
    sample = by_name("ingress-nginx")
    assert told(one(WRAPPED[wrapper](sample.raw))) == DEFAULTS | sample.told


def test_who_wrote_a_line_is_its_callee_where_the_line_names_none() -> None:
    exchange = one(WRAPPED["fluent-bit"](by_name("combined").raw))
    assert (exchange.callee, exchange.callee_version, exchange.callee_namespace) == (
        "payment",
        "2.0",
        "shop",
    )
    assert one(WRAPPED["loki"](by_name("combined").raw)).callee == "payment"
    assert one(WRAPPED["gelf"](by_name("combined").raw)).callee == "payment"


def test_an_entry_without_a_time_has_its_wrappers() -> None:
    inner = orjson.dumps(
        {"request_method": "GET", "request_uri": "/pay/7", "status": 200, "request_time": 0.042}
    ).decode()
    assert one(WRAPPED["cri"](inner)).end_ns == AT + 1_500 * MS
    assert [reject.reason for reject in read(inner)[1]] == ["no_time"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'2026-11-28T10:00:00Z stdout P {"request_method": "GET", "requ', "partial_line"),
        (orjson.dumps({"log": '{"request_method": "GET", "requ', "stream": "stdout", "time": "2026-11-28T10:00:00Z"}), "partial_line"),
        (b'{"http_streamed_trace_segment": {"trace_id": "1", "request_headers": {"headers": []}}}', "streamed_tap"),
        (by_name("goreplay").raw.replace('"Req_Type":"1"', '"Req_Type":"2"').encode(), "answer_apart"),
        (b'10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "\\x16\\x03\\x01" 400 150 "-" "-"', "no_request"),
        (b'10.0.0.9 - - [28/Nov/2026:10:00:00 +0000] "-" 408 0 "-" "-"', "no_request"),
        (b'{"message": "started in 12 s", "level": "info", "time": "2026-11-28T10:00:00Z"}', "json_log"),
        (b"#Fields: ", "w3c_no_fields"),
        (b"#Fields: date time cs-method\n2026-11-28 10:00:00 GET /pay/7", "w3c_other_fields"),
        (orjson.dumps({"version": "1.1", "host": "n", "short_message": "started in 12 s", "level": 6}), "json_log"),
        (b'{"a": 1}', "unknown_source"),
    ],
)  # fmt: skip
def test_what_is_no_exchange_is_refused_by_a_reason_that_says_so(raw: bytes, reason: str) -> None:
    exchanges, rejects = read(raw)
    assert not exchanges
    assert [reject.reason for reject in rejects] == [reason]


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("28/Nov/2026:11:00:00 +0100", AT), ("[28/Nov/2026:10:00:00 +0000]", AT), ("2026-11-28T10:00:00.123456789Z", AT + 123_456_789), ("1795860000.042", AT + 42 * MS),
        (1795860000, AT), (1795860000000, AT), (1795860000000000, AT), (1795860000000000007, AT + 7), (1795860000.5, AT + 500 * MS), ("1795860000000", AT),
        ("2026-11-28 10:00:00", AT), ("Sat, 28 Nov 2026 10:00:00 GMT", AT), ("28/Nov/2026:10:00:00.042", AT + 42 * MS),
    ],
)  # fmt: skip
def test_times_in_every_spelling(value: object, end: int) -> None:
    assert (
        one(
            orjson.dumps(
                {
                    "time": value,
                    "request_method": "GET",
                    "request_uri": "/a",
                    "status": 200,
                    "remote_addr": "1",
                }
            )
        ).end_ns
        == end
    )


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({"request_time": 0.042}, 42 * MS), ({"request_time": "0.042"}, 42 * MS), ({"upstream_response_time": "0.010, 0.032"}, 42 * MS),
        ({"upstream_response_time": "0.010 : 0.032"}, 42 * MS), ({"upstream_response_time": "-, 0.042"}, 42 * MS), ({"request_time": "-"}, None),
        ({"duration_ms": "42"}, 42 * MS), ({"latency_us": 42_000}, 42 * MS), ({"duration_ns": 42 * MS}, 42 * MS), ({"elapsed": "42ms"}, 42 * MS),
        ({"latency": "42000µs"}, 42 * MS), ({"time_taken_s": 0.042}, 42 * MS), ({"latency": {"seconds": 0, "nanos": 42 * MS}}, 42 * MS), ({}, None),
    ],
)  # fmt: skip
def test_durations_in_every_unit(fields: dict[str, Any], length: int | None) -> None:
    entry = {
        "time": "2026-11-28T10:00:00Z",
        "request_method": "GET",
        "request_uri": "/a",
        "status": 200,
        "remote_addr": "1",
    } | fields
    assert one(orjson.dumps(entry)).duration_ns == length


@pytest.mark.parametrize(
    ("body", "kept", "cut"),
    [
        ('{"a": 1}', '{"a": 1}', False), ('{"a": 1...', '{"a": 1', True), ('{"a": 1}... (truncated)', '{"a": 1}', True), ('{"a": "x[TRUNCATED]', '{"a": "x', True),
        ('{"a": "wait..."}', '{"a": "wait..."}', False), ("[REDACTED]", None, False), ("***", None, False), ("-", None, False), ({"a": 1}, b'{"a":1}', False),
        ('{"a": 1}…', '{"a": 1}', True), ('{"a": "[REDACTED]"}', '{"a": "[REDACTED]"}', False),
    ],
)  # fmt: skip
def test_marks_of_cut_and_masked_bodies(body: object, kept: object, cut: bool) -> None:
    for name in ("nginx-json", "apisix", "ecs"):
        entry = orjson.loads(by_name(name).raw)
        if name == "nginx-json":
            entry["resp_body"] = body
        elif name == "apisix":
            entry["response"]["body"] = body
        else:
            entry["http"]["response"]["body"] = {"content": body}
        exchange = one(orjson.dumps(entry))
        assert (exchange.response_body, exchange.response_truncated) == (kept, cut)


@pytest.mark.parametrize(
    ("sample", "changes"),
    [
        ("nginx-json", {"upstream_status": "-", "status": 502}),
        ("traefik", {"OriginStatus": 0, "DownstreamStatus": 404}),
        ("haproxy-json", {"server_name": "<NOSRV>", "status_code": "503"}),
        ("haproxy-json", {"termination_state_cookie": "sH--", "status_code": "504"}),
        ("aws-api-json", {"integrationStatus": "-", "status": "429"}),
        ("gcp", {"jsonPayload": {"statusDetails": "failed_to_pick_backend"}}),
        (
            "istio-json",
            {
                "response_code_details": "upstream_reset_before_response_started",
                "response_code": 503,
            },
        ),
        ("kong", {"source": "exit"}),
        ("cloudfront-json", {"x-edge-result-type": "LimitExceeded", "sc-status": "503"}),
        (
            "cloudflare",
            {"OriginResponseStatus": 0, "EdgeResponseStatus": 403, "CacheCacheStatus": "unknown"},
        ),
    ],
)
def test_what_a_gateway_answered_itself_is_marked(sample: str, changes: dict[str, Any]) -> None:
    assert one(orjson.dumps(orjson.loads(by_name(sample).raw) | changes)).proxy_answer


def test_the_head_of_a_log_is_remembered_for_the_lines_of_later_batches_of_its_partition_alone() -> (
    None
):
    *head, line = by_name("iis-head").raw.encode().split(b"\n")
    heads = Heads()
    first = ApiLogReading(records(*head), "auto", heads=heads)
    assert (list(first), first.rejects, sum(first.passed)) == ([], [], 4)
    (exchange,) = ApiLogReading(records(line), "auto", heads=heads)
    assert told(exchange) == DEFAULTS | by_name("iis-head").told
    elsewhere = Records([line], [Partition("ab" * 8, "api_logs", 1)], [0], [NOW_MS], [{}], [0])
    for other in (
        ApiLogReading(elsewhere, "auto", heads=heads),
        ApiLogReading(records(line), "auto"),
    ):
        assert (list(other), [reject.reason for reject in other.rejects]) == ([], ["plain_text"])


def test_a_masked_or_binary_line_costs_only_itself() -> None:
    good = by_name("combined").raw.encode()
    exchanges, rejects = read(good + b"\n\xff\xfe nothing\n" + good)
    assert len(exchanges) == 2
    assert [(reject.reason, reject.count) for reject in rejects] == [("not_json", 1)]


HOSTILE: list[Any] = [
    None, True, -1, 0, 1e400, 10**30, -0.5, "", "-", "\x00", "x" * 3_000, [], [[]], [None], {}, {"a": {"b": [1]}}, "{", "[1", "GET", "\ud83d", "1e999", "-1",
    "99999999999999999999999999", "NaN", "%zz", "http://", "a:b:c", "1, 2 : 3",
]  # fmt: skip


def mutated(entry: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = dict(entry) if isinstance(entry, dict) else list(entry)
    copied[path[0]] = mutated(entry[path[0]], path[1:], value)
    return copied


def places(entry: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(entry, dict | list):
        inner = entry.items() if isinstance(entry, dict) else enumerate(entry)
        below = [place for name, held in inner for place in places(held, (*path, name))]
        return [*below, path] if path else below
    return [path]


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.raw.startswith("{") and sample not in IN_PIECES],
    ids=lambda sample: sample.name,
)
def test_whatever_stands_in_a_field_costs_that_entry_at_most(sample: Sample) -> None:
    whole = orjson.loads(sample.raw)
    mutants = [mutated(whole, place, value) for place in places(whole) for value in HOSTILE]
    mutants += [{name: held for name, held in whole.items() if name != gone} for gone in whole]
    values = [json.dumps(mutant).encode("utf-8", "surrogatepass") for mutant in mutants]
    for source in ("auto", sample.source):
        exchanges, rejects = decode_api_logs(records(*values, sample.raw.encode()), source)
        assert {exchange.offset for exchange in exchanges} | {
            reject.offset for reject in rejects
        } == set(range(len(values) + 1))
        assert exchanges[-1].offset == len(values)
        for exchange in exchanges:
            assert exchange.path.startswith("/")
            assert exchange.method.isupper()
            assert exchange.caller
            assert exchange.callee
            assert exchange.end_ns > 946_684_800_000_000_000
            assert exchange.duration_ns is None or exchange.duration_ns >= 0
            assert 0 <= exchange.status < 1_000
            assert len(exchange.trace_id) in (0, 16)
            assert len(exchange.span_id) in (0, 8)


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if not sample.raw.startswith("{") and sample not in IN_PIECES],
    ids=lambda sample: sample.name,
)
def test_lines_cut_anywhere_or_with_noise_in_them_cost_only_themselves(sample: Sample) -> None:
    raw = sample.raw.encode()
    cut = [raw[:length] for length in range(1, len(raw), 3)]
    noisy = [
        raw[:at] + noise + raw[at:]
        for at in range(0, len(raw), 5)
        for noise in (b'"', b"\\", b"\xff", b" ", b"[")
    ]
    reading = ApiLogReading(records(*cut, *noisy, raw), "auto")
    exchanges = list(reading)
    told_of = {exchange.offset for exchange in exchanges} | {
        reject.offset for reject in reading.rejects
    }
    told_of |= {offset for offset, count in enumerate(reading.passed) if count}
    assert told_of == set(range(len(cut) + len(noisy) + 1))
    assert exchanges[-1].offset == len(cut) + len(noisy)


def test_pieces_cut_anywhere_or_with_noise_in_them_cost_only_themselves() -> None:
    for sample in IN_PIECES:
        raw = sample.raw.encode()
        for at in range(0, len(raw), 7):
            for noise in (b"", b'"', b"\xff", b"\n"):
                reading = ApiLogReading(
                    records(
                        raw[:at] + noise + raw[at:] if noise else raw[:at],
                        by_name("nginx-json").raw.encode(),
                    ),
                    "auto",
                )
                offsets = [exchange.offset for exchange in reading]
                assert offsets.count(1) == 1
                assert offsets.count(0) or reading.rejects
                assert min(reading.passed) >= 0


def test_a_hostile_line_takes_no_time_and_a_long_one_little_room() -> None:
    lines = [
        b'1.1.1.1 - - [28/Nov/2026:10:00:00 +0000] "' + b'\\"' * 30_000,
        b"1 " * 30_000,
        b'1.1.1.1 - - [28/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" 1 1 [a] [] '
        + b"1, " * 20_000,
        b"haproxy[1]: " * 5_000,
        b'{"log": "' + b"a" * 50_000_000 + b'"}',
        b'{"a":' * 100_000,
        b"[" * 1_000_000,
        b"GET / HTTP/1.1\n" + b"a: b\n" * 100_000,
        b"{\n" + b'"a": 1\n}\n{\n' * 50_000 + b'"a": 1}',
        b"version: api.keploy.io/v1\n" + b"".join(b"a%d: b\n" % at for at in range(200_000)),
        b"1 "
        + b"a" * 40
        + b" 1795860000000000000\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\na\r\n" * 200_000,
    ]
    effort = Effort()
    exchanges, rejects = decode_api_logs(records(*lines), "auto")
    assert effort.seconds() < 20
    assert len(exchanges) + len(rejects) == len(lines)


def test_integers_of_any_length_and_repeated_keys_in_a_body_come_through_as_they_were() -> None:
    body = '{"id": 123456789012345678901234567890, "id": NaN}'
    entry = orjson.loads(by_name("apisix").raw)
    entry["response"]["body"] = body
    assert one(orjson.dumps(entry)).response_body == body


@pytest.mark.parametrize(
    ("upstream", "callee", "namespace"),
    [
        ("shop-payment-8080", "payment", "shop"), ("shop-payment-http", "payment", "shop"), ("default-payment-api-80", "payment-api", "default"),
        ("shop-eu-payment-api-80", "shop-eu-payment-api", ""), ("upstream-default-backend", "upstream-default-backend", ""), ("", "unknown", ""),
    ],
)  # fmt: skip
def test_an_ingress_upstream_is_split_only_where_it_can_be(
    upstream: str, callee: str, namespace: str
) -> None:
    exchange = one(by_name("ingress-nginx").raw.replace("shop-payment-8080", upstream))
    assert (exchange.callee, exchange.callee_namespace) == (callee, namespace)


def test_a_request_line_tells_that_there_was_no_query() -> None:
    entry = {"remote_addr": "10.0.0.9", "time_iso8601": "2026-11-28T10:00:00+00:00", "status": 200}
    for more, query, is_known in (
        ({"request": "GET /pay/7 HTTP/1.1"}, "", True),
        ({"request": "GET /pay/7?x=1 HTTP/1.1"}, "x=1", True),
        ({"request": "GET /pay/7 HTTP/1.1", "args": "x=1"}, "x=1", True),
        ({"request_method": "GET", "uri": "/pay/7"}, "", False),
    ):
        found = one(orjson.dumps(entry | more))
        assert (found.path, found.query, found.query_known) == ("/pay/7", query, is_known)


def test_batches_in_arrays_are_read_entry_by_entry() -> None:
    for name in ("kong", "apisix"):
        exchanges, rejects = read(f"[{by_name(name).raw},{by_name(name).raw}]")
        assert ([exchange.index for exchange in exchanges], list(rejects)) == ([0, 1], [])
    texts = orjson.dumps([by_name("apisix-origin").raw] * 2)
    assert [exchange.request_body for exchange in read(texts)[0]] == ['{"a":1}'] * 2
    other = {
        "records": [
            orjson.loads(by_name("azure").raw)["records"][0],
            {"category": "AuditLogs", "operationName": "x", "properties": {}},
        ]
    }
    exchanges, rejects = read(orjson.dumps(other))
    assert (len(exchanges), [reject.reason for reject in rejects]) == (1, ["azure_other_category"])


def test_a_cloudfront_log_of_few_fields_is_no_log_of_iis() -> None:
    head = b"#Fields: date time cs-method cs-uri-stem sc-status x-edge-result-type time-taken"
    line = b"2026-11-28\t10:00:00\tGET\t/pay/7\t502\tOriginCommError\t0.042"
    reading = ApiLogReading(records(head, line), "cloudfront")
    (exchange,) = reading
    assert (reading.rejects, exchange.path, exchange.proxy_answer) == ([], "/pay/7", True)


def test_a_parsed_line_has_the_callee_that_its_pod_tells() -> None:
    parsed = {
        "time": "28/Nov/2026:10:00:00 +0000", "method": "POST", "path": "/pay/7", "code": "503", "size": "1628", "host": "-",
        "remote": "10.0.0.9", "kubernetes": {"namespace_name": "shop", "labels": {"app.kubernetes.io/name": "payment"}},
    }  # fmt: skip
    exchange = one(orjson.dumps(parsed))
    assert (exchange.callee, exchange.callee_namespace) == ("payment", "shop")
    assert exchange.status == 503
    twice, _ = read(b"[" + b",".join([orjson.dumps(parsed)] * 2) + b"]")
    assert [row.callee for row in twice] == ["payment", "payment"]
    named = one(orjson.dumps(parsed | {"proxy_upstream_name": "shop-cart-80"}))
    assert named.callee == "cart"
