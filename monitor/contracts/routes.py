"""Route matching: method and path to a target by path templates; concrete segments beat templated ones."""

import re
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

_PARAMETER = re.compile(r"\{([^{}/]*)\}")


class _Node(Generic[Target]):
    __slots__ = ("any", "literal", "partial", "targets")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[Target]] = {}
        self.partial: list[tuple[str, re.Pattern[str], _Node[Target]]] = []
        self.any: _Node[Target] | None = None
        self.targets: dict[str, Target] = {}


class Router(Generic[Target]):
    """Templates in a tree of segments. Matching costs a few dictionary look-ups per segment; hosts do not matter."""

    def __init__(self) -> None:
        self._root: _Node[Target] = _Node()
        self._bases: list[str] = []

    def base(self, path: str) -> None:
        """A prefix under which the routes live besides the root, such as the path of a server's URL."""
        cleaned = "/" + path.strip("/")
        if cleaned != "/" and cleaned not in self._bases:
            self._bases.append(cleaned)
            self._bases.sort(key=len, reverse=True)

    def add(self, method: str, template: str, target: Target) -> None:
        """Route `method` (upper case) of `template` to `target`; a later one replaces an earlier of the same shape."""
        node = self._root
        for segment in _segments(template):
            node = _child(node, segment)
        node.targets[method] = target

    def match(self, method: str, path: str) -> "Match[Target] | None":
        """The best route of a path, None when no template fits.

        A template without the method is passed over when a less concrete one has it. Bases are tried longest
        first, then the path as it is (a gateway may have cut the base). Trailing slashes do not matter.
        """
        other: Match[Target] | None = None
        for base in [*(base for base in self._bases if path == base or path.startswith(base + "/")), ""]:
            rest = path[len(base) :]
            for node in _walk(self._root, _segments(rest), 0):
                target = node.targets.get(method)
                if target is None and method == "HEAD":
                    target = node.targets.get("GET")
                found = Match(target, node.targets, base, rest)
                if target is not None:
                    return found
                other = other or found
        return other

    def targets(self) -> Iterator[Target]:
        """Every target, in no promised order."""
        nodes = [self._root]
        while nodes:
            node = nodes.pop()
            yield from node.targets.values()
            nodes.extend(node.literal.values())
            nodes.extend(child for _, _, child in node.partial)
            if node.any is not None:
                nodes.append(node.any)


class Match(Generic[Target]):
    """A path that fits a template; `target` is None when the template has other methods only."""

    __slots__ = ("base", "methods", "rest", "target")

    def __init__(self, target: Target | None, methods: Mapping[str, Target], base: str, rest: str) -> None:
        self.target = target
        self.methods = methods
        self.base = base
        self.rest = rest


def parameters(template: str, path: str) -> dict[str, str]:
    """The texts of a template's parameters in a path that it fits, percent-decoded."""
    found: dict[str, str] = {}
    for segment, text in zip(_segments(template), _segments(path), strict=False):
        if "{" in segment:
            fit = _pattern(segment).fullmatch(text)
            if fit is not None:
                found.update(zip(_PARAMETER.findall(segment), map(unquote, fit.groups()), strict=False))
    return found


def _segments(path: str) -> list[str]:
    path = path.strip("/")
    return path.split("/") if path else []


def _child(node: _Node[Target], segment: str) -> _Node[Target]:
    if "{" not in segment:
        return node.literal.setdefault(segment, _Node())
    if _PARAMETER.fullmatch(segment):
        node.any = node.any or _Node()
        return node.any
    shape = _PARAMETER.sub("{}", segment)
    for known, _, child in node.partial:
        if known == shape:
            return child
    fresh: _Node[Target] = _Node()
    node.partial.append((shape, _pattern(segment), fresh))
    node.partial.sort(key=lambda entry: -len(entry[0]))
    return fresh


def _pattern(segment: str) -> re.Pattern[str]:
    """Lazy groups without nesting: linear enough on one segment, whatever the contract says."""
    parts = _PARAMETER.split(segment)
    return re.compile("".join(re.escape(part) if index % 2 == 0 else "(.+?)" for index, part in enumerate(parts)))


def _walk(node: _Node[Target], segments: list[str], at: int) -> Iterator[_Node[Target]]:
    if at == len(segments):
        if node.targets:
            yield node
        return
    segment = segments[at]
    child = node.literal.get(segment)
    if child is None and "%" in segment:
        child = node.literal.get(unquote(segment))
    if child is not None:
        yield from _walk(child, segments, at + 1)
    for _, pattern, partial in node.partial:
        if pattern.fullmatch(segment):
            yield from _walk(partial, segments, at + 1)
    if node.any is not None and segment:
        yield from _walk(node.any, segments, at + 1)
