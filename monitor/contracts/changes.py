"""What a newer revision of a contract says otherwise than the one before: operations, answers,
parameters, clauses, examples.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from graphql import find_breaking_changes, find_dangerous_changes

from monitor.contracts.form import (
    Body,
    Credential,
    Interaction,
    Message,
    Operation,
    Parameter,
    Promise,
)
from monitor.contracts.formats.graphql import is_graphql
from monitor.contracts.refs import resolve
from monitor.contracts.schema_changes import Comparison, Direction
from monitor.contracts.schemas import Schema
from monitor.contracts.selections.sdl import schema_of
from monitor.errors import ContractError

Side = Literal["request", "response", ""]
Breaks = Literal["consumers", "provider", "either", "nobody"]
"""Who may break: consumers that keep to the revision before, or a provider that does not do more
than before.
"""

MOST_CHANGES = 1_000
_COORDINATE = re.compile(r"[_A-Za-z]\w*\.[_A-Za-z]\w*(?:\(\w+:\))?")
_STANDARD = frozenset({"Int", "Float", "String", "ID", "Boolean"})
_PARAMETER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that came, went or changed. `operation` is "METHOD /route", or an example's name;
    `status` of an answer.

    `place` is a place in the payload or a parameter; `rule` the clause's keyword or what it is
    about.
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


@dataclass(frozen=True, slots=True)
class Read:
    """A revision's document and the promise that was read from it."""

    document: Mapping[str, Any]
    promise: Promise


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


def changes(old: Read, new: Read, both: Met | None = None) -> list[Change]:
    """From the older to the newer one, in the newer one's order, what went last; at most 1,000.
    Prose does not count. `both` is told which schemas were held against each other.
    """
    both = both or Met(old.document, new.document)
    return list(dict.fromkeys(islice(_all(old, new, both), MOST_CHANGES)))


def _all(old: Read, new: Read, both: Met) -> Iterator[Change]:
    yield from _times(old, new)
    if old.promise.by_example or new.promise.by_example:
        yield from _examples(old, new)
        return
    was = {_key(operation): operation for operation in old.promise.operations}
    now = {_key(operation): operation for operation in new.promise.operations}
    for key, operation in now.items():
        if key in was:
            yield from _operation(both, was[key], operation)
        else:
            yield Change(
                operation.name, "", "", "", "operation", "came", "looser", "", "", "provider"
            )
    for key, operation in was.items():
        if key not in now:
            yield Change(
                operation.name, "", "", "", "operation", "went", "tighter", "", "", "consumers"
            )


def _times(old: Read, new: Read) -> Iterator[Change]:
    was, now = (
        {(timing.operation, timing.quantile): timing.seconds for timing in read.promise.timing}
        for read in (old, new)
    )
    for key, seconds in now.items():
        earlier = was.get(key)
        if earlier != seconds:
            tighter = earlier is None or seconds < earlier
            shown = "" if earlier is None else f"{earlier:g} s"
            yield _timed(
                key,
                "came" if earlier is None else "changed",
                "tighter" if tighter else "looser",
                shown,
                f"{seconds:g} s",
            )
    for key, seconds in was.items():
        if key not in now:
            yield _timed(key, "went", "looser", f"{seconds:g} s", "")


def _timed(
    key: tuple[str, float | None],
    what: Literal["came", "went", "changed"],
    direction: Direction,
    was: str,
    now: str,
) -> Change:
    operation, quantile = key
    rule = "timeout" if quantile is None else f"p{100 * quantile:g}"
    breaks: Breaks = (
        "provider" if direction == "tighter" else "nobody" if quantile is None else "consumers"
    )
    return Change(
        operation or "all operations", "response", "", "", rule, what, direction, was, now, breaks
    )


def _key(operation: Operation) -> tuple[str, str]:
    return operation.method, _PARAMETER.sub("{}", operation.route)


