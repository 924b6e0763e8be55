"""What a newer revision means for those who keep to the older one: each change breaking,
compatible, or not to be decided from the documents alone.

Two sources are joined: the changes clause by clause (changes.py), and whether one whole schema
allows all that the other allows (containment.py). The second overrules the first where a schema
was only written otherwise.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from monitor.contracts.change import Change, Met, Place, Read, Side, changed
from monitor.contracts.changes import MOST_CHANGES, changes
from monitor.contracts.compatibility.both_ways import both_ways
from monitor.contracts.containment import OPEN, Answer, Held, held_against
from monitor.contracts.schemas import Schema

Bearing = Literal["breaking", "compatible", "undecided"]
WORST_FIRST: tuple[Bearing, ...] = ("breaking", "undecided", "compatible")
EXITS: Mapping[Bearing, Literal[0, 1, 2]] = {"compatible": 0, "breaking": 1, "undecided": 2}
MOST_HELD = 100
"""Schemas that are held against each other as wholes; what is beyond is judged by its clauses."""
MOST_CLAUSES = 100
"""Of one place, so many clauses that changed: with 200 holding wholes against each other takes
seconds, with 250 minutes.
"""
_NOTES = frozenset("discriminator contentEncoding contentMediaType".split())
"""Clauses that a validator only notes, so that whole schemas say nothing of them."""
_SENT = frozenset({"property", "parameter", "body"})
_CHOICES = frozenset({"anyOf", "oneOf"})


@dataclass(frozen=True, slots=True)
class Weighed:
    """A change, what it means for consumers that keep to the older revision, and why (a word of
    WHY). `counterexample` is a schema, as JSON, of what one revision allows and the other does
    not: of requests that are refused now, or of answers that were never given before.
    """

    change: Change
    bearing: Bearing
    why: str
    counterexample: str = ""


def weighed(old: Read, new: Read) -> list[Weighed]:
    """Every change with its bearing, breaking ones first, then what is undecided."""
    both = Met(old.document, new.document)
    all_changes = changes(old, new, both)
    by_place: dict[Place, list[Change]] = {}
    for change, where in both.places.items():
        by_place.setdefault(where, []).append(change)
    held = _held(both, by_place)
    by_example = new.promise.by_example or old.promise.by_example
    shown: set[Place] = set()
    rows = []
    for change in all_changes:
        place = both.places.get(change)
        schemas, beside = (OPEN, []) if place is None else (held.get(place, OPEN), by_place[place])
        row = (
            _lost(change, schemas, beside)
            if by_example and place is not None and _is_gone(change)
            else _weighed(
                change,
                schemas,
                beside,
                by_example=by_example and place is None and change.rule != "message",
            )
        )
        if row.counterexample and place is not None:
            if place in shown:
                row = replace(row, counterexample="")
            shown.add(place)
        rows.append(row)
    rows = _by_registry(old, new, rows)
    return sorted(rows, key=lambda row: WORST_FIRST.index(row.bearing))


def _by_registry(old: Read, new: Read, rows: list[Weighed]) -> list[Weighed]:
    """Schemas of messages are written for readers that resolve them: their own rules go before what
    the values allow. Who keeps to the older revision reads what is sent (FORWARD), or writes to a
    topic whose contract binds (BACKWARD); what the other way breaks is told beside it.

    Of JSON Schema they settle only what is open, since they take any field that comes to an open
    object for a break.
    """
    ways = both_ways(old, new)
    if ways is None or not rows:
        return rows
    messages = new.promise.messages
    sent = all(message.own for message in messages)
    asked = ways.forward if sent else ways.backward
    if not asked:
        why = "forward_kept" if sent else "backward_kept"
        settled = {"undecided", "breaking"} if ways.binary else {"undecided"}
        rows = [
            replace(row, bearing="compatible", why=why, counterexample="")
            if row.bearing in settled and not (ways.backward and row.why == "provider_must_show")
            else row
            for row in rows
        ]
    if not ways.binary:
        return rows
    name = messages[0].name if len(messages) == 1 else ""
    side: Side = "response" if sent else "request"
    for way, clashes in (("forward", ways.forward), ("backward", ways.backward)):
        bearing: Bearing = "breaking" if clashes is asked else "compatible"
        for clash in clashes:
            if clash.rule.endswith("_REMOVED"):
                continue  # told as what went, and whether anybody needs it live traffic tells
            both = (clash.expected, clash.actual)
            was, now = both if way == "forward" else reversed(both)
            change = changed(
                name, side, "", clash.pointer, clash.rule, "changed", "other", was, now
            )
            rows.append(Weighed(change, bearing, f"{way}_broken"))
    return rows


def bearing_of(rows: Sequence[Weighed]) -> Bearing:
    """Of all changes together: the worst; compatible where there are none. Where there are more
    than are told, undecided at least.
    """
    bearings = {row.bearing for row in rows}
    if len(rows) >= MOST_CHANGES:
        bearings.add("undecided")
    return next((bearing for bearing in WORST_FIRST if bearing in bearings), "compatible")


def _held(both: Met, by_place: dict[Place, list[Change]]) -> dict[Place, Held]:
    """What whole schemas say, where that may change the bearing of a clause's change."""
    held: dict[Place, Held] = {}
    known: dict[tuple[Hashable, Hashable], Held] = {}  # operations share what they refer to
    room = MOST_HELD
    for place, of_place in by_place.items():
        if len(of_place) > MOST_CLAUSES:
            continue
        if all(change.breaks in ("provider", "nobody") for change in of_place) and not any(
            change.what == "went" for change in of_place
        ):
            continue
        pairs = both.pairs[place]
        room -= len(pairs)
        if room < 0:
            break
        answers = []
        for older, newer in pairs:
            key = (_name(older), _name(newer))
            if key not in known:
                known[key] = held_against(older, newer)
            answers.append(known[key])
        held[place] = Held(
            _least([answer.newer_allows_all for answer in answers]),
            _least([answer.older_allowed_all for answer in answers]),
            next((answer.lost for answer in answers if answer.lost), ""),
            next((answer.won for answer in answers if answer.won), ""),
        )
    return held


