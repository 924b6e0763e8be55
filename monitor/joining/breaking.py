"""Stored violations to events: which clause is broken anew, again, or no longer; each told to the
receivers of its owner.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine

from monitor.alerts.sender import Sender
from monitor.alerts.wording import cleaned
from monitor.control import breaks, outbox
from monitor.control.contracts import Stamp, listed, stamp
from monitor.control.deploys import list_deploys
from monitor.control.lease import Lease
from monitor.control.store import writing
from monitor.model.alerts import Alert, Severity
from monitor.model.breaks import MEANING, SHAPE, UNSEEN, WATCHED, BreakPair, ContractBreak
from monitor.model.contracts import Revision
from monitor.model.deploys import Deploy
from monitor.model.timing import TimingReason
from monitor.store import Store
from monitor.store.read_rows import rows_in_utc
from monitor.wording.breaks import break_sentence

GONE_AFTER = timedelta(hours=24)
KEPT = timedelta(days=90)
LOOK_EVERY = timedelta(seconds=30)
MOST = 2_000
_MOST_PAIRS = 20
_DEPLOY_BEFORE = timedelta(days=7)
EVERYBODY = "*"
_TOLD = {
    "new": "broken for the first time",
    "again": "broken again",
    "gone": "not broken any more",
}
_UNSEEN = {"new": "not seen", "again": "not seen again", "gone": "seen"}
_OUTSIDE = {"new": "otherwise", "again": "otherwise again", "gone": "as before, or usual by now"}
ASK_EVERY = timedelta(minutes=10)
MOST_CALLS = 100_000
_UNDOCUMENTED = frozenset({"undocumented_operation", "undocumented_method"})
Times = Mapping[tuple[str, str], TimingReason]
"""The numbers of broken clauses on time, by environment and fingerprint."""
_NO_TIMES: Times = {}
Unseen = Mapping[str, ContractBreak | None]
"""Of contracts that were looked at, by the event's id: what nobody used for days, None where there
is nothing of that kind.
"""
_NOT_LOOKED: Unseen = {}


@dataclass(frozen=True, slots=True)
class Calls:
    """Environment, callee, operation and caller of judged exchanges, and of calls whose time is
    known.
    """

    judged: frozenset[tuple[str, str, str, str]]
    timed: frozenset[tuple[str, str, str, str]]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Calls":
        """From the rows of `could_have_shown`."""
        by_kind: dict[str, set[tuple[str, str, str, str]]] = {"judged": set(), "timed": set()}
        for row in rows:
            by_kind[row["kind"]].add(
                (row["environment"], row["callee"], row["operation"], row["caller"])
            )
        return cls(frozenset(by_kind["judged"]), frozenset(by_kind["timed"]))

    def show(self, event: ContractBreak) -> bool:
        """Whether there was a call in which a clause could have shown: of its operation, and of
        one of its callers where it is theirs.

        What nobody offers is gone when it is asked for no more: any judged call of the provider
        will do.
        """
        callers = {pair.caller for pair in event.pairs} if event.side == "request" else None
        anything = event.rule in _UNDOCUMENTED
        return any(
            (environment, callee) == (event.environment, event.callee)
            and (
                anything
                or (operation == event.operation and (callers is None or caller in callers))
            )
            for environment, callee, operation, caller in (
                self.timed if event.time is not None else self.judged
            )
        )


class BreakWatch:
    """Keeps the events; what it remembers between steps only saves work. Time is that of the data:
    replays make events, too.
    """

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._looked: datetime | None = None
        self._asked: datetime | None = None
        self._stamp: Stamp | None = None
        self._revisions: Sequence[Revision] = ()

    def step(
        self, now: datetime, times: Times = _NO_TIMES, unseen: Unseen = _NOT_LOOKED
    ) -> list[ContractBreak]:
        """Look again when it is time; returns those of which something happened: new, again or
        gone. Safe to repeat.

        `times` are the numbers of the clauses on time that are broken. Gone is what was not seen
        for a day in which there were calls where it could have shown; where there were none it is
        *untested* (silence is not health); it is let go after 90 days.
        """
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return []
        self._looked = now
        since = now - GONE_AFTER
        rows = rows_in_utc(
            self._store.query("breaks", {"since": int(since.timestamp()), "limit": MOST})
        )
        with writing(self._engine) as connection:
            before = breaks.load_breaks(connection)
        fresh = [
            (key, list(group))
            for key, group in groupby(
                rows, key=lambda row: (row["environment"], row["fingerprint"])
            )
        ]
        owners = {revision.name: revision for revision in self._newest()}
        after: dict[str, ContractBreak] = {}
        for (environment, fingerprint), group in fresh:
            name = break_id(environment, fingerprint)
            event = self._seen(before.get(name), name, group, owners)
            after[name] = replace(event, time=times.get((environment, fingerprint)) or event.time)
        after |= {
            name: _unseen(before.get(name), event)
            for name, event in unseen.items()
            if event is not None
        }
        seen_again = [
            replace(event, state="gone", revision=event.revision + 1)
            for name, event in before.items()
            if event.rule in WATCHED
            and event.state != "gone"
            and name in unseen
            and name not in after
        ]
        # of more clauses than are read at once some were not asked for: none of them is gone by that
        all_read = len(fresh) < MOST
        missing = [
            event
            for event in before.values()
            if all_read
            and event.id not in after
            and event.state != "gone"
            and event.last_seen < since
            and event.rule not in WATCHED
        ]
        gone = [*seen_again, *self._gone(missing, since, now)]
        observed = {name for name, revision in owners.items() if revision.role == "observed"}
        seen = [replace(event, observed=event.contract in observed) for event in after.values()]
        with writing(self._engine) as connection:
            stored = breaks.load_breaks(connection)  # accepted or told meanwhile
            changed = [_kept(event, stored.get(event.id)) for event in [*seen, *gone]]
            breaks.save_breaks(
                connection, [event for event in changed if stored.get(event.id) != event], now
            )
            breaks.forget_breaks(connection, now - KEPT)
        return [
            event
            for event in changed
            if event.id not in before or before[event.id].revision != event.revision
        ]

    def _newest(self) -> Sequence[Revision]:
        """The newest revisions, read again when something was published: not twice in a step, nor
        every half minute.
        """
        edition = stamp(self._engine)
        if edition != self._stamp:
            self._revisions, self._stamp = listed(self._engine, newest=True), edition
        return self._revisions

    def _gone(
        self, missing: Sequence[ContractBreak], since: datetime, now: datetime
    ) -> list[ContractBreak]:
        """Those of them that are gone, and those that became untested; asked again every ten
        minutes where nothing else is new.
        """
        fresh = any(not event.untested for event in missing)
        if not missing or (
            not fresh and self._asked is not None and now - self._asked < ASK_EVERY
        ):
            return []
        self._asked = now
        callees = sorted({event.callee for event in missing})
        parameters = {"since": int(since.timestamp()), "callees": callees, "limit": MOST_CALLS}
        withdrawn = {revision.name for revision in self._newest() if revision.role == "withdrawn"}
        calls = Calls.of(self._store.query("could_have_shown", parameters))
        return [
            replace(event, state="gone", revision=event.revision + 1, untested=False)
            if calls.show(event) or event.contract in withdrawn or event.last_seen < now - KEPT
            else replace(event, untested=True)
            for event in missing
        ]

    def _seen(
        self,
        earlier: ContractBreak | None,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        owners: Mapping[str, Revision],
    ) -> ContractBreak:
        """What is broken now: as it was, or new, or again."""
        first, last = min(row["first_seen"] for row in rows), max(row["last_seen"] for row in rows)
        again = earlier is not None and earlier.state == "gone" and last > earlier.last_seen
        began = earlier.began if earlier is not None else first
        if again:
            began = min(row["first_since"] for row in rows)
        row = rows[0]
        fresh = earlier is None or again
        before = (
            self._deploy_before(
                began,
                row["environment"],
                {str(row[side]) for row in rows for side in ("caller", "callee")},
            )
            if fresh
            else None
        )
        contract = owners.get(row["contract"])
        return ContractBreak(
            id=name,
            **{
                word: row[word]
                for word in (
                    "fingerprint",
                    "environment",
                    "contract",
                    "contract_revision",
                    "operation",
                    "side",
                    "rule",
                )
            },
            **{word: row[word] for word in ("pointer", "clause", "expected", "actual", "callee")},
            state="again" if again else earlier.state if earlier is not None else "new",
            first_seen=min(first, earlier.first_seen) if earlier is not None else first,
            last_seen=max(last, earlier.last_seen) if earlier is not None else last,
            began=began,
            count=sum(row["exchanges"] for row in rows),
            pairs=tuple(_pair(row) for row in rows[:_MOST_PAIRS]),
            deploy_id=(before.id if before else "")
            if fresh
            else earlier.deploy_id
            if earlier
            else "",
            deploy=(f"{before.service} {before.version}".strip() if before else "")
            if fresh
            else earlier.deploy
            if earlier
            else "",
            owner=contract.owner if contract else "",
            contact=contract.contact if contract else "",
            revision=(earlier.revision + 1 if again else earlier.revision)
            if earlier is not None
            else 1,
            told=earlier.told if earlier is not None else 0,
            accepted_by=earlier.accepted_by if earlier else "",
            accepted_because=earlier.accepted_because if earlier else "",
            accepted_until=earlier.accepted_until if earlier else None,
            time=earlier.time if earlier else None,
            flips=earlier.flips + (again and _unchanged(earlier, rows)) if earlier else 0,
        )

    def _deploy_before(self, at: datetime, environment: str, services: set[str]) -> Deploy | None:
        """The last deploy of either side before that moment, within a week."""
        recent = list_deploys(
            self._engine,
            since=at - _DEPLOY_BEFORE,
            until=at + timedelta(seconds=60),
            environment=environment or None,
        )
        own = [
            deploy
            for deploy in recent
            if deploy.started <= at and any(deploy.is_of(service) for service in services)
        ]
        return max(own, key=lambda deploy: deploy.started, default=None)


def _unchanged(earlier: ContractBreak, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether those who break it again are of versions that broke it before, by the same revision
    of the contract. Versions that nobody tells may be others.
    """
    before = {(pair.caller_version, pair.callee_version) for pair in earlier.pairs}
    now = {
        (row["caller_version"], row["callee_version"])
        for row in rows
        if row["last_seen"] > earlier.last_seen
    }
    same = now <= before and all(callee for _, callee in now)
    return same and rows[0]["contract_revision"] == earlier.contract_revision


