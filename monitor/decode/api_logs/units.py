"""Times, durations and request lines in the spellings of access logs."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from monitor.decode.api_logs.fields import Refused, time_ns

_CLF = re.compile(
    r"\[?(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ?([+-])(\d\d):?(\d\d))?\]?"
)
_MONTHS = {
    name: at
    for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
_LENGTH = re.compile(
    r"\+?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) ?(ns|us|µs|μs|ms|s|sec|seconds?|m|min)?"
)
_UNITS_NS = {
    "ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9, "second": 1e9, "seconds": 1e9, "m": 6e10, "min": 6e10,
}  # fmt: skip
_LONGEST_NS = 30 * 86_400 * 1_000_000_000
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,19}) (\S.*?)(?: (HTTP/\S+))?\s*", re.DOTALL)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} .*")
SECONDS, MILLIS, MICROS, NANOS = 1e9, 1e6, 1e3, 1.0


def moment_ns(value: object, record_ms: int) -> int:
    """As `fields.time_ns`, and as common logs, HAProxy and HTTP write it (a time without a zone is
    UTC).
    """
    if isinstance(value, str):
        text = value.strip()
        match = _CLF.fullmatch(text)
        if match is not None:
            return time_ns(_clf_ns(match), record_ms)
        if _HTTP_DATE.fullmatch(text):
            try:
                return time_ns(parsedate_to_datetime(text).timestamp(), record_ms)
            except (ValueError, TypeError):
                raise Refused("bad_time") from None
        return time_ns(text, record_ms)
    return time_ns(value, record_ms)


def _clf_ns(match: re.Match[str]) -> int:
    second = _clf_second(*(match[at] for at in range(1, 7)))
    offset = 0
    if match[8]:
        offset = (int(match[9]) * 3600 + int(match[10]) * 60) * (1 if match[8] == "+" else -1)
    return (second - offset) * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _clf_second(day: str, month: str, year: str, hour: str, minute: str, second: str) -> int:
    try:
        moment = datetime(
            int(year),
            _MONTHS[month],
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=UTC,
        )
    except (KeyError, ValueError):
        raise Refused("bad_time") from None
    return int(moment.timestamp())


def length_ns(value: object, unit_ns: float | None) -> int | None:
    """A duration; its own unit ("0.046s", "12ms") beats `unit_ns`. None when it is absent ("-",
    -1), or no unit is known.

    Of several tries ("0.1, 0.02", "0.1 : 0.02") the sum. Refuses what is no duration
    ("bad_number", "absurd_duration").
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _scaled(float(value), unit_ns)
    if isinstance(value, dict):  # a protobuf Duration in JSON
        seconds, nanos = value.get("seconds", 0), value.get("nanos", 0)
        numbers = isinstance(seconds, int | float | str) and isinstance(nanos, int)
        return _scaled(float(seconds) * 1e9 + nanos, NANOS) if numbers else None
    if not isinstance(value, str):
        raise Refused("bad_number")
    total: int | None = None
    for part in value.replace(" : ", ",").split(","):
        text = part.strip()
        if text in ("", "-"):
            continue
        match = _LENGTH.fullmatch(text)
        if match is None:
            raise Refused("bad_number")
        length = _scaled(float(match[1]), _UNITS_NS[match[2]] if match[2] else unit_ns)
        if length is not None:
            total = length + (total or 0)
    return total


def _scaled(number: float, unit_ns: float | None) -> int | None:
    if unit_ns is None or number < 0:  # -1: never came so far
        return None
    nanoseconds = number * unit_ns
    if not math.isfinite(nanoseconds) or nanoseconds > _LONGEST_NS:
        raise Refused("absurd_duration")
    return round(nanoseconds)


def request_line(text: object) -> tuple[str, str]:
    """Method and target of a request's first line. Refuses what is none ("no_request": a scan, a
    broken TLS hello, "-").
    """
    match = _LINE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Refused("no_request")
    return match[1], match[2]


def unescaped(text: str) -> str:
    r"""Text of a log line with `\"`, `\\` and `\xHH` undone, as nginx and Apache write them."""
    return _ESCAPE.sub(_undone, text) if "\\" in text else text


_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')


def _undone(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def last_of(value: object) -> object:
    """Of several tries ("502, 200", "502 : 200") the last one's."""
    return (
        value.replace(" : ", ",").rpartition(",")[2].strip() if isinstance(value, str) else value
    )
