"""Regular expressions of matching rules, searched within bounds, so that no text can make them run for long."""

from collections.abc import Callable
from functools import lru_cache

import jsonschema_rs as engine

from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.patterns import ecma

Search = Callable[[str], bool | None]
"""Whether a text matches; None when the pattern gave up on it."""


@lru_cache(maxsize=16_384)
def search(pattern: str, *, whole: bool = False) -> Search | None:
    """A search for a pattern, with `whole` a match of the whole text. None when the pattern cannot be compiled."""
    if len(pattern) > CONTRACT_LIMITS.pattern_chars:
        return None
    text = rf"^(?:{pattern})$" if whole else pattern
    compiled = _compiled(ecma(_plain(text))) or _compiled(_plain(text))
    if compiled is None:
        return None
    fits, errors = compiled.is_valid, compiled.iter_errors

    def found(said: str) -> bool | None:
        if fits(said):
            return True
        error = next(iter(errors(said)), None)
        return None if error is not None and "acktrack" in error.kind.name else False

    return found


def _plain(pattern: str) -> str:
    r"""Java's and Ruby's words for both ends in those of all engines."""
    return pattern.replace(r"\A", "^").replace(r"\Z", "$").replace(r"\z", "$") if "\\" in pattern else pattern


def _compiled(pattern: str) -> engine.Draft202012Validator | None:
    limits = CONTRACT_LIMITS
    options = engine.FancyRegexOptions(limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes)
    try:
        return engine.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except (ValueError, engine.ReferencingError):
        return None
