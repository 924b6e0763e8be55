"""What stands anywhere in a document: one walk tells what closer looks would be for.

The walks over all of it are native where that is built (monitor/native/src/walks.rs); what the
native one leaves, and all where it is not built, is done here.
"""

from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from monitor.native import BUILT

# Keywords whose value is data or prose, never a schema with references.
DATA = frozenset(
    {"example", "examples", "enum", "const", "default", "mapping", "x-example", "x-examples"}
)
# Keywords whose value is a map of names that the contract's author chose: a response may be called
# `default`.
NAMES = frozenset(
    {
        *(
            "properties",
            "patternProperties",
            "$defs",
            "definitions",
            "dependentSchemas",
            "dependencies",
            "schemas",
            "headers",
        ),
        *(
            "paths",
            "components",
            "responses",
            "callbacks",
            "content",
            "encoding",
            "links",
            "requestBodies",
            "securitySchemes",
        ),
        *("pathItems", "mediaTypes", "webhooks", "variables"),
    }
)
# Nothing below these is judged, so what they refer to does not matter.
ASIDE = frozenset({"links", "callbacks", "securitySchemes", "webhooks"})
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PASSED_OVER = ASIDE | DATA
_AS_SCHEMA, _AS_NAMES, _FOR_KEYS = range(3)
_WALKS = (
    BUILT.Walks(sorted(NAMES), sorted(DATA), sorted(ASIDE), REFERENCES)
    if BUILT is not None
    else None
)


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in a document, by one walk over every object of it."""

    words: frozenset[str]
    """Every key of every object, of data and of maps of names too."""
    patterns: frozenset[str]
    """Every text that stands where patterns do, of data too."""
    schemas: int
    """Objects that may be read as a schema (`refs.objects`); the next three are of these."""
    told: int
    """How often a pattern stands there."""
    longest: int
    """The characters of the longest pattern."""
    leaves: bool
    """Whether a reference leads out of the document."""


def look_at(document: Any) -> Look:
    """The look, for a document of any kind. Cost: some 10 ms a MB of JSON natively, 60 else."""
    sums = _WALKS.look(document) if _WALKS is not None else None
    return looked_at(document) if sums is None else Look(*sums)


def excess(document: Any, nodes: int, depth: int) -> Literal["", "nodes", "depth"]:
    """What a document has too much of, level by level: nodes, scalars too, or depth; "" for
    nothing. Without recursion.
    """
    if _WALKS is not None and _WALKS.within(document, nodes, depth):
        return ""
    return measured(document, nodes, depth)


def holding(
    document: Any, words: Collection[str], formats: Collection[str] = (), ids: Collection[int] = ()
) -> Container[int]:
    """The ids of the objects that have one of these keys, or are among `ids`, and of the objects
    and lists that hold one; data is passed over.

    The key `format` counts where its value is one of `formats`.
    """
    held = (
        _WALKS.holding(document, list(words), set(formats), set(ids))
        if _WALKS is not None
        else None
    )
    return held_in(document, words, formats, ids) if held is None else held


def references(node: Any, most: int) -> tuple[set[str], int]:
    """Every text that stands as a reference in a node, in data too, and how many objects the node
    holds, itself among them. Both are cut short over `most` objects.
    """
    named = _WALKS.references(node, most) if _WALKS is not None else None
    return referred(node, most) if named is None else named


def every_object(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, of data and of maps of names too, the last one first."""
    stack: list[Any] = [document] if isinstance(document, dict | list) else []
    while stack:
        node = stack.pop()
        if type(node) is dict:
            yield node
            node = node.values()
        stack += [child for child in node if type(child) is dict or type(child) is list]


def measured(document: Any, nodes: int, depth: int) -> Literal["", "nodes", "depth"]:
    """The reference of `excess`."""
    count, level, at = 0, [document], 0
    while level:
        count += len(level)
        if count > nodes:
            return "nodes"
        if at > depth:
            return "depth"
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
        level, at = below, at + 1
    return ""


def referred(node: Any, most: int) -> tuple[set[str], int]:
    """The reference of `references`."""
    named: set[str] = set()
    count = 0
    for count, held in enumerate(every_object(node), 1):
        if count > most:
            break
        named.update(text for word in REFERENCES if isinstance(text := held.get(word), str))
    return named, count


def looked_at(document: Any) -> Look:
    """The reference of `look_at`."""
    words: set[str] = set()
    patterns: set[str] = set()
    schemas = texts_seen = longest = 0
    leaves = False
    components = document.get("components") if isinstance(document, dict) else None
    stack: list[tuple[Any, int]] = [(document, _AS_SCHEMA)]
    while stack:
        node, looked = stack.pop()
        if type(node) is list:
            below = _FOR_KEYS if looked == _FOR_KEYS else _AS_SCHEMA
            stack += [(child, below) for child in node if type(child) in (dict, list)]
            continue
        if type(node) is not dict:
            continue
        words.update(node)
        texts = list(patterns_in(node))
        patterns.update(texts)
        if looked == _AS_SCHEMA:
            schemas += 1
            texts_seen += len(texts)
            longest = max(longest, *map(len, texts)) if texts else longest
            leaves = leaves or any(map(leads_out, map(node.get, REFERENCES)))
        for name, child in node.items():
            if type(child) is dict or type(child) is list:
                stack.append((child, _as(name, looked, parts=node is components)))
    return Look(frozenset(words), frozenset(patterns), schemas, texts_seen, longest, leaves)


def _as(name: str, looked: int, *, parts: bool) -> int:
    """How what stands under a key is looked at. `parts`: its object is the document's
    `components`, whose maps of names are named by OpenAPI.
    """
    if looked == _FOR_KEYS:
        return _FOR_KEYS
    if looked == _AS_NAMES and not parts:
        return _AS_SCHEMA
    if name in _PASSED_OVER or name.startswith("x-"):
        return _FOR_KEYS
    return _AS_NAMES if looked == _AS_NAMES or name in NAMES else _AS_SCHEMA


def patterns_in(node: dict[str, Any]) -> Iterator[str]:
    """The texts that stand where patterns do, of one object."""
    if isinstance(node.get("pattern"), str):
        yield node["pattern"]
    if isinstance(node.get("patternProperties"), dict):
        yield from node["patternProperties"]


def leads_out(target: object) -> TypeGuard[str]:
    """Whether a reference leads out of its document."""
    return isinstance(target, str) and not target.startswith("#")


def held_in(
    document: Any, words: Collection[str], formats: Collection[str], ids: Collection[int]
) -> set[int]:
    """The reference of `holding`."""
    held: set[int] = set()
    wanted = frozenset(words)

    def look(node: Any, *, names: bool) -> bool:
        holds = False
        if isinstance(node, dict):
            named = node.get("format")
            holds = id(node) in ids or (
                not names
                and (not wanted.isdisjoint(node) or (isinstance(named, str) and named in formats))
            )
        for name, child in node.items() if isinstance(node, dict) else ():
            if isinstance(child, dict | list) and (names or name not in DATA):
                holds |= look(child, names=not names and name in NAMES)
        for child in node if isinstance(node, list) else ():
            if isinstance(child, dict | list):
                holds |= look(child, names=False)
        if holds:
            held.add(id(node))
        return holds

    look(document, names=False)
    return held
