"""Both stores opened and brought up to date, and what keeps them from it."""

import errno
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from monitor.config import Settings
from monitor.control.store import open_control
from monitor.control.turn import Turn
from monitor.errors import StoreError
from monitor.store.places import open_spread
from monitor.store.shards import Shards

SCHEMA, SCHEMA_PAUSE_SECONDS, SCHEMA_LEASE_SECONDS = "schema", 0.2, 10.0
"""Who brings servers up to date; one that is killed at it is waited for so long."""
LEAST_ROOM_BYTES = 2_000_000
"""ClickHouse reserves 1 MiB for a write, and SQLite makes its log anew at each start."""
OTHER_CAUSES = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
)
"""What an operating system says of a folder that cannot be used, however much room there is."""


def holder_name() -> str:
    """A name under which one process, or one start of it, holds leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def open_stores(settings: Settings) -> tuple[Shards, Engine]:
    """The telemetry store, or the house and its shards, and the control store, brought up to date.

    Processes that start together over servers open them one after the other, under a lease of the
    control store: schema files that two run at once undo each other's work. An embedded store has
    a lock of its own, which is taken first: the control store beside it is its holder's.
    """
    with ExitStack() as doors:
        if not settings.shards() and settings.clickhouse().startswith("chdb:"):
            shards = open_spread(settings.clickhouse(), [])
            doors.callback(shards.house.close)
            engine = open_control(settings.control())
        else:
            engine = open_control(settings.control())
            doors.callback(engine.dispose)
            with Turn(engine, SCHEMA, holder_name(), SCHEMA_LEASE_SECONDS).kept() as turn:
                while not turn.keep():
                    time.sleep(SCHEMA_PAUSE_SECONDS)
                with turn.working():
                    shards = open_spread(settings.clickhouse(), settings.shards())
        doors.pop_all()
    return shards, engine


@contextmanager
def room_told(folder: Path) -> Iterator[None]:
    """A store that cannot be opened because the disk is full says so, whichever it is and whatever
    it complained of.
    """
    try:
        yield
    except (StoreError, OSError) as error:
        place = next(
            (parent for parent in (folder, *folder.absolute().parents) if parent.is_dir()),
            Path("/"),
        )
        free = shutil.disk_usage(place).free
        # some file systems, /proc for one, always tell that nothing is free
        elsewhere = isinstance(error, OSError) and error.errno in OTHER_CAUSES
        if free < LEAST_ROOM_BYTES and not elsewhere:
            raise StoreError(
                f"the disk of {folder} is full ({free} bytes are free): {error}; free some, then start again"
            ) from error
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"the data folder {folder} cannot be used ({error.strerror}); set SEAMWATCH_DATA_DIR"
        ) from error
