"""A source whose client may hang: a call that does not return is left behind, and told as a fault
like any other.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import structlog

from monitor.errors import SourceUnavailable
from monitor.model.records import Offsets, Records
from monitor.streams.source import Source

HANGS_SECONDS = 120.0
"""Longer than the time limits of a client's own calls one after another, as of a first step:
connect, ask, join, ask for ends.
"""

log = structlog.get_logger(__name__)


class WatchedSource:
    """Keeps the promises of the source it wraps, and calls it in one thread of its own, for
    clients that bear no other.

    A call that has not returned after `hangs_seconds` raises `SourceUnavailable`, so that a source
    is built anew. The thread is left to the client; should it come back after all, the source is
    closed there, and what it read is dropped: it was not committed, so the next source reads it.
    """

    def __init__(self, source: Source, what: str, hangs_seconds: float = HANGS_SECONDS) -> None:
        """`what` is read, in words: it stands in the error."""
        self._source, self._what, self._hangs_seconds = source, what, hangs_seconds
        self._steps: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work, name=f"source {what}", daemon=True)
        self._left_behind = False
        self._closed = False

    def poll(self) -> Iterator[Records]:
        """See `Source.poll`."""
        batches = self._within("reading", self._source.poll)
        while (records := self._within("reading", lambda: next(batches, None))) is not None:
            yield records

    def commit(self, offsets: Offsets) -> None:
        """See `Source.commit`."""
        self._within("committing", lambda: self._source.commit(offsets))

    def close(self) -> None:
        """See `Source.close`; does nothing where a call was left behind."""
        if self._closed or self._left_behind:
            return
        self._closed = True
        try:
            self._within("closing", self._source.close)
        finally:
            self._steps.put(None)

    def _within(self, doing: str, step: Callable[[], Any]) -> Any:
        if not self._thread.ident:
            self._thread.start()
        done: Future[Any] = Future()
        self._steps.put((step, done))
        try:
            return done.result(self._hangs_seconds)
        except TimeoutError:
            if done.done():
                raise  # it is the step's own
        self._left_behind = True
        self._steps.put(None)
        text = f"{doing} {self._what} has not returned for {self._hangs_seconds:.0f} s; the client is left behind and built anew"
        raise SourceUnavailable(
            f"{text}. Is the broker up, and does the network between drop what it does not let through?"
        )

    def _work(self) -> None:
        while (todo := self._steps.get()) is not None:
            step, done = todo
            try:
                done.set_result(step())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                done.set_exception(error)
        if self._left_behind:
            log.warning("a client that was left behind came back; it is closed", source=self._what)
            try:
                self._source.close()
            except Exception as error:  # noqa: BLE001 - nobody waits for it
                log.warning("closing it failed", source=self._what, reason=str(error))
