"""The documents in files, folders and zip archives that somebody publishes: stubs of one folder
become one document.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from monitor.cli.contract_bytes import (
    BODIES,
    READ,
    bytes_of,
    files_in_archive,
    files_in_folder,
    is_packed,
    read_as_text,
    text_of,
)
from monitor.cli.contract_parts import (
    Addresses,
    Read,
    Types,
    below,
    gathered_document,
    nowhere,
    place_of,
    refers_outside,
    types_of_file,
    whole_of_file,
    with_protos,
)
from monitor.contracts.alike import LISTED_UNDER
from monitor.contracts.formats.jsonschema import BINDING
from monitor.contracts.formats.protobuf import offers_calls, with_imports
from monitor.contracts.read import document_of, kind_of
from monitor.contracts.selections.written import looks_like_sdl
from monitor.errors import ContractError, UsageError

_SERVICE = re.compile(rb"^\s*service\s+\w+\s*\{", re.MULTILINE)
_ASKED = re.compile(r"^\s*(?:type\s+Query\b|schema\b)", re.MULTILINE)
_QUERIES = frozenset({".graphql", ".gql"})  # of consumers, too, in the same folders
_MOST_FOLDERS = 12
_ENTRY = re.compile(r"/(?:mappings|contracts|imposters)/(\d{1,6})\b")


@dataclass(frozen=True, slots=True)
class Published:
    """One document to publish: where it is from, its kind, its text. `files`: of one that was
    gathered, by its entries, where each is from.
    """

    source: str
    kind: str
    text: str
    files: Sequence[str] = ()

    def named(self, refusal: str) -> str:
        """A refusal's text with the file of the entry that it names."""
        match = _ENTRY.search(refusal)
        at = int(match[1]) if match is not None else len(self.files)
        return f"{self.files[at]}: {refusal}" if at < len(self.files) else refusal


def place_to_write(text: str) -> Path:
    """A file, or a folder; one that is written with a slash behind it is made where it is not there."""
    path = Path(text)
    if text.endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def documents_in(paths: list[Path], kind: str | None) -> tuple[list[Published], list[str]]:
    """The documents in their order, and the files of folders and archives that are no contract.
    UsageError for what cannot be read.
    """
    documents: list[Published] = []
    passed: list[str] = []
    schemas: dict[str, list[tuple[str, str]]] = {}
    taken: set[str] = set()
    for path in paths:
        if path.is_dir():
            documents += _gathered(str(path), files_in_folder(path), kind, passed)
        elif path.suffix.lower() in (".zip", ".jar"):
            documents += _gathered(str(path), files_in_archive(path), kind, passed)
        else:
            text = read_as_text(bytes_of(path), str(path))
            document = parse_or_refuse(text, str(path))
            its_kind = kind or _kind(document)
            if its_kind == "graphql" and looks_like_sdl(text):
                schemas.setdefault(path.parent.as_posix(), []).append((str(path), text))
                continue
            if its_kind == "protobuf":
                text = _whole_proto(document, text, partial(_beside, path))
            elif its_kind == "avro" or refers_outside(its_kind, document):
                gather = types_of_file if its_kind == "avro" else whole_of_file
                whole = with_protos(gather(document, path, paths), place_of(path), _beside)
                taken.update(whole.files)
                text = json.dumps(whole.document) if whole.changed else text
            documents.append(Published(str(path), its_kind, text))
    if taken:  # what was given along to be a part of another document is none of its own
        parts = [document for document in documents if _is_part(document, kind, taken)]
        documents = [document for document in documents if document not in parts]
        passed += [part.source for part in parts]
        passed = [file for file in passed if place_of(file) not in taken]
    documents += [
        Published(name, "graphql", text)
        for held in schemas.values()
        for name, text in _one_schema(held)
    ]
    return documents, passed


