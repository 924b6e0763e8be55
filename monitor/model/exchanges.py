"""Exchanges (one request and response, or a message) as API logs show them, and what checking them
said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Body = bytes | str | None

MESSAGING = "messaging"
BODILESS = frozenset({204, 205, 304})
"""Statuses of answers that have no body."""
CLIENT_LEFT = 499  # what proxies log where the caller hung up before the answer
"""The protocol of a record in a topic: its path is the topic, its request the record, and nobody
answers.
"""

GRPC = "grpc"
"""The protocol of a call whose content type is gRPC's: its path is the service and the method."""

REDACTED = "[redacted]"
"""Stands for the value of a header that was there but is never kept (authorization, cookies,
keys).
"""

REDACTED_KINDS: Mapping[str, frozenset[str]] = {
    "[redacted integer]": frozenset({"integer", "number", "string", "array"}),
    "[redacted number]": frozenset({"number", "string", "array"}),
    "[redacted boolean]": frozenset({"boolean", "string", "array"}),
    "[redacted text]": frozenset({"string", "array", "object"}),
}
"""What stands for a cookie's value, which is never kept either, and the JSON types that the text
could have been read as.
"""


# not frozen: freezing 34 fields costs as much as judging a body's schema; nobody changes one
@dataclass(slots=True)
class Exchange:
    """One exchange from a log record or a span. Times in ns since the epoch; status 0 when there
    was no answer or none is told.

    (source_id, partition, offset, index) is its natural key. Bodies as they came (text or JSON
    bytes), None when the source has none; `*_truncated` when the source says it cut them. Header
    names are lower case. `side` tells which side wrote it ("server" wins where both logged one
    call). Empty text where unknown.
    """

    source_id: str
    partition: int
    offset: int
    index: int
    end_ns: int
    duration_ns: int | None
    method: str
    path: str
    route: str
    query: str
    status: int
    caller: str
    caller_version: str
    callee: str
    callee_version: str
    callee_namespace: str
    environment: str
    trace_id: bytes  # 16 bytes, or b"" when the record has none
    span_id: bytes  # 8 bytes, or b""
    side: Literal["client", "server"] = "server"
    protocol: str = "http"
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: Body = None
    response_body: Body = None
    request_truncated: bool = False
    response_truncated: bool = False
    query_known: bool = False  # the source tells the query, so that an empty one means none
    # values were masked before they came: only presence and types can be checked
    redacted: bool = False
    # the headers that are told are all there were; else an absent one may have been there
    headers_whole: bool = True
    # the source tells a status, or that none came; else how the exchange ended is not known
    status_told: bool = True
    # a proxy made the answer itself: the callee never saw the request, or its answer was lost
    proxy_answer: bool = False
    caller_namespace: str = ""
    # its client came without TLS, by what that client or who stood before it tells
    plaintext: bool = False


CheckOutcome = Literal["valid", "violated", "not_checked"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A clause that a live exchange breaks. Rule and pointers name places, never values.

    `side` is request or response; `pointer` is a JSON pointer into the payload with array indices
    as `*`; `clause` a JSON pointer into the contract; `expected` and `actual` are types or names,
    value-free.
    """

    contract: str
    revision: int
    operation: str
    side: str
    rule: str
    pointer: str
    clause: str
    expected: str
    actual: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What checking left open (its code a reason), or saw and holds against nobody. `clause`
    points into the contract.

    `subject` names what was seen, where that is a part of an operation: a field of GraphQL.
    `contract` and `revision` tell whose clause it is, where several contracts were asked.
    """

    code: str
    side: str
    clause: str
    subject: str = ""
    contract: str = ""
    revision: int = 0


Shown = Literal["kept", "broken", "open"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One example of a contract that a live exchange showed: kept, broken, or seen without being
    judged ("open").
    """

    contract: str
    revision: int
    interaction: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking one exchange said. `reason` is set when not checked. `operation` is "METHOD
    /route".

    `unchecked` names every clause that was left open, also beside violations; `observations`
    change no outcome. `evidence` names the examples that it showed, of contracts that consist of
    examples.
    """

    outcome: CheckOutcome
    reason: str
    operation: str
    contract: str
    revision: int
    violations: Sequence[Violation] = ()
    unchecked: Sequence[Remark] = ()
    observations: Sequence[Remark] = ()
    evidence: Sequence[Evidence] = ()
