"""Jaeger's spans: as the Collector writes them into records, and as Jaeger's API shows them."""

import base64
from typing import Any

import orjson
import pytest

from monitor.decode.jaeger import Batch, Span
from monitor.decode.spans import decode_spans
from monitor.model.spans import SpanBatch
from tests.fixtures.spans import T0, records

TRACE, OWN, ABOVE = b"\x0a" * 16, b"\x00" * 7 + b"\xc1", b"\x00" * 7 + b"\xa0"
TAGS: dict[str, Any] = {
    "span.kind": "client",
    "http.method": "GET",
    "http.status_code": 503,
    "error": True,
    "peer.service": "pay",
}
PROCESS: dict[str, Any] = {
    "service.version": "1.2",
    "deployment.environment": "prod",
    "hostname": "pod-7",
}


def filled(owner: Any, tags: dict[str, Any]) -> None:
    for key, value in tags.items():
        if isinstance(value, bool):
            owner.add(key=key, v_type=1, v_bool=value)
        elif isinstance(value, int):
            owner.add(key=key, v_type=2, v_int64=value)
        else:
            owner.add(key=key, v_str=value)


def span(
    tags: dict[str, Any] = TAGS,
    references: tuple[tuple[bytes, bytes, int], ...] = ((TRACE, ABOVE, 0),),
) -> Any:
    made = Span(trace_id=TRACE, span_id=OWN, operation_name="GET /pay")
    made.start_time.seconds, made.start_time.nanos = T0, 250_000_000
    made.duration.nanos = 30_000_000
    for trace, own, kind in references:
        made.references.add(trace_id=trace, span_id=own, ref_type=kind)
    filled(made.tags, tags)
    made.process.service_name = "shop"
    filled(made.process.tags, PROCESS)
    return made


def read(value: bytes, encoding: str = "auto") -> SpanBatch:
    spans, rejects = decode_spans(records([value]), encoding)
    assert not rejects
    return spans


def words(spans: SpanBatch) -> dict[Any, Any]:
    texts = spans.word_list[spans.words[0]]
    return {"name": texts[0], **dict(zip(texts[1::2], texts[2::2], strict=True))}


@pytest.mark.parametrize("encoding", ["auto", "jaeger_proto"])
def test_a_span_alone_in_a_record(encoding: str) -> None:
    spans = read(span().SerializeToString(), encoding)
    assert (list(spans.kind), list(spans.status)) == ([3], [2])
    assert (spans.trace[0].tobytes(), spans.span[0].tobytes(), spans.parent[0].tobytes()) == (
        TRACE,
        OWN,
        ABOVE,
    )
    assert (int(spans.start_ns[0]), int(spans.end_ns[0])) == (
        T0 * 10**9 + 250_000_000,
        T0 * 10**9 + 280_000_000,
    )
    (resource,) = spans.resources
    assert (resource.service, resource.version, resource.environment, resource.instance) == (
        "shop",
        "1.2",
        "prod",
        "pod-7",
    )
    assert words(spans) == {
        "name": "GET /pay",
        "http.method": "GET",
        "http.status_code": 503,
        "peer.service": "pay",
    }


def test_a_batch_shares_its_process_and_a_span_may_have_its_own() -> None:
    batch = Batch()
    for _ in range(2):
        batch.spans.add().ParseFromString(span().SerializeToString())
    batch.spans[0].ClearField("process")
    batch.process.service_name = "web"
    spans = read(batch.SerializeToString())
    assert [spans.resources[at].service for at in spans.resource] == ["web", "shop"]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"error": False}, 0),
        ({"error": "true"}, 2),
        ({"otel.status_code": "ERROR"}, 2),
        ({"otel.status_code": "OK"}, 1),
        ({}, 0),
    ],
)
def test_status_is_what_the_tags_say(tags: dict[str, Any], status: int) -> None:
    assert list(read(span({"span.kind": "server", **tags}).SerializeToString()).status) == [status]


def test_the_parent_is_the_child_of_reference_of_its_own_trace() -> None:
    other = b"\x0b" * 16
    message = span(
        references=((other, b"\x01" * 8, 0), (TRACE, b"\x02" * 8, 1), (TRACE, ABOVE, 0))
    )
    assert read(message.SerializeToString()).parent[0].tobytes() == ABOVE
    follows = span(references=((TRACE, b"\x02" * 8, 1),))
    assert read(follows.SerializeToString()).parent[0].tobytes() == b"\x02" * 8


