"""/v1/recordings: a contract inferred from what was live, so that what a provider does today can be
what it promises.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.moments import Hours, Name, ProviderName
from monitor.api.questions import provider_named
from monitor.api.strict import StrictRoute
from monitor.contracts.inferring.gathered import NOT_TOLD, Why
from monitor.contracts.inferring.schemas import SURE
from monitor.joining.inferring import Asked, Inferred, inferred
from monitor.model.contracts import InferredForm

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)


class LeftOut(BaseModel):
    """An operation that was seen and stands in no contract, and why."""

    operation: str
    why: Why
    text: str


class Recording(BaseModel):
    """Contracts that can be published as they are, and how many payloads they rest on; `unseen`
    ones could not be looked at. No value of a payload stands in them.
    """

    provider: str
    since: datetime
    looked_at: int
    unseen: int
    contracts: list[Inferred]
    left_out: list[LeftOut]


@router.get("/recordings", summary="A contract inferred from live traffic")
def recording(
    _caller: Reading,
    parts: Opened,
    service: ProviderName,
    form: Annotated[InferredForm, Query(description="The contract's format")] = "openapi",
    consumer: Name = None,
    operation: Annotated[
        str, Query(max_length=400, description="Only this operation: METHOD /route, or a topic")
    ] = "",
    environment: Name = None,
    hours: Hours = 168,
    sure: Annotated[
        float,
        Query(
            gt=0,
            le=1,
            description="A clause is told where surely no more than this share breaks it",
        ),
    ] = SURE,
) -> Recording:
    """A field is required, a number whole, a text of a format only where so many payloads showed
    it, and none otherwise, that no more than the share `sure` can be otherwise (Clopper and
    Pearson, 95 %). Publishes nothing.
    """
    now = parts.clock()
    since = now - timedelta(hours=hours)
    named, provider = provider_named(parts, service, environment, consumer)
    inferring = inferred(
        parts.reader,
        Asked(provider, form, operation, sure),
        since,
        now + timedelta(minutes=5),
    )
    return Recording(
        provider=named,
        since=since,
        looked_at=inferring.looked_at,
        unseen=inferring.unseen,
        contracts=list(inferring.contracts),
        left_out=[
            LeftOut(operation=left.operation, why=left.why, text=NOT_TOLD[left.why])
            for left in inferring.omitted
        ],
    )
