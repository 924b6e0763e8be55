"""Closing gets on: thin input, long backlogs, steps that outlive their lease."""

import threading
import time
from collections import Counter
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, update

from monitor.control.store import writing
from monitor.control.tables import leases
from monitor.control.turn import Turn
from monitor.edges.closing import ClosingSettings
from monitor.errors import LeaseLost
from monitor.joining.closing import Closed, Closer, Numbers
from monitor.store import Store, open_store
from monitor.telemetry import HealthBoard
from pipelines.windows import windows
from tests.fixtures.gateway import Gateway
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S


def thin(rig: Rig, windows: int, apart: int = 30) -> None:
    """One call every so many seconds."""
    spans: list[S] = []
    for number in range(windows):
        spans.extend(call(number + 1, start=1.0 + number * apart, end=2.0 + number * apart))
    rig.deliver(*spans, at=T0 + 20_000)


def states(store: Store) -> dict[int, int]:
    """Published windows, and whether each is sealed."""
    return {
        int(row["window"]): int(row["sealed"])
        for row in store.ask(
            "window_states", {"only": list(range(T0, T0 + 20_000, 10))}, given={"only"}
        )
        if row["seen"]
    }


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often rows were read and written, by question and table; nothing is counted from
    memory.
    """
    monkeypatch.setattr(store, "recent", None)
    ran: Counter[str] = Counter()
    ways = {way: getattr(store, way) for way in ("insert", "ask_columns")}

    def counting(way: str, name: str, *rest: Any, **more: Any) -> Any:
        ran[name] += 1
        return ways[way](name, *rest, **more)

    for way in ways:
        monkeypatch.setattr(store, way, partial(counting, way))
    return ran


def test_a_thin_recording_costs_its_rows_and_not_its_windows(
    rig: Rig, asked: Counter[str]
) -> None:
    thin(rig, 300)
    told: list[tuple[int, int]] = []
    done = rig.closer.finish(lambda closed, total: told.append((closed, total)))
    assert done.published == 300
    assert told == [(300, 300)]
    assert asked["at_hand"] == asked["edge_windows"] == 1
    assert rig.calls()[("web", "cart")] == 300


def test_scattered_windows_are_closed_again_without_those_between(
    rig: Rig, asked: Counter[str]
) -> None:
    thin(rig, 30, apart=40)
    rig.close()
    before = rig.store.ask("newest_numbers")[0]["generation"]
    rig.deliver(*call(900, start=3.0, end=4.0))
    rig.deliver(*call(901, start=1003.0, end=1004.0))
    asked.clear()
    assert rig.close().published == 2
    assert asked["at_hand"] == asked["edge_windows"] == 1
    assert rig.calls()[("web", "cart")] == 32
    touched = [
        row
        for row in rig.store.ask(
            "window_states", {"only": list(range(T0, T0 + 1200, 10))}, given={"only"}
        )
        if row["generation"] > before
    ]
    assert [int(row["window"]) - T0 for row in touched] == [0, 1000]


def test_a_backlog_is_closed_in_steps_the_newest_minute_first_and_sealed_in_order(
    rig: Rig,
) -> None:
    thin(rig, 24, apart=10)
    rig.deliver(*call(999, start=320.0, end=321.0), at=T0 + 321)  # moves the watermark
    few = ClosingSettings(batch_windows=8, work_seconds=0.0, close_again_after=0.0)
    numbers = count(1)
    closer = Closer(rig.store, Numbers(lambda: next(numbers), lambda: next(numbers)), few)
    # in the second in which all arrived the newest are closed again with each step: a closing may
    # not have seen what came in its second, and a fast machine takes many steps in one
    time.sleep(1.1)

    steps: list[Closed] = [closer.step()]
    assert sorted(states(rig.store)) == list(range(T0 + 180, T0 + 240, 10)), (
        "what is newest is shown first"
    )
    while steps[-1].left:
        known = states(rig.store)
        missing = [window for window in range(T0, T0 + 240, 10) if window not in known]
        assert all(window < min(missing) for window, sealed in known.items() if sealed), (
            "no window is sealed before an older one"
        )
        steps.append(closer.step())
    assert sum(step.published for step in steps) <= 3 * 24, (
        "once as soon as may be, and once at its seal"
    )
    assert max(step.published for step in steps) == 8
    closer.step()
    assert all(states(rig.store)[window] for window in range(T0, T0 + 240, 10))
    assert rig.calls()[("web", "cart")] == 24


def run_out(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(leases).values(expires_seconds=0.0))


def test_closing_that_outlives_its_lease_is_published_when_nobody_took_it(
    rig: Rig, control_engine: Engine
) -> None:
    thin(rig, 20)
    turn = Turn(control_engine, "windows", "ours")
    assert turn.keep()
    numbers = count(1)

    def draw() -> int:
        run_out(control_engine)  # each statement takes longer than the lease
        return next(numbers)

    few = ClosingSettings(batch_windows=5)
    closer = Closer(
        rig.store, Numbers(draw, lambda: next(numbers) if turn.unbroken() else None), few
    )
    assert closer.finish().published == 20
    assert rig.calls()[("web", "cart")] == 20


def test_closing_that_another_process_has_taken_over_publishes_nothing_more(
    rig: Rig, control_engine: Engine
) -> None:
    thin(rig, 20)
    turn, other = Turn(control_engine, "windows", "ours"), Turn(control_engine, "windows", "other")
    assert turn.keep()
    numbers = count(1)
    batches = count(1)

    def draw() -> int:
        if next(batches) == 3:
            run_out(control_engine)
            assert other.keep()
        return next(numbers)

    few = ClosingSettings(batch_windows=5)
    closer = Closer(
        rig.store, Numbers(draw, lambda: next(numbers) if turn.unbroken() else None), few
    )
    with pytest.raises(LeaseLost, match="another process"):
        closer.finish()
    assert len(states(rig.store)) == 8
    their = Closer(
        rig.store,
        Numbers(lambda: next(numbers), lambda: next(numbers) if other.unbroken() else None),
        few,
    )
    assert their.finish().published == 12
    assert rig.calls()[("web", "cart")] == 20


def test_a_store_whose_every_statement_outlives_the_lease_still_has_its_windows_published(
    gateway: Gateway, control_engine: Engine
) -> None:
    """The real loop under a real lease: it is renewed meanwhile, or taken back, and nothing is
    thrown away.
    """
    store = open_store(gateway.dsn(f"slow{uuid4().hex[:8]}"))
    try:
        rig = Rig(store)
        thin(rig, 6)
        rig.deliver(*call(999, start=900.0, end=901.0), at=T0 + 901)
        turn = Turn(control_engine, "windows", "ours", lease_seconds=0.5)
        gateway.faults(
            {
                "kind": "slow",
                "seconds": 1.0,
                "match": "INSERT INTO (edge_windows|sightings)",
                "times": 10**6,
            }
        )
        numbers, stop, board = count(1), threading.Event(), HealthBoard()
        loop = threading.Thread(
            target=windows,
            args=(store, Numbers(lambda: next(numbers), lambda: next(numbers) if turn.unbroken() else None)),
            kwargs={
                "settings": ClosingSettings(batch_windows=3, work_seconds=0.0),
                "stop": stop, "turn": turn, "board": board, "clock": rig.clock, "tick_seconds": 0.05,
            },
        )  # fmt: skip
        loop.start()
        deadline = time.monotonic() + 240
        while len(states(store)) < 6 and time.monotonic() < deadline:
            time.sleep(0.2)
        stop.set()
        loop.join(60)
        gateway.faults()
        assert rig.calls()[("web", "cart")] >= 6
        assert [report.reason for report in board.reports() if not report.ready] == []
    finally:
        store.close()
