"""Fields of API logs in their many spellings to the model's: times, paths, headers,
ids, bodies.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from monitor.model.exchanges import GRPC, REDACTED, REDACTED_KINDS

_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|api-?_?key|session|signature|credential|jwt|private",
    re.IGNORECASE,
)
_NOT_SECRET = frozenset({"www-authenticate", ":authority", "x-b3-sampled"})
_NO_ID = bytes(16)
_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,19}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}.*")
_FINE = re.compile(r"[.,]\d{6}(\d{1,3})")
_EARLIEST_NS = 946_684_800_000_000_000  # 2000-01-01
_FUTURE_NS = 3_600_000_000_000
_LONGEST_NS = 30 * 86_400 * 1_000_000_000
_LONGEST_NAME = 200
_LONGEST_PATH = 2_048
_LONGEST_HEADER = 2_048
_LONGEST_COOKIES = 16_384
_COOKIE_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?")
_MOST_HEADERS = 100
_STATUS_END = 1000


class Refused(Exception):
    """A record that cannot be used; the text is the reject's reason, and never quotes
    the record.
    """


def time_ns(value: object, record_ms: int) -> int:
    """A time as ISO 8601 text (UTC when it names no zone) or a number of s, ms, us or ns since the
    epoch, by its size.

    Refuses none ("no_time"), what is no time ("bad_time") and times before 2000 or more than 1 h ahead of the
    record's ("absurd_time").
    """
    if isinstance(value, str):
        nanoseconds = _text_ns(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        nanoseconds = _number_ns(value)
    else:
        raise Refused("bad_time" if value is not None else "no_time")
    if not _EARLIEST_NS <= nanoseconds <= record_ms * 1_000_000 + _FUTURE_NS:
        raise Refused("absurd_time")
    return nanoseconds


def _text_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        if "-" in text or ":" in text:
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            match = _FINE.search(text)
            finer = int(match[1].ljust(3, "0")) if match is not None else 0
            return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000 + finer
    if text.isdecimal() and text.isascii() and len(text) < 25:
        return _number_ns(int(text))
    try:
        number = float(text)
    except ValueError:
        raise Refused("bad_time") from None
    whole, _, rest = text.partition(".")
    if number < 1e11 and whole.isdecimal() and rest.isdecimal() and text.isascii():
        return int(whole) * 1_000_000_000 + int(rest[:9].ljust(9, "0"))
    return _number_ns(number)


def _number_ns(number: float) -> int:
    if not math.isfinite(number) or number < 0:
        raise Refused("bad_time")
    for below, factor in ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000)):
        if number < below:  # a float of seconds since the epoch is good to some 0.2 us
            return (
                number * factor
                if isinstance(number, int)
                else round(number * factor / 1000) * 1000
            )
    return round(number)


def duration_ns(value: object, unit_ns: float) -> int | None:
    """A duration in units of `unit_ns`; None when absent. Refuses a negative or endless one
    ("absurd_duration").
    """
    number = number_of(value)
    if number is None:
        return None
    nanoseconds = number * unit_ns
    if not 0 <= nanoseconds <= _LONGEST_NS:
        raise Refused("absurd_duration")
    return round(nanoseconds)


def number_of(value: object) -> float | None:
    """A finite number, perhaps written as text; None when absent ("-", "" and null too). Refuses
    other things ("bad_number").
    """
    if value is None or value in ("-", ""):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Refused("bad_number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("bad_number")
    return value


def is_told(value: object) -> bool:
    """Whether a log's field holds anything: not null, "" or "-"."""
    return value is not None and value not in ("-", "")


def status_of(value: object) -> int:
    """An HTTP status, 0 when there was no answer. Refuses what is none ("bad_status")."""
    if isinstance(value, int) and 0 <= value < _STATUS_END and not isinstance(value, bool):
        return value
    try:
        number = number_of(value)
    except Refused:
        raise Refused("bad_status") from None
    if number is None:
        return 0
    if not 0 <= number < _STATUS_END or number != int(number):
        raise Refused("bad_status")
    return int(number)


