"""The bytes and texts of contract files: alone, in folders, in archives, within bounds."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from monitor.contracts.formats.protobuf import packed_set
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.errors import UsageError

SUFFIXES = frozenset(
    {".json", ".yaml", ".yml", ".avsc", ".proto", ".graphql", ".graphqls", ".gql", ".sdl"}
)
_PACKED = frozenset({".desc", ".pb", ".binpb", ".protoset"})  # descriptor sets, which are no text
READ = SUFFIXES | _PACKED
BODIES = "__files"
_MOST_FILES = 10_000
_MOST_BYTES = 256_000_000
"""Of a folder, which may hold many contracts."""


def files_in_folder(
    folder: Path,
    left_out: frozenset[str] = frozenset(),
    refused: list[tuple[str, str]] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """The files below a folder, those of its zip archives too. An archive that cannot be read goes
    to `refused` where there is such a list, and else ends it all.
    """
    names = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if len(names) > _MOST_FILES:
        raise UsageError(
            f"the folder {folder} holds more than {_MOST_FILES} files; name a smaller one"
        )
    total = 0
    for path in names:
        name = path.relative_to(folder).as_posix()
        if name in left_out or any(part.startswith(".") for part in PurePosixPath(name).parts):
            continue
        if path.suffix.lower() == ".zip":
            try:
                packed = list(files_in_archive(path))
            except UsageError as error:
                if refused is None:
                    raise
                refused.append((name, str(error)))
                continue
            total = _within(total + sum(len(raw) for _, raw in packed), str(folder), _MOST_BYTES)
            yield from ((f"{name}/{entry}", raw) for entry, raw in packed)
        elif path.suffix.lower() in READ or BODIES in PurePosixPath(name).parts:
            raw = bytes_of(path)
            if len(raw) <= CONTRACT_LIMITS.text_bytes:
                total = _within(total + len(raw), str(folder), _MOST_BYTES)
            elif BODIES in PurePosixPath(name).parts:
                continue  # the stub that names it says so
            yield name, raw  # what is too large is refused alone


def files_in_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, read from memory and never written; as much of each as a contract
    may have.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bytes_of(path, _MOST_BYTES))) as archive:
            entries = sorted(
                (entry for entry in archive.infolist() if not entry.is_dir()),
                key=lambda entry: entry.filename,
            )
            if len(entries) > _MOST_FILES:
                raise UsageError(f"the archive {path} holds more than {_MOST_FILES} files")
            total = 0
            for entry in entries:
                parts = PurePosixPath(entry.filename).parts
                if (
                    PurePosixPath(entry.filename).suffix.lower() in READ or BODIES in parts
                ) and ".." not in parts:
                    with archive.open(entry) as file:
                        raw = file.read(CONTRACT_LIMITS.text_bytes + 1)
                    total = _within(total + len(raw), str(path), CONTRACT_LIMITS.text_bytes)
                    yield entry.filename, raw
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UsageError(f"the archive {path} cannot be read: {error}") from error


def _within(total: int, source: str, most: int) -> int:
    if total > most:
        raise UsageError(
            f"the files of {source} are more than {most} bytes; name a smaller part of it"
        )
    return total


def bytes_of(path: Path, most: int = CONTRACT_LIMITS.text_bytes + 1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise UsageError(f"the contract {path} cannot be read: {error.strerror}") from error


def read_as_text(raw: bytes, source: str) -> str:
    """A file's text; of a descriptor set, which is none, the document that it becomes."""
    return packed_set(raw) if is_packed(source) else text_of(raw, source)


def is_packed(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _PACKED


def text_of(raw: bytes, source: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the contract {source} is not UTF-8 text") from error
