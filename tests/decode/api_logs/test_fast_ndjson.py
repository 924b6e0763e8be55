"""What the native reader of our plain form reads, the reference reads alike; what it leaves, the
reference reads alone.
"""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decode.api_logs.decode import ApiLogReading
from monitor.model.exchanges import Exchange
from monitor.model.records import Partition, Records, Reject
from monitor.native import BUILT
from tests.decode.api_logs.test_ndjson_reader import ENTRIES, NOW_MS

pytestmark = pytest.mark.skipif(BUILT is None, reason="no native readers are built here")
PLACE = Partition("ab" * 8, "logs", 3)
USUAL = {
    "time": NOW_MS, "method": "GET", "path": "/orders/7", "query": "", "status": 200, "duration_ms": 1.2345675,
    "request_headers": {"Accept": "application/json", "Authorization": "Bearer x", "Cookie": "s=1; t=x"},
    "response_headers": {"content-type": "application/json", "content-length": "5"}, "response_body": '{"a":"é\\n\\u0041\\\\","b":[1,2.5]}', "request_body": None,
    "caller": "web-1", "caller_version": "1.2.3", "callee": "orders", "environment": "production", "trace_id": "0123456789abcdefABCDEF0123456789", "span_id": "ab" * 8,
    "extra": {"a": [1, {"b": None}]},
}  # fmt: skip


def records(values: list[bytes]) -> Records:
    size = len(values)
    return Records(
        values, [PLACE] * size, list(range(size)), [NOW_MS] * size, [{}] * size, [0] * size
    )


def said(values: list[bytes], *, fast: bool) -> tuple[list[Exchange], list[Reject], list[int]]:
    reading = ApiLogReading(records(values), "auto")
    assert reading._recogniser is not None
    if not fast:
        reading._recogniser.fast = None
    return list(reading), reading.rejects, reading.passed


def taken(values: list[bytes]) -> int:
    """How many of these records the native reader takes, having met them before."""
    reading = ApiLogReading(records(values), "auto")
    list(reading)
    fast = reading._recogniser and reading._recogniser.fast
    assert fast
    return sum(fast.read(value, "ab" * 8, 3, 0, NOW_MS) is not None for value in values)


def told(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@settings(deadline=None)
@given(
    st.lists(ENTRIES, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(sorted(USUAL)), ENTRIES), max_size=4),
)
def test_any_entries_are_read_as_the_reference_reads_them(
    entries: list[dict[str, Any]], changes: list[tuple[str, Any]]
) -> None:
    held = [*entries, *entries, USUAL, USUAL]
    held += [{**USUAL, name: other.get(name)} for name, other in changes]
    values = [told(entry) for entry in held]
    assert said(values, fast=True) == said(values, fast=False)


CHANGES = [
    *(("time", moment) for moment in ("2026-11-29T03:00:00Z", "2026-11-29T03:00:00.5Z", "2026-11-29T03:00:00.123456789Z", "2026-02-29T00:00:00Z")),
    *(("time", moment) for moment in (NOW_MS - 0.5, NOW_MS + 3_600_000, NOW_MS + 3_600_001, 946_684_800_000, 946_684_799_999, "2026-11-29T03:00:00+01:00")),
    *(("path", path) for path in ("/é", "/a\\b", "/" + "é" * 1_500, "/" + "x" * 2_047, "/" + "x" * 2_048, "a", "/a://b", "//", "/%20")),
    *(("query", query) for query in ("??a=1", 'a="é"', "?", {"a": 1})), *(("duration_ms", value) for value in (0, 1e-7, 0.0000005, 2_592_000_000, 2_592_000_001, -0.0)),
    *(("trace_id", value) for value in (None, "0" * 32, "ab" * 15, "xy" * 16, " " * 32)), *(("span_id", value) for value in (None, "0" * 16, "", "AB" * 8)),
    *(("request_headers", value) for value in (None, {}, {"A": "1", "a": "2"}, {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}, {"Content-Type": "Application/gRPC+proto"}, {"": "a"}, {"é": "é\u20ac"}, {"a": 1}, {"a": "x" * 3_000}, {str(value): "" for value in range(101)})),
    *(("response_body", value) for value in ("", '"', "\ud800", {"a": 1}, 5, "x" * 100_000, "\U0001f600")), *(("callee", value) for value in ("", "-", None, 5, "\u00e9")), *(("status", value) for value in (True, "200", 200.0, None, 1000)),
    *(("method", value) for value in ("get", "", None)), *(("extra", value) for value in ("\\", 10**30, 1e5, [[[[]]]], {"a": {"a": 1}})), ("side", "client"), ("headers_whole", False), ("redacted", True),
]  # fmt: skip


def test_each_field_alone_is_read_as_the_reference_reads_it() -> None:
    values = [told(USUAL)] + [told(USUAL | {name: value}) for name, value in CHANGES]
    untraced = {
        name: value for name, value in USUAL.items() if name not in ("trace_id", "span_id")
    }
    values += [
        told(untraced),
        told(untraced),
        told(untraced | {"request_headers": {}}),
        told(
            untraced
            | {"request_headers": {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}}
        ),
    ]
    assert said(values * 2, fast=True) == said(values * 2, fast=False)
    assert taken([told(USUAL)] * 3 + [told(untraced)]) == 4
    assert taken(values) > len(values) // 3


def test_broken_and_strange_records_are_read_as_the_reference_reads_them() -> None:
    chance, whole = random.Random(5), told(USUAL)
    values = [
        whole,
        b"",
        b"{",
        b"{}",
        b"\xef\xbb\xbf" + whole,
        whole + b" ",
        whole + b"x",
        whole[:-1] + b',"path":"/b"}',
        b"[" + whole + b"]",
        b"\xff" + whole,
    ]
    for _ in range(1_500):
        text = bytearray(whole)
        at = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                text[at] = chance.choice(b'aZ09-_/@:"{}[],. \\u\n\x00\xff')
            case 1:
                del text[at : at + chance.randrange(1, 9)]
            case 2:
                text[at:at] = text[at : at + chance.randrange(1, 30)]
            case _:
                text[at:at] = chance.choice(
                    [b"\\u00e9", b"\\ud800", b"\\u0000", b"1e5", b"null", b" ", b"\t"]
                )
        values.append(bytes(text))
    mine, theirs = said(values, fast=True), said(values, fast=False)
    for ours, reference in zip(mine, theirs, strict=True):
        assert ours == reference
    assert taken(values) > 300


def test_a_call_of_grpc_is_one_however_many_like_it_came_before() -> None:
    value = told(USUAL | {"request_headers": {"content-type": "application/grpc"}})
    assert {exchange.protocol for exchange in said([value] * 4, fast=True)[0]} == {"grpc"}
