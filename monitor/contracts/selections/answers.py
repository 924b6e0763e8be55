"""An answer's `data` against what a query selected:
https://spec.graphql.org/October2021/#sec-Value-Completion read backwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    is_abstract_type,
)

from monitor.contracts.broken import Broken
from monitor.contracts.loose import is_mask
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.selections.leaves import check_enum, check_scalar
from monitor.contracts.selections.queries import Asked
from monitor.model.pointers import escaped

MOST_STEPS = 200_000  # values and trials of types that one answer may ask for
_OF_A_TRIAL = 4  # steps that looking at an object as one of several types costs beside its values
# objects and fields that one query may come to: fragments double at each step
_MOST_MADE, _MOST_GATHERED = 5_000, 100_000
_TOO_WIDE = "too wide"
# of a union or an interface that are tried where nobody says which one a value is
_MOST_TYPES = 100
Conditions = tuple[tuple[str | bool, bool], ...]
"""@skip and @include: a variable's name, or what stands there, and what it must be for the field
to be there.
"""
Selected = tuple[tuple[SelectionSetNode, Conditions], ...]
_Chosen = tuple[FieldNode, Conditions, Any]
"""A field, when it is there, and the type that it is selected of."""


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What stands under one response key of an object: the field's type, what is selected below,
    and when it is there at all.
    """

    kind: Any
    coordinate: str
    below: Selected
    when: Sequence[Conditions]


Fits = Callable[[Any], bool]
_DEEPEST, _MOST_TRIES = 100, 64


class _Unsure(Exception):
    """What an answer must hold cannot be told without the request's variables, or without looking
    at its types.
    """


def _never(_value: Any) -> bool:
    return False


def _something(_value: Any) -> bool:
    return True


def _text(value: Any) -> bool:
    return type(value) is str


_SCALARS: Mapping[str, Fits] = {
    "Int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "Float": lambda value: type(value) is float or type(value) is int,
    "String": _text,
    "ID": _text,
    "Boolean": lambda value: type(value) is bool,
}


def _word_of(words: frozenset[str]) -> Fits:
    return lambda value: type(value) is str and value in words


def _object_of(entries: Sequence[tuple[str, Fits]]) -> Fits:
    """An object of just these members."""

    def fits(value: Any) -> bool:
        if type(value) is not dict or len(value) != len(entries):
            return False
        return all(key in value and judge(value[key]) for key, judge in entries)

    return fits


def _typename_in(selected: SelectionSetNode) -> str:
    """The key under which `__typename` is asked for whatever the type is; "" where it is not."""
    for selection in selected.selections:
        if (
            isinstance(selection, FieldNode)
            and selection.name.value == "__typename"
            and not selection.directives
        ):
            return (selection.alias or selection.name).value
    return ""


