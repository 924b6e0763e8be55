"""The native reader and its reference say the same of any bytes: the same rows, the same rejects,
in the same order.
"""

import base64
import os
import random
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import hatchling.build
import numpy as np
import orjson
import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from monitor import native
from monitor.decode import spans
from monitor.decode.span_columns import BODY_ATTRIBUTES, NAMING, Columns
from monitor.decode.spans import decode_by_reference, decode_spans
from monitor.decode.wordy import PATHS, QUERIES, URLS
from monitor.model.operations import ASKED
from monitor.model.records import Records
from monitor.model.spans import SpanBatch
from tests.bench.generate import Truth, stream
from tests.fixtures.spans import T0, S, records, request, span_id, trace_id

pytestmark = pytest.mark.skipif(
    native.BUILT is None and not shutil.which("cargo"),
    reason="the native decoder is not built, and cargo is not here",
)
ROOT = Path(__file__).parents[2]
FUZZ_SECONDS = 20.0
COLUMNS = ("record", "kind", "trace", "span", "parent", "start_ns", "end_ns", "status", "resource")
INNER = ("record", "trace", "span", "parent", "start_ns", "end_ns", "resource")


def rows(batch: SpanBatch) -> dict[str, Any]:
    """All that a batch says, words and states by what they are: their numbers mean nothing."""
    table: dict[str, Any] = {name: getattr(batch, name).tolist() for name in COLUMNS}
    table |= {f"inner {name}": getattr(batch.inner, name).tolist() for name in INNER}
    table |= {name: getattr(batch, name).tolist() for name in ("seen", "filtered", "refused")}
    table["inner asked"] = [batch.inner.questions[at] for at in batch.inner.asked]
    table["words"] = [repr(batch.word_list[at]) for at in batch.words]
    table["states"] = [batch.tracestates[at] for at in batch.tracestate]
    return table | {
        "links": list(batch.links),
        "bodies": repr(batch.bodies),
        "clamped": batch.clamped,
        "resources": batch.resources,
    }


def differing(batch: Records, encoding: str = "auto") -> str:
    """What the two say differently, "" when nothing."""
    (mine, my_rejects), (theirs, their_rejects) = (
        decode_spans(batch, encoding),
        decode_by_reference(batch, encoding),
    )
    for name, value in rows(theirs).items():
        if rows(mine)[name] != value:
            return f"{name}: {rows(mine)[name]} is not {value}"
    return (
        "" if list(my_rejects) == list(their_rejects) else f"{my_rejects} is not {their_rejects}"
    )


def taken(value: bytes) -> bool:
    """Whether the native reader itself reads a record."""
    columns = Columns(records([value]))
    columns.begin(0)
    fast = spans.fast_spans(columns)
    return fast.json(value) if value[:1] == b"{" else fast.protobuf(value)


def in_json(value: bytes) -> bytes:
    """A request as OTLP/JSON: ids in hex, enums as numbers."""
    document = orjson.loads(
        MessageToJson(ExportTraceServiceRequest.FromString(value), use_integers_for_enums=True)
    )
    for block in document.get("resourceSpans", ()):
        for scope in block.get("scopeSpans", ()):
            for span in scope["spans"]:
                for node in (span, *span.get("links", ())):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in node:
                            node[name] = base64.b64decode(node[name]).hex()
    return orjson.dumps(document)


def of_tempo(value: bytes, words: tuple[str, ...]) -> bytes:
    """A request as Tempo's queries answer with it: ids in base64, enums by name."""
    document = orjson.loads(MessageToJson(ExportTraceServiceRequest.FromString(value)))
    held = document.get("resourceSpans", [])
    for word in reversed(words):
        held = {word: held}
    return orjson.dumps(held)


TEMPO = [("batches",), ("trace", "resourceSpans"), ("trace", "batches")]


def test_where_cargo_is_the_native_decoder_is_built_and_is_the_one_in_use() -> None:
    assert native.BUILT is not None, native.WHY_NOT
    assert native.decoder_in_use() == f"native {native.VERSION}"
    cargo = (Path(native.__file__).parent / "Cargo.toml").read_text()
    assert f'version = "{native.VERSION}"' in cargo


