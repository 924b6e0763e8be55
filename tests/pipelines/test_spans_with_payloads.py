"""Spans that carry payloads: one decode, two outputs, joined to the call they belong to."""

from datetime import UTC, datetime

from monitor.contracts.registry import Registry
from monitor.model.contracts import Revision
from monitor.streams.listed import ListSource
from pipelines.traces import TraceSettings, traces
from tests.fixtures.rig import Rig
from tests.fixtures.spans import S

PROMISE = """
openapi: 3.0.3
info: {title: cart, version: "1"}
paths:
  /items/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: an item
          content: {application/json: {schema: {type: object, required: [price], properties: {price: {type: number}}}}}
"""


def said(body: str, **more: str | int) -> dict[str, str | int]:
    return {
        "http.request.method": "GET",
        "http.route": "/items/{id}",
        "url.path": "/items/7",
        "http.response.status_code": 200,
        "http.response.header.content-type": "application/json",
        "http.response.body.content": body,
        **more,
    }


def contract() -> Registry:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    return Registry([Revision("cart-api", 1, "openapi", "cart", "", "", "", moment, None, PROMISE, "x", moment)])


def collect(rig: Rig) -> None:
    registry = contract()
    source = ListSource(rig.log)
    for offsets in traces(source, rig.store, TraceSettings(), rig.clock, lambda: registry):
        source.commit(offsets)


def test_a_span_with_a_payload_is_checked_and_counted_on_its_edge_by_version_pair(rig: Rig) -> None:
    rig.produce(
        S(
            "web",
            "client",
            1,
            1,
            start=1,
            end=2,
            version="1",
            attributes={"http.request.method": "GET", "url.full": "http://cart/items/7"},
        ),
        S("cart", "server", 1, 2, 1, start=1.1, end=1.9, version="2", attributes=said('{"price": "9.99"}')),
        S(
            "web",
            "client",
            2,
            1,
            start=1,
            end=2,
            version="1",
            attributes={"http.request.method": "GET", "url.full": "http://cart/items/8"},
        ),
        S("cart", "server", 2, 2, 1, start=1.1, end=1.9, version="2", attributes=said('{"price": 9.99}')),
        S(
            "web",
            "client",
            3,
            1,
            start=1,
            end=2,
            version="1",
            attributes={"http.request.method": "GET", "url.full": "http://cart/items/8"},
        ),
        S(
            "cart",
            "server",
            3,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"pri', **{"http.response.body.size": 900}),
        ),
    )
    collect(rig)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.caller_version, edge.callee_version, edge.coverage["both"]) == (3, "1", "2", 3)
    assert edge.conformance == {"valid": 1, "violated": 1, "not_checked:truncated": 1}
    (group,) = rig.reader.violations(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(4e9, UTC))
    assert (group["rule"], group["pointer"], group["caller_version"], group["callee_version"]) == ("type", "/price", "", "2")


def test_both_sides_logging_one_call_count_one_check(rig: Rig) -> None:
    rig.produce(
        S("web", "client", 1, 1, start=1, end=2, attributes=said('{"price": 1}')),
        S("cart", "server", 1, 2, 1, start=1.1, end=1.9, attributes=said('{"price": "1"}')),
    )
    collect(rig)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.conformance) == (1, {"valid": 0, "violated": 1})
