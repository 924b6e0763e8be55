"""Sealed cells of edges by column: a sequence of EdgeCell that makes one only where it is asked
for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from monitor.model.edges import OUTCOMES, SAMPLINGS, Edge, EdgeCell

Numbers = NDArray[Any]
Rows = NDArray[np.int64]

TRACE_BYTES = 16
COVERAGE = ("both", "client_only", "server_only", "log_only", "folded", "failed_attempts")
COUNTED = (
    *("calls", "failed", *OUTCOMES, "valid", "violated", *COVERAGE),
    *("client_calls", "server_calls"),
)
"""Numbers of a cell, one column each."""
NANOSECONDS = ("client_ns", "server_ns")
BY_WORD = ("error_types", "provider_only", "not_checked")
BY_BUCKET = ("client_histogram", "server_histogram", "self_histogram", "queue_histogram")
PLACE = {name: place for place, name in enumerate(COUNTED)}


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """For each row any number of entries: those of row i are `starts[i]` up to `starts[i + 1]`.

    `keys` are buckets or places in words, `values` counts; or keys alone, rows of bytes.
    """

    starts: Rows
    keys: Numbers
    values: Numbers

    @property
    def lengths(self) -> Rows:
        """How many entries each row has."""
        return np.diff(self.starts)

    def taken(self, rows: Rows) -> "Lists":
        """Those of some rows."""
        begins = self.starts[rows]
        starts = np.zeros(begins.size + 1, dtype=np.int64)
        np.cumsum(self.starts[rows + 1] - begins, out=starts[1:])
        if not starts[-1]:
            return Lists(starts, self.keys[:0], self.values[:0])
        places = np.repeat(begins - starts[:-1], np.diff(starts)) + np.arange(starts[-1])
        return Lists(
            starts, self.keys[places], self.values[places] if self.values.size else self.values
        )

    def owners(self) -> Rows:
        """The row of each entry."""
        return np.repeat(np.arange(self.starts.size - 1), self.lengths)

    def of_row(self, row: int) -> slice:
        """Where the entries of a row are."""
        return slice(int(self.starts[row]), int(self.starts[row + 1]))


def joined(pieces: Sequence[Lists]) -> Lists:
    """The rows of several, one after the other."""
    lengths = np.concatenate([piece.lengths for piece in pieces])
    return Lists(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([piece.keys for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Row i of every column is one cell. `edges` and `words` are sorted, each once; `edge`,
    `caller_version`, `callee_version` and `region` are places in them.

    `windows` in seconds since the epoch; `counts` rows x COUNTED, `nanoseconds` rows x
    NANOSECONDS; `sampling` places in SAMPLINGS;
    `lists` by the names BY_WORD (keys are places in words) and BY_BUCKET; `exemplars` trace ids.
    """

    edges: tuple[Edge, ...]
    words: tuple[str, ...]
    windows: Rows
    edge: Rows
    caller_version: Rows
    callee_version: Rows
    region: Rows
    counts: Numbers
    nanoseconds: Rows
    weighted: NDArray[np.float64]
    sampling: Rows
    lists: Mapping[str, Lists]
    exemplars: Lists

    def taken(self, rows: Rows) -> "Columns":
        """Some rows, in this order."""
        return Columns(
            self.edges,
            self.words,
            self.windows[rows],
            self.edge[rows],
            self.caller_version[rows],
            self.callee_version[rows],
            self.region[rows],
            self.counts[rows],
            self.nanoseconds[rows],
            self.weighted[rows],
            self.sampling[rows],
            {name: lists.taken(rows) for name, lists in self.lists.items()},
            self.exemplars.taken(rows),
        )

    def column(self, name: str) -> NDArray[np.int64]:
        """One column of `counts`."""
        return np.asarray(self.counts[:, PLACE[name]], dtype=np.int64)

    def versions(self, rows: Rows, side: str) -> set[str]:
        """Versions of one side ("caller" or "callee") that these rows name."""
        codes = self.caller_version if side == "caller" else self.callee_version
        return {self.words[code] for code in np.unique(codes[rows]).tolist()}


