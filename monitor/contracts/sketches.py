"""Value-free sketches of single values: what kind of thing, and how large, so coarsely that no value can be told.

kind      of                                                          bucket
i+ i- i0  an integer by sign, zero without bucket                      decade of its magnitude, floor(log10 |x|)
f+ f- f0  another number                                              the same, -9 to 18
b n       boolean, null                                               0
s         text                                                        length in steps of four: 0, 1-3, 4-15, 16-63, ...
s:uuid s:email s:uri s:ipv4 s:digits s:decimal s:date                 text that looks so; 0
s:time,Z,3                                                            date and time with zone (Z, +, none) and digits of the second; 0
a o       array, object                                               length of the array in the same steps; 0
"""

import math
import re
from functools import lru_cache

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[A-Za-z]{2,24}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DECIMAL = re.compile(r"[-+]?\d{1,30}[.,]\d{1,12}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,19}://\S+")
_LONGEST_GUESSED = 300

Sketch = tuple[str, int]


def sketch_number(value: float) -> Sketch:
    """Sign and decade. Integral floats are floats: a change of the writer's type is a change of shape."""
    mark = "i" if isinstance(value, int) else "f"
    if value == 0:
        return mark + "0", 0
    size = abs(value)
    if size < 1_000_000 and mark == "i":
        decade = len(str(size)) - 1
    else:
        decade = min(18, max(-9, math.floor(math.log10(size)))) if math.isfinite(size) else 18
    return (mark + "+" if value > 0 else mark + "-"), decade


def sketch_text(text: str) -> Sketch:
    """A guessed format, else the length in steps of four."""
    size = len(text)
    if not 7 <= size <= _LONGEST_GUESSED and not text.isdigit():
        return "s", length_step(size)
    return _guess(text)


def _guess(text: str) -> Sketch:
    first = text[0]
    if "0" <= first <= "9":
        if text.isdigit():
            return "s:digits", 0
        found = _TIME.fullmatch(text)
        if found is not None:
            return _time(found.group(2) or "", len(found.group(1) or "")), 0
        if _DATE.fullmatch(text):
            return "s:date", 0
        if _IPV4.fullmatch(text):
            return "s:ipv4", 0
    if text[8:9] == "-" and _UUID.fullmatch(text):
        return "s:uuid", 0
    if "@" in text and _EMAIL.fullmatch(text):
        return "s:email", 0
    if "://" in text and _URI.fullmatch(text):
        return "s:uri", 0
    if first in "+-0123456789" and _DECIMAL.fullmatch(text):
        return "s:decimal", 0
    return "s", length_step(len(text))


@lru_cache(maxsize=64)
def _time(zone: str, digits: int) -> str:
    kind = "Z" if zone in ("Z", "z") else "+" if zone else "none"
    return f"s:time,{kind},{3 * ((digits + 2) // 3)}"


def length_step(size: int) -> int:
    """0 for 0, 1 for 1 to 3, 2 for 4 to 15, 3 for 16 to 63, and so on."""
    return (size.bit_length() + 1) // 2
