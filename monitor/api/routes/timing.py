"""/v1/timing: the times that contracts tell, held against how long calls take."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.moments import Name, ProviderName
from monitor.api.parts import Parts
from monitor.api.strict import StrictRoute
from monitor.joining.timing import TimingVerdict, TimingWord, judge_timing, timed_contracts
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.services import split_service
from monitor.wording.times import time_sentence

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)
HOURS = 24


class ToldReason(BaseModel):
    """Why: a stable code with its parameters, and both as a sentence."""

    code: str
    parameters: dict[str, str | float | int]
    text: str


class TimingLine(BaseModel):
    """One clause against one edge and version of its callee; `quantile` null is a timeout.

    The share of calls that take longer lies between `share_low` and `share_high`. `side` tells
    whose clock was read.
    """

    contract: str
    revision: int
    clause: str
    environment: str
    caller: str
    callee: str
    operation: str
    version: str
    quantile: float | None
    limit_seconds: float
    side: str
    word: TimingWord
    calls: int
    slower: int
    share_low: float
    share_high: float
    since_version: str
    reason: ToldReason


class TimingFound(BaseModel):
    """Verdicts, broken ones first, over sealed windows of so many hours until the newest one."""

    service: str
    since: datetime
    until: datetime
    contracts: int
    verdicts: list[TimingLine]


@router.get("/timing", summary="Timeouts and latencies of contracts against how long calls take")
def contract_timing(
    _caller: Reading,
    parts: Opened,
    service: ProviderName,
    environment: Name = None,
    hours: Annotated[
        int,
        Query(
            ge=1, le=24 * 30, description="Look back so many hours from the newest sealed window"
        ),
    ] = HOURS,
) -> TimingFound:
    """`x-seamwatch-timeout` and `x-seamwatch-latency` of OpenAPI documents, and what `contracts
    timing` published, by edge and version.
    """
    return timing_of_service(parts, service, environment, hours)


def timing_of_service(
    parts: Parts, service: str, environment: str | None, hours: int = HOURS
) -> TimingFound:
    """The verdicts on one provider."""
    aliases = parts.config.aliases
    wanted = aliases.service(service)
    timed = timed_contracts(parts.engine, aliases, wanted, at=parts.clock())
    until = (parts.reader.last_sealed() or parts.clock()) + timedelta(seconds=WINDOW_SECONDS)
    since = until - timedelta(hours=hours)
    rows = (
        parts.reader.tails(
            sorted({wanted, split_service(wanted)[0]}), since, until, environment or ""
        )
        if timed
        else []
    )
    verdicts = judge_timing(timed, rows)
    return TimingFound(
        service=service, since=since, until=until, contracts=len(timed), verdicts=_lines(verdicts)
    )


def _lines(verdicts: Sequence[TimingVerdict]) -> list[TimingLine]:
    lines = []
    for verdict in verdicts:
        values = {
            name: getattr(verdict, name) for name in TimingLine.model_fields if name != "reason"
        }
        reason = {
            "code": verdict.reason.code,
            "parameters": dict(verdict.reason.parameters),
            "text": time_sentence(verdict.reason),
        }
        lines.append(TimingLine.model_validate({**values, "reason": reason}))
    return lines
