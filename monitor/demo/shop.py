"""The shop as a whole: opened on a Kafka address, played through its scenario, then kept running
until told to stop.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.clock import Clock, system_clock
from monitor.demo.deploy_events import Change, cdevent
from monitor.demo.fleet import Fleet, ShopError, Wiring
from monitor.demo.kafka_client import KafkaSink, Options, ensure_topics
from monitor.demo.scenario import Scenario, Step, steps
from monitor.demo.topology import ORDERS_TOPIC
from monitor.streams.confluent import NAMES

Announce = Callable[[str], None]

WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics the shop writes its telemetry to."""

    spans: str = "otlp_spans"
    logs: str = "api_logs"
    deploys: str = "deploys"


@dataclass(slots=True)
class ShopReport:
    """What a run of the shop came to: answers by entry and status, CPU seconds by process, seconds
    open, and records of telemetry that Kafka did not take.
    """

    answers: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    open_seconds: float = 0.0
    lost: int = 0

    @property
    def cores(self) -> float:
        """Cores used on average while it was open."""
        return sum(self.cpu_seconds.values()) / self.open_seconds if self.open_seconds else 0.0


def run_shop(
    bootstrap: str,
    *,
    kafka_options: Mapping[str, Any] | None = None,
    base_port: int = 0,
    scenario: Scenario | None = None,
    stop: threading.Event,
    announce: Announce = print,
    opened: Callable[[Fleet], None] | None = None,
    topics: Topics | None = None,
    rate: float = 21.0,
    clock: Clock = system_clock,
) -> ShopReport:
    """Run the shop until `stop` is set; returns when every process it started is gone.

    `announce` is told in plain lines what happens. `opened` is called once all services answer.
    `base_port` 0 takes any free ports. `kafka_options` are kafka-python's, or with dots
    librdkafka's own. Raises SourceUnavailable when Kafka does not answer, ShopError when a service
    does not come up or dies.
    """
    topics = topics or Topics()
    options = _in_librdkafkas_words(kafka_options or {})
    ensure_topics(bootstrap, (topics.spans, topics.logs, topics.deploys, ORDERS_TOPIC), options)
    fleet = Fleet(Wiring(bootstrap, options, base_port, topics.spans, topics.logs, rate))
    events = KafkaSink(bootstrap, options)
    report = ShopReport()

    def tell(change: Change) -> None:
        events.send(topics.deploys, cdevent(change, clock()))

    try:
        fleet.open(stop)
        if stop.is_set():
            return report
        announce(
            f"the shop is open: {len(fleet.pids())} processes, {rate:g} requests/s at every entry"
        )
        if opened is not None:
            opened(fleet)
        started = time.monotonic()
        spent_before = fleet.cpu_seconds()
        _play(
            list(steps(scenario or Scenario())),
            fleet,
            stop,
            lambda step: _take(step, fleet, tell, announce, stop),
        )
        report.open_seconds = time.monotonic() - started
        report.cpu_seconds = {
            name: spent - spent_before.get(name, 0.0)
            for name, spent in fleet.cpu_seconds().items()
        }
    finally:
        fleet.close()
        events.close()
        report.answers = dict(fleet.counts)
        report.lost = fleet.lost.total() + events.losses.refused + events.losses.failed
    return report


def _in_librdkafkas_words(options: Mapping[str, Any]) -> Options:
    """What of kafka-python's options is about connecting; the rest is about reading."""
    return {
        NAMES.get(name, name): str(value)
        for name, value in options.items()
        if name in NAMES or "." in name
    }


def _play(
    planned: list[Step], fleet: Fleet, stop: threading.Event, take: Callable[[Step], None]
) -> None:
    """Take each step when its time has come, until told to stop. The story's time stands still
    while a step is taken.
    """
    began = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        if planned and now - began >= planned[0].at:
            take(planned.pop(0))
            began += time.monotonic() - now
            continue
        if dead := fleet.dead():
            raise ShopError(
                f"{', '.join(dead)} ended unexpectedly; its last words are on standard error"
            )
        stop.wait(min(WATCH_SECONDS, began + planned[0].at - now) if planned else WATCH_SECONDS)


def _take(
    step: Step,
    fleet: Fleet,
    tell: Callable[[Change], None],
    announce: Announce,
    stop: threading.Event,
) -> None:
    """Do one step of the scenario."""
    change = step.change
    if step.action == "start":
        fleet.start(change.service, change.version)
        return
    if step.action == "retire":
        fleet.retire(change.service, change.version)
        announce(f"{change.service} {change.version} is gone")
        return
    if step.action == "shift":
        fleet.wait_ready(stop)
        old_share = round(1.0 - change.share, 6)
        fleet.shift(
            change.service, {change.version: change.share, change.previous_version: old_share}
        )
        announce(f"{change.service} {change.version} takes {change.share:.0%} of its calls")
    else:
        announce(f"{change.service} {change.version}: {change.kind} change")
    tell(change)
