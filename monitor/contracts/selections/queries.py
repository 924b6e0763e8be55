"""A query's text held against a schema: what it selects, and what of it the schema does not allow.
Once for each text.

The values in a text are left out before it is looked at: their kinds are judged, and none is held
in memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    get_named_type,
    parse,
    specified_rules,
    visit,
)
from graphql.language.visitor import ParallelVisitor, Visitor

from monitor.contracts.broken import Broken

# new texts all the time: some are left out, so that other exchanges are checked
TOO_MANY = "too_many_queries"
SYNTAX, QUERY, OPERATION = "graphql_syntax", "graphql_query", "unknown_operation"
TOO_LARGE = "too_large"
MOST_CHARS, MOST_TOKENS, DEEPEST = 200_000, 6_000, 60
"""Of a query: one over them is not checked. Some 60 us a token, once for each text."""
_MOST_ALIKE = 20_000  # pairs of fields of one name, which the rule on overlapping ones compares
_MOST_BROKEN = 20
_MOST_HELD, _MOST_HELD_CHARS = 2_000, 1_000_000  # some 100 bytes of memory a character
_AT_FIRST, _EACH_TIME = 4_000_000, 500
"""Characters of new texts that may be read: so many at once, and so many more with each call. Who
asks something new each time, and something large, would have all reading to itself:
https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/.
"""
_LEFT_OUT = frozenset(
    {
        "NoUnusedFragmentsRule",
        "NoUnusedVariablesRule",
        "MaxIntrospectionDepthRule",
        "SingleFieldSubscriptionsRule",
    }
)
_OVERLAP = "OverlappingFieldsCanBeMergedRule"
# Rules of the library to ours, with what is expected.
_RULES: Mapping[str, tuple[str, str]] = {
    "FieldsOnCorrectTypeRule": ("unknown_field", "a field of the type"),
    "ScalarLeafsRule": ("field_selection", "fields selected of objects alone"),
    "KnownArgumentNamesRule": ("unknown_argument", "an argument of the field"),
    "ProvidedRequiredArgumentsRule": ("missing_argument", "present"),
    "ValuesOfCorrectTypeRule": ("argument_value", "a value of the type"),
    "VariablesInAllowedPositionRule": ("variable_type", "a variable of the type"),
    "VariablesAreInputTypesRule": ("variable_type", "an input type"),
    "KnownTypeNamesRule": ("unknown_type", "a type of the schema"),
    "KnownFragmentNamesRule": ("unknown_fragment", "a fragment of the query"),
    "FragmentsOnCompositeTypesRule": ("fragment_type", "an object, interface or union"),
    "PossibleFragmentSpreadsRule": ("fragment_type", "a type that can occur there"),
    "KnownDirectivesRule": ("unknown_directive", "a directive of the schema"),
    "NoUndefinedVariablesRule": ("undefined_variable", "a variable of the operation"),
    "KnownOperationTypesRule": (OPERATION, "an operation of the schema"),
}
_VALUES = re.compile(
    r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|(?<![_0-9A-Za-z.$])-?\d+(\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)?(?![_0-9A-Za-z.])',
    re.DOTALL,
)
_FAULTS = (GraphQLError, RecursionError, TypeError, ValueError, AttributeError, KeyError)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One operation of a query's text. `problem`: why nothing of it could be judged, "" when it
    could.

    `broken` are its clauses that the schema does not allow, `deprecated` the coordinates
    (`User.login`) of what it uses and should not, `roots` the coordinate of each field at its top
    by response key. `incremental`: its answer comes in parts.
    """

    problem: str = ""
    broken: Sequence[Broken] = ()
    deprecated: Sequence[str] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    operation: OperationDefinitionNode | None = None
    fragments: Mapping[str, FragmentDefinitionNode] = field(default_factory=dict)
    incremental: bool = False
    collected: dict[Any, Any] = field(default_factory=dict)
    """What answers.py has found out about it, kept with it."""


