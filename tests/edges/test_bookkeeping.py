"""Event time moves on as it should, whatever clocks say."""

from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.edges.bookkeeping import Watermarks, arrival_rows, ledger_rows, reject_rows
from monitor.model.records import Records, reject
from tests.fixtures.spans import T0, records

NOW = datetime.fromtimestamp(T0 + 100, UTC)


def reached(marks: Watermarks, batch: Records, ends: list[float], now: datetime = NOW) -> float | None:
    table = marks.update(batch, np.zeros(len(ends), np.int32), np.array([int(end * 1e9) for end in ends], np.uint64), now)
    times = table.column("watermark").to_pylist()
    return times[0].timestamp() if times else None


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
    assert reached(marks, Records([], [], [], [], [], [], dict.fromkeys(other.drained, True)), []) is None


def test_the_ledger_has_a_row_a_record_with_its_gap() -> None:
    batch = Records([b"a", b"b"], records([b"a", b"b"]).partitions, [7, 9], [0, 0], [{}, {}], [7, 1], {})
    table = ledger_rows(batch, spans=np.array([3, 4]), halves=np.array([2, 4]), filtered=np.array([1, 0]))
    assert table.select(["offset", "gap", "spans", "halves", "filtered", "rejected"]).to_pylist() == [
        {"offset": 7, "gap": 7, "spans": 3, "halves": 2, "filtered": 1, "rejected": 0},
        {"offset": 9, "gap": 1, "spans": 4, "halves": 4, "filtered": 0, "rejected": 0},
    ]


def test_arrivals_and_rejects_have_the_columns_of_their_tables() -> None:
    assert arrival_rows("s", np.array([10], np.uint32), np.array([3])).to_pylist() == [
        {"window": 10, "source_id": "s", "rows": 3}
    ]
    (row,) = reject_rows([reject(records([b"payload"]), 0, "why")]).to_pylist()
    assert (row["reason"], row["payload_bytes"], row["whole"]) == ("why", 7, 1)


def test_the_store_is_told_once_a_second_and_at_every_heartbeat() -> None:
    marks = Watermarks()
    batch, heartbeat = records([b"x"]), Records([], [], [], [], [], [], {})
    assert marks.due(batch, NOW)
    assert not marks.due(batch, NOW + timedelta(seconds=0.5))
    assert marks.due(heartbeat, NOW + timedelta(seconds=0.6))
    assert marks.due(batch, NOW + timedelta(seconds=1.7))
