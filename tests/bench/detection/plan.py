"""What is planted: shops, releases, faults, and everything else that happens, drawn with a seed.

Nothing here knows the judge. A case is one shop for an hour or so; its releases are harmless or
hold one fault. What a fault is called is the truth that scorers hold verdicts against.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

World = Literal[
    "steady", "bursts", "daily", "outage", "neighbour", "earlier", "quiet", "head", "tail", "lossy", "cold", "unready",
    "grouped", "overlapping",
]  # fmt: skip
Style = Literal["canary", "ramp", "instant", "bluegreen", "rolling", "unversioned", "zones"]
Fault = Literal[
    "", "errors", "latency", "tail", "one_pod", "silent", "pair", "callers", "schema", "shared", "leak", "cascade",
    "swallowed", "slow_callers", "misrouted", "retries", "refusals", "own_time",
]  # fmt: skip
Record = Literal[
    "seconds", "minutes", "five_minutes", "node", "rates", "quantiles", "means", "instances"
]

WORLDS: tuple[World, ...] = World.__args__  # type: ignore[attr-defined]  # the names above, once
STYLES: tuple[Style, ...] = Style.__args__  # type: ignore[attr-defined]
FAULTS: tuple[Fault, ...] = Fault.__args__[1:]  # type: ignore[attr-defined]
RECORDS: tuple[Record, ...] = Record.__args__  # type: ignore[attr-defined]
OLD, NEW = "4.1.0", "4.2.0"
ZONES = ("a", "b", "c")
TURN = 300.0
"""Seconds after which the next zone gets the new version."""
OF_CALLS: tuple[Fault, ...] = ("swallowed", "misrouted", "retries")
"""Faults in the calls that a service makes."""
SWITCH = 120.0
"""Seconds that a green side stands ready before it gets the traffic."""


@dataclass(frozen=True)
class Seam:
    """One edge: volume a minute, chance of an error, latency law (medians in ms, log-sd), how it
    wanders.
    """

    caller: str
    callee: str
    operation: str
    per_minute: float
    error: float
    median_ms: float
    spread: float
    slow_share: float
    slow_times: float
    burstiness: float
    fails_alone: bool = False


@dataclass(frozen=True)
class Release:
    """One change: `at` in seconds since the case began; `ready` until when its instances are not
    there; `whole` when all traffic is its.
    """

    id: str
    service: str
    at: float
    style: Style
    share: float
    fault: Fault = ""
    size: float = 0.0
    ready: float | None = None
    whole: float | None = None
    pair: str = ""
    child: str = ""
    strange: str = ""
    """Whose calls are misrouted, and to whom."""

    def share_in(self, zone: int, seconds: np.ndarray) -> np.ndarray:
        """The new version's share in one of the zones, where it comes to one after the other."""
        return np.where(seconds >= (self.ready or self.at) + zone * TURN, 1.0, 0.0)

    def share_at(self, seconds: np.ndarray) -> np.ndarray:
        """The new version's share of the service's calls at each moment."""
        if self.fault == "silent":
            return np.zeros(seconds.shape)
        begins = self.ready or self.at
        age = seconds - begins
        if self.style == "canary":
            return np.where(age >= 0, self.share, 0.0)
        if self.style == "ramp":
            return np.select([age < 0, age < 240, age < 480, age < 720], [0.0, 0.1, 0.3, 0.6], 1.0)
        if self.style == "zones":
            return np.mean([self.share_in(zone, seconds) for zone in range(len(ZONES))], axis=0)
        if self.style in ("rolling", "unversioned"):
            return np.clip(np.ceil(age / 60.0) / 4.0, 0.0, 1.0)
        return np.where(age >= (SWITCH if self.style == "bluegreen" else 0.0), 1.0, 0.0)

    @property
    def harm_from(self) -> float:
        """When the fault first does something."""
        return (self.ready or self.at) + (300.0 if self.fault == "leak" else 0.0)


