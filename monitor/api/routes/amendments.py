"""/v1/amendments: a proposed revision, judged by what was live before it takes effect."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from monitor.api.access import Opened, Publishing
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.strict import ExactBody, StrictRoute
from monitor.contracts.amendment import Bearing
from monitor.contracts.change import Change
from monitor.contracts.read import completed, read_draft
from monitor.contracts.shown_headers import OpenCode
from monitor.control import contracts as registry
from monitor.joining.amended import Met, Told
from monitor.joining.amending import amendment
from monitor.model.contracts import ContractDraft, ContractFormat
from monitor.wording.amendments import UNSETTLED, WHY

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)
Hours = Annotated[int, Field(ge=1, le=720, description="Look back so many hours")]


class AmendmentBody(ExactBody):
    """A revision that is proposed. Empty text means all: every version, consumer, environment."""

    document: str = Field(min_length=1, max_length=16_000_000)
    name: str = Field(default="", max_length=200, description="As for publishing")
    format: ContractFormat | None = Field(default=None)
    provider: str = Field(default="", max_length=1000, description="A pact names it itself")
    consumer: str | None = Field(default=None, max_length=1000)
    environment: str | None = Field(default=None, max_length=1000)
    against: Annotated[int, Field(ge=1, le=1_000_000_000)] | Literal["live"] = Field(
        default="live", description="A revision's number; live: the newest one in force"
    )
    hours: Hours = 168


class OpenPlace(BaseModel):
    """Why what is kept of live payloads does not settle a change, and where."""

    why: OpenCode
    pointer: str
    text: str


class JudgedChange(BaseModel):
    """A change, how it bears, and how many of the payloads that it concerns meet it; of `untold` of
    them that cannot be told, and why.
    """

    change: Change
    bearing: Bearing
    why: str
    text: str
    counterexample: str
    looked_at: int
    affected: int
    upper: float
    untold: int
    unsettled: list[OpenPlace]


class JudgedAmendment(BaseModel):
    """`exit_code` 0 compatible, 1 breaking, 2 undecided: with no live traffic it is never 0.
    Shares are of payloads that were looked at, with Clopper and Pearson's upper limit at 95 %.
    """

    name: str
    against: int
    provider: str
    since: datetime
    result: Bearing
    exit_code: Literal[0, 1, 2]
    reason: str
    seen: int
    changes: list[JudgedChange]
    met: list[Met]
    lost: list[Met]
    operations: list[Told]


@router.post("/amendments", summary="Judge a proposed revision by documents and live traffic")
def judge_amendment(_caller: Publishing, parts: Opened, body: AmendmentBody) -> JudgedAmendment:
    """Publishes nothing. 404 where no revision is published to hold it against."""
    now = parts.clock()
    draft = completed(
        ContractDraft(
            body.name,
            body.format or "",
            body.provider,
            body.document,
            "",
            body.consumer,
            body.environment,
            now,
            None,
            None,
            None,
            None,
        )
    )
    planned = registry.plan(parts.engine, draft, now, read=read_draft)
    name = planned.revision.name
    number = body.against if body.against != "live" else _in_force(parts, name, now)
    old = registry.revision(parts.engine, name, number) if number else None
    if old is None:
        raise not_found("revision to hold it against", name, "publish one first")
    if old.format != planned.revision.format:
        raise ApiError(
            422, f"revision {old.number} is {old.format}", name[:80], "amend one of its kind"
        )
    since = now - timedelta(hours=body.hours)
    judged = amendment(parts.reader, parts.config.aliases, old, planned.revision, since, now)
    return JudgedAmendment(
        name=name,
        against=old.number,
        provider=old.provider,
        since=since,
        result=judged.result,
        exit_code=judged.exit_code,
        reason=judged.reason,
        seen=judged.seen,
        changes=[
            JudgedChange(
                **asdict(row.weighed),
                text=WHY[row.weighed.why],
                looked_at=row.looked_at,
                affected=row.affected,
                upper=row.upper,
                untold=row.untold,
                unsettled=[
                    OpenPlace(why=it.why, pointer=it.pointer, text=UNSETTLED.get(it.why, ""))
                    for it in row.unsettled
                ],
            )
            for row in judged.changes
        ],
        met=list(judged.met),
        lost=list(judged.lost),
        operations=list(judged.operations),
    )


def _in_force(parts: Opened, name: str, now: datetime) -> int:
    """The newest revision that is in force; 0 where none is."""
    return max(
        (
            revision.number
            for revision in registry.listed(parts.engine, name=name)
            if revision.effective_from <= now
        ),
        default=0,
    )
