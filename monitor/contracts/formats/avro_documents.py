"""A published document as an Avro schema: of one file, of a list that is a union, or of several
files.

Named types that stand in other files are at `/x-seamwatch-files/NAME`, each file a schema.
"""

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from monitor.contracts.bundling import TAKEN_IN, seen_from
from monitor.contracts.formats.avro_names import NAMED, PRIMITIVES, names_in
from monitor.contracts.formats.avro_schema import AvroSchema, avro_of

_NEEDS = {"record": "fields", "error": "fields", "enum": "symbols", "fixed": "size"}
_OF_ITEMS = {"array": "items", "map": "values"}
_ALONE = PRIMITIVES - {"null", "boolean", "string"}  # which JSON Schema calls so, too
_MOST_FILES = 2_000


def is_avro(document: Mapping[str, Any]) -> bool:
    """Whether a document is an Avro schema: a named type with what it needs, a union of such and of
    plain types, a type that JSON Schema has no word for.
    """
    kind = document.get("type")
    listed = document.get("contracts")
    if isinstance(listed, list):
        return _is_union(listed)
    if isinstance(kind, list):
        return _is_union(kind)
    if isinstance(kind, dict):
        return is_avro(kind)
    if not isinstance(kind, str):
        return False
    if kind in NAMED:
        return isinstance(document.get("name"), str) and _NEEDS[kind] in document
    if kind in _OF_ITEMS:
        inner = document.get(_OF_ITEMS[kind])
        return isinstance(inner, str) or (isinstance(inner, dict) and is_avro(inner))
    return kind in _ALONE


def _is_union(branches: list[Any]) -> bool:
    """JSON Schema lists names of types alone, and no objects."""
    held = [branch for branch in branches if isinstance(branch, dict)]
    return bool(held) and all(
        is_avro(branch) if isinstance(branch, dict) else isinstance(branch, str)
        for branch in branches
    )


def avro_document(document: Mapping[str, Any], where: str) -> AvroSchema:
    """The schema of a document with the files that it took in. Raises ContractError, saying
    where.
    """
    return avro_of(_alone(document), where, references=taken_in(document))


def with_types(
    document: dict[str, Any], path: str, find: Callable[[str], tuple[str, Any] | None]
) -> tuple[str, ...]:
    """The paths of the files that define what the document only names, which it takes in.

    `find` gives the path and the schema of the file that defines a type, by its full name; None
    where no such file is given. `path` is the document's own. The document is changed.
    """
    files = taken_in(document)
    defined, used = names_in([_alone(document), *files.values()])
    paths: list[str] = []
    seen: set[str] = set()
    while (waiting := used - defined - seen) and len(paths) < _MOST_FILES:
        seen |= waiting
        for found_path, schema in filter(None, map(find, sorted(waiting))):
            if found_path in paths:
                continue
            paths.append(found_path)
            files[seen_from(posixpath.dirname(path), found_path)] = _unbound(schema)
            more_defined, more_used = names_in(schema)
            defined |= more_defined
            used |= more_used
    if paths:
        document[TAKEN_IN] = files
    return tuple(paths)


def _unbound(schema: Any) -> Any:
    if isinstance(schema, dict) and isinstance(schema.get("contracts"), list):
        return schema["contracts"]
    return schema


def _alone(document: Mapping[str, Any]) -> Any:
    listed = document.get("contracts")
    return listed if isinstance(listed, list) else document


def taken_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas of other files by their names."""
    held = document.get(TAKEN_IN)
    return dict(held) if isinstance(held, dict) else {}
