"""What differs among a version's calls is told on its findings; harm that one instance of several
bears alone is no release's.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from monitor.detect.evidence.differs import Key, Marked, marked, slow_above, what_differs
from monitor.detect.evidence.distributions import beta_quantile
from monitor.detect.evidence.kinds import failure_kinds
from monitor.detect.evidence.rates import between, exact_tail
from monitor.detect.measure.contrasts import Role
from monitor.detect.settings import JudgeSettings
from monitor.model.alike import Alike
from monitor.model.deploys import Deploy
from monitor.model.judging import SIDES, Difference, Finding
from monitor.model.reasons import Reason, reason

CHANCE = 1e-3
KINDS = ("server_error", "provider_error", "client_error", "timeout")
SHARES = (0.5, 0.9)
"""Where the old version's instances are compared: by the calls above these quantiles of all of
them.
"""
PART = 0.2
"""The others are well when they have at most so much of the one's harm (or less than what counts
at all), with 99 % confidence.
"""


def spread_of_kinds(calls: Sequence[Alike], old: str) -> dict[str, float]:
    """By how much the shares of bad calls, by kind, and of slow calls, by side, differ between the
    old version's instances, beyond chance; 1.0 where nothing tells. Of each kind apart: among
    failures of all kinds the timeouts of one instance are lost.
    """
    spreads: dict[str, float] = {}
    for kind in KINDS:
        by_instance = _by_instance(marked(calls, "callee", old, kind))
        by_instance.pop("", None)
        bad, every = (
            np.array([counts[place] for counts in by_instance.values()], dtype=np.int64)
            for place in (0, 1)
        )
        spreads[kind] = between(bad, every)
    for side in SIDES:
        for share in SHARES:
            bounds = slow_above(calls, "callee", old, side, 0, 0.0, share)
            sums = _by_instance(marked(calls, "callee", old, side, bounds))
            sums.pop("", None)
            bad, every = (
                np.array([counts[place] for counts in sums.values()], dtype=np.int64)
                for place in (0, 1)
            )
            spreads[side] = max(spreads.get(side, 1.0), between(bad, every, 2))
    return spreads


def with_what_differs(
    deploy: Deploy,
    findings: Sequence[Finding],
    calls: Sequence[Alike],
    before: Collection[str] | None,
    settings: JudgeSettings,
) -> list[Finding]:
    """The findings with what separates their bad calls, and their kinds; those that one instance
    bears alone are explained by it.

    `before`: error types of the service's calls in the day before the deploy, None where nobody
    looked.
    """
    by_signal: dict[tuple[Role, str], Difference | None] = {}
    out: list[Finding] = []
    for finding in findings:
        role: Role = "callee" if finding.edge.callee == deploy.service else "caller"
        kind = _kind(finding)
        if not kind or deploy.service not in (finding.edge.callee, finding.edge.caller):
            out.append(finding)
            continue
        if (role, kind) not in by_signal:
            by_signal[role, kind] = what_differs(
                marked(calls, role, deploy.version, kind, _slow(finding, calls, role, settings))
            )
        differs = by_signal[role, kind]
        lonely = (
            _one_instance(finding, calls, role, kind, deploy, settings)
            if finding.explained is None
            else None
        )
        finding = (  # noqa: PLW2901  # goes on
            replace(finding, evidence=replace(finding.evidence, differs=differs))
            if differs
            else finding
        )
        if finding.signal != "latency":
            here = [row for row in calls if row.edge == finding.edge]
            kinds = failure_kinds(
                here,
                role,
                deploy.version,
                finding.against_version,
                before or (),
                known_long=before is not None,
            )
            finding = replace(finding, evidence=replace(finding.evidence, failures=kinds))  # noqa: PLW2901  # goes on
        out.append(replace(finding, explained=lonely) if lonely else finding)
    return out


def _kind(finding: Finding) -> str:
    seen = finding.evidence
    if seen.latency:
        return seen.latency.side
    return seen.rate.kind if seen.rate and seen.rate.kind != "violated" else ""


def _slow(
    finding: Finding, calls: Sequence[Alike], role: Role, settings: JudgeSettings
) -> dict[Key, int] | None:
    if finding.evidence.latency is None:
        return None
    side, against = finding.evidence.latency.side, finding.against_version
    return slow_above(
        calls, role, against, side, settings.latency_floor_buckets, settings.latency_floor_seconds
    )


def _one_instance(
    finding: Finding,
    calls: Sequence[Alike],
    role: Role,
    kind: str,
    deploy: Deploy,
    settings: JudgeSettings,
) -> Reason | None:
    """The instance that alone bears the harm, while the others of its version are as well as the
    old one: shown, not only not seen.
    """
    here = [alike for alike in calls if alike.edge == finding.edge]
    slow = _slow(finding, here, role, settings)
    sums = _by_instance(marked(here, role, deploy.version, kind, slow))
    before = marked(here, role, finding.against_version, kind, slow)
    if "" in sums or len(sums) < 2:
        return None
    worst = max(sums, key=lambda name: (sums[name][0] / sums[name][1], name))
    (k, a), rest = sums[worst], [sums[name] for name in sums if name != worst]
    s, b = sum(bad for bad, _ in rest), sum(every for _, every in rest)
    usual = (sum(row.bad for row in before) + 0.5) / (sum(row.calls for row in before) + 1.0)
    if (
        exact_tail(
            (np.array([k]), np.array([a])), (np.array([s]), np.array([b])), settings.floor_ratio
        )
        > CHANCE
    ):
        return None
    highest = beta_quantile(0.99, s + 1.0, float(b - s))
    if highest - usual > max(settings.floor_difference, PART * (k / a - usual)):
        return None
    return reason(
        "one_instance",
        instance=worst,
        version=deploy.version,
        bad=k,
        calls=a,
        others=len(rest),
        other_bad=s,
        other_calls=b,
    )


def _by_instance(rows: Sequence[Marked]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        bad, calls = sums.get(row.attributes["instance"], (0, 0))
        sums[row.attributes["instance"]] = bad + row.bad, calls + row.calls
    return sums
