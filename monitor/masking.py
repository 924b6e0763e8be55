"""Addresses without what may be secret in them, however they are malformed: by what is surely
harmless, not by what looks secret.
"""

import re

HIDDEN = "***"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30})://(.*)", re.DOTALL)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[\w.\-]{1,253})(:[0-9]{1,5})?")
_PATH = re.compile(r"[\w/.~{}%+,:\-]*")
_NAME = re.compile(r"[\w.\-]{1,64}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,30}://[^\s\"<>]*")
_LOGIN = re.compile(r"[^\s\"'<>@]*:[^\s\"'<>]*@[^\s\"'<>]*")
_EXAMPLE = "://user:password@host"  # in our own advice


def shown(address: str, *, with_path: bool = True) -> str:
    """What may be shown of a URL or DSN: scheme, host, port and path; names of a query without
    their values.

    No user, no password, no fragment; `***` in place of each. Where it cannot be told for sure
    what is the host (a password with / or @ in it, no scheme), only the scheme is shown. Without
    `with_path` the path is hidden too: a webhook's is its secret.
    """
    match = _SCHEME.fullmatch(address)
    if match is None:
        return HIDDEN if re.search(r"[@?=#]", address) else address
    scheme, rest = match.groups()
    authority, mark, behind = _cut(rest)
    login, at, place = authority.rpartition("@")
    if "@" in behind or "@" in login or not (_PLACE.fullmatch(place) or not authority):
        return f"{scheme}://{HIDDEN}"
    head = f"{scheme}://{HIDDEN + '@' if at else ''}{place}"
    path, _, query = (mark + behind).partition("#")[0].partition("?")
    if not with_path:
        return head + (f"/{HIDDEN}" if path.strip("/") or query or "#" in behind else path)
    path = path if _PATH.fullmatch(path) else f"/{HIDDEN}"
    return (
        head
        + path
        + (f"?{_names(query)}" if query else "")
        + (f"#{HIDDEN}" if "#" in mark + behind else "")
    )


def shown_dsn(dsn: str) -> str:
    """As `shown`; without a scheme it may be anything, a password too."""
    return shown(dsn) if "://" in dsn else HIDDEN


def masked(text: str) -> str:
    """Text of any kind with every address in it as `shown`, and everything like
    `user:password@host` hidden.
    """
    if "@" not in text and "://" not in text:
        return text
    return _LOGIN.sub(_hide_login, _ADDRESS.sub(_hide_address, text))


def is_unclear(address: str) -> bool:
    """Whether it cannot be told where the host of this DSN begins: a password holds / ? # or @
    that is not written as %2F …
    """
    match = _SCHEME.fullmatch(address)
    if match is None:
        return True
    authority, _, behind = _cut(match[2])
    return authority.count("@") > 1 or "@" in behind.partition("?")[0]


def _cut(rest: str) -> tuple[str, str, str]:
    """Authority, the mark that ends it, and what is behind."""
    end = re.search(r"[/?#\\]", rest)
    return (rest, "", "") if end is None else (rest[: end.start()], end[0], rest[end.end() :])


def _names(query: str) -> str:
    """The names of a query; values, and what has none, hidden."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        f"{name}={HIDDEN}" if mark and _NAME.fullmatch(name) else HIDDEN for name, mark, _ in pairs
    )


def _hide_address(match: re.Match[str]) -> str:
    text = match[0]
    if _EXAMPLE in text:
        return text
    before = match.string[: match.start()][-1:]
    if "@" in text and not (before.isspace() or before in {"", '"', "'", "<"}):
        return HIDDEN  # what looks like a scheme may be the end of a password
    bare = text.rstrip(".,;:!')]`")
    return shown(bare) + text[len(bare) :]


def _hide_login(match: re.Match[str]) -> str:
    text = match[0]
    scheme, mark, place = text.partition(f"://{HIDDEN}@")
    is_masked = bool(mark) and ":" not in scheme and "@" not in place
    return text if _EXAMPLE in text or is_masked else HIDDEN
