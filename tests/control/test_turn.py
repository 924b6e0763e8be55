"""A turn is kept while its holder works; one that ran out is told from one that another has had."""

import threading
import time

from sqlalchemy import Engine, select, update

from monitor.control.store import reading, writing
from monitor.control.tables import leases
from monitor.control.turn import Turn


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


def test_a_lease_that_another_had_is_lost_even_when_it_is_free_again(control_engine: Engine) -> None:
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
