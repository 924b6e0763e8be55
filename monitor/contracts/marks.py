"""Marks of a value: words of a few letters that can be counted and added up, and that hold no value.

Of a number `i` or `f` with its sign and power of two, and `d` with how many decimals it has; of a
truth `b`; of a null `0`; of an array's length `a`. Of a text its length `t`, format `F`, a short
word's category `c`, the kind of its signs `k`; where it tells a time its zone `z`, precision `p`,
and how far it is from now `w`. The empty word says that something stands at a place.
"""

import math
import re
import zlib
from datetime import UTC, datetime
from functools import lru_cache

MARKED, SQUARES = "n", "q"
"""Marks beside those of values, of no place: how many payloads were marked, and the sum of the
squares of how many payloads each of them stands for.
"""
COUNTING = frozenset({MARKED, SQUARES})
SEPARATOR = "\x1f"
"""Between a place and its mark, where both are one key."""
NULL = "0"
WORD = "e"
"""Begins the mark of a word that settings ask to be stored; alone it is of a text that is none."""
CATEGORY = "c"
"""Begins the mark of a short word's category; alone it is of a text that is none."""
FIRST, LATER = "*", "+"
"""Steps of a pointer: the first item of an array, or what stands under the first key that is data;
and each of the others.
"""
LONGEST_CATEGORY = 32
MOST_DECIMALS = 4
_CATEGORY = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.:/\-]{1,32}")
_DAY = r"\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)|(?:0[13-9]|1[0-2])-30|(?:0[13578]|1[02])-31)"
"""With the last days of months, or formats would come and go with the calendar."""
_DATE_TIME = re.compile(
    _DAY + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
)
_DATE = re.compile(_DAY)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_EMAIL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_URI = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:[/?#][A-Za-z0-9/?#&=._~%+:;,@!$*()-]*)?")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s?(Z|[+-]\d\d:?\d\d)?"
)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}", re.IGNORECASE)
_JOINED = re.compile(r"[A-Za-z0-9_.:/-]+")
_SPACE = re.compile(r"\s")


def worth(weight: int, marked: int, squares: int) -> int:
    """As how many payloads these tell of, where each stands for as many: of few that stand for
    many, and many that stand for themselves, the few tell nearly all (Kish's effective size).
    `squares`: 0 where rows of before tell none.
    """
    return min(marked, weight * weight // squares) if squares else marked


def word_mark(text: str) -> str:
    """A short word as it is."""
    short = len(text) <= LONGEST_CATEGORY and _CATEGORY.fullmatch(text) is not None
    return f"{WORD}{text if short else ''}"


def number_mark(value: float) -> str:
    """Whole (`i`) or not (`f`), and the size by powers of two with its sign: 5 is `i3`, the most
    of which is below 2 to the 3rd; -0.4 is `f-n1`.
    """
    whole = isinstance(value, int) or (math.isfinite(value) and value == int(value))
    kind = "i" if whole else "f"
    if not value:
        return f"{kind}z"
    if isinstance(value, int):
        power = abs(value).bit_length()
    elif math.isfinite(value):
        power = math.frexp(value)[1]
    else:
        power = 1025
    return f"{kind}{'n' if value < 0 else 'p'}{power}"


def number_marks(value: float) -> tuple[str, str]:
    """All of a number's."""
    return number_mark(value), f"d{_decimals(value)}"


def _decimals(value: float) -> int:
    """How many digits stand behind the point, at most four."""
    if isinstance(value, int) or not math.isfinite(value) or value == int(value):
        return 0
    text = repr(value)
    if "e" in text:
        return MOST_DECIMALS
    return min(MOST_DECIMALS, len(text) - text.index(".") - 1)


def length_word(length: int) -> str:
    """A length up to 16 as it is; beyond, the power of two that it does not exceed."""
    return f"{length}" if length <= 16 else f"{1 << (length - 1).bit_length()}"


def text_marks(value: str, at: float | None) -> tuple[str, ...]:
    """All of a text's; `at`, in s since the epoch, is now."""
    marks = _text_marks(value)
    if at is None or marks[-1][0] != "p":
        return marks
    return (*marks, f"w{_distance(value, at)}")


def few_text_marks(value: str) -> tuple[str]:
    """Those that tell of all texts at a place alike."""
    return (f"F{format_of(value)}",)


@lru_cache(maxsize=4096)
def _text_marks(value: str) -> tuple[str, ...]:
    marks = (
        f"t{length_word(len(value))}",
        f"F{format_of(value)}",
        f"c{category(value)}",
        f"k{_kind(value)}",
    )
    time = _time(value)
    return marks if time is None else (*marks, f"z{_zone(time[5])}", f"p{_precision(time)}")


def _time(text: str) -> re.Match[str] | None:
    if 10 <= len(text) <= 40 and text[4] == "-" == text[7]:
        return _TIME.fullmatch(text)
    return None


def _zone(zone: str | None) -> str:
    """Z, another one, or none."""
    return "none" if zone is None else "Z" if zone in ("Z", "+00:00", "+0000") else "other"


def _precision(time: re.Match[str]) -> str:
    """Down to what a time is told: zeros at its end tell nothing."""
    if time[2] is None:
        return "day"
    fraction = (time[4] or "").rstrip("0")
    if fraction:
        return "ms" if len(fraction) <= 3 else "us" if len(fraction) <= 6 else "ns"
    return "s" if time[3] not in (None, "00") else "min"


def _distance(text: str, at: float) -> str:
    """Before or after now, and by how many s, as a power of two. A time without zone is read as of
    UTC.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return ""
    time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    seconds = time.timestamp() - at
    return f"{'n' if seconds < 0 else 'p'}{int(abs(seconds)).bit_length()}"


def _kind(text: str) -> str:
    """What signs a text is made of."""
    if not text:
        return "empty"
    if text.isdecimal():
        return "digits"
    ascii_only = text.isascii()
    if ascii_only and len(text) >= 8 and _HEX.fullmatch(text):
        return "hex"
    if ascii_only and text.isalpha():
        return "lower" if text.islower() else "upper" if text.isupper() else "letters"
    if ascii_only and text.isalnum():
        return "plain"
    if ascii_only and _JOINED.fullmatch(text):
        return "joined"
    return "words" if _SPACE.search(text) else "other"


def format_of(text: str) -> str:
    """The format that a text surely has, "" where it has none of those that are told."""
    length = len(text)
    if not 7 <= length <= 2_000:
        return ""
    # a look at where its signs must stand costs a tenth of a pattern
    if text[4] == "-":
        if length >= 20 and _DATE_TIME.fullmatch(text):
            return "date-time"
        if length == 10 and _DATE.fullmatch(text):
            return "date"
    if length == 36 and text[8] == "-" and _UUID.fullmatch(text):
        return "uuid"
    if text.startswith("http"):
        if _URI.fullmatch(text):
            return "uri"
    elif length <= 15 and text[0].isdecimal() and _IPV4.fullmatch(text):
        return "ipv4"
    return "email" if "@" in text and _EMAIL.fullmatch(text) else ""


def category(text: str) -> str:
    """12 bits of a short word, so that a list of allowed words can be held against those that were
    seen; "" for a text that is no such word. Thousands of words share each number: none can be
    read back.
    """
    if len(text) > LONGEST_CATEGORY or not _CATEGORY.fullmatch(text):
        return ""
    return f"{zlib.crc32(text.encode()) & 0xFFF:03x}"
