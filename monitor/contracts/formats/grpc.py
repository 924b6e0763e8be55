"""Calls of gRPC against the services of a .proto or a descriptor set: each side's message by the method that was called."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Shows, Unit
from monitor.contracts.formats.protobuf_fields import Wire, declared_fields, held_against, wire_of
from monitor.contracts.formats.protobuf_schema import ProtoSchema, class_of
from monitor.contracts.grpc_frames import frames_of, is_grpc
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, TRUNCATED, Payload
from monitor.model.exchanges import CLIENT_LEFT, Shown

NOT_OFFERED, NO_RESPONSE, MASKED = "not_offered", "no_response", "redacted_bytes"
DEPRECATED, DEPRECATED_FIELD = "deprecated_operation", "deprecated_field"
UNDECLARED_FIELD, UNDECLARED_VALUE = "undeclared_field", "undeclared_enum_value"
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
        return [Unit(f"{service}/{name}", f"/{service}/{name}") for service, held in self._methods.items() for name in held]

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
        answer = frames_of(*_raw(call.response), limits.body_bytes)
        status = exchange.response_headers.get("grpc-status", "") or answer.status
        served = status in _OK and (exchange.status == 200 or not exchange.status_told)
        if method is None:
            if served:
                findings.add("request", Broken("undocumented_operation", "", f"/{service}", "documented", "undocumented"))
            else:
                findings.leave(NOT_OFFERED, "request", f"/{service}")
            return Shows()
        if served and method.GetOptions().deprecated:
            findings.observe(DEPRECATED, "request", clause)
        self._side(call.request, method.input_type, "request", clause, call, findings, limits)
        if exchange.status in (0, CLIENT_LEFT) and exchange.status_told:
            findings.leave(NO_RESPONSE, "response", clause)
        elif not served and status in _OK:
            findings.leave(MEDIA_TYPE, "response", clause)  # an answer of HTTP, which no method promises
        elif served:
            self._side(call.response, method.output_type, "response", clause, call, findings, limits)
        broken = any(side == "response" for side, _ in findings.broken)
        left = any(one.side == "response" for one in findings.unchecked)
        shown: Shown = "broken" if broken else "open" if left else "kept"
        return Shows([(operation, shown)], operation)

    def _side(
        self, payload: Payload, wanted: Descriptor, side: Side, clause: str, call: Call, findings: Findings, limits: PayloadLimits
    ) -> None:
        media = payload.media
        body, problem = payload.raw()
        if problem:
            findings.leave(NO_BODY if problem == EMPTY else problem, side, clause)
            return
        if (
            media
            and not is_grpc(media)
            and media.partition(";")[0].rstrip() not in ("application/proto", "application/octet-stream")
        ):
            findings.leave(MEDIA_TYPE, side, clause)
            return
        if media.partition(";")[0].rstrip().endswith("+json"):
            findings.leave(MEDIA_TYPE, side, clause)
            return
        if call.exchange.redacted:
            findings.leave(MASKED, side, clause)  # bytes of a message in which something was written over are none
            return
        headers: Mapping[str, str] = call.exchange.request_headers if side == "request" else call.exchange.response_headers
        framed = frames_of(body, media, headers.get("grpc-encoding", ""), limits.body_bytes)
        place = f"/{wanted.full_name}"
        for data in framed.messages:
            if wire_of(data) is Wire.CUT:
                findings.leave(TRUNCATED, side, place)
                continue
            said = Mismatches(redacted=False, most=limits.violations)
            message: Any = class_of(wanted)()
            held_against(message, data, place, said)
            findings.broken.extend((side, one) for one in said.broken)
            for reason, where in said.left:
                findings.leave(reason, side, where)
            if not said:
                _observe(message, side, findings)
        if framed.problem:
            findings.leave(framed.problem, side, place)


def _raw(payload: Payload) -> tuple[bytes | str, str, str]:
    body, problem = payload.raw()
    return (b"" if problem else body), payload.media, ""


def _observe(message: Message, side: Side, findings: Findings) -> None:
    """Fields and values that the schema does not declare, which newer senders may use, and those that it calls deprecated."""
    seen: set[tuple[str, str]] = set()
    for code, coordinate in declared_fields(message):
        if (code, coordinate) not in seen:
            seen.add((code, coordinate))
            findings.observe(code, side, "/" + coordinate.replace("/", "~1"), coordinate)
