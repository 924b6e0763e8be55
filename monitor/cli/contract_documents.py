"""Contract files of an offline check, and which of them bind an exchange."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, cast

from monitor.cli.contract_files import documents_in
from monitor.contracts.between import Held, between, may_contradict
from monitor.contracts.contradictions import MOST
from monitor.contracts.read import Examined, document_of, examine
from monitor.contracts.registry import InForce, Registry
from monitor.errors import ContractError, UsageError
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.exchanges import Exchange

_PROVIDER = re.compile(r"[\w.\-]{1,200}")
_ALWAYS = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One contract as it lies in its file. `name` is its own; `provider` is the service that it was named for, ""
    where it binds whatever traffic there is.
    """

    path: Path
    text: str
    examined: Examined
    name: str
    provider: str
    kind: str


class Bound:
    """The contracts that bind each exchange, by the registry's own rules: those that are for one
    provider, and the others whatever it is.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._whoever = _registry([document for document in documents if not document.provider])
        self._named = _registry([document for document in documents if document.provider])

    @property
    def by_name(self) -> bool:
        """Whether each document is for one provider, so that names tell which of them bind."""
        return self._whoever is None

    def of_call(self, exchange: Exchange) -> list[InForce]:
        """Those that bind a call."""
        when = exchange.environment, "", exchange.caller, exchange.end_ns
        bound = [] if self._whoever is None else self._whoever.find("", *when)
        return bound if self._named is None else bound + self._named.find_for(exchange)

    def of_record(self, exchange: Exchange) -> list[InForce]:
        """Those that say something of a record of a topic."""
        when = exchange.environment, "", exchange.end_ns
        bound = (
            [] if self._whoever is None else self._whoever.find_messages(exchange.path, "", *when)
        )
        return bound if self._named is None else bound + self._named.find_for(exchange)


def _registry(documents: Sequence[Document]) -> Registry | None:
    promises = {document.name: document.examined.promise for document in documents}
    return Registry(list(map(_revision, documents)), promises=promises) if documents else None


def _revision(document: Document) -> Revision:
    consumer = document.examined.promise.consumer
    return Revision(
        document.name,
        1,
        cast("ContractFormat", document.kind),
        document.provider,
        provider_version="",
        consumer=consumer,
        environment="",
        effective_from=_ALWAYS,
        effective_to=None,
        document=document.text,
        content_hash="",
        published_at=_ALWAYS,
    )


def _named(text: str) -> tuple[str, Path]:
    """Provider, "" where none is named, and path."""
    provider, sign, path = text.partition("=")
    if not sign or Path(text).exists() or not _PROVIDER.fullmatch(provider):
        return "", Path(text)
    return provider, Path(path)


def contradictions_among(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """What the contracts of one service forbid each other, as the server tells it at publishing, at
    most 100. One that is for no service may be for any.
    """
    read = cache(_held)  # each is read once, whatever it is held against
    clashes = [
        asdict(clash)
        for first, second in combinations(documents, 2)
        if first.provider == second.provider or not (first.provider and second.provider)
        if may_contradict(first.kind, second.kind)
        for clash in between(read(first), read(second))
    ]
    return clashes[:MOST]


def _held(document: Document) -> Held:
    parsed = document_of(document.text, where=document.name)
    return Held(document.name, document.kind, parsed, document.examined.promise)


def documents_of(contracts: Sequence[str], *, lenient_nullable: bool) -> list[Document]:
    """Each contract examined as it would be at publishing, those of folders and archives too;
    equal names get a number.
    """
    documents: list[Document] = []
    by_provider: dict[str, list[Path]] = {}
    for provider, path in map(_named, contracts):
        by_provider.setdefault(provider, []).append(path)
    for provider, published in (
        (provider, published)
        for provider, paths in by_provider.items()
        for published in documents_in(paths, None)[0]
    ):
        path, text = Path(published.source), published.text
        try:
            examined = examine(
                published.kind,
                text,
                where=f"contract {path.name}",
                lenient_nullable=lenient_nullable,
            )
        except ContractError as error:
            raise UsageError(str(error)) from error
        taken = {document.name for document in documents}
        name = path.stem if path.stem not in taken else f"{path.stem}-{len(documents) + 1}"
        documents.append(Document(path, text, examined, name, provider, published.kind))
    if not documents:
        raise UsageError(f"there is no contract in {', '.join(contracts)}")
    return documents
