"""Whether live values would break a clause about values, by their marks (marks.py): a list of words,
a range, a length, a format.

A mark stands for many values. Where all of them keep the clause it is kept, where none does it is
broken, and where it hangs on which of them it was, that is said.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.marks import FIRST, LATER, NULL, category, number_mark
from monitor.contracts.refs import resolve
from monitor.contracts.valued_patterns import Signs, signs_of, words_of
from monitor.errors import ContractError
from monitor.model.pointers import escaped, unescaped

Word = Literal["kept", "broken", "open"]
Marks = Mapping[str, Mapping[str, int]]
"""How many payloads showed each mark, by place."""
RULES = frozenset(
    "enum const minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems format type pattern multipleOf".split()
)
"""Clauses about values; of `type` only that numbers must be whole."""
PATTERNS: Mapping[str, bool] = {"pattern": False, "regex": True}
"""Rules that are patterns, and whether they are for the whole text, whatever its type."""
TOLD = frozenset({"date-time", "date", "uuid", "email", "uri", "ipv4"})
"""Formats that marks tell."""
_OPEN = frozenset({"pattern", "multipleOf"})
_MOST_NODES, _DEEPEST, _MOST_PLACES = 200, 40, 64


@dataclass(frozen=True, slots=True)
class Valued:
    """Of so many payloads that show the place, how many surely break a clause, and of how many it
    cannot be told.
    """

    shown: int
    broken: int
    open: int


def clause_at(document: Mapping[str, Any], schema: str, pointer: str, rule: str) -> list[Any]:
    """The values of a keyword in all parts of a schema (at a pointer of the document) that speak of
    a place of the payload; `*` is any item or any other key.
    """
    nodes = [*_parts(document, _at(document, schema), _DEEPEST)]
    for step in pointer.split("/")[1:]:
        below: list[Any] = []
        for node in nodes:
            below += _below(node, step)
        nodes = [
            part for node in below[:_MOST_NODES] for part in _parts(document, node, _DEEPEST)
        ][:_MOST_NODES]
    return [node[rule] for node in nodes if rule in node]


def _below(node: Mapping[str, Any], step: str) -> Iterator[Any]:
    if step == FIRST:
        for word in ("items", "additionalProperties"):
            if isinstance(node.get(word), dict):
                yield node[word]
    named = node.get("properties")
    if isinstance(named, dict) and unescaped(step) in named:
        yield named[unescaped(step)]


def _at(document: Mapping[str, Any], pointer: str) -> Any:
    try:
        return resolve(dict(document), f"#{pointer}", "")
    except ContractError:
        return None


def _parts(document: Mapping[str, Any], node: Any, deep: int) -> Iterator[dict[str, Any]]:
    """A node and all that it is made of, references followed."""
    if not isinstance(node, dict) or not deep:
        return
    yield node
    target = node.get("$ref")
    if isinstance(target, str) and target.startswith("#"):
        yield from _parts(document, _at(document, target[1:]), deep - 1)
    for word in ("allOf", "anyOf", "oneOf"):
        for part in node[word] if isinstance(node.get(word), list) else ():
            yield from _parts(document, part, deep - 1)


def valued(
    marks: Marks, pointer: str, rule: str, clause: Any, *, of_query: bool = False
) -> Valued:
    """What payloads of these marks make of a clause at a place. The first item of an array has all
    marks, the others few: what these do not tell is open. `of_query`: a text that looks like a
    number has a number's marks, and may be meant as a text.
    """
    told_by = PATTERNS.get(rule)
    if told_by is not None and isinstance(clause, str) and not of_query:
        return _patterned(marks, pointer, clause, whole=told_by)
    judge = judge_of(rule, clause)
    texts = of_query and isinstance(clause, list) and any(isinstance(it, str) for it in clause)
    if texts or (of_query and isinstance(clause, str)):
        told_apart = judge
        judge = lambda mark: "open" if mark[0] in "ifb" else told_apart(mark)  # noqa: E731 - one choice more
    shown = broken = unsure = 0
    for place in _places(pointer):
        counts = marks.get(place)
        if not counts:
            continue
        relevant = {mark: count for mark, count in counts.items() if _is_of(mark, rule)}
        words = {mark: judge(mark) for mark in relevant}
        bad = _count(relevant, words, "broken")
        half = _count(relevant, words, "open")
        there = counts.get("", 0) or max(counts.values(), default=0)
        if rule in ("enum", "const"):  # objects have no mark of their own
            half += max(0, there - sum(relevant.values()))
        if not relevant and (of_query or LATER in place.split("/")):
            half = there
        shown, broken = max(shown, there), max(broken, min(bad, there))
        unsure = max(unsure, min(half, there))
    return Valued(shown, broken, min(unsure, shown - broken))


def _patterned(marks: Marks, pointer: str, pattern: str, *, whole: bool) -> Valued:
    """Of a pattern; `whole`: for all texts as they are, numbers too."""
    words, signs = words_of(pattern, whole=whole), signs_of(pattern, whole=whole)
    shown = broken = unsure = 0
    for place in _places(pointer):
        told = marks.get(place)
        if not told:
            continue
        there = told.get("", 0) or max(told.values(), default=0)
        texts = _count_of(told, "F")
        bad = half = 0
        if words:
            listed = _listed(list(words))
            for mark, count in told.items():
                if mark[:1] == "c":
                    bad += count if listed(mark) == "broken" else 0
                    half += count if listed(mark) == "open" else 0
        elif signs is not None:
            bad, half = _signs(told, signs)
        if not (words or signs) or (texts and not _count_of(told, "c")):  # few marks are of others
            bad, half = 0, texts
        half += _count_of(told, "ifb0") if whole else 0
        shown, broken = max(shown, there), max(broken, min(bad, there))
        unsure = max(unsure, min(half, there))
    return Valued(shown, broken, min(unsure, shown - broken))


def _signs(told: Mapping[str, int], signs: Signs) -> tuple[int, int]:
    """How many texts at most break, and may break, what a pattern asks of signs and lengths."""
    kinds = {mark[1:]: count for mark, count in told.items() if mark[:1] == "k"}
    lengths: dict[Word, int] = {"kept": 0, "broken": 0, "open": 0}
    for mark, count in told.items():
        if mark[:1] == "t":
            lengths[_between(_span(mark), signs.least, signs.most, without=False)] += count
    taken = signs.kept | ({"empty"} if not signs.least else set())
    refused = signs.broken | ({"empty"} if signs.least else set())
    bad = sum(count for kind, count in kinds.items() if kind in refused)
    half = sum(count for kind, count in kinds.items() if kind not in refused | taken)
    return max(bad, lengths["broken"]), half + lengths["open"]


def _count_of(told: Mapping[str, int], letters: str) -> int:
    return sum(count for mark, count in told.items() if mark[:1] and mark[0] in letters)


def _places(pointer: str) -> list[str]:
    """The place as marks write it: each `*` the first item, or a later one."""
    written = [""]
    for step in pointer.split("/")[1:]:
        steps = (FIRST, LATER) if step == FIRST else (escaped(unescaped(step)),)
        written = [f"{place}/{word}" for place in written for word in steps][:_MOST_PLACES]
    return written


def _count(counts: Mapping[str, int], words: Mapping[str, Word], word: Word) -> int:
    """How many payloads at most show such a mark."""
    return sum(count for mark, count in counts.items() if words[mark] == word)


def _is_of(mark: str, rule: str) -> bool:
    """Whether a mark tells of what a rule is about."""
    if not mark:
        return False
    if rule in ("enum", "const"):
        return mark[0] in "cifba" or mark == NULL
    if rule in ("minLength", "maxLength"):
        return mark[0] == "t"
    if rule in ("minItems", "maxItems"):
        return mark[0] == "a"
    if rule == "format":
        return mark[0] == "F"
    if rule in PATTERNS:
        return mark[0] in ("Fifb0" if PATTERNS[rule] else "F")
    return mark[0] in "if"


def judge_of(rule: str, clause: Any) -> Callable[[str], Word]:
    """What a mark says of a clause."""
    if rule in ("enum", "const"):
        return _listed(clause if rule == "enum" else [clause])
    if rule == "format":
        return _formatted(clause)
    if rule == "type":
        return lambda mark: "kept" if mark[0] == "i" else "broken"
    if rule in _OPEN or isinstance(clause, bool) or not isinstance(clause, int | float):
        return lambda _: "open"
    low, high = (clause, math.inf) if rule.lower().endswith(_LOWER) else (-math.inf, clause)
    without = rule.startswith("exclusive")
    return lambda mark: _between(_span(mark), low, high, without=without)


_LOWER = ("minimum", "minlength", "minitems")


def _between(span: tuple[float, float], low: float, high: float, *, without: bool) -> Word:
    """Where all values from the first to the second lie; `without` the bound itself."""
    first, last = span
    inside = low < first and last < high if without else low <= first and last <= high
    if inside:
        return "kept"
    outside = last <= low or first >= high if without else last < low or first > high
    return "broken" if outside else "open"


def _span(mark: str) -> tuple[float, float]:
    """The least and the greatest value that a mark may stand for."""
    if mark[0] in "ta":
        length = int(mark[1:])
        return (length, length) if length <= 16 else (length // 2 + 1, length)
    if mark[1] == "z":
        return 0.0, 0.0
    power = int(mark[2:])
    low = math.ldexp(1.0, power - 1) if power < 1024 else math.inf
    high = math.ldexp(1.0, power) if power < 1023 else math.inf
    if mark[0] == "i":
        high -= 1.0
    else:
        high = math.nextafter(high, 0.0)
    return (-high, -low) if mark[1] == "n" else (low, high)


def _listed(values: Any) -> Callable[[str], Word]:
    """Words by twelve bits of each: a word that is in no list looks like one that is in it once in
    4,096.
    """
    if not isinstance(values, list):
        return lambda _: "open"
    words = {f"c{category(value)}" for value in values if isinstance(value, str)}
    plain = [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    numbers = {number_mark(value) for value in plain}
    whole = {value for value in plain if value == int(value)}

    def judge(mark: str) -> Word:
        if mark == NULL:
            return "kept" if None in values else "broken"
        if mark[0] == "a":
            return "open" if any(isinstance(value, list) for value in values) else "broken"
        if mark[0] == "b":
            truth = mark == "b1"
            return "kept" if any(value is truth for value in values) else "broken"
        if mark == "c":  # no short word, or one of too many
            return "open"
        if mark[0] == "c":
            return "kept" if mark in words else "broken"
        if mark not in numbers:
            return "broken"
        low, high = _span(mark)
        every = mark[0] == "i" and high - low < 64 and all(
            number in whole for number in range(int(low), int(high) + 1)
        )  # fmt: skip
        return "kept" if every else "open"

    return judge


def _formatted(name: Any) -> Callable[[str], Word]:
    """A text that surely has a format has no other one that is told; of a text that has none of
    them it cannot be told, since what is rarely written so is not recognised.
    """

    def judge(mark: str) -> Word:
        if name not in TOLD or mark == "F":
            return "open"
        return "kept" if mark == f"F{name}" else "broken"

    return judge
