"""Edges: the list, and one edge by version pair, over time, with violations, traces
and deploys.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.advice import Unchecked, unchecked
from monitor.api.access import Opened, Reading
from monitor.api.charts import Marker
from monitor.api.formatting import name
from monitor.api.moments import Name, Since, Until
from monitor.api.pages.finding_pages import deploys_of
from monitor.api.pages.known_names import ends_of, names_known
from monitor.api.pages.lines import map_lines
from monitor.api.parts import Parts
from monitor.api.questions import (
    RANGES,
    Range,
    Row,
    ask,
    broken_clauses,
    data_range,
    listed_in,
    windows_state,
)
from monitor.api.sharing import PageRoute
from monitor.api.templating import link, render
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery, EdgeRow, is_called
from monitor.model.judging import Finding

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_ROWS = 50_000
MOST_SHOWN, MOST_STEPS = 500, 60


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
    asked = data_range(parts, since, until)
    overview = listed_in(parts, "edges_overview", asked, MOST_ROWS, environment=environment)
    rows = overview.rows
    environments = sorted({row["environment"] for row in rows})
    kept = [row for row in rows if not service or _takes_part(row, service)]
    findings = kept_findings.list_findings(parts.engine, state="open")
    seen = listed_in(
        parts, "services", asked, MOST_ROWS, environment=environment, service=None
    ).rows
    groups = [
        (
            environment,
            map_lines(
                [row for row in kept if row["environment"] == environment],
                [finding for finding in findings if finding.edge.environment == environment],
                {
                    (row["namespace"], row["service"])
                    for row in seen
                    if row["environment"] == environment
                },
                asked,
            ),
        )
        for environment in environments
    ]
    return render(
        request,
        "edges.html",
        {
            "range": asked,
            "ranges": RANGES,
            "service": service or "",
            "environment": environment or "",
            "versions": [
                row
                for row in seen
                if service and is_called(row["namespace"], row["service"], service)
            ],
            "rows": overview,
            "groups": [
                (environment, lines[:MOST_SHOWN], len(lines))
                for environment, lines in groups
                if lines
            ],
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
    asked = data_range(parts, since, until)
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
    rates = ask(parts, "edge_rates", **times, **where, bucket_seconds=asked.bucket_seconds)
    findings = _findings_of(parts, where, asked.since)
    pairs = version_pairs(parts, asked, where)
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
            "operations": listed_in(
                parts,
                "edge_operations",
                asked,
                MOST_SHOWN,
                **{**where, "operation": "", "protocol": ""},
            ),
            "pairs": pairs,
            "unchecked": _unchecked(pairs),
            "rates": rates[-MOST_STEPS:],
            "rates_in_all": len(rates),
            "exemplars": ask(parts, "edge_exemplars", **times, **where, limit=24),
            "violations": broken_clauses(
                parts, asked, MOST_SHOWN, environment=environment, caller=caller, callee=callee
            ),
            "findings": findings,
            "names": names_known(parts, ends_of(finding.edge for finding in findings)),
            "finding_deploys": deploys_of(parts, findings),
            "sealed_until": sealed_until(state.last_sealed),
            "chart": {
                what: link("/charts/edge", **links, what=what)
                for what in ("latency", "failures", "rate")
            },
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
    rows = [
        row
        for row in parts.reader.edges(query)
        if not where["protocol"] or row.protocol == where["protocol"]
    ]
    return sorted(
        rows, key=lambda row: (-row.calls, row.caller_version or "", row.callee_version or "")
    )


def _unchecked(pairs: Sequence[EdgeRow]) -> list[Unchecked]:
    """Why calls of this edge were not checked, the most frequent reason first."""
    calls = checked = 0
    reasons: Counter[str] = Counter()
    for row in pairs:
        if row.protocol != "db":
            calls += row.calls
            checked += row.conformance.get("valid", 0) + row.conformance.get("violated", 0)
            reasons.update(
                {
                    name.partition(":")[2]: count
                    for name, count in row.conformance.items()
                    if ":" in name
                }
            )
    return unchecked(calls, checked, reasons)


def deploy_markers(
    parts: Parts, asked: Range, services: set[str], environment: str
) -> list[Marker]:
    """Deploys of these services in this time."""
    deploys = kept_deploys.list_deploys(
        parts.engine, since=asked.since, until=asked.until, environment=environment or None
    )
    return [
        Marker(deploy.started, f"{name(deploy.service, 20)} {name(deploy.version, 16)}")
        for deploy in deploys
        if any(deploy.is_of(service) for service in services)
    ]


def sealed_until(last_sealed: datetime | None) -> datetime | None:
    """The end of the newest sealed window."""
    return None if last_sealed is None else last_sealed + timedelta(seconds=WINDOW_SECONDS)


def _takes_part(row: Row, service: str) -> bool:
    return any(
        is_called(row[f"{side}_namespace"], row[side], service) for side in ("caller", "callee")
    )


def _findings_of(parts: Parts, where: dict[str, str], since: datetime) -> list[Finding]:
    findings = kept_findings.list_findings(parts.engine, since=since)
    return [
        finding
        for finding in findings
        if is_called(finding.edge.caller_namespace, finding.edge.caller, where["caller"])
        and is_called(finding.edge.callee_namespace, finding.edge.callee, where["callee"])
        and where["environment"] in ("", finding.edge.environment)
        and where["operation"] in ("", finding.edge.operation)
    ]
