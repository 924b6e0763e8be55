"""What an alert says of its findings: severity, one line, labels, and the figures behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.model.alerts import Severity
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding
from monitor.model.printable import printable
from monitor.wording.findings import summary

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
LINES = 10  # findings spelled out in an alert; the page shows them all
LABEL_LENGTH = 200
LABELS = frozenset(
    (
        "alertname environment service namespace version caller callee protocol operation "
        "deploy_id signal role severity contract rule owner"
    ).split()
)
"""What alerts of findings and of broken clauses are labelled with: a silence of another label
would quiet nothing.
"""


@dataclass(frozen=True, slots=True)
class Words:
    """The parts of an alert that its findings decide."""

    severity: Severity
    summary: str
    environment: str
    service: str
    deploy_id: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    details: Mapping[str, str]
    link: str


def severity(finding: Finding) -> Severity:
    """Calls that fail or fall silent are critical, broken clauses and values that mean something
    else an error, slowness, other calls than before and weaker evidence a warning.
    """
    if finding.strength == "weaker" or finding.signal in ("latency", "fanout"):
        return "warning"
    return "error" if finding.signal in ("violations", "meaning") else "critical"


def word(findings: Sequence[Finding], deploys: Mapping[str, Deploy], link_base: str) -> Words:
    """The words for these findings (at least one), the first of which is the root. Names are
    foreign: escape them per channel.
    """
    root = findings[0]
    edge = root.edge
    labels = labels_of(root, deploys)
    service, version = labels["service"], labels["version"]
    worst = max((severity(finding) for finding in findings), key=SEVERITIES.index)
    folded = sum(finding.role == "propagated" for finding in findings)
    roots = root_edges(findings)
    since = f" since {service} {version}" if version else ""
    also = f" (+{len(findings) - 1} more)" if len(findings) > 1 else ""
    annotations = {
        "summary": summary(root),
        "description": "\n".join(f"- {summary(finding)}" for finding in findings[:LINES])
        + (f"\n… and {len(findings) - LINES} more" if len(findings) > LINES else ""),
        "suspects": "; ".join(
            f"{suspect.service} {suspect.version}".strip() + f" ({suspect.odds:.0%})"
            for suspect in root.suspects[:3]
        ),
    }
    evidence = root.evidence
    counted, what = ("so of", "values") if evidence.meaning else ("bad of", "calls")
    details = {
        "edge": f"{edge.caller} {root.caller_version} → {edge.callee} {root.callee_version} {edge.operation}",
        "against_version": root.against_version,
        "clause": root.clause,
        "strength": root.strength,
        "told_by": "the provider only: callers took these calls for answered"
        if root.signal == "provider_errors"
        else "",
        "new": f"{evidence.new_bad} {counted} {evidence.new_calls} {what}",
        "old": f"{evidence.old_bad} {counted} {evidence.old_calls} {what}",
        "effect": "" if evidence.effect is None else f"{evidence.effect:.3g}",
        "e_value": f"{evidence.e_value:.3g}",
        "propagated": str(folded),
        "exemplars": " ".join(evidence.exemplars[:3]),
        "root_edges": "; ".join(roots[:LINES])
        + (f"; … and {len(roots) - LINES} more" if len(roots) > LINES else "")
        if len(roots) > 1
        else "",
    }
    return Words(
        severity=worst,
        summary=cleaned(
            f"{edge.caller} → {edge.callee} {edge.operation}: {root.signal.replace('_', ' ')}{since}{also}"
        ),
        environment=cleaned(edge.environment),
        service=cleaned(service),
        deploy_id=cleaned(root.deploy_id),
        labels={
            name: cleaned(value)[:LABEL_LENGTH]
            for name, value in {**labels, "severity": worst}.items()
            if value
        },
        annotations={name: cleaned(value) for name, value in annotations.items() if value},
        details={name: cleaned(value) for name, value in details.items() if value},
        link=f"{link_base.rstrip('/')}/findings/{root.id}" if link_base else "",
    )


def labels_of(finding: Finding, deploys: Mapping[str, Deploy]) -> dict[str, str]:
    """What receivers and silences know a finding by."""
    edge, deploy = finding.edge, deploys.get(finding.deploy_id)
    return {
        "alertname": "SeamwatchRegression",
        "environment": edge.environment,
        "service": deploy.service if deploy else edge.callee,
        "namespace": (deploy.namespace if deploy else edge.callee_namespace) or "",
        "version": deploy.version if deploy else finding.callee_version,
        "caller": edge.caller,
        "callee": edge.callee,
        "protocol": edge.protocol,
        "operation": edge.operation,
        "deploy_id": finding.deploy_id,
        "signal": finding.signal,
        "role": finding.role,
        "severity": severity(finding),
    }


def root_edges(findings: Sequence[Finding]) -> list[str]:
    """The distinct edges of the root findings, in the findings' order."""
    edges = dict.fromkeys(finding.edge for finding in findings if finding.role == "root")
    return [f"{edge.caller} → {edge.callee} {edge.operation}" for edge in edges]


def cleaned(text: str) -> str:
    """Foreign text in which control characters, direction marks and lone surrogates became U+FFFD;
    line breaks stay.
    """
    return printable(text, "\ufffd", keep="\n")
