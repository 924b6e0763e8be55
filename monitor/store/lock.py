"""Who holds an embedded store: a lock file beside it that names the holder's pid and its API
address.
"""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from monitor.errors import StoreError

LOCK_NAME = "seamwatch.lock"
ROOM_BYTES = 1024
"""The file keeps this length, so that a start on a full disk needs no new room for it."""
COMMAND_SECONDS = 5.0
"""So long a holder without an API is waited for: most likely a command that reads and ends, or one
that looks who holds it.
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """What the lock file says: a process, and where its API listens (empty when it has none)."""

    pid: int
    address: str = ""
    token: str = ""


class StoreLock:
    """An exclusive lock on the folder of an embedded store; the system drops it when the process
    dies.
    """

    _held: ClassVar[dict[Path, "StoreLock"]] = {}

    @classmethod
    def take(cls, store_path: Path) -> "StoreLock":
        """The lock of this process on the store, taken now or shared; StoreError names another
        holder.
        """
        lock = cls._held.get(store_path) or cls(store_path)  # raises before it is kept
        cls._held[store_path] = lock
        lock.users += 1
        return lock

    def __init__(self, store_path: Path) -> None:
        """Take the lock or raise StoreError naming the holder; one that announced no API is waited
        for a little.
        """
        self._store_path = store_path
        self.users = 0
        self.path = store_path.parent / LOCK_NAME
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"the folder {self.path.parent} of the store cannot be written ({error.strerror}); make it writable or set SEAMWATCH_DATA_DIR"
            ) from error
        deadline = time.monotonic() + COMMAND_SECONDS
        while not self._locked():
            holder = read_holder(self.path.parent)
            if (holder and holder.address) or time.monotonic() > deadline:
                os.close(self._handle)
                raise StoreError(_held_text(store_path, holder))
            time.sleep(0.1)
        try:
            self.announce("", "")
        except StoreError:
            os.close(self._handle)
            raise

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def announce(self, address: str, token: str) -> None:
        """Write our pid, and the address and local token under which commands beside us reach our
        API.
        """
        text = json.dumps({"pid": os.getpid(), "address": address, "token": token}).encode()
        try:
            os.pwrite(self._handle, text.ljust(ROOM_BYTES), 0)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written ({error.strerror}); free some room, then start again"
            ) from error

    def release(self) -> None:
        """Let go; the last user of this process frees the lock."""
        self.users -= 1
        if self.users <= 0 and self._handle >= 0:
            self._held.pop(self._store_path, None)
            os.close(self._handle)
            self._handle = -1


def read_holder(data_dir: Path) -> Holder | None:
    """Who holds the store in this folder now; None when nobody does."""
    path = data_dir / LOCK_NAME
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            pass
        else:
            return None
        holder = json.loads(os.read(handle, 65536) or b"{}")
    except ValueError:
        holder = {}
    finally:
        os.close(handle)
    return Holder(
        int(holder.get("pid", 0)), str(holder.get("address", "")), str(holder.get("token", ""))
    )


def _held_text(store_path: Path, holder: Holder | None) -> str:
    who = f"process {holder.pid}" if holder and holder.pid else "another process"
    where = f" (its API: {holder.address})" if holder and holder.address else ""
    return f"chDB at {store_path} is open in {who}{where}; stop it, talk to its API, or set SEAMWATCH_CLICKHOUSE_DSN"
