"""Names and numbers that documents of examples give: each name once, delays in milliseconds."""

from typing import Any

_LONGEST_NAME = 300


def unique(name: str, named: set[str]) -> str:
    """The name, shortened, and numbered where it stood before; it is added to `named`."""
    told = short = name.strip()[:_LONGEST_NAME] or "an interaction"
    number = 2
    while told in named:
        told, number = f"{short} ({number})", number + 1
    named.add(told)
    return told


def delay_ms(said: Any) -> float | None:
    """A delay that is a number of milliseconds, perhaps as text; None for another."""
    if isinstance(said, str) and said.isdecimal() and len(said) < 10:
        return float(said)
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 1e9 else None
