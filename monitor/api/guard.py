"""What every request passes first: host name, size, rate; and the headers every answer carries."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor import telemetry
from monitor.api.faults import ApiError, error_response
from monitor.clock import monotonic_seconds

BODY_LIMIT = 1_000_000
CONTRACT_LIMIT = 20_000_000  # GitHub's OpenAPI has 12 MB, Stripe's 7: only who may publish may send so much
MAX_CALLERS = 10_000

_POLICY = "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
# Bokeh writes styles into its shadow roots; it needs nothing else (measured with 3.9).
_CHART_POLICY = _POLICY + "; style-src 'self' 'unsafe-inline'; img-src 'self' data:"

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """True for localhost and loopback addresses, v4 or v6; false for what cannot be read."""
    bare = host.strip("[]").lower()
    if bare == "localhost":
        return True
    try:
        address = ip_address(bare)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class Guard:
    """ASGI middleware. `bound_to` is the server's address; names that do not fit it are refused (DNS rebinding)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_to: str,
        allowed_hosts: Iterable[str],
        requests_per_second: float,
        burst: int,
        may_publish: Callable[[Request], bool],
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._app = app
        self._local = is_loopback(bound_to)
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._rate = Rate(requests_per_second, burst, seconds)
        self._may_publish = may_publish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = cast("str", scope["path"])
        started = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), path)
                route = getattr(scope.get("route"), "path", "other")
                telemetry.API_SECONDS.labels(route, message["status"]).observe(time.perf_counter() - started)
            await send(message)

        try:
            self._check_host(headers.get("host", ""))
            self._check_rate(scope, path)
            limited = _limited(headers, await self._limit(scope, headers, path), receive)
        except ApiError as error:
            await error_response(error.status, error.what, error.where, error.do, error.headers)(scope, receive, sending)
            return
        try:
            await self._app(scope, limited, sending)
        except ClientDisconnect:
            return

    async def _limit(self, scope: Scope, headers: Headers, path: str) -> int:
        """How large a body may be: a body is read before its sender is known to the route, so that is asked here first."""
        declared = headers.get("content-length", "")
        publishes = scope["method"] == "POST" and path.startswith("/v1/contracts")
        if not publishes or (declared.isdecimal() and len(declared) < 10 and int(declared) <= BODY_LIMIT):
            return BODY_LIMIT
        return CONTRACT_LIMIT if await run_in_threadpool(self._may_publish, Request(scope)) else BODY_LIMIT

    def _check_host(self, host: str) -> None:
        name = host.rsplit("]", 1)[0].strip("[") if host.startswith("[") else host.rsplit(":", 1)[0]
        if name.lower() in self._hosts or (self._local and is_loopback(name)):
            return
        if not self._local and not self._hosts:
            return  # bound to the network: every request needs a token, which a rebound page does not have
        raise ApiError(
            421,
            f"this server does not answer under the name {name[:100]!r}",
            "Host header",
            "use 127.0.0.1, or add the name to the allowed hosts",
        )

    def _check_rate(self, scope: Scope, path: str) -> None:
        if path.startswith("/static/") or path in {"/healthz", "/readyz"}:
            return
        client = scope.get("client")
        wait = self._rate.wait(client[0] if client else "")
        if wait > 0:
            raise ApiError(429, "too many requests", "this address", f"wait {wait:.1f} s", {"retry-after": str(int(wait) + 1)})


class Rate:
    """A token bucket per caller; at most 10,000 callers are remembered."""

    def __init__(self, per_second: float, burst: int, seconds: Callable[[], float]) -> None:
        self._per_second, self._burst, self._seconds = per_second, burst, seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Take one; 0.0 when allowed, else the seconds until the next is."""
        now = self._seconds()
        left, at = self._left.pop(caller, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._per_second)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second


def _limited(headers: Headers, limit: int, receive: Receive) -> Receive:
    too_large = f"the body is larger than {limit} bytes"
    declared = headers.get("content-length", "0")
    if not declared.isdecimal():
        raise ApiError(400, "the content length cannot be read", "Content-Length", "send a number of bytes")
    if len(declared) > 18 or int(declared) > limit:
        raise ApiError(413, too_large, "request body", "send less")
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, too_large)
        return message

    return counting


def _dress(headers: MutableHeaders, path: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    is_page = headers.get("content-type", "").startswith("text/html")
    headers["content-security-policy"] = _CHART_POLICY if is_page and path.startswith(("/edges", "/deploys/")) else _POLICY
    if "cache-control" not in headers:
        headers["cache-control"] = "no-store"
