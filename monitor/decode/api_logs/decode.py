"""API-log records to exchanges: one seam for all formats; what cannot be read is counted, never raised."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.gateways import apisix_exchange, envoy_exchange, kong_exchange
from monitor.decode.api_logs.har import har_entries, har_exchange, is_har
from monitor.decode.api_logs.making import Place, place_of
from monitor.decode.api_logs.mapping import mapped_exchange
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.decode.api_logs.otlp import Passed, is_batch, otlp_exchanges, proto_batch
from monitor.decode.unforeseen import UNFORESEEN
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.forms import begins_json, form_of, without_bom
from monitor.model.records import REJECT_HEADER, Records, Reject, reject, stepped_over
from monitor.model.wire import signal_of

Entry = dict[str, Any]
Make = Callable[[Entry, Place, int], Exchange]

_MAKERS: dict[str, Make] = {
    "ndjson": ndjson_exchange,
    "envoy": envoy_exchange,
    "kong": kong_exchange,
    "apisix": apisix_exchange,
    "har": har_exchange,
}
_OTLP = ("otlp", "otlp_proto", "otlp_json")
FORMATS = ("auto", *_MAKERS, *_OTLP, "mapping")
MOST_BYTES = 64_000_000
_MOST_ENTRIES = 100_000
_INDICES_A_BATCH = 40_000  # so that the entries of several batches in one record keep keys of their own, below 2^32


@dataclass(frozen=True, slots=True)
class ApiLogs:
    """What a batch of records holds. `passed` counts per record the log records that tell of no exchange."""

    exchanges: list[Exchange]
    rejects: list[Reject]
    passed: Sequence[int]


def decode_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
) -> tuple[list[Exchange], list[Reject]]:
    """As `read_api_logs`, without what was passed over."""
    said = read_api_logs(records, format, mapping)
    return said.exchanges, said.rejects


def read_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
) -> ApiLogs:
    """All exchanges of a batch in record order, and a reject for each record and reason of what cannot be used.

    A record holds one entry, a JSON array of them, one a line, or an OTLP batch, perhaps gzipped (at most 64 MB
    unpacked). `format` is one of FORMATS; "auto" tells each entry by its keys. One bad record or entry never costs its
    neighbours. Raises ConfigError for an unknown format or mapping only, and that before anything is read.
    """
    read = _reader(format, mapping or {})
    exchanges: list[Exchange] = []
    rejects = stepped_over(records)
    passed = [0] * len(records)
    unpacker = Unpacker(MOST_BYTES)
    for index, value in enumerate(records.values):
        if not value and REJECT_HEADER in records.headers[index]:
            continue
        bad: dict[str, int] = {}
        before = len(exchanges)
        content = value
        try:
            content = without_bom(_unpacked(value, unpacker))
            for found in read(content, place_of(records, index)):
                if isinstance(found, Refused):
                    bad[str(found)] = bad.get(str(found), 0) + 1
                elif isinstance(found, Passed):
                    passed[index] += 1
                else:
                    exchanges.append(found)
        except Refused as refusal:
            bad[str(refusal)] = bad.get(str(refusal), 0) + 1
        except UNFORESEEN as error:
            bad[f"unreadable_{type(error).__name__}"] = 1
        barren = len(exchanges) == before and not passed[index]
        if barren and not bad:
            bad["empty"] = 1
        alone = barren and len(bad) == 1
        foreign = _foreign(content, format) if alone and bad.keys().isdisjoint(_PACKED_WRONG) else ""
        bad = {foreign: sum(bad.values())} if foreign else bad
        rejects.extend(reject(records, index, reason, count=count, whole=alone) for reason, count in bad.items())
    return ApiLogs(exchanges, rejects, passed)


_PACKED_WRONG = ("bad_compression", "too_large", "too_many_entries", "empty")


def _foreign(content: bytes, format: str) -> str:  # noqa: A002 - as above
    """The form of a record that gave nothing, when it is another than what is read; "" when it is that one, only with a fault."""
    form = form_of(content)
    if form in ("", "json") or form == format or (form == "otlp_logs" and format in (*_OTLP, "auto")):
        return ""
    if form in _MAKERS:
        return "" if format in ("auto", "mapping") else form
    return "" if form == "json_log" and format == "mapping" else form


Found = Exchange | Refused | Passed
Read = Callable[[bytes, Place], Iterator[Found]]


def _reader(form: str, mapping: Mapping[str, str]) -> Read:
    if form in _OTLP:
        return _read_otlp
    if form == "auto":
        return lambda value, place: _read(value, place, _any) if begins_json(value) else _read_other(value, place)
    make = mapped_exchange(mapping) if form == "mapping" else _MAKERS.get(form)
    if make is None:
        raise ConfigError(f"api_logs format {form!r} is unknown; use one of {', '.join(FORMATS)}")
    known = make
    return lambda value, place: _read(value, place, known)


def _read_other(value: bytes, place: Place) -> Iterator[Found]:
    """What does not begin as JSON does: OTLP in protobuf, or lines of which some may be JSON."""
    if signal_of(value):
        yield from _read_otlp(value, place)
    else:
        yield from _read(value, place, _any)


def _read(value: bytes, place: Place, make: Make | None) -> Iterator[Found]:
    for at, entry in enumerate(_single(value, make)):
        if at >= _MOST_ENTRIES:
            yield Refused("too_many_entries")
            return
        if not isinstance(entry, dict):
            yield Refused("not_json" if entry is None else "not_an_object")
            continue
        if make is _any and is_batch(entry):
            yield from otlp_exchanges(entry, place, ids_in_base64=False, first=at * _INDICES_A_BATCH)
            continue
        try:
            yield (make or ndjson_exchange)(entry, place, at)
        except Refused as refusal:
            yield refusal
        except UNFORESEEN as error:
            yield Refused(f"unreadable_{type(error).__name__}")


def _single(value: bytes, make: Make | None) -> Iterator[object]:
    """The entries of a record; of a record that is one HAR document, its entries."""
    for entry in entries(value):
        if make in (_any, har_exchange) and isinstance(entry, dict) and is_har(entry):
            yield from har_entries(entry)
        else:
            yield entry


def _any(entry: Entry, place: Place, index: int) -> Exchange:
    """An entry of a format told by its keys."""
    if "startedDateTime" in entry:
        return har_exchange(entry, place, index)
    if "response_code" in entry and "start_time" in entry:
        return envoy_exchange(entry, place, index)
    if isinstance(entry.get("request"), dict):
        return kong_exchange(entry, place, index) if "started_at" in entry else apisix_exchange(entry, place, index)
    return ndjson_exchange(entry, place, index)


def _read_otlp(value: bytes, place: Place) -> Iterator[Found]:
    if begins_json(value):
        for at, entry in enumerate(entries(value)):
            if isinstance(entry, dict) and is_batch(entry):
                yield from otlp_exchanges(entry, place, ids_in_base64=False, first=at * _INDICES_A_BATCH)
            else:
                yield Refused("not_json" if entry is None else "not_otlp")
        return
    if not value:
        raise Refused("empty")
    form = signal_of(value)
    if form not in ("", "otlp_logs"):
        raise Refused(form)
    yield from otlp_exchanges(proto_batch(value), place, ids_in_base64=True)


def entries(value: bytes) -> Iterator[object]:
    """What a record holds: one JSON value, the items of an array, or one value a line; None for what is no JSON. Refuses nothing at all ("empty")."""
    try:
        held = orjson.loads(value)
    except orjson.JSONDecodeError:
        lines = [line for line in value.split(b"\n") if line.strip()]
        if not lines:
            raise Refused("empty") from None
        if len(lines) == 1:
            yield None
            return
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                yield None
        return
    if not isinstance(held, list):
        yield held
        return
    if not held:
        raise Refused("empty")
    yield from (entry if entry is not None else 0 for entry in held)


def _unpacked(value: bytes, unpacker: Unpacker) -> bytes:
    if value[:2] != GZIP:
        return value
    unpacked, reason = unpacker.unpack(value)
    if reason:
        raise Refused(reason)
    return unpacked
