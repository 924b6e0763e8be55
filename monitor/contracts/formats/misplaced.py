"""Keys that OpenAPI does not know at their place: what they promise would silently not be judged,
so they are refused.
"""

from difflib import get_close_matches
from typing import Any

from monitor.errors import ContractError
from monitor.model.pointers import escaped

_METHODS = frozenset("get put post delete options head patch trace query".split())
_KEYS = {
    "path item": _METHODS
    | {"$ref", "summary", "description", "servers", "parameters", "additionalOperations"},
    "operation": frozenset(
        "tags summary description externalDocs operationId parameters requestBody responses callbacks deprecated security servers".split()
    ),
    "parameter": frozenset(
        "name in summary description required deprecated allowEmptyValue style explode allowReserved schema example examples content".split()
    ),
    "request body": frozenset("summary description content required".split()),
    "response": frozenset("summary description headers content links".split()),
    "media type": frozenset(
        "summary description schema itemSchema example examples encoding itemEncoding prefixEncoding".split()
    ),
}
_PLACES = ("path", "query", "header", "cookie", "querystring")


def refuse_misplaced(document: dict[str, Any], where: str) -> None:
    """ContractError for an unknown key or place."""
    _Reader(where).paths(document.get("paths"))


class _Reader:
    def __init__(self, where: str) -> None:
        self._where = where

    def paths(self, paths: Any) -> None:
        for route, item in _entries(paths):
            pointer = f"/paths/{escaped(route)}"
            if not route.startswith("x-") and self._known("path item", item, pointer):
                self._parameters(item, pointer)
                for method in _METHODS & item.keys():
                    self._operation(item[method], f"{pointer}/{method}")

    def _operation(self, entry: Any, pointer: str) -> None:
        if not self._known("operation", entry, pointer):
            return
        self._parameters(entry, pointer)
        if self._known("request body", entry.get("requestBody"), f"{pointer}/requestBody"):
            self._content(entry["requestBody"], f"{pointer}/requestBody")
        for status, answer in _entries(entry.get("responses")):
            place = f"{pointer}/responses/{escaped(status)}"
            if not status.startswith("x-") and self._known("response", answer, place):
                self._content(answer, place)

    def _parameters(self, owner: dict[str, Any], pointer: str) -> None:
        held = owner.get("parameters")
        for index, entry in enumerate(held if isinstance(held, list) else ()):
            place = f"{pointer}/parameters/{index}"
            if self._known("parameter", entry, place) and entry.get("in") not in _PLACES:
                raise ContractError(
                    f"{self._where}: {place} is in {str(entry.get('in'))[:40]!r}; a parameter is in {', '.join(_PLACES[:-1])}",
                    f"{place}/in",
                )

    def _content(self, owner: dict[str, Any], pointer: str) -> None:
        for name, entry in _entries(owner.get("content")):
            self._known("media type", entry, f"{pointer}/content/{escaped(name)}")

    def _known(self, kind: str, node: Any, pointer: str) -> bool:
        """Whether it is an object of its own; ContractError for a key that it must not have."""
        if not isinstance(node, dict) or "$ref" in node:
            return False
        if node.keys() <= _KEYS[kind]:
            return True
        for key in node:
            if key not in _KEYS[kind] and not key.startswith("x-"):
                near = get_close_matches(key.lower(), _KEYS[kind], 1, 0.7)
                hint = (
                    f"did you mean {near[0]!r}?"
                    if near
                    else "it would not be judged; remove it or write it as x-…"
                )
                raise ContractError(
                    f"{self._where}: {pointer} has the key {key[:60]!r}, which a {kind} does not know; {hint}",
                    f"{pointer}/{escaped(key)}",
                )
        return True


def _entries(node: Any) -> list[tuple[str, Any]]:
    return list(node.items()) if isinstance(node, dict) else []
