"""Ramps: which services have several live versions, and one of them as a film: shares and the matrix
of version pairs at each step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.moments import Name
from monitor.api.routes.ramps import (
    LIVE_MINUTES,
    At,
    LiveMinutes,
    RampPair,
    end_of,
    place_of,
    ramps_listed,
    state_of,
    with_plans,
)
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.detect.ramps.traffic import shares_of
from monitor.joining.ramp_listing import ramp_span
from monitor.model.ramps import ShareStep
from monitor.wording.ramps import OF_FINDINGS, ROLES, WHY_UNPROVEN

router = APIRouter(include_in_schema=False, route_class=PageRoute)
FRAMES = 40
CALLS_A_BAR = 10
WIDTH, HEIGHT = 720.0, 120.0


@dataclass(frozen=True, slots=True)
class Matrix:
    """The pairs of two services: a row for each caller version, a column for each callee version."""

    caller: str
    callee: str
    protocol: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[str, str], RampPair]


@dataclass(frozen=True, slots=True)
class Bar:
    """One version's part of one step in the picture of shares."""

    x: float
    y: float
    width: float
    height: float
    place: int


@router.get("/ramps")
def ramps_page(
    request: Request, _caller: Reading, parts: Opened, environment: Name = None, at: At = None
) -> HTMLResponse:
    """Every service with more than one live version."""
    return render(
        request,
        "ramps.html",
        {"ramps": ramps_listed(parts, environment, at), "at": end_of(parts, at)},
    )


@router.get("/ramps/view")
def ramp_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    service: str,
    environment: Name = None,
    at: At = None,
    live_minutes: LiveMinutes = LIVE_MINUTES,
) -> HTMLResponse:
    """One service's ramp at one time, with the steps that lead through it."""
    place = place_of(parts, service, environment, at)
    ramp = with_plans(parts, place, state_of(parts, place, at, live_minutes), live_minutes)
    end = end_of(parts, None)
    live = timedelta(minutes=live_minutes)
    begin, until = ramp_span(parts.store, place, ramp.at, end, live) or (None, None)
    frames = frames_of(begin, until, ramp.step_seconds)
    versions = [version.version for version in ramp.live]
    return render(
        request,
        "ramp.html",
        {
            "ramp": ramp,
            "matrices": matrices(ramp.pairs),
            "roles": ROLES,
            "why_unproven": WHY_UNPROVEN,
            "of_findings": OF_FINDINGS,
            "frames": frames,
            "frame": max((number for number, it in enumerate(frames) if it <= ramp.at), default=0),
            "links": {
                "service": service,
                "environment": place.environment,
                "live_minutes": live_minutes if live_minutes != LIVE_MINUTES else None,
            },
            "bars": bars(ramp.steps, versions, ramp.at, ramp.step_seconds),
            "versions": versions,
            "size": (WIDTH, HEIGHT),
        },
    )


def frames_of(begin: datetime | None, end: datetime | None, step_seconds: int) -> list[datetime]:
    """The times at which the film stands, evenly from just before the ramp to its end."""
    if begin is None or end is None:
        return []
    step = timedelta(seconds=max(10, step_seconds))
    steps = max(1, int((end - begin) / step))
    jump = step * max(1, -(-steps // FRAMES))
    times = [begin + jump * number for number in range(steps * step // jump + 1)]
    return [*(it for it in times if it < end), end]


def matrices(pairs: Sequence[RampPair]) -> list[Matrix]:
    """A matrix for each two services that call each other, those with something broken first."""
    groups: dict[tuple[str, ...], list[RampPair]] = {}
    for pair in pairs:
        key = (
            pair.caller_namespace,
            pair.caller,
            pair.callee_namespace,
            pair.callee,
            pair.protocol,
        )
        groups.setdefault(key, []).append(pair)
    return [
        Matrix(
            held[0].caller,
            held[0].callee,
            held[0].protocol,
            sorted({pair.caller_version for pair in held}),
            sorted({pair.callee_version for pair in held}),
            {(pair.caller_version, pair.callee_version): pair for pair in held},
        )
        for held in sorted(
            groups.values(),
            key=lambda held: (
                all(pair.word != "broken" for pair in held),
                len(held) == 1,
                -sum(pair.calls for pair in held),
            ),
        )
    ]


def bars(
    steps: Sequence[ShareStep], versions: Sequence[str], until: datetime, step_seconds: int
) -> list[Bar]:
    """Shares over time as stacked bars, empty where nobody called; versions that are live no more
    stand on top. Where calls are few a bar is of several steps.
    """
    if not steps:
        return []
    whole = max(1, round((until - steps[0].time).total_seconds() / step_seconds))
    counted = sum(sum(step.calls.values()) for step in steps)
    count = max(1, min(whole, counted // CALLS_A_BAR)) if counted else whole
    held: list[list[ShareStep]] = [[] for _ in range(count)]
    for step in steps:
        at = (step.time - steps[0].time).total_seconds() / step_seconds / whole
        held[min(int(at * count), count - 1)].append(step)
    width = WIDTH / count
    drawn: list[Bar] = []
    for number, of_bar in enumerate(held):
        top = HEIGHT
        shares = shares_of(of_bar)
        order = [*versions, *sorted(set(shares) - set(versions))]
        for version in order:
            height = HEIGHT * shares.get(version, 0.0)
            if height:
                top -= height
                place = versions.index(version) if version in versions else len(versions)
                drawn.append(Bar(number * width, top, width, height, min(place, 5)))
    return drawn
