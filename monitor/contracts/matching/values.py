"""JSON bodies: an example with its rules, compiled to closures that look at a decoded body.

The way of Pact: https://github.com/pact-foundation/pact-specification/tree/version-4 . Unexpected
keys are broken only where they are `strict`. Every closure knows its place when it is made, so
that a match builds no text.
"""

from collections.abc import Callable, Mapping
from typing import Any

from monitor.contracts.broken import Broken, json_type
from monitor.contracts.matching import swift
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.paths import Place, Step, root
from monitor.contracts.matching.rules import (
    ANYTHING,
    OF_KEYS,
    Rule,
    Rules,
    ask,
    equal,
    holds_for_containers,
    kind_of,
    names_broken,
)
from monitor.contracts.matching.work import Work
from monitor.contracts.proving import OPEN, Proof
from monitor.errors import ContractError
from monitor.model.pointers import escaped

Judge = Callable[[Any, Mismatches], None]

_MOST_OWN_ITEMS = 1_000
_DEEPEST = 128


def compile_json(
    expected: Any, rules: Mapping[str, Rules], *, strict: bool, clause: str, work: Work
) -> "Asked":
    """What an example asks of a body. Raises ContractError for rules whose paths cannot be read,
    or that are too many.
    """
    compiler = _Compiler(strict, clause, work)
    slowly = compiler.node(expected, root(rules), "", 0)
    return Asked(slowly, compiler.schema)


class Asked:
    """What an example asks. Where a schema asks the same, it has the first look, compiled when
    first needed: what fits needs no other.
    """

    __slots__ = ("_fits", "_made", "_schema", "_slowly", "proves")

    def __init__(self, slowly: Judge, schema: dict[str, Any] | None) -> None:
        self._slowly = slowly
        self._schema = schema
        self._made = schema is None
        self._fits: Callable[[Any], bool] | None = None
        self.proves: Proof | None = None if schema is None else self._first_proof
        """Whether a body keeps it for sure, told from its text (proving.py)."""

    def __call__(self, actual: Any, mismatches: Mismatches) -> None:
        """Add what a decoded body breaks."""
        if not self._made and self._schema is not None:
            self._fits, self._made = swift.compiled(self._schema), True
        try:
            if self._fits is not None and self._fits(actual):
                return
        except ValueError:
            pass  # a value that the engine does not take
        self._slowly(actual, mismatches)

    def _first_proof(self, body: str | bytes) -> int:
        assert self._schema is not None
        proof = self.proves = swift.proven(self._schema)
        return OPEN if proof is None else proof(body)


