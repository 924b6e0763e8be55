"""Is this deploy good? Pass, fail, or inconclusive with what is missing and what would settle it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from monitor.detect.absence import never_seen, silence, version_pattern
from monitor.detect.columns import EdgeTable, digest, tables
from monitor.detect.contrasts import own_codes, role_on
from monitor.detect.ebh import e_bh, holm
from monitor.detect.edge_tests import RATES, SIDES, EdgeTests, tests_of_edge
from monitor.detect.equivalence import minimum_detectable_ratio
from monitor.detect.findings import Clauses, Found, findings_of
from monitor.detect.series import Around
from monitor.detect.settings import JudgeSettings
from monitor.detect.steps import shared_harm, steps
from monitor.detect.suspects import rivals
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, EdgeCell, Sighting
from monitor.model.judging import EdgeJudgement, Evidence, Finding, Outcome, Signal, Verdict

SIGNAL_OF: Mapping[str, Signal] = {kind: signal for signal, kind, _, _ in RATES} | dict.fromkeys(SIDES, "latency")
STAYS = ("config", "flag")
"""Changes that keep the version. Scaling is left out: it follows load and errors more often than it brings them."""
SHORT_WINDOWS = 12
"""Windows by which the present rate of traffic is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """Everything known of one deploy, before the word is spoken."""

    deploy: Deploy
    against: str
    since: float
    edges: tuple[EdgeTests, ...]
    tables: tuple[EdgeTable, ...]
    found: tuple[Found, ...]
    blockers: tuple[str, ...]
    data_until: datetime | None


def judge(
    deploy: Deploy,
    cells: Sequence[EdgeCell],
    sightings: Sequence[Sighting],
    other_deploys: Sequence[Deploy],
    settings: JudgeSettings,
    now: datetime,
    *,
    clauses: Clauses | None = None,
    accepted: Callable[[Finding], bool] | None = None,
    around: Around | None = None,
    share: float | None = None,
) -> tuple[Verdict, list[Finding]]:
    """Judge `deploy` by the sealed cells of edges that touch its service, on either side, and the version sightings.

    Same inputs (in any order) and same `now`: same answer; `inputs_hash` names them. `clauses` says which contract clauses were broken,
    per edge and version pair; `accepted` marks findings that are known and do not fail a deploy; `around` is what a step in time is
    held against; `share` is the largest share of traffic announced for the version. Never passes on missing data.
    Cost: about 10 ms an edge of 180 windows and 4 version pairs.
    """
    since = _since(deploy, settings)
    found_tables = [
        table
        for table in tables(cells, since - settings.before_seconds, since + settings.after_seconds)
        if deploy.service in (table.edge.caller, table.edge.callee) and table.edge.environment == deploy.environment
    ]
    sightings = sorted(
        (s for s in sightings if s.service == deploy.service and s.environment == deploy.environment),
        key=lambda s: (s.window, s.namespace, s.version, s.instance),
    )
    sightings = sightings or _answers(deploy, found_tables)
    others = sorted(other_deploys, key=lambda other: other.id)
    against = _against(deploy, found_tables, sightings, since)
    compared = against or _stayed(deploy, against)
    tested = tuple(_tests(deploy, table, against, since, settings) for table in found_tables) if compared else ()
    case = _case(
        deploy,
        against,
        since,
        tested,
        tuple(found_tables),
        sightings,
        others,
        clauses or {},
        settings,
        around or Around(),
        share,
        now,
    )
    findings = [
        item.finding if not (accepted and accepted(item.finding)) else replace(item.finding, state="accepted")
        for item in case.found
    ]
    hashed = digest(
        [
            *(table.digest for table in found_tables),
            *(repr(sighting) for sighting in sightings),
            *(repr(other) for other in others),
            *(
                table.digest
                for beside in ((around.neighbours, around.former) if around else ())
                for table in tables(beside, -math.inf, math.inf)
            ),
            repr(deploy),
            repr(share),
            repr(settings),
            repr(sorted((repr(key), sorted(rows)) for key, rows in (clauses or {}).items())),
            repr(sorted(finding.id for finding in findings if finding.state == "accepted")),
            now.isoformat(),
        ]
    )
    return _verdict(case, findings, hashed, settings, now), findings


