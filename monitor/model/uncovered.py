"""Live interactions that no contract covers, and how much hangs on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Level = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """One operation of a provider that no contract speaks of. `id` names it for `export-case`.

    `risk` = change frequency x impact: (1 + changes a week) x callers x log10(1 + calls) x weight
    of the criticality (low .5, medium 1, high 2). It ranks, and means nothing alone. `told`: the
    criticality is the team's label in the policy; else it is taken for medium. `changes` are
    deploys of the provider, or the versions that replaced others, whichever are more. `named`: a
    contract of the provider is in force, and does not speak of it.
    """

    id: str
    environment: str
    provider: str
    operation: str
    protocol: str
    risk: float
    calls: int
    failed: int
    callers: Sequence[str]
    versions: Sequence[str]
    changes: int
    changes_per_week: float
    criticality: Level
    told: bool
    named: bool


@dataclass(frozen=True, slots=True)
class UncoveredList:
    """The riskiest first. Of `interactions` in all `covered` are covered; `left_out` are calls of
    databases and of what has no name, which no contract can cover. `unreadable` contracts cannot
    be asked.
    """

    since: datetime
    until: datetime
    interactions: int
    covered: int
    left_out: int
    unreadable: Sequence[str]
    uncovered: Sequence[Uncovered]