def _operation(both: Met, was: Operation, now: Operation) -> Iterator[Change]:
    name = now.name
    before, after = _by_name(was.parameters), _by_name(now.parameters)
    if [parameter.name for parameter in was.parameters if parameter.place == "path"] != [
        parameter.name for parameter in now.parameters if parameter.place == "path"
    ]:
        before, after = (_by_order(parameters) for parameters in (before, after))
    yield from _parameters(both, name, "request", "", before, after)
    yield from _body(both, name, "request", "", was.request, now.request)
    for status, answer in now.responses.items():
        if status in was.responses:
            earlier = was.responses[status]
            yield from _body(both, name, "response", status, earlier, answer)
            yield from _parameters(
                both, name, "response", status, _by_name(earlier.headers), _by_name(answer.headers)
            )
        else:
            yield _change(name, "response", status, "", "status", "came", "looser", "", status)
    for status in was.responses:
        if status not in now.responses:
            yield _change(name, "response", status, "", "status", "went", "tighter", status, "")
    if was.deprecated != now.deprecated:
        yield _change(
            name,
            "",
            "",
            "",
            "deprecated",
            "came" if now.deprecated else "went",
            "looser",
            "",
            "",
        )
    yield from _security(was, now)
    if was.whole != now.whole:
        yield _change(
            name,
            "response",
            "",
            "",
            "statuses",
            "changed",
            "tighter" if now.whole else "looser",
            "",
            "",
        )


def _security(was: Operation, now: Operation) -> Iterator[Change]:
    """A caller keeps to one alternative; it is still heard where the newer revision asks for no
    credential beyond those.
    """
    before, after = (
        {frozenset(alternative) for alternative in operation.security} or {frozenset()}
        for operation in (was, now)
    )
    if before == after:
        return
    heard = all(any(less <= held for less in after) for held in before)
    yield _change(
        now.name,
        "request",
        "",
        "",
        "security",
        "changed",
        "looser" if heard else "tighter",
        _credentials(before),
        _credentials(after),
    )


def _credentials(alternatives: set[frozenset[Credential]]) -> str:
    """Alternatives as text: `header Authorization + cookie sid | nothing`."""
    texts = (
        " + ".join(sorted(f"{held.place} {held.name}".strip() for held in alternative))
        for alternative in alternatives
    )
    return " | ".join(sorted(text or "nothing" for text in texts))


def _by_name(parameters: Sequence[Parameter]) -> dict[tuple[str, str], Parameter]:
    return {(parameter.place, parameter.name): parameter for parameter in parameters}


def _by_order(parameters: Mapping[tuple[str, str], Parameter]) -> dict[tuple[str, str], Parameter]:
    """Parameters of the path by their place in it: their names are the author's own affair."""
    counted: dict[tuple[str, str], Parameter] = {}
    for (place, name), parameter in parameters.items():
        counted[(place, f"{len(counted)}" if place == "path" else name)] = parameter
    return counted


def _parameters(
    both: Met,
    name: str,
    side: Side,
    status: str,
    was: Mapping[tuple[str, str], Parameter],
    now: Mapping[tuple[str, str], Parameter],
) -> Iterator[Change]:
    for key, parameter in now.items():
        place = f"{parameter.place} {parameter.name}"
        earlier = was.get(key)
        if earlier is None:
            yield _change(
                name,
                side,
                status,
                place,
                "parameter",
                "came",
                "tighter" if parameter.required else "looser",
                "",
                _must(parameter),
            )
            continue
        if earlier.required != parameter.required:
            direction: Direction = "tighter" if parameter.required else "looser"
            yield _change(
                name,
                side,
                status,
                place,
                "required",
                "changed",
                direction,
                _must(earlier),
                _must(parameter),
            )
        if (earlier.style, earlier.explode, earlier.media) != (
            parameter.style,
            parameter.explode,
            parameter.media,
        ):
            yield _change(
                name,
                side,
                status,
                place,
                "style",
                "changed",
                "other",
                earlier.media or earlier.style,
                parameter.media or parameter.style,
            )
        yield from _schemas(both, name, side, status, place, earlier.schema, parameter.schema)
    for key, former in was.items():
        if key not in now:
            # whoever sends it is not listened to any more; whoever reads it does not find it
            yield _change(
                name,
                side,
                status,
                f"{former.place} {former.name}",
                "parameter",
                "went",
                "looser",
                _must(former),
                "",
            )


def _must(parameter: Parameter) -> str:
    return "required" if parameter.required else "optional"


def _body(
    both: Met, name: str, side: Side, status: str, was: Body | None, now: Body | None
) -> Iterator[Change]:
    if was is None or now is None:
        if was is not now:
            came = now is not None
            tighter = came and now is not None and now.required
            yield _change(
                name,
                side,
                status,
                "",
                "body",
                "came" if came else "went",
                "tighter" if tighter else "looser",
                "",
                "",
            )
        return
    if was.required != now.required:
        yield _change(
            name,
            side,
            status,
            "",
            "body",
            "changed",
            "tighter" if now.required else "looser",
            "",
            "",
        )
    before, after = (
        {media.partition(";")[0].rstrip(): schema for media, schema in body.media.items()}
        for body in (was, now)
    )
    for media, schema in after.items():
        if media in before:
            yield from _schemas(both, name, side, status, "", before[media], schema)
        else:
            yield _change(
                name,
                side,
                status,
                "",
                "media type",
                "came",
                "looser" if before else "tighter",
                "",
                media,
            )
    for media in before:
        if media not in after:
            yield _change(
                name,
                side,
                status,
                "",
                "media type",
                "went",
                "tighter" if after else "looser",
                media,
                "",
            )


