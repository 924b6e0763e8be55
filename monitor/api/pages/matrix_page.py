"""The matrix: what each consumer expects of a provider, which of its live versions have shown it,
and whether they are in time.
"""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.moments import Name
from monitor.api.routes.matrix import matrix_of
from monitor.api.routes.timing import timing_of_service
from monitor.api.sharing import PageRoute
from monitor.api.templating import render
from monitor.control import contracts as registry

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/matrix")
def matrix_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    service: Name = None,
    environment: Name = None,
) -> HTMLResponse:
    """One provider's matrix; without a provider, those that have contracts."""
    providers = sorted(
        {revision.provider for revision in registry.listed(parts.engine) if revision.binds}
    )
    matrix = matrix_of(parts, service, environment) if service else None
    times = timing_of_service(parts, service, environment) if service else None
    return render(
        request,
        "matrix.html",
        {"service": service, "providers": providers, "matrix": matrix, "times": times},
    )
