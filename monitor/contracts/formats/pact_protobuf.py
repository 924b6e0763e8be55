"""Bodies that the Protobuf plugin of Pact reads: messages held against an example by its own
descriptors.

https://github.com/pactflow/pact-protobuf-plugin
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.findings import Side
from monitor.contracts.form import Left
from monitor.contracts.formats.proto_json import held_as_json
from monitor.contracts.formats.proto_values import Shown, plain_value, tells_nothing
from monitor.contracts.formats.protobuf import told_message
from monitor.contracts.formats.protobuf_fields import Wire, held_against, wire_of
from monitor.contracts.formats.protobuf_schema import ProtoSchema, class_of
from monitor.contracts.formats.raw_data import data_of
from monitor.contracts.grpc_bodies import HTTP_OK, Kind, in_media, is_bare, media_kind, status_told
from monitor.contracts.grpc_frames import Framed, code_of
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.content import Judge
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import HEADERS_UNSEEN, Part
from monitor.contracts.matching.rules import Rules
from monitor.contracts.matching.values import compile_json
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, TRUNCATED, Payload

MASKED = "redacted_bytes"
_LISTS = "the items of {} are not judged: no rule of the pact speaks of them"
_MOST_TOLD = 20
Held = Callable[[bytes, Kind, Mismatches], None]


@dataclass(frozen=True, slots=True)
class Expected:
    """The message that an example shows, and the rules for it. `lists` are those that the test
    named, by their paths.
    """

    descriptor: Descriptor
    data: bytes
    rules: Mapping[str, Rules]
    lists: Collection[str] = ()


def message_judge(
    expected: Expected, *, strict: bool, clause: str, work: Work, left: list[Left]
) -> Held:
    """What an example asks of a message's bytes, or of it as JSON. Raises ContractError for an
    example that is no such message.
    """
    descriptor = expected.descriptor
    work.spend(EXAMPLE, clause)
    shown = Shown(descriptor, expected.data, expected.rules, expected.lists)
    left.extend(Left(clause, _LISTS.format(path)) for path in shown.passed_over[:_MOST_TOLD])
    asked = compile_json(shown.value, shown.rules, strict=strict, clause=clause, work=work)
    missing = Broken("missing_body", "", clause, "present", "absent")

    def judge(data: bytes, kind: Kind, mismatches: Mismatches) -> None:
        message: Any = class_of(descriptor)()
        before = len(mismatches.found)
        if kind == "json":
            _from_json(message, data, clause, mismatches)
        else:
            held_against(message, data, clause, mismatches)
        if len(mismatches.found) > before or not shown.value:
            return
        if tells_nothing(message):
            mismatches.add(missing)
        else:
            asked(plain_value(message, shown.value), mismatches)

    return judge


def _from_json(message: Any, data: bytes, clause: str, mismatches: Mismatches) -> None:
    """Fill a message from JSON. What of it is undeclared is stepped over, as receivers do."""
    before = len(mismatches.found)
    held_as_json(message.DESCRIPTOR, data, clause, mismatches)
    if len(mismatches.found) == before:
        json_format.ParseDict(
            json.loads(data),
            message,
            ignore_unknown_fields=True,
            descriptor_pool=message.DESCRIPTOR.file.pool,
        )


def payload_judge(held: Held, clause: str) -> Judge:
    """For bodies of HTTP, and for records in a topic."""
    typed = Broken("content_type", "", clause, "application/protobuf", "another content type")
    missing = Broken("missing_body", "", clause, "present", "absent")

    def judge(payload: Payload, mismatches: Mismatches) -> None:
        if media_kind(payload.media) != "bytes":
            mismatches.add(typed)
            return
        body, problem = payload.raw()
        if problem == EMPTY and is_bare(payload.media):
            problem = ""  # no field of it has a value
        if problem:
            mismatches.leave(problem, clause)
        elif mismatches.redacted:
            mismatches.leave(MASKED, clause)
        else:
            framed = in_media(body, payload.media, "bytes", {}, payload.limits.body_bytes)
            _first(framed, "bytes", held, missing, clause, mismatches)

    return judge


def record_judge(descriptor: Descriptor, held: Held, clause: str) -> Judge:
    """For the records of a topic, bare or behind the frame of a registry's client."""
    place = descriptor.full_name[:80]

    def judge(record: Payload, mismatches: Mismatches) -> None:
        if not isinstance(record, Carried):
            mismatches.leave(MEDIA_TYPE, clause)
            return
        data = data_of(record, clause, mismatches)
        if data is None:
            return
        frame = told_message(record)
        if isinstance(frame, str):
            mismatches.leave(frame, clause)
        elif frame is None:
            held(data, "bytes", mismatches)
        elif frame[0].full_name != descriptor.full_name:
            mismatches.add(Broken("message", "", clause, place, frame[0].full_name[:80]))
        else:
            held(frame[1], "bytes", mismatches)

    return judge


