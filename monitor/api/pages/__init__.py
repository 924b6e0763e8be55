"""The page for people: one file a view. Every view reads without JavaScript; with it, parts renew
themselves.
"""

from collections.abc import Sequence

from fastapi import APIRouter

from monitor.api.pages import (
    alerts_page,
    charts_data,
    contracts_page,
    deploy_pages,
    docs_page,
    edge_pages,
    finding_pages,
    health_page,
    map_page,
    matrix_page,
    ramp_page,
    sign_in,
    uncovered_page,
    violations_page,
    workbench_page,
)


def page_routers() -> Sequence[APIRouter]:
    """All views."""
    return (
        map_page.router,
        edge_pages.router,
        deploy_pages.router,
        finding_pages.router,
        violations_page.router,
        alerts_page.router,
        contracts_page.router,
        workbench_page.router,
        matrix_page.router,
        uncovered_page.router,
        ramp_page.router,
        health_page.router,
        sign_in.router,
        docs_page.router,
        charts_data.router,
    )
