"""A turn is kept while its holder works; one that ran out is told from one that
another has had.
"""

import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select, update

from monitor.clock import ManualClock
from monitor.control.store import reading, writing
from monitor.control.tables import leases
from monitor.control.turn import Done, Turn, in_turns
from monitor.errors import LeaseLost, StoreError
from monitor.telemetry import HealthBoard

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def run_out(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(leases).values(expires_seconds=0.0))


def expires(engine: Engine) -> float:
    with reading(engine) as connection:
        return float(connection.execute(select(leases.c.expires_seconds)).scalar_one())


def test_only_one_has_the_turn(control_engine: Engine) -> None:
    ours, other = Turn(control_engine, "windows", "ours"), Turn(control_engine, "windows", "other")
    assert ours.keep()
    assert not other.keep()
    assert other.taken_by() == "ours"
    ours.give_up()
    assert other.keep()


def test_a_lease_that_ran_out_and_that_nobody_took_is_taken_back(control_engine: Engine) -> None:
    ours = Turn(control_engine, "windows", "ours")
    assert ours.keep()
    for _ in range(3):
        run_out(control_engine)
        assert ours.unbroken()
    assert ours.taken_by() == "ours"


def test_a_lease_that_another_had_is_lost_even_when_it_is_free_again(
    control_engine: Engine,
) -> None:
    ours, other = Turn(control_engine, "windows", "ours"), Turn(control_engine, "windows", "other")
    assert ours.keep()
    run_out(control_engine)
    assert other.keep()
    assert not ours.unbroken()
    assert ours.keep() is False
    assert other.unbroken()

    run_out(control_engine)
    assert ours.keep()
    run_out(control_engine)
    assert other.keep()
    other.give_up()
    assert not ours.unbroken(), "what we began is older than what the other has done"
    assert ours.keep()
    assert ours.unbroken()


def test_a_turn_that_was_renewed_just_now_is_only_looked_at(control_engine: Engine) -> None:
    """Steps are taken each second, and each renewal is a write that waits for the disk."""
    turn = Turn(control_engine, "windows", "ours", lease_seconds=2.0)
    assert turn.keep()
    until = expires(control_engine)
    assert turn.keep()
    assert turn.unbroken()
    assert expires(control_engine) == until
    deadline = time.monotonic() + 120
    while expires(control_engine) == until and time.monotonic() < deadline:
        time.sleep(0.1)
        assert turn.keep()
    assert expires(control_engine) > until


def test_a_question_about_leases_is_compiled_once(control_engine: Engine) -> None:
    """A part of a statement that SQLAlchemy cannot compare makes it compile each anew."""
    turn = Turn(control_engine, "windows", "ours", lease_seconds=0.0)
    turn.keep()  # with no time left, each question is a renewal and each renewal an acquisition
    cached = len(control_engine._compiled_cache or ())
    assert cached
    for _ in range(3):
        turn.keep()
    other = Turn(control_engine, "windows", "other")
    assert other.keep()
    assert other.keep()
    leased = [key for key in control_engine._compiled_cache or () if "leases" in repr(key)]
    assert len(leased) == 3, "acquired, renewed, looked at"


def test_a_turn_is_renewed_while_its_holder_works_and_no_longer(control_engine: Engine) -> None:
    turn = Turn(control_engine, "windows", "ours", lease_seconds=1.0)
    assert turn.keep()
    with turn.working():
        ends = {expires(control_engine)}
        while len(ends) < 4:  # the runner's timeout ends it where nothing is renewed
            ends.add(expires(control_engine))
            time.sleep(0.01)
    assert not any(thread.name == "lease-windows" for thread in threading.enumerate())


def test_work_that_hangs_is_renewed_for_so_long_only(control_engine: Engine) -> None:
    turn = Turn(control_engine, "windows", "ours", lease_seconds=1.0)
    assert turn.keep()
    with turn.working(longest_seconds=0.5):
        while any(thread.name == "lease-windows" for thread in threading.enumerate()):
            time.sleep(0.01)


class Steps:
    """Steps that end as they are told to, until the list is used up; what the board says after
    each.
    """

    def __init__(self, engine: Engine, *ends: Done | Exception) -> None:
        self.stop, self.board, self.turn = (
            threading.Event(),
            HealthBoard(),
            Turn(engine, "windows", "ours"),
        )
        self.ends = list(ends)
        self.said: list[tuple[bool, str]] = []
        self.waits: list[float | None] = []
        self.stop.wait = self.waited  # type: ignore[method-assign,assignment]

    def waited(self, seconds: float | None = None) -> bool:
        (report,) = self.board.reports()
        self.said.append((report.ready, report.reason))
        self.waits.append(seconds)
        if not self.ends:
            self.stop.set()
        return self.stop.is_set()

    def step(self, now: datetime) -> Done:
        assert now == NOON
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def run(self) -> None:
        in_turns(
            "windows", "closes the windows", self.step, turn=self.turn, stop=self.stop, board=self.board,
            clock=ManualClock(NOON), tick_seconds=5.0,
        )  # fmt: skip


def test_steps_are_reported_and_one_that_has_more_to_do_waits_for_nothing(
    control_engine: Engine,
) -> None:
    steps = Steps(control_engine, Done("catching up", more=True), Done())
    steps.run()
    assert steps.said == [(True, "catching up"), (True, "")]
    assert steps.waits == [0.0, 5.0]


def test_a_step_that_fails_is_tried_again_and_what_another_took_is_left_to_it(
    control_engine: Engine,
) -> None:
    steps = Steps(
        control_engine,
        StoreError("the disk is full"),
        LeaseLost("another has closed"),
        Done("well"),
    )
    steps.run()
    assert steps.said == [
        (False, "the disk is full"),
        (True, "another has closed"),
        (True, "well"),
    ]


def test_nothing_is_done_while_another_has_the_turn(control_engine: Engine) -> None:
    assert Turn(control_engine, "windows", "other").keep()
    steps = Steps(control_engine)
    steps.run()
    assert steps.said == [(True, "another process closes the windows (other)")]


def test_a_fault_of_the_program_ends_the_steps(control_engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        Steps(control_engine, ZeroDivisionError("ours")).run()
