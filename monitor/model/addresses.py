"""The pieces of a web address that others wrote."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Scheme (http or https), host in small letters without brackets, and port of a URL; never
    what may be secret in it.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them: RFC 9110, 7.2; a usual port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def web_address(url: str) -> WebAddress | None:
    """None where the text is no http(s) address with a host: brackets that do not close, a port
    that is none, foreign dots.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    return WebAddress(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)
