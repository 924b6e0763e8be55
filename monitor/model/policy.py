"""Policies of the gate: on what a pass must rest, what an inconclusive verdict means, and for how
long a person may overrule it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from monitor.model.edges import apart
from monitor.model.judging import Outcome
from monitor.model.reasons import Reason

Level = Literal["low", "medium", "high"]
Doubt = Literal[
    "weaker_pass",
    "unmatched",
    "no_data",
    "few_calls",
    "no_overlap",
    "untrusted",
    "suspected",
    "minimum",
    "other",
]
"""Why a verdict is inconclusive. `untrusted`: telemetry that is one-sided, biased, confounded or
not checked. `suspected`: harm was seen, and is not surely this deploy's. `minimum`: it would be a
pass, on less evidence than the policy asks for.
"""
Demand = Literal["calls", "minutes", "share_of_calls", "windows_met", "inconclusive", "meaning"]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=400)], ...],
    Field(min_length=1, max_length=200),
]
Share = Annotated[float, Field(ge=0, le=1)]
_EXACT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least evidence on which a pass stands; what is not said is not asked for."""

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    calls: Annotated[
        int | None, Field(ge=1, description="calls of the new version since the deploy")
    ] = None
    minutes: Annotated[
        float | None, Field(gt=0, description="minutes in which the new version served")
    ] = None
    share_of_calls: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description="share of the service's calls on edges that are shown to be no worse",
        ),
    ] = None
    windows_met: Annotated[
        int | None,
        Field(ge=1, description="windows of 10 s in which new and old version served on one edge"),
    ] = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of some services. Every rule that matches applies."""

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    name: Annotated[
        str,
        Field(min_length=1, max_length=200, description="as the gate tells it; each name once"),
    ]
    services: Annotated[
        Names,
        Field(description="names with `*` and `?`; `namespace/name` where namespaces matter"),
    ] = ("*",)
    environments: Annotated[Names, Field(description="names with `*` and `?`")] = ("*",)
    criticality: Annotated[
        tuple[Level, ...], Field(description="only services of these levels; any when not said")
    ] = ()
    minimum: Annotated[Minimum, Field(description="the least evidence on which a pass stands")] = (
        field(default_factory=Minimum)
    )
    inconclusive: Annotated[
        Mapping[Doubt, Outcome],
        Field(
            description="what a kind of doubt counts as: `pass`, `inconclusive` or `fail`; of several rules the last one decides"
        ),
    ] = field(default_factory=dict)
    meaning: Annotated[
        Outcome | None,
        Field(
            description="what values that mean something else count as, where nothing else fails: `fail` (also when no rule says so), `inconclusive` or `pass`; never better than the rest of the verdict"
        ),
    ] = None

    def is_for(self, service: str, environment: str, level: Level) -> bool:
        """Whether it applies to a service (`name` or `namespace/name`) in an environment ("" where
        none is known).
        """
        if self.criticality and level not in self.criticality:
            return False
        return _any_of(self.environments, (environment,)) and _any_of(
            self.services, _names(service)
        )


@dataclass(frozen=True, slots=True)
class ByHand:
    """Services whose criticality is told, not derived."""

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    services: Annotated[Names, Field(description="as in a rule")]
    level: Annotated[Level, Field(description="`low`, `medium` or `high`")]
    environments: Annotated[Names, Field(description="as in a rule")] = ("*",)


@dataclass(frozen=True, slots=True)
class Criticality:
    """Change frequency times impact. Each counts 1, 2 or 3: one more for each bound that is
    reached. 6 is high, 3 medium.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    days: Annotated[int, Field(ge=1, le=90, description="days that are looked at")] = 14
    changes_per_week: Annotated[
        tuple[float, float], Field(description="bounds of the change frequency")
    ] = (1.0, 7.0)
    callers: Annotated[
        tuple[int, int], Field(description="bounds of the impact, by services that call it")
    ] = (2, 5)
    share_of_calls: Annotated[
        tuple[Share, Share],
        Field(description="bounds of the impact, by its share of all calls in the environment"),
    ] = (0.02, 0.1)
    by_hand: Annotated[
        tuple[ByHand, ...],
        Field(description="levels that are told; the first that matches counts"),
    ] = ()

    def told(self, service: str, environment: str) -> Level | None:
        """The level that is set by hand."""
        entries = (
            entry
            for entry in self.by_hand
            if _any_of(entry.environments, (environment,))
            and _any_of(entry.services, _names(service))
        )
        return next((entry.level for entry in entries), None)


@dataclass(frozen=True, slots=True)
class Overruling:
    """For how long a person may overrule the gate."""

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    longest_hours: Annotated[
        float,
        Field(
            ge=0, le=720, description="hours that an override may last at most; 0: there are none"
        ),
    ] = 24.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What the gate asks of a verdict. A failing verdict stays failing whatever the rules say,
    unless only values that mean something else make it fail and a rule says what these count as.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _EXACT
    version: Annotated[Literal[1], Field(description="of this format: 1")] = 1
    rules: Annotated[tuple[Rule, ...], Field(max_length=500, description="in this order")] = ()
    criticality: Annotated[
        Criticality, Field(description="how a service's criticality is found")
    ] = field(default_factory=Criticality)
    overrides: Annotated[Overruling, Field(description="overrides by people")] = field(
        default_factory=Overruling
    )

    @property
    def mark(self) -> str:
        """Equal for equal policies, 16 hex digits."""
        return hashlib.sha256(repr(self).encode("utf-8", "replace")).hexdigest()[:16]

    @property
    def asks_criticality(self) -> bool:
        """Whether any rule is for some levels only."""
        return any(rule.criticality for rule in self.rules)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one demand of a rule that applied; `reason` has the numbers."""

    rule: str
    demand: Demand
    outcome: Literal["met", "not_met", "not_judged"]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word that a deploy may go on whatever its verdict says, for a while. The verdict
    stays what it is.

    It is of one deploy, or of one version of a service (in any environment where `environment` is
    ""). `noted_by` is whose token entered it.
    """

    id: str
    deploy_id: str
    service: str
    version: str
    environment: str
    person: str
    reason: str
    noted_by: str
    created: datetime
    expires: datetime
    revoked: datetime | None = None
    revoked_by: str = ""

    def in_force(self, now: datetime) -> bool:
        """Neither expired nor revoked."""
        return self.created <= now < self.expires and self.revoked is None


def _names(service: str) -> tuple[str, str]:
    return service, apart(service)[1]


def _any_of(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
