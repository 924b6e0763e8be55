"""References by `$id`, `$anchor` and relative to an `$id`, written as pointers into the one
document that holds them all.
"""

from collections.abc import Container
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin

from monitor.contracts.looks import DATA, NAMES
from monitor.model.pointers import escaped

DOCUMENT = "http://contract.invalid/document"
_RESOURCE = "urn:seamwatch:resource:"
_IDENTIFIES = frozenset({"$id", "$anchor", "$dynamicAnchor"})
_SAFE = "/~!$&'()*+,;=:@-._?"


def grounded(document: dict[str, Any], words: Container[str]) -> dict[str, Any]:
    """A copy in which every reference that the document itself answers is a pointer from its root
    ("#/a/b").

    The same document when it names nothing by `$id` or an anchor. References to elsewhere stay,
    and are refused later. Where there is a `$dynamicRef`, which goes by resources, schemas with an
    `$id` keep one (see `apart`). `words`: the keys that stand anywhere in it.
    """
    if not any(word in words for word in _IDENTIFIES):
        return document
    places = _Places(document)
    if not places.identified:
        return document
    result = _Rewriter(places).node(document, "", DOCUMENT, names=False)
    assert isinstance(result, dict)
    return result


class _Places:
    """Where what has an `$id` or an anchor stands: absolute URI to pointer."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.resources: dict[str, str] = {DOCUMENT: ""}
        self.anchors: dict[tuple[str, str], str] = {}
        self.identified = self.dynamic = False
        stack: list[tuple[Any, str, str, bool]] = [(document, "", DOCUMENT, False)]
        while stack:
            node, pointer, base, names = stack.pop()
            if isinstance(node, list):
                stack.extend(
                    (child, f"{pointer}/{index}", base, False) for index, child in enumerate(node)
                )
            elif isinstance(node, dict):
                if not names:
                    base = self._note(node, pointer, base)
                stack.extend(
                    (child, f"{pointer}/{escaped(name)}", base, not names and name in NAMES)
                    for name, child in node.items()
                    if names or name not in DATA
                )

    def _note(self, node: dict[str, Any], pointer: str, base: str) -> str:
        base = based(node, pointer, base)
        identifier = node.get("$id")
        if isinstance(identifier, str) and pointer:
            self.identified = True
            if identifier.startswith("#"):
                self.anchors.setdefault((base, identifier[1:]), pointer)  # drafts 6 and 7
            else:
                self.resources.setdefault(base, pointer)
        self.dynamic = self.dynamic or isinstance(node.get("$dynamicRef"), str)
        for word in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(word), str):
                self.identified = True
                self.anchors.setdefault((base, node[word]), pointer)
        return base

    def target(self, reference: str, base: str) -> str | None:
        """The pointer that a reference names, None when the document does not hold it."""
        uri, fragment = urldefrag(urljoin(base, reference))
        fragment = unquote(fragment)
        root = self.resources.get(uri)
        if root is None:
            return None
        if fragment and not fragment.startswith("/"):
            return self.anchors.get((uri, fragment))
        return root + fragment


def based(node: dict[str, Any], pointer: str, base: str) -> str:
    """The base URI inside a node."""
    identifier = node.get("$id")
    if isinstance(identifier, str) and pointer and not identifier.startswith("#"):
        return urldefrag(urljoin(base, identifier))[0]
    return base


class _Rewriter:
    def __init__(self, places: _Places) -> None:
        self._places = places

    def node(self, node: Any, pointer: str, base: str, *, names: bool) -> Any:
        if isinstance(node, list):
            return [
                self.node(child, f"{pointer}/{index}", base, names=False)
                for index, child in enumerate(node)
            ]
        if not isinstance(node, dict):
            return node
        if not names:
            base = based(node, pointer, base)
        copy: dict[str, Any] = {}
        for name, child in node.items():
            if not names and name in ("$id", "$anchor") and pointer:
                if name == "$id" and self._places.dynamic:
                    copy[name] = f"{_RESOURCE}{quote(pointer, safe='')}"
                continue
            if not names and name == "$ref" and isinstance(child, str):
                target = self._places.target(child, base)
                copy[name] = child if target is None else "#" + quote(target, safe=_SAFE)
            elif not names and name in DATA:
                copy[name] = child
            else:
                copy[name] = self.node(
                    child, f"{pointer}/{escaped(name)}", base, names=not names and name in NAMES
                )
        return copy


def apart(
    document: Any, root: str, words: Container[str]
) -> tuple[Any, list[tuple[str, Any]], dict[str, str]]:
    """A grounded document cut at the `$id`s that it kept: the rest, the schemas by `$id`, and
    where each stood.

    References become absolute. `root` is the URI of the rest; `words` are the keys that stand
    anywhere in the document.
    """
    if "$id" not in words:
        return document, [], {}
    stood: dict[str, str] = {}
    cut: list[tuple[str, Any]] = []

    def look(node: Any, pointer: str) -> None:
        if isinstance(node, dict):
            identifier = node.get("$id")
            if isinstance(identifier, str) and identifier.startswith(_RESOURCE):
                stood[pointer] = identifier
            for name, child in node.items():
                look(child, f"{pointer}/{escaped(name)}")
        elif isinstance(node, list):
            for index, child in enumerate(node):
                look(child, f"{pointer}/{index}")

    def write(node: Any, pointer: str) -> Any:
        if isinstance(node, list):
            return [write(child, f"{pointer}/{index}") for index, child in enumerate(node)]
        if not isinstance(node, dict):
            return node
        copy = {
            name: absolute(unquote(child[1:]), stood, root)
            if name == "$ref" and isinstance(child, str) and child.startswith("#")
            else write(child, f"{pointer}/{escaped(name)}")
            for name, child in node.items()
        }
        if pointer not in stood:
            return copy
        cut.append((stood[pointer], copy))
        return {"$ref": stood[pointer]}

    look(document, "")
    return (write(document, ""), cut, stood) if stood else (document, [], {})


def absolute(pointer: str, stood: dict[str, str], root: str) -> str:
    """The URI of what stood at a pointer before the document was cut."""
    head = pointer if stood else ""
    while head and head not in stood:
        head = head.rpartition("/")[0]
    # braces of path templates are in most pointers; `quote` is quick where it has nothing to do
    rest = quote(pointer[len(head) :], safe=_SAFE + "{}").replace("{", "%7B").replace("}", "%7D")
    return f"{stood.get(head, root)}#{rest}"
