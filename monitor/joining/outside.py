"""Third parties' answers that are otherwise than they were, as events: of shape and of meaning, with
no contract and correlated with nothing but time.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from monitor.contracts.inferring.changed import ShapeChange, shape_changes
from monitor.contracts.inferring.gathered import gathered
from monitor.contracts.verdicts import fingerprint
from monitor.control import breaks
from monitor.control.contracts import listed
from monitor.joining.breaking import break_id
from monitor.joining.meaning import changed_since
from monitor.model.breaks import MEANING, SHAPE, ContractBreak
from monitor.model.meaning import MeaningChange
from monitor.store.reader import Provider, Reader
from monitor.wording.meaning import told_change

EVERY = timedelta(hours=1)
LATELY, BEFORE = timedelta(hours=6), timedelta(days=7)
"""Answers of so long are held against those of so long before."""
MOST = 20
"""Events of one host at a time."""


class OutsideWatch:
    """Looks at one host a step, at all of them once an hour: those that are called by a name with a
    dot, tell no version of their own, and have no contract.
    """

    def __init__(self, reader: Reader, engine: Engine) -> None:
        self._reader, self._engine = reader, engine
        self._waiting: list[Mapping[str, Any]] = []
        self._began: datetime | None = None
        self.events: dict[str, ContractBreak | None] = {}
        """By the event's id: what is otherwise, None where it is not any more, or where that has
        become usual.
        """

    def step(self, now: datetime) -> int:
        """Look at the next host; returns how many places of all hosts are otherwise."""
        if not self._waiting and (self._began is None or now - self._began >= EVERY):
            self._began = now
            promised = {revision.provider for revision in listed(self._engine, newest=True)}
            self._waiting = [
                host
                for host in self._reader.outside_callees(now - BEFORE, now + EVERY)
                if host["callee"] not in promised
            ]
        if self._waiting:
            self._look(self._waiting.pop())
        return sum(event is not None for event in self.events.values())

    def _look(self, host: Mapping[str, Any]) -> None:
        environment, callee = str(host["environment"]), str(host["callee"])
        shape_events = {event.id: event for event in self._changes(environment, callee, host)}
        earlier = [
            event.id
            for event in breaks.list_breaks(self._engine)
            if event.rule in (SHAPE, MEANING)
            and (event.environment, event.callee) == (environment, callee)
        ]
        self.events |= dict.fromkeys(earlier)
        self.events |= shape_events

    def _changes(
        self, environment: str, callee: str, host: Mapping[str, Any]
    ) -> Iterator[ContractBreak]:
        until = host["last_seen"] + timedelta(seconds=1)
        then = (host["last_seen"] - LATELY).replace(minute=0, second=0, microsecond=0)
        since = then - BEFORE
        provider = Provider([callee], environment=environment)
        before, lately = (
            gathered(self._reader.shapes(provider, *span), (), ())
            for span in ((since, then), (then, until))
        )
        shapes = shape_changes(before, lately)[:MOST]
        for shape in shapes:
            yield _of_shape(shape, environment, callee, then, host["last_seen"])
        places = {(shape.operation, shape.pointer) for shape in shapes}
        for change in changed_since(self._reader, provider, since, then, until)[:MOST]:
            if (change.place.operation, change.place.pointer) not in places:
                yield _of_meaning(change, environment, callee, then, host["last_seen"])


def _of_shape(
    change: ShapeChange, environment: str, callee: str, then: datetime, last: datetime
) -> ContractBreak:
    share = f"{100 * change.share:.0f} % of {change.since:,} answers"
    what = (
        f"missing in {share}" if change.what == "missing" else f"of type {change.kind} in {share}"
    )
    expected = (
        f"there in all {change.before:,}"
        if change.what == "missing"
        else f"never so in {change.before:,}"
    )
    where = (change.operation, change.status, change.pointer)
    return _event(
        (environment, callee), where, SHAPE, (expected, what), (then, last), change.since
    )


def _of_meaning(
    change: MeaningChange, environment: str, callee: str, then: datetime, last: datetime
) -> ContractBreak:
    where = (change.place.operation, change.place.status, change.place.pointer)
    words = ("the same meaning", told_change(change))
    return _event((environment, callee), where, MEANING, words, (then, last), change.new_values)


def _event(
    whose: tuple[str, str],
    where: tuple[str, int, str],
    rule: str,
    words: tuple[str, str],
    times: tuple[datetime, datetime],
    count: int,
) -> ContractBreak:
    environment, callee = whose
    operation, status, pointer = where
    name = fingerprint(callee, f"{operation} {status}", "response", rule, pointer)
    return ContractBreak(
        id=break_id(environment, name),
        fingerprint=name,
        environment=environment,
        contract="",
        contract_revision=0,
        operation=operation,
        side="response",
        rule=rule,
        pointer=pointer,
        clause="",
        expected=words[0],
        actual=words[1],
        callee=callee,
        state="new",
        first_seen=times[0],
        last_seen=times[1],
        began=times[0],
        count=count,
        pairs=(),
    )
