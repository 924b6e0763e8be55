"""Spans that the native reader takes, beside those that it leaves to the reference, in
one batch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from monitor.decode.span_columns import (
    BODY_ATTRIBUTES,
    FUTURE_NS,
    LINKED,
    NAMING,
    Columns,
)
from monitor.decode.wordy import PATHS, QUERIES, ROUTES, URLS, cut_down
from monitor.model.operations import ASKED, graphql_operation
from monitor.model.spans import FAILURE, SPAN, TRACE, InnerSpans, SpanBatch
from monitor.model.templates import template_of
from monitor.native import BUILT

_MOST_NS = (1 << 64) - 1
_USES = {"path": PATHS, "url": URLS, "query": QUERIES, "route": ROUTES, "body": BODY_ATTRIBUTES}

Body = Callable[[bytes, Sequence[bytes]], Mapping[str, Any]]
"""The attributes of a span that carries a payload, by the bytes of its resource and its
attributes.
"""


class FastSpans:
    """Reads records into columns of its own and counts them in `columns`; `batch` is both
    together.

    A record is taken whole, or left as if it had never been read: broken, rare and new things are
    the reference's to judge.
    """

    def __init__(
        self, columns: Columns, resource: Callable[[bytes, bool], int], body: Body
    ) -> None:
        assert BUILT is not None
        self._columns, self._body = columns, body
        self._reader = BUILT.Reader(_vocabulary(), resource, template_of, _cut_down)

    def protobuf(self, value: bytes) -> bool:
        """An OTLP request; false when the reference must read it."""
        before = self._columns.resources_known()
        return self._taken(
            self._reader.protobuf(self._columns.record, self._latest_ns(), value), before
        )

    def json(self, text: bytes) -> bool:
        """An OTLP request in JSON; false when the reference must read it."""
        before = self._columns.resources_known()
        return self._taken(
            self._reader.json(self._columns.record, self._latest_ns(), text), before
        )

    def _latest_ns(self) -> int:
        return min(max(self._columns.record_ns + FUTURE_NS, 0), _MOST_NS)

    def fail(self) -> bool:
        """A record over which the reader panics: it is refused, the reader goes on."""
        return self._taken(
            self._reader.fail(self._columns.record), self._columns.resources_known()
        )

    def _taken(self, state: int, before: tuple[int, int]) -> bool:
        if state == BUILT.TAKEN:  # type: ignore[union-attr]  # it is built
            return True
        self._columns.forget_resources(before)
        if state == BUILT.LEFT:  # type: ignore[union-attr]
            return False
        self._columns.refuse_record("not_otlp", "panic")
        return True

    def batch(self) -> SpanBatch:
        """The finished columns of both; the number of a word has no meaning beyond its batch."""
        gathered = self._reader.gathered()
        self._columns.count(gathered.counts, gathered.reasons, gathered.clamped)
        plain = self._columns.batch()
        record, trace, span, parent, start, end, resource, _ = gathered.rows
        fast = replace(
            plain,
            record=np.frombuffer(record, np.int32),
            kind=np.frombuffer(gathered.kind, np.uint8),
            trace=np.frombuffer(trace, TRACE),
            span=np.frombuffer(span, SPAN),
            parent=np.frombuffer(parent, SPAN),
            start_ns=np.frombuffer(start, np.uint64),
            end_ns=np.frombuffer(end, np.uint64),
            status=np.frombuffer(gathered.status, np.uint8),
            resource=np.frombuffer(resource, np.int32),
            words=np.frombuffer(gathered.words, np.int32),
            tracestate=np.frombuffer(gathered.tracestate, np.int32),
            word_list=gathered.word_list,
            tracestates=["", *gathered.tracestates],
            links=gathered.links,
            bodies=[
                (row, self._body(raw, attributes)) for row, raw, attributes in gathered.bodies
            ],
            inner=_inner(gathered.inner, gathered.questions),
        )
        if not len(plain) and not len(plain.inner.record):
            return fast
        return plain if not len(fast) and not len(fast.inner.record) else _merged(plain, fast)


@cache
def _vocabulary() -> Any:
    assert BUILT is not None
    uses = {name: use for use, names in _USES.items() for name in names}
    names = [(name, uses.get(name, "plain")) for name in sorted(NAMING | BODY_ATTRIBUTES)]
    return BUILT.Vocabulary(names, "error.type", FAILURE, LINKED, ASKED)


def _cut_down(slot: str, text: str, routed: bool) -> str:
    return cut_down(slot, text, routed=routed)


def _inner(columns: tuple[bytes, ...], questions: Sequence[tuple[str, str]]) -> InnerSpans:
    record, trace, span, parent, start, end, resource, asked = columns
    # pairs of type and name may say the same
    numbers = {"": 0}
    codes = [0] + [
        numbers.setdefault(graphql_operation(*pair), len(numbers)) for pair in questions
    ]
    return InnerSpans(
        record=np.frombuffer(record, np.int32),
        trace=np.frombuffer(trace, TRACE),
        span=np.frombuffer(span, SPAN),
        parent=np.frombuffer(parent, SPAN),
        start_ns=np.frombuffer(start, np.uint64),
        end_ns=np.frombuffer(end, np.uint64),
        resource=np.frombuffer(resource, np.int32),
        asked=np.array(codes, np.int32)[np.frombuffer(asked, np.int32)],
        questions=list(numbers),
    )


def _merged(plain: SpanBatch, fast: SpanBatch) -> SpanBatch:
    """Rows of both in the order of their records, which are no record of both."""
    order = np.argsort(np.concatenate([plain.record, fast.record]), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(plain, name), getattr(fast, name)])[order]
        for name in (
            "record",
            "kind",
            "trace",
            "span",
            "parent",
            "start_ns",
            "end_ns",
            "status",
            "resource",
        )
    }
    for name, of in (("words", "word_list"), ("tracestate", "tracestates")):
        numbers: dict[Any, int] = {}
        codes = []
        for part in (plain, fast):
            at = np.array(
                [numbers.setdefault(value, len(numbers)) for value in getattr(part, of)], np.int32
            )
            codes.append(at[getattr(part, name)] if len(part) else np.zeros(0, np.int32))
        columns[name], columns[of] = np.concatenate(codes)[order], list(numbers)
    late = len(plain)
    links = [(int(place[row]), trace, span) for row, trace, span in plain.links]
    links += [(int(place[late + row]), trace, span) for row, trace, span in fast.links]
    bodies = [(int(place[row]), body) for row, body in plain.bodies] + [
        (int(place[late + row]), body) for row, body in fast.bodies
    ]
    within = np.argsort(np.concatenate([plain.inner.record, fast.inner.record]), kind="stable")
    inner = {
        name: np.concatenate([getattr(plain.inner, name), getattr(fast.inner, name)])[within]
        for name in ("record", "trace", "span", "parent", "start_ns", "end_ns", "resource")
    }
    numbers = {question: number for number, question in enumerate(plain.inner.questions)}
    codes = [numbers.setdefault(question, len(numbers)) for question in fast.inner.questions]
    asked = np.array(codes, np.int32)[fast.inner.asked]
    by_row = sorted(links, key=lambda link: link[0])
    return replace(
        plain,
        **columns,
        links=by_row,
        bodies=sorted(bodies, key=lambda body: body[0]),
        inner=InnerSpans(
            **inner,
            asked=np.concatenate([plain.inner.asked, asked])[within],
            questions=list(numbers),
        ),
    )
