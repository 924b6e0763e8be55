"""API-log records to exchanges: one seam for all formats; what cannot be read is counted, never
raised.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import orjson

from monitor.decode.api_logs.entries import entries
from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.making import UNKNOWN, Place, place_of
from monitor.decode.api_logs.mapping import mapped_exchange
from monitor.decode.api_logs.otlp import Passed, is_batch, otlp_exchanges, proto_batch
from monitor.decode.api_logs.recognising import SOURCES, Recogniser, accepted, opened
from monitor.decode.api_logs.w3c import Heads
from monitor.decode.api_logs.waiting import Waits, nobody_waits
from monitor.decode.unforeseen import UNFORESEEN
from monitor.decode.unpacking import GZIP, Unpacker
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.forms import LOG_FORMS, begins_json, form_of, without_bom
from monitor.model.log_lines import GOREPLAY_HEAD
from monitor.model.log_sources import LogSource
from monitor.model.records import REJECT_HEADER, Records, Reject, reject, stepped_over
from monitor.model.wire import signal_of

Entry = dict[str, Any]
Make = Callable[[Entry, Place, int], Exchange]

_OTLP = ("otlp", "otlp_proto", "otlp_json")
FORMATS = get_args(LogSource)
MOST_BYTES = 64_000_000
_MOST_ENTRIES = 100_000
# so that the entries of several batches in one record keep keys of their own, below 2^32
_INDICES_A_BATCH = 40_000


@dataclass(frozen=True, slots=True)
class ApiLogs:
    """What a batch of records holds. `passed` counts per record the log records that tell of no
    exchange.
    """

    exchanges: list[Exchange]
    rejects: list[Reject]
    passed: Sequence[int]


@dataclass(frozen=True, slots=True)
class Names:
    """What stands for a caller, a callee or an environment that a source does not name; "" leaves
    it open.
    """

    caller: str = ""
    callee: str = ""
    environment: str = ""

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.caller or self.callee or self.environment)

    def given(self, read: Exchange) -> Exchange:
        """The exchange with names where it had none."""
        if not self.any:
            return read
        caller = self.caller if read.caller == UNKNOWN and self.caller else read.caller
        callee = self.callee if read.callee == UNKNOWN and self.callee else read.callee
        return replace(
            read, caller=caller, callee=callee, environment=read.environment or self.environment
        )


UNNAMED = Names()


def decode_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
) -> tuple[list[Exchange], list[Reject]]:
    """As `read_api_logs`, without what was passed over."""
    reading = read_api_logs(records, format, mapping)
    return reading.exchanges, reading.rejects


def read_api_logs(
    records: Records,
    format: str,  # noqa: A002 - the setting's word
    mapping: Mapping[str, str] | None = None,
    names: Names = UNNAMED,
) -> ApiLogs:
    """All exchanges of a batch in record order, and a reject for each record and reason of what
    cannot be used.

    One that came in pieces comes with its last, at the place of its first; what stays alone comes
    at the end.

    A record holds one entry, a JSON array of them, one a line, or an OTLP batch, perhaps gzipped
    (at most 64 MB unpacked). `format` is one of FORMATS; "auto" tells each entry by its keys. One
    bad record or entry never costs its neighbours. `names` stand where a source names nobody.
    Raises ConfigError for an unknown format or mapping only, and that before anything is read.
    """
    reading = ApiLogReading(records, format, mapping, names)
    return ApiLogs(list(reading), reading.rejects, reading.passed)


class ApiLogReading:
    """As `read_api_logs`, one exchange after the other, once: `rejects` and `passed` are whole
    when all were taken.

    Who keeps none of them needs room for one alone, and finds it still in the processor's caches.
    """

    def __init__(
        self,
        records: Records,
        format: str,  # noqa: A002 - the setting's word
        mapping: Mapping[str, str] | None = None,
        names: Names = UNNAMED,
        heads: Heads | None = None,
        waits: Waits = nobody_waits,
    ) -> None:
        """`heads`, one for all batches, keeps what the head of a log said of the lines
        under it. Pieces of exchanges that may wait (`waits`) are passed over: their records come
        again, with those that bring their others.
        """
        self._waits = waits
        self._records, self._form = records, format
        self._names = names if names.any else None
        self._recogniser = Recogniser(format, heads) if format in ("auto", *SOURCES) else None
        self._read = reader(format, mapping or {}, self._recogniser)
        self._unpacker = Unpacker(MOST_BYTES)
        self.rejects: list[Reject] = stepped_over(records)
        self.passed = [0] * len(records)
        self.count = 0
        """Exchanges that were taken."""

    def __iter__(self) -> Iterator[Exchange]:
        records, names, recogniser = self._records, self._names, self._recogniser
        fast = None if recogniser is None else recogniser.fast
        for index, value in enumerate(records.values):
            if fast is not None:
                partition = records.partitions[index]
                quick = fast.read(
                    value,
                    partition.source_id,
                    partition.partition,
                    records.offsets[index],
                    records.timestamps_ms[index],
                )
                if quick is not None:
                    self.count += 1
                    yield quick if names is None else names.given(quick)
                    continue
            whole = None if recogniser is None else _one(value)
            quick_exchange = (
                None
                if recogniser is None or whole is None
                else recogniser.quick(whole, place_of(records, index))
            )
            if isinstance(quick_exchange, Exchange):
                self.count += 1
                yield quick_exchange if names is None else names.given(quick_exchange)
                continue
            for exchange in self._looked_into(index, value, whole):
                self.count += 1
                yield exchange if names is None else names.given(exchange)
        for exchange in self._left() if recogniser is not None else ():
            self.count += 1
            yield exchange if names is None else names.given(exchange)

    def _left(self) -> Iterator[Exchange]:
        """What pieces of exchanges tell whose others did not come."""
        places: dict[tuple[str, int, int], int] = {}
        for place, _, piece in (
            self._recogniser.left(self._waits) if self._recogniser is not None else ()
        ):
            places = places or self._records.index()
            index = places[place[:3]]
            self.passed[index] -= 1  # each was held back, and counted so
            if isinstance(piece, Exchange):
                yield piece
            elif isinstance(piece, Refused):
                self.rejects.append(
                    reject(self._records, index, str(piece), whole=not self.passed[index])
                )

    def _looked_into(self, index: int, value: bytes, whole: Entry | None) -> Iterator[Exchange]:
        """Whatever a record holds, `whole` where it is one object; what cannot be used goes to the
        rejects.
        """
        if not value and REJECT_HEADER in self._records.headers[index]:
            return
        bad: dict[str, int] = {}
        barren, content = True, value
        try:
            content = without_bom(unpacked(value, self._unpacker))
            for outcome in self._read(content, place_of(self._records, index), whole):
                if isinstance(outcome, Refused):
                    bad[str(outcome)] = bad.get(str(outcome), 0) + 1
                elif isinstance(outcome, Passed):
                    self.passed[index] += 1
                    if outcome.dropped:
                        bad["capture_dropped"] = bad.get("capture_dropped", 0) + outcome.dropped
                else:
                    barren = False
                    yield outcome
        except Refused as refusal:
            bad[str(refusal)] = bad.get(str(refusal), 0) + 1
        except UNFORESEEN as error:
            bad[f"unreadable_{type(error).__name__}"] = 1
        barren = barren and not self.passed[index]
        if barren and not bad:
            bad["empty"] = 1
        alone = barren and len(bad) == 1
        foreign = _foreign(content, self._form) if alone and bad.keys().isdisjoint(_SAID) else ""
        bad = {foreign: sum(bad.values())} if foreign else bad
        self.rejects.extend(
            reject(self._records, index, reason, count=count, whole=alone)
            for reason, count in bad.items()
        )


_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 4_096
_SAID = frozenset(
    "bad_compression too_large too_many_entries empty partial_line streamed_tap answer_apart no_request cloudwatch_control_message "
    "azure_other_category aws_websocket bad_yaml goreplay_head w3c_no_fields w3c_other_fields".split()
)
"""Reasons that say it better than the record's form."""