class _Compiler:
    def __init__(self, strict: bool, clause: str, work: Work) -> None:
        self._strict = strict
        self._clause = clause
        self._work = work
        self.schema: dict[str, Any] | None = None
        """The schema of what was compiled last, where one says the same."""

    def _step(self, place: Place[Rules], step: Step) -> Place[Rules]:
        below = place.step(step)
        self._work.spend(1 + below.rules, self._clause)
        return below

    def node(self, expected: Any, place: Place[Rules], pointer: str, depth: int) -> Judge:
        if depth > _DEEPEST:
            raise ContractError(
                f"{self._work.where}: the example at {self._clause} nests deeper than {_DEEPEST} levels",
                self._clause,
            )
        if isinstance(expected, dict):
            return self._object(expected, place, pointer, depth)
        if isinstance(expected, list):
            return self._list(expected, place, pointer, depth)
        rules = place.best
        self.schema = swift.of_scalar(expected, rules)
        if rules is not None and rules.name == ANYTHING:
            return lambda _actual, _said: None
        clause = f"{self._clause}{pointer}" if rules is None else rules.clause
        return (
            _equality(expected, pointer, clause)
            if rules is None
            else _ruled(rules, expected, pointer)
        )

    def _object(
        self, expected: dict[str, Any], place: Place[Rules], pointer: str, depth: int
    ) -> Judge:
        rules, exact = place.best, place.exact
        clause = f"{self._clause}{pointer}"
        if rules is not None and not place.cascaded:
            each_value = next(
                (rule for rule in rules.rules if rule.kind in ("values", "eachValue")), None
            )
            if each_value is not None:
                return self._map(expected, place, pointer, depth, each_value, rules)
        judge_container = _container(rules, expected, pointer, cascaded=place.cascaded)
        free = any(group.has(OF_KEYS) for group in exact)
        keys = [rule for group in exact for rule in group.rules if rule.kind == "eachKey"]
        judge_keys = _keys(keys, pointer, exact[0].clause) if keys else None
        fields: list[tuple[str, Judge, Broken]] = []
        schemas: dict[str, Any] = {}
        for name, value in expected.items():
            at = f"{pointer}/{escaped(name)}"
            judge_value = self.node(value, self._step(place, name), at, depth + 1)
            fields.append(
                (name, judge_value, Broken("missing_key", at, clause, "present", "absent"))
            )
            schemas[name] = self.schema
        self.schema = swift.of_object(schemas, place, strict=self._strict)
        names = expected.keys()
        closed = self._strict and not free
        surplus = Broken("unexpected_key", f"{pointer}/*", clause, "absent", "present")
        required = not free

        def judge(actual: Any, mismatches: Mismatches) -> None:
            if type(actual) is not dict:
                mismatches.value("type", pointer, clause, "object", actual)
                return
            if judge_container is not None:
                judge_container(actual, mismatches)
            for name, judge_field, missing in fields:
                if name in actual:
                    judge_field(actual[name], mismatches)
                elif required:
                    mismatches.add(missing)
            if closed and (len(actual) > len(names) or not actual.keys() <= names):
                mismatches.add(surplus)
            if judge_keys is not None:
                judge_keys(actual, mismatches)

        return judge

    def _map(
        self,
        expected: dict[str, Any],
        place: Place[Rules],
        pointer: str,
        depth: int,
        rule: Rule,
        rules: Rules,
    ) -> Judge:
        """An object whose keys are data: each value is as the example's value of that key, or else
        as the first one.
        """

        def child(step: Step) -> Place[Rules]:
            below = self._step(place, step)
            return (
                below.only(Rules(rule.rules, rules.clause))
                if rule.kind == "eachValue" and rule.rules
                else below
            )

        named = {
            name: self.node(value, child(name), f"{pointer}/{escaped(name)}", depth + 1)
            for name, value in expected.items()
        }
        first = expected[min(expected)] if expected else None  # as Pact's own core does
        other = self.node(first, child(None), f"{pointer}/*", depth + 1) if expected else None
        for name in place.names if expected else ():
            if name not in named:
                named[name] = self.node(first, child(name), f"{pointer}/*", depth + 1)
        keys = [key_rule for key_rule in rules.rules if key_rule.kind == "eachKey"]
        judge_keys = _keys(keys, pointer, rules.clause) if keys else None
        clause = rules.clause
        self.schema = None

        def judge(actual: Any, mismatches: Mismatches) -> None:
            if type(actual) is not dict:
                mismatches.value("type", pointer, clause, "object", actual)
                return
            for name, value in actual.items():
                judge_value = named.get(name, other)
                if judge_value is not None:
                    judge_value(value, mismatches)
            if judge_keys is not None:
                judge_keys(actual, mismatches)

        return judge

    def _list(self, expected: list[Any], place: Place[Rules], pointer: str, depth: int) -> Judge:
        rules = place.best
        clause = f"{self._clause}{pointer}" if rules is None else rules.clause
        if (
            rules is not None
            and expected
            and rules.rules[0].kind == "arrayContains"
            and not place.cascaded
        ):
            return self._variants(expected, rules, pointer, depth)
        if (
            rules is not None
            and expected
            and rules.rules[0].kind == "eachValue"
            and not place.cascaded
        ):
            inner = Rules(rules.rules[0].rules, rules.clause) if rules.rules[0].rules else None
            each = []
            for index, item in enumerate(expected[:_MOST_OWN_ITEMS]):
                at = self._step(place, index)
                each.append(
                    self.node(item, at.only(inner) if inner else at, f"{pointer}/*", depth + 1)
                )
            self.schema = None
            return _items(each, each[0], pointer, clause, exactly=None, own=None, missing=())
        below = f"{pointer}/*"
        own_items = expected[:_MOST_OWN_ITEMS] if rules is not None else expected
        places = [self._step(place, index) for index in range(len(own_items))]
        nodes: list[Judge] = []
        schemas: list[Any] = []
        for item, at in zip(own_items, places, strict=True):
            nodes.append(self.node(item, at, below, depth + 1))
            schemas.append(self.schema)
        if rules is None:
            self.schema = swift.of_list(schemas, None, place)
            missing = [
                Broken("missing_item", below, clause, f"{len(expected)} items", "fewer")
            ] * len(nodes)
            return _items(
                nodes, None, pointer, clause, exactly=len(expected), own=None, missing=missing
            )
        own = _container(rules, expected, pointer, cascaded=place.cascaded) if expected else None
        other = None
        if expected:  # as the first item, unless something is said of the first item alone
            alone = "0" in place.names
            other = (
                self.node(expected[0], self._step(place, None), below, depth + 1)
                if alone
                else nodes[0]
            )
            self.schema = swift.of_list(schemas, self.schema if alone else schemas[0], place)
        else:
            self.schema = swift.of_list([], None, place)
        for index in sorted(
            {int(name) for name in place.names if name.isdecimal() and len(name) < 5}
        ):
            if expected and len(nodes) <= index < _MOST_OWN_ITEMS:
                nodes += [
                    self.node(expected[0], self._step(place, at), below, depth + 1)
                    for at in range(len(nodes), index + 1)
                ]
                self.schema = None
        return _items(nodes, other, pointer, clause, exactly=None, own=own, missing=())

    def _variants(self, expected: list[Any], rules: Rules, pointer: str, depth: int) -> Judge:
        """`arrayContains`: each variant stands somewhere in the list."""
        rule = rules.rules[0]
        variants = rule.variants or tuple((index, {}) for index in range(len(expected)))
        judges = [
            (
                self.node(expected[index], root(inner), f"{pointer}/*", depth + 1),
                Broken(
                    "arrayContains",
                    f"{pointer}/*",
                    f"{rules.clause}",
                    f"variant {index}",
                    "absent",
                ),
            )
            for index, inner in variants
            if index < len(expected)
        ]
        clause = rules.clause
        self.schema = None

        def judge(actual: Any, mismatches: Mismatches) -> None:
            if type(actual) is not list:
                mismatches.value("type", pointer, clause, "array", actual)
                return
            for judge_variant, absent in judges:
                for item in actual:
                    if mismatches.exhausted(1, clause):
                        return
                    trial = mismatches.apart()
                    judge_variant(item, trial)
                    mismatches.spent(trial)
                    if not trial:
                        break
                else:
                    mismatches.add(absent)

        return judge


