"""What the skeleton of a recorded payload tells of a revision: that it breaks it, that it keeps it,
or that its values would have to be known for that.

A skeleton is exact for what stands at which place. Items of an array are merged, and how many there
were is not kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.affected import Kind, checked
from monitor.contracts.change import Change
from monitor.contracts.form import Operation
from monitor.contracts.refs import resolve
from monitor.contracts.schemas import Schema
from monitor.contracts.skeleton import Node, bodies, is_cut, lacks
from monitor.contracts.valued import RULES, Marks, valued
from monitor.errors import ContractError
from monitor.model.pointers import escaped

Word = Literal["breaks", "keeps", "values", "unseen"]
"""`values`: presence and types keep it, the rest hangs on values; `unseen`: nothing was seen."""
Told = tuple[Word, str]
"""A word, and the rule that is broken, or why it was not seen."""

SURE = frozenset(
    "required type additionalProperties unevaluatedProperties falseSchema dependentRequired missing_body "
    "undocumented_media_type missing_parameter".split()
)
"""Rules that a skeleton breaks or keeps as its payloads do, in arrays, too."""
_CHOICES = frozenset({"anyOf", "oneOf"})
"""Sure where no items were merged."""
_OF_SHAPE = frozenset(
    "type properties required items additionalProperties allOf anyOf oneOf $ref nullable title description example "
    "examples default deprecated readOnly writeOnly externalDocs xml $defs definitions $schema $id $comment".split()
)
"""Keywords that say nothing of values, or say it of presence and types alone."""
_TOLD_BY_SHAPE = frozenset({"required", "property", "additionalProperties", "body", "media type"})
_TOGETHER = "together"
"""The rule of clauses that stand at one place and cannot be taken apart."""
_NOTHING: Mapping[str, Any] = {"not": {}}
"""What is forbidden, which presence tells."""
_NEVER_JUDGED = frozenset({"int32", "int64", "float", "double", "byte", "binary", "password"})
"""Formats that are notes."""
_MOST_NODES, _MOST_CLAUSES = 5_000, 2_000
_REFUSED = range(400, 500)


def told_by(kind: Kind, target: Operation, *, values: bool) -> Told:
    """What payloads of a kind tell of an operation. `values`: clauses about values bear on it."""
    if kind.side == "query":
        return _of_query(kind, target, values=values)
    if kind.side == "headers":
        return _of_headers(kind, target)
    if kind.side not in ("request", "response"):
        return "keeps", ""
    refused = kind.side == "request" and kind.status in _REFUSED
    clause = target.request if kind.side == "request" else target.response(kind.status)
    if refused or clause is None or not clause.media:
        return "keeps", ""
    if kind.node is None:
        return "unseen", "payload_unseen"
    broken, left = set[str](), set[str]()
    for findings in checked(bodies(kind.node) or (b"",), kind, clause):
        broken |= {entry.rule for _, entry in findings.broken}
        left |= {entry.code for entry in findings.unchecked}
    sure = SURE if _merges(kind.node) else SURE | _CHOICES
    if broken & sure:
        return "breaks", min(broken & sure)
    if left:
        return "unseen", min(left)
    if is_cut(kind.node):
        return "unseen", "payload_unseen"
    return ("values" if values or broken else "keeps"), ""


def _of_headers(kind: Kind, target: Operation) -> Told:
    """Of an answer; what their texts must be is not asked here. Where logs hold some headers only,
    one that is not there may have been sent.
    """
    clause = target.response(kind.status)
    required = [part.name.lower() for part in clause.headers if part.required] if clause else []
    if not required:
        return "keeps", ""
    if kind.node is None:
        return "unseen", "payload_unseen"
    lacking = {lacks(kind.node, name) for name in required}
    if True in lacking:
        return "breaks", "missing_header"
    return ("unseen", "header_unseen") if None in lacking else ("keeps", "")


def _of_query(kind: Kind, target: Operation, *, values: bool) -> Told:
    parameters = [part for part in target.parameters if part.place == "query"]
    if not parameters or kind.status in _REFUSED:
        return "keeps", ""
    if kind.node is None:
        return "unseen", "payload_unseen"
    sent = kind.node.get("o", {}).keys()
    if any(part.required and part.name not in sent for part in parameters):
        return "breaks", "missing_parameter"
    return ("values" if values else "keeps"), ""


def _merges(node: Any) -> bool:
    """Whether an array was seen, whose items and number are told together."""
    return isinstance(node, dict) and (
        "a" in node or any(map(_merges, [*node.get("o", {}).values(), node.get("m")]))
    )


def is_told_by_shape(change: Change) -> bool:
    """Whether presence and types alone settle what a change means for a payload."""
    place, _, below = change.place.rpartition(" ")
    if place or not (below.startswith("/") or not below):  # a parameter's
        prefix = "header " if change.side == "response" else "query "
        return change.place.startswith(prefix) and change.rule in ("parameter", "required")
    return change.rule in _TOLD_BY_SHAPE or (change.rule == "type" and "integer" not in change.now)


@dataclass(frozen=True, slots=True)
class ValueClause:
    """A clause about the values at a place of a payload."""

    pointer: str
    rule: str
    clause: Any
    of_query: bool = False


def value_clauses(kind: Kind, target: Operation) -> list[ValueClause] | None:
    """What an operation says of the values of this side, each clause apart, and what cannot be
    taken apart at its place (alternatives, conditions, keys that are patterns). None where there is
    too much of it.
    """
    if kind.side == "query":
        schemas = [
            (f"/{escaped(part.name)}", part.schema)
            for part in target.parameters
            if part.place == "query" and part.schema is not None
        ]
    else:
        clause = target.request if kind.side == "request" else target.response(kind.status)
        media = clause.media if clause is not None else {}
        held = media.get(kind.media) or next((it for it in media.values() if it), None)
        schemas = [] if held is None else [("", held)]
    clauses: list[ValueClause] = []
    for pointer, schema in schemas:
        of_schema = clauses_of(schema, pointer, of_query=kind.side == "query")
        if of_schema is None:
            return None
        clauses += of_schema
    return clauses


def clauses_of(
    schema: Schema, pointer: str = "", *, of_query: bool = False
) -> list[ValueClause] | None:
    """The same of one schema, for what stands at a place."""
    clauses: list[ValueClause] = []
    whole = _gather(*schema.written, pointer, clauses, of_query, 40)
    return clauses if whole else None


def _gather(
    document: Any, node: Any, at: str, clauses: list[ValueClause], of_query: bool, deep: int
) -> bool:
    """Whether a place and what is below it could be looked at. What cannot be taken apart there is
    a clause of its own, which nothing settles.
    """
    if not isinstance(node, dict) or node == _NOTHING:
        return True
    below = _below(document, node, at)
    if below is None or not deep or len(clauses) > _MOST_CLAUSES:
        return False
    clauses += _own(node, at, of_query=of_query)
    apart: list[ValueClause] = []
    choices = [part for word in ("anyOf", "oneOf") for part in node.get(word) or ()]
    whole = all(_gather(document, part, at, apart, of_query, deep - 1) for part in choices)
    if apart or not whole or (of_query and (node.get("properties") or "items" in node)):
        clauses.append(ValueClause(at, _TOGETHER, None, of_query))
    return all(
        _gather(document, part, place, clauses, of_query, deep - 1) for part, place in below
    )


def _own(node: Mapping[str, Any], at: str, *, of_query: bool) -> list[ValueClause]:
    """A schema's own clauses about values."""
    types = node.get("type", [])
    types = types if isinstance(types, list) else [types]
    nullable = "null" in types or node.get("nullable") is True
    clauses: list[ValueClause] = []
    for word, value in node.items():
        if word in RULES - {"type"}:
            hidden = nullable and word in ("enum", "const")
            if word != "format" or value not in _NEVER_JUDGED:
                clauses.append(ValueClause(at, _TOGETHER if hidden else word, value, of_query))
        elif word not in _OF_SHAPE and not word.startswith("x-"):
            clauses.append(ValueClause(at, _TOGETHER, None, of_query))
    if "integer" in types and "number" not in types:
        clauses.append(ValueClause(at, "type", "integer", of_query))
    return clauses


