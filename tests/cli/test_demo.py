"""Beginning anew removes what is ours, and only when nobody uses it."""

from pathlib import Path

import pytest

from monitor.cli.demo import clear
from monitor.errors import StoreError
from monitor.store.lock import StoreLock


def test_only_our_own_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    (tmp_path / "telemetry" / "part").write_text("x")
    (tmp_path / "control.db").write_text("x")
    (tmp_path / "letters").write_text("mine")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
    clear(tmp_path / "nowhere")


def test_data_in_use_is_left_alone(tmp_path: Path) -> None:
    lock = StoreLock.take(tmp_path / "telemetry")
    try:
        with pytest.raises(StoreError, match="in use by process"):
            clear(tmp_path)
    finally:
        lock.release()
