"""Route matching: method and path to a target by path templates; concrete segments beat templated
ones.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

_PARAMETER = re.compile(r"\{([^{}/]*)\}")
NO_NAMES: frozenset[str] = frozenset()
PLACEHOLDER = re.compile(
    r"\{[^/]*\}|%7[Bb][^/]*%7[Dd]|:[A-Za-z_]\w*|<[^<>/]*>|\[[A-Za-z_.]\w*\]|\*{1,2}"
)
"""A segment that stands for any text, as frameworks write it: {id}, {id:[0-9]+}, :id, <int:id>,
[id], *.
"""


class _Node(Generic[Target]):
    __slots__ = ("any", "literal", "many", "partial", "slashed", "targets")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[Target]] = {}
        self.partial: list[tuple[str, re.Pattern[str], _Node[Target]]] = []
        self.any: _Node[Target] | None = None
        self.many: _Node[Target] | None = None  # one segment or several
        self.targets: dict[str, tuple[Target | None, frozenset[Base]]] = {}
        # of templates that end in a slash
        self.slashed: dict[str, tuple[Target | None, frozenset[Base]]] = {}


@dataclass(frozen=True, slots=True)
class Base:
    """A prefix under which routes live, such as the path of a server's URL.

    `text` names it, with `{name}` for what may be any text; `fixed` is a prefix that is tried
    before, "" for none.
    """

    text: str
    fixed: str = ""

    def rest(self, path: str) -> str | None:
        """The path below this prefix; None when it does not lie there."""
        for prefix in (self.text, self.fixed):
            if prefix and "{" not in prefix and (path == prefix or path.startswith(prefix + "/")):
                return path[len(prefix) :]
        if "{" not in self.text:
            return None
        parts, wanted = path.split("/"), self.text.split("/")
        if len(parts) < len(wanted):
            return None
        for part, want in zip(parts, wanted, strict=False):
            if part != want and (
                "{" not in want or not part or _pattern(want).fullmatch(part) is None
            ):
                return None
        return "".join("/" + part for part in parts[len(wanted) :])


def base_of(path: str, fixed: str = "") -> Base:
    """A base from a path as servers write it, perhaps with a slash at its end."""
    cleaned, other = ("/" + text.strip("/") if text.strip("/") else "" for text in (path, fixed))
    return Base(cleaned, other if other != cleaned else "")


class Router(Generic[Target]):
    """Templates in a tree of segments. Matching costs a few dictionary look-ups per segment; hosts
    do not matter.
    """

    def __init__(self) -> None:
        self._root: _Node[Target] = _Node()
        self._bases: list[Base] = []
        self._targets: tuple[Target, ...] | None = None  # once they were asked for

    def add(
        self,
        method: str,
        template: str,
        target: Target | None,
        bases: Iterable[Base] = (),
        spanning: Collection[str] = NO_NAMES,
    ) -> None:
        """Route `method` (upper case) of `template` to `target`; a later one replaces an earlier
        of the same shape.

        It lives below each of its own `bases`, and at the root, since a gateway may have cut the
        base. None: these calls are nobody's, although another template fits them, too. The last
        parameter that is `spanning`, or written `{name+}`, stands for one segment
        or several.
        """
        self._targets = None
        node = self._root
        spans = _span(template, spanning)
        for at, segment in enumerate(_segments(template)):
            if at == spans:
                node.many = node.many or _Node()
                node = node.many
            else:
                node = _child(node, segment)
        own = frozenset(base for base in bases if base.text)
        for base in own.difference(self._bases):
            self._bases.append(base)
        self._bases.sort(key=lambda base: ("{" in base.text, -len(base.text), base.text))
        held = (target, own)
        if template.endswith("/") and template != "/":
            node.slashed[method] = held
            node.targets.setdefault(method, held)
        else:
            node.targets[method] = held

    def match(self, method: str, path: str) -> "Match[Target] | None":
        """The best route of a path, None when no template fits.

        A template without the method is passed over when a less concrete one has it. Bases without
        variables are tried first, of these the longest, then the path as it is. A trailing slash
        matters only where both templates are offered.
        """
        quick = self._straight(method, *self._below_first(path))
        if quick is not None:
            return quick
        other: Match[Target] | None = None
        below = [(base, rest) for base in self._bases if (rest := base.rest(path)) is not None]
        for base, rest in [*below, (None, path)]:
            for node in _walk(self._root, _segments(rest), 0):
                by_method = (
                    node.targets | node.slashed
                    if node.slashed and rest.endswith("/")
                    else node.targets
                )
                held = by_method.get(method) or (
                    by_method.get("GET") if method == "HEAD" else None
                )
                if held is not None and (base is None or base in held[1]):
                    return Match(held[0], base.text if base is not None else "", rest)
                if base is None or any(base in bases for _, bases in by_method.values()):
                    other = other or Match(None, base.text if base is not None else "", rest)
        return other

    def _below_first(self, path: str) -> "tuple[Base | None, str]":
        """The first base that a path lies below, and the rest; no base and the path where there is
        none.
        """
        for base in self._bases:
            rest = base.rest(path)
            if rest is not None:
                return base, rest
        return None, path

    def _straight(self, method: str, base: Base | None, path: str) -> "Match[Target] | None":
        """The match where at each segment only one way leads on; None where there are several, or
        none: then `match` looks further.
        """
        node, segments = self._root, _segments(path)
        for segment in segments:
            child = node.literal.get(segment)
            if node.many is not None:
                return None
            if child is not None:
                if node.any is not None or node.partial:
                    return None
                node = child
                continue
            if node.partial or node.any is None:
                return None
            if not segment.isalnum() and (
                not segment or "%" in segment or PLACEHOLDER.fullmatch(segment) is not None
            ):
                return None
            node = node.any
        held = node.targets.get(method) if not node.slashed else None
        if held is None or (base is not None and base not in held[1]):
            return None
        return Match(held[0], "" if base is None else base.text, path, segments)

    def targets(self) -> Sequence[Target]:
        """Every target, in no promised order."""
        if self._targets is None:
            self._targets = tuple(self._walked())
        return self._targets

    def _walked(self) -> Iterator[Target]:
        nodes = [self._root]
        while nodes:
            node = nodes.pop()
            held = (*node.targets.values(), *node.slashed.values())
            yield from (target for target, _ in held if target is not None)
            nodes.extend(node.literal.values())
            nodes.extend(child for _, _, child in node.partial)
            nodes.extend(child for child in (node.any, node.many) if child is not None)


class Match(Generic[Target]):
    """A path that fits a template; `target` is None when the template has other methods only.

    `segments` are those of `rest` where the match was told at once, else none.
    """

    __slots__ = ("base", "rest", "segments", "target")

    def __init__(
        self, target: Target | None, base: str, rest: str, segments: Sequence[str] = ()
    ) -> None:
        self.target = target
        self.base = base
        self.rest = rest
        self.segments = segments


def whole_segments(template: str, spanning: Collection[str] = NO_NAMES) -> dict[str, int] | None:
    """The index of each parameter's segment; None where one is only a part of its segment, or
    stands for several.
    """
    if _span(template, spanning) is not None:
        return None
    indexes: dict[str, int] = {}
    for at, name, _ in _named_segments(template):
        if not name:
            return None
        indexes[name] = at
    return indexes


def parameters(template: str, path: str, spanning: Collection[str] = NO_NAMES) -> dict[str, str]:
    """The texts of a template's parameters in a path that it fits, as they came:
    percent-encoded.
    """
    values: dict[str, str] = {}
    texts = _segments(path)
    spans = _span(template, spanning)
    if spans is not None:
        after = spans + 1 + max(0, len(texts) - len(_segments(template)))
        texts = [*texts[:spans], "/".join(texts[spans:after]), *texts[after:]]
    for at, name, segment in _named_segments(template):
        if at >= len(texts):
            break
        if name:
            if texts[at]:
                values[name.removesuffix("+")] = texts[at]
            continue
        fit = _pattern(segment).fullmatch(texts[at])
        if fit is not None:
            values.update(zip(_PARAMETER.findall(segment), fit.groups(), strict=False))
    return values


@lru_cache(maxsize=16_384)
def _named_segments(template: str) -> tuple[tuple[int, str, str], ...]:
    """Of a template's segments with parameters the index, the name where the whole segment is one
    parameter, and the text.
    """
    segments = []
    for at, segment in enumerate(_segments(template)):
        if "{" in segment:
            whole = _PARAMETER.fullmatch(segment)
            segments.append((at, whole[1] if whole is not None else "", segment))
    return tuple(segments)


def _span(template: str, spanning: Collection[str]) -> int | None:
    """The index of the segment that stands for one or several; None where there is none.

    `{name+}` is how gateways write it:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-set-up-simple-proxy.html
    """
    if not spanning and "+}" not in template:
        return None
    last = None
    for at, name, _ in _named_segments(template):
        if name and (name in spanning or name.endswith("+")):
            last = at
    return last


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
    for pattern, _, child in node.partial:
        if pattern == shape:
            return child
    fresh: _Node[Target] = _Node()
    node.partial.append((shape, _pattern(segment), fresh))
    node.partial.sort(key=lambda entry: -len(entry[0]))
    return fresh


@lru_cache(maxsize=4096)
def _pattern(segment: str) -> re.Pattern[str]:
    """Lazy groups without nesting: linear enough on one segment, whatever the contract says."""
    parts = _PARAMETER.split(segment)
    return re.compile(
        "".join(re.escape(part) if index % 2 == 0 else "(.+?)" for index, part in enumerate(parts))
    )


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
    whole = PLACEHOLDER.fullmatch(segment) is not None  # the path was logged as its template
    if node.many is not None and segment.endswith("+}"):
        yield from _walk(node.many, segments, at + 1)
    if whole and node.any is not None:
        yield from _walk(node.any, segments, at + 1)
    for _, pattern, partial in node.partial:
        if pattern.fullmatch(segment):
            yield from _walk(partial, segments, at + 1)
    if not whole and node.any is not None and segment:
        yield from _walk(node.any, segments, at + 1)
    if node.many is not None and segment:
        for end in range(at + 1, len(segments) + 1):
            yield from _walk(node.many, segments, end)
