"""Violations: which clauses live exchanges break, between which versions."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.moments import Name, Since, Until
from monitor.api.pages.known_names import names_known
from monitor.api.pages.lines import services_of
from monitor.api.questions import (
    RANGES,
    broken_clauses,
    checked_counts,
    data_range,
    newest_row,
)
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.control.breaks import count_breaks, list_breaks
from monitor.wording.checked import OBSERVED, conformance_told

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN, MOST_EVENTS = 500, 50
CHECKED = ("valid", "violated", OBSERVED)
OBSERVED_DAYS, MOST_OBSERVED = 7, 100


@router.get("/violations")
def violations_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
    caller: Name = None,
    callee: Name = None,
    contract: Name = None,
) -> HTMLResponse:
    """Grouped by fingerprint, newest first; the last day by default."""
    asked = data_range(parts, since, until, "24h")
    listing = broken_clauses(
        parts,
        asked,
        MOST_SHOWN,
        environment=environment,
        caller=caller,
        callee=callee,
        contract=contract,
    )
    counts = checked_counts(parts, asked, environment=environment, caller=caller, callee=callee)
    return render(
        request,
        "violations.html",
        {
            "violations": listing,
            "names": names_known(parts, services_of(listing.rows)),
            "newest_violation": None if listing.rows else newest_row(parts, "last_violation"),
            "observed": parts.reader.observations(
                parts.clock() - timedelta(days=OBSERVED_DAYS),
                parts.clock() + timedelta(days=1),
                environment or "",
                MOST_OBSERVED,
            ),
            "observed_days": OBSERVED_DAYS,
            "events": list_breaks(parts.engine, limit=MOST_EVENTS),
            "events_in_all": count_breaks(parts.engine),
            "range": asked,
            "ranges": RANGES,
            "checked": sum(counts.conformance.get(word, 0) for word in CHECKED),
            "counts": conformance_told(counts.conformance, counts.broken, counts.not_closed),
        },
    )
