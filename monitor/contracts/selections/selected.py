"""What one query selects of each type that it meets: fields by response key, and when they are
there. https://spec.graphql.org/October2021/#sec-Field-Collection
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    is_abstract_type,
)

from monitor.contracts.selections.queries import Asked

_MOST_GATHERED = 100_000  # fields that one query may come to: fragments double at each step
_TOO_WIDE = "too wide"
Conditions = tuple[tuple[str | bool, bool], ...]
"""@skip and @include: a variable's name, or what stands there, and what it must be for the field
to be there.
"""
Selected = tuple[tuple[SelectionSetNode, Conditions], ...]
_Chosen = tuple[FieldNode, Conditions, Any]
"""A field, when it is there, and the type that it is selected of."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What stands under one response key of an object: the field's type, what is selected below,
    and when it is there at all.
    """

    kind: Any
    coordinate: str
    below: Selected
    when: Sequence[Conditions]


class Exhausted(Exception):
    """An answer asks for more steps than one may."""


class Selections:
    """What the operations of one document select. What was collected is kept with the document."""

    def __init__(self, schema: GraphQLSchema, asked: Asked) -> None:
        self._schema = schema
        self._asked = asked
        self._gathered = 0

    @property
    def too_wide(self) -> bool:
        """Whether the query came to too much before."""
        return _TOO_WIDE in self._asked.collected

    def groups(
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

    def collected(
        self, kind: GraphQLObjectType, below: Selected, loosely: Any = None
    ) -> dict[str, Field]:
        """https://spec.graphql.org/October2021/#CollectFields() of an object, whatever the
        variables are.
        """
        key = (
            kind.name,
            loosely is not None,
            tuple((id(selected), when) for selected, when in below),
        )
        cache_entry: dict[str, Field] | None = self._asked.collected.get(key)
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


def typename_in(selected: SelectionSetNode) -> str:
    """The key under which `__typename` is asked for whatever the type is; "" where it is not."""
    for selection in selected.selections:
        if (
            isinstance(selection, FieldNode)
            and selection.name.value == "__typename"
            and not selection.directives
        ):
            return (selection.alias or selection.name).value
    return ""


def _merged(schema: GraphQLSchema, nodes: Sequence[_Chosen]) -> Field | None:
    first, _, kind = nodes[0]
    name = first.name.value
    when = tuple(own for _, own, _ in nodes)
    if name == "__typename":
        return Field(TypeNameMetaFieldDef.type, "__typename", (), when)
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
    return Field(held.type, f"{kind.name}.{name}", below, when)


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
