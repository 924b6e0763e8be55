"""A capture's own promises: no value leaves, nothing waits, nothing is lost without being counted,
and it needs nothing but Python.
"""

import gzip
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hatchling.build
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.capture import Bounds, Capture, OtlpSink, Service, Settings
from monitor.capture.environment import VARIABLES, settings_of
from monitor.capture.masks import in_address, is_data, kind_mask, masked_path, masked_query
from monitor.capture.seen import Seen
from monitor.capture.shapes import NOT_JSON, shape_text, unpacked
from monitor.contracts.check import check
from monitor.contracts.shape import shape_of
from monitor.decode.api_logs import decode_api_logs, read_api_logs
from monitor.model.exchanges import REDACTED, REDACTED_KINDS
from monitor.model.records import Partition, Records
from tests.capture.served import SERVICE, Collected, capture
from tests.contracts.promises import PAYMENTS, registry, revision

ROOT = Path(__file__).parents[2]
JSON_TYPE = [("content-type", "application/json")]
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
PAYLOADS = st.recursive(
    SCALARS,
    lambda held: st.lists(held, max_size=5) | st.dictionaries(NAMES, held, max_size=5),
    max_leaves=20,
)


def batch(values: Sequence[bytes]) -> Records:
    count, now_ms = len(values), 4_000_000_000_000
    return Records(
        list(values),
        [Partition("ab" * 8, "t", 0)] * count,
        list(range(count)),
        [now_ms] * count,
        [{}] * count,
        [0] * count,
    )


def passed(
    kit: Capture,
    answer: Any = None,
    *,
    asked: Any = None,
    path: str = "/api/payments/7",
    query: str = "",
    **more: Any,
) -> None:
    """One exchange through a capture, as a hook does it."""
    seen = kit.wanted(
        more.get("side", "server"),
        more.get("method", "GET"),
        path,
        query,
        more.get("headers", JSON_TYPE),
    )
    assert seen is not None
    seen.status, seen.answered_headers = 200, more.get("answered_headers", JSON_TYPE)
    for held, body in ((seen.asked, asked), (seen.answered, answer)):
        if body is not None:
            held.add(body if isinstance(body, bytes) else orjson.dumps(body))
    kit.over(seen)


@given(PAYLOADS)
def test_a_shape_keeps_every_name_type_and_length_and_no_value(payload: Any) -> None:
    shown = orjson.loads(shape_text(json.dumps(payload).encode(), Bounds()))
    assert shape_of(shown) == shape_of(json.loads(json.dumps(payload)))
    scalars: list[Any] = []
    json.loads(json.dumps(shown), parse_int=scalars.append, parse_float=scalars.append)
    assert {str(scalar) for scalar in scalars} <= {"0", "0.0", "0.5"}
    assert _texts(shown) <= {"text"}


def _texts(value: Any) -> set[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {value} if isinstance(value, str) else set().union(*map(_texts, inner))


def test_what_is_no_json_stays_no_json_and_the_provider_is_told() -> None:
    for body in (b"<html>", b"NaN", b'{"a":', b"\xff\xfe", b""):
        assert shape_text(body, Bounds()) == NOT_JSON
    collected = Collected()
    kit = capture(collected)
    passed(kit, b"<html>no</html>")
    kit.close()
    (exchange,), _ = decode_api_logs(batch(collected.records), "auto")
    assert [violation.rule for violation in check(exchange, registry()).violations] == ["not_json"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 5000 + b"]" * 5000, b"[" + b"1," * 6000 + b"1]", b'{"a":' * 2000 + b"1" + b"}" * 2000],
)
def test_bodies_that_are_too_large_to_look_at_are_told_as_truncated(body: bytes) -> None:
    collected = Collected()
    kit = capture(collected)
    passed(kit, body)
    kit.close()
    assert collected.said[0]["response_truncated"] is True
    assert "response_body" not in collected.said[0]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"a"') + gzip.compress(b":1}"),
        gzip.compress(b'{"a":1}')[:-9],
        gzip.compress(b'{"a":1}') + b"more",
        b'{"a":1}',
    ],
    ids=["two in one", "cut", "more behind it", "none"],
)
def test_of_a_body_that_is_not_packed_as_its_header_says_nothing_is_told(body: bytes) -> None:
    """It is no other text in place of JSON, which would be held against the provider."""
    assert unpacked(body, "gzip", 1_000) is None
    collected = Collected()
    kit = capture(collected)
    passed(kit, body, answered_headers=[*JSON_TYPE, ("content-encoding", "gzip")])
    kit.close()
    assert "response_body" not in collected.said[0]
    assert collected.said[0]["response_headers"]["content-encoding"] == "gzip"


