"""Outlines of payloads: the text of a skeleton, and marks that are counted, in one walk.

The walk is native where that is built (monitor/native/src/outlines.rs); what the native one leaves,
and all where it is not built, is told by skeleton.py.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

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
from monitor.contracts.shape import DEEPEST, MOST_KEYS
from monitor.contracts.skeleton import MOST_ITEMS, MOST_NODES, Skeleton
from monitor.native import BUILT


class Marks:
    """Of how many payloads each mark is. Its size hangs on what is different."""

    __slots__ = ("_counted", "native")

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self.native = None if BUILT is None else BUILT.Marks()

    def add(self, marks: Iterable[str]) -> None:
        """Those of one payload, each once."""
        self._counted.update(marks)

    def counts(self) -> Counter[str]:
        """By place and mark in one word."""
        counts = Counter(self._counted)
        if self.native is not None:
            for mark, payloads in self.native.items():
                counts[mark] += payloads
        return counts


class Outline(NamedTuple):
    """What was seen of one payload. `text`: its skeleton. `spoken`: places and marks of categories
    and words, of which a place keeps a few, bare ones too; each once, in no order.
    """

    text: str
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
        self,
        value: Any,
        marks: Marks | None = None,
        *,
        masked: bool = False,
        at: float | None = None,
    ) -> Outline:
        """The outline of a decoded payload, as `Skeleton` takes it. Its marks are counted in
        `marks`, but for those that are spoken.

        Cost: some 30 us for 2 KB with marks, 20 without; by the reference 400 and 200.
        """
        if self._native is not None:
            outline = self._native.of(value, None if marks is None else marks.native, masked, at)
            if outline is not None:
                return Outline(*outline)
        return outlined(value, marks, masked=masked, at=at, words=self._words)

    def of_text(
        self,
        body: str | bytes,
        marks: Marks | None = None,
        *,
        masked: bool = False,
        at: float | None = None,
    ) -> Outline | None:
        """The same of JSON that nobody has decoded, for half of the cost; None where it has to be
        decoded. No key stands twice in what is told of.
        """
        if self._native is None:
            return None
        outline = self._native.of_text(body, None if marks is None else marks.native, masked, at)
        return None if outline is None else Outline(*outline)


def outlined(
    value: Any,
    marks: Marks | None = None,
    *,
    masked: bool = False,
    at: float | None = None,
    words: frozenset[str] = frozenset(),
) -> Outline:
    """The reference of `Outlines.of`."""
    skeleton = Skeleton(value, marked=marks is not None, masked=masked, at=at, words=words)
    plain: list[str] = []
    spoken: list[tuple[str, str]] = []
    for place, mark in skeleton.marks or ():
        if mark[:1] in (CATEGORY, WORD):
            spoken.append((place, mark))
        else:
            plain.append(f"{place}{SEPARATOR}{mark}")
    if marks is not None:
        marks.add(plain)
    return Outline(skeleton.text, spoken)


def _masked(value: str, words: bool) -> bool:
    return is_mask(value, words=words)


def _of_text(value: str, first: bool, at: float | None) -> Sequence[str]:
    return text_marks(value, at) if first else few_text_marks(value)


def _of_number(value: float, first: bool) -> Sequence[str]:
    return number_marks(value) if first else (number_mark(value),)
