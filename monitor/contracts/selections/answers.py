"""An answer's `data` against what a query selected:
https://spec.graphql.org/October2021/#sec-Value-Completion read backwards.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    is_abstract_type,
)

from monitor.contracts.broken import Broken
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.selections.at_once import AtOnce
from monitor.contracts.selections.leaves import check_enum, check_scalar
from monitor.contracts.selections.queries import Asked
from monitor.contracts.selections.selected import Conditions, Exhausted, Selected, Selections
from monitor.model.pointers import escaped

MOST_STEPS = 200_000  # values and trials of types that one answer may ask for
_OF_A_TRIAL = 4  # steps that looking at an object as one of several types costs beside its values
# of a union or an interface that are tried where nobody says which one a value is
_MOST_TYPES = 100


class Answer:
    """Judges the data of one operation's answers. `variables` are the request's; None where they
    are not known.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        asked: Asked,
        variables: Mapping[str, Any] | None,
        *,
        redacted: bool,
    ) -> None:
        self._schema = schema
        self._asked = asked
        self._variables = variables
        self._redacted = redacted
        self._steps = 0
        self._selections = Selections(schema, asked)
        self._at_once = AtOnce(schema, asked, self._selections)

    def judge(self, data: Any, mismatches: Mismatches) -> None:
        """Add what the data breaks. Raises Exhausted; of a query that came to too much, at once
        the next time.
        """
        if self._selections.too_wide:
            raise Exhausted
        operation = self._asked.operation
        root = None if operation is None else self._schema.get_root_type(operation.operation)
        if operation is not None and root is not None:
            if self._at_once.judge_of(root, operation)(data):
                return
            self._value(
                root, ((operation.selection_set, ()),), data, "/data", f"/{root.name}", mismatches
            )

    def _value(
        self,
        kind: Any,
        below: Selected,
        value: Any,
        pointer: str,
        clause: str,
        mismatches: Mismatches,
    ) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise Exhausted
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                mismatches.add(Broken("non_null", pointer, clause, "no null", "null"))
                return
            kind = kind.of_type
        elif value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                mismatches.value("type", pointer, clause, "array", value)
                return
            for item in value:
                self._value(kind.of_type, below, item, f"{pointer}/*", clause, mismatches)
        elif isinstance(kind, GraphQLScalarType):
            check_scalar(kind.name, value, pointer, clause, mismatches)
        elif isinstance(kind, GraphQLEnumType):
            check_enum(kind, value, pointer, clause, mismatches)
        elif not isinstance(value, dict):
            mismatches.value("type", pointer, clause, "object", value)
        elif is_abstract_type(kind):
            self._abstract(kind, below, value, pointer, clause, mismatches)
        else:
            self._object(kind, below, value, pointer, mismatches)

    def _abstract(
        self,
        kind: Any,
        below: Selected,
        value: dict[str, Any],
        pointer: str,
        clause: str,
        mismatches: Mismatches,
    ) -> None:
        """An interface or a union: `__typename` tells which type, else any that fits will do."""
        possible = self._schema.get_possible_types(kind)
        typename = self._told(kind, below, value)
        if typename is not None:
            meant = next(
                (object_type for object_type in possible if object_type.name == typename), None
            )
            if meant is not None:
                self._object(meant, below, value, pointer, mismatches)
            elif self._redacted or is_mask(typename):
                mismatches.shape_only = True
            else:
                mismatches.add(
                    Broken(
                        "typename", pointer, clause, f"a type of {kind.name}"[:80], "another type"
                    )
                )
            return
        groups = self._selections.groups(possible, below)
        if len(groups) > _MOST_TYPES:
            raise Exhausted
        best: Mismatches | None = None
        for members in groups:
            trial = Mismatches(redacted=self._redacted)
            self._steps += _OF_A_TRIAL
            self._object(
                members[0], below, value, pointer, trial, kind if len(members) > 1 else None
            )
            if not trial:
                mismatches.shape_only = mismatches.shape_only or trial.shape_only
                return
            best = trial if best is None or len(trial.broken) < len(best.broken) else best
        for broken in best.broken if best is not None else ():
            mismatches.add(broken)

    def _told(self, kind: Any, below: Selected, value: dict[str, Any]) -> str | None:
        """The value's `__typename`, where it was asked for at every type that it may be."""
        for key, typename in value.items():
            if isinstance(typename, str) and all(
                (field := self._selections.collected(object_type, below).get(key)) is not None
                and field.coordinate == "__typename"
                for object_type in self._schema.get_possible_types(kind)[:_MOST_TYPES]
            ):
                return typename
        return None

    def _object(
        self,
        kind: GraphQLObjectType,
        below: Selected,
        value: dict[str, Any],
        pointer: str,
        mismatches: Mismatches,
        loosely: Any = None,
    ) -> None:
        """`loosely`: it is one of several types of this interface, so that only what the interface
        says of fields holds.
        """
        fields = self._selections.collected(kind, below, loosely)
        masked = self._redacted and any(map(is_mask, value))
        for key, field in fields.items():
            clause = (
                f"/{field.coordinate.replace('.', '/')}"
                if field.coordinate != "__typename"
                else f"/{kind.name}"
            )
            if key in value:
                place = f"{pointer}/{escaped(key)}"
                if field.coordinate == "__typename":
                    typename = value[key]
                    if not isinstance(typename, str):
                        mismatches.value("type", place, clause, "string", typename)
                        continue
                    if (
                        loosely is None
                        and typename != kind.name
                        and not (self._redacted or is_mask(typename))
                    ):
                        mismatches.add(
                            Broken("typename", place, clause, kind.name[:80], "another type")
                        )
                    continue
                self._value(field.kind, field.below, value[key], place, clause, mismatches)
            elif not masked and any(self._holds(conditions) for conditions in field.when):
                mismatches.add(
                    Broken("required", f"{pointer}/{escaped(key)}", clause, "present", "absent")
                )
        if not masked and value.keys() - fields.keys():
            mismatches.add(
                Broken("unexpected_key", f"{pointer}/*", f"/{kind.name}", "absent", "present")
            )

    def _holds(self, conditions: Conditions) -> bool:
        """Whether a field is surely there; where a variable is not known, nobody can say."""
        for condition, value in conditions:
            if isinstance(condition, bool):
                if condition is not value:
                    return False
            elif self._variables is None or self._variables.get(condition) is not value:
                return False
        return True
