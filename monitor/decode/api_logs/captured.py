"""A record of a topic as the capture kit tells it: {time, protocol, topic, side, caller or callee,
request_headers, request_body, …}.

`time` is the record's own. `side` "producer" is who sends it: whether it arrived is not known
then. `side` "consumer" is who takes it: it stood in its topic. Whom the record does not name is
named by its span, where one comes.
"""

from collections.abc import Mapping
from typing import Any

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.making import Place
from monitor.decode.topic_records import KAFKA
from monitor.model.exchanges import MESSAGING, Exchange


def is_captured_message(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is such a record."""
    return entry.get("protocol") == MESSAGING and "topic" in entry


def captured_message(entry: dict[str, Any], place: Place, index: int) -> Exchange:
    """One entry. Raises Refused."""
    get, name = entry.get, fields.name_of
    topic = get("topic")
    if not isinstance(topic, str) or not topic:
        raise fields.Refused("no_topic")
    raw = get("request_headers")
    headers = fields.headers_of(raw) if raw else {}
    media = headers.get("content-type") or headers.get("contenttype")
    if media:
        headers = {**headers, "content-type": media.strip('"')}
    trace, span = fields.traceparent(headers)
    return Exchange(
        source_id=place.source_id,
        partition=place.partition,
        offset=place.offset,
        index=index,
        end_ns=fields.time_ns(get("time"), place.record_ms),
        duration_ns=None,
        method="",
        path=topic,
        route="",
        query="",
        status=0,
        caller=name(get("caller")),
        caller_version=name(get("caller_version")),
        callee=name(get("callee")) or KAFKA,
        callee_version=name(get("callee_version")),
        callee_namespace=name(get("callee_namespace")),
        environment=name(get("environment")),
        trace_id=trace,
        span_id=span,
        side="client",
        protocol=MESSAGING,
        request_headers=headers,
        request_body=bodies.plain_body(get("request_body"), get("request_body_encoding")),
        request_truncated=get("request_truncated") is True,
        redacted=get("redacted") is True,
        headers_whole=get("headers_whole") is not False,
        status_told=get("side") == "consumer",
        caller_namespace=name(get("caller_namespace")),
    )
