"""What a finding is called: where its time goes, which timeout is the shorter one, and failures
that are refusals.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from monitor.detect.evidence.places import added_on, compared_rows, gives_up_after
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.settings import JudgeSettings
from monitor.model.judging import Finding, Refusal, Refusals, TimeEvidence

HALF = 0.5
"""Failures are called refusals where they are so large a part of them."""


def named(
    findings: Sequence[Finding], edges: Sequence[EdgeTests], settings: JudgeSettings
) -> list[Finding]:
    """The findings with what tells their kind; slowness of the service's own time is a root,
    whatever it calls.
    """
    by_edge = {edge.table.edge: edge for edge in edges}
    return [
        _named(finding, by_edge[finding.edge], settings) if finding.edge in by_edge else finding
        for finding in findings
    ]


def _named(finding: Finding, edge: EdgeTests, settings: JudgeSettings) -> Finding:
    if finding.signal == "latency":
        added = added_on(edge)
        place = added.place(settings.latency_floor_seconds)
        if place is None:
            return finding
        when = TimeEvidence(place, added.client, added.server, added.own)
        is_root = place == "own" and edge.role == "callee" and finding.explained is None
        return replace(
            finding,
            evidence=replace(finding.evidence, time=when),
            role="root" if is_root else finding.role,
        )
    if finding.signal == "timeouts":
        added, gives_up = added_on(edge), gives_up_after(edge, finding.evidence.new_bad)
        if gives_up is None:
            return finding
        when = TimeEvidence(None, added.client, added.server, added.own, gives_up)
        return replace(finding, evidence=replace(finding.evidence, time=when))
    if finding.signal in ("errors", "provider_errors"):
        refusals = _refusals(edge, finding.evidence.new_bad)
        return (
            replace(finding, evidence=replace(finding.evidence, refusals=refusals))
            if refusals
            else finding
        )
    return finding


def _refusals(edge: EdgeTests, bad: int) -> Refusals | None:
    """The kind that most of the failures are of, where they are refusals."""
    kinds: tuple[Refusal, ...] = get_args(Refusal)
    new, old = compared_rows(edge)
    sums = {
        kind: (int(column[new].sum()), int(column[old].sum()))
        for kind in kinds
        if (column := edge.table.beside.get(kind)) is not None
    }
    if not sums or not bad:
        return None
    most = max(sums, key=lambda kind: (sums[kind][0], kind))
    calls, before = sums[most]
    return Refusals(most, calls, before) if calls >= HALF * bad else None
