"""Each entry of a record by the source that wrote it, told by its marks; a source that was asked
for refuses what another wrote.
"""

from collections.abc import Callable, Iterator
from typing import Any

from monitor.decode.api_logs.clouds import (
    aws_exchange,
    azure_exchange,
    azure_records,
    cloudflare_exchange,
    gcp_exchange,
)
from monitor.decode.api_logs.counts import MARK, dropped_of
from monitor.decode.api_logs.ecs import ecs_exchange
from monitor.decode.api_logs.fast_ndjson import fast_reader
from monitor.decode.api_logs.fields import Refused
from monitor.decode.api_logs.flat import (
    access_exchange,
    apache_exchange,
    haproxy_json_exchange,
    nginx_exchange,
)
from monitor.decode.api_logs.gateways import apisix_exchange, envoy_exchange, kong_exchange
from monitor.decode.api_logs.goreplay import Pairs, exchange_of, payloads, told_payload
from monitor.decode.api_logs.har import har_entries, har_exchange, is_har
from monitor.decode.api_logs.lines import READERS as LINE_READERS
from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.decode.api_logs.ndjson_reader import NdjsonReader
from monitor.decode.api_logs.nested import flattened
from monitor.decode.api_logs.otlp import PART, Passed
from monitor.decode.api_logs.recorders import akto_exchange, keploy_exchange, tap_exchange
from monitor.decode.api_logs.servers import caddy_exchange, traefik_exchange
from monitor.decode.api_logs.tap_segments import Segments
from monitor.decode.api_logs.w3c import Heads, form_of_fields, w3c_exchange
from monitor.decode.api_logs.waiting import Waits, nobody_waits
from monitor.decode.api_logs.wrappers import (
    NOBODY,
    Line,
    Writer,
    form_of_none,
    json_of,
    unwrapped_entry,
    unwrapped_line,
    writer_of,
)
from monitor.decode.unforeseen import UNFORESEEN
from monitor.model.exchanges import Exchange
from monitor.model.forms import json_form
from monitor.model.log_lines import GOREPLAY_HEAD, LINES, line_form
from monitor.model.log_sources import STATUSES, log_source

Entry = dict[str, Any]
Make = Callable[[Entry, Place, int], Exchange]
Found = Exchange | Refused | Passed

READERS: dict[str, Make] = {
    "ndjson": ndjson_exchange,
    "nginx": nginx_exchange,
    "apache": apache_exchange,
    "access_json": access_exchange,
    "haproxy": haproxy_json_exchange,
    "traefik": traefik_exchange,
    "caddy": caddy_exchange,
    "envoy": envoy_exchange,
    "envoy_tap": tap_exchange,
    "kong": kong_exchange,
    "apisix": apisix_exchange,
    "aws_api_gateway": aws_exchange,
    "cloudfront": w3c_exchange,
    "cloudflare": cloudflare_exchange,
    "iis": w3c_exchange,
    "gcp_load_balancer": gcp_exchange,
    "azure_api_management": azure_exchange,
    "ecs": ecs_exchange,
    "har": har_exchange,
    "goreplay": lambda entry, place, index: exchange_of(
        told_payload(entry, place), None, place, index
    ),
    "akto": akto_exchange,
    "keploy": keploy_exchange,
}
"""By form, what reads an object of it."""
_MORE = ("combined_more", "common_more")
_COMMON = ("combined", "common", "vhost_combined", *_MORE)
_ACCEPTED: dict[str, tuple[str, ...]] = {
    "ndjson": ("ndjson",),
    "nginx": ("nginx", "access_json", "combined", "common", *_MORE),
    "ingress_nginx": ("nginx", "access_json", "ingress_nginx", "combined", *_MORE),
    "apache": ("apache", "nginx", "access_json", *_COMMON),
    "combined": _COMMON,
    "haproxy": ("haproxy", "access_json", "haproxy_http", "haproxy_clf"),
    "traefik": ("traefik", "traefik_clf"),
    "caddy": ("caddy",),
    "envoy": ("envoy", "envoy_text", "istio_text"),
    "istio": ("envoy", "istio_text", "envoy_text"),
    "envoy_tap": ("envoy_tap",),
    "kong": ("kong", "combined", "combined_more"),
    "apisix": ("apisix", "apisix_access", "raw_http"),
    "aws_api_gateway": ("aws_api_gateway", "aws_api_clf", "aws_api_csv", "aws_api_xml"),
    "aws_alb": ("aws_alb", "aws_elb"),
    "cloudfront": ("cloudfront",),
    "cloudflare": ("cloudflare",),
    "iis": ("iis",),
    "gcp_load_balancer": ("gcp_load_balancer",),
    "azure_api_management": ("azure_api_management",),
    "ecs": ("ecs",),
    "har": ("har",),
    "goreplay": ("goreplay",),
    "akto": ("akto",),
    "keploy": ("keploy",),
    "access_json": ("access_json", "nginx", "apache", "haproxy"),
}
SOURCES = tuple(_ACCEPTED)
"""What a person may ask for."""
_OWN_UNITS = {
    "nginx": nginx_exchange,
    "ingress_nginx": nginx_exchange,
    "apache": apache_exchange,
    "haproxy": haproxy_json_exchange,
}
_FLAT = frozenset({"nginx", "apache", "haproxy", "access_json"})
_DEEPEST = 4
_MOST_SHAPES = 4_096


