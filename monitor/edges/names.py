"""What a span says of its edge: protocol, operation, peer, address, outcome, by semantic
conventions old and new.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from monitor.edges.messages import SAYS_QUESTION, TELLS, destination, step
from monitor.edges.outcomes import grpc_outcome, http_outcome, plain_outcome
from monitor.model.operations import (
    asked_of,
    capped,
    http_operation,
    template_path,
)
from monitor.model.spans import (
    FAILURE,
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_PRODUCER,
    STATUS_ERROR,
    Words,
)

_URL = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@?#]*@)?(?P<host>\[[^\]]*\]|[^/:?#]*)(?::(?P<port>\d{1,5}))?(?P<path>/[^?#]*)?"
)
_DEFAULT_PORTS = frozenset({"80", "443", "0", ""})
_DATABASE_PORTS = {
    "postgresql": "5432",
    "mysql": "3306",
    "mariadb": "3306",
    "redis": "6379",
    "valkey": "6379",
    "mongodb": "27017",
    "elasticsearch": "9200",
    "opensearch": "9200",
    "cassandra": "9042",
    "memcached": "11211",
    "mssql": "1433",
    "microsoft.sql_server": "1433",
    "oracle": "1521",
    "oracle.db": "1521",
    "cockroachdb": "26257",
    "couchdb": "5984",
}
_HTTP = frozenset(
    {
        "http.request.method",
        "http.method",
        "url.full",
        "http.url",
        "http.route",
        "http.target",
        "http.host",
        "http.authority",
        "http.status_code",
    }
)
_AUTHORITY = re.compile(
    r"(?:[a-z]+://)?(?P<host>\[[^\]]*\]|[^/:?#\s]+|[0-9a-f:]+)(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE,
)
_HOSTS = (
    "server.address net.peer.name server.socket.domain net.sock.peer.name peer.hostname network.peer.address "
    "server.socket.address net.sock.peer.addr net.peer.ip"
).split()
# `db.type` and `db.instance` are OpenTracing's:
# https://github.com/opentracing/specification/blob/master/semantic_conventions.md
_SYSTEM, _DATABASE = (
    ("db.system.name", "db.system", "db.type"),
    ("db.namespace", "db.name", "db.instance"),
)
_COLLECTION = "db.collection.name db.sql.table db.mongodb.collection db.cassandra.table db.cosmosdb.container".split()
_RPC_CODES = (
    "rpc.grpc.status_code",
    "rpc.response.status_code",
    "grpc.status_code",
    "rpc.connect_rpc.error_code",
)
_STATEMENTS = (
    "db.operation.name",
    "db.operation",
    "db.query.text",
    "db.statement",
    "db.query.summary",
)
_CONNECTING = re.compile(
    r"(?:[\w.-]*[._ -])?(?:connect|getconnection|acquire|pool)", re.IGNORECASE
)
NO_CALL = "none"
"""The protocol of a span that only prepares a call: it looks a name up, or takes a connection from
a pool.
"""


class Named(NamedTuple):
    """The names one span gives. `peer` names the other side when it never speaks, `peer_namespace`
    tells it from others of that name; `address` is host[:port] of it; `step` as in `messages`;
    `failure` is a template of what a failed span said.
    """

    protocol: str
    operation: str
    peer: str
    address: str
    outcome: str
    error_type: str
    biased: bool = False
    step: int = TELLS
    peer_namespace: str = ""
    failure: str = ""


def name_span(kind: int, status: int, words: Words) -> Named:
    """As `_named`, with what a failed span said."""
    message = dict(zip(words[1::2], words[2::2], strict=True)).get(FAILURE)
    named = _named(kind, status, words)
    return named._replace(failure=str(message)) if message else named


def _named(kind: int, status: int, words: Words) -> Named:
    """Names from a span's kind, status and kept attributes, paths being templates already. First
    that fits: messaging, database, rpc, http, other.

    Sources: OpenTelemetry semantic conventions 1.20 (http.method, net.peer.*, db.name, ...) to
    1.4x (http.request.method, server.*, db.namespace, rpc.system.name, ...).
    """
    given = dict(zip(words[1::2], words[2::2], strict=True))
    failed = status == STATUS_ERROR
    error_type = _str(given, "error.type")
    span_name = str(words[0])
    outgoing = kind in (KIND_CLIENT, KIND_PRODUCER)
    address = _address(given) if outgoing else ""
    biased = "tailsampling.policy" in given or "tailsampling.composite_policy" in given
    peer = _str(given, "service.peer.name", "peer.service") or _str(given, "faas.invoked_name")
    within = ""
    if not peer and outgoing:
        peer, within = _upstream(_str(given, "upstream_cluster.name", "upstream_cluster"))
    if kind in (KIND_PRODUCER, KIND_CONSUMER) or "messaging.system" in given:
        outcome, kind_of_error = plain_outcome(error_type, failed)
        peer = peer or _str(given, "messaging.system") or _host(address)
        linked = "span.links" in given and (
            kind == KIND_CLIENT or "messaging.batch.message_count" in given
        )
        operation, does = (
            destination(given, span_name),
            step(given, span_name, links_to_messages=linked),
        )
        return Named(
            "messaging", operation, peer, address, outcome, kind_of_error, biased, does, within
        )
    if kind == KIND_CLIENT and _prepares(given, span_name):
        return Named(
            NO_CALL, capped(span_name), "", "", *plain_outcome(error_type, failed), biased
        )
    if outgoing and any(name in given for name in _SYSTEM + _DATABASE):
        answer = _answer(given, error_type, failed=failed)
        if not peer:
            peer, within = _database(given, address)
        return Named(
            "database",
            _database_operation(given, span_name),
            peer,
            address,
            *answer,
            biased,
            TELLS,
            within,
        )
    rpc = _str(given, "rpc.system.name", "rpc.system")
    if rpc or "rpc.method" in given:
        protocol, operation = _rpc(given, rpc, span_name)
        answer = _answer(given, error_type, failed=failed)
        peer = peer or _host(address) or (_cloud(given) if outgoing and rpc == "aws-api" else "")
        return Named(protocol, operation, peer, address, *answer, biased, TELLS, within)
    if not _HTTP.isdisjoint(given):
        answer = _answer(given, error_type, failed=failed)
        return Named(
            "http",
            _http(given, span_name),
            peer or _host(address),
            address,
            *answer,
            biased,
            SAYS_QUESTION if asked_of(given) else TELLS,
            within,
        )
    answer, asked = _answer(given, error_type, failed=failed), asked_of(given)
    return Named(
        "other",
        asked or template_path(span_name),
        peer or _host(address),
        address,
        *answer,
        biased,
        SAYS_QUESTION if asked else TELLS,
        within,
    )


def _prepares(given: Mapping[str, Any], span_name: str) -> bool:
    """Whether an outgoing span asks nothing of anybody: a look-up of a name, or a connection taken
    from a pool.
    """
    if "dns.question.name" in given or span_name.lower().startswith(("dns.", "dns ")):
        return True
    if (
        not _CONNECTING.fullmatch(span_name)
        or not _HTTP.isdisjoint(given)
        or "rpc.method" in given
    ):
        return False
    return not any(given.get(word) for word in _STATEMENTS)


def _http(given: Mapping[str, Any], span_name: str) -> str:
    method = _str(given, "http.request.method", "http.method")
    route = _str(given, "http.route", "url.template")
    if not route:
        route = _str(given, "url.path", "http.target") or _path_of(
            _str(given, "url.full", "http.url")
        )
    if not route and span_name.startswith(f"{method} /"):
        route = span_name[len(method) + 1 :]
    asked = asked_of(given)
    if asked:
        return with_question("http", http_operation(method, route), asked)
    return http_operation(method, route) if method or route else template_path(span_name)


def with_question(protocol: str, operation: str, asked: str) -> str:
    """The operation of a server that is asked for this by GraphQL: what its own span tells of it,
    or an internal one below.
    """
    if protocol == "http":
        return capped(f"{operation} {asked}")
    return asked if protocol == "other" else operation


def _answer(given: Mapping[str, Any], error_type: str, *, failed: bool) -> tuple[str, str]:
    """(outcome, error type): gRPC's status where it tells of a fault, for HTTP 200 is only its
    envelope; else HTTP's; else the span's.

    `grpc.status_code` is what Envoy, OpenTracing and .NET write:
    https://learn.microsoft.com/aspnet/core/grpc/diagnostics
    """
    code = _str(given, *_RPC_CODES)
    fault = _str(given, "rpc.jsonrpc.error_code")
    if fault and not code:
        code = f"-{fault.removeprefix('-')}"  # an application's own codes are no gRPC's
    if code:
        answer = grpc_outcome(code, error_type, failed)
        if answer[0] != "ok":
            return answer
    return http_outcome(
        _int(given, "http.response.status_code", "http.status_code"), error_type, failed
    )


def _rpc(given: Mapping[str, Any], system: str, span_name: str) -> tuple[str, str]:
    """Protocol and operation."""
    method, service = _str(given, "rpc.method"), _str(given, "rpc.service")
    operation = (
        f"{service}/{method}"
        if service and method and "/" not in method
        else method or span_name.lstrip("/")
    )
    return "grpc" if "grpc" in system.lower() else "rpc", capped(operation)


def _cloud(given: Mapping[str, Any]) -> str:
    """A service of AWS by the name that its SDK gives it, where no address is told: `aws-s3`.

    https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
    """
    service = _str(given, "rpc.service") or _str(given, "rpc.method").rpartition("/")[0]
    return capped(f"aws-{service.lower()}") if service else ""


def _upstream(cluster: str) -> tuple[str, str]:
    """Name and namespace of what an Envoy called: its cluster, of Istio's
    `outbound|8080|v1|pay.shop.svc.cluster.local` the host.

    https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
    """
    host = cluster.rpartition("|")[2]
    name, _, rest = host.partition(".")
    namespace, _, zone = rest.partition(".")
    return (capped(name), capped(namespace)) if zone.startswith("svc") else (capped(host), "")


def _database(given: Mapping[str, Any], address: str) -> tuple[str, str]:
    """Name and namespace of a database: `orders@pg-1`, for one without a name of its own
    `redis@cache-1`.

    A name alone would make one node of databases on several hosts. A number is Redis' index, which
    names nothing. https://opentelemetry.io/docs/specs/semconv/db/redis/
    """
    system = _str(given, *_SYSTEM)
    host, colon, port = address.rpartition(":")
    usual = not colon or not port.isdigit() or port == _DATABASE_PORTS.get(system.lower())
    place = (host if colon and port.isdigit() else address) if usual else address
    name = _str(given, *_DATABASE)
    index = name if name.isdigit() else _str(given, "db.redis.database_index")
    name = system if name.isdigit() or not name else name
    return capped(f"{name}@{place}" if place and name else name or place), index


def _database_operation(given: Mapping[str, Any], span_name: str) -> str:
    verb = _str(given, "db.operation.name", "db.operation")
    target = _str(given, *_COLLECTION)
    if not verb:
        summary = _str(given, "db.query.summary")
        if summary:
            return capped(summary)
        verb = _str(given, "db.query.text", "db.statement").upper()
    return capped(f"{verb} {target}".strip()) or template_path(span_name)


def _address(given: Mapping[str, Any]) -> str:
    host = _str(given, *_HOSTS)
    port = _str(
        given,
        "server.port",
        "net.peer.port",
        "peer.port",
        "network.peer.port",
        "server.socket.port",
        "net.sock.peer.port",
    )
    if not host:
        url = _URL.match(_str(given, "url.full", "http.url"))
        if url:
            host, port = url["host"], port or url["port"] or ""
    if not host:
        authority = _AUTHORITY.fullmatch(
            _str(given, "http.host", "http.authority", "url.domain", "peer.address")
        )
        if authority:
            host, port = authority["host"], port or authority["port"] or ""
    if not host:
        host = _str(given, "peer.ipv4", "peer.ipv6")
    return capped(f"{host}:{port}" if host and port else host)


def _host(address: str) -> str:
    """An address without a port that goes without saying."""
    host, _, port = address.rpartition(":")
    return host if host and port in _DEFAULT_PORTS else address


def _path_of(url: str) -> str:
    match = _URL.match(url)
    return (match["path"] or "/") if match else ""


def _str(given: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = given.get(name)
        if value is not None and value != "":
            return str(value)
    return ""


def _int(given: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = given.get(name)
        if value is not None:
            try:
                return int(value)
            except (TypeError, ValueError, OverflowError):
                continue
    return 0
