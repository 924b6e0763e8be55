"""/v1/edges, /v1/violations, /v1/services: what live traffic shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, cast, get_args

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS, ApiError
from monitor.api.moments import FIRST, LAST, Name, Offset, Since, Until, moment
from monitor.api.paging import Paged, Paging
from monitor.api.questions import (
    FAILING,
    Range,
    broken_clauses,
    checked_counts,
    data_range,
    listed_in,
    newest_row,
    windows_state,
)
from monitor.api.strict import StrictRoute
from monitor.model.edges import EdgeQuery, EdgeRow, GroupBy
from monitor.wording.checked import OBSERVED, conformance_told, unchecked_in

router = APIRouter(prefix="/v1", tags=["edges"], responses=ERRORS, route_class=StrictRoute)

GROUPS: tuple[str, ...] = get_args(GroupBy)
DEFAULT_BY = "caller,callee,operation,versions,protocol"


class PairCount(BaseModel):
    """How often a version pair broke a clause."""

    caller_version: str
    callee_version: str
    exchanges: int


class ViolationGroup(BaseModel):
    """One clause that live exchanges break; names places and types, never values."""

    fingerprint: str
    environment: str
    caller: str
    callee: str
    caller_namespace: str
    callee_namespace: str
    contract: str
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    newest_revision: int
    exchanges: int
    first_seen: datetime
    last_seen: datetime
    statuses: Sequence[int]
    by_version_pair: Sequence[PairCount]
    example_trace: str


class CheckedTotals(BaseModel):
    """What became of exchanges. `observed` broke only what is observed. `broken` exchanges stand in
    the list of broken clauses, of which `not_closed` came after their window was last closed.
    """

    valid: int
    violated: int
    observed: int
    not_checked: dict[str, int]
    broken: int
    not_closed: int
    text: str


class LiveVersion(BaseModel):
    """A version of a service that telemetry shows alive."""

    environment: str
    namespace: str
    service: str
    version: str
    instances: int
    spans: int
    server_calls: int
    failed: int
    first_window: datetime
    last_window: datetime


@router.get(
    "/edges",
    summary="Who calls whom, by version pair, with outcomes, latencies, conformance and coverage",
)
def edges(
    request: Request,
    response: Response,
    _caller: Reading,
    parts: Opened,
    since: Since = None,
    until: Until = None,
    by: Annotated[
        str,
        Query(
            max_length=200,
            description="Comma-separated: caller, callee, protocol, operation, versions, environment",
        ),
    ] = DEFAULT_BY,
    environment: Name = None,
    caller: Name = None,
    callee: Name = None,
    operation: Name = None,
    *,
    sealed_only: Annotated[
        bool, Query(description="Leave out windows that may still change")
    ] = False,
    limit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="At most so many; all by default")
    ] = None,
    offset: Offset = 0,
) -> list[EdgeRow]:
    """All time and all rows by default, the worst first. A service is asked for by its name, or as
    `namespace/name`. Text is null where it is not grouped by; a side no span showed has a null sum
    and no quantiles.
    """
    now = parts.clock()
    query = EdgeQuery(
        since=moment(since, now),
        until=moment(until, now),
        environment=environment,
        caller=caller,
        callee=callee,
        operation=operation,
        by=_groups(by),
        sealed_only=sealed_only,
    )
    rows = sorted(parts.reader.edges(query), key=_badness)
    page = Paging(limit or max(1, len(rows)), offset, request, response)
    asked = Range(query.since or FIRST, query.until or LAST, since or "", until or "")
    page.dated(asked, windows_state(parts).last_closed)
    return page.of(rows)


@router.get("/violations", summary="Clauses that live exchanges break, by fingerprint")
def violations(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
    caller: Name = None,
    callee: Name = None,
    operation: Name = None,
    contract: Name = None,
) -> list[ViolationGroup]:
    """The last 24 hours by default, or the last day that the data has; newest first."""
    asked = data_range(parts, since, until, "24h")
    listing = broken_clauses(
        parts,
        asked,
        paged.limit,
        paged.offset,
        environment=environment,
        caller=caller,
        callee=callee,
        operation=operation,
        contract=contract,
    )
    paged.answered(listing, asked, newest_row(parts, "last_violation"))
    return [
        ViolationGroup.model_validate({**row, "by_version_pair": pairs_of(row)})
        for row in listing.rows
    ]


@router.get(
    "/violations/checked", summary="How many exchanges were checked, and how many broke a clause"
)
def checked(
    _caller: Reading,
    parts: Opened,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
    caller: Name = None,
    callee: Name = None,
) -> CheckedTotals:
    """Of the time of `/v1/violations`. Calls count once and where their window is closed; of broken
    clauses an exchange is told at once, at each clause that it breaks.
    """
    asked = data_range(parts, since, until, "24h")
    counts = checked_counts(parts, asked, environment=environment, caller=caller, callee=callee)
    left = unchecked_in(counts.conformance)
    return CheckedTotals(
        valid=counts.conformance.get("valid", 0),
        violated=counts.conformance.get("violated", 0),
        observed=counts.conformance.get(OBSERVED, 0),
        not_checked=left,
        broken=counts.broken,
        not_closed=counts.not_closed,
        text=conformance_told(counts.conformance, counts.broken, counts.not_closed),
    )


@router.get("/services", summary="Services and versions that are alive")
def services(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
    service: Name = None,
) -> list[LiveVersion]:
    """The last hour by default, or the last hour that the data has; failing ones first. A service
    is asked for by its name, or as `namespace/name`.
    """
    asked = data_range(parts, since, until)
    listing = listed_in(
        parts,
        "services",
        asked,
        paged.limit,
        paged.offset,
        environment=environment,
        service=service,
    )
    paged.answered(listing, asked, windows_state(parts).last_closed)
    return [LiveVersion.model_validate(row) for row in listing.rows]


def pairs_of(row: Mapping[str, object]) -> list[PairCount]:
    """The version pairs of a row of violations_by_fingerprint."""
    triples = cast("Sequence[tuple[str, str, int]]", row["by_version_pair"])
    return [
        PairCount(caller_version=caller, callee_version=callee, exchanges=count)
        for caller, callee, count in triples
    ]


def _badness(row: EdgeRow) -> tuple[bool, bool, bool, int]:
    """What a sort puts first: broken contracts, then failures, then what is hardly seen; the busy
    before the rest.
    """
    calls = max(1, row.calls)
    hardly_seen = row.sampling == "biased" or not row.coverage.get("both")
    return (
        not row.conformance.get("violated"),
        row.failed / calls < FAILING,
        not hardly_seen,
        -row.calls,
    )


def _groups(by: str) -> tuple[GroupBy, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in by.split(",") if part.strip()))
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        raise ApiError(
            422, f"cannot group by {unknown[0]!r}", "query.by", f"use some of {', '.join(GROUPS)}"
        )
    return cast("tuple[GroupBy, ...]", names)
