"""Made-up traffic for judging: cells of edges with two versions side by side, drawn
with a seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.model.deploys import Deploy
from monitor.model.edges import Edge, EdgeCell, Sighting

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
Share = Callable[[int], float]


def ramp(window: int) -> float:
    """10, 30, 70, 100 %, three windows each."""
    return (0.1, 0.3, 0.7, 1.0)[min(max(window, 0) // 3, 3)]


def steady(share: float) -> Share:
    """The same share in every window."""
    return lambda _: share


@dataclass(frozen=True)
class Behaviour:
    """How one version behaves on one edge: chances per call, latency in seconds (median, log-sd).

    `told`: of the calls that the caller takes for answered, the provider alone says that they
    failed.
    """

    server_error: float = 0.0
    client_error: float = 0.0
    timeout: float = 0.0
    told: float = 0.0
    violated: float = 0.0
    latency: float = 0.02
    spread: float = 0.3
    checked: bool = True


@dataclass(frozen=True)
class Traffic:
    """One edge's traffic. `callers` gives each caller version its share; `pairs` overrides
    behaviour for a caller version.
    """

    edge: Edge
    calls_per_window: float = 200.0
    old: Behaviour = field(default_factory=Behaviour)
    new: Behaviour = field(default_factory=Behaviour)
    pairs: dict[str, Behaviour] = field(default_factory=dict)
    callers: dict[str, float] = field(default_factory=lambda: {"1.0.0": 1.0})
    outage: Callable[[int], float] = lambda _: 0.0
    load: Callable[[int], float] = lambda _: 1.0


def edge(caller: str = "web", callee: str = "payment", operation: str = "POST /pay") -> Edge:
    return Edge("production", caller, callee, "http", operation)


def histogram(seconds: np.ndarray) -> dict[int, int]:
    """Seconds to buckets of scale 3."""
    buckets, counts = np.unique(
        np.ceil(8 * np.log2(np.maximum(seconds, 1e-6))).astype(int) - 1, return_counts=True
    )
    return dict(zip(buckets.tolist(), counts.tolist(), strict=True))


def cell(
    window: int,
    where: Edge,
    caller: str,
    callee: str,
    calls: int,
    how: Behaviour,
    rng: np.random.Generator,
    extra: float = 0.0,
) -> EdgeCell:
    """One cell of drawn calls; `extra` adds to the chance of a server error (a shared outage)."""
    chances = [min(how.server_error + extra, 1.0), how.client_error, how.timeout]
    chances = [chance / max(sum(chances), 1.0) for chance in chances]
    server_error, client_error, timeout, ok = rng.multinomial(
        calls, [*chances, max(0.0, 1.0 - sum(chances))]
    ).tolist()
    told = int(rng.binomial(ok, how.told)) if how.told else 0
    server_error, ok = server_error + told, ok - told
    violated = int(rng.binomial(calls, how.violated))
    seconds = how.latency * np.exp(how.spread * rng.standard_normal(calls))
    shape = histogram(seconds) if calls else {}
    return EdgeCell(
        window=START + timedelta(seconds=10 * window),
        edge=where,
        caller_version=caller,
        callee_version=callee,
        region="",
        calls=calls,
        weighted_calls=float(calls),
        failed=server_error + timeout,
        outcomes={
            "ok": ok,
            "client_error": client_error,
            "server_error": server_error,
            "timeout": timeout,
            "cancelled": 0,
        },
        error_types={},
        conformance={"valid": calls - violated, "violated": violated} if how.checked else {},
        coverage={"both": calls},
        sampling="none",
        client_calls=calls,
        server_calls=calls,
        client_seconds_sum=float(seconds.sum()),
        server_seconds_sum=float(seconds.sum()),
        client_histogram=shape,
        server_histogram=shape,
        self_histogram=shape,
        queue_histogram={},
        provider_only={"server_error": told} if told else {},
        exemplars=(f"{abs(hash((window, callee))) % 16**8:032x}",) if calls else (),
    )


def cells(
    traffic: Sequence[Traffic],
    windows: int,
    *,
    share: Share = ramp,
    before: int = 12,
    seed: int = 1,
    role: str = "callee",
    poisson: bool = True,
) -> list[EdgeCell]:
    """Cells of windows -before..windows-1; the deploy's first traffic is window 0. `role` callee:
    1.9.0 to 2.0.0 of the callee.
    """
    rng = np.random.default_rng(seed)
    out: list[EdgeCell] = []
    for item in traffic:
        for window in range(-before, windows):
            part = share(window) if window >= 0 else 0.0
            for other, weight in item.callers.items():
                mean = item.calls_per_window * weight * item.load(window)
                total = int(rng.poisson(mean)) if poisson else round(mean)
                new_calls = int(rng.binomial(total, part))
                for version, calls in (("1.9.0", total - new_calls), ("2.0.0", new_calls)):
                    if calls == 0:
                        continue
                    how = item.old if version == "1.9.0" else item.pairs.get(other, item.new)
                    caller, callee = (other, version) if role == "callee" else (version, other)
                    out.append(
                        cell(
                            window, item.edge, caller, callee, calls, how, rng, item.outage(window)
                        )
                    )
    return out


def chilled(
    rows: Sequence[EdgeCell], cold: Callable[[int], float], how: Behaviour, seed: int = 1
) -> list[EdgeCell]:
    """The rows with a part, `cold(window)`, of the new version's calls answered by instances that
    behave as `how`.
    """
    rng = np.random.default_rng(seed + 30_000)
    out: list[EdgeCell] = []
    for row in rows:
        window = round((row.window - START).total_seconds()) // 10
        calls = int(rng.binomial(row.calls, cold(window))) if row.callee_version == "2.0.0" else 0
        for part, behaviour in ((row.calls - calls, Behaviour()), (calls, how)):
            if not calls:
                out.append(row)
                break
            if part:
                out.append(
                    cell(
                        window,
                        row.edge,
                        row.caller_version,
                        row.callee_version,
                        part,
                        behaviour,
                        rng,
                    )
                )
    return out


def instances(
    begins: Sequence[int], windows: int, calls: int = 300, version: str = "2.0.0"
) -> list[Sighting]:
    """Instances of the version that begin in these windows and share its calls evenly."""
    out: list[Sighting] = []
    for window in range(windows):
        alive = [name for name, start in enumerate(begins) if start <= window]
        out += [
            sighting(window, version, f"{version}-{name}", calls // len(alive)) for name in alive
        ]
    return out


def deploy(service: str = "payment", version: str = "2.0.0", **changes: object) -> Deploy:
    values: dict[str, object] = {
        "id": f"d-{service}-{version}",
        "kind": "deploy",
        "environment": "production",
        "service": service,
        "version": version,
        "previous_version": "1.9.0",
        "state": "progressing",
        "started": START,
        "finished": None,
        "first_traffic": START,
        "sources": ("cdevents",),
    }
    return Deploy(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def now_after(windows: int) -> datetime:
    """The moment at which so many windows since the deploy are sealed."""
    return START + timedelta(seconds=10 * windows + 65)


def sighting(
    window: int, version: str, instance: str, server_calls: int, service: str = "payment"
) -> Sighting:
    return Sighting(
        START + timedelta(seconds=10 * window),
        "production",
        "",
        service,
        version,
        instance,
        server_calls + 2,
        server_calls,
        0,
    )
