"""`seamwatch run windows` over shards: all closers in one process, or each in its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.control.store import open_control
from monitor.control.turn import Turn
from monitor.store.shards import Shards
from tests.fixtures.rig import call
from tests.pipelines.test_shards import SpreadRig

PATIENCE_SECONDS = 120.0


@pytest.fixture
def started(
    spread: Callable[[int], Shards], tmp_path: Path
) -> Iterator[tuple[Shards, Callable[..., subprocess.Popen[bytes]]]]:
    """Two shards, and a way to start processes over them."""
    shards = spread(2)
    settings = {
        "SEAMWATCH_DATA_DIR": str(tmp_path),
        "SEAMWATCH_CLICKHOUSE_DSN": shards.house.dsn,
        "SEAMWATCH_CLICKHOUSE_SHARDS": " ".join(store.dsn for store in shards.stores),
    }
    processes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("seamwatch")), "run", "windows", *words]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **settings}, stdout=log, stderr=log
            )
        processes.append(process)
        return process

    yield shards, start
    for process in processes:
        process.kill()
        process.wait(60)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_closer_may_run_in_a_process_of_its_own_and_gives_its_lease_back(
    started: tuple[Shards, Callable[..., subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    shards, start = started
    rig = SpreadRig(shards)
    rig.deliver(*(half for n in range(1, 11) for half in call(n)))
    rig.deliver(*call(99, start=400, end=401))  # event time passes the bound of the others
    processes = [start("--shard", str(number)) for number in range(3)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rig.calls() != {("web", "cart"): 10} and time.monotonic() < deadline:
        assert all(process.poll() is None for process in processes), (tmp_path / "log").read_text()
        time.sleep(0.2)
    assert rig.calls() == {("web", "cart"): 10}
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    engine = open_control(f"sqlite:///{tmp_path}/control.db")
    names = ("windows", "windows-1", "windows-2")
    assert [Turn(engine, name, "nobody").taken_by() for name in names] == ["", "", ""]
    engine.dispose()


def test_the_settings_are_shown_without_what_is_secret(tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("seamwatch")),
        "config",
        "show",
        "--format",
        "json",
    ]
    dsns = "clickhouse://u:hunter2@a/x clickhouse://u:hunter2@b/x"
    shown = subprocess.run(
        command,
        env={
            **os.environ,
            "SEAMWATCH_CLICKHOUSE_SHARDS": dsns,
            "SEAMWATCH_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        check=True,
    )
    assert b"hunter2" not in shown.stdout + shown.stderr
    assert json.loads(shown.stdout)
