"""Cells as columns, one table an edge, in an order that does not depend on how they came."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.measure.kinds import bad_calls, failures
from monitor.detect.measure.refusals import refused
from monitor.model.edges import WINDOW_SECONDS, ZERO_BUCKET, Edge, EdgeCell, Histogram

LOWEST_BUCKET = -160  # about a microsecond; smaller ones count here
HIGHEST_BUCKET = 120  # about nine hours
COUNTS = (
    "calls",
    "server_error",
    "provider_error",
    "client_error",
    "timeout",
    "failed",
    "examined",
    "checked",
    "violated",
    "both",
    "client_calls",
    "server_calls",
)
ATTEMPTS = "failed_attempts"
# Reasons for which an exchange met no promise at all, so that it says nothing about one.
UNPROMISED = frozenset(
    f"not_checked:{reason}"
    for reason in (
        *(
            "no_contract",
            "contract_unreadable",
            "preflight",
            "not_offered",
            "no_interaction",
            "unknown_callee",
        ),
        *("no_message", "unknown_producer"),
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class EdgeTable:
    """All cells of one edge. Row i of every array is one cell; rows are ordered by window,
    versions, region.

    `windows` in seconds since the epoch. `counts` has one column per name in COUNTS. `client`,
    `server` and `own` are rows x buckets, bucket `lowest` first; None when no cell has that side.
    `biased` marks rows whose sampling prefers some outcomes. `told` has a column for each number
    that is told of whole windows, NaN where it is not. `beside` counts what is no outcome of its
    own, where there is any: calls refused, by kind, and attempts that failed under a call and were
    made again (ATTEMPTS).
    """

    edge: Edge
    windows: Ints
    caller_versions: tuple[str, ...]
    callee_versions: tuple[str, ...]
    regions: tuple[str, ...]
    caller: Ints
    callee: Ints
    region: Ints
    counts: Ints
    biased: Ints
    client: Floats | None
    server: Floats | None
    own: Floats | None
    lowest: int
    exemplars: tuple[Sequence[str], ...]
    digest: str
    told: Mapping[str, Floats]
    beside: Mapping[str, Ints]

    def latency(self, side: str) -> Floats | None:
        """The histograms of one side (client, server, own), rows x buckets; None when no cell has
        that side.
        """
        return {"client": self.client, "server": self.server, "own": self.own}[side]


def tables(cells: Sequence[EdgeCell], since: float, until: float) -> list[EdgeTable]:
    """Sealed cells in [since, until) (seconds since the epoch), one table an edge, in the edges'
    order.
    """
    grouped: dict[Edge, list[tuple[float, EdgeCell]]] = {}
    for cell in cells:
        stamp = cell.window.timestamp()
        if cell.sealed and since <= stamp < until:
            grouped.setdefault(cell.edge, []).append((stamp, cell))
    return [_table(edge, grouped[edge]) for edge in sorted(grouped)]


def part_of(table: EdgeTable, rows: Bools) -> EdgeTable:
    """Some rows of a table, as a table; its digest stays that of the whole."""
    places = np.nonzero(rows)[0]
    client, server, own = (
        None if side is None else side[places] for side in (table.client, table.server, table.own)
    )
    return replace(
        table,
        windows=table.windows[places],
        caller=table.caller[places],
        callee=table.callee[places],
        region=table.region[places],
        counts=table.counts[places],
        biased=table.biased[places],
        client=client,
        server=server,
        own=own,
        exemplars=tuple(table.exemplars[place] for place in places.tolist()),
        told={name: column[places] for name, column in table.told.items()},
        beside={name: column[places] for name, column in table.beside.items()},
    )


def digest(parts: Sequence[str]) -> str:
    """sha256 in hex over texts, each with its length, so that no two lists of texts share one."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(str(len(data)).encode() + b":" + data)
    return sha.hexdigest()


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
    lowest = min((int(np.min(keys)) for keys, _, _ in sides if keys.size), default=0)
    width = max((int(np.max(keys)) for keys, _, _ in sides if keys.size), default=0) - lowest + 1
    client, server, own = (_dense(side, len(rows), lowest, width) for side in sides)
    sha = hashlib.sha256()
    sha.update(str(lowest).encode())
    sha.update(digest([*edge.key, *caller_versions, "", *callee_versions, "", *regions]).encode())
    for array in (windows, caller, callee, region, counts, biased):
        sha.update(array.tobytes())
    for side in (client, server, own):
        if side is not None:
            filled = np.nonzero(side)
            sha.update(np.stack(filled).tobytes() + side[filled].tobytes())
        sha.update(b"|")
    told = _told(rows)
    for name, column in told.items():
        sha.update(name.encode() + column.tobytes())
    beside = _beside(rows)
    for name, counted in beside.items():
        sha.update(name.encode() + counted.tobytes())
    exemplars = tuple(row.exemplars for row in rows)
    return EdgeTable(
        edge,
        windows,
        caller_versions,
        callee_versions,
        regions,
        caller,
        callee,
        region,
        counts,
        biased,
        client,
        server,
        own,
        lowest,
        exemplars,
        sha.hexdigest(),
        told,
        beside,
    )


def _told(rows: Sequence[EdgeCell]) -> dict[str, Floats]:
    names = sorted({name for row in rows for name in row.told})
    return {
        name: np.array([row.told.get(name, np.nan) for row in rows], dtype=np.float64)
        for name in names
    }


def _beside(rows: Sequence[EdgeCell]) -> dict[str, Ints]:
    if not any(row.error_types or ATTEMPTS in row.coverage for row in rows):
        return {}
    per_row: list[Mapping[str, int]] = [
        refused(row) | {ATTEMPTS: row.coverage.get(ATTEMPTS, 0)} for row in rows
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
    told = row.conformance
    violated = told.get("violated", 0) if told else 0
    return (
        row.calls - row.coverage.get("untold", 0),
        *bad_calls(row),
        failures(row),
        sum(count for name, count in told.items() if name not in UNPROMISED) if told else 0,
        told.get("valid", 0) + violated if told else 0,
        violated,
        row.coverage.get("both", 0),
        row.client_calls,
        row.server_calls,
    )


def _codes(texts: list[str]) -> tuple[tuple[str, ...], Ints]:
    names = sorted(set(texts))
    index: Mapping[str, int] = {name: code for code, name in enumerate(names)}
    return tuple(names), np.array([index[text] for text in texts], dtype=np.int64)


def _flat(histograms: list[Histogram]) -> tuple[Ints, Floats, Ints]:
    """Buckets, counts and rows of all entries of all histograms."""
    lengths = [len(histogram) for histogram in histograms]
    total = sum(lengths)
    keys = np.fromiter(chain.from_iterable(histograms), dtype=np.int64, count=total)
    values = np.fromiter(
        chain.from_iterable([histogram.values() for histogram in histograms]),
        dtype=np.float64,
        count=total,
    )
    keys = np.where(
        keys == ZERO_BUCKET, LOWEST_BUCKET, np.clip(keys, LOWEST_BUCKET, HIGHEST_BUCKET)
    )
    return keys, values, np.repeat(np.arange(len(histograms), dtype=np.int64), lengths)


def _dense(side: tuple[Ints, Floats, Ints], rows: int, lowest: int, width: int) -> Floats | None:
    keys, values, row = side
    if not keys.size:
        return None
    flat = np.bincount(row * width + keys - lowest, weights=values, minlength=rows * width)
    return np.asarray(flat.reshape(rows, width), dtype=np.float64)
