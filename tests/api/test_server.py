"""On a socket: events while something changes, a clean stop, an address that is taken; and our own
traces.
"""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monitor.api import tracing
from monitor.api.app import create_app
from monitor.api.events import MAX_STREAMS
from monitor.api.otlp import OtlpExporter
from monitor.api.server import ApiServer
from monitor.errors import ConfigError
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, publish


def test_an_event_stream_says_hello_and_then_that_something_changed(
    api: Asked, serve: Callable[..., str]
) -> None:
    address = serve(api.app)
    with httpx.stream("GET", f"{address}/events", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("event")) == "event: hello"
        publish(api.parts.store, 3, [NOON - timedelta(seconds=10)], NOON)
        assert next(line for line in lines if line.startswith("event")) == "event: changed"


def test_a_server_stops_although_a_page_is_open(api: Asked) -> None:
    server = ApiServer(api.app, "127.0.0.1", 0)
    server.start()
    ended = threading.Event()

    def watch() -> None:
        with httpx.stream("GET", f"{server.address}/events", timeout=30) as answer:
            for line in answer.iter_lines():
                if line.startswith("event"):
                    begun.set()
        ended.set()

    begun = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    assert begun.wait(20)
    server.stop()
    server.stop()
    watcher.join(20)
    assert ended.is_set()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.address}/healthz")


def test_an_address_that_is_taken_is_said_with_what_to_do(shared_api: Asked) -> None:
    first = ApiServer(shared_api.app, "127.0.0.1", 0)
    first.start()
    try:
        with pytest.raises(ConfigError, match="SEAMWATCH_API_PORT"):
            ApiServer(shared_api.app, "127.0.0.1", first.port)
    finally:
        first.stop()


def test_our_own_traces_carry_the_name_that_the_pipeline_leaves_out(shared_api: Asked) -> None:
    app = create_app(shared_api.parts)
    kept = InMemorySpanExporter()
    provider = tracing.instrument(app, "", kept)
    assert provider is not None
    asked = Asked(shared_api.parts, app, shared_api.clock)
    assert asked.get("/v1/deploys").status_code == 200
    assert asked.get("/healthz").status_code == 200
    provider.shutdown()
    spans = kept.get_finished_spans()
    assert {span.resource.attributes["service.name"] for span in spans} == {"seamwatch"}
    assert any("/v1/deploys" in span.name for span in spans)
    assert not any("/healthz" in span.name for span in spans)


def test_nothing_is_traced_unless_asked_for(shared_api: Asked) -> None:
    assert tracing.instrument(create_app(shared_api.parts), "") is None


def test_spans_leave_as_otlp_and_a_receiver_that_fails_costs_only_them(shared_api: Asked) -> None:
    got: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(200 if len(got) == 1 else 503)

    app = create_app(shared_api.parts)
    provider = tracing.instrument(
        app, "", OtlpExporter("http://127.0.0.1:4318/v1/traces", httpx.MockTransport(receive))
    )
    assert provider is not None
    asked = Asked(shared_api.parts, app, shared_api.clock)
    asked.get("/v1/deploys")
    provider.force_flush()
    asked.get("/v1/deploys")
    provider.shutdown()
    assert got[0].headers["content-type"] == "application/x-protobuf"
    assert b"seamwatch" in got[0].content


def test_every_metric_of_a_request_names_its_route_and_never_its_path(shared_api: Asked) -> None:
    shared_api.get("/v1/findings/who-knows")
    text = shared_api.get("/metrics").text
    assert 'route="/v1/findings/{finding_id}"' in text
    assert "who-knows" not in text


def test_as_many_pages_as_may_be_open_leave_the_server_answering_and_others_are_told_to_come_later(
    shared_api: Asked, serve: Callable[..., str]
) -> None:
    address = serve(create_app(shared_api.parts))
    host, port = address.removeprefix("http://").split(":")
    asking = f"GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def opened(count: int) -> list[socket.socket]:
        lines = [socket.create_connection((host, int(port)), 20) for _ in range(count)]
        for line in lines:
            line.sendall(asking)
        return lines

    def first_word(line: socket.socket) -> str:
        data = b""
        while not any(word in data for word in (b"hello", b"retry: 30000", b"too many")) and (
            more := line.recv(4096)
        ):
            data += more
        return "hello" if b"hello" in data else "later"

    stuck = opened(MAX_STREAMS + 20)  # nobody reads them until the end
    assert httpx.get(f"{address}/healthz", timeout=20).status_code == 200
    assert httpx.get(f"{address}/v1/deploys", timeout=20).status_code == 200
    assert sorted(map(first_word, stuck)) == ["hello"] * MAX_STREAMS + ["later"] * 20
    for line in stuck:
        line.close()
    deadline = time.monotonic() + 120
    while True:
        (late,) = opened(1)
        word = first_word(late)
        late.close()
        if word == "hello":
            break
        assert time.monotonic() < deadline
