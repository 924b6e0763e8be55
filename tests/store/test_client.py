"""The store keeps what it is given, once, and reads cannot write."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from monitor.errors import ConfigError, StoreError, StoreUnavailable
from monitor.store import Store, open_store, opening
from monitor.store.client import SILENT_SECONDS
from monitor.store.lock import StoreLock, read_holder
from monitor.store.migrate import _migrations


def addresses(count: int) -> pa.Table:
    words = [f"10.0.0.{n}:80" for n in range(count)]
    return pa.table(
        {
            "environment": pa.array(["production"] * count).dictionary_encode(),
            "address": words,
            "namespace": [""] * count,
            "service": ["cart"] * count,
            "version_hint": [""] * count,
            "seen": pa.array([4_000_000_000] * count, pa.uint32()),
        }
    )


def test_rows_written_again_are_one_row(store: Store) -> None:
    store.insert("addresses", addresses(3))
    store.insert("addresses", addresses(3))
    assert len(store.query("addresses", {"environment": "production"})) == 3


def test_an_unknown_table_is_refused_with_its_name(store: Store) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        store.insert("nowhere", addresses(1))


def test_opening_again_migrates_nothing_and_keeps_the_rows(store: Store) -> None:
    store.insert("addresses", addresses(2))
    again = open_store(store.dsn)
    assert len(again.query("addresses", {"environment": "production"})) == 2
    again.close()


def test_a_newer_store_is_politely_refused(own_store: Store) -> None:
    row = {"number": pa.array([999], pa.uint32()), "name": ["999_future.sql"], "checksum": ["x"]}
    own_store.insert("schema_migrations", pa.table(row))
    with pytest.raises(StoreError, match="upgrade Seamwatch"):
        open_store(own_store.dsn)


def test_a_changed_schema_file_is_noticed(own_store: Store) -> None:
    row = {
        "number": pa.array([1], pa.uint32()),
        "name": ["001_telemetry.sql"],
        "checksum": ["x"],
        "applied": pa.array([4_000_000_000], pa.uint32()),
    }
    own_store.insert("schema_migrations", pa.table(row))
    with pytest.raises(StoreError, match="001_telemetry"):
        open_store(own_store.dsn)


def test_a_statement_is_found_by_name_only(store: Store) -> None:
    with pytest.raises(KeyError):
        store.query("../schema/001_telemetry")


def test_an_engine_that_just_answered_is_not_asked_whether_it_does(own_store: Store) -> None:
    pools = (own_store._writers, own_store._readers)
    own_store.query("newest_seq")
    own_store.ping()
    assert own_store._pingers.answered < 0
    for pool in pools:
        pool.answered = time.monotonic() - SILENT_SECONDS["ping"]
    answered = own_store._writers.answered
    with pytest.raises(StoreError):
        own_store.insert("nowhere", pa.table({"n": pa.array([1], pa.uint8())}))
    assert own_store._writers.answered == answered
    own_store.ping()
    assert own_store._pingers.answered > 0


def test_the_holder_of_an_embedded_store_is_told(store: Store) -> None:
    assert store.lock is not None
    holder = read_holder(store.lock.path.parent)
    assert holder is not None
    assert holder.pid > 0


TAKES = """
import sys
from pathlib import Path
from monitor.store.lock import StoreLock
print("taking", flush=True)
StoreLock.take(Path(sys.argv[1]))
"""


def test_a_command_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "data" / "telemetry"
    reader = StoreLock.take(path)
    with subprocess.Popen(
        [sys.executable, "-c", TAKES, str(path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"taking\n"
        threading.Timer(0.5, reader.release).start()
        assert other.wait(30) == 0


def test_a_server_that_says_nothing_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OPEN_SECONDS", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            open_store(f"clickhouse://me:secret@127.0.0.1:{silent.getsockname()[1]}/db")
        assert time.monotonic() - begun < 15


def test_a_dsn_with_a_wrong_port_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match="no number as its port") as refused:
        open_store("clickhouse://me:secret@127.0.0.1:eight/db")
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        open_store(f"chdb://{tmp_path}/file/data/telemetry")


def test_schema_files_are_numbered_one_by_one() -> None:
    """Two files of one number would each refuse the store that the other changed."""
    assert [number for number, _, _ in _migrations()] == list(range(1, len(_migrations()) + 1))
