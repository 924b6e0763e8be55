"""Which findings are one alert: those of one deploy, with what it propagated into others' findings
folded in.

One bad deploy is one incident, whatever number of its operations, callers or signals are hit: the
remedy is one. Its root edges are listed in the alert. Two deploys that break one edge are two
incidents.
"""

import hashlib
from collections.abc import Mapping, Sequence

from monitor.model.alerts import Alert
from monitor.model.judging import Finding


def group(
    findings: Sequence[Finding], alerts: Mapping[str, Alert]
) -> dict[str, tuple[Finding, ...]]:
    """Open findings by alert key, roots first in each.

    A finding that is part of an alert which is not resolved stays with it. Else a root goes to its
    deploy's alert, and what was propagated goes to the deploy that explains it best when that one
    has an open root of its own. What judging explained by something else than its deploy is an
    alert of nobody's otherwise: the innocent release of a group is not paged for.
    """
    home = {
        finding_id: key
        for key, alert in sorted(alerts.items())
        if alert.state != "resolved"
        for finding_id in alert.finding_ids
    }
    ordered = sorted(
        findings,
        key=lambda finding: (finding.role != "root", finding.first_seen, finding.edge, finding.id),
    )
    guilty = {finding.deploy_id for finding in ordered if finding.role == "root"}
    fired = {key for key, alert in alerts.items() if alert.state == "firing"}
    grouped: dict[str, list[Finding]] = {}
    for finding in ordered:
        if _pages_nobody(finding, guilty):
            continue
        key = home.get(finding.id)
        if key is None or (key not in fired and finding.role != "root"):
            key = alert_key(_blamed(finding, guilty), finding.edge.environment)
        grouped.setdefault(key, []).append(finding)
    return {key: tuple(members) for key, members in sorted(grouped.items())}


def alert_key(deploy_id: str, environment: str) -> str:
    """The dedup key: the same for the same environment and deploy, for ever; 42 ASCII
    characters.
    """
    text = f"{environment}\x1f{deploy_id}"
    return "seamwatch-" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _blamed(finding: Finding, guilty: set[str]) -> str:
    """The deploy whose alert this finding belongs to."""
    if finding.role == "root":
        return finding.deploy_id
    suspects = [
        suspect
        for suspect in finding.suspects
        if suspect.deploy_id in guilty and suspect.deploy_id != finding.deploy_id
    ]
    if not suspects:
        return finding.deploy_id
    best = max(suspects, key=lambda suspect: suspect.odds)
    own_odds = max(
        (suspect.odds for suspect in finding.suspects if suspect.deploy_id == finding.deploy_id),
        default=0.0,
    )
    return best.deploy_id if best.odds > own_odds or finding.explained else finding.deploy_id


def _pages_nobody(finding: Finding, guilty: set[str]) -> bool:
    return finding.explained is not None and _blamed(finding, guilty) == finding.deploy_id
