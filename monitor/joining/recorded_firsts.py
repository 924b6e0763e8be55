"""What recorded skeletons of answers tell of examples that nobody was held to yet: a first pact, or
first stubs.

An exchange tells by its operation and status; which state, headers and body its request had is not
kept. So an answer keeps the examples if it keeps any that its operation and status may mean, as
amendments have it (shown_replay.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from monitor.contracts.affected import Kind
from monitor.contracts.amendment import weighed
from monitor.contracts.change import Read
from monitor.contracts.form import by_example
from monitor.contracts.replayed import Told, by_marks
from monitor.contracts.shown_replay import Outcome, ShownReplay
from monitor.joining.meaning import counts_of
from monitor.joining.recorded_shapes import Group, Share

OTHER_STATUS = "other_status"
_KEEPS: Told = ("keeps", "")
_UNTOLD: Told = ("values", "")
_OF_HEADERS = frozenset({"header_unseen", "header_value"})


class FirstExamples:
    """Rows of `shapes_seen_of` and `shape_marks_of`, asked about groups of exchanges. Not
    thread-safe: it remembers what it was asked.
    """

    def __init__(
        self,
        kind: str,
        read: Read,
        rows: Iterable[Mapping[str, Any]],
        marks: Iterable[Mapping[str, Any]],
    ) -> None:
        """`kind` is the format of the revision that was read."""
        nothing = Read({}, by_example(()))
        self._replay = ShownReplay(kind, nothing, read, weighed(nothing, read))
        self._rows, self._marks = _answers(rows), _answers(marks)
        self._known: dict[tuple[Any, ...], list[Outcome]] = {}

    def shares(self, group: Group) -> list[Share]:
        """What the exchanges of a group tell, the shares adding up to 1; empty where no answer of
        them was looked at.
        """
        weights: defaultdict[Told, float] = defaultdict(float)
        looked_at = 0
        for row in self._rows.get(group, ()):
            for word, weight in self._told(row, group):
                weights[word] += weight * int(row["stands_for"])
            looked_at += int(row["looked_at"])
        total = sum(weights.values())
        order = sorted(weights, key=lambda word: (word[0] == "keeps", word))
        return [
            Share(word, weights[word] / total, looked_at) for word in order if weights[word] > 0
        ]

    def _told(self, row: Mapping[str, Any], group: Group) -> Iterator[tuple[Told, float]]:
        """What one skeleton tells, and of which share of its payloads."""
        if not row["text"]:
            yield ("unseen", "payload_unseen"), 1.0
            return
        # headers that an example asks for are not asked here: of answers' bodies alone
        outcomes = [
            replace(it, word="keeps") if it.why in _OF_HEADERS else it
            for it in self._outcomes(row)
        ]
        words = {outcome.word for outcome in outcomes}
        if not outcomes:
            yield ("unseen", OTHER_STATUS), 1.0
        elif "keeps" in words:
            yield _KEEPS, 1.0
        elif "values" in words:
            yield from self._by_values(
                [it for it in outcomes if it.word == "values"], self._marks.get(group, ())
            )
        else:
            yield ("breaks", outcomes[0].rule), 1.0

    def _outcomes(self, row: Mapping[str, Any]) -> list[Outcome]:
        key = tuple(row[word] for word in ("operation", "status", "media", "shape"))
        if key not in self._known:
            kind = Kind(key[0], int(key[1]), "response", key[2], orjson.loads(row["text"]))
            self._known[key] = self._replay.outcomes(kind)
        return self._known[key]

    def _by_values(
        self, outcomes: Sequence[Outcome], marks: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[Told, float]]:
        """Of several examples the one that the values come nearest to."""
        by_value = [_weighed(it, marks) for it in outcomes if it.values]
        broken, rule, unsure = min(by_value) if by_value else (0.0, "", 1.0)
        left = min(1.0 - broken, unsure)
        yield ("breaks", rule), broken
        yield _UNTOLD, left
        yield _KEEPS, 1.0 - broken - left


def _weighed(outcome: Outcome, marks: Sequence[Mapping[str, Any]]) -> tuple[float, str, float]:
    """The share of the marked payloads that breaks an example's values, by which rule, and the
    share of which marks do not tell.
    """
    total, broken, unsure, worst = 0, 0.0, 0.0, ""
    for row in marks:
        counts = counts_of(row)
        payloads = counts.get("", {}).get("", 0)
        share, rule, left = by_marks(outcome.values, counts)
        total += payloads
        broken += share * payloads
        unsure += left * payloads
        worst = rule or worst
    return (broken / total, worst, unsure / total) if total else (0.0, "", 1.0)


def _answers(rows: Iterable[Mapping[str, Any]]) -> dict[Group, list[Mapping[str, Any]]]:
    groups: dict[Group, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["side"] == "response":
            key = (str(row["caller"]), str(row["operation"]), int(row["status"]))
            groups.setdefault(key, []).append(row)
    return groups
