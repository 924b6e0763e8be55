"""Questions to the telemetry store, answered in our words and from published generations only."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from monitor.errors import StoreError
from monitor.model.alike import Alike
from monitor.model.cells import CellColumns
from monitor.model.edges import WINDOW_SECONDS, Edge, EdgeCell, EdgeQuery, EdgeRow, Kept, Sighting
from monitor.model.moments import in_utc
from monitor.store.by_column import columns_of
from monitor.store.client import Store
from monitor.store.long_ranges import LongRanges
from monitor.store.read_rows import cell_of, edge_of, edge_row, failures_of, rows_in_utc, step_of

_END = 4_102_444_800  # the year 2100: later than any window
_GROUPS = ("environment", "caller", "callee", "protocol", "operation", "versions")
KINDS = ("server_error", "provider_error", "client_error", "timeout")


@dataclass(frozen=True, slots=True)
class Provider:
    """Whose exchanges are asked for: a service under any of these names, and only of what is named;
    "" is any. Of shapes: `sent`, those of the messages that it sends; `topics`, those that stand in
    these, whoever sent them.
    """

    names: Sequence[str]
    namespace: str = ""
    environment: str = ""
    consumer: str = ""
    version: str = ""
    sent: bool = False
    topics: Sequence[str] = ()

    def parameters(self, since: datetime, until: datetime) -> dict[str, object]:
        """Those of the questions about one provider."""
        return {
            "callees": list(self.names),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "namespace": self.namespace,
            "environment": self.environment,
            "consumer": self.consumer,
            "version": self.version,
            "sent": int(self.sent),
            "topics": list(self.topics),
        }


@dataclass(frozen=True, slots=True)
class MeantQuery:
    """Whose payloads are asked for: what a service sent, of these versions of it (none: of all), by
    the version of whom it sent them to where that is asked. Environment None: all.
    """

    service: str
    namespace: str
    environment: str | None
    versions: Sequence[str]
    by_partner: bool = False

    @property
    def names(self) -> list[str]:
        """What payloads may call the service: some records tell a caller's namespace in its name."""
        longer = [f"{self.service}.{self.namespace}"] if self.namespace else []
        return [self.service, *longer]


