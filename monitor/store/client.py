"""Connections to ClickHouse, embedded or by DSN: inserts that are durable on return, reads that
can only read.
"""

import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from monitor import telemetry
from monitor.clock import growing_pause
from monitor.errors import StoreError, StoreUnavailable
from monitor.model.edges import WINDOW_SECONDS
from monitor.store.blocks import FORMAT, parts_of
from monitor.store.inline import MOST_BYTES, Inline
from monitor.store.lock import StoreLock
from monitor.store.message_log import MESSAGES, MOST_STORED, MessageLog, Traces, traces_of
from monitor.store.recent import COUNTED, KEPT, Recent
from monitor.store.sharing import Shared
from monitor.store.texts import statement
from monitor.store.window_log import ARRIVALS, PUBLISHED, WindowLog

# Our statements run for milliseconds: compiling their expressions (at the fourth run of each)
# costs more than it ever saves, a quarter of the CPU of a page and a tenth of that of small
# closings.
PLAIN: Mapping[str, str] = {
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}
# Read limits, set before `readonly`, which comes last: later settings are refused.
READ_LIMITS: Mapping[str, str] = {
    "max_execution_time": "60",
    "max_memory_usage": "4000000000",
    "max_result_rows": "2000000",
    **PLAIN,
}
# Duplicates collapse by key when read (FINAL) and when merged; doing it at each insert too costs
# 40 % of the insert's CPU. An insert is durable when it returns: no queue in the server, which
# lost rows in several releases (ClickHouse #111031). Planning a closing takes twice as long (0.32
# against 0.17 CPU s, 0.48 against 0.26 with proxies) while the planner looks for what comparisons
# follow from others: ours are few and written out. Columns that closing reads are packed by
# nobody: it took a fifth of reading. A batch of a quiet topic may span weeks, and some tables have
# a partition an hour: a hundred of them, the engine's limit, is a batch that nobody can write.
WRITE_SETTINGS: Mapping[str, str] = {
    "optimize_on_insert": "0",
    "async_insert": "0",
    "max_partitions_per_insert_block": "0",
    "optimize_and_compare_chain": "0",
    "optimize_extract_common_expressions": "0",
    "output_format_arrow_compression_method": "none",
    **PLAIN,
}
# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp: timeouts, memory,
# parts, network, disk full, overload
FULL_CODES = frozenset({243})
TRANSIENT_CODES = frozenset({159, 202, 209, 210, 241, 242, 252, 279, 319, 425, 439, 999})
# a proxy's or a full server's answer carries no ClickHouse code
BUSY_STATUSES = (429, 502, 503, 504)
INSERT_PATIENCE_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# How long a server may be silent; a reader waits a little longer than max_execution_time.
SILENT_SECONDS: Mapping["Use", int] = {"read": 70, "write": 300, "ping": 2}
CLIENTS = 4
# Questions that are asked every few seconds, and the one table that their answers are of.
OF_ONE_TABLE: Mapping[str, str] = {
    "last_sealed": "windows",
    "newest_seq": "windows",
    "rolled_hours": "edge_hours",  # who publishes an hour makes the store forget
    "panels/windows_state": "windows",
    "panels/watermarks": "watermarks",
    "watermark_states": "watermarks",
    "services_at": "addresses",
}
# Questions whose answers are of published generations only: until the next publication they are the
# same.
OF_PUBLISHED = frozenset(
    {
        "edges",
        "panels/coverage",
        "panels/edge_exemplars",
        "panels/edge_latency",
        "panels/edge_operations",
        "panels/edge_rates",
        "panels/edges_overview",
        "panels/services",
        "panels/size_by_edge",
        "panels/version_share",
    }
)
MOST_KNOWN = 200
MOST_ROWS_KNOWN = 30_000  # some 2 kB each
KNOWN_SECONDS = 60.0  # rows may be dropped by their age, too
CROWD_SECONDS = 20.0  # a question waits so long for one of the clients while all are busy

Parameters = Mapping[str, object]
Use = Literal["read", "write", "ping"]


