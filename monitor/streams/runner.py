"""Drives a pipeline over a source: commits what it yields, starts it again after faults, stops
when asked.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import structlog

from monitor.clock import Clock, growing_pause
from monitor.errors import MonitorError, Permanent, RejectLimit, TopicMissing
from monitor.model.records import Fruitless, Progress, Unread
from monitor.streams.metered import MeteredSource
from monitor.streams.source import Source
from monitor.telemetry import RETRIES, HealthBoard, Report

Pipeline = Callable[[Source], Iterator[Progress]]
"""A plain generator over a source. Yields the offsets that are now safe to commit, only after
their rows are durable; or that nothing could be read yet: then the part is not ready for that
reason; or that nothing came of what was read: then it is ready, with that note. A source of which
all batches ended in one of the latter two ends with `RejectLimit`.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """Waits double from `first_wait_seconds` to `longest_wait_seconds` while no commit succeeds in
    between.

    `restarts` bounds attempts in a row without a commit (None: for ever); over it the last error
    is raised. `optional`: a topic that is not there is waited for, and is no fault: many have no
    API logs and tell no deploys.
    """

    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 10.0
    restarts: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended ("stopped" by its event, or "finished" because the source ended), and what
    it read.
    """

    ended: Literal["stopped", "finished"]
    records: int
    lost: int
    restarts: int


@dataclass(slots=True)
class _Tally:
    records: int = 0
    lost: int = 0
    restarts: int = 0
    in_a_row: int = 0
    fault: str = ""
    fruitful: bool = False


def run(
    pipeline: Pipeline,
    make_source: Callable[[], Source],
    *,
    name: str,
    stop: threading.Event,
    board: HealthBoard,
    clock: Clock,
    settings: RunnerSettings | None = None,
) -> Ran:
    """Run until `stop` is set or the source ends; blocks, so give it a thread of its own.

    Offsets are committed as they are yielded. Any error that is not `Permanent` closes source and
    pipeline and builds both anew after a growing wait, reporting not ready with the reason
    meanwhile; a `Permanent` one (`RejectLimit`, a wrong setting) is reported and raised.
    At-least-once: what was written and not yet committed is read again.
    """
    settings = settings or RunnerSettings()
    tally = _Tally()
    while not stop.is_set():
        try:
            _drive(pipeline, make_source, name, stop, board, clock, tally)
        except Exception as error:  # the one place: whatever broke, say so and try again or stop
            waits = settings.optional and isinstance(error, TopicMissing)
            reason = (
                f"{error}; nothing is read until then"
                if waits
                else f"{type(error).__name__}: {error}"
            )
            board.report(
                Report(
                    name,
                    ready=waits,
                    reason=reason,
                    at=clock(),
                    details={"restarts": tally.restarts},
                )
            )
            spent = settings.restarts is not None and tally.in_a_row >= settings.restarts
            if isinstance(error, Permanent) or spent:
                log.error("pipeline stopped", pipeline=name, reason=reason)
                raise
            wait = growing_pause(
                settings.first_wait_seconds, tally.in_a_row, settings.longest_wait_seconds
            )
            if waits:
                if not tally.in_a_row:
                    log.info("an optional topic is not there", pipeline=name, reason=reason)
                tally.in_a_row += 1
                stop.wait(wait)
                continue
            tally.restarts, tally.in_a_row, tally.fault = (
                tally.restarts + 1,
                tally.in_a_row + 1,
                reason,
            )
            RETRIES.labels(name).inc()
            # ours say enough; a fault of the program needs its trace
            trace = None if isinstance(error, MonitorError) else error
            log.warning(
                "pipeline starts again",
                pipeline=name,
                reason=reason,
                wait_seconds=wait,
                exc_info=trace,
            )
            stop.wait(wait)
        else:
            ended: Literal["stopped", "finished"] = "stopped" if stop.is_set() else "finished"
            board.report(
                Report(
                    name,
                    ready=ended == "finished",
                    reason=ended,
                    at=clock(),
                    details={"records": tally.records},
                )
            )
            return Ran(ended, tally.records, tally.lost, tally.restarts)
    board.report(
        Report(name, ready=False, reason="stopped", at=clock(), details={"records": tally.records})
    )
    return Ran("stopped", tally.records, tally.lost, tally.restarts)


def _drive(
    pipeline: Pipeline,
    make_source: Callable[[], Source],
    name: str,
    stop: threading.Event,
    board: HealthBoard,
    clock: Clock,
    tally: _Tally,
) -> None:
    """One life of a source and its pipeline."""
    source = MeteredSource(make_source(), name, stop, board, clock, tally.fault)
    try:
        for progress in pipeline(source):
            offsets = progress.offsets if isinstance(progress, (Unread, Fruitless)) else progress
            source.unread = progress.reason if isinstance(progress, Unread) else ""
            source.fruitless = (
                progress.reason if isinstance(progress, Fruitless) and not tally.fruitful else ""
            )
            tally.fruitful = tally.fruitful or (bool(offsets) and offsets is progress)
            if offsets:
                source.commit(offsets)
                tally.in_a_row, tally.fault = 0, ""
        if (source.unread or source.fruitless) and not stop.is_set():
            raise RejectLimit(source.unread or source.fruitless)
    finally:
        tally.records, tally.lost = tally.records + source.records, tally.lost + source.lost
        source.close()
