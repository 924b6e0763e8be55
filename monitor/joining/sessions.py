"""The verdict on one test run, from what its own stores hold."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from monitor.control.contracts import listed
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery
from monitor.model.sessions import BrokenClause, SeenEdge, SessionResult, SessionVerdict
from monitor.store.reader import Reader

_EXITS: dict[SessionResult, Literal[0, 1, 2]] = {
    "kept": 0,
    "broken": 1,
    "kept_in_part": 2,
    "nothing_checked": 2,
}


def session_verdict(
    reader: Reader,
    engine: Engine,
    since_ns: int,
    until: datetime,
    refused: Mapping[str, int],
    required: Collection[str],
) -> SessionVerdict:
    """Of the exchanges that ended since then; `refused` is what of them could not be read, and
    `required` are the contracts that the run is about. Edges are those of windows that are closed.
    """
    rows = reader.session_exchanges(since_ns)
    checked, reasons = Counter[str](), Counter[str]()
    touched: set[str] = set()
    for row in rows:
        checked[row["checked"]] += int(row["exchanges"])
        if row["checked"] == "not_checked":
            reasons[row["reason"] or "in_part"] += int(row["exchanges"])
        else:
            touched.add(row["contract"])
    violations = [
        BrokenClause(
            *(row["fingerprint"], row["contract"], int(row["newest_revision"]), row["operation"]),
            *(row["side"], row["rule"], row["pointer"], row["clause"], row["expected"]),
            *(row["actual"], row["caller"], row["caller_version"], row["callee"]),
            row["callee_version"],
            int(row["exchanges"]),
        )
        for row in reader.session_violations(since_ns)
    ]
    touched |= {violation.contract for violation in violations}
    providers = {it.name: it.provider for it in listed(engine, newest=True) if it.binds}
    # of several contracts that bind an exchange its row names one: more than the provider is not known
    met = {providers[name] for name in touched if name in providers}
    untouched = sorted(name for name, provider in providers.items() if provider not in met)
    lacking = sorted(set(untouched) & set(required))
    result: SessionResult = "kept_in_part" if refused or lacking else "kept"
    if violations or not checked["valid"]:
        result = "broken" if violations else "nothing_checked"
    since = datetime.fromtimestamp(since_ns / 1e9, UTC)
    return SessionVerdict(
        result,
        _EXITS[result],
        since,
        checked["valid"],
        checked["violated"],
        dict(reasons.most_common()),
        dict(refused),
        untouched,
        lacking,
        violations,
        _edges(reader, since, until),
    )


def _edges(reader: Reader, since: datetime, until: datetime) -> list[SeenEdge]:
    """By windows of ten seconds: the first may hold calls from before."""
    query = EdgeQuery(
        since=since - timedelta(seconds=WINDOW_SECONDS),
        until=until + timedelta(seconds=WINDOW_SECONDS),
        by=("caller", "callee", "protocol", "operation"),
    )
    edges = [
        SeenEdge(
            *(row.caller or "", row.callee or "", row.protocol or "", row.operation or ""),
            *(row.calls, row.bad),
        )
        for row in reader.edges(query)
    ]
    return sorted(edges, key=lambda edge: (edge.caller, edge.callee, edge.operation))
