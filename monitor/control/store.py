"""The control store: opened by DSN, brought up to date under a lock, refused when it is newer than
this program.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
)

from monitor.control.tables import migration_log
from monitor.errors import ConfigError, StoreError, StoreUnavailable
from monitor.masking import is_unclear, shown_dsn

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_MILLISECONDS = 15_000
CONNECT_SECONDS = 10
# any number that is ours: PostgreSQL's advisory lock while migrating
MIGRATION_LOCK = 0x5EA3_0A7C_0001
_migrating = threading.Lock()  # alembic keeps its context in module globals


def open_control(dsn: str) -> Engine:
    """Open `sqlite:///PATH` or `postgresql://user:password@host:port/database` and bring its
    tables up to date.

    Safe to call from several processes at once: one migrates, the others wait. Safe between
    threads. Raises ConfigError (a DSN of neither kind), StoreError (a newer store, a migration
    changed by hand), StoreUnavailable (no answer in 10 s).
    """
    engine = _engine(dsn)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: all of it or nothing. SQLite takes its write lock at the start,
    so none is lost to a deadlock.
    """
    with _said(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads; over SQLite it neither waits for a writer nor
    holds one up.
    """
    with _said(engine), engine.connect().execution_options(seamwatch_reads=True) as connection:
        yield connection


def count_of(engine: Engine, query: Select[Any]) -> int:
    """How many rows this query has."""
    with reading(engine) as connection:
        return int(
            connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        )


def insert_into(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT of this connection's dialect, with its `on_conflict_do_update` and
    `on_conflict_do_nothing`.
    """
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    # a tenth of a start goes by importing it, and most stores are files
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert(table)


def _engine(dsn: str) -> Engine:
    try:
        url = make_url(dsn)
    except (ArgumentError, ValueError):
        url = None
    if url is None or (url.drivername != "sqlite" and is_unclear(dsn)):
        text = f"the control DSN {shown_dsn(dsn)} cannot be read; in a user or password write @ as %40, / as %2F, ? as %3F, # as %23"
        raise ConfigError(f"{text}; set SEAMWATCH_CONTROL_DSN to {_KINDS}") from None
    if url.drivername == "sqlite":
        return _sqlite(url, dsn)
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgresql(url.set(drivername="postgresql+psycopg"))
    raise ConfigError(
        f"the control DSN begins with {url.drivername}://; set SEAMWATCH_CONTROL_DSN to {_KINDS}"
    )


_KINDS = "sqlite:///PATH or postgresql://user:password@host:port/database"


def _postgresql(url: URL) -> Engine:
    from monitor.control.prompt import (  # noqa: PLC0415  # who has SQLite need not load psycopg
        Prompt,
    )

    engine = create_engine(
        url,
        connect_args={"connect_timeout": CONNECT_SECONDS},
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=10,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, words: Any, options: Any) -> Prompt:
        return Prompt.connect(*words, **options)

    return engine


def _sqlite(url: URL, dsn: str) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            f"the control DSN {shown_dsn(dsn)} names no file; set SEAMWATCH_CONTROL_DSN to {_KINDS}"
        )
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {folder} of the control store cannot be made ({error.strerror}); set SEAMWATCH_CONTROL_DSN elsewhere"
        ) from error
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # we begin ourselves: https://docs.sqlalchemy.org/dialects/sqlite.html#transactions
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("seamwatch_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def _said(engine: Engine) -> Iterator[None]:
    """Our errors for the database's; the password in the DSN is never shown."""
    where = f"the control store {engine.url.render_as_string(hide_password=True)}"
    try:
        yield
    except (OperationalError, InterfaceError, DisconnectionError) as error:
        cause = str(getattr(error, "orig", error)).strip().splitlines()[0:1] or [
            type(error).__name__
        ]
        raise StoreUnavailable(
            f"{where} does not answer: {cause[0][:300]}; check the disk, the server and SEAMWATCH_CONTROL_DSN"
        ) from error
    except DBAPIError as error:
        raise StoreError(
            f"{where} refused a statement: {str(error.orig).strip()[:300]}"
        ) from error


def _migrate(engine: Engine) -> None:
    with (
        _migrating,
        as_file(files("monitor.control") / "migrations") as folder,
        writing(engine) as connection,
    ):
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        checksums = known_migrations(folder)
        here = _current(connection)
        _refuse_foreign(engine, connection, here, checksums)
        if here == list(checksums)[-1]:
            return
        # most commands find nothing to migrate, and what migrates takes long to import
        import_module("monitor.control.upgrading").upgrade(connection, folder)
        done = set(connection.execute(select(migration_log.c.revision)).scalars())
        for revision, checksum in checksums.items():
            if revision not in done:
                connection.execute(
                    insert(migration_log).values(
                        revision=revision, checksum=checksum, applied=datetime.now(UTC)
                    )
                )


def known_migrations(folder: Path) -> dict[str, str]:
    """Our migrations from first to last, each with the sha256 of its file, which is named
    `REVISION_words.py`.
    """
    return {
        path.name.partition("_")[0]: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "versions").glob("[0-9]*_*.py"))
    }


def _current(connection: Connection) -> str | None:
    """The revision that this store is at; None where there is none yet.
    https://alembic.sqlalchemy.org/en/latest/tutorial.html: one row of `alembic_version`
    """
    if not sqlalchemy_inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _refuse_foreign(
    engine: Engine, connection: Connection, here: str | None, checksums: dict[str, str]
) -> None:
    if here is None:
        return
    where = f"the control store {engine.url.render_as_string(hide_password=True)}"
    if here not in checksums:
        newest = list(checksums)[-1]
        raise StoreError(
            f"{where} is at schema {here}, this program knows up to {newest}: upgrade Seamwatch, or point SEAMWATCH_CONTROL_DSN elsewhere"
        )
    for revision, checksum in connection.execute(
        select(migration_log.c.revision, migration_log.c.checksum)
    ):
        if checksums.get(revision) != checksum:
            raise StoreError(
                f"migration {revision} differs from the one applied to {where}: install the released program again, or point SEAMWATCH_CONTROL_DSN elsewhere"
            )
