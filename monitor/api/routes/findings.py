"""/v1/findings, /v1/verdicts: what judging says."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import Name, Since, moment
from monitor.api.paging import Paged
from monitor.api.strict import ExactBody, StrictRoute
from monitor.api.told import (
    ToldExplanation,
    ToldFinding,
    ToldVerdict,
    told_explanation,
    told_finding,
    told_verdict,
)
from monitor.control import breaks
from monitor.control import findings as kept_findings
from monitor.control import verdicts as kept_verdicts
from monitor.control.audit import AuditEntry, note
from monitor.control.findings import Acceptance
from monitor.joining.explaining import explain
from monitor.model.judging import Finding

router = APIRouter(prefix="/v1", tags=["judging"], responses=ERRORS, route_class=StrictRoute)


class AcceptBody(ExactBody):
    """Say that a finding is known, so that it stays quiet in later deploys too, until
    `expires`.
    """

    owner: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=2000)
    expires: str = Field(max_length=64, description="ISO 8601")


@router.get("/findings", summary="Findings, open ones first, then the newest")
def list_findings(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    state: Annotated[Literal["open", "accepted", "resolved"] | None, Query()] = None,
    deploy_id: Name = None,
    service: Name = None,
    since: Since = None,
) -> list[ToldFinding]:
    """All states by default; `since` is about when a finding was last seen. Of a service, by its
    name or `namespace/name`, are the findings on its edges and those of its deploys.
    """
    start = moment(since, parts.clock())
    findings = kept_findings.list_findings(
        parts.engine,
        deploy_id=deploy_id,
        state=state,
        since=start,
        service=service,
        limit=paged.limit,
        offset=paged.offset,
    )
    total = kept_findings.count_findings(
        parts.engine, deploy_id=deploy_id, state=state, since=start, service=service
    )
    paged.told(len(findings), total)
    return list(map(told_finding, findings))


@router.get("/findings/{finding_id}", summary="One finding with its evidence and suspects")
def one_finding(_caller: Reading, parts: Opened, finding_id: str) -> ToldFinding:
    """404 when there is none of this id."""
    return told_finding(finding_of(parts, finding_id))


@router.post("/findings/{finding_id}/accept", summary="Say that a finding is known")
def accept(caller: Administering, parts: Opened, finding_id: str, body: AcceptBody) -> Acceptance:
    """Findings with the same edge, signal and clause stay quiet until `expires`."""
    return accept_finding(parts, finding_id, body, caller.name)


def finding_of(parts: Opened, finding_id: str) -> Finding:
    """The finding; ApiError 404."""
    finding = kept_findings.finding(parts.engine, finding_id)
    if finding is None:
        raise not_found("finding", finding_id, "GET /v1/findings (seamwatch findings) lists them")
    return finding


def expiry_of(body: AcceptBody, now: datetime) -> datetime:
    """When an acceptance ends; ApiError 422 where it would already be over."""
    expires = moment(body.expires, now)
    if expires is None or expires <= now:
        raise ApiError(
            422,
            "the acceptance would already be over",
            "body.expires",
            "send a time in the future",
        )
    return expires


def accept_finding(parts: Opened, finding_id: str, body: AcceptBody, actor: str) -> Acceptance:
    """Accept and write it to the audit log; ApiError 404, 422."""
    now = parts.clock()
    if breaks.has_break(parts.engine, finding_id):
        raise not_found(
            "finding",
            finding_id,
            "it is a broken clause: POST /v1/violations/events/ID/accept, or seamwatch accept ID --violation",
        )
    finding_of(parts, finding_id)
    expires = expiry_of(body, now)
    acceptance = kept_findings.accept(
        parts.engine, finding_id, body.owner, body.reason, expires, now
    )
    details = {"owner": body.owner, "reason": body.reason, "expires": expires.isoformat()}
    note(parts.engine, AuditEntry(now, actor, "accept finding", finding_id, details))
    return acceptance


@router.get("/verdicts", summary="Verdicts, newest first")
def list_verdicts(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    service: Name = None,
    version: Name = None,
    environment: Name = None,
    deploy_id: Name = None,
    since: Since = None,
) -> list[ToldVerdict]:
    """Every verdict stays as it was reached."""
    wanted = {
        "deploy_id": deploy_id,
        "environment": environment,
        "service": service,
        "version": version,
    }
    start = moment(since, parts.clock())
    verdicts = kept_verdicts.list_verdicts(
        parts.engine, **wanted, since=start, limit=paged.limit, offset=paged.offset
    )
    paged.told(len(verdicts), kept_verdicts.count_verdicts(parts.engine, **wanted, since=start))
    return list(map(told_verdict, verdicts))


@router.get("/verdicts/{verdict_id}", summary="One verdict with the numbers behind it")
def one_verdict(_caller: Reading, parts: Opened, verdict_id: str) -> ToldVerdict:
    """404 when there is none of this id."""
    verdict = kept_verdicts.verdict(parts.engine, verdict_id)
    if verdict is None:
        raise not_found("verdict", verdict_id, "GET /v1/verdicts lists them")
    return told_verdict(verdict)


@router.get(
    "/verdicts/{verdict_id}/explanation",
    summary="Why a verdict was reached, judged again from its inputs",
)
def explanation(_caller: Reading, parts: Opened, verdict_id: str) -> ToldExplanation:
    """Numbers, bounds and example traces of both versions. 404 when there is no verdict of this
    id.
    """
    answer = explain(parts.engine, verdict_id)
    if answer is None:
        raise not_found("verdict", verdict_id, "GET /v1/verdicts lists them")
    return told_explanation(answer)
