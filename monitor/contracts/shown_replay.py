"""Whom a newer revision of examples (Pacts, stubs, messages by example) would break among payloads
of which only skeletons are held.

What stands for a skeleton's values is held against the matchers of both revisions. Where these ask
for presence and types the skeleton tells; where they ask for values, marks may, and what neither
tells is said to be open. Which state, path and headers a request had is not kept: an answer keeps
a revision if it keeps any of the examples that its operation and status may mean.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from monitor.contracts.affected import Kind
from monitor.contracts.amendment import Weighed
from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.change import Read
from monitor.contracts.form import Interaction, Message
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.mocking import asks_for
from monitor.contracts.payloads import Payload
from monitor.contracts.replayed import SURE, ValueClause
from monitor.contracts.shown_headers import (
    HEADERS,
    HeldExample,
    OpenCode,
    Word,
    answered,
    exchange_of,
    headed,
    of_media_type,
    why_open,
)
from monitor.contracts.shown_values import body_at, clause_of, contents, shown_at
from monitor.contracts.skeleton import as_if_seen, instances, is_cut
from monitor.contracts.stubs import asked, stubs_of

_OF_PRESENCE = SURE | frozenset(
    "missing_key unexpected_key missing_body content_type not_json boolean null".split()
)
_NUMERIC = frozenset({"integer", "decimal", "number"})
_KINDS: Mapping[str, str] = {
    "integer": "number", "number": "number", "string": "string", "boolean": "boolean",
    "null": "null", "array": "array", "object": "object",
}  # fmt: skip
_EQUAL = frozenset({"equality", "const"})
_MOST_INSTANCES = 40
_ANOTHER_TEXT, _ANOTHER_NUMBER = "\u2603 ~", 0.5
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_IN_PATHS = ("7", "a", "4cd0d2f4-8a7e-4f2f-9a4d-0d1f5a3b2c11")
"""What may stand where a route has a placeholder."""
_OF_PATH = frozenset({"/path", "/url"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a kind of payload makes of a changed example, by its place in the list of changes.
    `values`: what it hangs on, clause by clause; `why` where no values can settle it.
    """

    change: int
    word: Word
    pointer: str = ""
    rule: str = ""
    values: Sequence[ValueClause] = ()
    why: OpenCode = ""


