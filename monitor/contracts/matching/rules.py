"""Matching rules as documents write them, to what is asked of one value.

Each rule's meaning:
https://github.com/pact-foundation/pact-specification/tree/version-4#supported-matching-rules
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from monitor.contracts.matching import dates
from monitor.contracts.matching.patterns import literal_prefix, search
from monitor.errors import ContractError

Ask = Callable[[Any], bool | None]
"""Whether a value is as asked; None when that cannot be decided."""

_NAMES = {
    "min": "type", "max": "type", "minType": "type", "maxType": "type", "minMaxType": "type", "real": "decimal", "datetime": "timestamp",
    "content-type": "contentType", "array-contains": "arrayContains", "status-code": "statusCode", "not-empty": "notEmpty",
    "each-key": "eachKey", "each-value": "eachValue", "min-type": "type", "max-type": "type", "min-max-type": "type",
}  # fmt: skip
KINDS = frozenset(
    {
        *(
            "equality",
            "regex",
            "type",
            "include",
            "integer",
            "decimal",
            "number",
            "null",
            "boolean",
            "date",
            "time",
            "timestamp",
        ),
        *(
            "contentType",
            "values",
            "arrayContains",
            "statusCode",
            "notEmpty",
            "semver",
            "eachKey",
            "eachValue",
        ),
    }
)
OF_KEYS = frozenset({"values", "eachValue", "eachKey"})
ANYTHING = "anything"
"""A rule of ours: no document can name it."""

_OF_CONTAINERS = frozenset({"type", "equality", "notEmpty", *OF_KEYS, "arrayContains"})
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
_INTEGER, _NUMBER = (
    re.compile(r"[+-]?\d+", re.ASCII),
    re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII),
)
_DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_VARIANTS = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `least` and `most` bound a list's length, `rules` are those of `eachKey` and
    `eachValue`.

    `variants` of `arrayContains`: the index of the example, and the rules below it by their
    expressions.
    """

    kind: str
    text: str = ""
    least: int | None = None
    most: int | None = None
    rules: tuple["Rule", ...] = ()
    variants: tuple[tuple[int, Mapping[str, "Rules"]], ...] = ()
    statuses: tuple[int, ...] = ()
    unknown: str = ""
    """The kind as the document names it, where nobody knows it: then it asks for equality."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one place: every one must hold, with `either` one of them. `clause` points into
    the contract.
    """

    rules: tuple[Rule, ...]
    clause: str
    either: bool = False

    def has(self, kinds: frozenset[str]) -> bool:
        """Whether one of the rules is of these kinds."""
        return any(rule.kind in kinds for rule in self.rules)

    @property
    def name(self) -> str:
        """The kind of its first rule, which names what is broken."""
        return self.rules[0].kind


def read_rules(entry: Any, clause: str) -> Rules | None:
    """Rules in the form of versions 3 and 4 (`{matchers, combine}`), or one in that of version 2.
    None for none.
    """
    if not isinstance(entry, dict):
        raise ContractError(f"the matching rule at {clause} is no object", clause)
    if not isinstance(entry.get("matchers"), list):
        return (
            Rules((read_rule(entry, clause),), clause)
            if entry and "matchers" not in entry
            else None
        )
    rules = tuple(read_rule(matcher, clause) for matcher in entry["matchers"])
    return (
        Rules(rules, clause, either=str(entry.get("combine", "AND")).upper() == "OR")
        if rules
        else None
    )


def read_rule(entry: Any, clause: str) -> Rule:
    """One rule. One of a kind that nobody knows asks for equality, as it does in Pact for the JVM
    and as where there is no rule.
    """
    if not isinstance(entry, dict):
        raise ContractError(f"the matching rule at {clause} is no object", clause)
    named = entry.get("match", entry.get("pact:matcher:type"))
    kind = _NAMES.get(str(named), str(named)) if named is not None else _guessed(entry)
    if not kind:
        raise ContractError(f"the matching rule at {clause} does not say what it asks for", clause)
    if kind not in KINDS:
        return Rule("equality", unknown=kind[:40])
    if kind == "regex":
        text = entry.get("regex")
    elif kind in ("date", "time", "timestamp"):
        text = entry.get("format", entry.get(kind, entry.get("datetime")))
    else:
        text = entry.get("value")
    if kind in ("regex", "include", "contentType") and text is None:
        raise ContractError(
            f"the matching rule {kind} at {clause} does not say what to look for", clause
        )
    inner = (
        tuple(read_rule(rule, clause) for rule in entry.get("rules") or ())
        if kind in ("eachKey", "eachValue")
        else ()
    )
    return Rule(
        kind,
        text if isinstance(text, str) else "" if text is None else text_of(text),
        _count(entry.get("min")),
        _count(entry.get("max")),
        inner,
        _variants(entry, clause) if kind == "arrayContains" else (),
        _statuses(entry.get("status", "success"), clause) if kind == "statusCode" else (),
    )


def _guessed(entry: dict[str, Any]) -> str:
    for word, kind in (
        ("regex", "regex"),
        ("min", "type"),
        ("max", "type"),
        ("timestamp", "timestamp"),
        ("date", "date"),
        ("time", "time"),
    ):
        if word in entry:
            return kind
    return ""