def test_integers_of_any_length_are_integers() -> None:
    assert (
        shape_text(b'{"a":' + b"9" * 9000 + b',"b":1.0,"c":1e400,"d":-0.25}', Bounds())
        == '{"a":0,"b":0.0,"c":0.5,"d":0.5}'
    )


def test_keys_that_are_data_are_masked_and_hold_nothing_against_the_provider() -> None:
    for key in ("jane@shop.example", "4f2a" * 4, "Jane Doe", "1234567", "b" * 70, "ключ", "7"):
        assert is_data(key), key
    for key in ("amount", "line_items", "@type", "$ref", "sha256", "x-id", "address2", "iso3166"):
        assert not is_data(key), key
    collected = Collected()
    kit = capture(collected)
    payment = {"id": 7, "amount": 12.5, "currency": "EUR", "state": "open"}
    passed(kit, payment | {"labels": {"jane@shop.example": "x", "joe@shop.example": 5}})
    passed(kit, payment | {"Jane Doe": 1})
    kit.close()
    assert b"jane" not in b"".join(collected.records).lower()
    exchanges, _ = decode_api_logs(batch(collected.records), "auto")
    first, second = (check(exchange, registry()) for exchange in exchanges)
    assert [(violation.rule, violation.pointer) for violation in first.violations] == [
        ("type", "/labels/*")
    ]
    assert (second.outcome, second.reason) == ("valid", "shape_only")


def test_an_object_of_very_many_keys_is_a_map() -> None:
    shown = orjson.loads(
        shape_text(
            orjson.dumps({f"name{chr(97 + n // 26)}{chr(97 + n % 26)}": n for n in range(70)}),
            Bounds(),
        )
    )
    assert list(shown)[:2] == ["[redacted 0]", "[redacted 1]"]
    assert set(shown.values()) == {0}


@pytest.mark.parametrize(
    ("path", "route", "shown"),
    [
        ("/users/alice", "/users/{name}", "/users/" + in_address("alice")),
        ("/shop/users/alice", "/users/{name}", "/shop/users/" + in_address("alice")),
        ("/users/alice/", "/users/{name}/", "/users/" + in_address("alice") + "/"),
        ("/users/me/orders", "", "/users/me/orders"),
        ("/users/4711/orders", "", "/users/" + in_address("4711") + "/orders"),
        ("/users/jane%40shop.example", "", "/users/" + in_address("jane@shop.example")),
        ("/files/a/b/c", "/files/{path}", "/files/a/b/c"),
        ("/v2/api", "", "/v2/api"),
        ("/x/J%C3%BCrgen", "", "/x/" + in_address("Jürgen")),
    ],
)
def test_paths_are_masked_by_their_route_or_by_what_looks_like_an_id(
    path: str, route: str, shown: str
) -> None:
    assert masked_path(path, route) == shown


def test_queries_headers_and_cookies_are_judged_by_the_kind_of_their_text() -> None:
    document = PAYMENTS.replace(
        "{name: x-tenant, in: header, required: true, schema: {type: string}}",
        "{name: x-tenant, in: header, schema: {type: integer}}",
    )
    document = document.replace(
        "{name: state, in: query,",
        "{name: session, in: cookie, schema: {type: integer}}\n        - {name: state, in: query,",
    )
    collected = Collected()
    kit = capture(collected)
    for tenant, limit, session in (
        ("4711", "10", "12"),
        ("acme", "10", "12"),
        ("4711", "ten", "12"),
        ("4711", "10", "abc"),
        ("4711", "1e1", "12"),
    ):
        headers = [*JSON_TYPE, ("x-tenant", tenant), ("cookie", f"session={session}")]
        passed(kit, [], path="/api/payments", query=f"limit={limit}&state=open", headers=headers)
    kit.close()
    exchanges, _ = decode_api_logs(batch(collected.records), "auto")
    told = [
        [
            (violation.rule, violation.pointer)
            for violation in check(exchange, registry(revision(document))).violations
        ]
        for exchange in exchanges
    ]
    assert told == [
        [],
        [("type", "/header/x-tenant")],
        [("type", "/query/limit")],
        [("type", "/cookie/session")],
        [],
    ]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("a=", "a="),
        ("&&a&", "&&a&"),
        ("=x", "=" + in_address("x")),
        ("4711=", quote(REDACTED, safe="") + "="),
    ],
)
def test_a_query_without_names_gets_none_by_being_masked(query: str, shown: str) -> None:
    assert masked_query(query) == shown


