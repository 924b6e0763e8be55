"""What recorded skeletons of messages tell of a revision that is not in force yet: which would
break it, which would keep it, and which cannot tell.

A record is held against all messages of its topic, as checking does; one that it keeps is enough.
What hangs on values is told by marks, as far as they tell it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from monitor.contracts.affected import Kind
from monitor.contracts.carried import CLOUDEVENT
from monitor.contracts.change import Read
from monitor.contracts.form import Message, by_example
from monitor.contracts.formats.overlooked import reached
from monitor.contracts.replayed import ValueClause, by_marks, clauses_of
from monitor.contracts.shown_headers import HeldExample
from monitor.contracts.shown_replay import ShownReplay, carried
from monitor.contracts.skeleton import NO_BODY, is_cut
from monitor.contracts.spoken import Spoken, spoken
from monitor.decode.topic_records import KAFKA
from monitor.joining.meaning import counts_of
from monitor.model.exchanges import MESSAGING

Word = Literal["breaks", "keeps", "untold"]
Key = tuple[str, str, Word, str]
"""By whom, the topic, what is told, and why."""
_Group = tuple[str, str, str]
"""Who wrote, the topic, and the media type."""


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """The messages that a skeleton may be, if its values are right, and what they ask of these."""

    messages: Sequence[tuple[Message, Sequence[ValueClause]]]


@dataclass(slots=True)
class _Hanging:
    """Messages of one group: how many, and of those how many hang on values."""

    total: int = 0
    by_open: Counter[_Open] = field(default_factory=Counter)
    looked_at: Counter[_Open] = field(default_factory=Counter)


class MessageSkeletons:
    """Rows of `shapes_seen_of` and `shape_marks_of`, held against the messages of a revision. Not
    thread-safe: it remembers what it was asked.
    """

    def __init__(
        self,
        kind: str,
        read: Read,
        rows: Iterable[Mapping[str, Any]],
        marks: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """`kind` is the format of the revision that was read."""
        self._promise = read.promise
        self._rows = [
            row
            for row in rows
            if row["protocol"] == MESSAGING and self._promise.of_topic(str(row["operation"]))
        ]
        self._marks: defaultdict[_Group, list[Mapping[str, Any]]] = defaultdict(list)
        for row in marks:
            self._marks[_group(row)].append(row)
        self._replay = ShownReplay(kind, Read({}, by_example(())), read, ())
        self._spoken: Mapping[str, Spoken] = spoken(self._promise)
        self._known: dict[tuple[str, str, Any], tuple[Word, str] | _Open] = {}
        self._open: dict[str, _Open] = {}

    def broken(self, topic: str) -> bool:
        """Whether fields or types of any message of a topic break the revision."""
        return any(
            not isinstance(outcome, _Open) and outcome[0] == "breaks"
            for row in self._rows
            if row["operation"] == topic
            for outcome in (self._outcome(row),)
        )

    def told(self, topics: Sequence[str] | None = None) -> tuple[Counter[Key], Counter[Key]]:
        """For how many messages the skeletons stand, and how many payloads were looked at.
        `topics` None: all that the contract speaks of.

        By whom: the service that reads the topic where one is known, else the one that wrote.
        """
        stands_for, looked_at = Counter[Key](), Counter[Key]()
        groups: defaultdict[tuple[str, _Group], _Hanging] = defaultdict(_Hanging)
        for row in self._rows:
            topic = str(row["operation"])
            if topics is not None and topic not in topics:
                continue
            reader, outcome = str(row["callee"]), self._outcome(row)
            whom = reader if reader not in ("", KAFKA) else str(row["caller"])
            hanging = groups[whom, _group(row)]
            hanging.total += int(row["stands_for"])
            if isinstance(outcome, _Open):
                hanging.by_open[outcome] += int(row["stands_for"])
                hanging.looked_at[outcome] += int(row["looked_at"])
            else:
                stands_for[whom, topic, *outcome] += int(row["stands_for"])
                looked_at[whom, topic, *outcome] += int(row["looked_at"])
        for (whom, group), hanging in groups.items():
            for open_, count in hanging.by_open.items():
                for word, why, part in self._by_values(open_, count, hanging.total, group):
                    if part:
                        stands_for[whom, group[1], word, why] += part
                        looked_at[whom, group[1], word, why] += hanging.looked_at[open_]
        return stands_for, looked_at

    def _outcome(self, row: Mapping[str, Any]) -> tuple[Word, str] | _Open:
        """What one skeleton tells of the messages that may stand in its topic."""
        known = (str(row["operation"]), str(row["media"]), row["shape"])
        if known not in self._known:
            self._known[known] = self._of_skeleton(row)
        return self._known[known]

    def _of_skeleton(self, row: Mapping[str, Any]) -> tuple[Word, str] | _Open:
        if not row["text"]:
            return "untold", "payload_unseen"
        topic, media = str(row["operation"]), str(row["media"])
        kind = Kind(topic, int(row["status"]), "request", media, orjson.loads(row["text"]))
        if kind.node == NO_BODY:
            return "untold", "no_body"  # a tombstone
        held = [(message, carried(message, kind)) for message in self._promise.of_topic(topic)]
        left = [(message, it) for message, it in held if it.word != "breaks"]
        if not left:
            nearest = min((it for _, it in held), key=lambda it: len(it.broken))
            return "breaks", nearest.broken[0].rule
        if kind.node is not None and is_cut(kind.node):
            return "untold", "payload_unseen"
        if any(it.word == "keeps" and not _asks_of_values(message) for message, it in left):
            return "keeps", ""
        asked = [(message, self._clauses(message, it, media)) for message, it in left]
        same = repr([(message.name, clauses) for message, clauses in asked])
        return self._open.setdefault(same, _Open(asked))

    def _clauses(self, message: Message, held: HeldExample, media: str) -> Sequence[ValueClause]:
        """What a message asks of values; of a binary format only whether numbers are whole."""
        if message.name not in self._spoken:
            clauses: Sequence[ValueClause] | None = self._replay.clauses_of(held)
        else:
            clauses = clauses_of(self._spoken[message.name].schema)
        if clauses is None:
            return (ValueClause("", "pattern", None),)  # what nothing settles
        if message.example is not None:
            return [it for it in clauses if it.rule == "type"]
        if media.startswith(CLOUDEVENT) and not message.media.startswith(CLOUDEVENT):
            return [replace(it, pointer=f"/data{it.pointer}") for it in clauses]
        return clauses

    def _by_values(
        self, left: _Open, count: int, total: int, group: _Group
    ) -> Iterator[tuple[Word, str, int]]:
        """Of `count` messages of a group of `total`: those that surely break all that they may be,
        those that surely keep any of it, and the others. Marks are of the whole group: which of
        its messages showed them is not kept.
        """
        shares = [self._shares(message, clauses, group) for message, clauses in left.messages]
        surely = sum(broken for broken, _, _ in shares) - (len(shares) - 1)
        at_most = min(broken + unsure for broken, _, unsure in shares)
        breaks = min(count, max(0, _whole(surely * total) - (total - count)))
        keeps = min(count - breaks, max(0, count - _whole(at_most * total, up=True)))
        binary = all(message.example is not None for message, _ in left.messages)
        rule = min(shares)[1]
        yield "breaks", rule, breaks
        yield "keeps", "", keeps
        yield (
            "untold",
            "binary_message" if binary else "message_values",
            count - breaks - keeps,
        )

    def _shares(
        self, message: Message, clauses: Sequence[ValueClause], group: _Group
    ) -> tuple[float, str, float]:
        """The shares of `by_marks` over all marked messages of a group."""
        payloads, broken, unsure, worst = 0, 0.0, 0.0, ""
        for row in self._marks.get(group, ()):
            counts = counts_of(row)
            of_row = counts.get("", {}).get("", 0)
            share, rule, left = by_marks(clauses, counts)
            payloads += of_row
            broken += share * of_row
            unsure += left * of_row
            worst = rule or worst
        if not payloads:
            return 0.0, "", 1.0
        binary = message.example is not None  # whether its bytes can be read hangs on more
        return broken / payloads, worst, 1.0 if binary else unsure / payloads


def _whole(count: float, *, up: bool = False) -> int:
    """Down, or up, to a whole number, whatever the last bits of a product are."""
    count = round(count, 6)
    return math.ceil(count) if up else math.floor(count)


def _group(row: Mapping[str, Any]) -> _Group:
    return str(row["caller"]), str(row["operation"]), str(row["media"])


_OF_VALUES = frozenset(
    (
        "enum const pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
        "minLength maxLength minItems maxItems minProperties maxProperties uniqueItems contains "
        "propertyNames patternProperties not if anyOf oneOf"
    ).split()
)


def _asks_of_values(message: Message) -> bool:
    """Whether it says more than presence and types, of which a skeleton tells nothing."""
    if message.example is not None:
        return True
    schemas = [] if message.schema is None else [message.schema]
    return any(not _OF_VALUES.isdisjoint(node) for node, _ in reached(schemas))