def _unseen(earlier: ContractBreak | None, event: ContractBreak) -> ContractBreak:
    """The event of a contract of which something was not seen: as it was, or new, or again."""
    if earlier is None:
        return event
    again = earlier.state == "gone"
    return replace(
        event,
        state="again" if again else earlier.state,
        first_seen=earlier.first_seen,
        began=event.began if again else earlier.began,
        revision=earlier.revision + again,
        told=earlier.told,
        accepted_by=earlier.accepted_by,
        accepted_because=earlier.accepted_because,
        accepted_until=earlier.accepted_until,
    )


def _pair(row: Mapping[str, Any]) -> BreakPair:
    return BreakPair(
        row["caller"],
        row["caller_version"],
        row["callee"],
        row["callee_version"],
        int(row["exchanges"]),
    )


def _kept(event: ContractBreak, stored: ContractBreak | None) -> ContractBreak:
    """What others wrote of it meanwhile stays."""
    if stored is None:
        return event
    accepted = {
        word: getattr(stored, word)
        for word in ("accepted_by", "accepted_because", "accepted_until")
    }
    return replace(event, told=max(event.told, stored.told), told_to=stored.told_to, **accepted)


def break_id(environment: str, fingerprint: str) -> str:
    """The same for the same clause and environment, for ever."""
    return hashlib.sha256(
        f"{environment}\x1f{fingerprint}".encode("utf-8", "replace")
    ).hexdigest()[:16]


