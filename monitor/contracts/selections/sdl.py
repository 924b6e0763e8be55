"""A GraphQL schema from its SDL or from what introspection answered.

https://spec.graphql.org/October2021/#sec-Type-System and
https://spec.graphql.org/October2021/#sec-Introspection
"""

import re
from collections.abc import Iterator, Mapping
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

from monitor.contracts.limits import check_words
from monitor.contracts.remarks import Remark
from monitor.contracts.selections.written import ASIDE, SDL, introspected
from monitor.errors import ContractError

MOST_TOKENS = 80_000  # of a schema: the parser takes some 20 us each
_MOST_WORDS = 2_000_000
_DEEPEST = 200
_TOKEN = re.compile(r"\.\.\.|[_0-9A-Za-z]+|[^\s,_0-9A-Za-z]")
_FAULTS = (GraphQLError, TypeError, ValueError, KeyError, AttributeError, RecursionError)
_EXTENSIONS: Mapping[type[ast.Node], type[ast.Node]] = {
    ast.ObjectTypeExtensionNode: ast.ObjectTypeDefinitionNode,
    ast.InterfaceTypeExtensionNode: ast.InterfaceTypeDefinitionNode,
    ast.UnionTypeExtensionNode: ast.UnionTypeDefinitionNode,
    ast.EnumTypeExtensionNode: ast.EnumTypeDefinitionNode,
    ast.InputObjectTypeExtensionNode: ast.InputObjectTypeDefinitionNode,
}


def schema_of(document: Mapping[str, Any], where: str) -> GraphQLSchema:
    """The schema. Raises ContractError, with the line, for what is none, and for one that nothing
    can be asked of.
    """
    introspection = introspected(document)
    try:
        if introspection is not None:
            schema = build_client_schema(introspection)  # type: ignore[arg-type]  # its form is what is tried here
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


def _parsed(text: str, where: str) -> DocumentNode:
    plain = ASIDE.sub(" s ", text)
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
