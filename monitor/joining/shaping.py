"""What live payloads look like, as rows: skeletons and marks of those that are looked at.

Of each kind of exchange (operation, status, side and version pair) every payload's skeleton is
looked at until some hundred in a row showed nothing new; from then on a few, chosen by their
natural keys, until one of these shows something new. So what is seen of quiet traffic is seen
whole, and what a flood costs is bounded. Marks cost more than that: they are taken of each
operation and version, whoever calls, of all payloads at first and of ever fewer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from monitor.contracts.carried import Carried
from monitor.contracts.decoded import decoded
from monitor.contracts.marks import MARKED, SEPARATOR, SQUARES
from monitor.contracts.outlines import Marks, Outline, Outlines
from monitor.contracts.payloads import EMPTY, Payload, without_parameters
from monitor.contracts.payloads import NO_BODY as NO_BODY_LOGGED
from monitor.contracts.queries import query_pairs
from monitor.contracts.shape import number_of
from monitor.contracts.skeleton import NO_BODY, NOT_KEPT, WHOLE_HEADERS, is_name, text_of
from monitor.joining.exchange_columns import Named
from monitor.joining.skeletons import (
    MOST_BYTES,
    MOST_KINDS,
    MOST_SHAPES,
    UNSEEN,
    day_of,
    keep_texts,
    lot,
)
from monitor.joining.tables import WORDS, table_of
from monitor.model.exchanges import BODILESS, MESSAGING, Exchange
from monitor.store import Store

ENOUGH = 100
"""Payloads in a row without anything new, after which a kind is known."""
ALL, A_DOUBLING, DOUBLINGS = 1_000, 500, 8
"""Of an operation and its provider's version the first thousand payloads are looked at and marked,
whoever calls: what none of them shows is surely below .4 % (Clopper and Pearson). Then five hundred
of every second one, five hundred of every fourth, down to one in 256. Where shares fall so slowly
the last, which stand for most, outweigh the first by little: all of a flood tell as much as some
1,500 of its payloads would.
"""
LEAST_SHAPES = 32
"""Of a flood one skeleton in so many is looked at, though fewer are marked."""
MOST_SPOKEN, MOST_CATEGORIES = 4_000, 24
"""Words and categories of one operation, and of one of its places: what is beyond is told as a
word alone.
"""
_TAKING = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests mostly have a body, so that one without tells something."""
_MOST_HEADERS = 100
_COUNTED, _SQUARES = f"{SEPARATOR}{MARKED}", f"{SEPARATOR}{SQUARES}"


