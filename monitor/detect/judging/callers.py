"""Harm that shows only in the callers: since a release they fail their own requests, or answer
slower, while its own edges look equal.

Wrong values, misrouted calls, a schema changed silently: the callee answers as ever. So the family
of a release holds what its callers answer to their callers, over time. Blame decides: those that
fail first (none of what else they call fails) must all call the released service; no more of their
requests fail than could have met its new version; who does not call it is well, each and all; no
other release of that moment explains as much, unless its share of the calls tells it apart; and where
versions never met, or the harm did not grow with the new one's share, none of its other callers is
as well as before. If one does or is, nothing is decided, and nothing passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.detect.evidence.fanout import ANYBODY, NOBODY
from monitor.detect.evidence.steps import latency_steps
from monitor.detect.evidence.tested import EdgeTests
from monitor.detect.judging.doubts import (
    began_later,
    calls_answered,
    has_ended,
    maybe_failing,
    maybe_slower,
    more_fail_than_could,
)
from monitor.detect.judging.elsewhere import BEFORE_IT, at_its_moment, began
from monitor.detect.judging.followed import by_its_share, followed, stays
from monitor.detect.judging.steps import step_finding
from monitor.detect.judging.surroundings import Failing, Surroundings
from monitor.detect.judging.unlinked import worse_elsewhere
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding
from monitor.model.reasons import Reason, reason

DUE_OF_OTHERS = 10.0
"""So many bad calls of another caller were due, were it the release's harm: none in ten is one
chance in 20,000.
"""


@dataclass(frozen=True, slots=True)
class CallersHarm:
    """`found`: what is this release's; `undecided`: callers that fail, by what nobody can tell.

    `explained`: callers that fail by what others hand on, or by a release of their own.
    `unlinked`: whoever became worse, where no caller is named. `untold`: only totals of the
    service are told, beside those of others.
    """

    found: tuple[Finding, ...] = ()
    undecided: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    untold: bool = False

    def reasons(self, released: str) -> tuple[Reason, ...]:
        """Why the released service cannot pass."""
        return (
            *(reason("callers_fail", service=name) for name in self.undecided),
            *(
                reason("callers_explained", service=name, released=released)
                for name in self.explained
            ),
            *(
                reason("worse_elsewhere", service=name, released=released)
                for name in self.unlinked
            ),
            *((reason("neighbours_untold", service=released),) if self.untold else ()),
        )


def harm_in_callers(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> CallersHarm:
    """What the callers of the released service answer to their own callers, by cells
    `around` it.
    """
    mine = [edge for edge in edges if edge.role == "callee" and edge.contrast.since_rows.size]
    callers = {edge.table.edge.caller for edge in mine} - NOBODY
    if not around or any(finding.edge.callee == deploy.service for finding in earlier):
        return CallersHarm()
    mine = [_from_first_answer(edge, mine) for edge in mine]
    if not mine:
        return CallersHarm()
    near = Surroundings(
        deploy.service,
        callers,
        mine[0].contrast.since,
        mine[0].grain,
        around,
        [edge.table for edge in edges],
        mine[0].fresh,
    )
    if not callers:
        untold = all(edge.table.edge.caller == ANYBODY for edge in mine)
        return CallersHarm(unlinked=worse_elsewhere(near, mine, settings), untold=untold)
    failing = {
        service: harm
        for service, harm in near.failing(settings).items()
        if not has_ended(service, near, mine, settings)
    }
    if not failing:
        slower = _slower_callers(deploy, near, others, settings)
        if slower.found or slower.undecided:
            return slower
        maybe = {*maybe_slower(near, mine), *maybe_failing(near, mine, settings)}
        return _doubted(maybe, near)
    first = near.first(failing)
    suffering = tuple(sorted(first & callers))
    if not suffering:
        return CallersHarm()
    rivals = {
        release.service: release
        for release in others
        if at_its_moment(release, mine[0]) and release.service != deploy.service
    }
    whose = followed(deploy, suffering, rivals, near, slow=False)
    if whose.better:
        return CallersHarm(explained=suffering)
    released = set(rivals) - whose.worse
    if all(
        near.handed_on(caller) or (caller in released and began_later(caller, near, mine))
        for caller in suffering
    ):
        return CallersHarm(explained=suffering)
    return _blamed(deploy, failing, first, released, near, mine)


def _blamed(
    deploy: Deploy,
    failing: Failing,
    first: set[str],
    released: set[str],
    near: Surroundings,
    mine: Sequence[EdgeTests],
) -> CallersHarm:
    """Whether callers that fail `first` do so by this release: none of the others `released` at its
    moment explains as much, nor anything that befell strangers.
    """
    suffering = tuple(sorted(first & near.callers))
    first -= released  # who was released itself answers for itself
    if (
        not first
        or not first <= near.callers
        or any(all((service, other) in near.calls for service in first) for other in released)
    ):
        return CallersHarm(undecided=suffering)
    if any(
        (more_fail_than_could(caller, near, mine) and not by_its_share(deploy, caller, near))
        or began_later(caller, near, mine)
        for caller in first
    ):
        return CallersHarm(undecided=suffering)
    if _others_are_well(deploy, first, near, mine):
        return CallersHarm(undecided=suffering)
    size = max(near.rise(caller).added for caller in first)
    if any(near.rise(stranger).is_like(size) for stranger in near.strangers):
        return CallersHarm(undecided=suffering)
    # a release further below explains as much, where those that call it began to fail as well
    for other in released:
        if first <= near.above({other}) and any(
            near.rise_with_own(caller).is_like(size) for caller in near.callers_of(other)
        ):
            return CallersHarm(undecided=suffering)
    return CallersHarm(
        found=tuple(step_finding(deploy, *failing[service], ()) for service in sorted(first))
    )


def _others_are_well(
    deploy: Deploy, first: set[str], near: Surroundings, mine: Sequence[EdgeTests]
) -> bool:
    """Whether only the moment speaks against the release, and some other caller is as before,
    though as much harm was due there for each call to the new version: those that fail `first` may
    do so of themselves. Where the share stays as it is, as a canary's, no harm can grow with it:
    there this is not asked.
    """
    if any(edge.contrast.overlap for edge in mine) and all(
        by_its_share(deploy, caller, near) or stays(deploy, caller, near) for caller in first
    ):
        return False
    answered = dict.fromkeys(near.callers, 0.0)
    for edge in mine:
        if edge.table.edge.caller in answered:
            answered[edge.table.edge.caller] += calls_answered(edge)
    harm = min(
        rose.added * rose.calls / max(answered[caller], 1.0)
        for caller, rose in ((caller, near.rise(caller)) for caller in first)
    )
    for caller in near.callers - first:
        due, rose = harm * answered[caller], near.rise(caller)
        if due >= DUE_OF_OTHERS and rose.calls and rose.is_unlike(due / rose.calls):
            return True
    return False


def _doubted(callers: set[str], near: Surroundings) -> CallersHarm:
    """Callers that may suffer by it, apart from those that fail by what strangers hand on."""
    explained = {caller for caller in callers if near.handed_on(caller)}
    return CallersHarm(
        undecided=tuple(sorted(callers - explained)), explained=tuple(sorted(explained))
    )


def _from_first_answer(edge: EdgeTests, mine: Sequence[EdgeTests]) -> EdgeTests:
    """The edge with its moment put where the new version first answered on any: nothing before
    that is its doing, whenever it was told.
    """
    first = min(int(other.table.windows[other.contrast.since_rows].min()) for other in mine)
    return replace(
        edge, contrast=replace(edge.contrast, since=max(float(first), edge.contrast.since))
    )


def _slower_callers(
    deploy: Deploy,
    near: Surroundings,
    others: Sequence[Deploy],
    settings: JudgeSettings,
) -> CallersHarm:
    """Callers that answer slower since, while the service is as fast as ever: its answers cost
    them more.

    As failures, but that another release below the same callers leaves it undecided whatever it
    did: slowness has more causes. Only where neighbours tell of the moment.
    """
    slower = near.failing(settings, latency_steps)
    first = near.first(slower)
    suffering = tuple(sorted(first & near.callers))
    # a later one, too: how long the callers were well before is not to be seen of slow calls
    rivals = {
        release.service: release
        for release in others
        if began(release) >= near.since - BEFORE_IT and release.service != deploy.service
    }
    whose = followed(deploy, suffering, rivals, near, slow=True)
    if whose.better:
        return CallersHarm(explained=suffering)
    released = set(rivals) - whose.worse
    if (
        not suffering
        or first & released
        or not first <= near.callers
        or not all(slower[service][1].controls for service in first)
    ):
        return CallersHarm()
    if near.below(first) & released:
        return CallersHarm(undecided=suffering)
    return CallersHarm(
        found=tuple(step_finding(deploy, *slower[service], ()) for service in suffering)
    )
