"""Spans to half edges: one row per CLIENT, SERVER, PRODUCER, CONSUMER span, under the key that
pairs a call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.aliases import Aliases
from monitor.edges.columns import dictionary, distinct, fixed, mix, text_hashes, windows_of
from monitor.edges.limits import OTHER, NameCap
from monitor.edges.messages import RECEIVES, RECEIVES_LINKED
from monitor.edges.names import NO_CALL, Named, name_span
from monitor.edges.sampling import BIASED, NONE, weight_of
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.spans import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    STATUS_ERROR,
    Resource,
    SpanBatch,
)

MAX_SERVICES, MAX_OPERATIONS = 5000, 1000


@dataclass(frozen=True, slots=True, eq=False)
class HalfBatch:
    """Rows of `halves`, `message_ends`, `inner_spans` and `long_spans`, the spans that made them
    per record, and the windows they touch.

    `resources`: who wrote them, under their canonical names. `passed`: spans per record that turned out to make no edge (look-ups of names, connections
    taken from a pool). `windows` and `window_rows` are parallel: distinct windows (s since the
    epoch) and how many rows fall into each.
    """

    halves: pa.Table
    message_ends: pa.Table
    inner_spans: pa.Table
    long_spans: pa.Table
    resources: Sequence[Resource]
    windows: NDArray[np.uint32]
    window_rows: NDArray[np.int64]
    sources: NDArray[np.int64]
    passed: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.halves.num_rows)


class Namer:
    """Names spans by resource, kind and attributes; remembers what it named, and how many names
    there are.
    """

    def __init__(self, aliases: Aliases | None = None, *, unmarked_biased: bool = False) -> None:
        self.aliases = aliases or Aliases()
        self.unmarked = BIASED if unmarked_biased else NONE
        self.services = NameCap(MAX_SERVICES)
        self.operations = NameCap(MAX_OPERATIONS)
        self._named: dict[tuple[int, int, tuple[object, ...]], Named] = {}

    def resource(self, resource: Resource) -> Resource:
        """A resource under its canonical names."""
        service = self.services.within("", [self.aliases.service(resource.service)])[0]
        version = self.aliases.version(service, resource.version)
        return replace(
            resource,
            service=service,
            version=version,
            environment=self.aliases.environment(resource.environment),
        )

    def named(self, kind: int, status: int, words: tuple[object, ...]) -> Named:
        """The names of one distinct span."""
        key = (kind, status, words)
        names = self._named.get(key)
        if names is None:
            if len(self._named) > 50_000:
                self._named.clear()
            names = self._named[key] = name_span(kind, status, words)
        return names


def half_edges(spans: SpanBatch, namer: Namer) -> HalfBatch:
    """Half edges of a batch. call_span: own id for CLIENT and PRODUCER; parent or link for SERVER
    and CONSUMER, own id when there is none. A CONSUMER with n links makes n rows, `primary` on the
    first, and one more of side 3 for its parent, since instrumentations differ in which of them is
    the message. The same span gives the same rows, always. Rows come in the order in which the
    store keeps them, which takes it a third longer to find.
    """
    span_count = len(spans)
    spans = _with_deliveries(spans, namer)
    take, trace, call_span, primary, beside = _in_order(spans, *_keys(spans))
    resources = [namer.resource(resource) for resource in spans.resources]
    failed = (spans.status == STATUS_ERROR).astype(np.int64)
    code = (spans.words.astype(np.int64) << 4) | (spans.kind.astype(np.int64) << 1) | failed
    codes, name_of = distinct(code)
    names = [
        namer.named(int(c >> 1) & 7, STATUS_ERROR * int(c & 1), spans.word_list[int(c >> 4)])
        for c in codes
    ]
    word_hash = text_hashes(spans.word_list)[spans.words] if len(spans) else np.zeros(0, np.uint64)
    resource_hash = (
        text_hashes(spans.resources)[spans.resource] if len(spans) else np.zeros(0, np.uint64)
    )
    weights = [weight_of(state, namer.unmarked) for state in spans.tracestates]
    biased = (
        np.array([name.biased for name in names], bool)[name_of]
        if len(spans)
        else np.zeros(0, bool)
    )
    sampling = np.maximum(
        np.array([kind for _, kind in weights], np.uint8)[spans.tracestate],
        np.where(biased, BIASED, 0),
    )
    weight = np.array([value for value, _ in weights], np.float64)[spans.tracestate]
    content = mix(
        spans.start_ns,
        spans.end_ns,
        spans.status.astype(np.uint64),
        word_hash,
        resource_hash,
        spans.parent.view(np.uint64),
        weight.view(np.uint64),
    )
    end = spans.end_ns[take]
    window = windows_of(end)
    kind = spans.kind[take]
    side = _side(kind, beside)
    parent = spans.parent[take]
    name_at, resource_at = name_of[take], spans.resource[take]
    step = (
        np.array([name.step for name in names], np.uint8)[name_at]
        if len(spans)
        else np.zeros(0, np.uint8)
    )
    step[np.isin(take, [row for row, _, _ in spans.links]) & (step == RECEIVES)] = RECEIVES_LINKED
    columns = {
        "window": pa.array(window),
        "trace": fixed(trace, 16),
        "call_span": fixed(call_span, 8),
        "side": pa.array(side),
        "own_span": fixed(spans.span[take], 8),
        "kind": pa.array(kind),
        "primary": pa.array(primary),
        "has_parent": pa.array((parent.view(np.uint64) != 0).astype(np.uint8)),
        "own_trace": fixed(spans.trace[take], 16),
        "parent": fixed(parent, 8),
        "step": pa.array(step),
    }
    for field in (
        "environment",
        "cluster",
        "region",
        "namespace",
        "service",
        "version",
        "instance",
    ):
        columns[field] = dictionary(
            [getattr(resource, field) for resource in resources], resource_at
        )
    columns["operation"] = _operations(resources, names, resource_at, name_at, namer)
    for field in (
        "protocol",
        "peer",
        "peer_namespace",
        "address",
        "outcome",
        "error_type",
        "failure",
    ):
        columns[field] = dictionary([getattr(name, field) for name in names], name_at)
    columns |= {
        "failed": pa.array(failed[take].astype(np.uint8)),
        "start_ns": pa.array(spans.start_ns[take]),
        "end_ns": pa.array(end),
        "weight": pa.array(weight[take]),
        "sampling": pa.array(sampling[take].astype(np.uint8)),
        "content_hash": pa.array(content[take]),
    }
    is_call = (
        np.array([name.protocol != NO_CALL for name in names], bool)[name_of]
        if len(spans)
        else np.zeros(0, bool)
    )
    halves = pa.table(columns)
    polled = (
        np.array([name.protocol == "messaging" for name in names], bool)[name_at]
        if len(spans)
        else np.zeros(0, bool)
    )
    queued = (kind == KIND_PRODUCER) | (kind == KIND_CONSUMER) | (polled & (kind == KIND_CLIENT))
    messages = halves.select(_MESSAGE_COLUMNS).filter(pa.array(queued))
    if not is_call.all():
        halves, window = halves.filter(pa.array(is_call[take])), window[is_call[take]]
    inner = _inner_spans(spans, resources, is_call, namer)
    long = _long_spans(halves, inner)
    windows, rows = _windows(np.concatenate([window, inner.column("window").to_numpy()]))
    record, is_call = spans.record[:span_count], is_call[:span_count]
    sources = np.bincount(record[is_call], minlength=len(spans.seen)).astype(np.int64)
    passed = np.bincount(record[~is_call], minlength=len(spans.seen)).astype(np.int64)
    return HalfBatch(halves, messages, inner, long, resources, windows, rows, sources, passed)


def _windows(windows: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The distinct windows of these rows, and how many rows each has."""
    least = windows.min(initial=np.uint32(2**32 - 1))
    numbers, at = distinct((windows - least).astype(np.int64) // WINDOW_SECONDS)
    counts: NDArray[np.int64] = np.bincount(at, minlength=len(numbers))
    return (numbers * WINDOW_SECONDS).astype(np.uint32) + least, counts


def _with_deliveries(spans: SpanBatch, namer: Namer) -> SpanBatch:
    """Spans of kind CLIENT that receive messages to which they link stand a second time, as
    consumers of these: conventions since 1.24 have no other kind for them, and where nothing tells
    of processing they alone tell of the delivery. Links of other calls go.
    """
    linking = {row for row, _, _ in spans.links if spans.kind[row] == KIND_CLIENT}
    if not linking:
        return spans
    receiving = []
    for row in sorted(linking):
        named = namer.named(
            KIND_CLIENT, int(spans.status[row]), spans.word_list[int(spans.words[row])]
        )
        if named.protocol == "messaging" and named.step == RECEIVES:
            receiving.append(row)
    again = {row: len(spans) + at for at, row in enumerate(receiving)}
    rows = np.array(receiving, np.int64)

    def both(column: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([column, column[rows]])

    return replace(
        spans,
        record=both(spans.record),
        kind=np.concatenate([spans.kind, np.full(len(rows), KIND_CONSUMER, spans.kind.dtype)]),
        trace=both(spans.trace),
        span=both(spans.span),
        parent=both(spans.parent),
        start_ns=both(spans.start_ns),
        end_ns=both(spans.end_ns),
        status=both(spans.status),
        resource=both(spans.resource),
        words=both(spans.words),
        tracestate=both(spans.tracestate),
        links=[
            (again.get(row, row), trace, span)
            for row, trace, span in spans.links
            if row not in linking or row in again
        ],
    )


def _inner_spans(
    spans: SpanBatch, resources: list[Resource], is_call: NDArray[np.bool_], namer: Namer
) -> pa.Table:
    """Rows of `inner_spans`: INTERNAL spans, and those that turned out to be no calls. `operation`
    is what GraphQL was asked for, within the limit of its service.
    """
    inner, rest = spans.inner, np.flatnonzero(~is_call)

    def both(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(inner, name), getattr(spans, name)[rest]])

    resource = both("resource")
    columns = {
        "window": pa.array(windows_of(both("end_ns"))),
        "trace": fixed(both("trace"), 16),
        "span": fixed(both("span"), 8),
        "parent": fixed(both("parent"), 8),
        **{
            name: dictionary([getattr(emitter, name) for emitter in resources], resource)
            for name in ("namespace", "service", "version")
        },
        "operation": _questions(spans, resources, len(resource), namer),
        "start_ns": pa.array(both("start_ns")),
        "end_ns": pa.array(both("end_ns")),
    }
    return pa.table(columns)


def _questions(
    spans: SpanBatch, resources: list[Resource], count: int, namer: Namer
) -> pa.DictionaryArray:
    """What INTERNAL spans tell of GraphQL, as the first of `count` rows."""
    asked, questions = spans.inner.asked, spans.inner.questions
    codes = np.zeros(count, np.int64)
    rows = np.flatnonzero(asked)
    pairs, at = np.unique(
        spans.inner.resource[rows].astype(np.int64) * len(questions) + asked[rows],
        return_inverse=True,
    )
    codes[rows] = at + 1
    words = [""]
    for pair in pairs.tolist():
        service = resources[pair // len(questions)].service
        words += namer.operations.within(service, [questions[pair % len(questions)]])
    return dictionary(words, codes)


def _long_spans(halves: pa.Table, inner: pa.Table) -> pa.Table:
    """Rows of `long_spans`: of both tables those that took a window or more."""
    tables = []
    for table, trace, span in ((halves, "own_trace", "own_span"), (inner, "trace", "span")):
        began = table.column("start_ns").to_numpy()
        long = np.flatnonzero(table.column("end_ns").to_numpy() - began >= WINDOW_SECONDS * 10**9)
        names = ["window", trace, span, "parent", *(["kind"] if table is halves else [])]
        rows = table.select(names).take(pa.array(long))
        tables.append(
            pa.table(
                {
                    "window": rows.column("window"),
                    "began": pa.array(windows_of(began[long])),
                    "trace": rows.column(trace),
                    "span": rows.column(span),
                    "parent": rows.column("parent"),
                    "kind": rows.column("kind")
                    if table is halves
                    else pa.array(np.full(len(long), KIND_INTERNAL, np.uint8)),
                }
            )
        )
    return pa.concat_tables(tables)


_MESSAGE_COLUMNS = (
    "trace call_span side own_span window start_ns end_ns namespace service version failed weight sampling step content_hash"
).split()


_Keys = tuple[
    NDArray[np.int64], NDArray[np.void], NDArray[np.void], NDArray[np.uint8], NDArray[np.bool_]
]


def _keys(spans: SpanBatch) -> _Keys:
    """Row to take, trace, call_span, primary flag of each half, and whether it is a parent beside
    links.
    """
    outgoing = (spans.kind == KIND_CLIENT) | (spans.kind == KIND_PRODUCER)
    own = outgoing | (spans.parent.view(np.uint64) == 0)
    call_span = np.where(own, spans.span.view(np.uint64), spans.parent.view(np.uint64)).view(
        spans.span.dtype
    )
    take = np.arange(len(spans), dtype=np.int64)
    primary = np.ones(len(spans), np.uint8)
    if not spans.links:
        return take, spans.trace, call_span, primary, np.zeros(len(spans), bool)
    rows, traces, spans_of = _distinct_links(spans)
    linking, first = np.unique(rows, return_index=True)
    primary_of = np.zeros(len(rows), np.uint8)
    primary_of[first] = 1
    to_parent = (traces == spans.trace[rows]) & (spans_of == call_span[rows])
    beside = np.setdiff1d(linking, rows[to_parent])
    linked = np.zeros(len(spans), bool)
    linked[linking] = True
    alone = np.flatnonzero(~linked)
    return (
        np.concatenate([alone, rows, beside]),
        np.concatenate([spans.trace[alone], traces, spans.trace[beside]]),
        np.concatenate([call_span[alone], spans_of, call_span[beside]]),
        np.concatenate([primary[alone], primary_of, np.zeros(len(beside), np.uint8)]),
        np.concatenate([np.zeros(len(alone) + len(rows), bool), np.ones(len(beside), bool)]),
    )


def _distinct_links(
    spans: SpanBatch,
) -> tuple[NDArray[np.int64], NDArray[np.void], NDArray[np.void]]:
    """The links of a batch: who links, to which trace and span. Each once, in their order."""
    rows, traces, targets = zip(*spans.links, strict=True)
    links = np.zeros(
        len(rows), [("row", np.int64), ("trace", spans.trace.dtype), ("span", spans.span.dtype)]
    )
    links["row"] = rows
    links["trace"] = np.frombuffer(b"".join(traces), spans.trace.dtype)
    links["span"] = np.frombuffer(b"".join(targets), spans.span.dtype)
    _, first = np.unique(links.view(np.dtype((np.void, links.itemsize))), return_index=True)
    links = links[np.sort(first)]
    return links["row"], links["trace"], links["span"]


def _in_order(
    spans: SpanBatch,
    take: NDArray[np.int64],
    trace: NDArray[np.void],
    call_span: NDArray[np.void],
    primary: NDArray[np.uint8],
    beside: NDArray[np.bool_],
) -> _Keys:
    """The same rows by window, trace, call span, side and own span. Of traces and spans so many
    bits are looked at that they nearly always tell; where they do not, the store finds the order.
    """
    if not len(take):
        return take, trace, call_span, primary, beside
    window = windows_of(spans.end_ns[take]).astype(np.uint64) // np.uint64(WINDOW_SECONDS)
    window = np.minimum(window - window.min(), np.uint64((1 << _WINDOW_BITS) - 1))
    halves_of_trace = np.ascontiguousarray(trace).view(">u8").reshape(-1, 2).astype(np.uint64)
    first, second = halves_of_trace[:, 0], halves_of_trace[:, 1]
    # ids of 64 bits stand in the second half
    telling = second if (first == first[0]).all() else first
    by_trace = np.argsort(telling)
    ranks = np.zeros(len(take), np.uint64)
    ranks[by_trace] = np.cumsum(
        np.append(
            np.uint64(0), (telling[by_trace][1:] != telling[by_trace][:-1]).astype(np.uint64)
        )
    )
    rank_bits = int(ranks.max()).bit_length()
    span_bits = 64 - _WINDOW_BITS - rank_bits - 2
    span = np.ascontiguousarray(call_span).view(">u8").astype(np.uint64) >> np.uint64(
        64 - span_bits
    )
    key = (
        window << np.uint64(64 - _WINDOW_BITS)
        | ranks << np.uint64(span_bits + 2)
        | span << np.uint64(2)
    )
    key |= _side(spans.kind[take], beside).astype(np.uint64)
    order = np.argsort(key)
    same = key[order][1:] == key[order][:-1]
    # several who answer one call
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    own = np.ascontiguousarray(spans.span[take[rows]]).view(">u8").astype(np.uint64)
    order[tied] = rows[np.lexsort((own, key[rows]))]
    return take[order], trace[order], call_span[order], primary[order], beside[order]


_WINDOW_BITS = 10


def _side(kind: NDArray[np.uint8], beside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """1 of who calls or sends, 2 of who answers or takes, 3 of a consumer's parent beside its
    links.
    """
    return np.where(
        (kind == KIND_CLIENT) | (kind == KIND_PRODUCER), 1, np.where(beside, 3, 2)
    ).astype(np.uint8)


def _operations(
    resources: list[Resource],
    names: list[Named],
    resource_at: NDArray[np.int32],
    name_at: NDArray[np.int64],
    namer: Namer,
) -> pa.DictionaryArray:
    """The operation column, each service's operations within their limit."""
    if not names:
        return dictionary([], name_at)
    pairs, at = distinct(resource_at.astype(np.int64) * len(names) + name_at)
    words = []
    for pair in pairs:
        resource, name = resources[int(pair) // len(names)], names[int(pair) % len(names)]
        words.append(
            OTHER
            if not name.operation
            else namer.operations.within(resource.service, [name.operation])[0]
        )
    return dictionary(words, at)
