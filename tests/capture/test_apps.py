"""Real applications under a capture: they answer as without it, and what is captured is judged by
the monitor.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, Self
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults

import anyio
import flask
import httpx
import pytest
import requests
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.websockets import WebSocket

from monitor.capture import AsgiCapture, Bounds, Capture, WsgiCapture, watch_httpx, watch_requests
from monitor.clock import ManualClock
from monitor.model.records import Partition, Records
from monitor.store import Store
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.capture.served import Collected, capture
from tests.contracts.promises import registry
from tests.fixtures.captured_apps import (
    GOOD,
    Broken,
    django_asgi,
    django_wsgi,
    fastapi_app,
    flask_app,
)
from tests.pipelines.written import Given

TRACE = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
HEADERS = {"traceparent": TRACE, "x-tenant": "acme", "authorization": "Bearer s3cr3t"}
NEW = {
    "amount": 12,
    "currency": "EUR",
    "state": "open",
    "secret": "Jane's own",
    "note": "for Jane Doe",
}
# amounts with their name: a duration, too, may be 12.5 ms
AMOUNTS = ('amount":12', 'amount":"12', 'amount\\":12', 'amount\\":\\"12')
PERSONAL = ("Jane", "s3cr3t", "acme", "EUR", *AMOUNTS)


def judged(store: Store, collected: Collected) -> list[dict[str, Any]]:
    """The exchanges that the monitor stores of the records, by their paths."""
    count, now = len(collected.records), time.time_ns()
    place = Partition("ab" * 8, "api_logs", 0)
    batch = Records(
        collected.records,
        [place] * count,
        list(range(count)),
        [now // 10**6] * count,
        [{}] * count,
        [0] * count,
    )
    known = registry()
    list(
        api_logs(
            Given(batch), store, lambda: known, ApiLogSettings(), ManualClock(datetime.now(UTC))
        )
    )
    with store._readers.borrow() as client:
        result = client.query(
            "SELECT e.operation AS operation, checked, reason, status, callee, callee_version, caller, hex(trace) AS trace, "
            "groupArray((rule, pointer)) AS broken FROM exchanges AS e FINAL LEFT JOIN violations AS v "
            "ON e.offset = v.offset AND v.rule != '' GROUP BY e.offset, operation, checked, reason, status, callee, callee_version, caller, trace ORDER BY operation, checked, status"
        )
        return list(result.named_results())


def asked(app: Any, **options: Any) -> list[httpx.Response]:
    """Three calls: one kept, one that breaks the contract, one that is made."""

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://payment", headers=HEADERS
        ) as client:
            return [
                await client.get("/api/payments/7"),
                await client.get("/api/payments/13"),
                await client.post("/api/payments", json=NEW, **options),
            ]

    return anyio.run(go)


def asked_wsgi(app: Any) -> list[httpx.Response]:
    with httpx.Client(
        transport=httpx.WSGITransport(app=app), base_url="http://payment", headers=HEADERS
    ) as client:
        return [
            client.get("/api/payments/7"),
            client.get("/api/payments/13"),
            client.post("/api/payments", json=NEW),
        ]


APPS: dict[str, tuple[Callable[[], Any], bool]] = {
    "fastapi": (fastapi_app, True),
    "django-asgi": (django_asgi, True),
    "flask": (flask_app, False),
    "django-wsgi": (django_wsgi, False),
}


@pytest.mark.parametrize("kind", APPS)
def test_what_an_application_answers_ends_in_stored_verdicts_without_any_value_of_it(
    kind: str, store: Store
) -> None:
    make, is_asgi = APPS[kind]
    collected = Collected()
    kit = capture(collected)
    answers = asked(AsgiCapture(make(), kit)) if is_asgi else asked_wsgi(WsgiCapture(make(), kit))
    kit.close()
    assert [(answer.status_code, answer.json()["amount"]) for answer in answers] == [
        (200, 12.5),
        (200, "12.50"),
        (201, 12),
    ]
    assert not any(word.encode() in record for record in collected.records for word in PERSONAL)
    assert not any(b"/13" in record or b"/7" in record for record in collected.records)
    assert [exchange["route"] for exchange in collected.said] == ["/api/payments/{number}"] * 2 + [
        "/api/payments"
    ]
    good, broken, made = judged(store, collected)
    assert {
        (row["callee"], row["callee_version"], row["trace"]) for row in (good, broken, made)
    } == {("payment", "2.0", "AB" * 16)}
    assert (good["operation"], good["checked"], good["reason"]) == (
        "GET /api/payments/{id}",
        "valid",
        "shape_only",
    )
    assert (broken["checked"], broken["broken"]) == ("violated", [("type", "/amount")])
    assert (made["operation"], made["status"], made["checked"], made["reason"]) == (
        *("POST /api/payments", 201, "valid", "shape_only"),
    )


@pytest.mark.parametrize("kind", APPS)
def test_with_values_the_contracts_clauses_about_values_are_judged_too(
    kind: str, store: Store
) -> None:
    make, is_asgi = APPS[kind]
    collected = Collected()
    kit = capture(collected, values=True)
    (asked(AsgiCapture(make(), kit)) if is_asgi else asked_wsgi(WsgiCapture(make(), kit)))
    kit.close()
    assert not any(b"s3cr3t" in record or b"Jane's own" in record for record in collected.records)
    good, broken, made = judged(store, collected)
    assert (good["checked"], good["reason"], broken["broken"]) == (
        "valid",
        "",
        [("type", "/amount")],
    )
    assert made["broken"] == [("maxLength", "/note")]


class Sent:
    """Where an ASGI application sends its messages."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)


