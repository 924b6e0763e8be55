"""Every record is decoded or refused for a reason; nothing raises, and good rows beside bad ones
are kept.
"""

import gzip
import json
import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from monitor.decode.spans import decode_by_reference, decode_spans
from monitor.decode.unpacking import Unpacker
from monitor.decode.wordy import cut_down
from monitor.model.records import REJECT_HEADER, Records
from monitor.model.spans import FAILURE
from tests.fixtures.spans import T0, S, records, request, span_id, trace_id

GOOD = S("web", "client", 1, 1)
JSON = {"content-type": b"application/json"}


def reasons(batch: Records, encoding: str = "otlp_proto") -> list[tuple[int, str, int]]:
    _, rejects = decode_spans(batch, encoding)
    return sorted((reject.offset, reject.reason, reject.count) for reject in rejects)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\xff\x00poison", "not_otlp_proto"),
        (request([GOOD])[:-3], "not_otlp_proto"),
        (json.dumps({"resourceSpans": []}).encode(), "no_spans"),
        (b"\x1f\x8bnot gzip", "bad_compression"),
        (b"\x08\x96\x01", "not_otlp_proto"),
    ],
)
def test_what_cannot_be_read_is_one_reject_and_its_neighbours_are_kept(
    value: bytes, reason: str
) -> None:
    batch = records([request([GOOD]), value, request([GOOD])])
    spans, rejects = decode_spans(batch)
    assert len(spans) == 2
    (reject,) = rejects
    assert (reject.offset, reject.reason, reject.whole, reject.payload_bytes) == (
        1,
        reason,
        True,
        len(value),
    )


def test_a_namespace_of_kubernetes_is_none_of_the_service() -> None:
    """Why: monitor/README.md, Namespaces of Kubernetes."""
    told = {"k8s.namespace.name": "shop-blue", "k8s.pod.name": "web-1"}
    named = {**told, "service.namespace": "shop"}
    spans, _ = decode_spans(
        records(
            [request([S("web", "server", 1, n, resource=r) for n, r in ((1, told), (2, named))])]
        )
    )
    assert [(r.namespace, r.instance) for r in spans.resources] == [
        ("", "web-1"),
        ("shop", "web-1"),
    ]


def test_of_a_build_a_few_names_are_kept_however_it_is_told() -> None:
    message = ExportTraceServiceRequest()
    message.ParseFromString(
        request(
            [
                S(
                    "web",
                    "server",
                    1,
                    1,
                    resource={"host.arch": "arm64", "process.command": "web -p"},
                )
            ]
        )
    )
    attributes = message.resource_spans[0].resource.attributes
    tags = attributes.add(key="container.image.tags").value.array_value.values
    for tag in ("v2", "stable"):
        tags.add(string_value=tag)
    attributes.add(key="container.image.name").value.string_value = "i" * 300
    attributes.add(key="os.version").value.int_value = 12
    batch = [message.SerializeToString(), MessageToJson(message).encode()]
    for decoder in (decode_spans, decode_by_reference):
        for value in batch:
            spans, _ = decoder(records([value]))
            (resource,) = spans.resources
            assert dict(resource.build) == {
                "container.image.name": "i" * 200,
                "container.image.tags": "stable,v2",
                "host.arch": "arm64",
                "os.version": "12",
            }
            assert "arm64" not in repr(resource)  # what a span is known by


def test_a_reject_never_shows_the_payload() -> None:
    _, (reject,) = decode_spans(records([b"\xffsecret-4111111111111111"]))
    assert "secret" not in repr(reject)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (S("", "client", 1, 1), "no_service_name"),
        (S("web", "client", 1, 1, base=0), "time_before_2000"),
        (S("web", "client", 1, 1, start=9000, end=9001), "time_in_future"),
        (S("web", "client", 1, 1, base=9_000_000_000), "time_in_future"),
    ],
)
def test_a_span_that_cannot_be_used_is_counted_and_the_record_goes_on(
    span: S, reason: str
) -> None:
    batch = records([request([GOOD, span, span])])
    spans, rejects = decode_spans(batch)
    assert len(spans) == 1
    assert [(reject.reason, reject.count, reject.whole) for reject in rejects] == [
        (reason, 2, False)
    ]
    assert (spans.seen[0], spans.refused[0], spans.filtered[0]) == (3, 2, 0)


