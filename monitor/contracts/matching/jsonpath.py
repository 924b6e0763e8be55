"""JSONPath as stubs write it: names, indices, wildcards, descent and simple filters, evaluated
within bounds.

https://www.rfc-editor.org/rfc/rfc9535 and the words of Jayway's library. What is not of these is
refused, never guessed. Jayway differs in three ways (https://github.com/json-path/JsonPath): a
filter asks an object itself, not its members; a number equals the text that it is written as; and
only objects and lists have a length.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from monitor.contracts.matching.patterns import search
from monitor.errors import ContractError

Find = Callable[[Any], list[Any] | None]
"""All values that a path names in a document; None when the search would take too long."""

_STEP = re.compile(
    r"(\.\.)?(?:\.?([A-Za-z_$@\-\w][\w\-$@]*)(?!\()|\.?(\*)|\.?\[\s*(?:(-?\d{1,9}|\(\s*@\.length\s*-\s*\d{1,9}\s*\))|(\*)|'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|\?\s*\((.*?)\)|(-?\d{0,9}):(-?\d{0,9}))\s*\])",
    re.DOTALL,
)
_SIZE = re.compile(r"\.(?:size|length)\(\)$")
_WORDS = re.compile(
    r"\s*@((?:\.[\w\-]+|\.?\['[^']*'\]|\.?\[\"[^\"]*\"\]|\.?\[\d+\])*)\s+(in|nin|subsetof|anyof|noneof|size|empty|contains)"
    r"\s+(.+?)\s*$",
    re.DOTALL | re.IGNORECASE,
)
_ITEM = re.compile(r"\s*('[^'\\]*'|\"[^\"\\]*\"|[\w.+\-]+)\s*(?:,|$)")
_TERM = re.compile(
    r"\s*(!?)\s*@((?:\.[\w\-]+|\.?\['[^']*'\]|\.?\[\"[^\"]*\"\]|\.?\[\d+\])*(?:\.(?:size|length)\(\))?)\s*(?:(==|!=|<=|>=|<|>|=~)\s*(.+?))?\s*$",
    re.DOTALL,
)
_MOST = 50_000


def definite(text: str) -> bool:
    """Whether a path names one place at most."""
    return not re.search(r"\.\.|\*|\?\s*\(|\[[^\]'\"]*[:,]", text)


def compile_path(text: str, *, jayway: bool = False) -> Find:
    """The search for a path, with `jayway` as that library has it. Raises ContractError for one
    that is not understood.
    """
    expression = text.strip()
    if not expression.startswith("$"):
        expression = f"$.{expression}"
    rest = expression[1:]
    sized = _SIZE.search(rest)
    steps = _steps(rest[: sized.start()] if sized else rest, text, jayway=jayway)
    long = dict | list if jayway else dict | list | str

    def find(document: Any) -> list[Any] | None:
        level = [document]
        for deep, step in steps:
            if deep:
                level = [node for parent in level for node in _every(parent)]
            level = [child for parent in level for child in step(parent)]
            if len(level) > _MOST:
                return None
        return [len(node) for node in level if isinstance(node, long)] if sized else level

    return find


def _steps(rest: str, text: str, *, jayway: bool) -> list[tuple[bool, Callable[[Any], list[Any]]]]:
    steps = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ContractError(
                f"the JSONPath {text[:80]!r} is not understood at {rest[at : at + 20]!r}"
            )
        steps.append((match[1] is not None, _step(match, text, jayway=jayway)))
        at = match.end()
    if len(steps) > 50:
        raise ContractError(f"the JSONPath {text[:80]!r} has more than 50 steps")
    return steps


def _step(match: re.Match[str], text: str, *, jayway: bool) -> Callable[[Any], list[Any]]:
    _, name, star, index, items, single, double, condition, first, last = match.groups()
    if condition is not None:
        asked = _condition(condition, text, jayway=jayway)
        if jayway:
            return lambda node: (
                [child for child in node if asked(child)]
                if isinstance(node, list)
                else [node]
                if isinstance(node, dict) and asked(node)
                else []
            )
        return lambda node: [child for child in _children(node) if asked(child)]
    if star or items:
        return _children
    if index is not None:
        # `(@.length-1)` counts from the end, too
        at = int(index) if index[0] != "(" else -int(index.strip("() ").rpartition("-")[2])
        return lambda node: (
            [node[at]] if isinstance(node, list) and -len(node) <= at < len(node) else []
        )
    if first is not None:
        part = slice(int(first) if first else None, int(last) if last else None)
        return lambda node: node[part] if isinstance(node, list) else []
    key = (
        name
        if name is not None
        else re.sub(r"\\(.)", r"\1", single if single is not None else double)
    )
    return lambda node: [node[key]] if isinstance(node, dict) and key in node else []


def _children(node: Any) -> list[Any]:
    return (
        list(node.values())
        if isinstance(node, dict)
        else list(node)
        if isinstance(node, list)
        else []
    )


def _every(node: Any) -> Iterator[Any]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(_children(current)))


def _condition(text: str, whole: str, *, jayway: bool) -> Callable[[Any], bool]:
    """`a && b || c` of comparisons with a literal, or of existence."""
    either = [
        [_term(term, whole, jayway=jayway) for term in part.split("&&")]
        for part in text.split("||")
    ]
    return lambda node: any(all(term(node) for term in part) for part in either)


def _term(text: str, whole: str, *, jayway: bool) -> Callable[[Any], bool]:
    asked = _WORDS.match(text) if jayway else None
    if asked is not None:
        return _by_word(asked[1], asked[2].lower(), asked[3], whole)
    match = _TERM.match(text)
    if match is None:
        raise ContractError(
            f"the filter {text[:60]!r} of the JSONPath {whole[:60]!r} is not understood"
        )
    negated, path, operator, literal = match.groups()
    find = compile_path("$" + path, jayway=jayway)
    if operator is None:
        return lambda node: bool(find(node)) != bool(negated)
    if operator == "=~":
        pattern = re.fullmatch(r"/(.*)/(i?)", literal, re.DOTALL)
        seek = search(("(?i)" if pattern[2] else "") + pattern[1], whole=True) if pattern else None
        if seek is None:
            raise ContractError(
                f"the filter {text[:60]!r} of the JSONPath {whole[:60]!r} holds no pattern that can be used"
            )
        if jayway:
            return lambda node: any(seek(_searched(value)) for value in find(node) or (None,))
        return lambda node: any(
            isinstance(value, str) and seek(value) for value in find(node) or ()
        )
    return _compared(find, operator, _literal(literal, whole), jayway=jayway)


def _searched(value: Any) -> str:
    """The text that Jayway holds against a pattern: a number's and a truth's own, "" for what is
    neither, or not there (`EvaluatorFactory.RegexpEvaluator`).
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _by_word(path: str, word: str, operand: str, whole: str) -> Callable[[Any], bool]:
    """Jayway's operators that are words. What a path does not find is in no list, so that `nin`
    holds of it.
    """
    find = compile_path("$" + path, jayway=True)
    if word in ("in", "nin", "subsetof", "anyof", "noneof"):
        listed = _listed(operand, whole)
        holds: Callable[[Any], bool] = lambda value: any(_alike(value, item) for item in listed)  # noqa: E731 - short beside its kin
        if word in ("in", "nin"):
            return lambda node: any(map(holds, find(node) or ())) == (word == "in")
        every = any if word != "subsetof" else all
        return lambda node: any(
            every(map(holds, value)) != (word == "noneof")
            for value in find(node) or ()
            if isinstance(value, list)
        )
    literal = _literal(operand, whole)
    if word == "contains":
        return lambda node: any(
            any(_alike(item, literal) for item in value)
            if isinstance(value, list)
            else isinstance(value, str) and isinstance(literal, str) and literal in value
            for value in find(node) or ()
        )
    if isinstance(literal, bool) != (word == "empty") or not isinstance(literal, int):
        raise ContractError(
            f"the value {operand[:40]!r} after {word} in the JSONPath {whole[:60]!r} is not understood"
        )
    return lambda node: any(
        (not value if word == "empty" else len(value)) == literal
        for value in find(node) or ()
        if isinstance(value, str | list | dict)
    )


