"""What is known of one deploy: the versions compared on each edge, all that was found, and what
stands in the way of a pass.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from monitor.detect.evidence.ebh import e_bh, holm
from monitor.detect.evidence.edge_tests import tests_of_edges
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.absence import never_seen, silence
from monitor.detect.judging.blockers import around_it, blockers_of, only_time_shows
from monitor.detect.judging.callers import harm_in_callers
from monitor.detect.judging.common_cause import of_one_cause
from monitor.detect.judging.fanout import fanout_findings
from monitor.detect.judging.findings import Clauses, findings_of
from monitor.detect.judging.instances import spread_of_kinds, with_what_differs
from monitor.detect.judging.levels import levels, outdone_by_past
from monitor.detect.judging.named import named
from monitor.detect.judging.steps import steps
from monitor.detect.judging.suspects import Rival, rivals
from monitor.detect.judging.trouble import calm, troubled
from monitor.detect.judging.untold import untold_findings
from monitor.detect.judging.versions import (
    answers_alone,
    between_instances,
    held_against,
    is_seen,
    since_of,
    stayed_as_it_was,
)
from monitor.detect.judging.zones import zone_findings
from monitor.detect.measure.columns import EdgeTable, Measured
from monitor.detect.measure.contrasts import role_on
from monitor.detect.measure.series import Around
from monitor.detect.measure.warmup import fresh_shares, grain_of
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.cells import CellColumns
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, Edge, EdgeCell, Sighting
from monitor.model.judging import Finding
from monitor.model.reasons import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything known of one deploy, before the word is spoken."""

    deploy: Deploy
    against: str
    since: float
    edges: tuple[EdgeTests, ...]
    found: tuple[Finding, ...]
    blockers: tuple[Reason, ...]
    data_until: datetime | None


def case_of(
    deploy: Deploy,
    found_tables: Sequence[EdgeTable],
    sightings: Sequence[Sighting],
    others: Sequence[Deploy],
    clauses: Clauses,
    settings: JudgeSettings,
    around: Around,
    share: float | None,
    now: datetime,
    calls: Sequence[Alike] = (),
    before: Collection[str] | None = None,
    measured: Measured | None = None,
) -> Case:
    """Compare the versions on every edge and collect all findings, and all that stands in the way
    of a pass.
    """
    since = since_of(deploy, settings)
    sightings = sightings or answers_alone(deploy, found_tables)
    against = held_against(deploy, found_tables, sightings, since)
    spread = between_instances(sightings, against)
    by_kind = spread_of_kinds(calls, against) if calls and against else {}
    edges: tuple[EdgeTests, ...] = ()
    stayed = stayed_as_it_was(deploy, against)
    if against or stayed:
        grain = grain_of(found_tables)
        fresh = fresh_shares(
            sightings,
            found_tables,
            deploy.service,
            deploy.version,
            since,
            settings.warmup_seconds,
            stayed=stayed,
            grain=grain,
        )

        def compared(edge_tables: Sequence[EdgeTable]) -> tuple[EdgeTests, ...]:
            with_roles = [
                (table, role_on(table, deploy.service) or "callee") for table in edge_tables
            ]
            versions = deploy.version, against
            return tuple(
                tests_of_edges(
                    with_roles, *versions, since, settings, spread, fresh, grain, by_kind
                )
            )

        edges = compared(found_tables)
    ends = [int(table.windows[-1]) for table in found_tables if table.windows.size]
    data_until = datetime.fromtimestamp(max(ends) + WINDOW_SECONDS, UTC) if ends else None
    blockers = blockers_of(
        deploy, against, edges, found_tables, sightings, data_until, share, settings, now
    )
    findings: list[Finding] = []

    @cache
    # each is judged by all edges: asked for only where something is worse, and then once
    def near() -> dict[str, list[Rival]]:
        called = {
            edge.callee for edge in _edges_of(around.neighbours) if edge.caller == deploy.service
        }
        return rivals(deploy, others, found_tables, called, settings)

    findings += _side_by_side(deploy, edges, near, clauses, settings, now)
    neighbours: list[EdgeTable] = []
    if edges:
        begins, ends_at = since - settings.before_seconds, since + settings.step_seconds
        neighbours = (measured or Measured()).tables(around.neighbours, begins, ends_at)
        if neighbours:
            ill = troubled(around_it(deploy, edges, found_tables, neighbours))
            if ill.size:
                # versions beside each other are compared then, too; all else is not
                neighbours, edges = calm(neighbours, ill), compared(calm(found_tables, ill))
        findings += steps(deploy, edges, findings, near, settings, neighbours, around.former)
        # what neighbours show too hides nothing that a number's own past shows
        shared = [item for item in findings if _is_everybodys(item)]
        findings = [item for item in findings if not _is_everybodys(item)]
        findings = outdone_by_past(findings, edges, around.past, settings)
        findings += levels(deploy, edges, findings, near, neighbours, around.past, settings)
        ids = {item.id for item in findings}
        findings += [item for item in shared if item.id not in ids]
        findings += zone_findings(deploy, edges, findings, near, settings)
        findings = of_one_cause(deploy, edges, findings, others, neighbours, settings)
        findings += fanout_findings(deploy, edges, findings, near, neighbours, settings)
        findings += untold_findings(deploy, edges, findings, near, neighbours, settings)
        callers = harm_in_callers(deploy, edges, findings, others, neighbours, settings)
        findings += callers.found
        blockers += callers.reasons(deploy.service)
    findings = named(findings, edges, settings)
    findings = with_what_differs(deploy, findings, calls, before, settings) if calls else findings
    if against and not stayed:
        findings += _missed(deploy, against, since, found_tables, sightings, settings, now, share)
    blockers += tuple(only_time_shows(deploy, against, edges, findings, neighbours, settings))
    return Case(deploy, against, since, edges, tuple(findings), blockers, data_until)


