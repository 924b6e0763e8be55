"""Batches whose small rows are written together: offsets come only once all of their rows are
there.
"""

from collections.abc import Iterator

import pytest

from monitor.errors import RejectLimit
from monitor.model.records import Offsets, Records
from monitor.streams.limit import RejectLimits
from monitor.streams.listed import ListSource
from pipelines.traces import TraceSettings, traces
from tests.fixtures.rig import Rig, call


class WithBreaks(ListSource):
    """A source that has a batch without records after every second one."""

    def poll(self) -> Iterator[Records]:
        for number, records in enumerate(super().poll(), 1):
            yield records
            if number % 2 == 0:
                yield Records((), (), (), (), (), (), records.drained)


def _produce(rig: Rig, count: int) -> None:
    for number in range(1, count + 1):
        rig.produce(*call(number))


def _told(rig: Rig) -> int:
    return sum(row["records"] for row in rig.reader.ledger())


def _committed(offsets: Offsets) -> int:
    return sum(offsets.values())


def test_offsets_of_several_batches_come_once_their_rows_are_there(rig: Rig) -> None:
    _produce(rig, 7)
    source = ListSource(rig.log, batch_records=1)
    seen = []
    for progress in traces(source, rig.store, TraceSettings(together=3), rig.clock):
        assert isinstance(progress, dict)
        seen.append((_committed(progress), _told(rig)))
    assert seen == [(1, 3), (2, 3), (3, 3), (4, 6), (5, 6), (6, 6), (7, 7)]
    rig.close()
    assert rig.calls() == {("web", "cart"): 7}


def test_a_batch_without_records_ends_the_waiting(rig: Rig) -> None:
    _produce(rig, 4)
    source = WithBreaks(rig.log, batch_records=1)
    seen = [
        (_committed(progress), _told(rig))
        for progress in traces(source, rig.store, TraceSettings(together=100), rig.clock)
        if isinstance(progress, dict) and progress
    ]
    assert seen == [(1, 2), (2, 2), (3, 4), (4, 4)]


def test_what_was_read_before_too_many_bad_records_stands(rig: Rig) -> None:
    _produce(rig, 2)
    for _ in range(3):
        rig.log.append(b"\xff\xff", timestamp_ms=int(rig.clock().timestamp() * 1000))
    limits = RejectLimits(max_run=2)
    source, committed = ListSource(rig.log, batch_records=1), []
    with pytest.raises(RejectLimit):
        committed.extend(
            traces(source, rig.store, TraceSettings(limits=limits, together=100), rig.clock)
        )
    assert _told(rig) == 5
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}


def test_a_crash_while_rows_wait_costs_nothing_but_reading_again(rig: Rig) -> None:
    _produce(rig, 5)
    pipeline = traces(
        ListSource(rig.log, batch_records=1), rig.store, TraceSettings(together=2), rig.clock
    )
    next(pipeline)  # the second of two batches is written, and not committed
    pipeline.close()  # type: ignore[attr-defined]  # a generator
    rig.collect()
    rig.close()
    assert rig.calls() == {("web", "cart"): 5}
    assert _told(rig) == 5
