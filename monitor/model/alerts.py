"""Alerts as they leave: one per bad deploy, its root edges listed, with a stable key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AlertState = Literal["pending", "firing", "resolved"]
Severity = Literal["critical", "error", "warning", "info"]
Told = Literal["", "firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Alert:
    """What a receiver gets. `key` is stable over its life (the dedup key); `revision` grows with
    each state change.
    """

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


@dataclass(frozen=True, slots=True)
class Tracked:
    """An alert with what its life depends on.

    `since`: when it began to be pending or fire. `last_bad`: when a finding of it was last open.
    `told`: what receivers were last told ("" nothing), `told_roots` and `told_severity` with how
    many root edges and how severe. `silenced`: it matches a silence now; receivers hear nothing
    but the end of what they were told.
    """

    alert: Alert
    since: datetime
    last_bad: datetime
    told: Told = ""
    silenced: bool = False
    told_roots: int = 0
    told_severity: Severity = "info"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to tell one receiver. `result`: delivered, busy (tried again later), refused, dead,
    suppressed by the rate cap.
    """

    receiver: str
    alert_key: str
    revision: int
    state: str
    at: datetime
    result: str
    detail: str = ""
