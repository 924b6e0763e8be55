"""Names and numbers that documents of examples give: each name once, delays in milliseconds."""

from typing import Any

_LONGEST_NAME = 300


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
