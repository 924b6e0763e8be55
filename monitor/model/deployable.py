"""Whether a version may go to an environment: pairs of versions that are proven, broken or unproven
there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.model.ramps import PairState, PairWord

DeclaredWord = Literal[
    "keeps", "breaks", "incomplete", "unshown", "breaking", "compatible", "undecided", "unreadable"
]
"""Of a contract of examples: what the callee's version showed of it. Of another: what its revision
for the version means against the one that is in force.
"""
MissingCode = Literal[
    "pair_never_seen",
    "pair_more_calls",
    "pair_observed_broken",
    "pair_observed_open",
    "pair_example_broken",
    "pair_examples_unshown",
    "pair_declared_breaking",
    "pair_declared_undecided",
    "pair_declared_unreadable",
    "deploy_nobody_known",
    "deploy_seen_elsewhere",
    "deploy_is_live",
    "deploy_data_old",
    "deploy_place_silent",
]


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing or broken, and how it could be shown: a stable code with its parameters."""

    code: MissingCode
    parameters: Mapping[str, str | float | int] = field(default_factory=dict)


def missing(code: MissingCode, /, **parameters: str | float) -> Missing:
    """One whose code the type checker knows."""
    return Missing(code, parameters)


@dataclass(frozen=True, slots=True)
class Declared:
    """What one contract says of a pair."""

    contract: str
    revision: int
    word: DeclaredWord
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DeployPair:
    """The version against a version of another service that is live there. Backward: that one calls
    it. Forward: it calls that one. `observed` is what was seen, in `observed_in`; None for nothing.
    """

    direction: Literal["backward", "forward"]
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    protocol: str
    word: PairWord
    observed: PairState | None
    observed_in: str
    declared: Sequence[Declared]
    missing: Sequence[Missing]


@dataclass(frozen=True, slots=True)
class Deployable:
    """`exit_code` 0: all pairs are proven or accepted. 1: one is broken. 2: one is unproven, there is none
    to judge by, or the newest data is old. `data_until` is the end of the newest closed window (None: there
    is none), `data_age_seconds` how long ago that is.
    """

    service: str
    version: str
    environment: str
    at: datetime
    data_until: datetime | None
    data_age_seconds: float | None
    exit_code: Literal[0, 1, 2]
    pairs: Sequence[DeployPair]
    notes: Sequence[Missing]
