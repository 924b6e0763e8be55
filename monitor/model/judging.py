"""Findings and verdicts: what judging a deploy says, with its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.model.edges import Edge

Signal = Literal["errors", "provider_errors", "timeouts", "violations", "silence", "latency"]
"""errors: by the caller's word, or the provider's where no caller's span is known. provider_errors: failures of which only the
provider tells, in calls that their callers took for answered. A call is of one of these at most, or of `timeouts`.
"""
Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind one judgement, value-free and enough to recompute it.

    Counts are over the sealed windows used: new and old version's calls and bad calls. `effect` is the ratio of
    rates (or of exceedance for latency); `effect_low`/`effect_high` bound it; `e_value` is the test's.
    """

    windows: int
    new_calls: int
    new_bad: int
    old_calls: int
    old_bad: int
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    e_value: float
    first_window: datetime | None
    last_window: datetime | None
    exemplars: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A deploy that may be the cause, with its odds share (all suspects and "none of these" sum to 1)."""

    deploy_id: str
    service: str
    version: str
    odds: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """An edge's signal is worse between a version pair since a deploy.

    `id` is stable (hash of environment, edge, versions, signal, clause, deploy). `clause` names the contract clause
    for violations ("payments 3 · POST /pay · response · type · /amount"), else "". `role` tells the root of a
    cascade from what it caused. `strength` is "concurrent" or "weaker" (no overlap of versions).
    """

    id: str
    deploy_id: str
    edge: Edge
    signal: Signal
    clause: str
    caller_version: str
    callee_version: str
    against_version: str
    role: Literal["root", "propagated"]
    strength: Literal["concurrent", "weaker"]
    evidence: Evidence
    suspects: Sequence[Suspect]
    summary: str
    first_seen: datetime
    last_seen: datetime
    state: Literal["open", "accepted", "resolved"] = "open"


@dataclass(frozen=True, slots=True)
class EdgeJudgement:
    """One edge's part in a verdict."""

    edge: Edge
    caller_version: str
    callee_version: str
    outcome: Outcome
    reasons: tuple[str, ...]
    share_of_calls: float
    evidence: Mapping[str, Evidence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is this deploy good? Stored with its inputs' fingerprint, so that it can be recomputed.

    `reasons` say why; `settles` says what would settle an inconclusive one (calls needed, minutes to wait);
    `minimum_detectable_effect` is the smallest rate ratio the data at hand could have shown.
    """

    id: str
    deploy_id: str
    environment: str
    service: str
    version: str
    against_version: str
    outcome: Outcome
    reasons: tuple[str, ...]
    settles: tuple[str, ...]
    judged_at: datetime
    data_until: datetime | None
    edges: Sequence[EdgeJudgement]
    findings: Sequence[str]
    inputs_hash: str
    minimum_detectable_effect: float | None = None
    eta_seconds: float | None = None
