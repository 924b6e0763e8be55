"""Regular expressions of matching rules, searched within bounds, so that no text can make them run
for long.
"""

from collections.abc import Callable
from functools import lru_cache

import jsonschema_rs as engine

from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.patterns import ecma
from monitor.native import BUILT

Search = Callable[[str], bool | None]
"""Whether a text matches; None when the pattern gave up on it."""


@lru_cache(maxsize=16_384)
def search(pattern: str, *, whole: bool = False) -> Search | None:
    """A search for a pattern, with `whole` a match of the whole text. None when the pattern cannot
    be compiled.
    """
    text = engine_text(pattern, whole=whole)
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
def engine_text(pattern: str, *, whole: bool = False) -> str | None:
    """The pattern as the engine takes it; None when it takes it in no way."""
    if len(pattern) > CONTRACT_LIMITS.pattern_chars:
        return None
    plain = _plain(rf"^(?:{pattern})$" if whole else pattern)
    return next((text for text in (ecma(plain), plain) if _compiled(text) is not None), None)


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
    r"""Java's and Ruby's words for both ends in those of all engines."""
    return (
        pattern.replace(r"\A", "^").replace(r"\Z", "$").replace(r"\z", "$")
        if "\\" in pattern
        else pattern
    )


def _compiled(pattern: str) -> engine.Draft202012Validator | None:
    limits = CONTRACT_LIMITS
    options = engine.FancyRegexOptions(
        limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes
    )
    try:
        return engine.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, engine.ReferencingError):
        return None