def _count(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _variants(entry: dict[str, Any], clause: str) -> tuple[tuple[int, Mapping[str, Rules]], ...]:
    variants = entry.get("variants")
    if not isinstance(variants, list) or len(variants) > _MOST_VARIANTS:
        raise ContractError(
            f"the matching rule arrayContains at {clause} has no variants, or more than {_MOST_VARIANTS}",
            clause,
        )
    pairs = []
    for variant in variants:
        rules = variant.get("rules") if isinstance(variant, dict) else None
        by_path = {
            path: read
            for path, raw in (rules or {}).items()
            if (read := read_rules(raw, clause)) is not None
        }
        pairs.append(
            (_count(variant.get("index")) or 0 if isinstance(variant, dict) else 0, by_path)
        )
    return tuple(pairs)


def _statuses(statuses: Any, clause: str) -> tuple[int, ...]:
    classes = {
        "info": range(100, 200), "success": range(200, 300), "redirect": range(300, 400), "clientError": range(400, 500),
        "serverError": range(500, 600), "nonError": range(100, 400), "error": range(400, 600),
    }  # fmt: skip
    if isinstance(statuses, list):
        return tuple(status for status in statuses if isinstance(status, int))
    if isinstance(statuses, str) and statuses in classes:
        return tuple(classes[statuses])
    raise ContractError(f"the matching rule statusCode at {clause} names no statuses", clause)


def text_of(value: Any) -> str:
    """A scalar as the text that regular expressions look at."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME, default=str).decode()
    except TypeError:  # an integer of more than 64 bits, or nested deeper than orjson writes
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def equal(actual: Any, expected: Any) -> bool:
    """JSON equality: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(equal(actual[key], expected[key]) for key in expected)
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(map(equal, actual, expected))
        )
    return bool(actual == expected) and isinstance(actual, bool) == isinstance(expected, bool)


def kind_of(value: Any) -> str:
    """The type as the rule `type` sees it: all numbers are one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def ask(rules: Rules, expected: Any, *, text: bool = False) -> Ask:
    """What rules ask of a scalar, or of a container's own self. With `text` all values are texts
    that stand for others.
    """
    checks = [_asked(rule, expected, text=text) for rule in rules.rules]
    if len(checks) == 1:
        return checks[0]
    either = rules.either

    def both(value: Any) -> bool | None:
        answers = [check(value) for check in checks]
        if either:
            return True if True in answers else None if None in answers else False
        return False if False in answers else None if None in answers else True

    return both


def names_broken(rules: Rules, expected: Any, *, text: bool = False) -> Callable[[Any], str]:
    """The kind of the first rule that a value breaks, for values that break one of them."""
    if len(rules.rules) == 1 or rules.either:
        return lambda _: rules.name
    checks = [(rule.kind, _asked(rule, expected, text=text)) for rule in rules.rules]
    return lambda value: next(
        (kind for kind, check in checks if check(value) is False), rules.name
    )


def _asked(rule: Rule, expected: Any, *, text: bool) -> Ask:
    kind = rule.kind
    # what is said of a map says nothing of the values in it
    if kind in (ANYTHING, "eachKey", "eachValue"):
        return lambda _: True
    if kind in ("equality", "values"):
        return lambda value: equal(value, expected)
    if kind in ("type", "arrayContains"):
        if text:
            return lambda _: True
        wanted = kind_of(expected)
        return {
            "string": lambda value: type(value) is str,
            "number": _number,
            "boolean": lambda value: type(value) is bool,
            "null": lambda value: value is None,
            "array": lambda value: type(value) is list,
            "object": lambda value: type(value) is dict,
        }[wanted]
    if kind in ("regex", "date", "time", "timestamp"):
        return _searched(rule)
    if kind == "include":
        return lambda value: not isinstance(value, dict | list) and rule.text in text_of(value)
    if kind == "semver":
        return lambda value: isinstance(value, str) and _SEMVER.fullmatch(value) is not None
    if kind == "notEmpty":
        return lambda value: value is not None and value not in ("", [], {})
    if kind == "boolean":
        return lambda value: isinstance(value, bool) or value in ("true", "false")
    if kind == "statusCode":
        return lambda value: value in rule.statuses
    if kind == "contentType":
        return lambda _: None
    return _of_text(kind) if text else _of_number(kind)


def _of_number(kind: str) -> Ask:
    if kind == "null":
        return lambda value: value is None
    if kind == "integer":
        return lambda value: type(value) is int
    if kind == "decimal":
        return lambda value: type(value) is float and math.isfinite(value)
    return _number


def _of_text(kind: str) -> Ask:
    if kind == "null":
        return lambda value: value in ("", None)
    form = {"integer": _INTEGER, "decimal": _DECIMAL}.get(kind, _NUMBER)
    return lambda value: form.fullmatch(str(value)) is not None


def _searched(rule: Rule) -> Ask:
    if rule.kind == "regex":
        matcher = search(rule.text, whole=True)  # as Pact's own core does
    else:
        form = rule.text or {"date": dates.DATE, "time": dates.TIME}.get(
            rule.kind, dates.TIMESTAMP
        )
        pattern = dates.pattern_of(form)
        matcher = None if pattern is None else search(pattern, whole=True)
    if matcher is None:
        return lambda _: None
    seek = matcher

    def fits(value: Any) -> bool | None:
        if type(value) is str:
            return seek(value)
        return False if isinstance(value, dict | list) else seek(text_of(value))

    return fits


def holds_for_containers(rules: Rules) -> bool:
    """Whether one of the rules says something of a list or an object as a whole."""
    return rules.has(_OF_CONTAINERS)


def unjudged(rules: Rules) -> bool:
    """Whether one of the rules cannot be judged: a pattern or a format that cannot be compiled."""
    return any(
        rule.kind in ("regex", "date", "time", "timestamp") and _undecided(rule)
        for rule in rules.rules
    )


def _undecided(rule: Rule) -> bool:
    return _searched(rule)("") is None


def prefix_of(rules: Rules | None) -> str:
    """What every text begins with that keeps rules; "" where nothing is sure."""
    return (
        literal_prefix(rules.rules[0].text)
        if rules is not None and len(rules.rules) == 1 and rules.name == "regex"
        else ""
    )
