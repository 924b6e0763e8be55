"""Errors of the validator said without a value of the payload: rule, place, clause, types."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import jsonschema_rs as engine

from monitor.contracts.following import UNEVALUATED, is_declared
from monitor.model.pointers import escaped

ROOT = "urn:seamwatch:contract"
_ONE_NAME = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"}
)
_ONE_INDEX = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_DATA_KEYS = frozenset({"additionalProperties", "patternProperties", "unevaluatedProperties"})
_ITEMS = frozenset({"items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"})
_MOST_UNFOLDING = 4


@dataclass(frozen=True, slots=True)
class Broken:
    """One clause that a payload breaks. Pointers name declared places only; everything else is
    `*`.
    """

    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str


def folded(
    errors: Iterator[engine.ValidationError], base: str, most: int, skip: int, document: Any
) -> list[Broken]:
    """The broken clauses of a document's schema, each once a place, at most `most`; what follows
    from another one is left out.
    """
    violations: dict[tuple[str, str], Broken] = {}
    unevaluated: list[tuple[Broken, engine.ValidationError]] = []
    for error in errors:
        for broken, cause in _said(error, base, skip, 0):
            if broken.rule in UNEVALUATED:
                unevaluated.append((broken, cause))
            violations.setdefault((broken.rule, broken.pointer), broken)
        if len(violations) >= most:
            break
    for broken, cause in unevaluated if len(violations) > 1 else ():
        if _follows(broken, cause, violations, document):
            violations.pop((broken.rule, broken.pointer), None)
    # of another type: what else breaks there follows from it
    wrong = {pointer for rule, pointer in violations if rule == "type"}
    return [
        broken
        for broken in violations.values()
        if broken.rule == "type" or broken.pointer not in wrong
    ][:most]


def _follows(
    broken: Broken,
    cause: engine.ValidationError,
    violations: Mapping[tuple[str, str], Broken],
    document: Any,
) -> bool:
    """Whether an `unevaluated…` is broken because another clause is, on the same value or in it."""
    place = broken.pointer.removesuffix("/*")
    if not any(
        rule not in UNEVALUATED and (pointer == place or pointer.startswith(f"{place}/"))
        for rule, pointer in violations
    ):
        return False
    unexpected = getattr(cause.kind, "unexpected", [])
    return is_declared(document, broken.clause, cause.instance, unexpected)


def _said(
    error: engine.ValidationError, base: str, skip: int, level: int
) -> Iterator[tuple[Broken, engine.ValidationError]]:
    """One error without values, and the error; of an alternative, the errors of the only branch that was meant.

    `skip` steps at the beginning of the error's paths are ours and not the payload's.
    """
    kind = error.kind
    rule = kind.name
    if rule in ("anyOf", "oneOf") and level < _MOST_UNFOLDING:
        branches: list[list[engine.ValidationError]] = getattr(kind, "context", [])
        meant = [branch for branch in branches if branch and not _wrong_kind(branch, error)]
        if len(meant) == 1:
            for inner in meant[0]:
                yield from _said(inner, base, skip, level + 1)
            return
    place = _place(error.instance_path[skip:], error.evaluation_path[2 * skip :])
    actual = json_type(error.instance)
    expected = rule
    if isinstance(kind, engine.ValidationErrorKind.Required):
        place += "/" + escaped(kind.property)
        expected, actual = "present", "absent"
    elif isinstance(kind, engine.ValidationErrorKind.Type):
        expected = "|".join(sorted(kind.types))
    elif isinstance(kind, engine.ValidationErrorKind.Format):
        expected = f"format {kind.format}"[:60]
    elif rule in ("additionalProperties", "unevaluatedProperties", "falseSchema"):
        place += "/*" if rule != "falseSchema" else ""
        expected, actual = "absent", "present"
    else:
        expected = _limit(kind) or rule
    yield Broken(rule, place, _clause(error, base), expected, actual), error


def _wrong_kind(branch: Sequence[engine.ValidationError], parent: engine.ValidationError) -> bool:
    """Whether a branch was refused by the value's own type or by a tag, so that another one was
    meant.
    """
    depth = len(parent.instance_path)
    for error in branch:
        if error.kind.name == "type" and len(error.instance_path) == depth:
            return True
        if error.kind.name in ("const", "enum") and len(error.instance_path) == depth + 1:
            return True
    return False


def _limit(kind: engine.ValidationErrorKind) -> str:
    """A clause's own bound, which is the contract's word and not the payload's."""
    limit = getattr(kind, "limit", None)
    if isinstance(limit, int | float) and not isinstance(limit, bool):
        return f"{kind.name} {limit}"
    if isinstance(kind, engine.ValidationErrorKind.Enum):
        return f"one of {len(kind.options)}"
    return ""


def _clause(error: engine.ValidationError, base: str) -> str:
    absolute = error.absolute_keyword_location
    if absolute is not None and absolute.startswith(ROOT + "#"):
        return unquote(absolute[len(ROOT) + 1 :])
    path = "".join("/" + escaped(str(part)) for part in error.schema_path)
    return path or base


def _place(instance: Sequence[str | int], evaluation: Sequence[str | int]) -> str:
    """The pointer with indices and undeclared keys as `*`, by reading which keyword led to each
    step.
    """
    steps = iter(_steps(evaluation))
    parts: list[str] = []
    for part in instance:
        declared = next(steps, None)
        parts.append(escaped(declared) if declared is not None and declared == part else "*")
    return "".join("/" + part for part in parts)


def _steps(evaluation: Sequence[str | int]) -> Iterator[str | None]:
    """For each step down into the payload: the declared name, or None for an index or a key that
    is data.
    """
    at = 0
    last = len(evaluation) - 1
    while at < last:
        keyword = evaluation[at]
        if keyword == "properties":
            yield str(evaluation[at + 1])
            at += 2
        elif keyword in _DATA_KEYS:
            yield None
            at += 2 if keyword == "patternProperties" else 1
        elif keyword in _ITEMS:
            yield None
            following = evaluation[at + 1]
            at += 2 if isinstance(following, int) else 1
        elif keyword in _ONE_NAME or keyword in _ONE_INDEX:
            at += 2
        else:
            at += 1


def json_type(value: object) -> str:
    """The JSON type's name of a decoded value; an integral float is a "number"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
