"""/v1/aliases and /v1/audit: which names mean the same, who said so, and who changed what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from monitor.api.access import Administering, Ingesting, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import Since, moment
from monitor.api.paging import Paged
from monitor.api.strict import ExactBody, StrictRoute
from monitor.control import aliases as kept_aliases
from monitor.control.aliases import Alias, AliasKind, AliasState
from monitor.control.audit import AuditEntry, count_audit, list_audit, note

router = APIRouter(prefix="/v1", tags=["names"], responses=ERRORS, route_class=StrictRoute)

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class SuggestBody(ExactBody):
    """`name`, as a tool says it, may mean `canonical`, as telemetry says it. A version of one
    service: `service/version`.
    """

    kind: AliasKind
    name: Text
    canonical: Text


class ConfirmBody(ExactBody):
    """Confirm what was suggested, or, with `canonical`, make a rule of your own."""

    kind: AliasKind
    name: Text
    canonical: str | None = Field(default=None, min_length=1, max_length=1000)


class RejectBody(ExactBody):
    """The suggestion is wrong: it is not made again."""

    kind: AliasKind
    name: Text


@router.get(
    "/aliases", summary="Names that mean the same: confirmed, suggested, rejected, unmatched"
)
def list_aliases(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    kind: Annotated[AliasKind | None, Query()] = None,
    state: Annotated[AliasState | None, Query()] = None,
) -> list[Alias]:
    """By kind and name. Rules of the settings (`aliases.*`) stand above these and are
    not listed.
    """
    return paged.of(kept_aliases.list_aliases(parts.engine, kind=kind, state=state))


@router.post("/aliases/suggest", summary="Suggest that two names mean the same", status_code=201)
def suggest(caller: Ingesting, parts: Opened, body: SuggestBody) -> Alias:
    """It applies once somebody confirms it; what has been decided about this name stays."""
    _told_apart(body.name, body.canonical)
    kept_aliases.suggest_alias(
        parts.engine, body.kind, body.name, body.canonical, parts.clock(), origin=caller.name
    )
    return kept_aliases.alias(parts.engine, body.kind, body.name)


@router.post("/aliases/confirm", summary="Confirm a suggestion, or make a rule")
def confirm(caller: Administering, parts: Opened, body: ConfirmBody) -> Alias:
    """Gates and deploys told over the API use it at once, collectors from their next start on. 404
    when nothing was suggested.
    """
    now = parts.clock()
    if body.canonical is not None:
        _told_apart(body.name, body.canonical)
        kept_aliases.set_alias(
            parts.engine, body.kind, body.name, body.canonical, now, origin=caller.name
        )
    elif not kept_aliases.decide_alias(parts.engine, body.kind, body.name, confirm=True):
        raise not_found(
            "suggestion for",
            body.name,
            "GET /v1/aliases?state=suggested lists them; or send `canonical`",
        )
    alias = kept_aliases.alias(parts.engine, body.kind, body.name)
    note(
        parts.engine,
        AuditEntry(
            now,
            caller.name,
            "confirm alias",
            body.name,
            {"kind": body.kind, "canonical": alias.canonical},
        ),
    )
    return alias


@router.post("/aliases/reject", summary="Reject a suggestion")
def reject(caller: Administering, parts: Opened, body: RejectBody) -> Alias:
    """404 when nothing was suggested for this name."""
    if not kept_aliases.decide_alias(parts.engine, body.kind, body.name, confirm=False):
        raise not_found("suggestion for", body.name, "GET /v1/aliases?state=suggested lists them")
    note(
        parts.engine,
        AuditEntry(parts.clock(), caller.name, "reject alias", body.name, {"kind": body.kind}),
    )
    return kept_aliases.alias(parts.engine, body.kind, body.name)


class AuditLine(BaseModel):
    """One change: who, when, what, to what."""

    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, str]


@router.get("/audit", summary="Who changed what, newest first")
def audit(
    _caller: Administering, parts: Opened, paged: Paged, since: Since = None
) -> list[AuditLine]:
    """Publishing, accepting, silencing, tokens, aliases, gates; never a secret."""
    start = moment(since, parts.clock())
    entries = list_audit(parts.engine, since=start, limit=paged.limit, offset=paged.offset)
    paged.told(len(entries), count_audit(parts.engine, since=start))
    return [
        AuditLine(
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            details=dict(entry.details),
        )
        for entry in entries
    ]


def _told_apart(name: str, canonical: str) -> None:
    if name == canonical:
        raise ApiError(
            422,
            "a name is no alias of itself",
            "body.canonical",
            "send the name that telemetry uses",
        )
