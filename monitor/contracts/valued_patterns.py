"""What marks tell of a pattern: where it lists words, or asks for signs of one class, a text's
category, kind of signs and length (marks.py) tell whether it is kept. Of other patterns nothing.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits

from monitor.contracts.matching.patterns import search

_MOST_WORDS = 64
_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)")
_WORD = re.compile(r"(?:[A-Za-z0-9_:/ ]|-|\\[./\-_])+")
_CLASS = re.compile(
    r"(\[(?:\\.|[^\]\\\[])+\]|\\[dwDW])([+*]|\{\d{1,4}(?:,\d{0,4})?\})?", re.DOTALL
)
_JOINTS = "_.:/-"
_LETTERS = ascii_lowercase + ascii_uppercase
_HOLDS = {
    "digits": (digits,), "lower": (ascii_lowercase,), "upper": (ascii_uppercase,), "hex": (digits, "abcdefABCDEF"),
    "letters": (ascii_lowercase, ascii_uppercase), "plain": (digits, _LETTERS), "joined": (_JOINTS,),
}  # fmt: skip
"""Sets of which a text of a kind has a sign each."""
_OF = {"plain": digits + _LETTERS, "joined": digits + _LETTERS + _JOINTS}


@dataclass(frozen=True, slots=True)
class Signs:
    """A text of `least` to `most` signs of one class. `kept` are kinds of texts (marks.py) whose
    signs are all of the class, `broken` those that surely have one that is not.
    """

    kept: frozenset[str]
    broken: frozenset[str]
    least: int
    most: float


@lru_cache(maxsize=4096)
def words_of(pattern: str, *, whole: bool) -> tuple[str, ...]:
    """The words that a pattern lists, of which a text must be one; () where it is no such list.
    `whole`: the pattern is one for the whole text.
    """
    inner = _inner(pattern, whole=whole)
    parts = [] if inner is None else inner.split("|")
    if whole and inner is not None:
        parts = [part.removeprefix("^").removesuffix("$") for part in parts]
    if not 0 < len(parts) <= _MOST_WORDS or not all(map(_WORD.fullmatch, parts)):
        return ()
    return tuple(part.replace("\\", "") for part in parts)


@lru_cache(maxsize=4096)
def signs_of(pattern: str, *, whole: bool) -> Signs | None:
    """What a pattern asks of all signs of a text and of its length, where that is all it asks."""
    inner = _inner(pattern, whole=whole)
    match = None if inner is None else _CLASS.fullmatch(inner)
    of_class = None if match is None else search(match[1], whole=True)
    if match is None or of_class is None:
        return None
    taken = {sign for sign in digits + _LETTERS + _JOINTS if of_class(sign)}
    kept, broken = set[str](), set[str]()
    for kind, holds in _HOLDS.items():
        if taken.issuperset(_OF.get(kind, "".join(holds))):
            kept.add(kind)
        elif any(taken.isdisjoint(signs) for signs in holds):
            broken.add(kind)
    least, most = _times(match[2] or "{1}")
    return Signs(frozenset(kept), frozenset(broken), least, most)


def _inner(pattern: str, *, whole: bool) -> str | None:
    """What stands between both ends of the text; None where the pattern asks for less."""
    ended = pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")
    inner = pattern[1:-1] if ended else pattern
    group = _GROUP.fullmatch(inner)
    if group is not None and not inner.startswith(("(?=", "(?!", "(?<", "(?i")):
        return group[1] if whole or ended else None
    if whole:
        return pattern if ended and "|" in inner else inner
    return inner if ended and "|" not in inner else None


def _times(text: str) -> tuple[int, float]:
    if text in "+*":
        return (1 if text == "+" else 0), float("inf")
    least, comma, most = text[1:-1].partition(",")
    return int(least), float(most) if most else float("inf") if comma else float(least)