class ShownReplay:
    """Two revisions and what changed between them. Not thread-safe: it remembers answers."""

    def __init__(self, kind: str, old: Read, new: Read, rows: Sequence[Weighed]) -> None:
        """`kind` is the format of both."""
        self._old, self._new = _Examples(kind, old), _Examples(kind, new)
        self._changed = {
            row.change.operation: place
            for place, row in enumerate(rows)
            if row.change.rule == "example" and row.change.what != "went"
        }

    @property
    def changes(self) -> bool:
        """Whether any example came or changed."""
        return bool(self._changed)

    @property
    def of_calls(self) -> bool:
        """Whether either revision tells of calls by example."""
        return bool(self._old.calls or self._new.calls)

    def speaks_of(self, operation: str) -> bool:
        """Whether an example of either revision may be meant by a live operation."""
        return any(
            examples.of_call(operation) or examples.of_topic(operation)
            for examples in (self._old, self._new)
        )

    def names_of(self, operation: str) -> set[str]:
        """The changed examples that a live operation may show."""
        names = {it.name for it in self._new.of_call(operation)}
        names |= {it.name for it in self._new.of_topic(operation)}
        return names & self._changed.keys()

    def outcomes(self, kind: Kind) -> list[Outcome]:
        """What payloads of this kind make of the changed examples that they concern; nothing for
        those that could not be seen.
        """
        if kind.node is None or not self.names_of(kind.operation):
            return []
        told = self._told(kind)
        if not is_cut(kind.node):
            return told
        might_be = self._told(replace(kind, node=as_if_seen(kind.node)))
        return [
            it
            if it == other or it.word == "breaks"
            else Outcome(it.change, "values", why="payload_unseen")
            for it, other in zip(told, might_be, strict=True)
        ]

    def _told(self, kind: Kind) -> list[Outcome]:
        if " /" not in kind.operation:
            return self._of_messages(kind)
        return self._of_answers(kind) if kind.side in ("response", "headers") else []

    def clauses_of(self, held: HeldExample) -> list[ValueClause]:
        """What a message of the newer revision leaves to values, clause by clause."""
        return [self._clause(held, it) for it in held.open]

    def _of_answers(self, kind: Kind) -> list[Outcome]:
        examples, bodies = self._new.of_call(kind.operation), _bodies(kind)
        of_side = headed if kind.side == "headers" else partial(_answered, bodies=bodies)
        now = [held for it in examples if (held := of_side(it, kind)) is not None]
        before = [
            held
            for it in self._old.of_call(kind.operation)
            if (held := of_side(it, kind)) is not None
        ]
        if not now and before:  # the examples that had this status ask for another one
            return [
                Outcome(self._changed[it.name], "breaks", "/status", "status")
                for it in examples
                if it.name in self._changed and it.name in {held.name for held in before}
            ]
        return self._settled(now, before)

    def _of_messages(self, kind: Kind) -> list[Outcome]:
        now, before = (
            [carried(it, kind) for it in examples.of_topic(kind.operation)]
            for examples in (self._new, self._old)
        )
        return self._settled(now, before)

    def _settled(self, now: Sequence[HeldExample], before: Sequence[HeldExample]) -> list[Outcome]:
        """One that is kept is enough; of those that are not, the changed ones are told."""
        concerned = [held for held in now if held.name in self._changed]
        was = {held.name: held for held in before}
        if not concerned:
            return []
        if any(held.word == "keeps" for held in now):
            return [Outcome(self._changed[held.name], "keeps") for held in concerned]
        outcomes = []
        for held in concerned:
            place, earlier = self._changed[held.name], was.get(held.name)
            if held.word == "breaks":
                fresh = _without(held.broken, earlier.broken if earlier else ())
                if any(other.word != "breaks" for other in now):
                    outcomes.append(Outcome(place, "values", why="another_example"))
                elif fresh:
                    outcomes.append(Outcome(place, "breaks", fresh[0].pointer, fresh[0].rule))
                else:  # it was broken as it is
                    outcomes.append(Outcome(place, "keeps"))
                continue
            fresh = self._fresh(held, earlier)
            of_headers = [it for it in fresh if it.pointer.startswith(HEADERS)]
            clauses = tuple(self._clause(held, it) for it in fresh if it not in of_headers)
            if of_headers and not clauses:
                why = why_open(of_headers[0])
                outcomes.append(Outcome(place, "values", of_headers[0].pointer, why=why))
            else:
                outcomes.append(Outcome(place, "values" if clauses else "keeps", values=clauses))
        return outcomes

    def _fresh(self, held: HeldExample, earlier: HeldExample | None) -> list[Broken]:
        """What an example asks of values now and did not before."""
        return [
            broken
            for broken in held.open
            if earlier is None
            or not any(
                (it.rule, it.pointer) == (broken.rule, broken.pointer)
                and self._old.asked(held.name, it) == self._new.asked(held.name, broken)
                for it in earlier.open
            )
        ]

    def _clause(self, held: HeldExample, broken: Broken) -> ValueClause:
        """What an example asks of values at a place, as marks may tell of it."""
        clause, value = self._new.asked(held.name, broken)
        if broken.rule in _EQUAL and isinstance(value, str | int | float | bool):
            return ValueClause(broken.pointer, "const", value)
        if broken.rule == "integer":
            return ValueClause(broken.pointer, "type", "integer")
        if broken.rule == "regex":
            return ValueClause(broken.pointer, "regex", _regex_of(clause))
        return ValueClause(broken.pointer, "pattern", None)


def _without(broken: Sequence[Broken], before: Sequence[Broken]) -> list[Broken]:
    was = {(it.rule, it.pointer) for it in before}
    return [it for it in broken if (it.rule, it.pointer) not in was]


class _Examples:
    """The examples of one revision, by live operation and by name."""

    def __init__(self, kind: str, read: Read) -> None:
        self._read = read
        self.calls = read.promise.interactions
        self._calls: dict[str, list[Interaction]] = {}
        self._bodies: dict[str, Any] = {
            stub.name: body_at(read.document, stub.place, as_text=stub.as_text)
            for stub in stubs_of(kind, read.document, read.promise)
            if stub.place
        }
        for message in read.promise.messages:
            self._bodies[message.name] = contents(read.document, message.clause)

    def of_call(self, operation: str) -> list[Interaction]:
        """Those that ask for an operation, whatever else they ask for."""
        if operation not in self._calls:
            method, _, route = operation.partition(" ")
            self._calls[operation] = [
                it
                for it in (self.calls if route else ())
                if (it.methods is None or method in it.methods) and _may_be(it, method, route)
            ]
        return self._calls[operation]

    def of_topic(self, topic: str) -> list[Message]:
        """The messages of a topic that are told by example."""
        promise = self._read.promise
        if not promise.messages or " /" in topic:
            return []
        return [it for it in promise.of_topic(topic) if it.schema is None and it.says is None]

    def asked(self, name: str, broken: Broken) -> tuple[Any, Any]:
        """What a revision asks by a clause, and the value that its example shows at the place."""
        clause = clause_of(self._read.document, broken.clause)
        return clause, shown_at(self._bodies.get(name, clause), broken.pointer)


