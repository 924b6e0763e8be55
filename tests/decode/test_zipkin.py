"""Zipkin's spans, as its formats mean them."""

from typing import Any

import orjson
import pytest

from monitor.decode.spans import decode_spans
from monitor.decode.zipkin import ListOfSpans
from monitor.model.spans import SpanBatch
from tests.fixtures.spans import T0, records

TRACE = "0a" * 16
US = T0 * 1_000_000
CLIENT: dict[str, Any] = {
    "traceId": TRACE, "id": "00000000000000c1", "parentId": "00000000000000a0", "kind": "CLIENT", "name": "get /pay", "timestamp": US,
    "duration": 30_000, "localEndpoint": {"serviceName": "shop", "ipv4": "10.0.0.1"},
    "remoteEndpoint": {"serviceName": "pay", "ipv4": "10.0.0.2", "port": 8080},
    "tags": {"http.method": "GET", "http.path": "/pay", "http.status_code": "200", "service.version": "1.2"},
}  # fmt: skip
SERVER: dict[str, Any] = CLIENT | {
    "kind": "SERVER",
    "shared": True,
    "localEndpoint": {"serviceName": "pay"},
    "remoteEndpoint": {},
}


def read(*values: Any, encoding: str = "auto") -> SpanBatch:
    spans, rejects = decode_spans(records([orjson.dumps(value) for value in values]), encoding)
    assert not rejects
    return spans


def words(spans: SpanBatch, row: int = 0) -> dict[Any, Any]:
    texts = spans.word_list[spans.words[row]]
    return {"name": texts[0], **dict(zip(texts[1::2], texts[2::2], strict=True))}


def hexes(column: Any) -> list[str]:
    return [value.tobytes().hex() for value in column]


@pytest.mark.parametrize(
    "held", [[CLIENT], [[CLIENT]], CLIENT], ids=["list", "list of traces", "one span"]
)
def test_a_client_span_of_version_2_in_every_wrapping(held: Any) -> None:
    spans = read(held)
    assert (list(spans.kind), hexes(spans.trace), hexes(spans.span)) == (
        [3],
        [TRACE],
        ["00000000000000c1"],
    )
    assert hexes(spans.parent) == ["00000000000000a0"]
    assert (int(spans.start_ns[0]), int(spans.end_ns[0])) == (US * 1000, (US + 30_000) * 1000)
    (resource,) = spans.resources
    assert (resource.service, resource.version) == ("shop", "1.2")
    attributes = words(spans)
    assert (
        attributes["http.method"],
        attributes["http.target"],
        attributes["http.status_code"],
    ) == ("GET", "/pay", "200")
    assert (
        attributes["peer.service"],
        attributes["net.peer.ip"],
        attributes["net.peer.port"],
    ) == ("pay", "10.0.0.2", 8080)


def test_a_server_that_shares_the_clients_id_answers_that_id() -> None:
    spans = read([CLIENT, SERVER])
    assert hexes(spans.parent) == ["00000000000000a0", "00000000000000c1"]
    own = read(
        [SERVER | {"shared": False, "id": "00000000000000d1", "parentId": "00000000000000c1"}]
    )
    assert (hexes(own.span), hexes(own.parent)) == (["00000000000000d1"], ["00000000000000c1"])


def test_ids_of_64_bits_and_of_no_leading_zeros_are_filled_up_on_the_left() -> None:
    spans = read([CLIENT | {"traceId": "463ac35c9f6413ad", "id": "c1", "parentId": None}])
    assert hexes(spans.trace) == ["0000000000000000463ac35c9f6413ad"]
    assert (hexes(spans.span), hexes(spans.parent)) == (["00000000000000c1"], ["00" * 8])


@pytest.mark.parametrize(
    ("tags", "status"),
    [({}, 0), ({"error": ""}, 2), ({"error": "timeout"}, 2), ({"error": "false"}, 0), ({"otel.status_code": "Error"}, 2), ({"otel.status_code": "OK"}, 1)],
)  # fmt: skip
def test_the_error_tag_fails_a_span_whatever_it_says(tags: dict[str, str], status: int) -> None:
    assert list(read([CLIENT | {"tags": tags}]).status) == [status]


def test_messages_and_local_spans_keep_their_kinds() -> None:
    spans = read(
        [
            CLIENT | {"kind": kind, "id": f"{n + 1:016x}"}
            for n, kind in enumerate(("PRODUCER", "CONSUMER"))
        ]
        + [CLIENT | {"kind": None}]
    )
    assert list(spans.kind) == [4, 5]
    assert list(spans.filtered) == [1]


V1: dict[str, Any] = {
    "traceId": TRACE, "id": "00000000000000c1", "parentId": "00000000000000a0", "name": "get",
    "annotations": [
        {"timestamp": US, "value": "cs", "endpoint": {"serviceName": "shop"}},
        {"timestamp": US + 2_000, "value": "sr", "endpoint": {"serviceName": "pay"}},
        {"timestamp": US + 28_000, "value": "ss", "endpoint": {"serviceName": "pay"}},
        {"timestamp": US + 30_000, "value": "cr", "endpoint": {"serviceName": "shop"}},
    ],
    "binaryAnnotations": [
        {"key": "http.method", "value": "GET", "endpoint": {"serviceName": "shop"}},
        {"key": "sa", "value": True, "endpoint": {"serviceName": "pay", "ipv4": "10.0.0.2"}},
    ],
}  # fmt: skip


