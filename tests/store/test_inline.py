"""Rows that stand in a statement arrive as they are, whatever their bytes."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import StoreError
from monitor.store import Store
from monitor.store.blocks import blocks_of

ENDS = st.sampled_from([b"\n", b"\n\n", b";", b"'", b"--", b"/*", b"`", b"\\", b"\0"])
TEXTS = st.lists(st.one_of(ENDS, st.binary(max_size=3)), max_size=4).map(b"".join)


@pytest.mark.usefixtures("table")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS.map(lambda text: text.ljust(8, b"\n")[:8]), TEXTS), min_size=1))
def test_any_bytes_arrive(store: Store, pairs: list[tuple[bytes, bytes]]) -> None:
    texts = [text.decode("latin-1") for _, text in pairs]
    rows = pa.table(
        {
            "n": pa.array(range(len(pairs)), pa.uint16()),
            "fixed": pa.array([fixed for fixed, _ in pairs], pa.binary(8)),
            "text": pa.array(texts),
            "word": pa.array(texts).dictionary_encode(),
        }
    )
    blocks = blocks_of(rows)
    assert blocks is not None
    store.command("TRUNCATE TABLE inlined")
    inline = store._inline
    assert inline is not None
    taken = inline.insert("inlined", rows.column_names, blocks)
    assert taken or b"\n\n" in blocks or blocks.startswith(b"\n")
    if not taken:
        store.insert("inlined", rows)
    with store._writers.borrow() as client:
        stored = client.query_arrow("SELECT * FROM inlined ORDER BY n").to_pylist()
    assert [row["fixed"] for row in stored] == [fixed for fixed, _ in pairs]
    assert [row["text"] for row in stored] == [row["word"] for row in stored] == texts


@pytest.fixture
def table(store: Store) -> None:
    store.command("DROP TABLE IF EXISTS inlined")
    store.command(
        "CREATE TABLE inlined (n UInt16, fixed FixedString(8), text String, word LowCardinality(String)) ENGINE = Memory"
    )


def test_what_the_engine_refuses_is_told(store: Store) -> None:
    with pytest.raises(StoreError, match=r"insert into nowhere.*nowhere"):
        store.insert("nowhere", pa.table({"n": pa.array([1], pa.uint8())}))
