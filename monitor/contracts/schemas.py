"""Schemas compiled by jsonschema-rs, offline, and their errors said without a value of the payload."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote

import jsonschema_rs as engine

from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.loose import is_masked, loosened
from monitor.errors import ContractError

Draft = Literal["4", "6", "7", "2019-09", "2020-12"]

ROOT = "urn:seamwatch:contract"

_CLASSES: Mapping[Draft, type[engine.Validator]] = {
    "4": engine.Draft4Validator,
    "6": engine.Draft6Validator,
    "7": engine.Draft7Validator,
    "2019-09": engine.Draft201909Validator,
    "2020-12": engine.Draft202012Validator,
}
_NUMBERS: Mapping[Draft, int] = {
    "4": engine.Draft4,
    "6": engine.Draft6,
    "7": engine.Draft7,
    "2019-09": engine.Draft201909,
    "2020-12": engine.Draft202012,
}
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DURATION = re.compile(r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)")
# Formats that OpenAPI names and the older drafts do not know.
OPENAPI_FORMATS = {
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
}

_ONE_NAME = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"})
_ONE_INDEX = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_DATA_KEYS = frozenset({"additionalProperties", "patternProperties", "unevaluatedProperties"})
_ITEMS = frozenset({"items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"})
_MOST_UNFOLDING = 4
_FRAGMENT = "/~!$&'()*+,;=:@-._?"


@dataclass(frozen=True, slots=True)
class Broken:
    """One clause that a payload breaks. Pointers name declared places only; everything else is `*`."""

    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str


class Schema:
    """One schema of a contract, compiled when first used. Its errors never quote the payload."""

    __slots__ = ("_loose", "_schemas", "_tight", "pointer")

    def __init__(self, schemas: "Schemas", pointer: str) -> None:
        self._schemas = schemas
        self._tight: engine.Validator | None = None
        self._loose: engine.Validator | None = None
        self.pointer = pointer

    def compiled(self) -> engine.Validator:
        """The validator. Raises ContractError when the schema cannot be used."""
        if self._tight is None:
            self._tight = self._schemas.validator(self.pointer)
        return self._tight

    def fits(self, instance: Any) -> bool:
        """Whether the payload keeps every clause. The hot path: stops at the first error."""
        return (self._tight or self.compiled()).is_valid(instance)

    def broken(self, instance: Any, most: int) -> list[Broken]:
        """The broken clauses, folded by (rule, pointer), at most `most`."""
        return _folded(self.compiled().iter_errors(instance), self.pointer, most)

    def broken_in_shape(self, instance: Any, most: int) -> list[Broken]:
        """The same for a redacted payload: presence and types only; a mask stands for any scalar."""
        if self._loose is None:
            self._loose = self._schemas.validator(self.pointer, loose=True)
        if self._loose.is_valid(instance):
            return []
        errors = (error for error in self._loose.iter_errors(instance) if not is_masked(error.instance))
        return _folded(errors, self.pointer, most)


class Schemas:
    """All schemas of one document under one registry; each is compiled when first asked for, then kept.

    `resources` are other documents by URI that a document as a whole (pointer "") may name; nothing else is ever
    fetched. `assert_formats` holds `format` against payloads in the drafts, too, that only annotate by it.
    """

    def __init__(
        self,
        document: Any,
        draft: Draft,
        *,
        where: str,
        formats: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        assert_formats: bool = True,
        limits: ContractLimits = CONTRACT_LIMITS,
    ) -> None:
        self._where = where
        self._class = _CLASSES[draft]
        self._patterns = engine.FancyRegexOptions(limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes)
        self._formats = dict(formats or {})
        self._document = document
        self._draft: Draft = draft
        self._resources = dict(resources or {})
        self._assert_formats = assert_formats
        self._tight: engine.Registry | None = None
        self._loose: engine.Registry | None = None

    def _registry(self, document: Any) -> engine.Registry:
        return engine.Registry([(ROOT, document)], draft=_NUMBERS[self._draft])

    def _resource(self, uri: str) -> Any:
        """Only what was published with the contract; there is no network."""
        if uri not in self._resources:
            raise KeyError(uri)
        return self._resources[uri]

    def lazily(self, pointer: str) -> Schema:
        """The schema at a JSON pointer into the document."""
        return Schema(self, pointer)

    def validator(self, pointer: str, *, loose: bool = False) -> engine.Validator:
        """Compile the schema at a pointer. Raises ContractError when it cannot be used."""
        try:
            if pointer:
                registry = self._loose if loose else self._tight
                if registry is None:
                    registry = self._registry(loosened(self._document) if loose else self._document)
                    self._tight, self._loose = (self._tight, registry) if loose else (registry, self._loose)
                schema: Any = {"$ref": f"{ROOT}#{quote(pointer, safe=_FRAGMENT)}"}
            else:
                registry = None
                schema = loosened(self._document) if loose else self._document
            says_draft = not pointer and isinstance(schema, dict) and "$schema" in schema
            make = engine.validator_for if says_draft else self._class
            return make(
                schema,
                registry=registry,
                retriever=self._resource if self._resources else None,
                offline=not self._resources,
                validate_formats=self._assert_formats or None,
                formats=self._formats or None,
                pattern_options=self._patterns,
            )
        except (engine.ReferencingError, ValueError) as error:
            raise ContractError(f"{self._where}: the schema at {pointer or '/'} cannot be used: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]


def _folded(errors: Iterator[engine.ValidationError], base: str, most: int) -> list[Broken]:
    found: dict[tuple[str, str], Broken] = {}
    for error in errors:
        for broken in _said(error, base, 0):
            found.setdefault((broken.rule, broken.pointer), broken)
        if len(found) >= most:
            break
    wrong = {pointer for rule, pointer in found if rule == "type"}  # of another type: what else breaks there follows from it
    return [broken for broken in found.values() if broken.rule == "type" or broken.pointer not in wrong][:most]


def _said(error: engine.ValidationError, base: str, level: int) -> Iterator[Broken]:
    """One error without values; of an alternative, the errors of the only branch that was meant."""
    kind = error.kind
    rule = kind.name
    if rule in ("anyOf", "oneOf") and level < _MOST_UNFOLDING:
        branches: list[list[engine.ValidationError]] = getattr(kind, "context", [])
        meant = [branch for branch in branches if branch and not _wrong_kind(branch, error)]
        if len(meant) == 1:
            for inner in meant[0]:
                yield from _said(inner, base, level + 1)
            return
    place = _place(error.instance_path, error.evaluation_path)
    actual = json_type(error.instance)
    expected = rule
    if isinstance(kind, engine.ValidationErrorKind.Required):
        place += "/" + _escaped(kind.property)
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
    yield Broken(rule, place, _clause(error, base), expected, actual)


def _wrong_kind(branch: Sequence[engine.ValidationError], parent: engine.ValidationError) -> bool:
    """Whether a branch was refused by the value's own type or by a tag, so that another one was meant."""
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
    path = "".join("/" + _escaped(str(part)) for part in error.schema_path)
    return path or base


def _place(instance: Sequence[str | int], evaluation: Sequence[str | int]) -> str:
    """The pointer with indices and undeclared keys as `*`, by reading which keyword led to each step."""
    steps = iter(_steps(evaluation))
    parts: list[str] = []
    for part in instance:
        declared = next(steps, None)
        parts.append(_escaped(declared) if declared is not None and declared == part else "*")
    return "".join("/" + part for part in parts)


def _steps(evaluation: Sequence[str | int]) -> Iterator[str | None]:
    """For each step down into the payload: the declared name, or None for an index or a key that is data."""
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


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


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
