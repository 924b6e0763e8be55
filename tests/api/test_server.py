"""On a socket: events while something changes, a clean stop, an address that is taken; and our own traces."""

import threading
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monitor.api import ApiServer, create_app, tracing
from monitor.api.otlp import OtlpExporter
from monitor.errors import ConfigError
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, publish


def test_an_event_stream_says_hello_and_then_that_something_changed(api: Asked, serve: Callable[..., str]) -> None:
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
    provider = tracing.instrument(app, "", OtlpExporter("http://127.0.0.1:4318/v1/traces", httpx.MockTransport(receive)))
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
