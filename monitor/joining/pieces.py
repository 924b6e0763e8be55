"""Records that hold pieces of exchanges, kept from batch to batch until the records that bring
their others come.

A kept record is part of the next batch once more, in front: it is read again, and its rows, keyed
by its place, replace those of the reading before. Until its pieces are joined, or told alone,
nothing from it on is committed; so a restart reads it again, and no piece is lost or told twice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from monitor.clock import Clock
from monitor.model.records import Fruitless, Offsets, Partition, Place, Progress, Records, Unread

T = TypeVar("T")
WAIT_SECONDS = 30.0
"""So long a piece waits: half of what a window is open for late rows by default."""
MOST_RECORDS = 10_000
MOST_BYTES = 16_000_000
"""So much is kept for the next batch at most; what comes after it is told alone."""
_NOTHING = Records((), (), (), (), (), ())


class Pieces:
    """Of one source. Lives between its batches."""

    def __init__(self) -> None:
        self._held = _NOTHING
        self._since: dict[Place, float] = {}
        self._reached: dict[Partition, int] = {}
        self._now = 0.0
        self._last = False
        self._batch = _NOTHING
        self._index: dict[Place, int] = {}
        self._chosen: dict[Place, int] = {}
        self._bytes = 0

    def batches(
        self, coming: Iterable[Records], clock: Clock, stopped: Callable[[], bool]
    ) -> Iterator[Records]:
        """The batches that come, each with the records that wait in front. After the last one,
        unless it is the last for a stop, what waits is told alone.
        """
        for fresh in coming:
            self._now = clock().timestamp()
            self._reached |= fresh.next_offsets
            self._let_go(fresh)
            if len(fresh) or not self._patient(min(self._since.values(), default=self._now)):
                yield self._begin(_together(self._held, fresh))
            else:
                yield self._begin(fresh)
        if len(self._held) and not stopped():
            self._last = True
            yield self._begin(self._held)

    def waits(self, places: Sequence[Place]) -> bool:
        """Whether what stands in these records of the batch at hand may wait for the next one."""
        if self._last or not self._patient(
            min(self._since.get(place, self._now) for place in places)
        ):
            return False
        self._index = self._index or self._batch.index()
        more = {place: self._index[place] for place in places if place not in self._chosen}
        size = sum(len(self._batch.values[at]) for at in more.values())
        if len(self._chosen) + len(more) > MOST_RECORDS or self._bytes + size > MOST_BYTES:
            return False
        self._chosen |= more
        self._bytes += size
        return True

    def settled(self, progress: Progress) -> Progress:
        """What may be committed once the batch at hand was read and its rows are durable: nothing
        from a record on that waits.
        """
        if len(self._batch):
            self._held = _picked(self._batch, sorted(self._chosen.values()))
            self._since = {place: self._since.get(place, self._now) for place in self._chosen}
        if isinstance(progress, Fruitless) and len(self._held):
            return Fruitless(
                f"{len(self._held)} records hold pieces of exchanges that wait for their others",
                self._safe(progress.offsets),
            )
        if isinstance(progress, Unread | Fruitless):
            return replace(progress, offsets=self._safe(progress.offsets))
        return self._safe(progress)

    def _safe(self, offsets: Offsets) -> Offsets:
        earliest: dict[Partition, int] = {}
        for partition, offset in zip(self._held.partitions, self._held.offsets, strict=True):
            earliest[partition] = min(earliest.get(partition, offset), offset)
        return {
            partition: earliest.get(partition, self._reached.get(partition, offset))
            for partition, offset in offsets.items()
        }

    def _begin(self, batch: Records) -> Records:
        self._batch, self._index, self._chosen, self._bytes = batch, {}, {}, 0
        return batch

    def _patient(self, since: float) -> bool:
        return 0 <= self._now - since < WAIT_SECONDS

    def _let_go(self, fresh: Records) -> None:
        """Forget what another reader reads now, and what is read again."""
        if not len(self._held):
            return
        first: dict[Partition, int] = {}
        for partition, offset in zip(fresh.partitions, fresh.offsets, strict=True):
            first.setdefault(partition, offset)
        kept = [
            at
            for at, (partition, offset) in enumerate(
                zip(self._held.partitions, self._held.offsets, strict=True)
            )
            if (not fresh.drained or partition in fresh.drained)
            and offset < first.get(partition, offset + 1)
        ]
        if len(kept) < len(self._held):
            self._held = _picked(self._held, kept)
            self._since = {place: self._since[place] for place in self._held.places()}


def _picked(records: Records, indices: Sequence[int]) -> Records:
    def of(column: Sequence[T]) -> list[T]:
        return [column[at] for at in indices]

    return Records(
        of(records.values),
        of(records.partitions),
        of(records.offsets),
        of(records.timestamps_ms),
        of(records.headers),
        of(records.gaps),
    )


def _together(held: Records, fresh: Records) -> Records:
    if not len(held):
        return fresh
    return Records(
        [*held.values, *fresh.values],
        [*held.partitions, *fresh.partitions],
        [*held.offsets, *fresh.offsets],
        [*held.timestamps_ms, *fresh.timestamps_ms],
        [*held.headers, *fresh.headers],
        [*held.gaps, *fresh.gaps],
        fresh.drained,
    )
