"""A folder of contracts, as a Git repository keeps them: what is published of each file, by its
path or by a `seamwatch.yaml`.

PROVIDER/FILE: the first folder names the provider, and FILE the contract: `PROVIDER-FILE`, or
`PROVIDER` where it is called openapi, api, schema or as the provider. Pacts name their parties.
The stubs below one first folder make one contract. `seamwatch.yaml` at the top says otherwise:
`contracts: [{path: GLOB, provider, consumer, environment, version, name, as, owner, contact}]`;
the first entry that fits a file counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from monitor.cli.contract_files import Published, documents_of_folder, parse_or_refuse
from monitor.contracts.read import completed
from monitor.errors import UsageError
from monitor.model.contracts import ContractDraft

MANIFEST = ("seamwatch.yaml", "seamwatch.yml")
_BY_FOLDER = frozenset({"wiremock", "spring-cloud-contract", "mountebank"})
_PLAIN = frozenset({"openapi", "api", "schema", "*"})
_WORDS = {
    "provider": "provider",
    "consumer": "consumer",
    "environment": "environment",
    "version": "provider_version",
    "name": "name",
    "as": "role",
    "owner": "owner",
    "contact": "contact",
}


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """Bodies for POST /v1/contracts by where they are from, files that are no contract, and what
    cannot be published and why.
    """

    bodies: Sequence[tuple[str, Mapping[str, Any]]]
    passed: Sequence[str]
    refused: Sequence[tuple[str, str]]
    documents: Sequence[Published] = ()
    """What the bodies are made of, in their order."""


def planned(folder: Path) -> FolderPlan:
    """What a folder asks to publish, in the order of its files. UsageError for no folder, and for
    a manifest that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    entries = _manifest(folder)
    documents, passed, refused = documents_of_folder_by_provider(folder)
    bodies: list[tuple[str, Mapping[str, Any]]] = []
    names: dict[str, str] = {}
    sent: list[Published] = []
    for document in documents:
        body = _body(document, entries)
        if not body["provider"] and document.kind != "pact":
            refused.append(
                (
                    document.source,
                    "its provider is not told; put it into a folder of the provider's name, or say it in seamwatch.yaml",
                )
            )
            continue
        name = _name_of(body)
        if name in names:
            refused.append(
                (
                    document.source,
                    f"{names[name]} has the name {name} already; name it in seamwatch.yaml",
                )
            )
            continue
        names[name] = document.source
        bodies.append((document.source, body))
        sent.append(document)
    return FolderPlan(bodies, passed, refused, sent)


_REMOTE = re.compile(r'\[remote "origin"\][^\[]*?\n\s*url\s*=\s*(\S+)')


def source_of(folder: Path) -> str:
    """What a folder is called, the same in every checkout: its Git remote, without a login, and
    the path in it; else where it lies.
    """
    whole = folder.resolve()
    for root in (whole, *whole.parents):
        try:
            match = _REMOTE.search((root / ".git" / "config").read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if match is not None:
            address = re.sub(r"(?<=://)[^/@]*@", "", match[1]).removesuffix(".git")
            return f"{address} {whole.relative_to(root).as_posix()}".removesuffix(" .")
    return str(whole)


def _name_of(body: Mapping[str, Any]) -> str:
    """The name under which it will be published: two files of one name would replace each other
    again and again.
    """
    draft = ContractDraft(
        body["name"],
        body["format"],
        body["provider"],
        body["document"],
        consumer=body.get("consumer"),
    )
    return completed(draft).name


def documents_of_folder_by_provider(
    folder: Path,
) -> tuple[list[Published], list[str], list[tuple[str, str]]]:
    """Documents with paths below the folder; stubs are gathered below each first folder, not over
    several providers.
    """
    all_documents: list[Published] = []
    passed: list[str] = []
    refused: list[tuple[str, str]] = []
    below = sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and not path.is_symlink()
    )
    inner = frozenset(
        f"{path.name}/{file.relative_to(path).as_posix()}"
        for path in below
        for file in path.rglob("*")
    )
    for where, left_out, prefix in [
        (folder, inner | set(MANIFEST), ""),
        *((path, frozenset[str](), path.name) for path in below),
    ]:
        documents, others, bad = documents_of_folder(where, left_out, folder)
        all_documents += [
            replace(
                document,
                source=_joined(prefix, document.source),
                files=[_joined(prefix, file) for file in document.files],
            )
            for document in documents
        ]
        passed += [_joined(prefix, file) for file in others]
        refused += [(_joined(prefix, source), why) for source, why in bad]
    return all_documents, passed, refused


def _joined(prefix: str, source: str) -> str:
    return "/".join(part for part in (prefix, source) if part)


def _body(document: Published, entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    parts = PurePosixPath(document.source).parts
    # of stubs the source is the provider's folder itself
    provider = parts[0] if len(parts) > 1 or document.kind in _BY_FOLDER else ""
    if provider.lower().endswith(".zip"):  # an archive at the top names nobody
        provider = ""
    manifest_entry = next(
        (entry for entry in entries if fnmatchcase(document.source, entry["path"])), {}
    )
    body: dict[str, Any] = {"name": "", "provider": provider if document.kind != "pact" else ""}
    body |= {_WORDS[word]: value for word, value in manifest_entry.items() if word != "path"}
    if not body["name"] and document.kind != "pact" and document.kind not in _BY_FOLDER:
        stem = PurePosixPath(document.source).stem.lower()
        # beside an OpenAPI document
        plain = body["provider"] if document.kind != "graphql" else f"{body['provider']}-graphql"
        body["name"] = (
            plain
            if stem in {*_PLAIN, str(body["provider"]).lower()}
            else f"{body['provider']}-{stem}"
        )
    return body | {"format": document.kind, "document": document.text}


def _manifest(folder: Path) -> list[dict[str, str]]:
    path = next((folder / name for name in MANIFEST if (folder / name).is_file()), None)
    if path is None:
        return []
    try:
        held = parse_or_refuse(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    entries = held.get("contracts")
    if not isinstance(entries, list):
        raise UsageError(f"{path} has no list `contracts`")
    return [_entry(entry, f"{path} contracts/{at}") for at, entry in enumerate(entries)]


def _entry(entry: Any, where: str) -> dict[str, str]:
    members = ", ".join(["path", *_WORDS])
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise UsageError(
            f"{where}: it names no `path`; of {members} it is the one that must be there"
        )
    for word, value in entry.items():
        if word != "path" and word not in _WORDS:
            raise UsageError(f"{where}: {word!r} is not known; use {members}")
        if not isinstance(value, str):
            raise UsageError(f"{where}: {word} is no text; put it into quotes")
    return entry
