"""Path expressions of matching rules (`$.items[*].id`), and which rule counts most at a place.

Each step of an expression weighs 2 where it names the step, 1 where it is a wildcard; an
expression also holds for all places below it. The product of weights times the number of steps
decides, as Pact's specification has it:
https://github.com/pact-foundation/pact-specification/tree/version-3#matchers
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from monitor.errors import ContractError

Held = TypeVar("Held")
Step = str | int | None
"""A name, an index, or None for one that only a wildcard can mean."""

ANY = "*"
_MOST_PLACES = 10_000  # of an example with more it is not looked at whether a path leads anywhere
_ITEMS = "[*]"
_NAME = re.compile(
    r"\.?([^.\[\]'\"\s][^.\[\]]*)|\.?\*|\.?\[\s*(?:(\d{1,9})|(\*)|'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\s*\]"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "name", "index", "any" or "items"
    text: str


def parse(expression: str) -> tuple[_Token, ...]:
    """The steps of an expression after its root. Raises ContractError for what is none."""
    rest = expression.removeprefix("$")
    tokens: list[_Token] = []
    at = 0
    while at < len(rest):
        match = _NAME.match(rest, at)
        if match is None:
            raise ContractError(
                f"the path {expression[:80]!r} of a matching rule cannot be read at {rest[at : at + 20]!r}"
            )
        name, index, items, single, double = match.groups()
        if index is not None:
            tokens.append(_Token("index", str(int(index))))
        elif items is not None:
            tokens.append(_Token("items", _ITEMS))
        elif single is not None or double is not None:
            tokens.append(
                _Token("name", re.sub(r"\\(.)", r"\1", single if single is not None else double))
            )
        elif name is None or name == ANY:
            tokens.append(_Token("any", ANY))
        else:
            tokens.append(_Token("name", name))
        at = match.end()
    return tuple(tokens)


def by_first_step(held: Mapping[str, Held]) -> dict[str, dict[str, Held]]:
    """What is held below each name, or below any (ANY), by its expression from there on."""
    by_step: dict[str, dict[str, Held]] = {}
    for expression, value in held.items():
        steps = parse(expression)
        if steps and steps[0].kind in ("name", "any"):
            by_step.setdefault(steps[0].text, {})["$" + "".join(map(_written, steps[1:]))] = value
    return by_step


def _written(step: _Token) -> str:
    if step.kind != "name":
        return {"index": f"[{step.text}]", "any": ".*"}.get(step.kind, _ITEMS)
    quoted = step.text.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


@dataclass(slots=True)
class _Node(Generic[Held]):
    held: Held | None = None
    named: dict[str, "_Node[Held]"] = field(default_factory=dict)
    any: "_Node[Held] | None" = None
    items: "_Node[Held] | None" = None


@dataclass(frozen=True, slots=True)
class Place(Generic[Held]):
    """Where one is in a document, and which rules may still count below. `depth` counts the steps,
    the root is 1.
    """

    depth: int
    _active: tuple[tuple[_Node[Held], int], ...]
    _best: tuple[int, int, Held | None]

    def step(self, step: Step) -> "Place[Held]":
        """The place one step down."""
        active = [
            (child, weight * times)
            for node, weight in self._active
            for child, times in _children(node, step)
        ]
        depth = self.depth + 1
        best = self._best
        for node, weight in active:
            if node.held is not None and weight * depth >= best[0]:
                best = (weight * depth, depth, node.held)
        return Place(depth, tuple(active), best)

    @property
    def best(self) -> Held | None:
        """What counts here: of this place itself or of one above."""
        return self._best[2]

    @property
    def cascaded(self) -> bool:
        """Whether what counts here was said of a place above."""
        return self._best[1] != self.depth

    @property
    def exact(self) -> list[Held]:
        """All that is said of this very place."""
        return [node.held for node, _ in self._active if node.held is not None]

    @property
    def every(self) -> list[Held]:
        """What is said of this place, and what counts here from above."""
        return self.exact or ([] if self._best[2] is None else [self._best[2]])

    @property
    def rules(self) -> int:
        """How many expressions may still count, which is what a step costs."""
        return len(self._active)

    @property
    def names(self) -> Iterable[str]:
        """The names and indices of children that something is said of."""
        return {name for node, _ in self._active for name in node.named}

    def only(self, held: Held) -> "Place[Held]":
        """This place with nothing but one thing said of it."""
        return Place(self.depth, ((_Node(held), 1),), (1, self.depth, held))


def _children(node: _Node[Held], step: Step) -> Iterable[tuple[_Node[Held], int]]:
    if step is not None:
        child = node.named.get(str(step))
        if child is not None:
            yield child, 2
    if node.items is not None and (step is None or isinstance(step, int) or step.isdecimal()):
        yield node.items, 1
    if node.any is not None:
        yield node.any, 1


def root(rules: Mapping[str, Held], *, indices: bool = True) -> Place[Held]:
    """The root of a document with what is said of its places by their expressions. Raises
    ContractError.

    Without `indices` places have none (XML's elements): then `name[*]` is every element of that
    name.
    """
    top: _Node[Held] = _Node()
    for expression, held in rules.items():
        node = top
        tokens = parse(expression)
        for at, token in enumerate(tokens):
            if not indices and token.kind == "items" and at and tokens[at - 1].kind == "name":
                continue
            if token.kind == "any":
                node.any = node.any or _Node()
                node = node.any
            elif token.kind == "items":
                node.items = node.items or _Node()
                node = node.items
            else:
                node = node.named.setdefault(token.text, _Node())
        node.held = held
    return Place(1, ((top, 2),), (2, 1, top.held) if top.held is not None else (0, 0, None))


def leads(path: str, example: Any) -> bool:
    """Whether an example has a place of this path. Of an empty list or object that holds for all
    that may come to stand in it.
    """
    places = [example]
    for token in parse(path):
        below: list[Any] = []
        for place in places:
            inner: list[Any] = []
            if isinstance(place, dict):
                if token.kind == "any":
                    inner = list(place.values())
                elif token.kind == "name" and token.text in place:
                    inner = [place[token.text]]
            elif isinstance(place, list):
                if token.kind in ("any", "items"):
                    inner = place
                elif token.kind == "index":
                    inner = place[int(token.text) :][:1]
            if place in ({}, []) and token.kind in ("any", "items"):
                return True
            below += inner
        if len(below) > _MOST_PLACES:
            return True
        places = below
    return bool(places)
