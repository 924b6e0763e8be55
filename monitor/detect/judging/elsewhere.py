"""What explains a step in time better than the deploy it is held against: a callee's release, a
caller's, or evidence that somebody else has.
"""

import math
from collections.abc import Callable, Collection, Sequence

from monitor.detect.arrays import Bools
from monitor.detect.evidence.before_after import MIN_RATIO, StepTest, fixed_e
from monitor.detect.evidence.fanout import ANYBODY, NAMELESS
from monitor.detect.evidence.history import NEARLY, size_step
from monitor.detect.evidence.rates import LEANS, dispersion
from monitor.detect.evidence.shared import as_before_until, well_until
from monitor.detect.evidence.sizes import FEWEST_CALLS
from monitor.detect.evidence.tested import SIDES, EdgeTests
from monitor.detect.evidence.timed import AnyStep, new_rows, old_rows
from monitor.detect.judging.suspects import PROPAGATES, Rival
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.measure.series import series
from monitor.model.deploys import Deploy
from monitor.model.reasons import Reason, reason

BEFORE_IT, AFTER_IT = 600.0, 300.0
"""A callee released so many seconds before, or after, may be what steps at this
deploy's moment.
"""
BEGUN = 0.25
"""Harm of so large a part of what came later was there when another was released."""
SOON = 120.0
WINDOWS_ALONE = 3
"""A version that served fewer windows than this, or for less than `SOON`, is not known."""
ENOUGH_DUE, HARDLY_ANY = 20.0, 0.1
"""So many bad calls were due, were it the release's harm (from other callers, or before another
release), and so few came.
"""


def better_explained(
    deploy: Deploy,
    step: AnyStep,
    test: StepTest,
    below: Collection[str],
    suspects: Collection[str],
    rivals: Sequence[Rival],
    neighbours: Sequence[EdgeTable],
    edges: Sequence[EdgeTests],
) -> Reason | None:
    """What explains the step better than its deploy; None where nothing does.

    `below`: callees whose calls stepped by the same signal; `suspects`: those of them that this
    step may come from.
    """
    return (
        _other_has_evidence(step, rivals)
        or (None if step.supported else released_before(deploy, step.edge, rivals))
        or _slower_beside(step, rivals, neighbours)
        or _of_one_caller(step, test, rivals, edges)
        or _began_with(step, rivals)
        or _of_a_callee(step, below, suspects, rivals)
    )


def _of_a_callee(
    step: AnyStep, below: Collection[str], suspects: Collection[str], rivals: Sequence[Rival]
) -> Reason | None:
    if step.supported or step.measure.signal == "violations":
        return None
    callee = next(
        (rival for rival in rivals if rival.is_callee and rival.deploy.service in suspects), None
    )
    return released(callee) if callee is not None and _steps_too(callee, step, below) else None


def released(callee: Rival) -> Reason:
    """That a callee's release explains it."""
    deploy = callee.deploy
    return reason("callee_released", service=deploy.service, version=deploy.version)


def released_before(deploy: Deploy, edge: EdgeTests, rivals: Sequence[Rival]) -> Reason | None:
    """Another release of the same service so shortly before that nothing is known of the version
    which this one replaced: what steps at their moment may be the doing of that one, whose
    changes this one has, too. Of two at one moment neither is before the other.
    """
    known = max(SOON, float(WINDOWS_ALONE * edge.grain))
    for rival in rivals:
        apart = (deploy.started - rival.deploy.started).total_seconds()
        if rival.deploy.service == deploy.service and 0.0 < apart <= known:
            return reason(
                "released_before",
                service=rival.deploy.service,
                version=rival.deploy.version,
                seconds=round(apart),
            )
    return None


def _began_with(step: AnyStep, rivals: Sequence[Rival]) -> Reason | None:
    """A callee released later, until when all was as before, in calls enough to tell: what its
    callers wait for, or fail by, since then is its own.
    """
    if step.supported or step.measure.signal not in PROPAGATES:
        return None
    for rival in rivals:
        moment = began(rival.deploy)
        if (
            rival.is_callee
            and moment > step.edge.contrast.since + SOON
            and as_before_until(moment, step.before, step.after, step.edge.grain, ENOUGH_DUE)
        ):
            return released(rival)
    return None


def _steps_too(callee: Rival, step: AnyStep, stepped: Collection[str]) -> bool:
    """Whether a callee released at that moment has evidence of its own: it is the one that fails,
    or it slowed by its own clock.

    Not when different callees slowed together: then their caller is the cause. Not for what only
    the caller tells.
    """
    if not at_its_moment(callee.deploy, step.edge):
        return False
    apart = began(callee.deploy) - step.edge.contrast.since
    if step.measure.signal != "latency" and not well_until(
        step.edge, step.edge.contrast.since + apart
    ):
        return False
    if step.measure.signal == "latency" and apart > SOON + step.edge.grain:
        return False
    if callee.log_e >= LEANS:
        return True
    if step.measure.signal == "latency":
        if len(stepped) > 1:
            return False
        if step.edge.role == "caller" and step.measure.kind == "client":
            table = step.edge.table
            own, seen = (
                size_step(table, old_rows(step.edge), new_rows(step.edge), side, "mean")
                for side in ("server", "client")
            )
            return own is None or seen is None or own >= seen / 2.0
        return True
    return step.measure.kind in ("server_error", "provider_error")


