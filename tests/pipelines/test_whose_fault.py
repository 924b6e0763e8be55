"""What bad calls have in common is learned from the half edges in the store, and told on findings,
verdicts and explanations.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import Histogram
from sqlalchemy import Engine

from monitor import telemetry
from monitor.api.told import told_explanation
from monitor.cli.explain import lines_of
from monitor.control.documents import to_document
from monitor.control.findings import list_findings
from monitor.joining.builds import Builds
from monitor.joining.detecting import DetectionSettings, detect_once
from monitor.joining.explaining import explain
from monitor.model.judging import Condition
from monitor.model.spans import Resource
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.wording.findings import summary
from monitor.wording.reasons import sentence
from tests.detect.traffic import START, Behaviour, Traffic, cells, edge, now_after, steady
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, request
from tests.pipelines.test_detection import announce
from tests.pipelines.written import write_cells

Fails = Callable[[str, str], float]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def write_calls(
    store: Store, until: datetime, fails: Fails, calls: int = 1500, says: str = ""
) -> None:
    """Calls of web at payment: client and server halves, the server's by version and pod; `fails`
    gives their chance of an error.
    """
    rng = np.random.default_rng(3)
    rows: list[dict[str, object]] = []
    places = [
        ("2.0.0", "pod-7"),
        ("2.0.0", "pod-8"),
        ("2.0.0", "pod-9"),
        ("1.9.0", "pod-1"),
        ("1.9.0", "pod-2"),
    ]
    for number in range(calls):
        version, pod = places[number % len(places)]
        caller = ("1.0.0", "1.1.0")[number // len(places) % 2]
        bad = version == "2.0.0" and rng.random() < fails(pod, caller)
        moment = START + (until - START) * (number / calls)
        trace, span = number.to_bytes(16, "big"), (number + 1).to_bytes(8, "big")
        common = {
            "window": int(moment.timestamp()) // 10 * 10, "trace": trace, "own_trace": trace, "call_span": span,
            "environment": "production", "protocol": "http", "operation": "POST /pay", "primary": 1, "weight": 1.0,
            "outcome": "server_error" if bad else "ok", "failed": int(bad), "error_type": "PoolError" if bad and says else "", "failure": says if bad else "", "start_ns": int(moment.timestamp() * 1e9),
            "end_ns": int(moment.timestamp() * 1e9) + 20_000_000,
        }  # fmt: skip
        rows.append(
            common
            | {
                "side": 1,
                "kind": 3,
                "own_span": span,
                "service": "web",
                "version": caller,
                "instance": "w",
                "region": "",
            }
        )
        server = {
            "side": 2,
            "kind": 2,
            "own_span": (number + 10**6).to_bytes(8, "big"),
            "service": "payment",
            "version": version,
        }
        rows.append(
            common | server | {"instance": pod, "region": "zone-b" if pod == "pod-7" else "zone-a"}
        )
    columns = {name: pa.array([row[name] for row in rows]) for name in rows[0]}
    sizes = {"trace": 16, "own_trace": 16, "call_span": 8, "own_span": 8}
    for name, size in sizes.items():
        columns[name] = columns[name].cast(pa.binary(size))
    columns["window"] = columns["window"].cast(pa.uint32())
    for name in ("start_ns", "end_ns"):
        columns[name] = columns[name].cast(pa.uint64())
    store.insert("halves", pa.table(columns))


def test_one_bad_pod_of_three_is_told_and_not_blamed_on_the_release(
    store: Store, engine: Engine
) -> None:
    until = START + timedelta(seconds=120)
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(store, until, lambda pod, _: 0.3 * (pod == "pod-7"))
    deploy_id = announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    assert judged.verdict.outcome == "inconclusive"
    assert finding.explained is not None
    assert sentence(finding.explained).startswith("instance pod-7 alone: ")
    assert finding.evidence.differs is not None
    assert finding.evidence.differs.conditions == (Condition("instance", "pod-7"),)
    assert finding.evidence.differs.same == (Condition("zone", "zone-b"),)
    assert summary(finding).endswith("; all on instance pod-7")
    again = explain(engine, judged.verdict.id)
    assert again is not None
    assert (again.again, again.differs) == ("same", ())
    printed = "\n".join(lines_of(to_document(told_explanation(again))))
    assert "instance pod-7 alone: " in printed
    assert "; all on instance pod-7" in printed


def test_failures_of_one_caller_version_are_the_releases_and_told_as_such(
    store: Store, engine: Engine
) -> None:
    until = START + timedelta(seconds=120)
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(store, until, lambda _, caller: 0.3 * (caller == "1.1.0"))
    deploy_id = announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    assert judged.verdict.outcome == "fail"
    assert finding.evidence.differs is not None
    assert finding.evidence.differs.conditions == (Condition("caller_version", "1.1.0"),)
    assert summary(finding).endswith("; all of caller version 1.1.0")


def write_exchanges(store: Store, shape_of: Callable[[int], int], calls: int = 1500) -> None:
    """What the server logged of the calls that `write_calls` wrote: the request's shape."""
    until = START + timedelta(seconds=120)
    moments = [START + (until - START) * (number / calls) for number in range(calls)]
    columns = {
        "window": pa.array(
            [int(moment.timestamp()) // 10 * 10 for moment in moments], pa.uint32()
        ),
        "offset": pa.array(range(calls), pa.uint64()),
        "trace": pa.array([number.to_bytes(16, "big") for number in range(calls)], pa.binary(16)),
        "span": pa.array(
            [(number + 10**6).to_bytes(8, "big") for number in range(calls)], pa.binary(8)
        ),
        "has_trace": pa.array([1] * calls, pa.uint8()),
        "request_shape": pa.array([shape_of(number) for number in range(calls)], pa.uint64()),
    }
    store.insert("exchanges", pa.table(columns))


@pytest.mark.parametrize(
    ("pods", "rule", "same"),
    [
        (("pod-7", "pod-8"), ("container.image.tags", "v2"), ()),
        (("pod-7",), ("instance", "pod-7"), ("zone", "host.arch")),
    ],
)
def test_failures_of_instances_of_one_build_are_told_as_such(
    store: Store, engine: Engine, pods: tuple[str, ...], rule: tuple[str, str], same: Sequence[str]
) -> None:
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(store, START + timedelta(seconds=120), lambda pod, _: 0.3 * (pod in pods))
    Builds(store).keep(
        [
            Resource(
                "payment",
                version="2.0.0",
                instance=pod,
                environment="production",
                build=(
                    ("container.image.tags", "v3" if pod == "pod-9" else "v2"),
                    ("host.arch", "arm64" if pod == "pod-7" else "amd64"),
                ),
            )
            for pod in ("pod-7", "pod-8", "pod-9")
        ],
        START.timestamp(),
    )
    deploy_id = announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    differs = finding.evidence.differs
    assert differs is not None
    assert differs.conditions == (Condition(*rule),)  # type: ignore[arg-type]  # a name of those
    assert [condition.attribute for condition in differs.same] == list(same)
    if len(pods) > 1:
        assert summary(finding).endswith("; all where container.image.tags is v2")
    again = explain(engine, judged.verdict.id)
    assert again is not None
    assert (again.again, again.differs) == ("same", ())


def test_what_an_instance_says_of_its_build_is_written_once_in_some_hours(rig: Rig) -> None:
    builds, seen = Builds(rig.store), []
    for tag, now in (("v1", 0.0), ("v1", 3600.0), ("v2", 3700.0), ("v2", 30_000.0)):
        named = Resource("cart", version="2.0", instance="c-1", build=(("host.type", tag),))
        writes = telemetry.INSERT_SECONDS.labels("builds")
        before = _count(writes)
        builds.keep([named, Resource("web", instance="w-1")], now)
        seen.append(_count(writes) - before)
    assert seen == [1, 0, 1, 1]
    there = {"service.instance.id": "c-1", "host.type": "v3", "secret.name": "no"}
    rig.deliver(*call(1, resource=there))
    ends = datetime.fromtimestamp(T0 - 60, UTC), datetime.fromtimestamp(T0 + 60, UTC)
    (row,) = rig.reader.alike("", "cart", "callee", *ends)
    assert row.build == {"host.type": "v3"}


def _count(seconds: Histogram) -> float:
    return next(
        sample.value
        for family in seconds.collect()
        for sample in family.samples
        if sample.name.endswith("_count")
    )


@pytest.mark.parametrize(("part", "told"), [(3, True), (1, False)])
def test_failures_of_requests_of_one_shape_are_told_as_such(
    store: Store, engine: Engine, part: int, told: bool
) -> None:
    """Requests of shape 0xabc fail; where all have that shape, it tells nothing apart."""
    rng = np.random.default_rng(7)
    shapes = [0xABC if rng.random() < 1 / part else 0x123 for _ in range(1500)]
    fails = iter(
        shape == 0xABC and part > 1
        for shape, place in zip(shapes, range(1500), strict=True)
        if place % 5 < 3
    )
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(
        store, START + timedelta(seconds=120), lambda *_: 0.5 * next(fails) if part > 1 else 0.2
    )
    write_exchanges(store, shapes.__getitem__)
    deploy_id = announce(engine)
    detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    assert (finding.evidence.differs is not None) == told
    if finding.evidence.differs is not None:
        assert finding.evidence.differs.conditions == (
            Condition("payload_shape", "0000000000000abc"),
        )
        assert summary(finding).endswith("; all with payload shape 0000000000000abc")


def test_failures_that_fall_anywhere_are_the_releases_and_no_rule_is_told(
    store: Store, engine: Engine
) -> None:
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(store, START + timedelta(seconds=120), lambda *_: 0.1)
    deploy_id = announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    assert judged.verdict.outcome == "fail"
    assert finding.evidence.differs is None
    assert finding.explained is None


def test_a_part_of_the_traces_is_read_where_there_are_many(store: Store) -> None:
    write_calls(store, START + timedelta(seconds=120), lambda *_: 0.1)
    ends = START - timedelta(seconds=60), START + timedelta(seconds=180)
    every, some = (
        Reader(store).alike("production", "payment", "callee", *ends, one_in) for one_in in (1, 10)
    )
    assert sum(row.calls for row in every) == 1500
    assert 80 < sum(row.calls for row in some) < 250
    assert {row.fold for row in some} == {0, 1}
    assert {(row.edge.caller, row.edge.callee) for row in every} == {("web", "payment")}
    assert sum(row.server_histogram.get(-46, 0) for row in every) == 1500
    mirrored = Reader(store).alike("production", "web", "caller", *ends)
    assert sum(row.calls for row in mirrored) == 1500
    assert {row.instance for row in mirrored} == {"w"}


def test_what_failed_spans_say_comes_to_the_reader_as_templates_and_once(rig: Rig) -> None:
    message = ExportTraceServiceRequest()
    for number in range(6):
        message.MergeFromString(request(call(100 + number, error=number < 4)))
    for block in message.resource_spans:
        span = block.scope_spans[0].spans[0]
        span.status.message = (
            f"order {int.from_bytes(span.trace_id[-2:], 'big')} of 'jane' is locked"
        )
    rig.log.append(
        message.SerializeToString(), 0, timestamp_ms=int(rig.clock().timestamp() * 1000)
    )
    rig.collect()
    rig.log.append(
        message.SerializeToString(), 1, timestamp_ms=int(rig.clock().timestamp() * 1000)
    )
    rig.collect()
    rig.close()
    ends = datetime.fromtimestamp(T0 - 60, UTC), datetime.fromtimestamp(T0 + 60, UTC)
    told = [
        failure
        for row in rig.reader.alike("", "cart", "callee", *ends)
        for failure in row.failures
    ]
    assert {(kind, text) for kind, text, _ in told} == {
        ("error", "order <num> of <text> is locked")
    }
    assert sum(count for _, _, count in told) == 4
    (row,) = [row for row in rig.edges() if row.callee == "cart"]
    assert row.calls == 6


def test_a_kind_of_failure_that_only_the_new_version_has_is_told(
    store: Store, engine: Engine
) -> None:
    write_cells(
        store, cells([Traffic(edge(), new=Behaviour(server_error=0.1))], 12, share=steady(0.5))
    )
    write_calls(
        store,
        START + timedelta(seconds=120),
        lambda *_: 0.1,
        says="pool of <num> connections is empty",
    )
    deploy_id = announce(engine)
    detect_once(Reader(store), engine, store, DetectionSettings(), now_after(12))
    (finding,) = list_findings(engine, deploy_id=deploy_id)
    (kind,) = finding.evidence.failures
    assert (kind.error_type, kind.template, kind.is_new, kind.not_for_a_day) == (
        "PoolError", "pool of <num> connections is empty", True, True,
    )  # fmt: skip
    assert (
        f"; a new kind of failure: PoolError “pool of <num> connections is empty”, {kind.calls} calls"
        in summary(finding)
    )
