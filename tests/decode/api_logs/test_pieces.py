"""Exchanges that come in pieces: GoReplay's requests and answers, segments of Envoy's tap, in
whatever order a batch has them.
"""

import gzip
from dataclasses import replace
from typing import Any

import orjson

from monitor.decode.api_logs import ApiLogReading, Refused, explain_api_logs
from monitor.model.exchanges import Exchange
from tests.decode.api_logs.samples import AT, DEFAULTS, MS, by_name
from tests.decode.api_logs.test_sources import records, told

COLUMNS = ("values", "partitions", "offsets", "timestamps_ms", "headers", "gaps")
MARK = "\n🐵🙈🙉\n".encode()


def segment(trace: int, **part: Any) -> bytes:
    return orjson.dumps({"http_streamed_trace_segment": {"trace_id": str(trace), **part}})


def headers(**held: str) -> dict[str, Any]:
    pairs = [
        (f":{name[1:]}" if name[0] == "_" else name.replace("_", "-"), value)
        for name, value in held.items()
    ]
    return {"headers": [{"key": name, "value": value} for name, value in pairs]}


def chunk(text: str) -> dict[str, str]:
    return {"as_string": text}


def payload(kind: int, id_: str, at: int, head: str, body: bytes = b"") -> bytes:
    return f"{kind} {id_ * 10} {at} 0\n{head}\r\n\r\n".encode() + body


def test_payloads_of_goreplay_are_joined_by_their_id_and_what_is_left_alone_is_told() -> None:
    packed = gzip.compress(b'{"ok":true}', mtime=0)
    values = [
        payload(1, "a", AT, "GET /a HTTP/1.1\r\nHost: payment:80"),
        payload(1, "b", AT, "GET /b HTTP/1.1\r\nHost: payment"),
        payload(2, "b", AT + MS, "HTTP/1.1 404 Not Found\r\nContent-Length: 9", b"cut"),
        payload(3, "b", AT + MS, "HTTP/1.1 500 Oops"),
        payload(
            2,
            "a",
            AT + 3 * MS,
            f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}",
            packed,
        ),
        payload(1, "c", AT, "GET /c HTTP/1.1\r\nHost: payment"),
        payload(1, "c", AT, "GET /again HTTP/1.1\r\nHost: payment"),
        b"1 x\nGET / HTTP/1.1",
    ]
    reading = ApiLogReading(records(*values), "auto")
    by_path = {exchange.path: exchange for exchange in reading}
    assert {path: (exchange.offset, exchange.status, exchange.duration_ns, exchange.status_told) for path, exchange in by_path.items()} == {
        "/a": (0, 200, 3 * MS, True), "/b": (1, 404, MS, True), "/c": (5, 0, None, False), "/again": (6, 0, None, False),
    }  # fmt: skip
    assert (
        by_path["/a"].response_body,
        by_path["/a"].response_truncated,
        by_path["/a"].callee,
    ) == (packed, False, "payment")
    assert (by_path["/b"].response_body, by_path["/b"].response_truncated) == (b"cut", True)
    assert [(reject.offset, reject.reason) for reject in reading.rejects] == [
        (3, "answer_apart"), (7, "plain_text"),
    ]  # fmt: skip
    assert list(reading.passed) == [1, 1, 0, 0, 0, 0, 0, 0]
    one_record = ApiLogReading(records(MARK.join(values[:5])), "goreplay")
    assert [(exchange.path, exchange.status, exchange.index) for exchange in one_record] == [
        ("/b", 404, 1),
        ("/a", 200, 0),
    ]
    (asked, answered) = (
        orjson.loads(by_name("goreplay").raw) | {"Req_Type": kind} for kind in ("1", "2")
    )
    answered |= {
        "Req_URL": "201",
        "Req_Method": "HTTP/1.1",
        "Req_Body": '{"ok":true}',
        "Req_Ts": str(AT + MS),
    }
    (told_to_kafka,) = ApiLogReading(records(orjson.dumps(asked), orjson.dumps(answered)), "auto")
    assert (told_to_kafka.status, told_to_kafka.duration_ns, told_to_kafka.response_body) == (
        201,
        MS,
        '{"ok":true}',
    )


