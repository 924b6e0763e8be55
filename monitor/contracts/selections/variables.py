"""A request's variables against what its operation declares:
https://spec.graphql.org/October2021/#sec-Coercing-Variable-Values.
"""

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
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    given: Mapping[str, Any],
    mismatches: Mismatches,
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
                mismatches.add(Broken("required", pointer, "", "present", "absent"))
            continue
        _input(kind, given[name], pointer, "", mismatches)
    return whole


def _input(kind: Any, value: Any, pointer: str, clause: str, mismatches: Mismatches) -> None:
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            mismatches.add(Broken("non_null", pointer, clause, "no null", "null"))
            return
        kind = kind.of_type
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        if isinstance(value, list):
            for item in value:
                _input(kind.of_type, item, f"{pointer}/*", clause, mismatches)
        else:
            # one that stands for a list of it
            _input(kind.of_type, value, pointer, clause, mismatches)
    elif isinstance(kind, GraphQLScalarType):
        check_scalar(
            kind.name, value, pointer, clause, mismatches, ids=frozenset({"string", "integer"})
        )
    elif isinstance(kind, GraphQLEnumType):
        check_enum(kind, value, pointer, f"/{kind.name}", mismatches)
    elif isinstance(kind, GraphQLInputObjectType):
        _object(kind, value, pointer, mismatches)


def _object(
    kind: GraphQLInputObjectType, value: Any, pointer: str, mismatches: Mismatches
) -> None:
    clause = f"/{kind.name}"
    if not isinstance(value, dict):
        mismatches.value("type", pointer, clause, "object", value)
        return
    masked = mismatches.redacted and any(map(is_mask, value))
    for name, field in kind.fields.items():
        if name in value:
            _input(
                field.type,
                value[name],
                f"{pointer}/{escaped(name)}",
                f"{clause}/{name}",
                mismatches,
            )
        elif (
            isinstance(field.type, GraphQLNonNull)
            and field.default_value is Undefined
            and not masked
        ):
            mismatches.add(
                Broken(
                    "required",
                    f"{pointer}/{escaped(name)}",
                    f"{clause}/{name}",
                    "present",
                    "absent",
                )
            )
    if not masked and value.keys() - kind.fields.keys():
        mismatches.add(Broken("unexpected_key", f"{pointer}/*", clause, "absent", "present"))
    if kind.is_one_of and not masked and (len(value) != 1 or None in value.values()):
        mismatches.add(Broken("oneOf", pointer, clause, "one field", "another number"))
