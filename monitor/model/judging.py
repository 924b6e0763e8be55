"""Findings and verdicts: what judging a deploy says, with its evidence."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.model.builds import BuildAttribute
from monitor.model.edges import Edge
from monitor.model.meaning import MeaningChange
from monitor.model.reasons import Code, Parameter, Reason

Signal = Literal[
    "errors",
    "provider_errors",
    "timeouts",
    "violations",
    "silence",
    "latency",
    "fanout",
    "meaning",
]
"""errors: by the caller's word, or the provider's where no caller's span is known.
provider_errors: failures of which only the provider tells, in calls that their callers took for
answered. A call is of one of these at most, or of `timeouts`. fanout: how many calls are made for
each call answered, and to whom. meaning: values mean something else under the same schema.
"""
Outcome = Literal["pass", "fail", "inconclusive"]
WORSE: Mapping[Signal, Code] = {
    "errors": "worse_errors",
    "provider_errors": "worse_provider_errors",
    "timeouts": "worse_timeouts",
    "violations": "worse_violations",
    "latency": "worse_latency",
    "silence": "silent",
    "fanout": "calls_missing",
    "meaning": "meaning_changed",
}
SHIFTED = 1.1


RateKind = Literal["server_error", "provider_error", "client_error", "timeout", "violated"]
Side = Literal["client", "server", "own"]
SIDES: tuple[Side, ...] = ("client", "server")
Attribute = Literal[
    "instance",
    "zone",
    "operation",
    "caller",
    "caller_version",
    "callee",
    "callee_version",
    "payload_shape",
    BuildAttribute,
]


@dataclass(frozen=True, slots=True)
class RateEvidence:
    """Of which kind the bad calls are, and how much more they vary than chance (1.0: not at all).

    `clause_new` and `clause_old` count the violations of the finding's clause; None where no
    clause is known.
    """

    kind: RateKind
    dispersion: float
    clause_new: int | None = None
    clause_old: int | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds; None where too few calls tell."""

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class LatencyEvidence:
    """Latency as one side measured it, of the new version and of the old one. `own`: the callee's,
    without the calls that it makes.
    """

    side: Side
    new: Quantiles
    old: Quantiles


Place = Literal["own", "callees", "between"]
FanoutKind = Literal["missing", "repeated", "attempted", "misrouted", "added", "asked"]
Refusal = Literal["throttled", "unavailable", "circuit_open"]


@dataclass(frozen=True, slots=True)
class FanoutEvidence:
    """Calls on the finding's edge for each call that the service answered, of the `old` and of the
    `new` version.

    missing: they are no longer made (an exception swallowed before them). repeated: they fail, and
    are made again and again. attempted: the attempts for each call, where a proxy tries again.
    misrouted: `other` had them before. added: only the new version makes them, and they fail;
    asked: only the new version answers them, an operation that is new, and they fail. `failing` is
    the share of them that fails.
    """

    kind: FanoutKind
    old: float
    new: float
    other: str = ""
    failing: float = 0.0


@dataclass(frozen=True, slots=True)
class PromisedTimeout:
    """A contract's clause on how long its consumer waits."""

    contract: str
    revision: int
    clause: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """Where the time goes that calls take longer: in the callee's `own` work, in its `callees`, or
    `between` caller and callee (network, queue, connections); None where that is not what is told.
    `client`, `server` and `own` are the seconds that the mean call takes longer by each.
    `gives_up`: callers time out after so many seconds, and the callee works on for most of these
    calls. `timeout` is what a contract says of how long this caller waits, where one does.
    """

    place: Place | None
    client: float | None
    server: float | None
    own: float | None
    gives_up: float | None = None
    timeout: PromisedTimeout | None = None


@dataclass(frozen=True, slots=True)
class Refusals:
    """Failures that are refusals: load shed (429), not there for the moment (503), or a circuit
    that is open; `old` calls of the old version.
    """

    kind: Refusal
    calls: int
    old: int


@dataclass(frozen=True, slots=True)
class SilenceEvidence:
    """`instances` of the new version that answer nothing (0: none was ever seen); `presence` is
    the mean share of the old version's instances that answer in a window, `chance` the probability
    that so much silence is chance.
    """

    instances: int
    presence: float
    chance: float