@dataclass(frozen=True)
class Shop:
    """One case: who calls whom, what is released, how it is recorded, and what else goes on."""

    case: str
    seed: int
    world: World
    record: Record
    step_s: int
    before_s: float
    after_s: float
    begins: float
    seams: tuple[Seam, ...]
    releases: tuple[Release, ...]
    failing: str = ""
    incident: tuple[float, float, float] = (0.0, 0.0, 0.0)
    history: bool = False

    @property
    def tells_zones(self) -> bool:
        """Whether the recording tells in which zone a call was answered."""
        return self.record in ("seconds", "minutes") and any(
            release.style == "zones" for release in self.releases
        )

    @property
    def services(self) -> list[str]:
        """All who answer calls."""
        return sorted({seam.callee for seam in self.seams})


BASE_VOLUMES = (20, 60, 200, 600, 2000, 6000, 20000)


def shops(count: int, bad: float, seed: int) -> list[Shop]:
    """Cases until at least `count` releases are planted, a share `bad` of them harmful; worlds,
    styles, records and faults in turn.
    """
    rng = np.random.default_rng(seed)
    cases: list[Shop] = []
    planted = 0
    order = _Turns(rng)
    while planted < count:
        number = len(cases)
        world, record = (
            WORLDS[number % len(WORLDS)],
            RECORDS[(number // len(WORLDS) + number) % len(RECORDS)],
        )
        shop = _shop(f"c{seed}-{number:05}", int(rng.integers(2**31)), world, record, bad, order)
        cases.append(shop)
        planted += len(shop.releases)
    return cases


class _Turns:
    """Styles and faults in a shuffled round, so that each comes equally often."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.left: dict[str, list[str]] = {"style": [], "fault": [], "volume": []}

    def next(self, what: str) -> str:
        if not self.left[what]:
            names = {"style": STYLES, "fault": FAULTS, "volume": tuple(map(str, BASE_VOLUMES))}[
                what
            ]
            self.left[what] = self.rng.permutation(names).tolist()
        return self.left[what].pop()


def _shop(case: str, seed: int, world: World, record: Record, bad: float, turns: _Turns) -> Shop:
    rng = np.random.default_rng(seed)
    step = {"seconds": 10, "five_minutes": 300}.get(record, 60)
    if record == "instances":
        step = int(rng.choice([10, 60]))
    before = {10: 1800.0, 60: 3600.0, 300: 6 * 3600.0}[step]
    after = {10: 1500.0, 60: 2100.0, 300: 3600.0}[step]
    volume = float(turns.next("volume"))
    if world == "quiet":
        volume = min(volume, 60.0)
    seams = _seams(rng, volume, world)
    number = {"grouped": int(rng.integers(3, 7)), "overlapping": 2}.get(world, 1)
    middle = sorted({seam.callee for seam in seams if seam.callee.startswith(("mid", "back"))})
    services = rng.choice(middle, min(number, len(middle)), replace=False).tolist()
    guilty = [bool(rng.random() < bad) for _ in services]
    if sum(guilty) > 1:  # one fault at a time: what two do together is nobody's truth
        keep = int(rng.choice(np.flatnonzero(guilty)))
        guilty = [place == keep for place in range(len(guilty))]
    first = before + float(rng.uniform(0, step))
    gap = 300.0 if world == "grouped" else 900.0 if world == "overlapping" else 0.0
    releases = tuple(
        _release(
            f"{case}-{place}",
            service,
            first + float(rng.uniform(0, gap)),
            world,
            record,
            harmful,
            turns,
            rng,
            seams,
        )
        for place, (service, harmful) in enumerate(zip(services, guilty, strict=True))
    )
    failing, incident = "", (0.0, 0.0, 0.0)
    released = {release.service for release in releases}
    others = sorted({seam.callee for seam in seams} - released)
    if world == "neighbour":
        failing = str(rng.choice(others))
        begins = first + float(rng.uniform(-300, 900))
        incident = (begins, begins + float(rng.uniform(180, 900)), float(rng.uniform(0.03, 0.4)))
    elif world == "outage":
        begins = first + float(rng.uniform(-120, 600))
        incident = (begins, begins + float(rng.uniform(60, 400)), float(rng.uniform(0.05, 0.5)))
    elif world == "earlier":
        failing = releases[0].service
        begins = first - float(rng.uniform(600, 1500)) * (step / 60 if step == 300 else 1)
        incident = (
            begins,
            begins + float(rng.uniform(60, 300)) * (step / 60 if step == 300 else 1),
            float(rng.uniform(0.05, 0.5)),
        )
    hour = (
        float(rng.uniform(0, 24))
        if world != "daily"
        else float(rng.choice([6.0, 7.0, 18.0, 20.0]))
    )
    begins = 1_772_409_600.0 + float(rng.integers(1, 28)) * 86400.0 + hour * 3600.0
    begins -= begins % step
    return Shop(
        case, seed, world, record, step, before, after + gap, begins, seams, releases, failing, incident,
        history=world == "daily" and rng.random() < 0.7,
    )  # fmt: skip


def _release(
    name: str, service: str, at: float, world: World, record: Record, harmful: bool, turns: _Turns,
    rng: np.random.Generator, seams: tuple[Seam, ...],
) -> Release:  # fmt: skip
    style: Style = turns.next("style")  # type: ignore[assignment]
    share = float(rng.choice([0.05, 0.1, 0.2, 0.34, 0.5]))
    fault: Fault = turns.next("fault") if harmful else ""  # type: ignore[assignment]
    if record in ("node", "rates", "means") and rng.random() < 0.5:
        style = "unversioned"
    called = [seam.callee for seam in seams if seam.caller == service]
    if fault in OF_CALLS and not called:
        fault = "slow_callers"
    if fault == "silent":
        style = "canary"
    if fault == "shared":
        style = "ramp"
    if fault == "one_pod":
        style = "canary" if rng.random() < 0.5 else "rolling"
    release = Release(name, service, at, style, share, fault, _size(fault, rng))
    callers = sorted({seam.caller for seam in seams if seam.callee == service})
    if fault == "pair":
        release = replace(release, pair=str(rng.choice(callers)))
    if fault == "misrouted":
        others = sorted(
            {seam.callee for seam in seams if seam.callee.startswith("back")} - {service, *called}
        )
        strange = str(rng.choice(others)) if others else ""
        release = replace(
            release, child=called[0], strange=strange, fault=fault if others else "swallowed"
        )
    if world == "unready":
        release = replace(release, ready=at + float(rng.uniform(300, 900)))
    if style in ("instant", "bluegreen", "rolling", "unversioned", "ramp", "zones"):
        begins = release.ready or at
        release = replace(
            release,
            whole=begins
            + {
                "ramp": 720.0,
                "rolling": 240.0,
                "unversioned": 240.0,
                "bluegreen": SWITCH,
                "zones": 2 * TURN,
            }.get(style, 0.0),
        )
    return release


def _size(fault: Fault, rng: np.random.Generator) -> float:
    """Added chance of an error, the factor of latency, the part of its calls that are no longer
    made (there), or how often again.
    """
    if fault in ("latency", "one_pod"):
        return float(rng.uniform(2.0, 8.0))
    if fault == "slow_callers":
        return float(rng.uniform(2.0, 8.0))
    if fault in ("swallowed", "misrouted"):
        return float(rng.uniform(0.6, 1.0))
    if fault == "retries":
        return float(rng.uniform(1.5, 4.0))
    if fault == "own_time":
        return float(rng.uniform(1.4, 3.0))
    if fault == "tail":
        return float(rng.uniform(10.0, 40.0))
    if fault in ("errors", "shared", "leak", "cascade", "pair", "refusals"):
        return float(np.exp(rng.uniform(np.log(0.02), np.log(0.8))))
    return (
        float(np.exp(rng.uniform(np.log(0.1), np.log(1.0))))
        if fault in ("callers", "schema")
        else 0.0
    )


def _seams(rng: np.random.Generator, volume: float, world: World) -> tuple[Seam, ...]:
    """Two front services, three in the middle, three behind; every service behind the front has
    two callers or more.
    """
    front, middle, back = (
        [f"{tier}{n}" for n in range(size)]
        for tier, size in (("front", 2), ("mid", 3), ("back", 3))
    )
    ties = {("user", service): volume * float(rng.uniform(1.0, 2.0)) for service in front}
    for upper, lower in ((front, middle), (middle, back)):
        for place, callee in enumerate(lower):
            for caller in dict.fromkeys(
                (upper[place % len(upper)], upper[(place + 1) % len(upper)])
            ):
                ties[(caller, callee)] = volume * float(rng.uniform(0.3, 0.7))
    return tuple(
        _seam(caller, callee, per_minute, rng, world)
        for (caller, callee), per_minute in ties.items()
    )


def _seam(
    caller: str, callee: str, per_minute: float, rng: np.random.Generator, world: World
) -> Seam:
    bimodal = rng.random() < (0.7 if world == "quiet" else 0.25)
    return Seam(
        caller=caller,
        callee=callee,
        operation=f"GET /{callee}",
        per_minute=per_minute,
        error=0.0 if rng.random() < 0.3 else float(min(np.exp(rng.normal(-6.3, 1.1)), 0.03)),
        median_ms=float(np.exp(rng.normal(np.log(25.0), 0.8))),
        spread=float(rng.uniform(0.25, 0.7)),
        slow_share=float(rng.uniform(0.2, 0.5)) if bimodal else float(rng.uniform(0.0, 0.02)),
        slow_times=float(rng.uniform(6.0, 15.0)),
        burstiness=float(rng.choice([0.0, 0.1, 0.3]))
        if world != "bursts"
        else float(rng.uniform(0.5, 2.0)),
        fails_alone=rng.random() < (0.3 if world == "quiet" else 0.03),
    )


@dataclass(frozen=True)
class Truth:
    """What a scorer may know of a release, beside what the judge is told."""

    deploy_id: str
    case: str
    bad: bool
    fault: str
    size: float
    world: str
    style: str
    record: str
    step_s: int
    calls_per_minute: float
    share: float
    cause: str
    group: int
    harm_from: float | None
    ready_after: float
    """Seconds after it was told until the first instance is there: nobody can judge before."""
    culprit_edges: list[list[str]] = field(default_factory=list)


def truths(shop: Shop) -> list[Truth]:
    """One per release, in the releases' order. `cause` is the harmful release of the case, ""
    where none is.
    """
    cause = next(
        (
            release.id
            for release in shop.releases
            if release.fault and not _is_lonely(shop, release)
        ),
        "",
    )
    return [_truth(shop, release, cause) for release in shop.releases]


def _is_lonely(shop: Shop, release: Release) -> bool:
    """One slow pod of two, and the recording tells which: the pod is ill, the release is not."""
    return release.fault == "one_pod" and shop.record == "instances"


def _truth(shop: Shop, release: Release, cause: str) -> Truth:
    mine = [seam for seam in shop.seams if seam.callee == release.service]
    lonely = _is_lonely(shop, release)
    edges = [[seam.caller, seam.callee] for seam in mine if release.pair in ("", seam.caller)]
    if release.fault in OF_CALLS:
        edges = [
            [seam.caller, seam.callee] for seam in shop.seams if seam.caller == release.service
        ]
    if release.strange:
        edges.append([release.service, release.strange])
    if release.fault in ("callers", "schema", "slow_callers"):
        above = {seam.caller for seam in mine}
        edges += [[seam.caller, seam.callee] for seam in shop.seams if seam.callee in above]
    return Truth(
        deploy_id=release.id,
        case=shop.case,
        bad=bool(release.fault) and not lonely,
        fault=release.fault,
        size=round(release.size, 4),
        world=shop.world,
        style=release.style,
        record=shop.record,
        step_s=shop.step_s,
        calls_per_minute=round(sum(seam.per_minute for seam in mine), 1),
        share=release.share if release.style == "canary" else 1.0,
        cause=cause,
        group=len(shop.releases),
        harm_from=shop.begins + release.harm_from if release.fault and not lonely else None,
        ready_after=release.ready - release.at if release.ready is not None else 0.0,
        culprit_edges=edges if release.fault and not lonely else [],
    )
