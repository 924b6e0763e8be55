"""API-log records to exchanges: one seam for all formats; what cannot be read is counted, never raised."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.making import Place, place_of
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.records import Records, Reject, reject

Entry = dict[str, Any]
Make = Callable[[Entry, Place, int], Exchange]

_MAKERS: dict[str, Make] = {"ndjson": ndjson_exchange}
FORMATS = ("auto", "ndjson")
_MOST_ENTRIES = 100_000


def decode_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
) -> tuple[list[Exchange], list[Reject]]:
    """All exchanges of a batch in record order, and a reject for each record or entry that cannot be used.

    A record holds one entry, a JSON array of them, or one a line. One bad record or entry never costs its
    neighbours. Raises ConfigError for an unknown format only.
    """
    exchanges: list[Exchange] = []
    rejects: list[Reject] = []
    make = _MAKERS.get(format)
    if make is None:
        raise ConfigError(f"api_logs format {format!r} is unknown; use one of {', '.join(FORMATS)}")
    for index, value in enumerate(records.values):
        _record(records, index, value, make, exchanges, rejects)
    return exchanges, rejects


def _record(records: Records, index: int, value: bytes, make: Make, exchanges: list[Exchange], rejects: list[Reject]) -> None:
    place = place_of(records, index)
    good = 0
    bad: dict[str, int] = {}
    for at, entry in enumerate(entries(value)):
        reason = ""
        if entry is None:
            reason = "not_json"
        elif not isinstance(entry, dict):
            reason = "not_an_object"
        elif at >= _MOST_ENTRIES:
            reason = "too_many_entries"
        else:
            try:
                exchanges.append(make(entry, place, at))
                good += 1
            except Refused as refusal:
                reason = str(refusal)
        if reason:
            bad[reason] = bad.get(reason, 0) + 1
    if not good and not bad:
        bad["empty"] = 1
    rejects.extend(reject(records, index, reason, count=count, whole=not good and len(bad) == 1) for reason, count in bad.items())


def entries(value: bytes) -> Iterator[object]:
    """What a record holds: one JSON value, the items of an array, or one value a line; None for what is no JSON."""
    try:
        held = orjson.loads(value)
    except orjson.JSONDecodeError:
        lines = [line for line in value.split(b"\n") if line.strip()]
        if len(lines) <= 1:
            if value.strip():
                yield None
            return
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                yield None
        return
    if isinstance(held, list):
        yield from held
    else:
        yield held