def documents_of_folder(
    folder: Path, left_out: frozenset[str], root: Path
) -> tuple[list[Published], list[str], list[tuple[str, str]]]:
    """Documents, files that are no contract, and (file, why) of those that cannot be read: one bad
    file spoils no other.

    Sources are paths below the folder. `left_out` are such paths that are passed over in silence.
    Below `root`, which holds the folder, lies what documents may take in.
    """
    refused: list[tuple[str, str]] = []

    def readable() -> Iterator[tuple[str, bytes]]:
        for name, raw in files_in_folder(folder, left_out, refused):
            path = PurePosixPath(name)
            try:
                if not (
                    BODIES in path.parts or is_packed(name) or _asks(name, text_of(raw, name))
                ):
                    parse_or_refuse(text_of(raw, name), name)
            except UsageError as error:
                refused.append((name, str(error)))
                continue
            yield name, raw

    passed: list[str] = []
    documents = _gathered("", readable(), None, passed, below(root, folder))
    return documents, passed, refused


def _is_part(document: Published, kind: str | None, taken: set[str]) -> bool:
    """Whether a file binds nothing by itself: no operation, no topic; or another took it in."""
    if document.kind not in ("jsonschema", "avro") or (document.kind == "jsonschema" and kind):
        return False
    if document.kind == "avro" and place_of(document.source) not in taken:
        return False
    return not parse_or_refuse(document.text, document.source).get(BINDING)


def parse_or_refuse(text: str, source: str) -> dict[str, Any]:
    """The document; UsageError when it cannot be read: the same reader as the server's."""
    try:
        return document_of(text, where=f"contract {Path(source).name}")
    except ContractError as error:
        raise UsageError(str(error)) from None


def _kind(document: dict[str, Any]) -> str:
    return kind_of(document)


def _gathered(
    source: str,
    files: Iterator[tuple[str, bytes]],
    kind: str | None,
    passed: list[str],
    others: Read = nowhere,
) -> list[Published]:
    own: list[Published] = []
    groups: dict[str, list[dict[str, Any]]] = {}
    places: dict[str, list[str]] = {}
    bodies: dict[str, bytes] = {}
    protos: list[tuple[str, str, dict[str, Any]]] = []
    schemas: dict[str, list[tuple[str, str]]] = {}
    written: dict[str, bytes] = {}
    outside: list[tuple[int, str, dict[str, Any]]] = []
    for name, raw in files:
        parts = PurePosixPath(name).parts
        if BODIES in parts:
            bodies["/".join(parts[parts.index(BODIES) + 1 :])] = raw
            continue
        if PurePosixPath(name).suffix.lower() not in READ:
            continue
        written[name] = raw
        if kind is None and is_packed(name) and not offers_calls(raw):
            passed.append(_below(source, name))
            continue
        text = read_as_text(raw, _below(source, name))
        if kind is None and (_is_imported(name, raw) or _asks(name, text)):
            passed.append(_below(source, name))
            continue
        document = parse_or_refuse(text, _below(source, name))
        form = kind or _kind(document)
        if form in LISTED_UNDER:
            word = LISTED_UNDER[form]
            listed = document.get(word)
            entries = listed if isinstance(listed, list) else [document]
            groups.setdefault(form, []).extend(entries)
            places.setdefault(form, []).extend([_below(source, name)] * len(entries))
        elif form == "jsonschema" and kind is None and not document.get("x-seamwatch"):
            passed.append(_below(source, name))
        elif form == "protobuf":
            protos.append((name, text, document))
        elif form == "graphql" and looks_like_sdl(text):
            schemas.setdefault(PurePosixPath(name).parent.as_posix(), []).append((name, text))
        else:
            if form == "avro" or refers_outside(form, document):
                outside.append((len(own), name, document))
            own.append(Published(_below(source, name), form, text))
    taken = _made_whole(source, own, outside, written, others)
    held = {place_of(file) for file in taken}
    own = [each for each in own if each.kind != "avro" or not _is_part(each, kind, held)]
    passed[:] = [file for file in passed if file not in taken]
    own += _schemas_of_calls(source, protos, written, schemas)
    return own + [
        replace(_gathered_stubs(source, form, entries, bodies), files=places[form])
        for form, entries in groups.items()
    ]


