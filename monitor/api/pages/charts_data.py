"""The data of charts, drawn by Bokeh in the browser."""

from typing import Any, Literal

from fastapi import APIRouter

from monitor.api.access import Opened, Reading
from monitor.api.charts import Chart, Theme, draw
from monitor.api.moments import Name, Since, Until
from monitor.api.pages.edge_pages import deploy_markers, sealed_until
from monitor.api.questions import ask, data_range, windows_state
from monitor.api.routes.deploys import detail, ramp_range
from monitor.api.sharing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/charts/edge")
def edge_chart(
    _caller: Reading,
    parts: Opened,
    what: Literal["latency", "failures", "rate"],
    caller: str,
    callee: str,
    environment: Name = None,
    protocol: Name = None,
    operation: Name = None,
    since: Since = None,
    until: Until = None,
    theme: Theme = "light",
) -> dict[str, Any]:
    """One chart of an edge as Bokeh's JSON item."""
    asked = data_range(parts, since, until)
    question = "edge_latency" if what == "latency" else "edge_rates"
    rows = ask(
        parts,
        question,
        since=asked.since,
        until=asked.until,
        environment=environment or "",
        caller=caller,
        callee=callee,
        protocol=protocol or "",
        operation=operation or "",
        bucket_seconds=asked.bucket_seconds,
    )
    columns: dict[str, tuple[tuple[str, ...], str, float, bool]] = {
        "latency": (_latency_columns(rows) if what == "latency" else (), "ms", 1000.0, False),
        "failures": (("failed_share",), "failed", 1.0, True),
        "rate": (("calls_per_second",), "calls/s", 1.0, False),
    }
    wanted, unit, scale, share = columns[what]
    chart = Chart(
        title=what,
        unit=unit,
        rows=rows,
        columns=wanted,
        since=asked.since,
        until=asked.until,
        scale=scale,
        share=share,
        markers=deploy_markers(parts, asked, {caller, callee}, environment or ""),
        provisional_from=sealed_until(windows_state(parts).last_sealed),
    )
    return draw(chart, ("caller_version", "callee_version"), theme)


@router.get("/charts/deploys/{deploy_id}")
def ramp_chart(
    _caller: Reading, parts: Opened, deploy_id: str, theme: Theme = "light"
) -> dict[str, Any]:
    """The ramp: each version's share of the service's server calls over time."""
    shown = detail(parts, deploy_id)
    around = ramp_range(parts, shown.deploy)
    chart = Chart(
        title="ramp",
        unit="share of calls",
        rows=[share.model_dump() for share in shown.shares],
        columns=("share",),
        since=around.since,
        until=around.until,
        share=True,
        markers=deploy_markers(parts, around, {shown.deploy.called}, shown.deploy.environment),
        provisional_from=sealed_until(windows_state(parts).last_sealed),
    )
    return draw(chart, ("version",), theme)


def _latency_columns(rows: Any) -> tuple[str, ...]:
    """The client's side where it was seen, else the server's."""
    seen = any(row["client_p95"] is not None for row in rows)
    return ("client_p95", "client_p50") if seen else ("server_p95", "server_p50")