def _answers(deploy: Deploy, found: Sequence[EdgeTable]) -> list[Sighting]:
    """Which versions answered when, from calls alone, where telemetry (API logs) knows no instances."""
    out: list[Sighting] = []
    for table in found:
        if role_on(table, deploy.service) == "callee":
            for window, code, calls in zip(
                table.windows.tolist(), table.callee.tolist(), table.counts[:, 0].tolist(), strict=True
            ):
                moment, version = datetime.fromtimestamp(window, UTC), table.callee_versions[code]
                out.append(Sighting(moment, deploy.environment, "", deploy.service, version, "", calls, calls, 0))
    return sorted(out, key=lambda s: (s.window, s.version))


def _since(deploy: Deploy, settings: JudgeSettings) -> float:
    started = deploy.started.timestamp()
    first = deploy.first_traffic.timestamp() if deploy.first_traffic else started
    since = min(started, first) if started - first < settings.concurrent_seconds else started
    return since // WINDOW_SECONDS * WINDOW_SECONDS


def _stayed(deploy: Deploy, against: str) -> bool:
    """Whether the change left the version as it was: a config or a flag, or the same version deployed anew."""
    return deploy.kind in STAYS or (bool(against) and against == deploy.version)


def _against(deploy: Deploy, found: Sequence[EdgeTable], sightings: Sequence[Sighting], since: float) -> str:
    """The announced previous version when telemetry knows it, else the version with most calls beside the new one.

    The deploy's own where the version stayed, or no other is known and this one had calls before.
    """
    if deploy.kind in STAYS:
        return deploy.version
    calls: dict[str, float] = {}
    for table in found:
        names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
        for code, count in zip(codes.tolist(), table.counts[:, 0].tolist(), strict=True):
            calls[names[code]] = calls.get(names[code], 0) + count
    for sighting in sightings:
        calls[sighting.version] = calls.get(sighting.version, 0) + sighting.server_calls
    if deploy.previous_version and deploy.previous_version != deploy.version and calls.get(deploy.previous_version):
        return deploy.previous_version
    rest = [(-count, name) for name, count in calls.items() if name not in ("", deploy.version) and count > 0]
    if rest:
        return min(rest)[1]
    return deploy.version if any(_ran_before(deploy, table, since) for table in found) else ""


def _ran_before(deploy: Deploy, table: EdgeTable, since: float) -> bool:
    names, codes = own_codes(table, role_on(table, deploy.service) or "callee")
    return deploy.version in names and bool(((codes == names.index(deploy.version)) & (table.windows < since)).any())


def _tests(deploy: Deploy, table: EdgeTable, against: str, since: float, settings: JudgeSettings) -> EdgeTests:
    role = role_on(table, deploy.service) or "callee"
    return tests_of_edge(table, role, deploy.version, against, since, settings)