def _schemas(
    both: Met,
    name: str,
    side: Side,
    status: str,
    place: str,
    was: Schema | None,
    now: Schema | None,
) -> Iterator[Change]:
    if was is None or now is None:
        if was is not now:
            yield _change(
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
    for change in both.changes(was.pointer, now.pointer):
        what: Literal["came", "went", "changed"] = "changed"
        if change.rule == "property":
            what = "came" if change.now == "named" else "went"
        where = f"{place} {change.pointer}".strip()
        told = _change(
            name, side, status, where, change.rule, what, change.direction, change.was, change.now
        )
        both.places[told] = (name, side, status, place)
        yield told


def _change(
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
    if rule == "default":  # who leaves it out is understood otherwise; whom that harms, none knows
        return "either" if side == "request" else "nobody"
    if rule == "status" and what == "went" and status.startswith("2"):
        return "consumers"  # it told them that they were served
    if rule == "property" and what == "went" and side == "response":
        return "consumers"  # they lose it, whether or not it may still come
    if direction == "other":
        return "either"
    if rule == "property" and what == "came" and direction == "tighter":
        # a name for what could be there before; whether it must be is told by `required`
        return "nobody"
    if (
        rule in ("property", "parameter")
        and what == "went"
        and direction == "looser"
        and side == "request"
    ):
        return "nobody"  # it is sent in vain
    if rule == "status" and what == "came" and side == "response":
        return "nobody"  # consumers must always expect statuses that are not listed
    asked = (direction == "tighter") == (side == "request")
    return "consumers" if asked else "provider"


def _examples(old: Read, new: Read) -> Iterator[Change]:
    was, now = _shown(old), _shown(new)
    for name, text in now.items():
        if name not in was:
            yield Change(name, "", "", "", "example", "came", "tighter", "", "", "provider")
        elif was[name] != text:
            yield Change(name, "", "", "", "example", "changed", "other", "", "", "provider")
    offered = {unit.name for unit in old.promise.units}
    for name in was:
        if name in offered and name not in now:
            yield Change(name, "", "", "", "operation", "went", "tighter", "", "", "consumers")
        elif name not in now:
            yield Change(name, "", "", "", "example", "went", "looser", "", "", "nobody")
    yield from _of_schema(old, new)


def _of_schema(old: Read, new: Read) -> Iterator[Change]:
    """What GraphQL's own comparison says breaks consumers, or may:
    https://graphql.org/graphql-js/utilities/#findbreakingchanges
    """
    if not (is_graphql(dict(old.document)) and is_graphql(dict(new.document))):
        return
    was, now = (schema_of(contract.document, "contract") for contract in (old, new))
    both: tuple[tuple[Sequence[Any], Breaks], ...] = (
        (find_breaking_changes(was, now), "consumers"),
        (find_dangerous_changes(was, now), "either"),
    )
    offered = {unit.name for unit in old.promise.units}
    for differences, breaks in both:
        for difference in differences:
            match = _COORDINATE.search(difference.description)
            name = (
                match[0]
                if match
                else next(
                    (
                        word
                        for word in difference.description.split()
                        if word.strip(".'") in was.type_map
                    ),
                    "",
                )
            )
            rule = difference.type.name.lower()
            if name in _STANDARD or (rule == "field_removed" and name in offered):
                # those that the library sees unused, and those that are told as operations
                continue
            yield Change(name, "", "", "", rule, "changed", "other", "", "", breaks)


def _shown(read: Read) -> dict[str, Any]:
    """What stands in the document for each example, without its own prose."""
    examples: dict[str, Any] = {}
    shown: list[Interaction | Message] = [*read.promise.interactions, *read.promise.messages]
    for example in shown:
        try:
            examples[example.name] = resolve(dict(read.document), f"#{example.clause}", "")
        except ContractError:
            examples[example.name] = example.clause
    for unit in read.promise.units:
        examples[unit.name] = None
    for operation in read.promise.operations:
        examples[operation.name] = None
    return examples
