"""/v1/overrides: people who let a deploy go on whatever the gate says, why, and until when."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import needed_end
from monitor.api.paging import Paged
from monitor.api.routes.tokens import Done
from monitor.api.strict import ExactBody, StrictRoute
from monitor.control import overrides as kept_overrides
from monitor.control.audit import AuditEntry, note
from monitor.control.deploys import deploy
from monitor.errors import UsageError
from monitor.joining.names import joined
from monitor.model.policy import Override

router = APIRouter(prefix="/v1", tags=["judging"], responses=ERRORS, route_class=StrictRoute)


class OverrideBody(ExactBody):
    """One deploy by its id, or one version of a service."""

    deploy_id: str = Field(default="", max_length=200)
    service: str = Field(default="", max_length=1000, description="`name` or `namespace/name`")
    version: str = Field(default="", max_length=1000)
    environment: str = Field(default="", max_length=1000, description="any when absent")
    person: str = Field(min_length=1, max_length=200, description="who answers for it")
    reason: str = Field(min_length=1, max_length=2000)
    expires: str = Field(
        max_length=64,
        description="ISO 8601; at most the policy's overrides.longest_hours from now",
    )


@router.get("/overrides", summary="Overrides of the gate")
def list_overrides(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    *,
    over: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[Override]:
    """Those in force, the newest first."""
    return paged.of(kept_overrides.list_overrides(parts.engine, None if over else parts.clock()))


@router.post(
    "/overrides", summary="Let a deploy go on whatever the gate says, for a while", status_code=201
)
def add_override(caller: Administering, parts: Opened, body: OverrideBody) -> Override:
    """The gate then exits 0, tells of it, and keeps its verdict. It always has a person, a reason
    and an end.
    """
    now = parts.clock()
    expires = needed_end(body.expires, now, "an override", "body.expires")
    if body.deploy_id and deploy(parts.engine, body.deploy_id) is None:
        raise not_found("deploy", body.deploy_id, "GET /v1/deploys lists them")
    aliases = joined(parts.config.aliases, parts.engine)
    service = aliases.service(body.service) if body.service else ""
    try:
        made = kept_overrides.add_override(
            parts.engine,
            person=body.person,
            reason=body.reason,
            noted_by=caller.name,
            now=now,
            expires=expires,
            longest=timedelta(hours=parts.config.longest_override_hours),
            deploy_id=body.deploy_id,
            service=service,
            version=aliases.version(service, body.version) if body.version else "",
            environment=aliases.environment(body.environment) if body.environment else "",
        )
    except UsageError as error:
        raise ApiError(
            422,
            str(error),
            "body",
            "send deploy_id, or service and version; person, reason and expires",
        ) from None
    about = {
        "deploy": made.deploy_id,
        "service": made.service,
        "version": made.version,
        "environment": made.environment,
    }
    details = {"person": made.person, "reason": made.reason, "expires": made.expires.isoformat()}
    note(
        parts.engine,
        AuditEntry(
            now,
            caller.name,
            "override gate",
            made.id,
            {name: value for name, value in about.items() if value} | details,
        ),
    )
    return made


@router.delete("/overrides/{override_id}", summary="Revoke an override")
def revoke_override(caller: Administering, parts: Opened, override_id: str) -> Done:
    """At once. 404 when there is none of this id in force."""
    now = parts.clock()
    if not kept_overrides.revoke_override(parts.engine, override_id, caller.name, now):
        raise not_found("override in force", override_id, "GET /v1/overrides lists them")
    note(parts.engine, AuditEntry(now, caller.name, "revoke override", override_id))
    return Done(id=override_id)