def scope(path: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        **more,
    }


async def nothing_more() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_what_an_application_raises_is_raised_on_and_counts_as_500() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise Broken

    collected = Collected()
    kit = capture(collected)
    with pytest.raises(Broken):
        anyio.run(AsgiCapture(app, kit), scope("/api/broken"), nothing_more, Sent())

    def old_app(environ: Any, start_response: Any) -> list[bytes]:
        raise Broken

    with pytest.raises(Broken):
        WsgiCapture(old_app, kit)(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/broken", "QUERY_STRING": ""},
            lambda *_: None,
        )
    kit.close()
    assert [(exchange["status"], exchange["path"]) for exchange in collected.said] == [
        (500, "/api/broken")
    ] * 2


def test_fastapis_own_answer_to_an_error_is_what_callers_get_and_what_is_told() -> None:
    collected = Collected()
    app = fastapi_app()
    kit = capture(collected)
    app.add_middleware(AsgiCapture, capture=kit)

    async def go() -> int:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://payment") as client:
            return (await client.get("/api/broken")).status_code

    assert anyio.run(go) == 500
    kit.close()
    assert [exchange["status"] for exchange in collected.said] == [500]


@pytest.mark.parametrize("outside", [True, False])
def test_a_request_without_trace_context_names_the_servers_own_span(outside: bool) -> None:
    """Or its log would be a second call beside the span."""
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    collected = Collected()
    kit = capture(collected)
    app: Any = fastapi_app()
    for traced in (False, True) if outside else (True, False):
        if traced:
            app = OpenTelemetryMiddleware(app, tracer_provider=provider)
        else:
            app = AsgiCapture(app, kit)

    async def go() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://payment") as client:
            await client.get("/api/payments/7")
            await client.get("/api/payments/7", headers={"traceparent": TRACE})

    anyio.run(go)
    kit.close()
    spans = [span for span in exported.get_finished_spans() if span.kind is SpanKind.SERVER]
    context = spans[0].get_span_context()
    assert context is not None
    alone, called = collected.said
    assert alone["trace_id"] == f"{context.trace_id:032x}"
    assert alone["span_id"] == f"{context.span_id:016x}"
    assert "trace_id" not in called
    assert called["request_headers"]["traceparent"] == TRACE


def test_streams_pass_message_by_message_and_nothing_of_them_is_held() -> None:
    collected, sent = Collected(), Sent()
    kit = capture(collected)
    held: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/event-stream")],
            }
        )
        for number in range(3):
            await send(
                {"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True}
            )
            held.append(len(sent.messages))  # each has arrived before the next is made
        await send({"type": "http.response.body", "body": b""})

    anyio.run(AsgiCapture(app, kit), scope("/api/events"), nothing_more, sent)
    assert held == [2, 3, 4]
    assert [message.get("body") for message in sent.messages] == [
        None,
        b"data: 0\n\n",
        b"data: 1\n\n",
        b"data: 2\n\n",
        b"",
    ]
    kit.close()
    (exchange,) = collected.said
    assert (exchange["status"], "response_body" in exchange, "response_truncated" in exchange) == (
        200,
        False,
        False,
    )


def test_websockets_and_lifespans_are_not_looked_at() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))
        assert scope["type"] != "websocket" or WebSocket(scope, receive, send).url.path == "/live"

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    kit, sent = capture(Collected()), Sent()
    for asgi_scope in (
        {"type": "websocket", "path": "/live", "headers": [], "query_string": b"", "scheme": "ws"},
        {"type": "lifespan"},
    ):
        anyio.run(AsgiCapture(app, kit), asgi_scope, receive, sent)
        assert seen[-1] == (asgi_scope, receive, sent)  # the very same: nothing was put between
    kit.close()


