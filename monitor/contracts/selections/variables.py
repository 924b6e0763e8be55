"""A request's variables against what its operation declares: https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    type_from_ast,
    value_from_ast_untyped,
)

from monitor.contracts.broken import Broken
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.selections.leaves import check_enum, check_scalar
from monitor.model.pointers import escaped


def check_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any], said: Mismatches
) -> dict[str, Any]:
    """Add what the variables break; returns them with the defaults of those that are not given."""
    whole = dict(given)
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        pointer = f"/variables/{escaped(name)}"
        kind = type_from_ast(schema, definition.type)
        if name not in given:
            if definition.default_value is not None:
                whole[name] = value_from_ast_untyped(definition.default_value)
            elif isinstance(kind, GraphQLNonNull):
                said.add(Broken("required", pointer, "", "present", "absent"))
            continue
        _input(kind, given[name], pointer, "", said)
    return whole


def _input(kind: Any, value: Any, pointer: str, clause: str, said: Mismatches) -> None:
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            said.add(Broken("non_null", pointer, clause, "no null", "null"))
            return
        kind = kind.of_type
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        if isinstance(value, list):
            for one in value:
                _input(kind.of_type, one, f"{pointer}/*", clause, said)
        else:
            _input(kind.of_type, value, pointer, clause, said)  # one that stands for a list of it
    elif isinstance(kind, GraphQLScalarType):
        check_scalar(kind.name, value, pointer, clause, said, ids=frozenset({"string", "integer"}))
    elif isinstance(kind, GraphQLEnumType):
        check_enum(kind, value, pointer, f"/{kind.name}", said)
    elif isinstance(kind, GraphQLInputObjectType):
        _object(kind, value, pointer, said)


def _object(kind: GraphQLInputObjectType, value: Any, pointer: str, said: Mismatches) -> None:
    clause = f"/{kind.name}"
    if not isinstance(value, dict):
        said.value("type", pointer, clause, "object", value)
        return
    masked = said.redacted and any(map(is_mask, value))
    for name, held in kind.fields.items():
        if name in value:
            _input(held.type, value[name], f"{pointer}/{escaped(name)}", f"{clause}/{name}", said)
        elif isinstance(held.type, GraphQLNonNull) and held.default_value is Undefined and not masked:
            said.add(Broken("required", f"{pointer}/{escaped(name)}", f"{clause}/{name}", "present", "absent"))
    if not masked and value.keys() - kind.fields.keys():
        said.add(Broken("unexpected_key", f"{pointer}/*", clause, "absent", "present"))
    if kind.is_one_of and not masked and (len(value) != 1 or None in value.values()):
        said.add(Broken("oneOf", pointer, clause, "one field", "another number"))
