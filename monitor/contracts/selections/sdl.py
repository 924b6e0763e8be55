"""A GraphQL schema from its SDL or from what introspection answered, with its places in the text.

https://spec.graphql.org/October2021/#sec-Type-System and
https://spec.graphql.org/October2021/#sec-Introspection
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    build_ast_schema,
    build_client_schema,
    parse,
    validate_schema,
)
from graphql.language import ast
from graphql.validation.rules.known_directives import KnownDirectivesRule
from graphql.validation.specified_rules import specified_sdl_rules
from graphql.validation.validate import validate_sdl

from monitor.contracts.formats.binding import BINDING, bound_in_comment
from monitor.contracts.limits import check_words
from monitor.contracts.remarks import Remark
from monitor.errors import ContractError

SDL = "graphql"
MOST_TOKENS = 80_000  # of a schema: the parser takes some 20 us each
_MOST_WORDS = 2_000_000
_DEEPEST = 200
_ASIDE = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
_TOKEN = re.compile(r"\.\.\.|[_0-9A-Za-z]+|[^\s,_0-9A-Za-z]")
_BEGINS = re.compile(
    r"(?:extend\s+)?(?:schema\s*[{@]|(?:type|interface|input)\s+\w+\s*(?:\{|@|implements\b|$)|scalar\s+\w+\s*(?:@|\w|$)"
    r"|union\s+\w+\s*[=@]|directive\s*@|enum\s+\w+[^{=;]*\{[^=;}]*\})"
)
_TYPE_LINE = re.compile(r"\s*(?:extend\s+)?(?:type|interface|input|enum|union|scalar)\s+(\w+)")
_FIELD_LINE = re.compile(r"\s*(\w+)\s*(?:[(:@]|$)")
_FAULTS = (GraphQLError, TypeError, ValueError, KeyError, AttributeError, RecursionError)
_EXTENSIONS: Mapping[type[ast.Node], type[ast.Node]] = {
    ast.ObjectTypeExtensionNode: ast.ObjectTypeDefinitionNode,
    ast.InterfaceTypeExtensionNode: ast.InterfaceTypeDefinitionNode,
    ast.UnionTypeExtensionNode: ast.UnionTypeDefinitionNode,
    ast.EnumTypeExtensionNode: ast.EnumTypeDefinitionNode,
    ast.InputObjectTypeExtensionNode: ast.InputObjectTypeDefinitionNode,
}


_ASKS = re.compile(
    r"(?:query|mutation|subscription)(?:\s+\w+)?\s*[({@]|fragment\s+\w+\s+on\s+\w+\s*[@{]|\{\s*\w+\s*(?:\([^(){}]{0,2000}\)\s*)?\{"
)


def looks_like_sdl(text: str) -> bool:
    """Whether a text is GraphQL's schema language: its first definition says so."""
    plain = _ASIDE.sub(" ", text[:20_000]).lstrip("\ufeff \t\r\n,")
    return _BEGINS.match(plain) is not None


def asks(text: str) -> bool:
    """Whether a text is what a consumer asks of GraphQL."""
    return _ASKS.match(_ASIDE.sub(" ", text).lstrip("\ufeff \t\r\n,")) is not None


def document_of_sdl(text: str, where: str) -> dict[str, Any] | None:
    """An SDL as a document; its binding stands in a line `# x-seamwatch: {"path": "/graphql"}`.
    None for another text.

    Raises ContractError for queries without a schema.
    """
    if asks(text[:20_000]):
        raise ContractError(
            f"{where}: these are queries, what a consumer asks of GraphQL; missing is the schema that they are asked of: publish the "
            "endpoint's SDL, or the answer to an introspection query, as its provider's contract. Queries are judged by it as calls show them"
        )
    if not looks_like_sdl(text):
        return None
    return {SDL: text, BINDING: bound_in_comment(text, "#", where)}


