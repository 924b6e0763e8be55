"""Numbered schema files, applied once, checked by checksum; a newer store is politely refused."""

import hashlib
from importlib.resources import files

import pyarrow as pa

from monitor.errors import StoreError
from monitor.store.client import Store

_LOG = """CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32, name String, checksum String, applied DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(applied) ORDER BY number"""


def migrate(store: Store) -> None:
    """Bring the tables up to date. Each statement is idempotent, so a crash half-way is healed by
    the next start.
    """
    store.command(_LOG)
    done = {row["number"]: row["checksum"] for row in store.ask("migrations_done")}
    migrations = _migrations()
    newest = max(number for number, _, _ in migrations)
    if done and max(done) > newest:
        raise StoreError(
            f"the telemetry store {store.database} is at schema {max(done)}, this program knows {newest}: upgrade Seamwatch, or point SEAMWATCH_CLICKHOUSE_DSN elsewhere"
        )
    for number, name, text in migrations:
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if number in done:
            if done[number] != checksum:
                raise StoreError(
                    f"schema file {name} differs from the one applied to {store.database}: restore it; changes go into a new file"
                )
            continue
        for step in statements(text):
            store.command(step)
        store.insert(
            "schema_migrations",
            pa.table(
                {"number": pa.array([number], pa.uint32()), "name": [name], "checksum": [checksum]}
            ),
        )


def remove_one_by_one(store: Store) -> None:
    """Let an embedded engine delete merged parts in one thread.

    Over 100 of one table it takes 128 threads for it, and keeps them: 20 became 149, with three
    file descriptors each.
    https://clickhouse.com/docs/reference/settings/merge-tree-settings/concurrent-part-removal-threshold
    """
    for row in store.ask("table_engines"):
        if "concurrent_part_removal_threshold" in row["engine_full"]:
            continue
        store.command(
            f"ALTER TABLE `{row['name']}` MODIFY SETTING concurrent_part_removal_threshold = 1000000"
        )


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
