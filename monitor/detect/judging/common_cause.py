"""A release below, of the same minutes, whose other callers fail too: of two releases it explains
both.
"""

from collections.abc import Sequence
from dataclasses import replace

from monitor.detect.evidence.edge_tests import EdgeTests
from monitor.detect.evidence.shared import well_until
from monitor.detect.judging.elsewhere import at_its_moment, began
from monitor.detect.judging.surroundings import Surroundings
from monitor.detect.measure.columns import EdgeTable
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding, Signal
from monitor.model.reasons import reason

FAILS: tuple[Signal, ...] = ("errors", "provider_errors", "timeouts")


def of_one_cause(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    known: Sequence[Finding],
    others: Sequence[Deploy],
    around: Sequence[EdgeTable],
    settings: JudgeSettings,
) -> list[Finding]:
    """The findings, those explained that a release below explains together with what its other
    callers fail by.
    """
    better = _breaks_others(deploy, edges, known, others, around, settings)
    if better is None:
        return list(known)
    why = reason("callee_released", service=better.service, version=better.version)
    return [
        replace(finding, role="propagated", explained=why)
        if finding.signal in FAILS and _stepped(finding, deploy)
        else finding
        for finding in known
    ]


def _stepped(finding: Finding, deploy: Deploy) -> bool:
    """Whether it is of the service's own answers, by time alone, and explained by nothing."""
    return (
        finding.evidence.step is not None
        and finding.explained is None
        and finding.edge.callee == deploy.service
    )


def _breaks_others(
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
    stepped = [finding for finding in known if _stepped(finding, deploy)]
    if not any(finding.signal in FAILS for finding in stepped):
        return None
    own = edges[0]
    here = [edge for edge in edges if edge.table.edge in {finding.edge for finding in stepped}]
    near = Surroundings(
        deploy.service,
        set(),
        own.contrast.since,
        own.grain,
        around,
        [edge.table for edge in edges],
    )
    below = [
        release
        for release in others
        if (deploy.service, release.service) in near.calls
        and at_its_moment(release, own)
        and all(well_until(edge, began(release)) for edge in here)
    ]
    size = replace(near, around=[edge.table for edge in here]).rise(deploy.service).added
    for release in below:
        callers = near.callers_of(release.service) - {deploy.service}
        failing = near.failing(settings, reached=near.above(callers)) if callers else {}
        if callers & set(failing):
            return release
        if not any(edge.contrast.overlap for edge in here) and any(
            near.rise(caller).is_like(size) for caller in callers
        ):
            return release
    return None
