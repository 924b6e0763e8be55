"""What documents of examples share: several in one list, each name once, delays in
milliseconds.
"""

from collections.abc import Mapping
from typing import Any

_LONGEST_NAME = 300
PENDING_WORD = "x-seamwatch-pending"
"""In a stub's `metadata`, or at an imposter's stub, with the value true: what it breaks is held
against nobody yet, as Pact's own `pending`.
"""


def entries_of(document: Mapping[str, Any], word: str) -> list[tuple[Any, str]]:
    """What a document holds in the list of this name, each with its pointer; the document itself
    when there is no such list.
    """
    entries = document.get(word)
    return (
        [(entry, f"/{word}/{index}") for index, entry in enumerate(entries)]
        if isinstance(entries, list)
        else [(document, "")]
    )


def unique(name: str, named: dict[str, int]) -> str:
    """The name, shortened, and numbered where it stood before; `named` holds how often
    each did. Half of a pair of surrogates becomes a mark: no store takes it.
    """
    title = short = (
        name.encode("utf-8", "replace").decode().strip()[:_LONGEST_NAME] or "an interaction"
    )
    while title in named:
        named[short] += 1
        title = f"{short} ({named[short]})"
    named[title] = 1
    return title


def delay_ms(value: Any) -> float | None:
    """A delay that is a number of milliseconds, perhaps as text; None for another."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return float(value)
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
        else None
    )
