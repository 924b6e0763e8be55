"""XML bodies: an example with its rules against a document, by names with their namespaces.

Read by expat without any document type, so that no entity can expand:
https://docs.python.org/3/library/xml.html#xml-security
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from monitor.contracts.broken import Broken
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.paths import Place, root
from monitor.contracts.matching.rules import Rules, ask, names_broken
from monitor.contracts.matching.work import Work
from monitor.errors import ContractError
from monitor.model.pointers import escaped

Judge = Callable[["Element", Mismatches], None]
_DEEPEST = 128
_MOST_ELEMENTS = 100_000
_TYPES = frozenset({"type"})


@dataclass(slots=True)
class Element:
    """An element; names are `namespace:local`, or the local name alone."""

    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text, each run stripped."""
        return "".join(run.strip() for run in self.texts).strip()


class _Refused(ValueError):
    """A document type, or too much of it."""


def parse_xml(text: str | bytes) -> Element | None:
    """The root element; None for what is no XML, has a document type, or is too deep
    or too large.
    """
    parser = expat.ParserCreate(namespace_separator=":")
    parser.buffer_text = True
    stack: list[Element] = []
    tops: list[Element] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) >= _DEEPEST or count > _MOST_ELEMENTS:
            raise _Refused
        element = Element(name, attributes)
        (stack[-1].children if stack else tops).append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def data(run: str) -> None:
        if stack:
            stack[-1].texts.append(run)

    def refuse(*_said: object) -> None:
        raise _Refused

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = (
        start,
        end,
        data,
    )
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode() if isinstance(text, str) else text, True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return None
    return tops[0] if tops else None


def compile_xml(
    text: str, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> Judge:
    """What an example asks of a document. Raises ContractError when the example is no XML."""
    expected = parse_xml(text)
    if expected is None:
        raise ContractError(
            f"{work.where}: the example at {clause} is no XML, has a document type, or is too deep",
            clause,
        )
    work.spend(text.count("<") * (1 + len(rules)), clause)
    return _element(
        expected,
        root(rules, indices=False).step(expected.name),
        f"/{escaped(expected.name)}",
        strict,
        clause,
    )


def _element(
    expected: Element, place: Place[Rules], pointer: str, strict: bool, clause: str
) -> Judge:
    judge_own = _own(expected, place, pointer, clause)
    attributes = _attributes(expected, place, pointer, strict, clause)
    children = _below(expected, place, pointer, strict, clause)
    text = _text(expected.text, place.step("#text"), f"{pointer}/#text", clause)

    def judge(actual: Element, mismatches: Mismatches) -> None:
        if judge_own(actual, mismatches):
            attributes(actual, mismatches)
            children(actual, mismatches)
            text(actual.text, mismatches)

    return judge


def _attributes(
    expected: Element, place: Place[Rules], pointer: str, strict: bool, clause: str
) -> Judge:
    judges = [
        (
            name,
            _text(value, place.step(f"@{name}"), f"{pointer}/@{escaped(name)}", clause),
            Broken(
                "missing_attribute", f"{pointer}/@{escaped(name)}", clause, "present", "absent"
            ),
        )
        for name, value in expected.attributes.items()
    ]
    surplus = Broken("unexpected_attribute", f"{pointer}/@*", clause, "absent", "present")

    def judge(actual: Element, mismatches: Mismatches) -> None:
        for name, judge_value, missing in judges:
            value = actual.attributes.get(name)
            if value is None:
                mismatches.add(missing)
            else:
                judge_value(value, mismatches)
        if strict and len(actual.attributes) > len(judges):
            mismatches.add(surplus)

    return judge


def _below(
    expected: Element, place: Place[Rules], pointer: str, strict: bool, clause: str
) -> Judge:
    """The elements inside, grouped by name: where a type is asked for, each is as the first of the
    example.
    """
    groups: dict[str, list[Element]] = {}
    for child in expected.children:
        groups.setdefault(child.name, []).append(child)
    by_element = {}
    for name, group in groups.items():
        below, at = place.step(name), f"{pointer}/{escaped(name)}"
        typed = any(rules.has(_TYPES) for rules in below.every)
        judges = [
            _element(child, below, at, strict, clause) for child in (group[:1] if typed else group)
        ]
        by_element[name] = (judges, typed, at)
    surplus = Broken("unexpected_element", f"{pointer}/*", clause, "absent", "present")

    def judge(actual: Element, mismatches: Mismatches) -> None:
        by_name: dict[str, list[Element]] = {}
        for child in actual.children:
            by_name.setdefault(child.name, []).append(child)
        for name, group in by_name.items():
            expectation = by_element.get(name)
            if expectation is not None:
                _group(expectation, group, strict, clause, mismatches)
            elif strict or any(rules.has(_TYPES) for rules in place.step(name).every):
                mismatches.add(surplus)
        for name, (_, _, at) in by_element.items():
            if name not in by_name:
                mismatches.add(Broken("missing_element", at, clause, "present", "absent"))

    return judge


def _group(
    expectation: tuple[list[Judge], bool, str],
    group: list[Element],
    strict: bool,
    clause: str,
    mismatches: Mismatches,
) -> None:
    judges, typed, at = expectation
    if typed:
        for child in group:
            judges[0](child, mismatches)
        return
    for judge, child in zip(judges, group, strict=False):
        judge(child, mismatches)
    if len(group) < len(judges):
        mismatches.add(Broken("missing_element", at, clause, f"{len(judges)} elements", "fewer"))
    elif strict and len(group) > len(judges):
        mismatches.add(Broken("unexpected_element", at, clause, f"{len(judges)} elements", "more"))


def _own(
    expected: Element, place: Place[Rules], pointer: str, clause: str
) -> Callable[[Element, Mismatches], bool]:
    """The element's name, and how many children it has; tells whether to look further."""
    rules = None if place.cascaded else place.best
    own_rules = () if rules is None else rules.rules
    said_by = clause if rules is None else rules.clause
    other = Broken("element_name", pointer, said_by, "its name", "another")
    bounds = [
        (rule.least or 0, rule.most)
        for rule in own_rules
        if (rule.least, rule.most) != (None, None)
    ]
    empty = any(rule.kind == "notEmpty" for rule in own_rules)
    count = Broken("type", pointer, said_by, "another number of elements", "elements")

    def judge(actual: Element, mismatches: Mismatches) -> bool:
        if actual.name != expected.name:
            mismatches.add(other)
            return False
        size = len(actual.children)
        if any(size < least or (most is not None and size > most) for least, most in bounds) or (
            empty and not size and not actual.text
        ):
            mismatches.add(count)
            return False
        return True

    return judge


def _text(
    expected: str, place: Place[Rules], pointer: str, clause: str
) -> Callable[[str, Mismatches], None]:
    rules = place.best
    check = (
        ask(rules, expected, text=True) if rules is not None else lambda actual: actual == expected
    )
    broken_rule = (
        names_broken(rules, expected, text=True) if rules is not None else lambda _: "equality"
    )
    said_by = rules.clause if rules is not None else clause

    def judge(actual: str, mismatches: Mismatches) -> None:
        fits = check(actual)
        if fits is None:
            mismatches.leave("undecidable", said_by)
        elif not fits:
            name = broken_rule(actual)
            mismatches.value(name, pointer, said_by, name, actual)

    return judge