def _items(
    nodes: list[Judge],
    other: Judge | None,
    pointer: str,
    clause: str,
    *,
    exactly: int | None,
    own: Judge | None,
    missing: Any,
) -> Judge:
    """A list: `nodes` for the first items, `other` for those behind them."""
    count = len(nodes)

    def judge(actual: Any, mismatches: Mismatches) -> None:
        if type(actual) is not list:
            mismatches.value("type", pointer, clause, "array", actual)
            return
        if own is not None:
            own(actual, mismatches)
        if exactly is not None and len(actual) != exactly:
            mismatches.add(
                missing[0]
                if missing and len(actual) < exactly
                else Broken("unexpected_item", f"{pointer}/*", clause, f"{exactly} items", "more")
            )
        for judge_item, item in zip(nodes, actual, strict=False):
            judge_item(item, mismatches)
        if other is not None:
            for item in actual[count:]:
                other(item, mismatches)

    return judge


def _equality(expected: Any, pointer: str, clause: str) -> Judge:
    kind = json_type(expected)
    if type(expected) is str or expected is None:

        def judge(actual: Any, mismatches: Mismatches) -> None:
            if actual != expected:
                mismatches.value(
                    "equality" if kind == json_type(actual) else "type",
                    pointer,
                    clause,
                    kind,
                    actual,
                )

        return judge

    def judge_other(actual: Any, mismatches: Mismatches) -> None:
        if not equal(actual, expected):
            alike = kind_of(actual) == kind_of(expected)
            mismatches.value(
                "equality" if alike else "type",
                pointer,
                clause,
                json_type(actual) if alike else kind,
                actual,
            )

    return judge_other


def _ruled(rules: Rules, expected: Any, pointer: str) -> Judge:
    check = ask(rules, expected)
    broken_rule = names_broken(rules, expected)
    clause, kind = rules.clause, kind_of(expected)

    def judge(actual: Any, mismatches: Mismatches) -> None:
        fits = check(actual)
        if fits:
            return
        if fits is None:
            mismatches.leave("undecidable", clause)
        else:
            name = broken_rule(actual)
            label = kind if name in ("type", "equality") else name
            mismatches.value(
                name,
                pointer,
                clause,
                label if kind_of(actual) != kind else json_type(actual),
                actual,
            )

    return judge


def _container(
    rules: Rules | None, expected: Any, pointer: str, *, cascaded: bool
) -> Judge | None:
    """What the rules of a list or an object ask of itself, besides its type."""
    if rules is None or cascaded:
        return None
    checks = []
    for rule in rules.rules:
        if rule.least is not None or rule.most is not None:
            checks.append(_counted(rule.least or 0, rule.most))
        elif rule.kind in ("equality", "notEmpty"):
            checks.append(ask(Rules((rule,), rules.clause), expected))  # type: ignore[arg-type]
        elif not holds_for_containers(Rules((rule,), rules.clause)):
            checks.append(lambda _: False)
        else:
            checks.append(lambda _: True)
    broken = Broken(rules.name, pointer, rules.clause, _bounds(rules), json_type(expected))
    enough = any if rules.either else all

    def judge(actual: Any, mismatches: Mismatches) -> None:
        if not enough(check(actual) for check in checks):
            mismatches.add(broken)

    return judge


def _counted(least: int, most: int | None) -> Callable[[Any], bool]:
    return lambda actual: len(actual) >= least and (most is None or len(actual) <= most)


def _bounds(rules: Rules) -> str:
    for rule in rules.rules:
        if rule.least is not None:
            return f"at least {rule.least}" + (
                f", at most {rule.most}" if rule.most is not None else ""
            )
        if rule.most is not None:
            return f"at most {rule.most}"
    return rules.name


def _keys(rules: list[Rule], pointer: str, clause: str) -> Judge:
    checks = [
        (ask(Rules((inner,), clause), "", text=True), inner.kind)
        for rule in rules
        for inner in rule.rules
    ]

    def judge(actual: Any, mismatches: Mismatches) -> None:
        for name in actual:
            for check, kind in checks:
                fits = check(name)
                if fits is None:
                    mismatches.leave("undecidable", clause)
                elif not fits:
                    mismatches.add(Broken("eachKey", f"{pointer}/*", clause, kind, "string"))

    return judge