def _below(document: Any, node: Mapping[str, Any], at: str) -> list[tuple[Any, str]] | None:
    """What else a schema says, with its places; None for a reference that leads nowhere."""
    below: list[tuple[Any, str]] = [(part, at) for part in node.get("allOf") or ()]
    if isinstance(node.get("$ref"), str):
        try:
            below.append((resolve(document, node["$ref"], ""), at))
        except ContractError:
            return None
    if _is_map(node, "properties"):
        below += [(part, f"{at}/{escaped(name)}") for name, part in node["properties"].items()]
    return below + [
        (node[word], f"{at}/*")
        for word in ("items", "additionalProperties")
        if _is_map(node, word)
    ]


def by_marks(clauses: Sequence[ValueClause], marks: Marks) -> tuple[float, str, float]:
    """Of the payloads that were marked, the share that surely breaks one of these clauses, its
    rule, and the share at most of which marks do not tell.
    """
    total = marks.get("", {}).get("", 0)
    if not total:
        return 0.0, "", 1.0
    broken, rule, unsure = 0, "", 0
    for it in clauses:
        if it.rule == _TOGETHER:
            unsure += marks.get(it.pointer, {}).get("", 0)
            continue
        share = valued(marks, it.pointer, it.rule, it.clause, of_query=it.of_query)
        if share.broken > broken:
            broken, rule = share.broken, it.rule
        unsure += share.open
    return min(1.0, broken / total), rule, min(1.0, unsure / total)


