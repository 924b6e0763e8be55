"""Whom a newer revision would break among payloads of which only skeletons are held.

A request breaks when the newer revision forbids its fields or types and the older did not. Of an
answer that is no question: the consumers meet what the newer revision changes where they receive
such a place today. Clauses about values (ranges, formats, lists of words) are not told by a
skeleton.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from monitor.contracts.amendment import Weighed
from monitor.contracts.bodies import check_body
from monitor.contracts.changes import MOST_CHANGES, Change, Read
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Operation, Promise
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.payloads import Payload
from monitor.contracts.skeleton import Node, instances
from monitor.model.pointers import unescaped

_CLOSED = frozenset({"additionalProperties", "unevaluatedProperties", "falseSchema"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of exchange and side, and the skeleton that some of its payloads had. `node` is
    None where they could not be seen.
    """

    operation: str
    status: int
    side: str
    media: str
    node: Node | None


@dataclass(frozen=True, slots=True)
class Harm:
    """What a kind of payload meets: a rule at a place, and the changes by their place in the list
    that these payloads concern (-1: none of them, a clause that none names).
    """

    pointer: str
    rule: str
    change: int


class Replay:
    """Two revisions and what changed between them, asked about kinds of payloads. Not
    thread-safe: it remembers the operations that it found.
    """

    def __init__(self, old: Read, new: Read, rows: Sequence[Weighed]) -> None:
        self._old, self._new = old.promise, new.promise
        self._by_operation: dict[str, list[tuple[int, Change]]] = {}
        self._all_told = len(rows) < MOST_CHANGES
        for place, row in enumerate(rows):
            self._by_operation.setdefault(row.change.operation, []).append((place, row.change))

    def concerned(self, kind: Kind) -> list[int]:
        """The changes that this kind of exchange and side can tell of."""
        target = _target(self._old, kind.operation)
        name = target.name if target is not None else kind.operation
        return [
            place for place, change in self._by_operation.get(name, []) if _meets(change, kind)
        ]

    def harms(self, kind: Kind) -> list[Harm]:
        """What payloads of this kind meet; nothing for those that could not be seen."""
        old, new = (_target(promise, kind.operation) for promise in (self._old, self._new))
        if old is None:
            return []
        named = self._by_operation.get(old.name, [])
        harms = [
            Harm("", "operation", place)
            for place, change in named
            if change.rule == "operation" and change.what == "went"
        ]
        if kind.node is None or new is None or (self._all_told and not named):
            return harms
        if kind.side == "query":
            return harms + _query(kind.node, old, new, named)
        if kind.side not in ("request", "response"):
            return harms
        refused = kind.side == "request" and 400 <= kind.status < 500
        broken = set() if refused else _broken(kind, new) - _broken(kind, old)
        if kind.side == "response":
            harms += [
                Harm(_pointer(change), change.rule, place)
                for place, change in named
                if _meets(change, kind)
                and change.breaks in ("consumers", "either")
                and change.rule != "required"
                and stands(kind.node, _pointer(change))
            ]
            broken = {(rule, pointer) for rule, pointer in broken if rule in _CLOSED}
        else:
            harms += [
                Harm(_pointer(change), change.rule, place)
                for place, change in named
                if _meets(change, kind)
                and change.rule == "property"
                and change.what == "went"
                and stands(kind.node, _pointer(change))
            ]
        return harms + [
            Harm(pointer, rule, _nearest(named, kind, rule, pointer))
            for rule, pointer in sorted(broken)
        ]


def _target(promise: Promise, operation: str) -> Operation | None:
    method, _, route = operation.partition(" ")
    match = promise.router.match(method, route) if route else None
    return None if match is None else match.target


def _meets(change: Change, kind: Kind) -> bool:
    if change.rule == "operation":
        return True
    if change.side == "response":
        statuses = (str(kind.status), f"{kind.status // 100}XX", "default", "")
        return kind.side == "response" and change.status in statuses
    of_query = change.place.startswith(("query ", "path ", "header ", "cookie "))
    return kind.side == ("query" if of_query else "request")


def _pointer(change: Change) -> str:
    where = change.place.rpartition(" ")[2]
    return where if where.startswith("/") else ""


def _nearest(named: Iterable[tuple[int, Change]], kind: Kind, rule: str, pointer: str) -> int:
    """The change that a broken clause comes from: of the same rule and the nearest place."""
    fitting = [
        (change.rule != rule, -len(_pointer(change)), place)
        for place, change in named
        if _meets(change, kind)
        and (f"{pointer}/".startswith(f"{_pointer(change)}/") or _pointer(change) == pointer)
    ]
    return min(fitting)[2] if fitting else -1


def _broken(kind: Kind, target: Operation) -> set[tuple[str, str]]:
    """Rules and places that the skeleton breaks of an operation, about presence and types."""
    clause = target.request if kind.side == "request" else target.response(kind.status)
    if clause is None or kind.node is None or not clause.media:
        return set()
    broken = set[tuple[str, str]]()
    headers: Mapping[str, str] = {"content-type": kind.media or "application/json"}
    for instance in instances(kind.node):
        findings = Findings()
        payload = Payload(orjson.dumps(instance), headers)
        side: Side = "request" if kind.side == "request" else "response"
        check_body(payload, clause, side, True, 128, findings, PAYLOAD_LIMITS)
        broken |= {(entry.rule, entry.pointer) for _, entry in findings.broken}
    return broken


def _query(
    node: Node, old: Operation, new: Operation, named: Iterable[tuple[int, Change]]
) -> list[Harm]:
    """Parameters that are demanded now and were not, which these calls do not carry."""
    was = {part.name for part in old.parameters if part.place == "query" and part.required}
    lacking = [
        part.name
        for part in new.parameters
        if part.place == "query" and part.required and part.name not in was
        and part.name not in node.get("o", {})
    ]  # fmt: skip
    gone = {part.name for part in old.parameters if part.place == "query"} - {
        part.name for part in new.parameters if part.place == "query"
    }
    places = {change.place: place for place, change in named}
    return [
        Harm(f"query {name}", "parameter", places.get(f"query {name}", -1))
        for name in (*lacking, *sorted(gone & node.get("o", {}).keys()))
    ]


def stands(node: Node, pointer: str) -> bool:
    """Whether something stands at a place, `*` any key or item, in some of these payloads."""
    steps = pointer.split("/")[1:] if pointer else []
    level = [node]
    for step in steps:
        below: list[Node] = []
        for held in level:
            if step == "*":
                below += [held[word] for word in "ma" if held.get(word)]
                below += list(held.get("o", {}).values()) if "a" not in held else []
            elif unescaped(step) in held.get("o", {}):
                below.append(held["o"][unescaped(step)])
        level = below
    return bool(level)
