"""Is a finding still so? When its badness was last seen, and whether it is over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.model.edges import EdgeCell
from monitor.model.judging import Finding

QUIET = timedelta(minutes=10)
NO_TRAFFIC = timedelta(minutes=2)
ENOUGH_CALLS = 200

BAD: Mapping[str, Callable[[EdgeCell], int]] = {
    "errors": lambda cell: cell.outcomes.get("server_error", 0) + cell.outcomes.get("client_error", 0),
    "timeouts": lambda cell: cell.outcomes.get("timeout", 0) + cell.outcomes.get("cancelled", 0),
    "violations": lambda cell: cell.conformance.get("violated", 0),
    "latency": lambda cell: cell.calls,
}


def brought_up_to_date(
    finding: Finding, service: str, version: str, cells: Sequence[EdgeCell], sealed_until: datetime
) -> Finding:
    """The finding with its `last_seen`, resolved when the version has no calls any more (two minutes while the service has), or
    had `ENOUGH_CALLS` in ten minutes on that edge with nothing bad among them.
    """
    if finding.signal == "silence" or finding.state == "resolved":
        return finding
    mine = [cell for cell in cells if cell.sealed and _version(cell, service) == version]
    if not any(cell.window >= sealed_until - NO_TRAFFIC for cell in mine) and any(
        cell.window >= sealed_until - NO_TRAFFIC for cell in cells
    ):
        return replace(finding, state="resolved")
    bad = BAD[finding.signal]
    here = [cell for cell in mine if cell.edge == finding.edge]
    last = max((cell.window for cell in here if bad(cell)), default=finding.last_seen)
    recent = sum(cell.calls for cell in here if cell.window >= sealed_until - QUIET)
    if last < sealed_until - QUIET and recent >= ENOUGH_CALLS:
        return replace(finding, state="resolved")
    return replace(finding, last_seen=max(last, finding.last_seen))


def _version(cell: EdgeCell, service: str) -> str:
    return (cell.callee_version if cell.edge.callee == service else "") or (
        cell.caller_version if cell.edge.caller == service else ""
    )