def test_what_an_internal_span_tells_of_graphql_is_kept_and_nothing_else_of_it() -> None:
    def told(n: int, **attributes: str | int) -> S:
        named = {f"graphql.operation.{word}": text for word, text in attributes.items()}
        return S("web", "internal", 1, n, 7, attributes={"other": "x", **named})

    asking = [
        told(1, type="query", name="GetCart"),
        told(2, name="GetCart"),
        told(3, type="mutation"),
        told(4, type="query", name="GetCart"),
        told(5, type="", name="x" * 300),
        told(6, name=""),
    ]
    expected = ["query GetCart", "GetCart", "", "query GetCart", "x" * 200, ""]
    proto = request(asking)
    odd = request([told(7, name=9)])
    for value in (proto, in_json(proto)):
        assert taken(value)
        inner = decode_spans(records([value]))[0].inner
        assert [inner.questions[at] for at in inner.asked] == expected
        assert len(set(inner.questions)) == len(inner.questions)
        # a record that the reference reads beside it
        assert differing(records([value, odd, value])) == ""
    assert not taken(odd)
    wrong = odd.replace(b"\x18\x09", b"\x28\x09")
    assert differing(records([proto, wrong, in_json(proto).replace(b'"key"', b'"kex"')])) == ""
    assert decode_spans(records([wrong]))[0].inner.asked.tolist() == [0]


SHOP = [record[1] for record in islice(stream(4000), 12) if not isinstance(record, Truth)]
KNOWN = sorted(NAMING | BODY_ATTRIBUTES)
WORDY = sorted(PATHS | URLS | QUERIES)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "GET", "exception", "/orders/77/é", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "/v1/" + "x" * 60, "/" + "ab/" * 90, "\x1cselect 1"]
    ),
    st.from_regex(r"/([a-z]{1,7}[-_]?[0-9]{0,4}|[0-9a-f]{6,9}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_.~%+=:-]{14,18}|"
                  r"([A-Za-z1]{1,4}|[a-z]{23,26})[-_.:~!]{1,2}[0-9a-fF]{6,9}|[a-z.@!{}]{1,5}[0-9]{0,3}|[a-f-]{36})(/[a-z0-9]{1,9}){0,3}(\?[a-z=]{1,4})?(#x)?", fullmatch=True),
    st.from_regex(r"[a-z0-9+.-]{0,5}:?/{0,3}([a-z:]{0,4}@){0,2}[a-zé.]{0,5}(:[0-9]{2})?(/[a-z0-9]{0,8}){0,3}[?#]?x?", fullmatch=True),
    st.from_regex(r"[ \t\x1c\x85]{0,2}(select|/\*|é|insert2)[ \n]?(from x)?", fullmatch=True),
)  # fmt: skip
PLAIN = st.one_of(
    st.builds(lambda text: AnyValue(string_value=text), TEXTS),
    st.builds(
        lambda number: AnyValue(int_value=number),
        st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    ),
    st.builds(
        lambda number: AnyValue(double_value=number),
        st.floats(allow_nan=False) | st.sampled_from([1.0, 2.5, 9e18]),
    ),
    st.builds(lambda truth: AnyValue(bool_value=truth), st.booleans()),
)
MANY = AnyValue()
MANY.array_value.values.add().kvlist_value.values.add(key="k", value=AnyValue(string_value="v"))
VALUES = st.integers(0, 19).flatmap(
    lambda number: (
        st.sampled_from(
            [AnyValue(), AnyValue(bytes_value=b"\xff"), AnyValue(double_value=-0.0), MANY]
        )
        if number == 0
        else PLAIN
    )
)
PAIRS = st.lists(
    st.tuples(
        st.sampled_from(KNOWN * 2 + ["error.type", "other"] * 9 + ["k" * 130] + [*ASKED] * 9)
        | st.sampled_from(WORDY),
        VALUES,
    ),
    max_size=6,
)
TIMES = st.sampled_from(
    [T0 * 10**9] * 9
    + [(T0 + 1) * 10**9] * 9
    + [0, 1, 946_684_800 * 10**9, (T0 + 7200) * 10**9, 2**64 - 1]
)
IDS = (
    st.sampled_from([trace_id(1)] * 9 + [b"", bytes(16), b"x", trace_id(2)]),
    st.sampled_from([span_id(1)] * 9 + [b"", bytes(8), b"y"]),
)


