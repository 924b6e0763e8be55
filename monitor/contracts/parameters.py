"""A request's parameters against their clauses; text is read as the type that the contract says."""

import math
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from monitor.contracts.broken import Broken, json_type
from monitor.contracts.form import Operation, Parameter
from monitor.contracts.routes import parameters as path_parameters
from monitor.errors import ContractError
from monitor.model.exchanges import REDACTED, Exchange

_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][-+]?\d{1,3})?")
_LONGEST_QUERY = 16_384

Scalar = str | int | float | bool | None


def parameter_errors(exchange: Exchange, operation: Operation, rest: str) -> Iterator[Broken]:
    """Required parameters that are absent, and values of another type or against their schema.

    Only what the source tells is judged: no query when it logs none, no header when it logs none, no cookies.
    Arrays, objects and alternatives in text are not judged, only their presence.
    """
    query: Mapping[str, list[str]] | None = None
    path: Mapping[str, str] | None = None
    for parameter in operation.parameters:
        text: str | None = None
        if parameter.place == "query":
            if not exchange.query_known and not exchange.query:
                continue
            query = _query(exchange.query) if query is None else query
            if query is None:
                continue
            values = query.get(parameter.name)
            many = values is not None and len(values) > 1
            text = values[0] if values else None
            if values is None and _spread(parameter, query):
                continue
            if many:
                continue
        elif parameter.place == "path":
            path = path_parameters(operation.route, rest) if path is None else path
            text = path.get(parameter.name)
            if text is None:
                continue  # the record told the route only
        elif parameter.place == "header":
            if not exchange.request_headers:
                continue
            text = exchange.request_headers.get(parameter.name)
        else:
            continue
        yield from _judged(parameter, text)


def _judged(parameter: Parameter, text: str | None) -> Iterator[Broken]:
    place = f"/{parameter.place}/{parameter.name.replace('~', '~0').replace('/', '~1')}"
    if text is None:
        if parameter.required:
            yield Broken("missing_parameter", place, parameter.clause, "present", "absent")
        return
    if text == REDACTED or parameter.schema is None or not parameter.types:
        return
    value = _read(text, parameter.types)
    try:
        if not parameter.schema.fits(value):
            for broken in parameter.schema.broken(value, 1):
                yield Broken(broken.rule, place, broken.clause, broken.expected, json_type(value))
    except (ContractError, ValueError):
        return


def _read(text: str, types: frozenset[str]) -> Scalar:
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "null" in types and not text and "string" not in types:
        return None
    return text


def _query(text: str) -> Mapping[str, list[str]] | None:
    if len(text) > _LONGEST_QUERY:
        return None
    found: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text.lstrip("?"), keep_blank_values=True, max_num_fields=500):
            found.setdefault(name, []).append(value)
    except ValueError:
        return None
    return found


def _spread(parameter: Parameter, query: Mapping[str, list[str]]) -> bool:
    """Whether an array or object parameter is written as name[], name[key] or as its keys (form, deepObject)."""
    return not parameter.types and (any(name.startswith(parameter.name + "[") for name in query) or bool(query))
