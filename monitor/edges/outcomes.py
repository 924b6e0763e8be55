"""Status codes to outcome and error type: one rule for spans and API logs.

outcome   rule (first that fits) timeout   HTTP 408, 504; gRPC DEADLINE_EXCEEDED; an error type
that says timeout or deadline cancelled HTTP 499; gRPC CANCELLED; an error type that says cancel or
abort client_error   HTTP 4xx; gRPC codes that blame the request server_error   HTTP 5xx; gRPC
codes that blame the server; status ERROR with no code, or with a code below 400 ok
everything else

gRPC's status leads wherever it stands, also on an HTTP span: HTTP 200 around it says nothing. A
log entry that tells of no status, and nothing else tells how it ended, has no outcome: it is a
call that is judged as neither good nor bad.

A span or a log gives the word of one side. The outcome of a call is the caller's word. Where that
is ok, it is the provider's (`counting/calls.py`): HTTP 200 is only the envelope of a GraphQL or
gRPC answer.

error type: "auth" (HTTP 401, 403, 407; gRPC UNAUTHENTICATED, PERMISSION_DENIED), "protocol" (HTTP
400-class codes of the protocol itself: 405, 411, 417, 421, 426, 431, 505; gRPC UNIMPLEMENTED; TLS
and protocol exceptions), "media_type" (HTTP 406, 415), else `error.type` as given (else the type
of the exception that a failed span recorded, as conventions before 1.23 have it), else the code;
empty when ok. https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ and
https://grpc.io/docs/guides/status-codes/
"""

from functools import lru_cache

from monitor.model.operations import capped

_AUTH, _MEDIA = frozenset({401, 403, 407}), frozenset({406, 415})
_PROTOCOL = frozenset({405, 411, 417, 421, 426, 431, 505})
_GRPC = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED "
    "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()
_GRPC_SERVER = frozenset({"UNKNOWN", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_JSONRPC_REQUEST = (-32700, -32600, -32601, -32602)
_JSONRPC_REQUEST_TEXTS = frozenset(map(str, _JSONRPC_REQUEST))
# Codes that servers write for the request's own faults:
# https://www.apollographql.com/docs/apollo-server/data/errors
_GRAPHQL_AUTH = frozenset({"UNAUTHENTICATED", "FORBIDDEN"})
_GRAPHQL_REQUEST = _GRAPHQL_AUTH | {
    "BAD_USER_INPUT",
    "BAD_REQUEST",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
    "PERSISTED_QUERY_NOT_FOUND",
    "PERSISTED_QUERY_NOT_SUPPORTED",
}
_TIMEOUT_WORDS, _CANCEL_WORDS = (
    ("timeout", "timedout", "timed_out", "deadline"),
    ("cancel", "abort"),
)
_PROTOCOL_WORDS = ("ssl", "tls", "protocolerror", "remoteprotocol", "certificate", "badstatusline")


@lru_cache(maxsize=8192)
def http_outcome(status: int, error_type: str = "", failed: bool = False) -> tuple[str, str]:
    """(outcome, error type) of an HTTP status; 0 means that no answer came."""
    if status in (408, 504):
        return "timeout", _named(error_type, status)
    if status == 499:
        return "cancelled", _named(error_type, status)
    if status >= 400:
        kind = (
            "auth"
            if status in _AUTH
            else "media_type"
            if status in _MEDIA
            else "protocol"
            if status in _PROTOCOL
            else _named(error_type, status)
        )
        return ("server_error" if status >= 500 else "client_error"), kind
    return plain_outcome(error_type, failed)


@lru_cache(maxsize=8192)
def grpc_outcome(code: str, error_type: str = "", failed: bool = False) -> tuple[str, str]:
    """(outcome, error type) of a gRPC status, by number or name; of a code of Connect
    (`not_found`) or JSON-RPC (`-32602`), too.

    https://connectrpc.com/docs/protocol#error-codes
    """
    name = (
        _GRPC[int(code)]
        if code.isdecimal() and len(code) < 5 and int(code) < len(_GRPC)
        else code.upper()
    )
    if name in ("", "OK"):
        return plain_outcome(error_type, failed)
    if name.startswith("-"):  # a code of JSON-RPC
        return ("client_error" if name in _JSONRPC_REQUEST_TEXTS else "server_error"), "jsonrpc"
    name = "CANCELLED" if name == "CANCELED" else name
    if name == "DEADLINE_EXCEEDED":
        return "timeout", name
    if name == "CANCELLED":
        return "cancelled", name
    if name in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return "client_error", "auth"
    kind = "protocol" if name == "UNIMPLEMENTED" else capped(name)
    return ("server_error" if name in _GRPC_SERVER or name not in _GRPC else "client_error"), kind


def body_outcome(body: object) -> tuple[str, str]:
    """(outcome, error type) that the JSON body of an HTTP 200 tells: a GraphQL or a JSON-RPC
    error; else ok.

    GraphQL: `errors` is a list with something in it; JSON-RPC: `error` is an object. What blames
    the request is a client error. https://spec.graphql.org/October2021/#sec-Errors and
    https://www.jsonrpc.org/specification#error_object
    """
    if not isinstance(body, dict):
        return "ok", ""
    error = body.get("error")
    if "jsonrpc" in body and isinstance(error, dict):
        return (
            "client_error" if error.get("code") in _JSONRPC_REQUEST else "server_error"
        ), "jsonrpc"
    errors = body.get("errors")
    if "jsonrpc" in body or not isinstance(errors, list) or not errors:
        return "ok", ""
    extensions = [entry.get("extensions") if isinstance(entry, dict) else None for entry in errors]
    codes = [
        extension.get("code") if isinstance(extension, dict) else None for extension in extensions
    ]
    if all(isinstance(code, str) and code in _GRAPHQL_AUTH for code in codes):
        return "client_error", "auth"
    of_request = all(isinstance(code, str) and code in _GRAPHQL_REQUEST for code in codes)
    return ("client_error" if of_request else "server_error"), "graphql"


@lru_cache(maxsize=8192)
def plain_outcome(error_type: str, failed: bool) -> tuple[str, str]:
    """(outcome, error type) where only the span's status and error.type speak."""
    if not failed:
        return "ok", ""
    low = error_type.lower()
    if any(word in low for word in _TIMEOUT_WORDS):
        return "timeout", capped(error_type)
    if any(word in low for word in _CANCEL_WORDS):
        return "cancelled", capped(error_type)
    if any(word in low for word in _PROTOCOL_WORDS):
        return "server_error", "protocol"
    if error_type.isdecimal() and len(error_type) < 5 and 400 <= int(error_type) < 600:
        return http_outcome(int(error_type))
    return "server_error", capped(error_type) or "error"


def _named(error_type: str, status: int) -> str:
    return capped(error_type) if error_type and not error_type.isdecimal() else str(status)
