"""A batch in the making: columns of records from several partitions, and the gaps between their offsets."""

from collections.abc import Iterable, Mapping

from monitor.model.records import Partition, Records


class Gathering:
    """Gathers records into the next `Records`. Knows the next offset expected of each partition, so that skipped ones are counted."""

    def __init__(self) -> None:
        self._expected: dict[Partition, int] = {}
        self._rows: list[tuple[bytes, Partition, int, int, Mapping[str, bytes], int]] = []
        self.payload_bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def expect(self, partition: Partition, offset: int) -> None:
        """The next record of this partition should have this offset (what was committed, or where we chose to start)."""
        self._expected[partition] = offset

    def expected(self, partition: Partition) -> int | None:
        """The offset after the last one added, or what `expect` said; None when neither is known."""
        return self._expected.get(partition)

    def add(self, value: bytes, partition: Partition, offset: int, timestamp_ms: int, headers: Mapping[str, bytes]) -> None:
        """Add one record; offsets must ascend within a partition."""
        gap = max(0, offset - self._expected.get(partition, offset))
        self._expected[partition] = offset + 1
        self._rows.append((value, partition, offset, timestamp_ms, headers, gap))
        self.payload_bytes += len(value)

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget these partitions: another reader has them now."""
        gone = set(partitions)
        for partition in gone:
            self._expected.pop(partition, None)
        self._rows = [row for row in self._rows if row[1] not in gone]
        self.payload_bytes = sum(len(row[0]) for row in self._rows)

    def take(self, drained: Mapping[Partition, bool]) -> Records:
        """Everything gathered, as one batch; the gathering is empty afterwards."""
        rows, self._rows, self.payload_bytes = self._rows, [], 0
        if not rows:
            return Records((), (), (), (), (), (), drained)
        values, partitions, offsets, timestamps_ms, headers, gaps = zip(*rows, strict=True)
        return Records(values, partitions, offsets, timestamps_ms, headers, gaps, drained)
