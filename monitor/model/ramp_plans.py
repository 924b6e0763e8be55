"""A ramp plan: which pairs of versions may meet, by which steps traffic moves, and when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model.reasons import Reason

ANY = "*"


@dataclass(frozen=True, slots=True)
class PlanSide:
    """A service in one version, or in `ANY`."""

    service: str
    version: str


@dataclass(frozen=True, slots=True)
class AllowedPair:
    """A caller and a callee that may meet."""

    caller: PlanSide
    callee: PlanSide


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A share of traffic that the version may have; before it gets more, it has stood so long and
    each pair of it has made so many calls.
    """

    share: float
    least_seconds: float
    least_calls: int


@dataclass(frozen=True, slots=True)
class RampPlan:
    """What a ramp to `version` keeps to. Without `pairs` all are allowed; None is no limit. The old
    version ends at `end_of_old`, or `end_after_seconds` after the ramp began.
    """

    version: str
    steps: Sequence[PlanStep] = ()
    pairs: Sequence[AllowedPair] = ()
    longest_skew_seconds: float | None = None
    end_of_old: datetime | None = None
    end_after_seconds: float | None = None
    abort_failures: float | None = None
    abort_violations: float | None = None


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan held against live traffic: what it breaks, and what the next step still wants; both
    empty where the next step may be taken. `step` is the share that may be had now, `next_share` the
    one after it, None after the last. `silent`: no traffic of the version was seen.
    """

    contract: str
    revision: int
    version: str
    step: float | None
    next_share: float | None
    broken: Sequence[Reason]
    waits: Sequence[Reason]
    silent: bool = False
