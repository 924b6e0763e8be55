"""Answers of the store as cells by column."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from monitor.model.cells import (
    BY_BUCKET,
    BY_WORD,
    COUNTED,
    NANOSECONDS,
    TRACE_BYTES,
    CellColumns,
    Columns,
    Lists,
    Rows,
)
from monitor.model.edges import Edge

_ENDS = (
    *("environment", "caller", "callee", "protocol", "operation"),
    *("caller_namespace", "callee_namespace"),
)
"""In the order in which edges are sorted."""
_VERSIONS = ("caller_version", "callee_version", "region")


def columns_of(rows: pa.Table) -> CellColumns | None:
    """Rows of the statement `sealed_cells`, or of `cells`; None where two are of one cell."""
    size = rows.num_rows
    texts = {name: _coded(rows.column(name)) for name in (*_ENDS, *_VERSIONS)}
    edges, edge = _edges(texts, size)
    counts = {name: _counts(*_entries(rows.column(name))) for name in BY_BUCKET}
    wordy = {name: _entries_by_word(rows.column(name)) for name in BY_WORD}
    words = sorted(
        {text for name in _VERSIONS for text in texts[name][0]}.union(
            *(names for names, *_ in wordy.values())
        )
    )
    place = {word: code for code, word in enumerate(words)}

    def in_words(names: Sequence[str], codes: Rows) -> Rows:
        return np.array([place[name] for name in names] or [0], dtype=np.int64)[codes]

    versions = {name: in_words(*texts[name]) for name in _VERSIONS}
    for name, (names, starts, codes, values) in wordy.items():
        counts[name] = _counts(starts, in_words(names, codes), values)
    windows = _numbers(rows.column("window"))
    order = np.lexsort(
        (versions["region"], versions["callee_version"], versions["caller_version"], edge, windows)
    )
    if size > 1 and _doubled(order, windows, edge, *versions.values()):
        return None
    columns = Columns(
        edges,
        tuple(words),
        windows,
        edge,
        versions["caller_version"],
        versions["callee_version"],
        versions["region"],
        np.stack([_numbers(rows.column(name)) for name in COUNTED], axis=1),
        np.stack([_numbers(rows.column(name)) for name in NANOSECONDS], axis=1),
        np.asarray(rows.column("weighted_calls").to_numpy(), dtype=np.float64),
        _numbers(rows.column("sampling")),
        counts,
        _traces(rows.column("exemplars")),
    )
    return CellColumns(columns.taken(order))


def _doubled(order: Rows, *keys: Rows) -> bool:
    same = np.ones(order.size - 1, dtype=np.bool_)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    return bool(same.any())


def _edges(
    texts: Mapping[str, tuple[Sequence[str], Rows]], size: int
) -> tuple[tuple[Edge, ...], Rows]:
    """Edges in their order, each once, and each row's."""
    key = np.zeros(size, dtype=np.int64)
    for name in _ENDS:
        names, codes = texts[name]
        # so that products stay small, whatever is in a store
        _, key = np.unique(key * max(1, len(names)) + codes, return_inverse=True)
    _, first = np.unique(key, return_index=True)
    made = [
        Edge(*(texts[name][0][texts[name][1][row]] for name in _ENDS)) for row in first.tolist()
    ]
    order = sorted(range(len(made)), key=made.__getitem__)
    rank = np.zeros(max(1, len(made)), dtype=np.int64)
    rank[order] = np.arange(len(made))
    return tuple(made[place] for place in order), rank[key]


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Rows]:
    """The texts, each once, and each row's."""
    coded = _whole(column)
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    places = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return coded.dictionary.to_pylist(), places


def _numbers(column: pa.ChunkedArray) -> Rows:
    return np.asarray(column.to_numpy()).astype(np.int64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _entries(column: pa.ChunkedArray) -> tuple[Rows, Rows, Rows]:
    """Starts, keys and values of a column of maps of numbers."""
    starts, keys, values = _parted(column)
    return starts, keys.to_numpy(zero_copy_only=False).astype(np.int64), values


def _entries_by_word(column: pa.ChunkedArray) -> tuple[list[str], Rows, Rows, Rows]:
    """Words, starts, keys as places in the words, and values of a column of maps of texts."""
    starts, keys, values = _parted(column)
    coded = keys.dictionary_encode()
    places = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return coded.dictionary.to_pylist(), starts, places, values


def _parted(column: pa.ChunkedArray) -> tuple[Rows, pa.Array, Rows]:
    array = _whole(column)
    starts = array.offsets.to_numpy().astype(np.int64)
    first, size = int(starts[0]), int(starts[-1] - starts[0])
    values = array.items.slice(first, size).to_numpy(zero_copy_only=False)
    return starts - first, array.keys.slice(first, size), values.astype(np.int64)


def _counts(starts: Rows, keys: Rows, values: Rows) -> Lists:
    """Entries by key within each row, those that count nothing left out, as sums give them."""
    row = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    if values.size and not values.all():
        kept = values > 0
        row, keys, values = row[kept], keys[kept], values[kept]
    if keys.size > 1 and ((np.diff(keys) < 0) & (np.diff(row) == 0)).any():
        order = np.lexsort((keys, row))
        keys, values = keys[order], values[order]
    counted = np.bincount(row, minlength=starts.size - 1)
    return Lists(np.concatenate([[0], np.cumsum(counted)]).astype(np.int64), keys, values)


def _traces(column: pa.ChunkedArray) -> Lists:
    array = _whole(column)
    starts = array.offsets.to_numpy().astype(np.int64)
    first, size = int(starts[0]), int(starts[-1] - starts[0])
    traces = b"".join(array.values.slice(first, size).to_pylist())
    return Lists(
        starts - first,
        np.frombuffer(traces, dtype=np.uint8).reshape(-1, TRACE_BYTES),
        np.zeros(0, dtype=np.int64),
    )