def test_a_call_without_a_query_tells_of_no_undocumented_parameter() -> None:
    collected = Collected()
    kit = capture(collected)
    passed(kit, [], path="/api/payments", headers=[*JSON_TYPE, ("x-tenant", "acme")])
    kit.close()
    exchanges, _ = decode_api_logs(batch(collected.records), "auto")
    assert [check(exchange, registry()).observations for exchange in exchanges] == [[]]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_a_body_that_no_server_sends_is_not_told(method: str, status: int) -> None:
    collected = Collected()
    kit = capture(collected)
    seen = kit.wanted("server", method, "/api/payments/7", "", JSON_TYPE)
    assert seen is not None
    seen.status, seen.answered_headers = status, JSON_TYPE
    seen.answered.add(b'{"amount": 1')
    seen.answered.broke_off()
    kit.over(seen)
    kit.close()
    assert [name for name in collected.said[0] if name.startswith("response_")] == [
        "response_headers"
    ]


@given(st.text())
def test_masks_are_those_that_the_monitor_knows(text: str) -> None:
    assert kind_mask(text) in {"", REDACTED, *REDACTED_KINDS}
    assert masked_query(f"a={in_address(text)}") is not None


def test_one_trace_is_taken_everywhere_or_nowhere() -> None:
    first, second = (Capture(Settings(share=0.5), lambda _: None) for _ in range(2))
    traces = [f"00-{'0' * 18}{number * 2**51:014x}-{'cd' * 8}-01" for number in range(32)]
    taken = [first.takes(trace) for trace in traces]
    assert taken == [second.takes(trace) for trace in traces]
    assert sum(taken) == 16
    rare = Capture(Settings(share=0.1), lambda _: None)
    assert all(first.takes(trace) for trace in traces if rare.takes(trace))
    for kit in (first, second, rare):
        kit.close()
    assert Capture(Settings(share=0), lambda _: None).wanted("server", "GET", "/", "", ()) is None


def test_a_sink_that_hangs_delays_nobody_and_what_is_dropped_is_told_as_a_count() -> None:
    free, held = threading.Event(), Collected()

    def slow(records: Sequence[bytes]) -> None:
        assert free.wait(250)
        held(records)

    kit = capture(
        slow,
        bounds=Bounds(
            queue_records=5, batch_records=1, cpu_share=1, batch_seconds=0.05, closing_seconds=250
        ),
    )
    for _ in range(50):
        passed(kit, {"a": 1})
    assert kit.dropped["queue_full"] >= 44
    free.set()
    kit.close()
    *records, told = held.said
    assert len(records) + told["seamwatch_capture"]["dropped"]["queue_full"] == 50
    logs = read_api_logs(batch(held.records), "auto")
    assert [(reject.reason, reject.count, reject.whole) for reject in logs.rejects] == [
        ("capture_dropped", 50 - len(records), False)
    ]
    assert (len(logs.exchanges), logs.passed[-1]) == (len(records), 1)


def test_a_sink_that_fails_costs_its_records_only_and_that_is_counted() -> None:
    held = Collected()

    def failing(records: Sequence[bytes]) -> None:
        if not held.batches.is_set():
            held.batches.set()
            raise OSError
        held.records.extend(records)

    kit = capture(failing, bounds=Bounds(batch_records=1, cpu_share=1, closing_seconds=250))
    for _ in range(3):
        passed(kit, {"a": 1})
    kit.close()
    assert kit.dropped == {"sink_failed": 1}
    assert [exchange.get("seamwatch_capture", {}).get("dropped") for exchange in held.said] == [
        None,
        None,
        {"sink_failed": 1},
    ]


def test_bytes_that_wait_are_bounded() -> None:
    free = threading.Event()
    kit = capture(
        lambda _: free.wait(250) and None,
        bounds=Bounds(queue_bytes=100_000, batch_records=1, cpu_share=1, closing_seconds=250),
    )
    for _ in range(20):
        passed(kit, b"x" * 60_000)
    assert kit.dropped["queue_full"] >= 18
    free.set()
    kit.close()


def test_more_work_than_its_share_of_a_core_is_dropped_and_counted() -> None:
    held, free = Collected(), threading.Event()

    def slow(records: Sequence[bytes]) -> None:
        held(records)
        assert free.wait(250)

    kit = capture(
        slow,
        bounds=Bounds(
            cpu_share=0.000_001, batch_records=1, batch_seconds=0.05, closing_seconds=250
        ),
    )
    for _ in range(100):
        passed(kit, [{"a": n} for n in range(500)])
    free.set()
    # the rest is written at the end, when there is no window any more
    while kit.shipped + kit.dropped.total() < 90:
        held.batches.wait(0.01)
    assert kit.dropped["over_cpu_share"] > 0
    kit.close()


