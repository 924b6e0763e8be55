"""WireMock's `before`, `after` and `equalToDateTime` with a fixed moment, and its comparisons of
numbers.

https://wiremock.org/docs/request-matching/#dates-and-times. A moment with an offset is compared
as an instant, one without by its clock. Which zone WireMock itself runs in nobody tells, so that
a text without an offset against a moment with one stays open; so does a text in a form that is
not read here.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

DATES: Mapping[str, Callable[[Any, Any], bool]] = {
    "before": operator.lt,
    "after": operator.gt,
    "equalToDateTime": operator.eq,
}
NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equalToNumber": operator.eq,
    "greaterThanNumber": operator.gt,
    "greaterThanEqualNumber": operator.ge,
    "lessThanNumber": operator.lt,
    "lessThanEqualNumber": operator.le,
}
_DATE_OPTIONS = ("truncateActual", "truncateExpected", "expectedOffset", "applyTruncationLast")
_ISO = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d\d:\d\d(?::\d\d)?)?)?)?)?",
    re.IGNORECASE,
)
_SPACE_FOR_PLUS = re.compile(r"([0-5]\d:[0-5]\d(?::[0-5]\d)?(?:\.\d+)?) ([0-2]\d)")
_MAIL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d"
    r" (?:GMT|[+-]\d{4})"
)
_NUMBER = re.compile(r"[-+]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][-+]?\d{1,3})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Moment = tuple[int, int | None]
"""The clock's ns since 1970 as if it were UTC, and the instant's where an offset tells it."""
Fits = Callable[[str], bool | None]


def compared_moment(word: str, matcher: Mapping[str, Any]) -> Fits | str:
    """Whether a text is before, after or at the moment of a matcher; or why that is not judged."""
    expected, form = str(matcher[word]), str(matcher.get("actualFormat", ""))
    if re.fullmatch(r"(?i)now|(?:now )?[-+]?\d+ [a-z]+", expected):
        return "it asks for the moment at which WireMock looks"
    if any(matcher.get(option) for option in _DATE_OPTIONS):
        return "dates that are moved or cut are not judged"
    if form and form.lower() not in ("unix", "epoch"):
        return "dates in a form of their own are not judged"
    wanted = _moment(expected)
    if wanted is None:
        return "its date is in a form that is not read"
    holds = DATES[word]

    def fits(text: str) -> bool | None:
        if form:
            return _epoch(text, 1 if form.lower() == "unix" else 1000, wanted, holds)
        actual = _moment(text)
        if actual is None:
            return None if any(map(str.isdigit, text)) else False
        if wanted[1] is None:
            return holds(actual[0], wanted[0])
        return None if actual[1] is None else holds(actual[1], wanted[1])

    return fits


def _epoch(
    text: str, per_second: int, wanted: _Moment, holds: Callable[[Any, Any], bool]
) -> bool | None:
    if not re.fullmatch(r"[-+]?\d{1,15}", text):
        return None  # WireMock raises
    return holds(int(text) * (10**9 // per_second), wanted[0] if wanted[1] is None else wanted[1])


def _moment(text: str) -> _Moment | None:
    match = _ISO.fullmatch(text) or _ISO.fullmatch(_SPACE_FOR_PLUS.sub(r"\1+\2", text, count=1))
    try:
        if match is None:
            if not _MAIL.fullmatch(text):
                return None
            moment = parsedate_to_datetime(text)
            plain, zone = moment.replace(tzinfo=UTC), moment.utcoffset()
            offset = 0 if zone is None else int(zone.total_seconds())
            return _ns(plain), _ns(plain) - offset * 10**9
        year, month, day, hour, minute, second, fraction, offset_text = match.groups()
        plain = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
    except (ValueError, OverflowError):
        return None
    parts = int((fraction or "").ljust(9, "0") or 0)
    clock = _ns(plain) + parts
    if offset_text is None:
        return clock, None
    return clock, clock - _seconds(offset_text) * 10**9


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _seconds(offset: str) -> int:
    if offset in "zZ":
        return 0
    hours, minutes, *rest = map(int, offset[1:].split(":"))
    seconds = hours * 3600 + minutes * 60 + sum(rest)
    return -seconds if offset[0] == "-" else seconds


def compared_number(word: str, expected: Any) -> Fits | str:
    """Whether a text is a number that is as asked; or why that is not judged."""
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return "what it is compared with is no number"
    holds = NUMBERS[word]
    try:
        wanted = float(expected)
    except OverflowError:
        return "what it is compared with is too large"

    def fits(text: str) -> bool | None:
        if not _NUMBER.fullmatch(text.strip()):
            return None if text.strip()[-1:] in "fFdDNy" and text.strip() else False
        return holds(float(text), wanted)

    return fits
