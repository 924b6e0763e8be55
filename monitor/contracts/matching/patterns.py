"""Regular expressions of matching rules, searched within bounds, so that no text can make them run
for long.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import jsonschema_rs as engine

from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.patterns import ecma
from monitor.native import BUILT

Search = Callable[[str], bool | None]
"""Whether a text matches; None when the pattern gave up on it."""


@lru_cache(maxsize=16_384)
def search(pattern: str, *, whole: bool = False, dot_all: bool = False) -> Search | None:
    """A search for a pattern, with `whole` a match of the whole text, with `dot_all` one in which
    a dot stands for ends of lines, too. None when the pattern cannot be compiled.
    """
    text = engine_text(pattern, whole=whole, dot_all=dot_all)
    compiled = None if text is None else _compiled(text)
    if compiled is None:
        return None
    fits, errors = compiled.is_valid, compiled.iter_errors

    def found(value: str) -> bool | None:
        try:
            if fits(value):
                return True
        except UnicodeEncodeError:  # bytes of a header that are no text
            value = value.encode("utf-8", "replace").decode()
            if fits(value):
                return True
        error = next(iter(errors(value)), None)
        return None if error is not None and "acktrack" in error.kind.name else False

    plainly = None if text is None else _plainly(text)
    if plainly is None:
        return found

    def found_plainly(subject: str) -> bool | None:
        at_once = plainly(subject)
        return found(subject) if at_once is None else at_once

    return found_plainly


def _plainly(pattern: str) -> Search | None:
    """The native search for a pattern that is plain enough; it says None of texts that are not."""
    try:
        return None if BUILT is None else BUILT.Pattern(pattern).found
    except ValueError:
        return None


@lru_cache(maxsize=16_384)
def engine_text(pattern: str, *, whole: bool = False, dot_all: bool = False) -> str | None:
    """The pattern as the engine takes it; None when it takes it in no way."""
    if len(pattern) > CONTRACT_LIMITS.pattern_chars:
        return None
    # in ECMA's words a dot names what it stands for, which the flag `s` could not widen any more
    dots = dot_all or _DOT_ALL.search(pattern) is not None
    plain = _plain(f"(?s:{pattern})" if dot_all else pattern)
    plain = f"^(?:{plain})$" if whole else plain
    words = (plain, ecma(plain)) if dots else (ecma(plain), plain)
    return next((text for text in words if _compiled(text) is not None), None)


_DOT_ALL = re.compile(r"\(\?[a-z]*s[a-z]*[-:)]")
_QUOTED = re.compile(r"\\(?:Q(.*?)(?:\\E|$)|.)", re.DOTALL)
_SIGN = re.compile(r"[\\.\[\]{}()*+?^$|]")
_SPECIAL = frozenset(r"\.[]{}()*+?^$|")


def literal_prefix(pattern: str) -> str:
    """What every text begins with that a pattern matches as a whole, in lower case; "" where
    nothing is sure.
    """
    if "|" in pattern or "(?" in pattern:
        return ""
    characters: list[str] = []
    at = 1 if pattern.startswith("^") else 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and pattern[at + 1 : at + 2] in tuple("/-._~"):
            character, at = pattern[at + 1], at + 1
        elif character in _SPECIAL:
            if character in "*?{" and characters:
                characters.pop()
            break
        characters.append(character)
        at += 1
    return "".join(characters).lower()


def _plain(pattern: str) -> str:
    r"""Java's and Ruby's words for both ends, and for what is quoted, in those of all engines."""
    if "\\" not in pattern:
        return pattern
    plain = _QUOTED.sub(
        lambda part: part[0] if part[1] is None else _SIGN.sub(r"\\\g<0>", part[1]), pattern
    )
    return plain.replace(r"\A", "^").replace(r"\Z", "$").replace(r"\z", "$")


def _compiled(pattern: str) -> engine.Draft202012Validator | None:
    limits = CONTRACT_LIMITS
    options = engine.FancyRegexOptions(
        limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes
    )
    try:
        return engine.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, engine.ReferencingError):
        return None
