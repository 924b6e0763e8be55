"""Values of scalars and enums, in variables as in answers:
https://spec.graphql.org/October2021/#sec-Scalars.
"""

from collections.abc import Set as AbstractSet
from typing import Any

from graphql import GraphQLEnumType

from monitor.contracts.broken import Broken, json_type
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches

_TYPES = {
    "Int": ("integer", frozenset({"integer"})),
    "Float": ("number", frozenset({"integer", "number"})),
    "String": ("string", frozenset({"string"})),
    "Boolean": ("boolean", frozenset({"boolean"})),
}
_TEXT = frozenset({"string"})


def check_scalar(
    name: str,
    value: Any,
    pointer: str,
    clause: str,
    mismatches: Mismatches,
    *,
    ids: AbstractSet[str] = _TEXT,
) -> None:
    """The five kinds that the specification knows, an ID in JSON types `ids`; of a scalar of one's
    own nothing is promised.
    """
    expected = ("string", ids) if name == "ID" else _TYPES.get(name)
    if expected is None:
        return
    whole = isinstance(value, float) and value.is_integer() and expected[0] == "integer"
    if json_type(value) not in expected[1] and not whole:
        mismatches.value("type", pointer, clause, expected[0], value)
    elif name == "Int" and not -(2**31) <= value < 2**31:
        mismatches.add(Broken("format", pointer, clause, "an integer of 32 bits", "a larger one"))


def check_enum(
    kind: GraphQLEnumType, value: Any, pointer: str, clause: str, mismatches: Mismatches
) -> None:
    """A name of the enum; a mask stands for any."""
    if not isinstance(value, str):
        mismatches.value("type", pointer, clause, "string", value)
    elif value not in kind.values:
        if mismatches.redacted or is_mask(value):
            mismatches.shape_only = True
        else:
            mismatches.add(
                Broken("enum", pointer, clause, f"a value of {kind.name}"[:80], "another value")
            )
