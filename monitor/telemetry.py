"""What Seamwatch says of itself: metrics by name, and a board on which each component reports its
health.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECORDS = Counter(
    "seamwatch_records", "Records read, by pipeline.", ["pipeline"], registry=REGISTRY
)
SPANS = Counter("seamwatch_spans", "Spans decoded.", registry=REGISTRY)
HALVES = Counter("seamwatch_halves", "Half-edge rows written.", registry=REGISTRY)
EXCHANGES = Counter(
    "seamwatch_exchanges", "Exchanges read, by check outcome.", ["outcome"], registry=REGISTRY
)
OBSERVATIONS = Counter(
    "seamwatch_contract_observations",
    "Seen of exchanges and held against nobody, by what it is (missing_credentials, deprecated_operation, sunset_passed, undocumented_parameter, plaintext).",
    ["observation"],
    registry=REGISTRY,
)
REJECTS = Counter(
    "seamwatch_rejects",
    "Records or parts refused, by pipeline and reason.",
    ["pipeline", "reason"],
    registry=REGISTRY,
)
LOST = Counter(
    "seamwatch_lost_offsets",
    "Offsets skipped by retention or stepped over, by pipeline.",
    ["pipeline"],
    registry=REGISTRY,
)
LATE = Counter(
    "seamwatch_late_rows", "Rows that came after their window was sealed.", registry=REGISTRY
)
INSERT_SECONDS = Histogram(
    "seamwatch_insert_seconds", "Time of one insert into ClickHouse.", ["table"], registry=REGISTRY
)
RETRIES = Counter(
    "seamwatch_retries", "Calls tried again, by what was called.", ["target"], registry=REGISTRY
)
LAG = Gauge(
    "seamwatch_lag_records",
    "Records between our position and the end, by topic and partition.",
    ["topic", "partition"],
    registry=REGISTRY,
)
ASSIGNED = Gauge(
    "seamwatch_assigned_partitions",
    "Partitions assigned to this process, by pipeline.",
    ["pipeline"],
    registry=REGISTRY,
)
READY = Gauge(
    "seamwatch_component_ready",
    "1 while a component works, 0 while it is unready or silent.",
    ["component"],
    registry=REGISTRY,
)
LAST_POLL = Gauge(
    "seamwatch_last_poll_timestamp_seconds",
    "When the pipeline last polled.",
    ["pipeline"],
    registry=REGISTRY,
)
WATERMARK = Gauge(
    "seamwatch_watermark_timestamp_seconds",
    "Event time the pipeline has reached.",
    ["pipeline"],
    registry=REGISTRY,
)
LAST_CLOSED = Gauge(
    "seamwatch_last_closed_window_timestamp_seconds", "Newest window published.", registry=REGISTRY
)
LAST_SEALED = Gauge(
    "seamwatch_last_sealed_window_timestamp_seconds", "Newest window sealed.", registry=REGISTRY
)
WINDOWS_CLOSED = Counter(
    "seamwatch_windows_closed", "Windows closed and published.", registry=REGISTRY
)
JUDGEMENTS = Counter(
    "seamwatch_verdicts", "Verdicts reached, by outcome.", ["outcome"], registry=REGISTRY
)
GATE_FLIPS = Counter(
    "seamwatch_gate_flips",
    "Changes of the gate's mind on code that stayed the same, by what it says now (pass, fail).",
    ["outcome"],
    registry=REGISTRY,
)
FINDINGS = Gauge("seamwatch_open_findings", "Findings open now.", registry=REGISTRY)
NOTIFICATIONS = Counter(
    "seamwatch_notifications",
    "Deliveries tried, by receiver and result.",
    ["receiver", "result"],
    registry=REGISTRY,
)
API_SECONDS = Histogram(
    "seamwatch_api_seconds", "Time of one API request.", ["route", "status"], registry=REGISTRY
)


@dataclass(frozen=True, slots=True)
class Report:
    """A component's last word: is it well, why not, and figures to show."""

    component: str
    ready: bool
    reason: str
    at: datetime
    details: Mapping[str, str | int | float | None] = field(default_factory=dict)


class HealthBoard:
    """Where components report; the API reads it. Safe between threads. Silence is not health: `at`
    shows its age.
    """

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}
        self._lock = threading.Lock()

    def report(self, report: Report) -> None:
        """Replace the component's last report."""
        with self._lock:
            self._reports[report.component] = report

    def reports(self) -> list[Report]:
        """All last reports, by component name."""
        with self._lock:
            return [self._reports[name] for name in sorted(self._reports)]
