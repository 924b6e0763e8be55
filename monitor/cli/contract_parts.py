"""The files that documents of several files may take in: those given along, and those below the
document's own folder.
"""

import os.path
import posixpath
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from monitor.contracts.bundling import TAKEN_IN, Bundled, bundled, by_address
from monitor.contracts.formats.avro_documents import is_avro, with_types
from monitor.contracts.formats.avro_names import names_in
from monitor.contracts.formats.protobuf import with_imports
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.looks import leads_out, references
from monitor.contracts.text import parse
from monitor.errors import ContractError, UsageError

_REFER = frozenset({"openapi", "asyncapi", "jsonschema"})
_WRITTEN = frozenset({".json", ".yaml", ".yml", ".avsc", ".proto"})
_MOST = 2_000
"""Files of one document."""
Read = Callable[[str], bytes | None]
"""The bytes of the file of a path; None where it may not be taken in."""


def nowhere(_: str) -> bytes | None:
    """No file may be taken in."""
    return None


def place_of(path: Path | str) -> str:
    """Where a file lies, by names alone: no link is followed."""
    return os.path.normpath(Path(path).absolute())


def refers_outside(kind: str, document: Mapping[str, Any]) -> bool:
    """Whether a document of this kind refers to other files or addresses."""
    return kind in _REFER and any(map(leads_out, references(document, sys.maxsize)[0]))


class Addresses:
    """Which of the files given along an address means: the one whose schema has it as its `$id`,
    or with `by_name` the only one whose name it ends with. They are read when first asked for.
    """

    def __init__(self, files: Callable[[], Mapping[str, bytes]], *, by_name: bool = False) -> None:
        self._files, self._by_name = cache(files), by_name
        self._known = cache(lambda: by_address(self._identified()))

    def __call__(self, address: str) -> str | None:
        """The file's path; None where no one file is meant."""
        last = PurePosixPath(unquote(urlsplit(address).path)).name
        alike = [
            name for name in self._files() if self._by_name and PurePosixPath(name).name == last
        ]
        return self._known().get(address) or (alike[0] if len(alike) == 1 else None)

    def _identified(self) -> dict[str, Any]:
        return {
            name: held
            for name, raw in self._files().items()
            if b"$id" in raw or b'"id"' in raw
            if isinstance(held := _or_nothing(raw, name), dict)
        }


def gathered_document(
    document: dict[str, Any], path: str, read: Read, at_address: Addresses
) -> Bundled:
    """The document with the files that it refers to. UsageError for one that cannot be read."""
    taken: dict[str, Any] = {}

    def find(name: str) -> Any:
        if PurePosixPath(name).suffix.lower() not in _WRITTEN:
            return None
        raw = read(name)
        if raw is None:
            return None
        if len(taken) >= _MOST:
            raise UsageError(f"{path} refers to more than {_MOST} files; bundle it into one")
        taken[name] = True
        return _parsed(raw, name)

    return bundled(document, path, find, at_address)


def whole_of_file(document: dict[str, Any], path: Path, given: Sequence[Path]) -> Bundled:
    """A file's document with what it takes in of files and folders that are given along, and of
    what lies below its own folder.
    """
    read = _beside(path, given)

    def along() -> dict[str, bytes]:
        names = [place_of(other) for other in given if other != path and not other.is_dir()]
        return {name: raw for name in names if (raw := read(name)) is not None}

    whole = gathered_document(document, place_of(path), read, Addresses(along, by_name=True))
    return Types(lambda: _near(path, given)).completed(whole, place_of(path))


def _near(path: Path, given: Sequence[Path]) -> dict[str, bytes]:
    """The files that may define a file's named types: those beside it, and those given along."""
    folders = [path.absolute().parent, *(held.absolute() for held in given if held.is_dir())]
    names = [place_of(file) for folder in folders for file in sorted(folder.glob("*.avsc"))]
    names += [place_of(held) for held in given if not held.is_dir()]
    read = _beside(path, given)
    return {name: raw for name in names[:_MOST] if (raw := read(name)) is not None}


