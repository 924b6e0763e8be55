"""A proposed revision, judged before it takes effect: by the documents, and by the skeletons of
what was live in the last days.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from monitor.contracts.affected import Harm, Kind, Replay
from monitor.contracts.amendment import EXITS, Bearing, Weighed, weighed
from monitor.contracts.valued import RULES, Valued
from monitor.detect.ramps.bounds import upper_share
from monitor.edges.aliases import Aliases
from monitor.joining.meaning import counts_of
from monitor.joining.publishing import provider_of, read_revision
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.store.reader import Reader

MOST_SHARE = 0.01
"""What must surely be below this share of the calls counts as not met; 300 calls show it."""
MOST_ROWS = 500
_SETTLED = {"never_promised": "nobody_receives", "sent_in_vain": "nobody_sends"}


@dataclass(frozen=True, slots=True)
class Met:
    """How many live payloads a change concerns, of those that were looked at; `upper` is Clopper
    and Pearson's upper limit of their share, at 95 %.
    """

    change: int
    consumer: str
    consumer_version: str
    provider_version: str
    operation: str
    status: int
    side: str
    pointer: str
    rule: str
    looked_at: int
    affected: int
    share: float
    upper: float


@dataclass(frozen=True, slots=True)
class Told:
    """How much of an operation was seen. `enough`: what was met by none is surely below 1 %."""

    operation: str
    looked_at: int
    unseen: int
    upper: float
    enough: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A change, how it bears by documents and live traffic together, and why; `looked_at` and
    `affected` over all consumers. Of a change about values, `looked_at` payloads were marked, and
    marks do not tell of `untold` of them whether they are affected.
    """

    weighed: Weighed
    looked_at: int
    affected: int
    upper: float
    untold: int = 0


@dataclass(frozen=True, slots=True)
class Amendment:
    """`result` is the worst of all; undecided where nothing live was seen. `lost` are fields that
    consumers receive and would not any more, though the older revision never demanded them.
    `change` of a row is its place among `changes`.
    """

    result: Bearing
    exit_code: Literal[0, 1, 2]
    reason: str
    seen: int
    changes: Sequence[Settled]
    met: Sequence[Met]
    lost: Sequence[Met]
    operations: Sequence[Told]


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
    provider = provider_of(canonical(new, aliases))
    ends = until + timedelta(minutes=5)
    live = reader.shapes(provider, since, ends)
    replay = Replay(read_old, read_new, rows)
    marks = reader.shape_marks(provider, since, ends) if replay.of_values else []
    return judged(rows, replay, live, marks)


def judged(
    rows: Sequence[Weighed],
    replay: Replay,
    live: Sequence[Mapping[str, Any]],
    marks: Sequence[Mapping[str, Any]] = (),
) -> Amendment:
    """The verdict over rows of `shapes_seen_of` and, for changes about values, `shape_marks_of`."""
    counted = _Counted(Counter(), Counter())
    concerned: Counter[int] = Counter()
    affected: Counter[int] = Counter()
    by_operation: Counter[tuple[str, bool]] = Counter()
    known: dict[tuple[Any, ...], tuple[list[Harm], list[int]]] = {}
    for row in live:
        kind = tuple(row[word] for word in ("operation", "status", "side", "media", "shape"))
        if kind not in known:
            node = orjson.loads(row["text"]) if row["text"] else None
            asked = Kind(kind[0], kind[1], kind[2], kind[3], node)
            known[kind] = (replay.harms(asked), replay.concerned(asked))
        harms, about = known[kind]
        seen, count = bool(row["text"]), int(row["looked_at"])
        by_operation[(row["operation"], seen)] += count
        if not seen:
            continue
        whom = tuple(row[word] for word in ("caller", "caller_version", "callee_version"))
        group = (*whom, *kind[:3])
        counted.looked_at[group] += count
        for change in about:
            concerned[change] += count if change not in replay.of_values else 0
        for change in {harm.change for harm in harms if harm.change >= 0}:
            affected[change] += count
        for harm in harms:
            counted.affected[(*group, harm)] += count
    untold = Counter[int]()
    refused: list[Met] = []
    for row in marks:
        for change, met_there, valued in _refused(replay, row):
            concerned[change] += valued.shown
            affected[change] += valued.broken
            untold[change] += valued.open
            refused += met_there
    settled = [
        _settled(row, concerned[place], affected[place], untold[place])
        for place, row in enumerate(rows)
    ]
    met = _in_order([*_met(counted), *refused])
    # operations of which nothing was seen are told too
    changed = {weighed_row.change.operation for weighed_row in rows} - {""}
    by_operation.update(dict.fromkeys(((name, True) for name in changed), 0))
    return _verdict(settled, met, _told(by_operation))


