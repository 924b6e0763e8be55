"""Edges: the list, and one edge by version pair, over time, with violations, traces and deploys."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.charts import Marker
from monitor.api.moments import Name, Since, Until
from monitor.api.pages.finding_pages import deploys_of
from monitor.api.pages.lines import map_lines
from monitor.api.parts import Parts
from monitor.api.questions import RANGES, Range, ask, range_of, windows_state
from monitor.api.strict import StrictRoute
from monitor.api.templating import link, render
from monitor.api.wording import name
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.model.edges import EdgeQuery, EdgeRow
from monitor.model.judging import Finding

router = APIRouter(include_in_schema=False, route_class=StrictRoute)


@router.get("/edges")
def edges_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    since: Since = None,
    until: Until = None,
    environment: Name = None,
    service: Name = None,
) -> HTMLResponse:
    """All edges, or those of one service."""
    asked = range_of(since, until, parts.clock())
    rows = ask(parts, "edges_overview", since=asked.since, until=asked.until, environment=environment or "", limit=2000)
    environments = sorted({row["environment"] for row in rows})
    kept = [row for row in rows if not service or service in (row["caller"], row["callee"])]
    findings = kept_findings.list_findings(parts.engine, state="open")
    seen = ask(parts, "services", since=asked.since, until=asked.until, environment=environment or "", limit=2000)
    groups = [
        (
            one,
            map_lines(
                [row for row in kept if row["environment"] == one],
                [finding for finding in findings if finding.edge.environment == one],
                {row["service"] for row in seen if row["environment"] == one},
                asked,
            ),
        )
        for one in environments
    ]
    return render(
        request,
        "edges.html",
        {
            "range": asked,
            "ranges": RANGES,
            "service": service or "",
            "environment": environment or "",
            "versions": [row for row in seen if row["service"] == service],
            "groups": [(one, lines) for one, lines in groups if lines],
            "windows": windows_state(parts),
        },
    )


@router.get("/edges/view")
def edge_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    caller: str,
    callee: str,
    environment: Name = None,
    protocol: Name = None,
    operation: Name = None,
    since: Since = None,
    until: Until = None,
) -> HTMLResponse:
    """One pair of services, or one operation between them."""
    asked = range_of(since, until, parts.clock())
    where = {
        "environment": environment or "",
        "caller": caller,
        "callee": callee,
        "protocol": protocol or "",
        "operation": operation or "",
    }
    times = {"since": asked.since, "until": asked.until}
    links = {**where, "since": asked.text, "until": asked.until_text}
    state = windows_state(parts)
    findings = _findings_of(parts, where, asked.since)
    return render(
        request,
        "edge.html",
        {
            "range": asked,
            "ranges": RANGES,
            "environment": where["environment"],
            "caller_name": caller,
            "callee": callee,
            "protocol": where["protocol"],
            "operation": where["operation"],
            "windows": state,
            "links": links,
            "operations": ask(parts, "edge_operations", **times, **{**where, "operation": "", "protocol": ""}, limit=200),
            "pairs": version_pairs(parts, asked, where),
            "rates": ask(parts, "edge_rates", **times, **where, bucket_seconds=asked.bucket_seconds)[-60:],
            "exemplars": ask(parts, "edge_exemplars", **times, **where, limit=24),
            "violations": ask(
                parts,
                "violations_by_fingerprint",
                **times,
                environment=where["environment"],
                caller=caller,
                callee=callee,
                operation="",
                contract="",
                limit=50,
            ),
            "findings": findings,
            "finding_deploys": deploys_of(parts, findings),
            "sealed_until": sealed_until(state.last_sealed),
            "deploys": kept_deploys.list_deploys(parts.engine, since=asked.since, until=asked.until, limit=200),
            "chart": {what: link("/charts/edge", **links, what=what) for what in ("latency", "failures", "rate")},
        },
    )


def version_pairs(parts: Parts, asked: Range, where: dict[str, str]) -> list[EdgeRow]:
    """The edge's numbers by version pair, the busiest first."""
    query = EdgeQuery(
        since=asked.since,
        until=asked.until,
        environment=where["environment"] or None,
        caller=where["caller"],
        callee=where["callee"],
        operation=where["operation"] or None,
        by=("caller", "callee", "protocol", "versions"),
    )
    rows = [row for row in parts.reader.edges(query) if not where["protocol"] or row.protocol == where["protocol"]]
    return sorted(rows, key=lambda row: (-row.calls, row.caller_version or "", row.callee_version or ""))


def deploy_markers(parts: Parts, asked: Range, services: set[str], environment: str) -> list[Marker]:
    """Deploys of these services in this time."""
    found = kept_deploys.list_deploys(parts.engine, since=asked.since, until=asked.until, environment=environment or None)
    return [Marker(one.started, f"{name(one.service, 20)} {name(one.version, 16)}") for one in found if one.service in services]


def sealed_until(last_sealed: datetime | None) -> datetime | None:
    """The end of the newest sealed window."""
    return None if last_sealed is None else last_sealed + timedelta(seconds=10)


def _findings_of(parts: Parts, where: dict[str, str], since: datetime) -> list[Finding]:
    found = kept_findings.list_findings(parts.engine, since=since)
    return [
        one
        for one in found
        if one.edge.caller == where["caller"]
        and one.edge.callee == where["callee"]
        and where["environment"] in ("", one.edge.environment)
        and where["operation"] in ("", one.edge.operation)
    ]