def _name(schema: Schema) -> Hashable:
    """The same for schemas that refer to the same part of a document and say no more."""
    document, node = schema.written
    refers = isinstance(node, dict) and node.keys() == {"$ref"}
    return id(document), node["$ref"] if refers else f"#{schema.pointer}", schema.draft


def _least(answers: Sequence[Answer]) -> Answer:
    return "no" if "no" in answers else "open" if "open" in answers else "yes"


def _weighed(change: Change, held: Held, beside: Sequence[Change], *, by_example: bool) -> Weighed:
    plain = _plain(change, held, beside, by_example=by_example)
    if plain is not None:
        return plain
    kept, beyond = (
        (held.newer_allows_all, held.lost)
        if change.side == "request"
        else (held.older_allowed_all, held.won)
    )
    if (_is_gone(change) or change.rule == "writeOnly") and change.side == "response":
        return _lost(change, held, beside)
    if kept == "yes":
        why = "still_allowed" if change.side == "request" else "allowed_before"
        return Weighed(change, "compatible", why)
    if change.rule == "property" and change.what == "came" and change.side == "response":
        return Weighed(change, "undecided", "closed_before", beyond)
    if _has_more_words(change):
        return Weighed(change, "undecided", "another_word", beyond)
    if change.breaks == "consumers" and not (kept == "open" and _is_rewritten(change)):
        return Weighed(change, "breaking", "clause", beyond)
    alone = not any(other.breaks == "consumers" and other.rule != "property" for other in beside)
    if kept == "no" and alone and not _is_listed(change):
        return Weighed(change, "breaking", "whole_schema", beyond)
    return Weighed(change, "undecided", "cannot_be_compared")


def _plain(
    change: Change, held: Held, beside: Sequence[Change], *, by_example: bool
) -> Weighed | None:
    """What needs no whole schema; None for the rest."""
    if change.rule == "default":
        undecided = change.breaks == "either"
        return Weighed(
            change,
            "undecided" if undecided else "compatible",
            "default_changed" if undecided else "clause",
        )
    if by_example and change.breaks == "provider":
        return Weighed(change, "undecided", "provider_must_show")
    sent = change.what == "went" and change.side == "request" and change.rule in _SENT
    if sent and change.breaks == "nobody" and not (_moved(beside) and _both(held) == "yes"):
        return Weighed(change, "undecided", "sent_in_vain")
    if change.side == "response" and (change.rule, change.was) == ("parameter", "optional"):
        return Weighed(change, "undecided", "never_promised")  # a header that may have come
    if change.breaks not in ("consumers", "either"):
        return Weighed(change, "compatible", "clause")
    if change.rule in _NOTES:
        if change.was and change.now and change.rule != "discriminator":
            return Weighed(change, "breaking", "clause")  # who reads the former reads it no more
        return Weighed(change, "undecided", "cannot_be_compared")
    return None


def _has_more_words(change: Change) -> bool:
    """Whether an answer has the words of before and others. Of 56 changes of two public APIs in which
    no more than that broke, their maintainers called 7 breaking.
    """
    listed = bool(change.was and change.now)
    return (change.side, change.rule, change.direction, listed) == (
        "response",
        "enum",
        "looser",
        True,
    )


def _is_rewritten(change: Change) -> bool:
    """Whether there are choices where there was one form, or the other way."""
    return change.rule in _CHOICES and "0 parts" in (change.was, change.now)


def _is_listed(change: Change) -> bool:
    """Whether a parameter's value became a list, or the other way: alone it is written as before."""
    of_list = ["array" in types.split(" or ") for types in (change.was, change.now)]
    return change.rule == "type" and change.place[:1] not in ("", "/") and of_list[0] != of_list[1]


def _is_gone(change: Change) -> bool:
    return change.rule == "property" and change.what == "went"


def _lost(change: Change, held: Held, beside: Sequence[Change]) -> Weighed:
    """A field that is not told any more, of an answer, or of a message: whoever sent it, others
    read it.
    """
    if _moved(beside) and _both(held) == "yes":
        return Weighed(change, "compatible", "allowed_before")
    if any(other.rule == "required" and other.place == change.place for other in beside):
        return Weighed(change, "breaking", "clause")
    return Weighed(change, "undecided", "never_promised")


def _moved(beside: Sequence[Change]) -> bool:
    """Whether a field that went may stand in a part of the schema now."""
    return any(other.rule in ("allOf", "anyOf", "oneOf") for other in beside)


def _both(held: Held) -> Answer:
    return _least([held.newer_allows_all, held.older_allowed_all])