def _refused(replay: Replay, row: Mapping[str, Any]) -> Iterator[tuple[int, list[Met], Valued]]:
    """What payloads of a row of marks make of each change about values."""
    kind = Kind(row["operation"], int(row["status"]), row["side"], row["media"], None)
    if kind.side not in ("request", "query"):
        return
    by_place = counts_of(row)
    for change, pointer, told in replay.refused(kind, by_place):
        whom = (row["caller"], row["caller_version"], row["callee_version"])
        rule = replay.rule_of(change)
        met = Met(
            change, *whom, kind.operation, kind.status, kind.side, pointer, rule, told.shown,
            told.broken, told.broken / max(told.shown, 1), upper_share(told.broken, told.shown),
        )  # fmt: skip
        yield change, [met] if told.broken else [], told


def _settled(row: Weighed, looked_at: int, affected: int, untold: int) -> Settled:
    """A change that documents leave open is decided by what was live, where enough was."""
    upper = upper_share(affected, looked_at)
    if row.bearing == "undecided" and row.why in _SETTLED:
        if affected and row.why == "never_promised":
            row = replace(row, bearing="breaking", why="received_today")
        elif not affected and upper <= MOST_SHARE:
            row = replace(row, bearing="compatible", why=_SETTLED[row.why])
    elif row.bearing == "undecided" and row.change.rule in RULES and row.change.side == "request":
        if affected:
            row = replace(row, bearing="breaking", why="values_sent")
        elif not untold and upper <= MOST_SHARE:
            row = replace(row, bearing="compatible", why="values_not_sent")
    return Settled(row, looked_at, affected, upper, untold)


def _met(counted: _Counted) -> list[Met]:
    rows = []
    for (*group, harm), affected in counted.affected.items():
        of = counted.looked_at[tuple(group)]
        consumer, consumer_version, provider_version, operation, status, side = group
        rows.append(
            Met(
                *(harm.change, consumer, consumer_version, provider_version, operation, status),
                *(side, harm.pointer, harm.rule, of, affected),
                *(affected / of, upper_share(affected, of)),
            )
        )
    return rows


def _in_order(rows: Sequence[Met]) -> list[Met]:
    return sorted(rows, key=lambda row: (-row.affected, row.operation, row.consumer, row.pointer))


def _told(by_operation: Counter[tuple[str, bool]]) -> list[Told]:
    told = []
    for name in sorted({name for name, _ in by_operation}):
        seen = by_operation[(name, True)]
        upper = upper_share(0, seen)
        told.append(Told(name, seen, by_operation[(name, False)], upper, upper <= MOST_SHARE))
    return told


def _verdict(
    settled: Sequence[Settled], met: Sequence[Met], operations: Sequence[Told]
) -> Amendment:
    seen = sum(operation.looked_at for operation in operations)
    bearings = {change.weighed.bearing for change in settled}
    lost = [
        row
        for row in met
        if row.side == "response"
        and (
            row.rule == "property" or row.rule.endswith("Properties") or row.rule == "falseSchema"
        )
    ]
    refused = [row for row in met if row.side in ("request", "query") and row.change < 0]
    refused += [
        row
        for row in met
        if row.side in ("request", "query") and row.change >= 0
        and not (row.rule in ("property", "parameter")
                 and settled[row.change].weighed.bearing != "breaking")
    ]  # fmt: skip
    result: Bearing
    if "breaking" in bearings or lost or refused:
        result, reason = "breaking", "live_calls" if lost or refused else "documents"
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
