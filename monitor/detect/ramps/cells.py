"""What one step of time holds of one pair of versions on one operation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.detect.measure.columns import UNPROMISED

Side = tuple[str, str, str]
"""Namespace, service, version."""


@dataclass(frozen=True, slots=True)
class RampCell:
    """Counts as in `edge_windows`, of the step that begins at `at` (s since the epoch); `bad` are
    calls that either side calls a failure.
    """

    at: int
    caller_namespace: str
    caller: str
    caller_version: str
    callee_namespace: str
    callee: str
    callee_version: str
    protocol: str
    operation: str
    calls: int
    bad: int
    outcomes: Mapping[str, int]
    valid: int
    violated: int
    not_checked: Mapping[str, int]
    client_histogram: Mapping[int, int]
    server_histogram: Mapping[int, int]
    queue_histogram: Mapping[int, int]
    both: int
    biased: bool
    last: int

    @property
    def caller_side(self) -> Side:
        """Who called, in which version."""
        return self.caller_namespace, self.caller, self.caller_version

    @property
    def callee_side(self) -> Side:
        """Who was called, in which version."""
        return self.callee_namespace, self.callee, self.callee_version

    @property
    def edge(self) -> tuple[str, ...]:
        """The two services and the protocol."""
        return (
            self.caller_namespace,
            self.caller,
            self.callee_namespace,
            self.callee,
            self.protocol,
        )

    @property
    def pair(self) -> tuple[str, ...]:
        """The edge with both versions."""
        return (*self.edge, self.caller_version, self.callee_version)


@dataclass(frozen=True, slots=True)
class PathSeen:
    """Checked or logged exchanges of one pair on one operation that ended in one way."""

    caller: str
    caller_version: str
    callee_version: str
    operation: str
    ending: str
    exchanges: int


@dataclass(frozen=True, slots=True)
class ShapesSeen:
    """The shapes of one pair's answers on one operation with one status, as numbers."""

    caller: str
    caller_version: str
    callee_version: str
    operation: str
    status: int
    shapes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Harm:
    """A finding that is open on a pair of versions, or that a person accepted."""

    finding: str
    caller: str
    callee: str
    callee_version: str
    caller_version: str
    signal: str
    accepted: bool = False


@dataclass(slots=True)
class Sums:
    """Counts of several cells."""

    calls: int = 0
    bad: int = 0
    valid: int = 0
    violated: int = 0
    both: int = 0
    last: int = 0
    biased: bool = False
    outcomes: dict[str, int] = field(default_factory=dict)
    not_checked: dict[str, int] = field(default_factory=dict)
    client: dict[int, int] = field(default_factory=dict)
    server: dict[int, int] = field(default_factory=dict)
    queue: dict[int, int] = field(default_factory=dict)

    def add(self, cell: RampCell) -> None:
        """Count one more."""
        self.calls += cell.calls
        self.bad += cell.bad
        self.valid += cell.valid
        self.violated += cell.violated
        self.both += cell.both
        self.last = max(self.last, cell.last)
        self.biased = self.biased or cell.biased
        for held, more in (
            (self.outcomes, cell.outcomes),
            (self.not_checked, cell.not_checked),
        ):
            for name, count in more.items():
                held[name] = held.get(name, 0) + count
        for histogram, counts in (
            (self.client, cell.client_histogram),
            (self.server, cell.server_histogram),
            (self.queue, cell.queue_histogram),
        ):
            for bucket, count in counts.items():
                histogram[bucket] = histogram.get(bucket, 0) + count

    @property
    def checked(self) -> int:
        """Exchanges of which checking told something."""
        return self.valid + self.violated

    @property
    def promised(self) -> int:
        """Exchanges that a contract is about and that could not be checked."""
        return sum(
            count
            for reason, count in self.not_checked.items()
            if f"not_checked:{reason}" not in UNPROMISED
        )


def summed_up(cells: Iterable[RampCell]) -> Sums:
    """All of them together."""
    sums = Sums()
    for cell in cells:
        sums.add(cell)
    return sums
