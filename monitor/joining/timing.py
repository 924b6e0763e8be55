"""The times that contracts tell, held against the tails of edges in sealed windows: kept, broken
since which version, or open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine

from monitor.contracts.form import Promise, Timing
from monitor.contracts.read import read_contract
from monitor.contracts.routes import Router
from monitor.control.contracts import listed, whole
from monitor.detect.measure.tails import exceeding, tail
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.judging import PromisedTimeout
from monitor.model.moments import in_utc
from monitor.model.services import may_be_one
from monitor.model.timing import TimingReason, timing_reason

TimingWord = Literal["kept", "broken", "open"]
CUT_OFF = 0.001
"""Of a timeout: so large a share of calls may be cut off by it; more is broken."""


@dataclass(frozen=True, slots=True)
class TimingVerdict:
    """One clause against one edge and version of its callee. `side` tells whose clock: the
    callee's where it is known.

    `quantile` None stands for a timeout. `since_version` is the first version, by when it was seen
    first, that breaks it.
    """

    contract: str
    revision: int
    clause: str
    environment: str
    caller: str
    callee: str
    operation: str
    version: str
    quantile: float | None
    limit_seconds: float
    side: Literal["client", "server", ""]
    word: TimingWord
    calls: int
    slower: int
    share_low: float
    share_high: float
    since_version: str
    reason: TimingReason


@dataclass(frozen=True, slots=True)
class Timed:
    """A contract's clauses on time, with the promise that routes its operations."""

    revision: Revision
    promise: Promise


@dataclass(frozen=True, slots=True)
class _Edge:
    environment: str
    caller: str
    callee: str
    operation: str


def timed_contracts(
    engine: Engine, aliases: Aliases, provider: str = "", at: datetime | None = None
) -> list[Timed]:
    """The revisions that tell times and are in force at a time, by default the newest ones, under
    canonical names; of one provider where it is named. Mocks and what was withdrawn bind nobody.

    One that cannot be read any more is left out: the registry's own list names it.
    """
    contracts: list[Timed] = []
    binding = [
        revision
        for revision in (listed(engine, newest=True) if at is None else in_force(engine, at))
        if revision.binds
        and (not provider or may_be_one(canonical(revision, aliases).provider, provider))
    ]
    for held in whole(engine, binding):
        revision = canonical(held, aliases)
        try:
            promise = read_contract(
                revision.format, revision.document, where=f"contract {revision.name}"
            )
        except ContractError:
            continue
        if promise.timing:
            contracts.append(Timed(revision, promise))
    return contracts


def in_force(engine: Engine, at: datetime) -> list[Revision]:
    """Of each contract the newest revision that has begun by a time, and has not ended; without
    documents.
    """
    begun = {
        revision.name: revision for revision in listed(engine) if revision.effective_from <= at
    }
    return [
        revision
        for revision in begun.values()
        if revision.effective_to is None or at < revision.effective_to
    ]


def judge_timing(
    contracts: Iterable[Timed], rows: Sequence[Mapping[str, Any]]
) -> list[TimingVerdict]:
    """A verdict for each clause, edge and version that it binds; rows of `edge_tails`. Broken ones
    first.
    """
    edges: dict[_Edge, list[Mapping[str, Any]]] = {}
    for row in rows:
        edges.setdefault(
            _Edge(row["environment"], row["caller"], row["callee"], row["operation"]), []
        ).append(row)
    verdicts: list[TimingVerdict] = []
    for contract in contracts:
        router = _routed(contract.promise)
        for edge, versions in edges.items():
            if contract.revision.environment not in (
                "",
                edge.environment,
            ) or contract.revision.consumer not in ("", edge.caller):
                continue
            held = [
                row
                for row in versions
                if contract.revision.provider_version in ("", row["callee_version"])
            ]
            for clause in _binding(contract.promise, router, edge.operation):
                verdicts += _judged(
                    contract.revision,
                    clause,
                    edge,
                    sorted(held, key=lambda row: in_utc(row["first_window"])),
                )
    order = {"broken": 0, "open": 1, "kept": 2}
    return sorted(
        verdicts,
        key=lambda verdict: (
            order[verdict.word],
            verdict.environment,
            verdict.caller,
            verdict.operation,
            verdict.contract,
            verdict.clause,
        ),
    )


def timeout_of(
    contracts: Iterable[Timed], environment: str, caller: str, callee: str, operation: str
) -> PromisedTimeout | None:
    """The clause on how long the callers of an edge wait, the shortest one; None where no contract
    tells it.
    """
    timeouts: list[PromisedTimeout] = []
    for contract in contracts:
        revision = contract.revision
        if (
            not may_be_one(revision.provider, callee)
            or revision.environment not in ("", environment)
            or revision.consumer not in ("", caller)
        ):
            continue
        clauses = _binding(contract.promise, _routed(contract.promise), operation)
        timeouts += [
            PromisedTimeout(revision.name, revision.number, it.clause, it.seconds)
            for it in clauses
            if it.quantile is None
        ]
    return min(timeouts, key=lambda it: (it.seconds, it.contract), default=None)