def call_part(side: Side, held: Held, clause: str) -> Part:
    """One side of a call of gRPC or Connect."""
    missing = Broken("missing_body", "", clause, "present", "absent")

    def judge(call: Call, mismatches: Mismatches) -> None:
        payload = call.request if side == "request" else call.response
        kind = media_kind(payload.media)
        body, problem = payload.raw()
        if problem == EMPTY and is_bare(payload.media):
            problem = ""  # no field of it has a value
        if problem or kind == "other":
            mismatches.leave(NO_BODY if problem == EMPTY else problem or MEDIA_TYPE, clause)
        elif mismatches.redacted:
            mismatches.leave(MASKED, clause)
        else:
            headers = (
                call.exchange.request_headers
                if side == "request"
                else call.exchange.response_headers
            )
            framed = in_media(body, payload.media, kind, headers, payload.limits.body_bytes)
            _first(framed, kind, held, missing, clause, mismatches)

    return judge


def _first(
    framed: Framed, kind: Kind, held: Held, missing: Broken, clause: str, mismatches: Mismatches
) -> None:
    """The one message of a body."""
    if framed.problem:
        mismatches.leave(framed.problem, clause)
    elif not framed.messages:
        mismatches.add(missing)
    elif kind == "bytes" and wire_of(framed.messages[0]) is Wire.CUT:
        mismatches.leave(TRUNCATED, clause)
    else:
        held(framed.messages[0], kind, mismatches)


def status_of_grpc(code: str, clause: str) -> Part:
    """How a call ends: by number, or by the name of the code; "" for success."""
    wanted = _code(code) if code else "0"
    label = f"grpc-status {wanted}"

    def judge(call: Call, mismatches: Mismatches) -> None:
        exchange = call.exchange
        status = exchange.response_headers.get("grpc-status", "") or status_told(
            call.response, exchange.status, call.response.limits.body_bytes
        )
        failed = exchange.status_told and exchange.status != HTTP_OK
        if not status and not failed and wanted != "0":
            mismatches.leave(HEADERS_UNSEEN, clause)
        elif (_code(status) if status else "0") != wanted or (failed and not status):
            actual = f"grpc-status {_code(status)}" if status else str(exchange.status)
            mismatches.add(Broken("status", "/status", clause, label, actual))

    return judge


def _code(code: str) -> str:
    """https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""
    if code.isdecimal():
        return code
    word = code.strip().lower().replace("cancelled", "canceled")
    return "0" if word == "ok" else code_of({"code": word}) or code[:20]


def one_of(answers: Sequence[Sequence[Part]]) -> Sequence[Part]:
    """Parts that are kept where one of several answers is: else what the nearest breaks."""
    if len(answers) == 1:
        return answers[0]

    def judge(call: Call, mismatches: Mismatches) -> None:
        trials: list[Mismatches] = []
        for parts in answers:
            trial = mismatches.inner()
            for part in parts:
                part(call, trial)
                if trial.wrong_status:
                    break
            trials.append(trial)
            if not trial and not trial.open:
                break
        mismatches.below("", min(trials, key=lambda trial: (len(trial.found), len(trial.left))))

    return [judge]


def method_of(schema: ProtoSchema, service: str) -> MethodDescriptor | None:
    """The method that `package.Service/method` names, with or without the package."""
    name, _, method = service.lstrip(".").rpartition("/")
    for held in schema.services:
        if name in (held.full_name, held.name):
            descriptor = held.methods_by_name.get(method.partition(":")[0])
            if descriptor is not None:
                return descriptor
    return None