@st.composite
def requests(draw: Callable[..., Any]) -> bytes:
    """A request of a few spans, mostly well-formed, in which all that is read varies."""
    message = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(1, 2))):
        block = message.resource_spans.add(schema_url=draw(st.sampled_from(["", "u"])))
        for key, word in draw(
            st.sampled_from(
                [
                    (),
                    (("service.name", "web"),),
                    (("service.name", "cart"), ("x", "y")),
                    (("service.name", "seamwatch"),),
                ]
            )
        ):
            block.resource.attributes.add(key=key, value=AnyValue(string_value=word))
        for _ in range(draw(st.integers(1, 3))):
            span = block.scope_spans.add().spans.add(
                flags=0x100, dropped_attributes_count=draw(st.sampled_from([0, 300]))
            )
            span.trace_id, span.span_id, span.parent_span_id = (
                draw(IDS[0]),
                draw(IDS[1]),
                draw(IDS[1]),
            )
            span.kind = draw(st.sampled_from([*(1, 2, 3, 4, 5) * 4, 0, 6, -1, 300]))
            span.start_time_unix_nano, span.end_time_unix_nano = draw(TIMES), draw(TIMES)
            span.name, span.trace_state = draw(TEXTS), draw(st.sampled_from(["", "ot=th:8", "é"]))
            for key, value in draw(PAIRS):
                span.attributes.add(key=key, value=value)
            span.status.code = draw(st.sampled_from([0, 1, 2, 2, 9]))
            span.status.message = draw(
                st.sampled_from(["", "timed out after 3000 ms", "é of Jane"])
            )
            for name in draw(st.lists(st.sampled_from(["exception", "retry"]), max_size=2)):
                event = span.events.add(name=name, time_unix_nano=5)
                for key, value in draw(
                    st.lists(
                        st.tuples(
                            st.sampled_from(["exception.type", "exception.message", "z"]), VALUES
                        ),
                        max_size=3,
                    )
                ):
                    event.attributes.add(key=key, value=value)
            for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
                span.links.add(trace_id=draw(IDS[0]), span_id=draw(IDS[1]), trace_state="s")
    return message.SerializeToString()  # fmt: skip


@settings(max_examples=35, deadline=None)
@given(st.lists(requests() | st.binary(max_size=40) | st.just(SHOP[0]), min_size=1, max_size=4))
def test_any_request_is_read_as_the_reference_reads_it(values: list[bytes]) -> None:
    assert differing(records(values)) == ""


@settings(max_examples=25, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=3))
def test_any_request_in_json_is_read_as_the_reference_reads_it(values: list[bytes]) -> None:
    assert differing(records([*map(in_json, values), SHOP[0]])) == ""


@settings(max_examples=25, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=3), st.sampled_from(TEMPO))
def test_what_tempo_answers_is_read_as_the_reference_reads_it(
    values: list[bytes], words: tuple[str, ...]
) -> None:
    assert differing(records([*(of_tempo(value, words) for value in values), SHOP[0]])) == ""


@pytest.mark.parametrize("words", TEMPO)
def test_a_trace_of_tempo_is_what_the_same_request_is_in_protobuf(words: tuple[str, ...]) -> None:
    said = of_tempo(SHOP[0], words)
    assert taken(said)
    for decoder in (decode_spans, decode_by_reference):
        mine, rejects = decoder(records([said]), "auto")
        assert not list(rejects)
        theirs, _ = decode_spans(records([SHOP[0]]))
        assert rows(mine) == rows(theirs)


@pytest.mark.long
@settings(max_examples=250, deadline=None)
@given(st.lists(requests(), min_size=1, max_size=3))
def test_hundreds_of_requests_are_read_as_the_reference_reads_them_in_either_encoding(
    values: list[bytes],
) -> None:
    assert differing(records(values)) == ""
    assert differing(records([*map(in_json, values), SHOP[0]])) == ""


