"""The matching rules of a pact by what they speak of: path, headers, query, metadata, body."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.contracts.form import Left
from monitor.contracts.matching.paths import leads, parse
from monitor.contracts.matching.rules import Rules, read_rules, unjudged
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_CATEGORY = re.compile(
    r"^\$\.?(?:\[['\"])?(body|headers?|query|path|status|method|metadata|content)(?:['\"]\])?(?=[.\[]|$)"
)
_INDEXED = re.compile(r"(.+)(\[\d{1,6}\])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one side, by category and expression."""

    path: Rules | None = None
    status: Rules | None = None
    headers: Mapping[str, Rules] = field(default_factory=dict)
    query: Mapping[str, Rules] = field(default_factory=dict)
    metadata: Mapping[str, Rules] = field(default_factory=dict)
    body: Mapping[str, Rules] = field(default_factory=dict)


_READ = frozenset("path status header query metadata body content".split())


class RuleReader:
    """Reads the rules of one pact, which may have `most` of them. What cannot be judged goes to
    `left`.
    """

    def __init__(self, most: int, left: list[Left]) -> None:
        self._most = most
        self._left = left
        self._count = 0

    def read(self, matching: dict[str, Any], pointer: str) -> RuleSet:
        """The rules at a pointer. Raises ContractError for what cannot be read."""
        categories = _by_category(matching, pointer)
        for kind, by_path in categories.items():
            for path, rules in by_path.items():
                if kind not in _READ:
                    self._left.append(
                        Left(rules.clause, f"matching rules of {kind[:40]!r} are not judged")
                    )
                for rule in rules.rules:
                    if rule.unknown:
                        self._left.append(
                            Left(
                                rules.clause,
                                f"the matching rule {rule.unknown!r} is unknown, and equality is asked for",
                            )
                        )
                parse(path)
                self._count += 1
                if self._count > self._most:
                    raise ContractError(
                        f"{self._count} matching rules are more than a pact may have; split it"
                    )
                if unjudged(rules):
                    self._left.append(
                        Left(
                            rules.clause,
                            "this pattern or format cannot be compiled, and is not judged",
                        )
                    )
        return RuleSet(
            next(iter(categories.get("path", {}).values()), None),
            next(iter(categories.get("status", {}).values()), None),
            {_first(path).lower(): rules for path, rules in categories.get("header", {}).items()},
            categories.get("query", {}),
            {
                _first(path).lower(): rules
                for path, rules in categories.get("metadata", {}).items()
            },
            categories.get("body", {}) | categories.get("content", {}),
        )


def _by_category(matching: dict[str, Any], pointer: str) -> dict[str, dict[str, Rules]]:
    """Versions 3 and 4 name categories, version 2 writes them into each path."""
    categories: dict[str, dict[str, Rules]] = {}
    for word, category_rules in matching.items():
        clause = f"{pointer}/{escaped(word)}"
        category = _CATEGORY.match(word)
        if category is not None:
            kind = {"headers": "header", "contents": "content"}.get(category[1], category[1])
            read = read_rules(category_rules, clause)
            if read is not None:
                categories.setdefault(kind, {})["$" + word[category.end() :]] = read
            continue
        kind = {"headers": "header", "contents": "content"}.get(word, word)
        if not isinstance(category_rules, dict):
            raise ContractError(f"the matching rules at {clause} are no object", clause)
        for path, rules in (
            {"$": category_rules}
            if isinstance(category_rules.get("matchers"), list)
            else category_rules
        ).items():
            read = read_rules(rules, f"{clause}/{escaped(path)}")
            if read is not None:
                categories.setdefault(kind, {})[_expression(kind, path)] = read
    return categories


def _expression(kind: str, path: str) -> str:
    """Headers and parameters are named as they are, or by a path."""
    if kind not in ("header", "query", "metadata") or path.startswith(("$.", "$[")) or path == "$":
        return path
    indexed = _INDEXED.fullmatch(path) if kind == "query" else None
    name, rest = (indexed[1], indexed[2]) if indexed else (path, "")
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$['{quoted}']{rest}"


def _first(path: str) -> str:
    tokens = parse(path)
    return tokens[0].text if tokens else ""


def unshown(ruled: Mapping[str, Rules], names: Iterable[str]) -> list[Left]:
    """The rules of headers or parameters that an example does not show: Pact asks for nothing
    there.
    """
    shown = {*names, "", "*", "[*]"}
    sentence = "the example shows nothing of this name, and it is not judged"
    return [
        Left(held.clause, sentence) for path, held in ruled.items() if _named(path) not in shown
    ]


def unshown_in(ruled: Mapping[str, Rules], example: Any) -> list[Left]:
    """The rules of a JSON body that speak of no place of its example."""
    sentence = "the example shows no such place, and it is not judged"
    return [
        Left(held.clause, sentence) for path, held in ruled.items() if not leads(path, example)
    ]


def _named(path: str) -> str:
    return _first(path) if path.startswith("$") else path
