"""Findings of calls whose rows do not tell which version made them: made again and again, or gone
astray, as the new version's share of the answers grew.

Only time tells of them, so more is asked. *Repeated*: twice as often at the new version's share,
they fail since, and that is the service's own: no other caller of the same fails by a like amount,
and one is as well as before, or the failures follow the share. *Misrouted*: half of them are gone,
and as many go where none went before, for the same or to fail there.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.arrays import Bools, Floats, Ints
from monitor.detect.evidence.before_after import StepTest, step_test
from monitor.detect.evidence.exposure import CERTAIN, beyond_a_step
from monitor.detect.evidence.fanout import ENOUGH_ANSWERS, FLOOR
from monitor.detect.evidence.history import late_from
from monitor.detect.evidence.steps import by_time, rate_steps
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.blockers import around_it
from monitor.detect.judging.fanout import (
    EXPECTED,
    FAILS,
    MOST_FAIL,
    PART_FAILS,
    PART_MOVED,
    Rivals,
    changed_calls,
)
from monitor.detect.judging.fanout_evidence import fanout_evidence
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.contrasts import own_codes
from monitor.detect.measure.series import Controls, Series, counts_at
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, FanoutEvidence, Finding

SELDOM = 0.1
"""As many calls for each answer, or as few, came in so few windows before, at most."""
FEWEST_BEFORE = 12
FEWEST_SHARE = 0.3
"""Of a smaller share of the answers, what the new version calls is lost among the old one's."""
CALLS, FAILED = COUNTS.index("calls"), COUNTS.index("failed")
_Change = tuple[EdgeTests, FanoutEvidence, Evidence]