def introspected(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What introspection answered (`__schema`), where a document is that; perhaps the whole
    answer, with `data`.
    """
    inner = document.get("data")
    held = inner if isinstance(inner, dict) and "__schema" in inner else document
    return held if isinstance(held.get("__schema"), dict) else None


def schema_of(document: Mapping[str, Any], where: str) -> GraphQLSchema:
    """The schema. Raises ContractError, with the line, for what is none, and for one that nothing
    can be asked of.
    """
    told = introspected(document)
    try:
        if told is not None:
            schema = build_client_schema(told)  # type: ignore[arg-type]  # its form is what is tried here
        else:
            schema = build_ast_schema(
                _parsed(str(document.get(SDL, "")), where), assume_valid_sdl=True
            )
    except _FAULTS as error:
        raise ContractError(
            f"{where}: the GraphQL schema cannot be used: {_said(error)}"
        ) from None
    if schema.query_type is None:
        raise ContractError(f"{where}: the schema has no type Query: nothing can be asked of it")
    return schema


def schema_remarks(document: Mapping[str, Any]) -> Iterator[Remark]:
    """What GraphQL's own rules say against a schema that can be used in spite of it. Directives
    that it does not declare are others' affair.
    """
    text = document.get(SDL)
    if not isinstance(text, str):
        return
    parsed = _parsed(text, "")
    rules = [rule for rule in specified_sdl_rules if rule is not KnownDirectivesRule]
    errors = validate_sdl(parsed, rules=rules)
    if not errors:
        errors = validate_schema(build_ast_schema(parsed, assume_valid_sdl=True))
    for error in errors[:50]:
        places = error.locations
        yield Remark(
            "",
            " ".join(error.message.split())[:200],
            grave=False,
            line=places[0].line if places else 0,
        )


def lines_of_sdl(text: str, pointers: Collection[str]) -> dict[str, int]:
    """The line, from 1, of each `/Type` or `/Type/field`; 1 for what is not found."""
    places = set(pointers) | {
        f"/{pointer.split('/')[1]}" for pointer in pointers if pointer.count("/") > 1
    }
    lines: dict[str, int] = {}
    plain = _ASIDE.sub(lambda match: "\n" * match[0].count("\n"), text)
    within = ""
    for line, words in enumerate(plain.split("\n"), 1):
        named = _TYPE_LINE.match(words)
        if named is not None:
            within = f"/{named[1]}"
            lines.setdefault(within, line)
        else:
            field = _FIELD_LINE.match(words)
            if field is not None and f"{within}/{field[1]}" in places:
                lines.setdefault(f"{within}/{field[1]}", line)
    return {
        pointer: lines.get(pointer) or lines.get("/".join(pointer.split("/")[:2]), 1)
        for pointer in pointers
    }


def _parsed(text: str, where: str) -> DocumentNode:
    plain = _ASIDE.sub(" s ", text)
    instead = (
        "a GraphQL schema of more than {most} words and signs is not read; publish a part of it"
    )
    check_words(
        (token[0] for token in _TOKEN.finditer(plain)), MOST_TOKENS, _DEEPEST, where, instead
    )
    return _defined(parse(text, max_tokens=MOST_TOKENS + 1))


def _defined(document: DocumentNode) -> DocumentNode:
    """A part of a federated schema extends types that others define: its extensions are its
    definitions.
    """
    named = {
        node.name.value
        for node in document.definitions
        if isinstance(node, ast.TypeDefinitionNode)
    }
    made: list[ast.DefinitionNode] = []
    changed = False
    for node in document.definitions:
        kind = _EXTENSIONS.get(type(node))
        name = getattr(node, "name", None)
        if kind is not None and name is not None and name.value not in named:
            named.add(name.value)
            held: Any = {key: getattr(node, key, None) for key in node.keys if key != "loc"}
            made.append(kind(**held, loc=node.loc))  # type: ignore[arg-type]
            changed = True
        else:
            made.append(node)
    return DocumentNode(definitions=tuple(made), loc=document.loc) if changed else document


def _said(error: BaseException) -> str:
    """A fault in words, with its line where it has one: a schema is its author's own text."""
    places = getattr(error, "locations", None)
    line = f"line {places[0].line}: " if places else ""
    words = getattr(error, "message", None) or str(error) or type(error).__name__
    return f"{line}{' '.join(str(words).split())[:200]}"
