"""What is known of one deploy: the versions compared on each edge, all that was found, and what
stands in the way of a pass.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np

from monitor.detect.evidence.ebh import e_bh, holm
from monitor.detect.evidence.edge_tests import EdgeTests, tests_of_edge
from monitor.detect.evidence.fanout import NOBODY, changed_fanout, sampled_otherwise
from monitor.detect.evidence.rates import between
from monitor.detect.evidence.shared import shared_harm, worse_alone, worse_than_before
from monitor.detect.evidence.zones import zones_in_turn
from monitor.detect.judging.absence import never_seen, not_there_yet, silence, version_pattern
from monitor.detect.judging.callers import harm_in_callers
from monitor.detect.judging.common_cause import FAILS, breaks_others
from monitor.detect.judging.doubts import failing_calls
from monitor.detect.judging.fanout import fanout_findings
from monitor.detect.judging.findings import Clauses, findings_of
from monitor.detect.judging.instances import spread_of_kinds, with_what_differs
from monitor.detect.judging.levels import levels
from monitor.detect.judging.named import named
from monitor.detect.judging.steps import steps
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.judging.suspects import Rival, rivals
from monitor.detect.judging.trouble import calm, troubled
from monitor.detect.judging.zones import zone_findings
from monitor.detect.measure.columns import EdgeTable, tables
from monitor.detect.measure.contrasts import own_codes, role_on
from monitor.detect.measure.series import Around
from monitor.detect.measure.warmup import Shares, fresh_shares, grain_of
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, Sighting
from monitor.model.judging import Finding
from monitor.model.reasons import Reason, reason

STAYS = ("config", "flag")
"""Changes that keep the version. Scaling is left out: it follows load and errors more often than
it brings them.
"""


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
) -> Case:
    """Compare the versions on every edge and collect all findings, and all that stands in the way
    of a pass.
    """
    since = since_of(deploy, settings)
    sightings = sightings or _answers(deploy, found_tables)
    against = _against(deploy, found_tables, sightings, since)
    spread = _between_instances(sightings, against)
    by_kind = spread_of_kinds(calls, against) if calls and against else {}
    edges: tuple[EdgeTests, ...] = ()
    if against or _stayed(deploy, against):
        stayed, long = _stayed(deploy, against), settings.warmup_seconds
        grain = grain_of(found_tables)
        fresh = fresh_shares(
            sightings,
            found_tables,
            deploy.service,
            deploy.version,
            since,
            long,
            stayed=stayed,
            grain=grain,
        )

        def compared(edge_tables: Sequence[EdgeTable]) -> tuple[EdgeTests, ...]:
            return tuple(
                _tests(deploy, table, against, since, spread, fresh, grain, by_kind, settings)
                for table in edge_tables
            )

        edges = compared(found_tables)
    ends = [int(table.windows[-1]) for table in found_tables if table.windows.size]
    data_until = datetime.fromtimestamp(max(ends) + WINDOW_SECONDS, UTC) if ends else None
    blockers = _blockers(
        deploy, against, edges, found_tables, sightings, data_until, share, settings, now
    )
    findings: list[Finding] = []

    @cache
    # each is judged by all edges: asked for only where something is worse, and then once
    def near() -> dict[str, list[Rival]]:
        called = {
            cell.edge.callee for cell in around.neighbours if cell.edge.caller == deploy.service
        }
        return rivals(deploy, others, found_tables, called, settings)

    findings += _side_by_side(deploy, edges, near, clauses, settings, now)
    neighbours = (
        tables(around.neighbours, since - settings.before_seconds, since + settings.step_seconds)
        if edges
        else []
    )
    ill = (
        troubled(_surroundings(deploy, edges, found_tables, neighbours))
        if edges and neighbours
        else None
    )
    if ill is not None and ill.size:
        # versions beside each other are held against each other then, too; all else is not
        neighbours, edges = calm(neighbours, ill), compared(calm(found_tables, ill))
    if edges:
        findings += steps(deploy, edges, findings, near, settings, neighbours, around.former)
        findings += levels(deploy, edges, findings, near, neighbours, around.past, settings)
        findings += zone_findings(deploy, edges, findings, near, settings)
        better = breaks_others(deploy, edges, findings, others, neighbours, settings)
        if better is not None:
            why = reason("callee_released", service=better.service, version=better.version)
            findings = [
                replace(finding, role="propagated", explained=why)
                if finding.evidence.step
                and finding.explained is None
                and finding.signal in FAILS
                and finding.edge.callee == deploy.service
                else finding
                for finding in findings
            ]
        findings += fanout_findings(deploy, edges, findings, near, neighbours, settings)
        callers = harm_in_callers(deploy, edges, findings, others, neighbours, settings)
        findings += callers.found
        blockers += callers.reasons(deploy.service)
    findings = named(findings, edges, settings)
    findings = with_what_differs(deploy, findings, calls, before, settings) if calls else findings
    where = [table.edge for table in found_tables if role_on(table, deploy.service) == "callee"]
    differs = bool(against) and not _stayed(deploy, against)
    quiet = (
        silence(deploy, against, sightings, where, since, settings, now, share)
        if differs
        else None
    )
    if quiet is None and differs and not _seen(deploy, found_tables, sightings):
        quiet = never_seen(deploy, against, sightings, where, settings, now, share)
    if quiet:
        findings.append(quiet)
    blockers += tuple(_over_time(deploy, against, edges, findings, neighbours, settings))
    return Case(deploy, against, since, edges, tuple(findings), blockers, data_until)


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
    last = [test.deadline_p for edge in met for test in edge.tests if test.counterpart is None]
    bar_p = holm(last, alpha) if settings.deadline else -1.0
    rejected = [
        edge
        for edge, keep in zip(met, chosen, strict=True)
        if keep or any(test.deadline_p <= bar_p for test in edge.tests)
    ]
    rival = rivals_near() if rejected else {}
    return findings_of(deploy, rejected, rival, clauses, settings, now, bar_p)


def _surroundings(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    own: Sequence[EdgeTable],
    around: Sequence[EdgeTable],
) -> Surroundings:
    callers = {edge.table.edge.caller for edge in edges if edge.role == "callee"} - NOBODY
    return Surroundings(
        deploy.service, callers, edges[0].contrast.since, edges[0].grain, around, own
    )


def _answers(deploy: Deploy, edge_tables: Sequence[EdgeTable]) -> list[Sighting]:
    """Which versions answered when, from calls alone, where telemetry (API logs) knows no
    instances.
    """
    out: list[Sighting] = []
    for table in edge_tables:
        if role_on(table, deploy.service) == "callee":
            for window, code, calls in zip(
                table.windows.tolist(),
                table.callee.tolist(),
                table.counts[:, 0].tolist(),
                strict=True,
            ):
                moment, version = datetime.fromtimestamp(window, UTC), table.callee_versions[code]
                out.append(
                    Sighting(
                        moment,
                        deploy.environment,
                        "",
                        deploy.service,
                        version,
                        "",
                        calls,
                        calls,
                        0,
                    )
                )
    return sorted(out, key=lambda s: (s.window, s.version))


def since_of(deploy: Deploy, settings: JudgeSettings) -> float:
    started = deploy.started.timestamp()
    first = deploy.first_traffic.timestamp() if deploy.first_traffic else started
    since = min(started, first) if started - first < settings.concurrent_seconds else started
    return since // WINDOW_SECONDS * WINDOW_SECONDS


def _stayed(deploy: Deploy, against: str) -> bool:
    """Whether the change left the version as it was: a config or a flag, or the same version
    deployed anew.
    """
    return deploy.kind in STAYS or (bool(against) and against == deploy.version)


def _against(
    deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting], since: float
) -> str:
    """The announced previous version when telemetry knows it, else the version with most calls
    beside the new one.

    The deploy's own where the version stayed, or no other is known and this one had calls before.
    """
    if deploy.kind in STAYS:
        return deploy.version
    calls: dict[str, float] = {}
    for table in edge_tables:
        names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
        for code, count in zip(codes.tolist(), table.counts[:, 0].tolist(), strict=True):
            calls[names[code]] = calls.get(names[code], 0) + count
    for sighting in sightings:
        calls[sighting.version] = calls.get(sighting.version, 0) + sighting.server_calls
    if (
        deploy.previous_version
        and deploy.previous_version != deploy.version
        and calls.get(deploy.previous_version)
    ):
        return deploy.previous_version
    others = [
        (-count, name)
        for name, count in calls.items()
        if name not in ("", deploy.version) and count > 0
    ]
    if others:
        return min(others)[1]
    ran = any(_ran_before(deploy, table, since) for table in edge_tables)
    return (
        deploy.version
        if ran or (edge_tables and is_nameless(deploy, edge_tables, sightings))
        else ""
    )


def is_nameless(
    deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting]
) -> bool:
    """Whether telemetry names no version of the service at all: then only time can be compared."""
    names = {
        name
        for table in edge_tables
        for name in own_codes(table, role_on(table, deploy.service) or "callee")[0]
    }
    return not any(names) and not any(sighting.version for sighting in sightings)


def _ran_before(deploy: Deploy, table: EdgeTable, since: float) -> bool:
    names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
    return deploy.version in names and bool(
        ((codes == names.index(deploy.version)) & (table.windows < since)).any()
    )


def _between_instances(sightings: Sequence[Sighting], version: str) -> float:
    """How much the failures of this version's instances differ beyond chance."""
    sums: dict[str, list[int]] = {}
    for sighting in sightings:
        if sighting.version == version and sighting.instance:
            seen = sums.setdefault(sighting.instance, [0, 0])
            seen[0] += min(sighting.failed, sighting.server_calls)
            seen[1] += sighting.server_calls
    bad, calls = (
        np.array([seen[place] for seen in sums.values()], dtype=np.int64) for place in (0, 1)
    )
    return between(bad, calls)


