"""Where decoded spans gather, column by column, and where bad ones are counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monitor.model.builds import BUILD, MOST_TEXT, Build
from monitor.model.records import REJECT_HEADER, Records, Reject, reject, stepped_over
from monitor.model.spans import SPAN, TRACE, InnerSpans, Resource, SpanBatch, Words

MAX_RECORD_BYTES = 64 * 1024 * 1024
MAX_TEXT = 256
MAX_LINKS = 1000
OWN_SERVICE = "seamwatch"
EARLIEST_NS = 946_684_800 * 10**9  # the year 2000
FUTURE_NS = 3600 * 10**9
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)

# Attributes that name an edge, in old and new semantic conventions; others are not kept.
# https://opentelemetry.io/docs/specs/semconv/ (http, rpc, database, messaging, general attributes)
NAMING = frozenset(
    (
        "http.request.method http.method http.route url.template url.path http.target url.full http.url "
        "http.response.status_code http.status_code server.address server.port net.peer.name net.peer.port "
        "net.sock.peer.name network.peer.address network.peer.port net.sock.peer.addr net.peer.ip peer.service service.peer.name peer.hostname "
        "net.sock.peer.port peer.address peer.ipv4 peer.ipv6 peer.port http.host http.authority url.domain upstream_cluster.name upstream_cluster "
        "faas.invoked_name graphql.operation.name graphql.operation.type dns.question.name db.redis.database_index "
        "rpc.system rpc.system.name rpc.service rpc.method rpc.grpc.status_code rpc.response.status_code grpc.status_code "
        "db.system db.system.name db.name db.namespace db.operation db.operation.name db.collection.name db.sql.table "
        "db.query.summary db.statement db.query.text messaging.system messaging.destination.name messaging.destination "
        "messaging.destination.template messaging.destination.temporary messaging.destination.anonymous "
        "messaging.batch.message_count messaging.operation messaging.operation.type messaging.operation.name error.type "
        "server.socket.domain server.socket.address server.socket.port db.type db.instance db.mongodb.collection db.cassandra.table "
        "db.cosmosdb.container messaging.temp_destination message_bus.destination rpc.jsonrpc.error_code rpc.connect_rpc.error_code "
        "tailsampling.policy tailsampling.composite_policy"
    ).split()
)
LINKED = "span.links"
"""The word for an outgoing span that links to others; no attribute has this name."""
BODY_ATTRIBUTES = frozenset(
    (
        "http.request.body.content",
        "http.response.body.content",
        "http.request.body",
        "http.response.body",
    )
)
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")


_known: dict[bytes, tuple[Any, ...]] = {}
_MOST_KNOWN = 50_000


def known_attributes() -> dict[bytes, tuple[Any, ...]]:
    """The words that attributes seen before add, by their bytes; forgotten all at once when there
    are too many, which bounds a flood.
    """
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    return _known


class Columns:
    """Grows one SpanBatch. `begin` a record, then `add` its spans; `batch` ends it."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.record = 0
        self.record_ns = 0
        self.rejects: list[Reject] = stepped_over(records)
        self.known_attributes = known_attributes()
        self._rows: list[tuple[int, int, bytes, bytes, bytes, int, int, int, int, int, int]] = []
        self._resources: dict[Resource, int] = {}
        self._raw_resources: dict[bytes, int] = {}
        self._words: dict[Words, int] = {}
        self._states: dict[str, int] = {}
        self._links: list[tuple[int, bytes, bytes]] = []
        self._bodies: list[tuple[int, Mapping[str, Any]]] = []
        self._inner: list[tuple[int, bytes, bytes, bytes, int, int, int, int]] = []
        self._questions: dict[str, int] = {"": 0}
        self._own = False
        count = len(records)
        self._seen = np.zeros(count, np.int64)
        self._filtered = np.zeros(count, np.int64)
        self._refused = np.zeros(count, np.int64)
        self._clamped = 0
        self._reasons: dict[tuple[int, str], int] = {}

    def begin(self, index: int) -> None:
        """Everything that follows comes from record `index`."""
        self.record = index
        self.record_ns = self._records.timestamps_ms[index] * 1_000_000

    def refuse_record(self, reason: str, detail: str = "") -> None:
        """Nothing (more) of this record can be used; rows already added from it stay."""
        whole = self._seen[self.record] == 0
        self.rejects.append(reject(self._records, self.record, reason, detail, whole=bool(whole)))

    def refuse_empty(self) -> None:
        """An empty record: a tombstone, or what the source stepped over and accounts
        for itself.
        """
        if REJECT_HEADER not in self._records.headers[self.record]:
            self.refuse_record("empty")

    def resource_of(self, raw: bytes) -> int | None:
        """The index of a resource whose bytes this batch has seen before."""
        return self._raw_resources.get(raw)

    def resource(self, attributes: Mapping[str, Any] | None, raw: bytes | None = None) -> int:
        """The index of a resource; -1 when it names no service, -2 when it is ours, -3 when it
        cannot be read (None).
        """
        index = -3 if attributes is None else self._resource(attributes)
        if raw is not None:
            self._raw_resources[raw] = index
        return index

    def resources_known(self) -> tuple[int, int]:
        """How many there are, and by how many texts: what `forget_resources` goes back to."""
        return len(self._resources), len(self._raw_resources)

    def forget_resources(self, sizes: tuple[int, int]) -> None:
        """As if the resources that came since had not come."""
        while len(self._resources) > sizes[0]:
            self._resources.popitem()
        while len(self._raw_resources) > sizes[1]:
            self._raw_resources.popitem()

    def _resource(self, attributes: Mapping[str, Any]) -> int:
        service = _text(attributes.get("service.name"))
        if not service:
            return -1
        if service == OWN_SERVICE:
            return -2
        environment = next(
            (_text(attributes[key]) for key in _ENVIRONMENT if attributes.get(key)), ""
        )
        instance = (
            attributes.get("service.instance.id")
            or attributes.get("k8s.pod.name")
            or attributes.get("host.name")
        )
        resource = Resource(
            service,
            _text(attributes.get("service.namespace")),
            _text(attributes.get("service.version")),
            _text(instance),
            environment,
            _text(attributes.get("k8s.cluster.name")),
            _text(attributes.get("cloud.region") or attributes.get("cloud.availability_zone")),
            _build(attributes),
        )
        return self._resources.setdefault(resource, len(self._resources))

    def passed(self, kind: int, resource: int) -> None:
        """A span that makes no edge: INTERNAL, ours, of no service, or of an unknown kind."""
        self._seen[self.record] += 1
        if kind < 0 or kind > 5:
            self.refuse_span("unknown_kind")
        elif resource == -1:
            self.refuse_span("no_service_name")
        elif resource == -3:
            self.refuse_span("bad_resource")
        else:
            self._filtered[self.record] += 1

    def inner(
        self,
        trace: bytes,
        span: bytes,
        parent: bytes,
        start: int,
        end: int,
        resource: int,
        asked: str = "",
    ) -> None:
        """An INTERNAL span, once it has `passed`; what has no usable id or time, or is ours, is
        left out. `asked` is what it tells of GraphQL.
        """
        if len(trace) != 16 or len(span) != 8 or resource < 0 or len(parent) not in (0, 8):
            return
        if EARLIEST_NS <= start <= end <= self.record_ns + FUTURE_NS:
            number = self._questions.setdefault(asked, len(self._questions)) if asked else 0
            self._inner.append(
                (self.record, trace, span, parent or _NO_SPAN, start, end, resource, number)
            )

    def add(
        self,
        kind: int,
        trace: bytes,
        span: bytes,
        parent: bytes,
        start: int,
        end: int,
        status: int,
        resource: int,
        words: Words,
        state: str,
    ) -> int:
        """One span; its row, or -1 when it is refused with a counted reason."""
        self._seen[self.record] += 1
        if len(trace) != 16 or len(span) != 8 or trace == _NO_TRACE or span == _NO_SPAN:
            return self.refuse_span("bad_id")
        if not parent:
            parent = _NO_SPAN
        elif len(parent) != 8:
            return self.refuse_span("bad_id")
        if end < EARLIEST_NS or start < EARLIEST_NS:
            return self.refuse_span("time_before_2000")
        if end > self.record_ns + FUTURE_NS:
            return self.refuse_span("time_in_future")
        if start > end:
            start = end
            self._clamped += 1
        number = self._words.get(words)
        if number is None:
            number = self._words[words] = len(self._words)
        row = len(self._rows)
        state_number = 0 if not state else self._states.setdefault(state, len(self._states) + 1)
        self._rows.append(
            (
                self.record,
                kind,
                trace,
                span,
                parent,
                start,
                end,
                status,
                resource,
                number,
                state_number,
            )
        )
        return row

    def links(self, row: int, targets: Iterable[tuple[bytes, bytes]]) -> None:
        """The links of a consumer; those without ids are left out, beyond 1,000 they are cut."""
        good = [
            (row, trace, span) for trace, span in targets if len(trace) == 16 and len(span) == 8
        ]
        self._links.extend(good[:MAX_LINKS])

    def body(self, row: int, attributes: Mapping[str, Any]) -> None:
        """A span that carries a payload: all its attributes, and its resource's under
        `resource`.
        """
        self._bodies.append((row, attributes))

    def batch(self) -> SpanBatch:
        """The finished columns; per-span reasons become rejects, one a record and reason."""
        for (record, reason), count in sorted(
            self._reasons.items(), key=lambda entry: entry[0][0]
        ):
            self.rejects.append(reject(self._records, record, reason, count=count, whole=False))
        rows = self._rows
        parts = list(zip(*rows, strict=True)) if rows else [()] * 11
        inner = list(zip(*self._inner, strict=True)) if self._inner else [()] * 8
        return SpanBatch(
            record=np.array(parts[0], np.int32),
            kind=np.array(parts[1], np.uint8),
            trace=np.frombuffer(b"".join(parts[2]), TRACE),
            span=np.frombuffer(b"".join(parts[3]), SPAN),
            parent=np.frombuffer(b"".join(parts[4]), SPAN),
            start_ns=np.array(parts[5], np.uint64),
            end_ns=np.array(parts[6], np.uint64),
            status=np.array([s if 0 <= s <= 255 else 0 for s in parts[7]], np.uint8),
            resource=np.array(parts[8], np.int32),
            words=np.array(parts[9], np.int32),
            tracestate=np.array(parts[10], np.int32),
            resources=list(self._resources),
            word_list=list(self._words),
            tracestates=["", *self._states],
            links=self._links,
            bodies=self._bodies,
            seen=self._seen,
            filtered=self._filtered,
            refused=self._refused,
            inner=InnerSpans(
                record=np.array(inner[0], np.int32),
                trace=np.frombuffer(b"".join(inner[1]), TRACE),
                span=np.frombuffer(b"".join(inner[2]), SPAN),
                parent=np.frombuffer(b"".join(inner[3]), SPAN),
                start_ns=np.array(inner[4], np.uint64),
                end_ns=np.array(inner[5], np.uint64),
                resource=np.array(inner[6], np.int32),
                asked=np.array(inner[7], np.int32),
                questions=list(self._questions),
            ),
            clamped=self._clamped,
        )

    def count(
        self,
        counts: Sequence[tuple[int, int, int, int]],
        reasons: Sequence[tuple[int, str, int]],
        clamped: int,
    ) -> None:
        """What other columns took: record, spans seen, filtered, refused; record,
        reason, spans.
        """
        if counts:
            at, seen, filtered, refused = np.array(counts, np.int64).T
            self._seen[at], self._filtered[at], self._refused[at] = seen, filtered, refused
        self._reasons |= {(record, reason): spans for record, reason, spans in reasons}
        self._clamped += clamped

    def unread(self, reason: str) -> None:
        """A span that could not even be read."""
        self._seen[self.record] += 1
        self.refuse_span(reason)

    def refuse_span(self, reason: str) -> int:
        """Count a span of this record that cannot be used; -1."""
        self._refused[self.record] += 1
        key = (self.record, reason)
        self._reasons[key] = self._reasons.get(key, 0) + 1
        return -1


def _build(attributes: Mapping[str, Any]) -> Build:
    """What the resource says of its build; of a list (image tags) all, in their order."""
    attributes_told = ((name, attributes[name]) for name in BUILD if name in attributes)
    texts = (
        (name, ",".join(sorted(map(str, value))) if isinstance(value, list) else _text(value))
        for name, value in attributes_told
    )
    return tuple((name, text[:MOST_TEXT]) for name, text in texts if text)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return text[:MAX_TEXT]
