"""A log in memory: the twin of a Kafka topic, for demos, tests and small replays."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitor.model.records import Offsets, Partition, Records
from monitor.streams.batching import Gathering


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """One record as it stands in a log."""

    value: bytes
    timestamp_ms: int = 0
    headers: Mapping[str, bytes] = field(default_factory=dict)


class ListLog:
    """A topic in memory: outlives its sources and keeps each group's committed offsets. Safe
    between threads.
    """

    def __init__(
        self, topic: str = "list", partitions: int = 1, source_id: str = "0000000000000000"
    ) -> None:
        self.partitions = tuple(
            Partition(source_id, topic, number) for number in range(partitions)
        )
        self._rows: dict[Partition, list[ListedRecord]] = {
            partition: [] for partition in self.partitions
        }
        self._committed: dict[tuple[str, Partition], int] = {}
        self._changed = threading.Condition()

    def append(
        self,
        value: bytes,
        partition: int = 0,
        *,
        timestamp_ms: int = 0,
        headers: Mapping[str, bytes] | None = None,
    ) -> int:
        """Append one record; returns its offset."""
        with self._changed:
            rows = self._rows[self.partitions[partition]]
            rows.append(ListedRecord(value, timestamp_ms, headers or {}))
            self._changed.notify_all()
            return len(rows) - 1

    def end(self, partition: Partition) -> int:
        """The offset that the next record will get."""
        with self._changed:
            return len(self._rows[partition])

    def read(self, partition: Partition, offset: int, limit: int) -> list[ListedRecord]:
        """Up to `limit` records from `offset` on."""
        with self._changed:
            return self._rows[partition][offset : offset + limit]

    def committed(self, group: str, partition: Partition) -> int | None:
        """The group's committed offset, None when it never committed."""
        with self._changed:
            return self._committed.get((group, partition))

    def commit(self, group: str, offsets: Offsets) -> None:
        """Keep the group's offsets."""
        with self._changed:
            self._committed.update(
                {(group, partition): offset for partition, offset in offsets.items()}
            )

    def wait_for_more(self, seen: Mapping[Partition, int], timeout_seconds: float) -> None:
        """Return as soon as a partition has grown past `seen`, or after the timeout."""
        with self._changed:
            self._changed.wait_for(
                lambda: any(len(self._rows[p]) > offset for p, offset in seen.items()),
                timeout_seconds,
            )


class ListSource:
    """Reads a `ListLog` as one member that owns all its partitions. `batch_records` bounds a
    batch.
    """

    def __init__(
        self,
        log: ListLog,
        group: str = "list",
        *,
        batch_records: int = 1000,
        poll_seconds: float = 1.0,
        until_caught_up: bool = True,
    ) -> None:
        self._log, self._group = log, group
        self._batch_records, self._poll_seconds, self._until_caught_up = (
            batch_records,
            poll_seconds,
            until_caught_up,
        )
        self._closed = False

    def poll(self) -> Iterator[Records]:
        """Batches in partition order; see `Source.poll`."""
        log, gathering = self._log, Gathering()
        targets = {partition: log.end(partition) for partition in log.partitions}
        position = {
            partition: log.committed(self._group, partition) or 0 for partition in log.partitions
        }
        while not self._closed:
            for partition in log.partitions:
                for row in log.read(
                    partition, position[partition], self._batch_records - len(gathering)
                ):
                    gathering.add(
                        row.value, partition, position[partition], row.timestamp_ms, row.headers
                    )
                    position[partition] += 1
            yield gathering.take(
                {
                    partition: position[partition] >= log.end(partition)
                    for partition in log.partitions
                }
            )
            if self._until_caught_up and all(
                position[partition] >= end for partition, end in targets.items()
            ):
                return
            log.wait_for_more(position, self._poll_seconds)

    def commit(self, offsets: Offsets) -> None:
        """See `Source.commit`."""
        self._log.commit(
            self._group,
            {
                partition: offset
                for partition, offset in offsets.items()
                if partition in self._log.partitions
            },
        )

    def close(self) -> None:
        """See `Source.close`."""
        self._closed = True