class CellColumns(Sequence[EdgeCell]):
    """Sealed cells, in order of window, environment, caller, callee, protocol, operation and
    versions, each once. Equal to what it holds; cells are made when they are looked at.
    """

    __slots__ = ("columns",)

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return int(self.columns.windows.size)

    @overload
    def __getitem__(self, place: int) -> EdgeCell: ...
    @overload
    def __getitem__(self, place: slice) -> "CellColumns": ...
    def __getitem__(self, place: int | slice) -> "EdgeCell | CellColumns":
        if isinstance(place, slice):
            return CellColumns(self.columns.taken(np.arange(len(self))[place]))
        return self._cell(range(len(self))[place])

    def __iter__(self) -> Iterator[EdgeCell]:
        return map(self._cell, range(len(self)))

    def where(self, chosen: NDArray[np.bool_]) -> "CellColumns":
        """The cells of these rows."""
        return CellColumns(self.columns.taken(np.flatnonzero(chosen)))

    def edges(self) -> list[Edge]:
        """The edges that cells are of, in their order."""
        return [self.columns.edges[place] for place in np.unique(self.columns.edge).tolist()]

    def of_edge(self, edge: Edge) -> NDArray[np.bool_]:
        """Whether each cell is of this edge."""
        edges = self.columns.edges
        place = edges.index(edge) if edge in edges else -1
        return np.asarray(self.columns.edge == place)

    def since(self, moment: datetime) -> NDArray[np.bool_]:
        """Whether each cell's window begins then or later."""
        return np.asarray(self.columns.windows >= moment.timestamp())

    def calls_by_edge(self, chosen: NDArray[np.bool_] | None = None) -> dict[Edge, int]:
        """Calls of the chosen cells, by edge; edges in the order in which they come first."""
        rows = np.arange(len(self)) if chosen is None else np.flatnonzero(chosen)
        edge = self.columns.edge[rows]
        sums = np.bincount(edge, weights=self.columns.column("calls")[rows]).astype(np.int64)
        places, first = np.unique(edge, return_index=True)
        return {
            self.columns.edges[place]: int(sums[place])
            for place in places[np.argsort(first)].tolist()
        }

    def touching(self, service: str, side: str = "") -> NDArray[np.bool_]:
        """Whether each cell is of an edge with this service at that side, at any where none is
        named.
        """
        sides = (side,) if side else ("caller", "callee")
        edges = [
            any(getattr(edge, name) == service for name in sides) for edge in self.columns.edges
        ]
        return np.array(edges, dtype=np.bool_)[self.columns.edge]

    def _cell(self, row: int) -> EdgeCell:
        columns = self.columns
        numbers = dict(zip(COUNTED, columns.counts[row].tolist(), strict=True))
        numbers |= zip(NANOSECONDS, columns.nanoseconds[row].tolist(), strict=True)
        words, outcomes = columns.words, {str(name): numbers[name] for name in OUTCOMES}
        by_word, by_bucket = (
            {name: _entries(columns.lists[name], row, words if wordy else None) for name in names}
            for names, wordy in ((BY_WORD, True), (BY_BUCKET, False))
        )
        conformance = {"valid": numbers["valid"], "violated": numbers["violated"]}
        conformance |= {
            f"not_checked:{reason}": count
            for reason, count in sorted(by_word["not_checked"].items())
        }
        coverage = {name: numbers[name] for name in COVERAGE}
        coverage["untold"] = max(0, numbers["calls"] - sum(outcomes.values()))
        return EdgeCell(
            window=datetime.fromtimestamp(int(columns.windows[row]), UTC),
            edge=columns.edges[columns.edge[row]],
            caller_version=words[columns.caller_version[row]],
            callee_version=words[columns.callee_version[row]],
            region=words[columns.region[row]],
            calls=numbers["calls"],
            weighted_calls=float(columns.weighted[row]),
            failed=numbers["failed"],
            outcomes=outcomes,
            error_types=by_word["error_types"],
            conformance=conformance,
            coverage=coverage,
            sampling=SAMPLINGS[columns.sampling[row]],
            client_calls=numbers["client_calls"],
            server_calls=numbers["server_calls"],
            client_seconds_sum=_seconds(numbers, "client"),
            server_seconds_sum=_seconds(numbers, "server"),
            client_histogram=by_bucket["client_histogram"],
            server_histogram=by_bucket["server_histogram"],
            self_histogram=by_bucket["self_histogram"],
            queue_histogram=by_bucket["queue_histogram"],
            exemplars=traces_of(columns.exemplars, row),
            sealed=True,
            provider_only=by_word["provider_only"],
        )


