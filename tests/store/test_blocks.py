"""Columns in the engine's own format hold what Arrow holds."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from monitor.store import Store
from monitor.store.blocks import FORMAT, blocks_of, parts_of
from monitor.store.inline import MOST_BYTES

COLUMNS = (
    "word LowCardinality(String), many LowCardinality(String), few UInt8, small UInt16, at DateTime, big UInt64, signed Int64, "
    "real Float64, moment DateTime64(3), span FixedString(8), text String, spans Array(FixedString(8)), counts Map(LowCardinality(String), UInt64), "
    "buckets Map(Int16, UInt64), left_out UInt8 DEFAULT 7"
)
COUNT = 700


def words_of(*texts: str) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def rows_of(count: int, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "word": words_of(*(("é", "", "b" * 200)[n % 3] for n in numbers)),
            "many": words_of(*(str(n) for n in numbers)),
            "few": pa.array([n % 256 for n in numbers], pa.uint8()),
            "small": pa.array([n * 40 % 65536 for n in numbers], pa.uint16()),
            "at": pa.array(numbers, pa.uint32()),
            "big": pa.array([2**64 - 1 - n for n in numbers], pa.uint64()),
            "signed": pa.array([-n for n in numbers], pa.int64()),
            "real": pa.array([n / 7 for n in numbers], pa.float64()),
            "moment": pa.array([n * 1001 for n in numbers], pa.timestamp("ms", "UTC")),
            "span": pa.array([n.to_bytes(8, "big") for n in numbers], pa.binary(8)),
            "text": pa.array(["é\n\n'" * (n % 40) for n in numbers], pa.string()),
            "spans": pa.array(
                [[n.to_bytes(8, "big")] * (n % 3) for n in numbers], pa.list_(pa.binary(8))
            ),
            "counts": pa.array(
                [[(str(k), n) for k in range(n % 4)] for n in numbers],
                pa.map_(pa.string(), pa.uint64()),
            ),
            "buckets": pa.array(
                [[(-k, n)] * (n % 2) for k, n in enumerate(numbers)],
                pa.map_(pa.int16(), pa.uint64()),
            ),
        }
    )


@pytest.fixture
def tables(store: Store) -> Iterator[tuple[str, str]]:
    names = ("by_arrow", "by_blocks")
    for name in names:
        store.command(f"CREATE TABLE {name} ({COLUMNS}) ENGINE = Memory")
    yield names
    for name in names:
        store.command(f"DROP TABLE {name}")


def test_blocks_hold_what_arrow_holds(store: Store, tables: tuple[str, str]) -> None:
    """Of pieces with words of their own, cut anywhere, with more words than a byte numbers."""
    whole = rows_of(COUNT)
    pieces = pa.concat_tables([whole.slice(3, 5), rows_of(0), rows_of(4, 900), whole.slice(7)])
    blocks = blocks_of(pieces)
    assert blocks is not None
    with store._writers.borrow() as client:
        client.insert_arrow(tables[0], pieces.unify_dictionaries())
        client.raw_insert(tables[1], pieces.column_names, blocks, fmt=FORMAT)
        by_arrow, by_blocks = (
            client.query(f"SELECT * FROM {name} ORDER BY ALL").result_rows for name in tables
        )
    assert len(by_arrow) == pieces.num_rows
    assert by_blocks == by_arrow


def test_a_large_insert_is_handed_on_in_parts(store: Store, tables: tuple[str, str]) -> None:
    large = pa.concat_tables([rows_of(COUNT)] * (1 + 2 * MOST_BYTES // rows_of(COUNT).nbytes))
    parts = parts_of(large)
    assert parts is not None
    assert sum(map(len, parts)) > MOST_BYTES
    assert b"".join(parts) == blocks_of(large)
    store.insert(tables[1], large)
    with store._writers.borrow() as client:
        client.insert_arrow(tables[0], large.unify_dictionaries())
        by_arrow, by_parts = (
            client.query(f"SELECT * FROM {name} ORDER BY ALL").result_rows for name in tables
        )
    assert len(by_arrow) == large.num_rows
    assert by_parts == by_arrow


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None], pa.uint8()),
        pa.array([[None]], pa.list_(pa.uint64())),
        pa.array([None], pa.string()).dictionary_encode(),
        pa.array([[[1]]]),
        pa.array([True]),
    ],
)
def test_what_blocks_cannot_hold_is_left_to_arrow(column: pa.Array) -> None:
    assert blocks_of(pa.table({"n": pa.array([1], pa.uint8()), "column": column})) is None
