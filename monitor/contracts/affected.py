"""Whom a newer revision would break among payloads of which only skeletons are held.

A request breaks when the newer revision forbids its fields or types and the older did not. Of an
answer that is no question: the consumers meet what the newer revision changes where they receive
such a place today. Clauses about values (ranges, formats, lists of words) are not told by a
skeleton, but by marks of what stood there, as far as these tell it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from monitor.contracts.amendment import Weighed
from monitor.contracts.bodies import check_body
from monitor.contracts.changes import MOST_CHANGES, Change, Read
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Body, Operation, Promise
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.payloads import Payload
from monitor.contracts.skeleton import Node, instances
from monitor.contracts.valued import RULES, Marks, Valued, clause_at, valued
from monitor.model.pointers import escaped, unescaped

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
        self._document = new.document
        self.of_values = frozenset(
            place for place, row in enumerate(rows) if _is_of_values(row.change)
        )
        """Changes that ask for other values in requests, which marks tell of and skeletons do not."""
        self._by_operation: dict[str, list[tuple[int, Change]]] = {}
        self._rules = [row.change.rule for row in rows]
        self._all_told = len(rows) < MOST_CHANGES
        for place, row in enumerate(rows):
            self._by_operation.setdefault(row.change.operation, []).append((place, row.change))

    def rule_of(self, place: int) -> str:
        """The rule of a change."""
        return self._rules[place]

    def concerned(self, kind: Kind) -> list[int]:
        """The changes that this kind of exchange and side can tell of."""
        target = target_of(self._old, kind.operation)
        name = target.name if target is not None else kind.operation
        return [
            place for place, change in self._by_operation.get(name, []) if _meets(change, kind)
        ]

    def refused(self, kind: Kind, marks: Marks) -> list[tuple[int, str, Valued]]:
        """What payloads of this kind make of each change that asks for other values, and where. Of
        requests that were refused anyhow, nothing.
        """
        old, new = (target_of(promise, kind.operation) for promise in (self._old, self._new))
        if old is None or new is None or 400 <= kind.status < 500:
            return []
        told = []
        for place, change in self._by_operation.get(old.name, []):
            if place in self.of_values and _meets(change, kind):
                pointer, schema = self._schema(change, new, kind)
                told.append((place, pointer, self._valued(change, schema, marks, pointer)))
        return told

    def _schema(self, change: Change, new: Operation, kind: Kind) -> tuple[str, str | None]:
        """Where in the payload a change is, and the schema of the whole payload or parameter."""
        if kind.side == "query":
            name = change.place.split(" ")[1]
            part = next(
                (it for it in new.parameters if (it.place, it.name) == ("query", name)), None
            )
            known = part is not None and part.schema is not None and not part.media
            schema = part.schema.pointer if known and part and part.schema else None
            return f"/{escaped(name)}{_pointer(change)}", schema
        media = new.request.media if new.request is not None else {}
        held = media.get(kind.media) or next((it for it in media.values() if it), None)
        return _pointer(change), held.pointer if held is not None else None

    def _valued(self, change: Change, schema: str | None, marks: Marks, pointer: str) -> Valued:
        of_query = change.place.startswith("query ")
        clauses = (
            []
            if schema is None
            else clause_at(self._document, schema, _pointer(change), change.rule)
        )
        # of alternatives it cannot be told which one a payload is
        clause = clauses[0] if len(clauses) == 1 else None
        rule = change.rule if clause is not None or change.rule in ("const", "type") else "pattern"
        return valued(marks, pointer, rule, clause, of_query=of_query)

    def harms(self, kind: Kind) -> list[Harm]:
        """What payloads of this kind meet; nothing for those that could not be seen."""
        old, new = (target_of(promise, kind.operation) for promise in (self._old, self._new))
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


def _is_of_values(change: Change) -> bool:
    """Whether a request's value that was allowed may not be any more."""
    if change.side != "request" or change.rule not in RULES or change.direction == "looser":
        return False
    if change.place.startswith(("path ", "header ", "cookie ")):
        return False
    if change.rule == "type":  # all else of types is told by skeletons
        was, now = (text.split(" or ") for text in (change.was, change.now))
        return ("number" in was or was == ["any"]) and "integer" in now and "number" not in now
    return True


def target_of(promise: Promise, operation: str) -> Operation | None:
    """What a promise says of an operation by the name that exchanges have, as `GET /orders/{id}`."""
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
    bodies = [orjson.dumps(shown) for shown in instances(kind.node)]
    return {
        (entry.rule, entry.pointer)
        for findings in checked(bodies, kind, clause)
        for _, entry in findings.broken
    }


def checked(bodies: Iterable[bytes], kind: Kind, clause: Body) -> Iterator[Findings]:
    """What each of these bodies of a kind breaks, and leaves open, of the clause on its side."""
    headers: Mapping[str, str] = {"content-type": kind.media or "application/json"}
    side: Side = "request" if kind.side == "request" else "response"
    for body in bodies:
        findings = Findings()
        check_body(Payload(body, headers), clause, side, True, 128, findings, PAYLOAD_LIMITS)
        yield findings


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