def concatenated(pieces: Sequence[CellColumns]) -> CellColumns:
    """The cells of several, one after the other."""
    held = [piece for piece in pieces if len(piece)] or list(pieces[:1])
    if len(held) == 1:
        return held[0]
    parts = [piece.columns for piece in held]
    edges = sorted({edge for part in parts for edge in part.edges})
    words = sorted({word for part in parts for word in part.words})
    edge_place = {edge: place for place, edge in enumerate(edges)}
    word_place = {word: place for place, word in enumerate(words)}
    edge_codes = [_places(part.edges, edge_place) for part in parts]
    word_codes = [_places(part.words, word_place) for part in parts]
    coded = list(zip(parts, word_codes, strict=True))
    return CellColumns(
        Columns(
            tuple(edges),
            tuple(words),
            np.concatenate([part.windows for part in parts]),
            np.concatenate(
                [codes[part.edge] for part, codes in zip(parts, edge_codes, strict=True)]
            ),
            np.concatenate([codes[part.caller_version] for part, codes in coded]),
            np.concatenate([codes[part.callee_version] for part, codes in coded]),
            np.concatenate([codes[part.region] for part, codes in coded]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.nanoseconds for part in parts]),
            np.concatenate([part.weighted for part in parts]),
            np.concatenate([part.sampling for part in parts]),
            {
                name: joined([_recoded(part.lists[name], codes, name) for part, codes in coded])
                for name in (*BY_WORD, *BY_BUCKET)
            },
            joined([part.exemplars for part in parts]),
        )
    )


def once(cells: CellColumns) -> CellColumns:
    """Each cell once, in order."""
    columns = cells.columns
    keys = (
        columns.region,
        columns.callee_version,
        columns.caller_version,
        columns.edge,
        columns.windows,
    )
    order = np.lexsort(keys)
    fresh = np.zeros(order.size, dtype=np.bool_)
    fresh[:1] = True
    for key in keys:
        ordered = key[order]
        fresh[1:] |= ordered[1:] != ordered[:-1]
    return CellColumns(columns.taken(order[fresh]))


def _places(things: Sequence[Any], place_of: Mapping[Any, int]) -> Rows:
    return np.array([place_of[thing] for thing in things] or [0], dtype=np.int64)


def _recoded(lists: Lists, codes: Rows, name: str) -> Lists:
    if name in BY_BUCKET:
        return lists
    return Lists(lists.starts, codes[lists.keys], lists.values)


def traces_of(exemplars: Lists, row: int) -> tuple[str, ...]:
    """The trace ids of one row, in hex."""
    return tuple(trace.tobytes().hex() for trace in exemplars.keys[exemplars.of_row(row)])


def _entries(lists: Lists, row: int, words: Sequence[str] | None) -> dict[Any, int]:
    span = lists.of_row(row)
    keys: list[Any] = lists.keys[span].tolist()
    if words is not None:
        keys = [words[key] for key in keys]
    return dict(zip(keys, lists.values[span].tolist(), strict=True))


def _seconds(numbers: Mapping[str, int], side: str) -> float | None:
    return numbers[f"{side}_ns"] / 1e9 if numbers[f"{side}_calls"] else None


@dataclass(frozen=True, slots=True)
class Packed:
    """Cells by column as they are kept: what `CellColumns` holds, each array as its kind of number
    and its bytes. Windows and starts are differences.
    """

    edges: Sequence[Edge]
    words: Sequence[str]
    arrays: Mapping[str, tuple[str, bytes]]


