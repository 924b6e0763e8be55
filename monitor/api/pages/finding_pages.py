"""Findings: which seam is worse, since when, how sure, who is suspected; and the form to accept a known one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ApiError
from monitor.api.moments import Since
from monitor.api.pages.known_names import ends_of, names_known
from monitor.api.parts import Parts
from monitor.api.questions import range_of
from monitor.api.routes.findings import AcceptBody, accept_finding, finding_of
from monitor.api.sharing import PageRoute
from monitor.api.templating import link, path, render
from monitor.api.told import told_finding
from monitor.control import deploys as kept_deploys
from monitor.control import findings as kept_findings
from monitor.model.deploys import Deploy
from monitor.model.judging import Finding

KEPT = 3
"""So many kept calls are shown."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN = 500

State = Literal["", "open", "accepted", "resolved"]


@router.get("/findings")
def findings_page(
    request: Request, _caller: Reading, parts: Opened, state: State | None = None, since: Since = None
) -> HTMLResponse:
    """Findings of the last week by default, open ones first."""
    asked = range_of(since, None, parts.clock(), "7d")
    start: datetime | None = asked.since
    total = kept_findings.count_findings(parts.engine, state=state or None, since=start)
    if not total and not since:  # nothing lately: what there is is better than nothing
        start = None
        total = kept_findings.count_findings(parts.engine, state=state or None)
    found = kept_findings.list_findings(parts.engine, state=state or None, since=start, limit=MOST_SHOWN)
    order = {"open": 0, "accepted": 1, "resolved": 2}
    found.sort(key=lambda one: (order[one.state], one.role != "root"))
    return render(
        request,
        "findings.html",
        {
            "findings": found,
            "names": names_known(parts, ends_of(one.edge for one in found)),
            "in_all": total,
            "older": bool(found) and start is None,
            "deploys": deploys_of(parts, found),
            "range": asked,
            "state": state or "",
        },
    )


def deploys_of(parts: Parts, findings: Sequence[Finding]) -> dict[str, Deploy]:
    """The deploys that these findings are of, by id."""
    return kept_deploys.by_id(parts.engine, {one.deploy_id for one in findings})


@router.get("/findings/{finding_id}")
def finding_page(request: Request, _caller: Reading, parts: Opened, finding_id: str) -> HTMLResponse:
    """One finding."""
    one = finding_of(parts, finding_id)
    now = parts.clock()
    names = names_known(parts, ends_of([one.edge]))
    suspects = [
        (suspect, kept_deploys.deploy(parts.engine, suspect.deploy_id) if suspect.deploy_id else None) for suspect in one.suspects
    ]
    edge = link(
        "/edges/view",
        environment=one.edge.environment,
        caller=names.asked(one.edge.caller_namespace, one.edge.caller),
        callee=names.asked(one.edge.callee_namespace, one.edge.callee),
        protocol=one.edge.protocol,
        operation=one.edge.operation,
        since=(one.first_seen - timedelta(minutes=30)).isoformat(),
    )
    return render(
        request,
        "finding.html",
        {
            "finding": told_finding(one),
            "names": names,
            "deploy": kept_deploys.deploy(parts.engine, one.deploy_id),
            "suspects": suspects,
            "edge_link": edge,
            "kept": parts.reader.evidence(
                one.edge, one.caller_version, one.callee_version, one.first_seen, one.last_seen + timedelta(hours=1)
            )[:KEPT],
            "acceptances": [known for known in kept_findings.accepted(parts.engine, now) if known.fingerprint == one.fingerprint],
            "in_a_week": (now + timedelta(days=7)).date().isoformat(),
        },
    )


@router.post("/findings/{finding_id}/accept")
def accept_form(
    caller: Administering,
    parts: Opened,
    finding_id: str,
    owner: Annotated[str, Form(max_length=200)],
    reason: Annotated[str, Form(max_length=2000)],
    expires: Annotated[str, Form(max_length=64)],
) -> Response:
    """The form of the page; the same as POST /v1/findings/{id}/accept."""
    if not owner.strip() or not reason.strip():
        raise ApiError(422, "an acceptance needs an owner and a reason", "form", "go back and fill in both")
    accept_finding(parts, finding_id, AcceptBody(owner=owner, reason=reason, expires=expires), caller.name)
    return RedirectResponse(path("findings", finding_id), 303)