class Reader:
    """Reads take the newest published sequence first, so that one answer never mixes two
    publishings.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._long = LongRanges(store)

    @property
    def store(self) -> Store:
        """Where it reads."""
        return self._store

    def newest_sequence(self) -> int:
        """The sequence of the newest publishing; 0 when nothing was published yet."""
        return int(self._store.query("newest_seq")[0]["seq"])

    def edges(self, query: EdgeQuery, sequence: int | None = None) -> list[EdgeRow]:
        """Edges over a time range, grouped as asked; as of `sequence`, default the newest."""
        since, until = _seconds(query.since, 0), _seconds(query.until, _END)
        parameters: dict[str, object] = {
            "seq": self.newest_sequence() if sequence is None else sequence,
            "since": since,
            "until": until,
            "sealed_only": int(query.sealed_only),
            "environment": query.environment or "",
            "caller": query.caller or "",
            "callee": query.callee or "",
            "operation": query.operation or "",
        }
        parameters |= {f"by_{group}": int(group in query.by) for group in _GROUPS}
        return [edge_row(row, query.by) for row in self._long.edges(parameters)]

    def cells(
        self,
        environment: str,
        service: str | Sequence[str],
        since: datetime,
        until: datetime,
        *,
        sealed_only: bool = True,
        sequence: int | None = None,
    ) -> list[EdgeCell]:
        """One row per window, edge and version pair that the service takes part in, or one of
        several ("" for any), oldest first.
        """
        services = [service] if isinstance(service, str) else list(service)
        parameters = {
            "seq": self.newest_sequence() if sequence is None else sequence,
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "sealed_only": int(sealed_only),
            "environment": environment,
            "services": [] if "" in services else services,
        }
        return [cell_of(row) for row in self._store.query("cells", parameters)]

    def sealed_cells(
        self,
        environment: str,
        services: Sequence[str],
        since: datetime,
        until: datetime,
        sequence: int | None = None,
    ) -> CellColumns:
        """As `cells`, of sealed windows, by column: a fifteenth of the cost. No services are all."""
        parameters = {
            "seq": self.newest_sequence() if sequence is None else sequence,
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
            "services": list(services),
        }
        columns = columns_of(self._store.ask_columns("sealed_cells", parameters))
        if columns is not None:
            return columns
        grouped = columns_of(self._store.ask_columns("cells", {**parameters, "sealed_only": 1}))
        if grouped is None:
            raise StoreError("statement cells gave two rows of one cell")
        return grouped

    def sealed_since(self, after: int, sequence: int, since: datetime) -> list[int]:
        """Sealed windows published after one sequence and up to another (s since the epoch), in
        order: new ones, and those that late rows changed.
        """
        parameters = {"after": after, "seq": sequence, "since": _seconds(since, 0)}
        return [int(row["at"]) for row in self._store.query("sealed_since", parameters)]

    def sightings(
        self,
        since: datetime,
        until: datetime,
        environment: str | None = None,
        service: str | None = None,
    ) -> list[Sighting]:
        """Versions and instances seen alive, per window, oldest first."""
        parameters = {
            "seq": self.newest_sequence(),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment or "",
            "service": service or "",
        }
        return [
            Sighting(
                in_utc(row["window"]),
                row["environment"],
                row["namespace"],
                row["service"],
                row["version"],
                row["instance"],
                int(row["spans"]),
                int(row["server_calls"]),
                int(row["failed"]),
            )
            for row in self._store.query("sightings", parameters)
        ]

    def alike(
        self,
        environment: str,
        service: str,
        side: Literal["caller", "callee"],
        since: datetime,
        until: datetime,
        one_in: int = 1,
    ) -> list[Alike]:
        """Calls that the service makes or answers in these windows, counted by all that tells one
        from another.

        Of the traces one in `one_in` is read. From half edges, so only as far back as these are
        kept. Asynchronous calls are left out.
        """
        parameters = {
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
            "service": service,
            "side": 1 if side == "caller" else 2,
            "of": max(1, one_in),
        }
        rows = self._store.query("alike", parameters)
        builds = self._builds(environment, service) if rows else {}
        return [
            Alike(
                edge_of(row),
                row["caller_version"],
                row["callee_version"],
                row["instance"],
                row["zone"],
                int(row["fold"]),
                int(row["count"]),
                {kind: int(row[kind]) for kind in KINDS if row[kind]},
                dict(row["client_histogram"]),
                dict(row["server_histogram"]),
                failures_of(row["failures"]),
                row["payload_shape"],
                builds.get((row[f"{side}_version"], row["instance"]), {}),
            )
            for row in rows
        ]

    def _builds(self, environment: str, service: str) -> dict[tuple[str, str], dict[str, str]]:
        """What a service's instances say of their builds, by version and instance."""
        builds: dict[tuple[str, str], dict[str, str]] = {}
        parameters = {"environment": environment, "service": service}
        for row in self._store.query("builds_of", parameters):
            build = builds.setdefault((row["version"], row["instance"]), {})
            build[row["attribute"]] = row["value"]
        return builds

    def last_sealed(self) -> datetime | None:
        """The start of the newest sealed window."""
        seconds = int(self._store.query("last_sealed")[0]["sealed"])
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    def windows_health(self) -> dict[str, Any]:
        """Newest window published and sealed (s since the epoch), counts of windows, rows that
        came late, newest sequence.
        """
        return dict(self._store.query("last_windows")[0])

    def watermarks(self) -> list[dict[str, Any]]:
        """How far each partition has come in event time (ms since the epoch)."""
        return self._store.query("watermark_states")

    def violations(
        self,
        since: datetime,
        until: datetime,
        environment: str = "",
        service: str = "",
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """Violations grouped by fingerprint and version pair, most frequent first."""
        parameters = {
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
            "service": service,
            "limit": limit,
        }
        return self._store.query("violation_groups", parameters)

    def broken_exchanges(
        self,
        since: datetime,
        until: datetime,
        environment: str = "",
        caller: str = "",
        callee: str = "",
        contract: str = "",
    ) -> tuple[int, int]:
        """How many exchanges broke any clause, each once, and how many of them came after their
        window was last closed.
        """
        parameters = {
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
            "caller": caller,
            "callee": callee,
            "contract": contract,
        }
        (row,) = self._store.query("broken_exchanges", parameters)
        return int(row["exchanges"]), int(row["not_closed"])

    def interactions(
        self, contract: str, since: datetime, until: datetime, environment: str = ""
    ) -> list[dict[str, Any]]:
        """What live exchanges showed of a contract's examples, by example and version pair, whole
        hours of `since`.
        """
        parameters = {
            "contract": contract,
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
        }
        return self._store.query("interactions_shown", parameters)

    def exchanges_shown(
        self,
        contract: str,
        interactions: Sequence[str],
        since: datetime,
        until: datetime,
        environment: str = "",
    ) -> list[dict[str, Any]]:
        """How many live exchanges showed any of these examples, by caller; each counts once."""
        parameters = {
            "contract": contract,
            "interactions": list(interactions),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
        }
        return self._store.query("exchanges_shown", parameters)

    def session_exchanges(self, since_ns: int) -> list[dict[str, Any]]:
        """What checking said of the exchanges that ended since then, alike ones counted."""
        parameters = {"since": _window_of(since_ns), "since_ns": since_ns}
        return self._store.query("session_exchanges", parameters)

    def session_violations(self, since_ns: int) -> list[dict[str, Any]]:
        """Clauses that exchanges broke since then, by whom."""
        parameters = {"since": _window_of(since_ns), "since_ms": since_ns // 1_000_000}
        return self._store.query("session_violations", parameters)

    def session_rejects(self, begins: Mapping[str, int]) -> dict[str, int]:
        """How many entries of a test run were refused, by reason, from these offsets on, by source:
        those of its spans and of its API logs.
        """
        (spans, spans_from), (logs, logs_from) = begins.items()
        rows = self._store.query(
            "session_rejects",
            {"spans": spans, "spans_from": spans_from, "logs": logs, "logs_from": logs_from},
        )
        return {row["reason"]: int(row["count"]) for row in rows}

    def mocks_met(
        self,
        contract: str,
        revision: int,
        since: datetime,
        until: datetime,
        environment: str = "",
    ) -> list[dict[str, Any]]:
        """What live exchanges showed of the stubs of one mock while that revision was in force,
        whole hours of `since`. `word` is call (with the bucket of its time), shape (with its
        skeleton's text) or broken.
        """
        parameters = {
            "contract": contract,
            "revision": revision,
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
        }
        return rows_in_utc(self._store.query("mocks_met_of", parameters))

    def observations(
        self, since: datetime, until: datetime, environment: str = "", limit: int = 10_000
    ) -> list[dict[str, Any]]:
        """What was seen of exchanges and is held against nobody, by operation and version pair;
        whole hours of `since`.
        """
        parameters = {
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
            "limit": limit,
        }
        return rows_in_utc(self._store.query("observations", parameters))

    def operations_called(
        self, callees: Sequence[str], since: datetime, until: datetime, environment: str = ""
    ) -> list[dict[str, Any]]:
        """What was called of some callees, by operation and version pair: calls, and of these
        checked exchanges kept and broken.
        """
        parameters = {
            "seq": self.newest_sequence(),
            "sealed_only": 0,
            "callees": list(callees),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
        }
        return rows_in_utc(self._store.query("operations_called", parameters))

    def operations_broken(
        self, contract: str, callees: Sequence[str], since: datetime, until: datetime
    ) -> dict[str, bool]:
        """The operations of some callees of which exchanges broke a contract, as long as
        violations are kept, and whether it was this one.
        """
        parameters = {
            "contract": contract,
            "callees": list(callees),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
        }
        rows = self._store.query("operations_broken", parameters)
        return {str(row["operation"]): bool(row["own"]) for row in rows}

    def tails(
        self, callees: Sequence[str], since: datetime, until: datetime, environment: str = ""
    ) -> list[dict[str, Any]]:
        """Histograms of how long the calls of a callee took in sealed windows, by edge and
        callee's version.
        """
        parameters = {
            "seq": self.newest_sequence(),
            "callees": list(callees),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "environment": environment,
        }
        return self._store.query("edge_tails", parameters)

    def recorded(
        self, provider: Provider, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """Recorded exchanges of a provider, alike ones counted, with what checking said of them."""
        return self._store.query("recorded_exchanges", provider.parameters(since, until))

    def shapes(self, provider: Provider, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Skeletons of a provider's payloads, by kind of exchange and by whom; whole hours of
        `since`. Shape 0: it could not be seen.
        """
        return rows_in_utc(self._store.query("shapes_seen_of", provider.parameters(since, until)))

    def shape_marks(
        self, provider: Provider, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """Marks of what stood in these payloads: counts by pointer, a unit separator, and mark."""
        return self._store.query("shape_marks_of", provider.parameters(since, until))

    def outside_callees(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Hosts that tell no version, by environment: when their answers were seen first and
        last.
        """
        parameters = {"since": _seconds(since, 0), "until": _seconds(until, _END)}
        return rows_in_utc(self._store.query("outside_callees", parameters))

    def shape_marks_by_hour(
        self, provider: Provider, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """The same by caller, provider's version and hour, whatever the caller's version."""
        return rows_in_utc(
            self._store.query("shape_marks_by_hour", provider.parameters(since, until))
        )

    def meant(
        self, asked: MeantQuery, since: datetime, until: datetime, *, by_hour: bool
    ) -> list[dict[str, Any]]:
        """Marks of what a service sent, by kind of exchange, partner and version, and by hour or
        the whole time together.
        """
        parameters = {
            "names": asked.names,
            "namespace": asked.namespace,
            "environment": asked.environment or "",
            "everywhere": int(asked.environment is None),
            "versions": list(asked.versions),
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
            "by_hour": int(by_hour),
            "by_partner": int(asked.by_partner),
        }
        return rows_in_utc(self._store.query("meant_marks", parameters))

    def marked_since(self, since: datetime) -> list[dict[str, Any]]:
        """Of which callers and callees payloads were marked since, by the store's clock."""
        if self._store.holds_nothing("shape_marks"):
            return []
        return rows_in_utc(self._store.query("marked_since", {"since": _seconds(since, 0)}))

    def evidence(
        self,
        edge: Edge,
        caller_version: str,
        callee_version: str,
        since: datetime,
        until: datetime,
    ) -> list[Kept]:
        """Calls of an edge and version pair that were kept with what their traces looked like, the
        bad ones first.
        """
        parameters = {
            "environment": edge.environment,
            "caller": edge.caller,
            "callee": edge.callee,
            "operation": edge.operation,
            "caller_version": caller_version,
            "callee_version": callee_version,
            "since": _seconds(since, 0),
            "until": _seconds(until, _END),
        }
        return [
            Kept(
                in_utc(row["hour"]),
                row["outcome"] == "bad",
                row["trace"].hex(),
                row["error_type"],
                int(row["duration_ns"]) / 1e9,
                tuple(step_of(step) for step in json.loads(row["skeleton"])),
            )
            for row in self._store.query("evidence_of", parameters)
        ]

    def rejects(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """What was refused, by topic and reason."""
        return self._store.query(
            "reject_groups", {"since": _seconds(since, 0), "until": _seconds(until, _END)}
        )

    def verdicts(self, sources: Sequence[str]) -> list[dict[str, Any]]:
        """What checking said of these sources' exchanges: rows of checked, reason, exchanges,
        first_ns, last_ns.
        """
        return self._store.query("exchange_verdicts", {"sources": list(sources)})

    def ledger(self) -> list[dict[str, Any]]:
        """What became of every record, by source and partition."""
        return self._store.query("ledger_totals")


def _window_of(at_ns: int) -> int:
    return at_ns // (WINDOW_SECONDS * 10**9) * WINDOW_SECONDS


def _seconds(moment: datetime | None, default: int) -> int:
    return default if moment is None else max(0, min(_END, int(moment.timestamp())))
