"""Names by semantic conventions old and new."""

import pytest

from monitor.edges.names import name_span
from monitor.edges.sampling import BIASED, HEAD, NONE, weight_of
from monitor.model.operations import template_path

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
ERROR = 2


def words(name: str = "a span", **given: str | int) -> tuple[str | int, ...]:
    return (name, *(part for key, value in given.items() for part in (key.replace("__", "."), value)))


@pytest.mark.parametrize(
    ("kind", "said", "protocol", "operation", "peer"),
    [
        (SERVER, words(http__request__method="GET", http__route="/items/{id}"), "http", "GET /items/{id}", ""),
        (SERVER, words(http__method="POST", http__target="/pay"), "http", "POST /pay", ""),
        (CLIENT, words(http__request__method="GET", url__full="http://cart:8080/x"), "http", "GET /x", "cart:8080"),
        (CLIENT, words(http__method="GET", http__url="https://bank.example/x"), "http", "GET /x", "bank.example"),
        (CLIENT, words("GET /named", http__request__method="GET"), "http", "GET /named", ""),
        (CLIENT, words(http__method="GET", net__peer__name="cart", net__peer__port=80), "http", "GET", "cart"),
        (SERVER, words(rpc__system="grpc", rpc__service="shop.Cart", rpc__method="Add"), "grpc", "shop.Cart/Add", ""),
        (SERVER, words(rpc__system__name="grpc", rpc__method="shop.Cart/Add"), "grpc", "shop.Cart/Add", ""),
        (CLIENT, words(rpc__system="aws-api", rpc__service="S3", rpc__method="Get"), "rpc", "S3/Get", ""),
        (CLIENT, words(db__system="mysql", db__name="shop", db__statement="SELECT"), "database", "SELECT", "shop"),
        (CLIENT, words(db__system__name="redis", server__address="r1", server__port=6379, db__operation__name="GET"), "database", "GET", "redis@r1"),
        (CLIENT, words(db__system="mysql", db__name="shop", peer__service="main-db"), "database", "a span", "main-db"),
        (CLIENT, words(db__system="mysql", db__name="shop", service__peer__name="main-db"), "database", "a span", "main-db"),
        (CLIENT, words(http__method="GET", net__peer__ip="10.0.0.7", net__peer__port=8080), "http", "GET", "10.0.0.7:8080"),
        (PRODUCER, words("orders publish", messaging__system="rabbitmq"), "messaging", "orders", "rabbitmq"),
        (CONSUMER, words(messaging__system="kafka", messaging__destination="orders"), "messaging", "orders", "kafka"),
        (CONSUMER, words(messaging__system="jms", messaging__destination__temporary=1, messaging__destination__name="t-1"), "messaging", "(temporary)", "jms"),
        (SERVER, words("do 4711 things"), "other", "do 4711 things", ""),
    ],
)  # fmt: skip
def test_edges_are_named(kind: int, said: tuple[str | int, ...], protocol: str, operation: str, peer: str) -> None:
    named = name_span(kind, 0, said)
    assert (named.protocol, named.operation, named.peer) == (protocol, operation, peer)


@pytest.mark.parametrize(
    ("status", "said", "outcome", "error_type"),
    [
        (0, words(http__request__method="GET", http__response__status_code=200), "ok", ""),
        (0, words(http__request__method="GET", http__response__status_code=404), "client_error", "404"),
        (ERROR, words(http__method="GET", http__status_code=503), "server_error", "503"),
        (0, words(http__request__method="GET", http__response__status_code=401), "client_error", "auth"),
        (0, words(http__request__method="GET", http__response__status_code=415), "client_error", "media_type"),
        (0, words(http__request__method="GET", http__response__status_code=426), "client_error", "protocol"),
        (ERROR, words(http__request__method="GET", http__response__status_code=504), "timeout", "504"),
        (0, words(http__request__method="GET", http__response__status_code=499), "cancelled", "499"),
        (ERROR, words(http__request__method="GET", error__type="ReadTimeout"), "timeout", "ReadTimeout"),
        (ERROR, words(http__request__method="GET", error__type="SSLError"), "server_error", "protocol"),
        (ERROR, words(http__request__method="GET", error__type="ConnectError"), "server_error", "ConnectError"),
        (0, words(rpc__system="grpc", rpc__method="a/b", rpc__grpc__status_code=4), "timeout", "DEADLINE_EXCEEDED"),
        (0, words(rpc__system="grpc", rpc__method="a/b", rpc__grpc__status_code=16), "client_error", "auth"),
        (
            0,
            words(rpc__system="grpc", rpc__method="a/b", rpc__response__status_code="UNAVAILABLE"),
            "server_error",
            "UNAVAILABLE",
        ),
        (0, words(rpc__system="grpc", rpc__method="a/b", rpc__grpc__status_code=0), "ok", ""),
        (ERROR, words(db__system="mysql"), "server_error", "error"),
    ],
)
def test_outcomes_and_error_types(status: int, said: tuple[str | int, ...], outcome: str, error_type: str) -> None:
    named = name_span(CLIENT, status, said)
    assert (named.outcome, named.error_type) == (outcome, error_type)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/orders/123", "/orders/{id}"),
        ("/v1/users/550e8400-e29b-41d4-a716-446655440000/cards", "/v1/users/{id}/cards"),
        ("/files/9f86d081884c7d65", "/files/{id}"),
        ("/api/v2/search", "/api/v2/search"),
        ("/o/ord-4711?x=1#y", "/o/{id}"),
        ("/mail/a@b.example", "/mail/{id}"),
        ("", "/"),
    ],
)
def test_paths_become_templates(path: str, template: str) -> None:
    assert template_path(path) == template


@pytest.mark.parametrize(
    ("state", "weight", "kind"),
    [("", 1, NONE), ("vendor=1", 1, NONE), ("ot=th:0", 1, NONE), ("ot=th:8", 2, HEAD), ("x=1,ot=rv:1;th:c", 4, HEAD), ("ot=th:zz", 1, BIASED)],
)  # fmt: skip
def test_sampling_is_read_from_tracestate(state: str, weight: float, kind: int) -> None:
    assert weight_of(state) == (weight, kind)


def test_a_database_that_answers_by_http_says_whose_fault_it_was() -> None:
    named = name_span(CLIENT, ERROR, words(db__system="dynamodb", http__status_code=400))
    assert (named.protocol, named.outcome, named.error_type) == ("database", "client_error", "400")