def test_version_1_holds_client_and_server_in_one_span() -> None:
    spans = read([V1])
    assert list(spans.kind) == [3, 2]
    assert [spans.resources[at].service for at in spans.resource] == ["shop", "pay"]
    assert hexes(spans.span) == ["00000000000000c1"] * 2
    assert hexes(spans.parent) == ["00000000000000a0", "00000000000000c1"]
    assert [int(end - start) for start, end in zip(spans.start_ns, spans.end_ns, strict=True)] == [
        30_000_000,
        26_000_000,
    ]
    assert words(spans)["http.method"] == "GET"
    assert words(spans)["peer.service"] == "pay"


def test_what_each_side_of_one_span_says_of_itself_is_its_own() -> None:
    told = [
        {"key": key, "value": value, "endpoint": {"serviceName": service}}
        for service, version, status in (("shop", "1.0", "200"), ("pay", "2.0", "500"))
        for key, value in (
            ("service.version", version),
            ("deployment.environment", "prod"),
            ("http.status_code", status),
        )
    ]
    spans = read([V1 | {"binaryAnnotations": [*V1["binaryAnnotations"], *told]}])
    said = [spans.resources[at] for at in spans.resource]
    assert [(one.service, one.version, one.environment) for one in said] == [
        ("shop", "1.0", "prod"),
        ("pay", "2.0", "prod"),
    ]
    assert ["200" in spans.word_list[at] for at in spans.words] == [True, False]
    assert all("http.method" in spans.word_list[at] for at in spans.words)


def test_version_1_of_one_side_alone() -> None:
    server = V1 | {"annotations": V1["annotations"][1:3], "binaryAnnotations": []}
    # without a timestamp of its own it joined the client's span
    assert hexes(read([server]).parent) == ["00000000000000c1"]
    root = server | {"parentId": None, "timestamp": US + 2_000, "duration": 26_000}
    assert hexes(read([root]).parent) == ["00" * 8]
    called = {**V1, "annotations": [], "timestamp": US, "duration": 5_000}
    assert list(read([called]).kind) == [3]


def in_proto(entry: dict[str, Any]) -> bytes:
    made = ListOfSpans()
    span = made.spans.add()
    span.trace_id, span.id = bytes.fromhex(entry["traceId"]), bytes.fromhex(entry["id"])
    span.parent_id = bytes.fromhex(entry.get("parentId") or "")
    span.kind = ("", "CLIENT", "SERVER", "PRODUCER", "CONSUMER").index(entry["kind"])
    span.name, span.timestamp, span.duration = entry["name"], entry["timestamp"], entry["duration"]
    span.shared = entry.get("shared", False)
    for side, address in (
        ("local_endpoint", entry["localEndpoint"]),
        ("remote_endpoint", entry["remoteEndpoint"]),
    ):
        endpoint = getattr(span, side)
        endpoint.service_name, endpoint.port = (
            address.get("serviceName", ""),
            address.get("port", 0),
        )
        endpoint.ipv4 = bytes(map(int, address["ipv4"].split("."))) if "ipv4" in address else b""
    for key, value in entry["tags"].items():
        span.tags.add(key=key, value=value)
    bytes_of: bytes = made.SerializeToString()
    return bytes_of


@pytest.mark.parametrize(
    "entry", [CLIENT, SERVER, CLIENT | {"traceId": "463ac35c9f6413ad", "parentId": None}]
)
def test_protobuf_tells_what_json_tells(entry: dict[str, Any]) -> None:
    as_json = read([entry])
    for encoding in ("auto", "zipkin_proto"):
        as_proto, rejects = decode_spans(records([in_proto(entry)]), encoding)
        assert not rejects
        for column in ("kind", "trace", "span", "parent", "start_ns", "end_ns", "status"):
            assert getattr(as_proto, column).tobytes() == getattr(as_json, column).tobytes(), (
                column
            )
        assert as_proto.resources == as_json.resources
        assert words(as_proto) == words(as_json)


def test_a_batch_may_mix_encodings_and_a_setting_holds_to_one() -> None:
    mixed = records([in_proto(CLIENT), orjson.dumps([SERVER])])
    assert len(decode_spans(mixed)[0]) == 2
    spans, (reject,) = decode_spans(mixed, "zipkin_json")
    assert (len(spans), reject.reason, reject.whole) == (1, "zipkin_proto", True)


def test_a_bad_span_costs_no_neighbour() -> None:
    spans, rejects = decode_spans(
        records([orjson.dumps([CLIENT, CLIENT | {"tags": 7}, 3, CLIENT | {"id": "xyz"}])])
    )
    assert len(spans) == 1
    assert {(reject.reason, reject.count) for reject in rejects} == {
        ("bad_span", 2),
        ("bad_id", 1),
    }
