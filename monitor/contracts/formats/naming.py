"""What documents of examples share: several in one list, each name once, delays in milliseconds."""

from collections.abc import Mapping
from typing import Any

_LONGEST_NAME = 300


def entries_of(document: Mapping[str, Any], word: str) -> list[tuple[Any, str]]:
    """What a document holds in the list of this name, each with its pointer; the document itself when there is no such list."""
    held = document.get(word)
    return [(one, f"/{word}/{index}") for index, one in enumerate(held)] if isinstance(held, list) else [(document, "")]


def unique(name: str, named: dict[str, int]) -> str:
    """The name, shortened, and numbered where it stood before; `named` holds how often each did."""
    told = short = name.strip()[:_LONGEST_NAME] or "an interaction"
    while told in named:
        named[short] += 1
        told = f"{short} ({named[short]})"
    named[told] = 1
    return told


def delay_ms(said: Any) -> float | None:
    """A delay that is a number of milliseconds, perhaps as text; None for another."""
    if isinstance(said, str) and said.isdecimal() and len(said) < 10:
        return float(said)
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1e9 else None
