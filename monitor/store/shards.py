"""One store spread over several: what belongs to traces stands in shards, all else in the house.

Each shard is a whole store that pairs and counts the traces of its own. What shards published is
summed into the house, which all reads of published windows ask; so those are as with one store.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.store.client import Store
from monitor.store.gathering import MERGES, Row, merged
from monitor.store.spread import (
    linked_elsewhere,
    messages_of,
    place_of_rows,
    shares,
)

OF_SHARDS = frozenset({"halves", "inner_spans", "long_spans", "exchanges"})
"""Tables whose rows stand in the shard of their trace alone."""
EVERYWHERE = frozenset({"message_ends"})
"""Tables of which each shard has all rows: a consumer may link to a message of another trace."""
AT_ONCE = 1000
"""Messages asked for in one question: a server takes 128 KB."""


class Shards:
    """The shards of one house, in the order of the settings. Safe between threads."""

    def __init__(self, house: Store, stores: Sequence[Store]) -> None:
        self.house, self.stores = house, tuple(stores)
        self._of_batch = threading.local()

    def write(self, table: str, rows: pa.Table) -> bool:
        """Write what belongs to the shards; whether nothing of it belongs to the house. Durable on
        return; the same rows may be written again. What a batch told of its windows and of time
        reaches every shard, and only once all rows of it are there.
        """
        if table in OF_SHARDS or table == "violations":
            self._write_apart(table, rows)
            return table in OF_SHARDS
        if table in EVERYWHERE:
            self._remember(messages_of(rows.filter(pa.array(rows.column("side").to_numpy() == 1))))
            self._write_to_all(table, rows)
            return True
        if table == "arrivals":
            self._arrive(rows)
            return True
        if table == "watermarks":
            self._write_to_all(table, rows)
            for store in self.stores:
                store.news.set()
        return False

    def read(self, name: str, ask: Callable[[Store], Sequence[Row]]) -> list[Row] | None:
        """The answer to a question about what stands in shards; None for all other questions.
        StoreUnavailable where one of them does not answer: a part is never told as the whole.
        """
        how = MERGES.get(name)
        if how is None:
            return None
        stores = (*self.stores, self.house) if how.house else self.stores
        return merged([ask(store) for store in stores], how)

    def _write_apart(self, table: str, rows: pa.Table) -> None:
        count = len(self.stores)
        if table == "halves":
            self._of_batch.messages = linked_elsewhere(rows, count)
        places = place_of_rows(table, rows, count)
        for number, store in enumerate(self.stores):
            store.insert(table, rows.filter(pa.array(places == number)))

    def _write_to_all(self, table: str, rows: pa.Table) -> None:
        for store in self.stores:
            store.insert(table, rows)

    def _remember(self, messages: list[str]) -> None:
        """Messages whose other ends may stand in another shard, until the batch is told of."""
        self._of_batch.messages = [*getattr(self._of_batch, "messages", ()), *messages]

    def _arrive(self, rows: pa.Table) -> None:
        """Tell each shard of all windows, so that each closes them all. Those too in which the
        other ends of messages stand: their shard learns of it by no row of its own.
        """
        parts = shares(rows.column("rows").to_numpy().astype(np.uint64), len(self.stores))
        place = rows.column_names.index("rows")
        far = self._far_windows() - set(rows.column("window").to_pylist())
        for store, share in zip(self.stores, parts, strict=True):
            arrivals = rows.set_column(place, "rows", pa.array(share))
            if far:
                arrivals = pa.concat_tables([arrivals, _touched(sorted(far), rows)])
            store.insert("arrivals", arrivals)
            store.news.set()

    def _far_windows(self) -> set[int]:
        messages = sorted(set(getattr(self._of_batch, "messages", ())))
        self._of_batch.messages = []
        windows: set[int] = set()
        for at in range(0, len(messages), AT_ONCE):
            asked = {"messages": messages[at : at + AT_ONCE]}
            windows |= {int(row["window"]) for row in self.stores[0].ask("far_ends", asked)}
        return windows


class OneShard:
    """What one shard shares with the others: addresses that any of them learned, and what was
    checked of messages, whose traces may be theirs.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores

    def write(self, table: str, rows: pa.Table) -> bool:
        """Write addresses to all shards."""
        if table != "addresses":
            return False
        for store in self._stores:
            store.insert_here(table, rows)
        return True

    def read(self, name: str, ask: Callable[[Store], Sequence[Row]]) -> list[Row] | None:  # noqa: ARG002 - as Shards
        """Every question is answered by the shard alone."""
        return None

    def columns(self, name: str, ask: Callable[[Store], pa.Table]) -> pa.Table | None:
        """Of the question `sent_checks` the answers of all shards; None for all others."""
        if name != "sent_checks":
            return None
        tables = [ask(store) for store in self._stores]
        return pa.concat_tables([table for table in tables if table.num_rows] or tables[:1])


def _touched(windows: list[int], like: pa.Table) -> pa.Table:
    """Arrivals of no rows in these windows, with the columns of others."""
    columns: dict[str, Any] = {
        "window": pa.array(windows, pa.uint32()),
        "source_id": ["a message of another shard"] * len(windows),
        "rows": pa.array([0] * len(windows), pa.uint64()),
    }
    return pa.table(
        {name: pa.array(columns[name]).cast(like.schema.field(name).type) for name in columns}
    )
