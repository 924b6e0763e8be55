"""Protobuf's wire format without a schema: which fields bytes hold, to tell one message from
another.

https://protobuf.dev/programming-guides/encoding/; field numbers: opentelemetry-proto (trace,
metrics, logs, profiles, v1), Jaeger's api_v2/model.proto, Zipkin's zipkin.proto.
"""

from collections.abc import Mapping
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MOST_FIELDS = 200
_MOST_BLOCKS = 20


class Field(NamedTuple):
    """One field as it lies: its number, its wire type, and its bytes (empty but for BYTES)."""

    number: int
    wire: int
    content: bytes


_SPAN: Mapping[int, int] = dict.fromkeys((1, 2, 3, 4, 5, 9, 11, 13, 15), BYTES) | {
    **dict.fromkeys((6, 10, 12, 14), VARINT),
    **dict.fromkeys((7, 8), FIXED64),
    16: FIXED32,
}
_LOG: Mapping[int, int] = dict.fromkeys((3, 5, 6, 9, 10, 12), BYTES) | {
    **dict.fromkeys((1, 11), FIXED64),
    **dict.fromkeys((2, 7), VARINT),
    8: FIXED32,
}
_METRIC: Mapping[int, int] = dict.fromkeys((1, 2, 3, 5, 7, 9, 10, 11, 12), BYTES)
_JAEGER: Mapping[int, int] = dict.fromkeys((1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12), BYTES) | {
    5: VARINT
}
_ZIPKIN: Mapping[int, int] = dict.fromkeys((1, 2, 3, 5, 8, 9, 10, 11), BYTES) | {
    **dict.fromkeys((4, 7, 12, 13), VARINT),
    6: FIXED64,
}


def signal_of(value: bytes) -> str:
    """Which of the messages we know these bytes are: "otlp_proto" (traces), "otlp_metrics",
    "otlp_logs", "otlp_profiles", "jaeger_proto", "zipkin_proto"; "" for others. Looks at the first
    blocks only. Never raises.
    """
    top = fields(value)
    if not top:
        return ""
    if _is_jaeger(top):
        return "jaeger_proto"
    blocks = [field.content for field in top if field.number == 1 and field.wire == BYTES][
        :_MOST_BLOCKS
    ]
    numbers = {field.number for field in top}
    for block in blocks:
        held = fields(block)
        if held and numbers == {1} and _is_zipkin(held):
            return "zipkin_proto"
        if held and numbers <= {1, 2} and _is_jaeger(held):
            return "jaeger_proto"
        signal = _otlp_signal(held) if held and numbers == {1} else ""
        if signal:
            return signal
    return "otlp_profiles" if numbers == {1, 2} and all(map(_is_block, blocks)) and blocks else ""


def fields(data: bytes) -> list[Field] | None:
    """The fields of a message, at most 200; None when the bytes are no message."""
    at, members = 0, list[Field]()
    while at < len(data) and len(members) < _MOST_FIELDS:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if at < 0 or not 0 < number < 1 << 29:
            return None
        start = at
        if wire == VARINT:
            _, at = _varint(data, at)
            start = at
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
            start = at
        elif wire == BYTES:
            length, start = _varint(data, at)
            at = start + length
        else:
            return None
        if start < 0 or at < 0 or at > len(data):
            return None
        members.append(Field(number, wire, data[start:at]))
    return members


def _otlp_signal(block: list[Field]) -> str:
    """What the first leaf of a ResourceSpans, ResourceMetrics or ResourceLogs is."""
    for scope in block:
        if scope.number not in (2, 1000) or scope.wire != BYTES:
            continue
        for leaf in fields(scope.content) or ():
            if leaf.number != 2 or leaf.wire != BYTES:
                continue
            held = fields(leaf.content)
            wires = {(field.number, field.wire) for field in held or ()}
            if held and _fits(held, _SPAN) and wires & {(7, FIXED64), (8, FIXED64)}:
                return "otlp_proto"
            if held and _fits(held, _LOG) and wires & {(1, FIXED64), (11, FIXED64), (2, VARINT)}:
                return "otlp_logs"
            if held and _fits(held, _METRIC) and (1, BYTES) in wires:
                return "otlp_metrics"
    return ""


def _is_block(content: bytes) -> bool:
    held = fields(content)
    return held is not None and all(
        field.number in (1, 2, 3, 1000) and field.wire == BYTES for field in held
    )


def _is_jaeger(held: list[Field]) -> bool:
    lengths = {field.number: len(field.content) for field in held}
    return (
        lengths.get(1) == 16
        and lengths.get(2) == 8
        and _fits(held, _JAEGER)
        and bool(lengths.keys() & {3, 6, 10})
    )


def _is_zipkin(held: list[Field]) -> bool:
    lengths = {field.number: len(field.content) for field in held}
    return (
        lengths.get(1) in (8, 16)
        and lengths.get(3) == 8
        and lengths.get(2, 8) == 8
        and _fits(held, _ZIPKIN)
        and bool(lengths.keys() & {4, 5, 6, 8})
    )


def _fits(held: list[Field], schema: Mapping[int, int]) -> bool:
    """Whether no field contradicts the schema; fields that it does not know may be newer ones."""
    return all(schema.get(field.number, field.wire) == field.wire for field in held) and any(
        field.number in schema for field in held
    )


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and where it ends; -1 when there is none."""
    number = shift = 0
    for index in range(at, min(at + 10, len(data))):
        number |= (data[index] & 0x7F) << shift
        if data[index] < 0x80:
            return number, index + 1
        shift += 7
    return 0, -1
