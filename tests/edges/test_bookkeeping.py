"""Event time moves on as it should, whatever clocks say."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from monitor.edges.bookkeeping import Watermarks, arrival_rows, ledger_rows, reject_rows
from monitor.model.records import Partition, Records, reject
from tests.fixtures.spans import T0, records

NOW = datetime.fromtimestamp(T0 + 100, UTC)


def reached(
    marks: Watermarks, batch: Records, ends: list[float], now: datetime = NOW
) -> float | None:
    table = marks.update(
        batch,
        np.zeros(len(ends), np.int32),
        np.array([int(end * 1e9) for end in ends], np.uint64),
        now,
    )
    times = table.column("watermark").to_pylist()
    return times[0].timestamp() if times else None


def types(table: pa.Table) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in table.schema}


def test_one_clock_from_the_future_moves_nothing() -> None:
    ends = [T0 + n / 100 for n in range(100)]
    assert reached(Watermarks(), records([b"x"]), [*ends, T0 + 3000.0]) == T0 + 0.95


def test_event_time_is_capped_by_the_records_own_time() -> None:
    assert reached(Watermarks(), records([b"x"], at=T0 + 2), [T0 + 50.0, T0 + 50.0]) == T0 + 2


def test_it_never_goes_back() -> None:
    marks = Watermarks()
    reached(marks, records([b"x"]), [T0 + 50.0])
    assert reached(marks, records([b"x"]), [T0 + 10.0]) == T0 + 50


def test_a_drained_partition_moves_on_with_the_wall_and_a_lagging_one_does_not() -> None:
    marks = Watermarks()
    batch = records([b"x"])
    reached(marks, batch, [T0 + 50.0])
    place = batch.partitions[0]
    later = NOW + timedelta(seconds=30)
    idle = Records([], [], [], [], [], [], {place: True})
    assert reached(marks, idle, [], later) == T0 + 80
    behind = Records([], [], [], [], [], [], {place: False})
    assert reached(marks, behind, [], later) == T0 + 50


def test_a_partition_that_was_taken_away_is_no_longer_spoken_of() -> None:
    marks = Watermarks()
    reached(marks, records([b"x"], partition=1), [T0 + 50.0])
    other = records([], partition=2)
    assert (
        reached(marks, Records([], [], [], [], [], [], dict.fromkeys(other.drained, True)), [])
        is None
    )


def test_the_ledger_has_a_row_a_record_with_its_gap_and_its_counts() -> None:
    first, second = Partition("s1", "spans", 3), Partition("s2", "logs", 0)
    batch = Records([b"a", b"b"], [first, second], [7, 9], [0, 0], [{}, {}], [7, 1], {})
    table = ledger_rows(
        batch,
        spans=np.array([3, 4]),
        halves=np.array([2, 4]),
        filtered=np.array([1, 0]),
        rejected=np.array([0, 5]),
        exchanges=np.array([6, 0]),
        reading=11,
    )
    assert table.to_pylist() == [
        {
            "source_id": "s1",
            "topic": "spans",
            "partition": 3,
            "offset": 7,
            "gap": 7,
            "spans": 3,
            "halves": 2,
            "filtered": 1,
        }
        | {"rejected": 0, "exchanges": 6, "reading": 11},
        {
            "source_id": "s2",
            "topic": "logs",
            "partition": 0,
            "offset": 9,
            "gap": 1,
            "spans": 4,
            "halves": 4,
            "filtered": 0,
        }
        | {"rejected": 5, "exchanges": 0, "reading": 11},
    ]


@pytest.mark.parametrize("payloads", [[], [b"a"]])
def test_the_ledgers_columns_have_the_types_of_the_table_whether_it_counts_anything_or_not(
    payloads: list[bytes],
) -> None:
    words = pa.dictionary(pa.int8(), pa.string())
    places = {
        "source_id": words,
        "topic": words,
        "partition": pa.uint32(),
        "offset": pa.uint64(),
        "gap": pa.uint64(),
    }
    counts = dict.fromkeys(["spans", "halves", "filtered", "rejected", "exchanges"], pa.uint32())
    table = ledger_rows(records(payloads))
    assert types(table) == places | counts | {"reading": pa.uint64()}
    assert len(table) == len(payloads)


def test_arrivals_count_the_rows_of_each_window() -> None:
    table = arrival_rows("s", np.array([10, 20], np.uint32), np.array([3, 1]))
    assert table.to_pylist() == [
        {"window": 10, "source_id": "s", "rows": 3},
        {"window": 20, "source_id": "s", "rows": 1},
    ]
    assert table.schema.field("rows").type == pa.uint64()


def test_a_reject_tells_where_and_why_and_its_payload_by_hash_and_length_only() -> None:
    entry = reject(records([b"payload"], partition=2), 0, "why", "more words", 4, whole=False)
    table = reject_rows([entry], 11)
    assert table.to_pylist() == [
        {
            "source_id": entry.source_id,
            "topic": entry.topic,
            "partition": 2,
            "offset": entry.offset,
            "reason": "why",
        }
        | {
            "detail": "more words",
            "payload_hash": hashlib.blake2b(b"payload", digest_size=8).hexdigest(),
            "payload_bytes": 7,
        }
        | {"count": 4, "whole": 0, "reading": 11},
    ]
    text, count = pa.string(), pa.uint32()
    assert types(reject_rows([])) == types(table) == {
        "source_id": text, "topic": text, "partition": count, "offset": pa.uint64(), "reason": text, "detail": text,
        "payload_hash": text, "payload_bytes": pa.uint64(), "count": count, "whole": pa.uint8(), "reading": pa.uint64(),
    }  # fmt: skip


def test_a_watermark_tells_its_partition_and_who_spoke_when() -> None:
    batch = records([b"x"], partition=4)
    place = batch.partitions[0]
    table = Watermarks().update(
        batch, np.zeros(1, np.int32), np.array([(T0 + 50) * 10**9], np.uint64), NOW
    )
    told = {"source_id": place.source_id, "topic": place.topic, "partition": 4, "seen_at": NOW}
    assert table.to_pylist() == [
        told | {"watermark": datetime.fromtimestamp(T0 + 50, UTC), "drained": 1}
    ]
    moment = pa.timestamp("ms", "UTC")
    heartbeat = Records([], [], [], [], [], [], {})
    nothing = Watermarks().update(heartbeat, np.zeros(0, np.int32), np.zeros(0, np.uint64), NOW)
    assert types(nothing) == types(table) == {
        "source_id": pa.string(), "topic": pa.string(), "partition": pa.uint32(), "watermark": moment, "drained": pa.uint8(),
        "seen_at": moment,
    }  # fmt: skip


def test_a_partition_that_lags_is_not_said_to_be_drained() -> None:
    batch = records([b"x"])
    table = Watermarks().update(
        replace(batch, drained={batch.partitions[0]: False}),
        np.zeros(1, np.int32),
        np.array([T0 * 10**9], np.uint64),
        NOW,
    )
    assert table.column("drained").to_pylist() == [0]


def test_the_newest_event_time_is_that_of_the_partition_farthest_ahead() -> None:
    marks = Watermarks()
    assert marks.newest() is None
    both = {place: False for n in (1, 2) for place in records([b"x"], partition=n).partitions}
    reached(marks, replace(records([b"x"], partition=1), drained=both), [T0 + 50.0])
    reached(marks, replace(records([b"x"], partition=2), drained=both), [T0 + 20.0])
    assert marks.newest() == T0 + 50


def test_a_partition_taken_away_and_given_back_begins_with_what_it_brings() -> None:
    marks = Watermarks()
    first, second = records([b"x"], partition=1), records([b"x"], partition=2)
    reached(marks, first, [T0 + 50.0])
    reached(marks, Records([], [], [], [], [], [], {second.partitions[0]: True}), [])
    assert marks.newest() is None
    assert reached(marks, first, [T0 + 10.0]) == T0 + 10


def test_a_batch_that_does_not_say_what_is_assigned_takes_nothing_away() -> None:
    marks = Watermarks()
    reached(marks, records([b"x"], partition=1), [T0 + 50.0])
    unsaid = replace(records([b"x"], partition=2), drained={})
    reached(marks, unsaid, [T0 + 20.0])
    assert marks.newest() == T0 + 50


def test_the_store_is_told_once_a_second_and_less_often_where_nothing_comes() -> None:
    marks = Watermarks()
    batch, heartbeat = records([b"x"]), Records([], [], [], [], [], [], {})
    assert marks.due(batch, NOW)
    assert not marks.due(batch, NOW + timedelta(seconds=0.5))
    assert marks.due(batch, NOW + timedelta(seconds=1.0))
    assert not marks.due(heartbeat, NOW + timedelta(seconds=3.9))
    assert marks.due(heartbeat, NOW + timedelta(seconds=4.0))


def test_the_store_is_told_when_the_clock_goes_back() -> None:
    marks = Watermarks()
    assert marks.due(records([b"x"]), NOW)
    assert marks.due(records([b"x"]), NOW - timedelta(seconds=1))