def left_open(clauses: Sequence[ValueClause], marks: Marks) -> list[ValueClause]:
    """Those of which marks do not tell whether all payloads keep them."""
    return [
        it
        for it in clauses
        if it.rule == _TOGETHER
        or valued(marks, it.pointer, it.rule, it.clause, of_query=it.of_query).open
    ]


def hangs_on_values(kind: Kind, target: Operation) -> bool:
    """Whether an operation says something of the values of this side, beside presence and types."""
    if kind.side == "query":
        return any(part.schema is not None for part in target.parameters if part.place == "query")
    clause = target.request if kind.side == "request" else target.response(kind.status)
    schemas = () if clause is None else clause.media.values()
    return any(schema is not None and _says_of_values(schema) for schema in schemas)


def _says_of_values(schema: Schema) -> bool:
    document, node = schema.written
    seen: set[int] = set()
    level = [node]
    while level:
        held = level.pop()
        if not isinstance(held, dict) or id(held) in seen:
            continue
        seen.add(id(held))
        if len(seen) > _MOST_NODES or not _is_shape(held):
            return True
        reference = held.get("$ref")
        if isinstance(reference, str):
            try:
                level.append(resolve(document, reference, ""))
            except ContractError:
                return True
        level += held.get("properties", {}).values() if _is_map(held, "properties") else []
        level += [held.get("items"), held.get("additionalProperties")]
        for word in ("allOf", "anyOf", "oneOf"):
            parts = held.get(word)
            level += parts if isinstance(parts, list) else []
    return False


def _is_shape(node: Node) -> bool:
    types = node.get("type", "")
    return "integer" not in (types if isinstance(types, list) else [types]) and all(
        word in _OF_SHAPE
        or word.startswith("x-")
        or (word == "format" and node["format"] in _NEVER_JUDGED)
        for word in node
    )


def _is_map(node: Mapping[str, Any], word: str) -> bool:
    return isinstance(node.get(word), dict)
