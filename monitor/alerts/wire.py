"""One POST to a receiver: the checked address dialled, no redirects, one deadline for all of it, a
bounded reply.
"""

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpcore

from monitor.alerts.addresses import AddressRules
from monitor.errors import ReceiverBusy, ReceiverRefused
from monitor.model.printable import printable

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
REPLY_BYTES = 4096  # all we ever show of a reply, and all we read
RETRY_AFTER_CAP_SECONDS = 3600.0
TOO_MANY_REQUESTS = 429
REQUEST_TIMEOUT = 408
SERVER_ERROR = 500
OK = range(200, 300)
CORRECTABLE = frozenset({401, 402, 403, 404, 405, 407, 410, 421, 451})
NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{0,300})?")
SECRET_LENGTH = 6  # shorter pieces of a URL are words


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered; header names in lower case, the body cut at 4 KB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Post(Protocol):
    """How senders reach the world."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST the body. ReceiverRefused or ReceiverBusy when there is no answer."""
        ...


class GuardedPost:
    """The `Post` of the product. Safe between threads: each request has a connection
    of its own.
    """

    def __init__(
        self,
        rules: AddressRules,
        *,
        total_seconds: float = TOTAL_SECONDS,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._total_seconds = total_seconds
        self._trust = trust

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST within `total_seconds` from name to reply, however slowly the other side drips."""
        whole = {**headers, "Content-Length": str(len(body))}
        return ask(
            self._rules, "POST", url, whole, body, REPLY_BYTES, self._total_seconds, self._trust
        )


def ask(
    rules: AddressRules,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    most_bytes: int = REPLY_BYTES,
    total_seconds: float = TOTAL_SECONDS,
    trust: ssl.SSLContext | None = None,
) -> Reply:
    """One request to a checked address; of the reply's body the first `most_bytes`. No redirect is
    followed.

    ReceiverRefused or ReceiverBusy when there is no answer within `total_seconds`.
    """
    target = rules.target(url)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + total_seconds
    host = f"[{target.host}]" if ":" in target.host else target.host
    where = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=path.encode("ascii", "replace"),
    )
    fields: list[tuple[bytes | str, bytes | str]] = [
        ("Host", host if target.port in {80, 443} else f"{host}:{target.port}"),
        ("User-Agent", "seamwatch"),
        ("Connection", "close"),
        *headers.items(),
    ]
    waits = {
        "timeout": {
            "connect": CONNECT_SECONDS,
            "read": total_seconds,
            "write": total_seconds,
            "pool": 1.0,
        }
    }
    backend = _Guarded(rules, deadline)
    context = trust or (ssl.create_default_context() if target.scheme == "https" else None)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=context, network_backend=backend, max_connections=1
            ) as pool,
            pool.stream(method, where, headers=fields, content=body, extensions=waits) as answer,
        ):
            return Reply(
                answer.status,
                _headers(answer.headers),
                _start_of(answer.iter_stream(), deadline, most_bytes),
            )
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        ssl.SSLError,
        OSError,
    ) as error:
        raise ReceiverBusy(
            f"{target} did not answer: {type(error).__name__} {str(error)[:200]}".rstrip()
        ) from None


def judge_reply(reply: Reply, what: str, secrets: Iterable[str] = ()) -> None:
    """Return for 2xx; ReceiverBusy for 408, 429 and 5xx with their Retry-After; ReceiverRefused
    for the rest.

    Not final are redirects and what speaks of our key, rights or address: that is the same for
    every alert, and can be corrected.
    """
    if reply.status in OK:
        return
    text = cleaned(reply.body.decode("utf-8", "replace"), secrets)[:200]
    if reply.status >= SERVER_ERROR or reply.status in {TOO_MANY_REQUESTS, REQUEST_TIMEOUT}:
        raise ReceiverBusy(
            f"{what} answered {reply.status}: {text}",
            retry_after(reply.headers.get("retry-after"), datetime.now(UTC)),
        )
    moved = reply.status in range(300, 400)
    hint = "; redirects are not followed, set the address it points to" if moved else ""
    final = not moved and reply.status not in CORRECTABLE
    raise ReceiverRefused(f"{what} answered {reply.status}: {text}{hint}", final=final)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds a Retry-After asks for, as a number or a date (RFC 9110, 10.2.3), from 0 to one
    hour; None when it cannot be read.
    """
    value = (text or "").strip()
    if NUMBER.fullmatch(value):
        return min(max(float(value), 0.0), RETRY_AFTER_CAP_SECONDS)
    try:
        when = parsedate_to_datetime(value[:100])
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError):  # for garbage
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_CAP_SECONDS)


def secret_parts(url: str) -> list[str]:
    """What of a receiver's URL may be a secret: all of it, and its path and query piece by piece,
    the longest first.
    """
    parts = urlsplit(url)
    pieces = re.split(r"[/?&=]", f"{parts.path}?{parts.query}")
    return sorted(
        (piece for piece in {url, parts.path, *pieces} if len(piece) >= SECRET_LENGTH),
        key=len,
        reverse=True,
    )


def cleaned(text: str, secrets: Iterable[str] = ()) -> str:
    """Foreign text for a log or an error: secrets and control characters taken out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return printable(text).strip()


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _start_of(chunks: Iterable[bytes], deadline: float, most_bytes: int) -> bytes:
    """The reply's first bytes; the rest is left unread and the connection closed."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) >= most_bytes or time.monotonic() > deadline:
            break
    return bytes(body[:most_bytes])


class _Guarded(httpcore.NetworkBackend):
    """Dials only checked addresses, and lends each wait no more than what is left until the
    deadline.
    """

    def __init__(self, rules: AddressRules, deadline: float) -> None:
        self._rules = rules
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._rules.addresses(host, port):
            try:
                stream = self._plain.connect_tcp(
                    address, port, _left(self._deadline, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._deadline)
        raise failed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Timed(httpcore.NetworkStream):
    """A stream that ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Timed(
            self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline, timeout)),
            self._deadline,
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for this delivery is over")
    return min(left, timeout) if timeout is not None else left
