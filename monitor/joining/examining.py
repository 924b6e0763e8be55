"""Exchanges to rows: names made canonical, checked against contracts; API logs and spans both end
here.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor import telemetry
from monitor.contracts.carried import Carried
from monitor.contracts.check import check_payloads, nobody_known
from monitor.contracts.framing import SchemaKey, Writer, Writers, nobody
from monitor.contracts.grpc_frames import status_in_body
from monitor.contracts.payloads import Payload
from monitor.contracts.proving import DEEPEST
from monitor.contracts.registry import InForce, Registry
from monitor.contracts.shape import shape_of, shape_of_text
from monitor.contracts.verdicts import NO_CONTRACT
from monitor.edges.aliases import Aliases
from monitor.edges.limits import NameCap
from monitor.edges.messages import destination
from monitor.edges.outcomes import body_outcome, grpc_outcome, http_outcome
from monitor.joining.exchange_columns import NO_TRACE, ExchangeColumns
from monitor.joining.mocking import Meetings, Mocker
from monitor.joining.operations import named_by_route, operation_of
from monitor.joining.shaping import Shaper, Shapes
from monitor.joining.tables import VIOLATIONS, WORDS, table_of
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.exchanges import GRPC, MESSAGING, Checked, Exchange, Violation
from monitor.model.operations import capped, template_path
from monitor.model.records import Place, Records, Reject
from monitor.store import Store

_DESTINATION = "messaging.destination.name"
MAX_SERVICES = 5_000
MAX_OPERATIONS = 1_000
_MOST_CALLED = 50_000
_HANDFUL = 16
MOST_BYTES = 64_000  # of a request's body; a larger one has no shape

_INTERACTIONS = pa.schema(
    [
        *(
            ("source_id", WORDS),
            ("partition", pa.uint32()),
            ("offset", pa.uint64()),
            ("index", pa.uint32()),
            ("at", pa.uint32()),
        ),
        *(
            ("contract", WORDS),
            ("revision", pa.uint32()),
            ("interaction", WORDS),
            ("shown", WORDS),
        ),
        *(
            (name, WORDS)
            for name in ("environment", "caller", "caller_version", "callee", "callee_version")
        ),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """Rows of a batch by table, and what the bookkeeping needs.

    `record` and `end_ns` are per exchange, `per_record` counts exchanges per record; `windows` and
    `window_rows` are parallel: distinct windows (s since the epoch) and how many exchanges fall
    into each.
    """

    exchanges: pa.Table
    violations: pa.Table
    interactions: pa.Table
    shapes: Shapes
    mocks: Meetings
    record: NDArray[np.int32]
    end_ns: NDArray[np.uint64]
    windows: NDArray[np.uint32]
    window_rows: NDArray[np.int64]
    per_record: NDArray[np.int64]
    outcomes: Mapping[str, int]
    index: Mapping[Place, int]

    def keep(self, store: Store) -> None:
        """Write all rows; durable on return."""
        self.shapes.keep(store)
        self.mocks.keep(store)
        store.insert("interactions_shown", self.interactions)
        store.insert("violations", self.violations)
        store.insert("exchanges", self.exchanges)

    def rejected(self, rejects: Iterable[Reject]) -> NDArray[np.int64]:
        """Entries refused, per record."""
        counts = np.zeros(len(self.per_record), np.int64)
        for reject in rejects:
            counts[self.index[reject.place]] += reject.count
        return counts


@dataclass(frozen=True, slots=True)
class _Names:
    """Canonical names of one kind of exchange."""

    environment: str
    caller: str
    caller_version: str
    callee: str
    callee_version: str


class Examiner:
    """Checks exchanges and lays out their rows. Lives between batches: it remembers names, to
    bound a flood.
    """

    def __init__(
        self, aliases: Aliases, writers: Writers = nobody, *, words: frozenset[str] = frozenset()
    ) -> None:
        """`writers` tells the schemas that no published contract holds, by the keys that records
        name. `words`: pointers where words of payloads are stored in clear.
        """
        self._aliases = aliases
        self._writers = writers
        self._services, self._operations = NameCap(MAX_SERVICES), NameCap(MAX_OPERATIONS)
        self._names: dict[tuple[str, str, str, str, str], _Names] = {}
        self._called: dict[tuple[str, str, str], str] = {}
        self._shaper, self._mocker = Shaper(words), Mocker()
        self._template = lru_cache(maxsize=16_384)(template_path)

    def examine(
        self, exchanges: Iterable[Exchange], registry: Registry, records: Records
    ) -> Examined:
        """The rows of one batch, in the exchanges' order. The same batch and registry give the
        same rows.

        Takes a handful of exchanges at a time, and keeps none: their bodies need not all be there
        at once.
        """
        columns, shapes, mocks = ExchangeColumns(), self._shaper.batch(), self._mocker.batch()
        broken: list[tuple[Any, ...]] = []
        shown: list[tuple[Any, ...]] = []
        seen: Counter[str] = Counter()
        for exchange in _by_handfuls(exchanges):
            names = self._named(exchange)
            request, response, contracts = self._held_against(exchange, names, registry)
            checked = check_payloads(
                exchange,
                request,
                response,
                contracts,
                partial(self._operation, exchange, names.callee, request),
            )
            if checked.reason == NO_CONTRACT:
                checked = nobody_known(exchange, names.callee, checked)
            if checked.observations:
                seen.update(observation.code for observation in checked.observations)
                shown += [_shown_row(exchange, names, *noted) for noted in _observed(checked)]
            columns.add(
                exchange, names, checked, _outcome(exchange, response), _shape(exchange, request)
            )
            shapes.add(exchange, names, checked.operation, request, response)
            if registry.mocks is not None:
                mocks.add(exchange, names, checked.operation, (request, response), registry)
            for violation in checked.violations:
                broken.append(_violation_row(exchange, names, violation))  # noqa: PERF401 - reads better beside the row above
            for evidence in checked.evidence:
                shown.append(
                    _shown_row(
                        exchange,
                        names,
                        evidence.contract,
                        evidence.revision,
                        evidence.interaction,
                        evidence.shown,
                    )
                )
        for observation, count in seen.items():
            telemetry.OBSERVATIONS.labels(observation).inc(count)
        table, ends, windows = columns.table()
        touched, counts = np.unique(windows, return_counts=True)
        index = records.index()
        record = np.array([index[place] for place in columns.places()], np.int32)
        return Examined(
            table,
            table_of(broken, VIOLATIONS),
            table_of(shown, _INTERACTIONS),
            shapes,
            mocks,
            record,
            ends,
            touched.astype(np.uint32),
            counts.astype(np.int64),
            np.bincount(record, minlength=len(records)).astype(np.int64),
            columns.outcomes(),
            index,
        )

    def _held_against(
        self, exchange: Exchange, names: _Names, registry: Registry
    ) -> tuple[Payload, Payload, list[InForce]]:
        """Both sides of an exchange, and the contracts that bind them; of a message its
        producer's, and those of its topic.
        """
        response = Payload(
            exchange.response_body,
            exchange.response_headers,
            truncated=exchange.response_truncated,
        )
        if exchange.protocol == MESSAGING:
            producer = names.caller if exchange.caller else ""
            record = Carried(
                exchange.path,
                exchange.request_body,
                exchange.request_headers,
                truncated=exchange.request_truncated,
                writers=partial(self._writer, registry),
            )
            return (
                record,
                response,
                registry.find_messages(
                    exchange.path,
                    producer,
                    names.environment,
                    names.caller_version,
                    exchange.end_ns,
                ),
            )
        request = Payload(
            exchange.request_body, exchange.request_headers, truncated=exchange.request_truncated
        )
        contracts = registry.find(
            names.callee,
            names.environment,
            names.callee_version,
            names.caller,
            exchange.end_ns,
            exchange.callee_namespace,
        )
        return request, response, contracts

    def _writer(self, registry: Registry, key: SchemaKey) -> Writer | str:
        """A published schema beats others of its key."""
        return registry.writers.get(key) or self._writers(key)

    def _named(self, exchange: Exchange) -> _Names:
        key = (
            exchange.environment,
            exchange.caller,
            exchange.caller_version,
            exchange.callee,
            exchange.callee_version,
        )
        names = self._names.get(key)
        if names is None:
            if len(self._names) >= 50_000:
                self._names.clear()
            caller, callee = self._services.within(
                "",
                [self._aliases.service(exchange.caller), self._aliases.service(exchange.callee)],
            )
            names = self._names[key] = _Names(
                self._aliases.environment(exchange.environment),
                caller,
                self._aliases.version(caller, exchange.caller_version),
                callee,
                self._aliases.version(callee, exchange.callee_version),
            )
        return names

    def _operation(self, exchange: Exchange, callee: str, request: Payload) -> str:
        if exchange.protocol == MESSAGING:
            return self._operations.within(
                callee, [destination({_DESTINATION: exchange.path}, "")]
            )[0]
        route = exchange.route or self._template(exchange.path)
        if not named_by_route(exchange):
            return self._operations.within(callee, [operation_of(exchange, request, route)])[0]
        key = (callee, exchange.method, route)
        name = self._called.get(key)
        if name is None:
            if len(self._called) >= _MOST_CALLED:
                self._called.clear()
            asked = operation_of(exchange, request, route)
            name = self._called[key] = self._operations.within(callee, [asked])[0]
        return name


def _by_handfuls(exchanges: Iterable[Exchange]) -> Iterator[Exchange]:
    """Read some, then check them: in turns, one by one, each drives the other's code out of the
    processor's caches; and more than these few would drive out their own bodies. Either costs a
    tenth to a fifth more.
    """
    coming = iter(exchanges)
    while held := list(itertools.islice(coming, _HANDFUL)):
        yield from held


@lru_cache(maxsize=1024)
def _of_status(status: int) -> tuple[str, str]:
    return http_outcome(status, failed=status == 0)


def _outcome(exchange: Exchange, response: Payload) -> tuple[str, str]:
    """A record that stands in its topic was sent; of one that is only handed to a client it is not
    known. Else by the status; where that tells of no fault, by gRPC's status or by the errors in a
    GraphQL or JSON-RPC answer. An entry that tells of no status has no outcome ("") unless one of
    these does: it is judged as neither good nor bad.
    """
    if exchange.protocol == MESSAGING:
        return "ok" if exchange.status_told else "", ""
    outcome, error_type = _of_status(exchange.status) if exchange.status_told else ("", "")
    if outcome not in ("ok", ""):
        return outcome, error_type
    if "grpc-status" in exchange.response_headers:
        return grpc_outcome(exchange.response_headers["grpc-status"])
    if exchange.protocol == GRPC:
        return (
            grpc_outcome(status_in_body(exchange.response_body, response.media))
            if outcome
            else (outcome, error_type)
        )
    body = exchange.response_body
    if response.faultless:
        return outcome, error_type
    if body is not None and not response.undecoded:
        value = None if response.problem else response.value
        if isinstance(value, dict) and "jsonrpc" not in value and "errors" not in value:
            return outcome, error_type
    if body is None or not (
        _has(body, "jsonrpc") or (_has(body, "errors") and _is_graphql(exchange, response))
    ):
        return outcome, error_type
    return (outcome, error_type) if response.problem else body_outcome(response.value)


def _shape(exchange: Exchange, request: Payload) -> int:
    """The request's, where a trace tells which call it is; 0 where there is no body to read."""
    body = exchange.request_body
    if not (body and exchange.trace_id and exchange.span_id) or len(body) > MOST_BYTES:
        return 0
    is_json = request.undecoded or not request.problem
    if not is_json:
        return 0
    shape = shape_of_text(body) if request.limits.depth >= DEEPEST else 0
    if shape or request.problem:
        return shape
    return shape_of(request.value)  # packed, or of a form that the native walk leaves