class Exhausted(Exception):
    """An answer asks for more steps than one may."""


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
        self._steps = self._made = self._gathered = 0

    def judge(self, data: Any, mismatches: Mismatches) -> None:
        """Add what the data breaks. Raises Exhausted; of a query that came to too much, at once
        the next time.
        """
        if _TOO_WIDE in self._asked.collected:
            raise Exhausted
        operation = self._asked.operation
        root = None if operation is None else self._schema.get_root_type(operation.operation)
        if operation is not None and root is not None:
            if self._at_once(root, operation)(data):
                return
            self._value(
                root, ((operation.selection_set, ()),), data, "/data", f"/{root.name}", mismatches
            )

    def _at_once(self, root: GraphQLObjectType, operation: OperationDefinitionNode) -> Fits:
        """Whether an answer surely holds just what was selected: made once for an operation, and
        asked first, for most answers do.
        """
        known: Fits | None = self._asked.collected.get("at once")
        if known is None:
            try:
                known = self._fits(root, ((operation.selection_set, ()),), 0)
            except _Unsure:
                known = _never
            self._asked.collected["at once"] = known
        return known

    def _fits(self, kind: Any, below: Selected, depth: int, tries: int = 1) -> Fits:
        if depth > _DEEPEST:
            raise _Unsure
        if isinstance(kind, GraphQLNonNull):
            return self._there(kind.of_type, below, depth, tries)
        there = self._there(kind, below, depth, tries)
        return lambda value: value is None or there(value)

    def _there(self, kind: Any, below: Selected, depth: int, tries: int) -> Fits:
        """Of a value that is not null. `tries`: how often it may be looked at, where nobody tells
        the types around it.
        """
        if isinstance(kind, GraphQLList):
            each = self._fits(kind.of_type, below, depth + 1, tries)
            return lambda value: type(value) is list and all(map(each, value))
        if isinstance(kind, GraphQLScalarType):
            return _SCALARS.get(kind.name, _something)
        if isinstance(kind, GraphQLEnumType):
            return _word_of(frozenset(kind.values))
        if is_abstract_type(kind):
            return self._one_of(kind, below, depth, tries)
        return self._fields(kind, below, depth, tries, None)

    def _fields(self, kind: Any, below: Selected, depth: int, tries: int, loosely: Any) -> Fits:
        entries: list[tuple[str, Fits]] = []
        self._made += 1
        if self._made > _MOST_MADE:
            raise _Unsure
        for key, held in self._collected(kind, below, loosely).items():
            if () not in held.when:
                raise _Unsure  # whether it is there hangs on variables
            if held.coordinate == "__typename":
                own = _text if loosely is not None else _word_of(frozenset({kind.name}))
            else:
                own = self._fits(held.kind, held.below, depth + 1, tries)
            entries.append((key, own))
        return _object_of(entries)

    def _one_of(self, kind: Any, below: Selected, depth: int, tries: int) -> Fits:
        """By the `__typename` that was asked for whatever the type is, else by what fits."""
        possible = self._schema.get_possible_types(kind)
        if not possible:
            raise _Unsure
        key = next(
            (name for selected, when in below if not when and (name := _typename_in(selected))), ""
        )
        if key:
            return self._by_name(
                {object_type.name: object_type for object_type in possible},
                key,
                below,
                depth,
                tries,
            )
        groups = self._groups(possible, below)
        tries *= len(groups)
        if tries > _MOST_TRIES:
            raise _Unsure
        judges = [
            self._fields(group[0], below, depth + 1, tries, kind if len(group) > 1 else None)
            for group in groups
        ]
        return (
            judges[0] if len(judges) == 1 else lambda value: any(judge(value) for judge in judges)
        )

    def _by_name(
        self,
        possible: Mapping[str, GraphQLObjectType],
        key: str,
        below: Selected,
        depth: int,
        tries: int,
    ) -> Fits:
        """Made for a type when it is first seen: an interface may have a thousand."""
        made: dict[str, Fits] = {}

        def fits(value: Any) -> bool:
            told = value.get(key) if type(value) is dict else None
            if type(told) is not str or told not in possible:
                return False
            judge = made.get(told)
            if judge is None:
                try:
                    judge = self._fields(possible[told], below, depth + 1, tries, None)
                except (_Unsure, Exhausted):
                    judge = _never
                made[told] = judge
            return judge(value)

        return fits

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
        groups = self._groups(possible, below)
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

    def _groups(
        self, possible: Sequence[GraphQLObjectType], below: Selected
    ) -> list[list[GraphQLObjectType]]:
        """The types for which the same fragments apply, together."""
        key = (
            "groups",
            tuple(id(selected) for selected, _ in below),
            len(possible),
            possible[0].name if possible else "",
        )
        cache_entry: list[list[GraphQLObjectType]] | None = self._asked.collected.get(key)
        if cache_entry is None:
            names: set[str] = set()
            for selected, _ in below:
                self._conditions_in(selected, names, set())
            conditions = sorted(names)
            groups: dict[tuple[bool, ...], list[GraphQLObjectType]] = {}
            for object_type in possible:
                groups.setdefault(
                    tuple(self._applies(object_type, name) for name in conditions), []
                ).append(object_type)
            cache_entry = self._asked.collected[key] = list(groups.values())
        return cache_entry

    def _conditions_in(
        self, selected: SelectionSetNode, names: set[str], fragment_names: set[str]
    ) -> None:
        for selection in selected.selections:
            if isinstance(selection, InlineFragmentNode):
                if selection.type_condition is not None:
                    names.add(selection.type_condition.name.value)
                self._conditions_in(selection.selection_set, names, fragment_names)
            elif (
                isinstance(selection, FragmentSpreadNode)
                and selection.name.value not in fragment_names
            ):
                fragment_names.add(selection.name.value)
                fragment = self._asked.fragments.get(selection.name.value)
                if fragment is not None:
                    names.add(fragment.type_condition.name.value)
                    self._conditions_in(fragment.selection_set, names, fragment_names)

    def _told(self, kind: Any, below: Selected, value: dict[str, Any]) -> str | None:
        """The value's `__typename`, where it was asked for at every type that it may be."""
        for key, typename in value.items():
            if isinstance(typename, str) and all(
                (field := self._collected(object_type, below).get(key)) is not None
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
        fields = self._collected(kind, below, loosely)
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

    def _collected(
        self, kind: GraphQLObjectType, below: Selected, loosely: Any = None
    ) -> dict[str, _Field]:
        """https://spec.graphql.org/October2021/#CollectFields() of an object, whatever the
        variables are.
        """
        key = (
            kind.name,
            loosely is not None,
            tuple((id(selected), when) for selected, when in below),
        )
        cache_entry: dict[str, _Field] | None = self._asked.collected.get(key)
        if cache_entry is None:
            gathered: dict[str, list[_Chosen]] = {}
            for selected, when in below:
                self._gather(kind, selected, when, gathered, frozenset(), loosely or kind)
            fields = {
                name: field
                for name, nodes in gathered.items()
                if (field := _merged(self._schema, nodes)) is not None
            }
            cache_entry = self._asked.collected[key] = fields
        return cache_entry

    def _gather(
        self,
        kind: GraphQLObjectType,
        selected: SelectionSetNode,
        when: Conditions,
        fields: dict[str, list[_Chosen]],
        within: frozenset[str],
        parent: Any,
    ) -> None:
        for selection in selected.selections:
            self._gathered += 1
            if self._gathered > _MOST_GATHERED:
                self._asked.collected[_TOO_WIDE] = True
                raise Exhausted
            conditions = (*when, *_conditions(selection))
            if isinstance(selection, FieldNode):
                fields.setdefault((selection.alias or selection.name).value, []).append(
                    (selection, conditions, parent)
                )
            elif isinstance(selection, InlineFragmentNode):
                name = (
                    kind.name
                    if selection.type_condition is None
                    else selection.type_condition.name.value
                )
                if self._applies(kind, name):
                    below = (
                        parent
                        if parent is kind or selection.type_condition is None
                        else self._schema.type_map[name]
                    )
                    self._gather(kind, selection.selection_set, conditions, fields, within, below)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                fragment = self._asked.fragments.get(name)
                if (
                    fragment is not None
                    and name not in within
                    and self._applies(kind, fragment.type_condition.name.value)
                ):
                    below = (
                        parent
                        if parent is kind
                        else self._schema.type_map[fragment.type_condition.name.value]
                    )
                    self._gather(
                        kind, fragment.selection_set, conditions, fields, within | {name}, below
                    )

    def _applies(self, kind: GraphQLObjectType, name: str) -> bool:
        condition = self._schema.type_map.get(name)
        if condition is None or condition is kind:
            return condition is kind
        return is_abstract_type(condition) and self._schema.is_sub_type(condition, kind)


def _merged(schema: GraphQLSchema, nodes: Sequence[_Chosen]) -> _Field | None:
    first, _, kind = nodes[0]
    name = first.name.value
    when = tuple(own for _, own, _ in nodes)
    if name == "__typename":
        return _Field(TypeNameMetaFieldDef.type, "__typename", (), when)
    meta: Mapping[str, GraphQLField] = (
        {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
        if kind is schema.query_type
        else {}
    )
    held = getattr(kind, "fields", {}).get(name) or meta.get(name)
    if held is None:
        return None
    below = tuple(
        (node.selection_set, own) for node, own, _ in nodes if node.selection_set is not None
    )
    return _Field(held.type, f"{kind.name}.{name}", below, when)


def _conditions(node: Any) -> Iterator[tuple[str | bool, bool]]:
    for directive in node.directives or ():
        word = directive.name.value
        if word not in ("skip", "include"):
            continue
        for argument in directive.arguments or ():
            if argument.name.value == "if":
                value = argument.value
                variable = getattr(value, "name", None)
                if variable is not None:
                    yield variable.value, word == "include"
                elif isinstance(getattr(value, "value", None), bool):
                    yield value.value, word == "include"
