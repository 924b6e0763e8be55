"""Words of our own in documents of others (`x-seamwatch-…`) that are none: else a slip of the pen
promises nothing, and nobody hears of it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

_WORDS = (
    "x-seamwatch",
    "x-seamwatch-evidence",
    "x-seamwatch-files",
    "x-seamwatch-latency",
    "x-seamwatch-pending",
    "x-seamwatch-may-be-empty",
    "x-seamwatch-may-be-text",
    "x-seamwatch-operations",
    "x-seamwatch-ramp-plan",
    "x-seamwatch-statuses",
    "x-seamwatch-timeout",
    "x-seamwatch-timing",
)
_ANY = re.compile(r"\bx-seam-?watch[\w.-]*", re.IGNORECASE)


def unknown_words(document: Mapping[str, Any], text: str) -> list[Remark]:
    """A remark for each, with its place and the nearest word. The document is walked only where
    its text holds one.
    """
    # a search without regard to case takes twenty times as long, and so does lower() of a text
    # that is not all ASCII
    lower = text.encode(errors="replace").lower()
    if b"x-seam" not in lower or {match.lower() for match in _ANY.findall(text)} <= set(_WORDS):
        return []
    return [
        Remark(pointer, f"{name[:60]!r} is no word of ours; {_nearest(name)}", grave=False)
        for pointer, name in _named(document)
    ]


def _nearest(name: str) -> str:
    near = get_close_matches(name.lower(), _WORDS, 1)
    return f"{near[0]!r} is" if near else f"these are: {', '.join(_WORDS)}"


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    level: list[tuple[Any, str]] = [(document, "")]
    while level:
        node, at = level.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                place = f"{at}/{escaped(str(key))}"
                if isinstance(key, str) and _ANY.fullmatch(key) and key not in _WORDS:
                    yield place, key
                level.append((value, place))
        elif isinstance(node, list):
            level += [(value, f"{at}/{index}") for index, value in enumerate(node)]
