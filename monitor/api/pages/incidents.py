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
        return len({one.edge for one in self.seams})


def incidents(findings: Sequence[Finding]) -> list[Incident]:
    """One for each deploy, that with a root, then the latest, first; within it contract and failures before latency."""
    by_deploy: dict[str, list[Finding]] = {}
    for one in findings:
        by_deploy.setdefault(one.deploy_id, []).append(one)
    found = [Incident(key, sorted(seams, key=_rank)) for key, seams in by_deploy.items()]
    return sorted(found, key=lambda one: (one.seams[0].role != "root", -one.seams[0].last_seen.timestamp(), one.deploy_id))


def _rank(one: Finding) -> tuple[bool, bool, float, str]:
    return one.role != "root", one.signal == "latency", -one.evidence.e_value, one.id