def test_a_wsgi_stream_is_asked_for_one_part_at_a_time_and_closed() -> None:
    made: list[str] = []

    def parts() -> Iterator[bytes]:
        try:
            for number in range(3):
                made.append(str(number))
                yield b'{"a":' if number == 0 else b"1" if number == 1 else b"}"
        finally:
            made.append("closed")

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return parts()

    collected = Collected()
    kit = capture(collected)
    answer = WsgiCapture(app, kit)(
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "QUERY_STRING": ""}, lambda *_: None
    )
    assert made == []
    assert (next(iter(answer)), made) == (b'{"a":', ["0"])
    assert (list(answer), made) == ([b"1", b"}"], ["0", "1", "2", "closed"])
    answer.close()  # type: ignore[attr-defined] - as every server does
    kit.close()
    assert collected.said[0]["response_body"] == '{"a":0}'


def test_a_wsgi_answer_that_tells_how_many_parts_it_has_goes_on_doing_so() -> None:
    """By it the standard library's server knows the length of an only part."""

    def app(_: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/json")])
        return deque([b'{"a":1}'])

    def served(application: Any) -> bytes:
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        output = BytesIO()
        SimpleHandler(BytesIO(), output, BytesIO(), environ).run(application)
        return output.getvalue()

    collected = Collected()
    kit = capture(collected)
    assert served(WsgiCapture(app, kit)) == served(app)
    assert b"Content-Length: 7" in served(app)
    kit.close()
    assert [exchange["response_body"] for exchange in collected.said] == ['{"a":0}']


def test_a_transport_of_httpx_is_entered_left_and_asked_as_ever() -> None:
    done: list[str] = []

    class Own(httpx.BaseTransport):
        pool = "its pool"

        def __enter__(self) -> Self:
            done.append("entered")
            return self

        def __exit__(self, *_: object) -> None:
            done.append("left")

        def handle_request(self, _: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"a": 1})

    class OwnAsync(httpx.AsyncBaseTransport):
        pool = "its pool"

        async def __aenter__(self) -> Self:
            done.append("entered")
            return self

        async def __aexit__(self, *_: object) -> None:
            done.append("left")

        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"a": 1})

    async def asked_later(kit: Any) -> None:
        client = watch_httpx(httpx.AsyncClient(transport=OwnAsync()), kit)
        assert client._transport.pool == "its pool"
        async with client:
            assert (await client.get("http://payment/x")).json() == {"a": 1}

    collected = Collected()
    kit = capture(collected)
    client = watch_httpx(httpx.Client(transport=Own()), kit)
    assert client._transport.pool == "its pool"
    with client:
        assert client.get("http://payment/x").json() == {"a": 1}
    asyncio.run(asked_later(kit))
    kit.close()
    assert done == ["entered", "left"] * 2
    assert [exchange["response_body"] for exchange in collected.said] == ['{"a":0}'] * 2


def test_lists_and_files_of_wsgi_applications_are_handed_on_as_they_are() -> None:
    class File:
        def __init__(self, _: object) -> None: ...

        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("a server sends it by itself")

    answers: list[Any] = [[b"{}"], File(None)]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/json")])
        return answers[int(environ["QUERY_STRING"])]

    collected = Collected()
    kit = capture(collected)
    for at, answer in enumerate(answers):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/x",
            "QUERY_STRING": str(at),
            "wsgi.file_wrapper": File,
        }
        assert WsgiCapture(app, kit)(environ, lambda *_: None) is answer
    kit.close()
    assert [exchange.get("response_body") for exchange in collected.said] == ["{}", None]


def test_a_body_over_the_bound_is_told_as_truncated(store: Store) -> None:
    collected = Collected()
    kit = capture(collected, bounds=Bounds(body_bytes=40, cpu_share=1, closing_seconds=60))
    answers = asked(AsgiCapture(fastapi_app(), kit))
    kit.close()
    assert answers[0].json() == GOOD
    assert collected.said[0]["response_truncated"] is True
    assert "response_body" not in collected.said[0]
    rows = judged(store, collected)
    assert [(row["checked"], row["reason"]) for row in rows] == [("not_checked", "truncated")] * 3


@pytest.fixture
def flask_address() -> Iterator[str]:
    """Flask's payments, served over a socket, gzipped where that is asked for."""
    app = flask_app()

    @app.get("/api/there")
    def there() -> flask.Response:
        return flask.redirect("/api/payments/7")  # type: ignore[return-value]

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: Any) -> None: ...

    with (
        make_server("127.0.0.1", 0, app, handler_class=Quiet) as server,
        anyio.from_thread.start_blocking_portal() as portal,
    ):
        done = portal.start_task_soon(anyio.to_thread.run_sync, server.serve_forever)
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        done.result()


