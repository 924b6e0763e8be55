"""Which properties travel one way only, wherever they are declared: `readOnly` in requests,
`writeOnly` in responses.
"""

from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping
from functools import lru_cache
from typing import Any

from monitor.contracts.looks import DATA, NAMES
from monitor.contracts.refs import follow
from monitor.errors import ContractError
from monitor.native import BUILT

_LISTS = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else")
_APPLYING = frozenset({"$ref", *_LISTS, *_BRANCHES})
_MOST_PARTS = 8
_NOTHING: frozenset[str] = frozenset()


class OneWay:
    """The names that each schema of a document need not bring on one side, by `mark` (readOnly or
    writeOnly).

    A name counts for a schema when the property is declared in it or in any schema applied to the
    same value: its `$ref`, `allOf`, `anyOf`, `oneOf` and `if` parts, and the schemas that it is a
    part of with their other parts.
    """

    def __init__(self, document: dict[str, Any], mark: str, words: Container[str]) -> None:
        """`words`: the keys that stand anywhere in the document."""
        self._document = document
        self._mark = mark
        self._names: Mapping[int, frozenset[str]] = {}
        self._named: dict[str, dict[str, Any]] = {}
        if mark not in words:
            return
        nodes = _telling(document, mark)
        if any(node.get(mark) is True for node in nodes):
            self._names = self._spread(nodes)

    @property
    def ids(self) -> Collection[int]:
        """The ids of the schemas that have such names."""
        return self._names.keys()

    @property
    def any(self) -> bool:
        """Whether there is such a name at all."""
        return bool(self._names)

    def of(self, node: Mapping[str, Any]) -> frozenset[str]:
        """The names for one schema of the document, by identity."""
        return self._names.get(id(node), _NOTHING)

    def marked(self, schema: Any, level: int = 0) -> bool:
        """Whether a property's schema says that it travels one way, itself or in what it refers
        to.
        """
        if level > _MOST_PARTS or not isinstance(schema, dict):
            return False
        if schema.get(self._mark) is True or self._behind(schema).get(self._mark) is True:
            return True
        parts = schema.get("allOf")
        return isinstance(parts, list) and any(self.marked(part, level + 1) for part in parts)

    def _spread(self, nodes: list[dict[str, Any]]) -> Mapping[int, frozenset[str]]:
        parts = {
            id(node): [id(part) for part in self._parts(node)]
            for node in nodes
            if not _APPLYING.isdisjoint(node)
        }
        users: dict[int, list[int]] = defaultdict(list)
        for user, children in parts.items():
            for part in children:
                users[part].append(user)
        by_node: dict[int, frozenset[str]] = {}
        for node in nodes:
            declared = node.get("properties")
            if isinstance(declared, dict):
                names = frozenset(name for name, schema in declared.items() if self.marked(schema))
                if names:
                    by_node[id(node)] = names
        _flow(by_node, users)  # up: what a part declares, the whole knows
        _flow(by_node, parts)  # down: what the whole knows, each part knows
        return by_node

    def _parts(self, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if isinstance(node.get("$ref"), str):
            yield self._behind({"$ref": node["$ref"]})
        for word in _LISTS:
            held = node.get(word)
            yield from (
                part for part in (held if isinstance(held, list) else ()) if isinstance(part, dict)
            )
        yield from (node[word] for word in _BRANCHES if isinstance(node.get(word), dict))

    def _behind(self, node: dict[str, Any]) -> dict[str, Any]:
        """What a node with a reference stands for; itself without one."""
        name = node.get("$ref")
        if not isinstance(name, str):
            return node
        if name not in self._named:
            try:
                target, _ = follow(self._document, node, "", "")
            except ContractError:
                target = None
            self._named[name] = target if isinstance(target, dict) else {}
        return self._named[name]


def _flow(names: dict[int, frozenset[str]], edges: Mapping[int, list[int]]) -> None:
    """Hand names on along the edges until nothing changes."""
    pending = list(names)
    while pending:
        node = pending.pop()
        for other in edges.get(node, ()):
            if not names[node] <= names.get(other, _NOTHING):
                names[other] = names.get(other, _NOTHING) | names[node]
                pending.append(other)


def _telling(document: dict[str, Any], mark: str) -> list[dict[str, Any]]:
    """The schemas that are marked, have properties, or apply others."""
    words = frozenset({mark, "properties", *_APPLYING})
    marked = _marker(words).of(document) if BUILT is not None else None
    if marked is not None:
        return [node for node, _ in marked]
    return [node for node in _schemas(document) if not words.isdisjoint(node)]


@lru_cache(maxsize=2)
def _marker(words: frozenset[str]) -> Any:
    assert BUILT is not None
    return BUILT.Objects(sorted(NAMES), sorted(DATA), [], sorted(words))


def _schemas(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stack: list[tuple[Any, bool]] = [(document, False)]
    while stack:
        node, names = stack.pop()
        if isinstance(node, list):
            stack.extend((child, False) for child in node)
        elif isinstance(node, dict):
            if not names:
                yield node
            stack.extend(
                (child, not names and name in NAMES)
                for name, child in node.items()
                if names or name not in DATA
            )
