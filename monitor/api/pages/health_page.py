"""Health: does everything run, how far is it, what was lost, refused or seen from one side only."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.questions import ask, range_of, windows_state
from monitor.api.routes.health import components, unready
from monitor.api.strict import StrictRoute
from monitor.api.templating import render

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/health")
def health_page(request: Request, _caller: Reading, parts: Opened) -> HTMLResponse:
    """The operator's view."""
    now = parts.clock()
    day, hour = range_of(None, None, now, "24h"), range_of(None, None, now)
    tables = ask(parts, "size")
    return render(
        request,
        "health.html",
        {
            "reasons": unready(parts),
            "components": components(parts),
            "windows": windows_state(parts),
            "watermarks": ask(parts, "watermarks", limit=200),
            "ledger": ask(parts, "ledger_totals", limit=100),
            "rejects": ask(parts, "rejects_by_reason", since=day.since, until=day.until, limit=100),
            "coverage": ask(parts, "coverage", since=hour.since, until=hour.until, environment="", limit=200),
            "tables": tables,
        },
    )