def _foreign(content: bytes, format: str) -> str:  # noqa: A002 - as above
    """The form of a record that gave nothing, when it is another than what is read; "" when it is
    that one, only with a fault.
    """
    form = form_of(content)
    if (
        form in ("", "json")
        or form == format
        or (form == "otlp_logs" and format in (*_OTLP, "auto"))
    ):
        return ""
    if form in LOG_FORMS:
        return "" if format in ("auto", "mapping") or form in accepted(format) else form
    return "" if form == "json_log" and format == "mapping" else form


Found = Exchange | Refused | Passed
Read = Callable[[bytes, Place, Entry | None], Iterator[Found]]
"""What a record holds; the object that it is, where it was read as one already."""


def reader(form: str, mapping: Mapping[str, str], recogniser: Recogniser | None = None) -> Read:
    """How the records of a format are read. Raises ConfigError."""
    if form in _OTLP:
        return _read_otlp
    if form == "mapping":
        mapped = mapped_exchange(mapping)
        return lambda value, place, _: _read_mapped(value, place, mapped)
    if form not in FORMATS:
        raise ConfigError(f"api_logs format {form!r} is unknown; use one of {', '.join(FORMATS)}")
    own = recogniser or Recogniser(form)
    return lambda value, place, whole: _read_known(value, place, own, whole, otlp=form == "auto")


