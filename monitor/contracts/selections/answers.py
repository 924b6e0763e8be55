"""An answer's `data` against what a query selected: https://spec.graphql.org/October2021/#sec-Value-Completion read backwards."""

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
_MOST_MADE, _MOST_GATHERED = 5_000, 100_000  # objects and fields that one query may come to: fragments double at each step
_TOO_WIDE = "too wide"
_MOST_TYPES = 100  # of a union or an interface that are tried where nobody says which one a value is
Conditions = tuple[tuple[str | bool, bool], ...]
"""@skip and @include: a variable's name, or what stands there, and what it must be for the field to be there."""
Selected = tuple[tuple[SelectionSetNode, Conditions], ...]
_Chosen = tuple[FieldNode, Conditions, Any]
"""A field, when it is there, and the type that it is selected of."""


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What stands under one response key of an object: the field's type, what is selected below, and when it is there at all."""

    kind: Any
    coordinate: str
    below: Selected
    when: Sequence[Conditions]


Fits = Callable[[Any], bool]
_DEEPEST, _MOST_TRIES = 100, 64


class _Unsure(Exception):
    """What an answer must hold cannot be told without the request's variables, or without looking at its types."""


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
    for one in selected.selections:
        if isinstance(one, FieldNode) and one.name.value == "__typename" and not one.directives:
            return (one.alias or one.name).value
    return ""


class Exhausted(Exception):
    """An answer asks for more steps than one may."""


