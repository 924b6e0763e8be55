"""Open findings by the deploy they are blamed on: what a person must know first."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model.judging import Finding


@dataclass(frozen=True, slots=True)
class Incident:
    """What one deploy broke; `seams` are its findings, roots first."""

    deploy_id: str
    seams: Sequence[Finding]

    @property
    def operations(self) -> int:
        """How many operations between two services are worse."""
        return len({seam.edge for seam in self.seams})


def incidents(findings: Sequence[Finding]) -> list[Incident]:
    """One for each deploy, that with a root, then the latest, first; within it contract and
    failures before latency.
    """
    by_deploy: dict[str, list[Finding]] = {}
    for finding in findings:
        by_deploy.setdefault(finding.deploy_id, []).append(finding)
    grouped = [Incident(key, sorted(seams, key=_rank)) for key, seams in by_deploy.items()]
    return sorted(
        grouped,
        key=lambda incident: (
            incident.seams[0].role != "root",
            -incident.seams[0].last_seen.timestamp(),
            incident.deploy_id,
        ),
    )


def _rank(finding: Finding) -> tuple[bool, bool, float, str]:
    return (
        finding.role != "root",
        finding.signal == "latency",
        -finding.evidence.e_value,
        finding.id,
    )
