"""What every pipeline writes beside its rows: the ledger, the windows touched, event time reached,
what was refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.columns import dictionary
from monitor.model.records import Partition, Records, Reject

_SETTLED_SHARE = 0.95
TELL_EVERY_SECONDS = 1.0
TELL_IDLE_SECONDS = 3.0


def ledger_rows(
    records: Records,
    *,
    spans: NDArray[np.int64] | None = None,
    halves: NDArray[np.int64] | None = None,
    filtered: NDArray[np.int64] | None = None,
    rejected: NDArray[np.int64] | None = None,
    exchanges: NDArray[np.int64] | None = None,
    reading: int = 0,
) -> pa.Table:
    """Rows of `ledger`, one a record, in the batch's order; a replay of the record replaces its
    row.

    `reading` (ms since the epoch) tells the reading that these rows and the batch's rejects belong
    to.
    """
    zero = np.zeros(len(records), np.int64)

    def count(column: NDArray[np.int64] | None) -> pa.Array:
        return pa.array((zero if column is None else column).astype(np.uint32))

    places, at = _places(records)
    return pa.table(
        {
            "source_id": dictionary([place.source_id for place in places], at),
            "topic": dictionary([place.topic for place in places], at),
            "partition": pa.array(
                np.array([place.partition for place in places], np.uint32)[at]
                if len(at)
                else np.zeros(0, np.uint32)
            ),
            "offset": pa.array(np.array(records.offsets, np.uint64)),
            "gap": pa.array(np.array(records.gaps, np.uint64)),
            "spans": count(spans),
            "halves": count(halves),
            "filtered": count(filtered),
            "rejected": count(rejected),
            "exchanges": count(exchanges),
            "reading": pa.array(np.full(len(records), reading, np.uint64)),
        }
    )


def loss_rows(records: Records) -> pa.Table:
    """Rows of `losses`, one a record with a gap before it. A later reading without the gap takes
    none of them away.
    """
    lost = [index for index, gap in enumerate(records.gaps) if gap]
    places = [records.partitions[index] for index in lost]
    return pa.table(
        {
            "source_id": [place.source_id for place in places],
            "topic": [place.topic for place in places],
            "partition": pa.array([place.partition for place in places], pa.uint32()),
            "offset": pa.array([records.offsets[index] for index in lost], pa.uint64()),
            "gap": pa.array([records.gaps[index] for index in lost], pa.uint64()),
        }
    )


def arrival_rows(source_id: str, windows: NDArray[np.uint32], rows: NDArray[np.int64]) -> pa.Table:
    """Rows of `arrivals`: distinct windows a batch touched, and how many rows fell into each."""
    return pa.table(
        {
            "window": pa.array(windows),
            "source_id": dictionary([source_id], np.zeros(len(windows), np.int32)),
            "rows": pa.array(rows.astype(np.uint64)),
        }
    )


def reading_of(now: datetime) -> int:
    """The number of a reading that begins now, in ms since the epoch."""
    return int(now.timestamp() * 1000)


def reject_rows(rejects: Sequence[Reject], reading: int = 0) -> pa.Table:
    """Rows of `rejects`; never a payload. They are shown until the ledger tells of a later reading
    of their record.
    """
    return pa.table(
        {
            "source_id": pa.array([r.source_id for r in rejects], pa.string()),
            "topic": pa.array([r.topic for r in rejects], pa.string()),
            "partition": pa.array([r.partition for r in rejects], pa.uint32()),
            "offset": pa.array([r.offset for r in rejects], pa.uint64()),
            "reason": pa.array([r.reason for r in rejects], pa.string()),
            "detail": pa.array([r.detail for r in rejects], pa.string()),
            "payload_hash": pa.array([r.payload_hash for r in rejects], pa.string()),
            "payload_bytes": pa.array([r.payload_bytes for r in rejects], pa.uint64()),
            "count": pa.array([r.count for r in rejects], pa.uint32()),
            "whole": pa.array([int(r.whole) for r in rejects], pa.uint8()),
            "reading": pa.array([reading] * len(rejects), pa.uint64()),
        }
    )


class Watermarks:
    """Event time each partition has reached. Lives between batches; never goes back.

    A batch moves its partition to the 95th percentile of its end times, capped by the record's own
    time, so that one clock from the future moves nothing. A drained partition moves on with the
    clock on the wall, so that an idle source does not keep its last window open.
    """

    def __init__(self) -> None:
        self._reached: dict[Partition, float] = {}
        self._moved: dict[Partition, float] = {}
        self._told: float | None = None

    def update(
        self,
        records: Records,
        record_of: NDArray[np.int32],
        end_ns: NDArray[np.uint64],
        now: datetime,
    ) -> pa.Table:
        """Take a batch into account; rows of `watermarks` for every partition that is ours now."""
        wall = now.timestamp()
        places, at = _places(records)
        if len(end_ns):
            stamps = np.array(records.timestamps_ms, np.float64)[record_of] / 1e3
            ends = np.minimum(end_ns.astype(np.float64) / 1e9, stamps)
            of_place = at[record_of]
            for number, place in enumerate(places):
                mine = ends[of_place == number]
                if len(mine):
                    reached = float(
                        np.partition(mine, int(_SETTLED_SHARE * (len(mine) - 1)))[
                            int(_SETTLED_SHARE * (len(mine) - 1))
                        ]
                    )
                    self._reached[place] = max(self._reached.get(place, 0.0), reached)
                    self._moved[place] = wall
        ours = dict.fromkeys([*places, *records.drained])
        for gone in self._reached.keys() - ours.keys() if records.drained else ():
            del self._reached[gone]
        return self._rows(
            records.drained, [place for place in ours if place in self._reached], wall
        )

    def due(self, records: Records, now: datetime) -> bool:
        """Whether to tell the store now: once a second while batches follow each other, and every
        few where nothing comes.
        """
        wall = now.timestamp()
        often = TELL_EVERY_SECONDS if len(records) else TELL_IDLE_SECONDS
        if self._told is not None and 0 <= wall - self._told < often:
            return False
        self._told = wall
        return True

    def newest(self) -> float | None:
        """The farthest event time, in seconds since the epoch."""
        return max(self._reached.values(), default=None)

    def _rows(
        self, drained: Mapping[Partition, bool], places: Sequence[Partition], wall: float
    ) -> pa.Table:
        reached = []
        for place in places:
            idle = wall - self._moved[place] if drained.get(place) else 0.0
            reached.append(self._reached[place] + max(0.0, idle))
        milliseconds = pa.timestamp("ms", "UTC")
        return pa.table(
            {
                "source_id": pa.array([place.source_id for place in places], pa.string()),
                "topic": pa.array([place.topic for place in places], pa.string()),
                "partition": pa.array([place.partition for place in places], pa.uint32()),
                "watermark": pa.array([int(value * 1e3) for value in reached], pa.int64()).cast(
                    milliseconds
                ),
                "drained": pa.array(
                    [int(bool(drained.get(place))) for place in places], pa.uint8()
                ),
                "seen_at": pa.array([int(wall * 1e3)] * len(places), pa.int64()).cast(
                    milliseconds
                ),
            }
        )


def _places(records: Records) -> tuple[list[Partition], NDArray[np.int32]]:
    """Distinct partitions of a batch, and the place of each record among them."""
    numbers: dict[Partition, int] = {}
    # mostly one object many times, and hashed once
    distinct = {id(place): place for place in records.partitions}
    of = {key: numbers.setdefault(place, len(numbers)) for key, place in distinct.items()}
    return list(numbers), np.array([of[id(place)] for place in records.partitions], np.int32)
