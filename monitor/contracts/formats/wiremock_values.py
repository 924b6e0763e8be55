"""WireMock's value matchers to what is asked of a value.
https://wiremock.org/docs/request-matching/
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from monitor.contracts.compiling import Draft
from monitor.contracts.formats.wiremock_dates import (
    DATES,
    NUMBERS,
    compared_moment,
    compared_number,
)
from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.matching.jsonpath import compile_path, definite
from monitor.contracts.matching.likeness import Likeness
from monitor.contracts.matching.markup import Element, parse_xml
from monitor.contracts.matching.patterns import search
from monitor.contracts.matching.predicates import AskAll, combined, negated, some
from monitor.contracts.matching.rules import text_of
from monitor.contracts.matching.work import MATCHER, Work
from monitor.contracts.refs import survey
from monitor.contracts.schemas import Schemas
from monitor.contracts.work import allowed_depth
from monitor.errors import ContractError

_JSON = frozenset({"equalToJson", "matchesJsonPath", "matchesJsonSchema"})
_UNJUDGED = frozenset(
    {
        *(
            "matchesXPath",
            "binaryEqualTo",
            "customMatcher",
        ),
        "matchesPathTemplate",
    }
)
_MODIFIERS = frozenset(
    (
        "and or not absent anything hasExactly includes caseInsensitive ignoreArrayOrder "
        "ignoreExtraElements ignoreOrderOfSameNode namespaceAwareness enablePlaceholders "
        "placeholderOpeningDelimiterRegex placeholderClosingDelimiterRegex schemaVersion "
        "actualFormat truncateActual truncateExpected applyTruncationLast expectedOffset "
        "expectedOffsetUnit xPathNamespaces expression name"
    ).split()
)
_DEEPEST = 20
_DRAFTS: dict[str, Draft] = {
    "V4": "4",
    "V6": "6",
    "V7": "7",
    "V201909": "2019-09",
    "V202012": "2020-12",
}


class Values:
    """Compiles matchers of one stub. `left` gathers those that will not be judged, by pointer."""

    def __init__(self, work: Work) -> None:
        self._where = work.where
        self._work = work
        self.left: list[tuple[str, str]] = []

    def of_json(self, matcher: Any) -> bool:
        """Whether a matcher looks at decoded JSON."""
        if not isinstance(matcher, dict):
            return False
        inner = [part for word in ("and", "or") for part in matcher.get(word) or ()] + [
            matcher.get("not")
        ]
        return bool(_JSON & matcher.keys()) or any(map(self.of_json, inner))

    def ask(self, matcher: Any, clause: str, depth: int = 0) -> AskAll:
        """What a matcher asks of the values of one place: some value fits the whole of it, also
        where it says `not`. Raises ContractError for what cannot be read.
        """
        whole = self._ask(matcher, clause, depth)
        if speaks_of_several(matcher):
            return whole
        each = some(lambda value: whole([value]))
        return lambda values: each(values) if len(values) > 1 else whole(values)

    def _ask(self, matcher: Any, clause: str, depth: int) -> AskAll:
        if not isinstance(matcher, dict) or depth > _DEEPEST:
            raise ContractError(
                f"{self._where}: the matcher at {clause} is no object, or nests too deep", clause
            )
        self._work.spend(MATCHER, clause)
        asks: list[AskAll] = []
        for word in ("and", "or"):
            if isinstance(matcher.get(word), list):
                inner = [
                    self._ask(part, f"{clause}/{word}/{index}", depth + 1)
                    for index, part in enumerate(matcher[word])
                ]
                asks.append(combined(inner, either=word == "or"))
        if isinstance(matcher.get("not"), dict):
            asks.append(negated(self._ask(matcher["not"], f"{clause}/not", depth + 1)))
        if "absent" in matcher:  # whatever stands behind it: WireMock does not look at that
            asks.append(lambda values: not values)
        if "anything" in matcher:
            asks.append(lambda _: True)
        for word in ("hasExactly", "includes"):
            if isinstance(matcher.get(word), list):
                each = [
                    self.ask(part, f"{clause}/{word}/{index}", depth + 1)
                    for index, part in enumerate(matcher[word])
                ]
                asks.append(_of_several(each, whole=word == "hasExactly"))
        for word, operand in matcher.items():
            ask = self._one(word, operand, matcher, clause, depth)
            if ask is not None:
                asks.append(ask)
        if not asks:
            self.left.append((clause, "this matcher is not judged"))
            return lambda _: None
        return asks[0] if len(asks) == 1 else combined(asks, either=False)

    def _one(
        self, word: str, operand: Any, matcher: dict[str, Any], clause: str, depth: int
    ) -> AskAll | None:
        if word in _UNJUDGED:
            self.left.append(
                (
                    f"{clause}/{word}",
                    f"{word} is not judged: whether a request is meant stays open",
                )
            )
            return lambda _: None
        if word in ("equalTo", "contains", "doesNotContain", "matches", "doesNotMatch"):
            return self._text(word, operand, matcher, clause)
        if word == "equalToJson":
            return some(self._equal_to_json(operand, matcher, clause))
        if word == "equalToXml":
            if matcher.get("enablePlaceholders") is True:
                self.left.append((f"{clause}/equalToXml", "placeholders in XML are not judged"))
                return lambda _: None
            return some(self._equal_to_xml(operand, clause))
        if word == "matchesJsonPath":
            return some(self._json_path(operand, clause, depth))
        if word == "matchesJsonSchema":
            return some(self._json_schema(operand, matcher, clause))
        if word in DATES or word in NUMBERS:
            return self._compared(word, operand, matcher, clause)
        if word not in _MODIFIERS:
            self.left.append((f"{clause}/{word}", "this matcher is not known, and is not judged"))
            return lambda _: None
        return None

    def _compared(self, word: str, operand: Any, matcher: dict[str, Any], clause: str) -> AskAll:
        asked = compared_moment(word, matcher) if word in DATES else compared_number(word, operand)
        if isinstance(asked, str):
            said = f"{asked}: whether a request is meant stays open"
            self.left.append((f"{clause}/{word}", said))
            return lambda _: None
        return some(lambda value: asked(text_of(value)))

    def _text(self, word: str, operand: Any, matcher: dict[str, Any], clause: str) -> AskAll:
        expected = operand if isinstance(operand, str) else text_of(operand)
        if word == "equalTo":
            if matcher.get("caseInsensitive") is True:
                return some(lambda value: text_of(value).lower() == expected.lower())
            return some(lambda value: text_of(value) == expected)
        if word in ("contains", "doesNotContain"):
            holds: Callable[[Any], bool | None] = lambda value: expected in text_of(value)  # noqa: E731 - short beside its kin
            return some(holds) if word == "contains" else _none(holds)
        seek = search(expected, whole=True, dot_all=True)
        if seek is None:
            self.left.append(
                (f"{clause}/{word}", "this pattern cannot be compiled, and is not judged")
            )
            return lambda _: None
        return (
            some(lambda value: seek(text_of(value)))
            if word == "matches"
            else _none(lambda value: seek(text_of(value)))
        )

    def _equal_to_json(
        self, operand: Any, matcher: dict[str, Any], clause: str
    ) -> Callable[[Any], bool | None]:
        expected = operand
        if isinstance(operand, str):
            try:
                expected = json.loads(operand)
            except (ValueError, RecursionError):
                raise ContractError(
                    f"{self._where}: {clause}/equalToJson is no JSON", f"{clause}/equalToJson"
                ) from None
        extra, unordered = (
            matcher.get("ignoreExtraElements") is True,
            matcher.get("ignoreArrayOrder") is True,
        )
        return lambda value: Likeness(extra=extra, unordered=unordered).like(value, expected)

    def _equal_to_xml(self, operand: Any, clause: str) -> Callable[[Any], bool | None]:
        expected = parse_xml(str(operand))
        if expected is None:
            raise ContractError(
                f"{self._where}: {clause}/equalToXml is no XML", f"{clause}/equalToXml"
            )

        def fits(value: Any) -> bool | None:
            element = parse_xml(str(value))
            return False if element is None else _same(element, expected)

        return fits

    def _json_path(self, operand: Any, clause: str, depth: int) -> Callable[[Any], bool | None]:
        expression = (
            operand
            if isinstance(operand, str)
            else operand.get("expression")
            if isinstance(operand, dict)
            else None
        )
        if not isinstance(expression, str):
            raise ContractError(
                f"{self._where}: {clause}/matchesJsonPath names no expression",
                f"{clause}/matchesJsonPath",
            )
        try:
            find = compile_path(expression, jayway=True)
        except ContractError as error:
            self.left.append((f"{clause}/matchesJsonPath", f"{error}, and is not judged"))
            return lambda _: None
        inner = (
            {word: value for word, value in operand.items() if word != "expression"}
            if isinstance(operand, dict)
            else {}
        )
        ask = self._ask(inner, f"{clause}/matchesJsonPath", depth + 1) if inner else None
        single, as_json = definite(expression), self.of_json(inner)

        def fits(value: Any) -> bool | None:
            values = find(value)
            if values is None:
                return None
            if ask is None:
                return bool(values) and not (single and values[0] in (None, [], {}))
            # what a path finds is one value, or several of which one must fit
            picked: Any = values[0] if single and values else None if single else values
            if picked is None or picked == []:
                return inner.keys() == {"absent"}
            several = isinstance(picked, list) and not as_json
            return any_fits(picked if several else [picked])

        any_fits = some(lambda value: None if ask is None else ask([value]))

        return fits

    def _json_schema(
        self, operand: Any, matcher: dict[str, Any], clause: str
    ) -> Callable[[Any], bool | None]:
        schema = operand
        if isinstance(operand, str):
            try:
                schema = json.loads(operand)
            except (ValueError, RecursionError):
                schema = None
        pointer = f"{clause}/matchesJsonSchema"
        if isinstance(schema, bool):
            return lambda _: schema
        if not isinstance(schema, dict):
            raise ContractError(f"{self._where}: {pointer} is no schema", pointer)
        survey(schema, f"{self._where} {pointer}", CONTRACT_LIMITS)
        if allowed_depth(schema, CONTRACT_LIMITS.work) < 1:
            raise ContractError(
                f"{self._where}: too many schemas of {pointer} apply to one value", pointer
            )
        draft = _DRAFTS.get(str(matcher.get("schemaVersion", "V202012")), "2020-12")
        compiled = Schemas(
            {key: value for key, value in schema.items() if key != "$id"},
            draft,
            where=f"{self._where} {pointer}",
            assert_formats=False,  # as the drafts have it: the newer ones hold no format
        ).lazily("")
        compiled.compiled()

        def fits(value: Any) -> bool | None:
            try:
                return compiled.fits(value)
            except (ValueError, RecursionError):
                return None

        return fits


def _none(ask: Callable[[Any], bool | None]) -> AskAll:
    """No value is so."""
    any_holds = some(ask)

    def fits(values: Sequence[Any]) -> bool | None:
        answer = any_holds(values)
        return None if answer is None else not answer

    return fits


def _same(actual: Element, expected: Element) -> bool:
    return (
        (actual.name, actual.attributes, actual.text)
        == (expected.name, expected.attributes, expected.text)
        and len(actual.children) == len(expected.children)
        and all(map(_same, actual.children, expected.children))
    )


def pattern_without(text: str) -> re.Pattern[str] | None:
    """A pattern of Python's for taking parts out of short texts; None for one that is too costly
    or unknown.
    """
    try:
        return (
            re.compile(text)
            if len(text) <= 200 and not re.search(r"[*+}]\)?[*+{]|\\\d", text)
            else None
        )
    except (re.error, RecursionError, OverflowError):
        return None


def speaks_of_several(matcher: Any) -> bool:
    """Whether a matcher asks for several values of one place."""
    return isinstance(matcher, dict) and not {"hasExactly", "includes"}.isdisjoint(matcher)


def either_way(ask: AskAll) -> AskAll:
    """What is asked of the lines of a header: a log may write several as one, with commas, and
    one may hold commas. Open where the two readings differ.
    """

    def fits(values: Sequence[Any]) -> bool | None:
        answer = ask(values)
        parts = [part.strip() for value in values for part in str(value).split(",")]
        return answer if len(parts) == len(values) or ask(parts) == answer else None

    return fits


def _of_several(each: Sequence[AskAll], *, whole: bool) -> AskAll:
    """Each matcher fits one of the values; `whole`: there are as many values as matchers.
    https://wiremock.org/docs/request-matching/#matching-headersqueryparameters-containing-multiple-values
    """

    def check(values: Sequence[Any]) -> bool | None:
        if whole and len(values) != len(each):
            return False
        fitting = [[ask([value]) for value in values] for ask in each]
        if all(True in row for row in fitting):
            return True
        return None if all(True in row or None in row for row in fitting) else False

    return check
