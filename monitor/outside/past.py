"""What numbers without a histogram did before a deploy, as far back as rows tell: all that there
is to hold them against.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from monitor.detect.measure.series import DAY, Past
from monitor.model.edges import Edge
from monitor.outside.cells import TOLD, UNKNOWN, windows_of
from monitor.outside.told import Rows, Told, numbers_only

DAYS = 7
"""Older ones are of another week, and perhaps of another service."""


def past_of(parts: Sequence[Rows | None], subject: Told, environment: str) -> list[Past]:
    """Of each edge into the service and each number told of it, one after another through `parts`
    (a history, then the case's own rows).
    """
    by_edge: dict[tuple[Edge, str], list[Past]] = {}
    for part in parts:
        if part is None:
            continue
        mine = part.take(part.callee.is_any(subject.service) & (part.ends <= subject.at))
        rows = mine.take(mine.ts >= (float(mine.ts.max()) if len(mine) else 0.0) - DAYS * DAY)
        for numbers in _each(
            rows.take(np.argsort(rows.ts, kind="stable")), subject.service, environment
        ):
            by_edge.setdefault((numbers.edge, numbers.name), []).append(numbers)
    return [
        Past(
            edge,
            name,
            np.concatenate([numbers.windows for numbers in ones]),
            np.concatenate([numbers.values for numbers in ones]),
        )
        for (edge, name), ones in by_edge.items()
    ]


def _each(rows: Rows, service: str, environment: str) -> Iterator[Past]:
    alone, windows = numbers_only(rows), windows_of(rows)
    for pair in np.unique(
        np.stack([rows.caller.codes[alone], rows.operation.codes[alone]]), axis=1
    ).T.tolist():
        caller, operation = pair
        mine = alone & (rows.caller.codes == caller) & (rows.operation.codes == operation)
        edge = Edge(
            environment,
            rows.caller.names[caller] or UNKNOWN,
            service,
            "",
            rows.operation.names[operation],
        )
        for name, column in TOLD.items():
            values = getattr(rows, column)[mine] / 1000.0
            filled = ~np.isnan(values)
            if filled.any():
                moments, places = np.unique(windows[mine][filled], return_inverse=True)
                mean = np.bincount(places, weights=values[filled]) / np.bincount(places)
                yield Past(edge, name, moments, mean)
