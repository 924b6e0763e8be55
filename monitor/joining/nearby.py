"""What is read around one deploy beside its own calls: its callers and neighbours, its earlier
days, what bad calls have in common.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from monitor.detect.measure.series import DAYS, Around
from monitor.joining.namesakes import SealedCells
from monitor.model.alike import Alike
from monitor.model.cells import BY_WORD, CellColumns, concatenated, once
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery
from monitor.model.judging import Finding
from monitor.store.reader import Reader

LEARNED_FROM, MOST_CALLS = timedelta(minutes=10), 40_000
"""So much of the present is read, and about so many calls of it, to learn what bad calls have in
common.
"""
LEARNABLE = ("errors", "provider_errors", "timeouts", "latency")
NEIGHBOURS = 8
"""So many neighbouring services, those with most calls, are the controls of a step in time."""


def alike(
    reader: Reader,
    asked: str,
    deploy: Deploy,
    cells: CellColumns,
    findings: Sequence[Finding],
    started: datetime,
) -> list[Alike]:
    """The service's calls of the minutes up to what was found last, by what they may differ in;
    where the old version had none then, of the last minutes before the deploy, too. Only those
    sides that are worse.
    """
    calls: list[Alike] = []
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
            there = cells.touching(deploy.service, side) & cells.since(since) & ~cells.since(until)
            one_in = max(1, int(cells.columns.column("calls")[there].sum()) // MOST_CALLS)
            calls += reader.alike(deploy.environment, asked, side, since, until, one_in)
    return calls


def failures_before(
    reader: Reader,
    deploy: Deploy,
    asked: str,
    cells: CellColumns,
    calls: Sequence[Alike],
    started: datetime,
) -> tuple[str, ...] | None:
    """The error types of the service's calls in the day before the deploy; looked for only where
    one is new as far as is known.
    """
    before = _error_types(cells.where(~cells.since(started)))
    kinds = {kind for alike in calls for kind, _, _ in alike.failures}
    if not kinds:
        return None
    if kinds - before:
        day = EdgeQuery(
            since=started - timedelta(days=1), until=started, environment=deploy.environment
        )
        asking = (
            replace(day, callee=asked, by=("callee",)),
            replace(day, caller=asked, by=("caller",)),
        )
        before |= {
            kind for query in asking for row in reader.edges(query) for kind in row.error_types
        }
        return tuple(sorted(before & kinds))
    return tuple(sorted(kinds))


def _error_types(cells: CellColumns) -> set[str]:
    kinds = np.unique(cells.columns.lists[BY_WORD[0]].keys)
    return {cells.columns.words[kind] for kind in kinds.tolist()}


def callers_of(
    source: SealedCells, deploy: Deploy, cells: CellColumns, since: datetime, until: datetime
) -> CellColumns:
    """What the service's busiest callers answer and call: harm may show there alone."""
    calls: Counter[str] = Counter()
    answered = cells.touching(deploy.service, "callee")
    for edge, count in cells.calls_by_edge(answered).items():
        calls.update({edge.caller: count})
    names = [name for name, _ in calls.most_common(NEIGHBOURS) if name]
    return _cells_of(source, deploy.environment, names, cells, since, until)


def around(
    source: SealedCells,
    asked: str,
    deploy: Deploy,
    cells: CellColumns,
    callers: CellColumns,
    since: datetime,
    until: datetime,
) -> Around:
    """What a step in time is held against: the busiest neighbours now, and the service itself at
    these hours of the last days.
    """
    calls: Counter[str] = Counter()
    for edge, count in cells.calls_by_edge().items():
        calls.update(
            {
                name: count
                for name in (edge.caller, edge.callee)
                if name not in (deploy.service, "")
            }
        )
    edges = callers.edges()
    read = {edge.callee for edge in edges} & {edge.caller for edge in edges}
    more = [name for name, _ in calls.most_common(NEIGHBOURS) if name not in read]
    others = _cells_of(source, deploy.environment, more, cells, since, until)
    former: list[CellColumns] = []
    for day in range(1, DAYS + 1):
        back = timedelta(days=day)
        former.append(source.sealed_cells(deploy.environment, [asked], since - back, until - back))
    return Around(once(concatenated([callers, others])), concatenated(former))


def _cells_of(
    source: SealedCells,
    environment: str,
    services: Sequence[str],
    cells: CellColumns,
    since: datetime,
    until: datetime,
) -> CellColumns:
    """The cells of all these services, each once, by one look."""
    if not services:
        return cells[:0]
    return source.sealed_cells(environment, services, since, until)
