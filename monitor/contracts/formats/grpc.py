"""Calls of gRPC and Connect against the services of a .proto or a descriptor set: each side's
message by the method that was called.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Shows, Unit
from monitor.contracts.formats.proto_json import held_as_json
from monitor.contracts.formats.protobuf_fields import Wire, declared_fields, held_against, wire_of
from monitor.contracts.formats.protobuf_schema import ProtoSchema, class_of
from monitor.contracts.grpc_bodies import (
    HTTP_OK,
    asked_in_query,
    in_media,
    is_bare,
    media_kind,
    status_told,
)
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, TRUNCATED, Payload
from monitor.model.exchanges import CLIENT_LEFT, Shown

NOT_OFFERED, NO_RESPONSE, MASKED = "not_offered", "no_response", "redacted_bytes"
DEPRECATED = "deprecated_operation"
_OK = frozenset({"", "0", "OK", "ok", "Ok"})
_PREFLIGHT = "preflight"


class GrpcCalls:
    """The judge of calls by the services of a schema."""

    def __init__(self, schema: ProtoSchema) -> None:
        self._methods: dict[str, dict[str, MethodDescriptor]] = {
            service.full_name: dict(service.methods_by_name) for service in schema.services
        }

    @property
    def units(self) -> list[Unit]:
        """The methods, as spans call them."""
        return [
            Unit(f"{service}/{name}", f"/{service}/{name}")
            for service, held in self._methods.items()
            for name in held
        ]

    def judge(self, call: Call, findings: Findings, limits: PayloadLimits) -> Shows | None:
        """Add what the method says of both sides; None for a call of no service of these."""
        exchange = call.exchange
        service, _, name = exchange.path.strip("/").rpartition("/")
        methods = self._methods.get(service) or self._methods.get(service.rpartition("/")[2])
        if methods is None:
            return None
        service = service if service in self._methods else service.rpartition("/")[2]
        operation, clause = f"{service}/{name}", f"/{service}/{name}"
        method = methods.get(name)
        if exchange.method.upper() == "OPTIONS":
            findings.leave(_PREFLIGHT, "request", "")
            return Shows()
        status = exchange.response_headers.get("grpc-status", "") or status_told(
            call.response, exchange.status, limits.body_bytes
        )
        served = status in _OK and (exchange.status == HTTP_OK or not exchange.status_told)
        if method is None:
            if served:
                findings.add(
                    "request",
                    Broken(
                        "undocumented_operation", "", f"/{service}", "documented", "undocumented"
                    ),
                )
            else:
                findings.leave(NOT_OFFERED, "request", f"/{service}")
            return Shows()
        if served and method.GetOptions().deprecated:
            findings.observe(DEPRECATED, "request", clause)
        self._side(call.request, method, "request", clause, call, findings, limits)
        if exchange.status in (0, CLIENT_LEFT) and exchange.status_told:
            findings.leave(NO_RESPONSE, "response", clause)
        elif not served and status in _OK:
            # an answer of HTTP, which no method promises
            findings.leave(MEDIA_TYPE, "response", clause)
        elif served:
            self._side(call.response, method, "response", clause, call, findings, limits)
        broken = any(side == "response" for side, _ in findings.broken)
        left = any(entry.side == "response" for entry in findings.unchecked)
        shown: Shown = "broken" if broken else "open" if left else "kept"
        return Shows([(operation, shown)], operation)

    def _side(
        self,
        payload: Payload,
        method: MethodDescriptor,
        side: Side,
        clause: str,
        call: Call,
        findings: Findings,
        limits: PayloadLimits,
    ) -> None:
        wanted: Descriptor = method.input_type if side == "request" else method.output_type
        streams = method.client_streaming if side == "request" else method.server_streaming
        headers = (
            call.exchange.request_headers if side == "request" else call.exchange.response_headers
        )
        place, kind = f"/{wanted.full_name}", media_kind(payload.media)
        body, problem = payload.raw()
        if side == "request" and call.exchange.method.upper() == "GET":
            kind, body, problem = asked_in_query(call)
        if problem == EMPTY and is_bare(payload.media):
            problem = ""  # no field of it has a value
        if problem:
            findings.leave(NO_BODY if problem == EMPTY else problem, side, clause)
            return
        if kind == "other":
            findings.leave(MEDIA_TYPE, side, clause)
            return
        if call.exchange.redacted:
            # a message in which something was written over is none
            findings.leave(MASKED, side, clause)
            return
        framed = in_media(body, payload.media, kind, headers, limits.body_bytes)
        if len(framed.messages) > 1 and not streams:
            findings.add(side, Broken("one_message", "", place, "one message", "several"))
        for data in framed.messages:
            _message(data, wanted, kind, side, findings, limits, bare=framed.bare)
        if framed.problem:
            findings.leave(framed.problem, side, place)


def _message(
    data: bytes,
    descriptor: Descriptor,
    kind: str,
    side: Side,
    findings: Findings,
    limits: PayloadLimits,
    *,
    bare: bool,
) -> None:
    place = f"/{descriptor.full_name}"
    mismatches = Mismatches(redacted=False, most=limits.violations)
    observations: Iterable[tuple[str, str]] = ()
    if kind == "json":
        observations = held_as_json(descriptor, data, place, mismatches)
    elif bare and wire_of(data) is Wire.CUT:  # a whole frame holds all that was sent
        findings.leave(TRUNCATED, side, place)
        return
    else:
        message: Any = class_of(descriptor)()
        held_against(message, data, place, mismatches)
        observations = declared_fields(message) if not mismatches else ()
    findings.broken.extend((side, broken) for broken in mismatches.broken)
    for reason, where in mismatches.left:
        findings.leave(reason, side, where)
    for code, coordinate in dict.fromkeys(observations):
        findings.observe(code, side, "/" + coordinate.replace("/", "~1"), coordinate)
