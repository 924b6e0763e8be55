"""What every collector writes of a batch after its rows and before its commit: arrivals, rejects,
losses, ledger, watermarks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from monitor import telemetry
from monitor.clock import Clock
from monitor.edges.bookkeeping import Watermarks, arrival_rows, ledger_rows, loss_rows, reject_rows
from monitor.joining.examining import Examined
from monitor.model.records import Records, Reject
from monitor.store import Store
from monitor.store.held import Held

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Where a batch's spans or exchanges lie: `record` and `end_ns` of each; the distinct
    `windows`, and how many rows each got.
    """

    record: NDArray[np.int32]
    end_ns: NDArray[np.uint64]
    windows: NDArray[np.uint32]
    window_rows: NDArray[np.int64]


_NOTHING = Rows(
    np.zeros(0, np.int32), np.zeros(0, np.uint64), np.zeros(0, np.uint32), np.zeros(0, np.int64)
)


class Books:
    """The books of one pipeline. Lives between batches: it remembers how far each partition's
    event time has come. Where its rows are `held`, whoever flushes them says that they are there.
    """

    def __init__(self, store: Store, pipeline: str, held: Held | None = None) -> None:
        self._store, self._pipeline, self._held = store, pipeline, held
        self._insert = store.insert if held is None else held.insert
        self._watermarks = Watermarks()

    def examined(
        self,
        records: Records,
        results: Examined,
        rejects: Sequence[Reject],
        reading: int,
        clock: Clock,
        **counts: Counts,
    ) -> None:
        """All of a batch that holds exchanges only: what checking found, its rows, and the books.
        `counts`: further columns of the ledger.
        """
        results.keep(self._store)
        rows = Rows(results.record, results.end_ns, results.windows, results.window_rows)
        self.arrived(records, rows)
        self.entered(
            records,
            rejects,
            reading,
            exchanges=results.per_record,
            rejected=results.rejected(rejects),
            **counts,
        )
        self.marked(records, rows, clock())
        for outcome, count in results.outcomes.items():
            telemetry.EXCHANGES.labels(outcome).inc(count)

    def arrived(self, records: Records, rows: Rows) -> None:
        """Which windows the batch touched: they are closed again. Before `entered`, so that none
        is forgotten.
        """
        if len(records):
            self._insert(
                "arrivals",
                arrival_rows(records.partitions[0].source_id, rows.windows, rows.window_rows),
            )

    def entered(
        self, records: Records, rejects: Sequence[Reject], reading: int, **counts: Counts
    ) -> None:
        """What became of every record; durable on return. `counts`: the ledger's columns, by
        record.
        """
        if len(records):
            self._insert("rejects", reject_rows(rejects, reading))
            self._insert("losses", loss_rows(records))
            self._insert("ledger", ledger_rows(records, reading=reading, **counts))
        for reject in rejects:
            telemetry.REJECTS.labels(self._pipeline, reject.reason).inc(reject.count)

    def idle(self, records: Records, now: datetime) -> None:
        """All of a batch without records: a heartbeat, once a second where nothing comes."""
        self.marked(records, _NOTHING, now)

    def marked(self, records: Records, rows: Rows, now: datetime) -> None:
        """How far event time has come, once a second at most; a batch without records is a
        heartbeat, told every few seconds.
        """
        due = self._watermarks.due(records, now)
        if due or len(records):
            marks = self._watermarks.update(records, rows.record, rows.end_ns, now)
            if due:
                self._insert("watermarks", marks)
            if self._store.recent is not None:
                self._store.recent.marked(marks)
        if len(records) and self._held is None:
            self._store.news.set()
        reached = self._watermarks.newest()
        if reached is not None:
            telemetry.WATERMARK.labels(self._pipeline).set(reached)