def test_what_cannot_be_written_never_reaches_the_application() -> None:
    collected = Collected()
    kit = capture(collected)

    class Rude(str):
        __slots__ = ()

        def lower(self) -> str:
            raise RuntimeError

    kit.over(Seen("server", "GET", "/x", "", kit.settings.bounds, [("x", object())]))  # type: ignore[list-item] - no text
    kit.over(Seen("server", "GET", "/x", "", kit.settings.bounds, [(Rude("x"), "text")]))
    passed(kit, {"a": 1})
    kit.close()
    assert kit.dropped == {"unreadable": 1, "unwritable": 1}
    assert len(collected.said) == 2


def test_a_forked_worker_ships_its_own(tmp_path: Path) -> None:
    written = tmp_path / "records"
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.capture.test_kit import passed, capture\n"
        "def sink(records):\n"
        "    with open(sys.argv[2], 'ab') as file: file.writelines(one + b'\\n' for one in records)\n"
        "kit = capture(sink)\n"
        "passed(kit, {'a': 1})\n"
        "child = os.fork()\n"
        "passed(kit, {'b': 1})\n"
        "kit.close()\n"
        "if child: os.waitpid(child, 0)\n"
        "else: os._exit(0)\n"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(ROOT), str(written)],
        check=True,
        timeout=250,
    )
    bodies = [orjson.loads(line)["response_body"] for line in written.read_bytes().splitlines()]
    assert sorted(bodies) == ['{"a":0}', '{"b":0}', '{"b":0}']


def test_the_process_end_ships_what_waits(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.capture.test_kit import passed, capture\n"
        "passed(capture(lambda records: print(*map(bytes.decode, records))), {'a': 1})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
        cwd=tmp_path,
    )
    assert orjson.loads(done.stdout)["response_body"] == '{"a":0}'


def test_otlp_logs_of_a_capture_are_the_same_exchanges() -> None:
    collected = Collected()
    kit = capture(collected)
    passed(kit, {"a": 1}, side="server")
    passed(kit, {"a": 1}, side="client")
    kit.close()
    sink = OtlpSink("http://127.0.0.1:4318/v1/logs", SERVICE)
    drops = orjson.dumps(
        {"time": 1_795_252_229_000_000_000, "seamwatch_capture": {"dropped": {"queue_full": 3}}}
    )
    logs = read_api_logs(batch([orjson.dumps(sink.request([*collected.records, drops]))]), "auto")
    plain, _ = decode_api_logs(batch(collected.records), "auto")
    assert [
        (
            exchange.callee,
            exchange.caller,
            exchange.side,
            exchange.response_body,
            exchange.redacted,
        )
        for exchange in logs.exchanges
    ] == [
        (exchange.callee, exchange.caller, exchange.side, exchange.response_body, True)
        for exchange in plain
    ]
    assert (logs.passed, [(reject.reason, reject.count) for reject in logs.rejects]) == (
        [1],
        [("capture_dropped", 3)],
    )
    with pytest.raises(ValueError, match="http://"):
        OtlpSink("file:///etc/passwd", SERVICE)


def test_who_captures_is_told_by_opentelemetrys_variables() -> None:
    settings = settings_of(
        {
            "OTEL_SERVICE_NAME": "payment",
            "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,service.version=2.0,service.instance.id=p%2D1,deployment.environment.name=prod",
            "SEAMWATCH_CAPTURE_SHARE": "0.5",
            "SEAMWATCH_CAPTURE_REDACT": "iban, name",
        }
    )
    assert settings.service == Service("payment", "2.0", "p-1", "", "prod")
    assert (settings.share, settings.redact, settings.values) == (0.5, ("iban", "name"), False)
    with pytest.raises(ValueError, match="SEAMWATCH_CAPTURE_SHARE is 2; it must be from 0 to 1"):
        settings_of({"SEAMWATCH_CAPTURE_SHARE": "2"})


def test_every_variable_that_is_read_is_documented() -> None:
    page = (ROOT / "monitor" / "README.md").read_text()
    source = "".join(path.read_text() for path in (ROOT / "monitor" / "capture").glob("*.py"))
    assert [name for name in VARIABLES if f"`{name}`" not in page] == []
    for name in VARIABLES:
        assert source.count(f'"{name}"') >= 2, name


@pytest.mark.parametrize("build", [hatchling.build.build_wheel, hatchling.build.build_editable])
def test_the_wheel_holds_a_capture_that_needs_nothing_but_python(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    name = build(str(tmp_path))
    zipfile.ZipFile(tmp_path / name).extractall(tmp_path / "site")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import seamwatch.capture as kit\n"
        "kit.Capture(kit.Settings(), print).close()\n"
        "own = {'seamwatch'} | set(sys.stdlib_module_names)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - own - {'__main__'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "site")],
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    assert done.stdout.strip() == "[]"
