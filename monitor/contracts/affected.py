"""Whom a newer revision would break among payloads of which only skeletons are held.

A request breaks when the newer revision forbids its fields or types and the older did not. Of an
answer that is no question: the consumers meet what the newer revision changes where they receive
such a place today. Clauses about values (ranges, formats, lists of words) are not told by a
skeleton, but by marks of what stood there, as far as these tell it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.contracts.amendment import Weighed
from monitor.contracts.bodies import check_body, meant
from monitor.contracts.change import Change, Read
from monitor.contracts.changes import MOST_CHANGES
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Body, Operation
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.payloads import Payload
from monitor.contracts.schemas import Schema
from monitor.contracts.skeleton import NO_BODY, Node, below, bodies, is_cut, is_cut_above, lacks
from monitor.contracts.targets import Target, Targets
from monitor.contracts.valued import RULES, Marks, Valued, clause_at, valued
from monitor.model.pointers import escaped

WHOLE = frozenset({"operation", "message"})
"""What a call or a message is as a whole, whatever it holds."""
_HIDDEN = frozenset(
    "anyOf oneOf not if then else dependentSchemas contains minContains maxContains uniqueItems propertyNames "
    "contentEncoding contentMediaType discriminator security".split()
)
"""Rules about requests that a payload may break though its skeleton does not."""
_HEADER = "header "
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
        self._old, self._new = Targets(old.promise), Targets(new.promise)
        self.of_values = frozenset(
            place for place, row in enumerate(rows) if _is_of_values(row.change)
        )
        """Changes that ask for other values in requests, which marks tell of and skeletons do not."""
        self.hidden = frozenset(
            place
            for place, row in enumerate(rows)
            if row.change.side == "request"
            and row.change.rule in _HIDDEN
            and row.change.direction != "looser"
        )
        """Changes of which neither tells that a request keeps them."""
        self.of_request_headers = frozenset(
            place
            for place, row in enumerate(rows)
            if row.change.side == "request" and row.change.place.startswith(("header ", "cookie "))
        )
        """Changes of what no skeleton holds."""
        self._by_operation: dict[str, list[tuple[int, Change]]] = {}
        self._rules = [row.change.rule for row in rows]
        self._all_told = len(rows) < MOST_CHANGES
        for place, row in enumerate(rows):
            self._by_operation.setdefault(row.change.operation, []).append((place, row.change))

    def rule_of(self, place: int) -> str:
        """The rule of a change."""
        return self._rules[place]

    def names_of(self, operation: str) -> set[str]:
        """What the changes of a live operation are told under."""
        targets = [targets.of(operation) for targets in (self._old, self._new)]
        return {name for target in targets if target is not None for name in target.names}

    def speaks_of(self, topic: str) -> bool:
        """Whether either revision has a word for messages of a topic."""
        return any(targets.own(topic) is not None for targets in (self._old, self._new))

    def side_of(self, operation: str, side: str) -> str:
        """Which side of a call a payload is like: what a provider sends by itself is an answer."""
        own = self._old.own(operation)
        own = self._new.own(operation) if own is None else own
        return "response" if own else side

    def concerned(self, kind: Kind) -> list[int]:
        """The changes that this kind of exchange and side can tell of."""
        return [place for place, change in self._changes(kind) if self._meets(change, kind)]

    def _meets(self, change: Change, kind: Kind) -> bool:
        """Whether a change is about this side, and of an answer about the clause that its status has:
        one for all others says nothing of it.
        """
        if change.side != "response" or change.rule in WHOLE:
            return _meets(change, kind)
        if kind.side != ("headers" if change.place.startswith(_HEADER) else "response"):
            return False
        targets = (self._old.of(kind.operation), self._new.of(kind.operation))
        return change.status in {
            _clause_of(target.operation, kind.status) for target in targets if target is not None
        } | {f"{kind.status}", ""}

    def _changes(self, kind: Kind) -> list[tuple[int, Change]]:
        """Those of the operation; of a topic with several messages, of those that may be meant."""
        target, newer = self._old.of(kind.operation), self._new.of(kind.operation)
        names = self.names_of(kind.operation) or {kind.operation}
        if target is not None and len(target.messages) > 1 and kind.node is not None:
            names = set(_meant(target, kind)) | (
                set(newer.names) - set(target.names) if newer else set()
            )
        return [row for name in sorted(names) for row in self._by_operation.get(name, ())]

    def refused(self, kind: Kind, marks: Marks) -> list[tuple[int, str, Valued]]:
        """What payloads of this kind make of each change that asks for other values, and where. Of
        requests that were refused anyhow, nothing.
        """
        old, new = self._old.of(kind.operation), self._new.of(kind.operation)
        if old is None or new is None or 400 <= kind.status < 500:
            return []
        refusals = []
        for place, change in self._changes(kind):
            if place in self.of_values and self._meets(change, kind):
                pointer, schema = self._schema(change, new.operation, kind)
                refusals.append((place, pointer, _valued(change, schema, marks, pointer)))
        return refusals

    def _schema(self, change: Change, new: Operation, kind: Kind) -> tuple[str, Schema | None]:
        """Where in the payload a change is, and the schema of the whole payload or parameter."""
        if kind.side == "query":
            name = change.place.split(" ")[1]
            part = next(
                (it for it in new.parameters if (it.place, it.name) == ("query", name)), None
            )
            has_schema = part is not None and part.schema is not None and not part.media
            schema = part.schema if has_schema and part else None
            return f"/{escaped(name)}{_pointer(change)}", schema
        media = new.request.media if new.request is not None else {}
        held = media.get(kind.media) or next((it for it in media.values() if it), None)
        return _pointer(change), held

    def unseen(self, kind: Kind, about: Iterable[int]) -> list[int]:
        """Of changes, those about headers that went, of which this kind cannot tell whether they
        came.
        """
        if kind.side != "headers" or kind.node is None:
            return []
        return [
            place
            for place, change in self._changes(kind)
            if place in about and _is_gone(change) and lacks(kind.node, _header(change)) is None
        ]

    def cut_off(self, kind: Kind, about: Iterable[int]) -> list[int]:
        """Of changes, those about places that may stand in parts of such payloads that were not
        looked at.
        """
        refused = kind.side == "request" and 400 <= kind.status < 500
        if kind.node is None or refused or not is_cut(kind.node):
            return []
        return [
            place
            for place, change in self._changes(kind)
            if place in about and is_cut_above(kind.node, _pointer(change))
        ]

    def harms(self, kind: Kind) -> list[Harm]:
        """What payloads of this kind meet; nothing for those that could not be seen."""
        before, after = self._old.of(kind.operation), self._new.of(kind.operation)
        if before is not None and before.messages and kind.node is not None:
            kind = replace(kind, media="application/json")  # whatever they were written in
        named = self._changes(kind)
        harms = [
            Harm("", change.rule, place)
            for place, change in named
            if change.rule in WHOLE and change.what == "went"
        ]
        here = [(place, change) for place, change in named if self._meets(change, kind)]
        if before is None or kind.node is None or after is None:
            return harms  # gRPC and GraphQL are told by no route
        if self._all_told and not here:
            return harms
        old, new = before.operation, after.operation
        if kind.side == "headers":
            return harms + [
                Harm(change.place, change.rule, place)
                for place, change in here
                if _is_gone(change) and lacks(kind.node, _header(change)) is False
            ]
        if kind.side == "query":
            return harms + _query(kind.node, old, new, here)
        if kind.side not in ("request", "response"):
            return harms
        refused = kind.side == "request" and 400 <= kind.status < 500
        broken = set() if refused else _broken(kind, new)
        if broken:
            broken -= _broken(kind, old)
        if kind.side == "response":
            harms += [
                Harm(_pointer(change), change.rule, place)
                for place, change in here
                if change.breaks in ("consumers", "either")
                and change.rule != "required"
                and (change.rule != "media type" or _is_in(kind.media, change.was))
                and stands(kind.node, _pointer(change))
            ]
            broken = {(rule, pointer) for rule, pointer in broken if rule in _CLOSED}
        else:
            harms += [
                Harm(_pointer(change), change.rule, place)
                for place, change in here
                if change.rule in ("property", "body")
                and change.what == "went"
                and stands(kind.node, _pointer(change))
            ]
        return harms + [
            Harm(pointer, rule, _nearest(here, rule, pointer)) for rule, pointer in sorted(broken)
        ]


def _is_gone(change: Change) -> bool:
    """Whether a header of an answer is not told any more."""
    of_header = change.side == "response" and change.place.startswith(_HEADER)
    return of_header and (change.rule, change.what) == ("parameter", "went")


def _is_in(media: str, told: str) -> bool:
    return meant({told: None}, media) is not None


def _header(change: Change) -> str:
    return change.place.removeprefix(_HEADER).lower()


def _valued(change: Change, schema: Schema | None, marks: Marks, pointer: str) -> Valued:
    of_query = change.place.startswith("query ")
    clauses = (
        []
        if schema is None
        else clause_at(schema.written[0], schema.pointer, _pointer(change), change.rule)
    )
    # of alternatives it cannot be told which one a payload is
    clause = clauses[0] if len(clauses) == 1 else None
    rule = change.rule if clause is not None or change.rule in ("const", "type") else "pattern"
    return valued(marks, pointer, rule, clause, of_query=of_query)


def _meant(target: Target, kind: Kind) -> list[str]:
    """Of the messages of a topic those that a payload keeps, as far as its form tells; all where it
    keeps none.
    """
    kind = replace(kind, media="application/json")
    kept = [
        it.message.name
        for it in target.messages
        if not _breaks(kind, Body(True, {"*/*": it.schema}, ""))
    ]
    return kept or list(target.names)


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


def _clause_of(operation: Operation, status: int) -> str:
    """Under which word an operation tells of answers of a status."""
    words = (f"{status}", f"{status // 100}XX", "default")
    return next((word for word in words if word in operation.responses), "")


def _meets(change: Change, kind: Kind) -> bool:
    if change.rule in WHOLE:
        return True
    if change.side == "response":
        return kind.side == "response"
    of_query = change.place.startswith(("query ", "path ", "header ", "cookie "))
    return kind.side == ("query" if of_query else "request")


def _pointer(change: Change) -> str:
    where = change.place.rpartition(" ")[2]
    return where if where.startswith("/") else ""


def _nearest(named: Iterable[tuple[int, Change]], rule: str, pointer: str) -> int:
    """The change that a broken clause comes from: of the same rule and the nearest place."""
    fitting = [
        (change.rule != rule, -len(_pointer(change)), place)
        for place, change in named
        if f"{pointer}/".startswith(f"{_pointer(change)}/") or _pointer(change) == pointer
    ]
    return min(fitting)[2] if fitting else -1


def _broken(kind: Kind, target: Operation) -> set[tuple[str, str]]:
    """Rules and places that the skeleton breaks of an operation, about presence and types."""
    clause = target.request if kind.side == "request" else target.response(kind.status)
    if clause is None or kind.node is None or not clause.media:
        return set()
    return _breaks(kind, clause)


def _breaks(kind: Kind, clause: Body) -> set[tuple[str, str]]:
    shown = () if kind.node is None else bodies(kind.node)
    return {
        (entry.rule, entry.pointer)
        for findings in checked(shown, kind, clause)
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
    level = [] if node == NO_BODY else [node]
    for step in pointer.split("/")[1:]:
        level = [part for held in level for part in below(held, step)]
    return bool(level)
