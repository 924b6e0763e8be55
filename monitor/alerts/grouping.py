"""Which findings are one alert: those of one deploy and root edge, and what that root propagated."""

import hashlib
from collections.abc import Mapping, Sequence

from monitor.model.alerts import Alert
from monitor.model.edges import Edge
from monitor.model.judging import Finding

Service = tuple[str, str]


def group(findings: Sequence[Finding], alerts: Mapping[str, Alert]) -> dict[str, tuple[Finding, ...]]:
    """Open findings by alert key, roots first in each.

    A finding that is part of an alert which is not resolved stays with it: a root that ends first does not make what
    it propagated an alert of its own. Else a root goes by its edge, and what was propagated goes to the root it leads
    to, to the deploy's first root, or, without any, by its own edge.
    """
    home = {
        finding_id: key for key, alert in sorted(alerts.items()) if alert.state != "resolved" for finding_id in alert.finding_ids
    }
    ordered = sorted(findings, key=lambda one: (one.role != "root", one.first_seen, one.edge, one.id))
    roots = [one for one in ordered if one.role == "root"]
    fired = {key for key, alert in alerts.items() if alert.state == "firing"}
    grouped: dict[str, list[Finding]] = {}
    for finding in ordered:
        key = home.get(finding.id)
        if key is None or (key not in fired and finding.role != "root"):
            key = alert_key(finding.deploy_id, _root_edge(finding, roots))
        grouped.setdefault(key, []).append(finding)
    return {key: tuple(members) for key, members in sorted(grouped.items())}


def alert_key(deploy_id: str, edge: Edge) -> str:
    """The dedup key: the same for the same environment, deploy and root edge, for ever; 42 ASCII characters."""
    parts = (
        edge.environment,
        deploy_id,
        edge.caller_namespace,
        edge.caller,
        edge.callee_namespace,
        edge.callee,
        edge.protocol,
        edge.operation,
    )
    return "seamwatch-" + hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _root_edge(finding: Finding, roots: Sequence[Finding]) -> Edge:
    if finding.role == "root":
        return finding.edge
    here = [one for one in roots if one.deploy_id == finding.deploy_id and one.edge.environment == finding.edge.environment]
    if not here:
        return finding.edge
    below = _downstream(finding.edge, [one.edge for one in here])
    return below if below is not None else here[0].edge


def _downstream(edge: Edge, roots: Sequence[Edge]) -> Edge | None:
    """The root edge that the callee of this edge calls, or that shares its callee."""
    callee: Service = (edge.callee_namespace, edge.callee)
    for root in roots:
        if (root.caller_namespace, root.caller) == callee:
            return root
    for root in roots:
        if (root.callee_namespace, root.callee) == callee:
            return root
    return None