class Queries:
    """The queries that one schema was asked: each text is read once, as far as memory bears it.
    Safe between threads.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._held: dict[tuple[str, str], Asked] = {}
        self._chars = 0
        self._room = _AT_FIRST

    def asked(self, text: str, name: str) -> Asked:
        """What the operation `name` of a text asks for; "" for its only one."""
        if len(text) > MOST_CHARS:
            return Asked(TOO_LARGE)
        text = _without_values(text)
        self._room = min(self._room + _EACH_TIME, _AT_FIRST)
        held = self._held.get((text, name))
        if held is not None:
            return held
        if len(text) > self._room:
            return Asked(TOO_MANY)
        self._room -= len(text)
        while self._held and (
            len(self._held) >= _MOST_HELD or self._chars + len(text) > _MOST_HELD_CHARS
        ):
            self._drop_oldest()
        held = self._held[text, name] = self._read(text, name)
        self._chars += len(text)
        return held

    def _drop_oldest(self) -> None:
        with suppress(StopIteration, RuntimeError, KeyError):  # another thread was there first
            oldest = next(iter(self._held))
            del self._held[oldest]
            self._chars -= len(oldest[0])

    def _read(self, text: str, name: str) -> Asked:
        if _depth(text) > DEEPEST:
            return Asked(TOO_LARGE)
        try:
            document = parse(text, no_location=True, max_tokens=MOST_TOKENS)
        except RecursionError:
            return Asked(TOO_LARGE)
        except GraphQLError as error:
            if "token" in error.message and str(MOST_TOKENS) in error.message:
                return Asked(TOO_LARGE)
            return Asked(broken=[Broken(SYNTAX, "/query", "", "GraphQL", "other text")])
        operations = [
            operation
            for operation in document.definitions
            if isinstance(operation, OperationDefinitionNode)
        ]
        meant = [
            operation
            for operation in operations
            if not name or (operation.name is not None and operation.name.value == name)
        ]
        if len(meant) != 1:
            what = "another name" if name else "several" if meant else "none"
            return Asked(
                broken=[
                    Broken(OPERATION, "/operationName", "", "one operation of the query", what)
                ]
            )
        fragments = {
            fragment.name.value: fragment
            for fragment in document.definitions
            if isinstance(fragment, FragmentDefinitionNode)
        }
        try:
            broken, deprecated, incremental = _judged(self.schema, document)
        except _FAULTS:
            return Asked("undecidable")
        roots = {} if broken else dict(_roots(self.schema, meant[0], fragments))
        return Asked("", broken, deprecated, roots, meant[0], fragments, incremental)


def _without_values(text: str) -> str:
    """The text with every string empty and every number 0: clients that write values into their
    queries ask one query all the same.
    """
    return _VALUES.sub(
        lambda match: (
            '""'
            if match[0][0] == '"'
            else ""
            if match[0][0] == "#"
            else "0"
            if match[1] is None
            else "0.5"
        ),
        text,
    )


def _depth(text: str) -> int:
    depth = most = 0
    for sign in text:
        if sign in "{[(":
            depth += 1
            most = max(most, depth)
        elif sign in "}])":
            depth -= 1
    return most


class _Watch(Visitor):
    """Deprecated fields, arguments and enum values that are used, and directives that split the
    answer.
    """

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.deprecated: dict[str, None] = {}
        self.incremental = False
        self.names: dict[str, int] = {}

    def enter_field(self, node: FieldNode, *_rest: Any) -> None:
        field, parent = self._info.get_field_def(), self._info.get_parent_type()
        key = node.alias.value if node.alias else node.name.value
        self.names[key] = self.names.get(key, 0) + 1
        if field is not None and parent is not None and field.deprecation_reason is not None:
            self.deprecated[f"{parent.name}.{node.name.value}"] = None

    def enter_argument(self, node: Any, *_rest: Any) -> None:
        argument, parent, field_definition = (
            self._info.get_argument(),
            self._info.get_parent_type(),
            self._info.get_field_def(),
        )
        if (
            argument is not None
            and argument.deprecation_reason is not None
            and parent is not None
            and field_definition is not None
        ):
            names = [
                name
                for name, definition in getattr(parent, "fields", {}).items()
                if definition is field_definition
            ]
            self.deprecated[f"{parent.name}.{names[0] if names else '*'}({node.name.value}:)"] = (
                None
            )

    def enter_object_field(self, node: Any, *_rest: Any) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        field = getattr(parent, "fields", {}).get(node.name.value)
        if parent is not None and field is not None and field.deprecation_reason is not None:
            self.deprecated[f"{parent.name}.{node.name.value}"] = None

    def enter_enum_value(self, node: Any, *_rest: Any) -> None:
        value, kind = self._info.get_enum_value(), get_named_type(self._info.get_input_type())
        if value is not None and kind is not None and value.deprecation_reason is not None:
            self.deprecated[f"{kind.name}.{node.value}"] = None

    def enter_directive(self, node: Any, *_rest: Any) -> None:
        self.incremental = self.incremental or node.name.value in ("defer", "stream")


def _judged(schema: GraphQLSchema, document: DocumentNode) -> tuple[list[Broken], list[str], bool]:
    info = TypeInfo(schema)
    watch = _Watch(info)
    visit(document, TypeInfoVisitor(info, watch))
    costly = sum(count * count for count in watch.names.values()) > _MOST_ALIKE
    violations: dict[tuple[str, str], Broken] = {}

    def noted(rule: str, context: ValidationContext, error: GraphQLError) -> None:
        if (
            rule == "KnownDirectivesRule"
            and watch.incremental
            and any(f"'@{directive}'" in error.message for directive in ("defer", "stream"))
        ):
            return
        name, expected = _RULES.get(rule, (QUERY, "kept"))
        parent = context.get_parent_type()
        place = "" if parent is None else f"/{parent.name}"
        argument = (
            context.get_field_def()
            if rule
            in (
                "KnownArgumentNamesRule",
                "ProvidedRequiredArgumentsRule",
                "ValuesOfCorrectTypeRule",
            )
            else None
        )
        if argument is not None and parent is not None:
            place += "".join(
                f"/{field_name}"
                for field_name, definition in getattr(parent, "fields", {}).items()
                if definition is argument
            )
        pointer = f"/query{place}{'/*' if name in ('unknown_field', 'unknown_argument') else ''}"
        actual = "absent" if name == "missing_argument" else "another"
        if len(violations) < _MOST_BROKEN:
            violations.setdefault((name, pointer), Broken(name, pointer, place, expected, actual))

    visitors = []
    for rule in specified_rules:
        if rule.__name__ in _LEFT_OUT or (costly and rule.__name__ == _OVERLAP):
            continue
        context = ValidationContext(schema, document, info, lambda _error: None)
        context.on_error = _reporting(rule.__name__, context, noted)  # type: ignore[method-assign]
        visitors.append(rule(context))
    visit(document, TypeInfoVisitor(info, ParallelVisitor(visitors)))
    return list(violations.values()), list(watch.deprecated), watch.incremental


def _reporting(rule: str, context: ValidationContext, noted: Any) -> Any:
    return lambda error: noted(rule, context, error)


def _roots(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Iterator[tuple[str, str]]:
    """Response key and coordinate of each field at the top, those of introspection left out."""
    root: GraphQLObjectType | None = schema.get_root_type(operation.operation)
    if root is None:
        return
    open_sets: list[SelectionSetNode] = [operation.selection_set]
    names: set[str] = set()
    while open_sets:
        for selection in open_sets.pop().selections:
            if isinstance(selection, FieldNode):
                if not selection.name.value.startswith("__"):
                    yield (
                        (selection.alias or selection.name).value,
                        f"{root.name}.{selection.name.value}",
                    )
            elif hasattr(selection, "selection_set"):
                open_sets.append(selection.selection_set)
            else:
                name = selection.name.value  # type: ignore[attr-defined]
                if name not in names and name in fragments:
                    names.add(name)
                    open_sets.append(fragments[name].selection_set)
