"""Schemas of older drafts inside OpenAPI 3.1 and later, written in the words of 2020-12.

A schema there may name its own draft by `$schema`, and is read by it.
https://spec.openapis.org/oas/v3.1.1.html#specifying-schema-dialects
"""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from monitor.contracts.compiling import Draft
from monitor.contracts.formats.jsonschema import DRAFTS
from monitor.contracts.formats.keywords import held_schemas
from monitor.contracts.looks import DATA, NAMES, holding
from monitor.contracts.refs import objects, telling
from monitor.contracts.remarks import Remark

_NEWEST: Draft = "2020-12"
_SAYS, _DIALECT = "$schema", "jsonSchemaDialect"
_OPENAPI = "https://spec.openapis.org/oas/"
"""What the names of OpenAPI's own dialects begin with."""
_SINCE_6 = frozenset({"const", "contains", "propertyNames"})
_SINCE_7 = frozenset({"if", "then", "else"})
_SINCE_2019 = frozenset(
    {
        *("minContains", "maxContains", "dependentRequired", "dependentSchemas"),
        *("unevaluatedItems", "unevaluatedProperties", "$anchor"),
    }
)
_SINCE_2020 = frozenset({"prefixItems", "$dynamicRef", "$dynamicAnchor"})
_LATER: Mapping[Draft, frozenset[str]] = {
    "4": _SINCE_6 | _SINCE_7 | _SINCE_2019 | _SINCE_2020,
    "6": _SINCE_7 | _SINCE_2019 | _SINCE_2020,
    "7": _SINCE_2019 | _SINCE_2020,
    "2019-09": _SINCE_2020,
}
"""What a draft does not know yet, and so says nothing in it."""
# What is kept beside a `$ref`, which up to draft 7 leaves room for nothing that judges.
_HOLDING = frozenset({"$ref", "definitions", "$defs", "title", "description"})


def modern(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each schema of an older draft in the words of 2020-12; itself where there
    is none.

    A list of `items` becomes `prefixItems`; other places keep their pointers. A draft that the
    document names for all of its schemas is written into each of them, in the document given.
    """
    dialect = document.get(_DIALECT)
    if draft_of(dialect) not in (None, _NEWEST):
        for schema, _ in held_schemas(document, telling(document)):
            if isinstance(schema, dict):
                schema.setdefault(_SAYS, dialect)
        document = {word: held for word, held in document.items() if word != _DIALECT}
    result = _Rewriter(holding(document, (_SAYS,))).node(document, _NEWEST, names=False)
    assert isinstance(result, dict)
    return result


def draft_of(dialect: Any) -> Draft | None:
    """The draft that a `$schema` names; None for one that is not read."""
    return DRAFTS.get(dialect.rstrip("#")) if isinstance(dialect, str) else None


def unread_drafts(document: dict[str, Any]) -> Iterator[Remark]:
    """A remark for each place that names a dialect which is none of the drafts, nor OpenAPI's."""
    for node, place in objects(document):
        word = _SAYS if place else _DIALECT
        dialect = node.get(word)
        if not isinstance(dialect, str) or dialect.startswith(_OPENAPI) or draft_of(dialect):
            continue
        sentence = f"the dialect {dialect[:80]!r} is not read, and {_NEWEST} is read instead; name one of JSON Schema's drafts"
        yield Remark(f"{place}/{word}", sentence, grave=False, kind="unjudged")


class _Rewriter:
    def __init__(self, holders: Container[int]) -> None:
        """`holders`: the ids of what says its draft, and of what holds that."""
        self._holders = holders

    def node(self, node: Any, draft: Draft, *, names: bool) -> Any:
        if draft == _NEWEST and id(node) not in self._holders:
            return node
        if isinstance(node, list):
            return [self.node(child, draft, names=False) for child in node]
        if not isinstance(node, dict):
            return node
        if names:
            return {name: self.node(child, draft, names=False) for name, child in node.items()}
        draft = draft_of(node.get(_SAYS)) or draft
        copy = {
            name: child
            if name in DATA
            else self.node(child, draft, names=name in NAMES and isinstance(child, dict))
            for name, child in node.items()
        }
        return copy if draft == _NEWEST else dict(_worded(copy, draft))


def _worded(schema: dict[str, Any], draft: Draft) -> Iterator[tuple[str, Any]]:
    """One schema's keywords in the words of 2020-12; what stands in them is so written already."""
    later, listed = _LATER[draft], isinstance(schema.get("items"), list)
    alone = draft != "2019-09" and isinstance(schema.get("$ref"), str)
    for word, value in schema.items():
        if word == _SAYS or word in later or (alone and word not in _HOLDING):
            continue
        if word == "items" and listed:
            yield "prefixItems", value
        elif word == "additionalItems":
            if listed:
                yield "items", value
        elif word in ("id", "$id") and isinstance(value, str):
            yield from _identified(value) if (word == "id") == (draft == "4") else ()
        elif word == "dependencies" and isinstance(value, dict):
            yield from _dependencies(value)
        elif draft == "4" and word in ("exclusiveMinimum", "exclusiveMaximum"):
            yield from _excluded(schema, word)
        elif word == "$recursiveRef":
            yield "$ref", value
        elif word != "$recursiveAnchor":
            yield word, value


def _identified(name: str) -> Iterator[tuple[str, Any]]:
    yield ("$anchor", name[1:]) if name.startswith("#") else ("$id", name)


def _excluded(schema: dict[str, Any], word: str) -> Iterator[tuple[str, Any]]:
    """Draft 4 says by a truth that a bound is excluded; later drafts name the bound."""
    bound = schema.get(word.removeprefix("exclusive").lower())
    if schema[word] is True and isinstance(bound, int | float):
        yield word, bound


def _dependencies(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    names = {name: held for name, held in value.items() if isinstance(held, list)}
    schemas = {name: held for name, held in value.items() if not isinstance(held, list)}
    if names:
        yield "dependentRequired", names
    if schemas:
        yield "dependentSchemas", schemas
