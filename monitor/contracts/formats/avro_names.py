"""The names of types that Avro schemas define and use, and the order that schemas of several files
have to be read in. https://avro.apache.org/docs/1.12.0/specification/#names
"""

from collections.abc import Iterator, Sequence
from typing import Any

from monitor.errors import ContractError

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "error", "enum", "fixed"})
_HELD = ("type", "items", "values", "fields", "contracts")
_OF_TYPES = frozenset({*PRIMITIVES, *NAMED, "array", "map"})


def names_in(schema: Any) -> tuple[set[str], set[str]]:
    """The full names of the types that a schema defines, and of those that it uses."""
    defined: set[str] = set()
    used: set[str] = set()
    stack: list[tuple[Any, str]] = [(schema, "")]
    while stack:
        node, space = stack.pop()
        if isinstance(node, str):
            if node not in _OF_TYPES:
                used.add(_full(node, space))
        elif isinstance(node, list):
            stack += [(part, space) for part in node]
        elif isinstance(node, dict):
            if isinstance(node.get("name"), str) and node.get("type") in tuple(NAMED):
                full = _full(node["name"], node.get("namespace", space))
                defined.add(full)
                space = full.rpartition(".")[0]
            stack += [(node[word], space) for word in _HELD if word in node]
    return defined, used


def _full(name: str, space: Any) -> str:
    return name if "." in name or not space else f"{space}.{name}"


def in_order(schemas: Sequence[Any]) -> Iterator[Any]:
    """The schemas, what one uses of the others before it. Cost: one walk over each.

    Raises ContractError where they need each other in a circle.
    """
    names = [names_in(schema) for schema in schemas]
    definer = {name: at for at, (defined, _) in enumerate(names) for name in defined}
    state = [0] * len(schemas)  # 1: what it needs is under way; 2: given
    for start in range(len(schemas)):
        stack = [start]
        while stack:
            at = stack[-1]
            if state[at] == 2:
                stack.pop()
                continue
            needs = {definer[name] for name in names[at][1] if name in definer} - {at}
            open_needs = [need for need in needs if state[need] != 2] if state[at] == 0 else []
            if any(state[need] == 1 for need in open_needs):
                raise ContractError("schemas of several files need each other in a circle")
            state[at] = 1
            if open_needs:
                stack += open_needs
                continue
            state[at] = 2
            stack.pop()
            yield schemas[at]
