"""Records of applications' topics, to stored verdicts: who sent them, by trace or by settings, and
the edges that bear what was found.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from monitor.clock import ManualClock
from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties, read_messages
from monitor.joining.coverage import coverage
from monitor.model.records import Partition, Records
from monitor.store import Store
from monitor.store.reader import Reader
from pipelines.messages import MessageSettings, messages
from tests.contracts.test_messages import ORDER, held, message, pact
from tests.fixtures.rig import Rig
from tests.fixtures.spans import T0, S, span_id, trace_id
from tests.pipelines.test_api_logs import rows
from tests.pipelines.written import Given

KNOWN = Registry([held(pact(message()))])
PLACE = Partition("cd" * 8, "orders", 0)
QUEUE = {"messaging.system": "kafka", "messaging.destination.name": "orders"}


def traced(trace: int, span: int = 1) -> dict[str, bytes]:
    return {"traceparent": f"00-{trace_id(trace).hex()}-{span_id(span).hex()}-01".encode()}


def batch(
    *values: Any,
    headers: Mapping[str, bytes] | None = None,
    place: Partition = PLACE,
    first: int = 0,
    at: float = 1.0,
) -> Records:
    payloads = [value if isinstance(value, bytes) else orjson.dumps(value) for value in values]
    size = len(payloads)
    offsets = list(range(first, first + size))
    return Records(
        payloads,
        [place] * size,
        offsets,
        [int((T0 + at) * 1000)] * size,
        [headers or {}] * size,
        [0] * size,
    )


def run(
    store: Store,
    *batches: Records,
    settings: MessageSettings | None = None,
    known: Registry = KNOWN,
) -> None:
    clock = ManualClock(datetime.fromtimestamp(T0 + 3600, UTC))
    list(messages(Given(*batches), store, lambda: known, settings or MessageSettings(), clock))


SET = MessageSettings(Parties({"orders": "till", "pay*": "pay"}, {"^ord.*": "mail"}, "prod"))


def test_who_writes_and_reads_comes_from_settings_where_no_trace_tells_it(store: Store) -> None:
    other = Partition("ef" * 8, "payments", 3)
    run(store, batch(ORDER, {"id": "x", "total": 1}, b""), batch(ORDER, place=other), settings=SET)
    exchanges = [
        (
            row["caller"],
            row["callee"],
            row["operation"],
            row["protocol"],
            row["environment"],
            row["checked"],
            row["reason"],
        )
        for row in rows(store, "exchanges")
    ]
    assert sorted(exchanges) == [
        ("pay", "kafka", "payments", "messaging", "production", "not_checked", "no_contract"),
        ("till", "mail", "orders", "messaging", "production", "not_checked", "no_body"),
        ("till", "mail", "orders", "messaging", "production", "valid", ""),
        ("till", "mail", "orders", "messaging", "production", "violated", ""),
    ]
    assert [
        (row["side"], row["rule"], row["pointer"], row["caller"])
        for row in rows(store, "violations")
    ] == [("request", "integer", "/id", "till")]
    assert [
        (row["topic"], row["exchanges"], row["rejected"]) for row in rows(store, "ledger")
    ] == [("orders", 1, 0)] * 3 + [("payments", 1, 0)]


def test_what_nobody_tells_is_unknown_and_said_so(store: Store) -> None:
    run(store, batch(ORDER), batch(ORDER, place=Partition("ef" * 8, "else", 0)))
    assert [
        (row["caller"], row["callee"], row["checked"], row["reason"])
        for row in rows(store, "exchanges")
    ] == [
        ("", "kafka", "valid", ""),
        ("", "kafka", "not_checked", "unknown_producer"),
    ]


def test_the_producer_and_its_version_are_those_of_the_span_that_the_headers_name(
    rig: Rig,
) -> None:
    rig.deliver(S("till", "producer", 1, 1, 0, 1, 1.1, version="2.0", attributes=QUEUE))
    run(
        rig.store,
        batch({"id": "x"}, headers=traced(1)),
        batch(ORDER, headers=traced(2), first=1),
        settings=SET,
    )
    exchanges = [
        (row["caller"], row["caller_version"], row["has_trace"], row["checked"])
        for row in rows(rig.store, "exchanges")
    ]
    assert exchanges == [("till", "2.0", 1, "violated"), ("till", "", 1, "valid")]


def test_an_edge_bears_what_its_messages_broke_however_many_read_them(rig: Rig) -> None:
    rig.deliver(
        S("till", "producer", 1, 1, 0, 1, 1.1, version="2.0", attributes=QUEUE),
        S("mail", "consumer", 1, 2, 1, 2, 2.1, version="3.0", attributes=QUEUE),
        S("stats", "consumer", 1, 3, 1, 55, 55.1, attributes=QUEUE),
        S("till", "producer", 2, 1, 0, 1, 1.1, version="2.0", attributes=QUEUE),
    )
    run(rig.store, batch({"id": "x"}, headers=traced(1)), batch(ORDER, headers=traced(2), first=1))
    rig.close()
    edges = {
        (row.caller, row.callee, row.operation): (row.calls, dict(row.conformance))
        for row in rig.edges()
    }
    assert {
        key: (calls, {word: count for word, count in told.items() if count})
        for key, (calls, told) in edges.items()
    } == {
        ("till", "mail", "orders"): (1, {"violated": 1}),
        ("till", "stats", "orders"): (1, {"violated": 1}),
        ("till", "kafka", "orders"): (1, {"valid": 1}),
    }


def test_spans_that_come_after_their_records_still_name_the_sender_of_what_is_broken(
    rig: Rig,
) -> None:
    run(rig.store, batch({"id": "x", "total": 1}, headers=traced(1)))
    assert [row["caller"] for row in rows(rig.store, "violations")] == [""]
    rig.deliver(S("till", "producer", 1, 1, 0, 1, 1.1, version="2.0", attributes=QUEUE))
    rig.close()
    assert [
        (row["caller"], row["caller_version"], row["callee"])
        for row in rows(rig.store, "violations")
    ] == [("till", "2.0", "kafka")]
    assert [
        (row.caller, row.callee, row.calls, row.conformance["violated"]) for row in rig.edges()
    ] == [("till", "kafka", 1, 1)]


def test_records_without_spans_make_an_edge_of_their_own_each_counted(rig: Rig) -> None:
    run(rig.store, batch(ORDER, ORDER, {"id": 1}, headers=traced(1)), settings=SET)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.protocol, edge.operation, edge.calls, edge.failed) == (
        "till",
        "mail",
        "messaging",
        "orders",
        3,
        0,
    )
    assert (edge.conformance["valid"], edge.conformance["violated"]) == (2, 1)


def test_a_redelivery_changes_nothing_and_no_value_is_stored(store: Store) -> None:
    canary = "zebra7f3a91"
    given = batch(
        {"id": canary, canary: canary}, canary.encode(), headers={"x-note": canary.encode()}
    )
    run(store, given, given, settings=SET)
    assert len(rows(store, "exchanges")) == 2
    assert rows(store, "violations")
    for table in ("exchanges", "violations", "arrivals", "ledger", "watermarks", "rejects"):
        assert canary not in repr(rows(store, table))


def test_which_messages_were_shown_by_whom_is_kept_as_for_calls(store: Store) -> None:
    run(store, batch(ORDER, {"id": "x"}), settings=SET)
    at = datetime.fromtimestamp(T0, UTC)
    shown = Reader(store).interactions("a", at - timedelta(days=1), at + timedelta(days=1))
    (row,) = coverage(
        KNOWN.find_messages("orders", "till", "production", "", T0 * 10**9)[0].promise, shown
    )  # type: ignore[arg-type]
    assert (row.interaction, row.kept, row.broken, row.proof) == ("an order", 1, 1, "broken")


def test_records_of_a_file_tell_their_topic_headers_and_time_as_kcat_writes_them(
    store: Store,
) -> None:
    at = (T0 + 5) * 1000
    lines = [
        {"topic": "orders", "partition": 0, "offset": 5, "ts": at, "headers": ["traceparent", traced(3)["traceparent"].decode()], "payload": json.dumps(ORDER)},
        {"topic": "orders", "ts": at, "value": {"id": "x"}, "headers": {"Content-Type": "application/json"}},
        {"topic": "orders", "timestamp": "2026-09-21T12:00:00+00:00", "value_base64": "eyJpZCI6IDcsICJ0b3RhbCI6IDF9", "headers": [["a", "b"], {"key": "c", "value": "d"}]},
        {"topic": "orders", "ts": at, "payload": None},
        {"payload": "x"}, b"no json", {"topic": "orders", "ts": 5}, {"topic": "orders", "value_base64": "!"}, [1],
    ]  # fmt: skip
    run(store, batch(*lines, at=3600.0), settings=MessageSettings(recorded=True))
    assert [
        (row["offset"], row["checked"], row["reason"], row["has_trace"])
        for row in rows(store, "exchanges")
    ] == [
        (2, "valid", "", 0),
        (0, "valid", "", 1),
        (1, "violated", "", 0),
        (3, "not_checked", "no_body", 0),
    ]
    assert [(row["offset"], row["reason"]) for row in rows(store, "rejects")] == [
        (4, "no_topic"),
        (5, "not_json"),
        (6, "absurd_time"),
        (7, "bad_base64"),
        (8, "no_topic"),
    ]


def test_bytes_that_are_no_utf8_are_read_as_kcat_writes_them() -> None:
    """It escapes what JSON must, and no more: https://github.com/edenhill/kcat, json.c"""
    at = b'{"topic": "orders", "ts": %d, ' % ((T0 + 5) * 1000)
    lines = [
        at + b'"headers": ["__value_schema_id", "\\u0000\xff", "who", "J\xc3\xbcrgen"], '
        b'"payload": "\\u0000\xc3\xbc\xff\\n\x80"}',
        at + b'"payload": "J\xc3\xbcrgen"}',
        at + b'"payload": "\xff\\u20ac"}',  # no byte is that sign
        at + b'"payload": "\xff',
    ]
    told = read_messages(batch(*lines, at=3600.0), Parties(), recorded=True)
    assert [(it.request_body, dict(it.request_headers)) for it in told.exchanges] == [
        (b"\x00\xc3\xbc\xff\n\x80", {"__value_schema_id": "00ff", "who": "J\u00fcrgen"}),
        ("J\u00fcrgen".encode(), {}),
    ]
    assert [(it.offset, it.reason) for it in told.rejects] == [(2, "not_json"), (3, "not_json")]


def test_zipkins_headers_tell_the_trace_where_w3cs_does_not() -> None:
    """https://github.com/openzipkin/b3-propagation"""
    long, short, span = "80f198ee56343ba864fe8b2a57d3eff7", "64fe8b2a57d3eff7", "e457b5a2e4d86bd1"
    for headers, trace in (
        ({"b3": f"{long}-{span}-1-05e3ac9a4f6e3b90"}, long),
        ({"b3": f"{short}-{span}"}, short.rjust(32, "0")),
        ({"X-B3-TraceId": long, "X-B3-SpanId": span, "X-B3-Sampled": "1"}, long),
        ({"traceparent": f"00-{'ab' * 16}-{span}-01", "b3": f"{long}-{span}-1"}, "ab" * 16),
        ({"b3": "0"}, ""),
        ({"X-B3-TraceId": long}, ""),
    ):
        (exchange,) = read_messages(
            batch(ORDER, headers={name: text.encode() for name, text in headers.items()}),
            Parties(),
        ).exchanges
        assert (exchange.trace_id.hex(), exchange.span_id.hex()) == (
            trace,
            span if trace else "",
        ), headers
