"""Names by semantic conventions old and new."""

import pytest

from monitor.edges.names import NO_CALL, name_span
from monitor.edges.sampling import BIASED, HEAD, NONE, weight_of
from monitor.model.operations import template_path

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
ERROR = 2


def words(name: str = "a span", **given: str | int) -> tuple[str | int, ...]:
    return (
        name,
        *(part for key, value in given.items() for part in (key.replace("__", "."), value)),
    )


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
        (CLIENT, words(rpc__system="aws-api", rpc__service="S3", rpc__method="Get"), "rpc", "S3/Get", "aws-s3"),
        (CLIENT, words(rpc__system__name="aws-api", rpc__method="KMS/Sign"), "rpc", "KMS/Sign", "aws-kms"),
        (CLIENT, words(rpc__system="aws-api", rpc__service="S3", rpc__method="Get", server__address="s3.example"), "rpc", "S3/Get", "s3.example"),
        (SERVER, words(rpc__system="aws-api", rpc__service="S3", rpc__method="Get"), "rpc", "S3/Get", ""),
        (CLIENT, words("invoke", faas__invoked_name="bill", faas__invoked_provider="aws"), "other", "invoke", "bill"),
        (CLIENT, words(http__method="GET", http__host="partner.example", http__target="/v1/rates"), "http", "GET /v1/rates", "partner.example"),
        (CLIENT, words(http__method="GET", http__host="partner.example:8443"), "http", "GET", "partner.example:8443"),
        (CLIENT, words(http__method="GET", http__authority="pay.shop:8080"), "http", "GET", "pay.shop:8080"),
        (SERVER, words(http__method="GET", http__host="shop.example", http__target="/x"), "http", "GET /x", ""),
        (CLIENT, words("egress", peer__address="10.0.3.9:8080", http__status_code=200), "http", "egress", "10.0.3.9:8080"),
        (CLIENT, words("egress", peer__ipv4="10.0.3.9", peer__port=9000), "other", "egress", "10.0.3.9:9000"),
        (CLIENT, words("egress", peer__address="10.0.3.9:8080", upstream_cluster__name="frontend"), "other", "egress", "frontend"),
        (CLIENT, words("egress", upstream_cluster="outbound|80|v1|pay.shop.svc.cluster.local"), "other", "egress", "pay"),
        (CLIENT, words("egress", upstream_cluster="outbound|443||api.bank.example"), "other", "egress", "api.bank.example"),
        (SERVER, words("POST", http__method="POST", http__route="/graphql", graphql__operation__name="cart", graphql__operation__type="query"), "http", "POST /graphql query cart", ""),
        (SERVER, words("graphql", graphql__operation__name="cart"), "other", "cart", ""),
        (CLIENT, words(db__system="mysql", db__name="shop", db__statement="SELECT"), "database", "SELECT", "shop"),
        (CLIENT, words(db__system="mysql", db__name="shop", net__peer__name="a", net__peer__port=3306), "database", "a span", "shop@a"),
        (CLIENT, words(db__system="mysql", db__name="shop", net__peer__name="a", net__peer__port=3307), "database", "a span", "shop@a:3307"),
        (CLIENT, words(db__system__name="redis", server__address="r1", server__port=6379, db__operation__name="GET"), "database", "GET", "redis@r1"),
        (CLIENT, words(db__system="mysql", db__name="shop", peer__service="main-db"), "database", "a span", "main-db"),
        (CLIENT, words(db__system="mysql", db__name="shop", service__peer__name="main-db"), "database", "a span", "main-db"),
        (CLIENT, words(http__method="GET", net__peer__ip="10.0.0.7", net__peer__port=8080), "http", "GET", "10.0.0.7:8080"),
        (CLIENT, words(http__method="GET", server__socket__domain="cart", server__socket__port=8080), "http", "GET", "cart:8080"),
        (CLIENT, words(db__type="sql", db__instance="shop", db__statement="SELECT", peer__hostname="a"), "database", "SELECT", "shop@a"),
        (CLIENT, words(db__system="mongodb", db__name="shop", db__operation="find", db__mongodb__collection="carts"), "database", "find carts", "shop"),
        (PRODUCER, words("send", message_bus__destination="orders", peer__service="kafka"), "messaging", "orders", "kafka"),
        (PRODUCER, words("orders publish", messaging__system="rabbitmq"), "messaging", "orders", "rabbitmq"),
        (CONSUMER, words(messaging__system="kafka", messaging__destination="orders"), "messaging", "orders", "kafka"),
        (CONSUMER, words(messaging__system="jms", messaging__destination__temporary=1, messaging__destination__name="t-1"), "messaging", "(temporary)", "jms"),
        (SERVER, words("do 4711 things"), "other", "do 4711 things", ""),
    ],
)  # fmt: skip
def test_edges_are_named(
    kind: int, said: tuple[str | int, ...], protocol: str, operation: str, peer: str
) -> None:
    named = name_span(kind, 0, said)
    assert (named.protocol, named.operation, named.peer) == (protocol, operation, peer)


