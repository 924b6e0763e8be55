"""What the API is made of: opened parts, handed in by whoever assembles the process."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine

from monitor.clock import Clock, system_clock
from monitor.edges.aliases import Aliases
from monitor.edges.closing import ClosingSettings
from monitor.model.judging import Outcome
from monitor.model.policy import Criticality, Override, RuleResult
from monitor.model.reasons import Reason
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.telemetry import HealthBoard


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """How the API behaves. `host` is what the server is bound to: reads are open only when it is a
    loopback address, and not even then when `open_reading` is false.

    `local_token` is the secret of this start, written to the store's lock file: from loopback it
    may do everything. `allowed_hosts` are further names under which the API may be called (Host
    header). `public_url` is the address under which people reach the page: when it is https,
    cookies and browsers keep to it. `trace_link` is a URL with `{trace_id}` in it that opens a
    trace in your tracing store; empty: trace ids are shown as text. `aliases` join the names of
    deploy tools to those of telemetry. `longest_wait_seconds` bounds how long a gate waits: 0
    where nothing runs that could change its answer. `longest_override_hours` is what the settings'
    policy lets an override last; `criticality` is what it says of services. `closes_after_seconds`
    is how long after its end a window is closed first.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    allowed_hosts: tuple[str, ...] = ()
    public_url: str = ""
    local_token: str = field(default="", repr=False)
    open_reading: bool = True
    open_metrics: bool = False
    requests_per_second: float = 50.0
    burst: int = 300
    stale_seconds: float = 90.0
    closes_after_seconds: float = ClosingSettings().provisional_after
    longest_wait_seconds: float = 3600.0
    trace_link: str = ""
    traces_to: str = ""
    aliases: Aliases = field(default_factory=Aliases)
    longest_override_hours: float = 24.0
    criticality: Criticality = field(default_factory=Criticality)


class GateAnswer(Protocol):
    """What the gate says; read by attribute, so that `monitor.joining.gate` need not be known
    here.
    """

    @property
    def outcome(self) -> Outcome: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def reasons(self) -> Sequence[Reason]: ...
    @property
    def settles(self) -> Sequence[Reason]: ...
    @property
    def findings(self) -> Sequence[str]: ...
    @property
    def verdict_id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def knows_service(self) -> bool: ...
    @property
    def verdict(self) -> Outcome: ...
    @property
    def rules(self) -> Sequence[RuleResult]: ...
    @property
    def criticality(self) -> Reason | None: ...
    @property
    def override(self) -> Override | None: ...
    @property
    def flips(self) -> int: ...


Gate = Callable[[str, str, str | None, bool, str], GateAnswer]
"""(service, version, environment, last_look, text of a policy or "") -> the answer as it is now;
called in a thread. Waiting is the API's.
"""

ReceiverTest = Callable[[], str]
"""Sends a test alert; returns what the receiver said; raises NotifyError."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Opened parts; the API closes none of them. `stop` is set at shutdown, so that event streams
    end. `shards`: the stores among which `store` is spread.
    """

    reader: Reader
    store: Store
    engine: Engine
    board: HealthBoard
    clock: Clock = system_clock
    config: ApiConfig = field(default_factory=ApiConfig)
    gate: Gate | None = None
    receivers: Mapping[str, ReceiverTest] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    shards: Sequence[Store] = ()
