"""The examples of a contract beside what live exchanges showed of them: proven by whom, or never
seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from monitor.contracts.form import Promise
from monitor.model.moments import in_utc

Proof = Literal["kept", "broken", "open", "unproven"]
"""Broken: at least once. Open: seen, but nothing could be judged. Unproven: never seen in that
time.
"""


@dataclass(frozen=True, slots=True)
class PairShown:
    """What one version pair showed of one example. Counts of exchanges are exact while small, and
    within 1 % else.
    """

    environment: str
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    kept: int
    broken: int
    open: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Covered:
    """One example with its place in the document, and what was seen of it, by version pair, the
    latest first.

    `proof` is `unproven` where it was never seen in that time, and `open` where it was seen but
    nothing could be judged.
    """

    interaction: str
    clause: str
    proof: Proof
    kept: int
    broken: int
    open: int
    last_seen: datetime | None
    pairs: Sequence[PairShown]


def coverage(promise: Promise, rows: Iterable[Mapping[str, Any]]) -> list[Covered]:
    """Every example of a promise, in its order, with the rows of the store that name it. What is
    no example any more is left out.
    """
    seen: dict[str, list[PairShown]] = {}
    for row in rows:
        seen.setdefault(str(row["interaction"]), []).append(_pair(row))
    return [
        _covered(example.name, example.clause, seen.get(example.name, []))
        for example in promise.examples
    ]


def operations_covered(
    promise: Promise, rows: Iterable[Mapping[str, Any]], broke: Mapping[str, bool] | None = None
) -> list[Covered]:
    """Every operation of a promise, by name, with the calls of it: kept and broken are checked
    exchanges, open those that were not.

    Rows are those of `operations_called`, of which all contracts of the provider were held
    against. A call counts for the operation that its route fits. `broke` are the operations of
    which calls broke a contract, and whether it was this one: what broke only others is open.
    """
    seen: dict[str, list[PairShown]] = {}
    own: dict[str, bool] = {}
    for operation, is_own in (broke or {}).items():
        name = promise.named(operation)
        own[name] = own.get(name, False) or is_own
    for row in rows:
        name = promise.named(str(row["operation"]))
        if not name:
            continue
        kept, broken = int(row["kept"]), int(row["broken"])
        if not own.get(name, True):
            broken = 0
        left = max(int(row["calls"]) - kept - broken, 0)
        seen.setdefault(name, []).append(_pair({**row, "broken": broken, "open": left}))
    operations = sorted(
        promise.operations, key=lambda operation: (operation.route, operation.method)
    )
    return [
        _covered(operation.name, operation.clause, seen.get(operation.name, []))
        for operation in operations
    ]


def _covered(name: str, clause: str, pairs: list[PairShown]) -> Covered:
    kept, broken, left = (
        sum(getattr(pair, word) for pair in pairs) for word in ("kept", "broken", "open")
    )
    proof: Proof = "broken" if broken else "kept" if kept else "open" if pairs else "unproven"
    last = max((pair.last_seen for pair in pairs), default=None)
    return Covered(
        name,
        clause,
        proof,
        kept,
        broken,
        left,
        last,
        sorted(pairs, key=lambda pair: pair.last_seen, reverse=True),
    )


def _pair(row: Mapping[str, Any]) -> PairShown:
    return PairShown(
        row["environment"],
        row["caller"],
        row["caller_version"],
        row["callee"],
        row["callee_version"],
        int(row["kept"]),
        int(row["broken"]),
        int(row["open"]),
        in_utc(row["first_seen"]),
        in_utc(row["last_seen"]),
    )
