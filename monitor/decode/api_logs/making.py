"""Parsed log entries to exchanges: one function that every format ends in."""

from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from monitor.decode.api_logs import fields
from monitor.model.exchanges import Body, Exchange
from monitor.model.records import Place as Record
from monitor.model.records import Records

UNKNOWN = "unknown"
_NOTHING: Mapping[str, str] = {}


class Place(NamedTuple):
    """Where an entry stands: a record and the entry's index in it; `record_ms` bounds the entry's
    times.

    `told_ns` is the time that a shipper's wrapper tells of it, 0 for none.
    """

    source_id: str
    partition: int
    offset: int
    record_ms: int
    told_ns: int = 0

    @property
    def record(self) -> Record:
        """Of the record alone."""
        return self.source_id, self.partition, self.offset


def place_of(records: Records, index: int) -> Place:
    """The place of record `index`."""
    partition = records.partitions[index]
    return Place(
        partition.source_id,
        partition.partition,
        records.offsets[index],
        records.timestamps_ms[index],
    )


def make(
    place: Place,
    index: int,
    *,
    end_ns: int,
    duration_ns: int | None,
    method: object,
    target: object,
    status: object,
    query: object = None,
    route: object = None,
    caller: object = None,
    caller_version: object = None,
    callee: object = None,
    callee_version: object = None,
    callee_namespace: object = None,
    environment: object = None,
    trace: bytes = b"",
    span: bytes = b"",
    side: Literal["client", "server"] = "server",
    request_headers: Mapping[str, str] = _NOTHING,
    response_headers: Mapping[str, str] = _NOTHING,
    request_body: Body = None,
    response_body: Body = None,
    request_truncated: bool = False,
    response_truncated: bool = False,
    query_known: bool = False,
    redacted: bool = False,
    headers_whole: bool = True,
    unanswered: bool = False,
    proxy_answer: bool = False,
    caller_namespace: object = None,
    plaintext: bool = False,
) -> Exchange:
    """An exchange from a log's fields. Raises Refused for a missing or impossible one. Missing
    services are "unknown".

    A missing status is not told, unless the exchange is known to be `unanswered`; a status of 0
    says that no answer came.
    """
    if not isinstance(target, str) or not target:
        raise fields.Refused("no_path")
    host, path, url_query, has_query = fields.split_url(target)
    if not path.startswith("/"):
        path = "/" + path
    text = query_text(query) if query and isinstance(query, str | dict) else url_query
    if not trace and request_headers:
        trace, span = fields.traceparent(request_headers)
    return Exchange(
        source_id=place.source_id,
        partition=place.partition,
        offset=place.offset,
        index=index,
        end_ns=end_ns,
        duration_ns=duration_ns,
        method=fields.method_of(method),
        path=path,
        route=fields.name_of(route) if route is not None else "",
        query=text,
        status=fields.status_of(status),
        caller=fields.name_of(caller) or UNKNOWN,
        caller_version=fields.name_of(caller_version) if caller_version is not None else "",
        callee=fields.name_of(callee)
        or fields.name_of(host or request_headers.get("host", ""))
        or UNKNOWN,
        callee_version=fields.name_of(callee_version) if callee_version is not None else "",
        callee_namespace=fields.name_of(callee_namespace) if callee_namespace is not None else "",
        environment=fields.name_of(environment) if environment is not None else "",
        trace_id=trace,
        span_id=span,
        side=side,
        protocol=fields.protocol_of(request_headers),
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=request_body,
        response_body=response_body,
        request_truncated=request_truncated,
        response_truncated=response_truncated,
        query_known=query_known or has_query or query is not None,
        redacted=redacted,
        headers_whole=headers_whole,
        status_told=unanswered or fields.is_told(status),
        proxy_answer=proxy_answer,
        caller_namespace=fields.name_of(caller_namespace) if caller_namespace is not None else "",
        plaintext=plaintext,
    )


def query_text(query: object) -> str:
    """A query as text, one that was parsed as text again; "" for what is none."""
    if isinstance(query, str):
        return query.lstrip("?")
    if not isinstance(query, dict):
        return ""
    pairs = [
        (name, entry)
        for name, value in query.items()
        for entry in (value if isinstance(value, list) else [value])
    ]
    return urlencode(
        [
            (
                name,
                ""
                if value is None
                else str(value).lower()
                if isinstance(value, bool)
                else str(value),
            )
            for name, value in pairs
        ]
    )
