"""From what stands between and over spans to the calls that there were: proxies, shared ids,
nested spans, mirrors, timeouts.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.fixtures.rig import Rig
from tests.fixtures.spans import S

HTTP = {"http.request.method": "GET", "http.route": "/x"}
GRPC = {"rpc.system": "grpc", "rpc.service": "shop.Stock", "rpc.method": "Get"}
QUERY = {"db.system.name": "elasticsearch", "db.operation.name": "search"}
QUEUE = {"messaging.system": "aws_sqs", "messaging.destination.name": "orders"}
ENVIRONMENT = "deployment.environment.name"
Calls = dict[tuple[str, str], int]


def at(host: str, **more: str | int) -> dict[str, str | int]:
    return {**HTTP, "server.address": host, **more}


def client(
    service: str,
    span: int,
    parent: int = 0,
    *,
    start: float = 1,
    end: float = 2,
    attributes: object = HTTP,
) -> S:
    return S(service, "client", 1, span, parent, start, end, attributes=attributes)  # type: ignore[arg-type]  # words


def server(
    service: str,
    span: int,
    parent: int = 0,
    *,
    start: float = 1.1,
    end: float = 1.9,
    attributes: object = HTTP,
) -> S:
    return S(service, "server", 1, span, parent, start, end, attributes=attributes)  # type: ignore[arg-type]  # words


def inner(
    service: str, span: int, parent: int = 0, *, start: float = 1.05, end: float = 1.95
) -> S:
    return S(service, "internal", 1, span, parent, start, end)


STORIES: dict[str, tuple[Sequence[S], Calls]] = {
    "a reverse proxy with one server span": (
        (client("web", 1), server("nginx", 2, 1), server("app", 3, 2)),
        {("web", "nginx"): 1, ("nginx", "app"): 1},
    ),
    "two reverse proxies behind each other": (
        (server("ingress", 2), server("nginx", 3, 2), server("app", 4, 3)),
        {("user", "ingress"): 1, ("ingress", "nginx"): 1, ("nginx", "app"): 1},
    ),
    "a gateway with a client span alone": (
        (
            client("web", 1, attributes=at("gw.example")),
            client("gateway", 2, 1, start=1.1, end=1.9),
            server("app", 3, 2, start=1.2),
        ),
        {("web", "gateway"): 1, ("gateway", "app"): 1},
    ),
    "a gateway with a client span alone before a proxy with a server span alone": (
        (
            client("web", 1, attributes=at("gw.example")),
            client("gateway", 2, 1, start=1.1, end=1.9),
            server("nginx", 3, 2, start=1.2),
            server("app", 4, 3, start=1.3),
        ),
        {("web", "gateway"): 1, ("gateway", "nginx"): 1, ("nginx", "app"): 1},
    ),
    "sidecars of a name that nobody knows": (
        (
            client("shop", 1),
            client("node", 2, 1, start=1.1),
            server("node", 3, 2, start=1.2),
            server("pay", 4, 3, start=1.3),
        ),
        {("shop", "pay"): 1},
    ),
    "a gateway with a client span alone that nobody calls": (
        (client("gateway", 2), server("app", 3, 2)),
        {("gateway", "app"): 1},
    ),
    "a gateway with an internal and a client span": (
        (
            client("web", 1),
            inner("gateway", 2, 1),
            client("gateway", 3, 2, start=1.1),
            server("app", 4, 3, start=1.2),
        ),
        {("web", "gateway"): 1, ("gateway", "app"): 1},
    ),
    "sidecars on both sides, each with one span": (
        (
            client("shop", 1),
            client("shop-proxy", 2, 1, start=1.1),
            server("pay-proxy", 3, 2, start=1.2),
            server("pay", 4, 3, start=1.3),
        ),
        {("shop", "pay"): 1},
    ),
    "sidecars of one name": (
        (
            client("shop", 1),
            client("istio-proxy", 2, 1, start=1.1),
            server("istio-proxy", 3, 2, start=1.2),
            server("pay", 4, 3),
        ),
        {("shop", "pay"): 1},
    ),
    "sidecars that share their ids and their services' names": (
        (
            client("shop", 1),
            client("shop.default", 2, 1, start=1.1),
            server("pay.default", 2, 1, start=1.2),
            server("pay", 4, 2, start=1.3),
        ),
        {("shop", "pay"): 1},
    ),
    "sidecars that call themselves as their services do": (
        (
            client("shop", 1),
            client("shop", 2, 1, start=1.1),
            server("pay", 3, 2, start=1.2),
            server("pay", 4, 3, start=1.3),
        ),
        {("shop", "pay"): 1},
    ),
    "sidecars on both sides, each with two spans": (
        (
            client("shop", 1),
            server("istio-proxy", 2, 1, start=1.1),
            client("istio-proxy", 3, 2, start=1.2),
            server("istio-proxy", 4, 3, start=1.3),
            client("istio-proxy", 5, 4, start=1.4),
            server("pay", 6, 5, start=1.5),
        ),
        {("shop", "pay"): 1},
    ),
    "a sidecar of the callee alone": (
        (client("shop", 1), server("pay-sidecar", 2, 1), server("pay", 3, 2, start=1.2)),
        {("shop", "pay"): 1},
    ),
    "a sidecar of the caller alone": (
        (client("shop", 1), client("shop-envoy", 2, 1, start=1.1), server("pay", 3, 2, start=1.2)),
        {("shop", "pay"): 1},
    ),
    "a second server span in one process": (
        (client("web", 1), server("api", 2, 1), server("api", 3, 2, start=1.2)),
        {("web", "api"): 1},
    ),
    "a second server span under an internal one": (
        (
            client("web", 1),
            server("api", 2, 1),
            inner("api", 3, 2, start=1.1),
            server("api", 4, 3, start=1.2),
        ),
        {("web", "api"): 1},
    ),
    "an internal span over a server's own": (
        (client("web", 1), inner("api", 2, 1), server("api", 3, 2, start=1.2)),
        {("web", "api"): 1},
    ),
    "an internal root over a server's own": (
        (inner("api", 2), server("api", 3, 2)),
        {("user", "api"): 1},
    ),
    "gRPC over HTTP, the inner context sent": (
        (
            client("web", 1, attributes=GRPC),
            client("web", 2, 1, start=1.1),
            server("stock", 3, 2, start=1.2, attributes=GRPC),
        ),
        {("web", "stock"): 1},
    ),
    "gRPC over HTTP, the outer context sent": (
        (
            client("web", 1, attributes=GRPC),
            client("web", 2, 1, start=1.1),
            server("stock", 3, 1, start=1.2, attributes=GRPC),
        ),
        {("web", "stock"): 1},
    ),
    "gRPC over an internal span over HTTP": (
        (
            client("web", 1, attributes=GRPC),
            inner("web", 2, 1),
            client("web", 3, 2, start=1.1),
            server("stock", 4, 3, start=1.2),
        ),
        {("web", "stock"): 1},
    ),
    "an internal span between client and server": (
        (
            client("web", 1, attributes=GRPC),
            inner("web", 2, 1),
            server("stock", 3, 2, attributes=GRPC),
        ),
        {("web", "stock"): 1},
    ),
    "a database client over HTTP": (
        (
            client("web", 1, attributes={**QUERY, "server.address": "es-1"}),
            client("web", 2, 1, attributes=at("es-1")),
        ),
        {("web", "elasticsearch@es-1"): 1},
    ),
    "a database client over one of its own kind": (
        (client("web", 1, attributes=QUERY), client("web", 2, 1, attributes=QUERY)),
        {("web", "elasticsearch"): 1},
    ),
    "an HTTP client over one of another library, retried": (
        (
            client("web", 1, attributes=at("pay")),
            client("web", 2, 1, end=1.4, attributes=at("pay")),
            client("web", 3, 1, start=1.5, attributes=at("pay")),
            server("pay", 4, 2, end=1.3),
            server("pay", 5, 3, start=1.6),
        ),
        {("web", "pay"): 1},
    ),
    "an HTTP client that first asks another host for a token": (
        (
            client("web", 1, attributes=at("pay")),
            client("web", 2, 1, attributes=at("login.example")),
            server("pay", 3, 1),
        ),
        {("web", "pay"): 1, ("web", "login.example"): 1},
    ),
    "an HTTP client that looks into a cache": (
        (
            client("web", 1),
            client("web", 2, 1, attributes={"db.system": "redis"}),
            server("pay", 3, 1),
        ),
        {("web", "pay"): 1, ("web", "redis"): 1},
    ),
    "a wrapper that names no protocol": (
        (
            client("web", 1, attributes={}),
            client("web", 2, 1),
            client("web", 3, 1),
            server("pay", 4, 2),
            server("pay", 5, 3),
        ),
        {("web", "pay"): 2},
    ),
    "a client span whose context leaked after its end": (
        (
            client("web", 1),
            client("web", 2, 1, start=3, end=4),
            server("a", 3, 1),
            server("b", 4, 2, start=3.1, end=3.9),
        ),
        {("web", "a"): 1, ("web", "b"): 1},
    ),
    "a service that calls another on the way": (
        (
            client("web", 1),
            server("shop", 2, 1),
            client("shop", 3, 2, start=1.2),
            server("pay", 4, 3, start=1.3),
        ),
        {("web", "shop"): 1, ("shop", "pay"): 1},
    ),
    "a service that calls itself": (
        (server("shop", 2), client("shop", 3, 2, start=1.2), server("shop", 4, 3, start=1.3)),
        {("user", "shop"): 1, ("shop", "shop"): 1},
    ),
    "ids shared by client and server": (
        (
            client("front", 1),
            server("mid", 1),
            client("mid", 2, 1, start=1.2),
            server("back", 2, 1, start=1.3),
        ),
        {("front", "mid"): 1, ("mid", "back"): 1},
    ),
    "shared ids under a parent that is not told": (
        (client("front", 1, 99), server("mid", 1, 99), server("back", 2, 1, start=1.3)),
        {("front", "mid"): 1, ("mid", "back"): 1},
    ),
    "a shared id of which only the server is told": (
        (client("front", 1), server("mid", 1), server("back", 2, 1, start=1.3)),
        {("front", "mid"): 1, ("mid", "back"): 1},
    ),
    "a server that says that it shares its client's id, and no client": (
        (server("mid", 1, 1),),
        {("unknown", "mid"): 1},
    ),
    "an internal parent of another service": (
        (inner("job", 2), server("app", 3, 2)),
        {("job", "app"): 1},
    ),
    "an internal parent of another service under a client that is told": (
        (client("web", 1), inner("job", 2, 1), server("app", 3, 2)),
        {("web", "job"): 1, ("job", "app"): 1},
    ),
    "a server under another service's consumer": (
        (S("mail", "consumer", 1, 2, start=1, end=2, attributes=QUEUE), server("app", 3, 2)),
        {("user", "mail"): 1, ("mail", "app"): 1},
    ),
    "a message sent over HTTP": (
        (
            S("shop", "producer", 1, 1, start=1, end=2, attributes=QUEUE),
            client("shop", 2, 1, attributes=at("sqs.example")),
        ),
        {("shop", "aws_sqs"): 1},
    ),
    "a message sent over HTTP to one who answers": (
        (
            S("shop", "producer", 1, 1, start=1, end=2, attributes=QUEUE),
            client("shop", 2, 1),
            server("hook", 3, 2),
        ),
        {("shop", "hook"): 1},
    ),
    "a caller that gave up long before its server ended": (
        (client("web", 1), server("report", 2, 1, end=45)),
        {("web", "report"): 1},
    ),
    "a server that ended long before its caller": (
        (client("web", 1, end=45), server("report", 2, 1)),
        {("web", "report"): 1},
    ),
    "gRPC over HTTP given up long before the server ended": (
        (
            client("web", 1, attributes=GRPC),
            client("web", 2, 1, start=1.1, end=1.9),
            server("report", 3, 2, end=45),
        ),
        {("web", "report"): 1},
    ),
    "a proxy that ended long after its backend": (
        (server("nginx", 2, end=45), server("app", 3, 2)),
        {("user", "nginx"): 1, ("nginx", "app"): 1},
    ),
    "a job that ended long after a call it made": (
        (inner("job", 2, end=45), server("app", 3, 2)),
        {("job", "app"): 1},
    ),
}


def test_calls_are_those_there_were(rig: Rig) -> None:
    """All stories at once, each in a trace and an environment of its own."""
    for number, (spans, _) in enumerate(STORIES.values(), 1):
        resource = {ENVIRONMENT: f"e{number}"}
        rig.produce(
            *(replace(span, trace=number, resource=span.resource | resource) for span in spans)
        )
    rig.collect()
    rig.close()
    seen: dict[str, Calls] = {story: {} for story in STORIES}
    names = dict(
        zip((f"e{number}" for number in range(1, len(STORIES) + 1)), STORIES, strict=True)
    )
    for row in rig.edges("environment", "caller", "callee"):
        seen[names[row.environment]][row.caller, row.callee] = row.calls
    assert seen == {story: calls for story, (_, calls) in STORIES.items()}


@pytest.mark.long
@pytest.mark.parametrize("story", STORIES)
def test_calls_of_a_story_alone_are_those_there_were(rig: Rig, story: str) -> None:
    spans, calls = STORIES[story]
    rig.deliver(*spans)
    rig.close()
    assert rig.calls() == calls


def test_a_failure_that_only_a_nested_server_span_tells_is_the_calls(rig: Rig) -> None:
    told = S(
        "api",
        "server",
        1,
        3,
        2,
        1.2,
        1.8,
        error=True,
        attributes={"graphql.operation.name": "cart"},
    )
    rig.deliver(client("web", 1), server("api", 2, 1), told)
    rig.close()
    (edge,) = rig.edges()
    assert (
        edge.calls,
        edge.failed,
        edge.outcomes["server_error"],
        edge.coverage["both"],
        edge.coverage["folded"],
    ) == (
        1,
        1,
        1,
        1,
        1,
    )


def test_coverage_tells_which_spans_are_part_of_a_call(rig: Rig) -> None:
    spans, _ = STORIES["sidecars on both sides, each with one span"]
    rig.deliver(*spans)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.coverage["both"], edge.coverage["folded"]) == (1, 2)
    rig.closer.roll_hours(4e9)
    assert rig.edges() == [edge]


@pytest.mark.parametrize("taken", [True, False])
def test_the_http_call_under_a_message_that_is_sent_is_told_as_folded(
    rig: Rig, *, taken: bool
) -> None:
    spans = [
        S("shop", "producer", 1, 1, 0, 1, 1.5, attributes=QUEUE),
        client("shop", 2, 1, start=1.1, end=1.4, attributes=at("sqs.example")),
    ]
    if taken:
        spans.append(S("mail", "consumer", 1, 3, 1, 2, 2.1, attributes=QUEUE))
    rig.deliver(*spans)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee == "mail", edge.calls, edge.coverage["folded"]) == (
        "shop",
        taken,
        1,
        1,
    )


OK, BAD = {**HTTP, "http.response.status_code": 200}, {**HTTP, "http.response.status_code": 500}


@pytest.mark.parametrize("shadow_ends", [1.3, 1.95])
@pytest.mark.parametrize("named", [True, False])
def test_of_mirrored_traffic_the_answer_that_the_caller_got_leads(
    rig: Rig, shadow_ends: float, *, named: bool
) -> None:
    rig.deliver(
        client(
            "web",
            1,
            attributes={**OK, **({"server.address": "pay", "server.port": 8080} if named else {})},
        ),
        server("pay", 2, 1, end=1.9, attributes=OK),
        server("pay-shadow", 3, 1, end=shadow_ends, attributes=BAD),
    )
    rig.close()
    by_callee = {edge.callee: edge for edge in rig.edges()}
    assert (
        by_callee["pay"].calls,
        by_callee["pay"].outcomes["ok"],
        by_callee["pay"].coverage["both"],
    ) == (1, 1, 1)
    assert by_callee["pay"].client_seconds_sum == pytest.approx(1.0)
    assert by_callee["pay-shadow"].outcomes["server_error"] == 1
    assert by_callee["pay-shadow"].client_seconds_sum is None


def test_a_failing_answer_that_the_caller_got_leads_though_its_mirror_did_well(rig: Rig) -> None:
    rig.deliver(
        client("web", 1, attributes=BAD),
        server("pay", 2, 1, attributes=BAD),
        server("pay", 3, 1, end=1.99, attributes=OK),
    )
    rig.deliver(S("pay", "server", 1, 4, 1, 1.1, 1.99, version="2", attributes=OK))
    rig.close()
    by_version = {edge.callee_version: edge for edge in rig.edges()}
    assert by_version[""].outcomes["server_error"] == 1
    assert by_version[""].client_seconds_sum == pytest.approx(1.0)
    assert by_version["2"].outcomes["ok"] == 1


def test_a_mirror_that_answers_after_the_caller_went_on_does_not_lead(rig: Rig) -> None:
    rig.deliver(client("web", 1), server("a", 2, 1, end=1.5), server("b", 3, 1, end=7))
    rig.close()
    assert {edge.callee: edge.client_seconds_sum for edge in rig.edges()} == {
        "a": pytest.approx(1.0),
        "b": None,
    }


def test_calls_are_the_same_in_whatever_order_their_spans_come_and_windows_close(rig: Rig) -> None:
    """All stories side by side, each in an environment of its own, and each order of its spans in
    a trace of its own.
    """
    short = {name: story for name, story in STORIES.items() if len(story[0]) <= 3}
    orders = [
        [
            S(
                **{
                    **vars(span),
                    "trace": 100 * place + number,
                    "resource": {**span.resource, ENVIRONMENT: name},
                }
            )
            for span in order
        ]
        for place, (name, (spans, _)) in enumerate(short.items())
        for number, order in enumerate(itertools.permutations(spans))
    ]
    for next_of_each in itertools.zip_longest(*orders):
        rig.deliver(*filter(None, next_of_each))
        rig.close()
    seen: dict[str, Calls] = {}
    for row in rig.edges("caller", "callee", "environment"):
        seen.setdefault(str(row.environment), {})[str(row.caller), str(row.callee)] = row.calls
    for name, (spans, calls) in short.items():
        assert seen[name] == {
            edge: count * math.factorial(len(spans)) for edge, count in calls.items()
        }, name
