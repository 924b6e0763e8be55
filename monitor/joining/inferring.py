"""A contract in the form that is asked for, inferred from what was live of a provider: its shapes,
its statuses, and how long its calls took.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from monitor.contracts.inferring.asyncapi import asyncapi_of
from monitor.contracts.inferring.gathered import Gathered, Omitted, gathered
from monitor.contracts.inferring.jsonschema import schemas_of
from monitor.contracts.inferring.mountebank import mountebank_of
from monitor.contracts.inferring.openapi import openapi_of
from monitor.contracts.inferring.pact import pact_of
from monitor.contracts.inferring.paths import Route, route_of
from monitor.contracts.inferring.schemas import SURE
from monitor.contracts.inferring.wiremock import wiremock_of
from monitor.detect.ramps.bounds import upper_share
from monitor.model.contracts import ContractFormat, InferredForm
from monitor.model.quantiles import quantile, upper_bound
from monitor.store.reader import Provider, Reader

QUANTILE = 0.99
MARGIN = 1.5
"""The p99 that is promised is so many times the one that was seen, at most."""
_KINDS: Mapping[InferredForm, ContractFormat] = {
    "openapi": "openapi",
    "json-schema": "jsonschema",
    "asyncapi": "asyncapi",
    "pact": "pact",
    "wiremock": "wiremock",
    "mountebank": "mountebank",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose contract, for which of its consumers and operations ("" all), in which form. `sure`: a
    clause that hangs on evidence is told where surely no more than this share breaks it.
    """

    provider: Provider
    form: InferredForm
    operation: str = ""
    sure: float = SURE

    @property
    def name(self) -> str:
        """What the provider is called in a contract."""
        return self.provider.names[0]


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
    rows = _read(reader, asked, since, until)
    whole = _gathered(rows, asked)
    contracts = [
        Inferred(
            name, _KINDS[asked.form], orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
        )
        for name, document in _MADE[asked.form](asked, whole, rows)
    ]
    return Inference(contracts, whole.looked_at, whole.unseen, whole.omitted)


_Table = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What was read, row by row."""

    shapes: _Table
    marks: _Table
    calls: _Table
    tails: _Table


def _read(reader: Reader, asked: Asked, since: datetime, until: datetime) -> _Rows:
    """Of calls that the provider answers; of messages those that it sends."""
    provider = asked.provider
    sides = [replace(provider, sent=True)] if asked.form == "asyncapi" else [provider]
    if asked.form == "json-schema":
        sides.append(replace(provider, sent=True, consumer=""))
    tails = [
        row
        for row in reader.tails(provider.names, since, until, provider.environment)
        if provider.consumer in ("", row["caller"])
        and provider.version in ("", row["callee_version"])
    ]
    return _Rows(
        [row for side in sides for row in reader.shapes(side, since, until)],
        [row for side in sides for row in reader.shape_marks(side, since, until)],
        [] if asked.form == "asyncapi" else reader.recorded(provider, since, until),
        tails,
    )


def _gathered(rows: _Rows, asked: Asked, caller: str | None = None) -> Gathered:
    shapes, marks, calls = (
        [row for row in table if caller in (None, row["caller"])]
        for table in (rows.shapes, rows.marks, rows.calls)
    )
    return _only(gathered(shapes, marks, calls), asked.operation)


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


_Documents = Iterator[tuple[str, dict[str, Any]]]


def _openapi(asked: Asked, seen: Gathered, rows: _Rows) -> _Documents:
    if seen.routes:
        limits = _latencies(seen, rows.tails)
        narrowed = bool(asked.operation or asked.provider.consumer)
        partial = (
            narrowed
            or not seen.routes_known(asked.sure)
            or any(left.why == "no_path" for left in seen.omitted)
        )
        yield (
            asked.name,
            openapi_of(asked.name, seen.routes, limits, asked.sure, partial=partial),
        )


def _json_schemas(asked: Asked, seen: Gathered, _rows: _Rows) -> _Documents:
    yield from schemas_of(seen.routes, seen.topics, asked.sure)


def _asyncapi(asked: Asked, seen: Gathered, _rows: _Rows) -> _Documents:
    if seen.topics:
        yield asked.name, asyncapi_of(asked.name, seen.topics, asked.sure)


def _pacts(asked: Asked, _seen: Gathered, rows: _Rows) -> _Documents:
    """One for each consumer that is known by name."""
    callers = {row["caller"] for table in (rows.calls, rows.shapes) for row in table}
    for caller in sorted(callers - {""}):
        seen = _gathered(rows, asked, caller)
        if seen.routes:
            pact = pact_of(caller, asked.name, seen.routes, asked.sure)
            yield f"{caller}-{asked.name}", pact


def _wiremock(asked: Asked, seen: Gathered, rows: _Rows) -> _Documents:
    if seen.routes:
        yield asked.name, wiremock_of(seen.routes, _medians(seen, rows.tails), asked.sure)


def _mountebank(asked: Asked, seen: Gathered, rows: _Rows) -> _Documents:
    if seen.routes:
        medians = _medians(seen, rows.tails)
        yield asked.name, mountebank_of(asked.name, seen.routes, medians, asked.sure)


_MADE: Mapping[InferredForm, Callable[[Asked, Gathered, _Rows], _Documents]] = {
    "openapi": _openapi,
    "json-schema": _json_schemas,
    "asyncapi": _asyncapi,
    "pact": _pacts,
    "wiremock": _wiremock,
    "mountebank": _mountebank,
}


def _latencies(seen: Gathered, tails: _Table) -> dict[Route, dict[str, str]]:
    """How long nearly all calls of a route took at most, with a margin; of routes with enough
    calls to tell.
    """
    limits: dict[Route, dict[str, str]] = {}
    for route, histogram in _histograms(seen, tails).items():
        seconds = _surely_within(histogram)
        if seconds:
            limits[route] = {f"p{100 * QUANTILE:g}": _duration(MARGIN * seconds)}
    return limits


def _medians(seen: Gathered, tails: _Table) -> dict[Route, float]:
    """How long half of the calls of a route took at most, in ms."""
    return {
        route: 1000 * (quantile(histogram, 0.5) or 0.0)
        for route, histogram in _histograms(seen, tails).items()
    }


def _histograms(seen: Gathered, tails: _Table) -> dict[Route, Counter[int]]:
    """By the provider's clock where it is known."""
    by_name = {name: route for route, held in seen.routes.items() for name in held.names}
    counted: dict[Route, tuple[Counter[int], Counter[int]]] = {}
    for row in tails:
        route = by_name.get(row["operation"])
        if route is None:
            continue
        sides = counted.setdefault(route, (Counter(), Counter()))
        for side, word in zip(sides, ("server_histogram", "client_histogram"), strict=True):
            side.update({int(bucket): int(count) for bucket, count in dict(row[word]).items()})
    return {route: server or client for route, (server, client) in counted.items()}


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
