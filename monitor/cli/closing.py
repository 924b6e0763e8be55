"""Closing every window of what was read to its end, and those that reading has left behind while it
goes on.
"""

import math
from collections.abc import Callable, Iterator

import structlog

from monitor.cli.assembly import CLOSER, House
from monitor.control.turn import Turn
from monitor.edges.closing import ClosingSettings
from monitor.errors import LeaseLost, MonitorError, StoreError
from monitor.joining.behind import Behind
from monitor.joining.closing import Closer, Numbers
from monitor.joining.summing import Summer
from monitor.model.records import Progress
from monitor.store import Store
from monitor.streams.runner import Pipeline
from monitor.streams.source import Source

log = structlog.get_logger(__name__)

Tell = Callable[[str], object]


class EarlyClosing:
    """Closes windows beside a pipeline that reads to an end. `close_everything` goes on with it, and
    does whatever it left.
    """

    def __init__(self, parts: House) -> None:
        self.turn = parts.turn(CLOSER)
        self.closer = Closer(parts.store, parts.numbers(self.turn), parts.closing())
        self._behind = Behind(parts.store, self.closer)
        self._goes_on = parts.shards is None and self._behind.can_tell

    @property
    def published(self) -> int:
        """How many windows it closed."""
        return self._behind.published

    def beside(self, pipeline: Pipeline) -> Pipeline:
        """The same pipeline, with a look at what it left behind after each batch."""

        def both(source: Source) -> Iterator[Progress]:
            for progress in pipeline(source):
                yield progress
                if self._goes_on:
                    self._look()

        return both

    def _look(self) -> None:
        left = self._behind.left()
        try:
            if left and self.turn.keep():
                with self.turn.kept(), self.turn.working():
                    self._behind.close(left)
        except MonitorError as error:  # it only saves work, which is tried again at the end
            self._goes_on = False
            log.info("windows are closed at the end", reason=str(error))


def close_everything(parts: House, tell: Tell, early: EarlyClosing | None = None) -> int:
    """Close, publish and seal every window, however long it takes; how many, with those that were
    closed `early`. `tell` hears of progress, as text.

    While another process is the store's closer, this one waits for its turn: windows that the
    other has closed are done. Where there are shards, each of them first.
    """
    turn = parts.turn(CLOSER)
    if parts.shards is None and early is not None:
        closer = early.closer
        return early.published + _in_turn(
            parts, early.turn, parts.store, tell, lambda *_: _all_closed(closer, tell)
        )
    if parts.shards is None:
        return _in_turn(parts, turn, parts.store, tell, _all_closed_of)
    for number, store in enumerate(parts.shards.stores, 1):
        _in_turn(parts, parts.turn(f"{CLOSER}-{number}"), store, tell, _all_closed_of)
    shards = parts.shards
    return _in_turn(
        parts,
        turn,
        parts.store,
        tell,
        lambda _store, numbers, settings, _told: (
            Summer(shards, numbers, settings).step(whole=True).published
        ),
    )


def _all_closed_of(store: Store, numbers: Numbers, settings: ClosingSettings, tell: Tell) -> int:
    return _all_closed(Closer(store, numbers, settings), tell)


def _all_closed(closer: Closer, tell: Tell) -> int:
    return closer.finish(
        lambda closed, total: tell(f"closing windows: {closed} of {total}")
    ).published


def _in_turn(
    parts: House,
    turn: Turn,
    store: Store,
    tell: Tell,
    work: Callable[[Store, Numbers, ClosingSettings, Tell], int],
) -> int:
    """What `work` published, under this lease."""
    waits = False
    while not parts.stop.is_set():
        if not turn.keep():
            if not waits:
                tell(
                    f"another process closes this store's windows ({turn.taken_by()}); waiting for it"
                )
                waits = True
            parts.stop.wait(1.0)
            continue
        try:
            with turn.working(longest_seconds=math.inf):
                return work(store, parts.numbers(turn), parts.closing(), tell)
        except LeaseLost as error:
            tell(str(error))
        finally:
            turn.give_up()
    raise StoreError("stopped before every window was closed; the next start closes the rest")
