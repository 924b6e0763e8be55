"""Which addresses a receiver may have: resolved once, private ones refused unless allowed, the checked address is the one dialled."""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from monitor.errors import ConfigError, ReceiverBusy, ReceiverRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], list[str]]

PORTS = frozenset({80, 443, 8080, 8443})
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # RFC 3056: bits 16 to 48 are one
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48",  # RFC 8215: local NAT64
        "2001::/32",  # Teredo hides an IPv4 address
        "::/96",  # IPv4-compatible, deprecated
        "100::/64",  # discard
        "fec0::/10",  # site-local, deprecated
        "192.88.99.0/24",  # 6to4 relays, deprecated
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points, and nothing of it that may be secret."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


class AddressRules:
    """What may be dialled. `allow` names hosts, addresses or networks that are fine although private, on any port."""

    def __init__(self, allow: Iterable[str] = (), ports: Iterable[int] = PORTS) -> None:
        """ConfigError for an entry that is neither a host, an address nor a network."""
        self.ports = frozenset(ports)
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in allow:
            text = entry.strip().lower().rstrip(".")
            try:
                self._networks.append(ipaddress.ip_network(text.strip("[]"), strict=False))
            except ValueError:
                if not text or "/" in text or ":" in text:
                    raise ConfigError(
                        f"the allowed receiver address {entry!r} is neither a host, an address nor a network like 10.0.0.0/8; correct notify.allow"
                    ) from None
                self._hosts.add(text)

    def target(self, url: str) -> Target:
        """Host and port of an http(s) URL. ConfigError for any other; the text never shows the URL, which may be a secret."""
        try:
            parts = urlsplit(url)
            name = parts.hostname or ""
            host = name if ":" in name else name.encode("idna").decode("ascii").lower().rstrip(".")
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except (ValueError, UnicodeError):
            raise ConfigError("a receiver's URL cannot be read; give it as https://host/path") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise ConfigError(
                f"a receiver's URL begins with {parts.scheme or 'nothing'}; only http:// and https:// with a host work"
            )
        if parts.username or parts.password:
            raise ConfigError(
                f"the URL of the receiver at {host} holds a user or password; put it in the receiver's username and secret"
            )
        return Target(parts.scheme, host, port)

    def addresses(self, host: str, port: int, resolve: Resolve | None = None) -> list[str]:
        """The addresses of the host that may be dialled, resolved once: dial these, never the name again.

        ReceiverRefused when there are only forbidden ones, ReceiverBusy when the name does not resolve now.
        """
        try:
            found = (resolve or _resolve)(host, port)
        except OSError as error:
            raise ReceiverBusy(
                f"the name {host} does not resolve ({error.strerror or error}); check the receiver's URL and the DNS"
            ) from error
        fine = [text for text in found if self._may(host, ipaddress.ip_address(text.split("%", 1)[0]), port)]
        if not fine:
            raise ReceiverRefused(
                f"{host}:{port} leads to {', '.join(found) or 'nothing'}, which is not a public address on an allowed port; "
                "if it is meant, add the host or its network to notify.allow",
                final=False,
            )
        return fine

    def _may(self, host: str, address: Address, port: int) -> bool:
        inner = unwrapped(address)
        if host.lower().rstrip(".") in self._hosts:
            return True
        if any(one in network for network in self._networks for one in (address, inner) if one.version == network.version):
            return True
        return port in self.ports and is_public(address)


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address it wraps, is one of the public internet."""
    inner = unwrapped(address)
    if any(one in network for network in NEVER for one in (address, inner) if one.version == network.version):
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, NAT64 or 6to4 one; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFF_FFFF)
    return address


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
