"""References inside one document: resolved locally, remote ones refused, budgets on schemas and
patterns kept.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from monitor.contracts.limits import ContractLimits
from monitor.contracts.looks import (
    ASIDE,
    DATA,
    NAMES,
    REFERENCES,
    Look,
    leads_out,
    look_at,
    patterns_in,
    references,
)
from monitor.errors import ContractError
from monitor.model.pointers import escaped, unescaped
from monitor.native import BUILT

_MOST_HOPS = 50
_LEAVES = (
    "leaves the document; bundle it into one file, or give the command that file too, "
    "or the folder of both; nothing is fetched"
)
_IN_ASIDE = re.compile(rf"#(?:/[^/]*)*?/(?:x-|(?:{'|'.join(sorted(DATA | ASIDE))})(?:/|$))")
Placed = tuple[dict[str, Any], str]
"""An object of a document and its pointer."""
TELLING = frozenset(
    {
        *("discriminator", "example", "examples", "itemSchema"),
        *("pattern", "patternProperties", "schema"),
    }
)
"""Keys of objects that something is looked up in when a document is published."""
_MARKER = (
    BUILT.Objects(sorted(NAMES), sorted(DATA), sorted(ASIDE), sorted(TELLING))
    if BUILT is not None
    else None
)


def resolve(document: dict[str, Any], pointer: str, where: str) -> Any:
    """What a local reference ("#/a/b") names. ContractError for a remote or a dangling one."""
    return _located(document, pointer, where, _MOST_HOPS)[0]


def _located(document: dict[str, Any], reference: str, where: str, hops: int) -> tuple[Any, str]:
    """What a reference names, and the pointer of the place where it stands: a part of the way may
    be a reference, as of AsyncAPI's channels.
    """
    if not reference.startswith("#"):
        raise ContractError(f"{where}: the reference {reference[:120]!r} {_LEAVES}")
    node: Any = document
    pointer = ""
    for written in reference[1:].lstrip("/").split("/") if len(reference) > 1 else []:
        part = unquote(written) if "%" in written else written
        name = unescaped(part) if "~" in part else part
        if isinstance(node, dict) and name not in node and hops:
            target = node.get("$ref")
            if isinstance(target, str):
                node, pointer = _located(document, target, where, hops - 1)
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif (
            isinstance(node, list)
            and name.isdecimal()
            and len(name) < 10
            and int(name) < len(node)
        ):
            node = node[int(name)]
        else:
            raise ContractError(
                f"{where}: the reference {reference[:120]!r} names nothing in the document"
            )
        pointer += f"/{part}"
    return node, pointer


def follow(document: dict[str, Any], node: Any, pointer: str, where: str) -> tuple[Any, str]:
    """The node behind a chain of `$ref`, and its pointer. ContractError for a circle."""
    for _ in range(_MOST_HOPS):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node, pointer
        try:
            node, behind = _located(document, node["$ref"], f"{where} {pointer}", _MOST_HOPS)
        except ContractError as error:
            raise ContractError(str(error), pointer) from None
        pointer = behind
    raise ContractError(f"{where}: the reference at {pointer} leads in a circle", pointer)


def survey(
    document: dict[str, Any],
    where: str,
    limits: ContractLimits,
    allowed: frozenset[str] = frozenset(),
    look: Look | None = None,
) -> None:
    """Refuse remote references (other than to `allowed` URIs) and a document over the budgets of
    schemas and patterns. `look`: the document's, where it was taken already.

    What is passed over elsewhere (data, members `x-…`) is looked at where a reference leads into
    it.
    """
    look = look or look_at(document)
    own = _named_aside(document, where)
    if own:
        look = _with_aside(look, own)
    if not _passes(look, limits, allowed):
        _refuse([(document, ""), *own], where, limits, allowed)


def _with_aside(look: Look, own: list[Placed]) -> Look:
    """A document's look with what its references lead to aside; in data, such as examples, a
    reference is no more than data.
    """
    aside = look_at([node for node, _ in own])
    extended = look_at([node for node, pointer in own if "/x-" in pointer])
    return replace(
        look,
        schemas=look.schemas + aside.schemas,
        told=look.told + aside.told,
        longest=max(look.longest, aside.longest),
        leaves=look.leaves or extended.leaves,
    )


def _named_aside(document: dict[str, Any], where: str) -> list[Placed]:
    """What references name inside data and members `x-…`, with its pointer: none inside
    another.
    """
    named, _ = references(document, sys.maxsize)
    places: list[Placed] = []
    for target in sorted(unquote(text[1:]) for text in named if _IN_ASIDE.match(text)):
        if places and (target == places[-1][1] or target.startswith(f"{places[-1][1]}/")):
            continue
        try:
            node = resolve(document, f"#{target}", where)
        except ContractError:
            continue  # whoever follows it says so
        if isinstance(node, dict):
            places.append((node, target))
    return places


def _passes(look: Look, limits: ContractLimits, allowed: frozenset[str]) -> bool:
    """Whether nothing is to be refused; False: look closer, with pointers."""
    return (
        (not look.leaves or bool(allowed))
        and look.schemas <= limits.schemas
        and look.told <= limits.patterns
        and look.longest <= limits.pattern_chars
    )


def _refuse(
    parts: list[Placed], where: str, limits: ContractLimits, allowed: frozenset[str]
) -> None:
    schemas = patterns = 0
    for node, pointer in (placed for part in parts for placed in objects(*part)):
        schemas += 1
        for word in REFERENCES:
            target = node.get(word)
            if leads_out(target) and not allowed:
                raise ContractError(
                    f"{where}: the reference {target[:120]!r} at {pointer or '/'} {_LEAVES}",
                    pointer,
                )
        texts = list(patterns_in(node))
        patterns += len(texts)
        if any(len(text) > limits.pattern_chars for text in texts):
            raise ContractError(
                f"{where}: the pattern at {pointer} is longer than {limits.pattern_chars} characters",
                pointer,
            )
    if schemas > limits.schemas:
        raise ContractError(
            f"{where}: {schemas} objects are more than the {limits.schemas} that a contract may have; split it"
        )
    if patterns > limits.patterns:
        raise ContractError(
            f"{where}: {patterns} patterns are more than the {limits.patterns} that a contract may have"
        )


def telling(document: dict[str, Any]) -> list[Placed]:
    """Those of `objects` that have a key of TELLING, in its order. Natively some 5 ms a MB."""
    marked = _MARKER.of(document) if _MARKER is not None else None
    if marked is not None:
        return list(marked)
    return [placed for placed in objects(document) if not TELLING.isdisjoint(placed[0])]


def objects(document: dict[str, Any], begin: str = "") -> Iterator[Placed]:
    """Every object that may be read as a schema, with its pointer; data and maps of names are
    passed over. `begin`: the pointer of what is given.
    """
    stack: list[tuple[Any, str, bool]] = [(document, begin, False)]
    while stack:
        node, pointer, names = stack.pop()
        if isinstance(node, list):
            stack.extend(
                (child, f"{pointer}/{index}", False)
                for index, child in enumerate(node)
                if isinstance(child, dict | list)
            )
        elif isinstance(node, dict):
            if not names:
                yield node, pointer
            if names and pointer == "/components":
                stack.extend(
                    (child, f"/components/{name}", True)
                    for name, child in node.items()
                    if name not in ASIDE and name not in DATA and not name.startswith("x-")
                )
                continue
            for name, child in node.items():
                if not names and (name in ASIDE or name.startswith("x-")):
                    continue
                if isinstance(child, dict | list) and (names or name not in DATA):
                    stack.append(
                        (child, f"{pointer}/{escaped(name)}", not names and name in NAMES)
                    )
