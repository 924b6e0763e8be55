"""An embedded engine whose threads stay as many as they were when it deletes merged parts."""

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from monitor.store import Store

MERGED_PARTS = 120  # over 100, the engine would take 128 threads for them
PARTS = "store/*/*/all_*_0"


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_every_table_deletes_its_merged_parts_in_one_thread(own_store: Store) -> None:
    engines = {row["name"]: row["engine_full"] for row in own_store.ask("table_engines")}
    assert len(engines) > 10
    assert {
        name
        for name, text in engines.items()
        if "concurrent_part_removal_threshold = 1000000" not in text
    } == set()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_deleting_many_merged_parts_takes_no_hundred_threads(own_store: Store) -> None:
    own_store.command(
        "ALTER TABLE schema_migrations MODIFY SETTING old_parts_lifetime = 1, cleanup_delay_period = 1, "
        "cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 2"
    )
    own_store.command("SYSTEM STOP MERGES schema_migrations")
    folder = Path(own_store.dsn.removeprefix("chdb://").partition("?")[0])
    of_others = set(folder.glob(PARTS))
    for number in range(MERGED_PARTS):
        row = {"number": pa.array([1000 + number], pa.uint32()), "name": ["x"], "checksum": ["x"]}
        own_store.insert("schema_migrations", pa.table(row))
    own_store.command("SYSTEM START MERGES schema_migrations")
    before = most = _threads()
    own_store.command("OPTIMIZE TABLE schema_migrations FINAL")
    deadline = time.monotonic() + 800  # the engine takes its time on a busy machine
    while len(set(folder.glob(PARTS)) - of_others) > MERGED_PARTS // 2:
        most = max(most, _threads())
        assert time.monotonic() < deadline
        threading.Event().wait(0.2)
    assert max(most, _threads()) - before < 60
