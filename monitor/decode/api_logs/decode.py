"""API-log records to exchanges: one seam for all formats; what cannot be read is counted, never raised."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.gateways import apisix_exchange, envoy_exchange, kong_exchange
from monitor.decode.api_logs.making import Place, place_of
from monitor.decode.api_logs.mapping import mapped_exchange
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.decode.api_logs.otlp import is_batch, otlp_exchanges, proto_batch
from monitor.decode.unforeseen import UNFORESEEN
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.records import REJECT_HEADER, Records, Reject, reject, stepped_over

Entry = dict[str, Any]
Make = Callable[[Entry, Place, int], Exchange]

_MAKERS: dict[str, Make] = {"ndjson": ndjson_exchange, "envoy": envoy_exchange, "kong": kong_exchange, "apisix": apisix_exchange}
_OTLP = ("otlp", "otlp_proto", "otlp_json")
FORMATS = ("auto", *_MAKERS, *_OTLP, "mapping")
MOST_BYTES = 64_000_000
_MOST_ENTRIES = 100_000
_INDICES_A_BATCH = 40_000  # so that the entries of several batches in one record keep keys of their own, below 2^32


def decode_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
) -> tuple[list[Exchange], list[Reject]]:
    """All exchanges of a batch in record order, and a reject for each record and reason of what cannot be used.

    A record holds one entry, a JSON array of them, one a line, or an OTLP batch, perhaps gzipped (at most 64 MB
    unpacked). `format` is one of FORMATS; "auto" tells each entry by its keys. One bad record or entry never costs its
    neighbours. Raises ConfigError for an unknown format or mapping only, and that before anything is read.
    """
    read = _reader(format, mapping or {})
    exchanges: list[Exchange] = []
    rejects = stepped_over(records)
    unpacker = Unpacker(MOST_BYTES)
    for index, value in enumerate(records.values):
        if not value and REJECT_HEADER in records.headers[index]:
            continue
        bad: dict[str, int] = {}
        before = len(exchanges)
        try:
            for found in read(_unpacked(value, unpacker), place_of(records, index)):
                if isinstance(found, Refused):
                    bad[str(found)] = bad.get(str(found), 0) + 1
                else:
                    exchanges.append(found)
        except Refused as refusal:
            bad[str(refusal)] = bad.get(str(refusal), 0) + 1
        except UNFORESEEN as error:
            bad[f"unreadable_{type(error).__name__}"] = 1
        alone = len(exchanges) == before and len(bad) == 1
        rejects.extend(reject(records, index, reason, count=count, whole=alone) for reason, count in bad.items())
    return exchanges, rejects


Read = Callable[[bytes, Place], Iterator["Exchange | Refused"]]


def _reader(form: str, mapping: Mapping[str, str]) -> Read:
    if form in _OTLP:
        return _read_otlp
    if form == "auto":
        return lambda value, place: (
            _read_otlp(value, place)
            if value[:1] == b"\n" and value.strip()[:1] not in (b"{", b"[")
            else _read(value, place, _any)
        )
    make = mapped_exchange(mapping) if form == "mapping" else _MAKERS.get(form)
    if make is None:
        raise ConfigError(f"api_logs format {form!r} is unknown; use one of {', '.join(FORMATS)}")
    known = make
    return lambda value, place: _read(value, place, known)


def _read(value: bytes, place: Place, make: Make | None) -> Iterator[Exchange | Refused]:
    for at, entry in enumerate(entries(value)):
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


def _any(entry: Entry, place: Place, index: int) -> Exchange:
    """An entry of a format told by its keys."""
    if "response_code" in entry and "start_time" in entry:
        return envoy_exchange(entry, place, index)
    if isinstance(entry.get("request"), dict):
        return kong_exchange(entry, place, index) if "started_at" in entry else apisix_exchange(entry, place, index)
    return ndjson_exchange(entry, place, index)


def _read_otlp(value: bytes, place: Place) -> Iterator[Exchange | Refused]:
    if value.lstrip()[:1] in (b"{", b"["):
        for at, entry in enumerate(entries(value)):
            if isinstance(entry, dict) and is_batch(entry):
                yield from otlp_exchanges(entry, place, ids_in_base64=False, first=at * _INDICES_A_BATCH)
            else:
                yield Refused("not_json" if entry is None else "not_otlp")
        return
    if not value:
        raise Refused("empty")
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
