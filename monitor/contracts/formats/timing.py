"""How long calls may take, as contracts tell it: `x-seamwatch-timeout` and `x-seamwatch-latency`
in OpenAPI, or a document of its own.

The document: `{"x-seamwatch-timing": {"timeout": "2s", "latency": {"p99": "300ms"}, "operations":
{"POST /pay": {"timeout": "5s"}}}}`.
"""

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

from monitor.contracts.form import Promise, Timing
from monitor.contracts.routes import Router
from monitor.errors import ContractError
from monitor.model.pointers import escaped

KEY, TIMEOUT, LATENCY = "x-seamwatch-timing", "x-seamwatch-timeout", "x-seamwatch-latency"
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s?(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_LONGEST = 7 * 86400.0


def is_timing(document: dict[str, Any]) -> bool:
    """Whether a document is one of ours that tells times alone."""
    return KEY in document


def read_timing(document: dict[str, Any], *, where: str) -> Promise:
    """The promise of such a document: of no payload, and of no operation but these. Raises
    ContractError with the place.
    """
    settings = document.get(KEY)
    if not isinstance(settings, dict):
        raise ContractError(f"{where}: {KEY} is no object", f"/{KEY}")
    words = {"timeout", "latency", "operations"}
    for word in settings:
        if word not in words:
            raise ContractError(
                f"{where}: {word[:40]!r} is not known in {KEY}; use timeout, latency, operations",
                f"/{KEY}/{escaped(word)}",
            )
    timings = list(_told("", settings, f"/{KEY}", ("timeout", "latency"), where))
    operations = settings.get("operations", {})
    if not isinstance(operations, dict):
        raise ContractError(f"{where}: operations is no object", f"/{KEY}/operations")
    for name, entry in operations.items():
        pointer = f"/{KEY}/operations/{escaped(name)}"
        if not isinstance(entry, dict):
            raise ContractError(f"{where}: {pointer} is no object", pointer)
        timings += _told(
            _operation(name, where, pointer), entry, pointer, ("timeout", "latency"), where
        )
    if not timings:
        raise ContractError(f"{where}: it tells neither a timeout nor a latency", f"/{KEY}")
    return Promise(Router(), whole=False, depth=0, timing=tuple(timings))


def _operation(name: Any, where: str, pointer: str) -> str:
    """As edges name it: METHOD /route, or a word of another protocol. ContractError for what no
    edge is ever called.
    """
    text = " ".join(str(name).split())
    method, space, route = text.partition(" ")
    if (
        not text
        or text.startswith("/")
        or (space and route.startswith("/") and not method.isalpha())
    ):
        raise ContractError(
            f"{where}: {str(name)[:40]!r} is no operation; write METHOD /route, as POST /pay",
            pointer,
        )
    return f"{method.upper()} {route}" if route.startswith("/") else text


def timing_of(
    document: Mapping[str, Any], where: str, words: Container[str]
) -> tuple[Timing, ...]:
    """Of an OpenAPI document: what stands at an operation counts before what stands at its path,
    and that before the root's. `words`: the keys that stand anywhere in it.
    """
    if TIMEOUT not in words and LATENCY not in words:
        return ()
    keys = (TIMEOUT, LATENCY)
    timings = list(_told("", document, "", keys, where))
    paths = document.get("paths")
    for route, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict):
            continue
        for method in _METHODS:
            entry = item.get(method)
            if not isinstance(entry, dict):
                continue
            pointer, name = f"/paths/{escaped(route)}", f"{method.upper()} {route}"
            inner = {timing.quantile: timing for timing in _told(name, item, pointer, keys, where)}
            inner |= {
                timing.quantile: timing
                for timing in _told(name, entry, f"{pointer}/{method}", keys, where)
            }
            timings += inner.values()
    return tuple(timings)


def _told(
    operation: str, node: Mapping[str, Any], pointer: str, words: tuple[str, str], where: str
) -> Iterator[Timing]:
    timeout, latency = words
    if timeout in node:
        yield Timing(
            operation,
            None,
            seconds_of(node[timeout], where, f"{pointer}/{timeout}"),
            f"{pointer}/{timeout}",
        )
    if latency not in node:
        return
    quantiles = node[latency]
    if not isinstance(quantiles, dict):
        raise ContractError(
            f"{where}: {pointer}/{latency} is no object such as {{p99: 300ms}}",
            f"{pointer}/{latency}",
        )
    for name, value in quantiles.items():
        place = f"{pointer}/{latency}/{escaped(str(name))}"
        match = _QUANTILE.fullmatch(str(name))
        if match is None or not 0 < float(match.group(1)) < 100:
            raise ContractError(
                f"{where}: {str(name)[:20]!r} is no quantile; write p50, p99 or p99.9", place
            )
        yield Timing(
            operation,
            round(float(match.group(1)) / 100, 9),
            seconds_of(value, where, place),
            place,
        )


def seconds_of(value: Any, where: str, pointer: str) -> float:
    """A time with its unit, such as 300ms, 2s or 1.5m. Raises ContractError for another, a bare
    number among them.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ContractError(
            f"{where}: {str(value)[:40]!r} is no time with its unit; write 300ms, 2s or 1m",
            pointer,
        )
    seconds = float(match.group(1)) * _SECONDS[match.group(2)]
    if not 0 < seconds <= _LONGEST:
        raise ContractError(
            f"{where}: {value[:40]!r} is no time that a call may take; write 300ms, 2s or 1m",
            pointer,
        )
    return seconds
