"""Is a finding still so? When its badness was last seen, and whether and why it is over."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from monitor.detect.measure.kinds import BAD
from monitor.model.cells import CellColumns
from monitor.model.edges import Edge, EdgeCell, Sighting
from monitor.model.judging import Evidence, FanoutKind, Finding, LatencyEvidence
from monitor.model.quantiles import quantile
from monitor.model.reasons import Reason, reason

QUIET = timedelta(minutes=10)
NO_TRAFFIC = timedelta(minutes=2)
NO_INSTANCE = timedelta(minutes=5)
"""Longer than a crashing instance takes to come back."""
MOST_CALLS, BAD_CALLS = 200, 5.0
"""So many calls without harm say that it is over: at most the first, fewer where the harm would
have shown the second many times.
"""
RATIO, POINTS, SECONDS = 1.25, 0.005, 0.005


def brought_up_to_date(
    finding: Finding,
    service: str,
    version: str,
    cells: Sequence[EdgeCell],
    sealed_until: datetime,
    *,
    sightings: Sequence[Sighting] = (),
    superseded_by: str = "",
    watched_until: datetime | None = None,
) -> Finding:
    """The finding with its `last_seen`; when it is over, resolved with the reason as `ended`.

    Over: the version has no calls any more while the service has (rolled back, replaced); it is no
    worse than the old one was for ten minutes, in calls enough to show it; a silent version
    answers, or its instances are gone. After `watched_until` also when nothing tells whether it is
    still so. While harm is seen it stays open, however old.
    """
    if finding.state == "resolved":
        return finding
    mine = _of_version(cells, service, version)
    if finding.signal == "silence":
        why = _answers(version, mine, sightings, sealed_until, superseded_by)
        return ended(finding, why) if why else finding
    lately = sealed_until - NO_TRAFFIC
    if not _any_since(lately, mine) and _any_since(lately, cells):
        return ended(finding, reason("no_calls_any_more", version=version or service))
    if finding.evidence.meaning:
        last = max((cell.window for cell in mine), default=finding.last_seen)
        if watched_until is not None and sealed_until > watched_until:
            return ended(finding, reason("no_longer_judged", last_seen=last))
        return replace(finding, last_seen=max(last, finding.last_seen))
    if finding.evidence.fanout:
        return _as_often(finding, service, list(mine), sealed_until, watched_until)
    here = _of_edge(mine, finding.edge)
    last = max(
        (cell.window for cell in here if _is_bad(finding.evidence, cell)),
        default=finding.last_seen,
    )
    recent = [cell for cell in here if cell.window >= sealed_until - QUIET]
    if _recovered(finding.evidence, recent):
        return ended(finding, reason("recovered"))
    if watched_until is not None and sealed_until > watched_until and last < sealed_until - QUIET:
        return ended(finding, reason("no_longer_judged", last_seen=last))
    return replace(finding, last_seen=max(last, finding.last_seen))


def _of_version(cells: Sequence[EdgeCell], service: str, version: str) -> Sequence[EdgeCell]:
    """Sealed cells of the service's version, of all where none is named."""
    if not isinstance(cells, CellColumns):
        return [
            cell
            for cell in cells
            if cell.sealed and (not version or _version(cell, service) == version)
        ]
    if not version:
        return cells
    columns = cells.columns
    names = np.array([word == version for word in columns.words], dtype=np.bool_)
    unnamed = np.array([not word for word in columns.words], dtype=np.bool_)
    answers = cells.touching(service, "callee") & ~unnamed[columns.callee_version]
    calls = ~answers & cells.touching(service, "caller")
    return cells.where(
        (answers & names[columns.callee_version]) | (calls & names[columns.caller_version])
    )


def _of_edge(cells: Sequence[EdgeCell], edge: Edge) -> list[EdgeCell]:
    if isinstance(cells, CellColumns):
        return list(cells.where(cells.of_edge(edge)))
    return [cell for cell in cells if cell.edge == edge]


def _any_since(moment: datetime, cells: Sequence[EdgeCell]) -> bool:
    if isinstance(cells, CellColumns):
        return bool(cells.since(moment).any())
    return any(cell.window >= moment for cell in cells)


