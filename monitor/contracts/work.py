"""A bound on what one check can cost, from the schema's graph alone: how deep a payload may be
before work explodes.

A hostile (or careless) contract doubles the schemas that apply at each level by `allOf` and
`$ref`; a validator then works for hours on a small payload. The count of schemas that can apply at
one place of depth d, for the worst path, is e_0(X) = size of X's in-place expansion, e_d(X) = max
over child places k of the sum of e_{d-1} over the schemas that X's expansion puts on k. It is
computed once, when a contract is read.

That is the worst payload. Where a payload is deeper than the bound allows, `Cost` counts what this
one asks for: a large contract whose schemas expand each other meets its bound at ten levels, an
ordinary payload of it does not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

from monitor.contracts.looks import every_object
from monitor.contracts.refs import resolve
from monitor.errors import ContractError
from monitor.native import BUILT

DEEPEST = 128
LONGEST_CHAIN = 800
"""So many schemas may each apply the next one in place: more is told as too much, before the stack
ends.
"""
MOST_MERGED = 1_000_000
"""So many places of parts that apply together are put together for one document, some
2 us each.
"""
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")
_IN_PLACE_MAPS = ("dependentSchemas", "dependencies")
_DOWN = (
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
)
_APPLICATORS = frozenset(
    {
        *_IN_PLACE_LISTS,
        *_IN_PLACE,
        *_IN_PLACE_MAPS,
        *_DOWN,
        "properties",
        "patternProperties",
        "prefixItems",
        "$ref",
    }
)

# The keys as the native count knows them (monitor/native/src/growth.rs); what applies in place in
# the order in which it is counted here.
_USES = (
    ("$ref", "reference"),
    *((word, "in place list") for word in _IN_PLACE_LISTS),
    *((word, "in place") for word in _IN_PLACE),
    *((word, "in place map") for word in _IN_PLACE_MAPS),
    *((word, "below map") for word in ("properties", "patternProperties")),
    *((word, "items" if word == "items" else "below") for word in _DOWN),
    ("prefixItems", "below list"),
)
_GROWTH = BUILT.Growth(_USES, DEEPEST, MOST_MERGED, LONGEST_CHAIN) if BUILT is not None else None

_FOR_ANY_NAME = frozenset({"additionalProperties", "unevaluatedProperties", "propertyNames"})
_FOR_ANY_ITEM = frozenset({"items", "additionalItems", "unevaluatedItems", "contains"})
_BY_PLACE: dict[type, tuple[str, ...]] = {dict: ("properties",), list: ("items", "prefixItems")}

Node = dict[str, Any]


Places = dict[str, dict[int, int]]
"""By place, the schemas that are put on it, each with how often."""
_LEAF: tuple[int, Places] = (1, {})


class _Graph:
    def __init__(self, document: Node, work: int) -> None:
        self._document = document
        self.most = work
        self.known: dict[int, tuple[int, Places]] = {}
        self._open: set[int] = set()
        self._merged = 0
        self._named: dict[str, Node | None] = {}
        self.nodes: dict[int, Node] = {}

    def expansion(self, node: Node) -> tuple[int, Places]:
        """Schemas applied at the node's own place, and what is put on each place below (place ->
        node -> times).

        A schema that applies to itself in place counts as too much.
        """
        key = id(node)
        size = self.known.get(key)
        if size is not None:
            return size
        self.nodes[key] = node
        if _APPLICATORS.isdisjoint(node):
            self.known[key] = _LEAF
            return _LEAF
        if key in self._open or len(self._open) >= LONGEST_CHAIN:
            return self.most + 1, {}
        self._open.add(key)
        total = 1
        below: Places = {}
        for place, child in _below(node):
            self.nodes[id(child)] = child
            _put(below, place, id(child), 1)
        # else what a single reference puts below is shared with what it names, and never changed
        own = bool(below)
        for child in self._in_place(node):
            cost, deeper = self.expansion(child)
            total += cost
            if not own and not below:
                below = deeper
                continue
            if not own:
                below, own = {place: dict(counted) for place, counted in below.items()}, True
                self._merged += len(below)
            self._merged += len(deeper)
            if self._merged > MOST_MERGED:
                total = self.most + 1
                break
            for place, counted in deeper.items():
                for key_below, often in counted.items():
                    _put(below, place, key_below, often)
            if total > self.most:
                total = self.most + 1
                break
        self._open.discard(key)
        self.known[key] = (total, below)
        return total, below

    def resolved(self, target: str) -> Node | None:
        """The object that a local reference names; None where the document has none there."""
        try:
            part = resolve(self._document, target, "")
        except ContractError:
            return None  # an anchor, or relative to an $id of its own
        return part if isinstance(part, dict) else None

    def _in_place(self, node: Node) -> Iterator[Node]:
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith("#"):
            if target not in self._named:
                self._named[target] = self.resolved(target)
            part = self._named[target]
            if part is not None:
                yield part
        for word in _IN_PLACE_LISTS:
            parts = node.get(word)
            if isinstance(parts, list):
                yield from (child for child in parts if isinstance(child, dict))
        for word in _IN_PLACE:
            if isinstance(node.get(word), dict):
                yield node[word]
        for word in _IN_PLACE_MAPS:
            parts = node.get(word)
            if isinstance(parts, dict):
                yield from (child for child in parts.values() if isinstance(child, dict))


def _put(below: Places, place: str, key: int, often: int) -> None:
    held = below.get(place)
    if held is None:
        below[place] = {key: often}
    else:
        held[key] = held.get(key, 0) + often


def _below(node: Node) -> Iterator[tuple[str, Node]]:
    for word in ("properties", "patternProperties"):
        held = node.get(word)
        if isinstance(held, dict):
            yield from (
                (f"{word}/{name}", child)
                for name, child in held.items()
                if isinstance(child, dict)
            )
    for word in _DOWN:
        if isinstance(node.get(word), dict):
            yield word, node[word]
    for word in ("items", "prefixItems"):
        held = node.get(word)
        if isinstance(held, list):
            yield from (
                (f"{word}/{index}", child)
                for index, child in enumerate(held)
                if isinstance(child, dict)
            )


class Cost:
    """What checking one payload asks for, over the schemas of one document. Safe between threads;
    builds what it needs.
    """

    def __init__(self, document: Node, work: int) -> None:
        self._document = document
        self._graph = _Graph(document, work)
        self._lock = Lock()

    def within(self, pointer: str, value: object, most: int) -> bool:
        """Whether no more than `most` schemas apply to all places of a payload, held against the
        schema at a pointer.

        An upper bound: a keyword for the properties that are left counts for all of them. Its own
        work is bounded alike.
        """
        root = self._root(pointer)
        return not isinstance(root, dict) or self._within(root, value, most)

    def within_each(self, pairs: Sequence[tuple[str, object]], most: int) -> list[bool]:
        """The same for many at once, each a pointer and a payload; False for a place that there is
        not. Natively it costs a tenth.
        """
        roots = [self._root_or_none(pointer) for pointer, _ in pairs]
        asked = [
            (root, value)
            for root, (_, value) in zip(roots, pairs, strict=True)
            if isinstance(root, dict)
        ]
        bearable: list[bool] | None = None
        if _GROWTH is not None and isinstance(self._document, dict):
            work, resolved = self._graph.most, self._graph.resolved
            bearable = _GROWTH.within(self._document, asked, most, work, resolved)
        if bearable is None:
            bearable = [self._within(root, value, most) for root, value in asked]
        verdicts = iter(bearable)
        return [next(verdicts) if isinstance(root, dict) else root is not None for root in roots]

    def _root(self, pointer: str) -> object:
        return resolve(self._document, "#" + pointer.replace("%", "%25"), "")

    def _root_or_none(self, pointer: str) -> object:
        try:
            return self._root(pointer)
        except ContractError:
            return None

    def _within(self, root: Node, value: object, most: int) -> bool:
        try:
            with self._lock:
                return self._count(root, value, most) <= most
        except RecursionError:
            return False

    def _count(self, root: Node, value: object, most: int) -> int:
        graph, total = self._graph, 0
        graph.nodes[id(root)] = root
        stack: list[tuple[object, Counter[int]]] = [(value, Counter({id(root): 1}))]
        while stack and total <= most:
            node, applied = stack.pop()
            size = len(node) if isinstance(node, dict | list) else 0
            below: dict[str, Counter[int]] = {}
            for key, times in applied.items():
                own, places = graph.expansion(graph.nodes[key])
                total += times * own
                for place, held in places.items() if size else ():
                    counted = below.setdefault(place, Counter())
                    total += len(held)
                    for child, often in held.items():
                        counted[child] += times * often
                if total > most:
                    return total
            if below and isinstance(node, dict | list):
                for inner, asked in _children(node, below):
                    total += 1 + len(asked)
                    if asked:
                        stack.append((inner, asked))
                    if total > most:
                        return total
        return total


def _children(
    node: dict[str, Any] | list[Any], below: dict[str, Counter[int]]
) -> Iterator[tuple[object, Counter[int]]]:
    """Each child with the schemas that may apply to it."""
    words = _FOR_ANY_NAME if isinstance(node, dict) else _FOR_ANY_ITEM
    shared: Counter[int] = Counter()
    for place, held in below.items():
        if place in words or (isinstance(node, dict) and place.startswith("patternProperties/")):
            shared.update(held)
    named: Iterable[tuple[object, object]] = (
        node.items() if isinstance(node, dict) else enumerate(node)
    )
    for name, child in named:
        own = [
            below[place] for word in _BY_PLACE[type(node)] if (place := f"{word}/{name}") in below
        ]
        asked = sum(own, shared) if own else shared
        yield child, asked


def allowed_depth(document: Node, work: int) -> int:
    """The depth down to which no place of a payload is met by more than `work` schemas: 0 (not
    even the root) to DEEPEST.

    An upper bound over all schemas of the document; cost grows with its size.
    """
    if _GROWTH is not None:
        graph = _Graph(document, work)
        depth: int | None = _GROWTH.allowed_depth(document, work, graph.resolved)
        if depth is not None:
            return depth
    return depth_of(document, work)


def depth_of(document: Node, work: int) -> int:
    """The reference of `allowed_depth`."""
    graph = _Graph(document, work)
    try:
        for node in _applying(document):
            if id(node) not in graph.known:
                graph.expansion(node)
    except RecursionError:
        return 0
    counts = {key: total for key, (total, _) in graph.known.items()}
    if max(counts.values(), default=1) > work:
        return 0
    return _depth(counts, {key: below for key, (_, below) in graph.known.items() if below}, work)


def _depth(counts: dict[int, int], edges: dict[int, Places], work: int) -> int:
    """The depth at which some count grows over `work`, all schemas at once: a step costs some 5 ns
    for each edge.

    What several schemas put below alike stands once, and so do all schemas that are not counted:
    nothing applies by them.
    """
    if not edges:
        return DEEPEST
    import numpy as np  # noqa: PLC0415 - few schemas recur, and it is long in loading

    number = {key: at for at, key in enumerate(counts)}
    shared = {id(below): below for below in edges.values()}
    group = {key: at for at, key in enumerate(shared)}
    places = [place for below in shared.values() for place in below.values()]
    children = np.array(
        [number.get(child, len(number)) for place in places for child in place], np.int64
    )
    times = np.array([often for place in places for often in place.values()], np.int64)
    of_place = np.cumsum([0, *(len(place) for place in places)])[:-1]
    of_group = np.cumsum([0, *(len(below) for below in shared.values())])[:-1]
    owners = np.array([number[key] for key in edges], np.int64)
    groups = np.array([group[id(below)] for below in edges.values()], np.int64)
    now = np.array([*counts.values(), 1], np.int64)
    for depth in range(1, DEEPEST):
        fresh = np.zeros_like(now)
        fresh[owners] = np.maximum.reduceat(
            np.add.reduceat(now[children] * times, of_place), of_group
        )[groups]
        if not fresh.any() or np.array_equal(fresh, now):
            return DEEPEST
        if fresh.max() > work:
            return depth
        now = fresh
    return DEEPEST


def _applying(document: Node) -> Iterator[Node]:
    return (node for node in every_object(document) if not _APPLICATORS.isdisjoint(node))
