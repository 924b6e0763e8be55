"""Contract files of an offline check, and which of them bind an exchange."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from monitor.cli.contract_files import documents_in
from monitor.contracts.read import Examined, examine
from monitor.contracts.registry import InForce, Registry
from monitor.errors import ContractError, UsageError
from monitor.model.contracts import ContractFormat, Revision
from monitor.model.exchanges import Exchange
from monitor.model.services import NOBODY

_PROVIDER = re.compile(r"[\w.\-]{1,200}")
_ALWAYS = datetime.fromtimestamp(0, UTC)
_FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Document:
    """One contract as it lies in its file. `provider` is the service that it was named for, ""
    where it binds whatever traffic there is.
    """

    path: Path
    text: str
    examined: Examined
    held: InForce
    provider: str
    kind: str


class Bound:
    """The contracts that bind each exchange: by the registry's own rules those that are for one
    provider, and the others whatever it is.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._all = [document.held for document in documents if not document.provider]
        named = [_revision(document) for document in documents if document.provider]
        self._named = Registry(named) if named else None

    def of_call(self, exchange: Exchange) -> list[InForce]:
        """Those that bind a call."""
        bound = [contract for contract in self._all if binds(contract, exchange.caller)]
        if len(bound) > 1:
            bound.sort(key=partial(_comes_later, exchange.caller))
        if self._named is None:
            return bound
        return bound + self._named.find(
            exchange.callee,
            exchange.environment,
            exchange.callee_version,
            exchange.caller,
            exchange.end_ns,
            exchange.callee_namespace,
        )

    def of_record(self, exchange: Exchange) -> list[InForce]:
        """Those that say something of a record of a topic."""
        if self._named is None:
            return self._all
        return self._all + self._named.find_messages(
            exchange.path,
            exchange.caller,
            exchange.environment,
            exchange.caller_version,
            exchange.end_ns,
        )


def _revision(document: Document) -> Revision:
    consumer = document.examined.promise.consumer
    return Revision(
        document.held.name,
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
        taken = {document.held.name for document in documents}
        name = path.stem if path.stem not in taken else f"{path.stem}-{len(documents) + 1}"
        documents.append(
            Document(
                path,
                text,
                examined,
                InForce(name, 1, examined.promise, 0, _FOREVER, provider),
                provider,
                published.kind,
            )
        )
    if not documents:
        raise UsageError(f"there is no contract in {', '.join(contracts)}")
    return documents


def _comes_later(caller: str, contract: InForce) -> tuple[bool, str]:
    """The registry's order: a consumer's own contract first where one knows who calls."""
    own = contract.promise is not None and bool(contract.promise.consumer)
    return own == (caller in NOBODY), contract.name


def binds(contract: InForce, caller: str) -> bool:
    """Whether a contract speaks of a caller's calls: a pact of those of its own consumer, where
    the log tells who called.
    """
    consumer = contract.promise.consumer if contract.promise is not None else ""
    return not consumer or caller in NOBODY or consumer == caller
