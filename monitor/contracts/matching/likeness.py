"""JSON that is like an example: with placeholders, with keys or items to spare, in any order where
that is allowed.
"""

import re
from dataclasses import dataclass
from typing import Any

from monitor.contracts.matching.patterns import search
from monitor.contracts.matching.rules import equal

_PLACEHOLDER = re.compile(r"[$#]\{json-unit\.([a-z-]+)\}(.*)", re.DOTALL)
_MOST_WORK = 200_000


@dataclass(slots=True)
class Likeness:
    """One comparison. `extra`: keys and items beyond the example may be there; `unordered`: lists
    in any order.
    """

    extra: bool = False
    unordered: bool = False
    work: int = 0

    def like(self, actual: Any, expected: Any) -> bool | None:
        """Whether a value is like the example; None when that takes too long to tell."""
        try:
            return self._like(actual, expected)
        except _Exhausted:
            return None

    def _like(self, actual: Any, expected: Any) -> bool:
        self.work += 1
        if self.work > _MOST_WORK:
            raise _Exhausted
        if isinstance(expected, str) and expected.startswith(("${json-unit.", "#{json-unit.")):
            match = _PLACEHOLDER.fullmatch(expected)
            if match is not None:
                return _stands(match[1], match[2], actual)
        if isinstance(expected, dict):
            if not isinstance(actual, dict) or (not self.extra and len(actual) > len(expected)):
                return False
            return all(
                self._like(actual[name], value) if name in actual else _optional(value)
                for name, value in expected.items()
            ) and (self.extra or actual.keys() <= expected.keys())
        if isinstance(expected, list):
            return isinstance(actual, list) and self._lists(actual, expected)
        return equal(actual, expected)

    def _lists(self, actual: list[Any], expected: list[Any]) -> bool:
        if len(actual) < len(expected) or (not self.extra and len(actual) != len(expected)):
            return False
        if not self.unordered:
            return all(map(self._like, actual, expected))
        left = list(actual)
        for wanted in expected:
            at = next((index for index, item in enumerate(left) if self._like(item, wanted)), None)
            if at is None:
                return False
            del left[at]
        return True


class _Exhausted(Exception):
    pass


def _optional(expected: Any) -> bool:
    return expected in ("${json-unit.ignore-element}", "#{json-unit.ignore-element}")


def _stands(word: str, rest: str, actual: Any) -> bool:
    if word in ("ignore", "any", "ignore-element"):
        return True
    if word == "regex":
        seek = search(rest, whole=True)
        return seek is not None and isinstance(actual, str) and bool(seek(actual))
    if word == "any-number":
        return isinstance(actual, int | float) and not isinstance(actual, bool)
    return isinstance(actual, {"any-string": str, "any-boolean": bool}.get(word, object))


def placeholder_rule(value: str) -> tuple[str, str] | None:
    """The matching rule that a placeholder in an example stands for, and its text; None for a
    plain text.
    """
    match = _PLACEHOLDER.fullmatch(value)
    if match is None:
        return None
    kinds = {
        "regex": "regex",
        "any-number": "number",
        "any-boolean": "boolean",
        "any-string": "type",
    }
    return kinds.get(match[1], "anything"), match[2]
