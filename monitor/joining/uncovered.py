"""Live interactions that no contract covers, by risk: what changes often, and what much hangs on."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from monitor.contracts.form import Promise
from monitor.contracts.joined import UNDOCUMENTED
from monitor.contracts.mocking import asks_for
from monitor.contracts.stubs import asked
from monitor.control.contracts import listed, whole
from monitor.control.deploys import list_deploys
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.publishing import promise_of
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.edges import EdgeQuery, EdgeRow, GroupBy
from monitor.model.exchanges import MESSAGING
from monitor.model.policy import Criticality
from monitor.model.services import may_be_one
from monitor.model.uncovered import Level, Uncovered, UncoveredList
from monitor.store.reader import Reader

WEIGHTS: Mapping[Level, float] = {"low": 0.5, "medium": 1.0, "high": 2.0}
_UNNAMED = frozenset({"", "unknown", "user", "__other__"})
_NO_CONTRACTS = frozenset({"database", "db", "unknown"})
_BY: tuple[GroupBy, ...] = ("environment", "caller", "callee", "protocol", "operation", "versions")
_MOST_NAMED = 20
_MOST_BROKEN = 10_000


@dataclass(slots=True)
class _Seen:
    """One operation of a provider."""

    protocol: str
    calls: int = 0
    failed: int = 0
    valid: int = 0
    violated: int = 0
    callers: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Bound:
    revision: Revision
    promise: Promise


def uncovered(
    reader: Reader,
    engine: Engine,
    aliases: Aliases,
    criticality: Criticality,
    now: datetime,
    days: int,
    environment: str = "",
) -> UncoveredList:
    """Over the windows of so many days. An operation is covered where a contract in force speaks
    of it, or where checking found one that does: that a contract lacks it covers nothing.
    """
    since = now - timedelta(days=days)
    query = EdgeQuery(since=since, until=now, environment=environment or None, by=_BY)
    seen, left_out = _seen(reader.edges(query))
    bound, unreadable = _contracts(engine, aliases)
    undocumented = _undocumented(reader, since, now, environment) if seen else frozenset()
    rows, covered, deploys = [], 0, dict[tuple[str, str], int]()
    for (place, provider, operation), entry in seen.items():
        own = [
            held
            for held in bound
            # of a topic its producer's contract speaks, whoever reads it
            if (entry.protocol == MESSAGING or may_be_one(held.revision.provider, provider))
            and held.revision.environment in ("", place)
        ]
        spoken_of = entry.valid or (
            entry.violated and (place, provider, operation) not in undocumented
        )
        if spoken_of or any(speaks_of(held.promise, operation) for held in own):
            covered += 1
            continue
        if (place, provider) not in deploys:
            deploys[place, provider] = len(
                list_deploys(engine, environment=place, service=provider, since=since, until=now)
            )
        changes = max(deploys[place, provider], len(entry.versions - {""}) - 1, 0)
        stated = criticality.told(provider, place)
        level: Level = stated or "medium"
        weekly = changes * 7 / days
        risk = (1 + weekly) * len(entry.callers) * math.log10(1 + entry.calls) * WEIGHTS[level]
        rows.append(
            Uncovered(
                id=interaction_id(place, provider, operation),
                environment=place,
                provider=provider,
                operation=operation,
                protocol=entry.protocol,
                risk=round(risk, 3),
                calls=entry.calls,
                failed=entry.failed,
                callers=sorted(entry.callers)[:_MOST_NAMED],
                versions=sorted(entry.versions - {""})[:_MOST_NAMED],
                changes=changes,
                changes_per_week=round(weekly, 2),
                criticality=level,
                told=stated is not None,
                named=any(may_be_one(held.revision.provider, provider) for held in own),
            )
        )
    rows.sort(key=lambda row: (-row.risk, row.environment, row.provider, row.operation))
    return UncoveredList(since, now, len(seen), covered, left_out, unreadable, rows)


def interaction_id(environment: str, provider: str, operation: str) -> str:
    """16 hex digits that name a live interaction over time."""
    text = f"{environment}\x1f{provider}\x1f{operation}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def speaks_of(promise: Promise, operation: str) -> bool:
    """Whether a contract names an operation, as calls name it: `METHOD /route`, a topic, a method
    of gRPC or a field of GraphQL.
    """
    method, _, route = operation.partition(" ")
    if route.startswith("/"):
        match = promise.router.match(method, route)
        if match is not None and match.target is not None:
            return True
    if promise.messages and any(part.topic for part in promise.of_topic(operation)):
        return True
    if any(unit.name in (operation, route) for unit in promise.units):
        return True
    return any(
        asks_for(verb, path, method, route) for verb, path in map(asked, promise.interactions)
    )


def _seen(rows: Iterable[EdgeRow]) -> tuple[dict[tuple[str, str, str], _Seen], int]:
    """By environment, provider and operation; and how many calls have no provider to promise
    anything.
    """
    seen: dict[tuple[str, str, str], _Seen] = {}
    left_out = 0
    for row in rows:
        protocol = row.protocol or ""
        if row.callee in _UNNAMED or protocol in _NO_CONTRACTS or not row.operation:
            left_out += row.calls
            continue
        key = (row.environment or "", row.callee or "", row.operation)
        entry = seen.setdefault(key, _Seen(protocol))
        entry.calls += row.calls
        entry.failed += row.bad
        entry.valid += row.conformance.get("valid", 0)
        entry.violated += row.conformance.get("violated", 0)
        entry.callers.add(row.caller or "unknown")
        entry.versions.add(row.callee_version or "")
    return seen, left_out


def _undocumented(
    reader: Reader, since: datetime, until: datetime, environment: str
) -> frozenset[tuple[str, str, str]]:
    """Environment, provider and operation of calls that their contract does not know."""
    return frozenset(
        (row["environment"], row["callee"], row["operation"])
        for row in reader.violations(since, until, environment, limit=_MOST_BROKEN)
        if row["rule"] in UNDOCUMENTED
    )


def _contracts(engine: Engine, aliases: Aliases) -> tuple[list[_Bound], list[str]]:
    """The newest revisions that bind a provider, and the names of those that cannot be read."""
    bound: list[_Bound] = []
    unreadable: list[str] = []
    newest: Sequence[Revision] = [
        revision for revision in listed(engine, newest=True) if revision.binds
    ]
    for revision in whole(engine, newest):
        try:
            bound.append(_Bound(canonical(revision, aliases), promise_of(revision)))
        except ContractError:
            unreadable.append(revision.name)
    return bound, unreadable
