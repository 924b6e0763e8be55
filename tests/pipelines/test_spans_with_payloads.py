"""Spans that carry payloads: one decode, two outputs, joined to the call they belong to."""

from datetime import UTC, datetime

import pytest

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
    return Registry(
        [
            Revision(
                "cart-api", 1, "openapi", "cart", "", "", "", moment, None, PROMISE, "x", moment
            )
        ]
    )


def collect(rig: Rig) -> None:
    registry = contract()
    source = ListSource(rig.log)
    for offsets in traces(source, rig.store, TraceSettings(), rig.clock, lambda: registry):
        source.commit(offsets)


def test_a_span_with_a_payload_is_checked_and_counted_on_its_edge_by_version_pair(
    rig: Rig,
) -> None:
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
        S(
            "cart",
            "server",
            1,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": "9.99"}'),
        ),
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
        S(
            "cart",
            "server",
            2,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": 9.99}'),
        ),
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
    assert (edge.calls, edge.caller_version, edge.callee_version, edge.coverage["both"]) == (
        3,
        "1",
        "2",
        3,
    )
    assert edge.conformance == {"valid": 1, "violated": 1, "not_checked:truncated": 1}
    (group,) = rig.reader.violations(
        datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(4e9, UTC)
    )
    assert (group["rule"], group["pointer"], group["caller_version"], group["callee_version"]) == (
        "type",
        "/price",
        "1",
        "2",
    )
    assert (group["caller"], group["callee"], group["count"]) == ("web", "cart", 1)


ALL_TIME = (datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(4e9, UTC))
LOOKS = {"http.request.method": "GET", "url.full": "http://cart/items/7"}


def pairs(rig: Rig) -> list[tuple[str, str, str, str, int]]:
    """Caller, its version, callee, its version, exchanges of every group of violations."""
    return [
        (
            group["caller"],
            group["caller_version"],
            group["callee"],
            group["callee_version"],
            group["count"],
        )
        for group in rig.reader.violations(*ALL_TIME)
    ]


def test_a_violation_that_only_the_server_saw_names_its_caller_once_the_callers_span_has_come(
    rig: Rig,
) -> None:
    rig.produce(
        S(
            "cart",
            "server",
            1,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": "9"}'),
        )
    )
    collect(rig)
    rig.close()
    assert pairs(rig) == [("unknown", "", "cart", "2", 1)]
    rig.produce(S("web", "client", 1, 1, start=1, end=2, version="1.4", attributes=LOOKS))
    collect(rig)
    rig.close()
    assert pairs(rig) == [("web", "1.4", "cart", "2", 1)]


def test_a_violation_read_again_is_paired_again_and_counted_once(rig: Rig) -> None:
    rig.produce(
        S("web", "client", 1, 1, start=1, end=2, version="1.4", attributes=LOOKS),
        S(
            "cart",
            "server",
            1,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": "9"}'),
        ),
    )
    registry = contract()
    for _ in range(2):
        # nothing is committed
        list(traces(ListSource(rig.log), rig.store, TraceSettings(), rig.clock, lambda: registry))
        rig.close()
        assert pairs(rig) == [("web", "1.4", "cart", "2", 1)]


def test_a_violation_of_a_call_that_nobody_traced_on_the_way_in_is_a_users(rig: Rig) -> None:
    rig.produce(
        S(
            "cart",
            "server",
            1,
            2,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": "9"}'),
        )
    )
    collect(rig)
    rig.close()
    assert pairs(rig) == [("user", "", "cart", "2", 1)]


def test_a_violation_that_only_the_client_saw_names_the_version_that_answered(rig: Rig) -> None:
    rig.produce(
        S(
            "web",
            "client",
            1,
            1,
            start=1,
            end=2,
            version="1.4",
            attributes=said('{"price": "9"}', **{"server.address": "cart"}),
        ),
        S("cart", "server", 1, 2, 1, start=1.1, end=1.5, version="2"),
        S("cart", "server", 1, 3, 1, start=1.5, end=1.9, version="3"),
    )
    collect(rig)
    rig.close()
    assert pairs(rig) == [("web", "1.4", "cart", "3", 1)]


BROKEN = said('{"price": "9"}')
FOLDED = {
    "a server span under another of its service": (
        S("web", "client", 1, 1, start=1, end=2, version="1.4", attributes=LOOKS),
        S("cart", "server", 1, 2, 1, start=1.1, end=1.9, version="2"),
        S("cart", "server", 1, 3, 2, start=1.2, end=1.8, version="2", attributes=BROKEN),
    ),
    "such a one, where the outer one was checked too": (
        S("web", "client", 1, 1, start=1, end=2, version="1.4", attributes=LOOKS),
        S(
            "cart",
            "server",
            1,
            2,
            1,
            start=1.1,
            end=1.9,
            version="2",
            attributes=said('{"price": 9}'),
        ),
        S("cart", "server", 1, 3, 2, start=1.2, end=1.8, version="2", attributes=BROKEN),
    ),
    "the HTTP client span under one of another library": (
        S("web", "client", 1, 1, start=1, end=2, version="1.4", attributes=LOOKS),
        S(
            "web",
            "client",
            1,
            4,
            1,
            start=1.05,
            end=1.95,
            version="1.4",
            attributes={**BROKEN, "server.address": "cart"},
        ),
        S("cart", "server", 1, 2, 4, start=1.1, end=1.9, version="2"),
    ),
}


@pytest.mark.parametrize("story", FOLDED)
def test_what_was_checked_on_a_span_that_is_part_of_a_call_is_of_that_call(
    rig: Rig, story: str
) -> None:
    rig.produce(*FOLDED[story])
    collect(rig)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.calls, edge.coverage["folded"]) == ("web", "cart", 1, 1)
    assert (edge.conformance["violated"], edge.conformance["valid"]) == (1, 0)
    assert pairs(rig) == [("web", "1.4", "cart", "2", 1)]


def test_both_sides_logging_one_call_count_one_check(rig: Rig) -> None:
    rig.produce(
        S("web", "client", 1, 1, start=1, end=2, attributes=said('{"price": 1}')),
        S("cart", "server", 1, 2, 1, start=1.1, end=1.9, attributes=said('{"price": "1"}')),
    )
    collect(rig)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.conformance) == (1, {"valid": 0, "violated": 1})
