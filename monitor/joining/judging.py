"""One deploy judged afresh from the stores: what the detector repeats and the gate does once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from sqlalchemy import Engine

from monitor.control.deploys import events, list_deploys
from monitor.control.findings import accepted
from monitor.control.inputs import keep_inputs
from monitor.control.verdicts import save_verdict
from monitor.detect.judging.clauses import clauses_of
from monitor.detect.judging.gone import brought_up_to_date, ended
from monitor.detect.judging.inputs import Inputs
from monitor.detect.measure.columns import Measured
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.joining.meant import AGAIN, Meanings
from monitor.joining.namesakes import SealedCells, of_one_of, seen_of
from monitor.joining.nearby import alike, around, callers_of, failures_before
from monitor.joining.timing import timed_contracts, timeout_of
from monitor.model.cells import CellColumns, concatenated
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.edges import WINDOW_SECONDS, Sighting, is_called
from monitor.model.judging import Finding, Verdict
from monitor.model.reasons import reason
from monitor.store.reader import Reader

JUDGED = (*VERSION_CHANGES, "config", "flag")
RECENT = timedelta(minutes=12)
"""How much of the present is read to see whether an old finding is over."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and its findings, brought up to date: accepted ones marked, those that are over
    resolved.

    `sealed_until` ends the newest sealed window; `first_traffic` is the first in which the version
    was seen since the deploy. `inputs` reach the verdict again; None where nothing was judged.
    """

    deploy: Deploy
    verdict: Verdict
    findings: tuple[Finding, ...]
    sealed_until: datetime | None
    first_traffic: datetime | None
    inputs: Inputs | None = None


_NO_ALIASES = Aliases()


def judge_deploy(
    reader: Reader,
    engine: Engine,
    deploy: Deploy,
    settings: JudgeSettings,
    now: datetime,
    watched_until: datetime | None = None,
    aliases: Aliases = _NO_ALIASES,
    kept: SealedCells | None = None,
    meanings: Meanings | None = None,
) -> Judged:
    """Reads the sealed windows around the deploy, its neighbours in time, acceptances in force;
    judges. Writes nothing. Windows are those of `kept`, where it is given, and what is known of
    meaning is that of `meanings`.

    After `watched_until` a finding of which nothing more is seen is over.
    """
    source = kept or reader
    started = min(deploy.started, deploy.first_traffic or deploy.started)
    since = started - timedelta(seconds=settings.before_seconds)
    newest = reader.last_sealed()
    sealed_until = newest + timedelta(seconds=WINDOW_SECONDS) if newest else now
    until = min([sealed_until, *_again(engine, deploy)])
    judged_until = min(until, started + timedelta(seconds=settings.after_seconds))
    seen = seen_of(source, deploy, since, judged_until)
    if len(seen.namesakes) > 1:
        verdict = of_one_of(deploy, seen.namesakes, now, sealed_until if newest else None)
        return Judged(deploy, verdict, (), sealed_until if newest else None, None)
    cells, sightings = seen.cells, seen.sightings
    named = replace(deploy, service=_plain(seen.name, cells, sightings))
    near = timedelta(seconds=settings.concurrent_seconds)
    others = [
        other
        for other in list_deploys(
            engine,
            environment=deploy.environment,
            since=deploy.started - near,
            until=deploy.started + near,
        )
        if other.id != deploy.id and other.kind in VERSION_CHANGES
    ]
    # no clause is asked for where no call broke one
    rows = (
        reader.violations(started, judged_until, deploy.environment, seen.name, limit=1000)
        if cells.columns.column("violated").any()
        else []
    )
    shares = [
        (event.at, event.traffic_share)
        for event in events(engine, deploy.id)
        if event.traffic_share is not None
    ]
    # whole windows: what is asked for is what is judged
    soon = min(judged_until, _floor(started) + timedelta(seconds=settings.step_seconds))
    callers = callers_of(source, named, cells, since, soon)
    inputs = Inputs(
        deploy=named,
        called=deploy.called,
        cells=cells,
        sightings=_expected(shares, deploy, sightings),
        others=others,
        settings=settings,
        now=now,
        clauses=tuple(clauses_of(rows, cells).items()) if rows else (),
        accepted=tuple(acceptance.fingerprint for acceptance in accepted(engine, now)),
        share=max((share for _, share in shares), default=None),
        neighbours=callers,
    )
    measured = Measured()
    verdict, findings = inputs.judged(measured)
    # else nothing is worth the reading
    if any(finding.evidence.step or finding.evidence.fanout for finding in findings):
        beside = around(source, seen.name, named, cells, callers, since, soon)
        inputs = replace(inputs, neighbours=beside.neighbours, former=beside.former)
        verdict, findings = inputs.judged(measured)
    if findings:
        calls = tuple(alike(reader, seen.name, named, cells, findings, started))
        inputs = replace(
            inputs,
            calls=calls,
            failures_before=failures_before(reader, named, seen.name, cells, calls, started),
        )
        verdict, findings = inputs.judged(measured) if inputs.calls else (verdict, findings)
    meanings = meanings or Meanings(reader)
    meant = meanings.of(named, verdict.against_version, judged_until, settings.alpha, now)
    if meant is not None:
        inputs = replace(inputs, meant=meant)
        verdict, findings = inputs.judged(measured)
    if newest is not None and findings:
        late = max(judged_until, sealed_until - RECENT)
        newer = (
            source.sealed_cells(deploy.environment, [seen.name], late, sealed_until)
            if sealed_until > judged_until
            else cells[:0]
        )
        alive = reader.sightings(
            max(started, sealed_until - RECENT), sealed_until, deploy.environment, seen.name
        )
        told_apart = any(sighting.version for sighting in sightings) or _names_versions(
            cells, named.service
        )
        superseded_by = _successor(engine, deploy)
        mine = concatenated([cells, newer])

        @cache
        def answered_by(caller: str) -> CellColumns:
            there = source.sealed_cells(deploy.environment, [caller], late, sealed_until)
            beside = inputs.neighbours
            return concatenated([beside, there]) if isinstance(beside, CellColumns) else there

        def up_to_date(finding: Finding) -> Finding:
            if finding.signal == "meaning" and finding.clause in meanings.over(named.id):
                return ended(finding, reason("means_as_before", payloads=AGAIN))
            own = named.service in (finding.edge.caller, finding.edge.callee)
            return brought_up_to_date(
                finding,
                named.service,
                deploy.version if told_apart and own else "",
                _telling(finding, mine if own else answered_by(finding.edge.callee), named),
                sealed_until,
                sightings=[*sightings, *alive],
                superseded_by=superseded_by,
                watched_until=watched_until,
            )

        findings = with_promises(engine, aliases, list(map(up_to_date, findings)))
    return Judged(
        deploy,
        verdict,
        tuple(findings),
        sealed_until if newest else None,
        _first_seen(sightings, deploy.version, _floor(started)),
        inputs,
    )


def with_promises(engine: Engine, aliases: Aliases, findings: Sequence[Finding]) -> list[Finding]:
    """Findings of a timeout that is the shorter one name the contract's clause on it, where one is
    published.
    """
    if not any(
        finding.evidence.time is not None and finding.evidence.time.gives_up is not None
        for finding in findings
    ):
        return list(findings)
    contracts = timed_contracts(engine, aliases)

    def told(finding: Finding) -> Finding:
        time, edge = finding.evidence.time, finding.edge
        if time is None or time.gives_up is None:
            return finding
        clause = timeout_of(contracts, edge.environment, edge.caller, edge.callee, edge.operation)
        return (
            finding
            if clause is None
            else replace(
                finding, evidence=replace(finding.evidence, time=replace(time, timeout=clause))
            )
        )

    return list(map(told, findings))


def _first_seen(sightings: Sequence[Sighting], version: str, since: datetime) -> datetime | None:
    """The first window since then in which a version was alive."""
    windows = (
        sighting.window
        for sighting in sightings
        if sighting.version == version and sighting.window >= since
    )
    return min(windows, default=None)


def keep_judged(engine: Engine, judged: Judged, *, repeats: bool) -> None:
    """Keep the verdict, and what it was reached from; `repeats`: it says what the one
    before said.
    """
    save_verdict(engine, judged.verdict)
    if judged.inputs:
        keep_inputs(engine, judged.verdict, judged.inputs.packed(), repeats=repeats)


def _telling(finding: Finding, cells: CellColumns, deploy: Deploy) -> CellColumns:
    """Of these cells those that tell whether the finding is still so: its edge's, and the newest
    of all. For what is called how often, the service's answers, too.
    """
    newest = cells.columns.windows.max(initial=0) - RECENT.total_seconds()
    chosen = cells.of_edge(finding.edge) | (cells.columns.windows >= newest)
    if finding.evidence.fanout:
        chosen |= cells.touching(deploy.service, "callee")
    return cells.where(chosen)


def _names_versions(cells: CellColumns, service: str) -> bool:
    """Whether any call tells the service's version."""
    columns, answers = cells.columns, cells.touching(service, "callee")
    return any(columns.versions(np.flatnonzero(answers), "callee")) or any(
        columns.versions(np.flatnonzero(~answers), "caller")
    )


