"""Findings where a version came to zones one after the other: what came with it to two of them or
more, beyond what the others did then.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from monitor.detect.evidence.before_after import StepTest
from monitor.detect.evidence.steps import steps_of
from monitor.detect.evidence.tested import WEIGHTS, EdgeTests
from monitor.detect.evidence.timed import AnyStep
from monitor.detect.evidence.zones import Zone, zones_of
from monitor.detect.judging.steps import step_finding
from monitor.detect.judging.suspects import PROPAGATES, Rival
from monitor.detect.measure.series import Controls
from monitor.detect.settings import JudgeSettings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding, Signal

FEWEST, MOST = 2, 0.5
"""Harm is the version's where so many zones show it, and so large a part of those that
can tell.
"""
Rivals = Callable[[], Mapping[str, Sequence[Rival]]]
_Shown = dict[str, tuple[AnyStep, StepTest]]
"""By zone, the strongest step of one measure."""


def zone_findings(
    deploy: Deploy,
    edges: Sequence[EdgeTests],
    earlier: Sequence[Finding],
    rivals: Rivals,
    settings: JudgeSettings,
) -> list[Finding]:
    """Weaker evidence, as all that time tells; on edges and signals that `known` does not name
    yet.
    """
    named = {(finding.edge, finding.signal) for finding in earlier}
    whole = math.log(max(len(edges), 1) / settings.alpha)
    findings: list[Finding] = []
    for edge in edges:
        zones = zones_of(edge)
        if len(zones) < FEWEST:
            continue
        best: dict[Signal, tuple[float, Finding]] = {}
        for (signal, kind, _), shown in _shown(zones, settings).items():
            if (edge.table.edge, signal) in named or len(shown) < max(FEWEST, MOST * len(zones)):
                continue
            log_e = sum(test.log_e for _, test in shown.values())
            if log_e >= whole - math.log(WEIGHTS[kind]) and (
                signal not in best or log_e > best[signal][0]
            ):
                best[signal] = log_e, _finding(deploy, shown, log_e, rivals().get(signal, ()))
        findings += [finding for _, finding in best.values()]
    passed_on = {finding.signal for finding in findings if finding.edge.caller == deploy.service}
    return [
        replace(finding, role="propagated")
        if finding.edge.callee == deploy.service
        and finding.signal in PROPAGATES
        and finding.signal in passed_on
        else finding
        for finding in findings
    ]


def _shown(
    zones: Sequence[Zone], settings: JudgeSettings
) -> dict[tuple[Signal, str, str], _Shown]:
    """Measures that stepped in a zone at its own moment, more than in the zones beside it."""
    by_measure: dict[tuple[Signal, str, str], _Shown] = {}
    for zone in zones:
        controls = Controls(beside=zone.beside)
        for step in steps_of(zone.edge, settings):
            unaided = step.test(settings)
            if not step.believed(unaided, -math.inf, settings):
                continue
            test = step.against(settings, controls, ())
            if not step.believed(test, -math.inf, settings):
                continue
            measure = step.measure
            shown = by_measure.setdefault((measure.signal, measure.kind, measure.statistic), {})
            if zone.name not in shown or test.log_e > shown[zone.name][1].log_e:
                shown[zone.name] = step, test
    return by_measure


def _finding(deploy: Deploy, shown: _Shown, log_e: float, rivals: Sequence[Rival]) -> Finding:
    step, test = max(shown.values(), key=lambda item: item[1].log_e)
    tests = [zone_test for _, zone_test in shown.values()]
    finding = step_finding(deploy, step, replace(test, log_e=log_e), rivals)
    evidence = finding.evidence
    in_zone = replace(
        evidence,
        new_calls=sum(zone_test.after_calls for zone_test in tests),
        new_bad=sum(zone_test.after_bad for zone_test in tests),
        old_calls=sum(zone_test.before_calls for zone_test in tests),
        old_bad=sum(zone_test.before_bad for zone_test in tests),
        step=replace(evidence.step, zones=tuple(sorted(shown)), controls=max(1, test.controls))
        if evidence.step
        else None,
    )
    return replace(finding, evidence=in_zone)