def _edges_of(cells: Sequence[EdgeCell]) -> Iterable[Edge]:
    return cells.edges() if isinstance(cells, CellColumns) else (cell.edge for cell in cells)


def _side_by_side(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    rivals_near: Callable[[], Mapping[str, Sequence[Rival]]],
    clauses: Clauses,
    settings: JudgeSettings,
    now: datetime,
) -> list[Finding]:
    """Findings on edges where the versions met, all edges' e-values against one bar."""
    met = [edge for edge in edges if edge.contrast.overlap]
    if not met:
        return []
    alpha = settings.alpha / 2 if settings.deadline else settings.alpha
    chosen = e_bh([edge.log_e for edge in met], alpha)
    last = [test.deadline_p for edge in met for test in edge.whole]
    bar_p = holm(last, alpha) if settings.deadline else -1.0
    rejected = [
        edge
        for edge, keep in zip(met, chosen, strict=True)
        if keep or any(test.deadline_p <= bar_p for test in edge.whole)
    ]
    rival = rivals_near() if rejected else {}
    return findings_of(deploy, rejected, rival, clauses, settings, now, bar_p)


def _is_everybodys(finding: Finding) -> bool:
    return finding.explained is not None and finding.explained.code == "neighbours_too"


def _missed(
    deploy: Deploy,
    against: str,
    since: float,
    own: Sequence[EdgeTable],
    sightings: Sequence[Sighting],
    settings: JudgeSettings,
    now: datetime,
    share: float | None,
) -> list[Finding]:
    """A version that is there and answers nothing, or never shows."""
    where = [table.edge for table in own if role_on(table, deploy.service) == "callee"]
    quiet = silence(deploy, against, sightings, where, since, settings, now, share)
    if quiet is None and not is_seen(deploy, own, sightings):
        quiet = never_seen(deploy, against, sightings, where, settings, now, share)
    return [quiet] if quiet else []