def _has(body: bytes | str, name: str) -> bool:
    """Whether a body may have this member: asked before it is decoded, for most have not."""
    quoted = f'"{name}"'
    return quoted in body if isinstance(body, str) else quoted.encode() in body


def _is_graphql(exchange: Exchange, response: Payload) -> bool:
    return (
        response.media.startswith("application/graphql-response+json")
        or "graphql" in exchange.path.lower()
    )


def _violation_row(exchange: Exchange, names: _Names, violation: Violation) -> tuple[Any, ...]:
    return (
        *(
            exchange.end_ns // (WINDOW_SECONDS * 10**9) * WINDOW_SECONDS,
            exchange.source_id,
            exchange.partition,
            exchange.offset,
            exchange.index,
        ),
        *(
            violation.fingerprint,
            violation.contract,
            violation.revision,
            violation.operation,
            violation.side,
            violation.rule,
        ),
        *(violation.pointer, violation.clause, violation.expected, violation.actual),
        *(
            names.environment,
            names.caller,
            names.caller_version,
            names.callee,
            names.callee_version,
            exchange.callee_namespace,
        ),
        *(
            exchange.trace_id or NO_TRACE,
            int(bool(exchange.trace_id)),
            exchange.status,
            exchange.end_ns // 1_000_000,
        ),
    )


def _observed(checked: Checked) -> list[tuple[str, int, str, str]]:
    """Contract, revision, operation and code of what was observed, each once."""
    return sorted(
        {
            (
                observation.contract or checked.contract,
                observation.revision or checked.revision,
                capped(f"{checked.operation} {observation.subject}".rstrip()),
                observation.code,
            )
            for observation in checked.observations
        }
    )


def _shown_row(
    exchange: Exchange, names: _Names, contract: str, revision: int, interaction: str, shown: str
) -> tuple[Any, ...]:
    """What an exchange showed of an example; or of an operation, where something was observed:
    `shown` is its code then.
    """
    return (
        *(
            exchange.source_id,
            exchange.partition,
            exchange.offset,
            exchange.index,
            exchange.end_ns // 1_000_000_000,
        ),
        *(contract, revision, interaction, shown),
        *(
            names.environment,
            names.caller,
            names.caller_version,
            names.callee,
            names.callee_version,
        ),
    )