def _listed(operand: str, whole: str) -> list[Any]:
    """The literals of a list as a filter writes it."""
    if operand[:1] != "[" or operand[-1:] != "]":
        raise ContractError(
            f"the list {operand[:40]!r} in a filter of the JSONPath {whole[:60]!r} is not understood"
        )
    inner, at, items = operand[1:-1].strip(), 0, []
    while at < len(inner):
        match = _ITEM.match(inner, at)
        if match is None:
            raise ContractError(
                f"the list {operand[:40]!r} in a filter of the JSONPath {whole[:60]!r} is not understood"
            )
        items.append(_literal(match[1], whole))
        at = match.end()
    return items


def _alike(actual: Any, value: Any) -> bool:
    return (
        actual == value and isinstance(actual, bool) == isinstance(value, bool)
    ) or _written_alike(actual, value)


def _compared(find: Find, operator: str, value: Any, *, jayway: bool) -> Callable[[Any], bool]:
    def holds(node: Any) -> bool:
        values = find(node) or []
        if operator in ("==", "!="):
            same = any(
                _alike(actual, value)
                if jayway
                else actual == value and isinstance(actual, bool) == isinstance(value, bool)
                for actual in values
            )
            return same == (operator == "==")
        order = ("<", "<=", ">", ">=").index(operator)
        alike = [actual for actual in values if _ordered(actual, value)]
        return any(
            (actual < value, actual <= value, actual > value, actual >= value)[order]
            for actual in alike
        )

    return holds


def _written_alike(actual: Any, value: Any) -> bool:
    """Whether a number and a text stand for the same; which number is the text's, the side on the
    left decides.
    """
    if isinstance(actual, bool) or isinstance(value, bool):
        return False
    if isinstance(actual, str) and isinstance(value, int | float):
        return actual == str(value)
    if isinstance(actual, int | float) and isinstance(value, str):
        try:
            return actual == float(value)
        except ValueError:
            return False
    return False


def _ordered(actual: Any, value: Any) -> bool:
    """Whether two values have an order: numbers, or texts."""
    numbers = isinstance(actual, int | float) and isinstance(value, int | float)
    return (numbers and not isinstance(actual, bool)) or (
        isinstance(actual, str) and isinstance(value, str)
    )


def _literal(text: str, whole: str) -> Any:
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", text):
        return float(text)
    raise ContractError(
        f"the value {text[:40]!r} in a filter of the JSONPath {whole[:60]!r} is not understood"
    )