def receivers_of(owner: str, teams: Mapping[str, Sequence[str]]) -> list[str]:
    """The receivers of an owner's contract events: those that name the team, else those for
    everybody's (`*`).
    """
    own = [
        name
        for name, of in teams.items()
        if owner and owner.casefold() in {team.casefold() for team in of}
    ]
    return sorted(own or [name for name, of in teams.items() if EVERYBODY in of])


def tell_breaks(
    connection: Connection,
    now: datetime,
    *,
    senders: Mapping[str, Sender],
    teams: Mapping[str, Sequence[str]],
    held: Lease,
    link_base: str,
    is_silenced: Callable[[Mapping[str, str]], bool],
) -> list[Alert]:
    """Write what the owners' receivers must be told, in the caller's transaction: a break that is
    new or again fires, one that is gone or accepted is resolved where it was told. The same state
    is told once. Where its owner is another now, those who were told hear that it is over for
    them, and the new owner's receivers that it fires.
    """
    sent = []
    for event in breaks.load_breaks(connection).values():
        over = event.state == "gone" or event.quiet(now)
        owners = [name for name in receivers_of(event.owner, teams) if name in senders]
        # what an older release told it did not note: its owner's receivers
        told_to = [*event.told_to] or (owners if event.is_told else [])
        theirs = [] if over else owners
        fires = [name for name in theirs if name not in told_to]
        ends = [name for name in told_to if name not in theirs and name in senders]
        # by turns that it is broken and that this is over: handed over, it is broken all the same
        revision = event.told + (2 if fires and ends else 1)
        alert = alert_of(event, revision, over=over, now=now, link_base=link_base)
        if not (fires or ends) or (not over and is_silenced(alert.labels)):
            continue
        for name in fires:
            outbox.enqueue(connection, alert, name, now, epoch=held.epoch)
        ending = alert if over else replace(alert, state="resolved", ended=now)
        for name in ends:
            outbox.enqueue(connection, ending, name, now, epoch=held.epoch)
        told = replace(event, told=revision, told_to=tuple(theirs))
        breaks.save_breaks(connection, [told], now)
        sent.append(alert if fires else ending)
    return sent