def packed(cells: CellColumns) -> Packed:
    """To be kept; small numbers take few bytes."""
    columns = cells.columns
    arrays = {
        "windows": np.diff(columns.windows, prepend=0),
        "edge": columns.edge,
        "caller_version": columns.caller_version,
        "callee_version": columns.callee_version,
        "region": columns.region,
        "sampling": columns.sampling,
        "weighted": columns.weighted,
        # columns of one kind beside each other compress far better
        "counts": np.ascontiguousarray(columns.counts.T).reshape(-1),
        "nanoseconds": np.ascontiguousarray(columns.nanoseconds.T).reshape(-1),
        "exemplars.lengths": columns.exemplars.lengths,
        "exemplars.keys": columns.exemplars.keys.reshape(-1),
    }
    for name, lists in columns.lists.items():
        arrays[f"{name}.lengths"] = lists.lengths
        arrays[f"{name}.keys"] = lists.keys
        arrays[f"{name}.values"] = lists.values
    narrow = {name: _narrow(array) for name, array in arrays.items()}
    return Packed(
        columns.edges,
        columns.words,
        {name: (array.dtype.str, array.tobytes()) for name, array in narrow.items()},
    )


def unpacked(kept: Packed) -> CellColumns:
    """What `packed` gave. Errors: KeyError, ValueError for what is no such thing."""
    arrays = {
        name: np.frombuffer(data, dtype=np.dtype(kind))
        for name, (kind, data) in kept.arrays.items()
    }

    def wide(name: str) -> Rows:
        return arrays[name].astype(np.int64)

    def lists(name: str) -> Lists:
        starts = np.concatenate([[0], np.cumsum(wide(f"{name}.lengths"))]).astype(np.int64)
        return Lists(starts, wide(f"{name}.keys"), wide(f"{name}.values"))

    traces = np.concatenate([[0], np.cumsum(wide("exemplars.lengths"))]).astype(np.int64)
    return CellColumns(
        Columns(
            tuple(kept.edges),
            tuple(kept.words),
            np.cumsum(wide("windows")),
            wide("edge"),
            wide("caller_version"),
            wide("callee_version"),
            wide("region"),
            wide("counts").reshape(len(COUNTED), -1).T,
            wide("nanoseconds").reshape(len(NANOSECONDS), -1).T,
            arrays["weighted"].astype(np.float64),
            wide("sampling"),
            {name: lists(name) for name in (*BY_WORD, *BY_BUCKET)},
            Lists(
                traces,
                arrays["exemplars.keys"].reshape(-1, TRACE_BYTES),
                np.zeros(0, dtype=np.int64),
            ),
        )
    )


def narrowed(cells: CellColumns) -> CellColumns:
    """The same cells in a third of the memory: to be kept, and widened to be computed with."""
    return CellColumns(_with(cells.columns, _narrow))


def widened(cells: CellColumns) -> CellColumns:
    """The cells in 64 bits, with no edge or word that none of them is of."""
    columns = _with(cells.columns, lambda array: array.astype(np.int64))
    wordy = [columns.lists[name] for name in BY_WORD]
    codes = (columns.caller_version, columns.callee_version, columns.region)
    words = np.unique(np.concatenate([*codes, *(lists.keys for lists in wordy)]))
    edges, edge = np.unique(columns.edge, return_inverse=True)
    place = np.zeros(len(columns.words) + 1, dtype=np.int64)
    place[words] = np.arange(words.size)
    return CellColumns(
        replace(
            columns,
            edges=tuple(columns.edges[number] for number in edges.tolist()),
            words=tuple(columns.words[number] for number in words.tolist()),
            edge=edge,
            caller_version=place[codes[0]],
            callee_version=place[codes[1]],
            region=place[codes[2]],
            lists={name: _recoded(lists, place, name) for name, lists in columns.lists.items()},
        )
    )


def _with(columns: Columns, how: Callable[[Numbers], Numbers]) -> Columns:
    return replace(
        columns,
        windows=how(columns.windows),
        edge=how(columns.edge),
        caller_version=how(columns.caller_version),
        callee_version=how(columns.callee_version),
        region=how(columns.region),
        counts=how(columns.counts),
        nanoseconds=how(columns.nanoseconds),
        sampling=how(columns.sampling),
        lists={
            name: Lists(how(lists.starts), how(lists.keys), how(lists.values))
            for name, lists in columns.lists.items()
        },
    )


def _narrow(array: Numbers) -> Numbers:
    """The same numbers in the fewest bytes; floats as they are."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize == 1:
        return array
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    kinds = (np.int8, np.int16, np.int32) if low < 0 else (np.uint8, np.uint16, np.uint32)
    for kind in kinds:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.int64)
