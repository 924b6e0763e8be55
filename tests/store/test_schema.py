"""A new store is what an old one becomes, file by file.

After a new schema file: `python -m tests.store.test_schema` writes monitor/store/schema_now.sql.
"""

import json
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import chdb
import pytest

from monitor.errors import StoreError
from monitor.store import Store, migrate, open_store

HEAD = """-- All tables and views as the files in schema/ leave them; a new store takes them from here.
-- Written by: python -m tests.store.test_schema
"""
TEXTS = """SELECT name, formatQuery(replaceAll(create_table_query, concat(' ', database, '.'), ' ')) AS text
FROM system.tables WHERE database = 'by_file' AND name != 'schema_migrations'
ORDER BY text LIKE 'CREATE MATERIALIZED%', name"""


def by_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store brought up to date by one numbered file after the other. `path`: of the engine, which
    takes one in a process.
    """
    monkeypatch.setattr(migrate, "_is_new", lambda _store, _done: False)
    opened = open_store(f"chdb://{path}?database=by_file")
    monkeypatch.undo()
    return opened


def texts(path: Path) -> dict[str, str]:
    """The CREATE statement of each table and view, without the setting of embedded stores."""
    connect: object = chdb.connect
    connection = connect(str(path))  # type: ignore[operator]  # without types
    answer = json.loads(str(connection.query(TEXTS, "JSONCompact")))
    connection.close()
    return {
        name: text.replace(f", {migrate._ONE_BY_ONE}", "")
        .replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        .replace("CREATE MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW IF NOT EXISTS", 1)
        for name, text in answer["data"]
    }


def written(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    store = by_files(path, monkeypatch)
    try:
        made = texts(path)
    finally:
        store.close()
    return HEAD + ";\n\n".join(made.values()) + ";\n"


def test_what_new_stores_take_is_what_the_files_come_to(
    chdb_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = files("monitor.store").joinpath(migrate.WHOLE).read_text(encoding="utf-8")
    assert written(chdb_path, monkeypatch) == whole


def test_a_new_store_knows_all_files_and_has_all_tables(
    chdb_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = by_files(chdb_path, monkeypatch)
    new = open_store(f"chdb://{chdb_path}?database=new")
    try:
        assert new.ask("migrations_done")[1:] == old.ask("migrations_done")
        assert new.ask("table_engines") == old.ask("table_engines")
    finally:
        new.close()
        old.close()


def test_a_first_start_that_broke_off_is_gone_on_with(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = own_store.ask("table_engines")
    steps = 0
    run = Store.command

    def breaks_off(self: Store, text: str) -> None:
        nonlocal steps
        steps += 1
        if steps > 12:
            raise KeyboardInterrupt
        run(self, text)

    dsn = f"{own_store.dsn.partition('?')[0]}?database=broken_off"
    monkeypatch.setattr(Store, "command", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        open_store(dsn)
    monkeypatch.undo()
    again = open_store(dsn)
    try:
        assert again.ask("table_engines") == whole
        assert again.ask("migrations_done") == own_store.ask("migrations_done")
    finally:
        again.close()


def test_one_of_another_release_that_broke_off_is_told(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = f"{own_store.dsn.partition('?')[0]}?database=of_another"
    monkeypatch.setattr(migrate, "_whole", lambda: "SELECT nothing_of_that_name;\n")
    with pytest.raises(StoreError):
        open_store(dsn)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="drop that database"):
        open_store(dsn)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        target = Path(migrate.__file__).with_name(migrate.WHOLE)
        target.write_text(written(Path(place) / "telemetry", patch), encoding="utf-8")
        sys.stdout.write(f"{target.name} written\n")