def _tests(
    deploy: Deploy,
    table: EdgeTable,
    against: str,
    since: float,
    spread: float,
    fresh: Shares,
    grain: int,
    by_kind: Mapping[str, float],
    settings: JudgeSettings,
) -> EdgeTests:
    role = role_on(table, deploy.service) or "callee"
    return tests_of_edge(
        table, role, deploy.version, against, since, settings, spread, fresh, grain, by_kind
    )


def _seen(deploy: Deploy, edge_tables: Sequence[EdgeTable], sightings: Sequence[Sighting]) -> bool:
    return any(sighting.version == deploy.version for sighting in sightings) or any(
        deploy.version in own_codes(table, role_on(table, deploy.service) or "callee")[0]
        for table in edge_tables
    )


def _blockers(
    deploy: Deploy,
    against: str,
    edges: Sequence[EdgeTests],
    edge_tables: Sequence[EdgeTable],
    sightings: Sequence[Sighting],
    data_until: datetime | None,
    share: float | None,
    settings: JudgeSettings,
    now: datetime,
) -> tuple[Reason, ...]:
    """Why no pass is possible whatever the tests say."""
    if not edge_tables and not sightings:
        return (
            reason(
                "service_unknown",
                service=deploy.service,
                environment=deploy.environment or "any environment",
            ),
        )
    reasons: list[Reason] = []
    if (
        against == deploy.version
        and deploy.kind not in STAYS
        and is_nameless(deploy, edge_tables, sightings)
    ):
        reasons.append(reason("versions_unnamed", service=deploy.service, version=deploy.version))
    elif _stayed(deploy, against):
        reasons.append(
            reason(
                "version_stayed",
                service=deploy.service,
                version=deploy.version,
                kind=deploy.kind,
                started=deploy.started,
            )
        )
    elif not deploy.version:
        reasons.append(reason("version_not_told"))
    elif not _seen(deploy, edge_tables, sightings):
        reasons.append(reason("version_not_seen", version=deploy.version, service=deploy.service))
        if against and not_there_yet(deploy, share, data_until):
            reasons.append(reason("not_there_yet", version=deploy.version, service=deploy.service))
        if against and version_pattern(against) != version_pattern(deploy.version):
            reasons.append(reason("version_written_otherwise", against_version=against))
    elif not against:
        reasons.append(reason("no_other_version", service=deploy.service))
    if data_until is None:
        reasons.append(reason("no_calls"))
    elif (now - data_until).total_seconds() > settings.late_seconds:
        reasons.append(
            reason("late", data_until=data_until, seconds=(now - data_until).total_seconds())
        )
    if (
        against
        and not _stayed(deploy, against)
        and edges
        and _seen(deploy, edge_tables, sightings)
        and not any(edge.contrast.overlap for edge in edges)
    ):
        reasons.append(_apart(deploy, against, edges))
    return tuple(reasons)


