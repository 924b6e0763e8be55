"""/v1/can-i-deploy: is a version proven against what is live in an environment?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.routes.ramps import RampPair, end_of, told_pair
from monitor.api.strict import StrictRoute
from monitor.joining.deployable import Wanted, deployable, wanted_place
from monitor.model.deployable import Declared, DeployPair, Missing, MissingCode
from monitor.model.ramps import PairWord
from monitor.wording_deployable import missing_sentence

router = APIRouter(prefix="/v1", tags=["ramps"], responses=ERRORS, route_class=StrictRoute)


class ToldMissing(BaseModel):
    """A stable code with its parameters, and both as a sentence."""

    code: MissingCode
    parameters: dict[str, str | float | int]
    text: str


class ToldDeployPair(BaseModel):
    """The version against one that is live there. Backward: that one calls it. Forward: it calls
    that one. `observed` null: never seen; else it was seen in `observed_in`.
    """

    direction: Literal["backward", "forward"]
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    protocol: str
    word: PairWord
    observed: RampPair | None
    observed_in: str
    declared: Sequence[Declared]
    missing: list[ToldMissing]


class ToldDeployable(BaseModel):
    """`exit_code` 0: every pair is proven; 1: one is broken; 2: one is unproven, or there is none
    to judge by.
    """

    service: str
    version: str
    environment: str
    at: datetime
    exit_code: Literal[0, 1, 2]
    pairs: list[ToldDeployPair]
    notes: list[ToldMissing]


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
    wanted = Wanted(place, aliases.version(name, version), end_of(parts, None), days)
    told = deployable(parts.store, parts.engine, aliases, wanted)
    return ToldDeployable(
        service=told.service,
        version=told.version,
        environment=told.environment,
        at=told.at,
        exit_code=told.exit_code,
        pairs=[_pair(pair) for pair in told.pairs],
        notes=[_missing(note) for note in told.notes],
    )


def _pair(pair: DeployPair) -> ToldDeployPair:
    values = {
        name: getattr(pair, name)
        for name in ToldDeployPair.model_fields
        if name not in ("observed", "missing")
    }
    seen = told_pair(pair.observed) if pair.observed else None
    return ToldDeployPair.model_validate(
        values | {"observed": seen, "missing": [_missing(it) for it in pair.missing]}
    )


def _missing(it: Missing) -> ToldMissing:
    return ToldMissing(code=it.code, parameters=dict(it.parameters), text=missing_sentence(it))
