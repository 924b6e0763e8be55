"""Violations and uncovered interactions of live traffic as tests, by the skeletons that are kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from monitor.contracts.cases import Case, Told, placed, removed
from monitor.contracts.freedoms import as_wanted, assumed_of, freedoms_of
from monitor.contracts.placeholders import Formats, formats_of, placeholder
from monitor.contracts.skeleton import TYPES, Node, merged, places
from monitor.errors import UsageError
from monitor.model.exchanges import MESSAGING
from monitor.store.reader import Provider, Reader

_SIGNS = {word: sign for sign, word in TYPES.items()} | {"integer": "d"}
_BY_TYPE: Mapping[str, Node] = {
    word: {sign: {} if sign in "oa" else 1} for word, sign in _SIGNS.items()
}
_ABSENT = frozenset({"absent"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which interaction: `statuses` that show it, none for the most common one. `protocol` is ""
    where nobody told it.
    """

    id: str
    provider: Provider
    name: str
    operation: str
    consumer: str
    statuses: Sequence[int]
    told: Told | None
    protocol: str = ""


@dataclass(slots=True)
class _Side:
    node: Node | None = None
    medias: Counter[str] = field(default_factory=Counter)


def case_of(reader: Reader, wanted: Wanted, since: datetime, until: datetime) -> Case:
    """UsageError for what was not seen and is no call with a path. Of calls that no path tells (gRPC,
    GraphQL) the case names the call alone: what they ask with is not kept.
    """
    rows = [
        row
        for row in reader.shapes(wanted.provider, since, until)
        if row["operation"] == wanted.operation
    ]
    method, _, route = wanted.operation.partition(" ")
    if wanted.protocol == MESSAGING or any(row["protocol"] == MESSAGING for row in rows):
        method, route = "", wanted.operation
    elif not route.startswith("/") or " " in route:
        if not rows and wanted.told is None and not wanted.protocol:
            raise UsageError(
                f"{wanted.operation[:80]} is no call of a path and no message that was seen; cases are made of METHOD /route, of topics, and of calls that a contract's clause names"
            )
        protocols = Counter(str(row["protocol"]) for row in rows)
        method = protocols.most_common(1)[0][0] if protocols else wanted.protocol or "call"
        route = wanted.operation
    status = _status(rows, wanted.statuses) if method else 0
    sides = _sides(rows, status)
    formats = _formats(reader, wanted, since, until, status)
    asked, answered = sides.get("request"), sides.get("response")
    request = _value(asked, formats.get("request", {}))
    live = _value(answered, formats.get("response", {}))
    query = _value(sides.get("query"), formats.get("query", {}))
    violation, answer = wanted.told, live
    free = {name: freedoms_of(side.node) for name, side in sides.items() if side.node}
    assumed: list[str] = []
    if violation is not None and violation.side in free:
        node = sides[violation.side].node or {}
        presence = violation.actual == "absent"
        assumed = assumed_of(node, violation.pointer, presence=presence)
        there = free[violation.side]
        free[violation.side] = as_wanted(there, violation.pointer, violation.expected)
    if violation is not None and violation.pointer.startswith("/"):
        side = asked if violation.side == "request" else answered
        held = request if violation.side == "request" else live
        if held is not None and side is not None and side.node is not None:
            good, bad = _both(held, side.node, violation, formats.get(violation.side, {}))
            if violation.side == "request":
                request = good
            else:
                answer, live = good, bad
    return Case(
        wanted.id,
        wanted.name,
        wanted.consumer,
        wanted.provider.environment,
        method,
        route,
        query if isinstance(query, dict) else {},
        request,
        asked.medias.most_common(1)[0][0] if asked else "",
        status,
        answer,
        live,
        answered.medias.most_common(1)[0][0] if answered else "",
        violation,
        free,
        assumed,
    )


def _both(held: Any, node: Node, violation: Told, formats: Formats) -> tuple[Any, Any]:
    """A body that keeps the clause at its place, and one that breaks it."""
    if violation.expected in _ABSENT:
        pointer = violation.pointer
        return removed(held, pointer), held
    stands = next(
        (node_there for at, node_there, _ in places(node) if at == violation.pointer), None
    )
    wanted = _wanted_there(stands, violation, formats)
    good = placed(held, violation.pointer, wanted)
    if violation.actual == "absent":
        return good, removed(held, violation.pointer)
    bad = _BY_TYPE.get(violation.actual)
    return good, placed(held, violation.pointer, placeholder(bad, {})) if bad else held


def _wanted_there(stands: Node | None, violation: Told, formats: Formats) -> Any:
    """What the contract wants at the place: of the type that it names, else of one that was seen
    there and is not the broken one.
    """
    # a pact can allow other types beside a text, and no text beside them
    for word in sorted(violation.expected.split("|"), key=lambda word: word != "string"):
        if word in _BY_TYPE:
            seen = stands if stands is not None and _SIGNS[word] in stands else _BY_TYPE[word]
            only = {sign: part for sign, part in seen.items() if sign in (_SIGNS[word], "q", "m")}
            return placeholder(only, formats, violation.pointer)
    if stands is not None:
        broken = _SIGNS.get(violation.actual, "")
        rest = {sign: part for sign, part in stands.items() if sign != broken}
        return placeholder(rest or stands, formats, violation.pointer)
    return "text"


def _status(rows: Iterable[Mapping[str, Any]], statuses: Sequence[int]) -> int:
    """The most common status of those that are wanted; 200 where nothing tells it."""
    counts = Counter[int]()
    for row in rows:
        if row["status"] and (not statuses or row["status"] in statuses):
            counts[row["status"]] += row["stands_for"]
    if counts:
        return counts.most_common(1)[0][0]
    return next((status for status in statuses if status), 200)


def _sides(rows: Iterable[Mapping[str, Any]], status: int) -> dict[str, _Side]:
    sides: dict[str, _Side] = {}
    for row in rows:
        if (status and row["status"] != status) or not row["text"]:
            continue
        side = sides.setdefault(row["side"], _Side())
        side.node = merged(side.node or {}, orjson.loads(row["text"]))
        side.medias[row["media"]] += row["looked_at"]
    return sides


def _value(side: _Side | None, formats: Formats) -> Any:
    if side is None or side.node is None or side.node.keys() <= {"z"}:
        return None
    return placeholder(side.node, formats)


def _formats(
    reader: Reader, wanted: Wanted, since: datetime, until: datetime, status: int
) -> dict[str, Formats]:
    marks: dict[str, Counter[str]] = {}
    for row in reader.shape_marks(wanted.provider, since, until):
        if row["operation"] == wanted.operation and status in (0, row["status"]):
            marks.setdefault(row["side"], Counter()).update(row["marks"])
    return {side: formats_of(counts) for side, counts in marks.items()}