def _case(
    deploy: Deploy,
    against: str,
    since: float,
    edges: tuple[EdgeTests, ...],
    found_tables: tuple[EdgeTable, ...],
    sightings: Sequence[Sighting],
    others: Sequence[Deploy],
    clauses: Clauses,
    settings: JudgeSettings,
    around: Around,
    share: float | None,
    now: datetime,
) -> _Case:
    ends = [int(table.windows[-1]) for table in found_tables if table.windows.size]
    data_until = datetime.fromtimestamp(max(ends) + WINDOW_SECONDS, UTC) if ends else None
    blockers = _blockers(deploy, against, edges, found_tables, sightings, data_until, settings, now)
    found: list[Found] = []
    met = [edge for edge in edges if edge.contrast.overlap]
    if met:
        alpha = settings.alpha / 2 if settings.deadline else settings.alpha
        chosen = e_bh([edge.log_e for edge in met], alpha)
        last = [test.deadline_p for edge in met for test in edge.tests if test.counterpart is None]
        bar_p = holm(last, alpha) if settings.deadline else -1.0
        rejected = [
            edge for edge, keep in zip(met, chosen, strict=True) if keep or any(test.deadline_p <= bar_p for test in edge.tests)
        ]
        rival = rivals(deploy, others, found_tables, settings) if rejected else {}
        found += findings_of(deploy, rejected, rival, clauses, settings, now, bar_p)
    if edges:
        found += steps(deploy, edges, found, lambda: rivals(deploy, others, found_tables, settings), settings, around)
    where = [table.edge for table in found_tables if role_on(table, deploy.service) == "callee"]
    differs = bool(against) and not _stayed(deploy, against)
    quiet = silence(deploy, against, sightings, where, since, settings, now) if differs else None
    if quiet is None and differs and not _seen(deploy, found_tables, sightings):
        quiet = never_seen(deploy, against, sightings, where, settings, now, share)
    if quiet:
        found.append(Found(quiet, ""))
    return _Case(deploy, against, since, edges, found_tables, tuple(found), blockers, data_until)


def _seen(deploy: Deploy, found: Sequence[EdgeTable], sightings: Sequence[Sighting]) -> bool:
    return any(sighting.version == deploy.version for sighting in sightings) or any(
        deploy.version in own_codes(table, role_on(table, deploy.service) or "callee")[0] for table in found
    )


def _blockers(
    deploy: Deploy,
    against: str,
    edges: Sequence[EdgeTests],
    found: Sequence[EdgeTable],
    sightings: Sequence[Sighting],
    data_until: datetime | None,
    settings: JudgeSettings,
    now: datetime,
) -> tuple[str, ...]:
    """Why no pass is possible whatever the tests say."""
    if not found and not sightings:
        return (f"unmatched: {deploy.service} was never seen in {deploy.environment or 'any environment'} in sealed windows",)
    reasons: list[str] = []
    if _stayed(deploy, against):
        reasons.append(
            f"no overlap: {deploy.service} {deploy.version}: a {deploy.kind} change of {deploy.started:%Y-%m-%d %H:%M:%S} UTC; "
            "the version stayed, so only before and after can be compared"
        )
    elif not deploy.version:
        reasons.append("unmatched: the deploy names no version")
    elif not _seen(deploy, found, sightings):
        reasons.append(f"missing: version {deploy.version} of {deploy.service} was not seen in sealed windows")
        if against and version_pattern(against) != version_pattern(deploy.version):
            reasons.append(f"unmatched: telemetry writes versions like {against!r}; an alias may be missing")
    elif not against:
        reasons.append(f"missing: no other version of {deploy.service} to compare with")
    if data_until is None:
        reasons.append("missing: no sealed window holds a call of this service")
    elif (now - data_until).total_seconds() > settings.late_seconds:
        reasons.append(
            f"late: the newest sealed data is of {data_until:%Y-%m-%d %H:%M:%S} UTC, {(now - data_until).total_seconds():.0f} s ago"
        )
    if (
        against
        and not _stayed(deploy, against)
        and edges
        and _seen(deploy, found, sightings)
        and not any(edge.contrast.overlap for edge in edges)
    ):
        reasons.append(
            f"no overlap: {deploy.version} and {against} never served side by side; only before and after can be compared"
        )
    if any(shared_harm(edge) for edge in edges):
        reasons.append(f"shared state: errors of {against} grew with the share of {deploy.version} (weaker evidence)")
    return tuple(reasons)