def alert_of(
    event: ContractBreak, revision: int, *, over: bool, now: datetime, link_base: str
) -> Alert:
    """A contract event as receivers take it. Names are foreign text: control characters are taken
    out.
    """
    versions = ", ".join(
        f"{pair.caller} {pair.caller_version} → {pair.callee} {pair.callee_version} ({pair.exchanges})"
        for pair in event.pairs[:5]
    )
    summary = f"{event.contract or event.callee}: {break_sentence(event)}"
    outside = event.rule in (SHAPE, MEANING)
    unseen = event.rule == UNSEEN
    words = _OUTSIDE if outside else _UNSEEN if unseen else _TOLD
    state = words[event.state]
    if event.accepted_until is not None and event.state != "gone":
        until = f"{event.accepted_until:%Y-%m-%d %H:%M} UTC"
        if event.quiet(now) and over:
            summary += " (accepted as known)"
            state = f"accepted as known by {event.accepted_by} until {until} ({event.accepted_because})"
        elif event.accepted_until >= event.began:
            state = f"still broken: {event.accepted_by} accepted it until {until}"
    severity: Severity = "info" if unseen else "warning" if outside else "error"
    name = "Unseen" if unseen else "Changed" if outside else "Broken"
    labels = {
        "alertname": f"SeamwatchContract{name}", "environment": event.environment, "service": event.callee, "contract": event.contract,
        "operation": event.operation, "rule": event.rule, "owner": event.owner, "severity": severity, "signal": "contract",
    }  # fmt: skip
    details = {
        "state": state, "expected": event.expected, "actual": event.actual, "clause": event.clause, "versions": versions, "exchanges": str(event.count),
        "deploy_before": event.deploy, "owner": event.owner, "contact": event.contact,
    }  # fmt: skip
    description = (
        f"{state}, in environment {event.environment}; expected {event.expected}, came {event.actual}. {versions}. "
        + (
            f"The deploy before: {event.deploy}"
            if event.deploy
            else f"No deploy in {event.environment} is known before"
        )
    )
    return Alert(
        key=f"seamwatch-contract-{event.id}",
        state="resolved" if over else "firing",
        severity=severity,
        summary=cleaned(summary),
        environment=cleaned(event.environment),
        service=cleaned(event.callee),
        deploy_id=cleaned(event.deploy_id),
        labels={name: cleaned(value)[:200] for name, value in labels.items() if value},
        annotations={"summary": cleaned(summary), "description": cleaned(description)},
        started=event.began,
        ended=now if over else None,
        link=f"{link_base.rstrip('/')}/violations" if link_base else "",
        revision=revision,
        details={name: cleaned(value) for name, value in details.items() if value},
    )
