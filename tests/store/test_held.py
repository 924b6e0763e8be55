"""Rows that wait for others of their table."""

import numpy as np
import pyarrow as pa

from monitor.edges.bookkeeping import arrival_rows
from monitor.store import Store
from monitor.store.held import Held


def _ends(trace: int, services: list[str], width: pa.DataType) -> pa.Table:
    """Messages of one trace, a row a service, the words' numbers of this width."""
    count = len(services)
    ids = pa.array([row.to_bytes(8, "big") for row in range(1, count + 1)], pa.binary(8))
    words = pa.DictionaryArray.from_arrays(pa.array(range(count), width), pa.array(services))
    return pa.table(
        {
            "trace": pa.array([trace.to_bytes(16, "big")] * count, pa.binary(16)),
            "call_span": ids,
            "side": pa.array([1] * count, pa.uint8()),
            "own_span": ids,
            "window": pa.array([1_700_000_000] * count, pa.uint32()),
            "service": words,
        }
    )


def test_rows_wait_and_are_written_once_in_the_order_in_which_tables_came(store: Store) -> None:
    held, told = Held(store), list[tuple[str, int]]()
    insert = store.insert
    store.insert = lambda table, rows: (told.append((table, rows.num_rows)), insert(table, rows))[
        0
    ]  # type: ignore[method-assign]  # a listener
    try:
        held.insert("message_ends", _ends(1, ["web", "cart"], pa.int8()))
        held.insert("long_spans", pa.table({"window": pa.array([], pa.uint32())}))
        held.insert("arrivals", arrival_rows("0" * 16, np.array([1_700_000_000], np.uint32), np.array([2])))  # fmt: skip
        held.insert("message_ends", _ends(2, ["cart", "web", "mail"], pa.int16()))
        store.news.clear()
        assert not told
        held.flush()
        assert store.news.is_set()
        held.flush()
    finally:
        store.insert = insert  # type: ignore[method-assign]  # as it was
    assert told == [("message_ends", 5), ("arrivals", 1)]
    rows = store.ask_columns("message_ends_at_hand", {"traces": [f"{n:032x}" for n in (1, 2)]}, given={"few"})  # fmt: skip
    services = rows["service"].cast(pa.string()).to_pylist()
    assert sorted(services) == ["cart", "cart", "mail", "web", "web"]