def _verdict(case: _Case, findings: Sequence[Finding], hashed: str, settings: JudgeSettings, now: datetime) -> Verdict:
    total = sum(_calls_since(edge, case.since) for edge in case.edges)
    guilty = {
        finding.id
        for finding, item in zip(findings, case.found, strict=True)
        if finding.state != "accepted" and not item.innocent
    }
    judgements: list[EdgeJudgement] = []
    settles: list[str] = []
    etas: list[float] = []
    passed = 0.0
    for edge in case.edges:
        share = _calls_since(edge, case.since) / total if total else 0.0
        mine = [finding for finding in findings if finding.edge == edge.table.edge]
        outcome, reasons, needed = _edge_outcome(edge, mine, guilty, settings)
        if outcome == "pass":
            passed += share
        if needed is not None:
            eta = _eta(edge, needed)
            etas += [eta] if eta is not None else []
            settles.append(_settling(edge, needed, eta))
        judgements.append(_judgement(edge, outcome, reasons, share))
    accepted = [finding.summary for finding in findings if finding.state == "accepted"]
    reasons = [finding.summary for finding in findings if finding.id in guilty]
    innocent = [f"not this deploy's: {item.innocent} ({item.finding.summary})" for item in case.found if item.innocent]
    outcome = "inconclusive"
    if guilty:
        outcome = "fail"
    elif not case.blockers and not innocent and total and passed >= settings.share_of_calls:
        outcome = "pass"
        reasons = [
            f"no relevant harm is possible on edges with {passed:.0%} of the calls, {case.deploy.version} against {case.against}"
        ]
    else:
        reasons = [*case.blockers, *innocent]
        if total and passed < settings.share_of_calls:
            reasons.append(
                f"thin: edges with only {passed:.0%} of the calls are shown to be no worse ({settings.share_of_calls:.0%} wanted)"
            )
            reasons += _edge_problems(judgements)
        reasons = reasons or ["missing: no sealed window to judge by"]
    reasons += [f"accepted: {text} (known, set aside)" for text in accepted]
    return Verdict(
        id=digest([case.deploy.id, hashed])[:20],
        deploy_id=case.deploy.id,
        environment=case.deploy.environment,
        service=case.deploy.service,
        version=case.deploy.version,
        against_version=case.against,
        outcome=outcome,
        reasons=tuple(reasons),
        settles=tuple(settles[:5]) if outcome == "inconclusive" else (),
        judged_at=now,
        data_until=case.data_until,
        edges=tuple(judgements),
        findings=tuple(finding.id for finding in findings),
        inputs_hash=hashed,
        minimum_detectable_effect=_mde(case, settings),
        eta_seconds=max(etas) if etas and outcome == "inconclusive" else None,
    )


def _edge_outcome(
    edge: EdgeTests, mine: Sequence[Finding], guilty: set[str], settings: JudgeSettings
) -> tuple[Outcome, list[str], float | None]:
    """Outcome, reasons and the calls of the new version that would settle an open edge (None: calls are not what is missing).

    A signal with an accepted finding is set aside: the rest of the edge is judged without it.
    """
    if any(finding.id in guilty for finding in mine):
        return "fail", [finding.summary for finding in mine if finding.id in guilty], None
    contrast = edge.contrast
    if not contrast.overlap:
        if not contrast.after_new[0]:
            return "inconclusive", [*edge.problems, f"{contrast.new_version} has no calls here"], None
        return "inconclusive", [*edge.problems, "the versions had no calls here in the same window"], None
    reasons = list(edge.problems)
    needed = 0.0
    known = {finding.signal for finding in mine if finding.state == "accepted"}
    left = [kind for kind in (*edge.equivalences, *edge.latency_difference) if SIGNAL_OF[kind] not in known]
    if known and not left:
        reasons.append("every signal of this edge is accepted as known: nothing is left to judge")
    for kind, bound in edge.equivalences.items():
        if kind in left and not bound.equivalent(settings.floor_ratio, settings.floor_difference):
            reasons.append(
                f"{kind.replace('_', ' ')}: up to {100 * bound.difference_high:.2f} percentage points more are possible after {bound.calls:.0f} calls"
            )
            needed = max(needed, bound.calls_needed or 0.0)
    for side, high in edge.latency_difference.items():
        if side in left and high >= settings.latency_floor_points:
            reasons.append(f"latency ({side}): up to {high:.1%} more calls above the old p90 are possible")
    if len(set(contrast.windows.tolist())) < settings.min_windows:
        reasons.append(f"fewer than {settings.min_windows} windows with both versions")
    reasons += [finding.summary for finding in mine if finding.state != "accepted"]
    return ("inconclusive", reasons, needed or None) if reasons else ("pass", [], None)


