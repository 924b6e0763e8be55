"""Who asks, and may they: scoped tokens, open reading from loopback, sessions that cannot be used
from another site.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from monitor.api.faults import ApiError
from monitor.api.guard import is_loopback, over_tls, public_address
from monitor.api.parts import Parts
from monitor.control import sessions, tokens
from monitor.model.addresses import web_address

COOKIE = "seamwatch_session"
# A proxy in front makes everybody look local. What proxies and clouds add says so: any of these
# ends open reading.
_PROXY = re.compile(
    r"via|forwarded.*|x-forwarded.*|x-original-.*|x-envoy-.*|x-amzn?-.*|x-arr-.*|x-azure-.*|x-appengine-.*|x-ms-.*|x-proxy.*"
    r"|x-varnish.*|cf-.*|cdn-.*|fastly-.*|fly-.*|akamai-.*|x-akamai-.*|incap-.*|tailscale-.*|proxy-.*|wl-proxy-.*"
    r"|cloudfront-.*|x-cloud-.*|x-goog-.*|x-vercel-.*|x-nf-.*|x-nginx.*|x-kong-.*|x-lb.*"
    # what told it who the person is, or that TLS ended there
    r"|(x-)?remote-user|(x-)?(auth|webauth|pomerium|authentik|authenticated)-.*|(x-)?(client-cert|ssl).*"
    r"|x-(url-)?scheme|front-end-https|x-https?|x-(http-)?host.*|x-rewrite-url|x-ip"
    r"|(.*-)?(client|real|connecting|remote|cluster|source|user|peer|originating)-?(ip|addr|address)(v6)?"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL_START = "start:"


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
    """Who asks; looked up once a request. Raises ApiError 401 for a token that is unknown, expired
    or revoked: a wrong token is never ignored. 403 for a session that another site's page uses to
    change something.
    """
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        caller = request.state.caller = _look_up(request)
    return caller


def looker(request: Request) -> Caller:
    """Who looks at a page, for its footer; never raises."""
    try:
        return caller_of(request)
    except ApiError:
        return ANYBODY


def _look_up(request: Request) -> Caller:
    parts = parts_of(request)
    nobody = LOCAL_READER if _is_local(request, parts) else ANYBODY
    if token := _bearer(request):
        holder = holder_of(request, token)
        if holder is not None:
            return holder
        raise ApiError(
            401,
            "the token is unknown, expired or revoked",
            "Authorization header",
            "make one with `seamwatch tokens create`",
            {"www-authenticate": "Bearer"},
        )
    secret = session_secret(request)
    if not secret:
        return nobody
    if request.method not in _SAFE and not same_origin(request):
        raise ApiError(
            403,
            "the request comes from another site",
            "Origin header",
            "open the page itself and try again",
        )
    # a session that is over is as good as none: sign in again
    return _session_holder(request, parts, secret) or nobody


def may_publish(request: Request) -> bool:
    """Whether the request's token may publish contracts. Asked before the body is read; never
    raises for a bad token.
    """
    token = _bearer(request)
    holder = holder_of(request, token) if token else None
    return holder is not None and holder.may("contracts:write")


def holder_of(request: Request, token: str) -> Caller | None:
    """Whose token this is: of a command on this machine, or one that was made; None when it is
    neither, or over.
    """
    parts = parts_of(request)
    if _is_local_token(request, parts, token):
        return LOCAL_COMMAND
    live = tokens.verify_token(parts.engine, token, parts.clock())
    return None if live is None else _caller(live)


def sign_in(request: Request, token: str) -> str | None:
    """Begin a session with this token; the session's secret, or None when the token is
    not good.
    """
    parts = parts_of(request)
    now = parts.clock()
    if _is_local_token(request, parts, token):
        return sessions.begin_session(parts.engine, _start(parts), now)
    live = tokens.verify_token(parts.engine, token, now)
    return None if live is None else sessions.begin_session(parts.engine, live.id, now)


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
        raise ApiError(
            403,
            f"{caller.name} has not the scope {scope!r}",
            "Authorization header",
            "use a token that has it",
        )

    check.asks_scope = True  # type: ignore[attr-defined]  # StrictRoute asks it before it reads the body
    return check


Reading = Annotated[Caller, Depends(requires("read"))]
Ingesting = Annotated[Caller, Depends(requires("ingest"))]
Gating = Annotated[Caller, Depends(requires("gate"))]
Publishing = Annotated[Caller, Depends(requires("contracts:write"))]
Administering = Annotated[Caller, Depends(requires("admin"))]
Opened = Annotated[Parts, Depends(parts_of)]


def same_origin(request: Request) -> bool:
    """True when the browser says that a page of this server asked. Without any word from it:
    false.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:  # browsers write it themselves, over TLS and to this machine
        return site == "same-origin"
    page = web_address(origin) if origin is not None else None
    return page is not None and page.authority == request.headers.get("host", "").lower()


def is_secure(request: Request) -> bool:
    """True when people reach us over https, so that a cookie may be kept to it."""
    return over_tls(request, public_https=public_address(parts_of(request).config.public_url)[1])


def session_secret(request: Request) -> str:
    """What the session cookie holds; empty when there is none. Cookies of others beside it, which
    may be anything, do not matter.
    """
    return request.cookies.get(COOKIE, "")


def _session_holder(request: Request, parts: Parts, secret: str) -> Caller | None:
    now = parts.clock()
    token_id = sessions.session_token_id(parts.engine, secret, now)
    if token_id is None:
        return None
    if token_id.startswith(_LOCAL_START):
        return LOCAL_COMMAND if token_id == _start(parts) and _from_here(request) else None
    live = tokens.live_token(parts.engine, token_id, now)
    return None if live is None else _caller(live)


def _caller(token: tokens.Token) -> Caller:
    return Caller(f"token {token.name}", frozenset(token.scopes))


def _start(parts: Parts) -> str:
    """What a session of this start's own secret is kept under: it ends with the process that made
    the secret.
    """
    return _LOCAL_START + hashlib.sha256(parts.config.local_token.encode()).hexdigest()[:16]


def _is_local_token(request: Request, parts: Parts, token: str) -> bool:
    secret = parts.config.local_token
    return (
        bool(secret)
        and _from_here(request)
        and hmac.compare_digest(token.encode("utf-8", "replace"), secret.encode())
    )


def _is_local(request: Request, parts: Parts) -> bool:
    return parts.config.open_reading and is_loopback(parts.config.host) and _from_here(request)


def _from_here(request: Request) -> bool:
    """True when the machine itself asks, with no proxy between. HTTP/1.0 is spoken by proxies
    only: nginx writes nothing else of itself where nobody tells it to.

    https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version
    """
    client = request.client.host if request.client else ""
    if request.scope.get("http_version") == "1.0":
        return False
    return is_loopback(client) and not any(
        _PROXY.fullmatch(name.lower()) for name in request.headers
    )


def _bearer(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
