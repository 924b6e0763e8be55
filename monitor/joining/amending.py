"""A proposed revision, judged before it takes effect: by the documents, and by the skeletons of
what was live in the last days.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from monitor.contracts.affected import WHOLE, Harm, Kind, Replay
from monitor.contracts.amendment import EXITS, Bearing, Weighed, weighed
from monitor.contracts.form import Promise
from monitor.contracts.replayed import by_marks, left_open
from monitor.contracts.shown_headers import OpenCode
from monitor.contracts.shown_replay import Outcome, ShownReplay
from monitor.contracts.valued import RULES, Marks, Valued
from monitor.detect.ramps.bounds import upper_share
from monitor.edges.aliases import Aliases
from monitor.joining.amended import Amendment, Met, Settled, Told, Unsettled
from monitor.joining.meaning import MarksByPlace
from monitor.joining.publishing import provider_of, read_revision
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.exchanges import MESSAGING
from monitor.store.reader import Provider, Reader

MOST_SHARE = 0.01
"""What must surely be below this share of the calls counts as not met; 300 calls show it."""
MOST_ROWS = 500
_MOST_REASONS = 20
_upper_share = lru_cache(maxsize=8192)(upper_share)  # many rows have the same counts
_MET = {"never_promised": "received_today", "sent_in_vain": "sent_today"}
_BY_LIVE = frozenset({"answers_break", "values_sent", *_MET.values()})
_BY_REGISTRY = frozenset({"forward_kept", "backward_kept"})
_SETTLED = {"never_promised": "nobody_receives", "sent_in_vain": "nobody_sends"}


@dataclass(slots=True)
class _Counted:
    """Payloads of one kind by whom, and what they meet."""

    looked_at: Counter[tuple[Any, ...]]
    affected: Counter[tuple[Any, ...]]


def amendment(
    reader: Reader,
    aliases: Aliases,
    old: Revision,
    new: Revision,
    since: datetime,
    until: datetime,
) -> Amendment:
    """Judge `new` beside `old` by what was live since a time. Raises ContractError for a revision
    that cannot be read.
    """
    read_old, read_new = read_revision(old), read_revision(new)
    rows = weighed(read_old, read_new)
    ends = until + timedelta(minutes=5)
    live, marks = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
    replay = Replay(read_old, read_new, rows)
    shown = ShownReplay(new.format, read_old, read_new, rows)
    for provider in _bound(canonical(new, aliases), read_old.promise, read_new.promise):
        live += reader.shapes(provider, since, ends)
        if replay.of_values or shown.changes:
            marks += reader.shape_marks(provider, since, ends)
    return judged(rows, replay, live, marks, shown)


def _bound(revision: Revision, *promises: Promise) -> Iterator[Provider]:
    """Whose exchanges the revisions speak of: calls of the provider, messages that it sends, and
    what stands in a topic whose contract binds whoever writes there.
    """
    provider = provider_of(revision)
    messages = [message for promise in promises for message in promise.messages]
    if not messages or any(_of_calls(promise) for promise in promises):
        yield provider
    if messages:
        # whom a record is for does not stand in it, so that consumers are no condition here
        topics = {message.topic for message in messages if not message.own} - {""}
        yield replace(
            provider, consumer="", version="", sent=True, topics=sorted(topics),
            names=provider.names if any(message.own for message in messages) else [],
        )  # fmt: skip


def _of_calls(promise: Promise) -> bool:
    return bool(promise.interactions or promise.units or promise.operations)


def judged(
    rows: Sequence[Weighed],
    replay: Replay,
    live: Sequence[Mapping[str, Any]],
    marks: Sequence[Mapping[str, Any]] = (),
    shown: ShownReplay | None = None,
) -> Amendment:
    """The verdict over rows of `shapes_seen_of` and, for changes about values, `shape_marks_of`.
    `shown` is asked where examples changed.
    """
    judging = _Judging(rows, replay, shown, marks)
    for row in live:
        judging.add(row)
    for row in marks:
        judging.add_marks(row)
    return judging.verdict()


_Asked = tuple[list[Harm], list[int], list[Outcome], dict[int, OpenCode]]
"""What a kind meets, the changes that it concerns, what it makes of examples, and what is open."""


class _Judging:
    """Counts over live rows: whom what concerns, who is affected, and of whom it cannot be told."""

    def __init__(
        self,
        rows: Sequence[Weighed],
        replay: Replay,
        shown: ShownReplay | None,
        marks: Sequence[Mapping[str, Any]],
    ) -> None:
        self._rows, self._replay, self._shown = rows, replay, shown
        self._counted = _Counted(Counter(), Counter())
        self._concerned, self._affected, self._untold = (
            Counter[tuple[int, str]]() for _ in range(3)
        )
        self._unsettled: dict[int, set[Unsettled]] = {}
        self._by_operation: dict[str, Counter[tuple[str, bool]]] = {}
        self._known: dict[tuple[Any, ...], _Asked] = {}
        self._refused: list[Met] = []
        self._reached: set[str] = set()
        self._marks = {} if shown is None else {_group(row): row for row in marks}
        self._by_place = MarksByPlace()

    def add(self, row: Mapping[str, Any]) -> None:
        """A skeleton that some payloads had; nothing of what the revisions do not speak of."""
        if not self._speaks_of(row):
            return
        kind = tuple(row[word] for word in ("operation", "status", "side", "media", "shape"))
        if kind not in self._known:
            self._known[kind] = self._asked(row)
        harms, about, outcomes, unsettled = self._known[kind]
        seen, count = bool(row["text"]), int(row["looked_at"])
        by_side = self._by_operation.setdefault(row["operation"], Counter())
        by_side[(row["side"], seen)] += count
        group = self._whom(row)
        side = str(row["side"])
        if not seen:  # that a call goes is so whatever it holds
            harms = [harm for harm in harms if harm.rule in WHOLE]
            about, outcomes, unsettled = [harm.change for harm in harms], [], {}
            if not harms:
                return
        self._counted.looked_at[group] += count
        for change in about:
            self._concerned[change, side] += count if change not in self._replay.of_values else 0
        affected = {harm.change for harm in harms if harm.change >= 0}
        for change in affected:
            self._affected[change, side] += count
        for change, why in unsettled.items():
            if change not in affected:
                self._untold[change, side] += count
                self._open(change, Unsettled(why, self._rows[change].change.place))
        for harm in harms:
            self._counted.affected[(*group, harm)] += count
        for outcome in outcomes:
            self._add_outcome(row, group, outcome, count)

    def _speaks_of(self, row: Mapping[str, Any]) -> bool:
        operation = row["operation"]
        if row["protocol"] == MESSAGING:
            return self._replay.speaks_of(operation)
        shown = self._shown
        return shown is None or not shown.of_calls or shown.speaks_of(operation)

    def _asked(self, row: Mapping[str, Any]) -> _Asked:
        operation, node = row["operation"], orjson.loads(row["text"]) if row["text"] else None
        side = self._replay.side_of(operation, row["side"])
        kind = Kind(operation, row["status"], side, row["media"], node)
        names = self._replay.names_of(operation)
        if node is not None or not names:
            self._reached |= names or {operation}
        outcomes = [] if self._shown is None else self._shown.outcomes(kind)
        self._reached |= {self._rows[it.change].change.operation for it in outcomes}
        about = self._replay.concerned(kind)
        unsettled: dict[int, OpenCode] = dict.fromkeys(
            self._replay.unseen(kind, about), "header_unseen"
        )
        unsettled |= dict.fromkeys(self._replay.cut_off(kind, about), "payload_unseen")
        unsettled |= dict.fromkeys(
            self._replay.of_request_headers.intersection(about), "request_header_unkept"
        )
        if not 400 <= int(row["status"]) < 500:  # what was refused anyhow is not asked
            unsettled |= dict.fromkeys(self._replay.hidden.intersection(about), "hidden")
        return self._replay.harms(kind), about, outcomes, unsettled

    def _add_outcome(
        self, row: Mapping[str, Any], group: tuple[Any, ...], outcome: Outcome, count: int
    ) -> None:
        """Of a changed example; what hangs on values is told by the marks of such payloads."""
        broken, unsure = (count, 0) if outcome.word == "breaks" else (0, 0)
        rule, pointer = outcome.rule, outcome.pointer
        if outcome.word == "values":
            marked = self._marks.get(_group(row))
            counts: Marks = {} if marked is None else self._by_place.of(marked)
            share, rule, left = (
                by_marks(outcome.values, counts)
                if marked is not None and outcome.values
                else (0.0, "", 1.0)
            )
            broken = round(count * share)
            unsure = min(count - broken, math.ceil(count * left))
            if unsure:
                self._add_why(outcome, counts)
            pointer = next((it.pointer for it in outcome.values if it.rule == rule), "")
        key = (outcome.change, str(row["side"]))
        self._concerned[key] += count
        self._affected[key] += broken
        self._untold[key] += unsure
        if broken:
            self._counted.affected[(*group, Harm(pointer, rule, outcome.change))] += broken

    def _add_why(self, outcome: Outcome, marks: Marks) -> None:
        if not outcome.values:
            self._open(outcome.change, Unsettled(outcome.why, outcome.pointer))
        for clause in left_open(outcome.values, marks):
            self._open(outcome.change, Unsettled("value", clause.pointer))
        if outcome.values and not marks:
            self._open(outcome.change, Unsettled("unmarked", ""))

    def _open(self, change: int, why: Unsettled) -> None:
        held = self._unsettled.setdefault(change, set())
        if len(held) < _MOST_REASONS:
            held.add(why)

    def _whom(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Consumer, its namespace and version, the provider's version, operation, status, side."""
        side = self._replay.side_of(row["operation"], row["side"])
        words = ("caller", "caller_namespace", "caller_version", "callee_version")
        if row["protocol"] == MESSAGING and side == "response":  # who is told is the consumer
            words = ("callee", "callee_namespace", "callee_version", "caller_version")
        return (*(row[word] for word in words), row["operation"], row["status"], side)

    def add_marks(self, row: Mapping[str, Any]) -> None:
        """What stood in requests of one kind."""
        for change, met_there, valued in _refused(self._replay, row, self._by_place):
            key = (change, str(row["side"]))
            self._concerned[key] += valued.shown
            self._affected[key] += valued.broken
            self._untold[key] += valued.open
            if valued.open:
                self._open(change, Unsettled("value", self._rows[change].change.place))
            self._refused += met_there

    def verdict(self) -> Amendment:
        """Over all that was added."""
        counts = [_most(it) for it in (self._concerned, self._affected, self._untold)]
        settled = [
            replace(
                _settled(row, *(count[place] for count in counts)),
                unsettled=sorted(self._unsettled.get(place, ())),
            )
            for place, row in enumerate(self._rows)
        ]
        met = _in_order([*_met(self._counted), *self._refused])
        # operations of which nothing was seen are told too
        changed = {row.change.operation for row in self._rows} - {""} - self._reached
        for name in changed:
            self._by_operation.setdefault(name, Counter())
        return _verdict(settled, met, _told(self._by_operation))