def method_of(value: object) -> str:
    """A method in upper case. Refuses what is none ("no_method")."""
    if isinstance(value, str) and value in _METHODS:
        return value
    if not isinstance(value, str) or _METHOD.fullmatch(value) is None:
        raise Refused("no_method")
    return value.upper()


def split_url(text: str) -> tuple[str, str, str, bool]:
    """Host, path, query and whether a query can be told from an address or a path; user info and
    fragment are dropped.
    """
    if text[:1] == "/" and "?" not in text and "#" not in text and "://" not in text[:32]:
        return "", text[:_LONGEST_PATH], "", False
    host = ""
    if "://" in text[:32]:
        rest = text.split("://", 1)[1]
        authority, slash, rest = rest.partition("/")
        if "?" in authority:  # http://host?x=1
            authority, _, query = authority.partition("?")
            rest, slash = "?" + query, "/"
        host = authority.rpartition("@")[2]
        text = slash + rest or "/"
    text = text.partition("#")[0]
    path, mark, query = text.partition("?")
    return host, (path or "/")[:_LONGEST_PATH], query, bool(mark)


def name_of(value: object) -> str:
    """A service, version or environment as text, bounded; "" for "-" and for what is no text or
    number.
    """
    if isinstance(value, str):
        return "" if value == "-" else value[:_LONGEST_NAME]
    return (
        str(value)[:_LONGEST_NAME]
        if isinstance(value, int | float) and not isinstance(value, bool)
        else ""
    )


def caller_of(value: object) -> str:
    """As `name_of`; "" for a place in source text ("server/log.go:77"), which loggers call the
    caller.
    """
    name = name_of(value)
    return "" if _SOURCE_LINE.fullmatch(name) else name


_SOURCE_LINE = re.compile(
    r"(?:(?:\S+/)?[\w.-]+\.(?:go|java|kt|js|ts|cs|cpp)|\S+/[\w.-]+\.(?:py|rs|rb|php|c|cc)):\d{1,7}"
)


def id_of(value: object, size: int) -> bytes:
    """A trace id (size 16) or span id (8) from hex; b"" when it is none or all zeros."""
    if (
        not isinstance(value, str)
        or len(value) != 2 * size
        or not value.isalnum()
        or not value.isascii()
    ):
        return b""
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        return b""
    return raw if raw != _NO_ID[:size] else b""