@pytest.mark.parametrize(
    ("status", "said", "outcome", "error_type"),
    [
        (0, words(http__request__method="GET", http__response__status_code=200), "ok", ""),
        (
            0,
            words(http__request__method="GET", http__response__status_code=404),
            "client_error",
            "404",
        ),
        (ERROR, words(http__method="GET", http__status_code=503), "server_error", "503"),
        (
            0,
            words(http__request__method="GET", http__response__status_code=401),
            "client_error",
            "auth",
        ),
        (
            0,
            words(http__request__method="GET", http__response__status_code=415),
            "client_error",
            "media_type",
        ),
        (
            0,
            words(http__request__method="GET", http__response__status_code=426),
            "client_error",
            "protocol",
        ),
        (
            ERROR,
            words(http__request__method="GET", http__response__status_code=504),
            "timeout",
            "504",
        ),
        (
            0,
            words(http__request__method="GET", http__response__status_code=499),
            "cancelled",
            "499",
        ),
        (
            ERROR,
            words(http__request__method="GET", error__type="ReadTimeout"),
            "timeout",
            "ReadTimeout",
        ),
        (
            ERROR,
            words(http__request__method="GET", error__type="SSLError"),
            "server_error",
            "protocol",
        ),
        (
            ERROR,
            words(http__request__method="GET", error__type="ConnectError"),
            "server_error",
            "ConnectError",
        ),
        (
            0,
            words(rpc__system="grpc", rpc__method="a/b", rpc__grpc__status_code=4),
            "timeout",
            "DEADLINE_EXCEEDED",
        ),
        (
            0,
            words(rpc__system="grpc", rpc__method="a/b", rpc__grpc__status_code=16),
            "client_error",
            "auth",
        ),
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
def test_outcomes_and_error_types(
    status: int, said: tuple[str | int, ...], outcome: str, error_type: str
) -> None:
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
        ("/pay/pay_0000063d/refunds", "/pay/{id}/refunds"),
        ("/orders/ord-00ff12ab", "/orders/{id}"),
        ("/t/x~1234567/urn:abcdef1", "/t/{id}/{id}"),
        # words, and not ids: of words, of few digits, of a version and of a date
        *((path, path) for path in ("/face-decade", "/deaf_accede/x", "/utf-8/mp4-1080p")),
        *((path, path) for path in ("/v1-deadbeef", "/api.2023-10", "/a-00063d")),
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


@pytest.mark.parametrize(
    ("said", "peer", "index"),
    [
        (
            words(
                db__system__name="redis",
                db__namespace="0",
                server__address="r1",
                server__port=6379,
            ),
            "redis@r1",
            "0",
        ),
        (words(db__system__name="redis", db__namespace="15"), "redis", "15"),
        (
            words(db__system="redis", db__redis__database_index=3, net__peer__name="r1"),
            "redis@r1",
            "3",
        ),
        (
            words(
                db__system__name="valkey",
                db__namespace="2",
                server__address="r1",
                server__port=6380,
            ),
            "valkey@r1:6380",
            "2",
        ),
        (
            words(db__system__name="postgresql", db__namespace="orders", server__address="pg-1"),
            "orders@pg-1",
            "",
        ),
    ],
)
def test_an_index_is_the_namespace_of_a_database_and_never_its_name(
    said: tuple[str | int, ...], peer: str, index: str
) -> None:
    named = name_span(CLIENT, 0, said)
    assert (named.peer, named.peer_namespace) == (peer, index)


def test_an_envoy_names_the_namespace_of_what_it_called() -> None:
    named = name_span(
        CLIENT,
        0,
        words("egress", upstream_cluster__name="outbound|80||pay.shop.svc.cluster.local"),
    )
    assert (named.peer, named.peer_namespace) == ("pay", "shop")


@pytest.mark.parametrize(
    ("said", "is_call"),
    [
        (words("dns.lookup", dns__question__name="pay"), False),
        (words("dns.lookup"), False),
        (words("pg-pool.connect", db__system="postgresql", db__name="shop"), False),
        (words("redis-connect", db__system="redis"), False),
        (words("HikariDataSource.getConnection", db__system="h2"), False),
        (words("connect", db__system="mysql", db__statement="SELECT 1"), True),
        (words("connect", http__method="CONNECT"), True),
        (words("connect", rpc__system="grpc", rpc__service="a.B", rpc__method="Connect"), True),
        (words("reconnect users"), True),
    ],
)
def test_what_only_prepares_a_call_is_none(said: tuple[str | int, ...], *, is_call: bool) -> None:
    assert (name_span(CLIENT, 0, said).protocol != NO_CALL) == is_call


@pytest.mark.parametrize(
    ("said", "outcome", "error_type"),
    [
        (words(http__method="POST", http__status_code=200, grpc__status_code="13"), "server_error", "INTERNAL"),
        (words(http__request__method="POST", http__response__status_code=200, grpc__status_code=4), "timeout", "DEADLINE_EXCEEDED"),
        (words(http__method="POST", http__status_code=200, rpc__grpc__status_code=5), "client_error", "NOT_FOUND"),
        (words(http__method="POST", http__status_code=200, grpc__status_code="0"), "ok", ""),
        (words(http__method="POST", http__status_code=503, grpc__status_code="0"), "server_error", "503"),
        (words(http__method="POST", http__status_code=503), "server_error", "503"),
        (words(rpc__system="grpc", rpc__method="Add", http__status_code=503), "server_error", "503"),
        (words(rpc__system="grpc", rpc__method="Add", grpc__status_code="14", http__status_code=200), "server_error", "UNAVAILABLE"),
        (words("egress", grpc__status_code="14"), "server_error", "UNAVAILABLE"),
        (words(rpc__system="connect_rpc", rpc__connect_rpc__error_code="not_found"), "client_error", "NOT_FOUND"),
        (words(rpc__system="connect_rpc", rpc__connect_rpc__error_code="canceled"), "cancelled", "CANCELLED"),
        (words(rpc__system__name="jsonrpc", rpc__response__status_code="-32602"), "client_error", "jsonrpc"),
        (words(rpc__system="jsonrpc", rpc__jsonrpc__error_code=-32603, http__status_code=200), "server_error", "jsonrpc"),
        (words(rpc__system="jsonrpc", rpc__jsonrpc__error_code=5, http__status_code=200), "server_error", "jsonrpc"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [CLIENT, SERVER])
def test_grpcs_status_counts_wherever_it_stands(
    kind: int, said: tuple[str | int, ...], outcome: str, error_type: str
) -> None:
    named = name_span(kind, 0, said)
    assert (named.outcome, named.error_type) == (outcome, error_type)
