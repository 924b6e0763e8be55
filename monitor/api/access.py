"""Who asks, and may they: scoped tokens, open reading from loopback, cookies that cannot be used from another site."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from monitor.api.faults import ApiError
from monitor.api.guard import is_loopback
from monitor.api.parts import Parts
from monitor.control import tokens

COOKIE = "seamwatch_token"
# A proxy in front makes everybody look local.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cf-connecting-ip")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a name for the audit log, and what they may do ("admin" includes all)."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """True when this scope, or admin, was granted."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def signed_in(self) -> bool:
        """True for the holder of a token."""
        return self not in (ANYBODY, LOCAL_READER)


ANYBODY = Caller("anybody", frozenset())
LOCAL_READER = Caller("local", frozenset({"read"}))
LOCAL_COMMAND = Caller("local command", frozenset({"admin"}))


def parts_of(request: Request) -> Parts:
    """The opened parts of this app."""
    parts: Parts = request.app.state.parts
    return parts


def caller_of(request: Request) -> Caller:
    """Who asks. Raises ApiError 401 for a token that is unknown, expired or revoked: a wrong token is never ignored."""
    parts = parts_of(request)
    local = _is_local(request, parts)
    token, from_cookie = _token(request)
    if not token:
        return LOCAL_READER if local else ANYBODY
    if from_cookie and request.method not in _SAFE and not same_origin(request):
        raise ApiError(403, "the request comes from another site", "Origin header", "open the page itself and try again")
    known = holder_of(request, token)
    if known is not None:
        return known
    if from_cookie and request.method in _SAFE:
        return LOCAL_READER if local else ANYBODY  # an old cookie must not lock anybody out of the sign-in page
    raise ApiError(
        401,
        "the token is unknown, expired or revoked",
        "Authorization header",
        "make one with `seamwatch tokens create`",
        {"www-authenticate": "Bearer"},
    )


def may_publish(request: Request) -> bool:
    """Whether the request's token may publish contracts. Asked before the body is read; never raises for a bad token."""
    token, from_cookie = _token(request)
    known = None if from_cookie or not token else holder_of(request, token)
    return known is not None and known.may("contracts:write")


def holder_of(request: Request, token: str) -> Caller | None:
    """Whose token this is: of a command on this machine, or one that was made; None when it is neither, or over."""
    parts = parts_of(request)
    secret = parts.config.local_token
    if secret and _from_here(request) and hmac.compare_digest(token.encode("utf-8", "replace"), secret.encode()):
        return LOCAL_COMMAND
    known = tokens.verify_token(parts.engine, token, parts.clock())
    return None if known is None else Caller(f"token {known.name}", frozenset(known.scopes))


def requires(scope: str) -> Callable[[Request], Caller]:
    """A dependency that lets only callers with this scope pass and returns who they are."""

    def check(request: Request) -> Caller:
        caller = caller_of(request)
        if caller.may(scope):
            return caller
        if caller in (ANYBODY, LOCAL_READER):
            raise ApiError(
                401,
                f"this needs a token with the scope {scope!r}",
                "Authorization header",
                "send `Authorization: Bearer TOKEN`; make one with `seamwatch tokens create`",
                {"www-authenticate": "Bearer"},
            )
        raise ApiError(403, f"{caller.name} has not the scope {scope!r}", "Authorization header", "use a token that has it")

    return check


Reading = Annotated[Caller, Depends(requires("read"))]
Ingesting = Annotated[Caller, Depends(requires("ingest"))]
Gating = Annotated[Caller, Depends(requires("gate"))]
Publishing = Annotated[Caller, Depends(requires("contracts:write"))]
Administering = Annotated[Caller, Depends(requires("admin"))]
Opened = Annotated[Parts, Depends(parts_of)]


def same_origin(request: Request) -> bool:
    """True when the browser says that a page of this server asked. Without any word from it: false."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:  # browsers write it themselves, over TLS and to this machine
        return site == "same-origin"
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host", "")


def _is_local(request: Request, parts: Parts) -> bool:
    return parts.config.open_reading and is_loopback(parts.config.host) and _from_here(request)


def _from_here(request: Request) -> bool:
    """True when the machine itself asks, with no proxy between."""
    client = request.client.host if request.client else ""
    return is_loopback(client) and not any(name in request.headers for name in _FORWARDED)


def _token(request: Request) -> tuple[str, bool]:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip(), False
    try:
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    return (cookie.value, True) if cookie else ("", False)
