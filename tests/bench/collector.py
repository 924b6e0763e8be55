"""The OpenTelemetry Collector's service graph beside us: what it counts of a topic, and what that
costs.

It wants a Collector on the PATH as `otelcol`, built with kafkareceiver, servicegraphconnector and
prometheusexporter (`ocb`, from Go modules). It stores nothing: it reads, pairs and counts in
memory.
"""

import os
import re
import shutil
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx

from monitor.model.edges import EdgeQuery
from monitor.store import open_store
from monitor.store.reader import Reader
from tests.fixtures.broker import free_ports

SETTINGS = """
receivers:
  kafka:
    brokers: ["{brokers}"]
    group_id: collector
    initial_offset: earliest
    traces: {{topics: ["{topic}"], encoding: otlp_proto}}
connectors:
  service_graph:
    store: {{ttl: 60s, max_items: 1000000}}
    metrics_flush_interval: 1s
exporters:
  prometheus: {{endpoint: "127.0.0.1:{port}"}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [kafka], exporters: [service_graph]}}
    metrics: {{receivers: [service_graph], exporters: [prometheus]}}
"""
FIELDS = {
    "total": "calls",
    "failed_total": "failed",
    "client_seconds_sum": "client",
    "server_seconds_sum": "server",
}
SERIES = re.compile(
    rf"^traces_service_graph_request_({'|'.join(FIELDS)})\{{(.*?)\}} (\S+)$", re.MULTILINE
)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Edge = tuple[str, str]


@dataclass
class Counted:
    """One client → server edge: calls, failed ones, seconds as the client and as the server
    measured them.
    """

    calls: float = 0
    failed: float = 0
    client: float = 0.0
    server: float = 0.0


def found() -> str | None:
    """Where the Collector is."""
    return shutil.which("otelcol")


def by_collector(brokers: str, topic: str, folder: Path) -> tuple[dict[Edge, Counted], float]:
    """What the Collector counts of the whole topic, and its CPU seconds. It is done when its
    counts stand still for 5 s.
    """
    (port,) = free_ports(1)
    (folder / "collector.yaml").write_text(
        SETTINGS.format(brokers=brokers, topic=topic, port=port)
    )
    with (folder / "collector.log").open("w") as told:
        program = subprocess.Popen(
            [found() or "otelcol", "--config", str(folder / "collector.yaml")], stderr=told
        )
        try:
            text, still_since, seconds = "", time.monotonic(), 0.0
            while time.monotonic() - still_since < 5 or not text:
                time.sleep(0.5)
                if program.poll() is not None or time.monotonic() - still_since > 120:
                    raise RuntimeError((folder / "collector.log").read_text()[-2000:])
                now = _scraped(port)
                if now != text:
                    text, still_since, seconds = now, time.monotonic(), _cpu_seconds(program.pid)
            return _edges(text), seconds
        finally:
            program.terminate()
            program.wait(30)


def by_seamwatch(telemetry: Path) -> dict[Edge, Counted]:
    """The same of what we published: calls of which both sides spoke, over HTTP or gRPC."""
    edges: dict[Edge, Counted] = defaultdict(Counted)
    store = open_store(f"chdb://{telemetry}")
    for row in Reader(store).edges(EdgeQuery()):
        if (
            row.protocol not in ("http", "grpc")
            or row.client_seconds_sum is None
            or row.server_seconds_sum is None
        ):
            continue
        counted = edges[str(row.caller), str(row.callee)]
        counted.calls += row.calls
        counted.failed += row.failed
        counted.client += row.client_seconds_sum
        counted.server += row.server_seconds_sum
    store.close()
    return dict(edges)


def compared(ours: dict[Edge, Counted], theirs: dict[Edge, Counted]) -> str:
    """Whether both counted the same, and where not."""
    wrong = [
        edge for edge in sorted({*ours, *theirs}) if not _equal(ours.get(edge), theirs.get(edge))
    ]
    calls = sum(counted.calls for counted in ours.values())
    if wrong:
        shown = "; ".join(
            f"{edge}: ours {ours.get(edge)}, theirs {theirs.get(edge)}" for edge in wrong[:3]
        )
        return f"NOT equal to the Collector's service graph on {len(wrong)} of {len(ours)} edges: {shown}"
    return f"equal to the Collector's service graph: {len(ours)} client → server edges, {calls:.0f} calls, failures, both sums"


def _equal(ours: Counted | None, theirs: Counted | None) -> bool:
    if ours is None or theirs is None:
        return False
    sums = ((ours.client, theirs.client), (ours.server, theirs.server))
    return (ours.calls, ours.failed) == (theirs.calls, theirs.failed) and all(
        abs(mine - its) <= 1e-6 * max(1.0, its) for mine, its in sums
    )


def _scraped(port: int) -> str:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False)
    except httpx.TransportError:
        return ""
    return "\n".join(
        line
        for line in answer.text.splitlines()
        if line.startswith("traces_service_graph_request")
    )


def _edges(text: str) -> dict[Edge, Counted]:
    edges: dict[Edge, Counted] = defaultdict(Counted)
    for series, labels, value in SERIES.findall(text):
        tags = dict(LABEL.findall(labels))
        if tags.get("connection_type"):
            continue  # messages, databases and what only one side spoke of
        counted, name = edges[tags["client"], tags["server"]], FIELDS[series]
        setattr(counted, name, getattr(counted, name) + float(value))
    return dict(edges)


def _cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