def mutated(chance: random.Random, value: bytes, others: list[bytes]) -> bytes:
    """A record with a few faults: bytes flipped, cut out, put in, cut off, or a piece of another
    in it.
    """
    held = bytearray(value)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(held) + 1)
        match chance.randrange(9):
            case 0 if held:
                held[at % len(held)] = chance.randrange(256)
            case 1 if held:
                held[at % len(held)] ^= 1 << chance.randrange(8)
            case 2:
                del held[at : at + chance.randrange(1, 5)]
            case 3:
                held[at:at] = chance.randbytes(chance.randrange(1, 5))
            case 4 if chance.random() < 0.3:
                del held[at:]
            case 5 | 6 | 7 if held:  # what still is a text
                held[at % len(held)] = chance.choice(b"aAfz09-_/@:?#=. ")
            case _:
                other = chance.choice(others)
                begin = chance.randrange(len(other) or 1)
                held[at : at + chance.randrange(9)] = other[begin : begin + chance.randrange(40)]
    return bytes(held)


def recorded() -> list[bytes]:
    """Records of every kind that these tests have, small ones, so that a fault hits something."""
    odd = request([
        S("web", "client", 1, 1, error=True, attributes={"url.full": "http://u:p@h/pay/77", "http.request.body": "{}", "http.route": "/p"}),
        S("web", "internal", 1, 2), S("", "server", 1, 3), S("mail", "consumer", 2, 4, 1, links=[(1, 2), (3, 4)], state="ot=th:8"),
        S("db", "client", 3, 5, attributes={"db.query.text": "select 1", "server.port": 5432}),
    ])  # fmt: skip
    message = ExportTraceServiceRequest.FromString(odd)
    thrown = message.resource_spans[0].scope_spans[0].spans[0]
    thrown.events.add(name="exception").attributes.add(
        key="exception.message", value=AnyValue(string_value="no order 4711")
    )
    shop = [ExportTraceServiceRequest.FromString(value) for value in SHOP]
    for export in shop:
        del export.resource_spans[0].scope_spans[0].spans[3:]
    return [odd, message.SerializeToString(), *(export.SerializeToString() for export in shop)]


def test_what_these_tests_have_is_read_natively_and_as_the_reference_reads_it() -> None:
    assert all(taken(value) for value in [*SHOP, *recorded(), *map(in_json, SHOP), *JSON])
    assert (
        differing(
            records(
                [
                    *map(in_json, SHOP),
                    *map(in_json, recorded()),
                    *JSON,
                    JSON[0] + b" ",
                    JSON[0] + b"x",
                    b'{"resourceSpans":[]}',
                ]
            )
        )
        == ""
    )
    assert (
        differing(
            records(
                [*SHOP, *recorded(), b"", b"\xff", b'{"resourceSpans":[]}', SHOP[0][:-1], SHOP[1]]
            )
        )
        == ""
    )
    mine, theirs = decode_spans(records(SHOP))[0], decode_by_reference(records(SHOP))[0]
    assert (mine.word_list, mine.tracestates) == (theirs.word_list, theirs.tracestates)
    assert np.array_equal(mine.words, theirs.words)


JSON = [
    b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"w\\u00e9b"}},{"key":"a","value":{"arrayValue":'
    b'{"values":[{"intValue":"1"},{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":2.5}}]}}]}}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":'
    b'[{"traceId":"%(t)s","spanId":"%(s)s","parentSpanId":"","kind":"SPAN_KIND_CLIENT","name":"a\\tb","startTimeUnixNano":"%(n)d","endTimeUnixNano":%(n)d,'
    b'"attributes":[{"key":"url.path","value":{"stringValue":"/o/77"}},{"key":"server.port","value":{"intValue":"80"}},{"key":"server.port","value":'
    b'{"intValue":81}},{"key":"messaging.destination.temporary","value":{"boolValue":true}},{"key":"http.route","value":{"stringValue":null}}],'
    b'"status":{"code":2,"message":"no order 4711"},"events":[{"name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}],'
    b'"links":[{"traceId":"%(t)s","spanId":"%(s)s"}],"flags":256}]}]}]}'
    % {b"t": trace_id(1).hex().encode(), b"s": span_id(1).hex().encode(), b"n": T0 * 10**9}
]


def faulty(seed: int, count: int, held: list[bytes]) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(count):
        yield mutated(chance, chance.choice(held), held)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["protobuf", "json"])
