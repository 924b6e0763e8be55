"""The verdict on one test run, from what its own stores hold."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from monitor.control.contracts import listed
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery
from monitor.model.sessions import BrokenClause, SeenEdge, SessionResult, SessionVerdict
from monitor.store.reader import Reader

_EXITS: dict[SessionResult, Literal[0, 1, 2]] = {"kept": 0, "broken": 1, "nothing_checked": 2}


def session_verdict(
    reader: Reader, engine: Engine, since_ns: int, until: datetime
) -> SessionVerdict:
    """Of the exchanges that ended since then. Edges are those of windows that are closed."""
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
    result: SessionResult = (
        "broken" if violations else "kept" if checked["valid"] else "nothing_checked"
    )
    since = datetime.fromtimestamp(since_ns / 1e9, UTC)
    in_force = [revision.name for revision in listed(engine, newest=True) if revision.binds]
    refused = Counter[str]()
    for row in reader.rejects(since - timedelta(seconds=1), until + timedelta(days=1)):
        refused[row["reason"]] += int(row["count"])
    return SessionVerdict(
        result,
        _EXITS[result],
        since,
        checked["valid"],
        checked["violated"],
        dict(reasons.most_common()),
        dict(refused.most_common()),
        sorted(set(in_force) - touched),
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
