"""A model of delivery: deliver, duplicate, reorder, crash, rebalance, come late, close, read; the
edges always equal the model.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.joining.behind import Behind
from monitor.model.records import Offsets
from monitor.store import Store
from monitor.streams.listed import ListSource
from pipelines.traces import TraceSettings, traces
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S, request

EMPTIED = (
    "halves",
    "message_ends",
    "arrivals",
    "ledger",
    "watermarks",
    "edge_windows",
    "windows",
    "sightings",
    "joints",
    "addresses",
    "evidence",
)


class Crashed(Exception):
    """The process is gone."""


class FailingStore:
    """A store that dies at the nth insert: before it (the rows are lost) or after it (they are
    kept).
    """

    def __init__(self, store: Store, inserts: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, inserts, after
        self.recent, self.news = store.recent, store.news

    def insert(self, table: str, rows: object) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crashed
        self._store.insert(table, rows)  # type: ignore[arg-type]  # passed on as it is
        if self._left == 0:
            raise Crashed


class Deliveries(RuleBasedStateMachine):
    """Halves of calls come in any order, any number of times, through collectors that crash and
    swap partitions.
    """

    store: Store

    def __init__(self) -> None:
        super().__init__()
        for table in EMPTIED:
            self.store.command(f"TRUNCATE TABLE {table}")
        self.rig = Rig(self.store)
        self.rig.settings = replace(self.rig.settings, batch_rows=6)
        self.a_new_closer()
        self.calls = Counter[int]()  # window -> calls that were collected whole
        self.halves: dict[tuple[int, int], S] = {}
        self.produced = 0
        self.number = 0

    @rule(minutes=st.integers(0, 3), partition=st.integers(0, 1), together=st.booleans())
    def produce_a_call(self, minutes: int, partition: int, together: bool) -> None:
        self.number += 1
        start = minutes * 60.0 + self.number % 9
        client, server = call(self.number, start=start, end=start + 0.5)
        self.halves[self.number, 1], self.halves[self.number, 2] = client, server
        batches = [(client, server)] if together else [(server,), (client,)]
        for spans in batches:
            self._append(partition, *spans)
            partition = 1 - partition
        self.calls[int((start + 0.5) // 10)] += 1

    @precondition(lambda self: self.halves)
    @rule(data=st.data(), partition=st.integers(0, 1))
    def produce_a_half_again(self, data: st.DataObject, partition: int) -> None:
        self._append(partition, self.halves[data.draw(st.sampled_from(sorted(self.halves)))])

    @rule(inserts=st.integers(1, 8), after=st.booleans(), together=st.integers(1, 3))
    def collect_and_crash(self, inserts: int, after: bool, together: int) -> None:
        store = FailingStore(self.store, inserts, after=after)
        source = ListSource(self.rig.log, batch_records=3)
        with contextlib.suppress(Crashed):
            for offsets in self._pipeline(source, store, together):
                source.commit(offsets)

    @rule()
    def collect_one_batch_and_lose_the_partitions(self) -> None:
        """A rebalance: what was written is not committed, and the next member reads it again."""
        source = ListSource(self.rig.log, batch_records=2)
        next(self._pipeline(source, self.store), None)

    @rule(finish=st.booleans())
    def close(self, finish: bool) -> None:
        self.rig.close(finish=finish)

    @rule()
    def a_new_closer(self) -> None:
        self.rig.closer = self.rig.new_closer()
        self.behind = Behind(self.store, self.rig.closer, most_rows=40)

    @rule()
    def close_what_is_left_behind(self) -> None:
        self.behind.close(self.behind.left())

    @rule(together=st.integers(1, 3))
    def catch_up_and_read(self, together: int) -> None:
        source = ListSource(self.rig.log, batch_records=3)
        for offsets in self._pipeline(source, self.store, together):
            source.commit(offsets)
        self.rig.close()
        edges = self.rig.edges()
        assert sum(edge.calls for edge in edges) == self.calls.total()
        assert sum(edge.coverage["both"] for edge in edges) == self.calls.total()
        rows = self.rig.reader.ledger()
        assert sum(row["records"] for row in rows) == self.produced
        assert all(row["records"] == row["last_offset"] + 1 for row in rows)

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        assert sum(edge.calls for edge in self.rig.edges()) <= 2 * self.calls.total()

    def _append(self, partition: int, *spans: S) -> None:
        self.produced += 1
        self.rig.log.append(
            request(spans), partition, timestamp_ms=int(self.rig.clock().timestamp() * 1000)
        )

    def _pipeline(self, source: ListSource, store: object, together: int = 1) -> Iterator[Offsets]:
        return traces(source, store, TraceSettings(together=together), self.rig.clock)  # type: ignore[arg-type]  # a store that may die


@pytest.mark.slow
def test_any_history_of_deliveries_counts_each_call_once(store: Store) -> None:
    Deliveries.store = store
    case = Deliveries.TestCase
    case.settings = settings(
        max_examples=8,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    assert store.recent is not None
    usual = store.recent.most_rows
    try:
        case().runTest()
    finally:
        store.recent.most_rows = usual