@dataclass(frozen=True, slots=True)
class MeaningEvidence:
    """What means something else, and whose payloads were looked at: who gets them, by name."""

    change: MeaningChange
    partners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What a change in time was held against.

    `supported`: the versions differed the same way where they met. Of `placebos` comparisons at
    earlier moments, `beaten` were smaller. `seasonal`: earlier days say what was to be expected.
    `growth`: how many times worse the neighbours became, and `controls` how many of them had calls
    enough to tell. `zones`: it came to each of these with the version, one after the other.
    """

    supported: bool
    placebos: int
    beaten: int
    seasonal: bool
    growth: float
    controls: int = 0
    zones: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute of a call has this value, or, where it does not hold, another."""

    attribute: Attribute
    value: str
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates the new version's bad calls from its good ones: a rule learned from half of
    its calls, as it did on the other half.

    The `conditions` hold together; `same` are true of just the same calls. Of the held-out `calls`
    under the rule `bad` are bad, of the `other_calls` `other_bad`. `chance` is the probability of
    so many under the rule if it meant nothing.
    """

    conditions: tuple[Condition, ...]
    same: tuple[Condition, ...]
    bad: int
    calls: int
    other_bad: int
    other_calls: int
    chance: float


@dataclass(frozen=True, slots=True)
class FailureKind:
    """Failures of one error type that say the same: `template` is what they say, without values
    ("" for nothing).

    `calls` of the new version. `is_new`: the old version had none; `not_for_a_day`: nor was the
    type seen in the day before the deploy.
    """

    error_type: str
    template: str
    calls: int
    is_new: bool = False
    not_for_a_day: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind one judgement, value-free and enough to recompute it.

    Counts are over the sealed windows used: new and old version's calls and bad calls. `effect` is
    the ratio of rates (or of exceedance for latency); `effect_low`/`effect_high` bound it;
    `e_value` is the test's. One of `rate`, `latency`, `silence`, `fanout` and `meaning` (of which
    values are counted, and windows are its strata) is there; `step`
    beside it where before and after were compared, `differs` where something separates the bad
    calls from the good ones, `time` where time goes, `refusals` where failures are such.
    `failures` are the kinds of failures, new ones first. `exemplars` are traces of the new
    version, `old_exemplars` of the old one.
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
    old_exemplars: Sequence[str] = ()
    rate: RateEvidence | None = None
    latency: LatencyEvidence | None = None
    silence: SilenceEvidence | None = None
    step: StepEvidence | None = None
    differs: Difference | None = None
    failures: Sequence[FailureKind] = ()
    fanout: FanoutEvidence | None = None
    time: TimeEvidence | None = None
    refusals: Refusals | None = None
    meaning: MeaningEvidence | None = None

    @property
    def rests_on_time_alone(self) -> bool:
        """Whether only the moment speaks for it: no versions side by side, no neighbours, no
        earlier days.
        """
        step = self.step
        return step is not None and not (step.supported or step.seasonal or step.controls)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Upper bounds of the ratio and of the difference of rates (new minus old), one-sided.

    The difference is the smaller of two bounds, each at half the error: over the strata with both
    versions, and the new version's own rate over all its calls since the deploy (what is below the
    floor altogether cannot be above the old one by more). `calls` are the latter, `calls_needed`
    in all would bring it below the floor at the rates seen (None: no number would, or only strata
    can tell). For latency the difference is of the shares of calls above the old version's p90,
    and there is no ratio.
    """

    ratio_high: float | None
    difference_high: float
    calls: float
    calls_needed: float | None

    def equivalent(self, floor_ratio: float, floor_difference: float) -> bool:
        """Neither a relevant ratio nor a relevant difference is possible."""
        return (
            self.ratio_high is not None and self.ratio_high < floor_ratio
        ) or self.difference_high < floor_difference


