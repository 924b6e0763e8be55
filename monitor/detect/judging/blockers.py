"""Why no pass is possible whatever the tests say: missing or late data, versions that never met,
and what only time shows.
"""

from collections.abc import Sequence
from datetime import datetime

from monitor.detect.evidence.fanout import ANYBODY, NOBODY, changed_fanout, sampled_otherwise
from monitor.detect.evidence.shared import shared_harm, worse_alone, worse_than_before
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.zones import zones_in_turn
from monitor.detect.judging.absence import not_there_yet, version_pattern
from monitor.detect.judging.doubts import failing_calls
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.judging.versions import STAYS, is_nameless, is_seen, stayed_as_it_was
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.contrasts import own_codes
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Sighting
from monitor.model.judging import Finding
from monitor.model.reasons import Reason, reason


def blockers_of(
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
    elif stayed_as_it_was(deploy, against):
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
    elif not is_seen(deploy, edge_tables, sightings):
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
        and not stayed_as_it_was(deploy, against)
        and edges
        and is_seen(deploy, edge_tables, sightings)
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


def only_time_shows(
    deploy: Deploy,
    against: str,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
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
    named = {(finding.edge, finding.signal) for finding in earlier}
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
        near = around_it(deploy, edges, [edge.table for edge in edges], neighbours)
        reasons += [
            reason("calls_fail", service=deploy.service, callee=name)
            for name in failing_calls(
                near, [edge for edge in edges if edge.role == "callee"], settings
            )
        ]
    if _calls_uncounted(edges, untold):
        reasons.append(reason("calls_uncounted", service=deploy.service))
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


def _calls_uncounted(edges: Sequence[EdgeTests], untold: Sequence[EdgeTable]) -> bool:
    """Whether the service calls others, or may, and nobody tells how often it does so, or how
    often it answers: calls that it no longer makes would not be seen.
    """
    calls = [edge.table for edge in edges if edge.role == "caller"] + list(untold)
    answers = [edge.table for edge in edges if edge.role == "callee"]
    may_call = bool(calls) or any(table.edge.caller == ANYBODY for table in answers)
    return may_call and not all(table.is_counted for table in (*calls, *answers))


def around_it(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    own: Sequence[EdgeTable],
    around: Sequence[EdgeTable],
) -> Surroundings:
    callers = {edge.table.edge.caller for edge in edges if edge.role == "callee"} - NOBODY
    return Surroundings(
        deploy.service, callers, edges[0].contrast.since, edges[0].grain, around, own
    )
