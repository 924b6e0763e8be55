"""Windows that reading has left behind are closed while it goes on, and nothing else changes by it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from monitor.cli.assembly import CLOSER, House
from monitor.cli.closing import EarlyClosing
from monitor.config import load
from monitor.control.turn import Turn
from monitor.joining.behind import LAG_SECONDS, Behind
from monitor.store import Store
from monitor.streams.listed import ListSource
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S

MOST_ROWS = 120
QUEUE = {"messaging.system": "kafka", "messaging.destination.name": "orders"}


@pytest.fixture
def rig(store: Store, usual_rows: None) -> Rig:
    """Batches of ten rows."""
    return new_rig(store)


@pytest.fixture
def usual_rows(store: Store) -> Iterator[None]:
    """Other tests have as many rows at hand as ever."""
    assert store.recent is not None
    usual = store.recent.most_rows
    yield
    store.recent.most_rows = usual


def new_rig(store: Store) -> Rig:
    made = Rig(store)
    made.settings = replace(made.settings, batch_rows=10)
    made.closer = made.new_closer()
    return made


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often rows were read and written, by question and table."""
    ran: Counter[str] = Counter()
    ways = {way: getattr(store, way) for way in ("insert", "ask_columns")}

    def counting(way: str, name: str, *rest: Any, **more: Any) -> Any:
        ran[name] += 1
        return ways[way](name, *rest, **more)

    for way in ways:
        monkeypatch.setattr(store, way, partial(counting, way))
    return ran


def steadily(rig: Rig, behind: Behind, windows: range) -> None:
    """Four calls a window, a batch each, written as they end."""
    for window in windows:
        start = 10.0 * window + 1
        for number in range(4):
            rig.produce(*call(4 * window + number, start=start, end=start + 1), at=T0 + start + 2)
        rig.collect()
        look(behind)


def test_what_was_left_behind_is_closed_from_memory_and_sealed_at_the_end(
    rig: Rig, asked: Counter[str]
) -> None:
    behind = Behind(rig.store, rig.closer, MOST_ROWS)
    steadily(rig, behind, range(20))
    assert 8 <= behind.published <= 18
    assert rig.edges()
    assert not asked["at_hand"]
    assert not sealed(rig.store)
    early, written = behind.published, asked["edge_windows"]
    done = rig.closer.finish()
    assert early + done.published == 20
    assert not asked["at_hand"]
    assert asked["edge_windows"] > written
    assert sealed(rig.store) == {T0 + 10 * window for window in range(20)}
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["both"]) == (80, 80)
    assert sum(row["late"] for row in states(rig.store)) == 0


def test_where_old_windows_get_something_again_they_are_closed_later_and_then_at_the_end(
    rig: Rig,
) -> None:
    behind = Behind(rig.store, rig.closer, MOST_ROWS)
    steadily(rig, behind, range(15))
    before = behind.published
    assert before
    for window in range(15, 75):
        start = max(behind._closed) - T0 + 1.0
        rig.produce(*call(1000 + window, start=start, end=start + 1), at=T0 + 10 * window)
        steadily(rig, behind, range(window, window + 1))
    assert before < behind.published < 40
    assert behind._lag > LAG_SECONDS
    rig.closer.finish()
    (edge,) = rig.edges()
    assert edge.calls == 4 * 75 + 60


def test_a_message_that_is_taken_later_is_counted_where_it_was_sent(rig: Rig) -> None:
    behind = Behind(rig.store, rig.closer, MOST_ROWS)
    rig.deliver(S("till", "producer", 900, 1, 0, 1, 2, attributes=QUEUE), at=T0 + 3)
    steadily(rig, behind, range(10))
    assert T0 in behind._closed
    rig.produce(S("mail", "consumer", 900, 2, 1, 101, 102, attributes=QUEUE), at=T0 + 103)
    steadily(rig, behind, range(10, 20))
    rig.closer.finish()
    told = {(row.caller, row.callee): row.calls for row in rig.edges("caller", "callee")}
    assert told == {("web", "cart"): 80, ("till", "mail"): 1}


def test_files_and_topics_without_event_time_are_closed_at_the_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rig.store.recent is not None
    monkeypatch.setattr(rig.store.recent, "reached", lambda: None)
    behind = Behind(rig.store, rig.closer, MOST_ROWS)
    steadily(rig, behind, range(15))
    assert not behind.published


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from([0.0, 0.0, 0.0, 3.0, 9.0, 25.0, 70.0]),
            st.sampled_from([0.0, 0.0, 0.0, 9.0, 40.0]),
            st.booleans(),
        ),
        min_size=40,
        max_size=90,
    )
)
def test_any_arrival_gives_what_one_closing_at_the_end_gives(
    store: Store, usual_rows: None, calls: list[tuple[int, float, float, bool]]
) -> None:
    """Of each call: the partition, how late its server's half comes, for how long it lasts, and
    whether it is a message.
    """
    for table in ("halves message_ends arrivals ledger watermarks edge_windows windows sightings joints addresses evidence long_spans inner_spans").split():  # fmt: skip
        store.command(f"TRUNCATE TABLE {table}")
    rig = new_rig(store)
    behind = Behind(store, rig.closer, MOST_ROWS)
    written: list[tuple[float, int, S]] = []
    for number, (partition, late, lasts, is_message) in enumerate(calls):
        start = 3.0 * number
        first, second = call(number, start=start, end=start + 1 + lasts)
        if is_message:
            first = S("till", "producer", number, 1, 0, start, start + 1, attributes=QUEUE)
            taken = start + lasts
            second = S("mail", "consumer", number, 2, 1, taken, taken + 1, attributes=QUEUE)
        written.append((first.end + 1, partition, first))
        written.append((second.end + 1 + late, 1 - partition, second))
    written.sort(key=lambda row: row[0])
    for begin in range(0, len(written), 8):
        for at, partition, half in written[begin : begin + 8]:
            rig.produce(half, partition=partition, at=T0 + at)
        rig.collect()
        look(behind)
    rig.closer.finish()
    told = {(row.caller, row.callee): row for row in rig.edges("caller", "callee")}
    messages = sum(is_message for *_, is_message in calls)
    counts = {("web", "cart"): len(calls) - messages, ("till", "mail"): messages}
    assert {pair: row.calls for pair, row in told.items()} == {
        pair: count for pair, count in counts.items() if count
    }
    assert all(row.coverage["both"] == row.calls for row in told.values())
    assert all(row["sealed"] and not row["late"] for row in states(store) if row["seen"])


def test_beside_a_pipeline_no_lease_is_held_between_its_batches(
    rig: Rig, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that is told to stop leaves the windows to the next process at once."""
    parts = House(load(environ={}), rig.store, sqlite_engine)
    early, held = EarlyClosing(parts), []
    monkeypatch.setattr(early._behind, "left", lambda: {T0})
    monkeypatch.setattr(
        early._behind, "close", lambda _: held.append(early.turn.lease is not None)
    )
    other = Turn(sqlite_engine, CLOSER, "another process")
    batches = iter([{}, {}])
    for _ in early.beside(lambda _: batches)(ListSource(rig.log)):
        assert other.keep()
        other.give_up()
    assert held == [True, True]
    assert other.keep()


def look(behind: Behind) -> None:
    behind.close(behind.left())


def states(store: Store) -> list[dict[str, Any]]:
    return store.ask("window_states", {"only": list(range(T0, T0 + 900, 10))}, given={"only"})


def sealed(store: Store) -> set[int]:
    return {int(row["window"]) for row in states(store) if row["sealed"]}