def test_broken_records_of_any_kind_are_read_as_the_reference_reads_them(kind: str) -> None:
    """For a bounded time; each batch holds many, and a batch that differs is looked through for
    the record.
    """
    held = recorded() if kind == "protobuf" else [*map(in_json, recorded()), *JSON]
    until = (
        time.monotonic() + float(os.environ.get("SEAMWATCH_TEST_FUZZ_SECONDS", FUZZ_SECONDS)) / 2
    )
    seed = random.SystemRandom().randrange(10**9)
    tried = native_ones = 0
    while time.monotonic() < until:
        values = list(faulty(seed + tried, 400, held))
        if differing(records(values)):
            assert [
                (value, difference)
                for value in values
                if (difference := differing(records([value])))
            ] == [], f"seed {seed + tried}"
            pytest.fail(f"only together do these differ: {values}")
        native_ones += sum(map(taken, values[:20]))
        tried += len(values)
    assert tried > 0
    assert native_ones > 0


def test_a_panic_is_one_reject_and_leaves_nothing_behind() -> None:
    batch = records([SHOP[0], b"\x0a", SHOP[1]])
    columns = Columns(batch)
    fast = spans.fast_spans(columns)
    for index, value in enumerate(batch.values):
        columns.begin(index)
        assert fast.fail() if index == 1 else fast.protobuf(value)
    table = rows(fast.batch())
    wanted = decode_by_reference(records([SHOP[0], b"", SHOP[1]]))[0]
    assert [
        (reject.offset, reject.reason, reject.detail, reject.whole) for reject in columns.rejects
    ] == [(1, "not_otlp", "panic", True)]
    assert table == rows(wanted)


def test_what_python_refuses_to_answer_leaves_the_record_to_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> None:
        raise ValueError

    columns = Columns(records([SHOP[0]]))
    columns.begin(0)
    monkeypatch.setattr(spans, "_resource", broken)
    assert not spans.fast_spans(columns).protobuf(SHOP[0])
    assert columns.resources_known() == (0, 0)


def test_times_that_no_record_can_have_bound_both_alike() -> None:
    batch = records([SHOP[0], SHOP[1]])
    for at_ms in (-(10**15), 0, 2**62):
        assert differing(replace(batch, timestamps_ms=[at_ms, at_ms])) == "", at_ms


def test_foreign_json_beside_protobuf_is_merged_in_order() -> None:
    otlp = orjson.dumps(
        {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [{"kind": 2}]}]}]}
    )
    zipkin = orjson.dumps([{"traceId": "1" * 32, "id": "2" * 16, "kind": "SERVER", "timestamp": T0 * 10**6, "duration": 5, "localEndpoint": {"serviceName": "z"}}])  # fmt: skip
    assert (
        differing(
            records(
                [
                    SHOP[0],
                    otlp,
                    zipkin,
                    SHOP[1],
                    zipkin,
                    request([S("a", "consumer", 1, 1, links=[(1, 2)])]),
                    b"x",
                ]
            )
        )
        == ""
    )


@pytest.mark.slow
def test_a_wheel_made_with_cargo_serves_where_there_is_none_and_other_wheels_are_pure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert hatchling.build.build_wheel(str(tmp_path)).endswith("-py3-none-any.whl")
    monkeypatch.setenv("SEAMWATCH_NATIVE", "1")
    name = hatchling.build.build_wheel(str(tmp_path))
    assert "-cp311-abi3-" in name
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert not [path for path in wheel.namelist() if path.endswith((".rs", "Cargo.toml"))]
        wheel.extractall(tmp_path / "site")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from monitor import native; print(native.decoder_in_use())"
    words = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "site")]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=60, env={"PATH": ""}
    )
    assert done.stdout.strip() == f"native {native.VERSION}"


def test_a_build_that_fails_says_why_and_the_installation_goes_on(tmp_path: Path) -> None:
    cargo = tmp_path / "cargo"
    for script, why in (
        ("echo cargo 1.60.0", "is older than"),
        (
            "[ $1 = --version ] && echo cargo 1.99.0 || { echo no crates >&2; exit 101; }",
            "no crates",
        ),
    ):
        cargo.write_text(f"#!/bin/sh\n{script}\n")
        cargo.chmod(0o755)
        result = subprocess.run(
            [sys.executable, "-c", "import hatch_build; print(hatch_build.build())"],
            capture_output=True, text=True, check=True, timeout=60, cwd=ROOT, env={"PATH": f"{tmp_path}:/bin:/usr/bin"},
        )  # fmt: skip
        assert why in result.stdout
