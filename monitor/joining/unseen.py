"""What contracts document and nobody used for long, as events: one a contract, with what was not
seen, gone when all of it was.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from monitor.contracts.read import read_contract
from monitor.contracts.verdicts import fingerprint
from monitor.control.contracts import listed, whole
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.breaking import break_id
from monitor.joining.coverage import Covered, coverage, operations_covered
from monitor.joining.registry import canonical
from monitor.model.breaks import UNSEEN, ContractBreak
from monitor.model.contracts import Revision
from monitor.model.services import split_service
from monitor.store.reader import Reader

EVERY = timedelta(hours=1)
_NEAR = timedelta(days=1)
_MOST_NAMED = 20


class UnseenWatch:
    """Looks at one contract a step, at all of them once an hour: reading one costs up to a second,
    and deploys are judged meanwhile.

    `days` 0: nothing is looked at. Told of is a contract whose newest revision is older than that,
    of a provider that was seen at the beginning of that time and at its end: where nobody watched,
    nothing could be seen.
    """

    def __init__(
        self,
        reader: Reader,
        engine: Engine,
        aliases: Aliases,
        days: int,
        *,
        lenient_nullable: bool = True,
    ) -> None:
        self._reader, self._engine, self._aliases, self._days = reader, engine, aliases, days
        self._lenient = lenient_nullable
        self._waiting: list[Revision] = []
        self._began: datetime | None = None
        self.events: dict[str, ContractBreak | None] = {}
        """By the event's id, of each contract of which something can be said: None where all was
        seen, or where it holds no more.
        """

    def step(self, now: datetime) -> int:
        """Look at the next contract; returns how many have something that nobody used."""
        sealed = self._reader.last_sealed() if self._days else None
        if sealed is None:
            return 0
        if not self._waiting and (self._began is None or now - self._began >= EVERY):
            self._began = now
            self._waiting = listed(self._engine, newest=True)
        if self._waiting:
            revision = self._waiting.pop()
            name = fingerprint(revision.name, "", "request", UNSEEN, "")
            all_seen, event = (
                self._event(revision, name, sealed) if revision.binds else (True, None)
            )
            if all_seen:
                self.events[break_id(revision.environment, name)] = event
            else:
                self.events.pop(break_id(revision.environment, name), None)
        return sum(event is not None for event in self.events.values())

    def _event(
        self, held: Revision, name: str, sealed: datetime
    ) -> tuple[bool, ContractBreak | None]:
        """Whether anything can be said, and the event where something was not seen."""
        since = sealed - timedelta(days=self._days)
        if held.effective_to is not None and held.effective_to <= sealed:
            return True, None
        if held.published_at > since:
            return False, None
        held = next(whole(self._engine, [held]), held)
        try:
            promise = read_contract(
                held.format,
                held.document,
                where=f"contract {held.name}",
                lenient_nullable=self._lenient,
            )
        except ContractError:
            return False, None
        revision = canonical(held, self._aliases)
        callees = sorted({revision.provider, split_service(revision.provider)[0]})
        until = sealed + timedelta(seconds=10)
        called = self._reader.operations_called(callees, since, until, revision.environment)
        shown = (
            self._reader.interactions(held.name, since, until, revision.environment)
            if promise.by_example
            else called
        )
        if not _watched([*called, *shown], since, sealed):
            return False, None
        covered = (
            coverage(promise, shown) if promise.by_example else operations_covered(promise, called)
        )
        unseen = [entry for entry in covered if entry.proof == "unproven"]
        return True, self._told(
            held, revision.provider, name, unseen, len(covered), sealed
        ) if unseen else None

    def _told(
        self,
        held: Revision,
        provider: str,
        name: str,
        unseen: Sequence[Covered],
        of: int,
        sealed: datetime,
    ) -> ContractBreak:
        more = f" and {len(unseen) - _MOST_NAMED} more" if len(unseen) > _MOST_NAMED else ""
        return ContractBreak(
            id=break_id(held.environment, name),
            fingerprint=name,
            environment=held.environment,
            contract=held.name,
            contract_revision=held.number,
            operation="",
            side="request",
            rule=UNSEEN,
            pointer="",
            clause=unseen[0].clause,
            expected=f"seen within {self._days} days",
            actual=f"{len(unseen)} of {of} were not: {', '.join(each.interaction for each in unseen[:_MOST_NAMED])}{more}",
            callee=provider,
            state="new",
            first_seen=sealed,
            last_seen=sealed,
            began=sealed,
            count=len(unseen),
            pairs=(),
            owner=held.owner,
            contact=held.contact,
        )


def _watched(rows: Sequence[Mapping[str, object]], since: datetime, sealed: datetime) -> bool:
    """Whether there were calls at the beginning of that time, and at its end."""
    first = [at for row in rows if isinstance(at := row["first_seen"], datetime)]
    last = [at for row in rows if isinstance(at := row["last_seen"], datetime)]
    return bool(first) and min(first) <= since + _NEAR and max(last) >= sealed - _NEAR
