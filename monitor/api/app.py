"""The app, put together: guard, probes, /v1, the page, events, static files."""

from collections.abc import Callable, Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from monitor.api import faults, tracing
from monitor.api.access import may_publish
from monitor.api.events import Changes, events_router
from monitor.api.guard import Guard, public_address
from monitor.api.pages import page_routers
from monitor.api.parts import Parts
from monitor.api.routes import (
    aliases,
    amendments,
    breaks,
    contracts,
    deployable,
    deploys,
    edges,
    findings,
    gates,
    health,
    matrix,
    meaning,
    mocks,
    notices,
    overrides,
    ramps,
    recordings,
    timing,
    tokens,
    uncovered,
)
from monitor.api.sharing import Pages
from monitor.api.static import router as static_router
from monitor.api.templating import error_page
from monitor.api.waiting import Waiting

_TEXT = """Which integration broke in production, between which versions, since which deploy.

Reading is open from the machine itself; everything else needs `Authorization: Bearer TOKEN` with the scope named at the route
(read, ingest, gate, contracts:write, admin). Errors are `{"error": {"what", "where", "do"}}`. Times are UTC."""

PACKED = 4
"""gzip's level: 6 takes twice the CPU for a tenth less."""


def create_app(parts: Parts) -> FastAPI:
    """The whole HTTP face over opened parts. Nothing is opened, started or closed here; handlers
    that block run in threads.

    ConfigError for a public address, or one for our traces, that cannot be read.
    """
    config = parts.config
    public_name, public_https = public_address(config.public_url)
    app = FastAPI(
        title="Seamwatch",
        version=version("seamwatch"),
        description=_TEXT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        servers=[{"url": "/"}],
    )
    app.state.parts = parts
    app.state.pages = Pages()
    faults.add_error_handlers(app, error_page)
    routers: Sequence[APIRouter] = (
        health.probes,
        edges.router,
        contracts.router,
        amendments.router,
        matrix.router,
        meaning.router,
        mocks.router,
        ramps.router,
        recordings.router,
        deployable.router,
        breaks.router,
        timing.router,
        uncovered.router,
        deploys.router,
        findings.router,
        gates.gates_router(Waiting(parts)),
        overrides.router,
        notices.router,
        health.router,
        tokens.router,
        aliases.router,
        static_router,
        events_router(Changes(parts)),
        *page_routers(),
    )
    # Not `include_router`: it would make each route again, schemas and all, at the first request:
    # .5 CPU seconds.
    app.router.routes.extend(route for router in routers for route in router.routes)
    tracing.instrument(app, config.traces_to)
    app.add_middleware(
        Guard,
        bound_to=config.host,
        allowed_hosts=config.allowed_hosts,
        public_name=public_name,
        public_https=public_https,
        requests_per_second=config.requests_per_second,
        burst=config.burst,
        may_publish=may_publish,
    )
    # outside of the guard, whose answers are small; event streams are left as they are
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=PACKED)
    return app


AppMaker = Callable[[Parts], FastAPI]