class Elsewhere(Protocol):
    """Other stores that hold a part of what this one is asked for and told."""

    def write(self, table: str, rows: pa.Table) -> bool:
        """Write what belongs there; whether nothing of it belongs here."""

    def read(
        self, name: str, ask: Callable[["Store"], list[dict[str, Any]]]
    ) -> list[dict[str, Any]] | None:
        """The answer to a question about what stands there; None where it is answered here."""


class Store:
    """One telemetry store. Safe between threads: each call borrows a client of its own from a
    small pool.
    """

    def __init__(
        self,
        dsn: str,
        connect: Callable[[Use], Client],
        database: str,
        lock: StoreLock | None,
        inline: Inline | None = None,
    ) -> None:
        self.dsn = dsn
        self.database = database
        self.lock = lock
        self._inline = inline
        self.trouble = ""  # why the last write failed; empty once one succeeded
        self.elsewhere: Elsewhere | None = None
        # of columns, where other stores answer too; None: here alone
        self.together: Callable[[str, Callable[[Store], pa.Table]], pa.Table | None] | None = None
        self.news = threading.Event()  # set when a batch's rows and books are there: to be closed
        # where nobody else writes: what was written lately
        self.recent = Recent(self._stored_windows) if lock is not None else None
        self.window_log = (
            WindowLog(self._window_states, self._newest_window) if lock is not None else None
        )
        self.message_log = MessageLog(self._stored_messages) if lock is not None else None
        self._writers = _Pool(lambda: connect("write"), SILENT_SECONDS["write"])
        self._readers = _Pool(lambda: connect("read"), CROWD_SECONDS)
        self._pingers = _Pool(lambda: connect("ping"), SILENT_SECONDS["ping"])
        self._written: dict[str, int] = {}
        self._empty: dict[str, int] = {}
        self._filled: set[str] = set()
        self._known: dict[Hashable, tuple[int, float, list[dict[str, Any]]]] = {}
        self._published: dict[Hashable, tuple[float, list[dict[str, Any]]]] = {}
        self._published_as_of = 0
        self._shared: Shared[list[dict[str, Any]]] = Shared(
            CROWD_SECONDS, partial(_crowded, CROWD_SECONDS)
        )

    def insert(self, table: str, rows: pa.Table) -> None:
        """Write rows; durable on return. The same rows may be written again: every table has a
        natural key.

        Transient faults are retried for 30 s, then StoreUnavailable is raised; StoreError when the
        rows are refused.
        """
        if rows.num_rows == 0:
            return
        if self.elsewhere is not None and self.elsewhere.write(table, rows):
            return
        self.insert_here(table, rows)

    def insert_here(self, table: str, rows: pa.Table) -> None:
        """As `insert`, into this store alone."""
        if rows.num_rows == 0:
            return
        recent = self.recent if table in KEPT or table == COUNTED else None
        if recent is not None:
            recent.prepare()
        message_log = self.message_log if table == MESSAGES else None
        if message_log is not None:
            message_log.prepare()
        window_log = self.window_log if table in {ARRIVALS, PUBLISHED} else None
        if window_log is not None:
            window_log.begin()
        started, since = time.monotonic(), time.time()
        surely = False
        try:
            self._patiently(
                partial(_insert, table, rows, parts_of(rows), self._inline),
                f"insert into {table}",
            )
            surely = True
        finally:
            self._written[table] = self._written.get(table, 0) + 1
            if recent is not None:
                recent.written(table, rows, surely=surely)
            if message_log is not None:
                message_log.written(rows, surely=surely)
            if window_log is not None:
                window_log.written(table, rows, surely=surely, since=since)
        telemetry.INSERT_SECONDS.labels(table).observe(time.monotonic() - started)

    def execute(
        self,
        name: str,
        parameters: Parameters | None = None,
        *,
        given: AbstractSet[str] = frozenset(),
        repeatable: bool = True,
    ) -> None:
        """Run one of our writing statements (statements/<name>.sql), retried like an insert when
        running it twice does no harm.

        `given`: the words of the choices that the statement makes. Not `repeatable`: it runs at
        most once, since a lost answer does not tell whether it did; StoreUnavailable then.
        """
        text = statement(name, frozenset(given))
        self._patiently(
            lambda client: client.command(text, parameters=dict(parameters or {})),
            name,
            once=not repeatable,
        )

    def query(self, name: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """Run one of our questions, `name` or `panels/name`, read-only and within limits; rows as
        dicts.

        Those who ask the same at the same time share one answer, which is never older than their
        question.
        """
        if self.elsewhere is not None:
            gathered = self.elsewhere.read(name, lambda store: store.query_here(name, parameters))
            if gathered is not None:
                return gathered
        return self.query_here(name, parameters)

    def query_here(self, name: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """As `query`, of this store alone."""
        if name in OF_PUBLISHED:
            rows = self._until_published(name, parameters)
        else:
            rows = self._answer(name, parameters)
        return [dict(row) for row in rows]

    def glance(self, name: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """As `query`, for probes: however busy readers are, by connections of its own, and a
        server has 2 s to answer.
        """
        rows = self._remembered(
            name, parameters, lambda: _rows(self._pingers, name, statement(name), parameters)
        )
        return [dict(row) for row in rows]

    def ask(
        self,
        name: str,
        parameters: Parameters | None = None,
        *,
        given: AbstractSet[str] = frozenset(),
    ) -> list[dict[str, Any]]:
        """As `query`, on a writing client without the read limits: for closing, whose statements
        are all ours.
        """
        if self.elsewhere is not None:
            gathered = self.elsewhere.read(
                name, lambda store: store.ask_here(name, parameters, given=given)
            )
            if gathered is not None:
                return gathered
        return self.ask_here(name, parameters, given=given)

    def ask_here(
        self,
        name: str,
        parameters: Parameters | None = None,
        *,
        given: AbstractSet[str] = frozenset(),
    ) -> list[dict[str, Any]]:
        """As `ask`, of this store alone."""
        rows = self._remembered(
            name,
            parameters,
            lambda: _rows(self._writers, name, statement(name, frozenset(given)), parameters),
        )
        return [dict(row) for row in rows] if name in OF_ONE_TABLE else rows

    def ask_columns(
        self,
        name: str,
        parameters: Parameters | None = None,
        *,
        given: AbstractSet[str] = frozenset(),
    ) -> pa.Table:
        """As `ask`, all rows as columns: texts of few words as dictionaries, times in seconds,
        fixed strings as bytes.
        """
        if self.together is not None:
            gathered = self.together(
                name, lambda store: store.columns_here(name, parameters, given=given)
            )
            if gathered is not None:
                return gathered
        return self.columns_here(name, parameters, given=given)

    def columns_here(
        self,
        name: str,
        parameters: Parameters | None = None,
        *,
        given: AbstractSet[str] = frozenset(),
    ) -> pa.Table:
        """As `ask_columns`, of this store alone."""
        text = statement(name, frozenset(given))
        with self._writers.borrow() as client:
            try:
                return client.query_arrow(text, parameters=dict(parameters or {}))
            except ClickHouseError as error:
                raise fault(error, name) from error

    def holds_nothing(self, table: str) -> bool:
        """Whether a table is empty, where that is known without asking each time: nobody but us
        writes. One that held anything is not asked again, though its rows may be gone by their age.
        """
        if self.lock is None:
            return False
        version = self._written.get(table, 0)
        if table not in self._filled and self._empty.get(table, -1) != version:
            (row,) = _rows(self._writers, "rows_of", statement("rows_of"), {"table": table})
            if row["rows"]:
                self._filled.add(table)
            else:
                self._empty[table] = version
        return table not in self._filled

    def ping(self) -> None:
        """Raise StoreError or StoreUnavailable when the store does not answer within 2 s, however
        busy its readers and writers are. An engine in this process that answered anything in the
        last 2 s is not asked again.
        """
        pools = (self._writers, self._readers, self._pingers)
        answered = max(pool.answered for pool in pools)
        if self.lock is not None and time.monotonic() - answered < SILENT_SECONDS["ping"]:
            return
        with self._pingers.borrow() as client:
            try:
                client.query("SELECT 1")
            except (ClickHouseError, OSError) as error:
                raise fault(error, "ping") from error

    def command(self, text: str) -> None:
        """Run a statement of the schema; for migrations only."""
        self.forget()
        with self._writers.borrow() as client:
            try:
                client.command(text)
            except ClickHouseError as error:
                raise fault(error, text.split("(", 1)[0].strip()) from error

    def forget(self) -> None:
        """Let go what was learned of tables that only this store writes: something else did."""
        self.forget_answers()
        self._empty.clear()
        self._filled.clear()
        if self.recent is not None:
            self.recent.forget()
        if self.window_log is not None:
            self.window_log.forget()
        if self.message_log is not None:
            self.message_log.forget()

    def forget_answers(self) -> None:
        """Let go the answers to questions that are asked every few seconds."""
        self._known.clear()
        self._published = {}

    def close(self) -> None:
        """Close every client and let the lock go."""
        self._writers.close()
        self._readers.close()
        self._pingers.close()
        if self._inline:
            self._inline.close()
        if self.lock:
            self.lock.release()

    def _window_states(self, windows: list[int]) -> list[dict[str, Any]]:
        return self.ask("window_states", {"only": windows}, given={"only"})

    def _newest_window(self) -> int:
        (row,) = self.ask("newest_window")
        return int(row["window"])

    def _stored_windows(self) -> list[tuple[int, int]]:
        rows = self.ask("stored_windows", {"tables": sorted(KEPT)})
        return [(int(row["first"]), int(row["last"])) for row in rows]

    def _stored_messages(self) -> Traces | None:
        (row,) = self.ask("rows_of", {"table": MESSAGES})
        if row["rows"] > MOST_STORED:
            return None
        return traces_of(self.ask_columns("message_traces"))

    def _answer(self, name: str, parameters: Parameters | None) -> list[dict[str, Any]]:
        """Rows of a look that is shared with all who ask the same, or of the last one."""
        return self._remembered(name, parameters, lambda: self._look_up(name, parameters))

    def _look_up(self, name: str, parameters: Parameters | None) -> list[dict[str, Any]]:
        return self._shared.answer(
            _question(name, parameters),
            lambda: _rows(self._readers, name, statement(name), parameters),
        )

    def _remembered(
        self,
        name: str,
        parameters: Parameters | None,
        look_up: Callable[[], list[dict[str, Any]]],
    ) -> list[dict[str, Any]]:
        """The answer to a question of one table from the last look, where nobody but us writes and
        we have not since.
        """
        table = OF_ONE_TABLE.get(name)
        if table is None or self.lock is None:
            return look_up()
        question = _question(name, parameters)
        version, now = self._written.get(table, 0), time.monotonic()
        remembered = self._known.get(question)
        if (
            remembered is not None
            and remembered[0] == version
            and now - remembered[1] < KNOWN_SECONDS
        ):
            return remembered[2]
        rows = look_up()
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        self._known[question] = (version, now, rows)
        return rows

    def _until_published(self, name: str, parameters: Parameters | None) -> list[dict[str, Any]]:
        """The answer to a question of what is published from the last look, where nothing was
        published since, by whomever. Looked up is after the sequence was taken, so what is kept
        may be newer than its sequence, and never older.
        """
        (state,) = self._answer("newest_seq", None)
        if state["seq"] != self._published_as_of:
            self._published, self._published_as_of = {}, state["seq"]
        kept, now = self._published, time.monotonic()
        question = _question(name, _as_windows(parameters or {}, state["end"]))
        remembered = kept.get(question)
        if remembered is not None and now - remembered[0] < KNOWN_SECONDS:
            return remembered[1]
        rows = self._look_up(name, parameters)
        if len(rows) + sum(len(others) for _, others in list(kept.values())) > MOST_ROWS_KNOWN:
            kept.clear()
        if len(rows) <= MOST_ROWS_KNOWN:
            kept[question] = (now, rows)
        return rows

    def _patiently(
        self, step: Callable[[Client], object], what: str, *, once: bool = False
    ) -> None:
        deadline = time.monotonic() + INSERT_PATIENCE_SECONDS
        for tries in itertools.count():
            try:
                with self._writers.borrow() as client:
                    step(client)
            except (ClickHouseError, OSError, UnicodeDecodeError) as error:
                trouble = fault(error, what)
                self.trouble = str(trouble)
                if (
                    once
                    or not isinstance(trouble, StoreUnavailable)
                    or time.monotonic() > deadline
                ):
                    raise trouble from error
                telemetry.RETRIES.labels("clickhouse").inc()
                time.sleep(growing_pause(FIRST_PAUSE, tries, LONGEST_PAUSE))
            else:
                self.trouble = ""
                return


class _Pool:
    """A few clients, made when first needed; one that failed on the network is thrown away.
    StoreUnavailable when all stay busy.
    """

    def __init__(self, make: Callable[[], Client], patience_seconds: float) -> None:
        self._make, self._patience = make, patience_seconds
        self.answered = -math.inf  # when a client last did what was asked, by the monotonic clock
        self._idle: queue.LifoQueue[Client | None] = queue.LifoQueue()
        for _ in range(CLIENTS):
            self._idle.put(None)

    @contextmanager
    def borrow(self) -> Iterator[Client]:
        try:
            client = self._idle.get(timeout=self._patience)
        except queue.Empty:
            raise _crowded(self._patience) from None
        try:
            if client is None:
                client = self._make()
            yield client
            self.answered = time.monotonic()
        except (OperationalError, OSError):
            if client is not None:
                client.close()
            client = None
            raise
        finally:
            self._idle.put(client)

    def close(self) -> None:
        while True:
            try:
                client = self._idle.get_nowait()
            except queue.Empty:
                return
            if client is not None:
                client.close()


def _question(name: str, parameters: Parameters | None) -> Hashable:
    return name, repr(sorted((parameters or {}).items()))


def _as_windows(parameters: Parameters, published_end: int) -> Parameters:
    """The same question, with its range of time in whole windows and no further than anything is
    published.
    """
    since, until = parameters.get("since"), parameters.get("until")
    if not isinstance(since, datetime) or not isinstance(until, datetime):
        return parameters
    first, end = (
        math.ceil(at.timestamp() / WINDOW_SECONDS) * WINDOW_SECONDS for at in (since, until)
    )
    return {**parameters, "since": first, "until": min(end, published_end)}


def _insert(
    table: str,
    rows: pa.Table,
    parts: Sequence[bytes | memoryview] | None,
    inline: Inline | None,
    client: Client,
) -> None:
    names = rows.column_names
    if parts is None:
        client.insert_arrow(table, rows)
    elif inline is None:
        client.raw_insert(table, names, b"".join(parts), fmt=FORMAT)
    elif sum(map(len, parts)) > MOST_BYTES or not inline.insert(table, names, b"".join(parts)):
        client.raw_insert(table, names, (bytes(part) for part in parts), fmt=FORMAT)


def _rows(
    pool: _Pool, name: str, text: str, parameters: Parameters | None
) -> list[dict[str, Any]]:
    with pool.borrow() as client:
        try:
            return list(client.query(text, parameters=dict(parameters or {})).named_results())
        except ClickHouseError as error:
            raise fault(error, name) from error


def _crowded(seconds: float) -> StoreUnavailable:
    text = f"all {CLIENTS} connections to ClickHouse have been busy for {seconds:.0f} s; is the server silent or overloaded?"
    return StoreUnavailable(text)


def fault(error: BaseException, what: str) -> StoreError:
    """Our error for theirs: transient when the same call may work later."""
    if isinstance(error, StoreError):
        return error
    code = getattr(error, "code", None)
    text = f"ClickHouse refused {what}: {str(error)[:500]}"
    network = isinstance(error, (OperationalError, OSError)) or any(
        f"HTTP status {status}" in str(error) for status in BUSY_STATUSES
    )
    if code in FULL_CODES:
        return StoreUnavailable(
            f"ClickHouse's disk is full ({what}): {str(error)[:300]}; free some; a process that runs goes on by itself, others start again"
        )
    if code in TRANSIENT_CODES:
        return StoreUnavailable(
            f"ClickHouse cannot do {what} now: {str(error)[:300]}; it is tried again"
        )
    if network and code is None:
        return StoreUnavailable(
            f"ClickHouse does not answer ({what}): {str(error)[:300]}; check SEAMWATCH_CLICKHOUSE_DSN and the server"
        )
    return StoreError(text)