@pytest.mark.parametrize("kind", ["httpx", "httpx-async", "requests"])
def test_what_clients_ask_is_captured_on_their_side(
    kind: str, flask_address: str, store: Store
) -> None:
    collected = Collected()
    kit = capture(collected)
    answers = _by(kind, kit, flask_address)
    kit.close()
    assert answers == [200, 200, 201]
    assert {
        (exchange["side"], exchange["caller"], exchange["callee"], exchange["caller_version"])
        for exchange in collected.said
    } == {("client", "payment", "127.0.0.1", "2.0")}
    assert not any(word.encode() in record for record in collected.records for word in PERSONAL)
    assert [exchange["response_body"] for exchange in collected.said][1].count(
        '"amount":"text"'
    ) == 1
    assert (
        collected.said[2]["request_body"]
        == '{"amount":0,"currency":"text","state":"text","secret":"text","note":"text"}'
    )
    collected.records = [
        record.replace(b'"callee":"127.0.0.1"', b'"callee":"payment"')
        for record in collected.records
    ]
    assert [row["checked"] for row in judged(store, collected)] == ["valid", "violated", "valid"]


def _by(kind: str, kit: Capture, address: str) -> list[int]:
    if kind == "requests":
        with watch_requests(requests.Session(), kit) as session:
            session.headers.update(HEADERS)
            got = [
                session.get(f"{address}/api/payments/7"),
                session.get(f"{address}/api/payments/13"),
            ]
            return [
                answer.status_code
                for answer in [*got, session.post(f"{address}/api/payments", json=NEW)]
            ]
    if kind == "httpx":
        with watch_httpx(httpx.Client(headers=HEADERS, base_url=address), kit) as client:
            got = [
                client.get("/api/payments/7"),
                client.get("/api/payments/13"),
                client.post("/api/payments", json=NEW),
            ]
            return [answer.status_code for answer in got]

    async def go() -> list[int]:
        async with watch_httpx(
            httpx.AsyncClient(headers=HEADERS, base_url=address), kit
        ) as client:
            got = [await client.get("/api/payments/7"), await client.get("/api/payments/13")]
            return [
                answer.status_code
                for answer in [*got, await client.post("/api/payments", json=NEW)]
            ]

    return anyio.run(go)


def test_clients_that_get_no_answer_raise_as_ever_and_tell_status_0() -> None:
    collected = Collected()
    kit = capture(collected)
    with pytest.raises(httpx.ConnectError), watch_httpx(httpx.Client(), kit) as client:
        client.get("http://127.0.0.1:1/x")
    with (
        pytest.raises(requests.ConnectionError),
        watch_requests(requests.Session(), kit) as session,
    ):
        session.get("http://127.0.0.1:1/x")
    kit.close()
    assert [exchange["status"] for exchange in collected.said] == [0, 0]


def test_a_redirect_took_as_long_as_it_took_and_a_client_that_is_watched_twice_tells_once() -> (
    None
):
    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/there":
                never.wait(0.4)
            self.send_response(302 if self.path == "/api" else 200)
            self.send_header("location", "/there")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    never, collected = threading.Event(), Collected()
    kit = capture(collected)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    with watch_requests(watch_requests(requests.Session(), kit), kit) as session:
        assert session.get(f"{address}/api").status_code == 200
    with watch_httpx(watch_httpx(httpx.Client(), kit), kit) as client:
        assert client.get(f"{address}/there").status_code == 200
    kit.close()
    server.shutdown()
    server.server_close()
    there, redirect, _ = collected.said
    assert (there["path"], redirect["path"]) == ("/there", "/api")
    assert there["time"] - redirect["time"] >= 0.4e9  # it was over before the next one began


def test_a_streamed_answer_stays_a_stream_and_redirects_are_exchanges(flask_address: str) -> None:
    collected = Collected()
    kit = capture(collected)
    with (
        watch_httpx(httpx.Client(base_url=flask_address), kit) as client,
        client.stream("GET", "/api/events") as answer,
    ):
        assert b"".join(answer.iter_raw()) == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    with watch_requests(requests.Session(), kit) as session:
        got = session.get(f"{flask_address}/api/payments/7", stream=True)
        assert got.raw.read() == flask_app().test_client().get("/api/payments/7").data
        assert session.get(f"{flask_address}/api/there").json() == GOOD
    kit.close()
    assert [exchange["status"] for exchange in collected.said] == [200, 200, 200, 302]
