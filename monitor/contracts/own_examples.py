"""A document's own examples held against its own schemas: where one does not fit, one of the two
is not what was meant.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import orjson

from monitor.contracts.broken import Broken
from monitor.contracts.form import Body, Parameter, Promise
from monitor.contracts.payloads import is_json_type
from monitor.contracts.plain_texts import is_text
from monitor.contracts.proving import OPEN
from monitor.contracts.readings import Reading, readings
from monitor.contracts.refs import Placed, resolve
from monitor.contracts.remarks import Remark
from monitor.contracts.schemas import Schema, Schemas
from monitor.errors import ContractError
from monitor.model.pointers import escaped

MOST_EXAMPLES, MOST_WITH_PATTERNS = 5_000, 50
"""So many of a document are looked at; fewer where a pattern asks for backtracking, which takes
its time.
"""
MOST_TOLD = 50
_WORK = 20_000  # applications of schemas that one example may ask for
_BATCH = 1_000
_MOST_CHARS = 20_000
_MOST_BROKEN = 20
_MOST_NAMED = 3
_BACKTRACKING = re.compile(r"\(\?(?:[=!]|<[=!]|>)|\\[1-9k]")
_ALTERNATIVES = ("/anyOf/", "/oneOf/", "/not", "/if", "/then", "/else")
_LIMITS = frozenset(
    (
        "minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems minProperties "
        "maxProperties pattern uniqueItems multipleOf propertyNames"
    ).split()
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """One example, the schemas of which it should fit any, and the further values that its text
    may stand for.
    """

    pointer: str
    values: tuple[Any, ...]
    schema: Schema


def own_examples(
    document: dict[str, Any], promise: Promise, marked: Sequence[Placed]
) -> tuple[int, list[Remark]]:
    """How many examples were looked at, and a remark for each that does not fit, at most 50 and
    one for the rest.

    Looked at are examples of bodies, messages, parameters and headers, and of schemas themselves. Values
    that are too large to be judged in no time are passed over, and a schema that cannot be
    compiled judges none.
    """
    remarks, more = list[Remark](), 0
    most = MOST_WITH_PATTERNS if _backtracks(marked) else MOST_EXAMPLES
    examples = list(islice(_bearable(_once(_all(document, promise, marked))), most))
    count = len(examples)
    for shown in _together([shown for shown in examples if not _proven(shown)]):
        try:
            if any(shown.schema.fits(value) for value in shown.values):
                continue
            if len(remarks) >= MOST_TOLD:
                more += 1
                continue
            broken = shown.schema.broken(shown.values[0], _MOST_BROKEN)
        except ContractError:
            continue
        if broken:
            remarks.append(Remark(shown.pointer, _said(broken), grave=False, kind="example"))
    if more:
        remarks.append(
            Remark(
                "", f"{more} more examples do not fit their schemas", grave=False, kind="example"
            )
        )
    return count, remarks


def _once(examples: Iterable[_Shown]) -> Iterator[_Shown]:
    pointers: set[str] = set()
    for shown in examples:
        if shown.pointer not in pointers:
            pointers.add(shown.pointer)
            yield shown


def _bearable(examples: Iterable[_Shown]) -> Iterator[_Shown]:
    """Those whose values ask for no more work than one may."""
    waiting = iter(examples)
    while batch := list(islice(waiting, _BATCH)):
        asked: dict[int, tuple[Schemas, list[tuple[int, str, Any]]]] = {}
        for place, shown in enumerate(batch):
            schemas = shown.schema.schemas
            pairs = asked.setdefault(id(schemas.document), (schemas, []))[1]
            pairs += [(place, shown.schema.pointer, value) for value in shown.values]
        left_out: set[int] = set()
        for schemas, pairs in asked.values():
            bearable = schemas.bearable([pair[1:] for pair in pairs], _WORK)
            left_out |= {
                place for (place, *_), fine in zip(pairs, bearable, strict=True) if not fine
            }
        yield from (shown for place, shown in enumerate(batch) if place not in left_out)


def _proven(shown: _Shown) -> bool:
    """Whether one of its values surely fits, told without compiling its schema."""
    for value in shown.values:
        try:
            text = orjson.dumps(value)
        except (TypeError, ValueError):  # an integer of any length, half a pair of surrogates
            continue
        if shown.schema.proves(text) != OPEN:
            return True
    return False


def _together(examples: list[_Shown]) -> list[_Shown]:
    """The same, with their schemas of each document compiled at once, so that what they share is
    compiled once; as they were where one of them cannot be compiled.
    """
    twins: dict[int, Schemas] = {}
    for shown in examples:
        schemas = shown.schema.schemas
        twin = twins.setdefault(id(schemas.document), schemas)
        if twin is schemas:
            twin = twins[id(schemas.document)] = schemas.apart()
        twin.lazily(shown.schema.pointer)
    try:
        for twin in twins.values():
            twin.together()
    except ContractError:
        return examples
    return [
        replace(
            shown, schema=twins[id(shown.schema.schemas.document)].lazily(shown.schema.pointer)
        )
        for shown in examples
    ]


def _all(document: dict[str, Any], promise: Promise, marked: Sequence[Placed]) -> Iterator[_Shown]:
    if promise.by_example:
        yield from (_Shown(pointer, (value,), schema) for pointer, value, schema in promise.shown)
        if len({id(schema.schemas) for schema in promise.of_messages}) == 1:
            yield from _of_schemas(promise, marked)
        return
    seen: set[int] = set()
    for operation in promise.operations:
        bodies: list[Body] = [
            *operation.responses.values(),
            *([operation.request] if operation.request is not None else []),
        ]
        for parameter in (
            *operation.parameters,
            *(header for body in bodies for header in body.headers),
        ):
            if id(parameter) not in seen:  # many operations refer to the same
                seen.add(id(parameter))
                yield from _of_parameter(document, parameter)
        for body in bodies:
            for media, schema in body.media.items():
                if schema is not None and (
                    is_json_type(media) or media in ("*/*", "application/*")
                ):
                    yield from _of_body(document, schema)
                elif schema is not None and media in body.plain and is_text(media):
                    yield from _of_text(document, schema, body.plain[media])
    yield from _of_schemas(promise, marked)


def _of_body(document: dict[str, Any], schema: Schema) -> Iterator[_Shown]:
    owner = _at(document, schema.pointer.rpartition("/")[0]) if schema.pointer else None
    for pointer, value in _examples_of(document, owner, schema.pointer.rpartition("/")[0]):
        values: tuple[Any, ...] = (value,)
        if isinstance(value, str) and len(value) <= _MOST_CHARS:
            try:
                values = (json.loads(value), value)  # the body as text, as it goes over the wire
            except (ValueError, RecursionError):
                values = (value,)
        yield _Shown(pointer, values, schema)


def _of_text(document: dict[str, Any], schema: Schema, reading: Reading) -> Iterator[_Shown]:
    """Bodies of text: the text is the value, or stands for a scalar."""
    above = schema.pointer.rpartition("/")[0]
    for pointer, value in _examples_of(document, _at(document, above), above):
        values = (value, *readings(value, reading)) if isinstance(value, str) else (value,)
        yield _Shown(pointer, values, schema)


def _of_parameter(document: dict[str, Any], parameter: Parameter) -> Iterator[_Shown]:
    if parameter.schema is None or parameter.media or parameter.style == "other":
        return
    for pointer, value in _examples_of(
        document, _at(document, parameter.clause), parameter.clause
    ):
        if isinstance(value, str):
            if parameter.reading.parts:
                continue  # a list or an object as it is written in a URL
            yield _Shown(pointer, (value, *readings(value, parameter.reading)), parameter.schema)
        else:
            yield _Shown(pointer, (value,), parameter.schema)


def _of_schemas(promise: Promise, marked: Sequence[Placed]) -> Iterator[_Shown]:
    """Examples that stand in schemas, held by a compiled form of their own: a schema that nobody
    uses must not harm the others.
    """
    anchor = next(iter(promise.schemas), None)
    if anchor is None:
        return
    held: list[tuple[str, Any, Schema]] = []
    apart = anchor.apart()
    for node, pointer in marked:
        if not (
            pointer.startswith("/components/schemas/")
            or "/schema/" in f"{pointer}/"
            or not anchor.pointer
        ):
            continue
        if "example" not in node and not isinstance(node.get("examples"), list):
            continue
        if len(held) >= MOST_EXAMPLES:
            break
        schema = apart.at(pointer)
        if schema is None:
            continue
        if "example" in node:
            held.append((f"{pointer}/example", node["example"], schema))
        if isinstance(node.get("examples"), list):
            held.extend(
                (f"{pointer}/examples/{at}", value, schema)
                for at, value in enumerate(node["examples"][:10])
            )
    for pointer, value, schema in held:
        yield _Shown(pointer, (value,), schema)


def _examples_of(document: dict[str, Any], owner: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(owner, dict):
        return
    if "example" in owner:
        yield f"{pointer}/example", owner["example"]
    named = owner.get("examples")
    for name, example in named.items() if isinstance(named, dict) else ():
        entry, place = example, f"{pointer}/examples/{escaped(str(name))}"
        if isinstance(example, dict) and isinstance(example.get("$ref"), str):
            place = example["$ref"].removeprefix("#")
            entry = _at(document, place)
        if isinstance(entry, dict) and "value" in entry:
            yield f"{place}/value", entry["value"]
        elif isinstance(entry, dict) and "dataValue" in entry:  # OpenAPI 3.2
            yield f"{place}/dataValue", entry["dataValue"]


def _at(document: dict[str, Any], pointer: str) -> Any:
    try:
        return resolve(document, f"#{pointer}", "contract")
    except ContractError:
        return None


def _backtracks(marked: Sequence[Placed]) -> bool:
    patterns: Iterable[Any] = (
        text
        for node, _ in marked
        for text in (
            node.get("pattern"),
            *(
                node["patternProperties"]
                if isinstance(node.get("patternProperties"), Mapping)
                else ()
            ),
        )
    )
    return any(isinstance(text, str) and _BACKTRACKING.search(text) for text in patterns)


def _said(broken: list[Broken]) -> str:
    named = broken[:_MOST_NAMED]
    what = "; ".join(_breaks(violation) for violation in named)
    more = f" and {len(broken) - len(named)} more" if len(broken) > len(named) else ""
    better = [_reading(violation) for violation in broken]
    if len(broken) >= _MOST_BROKEN or not all(better):
        return f"this example does not fit its schema: {what}{more}"
    return f"this example does not fit its schema: {what}{more}; it would if {' and '.join(dict.fromkeys(filter(None, better[:_MOST_NAMED])))}{more}"


def _breaks(violation: Broken) -> str:
    place = violation.pointer or "the value"
    if violation.rule == "required":
        return f"{place} is missing"
    if violation.rule in ("additionalProperties", "unevaluatedProperties"):
        return (
            f"{place.removesuffix('/*') or 'the value'} has fields that the schema does not name"
        )
    if violation.rule == "type":
        return f"{place} is {violation.actual}, the schema says {violation.expected.replace('|', ' or ')}"
    return f"{place} breaks `{violation.rule}`" + (
        f" ({violation.expected})" if violation.expected not in ("", violation.rule) else ""
    )


def _reading(violation: Broken) -> str:
    """Under which reading of the schema this clause were kept; "" where no single
    change tells it.
    """
    place = violation.pointer or "the value"
    if any(word in violation.clause for word in _ALTERNATIVES):
        return ""
    if violation.rule == "type":
        return (
            f"{place} might be null (`nullable`)"
            if violation.actual == "null"
            else f"the type of {place} were {violation.actual}"
        )
    if violation.rule == "required":
        return f"{place} were optional"
    if violation.rule in ("additionalProperties", "unevaluatedProperties"):
        return (
            f"`{violation.rule}` allowed other fields at {place.removesuffix('/*') or 'the root'}"
        )
    if violation.rule in ("enum", "const"):
        return f"`{violation.rule}` of {place} knew this value"
    if violation.rule == "format":
        return f"{place} had no {violation.expected}"
    return f"{place} had no `{violation.rule}`" if violation.rule in _LIMITS else ""
