"""A shop's traces as SDKs export them, the same for the same seed, and the truth of what they
hold.

`python tests/bench/generate.py OUT --spans 1000000` writes OUT.pb (varint-delimited
ExportTraceServiceRequests in the order in which they were flushed) and OUT.json (the truth).
Fifteen services of two instances flush every 5 s, each at a time of its own, so that the halves of
a call lie batches apart.
"""

import argparse
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

FLUSH_NS = 5_000_000_000
# spans of one export: https://opentelemetry.io/docs/specs/otel/trace/sdk/#batching-processor
MAX_BATCH = 512
WINDOW_NS = 10_000_000_000
ANY_ID = "48151623"  # another number in every span, as in life
START_NS = 1_767_225_600 * 10**9  # 2026-01-01
VERSIONS = {"payment": ("1.9.3", "2.0.0"), "checkout": ("1.4.0", "1.5.0")}
SERVICES = [
    "frontend",
    "catalog",
    "recommendation",
    "ad",
    "cart",
    "currency",
    "checkout",
    "auth",
    "shipping",
    "quote",
    "payment",
    "inventory",
    "email",
    "accounting",
    "fraud",
]

EVERYWHERE = (
    ("code.file.path", "/srv/app/shop/handlers/orders.py"),
    ("code.line.number", 128),
    ("deployment.id", "d-2026-01-01-17"),
)

# caller, callee, protocol, operation, caller's version, callee's version
Key = tuple[str, str, str, str, str, str]


@dataclass(slots=True)
class Count:
    """What is true of one edge and version pair; sums in ns, None for a side that never speaks."""

    calls: int = 0
    failed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    client_ns: int | None = None
    server_ns: int | None = None

    def add(
        self, outcome: str, client_ns: int | None, server_ns: int | None, *, failed: bool
    ) -> None:
        self.calls += 1
        self.failed += failed
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if client_ns is not None:
            self.client_ns = (self.client_ns or 0) + client_ns
        if server_ns is not None:
            self.server_ns = (self.server_ns or 0) + server_ns