def _may_be(example: Interaction, method: str, route: str) -> bool:
    """Whether a call of an operation may have a path that an example asks for."""
    if asks_for(*asked(example), method, route):
        return True
    if asked(example)[1]:
        return False
    for word in _IN_PATHS:
        path = _PLACEHOLDER.sub(word, route)
        if not path.lower().startswith(example.prefix):
            continue
        exchange = exchange_of(method, path, 0, {}, b"")
        mismatches = Mismatches(most=PAYLOAD_LIMITS.violations)
        for part in example.request:
            part(Call(exchange, Payload(None, {}), Payload(None, {})), mismatches)
        if not any(it.pointer in _OF_PATH for it in mismatches.broken):
            return True
    return False


def _answered(example: Interaction, kind: Kind, bodies: Sequence[bytes]) -> HeldExample | None:
    """None where the example is answered with another status."""
    media = {"content-type": kind.media or "application/json"}
    broken: dict[tuple[str, str], Broken] = {}
    for body in bodies:
        mismatches = answered(example, kind, media, body)
        if mismatches.wrong_status:
            return None
        broken |= mismatches.found
    of_type = of_media_type(example, kind)
    return _held(example.name, example.clause, broken, of_type)


def carried(message: Message, kind: Kind) -> HeldExample:
    """What a message says of a payload of which a skeleton is held; of a binary format by what it
    says of it as JSON, which leaves open whether its bytes could be read.
    """
    if message.example is not None:
        shown = Mismatches(most=PAYLOAD_LIMITS.violations)
        for value in () if kind.node is None else instances(kind.node)[:_MOST_INSTANCES]:
            message.example(value, shown)
        return HeldExample(message.name, message.clause, shown.broken, ())  # of types alone
    media = {"content-type": kind.media or message.media or "application/json"}
    broken: dict[tuple[str, str], Broken] = {}
    for body in _bodies(kind):
        trials = []
        for side in message.sides:
            mismatches = Mismatches(most=PAYLOAD_LIMITS.violations)
            record = Carried(kind.operation, body, media)
            side(record.content(message.media), mismatches)
            trials.append(mismatches)
        if trials:
            broken |= min(trials, key=lambda trial: len(trial.found)).found
    return _held(message.name, message.clause, broken)


def _bodies(kind: Kind) -> list[bytes]:
    """Two of each: what one value happens to keep the other breaks, so that a clause about values
    is seen to be one.
    """
    shown = [] if kind.node is None else instances(kind.node)[:_MOST_INSTANCES]
    return [orjson.dumps(it) for value in shown for it in (value, _otherwise(value))] or [b""]


def _otherwise(value: Any) -> Any:
    """The same presence and types with other values."""
    if isinstance(value, dict):
        return {name: _otherwise(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_otherwise(held) for held in value]
    if isinstance(value, str):
        return value if is_mask(value, words=False) else _ANOTHER_TEXT
    if isinstance(value, bool) or value is None:
        return value
    return _ANOTHER_NUMBER


def _held(
    name: str,
    clause: str,
    broken: Mapping[tuple[str, str], Broken],
    of_type: tuple[Sequence[Broken], Sequence[Broken]] = ((), ()),
) -> HeldExample:
    of_body = [it for it in broken.values() if not it.pointer.startswith(HEADERS)]
    sure = [*of_type[0], *(it for it in of_body if _is_sure(it))]
    return HeldExample(
        name, clause, sure, [*of_type[1], *(it for it in of_body if not _is_sure(it))]
    )


def _regex_of(clause: Any) -> str | None:
    """The only pattern that rules of a Pact ask for, as one for the whole text."""
    rules = clause.get("matchers", [clause]) if isinstance(clause, dict) else []
    texts = [it.get("regex") for it in rules if isinstance(it, dict)]
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else None


def _is_sure(broken: Broken) -> bool:
    """Whether presence and types alone break a clause, whatever the values were."""
    if broken.rule == "type" and _KINDS.get(broken.actual) == "number":
        return "number" not in {_KINDS.get(word, "") for word in broken.expected.split("|")}
    if broken.rule in _OF_PRESENCE:
        return True
    actual = _KINDS.get(broken.actual, "")
    if broken.rule in _NUMERIC:
        return actual not in ("", "number")
    expected = _KINDS.get(broken.expected, "")
    return bool(expected and actual) and expected != actual
