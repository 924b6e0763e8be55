"""Findings where only numbers without counts are told: a level that left, since the deploy, all
that it did before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.history import NEARLY
from monitor.detect.evidence.levels import MARGIN, LevelTest, Line, level_test
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import Step, new_rows, old_rows
from monitor.detect.judging.elsewhere import began, released_before, waits_for
from monitor.detect.judging.levels_below import slower_below
from monitor.detect.judging.steps import step_finding
from monitor.detect.judging.suspects import Rival
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import DAY, Measure, Past, Series, controls_of
from monitor.detect.measure.warmup import SETTLES
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import WINDOW_SECONDS, Edge
from monitor.model.judging import Finding
from monitor.model.reasons import Reason, reason

BAR = math.log(30.0)
"""Evidence that one number told of one node must have; of several, so many times as much."""
FEWEST_SINCE = 6
FEWEST_CALLS = 5
"""A number of a window of fewer calls, where these are counted, is theirs and no level."""
MOMENT, LATER = 600.0, 1800.0
"""A run that begins later after a deploy is of another moment: the longer one waits, the surer a
number does something, and a pass need not wait longer either. Up to so much later it is told; and
blamed on the deploy where the past is so long that it shows by itself that such a run comes in
hardly one of a hundred half hours, it is higher by the wide margin, and nobody else was released
meanwhile.
"""
SELDOM = math.log(100.0)
AT_ONCE = 300.0
"""What grows from so soon after a deploy on is its leak, however late it is highest."""
BUSIER, BEGAN = 1.5, 1.25
"""So many times the calls are another load; a part of it must have come before the deploy."""
FROM_FAST_TO_SLOW = ("p50", "p90", "p95", "p99")


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """One number of one edge over time; `since` marks the windows of the new version."""

    edge: EdgeTests
    name: str
    windows: Floats
    values: Floats
    since: Bools

    def until(self, moment: float) -> "_Told":
        """Without the windows of the new version from then on."""
        kept = ~self.since | (self.windows < moment)
        return replace(
            self, windows=self.windows[kept], values=self.values[kept], since=self.since[kept]
        )

    def before(self, past: Past | None, begins: float) -> Line:
        """The windows of the old version, after those of its `past` that began before `begins`."""
        mine = Line(self.windows[~self.since], self.values[~self.since])
        if past is None:
            return mine
        early = past.windows < begins
        return Line(
            np.concatenate([past.windows[early], mine.windows]),
            np.concatenate([past.values[early], mine.values]),
        )

    @property
    def after(self) -> Line:
        return Line(self.windows[self.since], self.values[self.since])

    def calls(self) -> Ints:
        """Calls of each window."""
        table = self.edge.table
        return np.array(
            [
                int(table.counts[table.windows == window, 0].sum())
                for window in self.windows.tolist()
            ]
        )


def levels(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    judged: Sequence[Finding],
    rivals: Callable[[], Mapping[str, Sequence[Rival]]],
    neighbours: Sequence[EdgeTable],
    past: Sequence[Past],
    settings: JudgeSettings,
) -> list[Finding]:
    """Findings of numbers that stand for nobody knows how many calls. Weaker evidence, as nothing
    but time is compared.
    """
    series = [
        _Told(edge, name, *_values(edge, name, settings.step_seconds))
        for edge in edges
        # where versions met, they are held against each other
        if edge.role == "callee" and not edge.contrast.overlap
        for name in edge.table.told
    ]
    if not series:
        return []
    bar = BAR + math.log(len(series))
    since = edges[0].contrast.since
    begins = since - settings.before_seconds
    earlier = {(numbers.edge, numbers.name): numbers for numbers in past}
    controls = controls_of(
        deploy.service, [edge.table for edge in edges], neighbours, set()
    ).beside
    named = {(item.edge, item.signal) for item in judged}
    grown = {name: _growth(controls, name, since) for name in {every.name for every in series}}
    findings: dict[Edge, Finding] = {}
    for moment in (MOMENT, LATER):
        tests: dict[Edge, dict[str, tuple[_Told, LevelTest]]] = {}
        for every in series:
            edge = every.edge.table.edge
            if edge in findings or (edge, "latency") in named:
                continue
            numbers = every.until(since + _soon(moment, every.edge))
            test = level_test(
                numbers.before(earlier.get((edge, numbers.name)), begins),
                numbers.after,
                numbers.edge.grain,
                grown[numbers.name],
            )
            if test is not None:
                tests.setdefault(edge, {})[numbers.name] = numbers, test
        for edge, of_edge in tests.items():
            higher = [
                pair for pair in of_edge.values() if pair[1].stands_out() and pair[1].log_e >= bar
            ]
            if higher:
                numbers, test = max(higher, key=lambda pair: pair[1].log_e)
                finding = _found(deploy, numbers, test, rivals, neighbours, edges)
                slower = any(_is_slower(pair.name, of_edge) for pair, _ in higher)
                other = _other_cause(numbers, test, rivals().get("latency", ()), slower=slower)
                findings[edge] = finding if other is None else _explained(finding, other)
    return list(findings.values())


def outdone_by_past(
    earlier: Sequence[Finding],
    edges: Sequence[EdgeTests],
    past: Sequence[Past],
    settings: JudgeSettings,
) -> list[Finding]:
    """The findings; steps of numbers without counts are explained where these were as high before,
    longer ago than a step looks back, and not just once in so many days.
    """
    by_edge = {edge.table.edge: edge for edge in edges}
    numbers_of = {(numbers.edge, numbers.name): numbers for numbers in past}
    out: list[Finding] = []
    for finding in earlier:
        edge = by_edge.get(finding.edge)
        by_time = finding.evidence.step is not None and not finding.evidence.step.supported
        if (
            edge is None
            or edge.table.is_counted
            or finding.signal != "latency"
            or finding.explained is not None
            or not by_time
        ):
            out.append(finding)
            continue
        begins = edge.contrast.since - settings.before_seconds
        days = [
            _days_as_high(numbers, numbers_of[edge.table.edge, name], begins)
            for name in edge.table.told
            if (edge.table.edge, name) in numbers_of
            for numbers in (_Told(edge, name, *_values(edge, name, settings.step_seconds)),)
        ]
        if days and all(days):
            out.append(_explained(finding, reason("as_high_before", days=max(map(float, days)))))
        else:
            out.append(finding)
    return out


def _days_as_high(numbers: _Told, past: Past, begins: float) -> float:
    """How many days back a number is known that was as high before, time and again; 0 where it
    was not, or no more is known than a step looks back on.
    """
    mine = int((~numbers.since).sum())
    before = numbers.before(past, begins)
    if before.windows.size < 2 * mine:
        return 0.0
    test = level_test(before, numbers.after, numbers.edge.grain)
    if test is None or test.run > test.margin * test.highest:
        return 0.0
    return float(numbers.edge.contrast.since - before.windows[0]) / DAY


def _soon(moment: float, edge: EdgeTests) -> float:
    """So many seconds, or as many windows as a run needs."""
    return max(moment, float(FEWEST_SINCE * edge.grain))


def _other_cause(
    numbers: _Told, test: LevelTest, rivals: Sequence[Rival], *, slower: bool
) -> Reason | None:
    """What the number itself says against the deploy."""
    if not slower:
        return reason("other_mix", statistic=numbers.name)
    since = numbers.edge.contrast.since
    grows, begins = (
        float(numbers.after.windows[place]) - since for place in (test.grows, test.begins)
    )
    meanwhile = any(since < began(rival.deploy) <= since + begins for rival in rivals)
    if (
        begins >= _soon(MOMENT, numbers.edge)
        and grows >= _soon(AT_ONCE, numbers.edge)
        and (meanwhile or math.log1p(test.spans) < SELDOM or test.run <= MARGIN * test.highest)
    ):
        return reason("began_later", minutes=round(begins / 60.0))
    busier = _busier(numbers)
    if busier is not None and busier >= (test.ratio or 1.0):
        return reason("busier", ratio=busier)
    return None


def _busier(numbers: _Told) -> float | None:
    """How many times as many calls there are since, where that began before the deploy: load that
    came by itself. None where it did not, or nobody counts.
    """
    if not numbers.edge.table.is_counted:
        return None
    calls = numbers.calls()
    usual, now = float(np.median(calls[~numbers.since])), float(np.median(calls[numbers.since]))
    shortly = float(calls[~numbers.since][-2:].mean())
    grown = usual > 0 and now >= BUSIER * usual and shortly >= BEGAN * usual
    return now / usual if grown else None


def _is_slower(name: str, tests: Mapping[str, tuple[_Told, LevelTest]]) -> bool:
    """Whether the next slower number, if there is one, rose as well by what matters: where only
    the middle rises there are more of the slow calls, none of which is slower.
    """
    place = FROM_FAST_TO_SLOW.index(name) if name in FROM_FAST_TO_SLOW else len(FROM_FAST_TO_SLOW)
    slower = next(
        (slower_name for slower_name in FROM_FAST_TO_SLOW[place + 1 :] if slower_name in tests),
        None,
    )
    if slower is None:
        return True
    _, test = tests[slower]
    return test.run > test.least * test.usual


def _values(edge: EdgeTests, name: str, seconds: float) -> tuple[Floats, Floats, Bools]:
    """Windows, values, and whether the window is of the new version, in time order; what begins
    later than so many seconds after a deploy is none of its.
    """
    column, new = (
        edge.table.told[name],
        new_rows(edge) & (edge.table.windows < edge.contrast.since + seconds),
    )
    warm = np.array(
        [edge.fresh.get(int(window), 0.0) < 1.0 for window in edge.table.windows.tolist()]
    )
    # of windows so short the first two may be a cold start's; longer ones are all there are
    if edge.grain <= SETTLES and new.any():
        warm &= edge.table.windows >= edge.table.windows[new][0] + SETTLES + (
            edge.grain if edge.grain > WINDOW_SECONDS else 0
        )
    rows = ~np.isnan(column) & (old_rows(edge) | (new & warm))
    if edge.table.is_counted:
        rows &= edge.table.counts[:, 0] >= FEWEST_CALLS
    return edge.table.windows[rows].astype(np.float64), column[rows], new[rows]


def _growth(controls: Sequence[EdgeTable], name: str, since: float) -> float:
    """The share by which the median neighbour's level rose at the same moment; never
    less than 0.
    """
    rises: list[float] = []
    for table in controls:
        column = table.told.get(name)
        if column is None:
            continue
        filled = ~np.isnan(column)
        before, after = (
            column[filled & (table.windows < since)],
            column[filled & (table.windows >= since)],
        )
        if before.size and after.size and float(np.median(before)) > 0:
            rises.append(float(np.median(after)) / float(np.median(before)) - 1.0)
    return max(0.0, float(np.median(rises))) if rises else 0.0


def _found(
    deploy: Deploy,
    numbers: _Told,
    test: LevelTest,
    rivals: Callable[[], Mapping[str, Sequence[Rival]]],
    neighbours: Sequence[EdgeTable],
    edges: Sequence[EdgeTests],
) -> Finding:
    edge = numbers.edge
    bad = numbers.values - test.usual > test.highest
    calls = numbers.calls()
    before, after = (
        Series(numbers.windows[rows].astype(np.int64), (calls * bad)[rows], calls[rows])
        for rows in (~numbers.since, numbers.since)
    )
    step = StepTest(
        before_calls=int(before.calls.sum()),
        before_bad=int(before.bad.sum()),
        after_calls=int(after.calls.sum()),
        after_bad=int(after.bad.sum()),
        log_e=test.log_e,
        ratio=test.ratio,
        placebos=test.spans,
        beaten=test.spans - test.higher,
        seasonal=False,
        growth=1.0,
        lasting=True,
    )
    measure = Measure("latency", "server", "", "")
    beside = rivals().get("latency", ())
    finding = step_finding(
        deploy, Step(edge, measure, before, after, supported=False), step, beside
    )
    rose = test.ratio or 1.0
    explained = (
        released_before(deploy, edge, beside)
        or waits_for(
            edge,
            beside,
            neighbours,
            lambda theirs, moment: 1.0 + _growth(theirs, numbers.name, moment) > rose**NEARLY,
        )
        or slower_below(
            edge,
            numbers.name,
            test.run,
            float(numbers.after.windows[test.grows]),
            [below.table for below in edges if below.role == "caller"],
            beside,
            neighbours,
        )
    )
    return _explained(finding, explained) if explained is not None else finding


def _explained(finding: Finding, why: Reason) -> Finding:
    return replace(finding, role="propagated", explained=why)
