"""Whether an answer surely holds just what was selected, by judges that are made once for an
operation: most answers do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_abstract_type,
)

from monitor.contracts.selections.queries import Asked
from monitor.contracts.selections.selected import Exhausted, Selected, Selections, typename_in

_MOST_MADE = 5_000  # objects that judges of one query are made for
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


class AtOnce:
    """Makes the judges of one document's operations, and keeps them with it."""

    def __init__(self, schema: GraphQLSchema, asked: Asked, selections: Selections) -> None:
        self._schema, self._asked, self._selections = schema, asked, selections
        self._made = 0

    def judge_of(self, root: GraphQLObjectType, operation: OperationDefinitionNode) -> Fits:
        """Whether an answer surely holds just what was selected: made once for an operation, and
        asked first, for most answers do.
        """
        judge: Fits | None = self._asked.collected.get("at once")
        if judge is None:
            try:
                judge = self._fits(root, ((operation.selection_set, ()),), 0)
            except _Unsure:
                judge = _never
            self._asked.collected["at once"] = judge
        return judge

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
        for key, held in self._selections.collected(kind, below, loosely).items():
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
            (name for selected, when in below if not when and (name := typename_in(selected))), ""
        )
        if key:
            return self._by_name(
                {object_type.name: object_type for object_type in possible},
                key,
                below,
                depth,
                tries,
            )
        groups = self._selections.groups(possible, below)
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
            name = value.get(key) if type(value) is dict else None
            if type(name) is not str or name not in possible:
                return False
            judge = made.get(name)
            if judge is None:
                try:
                    judge = self._fields(possible[name], below, depth + 1, tries, None)
                except (_Unsure, Exhausted):
                    judge = _never
                made[name] = judge
            return judge(value)

        return fits
