"""/v1/alerts, /v1/deliveries, /v1/receivers: what left, or will leave, and who got it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import Name
from monitor.api.paging import Paged
from monitor.api.strict import StrictRoute
from monitor.control import outbox
from monitor.control.audit import AuditEntry, note
from monitor.control.outbox import Letter
from monitor.errors import NotifyError
from monitor.model.alerts import Delivery, Tracked

router = APIRouter(prefix="/v1", tags=["alerts"], responses=ERRORS, route_class=StrictRoute)


class TestReply(BaseModel):
    """What the receiver said to a test."""

    receiver: str
    result: str


@router.get("/alerts", summary="Alerts, firing ones first, then the last changed")
def list_alerts(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    state: Annotated[Literal["pending", "firing", "resolved"] | None, Query()] = None,
) -> list[Tracked]:
    """One for each bad deploy, its root edges listed; `told` says what receivers know of it."""
    alerts = outbox.list_alerts(parts.engine, state=state, limit=paged.limit, offset=paged.offset)
    paged.told(len(alerts), outbox.count_alerts(parts.engine, state=state))
    return alerts


@router.get("/deliveries", summary="Tries to deliver, newest first")
def list_deliveries(
    _caller: Reading, parts: Opened, paged: Paged, alert_key: Name = None
) -> list[Delivery]:
    """delivered, busy (tried again later), refused, dead, or suppressed by the rate cap."""
    deliveries = outbox.list_deliveries(
        parts.engine, alert_key=alert_key, limit=paged.limit, offset=paged.offset
    )
    paged.told(len(deliveries), outbox.count_deliveries(parts.engine, alert_key=alert_key))
    return deliveries


@router.get("/letters", summary="What waits to be delivered, and what was given up on")
def list_letters(_caller: Reading, parts: Opened, paged: Paged) -> list[Letter]:
    """Newest first."""
    letters = outbox.list_letters(parts.engine, limit=paged.limit, offset=paged.offset)
    counts = outbox.count_letters(parts.engine)
    paged.told(len(letters), counts.get("due", 0) + counts.get("dead", 0))
    return letters


@router.post("/receivers/{name}/test", summary="Send a test to a receiver")
def test_receiver(caller: Administering, parts: Opened, name: str) -> TestReply:
    """404 for a receiver that is not set up; 503 when it does not take the test."""
    test = parts.receivers.get(name)
    if test is None:
        receivers = ", ".join(sorted(parts.receivers)) or "none"
        raise not_found(
            "receiver",
            name,
            f"receivers of this process: {receivers}; set them up in the settings",
        )
    note(parts.engine, AuditEntry(parts.clock(), caller.name, "test receiver", name))
    try:
        return TestReply(receiver=name, result=test())
    except NotifyError as error:
        raise ApiError(
            503, str(error), f"receiver {name}", "check its address and secret"
        ) from error
