"""Cells of the past, packed by the two ends of their edges: who asks for a service unpacks what it
takes part in, and no more.
"""

import zlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Any

import numpy as np

from monitor.model.cells import (
    BY_BUCKET,
    BY_WORD,
    COUNTED,
    NANOSECONDS,
    TRACE_BYTES,
    CellColumns,
    Columns,
    Lists,
    Numbers,
    narrowed,
    widened,
)
from monitor.model.edges import Edge, qualified

_ROWS = (
    *("windows", "edge", "caller_version", "callee_version", "region"),
    *("counts", "nanoseconds", "weighted", "sampling"),
)
_LISTS = (*BY_WORD, *BY_BUCKET)


class PackedCells:
    """Cells of windows before `ends`. `size`: bytes that they take."""

    def __init__(self, cells: CellColumns) -> None:
        numbers: dict[tuple[str, ...], int] = {}
        parts = [numbers.setdefault(_ends(edge), len(numbers)) for edge in cells.columns.edges]
        part = np.array(parts, dtype=np.int64)[cells.columns.edge]
        order = np.argsort(part, kind="stable")
        columns = narrowed(CellColumns(cells.columns.taken(order))).columns
        cuts = np.searchsorted(part[order], np.arange(len(numbers) + 1)).tolist()
        _, first = np.unique(parts, return_index=True)
        self.ends = int(columns.windows.max()) + 1
        self._edges, self._words = columns.edges, columns.words
        self._whose = [columns.edges[place] for place in first.tolist()]
        self._of = places_of(self._whose)
        self._kinds = [array.dtype for array in _arrays(columns, 0, 0)]
        self._parts = [_packed(_arrays(columns, *span)) for span in pairwise(cuts)]
        self._gone: set[int] = set()
        self.size = sum(len(data) for _, data in self._parts)

    def cells(
        self, environment: str, services: Sequence[str], first: int, end: int
    ) -> CellColumns | None:
        """The cells of windows from `first` to `end` on edges that one of the services takes part
        in (none named are all), in no order; None where there are none.
        """
        pieces: list[list[memoryview]] = [[] for _ in self._kinds]
        places = asked_for(self._of, services, len(self._parts)) if first < self.ends else ()
        for place in places:
            if environment in {"", self._whose[place].environment}:
                sizes, packed = self._parts[place]
                data, begin = memoryview(zlib.decompress(packed)), 0
                for held, size in zip(pieces, sizes, strict=True):
                    held.append(data[begin : begin + size])
                    begin += size
        arrays = [
            np.frombuffer(b"".join(held), dtype=kind)
            for held, kind in zip(pieces, self._kinds, strict=True)
        ]
        cells = CellColumns(_columns(arrays, self._edges, self._words))
        windows = cells.columns.windows
        inside = (windows >= first) & (windows < end)
        if self._gone:
            inside &= ~np.isin(windows, list(self._gone))
        return widened(cells.where(inside)) if inside.any() else None

    def let_go(self, windows: range) -> None:
        """From now on nothing is held of these windows."""
        self._gone.update(windows)


def places_of(edges: Sequence[Edge]) -> dict[str, list[int]]:
    """By each name that a service may be asked for: the places of edges that it takes part in."""
    places: dict[str, list[int]] = {}
    for place, edge in enumerate(edges):
        ends = ((edge.caller_namespace, edge.caller), (edge.callee_namespace, edge.callee))
        for called in {name for space, plain in ends for name in (plain, qualified(space, plain))}:
            places.setdefault(called, []).append(place)
    return places


def asked_for(
    places: Mapping[str, Sequence[int]], services: Sequence[str], size: int
) -> AbstractSet[int] | range:
    """The places of edges that one of the services takes part in; none named are all."""
    if not services:
        return range(size)
    return {place for name in services for place in places.get(name, ())}


def _ends(edge: Edge) -> tuple[str, ...]:
    return (
        *(edge.environment, edge.caller_namespace, edge.caller),
        *(edge.callee_namespace, edge.callee),
    )


def _arrays(columns: Columns, first: int, end: int) -> list[Numbers]:
    """Of some rows all that `_columns` needs."""
    arrays: list[Numbers] = [getattr(columns, name)[first:end] for name in _ROWS]
    for lists in (*(columns.lists[name] for name in _LISTS), columns.exemplars):
        entries = slice(int(lists.starts[first]), int(lists.starts[end]))
        lengths = np.diff(lists.starts[first : end + 1]).astype(np.int32)
        arrays += [lengths, lists.keys[entries], lists.values[entries]]
    return arrays


def _packed(arrays: Sequence[Numbers]) -> tuple[list[int], bytes]:
    """How many bytes each takes, and all of them."""
    parts = [array.tobytes() for array in arrays]
    return list(map(len, parts)), zlib.compress(b"".join(parts), 1)


def _columns(
    arrays: Sequence[Numbers], edges: tuple[Edge, ...], words: tuple[str, ...]
) -> Columns:
    rows: dict[str, Any] = dict(zip(_ROWS, arrays, strict=False))
    rest = arrays[len(_ROWS) :]
    lists = [
        Lists(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), keys, values)
        for lengths, keys, values in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    ]
    *by_name, traces = lists
    return Columns(
        edges=edges,
        words=words,
        **{
            **rows,
            "counts": rows["counts"].reshape(-1, len(COUNTED)),
            "nanoseconds": rows["nanoseconds"].reshape(-1, len(NANOSECONDS)),
        },
        lists=dict(zip(_LISTS, by_name, strict=True)),
        exemplars=Lists(traces.starts, traces.keys.reshape(-1, TRACE_BYTES), traces.values),
    )
