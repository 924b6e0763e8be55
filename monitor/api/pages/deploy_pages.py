"""Deploys: what changed, how far the new version has come, and whether it is good."""

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from monitor.api.access import Opened, Reading
from monitor.api.moments import Name, Since
from monitor.api.pages.known_names import ends_of, names_known
from monitor.api.questions import namespaces_seen, range_of, windows_state
from monitor.api.routes.deploys import SHARES_OF, detail, shares_now
from monitor.api.sharing import PageRoute
from monitor.api.templating import path, render
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.control import verdicts as kept_verdicts

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN = 500
MOST_STEPS = 120


@router.get("/deploys")
def deploys_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    service: Name = None,
    environment: Name = None,
    since: Since = None,
) -> HTMLResponse:
    """Deploys of the last week by default, newest first."""
    now = parts.clock()
    asked = range_of(since, None, now, "7d")
    start: datetime | None = asked.since
    total = kept_deploys.count_deploys(
        parts.engine, service=service, environment=environment, since=start
    )
    if not total and not since:  # nothing lately: what there is is better than nothing
        start = None
        total = kept_deploys.count_deploys(parts.engine, service=service, environment=environment)
    deploys = kept_deploys.list_deploys(
        parts.engine, service=service, environment=environment, since=start, limit=MOST_SHOWN
    )
    shares = shares_now(parts)
    end = windows_state(parts).data_end
    counts: dict[str, list[str]] = {}
    for finding in kept_findings.list_findings(parts.engine, since=start):
        counts.setdefault(finding.deploy_id, []).append(finding.state)
    verdicts = {
        verdict.deploy_id: verdict
        for verdict in reversed(kept_verdicts.list_verdicts(parts.engine, since=start))
    }
    return render(
        request,
        "deploys.html",
        {
            "deploys": deploys,
            "in_all": total,
            "older": bool(deploys) and start is None,
            "shares": shares,
            "untold": {deploy.id for deploy in deploys if end is None or deploy.started >= end},
            "told_lately": end is not None and end >= now - SHARES_OF,
            "namespaces": namespaces_seen(parts),
            "findings": counts,
            "verdicts": verdicts,
            "range": asked,
            "service": service or "",
        },
    )


@router.get("/deploys/{deploy_id}")
def deploy_page(request: Request, _caller: Reading, parts: Opened, deploy_id: str) -> HTMLResponse:
    """One deploy: verdict, numbers behind it, ramp, findings."""
    view = detail(parts, deploy_id)
    edges = [item.edge for item in view.findings] + [
        item.edge for item in (view.verdict.edges if view.verdict else ())
    ]
    last = max((share.time for share in view.shares), default=None)
    return render(
        request,
        "deploy.html",
        {
            "deploy": view.deploy,
            "verdict": view.verdict,
            "findings": view.findings,
            "names": names_known(parts, ends_of(edges)),
            "spaces": namespaces_seen(parts).get(
                (view.deploy.environment, view.deploy.service), []
            ),
            "events": view.events,
            "answers": view.answers,
            "overrides": view.overrides,
            "shares": view.shares,
            "ramp": [step for step in view.ramp if step.planned is not None][-MOST_STEPS:],
            "newest_shares": [share for share in view.shares if share.time == last],
            "chart": path("charts", "deploys", deploy_id),
        },
    )
