"""A contract in the form that is asked for, inferred from what was live of a provider: its shapes,
its statuses, and how long its calls took.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from monitor.contracts.inferring.gathered import Gathered, Omitted, gathered
from monitor.contracts.inferring.jsonschema import schemas_of
from monitor.contracts.inferring.openapi import openapi_of
from monitor.contracts.inferring.paths import Route, route_of
from monitor.contracts.inferring.schemas import SURE
from monitor.detect.ramps.bounds import upper_share
from monitor.model.contracts import ContractFormat, InferredForm
from monitor.model.quantiles import upper_bound
from monitor.store.reader import Provider, Reader

QUANTILE = 0.99
MARGIN = 1.5
"""The p99 that is promised is so many times the one that was seen, at most."""
_KINDS: Mapping[InferredForm, ContractFormat] = {"openapi": "openapi", "json-schema": "jsonschema"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose contract, for which of its consumers and operations ("" all), in which form. `sure`: a
    clause that hangs on evidence is told where surely no more than this share breaks it.
    """

    provider: Provider
    form: InferredForm
    operation: str = ""
    sure: float = SURE


@dataclass(frozen=True, slots=True)
class Inferred:
    """One contract, as it can be published."""

    name: str
    format: ContractFormat
    document: str


@dataclass(frozen=True, slots=True)
class Inference:
    """Contracts, how many payloads they rest on, how many of these could not be looked at, and the
    operations that were seen and are not told.
    """

    contracts: Sequence[Inferred]
    looked_at: int
    unseen: int
    omitted: Sequence[Omitted]


def inferred(reader: Reader, asked: Asked, since: datetime, until: datetime) -> Inference:
    """Reads shapes, marks, calls and tails of that time. Cost: some seconds at most, by the number
    of different shapes and not of calls.
    """
    provider = asked.provider
    whole = gathered(
        reader.shapes(provider, since, until),
        reader.shape_marks(provider, since, until),
        reader.recorded(provider, since, until),
    )
    tails = [
        row
        for row in reader.tails(provider.names, since, until, provider.environment)
        if provider.consumer in ("", row["caller"])
        and provider.version in ("", row["callee_version"])
    ]
    seen = _only(whole, asked.operation)
    contracts = [
        Inferred(
            name, _KINDS[asked.form], orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
        )
        for name, document in _MADE[asked.form](asked, seen, tails)
    ]
    return Inference(contracts, whole.looked_at, whole.unseen, seen.omitted)


def _only(whole: Gathered, operation: str) -> Gathered:
    """What was gathered of one operation, as live calls or the contract name it; "" is all."""
    if not operation:
        return whole
    routes = {
        route: seen
        for route, seen in whole.routes.items()
        if operation in seen.names or operation == " ".join(route) or route_of(operation) == route
    }
    topics = {topic: seen for topic, seen in whole.topics.items() if topic == operation}
    omitted = [left for left in whole.omitted if left.operation == operation]
    return Gathered(routes, topics, omitted, whole.looked_at, whole.unseen)


_Rows = Sequence[Mapping[str, Any]]
_Documents = Iterator[tuple[str, dict[str, Any]]]


def _openapi(asked: Asked, seen: Gathered, tails: _Rows) -> _Documents:
    if seen.routes:
        name = asked.provider.names[0]
        yield name, openapi_of(name, seen.routes, _latencies(seen, tails), asked.sure)


def _json_schemas(asked: Asked, seen: Gathered, _tails: _Rows) -> _Documents:
    yield from schemas_of(seen.routes, seen.topics, asked.sure)


_MADE: Mapping[InferredForm, Callable[[Asked, Gathered, _Rows], _Documents]] = {
    "openapi": _openapi,
    "json-schema": _json_schemas,
}


def _latencies(seen: Gathered, tails: _Rows) -> dict[Route, dict[str, str]]:
    """How long nearly all calls of a route took at most, with a margin, by the provider's clock
    where it is known; of routes with enough calls to tell.
    """
    by_name = {name: route for route, held in seen.routes.items() for name in held.names}
    counted: dict[Route, tuple[dict[int, int], dict[int, int]]] = {}
    for row in tails:
        route = by_name.get(row["operation"])
        if route is None:
            continue
        sides = counted.setdefault(route, ({}, {}))
        for side, word in zip(sides, ("server_histogram", "client_histogram"), strict=True):
            for bucket, count in dict(row[word]).items():
                side[int(bucket)] = side.get(int(bucket), 0) + int(count)
    limits: dict[Route, dict[str, str]] = {}
    for route, (server, client) in counted.items():
        seconds = _surely_within(server or client)
        if seconds:
            limits[route] = {f"p{100 * QUANTILE:g}": _duration(MARGIN * seconds)}
    return limits


def _surely_within(histogram: Mapping[int, int]) -> float:
    """A time that surely no more than the slowest hundredth takes longer than; 0 where there are
    too few to tell.
    """
    calls = slower = sum(histogram.values())
    for bucket in sorted(histogram):
        slower -= histogram[bucket]
        if upper_share(slower, calls) <= 1 - QUANTILE:
            return upper_bound(bucket)
    return 0.0


def _duration(seconds: float) -> str:
    """Two digits, upwards."""
    milliseconds = float(f"{seconds * 1050:.1e}")
    return f"{milliseconds:g}ms" if milliseconds >= 1 else f"{max(1.0, milliseconds * 1000):g}us"
