"""When a call of a flat JSON access log ended and how long it took, by the names that operators
give these fields.
"""

import re
from collections.abc import Mapping
from typing import Any

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.units import MICROS, MILLIS, SECONDS, length_ns, moment_ns

Entry = dict[str, Any]
_ENDS = (
    *(
        "time_iso8601",
        "time_local",
        "@timestamp",
        "timestamp",
        "time",
        "ts",
        "datetime",
        "date_time",
        "date",
        "asctime",
    ),
    *(
        "time_end",
        "end_time",
        "endTime",
        "end",
        "logged_at",
        "log_time",
        "%t",
        "requestTime",
        "request_timestamp",
        "nginx_timestamp",
    ),
)
_STARTS = (
    "start_time",
    "startTime",
    "request_date",
    "time_start",
    "started_at",
    "start",
    "tr",
    "accept_date",
    "request_date_time",
    "begin",
    "time_date",
)
_LENGTHS = (
    *(
        "request_time",
        "duration",
        "response_time",
        "responseTime",
        "responsetime",
        "latency",
        "elapsed",
        "elapsed_time",
        "time_taken",
        "resp_time",
    ),
    *(
        "timeTaken",
        "taken",
        "processing_time",
        "processingTime",
        "time_active",
        "Ta",
        "Tt",
        "time_total",
        "total_request_time",
        "session_duration",
        "tt",
        "ta",
        "upstream_response_time",
        "upstreamtime",
    ),
    *(
        "request_duration",
        "requestDuration",
        "response_duration",
        "%D",
        "%T",
        "total_time",
        "totalTime",
    ),
)
_SUFFIX = re.compile(
    r"(?:duration|duration_total|total_duration|latency|elapsed|took|time|time_taken|response_time|request_time|resp_time|processing_time|total_time)_?"
    r"(ms|msec|millis|milliseconds|us|usec|micros|microseconds|ns|nanos|nanoseconds|s|sec|secs|seconds)"
)
_SUFFIXES = {
    "ms": 1e6,
    "mil": 1e6,
    "us": 1e3,
    "mic": 1e3,
    "ns": 1.0,
    "nan": 1.0,
    "s": 1e9,
    "sec": 1e9,
}


def end_of(entry: Entry, place: Place, duration: int | None, starts: tuple[str, ...]) -> int:
    """When it ended (ns); `starts`: names of times that mean the beginning here. Raises Refused."""
    start = first_of(entry, _STARTS)
    if start is entry.get("tr") and not _is_date(start):
        start = None  # HAProxy's %Tr, how long the server took, and not %tr
    start = start if start is not None or not starts else first_of(entry, starts)
    end = None if starts and start is not None else _written(entry) or first_of(entry, _ENDS)
    if end is None and start is None:
        if place.told_ns:
            return place.told_ns
        raise fields.Refused("no_time")
    if end is not None:
        return moment_ns(end, place.record_ms)
    return moment_ns(start, place.record_ms) + (duration or 0)


def _written(entry: Entry) -> object:
    """`$msec` of nginx, the one of its times that tells milliseconds; None where that name holds a
    duration.
    """
    held = entry.get("msec")
    return held if _EPOCH.fullmatch(str(held)) else None


_EPOCH = re.compile(r"\d{10}(?:\.\d{1,9})?")


def length_of(entry: Entry, unit_ns: float | None) -> int | None:
    """How long it took (ns), a bare `duration` in units of `unit_ns`; None where nobody tells it.
    Raises Refused.
    """
    for name, value in entry.items():
        match = _SUFFIX.fullmatch(name) if name[-1:] == "s" or name[-1:] == "c" else None
        if match is not None and fields.is_told(value) and not isinstance(value, dict):
            return length_ns(value, _unit_ns(match[1]))
    seconds = unit_ns == MICROS or unit_ns is None
    for name in _LENGTHS:
        value = entry.get(name)
        if not fields.is_told(value):
            continue
        unit = unit_ns
        if name in ("request_time", "upstream_response_time", "%T") and seconds:
            unit = (
                SECONDS
                if _has_point(value) or name != "request_time" or unit_ns is None
                else unit_ns
            )
        if name == "responseTime" and unit_ns is None:  # as loggers of Node.js name it
            unit = MILLIS
        length = length_ns(value, unit)
        if length is not None:
            return length
    return None


def _unit_ns(unit: str) -> float:
    return _SUFFIXES.get(unit[:3]) or _SUFFIXES[unit[:2] if unit[:2] in _SUFFIXES else unit[:1]]


def _has_point(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, str) and "." in value)


def _is_date(value: object) -> bool:
    return isinstance(value, str) and ("/" in value or ":" in value)


def first_of(entry: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of these fields that tells anything; None for none."""
    for name in names:
        value = entry.get(name)
        if value is not None and value not in ("-", ""):
            return value
    return None