@dataclass(frozen=True, slots=True)
class Suspect:
    """A deploy that may be the cause, with its odds share (all suspects and "none of these" sum to
    1).
    """

    deploy_id: str
    service: str
    version: str
    odds: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """An edge's signal is worse between a version pair since a deploy.

    `id` is stable (hash of environment, edge, versions, signal, clause, deploy). `clause` names
    the contract clause for violations ("payments 3 · POST /pay · response · type · /amount"), the
    place for meaning ("POST /pay · 200 · response · /amount"), else "". `role` tells the root of a cascade from what it caused. `strength` is "concurrent" or
    "weaker" (no overlap of versions). `explained` tells what explains it better than its deploy
    does: then it neither fails the deploy nor pages in its name. `ended` tells why it is resolved.
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
    first_seen: datetime
    last_seen: datetime
    state: Literal["open", "accepted", "resolved"] = "open"
    explained: Reason | None = None
    ended: Reason | None = None

    @property
    def fingerprint(self) -> str:
        """What stays the same over deploys: environment, edge, signal and clause, as 32 hex
        digits.
        """
        text = "\x1f".join((*self.edge.key, self.signal, self.clause))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def reason(self) -> Reason:
        """What is worse and by how much, as a verdict tells it: `finding` is its id, `step`
        "apart", "supported" or "".
        """
        seen = self.evidence
        parameters: dict[str, Parameter] = {
            "finding": self.id,
            "caller_version": self.caller_version,
            "callee_version": self.callee_version,
            "against_version": self.against_version,
            "windows": seen.windows,
            "new_calls": seen.new_calls,
            "new_bad": seen.new_bad,
            "old_calls": seen.old_calls,
            "old_bad": seen.old_bad,
            "step": "" if seen.step is None else "supported" if seen.step.supported else "apart",
        }
        if seen.latency:
            parameters |= {"side": seen.latency.side} | _slowest_shift(seen.latency)
        elif seen.silence:
            parameters |= {"instances": seen.silence.instances, "chance": seen.silence.chance}
        elif seen.fanout:
            parameters |= {
                "made_old": seen.fanout.old,
                "made_new": seen.fanout.new,
                "other": seen.fanout.other,
                "failing": seen.fanout.failing,
            }
        elif seen.meaning:
            parameters |= _meant(seen.meaning)
        elif self.clause:
            parameters["clause"] = self.clause
        if seen.time:
            parameters |= {"time_in": seen.time.place, "gives_up": seen.time.gives_up}
            if seen.time.timeout is not None:
                promised = seen.time.timeout
                parameters |= {
                    "promised_by": promised.contract,
                    "promised_at": promised.clause,
                    "promised_seconds": promised.seconds,
                }
        if seen.refusals:
            parameters |= {"refused": seen.refusals.kind, "refused_calls": seen.refusals.calls}
        new = next((failure for failure in seen.failures if failure.is_new), None)
        if new:
            parameters |= {
                "new_kind": new.error_type,
                "new_kind_says": new.template,
                "new_kind_calls": new.calls,
            }
        if seen.differs:
            parameters |= _separates(seen.differs)
        return Reason(_code(self), parameters, self.edge, accepted=self.state == "accepted")


FANOUT: Mapping[FanoutKind, Code] = {
    "missing": "calls_missing",
    "repeated": "calls_repeated",
    "attempted": "calls_attempted",
    "misrouted": "calls_misrouted",
    "added": "calls_added",
    "asked": "calls_asked",
}


def _code(finding: Finding) -> Code:
    if finding.evidence.fanout:
        return FANOUT[finding.evidence.fanout.kind]
    if finding.evidence.silence:
        return "silent" if finding.evidence.silence.instances else "never_seen"
    if finding.evidence.rate and finding.evidence.rate.kind == "client_error":
        return "worse_client_errors"
    return WORSE[finding.signal]


def _meant(seen: MeaningEvidence) -> dict[str, Parameter]:
    """What means something else, where, and by how much."""
    change = seen.change
    return {
        "status": change.place.status,
        "side": change.place.side,
        "pointer": change.place.pointer,
        "change": change.code,
        "kind": change.kind,
        "old_share": change.old_share,
        "new_share": change.new_share,
        "factor": change.factor,
    }


def _separates(differs: Difference) -> dict[str, Parameter]:
    """Up to two conditions as parameters, and how many of the held-out bad calls are
    under them.
    """
    parameters: dict[str, Parameter] = {
        "only_bad": differs.bad,
        "only_of": differs.bad + differs.other_bad,
    }
    for place, condition in enumerate(differs.conditions[:2], 1):
        parameters |= {
            f"only_{place}": condition.attribute,
            f"only_{place}_value": condition.value,
            f"only_{place}_holds": condition.holds,
        }
    return parameters


def _slowest_shift(latency: LatencyEvidence) -> dict[str, Parameter]:
    """The lowest quantile that is a tenth higher or more, in seconds: what most calls feel; else
    p99.
    """
    old, new = latency.old, latency.new
    pairs = {"p50": (old.p50, new.p50), "p90": (old.p90, new.p90), "p99": (old.p99, new.p99)}
    shifted = (
        name
        for name, (before, after) in pairs.items()
        if after is not None and after > SHIFTED * (before or 0.0)
    )
    name = next(shifted, "p99")
    return {"quantile": name, "old_seconds": pairs[name][0], "new_seconds": pairs[name][1]}


@dataclass(frozen=True, slots=True)
class EdgeJudgement:
    """One edge's part in a verdict. `evidence` and `bounds` by kind: server_error, …, `client` and
    `server` for latency.
    """

    edge: Edge
    caller_version: str
    callee_version: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    share_of_calls: float
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    bounds: Mapping[str, Bounds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is this deploy good? Stored with its inputs' fingerprint, so that it can be recomputed.

    `without_meaning` is what it would be but for values that mean something else, where only these
    make it fail; else None. `reasons` say why; `settles` says what would settle an inconclusive one (calls needed, minutes
    to wait); `minimum_detectable_effect` is the smallest rate ratio the data at hand could have
    shown.
    """

    id: str
    deploy_id: str
    environment: str
    service: str
    version: str
    against_version: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    settles: tuple[Reason, ...]
    judged_at: datetime
    data_until: datetime | None
    edges: Sequence[EdgeJudgement]
    findings: Sequence[str]
    inputs_hash: str
    minimum_detectable_effect: float | None = None
    eta_seconds: float | None = None
    without_meaning: Outcome | None = None