def test_segments_of_a_tap_are_joined_and_an_answer_whose_end_is_not_seen_is_cut_off() -> None:
    asked = headers(_method="POST", _path="/pay/7?x=1", _authority="payment", content_length="7")
    values = [
        segment(1, request_headers=asked),
        segment(2, request_headers=asked),
        segment(1, request_body_chunk=chunk('{"a":1}')),
        segment(3, request_headers=asked),
        segment(2, response_headers=headers(_status="200", content_length="4")),
        segment(1, response_headers=headers(_status="201", content_type="application/json")),
        segment(2, response_body_chunk=chunk("ab")),
        segment(1, response_body_chunk=chunk('{"ok"')),
        segment(2, response_body_chunk=chunk("cd")),
        segment(4, response_body_chunk=chunk("ab")),
        segment(5, request_headers=asked),
        segment(5, response_headers=headers(_status="200")),
        segment(5, response_trailers=headers(grpc_status="0")),
        segment(6, request_headers=asked),
        segment(3, request_headers=asked),
        segment(6, response_headers=headers(_status="204")),
        orjson.dumps({"httpStreamedTraceSegment": {"traceId": "7"}}),
    ]
    reading = ApiLogReading(records(*values), "auto")
    by_offset = {exchange.offset: exchange for exchange in reading}
    assert {offset: (exchange.status, exchange.response_body, exchange.response_truncated) for offset, exchange in by_offset.items()} == {
        0: (201, b'{"ok"', True), 1: (200, b"abcd", False), 10: (200, None, False), 13: (204, None, False),
    }  # fmt: skip
    assert (by_offset[0].request_body, by_offset[0].request_truncated, by_offset[0].callee) == (
        b'{"a":1}',
        False,
        "payment",
    )
    assert (by_offset[1].request_body, by_offset[10].response_headers) == (
        None,
        {"grpc-status": "0"},
    )
    assert sorted((reject.offset, reject.reason) for reject in reading.rejects) == [
        (offset, "streamed_tap") for offset in (3, 9, 14, 16)
    ]
    assert sum(reading.passed) + len(reading.rejects) + reading.count == len(values)
    whole = records(*values)
    ones = [
        replace(whole, **{name: getattr(whole, name)[at : at + 1] for name in COLUMNS})
        for at in range(len(values))
    ]
    for batches in ([whole], ones):
        explained = list(explain_api_logs(batches, "envoy_tap"))
        exchanges = {
            entry.offset: told(entry) for *_, entry in explained if type(entry) is Exchange
        }
        assert exchanges == {offset: told(read) for offset, read in by_offset.items()}
        refused = sorted(
            (offset, str(entry)) for _, offset, _, entry in explained if type(entry) is Refused
        )
        assert refused == [(offset, "streamed_tap") for offset in (3, 9, 14, 16)]


def test_trailers_behind_a_body_whose_length_was_told_are_read_where_they_tell_how_a_call_ended() -> (
    None
):
    asked = headers(_method="POST", _path="/pay", _authority="payment")
    grpc = headers(_status="200", content_length="5", content_type="application/grpc")
    failed = headers(
        _status="200", content_length="0", content_type="application/grpc", grpc_status="5"
    )
    values = [
        segment(1, request_headers=asked),
        segment(1, response_headers=headers(_status="200", content_length="2")),
        segment(1, response_body_chunk=chunk("{}")),
        segment(1, response_trailers=headers(server_timing="x")),
        segment(2, request_headers=asked),
        segment(2, response_headers=grpc),
        segment(2, response_body_chunk=chunk("\0\0\0\0\0")),
        segment(2, response_trailers=headers(grpc_status="7")),
        segment(3, request_headers=asked),
        segment(3, response_headers=failed),
        segment(4, request_headers=asked),
        segment(4, response_headers=grpc),
        segment(4, response_body_chunk=chunk("\0\0\0\0\0")),
        segment(5, response_trailers=headers(server_timing="x")),
    ]
    reading = ApiLogReading(records(*values), "auto")
    assert {
        exchange.offset: (
            exchange.response_headers.get("grpc-status"),
            exchange.response_truncated,
        )
        for exchange in reading
    } == {0: (None, False), 4: ("7", False), 8: ("5", False), 10: (None, False)}
    assert [(reject.offset, reject.reason) for reject in reading.rejects] == [(13, "streamed_tap")]


def test_several_documents_of_keploy_are_as_many_exchanges_and_what_is_no_yaml_of_its_own_is_refused() -> (
    None
):
    text = by_name("keploy-yaml").raw
    reading = ApiLogReading(records(f"---\n{text}---\n{text}".encode()), "auto")
    assert [told(exchange) for exchange in reading] == [DEFAULTS | by_name("keploy-yaml").told] * 2
    bombs = [
        text + "x: &a [1]\ny: *a\n",
        text + "x: " + "[" * 60,
        text + "\tx: {",
        text.replace("POST", "[" * 100_000),
    ]
    hostile = ApiLogReading(records(*(bomb.encode() for bomb in bombs)), "auto")
    assert (list(hostile), [reject.reason for reject in hostile.rejects]) == (
        [],
        ["bad_yaml"] * len(bombs),
    )
