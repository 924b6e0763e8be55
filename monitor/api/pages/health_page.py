"""Health: does everything run, how far is it, what was lost, refused or seen from one
side only.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.questions import (
    Row,
    ask,
    data_range,
    listed,
    listed_in,
    newest_row,
    range_of,
    windows_state,
)
from monitor.api.routes.health import components, gate_mind, missed, notes, unready
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.errors import StoreError
from monitor.joining.shard_states import states_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN = 500


@router.get("/health")
def health_page(request: Request, _caller: Reading, parts: Opened) -> HTMLResponse:
    """The operator's view."""
    now = parts.clock()
    day, hour = range_of(None, None, now, "24h"), data_range(parts, None, None)
    try:
        tables: Sequence[Row] | None = ask(parts, "size")
    except StoreError:
        if not parts.shards:
            raise
        tables = None  # a shard does not answer: which one, and why, stands on the page
    rejects = listed_in(parts, "rejects_by_reason", day, MOST_SHOWN)
    return render(
        request,
        "health.html",
        {
            "reasons": unready(parts),
            "notes": notes(parts),
            "components": components(parts),
            "windows": windows_state(parts),
            "watermarks": listed(parts, "watermarks", MOST_SHOWN),
            "ledger": listed(parts, "ledger_totals", MOST_SHOWN),
            "rejects": rejects,
            "newest_reject": None if rejects.rows else newest_row(parts, "last_reject"),
            "coverage": listed_in(parts, "coverage", hour, MOST_SHOWN, environment=None),
            "missed": missed,
            "range": hour,
            "tables": tables,
            "gates": gate_mind(parts),
            "shards": states_of(parts.shards),
        },
    )
