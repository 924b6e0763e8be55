"""What is tested on an edge: its signals and sides, how much each weighs, and what tests tell."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.evidence.latency import Far, Slow
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import Contrast, Role, Side
from monitor.detect.measure.warmup import Shares
from monitor.model.judging import Bounds, Evidence, RateKind, Signal
from monitor.model.reasons import Reason

RATES: tuple[tuple[Signal, RateKind, str, str], ...] = (
    ("errors", "server_error", "server_error", "calls"),
    ("provider_errors", "provider_error", "provider_error", "calls"),
    ("errors", "client_error", "client_error", "calls"),
    ("timeouts", "timeout", "timeout", "calls"),
    ("violations", "violated", "violated", "examined"),
)
"""Signal, its kind, the column of bad calls, the column of all calls.

A violation is found even in an exchange of which a part could not be checked, so its rate is over
all exchanges that met a promise; but that nothing is wrong is shown by wholly checked ones only.
"""
WEIGHTS: Mapping[str, float] = {
    "server_error": 0.3,
    "provider_error": 0.1,
    "client_error": 0.1,
    "timeout": 0.1,
    "violated": 0.15,
    "client": 0.1,
    "server": 0.1,
    "own": 0.05,
}
"""How much of an edge's alpha each kind gets. Chosen before any data, as an average of e-values
wants it; a kind of failure of which neither version has any leaves its part to the other kinds.
"""
LEANING = math.log(20.0)
"""Evidence of harm on an edge, though not enough for a finding: nothing goes by less."""
ALL_FAILURES = "failed"
"""A pass needs this rate, too: of all failures, whatever kind they are and whichever side tells of
them.
"""
SIDES: tuple[Side, ...] = ("client", "server")
OWN: tuple[Side, ...] = ("own",)
FROM_TRACES: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts", "latency")
WARM: tuple[Signal, ...] = ("timeouts", "latency")
"""What a cold start looks like: judged by warm instances only."""


@dataclass(frozen=True, slots=True)
class SignalTest:
    """One signal of one edge; `counterpart` names the other side's version, None for all of them
    together.

    `deadline_p` is the exact test's, 1.0 where it was not asked for.
    """

    signal: Signal
    kind: str
    counterpart: str | None
    log_e: float
    bad_windows: int
    evidence: Evidence
    deadline_p: float = 1.0


@dataclass(frozen=True, slots=True)
class Beyond:
    """What one side measured of the new version and of the old one beside it, once settled:
    `slow` as `exceedance_counts` gives it, `far` as `far_counts` does.
    """

    slow: Slow
    far: Far


@dataclass(frozen=True, slots=True, eq=False)
class EdgeTests:
    """`log_e` is the log of the weighted mean of all tests' e-values: the edge's one e-value for
    e-BH. Where that is below what anything goes by, it is so much at most.

    `whole` are the tests over all counterparts, `pairs` gives those of each version pair: they are
    made when they are asked for.

    `own_time_log_e` tells whether the callee's own time (without its own calls) grew. `problems`
    say why this edge cannot pass, `untrusted` signals are not judged at all. `over_time` keeps
    what was reckoned of its windows, as long as it lives.
    """

    table: EdgeTable
    role: Role
    contrast: Contrast
    counterparts: tuple[str, ...]
    whole: tuple[SignalTest, ...]
    log_e: float
    own_time_log_e: float
    equivalences: Mapping[str, Bounds]
    latency_difference: Mapping[str, float]
    tail_difference: Mapping[str, float]
    fresh: Shares
    problems: tuple[Reason, ...]
    grain: int
    beyond: Mapping[Side, Beyond]
    pairs: Callable[[], tuple[SignalTest, ...]] = tuple
    over_time: dict[str, bool] = field(default_factory=dict, init=False)

    @property
    def tests(self) -> tuple[SignalTest, ...]:
        """All of them."""
        return (*self.whole, *self.pairs())


def only_server_errors(table: EdgeTable) -> bool:
    """Whether all failures of an edge are server errors: then both rates are one."""
    server, every = (COUNTS.index(name) for name in ("server_error", ALL_FAILURES))
    return bool((table.counts[:, server] == table.counts[:, every]).all())


def sides_of(table: EdgeTable, role: Role) -> tuple[Side, ...]:
    """Sides by which an edge's latency is judged: the service's own time, too, where it makes
    calls while it answers.

    Starved of its processor, a service that waits for others most of the time is hardly slower as
    a whole.
    """
    if role != "callee" or table.own is None or not table.own.any():
        return SIDES
    same = table.server is not None and np.array_equal(
        table.own.sum(axis=0), table.server.sum(axis=0)
    )
    return SIDES if same else SIDES + OWN
