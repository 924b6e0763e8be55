"""Columns of a table of spans as numbers and codes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words as codes."""

    words: list[str]
    codes: NDArray[np.int64]


def order_of(spans: pa.Table) -> Rows:
    """Rows in an order of their own: what follows may not depend on how they were read."""
    return np.lexsort(
        (
            integers(spans, "kind"),
            integers(spans, "window"),
            id_keys(spans, "span"),
            trace_keys(spans),
        )
    )


def integers(spans: pa.Table, name: str) -> NDArray[np.int64]:
    """A column of whole numbers."""
    return np.asarray(spans.column(name).to_numpy()).astype(np.int64)


def _bytes(spans: pa.Table, name: str, width: int) -> bytes:
    column = spans.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        return b"".join(
            bytes(chunk.buffers()[1])[chunk.offset * width : (chunk.offset + len(chunk)) * width]
            for chunk in column.chunks
        )
    return bytes(column.buffers()[1])[
        column.offset * width : (column.offset + len(column)) * width
    ]


def id_keys(spans: pa.Table, name: str) -> NDArray[np.uint64]:
    """A column of ids of 8 bytes as numbers."""
    return np.frombuffer(_bytes(spans, name, 8), np.uint64)


def trace_keys(spans: pa.Table) -> NDArray[np.uint64]:
    """One number for each trace id: both of its halves, mixed."""
    halves = np.frombuffer(_bytes(spans, "trace", 16), np.uint64).reshape(-1, 2)
    return mixed_keys(halves[:, 0], halves[:, 1])


def mixed_keys(key: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Two numbers as one; pairs that differ hardly ever meet."""
    state = (key * np.uint64(0x9E3779B97F4A7C15)) ^ (key >> np.uint64(31)) ^ other
    state = (state ^ (state >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return state ^ (state >> np.uint64(32))


def rows_at(
    ordered: NDArray[np.uint64], order: Rows, places: Rows, wanted: NDArray[np.uint64]
) -> Rows:
    """The row at each place of an index when its key is the one wanted, else -1."""
    inside = places < len(ordered)
    places = np.where(inside, places, 0)
    return np.where(inside & (ordered[places] == wanted), order[places], -1)


def words_of(spans: pa.Table, name: str) -> Words:
    """A column of words, dictionary-coded or not."""
    column = spans.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = (
            column.unify_dictionaries().combine_chunks()
            if column.num_chunks
            else pa.array([], pa.string())
        )
    if not isinstance(column, pa.DictionaryArray):
        column = column.dictionary_encode()
    numbers: dict[str, int] = {}
    places = np.array(
        [numbers.setdefault(word, len(numbers)) for word in column.dictionary.to_pylist()],
        np.int64,
    )
    codes = np.asarray(column.indices.to_numpy(zero_copy_only=False)).astype(np.int64)
    return Words(list(numbers), places[codes] if len(places) else codes)