def test_unknown_kinds_bad_ids_and_endless_times_are_refused() -> None:
    message = ExportTraceServiceRequest.FromString(request([GOOD, GOOD, GOOD, GOOD]))
    odd, short, never, fine = [block.scope_spans[0].spans[0] for block in message.resource_spans]
    odd.kind = 42  # type: ignore[assignment]  # what no SDK sends
    short.trace_id = b"short"
    never.end_time_unix_nano = 2**64 - 1
    assert reasons(records([message.SerializeToString()])) == [
        (0, "bad_id", 1),
        (0, "time_in_future", 1),
        (0, "unknown_kind", 1),
    ]
    assert fine.kind == 3


def test_a_span_that_ends_before_it_begins_lasts_no_time_and_is_kept() -> None:
    spans, rejects = decode_spans(records([request([S("web", "client", 1, 1, start=5, end=4)])]))
    assert (len(spans), spans.clamped, list(rejects)) == (1, 1, [])
    assert spans.start_ns[0] == spans.end_ns[0]


def test_internal_spans_and_our_own_are_filtered_and_counted() -> None:
    spans, _ = decode_spans(
        records([request([S("web", "internal", 1, 1), S("seamwatch", "server", 1, 2), GOOD])])
    )
    assert (spans.seen[0], spans.filtered[0], len(spans)) == (3, 2, 1)


def test_headers_decide_over_the_setting() -> None:
    text = json.dumps(AS_JSON).encode()
    batch = records([text, request([GOOD])])
    batch.headers[0] = JSON  # type: ignore[index]  # a list in these tests
    spans, rejects = decode_spans(batch)
    assert (len(spans), list(rejects)) == (2, [])


def test_a_gzipped_record_is_unpacked_and_a_bomb_is_not() -> None:
    spans, rejects = decode_spans(
        records([gzip.compress(request([GOOD])), gzip.compress(bytes(80_000_000))])
    )
    assert len(spans) == 1
    assert [reject.reason for reject in rejects] == ["too_large"]


def test_a_batch_of_well_packed_records_has_a_budget_too() -> None:
    chaff = random.Random(1).randbytes(400_000)
    packed = gzip.compress(chaff * 25)
    unpacker = Unpacker(64_000_000)
    reasons = [unpacker.unpack(packed)[1] for _ in range(30)]
    assert reasons[0] == ""
    assert reasons[-1] == "too_large"


def test_what_the_source_stepped_over_is_told_once() -> None:
    batch = records([b""])
    batch.headers[0] = {REJECT_HEADER: b"decompression_bomb: 512 MiB"}  # type: ignore[index]  # a list in these tests
    assert reasons(batch) == [(0, "decompression_bomb", 1)]


AS_JSON = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": trace_id(1).hex(),
                            "spanId": span_id(1).hex(),
                            "kind": "SPAN_KIND_CLIENT",
                            "name": "a span",
                            "startTimeUnixNano": str(T0 * 10**9),
                            "endTimeUnixNano": str(T0 * 10**9 + 100_000_000),
                            "attributes": [
                                {"key": "http.request.method", "value": {"stringValue": "GET"}},
                                {"key": "http.route", "value": {"stringValue": "/x"}},
                            ],
                            "status": {},
                        }
                    ]
                }
            ],
        }
    ]
}


def test_json_and_protobuf_of_one_span_decode_alike() -> None:
    as_json, _ = decode_spans(records([json.dumps(AS_JSON).encode()]), "otlp_json")
    as_proto, _ = decode_spans(records([request([GOOD])]))
    for name in ("trace", "span", "parent", "kind", "start_ns", "end_ns", "status"):
        assert getattr(as_json, name).tobytes() == getattr(as_proto, name).tobytes(), name
    assert as_json.word_list == as_proto.word_list
    assert as_json.resources == as_proto.resources


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"resourceSpans": [{"scopeSpans": 7}]}', "not_otlp"),
        (b'{"resourceSpans": NaN}', "not_json"),
        (b'{"resourceSpans": ["\\ud800"]}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"null", "json"),
    ],
)
def test_hostile_json_is_refused(text: bytes, reason: str) -> None:
    assert [code for _, code, _ in reasons(records([text]), "otlp_json")] == [reason]


