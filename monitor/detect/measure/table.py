"""One edge's cells as columns of numbers: what every test of an edge reads."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.model.cells import Lists, traces_of
from monitor.model.edges import ZERO_BUCKET, Edge

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
ASSUMED = "assumed"
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
        "observed",  # nor one that counts yet
        *("no_message", "unknown_producer"),
    )
)


class Traces(Sequence[Sequence[str]]):
    """Trace ids of some rows, as texts where they are looked at."""

    __slots__ = ("_exemplars", "_rows")

    def __init__(self, exemplars: Lists, rows: Ints) -> None:
        self._exemplars, self._rows = exemplars, rows

    def __len__(self) -> int:
        return int(self._rows.size)

    @overload
    def __getitem__(self, place: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, place: slice) -> "Traces": ...
    def __getitem__(self, place: int | slice) -> "Sequence[str] | Traces":
        if isinstance(place, slice):
            return Traces(self._exemplars, self._rows[place])
        return traces_of(self._exemplars, int(self._rows[place]))

    def at(self, places: Ints) -> "Traces":
        """Those of some places."""
        return Traces(self._exemplars, self._rows[places])


@dataclass(frozen=True, slots=True, eq=False)
class EdgeTable:
    """All cells of one edge. Row i of every array is one cell; rows are ordered by window,
    versions, region.

    `windows` in seconds since the epoch. `counts` has one column per name in COUNTS. `client`,
    `server` and `own` are rows x buckets, bucket `lowest` first; None when no cell has that side.
    `biased` marks rows whose sampling prefers some outcomes. `told` has a column for each number
    that is told of whole windows, NaN where it is not. `beside` counts what is no outcome of its
    own, where there is any: calls refused, by kind, and attempts that failed under a call and were
    made again (ATTEMPTS), calls whose number is assumed (ASSUMED).
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
    exemplars: Sequence[Sequence[str]]
    digest: str
    told: Mapping[str, Floats]
    beside: Mapping[str, Ints]

    @property
    def is_counted(self) -> bool:
        """Whether somebody told how many calls there were; else how they grow or shrink is not
        known.
        """
        return ASSUMED not in self.beside

    def latency(self, side: str) -> Floats | None:
        """The histograms of one side (client, server, own), rows x buckets; None when no cell has
        that side.
        """
        return {"client": self.client, "server": self.server, "own": self.own}[side]


Entries = tuple[Ints, Ints | Floats, Ints]
"""Of histograms: the bucket, the count and the row of each entry."""


Filled = tuple[Ints, Ints, Floats]
"""Of a histogram by row and bucket, what is not zero: rows, buckets and numbers, in order."""
Spread = tuple[int, Sequence[Floats | None], Sequence[Filled | None]]
"""The lowest bucket of an edge; its client, server and own side, rows x buckets; and their Filled.
"""


def edge_table(
    edge: Edge,
    windows: Ints,
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    codes: tuple[Ints, Ints, Ints],
    counts: Ints,
    biased: Ints,
    sides: Sequence[Entries],
    exemplars: Sequence[Sequence[str]],
    numbers: Mapping[str, Floats],
    beside: Mapping[str, Ints],
) -> EdgeTable:
    """The table of these columns, with its digest. `names` and `codes`: versions of callers and
    callees, and regions; `sides`: client, server and own.
    """
    lowest = min((int(keys.min()) for keys, _, _ in sides if keys.size), default=0)
    width = max((int(keys.max()) for keys, _, _ in sides if keys.size), default=0) - lowest + 1
    dense = [_dense(side, windows.size, lowest, width) for side in sides]
    filled = [None if side is None else _filled(side) for side in dense]
    spread = lowest, dense, filled
    return named_table(
        edge, windows, names, codes, counts, biased, spread, exemplars, numbers, beside
    )


def named_table(
    edge: Edge,
    windows: Ints,
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    codes: tuple[Ints, Ints, Ints],
    counts: Ints,
    biased: Ints,
    spread: Spread,
    exemplars: Sequence[Sequence[str]],
    numbers: Mapping[str, Floats],
    beside: Mapping[str, Ints],
) -> EdgeTable:
    """The same, of histograms that are spread out already."""
    lowest, (client, server, own), filled = spread
    columns = (windows, *codes, counts, biased)
    named = digest_of(edge, lowest, names, columns, filled, numbers, beside)
    return EdgeTable(
        edge,
        windows,
        *names,
        *codes,
        counts,
        biased,
        client,
        server,
        own,
        lowest,
        exemplars,
        named,
        numbers,
        beside,
    )


def within_bounds(buckets: Ints) -> Ints:
    """Buckets as tables have them: what is beyond the ends counts there, zero at the lowest."""
    if buckets.size and buckets.min() >= LOWEST_BUCKET and buckets.max() <= HIGHEST_BUCKET:
        return buckets
    return np.where(
        buckets == ZERO_BUCKET, LOWEST_BUCKET, np.clip(buckets, LOWEST_BUCKET, HIGHEST_BUCKET)
    )


def _dense(side: Entries, rows: int, lowest: int, width: int) -> Floats | None:
    """Rows x buckets; None without any entry."""
    keys, values, row = side
    if not keys.size:
        return None
    flat = np.bincount(row * width + (keys - lowest), weights=values, minlength=rows * width)
    return np.asarray(flat.reshape(rows, width), dtype=np.float64)


def _filled(side: Floats) -> Filled:
    rows, buckets = np.nonzero(side)
    values = side[rows, buckets]
    return np.ascontiguousarray(rows), np.ascontiguousarray(buckets), values


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
        exemplars=table.exemplars.at(places)
        if isinstance(table.exemplars, Traces)
        else [table.exemplars[place] for place in places.tolist()],
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


def digest_of(
    edge: Edge,
    lowest: int,
    names: Sequence[Sequence[str]],
    columns: Sequence[Ints],
    sides: Sequence[Filled | None],
    numbers: Mapping[str, Floats],
    beside: Mapping[str, Ints],
) -> str:
    """What names a table's content. `names`: versions of callers and callees, and regions."""
    callers, callees, regions = names
    sha = hashlib.sha256()
    sha.update(str(lowest).encode())
    sha.update(digest([*edge.key, *callers, "", *callees, "", *regions]).encode())
    for array in columns:
        sha.update(array.tobytes())
    for side in sides:
        if side is not None:
            for part in side:
                sha.update(part.data)
        sha.update(b"|")
    for name, column in numbers.items():
        sha.update(name.encode() + column.tobytes())
    for name, counted in beside.items():
        sha.update(name.encode() + counted.tobytes())
    return sha.hexdigest()
