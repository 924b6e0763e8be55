"""What is live and in no contract, the riskiest first: where adopting contracts is worth most."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.moments import Name
from monitor.api.routes.uncovered import DAYS, uncovered_of
from monitor.api.sharing import PageRoute
from monitor.api.templating import render

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN = 200


@router.get("/uncovered")
def uncovered_page(
    request: Request, _caller: Reading, parts: Opened, environment: Name = None
) -> HTMLResponse:
    """Of the last week; the same as `seamwatch contracts uncovered`."""
    listing = uncovered_of(parts, DAYS, environment or "")
    return render(
        request,
        "uncovered.html",
        {"listing": listing, "rows": listing.uncovered[:MOST_SHOWN], "days": DAYS},
    )
