"""The piece of a document that a few schemas can reach: so much is compiled when only they are
met.
"""

from collections.abc import Container, Iterable
from typing import Any
from urllib.parse import unquote

from monitor.contracts.looks import references
from monitor.model.pointers import unescaped

_NAMED = frozenset(
    {
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$recursiveAnchor",
        "$recursiveRef",
    }
)
"""Where these stand, what a schema reaches is not told by pointers alone."""
_SCOPES = ("id", "$schema")
"""What an object with these says is how those inside it are read."""


def is_cuttable(words: Container[str]) -> bool:
    """Whether pieces can be cut of a document with these keys."""
    return not any(word in words for word in _NAMED)


def cut(document: Any, pointers: Iterable[str], most: int) -> tuple[dict[str, Any], int] | None:
    """A document of what the schemas at these pointers can reach, all of it where it was, and how
    many objects that are.

    None when it is more than `most`, or when that cannot be told. Its values are the document's
    own, not copies. Cost grows with the piece, not with the document.
    """
    if not isinstance(document, dict):
        return None
    piece = _Piece(document)
    waiting, size = list(pointers), 0
    seen = set(waiting)
    while waiting:
        place = waiting.pop()
        if not place.startswith("/") or "//" in place:
            return None
        fresh = piece.put([unescaped(part) for part in place[1:].split("/")])
        if fresh is None:
            continue
        named, objects = references(fresh, most - size)
        size += objects
        if size > most or not all(target.startswith("#") for target in named):
            return None
        places = {unquote(target[1:]) for target in named} - seen
        waiting += places
        seen |= places
    return piece.document, size


class _Piece:
    def __init__(self, whole: dict[str, Any]) -> None:
        self._whole = whole
        self.document: dict[str, Any] = {}
        self._made = {id(self.document)}

    def put(self, names: list[str]) -> Any:
        """Put what stands at a place where it stands; None when it is there already, or nowhere.

        A list is put whole, and so is what says how that inside it is read.
        """
        held, node = self.document, self._whole
        for at, name in enumerate(names, 1):
            if name not in node:
                return None  # the engine says so
            child, there = node[name], held.get(name)
            if there is not None and id(there) not in self._made:
                return None
            if (
                at == len(names)
                or not isinstance(child, dict)
                or any(isinstance(child.get(word), str) for word in _SCOPES)
            ):
                held[name] = child
                return child
            if there is None:
                there = held[name] = {}
                self._made.add(id(there))
            held, node = there, child
        return None
