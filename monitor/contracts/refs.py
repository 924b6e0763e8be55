"""References inside one document: resolved locally, remote ones refused, budgets on schemas and
patterns kept.
"""

from collections.abc import Iterator
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
)
from monitor.errors import ContractError
from monitor.model.pointers import escaped, unescaped
from monitor.native import BUILT

_MOST_HOPS = 50
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
    if not pointer.startswith("#"):
        raise ContractError(
            f"{where}: the reference {pointer[:120]!r} leaves the document; bundle it into one file, nothing is fetched"
        )
    node: Any = document
    for part in pointer[1:].lstrip("/").split("/") if len(pointer) > 1 else []:
        name = unquote(part) if "%" in part else part
        if "~" in name:
            name = unescaped(name)
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
                f"{where}: the reference {pointer[:120]!r} names nothing in the document"
            )
    return node


def follow(document: dict[str, Any], node: Any, pointer: str, where: str) -> tuple[Any, str]:
    """The node behind a chain of `$ref`, and its pointer. ContractError for a circle."""
    for _ in range(_MOST_HOPS):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node, pointer
        target = node["$ref"]
        try:
            node = resolve(document, target, f"{where} {pointer}")
        except ContractError as error:
            raise ContractError(str(error), pointer) from None
        pointer = unquote(target[1:])
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
    """
    if not _passes(look or look_at(document), limits, allowed):
        _refuse(document, where, limits, allowed)


def _passes(look: Look, limits: ContractLimits, allowed: frozenset[str]) -> bool:
    """Whether nothing is to be refused; False: look closer, with pointers."""
    return (
        (not look.leaves or bool(allowed))
        and look.schemas <= limits.schemas
        and look.told <= limits.patterns
        and look.longest <= limits.pattern_chars
    )


def _refuse(
    document: dict[str, Any], where: str, limits: ContractLimits, allowed: frozenset[str]
) -> None:
    schemas = patterns = 0
    for node, pointer in objects(document):
        schemas += 1
        for word in REFERENCES:
            target = node.get(word)
            if leads_out(target) and not allowed:
                raise ContractError(
                    f"{where}: the reference {target[:120]!r} at {pointer or '/'} leaves the document; bundle it into one file, nothing is fetched",
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


def objects(document: dict[str, Any]) -> Iterator[Placed]:
    """Every object that may be read as a schema, with its pointer; data and maps of names are
    passed over.
    """
    stack: list[tuple[Any, str, bool]] = [(document, "", False)]
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
