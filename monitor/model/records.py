"""Raw records as they come from Kafka or a file, where they stand, and what could not be read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Partition:
    """One ordered log. `source_id` is 16 hex digits naming the log for ever.

    For Kafka it is the hash of cluster id and topic id, so a topic made anew (or a demo broker
    started again) is another source; for a file it is the hash of its content.
    """

    source_id: str
    topic: str
    partition: int


Place = tuple[str, int, int]
"""Source id, partition and offset: what identifies a record wherever its rows lie."""

Offsets = Mapping[Partition, int]
"""The next offset to read, per partition: what is safe to commit."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What a pipeline yields while nothing of a source could be read yet: `reason` says what its
    bytes look like and what reads them.

    `offsets` are those of other sources that may be committed all the same.
    """

    reason: str
    offsets: Offsets = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fruitless:
    """What a pipeline yields while it has read records and nothing came of any: `reason` says what
    became of them.

    `offsets` may be committed: each record was understood, or is refused for what it says.
    """

    reason: str
    offsets: Offsets = field(default_factory=dict)


Progress = Offsets | Unread | Fruitless
"""What a pipeline yields after each batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """A batch of raw records, in order within each partition. Parallel sequences, one entry a
    record.

    `timestamps_ms` is the record's own time (Kafka CreateTime or LogAppendTime, else read time).
    `headers` maps a header's name to its bytes; empty mapping when there are none. `gaps` counts
    offsets that were skipped just before a record (retention, compaction, a decompression bomb
    that was stepped over); zero nearly always. `drained` tells for each partition assigned to us
    whether its end was reached by this batch. A batch may hold no record at all: then it only
    carries `drained` (a heartbeat).
    """

    values: Sequence[bytes]
    partitions: Sequence[Partition]
    offsets: Sequence[int]
    timestamps_ms: Sequence[int]
    headers: Sequence[Mapping[str, bytes]]
    gaps: Sequence[int]
    drained: Mapping[Partition, bool] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def next_offsets(self) -> dict[Partition, int]:
        """What may be committed once everything in this batch is durable."""
        ends: dict[Partition, int] = {}
        # records of one partition mostly lie side by side, and share its object
        held, most = None, -1
        for partition, offset in zip(self.partitions, self.offsets, strict=True):
            if partition is held:
                most = max(most, offset)
                continue
            if held is not None:
                ends[held] = max(ends.get(held, 0), most + 1)
            held, most = partition, offset
        if held is not None:
            ends[held] = max(ends.get(held, 0), most + 1)
        return ends

    def places(self) -> list[Place]:
        """The place of each record."""
        pairs = zip(self.partitions, self.offsets, strict=True)
        return [(where.source_id, where.partition, offset) for where, offset in pairs]

    def index(self) -> dict[Place, int]:
        """At which index of the batch the record of each place stands: how rows find back to the
        record they came from.
        """
        return {place: at for at, place in enumerate(self.places())}

    @property
    def bytes(self) -> int:
        """Sum of the payloads' lengths."""
        return sum(map(len, self.values))


@dataclass(frozen=True, slots=True)
class Reject:
    """One record (or a part of it) that cannot be used. Never the payload itself, only its hash
    and length.

    `count` is the number of spans or exchanges refused for this reason; 1 when the whole record is
    unreadable. `whole` is true when nothing of the record could be used.
    """

    source_id: str
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str = ""
    payload_hash: str = ""
    payload_bytes: int = 0
    count: int = 1
    whole: bool = True

    @property
    def place(self) -> Place:
        """The record's."""
        return self.source_id, self.partition, self.offset


Rejects = Sequence[Reject]

REJECT_HEADER = "seamwatch-reject"
"""A source that had to step over bytes it cannot decode (a bad checksum, a decompression bomb, a
truncated tail) puts one empty record in their place, at their last offset, with the reason under
this header: reason, or reason: detail.
"""


def stepped_over(records: Records) -> list[Reject]:
    """The rejects for what the source itself could not decode; its placeholders hold no payload
    and decode to nothing.
    """
    rejects = []
    for index, headers in enumerate(records.headers):
        if REJECT_HEADER in headers and not records.values[index]:
            reason, _, detail = headers[REJECT_HEADER].decode("utf-8", "replace").partition(": ")
            rejects.append(reject(records, index, reason[:60], detail))
    return rejects


def reject(
    records: Records,
    index: int,
    reason: str,
    detail: str = "",
    count: int = 1,
    *,
    whole: bool = True,
) -> Reject:
    """A reject for record `index`; `detail` must not quote the payload."""
    where = records.partitions[index]
    value = records.values[index]
    digest = hashlib.blake2b(value[:65536], digest_size=8).hexdigest()
    return Reject(
        where.source_id,
        where.topic,
        where.partition,
        records.offsets[index],
        reason,
        detail[:200],
        digest,
        len(value),
        count,
        whole,
    )
