"""What a span says of its edge: protocol, operation, peer, address, outcome, by semantic conventions old and new."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from monitor.edges.messages import TELLS, destination, step
from monitor.edges.outcomes import grpc_outcome, http_outcome, plain_outcome
from monitor.model.operations import capped, http_operation, template_path
from monitor.model.spans import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, STATUS_ERROR, Words

_URL = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@?#]*@)?(?P<host>\[[^\]]*\]|[^/:?#]*)(?::(?P<port>\d{1,5}))?(?P<path>/[^?#]*)?"
)
_DEFAULT_PORTS = frozenset({"80", "443", "0", ""})


class Named(NamedTuple):
    """The names one span gives. `peer` names the other side when it never speaks; `address` is host[:port] of it; `step` as in `messages`."""

    protocol: str
    operation: str
    peer: str
    address: str
    outcome: str
    error_type: str
    biased: bool = False
    step: int = TELLS


def name_span(kind: int, status: int, words: Words) -> Named:
    """Names from a span's kind, status and kept attributes, paths being templates already. First that fits: messaging, database, rpc, http, other.

    Sources: OpenTelemetry semantic conventions 1.20 (http.method, net.peer.*, db.name, ...) to 1.4x (http.request.method,
    server.*, db.namespace, rpc.system.name, ...).
    """
    given = dict(zip(words[1::2], words[2::2], strict=True))
    failed = status == STATUS_ERROR
    error_type = _str(given, "error.type")
    address = _address(given) if kind in (KIND_CLIENT, KIND_PRODUCER) else ""
    biased = "tailsampling.policy" in given or "tailsampling.composite_policy" in given
    span_name = str(words[0])
    outgoing = kind in (KIND_CLIENT, KIND_PRODUCER)
    peer = _str(given, "service.peer.name", "peer.service")
    if kind in (KIND_PRODUCER, KIND_CONSUMER) or "messaging.system" in given:
        outcome, kind_of_error = plain_outcome(error_type, failed)
        peer = peer or _str(given, "messaging.system") or _host(address)
        operation, does = destination(given, span_name), step(given, span_name)
        return Named("messaging", operation, peer, address, outcome, kind_of_error, biased, does)
    if outgoing and any(name in given for name in ("db.system.name", "db.system", "db.namespace", "db.name")):
        code = _int(given, "http.response.status_code", "http.status_code")
        outcome, kind_of_error = http_outcome(code, error_type, failed)
        return Named(
            "database",
            _database_operation(given, span_name),
            peer or _database(given, address),
            address,
            outcome,
            kind_of_error,
            biased,
        )
    rpc = _str(given, "rpc.system.name", "rpc.system")
    if rpc or "rpc.method" in given:
        return _rpc(given, rpc, span_name, peer, address, failed, error_type, biased)
    if any(name in given for name in ("http.request.method", "http.method", "url.full", "http.url", "http.route", "http.target")):
        code = _int(given, "http.response.status_code", "http.status_code")
        outcome, kind_of_error = http_outcome(code, error_type, failed)
        return Named("http", _http(given, span_name), peer or _host(address), address, outcome, kind_of_error, biased)
    outcome, kind_of_error = plain_outcome(error_type, failed)
    return Named("other", template_path(span_name), peer or _host(address), address, outcome, kind_of_error, biased)


def _http(given: Mapping[str, Any], span_name: str) -> str:
    method = _str(given, "http.request.method", "http.method")
    route = _str(given, "http.route", "url.template")
    if not route:
        route = _str(given, "url.path", "http.target") or _path_of(_str(given, "url.full", "http.url"))
    if not route and span_name.startswith(f"{method} /"):
        route = span_name[len(method) + 1 :]
    return http_operation(method, route)


def _rpc(
    given: Mapping[str, Any], system: str, span_name: str, peer: str, address: str, failed: bool, error_type: str, biased: bool
) -> Named:
    method, service = _str(given, "rpc.method"), _str(given, "rpc.service")
    operation = f"{service}/{method}" if service and method and "/" not in method else method or span_name.lstrip("/")
    code = _str(given, "rpc.grpc.status_code", "rpc.response.status_code")
    if not code and ("http.status_code" in given or "http.response.status_code" in given) and "grpc" not in system:
        outcome, kind = http_outcome(_int(given, "http.response.status_code", "http.status_code"), error_type, failed)
    else:
        outcome, kind = grpc_outcome(code, error_type, failed)
    protocol = "grpc" if "grpc" in system.lower() else "rpc"
    return Named(protocol, capped(operation), peer or _host(address), address, outcome, kind, biased)


def _database(given: Mapping[str, Any], address: str) -> str:
    system = _str(given, "db.system.name", "db.system")
    host, colon, port = address.rpartition(":")
    host = host if colon and port.isdigit() else address
    return _str(given, "db.namespace", "db.name") or (f"{system}@{host}" if host else system)


def _database_operation(given: Mapping[str, Any], span_name: str) -> str:
    verb = _str(given, "db.operation.name", "db.operation")
    target = _str(given, "db.collection.name", "db.sql.table")
    if not verb:
        summary = _str(given, "db.query.summary")
        if summary:
            return capped(summary)
        verb = _str(given, "db.query.text", "db.statement").upper()
    return capped(f"{verb} {target}".strip()) or template_path(span_name)


def _address(given: Mapping[str, Any]) -> str:
    host = _str(
        given,
        "server.address",
        "net.peer.name",
        "net.sock.peer.name",
        "peer.hostname",
        "network.peer.address",
        "net.sock.peer.addr",
        "net.peer.ip",
    )
    port = _str(given, "server.port", "net.peer.port", "network.peer.port")
    if not host:
        url = _URL.match(_str(given, "url.full", "http.url"))
        if url:
            host, port = url["host"], port or url["port"] or ""
    return capped(f"{host}:{port}" if host and port else host)


def _host(address: str) -> str:
    """An address without a port that goes without saying."""
    host, _, port = address.rpartition(":")
    return host if host and port in _DEFAULT_PORTS else address


def _path_of(url: str) -> str:
    found = _URL.match(url)
    return (found["path"] or "/") if found else ""


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
