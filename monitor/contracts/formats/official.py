"""OpenAPI's own schemas held against a document: what they refuse, and where.
https://spec.openapis.org/

The schemas are data of two packages, which are read and never imported.
"""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs as engine

from monitor.contracts.remarks import Remark
from monitor.errors import ContractError
from monitor.model.pointers import escaped

Version = Literal["3.0", "3.1", "3.2"]
_Error = engine.ValidationError
_Kind = engine.ValidationErrorKind

_DIALECTS: dict[str, str] = {
    "3.1": "https://spec.openapis.org/oas/3.1/dialect/base",
    "3.2": "https://spec.openapis.org/oas/3.2/dialect/2025-09-17",
}
_HEADER_NAME = {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}  # a token, RFC 9110, 5.6.2
# Left over from Swagger 2; at the root of OpenAPI 3 they say nothing, though they were meant to.
_SWAGGER = frozenset(
    "swagger host basePath schemes consumes produces definitions parameters responses securityDefinitions".split()
)
_ROOT = frozenset(
    "openapi info jsonSchemaDialect servers paths webhooks components security tags externalDocs".split()
)
# Keywords of schemas that version 3.0 does not know yet. They judge nothing in any version.
_NOTES = frozenset(
    {"examples", "$comment", "$schema", "contentMediaType", "contentEncoding", "contentSchema"}
)
# Nothing here is judged.
_PROSE = ("/info/", "/tags/", "/externalDocs/")
_MOST = 50
_MOST_CHARS = 80


def against_openapi(document: dict[str, Any], version: Version) -> list[Remark]:
    """What OpenAPI's schema of a version refuses in a document, in the schema's order, at most 50.

    A remark is grave unless nothing that is judged hangs on it: a key of the author's own at the
    root, `info` and other prose, a note in a schema, a response without its description, a
    parameter in a path that is not called required, unusual signs in a component's name.
    """
    validator, words = _official(version)
    remarks: dict[Remark, None] = {}
    for error in validator.iter_errors(document):
        for cause in _meant(error):
            remarks.update(dict.fromkeys(_remarks(cause, version, words)))
        if len(remarks) >= _MOST:
            break
    return list(remarks)[:_MOST]


@lru_cache(maxsize=3)
def _official(version: Version) -> tuple[engine.Validator, frozenset[str]]:
    """The validator of a version, and every key that its schemas know somewhere."""
    official_schema = _data(
        _folder("openapi_spec_validator") / "resources" / "schemas" / f"v{version}" / "schema.json"
    )
    if version == "3.0":
        _name_headers(official_schema["definitions"]["Parameter"])
        return engine.Draft4Validator(
            official_schema, offline=True, validate_formats=False
        ), frozenset(_words(official_schema))
    parts = official_schema["$defs"]
    # As later editions have it.
    parts["examples"]["not"] = {"required": ["example", "examples"]}
    link = parts["link"]["properties"]
    link.setdefault("server", link.pop("body", True))
    parts["response"]["properties"]["headers"]["propertyNames"] = _HEADER_NAME
    _name_headers(parts["parameter"])
    files = (_folder("openapi_schema_validator") / "schemas").rglob("*")
    dialects = [
        _data(file) for file in sorted(files) if file.is_file() and file.suffix in ("", ".json")
    ]
    root = {
        "$ref": official_schema["$id"],
        "$defs": {"schema": {"$dynamicAnchor": "meta", "$ref": _DIALECTS[version]}},
    }
    registry = engine.Registry(
        [(schema["$id"], schema) for schema in (official_schema, *dialects)],
        draft=engine.Draft202012,
    )
    # An `$id` of its own makes the root the outermost place that `#meta` is looked for in.
    validator = engine.Draft202012Validator(
        {"$id": "urn:seamwatch:openapi", **root},
        registry=registry,
        offline=True,
        validate_formats=False,
    )
    return validator, frozenset(
        word for schema in (official_schema, *dialects) for word in _words(schema)
    )


def _name_headers(parameter: dict[str, Any]) -> None:
    """Ask for names that HTTP can carry, as the newest edition does."""
    header = {"properties": {"in": {"enum": ["header"]}}, "required": ["in"]}
    parameter.setdefault("allOf", []).append(
        {"anyOf": [{"not": header}, {"properties": {"name": _HEADER_NAME}}]}
    )


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ContractError(
            f"the package {package}, which holds OpenAPI's schemas, is not installed; run `make install`"
        )
    return Path(spec.origin).parent


