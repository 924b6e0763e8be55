"""Findings of what a version calls: calls no longer made, made again and again, or made to
another.

A change may be meant: a cache, a batch, a new dependency. So it is a finding only where it looks
like a fault. *Missing*: half of the calls or more are gone while the answers stay well; other
operations being asked do not explain it, the calls go nowhere else, others who call the same still
do, and they do not come under another name. *Repeated*: twice as many, and they fail. *Misrouted*:
they go to a service that the old version never called. *Added* and *asked*: never made, or
answered, before, and they fail. *Attempted*: a proxy tries again and again. No person is woken for
one of these alone.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.before_after import MARGIN, fixed_e, step_test
from monitor.detect.evidence.calls_made import (
    Answering,
    Made,
    answering_of,
    beyond_the_mix,
    everybodys_fall,
    fewer_over_time,
    made_on,
    more_over_time,
    stays,
    under_another_name,
)
from monitor.detect.evidence.fanout import FLOOR, answers_of, is_new_with_version
from monitor.detect.evidence.steps import HARDLY
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.evidence.timed import is_biased, new_rows, old_rows
from monitor.detect.judging.fanout_evidence import fanout_evidence, made_evidence, old_version_rows
from monitor.detect.judging.findings import finding_id
from monitor.detect.judging.suspects import Rival, ranked
from monitor.detect.measure.columns import ATTEMPTS, COUNTS, EdgeTable
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.edges import Edge
from monitor.model.judging import Evidence, FanoutEvidence, FanoutKind, Finding, Signal
from monitor.model.reasons import Reason, reason

FAILS: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts")
EXPECTED = 20.0
"""So many calls must be missing, or there, to say anything."""
PART_FAILS, MOST_FAIL = 0.1, 0.2
"""Calls that are repeated fail in so large a part; calls never made before in so large a one."""
PART_MOVED = 0.5
"""Calls went elsewhere where so large a part of the missing ones is made there."""
PART_ATTEMPTS = 0.05
FEWEST_FAIL = 10
Rivals = Callable[[], Mapping[str, Sequence[Rival]]]


def fanout_findings(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    rivals: Rivals,
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> list[Finding]:
    """What is wrong with the calls that the new version makes; `known` are the findings of its
    errors and latency.
    """
    whole = math.log(len(edges) / settings.alpha)
    findings = [
        changed_calls(deploy, edge, change, evidence, rivals, earlier)
        for edge in edges
        for change, evidence in _attempted(edge, whole, settings)
    ]
    answering = answering_of(edges, settings)
    if answering is None or any(is_biased(edge) for edge in edges):
        return findings
    made = [calls for edge in edges if (calls := made_on(edge, answering))]
    told_of = _missing_and_moved(deploy, made, answering, earlier, around, whole, settings)
    told_of += _repeated(made, answering, whole, settings)
    strange = {calls.edge.table.edge for calls, _, _ in told_of}
    findings += [
        changed_calls(deploy, *change, rivals, earlier)
        for change in _added(edges, strange, whole, settings)
    ]
    return [
        *findings,
        *(
            changed_calls(deploy, calls.edge, change, evidence, rivals, earlier)
            for calls, change, evidence in told_of
        ),
    ]


_Told = tuple[Made, FanoutEvidence, Evidence]


def _missing_and_moved(
    deploy: Deploy,
    made: Sequence[Made],
    answering: Answering,
    earlier: Sequence[Finding],
    around: Sequence[EdgeTable],
    whole: float,
    settings: JudgeSettings,
) -> list[_Told]:
    since = made[0].edge.contrast.since if made else 0.0
    answers = float(answering.new.sum())
    fails = any(
        finding.edge.callee == deploy.service and finding.signal in FAILS for finding in earlier
    )
    fewer = [
        calls for calls in made if calls.e_fewer >= whole and stays(calls, answering, fewer=True)
    ]
    fewer = [
        calls
        for calls in fewer
        if calls.old_rate * answers >= EXPECTED and beyond_the_mix(calls, answering, fewer=True)
    ]
    more = [
        calls for calls in made if calls.e_more >= whole and float(calls.new.sum()) >= EXPECTED
    ]
    if not fewer or _all_alike(made, fewer):
        return []
    changes: list[_Told] = []
    for calls in fewer:
        lost = (calls.old_rate - calls.new_rate) * answers
        elsewhere = [
            other
            for other in more
            if (other.new_rate - other.old_rate) * answers >= PART_MOVED * lost
        ]
        where, callee = calls.edge.table.edge, calls.edge.table.edge.callee
        if elsewhere:
            changes += [
                _misrouted(calls, other, answering)
                for other in elsewhere
                if _is_strange(calls, other)
            ]
            continue
        if fails or any(finding.edge == where for finding in earlier):
            continue  # it fails before it calls, and says so
        everybodys, controls = everybodys_fall(deploy.service, callee, around, since)
        if everybodys >= FLOOR or under_another_name(callee, around, since, lost):
            continue
        step = (
            None
            if answering.side_by_side
            else fewer_over_time(calls, answering, settings, everybodys)
        )
        if step is None or (step.stands_out(_seconds(answering)) and step.lasting):
            bad = round(min(lost, answers))
            change = FanoutEvidence("missing", calls.old_rate, calls.new_rate)
            changes.append(
                (
                    calls,
                    change,
                    made_evidence(calls, answering, calls.e_fewer, bad, change, step, controls),
                )
            )
    return changes


def _is_strange(calls: Made, other: Made) -> bool:
    """Whether calls went to a service that the old version never called, for the same: a new
    version of an interface, or a new dependency that answers, is no strange place.
    """
    was, now = calls.edge.table.edge, other.edge.table.edge
    if int(other.old.sum()) or _failing(other.edge, new=True)[1] == 0 or was.callee == now.callee:
        return False
    (k, a), (s, b) = (
        _failing(other.edge, new=True, client=True),
        _failing(calls.edge, new=False, client=True),
    )
    worse = k / a >= MOST_FAIL and k / a >= FLOOR * (s + 0.5) / (b + 1.0)
    return worse or (was.protocol, was.operation) == (now.protocol, now.operation)


def _misrouted(calls: Made, other: Made, answering: Answering) -> _Told:
    k, a = _failing(other.edge, new=True, client=True)
    change = FanoutEvidence(
        "misrouted", 0.0, other.new_rate, other=calls.edge.table.edge.callee, failing=k / max(a, 1)
    )
    bad = min(int(other.new.sum()), int(answering.new.sum()))
    return (
        other,
        change,
        made_evidence(other, answering, min(calls.e_fewer, other.e_more), bad, change, None, 0),
    )


def _repeated(
    made: Sequence[Made], answering: Answering, whole: float, settings: JudgeSettings
) -> Iterator[_Told]:
    """Calls made twice as often at least, of which more fail than before: retries."""
    for calls in made:
        (k, a), (s, b) = _failing(calls.edge, new=True), _failing(calls.edge, new=False)
        if calls.e_more < whole or not b or not a or not stays(calls, answering, fewer=False):
            continue
        if k / a < PART_FAILS or fixed_e(float(k), float(s), a / (a + b), FLOOR) < whole:
            continue
        if not beyond_the_mix(calls, answering, fewer=False):
            continue
        step = None if answering.side_by_side else more_over_time(calls, answering, settings)
        if step is None or (step.stands_out(_seconds(answering)) and step.lasting):
            extra = round(
                min(
                    (calls.new_rate - calls.old_rate) * float(answering.new.sum()),
                    float(answering.new.sum()),
                )
            )
            change = FanoutEvidence("repeated", calls.old_rate, calls.new_rate, failing=k / a)
            yield (
                calls,
                change,
                made_evidence(calls, answering, calls.e_more, extra, change, step, 0),
            )


def _added(
    edges: Sequence[EdgeTests], strange: Collection[Edge], whole: float, settings: JudgeSettings
) -> Iterator[tuple[EdgeTests, FanoutEvidence, Evidence]]:
    """Calls that came with the new version, made or answered, and that fail: nothing of the old
    version's is there to compare them with but its other calls of that side.
    """
    answers = answers_of(edges)
    for role, kind in (("caller", "added"), ("callee", "asked")):
        mine = [edge for edge in edges if edge.role == role]
        came = [
            (edge, k, a)
            for edge in mine
            for k, a in [_failing(edge, new=True)]
            if edge.table.edge not in strange
            and a
            and k / a >= MOST_FAIL
            and is_new_with_version(edge, answers)
        ]
        usual = [_failing(edge, new=False) for edge in mine] if came else []
        s, b = sum(bad for bad, _ in usual), sum(calls for _, calls in usual)
        for edge, k, a in came:
            rows = edge.contrast.since_rows
            windows = np.unique(edge.table.windows[rows[_failed(edge.table, rows) > 0]]).size
            log_e = fixed_e(float(k), s + 0.5, a / (a + max(b, 1)), FLOOR)
            if k >= FEWEST_FAIL and windows >= settings.min_windows and log_e >= whole:
                change = FanoutEvidence(
                    cast("FanoutKind", kind),
                    0.0,
                    a / max((answers or (0.0, 1.0))[1], 1.0),
                    failing=k / a,
                )
                yield edge, change, fanout_evidence(edge, (k, a), (0, 0), log_e, change, None, 0)


def _attempted(
    edge: EdgeTests, whole: float, settings: JudgeSettings
) -> Iterator[tuple[FanoutEvidence, Evidence]]:
    """Attempts that fail under calls which are answered in the end: the caller sees only what the
    retries leave.
    """
    tries = edge.table.beside.get(ATTEMPTS)
    whole_edge = edge.contrast
    if tries is None or is_biased(edge):
        return
    met = np.unique(whole_edge.windows)
    if met.size > HARDLY and whole_edge.new_version != whole_edge.old_version:
        sides = [
            _summed(edge, tries, rows, met) for rows in (whole_edge.new_rows, whole_edge.old_rows)
        ]
    elif whole_edge.confounded:
        return
    else:
        late = np.nonzero(
            new_rows(edge) & (edge.table.windows < whole_edge.since + settings.step_seconds)
        )[0]
        early = np.nonzero(old_rows(edge))[0]
        sides = [
            _summed(edge, tries, rows, np.unique(edge.table.windows[rows]))
            for rows in (late, early)
        ]
    (k, a), (s, b) = sides
    if not a.sum() or not b.sum() or k.sum() / a.sum() - s.sum() / b.sum() < PART_ATTEMPTS:
        return
    log_e = fixed_e(float(k.sum()), float(s.sum()), float(a.sum() / (a.sum() + b.sum())), FLOOR)
    step = None
    if met.size <= HARDLY or whole_edge.new_version == whole_edge.old_version:
        step = step_test((s, b), (k, a), 1.0, settings.placebo_windows, margin=MARGIN)
        if not (step.stands_out(10.0 * a.size) and step.lasting):
            return
    if log_e < whole or int((k > 0).sum()) < settings.min_windows:
        return
    change = FanoutEvidence(
        "attempted", 1.0 + float(s.sum() / b.sum()), 1.0 + float(k.sum() / a.sum())
    )
    yield (
        change,
        fanout_evidence(
            edge,
            (int(k.sum()), int(a.sum())),
            (int(s.sum()), int(b.sum())),
            log_e,
            change,
            step,
            0,
        ),
    )


def _summed(edge: EdgeTests, tries: Ints, rows: Ints, windows: Ints) -> tuple[Ints, Ints]:
    places = np.searchsorted(windows, edge.table.windows[rows])
    columns = (tries[rows], edge.table.counts[rows, 0])
    k, a = (
        np.asarray(np.bincount(places, weights=column, minlength=windows.size), dtype=np.int64)
        for column in columns
    )
    return k, a


def _all_alike(made: Sequence[Made], fewer: Sequence[Made]) -> bool:
    """All that it calls, two services or more, changed by the same factor and none is gone:
    another share of calls is recorded.
    """
    counted = [
        calls for calls in made if calls.old_rate > 0 and float(calls.old.sum()) >= EXPECTED
    ]
    if (
        len(counted) < 2
        or len(fewer) < len(counted)
        or any(calls.new_rate == 0 for calls in counted)
    ):
        return False
    ratios = np.log([calls.new_rate / calls.old_rate for calls in counted])
    return bool(np.ptp(ratios) <= 2.0 * math.log(1.25))


def _failed(table: EdgeTable, rows: Ints, *, client: bool = False) -> Ints:
    failed: Ints = table.counts[rows, COUNTS.index("failed")]
    if not client:
        return failed
    both: Ints = np.minimum(
        failed + table.counts[rows, COUNTS.index("client_error")], table.counts[rows, 0]
    )
    return both


def _failing(edge: EdgeTests, *, new: bool, client: bool = False) -> tuple[int, int]:
    """(failed calls, calls) of one version on the edge; `client` errors count where calls are made
    that nobody made before.
    """
    rows = edge.contrast.since_rows if new else old_version_rows(edge)
    return int(_failed(edge.table, rows, client=client).sum()), int(
        edge.table.counts[rows, 0].sum()
    )


def _seconds(answering: Answering) -> float:
    return (
        float(answering.new_windows[-1] - answering.new_windows[0])
        if answering.new_windows.size
        else 0.0
    )


def changed_calls(
    deploy: Deploy,
    edge: EdgeTests,
    change: FanoutEvidence,
    evidence: Evidence,
    rivals: Rivals,
    earlier: Sequence[Finding],
) -> Finding:
    """The finding of a change in what the service calls on an edge."""
    where = edge.table.edge
    near = rivals().get("fanout", ())
    follows = any(finding.edge == where and finding.signal in FAILS for finding in earlier)
    log_e = math.log(max(evidence.e_value, 1.0))
    first, last = evidence.first_window, evidence.last_window
    if first is None or last is None:
        raise AssertionError("a change in calls has windows")
    explained = (
        _callees(near, where.callee, edge) if change.kind in ("repeated", "attempted") else None
    )
    return Finding(
        id=finding_id(deploy, where, deploy.version, "fanout", change.kind),
        deploy_id=deploy.id,
        edge=where,
        signal="fanout",
        clause="",
        caller_version=deploy.version if edge.role == "caller" else "",
        callee_version=deploy.version if edge.role == "callee" else "",
        against_version=edge.contrast.old_version,
        role="propagated" if follows or explained else "root",
        strength="weaker" if evidence.step else "concurrent",
        evidence=evidence,
        suspects=ranked(deploy, min(log_e, 3.0) if evidence.step else log_e, near),
        first_seen=first,
        last_seen=last,
        explained=explained,
    )


def _callees(near: Sequence[Rival], callee: str, edge: EdgeTests) -> Reason | None:
    """The callee's own release at that moment: its failures are what is tried again. Not where
    this one's versions differ beside each other.
    """
    if edge.contrast.overlap:
        return None
    other = next(
        (rival.deploy for rival in near if rival.is_callee and rival.deploy.service == callee),
        None,
    )
    return (
        reason("callee_released", service=other.service, version=other.version) if other else None
    )