def began(deploy: Deploy) -> float:
    """When a release's traffic began, or was told to; seconds since the epoch."""
    return (deploy.first_traffic or deploy.started).timestamp()


def at_its_moment(other: Deploy, edge: EdgeTests) -> bool:
    """Whether another release began near enough to the edge's deploy to be what steps at its
    moment.
    """
    return -BEFORE_IT <= began(other) - edge.contrast.since <= AFTER_IT + edge.grain


def _of_one_caller(
    step: AnyStep, test: StepTest, rivals: Sequence[Rival], edges: Sequence[EdgeTests]
) -> Reason | None:
    """The caller that sees it was released itself at that moment, and no other caller sees any of
    it, though it has calls enough: it may be by what that caller asks.
    """
    here = step.edge
    if here.role != "callee" or step.supported or step.measure.signal not in PROPAGATES[:3]:
        return None
    caller = here.table.edge.caller
    rival = next(
        (
            rival
            for rival in rivals
            if rival.deploy.service == caller
            and at_its_moment(rival.deploy, here)
            and not _there_until(began(rival.deploy), step)
        ),
        None,
    )
    added = test.after_bad / max(test.after_calls, 1) - test.before_bad / max(test.before_calls, 1)
    seen = due = 0.0
    for edge in edges:
        if edge.role == "callee" and edge.table.edge.caller not in {caller, *NAMELESS}:
            after, before = (
                series(edge.table, rows(edge), step.measure) for rows in (new_rows, old_rows)
            )
            calls = float(after.calls.sum())
            usual = calls * float(before.bad.sum()) / max(float(before.calls.sum()), 1.0)
            seen += float(after.bad.sum()) - usual
            due += added * calls
    if rival is None or due < ENOUGH_DUE or seen > HARDLY_ANY * due:
        return None
    return reason("caller_released", service=caller, version=rival.deploy.version)


def _there_until(moment: float, step: AnyStep) -> bool:
    """Whether a part of what is bad since was so surely before this moment: what was released then
    has not begun it, though a release that takes over bit by bit does more harm later.
    """
    first = step.after.windows + step.edge.grain <= moment
    k, a, s, b = (
        float(column.sum())
        for column in (
            step.after.bad[first],
            step.after.calls[first],
            step.before.bad,
            step.before.calls,
        )
    )
    usual = s / max(b, 1.0)
    later = float(step.after.bad[~first].sum()) / max(float(step.after.calls[~first].sum()), 1.0)
    phi = dispersion(step.before.bad, step.before.calls)
    return (
        bool(a and b)
        and k / a - usual >= BEGUN * (later - usual)
        and fixed_e(k / phi, s / phi, a / (a + b), MIN_RATIO) >= LEANS
    )


def _slower_beside(
    step: AnyStep, rivals: Sequence[Rival], neighbours: Sequence[EdgeTable]
) -> Reason | None:
    edge = step.edge
    if step.measure.signal != "latency":
        return None

    def slowed_as_much(theirs: Sequence[EdgeTable], moment: float) -> bool:
        slowed = _slowed(edge.table, old_rows(edge), new_rows(edge))
        return any(
            _slowed(table, table.windows < moment, table.windows >= moment) > NEARLY * slowed
            for table in theirs
        )

    return waits_for(edge, rivals, neighbours, slowed_as_much)


def waits_for(
    edge: EdgeTests,
    rivals: Sequence[Rival],
    neighbours: Sequence[EdgeTable],
    rose_as_much: Callable[[Sequence[EdgeTable], float], bool],
) -> Reason | None:
    """Of a service of which only totals are told nobody knows whom it calls: another that was
    released at that moment, and rose by more since, or by nearly as much (told of its edges and
    that moment), may be what it waits for, or what waits for it.
    """
    if edge.table.edge.caller != ANYBODY:
        return None
    for rival in rivals:
        name = rival.deploy.service
        theirs = [table for table in neighbours if table.edge.callee == name]
        if at_its_moment(rival.deploy, edge) and rose_as_much(theirs, began(rival.deploy)):
            return released(rival)
    return None


def _slowed(table: EdgeTable, before: Bools, after: Bools) -> float:
    """The largest step of any side and statistic; 0 where there is none."""
    sizes = (
        size_step(table, before, after, side, statistic)
        for side in SIDES
        for statistic in FEWEST_CALLS
    )
    return max((size for size in sizes if size is not None), default=0.0)


def _other_has_evidence(step: AnyStep, rivals: Sequence[Rival]) -> Reason | None:
    """Someone else has version evidence, this deploy only a shift."""
    bar = math.log(100.0)
    better = [rival for rival in rivals if rival.log_e >= bar]
    if not better or step.measure.signal == "violations":
        return None
    best = max(better, key=lambda rival: rival.log_e)
    return reason("other_has_evidence", service=best.deploy.service, version=best.deploy.version)
