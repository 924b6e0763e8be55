"""Date and time formats in the letters of Java, as Pact and its kin write them, to regular
expressions.

https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/time/format/DateTimeFormatter.html#patterns
"""

import re
from functools import lru_cache

DATE, TIME, TIMESTAMP = "yyyy-MM-dd", "HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ssXXX"
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_ZONE_NAME = r"[A-Za-z][A-Za-z0-9_+/\-: ]*"
_RANGES = {
    "M": r"(?:0?[1-9]|1[0-2])", "L": r"(?:0?[1-9]|1[0-2])", "d": r"(?:0?[1-9]|[12]\d|3[01])", "H": r"(?:[01]?\d|2[0-3])",
    "k": r"(?:0?[1-9]|1\d|2[0-4])", "h": r"(?:0?[1-9]|1[0-2])", "K": r"(?:0?\d|1[01])", "m": r"[0-5]?\d", "s": r"(?:[0-5]?\d|60)",
}  # fmt: skip
_TWO = {
    "M": r"(?:0[1-9]|1[0-2])", "L": r"(?:0[1-9]|1[0-2])", "d": r"(?:0[1-9]|[12]\d|3[01])", "H": r"(?:[01]\d|2[0-3])",
    "k": r"(?:0[1-9]|1\d|2[0-4])", "h": r"(?:0[1-9]|1[0-2])", "K": r"(?:0\d|1[01])", "m": r"[0-5]\d", "s": r"(?:[0-5]\d|60)",
}  # fmt: skip
_COUNTED = frozenset("YyuDwWFegGnNAS")


@lru_cache(maxsize=4096)
def pattern_of(form: str) -> str | None:
    """A regular expression for whole texts of a format; None for one with letters that nobody
    knows.
    """
    parts: list[str] = []
    at = 0
    while at < len(form):
        if form[at] == "'":
            end = form.find("'", at + 1)
            if end < 0:
                return None
            parts.append(re.escape(form[at + 1 : end]) if end > at + 1 else "'")
            at = end + 1
        elif form[at].isascii() and form[at].isalpha():
            count = len(form) - at - len(form[at:].lstrip(form[at]))
            part = _letters(form[at], count)
            if part is None:
                return None
            parts.append(part)
            at += count
        else:
            parts.append(
                re.escape(form[at]) if form[at] not in "[]" else "(?:" if form[at] == "[" else ")?"
            )
            at += 1
    return "".join(parts)


def _letters(letter: str, count: int) -> str | None:
    if letter in "ML" and count >= 3:
        return (
            f"(?:{_MONTHS})"
            if count == 4
            else f"(?:{'|'.join(month[:3] for month in _MONTHS.split('|'))})"
        )
    if letter in "Eec" and (letter == "E" or count >= 3):
        return (
            f"(?:{_DAYS})"
            if count == 4
            else f"(?:{'|'.join(day[:3] for day in _DAYS.split('|'))})"
        )
    if letter in _RANGES:
        return _RANGES[letter] if count == 1 else _TWO[letter]
    if letter in "yYu":
        return r"\d{2}" if count == 2 else r"[+-]?\d{4,9}" if count > 2 else r"[+-]?\d{1,9}"
    if letter == "a":
        return "(?:[AaPp]\\.?[Mm]\\.?)"
    if letter == "G":
        return "(?:AD|BC|Anno Domini|Before Christ|A|B)"
    if letter in "XxZ":
        return _offset(letter, count)
    if letter in "zVOv":
        return f"(?:Z|{_ZONE_NAME}|[+-]\\d{{1,2}}(?::?\\d{{2}})?)"
    if letter == "S":
        # fewer digits do, as they do for both of Pact's own cores
        return rf"\d{{1,{count}}}" if count < 10 else None
    return rf"\d{{{count},}}" if letter in _COUNTED else None


def _offset(letter: str, count: int) -> str:
    zero = "Z|" if letter == "X" or (letter == "Z" and count == 5) else ""
    if letter == "Z":
        return (
            rf"(?:{zero}[+-]\d{{2}}:?\d{{2}}|GMT(?:[+-]\d{{2}}:\d{{2}})?)"
            if count >= 4
            else r"[+-]\d{2}:?\d{2}"
        )
    if count == 1:
        return rf"(?:{zero}[+-]\d{{2}}(?:\d{{2}})?)"
    colon = ":" if count % 2 else ""
    return rf"(?:{zero}[+-]\d{{2}}{colon}\d{{2}}(?:{colon}\d{{2}})?)"