def traceparent(headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Trace and parent span from a W3C `traceparent` header, b"" where there is none.
    https://www.w3.org/TR/trace-context/
    """
    header = headers.get("traceparent") if headers else None
    match = _TRACEPARENT.fullmatch(header) if header else None
    return (id_of(match.group(1), 16), id_of(match.group(2), 8)) if match else (b"", b"")


@lru_cache(maxsize=8192)
def header_name(name: str) -> tuple[str, bool]:
    """A header's name as it is kept, and whether its value is a secret."""
    lower = name.lower()[:_LONGEST_NAME]
    return lower, lower not in _NOT_SECRET and _SECRET.search(lower) is not None


def headers_of(value: object) -> dict[str, str]:
    """Headers, names in lower case, from an object, a list of pairs or JSON text; secrets' values
    are never kept.
    """
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    pairs: list[tuple[object, object]]
    if type(value) is dict:
        plain = _plain_headers(value)
        if plain is not None:
            return plain
        pairs = list(value.items())
    elif isinstance(value, list):
        named = _as_object(value)
        plain = None if named is None else _plain_headers(named)
        if plain is not None:
            return plain
        pairs = [pair for entry in value if (pair := _pair(entry)) is not None]
    else:
        return {}
    headers: dict[str, str] = {}
    for name, content in pairs[:_MOST_HEADERS]:
        if isinstance(name, str) and name:
            lower, secret = header_name(name)
            headers[lower] = (
                cookies_of(content)
                if lower == "cookie"
                else REDACTED
                if secret
                else _header_text(content)
            )
    return headers


def _as_object(entries: list[Any]) -> dict[str, Any] | None:
    """A list of names and values, as HAR has it, where no name comes twice; None for others."""
    try:
        named = {entry["name"]: entry["value"] for entry in entries}
        "".join(named)  # all are texts
    except (TypeError, KeyError, IndexError):
        return None
    plain = len(named) == len(entries) and bool(entries) and "key" not in entries[0]
    return named if plain else None


@lru_cache(maxsize=8192)
def _header_names(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """In lower case, and which of them are secrets; nothing where one is empty, or two are the
    same.
    """
    headers = [header_name(name) for name in names]
    lower = tuple(name for name, _ in headers)
    if "" in lower or len(set(lower)) != len(lower):
        return (), ()
    return lower, tuple(name for name, secret in headers if secret)


def _plain_headers(value: dict[str, Any]) -> dict[str, str] | None:
    """Headers that are few and all plain text, as most logs have them: the hot way. None for
    others.
    """
    if len(value) > _MOST_HEADERS:
        return None
    lower, secrets = _header_names(tuple(value))
    try:
        chars = len("".join(value.values()))
    except TypeError:
        return None
    if lower and chars <= _LONGEST_HEADER:
        headers = dict(zip(lower, value.values(), strict=True))
        for name in secrets:
            headers[name] = cookies_of(headers[name]) if name == "cookie" else REDACTED
        return headers
    headers = {}
    for name, content in value.items():
        if name:
            lowered, secret = header_name(name)
            if secret:
                headers[lowered] = cookies_of(content) if lowered == "cookie" else REDACTED
            else:
                headers[lowered] = (
                    content if len(content) <= _LONGEST_HEADER else content[:_LONGEST_HEADER]
                )
    return headers


def cookies_of(value: object) -> str:
    """The names of a Cookie header, each with what kind of text its value was; the value is never
    kept.
    """
    text = (
        "; ".join(part for part in value if isinstance(part, str))
        if isinstance(value, list)
        else value
    )
    if not isinstance(text, str) or "=" not in text:
        return REDACTED
    names = []
    for part in text[:_LONGEST_COOKIES].split(";"):
        name, equals, content = part.partition("=")
        if equals and name.strip():
            names.append(f"{name.strip()[:_LONGEST_NAME]}={_mask_of(content.strip())}")
    return "; ".join(names) or REDACTED


def _mask_of(text: str) -> str:
    if text == REDACTED or text in REDACTED_KINDS:
        return text  # masked where it was captured
    kind = "boolean" if text in ("true", "false") else "text"
    if _COOKIE_NUMBER.fullmatch(text):
        kind = "number" if "." in text else "integer"
    return f"[redacted {kind}]" if text else ""


def _pair(entry: object) -> tuple[object, object] | None:
    if isinstance(entry, dict):
        return entry.get("key", entry.get("name")), entry.get("value")
    return (
        (entry[0], entry[1])
        if isinstance(entry, Sequence) and len(entry) == 2 and not isinstance(entry, str)
        else None
    )


def _header_text(value: object) -> str:
    if isinstance(value, str):
        return value[:_LONGEST_HEADER]
    if isinstance(value, list):
        return ", ".join(entry for entry in value if isinstance(entry, str))[:_LONGEST_HEADER]
    return str(value)[:_LONGEST_HEADER] if isinstance(value, int | float) else ""


def whole_of(told: object, asked: Mapping[str, str], answered: Mapping[str, str]) -> bool:
    """Whether an absent header was absent: as the entry says, else by what HTTP asks of every
    request (Host) and of an origin's answers (Date). A log of some headers seldom has these.

    https://www.rfc-editor.org/rfc/rfc9110#name-host-and-authority, #name-date
    """
    if isinstance(told, bool):
        return told
    if asked:
        return "host" in asked or ":authority" in asked
    return "date" in answered


def is_plaintext(url: object) -> bool:
    """Whether an address, as a client asked for it, is one without TLS; within one machine none is
    needed.
    """
    if not isinstance(url, str) or url[:7].lower() != "http://":
        return False
    host = split_url(url)[0].lower()
    name = host if host.startswith("[") else host.partition(":")[0]
    return not (
        name == "localhost" or name.startswith(("127.", "[::1]")) or name.endswith(".localhost")
    )


def protocol_of(headers: Mapping[str, str]) -> str:
    """GRPC by a request's content type, else HTTP."""
    return (
        GRPC
        if headers and headers.get("content-type", "")[:16].lower() == "application/grpc"
        else "http"
    )
