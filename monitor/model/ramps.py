"""Ramps: the time in which several versions of a service are live, what each pair of versions has
shown, and what that proves.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from monitor.model.meaning import MeaningChange

Role = Literal["backward", "forward", "established", "new", "unordered"]
"""Of a pair, by which side came with the ramp. Backward compatibility: an old caller, a new
callee. Forward readiness: a new caller, an old callee. Established: both were there before. New:
both came. Unordered: nothing tells which version came later.
"""

PairWord = Literal["broken", "unproven", "accepted", "proven"]
"""Accepted: it breaks something, and a person said for a time that this is known and borne."""
WORST_FIRST: Sequence[PairWord] = get_args(PairWord)
Age = Literal["old", "new", "unknown"]

RampCode = Literal[
    "ramp_violates",
    "ramp_no_violation",
    "ramp_not_checked",
    "ramp_no_contract",
    "ramp_meaning_changed",
    "ramp_meaning_alike",
    "ramp_meaning_few",
    "ramp_meaning_not_held",
    "ramp_meaning_not_compared",
    "ramp_finding",
    "ramp_finding_accepted",
    "ramp_errors_alike",
    "ramp_errors_open",
    "ramp_errors_more",
    "ramp_no_calls",
    "ramp_path_thin",
    "ramp_biased",
    "ramp_order_unknown",
    "ramp_version_untold",
    "ramp_provisional",
    "ramp_mixed",
    "ramp_mixed_promises",
    "ramp_moved_back",
    "ramp_retried",
    "ramp_retries_untold",
    "ramp_dose",
    "ramp_no_dose",
    "ramp_dose_untold",
    "ramp_nothing_seen",
    "ramp_one_version",
    "ramp_paths_cut",
    "ramp_pairs_cut",
]


@dataclass(frozen=True, slots=True)
class RampReason:
    """What is said of a ramp: a stable code with its parameters. Names in them are foreign text."""

    code: RampCode
    parameters: Mapping[str, str | float | int] = field(default_factory=dict)


def ramp_reason(code: RampCode, /, **parameters: str | float) -> RampReason:
    """A reason whose code the type checker knows."""
    return RampReason(code, parameters)


def worst(words: Iterable[PairWord]) -> PairWord:
    """What holds of several together; proven where nothing is said."""
    return min(words, key=WORST_FIRST.index, default="proven")


def exit_of(words: Collection[PairWord]) -> Literal[0, 1, 2]:
    """1 where a pair is broken, 2 where one is unproven or there is none, else 0."""
    return 1 if "broken" in words else 2 if not words or "unproven" in words else 0


@dataclass(frozen=True, slots=True)
class Bound:
    """So many of so many, and the share that is possible at most: Clopper and Pearson's upper
    limit of the 95 % interval, 1 where nothing was seen.
    """

    count: int
    of: int
    upper: float


@dataclass(frozen=True, slots=True)
class LatencyBound:
    """A quantile of latency in seconds, and what it is at most, 95 %; None where so few calls
    bound it by nothing. `side` tells whose clock.
    """

    quantile: float
    seconds: float
    upper_seconds: float | None
    calls: int
    side: Literal["client", "server", "queue"]


@dataclass(frozen=True, slots=True)
class ThinPath:
    """An operation and how it ended that a pair has hardly shown: `seen` times. `elsewhere`: how
    often other pairs of these services showed it.
    """

    operation: str
    ending: str
    seen: int
    elsewhere: int


@dataclass(frozen=True, slots=True)
class VersionLive:
    """A version that is live: since when without a break, its calls and share in the newest step,
    and its instances there. `planned_share` is what a pipeline told last; None where none did.
    `first_seen` is before every break, in the seven days that are looked back.
    """

    version: str
    age: Age
    since: datetime
    last_seen: datetime
    server_calls: int
    spans: int
    instances: int
    share: float | None
    planned_share: float | None
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class ShareStep:
    """One step of time: calls answered and share of them, by version. A version of which there are
    spans and no server call has the share of spans where nobody answered calls.
    """

    time: datetime
    calls: Mapping[str, int]
    shares: Mapping[str, float]


ENOUGH_PAYLOADS = 2_000
"""Of so many payloads a change of meaning is told nine times in ten (`make bench-meaning`)."""


@dataclass(frozen=True, slots=True)
class PairMeaning:
    """What the new version of a pair sends, beside what old ones sent: of `payloads` of its own and
    `against` of theirs. No share of values that is asked about (null, zero, of a zone, far above
    the usual) differs by more than `upper`, at 95 %; None where something changed, or nothing could
    be compared. `changes`: what means something else. `passed_over`: it was not compared, since
    other pairs of the ramp have more payloads.
    """

    payloads: int
    against: int
    upper: float | None
    changes: Sequence[MeaningChange]
    passed_over: bool = False


@dataclass(frozen=True, slots=True)
class PairState:
    """One caller version against one callee version, over the ramp until the time asked for.

    `meaning` is None where no payload of a new version was seen, or neither is new. `needed` is
    about how many calls more would bound its failures; None where none would, or none
    are needed. A message is a call of the consumer by its producer: `kind` is queue then.
    """

    kind: Literal["call", "queue"]
    role: Role
    caller_namespace: str
    caller: str
    caller_version: str
    callee_namespace: str
    callee: str
    callee_version: str
    protocol: str
    calls: int
    calls_a_second: float
    failed: Bound
    outcomes: Mapping[str, int]
    violated: Bound
    not_checked: Mapping[str, int]
    latency: Sequence[LatencyBound]
    thin: Sequence[ThinPath]
    thin_in_all: int
    both_sides: int
    biased: bool
    last_seen: datetime
    needed: int | None
    eta_seconds: float | None
    word: PairWord
    reasons: Sequence[RampReason]
    meaning: PairMeaning | None = None


@dataclass(frozen=True, slots=True)
class Mixed:
    """One caller version that several callee versions answered in the same step of time, on one
    operation. `differ` tells that these break a contract unequally, `shapes_differ` with which
    statuses no shape of the answers is common to all versions.
    """

    caller: str
    caller_version: str
    callee: str
    operation: str
    versions: Sequence[str]
    steps: int
    calls: Mapping[str, int]
    differ: bool
    shapes_differ: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class MovedBack:
    """Traffic that was on the new versions and is on old ones again; `caller` is empty for all."""

    caller: str
    peak_share: float
    peak_at: datetime
    share: float
    calls: int


@dataclass(frozen=True, slots=True)
class Retried:
    """Calls that failed on one version and were made again on another."""

    caller: str
    caller_version: str
    operation: str
    from_version: str
    to_version: str
    retries: int
    recovered: int


DOSE_LEVELS = 3
"""So many levels of share it takes to tell a dose from an outage."""


@dataclass(frozen=True, slots=True)
class Dose:
    """Whether the old version's failures rise with the new one's share. `z` is the test's, `added`
    what all of the new version's traffic would add to the rate; `levels` of share were seen.
    """

    caller: str
    callee: str
    levels: int
    z: float
    base: float
    added: float
    rises: bool


@dataclass(frozen=True, slots=True)
class Ramp:
    """The state of a service's versions at one time, from what was published of windows that ended
    before it.

    `since` is when a second of the live versions came; None where only one is live. `sealed_until`
    tells from where on windows may still change.
    """

    service: str
    namespace: str
    environment: str
    at: datetime
    since: datetime | None
    sealed_until: datetime | None
    step_seconds: int
    live: Sequence[VersionLive]
    steps: Sequence[ShareStep]
    pairs: Sequence[PairState]
    mixed: Sequence[Mixed]
    moved_back: Sequence[MovedBack]
    retried: Sequence[Retried]
    doses: Sequence[Dose]
    reasons: Sequence[RampReason]
    last_ramp: tuple[datetime, datetime] | None = None

    @property
    def is_ramp(self) -> bool:
        """Whether more than one version is live."""
        return len(self.live) > 1
