"""Alerts: what fires, and what reached which receiver."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.control import findings as kept_findings
from monitor.control import outbox
from monitor.control import silences as kept_silences

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SHOWN, MOST_SHOWN = 4, 500


@router.get("/alerts")
def alerts_page(request: Request, _caller: Reading, parts: Opened) -> HTMLResponse:
    """Firing ones first."""
    alerts = outbox.list_alerts(parts.engine, limit=MOST_SHOWN)
    waiting = outbox.count_letters(parts.engine)
    named = {finding_id for tracked in alerts for finding_id in tracked.alert.finding_ids[:SHOWN]}
    return render(
        request,
        "alerts.html",
        {
            "findings": kept_findings.by_id(parts.engine, named),
            "shown": SHOWN,
            "alerts": alerts,
            "alerts_in_all": outbox.count_alerts(parts.engine),
            "deliveries": outbox.list_deliveries(parts.engine, limit=MOST_SHOWN),
            "deliveries_in_all": outbox.count_deliveries(parts.engine),
            "letters": outbox.list_letters(parts.engine, limit=MOST_SHOWN),
            "letters_in_all": waiting.get("due", 0) + waiting.get("dead", 0),
            "silences": kept_silences.list_silences(parts.engine, parts.clock()),
            "receivers": sorted(parts.receivers),
        },
    )
