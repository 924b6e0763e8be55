"""What a newer revision of a contract says otherwise than the one before: operations, answers,
parameters, clauses, examples.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Literal

from monitor.contracts.around import around
from monitor.contracts.bodies import meant
from monitor.contracts.change import Breaks, Change, Met, Read, Side, changed, of_schemas
from monitor.contracts.changed_examples import example_changes
from monitor.contracts.form import Body, Credential, Operation, Parameter
from monitor.contracts.schema_clauses import Direction
from monitor.contracts.schemas import Schema

MOST_CHANGES = 1_000
_PARAMETER = re.compile(r"\{[^{}]*\}")


def changes(old: Read, new: Read, both: Met | None = None) -> list[Change]:
    """From the older to the newer one, in the newer one's order, operations that went first; at
    most 1,000. Prose does not count. `both` is told which schemas were held against each other.
    """
    both = both or Met(old.document, new.document)
    return list(dict.fromkeys(islice(_all(old, new, both), MOST_CHANGES)))


def _all(old: Read, new: Read, both: Met) -> Iterator[Change]:
    yield from _times(old, new)
    if old.promise.by_example or new.promise.by_example:
        yield from example_changes(old, new, both)
        return
    yield from around(old, new)
    if old.promise.whole != new.promise.whole:
        words = ("all", "some") if old.promise.whole else ("some", "all")
        looser = old.promise.whole
        yield Change(
            "", "", "", "", "operations", "changed", "looser" if looser else "tighter",
            *words, "nobody" if looser else "provider",
        )  # fmt: skip
    was = {_key(operation): operation for operation in old.promise.operations}
    now = {_key(operation): operation for operation in new.promise.operations}
    for key, operation in was.items():
        if key not in now:
            yield Change(
                operation.name, "", "", "", "operation", "went", "tighter", "", "", "consumers"
            )
    for key, operation in now.items():
        if key in was:
            yield from _operation(both, was[key], operation)
        else:
            yield Change(
                operation.name, "", "", "", "operation", "came", "looser", "", "", "provider"
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
            yield changed(name, "response", status, "", "status", "came", "looser", "", status)
    for status in was.responses:
        if status not in now.responses:
            yield changed(name, "response", status, "", "status", "went", "tighter", status, "")
    if was.deprecated != now.deprecated:
        yield changed(
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
    claimed, claims = (operation.whole - operation.partial for operation in (was, now))
    if claimed != claims:
        yield changed(
            name,
            "response",
            "",
            "",
            "statuses",
            "changed",
            "tighter" if claims > claimed else "looser",
            "",
            "",
        )


def _security(was: Operation, now: Operation) -> Iterator[Change]:
    """A caller keeps to one alternative; it is still heard where the newer revision asks for no
    credential, and no scope, beyond those.
    """
    before, after = (
        {frozenset(alternative) for alternative in operation.security} or {frozenset()}
        for operation in (was, now)
    )
    if before == after:
        return
    heard = all(any(_satisfied(less, held) for less in after) for held in before)
    yield changed(
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


def _satisfied(asked: frozenset[Credential], held: frozenset[Credential]) -> bool:
    """Whether who has these credentials has all that is asked for."""
    return all(
        any(
            (it.place, it.name) == (own.place, own.name) and it.scopes <= own.scopes
            for own in held
        )
        for it in asked
    )


def _credentials(alternatives: set[frozenset[Credential]]) -> str:
    """Alternatives as text: `header authorization (read write) + cookie sid | nothing`."""
    texts = (" + ".join(sorted(map(_credential, alternative))) for alternative in alternatives)
    return " | ".join(sorted(text or "nothing" for text in texts))


def _credential(held: Credential) -> str:
    scopes = f" ({' '.join(sorted(held.scopes))})" if held.scopes else ""
    return f"{held.place} {held.name}".strip() + scopes


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
            yield changed(
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
            yield changed(
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
            yield changed(
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
        written = not (earlier.media or parameter.media)
        yield from of_schemas(
            both, name, side, status, place, earlier.schema, parameter.schema, written=written
        )
    for key, former in was.items():
        if key not in now:
            # whoever sends it is not listened to any more; whoever reads it does not find it
            yield changed(
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
            yield changed(
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
        yield changed(
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
    yield from _media(both, name, side, status, *(_typed(body) for body in (was, now)))


_Media = Mapping[str, Schema | None]


def _typed(body: Body) -> _Media:
    return {media.partition(";")[0].rstrip(): schema for media, schema in body.media.items()}


def _media(
    both: Met, name: str, side: Side, status: str, before: _Media, after: _Media
) -> Iterator[Change]:
    """Of an answer a consumer asks for the type that it reads: another one beside it is no harm, one
    that goes is.
    """
    for media, schema in after.items():
        if media in before:
            yield from of_schemas(
                both, name, side, status, "", before[media], schema, typed="json" in media
            )
            continue
        range_before = meant(before, media) if side == "response" else None
        if range_before is not None:
            yield from of_schemas(both, name, side, status, "", before[range_before], schema)
        direction: Direction = "looser" if before else "tighter"
        came = changed(name, side, status, "", "media type", "came", direction, "", media)
        yield replace(came, breaks="nobody") if side == "response" and before else came
    for media, schema in before.items():
        if media in after:
            continue
        kept = meant(after, media) if side == "response" else None
        if kept is not None:  # a range that holds it
            yield from of_schemas(both, name, side, status, "", schema, after[kept])
            continue
        direction = "tighter" if after else "looser"
        went = changed(name, side, status, "", "media type", "went", direction, media, "")
        spans = side == "response" and any(meant({media: None}, it) is not None for it in after)
        yield (
            replace(went, breaks="nobody" if spans else "consumers")
            if side == "response"
            else went
        )
