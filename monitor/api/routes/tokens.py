"""/v1/tokens and /v1/silences: what only an administrator does."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from monitor.alerts.wording import LABELS
from monitor.api.access import Administering, Opened, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.moments import moment, needed_end
from monitor.api.paging import Paged
from monitor.api.strict import ExactBody, StrictRoute, nearest
from monitor.control import silences as kept_silences
from monitor.control import tokens as kept_tokens
from monitor.control.audit import AuditEntry, note
from monitor.control.silences import Silence
from monitor.control.tokens import Scope, Token
from monitor.joining.names import joined
from monitor.model.printable import printable

router = APIRouter(
    prefix="/v1", tags=["administration"], responses=ERRORS, route_class=StrictRoute
)


class TokenBody(ExactBody):
    """A token to make."""

    name: str = Field(min_length=1, max_length=200)
    scopes: Sequence[Scope] = Field(min_length=1, max_length=10)
    expires: str | None = Field(
        default=None, max_length=64, description="ISO 8601; never when absent"
    )


class NewToken(BaseModel):
    """The token and its secret, which is shown only here."""

    token: Token
    secret: str


class SilenceBody(ExactBody):
    """Alerts whose labels equal all of `matchers` stay quiet until `ends`."""

    matchers: Mapping[str, Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=20, description=f"of {', '.join(sorted(LABELS))}"
    )
    author: str = Field(default="", max_length=200)
    reason: str = Field(min_length=1, max_length=2000)
    ends: str = Field(max_length=64, description="ISO 8601")


class Done(BaseModel):
    """It is done."""

    id: str


@router.get("/tokens", summary="All tokens, without their secrets")
def list_tokens(_caller: Administering, parts: Opened, paged: Paged) -> list[Token]:
    """Revoked ones too, newest first."""
    return paged.of(kept_tokens.list_tokens(parts.engine))


@router.post("/tokens", summary="Make a token", status_code=201)
def create_token(caller: Administering, parts: Opened, body: TokenBody) -> NewToken:
    """Scopes: read, ingest, gate, contracts:write, admin (which may do everything)."""
    now = parts.clock()
    token, secret = kept_tokens.create_token(
        parts.engine,
        body.name,
        body.scopes,
        now,
        expires=moment(body.expires, now),
        created_by=caller.name,
    )
    note(
        parts.engine,
        AuditEntry(
            now,
            caller.name,
            "create token",
            token.id,
            {"name": token.name, "scopes": ",".join(token.scopes)},
        ),
    )
    return NewToken(token=token, secret=secret)


@router.delete("/tokens/{token_id}", summary="Revoke a token")
def revoke_token(caller: Administering, parts: Opened, token_id: str) -> Done:
    """At once. 404 when there is none of this id, or it is revoked already."""
    now = parts.clock()
    if not kept_tokens.revoke_token(parts.engine, token_id, now):
        raise not_found("token in use", token_id, "GET /v1/tokens lists them")
    note(parts.engine, AuditEntry(now, caller.name, "revoke token", token_id))
    return Done(id=token_id)


@router.get("/silences", summary="Silences")
def list_silences(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    *,
    over: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[Silence]:
    """Those in force or to come; those that end first first."""
    return paged.of(kept_silences.list_silences(parts.engine, None if over else parts.clock()))


@router.post("/silences", summary="Begin a silence", status_code=201)
def create_silence(caller: Administering, parts: Opened, body: SilenceBody) -> Silence:
    """It always has an end, an author and a reason. Other names of services and environments mean
    those that alerts bear.
    """
    now = parts.clock()
    for label in body.matchers:
        if label not in LABELS:
            raise ApiError(
                422,
                f"no alert has the label {printable(label)[:60]!r}: it would quiet nothing",
                "body.matchers",
                nearest(label[:60], LABELS),
            )
    ends = needed_end(body.ends, now, "a silence", "body.ends")
    aliases = joined(parts.config.aliases, parts.engine)
    known_as = dict.fromkeys(("service", "caller", "callee"), aliases.service)
    known_as["environment"] = aliases.environment
    matchers = {
        label: known_as[label](value) if label in known_as else value
        for label, value in body.matchers.items()
    }
    silence = kept_silences.create_silence(
        parts.engine, matchers, body.author or caller.name, body.reason, ends, now
    )
    note(
        parts.engine,
        AuditEntry(now, caller.name, "begin silence", silence.id, {"reason": silence.reason}),
    )
    return silence


@router.delete("/silences/{silence_id}", summary="End a silence")
def end_silence(caller: Administering, parts: Opened, silence_id: str) -> Done:
    """Now. 404 when there is none of this id, or it is over."""
    now = parts.clock()
    if not kept_silences.end_silence(parts.engine, silence_id, now):
        raise not_found("silence in force", silence_id, "GET /v1/silences lists them")
    note(parts.engine, AuditEntry(now, caller.name, "end silence", silence_id))
    return Done(id=silence_id)
