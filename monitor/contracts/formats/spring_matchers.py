"""Matchers of Spring Cloud Contract's YAML: of URLs, headers, queries, cookies and bodies."""

from collections.abc import Mapping
from typing import Any

from monitor.contracts.form import Left
from monitor.contracts.formats.pact_rules import unshown_in
from monitor.contracts.matching.content import example_of
from monitor.contracts.matching.paths import parse
from monitor.contracts.matching.predicates import AskAll, negated, some
from monitor.contracts.matching.rules import Ask, Rule, Rules, ask, unjudged
from monitor.errors import ContractError

# The library's named patterns: RegexPatterns in spring-cloud-contract-spec.
_PREDEFINED = {
    "only_alpha_unicode": r"[\p{L}]*",
    "number": r"-?(\d*\.\d+|\d+)",
    "any_double": r"-?(\d*\.\d+)",
    "any_boolean": r"(true|false)",
    "ip_address": r"([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])",
    "hostname": r"((http[s]?|ftp):/)/?([^:/\s]+)(:[0-9]{1,5})?",
    "email": r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,6}",
    "url": r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s]+",
    "uuid": r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}",
    "iso_date": r"\d{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])",
    "iso_date_time": r"\d{4}-(0[1-9]|1[0-2])-(3[01]|0[1-9]|[12][0-9])T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])",
    "iso_time": r"(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])",
    "iso_8601_with_offset": r"\d{4}-(0[1-9]|1[0-2])-(3[01]|0[1-9]|[12][0-9])T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])(\.\d{1,9})?(Z|[+-][01]\d:[0-5]\d)",
    "non_empty": r"[\s\S]+",
    "non_blank": r"\s*\S[\s\S]*",
    "positive_int": r"[1-9]\d*",
    "any_integer": r"-?\d+",
    "any_positive_int": r"[1-9]\d*",
    "alpha_numeric": r"[a-zA-Z0-9]+",
    "any_non_blank_string": r"\s*\S[\s\S]*",
    "any_non_empty_string": r"[\s\S]+",
}
_TYPES = {
    "as_integer": "integer", "as_long": "integer", "as_short": "integer", "as_double": "number", "as_float": "number", "as_boolean": "boolean",
}  # fmt: skip


class Matchers:
    """Reads the matchers of one contract. What cannot be judged goes to `left`."""

    def __init__(self, where: str, left: list[Left]) -> None:
        self._where, self._left = where, left

    def parameter(self, matcher: dict[str, Any], pointer: str) -> AskAll:
        """What is asked of all values of a parameter."""
        kind, value = str(matcher.get("type", "equal_to")), text_of(matcher.get("value", ""))
        if kind == "absent":
            return lambda values: not values
        if kind in ("equal_to", "containing", "not_containing"):
            check: Ask = (
                equals(value) if kind == "equal_to" else lambda actual: value in str(actual)
            )
            return some(check) if kind != "not_containing" else negated(some(check))
        if kind in ("matching", "not_matching"):
            fits = some(ask(Rules((Rule("regex", value),), pointer), "", text=True))
            return fits if kind == "matching" else negated(fits)
        self._left.append(
            Left(pointer, f"{kind[:40]} is not judged: whether a request is meant stays open")
        )
        return lambda _: None

    def unshown(self, rules: Mapping[str, Rules], value: Any, media: str) -> None:
        """Name the matchers of places that the body does not show."""
        example = example_of(value, media)
        if example.kind == "json":
            self._left += unshown_in(rules, example.value)

    def body_rules(self, message: dict[str, Any], clause: str) -> dict[str, Rules]:
        """The rules of a body by path. Raises ContractError for a matcher that names none."""
        by_path: dict[str, list[Rule]] = {}
        for index, matcher in enumerate(
            (*listed(message, "body"), *self._old_matchers(message, clause))
        ):
            pointer = f"{clause}/body/{index}"
            path = matcher.get("path") if isinstance(matcher, dict) else None
            if not isinstance(path, str):
                raise ContractError(
                    f"{self._where}: the matcher at {pointer} names no path", pointer
                )
            rule = self._body_rule(matcher, pointer)
            if rule is None:
                continue
            try:
                parse(path)
            except ContractError as error:
                self._left.append(Left(pointer, f"{error}, and is not judged"))
                continue
            by_path.setdefault(path, []).append(rule)
        return {path: Rules(tuple(rules), f"{clause}/body") for path, rules in by_path.items()}

    def _old_matchers(self, message: dict[str, Any], clause: str) -> list[Any]:
        held = message.get("bodyMatchers") or []
        if not isinstance(held, list):
            pointer = f"{clause.removesuffix('/matchers')}/bodyMatchers"
            raise ContractError(f"{self._where}: {pointer} is no list of matchers", pointer)
        return held

    def _body_rule(self, matcher: dict[str, Any], pointer: str) -> Rule | None:
        kind = str(
            matcher.get(
                "type",
                "by_regex"
                if "value" in matcher or "predefined" in matcher or "regex" in matcher
                else "by_equality",
            )
        )
        if kind == "by_regex":
            rules = self.rule(matcher, pointer)
            return None if rules is None else rules.rules[0]
        names = {"by_date": "iso_date", "by_time": "iso_time", "by_timestamp": "iso_date_time"}
        if kind in names:
            return Rule("regex", _PREDEFINED[names[kind]])
        if kind == "by_type":
            least, most = matcher.get("minOccurrence"), matcher.get("maxOccurrence")
            return Rule(
                "type",
                least=least if isinstance(least, int) else None,
                most=most if isinstance(most, int) else None,
            )
        if kind in ("by_equality", "by_null"):
            return Rule("equality" if kind == "by_equality" else "null")
        self._left.append(Left(pointer, f"{kind[:40]} is not judged"))
        return Rule("anything")

    def rule(self, matcher: dict[str, Any], pointer: str) -> Rules | None:
        """A pattern, a named one, or a type; None for what only the provider's own
        code can tell.
        """
        if "command" in matcher:
            self._left.append(Left(pointer, "a command of the provider's tests is not judged"))
            return None
        if isinstance(matcher.get("predefined"), str):
            pattern = _PREDEFINED.get(matcher["predefined"])
            if pattern is None:
                raise ContractError(
                    f"{self._where}: the pattern {matcher['predefined'][:40]!r} at {pointer} is unknown",
                    pointer,
                )
            return Rules((Rule("regex", pattern),), pointer)
        text = matcher.get("regex", matcher.get("value"))
        if text is None and str(matcher.get("regexType")) in _TYPES:
            return Rules((Rule(_TYPES[str(matcher["regexType"])]),), pointer)
        if not isinstance(text, str):
            raise ContractError(
                f"{self._where}: the matcher at {pointer} names no pattern", pointer
            )
        rules = Rules((Rule("regex", text),), pointer)
        if unjudged(rules):
            self._left.append(Left(pointer, "this pattern cannot be compiled, and is not judged"))
        return rules


def listed(message: Mapping[str, Any], word: str) -> list[dict[str, Any]]:
    """The matchers of one kind."""
    matchers = message.get("matchers")
    listed = matchers.get(word) if isinstance(matchers, dict) else None
    return (
        [matcher for matcher in listed if isinstance(matcher, dict)]
        if isinstance(listed, list)
        else []
    )


def text_of(value: Any) -> str:
    """A value of YAML as a header or parameter shows it."""
    return (
        value
        if isinstance(value, str)
        else {True: "true", False: "false", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )


def equals(wanted: str) -> Ask:
    """Whether a value is this very text."""
    return lambda value: value == wanted
