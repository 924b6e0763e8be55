"""/v1/ramps: services with more than one live version, what each pair of versions has shown, now or
at any time before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS, ApiError
from monitor.api.moments import Name, moment
from monitor.api.paging import Paged
from monitor.api.parts import Parts
from monitor.api.strict import StrictRoute
from monitor.api.told import ToldReason, fields_of, told_reasons
from monitor.joining.ramp_listing import RampListed, data_end, places_of, ramps_at, unclosed
from monitor.joining.ramp_plans import plan_states
from monitor.joining.ramps import Asked, ramp_at
from monitor.model.edges import qualified
from monitor.model.ramp_plans import PlanState
from monitor.model.ramps import PairState, Ramp, RampReason
from monitor.store.ramps import Place
from monitor.wording.ramps import ramp_sentence, unclosed_sentence

router = APIRouter(prefix="/v1", tags=["ramps"], responses=ERRORS, route_class=StrictRoute)

At = Annotated[
    str | None,
    Query(
        max_length=64,
        description="As it stood then: ISO 8601, or how long ago: 90s, 15m, 2h, 7d. The newest by default",
    ),
]
LiveMinutes = Annotated[
    int,
    Query(
        ge=1,
        le=1440,
        description="A version is live for so long after it was seen last, and longer where it is called seldom",
    ),
]
LIVE_MINUTES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRampReason(RampReason):
    """A stable code with its parameters, and both as a sentence."""

    parameters: Mapping[str, str | float | int]
    text: str


@dataclass(frozen=True, slots=True)
class RampPair(PairState):
    """One caller version against one callee version over the ramp until then.

    `role`: backward (an old caller, a new callee), forward (a new caller, an old callee),
    established (both were there before), new, or unordered. `upper` of a bound is Clopper and
    Pearson's limit of the 95 % interval. `thin` are the paths that this pair has hardly shown.
    `needed` is about how many calls more would rule out more failures than before. `word` is
    `proven` only where failures and violations are bounded and no usual path is thin.
    """

    reasons: Sequence[ToldRampReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class RampPlanTold(PlanState):
    """A ramp plan held against the ramp: what is broken of it, and what the step to `next_share`
    still wants; where neither says anything, it may be taken. `step` is the share to be had now.
    """

    broken: Sequence[ToldReason]
    waits: Sequence[ToldReason]
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RampTold(Ramp):
    """A service's versions at one time. `since` null: no ramp then; `last_ramp` is when the newest
    one before began and ended. Nothing that came after `at` was read.
    """

    pairs: Sequence[RampPair]
    reasons: Sequence[ToldRampReason]
    last_ramp: tuple[datetime, datetime] | None
    plans: Sequence[RampPlanTold] = ()


@router.get("/ramps", summary="Services with more than one live version")
def ramps(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    environment: Name = None,
    at: At = None,
    live_minutes: LiveMinutes = LIVE_MINUTES,
) -> list[RampListed]:
    """Now, which is where the data ends, or at a time before."""
    return paged.of(ramps_listed(parts, environment, at, live_minutes))


def ramps_listed(
    parts: Parts, environment: str | None, at: str | None, live_minutes: int = LIVE_MINUTES
) -> list[RampListed]:
    """What is in a ramp at that time."""
    live = timedelta(minutes=live_minutes)
    return ramps_at(parts.store, environment or "", end_of(parts, at), live)


@router.get("/ramps/{service:path}", summary="A service's live versions, pair by pair, at a time")
def one_ramp(
    _caller: Reading,
    parts: Opened,
    service: str,
    environment: Name = None,
    at: At = None,
    live_minutes: LiveMinutes = LIVE_MINUTES,
) -> RampTold:
    """The service as `name` or `namespace/name`; 422 where that means several, 404 where none was
    seen in the seven days before.
    """
    place = place_of(parts, service, environment, at)
    ramp = state_of(parts, place, at, live_minutes)
    return with_plans(parts, place, ramp, live_minutes)


def state_of(parts: Parts, place: Place, at: str | None, live_minutes: int = LIVE_MINUTES) -> Ramp:
    """The ramp there at that time."""
    asked = Asked(place, end_of(parts, at), timedelta(minutes=live_minutes), newest=at is None)
    return ramp_at(parts.store, parts.engine, asked)


def place_of(parts: Parts, service: str, environment: str | None, at: str | None) -> Place:
    """The one service that is meant; ApiError 404 and 422."""
    wanted = parts.config.aliases.service(service)
    there = parts.config.aliases.environment(environment) if environment else ""
    places = places_of(parts.store, wanted, there, end_of(parts, at))
    if not places:
        raise ApiError(
            404,
            "no version of this service was seen in the seven days before",
            service[:200],
            ("" if at else _unclosed(parts))
            or "GET /v1/services lists those that are seen; `at` asks for another time",
        )
    if len(places) > 1:
        names = ", ".join(
            f"{place.environment}: {qualified(place.namespace or '', place.service)}"
            for place in places[:10]
        )
        raise ApiError(
            422,
            f"that means {len(places)} services: {names}",
            "environment",
            "name the environment, and the service as namespace/name",
        )
    return places[0]


def end_of(parts: Parts, at: str | None) -> datetime:
    """The time asked for, or the end of the newest window; now where there is none."""
    now = parts.clock()
    return moment(at, now) or data_end(parts.store, now + timedelta(hours=1)) or now


def _unclosed(parts: Parts) -> str:
    """That windows are still to be closed; "" where none is."""
    left = unclosed(parts.store, parts.clock() + timedelta(hours=1))
    if left is None:
        return ""
    return unclosed_sentence(left.first, left.closed, parts.config.closes_after_seconds)


def with_plans(parts: Parts, place: Place, ramp: Ramp, live_minutes: int) -> RampTold:
    """The ramp with its reasons as sentences, and the plans that were in force then, held against
    it; by the usual time that a version counts as live.
    """
    usual = ramp if live_minutes == LIVE_MINUTES else None
    states = plan_states(parts.store, parts.engine, parts.config.aliases, place, ramp.at, usual)
    plans = [
        RampPlanTold(
            **fields_of(state)
            | {"broken": told_reasons(state.broken), "waits": told_reasons(state.waits)}
        )
        for state in states
    ]
    return replace(told_ramp(ramp), plans=plans)


def told_ramp(ramp: Ramp) -> RampTold:
    """The ramp with its reasons as sentences."""
    pairs = [told_pair(pair) for pair in ramp.pairs]
    return RampTold(**fields_of(ramp) | {"pairs": pairs, "reasons": _told(ramp.reasons)})


def told_pair(pair: PairState) -> RampPair:
    """A pair with its reasons as sentences."""
    return RampPair(**fields_of(pair) | {"reasons": _told(pair.reasons)})


def _told(reasons: Sequence[RampReason]) -> list[ToldRampReason]:
    return [ToldRampReason(**fields_of(it), text=ramp_sentence(it)) for it in reasons]