def _read_known(
    value: bytes, place: Place, recogniser: Recogniser, whole: Entry | None, *, otlp: bool
) -> Iterator[Found]:
    """Entries of sources that are told by their marks; OTLP, too, where any source may stand."""
    whole = whole or _one(value)
    if whole is None and value[:1] in b"123\n\r" and GOREPLAY_HEAD.match(value):
        yield from recogniser.payloads(value, place)
        return
    if whole is not None:
        quick = recogniser.quick(whole, place)
        if quick is not None:
            yield quick
            return
    elif otlp and not begins_json(value) and signal_of(value):
        yield from _read_otlp(value, place)
        return
    elif _NO_TEXT.search(value[:_LOOKED_AT]):
        yield Refused("not_json")
        return
    at = -1
    for held in entries(value) if whole is None else (whole,):
        if otlp and isinstance(held, dict) and is_batch(held):
            at += 1
            yield from otlp_exchanges(
                held, place, ids_in_base64=False, first=at * _INDICES_A_BATCH
            )
            continue
        for entry, form in opened(held):
            at += 1
            if at >= _MOST_ENTRIES:
                yield Refused("too_many_entries")
                return
            yield from recogniser.read(entry, place, at, form=form)


def _one(value: bytes) -> Entry | None:
    """The object that a record is, as most are; None for all else."""
    if value[:1] != b"{":
        return None
    try:
        held = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return held if type(held) is dict else None


def _read_mapped(value: bytes, place: Place, make: Make) -> Iterator[Found]:
    for at, entry in enumerate(entries(value)):
        if at >= _MOST_ENTRIES:
            yield Refused("too_many_entries")
            return
        if not isinstance(entry, dict):
            yield Refused("not_json" if isinstance(entry, str | None) else "not_an_object")
            continue
        try:
            yield make(entry, place, at)
        except Refused as refusal:
            yield refusal
        except UNFORESEEN as error:
            yield Refused(f"unreadable_{type(error).__name__}")


def _read_otlp(value: bytes, place: Place, _: Entry | None = None) -> Iterator[Found]:
    if begins_json(value):
        for at, entry in enumerate(entries(value)):
            if isinstance(entry, dict) and is_batch(entry):
                yield from otlp_exchanges(
                    entry, place, ids_in_base64=False, first=at * _INDICES_A_BATCH
                )
            else:
                yield Refused("not_json" if entry is None else "not_otlp")
        return
    if not value:
        raise Refused("empty")
    form = signal_of(value)
    if form not in ("", "otlp_logs"):
        raise Refused(form)
    yield from otlp_exchanges(proto_batch(value), place, ids_in_base64=True)


def unpacked(value: bytes, unpacker: Unpacker) -> bytes:
    """A record's bytes, out of gzip. Raises Refused."""
    if value[:2] != GZIP:
        return value
    unpacked, reason = unpacker.unpack(value)
    if reason:
        raise Refused(reason)
    return unpacked
