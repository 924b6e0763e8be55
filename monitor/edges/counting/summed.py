"""Rows that several stores counted, of one edge or one service and window, as the rows of all:
counts and histograms add up exactly, whatever their order.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.edges.counting.frame import Column, Rows, groups_of, traces_column
from monitor.edges.counting.joins import in_order
from monitor.edges.counting.rows import GROUP, trace_rank

SEEN = ("window", "environment", "namespace", "service", "version", "instance")
"""What tells rows of `sightings` apart."""
EDGES = GROUP
_WORST = frozenset({"sampling"})


def summed(tables: Sequence[pa.Table], by: Sequence[str], generation: int) -> pa.Table:
    """Rows of `edge_windows` (`by` EDGES) or `sightings` (`by` SEEN) under a generation: numbers
    and maps are added, of traces those with the smallest and the largest hash stay, as where
    calls are counted.
    """
    whole = pa.concat_tables(table for table in tables if table.num_rows or table is tables[0])
    if not whole.num_rows:
        return pa.table({})
    coded = {name: _coded(whole.column(name)) for name in by}
    group, first = groups_of(*(codes for codes, _ in coded.values()))
    order = in_order(group)
    starts = np.searchsorted(group[order], np.arange(len(first)))
    made: dict[str, pa.Array] = {}
    for name in whole.column_names:
        column = _one_piece(whole.column(name))
        if name in coded:
            codes, words = coded[name]
            made[name] = _keyed(codes[first], words)
        elif pa.types.is_map(column.type):
            made[name] = _maps(column, group, len(first))
        elif pa.types.is_list(column.type):
            made[name] = _traces(column, group, len(first))
        else:
            numbers = np.asarray(column)[order]
            add = np.maximum if name in _WORST else np.add
            made[name] = pa.array(add.reduceat(numbers, starts).astype(numbers.dtype))
    made["generation"] = pa.array(np.full(len(first), generation, np.uint64))
    return pa.table(made)


def _one_piece(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which begins at its first row."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return pa.concat_arrays(column.chunks)


def _coded(column: pa.ChunkedArray) -> tuple[Column, pa.Array | None]:
    """Numbers of a column's values, and the words that they stand for; None for numbers."""
    whole = _one_piece(column)
    if pa.types.is_integer(whole.type):
        return np.asarray(whole).astype(np.int64), None
    packed = whole.cast(pa.string()).dictionary_encode()
    return np.asarray(packed.indices).astype(np.int64), packed.dictionary


def _keyed(codes: Column, words: pa.Array | None) -> pa.Array:
    if words is None:
        return pa.array(codes.astype(np.uint32))
    used, at = np.unique(codes, return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        pa.array(at.astype(np.int32)), words.take(pa.array(used))
    )


def _entries(column: pa.Array, group: Rows) -> tuple[Rows, int, int]:
    """The group of each entry of lists or maps, and where the entries begin and end."""
    starts = np.asarray(column.offsets).astype(np.int64)
    return np.repeat(group, np.diff(starts)), int(starts[0]), int(starts[-1])


def _maps(column: pa.MapArray, group: Rows, count: int) -> pa.MapArray:
    of_group, begin, end = _entries(column, group)
    keys = column.keys.slice(begin, end - begin)
    values = np.asarray(column.items.slice(begin, end - begin))
    words = None
    if pa.types.is_integer(keys.type):
        codes = np.asarray(keys).astype(np.int64)
    else:
        packed = keys.cast(pa.string()).dictionary_encode()
        codes, words = np.asarray(packed.indices).astype(np.int64), packed.dictionary
    counted = values > 0
    of_group, codes, values = of_group[counted], codes[counted], values[counted]
    order = np.lexsort((codes, of_group))
    of_group, codes, values = of_group[order], codes[order], values[order]
    differs = (of_group[1:] != of_group[:-1]) | (codes[1:] != codes[:-1])
    starts = np.flatnonzero(np.append(True, differs)[: len(codes)])
    sums = np.add.reduceat(values, starts) if len(starts) else values
    held = codes[starts]
    named = pa.array(held.astype(np.int16)) if words is None else words.take(pa.array(held))
    offsets = np.searchsorted(of_group[starts], np.arange(count + 1)).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), named, pa.array(sums.astype(np.uint64)))


def _traces(column: pa.ListArray, group: Rows, count: int) -> pa.ListArray:
    """Of each group the traces with the smallest and the largest hash, one where they are one."""
    of_group, begin, end = _entries(column, group)
    packed = b"".join(column.values.slice(begin, end - begin).to_pylist())
    traces = np.frombuffer(packed, np.uint64).reshape(-1, 2)
    ranks = trace_rank(traces) if len(traces) else np.zeros(0, np.uint64)
    order = np.lexsort((ranks, of_group))
    of_group, traces, ranks = of_group[order], traces[order], ranks[order]
    begins = np.append(True, of_group[1:] != of_group[:-1])[: len(order)]
    ends = np.append(of_group[1:] != of_group[:-1], True)[: len(order)]
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    differ = ranks[first] != ranks[last]
    taken = np.stack([first, last], axis=1).reshape(-1)[
        np.stack([np.ones(len(differ), bool), differ], axis=1).reshape(-1)
    ]
    sizes = np.zeros(count, np.int64)
    sizes[of_group[first]] = 1 + differ
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), traces_column(traces[taken]))
