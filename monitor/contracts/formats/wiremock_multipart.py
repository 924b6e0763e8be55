"""WireMock's `multipartPatterns`: what is asked of the parts of a request's body.
https://wiremock.org/docs/request-matching/#multipartform-data
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson

from monitor.contracts.formats.wiremock_values import Values
from monitor.contracts.forms import FormPart
from monitor.contracts.matching.parts import Part
from monitor.contracts.matching.predicates import AskAll, asked_part, see_parts, some
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_ANY, _ALL = "ANY", "ALL"
_DISPOSITION = "content-disposition"
Look = Callable[[FormPart], Sequence[Any]]


def multipart(patterns: Any, values: Values, where: str, clause: str) -> list[Part]:
    """A part of the matcher for each pattern. Raises ContractError for what cannot be read."""
    if not isinstance(patterns, list):
        raise ContractError(f"{where}: {clause} is no list", clause)
    parts = []
    for index, pattern in enumerate(patterns):
        place = f"{clause}/{index}"
        kind = pattern.get("matchingType", _ANY) if isinstance(pattern, dict) else None
        if kind not in (_ANY, _ALL):
            raise ContractError(f"{where}: {place} is no pattern of ANY or ALL parts", place)
        fits = partial(_fits, _asked(pattern, values, where, place))
        ask = some(fits) if kind == _ANY else _every(fits)
        parts.append(asked_part(see_parts, ask, "multipartPatterns", "", place))
    return parts


def _asked(
    pattern: dict[str, Any], values: Values, where: str, clause: str
) -> list[tuple[Look, AskAll]]:
    asks: list[tuple[Look, AskAll]] = []
    name = pattern.get("name")
    if isinstance(name, str):
        ask = values.ask({"contains": f'name="{name}"'}, f"{clause}/name")
        asks.append((partial(_header, _DISPOSITION), ask))
    headers, bodies = pattern.get("headers", {}), pattern.get("bodyPatterns", [])
    if not isinstance(headers, dict) or not isinstance(bodies, list):
        raise ContractError(
            f"{where}: {clause} has headers that are no object, or bodyPatterns that are no list",
            clause,
        )
    for header, matcher in headers.items():
        ask = values.ask(matcher, f"{clause}/headers/{escaped(header)}")
        asks.append((partial(_header, header.lower()), ask))
    for index, matcher in enumerate(bodies):
        ask = values.ask(matcher, f"{clause}/bodyPatterns/{index}")
        asks.append((_json if values.of_json(matcher) else _text, ask))
    return asks


def _fits(asks: Sequence[tuple[Look, AskAll]], part: FormPart) -> bool | None:
    answers = [ask(look(part)) for look, ask in asks]
    return False if False in answers else None if None in answers else True


def _every(fits: Callable[[Any], bool | None]) -> AskAll:
    def ask(parts: Sequence[Any]) -> bool | None:
        answers = [fits(part) for part in parts]
        if not answers or False in answers:
            return False
        return None if None in answers else True

    return ask


def _header(name: str, part: FormPart) -> Sequence[str]:
    text = part.headers.get(name)
    return () if text is None else (text,)


def _text(part: FormPart) -> Sequence[str]:
    return (part.content.decode("utf-8", "replace"),)


def _json(part: FormPart) -> Sequence[Any]:
    try:
        return (orjson.loads(part.content),)
    except orjson.JSONDecodeError:
        return ()
