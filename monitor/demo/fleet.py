"""The shop's processes: started with a socket each, told where the others are, stopped by closing
their input.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from monitor.demo.settings import InstanceSettings, Routes, routes_line
from monitor.demo.topology import SERVICES, service
from monitor.errors import MonitorError

READY_SECONDS = 300.0
STOP_SECONDS = 8.0
BEGINNERS = ("load", "fulfilment")
"""Who begins calls of their own accord: customers, and whoever works from the queue."""


class ShopError(MonitorError):
    """A process of the shop did not come up or died."""


@dataclass(slots=True, eq=False)
class Live:
    """One running process. `port` is 0 for the load generator."""

    service: str
    version: str
    port: int
    process: "subprocess.Popen[bytes]"
    ready: threading.Event = field(default_factory=threading.Event)
    hearing: threading.Thread | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where telemetry goes and where ports begin (0: any free ones)."""

    bootstrap: str
    kafka_options: Mapping[str, str]
    base_port: int = 0
    spans_topic: str = "otlp_spans"
    logs_topic: str = "api_logs"
    rate: float = 21.0


class Fleet:
    """All processes of a shop. One thread starts, shifts and stops; another may read `counts`
    (answers by entry) and `lost` (records by service).
    """

    def __init__(self, wiring: Wiring) -> None:
        self.counts: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._wiring = wiring
        self._live: list[Live] = []
        self._shares: dict[str, dict[str, float]] = {
            each.name: dict(each.versions) for each in SERVICES
        }
        self._started = 0

    def open(self, stop: threading.Event) -> None:
        """Start every service and wait until all answer; then the customers come. Leaves early
        when `stop` is set. Raises ShopError.
        """
        for each in SERVICES:
            for version, _ in each.versions:
                self.start(each.name, version)
        self.wait_ready(stop)
        if stop.is_set():
            return
        self._tell_routes()
        self._spawn("load", "load", "1", None)
        self.wait_ready(stop)

    def start(self, name: str, version: str) -> None:
        """Start one instance; it takes no calls until its version has a share."""
        self._started += 1
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(
                (
                    "127.0.0.1",
                    self._wiring.base_port + self._started if self._wiring.base_port else 0,
                )
            )
            listener.listen(128)
            self._spawn("instance", name, version, listener)

    def shift(self, name: str, shares: Mapping[str, float]) -> None:
        """From now on, calls of that service are spread over its versions like this."""
        self._shares[name] = dict(shares)
        self._tell_routes()

    def shares(self, name: str) -> Mapping[str, float]:
        """The share of each version that takes calls."""
        return self._shares[name]

    def retire(self, name: str, version: str) -> None:
        """Stop the instances of a version that has no share any more."""
        leaving = [live for live in self._live if live.service == name and live.version == version]
        self._live = [live for live in self._live if live not in leaving]
        _stop(leaving)

    def wait_ready(
        self, stop: threading.Event | None = None, seconds: float = READY_SECONDS
    ) -> None:
        """Wait until every started process answers, or `stop` is set."""
        deadline = time.monotonic() + seconds
        for live in self._live:
            while not live.ready.wait(0.2):
                if stop is not None and stop.is_set():
                    return
                if live.process.poll() is not None:
                    raise ShopError(
                        f"{live.service} {live.version} ended with {live.process.returncode} before it was ready"
                    )
                if time.monotonic() > deadline:
                    raise ShopError(
                        f"{live.service} {live.version} was not ready within {seconds:.0f} s; is the machine very busy?"
                    )

    def dead(self) -> list[str]:
        """Names of processes that ended although nobody asked them to."""
        return [
            f"{live.service} {live.version}"
            for live in self._live
            if live.process.poll() is not None
        ]

    def pids(self) -> dict[int, str]:
        """Process ids and what they are."""
        return {live.process.pid: f"{live.service} {live.version}" for live in self._live}

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far, by process (Linux only: /proc)."""
        tick = os.sysconf("SC_CLK_TCK")
        spent: dict[str, float] = {}
        for pid, name in self.pids().items():
            with contextlib.suppress(OSError):
                values = (
                    Path(f"/proc/{pid}/stat")
                    .read_text(encoding="ascii")
                    .rpartition(")")[2]
                    .split()
                )
                spent[name] = (int(values[11]) + int(values[12])) / tick
        return spent

    def close(self) -> None:
        """Stop everything, those who begin work first, so that nothing fails on the way. Returns
        when every process is gone.
        """
        leaving, self._live = self._live, []
        for first in BEGINNERS:
            _stop([live for live in leaving if live.service == first])
        _stop([live for live in leaving if live.service not in BEGINNERS])

    def _spawn(self, role: str, name: str, version: str, listener: socket.socket | None) -> None:
        of_service = service(name) if role == "instance" else None
        settings = InstanceSettings(
            service=name,
            version=version,
            instance=f"{name}-{version}-{self._started}",
            listener=listener.fileno() if listener else -1,
            bootstrap=self._wiring.bootstrap,
            routes=self._routes(),
            conventions=of_service.conventions if of_service else "",
            traced=of_service is not None and of_service.traced,
            spans_topic=self._wiring.spans_topic,
            logs_topic=self._wiring.logs_topic,
            kafka_options=self._wiring.kafka_options,
            rate=self._wiring.rate,
            seed=self._started,
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor.demo.child", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()] if listener else [],
            # theirs, not ours
            env={
                name: value for name, value in os.environ.items() if not name.startswith("OTEL_")
            },
        )
        live = Live(name, version, listener.getsockname()[1] if listener else 0, process)
        self._live.append(live)
        _tell(live, settings.to_line())
        live.hearing = threading.Thread(
            target=self._hear, args=(live,), name=f"hear {name}", daemon=True
        )
        live.hearing.start()

    def _hear(self, live: Live) -> None:
        if live.process.stdout is None:
            return
        with live.process.stdout:
            for line in live.process.stdout:
                if line == b"ready\n":
                    live.ready.set()
                elif line.startswith(b"counts "):
                    self.counts = Counter(orjson.loads(line[len(b"counts ") :]))
                elif line.startswith(b"lost "):
                    self.lost[live.service] += int(line[len(b"lost ") :])

    def _routes(self) -> Routes:
        routes: dict[str, tuple[tuple[int, float], ...]] = {}
        for each in SERVICES:
            shares = self._shares[each.name]
            running = [live for live in self._live if live.service == each.name]
            routes[each.address] = tuple(
                (live.port, shares[live.version])
                for live in running
                if shares.get(live.version, 0.0) > 0
            )
        return routes

    def _tell_routes(self) -> None:
        line = routes_line(self._routes())
        for live in self._live:
            _tell(live, line)


def _tell(live: Live, line: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # it died: `dead` and `wait_ready` say so
        if live.process.stdin is not None:
            live.process.stdin.write(line)
            live.process.stdin.flush()


def _stop(leaving: Iterable[Live]) -> None:
    leaving = list(leaving)
    for live in leaving:
        if live.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                live.process.stdin.close()
    deadline = time.monotonic() + STOP_SECONDS
    for live in leaving:
        try:
            live.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            live.process.kill()
            live.process.wait()
        if live.hearing is not None:
            live.hearing.join(1.0)
