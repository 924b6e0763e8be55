"""Whether one schema allows all that another allows, told by jsonschema-rs, and what it does not
allow.

The answer is of whole schemas: where an object was written anew as parts of `allOf`, nothing has
changed. What cannot be decided, or would take too much, is left open.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote

import jsonschema_rs as engine

from monitor.contracts.compiling import NUMBERS, Draft
from monitor.contracts.differing import Stated, bare, differing
from monitor.contracts.looks import DATA, every_object
from monitor.contracts.refs import resolve
from monitor.contracts.schemas import Schema
from monitor.errors import ContractError
from monitor.model.pointers import unescaped

Answer = Literal["yes", "no", "open"]
MOST_BYTES = 60_000
"""Of a schema with all that it refers to: beyond, a comparison may take seconds."""
MOST_READ = 20 * MOST_BYTES
"""Of a schema before it is told what two say alike."""
MOST_CHOICES = 32
"""Of `anyOf` and `oneOf` in a schema: their differences multiply, 64 of them take ten seconds."""
MOST_LEFT = 4_000
"""Characters of a canonical schema that another is taken from: of 20,000 that takes seconds."""
LONGEST_EXAMPLE = 400
_ROOT = "differing"
_HOLDING = frozenset("$schema $defs definitions $comment".split())
"""What a document holds beside the schema that it is."""
_ELSEWHERE = ("$id", "id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Held:
    """Two schemas held against each other: whether the newer allows all that the older allowed,
    and the other way; and the schema of what either allows beyond the other, as JSON, "" where it
    is not told.
    """

    newer_allows_all: Answer
    older_allowed_all: Answer
    lost: str = ""
    won: str = ""


OPEN = Held("open", "open")
_EMPTY: dict[engine.canonical.Satisfiability, Answer] = {
    engine.canonical.Satisfiability.NO: "yes",
    engine.canonical.Satisfiability.YES: "no",
    engine.canonical.Satisfiability.UNKNOWN: "open",
}


def held_against(older: Schema, newer: Schema) -> Held:
    """Compare two schemas with all that they refer to. What is told to be lost or won leaves out
    what both say alike.
    """
    try:
        was, now = _wholes(older, newer)
    except (ContractError, ValueError, RecursionError, engine.canonical.CanonicalizationError):
        return OPEN  # it is of no use, or of a kind that is not compared
    if was is None or now is None:
        return OPEN
    try:
        subtracts = max(len(json.dumps(part.to_json_schema())) for part in (was, now)) <= MOST_LEFT
        keeps, lost = _covers(now, was, subtracts=subtracts)
        allowed, won = _covers(was, now, subtracts=subtracts)
        return Held(keeps, allowed, lost, won)
    except (ValueError, engine.canonical.CanonicalizationError):
        return OPEN


_Canonical = engine.CanonicalSchema | None


def _wholes(older: Schema, newer: Schema) -> tuple[_Canonical, _Canonical]:
    """Both with what they refer to and without what they say alike, canonical; None where that
    takes too much.
    """
    was, now = _stated(older), _stated(newer)
    if was is None or now is None:
        return None, None
    parts = differing(was, now) if older.draft == newer.draft else (was[1], now[1])
    return _canonical(was[0], parts[0], older.draft), _canonical(now[0], parts[1], newer.draft)


def _stated(schema: Schema) -> Stated | None:
    """A schema in a document with all that it refers to; None where that is too much."""
    document, _ = schema.written
    alone = _alone(document, schema.pointer) if isinstance(document, dict) else None
    if alone is None:
        return None
    alone = _newer(alone) if schema.draft == "4" else alone
    root = {word: part for word, part in alone.items() if word not in _HOLDING}
    return alone, {"$ref": alone["$ref"]} if schema.pointer else root


def _canonical(document: dict[str, Any], part: Any, draft: Draft) -> _Canonical:
    alone = _alone(document | {_ROOT: part}, f"/{_ROOT}") or document
    if len(json.dumps(alone)) > MOST_BYTES or _choices(alone) > MOST_CHOICES:
        return None
    # in draft 4 next to nothing is decided
    return engine.canonicalize(
        alone, draft=NUMBERS["7" if draft == "4" else draft], validate_formats=True, offline=True
    )


def _choices(node: Any) -> int:
    return sum(
        len(inner[word])
        for inner in every_object(node)
        for word in ("anyOf", "oneOf")
        if isinstance(inner.get(word), list)
    )


def _newer(node: Any) -> Any:
    """Draft 4 as draft 7: exclusive bounds are numbers of their own.
    https://json-schema.org/draft-06/json-schema-release-notes
    """
    if isinstance(node, list):
        return [_newer(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {name: part if name in DATA else _newer(part) for name, part in node.items()}
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(word), bool) and made.pop(word) and bound in made:
            made[word] = made.pop(bound)
    return made


def _alone(document: dict[str, Any], pointer: str) -> dict[str, Any] | None:
    """What a schema needs of its document, each part under its old pointer."""
    waiting, parts, room = [pointer], dict[str, Any](), MOST_READ
    while waiting:
        place = waiting.pop()
        if place in parts:
            continue
        node = parts[place] = bare(resolve(document, f"#{place}", ""))
        room -= len(json.dumps(node))
        if room < 0:
            return None
        for target in _targets(node):
            if not target.startswith("#"):
                return None
            waiting.append(unquote(target[1:]))
        if any(
            isinstance(inner.get(word), str) for inner in every_object(node) for word in _ELSEWHERE
        ):
            return None
    alone: dict[str, Any] = {}
    placed: list[str] = []
    for place in sorted(parts, key=len):
        if place == "":
            return parts[place] if pointer == "" and isinstance(parts[place], dict) else None
        if not any(place.startswith(f"{other}/") for other in placed):
            _put(alone, place, parts[place])
            placed.append(place)
    return alone | {"$ref": f"#{quote(pointer, safe='/~')}"}


def _put(alone: dict[str, Any], place: str, node: Any) -> None:
    *above, last = (unescaped(name) for name in place.lstrip("/").split("/"))
    for name in above:
        alone = alone.setdefault(name, {})
    alone[last] = node


def _targets(node: Any) -> Iterator[str]:
    for inner in every_object(node):
        if isinstance(inner.get("$ref"), str):
            yield inner["$ref"]


def _covers(
    wide: engine.CanonicalSchema, narrow: engine.CanonicalSchema, *, subtracts: bool
) -> tuple[Answer, str]:
    """Whether the first allows all that the second does, and what it does not. What is left of
    the second is made once: it costs most of all that a comparison does.
    """
    answer = wide.covers(narrow)
    if answer == engine.canonical.Containment.YES:
        return "yes", ""
    unknown = answer == engine.canonical.Containment.UNKNOWN  # a reference is enough for that
    if not subtracts:
        return ("open" if unknown else "no"), ""
    left = narrow.subtract(wide)
    word = _EMPTY[left.satisfiability()] if unknown else "no"
    return word, _shown(left) if word == "no" else ""


def _shown(left: engine.CanonicalSchema) -> str:
    """A schema of what only one allows, where it is short enough to be read."""
    text = json.dumps(_read(left.to_json_schema()), ensure_ascii=False)
    return text if len(text) <= LONGEST_EXAMPLE else ""


def _read(schema: Any) -> Any:
    """Without the name of its dialect, which says nothing here."""
    return (
        {name: part for name, part in schema.items() if name != "$schema"}
        if isinstance(schema, dict)
        else schema
    )
