"""Records of topics as a capture tells them: judged as the topic itself would be, without any
value, and nothing raised.
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from monitor.capture import Bounds, Capture, watch_confluent, watch_kafka
from monitor.clock import ManualClock
from monitor.contracts.registry import Registry
from monitor.model.records import Partition, Records
from monitor.store import Store
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.capture.served import Collected, capture
from tests.contracts.test_avro import GOOD as AVRO_GOOD
from tests.contracts.test_avro import ORDER as AVRO_ORDER
from tests.contracts.test_avro import framed
from tests.contracts.test_messages import ORDER, held, message, pact
from tests.fixtures.rig import Rig
from tests.fixtures.spans import T0, S, span_id, trace_id
from tests.pipelines.test_api_logs import rows
from tests.pipelines.written import Given

TRACE = [("traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")]


def read(
    store: Store, records: list[bytes], known: Registry, now: float | None = None
) -> list[dict[str, Any]]:
    """The records of a capture through the pipeline of API logs; the exchanges that are stored."""
    at, count = time.time() if now is None else now, len(records)
    place = Partition("ab" * 8, "api_logs", 0)
    batch = Records(
        records,
        [place] * count,
        list(range(count)),
        [int(at * 1e3)] * count,
        [{}] * count,
        [0] * count,
    )
    list(
        api_logs(
            Given(batch),
            store,
            lambda: known,
            ApiLogSettings(),
            ManualClock(datetime.fromtimestamp(at, UTC)),
        )
    )
    return list(rows(store, "exchanges"))


def told(
    *values: Any, headers: Any = (), end: Any = "producer", **changes: Any
) -> tuple[Collected, Capture]:
    """Records through a capture, as a hook does it."""
    collected = Collected()
    kit = capture(collected, **changes)
    for value in values:
        kit.message(end, "orders", value, headers)
    kit.close()
    return collected, kit


def test_captured_records_are_judged_as_the_topics_records_are_and_hold_no_value(
    store: Store,
) -> None:
    bad = ORDER | {"id": "Jane's own"}
    framed_json = b"\x00\x00\x00\x00\x15" + orjson.dumps(ORDER)
    values = [
        orjson.dumps(ORDER),
        orjson.dumps(bad).decode(),
        framed_json,
        b"no JSON",
        b'{"id": NaN}',
        None,
        b"\xff\xfe\x00\x01",
    ]
    collected, kit = told(
        *values,
        headers=[
            *TRACE,
            ("who", b"Jane"),
            ("api-key", b"s3cr3t"),
            ("odd", b"\xff"),
            ("none", None),
        ],
    )
    assert kit.dropped == {}
    assert not any(
        word in record
        for record in collected.records
        for word in (b"Jane", b"s3cr3t", b"no JSON", b"12.5")
    )
    exchanges = read(
        store, collected.records, Registry([held(pact(message()), provider="payment")])
    )
    assert [(row["checked"], row["reason"]) for row in exchanges] == [
        ("valid", ""),
        ("violated", ""),
        ("valid", ""),
        ("violated", ""),
        ("violated", ""),
        ("not_checked", "no_body"),
        ("not_checked", "no_body"),
    ]
    assert {
        (row["caller"], row["caller_version"], row["callee"], row["operation"], row["protocol"])
        for row in exchanges
    } == {("payment", "2.0", "kafka", "orders", "messaging")}
    assert {(row["trace"], row["outcome"]) for row in exchanges} == {(b"\xab" * 16, "")}
    assert [(row["rule"], row["pointer"]) for row in rows(store, "violations")] == [
        ("integer", "/id"),
        ("not_json", ""),
        ("not_json", ""),
    ]


def test_data_of_avro_has_no_shape_and_breaks_nothing_even_where_it_could_be_read_as_text(
    store: Store,
) -> None:
    collected, _ = told(
        framed(AVRO_GOOD), b"\x48" + b"printable as it may be, by chance.....", end="consumer"
    )
    assert [exchange["request_headers"] for exchange in collected.said] == [
        {"__value_schema_id": framed(AVRO_GOOD)[:5].hex()},
        {},
    ]
    assert "request_body" not in collected.said[0]
    document = json.dumps(AVRO_ORDER | {"x-seamwatch": {"topic": "orders"}})
    exchanges = read(store, collected.records, Registry([held(document, "avro")]))
    assert [
        (row["callee"], row["callee_version"], row["outcome"], row["checked"], row["reason"])
        for row in exchanges
    ] == [("payment", "2.0", "ok", "not_checked", "no_body")] * 2


def test_headers_that_tell_messages_apart_are_kept_where_they_hold_no_data_and_else_leave_it_open(
    store: Store,
) -> None:
    by_type = message(
        "paid",
        metadata={"topic": "orders", "contentType": "application/json", "ce_type": "order.paid"},
    )
    by_kind = message(
        "kind", metadata={"topic": "orders", "contentType": "application/json", "kind": "order"}
    )
    collected, _ = told(
        orjson.dumps(ORDER | {"id": "x"}), headers={"ce_type": b"order.paid", "kind": b"order"}
    )
    known = Registry([held(pact(by_type), provider="payment")])
    assert [row["checked"] for row in read(store, collected.records, known)] == ["violated"]
    known = Registry([held(pact(by_kind), provider="payment")])
    row = read(store, collected.records * 2, known)[-1]  # the first one's place is taken
    assert (row["checked"], row["reason"]) == ("not_checked", "ambiguous_message")


def test_who_sent_what_a_consumer_takes_is_told_by_the_span_that_the_record_names(
    rig: Rig,
) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.deliver(
        S("till", "producer", 1, 1, 0, 1, 1.1, version="2.0", attributes=queue),
        S("payment", "consumer", 1, 2, 1, 2, 2.1, version="3.0", attributes=queue),
    )
    collected = Collected()
    kit = capture(collected)
    parent = f"00-{trace_id(1).hex()}-{span_id(1).hex()}-01".encode()
    bad = orjson.dumps(ORDER | {"id": "x"})
    kit.message("consumer", "orders", bad, [("traceparent", parent)], int((T0 + 1.1) * 1000))
    kit.close()
    (row,) = read(rig.store, collected.records, Registry([held(pact(message()))]), T0 + 5)
    assert (row["caller"], row["caller_version"], row["callee"], row["checked"]) == (
        "till",
        "2.0",
        "payment",
        "violated",
    )
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.calls, dict(edge.conformance)["violated"]) == (
        "till",
        "payment",
        1,
        1,
    )


@pytest.mark.parametrize("values", [False, True])
def test_hostile_records_cost_their_bounds_and_raise_nothing(values: bool) -> None:
    class Rude:
        def __len__(self) -> int:
            raise RuntimeError("rude")

        def __str__(self) -> str:
            raise RuntimeError("rude")

    huge = b"x" * 50_000_000
    collected, kit = told(
        huge,
        huge.decode(),
        memoryview(huge),
        "ä" * 40_000,
        b"[" * 60_000,
        {"no": "bytes"},
        values=values,
    )
    assert [exchange.get("request_truncated", False) for exchange in collected.said] == [
        True
    ] * 5 + [False]
    assert max(map(len, collected.records)) < 1_000
    more = [("a" * 300, huge)] + [(f"h{n}", b"v" * 3_000) for n in range(300)]
    collected, kit = told(b"{}", headers=more, values=values)
    assert (len(collected.records[0]) < 250_000, collected.said[0]["headers_whole"]) == (
        True,
        False,
    )
    collected = Collected()
    kit = capture(collected)
    kit.message("producer", Rude(), b"{}", [])  # type: ignore[arg-type] - hostile
    kit.message("producer", "orders", b"{}", [("alone",)])
    kit.message("producer", "orders", b"{}", 7)
    kit.message("producer", "orders", Rude(), None, 2**80)
    kit.message("producer", "orders", b'"\xed\xa0\x80"', None, "soon")
    kit.close()
    assert kit.dropped == {"unreadable": 3}
    assert collected.said[-1]["seamwatch_capture"]["dropped"] == {"unreadable": 3}
    with pytest.raises(TypeError, match="watch_kafka takes a KafkaProducer"):
        watch_kafka(object(), kit)
    with pytest.raises(TypeError, match="watch_confluent takes a Producer"):
        watch_confluent(object(), kit)


def test_a_trace_is_captured_at_both_ends_or_at_none_and_a_topic_may_be_skipped() -> None:
    collected = Collected()
    kit = capture(
        collected,
        share=0.5,
        skip=("audit",),
        bounds=Bounds(queue_records=10_000, cpu_share=1, closing_seconds=60),
    )
    for number in range(1_000):
        parent = f"00-{number * 2**100 + number * 2**46:032x}-{1:016x}-01"
        for end, headers in (
            ("producer", [("traceparent", parent.encode())]),
            ("consumer", {"traceparent": parent}),
        ):
            kit.message(end, "orders", b"{}", headers)  # type: ignore[arg-type] - both are ends
            kit.message(end, "audit.log", b"{}", headers)  # type: ignore[arg-type] - as above
    kit.close()
    by_end = [
        {
            exchange["request_headers"]["traceparent"]
            for exchange in collected.said
            if exchange["side"] == end
        }
        for end in ("producer", "consumer")
    ]
    assert by_end[0] == by_end[1]
    assert 0 < len(by_end[0]) < 1_000
    assert {exchange["topic"] for exchange in collected.said} == {"orders"}
