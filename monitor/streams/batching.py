"""A batch in the making: columns of records from several partitions, and the gaps between their
offsets.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.model.records import Partition, Records


@dataclass(frozen=True, slots=True)
class Bounds:
    """A batch is handed on once it holds so many bytes or records, or the wall clock has passed a
    multiple of `seconds` by 4 s; an empty one every `poll_seconds`.

    Windows end at multiples of 10 s, and exporters flush every 5 s or sooner: 4 s after its end
    99 % of a window has come and is shown, in as few batches as can be. The rest is counted when
    the window is sealed.
    """

    payload_bytes: int = 30_000_000
    records: int = 20_000
    seconds: float = 5.0
    poll_seconds: float = 1.0


BOUNDS = Bounds()
LATER_SECONDS = 4.0
"""So much later than the multiple. At 5.5 s all of a window had come, and a call was shown 16.2 s
after its end (95 %); at 4 s it is 14.6 s, for 1 % more CPU.
"""


class Gathering:
    """Gathers records into the next `Records`. Knows the next offset expected of each partition,
    so that skipped ones are counted.
    """

    def __init__(self) -> None:
        self._expected: dict[Partition, int] = {}
        self._begun: set[Partition] = set()
        self._rows: list[tuple[bytes, Partition, int, int, Mapping[str, bytes], int]] = []
        self.payload_bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def expect(self, partition: Partition, offset: int) -> None:
        """The next record of this partition should have this offset (what was committed, or where
        we chose to start).
        """
        self._expected[partition] = offset

    def expected(self, partition: Partition) -> int | None:
        """The offset after the last one added, or what `expect` said; None when
        neither is known.
        """
        return self._expected.get(partition)

    def has_begun(self, partition: Partition) -> bool:
        """Whether a record of it was added."""
        return partition in self._begun

    def follows(self, partition: Partition, offset: int) -> bool:
        """Whether records from this offset on can be of the log read so far: not when it was read
        further already.

        Where nothing was read yet, a place that was committed beyond the end of the log is given
        up.
        """
        if offset < self._expected.get(partition, offset):
            if partition in self._begun:
                return False
            self._expected[partition] = offset
        return True

    def add(
        self,
        value: bytes,
        partition: Partition,
        offset: int,
        timestamp_ms: int,
        headers: Mapping[str, bytes],
    ) -> None:
        """Add one record; offsets must ascend within a partition."""
        self.add_all(partition, ((value, offset, timestamp_ms, headers),))

    def add_all(
        self, partition: Partition, rows: Iterable[tuple[bytes, int, int, Mapping[str, bytes]]]
    ) -> None:
        """Add records of one partition: value, offset, time and headers of each; as `add` does, with
        the partition looked up once.
        """
        expected, payload_bytes, before = self._expected.get(partition), 0, len(self._rows)
        for value, offset, timestamp_ms, headers in rows:
            gap = 0 if expected is None or offset < expected else offset - expected
            expected = offset + 1
            self._rows.append((value, partition, offset, timestamp_ms, headers, gap))
            payload_bytes += len(value)
        if expected is not None and len(self._rows) > before:
            self._expected[partition] = expected
            self._begun.add(partition)
        self.payload_bytes += payload_bytes

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget these partitions: another reader has them now."""
        gone = set(partitions)
        for partition in gone:
            self._expected.pop(partition, None)
        self._begun -= gone
        self._rows = [row for row in self._rows if row[1] not in gone]
        self.payload_bytes = sum(len(row[0]) for row in self._rows)

    def take(self, drained: Mapping[Partition, bool]) -> Records:
        """Everything gathered, as one batch; the gathering is empty afterwards."""
        rows, self._rows, self.payload_bytes = self._rows, [], 0
        if not rows:
            return Records((), (), (), (), (), (), drained)
        values, partitions, offsets, timestamps_ms, headers, gaps = zip(*rows, strict=True)
        return Records(values, partitions, offsets, timestamps_ms, headers, gaps, drained)


def batches(
    gathering: Gathering,
    bounds: Bounds,
    gather: Callable[[float], None],
    drained: Callable[[], Mapping[Partition, bool]],
    caught_up: Callable[[], bool],
    monotonic: Callable[[], float],
    wall: Callable[[], float] = time.time,
) -> Iterator[Records]:
    """What `gather(wait_seconds)` adds, in batches; ends after the batch with which `caught_up`
    holds, which is asked at each step.
    """
    begun = monotonic()
    while True:
        wait = (bounds.seconds if gathering else bounds.poll_seconds) - (monotonic() - begun)
        full = gathering.payload_bytes >= bounds.payload_bytes or len(gathering) >= bounds.records
        ended = caught_up()
        if wait <= 0 or full or ended:
            yield gathering.take(drained())
            if ended and caught_up():
                return
            begun = monotonic()
            continue
        was_empty = not gathering
        gather(wait)
        if was_empty and gathering:
            begun = monotonic() - (wall() - LATER_SECONDS) % bounds.seconds