def types_of_file(document: dict[str, Any], path: Path, given: Sequence[Path]) -> Bundled:
    """An Avro schema with the files that define what it only names: beside it, or given along."""
    return Types(lambda: _near(path, given)).taken_in(document, place_of(path))


def with_protos(whole: Bundled, path: str, find: Callable[[Path, str], str | None]) -> Bundled:
    """A document, of the file of a path, with what the .protos that it took in import, under the
    names that they import it by. `find` is told which file imports.
    """
    files = whole.document.get(TAKEN_IN)
    imports: dict[str, str] = {}
    for name, part in files.items() if isinstance(files, dict) else ():
        if isinstance(part, str):
            own = Path(posixpath.join(posixpath.dirname(path), name))
            imports |= with_imports({"proto": part}, partial(find, own)).get("imports", {})
    if not imports:
        return whole
    whole.document[TAKEN_IN] = {**imports, **whole.document[TAKEN_IN]}
    return replace(whole, changed=True)


class Types:
    """The files that define Avro's named types; they are read when a type is missing."""

    def __init__(self, files: Callable[[], Mapping[str, bytes]]) -> None:
        self._files = files
        self._known = cache(self._schemas)

    def taken_in(self, document: dict[str, Any], path: str) -> Bundled:
        """A schema, of the file of a path, with those that define what it only names."""

        def find(name: str) -> tuple[str, Any] | None:
            return next(
                (
                    (file, held)
                    for file, (held, names) in self._known().items()
                    if name in names and file != path
                ),
                None,
            )

        taken = with_types(document, path, find)
        return Bundled(document, taken, bool(taken))

    def completed(self, whole: Bundled, path: str) -> Bundled:
        """The same for each schema of Avro's that a document, of the file of a path, took in."""
        files = whole.document.get(TAKEN_IN)
        taken: list[str] = []
        for name, part in files.items() if isinstance(files, dict) else ():
            if isinstance(part, dict) and is_avro(part):
                place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
                taken += self.taken_in(part, place).files
        return replace(whole, files=(*whole.files, *taken), changed=whole.changed or bool(taken))

    def _schemas(self) -> dict[str, tuple[Any, set[str]]]:
        schemas = {
            name: _or_nothing(raw, name)
            for name, raw in self._files().items()
            if b'"fields"' in raw or b'"symbols"' in raw or b'"fixed"' in raw
        }
        return {name: (held, names_in(held)[0]) for name, held in schemas.items()}


def _beside(path: Path, given: Sequence[Path]) -> Read:
    """What a file may take in: files and folders given along, and what lies below its own folder;
    nothing that is hidden, or that a link leads away to.
    """
    own = path.absolute().parent
    folders = [own, *(held.absolute() for held in given if held.is_dir())]
    files = set(map(place_of, given))

    def read(name: str) -> bytes | None:
        allowed = name in files or any(_lies_in(name, folder) for folder in folders)
        return _bytes(name) if allowed else None

    return read


def below(root: Path, folder: Path) -> Read:
    """The files below a root, by their paths as a folder of it sees them."""

    def read(name: str) -> bytes | None:
        path = place_of(folder / name)
        return _bytes(path) if _lies_in(path, root.absolute()) else None

    return read


def _bytes(name: str) -> bytes | None:
    """None where there is no such file; as much as a contract may have and a byte more."""
    try:
        with Path(name).open("rb") as file:
            return file.read(CONTRACT_LIMITS.text_bytes + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error


def _lies_in(name: str, folder: Path) -> bool:
    try:
        below = Path(name).relative_to(place_of(folder))
        Path(name).resolve().relative_to(folder.resolve())
    except ValueError:
        return False
    return not any(part.startswith(".") for part in below.parts)


def _parsed(raw: bytes, name: str) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text") from error
    if PurePosixPath(name).suffix.lower() == ".proto":
        return text
    try:
        return parse(text, where=name)
    except ContractError as error:
        raise UsageError(str(error)) from None


def _or_nothing(raw: bytes, name: str) -> Any:
    try:
        return _parsed(raw, name)
    except UsageError:
        return None
