"""The live shop, run once on an embedded broker: what it writes is what a real estate
would write.
"""

import hashlib
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml
from confluent_kafka import Consumer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from monitor.contracts.check import check
from monitor.contracts.registry import Registry
from monitor.decode.api_logs.decode import decode_api_logs
from monitor.decode.deploys import decode_deploys
from monitor.demo.load import VISITS
from monitor.demo.promises import Promise, promises
from monitor.demo.scenario import Scenario
from monitor.demo.shop import ShopReport, Topics, run_shop
from monitor.demo.topology import SERVICES
from monitor.model.contracts import Revision
from monitor.model.records import Partition, Records
from monitor.streams.embedded import EmbeddedKafka

SERVER, CLIENT, PRODUCER, CONSUMER = (
    Span.SPAN_KIND_SERVER,
    Span.SPAN_KIND_CLIENT,
    Span.SPAN_KIND_PRODUCER,
    Span.SPAN_KIND_CONSUMER,
)


@dataclass(frozen=True)
class Seen:
    """One span with what its resource says."""

    resource: dict[str, str]
    span: Span
    attributes: dict[str, Any]

    @property
    def service(self) -> str:
        return self.resource["service.name"]

    @property
    def milliseconds(self) -> float:
        return float(self.span.end_time_unix_nano - self.span.start_time_unix_nano) / 1e6


@dataclass
class Day:
    """Everything a short day in the shop left behind."""

    spans: list[Seen] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    bare: bool = True
    pids: list[int] = field(default_factory=list)
    report: ShopReport = field(default_factory=ShopReport)
    closing_seconds: float = 0.0

    def of(self, service: str, kind: int) -> list[Seen]:
        return [seen for seen in self.spans if seen.service == service and seen.span.kind == kind]


@pytest.fixture(scope="module")
def day() -> Day:
    """A day of some twenty seconds with the whole bad ramp in it."""
    broker = EmbeddedKafka(["otlp_spans", "api_logs", "deploys"])
    lived = Day()
    stop, read_on = threading.Event(), threading.Event()
    reader = threading.Thread(target=_read, args=(broker.bootstrap, lived, read_on))
    reader.start()
    stopped_at: list[float] = []

    def close() -> None:
        stopped_at.append(time.monotonic())
        stop.set()

    def opened(fleet: Any) -> None:
        lived.pids = list(fleet.pids())

    def announced(line: str) -> None:
        if line == "catalog 1.0.3 is gone":
            threading.Timer(1.0, close).start()

    scenario = Scenario(after=4.0, step=3.0)
    lived.report = run_shop(
        broker.bootstrap, scenario=scenario, stop=stop, announce=announced, opened=opened
    )
    lived.closing_seconds = time.monotonic() - stopped_at[0]
    read_on.set()
    reader.join()
    broker.stop()
    return lived


def _read(bootstrap: str, lived: Day, done: threading.Event) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe(["otlp_spans", "api_logs", "deploys"])
    quiet = 0
    while quiet < 4:
        messages = consumer.consume(500, 0.25)
        quiet = quiet + 1 if done.is_set() and not messages else 0
        for message in messages:
            value = message.value() or b""
            if message.topic() == "otlp_spans":
                lived.bare = lived.bare and message.key() is None and not message.headers()
                lived.spans += _spans(value)
            elif message.topic() == "api_logs":
                lived.logs.append(orjson.loads(value))
            else:
                lived.deploys.append(orjson.loads(value))
    consumer.close()