def _judgement(edge: EdgeTests, outcome: Outcome, reasons: Sequence[str], share: float) -> EdgeJudgement:
    other = edge.counterparts[0] if len(edge.counterparts) == 1 else ""
    caller, callee = (other, edge.contrast.new_version) if edge.role == "callee" else (edge.contrast.new_version, other)
    evidence: dict[str, Evidence] = {test.kind: test.evidence for test in edge.tests if test.counterpart is None}
    return EdgeJudgement(edge.table.edge, caller, callee, outcome, tuple(reasons), round(share, 6), evidence)


def _edge_problems(judgements: Sequence[EdgeJudgement]) -> list[str]:
    """The heaviest open edges, each with its first reason."""
    open_edges = sorted((j for j in judgements if j.outcome != "pass" and j.reasons), key=lambda j: (-j.share_of_calls, j.edge))
    return [f"{j.edge.caller} → {j.edge.callee} {j.edge.operation}: {j.reasons[0]}" for j in open_edges[:5]]


def _calls_since(edge: EdgeTests, since: float) -> int:
    return int(edge.table.counts[edge.table.windows >= since, 0].sum())


def _rate_per_second(edge: EdgeTests) -> float:
    """Calls of the new version per second over the last windows; 0 when it has none any more."""
    names, codes = own_codes(edge.table, edge.role)
    newest = int(edge.table.windows[-1])
    recent = (edge.table.windows > newest - SHORT_WINDOWS * WINDOW_SECONDS) & (edge.table.windows >= edge.contrast.since)
    recent &= codes == (names.index(edge.contrast.new_version) if edge.contrast.new_version in names else -1)
    if not recent.any():
        return 0.0
    seconds = newest - int(edge.table.windows[recent][0]) + WINDOW_SECONDS
    return float(edge.table.counts[recent, 0].sum()) / seconds


def _eta(edge: EdgeTests, needed: float) -> float | None:
    rate = _rate_per_second(edge)
    return max(needed - float(edge.contrast.after_new[0]), 0.0) / rate if rate else None


def _settling(edge: EdgeTests, needed: float, eta: float | None) -> str:
    more = max(needed - float(edge.contrast.after_new[0]), 1.0)
    where = f"{edge.table.edge.caller} → {edge.table.edge.callee} {edge.table.edge.operation}"
    when = f", about {eta:.0f} s at the present rate" if eta is not None else "; it has no traffic now"
    return f"about {more:.0f} more calls of {edge.contrast.new_version} on {where}{when}"


def _mde(case: _Case, settings: JudgeSettings) -> float | None:
    """On the busiest edge, for server errors at the old version's rate."""
    met = [edge for edge in case.edges if edge.contrast.overlap]
    if not met:
        return None
    busiest = max(met, key=lambda edge: (int(edge.contrast.new[:, 0].sum()), edge.table.edge))
    bad, calls = busiest.contrast.column("server_error"), busiest.contrast.column("calls")
    old_calls = float(calls[1].sum())
    found = minimum_detectable_ratio(
        float(calls[0].sum()),
        old_calls,
        float(bad[1].sum()) / max(old_calls, 1.0),
        settings.floor_ratio,
        settings.alpha,
        len(met),
    )
    return None if found is None or math.isinf(found) else found
