"""Rows around one service as the judge's cells and sightings, as far as they were known at a
moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from math import isnan
from statistics import fmean

import numpy as np

from monitor.model.alike import Alike
from monitor.model.edges import WINDOW_SECONDS, Edge, EdgeCell, Histogram, Sighting
from monitor.outside.counts import Counts, counts_of
from monitor.outside.releases import Releases
from monitor.outside.screen import Screen
from monitor.outside.shapes import Shapes, shapes_of
from monitor.outside.told import LATENCIES, Ints, Rows, Told
from monitor.outside.versions import Bools, Resolved, resolved

UNKNOWN = "unknown"
NOTHING: Histogram = {}
LEARNED_FROM = 1800.0
"""So many seconds before the deploy tell what the old version's instances are like."""
FEW = 20
TAILS = ("p90", "p95", "p99")
"""Of so few calls these are the one or two slowest: no level to tell of."""
TOLD = {name.removesuffix("_ms"): name for name in LATENCIES}
"""Numbers of a window that are kept as they are told: a histogram made of them is a guess."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a judge may know at one moment. `assumed` are codes of what rests on assumptions;
    `first` is the new version's first bin.
    """

    cells: Sequence[EdgeCell]
    sightings: Sequence[Sighting]
    assumed: frozenset[str]
    first: datetime | None
    old: str
    new: str
    stirs: bool
    """Whether the new version may look worse, or is silent: else judging it would find nothing."""


@dataclass(slots=True)
class _Sum:
    """The rows of one cell; the caller's word first, then the callee's."""

    calls: list[int] = field(default_factory=lambda: [0, 0])
    errors: list[int] = field(default_factory=lambda: [0, 0])
    assumed: bool = False
    said: list[bool] = field(default_factory=lambda: [False, False])
    """Whether a side tells how calls ended: of one that does not, no call was answered well
    because of that.
    """
    shapes: list[Histogram] = field(default_factory=lambda: [NOTHING, NOTHING])
    told: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Summed:
    """What was summed up to a moment, and by which versions."""

    whose: Resolved
    cells: list[EdgeCell]


