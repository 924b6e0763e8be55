"""The registry as pipelines see it: fresh within its time, steady while the control
store is away.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitor.contracts.read import read_draft
from monitor.control.contracts import publish
from monitor.edges.aliases import Aliases
from monitor.errors import StoreUnavailable
from monitor.joining.registry import RegistryWatch
from monitor.model.contracts import ContractDraft

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DRAFT = ContractDraft(
    "payments", "openapi", "pay-svc", "openapi: 3.0.0\npaths: {}", environment="prod"
)
AT_NS = int(NOW.timestamp()) * 10**9


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_publication_is_in_use_within_ten_seconds_under_canonical_names(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, seconds = sqlite_engine, Seconds()
    watch = RegistryWatch(engine, Aliases(services={"pay-svc": "payment"}), seconds=seconds)
    first = watch()
    publish(engine, DRAFT, NOW, read=read_draft)
    assert watch() is first
    seconds.now = 9.0
    second = watch()
    assert [held.name for held in second.find("payment", "production", "1", "web", AT_NS)] == [
        "payments"
    ]
    seconds.now = 18.0
    assert watch() is second
    engine.dispose()


def test_while_the_control_store_is_away_the_last_snapshot_stays(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    engine, seconds = sqlite_engine, Seconds()
    watch = RegistryWatch(engine, Aliases(), seconds=seconds)
    first = watch()
    engine.dispose()
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.joinpath("control.db").mkdir()  # a file no more: opening it fails
    seconds.now = 20.0
    assert watch() is first
    with pytest.raises(StoreUnavailable):
        RegistryWatch(engine, Aliases())()
