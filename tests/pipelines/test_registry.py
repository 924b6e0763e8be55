"""The registry as pipelines see it: fresh within its time, steady while the control
store is away.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

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


def test_texts_are_read_from_the_store_once_and_judged_when_first_asked_for(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    """A control store holds every revision ever: each publication had all their texts read."""
    engine, seconds, texts = sqlite_engine, Seconds(), []

    @event.listens_for(engine, "before_cursor_execute")
    def _noted(*args: Any) -> None:
        if "contract_revisions.document," in args[2]:
            texts.append(args[2])

    watch = RegistryWatch(engine, Aliases(), seconds=seconds)
    publish(engine, DRAFT, NOW, read=read_draft)
    publish(engine, replace(DRAFT, document=DRAFT.document + "\nx-a: 1"), NOW, read=read_draft)
    texts.clear()
    first = watch()
    assert len(texts) == 2
    later = replace(DRAFT, name="others", provider="other", document="openapi: 3.0.0\npaths: []")
    publish(engine, later, NOW, read=str)
    texts.clear()
    seconds.now = 9.0
    second = watch()
    assert len(texts) == 1
    assert first.met_broken == second.met_broken == {}
    (held,) = second.find("pay-svc", "production", "1", "web", AT_NS)
    assert held.promise is not None
    (unusable,) = second.find("other", "production", "1", "web", AT_NS)
    assert second.met_broken == {}
    assert unusable.promise is None
    assert list(second.met_broken) == [("others", 1)]
    with capture_logs() as logs:
        for seconds.now in (18.0, 27.0):
            watch()
    assert [(line["event"], line["contract"]) for line in logs] == [
        ("contract cannot be used", "others")
    ]


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
