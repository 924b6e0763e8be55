"""What a provider's recorded skeletons tell of a revision, by consumer, operation and status: which
share of the exchanges breaks it, and why the others keep it or cannot tell.

The sides of an exchange are recorded apart. So of an exchange that may break on either side the
larger share is told, which is surely reached.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from monitor.contracts.affected import Kind
from monitor.contracts.change import Change
from monitor.contracts.form import Promise
from monitor.contracts.replayed import (
    Told,
    ValueClause,
    by_marks,
    hangs_on_values,
    is_told_by_shape,
    told_by,
    value_clauses,
)
from monitor.contracts.targets import target_of
from monitor.joining.meaning import counts_of

Group = tuple[str, str, int]
"""Consumer, operation and status."""
_SIDES = ("request", "response", "query", "headers")


@dataclass(frozen=True, slots=True)
class Share:
    """Of a group's exchanges so large a share tells this; `looked_at` payloads show it."""

    told: Told
    share: float
    looked_at: int


class RecordedShapes:
    """Rows of `shapes_seen_of`, asked about groups of exchanges. Not thread-safe: it remembers what
    it was asked.
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        promise: Promise,
        before: Promise | None,
        marks: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """`marks`: rows of `shape_marks_of`, asked where a clause is about values."""
        self._promise, self._before = promise, before
        self._rows, self._marks = _by_group(rows), _by_group(marks)
        self._known: dict[tuple[Any, ...], tuple[Told, bool]] = {}

    def shares(self, group: Group, met: Sequence[Change] | None, *, broke: bool) -> list[Share]:
        """What the exchanges of a group tell, the shares adding up to 1; empty where none of them
        was looked at. `met`: changes since the revision that they were checked under, None where
        there was none; `broke`: those are meant that broke it.
        """
        sides: dict[str, Counter[Told]] = {}
        looked_at: Counter[str] = Counter()
        for row in self._rows.get(group, ()):
            if row["side"] not in _SIDES:
                continue
            outcome, broke_before = self._told(row, met)
            if self._before is not None and met is not None and broke_before != broke:
                continue
            sides.setdefault(row["side"], Counter())[outcome] += int(row["stands_for"])
            looked_at[row["side"]] += int(row["looked_at"])
        if not sides:
            return []
        for side, counts in sides.items():
            self._weigh_values(group, side, counts, met)
        return _together(sides, max(looked_at.values()))

    def _weigh_values(
        self, group: Group, side: str, counts: Counter[Told], met: Sequence[Change] | None
    ) -> None:
        """Settle what hangs on values by marks, as far as they tell."""
        hanging = counts.pop(("values", ""), 0)
        if not hanging:
            return
        broken, rule, unsure = self._by_marks(group, side, met)
        breaks = round(hanging * broken)
        left = min(hanging - breaks, math.ceil(hanging * unsure))
        counts += Counter({("breaks", rule): breaks, ("values", ""): left})
        counts[("keeps", "")] += hanging - breaks - left

    def _by_marks(
        self, group: Group, side: str, met: Sequence[Change] | None
    ) -> tuple[float, str, float]:
        """The shares of `by_marks` over all marked payloads of a group's side."""
        target = target_of(self._promise, group[1])
        if target is None:
            return 0.0, "", 1.0
        totals = [0.0, 0.0, 0.0]
        worst = ""
        for row in self._marks.get(group, ()):
            if row["side"] != side:
                continue
            kind = Kind(group[1], group[2], side, str(row["media"]), None)
            clauses = value_clauses(kind, target)
            if clauses is not None and met is not None:
                clauses = _met(clauses, met, side)
            if clauses is None:
                return 0.0, "", 1.0
            marks = counts_of(row)
            payloads = marks.get("", {}).get("", 0)
            broken, rule, unsure = by_marks(clauses, marks)
            worst = rule or worst
            for place, share in enumerate((1.0, broken, unsure)):
                totals[place] += share * payloads
        if not totals[0]:
            return 0.0, "", 1.0
        return totals[1] / totals[0], worst, totals[2] / totals[0]

    def _told(self, row: Mapping[str, Any], met: Sequence[Change] | None) -> tuple[Told, bool]:
        values = (
            None
            if met is None
            else any(not is_told_by_shape(change) for change in _of_side(met, row["side"]))
        )
        key = (*(row[word] for word in ("operation", "status", "side", "media", "shape")), values)
        if key not in self._known:
            node = orjson.loads(row["text"]) if row["text"] else None
            kind = Kind(key[0], key[1], key[2], key[3], node)
            target = target_of(self._promise, kind.operation)
            earlier = target_of(self._before, kind.operation) if self._before is not None else None
            self._known[key] = (
                ("keeps", "")
                if target is None
                else told_by(
                    kind,
                    target,
                    values=hangs_on_values(kind, target) if values is None else values,
                ),
                earlier is not None and told_by(kind, earlier, values=False)[0] == "breaks",
            )
        return self._known[key]


def _of_side(met: Sequence[Change], side: str) -> list[Change]:
    """Changes that ask more of this side of an exchange. Of headers, cookies and paths of requests
    no side tells, so that they are each one's.
    """
    return [
        change
        for change in met
        if change.direction != "looser"
        and (
            side in ("response", "headers")
            if change.side == "response"
            else change.place.startswith(("header ", "cookie ", "path "))
            or (
                (side == "query") == change.place.startswith("query ")
                and side in ("query", "request")
            )
        )
    ]


def _met(
    clauses: Sequence[ValueClause], met: Sequence[Change], side: str
) -> list[ValueClause] | None:
    """The clauses that changes are about; None where one of these is none of those."""
    wanted = {
        (change.place, change.rule)
        for change in _of_side(met, side)
        if not is_told_by_shape(change)
    }
    held = [it for it in clauses if (it.pointer, it.rule) in wanted]
    return held if {(it.pointer, it.rule) for it in held} == wanted else None


def _by_group(rows: Iterable[Mapping[str, Any]]) -> dict[Group, list[Mapping[str, Any]]]:
    groups: dict[Group, list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (str(row["caller"]), str(row["operation"]), int(row["status"]))
        groups.setdefault(key, []).append(row)
    return groups


def _together(sides: Mapping[str, Counter[Told]], looked_at: int) -> list[Share]:
    """The sides as one: what breaks most, then what leaves most open, then what keeps."""
    shares: list[Share] = []
    left = 1.0
    for words in (("breaks",), ("unseen", "values")):
        parts = [
            (
                sum(counts[outcome] for outcome in counts if outcome[0] in words) / counts.total(),
                counts,
            )
            for counts in sides.values()
        ]
        share, counts = max(parts, key=lambda part: part[0])
        share = min(share, left)
        if share > 0:
            outcome = max(
                (outcome for outcome in counts if outcome[0] in words),
                key=lambda outcome: (counts[outcome], outcome),
            )
            shares.append(Share(outcome, share, looked_at))
            left -= share
    if left > 0:
        shares.append(Share(("keeps", ""), left, looked_at))
    return shares
