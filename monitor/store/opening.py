"""A DSN to an open store: embedded in this process or on a server, its tables brought
up to date.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlencode, urlsplit

import chdb
import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.errors import ConfigError, StoreError
from monitor.masking import is_unclear, shown_dsn
from monitor.store.client import READ_LIMITS, SILENT_SECONDS, WRITE_SETTINGS, Store, Use, fault
from monitor.store.inline import Inline
from monitor.store.lock import StoreLock
from monitor.store.migrate import migrate as bring_up_to_date
from monitor.store.migrate import remove_one_by_one

OPEN_SECONDS = 10
KEEP_PAGES = "dirty_decay_ms:60000,muzzy_decay_ms:60000"
"""How long the engine's allocator (jemalloc) keeps freed memory before the system gets it back.
Its 5 s are about the time between two batches, so that each insert faulted its pages in anew:
98,000 page faults per million spans instead of 57,000, with no less resident.
https://github.com/jemalloc/jemalloc/blob/dev/TUNING.md
"""


SELDOM: dict[str, int] = {
    "memory_worker_period_ms": 1000,
    "background_processing_pool_thread_sleep_seconds_if_nothing_to_do": 5,
    "background_streaming_processing_pool_thread_sleep_seconds_if_nothing_to_do": 60,
    "background_streaming_processing_pool_task_sleep_seconds_when_no_work_random_part": 60,
}
"""How often the embedded engine looks by itself what there is to do. How much memory it has: by
itself 20 times a second. Whether a table without news wants a merge: about twice a second for
each of some 30 tables; an insert wakes its table's merges in any case. Whether somebody reads a
table as a stream, which we never do: as often. Without these an open store that does nothing
costs .6 % of a core, with them .14 %.
https://clickhouse.com/docs/operations/server-configuration-parameters/settings#memory_worker_period_ms
"""


def open_store(dsn: str, *, migrate: bool = True) -> Store:
    """Open the store at `chdb:///PATH[?database=NAME]`, `clickhouse://…` or
    `http(s)://user:password@host:port/database`.

    Creates the database and brings its tables up to date. Raises ConfigError: a DSN of no known
    kind; StoreError: locked by another process, newer than this program, changed by hand;
    StoreUnavailable: a server that does not answer within 10 s.
    """
    parts = _parts(dsn)
    if parts.scheme == "chdb":
        store = _open_embedded(
            dsn, Path(parts.path), (parse_qs(parts.query).get("database") or ["seamwatch"])[0]
        )
    elif parts.scheme in {"clickhouse", "clickhouses", "http", "https"}:
        store = _open_server(dsn)
    else:
        raise ConfigError(
            f"the ClickHouse DSN {shown_dsn(dsn)} begins with none of chdb://, clickhouse://, http://, https://; set SEAMWATCH_CLICKHOUSE_DSN"
        )
    if migrate:
        try:
            bring_up_to_date(store)
            if store.lock is not None:
                remove_one_by_one(store)
        except BaseException:
            store.close()
            raise
    return store


def _parts(dsn: str) -> SplitResult:
    """The DSN's pieces; ConfigError when they cannot be told apart, without what may be a
    password.
    """
    try:
        parts = urlsplit(dsn)
    except ValueError:
        parts = None
    if parts is None or (parts.scheme != "chdb" and is_unclear(dsn)):
        raise ConfigError(
            f"the ClickHouse DSN {shown_dsn(dsn)} cannot be read; in a user or password write @ as %40, / as %2F, ? as %3F, # as %23; "
            "correct SEAMWATCH_CLICKHOUSE_DSN"
        )
    return parts


def _open_embedded(dsn: str, path: Path, database: str) -> Store:
    path = path.absolute()
    lock = StoreLock.take(path)
    path.mkdir(exist_ok=True)
    # read once, when the engine is loaded by its first client
    os.environ.setdefault("JE_MALLOC_CONF", KEEP_PAGES)

    def connect(use: Use) -> Client:
        try:
            client = clickhouse_connect.get_client(
                interface="chdb", path=str(path), query_limit=0, chdb_options=SELDOM
            )
            client.command("SET session_timezone = 'UTC'")
            client.command(
                "CREATE DATABASE IF NOT EXISTS " + _identifier(database) + " ENGINE = Atomic"
            )
            client.database = database
            client.command("USE " + _identifier(database))
            for setting, value in (
                WRITE_SETTINGS if use == "write" else {**READ_LIMITS, "readonly": "1"}
            ).items():
                client.command(f"SET {setting} = '{value}'")
        except ClickHouseError as error:
            raise fault(error, f"open {path}") from error
        return client

    def connect_inline() -> Any:
        connect_engine: Any = chdb.connect  # without types
        connection = connect_engine(f"{os.path.realpath(path)}?{urlencode(SELDOM)}")
        connection.query("SET session_timezone = 'UTC'")
        connection.query("USE " + _identifier(database))
        for setting, value in WRITE_SETTINGS.items():
            connection.query(f"SET {setting} = '{value}'")
        return connection

    return Store(dsn, connect, database, lock, Inline(connect_inline))


def _open_server(dsn: str) -> Store:
    parts = urlsplit(dsn)
    secure = parts.scheme in {"https", "clickhouses"}
    database = parts.path.strip("/") or "seamwatch"
    try:
        port = parts.port or (8443 if secure else 8123)
    except ValueError:
        raise ConfigError(
            f"the ClickHouse DSN {shown_dsn(dsn)} has no number as its port; correct SEAMWATCH_CLICKHOUSE_DSN"
        ) from None
    options: dict[str, Any] = {
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "secure": secure,
        "autogenerate_session_id": False,
    }

    def connect(use: Use) -> Client:
        limits = dict(WRITE_SETTINGS) if use == "write" else {**READ_LIMITS, "readonly": "2"}
        settings = {"session_timezone": "UTC", **limits}
        seconds = SILENT_SECONDS[use]
        timeouts: dict[str, Any] = {
            "connect_timeout": min(OPEN_SECONDS, seconds),
            "send_receive_timeout": seconds,
        }
        try:
            return clickhouse_connect.get_client(
                **options, **timeouts, database=database, settings=settings
            )
        except (ClickHouseError, OSError) as error:
            raise fault(error, f"connect to {shown_dsn(dsn)}") from error

    try:
        first = clickhouse_connect.get_client(
            **options, connect_timeout=OPEN_SECONDS, send_receive_timeout=OPEN_SECONDS
        )
        first.command("CREATE DATABASE IF NOT EXISTS " + _identifier(database))
        first.close()
    except (ClickHouseError, OSError) as error:
        raise fault(error, f"connect to {shown_dsn(dsn)}") from error
    return Store(dsn, connect, database, None)


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise StoreError(f"the database name {name!r} must be letters, digits and underscores")
    return f"`{name}`"
