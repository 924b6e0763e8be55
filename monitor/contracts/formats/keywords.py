"""Keywords that JSON Schema does not know: they are allowed, judge nothing, and are most often
misspelt.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any

from monitor.contracts.refs import Placed
from monitor.contracts.remarks import Remark
from monitor.model.pointers import escaped

MAPS = frozenset(
    "properties patternProperties $defs definitions dependentSchemas dependencies".split()
)
LISTS = frozenset("allOf anyOf oneOf prefixItems".split())
ONES = frozenset(
    (
        "not if then else items additionalItems unevaluatedItems contains additionalProperties unevaluatedProperties "
        "propertyNames contentSchema"
    ).split()
)
KNOWN = (
    MAPS
    | LISTS
    | ONES
    | frozenset(
        (
            "$schema $id id $ref $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary $comment type enum "
            "const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems "
            "uniqueItems maxContains minContains maxProperties minProperties required dependentRequired title description default "
            "deprecated readOnly writeOnly examples example format contentEncoding contentMediaType discriminator xml externalDocs "
            "nullable"
        ).split()
    )
)
# Where OpenAPI keeps a schema alone.
_HOLDERS = ("schema", "itemSchema")
_MOST = 50


def unknown_in_schema(schema: Any, pointer: str = "") -> Iterator[Remark]:
    """A remark for each keyword of a schema, and of what stands below it, that is neither JSON
    Schema's nor `x-…`.
    """
    return _unknown(schemas_in(schema, pointer))


def _unknown(schemas: Iterable[Placed]) -> Iterator[Remark]:
    for node, place in schemas:
        for word in node:
            if word not in KNOWN and not word.startswith("x-"):
                near = get_close_matches(word, KNOWN, 1, 0.7)
                hint = (
                    f"did you mean {near[0]!r}?" if near else "write it as x-… if it is your own"
                )
                yield Remark(
                    f"{place}/{escaped(word)}",
                    f"JSON Schema does not know this keyword, and it will not be judged; {hint}",
                    grave=False,
                )


def schemas_in(schema: Any, pointer: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """A schema that is an object, and each that stands below it, with its place."""
    stack: list[tuple[Any, str]] = [(schema, pointer)]
    while stack:
        node, place = stack.pop()
        if not isinstance(node, dict):
            continue
        yield node, place
        for word, child in node.items():
            at = f"{place}/{escaped(word)}"
            if word in MAPS and isinstance(child, dict):
                stack.extend((part, f"{at}/{escaped(name)}") for name, part in child.items())
            elif word in LISTS or (word in ONES and isinstance(child, list)):
                stack.extend(
                    (part, f"{at}/{index}")
                    for index, part in enumerate(child if isinstance(child, list) else ())
                )
            elif word in ONES:
                stack.append((child, at))


def unknown_in_openapi(schemas: Iterable[Placed]) -> list[Remark]:
    """The same for the schemas of an OpenAPI document, at most 50."""
    return list(islice(_unknown(schemas), _MOST))


def held_schemas(document: dict[str, Any], marked: Iterable[Placed]) -> Iterator[tuple[Any, str]]:
    """The schemas that OpenAPI keeps by name or alone; what stands inside them is left to the
    caller. `marked` are the document's telling objects.
    """
    components = document.get("components")
    named = components.get("schemas") if isinstance(components, dict) else None
    if isinstance(named, dict):
        yield from (
            (schema, f"/components/schemas/{escaped(name)}") for name, schema in named.items()
        )
    for node, pointer in marked:
        if not pointer.startswith("/components/schemas/"):
            yield from ((node[word], f"{pointer}/{word}") for word in _HOLDERS if word in node)