def _routed(promise: Promise) -> Router[str]:
    router: Router[str] = Router()
    for clause in promise.timing:
        method, _, route = clause.operation.partition(" ")
        if route.startswith("/"):
            router.add(method, route, clause.operation)
    return router


def _binding(promise: Promise, router: Router[str], operation: str) -> list[Timing]:
    """The clauses for an operation: its own ones, and of those for all what it does not tell
    itself.

    Examples show literal paths: of those that fit the operation's route the slowest counts.
    """
    method, _, route = operation.partition(" ")
    if promise.by_example:
        return _shown(promise, method, route)
    match = router.match(method, route) if route.startswith("/") else None
    name = match.target if match is not None and match.target is not None else operation
    own = {timing.quantile: timing for timing in promise.timing if timing.operation == name}
    revisions = (
        promise.router.match(method, route) is not None
        if promise.operations and route.startswith("/")
        else not promise.operations
    )
    everywhere = (
        {timing.quantile: timing for timing in promise.timing if not timing.operation}
        if revisions
        else {}
    )
    return list((everywhere | own).values())


def _shown(promise: Promise, method: str, route: str) -> list[Timing]:
    if not route.startswith("/"):
        return []
    of_edge: Router[str] = Router()
    of_edge.add(method, route, route)
    slowest: dict[float | None, Timing] = {}
    for timing in promise.timing:
        verb, _, path = timing.operation.partition(" ")
        slower = slowest.get(timing.quantile)
        if (
            verb == method
            and of_edge.match(method, path) is not None
            and (slower is None or slower.seconds < timing.seconds)
        ):
            slowest[timing.quantile] = timing
    return list(slowest.values())


def _judged(
    revision: Revision, clause: Timing, edge: _Edge, versions: Sequence[Mapping[str, Any]]
) -> list[TimingVerdict]:
    allowed = CUT_OFF if clause.quantile is None else 1 - clause.quantile
    verdicts: list[TimingVerdict] = []
    since = ""
    for row in versions:
        server, client = dict(row["server_histogram"]), dict(row["client_histogram"])
        # a caller that gives up never sees how long it would have taken: the callee's clock tells,
        # where it is known
        side: Literal["client", "server", ""] = "server" if server else "client" if client else ""
        histogram = server or client
        seen = tail(histogram, clause.seconds)
        word: TimingWord = (
            "broken"
            if seen.low > allowed
            else "kept"
            if seen.calls and seen.high <= allowed
            else "open"
        )
        since = since or (row["callee_version"] if word == "broken" else "")
        verdicts.append(
            TimingVerdict(
                contract=revision.name,
                revision=revision.number,
                clause=clause.clause,
                environment=edge.environment,
                caller=edge.caller,
                callee=edge.callee,
                operation=edge.operation,
                version=row["callee_version"],
                quantile=clause.quantile,
                limit_seconds=clause.seconds,
                side=side,
                word=word,
                calls=seen.calls,
                slower=seen.slower,
                share_low=seen.low,
                share_high=seen.high,
                since_version=since if word == "broken" else "",
                reason=_reason(revision, clause, edge, histogram, word, since),
            )
        )
    return verdicts


def _reason(
    revision: Revision,
    clause: Timing,
    edge: _Edge,
    histogram: Mapping[int, int],
    word: TimingWord,
    since: str,
) -> TimingReason:
    seen = tail(histogram, clause.seconds)
    limit = clause.seconds
    if not seen.calls:
        return timing_reason("timing_unseen", limit_seconds=limit)
    if word == "kept":
        return timing_reason("timing_kept", limit_seconds=limit, share=seen.high, calls=seen.calls)
    if word == "open":
        return timing_reason(
            "timing_open", limit_seconds=limit, share=seen.high, low=seen.low, calls=seen.calls
        )
    share, seconds = exceeding(histogram, limit, seen.low) or (0.999, limit)
    quantile = f"p{100 * share:g}"
    if clause.quantile is None:
        return timing_reason(
            "timeout_too_short", quantile=quantile, seconds=seconds, limit_seconds=limit, consumer=revision.consumer or edge.caller,
            callee=edge.callee, version=since, share=seen.low, calls=seen.calls,
        )  # fmt: skip
    return timing_reason(
        "latency_promise_broken", quantile=quantile, seconds=seconds, limit_seconds=limit, promised=f"p{100 * clause.quantile:g}",
        callee=edge.callee, version=since, share=seen.low, calls=seen.calls,
    )  # fmt: skip
