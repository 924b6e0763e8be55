"""Numbered schema files, applied once, checked by checksum; a newer store is politely refused.

A new store takes what they all come to at once, from schema_now.sql: a third of the statements.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files

import pyarrow as pa

from monitor.errors import StoreError
from monitor.store.client import Store

_LOG = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32, name String, checksum String, applied DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(applied) ORDER BY number SETTINGS index_granularity = 8192"""
_ONE_BY_ONE = "concurrent_part_removal_threshold = 1000000"
WHOLE, BEGUN = "schema_now.sql", 0
"""What all schema files come to, and the number under which a store that took it is noted."""


def migrate(store: Store) -> None:
    """Bring the tables up to date. Each statement is idempotent, so a crash half-way is healed by
    the next start.
    """
    store.command(_own(store, _LOG))
    done = {row["number"]: row["checksum"] for row in store.ask("migrations_done")}
    migrations = _migrations()
    newest = max(number for number, _, _ in migrations)
    if done and max(done) > newest:
        raise StoreError(
            f"the telemetry store {store.database} is at schema {max(done)}, this program knows {newest}: upgrade Seamwatch, or point SEAMWATCH_CLICKHOUSE_DSN elsewhere"
        )
    if done.keys() <= {BEGUN} and _is_new(store, done):
        _make(store)
        _note(store, migrations)
        return
    for number, name, text in migrations:
        if number in done:
            if done[number] != _checksum(text):
                raise StoreError(
                    f"schema file {name} differs from the one applied to {store.database}: restore it; changes go into a new file"
                )
            continue
        for step in statements(text):
            store.command(step)
        _note(store, [(number, name, text)])


def _is_new(store: Store, done: Mapping[int, str]) -> bool:
    """Whether nothing is in this database, or no more than a start of ours that broke off made.

    Raises StoreError: it was one of another release.
    """
    if not done:
        tables = {row["name"] for row in store.ask("table_engines")}
        return tables == {"schema_migrations"}
    if done[BEGUN] != _checksum(_whole()):
        raise StoreError(
            f"the tables of {store.database} were begun by another release, which broke off before anything was stored: drop that database, then start again"
        )
    return True


def _make(store: Store) -> None:
    """All tables and views as they are after the last schema file."""
    text = _whole()
    _note(store, [(BEGUN, WHOLE, text)])
    for step in statements(text):
        store.command(_own(store, step))


def _note(store: Store, taken: Sequence[tuple[int, str, str]]) -> None:
    columns = {
        "number": pa.array([number for number, _, _ in taken], pa.uint32()),
        "name": [name for _, name, _ in taken],
        "checksum": [_checksum(text) for _, _, text in taken],
    }
    store.insert("schema_migrations", pa.table(columns))


def _own(store: Store, step: str) -> str:
    """A CREATE for this store: see `remove_one_by_one`."""
    has_settings = "ENGINE = " in step and "SETTINGS " in step
    return step if store.lock is None or not has_settings else f"{step}, {_ONE_BY_ONE}"


def remove_one_by_one(store: Store) -> None:
    """Let an embedded engine delete merged parts in one thread, also of tables made before.

    Over 100 of one table it takes 128 threads for it, and keeps them: 20 became 149, with three
    file descriptors each.
    https://clickhouse.com/docs/reference/settings/merge-tree-settings/concurrent-part-removal-threshold
    """
    for row in store.ask("table_engines"):
        if "concurrent_part_removal_threshold" in row["engine_full"]:
            continue
        store.command(f"ALTER TABLE `{row['name']}` MODIFY SETTING {_ONE_BY_ONE}")


def statements(text: str) -> list[str]:
    """The statements of a schema file, without its comments."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" ;\n")]


def _migrations() -> list[tuple[int, str, str]]:
    folder = files("monitor.store").joinpath("schema")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [
        (int(name.split("_", 1)[0]), name, folder.joinpath(name).read_text(encoding="utf-8"))
        for name in names
    ]


def _whole() -> str:
    return files("monitor.store").joinpath(WHOLE).read_text(encoding="utf-8")


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
