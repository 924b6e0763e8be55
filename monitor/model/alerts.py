"""Alerts as they leave: one per deploy and root edge, with a stable key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AlertState = Literal["pending", "firing", "resolved"]
Severity = Literal["critical", "error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Alert:
    """What a receiver gets. `key` is stable over its life (the dedup key); `revision` grows with each state change."""

    key: str
    state: AlertState
    severity: Severity
    summary: str
    environment: str
    service: str
    deploy_id: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    started: datetime
    ended: datetime | None = None
    link: str = ""
    finding_ids: tuple[str, ...] = ()
    revision: int = 0
    details: Mapping[str, str] = field(default_factory=dict)