class Recording:
    """The rows that touch one service, in the order in which their bins end."""

    def __init__(
        self, rows: Rows, subject: Told, deploys: Releases, environment: str, source: str
    ) -> None:
        """`deploys` are all of the case; `source` names the file in errors."""
        self.rows = rows.take(np.argsort(rows.ends, kind="stable"))
        self._told, self._deploys, self._environment, self._source = (
            subject,
            deploys,
            environment,
            source,
        )
        self._ends = self.rows.ends
        self._windows = windows_of(self.rows)
        self._last: _Summed | None = None

    @cached_property
    def counts(self) -> Counts:
        """Calls and errors of every row; assumptions rest on what was before the deploy."""
        return counts_of(self.rows, self._told.at)

    @cached_property
    def shapes(self) -> Shapes:
        """Latencies of every row."""
        return shapes_of(self.rows, self.counts.calls, self._source)

    @cached_property
    def has_levels(self) -> bool:
        """Whether latency is told by numbers, and by no histogram."""
        return bool(self.shapes.bare.any())

    @cached_property
    def _screen(self) -> Screen:
        return Screen.of(self.rows, self.counts, self.shapes, self._told.at)

    def until(self, moment: float) -> Known:
        """Cells and sightings of the bins that were over by then; nothing later is looked at."""
        size = int(np.searchsorted(self._ends, moment, side="right"))
        rows, windows, calls = (
            self.rows.take(slice(0, size)),
            self._windows[:size],
            self.counts.calls[:size],
        )
        whose = resolved(rows, windows, calls, self._told, self._deploys)
        answers = rows.callee.is_any(self._told.service)
        own = np.where(answers, whose.callee, whose.caller)
        fresh = (
            windows[whose.kept & (calls > 0) & (own == whose.names.index(whose.new))]
            if whose.new
            else windows[:0]
        )
        busy = calls > 0
        late = rows.ts > self._told.at - rows.step_s
        is_new = (
            whose.kept & (own == whose.names.index(whose.new))
            if whose.new
            else np.zeros(size, dtype=np.bool_)
        )
        silent = not (is_new & busy).any() or bool((is_new & ~busy).any())
        old = whose.kept & busy & ~(is_new & late)
        return Known(
            stirs=silent or self._screen.stirs(is_new & busy & late, old),
            cells=self._cells(rows, calls > 0, windows, whose),
            sightings=self._sightings(rows, answers, windows, whose),
            assumed=self._assumed(whose),
            first=datetime.fromtimestamp(int(fresh.min()), UTC) if fresh.size else None,
            old=whose.old,
            new=whose.new,
        )

    def _cells(
        self, rows: Rows, busy: Bools, windows: Ints, whose: Resolved
    ) -> Sequence[EdgeCell]:
        """Only what is new since the last moment is summed, unless newer rows tell that older ones
        are of other versions.
        """
        last = self._last
        size = last.whose.kept.size if last else 0
        continues = (
            last is not None and size <= whose.kept.size and _alike(last.whose, whose, size)
        )
        begins = size if continues else 0
        later = np.arange(whose.kept.size) >= begins
        fresh = summed(
            rows,
            whose.kept & busy & later,
            windows,
            whose,
            self.counts,
            self.shapes,
            self._environment,
        )
        self._last = _Summed(whose, [*last.cells, *fresh] if last and continues else fresh)
        return self._last.cells

    def _sightings(
        self, rows: Rows, answers: Bools, windows: Ints, whose: Resolved
    ) -> list[Sighting]:
        """Where instances have names, or a version is told to have answered nothing; else calls
        alone tell what was alive.
        """
        size = len(rows)
        calls, errors = self.counts.calls[:size], self.counts.errors[:size]
        mine = answers & whose.kept & ~rows.side.is_any("client")
        if not (mine & (~rows.instance.is_any("") | (calls == 0))).any():
            return []
        sums: dict[tuple[int, int, int], list[int]] = {}
        for row in np.flatnonzero(mine).tolist():
            counts = sums.setdefault(
                (int(windows[row]), int(whose.callee[row]), int(rows.instance.codes[row])), [0, 0]
            )
            counts[0] += int(calls[row])
            counts[1] += int(errors[row])
        return [
            Sighting(
                datetime.fromtimestamp(window, UTC), self._environment, "", self._told.service, whose.names[version],
                rows.instance.names[instance], answered, answered, bad,
            )
            for (window, version, instance), (answered, bad) in sorted(sums.items())
        ]  # fmt: skip

    def alike(self, moment: float) -> list[Alike]:
        """Calls of the last half hour before the deploy, and since, by what they may differ in;
        none where instances have no names.

        Bins, taken in turn, are the two folds.
        """
        size = int(np.searchsorted(self._ends, moment, side="right"))
        rows, windows, calls = (
            self.rows.take(slice(0, size)),
            self._windows[:size],
            self.counts.calls[:size],
        )
        named = (
            rows.callee.is_any(self._told.service)
            & ~rows.instance.is_any("")
            & ~rows.side.is_any("client")
        )
        if not named.any():
            return []
        whose = resolved(rows, windows, calls, self._told, self._deploys)
        chosen = np.flatnonzero(
            named & whose.kept & (calls > 0) & (rows.ts >= self._told.at - LEARNED_FROM)
        )
        sums: dict[tuple[int, ...], tuple[int, int, Histogram]] = {}
        for row in chosen.tolist():
            fold = int(rows.ts[row] // max(rows.step_s[row], 1.0)) % 2
            ends = int(rows.caller.codes[row]), int(rows.operation.codes[row])
            key = (
                *ends,
                int(whose.caller[row]),
                int(whose.callee[row]),
                int(rows.instance.codes[row]),
                fold,
            )
            every, bad, shape = sums.get(key, (0, 0, NOTHING))
            shape = (
                _merged(shape, self.shapes.histograms[row])
                if shape
                else self.shapes.histograms[row]
            )
            sums[key] = every + int(calls[row]), bad + int(self.counts.errors[row]), shape
        return [
            Alike(
                Edge(
                    self._environment,
                    rows.caller.names[caller] or UNKNOWN,
                    self._told.service,
                    "",
                    rows.operation.names[operation],
                ),
                whose.names[old],
                whose.names[new],
                rows.instance.names[instance],
                "",
                fold,
                every,
                {"server_error": bad, "provider_error": bad},
                NOTHING,
                shape,
            )
            for (caller, operation, old, new, instance, fold), (every, bad, shape) in sorted(
                sums.items(), key=lambda item: item[0]
            )
        ]

    def _assumed(self, whose: Resolved) -> frozenset[str]:
        size = whose.kept.size
        used = whose.kept & (self.counts.calls[:size] > 0)
        shaped = used & self.shapes.known[:size]
        assumptions = {
            "counts": bool((used & self.counts.assumed[:size]).any()),
            "errors": bool((used & ~self.counts.told[:size]).any()),
            "guessed": bool((used & self.shapes.guessed[:size]).any()),
            "quantiles": bool(
                (used & self.shapes.made[:size] & ~self.shapes.guessed[:size]).any()
            ),
            "latency": bool(used.any() and not shaped.any()),
            "time": whose.timed and bool(used.any()),
        }
        return frozenset(code for code, is_so in assumptions.items() if is_so)


def _alike(before: Resolved, now: Resolved, size: int) -> bool:
    """Whether these first rows are taken as they were."""
    pairs = ((before.kept, now.kept), (before.caller, now.caller), (before.callee, now.callee))
    return before.names == now.names and all(
        np.array_equal(column, other[:size]) for column, other in pairs
    )


def windows_of(rows: Rows) -> Ints:
    """The judge's window in which each bin begins."""
    return (rows.ts // WINDOW_SECONDS * WINDOW_SECONDS).astype(np.int64)


def summed(
    rows: Rows,
    used: Bools,
    windows: Ints,
    whose: Resolved,
    counts: Counts,
    shapes: Shapes,
    environment: str,
) -> list[EdgeCell]:
    """The used rows by window, edge and versions, in time order; both sides' words on the same
    calls in one cell.
    """
    sums: dict[tuple[int, int, int, int, int, int, int], _Sum] = {}
    server = ~rows.side.is_any("client")
    numbers = {name: getattr(rows, column) for name, column in TOLD.items()}
    columns = (
        windows,
        rows.caller.codes,
        rows.callee.codes,
        rows.operation.codes,
        whose.caller,
        whose.callee,
        rows.zone.codes,
    )
    chosen = np.flatnonzero(used)
    keys = zip(*(column[chosen].tolist() for column in columns), strict=True)
    for key, row, side in zip(
        keys, chosen.tolist(), server[chosen].astype(int).tolist(), strict=True
    ):
        cell = sums.get(key)
        if cell is None:
            cell = sums[key] = _Sum()
        cell.calls[side] += int(counts.calls[row])
        cell.errors[side] += int(counts.errors[row])
        cell.said[side] |= bool(counts.told[row])
        cell.assumed |= bool(counts.assumed[row])
        shape, more = cell.shapes[side], shapes.histograms[row]
        cell.shapes[side] = _merged(shape, more) if shape else more
        if shapes.bare[row]:
            few = counts.calls[row] < FEW
            for name, column in numbers.items():
                if not isnan(column[row]) and not (few and name in TAILS):
                    cell.told.setdefault(name, []).append(float(column[row]) / 1000.0)
    edges: dict[tuple[int, int, int], Edge] = {}
    out: list[EdgeCell] = []
    for (window, caller, callee, operation, old, new, zone), cell in sorted(sums.items()):
        edge = edges.get((caller, callee, operation))
        if edge is None:
            ends = rows.caller.names[caller] or UNKNOWN, rows.callee.names[callee]
            edge = edges[(caller, callee, operation)] = Edge(
                environment, *ends, "", rows.operation.names[operation]
            )
        out.append(
            _cell(window, edge, whose.names[old], whose.names[new], rows.zone.names[zone], cell)
        )
    return out


def _cell(window: int, edge: Edge, caller: str, callee: str, zone: str, cell: _Sum) -> EdgeCell:
    (made, answered), (bad, own_bad) = cell.calls, cell.errors
    calls = max(made, answered)
    bad = bad if made and (cell.said[0] or not cell.said[1]) else own_bad
    hidden = min(max(own_bad - bad, 0), calls - bad) if made else 0
    both = min(made, answered)
    coverage = {"both": both, "client_only": made - both, "server_only": answered - both}
    if cell.assumed:
        coverage["assumed"] = calls
    return EdgeCell(
        window=datetime.fromtimestamp(window, UTC),
        edge=edge,
        caller_version=caller,
        callee_version=callee,
        region=zone,
        calls=calls,
        weighted_calls=float(calls),
        failed=bad + hidden,
        outcomes={"ok": calls - bad - hidden, "server_error": bad + hidden},
        error_types={},
        conformance={},
        coverage=coverage,
        sampling="none",
        client_calls=made,
        server_calls=answered,
        client_seconds_sum=None,
        server_seconds_sum=None,
        client_histogram=cell.shapes[0],
        server_histogram=cell.shapes[1],
        self_histogram=NOTHING,
        queue_histogram=NOTHING,
        provider_only={"server_error": hidden} if hidden else {},
        told={name: fmean(values) for name, values in cell.told.items()},
    )


def _merged(histogram: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    out = dict(histogram)
    for bucket, count in other.items():
        out[bucket] = out.get(bucket, 0) + count
    return out