@dataclass(slots=True)
class Truth:
    """Calls by edge and version pair, over all time and by window (start in seconds)."""

    spans: int = 0
    halves: int = 0
    edges: dict[Key, Count] = field(default_factory=dict)
    windows: dict[tuple[int, Key], Count] = field(default_factory=dict)

    def call(
        self,
        key: Key,
        window_of_ns: int,
        outcome: str,
        client_ns: int | None,
        server_ns: int | None,
        *,
        failed: bool,
    ) -> None:
        self.edges.setdefault(key, Count()).add(outcome, client_ns, server_ns, failed=failed)
        self.windows.setdefault((window_of_ns // WINDOW_NS * 10, key), Count()).add(
            outcome, client_ns, server_ns, failed=failed
        )

    def as_json(self) -> dict[str, Any]:
        """Names as fields, seconds beside exact nanoseconds."""
        names = ("caller", "callee", "protocol", "operation", "caller_version", "callee_version")

        def row(key: Key, count: Count) -> dict[str, Any]:
            sides = {"client_ns_sum": count.client_ns, "server_ns_sum": count.server_ns}
            return (
                dict(zip(names, key, strict=True))
                | {"calls": count.calls, "failed": count.failed, "outcomes": count.outcomes}
                | sides
            )

        edges = [row(key, count) for key, count in sorted(self.edges.items())]
        windows = [
            {"window": window} | row(key, count)
            for (window, key), count in sorted(self.windows.items())
        ]
        return {"spans": self.spans, "halves": self.halves, "edges": edges, "windows": windows}


def varint(number: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _attribute(name: str, value: str | int) -> KeyValue:
    return KeyValue(
        key=name,
        value=AnyValue(int_value=value)
        if isinstance(value, int)
        else AnyValue(string_value=value),
    )


class Instance:
    """A process of a service: its resource, and the spans that wait for its next flush."""

    def __init__(self, service: str, version: str, number: int, first_flush: int) -> None:
        self.service = service
        self.version = version
        self.next_flush = first_flush
        attributes = {
            "service.name": service,
            "service.version": version,
            "service.instance.id": f"{service}-{number}",
            "deployment.environment.name": "production",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": "1.45.1",
            "k8s.pod.name": f"{service}-7d4b9c-{number}",
        }
        resource = Resource(
            attributes=[_attribute(name, value) for name, value in attributes.items()]
        ).SerializeToString()
        self._head = b"\x0a" + varint(len(resource)) + resource
        self._scope = b"\x0a\x0b\x0a\x09generated"
        self.waiting: list[tuple[int, bytes]] = []

    def flush(self) -> Iterator[bytes]:
        """Requests with the spans that ended by now, at most 512 in each."""
        ended = [span for end, span in self.waiting if end <= self.next_flush]
        self.waiting = [(end, span) for end, span in self.waiting if end > self.next_flush]
        self.next_flush += FLUSH_NS
        for at in range(0, len(ended), MAX_BATCH):
            spans = self._scope + b"".join(
                b"\x12" + varint(len(span)) + span for span in ended[at : at + MAX_BATCH]
            )
            body = self._head + b"\x12" + varint(len(spans)) + spans
            yield b"\x0a" + varint(len(body)) + body


class Shop:
    """Fifteen services; `visit` writes the spans of one trace and what is true of them."""

    def __init__(self, seed: int, start_ns: int) -> None:
        self._random = random.Random(seed)
        self.truth = Truth()
        self.instances = {
            service: [
                Instance(
                    service,
                    VERSIONS.get(service, ("1.0.0", "1.0.0"))[number],
                    number,
                    start_ns + self._random.randrange(FLUSH_NS),
                )
                for number in range(2)
            ]
            for service in SERVICES
        }
        self._static: dict[tuple[Any, ...], bytes] = {}
        self._trace = b""

    def visit(self, start: int) -> None:
        """One visit of a person, beginning at `start` ns."""
        self._trace = self._random.randbytes(16)
        place = self._pick("frontend")
        kind = self._random.random()
        if kind < 0.45:
            self._root(place, start, "GET /products/{id}", self._browse)
        elif kind < 0.8:
            self._root(place, start, "POST /cart", self._fill)
        else:
            self._root(place, start, "POST /checkout", self._check_out)

    def _browse(self, here: Instance, span: bytes, at: int) -> int:
        at = self._work(here, span, at)
        at = self._call(
            here, span, at, "catalog", "grpc", "shop.Catalog/GetProduct", self._read_products
        )
        at = self._call(
            here,
            span,
            at,
            "recommendation",
            "http",
            "GET /recommendations",
            self._recommend,
            bad=0.01,
        )
        return self._call(here, span, at, "ad", "http", "GET /ads", None, bad=0.005)

    def _fill(self, here: Instance, span: bytes, at: int) -> int:
        at = self._call(here, span, at, "cart", "grpc", "shop.Cart/AddItem", self._add_item)
        return self._call(here, span, at, "currency", "http", "POST /convert", None, missing=0.01)

    def _check_out(self, here: Instance, span: bytes, at: int) -> int:
        return self._call(here, span, at, "checkout", "http", "POST /orders", self._order)

    def _order(self, here: Instance, span: bytes, at: int) -> int:
        at = self._call(
            here, span, at, "auth", "http", "GET /users/{id}", self._read_users, missing=0.02
        )
        at = self._call(here, span, at, "cart", "grpc", "shop.Cart/GetCart", self._read_cart)
        at = self._call(here, span, at, "shipping", "http", "POST /quotes", self._quote)
        at = self._call(
            here, span, at, "payment", "http", "POST /payments", self._pay, bad=0.004, late=0.002
        )
        at = self._call(here, span, at, "inventory", "http", "PUT /stock/{id}", self._take_stock)
        at = self._call(here, span, at, "email", "http", "POST /mail", None, late=0.003)
        return self._publish(here, span, at, "orders", {"accounting": False, "fraud": True})

    def _read_products(self, here: Instance, span: bytes, at: int) -> int:
        return self._ask_database(here, span, at, "postgresql", "products", "SELECT products")

    def _recommend(self, here: Instance, span: bytes, at: int) -> int:
        return self._call(
            here, span, at, "catalog", "grpc", "shop.Catalog/ListProducts", self._read_products
        )

    def _add_item(self, here: Instance, span: bytes, at: int) -> int:
        at = self._ask_database(here, span, at, "redis", "", "HSET")
        return self._call(
            here,
            span,
            at,
            "catalog",
            "grpc",
            "shop.Catalog/GetProduct",
            self._read_products,
            bad=0.002,
        )

    def _read_cart(self, here: Instance, span: bytes, at: int) -> int:
        return self._ask_database(here, span, at, "redis", "", "HGET")

    def _read_users(self, here: Instance, span: bytes, at: int) -> int:
        return self._ask_database(here, span, at, "postgresql", "users", "SELECT users")

    def _quote(self, here: Instance, span: bytes, at: int) -> int:
        return self._call(here, span, at, "quote", "http", "POST /calculate", None)

    def _take_stock(self, here: Instance, span: bytes, at: int) -> int:
        return self._ask_database(here, span, at, "postgresql", "stock", "UPDATE stock")

    def _pay(self, here: Instance, span: bytes, at: int) -> int:
        at = self._call_outside(here, span, at)
        return self._ask_database(here, span, at, "postgresql", "payments", "INSERT payments")

    def _root(self, here: Instance, start: int, operation: str, inside: Any) -> None:
        span = self._random.randbytes(8)
        end = inside(here, span, start + self._pause()) + self._pause()
        self._write(
            here,
            2,
            span,
            b"",
            start,
            end,
            self._http(operation, "frontend", 200, server=True),
            failed=False,
        )
        self.truth.call(
            ("user", "frontend", "http", operation, "", here.version),
            end,
            "ok",
            None,
            end - start,
            failed=False,
        )

    def _call(
        self, here: Instance, parent: bytes, at: int, callee: str, protocol: str, operation: str, inside: Any,
        *, bad: float = 0.001, missing: float = 0.0, late: float = 0.0,
    ) -> int:  # fmt: skip
        there = self._pick(callee)
        client, server = self._random.randbytes(8), self._random.randbytes(8)
        start = at + self._pause()
        came = start + self._random.randrange(200_000, 900_000)
        went = (inside(there, server, came + self._pause()) if inside else came) + self._pause(4.0)
        back = went + self._random.randrange(200_000, 900_000)
        chance = self._random.random()
        outcome = "ok"
        if chance < bad:
            outcome = "server_error"
        elif chance < bad + missing:
            outcome = "client_error"
        elif chance < bad + missing + late:
            outcome = "timeout"
            went += 1_200_000_000
            back = max(start + 1_000_000_000, back)
        client_failed, server_failed = outcome != "ok", outcome == "server_error"
        if protocol == "grpc":
            status = {"ok": 0, "server_error": 13, "client_error": 5, "timeout": 4}[outcome]
            ask = self._grpc(operation, callee, status, server=False)
            answer = self._grpc(
                operation, callee, 0 if outcome == "timeout" else status, server=True
            )
        else:
            status = {"ok": 200, "server_error": 500, "client_error": 404, "timeout": 0}[outcome]
            ask = self._http(operation, callee, status, server=False)
            answer = self._http(operation, callee, status or 200, server=True)
        self._write(here, 3, client, parent, start, back, ask, failed=client_failed)
        self._write(there, 2, server, client, came, went, answer, failed=server_failed)
        key = (here.service, callee, protocol, operation, here.version, there.version)
        self.truth.call(
            key, back, outcome, back - start, went - came, failed=client_failed or server_failed
        )
        return back

    def _call_outside(self, here: Instance, parent: bytes, at: int) -> int:
        start = at + self._pause()
        end = start + self._pause(60.0)
        bad = self._random.random() < 0.003
        fields = self._http(
            "POST /v2/charge", "api.cards.example", 503 if bad else 201, server=False, secure=True
        )
        self._write(here, 3, self._random.randbytes(8), parent, start, end, fields, failed=bad)
        key = (here.service, "api.cards.example", "http", "POST /v2/charge", here.version, "")
        self.truth.call(key, end, "server_error" if bad else "ok", end - start, None, failed=bad)
        return end

    def _ask_database(
        self, here: Instance, parent: bytes, at: int, system: str, table: str, operation: str
    ) -> int:
        start = at + self._pause()
        end = start + self._pause(2.0)
        host = f"{system}-{here.service}"
        fields = self._said(
            operation, "db", host, (("db.system.name", system), ("db.operation.name", operation.split(maxsplit=1)[0]), ("server.address", host),
            ("server.port", 6379 if system == "redis" else 5432), ("db.query.text", f"{operation} WHERE id = {ANY_ID} AND tenant = 'a' AND deleted_at IS NULL"))
            + ((("db.namespace", f"{here.service}-db"), ("db.collection.name", table)) if table else ()),
        )  # fmt: skip
        self._write(here, 3, self._random.randbytes(8), parent, start, end, fields, failed=False)
        callee = f"{here.service}-db@{host}" if table else f"{system}@{host}"
        self.truth.call(
            (here.service, callee, "database", operation, here.version, ""),
            end,
            "ok",
            end - start,
            None,
            failed=False,
        )
        return end

    def _publish(
        self, here: Instance, parent: bytes, at: int, topic: str, to: dict[str, bool]
    ) -> int:
        span = self._random.randbytes(8)
        end = at + self._pause()
        common = (
            ("messaging.system", "kafka"),
            ("messaging.destination.name", topic),
            ("messaging.kafka.offset", 4711),
        )
        self._write(
            here,
            4,
            span,
            parent,
            at,
            end,
            self._said(f"send {topic}", "send", topic, common),
            failed=False,
        )
        trace = self._trace
        for consumer, linked in to.items():
            there = self._pick(consumer)
            begun = end + int(self._random.expovariate(1 / 0.8) * 1e9)
            done = begun + self._pause(8.0)
            bad = self._random.random() < 0.002
            fields = self._said(
                f"process {topic}",
                "process",
                topic,
                common + ((("error.type", "ValueError"),) if bad else ()),
            )
            self._trace = self._random.randbytes(16) if linked else trace
            link = (trace, span) if linked else None
            self._write(
                there,
                5,
                self._random.randbytes(8),
                b"" if linked else span,
                begun,
                done,
                fields,
                failed=bad,
                link=link,
            )
            key = (here.service, consumer, "messaging", topic, here.version, there.version)
            self.truth.call(
                key, done, "server_error" if bad else "ok", end - at, done - begun, failed=bad
            )
        self._trace = trace
        return end

    def _work(self, here: Instance, parent: bytes, at: int) -> int:
        end = at + self._pause()
        fields = self._said(
            "render",
            "internal",
            "render",
            (("code.function.name", "render"), ("template", "product.html")),
        )
        self._write(here, 1, self._random.randbytes(8), parent, at, end, fields, failed=False)
        return end

    def _write(
        self, here: Instance, kind: int, span: bytes, parent: bytes, start: int, end: int, fields: bytes,
        *, failed: bool, link: tuple[bytes, bytes] | None = None,
    ) -> None:  # fmt: skip
        fields = fields.replace(ANY_ID.encode(), b"%08d" % self._random.randrange(10**8))
        parts = [b"\x0a\x10", self._trace, b"\x12\x08", span]
        if parent:
            parts += [b"\x22\x08", parent]
        parts += [
            b"\x30",
            bytes((kind,)),
            b"\x39",
            start.to_bytes(8, "little"),
            b"\x41",
            end.to_bytes(8, "little"),
            fields,
        ]
        if link:
            parts += [b"\x6a\x1c\x0a\x10", link[0], b"\x12\x08", link[1]]
        if failed:
            parts.append(b"\x7a\x02\x18\x02")
        here.waiting.append((end, b"".join(parts)))
        self.truth.spans += 1
        self.truth.halves += kind != 1

    def _http(
        self, operation: str, callee: str, status: int, *, server: bool, secure: bool = False
    ) -> bytes:
        method, route = operation.split()
        path = route.replace("{id}", ANY_ID)
        port = 443 if secure else 8080
        common: tuple[tuple[str, str | int], ...] = (
            ("http.request.method", method), ("network.protocol.version", "1.1"), ("user_agent.original", "python-httpx/0.28.1"),
            ("server.address", callee), ("server.port", port), ("thread.id", 140_003), ("thread.name", "AnyIO worker thread"),
        )  # fmt: skip
        common += ((("http.response.status_code", status),) if status else ()) + (
            () if 200 <= status < 400 else (("error.type", str(status or "timeout")),)
        )
        if server and 400 <= status < 500:
            common = tuple(attribute for attribute in common if attribute[0] != "error.type")
        own: tuple[tuple[str, str | int], ...] = (
            (
                ("http.route", route),
                ("url.path", path),
                ("url.query", f"session={ANY_ID}"),
                ("url.scheme", "http"),
                ("client.address", "10.0.3.7"),
            )
            if server
            else (
                (
                    "url.full",
                    f"{'https' if secure else 'http'}://{callee}:{port}{path}?session={ANY_ID}",
                ),
                ("network.peer.address", "10.0.7.12"),
            )
        )
        return self._said(
            operation if server else method, "server" if server else "client", callee, common + own
        )

    def _grpc(self, operation: str, callee: str, status: int, *, server: bool) -> bytes:
        service, method = operation.split("/")
        common: tuple[tuple[str, str | int], ...] = (
            ("rpc.system", "grpc"), ("rpc.service", service), ("rpc.method", method), ("rpc.grpc.status_code", status),
            ("server.address", callee), ("server.port", 50051), ("network.peer.address", "10.0.7.12"), ("network.peer.port", 40_712),
            ("network.transport", "tcp"), ("thread.name", "grpc-default-executor-0"),
        )  # fmt: skip
        return self._said(operation, "server" if server else "client", callee, common)

    def _said(self, name: str, *rest: Any) -> bytes:
        """Name and attributes of a span as protobuf fields; few are distinct."""
        key = (name, *rest)
        if key not in self._static:
            attributes = [_attribute(label, value) for label, value in (*rest[-1], *EVERYWHERE)]
            self._static[key] = Span(
                name=name, flags=0x100, attributes=attributes
            ).SerializeToString()
        return self._static[key]

    def _pick(self, service: str) -> Instance:
        return self.instances[service][self._random.random() < 0.3]

    def _pause(self, typical_ms: float = 0.5) -> int:
        return int(1e6 * typical_ms * math.exp(self._random.gauss(0.0, 0.6)))


def stream(
    spans: int, seed: int = 7, spans_per_second: float = 5000.0, start_ns: int = START_NS
) -> Iterator[tuple[int, bytes] | Truth]:
    """(time of flush in ns, serialized ExportTraceServiceRequest) in the order of time, then the
    Truth; at least `spans` spans.
    """
    shop = Shop(seed, start_ns)
    gaps = random.Random(seed + 1)
    everyone = [instance for pair in shop.instances.values() for instance in pair]
    now = float(start_ns)
    mean = 17.0 / spans_per_second * 1e9  # a visit makes some 17 spans
    while shop.truth.spans < spans:
        due = min(everyone, key=lambda instance: instance.next_flush)
        while due.next_flush <= now:
            at = due.next_flush
            yield from ((at, request) for request in due.flush())
            due = min(everyone, key=lambda instance: instance.next_flush)
        shop.visit(int(now))
        now += gaps.expovariate(1 / mean)
    while any(instance.waiting for instance in everyone):
        due = min(everyone, key=lambda instance: instance.next_flush)
        at = due.next_flush
        yield from ((at, request) for request in due.flush())
    yield shop.truth


def generated(
    spans: int, seed: int = 7, spans_per_second: float = 5000.0
) -> tuple[list[tuple[int, bytes]], Truth]:
    """Everything of `stream` in memory."""
    *requests, truth = stream(spans, seed, spans_per_second)
    assert isinstance(truth, Truth)
    return [request for request in requests if isinstance(request, tuple)], truth


def write(out: Path, spans: int, seed: int = 7, spans_per_second: float = 5000.0) -> Truth:
    """Write OUT.pb and OUT.json."""
    with out.with_suffix(".pb").open("wb") as file:
        for flush in stream(spans, seed, spans_per_second):
            if isinstance(flush, Truth):
                out.with_suffix(".json").write_text(json.dumps(flush.as_json(), indent=1))
                return flush
            file.write(varint(len(flush[1])) + flush[1])
    raise AssertionError("a stream ends with its truth")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("out", type=Path)
    words.add_argument("--spans", type=int, default=1_000_000)
    words.add_argument("--seed", type=int, default=7)
    words.add_argument("--rate", type=float, default=5000.0, help="spans a second of event time")
    options = words.parse_args()
    truth = write(options.out, options.spans, options.seed, options.rate)
    print(
        f"{truth.spans} spans, {truth.halves} halves, {sum(count.calls for count in truth.edges.values())} calls, {len(truth.edges)} edges and version pairs"
    )


if __name__ == "__main__":
    main()
