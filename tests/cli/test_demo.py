"""Beginning anew removes what is ours, and only when nobody uses it."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from monitor.cli.assembly import house
from monitor.cli.demo import _keeping, clear
from monitor.config import load
from monitor.demo.promises import publish
from monitor.errors import SourceUnavailable, StoreError
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


def test_a_demo_that_ends_before_its_shop_opens_tells_no_fault() -> None:
    with pytest.raises(SourceUnavailable, match="does not answer"):
        publish("http://127.0.0.1:9")
    stop, failed = threading.Event(), list[BaseException]()
    work = _keeping(failed, stop, lambda: publish("http://127.0.0.1:9"))  # type: ignore[arg-type,return-value]
    work()
    assert stop.is_set()
    assert [type(error) for error in failed] == [SourceUnavailable]
    failed.clear()
    work()
    assert failed == []


def test_a_folder_that_cannot_be_made_is_not_called_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    (tmp_path / "file").write_text("")
    settings = load(flags={"data_dir": str(tmp_path / "file" / "data")})
    with pytest.raises(StoreError, match="cannot be used"), house(settings):
        pass


def test_a_demo_that_was_told_to_end_is_gone_whatever_still_waits() -> None:
    code = (
        "import threading, time\n"
        "from monitor.cli.demo import gone_within\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"  # no daemon
        "gone_within(0.2)\n"
        "time.sleep(600)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "not all has ended within 0.2 s; the rest is left behind\n"
