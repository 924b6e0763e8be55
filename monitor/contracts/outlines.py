"""Outlines of payloads: the text of a skeleton and marks that can be counted, in one walk.

The walk is native where that is built (monitor/native/src/outlines.rs); what the native one leaves,
and all where it is not built, is told by skeleton.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.contracts.loose import is_mask
from monitor.contracts.marks import (
    CATEGORY,
    SEPARATOR,
    WORD,
    few_text_marks,
    number_mark,
    number_marks,
    text_marks,
)
from monitor.contracts.shape import DEEPEST, MOST_ITEMS, MOST_KEYS
from monitor.contracts.skeleton import MOST_NODES, Skeleton
from monitor.native import BUILT


@dataclass(frozen=True, slots=True)
class Outline:
    """What was seen of one payload, in no order. `text`: its skeleton. `marks`: place and mark in
    one word each; `spoken`: those of categories and words, of which a place keeps a few.
    """

    text: str
    marks: Sequence[str]
    spoken: Sequence[tuple[str, str]]


class Outlines:
    """Tells outlines; keeps nothing of a payload."""

    __slots__ = ("_native", "_words")

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        """`words`: pointers, with `*` for items and keys that are data, where short words are
        kept as they are.
        """
        self._words = words
        self._native = None
        if BUILT is not None:
            limits = (MOST_KEYS, MOST_ITEMS, DEEPEST, MOST_NODES)
            self._native = BUILT.Outlines(limits, _masked, _of_text, _of_number, sorted(words))

    def of(
        self, value: Any, *, marked: bool = True, masked: bool = False, at: float | None = None
    ) -> Outline:
        """The outline of a decoded payload, as `Skeleton` takes it; without marks unless `marked`.

        Cost: some 25 us for 2 KB with marks, 10 without; by the reference 600 and 300.
        """
        if self._native is not None:
            told = self._native.of(value, marked, masked, at)
            if told is not None:
                return Outline(*told)
        return outlined(value, marked=marked, masked=masked, at=at, words=self._words)


def outlined(
    value: Any,
    *,
    marked: bool = True,
    masked: bool = False,
    at: float | None = None,
    words: frozenset[str] = frozenset(),
) -> Outline:
    """The reference of `Outlines.of`."""
    skeleton = Skeleton(value, marked=marked, masked=masked, at=at, words=words)
    marks: list[str] = []
    spoken: list[tuple[str, str]] = []
    for place, mark in skeleton.marks or ():
        if len(mark) > 1 and mark[0] in (CATEGORY, WORD):
            spoken.append((place, mark))
        else:
            marks.append(f"{place}{SEPARATOR}{mark}")
    return Outline(skeleton.text, marks, spoken)


def _masked(value: str, words: bool) -> bool:
    return is_mask(value, words=words)


def _of_text(value: str, first: bool, at: float | None) -> Sequence[str]:
    return text_marks(value, at) if first else few_text_marks(value)


def _of_number(value: float, first: bool) -> Sequence[str]:
    return number_marks(value) if first else (number_mark(value),)
