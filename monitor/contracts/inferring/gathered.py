"""What was seen of one provider, by operation, status and side: rows of skeletons, of marks and of
calls put together, whoever called.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from monitor.contracts.inferring.alike import Fields, places_of
from monitor.contracts.inferring.held import Held, Marks, at_most, enough, enough_calls
from monitor.contracts.inferring.paths import Route, folded, route_of
from monitor.contracts.payloads import is_json_type
from monitor.contracts.routes import Router
from monitor.contracts.skeleton import WHOLE_HEADERS
from monitor.model.exchanges import CLIENT_LEFT, MESSAGING

Row = Mapping[str, Any]
JSON = "application/json"
Why = Literal["no_path", "never_served"]
NOT_TOLD: Mapping[Why, str] = {
    "no_path": "it is no method and path that this form can tell",
    "never_served": "no call of it was answered with success or a fault of the service",
}
"""Why an operation that was seen is in no contract."""


@dataclass(slots=True)
class Side:
    """One side of one kind of exchange. `unseen` payloads could not be looked at. Of queries,
    `names` counts which parameters came together.
    """

    held: Held = field(default_factory=Held)
    counted: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    names: Counter[tuple[str, ...]] = field(default_factory=Counter)

    @property
    def marks(self) -> Marks:
        """The marks of its payloads."""
        return Marks(self.counted)

    @property
    def empty(self) -> int:
        """Payloads that were empty."""
        return self.held.kinds["z"]


Media = dict[str, Side]
"""Sides by media type; "" where none was told."""


@dataclass(slots=True)
class Seen:
    """An operation as it was seen. Requests that the provider refused (4xx) tell nothing of what
    it takes: they are in none of `requests` and `query`. `nameless` calls were counted under no
    path (beyond the limit of names), and may be calls of this template.
    """

    requests: Media = field(default_factory=dict)
    query: Side = field(default_factory=Side)
    responses: dict[int, Media] = field(default_factory=dict)
    headers: dict[int, Side] = field(default_factory=dict)
    calls: Counter[int] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)
    nameless: int = 0

    @property
    def served(self) -> bool:
        """Whether the provider knows it: somebody who probes is answered with 4xx alone."""
        return any(not 400 <= status < 500 for status in self.statuses)

    @property
    def statuses(self) -> list[int]:
        """The statuses of its answers."""
        seen = self.calls.keys() | self.responses.keys() | self.headers.keys()
        return sorted(status for status in seen if 100 <= status < 600 and status != CLIENT_LEFT)

    def answers_known(self, sure: float) -> bool:
        """Whether surely hardly any answer has another status: calls are enough, and too few of
        them had one that came once (what Good and Turing take for the share of those to come), or
        are nameless ones that its template may fit.
        """
        calls = sum(self.calls.values())
        once = sum(count == 1 for count in self.calls.values())
        return calls >= enough_calls(sure) and once + self.nameless <= sure * calls

    def join(self, other: "Seen") -> None:
        """Count another operation's exchanges as this one's."""
        _joined(self.requests, other.requests)
        _add(self.query, other.query)
        for status, media in other.responses.items():
            _joined(self.responses.setdefault(status, {}), media)
        for status, side in other.headers.items():
            _add(self.headers.setdefault(status, Side()), side)
        self.calls.update(other.calls)
        self.names |= other.names
        self.nameless = max(self.nameless, other.nameless)


@dataclass(frozen=True, slots=True)
class Omitted:
    """An operation that was seen and is not told, and why."""

    operation: str
    why: Why


@dataclass(frozen=True, slots=True)
class Gathered:
    """Operations by route, messages by destination, and what is left out."""

    routes: Mapping[Route, Seen]
    topics: Mapping[str, Seen]
    omitted: Sequence[Omitted]
    looked_at: int
    unseen: int

    def routes_known(self, sure: float) -> bool:
        """Whether hardly any call is of an operation that was not seen, as for `answers_known`."""
        calls = [sum(seen.calls.values()) for seen in self.routes.values()]
        return sum(calls) >= enough(sure) and calls.count(1) <= sure * sum(calls)


def gathered(shapes: Iterable[Row], marks: Iterable[Row], calls: Iterable[Row]) -> Gathered:
    """Of rows of `shapes_seen_of`, `shape_marks_of` and `recorded_exchanges`."""
    gathering = _Known()
    looked_at, unseen = gathering.shapes(shapes)
    gathering.marks(marks)
    for row in calls:
        if row["operation"] not in gathering.topics:
            seen = gathering.calls.setdefault(row["operation"], Seen())
            seen.calls[int(row["status"])] += int(row["exchanges"])
    for by_name in (gathering.calls, gathering.topics):
        for operation, held in by_name.items():
            held.names = {operation}
    routes, omitted = _routes(gathering.calls)
    return Gathered(routes, gathering.topics, omitted, looked_at, unseen)


class _Known:
    """Operations and topics by the names that rows give them."""

    def __init__(self) -> None:
        self.calls: dict[str, Seen] = {}
        self.topics: dict[str, Seen] = {}

    def shapes(self, rows: Iterable[Row]) -> tuple[int, int]:
        """How many payloads there were, and how many of them could not be looked at."""
        nodes: dict[str, Any] = {}
        looked_at = unseen = 0
        for row in rows:
            side = _side(self._seen(row), row)
            count, text = int(row["looked_at"]), row["text"]
            looked_at += count
            if not text:
                unseen += count
            if side is None:
                continue
            if not text:
                side.unseen += count
                continue
            if text not in nodes:
                nodes[text] = orjson.loads(text)
                if row["side"] == "headers":
                    nodes[text]["o"].pop(WHOLE_HEADERS, None)
            side.held.add(nodes[text], count)
            if row["side"] == "query":
                side.names[tuple(sorted(nodes[text]["o"]))] += count
        return looked_at, unseen

    def marks(self, rows: Iterable[Row]) -> None:
        """Count marks."""
        for row in rows:
            side = _side(self._seen(row), row)
            if side is not None:
                side.counted.update({key: int(count) for key, count in dict(row["marks"]).items()})

    def _seen(self, row: Row) -> Seen:
        by_name = self.topics if row.get("protocol") == MESSAGING else self.calls
        return by_name.setdefault(row["operation"], Seen())


def _side(seen: Seen, row: Row) -> Side | None:
    """The side that a row tells of; None where it tells nothing of the operation."""
    status, word, media = int(row["status"]), row["side"], row["media"]
    if word in ("request", "query"):
        seen.calls[status] += 0
        if 400 <= status < 500:
            return None
        return seen.query if word == "query" else seen.requests.setdefault(media, Side())
    if word == "headers":
        return seen.headers.setdefault(status, Side())
    return seen.responses.setdefault(status, {}).setdefault(media, Side())


def _routes(by_operation: Mapping[str, Seen]) -> tuple[dict[Route, Seen], list[Omitted]]:
    """Whether somebody serves a route is asked of all that is one: of one id there may have been
    refusals alone.
    """
    by_route: dict[Route, Seen] = {}
    omitted: list[Omitted] = []
    nameless = 0
    for operation, seen in sorted(by_operation.items()):
        route = route_of(operation)
        if route is not None:
            by_route.setdefault(route, Seen()).join(seen)
        elif not operation.startswith("OPTIONS "):  # a preflight is no operation of anybody's
            omitted.append(Omitted(operation, "no_path"))
            if "/" not in operation.partition(" ")[0]:  # package.Service/Method is named well
                nameless += sum(seen.calls.values())
    names = folded({route: _answered(seen) for route, seen in by_route.items()})
    routes: dict[Route, Seen] = {}
    for route, seen in by_route.items():
        routes.setdefault(names[route], Seen()).join(seen)
    _refused_as_routes(routes)
    for (_, path), seen in routes.items():
        seen.nameless = nameless if "{" in path else 0
    omitted += [
        Omitted(min(seen.names) if len(seen.names) == 1 else " ".join(route), "never_served")
        for route, seen in sorted(routes.items())
        if not seen.served
    ]
    return {route: seen for route, seen in sorted(routes.items()) if seen.served}, omitted


def _refused_as_routes(routes: dict[Route, Seen]) -> None:
    """Count refusals of what nobody serves as those of the template that such calls fit, for that
    is what they are held against: `GET /images/none` is a 404 of `GET /images/{id}`.
    """
    served: Router[Route] = Router()
    for route, seen in routes.items():
        if seen.served:
            served.add(*route, route)
    for route, seen in list(routes.items()):
        match = None if seen.served else served.match(*route)
        if match is not None and match.target is not None and match.target[0] == route[0]:
            routes[match.target].join(routes.pop(route))


def _answered(seen: Seen) -> Fields | None:
    """The fields of answers with success, `/a/b` with its kinds, three deep."""
    places = {
        place
        for status, media in seen.responses.items()
        if 200 <= status < 300
        for side in media.values()
        for place in places_of(side.held)
    }
    return frozenset(places) or None


def as_told(media: Media) -> Iterator[tuple[str, Side]]:
    """Sides by media type, in order: what came without a type, and was JSON, is JSON. Of other
    content nothing is known but its type.
    """
    by_type: Media = {}
    for name, side in media.items():
        if name:
            _add(by_type.setdefault(name, Side()), side)
    if "" in media and _is_seen(media[""]):
        _add(by_type.setdefault(next(filter(is_json_type, by_type), JSON), Side()), media[""])
    yield from sorted(by_type.items())


def media_known(media: Media, sure: float) -> bool:
    """Whether surely hardly any body has another media type, as for `answers_known`."""
    counts = [side.held.payloads + side.unseen for side in media.values()]
    return sum(counts) >= enough_calls(sure) and counts.count(1) <= sure * sum(counts)


def may_be_text(side: Side, sure: float) -> bool:
    """Whether what bears the type of JSON may be none: some could not be looked at, or too few
    were there to say that all are.
    """
    return bool(side.unseen) or at_most(side.held.payloads - side.empty) > sure


def _is_seen(side: Side) -> bool:
    return side.held.payloads > side.empty


def _joined(mine: Media, theirs: Media) -> None:
    for name, side in theirs.items():
        _add(mine.setdefault(name, Side()), side)


def _add(mine: Side, theirs: Side) -> None:
    mine.held.join(theirs.held)
    mine.counted.update(theirs.counted)
    mine.unseen += theirs.unseen
    mine.names.update(theirs.names)
