"""What Mountebank's predicates ask of the places of a request.

https://www.mbtest.dev/docs/api/predicates
"""

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


class Compare:
    """How one predicate compares texts: its word, in any case or not, without what
    `except` names.
    """

    def __init__(self, word: str, predicate: Mapping[str, Any], clause: str, where: str) -> None:
        self._word = word
        self._exact = predicate.get("caseSensitive") is True
        self.keys_in_any_case = not self._exact and predicate.get("keyCaseSensitive") is not True
        as_it_is = self._exact or word == "matches"
        self._plain: Callable[[Any], str] = text_of if as_it_is else _lowered
        if isinstance(predicate.get("except"), str) and predicate["except"]:
            left = _without(predicate["except"], clause, where, exact=self._exact)
            self._plain = (
                (lambda value: left(text_of(value)))
                if as_it_is
                else lambda value: left(text_of(value)).lower()
            )

    def all_of(self, expected: Any) -> AskAll:
        """A place whose every expected value must be among those that are there."""
        if self._word == "exists":
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

    def some_of(self, expected: Any) -> AskAll:
        """The same of values that a selector found; `deepEquals` allows no other."""
        fits = self.all_of(expected)
        if self._word != "deepEquals":
            return fits
        count = len(expected) if isinstance(expected, list) else 1
        return lambda values: len(values) == count and fits(values)

    def _one(self, expected: Any) -> Callable[[Any], bool | None]:
        plain = self._plain
        if self._word == "matches":
            seek = search(text_of(expected) if self._exact else f"(?i){text_of(expected)}")
            return (lambda _: None) if seek is None else lambda value: seek(plain(value))
        wanted = plain(expected)  # `except` is taken out of both
        if self._word in ("equals", "deepEquals"):
            return lambda value: plain(value) == wanted
        if self._word == "contains":
            return lambda value: wanted in plain(value)
        if self._word == "startsWith":
            return lambda value: plain(value).startswith(wanted)
        return lambda value: plain(value).endswith(wanted)

    def tree(self, actual: Any, expected: Any) -> bool:
        """A JSON body: each expected field is as asked; `deepEquals` allows no other."""
        if self.keys_in_any_case:
            return self._tree(folded(actual), folded(expected))
        return self._tree(actual, expected)

    def _tree(self, actual: Any, expected: Any) -> bool:
        if self._word == "exists":
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
            spread = isinstance(actual, list) and self._word != "deepEquals"
            items = actual if spread else [actual]
            return any(self._object(item, expected) for item in items)
        if isinstance(expected, list):
            if not isinstance(actual, list) or (
                self._word == "deepEquals" and len(actual) != len(expected)
            ):
                return False
            return all(any(self._tree(item, part) for item in actual) for part in expected)
        if isinstance(actual, dict | list):
            return (
                isinstance(actual, list)
                and self._word != "deepEquals"
                and any(self._tree(item, expected) for item in actual)
            )
        return bool(self._one(expected)(actual))

    def _object(self, actual: Any, expected: dict[str, Any]) -> bool:
        if not isinstance(actual, dict) or (
            self._word == "deepEquals" and actual.keys() != expected.keys()
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


def _lowered(value: Any) -> str:
    return text_of(value).lower()


def _first(compare: Callable[[Any], bool | None]) -> AskAll:
    """What is said of the first value that is not surely another one."""

    def fits(values: Sequence[Any]) -> bool | None:
        for value in values:
            answer = compare(value)
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
