"""Made-up canaries as real ones are recorded: groups of releases among services, a third of the
bad ones silent.

Independent of the judge: rates wander (AR(1) on the log), errors come in bursts, some edges are
quiet or bimodal, faults travel up to callers, one group in five meets an incident of somebody
else. As recorded releases are: one instance of a few gets the new version and keeps it, or a ramp,
or all at once; three to six releases within five minutes are common; a minute may be one burst of
calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from monitor.model.deploys import Deploy
from monitor.model.edges import Edge, EdgeCell, Sighting
from tests.detect.traffic import START, histogram

Fault = Literal["", "silent", "errors", "latency"]
BEFORE, AFTER = 90, 90
OLD, NEW = "1.0.0", "1.1.0"


@dataclass(frozen=True)
class Release:
    """One release of a group: when (in windows), how its traffic moves, and what is wrong with it
    (nothing: benign).
    """

    service: str
    at: int
    style: Literal["canary", "ramp", "all at once"]
    share: float
    fault: Fault
    size: float
    delivered: bool
    """Whether a silent one's instances show up at all."""

    def share_at(self, window: int) -> float:
        """The new version's share of the service's calls."""
        age = window - self.at
        if age < 0:
            return 0.0
        if self.style == "ramp":
            return (0.1, 0.3, 0.7, 1.0)[min(age // 12, 3)]
        return self.share if self.style == "canary" else 1.0


@dataclass(frozen=True)
class Case:
    """What was recorded around one group of releases."""

    cells: list[EdgeCell]
    sightings: list[Sighting]
    deploys: dict[str, Deploy]
    releases: tuple[Release, ...]


def case(seed: int, *, bad: float = 0.5, grain: int = 1) -> Case:
    """A shop of 12 services in three tiers; with chance `bad` one release of the group is bad.

    `grain`: so many windows' calls come in one (6: recorded by the minute).
    """
    rng = np.random.default_rng(seed)
    services = [f"s{number:02}" for number in range(12)]
    edges = _edges(services, rng)
    releases = _releases(services, rng, bad)
    by_service = {release.service: release for release in releases}
    incident = _incident(services, rng)
    cells: list[EdgeCell] = []
    answered: dict[tuple[int, str, str], int] = {}
    states = {edge: _Wandering(rng) for edge in edges}
    for window in range(-BEFORE, AFTER, grain):
        for edge, volume in edges.items():
            cells += _cells(
                window,
                edge,
                volume * grain,
                states[edge],
                by_service,
                incident,
                answered,
                rng,
                edges,
            )
    deploys = {release.service: _deploy(release) for release in releases}
    return Case(cells, _sightings(services, by_service, answered, rng), deploys, releases)


class _Wandering:
    """Slow wandering of an edge's errors and latency, and bursts."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.base = float(np.exp(rng.normal(-6.0, 1.2)))
        self.median = float(np.exp(rng.normal(-3.5, 0.8)))
        self.bimodal = rng.random() < 0.3
        self.level = self.slow = 0.0

    def step(self) -> tuple[float, float]:
        """(chance of an error, median latency) in the next window."""
        self.level = 0.9 * self.level + 0.15 * self.rng.standard_normal()
        self.slow = 0.9 * self.slow + 0.04 * self.rng.standard_normal()
        burst = 8.0 if self.rng.random() < 0.02 else 1.0
        return min(self.base * float(np.exp(self.level)) * burst, 0.3), self.median * float(
            np.exp(self.slow)
        )


def _edges(services: list[str], rng: np.random.Generator) -> dict[Edge, float]:
    """Calls per window: a few per minute to dozens a second."""
    edges: dict[Edge, float] = {}
    for callers, callees in [(services[:4], services[4:8]), (services[4:8], services[8:])]:
        for place, caller in enumerate(callers):
            for callee in dict.fromkeys((callees[place], str(rng.choice(callees)))):
                edges[Edge("production", caller, callee, "http", f"GET /{caller}")] = float(
                    np.exp(rng.uniform(np.log(0.7), np.log(200)))
                )
    for service in services[:4]:
        edges[Edge("production", "user", service, "http", "GET /")] = float(
            np.exp(rng.uniform(np.log(5), np.log(200)))
        )
    return edges


def _releases(services: list[str], rng: np.random.Generator, bad: float) -> tuple[Release, ...]:
    chosen = rng.choice(services, int(rng.integers(1, 6)), replace=False).tolist()
    guilty = int(rng.integers(len(chosen))) if rng.random() < bad else -1
    releases: list[Release] = []
    for number, service in enumerate(chosen):
        fault: Fault = (
            "" if number != guilty else ("silent", "errors", "latency")[int(rng.integers(3))]
        )  # type: ignore[assignment]
        style = (
            "canary"
            if fault == "silent"
            else ("canary", "canary", "ramp", "all at once")[int(rng.integers(4))]
        )
        size = (
            float(np.exp(rng.uniform(np.log(0.03), np.log(0.9))))
            if fault == "errors"
            else float(rng.uniform(1.4, 5.0))
        )
        releases.append(
            Release(
                str(service),
                int(rng.integers(0, 30)),
                style,
                float(rng.choice([0.1, 0.2, 0.33, 0.5])),
                fault,
                size,  # type: ignore[arg-type]
                bool(rng.random() < 0.4),
            )
        )
    return tuple(releases)


def _incident(services: list[str], rng: np.random.Generator) -> tuple[str, int, int, float]:
    """A service that fails by itself for a while, in one group of five."""
    if rng.random() >= 0.2:
        return ("", 0, 0, 0.0)
    begins = int(rng.integers(-20, 50))
    return (
        str(rng.choice(services)),
        begins,
        begins + int(rng.integers(12, 40)),
        float(rng.uniform(0.02, 0.4)),
    )


def _harm(service: str, version: str, releases: Mapping[str, Release]) -> tuple[float, float]:
    """(added chance of an error, factor of latency) of a service's own fault."""
    release = releases.get(service)
    if release is None or version != NEW:
        return 0.0, 1.0
    return (release.size if release.fault == "errors" else 0.0), (
        release.size if release.fault == "latency" else 1.0
    )


def _below(
    service: str,
    window: int,
    releases: Mapping[str, Release],
    incident: tuple[str, int, int, float],
    edges: Mapping[Edge, float],
) -> tuple[float, float]:
    """What the callees of a service do to its own answers: half of its calls need each of them."""
    error, slow = 0.0, 1.0
    for edge in edges:
        if edge.caller != service:
            continue
        release = releases.get(edge.callee)
        share = (
            release.share_at(window) if release and release.fault in ("errors", "latency") else 0.0
        )
        harm, factor = _harm(edge.callee, NEW, releases)
        deeper, deeper_slow = _below(edge.callee, window, releases, incident, edges)
        own = (
            incident[3]
            if incident[0] == edge.callee and incident[1] <= window < incident[2]
            else 0.0
        )
        error += 0.5 * (share * harm + deeper + own)
        slow *= 1.0 + 0.25 * share * (factor - 1.0) + 0.25 * (deeper_slow - 1.0)
    return error, slow


def _cells(
    window: int,
    edge: Edge,
    volume: float,
    state: _Wandering,
    releases: Mapping[str, Release],
    incident: tuple[str, int, int, float],
    answered: dict[tuple[int, str, str], int],
    rng: np.random.Generator,
    edges: Mapping[Edge, float],
) -> list[EdgeCell]:
    base, median = state.step()
    added, slow = _below(edge.callee, window, releases, incident, edges)
    if incident[0] == edge.callee and incident[1] <= window < incident[2]:
        added += incident[3]
    total = int(rng.poisson(volume))
    out: list[EdgeCell] = []
    for caller, caller_share in _versions(edge.caller, window, releases):
        for callee, callee_share in _versions(edge.callee, window, releases):
            calls = int(rng.binomial(total, caller_share * callee_share))
            if not calls:
                continue
            harm, factor = _harm(edge.callee, callee, releases)
            answered[(window, edge.callee, callee)] = (
                answered.get((window, edge.callee, callee), 0) + calls
            )
            bad = int(rng.binomial(calls, min(base + added + harm, 0.95)))
            seconds = median * slow * factor * np.exp(0.35 * rng.standard_normal(calls))
            if state.bimodal:
                seconds = np.where(rng.random(calls) < 0.45, seconds * 12.0, seconds)
            shape = histogram(seconds)
            out.append(
                EdgeCell(
                    START + timedelta(seconds=10 * window),
                    edge,
                    caller,
                    callee,
                    "",
                    calls,
                    float(calls),
                    bad,
                    {
                        "ok": calls - bad,
                        "server_error": bad,
                        "client_error": 0,
                        "timeout": 0,
                        "cancelled": 0,
                    },
                    {},
                    {},
                    {"both": calls},
                    "none",
                    calls,
                    calls,
                    float(seconds.sum()),
                    float(seconds.sum()),
                    shape,
                    shape,
                    {},
                    {},
                )
            )
    return out


def _versions(
    service: str, window: int, releases: Mapping[str, Release]
) -> list[tuple[str, float]]:
    if service == "user":
        return [("", 1.0)]
    release = releases.get(service)
    share = release.share_at(window) if release and release.fault != "silent" else 0.0
    return [(OLD, 1.0 - share), (NEW, share)] if share else [(OLD, 1.0)]


def _sightings(
    services: list[str],
    releases: Mapping[str, Release],
    answered: Mapping[tuple[int, str, str], int],
    rng: np.random.Generator,
) -> list[Sighting]:
    out: list[Sighting] = []
    for service in services:
        instances = {OLD: int(rng.integers(2, 6)), NEW: int(rng.integers(1, 3))}
        release = releases.get(service)
        for window in range(-BEFORE, AFTER):
            for version, count in instances.items():
                calls = answered.get((window, service, version), 0)
                if calls:
                    for instance, part in enumerate(
                        rng.multinomial(calls, [1 / count] * count).tolist()
                    ):
                        if part:
                            out.append(
                                sighting(window, service, version, f"{version}-{instance}", part)
                            )
                elif (
                    version == NEW
                    and release
                    and release.fault == "silent"
                    and release.delivered
                    and window >= release.at
                ):
                    out.append(sighting(window, service, version, f"{version}-0", 0))
    return out


def sighting(window: int, service: str, version: str, instance: str, calls: int) -> Sighting:
    return Sighting(
        START + timedelta(seconds=10 * window),
        "production",
        "",
        service,
        version,
        instance,
        calls + 1,
        calls,
        0,
    )


def _deploy(release: Release) -> Deploy:
    started = START + timedelta(seconds=10 * release.at)
    seen = release.fault != "silent" or release.delivered
    return Deploy(
        f"d-{release.service}",
        "deploy",
        "production",
        release.service,
        NEW,
        OLD,
        "succeeded",
        started,
        started,
        started if seen else None,
        ("cdevents",),
    )
