"""What Mountebank's predicates ask of the places of a request.

https://www.mbtest.dev/docs/api/predicates
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitor.contracts.broken import Broken
from monitor.contracts.formats.wiremock_values import pattern_without
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.jsonpath import Find
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import Part
from monitor.contracts.matching.patterns import search
from monitor.contracts.matching.predicates import AskAll, See, asked_part, see_json
from monitor.contracts.matching.rules import text_of
from monitor.errors import ContractError

_ABSENT = ("",)
_LONG = 1e21  # from here on JavaScript writes a number with an exponent


class Compare:
    """How one predicate compares texts: its word, in any case or not, without what
    `except` names.
    """

    def __init__(self, word: str, predicate: Mapping[str, Any], clause: str, where: str) -> None:
        self.word = word
        self._exact = predicate.get("caseSensitive") is True
        self.keys_in_any_case = not self._exact and predicate.get("keyCaseSensitive") is not True
        as_it_is = self._exact or word == "matches"
        self._plain: Callable[[Any], str] = _text if as_it_is else _lowered
        if isinstance(predicate.get("except"), str) and predicate["except"]:
            left = _without(predicate["except"], clause, where, exact=as_it_is)
            self._plain = (
                (lambda value: left(_text(value)))
                if as_it_is
                else lambda value: left(_text(value)).lower()
            )

    def text(self, expected: Any) -> AskAll:
        """A method, a path or a body; one that is not there is the empty text."""
        return _empty_if_absent(self._all_of(expected))

    def named(self, expected: Any) -> AskAll:
        """A header or a parameter. Only `deepEquals` tells an absent one from an empty one."""
        fits = self._all_of(expected)
        return fits if self.word == "deepEquals" else _empty_if_absent(fits)

    def listed(self, expected: Any) -> AskAll:
        """A parameter of a query. One value is no list of one there; `deepEquals` allows no value
        beside those that are expected.
        """
        fits, several = self.named(expected), isinstance(expected, list)
        if self.word == "exists":
            return fits
        if self.word == "deepEquals":
            count = len(expected) if several else 1
            return lambda values: len(values) == count and (count > 1) is several and fits(values)
        return (lambda values: len(values) > 1 and fits(values)) if several else fits

    def some_of(self, expected: Any) -> AskAll:
        """Values that a selector found; `deepEquals` allows no other."""
        fits = self._all_of(expected)
        if self.word != "deepEquals":
            return fits
        count = len(expected) if isinstance(expected, list) else 1
        return lambda values: len(values) == count and fits(values)

    def _all_of(self, expected: Any) -> AskAll:
        """Every expected value must be among those that are there."""
        if self.word == "exists":
            return lambda values: (
                bool([value for value in values if value != ""]) == bool(expected)
            )
        comparisons = [
            self._one(value) for value in (expected if isinstance(expected, list) else [expected])
        ]

        if len(comparisons) == 1:
            return _first(comparisons[0])
        firsts = [_first(compare) for compare in comparisons]

        def fits(values: Sequence[Any]) -> bool | None:
            answers = [first(values) for first in firsts]
            return False if False in answers else None if None in answers else True

        return fits

    def _one(self, expected: Any) -> Callable[[Any], bool | None]:
        plain = self._plain
        if self.word == "matches":
            seek = search(_text(expected) if self._exact else f"(?i){_text(expected)}")
            return (lambda _: None) if seek is None else lambda value: seek(plain(value))
        wanted = plain(expected)  # `except` is taken out of both
        if self.word in ("equals", "deepEquals"):
            return lambda value: plain(value) == wanted
        if self.word == "contains":
            return lambda value: wanted in plain(value)
        if self.word == "startsWith":
            return lambda value: plain(value).startswith(wanted)
        return lambda value: plain(value).endswith(wanted)

    def tree(self, actual: Any, expected: Any) -> bool | None:
        """A JSON body: each expected field is as asked; `deepEquals` allows no other.

        A list as the whole body is sorted where it is expected and not where it came, and compared
        place by place: so does Mountebank. None where the order of unlike items is not known.
        """
        if self.keys_in_any_case:
            actual, expected = folded(actual), folded(expected)
        if self.word in ("deepEquals", "exists") or not isinstance(expected, list):
            return self._tree(actual, expected)
        if not isinstance(actual, list) or len(actual) < len(expected):
            return False
        in_order = self._in_order(expected)
        return None if in_order is None else all(map(self._tree, actual, in_order))

    def _in_order(self, items: list[Any]) -> list[Any] | None:
        if len(items) < 2:
            return items
        if all(isinstance(item, str) for item in items):
            return sorted(items, key=self._plain)
        if all(isinstance(item, int | float) for item in items):
            return sorted(items)
        if all(isinstance(item, dict | list) for item in items):
            exact = self._exact
            return sorted(
                items,
                key=lambda item: json.dumps(
                    item if exact else folded(item, texts=True),
                    sort_keys=True,
                    separators=(",", ":"),
                    ensure_ascii=False,
                ),
            )
        return None

    def _tree(self, actual: Any, expected: Any) -> bool:
        if self.word == "exists":
            if isinstance(expected, dict):
                fields = actual if isinstance(actual, dict) else {}
                return all(
                    self._tree(fields[name], value)
                    if name in fields and isinstance(value, dict)
                    else (name in fields) == bool(value)
                    for name, value in expected.items()
                )
            return bool(expected)
        if isinstance(expected, dict):
            spread = isinstance(actual, list) and self.word != "deepEquals"
            items = actual if spread else [actual]
            return any(self._object(item, expected) for item in items)
        if isinstance(expected, list):
            if not isinstance(actual, list) or (
                self.word == "deepEquals" and len(actual) != len(expected)
            ):
                return False
            return all(any(self._tree(item, part) for item in actual) for part in expected)
        if isinstance(actual, dict | list):
            return (
                isinstance(actual, list)
                and self.word != "deepEquals"
                and any(self._tree(item, expected) for item in actual)
            )
        return bool(self._one(expected)(actual))

    def _object(self, actual: Any, expected: dict[str, Any]) -> bool:
        if not isinstance(actual, dict) or (
            self.word == "deepEquals" and actual.keys() != expected.keys()
        ):
            return False
        return all(
            name in actual and self._tree(actual[name], value) for name, value in expected.items()
        )


def folded(value: Any, *, texts: bool = False) -> Any:
    """A document whose keys are in lower case, with `texts` its texts, too."""
    if isinstance(value, dict):
        return {str(name).lower(): folded(part, texts=texts) for name, part in value.items()}
    if isinstance(value, list):
        return [folded(part, texts=texts) for part in value]
    return value.lower() if texts and isinstance(value, str) else value


def _text(value: Any) -> str:
    """As JavaScript writes a number: 1.0 is 1."""
    is_whole = type(value) is float and value.is_integer() and abs(value) < _LONG
    return text_of(int(value) if is_whole else value)


def _lowered(value: Any) -> str:
    return _text(value).lower()


def _empty_if_absent(fits: AskAll) -> AskAll:
    return lambda values: fits(values or _ABSENT)


def _first(compare: Callable[[Any], bool | None]) -> AskAll:
    """What is said of the first value that is not surely another one."""

    def fits(values: Sequence[Any]) -> bool | None:
        for value in values:
            # what a selector found may be no text: it is as none
            answer = not isinstance(value, dict | list) and compare(value)
            if answer is not False:
                return answer
        return False

    return fits


def _without(pattern: str, clause: str, where: str, *, exact: bool) -> Callable[[str], str]:
    """Takes what a pattern matches out of a text. Only patterns that take no time are taken."""
    compiled = pattern_without(pattern if exact else f"(?i){pattern}")
    if compiled is None:
        raise ContractError(
            f"{where}: the pattern of `except` at {clause} cannot be used; write it without nested repetition",
            clause,
        )
    return lambda text: compiled.sub("", text[:100_000])


def selected_by(find: Find, *, any_case: bool) -> See:
    """The values of a JSON body that a selector finds, with `any_case` one in lower case. A list
    that it finds alone is its items.
    """

    def see(call: Call) -> tuple[list[Any], str]:
        values, problem = see_json(call)
        if problem or not values:
            return [], problem
        matches = find(folded(values[0], texts=True) if any_case else values[0])
        if matches is None:
            return [], "undecidable"
        alone = len(matches) == 1 and isinstance(matches[0], list) and matches[0]
        return matches[0] if alone else matches, ""

    return see


def no_other(names: frozenset[str], clause: str) -> Part:
    """No parameter of a query but these."""

    def see(call: Call) -> tuple[list[Any], str]:
        query = call.query
        return ([], "request_unseen") if query is None else (list(query), "")

    lowered = {name.lower() for name in names}
    return asked_part(
        see,
        lambda values: all(value.lower() in lowered for value in values),
        "deepEquals",
        "/query/*",
        clause,
    )


def all_of_them(parts: Sequence[Part]) -> Part:
    """Every one of these, up to the first that is broken."""

    def judge(call: Call, mismatches: Mismatches) -> None:
        for part in parts:
            part(call, mismatches)
            if mismatches:
                return

    return judge


def one_of_them(parts: Sequence[Part], clause: str) -> Part:
    """One of these at least; left open where that hangs on what is not seen."""

    def judge(call: Call, mismatches: Mismatches) -> None:
        trials = []
        for part in parts:
            trial = mismatches.apart()
            part(call, trial)
            if not trial and not trial.open:
                return
            trials.append(trial)
        half = next((trial for trial in trials if not trial), None)
        if half is not None:
            mismatches.leave(half.open, clause)
        elif trials:
            mismatches.add(trials[0].broken[0])

    return judge


def none_of_it(part: Part, clause: str) -> Part:
    """The opposite."""
    broken = Broken("not", "", clause, "not", "so")

    def judge(call: Call, mismatches: Mismatches) -> None:
        trial = mismatches.apart()
        part(call, trial)
        if not trial:
            if trial.open:
                mismatches.leave(trial.open, clause)
            else:
                mismatches.add(broken)

    return judge
