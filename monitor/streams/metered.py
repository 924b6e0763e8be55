"""A source that counts what passes, reports its health, and ends when asked to stop."""

import threading
from collections.abc import Iterator

from monitor.clock import Clock, monotonic_seconds
from monitor.model.records import Offsets, Records
from monitor.streams.source import Source
from monitor.telemetry import ASSIGNED, LAST_POLL, LOST, RECORDS, HealthBoard, Report

UNASSIGNED_SECONDS = 60.0


class MeteredSource:
    """Wraps any source. An assignment that stays empty is reported as not ready: it may be a
    rebalance that hangs.

    `fault` is why the pipeline began again: until a commit, or until nothing is left to read, it
    stays not ready for that reason. `unread` is why nothing could be read yet; while the pipeline
    says so, it is not ready either. `fruitless` is why nothing came of what was read: a note, with
    which it is ready.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        stop: threading.Event,
        board: HealthBoard,
        clock: Clock,
        fault: str = "",
    ) -> None:
        self._source, self._name, self._stop, self._board, self._clock = (
            source,
            name,
            stop,
            board,
            clock,
        )
        self._fault = fault
        self.unread = self.fruitless = ""
        self.records = self.lost = self.commits = 0
        self._assigned_at = monotonic_seconds()
        self._partitions = self._drained = 0

    def poll(self) -> Iterator[Records]:
        """The wrapped source's batches, until it ends or a stop is asked for."""
        for records in self._source.poll():
            gaps = sum(records.gaps)
            self.records, self.lost = self.records + len(records), self.lost + gaps
            RECORDS.labels(self._name).inc(len(records))
            LOST.labels(self._name).inc(gaps)
            self._report(records)
            if self._stop.is_set():
                return  # this batch was never handed on: it is read again by the next source
            yield records
            if self._stop.is_set():
                return

    def commit(self, offsets: Offsets) -> None:
        """Commit through, and count."""
        self._source.commit(offsets)
        self.commits += 1

    def close(self) -> None:
        """Close the wrapped source."""
        self._source.close()

    def _report(self, records: Records) -> None:
        now = self._clock()
        LAST_POLL.labels(self._name).set(now.timestamp())
        ASSIGNED.labels(self._name).set(len(records.drained))
        if records.drained or len(records):
            self._assigned_at = monotonic_seconds()
        if self.commits or (not len(records) and all(records.drained.values())):
            self._fault = ""
        reason = self.unread or self._fault
        if (waiting := monotonic_seconds() - self._assigned_at) >= UNASSIGNED_SECONDS:
            reason = f"no partition assigned for {waiting:.0f} s: more collectors than partitions, or a rebalance that hangs"
        details = {
            "partitions": len(records.drained),
            "drained": sum(records.drained.values()),
            "records": self.records,
            "lost": self.lost,
        }
        self._board.report(Report(self._name, not reason, reason or self.fruitless, now, details))
