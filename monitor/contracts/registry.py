"""A snapshot of the registry: which contracts are in force for a provider, environment, version,
consumer and time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from monitor.contracts.form import Promise
from monitor.contracts.framing import SchemaKey, Writer
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.unread import Unread
from monitor.model.contracts import PublishedRole, Revision
from monitor.model.exchanges import MESSAGING, Exchange
from monitor.model.services import NOBODY, split_service

_MOST_CACHED = 20_000
_FOREVER = 2**63 - 1
_MOST_FORMER = 20  # revisions that are asked whether they had an operation
_OF_CALLS_ALONE = frozenset(
    {"openapi", "graphql", "wiremock", "mountebank", "timing", "ramp-plan"}
)


@dataclass(frozen=True, slots=True)
class InForce:
    """One revision with its promise, or what reads it when it is first asked for; None when its
    text cannot be used (it is listed in `Registry.broken`).

    `plans` remembers what of checking hangs on no payload (at_once.py). `observed`: what breaks it
    is told, and is no violation.
    """

    name: str
    number: int
    given: Promise | Unread | None
    since_ns: int
    until_ns: int
    provider: str = ""
    former: tuple["InForce", ...] = ()
    """Earlier revisions, the newest first: an operation that they had and this one has not was
    removed.
    """
    observed: bool = False
    plans: dict[tuple[int, str, str, int, str], Any] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def promise(self) -> Promise | None:
        """What it promises, read once."""
        given = self.given
        return given() if isinstance(given, Unread) else given


class Registry:
    """Immutable; made anew when a revision is published. Safe between threads. Finding costs one
    dictionary look-up.

    Of one contract's revisions in force at the event's time and environment, one for the
    provider's very version beats one for all versions, and that beats one for another version (a
    version that never published keeps the promise made before); among equals the highest number
    wins. `mocks` is the same of those that stand for a provider; None where there is none.

    A revision is read when it is first asked for: many are superseded, and of others nobody sends
    traffic. Until then only its packed text is held, afterwards only what was read.
    """

    def __init__(
        self,
        revisions: Sequence[Revision] = (),
        *,
        previous: "Registry | None" = None,
        lenient_nullable: bool = True,
        limits: ContractLimits = CONTRACT_LIMITS,
        role: PublishedRole = "contract",
        promises: Mapping[str, Promise] | None = None,
        text_of: Callable[[Revision], str] = lambda revision: revision.document,
    ) -> None:
        """`promises`: those that were read already, by the contract's name; each has one
        revision. `text_of` is asked here, and for those alone that `previous` does not hold.
        """
        self._given = promises or {}
        self._texts: dict[tuple[str, int, str], Unread] = {}
        self._by_provider: dict[str, dict[str, list[tuple[Revision, InForce]]]] = {}
        self._found: dict[tuple[str, str, str, str | None], list[list[InForce]]] = {}
        self._of_others: dict[int, InForce | None] = {}
        self._alike: dict[str, list[str]] = {}
        ended: dict[str, int] = {}  # by name, when the revisions before the next withdrawal end
        for provider in sorted(
            {revision.provider for revision in revisions if _of_role(revision, role)}
        ):
            self._alike.setdefault(split_service(provider)[0], []).append(provider)
        for revision in sorted(revisions, key=lambda entry: -entry.number):
            if revision.role == "withdrawn":
                ended[revision.name] = _ns(revision.effective_from)
            if not _of_role(revision, role):
                continue  # a mock stands for the provider, and is nobody's promise
            promise = self._promise(revision, previous, lenient_nullable, limits, text_of)
            until = _FOREVER if revision.effective_to is None else _ns(revision.effective_to)
            until = min(until, ended.get(revision.name, _FOREVER))
            held = InForce(
                revision.name,
                revision.number,
                promise,
                _ns(revision.effective_from),
                until,
                revision.provider,
                observed=not revision.enforced,
            )
            self._by_provider.setdefault(revision.provider, {}).setdefault(
                revision.name, []
            ).append((replace(revision, document=""), held))
        for names in self._by_provider.values():
            for entries in names.values():
                _remember(entries)
        self.mocks: Registry | None = None
        if any(revision.role == "mock" for revision in revisions) and role == "contract":
            before = None if previous is None else previous.mocks
            self.mocks = Registry(
                revisions, previous=before, limits=limits, role="mock", text_of=text_of
            )

    def _promise(
        self,
        revision: Revision,
        previous: "Registry | None",
        lenient: bool,
        limits: ContractLimits,
        text_of: Callable[[Revision], str],
    ) -> Promise | Unread:
        if revision.name in self._given:
            return self._given[revision.name]
        key = (revision.name, revision.number, revision.content_hash)
        held = None if previous is None else previous._texts.get(key)  # noqa: SLF001 - the same class
        if held is None:
            where = f"contract {revision.name} revision {revision.number}"
            held = Unread(revision.format, text_of(revision), where, lenient, limits)
        self._texts[key] = held
        return held

    @property
    def broken(self) -> dict[tuple[str, int], str]:
        """The unusable revisions, and why. Reads all that nobody asked for yet."""
        for unread in self._texts.values():
            unread()
        return self.met_broken

    @property
    def met_broken(self) -> dict[tuple[str, int], str]:
        """The same of those alone that were asked for."""
        return {key[:2]: unread.why for key, unread in self._texts.items() if unread.why}

    def _known_as(self, provider: str, namespace: str) -> str:
        """The published provider that is the same Kubernetes service under another name; the name
        itself when there is none.
        """
        short, space = split_service(provider)
        space = space or namespace
        alike = self._alike.get(short, [])
        fitting = [name for name in alike if split_service(name)[1] == space] or [
            name for name in alike if not space or not split_service(name)[1]
        ]
        return fitting[0] if len(fitting) == 1 else provider

    def find(
        self,
        provider: str,
        environment: str,
        version: str,
        consumer: str,
        at_ns: int,
        namespace: str = "",
    ) -> list[InForce]:
        """The revision in force of each contract that binds this provider towards this consumer,
        most specific first. Where nobody tells who calls, examples for any consumer bind.

        A provider may be published, and be named in traffic, as `name`, `name.namespace` or
        `name.namespace.svc…`. The very name beats the others. Where only one of them tells its
        namespace they are one, unless several could be meant.
        """
        provider = (
            provider if provider in self._by_provider else self._known_as(provider, namespace)
        )
        caller = "" if consumer in NOBODY else consumer
        return self._in_force(provider, environment, version, caller, at_ns)

    def find_for(self, exchange: Exchange) -> list[InForce]:
        """Those that bind an exchange by the names that it bears: a call's, or a record's of a
        topic.
        """
        if exchange.protocol == MESSAGING:
            return self.find_messages(
                exchange.path,
                exchange.caller,
                exchange.environment,
                exchange.caller_version,
                exchange.end_ns,
            )
        return self.find(
            exchange.callee,
            exchange.environment,
            exchange.callee_version,
            exchange.caller,
            exchange.end_ns,
            exchange.callee_namespace,
        )

    def find_messages(
        self,
        topic: str,
        producer: str,
        environment: str,
        version: str,
        at_ns: int,
        namespace: str = "",
    ) -> list[InForce]:
        """The revisions in force that say something of a record in a topic, whichever consumer
        they are for: who reads it later is not known yet, and each of them relies on it.

        A known producer (else "") keeps its own contracts, and of others' what they say of
        everybody who writes to their topics.
        """
        own_name = (
            producer
            if producer in self._by_provider
            else self._known_as(producer, namespace)
            if producer
            else ""
        )
        contracts: list[InForce] = []
        for provider in self._speaking:
            own_version = version if provider == own_name else ""
            for contract in self._in_force(provider, environment, own_version, None, at_ns):
                meant = (
                    contract
                    if provider == own_name or not producer
                    else self._for_others(contract)
                )
                spoken = (
                    [] if meant is None or meant.promise is None else meant.promise.of_topic(topic)
                )
                unreadable = provider == own_name and contract.promise is None
                if meant is not None and (
                    unreadable
                    or (
                        spoken
                        and (provider == own_name or any(message.topic for message in spoken))
                    )
                ):
                    contracts.append(meant)
        return contracts

    @cached_property
    def writers(self) -> Mapping[SchemaKey, Writer]:
        """The schemas that published contracts name by the keys of a registry."""
        return {
            key: writer
            for contracts in self._by_provider.values()
            for contract in _of_messages(contracts)
            if contract.promise is not None
            for key, writer in contract.promise.writers.items()
        }

    @cached_property
    def _speaking(self) -> list[str]:
        """The providers whose contracts speak of messages."""
        return [
            name
            for name, contracts in self._by_provider.items()
            if any(
                contract.promise is None or contract.promise.messages
                for contract in _of_messages(contracts)
            )
        ]

    def _for_others(self, contract: InForce) -> InForce | None:
        """What a contract says of everybody who writes to its topics; None when nothing."""
        if id(contract) not in self._of_others:
            promise = contract.promise
            theirs = (
                []
                if promise is None
                else [message for message in promise.messages if not message.own]
            )
            meant = (
                None
                if promise is None or not theirs
                else replace(
                    contract, given=replace(promise, messages=theirs, _of_topic={}), plans={}
                )
            )
            self._of_others[id(contract)] = meant
        return self._of_others[id(contract)]

    def _in_force(
        self, provider: str, environment: str, version: str, consumer: str | None, at_ns: int
    ) -> list[InForce]:
        """`consumer` None: the contracts for each of them."""
        names = self._by_provider.get(provider)
        if names is None:
            return []
        key = (provider, environment, version, consumer)
        ranked = self._found.get(key)
        if ranked is None:
            if len(self._found) >= _MOST_CACHED:
                self._found.clear()
            ranked = self._found[key] = _ranked(names, environment, version, consumer)
        chosen = []
        for candidates in ranked:
            for held in candidates:
                if held.since_ns <= at_ns < held.until_ns:
                    chosen.append(held)
                    break
        return chosen


def _of_role(revision: Revision, role: PublishedRole) -> bool:
    """Whether a revision is held here: all that bind the provider, or the mocks."""
    return revision.role == "mock" if role == "mock" else revision.binds


def _of_messages(
    contracts: Mapping[str, list[tuple[Revision, InForce]]],
) -> Iterator[InForce]:
    """Those whose format may speak of messages: no other is read to find that it does not."""
    for entries in contracts.values():
        for revision, contract in entries:
            if revision.format not in _OF_CALLS_ALONE:
                yield contract


def _remember(entries: list[tuple[Revision, InForce]]) -> None:
    """Tell each revision, the newest first, those before it."""
    earlier = [contract for _, contract in entries]
    for at, (revision, contract) in enumerate(entries):
        former = tuple(earlier[at + 1 : at + 1 + _MOST_FORMER])
        entries[at] = (revision, replace(contract, former=former))


def _ranked(
    names: Mapping[str, list[tuple[Revision, InForce]]],
    environment: str,
    version: str,
    consumer: str | None,
) -> list[list[InForce]]:
    ranked: list[tuple[bool, str, list[InForce]]] = []
    for name, entries in names.items():
        fitting = [
            (
                0
                if revision.provider_version == version and version
                else 1
                if not revision.provider_version
                else 2,
                -revision.number,
                revision,
                held,
            )
            for revision, held in entries
            if revision.environment in ("", environment)
            and (consumer is None or speaks_of(held, revision.consumer, consumer))
        ]
        if fitting:
            fitting.sort(key=lambda entry: entry[:2])
            ranked.append(
                (
                    # where nobody tells who calls, a contract for everybody tells more of the call
                    any(entry[2].consumer for entry in fitting) == (consumer == ""),
                    name,
                    [entry[3] for entry in fitting],
                )
            )
    ranked.sort(key=lambda entry: entry[:2])
    return [candidates for _, _, candidates in ranked]


def speaks_of(held: InForce, consumer: str, caller: str) -> bool:
    """Whether a contract for a consumer ("" for any) binds a caller's calls. Where nobody names
    the caller examples do, since they tell by the request whether they are meant.
    """
    if not consumer or consumer == caller:
        return True
    return caller in NOBODY and held.promise is not None and held.promise.by_example


def _ns(moment: datetime) -> int:
    whole = int(moment.timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1000
