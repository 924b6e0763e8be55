"""Queries and forms taken apart into names and texts, within bounds."""

from collections.abc import Sequence
from urllib.parse import unquote_plus

Pairs = Sequence[tuple[str, str]]
"""Names, decoded, and their texts as they came, in order."""

MOST_CHARS, MOST_PAIRS = 16_384, 500


def query_pairs(text: str) -> Pairs | None:
    """Names and undecoded values of a query, None when there are too many to look at."""
    text = text.removeprefix("?")
    if len(text) > MOST_CHARS or text.count("&") >= MOST_PAIRS:
        return None
    parts = (part.partition("=") for part in text.split("&") if part)
    return [(unquote_plus(name), value) for name, _, value in parts]
