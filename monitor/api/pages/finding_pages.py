"""Findings: which seam is worse, since when, how sure, who is suspected; and the form to accept a
known one.
"""

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
    request: Request,
    _caller: Reading,
    parts: Opened,
    state: State | None = None,
    since: Since = None,
) -> HTMLResponse:
    """Findings of the last week by default, open ones first."""
    asked = range_of(since, None, parts.clock(), "7d")
    start: datetime | None = asked.since
    total = kept_findings.count_findings(parts.engine, state=state or None, since=start)
    if not total and not since:  # nothing lately: what there is is better than nothing
        start = None
        total = kept_findings.count_findings(parts.engine, state=state or None)
    findings = kept_findings.list_findings(
        parts.engine, state=state or None, since=start, limit=MOST_SHOWN
    )
    order = {"open": 0, "accepted": 1, "resolved": 2}
    findings.sort(key=lambda finding: (order[finding.state], finding.role != "root"))
    return render(
        request,
        "findings.html",
        {
            "findings": findings,
            "names": names_known(parts, ends_of(finding.edge for finding in findings)),
            "in_all": total,
            "older": bool(findings) and start is None,
            "deploys": deploys_of(parts, findings),
            "range": asked,
            "state": state or "",
        },
    )


def deploys_of(parts: Parts, findings: Sequence[Finding]) -> dict[str, Deploy]:
    """The deploys that these findings are of, by id."""
    return kept_deploys.by_id(parts.engine, {finding.deploy_id for finding in findings})


@router.get("/findings/{finding_id}")
def finding_page(
    request: Request, _caller: Reading, parts: Opened, finding_id: str
) -> HTMLResponse:
    """One finding."""
    finding = finding_of(parts, finding_id)
    now = parts.clock()
    names = names_known(parts, ends_of([finding.edge]))
    suspects = [
        (
            suspect,
            kept_deploys.deploy(parts.engine, suspect.deploy_id) if suspect.deploy_id else None,
        )
        for suspect in finding.suspects
    ]
    edge = link(
        "/edges/view",
        environment=finding.edge.environment,
        caller=names.asked(finding.edge.caller_namespace, finding.edge.caller),
        callee=names.asked(finding.edge.callee_namespace, finding.edge.callee),
        protocol=finding.edge.protocol,
        operation=finding.edge.operation,
        since=(finding.first_seen - timedelta(minutes=30)).isoformat(),
    )
    return render(
        request,
        "finding.html",
        {
            "finding": told_finding(finding),
            "names": names,
            "deploy": kept_deploys.deploy(parts.engine, finding.deploy_id),
            "suspects": suspects,
            "edge_link": edge,
            "kept": parts.reader.evidence(
                finding.edge,
                finding.caller_version,
                finding.callee_version,
                finding.first_seen,
                finding.last_seen + timedelta(hours=1),
            )[:KEPT],
            "acceptances": [
                acceptance
                for acceptance in kept_findings.accepted(parts.engine, now)
                if acceptance.fingerprint == finding.fingerprint
            ],
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
        raise ApiError(
            422, "an acceptance needs an owner and a reason", "form", "go back and fill in both"
        )
    accept_finding(
        parts, finding_id, AcceptBody(owner=owner, reason=reason, expires=expires), caller.name
    )
    return RedirectResponse(path("findings", finding_id), 303)
