"""Whether an edge moved since a moment, by running sums alone: what is not judged for a while is
judged at once where it did.

A cheap bound, and no evidence: it only says when to look.
"""

from dataclasses import dataclass, field

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.model.cells import CellColumns, Lists
from monitor.model.edges import Edge

SIGMAS, CALLS = 5.0, 5.0
"""So far above what was usual, in standard deviations and in calls on top, is a move."""
LEARNED = 200.0
"""After so many calls an edge's own p90 is taken for the line above which calls are slow."""
SLOW = 0.9
_LOWEST, _BUCKETS = -300, 600


@dataclass(slots=True)
class RunningSums:
    """Calls, bad and slow calls of every edge since the beginning, by the edge's number."""

    numbers: dict[Edge, int] = field(default_factory=dict)
    by_service: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    sums: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    shapes: Floats = field(default_factory=lambda: np.zeros((0, _BUCKETS)))
    lines: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def learn(self, cells: CellColumns) -> None:
        """Add what was sealed."""
        if not len(cells):
            return
        columns = cells.columns
        number = np.array([self._number(edge) for edge in columns.edges])[columns.edge]
        size = len(self.numbers)
        self._grow(size - len(self.lines))
        calls, bad = columns.column("calls"), columns.column("calls") - columns.column("ok")
        bad = np.maximum(bad, columns.column("failed")) + columns.column("violated")
        shape = columns.lists["client_histogram"]
        own = columns.lists["server_histogram"]
        slow = np.zeros(size)
        # one side of each row: the caller's where it is known
        for lists, wanted in ((shape, shape.lengths > 0), (own, shape.lengths == 0)):
            slow += self._slow(lists, number, wanted)
        for place, column in enumerate((calls, bad)):
            self.sums[:, place] += np.bincount(number, weights=column, minlength=size)
        self.sums[:, 2] += slow

    def of(self, environment: str, service: str) -> "Mark":
        """The sums of a service's edges as they are now."""
        edges = np.array(self.by_service.get((environment, service), []), dtype=np.int64)
        return Mark(edges, self.sums[edges])

    def moved(self, since: "Mark") -> bool:
        """Whether more calls are bad, or slow, since then than were before."""
        before, now = since.sums, self.sums[since.edges]
        fresh = now - before
        usual = (before[:, 1:] + 1.0) / (before[:, :1] + 10.0)
        expected = usual * fresh[:, :1]
        return bool((fresh[:, 1:] > expected + SIGMAS * np.sqrt(expected) + CALLS).any())

    def _slow(self, lists: Lists, number: Ints, wanted: Bools) -> Floats:
        owners = lists.owners()
        inside = wanted[owners]
        edge, values = number[owners[inside]], lists.values[inside]
        place = np.clip(lists.keys[inside].astype(np.int64) - _LOWEST, 0, _BUCKETS - 1)
        size = len(self.numbers)
        flat = np.bincount(edge * _BUCKETS + place, weights=values, minlength=size * _BUCKETS)
        late = place > self.lines[edge]
        slow = np.bincount(edge[late], weights=values[late], minlength=size)
        if (self.lines == _BUCKETS).any():
            self.shapes += flat.reshape(size, _BUCKETS)
            totals = self.shapes.sum(axis=1)
            ready = (self.lines == _BUCKETS) & (totals >= LEARNED)
            beneath = np.cumsum(self.shapes[ready], axis=1)
            self.lines[ready] = (beneath >= SLOW * totals[ready, None]).argmax(axis=1)
            # what was learned until now was held against no line: else all that comes looks slow
            at_line = np.take_along_axis(beneath, self.lines[ready, None], axis=1)[:, 0]
            slow[ready] = totals[ready] - at_line
        return np.asarray(slow, dtype=np.float64)

    def _grow(self, more: int) -> None:
        if more:
            self.sums = np.concatenate([self.sums, np.zeros((more, 3))])
            self.shapes = np.concatenate([self.shapes, np.zeros((more, _BUCKETS))])
            self.lines = np.concatenate([self.lines, np.full(more, _BUCKETS)])

    def _number(self, edge: Edge) -> int:
        number = self.numbers.get(edge)
        if number is None:
            number = self.numbers[edge] = len(self.numbers)
            for service in {edge.caller, edge.callee}:
                self.by_service.setdefault((edge.environment, service), []).append(number)
        return number


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Sums of some edges at a moment."""

    edges: Ints
    sums: Floats