def _spans(value: bytes) -> Iterator[Seen]:
    for group in ExportTraceServiceRequest.FromString(value).resource_spans:
        resource = {each.key: each.value.string_value for each in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                values = {
                    each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
                    for each in span.attributes
                }
                yield Seen(resource, span, values)


def test_every_service_but_the_bank_writes_spans_with_its_version_and_instance(day: Day) -> None:
    traced = {
        (each.name, version) for each in SERVICES if each.traced for version, _ in each.versions
    }
    seen = {(each.service, each.resource["service.version"]) for each in day.spans}
    assert seen == traced | {("payment", "2.0.0"), ("search", "3.2.1"), ("catalog", "1.1.0")}
    for each in day.spans:
        assert each.resource["service.namespace"] == "shop"
        word = (
            "deployment.environment"
            if each.service in {"catalog", "cart", "shipping"}
            else "deployment.environment.name"
        )
        assert each.resource[word] == "production"
        assert each.resource["service.instance.id"]


def test_a_batch_is_a_message_without_key_or_headers(day: Day) -> None:
    assert day.spans
    assert day.bare


def test_every_server_half_has_the_client_half_it_answers(day: Day) -> None:
    clients = {
        (each.span.trace_id, each.span.span_id) for each in day.spans if each.span.kind == CLIENT
    }
    servers = [each for each in day.spans if each.span.kind == SERVER]
    inner = [each for each in servers if each.service != "web"]
    assert len(inner) > 1000
    assert all((each.span.trace_id, each.span.parent_span_id) in clients for each in inner)
    assert not any(each.span.parent_span_id for each in servers if each.service == "web")


def test_old_and_new_conventions_are_both_spoken(day: Day) -> None:
    assert all("http.method" in each.attributes for each in day.of("cart", SERVER))
    assert all("http.request.method" in each.attributes for each in day.of("payment", SERVER))


def test_the_bank_is_seen_only_by_its_caller(day: Day) -> None:
    assert not [each for each in day.spans if each.service == "bank"]
    hosts = {each.attributes["server.address"] for each in day.of("payment", CLIENT)}
    assert hosts == {"api.ledgerbank.example"}


def test_statements_are_client_spans_that_name_their_database(day: Day) -> None:
    statements = [
        each
        for each in day.of("orders", CLIENT)
        if "db.system" in each.attributes or "db.system.name" in each.attributes
    ]
    assert {each.span.name for each in statements} >= {"INSERT", "SELECT"}
    assert {
        each.attributes.get("db.name", each.attributes.get("db.namespace")) for each in statements
    } == {"orders-db"}


def test_an_order_taken_from_the_queue_is_linked_to_the_one_who_put_it_there(day: Day) -> None:
    producers = {(each.span.trace_id, each.span.span_id) for each in day.of("orders", PRODUCER)}
    consumers = day.of("fulfilment", CONSUMER)
    assert len(consumers) > 100
    for each in consumers:
        (link,) = each.span.links
        assert (link.trace_id, link.span_id) in producers
        assert each.attributes["messaging.destination.name"] == "shop.orders"


def test_logs_keep_the_contracts_except_where_payment_2_changed_a_type(day: Day) -> None:
    broken = defaultdict(set)
    checked = 0
    validators = _validators()
    for log in day.logs:
        schema = validators[log["callee"]].get(
            (log["method"], _template(log["callee"], log["path"]))
        )
        assert schema is not None, (log["callee"], log["method"], log["path"])
        if 200 <= log["status"] < 300:
            checked += 1
            for error in schema[str(log["status"])].iter_errors(
                orjson.loads(log["response_body"])
            ):
                broken[log["callee"], log["callee_version"], log["method"], log["path"]].add(
                    tuple(error.instance_path)
                )
    assert checked > 2000
    assert broken == {("payment", "2.0.0", "POST", "/payments"): {("amount",)}}
    changed = [
        each
        for each in day.logs
        if each["callee_version"] == "2.0.0" and each["path"] == "/payments"
    ]
    assert all(isinstance(orjson.loads(each["response_body"])["amount"], str) for each in changed)


def test_the_product_reads_the_logs_and_finds_that_one_broken_clause(day: Day) -> None:
    exchanges, rejects = decode_api_logs(
        _records([orjson.dumps(each) for each in day.logs], "api_logs"), "ndjson"
    )
    registry = Registry([_revision(each) for each in promises()])
    checks = [(each, check(each, registry)) for each in exchanges]
    assert (len(exchanges), rejects, registry.broken) == (len(day.logs), [], {})
    assert {checked.reason for _, checked in checks if checked.outcome == "not_checked"} == set()
    broken = {
        (
            each.callee,
            each.callee_version,
            checked.operation,
            violation.side,
            violation.rule,
            violation.pointer,
        )
        for each, checked in checks
        for violation in checked.violations
    }
    assert broken == {("payment", "2.0.0", "POST /payments", "response", "type", "/amount")}


def test_logs_tell_who_called_whom_and_belong_to_a_span(day: Day) -> None:
    ids = {(each.span.trace_id.hex(), each.span.span_id.hex()) for each in day.spans}
    pairs = {(each["caller"], each["caller_version"], each["callee"]) for each in day.logs}
    assert {
        ("user", "", "web"),
        ("checkout", "1.4.2", "payment"),
        ("checkout", "1.5.0", "payment"),
        ("payment", "1.9.2", "bank"),
    } <= pairs
    assert all((each["trace_id"], each["span_id"]) in ids for each in day.logs)


def test_only_the_older_checkout_fails_and_only_at_payment_2(day: Day) -> None:
    failures = [each for each in day.logs if each["status"] >= 500 and each["callee"] == "payment"]
    assert {
        (each["caller"], each["caller_version"], each["callee_version"]) for each in failures
    } == {("checkout", "1.4.2", "2.0.0")}
    assert all(each["path"].endswith("/capture") for each in failures)


def test_payment_2_reads_a_payment_more_slowly(day: Day) -> None:
    reads = [
        each
        for each in day.of("payment", SERVER)
        if each.span.name == "GET /payments/{payment_id}"
    ]
    by_version = {
        version: statistics.median(
            each.milliseconds for each in reads if each.resource["service.version"] == version
        )
        for version in ("1.9.2", "2.0.0")
    }
    assert by_version["2.0.0"] - by_version["1.9.2"] > 90


def test_both_payments_answer_while_the_ramp_lasts(day: Day) -> None:
    events = [each for each in day.deploys if each["subject"]["id"] == "payment"]
    assert [each["customData"]["trafficShare"] for each in events] == [0.1, 0.3, 0.7, 1.0]
    assert [each["context"]["type"].split(".")[3] for each in events] == [
        "deployed",
        "upgraded",
        "upgraded",
        "upgraded",
    ]
    first_new = min(
        each.span.start_time_unix_nano
        for each in day.of("payment", SERVER)
        if each.resource["service.version"] == "2.0.0"
    )
    last_old = max(
        each.span.start_time_unix_nano
        for each in day.of("payment", SERVER)
        if each.resource["service.version"] == "1.9.2"
    )
    assert last_old - first_new > 5e9


def test_the_product_reads_the_deploys_with_their_shares(day: Day) -> None:
    decoded = decode_deploys(_records([orjson.dumps(each) for each in day.deploys], "deploys"))
    assert (decoded.rejects, decoded.filtered) == ((), ())
    told = [
        (each.version, each.previous_version, each.state, each.traffic_share)
        for each in decoded.events
        if each.service == "payment"
    ]
    assert told == [
        ("2.0.0", "1.9.2", "started", 0.1),
        ("2.0.0", "1.9.2", "progressing", 0.3),
        ("2.0.0", "1.9.2", "progressing", 0.7),
        ("2.0.0", "1.9.2", "succeeded", 1.0),
    ]
    assert {each.environment for each in decoded.events} == {"production"}


def test_harmless_changes_happen_beside_it(day: Day) -> None:
    told = {
        (each["subject"]["id"], each["customData"]["version"], each["customData"]["kind"])
        for each in day.deploys
    }
    assert {
        ("search", "3.2.1", "deploy"),
        ("catalog", "1.1.0", "deploy"),
        ("pricing", "1.7.0", "config"),
    } <= told


def test_it_closes_within_seconds_and_leaves_no_process(day: Day) -> None:
    assert day.closing_seconds < 45
    assert len(day.pids) == 14
    assert not [pid for pid in day.pids if _lives(pid)]
    good = {
        each.rsplit(" ", 1)[0]
        for each, count in day.report.answers.items()
        if each.endswith((" 200", " 201")) and count
    }
    assert good == set(VISITS)


@pytest.mark.long
@pytest.mark.kafka
def test_a_real_broker_with_tls_and_scram_is_as_good(kafka_secure: Any) -> None:
    topics = Topics("shop-spans", "shop-logs", "shop-deploys")
    stop = threading.Event()
    quiet = Scenario(harmless=False, bad=False)

    def opened(_fleet: Any) -> None:
        threading.Timer(25.0, stop.set).start()  # on a busy machine the first answers are late

    report = run_shop(
        kafka_secure.bootstrap,
        kafka_options=kafka_secure.options,
        scenario=quiet,
        stop=stop,
        announce=lambda _: None,
        opened=opened,
        topics=topics,
        rate=5.0,
    )
    assert report.answers["POST /checkout 201"] > 5
    assert report.lost == 0
    consumer = Consumer(
        {
            "bootstrap.servers": kafka_secure.broker.bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["shop-spans"])
    spans: list[Seen] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not {"web", "fulfilment"} <= {
        each.service for each in spans
    }:
        for message in consumer.consume(100, 1.0):
            spans += _spans(message.value() or b"")
    consumer.close()
    assert {"web", "fulfilment"} <= {each.service for each in spans}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)  # fourteen interpreters start beside other tests
def test_a_killed_parent_takes_its_children_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "monitor.demo", "--embedded"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        try:
            assert b"the shop is open" in parent.stdout.readline()
            children = [
                int(pid)
                for pid in Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
                .read_text()
                .split()
            ]
        finally:
            parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while any(_lives(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(children) == 14
    assert not [pid for pid in children if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def _validators() -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """Service -> (method, route) -> status -> a validator of the response body, straight from the
    published documents.
    """
    built: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for promise in promises():
        document = yaml.safe_load(promise.document)
        operations = built.setdefault(promise.provider, {})
        for route, methods in document["paths"].items():
            for method, operation in methods.items():
                bodies = {
                    status: jsonschema_rs.validator_for(
                        {
                            **response["content"]["application/json"]["schema"],
                            "components": document["components"],
                        }
                    )
                    for status, response in operation["responses"].items()
                    if status != "default"
                }
                operations[method.upper(), route] = bodies
    return built


def _records(values: list[bytes], topic: str) -> Records:
    count = len(values)
    now_ms = time.time_ns() // 10**6
    return Records(
        values,
        [Partition("0" * 16, topic, 0)] * count,
        range(count),
        [now_ms] * count,
        [{}] * count,
        [0] * count,
    )


def _revision(promise: Promise) -> Revision:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    digest = hashlib.sha256(promise.document.encode()).hexdigest()
    return Revision(
        promise.name,
        1,
        "openapi",
        promise.provider,
        "",
        "",
        promise.environment,
        start,
        None,
        promise.document,
        digest,
        start,
    )


def _template(service: str, path: str) -> str:
    """The route a path of the shop belongs to."""
    parts = path.split("/")
    names = {
        ("web", "products"): "sku",
        ("web", "orders"): "order_id",
        ("catalog", "products"): "sku",
        ("inventory", "stock"): "sku",
        ("pricing", "prices"): "sku",
        ("cart", "carts"): "cart_id",
        ("payment", "payments"): "payment_id",
        ("orders", "orders"): "order_id",
    }
    name = names.get((service, parts[1]))
    if name and len(parts) > 2:
        parts[2] = "{" + name + "}"
    return "/".join(parts)