@given(st.binary(max_size=300), st.sampled_from(["otlp_proto", "otlp_json"]))
def test_no_bytes_raise(value: bytes, encoding: str) -> None:
    spans, rejects = decode_spans(records([value, request([GOOD])]), encoding)
    assert len(spans) + len(rejects) >= 1


@given(st.integers(0, 400), st.integers(0, 255))
def test_no_flipped_byte_raises(place: int, byte: int) -> None:
    value = bytearray(request([GOOD, S("cart", "server", 1, 2, 1, links=[(1, 2)])]))
    value[place % len(value)] = byte
    decode_spans(records([bytes(value)]))


@pytest.mark.skipif(
    "SEAMWATCH_CONFORMANCE_DATA" not in os.environ,
    reason="SEAMWATCH_CONFORMANCE_DATA is not set: not run",
)
def test_the_official_example_decodes() -> None:
    text = (
        Path(os.environ["SEAMWATCH_CONFORMANCE_DATA"]) / "otlp-examples" / "trace.json"
    ).read_bytes()
    spans, rejects = decode_spans(records([text]), "otlp_json")
    assert not rejects
    assert (spans.resources[0].service, spans.trace[0].tobytes().hex(), spans.kind[0]) == (
        "my.service",
        "5b8efff798038103d269b633813fc60c",
        2,
    )


@pytest.mark.parametrize(
    ("slot", "text", "routed", "kept"),
    [
        ("url.path", "/orders/77/items", False, "/orders/{id}/items"),
        ("url.path", "/orders/77/items", True, ""),
        (
            "url.full",
            "https://user:secret@api.bank.example:8443/pay/5?card=4111",
            False,
            "https://api.bank.example:8443/pay/{id}",
        ),
        ("url.full", "https://api.bank.example/pay/5", True, "https://api.bank.example"),
        ("db.statement", "select * from cards where number = '4111'", False, "select"),
        ("db.statement", "/* hint */ select 1", False, ""),
    ],
)
def test_wordy_attributes_keep_no_value(slot: str, text: str, routed: bool, kept: str) -> None:
    assert cut_down(slot, text, routed=routed) == kept


def tiles(batch: Records, encoding: str = "otlp_proto") -> tuple[int, int, int]:
    """(seen, kept, refused) spans; what was seen is kept, filtered or refused."""
    spans, _ = decode_spans(batch, encoding)
    assert spans.seen.sum() == len(spans) + spans.filtered.sum() + spans.refused.sum()
    return int(spans.seen.sum()), len(spans), int(spans.refused.sum())


def test_a_name_in_another_encoding_loses_no_span() -> None:
    assert tiles(
        records([request([GOOD, S("web", "client", 2, 2)]).replace(b"a span", b"\xe9 span", 1)])
    ) == (2, 2, 0)


def test_an_attribute_that_cannot_be_read_loses_its_span_only() -> None:
    assert tiles(
        records([request([GOOD, S("web", "client", 2, 2)]).replace(b"\x02/x", b"\x02\xff\xff", 1)])
    ) == (2, 1, 1)


def test_a_resource_that_cannot_be_read_loses_its_own_spans_only() -> None:
    batch = records(
        [request([S("marker", "client", 2, 2), GOOD]).replace(b"marker", b"m\xff\xffker")]
    )
    assert tiles(batch) == (2, 1, 1)
    assert reasons(batch) == [(0, "bad_resource", 1)]


def test_an_attribute_without_a_value_says_nothing() -> None:
    message = ExportTraceServiceRequest.FromString(
        request([S("web", "server", 1, 1, attributes={"http.request.method": "GET"})])
    )
    message.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="http.route")
    spans, _ = decode_spans(records([message.SerializeToString()]))
    assert spans.word_list == [("a span", "http.request.method", "GET")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": [1]},
        {"kind": "²"},
        {"attributes": {"a": 1}},
        {"links": [7], "kind": 5},
        {"status": 7},
    ],
)
def test_a_json_span_that_cannot_be_read_loses_itself_only(wrong: dict[str, object]) -> None:
    good = {
        "traceId": "0a" * 16,
        "spanId": "0b" * 8,
        "kind": 2,
        "name": None,
        "startTimeUnixNano": T0 * 10**9,
        "endTimeUnixNano": T0 * 10**9,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    message = {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [good | wrong, good]}]}]
    }
    assert tiles(records([json.dumps(message).encode()]), "otlp_json") == (2, 1, 1)


