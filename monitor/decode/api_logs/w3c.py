"""Logs in W3C's extended format, whose head names the fields: IIS, CloudFront's standard log, and
others.

https://www.w3.org/TR/WD-logfile.html,
https://learn.microsoft.com/iis/configuration/system.applicationhost/sites/site/logfile/,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.flat import host_of
from monitor.decode.api_logs.making import Place, make
from monitor.decode.api_logs.proxies import made_by_cloudfront
from monitor.decode.api_logs.units import MILLIS, SECONDS, length_ns, moment_ns
from monitor.model.exchanges import Exchange
from monitor.model.log_lines import CLOUDFRONT_FIELDS, IIS_FIELDS, W3C_HEAD

_MOST_FIELDS = 100
_MOST_HEADS = 10_000
_HEADER = re.compile(r"(cs|sc|c|s)\(([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})\)")
_DATED = re.compile(r"\d{4}-\d\d-\d\d[ \t]\d\d:")
_TIMES = {
    "date": re.compile(r"\d{4}-\d\d-\d\d$"),
    "time": re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?$"),
}
_MILLIS_MARKS = frozenset({"sc-win32-status", "sc-substatus", "s-sitename", "s-computername"})
"""Fields of IIS alone, which counts `time-taken` in milliseconds; W3C's own unit, and
CloudFront's, is the second.
"""
_EDGE = "x-edge-location"
_EDGES = frozenset({_EDGE, "x-edge-result-type", "x-edge-request-id"})
"""Fields of CloudFront alone, of which an operator may keep any."""


class Heads:
    """What the heads of such logs said, by where they stood; kept between batches, for a log has
    one head and many lines.
    """

    def __init__(self) -> None:
        self._fields: dict[tuple[str, int], tuple[str, ...]] = {}

    def heard(self, text: str, place: Place) -> bool:
        """Whether a line is one of a head; what it names is kept. Raises Refused ("w3c_no_fields")
        for a head that names nothing.
        """
        match = W3C_HEAD.match(text)
        if match is None:
            return False
        if match[1] == "Fields":
            names = tuple(text[match.end() :].split())
            if not names or len(names) > _MOST_FIELDS:
                raise fields.Refused("w3c_no_fields")
            if len(self._fields) >= _MOST_HEADS:
                self._fields.clear()
            self._fields[place.source_id, place.partition] = names
        return True

    def stand_over(self, text: str, place: Place) -> bool:
        """Whether a line that could not be read begins as one under a head that came."""
        return (
            _DATED.match(text) is not None and (place.source_id, place.partition) in self._fields
        )

    def read(self, text: str, place: Place) -> dict[str, str] | None:
        """The fields of a line under a head; None where there is none, or the line has another
        number of them or no time of that form.
        """
        names = self._fields.get((place.source_id, place.partition)) if self._fields else None
        if names is None:
            return None
        parts = text.split("\t") if "\t" in text else text.split()
        if len(parts) != len(names):
            return None
        entry = dict(zip(names, parts, strict=True))
        dated = all(_TIMES[name].match(entry[name]) for name in _TIMES if name in entry)
        return entry if dated and ("time" in entry or _EDGE in entry) else None


def form_of_fields(entry: Mapping[str, Any]) -> str:
    """Whose log it is, by its fields."""
    return "iis" if _EDGES.isdisjoint(entry) else "cloudfront"


def iis_line(match: re.Match[str], place: Place, index: int) -> Exchange:
    """A line without its head, in the order that IIS has by default. Raises Refused."""
    names = (
        IIS_FIELDS
        if match["referer"] is not None
        else tuple(name for name in IIS_FIELDS if name != "cs(referer)")
    )
    return w3c_exchange(dict(zip(names, match[0].split(), strict=True)), place, index)


def cloudfront_line(match: re.Match[str], place: Place, index: int) -> Exchange:
    """A line without its head: of this log the order is fixed, and later fields come last. Raises
    Refused.
    """
    return w3c_exchange(
        dict(zip(CLOUDFRONT_FIELDS, match[0].split("\t"), strict=False)), place, index
    )


def w3c_exchange(entry: Mapping[str, Any], place: Place, index: int) -> Exchange:
    """An exchange by the fields' names. `date` and `time` are UTC and tell when it ended. Raises
    Refused.
    """
    entry = {name.lower(): value for name, value in entry.items()}
    values = {name: value for name, value in entry.items() if fields.is_told(value)}
    get = values.get
    edge = not _EDGES.isdisjoint(entry)
    stem = get("cs-uri-stem")
    target = get("cs-uri") if stem is None else stem
    query = get("cs-uri-query")
    status = get("sc-status")
    request_headers, response_headers = (
        _headers(values, "cs", coded=edge),
        _headers(values, "sc", coded=edge),
    )
    if (media := get("sc-content-type")) is not None:
        response_headers["content-type"] = _plain(media, coded=edge)
    millis = not edge and not _MILLIS_MARKS.isdisjoint(entry)
    return make(
        place,
        index,
        end_ns=_end(values, place),
        duration_ns=length_ns(get("time-taken"), MILLIS if millis else SECONDS),
        method=get("cs-method"),
        target=target,
        status=status,
        query=str(query).replace("%2520", "%20") if edge and query is not None else query,
        query_known=stem is not None and "cs-uri-query" in entry,
        callee=host_of(
            get("x-host-header")
            or get("cs(host)")
            or get("cs-host")
            or get("s-dns")
            or get("s-computername")
        ),
        request_headers=fields.headers_of(request_headers),
        response_headers=fields.headers_of(response_headers),
        headers_whole=False,
        unanswered=status in ("0", "000", 0),
        proxy_answer=edge and made_by_cloudfront(entry),
    )


def _end(values: Mapping[str, Any], place: Place) -> int:
    date, time = values.get("date"), values.get("time")
    stamp = values.get("timestamp(ms)", values.get("timestamp"))
    if stamp is not None:
        return moment_ns(stamp, place.record_ms)
    if date is None or time is None:
        if place.told_ns:
            return place.told_ns
        raise fields.Refused("no_time")
    return moment_ns(f"{date}T{time}", place.record_ms)


def _headers(values: Mapping[str, Any], side: str, *, coded: bool) -> dict[str, str]:
    headers = {}
    for name, value in values.items():
        header = _HEADER.fullmatch(name)
        if header is not None and header[1] == side:
            headers[header[2]] = _plain(value, coded=coded)
    if (
        side == "cs"
        and "host" not in headers
        and (host := values.get("x-host-header") or values.get("cs-host"))
    ):
        headers["host"] = str(host)
    return headers


def _plain(value: object, *, coded: bool) -> str:
    """A header's text: CloudFront codes what is no plain character as an address does, once or
    twice; IIS writes + for a space.
    """
    text = str(value)
    return unquote(unquote(text)) if coded else text.replace("+", " ")
