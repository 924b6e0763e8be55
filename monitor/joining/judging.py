"""One deploy judged afresh from the stores: what the detector repeats and the gate does once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Engine

from monitor.control.deploys import events, list_deploys
from monitor.control.findings import accepted
from monitor.control.inputs import keep_inputs
from monitor.control.verdicts import save_verdict
from monitor.detect.judging.clauses import clauses_of
from monitor.detect.judging.gone import brought_up_to_date
from monitor.detect.judging.inputs import Inputs
from monitor.detect.measure.series import DAYS, Around
from monitor.detect.settings import JudgeSettings
from monitor.edges.aliases import Aliases
from monitor.joining.namesakes import of_one_of, seen_of
from monitor.joining.timing import timed_contracts, timeout_of
from monitor.model.alike import Alike
from monitor.model.deploys import VERSION_CHANGES, Deploy
from monitor.model.edges import WINDOW_SECONDS, EdgeCell, EdgeQuery, Sighting, is_called
from monitor.model.judging import Finding, Verdict
from monitor.store.reader import Reader

JUDGED = (*VERSION_CHANGES, "config", "flag")
RECENT = timedelta(minutes=12)
"""How much of the present is read to see whether an old finding is over."""
LEARNED_FROM, MOST_CALLS = timedelta(minutes=10), 40_000
"""So much of the present is read, and about so many calls of it, to learn what bad calls have in
common.
"""
LEARNABLE = ("errors", "provider_errors", "timeouts", "latency")
NEIGHBOURS = 8
"""So many neighbouring services, those with most calls, are the controls of a step in time."""


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
) -> Judged:
    """Reads the sealed windows around the deploy, its neighbours in time, acceptances in force;
    judges. Writes nothing.

    After `watched_until` a finding of which nothing more is seen is over.
    """
    started = min(deploy.started, deploy.first_traffic or deploy.started)
    since = started - timedelta(seconds=settings.before_seconds)
    newest = reader.last_sealed()
    sealed_until = newest + timedelta(seconds=WINDOW_SECONDS) if newest else now
    until = min([sealed_until, *_again(engine, deploy)])
    judged_until = min(until, started + timedelta(seconds=settings.after_seconds))
    seen = seen_of(reader, deploy, since, judged_until)
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
    rows = reader.violations(started, judged_until, deploy.environment, seen.name, limit=1000)
    shares = [
        (event.at, event.traffic_share)
        for event in events(engine, deploy.id)
        if event.traffic_share is not None
    ]
    soon = min(judged_until, started + timedelta(seconds=settings.step_seconds))
    inputs = Inputs(
        deploy=named,
        called=deploy.called,
        cells=cells,
        sightings=_expected(shares, deploy, sightings),
        others=others,
        settings=settings,
        now=now,
        clauses=tuple(clauses_of(rows, cells).items()),
        accepted=tuple(acceptance.fingerprint for acceptance in accepted(engine, now)),
        share=max((share for _, share in shares), default=None),
        neighbours=tuple(_callers(reader, named, cells, since, soon)),
    )
    verdict, findings = inputs.judged()
    # else nothing is worth the reading
    if any(finding.evidence.step or finding.evidence.fanout for finding in findings):
        around = _around(reader, seen.name, named, cells, inputs.neighbours, since, soon)
        inputs = replace(inputs, neighbours=around.neighbours, former=around.former)
        verdict, findings = inputs.judged()
    if findings:
        calls = tuple(_alike(reader, seen.name, named, cells, findings, started))
        inputs = replace(
            inputs,
            calls=calls,
            failures_before=_failures_before(reader, named, seen.name, cells, calls, started),
        )
        verdict, findings = inputs.judged() if inputs.calls else (verdict, findings)
    if newest is not None and findings:
        late = max(judged_until, sealed_until - RECENT)
        newer = (
            reader.cells(deploy.environment, seen.name, late, sealed_until)
            if sealed_until > judged_until
            else []
        )
        alive = reader.sightings(
            max(started, sealed_until - RECENT), sealed_until, deploy.environment, seen.name
        )
        told_apart = any(sighting.version for sighting in sightings) or any(
            (cell.callee_version if cell.edge.callee == named.service else cell.caller_version)
            for cell in cells
        )
        superseded_by = _successor(engine, deploy)

        @cache
        def answered_by(caller: str) -> list[EdgeCell]:
            return [
                *inputs.neighbours,
                *reader.cells(deploy.environment, caller, late, sealed_until),
            ]

        def up_to_date(finding: Finding) -> Finding:
            own = named.service in (finding.edge.caller, finding.edge.callee)
            return brought_up_to_date(
                finding,
                named.service,
                deploy.version if told_apart and own else "",
                [*cells, *newer] if own else answered_by(finding.edge.callee),
                sealed_until,
                sightings=[*sightings, *alive],
                superseded_by=superseded_by,
                watched_until=watched_until,
            )

        findings = with_promises(engine, aliases, list(map(up_to_date, findings)))
    shown = [
        sighting.window
        for sighting in sightings
        if sighting.version == deploy.version and sighting.window >= _floor(started)
    ]
    return Judged(
        deploy,
        verdict,
        tuple(findings),
        sealed_until if newest else None,
        min(shown, default=None),
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


def keep_judged(engine: Engine, judged: Judged, *, repeats: bool) -> None:
    """Keep the verdict, and what it was reached from; `repeats`: it says what the one
    before said.
    """
    save_verdict(engine, judged.verdict)
    if judged.inputs:
        keep_inputs(engine, judged.verdict, judged.inputs.packed(), repeats=repeats)


def _plain(asked: str, cells: Sequence[EdgeCell], sightings: Sequence[Sighting]) -> str:
    """The plain name of a service that was asked for as `namespace/name`: what is judged is read
    of this one alone.
    """
    ends = {(sighting.namespace, sighting.service) for sighting in sightings}
    for cell in cells:
        ends |= {
            (cell.edge.caller_namespace, cell.edge.caller),
            (cell.edge.callee_namespace, cell.edge.callee),
        }
    return next(
        (
            name
            for namespace, name in sorted(ends)
            if name != asked and is_called(namespace, name, asked)
        ),
        asked,
    )


def _alike(
    reader: Reader,
    asked: str,
    deploy: Deploy,
    cells: Sequence[EdgeCell],
    findings: Sequence[Finding],
    started: datetime,
) -> list[Alike]:
    """The service's calls of the minutes up to what was found last, by what they may differ in;
    where the old version had none then, of the last minutes before the deploy, too. Only those
    sides that are worse.
    """
    alike: list[Alike] = []
    for side in ("callee", "caller"):
        worse = [
            finding
            for finding in findings
            if getattr(finding.edge, side) == deploy.service and finding.signal in LEARNABLE
        ]
        if not worse:
            continue
        last = max(finding.last_seen for finding in worse) + timedelta(seconds=WINDOW_SECONDS)
        spans = [(last - LEARNED_FROM, last)]
        if all(finding.strength == "weaker" for finding in worse):
            spans = [(started - LEARNED_FROM, started), (max(started, last - LEARNED_FROM), last)]
        for since, until in spans:
            there = [
                cell
                for cell in cells
                if getattr(cell.edge, side) == deploy.service and since <= cell.window < until
            ]
            one_in = max(1, sum(cell.calls for cell in there) // MOST_CALLS)
            alike += reader.alike(deploy.environment, asked, side, since, until, one_in)
    return alike


def _failures_before(
    reader: Reader,
    deploy: Deploy,
    asked: str,
    cells: Sequence[EdgeCell],
    calls: Sequence[Alike],
    started: datetime,
) -> tuple[str, ...] | None:
    """The error types of the service's calls in the day before the deploy; looked for only where
    one is new as far as is known.
    """
    known = {kind for cell in cells if cell.window < started for kind in cell.error_types}
    kinds = {kind for alike in calls for kind, _, _ in alike.failures}
    if not kinds:
        return None
    if kinds - known:
        day = EdgeQuery(
            since=started - timedelta(days=1), until=started, environment=deploy.environment
        )
        asking = (
            replace(day, callee=asked, by=("callee",)),
            replace(day, caller=asked, by=("caller",)),
        )
        known |= {
            kind for query in asking for row in reader.edges(query) for kind in row.error_types
        }
        return tuple(sorted(known & kinds))
    return tuple(sorted(kinds))


def _callers(
    reader: Reader, deploy: Deploy, cells: Sequence[EdgeCell], since: datetime, until: datetime
) -> list[EdgeCell]:
    """What the service's busiest callers answer and call: harm may show there alone."""
    calls: Counter[str] = Counter()
    for cell in cells:
        if cell.edge.callee == deploy.service:
            calls.update({cell.edge.caller: cell.calls})
    return _cells_of(
        reader,
        deploy.environment,
        [name for name, _ in calls.most_common(NEIGHBOURS) if name],
        since,
        until,
    )