@pytest.mark.parametrize("names_of_the_proto_file", [False, True])
@pytest.mark.parametrize("enums_as_numbers", [False, True])
def test_protobufs_own_json_mapping_decodes_like_the_bytes_it_was_made_of(
    *, names_of_the_proto_file: bool, enums_as_numbers: bool
) -> None:
    spans = [
        S(
            "web",
            "client",
            1,
            1,
            7,
            attributes={"http.request.method": "GET", "http.response.status_code": 503},
            error=True,
        ),
        S("mail", "consumer", 9, 6, links=[(1, 2), (3, 4)], flags=0x300, state="ot=th:8"),
    ]
    message = ExportTraceServiceRequest.FromString(request(spans))
    body = MessageToJson(
        message,
        preserving_proto_field_name=names_of_the_proto_file,
        use_integers_for_enums=enums_as_numbers,
    ).encode()
    as_json, rejects = decode_spans(records([body]), "otlp_json")
    as_proto, _ = decode_spans(records([message.SerializeToString()]))
    assert not rejects
    for name in ("trace", "span", "parent", "kind", "start_ns", "end_ns", "status", "words"):
        assert getattr(as_json, name).tobytes() == getattr(as_proto, name).tobytes(), name
    assert (as_json.links, as_json.tracestates) == (as_proto.links, as_proto.tracestates)
    assert as_json.word_list == as_proto.word_list


def test_library_spans_of_before_otlp_0_15_are_read() -> None:
    old = json.dumps(AS_JSON).replace("scopeSpans", "instrumentationLibrarySpans").encode()
    new, _ = decode_spans(records([json.dumps(AS_JSON).encode()]), "otlp_json")
    spans, rejects = decode_spans(records([old]), "otlp_json")
    assert not rejects
    assert spans.span.tobytes() == new.span.tobytes() != b""


def with_exceptions(
    *kinds: str, failed: bool = True, attributes: Mapping[str, str] | None = None
) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest.FromString(
        request([S("web", "client", 1, 1, attributes=attributes or {}, error=failed)])
    )
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.events.add(name="retry")
    for kind in kinds:
        pair = span.events.add(name="exception").attributes.add(key="exception.type")
        pair.value.string_value = kind
    span.events.add(name="bye")
    return message


@pytest.mark.parametrize(
    ("message", "error_type"),
    [
        (with_exceptions("requests.exceptions.ReadTimeout"), "requests.exceptions.ReadTimeout"),
        (with_exceptions("first", "last"), "last"),
        (with_exceptions("told", attributes={"error.type": "timeout"}), "timeout"),
        (with_exceptions("recorded, not fatal", failed=False), None),
        (with_exceptions(""), None),
        (with_exceptions(), None),
    ],
)
def test_where_no_error_type_is_told_the_last_exception_of_a_failed_span_is_it(
    message: ExportTraceServiceRequest, error_type: str | None
) -> None:
    for value, encoding in (
        (message.SerializeToString(), "otlp_proto"),
        (MessageToJson(message).encode(), "otlp_json"),
    ):
        spans, _ = decode_spans(records([value]), encoding)
        (words,) = spans.word_list
        assert dict(zip(words[1::2], words[2::2], strict=True)).get("error.type") == error_type, (
            encoding
        )


@pytest.mark.parametrize(
    ("status", "thrown", "failed", "template"),
    [
        ("timed out after 3000 ms", "", True, "timed out after <num> ms"),
        ("", "no order 4711 of Jane", True, "no order <num> of <name>"),
        ("from the status", "from the exception", True, "from the status"),
        ("said, but it went well", "", False, None),
        ("", "", True, None),
    ],
)
def test_what_a_failed_span_says_is_kept_as_a_template_without_values(
    status: str, thrown: str, template: str | None, *, failed: bool
) -> None:
    message = with_exceptions("E", failed=failed, attributes={"error.type": "E"})
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = status
    span.events[1].attributes.add(key="exception.message").value.string_value = thrown
    for value, encoding in (
        (message.SerializeToString(), "otlp_proto"),
        (MessageToJson(message).encode(), "otlp_json"),
    ):
        spans, _ = decode_spans(records([value]), encoding)
        (words,) = spans.word_list
        assert dict(zip(words[1::2], words[2::2], strict=True)).get(FAILURE) == template, encoding
        assert "4711" not in repr(words)
