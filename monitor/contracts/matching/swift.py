"""The same question as an example asks, as a JSON Schema: one look by the engine, for the many
bodies that fit.

The schema may refuse what the example allows, never the other way round: a body that it refuses is
looked at again. It is of draft 4, where 1.0 is no integer.
"""

from collections.abc import Callable
from typing import Any

import jsonschema_rs as engine

from monitor.contracts.limits import CONTRACT_LIMITS
from monitor.contracts.matching import dates
from monitor.contracts.matching.paths import Place
from monitor.contracts.matching.patterns import engine_text
from monitor.contracts.matching.rules import Rule, Rules, kind_of
from monitor.contracts.proving import Proof, Provers

Schema = dict[str, Any]
_LENGTHS = frozenset({"type"})
_EXACT = 2**53
_SIMPLE: dict[str, Schema] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number", "not": {"type": "integer"}},
    "number": {"type": "number"},
    "null": {"type": "null"},
    "boolean": {"type": "boolean"},
    "anything": {},
}


def proven(schema: Schema) -> Proof | None:
    """The same of a body's text (proving.py), where there is a prover."""
    return Provers(schema, "4", {}).at("")


def compiled(schema: Schema) -> Callable[[Any], bool] | None:
    """Whether a value fits the schema; None when the engine does not take it."""
    limits = CONTRACT_LIMITS
    options = engine.FancyRegexOptions(
        limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes
    )
    try:
        return engine.Draft4Validator(schema, pattern_options=options).is_valid
    except (ValueError, engine.ReferencingError):
        return None


def of_scalar(expected: Any, rules: Rules | None) -> Schema | None:
    """The schema of a value that is no container; None where no schema says it."""
    if rules is None:
        return _equal(expected)
    schemas = [_of_rule(rule, expected) for rule in rules.rules]
    usable = [schema for schema in schemas if schema is not None]
    if len(usable) != len(schemas):
        return None
    return usable[0] if len(usable) == 1 else {"anyOf" if rules.either else "allOf": usable}


def _equal(expected: Any) -> Schema | None:
    if (
        isinstance(expected, int | float)
        and not isinstance(expected, bool)
        and not -_EXACT < expected < _EXACT
    ):
        return None
    return {"enum": [expected]}


def _of_rule(rule: Rule, expected: Any) -> Schema | None:
    if rule.kind == "equality":
        return _equal(expected)
    if rule.kind == "type":
        return {"type": kind_of(expected)}
    if rule.kind == "regex":
        text = engine_text(rule.text, whole=True)
        return None if text is None else {"type": "string", "pattern": text}
    if rule.kind in ("date", "time", "timestamp"):
        form = rule.text or {"date": dates.DATE, "time": dates.TIME}.get(
            rule.kind, dates.TIMESTAMP
        )
        pattern = dates.pattern_of(form)
        text = None if pattern is None else engine_text(pattern, whole=True)
        return None if text is None else {"type": "string", "pattern": text}
    return _SIMPLE.get(rule.kind)


def of_object(
    fields: dict[str, Schema | None], place: Place[Rules], *, strict: bool
) -> Schema | None:
    """The schema of an object by those of its fields."""
    if not _plain(place) or any(schema is None for schema in fields.values()):
        return None
    object_schema: Schema = {"type": "object", "properties": fields}
    if fields:
        object_schema["required"] = list(fields)
    if strict:
        object_schema["additionalProperties"] = False
    return object_schema | _lengths(place, "Properties")


def of_list(
    items: list[Schema | None], other: Schema | None, place: Place[Rules]
) -> Schema | None:
    """The schema of a list by those of its first items, and of those behind them where a rule says
    so.
    """
    rules = place.best
    if not _plain(place) or any(item is None for item in items):
        return None
    if rules is None:
        return {
            "type": "array",
            "items": items,
            "additionalItems": False,
            "minItems": len(items),
            "maxItems": len(items),
        }
    if not items:
        return {"type": "array"}
    if other is None:
        return None
    list_schema: Schema = (
        {"type": "array", "items": other}
        if all(item == other for item in items)
        else {"type": "array", "items": items, "additionalItems": other}
    )
    return list_schema | _lengths(place, "Items")


def _lengths(place: Place[Rules], word: str) -> Schema:
    """The bounds on how many a container itself holds."""
    rules = () if place.best is None or place.cascaded else place.best.rules
    least = max((rule.least for rule in rules if rule.least is not None), default=0)
    most = min((rule.most for rule in rules if rule.most is not None), default=None)
    return ({f"min{word}": least} if least else {}) | (
        {} if most is None else {f"max{word}": most}
    )


def _plain(place: Place[Rules]) -> bool:
    """Whether nothing but types and lengths is asked of a container itself."""
    own_rules = [] if place.best is None or place.cascaded else [place.best]
    return all(
        rules.has(_LENGTHS)
        and all(rule.kind == "type" for rule in rules.rules)
        and not rules.either
        for rules in (*place.exact, *own_rules)
    )