def _made_whole(
    source: str,
    own: list[Published],
    outside: list[tuple[int, str, dict[str, Any]]],
    written: Mapping[str, bytes],
    others: Read,
) -> set[str]:
    """Put documents that refer to other files, by their places among `own`, into it as wholes; the
    files that they took in.
    """
    taken: set[str] = set()
    addresses = Addresses(lambda: written)
    types = Types(lambda: written)
    for at, name, document in outside:
        if own[at].kind == "avro":
            whole = types.taken_in(document, name)
        else:
            read: Read = lambda file: written.get(file) or others(file)  # noqa: E731
            whole = types.completed(gathered_document(document, name, read, addresses), name)
            whole = with_protos(whole, name, lambda _, file: _among(written, file))
        taken.update(_below(source, file) for file in whole.files)
        own[at] = replace(
            own[at], text=json.dumps(whole.document) if whole.changed else own[at].text
        )
    return taken


def _schemas_of_calls(
    source: str,
    protos: list[tuple[str, str, dict[str, Any]]],
    written: Mapping[str, bytes],
    schemas: Mapping[str, list[tuple[str, str]]],
) -> list[Published]:
    """The .protos, each with its imports, and the schemas of GraphQL, one a folder."""
    own = [
        Published(
            _below(source, name),
            "protobuf",
            _whole_proto(document, text, partial(_among, written)),
        )
        for name, text, document in protos
    ]
    return own + [
        Published(_below(source, name), "graphql", text)
        for held in schemas.values()
        for name, text in _one_schema(held)
    ]


def _gathered_stubs(
    source: str, form: str, entries: list[dict[str, Any]], bodies: Mapping[str, bytes]
) -> Published:
    if form == "wiremock":
        _with_bodies(entries, bodies)
    return Published(source, form, json.dumps({LISTED_UNDER[form]: entries}, indent=1))


def _is_imported(name: str, raw: bytes) -> bool:
    """Whether a .proto names no binding and no service: it is not read, since it may be one of
    thousands that others import.
    """
    return (
        name.lower().endswith(".proto")
        and b"x-seamwatch:" not in raw
        and _SERVICE.search(raw) is None
    )


def _asks(name: str, text: str) -> bool:
    """Whether a file holds queries of GraphQL: consumers keep theirs in files of the same name."""
    return PurePosixPath(name).suffix.lower() in _QUERIES and not looks_like_sdl(text)


def _one_schema(held: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parts of one schema that a folder holds as one text, unless several of them
    stand alone.
    """
    whole = [name for name, text in held if _ASKED.search(text)]
    if len(held) == 1 or len(whole) != 1:
        return held
    folder = PurePosixPath(whole[0]).parent
    return [
        (
            (folder / f"*{PurePosixPath(whole[0]).suffix}").as_posix(),
            "\n".join(text for _, text in held),
        )
    ]


def _below(source: str, name: str) -> str:
    return f"{source}/{name}" if source else name


def _whole_proto(document: dict[str, Any], text: str, find: Callable[[str], str | None]) -> str:
    """A .proto with what it imports; alone where nothing of that is here."""
    whole = with_imports(document, find)
    return json.dumps(whole) if "imports" in whole else text


def _beside(path: Path, name: str) -> str | None:
    """An import of a file, from its own folder or one above: where a project's root may be."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return None
    for folder in list(path.absolute().parents)[:_MOST_FOLDERS]:
        if (folder / name).is_file():
            return text_of(bytes_of(folder / name), str(folder / name))
    return None


def _among(files: Mapping[str, bytes], name: str) -> str | None:
    """An import, from a folder or an archive whose root may lie above or below the project's."""
    file = next(
        (
            path
            for path in files
            if path == name or path.endswith(f"/{name}") or name.endswith(f"/{path}")
        ),
        None,
    )
    return None if file is None else text_of(files[file], file)


def _with_bodies(stubs: list[dict[str, Any]], bodies: Mapping[str, bytes]) -> None:
    """WireMock's bodies beside the mappings, put where they are named."""
    for stub in stubs:
        answer = stub.get("response")
        if not isinstance(answer, dict):
            continue
        held = bodies.get(str(answer.get("bodyFileName", "")).lstrip("/"))
        if held is None:
            continue
        try:
            answer["body"] = held.decode()
        except UnicodeDecodeError:
            continue
        del answer["bodyFileName"]
