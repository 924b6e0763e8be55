"""Rows of several batches, written together: an insert costs some 4 ms of CPU however few rows it
has.
"""

import pyarrow as pa

from monitor.store.client import Store


class Held:
    """Keeps rows until `flush`; what is never flushed was never written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: dict[str, list[pa.Table]] = {}

    def insert(self, table: str, rows: pa.Table) -> None:
        """Keep these rows."""
        if rows.num_rows:
            self._tables.setdefault(table, []).append(rows)

    def flush(self) -> None:
        """Write what is kept, the tables in the order in which they came; durable on return, which
        the store's closer is told.
        """
        tables, self._tables = self._tables, {}
        for table, pieces in tables.items():
            rows = pieces[0]
            if len(pieces) > 1:  # the numbers of words may be of different widths
                rows = pa.concat_tables(pieces, promote_options="permissive")
                rows = rows.unify_dictionaries().combine_chunks()
            self._store.insert(table, rows)
        if tables:
            self._store.news.set()