def _data(file: Path) -> dict[str, Any]:
    held = json.loads(file.read_bytes())
    assert isinstance(held, dict)
    return held


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"]
        for child in node.values():
            yield from _words(child)
    elif isinstance(node, list):
        for child in node:
            yield from _words(child)


def _meant(error: _Error) -> Iterator[_Error]:
    """Of a choice that nothing fits, the errors of the branch that the author meant; else the
    error itself.

    That is no `$ref` where none is written, no branch for another value of a telling key, and what
    fits deepest, then best.
    """
    kind = error.kind
    if not isinstance(kind, _Kind.OneOfNotValid | _Kind.AnyOf):
        yield error
        return
    here = len(error.instance_path)
    branches = [
        branch
        for branch in kind.context
        if branch and not any(_is_absent_reference(fault, here) for fault in branch)
    ]
    fitting = [
        branch for branch in branches if not any(_tells_apart(fault, here) for fault in branch)
    ]
    best = max(fitting or branches, key=_closeness, default=None)
    if best is None:
        yield error
        return
    for cause in best:
        yield from _meant(cause)


def _closeness(branch: Sequence[_Error]) -> tuple[int, int]:
    return max(len(error.instance_path) for error in branch), -len(branch)


def _is_absent_reference(error: _Error, here: int) -> bool:
    return (
        isinstance(error.kind, _Kind.Required)
        and error.kind.property == "$ref"
        and len(error.instance_path) == here
    )


def _tells_apart(error: _Error, here: int) -> bool:
    return (
        isinstance(error.kind, _Kind.Enum | _Kind.Constant)
        and len(error.instance_path) == here + 1
    )


def _remarks(error: _Error, version: Version, words: frozenset[str]) -> Iterator[Remark]:
    pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
    kind = error.kind
    if isinstance(kind, _Kind.AdditionalProperties | _Kind.UnevaluatedProperties):
        for key in kind.unexpected:
            place = f"{pointer}/{escaped(key)}"
            yield Remark(
                place,
                f"OpenAPI {version} does not know this key here{_near(key, words)}",
                _is_grave(place, key),
            )
    elif isinstance(kind, _Kind.Required):
        yield Remark(
            pointer, f"{kind.property!r} is missing", not _is_formal(kind.property, pointer)
        )
    elif isinstance(kind, _Kind.PropertyNames):
        yield Remark(
            pointer,
            _said(error),
            pointer.count("/") != 2 or not pointer.startswith("/components/"),
        )
    else:
        yield Remark(pointer, _said(error), pointer != "/openapi" and not _is_prose(pointer))


def _near(key: str, words: frozenset[str]) -> str:
    near = get_close_matches(key, words, 1, 0.7)
    return (
        f"; did you mean {near[0]!r}?" if near and near[0] != key else "; it would not be judged"
    )


def _is_grave(place: str, key: str) -> bool:
    if place.count("/") == 1:
        return key in _SWAGGER or bool(get_close_matches(key, _ROOT, 1, 0.7))
    return not _is_prose(place) and key not in _NOTES


def _is_prose(pointer: str) -> bool:
    return f"{pointer}/".startswith(_PROSE)


def _is_formal(missing: str, pointer: str) -> bool:
    """`info` is prose; a response says what it is by its status; a parameter in a path is never
    left out.
    """
    return (
        (not pointer and missing == "info")
        or _is_prose(pointer)
        or (missing == "description" and "/responses/" in pointer)
        or (missing == "required" and "/parameters/" in pointer)
    )


def _said(error: _Error) -> str:
    kind, value = error.kind, error.instance
    if isinstance(kind, _Kind.Type):
        return f"must be {' or '.join(kind.types)}, and is {_shown(value)}"
    if isinstance(kind, _Kind.Enum):
        return f"is {_shown(value)}, and must be one of {_shown(kind.options)}"
    if isinstance(kind, _Kind.FalseSchema):
        return "is not allowed beside what stands here"
    if (
        isinstance(kind, _Kind.Not)
        and isinstance(value, dict)
        and {"example", "examples"} <= value.keys()
    ):
        return "has both `example` and `examples`, of which one may stand"
    return f"is {_shown(value)}, which breaks `{kind.name}` of OpenAPI's schema"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"