def _group(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What rows of skeletons and of marks have in common."""
    return tuple(
        row[word]
        for word in (
            *("environment", "protocol", "operation", "status", "side", "media"),
            *("caller", "caller_namespace", "caller_version", "callee_version"),
        )
    )


def _refused(
    replay: Replay, row: Mapping[str, Any], marks: MarksByPlace
) -> Iterator[tuple[int, list[Met], Valued]]:
    """What payloads of a row of marks make of each change about values."""
    kind = Kind(row["operation"], int(row["status"]), row["side"], row["media"], None)
    if kind.side not in ("request", "query"):
        return
    for change, pointer, count in replay.refused(kind, marks.of(row)):
        whom = (
            row["caller"],
            row["caller_namespace"],
            row["caller_version"],
            row["callee_version"],
        )
        rule = replay.rule_of(change)
        met = Met(
            change, *whom, kind.operation, kind.status, kind.side, pointer, rule, count.shown,
            count.broken, count.broken / max(count.shown, 1), _upper_share(count.broken, count.shown),
        )  # fmt: skip
        yield change, [met] if count.broken else [], count


def _settled(row: Weighed, looked_at: int, affected: int, untold: int) -> Settled:
    """A change that documents leave open is decided by what was live, where enough was."""
    upper = _upper_share(affected, looked_at)
    if row.bearing == "undecided" and row.why in _SETTLED:
        if affected:
            row = replace(row, bearing="breaking", why=_MET[row.why])
        elif not untold and upper <= MOST_SHARE:
            row = replace(row, bearing="compatible", why=_SETTLED[row.why])
    elif row.why in _BY_REGISTRY and row.change.what == "went" and affected:
        row = replace(row, bearing="breaking", why="received_today")
    elif row.bearing == "undecided" and row.change.rule in RULES and row.change.side == "request":
        if affected:
            row = replace(row, bearing="breaking", why="values_sent")
        elif not untold and upper <= MOST_SHARE:
            row = replace(row, bearing="compatible", why="values_not_sent")
    elif row.bearing == "undecided" and row.why == "provider_must_show":
        if affected:
            row = replace(row, bearing="breaking", why="answers_break")
        elif not untold and upper <= MOST_SHARE:
            row = replace(row, bearing="compatible", why="answers_keep")
    return Settled(row, looked_at, affected, upper, untold)


def _most(by_side: Counter[tuple[int, str]]) -> Counter[int]:
    """By change, of the sides of calls that it is met on the one that was looked at most often."""
    most = Counter[int]()
    for (change, _), count in by_side.items():
        most[change] = max(most[change], count)
    return most


def _met(counted: _Counted) -> list[Met]:
    """One row where a call is met as a whole, whichever of its sides were looked at."""
    rows = []
    whole: dict[tuple[Any, ...], Met] = {}
    for (*group, harm), affected in counted.affected.items():
        of = counted.looked_at[tuple(group)]
        consumer, space, consumer_version, provider_version, operation, status, side = group
        met = Met(
            *(harm.change, consumer, space, consumer_version, provider_version, operation),
            *(status, side, harm.pointer, harm.rule, of, affected),
            *(affected / of, _upper_share(affected, of)),
        )
        if harm.rule not in WHOLE:
            rows.append(met)
            continue
        key = (*group[:-1], harm)
        if key not in whole or whole[key].affected < affected:
            whole[key] = replace(met, side="")
    return [*rows, *whole.values()]


def _in_order(rows: Sequence[Met]) -> list[Met]:
    def order(row: Met) -> tuple[int, str, str, str, str]:
        return -row.affected, row.operation, row.consumer, row.consumer_namespace, row.pointer

    return sorted(rows, key=order)


def _told(by_operation: Mapping[str, Counter[tuple[str, bool]]]) -> list[Told]:
    """Of a call's sides the one that was looked at most often: each call has several."""
    operations = []
    for name, by_side in sorted(by_operation.items()):
        seen, unseen = (
            max((count for (_, was), count in by_side.items() if was is whether), default=0)
            for whether in (True, False)
        )
        upper = _upper_share(0, seen)
        operations.append(Told(name, seen, unseen, upper, upper <= MOST_SHARE))
    return operations


def _verdict(
    settled: Sequence[Settled], met: Sequence[Met], operations: Sequence[Told]
) -> Amendment:
    seen = sum(operation.looked_at for operation in operations)
    bearings = {change.weighed.bearing for change in settled}
    lost = [
        row
        for row in met
        if row.side in ("response", "headers")
        and (
            row.rule in ("property", "parameter")
            or row.rule.endswith("Properties")
            or row.rule == "falseSchema"
        )
    ]
    refused = [row for row in met if row.rule in WHOLE]
    refused += [row for row in met if row.side in ("request", "query") and row.change < 0]
    refused += [
        row
        for row in met
        if row.side in ("request", "query") and row.change >= 0
        and not (row.rule in ("property", "parameter")
                 and settled[row.change].weighed.bearing != "breaking")
    ]  # fmt: skip
    result: Bearing
    by_live = any(change.weighed.why in _BY_LIVE for change in settled)
    if "breaking" in bearings or lost or refused:
        result, reason = "breaking", "live_calls" if lost or refused or by_live else "documents"
    elif not seen:
        result, reason = "undecided", "no_traffic"
    elif "undecided" in bearings:
        result, reason = "undecided", "left_open"
    else:
        result, reason = "compatible", ""
    return Amendment(
        result,
        EXITS[result],
        reason,
        seen,
        settled,
        met[:MOST_ROWS],
        lost[:MOST_ROWS],
        operations,
    )
