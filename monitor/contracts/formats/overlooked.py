"""Clauses of schemas that are read otherwise than they seem to say: `nullable` where it is no
keyword, formats that nobody knows, what stands beside a `$ref` that leaves no room for it.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from monitor.contracts.formats.folded import Unjudged
from monitor.contracts.formats.keywords import (
    KNOWN,
    LISTS,
    MAPS,
    ONES,
    held_schemas,
    schemas_in,
    unknown_in_openapi,
)
from monitor.contracts.formats.official import Version
from monitor.contracts.refs import Placed, resolve
from monitor.contracts.remarks import Remark
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError
from monitor.model.pointers import escaped
from monitor.native import BUILT

# https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3 and
# https://spec.openapis.org/registry/format/
_FORMATS = frozenset(
    (
        "date-time date time duration email idn-email hostname idn-hostname ipv4 ipv6 uri uri-reference iri iri-reference "
        "uuid uri-template json-pointer relative-json-pointer regex int8 uint8 int16 uint16 int32 uint32 int64 uint64 float "
        "double byte binary password base64url char commonmark date-time-local decimal decimal128 double-int html http-date "
        "media-range sf-binary sf-boolean sf-decimal sf-integer sf-string sf-token single-int time-local unixtime"
    ).split()
)
# What tells of a value, or is read beside a reference all the same (formats/dialect.py, oneway.py).
_BESIDE = frozenset(
    (
        "$ref $comment id $schema title summary description default example examples deprecated externalDocs xml "
        "readOnly writeOnly nullable discriminator"
    ).split()
)
_READER = (
    BUILT.Keywords(*(sorted(words) for words in (MAPS, LISTS, ONES, KNOWN, _BESIDE, _FORMATS)))
    if BUILT is not None
    else None
)
_MOST = 50
_LIKENESS = 0.8


def odd_in_openapi(
    document: dict[str, Any], marked: Iterable[Placed], version: Version
) -> list[Placed]:
    """The schemas of an OpenAPI document of which something may have to be said, in its order:
    natively those with an odd keyword, of which there are few, else all of them.
    """
    held = list(held_schemas(document, marked))
    odd = _READER.odd(held, version != "3.0") if _READER is not None else None
    if odd is not None:
        return list(odd)
    return [part for schema, place in held for part in schemas_in(schema, place)]


def overlooked_in_openapi(nodes: Iterable[Placed], version: Version) -> list[Remark]:
    """A remark for each in an OpenAPI document's schemas, at most 50; one for all that say
    `nullable`.
    """
    if version == "3.0":
        return _told(nodes, beside=True)
    return _told(nodes, f"OpenAPI {version} does not know `nullable`, and it is read as in 3.0")


def overlooked_in_schema(schema: Any) -> list[Remark]:
    """The same in a JSON Schema."""
    nodes = schemas_in(schema)
    return _told(nodes, "JSON Schema does not know `nullable`, and null is not taken for it")


def odd_in_payloads(schemas: Iterable[Schema]) -> list[Remark]:
    """The same, and unknown keywords and discriminators, in the schemas of messages and what these
    refer to by name; at most 50 of each.
    """
    nodes = list(reached(schemas))
    unjudged = Unjudged()
    for node, place in nodes:
        if "discriminator" in node:
            sentence = "a discriminator picks nothing: all that stands beside it is judged"
            unjudged.add("schema", "discriminator", sentence, f"{place}/discriminator")
    return [
        *unknown_in_openapi(nodes),
        *_told(nodes, "JSON Schema does not know `nullable`, and null is not taken for it"),
        *unjudged.remarks(),
    ]


def reached(schemas: Iterable[Schema]) -> Iterator[Placed]:
    """Each schema that stands in these or is referred to from there, once."""
    waiting = [(*schema.written, schema.pointer) for schema in schemas]
    seen: set[int] = set()
    while waiting:
        document, held, pointer = waiting.pop(0)
        for node, place in schemas_in(held, pointer):
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield node, place
            target = node.get("$ref")
            if isinstance(target, str) and target.startswith("#/"):
                with suppress(ContractError):
                    waiting.append((document, resolve(document, target, ""), target[1:]))


def _told(nodes: Iterable[Placed], of_nullable: str = "", *, beside: bool = False) -> list[Remark]:
    remarks: list[Remark] = []
    nullable: list[str] = []
    for node, place in nodes:
        if of_nullable and node.get("nullable") is True:
            nullable.append(f"{place}/nullable")
        if len(remarks) < _MOST:
            remarks += _odd_format(node, place)
            remarks += _beside(node, place) if beside else ()
    if nullable:
        more = f" ({len(nullable) - 1} more places say so)" if len(nullable) > 1 else ""
        sentence = f'{of_nullable}; list "null" in `type`{more}'
        remarks.insert(0, Remark(min(nullable), sentence, grave=False))
    return remarks[:_MOST]


def _odd_format(node: dict[str, Any], place: str) -> Iterator[Remark]:
    name = node.get("format")
    if not isinstance(name, str) or name in _FORMATS:
        return
    near = _nearest(name.lower()[:40])
    if near:
        yield Remark(
            f"{place}/format",
            f"nobody knows the format {name[:40]!r}, and it is not judged; did you mean {near!r}?",
            grave=False,
            kind="unjudged",
        )


@lru_cache(maxsize=1024)  # a document says the same odd word in hundreds of places
def _nearest(name: str) -> str:
    return next(iter(get_close_matches(name, _FORMATS, 1, _LIKENESS)), "")


def _beside(node: dict[str, Any], place: str) -> Iterator[Remark]:
    """https://spec.openapis.org/oas/v3.0.4.html#reference-object"""
    if not isinstance(node.get("$ref"), str):
        return
    for word in node:
        if word not in _BESIDE and not word.startswith("x-"):
            yield Remark(
                f"{place}/{escaped(word)}",
                "stands beside `$ref`, where OpenAPI 3.0 reads nothing else, and is not judged; put both under `allOf`",
                grave=False,
                kind="unjudged",
            )
