"""/v1/violations/events: which clause is broken anew, again, or no longer. /v1/observations: what
is held against nobody.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, not_found
from monitor.api.moments import Name
from monitor.api.paging import Paged
from monitor.api.routes.contracts import Days
from monitor.api.routes.findings import AcceptBody, expiry_of
from monitor.api.strict import StrictRoute
from monitor.control import breaks
from monitor.control.audit import AuditEntry, note
from monitor.model.breaks import ContractBreak
from monitor.wording.breaks import break_sentence

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)


@dataclass(frozen=True, slots=True)
class ToldBreak(ContractBreak):
    """An event with its sentence."""

    text: str = ""


@router.get(
    "/violations/events", summary="Broken clauses as events: new, again, gone; broken ones first"
)
def list_events(_caller: Reading, parts: Opened, paged: Paged) -> list[ToldBreak]:
    """One for each clause and environment, with its version pairs, the deploy before, and who
    accepted it until when.

    `time` are the numbers of a clause on time, `text` says it all. `untested`: not seen for a day,
    but neither was a call in which it could have shown. `flips`: how often it was gone and came
    back on unchanged code, by an unchanged contract.
    """
    events = breaks.list_breaks(parts.engine, limit=paged.limit, offset=paged.offset)
    paged.told(len(events), breaks.count_breaks(parts.engine))
    return [
        ToldBreak(
            **{field.name: getattr(event, field.name) for field in fields(event)},
            text=break_sentence(event),
        )
        for event in events
    ]


class Observation(BaseModel):
    """Something seen of exchanges that is held against nobody, by operation and version pair."""

    observation: str
    contract: str
    operation: str
    environment: str
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    exchanges: int
    first_seen: datetime
    last_seen: datetime


@router.get(
    "/observations",
    summary="Seen and held against nobody: deprecated, past its sunset, undocumented parameters, no credentials, no TLS",
)
def list_observations(
    _caller: Reading, parts: Opened, paged: Paged, days: Days = 7, environment: Name = None
) -> list[Observation]:
    """Who still calls what is deprecated or past its sunset, and the like; the last seen first, at
    most 10,000.
    """
    now = parts.clock()
    rows = parts.reader.observations(
        now - timedelta(days=days), now + timedelta(days=1), environment or ""
    )
    return paged.of([Observation.model_validate(row) for row in rows])


@router.post("/violations/events/{event_id}/accept", summary="Say that a broken clause is known")
def accept_event(
    caller: Administering, parts: Opened, event_id: str, body: AcceptBody
) -> ContractBreak:
    """Nobody is told of it until `expires`; where it was told, it is told to be over."""
    now = parts.clock()
    expires = expiry_of(body, now)
    event = breaks.accept_break(parts.engine, event_id, body.owner, body.reason, expires, now)
    if event is None:
        raise not_found(
            "event", event_id, "GET /v1/violations/events (seamwatch broken) lists them"
        )
    details = {"owner": body.owner, "reason": body.reason, "expires": expires.isoformat()}
    note(parts.engine, AuditEntry(now, caller.name, "accept violation", event_id, details))
    return event