def untold_findings(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    rivals: Rivals,
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> list[Finding]:
    """What is wrong with such calls among those `around`; never of edges that tell their versions,
    or that `earlier` findings name.
    """
    answers = _Answers.of(edges)
    told = {edge.table.edge for edge in edges if any(own_codes(edge.table, edge.role)[0])}
    told |= {finding.edge for finding in earlier}
    untold = [
        table
        for table in around
        if table.edge.caller == deploy.service
        and table.edge not in told
        and table.is_counted
        and not table.biased.any()
        and not any(own_codes(table, "caller")[0])
    ]
    if answers is None or not untold:
        return []
    whole = math.log(len(untold) / settings.alpha)
    near = around_it(deploy, edges, [edge.table for edge in edges], around)
    rates = {table.edge: _Rates.of(table, answers) for table in untold}
    changes = [
        *_misrouted(untold, rates, answers, near, whole, settings),
        *_repeated(untold, rates, answers, near, whole, settings),
    ]
    return [changed_calls(deploy, *change, rivals, earlier) for change in changes]


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the service answers, by window, and the new version's share of it; which windows are
    before the deploy, and which the last ones since.
    """

    windows: Ints
    calls: Ints
    share: Floats
    before: Bools
    late: Bools

    @property
    def of_new(self) -> float:
        """The new version's share of late."""
        return float((self.share * self.calls)[self.late].sum() / self.calls[self.late].sum())

    @classmethod
    def of(cls, edges: Sequence[EdgeTests]) -> "_Answers | None":
        """None where nobody counts, versions are the same, or too few are answered."""
        mine = [edge for edge in edges if edge.role == "callee"]
        if not mine or not all(edge.table.is_counted for edge in mine):
            return None
        whole, grain = mine[0].contrast, mine[0].grain
        if whole.new_version == whole.old_version:
            return None
        windows = np.unique(np.concatenate([edge.table.windows for edge in mine]))
        calls = np.sum([counts_at(edge.table, windows, CALLS) for edge in mine], axis=0)
        new = np.sum(
            [counts_at(edge.table, windows, CALLS, edge.contrast.since_rows) for edge in mine],
            axis=0,
        )
        before = (windows <= whole.since - grain) & (calls > 0)
        late = (windows > max(late_from(float(windows[-1]), grain), whole.since)) & (calls > 0)
        if (
            int(before.sum()) < FEWEST_BEFORE
            or min(calls[before].sum(), calls[late].sum()) < ENOUGH_ANSWERS
        ):
            return None
        answers = cls(windows, calls, new / np.maximum(calls, 1.0), before, late)
        return answers if answers.of_new >= FEWEST_SHARE else None


@dataclass(frozen=True, slots=True)
class _Rates:
    """Calls for each answer of the middle window, before and late, and of the new version by its
    share; `rarely`: hardly a window before had so many, or so few.
    """

    old: float
    late: float
    new: float
    rarely: bool

    @classmethod
    def of(cls, table: EdgeTable, answers: _Answers) -> "_Rates":
        ratios = counts_at(table, answers.windows, CALLS) / np.maximum(answers.calls, 1.0)
        before, late = ratios[answers.before], ratios[answers.late]
        old, now = float(np.median(before)), float(np.median(late))
        as_far = before >= now if now > old else before <= now
        new = max(old + (now - old) / answers.of_new, 0.0)
        return cls(old, now, new, float(as_far.mean()) <= SELDOM)


def _repeated(
    untold: Sequence[EdgeTable],
    rates: Mapping[Edge, _Rates],
    answers: _Answers,
    near: Surroundings,
    whole: float,
    settings: JudgeSettings,
) -> Iterator[_Change]:
    for table in untold:
        rate = rates[table.edge]
        if not rate.old or rate.new < FLOOR * rate.old or not rate.rarely:
            continue
        edge = by_time(table, near.since, near.grain)
        k, a = _failing(table, answers, answers.late)
        worse = _fails_more(edge, near, whole, settings)
        if worse is None or k < PART_FAILS * a or not _is_its_own(table, worse, answers, near):
            continue
        change = FanoutEvidence("repeated", rate.old, rate.new, failing=k / a)
        yield edge, change, _evidence(edge, change, worse, (worse.after_bad, worse.after_calls))


def _fails_more(
    edge: EdgeTests, near: Surroundings, whole: float, settings: JudgeSettings
) -> StepTest | None:
    """The strongest step of its failures over time, beyond what others' calls to the same do."""
    below = tuple(
        table
        for table in near.around
        if table.edge.callee == edge.table.edge.callee and table.edge.caller != near.released
    )
    tests = [
        test
        for step in rate_steps(edge, settings)
        if step.measure.signal in FAILS
        for test in (step.against(settings, Controls(below=below), ()),)
        if step.believed(test, whole, settings)
    ]
    return max(tests, key=lambda test: test.log_e) if tests else None


def _is_its_own(table: EdgeTable, worse: StepTest, answers: _Answers, near: Surroundings) -> bool:
    """Whether another caller of the same is as well as before, or the failures follow the new
    version's share, and nobody else fails by a like amount.
    """
    size = worse.after_bad / max(worse.after_calls, 1) - worse.before_bad / max(
        worse.before_calls, 1
    )
    others = near.rise_of_others(table.edge.callee)
    if others.is_like(size):
        return False
    bad, calls = (counts_at(table, answers.windows, column) for column in (FAILED, CALLS))
    return (
        others.is_unlike(size)
        or beyond_a_step(Series(answers.windows, bad, calls), answers.share) >= CERTAIN
    )


def _misrouted(
    untold: Sequence[EdgeTable],
    rates: Mapping[Edge, _Rates],
    answers: _Answers,
    near: Surroundings,
    whole: float,
    settings: JudgeSettings,
) -> Iterator[_Change]:
    gone = [
        table
        for table in untold
        if (rate := rates[table.edge]).old and rate.new * FLOOR <= rate.old and rate.rarely
    ]
    strange = [table for table in untold if not _called_before(table, near)] if gone else []
    for table in strange:
        k, a = _failing(table, answers, answers.late)
        made = a / float(answers.calls[answers.late].sum())
        lost = [
            other
            for other in gone
            if made >= PART_MOVED * (rates[other.edge].old - rates[other.edge].late)
            and other.edge.callee != table.edge.callee
            and _is_strange(table, other, (k, a), _failing(other, answers, answers.before))
        ]
        if a < EXPECTED or not lost:
            continue
        step = _came(table, answers, settings)
        if step.log_e >= whole and step.stands_out(_seconds(answers)) and step.lasting:
            change = FanoutEvidence(
                "misrouted",
                0.0,
                made / answers.of_new,
                other=lost[0].edge.callee,
                failing=k / a,
            )
            edge = by_time(table, near.since, near.grain)
            yield edge, change, _evidence(edge, change, step, (step.after_bad, step.after_calls))


def _is_strange(
    table: EdgeTable, lost: EdgeTable, new: tuple[int, int], old: tuple[int, int]
) -> bool:
    """Whether calls to where none went are for the same as those that are gone, or fail there."""
    (k, a), (s, b) = new, old
    fails = k >= MOST_FAIL * a and k * (b + 1.0) >= FLOOR * (s + 0.5) * a
    here, there = table.edge, lost.edge
    return fails or (here.protocol, here.operation) == (there.protocol, there.operation)


def _called_before(table: EdgeTable, near: Surroundings) -> bool:
    """Whether the service called it at all before, by whatever name of an operation."""
    return any(
        other.edge.callee == table.edge.callee
        and other.edge.caller == near.released
        and other.counts[other.windows <= near.since - near.grain, 0].any()
        for other in (*near.around, *near.own)
    )


def _came(table: EdgeTable, answers: _Answers, settings: JudgeSettings) -> StepTest:
    """Calls for each answer since the new version answers, against none before."""
    made, since = counts_at(table, answers.windows, CALLS), answers.share > 0
    before, after = ((made[rows], answers.calls[rows]) for rows in (answers.before, since))
    return step_test(before, after, 1.0, settings.placebo_windows)


def _seconds(answers: _Answers) -> float:
    since = answers.windows[answers.share > 0]
    return float(since[-1] - since[0])


def _failing(table: EdgeTable, answers: _Answers, rows: Bools) -> tuple[int, int]:
    """(failed calls, calls) in these windows."""
    bad, calls = (
        int(counts_at(table, answers.windows, column)[rows].sum()) for column in (FAILED, CALLS)
    )
    return bad, calls


def _evidence(
    edge: EdgeTests, change: FanoutEvidence, step: StepTest, new: tuple[int, int]
) -> Evidence:
    old = step.before_bad, step.before_calls
    return fanout_evidence(edge, new, old, step.log_e, change, step, step.controls)
