"""Parts at work in threads of their own: begun, begun again after faults, ended in time."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

import structlog

from monitor.clock import Clock, growing_pause, monotonic_seconds
from monitor.errors import MonitorError, Permanent
from monitor.telemetry import HealthBoard, Report

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
STOP_SECONDS = 8.0
"""What a part may take to end: a store or broker that has fallen silent must not hold the process
up for minutes.
"""
IMPATIENT_SECONDS = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Part(threading.Thread):
    """One part's work in a thread. `error` is what ended it for good, None when it just ended."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the part raises or shows it
            self.error = error


def keep_going(
    name: str, work: Callable[[], object], stop: threading.Event, board: HealthBoard, clock: Clock
) -> None:
    """Do a part's work until it returns or `stop` is set. When it breaks, the board and the log
    say so and it begins again after a growing wait; a `Permanent` error is raised. The other
    parts, and the page that shows it, go on meanwhile.
    """
    tries = 0
    while not stop.is_set():
        begun = monotonic_seconds()
        try:
            work()
        except Exception as error:
            ours = isinstance(error, MonitorError)
            reason = str(error) if ours else f"{type(error).__name__}: {error}"
            board.report(Report(name, ready=False, reason=reason, at=clock()))
            if stop.is_set():
                log.info("a part ended with an error", part=name, reason=reason)
                return
            if isinstance(error, Permanent):
                log.error("a part stopped", part=name, reason=reason)
                raise
            tries = 0 if monotonic_seconds() - begun > LONGEST_PAUSE else tries + 1
            pause = growing_pause(FIRST_PAUSE, tries, LONGEST_PAUSE)
            log.warning(
                "a part starts again",
                part=name,
                reason=reason,
                wait_seconds=pause,
                exc_info=None if ours else error,
            )
            stop.wait(pause)
        else:
            return


def work_until(stop: threading.Event, part: Part) -> bool:
    """Let one part work until it ends or `stop` is set; raises what ended it. False when it had to
    be left behind.
    """
    part.start()
    while part.is_alive() and not stop.wait(0.2):
        pass
    stop.set()
    whole = ended_in_time([part])
    if part.error is not None:
        raise part.error
    return whole


def ended_in_time(parts: Sequence[threading.Thread], seconds: float = STOP_SECONDS) -> bool:
    """Wait for parts that were told to stop; False, and a word in the log, when some have to be
    left behind.

    Nothing is lost with those: what they had not committed is read, closed or sent again by the
    next start.
    """
    deadline = monotonic_seconds() + seconds
    for part in parts:
        part.join(max(0.0, deadline - monotonic_seconds()))
    late = [part.name for part in parts if part.is_alive()]
    if late:
        log.warning(
            "parts still wait for a silent store or broker and are left behind",
            parts=late,
            waited_seconds=seconds,
        )
    return not late


def leave() -> None:
    """End the process now, with exit 0, past threads that were left behind: waiting for them is
    what was given up.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def stop_on_signals(stop: threading.Event) -> None:
    """Ctrl-C, SIGTERM and SIGHUP set `stop`, from a thread: an Event's lock is not re-entrant, so
    a handler that comes while the main thread waits on it, or inside the handler of another
    signal, would wait for itself. A signal that comes 2 s after the first ends the process at
    once. SIGHUP stays ignored where it was (nohup).
    """
    first: list[float] = []

    def heard(number: int, _frame: FrameType | None) -> None:
        now = monotonic_seconds()
        if first and now - first[0] > IMPATIENT_SECONDS:
            os._exit(128 + number)
        first.append(now)
        threading.Thread(target=stop.set, name="stop", daemon=True).start()

    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, heard)
