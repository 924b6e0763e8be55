"""Our own plain form, read again and again: what entries have in common that name the same parties
is read once.
"""

from operator import itemgetter
from typing import Any, Literal, NamedTuple

from monitor.decode.api_logs import bodies, fields
from monitor.decode.api_logs.making import UNKNOWN, Place, query_text
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.decode.api_logs.proxies import TELLING
from monitor.model.exchanges import Exchange


class _Alike(NamedTuple):
    """What entries have in common that name the same parties, method and status."""

    method: str
    route: str
    status: int
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    callee_namespace: str
    environment: str
    side: Literal["client", "server"]
    request_truncated: bool
    response_truncated: bool
    redacted: bool
    headers_whole: bool | None  # None: its headers tell it
    status_told: bool
    caller_namespace: str


FEW = (
    *(
        "method",
        "route",
        "status",
        "caller",
        "caller_version",
        "callee",
        "callee_version",
        "callee_namespace",
        "environment",
        "caller_namespace",
    ),
    *("side", "request_truncated", "response_truncated", "redacted", "headers_whole"),
)
"""Fields with few values, so that most entries share all of them with one before."""
_SELDOM = TELLING | {"url", "protocol", "request_body_encoding", "response_body_encoding"}
_MOST_ALIKE = 4_096
_NO_IDS = frozenset({bytes(16), bytes(8)})
_FIRST_MS, _END_MS = 946_684_800_000, 100_000_000_000_000
_FUTURE_NS = 3_600_000_000_000
_LONGEST_MS = 30 * 86_400_000
_LONGEST_PATH = 2_048


class NdjsonReader:
    """As ndjson_exchange, for entries of these keys: what they have in common is read once.
    Remembers at most some thousand kinds.

    Every field that is not of the plainest kind is read by ndjson_exchange's own functions, so
    that both say the same.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        few = [name for name in FEW if name in keys]
        self._few = itemgetter(*few) if len(few) > 1 else None
        self._usual = (
            self._few is not None
            and _SELDOM.isdisjoint(keys)
            and {"path", "time", "method"} <= set(keys)
        )
        self._known: dict[tuple[Any, ...], _Alike] = {}

    @property
    def usual(self) -> bool:
        """Whether entries of these keys may be read by the short way."""
        return self._usual

    def alike(self, entry: dict[str, Any]) -> tuple[Any, ...] | None:
        """What entries share that name the same parties; None for what is of no plain kind, or
        refused.
        """
        try:
            return self._alike(entry)
        except fields.Refused:
            return None

    def __call__(self, entry: dict[str, Any], place: Place, index: int) -> Exchange:
        """One entry. Raises Refused."""
        try:
            exchange = self._quick(entry, place, index) if self._usual else None
        except fields.Refused:
            exchange = None  # of several faults the first is told
        return exchange or ndjson_exchange(entry, place, index)

    def _quick(self, entry: dict[str, Any], place: Place, index: int) -> Exchange | None:
        path = entry["path"]
        if type(path) is not str or path[:1] != "/" or "?" in path or "#" in path or "://" in path:
            return None
        alike = self._alike(entry)
        if alike is None:
            return None
        get = entry.get
        moment, duration, query, query_known = (
            entry["time"],
            get("duration_ms"),
            get("query"),
            False,
        )
        end_ns = moment * 1_000_000 if type(moment) is int and _FIRST_MS <= moment < _END_MS else 0
        if not 0 < end_ns <= place.record_ms * 1_000_000 + _FUTURE_NS:
            end_ns = fields.time_ns(moment, place.record_ms)
        if type(duration) is float and 0 <= duration <= _LONGEST_MS:
            duration = round(duration * 1e6)
        else:
            duration = fields.duration_ns(duration, 1e6)
        if query is None:
            query = ""
        else:
            query, query_known = query_text(query) if query else query, True
        asked, answered = get("request_headers"), get("response_headers")
        request_headers = fields.headers_of(asked) if asked else {}
        response_headers = fields.headers_of(answered) if answered else {}
        whole = alike.headers_whole
        if whole is None:
            whole = fields.whole_of(None, request_headers, response_headers)
        trace, span = _ids(get("trace_id"), get("span_id"))
        if not trace and request_headers:
            trace, span = fields.traceparent(request_headers)
        request_body, response_body = get("request_body"), get("response_body")
        # by position: names would take as long again for 31 fields, and most records of most
        # topics come here
        return Exchange(
            place.source_id,
            place.partition,
            place.offset,
            index,
            end_ns,
            duration,
            alike.method,
            path[:_LONGEST_PATH],
            alike.route,
            query,
            alike.status,
            alike.caller,
            alike.caller_version,
            alike.callee or fields.name_of(request_headers.get("host", "")) or UNKNOWN,
            alike.callee_version,
            alike.callee_namespace,
            alike.environment,
            trace,
            span,
            alike.side,
            fields.protocol_of(request_headers),
            request_headers,
            response_headers,
            request_body if type(request_body) is str else bodies.body_of(request_body),
            response_body if type(response_body) is str else bodies.body_of(response_body),
            alike.request_truncated,
            alike.response_truncated,
            query_known,
            alike.redacted,
            whole,
            alike.status_told,
            False,  # what tells of a proxy is not read here
            alike.caller_namespace,
        )

    def _alike(self, entry: dict[str, Any]) -> _Alike | None:
        """None for what is of no plain kind. Raises Refused."""
        assert self._few is not None
        few = self._few(entry)
        kinds = tuple(map(type, few))  # 1, 1.0 and true are equal, and do not mean the same
        if not _PLAIN_KINDS.issuperset(kinds):
            return None
        alike = self._known.get((few, kinds))
        if alike is None:
            if len(self._known) >= _MOST_ALIKE:
                self._known.clear()
            alike = self._known[few, kinds] = _alike(entry)
        return alike


_PLAIN_KINDS = frozenset({str, int, bool, type(None)})


def _alike(entry: dict[str, Any]) -> _Alike:
    get, name = entry.get, fields.name_of
    status = get("status")
    return _Alike(
        fields.method_of(get("method")),
        name(get("route")),
        fields.status_of(status),
        fields.caller_of(get("caller")) or UNKNOWN,
        name(get("caller_version")),
        name(get("callee")),
        name(get("callee_version")),
        name(get("callee_namespace")),
        name(get("environment")),
        "client" if get("side") == "client" else "server",
        get("request_truncated") is True,
        get("response_truncated") is True,
        get("redacted") is True,
        whole if isinstance(whole := get("headers_whole"), bool) else None,
        fields.is_told(status),
        name(get("caller_namespace")),
    )


def _ids(trace: object, span: object) -> tuple[bytes, bytes]:
    """Both at once where both are whole, as nearly always."""
    if type(trace) is str and type(span) is str and len(trace) == 32 and len(span) == 16:
        text = trace + span
        if text.isalnum() and text.isascii():
            try:
                raw = bytes.fromhex(text)
            except ValueError:
                pass
            else:
                whole = raw[:16], raw[16:]
                if _NO_IDS.isdisjoint(whole):
                    return whole
    return fields.id_of(trace, 16), fields.id_of(span, 8)