def test_a_consumer_follows_its_producers_as_links() -> None:
    other = b"\x0b" * 16
    spans = read(
        span(
            {"span.kind": "consumer"}, ((other, b"\x01" * 8, 1), (TRACE, ABOVE, 1))
        ).SerializeToString()
    )
    assert list(spans.kind) == [5]
    assert spans.links == [(0, other, b"\x01" * 8), (0, TRACE, ABOVE)]


def test_a_span_of_no_kind_is_internal() -> None:
    assert list(read(span({}).SerializeToString()).filtered) == [1]


def collectors(**changes: Any) -> dict[str, Any]:
    """A span as the Collector's jaeger_json writes it: protobuf's JSON."""

    def said(tags: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"key": key, "vType": "BOOL", "vBool": value}
            if isinstance(value, bool)
            else {"key": key, "vType": "INT64", "vInt64": str(value)}
            if isinstance(value, int)
            else {"key": key, "vStr": value}
            for key, value in tags.items()
        ]

    def in_base64(value: bytes) -> str:
        return base64.b64encode(value).decode()

    return {
        "traceId": in_base64(TRACE),
        "spanId": in_base64(OWN),
        "operationName": "GET /pay",
        "references": [{"traceId": in_base64(TRACE), "spanId": in_base64(ABOVE)}],
        "startTime": "2026-09-21T14:13:20.25Z",
        "duration": "0.030s",
        "tags": said(TAGS),
        "process": {"serviceName": "shop", "tags": said(PROCESS)},
    } | changes


def apis() -> dict[str, Any]:
    """The same as Jaeger's API and page write it."""

    def said(tags: dict[str, Any]) -> list[dict[str, Any]]:
        kinds = {bool: "bool", int: "int64", str: "string"}
        return [
            {"key": key, "type": kinds[type(value)], "value": value} for key, value in tags.items()
        ]

    document = {
        "traceID": TRACE.hex(),
        "spanID": OWN.hex().lstrip("0"),
        "operationName": "GET /pay",
        "references": [{"refType": "CHILD_OF", "traceID": TRACE.hex(), "spanID": ABOVE.hex()}],
        "startTime": T0 * 1_000_000 + 250_000,
        "duration": 30_000,
        "tags": said(TAGS),
        "processID": "p1",
    }
    return {
        "data": [
            {
                "traceID": TRACE.hex(),
                "spans": [document],
                "processes": {"p1": {"serviceName": "shop", "tags": said(PROCESS)}},
            }
        ]
    }


@pytest.mark.parametrize(
    "held",
    [collectors(), [collectors()], apis(), apis()["data"][0]],
    ids=["record", "list", "API", "trace"],
)
@pytest.mark.parametrize("encoding", ["auto", "jaeger_json"])
def test_json_tells_what_protobuf_tells(held: Any, encoding: str) -> None:
    as_json, as_proto = read(orjson.dumps(held), encoding), read(span().SerializeToString())
    for column in ("kind", "trace", "span", "parent", "start_ns", "end_ns", "status"):
        assert getattr(as_json, column).tobytes() == getattr(as_proto, column).tobytes(), column
    assert as_json.resources == as_proto.resources
    assert words(as_json) == words(as_proto)


def test_what_failed_is_taken_from_the_log_of_it() -> None:
    logs = [
        {
            "fields": [
                {"key": "event", "vStr": "error"},
                {"key": "error.kind", "vStr": "TimeoutError"},
            ]
        }
    ]
    assert words(read(orjson.dumps(collectors(logs=logs))))["error.type"] == "TimeoutError"


def test_a_span_that_makes_no_sense_is_counted() -> None:
    spans, rejects = decode_spans(
        records(
            [orjson.dumps([collectors(), collectors(startTime="now"), collectors(spanId="!")])]
        )
    )
    assert len(spans) == 1
    assert {(reject.reason, reject.count) for reject in rejects} == {
        ("bad_span", 1),
        ("bad_id", 1),
    }