def _around(
    reader: Reader,
    asked: str,
    deploy: Deploy,
    cells: Sequence[EdgeCell],
    callers: Sequence[EdgeCell],
    since: datetime,
    until: datetime,
) -> Around:
    """What a step in time is held against: the busiest neighbours now, and the service itself at
    these hours of the last days.
    """
    calls: Counter[str] = Counter()
    for cell in cells:
        calls.update(
            {
                name: cell.calls
                for name in (cell.edge.caller, cell.edge.callee)
                if name not in (deploy.service, "")
            }
        )
    read = {cell.edge.callee for cell in callers} & {cell.edge.caller for cell in callers}
    more = [name for name, _ in calls.most_common(NEIGHBOURS) if name not in read]
    neighbours = {_key(cell): cell for cell in callers}
    neighbours |= {
        _key(cell): cell for cell in _cells_of(reader, deploy.environment, more, since, until)
    }
    former: list[EdgeCell] = []
    for day in range(1, DAYS + 1):
        back = timedelta(days=day)
        former += reader.cells(deploy.environment, asked, since - back, until - back)
    return Around(tuple(neighbours.values()), tuple(former))


def _cells_of(
    reader: Reader, environment: str, services: Sequence[str], since: datetime, until: datetime
) -> list[EdgeCell]:
    """The cells of all these services, each once, by one look."""
    return reader.cells(environment, services, since, until) if services else []


def _key(cell: EdgeCell) -> tuple[object, ...]:
    return (cell.window, cell.edge, cell.caller_version, cell.callee_version, cell.region)


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
