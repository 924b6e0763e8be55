"""One thing that a newer revision says otherwise, and what schemas that were held against each other
say otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from monitor.contracts.form import Promise
from monitor.contracts.schema_changes import Comparison
from monitor.contracts.schema_clauses import Direction
from monitor.contracts.schemas import Schema

Side = Literal["request", "response", ""]
Breaks = Literal["consumers", "provider", "either", "nobody"]
"""Who may break: consumers that keep to the revision before, or a provider that does not do more
than before.
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that came, went or changed. `operation` is "METHOD /route", or an example's name;
    `status` of an answer.

    `place` is a place in the payload or a parameter; `rule` the clause's keyword or what it is
    about; `shared` the place in a definition that others refer to as well, "" for none.
    """

    operation: str
    side: Side
    status: str
    place: str
    rule: str
    what: Literal["came", "went", "changed"]
    direction: Direction
    was: str
    now: str
    breaks: Breaks
    shared: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A revision's document and the promise that was read from it."""

    document: Mapping[str, Any]
    promise: Promise


_MARKS: Mapping[Side, str] = {"request": "readOnly", "response": "writeOnly"}
"""What marks a field that does not travel that way."""
Place = tuple[str, Side, str, str]
"""Operation, side, status, and the parameter ("" for the body)."""


class Met(Comparison):
    """A comparison that keeps which schemas it held against each other, by place, and of which
    place each of their changes is.
    """

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        super().__init__(old, new)
        self.pairs: dict[Place, list[tuple[Schema, Schema]]] = {}
        self.places: dict[Change, Place] = {}


def of_schemas(
    both: Met,
    name: str,
    side: Side,
    status: str,
    place: str,
    was: Schema | None,
    now: Schema | None,
    *,
    typed: bool = False,
    written: bool = False,
) -> Iterator[Change]:
    """What one schema says otherwise than another. `typed`: values come with their types, as in
    JSON. `written`: they are written out as text, as in queries and headers.
    """
    if was is None or now is None:
        if was is not now:
            yield changed(
                name,
                side,
                status,
                place,
                "schema",
                "came" if now else "went",
                "tighter" if now else "looser",
                "",
                "",
            )
        return
    both.pairs.setdefault((name, side, status, place), []).append((was, now))
    for change in both.changes(was.pointer, now.pointer, _MARKS.get(side, "")):
        what: Literal["came", "went", "changed"] = "changed"
        if change.rule == "property":
            what = "came" if change.now == "named" else "went"
        where = f"{place} {change.pointer}".strip()
        change_told = changed(
            name, side, status, where, change.rule, what, change.direction, change.was, change.now
        )
        change_told = replace(change_told, shared=change.shared)
        another = change.rule == "type" and _of_another(change.was, change.now)
        if another and (side == "response" or typed) and not place:
            change_told = replace(change_told, breaks="consumers")
        if written and change.rule == "type" and _is_text_too(side, change.was, change.now):
            change_told = replace(change_told, direction="looser", breaks="provider")
        both.places[change_told] = (name, side, status, place)
        yield change_told


def _of_another(was: str, now: str) -> bool:
    """Whether no value but null is of both types. In headers, queries and forms a text may stand
    for a number: there it cannot be told.
    """
    before, after = (
        {"number" if kind == "integer" else kind for kind in types.split(" or ")} - {"null"}
        for types in (was, now)
    )
    return bool(before and after) and not before & after | (before | after) & {"any"}


_WRITTEN = frozenset({"integer", "number", "boolean"})


def _is_text_too(side: Side, was: str, now: str) -> bool:
    """Whether what is written out is taken, or answered, as before: who sent a number to where a
    text is taken sends a text, and who reads texts can read a number.
    """
    sent, taken = (was, now) if side == "request" else (now, was)
    kinds, allowed = set(sent.split(" or ")), set(taken.split(" or "))
    rest = kinds - allowed
    return bool(rest) and rest <= _WRITTEN and "string" in allowed


def changed(
    name: str,
    side: Side,
    status: str,
    place: str,
    rule: str,
    what: Literal["came", "went", "changed"],
    direction: Direction,
    was: str,
    now: str,
) -> Change:
    return Change(
        name,
        side,
        status,
        place,
        rule,
        what,
        direction,
        was,
        now,
        _breaks(side, status, rule, what, direction),
    )


def _breaks(side: Side, status: str, rule: str, what: str, direction: Direction) -> Breaks:
    """Consumers break by what is asked of them more, or promised to them less; the provider by
    what it must keep more.
    """
    if rule == "deprecated":
        return "nobody"
    if rule in _MARKS.values():  # of an answer, consumers lose the field
        harmless = direction == "looser" or _MARKS.get(side) != rule
        return "nobody" if harmless else "consumers"
    if rule == "default":  # who leaves it out is understood otherwise; whom that harms, none knows
        return "either" if side == "request" else "nobody"
    if rule == "status" and what == "went" and status.startswith("2"):
        return "consumers"  # it told them that they were served
    if rule == "property" and what == "went" and side == "response":
        return "consumers"  # they lose it, whether or not it may still come
    if rule in ("parameter", "body") and what == "came" and side == "response":
        # a header, or a body, that was not told of before could be there before
        return "provider" if direction == "tighter" else "nobody"
    if direction == "other":
        return "either"
    if rule == "property" and what == "came" and direction == "tighter":
        # a name for what could be there before; whether it must be is told by `required`
        return "nobody"
    if (
        rule in ("property", "parameter", "body")
        and what == "went"
        and direction == "looser"
        and side == "request"
    ):
        return "nobody"  # it is sent in vain
    if rule == "status" and what == "came" and side == "response":
        return "nobody"  # consumers must always expect statuses that are not listed
    asked = (direction == "tighter") == (side == "request")
    return "consumers" if asked else "provider"
