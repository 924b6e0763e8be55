"""A Seamwatch of its own for one test run: its stores lie in a folder that goes with it, and what is
published here is in force here only.
"""

import tempfile
import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from monitor.cli.assembly import House, house
from monitor.cli.closing import close_everything
from monitor.cli.session_intake import Intake
from monitor.cli.up import serving
from monitor.cli.working import Part, ended_in_time, keep_going
from monitor.clock import monotonic_seconds
from monitor.config import Settings
from monitor.contracts.read import completed, read_draft
from monitor.control import contracts as registry
from monitor.errors import MonitorError, UsageError
from monitor.joining.sessions import session_verdict
from monitor.model.contracts import ContractDraft
from monitor.model.sessions import SessionVerdict
from monitor.streams.listed import ListLog, ListSource
from monitor.streams.runner import run

SETTLE_SECONDS, PATIENCE_SECONDS, READ_SECONDS = 1.0, 10.0, 30.0
REFRESH_SECONDS = 0.2
GROUP = "session"
_LISTENS = ("127.0.0.1", 0)
_MOST_MARKS = 10_000
_REFUSED = "refused:"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment from which a test counts: what had come before it."""

    now_ns: int
    begins: Mapping[str, int]
    taken: Mapping[str, int]


class Host:
    """One run. Its parts work in threads until `hosted` ends; safe between threads. `required`: the
    contracts that the run as a whole is about.
    """

    def __init__(self, parts: House, intake: Intake, page: str) -> None:
        self._parts, self._intake, self.page = parts, intake, page
        self._lock = threading.Lock()  # one verdict at a time: each closes windows
        self._marks: deque[_Mark] = deque(maxlen=_MOST_MARKS)
        self.required: Collection[str] = ()
        self.since_ns = self.begin()
        self._first = self._marks[0]  # kept, however many come

    @property
    def address(self) -> str:
        """Where to send to."""
        return self._intake.address

    def now_ns(self) -> int:
        """The moment from which on a verdict counts."""
        return int(self._parts.clock().timestamp() * 1e9)

    def begin(self) -> int:
        """A moment from which on a verdict counts, as `now_ns`; what comes later is told apart."""
        mark = _Mark(self.now_ns(), self._ends(), dict(self.taken))
        self._marks.append(mark)
        return mark.now_ns

    def environment(self) -> dict[str, str]:
        """Variables for the services under test: OpenTelemetry's own, and those of
        `seamwatch.capture`. The narrower ones are told, too, so that nothing of a test goes where
        somebody's shell points.
        """
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.address,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.address}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{self.address}/v1/logs",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{self.address}/v1/metrics",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": "",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "SEAMWATCH_CAPTURE_KAFKA_BROKERS": "",
            "SEAMWATCH_CAPTURE_SHARE": "1",
            "SEAMWATCH_CAPTURE_CPU_SHARE": "1",
            "SEAMWATCH_SESSION": self.address,
            "SEAMWATCH_API_LOGS_URL": f"{self.address}/v1/api-logs",
            "SEAMWATCH_URL": self.page,
        }

    def publish(self, body: Mapping[str, Any]) -> tuple[str, int]:
        """Put a contract in force here; its name, and the revision that was in force before, 0
        for none. ContractError, UsageError.
        """
        members = {"document", "name", "format", "provider", "consumer", "role"}
        if body.keys() - members or not body.get("document"):
            raise UsageError(f"a contract is told by {', '.join(sorted(members))}")
        draft = ContractDraft(
            str(body.get("name", "")),
            str(body.get("format", "")),
            str(body.get("provider", "")),
            str(body["document"]),
            consumer=body.get("consumer"),
            role=body.get("role"),
        )
        draft = completed(draft)
        before = registry.revision(self._parts.engine, draft.name)
        done = registry.publish(
            self._parts.engine,
            draft,
            self._parts.clock(),
            read=read_draft,
            published_by="session",
        )
        threading.Event().wait(REFRESH_SECONDS)  # the next exchange is held against it
        return done.revision.name, 0 if before is None or not before.binds else before.number

    def restore(self, name: str, number: int) -> None:
        """Put a revision that was in force before in force again; 0: the contract binds nobody any
        more. What was exchanged until now is held against what was in force then.
        """
        engine, now = self._parts.engine, self._parts.clock()
        held = registry.revision(engine, name, number) if number else None
        if held is None:
            registry.withdraw(engine, name, now, by="session")
        else:
            draft = ContractDraft(
                held.name,
                held.format,
                held.provider,
                held.document,
                consumer=held.consumer,
                role=held.role,
            )
            registry.publish(engine, draft, now, read=read_draft, published_by="session")
        threading.Event().wait(REFRESH_SECONDS)

    def verdict(
        self,
        since_ns: int | None = None,
        settle: float = SETTLE_SECONDS,
        patience: float = PATIENCE_SECONDS,
        *,
        edges: bool = True,
        required: Collection[str] = (),
    ) -> SessionVerdict:
        """Wait until nothing has come for `settle` seconds, `patience` at most, read all of it, and
        tell. `edges`: also who called whom, for which windows are closed. `required`: contracts
        that this part of the run is about. MonitorError where something that came was not read.
        """
        with self._lock:
            self._settled(settle, patience)
            self._read()
            if edges:
                close_everything(self._parts, lambda _: None)
            start = self.since_ns if since_ns is None else since_ns
            refused = Counter(self._parts.reader.session_rejects(self._mark(start).begins))
            for kind, count in self.taken_since(start).items():
                if kind.startswith(_REFUSED):
                    refused[kind.removeprefix(_REFUSED)] += count
            return session_verdict(
                *(self._parts.reader, self._parts.engine, start, self._parts.clock()),
                dict(refused.most_common()),
                self.required if since_ns is None else required,
            )

    @property
    def taken(self) -> Mapping[str, int]:
        """Requests and records that came, and those that were refused, by kind."""
        refused = {f"{_REFUSED}{reason}": count for reason, count in self._intake.refused.items()}
        return {**self._intake.taken, **refused}

    def taken_since(self, since_ns: int | None) -> Mapping[str, int]:
        """What of it came since then; all of it without a moment."""
        before = self._mark(self.since_ns if since_ns is None else since_ns).taken
        came = {kind: count - before.get(kind, 0) for kind, count in self.taken.items()}
        return {kind: count for kind, count in came.items() if count}

    def _mark(self, since_ns: int) -> _Mark:
        """The last mark at that moment or before it; the first one of all before that."""
        marks = [self._first, *self._marks]
        place = bisect_right(marks, since_ns, key=lambda mark: mark.now_ns)
        return marks[max(0, place - 1)]

    def _ends(self) -> dict[str, int]:
        logs = (self._intake.spans, self._intake.api_logs)
        return {it.source_id: log.end(it) for log in logs for it in log.partitions}

    def _settled(self, settle: float, patience: float) -> None:
        until = monotonic_seconds() + patience
        begun = monotonic_seconds()
        while monotonic_seconds() < until:
            quiet = monotonic_seconds() - max(self._intake.last_at, begun)
            if quiet >= settle:
                return
            threading.Event().wait(max(0.02, settle - quiet))

    def _read(self) -> None:
        """Wait until what came stands in the store."""
        until = monotonic_seconds() + READ_SECONDS
        logs = (self._intake.spans, self._intake.api_logs)
        while not all(map(_is_read, logs)):
            if monotonic_seconds() > until:
                raise MonitorError(
                    f"what came was not read within {READ_SECONDS:g} s; `seamwatch --debug session` tells why"
                )
            threading.Event().wait(0.02)


def _is_read(log: ListLog) -> bool:
    return all(
        (log.committed(GROUP, partition) or 0) >= log.end(partition)
        for partition in log.partitions
    )


@contextmanager
def hosted(
    settings: Settings,
    contracts: Sequence[Mapping[str, Any]] = (),
    *,
    listen: tuple[str, int] = _LISTENS,
    page: bool = False,
    clickhouse: str = "",
) -> Iterator[Host]:
    """A run while the block lasts. `page`: the pages, too, at a free port of this machine.
    `clickhouse`: another telemetry store than one in a folder of its own.

    ConfigError for an address that is taken, ContractError for a contract that cannot be read.
    """
    with ExitStack() as doors:
        folder = doors.enter_context(tempfile.TemporaryDirectory(prefix="seamwatch-session-"))
        parts = doors.enter_context(house(_alone(settings, Path(folder), clickhouse)))
        intake = Intake(*listen)
        doors.callback(intake.stop)
        address = doors.enter_context(serving(parts, page=False)) if page else ""
        host = Host(parts, intake, address)
        host.required = [
            name
            for body in contracts
            if (name := host.publish({key: body[key] for key in body if key != "named"})[0])
            and body.get("named")
        ]
        _controlled(host, intake)
        threads = [
            Part(name, partial(keep_going, name, work, parts.stop, parts.board, parts.clock))
            for name, work in (
                ("traces", _reads(parts, "traces", intake.spans)),
                ("api-logs", _reads(parts, "api-logs", intake.api_logs)),
            )
        ]
        for thread in threads:
            thread.start()
        intake.start()
        try:
            yield host
        finally:
            parts.stop.set()
            ended_in_time(threads)


def _controlled(host: Host, intake: Intake) -> None:
    """What a test framework asks over HTTP."""

    def told(_: Mapping[str, Any]) -> Any:
        return {"now_ns": host.begin(), "environment": host.environment()}

    def verdict(given: Mapping[str, Any]) -> Any:
        since = int(given["since_ns"]) if "since_ns" in given else None
        settle = float(given.get("settle_seconds", SETTLE_SECONDS))
        edges = str(given.get("edges", 1)) != "0"
        required = [name for name in str(given.get("required", "")).split(",") if name]
        held = host.verdict(since, settle, edges=edges, required=required)
        return {**asdict(held), "taken": dict(host.taken_since(since))}

    intake.asks("/v1/session", "GET", told)
    intake.asks("/v1/session/verdict", "GET", verdict)

    def published(body: Mapping[str, Any]) -> Any:
        name, before = host.publish(body)
        return {"name": name, "before": before}

    def restored(body: Mapping[str, Any]) -> Any:
        if body.keys() != {"name", "revision"} or not isinstance(body["revision"], int):
            raise UsageError("what is restored is told by a name and a revision (0: none)")
        host.restore(str(body["name"]), body["revision"])
        return {"name": body["name"]}

    intake.asks("/v1/session/contracts", "POST", published)
    intake.asks("/v1/session/contracts/restored", "POST", restored)


def _reads(parts: House, name: str, log: ListLog) -> Callable[[], object]:
    def source() -> ListSource:
        return ListSource(log, GROUP, poll_seconds=0.2, until_caught_up=False)

    return lambda: run(
        parts.pipeline(name),
        source,
        name=name,
        stop=parts.stop,
        board=parts.board,
        clock=parts.clock,
    )


def _alone(settings: Settings, folder: Path, clickhouse: str) -> Settings:
    """The settings with stores of its own, no broker, no alerts, and no stop for unreadable
    records: they are counted.
    """
    nothing = SecretStr("")
    return settings.model_copy(
        update={
            "data_dir": folder,
            "clickhouse_dsn": SecretStr(clickhouse),
            "control_dsn": nothing,
            "kafka": settings.kafka.model_copy(update={"brokers": ""}),
            "topics": settings.topics.model_copy(
                update={"spans_encoding": "auto", "api_logs_format": "auto"}
            ),
            "notify": settings.notify.model_copy(update={"enabled": False, "receivers": {}}),
            "tracing": settings.tracing.model_copy(update={"enabled": False}),
            "api": settings.api.model_copy(update={"host": "127.0.0.1", "port": 0}),
            "contracts": settings.contracts.model_copy(
                update={"refresh_seconds": REFRESH_SECONDS, "broker_url": ""}
            ),
            "rejects": settings.rejects.model_copy(
                update={"limit_ratio": 1.0, "limit_records": 1_000_000}
            ),
        }
    )
