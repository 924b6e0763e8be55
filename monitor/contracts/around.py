"""What a newer OpenAPI document says otherwise around its operations: servers, and the calls that the
provider makes itself (webhooks, callbacks), of which no live call tells.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from monitor.contracts.change import Breaks, Change, Read
from monitor.contracts.formats.servers import bases_of
from monitor.contracts.refs import resolve
from monitor.contracts.schema_clauses import Direction
from monitor.errors import ContractError

_LONGEST_URL = 200
METHODS = frozenset("get put post delete options head patch trace query".split())
_NAME = re.compile(r"\{[^{}]*\}")
_PROSE = frozenset(
    "description summary title operationId tags externalDocs example examples".split()
)


def around(old: Read, new: Read) -> Iterator[Change]:
    """Servers first, of all and of single operations, then the provider's own calls."""
    yield from _moved("", *(_map(read.document) for read in (old, new)))
    yield from _servers_by_operation(old, new)
    was, now = (_own_calls(read.document) for read in (old, new))
    for place, call in now.items():
        if place not in was:
            yield Change("", "", "", place, "own call", "came", "looser", "", "", "provider")
        elif was[place] != call:
            yield Change("", "", "", place, "own call", "changed", "other", "", "", "either")
    for place in was:
        if place not in now:
            yield Change("", "", "", place, "own call", "went", "tighter", "", "", "consumers")


def _own_calls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Webhooks and callbacks by their place, without prose, with what they refer to."""
    calls = {f"/webhooks/{name}": call for name, call in _items(document.get("webhooks"))}
    for route, item in _items(document.get("paths")):
        for method, operation in _items(item):
            for name, call in _items(_map(operation).get("callbacks")):
                calls[f"{method.upper()} {route} /callbacks/{name}"] = call
    whole = _Said(document)
    return {place: whole.of(call) for place, call in calls.items()}


class _Said:
    """Parts of a document with their references followed: each stands there by a digest of what it
    leads to, so that a web of them costs no more than its size.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)
        self._digests: dict[str, str] = {}

    def of(self, node: Any, *, names: bool = False) -> Any:
        """`names`: the keys here are names and no keywords."""
        if isinstance(node, list):
            return [self.of(part) for part in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str) and not names:
            return self._digest(reference)
        return {
            key: self.of(part, names=key == "properties" and not names)
            for key, part in sorted(node.items(), key=lambda item: str(item[0]))
            if names or key not in _PROSE
        }

    def _digest(self, reference: str) -> str:
        if reference not in self._digests:
            self._digests[reference] = reference  # a circle ends here
            try:
                target = self.of(resolve(self._document, reference, ""))
            except ContractError:
                return reference
            self._digests[reference] = sha256(repr(target).encode()).hexdigest()
        return self._digests[reference]


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from _map(value).items()


def _servers_by_operation(old: Read, new: Read) -> Iterator[Change]:
    """An operation has the servers of its own, else its path's, else the document's."""
    was, now = (dict(_placed(read.document)) for read in (old, new))
    for key, (name, owner, own) in now.items():
        if key in was and (own or was[key][2]):
            yield from _moved(name, was[key][1], owner)


def _placed(
    document: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, str], tuple[str, Mapping[str, Any], bool]]]:
    """By method and path without names: the operation, who tells its servers, and whether that is
    not the document.
    """
    for route, item in _items(document.get("paths")):
        for method, operation in _items(item):
            if method in METHODS:
                owners = (_map(operation), _map(item), document)
                owner = next((it for it in owners if it.get("servers")), document)
                name = f"{method.upper()} {route}"
                yield (method, _NAME.sub("{}", route)), (name, owner, owner is not document)


def _moved(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Whether one that is not told any more still answers is not in the documents; where none of
    the newer servers has a path of the older ones, no path that consumers call is promised.
    """
    was, now = _urls(old), _urls(new)
    if not was or not now:  # without any it is wherever the document was found
        return
    before, after = ({base.text for base in bases_of(dict(owner))} for owner in (old, new))
    moved: tuple[Direction, Breaks] = (
        ("other", "either") if before & after else ("tighter", "consumers")
    )
    for url in was:
        if url not in now:
            yield Change(name, "", "", url, "server", "went", moved[0], "", "", moved[1])
    for url in now:
        if url not in was:
            yield Change(name, "", "", url, "server", "came", "looser", "", "", "provider")


def _urls(owner: Mapping[str, Any]) -> list[str]:
    servers = owner.get("servers")
    return [
        f"{server['url']}"[:_LONGEST_URL].rstrip("/")
        for server in (servers if isinstance(servers, list) else [])
        if isinstance(server, dict) and server.get("url")
    ]
