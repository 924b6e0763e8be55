"""Edges, what a window holds of them, and how a caller asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Outcome = Literal["ok", "client_error", "server_error", "timeout", "cancelled"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "client_error", "server_error", "timeout", "cancelled")

Sampling = Literal["none", "head", "biased"]
SAMPLINGS: tuple[Sampling, ...] = ("none", "head", "biased")

WINDOW_SECONDS = 10

Histogram = Mapping[int, int]
"""OpenTelemetry exponential histogram, scale 3, of seconds: bucket index -> count.

Bucket i holds values in (2^(i/8), 2^((i+1)/8)] seconds; ZERO_BUCKET holds zero.
https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
"""
HISTOGRAM_SCALE = 3
ZERO_BUCKET = -300


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One integration point: who calls whom, how, for what. Services carry their
    namespace apart.
    """

    environment: str
    caller: str
    callee: str
    protocol: str
    operation: str
    caller_namespace: str = ""
    callee_namespace: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells one edge from another, in the order of ids and fingerprints:
        never change it.
        """
        return (
            self.environment,
            self.caller_namespace,
            self.caller,
            self.callee_namespace,
            self.callee,
            self.protocol,
            self.operation,
        )


@dataclass(frozen=True, slots=True)
class EdgeCell:
    """One row of `edge_windows`: an edge between two versions in one window of 10 s (or several,
    summed).

    `outcomes` count each call once. The caller's word is the outcome; where the caller saw nothing
    wrong, the provider's is. `provider_only` counts the latter by outcome: what only the provider
    (its span or its API log) tells of. They are part of `outcomes` too. `failed` counts calls that
    either side's span gave the status ERROR, or that an API log alone calls a failure.

    Sums are in seconds; None for a side that no span showed. `coverage` counts calls by which
    sides were seen: both, client_only, server_only, log_only; and spans that are part of a call
    and none themselves (nested ones, hops of proxies): folded; attempts that failed under one call
    and were followed by another of the same version: failed_attempts; calls of which nothing tells
    how they ended, which are in no outcome and are not judged: untold; calls whose number nobody
    told: assumed. `conformance` counts
    checked exchanges: valid, violated, and not_checked by reason under "not_checked:<reason>".
    `calls` is unweighted; `weighted_calls` multiplies by the sampling weight. `told` are numbers
    of the whole window, by name (mean, p50, …; seconds), where nobody tells of how many calls:
    then `calls` and the histograms are assumed.
    """

    window: datetime
    edge: Edge
    caller_version: str
    callee_version: str
    region: str
    calls: int
    weighted_calls: float
    failed: int
    outcomes: Mapping[str, int]
    error_types: Mapping[str, int]
    conformance: Mapping[str, int]
    coverage: Mapping[str, int]
    sampling: Sampling
    client_calls: int
    server_calls: int
    client_seconds_sum: float | None
    server_seconds_sum: float | None
    client_histogram: Histogram
    server_histogram: Histogram
    self_histogram: Histogram
    queue_histogram: Histogram
    exemplars: Sequence[str] = ()
    sealed: bool = True
    provider_only: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, float] = field(default_factory=dict)


def failed_calls(failed: int, outcomes: Mapping[str, int]) -> int:
    """Calls that either side calls a failure, by a span's status or by a code: what pages and
    tables show as failed.
    """
    return max(failed, outcomes.get("server_error", 0) + outcomes.get("timeout", 0))


@dataclass(frozen=True, slots=True)
class Step:
    """One span of a kept trace: whose, which side of what call, how it ended; seconds since the
    epoch and seconds it took.
    """

    service: str
    version: str
    operation: str
    side: Literal["client", "server"]
    outcome: str
    error_type: str
    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A call kept as evidence of its hour: was it bad, its trace, and the trace's steps."""

    hour: datetime
    bad: bool
    trace: str
    error_type: str
    seconds: float
    steps: Sequence[Step]


def callers_word(outcomes: Mapping[str, int], provider_only: Mapping[str, int]) -> dict[str, int]:
    """Outcomes as the callers saw them: what only the provider tells of was `ok` to them."""
    seen = {name: count - provider_only.get(name, 0) for name, count in outcomes.items()}
    return seen | {"ok": outcomes.get("ok", 0) + sum(provider_only.values())}


GroupBy = Literal["caller", "callee", "protocol", "operation", "versions", "environment"]


@dataclass(frozen=True, slots=True)
class EdgeQuery:
    """What to read: a half-open time range (None: all time), filters (None: any), how to group."""

    since: datetime | None = None
    until: datetime | None = None
    environment: str | None = None
    caller: str | None = None
    callee: str | None = None
    operation: str | None = None
    by: tuple[GroupBy, ...] = ("caller", "callee", "protocol", "operation", "versions")
    sealed_only: bool = False


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """One answer to an EdgeQuery; text is None where it was not grouped by. Counts are those of
    EdgeCell.

    `outcomes` and `caller_outcomes` count the same calls: with the provider's word where the
    caller saw nothing wrong, and as the caller alone saw them. `provider_only` is the difference.
    """

    environment: str | None
    caller: str | None
    callee: str | None
    protocol: str | None
    operation: str | None
    caller_version: str | None
    callee_version: str | None
    calls: int
    weighted_calls: float
    failed: int
    outcomes: Mapping[str, int]
    error_types: Mapping[str, int]
    conformance: Mapping[str, int]
    coverage: Mapping[str, int]
    sampling: Sampling
    client_seconds_sum: float | None
    server_seconds_sum: float | None
    quantiles: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    exemplars: Sequence[str] = ()
    provider_only: Mapping[str, int] = field(default_factory=dict)
    caller_outcomes: Mapping[str, int] = field(default_factory=dict)
    caller_namespace: str | None = None
    callee_namespace: str | None = None

    @property
    def bad(self) -> int:
        """As `failed_calls`."""
        return failed_calls(self.failed, self.outcomes)


def qualified(namespace: str, service: str) -> str:
    """A service's name with its namespace: `shop/pay`, or `/pay` for the one that has none. Asked
    for, it means just that one.
    """
    return f"{namespace}/{service}"


def beside(namespace: str, service: str) -> str:
    """A service's name beside others: with its namespace where it has one, `shop/pay` or `pay`."""
    return qualified(namespace, service) if namespace else service


def apart(asked: str) -> tuple[str | None, str]:
    """Namespace and name of a service asked for or told of as `namespace/name`; no namespace
    (None) where the name is plain.
    """
    namespace, slash, service = asked.partition("/")
    return (namespace, service) if slash and service else (None, asked)


def is_called(namespace: str, service: str, asked: str) -> bool:
    """Whether `asked` means this service: by its plain name, whatever its namespace, or by its
    qualified one.
    """
    return asked in (service, qualified(namespace, service))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version seen alive in a window: its instances and how many server calls each answered."""

    window: datetime
    environment: str
    namespace: str
    service: str
    version: str
    instance: str
    spans: int
    server_calls: int
    failed: int
