"""A turn: work that one process of many does, under a lease that is renewed while it works; done
again and again by `in_turns`.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Engine

from monitor.clock import Clock, monotonic_seconds
from monitor.control import lease as leases
from monitor.control.store import reading
from monitor.errors import LeaseLost, MonitorError, StoreError
from monitor.telemetry import HealthBoard, Report

log = structlog.get_logger(__name__)

LEASE_SECONDS = 30.0
LONGEST_WORK_SECONDS = 900.0
"""How long a lease is renewed for one piece of work: one that hangs for longer must let another
process try.
"""


@dataclass(slots=True)
class Turn:
    """A lease that one process of many holds. Safe between threads."""

    engine: Engine
    name: str
    holder: str
    lease_seconds: float = LEASE_SECONDS
    lease: leases.Lease | None = None
    _renewed: float = -math.inf  # by the monotonic clock, when it was last renewed or taken
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> bool:
        """Hold it on, or take it when it is free; whether it is ours now."""
        with self._lock:
            if not self._still_ours():
                self._take()
            return self.lease is not None

    def unbroken(self) -> bool:
        """Whether work begun under this lease may still be published: nobody else has held it
        since.

        A lease that ran out (a machine that stood still, a long statement) and that nobody took is
        taken back: its epoch tells, since each holder raises it by one. Once another process had
        it, what we did may be older than what it did.
        """
        with self._lock:
            before = self.lease
            if before is None:
                return False
            if self._still_ours():
                return True
            self._take()
            if self.lease is None or self.lease.epoch != before.epoch + 1:
                return False
        log.info(
            "a lease ran out while its holder worked; nobody had taken it, so it was taken back",
            lease=self.name,
        )
        return True

    def taken_by(self) -> str:
        """Who holds it now; empty when nobody does."""
        with reading(self.engine) as connection:
            return leases.holder_of(connection, self.name) or ""

    @contextmanager
    def working(self, longest_seconds: float = LONGEST_WORK_SECONDS) -> Iterator[None]:
        """Renew the lease from a thread of its own while the block runs, for `longest_seconds` at
        most.
        """
        done = threading.Event()
        thread = threading.Thread(
            target=self._renew_until,
            args=(done, longest_seconds),
            name=f"lease-{self.name}",
            daemon=True,
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @contextmanager
    def kept(self) -> Iterator["Turn"]:
        """Given up when the block ends, however it ends."""
        try:
            yield self
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Let go, so that another need not wait."""
        with self._lock:
            if self.lease is not None:
                leases.release(self.engine, self.lease)
                self.lease = None

    def _still_ours(self) -> bool:
        """Whether it is, by the database; renewed where a quarter of its time has passed since it
        was last. Steps are taken each second: to write for each would cost more than all else that
        a process does at rest.
        """
        if self.lease is None:
            return False
        if monotonic_seconds() - self._renewed < self.lease_seconds / 4:
            with reading(self.engine) as connection:
                return leases.is_of(connection, self.lease)
        return self._renew(self.lease)

    def _renew(self, lease: leases.Lease) -> bool:
        now = monotonic_seconds()
        if not leases.renew(self.engine, lease):
            return False
        self._renewed = now
        return True

    def _take(self) -> None:
        now = monotonic_seconds()
        self.lease = leases.acquire(self.engine, self.name, self.holder, self.lease_seconds)
        self._renewed = now

    def _renew_until(self, done: threading.Event, longest_seconds: float) -> None:
        pause = self.lease_seconds / 4
        waited = 0.0
        while waited < longest_seconds and not done.wait(pause):
            waited += pause
            try:
                with self._lock:
                    if self.lease is None or not self._renew(self.lease):
                        return  # `unbroken` tells whether it was lost or only ran out
            except StoreError as error:
                log.warning(
                    "a lease could not be renewed; it is tried again",
                    lease=self.name,
                    reason=str(error),
                )


@dataclass(frozen=True, slots=True)
class Done:
    """What a step says of itself on the board; `more`: the next step has work already and need not
    wait. `pause`: how many seconds to wait for the next step, where it knows better than the tick.
    """

    reason: str = ""
    details: Mapping[str, str | int | float | None] = field(default_factory=dict)
    more: bool = False
    pause: float | None = None


def in_turns(
    component: str,
    work: str,
    step: Callable[[datetime], Done],
    *,
    turn: Turn,
    stop: threading.Event,
    board: HealthBoard,
    clock: Clock,
    tick_seconds: float,
    wait: Callable[[float], object] | None = None,
) -> None:
    """Until `stop` is set, take a step every `tick_seconds` while it is this process's turn, and
    report each time. `wait(seconds)` waits between steps, no longer than that.

    The lease is renewed while a step works. A step that fails is tried again, and the component is
    not ready meanwhile. One whose lease another process took is left to that one. Raises what is
    no error of ours. `work` says what the holder does ("closes the windows").
    """
    while not stop.is_set():
        now, pause = clock(), tick_seconds
        try:
            if turn.keep():
                with turn.working():
                    done = step(now)
                report = Report(
                    component, ready=True, reason=done.reason, at=now, details=done.details
                )
                pause = 0.0 if done.more else tick_seconds if done.pause is None else done.pause
            else:
                report = Report(
                    component,
                    ready=True,
                    reason=f"another process {work} ({turn.taken_by()})",
                    at=now,
                )
        except LeaseLost as error:
            log.warning("work passed to another process", part=component, reason=str(error))
            report = Report(component, ready=True, reason=str(error), at=now)
        except MonitorError as error:
            log.warning("a step failed; it is tried again", part=component, error=str(error))
            report = Report(component, ready=False, reason=str(error), at=now)
        board.report(report)
        (wait or stop.wait)(pause)