def _apart(deploy: Deploy, against: str, edges: Sequence[EdgeTests]) -> Reason:
    """Why the versions never met: one followed the other, or each had places of its own at the
    same time.
    """
    zones: tuple[set[str], set[str]] = (set(), set())
    for edge in edges:
        names, codes = own_codes(edge.table, edge.role)
        for zone_names, version in zip(zones, (deploy.version, against), strict=True):
            if version in names:
                rows = (codes == names.index(version)) & (
                    edge.table.windows >= edge.contrast.since
                )
                zone_names |= {
                    edge.table.regions[code] for code in set(edge.table.region[rows].tolist())
                }
    mine, others = zones
    turns = sorted({zone for edge in edges for zone in zones_in_turn(edge)})
    if turns:
        return reason("zones_in_turn", version=deploy.version, zones=", ".join(turns))
    if mine and others and not mine & others and any(edge.contrast.confounded for edge in edges):
        here, there = (", ".join(sorted(zone_names - {""})) or "no zone" for zone_names in zones)
        return reason(
            "zones_aligned",
            version=deploy.version,
            against_version=against,
            zones=here,
            other_zones=there,
        )
    return reason("no_overlap", version=deploy.version, against_version=against)


def _over_time(
    deploy: Deploy,
    against: str,
    edges: Sequence[EdgeTests],
    known: Sequence[Finding],
    neighbours: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> list[Reason]:
    """What only time shows where the versions met: reasons not to pass, never to fail."""
    reasons: list[Reason] = []
    if any(shared_harm(edge, settings) for edge in edges):
        reasons.append(reason("shared_state", against_version=against, version=deploy.version))
    elif any(worse_than_before(edge, settings) for edge in edges):
        reasons.append(
            reason("worse_than_before", against_version=against, version=deploy.version)
        )
    named = {(finding.edge, finding.signal) for finding in known}
    if any(
        (edge.table.edge, signal) not in named for edge in edges for signal in worse_alone(edge)
    ):
        reasons.append(reason("worse_alone", against_version=against, version=deploy.version))
    untold = [
        table
        for table in neighbours
        if table.edge.caller == deploy.service and not any(own_codes(table, "caller")[0])
    ]
    if untold:
        near = _surroundings(deploy, edges, [edge.table for edge in edges], neighbours)
        reasons += [
            reason("calls_fail", service=deploy.service, callee=name)
            for name in failing_calls(near, settings)
        ]
    changed = changed_fanout(edges, untold)
    ratio = sampled_otherwise(edges, changed)
    if ratio is not None:
        return [*reasons, reason("sampling_changed", version=deploy.version, ratio=ratio)]
    return [
        *reasons,
        *(
            reason(
                "fanout_changed",
                change.edge,
                version=deploy.version,
                old=change.old,
                new=change.new,
            )
            for change in changed
        ),
    ]