def _as_often(
    finding: Finding,
    service: str,
    mine: Sequence[EdgeCell],
    sealed_until: datetime,
    watched_until: datetime | None,
) -> Finding:
    """What a version calls, brought up to date: over when it is nearer to what the old one did, in
    answers enough to show it.
    """
    change = finding.evidence.fanout
    if change is None:
        return finding
    middle = (change.old + change.new) / 2.0
    last, recent = finding.last_seen, [0, 0]
    for window in sorted({cell.window for cell in mine}):
        there = [cell for cell in mine if cell.window == window]
        made, answers = _made(finding, change.kind, service, there)
        if not answers:
            continue
        if window >= sealed_until - QUIET:
            recent = [recent[0] + made, recent[1] + answers]
        if (made / answers > middle) == (change.new > change.old):
            last = max(last, window)
    if recent[1] >= MOST_CALLS and (recent[0] / recent[1] > middle) != (change.new > change.old):
        return ended(finding, reason("recovered"))
    if watched_until is not None and sealed_until > watched_until and last < sealed_until - QUIET:
        return ended(finding, reason("no_longer_judged", last_seen=last))
    return replace(finding, last_seen=last)


def _made(
    finding: Finding, kind: FanoutKind, service: str, cells: Sequence[EdgeCell]
) -> tuple[int, int]:
    """(what is counted, of how many) in these cells: attempts of calls, or calls for answers."""
    here = [cell for cell in cells if cell.edge == finding.edge]
    calls = sum(cell.calls for cell in here)
    if kind == "attempted":
        return calls + sum(cell.coverage.get("failed_attempts", 0) for cell in here), calls
    return calls, sum(cell.calls for cell in cells if cell.edge.callee == service)


def ended(finding: Finding, why: Reason) -> Finding:
    """The finding resolved, with why."""
    return replace(finding, state="resolved", ended=why)


def _answers(
    version: str,
    mine: Sequence[EdgeCell],
    sightings: Sequence[Sighting],
    sealed_until: datetime,
    superseded_by: str,
) -> Reason | None:
    """Why a silent version is silent no more; None while it is."""
    if any(cell.window >= sealed_until - NO_TRAFFIC and cell.calls for cell in mine):
        return reason("answers", version=version)
    own = [sighting for sighting in sightings if sighting.version == version]
    if any(
        sighting.window >= sealed_until - NO_TRAFFIC and sighting.server_calls for sighting in own
    ):
        return reason("answers", version=version)
    gone = not any(sighting.window >= sealed_until - NO_INSTANCE for sighting in own)
    if superseded_by and gone:
        return reason("superseded", version=superseded_by)
    return reason("instances_gone", version=version) if own and gone else None


def _recovered(evidence: Evidence, recent: Sequence[EdgeCell]) -> bool:
    calls = sum(cell.calls for cell in recent)
    if evidence.latency:
        return calls >= MOST_CALLS and not _slow(evidence.latency, recent)
    rate = evidence.new_bad / max(evidence.new_calls, 1)
    if not calls or calls < min(MOST_CALLS, BAD_CALLS / max(rate, 1e-9)):
        return False
    usual = evidence.old_bad / max(evidence.old_calls, 1)
    bad = BAD[evidence.rate.kind if evidence.rate else "server_error"]
    return sum(map(bad, recent)) / calls <= max(RATIO * usual, min(usual + POINTS, rate / 2))


def _is_bad(evidence: Evidence, cell: EdgeCell) -> bool:
    if evidence.latency:
        return cell.calls > 0
    return BAD[evidence.rate.kind if evidence.rate else "server_error"](cell) > 0


def _slow(latency: LatencyEvidence, recent: Sequence[EdgeCell]) -> bool:
    """Whether a quantile is still above what the old version's was, by more than the floor."""
    total: Counter[int] = Counter()
    for cell in recent:
        sides = {
            "client": cell.client_histogram,
            "server": cell.server_histogram,
            "own": cell.self_histogram,
        }
        total.update(sides[latency.side])
    for usual, share in ((latency.old.p50, 0.5), (latency.old.p90, 0.9), (latency.old.p99, 0.99)):
        now = quantile(total, share)
        if usual is not None and now is not None and now > RATIO * usual + SECONDS:
            return True
    return False


def _version(cell: EdgeCell, service: str) -> str:
    return (cell.callee_version if cell.edge.callee == service else "") or (
        cell.caller_version if cell.edge.caller == service else ""
    )
