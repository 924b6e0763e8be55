"""/v1/can-i-deploy: is a version proven against what is live in an environment?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.routes.ramps import RampPair, told_pair
from monitor.api.strict import StrictRoute
from monitor.api.told import fields_of
from monitor.joining.deployable import Wanted, deployable, wanted_place
from monitor.model.deployable import Deployable, DeployPair, Missing
from monitor.wording.deployable import missing_sentence

router = APIRouter(prefix="/v1", tags=["ramps"], responses=ERRORS, route_class=StrictRoute)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMissing(Missing):
    """A stable code with its parameters, and both as a sentence."""

    parameters: Mapping[str, str | float | int]
    text: str


@dataclass(frozen=True, slots=True)
class ToldDeployPair(DeployPair):
    """The version against one that is live there. Backward: that one calls it. Forward: it calls
    that one. `observed` null: never seen; else it was seen in `observed_in`.
    """

    observed: RampPair | None
    missing: Sequence[ToldMissing]


@dataclass(frozen=True, slots=True)
class ToldDeployable(Deployable):
    """`exit_code` 0: every pair is proven or accepted; 1: one is broken; 2: one is unproven, there is none
    to judge by, or the newest data is old. `data_until` is the end of the newest closed window (null: there
    is none), `data_age_seconds` how long ago that is.
    """

    pairs: Sequence[ToldDeployPair]
    notes: Sequence[ToldMissing]


@router.get("/can-i-deploy", summary="Is a version proven against what is live somewhere?")
def can_i_deploy(
    _caller: Reading,
    parts: Opened,
    service: Annotated[str, Query(min_length=1, max_length=1000)],
    version: Annotated[str, Query(min_length=1, max_length=1000)],
    to: Annotated[str, Query(min_length=1, max_length=1000, description="The environment")],
    days: Annotated[int, Query(ge=1, le=30, description="Evidence of so many days")] = 7,
) -> ToldDeployable:
    """From what was observed in any environment and what contracts declare. Silence proves nothing."""
    aliases = parts.config.aliases
    name = aliases.service(service)
    place = wanted_place(name, aliases.environment(to))
    wanted = Wanted(place, aliases.version(name, version), parts.clock(), days)
    judged = deployable(parts.store, parts.engine, aliases, wanted)
    return ToldDeployable(
        **fields_of(judged)
        | {"pairs": [_pair(pair) for pair in judged.pairs], "notes": _missing(judged.notes)}
    )


def _pair(pair: DeployPair) -> ToldDeployPair:
    seen = told_pair(pair.observed) if pair.observed else None
    return ToldDeployPair(
        **fields_of(pair) | {"observed": seen, "missing": _missing(pair.missing)}
    )


def _missing(lacks: Sequence[Missing]) -> list[ToldMissing]:
    return [ToldMissing(**fields_of(it), text=missing_sentence(it)) for it in lacks]
