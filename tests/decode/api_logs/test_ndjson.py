"""Our plain form: its spellings, its bounds, and that bad entries cost only themselves."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decode.api_logs import FORMATS, decode_api_logs
from monitor.errors import ConfigError
from monitor.model.exchanges import REDACTED, Exchange
from monitor.model.records import Partition, Records

PLACE = Partition("ab" * 8, "api_logs", 0)
NOW_MS = 1_795_252_300_000
ENTRY: dict[str, Any] = {
    "time": "2026-11-21T09:10:29.5Z",
    "method": "get",
    "path": "/a",
    "status": 200,
    "caller": "web",
    "callee": "pay",
}


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


def one(**changes: Any) -> Exchange:
    exchanges, rejects = decode_api_logs(records(orjson.dumps(ENTRY | changes)), "ndjson", {})
    assert not rejects
    return exchanges[0]


def reason(**changes: Any) -> str:
    exchanges, rejects = decode_api_logs(records(orjson.dumps(ENTRY | changes)), "ndjson", {})
    assert not exchanges
    return rejects[0].reason


def test_an_entry_is_read() -> None:
    read = one(
        duration_ms=1.5, trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331", callee_version="2", environment="prod",
        request_headers={"Content-Type": "application/json"}, request_body={"a": 1}, response_body="text", query="x=1",
    )  # fmt: skip
    assert (read.end_ns, read.duration_ns, read.method, read.path, read.query) == (
        1_795_252_229_500_000_000,
        1_500_000,
        "GET",
        "/a",
        "x=1",
    )
    assert (read.caller, read.callee, read.callee_version, read.environment) == (
        "web",
        "pay",
        "2",
        "prod",
    )
    assert (read.request_body, read.response_body) == (b'{"a":1}', "text")
    assert (read.trace_id.hex(), read.span_id.hex()) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert read.request_headers == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "time",
    [
        1_795_252_229,
        1_795_252_229.0,
        1_795_252_229_000,
        1_795_252_229_000_000,
        1_795_252_229_000_000_000,
        "1795252229",
        "2026-11-21T10:10:29+01:00",
        "2026-11-21 09:10:29",
    ],
)
def test_times_are_read_by_their_size_and_zone(time: Any) -> None:
    assert one(time=time).end_ns == 1_795_252_229_000_000_000


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"time": "2099-01-01T00:00:00Z"}, "absurd_time"),
        ({"time": "1969-12-31T00:00:00Z"}, "absurd_time"),
        ({"time": 1e21}, "absurd_time"),
        ({"time": 12}, "absurd_time"),
        ({"time": -5}, "bad_time"),
        ({"time": None}, "no_time"),
        ({"time": "yesterday"}, "bad_time"),
        ({"time": True}, "bad_time"),
        ({"duration_ms": -1}, "absurd_duration"),
        ({"duration_ms": "slow"}, "bad_number"),
        ({"status": 2000}, "bad_status"),
        ({"status": "ok"}, "bad_status"),
        ({"method": None}, "no_method"),
        ({"method": "GET / HTTP"}, "no_method"),
        ({"path": None}, "no_path"),
    ],
)
def test_an_impossible_field_is_a_reason(changes: dict[str, Any], why: str) -> None:
    assert reason(**changes) == why


@pytest.mark.parametrize(
    ("url", "path", "query", "callee"),
    [
        ("https://me:pw@pay.example:8443/a/b?x=1#f", "/a/b", "x=1", "pay.example:8443"),
        ("http://pay.example", "/", "", "pay.example"),
        ("http://pay.example?x=1", "/", "x=1", "pay.example"),
        ("a/b", "/a/b", "", "unknown"),
    ],
)
def test_a_url_gives_path_query_and_perhaps_the_callee_but_never_a_password(
    url: str, path: str, query: str, callee: str
) -> None:
    read = one(path=None, url=url, callee=None)
    assert (read.path, read.query, read.callee, read.query_known) == (path, query, callee, True)
    assert "pw" not in repr(read)


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({"request_headers": {"Host": "a", "accept": "*/*"}}, True),
        ({"request_headers": {":authority": "a"}}, True),
        ({"request_headers": {"content-type": "application/json"}}, False),
        ({"request_headers": {"host": "a"}, "headers_whole": False}, False),
        ({"request_headers": {"accept": "*/*"}, "headers_whole": True}, True),
        ({"request_headers": {}, "response_headers": {"Date": "today"}}, True),
        ({"request_headers": None, "response_headers": {"content-type": "text/plain"}}, False),
        (
            {"request_headers": {"accept": "*/*"}, "response_headers": {"date": "today"}},
            False,
        ),
    ],
)
def test_headers_are_whole_where_the_entry_or_what_http_asks_of_every_request_says_so(
    changes: dict[str, Any], whole: bool
) -> None:
    assert one(**changes).headers_whole is whole


@pytest.mark.parametrize("place", ["server/log.go:77", "log.go:7", "/srv/app/main.rs:120"])
def test_a_place_in_source_text_that_loggers_call_the_caller_is_none(place: str) -> None:
    assert one(caller=place).caller == "unknown"
    assert one(caller="shop.io:8080").caller == "shop.io:8080"


def test_missing_names_are_unknown() -> None:
    read = one(caller=None, callee="-")
    assert (read.caller, read.callee) == ("unknown", "unknown")


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Cookie",
        "set-cookie",
        "X-Api-Key",
        "x-auth-token",
        "X-Amz-Signature",
        "proxy-authorization",
    ],
)
def test_secret_headers_are_never_kept(name: str) -> None:
    read = one(
        request_headers={name: "hunter2"}, response_headers=[{"key": name, "value": "hunter2"}]
    )
    assert read.request_headers == read.response_headers == {name.lower(): REDACTED}


def test_the_trace_is_taken_from_traceparent_when_the_entry_names_none() -> None:
    read = one(
        request_headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    )
    assert read.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"


def test_a_record_may_hold_many_entries_and_bad_ones_cost_only_themselves() -> None:
    good, bad = orjson.dumps(ENTRY), orjson.dumps(ENTRY | {"time": "x"})
    batch = records(
        good,
        good + b"\n{cut off\n" + bad + b"\n" + good,
        b"[" + good + b",3," + good + b"]",
        b"\xff\xfe",
        b"",
        b'{"a":"\\ud800"}',
        good,
    )
    exchanges, rejects = decode_api_logs(batch, "ndjson", {})
    assert [(exchange.offset, exchange.index) for exchange in exchanges] == [
        (0, 0),
        (1, 0),
        (1, 3),
        (2, 0),
        (2, 2),
        (6, 0),
    ]
    assert [(reject.offset, reject.reason, reject.whole) for reject in rejects] == [
        (1, "not_json", False),
        (1, "bad_time", False),
        (2, "not_an_object", False),
        (3, "not_json", True),
        (4, "empty", True),
        (5, "not_json", True),
    ]


def test_an_unknown_format_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="ndjson"):
        decode_api_logs(records(), "xml", {})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)


@given(st.sampled_from(FORMATS), st.lists(st.binary(max_size=80), max_size=4))
def test_no_bytes_raise(form: str, values: list[bytes]) -> None:
    exchanges, rejects = decode_api_logs(
        records(*values), form, {"time": "/t", "method": "/m", "path": "/p"}
    )
    assert len(exchanges) + len(rejects) >= len(values)


@given(
    st.sampled_from([name for name in FORMATS if name != "otlp_proto"]),
    st.dictionaries(
        st.sampled_from(
            [
                *ENTRY,
                "url",
                "query",
                "request_headers",
                "response_headers",
                "response_body",
                "duration_ms",
                "trace_id",
                "request",
                "response",
                "latencies",
                "started_at",
                "start_time",
            ]
        ),
        JSON_VALUES,
        max_size=12,
    ),
)
def test_no_json_raises(form: str, entry: dict[str, Any]) -> None:
    import json

    for held in (entry, ENTRY | entry):
        exchanges, rejects = decode_api_logs(
            records(json.dumps(held).encode("utf-8", "surrogatepass")),
            form,
            {"time": "/time", "method": "/method", "path": "/url"},
        )
        assert exchanges or rejects


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_a_body_nested_deeper_than_can_be_written_is_refused_and_its_neighbours_are_kept() -> None:
    good = orjson.dumps(ENTRY)
    deep = good[:-1] + b',"response_body":' + nested(400) + b"}"
    exchanges, rejects = decode_api_logs(
        records(good, deep, good + b"\n" + deep, good), "ndjson", {}
    )
    assert [exchange.offset for exchange in exchanges] == [0, 2, 3]
    assert [(reject.offset, reject.reason, reject.whole) for reject in rejects] == [
        (1, "bad_body", True),
        (2, "bad_body", False),
    ]
