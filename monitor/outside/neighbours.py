"""Neighbouring services' rows as controls: which they are, and when they were known."""

from collections.abc import Iterator, Sequence

import numpy as np

from monitor.detect.evidence.fanout import NAMELESS
from monitor.model.edges import EdgeCell
from monitor.outside.cells import UNKNOWN, windows_of
from monitor.outside.told import Rows


def ended_with(rows: Rows, cells: Sequence[EdgeCell]) -> Iterator[tuple[float, EdgeCell]]:
    """When the bins of these rows ended that each cell is made of: theirs may be longer than the
    service's own, or begin at other seconds.
    """
    ends: dict[tuple[int, str, str, str], float] = {}
    columns = (rows.caller, rows.callee, rows.operation)
    texts = ([column.names[code] for code in column.codes.tolist()] for column in columns)
    for window, caller, callee, operation, end in zip(
        windows_of(rows).tolist(), *texts, rows.ends.tolist(), strict=True
    ):
        key = window, caller or UNKNOWN, callee, operation
        ends[key] = max(ends.get(key, end), end)
    for cell in cells:
        edge = cell.edge
        key = int(cell.window.timestamp()), edge.caller, edge.callee, edge.operation
        yield ends[key], cell


def busiest(rows: Rows, near: set[str]) -> list[str]:
    """Services that nobody of these calls or is called by, those with most rows first."""
    linked = rows.caller.is_any(*near) | rows.callee.is_any(*near)
    ends = (
        (column.names[code] for code in np.unique(column.codes[linked]).tolist())
        for column in (rows.caller, rows.callee)
    )
    judged = near.union(NAMELESS, *ends)
    counted = np.bincount(rows.callee.codes, minlength=len(rows.callee.names))
    order = np.argsort(-counted, kind="stable").tolist()
    return [
        rows.callee.names[code]
        for code in order
        if counted[code] and rows.callee.names[code] not in judged
    ]
