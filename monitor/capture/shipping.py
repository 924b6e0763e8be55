"""Records on their way out: a bounded queue, one thread of ours, and a sink. The application never
waits for it, nor sees it fail.
"""

import json
import logging
import os
import sys
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from .settings import Settings

Sink = Callable[[Sequence[bytes]], None]
"""Takes a batch of records, each a line of JSON. What it raises costs the batch, which is counted;
it is called by one thread only.

One that has a `close` is closed when all is shipped, and may be called again after it: captures
may share it.
"""


class Seen(Protocol):
    """What a hook saw: how many bytes it holds, nearly, and what is written of it."""

    @property
    def size(self) -> int: ...
    def written(self, settings: Settings) -> bytes: ...


def _nothing() -> None:
    """A sink that holds nothing open has no `close`."""


def _untraced(sink: Sink, records: Sequence[bytes]) -> None:
    """OpenTelemetry's instrumentations, where the application has them, are told to let what we
    ship go by.
    """
    context = sys.modules.get("opentelemetry.context")
    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    if context is None or key is None:
        sink(records)
        return
    token = context.attach(context.set_value(key, True))
    try:
        sink(records)
    finally:
        context.detach(token)


class PartlyLost(OSError):
    """What a sink raises that lost `count` records of a batch and no more."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} records were not taken")
        self.count = count


def after_fork(begin: Callable[[], None]) -> None:
    """Have a method called first of all in each process that is forked, as long as its object
    lives. Later two threads could do it at once, or wait for a lock that nobody will let go.
    """
    method = weakref.WeakMethod(begin)

    def forked() -> None:
        if (alive := method()) is not None:
            alive()

    if hasattr(os, "register_at_fork"):  # not where there are no forks
        os.register_at_fork(after_in_child=forked)


LOG = logging.getLogger("seamwatch.capture")
_WINDOW = 1.0
_TOLD_SECONDS = 10.0


class Shipper:
    """Takes what was seen, writes it down and hands it to the sink, all in a daemon thread that
    starts with the first record.

    `offer` never blocks and never raises. What cannot be kept is counted by reason: `queue_full`,
    `over_cpu_share`, `sink_failed`, `unreadable`, `unwritable`; the counts are shipped as a record
    of their own. After a fork the child begins anew.
    """

    def __init__(self, settings: Settings, sink: Sink) -> None:
        self._settings, self._sink = settings, sink
        self._begin()
        after_fork(self._begin)

    def _begin(self) -> None:
        self._waiting: deque[tuple[Seen | bytes, int]] = deque()
        self._bytes = 0
        # a collector or a signal may run the application's code, and so us, within us
        self._lock = threading.RLock()
        self._news, self._idle = threading.Event(), threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.dropped: Counter[str] = Counter()
        self.shipped = 0
        self._told: Counter[str] = Counter()
        self._told_at = time.monotonic()

    def offer(self, seen: Seen | bytes) -> None:
        """Take it, or count it as dropped."""
        size = len(seen) if isinstance(seen, bytes) else seen.size
        bounds = self._settings.bounds
        with self._lock:
            if (
                self._stopped
                or len(self._waiting) >= bounds.queue_records
                or self._bytes + size > bounds.queue_bytes
            ):
                self.dropped["queue_full"] += 1
                return
            self._waiting.append((seen, size))
            self._bytes += size
            self._start()
            urgent = len(self._waiting) >= bounds.batch_records
        if urgent:
            self._news.set()

    def lose(self, reason: str) -> None:
        """Something was to be taken and could not be: count it, and have it told."""
        with self._lock:
            self.dropped[reason] += 1
            if not self._stopped:
                self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="seamwatch-capture", daemon=True
            )
            self._thread.start()

    def flush(self) -> None:
        """Ship what waits, within `bounds.closing_seconds`."""
        if self._thread is not None:
            self._idle.clear()
            self._news.set()
            self._idle.wait(self._settings.bounds.closing_seconds)

    def close(self) -> None:
        """Ship what waits, within `bounds.closing_seconds`; what is left is dropped."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        self._news.set()
        if thread is not None:
            thread.join(self._settings.bounds.closing_seconds)

    def _work(self) -> None:
        bounds = self._settings.bounds
        spent, since = 0.0, time.monotonic()
        while True:
            self._news.wait(bounds.batch_seconds)
            self._news.clear()
            batch: list[bytes] = []
            size = 0
            while (seen := self._next()) is not None:
                if time.monotonic() - since >= _WINDOW:
                    spent, since = 0.0, time.monotonic()
                if spent > bounds.cpu_share * _WINDOW and not self._stopped:
                    self._drop("over_cpu_share")
                    continue
                before = time.thread_time()
                try:
                    record = seen if isinstance(seen, bytes) else seen.written(self._settings)
                    batch.append(record)
                    size += len(record)
                except Exception:  # noqa: BLE001 - a capture never takes its application down
                    self._drop("unwritable")
                spent += time.thread_time() - before
                if len(batch) >= bounds.batch_records or size >= bounds.batch_bytes:
                    self._ship(batch)
                    batch, size = [], 0
            self._ship(batch)
            self._tell()
            if not self._waiting:
                self._idle.set()
            if self._stopped and not self._waiting:
                with suppress(Exception):
                    getattr(self._sink, "close", _nothing)()
                return

    def _next(self) -> Seen | bytes | None:
        with self._lock:
            if not self._waiting:
                return None
            seen, size = self._waiting.popleft()
            self._bytes -= size
            return seen

    def _ship(self, batch: list[bytes]) -> None:
        if not batch:
            return
        try:
            _untraced(self._sink, batch)
        except PartlyLost as lost:
            self._drop("sink_failed", lost.count)
            self.shipped += len(batch) - lost.count
        except BaseException as error:  # noqa: BLE001 - as above; nor does a sink end this thread
            self._drop("sink_failed", len(batch))
            LOG.debug("records were not taken: %s", type(error).__name__)
        else:
            self.shipped += len(batch)

    def _tell(self) -> None:
        """Ship what was dropped since it was told last, as a count."""
        with self._lock:
            fresh = self.dropped - self._told
        if not fresh or (time.monotonic() - self._told_at < _TOLD_SECONDS and not self._stopped):
            return
        service = self._settings.service
        record = {
            "time": time.time_ns(),
            "seamwatch_capture": {"dropped": dict(fresh), "instance": service.instance},
            "callee": service.name,
            "callee_version": service.version,
        }
        self._told_at = time.monotonic()
        try:
            _untraced(self._sink, [json.dumps(record, separators=(",", ":")).encode()])
        except BaseException as error:  # noqa: BLE001 - as above
            LOG.debug("the count of drops was not taken: %s", type(error).__name__)
        else:
            self._told.update(fresh)

    def _drop(self, reason: str, count: int = 1) -> None:
        with self._lock:
            self.dropped[reason] += count
