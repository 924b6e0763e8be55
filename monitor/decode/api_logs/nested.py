"""Access logs in JSON whose fields stand in groups of the operator's own ("request": {"method": …}),
as one flat object: nginx and HAProxy write what they are told, loggers of applications `req` and
`res`.
"""

from collections.abc import Iterator
from typing import Any

Entry = dict[str, Any]
_REQUEST = frozenset({"request", "req", "http_request", "httpRequest"})
_RESPONSE = frozenset({"response", "res", "resp", "http_response", "httpResponse"})
_UPSTREAM = frozenset({"upstream", "origin", "proxy"})
_NONE_OF_IT = frozenset({"conn", "queue", "bytes", "ssl", "tls", "kubernetes", "labels"})
"""Groups whose members bear names that mean something else in an access log."""
_HEADERS = frozenset({"headers", "header"})
_STATUS = frozenset({"status", "status_code", "statusCode"})
_DEEPEST, _MOST = 4, 200


def flattened(entry: Entry) -> Entry:
    """The members of an entry and of its groups under plain names; of two under one name the outer
    one, else the first. An entry without groups is itself.
    """
    if not any(isinstance(held, dict) for held in entry.values()):
        return entry
    flat = {name: held for name, held in entry.items() if not isinstance(held, dict)}
    for count, (name, held) in enumerate(_members(entry, "", 0)):
        if count >= _MOST:
            break
        flat.setdefault(name, held)
    return flat


def _members(group: Entry, side: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, held in group.items():
        if side in ("request", "response") and (name in _HEADERS or name == "body"):
            yield f"{side}_{'body' if name == 'body' else 'headers'}", held
        elif not isinstance(held, dict):
            yield _named(name, side), held
        elif depth < _DEEPEST and name not in _NONE_OF_IT:
            yield from _members(held, _side(name, side), depth + 1)


def _side(name: str, side: str) -> str:
    if name in _REQUEST:
        return "request"
    if name in _RESPONSE:
        return "response"
    return "upstream" if name in _UPSTREAM else side


def _named(name: str, side: str) -> str:
    """A member's plain name: what an upstream or a response says of itself is not the request's."""
    if side == "upstream" or (side == "response" and name not in _STATUS):
        return name if name.startswith(side) else f"{side}_{name}"
    return name
