"""Which spans stand for one call, and who made the call of which the caller tells nothing. Pure,
by column.

A trace is more than its client and server spans side by side: a client span may lie over another
of the same process (gRPC over HTTP), a proxy may put spans of its own between caller and callee,
Zipkin lets both sides share one id, and the span above a server may be internal or itself a
server. What follows from that is written as joints; spans without one need none:

* Client over client of one process is one call, counted at the outermost span that names a
  protocol, if one can carry the other, their hosts agree, and the inner one starts within the
  outer. A wrapper that names no protocol is no call.
* Server under server (or consumer) of one service is one call, the outer's; a failure that only
  the inner one tells is its too.
* Server under another service's server, consumer or internal span is a call of that service.
* A client under another service's client is that of a gateway, so the outer call reached its
  service; unless it is a sidecar's: then the two are one call, and so is the server that it
  reached with the server directly under that one.

A parent is looked for within one window of 10 s, farther only where one of both lasts 10 s or
more, which is the only way that they can end farther apart: so what a joint says does not change
with the windows that are closed together.
"""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.edges.proxies import PROXY_WORDS, SIDECAR_WORDS, hosts_agree, is_named_after
from monitor.edges.span_columns import (
    Rows,
    id_keys,
    integers,
    mixed_keys,
    order_of,
    rows_at,
    trace_keys,
    words_of,
)
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.spans import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    KIND_SERVER,
)

LONG_NS = WINDOW_SECONDS * 10**9
_DEEPEST = 16
_LAYERS = {"messaging": 3, "database": 3, "grpc": 2, "rpc": 2, "http": 1, "other": 0}
Mask = NDArray[np.bool_]


def joints(spans: pa.Table, near: Sequence[int]) -> pa.Table:
    """What the spans of some traces say of each other: rows of `joints`, without generation.

    `spans`: trace, span, parent (bytes), kind, window (s), start_ns, end_ns, environment,
    namespace, service, version, protocol, host, outcome, error_type, failed; each span once.
    `near`: the windows of which halves are read when calls are counted. The order of the rows does
    not matter.
    """
    if spans.num_rows == 0:
        return _table(spans, np.zeros(0, np.int64), {})
    return _Family(spans, near).table()


