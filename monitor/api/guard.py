"""What every request passes first: host name, size, rate; and the headers every answer carries."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor import telemetry
from monitor.api.faults import ApiError, error_response
from monitor.clock import monotonic_seconds
from monitor.errors import ConfigError
from monitor.masking import shown
from monitor.model.addresses import web_address

BODY_LIMIT = 1_000_000
# GitHub's OpenAPI has 12 MB, Stripe's 7: only who may publish may send so much
CONTRACT_LIMIT = 20_000_000
DOCUMENTS = ("/v1/contracts", "/v1/amendments", "/workbench")
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


# RFC 3986, 3.2.2: a name or IPv4 address, or an IPv6 address in brackets; then perhaps a port.
# Nothing after the bracket.
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?", re.ASCII
)
PROBES = frozenset({"/healthz", "/readyz"})
YEAR_SECONDS = 31_536_000


def host_name(host: str) -> str:
    """The name in a Host header, in small letters and without port; empty where it cannot be read
    as one.
    """
    match = _HOST.fullmatch(host)
    return match["name"].lower() if match else ""


def is_loopback(host: str) -> bool:
    """True for localhost and loopback addresses, v4 or v6; false for what cannot be read."""
    bare = (host[1:-1] if host.startswith("[") and host.endswith("]") else host).lower()
    if bare == "localhost":
        return True
    try:
        address = ip_address(bare)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def public_address(url: str) -> tuple[str, bool]:
    """The name under which people reach us, and whether it is over https; ConfigError where the
    address has no name to read.
    """
    if not url:
        return "", False
    address = web_address(url)
    if address is None:
        raise ConfigError(
            f"api.public_url {shown(url)} cannot be read; give it as https://host or http://host:port"
        )
    return address.host, address.scheme == "https"


def over_tls(request: HTTPConnection, *, public_https: bool) -> bool:
    """True when people reach us over https: we are told so, the connection is, or the proxy in
    front says so.
    """
    if public_https or request.url.scheme == "https":
        return True
    scheme = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return scheme == "https" or bool(
        _FORWARDED_HTTPS.search(request.headers.get("forwarded", "").split(",")[0])
    )


# RFC 7239: `proto` of the proxy nearest to the person stands first.
_FORWARDED_HTTPS = re.compile(r"(?:^|;)\s*proto=\"?https\"?\s*(?:;|$)", re.IGNORECASE)


class Guard:
    """ASGI middleware. `bound_to` is the server's address; names that do not fit it are refused
    (DNS rebinding), but for probes: a kubelet names the pod's address. `public_name` is where
    people reach us: the name is ours, and `public_https` is told to browsers.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_to: str,
        allowed_hosts: Iterable[str],
        public_name: str,
        public_https: bool,
        requests_per_second: float,
        burst: int,
        may_publish: Callable[[Request], bool],
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._app = app
        self._local = is_loopback(bound_to)
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._public_name, self._public_https = public_name, public_https
        self._rate = Rate(requests_per_second, burst, seconds)
        self._may_publish = may_publish

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = cast("str", scope["path"])
        started = time.perf_counter()
        secure = over_tls(HTTPConnection(scope), public_https=self._public_https)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), path, secure=secure)
                route = getattr(scope.get("route"), "path", "other")
                telemetry.API_SECONDS.labels(route, message["status"]).observe(
                    time.perf_counter() - started
                )
            await send(message)

        try:
            if path not in PROBES:
                self._check_host(headers.getlist("host"))
            self._check_rate(scope, path)
            limited = _limited(headers, await self._limit(scope, headers, path), receive)
        except ApiError as error:
            await error_response(error.status, error.what, error.where, error.do, error.headers)(
                scope, receive, sending
            )
            return
        try:
            await self._app(scope, limited, sending)
        except ClientDisconnect:
            return

    async def _limit(self, scope: Scope, headers: Headers, path: str) -> int:
        """How large a body may be: a body is read before its sender is known to the route, so that
        is asked here first.
        """
        declared = headers.get("content-length", "")
        publishes = scope["method"] == "POST" and path.startswith(DOCUMENTS)
        if not publishes or (
            declared.isdecimal() and len(declared) < 10 and int(declared) <= BODY_LIMIT
        ):
            return BODY_LIMIT
        return (
            CONTRACT_LIMIT
            if await run_in_threadpool(self._may_publish, Request(scope))
            else BODY_LIMIT
        )

    def _check_host(self, hosts: Sequence[str]) -> None:
        name = host_name(hosts[0]) if len(hosts) == 1 else ""
        if name and (
            name in self._hosts
            or (self._local and (is_loopback(name) or name == self._public_name))
        ):
            return
        if not self._local and not self._hosts:
            # bound to the network: every request needs a token, which a rebound page does not have
            return
        raise ApiError(
            421,
            f"this server does not answer under the name {', '.join(hosts)[:100]!r}",
            "Host header",
            "use 127.0.0.1, or add the name to the allowed hosts",
        )

    def _check_rate(self, scope: Scope, path: str) -> None:
        if path.startswith("/static/") or path in PROBES:
            return
        client = scope.get("client")
        wait = self._rate.wait(client[0] if client else "")
        if wait > 0:
            raise ApiError(
                429,
                "too many requests",
                "this address",
                f"wait {wait:.1f} s",
                {"retry-after": str(int(wait) + 1)},
            )


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
        raise ApiError(
            400, "the content length cannot be read", "Content-Length", "send a number of bytes"
        )
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


def _dress(headers: MutableHeaders, path: str, *, secure: bool) -> None:
    if secure:
        headers["strict-transport-security"] = f"max-age={YEAR_SECONDS}"
    for name, value in HEADERS.items():
        headers[name] = value
    is_page = headers.get("content-type", "").startswith("text/html")
    headers["content-security-policy"] = (
        _CHART_POLICY if is_page and path.startswith(("/edges", "/deploys/")) else _POLICY
    )
    if "cache-control" not in headers:
        headers["cache-control"] = "no-store"
