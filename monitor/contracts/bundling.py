"""Documents of several files as one: what they refer to in each other is taken in, and nothing is
fetched.

A file that is taken in stands at `/x-seamwatch-files/NAME`, NAME as the document's own folder sees
it (`../common/messages.yaml`), and every reference to it becomes a pointer.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urlsplit

from monitor.contracts.looks import DATA, NAMES
from monitor.model.pointers import escaped

TAKEN_IN = "x-seamwatch-files"
_SAFE = "/~!$&'()*+,;=:@-._?{}"
_NAMES_ITSELF = ("$id", "id")
Find = Callable[[str], Any]
"""What stands in the file of a path, parsed anew; None where no such file is given."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """A document with the files that it took in, by their paths. `changed`: whether any reference
    is another than was written; also where it is to the document's own file.
    """

    document: dict[str, Any]
    files: tuple[str, ...]
    changed: bool


def bundled(
    document: dict[str, Any], path: str, find: Find, at_address: Callable[[str], str | None]
) -> Bundled:
    """The document with all that it refers to in other files, as far as `find` has these; the same
    one where it refers to none. References to what is not given stay.

    `path` is the document's own, with `/` between its parts. `at_address`: the path of the file
    that an address means, None where none is given. The document is changed.
    """
    folder = posixpath.dirname(path)
    held: dict[str, Any] = {path: document}
    waiting, changed = [path], False
    while waiting:
        file = waiting.pop()
        for holder, word in _references(held[file]):
            name, fragment = urldefrag(holder[word])
            if not name and file == path:
                continue
            named = _file_of(name, file, at_address)
            if named is None or (word != "$ref" and "." not in name):
                continue  # a discriminator may name a schema, too
            if named not in held:
                part = find(named)
                if part is None:
                    continue
                held[named] = _nameless(part)
                waiting.append(named)
            inside = "" if named == path else f"/{TAKEN_IN}/{escaped(seen_from(folder, named))}"
            if named.endswith(".avsc") and not _holds(held[named], fragment):
                fragment = ""  # the record's name
            holder[word], changed = f"#{quote(inside, safe=_SAFE)}{fragment}", True
    others = {seen_from(folder, name): part for name, part in held.items() if name != path}
    if others:
        document[TAKEN_IN] = others
    return Bundled(document, tuple(name for name in held if name != path), changed)


def _references(document: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Each object that refers to something, and the key by which it does: `$ref`, or a
    discriminator's word; data is passed over.
    """
    stack: list[tuple[Any, bool]] = [(document, False)]
    while stack:
        node, names = stack.pop()
        if isinstance(node, list):
            stack += [(child, False) for child in node]
        elif isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node, "$ref"
            mapping = None if names else node.get("mapping")
            if isinstance(mapping, dict) and isinstance(node.get("propertyName"), str):
                yield from ((mapping, word) for word in mapping if isinstance(mapping[word], str))
            stack += [
                (child, not names and name in NAMES)
                for name, child in node.items()
                if names or name not in DATA
            ]


def by_address(files: Mapping[str, Any]) -> dict[str, str]:
    """Paths by the address that a file's schema gives itself (`$id`)."""
    return {
        name.rstrip("#"): path
        for path, held in files.items()
        if isinstance(held, dict)
        for name in map(held.get, _NAMES_ITSELF)
        if isinstance(name, str) and name
    }


def _file_of(name: str, file: str, at_address: Callable[[str], str | None]) -> str | None:
    """The path of what a reference in a file names; None for an address that no file has."""
    if not name:
        return file
    parts = urlsplit(name)
    if parts.scheme or parts.netloc:
        return at_address(name)
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(parts.path)))


def _holds(schema: Any, fragment: str) -> bool:
    """Whether what stands in a file of Avro's has the fragment's first member."""
    member = fragment.lstrip("/").partition("/")[0]
    return isinstance(schema, dict) and member in schema


def seen_from(folder: str, path: str) -> str:
    """A path as a folder sees it."""
    return posixpath.relpath(path, folder or ".")


def _nameless(held: Any) -> Any:
    """A file without the address of its own, by which its references would be read."""
    if not isinstance(held, dict) or not any(
        isinstance(held.get(word), str) for word in _NAMES_ITSELF
    ):
        return held
    return {
        word: part
        for word, part in held.items()
        if word not in _NAMES_ITSELF or not isinstance(part, str)
    }
