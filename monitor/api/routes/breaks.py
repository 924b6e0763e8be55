"""/v1/violations/events: which clause is broken anew, again, or no longer."""

from fastapi import APIRouter

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import moment
from monitor.api.paging import Paged
from monitor.api.routes.findings import AcceptBody
from monitor.api.strict import StrictRoute
from monitor.control import breaks
from monitor.control.audit import AuditEntry, note
from monitor.model.breaks import ContractBreak

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)


@router.get("/violations/events", summary="Broken clauses as events: new, again, gone; broken ones first")
def list_events(_caller: Reading, parts: Opened, paged: Paged) -> list[ContractBreak]:
    """One for each clause and environment, with its version pairs, the deploy before, and who accepted it until when."""
    found = breaks.list_breaks(parts.engine, limit=paged.limit, offset=paged.offset)
    paged.told(len(found), breaks.count_breaks(parts.engine))
    return list(found)


@router.post("/violations/events/{event_id}/accept", summary="Say that a broken clause is known")
def accept_event(caller: Administering, parts: Opened, event_id: str, body: AcceptBody) -> ContractBreak:
    """Nobody is told of it until `expires`; where it was told, it is told to be over."""
    now = parts.clock()
    expires = moment(body.expires, now)
    if expires is None or expires <= now:
        raise ApiError(422, "the acceptance would already be over", "body.expires", "send a time in the future")
    found = breaks.accept_break(parts.engine, event_id, body.owner, body.reason, expires, now)
    if found is None:
        raise not_found("event", event_id, "GET /v1/violations/events lists them")
    details = {"owner": body.owner, "reason": body.reason, "expires": expires.isoformat()}
    note(parts.engine, AuditEntry(now, caller.name, "accept violation", event_id, details))
    return found