def _plain(asked: str, cells: CellColumns, sightings: Sequence[Sighting]) -> str:
    """The plain name of a service that was asked for as `namespace/name`: what is judged is read
    of this one alone.
    """
    ends = {(sighting.namespace, sighting.service) for sighting in sightings}
    for edge in cells.edges():
        ends |= {(edge.caller_namespace, edge.caller), (edge.callee_namespace, edge.callee)}
    return next(
        (
            name
            for namespace, name in sorted(ends)
            if name != asked and is_called(namespace, name, asked)
        ),
        asked,
    )


def _again(engine: Engine, deploy: Deploy) -> list[datetime]:
    """When the same version was deployed anew: what comes after speaks of that deploy."""
    later = list_deploys(
        engine, environment=deploy.environment, service=deploy.called, since=deploy.started
    )
    return [
        other.started
        for other in later
        if other.version == deploy.version
        and other.kind in VERSION_CHANGES
        and other.started > deploy.started
    ]


def _successor(engine: Engine, deploy: Deploy) -> str:
    """The next version told of after this one, "" for none."""
    later = list_deploys(
        engine, environment=deploy.environment, service=deploy.called, since=deploy.started
    )
    after = [
        successor
        for successor in later
        if successor.started > deploy.started
        and successor.version != deploy.version
        and successor.kind in VERSION_CHANGES
    ]
    return after[-1].version if after else ""


def _floor(moment: datetime) -> datetime:
    """The start of the moment's window."""
    return datetime.fromtimestamp(moment.timestamp() // WINDOW_SECONDS * WINDOW_SECONDS, UTC)


def _expected(
    shares: Sequence[tuple[datetime, float]], deploy: Deploy, sightings: Sequence[Sighting]
) -> Sequence[Sighting]:
    """Without the new version's instances while it was announced with no share of the traffic:
    they are silent because nobody calls.

    `shares`: when which share was told, in time order.
    """
    if not shares or shares[0][1]:
        return sightings
    first = next((at for at, share in shares if share), None)
    return [
        sighting
        for sighting in sightings
        if sighting.version != deploy.version
        or sighting.server_calls
        or (first is not None and sighting.window >= first)
    ]
