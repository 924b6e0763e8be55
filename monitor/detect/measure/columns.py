"""Cells as columns, one table an edge, in an order that does not depend on how they came."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from monitor.detect.arrays import Floats, Ints
from monitor.detect.measure.by_column import tables_by_column
from monitor.detect.measure.kinds import bad_calls, failures
from monitor.detect.measure.refusals import refused
from monitor.detect.measure.table import (
    ASSUMED,
    ATTEMPTS,
    COUNTS,
    HIGHEST_BUCKET,
    LOWEST_BUCKET,
    UNPROMISED,
    EdgeTable,
    Entries,
    digest,
    edge_table,
    part_of,
    within_bounds,
)
from monitor.model.cells import CellColumns
from monitor.model.edges import WINDOW_SECONDS, Edge, EdgeCell, Histogram

__all__ = [
    "ATTEMPTS",
    "COUNTS",
    "HIGHEST_BUCKET",
    "LOWEST_BUCKET",
    "UNPROMISED",
    "EdgeTable",
    "Measured",
    "digest",
    "part_of",
    "tables",
]


def tables(cells: Sequence[EdgeCell], since: float, until: float) -> list[EdgeTable]:
    """Sealed cells in [since, until) (seconds since the epoch), one table an edge, in the edges'
    order.
    """
    if isinstance(cells, CellColumns):
        return tables_by_column(cells, since, until)
    grouped: dict[Edge, list[tuple[float, EdgeCell]]] = {}
    for cell in cells:
        stamp = cell.window.timestamp()
        if cell.sealed and since <= stamp < until:
            grouped.setdefault(cell.edge, []).append((stamp, cell))
    return [_table(edge, grouped[edge]) for edge in sorted(grouped)]


class Measured:
    """Tables that were made, kept for as long as one deploy is being judged: the same cells are
    asked for several times.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[CellColumns, list[EdgeTable]]] = {}

    def tables(self, cells: Sequence[EdgeCell], since: float, until: float) -> list[EdgeTable]:
        """As `tables`. They are not to be changed."""
        if not isinstance(cells, CellColumns) or not len(cells):
            return tables(cells, since, until)
        windows = cells.columns.windows
        if windows.min() < since or windows.max() >= until:
            return tables(cells, since, until)
        # the cells are kept too, so that no others come to bear their number
        _, made = self._made.setdefault(id(cells), (cells, []))
        if not made:
            made += tables_by_column(cells, since, until)
        return list(made)


def _table(edge: Edge, stamped: list[tuple[float, EdgeCell]]) -> EdgeTable:
    stamped.sort(key=_order)
    rows = [cell for _, cell in stamped]
    windows = np.array(
        [int(stamp) // WINDOW_SECONDS * WINDOW_SECONDS for stamp, _ in stamped], dtype=np.int64
    )
    caller_versions, caller = _codes([row.caller_version for row in rows])
    callee_versions, callee = _codes([row.callee_version for row in rows])
    regions, region = _codes([row.region for row in rows])
    counts = np.array([_counts(row) for row in rows], dtype=np.int64).reshape(
        len(rows), len(COUNTS)
    )
    biased = np.array([row.sampling == "biased" for row in rows], dtype=np.int64)
    sides = [
        _flat(list(histograms))
        for histograms in zip(
            *[(r.client_histogram, r.server_histogram, r.self_histogram) for r in rows],
            strict=True,
        )
    ]
    return edge_table(
        edge,
        windows,
        (caller_versions, callee_versions, regions),
        (caller, callee, region),
        counts,
        biased,
        sides,
        tuple(row.exemplars for row in rows),
        _told(rows),
        _beside(rows),
    )


def _told(rows: Sequence[EdgeCell]) -> dict[str, Floats]:
    names = sorted({name for row in rows for name in row.told})
    return {
        name: np.array([row.told.get(name, np.nan) for row in rows], dtype=np.float64)
        for name in names
    }


def _beside(rows: Sequence[EdgeCell]) -> dict[str, Ints]:
    counted = (ATTEMPTS, ASSUMED)
    if not any(row.error_types or any(name in row.coverage for name in counted) for row in rows):
        return {}
    per_row: list[Mapping[str, int]] = [
        refused(row) | {name: row.coverage.get(name, 0) for name in counted} for row in rows
    ]
    names = sorted({name for counts in per_row for name, count in counts.items() if count})
    return {
        name: np.array([counts.get(name, 0) for counts in per_row], dtype=np.int64)
        for name in names
    }


def _order(stamped: tuple[float, EdgeCell]) -> tuple[float, str, str, str, int, int]:
    stamp, cell = stamped
    return (stamp, cell.caller_version, cell.callee_version, cell.region, cell.calls, cell.failed)


def _counts(row: EdgeCell) -> tuple[int, ...]:
    promised = row.conformance
    violated = promised.get("violated", 0) if promised else 0
    return (
        row.calls - row.coverage.get("untold", 0),
        *bad_calls(row),
        failures(row),
        sum(count for name, count in promised.items() if name not in UNPROMISED)
        if promised
        else 0,
        promised.get("valid", 0) + violated if promised else 0,
        violated,
        row.coverage.get("both", 0),
        row.client_calls,
        row.server_calls,
    )


def _codes(texts: list[str]) -> tuple[tuple[str, ...], Ints]:
    names = sorted(set(texts))
    index: Mapping[str, int] = {name: code for code, name in enumerate(names)}
    return tuple(names), np.array([index[text] for text in texts], dtype=np.int64)


def _flat(histograms: list[Histogram]) -> Entries:
    """Buckets, counts and rows of all entries of all histograms."""
    lengths = [len(histogram) for histogram in histograms]
    total = sum(lengths)
    keys = np.fromiter(chain.from_iterable(histograms), dtype=np.int64, count=total)
    values = np.fromiter(
        chain.from_iterable([histogram.values() for histogram in histograms]),
        dtype=np.float64,
        count=total,
    )
    return (
        within_bounds(keys),
        values,
        np.repeat(np.arange(len(histograms), dtype=np.int64), lengths),
    )
