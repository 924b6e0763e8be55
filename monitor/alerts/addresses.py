"""Which addresses a receiver may have: resolved once, private ones refused unless allowed, the
checked address is the one dialled.
"""

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
SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # RFC 3056: bits 16 to 48 are an IPv4 address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are one
TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380: the last 32 bits are one, inverted
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: bits 64 to 96; the last 32 bits are one
# what IANA gives out; a range assigned elsewhere is no host's
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


HIDES_IPV4 = _networks(
    "::/96",  # IPv4-compatible, deprecated
    "::ffff:0:0/96",  # mapped
    "::ffff:0:0:0/96",  # RFC 2765: translated
    "64:ff9b::/96",  # RFC 6052: NAT64
    "64:ff9b:1::/48",  # RFC 8215: local NAT64
)
# https://www.iana.org/assignments/iana-ipv4-special-registry and its twin for IPv6, in 2026
NEVER = _networks(
    "192.0.0.0/24",  # protocol assignments
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "192.175.48.0/24",  # AS112
    "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID, drones
    "2001:db8::/32",  # documentation
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",  # RFC 9637: documentation
)
METADATA = _networks(
    # 169.254.169.254 of nearly all clouds, and its neighbours for containers; nobody's receiver is
    # link-local
    "169.254.0.0/16",
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fe80::/10",  # link-local
    "fd00:ec2::/32",  # AWS
    "fd20:ce::254/128",  # Google
    "fd00:42::42/128",  # Scaleway
)
"""Whoever reads what these answer may act as the machine: they are never dialled, whatever
`notify.allow` names.
"""
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "instance-data",
    }
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
    """What may be dialled. `allow` names hosts, addresses or networks that are fine although
    private, on any port.

    A cloud's metadata service never is, in no dress, and even when `allow` names it or a network
    around it.
    """

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
        """Host and port of an http(s) URL. ConfigError for any other; the text never shows the
        URL, which may be a secret.
        """
        try:
            parts = urlsplit(url)
            name = parts.hostname or ""
            host = name if ":" in name else name.encode("idna").decode("ascii").lower().rstrip(".")
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except (ValueError, UnicodeError):
            raise ConfigError(
                "a receiver's URL cannot be read; give it as https://host/path"
            ) from None
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
        """The addresses of the host that may be dialled, resolved once: dial these, never the name
        again.

        ReceiverRefused when there are only forbidden ones, ReceiverBusy when the name does not
        resolve now.
        """
        if host.lower().rstrip(".") in METADATA_NAMES:
            raise ReceiverRefused(
                f"{host} is a cloud's metadata service, which is never dialled; correct the receiver's URL",
                final=False,
            )
        try:
            addresses = (resolve or _resolve)(host, port)
        except OSError as error:
            raise ReceiverBusy(
                f"the name {host} does not resolve ({error.strerror or error}); check the receiver's URL and the DNS"
            ) from error
        fine = [
            text
            for text in addresses
            if self._may(host, ipaddress.ip_address(text.split("%", 1)[0]), port)
        ]
        if not fine:
            raise ReceiverRefused(
                f"{host}:{port} leads to {', '.join(addresses) or 'nothing'}, which is not a public address on an allowed port; "
                "if it is meant, add the host or its network to notify.allow",
                final=False,
            )
        return fine

    def _may(self, host: str, address: Address, port: int) -> bool:
        forms = (address, *inner_addresses(address))
        if any(_is_in(form, METADATA) for form in forms):
            return False
        if host.lower().rstrip(".") in self._hosts or any(
            _is_in(form, self._networks) for form in forms
        ):
            return True
        return port in self.ports and is_public(address)


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address it hides, is one of the public internet."""
    if isinstance(address, IPv4Address):
        return address.is_global and not (
            address.is_multicast or address.is_reserved or _is_in(address, (*NEVER, *METADATA))
        )
    plain = next(
        (
            inner
            for inner in (address.ipv4_mapped, _behind(address, NAT64), _six_to_four(address))
            if inner
        ),
        None,
    )
    if plain is not None:
        return is_public(plain)
    hidden = inner_addresses(address)
    return (
        address in GLOBAL_UNICAST
        and address.is_global
        and not hidden
        and not _is_in(address, NEVER)
    )


def inner_addresses(address: Address) -> tuple[IPv4Address, ...]:
    """Every IPv4 address that this one may stand for: mapped, translated, NAT64, 6to4, Teredo's
    two, ISATAP.
    """
    if isinstance(address, IPv4Address):
        return ()
    last = IPv4Address(int(address) & 0xFFFF_FFFF)
    if (
        any(address in network for network in HIDES_IPV4)
        or (int(address) >> 32) & 0xFFFF_FFFF in ISATAP
    ):
        return (last,)
    if address in TEREDO:
        return (
            IPv4Address((int(address) >> 64) & 0xFFFF_FFFF),
            IPv4Address(int(last) ^ 0xFFFF_FFFF),
        )
    inside = _six_to_four(address)
    return () if inside is None else (inside,)


def _behind(address: IPv6Address, network: Network) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in network else None


def _six_to_four(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address((int(address) >> 80) & 0xFFFF_FFFF) if address in SIX_TO_FOUR else None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _resolve(host: str, port: int) -> list[str]:
    entries = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