class Answer:
    """Judges the data of one operation's answers. `variables` are the request's; None where they are not known."""

    def __init__(self, schema: GraphQLSchema, asked: Asked, variables: Mapping[str, Any] | None, *, redacted: bool) -> None:
        self._schema = schema
        self._asked = asked
        self._variables = variables
        self._redacted = redacted
        self._steps = self._made = self._gathered = 0

    def judge(self, data: Any, said: Mismatches) -> None:
        """Add what the data breaks. Raises Exhausted; of a query that came to too much, at once the next time."""
        if _TOO_WIDE in self._asked.collected:
            raise Exhausted
        operation = self._asked.operation
        root = None if operation is None else self._schema.get_root_type(operation.operation)
        if operation is not None and root is not None:
            if self._at_once(root, operation)(data):
                return
            self._value(root, ((operation.selection_set, ()),), data, "/data", f"/{root.name}", said)

    def _at_once(self, root: GraphQLObjectType, operation: OperationDefinitionNode) -> Fits:
        """Whether an answer surely holds just what was selected: made once for an operation, and asked first, for most answers do."""
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
        """Of a value that is not null. `tries`: how often it may be looked at, where nobody tells the types around it."""
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
        key = next((name for one, when in below if not when and (name := _typename_in(one))), "")
        if key:
            return self._by_name({one.name: one for one in possible}, key, below, depth, tries)
        groups = self._groups(possible, below)
        tries *= len(groups)
        if tries > _MOST_TRIES:
            raise _Unsure
        made = [self._fields(one[0], below, depth + 1, tries, kind if len(one) > 1 else None) for one in groups]
        return made[0] if len(made) == 1 else lambda value: any(judge(value) for judge in made)

    def _by_name(self, possible: Mapping[str, GraphQLObjectType], key: str, below: Selected, depth: int, tries: int) -> Fits:
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

    def _value(self, kind: Any, below: Selected, value: Any, pointer: str, clause: str, said: Mismatches) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise Exhausted
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                said.add(Broken("non_null", pointer, clause, "no null", "null"))
                return
            kind = kind.of_type
        elif value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                said.value("type", pointer, clause, "array", value)
                return
            for one in value:
                self._value(kind.of_type, below, one, f"{pointer}/*", clause, said)
        elif isinstance(kind, GraphQLScalarType):
            check_scalar(kind.name, value, pointer, clause, said)
        elif isinstance(kind, GraphQLEnumType):
            check_enum(kind, value, pointer, clause, said)
        elif not isinstance(value, dict):
            said.value("type", pointer, clause, "object", value)
        elif is_abstract_type(kind):
            self._abstract(kind, below, value, pointer, clause, said)
        else:
            self._object(kind, below, value, pointer, said)

    def _abstract(self, kind: Any, below: Selected, value: dict[str, Any], pointer: str, clause: str, said: Mismatches) -> None:
        """An interface or a union: `__typename` tells which type, else any that fits will do."""
        possible = self._schema.get_possible_types(kind)
        told = self._told(kind, below, value)
        if told is not None:
            meant = next((one for one in possible if one.name == told), None)
            if meant is not None:
                self._object(meant, below, value, pointer, said)
            elif self._redacted or is_mask(told):
                said.shape_only = True
            else:
                said.add(Broken("typename", pointer, clause, f"a type of {kind.name}"[:80], "another type"))
            return
        groups = self._groups(possible, below)
        if len(groups) > _MOST_TYPES:
            raise Exhausted
        best: Mismatches | None = None
        for members in groups:
            trial = Mismatches(redacted=self._redacted)
            self._steps += _OF_A_TRIAL
            self._object(members[0], below, value, pointer, trial, kind if len(members) > 1 else None)
            if not trial:
                said.shape_only = said.shape_only or trial.shape_only
                return
            best = trial if best is None or len(trial.broken) < len(best.broken) else best
        for broken in best.broken if best is not None else ():
            said.add(broken)

    def _groups(self, possible: Sequence[GraphQLObjectType], below: Selected) -> list[list[GraphQLObjectType]]:
        """The types for which the same fragments apply, together."""
        key = ("groups", tuple(id(one) for one, _ in below), len(possible), possible[0].name if possible else "")
        known: list[list[GraphQLObjectType]] | None = self._asked.collected.get(key)
        if known is None:
            names: set[str] = set()
            for selected, _ in below:
                self._conditions_in(selected, names, set())
            told = sorted(names)
            found: dict[tuple[bool, ...], list[GraphQLObjectType]] = {}
            for one in possible:
                found.setdefault(tuple(self._applies(one, name) for name in told), []).append(one)
            known = self._asked.collected[key] = list(found.values())
        return known

    def _conditions_in(self, selected: SelectionSetNode, names: set[str], seen: set[str]) -> None:
        for one in selected.selections:
            if isinstance(one, InlineFragmentNode):
                if one.type_condition is not None:
                    names.add(one.type_condition.name.value)
                self._conditions_in(one.selection_set, names, seen)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in seen:
                seen.add(one.name.value)
                fragment = self._asked.fragments.get(one.name.value)
                if fragment is not None:
                    names.add(fragment.type_condition.name.value)
                    self._conditions_in(fragment.selection_set, names, seen)

    def _told(self, kind: Any, below: Selected, value: dict[str, Any]) -> str | None:
        """The value's `__typename`, where it was asked for at every type that it may be."""
        for key, told in value.items():
            if isinstance(told, str) and all(
                (held := self._collected(one, below).get(key)) is not None and held.coordinate == "__typename"
                for one in self._schema.get_possible_types(kind)[:_MOST_TYPES]
            ):
                return told
        return None

    def _object(
        self,
        kind: GraphQLObjectType,
        below: Selected,
        value: dict[str, Any],
        pointer: str,
        said: Mismatches,
        loosely: Any = None,
    ) -> None:
        """`loosely`: it is one of several types of this interface, so that only what the interface says of fields holds."""
        fields = self._collected(kind, below, loosely)
        masked = self._redacted and any(map(is_mask, value))
        for key, held in fields.items():
            clause = f"/{held.coordinate.replace('.', '/')}" if held.coordinate != "__typename" else f"/{kind.name}"
            if key in value:
                place = f"{pointer}/{escaped(key)}"
                if held.coordinate == "__typename":
                    told = value[key]
                    if not isinstance(told, str):
                        said.value("type", place, clause, "string", told)
                        continue
                    if loosely is None and told != kind.name and not (self._redacted or is_mask(told)):
                        said.add(Broken("typename", place, clause, kind.name[:80], "another type"))
                    continue
                self._value(held.kind, held.below, value[key], place, clause, said)
            elif not masked and any(self._holds(one) for one in held.when):
                said.add(Broken("required", f"{pointer}/{escaped(key)}", clause, "present", "absent"))
        if not masked and value.keys() - fields.keys():
            said.add(Broken("unexpected_key", f"{pointer}/*", f"/{kind.name}", "absent", "present"))

    def _holds(self, conditions: Conditions) -> bool:
        """Whether a field is surely there; where a variable is not known, nobody can say."""
        for said, wanted in conditions:
            if isinstance(said, bool):
                if said is not wanted:
                    return False
            elif self._variables is None or self._variables.get(said) is not wanted:
                return False
        return True

    def _collected(self, kind: GraphQLObjectType, below: Selected, loosely: Any = None) -> dict[str, _Field]:
        """https://spec.graphql.org/October2021/#CollectFields() of an object, whatever the variables are."""
        key = (kind.name, loosely is not None, tuple((id(one), when) for one, when in below))
        known: dict[str, _Field] | None = self._asked.collected.get(key)
        if known is None:
            gathered: dict[str, list[_Chosen]] = {}
            for selected, when in below:
                self._gather(kind, selected, when, gathered, frozenset(), loosely or kind)
            found = {name: made for name, nodes in gathered.items() if (made := _merged(self._schema, nodes)) is not None}
            known = self._asked.collected[key] = found
        return known

    def _gather(
        self,
        kind: GraphQLObjectType,
        selected: SelectionSetNode,
        when: Conditions,
        found: dict[str, list[_Chosen]],
        within: frozenset[str],
        parent: Any,
    ) -> None:
        for one in selected.selections:
            self._gathered += 1
            if self._gathered > _MOST_GATHERED:
                self._asked.collected[_TOO_WIDE] = True
                raise Exhausted
            own = (*when, *_conditions(one))
            if isinstance(one, FieldNode):
                found.setdefault((one.alias or one.name).value, []).append((one, own, parent))
            elif isinstance(one, InlineFragmentNode):
                name = kind.name if one.type_condition is None else one.type_condition.name.value
                if self._applies(kind, name):
                    below = parent if parent is kind or one.type_condition is None else self._schema.type_map[name]
                    self._gather(kind, one.selection_set, own, found, within, below)
            elif isinstance(one, FragmentSpreadNode):
                name = one.name.value
                fragment = self._asked.fragments.get(name)
                if fragment is not None and name not in within and self._applies(kind, fragment.type_condition.name.value):
                    below = parent if parent is kind else self._schema.type_map[fragment.type_condition.name.value]
                    self._gather(kind, fragment.selection_set, own, found, within | {name}, below)

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
        {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef} if kind is schema.query_type else {}
    )
    held = getattr(kind, "fields", {}).get(name) or meta.get(name)
    if held is None:
        return None
    below = tuple((node.selection_set, own) for node, own, _ in nodes if node.selection_set is not None)
    return _Field(held.type, f"{kind.name}.{name}", below, when)


def _conditions(node: Any) -> Iterator[tuple[str | bool, bool]]:
    for directive in node.directives or ():
        word = directive.name.value
        if word not in ("skip", "include"):
            continue
        for argument in directive.arguments or ():
            if argument.name.value == "if":
                said = argument.value
                variable = getattr(said, "name", None)
                if variable is not None:
                    yield variable.value, word == "include"
                elif isinstance(getattr(said, "value", None), bool):
                    yield said.value, word == "include"
