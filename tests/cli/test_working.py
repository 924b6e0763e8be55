"""A part that breaks begins again; one that cannot work says why and ends; one that hangs is left
behind.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from monitor.cli.assembly import CLOSER, DETECTOR, NOTIFIER, House
from monitor.cli.up import work_of
from monitor.cli.working import Part, ended_in_time, keep_going, work_until
from monitor.clock import ManualClock
from monitor.config import load
from monitor.control.store import open_control
from monitor.errors import RejectLimit, StoreUnavailable
from monitor.store import Store
from monitor.telemetry import HealthBoard
from tests.fixtures.wire import Wire

LIMIT = "traces: 900 of the last 1000 records cannot be read"


class Breaking:
    """Breaks with each of its faults in turn, then is asked to stop."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.stop, self.board = list(faults), threading.Event(), HealthBoard()

    def work(self) -> None:
        if not self.faults:
            self.stop.set()
            return
        raise self.faults.pop(0)

    def go(self) -> None:
        keep_going(
            "windows",
            self.work,
            self.stop,
            self.board,
            ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        )

    @property
    def reason(self) -> str:
        return self.board.reports()[0].reason


def test_a_part_begins_again_after_a_lost_store() -> None:
    part = Breaking(StoreUnavailable("the control store does not answer"))
    part.go()
    assert part.reason == "the control store does not answer"
    assert part.stop.is_set()


def test_a_part_begins_again_after_a_fault_of_our_own() -> None:
    part = Breaking(KeyError("x"))
    part.go()
    assert part.reason == "KeyError: 'x'"
    assert part.stop.is_set()


def test_a_part_that_cannot_work_stays_away() -> None:
    part = Breaking(RejectLimit(LIMIT))
    with pytest.raises(RejectLimit):
        part.go()
    assert part.reason == LIMIT
    assert not part.stop.is_set()


def test_what_ends_a_part_alone_ends_the_command() -> None:
    part = Breaking(RejectLimit(LIMIT))
    with pytest.raises(RejectLimit, match="900 of the last 1000"):
        work_until(part.stop, Part("traces", part.go))


def test_a_part_that_waits_for_a_silent_store_is_left_behind() -> None:
    answer = threading.Event()
    part = Part("traces", answer.wait)
    part.start()
    assert not ended_in_time([part], seconds=0.1)
    answer.set()
    assert ended_in_time([part])


def until(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not fact():
        assert time.monotonic() < deadline, f"waited 60 s until {what}"
        time.sleep(0.05)


@pytest.mark.postgres
@pytest.mark.parametrize("name", [CLOSER, DETECTOR, NOTIFIER])
def test_a_part_alone_outlives_the_loss_of_its_control_store(
    store: Store, wired_dsn: str, wire: Wire, name: str
) -> None:
    engine = open_control(wired_dsn)
    house = House(load(), store, engine)
    part = Part(
        name,
        partial(keep_going, name, work_of(house, name, ""), house.stop, house.board, house.clock),
    )

    def ready() -> bool:
        return any(report.ready for report in house.board.reports())

    def unready_with_reason() -> bool:
        return any(
            not report.ready and "control store" in report.reason
            for report in house.board.reports()
        )

    part.start()
    until(ready, "it works")
    wire.cut()
    until(unready_with_reason, "it says what is lost")
    wire.mend()
    until(ready, "it works again")
    house.stop.set()
    assert ended_in_time([part])
    assert part.error is None
    engine.dispose()


STOPS = """
import os, signal, sys, threading, time
from monitor.cli import working
for number in (signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_DFL)  # who runs the tests may ignore them (nohup), and that is inherited
stop = threading.Event()
working.stop_on_signals(stop)
"""
TOGETHER = """
with stop._cond:  # the moment in which a waiting main thread holds the event's lock
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
stop.wait()
"""
HANGS_UP = """
os.kill(os.getpid(), signal.SIGHUP)
stop.wait()
"""
AGAIN = """
working.IMPATIENT_SECONDS = 0.0
os.kill(os.getpid(), signal.SIGINT)
stop.wait()
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""


def end_of(program: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", STOPS + program], timeout=60, check=False
    ).returncode


def test_signals_that_come_together_end_it_and_never_lock_it() -> None:
    assert end_of(TOGETHER) == 0


def test_a_terminal_that_hangs_up_ends_it_in_good_order() -> None:
    assert end_of(HANGS_UP) == 0


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    assert end_of(AGAIN) == 128 + signal.SIGINT