def accepted(source: str) -> tuple[str, ...]:
    """The forms that a source comes in; none for a source that is none."""
    return _ACCEPTED.get(source, ())


def source_of_form(form: str) -> str:
    """The source to ask for where this form is to be read."""
    return (
        form
        if form in _ACCEPTED
        else next((source for source, forms in _ACCEPTED.items() if form in forms), form)
    )


def opened(held: object) -> Iterator[tuple[object, str]]:
    """The entries of one that holds several (a HAR document, a batch of Event Hubs), each with its
    form; else itself and "".
    """
    if isinstance(held, dict):
        if is_har(held):
            yield from ((entry, "har") for entry in har_entries(held))
            return
        records = azure_records(held)
        if records is not None and log_source(held) == "azure_api_management":
            yield from ((record, "azure_api_management") for record in records)
            return
    yield held, ""


def is_one_text(text: str) -> bool:
    """Whether a text of several lines is one entry: a request as it travels, XML that one service
    writes.
    """
    return "\n" in text.strip() and any(
        LINES[name].fullmatch(text) for name in ("raw_http", "aws_api_xml")
    )


class Recogniser:
    """Reads entries one by one. `source` is "auto" or one of SOURCES. It remembers, by an entry's
    keys, who wrote such an entry: that saves looking and changes no answer.
    """

    def __init__(self, source: str, heads: Heads | None = None) -> None:
        """`heads`: what heads of logs said before."""
        self._source = source
        self._heads = Heads() if heads is None else heads
        self._segments, self._pairs = Segments(), Pairs()
        self._allowed = frozenset(_ACCEPTED.get(source, ()))
        self._own = _OWN_UNITS.get(source)
        self._known: dict[tuple[str, ...], tuple[str, Make] | None] = {}
        self.told = ""
        """The form of the entry that was read last, "" when it is none."""
        self.fast = fast_reader() if not self._allowed or "ndjson" in self._allowed else None
        """Reads whole records as `quick` would, or leaves them."""

    def read(
        self,
        entry: object,
        place: Place,
        index: int,
        writer: Writer = NOBODY,
        depth: int = 0,
        form: str = "",
    ) -> Iterator[Found]:
        """The exchanges of an entry and of what it wraps, or why there are none. `form`: what the
        entry is known to be.
        """
        try:
            if type(entry) is dict:
                if MARK in entry and (dropped := dropped_of(entry)) >= 0:
                    yield Passed(dropped)
                    return
                if writer is NOBODY and _POD in entry:
                    writer = writer_of(entry)
                source = (form, READERS[form]) if form else self._source_of(entry)
                if source is not None:
                    yield self._made(source, entry, place, index, writer)
                else:
                    yield from self._inside(entry, place, index, depth)
            elif isinstance(entry, str):
                yield from self._text(entry, place, index, writer, depth)
            else:
                yield Refused("not_json" if entry is None else "not_an_object")
        except Refused as refusal:
            yield refusal
        except UNFORESEEN as error:
            yield Refused(f"unreadable_{type(error).__name__}")

    def payloads(self, value: bytes, place: Place) -> Iterator[Found]:
        """What the payloads of GoReplay say: a request waits for its answer."""
        self.told = "goreplay"
        if self._allowed and "goreplay" not in self._allowed:
            yield Refused("goreplay")
            return
        for at, payload in enumerate(payloads(value, place.record_ms)):
            try:
                yield (
                    payload
                    if isinstance(payload, Refused)
                    else self._pairs.add(payload, place, at) or PART
                )
            except Refused as refusal:
                yield refusal

    def left(
        self, waits: Waits = nobody_waits, *, stay: bool = False
    ) -> Iterator[tuple[Place, str, Found]]:
        """What stands alone when no more of a batch comes, each with its place and form: pieces
        whose others did not come, and that may not wait for another batch (`Waiting.drain`).
        """
        for place, outcome in self._segments.left(waits, stay=stay):
            yield place, "envoy_tap", outcome
        for place, piece in self._pairs.left(waits, stay=stay):
            yield place, "goreplay", piece

    def quick(self, entry: Entry, place: Place) -> Found | None:
        """The exchange of a record that is one entry like others before it; None where one has to
        look.
        """
        source = self._known.get(tuple(entry))
        if source is None:
            return None
        form, make = source
        self.told = form
        if self._allowed and form not in self._allowed:
            return Refused(form)
        try:
            return make(entry, place, 0)
        except Refused as refusal:
            return refusal
        except UNFORESEEN as error:
            return Refused(f"unreadable_{type(error).__name__}")

    def _source_of(self, entry: Entry) -> tuple[str, Make] | None:
        keys = tuple(entry)
        if keys in self._known:
            return self._known[keys]
        form = log_source(entry)
        source = (form, READERS[form]) if form else None
        if source is not None and self._own is not None and form in _FLAT:
            source = (form, self._own)
        elif form == "ndjson":
            source = (form, NdjsonReader(keys))
        if _HOLDERS.isdisjoint(entry) and form not in _PIECES:
            if len(self._known) >= _MOST_SHAPES:
                self._known.clear()
            self._known[keys] = source
            if (
                self.fast is not None
                and source is not None
                and isinstance(source[1], NdjsonReader)
            ):
                self.fast.learn(keys, source[1])
        return source

    def _made(
        self, source: tuple[str, Make], entry: Entry, place: Place, index: int, writer: Writer
    ) -> Found:
        form, make = source
        self.told = form
        if self._allowed and form not in self._allowed:
            return Refused(form)
        if form == "goreplay":
            return self._pairs.add(told_payload(entry, place), place, index) or PART
        if form == "envoy_tap" and not _BUFFERED.intersection(entry):
            return self._segments.add(entry, place, index) or PART
        read = make(entry, place, index)
        return writer.named(read) if writer is not NOBODY else read

    def _inside(self, entry: Entry, place: Place, index: int, depth: int) -> Iterator[Found]:
        """What a shipper's wrapper holds. A wrapper of several entries gives them indices after
        its own.
        """
        self.told = ""
        if entry.get("messageType") == "CONTROL_MESSAGE":
            yield Refused("cloudwatch_control_message")
            return
        lines = list(unwrapped_entry(entry, place)) if depth < _DEEPEST else []
        if not lines:
            form = json_form(entry)
            grouped = self._grouped(entry, place, index)
            yield grouped or Refused(form if form != "json" else "unknown_source")
            return
        for at, line in enumerate(lines):
            place_of_line = index if len(lines) == 1 else _INSIDE + index * 10_000 + at
            for outcome in self._line(line, place_of_line, depth):
                if not isinstance(outcome, Refused) or str(outcome) not in _NO_EXCHANGE:
                    yield outcome
                    continue
                grouped = self._grouped(entry, place, index) if len(lines) == 1 else None
                yield grouped or Refused(json_form(entry))

    def _grouped(self, entry: Entry, place: Place, index: int) -> Found | None:
        """What an access log tells whose fields stand in groups; None for what is none."""
        flat = flattened(entry)
        form = log_source(flat) if flat is not entry else ""
        if form not in (*_FLAT, "ndjson") or _STATUSES.isdisjoint(flat):
            return None
        form = "access_json" if form == "ndjson" else form
        source = form, self._own or READERS[form]
        return self._made(source, flat, place, index, NOBODY)

    def _line(self, line: Line, index: int, depth: int) -> Iterator[Found]:
        if line.partial:
            yield Refused("partial_line")
        else:
            yield from self.read(line.content, line.place, index, line.writer, depth + 1)

    def _text(
        self, text: str, place: Place, index: int, writer: Writer, depth: int
    ) -> Iterator[Found]:
        if text[:1] in "123" and GOREPLAY_HEAD.match(text[:200].encode("utf-8", "replace")):
            yield from self.payloads(text.encode("utf-8", "replace"), place)
            return
        held = json_of(text)
        if isinstance(held, dict):
            yield from self.read(held, place, index, writer, depth + 1)
            return
        if text[:1] == "#" and self._heads.heard(text, place):
            self.told = ""
            yield PART
            return
        columns = self._heads.read(text, place)
        form, match = line_form(text) if columns is None else (form_of_fields(columns), None)
        self.told = form
        if columns is not None:
            allowed = not self._allowed or form in self._allowed
            yield writer.named(w3c_exchange(columns, place, index)) if allowed else Refused(form)
        elif match is None:
            line = unwrapped_line(text, place) if depth < _DEEPEST else None
            if line is None and self._heads.stand_over(text, place):
                yield Refused("w3c_other_fields")
            elif line is None:
                yield Refused(form_of_none(text))
            else:
                yield from self._line(line, index, depth)
        elif self._allowed and form not in self._allowed:
            yield Refused(form)
        else:
            read = LINE_READERS[form](match, place, index)
            yield writer.named(read)


_STATUSES = frozenset(STATUSES)
_PIECES = frozenset({"envoy_tap", "goreplay"})
"""Forms whose entries may be parts of an exchange."""
_BUFFERED = frozenset({"http_buffered_trace", "httpBufferedTrace"})
_POD = "kubernetes"
"""Where Fluent Bit and Fluentd say which pod wrote a line, beside the fields that they took out of it."""
_HOLDERS = frozenset(
    {
        _POD,
        "request",
        "httpRequest",
        "http",
        "spec",
        "properties",
        "records",
        "log",
        "r",
        "http_request",
        "request_line",
        "requestLine",
        "%r",
    }
)
"""Members whose kind, not only their being there, tells the source."""
_INSIDE = 2_000_000_000  # so that what one entry wraps has keys of its own, below 2^32
_NO_EXCHANGE = frozenset({"plain_text", "not_json", "json", "unknown_source", "csv", "json_log"})
