"""A folder of contracts, as a Git repository keeps them: what is published of each file, by its path or by a `seamwatch.yaml`.

PROVIDER/FILE: the first folder names the provider, and FILE the contract: `PROVIDER-FILE`, or `PROVIDER` where it is called openapi, api,
schema or as the provider. Pacts name their parties. The stubs below one first folder make one contract.
`seamwatch.yaml` at the top says otherwise: `contracts: [{path: GLOB, provider, consumer, environment, version, name, as, owner, contact}]`; the
first entry that fits a file counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """Bodies for POST /v1/contracts by where they are from, files that are no contract, and what cannot be published and why."""

    bodies: Sequence[tuple[str, Mapping[str, Any]]]
    passed: Sequence[str]
    refused: Sequence[tuple[str, str]]


def planned(folder: Path) -> FolderPlan:
    """What a folder asks to publish, in the order of its files. UsageError for no folder, and for a manifest that cannot be read."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    entries = _manifest(folder)
    found, passed, refused = documents_of_folder_by_provider(folder)
    bodies: list[tuple[str, Mapping[str, Any]]] = []
    names: dict[str, str] = {}
    for one in found:
        body = _body(one, entries)
        if not body["provider"] and one.kind != "pact":
            refused.append(
                (one.source, "its provider is not told; put it into a folder of the provider's name, or say it in seamwatch.yaml")
            )
            continue
        name = _name_of(body)
        if name in names:
            refused.append((one.source, f"{names[name]} has the name {name} already; name it in seamwatch.yaml"))
            continue
        names[name] = one.source
        bodies.append((one.source, body))
    return FolderPlan(bodies, passed, refused)


_REMOTE = re.compile(r'\[remote "origin"\][^\[]*?\n\s*url\s*=\s*(\S+)')


def source_of(folder: Path) -> str:
    """What a folder is called, the same in every checkout: its Git remote, without a login, and the path in it; else where it lies."""
    whole = folder.resolve()
    for root in (whole, *whole.parents):
        try:
            found = _REMOTE.search((root / ".git" / "config").read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if found is not None:
            address = re.sub(r"(?<=://)[^/@]*@", "", found[1]).removesuffix(".git")
            return f"{address} {whole.relative_to(root).as_posix()}".removesuffix(" .")
    return str(whole)


def _name_of(body: Mapping[str, Any]) -> str:
    """The name under which it will be published: two files of one name would replace each other again and again."""
    draft = ContractDraft(body["name"], body["format"], body["provider"], body["document"], consumer=body.get("consumer"))
    return completed(draft).name


def documents_of_folder_by_provider(folder: Path) -> tuple[list[Published], list[str], list[tuple[str, str]]]:
    """Documents with paths below the folder; stubs are gathered below each first folder, not over several providers."""
    found: list[Published] = []
    passed: list[str] = []
    refused: list[tuple[str, str]] = []
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".") and not path.is_symlink())
    inner = frozenset(f"{path.name}/{file.relative_to(path).as_posix()}" for path in below for file in path.rglob("*"))
    for where, left_out, prefix in [
        (folder, inner | set(MANIFEST), ""),
        *((path, frozenset[str](), path.name) for path in below),
    ]:
        documents, others, bad = documents_of_folder(where, left_out)
        found += [Published(_joined(prefix, one.source), one.kind, one.text) for one in documents]
        passed += [_joined(prefix, one) for one in others]
        refused += [(_joined(prefix, source), why) for source, why in bad]
    return found, passed, refused


def _joined(prefix: str, source: str) -> str:
    return "/".join(part for part in (prefix, source) if part)


def _body(one: Published, entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    parts = PurePosixPath(one.source).parts
    # of stubs the source is the provider's folder itself
    provider = parts[0] if len(parts) > 1 or one.kind in _BY_FOLDER else ""
    told = next((entry for entry in entries if fnmatchcase(one.source, entry["path"])), {})
    body: dict[str, Any] = {"name": "", "provider": provider if one.kind != "pact" else ""}
    body |= {_WORDS[word]: value for word, value in told.items() if word != "path"}
    if not body["name"] and one.kind != "pact" and one.kind not in _BY_FOLDER:
        stem = PurePosixPath(one.source).stem.lower()
        plain = body["provider"] if one.kind != "graphql" else f"{body['provider']}-graphql"  # beside an OpenAPI document
        body["name"] = plain if stem in {*_PLAIN, str(body["provider"]).lower()} else f"{body['provider']}-{stem}"
    return body | {"format": one.kind, "document": one.text}


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
    known = ", ".join(["path", *_WORDS])
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise UsageError(f"{where}: it names no `path`; of {known} it is the one that must be there")
    for word, value in entry.items():
        if word != "path" and word not in _WORDS:
            raise UsageError(f"{where}: {word!r} is not known; use {known}")
        if not isinstance(value, str):
            raise UsageError(f"{where}: {word} is no text; put it into quotes")
    return entry
