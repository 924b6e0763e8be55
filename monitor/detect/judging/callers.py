"""Harm that shows only in the callers: since a release they fail their own requests, or answer
slower, while its own edges look equal.

Wrong values, misrouted calls, a schema changed silently: the callee answers as ever. So the family
of a release holds what its callers answer to their callers, over time. Blame decides: those that
fail first (none of what else they call fails) must all call the released service; no more of their
requests fail than could have met its new version; who does not call it is well, each and all; and
no other release of that moment explains as much. If one does, nothing is decided, and nothing
passes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from monitor.detect.arrays import summed
from monitor.detect.evidence.before_after import StepTest, fixed_e
from monitor.detect.evidence.edge_tests import EdgeTests
from monitor.detect.evidence.fanout import (
    ALIKE,
    ANYBODY,
    BAR,
    ENOUGH_ANSWERS,
    NAMELESS,
    NOBODY,
    volumes,
)
from monitor.detect.evidence.history import slower_of_late
from monitor.detect.evidence.rates import LEANS, dispersion, without_peaks
from monitor.detect.evidence.shared import well_until
from monitor.detect.evidence.steps import by_time, latency_steps, rate_steps
from monitor.detect.evidence.timed import AnyStep, Step, new_rows
from monitor.detect.judging.steps import at_its_moment, began, step_finding
from monitor.detect.measure.columns import COUNTS, EdgeTable
from monitor.detect.measure.series import Controls
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding, Signal
from monitor.model.reasons import Reason, reason

FAILS: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts")
LIKE, LEANING_Z = 0.3, 3.0
"""So large a part of the harm, at so many standard errors, is seen by another caller of what is
behind both.
"""
COUNTED_APART = 1.5
"""Edges lose records each for itself: so many times as many calls may have been made as were
counted.
"""
WELL_SECONDS, WELL_PART, WELL_CHANCE = 120.0, 0.25, 1e-4
"""A caller was well for so long, where so small a part of the harm that was due came, and by
chance it would hardly ever.
"""
SLOWER_THAN_EVER = 0.05
"""So much slower (in logs) than in the slowest span before."""
Failing = dict[str, tuple[AnyStep, StepTest]]
"""Services that fail their own requests since, or answer slower, each with its strongest step."""
StepsOf = Callable[[EdgeTests, JudgeSettings], Sequence[AnyStep]]


@dataclass(frozen=True, slots=True)
class CallersHarm:
    """`found`: what is this release's; `undecided`: callers that fail, by what nobody can tell.

    `unlinked`: whoever became worse, where no caller is named. `untold`: only totals of the
    service are told, beside those of others.
    """

    found: tuple[Finding, ...] = ()
    undecided: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    untold: bool = False

    def reasons(self, released: str) -> tuple[Reason, ...]:
        """Why the released service cannot pass."""
        return (
            *(reason("callers_fail", service=name) for name in self.undecided),
            *(
                reason("worse_elsewhere", service=name, released=released)
                for name in self.unlinked
            ),
            *((reason("neighbours_untold", service=released),) if self.untold else ()),
        )


def harm_in_callers(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    known: Sequence[Finding],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> CallersHarm:
    """What the callers of the released service answer to their own callers, by cells
    `around` it.
    """
    mine = [edge for edge in edges if edge.role == "callee" and edge.contrast.since_rows.size]
    callers = {edge.table.edge.caller for edge in mine} - NOBODY
    if not around or any(finding.edge.callee == deploy.service for finding in known):
        return CallersHarm()
    mine = [_from_first_answer(edge, mine) for edge in mine]
    if not callers:
        untold = bool(mine) and all(edge.table.edge.caller == ANYBODY for edge in mine)
        return CallersHarm(unlinked=_worse_elsewhere(mine, around, settings), untold=untold)
    calls = {
        (table.edge.caller, table.edge.callee)
        for table in (*around, *(edge.table for edge in edges))
    }
    failing = _failing(deploy.service, callers, calls, around, mine[0], settings)
    if not failing:
        slower = _slower_callers(deploy, callers, calls, others, around, mine[0], settings)
        if slower.found or slower.undecided:
            return slower
        maybe = {
            *_maybe_slower(callers, around, mine),
            *_maybe_failing(callers, calls, around, mine, settings),
        }
        return CallersHarm(undecided=tuple(sorted(maybe)))
    first = {
        service
        for service in failing
        if not any(caller == service and callee in failing for caller, callee in calls)
    }
    suffering = tuple(sorted(first & callers))
    if not suffering:
        return CallersHarm()
    near = {release.service for release in others if at_its_moment(release, mine[0])}
    near -= {deploy.service}
    first -= near  # who was released itself answers for itself
    if (
        not first
        or not first <= callers
        or any(all((service, other) in calls for service in first) for other in near)
    ):
        return CallersHarm(undecided=suffering)
    if any(
        _more_fail_than_could(one, around, mine) or _began_later(one, around, mine)
        for one in first
    ):
        return CallersHarm(undecided=suffering)
    size = max(rise(service, around, mine[0]).added for service in first)
    strangers = (
        {table.edge.callee for table in around} - _reached(callers, calls) - {deploy.service}
    )
    if any(_as_much(rise(stranger, around, mine[0]), size) for stranger in strangers):
        return CallersHarm(undecided=suffering)
    # a release further below explains as much, where those that call it began to fail as well
    for other in near:
        between = {caller for caller, callee in calls if callee == other} - NOBODY
        if any(
            _as_much(rise(caller, [*around, *(edge.table for edge in edges)], mine[0]), size)
            for caller in between
        ):
            return CallersHarm(undecided=suffering)
    return CallersHarm(
        found=tuple(step_finding(deploy, *failing[service], ()) for service in sorted(first))
    )


def _from_first_answer(edge: EdgeTests, mine: Sequence[EdgeTests]) -> EdgeTests:
    """The edge with its moment put where the new version first answered on any: nothing before
    that is its doing, whenever it was told.
    """
    first = min(int(other.table.windows[other.contrast.since_rows].min()) for other in mine)
    return replace(
        edge, contrast=replace(edge.contrast, since=max(float(first), edge.contrast.since))
    )


def _maybe_slower(
    callers: set[str], around: Sequence[EdgeTable], mine: Sequence[EdgeTests]
) -> tuple[str, ...]:
    """Callers whose answers may cost more by this release, though not so surely that it is a
    finding: no pass is safe.

    Slower of late than in any span as long before; or by so much that, if only those requests are
    slower that met the new version, they take twice as long: a small share's harm is no more to be
    seen than that. Both by more than the others are.
    """
    since, grain, released = mine[0].contrast.since, mine[0].grain, mine[0].table.edge.callee
    rose: dict[str, list[tuple[float, float]]] = {}
    for table in around:
        if (
            table.edge.callee != released
            and (more := slower_of_late(table, since, grain)) is not None
        ):
            rose.setdefault(table.edge.callee, []).append(more)
    others = [
        max(middle for _, middle in rises) for name, rises in rose.items() if name not in callers
    ]
    usual = max(0.0, float(np.median(others))) if others else 0.0
    tables = [edge.table for edge in mine]
    late = volumes(tables, since, grain)[1]
    share = volumes(tables, since, grain, mine[0].contrast.new_version)[1] / late if late else 0.0
    doubled = math.log1p(share) if share else math.inf
    return tuple(
        sorted(
            name
            for name in callers & set(rose)
            if any(
                most > usual + SLOWER_THAN_EVER or middle > usual + doubled
                for most, middle in rose[name]
            )
        )
    )


def _maybe_failing(
    callers: set[str],
    calls: set[tuple[str, str]],
    around: Sequence[EdgeTable],
    mine: Sequence[EdgeTests],
    settings: JudgeSettings,
) -> tuple[str, ...]:
    """Callers that fail more than before, though not so surely that it is a finding: no pass is
    safe.

    Incidents of before are left out, or they would hide it; and so is as much as those fail more
    who have nothing to do with it.
    """
    since, grain, released = mine[0].contrast.since, mine[0].grain, mine[0].table.edge.callee
    reached = _reached(callers, calls)
    strangers = {table.edge.callee for table in around} - reached - {released}
    usual = (
        max(0.0, float(np.median([rise(one, around, mine[0]).added for one in strangers])))
        if strangers
        else 0.0
    )
    found = []
    for name in callers:
        tables = [table for table in around if table.edge.callee == name]
        if not tables:
            continue
        windows, places = np.unique(
            np.concatenate([table.windows for table in tables]), return_inverse=True
        )
        counts = np.concatenate(
            [table.counts[:, [COUNTS.index("failed"), COUNTS.index("calls")]] for table in tables]
        )
        held = summed(counts, places, windows.size)
        late, past = held[windows >= since], held[windows <= since - grain]
        bad, of = without_peaks(past[:, 0], past[:, 1])
        k, a, s, b = (float(column.sum()) for column in (late[:, 0], late[:, 1], bad, of))
        if not a or not b or k / a - s / b - usual < settings.floor_difference:
            continue
        phi = dispersion(bad, of)
        if fixed_e((k - usual * a) / phi, s / phi, a / (a + b), settings.floor_ratio) >= LEANS:
            found.append(name)
    return tuple(sorted(found))


def _more_fail_than_could(
    caller: str, around: Sequence[EdgeTable], mine: Sequence[EdgeTests]
) -> bool:
    """Whether more of the caller's requests fail beyond the usual than it made calls to the new
    version: each would need one.
    """
    answered = sum(
        float(edge.table.counts[new_rows(edge), COUNTS.index("calls")].sum())
        for edge in mine
        if edge.table.edge.caller == caller
    )
    rose = rise(caller, around, mine[0])
    return rose.added * rose.calls > COUNTED_APART * answered + ENOUGH_ANSWERS


def _began_later(caller: str, around: Sequence[EdgeTable], mine: Sequence[EdgeTests]) -> bool:
    """Whether the caller was well while it already met the new version: what it fails by since
    then came at another moment.

    What its requests fail by is shared among the moments by how many of them may have met the new
    version.
    """
    tables = [table for table in around if table.edge.callee == caller]
    asked = [edge for edge in mine if edge.table.edge.caller == caller]
    since, grain = mine[0].contrast.since, mine[0].grain
    windows = (
        np.unique(np.concatenate([edge.table.windows[new_rows(edge)] for edge in asked]))
        if asked
        else np.zeros(0, np.int64)
    )
    if not windows.size:
        return False
    every, new = np.zeros(windows.size), np.zeros(windows.size)
    for edge in asked:
        for rows, sums in ((edge.table.windows >= windows[0], every), (new_rows(edge), new)):
            inside = rows & np.isin(edge.table.windows, windows)
            np.add.at(
                sums,
                np.searchsorted(windows, edge.table.windows[inside]),
                edge.table.counts[inside, COUNTS.index("calls")],
            )
    bad, calls, before = np.zeros(windows.size), np.zeros(windows.size), np.zeros(2)
    for table in tables:
        counts = table.counts[:, [COUNTS.index("failed"), COUNTS.index("calls")]]
        before += counts[table.windows <= since - grain].sum(axis=0)
        inside = np.isin(table.windows, windows)
        places = np.searchsorted(windows, table.windows[inside])
        np.add.at(bad, places, counts[inside, 0])
        np.add.at(calls, places, counts[inside, 1])
    usual = calls * float(before[0]) / max(float(before[1]), 1.0)
    exposed = calls * new / np.maximum(every, 1.0)
    early = windows < windows[0] + max(WELL_SECONDS, 2.0 * grain)
    added = max(float(bad.sum() - usual.sum()), 0.0)
    expected = float(usual[early].sum()) + added * float(exposed[early].sum()) / max(
        float(exposed.sum()), 1.0
    )
    seen = float(bad[early].sum())
    return (
        seen < WELL_PART * expected
        and float(special.gammaincc(seen + 1.0, expected)) < WELL_CHANCE
    )


def _worse_elsewhere(
    mine: Sequence[EdgeTests], around: Sequence[EdgeTable], settings: JudgeSettings
) -> tuple[str, ...]:
    """Services that became worse since the deploy, or lost their calls, where nobody tells who
    calls the released one.

    Each may be its caller, or called by it, so no pass is safe; and nothing tells whose fault it
    is.
    """
    if not mine or any(edge.table.edge.caller not in NAMELESS for edge in mine):
        return ()
    service = mine[0].table.edge.callee
    worse = {
        name
        for steps in (rate_steps, latency_steps)
        for name in _failing(service, set(), set(), around, mine[0], settings, steps)
    }
    return tuple(sorted(worse | _called_less(mine, around)))


def _called_less(mine: Sequence[EdgeTests], around: Sequence[EdgeTable]) -> set[str]:
    """Services whose calls for each call of the released one fell by a fifth and more, beyond
    chance: others may call them as ever.
    """
    since, grain = mine[0].contrast.since, mine[0].grain
    before, late = volumes([edge.table for edge in mine], since, grain)
    if min(before, late) < ENOUGH_ANSWERS:
        return set()
    by_service: dict[str, list[EdgeTable]] = {}
    for table in around:
        by_service.setdefault(table.edge.callee, []).append(table)
    names = set()
    for name, tables in by_service.items():
        then, now = volumes(tables, since, grain)
        if then >= ENOUGH_ANSWERS and fixed_e(then, now, before / (before + late), ALIKE) >= BAR:
            names.add(name)
    return names


def _slower_callers(
    deploy: Deploy,
    callers: set[str],
    calls: set[tuple[str, str]],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    own: EdgeTests,
    settings: JudgeSettings,
) -> CallersHarm:
    """Callers that answer slower since, while the service is as fast as ever: its answers cost
    them more.

    As failures, but that another release below the same callers leaves it undecided whatever it
    did: slowness has more causes. Only where neighbours tell of the moment.
    """
    slower = _failing(deploy.service, callers, calls, around, own, settings, latency_steps)
    first = {
        service
        for service in slower
        if not any(caller == service and callee in slower for caller, callee in calls)
    }
    suffering = tuple(sorted(first & callers))
    near = {release.service for release in others if at_its_moment(release, own)} - {
        deploy.service
    }
    if (
        not suffering
        or first & near
        or not first <= callers
        or not all(slower[service][1].controls for service in first)
    ):
        return CallersHarm()
    below = set(first)
    while (
        more := {
            callee for caller, callee in calls if caller in below and callee != deploy.service
        }
        - below
    ):
        below |= more
    if below & near:
        return CallersHarm(undecided=suffering)
    return CallersHarm(
        found=tuple(step_finding(deploy, *slower[service], ()) for service in suffering)
    )


def breaks_others(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    known: Sequence[Finding],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> Deploy | None:
    """A callee released at that moment whose other callers began to fail as well: two releases of
    which one explains both.
    """
    stepped = [
        finding
        for finding in known
        if finding.evidence.step
        and finding.explained is None
        and finding.edge.callee == deploy.service
    ]
    if not any(finding.signal in FAILS for finding in stepped):
        return None
    own = edges[0]
    here = [edge for edge in edges if edge.table.edge in {finding.edge for finding in stepped}]
    calls = {
        (table.edge.caller, table.edge.callee)
        for table in (*around, *(edge.table for edge in edges))
    }
    near = [
        release
        for release in others
        if (deploy.service, release.service) in calls
        and at_its_moment(release, own)
        and all(well_until(edge, began(release)) for edge in here)
    ]
    size = rise(deploy.service, [edge.table for edge in here], own).added
    for release in near:
        callers = (
            {caller for caller, callee in calls if callee == release.service}
            - NOBODY
            - {deploy.service}
        )
        failing = (
            _failing(deploy.service, callers, calls, around, own, settings) if callers else {}
        )
        if callers & set(failing):
            return release
        aside = [rise(caller, around, own) for caller in callers]
        if not any(edge.contrast.overlap for edge in here) and any(
            _as_much(other, size) for other in aside
        ):
            return release
    return None


@dataclass(frozen=True, slots=True)
class Rise:
    """How much more of what a service answers fails since (a share of its `calls` since), and by
    how many standard errors.
    """

    added: float = 0.0
    z: float = 0.0
    calls: float = 0.0


def rise(service: str, around: Sequence[EdgeTable], own: EdgeTests) -> Rise:
    """Of all calls that the service answers, whatever their versions."""
    after, before = np.zeros(2), np.zeros(2)
    for table in around:
        if table.edge.callee == service:
            counts = table.counts[:, [COUNTS.index("failed"), COUNTS.index("calls")]]
            after += counts[table.windows >= own.contrast.since].sum(axis=0)
            before += counts[table.windows <= own.contrast.since - own.grain].sum(axis=0)
    if not after[1] or not before[1]:
        return Rise()
    pooled = (after[0] + before[0] + 1.0) / (after[1] + before[1] + 2.0)
    added = float(after[0] / after[1] - before[0] / before[1])
    return Rise(
        added,
        added / math.sqrt(pooled * (1.0 - pooled) * (1.0 / after[1] + 1.0 / before[1])),
        float(after[1]),
    )


def _as_much(other: Rise, size: float) -> bool:
    """Whether a service's failures rose by a like amount, and not by chance: one cause may be
    behind both.
    """
    return other.z >= LEANING_Z and other.added >= LIKE * size > 0.0


def _reached(callers: set[str], calls: set[tuple[str, str]]) -> set[str]:
    """The callers, and all who call them, and so on."""
    reached = set(callers)
    while more := {caller for caller, callee in calls if callee in reached} - reached:
        reached |= more
    return reached


def _failing(
    service: str,
    callers: set[str],
    calls: set[tuple[str, str]],
    around: Sequence[EdgeTable],
    own: EdgeTests,
    settings: JudgeSettings,
    steps: StepsOf = rate_steps,
) -> Failing:
    """Services whose answers became worse since, beyond what happened to those that have nothing
    to do with the released one.
    """
    tables = [table for table in around if service not in (table.edge.caller, table.edge.callee)]
    whole = math.log(max(len(tables), 1) / settings.alpha)
    reached = _reached(callers, calls)
    strangers = Controls(
        beside=tuple(table for table in tables if table.edge.callee not in reached)
    )
    failing: Failing = {}
    for table in tables:
        edge = by_time(table, own.contrast.since, own.grain)
        for step in steps(edge, settings):
            test = step.test(settings)
            if not step.believed(test, whole, settings):
                continue
            controls = strangers if table.edge.callee in reached else Controls()
            test = step.against(settings, controls, ())
            added = test.after_bad / max(test.after_calls, 1) - test.before_bad / max(
                test.before_calls, 1
            )
            if not step.believed(test, whole, settings) or (
                isinstance(step, Step) and added < settings.floor_difference
            ):
                continue
            best = failing.get(table.edge.callee)
            if best is None or test.log_e > best[1].log_e:
                failing[table.edge.callee] = step, test
    return failing