def sampled_one_in(already: int) -> int:
    """One payload of so many is taken next, after `already` were."""
    if already < ALL:
        return 1
    return 1 << min(1 + (already - ALL) // A_DOUBLING, DOUBLINGS)


@dataclass(slots=True)
class _Marked:
    """What was looked at and the marks of one operation's side and version since the process
    began, whoever called.
    """

    spoken: set[tuple[str, str]] = field(default_factory=set)
    categories: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    marked: int = 0

    def seen(self, outline: Outline, marks: Marks) -> None:
        """Count categories and words of one more payload; bare, and once at a place, where there
        were more than are kept.
        """
        self.marked += 1
        few = set[str]()
        for place, mark in outline.spoken:
            kind = f"{mark[0]}{place}"
            if len(mark) == 1 or (place, mark) in self.spoken:
                few.add(f"{place}{SEPARATOR}{mark}")
            elif self.categories[kind] < MOST_CATEGORIES and len(self.spoken) < MOST_SPOKEN:
                self.categories[kind] += 1
                self.spoken.add((place, mark))
                few.add(f"{place}{SEPARATOR}{mark}")
            else:
                few.add(f"{place}{SEPARATOR}{mark[0]}")
        marks.add(few)


@dataclass(slots=True)
class _Kind:
    """One kind of exchange and side, and the shapes of it since the process began. `names` are
    held so that no others are at their address.
    """

    names: Named
    columns: tuple[Any, ...]
    of_all: _Marked
    shapes: set[int] = field(default_factory=set)
    quiet: int = 0

    @property
    def one_in(self) -> int:
        """One payload in so many is looked at now."""
        if self.quiet < ENOUGH:
            return 1
        return min(sampled_one_in(self.of_all.looked_at), LEAST_SHAPES)


@dataclass(slots=True)
class _Group:
    """The sides of one kind of exchange by name. Once all are known most exchanges are passed over
    at the cost of one look-up: one in `one_in` is not.
    """

    names: Named
    sides: dict[str, _Kind] = field(default_factory=dict)
    one_in: int = 1


@dataclass(slots=True)
class _Memory:
    """What outlives a batch: kinds, their operations, and which texts were told on which day."""

    groups: dict[tuple[Any, ...], _Group] = field(default_factory=dict)
    operations: dict[tuple[Any, ...], _Marked] = field(default_factory=dict)
    told: set[tuple[int, int]] = field(default_factory=set)


class Shaper:
    """Lives between batches: it remembers what it saw, so that it need not look at everything."""

    def __init__(self, words: frozenset[str] = frozenset()) -> None:
        """`words`: pointers where short words are kept as they are, as settings ask."""
        self._outlines = Outlines(words)
        self._memory = _Memory()

    def batch(self) -> "Shapes":
        """The rows of a batch in the making."""
        memory = self._memory
        if max(len(memory.groups), len(memory.operations), len(memory.told)) > MOST_KINDS:
            memory = self._memory = _Memory()
        return Shapes(memory, self._outlines)


@dataclass(slots=True)
class _Counts:
    """Marks of one kind and hour by how many payloads each of them stands for."""

    payloads: int = 0
    by_share: dict[int, Marks] = field(default_factory=dict)

    def of(self, stands_for: int) -> Marks:
        """Where marks of a payload are counted."""
        marks = self.by_share.get(stands_for)
        if marks is None:
            marks = self.by_share[stands_for] = Marks()
        return marks

    def items(self) -> list[tuple[str, int]]:
        """The sums."""
        summed = Counter({_COUNTED: self.payloads})
        for stands_for, marks in self.by_share.items():
            counts = marks.counts()
            summed[_SQUARES] += stands_for**2 * counts.get(SEPARATOR, 0)
            for mark, count in counts.items():
                summed[mark] += stands_for * count
        return list(summed.items())


class Shapes:
    """Rows of one batch."""

    def __init__(self, memory: _Memory, outlines: Outlines) -> None:
        self._memory = memory
        self._outlines = outlines
        self._rows: list[tuple[Any, ...]] = []
        self._texts: dict[int, str] = {}
        self._marks: dict[tuple[Any, ...], _Counts] = {}

    def add(
        self, exchange: Exchange, names: Named, operation: str, request: Payload, response: Payload
    ) -> None:
        """Look at both sides of an exchange, or pass over it."""
        if exchange.proxy_answer:
            return
        status = exchange.status
        key = (
            *(id(names), exchange.callee_namespace, exchange.caller_namespace, exchange.protocol),
            *(operation, status, request.media, response.media),
        )
        group = self._memory.groups.get(key)
        if group is None:
            group = self._memory.groups[key] = _Group(names)
        chosen = lot(exchange)
        if chosen % group.one_in:
            return
        for side, payload in _sides(exchange, request, response):
            kind = group.sides.get(side)
            if kind is None:
                media = "" if payload is None else payload.media
                kind = group.sides[side] = self._kind(exchange, names, operation, side, media)
            one_in = kind.one_in
            if chosen % one_in:
                continue
            shape = self._shape(exchange, side, payload, kind, one_in)
            self._rows.append(
                (
                    *(exchange.source_id, exchange.partition, exchange.offset, exchange.index),
                    *(exchange.end_ns // 1_000_000_000, *kind.columns),
                    *(one_in, shape),
                )
            )
            kind.quiet = kind.quiet + 1 if shape in kind.shapes else 0
            kind.shapes.add(shape)
            kind.of_all.looked_at += 1
        group.one_in = min((kind.one_in for kind in group.sides.values()), default=1)

    def _kind(
        self, exchange: Exchange, names: Named, operation: str, side: str, media: str
    ) -> _Kind:
        columns = _columns(exchange, names, operation, side, media)
        # of a message's provider the version is the sender's
        version = columns[10] if exchange.protocol == MESSAGING else columns[11]
        key = (*columns[:8], version)
        of_all = self._memory.operations.setdefault(key, _Marked())
        return _Kind(names, columns, of_all)

    def _shape(
        self, exchange: Exchange, side: str, payload: Payload | None, kind: _Kind, one_in: int
    ) -> int:
        """The number of the skeleton, whose marks are taken where they are wanted. `one_in`: as
        many payloads does this one stand for.
        """
        day = day_of(exchange)
        if payload is not None and not payload.undecoded and _is_empty(exchange, side, payload):
            return self._known(text_of(NO_BODY), kind, day)
        counts: _Counts | None = None
        marks: Marks | None = None
        one_in = max(sampled_one_in(kind.of_all.marked), one_in)
        if not (exchange.redacted or side == "headers" or lot(exchange) % one_in):
            counts = self._counts(exchange, kind)
            marks = counts.of(one_in)
        outline = self._outline(exchange, side, payload, marks)
        if outline is None:
            return UNSEEN
        if counts is not None and marks is not None:
            counts.payloads += 1
            kind.of_all.seen(outline, marks)
        return self._known(outline.text, kind, day)

    def _outline(
        self, exchange: Exchange, side: str, payload: Payload | None, marks: Marks | None
    ) -> Outline | None:
        """None of what cannot be looked at. A body that nobody has decoded is not decoded here."""
        masked, at = exchange.redacted, exchange.end_ns / 1e9
        if payload is None:
            value = _query(exchange.query) if side == "query" else _headers(exchange)
            if value is None:
                return None
            return self._outlines.of(value, marks, masked=masked, at=at)
        body = exchange.request_body if side == "request" else exchange.response_body
        if body is None or len(body) > MOST_BYTES:
            return None
        text = payload.undecoded
        outline = self._outlines.of_text(text, marks, masked=masked, at=at) if text else None
        if outline is None and payload.problem and isinstance(payload, Carried):
            value = decoded(payload)  # of a binary format, by the schema that wrote it
            return None if value is None else self._outlines.of(value, marks, masked=masked, at=at)
        if outline is not None or payload.problem:
            return outline
        if payload.repeats_a_key():  # which of both is meant is the reader's guess
            return None
        return self._outlines.of(payload.value, marks, masked=masked, at=at)

    def _counts(self, exchange: Exchange, kind: _Kind) -> _Counts:
        key = (exchange.end_ns // 3_600_000_000_000 * 3_600, *kind.columns)
        counts = self._marks.get(key)
        if counts is None:
            counts = self._marks[key] = _Counts()
        return counts

    def _known(self, text: str, kind: _Kind, day: int) -> int:
        number = number_of(text)
        if number not in kind.shapes and len(kind.shapes) >= MOST_SHAPES:
            return UNSEEN
        of_day = self._memory.told
        if (day, number) not in of_day:  # each day, for texts are not kept for ever
            of_day.add((day, number))
            self._texts[number] = text
        return number

    def keep(self, store: Store) -> None:
        """Write all rows; durable on return."""
        keep_texts(store, self._texts)
        self._texts = {}
        store.insert("shapes_seen", table_of(self._rows, _SEEN))
        store.insert(
            "shape_marks",
            table_of(list(_mark_rows(self._marks)), _MARKS),
        )


_KIND: Mapping[str, pa.DataType] = {
    "callee": WORDS,
    "callee_namespace": WORDS,
    "environment": WORDS,
    "protocol": WORDS,
    "operation": WORDS,
    "status": pa.uint16(),
    "side": WORDS,
    "media": WORDS,
    "caller": WORDS,
    "caller_namespace": WORDS,
    "caller_version": WORDS,
    "callee_version": WORDS,
}
_SEEN = pa.schema(
    {
        "source_id": WORDS,
        "partition": pa.uint32(),
        "offset": pa.uint64(),
        "index": pa.uint32(),
        "at": pa.uint32(),
        **_KIND,
        "stands_for": pa.uint16(),
        "shape": pa.uint64(),
    }
)
_MARKS = pa.schema(
    {
        "hour": pa.uint32(),
        **_KIND,
        "marks": pa.map_(pa.string(), pa.uint64()),
    }
)


def _sides(
    exchange: Exchange, request: Payload, response: Payload
) -> Iterator[tuple[str, Payload | None]]:
    """What of an exchange there is to look at."""
    asked = exchange.request_body or request.media or exchange.method in _TAKING
    if asked or exchange.protocol == MESSAGING:
        yield "request", request
    if exchange.protocol == MESSAGING:
        return
    if exchange.query_known or exchange.query:
        yield "query", None
    if exchange.status and exchange.status not in BODILESS and exchange.method != "HEAD":
        yield "response", response
    if exchange.status and exchange.response_headers:
        yield "headers", None


def _is_empty(exchange: Exchange, side: str, payload: Payload) -> bool:
    """Whether it is sure that nothing was sent: also where all headers of a request are told, and
    none speaks of a body.
    """
    if payload.problem == NO_BODY_LOGGED and side == "request":
        return payload.described and exchange.headers_whole and not payload.media
    return payload.problem == EMPTY


def _columns(
    exchange: Exchange, names: Named, operation: str, side: str, media: str
) -> tuple[Any, ...]:
    """In the order of `_KIND`."""
    return (
        names.callee,
        exchange.callee_namespace,
        names.environment,
        exchange.protocol,
        operation,
        exchange.status,
        side,
        without_parameters(media)[:100],
        names.caller,
        exchange.caller_namespace,
        names.caller_version,
        names.callee_version,
    )


def _mark_rows(marks: Mapping[tuple[Any, ...], _Counts]) -> Iterator[tuple[Any, ...]]:
    for (hour, *columns), counts in marks.items():
        if counts.payloads:
            yield hour, *columns, counts.items()


def _query(query: str) -> dict[str, Any] | None:
    """Names of a query with what their texts may be read as. None where it cannot be taken apart,
    or holds names that are data.
    """
    pairs = query_pairs(query) if query else ()
    if pairs is None:
        return None
    held: dict[str, Any] = {}
    for name, text in pairs:
        if not is_name(name):
            return None
        value, before = _scalar(text), held.get(name)
        if name not in held:
            held[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            held[name] = [before, value]
    return held


def _scalar(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 18:
        whole = int(text)
        return whole if f"{whole}" == text else text
    return text


def _headers(exchange: Exchange) -> dict[str, Any] | None:
    names = [name for name in exchange.response_headers if name not in NOT_KEPT and is_name(name)]
    if exchange.headers_whole and len(names) < _MOST_HEADERS:
        names.append(WHOLE_HEADERS)
    return dict.fromkeys(names[:_MOST_HEADERS], "")
