"""A part of `seamwatch up` that breaks begins again; one that cannot work stays away and says why."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from monitor.cli.up import keep_going
from monitor.clock import ManualClock
from monitor.errors import RejectLimit, StoreUnavailable
from monitor.telemetry import HealthBoard


class Part:
    """Breaks with each of its faults in turn, then is asked to stop."""

    def __init__(self, *faults: Exception) -> None:
        self.faults, self.stop, self.board = list(faults), threading.Event(), HealthBoard()

    def work(self) -> None:
        if not self.faults:
            self.stop.set()
            return
        raise self.faults.pop(0)

    def go(self, work: Callable[[], object]) -> str:
        keep_going("windows", work, self.stop, self.board, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
        return self.board.reports()[0].reason


def test_a_part_begins_again_after_a_lost_store() -> None:
    part = Part(StoreUnavailable("the control store does not answer"))
    assert part.go(part.work) == "the control store does not answer"
    assert part.stop.is_set()


def test_a_part_begins_again_after_a_fault_of_our_own() -> None:
    part = Part(KeyError("x"))
    assert part.go(part.work) == "KeyError: 'x'"
    assert part.stop.is_set()


def test_a_part_that_cannot_work_stays_away() -> None:
    part = Part(RejectLimit("traces: 900 of the last 1000 records cannot be read"))
    assert "900 of the last 1000" in part.go(part.work)
    assert not part.stop.is_set()


STOPS = """
import os, signal, threading
from monitor.cli.up import stop_on_signals
stop = threading.Event()
stop_on_signals(stop)
with stop._cond:  # the moment in which a waiting main thread holds the event's lock
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
stop.wait()
"""


def test_signals_that_come_together_end_it_and_never_lock_it() -> None:
    done = subprocess.run([sys.executable, "-c", STOPS], timeout=60, check=False)
    assert done.returncode != -signal.SIGTERM
    assert done.returncode == 0