class _Family:
    """The spans of some traces, their parents, and what follows."""

    def __init__(self, spans: pa.Table, near: Sequence[int]) -> None:
        order = order_of(spans)
        self.spans = spans = spans.take(pa.array(order))
        self.count = spans.num_rows
        self.kind = integers(spans, "kind")
        self.window, self.start, self.end = (
            integers(spans, name) for name in ("window", "start_ns", "end_ns")
        )
        self.seen = np.isin(self.window, near)
        self.span, self.parent = id_keys(spans, "span"), id_keys(spans, "parent")
        self.service, self.namespace = words_of(spans, "service"), words_of(spans, "namespace")
        self.protocol, self.host = words_of(spans, "protocol"), words_of(spans, "host")
        self.outcome = words_of(spans, "outcome")
        self.inner = self.kind == KIND_INTERNAL
        self.outgoing = (self.kind == KIND_CLIENT) | (self.kind == KIND_PRODUCER)
        self.server = self.kind == KIND_SERVER
        self.long = self.end - self.start >= LONG_NS
        self.key = trace_keys(spans)
        self.up, self.shared = self._parents()

    def table(self) -> pa.Table:
        """The joints."""
        above = self._above_server()
        bearing = self._bearing(above)
        top, dropped, reached = self._clients(bearing, above)
        return self._servers(above, top, dropped, reached)

    def same(self, rows: Rows, other: Rows) -> Mask:
        """Whether two spans are of one service; -1 is of none."""
        spaces = self.namespace.codes
        empty = np.array([not word for word in self.namespace.words], bool)
        alike = (spaces[rows] == spaces[other]) | empty[spaces[rows]] | empty[spaces[other]]
        services = self.service.codes
        answer: Mask = (rows >= 0) & (other >= 0) & (services[rows] == services[other]) & alike
        return answer

    def near(self, rows: Rows, other: Rows) -> Mask:
        """Whether a relation of two spans is seen in every closing that reads one of them."""
        apart = np.abs(self.window[rows] - self.window[other])
        answer: Mask = (
            (rows >= 0)
            & (other >= 0)
            & ((apart <= WINDOW_SECONDS) | self.long[rows] | self.long[other])
        )
        return answer

    def _parents(self) -> tuple[Rows, Rows]:
        """The parent of each span, and the client that shares its id with a server; -1
        for none.
        """
        ids = mixed_keys(self.key, self.span)
        order = np.argsort(ids, kind="stable")
        ordered = ids[order]
        up, best = np.full(self.count, -1, np.int64), np.full(self.count, -1, np.int64)
        every = np.arange(self.count)
        first = np.searchsorted(ordered, mixed_keys(self.key, self.parent))
        shared = np.full(self.count, -1, np.int64)
        own = np.searchsorted(ordered, ids)
        for step in range(4):
            parents = rows_at(ordered, order, first + step, mixed_keys(self.key, self.parent))
            parents = np.where((self.parent != 0) & (parents != every), parents, -1)
            parents = np.where(self.near(every, parents), parents, -1)
            alike, answers = (
                self.same(every, parents).astype(np.int64),
                self.server[parents].astype(np.int64),
            )
            score = 1 + np.where(self.server, 2 * answers + alike, 2 * alike + answers)
            better = (parents >= 0) & (score > best)
            up, best = np.where(better, parents, up), np.where(better, score, best)
            twin = rows_at(ordered, order, own + step, ids)
            fits = (
                self.server
                & self.outgoing[twin]
                & (twin >= 0)
                & (shared < 0)
                & self.near(every, twin)
            )
            shared = np.where(fits, twin, shared)
        return up, shared

    def _climb(self, passable: Mask) -> Rows:
        """Of each span, the first of its process at or above it that is not passable, else the
        topmost.
        """
        every = np.arange(self.count)
        to = np.where(passable & self.same(every, self.up), self.up, every)
        for _ in range(_DEEPEST):
            further = to[to]
            if np.array_equal(further, to):
                break
            to = further
        return to

    def _above_server(self) -> Rows:
        """Of each server, the span that called it as far as is known: its twin, else the first
        above that is not internal.
        """
        climbed = self._climb(self.inner)
        at = np.where(self.up >= 0, climbed[self.up], -1)
        every = np.arange(self.count)
        # an internal span of the server's own process stands over it: what stands over that one
        # called
        entered = self.server & (at >= 0) & self.inner[at] & self.same(every, at)
        beyond = np.where(entered & (at >= 0), self.up[at], -1)
        at = np.where(entered & (beyond >= 0), climbed[beyond], at)
        return np.where(self.shared >= 0, self.shared, at)

    def _bearing(self, above: Rows) -> Mask:
        """Outgoing spans that can be calls: they name a protocol, or a server answered them."""
        layer = np.array([_LAYERS.get(word, 0) for word in self.protocol.words], np.int64)[
            self.protocol.codes
        ]
        bearing = self.outgoing & (layer > 0)
        answered = above[self.server & (above >= 0)]
        bearing[answered[self.outgoing[answered]]] = True
        answer: Mask = bearing
        return answer

    def _clients(self, bearing: Mask, above: Rows) -> tuple[Rows, Mask, Rows]:
        """Of each outgoing span the one that counts for it; which are no calls themselves; whose
        client stands right under it.
        """
        every = np.arange(self.count)
        clear = self.inner | (self.outgoing & ~bearing)
        climbed = self._climb(clear)
        at = np.where(self.up >= 0, climbed[self.up], -1)
        under = (
            self.outgoing
            & (at >= 0)
            & self.outgoing[at]
            & bearing[at]
            & self._starts_within(every, at)
        )
        alike = self.same(every, at)
        folds = under & alike & (~bearing | self._carries(at, every))
        hops = under & bearing & ~alike & self._is_sidecar(every, at, above)
        doors, beyond = self._through_sidecars(at, bearing, above)
        to = np.where(folds | hops, at, np.where(beyond >= 0, beyond, every))
        hops |= beyond >= 0
        for _ in range(_DEEPEST):
            further = to[to]
            if np.array_equal(further, to):
                break
            to = further
        wraps = self.outgoing & ~bearing & (self._covers(bearing) | self._is_wrapped())
        answered = np.zeros(self.count, bool)
        called = above[self.server & (above >= 0)]
        answered[to[called]] = True
        reached = np.full(self.count, -1, np.int64)
        entry = (self.up >= 0) & ~self.server & (self.kind != KIND_CONSUMER)
        entry &= self.outgoing[self.up] & ~self.same(every, self.up) & ~hops
        entry &= self._starts_within(every, self.up)
        rows = np.flatnonzero(entry)[::-1]
        reached[to[self.up[rows]]] = rows
        reached[answered] = -1
        return to, folds | hops | wraps | doors, reached

    def _starts_within(self, inner: Rows, other: Rows) -> Mask:
        answer: Mask = (self.start[inner] >= self.start[other]) & (
            self.start[inner] <= self.end[other]
        )
        return answer

    def _carries(self, outer: Rows, inner: Rows) -> Mask:
        """Whether the inner of two client spans can be the transport of the outer one, or the same
        once more.
        """
        layer = np.array([_LAYERS.get(word, 0) for word in self.protocol.words], np.int64)[
            self.protocol.codes
        ]
        lower = (layer[inner] < layer[outer]) | (
            self.protocol.codes[inner] == self.protocol.codes[outer]
        )
        answer: Mask = (outer >= 0) & lower & self._hosts_agree(outer, inner)
        return answer

    def _hosts_agree(self, rows: Rows, other: Rows) -> Mask:
        words = self.host.words
        pairs = self.host.codes[rows] * len(words) + self.host.codes[other]
        distinct, at = np.unique(pairs, return_inverse=True)
        answer: Mask = np.array(
            [
                hosts_agree(words[pair // len(words)], words[pair % len(words)])
                for pair in distinct
            ],
            bool,
        )[at]
        return answer

    def _covers(self, bearing: Mask) -> Mask:
        """Spans that have a bearing one of their process below them, through what
        bears nothing.
        """
        every = np.arange(self.count)
        covers = np.zeros(self.count, bool)
        rows = np.flatnonzero(bearing)
        for _ in range(_DEEPEST):
            parents = self.up[rows]
            rows = np.unique(parents[self.same(every[rows], parents)])
            rows = rows[~bearing[rows] & ~covers[rows] & (self.inner[rows] | self.outgoing[rows])]
            if not len(rows):
                break
            covers[rows] = True
        return covers

    def _is_wrapped(self) -> Mask:
        """Spans that lie within an outgoing one of their process."""
        every = np.arange(self.count)
        at = np.where(self.up >= 0, self._climb(self.inner)[self.up], -1)
        answer: Mask = (
            (at >= 0) & self.outgoing[at] & self.same(every, at) & self._starts_within(every, at)
        )
        return answer

    def _is_sidecar(self, inner: Rows, outer: Rows, above: Rows) -> Mask:
        """Whether a client under another service's client is that of its sidecar: by name, or
        since the server it reached stands right over another service's server, as its sidecar: by
        its name, or for it has the client's own.
        """
        by_name = self._is_named_after(inner, outer, PROXY_WORDS)
        every = np.arange(self.count)
        over = self.server & (above >= 0) & self.server[above] & ~self.same(every, above)
        behind = np.flatnonzero(over)
        behind = behind[above[above[behind]] >= 0]
        doors = above[behind]
        # a gateway before a proxy stands like this, too: two sidecars are of one name, or named
        # after their services
        mesh = self.same(above[doors], doors) | self._is_named_after(doors, behind, PROXY_WORDS)
        clients = above[doors[mesh]]
        paired = np.zeros(self.count, bool)
        paired[clients[self.outgoing[clients]]] = True
        answer: Mask = by_name | paired[inner]
        return answer

    def _through_sidecars(self, at: Rows, bearing: Mask, above: Rows) -> tuple[Mask, Rows]:
        """Servers of sidecars that have a client of their own under them, and of these clients the
        one that called the sidecar.
        """
        every = np.arange(self.count)
        door = np.where(
            self.outgoing & bearing & (at >= 0) & self.server[at] & self.same(every, at), at, -1
        )
        caller = np.where(door >= 0, above[door], -1)
        caller = np.where((caller >= 0) & self.outgoing[caller], caller, -1)
        named = self._is_named_after(every, caller, PROXY_WORDS)
        servers = np.flatnonzero(self.server & (above >= 0))
        servers = servers[self._is_named_after(above[servers], servers, SIDECAR_WORDS)]
        named[above[servers]] = True
        caller = np.where(named, caller, -1)
        doors = np.zeros(self.count, bool)
        doors[door[caller >= 0]] = True
        return doors, caller

    def _is_named_after(self, proxy: Rows, service: Rows, words: re.Pattern[str]) -> Mask:
        names = self.service.words
        pairs = self.service.codes[proxy] * len(names) + self.service.codes[service]
        distinct, at = np.unique(pairs, return_inverse=True)
        by_pair = [
            is_named_after(names[pair // len(names)], names[pair % len(names)], words)
            for pair in distinct
        ]
        answer: Mask = np.array(by_pair, bool)[at] & (proxy >= 0) & (service >= 0)
        return answer

    def _servers(self, above: Rows, top: Rows, dropped: Mask, reached: Rows) -> pa.Table:
        every = np.arange(self.count)
        taker = (above >= 0) & (self.server[above] | (self.kind[above] == KIND_CONSUMER))
        nested = self.server & taker & self.same(every, above)
        caller = np.where(self.server & ~nested, above, -1)
        behind = np.where(self.server[caller] & (caller >= 0), above[caller], -1)
        through = (behind >= 0) & self.outgoing[behind] & dropped[behind] & (top[behind] != behind)
        through &= ~self.same(behind, top[behind])
        hop = (
            (caller >= 0)
            & self.server[caller]
            & (through | self._is_named_after(caller, every, SIDECAR_WORDS))
        )
        above_all = above
        stands = np.where(hop, caller, every)  # whose place a server takes
        for _ in range(_DEEPEST):
            further = stands[stands]
            if np.array_equal(further, stands):
                break
            stands = further
        gone = dropped | nested  # of servers, `dropped` are the doors of sidecars
        gone[caller[hop]] = True
        above = caller[stands]
        client = np.where((above >= 0) & self.outgoing[above], top[above], -1)
        teller = np.where(
            (above >= 0) & ~self.outgoing[above] & ~self.same(every, above), above, -1
        )
        rootless = (
            self.server
            & (above >= 0)
            & self.inner[above]
            & self.same(every, above)
            & (self.parent[above] == 0)
        )
        key = np.where(
            client >= 0, self.span[client], np.where(stands != every, self._own_key(stands), 0)
        )
        # a server that shares the id of its client is the one that called, not the client of this
        # id
        key = np.where(rootless | (teller >= 0), self.span, key)
        apart = np.where(client >= 0, np.abs(self.window - self.window[client]), 0)
        far = self.server & (apart > WINDOW_SECONDS) & self._near_starts(every, client)
        too_far = self.server & (apart > WINDOW_SECONDS) & ~far
        teller, key = np.where(too_far, -1, teller), np.where(too_far, 0, key)
        gone |= far & ~self.seen[client]
        outer = self._outermost(above_all, nested)
        # a nested server counts under what its outermost one counts under: what was checked on it
        # is of that call
        key = np.where(
            nested & (outer != every),
            np.where(key[outer] != 0, key[outer], self._own_key(outer)),
            key,
        )
        folds, failing = self._folds(outer, nested, hop, dropped, top)
        reached_by = np.where(self.outgoing, reached, np.where(self.server, teller, -1))
        changed = self.server & (key != 0) & (key != self._own_key(every))
        wanted = (
            self.server & (nested | gone | far | changed | (reached_by >= 0) | (folds > 0))
        ) | (self.outgoing & (dropped | (reached_by >= 0) | (folds > 0)))
        rows = np.flatnonzero(wanted & (self.seen | (far & ~gone)))
        key = np.where(self.outgoing, self.span[top], key)
        columns = {
            "key_span": key[rows],
            "dropped": gone[rows].astype(np.uint8),
            "far": far[rows].astype(np.uint8),
            "told": reached_by[rows],
            "folds": folds[rows],
            "failing": failing[rows],
        }
        return _table(self.spans, rows, columns)

    def _outermost(self, above: Rows, nested: Mask) -> Rows:
        """Of each nested server the outermost one of its service, of others themselves."""
        outer = np.where(nested & self.server[above], above, np.arange(self.count))
        for _ in range(_DEEPEST):
            further = outer[outer]
            if np.array_equal(further, outer):
                break
            outer = further
        return outer

    def _folds(
        self, outer: Rows, nested: Mask, hop: Mask, dropped: Mask, top: Rows
    ) -> tuple[Rows, Rows]:
        """How many spans are part of each call and none themselves, and of each server the nested
        one that tells of a failure.
        """
        every = np.arange(self.count)
        folds = np.zeros(self.count, np.int64)
        np.add.at(folds, outer[nested & (outer != every)], 1)
        np.add.at(folds, top[dropped & (top != every)], 1)
        np.add.at(folds, np.flatnonzero(hop), 1)
        folds = np.where(dropped | nested, 0, folds)
        fails = np.array([word not in ("", "ok") for word in self.outcome.words], bool)[
            self.outcome.codes
        ]
        failing = np.full(self.count, -1, np.int64)
        rows = np.flatnonzero(nested & fails & (outer != every))[::-1]
        failing[outer[rows]] = rows
        return folds, failing

    def _near_starts(self, server: Rows, other: Rows) -> Mask:
        """Whether a server started while its client waited, give or take what clocks differ by:
        one window.
        """
        after = self.start[server] + LONG_NS >= self.start[other]
        answer: Mask = (other >= 0) & after & (self.start[server] <= self.end[other] + LONG_NS)
        return answer

    def _own_key(self, rows: Rows) -> NDArray[np.uint64]:
        return np.where(self.parent[rows] != 0, self.parent[rows], self.span[rows])


def _table(spans: pa.Table, rows: Rows, columns: dict[str, NDArray[np.generic]]) -> pa.Table:
    taken = spans.take(pa.array(rows))
    codes = columns.get("told", np.zeros(0, np.int64)).astype(np.int64)
    names = spans.take(pa.array(np.maximum(codes, 0))) if len(rows) else taken
    kind = integers(taken, "kind")
    keys = np.ascontiguousarray(columns.get("key_span", np.zeros(0, np.uint64)).astype(np.uint64))
    made = {
        "trace": taken.column("trace"),
        "span": taken.column("span"),
        "side": pa.array(np.where(kind == KIND_SERVER, 2, 1).astype(np.uint8)),
        "window": pa.array(integers(taken, "window").astype(np.uint32)),
        "key_span": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(8), len(rows), [None, pa.py_buffer(keys.tobytes())]
        ),
        "dropped": pa.array(columns.get("dropped", np.zeros(0, np.uint8))),
        "far": pa.array(columns.get("far", np.zeros(0, np.uint8))),
    }
    for name in ("namespace", "service", "version"):
        words = (
            np.array(names.column(name).to_pylist(), object) if len(rows) else np.zeros(0, object)
        )
        made[f"told_{name}"] = pa.array(np.where(codes >= 0, words, "").tolist(), pa.string())
    failing = columns.get("failing", np.zeros(0, np.int64)).astype(np.int64)
    worse = spans.take(pa.array(np.maximum(failing, 0))) if len(rows) else taken
    for name in ("outcome", "error_type"):
        words = (
            np.array(worse.column(name).to_pylist(), object) if len(rows) else np.zeros(0, object)
        )
        made[name] = pa.array(np.where(failing >= 0, words, "").tolist(), pa.string())
    made["failed"] = pa.array(
        np.where(failing >= 0, integers(worse, "failed"), 0).astype(np.uint8)
    )
    made["folds"] = pa.array(
        np.minimum(columns.get("folds", np.zeros(0, np.int64)).astype(np.int64), 65_535).astype(
            np.uint16
        )
    )
    return pa.table(made)
