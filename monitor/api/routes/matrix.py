"""/v1/matrix: what a provider's live versions keep, break or have not shown of what each consumer
expects.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.moments import Name, ProviderName
from monitor.api.parts import Parts
from monitor.api.questions import data_range, listed_in
from monitor.api.strict import StrictRoute
from monitor.control import contracts as registry
from monitor.errors import ContractError
from monitor.joining.matrix import Expected, Live, MatrixCell, matrix
from monitor.joining.publishing import promise_of
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.services import may_be_one, split_service

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)
DAYS = 30
_MOST_VERSIONS = 5_000


class Matrix(BaseModel):
    """Cells by consumer, contract, environment and version. `unreadable` names contracts whose
    text cannot be used any more.
    """

    service: str
    days: int
    since: datetime
    cells: list[MatrixCell]
    unreadable: list[str]


@router.get("/matrix", summary="What live versions show of each consumer's expectations")
def contract_matrix(
    _caller: Reading,
    parts: Opened,
    service: ProviderName,
    environment: Name = None,
    days: Annotated[int, Query(ge=1, le=400, description="Look back so many days")] = DAYS,
) -> Matrix:
    """For each contract of examples that binds the provider (mocks do not), its newest revision,
    against the versions that answered calls in the last hour, or in the last hour that the data
    has. Where none is known to be live, those that were seen showing something.
    """
    return matrix_of(parts, service, environment, days)


def matrix_of(parts: Parts, service: str, environment: str | None, days: int = DAYS) -> Matrix:
    """The matrix of one provider."""
    now = parts.clock()
    since = now - timedelta(days=days)
    aliases = parts.config.aliases
    wanted = aliases.service(service)
    expected: list[Expected] = []
    unreadable: list[str] = []
    asked = [
        revision
        for revision in registry.listed(parts.engine, newest=True)
        if revision.binds
        and may_be_one(canonical(revision, aliases).provider, wanted)
        and (not environment or revision.environment in ("", environment))
    ]
    for revision in registry.whole(parts.engine, asked):
        try:
            promise = promise_of(revision)
        except ContractError:
            unreadable.append(revision.name)
            continue
        if promise.by_example:
            rows = parts.reader.interactions(
                revision.name, since, now + timedelta(days=1), environment or ""
            )
            expected.append(Expected(_told(revision, promise.consumer), promise, rows))
    listing = listed_in(
        parts,
        "services",
        data_range(parts, None, None),
        _MOST_VERSIONS,
        environment=environment,
        service=split_service(wanted)[0],
    )
    live = sorted(
        {(row["environment"], row["version"]) for row in listing.rows if row["server_calls"]}
    )
    cells = matrix(expected, [Live(place, version) for place, version in live])
    return Matrix(service=service, days=days, since=since, cells=cells, unreadable=unreadable)


def _told(revision: Revision, consumer: str) -> Revision:
    """The revision under the consumer that its document names, where nobody named one."""
    return revision if revision.consumer or not consumer else replace(revision, consumer=consumer)
